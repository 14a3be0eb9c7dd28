#include "broker/gate/gate.h"

#include "wire/codec.h"

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
    Wire__Frame *frame = (Wire__Frame *)wire_decode(&wire__frame__descriptor, raw, WIRE_STRICT_ALL, arena, status);
    if (frame != NULL && !from_nodes(frame->body_case)) {
        *status = WIRE_UNEXPECTED_FRAME;
        return NULL;
    }
    return frame;
}
