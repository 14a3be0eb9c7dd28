/* What `import --report` needs of a CSV file: its rows as they stand, so that refused ones come out as they went in,
 * in UTF-8 with a byte order mark (spreadsheets of offices ask for it), with the reason beside them. Rows are counted
 * as a spreadsheet counts them, the heading being row 1. */
#pragma once
#include "wire/bytes.h"
#include "wire/json.h"
#include "wire/status.h"

struct cli_csv {
    char *text; /* UTF-8 */
    char separator;
    struct wire_bytes *row; /* without line ends; rows[0]: the heading */
    size_t rows, capacity;
};

/* UTF-8 with or without a mark, UTF-16 with one, else GB18030. SYNTAX when it is none of them. */
enum wire_status cli_csv_read(struct wire_bytes file, const char *name, struct cli_csv *out,
                              struct wire_problem *problem);
void cli_csv_close(struct cli_csv *csv);
/* The row with two more cells; where the heading ends in those two already, they are replaced. */
void cli_csv_row(struct wire_text *out, const struct cli_csv *csv, size_t row, const char *field, const char *reason);
