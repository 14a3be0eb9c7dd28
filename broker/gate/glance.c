#include "broker/gate/turns.h"

static bool varint(struct wire_bytes *at, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; at->size > 0 && shift < 64; shift += 7) {
        uint8_t byte = *at->data;
        *at = wire_bytes(at->data + 1, at->size - 1);
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return true;
    }
    return false;
}

static bool skip(struct wire_bytes *at, uint64_t bytes)
{
    if (bytes > at->size)
        return false;
    *at = wire_bytes(at->data + bytes, at->size - (size_t)bytes);
    return true;
}

enum { VARINT = 0, FIXED_64 = 1, BYTES = 2, FIXED_32 = 5 };

/* The next field: its number and wire type; a number's value, or the length of the bytes that follow. */
static bool field(struct wire_bytes *at, uint32_t *number, uint32_t *type, uint64_t *value)
{
    uint64_t key;
    if (!varint(at, &key) || key > UINT32_MAX)
        return false;
    *number = (uint32_t)key >> 3;
    *type = (uint32_t)key & 7;
    *value = 0;
    switch (*type) {
    case VARINT:
        return varint(at, value);
    case BYTES:
        return varint(at, value) && *value <= at->size;
    case FIXED_64:
        return skip(at, 8);
    case FIXED_32:
        return skip(at, 4);
    default:
        return false;
    }
}

/* The first field of this number that holds bytes, or a value; fields in front of it are passed over. */
static bool find(struct wire_bytes in, uint32_t number, uint32_t type, struct wire_bytes *bytes, uint64_t *value)
{
    uint32_t is, is_type;
    while (in.size > 0 && field(&in, &is, &is_type, value)) {
        if (is == number && is_type == type) {
            *bytes = wire_bytes(in.data, type == BYTES ? (size_t)*value : 0);
            return true;
        }
        if (is_type == BYTES && !skip(&in, *value))
            return false;
    }
    return false;
}

/* Submit.batch, Batch.seal, BatchSeal.lane. */
static bool is_flash(struct wire_bytes submit)
{
    enum { BATCH = 1, SEAL = 1, LANE = 5 };
    struct wire_bytes batch, seal, none;
    uint64_t value;
    return find(submit, BATCH, BYTES, &batch, &value) && find(batch, SEAL, BYTES, &seal, &value) &&
           find(seal, LANE, VARINT, &none, &value) && value == WIRE__LANE__FLASH;
}

enum gate_turn gate_glance(struct wire_bytes raw)
{
    uint32_t body, type;
    uint64_t size;
    if (!field(&raw, &body, &type, &size) || type != BYTES)
        return GATE_OTHER;
    switch (body) {
    case WIRE__FRAME__BODY_SUBMIT:
        return is_flash(wire_bytes(raw.data, (size_t)size)) ? GATE_FLASH : GATE_LONG;
    case WIRE__FRAME__BODY_ARRIVED:
        return GATE_LONG;
    case WIRE__FRAME__BODY_CREDIT:
        return GATE_CREDIT;
    default:
        return GATE_OTHER;
    }
}
