#include "wire/read_raw.h"

bool wire_read_long_varint(struct wire_reader *reader, uint64_t *out)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 70 && reader->at < reader->end; shift += 7) {
        uint8_t byte = *reader->at++;

        if (shift == 63 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

bool wire_read_fixed(struct wire_reader *reader, size_t size, uint64_t *value)
{
    const uint8_t *at = reader->at;

    *value = 0;
    if (!wire_read_skip(reader, size))
        return false;
    for (size_t i = 0; i < size; i++)
        *value |= (uint64_t)at[i] << 8 * i;
    return true;
}

int wire_range_find(const ProtobufCIntRange *range, unsigned count, int value)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned size = range[i + 1].orig_index - range[i].orig_index;

        if (value < range[i].start_value)
            return -1;
        if ((unsigned)value - (unsigned)range[i].start_value < size)
            return (int)(range[i].orig_index + ((unsigned)value - (unsigned)range[i].start_value));
    }
    return -1;
}

size_t wire_element_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    default:
        return 4;
    }
}
