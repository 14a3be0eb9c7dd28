#include "node/api/csv.h"
#include "wire/ensure.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct api_csv *csv;
    char *at;
    char *end;
    char separator;
    uint32_t row; /* of the spreadsheet */
    size_t cell_capacity, row_capacity;
    struct wire_problem *problem;
};

static enum wire_status fail(struct reader *r, enum wire_status status, const char *zh, const char *en)
{
    char where[32];
    snprintf(where, sizeof where, "row %u", r->row);
    return wire_failf(r->problem, status, where, "第 %1$u 行：%2$s%3$.0s", "row %1$u: %2$.0s%3$s", r->row, zh, en);
}

/* --- cells --- */

static size_t blank_size(const char *at, const char *end)
{
    if (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
        return 1;
    if (end - at >= 3 && memcmp(at, "\xE3\x80\x80", 3) == 0)
        return 3;
    if (end - at >= 2 && memcmp(at, "\xC2\xA0", 2) == 0)
        return 2;
    return 0;
}

static size_t blank_before(const char *start, const char *end)
{
    for (size_t size = 1; size <= 3 && (size_t)(end - start) >= size; size++)
        if (blank_size(end - size, end) == size)
            return size;
    return 0;
}

static char *trim(char *start, char *end)
{
    size_t size;
    while ((size = blank_size(start, end)) > 0)
        start += size;
    while ((size = blank_before(start, end)) > 0)
        end -= size;
    *end = '\0';
    return start;
}

static void add_cell(struct reader *r, char *start, char *end)
{
    struct api_csv *csv = r->csv;
    if (csv->cell_count == r->cell_capacity) {
        r->cell_capacity = 2 * r->cell_capacity + 256;
        csv->cells = realloc(csv->cells, r->cell_capacity * sizeof *csv->cells);
        ENSURE(csv->cells != NULL);
    }
    csv->cells[csv->cell_count++] = trim(start, end);
}

static bool is_break(const struct reader *r)
{
    return r->at == r->end || *r->at == '\n' || *r->at == '\r' || *r->at == r->separator;
}

/* At an opening quote. Unescapes in place; *end is where the cell ends. */
static enum wire_status read_quoted(struct reader *r, char **start, char **end)
{
    char *to = ++r->at;
    *start = to;
    for (;;) {
        if (r->at == r->end)
            return fail(r, WIRE_SYNTAX, "引号没有成对，请检查这一行起的引号",
                        "a quote never ends; look at the quotes from here on");
        if (*r->at == '"' && (r->at + 1 == r->end || r->at[1] != '"'))
            break;
        r->at += *r->at == '"';
        *to++ = *r->at++;
    }
    r->at++;
    while (!is_break(r) && blank_size(r->at, r->end) == 1)
        r->at++;
    *end = to;
    return is_break(r)
               ? WIRE_OK
               : fail(r, WIRE_SYNTAX, "引号之后还有文字：含引号的单元格应整个加引号，里面的引号写两次",
                      "text follows a closing quote: a cell with quotes is quoted as a whole, inner quotes twice");
}

/* --- rows --- */

/* One cell and its end; *last: the row ends with it. */
static enum wire_status next_cell(struct reader *r, bool *last)
{
    char *start = r->at, *end = r->at;
    enum wire_status status = WIRE_OK;
    if (r->at < r->end && *r->at == '"')
        status = read_quoted(r, &start, &end);
    else
        while (!is_break(r))
            end = ++r->at;
    if (status != WIRE_OK)
        return status;
    char stop = r->at < r->end ? *r->at : '\0';
    bool crlf = stop == '\r' && r->at + 1 < r->end && r->at[1] == '\n';
    r->at += stop == '\0' ? 0 : crlf ? 2 : 1;
    *last = stop != r->separator;
    add_cell(r, start, end); /* writes its NUL over the separator or before it */
    return WIRE_OK;
}

static bool is_blank(const struct api_csv *csv, size_t first)
{
    for (size_t i = first; i < csv->cell_count; i++)
        if (csv->cells[i][0] != '\0')
            return false;
    return true;
}

static enum wire_status add_row(struct reader *r, size_t first)
{
    struct api_csv *csv = r->csv;
    if (is_blank(csv, first)) {
        csv->cell_count = first;
        return WIRE_OK;
    }
    if (csv->row_count > API_CSV_ROWS_MAX)
        return fail(r, WIRE_OVER_BUDGET, "行数超过十万，请分成几个文件",
                    "there are more than 100000 rows; split the file");
    if (csv->cell_count - first > API_CSV_COLUMNS_MAX)
        return fail(r, WIRE_OVER_BUDGET, "列数超过 256", "there are more than 256 columns");
    if (csv->row_count == r->row_capacity) {
        r->row_capacity = 2 * r->row_capacity + 64;
        csv->rows = realloc(csv->rows, r->row_capacity * sizeof *csv->rows);
        ENSURE(csv->rows != NULL);
    }
    csv->rows[csv->row_count++] =
        (struct api_csv_row){.number = r->row, .count = (uint32_t)(csv->cell_count - first), .first = first};
    return WIRE_OK;
}

static enum wire_status read_row(struct reader *r)
{
    size_t first = r->csv->cell_count;
    bool last = false;
    r->row++;
    while (!last) {
        enum wire_status status = next_cell(r, &last);
        if (status != WIRE_OK)
            return status;
    }
    return add_row(r, first);
}

/* What separates the headings, quotes aside. */
static char find_separator(const char *text)
{
    size_t commas = 0, tabs = 0, semicolons = 0;
    bool quoted = false;
    for (; *text != '\0' && (quoted || (*text != '\n' && *text != '\r')); text++) {
        quoted ^= *text == '"';
        commas += !quoted && *text == ',';
        tabs += !quoted && *text == '\t';
        semicolons += !quoted && *text == ';';
    }
    return tabs > commas && tabs >= semicolons ? '\t' : semicolons > commas ? ';' : ',';
}

enum wire_status api_csv_read(struct api_charset_text *text, struct api_csv *out, struct wire_problem *problem)
{
    *out = (struct api_csv){.text = text->text};
    struct reader r = {.csv = out, .at = text->text, .end = text->text + text->size, .problem = problem};
    *text = (struct api_charset_text){0};
    enum wire_status status = WIRE_OK;
    r.separator = find_separator(r.at);
    while (status == WIRE_OK && r.at < r.end)
        status = read_row(&r);
    if (status == WIRE_OK && out->row_count == 0)
        status = wire_fail(problem, WIRE_SYNTAX, "csv", "文件是空的：第一行应为列名",
                           "the file is empty; its first row names the columns");
    return status;
}

void api_csv_close(struct api_csv *csv)
{
    free(csv->text);
    free(csv->cells);
    free(csv->rows);
    *csv = (struct api_csv){0};
}

const char *api_csv_cell(const struct api_csv *csv, const struct api_csv_row *row, size_t column)
{
    return column < row->count ? csv->cells[row->first + column] : "";
}
