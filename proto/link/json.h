/* JSON in: text → protobuf message, strictly, with errors for people. The inverse of wire/json.h.
 *
 * Keys are schema names, or Chinese or English labels. Accepted beyond what wire_json_write writes: enums by Chinese
 * label; integers as decimal text; booleans as 是/否; times and days in any form of wire_time_parse; regions as six
 * digits in text or by a Chinese name that only one region bears; "未注明" (不详, unknown) for a field that has an
 * X_unstated beside it. Refused: duplicate and, when strict, unknown keys (the nearest known is named); numbers out of
 * range; a number where a text belongs (Excel eats leading zeros and digits beyond the fifteenth); null. Checks of
 * content are wire_kind.check's. */
#pragma once
#include "wire/arena.h"
#include "wire/bytes.h"
#include "wire/status.h"
#include <jansson.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

/* The message, owned by the arena; NULL with `problem` filled (may be NULL): SYNTAX with line:column, INVALID or
 * UNKNOWN_FIELD with a field path ("person[3].id_no"; `zh` begins with 人员[3].证件号码), NO_MEMORY. */
ProtobufCMessage *link_json_to_message(const ProtobufCMessageDescriptor *type, const char *text, size_t size,
                                       struct wire_arena *arena, bool strict, struct wire_problem *problem);
/* The same from a value that is parsed already, e.g. one member of a request body. Borrowed for the call; texts are
 * copied. */
ProtobufCMessage *link_json_value_to_message(const ProtobufCMessageDescriptor *type, const json_t *value,
                                             struct wire_arena *arena, bool strict, struct wire_problem *problem);
/* Without JSON: texts, valid UTF-8 and NUL-terminated, into a field that nothing was put into yet, as JSON strings
 * would be read. false: that would be refused, or the field is of another sort; the message is in no order then. */
bool link_json_put_text(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, struct wire_bytes text,
                        struct wire_arena *arena);
bool link_json_put_texts(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                         const struct wire_bytes *texts, size_t count, struct wire_arena *arena);
/* Parses text with the project's flags (duplicates refused, NUL refused); NULL with `problem` filled. Caller
 * json_decref()s. */
json_t *link_json_parse(const char *text, size_t size, struct wire_problem *problem);
