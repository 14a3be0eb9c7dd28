#include "node/cli/csv.h"
#include "wire/ensure.h"
#include <iconv.h>
#include <stdlib.h>

static const char *const headings[] = {"退回项", "Refused field"};

/* --- bytes to UTF-8 --- */

static bool convert(struct wire_bytes from, const char *charset, char **out)
{
    iconv_t converter = iconv_open("UTF-8", charset);
    if (converter == (iconv_t)-1)
        return false;
    size_t room = from.size * 3 + 1, left = from.size;
    char *to = malloc(room), *at = to, *in = (char *)(uintptr_t)from.data;
    ENSURE(to != NULL);
    room--;
    bool good = iconv(converter, &in, &left, &at, &room) != (size_t)-1 && left == 0;
    iconv_close(converter);
    *at = '\0';
    if (!good) {
        free(to);
        to = NULL;
    }
    *out = to;
    return good;
}

static struct wire_bytes without_mark(struct wire_bytes file, size_t mark)
{
    return wire_bytes(file.data + mark, file.size - mark);
}

static bool decode(struct wire_bytes file, char **out)
{
    if (file.size >= 3 && memcmp(file.data, "\xef\xbb\xbf", 3) == 0)
        file = without_mark(file, 3);
    else if (file.size >= 2 && memcmp(file.data, "\xff\xfe", 2) == 0)
        return convert(without_mark(file, 2), "UTF-16LE", out);
    else if (file.size >= 2 && memcmp(file.data, "\xfe\xff", 2) == 0)
        return convert(without_mark(file, 2), "UTF-16BE", out);
    if (memchr(file.data, 0, file.size) != NULL)
        return false;
    return convert(file, "UTF-8", out) || convert(file, "GB18030", out);
}

/* --- rows --- */

static char find_separator(const char *text)
{
    size_t count[3] = {0};
    static const char separators[] = ",;\t";
    bool quoted = false;
    for (; *text != '\0' && (quoted || (*text != '\n' && *text != '\r')); text++) {
        quoted ^= *text == '"';
        for (size_t i = 0; !quoted && i < 3; i++)
            count[i] += *text == separators[i];
    }
    size_t best = count[1] > count[0] ? 1 : 0;
    return separators[count[2] > count[best] ? 2 : best];
}

/* Moves over one row; calls `cell` at the beginning of each of its cells. A quote counts only where a cell begins. */
static const char *skip_row(const char *at, char separator, void (*cell)(void *context, const char *at), void *context)
{
    bool begins = true, quoted = false;
    for (; *at != '\0' && (quoted || (*at != '\n' && *at != '\r')); at++) {
        if (begins && cell != NULL)
            cell(context, at);
        if (quoted && at[0] == '"' && at[1] == '"')
            at++;
        else if (quoted && *at == '"')
            quoted = false;
        else if (begins && *at == '"')
            quoted = true;
        begins = !quoted && *at == separator;
    }
    if (begins && cell != NULL)
        cell(context, at);
    return at;
}

static void add_row(struct cli_csv *csv, const char *from, const char *to)
{
    if (csv->rows == csv->capacity) {
        csv->capacity = csv->capacity == 0 ? 256 : 2 * csv->capacity;
        csv->row = realloc(csv->row, csv->capacity * sizeof *csv->row);
        ENSURE(csv->row != NULL);
    }
    csv->row[csv->rows++] = wire_bytes(from, (size_t)(to - from));
}

enum wire_status cli_csv_read(struct wire_bytes file, const char *name, struct cli_csv *out,
                              struct wire_problem *problem)
{
    *out = (struct cli_csv){.text = NULL};
    if (!decode(file, &out->text))
        return wire_fail(problem, WIRE_SYNTAX, name, "不是 UTF-8、UTF-16 或 GB18030 文本",
                         "is no text in UTF-8, UTF-16 or GB18030");
    out->separator = find_separator(out->text);
    for (const char *at = out->text; *at != '\0';) {
        const char *end = skip_row(at, out->separator, NULL, NULL);
        add_row(out, at, end);
        at = end + (end[0] == '\r' && end[1] == '\n') + (*end != '\0');
    }
    return WIRE_OK;
}

void cli_csv_close(struct cli_csv *csv)
{
    free(csv->text);
    free(csv->row);
    *csv = (struct cli_csv){.text = NULL};
}

/* --- out --- */

struct cells {
    const char *last, *before_last; /* where the last two begin */
};

static void note_cell(void *context, const char *at)
{
    struct cells *cells = context;
    cells->before_last = cells->last;
    cells->last = at;
}

static bool is_reported(const struct cli_csv *csv)
{
    struct cells cells = {NULL, NULL};
    if (csv->rows == 0)
        return false;
    skip_row((const char *)csv->row[0].data, csv->separator, note_cell, &cells);
    for (size_t i = 0; cells.before_last != NULL && i < 2; i++)
        if (strncmp(cells.before_last + (*cells.before_last == '"'), headings[i], strlen(headings[i])) == 0)
            return true;
    return false;
}

static void write_cell(struct wire_text *out, const char *text)
{
    wire_text_string(out, "\"");
    for (; *text != '\0'; text++)
        wire_text_add(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    wire_text_string(out, "\"");
}

void cli_csv_row(struct wire_text *out, const struct cli_csv *csv, size_t row, const char *field, const char *reason)
{
    struct wire_bytes bytes = csv->row[row];
    struct cells cells = {NULL, NULL};
    if (is_reported(csv)) {
        skip_row((const char *)bytes.data, csv->separator, note_cell, &cells);
        if (cells.before_last != NULL && cells.before_last > (const char *)bytes.data)
            bytes.size = (size_t)(cells.before_last - 1 - (const char *)bytes.data);
    }
    wire_text_add(out, (const char *)bytes.data, bytes.size);
    wire_text_add(out, &csv->separator, 1);
    write_cell(out, field);
    wire_text_add(out, &csv->separator, 1);
    write_cell(out, reason);
    wire_text_string(out, "\r\n");
}
