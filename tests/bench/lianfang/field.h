/* Protocol buffers read and written in place, field by field: for what comes or goes once a message. Everything else is
 * decoded by wire_decode and encoded by wire_encode. */
#pragma once
#include "common/plan.h"
#include "wire/bytes.h"

#include <string.h>

/* One field. Of a varint the value, else the bytes, which lie in what is read. */
struct field {
    uint32_t number;
    bool is_bytes;
    uint64_t value;
    struct wire_bytes bytes;
};

static inline const uint8_t *field_varint(const uint8_t *at, const uint8_t *end, uint64_t *out)
{
    if (at < end && *at < 0x80) {
        *out = *at;
        return at + 1;
    }
    *out = 0;
    for (unsigned shift = 0; at < end && shift < 64; shift += 7) {
        *out |= (uint64_t)(*at & 0x7f) << shift;
        if ((*at++ & 0x80) == 0)
            return at;
    }
    plan_void("a number that is cut off");
}

/* Takes one field off `rest`; false: nothing is left. Void: a type that our schema does not have, or cut off. */
static inline bool field_next(struct wire_bytes *rest, struct field *out)
{
    const uint8_t *at = rest->data, *end = at + rest->size;
    uint64_t tag;
    if (at == end)
        return false;
    at = field_varint(at, end, &tag);
    at = field_varint(at, end, &out->value);
    out->number = (uint32_t)(tag >> 3);
    out->is_bytes = (tag & 7) == 2;
    if (out->is_bytes) {
        if (out->value > (uint64_t)(end - at))
            plan_void("a field that is cut off");
        out->bytes = wire_bytes(at, (size_t)out->value);
        at += out->value;
    } else if ((tag & 7) != 0)
        plan_void("a field of type %u", (unsigned)(tag & 7));
    *rest = wire_bytes(at, (size_t)(end - at));
    return true;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static inline uint8_t *put_varint(uint8_t *at, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

static inline size_t size_varint(uint64_t value)
{
    size_t size = 1;
    for (; value > 0x7f; value >>= 7)
        size++;
    return size;
}

static inline uint8_t *put_number(uint8_t *at, uint32_t field, uint64_t value)
{
    return put_varint(put_varint(at, field << 3), value);
}

static inline uint8_t *put_head(uint8_t *at, uint32_t field, size_t size)
{
    return put_varint(put_varint(at, field << 3 | 2), size);
}

static inline uint8_t *put_bytes(uint8_t *at, uint32_t field, const void *data, size_t size)
{
    at = put_head(at, field, size);
    memcpy(at, data, size);
    return at + size;
}
