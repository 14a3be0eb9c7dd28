/* Structured log lines: what an operator reads and a collector parses. There is no global log: whoever logs was given
 * one.
 *
 *   2020-02-07T10:00:30.123+08:00 warning gate 批次被拒 peer=330300 reason=bad-signature       (text, Chinese)
 *   {"time":"2020-02-07T10:00:30.123+08:00","level":"warning","area":"gate","message":"batch
 * refused","peer":"330300",…}
 *
 * One line is one write(2), at most LINK_LOG_LINE_MAX bytes (longer ones are cut and say so), so lines of several
 * threads do not mix. Control characters, line breaks and bad UTF-8 in values are escaped: nobody writes a line that is
 * not his. Never log payloads, keys or tokens. */
#pragma once
#include "wire/bytes.h"
#include "wire/status.h"

enum { LINK_LOG_LINE_MAX = 4096 };

enum link_level { LINK_ERROR, LINK_WARNING, LINK_NOTICE, LINK_INFO, LINK_DEBUG };
enum link_log_format { LINK_LOG_TEXT, LINK_LOG_JSON };

struct link_log;

struct link_log_options {
    enum link_level level; /* lines above it are not written */
    enum link_log_format format;
    enum wire_language language;      /* of the messages; keys, levels and areas are English in both */
    bool priorities;                  /* "<4>" in front, for systemd (SyslogLevelPrefix) */
    const char *path;                 /* appended to, created 0640; NULL: standard error */
    int64_t (*now_ms)(void *context); /* NULL: the system's clock */
    void *context;
};

/* A key and its value. Build with LINK_TEXT, LINK_NUMBER, LINK_UNSIGNED, LINK_BOOL, LINK_HEX. Keys are literals: a-z
 * 0-9 _
 * - . */
struct link_field {
    const char *key;
    enum { LINK_FIELD_TEXT, LINK_FIELD_NUMBER, LINK_FIELD_UNSIGNED, LINK_FIELD_BOOL, LINK_FIELD_HEX } type;
    const char *text;
    int64_t number;
    struct wire_bytes bytes;
};

#define LINK_TEXT(k, v)     ((struct link_field){.key = (k), .type = LINK_FIELD_TEXT, .text = (v)})
#define LINK_NUMBER(k, v)   ((struct link_field){.key = (k), .type = LINK_FIELD_NUMBER, .number = (int64_t)(v)})
#define LINK_UNSIGNED(k, v) ((struct link_field){.key = (k), .type = LINK_FIELD_UNSIGNED, .number = (int64_t)(v)})
#define LINK_BOOL(k, v)     ((struct link_field){.key = (k), .type = LINK_FIELD_BOOL, .number = (v) ? 1 : 0})
#define LINK_HEX(k, d, n)   ((struct link_field){.key = (k), .type = LINK_FIELD_HEX, .bytes = {(d), (n)}})

enum wire_status link_log_open(const struct link_log_options *options, struct link_log **out,
                               struct wire_problem *problem);
void link_log_close(struct link_log **log);
/* Opens the file again (after rotation, on SIGHUP). On failure the old file stays open. */
enum wire_status link_log_reopen(struct link_log *log, struct wire_problem *problem);
void link_log_set_level(struct link_log *log, enum link_level level);
/* For skipping work whose only use is a line. A NULL log writes nothing, here and below. */
bool link_log_on(const struct link_log *log, enum link_level level);

/* `area`: the room or part that speaks, a literal. zh and en: the same message, short, without values. */
void link_log_write(struct link_log *log, enum link_level level, const char *area, const char *zh, const char *en,
                    const struct link_field *fields, size_t count);
/* link_log_line(log, LINK_WARNING, "gate", "批次被拒", "batch refused", LINK_NUMBER("peer", region),
 * LINK_TEXT("reason", name)) */
#define link_log_line(log, level, area, zh, en, ...)                                                                   \
    link_log_write(log, level, area, zh, en, (const struct link_field[]){__VA_ARGS__},                                 \
                   sizeof((const struct link_field[]){__VA_ARGS__}) / sizeof(struct link_field))
/* A problem as a line: its text, status, where. */
void link_log_problem(struct link_log *log, enum link_level level, const char *area,
                      const struct wire_problem *problem);
/* Lines that could not be written (disk full, closed pipe), since the start. */
uint64_t link_log_lost(const struct link_log *log);

/* "error", "warning", "notice", "info", "debug"; false: none of them. */
bool link_level_parse(const char *name, enum link_level *out);
const char *link_level_name(enum link_level level);
