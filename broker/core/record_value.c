#include "broker/core/record.h"
#include <string.h>

/* A value of fixed layout is written into the arena and read with a cursor that refuses to run over. */
struct reader {
    const uint8_t *at;
    size_t left;
    bool bad;
};

static const uint8_t *next(struct reader *in, size_t size)
{
    static const uint8_t nothing[WIRE_HASH_BYTES] = {0};
    if (in->bad || in->left < size) {
        in->bad = true;
        return nothing;
    }
    const uint8_t *at = in->at;
    in->at += size;
    in->left -= size;
    return at;
}

static uint8_t next_u8(struct reader *in)
{
    return *next(in, 1);
}

static uint16_t next_u16(struct reader *in)
{
    return wire_get_u16(next(in, 2));
}

static uint32_t next_u32(struct reader *in)
{
    return wire_get_u32(next(in, 4));
}

static uint64_t next_u64(struct reader *in)
{
    return wire_get_u64(next(in, 8));
}

static int64_t next_i64(struct reader *in)
{
    return (int64_t)next_u64(in);
}

static void next_digest(struct reader *in, struct wire_digest *out)
{
    memcpy(out->bytes, next(in, WIRE_HASH_BYTES), WIRE_HASH_BYTES);
}

static bool ended(const struct reader *in)
{
    return !in->bad && in->left == 0;
}

static uint8_t *put_digest(uint8_t *at, const struct wire_digest *digest)
{
    memcpy(at, digest->bytes, WIRE_HASH_BYTES);
    return at + WIRE_HASH_BYTES;
}

struct wire_bytes broker_put_u32(struct wire_arena *arena, uint32_t v)
{
    uint8_t raw[4];
    wire_put_u32(raw, v);
    return wire_bytes(wire_arena_copy(arena, raw, sizeof raw), sizeof raw);
}

struct wire_bytes broker_put_u64(struct wire_arena *arena, uint64_t v)
{
    uint8_t raw[8];
    wire_put_u64(raw, v);
    return wire_bytes(wire_arena_copy(arena, raw, sizeof raw), sizeof raw);
}

bool broker_get_u32(struct wire_bytes value, uint32_t *out)
{
    struct reader in = {value.data, value.size, false};
    *out = next_u32(&in);
    return ended(&in);
}

bool broker_get_u64(struct wire_bytes value, uint64_t *out)
{
    struct reader in = {value.data, value.size, false};
    *out = next_u64(&in);
    return ended(&in);
}

bool broker_get_i64(struct wire_bytes value, int64_t *out)
{
    uint64_t v;
    bool right = broker_get_u64(value, &v);
    *out = (int64_t)v;
    return right;
}

struct wire_bytes broker_put_stream(struct wire_arena *arena, const struct broker_stream_row *row)
{
    uint8_t raw[16];
    wire_put_u32(wire_put_u32(wire_put_u64(raw, row->head), row->frozen_outcome), row->frozen_reason);
    return wire_bytes(wire_arena_copy(arena, raw, sizeof raw), sizeof raw);
}

bool broker_get_stream(struct wire_bytes value, struct broker_stream_row *out)
{
    struct reader in = {value.data, value.size, false};
    out->head = next_u64(&in);
    out->frozen_outcome = next_u32(&in);
    out->frozen_reason = next_u32(&in);
    return ended(&in);
}

struct wire_bytes broker_put_stream_batch(struct wire_arena *arena, const struct broker_stream_batch_row *row)
{
    uint8_t raw[8 + 4 + 8 + WIRE_HASH_BYTES];
    uint8_t *at = wire_put_u64(wire_put_u32(wire_put_u64(raw, row->serial), row->count), row->receipt_number);
    put_digest(at, &row->root);
    return wire_bytes(wire_arena_copy(arena, raw, sizeof raw), sizeof raw);
}

bool broker_get_stream_batch(struct wire_bytes value, struct broker_stream_batch_row *out)
{
    struct reader in = {value.data, value.size, false};
    out->serial = next_u64(&in);
    out->count = next_u32(&in);
    out->receipt_number = next_u64(&in);
    next_digest(&in, &out->root);
    return ended(&in) && out->count >= 1 && out->count <= WIRE_BATCH_ENVELOPES_MAX;
}

struct wire_bytes broker_put_envelope(struct wire_arena *arena, const struct broker_envelope_row *row)
{
    uint8_t raw[8 + 2 + 1 + 2 + 8];
    uint8_t *at = wire_put_u16(wire_put_u64(raw, row->serial), row->index);
    *at++ = row->code;
    wire_put_u64(wire_put_u16(at, row->reason), (uint64_t)row->at_ms);
    return wire_bytes(wire_arena_copy(arena, raw, sizeof raw), sizeof raw);
}

bool broker_get_envelope(struct wire_bytes value, struct broker_envelope_row *out)
{
    struct reader in = {value.data, value.size, false};
    out->serial = next_u64(&in);
    out->index = next_u16(&in);
    out->code = next_u8(&in);
    out->reason = next_u16(&in);
    out->at_ms = next_i64(&in);
    return ended(&in) && out->index < WIRE_BATCH_ENVELOPES_MAX && out->code >= WIRE__VERDICT_CODE__ADMITTED &&
           out->code <= WIRE__VERDICT_CODE__EXPIRED;
}

static size_t bitmap_bytes(uint32_t count)
{
    return (count + 7) / 8;
}

struct wire_bytes broker_put_queue(struct wire_arena *arena, const struct broker_queue_row *row)
{
    uint8_t raw[8 + 4 + 4 + 8 + 8 + 2 + 2 * WIRE_HASH_BYTES + 2 * BROKER_BITMAP_BYTES];
    uint8_t *at = wire_put_u32(wire_put_u32(wire_put_u64(raw, row->serial), row->origin), row->cost);
    at = wire_put_u16(wire_put_u64(wire_put_u64(at, (uint64_t)row->admitted_ms), row->envelopes), row->count);
    at = put_digest(put_digest(at, &row->root), &row->chain);
    size_t bytes = bitmap_bytes(row->count);
    memcpy(at, row->given, bytes);
    memcpy(at + bytes, row->owes, bytes);
    size_t size = (size_t)(at - raw) + 2 * bytes;
    return wire_bytes(wire_arena_copy(arena, raw, size), size);
}

/* No bit beyond the count, the second within the first, the first not empty. */
static bool bitmaps_right(uint32_t count, const uint8_t *first, const uint8_t *second)
{
    bool any = false;
    for (uint32_t i = 0; i < BROKER_BITMAP_BYTES; i++) {
        uint8_t above = 0;
        if (i * 8 >= count)
            above = 0xff;
        else if (count - i * 8 < 8)
            above = (uint8_t)(0xff << (count - i * 8));
        if ((first[i] & above) != 0 || (second[i] & ~first[i]) != 0)
            return false;
        any = any || first[i] != 0;
    }
    return any;
}

/* The two at the end of a row; what is beyond `count` bits is left as it is. */
static bool last_bitmaps(struct reader *in, uint32_t count, uint8_t *first, uint8_t *second)
{
    size_t bytes = bitmap_bytes(count);
    if (in->bad || count > WIRE_BATCH_ENVELOPES_MAX || in->left != 2 * bytes)
        return false;
    memcpy(first, next(in, bytes), bytes);
    memcpy(second, next(in, bytes), bytes);
    return bitmaps_right(count, first, second);
}

bool broker_get_queue(struct wire_bytes value, struct broker_queue_row *out)
{
    struct reader in = {value.data, value.size, false};
    *out = (struct broker_queue_row){.serial = next_u64(&in)};
    out->origin = next_u32(&in);
    out->cost = next_u32(&in);
    out->admitted_ms = next_i64(&in);
    out->envelopes = next_u64(&in);
    out->count = next_u16(&in);
    next_digest(&in, &out->root);
    next_digest(&in, &out->chain);
    return last_bitmaps(&in, out->count, out->given, out->owes);
}

struct wire_bytes broker_put_head(struct wire_arena *arena, const struct broker_head_row *row)
{
    uint8_t raw[8 + 8 + WIRE_HASH_BYTES];
    put_digest(wire_put_u64(wire_put_u64(raw, row->number), row->envelopes), &row->chain);
    return wire_bytes(wire_arena_copy(arena, raw, sizeof raw), sizeof raw);
}

bool broker_get_head(struct wire_bytes value, struct broker_head_row *out)
{
    struct reader in = {value.data, value.size, false};
    out->number = next_u64(&in);
    out->envelopes = next_u64(&in);
    next_digest(&in, &out->chain);
    return ended(&in);
}

struct wire_bytes broker_put_cursor(struct wire_arena *arena, const struct broker_cursor_row *row)
{
    uint8_t raw[24];
    wire_put_u64(wire_put_u64(wire_put_u64(raw, row->number), row->envelopes), (uint64_t)row->oldest_ms);
    return wire_bytes(wire_arena_copy(arena, raw, sizeof raw), sizeof raw);
}

bool broker_get_cursor(struct wire_bytes value, struct broker_cursor_row *out)
{
    struct reader in = {value.data, value.size, false};
    out->number = next_u64(&in);
    out->envelopes = next_u64(&in);
    out->oldest_ms = next_i64(&in);
    return ended(&in);
}

struct wire_bytes broker_put_obligation(struct wire_arena *arena, const struct broker_obligation_row *row)
{
    uint8_t raw[4 + 1 + 1 + 8 + 8 + 8 + 4 + 4 + WIRE_MECHANISM_BYTES_MAX + 2 + 2 * BROKER_BITMAP_BYTES];
    uint8_t *at = wire_put_u32(raw, row->origin);
    *at++ = row->step;
    *at++ = row->extended ? 1 : 0;
    at = wire_put_u64(wire_put_u64(at, (uint64_t)row->since_ms), (uint64_t)row->due_ms);
    at = wire_put_u32(wire_put_u64(at, (uint64_t)row->down_total_ms), row->keep_until);
    *at++ = row->status;
    *at++ = row->unit;
    *at++ = row->lane;
    size_t length = strlen(row->mechanism), bytes = bitmap_bytes(row->count);
    *at++ = (uint8_t)length;
    memcpy(at, row->mechanism, length);
    at = wire_put_u16(at + length, row->count);
    memcpy(at, row->owed, bytes);
    memcpy(at + bytes, row->told, bytes);
    size_t size = (size_t)(at - raw) + 2 * bytes;
    return wire_bytes(wire_arena_copy(arena, raw, size), size);
}

static bool next_mechanism(struct reader *in, char out[WIRE_MECHANISM_BYTES_MAX + 1])
{
    size_t length = next_u8(in);
    if (length < 1 || length > WIRE_MECHANISM_BYTES_MAX)
        return false;
    const uint8_t *name = next(in, length);
    if (in->bad)
        return false;
    memcpy(out, name, length);
    out[length] = '\0';
    return strlen(out) == length;
}

bool broker_get_obligation(struct wire_bytes value, struct broker_obligation_row *out)
{
    struct reader in = {value.data, value.size, false};
    *out = (struct broker_obligation_row){.origin = next_u32(&in)};
    out->step = next_u8(&in);
    uint8_t extended = next_u8(&in);
    out->extended = extended == 1;
    out->since_ms = next_i64(&in);
    out->due_ms = next_i64(&in);
    out->down_total_ms = next_i64(&in);
    out->keep_until = next_u32(&in);
    out->status = next_u8(&in);
    out->unit = next_u8(&in);
    out->lane = next_u8(&in);
    if (!next_mechanism(&in, out->mechanism))
        return false;
    out->count = next_u16(&in);
    return last_bitmaps(&in, out->count, out->owed, out->told) && out->step <= BROKER_STEP_OVERDUE && extended <= 1 &&
           out->due_ms >= 0 && out->status <= WIRE__STATUS__TEST && out->lane < WIRE_LANES;
}

void broker_put_fact(uint8_t out[BROKER_FACT_BYTES], const struct broker_fact *fact)
{
    memcpy(out, fact->id, WIRE_ID_BYTES);
    uint8_t *at = wire_put_u16(out + WIRE_ID_BYTES, fact->disposition);
    *at++ = fact->status;
    *at++ = fact->action;
    *at++ = fact->unit;
    wire_put_u32(wire_put_u32(at, fact->kind), fact->keep_until);
}

bool broker_get_fact(const Wire__LedgerBatch *batch, uint32_t index, struct broker_fact *out)
{
    size_t from = (size_t)index * BROKER_FACT_BYTES;
    if (batch->facts.len != (size_t)batch->seal->count * BROKER_FACT_BYTES || index >= batch->seal->count)
        return false;
    struct reader in = {batch->facts.data + from, BROKER_FACT_BYTES, false};
    memcpy(out->id, next(&in, WIRE_ID_BYTES), WIRE_ID_BYTES);
    out->disposition = next_u16(&in);
    out->status = next_u8(&in);
    out->action = next_u8(&in);
    out->unit = next_u8(&in);
    out->kind = next_u32(&in);
    out->keep_until = next_u32(&in);
    return out->disposition <= batch->n_disposition && out->status <= WIRE__STATUS__TEST &&
           out->action <= WIRE__ACTION__CANCEL;
}
