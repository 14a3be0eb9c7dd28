#define _GNU_SOURCE
#include "link/log.h"
#include "wire/ensure.h"
#include "wire/json.h"
#include "wire/time.h"
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct link_log {
    struct link_log_options options;
    char *path; /* NULL: standard error */
    _Atomic int fd;
    _Atomic int level;
    _Atomic uint64_t lost;
};

static const char *const LEVELS[] = {"error", "warning", "notice", "info", "debug"};
static const char PRIORITIES[] = "34567"; /* syslog: err, warning, notice, info, debug */

bool link_level_parse(const char *name, enum link_level *out)
{
    for (size_t i = 0; i < sizeof LEVELS / sizeof *LEVELS; i++)
        if (strcmp(name, LEVELS[i]) == 0) {
            *out = (enum link_level)i;
            return true;
        }
    return false;
}

const char *link_level_name(enum link_level level)
{
    ENSURE((size_t)level < sizeof LEVELS / sizeof *LEVELS);
    return LEVELS[level];
}

/* --- opening --- */

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
}

static enum wire_status fail_open(const char *path, struct wire_problem *problem)
{
    return wire_failf(problem, WIRE_IO, path, "无法打开日志文件：%s。请检查路径与权限",
                      "cannot open the log file: %s. Check the path and its permissions", strerror(errno));
}

enum wire_status link_log_open(const struct link_log_options *options, struct link_log **out,
                               struct wire_problem *problem)
{
    *out = NULL;
    int fd = options->path ? open_file(options->path) : STDERR_FILENO;
    if (fd < 0)
        return fail_open(options->path, problem);
    struct link_log *log = calloc(1, sizeof *log);
    ENSURE(log);
    log->options = *options;
    log->path = options->path ? strdup(options->path) : NULL;
    ENSURE(!options->path || log->path);
    atomic_store(&log->fd, fd);
    atomic_store(&log->level, (int)options->level);
    *out = log;
    return WIRE_OK;
}

void link_log_close(struct link_log **log)
{
    if (!log || !*log)
        return;
    if ((*log)->path)
        close(atomic_load(&(*log)->fd));
    free((*log)->path);
    free(*log);
    *log = NULL;
}

enum wire_status link_log_reopen(struct link_log *log, struct wire_problem *problem)
{
    if (!log || !log->path)
        return WIRE_OK;
    int fd = open_file(log->path);
    if (fd < 0)
        return fail_open(log->path, problem);
    /* the number stays the same, so that a thread in the middle of a line is not left with a closed one */
    int result = dup3(fd, atomic_load(&log->fd), O_CLOEXEC);
    close(fd);
    return result < 0 ? fail_open(log->path, problem) : WIRE_OK;
}

void link_log_set_level(struct link_log *log, enum link_level level)
{
    if (log)
        atomic_store(&log->level, (int)level);
}

bool link_log_on(const struct link_log *log, enum link_level level)
{
    return log && (int)level <= atomic_load(&log->level);
}

uint64_t link_log_lost(const struct link_log *log)
{
    return log ? atomic_load(&log->lost) : 0;
}

/* --- lines --- */

static int64_t now_ms(const struct link_log *log)
{
    if (log->options.now_ms)
        return log->options.now_ms(log->options.context);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* "2020-02-07T10:00:30.123+08:00" */
static void add_time(struct wire_text *line, int64_t ms)
{
    char text[WIRE_TIME_TEXT];
    wire_time_iso(ms, text);
    int fraction = (int)((ms % 1000 + 1000) % 1000);
    wire_text_format(line, "%.19s.%03d+08:00", text, fraction);
}

/* A value that needs no quotes: it cannot be taken for two values or for another key. */
static bool is_plain(const char *text)
{
    if (!*text)
        return false;
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        if (*at <= ' ' || *at >= 0x7F || *at == '"' || *at == '=' || *at == '\\')
            return false;
    return true;
}

/* One code point from `text`, its size into *size; 0xFFFD and 1 where it is not UTF-8. */
static uint32_t code_point(const unsigned char *text, size_t *size)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    unsigned char lead = text[0];
    size_t more = lead < 0x80 ? 0 : lead >= 0xF0 && lead < 0xF5 ? 3 : lead >= 0xE0 ? 2 : 1;
    uint32_t code = more == 0 ? lead : lead & (0x3FU >> more);
    *size = 1;
    if (lead >= 0xF5 || (lead >= 0x80 && lead < 0xC2))
        return 0xFFFD;
    for (size_t i = 1; i <= more; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return 0xFFFD;
        code = code << 6 | (text[i] & 0x3F);
    }
    if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        return 0xFFFD;
    *size = more + 1;
    return code;
}

/* What can move a terminal's cursor or turn the direction of what is read. */
static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x200E && code <= 0x200F) ||
           (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

static void add_quoted(struct wire_text *line, const char *value)
{
    const unsigned char *at = (const unsigned char *)value;
    wire_text_add(line, "\"", 1);
    for (size_t size; *at; at += size) {
        uint32_t code = code_point(at, &size);
        if (code == '"' || code == '\\')
            wire_text_format(line, "\\%c", (char)code);
        else if (code == '\n')
            wire_text_string(line, "\\n");
        else if (is_control(code) || code == 0xFFFD)
            wire_text_format(line, "\\u%04x", code);
        else
            wire_text_add(line, (const char *)at, size);
    }
    wire_text_add(line, "\"", 1);
}

static void add_hex(struct wire_text *line, struct wire_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        wire_text_format(line, "%02x", bytes.data[i]);
}

static void add_value(struct wire_text *line, const struct link_field *field, bool json)
{
    const char *text = field->text ? field->text : "";
    switch (field->type) {
    case LINK_FIELD_TEXT:
        if (!json && is_plain(text))
            wire_text_string(line, text);
        else
            add_quoted(line, text);
        return;
    case LINK_FIELD_NUMBER:
        wire_text_format(line, "%lld", (long long)field->number);
        return;
    case LINK_FIELD_UNSIGNED:
        wire_text_format(line, "%llu", (unsigned long long)field->number);
        return;
    case LINK_FIELD_BOOL:
        wire_text_string(line, field->number ? "true" : "false");
        return;
    case LINK_FIELD_HEX:
        wire_text_string(line, json ? "\"" : "");
        add_hex(line, field->bytes);
        wire_text_string(line, json ? "\"" : "");
        return;
    }
}

static void add_fields(struct wire_text *line, const struct link_field *fields, size_t count, bool json)
{
    for (size_t i = 0; i < count; i++) {
        size_t before = line->size;
        wire_text_format(line, json ? ",\"%s\":" : " %s=", fields[i].key);
        add_value(line, &fields[i], json);
        if (line->cut) { /* a field that does not fit is left out whole: the line stays readable */
            line->size = before;
            return;
        }
    }
}

static void add_message(struct wire_text *line, enum link_level level, const char *area, const char *message, bool json)
{
    if (json) {
        wire_text_format(line, "\",\"level\":\"%s\",\"area\":\"%s\",\"message\":", link_level_name(level), area);
        add_quoted(line, message);
    } else {
        wire_text_format(line, " %s %s %s", link_level_name(level), area, message);
    }
}

/* One write; a short or failed one is a lost line. */
static void put_line(struct link_log *log, const char *data, size_t size)
{
    ssize_t written;
    do
        written = write(atomic_load(&log->fd), data, size);
    while (written < 0 && errno == EINTR);
    if (written != (ssize_t)size)
        atomic_fetch_add(&log->lost, 1);
}

void link_log_write(struct link_log *log, enum link_level level, const char *area, const char *zh, const char *en,
                    const struct link_field *fields, size_t count)
{
    if (!link_log_on(log, level))
        return;
    enum { TAIL = 32 };
    char space[LINK_LOG_LINE_MAX];
    struct wire_text line = {.data = space, .capacity = sizeof space - TAIL};
    bool json = log->options.format == LINK_LOG_JSON;
    const char *message = log->options.language == WIRE_CHINESE ? zh : en;
    if (log->options.priorities)
        wire_text_format(&line, "<%c>", PRIORITIES[level]);
    wire_text_string(&line, json ? "{\"time\":\"" : "");
    add_time(&line, now_ms(log));
    add_message(&line, level, area, message, json);
    add_fields(&line, fields, count, json);
    bool cut = line.cut;
    line = (struct wire_text){.data = space, .size = line.size, .capacity = sizeof space};
    if (cut)
        wire_text_string(&line, json ? ",\"cut\":true" : " cut=true");
    wire_text_string(&line, json ? "}\n" : "\n");
    put_line(log, line.data, line.size);
}

void link_log_problem(struct link_log *log, enum link_level level, const char *area, const struct wire_problem *problem)
{
    /* the texts may carry what others wrote: they go in as a value, escaped */
    bool chinese = log && log->options.language == WIRE_CHINESE;
    link_log_line(log, level, area, wire_status_text(problem->status, WIRE_CHINESE),
                  wire_status_text(problem->status, WIRE_ENGLISH),
                  LINK_TEXT("status", wire_status_name(problem->status)), LINK_TEXT("where", problem->where),
                  LINK_TEXT("what", chinese ? problem->zh : problem->en));
}
