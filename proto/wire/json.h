/* Canonical ProtoJSON from protobuf-c descriptors, written without a library (link parses with jansson).
 * Fields by their proto names in snake_case and in the order of their numbers; enums as lower-case names with hyphens;
 * int64 times of fields ending in _ms as GB/T 7408 text (those of a stop-watch, mono_ms and held_ms, as numbers); days
 * of uint32 fields ending in _day as "2020-02-07"; bytes as hex when ≤ 32 bytes, base64 otherwise; integers beyond 2^53
 * as text, since readers in JavaScript would round them; absent fields and empty lists left out. No spaces: equal
 * messages, equal text. */
#pragma once
#include "wire/bytes.h"
#include "wire/status.h"
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

/* A growing text; grows through `grow` (NULL: fixed size). Cut texts are reported by `cut`. */
struct wire_text {
    char *data; /* always NUL-terminated when capacity > 0 */
    size_t size;
    size_t capacity;
    bool cut;
    void *(*grow)(void *old, size_t size); /* realloc, or NULL */
};

void wire_text_add(struct wire_text *text, const char *data, size_t size);
void wire_text_string(struct wire_text *text, const char *zero_terminated);
void wire_text_format(struct wire_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void wire_text_json_string(struct wire_text *text, const char *data, size_t size); /* quoted and escaped */

/* Called for every string, bytes or number field that is marked personal in wire/personal.h; returns what to show
 * instead, or NULL to show the value. */
struct wire_redaction {
    void *context;
    const char *(*show)(void *context, const char *path, const ProtobufCFieldDescriptor *field, const char *value,
                        char *scratch, size_t scratch_size);
};

void wire_json_write(struct wire_text *out, const ProtobufCMessage *message, const struct wire_redaction *redaction);
