/* One field after the other as it lies in a protobuf encoding. Shared by wire/check_raw.c and wire/unpack.c; what each
 * field needs is here, to be inlined: decoding is a sixth of what a broker does. */
#pragma once
#include "wire/bytes.h"
#include <protobuf-c/protobuf-c.h>

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2, WIRE_FIXED32 = 5 };

struct wire_reader {
    const uint8_t *at;
    const uint8_t *end;
};

struct wire_member {
    uint32_t id;
    enum wire_type type;
    uint64_t value;         /* a number as it lies there, or a length */
    struct wire_bytes data; /* LENGTH */
    const uint8_t *from;    /* after the tag */
};

/* Index of the value in the ranges, or -1. The last range is a dummy that holds the number of values. */
int wire_range_find(const ProtobufCIntRange *range, unsigned count, int value);
/* Bytes that one element of a repeated field takes in its array. */
size_t wire_element_size(ProtobufCType type);

bool wire_read_long_varint(struct wire_reader *reader, uint64_t *out);
/* Little-endian. */
bool wire_read_fixed(struct wire_reader *reader, size_t size, uint64_t *value);

static inline bool wire_read_varint(struct wire_reader *reader, uint64_t *out)
{
    if (reader->at < reader->end && *reader->at < 0x80) {
        *out = *reader->at++;
        return true;
    }
    return wire_read_long_varint(reader, out);
}

/* A tag or a length: five bytes at most, however small. Every other reader of protobuf refuses a longer one. */
static inline bool wire_read_short_varint(struct wire_reader *reader, uint64_t *out)
{
    enum { SHORT_BYTES_MAX = 5 };
    const uint8_t *from = reader->at;

    return wire_read_varint(reader, out) && reader->at - from <= SHORT_BYTES_MAX;
}

static inline bool wire_read_skip(struct wire_reader *reader, uint64_t size)
{
    if (size > (uint64_t)(reader->end - reader->at))
        return false;
    reader->at += size;
    return true;
}

/* A number that stands without a tag: VARINT or FIXED. */
static inline bool wire_read_number(struct wire_reader *reader, enum wire_type type, uint64_t *value)
{
    return type == WIRE_VARINT ? wire_read_varint(reader, value)
                               : wire_read_fixed(reader, type == WIRE_FIXED32 ? 4 : 8, value);
}

static inline bool wire_read_tag(struct wire_reader *reader, struct wire_member *member)
{
    enum { ID_MAX = (1 << 29) - 1 };
    uint64_t tag;

    if (!wire_read_short_varint(reader, &tag) || tag >> 3 == 0 || tag >> 3 > ID_MAX)
        return false;
    member->id = (uint32_t)(tag >> 3);
    member->type = (enum wire_type)(tag & 7);
    member->from = reader->at;
    return true;
}

/* false: the bytes end in it, or it is of a type that nobody writes. */
static inline bool wire_read_member(struct wire_reader *reader, struct wire_member *member)
{
    if (!wire_read_tag(reader, member))
        return false;
    switch (member->type) {
    case WIRE_VARINT:
    case WIRE_FIXED64:
    case WIRE_FIXED32:
        return wire_read_number(reader, member->type, &member->value);
    case WIRE_LENGTH:
        if (!wire_read_short_varint(reader, &member->value))
            return false;
        member->data = wire_bytes(reader->at, (size_t)member->value);
        return wire_read_skip(reader, member->value);
    default: /* groups, and what never was */
        return false;
    }
}

/* How a value of the type lies in the encoding when it stands alone. */
static inline enum wire_type wire_type_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return WIRE_FIXED32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return WIRE_FIXED64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return WIRE_LENGTH;
    default:
        return WIRE_VARINT;
    }
}

/* Index of the field; -1: unknown. Fields mostly come in the order of the descriptor, so `guess` (the index after the
 * last one) is tried first. */
static inline int wire_field_find(const ProtobufCMessageDescriptor *type, uint32_t id, unsigned guess)
{
    if (guess < type->n_fields && type->fields[guess].id == id)
        return (int)guess;
    return wire_range_find(type->field_ranges, type->n_field_ranges, (int)id);
}
