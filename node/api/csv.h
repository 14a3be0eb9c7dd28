/* CSV as RFC 4180 has it and offices write it: quoted line breaks, doubled quotes, CRLF, LF or CR, comma, semicolon or
 * tab (whichever the heading line uses), blanks around cells (also full-width) taken off, blank rows left out. Rows are
 * counted as a spreadsheet counts them, the heading being row 1: blank ones count. */
#pragma once
#include "node/api/charset.h"
#include <stdint.h>

enum { API_CSV_ROWS_MAX = 100000, API_CSV_COLUMNS_MAX = 256 };

struct api_csv_row {
    uint32_t number;
    uint32_t count; /* cells; fewer than headings: the rest are empty */
    size_t first;   /* index of its first cell */
};

struct api_csv {
    char *text;   /* what cells point into */
    char **cells; /* NUL-terminated, trimmed */
    size_t cell_count;
    struct api_csv_row *rows; /* rows[0]: the headings */
    size_t row_count;
};

/* Takes the text (in place; api_csv_close frees it, also after a failure). SYNTAX: a quote that never ends, text behind
 * a closing quote, no heading; OVER_BUDGET: more than the limits. */
enum wire_status api_csv_read(struct api_charset_text *text, struct api_csv *out, struct wire_problem *problem);
void api_csv_close(struct api_csv *csv);
/* "" beyond the last cell of the row. */
const char *api_csv_cell(const struct api_csv *csv, const struct api_csv_row *row, size_t column);
