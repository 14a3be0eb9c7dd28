#include "broker/gate/inside.h"

#include "wire/limits.h"

#include <string.h>

ProtobufCMessage *gate_message(const ProtobufCMessageDescriptor *type, struct wire_bytes raw, struct wire_arena *arena,
                               enum wire_status *status)
{
    size_t whole = arena->size, budget = wire_arena_budget(raw.size);
    if (whole - arena->used > budget)
        arena->size = arena->used + budget;
    ProtobufCMessage *message = wire_decode_in_place(type, raw, WIRE_STRICT_ALL, arena, status);
    arena->size = whole;
    return message;
}

bool gate_same(ProtobufCBinaryData a, ProtobufCBinaryData b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* What a node may send. */
static bool from_nodes(Wire__Frame__BodyCase body)
{
    switch (body) {
    case WIRE__FRAME__BODY_HELLO:
    case WIRE__FRAME__BODY_SUBMIT:
    case WIRE__FRAME__BODY_ARRIVED:
    case WIRE__FRAME__BODY_CREDIT:
    case WIRE__FRAME__BODY_PULSE:
    case WIRE__FRAME__BODY_BYE:
        return true;
    default:
        return false;
    }
}

Wire__Frame *gate_decode(struct wire_bytes raw, struct wire_arena *arena, enum wire_status *status)
{
    if (raw.size > WIRE_FRAME_BYTES_MAX) {
        *status = WIRE_FRAME_TOO_LARGE;
        return NULL;
    }
    Wire__Frame *frame = (Wire__Frame *)gate_message(&wire__frame__descriptor, raw, arena, status);
    if (frame != NULL && !from_nodes(frame->body_case)) {
        *status = WIRE_UNEXPECTED_FRAME;
        return NULL;
    }
    return frame;
}
