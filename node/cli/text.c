#include "node/cli/text.h"
#include <string.h>
#include <utf8proc.h>

static const char REPLACEMENT[] = "\xef\xbf\xbd";

/* The code point at `text` and its size; -1 for a byte that begins none. */
static int32_t code_point(const char *text, size_t *size)
{
    utf8proc_int32_t point;
    utf8proc_ssize_t used =
        utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)strnlen(text, 4), &point);
    *size = used > 0 ? (size_t)used : 1;
    return used > 0 ? point : -1;
}

static size_t point_width(int32_t point)
{
    if (point < 0)
        return 1;
    int width = utf8proc_charwidth(point);
    return width > 0 ? (size_t)width : 0;
}

size_t cli_width(const char *text)
{
    size_t width = 0, size;
    for (; *text != '\0'; text += size)
        width += point_width(code_point(text, &size));
    return width;
}

size_t cli_fit(const char *text, size_t columns, size_t *width)
{
    size_t taken = 0, used = 0, size;
    for (; text[used] != '\0'; used += size) {
        size_t next = point_width(code_point(text + used, &size));
        if (taken + next > columns)
            break;
        taken += next;
    }
    if (width != NULL)
        *width = taken;
    return used;
}

/* C0, DEL, C1; embeddings, overrides and isolates; line and paragraph separators. */
static bool is_harmful(int32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x200e || point == 0x200f || point == 0x61c ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

void cli_text_clean(struct wire_text *out, const char *text, bool lines)
{
    size_t size;
    for (; *text != '\0'; text += size) {
        int32_t point = code_point(text, &size);
        if (point == '\n' || point == '\t')
            wire_text_string(out, point == '\n' && lines ? "\n" : " ");
        else if (point == '\r')
            continue;
        else if (is_harmful(point))
            wire_text_string(out, REPLACEMENT);
        else
            wire_text_add(out, text, size);
    }
}

void cli_text_pad(struct wire_text *out, size_t columns)
{
    for (; columns > 0; columns--)
        wire_text_add(out, " ", 1);
}

static bool is_wide(int32_t point)
{
    return point_width(point) == 2;
}

/* What must not begin a line (GB/T 15834). */
static bool closes(const char *at, size_t size)
{
    static const char *const marks = "、，。；：？！）》」』】”’…,.;:?!)]}%";
    for (size_t i = 0, step; marks[i] != '\0'; i += step) {
        code_point(marks + i, &step);
        if (step == size && memcmp(marks + i, at, size) == 0)
            return true;
    }
    return false;
}

/* Bytes of the first line of `text`, which does not fit `columns` as a whole. */
static size_t break_at(const char *text, size_t columns)
{
    size_t most = cli_fit(text, columns, NULL), best = 0, size;
    bool wide_before = false;
    for (size_t at = 0; at <= most && text[at] != '\0'; at += size) {
        int32_t point = code_point(text + at, &size);
        if (at > 0 && (point == ' ' || ((is_wide(point) || wide_before) && !closes(text + at, size))))
            best = at;
        wide_before = is_wide(point);
    }
    if (best > 0)
        return best;
    code_point(text, &size);
    return most > 0 ? most : size;
}

static void wrap_line(struct wire_text *out, const char *line, size_t columns, size_t indent)
{
    while (columns > 0 && cli_width(line) > columns) {
        size_t take = break_at(line, columns);
        wire_text_add(out, line, take);
        wire_text_add(out, "\n", 1);
        cli_text_pad(out, indent);
        line += take;
        line += strspn(line, " ");
    }
    wire_text_string(out, line);
}

void cli_text_wrap(struct wire_text *out, const char *text, size_t columns, size_t indent)
{
    if (columns > 0 && columns < 8)
        columns = 8;
    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
        char line[4096];
        size_t size = (size_t)(end - text) < sizeof line - 1 ? (size_t)(end - text) : sizeof line - 1;
        memcpy(line, text, size);
        line[size] = '\0';
        wrap_line(out, line, columns, indent);
        wire_text_add(out, "\n", 1);
        cli_text_pad(out, indent);
    }
    wrap_line(out, text, columns, indent);
}
