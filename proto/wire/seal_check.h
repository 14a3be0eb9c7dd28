/* What batches and parts check alike. */
#pragma once
#include "schema/envelope.pb-c.h"
#include "wire/batch.h"

/* [a-z0-9-]{1,40} */
bool wire_mechanism_right(const char *mechanism);
/* Sizes and ranges of the seal alone: OK, WRONG_SUITE, BAD_FRAME. */
enum wire_status wire_seal_check(const Wire__BatchSeal *seal);
/* The header is of the stream and at the place the seal says: envelope `index` of it. */
bool wire_seal_has(const Wire__BatchSeal *seal, uint32_t index, const Wire__Header *header);
/* Decodes and checks one header; its bytes fields point into `raw`. NULL with *status BAD_HEADER, UNKNOWN_FIELD or
 * OVER_BUDGET. */
Wire__Header *wire_header_decode(const ProtobufCBinaryData *raw, struct wire_arena *arena, enum wire_status *status);
bool wire_box_right(const Wire__KeyBox *box);
struct wire_bytes wire_binary(const ProtobufCBinaryData *field);
