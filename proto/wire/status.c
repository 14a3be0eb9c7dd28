#include "wire/status.h"
#include "wire/status_names.h"
#include "wire/utf8.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct row {
    uint32_t code;
    const char *en;
    const char *zh;
};

#define ROW(name, code, en, zh) {code, en, zh},
static const struct row rows[] = {WIRE_STATUS_LIST(ROW)};
#undef ROW

enum { ROWS = sizeof rows / sizeof *rows };

/* ROWS if there is none. */
static size_t find(uint32_t code)
{
    size_t at = 0;

    while (at < ROWS && rows[at].code != code)
        at++;
    return at;
}

const char *wire_status_name(uint32_t code)
{
    size_t at = find(code);

    return at < ROWS ? wire_status_names[at] : "unknown-status";
}

const char *wire_status_text(uint32_t code, enum wire_language language)
{
    size_t at = find(code);

    if (at == ROWS)
        return language == WIRE_CHINESE ? "未知状态" : "unknown status";
    return language == WIRE_CHINESE ? rows[at].zh : rows[at].en;
}

enum wire_status wire_status_parse(const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(wire_status_names[i], name) == 0)
            return (enum wire_status)rows[i].code;
    return WIRE_NOT_FOUND;
}

/* Half a character, where a text is cut, would make the whole of it invalid. */
static void put_text(char *out, size_t size, const char *text)
{
    size_t length = text == NULL ? 0 : strnlen(text, size - 1);

    if (length > 0)
        memcpy(out, text, length);
    out[length] = '\0';
    wire_utf8_repair(out);
}

enum wire_status wire_fail(struct wire_problem *problem, enum wire_status status, const char *where, const char *zh,
                           const char *en)
{
    if (problem != NULL) {
        problem->status = status;
        put_text(problem->where, sizeof problem->where, where);
        put_text(problem->zh, sizeof problem->zh, zh);
        put_text(problem->en, sizeof problem->en, en);
    }
    return status;
}

static void put_format(char *out, size_t size, const char *format, va_list arguments)
{
    int wanted = vsnprintf(out, size, format, arguments);

    if (wanted < 0)
        out[0] = '\0';
    wire_utf8_repair(out);
}

enum wire_status wire_failf(struct wire_problem *problem, enum wire_status status, const char *where,
                            const char *zh_format, const char *en_format, ...)
{
    va_list arguments;

    if (problem == NULL)
        return status;
    problem->status = status;
    put_text(problem->where, sizeof problem->where, where);
    va_start(arguments, en_format);
    put_format(problem->zh, sizeof problem->zh, zh_format, arguments);
    va_end(arguments);
    va_start(arguments, en_format);
    put_format(problem->en, sizeof problem->en, en_format, arguments);
    va_end(arguments);
    return status;
}
