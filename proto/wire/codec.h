/* Decoding what others sent, strictly; encoding what we send.
 *
 * wire_decode checks the raw bytes against the descriptor before anything is taken from them: bounded nesting, unknown
 * fields (by `strict`), repeats of singular sub-messages, NUL and bad UTF-8 in strings, enum values that do not exist,
 * element counts that would break the budget. Then it unpacks into the arena. Fields it returns point into the arena.
 */
#pragma once
#include "wire/arena.h"
#include "wire/bytes.h"
#include "wire/status.h"
#include <protobuf-c/protobuf-c.h>

enum wire_strict {
    WIRE_STRICT_ALL,    /* control frames of a known version: any unknown field is refused */
    WIRE_STRICT_HEADER, /* fields 1-63 are critical, 64 and up are ignorable */
    WIRE_STRICT_NONE,   /* payloads for display: unknown fields are kept raw by whoever keeps the bytes */
};

/* A number that does not fit its field, an enum value or a second oneof member is BAD_FRAME; so is a repeated singular
 * field (of scalars: not with WIRE_STRICT_NONE). A failed decode takes nothing from the arena. NULL with *status one of
 * BAD_FRAME, UNKNOWN_FIELD, BAD_STRING, OVER_BUDGET; else the message, owned by the arena. */
ProtobufCMessage *wire_decode(const ProtobufCMessageDescriptor *type, struct wire_bytes raw, enum wire_strict strict,
                              struct wire_arena *arena, enum wire_status *status);
/* The same, but bytes fields point into `raw`, which must live and stay as it is for as long as the message. */
ProtobufCMessage *wire_decode_in_place(const ProtobufCMessageDescriptor *type, struct wire_bytes raw,
                                       enum wire_strict strict, struct wire_arena *arena, enum wire_status *status);
/* Packs into the arena; .data NULL when the budget does not hold it. */
struct wire_bytes wire_encode(const ProtobufCMessage *message, struct wire_arena *arena);
