/* Rows as text, for traces and for people who look into a ledger. */
#include "broker/core/inside.h"
#include "broker/core/text.h"
#include "wire/codec.h"
#include "wire/id.h"
#include "wire/lane.h"

void broker_text_hex(struct wire_text *text, const void *data, size_t size)
{
    const uint8_t *at = data;
    size_t shown = size > 4 ? 4 : size; /* enough to tell them apart */
    for (size_t i = 0; i < shown; i++)
        wire_text_format(text, "%02x", at[i]);
    if (shown < size)
        wire_text_string(text, "..");
}

/* --- keys ------------------------------------------------------------------------------------------------------------
 */
static void text_stream(struct wire_text *text, struct wire_bytes key)
{
    struct broker_stream stream;
    uint64_t first = 0;
    bool batch = key.size > 8 && !broker_stream_of_key(key, &stream);
    if (batch) {
        first = wire_get_u64(key.data + key.size - 8);
        key.size -= 8;
    }
    if (!broker_stream_of_key(key, &stream))
        return;
    wire_text_format(text, " %06u/%.*s/%s/", stream.origin, (int)stream.mechanism.size,
                     (const char *)stream.mechanism.data, wire_lane_name(stream.lane));
    broker_text_hex(text, stream.store_id, WIRE_ID_BYTES);
    if (batch)
        wire_text_format(text, "/%llu", (unsigned long long)first);
}

static void text_queue(struct wire_text *text, struct wire_bytes key)
{
    struct broker_queue_name name;
    uint64_t number = 0;
    bool row = broker_queue_row_of_key(key, &name, &number);
    if (!row && !broker_queue_of_key(key, &name))
        return;
    wire_text_format(text, " %06u/%.*s/%s", name.recipient, (int)name.mechanism.size, (const char *)name.mechanism.data,
                     wire_lane_name(name.lane));
    if (row)
        wire_text_format(text, "/%llu", (unsigned long long)number);
}

static void text_duty(struct wire_text *text, struct wire_bytes key)
{
    static const char *const names[] = {"arrive", "sign-for", "first-feedback", "close"};
    struct broker_duty duty;
    int64_t next_ms = 0;
    bool timed = broker_obligation_of_key(key, &next_ms, &duty);
    if (!timed && !broker_duty_of_key(key, &duty))
        return;
    if (timed)
        wire_text_format(text, " at %lld", (long long)next_ms);
    wire_text_format(text, " %s serial %llu by %06u/%llu", names[duty.duty], (unsigned long long)duty.serial,
                     duty.recipient, (unsigned long long)duty.number);
    if (duty.group != 0)
        wire_text_format(text, " group %u", duty.group);
}

/* Keys that are a u32 or u64 and numbers behind it. */
static void text_numbers(struct wire_text *text, struct wire_bytes key, const char *widths)
{
    size_t at = 0;
    const char *gap = " ";
    for (; *widths != '\0' && at + (size_t)(*widths - '0') <= key.size; widths++) {
        size_t width = (size_t)(*widths - '0');
        unsigned long long v = 0;
        for (size_t i = 0; i < width; i++)
            v = v << 8 | key.data[at + i];
        wire_text_format(text, "%s%llu", gap, v);
        gap = "/";
        at += width;
    }
}

void broker_text_key(struct wire_text *text, uint32_t table, struct wire_bytes key)
{
    if (key.size == 0)
        return;
    switch (table) {
    case BROKER_META:
        wire_text_format(text, " %.*s", (int)key.size, (const char *)key.data);
        break;
    case BROKER_STREAM:
    case BROKER_STREAM_BATCH:
        text_stream(text, key);
        break;
    case BROKER_QUEUE:
    case BROKER_QUEUE_HEAD:
    case BROKER_CURSOR:
        text_queue(text, key);
        break;
    case BROKER_OBLIGATION:
    case BROKER_OBLIGATION_OF:
        text_duty(text, key);
        break;
    case BROKER_ENVELOPE:
        text_numbers(text, key, "4");
        wire_text_string(text, "/");
        broker_text_hex(text, key.data + 4 + WIRE_ID_BYTES - 4, 4);
        break;
    case BROKER_BATCH:
    case BROKER_HEADERS:
    case BROKER_POLICY:
    case BROKER_DIRECTORY:
        text_numbers(text, key, "8");
        break;
    case BROKER_RECEIPT:
    case BROKER_LINK:
        text_numbers(text, key, "48");
        break;
    case BROKER_ARRIVAL:
        text_numbers(text, key, "848");
        break;
    case BROKER_ANSWERED:
        text_numbers(text, key, "8421");
        break;
    default:
        text_numbers(text, key, "44");
    }
}

/* --- values ----------------------------------------------------------------------------------------------------------
 */
static void text_bits(struct wire_text *text, const uint8_t *bits, uint32_t count)
{
    const char *gap = "";
    for (uint32_t i = 0; i < count; i++) {
        if (!broker_bit(bits, i))
            continue;
        uint32_t last = i;
        while (last + 1 < count && broker_bit(bits, last + 1))
            last++;
        wire_text_format(text, last > i ? "%s%u-%u" : "%s%u", gap, i, last);
        gap = ",";
        i = last;
    }
    if (gap[0] == '\0')
        wire_text_string(text, "none");
}

void broker_text_part(struct wire_text *text, const uint8_t *given, const uint8_t *owes, uint32_t count)
{
    wire_text_string(text, " given ");
    text_bits(text, given, count);
    wire_text_string(text, " owes ");
    text_bits(text, owes, count);
}

static bool text_fixed(struct wire_text *text, uint32_t table, struct wire_bytes value)
{
    struct broker_stream_row stream;
    struct broker_stream_batch_row batch;
    struct broker_envelope_row envelope;
    struct broker_queue_row queue;
    struct broker_head_row head;
    struct broker_cursor_row cursor;
    struct broker_obligation_row obligation;
    uint64_t number;
    uint32_t serial;
    if (table == BROKER_STREAM && broker_get_stream(value, &stream)) {
        wire_text_format(text, "head %llu frozen %u", (unsigned long long)stream.head, stream.frozen_outcome);
    } else if (table == BROKER_STREAM_BATCH && broker_get_stream_batch(value, &batch)) {
        wire_text_format(text, "serial %llu count %u receipt %llu root ", (unsigned long long)batch.serial, batch.count,
                         (unsigned long long)batch.receipt_number);
        broker_text_hex(text, batch.root.bytes, WIRE_HASH_BYTES);
    } else if (table == BROKER_ENVELOPE && broker_get_envelope(value, &envelope)) {
        wire_text_format(text, "serial %llu index %u code %u reason %s", (unsigned long long)envelope.serial,
                         envelope.index, envelope.code, wire_status_name(envelope.reason));
    } else if (table == BROKER_QUEUE && broker_get_queue(value, &queue)) {
        wire_text_format(text, "serial %llu cost %u", (unsigned long long)queue.serial, queue.cost);
        broker_text_part(text, queue.given, queue.owes, queue.count);
        wire_text_format(text, " total %llu chain ", (unsigned long long)queue.envelopes);
        broker_text_hex(text, queue.chain.bytes, WIRE_HASH_BYTES);
    } else if (table == BROKER_QUEUE_HEAD && broker_get_head(value, &head)) {
        wire_text_format(text, "last %llu total %llu chain ", (unsigned long long)head.number,
                         (unsigned long long)head.envelopes);
        broker_text_hex(text, head.chain.bytes, WIRE_HASH_BYTES);
    } else if (table == BROKER_CURSOR && broker_get_cursor(value, &cursor)) {
        wire_text_format(text, "arrived %llu total %llu", (unsigned long long)cursor.number,
                         (unsigned long long)cursor.envelopes);
    } else if (table == BROKER_OBLIGATION && broker_get_obligation(value, &obligation)) {
        static const char *const steps[] = {"arrive", "remind", "overdue"};
        wire_text_format(text, "%s due %lld%s owed ", steps[obligation.step], (long long)obligation.due_ms,
                         obligation.extended ? " extended" : "");
        text_bits(text, obligation.owed, obligation.count);
        if (broker_any(obligation.told)) {
            wire_text_string(text, " told ");
            text_bits(text, obligation.told, obligation.count);
        }
    } else if ((table == BROKER_OBLIGATION_OF || table == BROKER_META) && broker_get_u64(value, &number)) {
        wire_text_format(text, "%llu", (unsigned long long)number);
    } else if (table == BROKER_NUMBER && broker_get_u32(value, &serial)) {
        wire_text_format(text, "%u", serial);
    } else {
        return false;
    }
    return true;
}

void broker_text_row(struct wire_text *text, const struct wire_row *row)
{
    wire_text_format(text, "  %s %s", row->erase ? "erase" : "put", broker_table_name(row->table));
    broker_text_key(text, row->table, row->key);
    if (!row->erase && row->value.size > 0) {
        wire_text_string(text, ": ");
        if (!text_fixed(text, row->table, row->value))
            wire_text_format(text, "%zu bytes", row->value.size);
    }
    wire_text_string(text, "\n");
}
