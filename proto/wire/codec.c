#include "wire/codec.h"
#include "wire/check_raw.h"
#include "wire/unpack.h"

static const uint8_t nothing[1];

static ProtobufCMessage *decode(const ProtobufCMessageDescriptor *type, struct wire_bytes raw, enum wire_strict strict,
                                bool borrow, struct wire_arena *arena, enum wire_status *status)
{
    size_t mark = wire_arena_mark(arena);
    bool exhausted = arena->exhausted;
    ProtobufCMessage *message;

    if (raw.data == NULL)
        raw = wire_bytes(nothing, 0);
    *status = wire_check_raw(type, raw, strict, arena->size - arena->used);
    if (*status != WIRE_OK)
        return NULL;
    arena->exhausted = false;
    message = wire_unpack(type, raw, borrow, arena);
    if (message == NULL) {
        *status = arena->exhausted ? WIRE_OVER_BUDGET : WIRE_BAD_FRAME;
        wire_arena_back(arena, mark);
    }
    arena->exhausted = arena->exhausted || exhausted;
    return message;
}

ProtobufCMessage *wire_decode(const ProtobufCMessageDescriptor *type, struct wire_bytes raw, enum wire_strict strict,
                              struct wire_arena *arena, enum wire_status *status)
{
    return decode(type, raw, strict, false, arena, status);
}

ProtobufCMessage *wire_decode_in_place(const ProtobufCMessageDescriptor *type, struct wire_bytes raw,
                                       enum wire_strict strict, struct wire_arena *arena, enum wire_status *status)
{
    return decode(type, raw, strict, true, arena, status);
}

struct wire_bytes wire_encode(const ProtobufCMessage *message, struct wire_arena *arena)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *data = wire_arena_take(arena, size);

    if (data == NULL)
        return wire_bytes(NULL, 0);
    return wire_bytes(data, protobuf_c_message_pack(message, data));
}
