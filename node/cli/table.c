#include "node/cli/table.h"
#include "node/cli/say.h"
#include "node/cli/text.h"
#include "wire/ensure.h"
#include <stdlib.h>
#include <string.h>

enum { GAP = 2, NARROWEST = 6 };

void cli_table_open(struct cli_table *table, const struct cli_column *column, size_t columns)
{
    ENSURE(columns <= CLI_COLUMNS_MAX);
    *table = (struct cli_table){.column = column, .columns = columns};
}

void cli_table_add(struct cli_table *table, const char *const *cells)
{
    if (table->rows == table->capacity) {
        table->capacity = table->capacity == 0 ? 16 : 2 * table->capacity;
        table->cell = realloc(table->cell, table->capacity * table->columns * sizeof *table->cell);
        ENSURE(table->cell != NULL);
    }
    for (size_t i = 0; i < table->columns; i++) {
        struct wire_text clean = {.grow = realloc};
        if (cells[i] != NULL)
            cli_text_clean(&clean, cells[i], false);
        table->cell[table->rows * table->columns + i] = clean.data;
    }
    table->rows++;
}

static const char *cell(const struct cli_table *table, size_t row, size_t column)
{
    const char *text = table->cell[row * table->columns + column];
    return text == NULL ? "" : text;
}

static const char *heading(const struct cli_table *table, size_t column, enum wire_language language)
{
    return language == WIRE_CHINESE ? table->column[column].zh : table->column[column].en;
}

/* 0: a column that nothing stands in. */
static size_t widest(const struct cli_table *table, size_t column, enum wire_language language)
{
    size_t most = 0;
    for (size_t row = 0; row < table->rows; row++) {
        size_t width = cli_width(cell(table, row, column));
        most = width > most ? width : most;
    }
    size_t head = cli_width(heading(table, column, language));
    return most == 0 ? 0 : (head > most ? head : most);
}

/* Takes from the widest flexible column until the line fits or nothing can be taken. */
static void fit_widths(const struct cli_table *table, size_t *width, size_t limit)
{
    for (;;) {
        size_t total = 0, victim = table->columns;
        for (size_t i = 0; i < table->columns; i++) {
            total += width[i] == 0 ? 0 : width[i] + (total > 0 ? GAP : 0);
            if (table->column[i].flexible && width[i] > NARROWEST &&
                (victim == table->columns || width[i] > width[victim]))
                victim = i;
        }
        if (limit == 0 || total <= limit || victim == table->columns)
            return;
        width[victim]--;
    }
}

static void write_cell(struct wire_text *out, const char *text, size_t width, bool right, bool last)
{
    size_t taken = cli_width(text);
    if (taken <= width) {
        if (right)
            cli_text_pad(out, width - taken);
        wire_text_string(out, text);
        if (!right && !last)
            cli_text_pad(out, width - taken);
        return;
    }
    size_t bytes = cli_fit(text, width - 1, &taken);
    wire_text_add(out, text, bytes);
    wire_text_string(out, "…");
    if (!last)
        cli_text_pad(out, width - 1 - taken);
}

static void write_line(struct wire_text *out, const struct cli_table *table, const char *const *texts,
                       const size_t *width, size_t indent)
{
    size_t last = 0;
    for (size_t i = 0; i < table->columns; i++)
        if (width[i] > 0 && texts[i][0] != '\0')
            last = i;
    bool begun = false;
    cli_text_pad(out, indent);
    for (size_t i = 0; i <= last; i++) {
        if (width[i] == 0)
            continue;
        if (begun)
            cli_text_pad(out, GAP);
        write_cell(out, texts[i], width[i], table->column[i].right, i == last);
        begun = true;
    }
    wire_text_add(out, "\n", 1);
}

void cli_table_write(struct wire_text *out, const struct cli_table *table, enum wire_language language, size_t limit,
                     size_t indent)
{
    size_t width[CLI_COLUMNS_MAX] = {0};
    const char *texts[CLI_COLUMNS_MAX];
    for (size_t i = 0; i < table->columns; i++)
        width[i] = widest(table, i, language);
    fit_widths(table, width, limit > indent ? limit - indent : 0);
    for (size_t i = 0; i < table->columns; i++)
        texts[i] = heading(table, i, language);
    write_line(out, table, texts, width, indent);
    for (size_t row = 0; row < table->rows; row++) {
        for (size_t i = 0; i < table->columns; i++)
            texts[i] = cell(table, row, i);
        write_line(out, table, texts, width, indent);
    }
}

void cli_table_print(const struct cli *cli, const struct cli_table *table)
{
    struct wire_text text = {.grow = realloc};
    cli_table_write(&text, table, cli->language, cli->columns, 0);
    char *end = text.data == NULL ? NULL : strchr(text.data, '\n');
    if (end != NULL) {
        fprintf(cli->out, "%s%.*s%s", cli_paint(cli, CLI_BOLD), (int)(end - text.data), text.data,
                cli_paint(cli, CLI_PLAIN));
        fputs(end, cli->out);
    }
    free(text.data);
}

void cli_table_close(struct cli_table *table)
{
    for (size_t i = 0; i < table->rows * table->columns; i++)
        free(table->cell[i]);
    free(table->cell);
    table->cell = NULL;
    table->rows = table->capacity = 0;
}
