/* Inside the JSON reader: what proto/link/json.c (messages, lists, keys) and json_value.c (single values) share. */
#pragma once
#include "wire/arena.h"
#include "wire/path.h"
#include "wire/status.h"
#include <jansson.h>

struct link_json_reader {
    struct wire_arena *arena;
    bool strict;
    struct wire_problem *problem; /* may be NULL */
    struct wire_path path;
};

/* Both return false, so that a failure is one line. Both formats take the same arguments. */
bool link_json_fail(struct link_json_reader *reader, enum wire_status status, const char *zh, const char *en, ...)
    __attribute__((format(printf, 3, 5), format(printf, 4, 5)));
bool link_json_fail_memory(struct link_json_reader *reader);

/* A single value: a JSON string or something else. */
struct link_json_scalar {
    const char *text; /* NUL-terminated; NULL: no string */
    size_t size;
    const json_t *json; /* NULL: a text that was never JSON */
};

/* A value of any type but a message into its place; false with the problem filled. */
bool link_json_read_scalar(struct link_json_reader *reader, const ProtobufCFieldDescriptor *field,
                           const struct link_json_scalar *value, void *at);
