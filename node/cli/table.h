/* Tables for people: columns as wide as their widest cell, fitted to the terminal when there is one. */
#pragma once
#include "node/cli/cli.h"
#include "wire/json.h"

enum { CLI_COLUMNS_MAX = 16 };

struct cli_column {
    const char *zh, *en; /* heading */
    bool right;          /* numbers */
    bool flexible;       /* may be cut when the terminal is too narrow */
};

struct cli_table {
    const struct cli_column *column;
    size_t columns;
    char **cell; /* rows × columns */
    size_t rows, capacity;
};

void cli_table_open(struct cli_table *table, const struct cli_column *column, size_t columns);
/* Copies and cleans the texts; NULL is empty. */
void cli_table_add(struct cli_table *table, const char *const *cells);
/* limit: columns of the terminal, 0: none. Columns whose cells are all empty are left out. Every line begins with
 * `indent` spaces. */
void cli_table_write(struct wire_text *out, const struct cli_table *table, enum wire_language language, size_t limit,
                     size_t indent);
void cli_table_print(const struct cli *cli, const struct cli_table *table);
void cli_table_close(struct cli_table *table);
