/* The check of raw bytes that wire_decode makes before protobuf-c sees them. Reads only; takes no memory. */
#pragma once
#include "wire/codec.h"

enum {
    WIRE_DEPTH_MAX = 12,   /* a receipt with terms is 5 deep; no type is recursive */
    WIRE_FIELDS_MAX = 256, /* of one message type */
};

/* OK, BAD_FRAME, UNKNOWN_FIELD, BAD_STRING; OVER_BUDGET when what the message holds needs more than `budget` bytes. */
enum wire_status wire_check_raw(const ProtobufCMessageDescriptor *type, struct wire_bytes raw, enum wire_strict strict,
                                size_t budget);
