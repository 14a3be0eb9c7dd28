/* Talking to the node's local API. */
#pragma once
#include "node/cli/cli.h"
#include "wire/bytes.h"
#include <jansson.h>

struct cli_answer {
    unsigned http;
    json_t *json; /* NULL: the body is not JSON (see raw) */
    char *raw;    /* as it came, NUL-terminated behind `size` */
    size_t size;
};

struct cli_request {
    const char *method; /* NULL: GET */
    const char *target;
    json_t *body;             /* taken; NULL: `bytes` */
    struct wire_bytes bytes;  /* with */
    const char *content_type; /* NULL: JSON */
    unsigned timeout_ms;      /* 0: a minute */
    bool quiet_404;           /* 404 is an answer: CLI_NO_INPUT without a complaint */
};

/* 0 with a 2xx answer; else an exit code, and what is wrong stands on standard error. Close the answer either way. */
int cli_call(struct cli *cli, const struct cli_request *request, struct cli_answer *answer);
int cli_get(struct cli *cli, const char *target, struct cli_answer *answer);
/* --json: prints the answer as it came, with a line end. */
void cli_answer_print(const struct cli *cli, const struct cli_answer *answer);
void cli_answer_close(struct cli_answer *answer);

/* Follows /v1/events from the newest on, for ever: takes up the thread again after a break. `take` returns false to
 * end. */
struct cli_event {
    const char *id, *event; /* may be NULL */
    const json_t *data;     /* NULL: no JSON */
    const char *text;
};
int cli_follow(struct cli *cli, bool (*take)(void *context, const struct cli_event *event), void *context);

/* Members of an answer: "a.b" goes down; NULL, 0 or false where there is none or of another type. */
const json_t *cli_at(const json_t *json, const char *path);
const char *cli_text_at(const json_t *json, const char *path);
int64_t cli_number_at(const json_t *json, const char *path);
bool cli_flag_at(const json_t *json, const char *path);
/* The list of an answer: itself, or the member `name`. */
const json_t *cli_list_at(const json_t *json, const char *name);

/* target + percent-encoded segment, into out; false: too long. */
enum { CLI_TARGET_MAX = 1024 };
bool cli_target(char out[CLI_TARGET_MAX], const char *before, const char *segment, const char *after);
/* "?a=b" or "&a=b" appended, encoded; value NULL: nothing. */
void cli_target_add(char target[CLI_TARGET_MAX], const char *name, const char *value);
