#include "broker/core/record.h"
#include "wire/ensure.h"
#include <string.h>

struct table_fact {
    const char *name;
    bool boots;
};

static const struct table_fact tables[BROKER_TABLES] = {
    [BROKER_META] = {"meta", true},
    [BROKER_STREAM] = {"stream", false},
    [BROKER_STREAM_BATCH] = {"stream-batch", false},
    [BROKER_BATCH] = {"batch", false},
    [BROKER_HEADERS] = {"headers", false},
    [BROKER_PAYLOAD] = {"payload", false},
    [BROKER_PAYLOAD_DAY] = {"payload-day", false},
    [BROKER_ENVELOPE] = {"envelope", false},
    [BROKER_RECEIPT] = {"receipt", false},
    [BROKER_REGION] = {"region", true},
    [BROKER_QUEUE] = {"queue", false},
    [BROKER_QUEUE_HEAD] = {"queue-head", true},
    [BROKER_CURSOR] = {"cursor", true},
    [BROKER_ARRIVAL] = {"arrival", false},
    [BROKER_OBLIGATION] = {"obligation", false},
    [BROKER_OBLIGATION_OF] = {"obligation-of", false},
    [BROKER_LINEAGE] = {"lineage", true},
    [BROKER_NUMBER] = {"number", false},
    [BROKER_POLICY] = {"policy", false},
    [BROKER_DIRECTORY] = {"directory", false},
    [BROKER_LINK] = {"link", false},
    [BROKER_ANSWERED] = {"answered", false},
};

const char *broker_table_name(uint32_t table)
{
    return table < BROKER_TABLES && tables[table].name != NULL ? tables[table].name : "?";
}

bool broker_table_boots(uint32_t table)
{
    return table < BROKER_TABLES && tables[table].boots;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */
static void add(struct broker_key *key, const void *data, size_t size)
{
    ENSURE(key->size + size <= sizeof key->data);
    memcpy(key->data + key->size, data, size);
    key->size += size;
}

static void add_u8(struct broker_key *key, uint8_t v)
{
    add(key, &v, 1);
}

static void add_u16(struct broker_key *key, uint16_t v)
{
    uint8_t raw[2];
    wire_put_u16(raw, v);
    add(key, raw, sizeof raw);
}

static void add_u32(struct broker_key *key, uint32_t v)
{
    uint8_t raw[4];
    wire_put_u32(raw, v);
    add(key, raw, sizeof raw);
}

static void add_u64(struct broker_key *key, uint64_t v)
{
    uint8_t raw[8];
    wire_put_u64(raw, v);
    add(key, raw, sizeof raw);
}

static void add_mechanism(struct broker_key *key, struct wire_bytes mechanism)
{
    ENSURE(mechanism.size >= 1 && mechanism.size <= WIRE_MECHANISM_BYTES_MAX);
    add_u8(key, (uint8_t)mechanism.size);
    add(key, mechanism.data, mechanism.size);
}

static struct broker_key key_text(const char *text)
{
    struct broker_key key = {.size = 0};
    add(&key, text, strlen(text));
    return key;
}

static struct broker_key key_u32(uint32_t v)
{
    struct broker_key key = {.size = 0};
    add_u32(&key, v);
    return key;
}

static struct broker_key key_u32_u64(uint32_t a, uint64_t b)
{
    struct broker_key key = key_u32(a);
    add_u64(&key, b);
    return key;
}

struct broker_key broker_key_meta(void)
{
    return key_text("meta");
}

struct broker_key broker_key_last_serial(void)
{
    return key_text("serial");
}

struct broker_key broker_key_stream(const struct broker_stream *stream)
{
    struct broker_key key = key_u32(stream->origin);
    add_mechanism(&key, stream->mechanism);
    add_u8(&key, (uint8_t)stream->lane);
    add(&key, stream->store_id, WIRE_ID_BYTES);
    return key;
}

struct broker_key broker_key_streams_of(uint32_t origin)
{
    return key_u32(origin);
}

struct broker_key broker_key_stream_batch(const struct broker_stream *stream, uint64_t first)
{
    struct broker_key key = broker_key_stream(stream);
    add_u64(&key, first);
    return key;
}

struct broker_key broker_key_serial(uint64_t serial)
{
    struct broker_key key = {.size = 0};
    add_u64(&key, serial);
    return key;
}

struct broker_key broker_key_payload(uint64_t serial, uint32_t day)
{
    struct broker_key key = broker_key_serial(serial);
    add_u32(&key, day);
    return key;
}

struct broker_key broker_key_payload_day(uint32_t day, uint64_t serial)
{
    return key_u32_u64(day, serial);
}

struct broker_key broker_key_envelope(uint32_t origin, const uint8_t id[WIRE_ID_BYTES])
{
    struct broker_key key = key_u32(origin);
    add(&key, id, WIRE_ID_BYTES);
    return key;
}

struct broker_key broker_key_receipt(uint32_t origin, uint64_t number)
{
    return key_u32_u64(origin, number);
}

struct broker_key broker_key_region(uint32_t region)
{
    return key_u32(region);
}

struct broker_key broker_key_queue(const struct broker_queue_name *queue)
{
    struct broker_key key = key_u32(queue->recipient);
    add_mechanism(&key, queue->mechanism);
    add_u8(&key, (uint8_t)queue->lane);
    return key;
}

struct broker_key broker_key_queue_row(const struct broker_queue_name *queue, uint64_t number)
{
    struct broker_key key = broker_key_queue(queue);
    add_u64(&key, number);
    return key;
}

struct broker_key broker_key_arrival(uint64_t serial, uint32_t recipient, uint64_t number)
{
    struct broker_key key = broker_key_serial(serial);
    add_u32(&key, recipient);
    add_u64(&key, number);
    return key;
}

static void add_duty(struct broker_key *key, const struct broker_duty *duty)
{
    add_u64(key, duty->serial);
    add_u32(key, duty->recipient);
    add_u64(key, duty->number);
    add_u8(key, duty->duty);
    add_u16(key, duty->group);
}

struct broker_key broker_key_obligation(int64_t next_ms, const struct broker_duty *duty)
{
    struct broker_key key = {.size = 0};
    ENSURE(next_ms >= 0); /* else byte order would not be the order of time */
    add_u64(&key, (uint64_t)next_ms);
    add_duty(&key, duty);
    return key;
}

struct broker_key broker_key_duty(const struct broker_duty *duty)
{
    struct broker_key key = {.size = 0};
    add_duty(&key, duty);
    return key;
}

static struct broker_key key_u64_u32(uint64_t a, uint32_t b)
{
    struct broker_key key = broker_key_serial(a);
    add_u32(&key, b);
    return key;
}

struct broker_key broker_key_duties_of(uint64_t serial)
{
    return broker_key_serial(serial);
}

struct broker_key broker_key_duties_by(uint64_t serial, uint32_t recipient)
{
    return key_u64_u32(serial, recipient);
}

struct broker_key broker_key_answered_by(uint64_t serial, uint32_t recipient)
{
    return key_u64_u32(serial, recipient);
}

struct broker_key broker_key_answered(uint64_t serial, uint32_t recipient, uint16_t index, uint8_t duty)
{
    struct broker_key key = broker_key_answered_by(serial, recipient);
    add_u16(&key, index);
    add_u8(&key, duty);
    return key;
}

struct broker_key broker_key_number(uint32_t origin, uint32_t date)
{
    struct broker_key key = key_u32(origin);
    add_u32(&key, date);
    return key;
}

struct broker_key broker_key_version(uint64_t version)
{
    return broker_key_serial(version);
}

struct broker_key broker_key_link(uint32_t region, int64_t wall_ms)
{
    return key_u32_u64(region, (uint64_t)wall_ms);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */
/* region u32 ‖ mechanism ‖ lane; returns what follows, or NULL. */
static const uint8_t *take_name(struct wire_bytes key, size_t rest, uint32_t *region, struct wire_bytes *mechanism,
                                uint32_t *lane)
{
    if (key.size < 5)
        return NULL;
    size_t length = key.data[4];
    if (length < 1 || length > WIRE_MECHANISM_BYTES_MAX || key.size != 5 + length + 1 + rest)
        return NULL;
    *region = wire_get_u32(key.data);
    *mechanism = wire_bytes(key.data + 5, length);
    *lane = key.data[5 + length];
    return *lane < WIRE_LANES ? key.data + 5 + length + 1 : NULL;
}

bool broker_stream_of_key(struct wire_bytes key, struct broker_stream *out)
{
    out->store_id = take_name(key, WIRE_ID_BYTES, &out->origin, &out->mechanism, &out->lane);
    return out->store_id != NULL;
}

bool broker_queue_of_key(struct wire_bytes key, struct broker_queue_name *out)
{
    return take_name(key, 0, &out->recipient, &out->mechanism, &out->lane) != NULL;
}

bool broker_queue_row_of_key(struct wire_bytes key, struct broker_queue_name *out, uint64_t *number)
{
    const uint8_t *rest = take_name(key, 8, &out->recipient, &out->mechanism, &out->lane);
    if (rest != NULL)
        *number = wire_get_u64(rest);
    return rest != NULL;
}

bool broker_duty_of_key(struct wire_bytes key, struct broker_duty *out)
{
    if (key.size != BROKER_DUTY_BYTES)
        return false;
    out->serial = wire_get_u64(key.data);
    out->recipient = wire_get_u32(key.data + 8);
    out->number = wire_get_u64(key.data + 12);
    out->duty = key.data[20];
    out->group = wire_get_u16(key.data + 21);
    return out->duty <= WIRE__DUTY__CLOSE;
}

bool broker_obligation_of_key(struct wire_bytes key, int64_t *next_ms, struct broker_duty *out)
{
    if (key.size != 8 + BROKER_DUTY_BYTES)
        return false;
    *next_ms = (int64_t)wire_get_u64(key.data);
    return *next_ms >= 0 && broker_duty_of_key(wire_bytes(key.data + 8, BROKER_DUTY_BYTES), out);
}

bool broker_answered_of_key(struct wire_bytes key, uint16_t *index, uint8_t *duty)
{
    if (key.size != 8 + 4 + 2 + 1)
        return false;
    *index = wire_get_u16(key.data + 12);
    *duty = key.data[14];
    return *index < WIRE_BATCH_ENVELOPES_MAX && *duty <= WIRE__DUTY__CLOSE;
}
