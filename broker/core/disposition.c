/* Decisions as encoded Disposition messages, each distinct one once a batch. */
#include "broker/core/inside.h"

uint8_t *broker_put_varint(uint8_t *at, uint64_t v)
{
    while (v >= 0x80) {
        *at++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *at++ = (uint8_t)v;
    return at;
}

uint8_t *broker_put_number(uint8_t *at, uint32_t field, uint64_t v)
{
    return broker_put_varint(broker_put_varint(at, field << 3), v);
}

uint8_t *broker_put_bytes(uint8_t *at, uint32_t field, const void *data, size_t size)
{
    at = broker_put_varint(broker_put_varint(at, field << 3 | 2), size);
    if (size > 0)
        memcpy(at, data, size);
    return at + size;
}

static uint8_t *put_term(uint8_t *at, const struct rules_term *term)
{
    uint8_t raw[32];
    uint8_t *end = broker_put_number(broker_put_number(raw, 1, term->duty), 2, term->minutes);
    if (term->source != '\0')
        end = broker_put_bytes(end, 3, &term->source, 1);
    if (term->office_hours)
        end = broker_put_number(end, 4, 1);
    return broker_put_bytes(at, 8, raw, (size_t)(end - raw));
}

/* Writes the decision at `at`; the size, and the size without the lists. */
static uint32_t encode(const struct rules_decision *decision, uint8_t *start, uint32_t *bare)
{
    uint8_t *at = broker_put_number(start, 1, decision->rule);
    at = broker_put_bytes(at, 2, decision->rule_name, strlen(decision->rule_name));
    at = broker_put_number(at, 3, decision->lane);
    uint8_t *lists = at;
    for (size_t i = 0; i < decision->to_count; i++)
        at = broker_put_number(at, 4, decision->to[i].region);
    for (size_t i = 0; i < decision->cc_count; i++)
        at = broker_put_number(at, 5, decision->cc[i].region);
    for (size_t i = 0; i < decision->to_count; i++)
        at = broker_put_number(at, 6, decision->to[i].unit);
    for (size_t i = 0; i < decision->not_enrolled_count; i++)
        at = broker_put_number(at, 7, decision->not_enrolled[i]);
    size_t listed = (size_t)(at - lists);
    for (size_t i = 0; i < decision->term_count; i++)
        at = put_term(at, &decision->term[i]);
    at = broker_put_number(at, 9, decision->keep_until);
    *bare = (uint32_t)((size_t)(at - start) - listed);
    return (uint32_t)(at - start);
}

static uint32_t hash_of(const uint8_t *data, uint32_t size)
{
    uint64_t hash = 0xcbf29ce484222325u ^ size;
    uint32_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, 8);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    for (; i < size; i++)
        hash = (hash ^ data[i]) * 0x100000001b3u;
    return (uint32_t)(hash ^ hash >> 32);
}

/* When the first term of it ends, for recipients that owe. */
static void first_due(struct disposition *out, const struct rules_decision *decision, int64_t admitted_ms)
{
    out->owed = decision->term_count > 0;
    out->first_due_ms = INT64_MAX;
    for (size_t i = 0; i < decision->term_count; i++) {
        int64_t due =
            broker_due_ms(admitted_ms, (int64_t)decision->term[i].minutes * MINUTE_MS, decision->term[i].office_hours);
        if (due < out->first_due_ms)
            out->first_due_ms = due;
    }
}

void broker_dispositions_open(struct broker_core *core)
{
    core->disposition_count = 0;
    core->dispositions_size = 0;
    memset(core->disposition_slot, 0, sizeof core->disposition_slot);
}

uint32_t broker_disposition_of(struct broker_core *core, int64_t admitted_ms)
{
    enum { SLOTS = sizeof core->disposition_slot / sizeof core->disposition_slot[0] };
    const struct rules_decision *decision = &core->decision;
    uint8_t *start = core->dispositions + core->dispositions_size;
    struct disposition made = {.at = core->dispositions_size};
    made.size = encode(decision, start, &made.bare);
    made.hash = hash_of(start, made.size);
    ENSURE(made.size <= DISPOSITION_BYTES_MAX);
    if (core->statement_size + made.size + core->verdicts_left * VERDICT_BYTES_MAX > BROKER_STATEMENT_BYTES_MAX)
        return NONE;
    uint32_t slot = made.hash % SLOTS;
    for (; core->disposition_slot[slot] != 0; slot = (slot + 1) % SLOTS) {
        uint32_t known = core->disposition_slot[slot] - 1u;
        const struct disposition *other = &core->disposition[known];
        if (other->hash == made.hash && other->size == made.size &&
            memcmp(core->dispositions + other->at, start, made.size) == 0)
            return known;
    }
    first_due(&made, decision, admitted_ms);
    core->disposition[core->disposition_count] = made;
    core->dispositions_size += made.size;
    core->disposition_slot[slot] = (uint16_t)++core->disposition_count;
    return core->disposition_count - 1;
}
