/* What is owed. Terms run from the arrival until the one who owes has answered, or the origin has cancelled: then
 * nobody is reminded of them any more; and until then they are not forgotten, whoever else answered. A matter that is
 * handed over has terms of its own where it went: neither the answer that hands it over nor a cancel of the first
 * notice ends those. (reminders.c: once a term.) */
#include "sim.h"

#include "wire/id.h"
#include "wire/kind.h"

/* --- what is over is not reminded of ------------------------------------------------------------------------------ */

enum { ENDED = UINT32_MAX - 3 }; /* no region */

static void name_of(const struct sim_broker *broker, uint64_t serial, uint32_t index, uint32_t who, uint32_t duty,
                    uint8_t out[WIRE_ID_BYTES])
{
    uint64_t words[] = {serial, index, who, duty, broker->index, broker->losses};
    uint64_t name[2] = {sim_hash64(words, sizeof words), serial << 16 | index};
    memcpy(out, name, WIRE_ID_BYTES);
}

/* As the ledger is now: what it lost in a crash is judged again. */
static bool holds(struct sim_broker *broker, const struct sim_envelope *ended)
{
    struct broker_key key = broker_key_envelope(ended->by_origin, ended->by);
    struct broker_envelope_row row;
    struct keep_value value = {0};
    bool there = keep_get(broker->ledger.keep, BROKER_ENVELOPE, wire_bytes(key.data, key.size), &value) == WIRE_OK &&
                 broker_get_envelope(wire_bytes(value.data, value.size), &row) &&
                 row.code == WIRE__VERDICT_CODE__ADMITTED;
    keep_value_close(&value);
    return there;
}

void sim_note_answer(struct sim_broker *broker, const struct broker_envelope_look *look, const Wire__Header *header)
{
    struct sim *sim = broker->process.sim;
    struct sim_answers ends = {0};
    if (look->named_serial == 0)
        return;
    sim_answers_of(&ends, header);
    for (size_t i = 0; i < ends.count; i++) {
        uint8_t name[WIRE_ID_BYTES];
        name_of(broker, look->named_serial, look->named_index, ends.list[i].who, ends.list[i].duty, name);
        struct sim_envelope *ended = sim_model_add(sim, (uint32_t)ENDED, name);
        if (ended->known && holds(broker, ended))
            continue;
        ended->known = true;
        ended->by_origin = header->origin;
        memcpy(ended->by, header->id.data, WIRE_ID_BYTES);
    }
    sim_answers_free(&ends);
}

static void check_over(struct sim_broker *broker, const struct broker_draft *draft, uint32_t who, uint32_t duty)
{
    struct sim *sim = broker->process.sim;
    uint8_t name[WIRE_ID_BYTES];
    char text[WIRE_ID_TEXT];
    name_of(broker, draft->serial, draft->index, who, duty, name);
    const struct sim_envelope *ended = sim_model_find(sim, (uint32_t)ENDED, name);
    if (ended != NULL && ended->known && holds(broker, ended))
        sim_fail(sim, 3, "%s is about to remind %06u of duty %u, which %06u %s has ended", broker->process.name,
                 draft->who, draft->duty, ended->by_origin, wire_id_text(ended->by, text));
}

void sim_check_due(struct sim_broker *broker, const struct broker_draft *draft)
{
    if (draft->duty == BROKER_DUTY_ARRIVE)
        return; /* nobody who has not got it can answer it; a cancel does not make it arrive */
    check_over(broker, draft, draft->who, draft->duty);
    check_over(broker, draft, SIM_ANYBODY, SIM_ANY_DUTY);
}

/* --- and what is not over is not forgotten ------------------------------------------------------------------------ */

struct owing {
    struct sim_broker *broker;
    struct sim *sim;
    struct sim_answers over, told;
    uint64_t serial;
    const Wire__LedgerBatch *batch;
    Wire__Header *header[WIRE_BATCH_ENVELOPES_MAX];
    const Wire__Disposition *given[WIRE_BATCH_ENVELOPES_MAX];
    /* of one recipient */
    uint8_t came[BROKER_BITMAP_BYTES], owed[WIRE__DUTY__CLOSE + 1][BROKER_BITMAP_BYTES];
};

static void open_batch(struct owing *o, struct wire_bytes key, struct wire_bytes value)
{
    struct sim *sim = o->sim;
    struct broker_fact fact;
    enum wire_status status;
    wire_arena_reset(&sim->checks);
    o->serial = wire_get_u64(key.data);
    o->batch = (const Wire__LedgerBatch *)wire_decode(&wire__ledger_batch__descriptor, value, WIRE_STRICT_NONE,
                                                      &sim->checks, &status);
    const Wire__LedgerHeaders *headers = ledger_headers(&o->broker->ledger, o->serial, &sim->checks, &status);
    ENSURE(o->batch != NULL && headers != NULL && headers->n_header <= WIRE_BATCH_ENVELOPES_MAX);
    for (size_t i = 0; i < headers->n_header; i++) {
        o->header[i] = (Wire__Header *)wire_decode(&wire__header__descriptor, sim_bytes(headers->header[i]),
                                                   WIRE_STRICT_NONE, &sim->checks, &status);
        ENSURE(o->header[i] != NULL && broker_get_fact(o->batch, (uint32_t)i, &fact));
        o->given[i] = fact.disposition == 0 ? NULL : broker_disposition(o->batch, &fact, &sim->checks);
    }
}

/* What all have said, and what was told of the end of terms. */
static bool collect(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct owing *o = context;
    open_batch(o, key, value);
    for (size_t i = 0; i < o->batch->seal->count; i++) {
        const Wire__Header *header = o->header[i];
        const struct sim_envelope *envelope = sim_model_find(o->sim, header->origin, header->id.data);
        if (header->origin == 0 && header->kind == WIRE_KIND_OVERDUE)
            sim_answers_add(&o->told, header->in_reply_to, envelope->who, envelope->duty);
        else if (header->origin != 0 && o->given[i] != NULL)
            sim_answers_of(&o->over, header);
    }
    return true;
}

static bool arrival_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct owing *o = context;
    struct wire_arena *arena = &o->sim->checks;
    enum wire_status status;
    (void)key;
    const Wire__Signed *signed_ =
        (const Wire__Signed *)wire_decode(&wire__signed__descriptor, value, WIRE_STRICT_NONE, arena, &status);
    const Wire__ArrivedStatement *said =
        signed_ == NULL ? NULL
                        : (const Wire__ArrivedStatement *)wire_decode(&wire__arrived_statement__descriptor,
                                                                      sim_bytes(signed_->statement), WIRE_STRICT_NONE,
                                                                      arena, &status);
    ENSURE(said != NULL);
    for (size_t i = 0; i < said->n_arrival; i++)
        if (said->arrival[i]->code == WIRE__VERDICT_CODE__ARRIVED)
            broker_bit_set(o->came, said->arrival[i]->index);
    return true;
}

static bool duty_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct owing *o = context;
    struct broker_duty duty;
    struct broker_obligation_row row;
    struct keep_value found = {0};
    int64_t next_ms;
    ENSURE(broker_duty_of_key(key, &duty) && broker_get_i64(value, &next_ms) && duty.duty <= WIRE__DUTY__CLOSE);
    struct broker_key at = broker_key_obligation(next_ms, &duty);
    ENSURE(keep_get(o->broker->ledger.keep, BROKER_OBLIGATION, wire_bytes(at.data, at.size), &found) == WIRE_OK &&
           broker_get_obligation(wire_bytes(found.data, found.size), &row));
    keep_value_close(&found);
    for (size_t i = 0; i < BROKER_BITMAP_BYTES; i++)
        o->owed[duty.duty][i] |= row.owed[i];
    return true;
}

static void scan(struct owing *o, uint8_t table, struct broker_key prefix,
                 bool (*visit)(void *, struct wire_bytes, struct wire_bytes))
{
    struct keep_range range = {.table = table, .prefix = wire_bytes(prefix.data, prefix.size)};
    ENSURE(keep_scan(o->broker->ledger.keep, &range, visit, o, NULL) == WIRE_OK);
}

static void open_recipient(struct owing *o, uint32_t region)
{
    struct broker_key arrivals = broker_key_arrival(o->serial, region, 0);
    memset(o->came, 0, sizeof o->came);
    memset(o->owed, 0, sizeof o->owed);
    arrivals.size -= sizeof(uint64_t); /* under whatever number */
    scan(o, BROKER_ARRIVAL, arrivals, arrival_visit);
    scan(o, BROKER_OBLIGATION_OF, broker_key_duties_by(o->serial, region), duty_visit);
}

static void check_duty(struct owing *o, uint32_t i, uint32_t region, uint32_t duty)
{
    struct sim *sim = o->sim;
    uint32_t origin = o->header[i]->origin;
    const uint8_t *id = o->header[i]->id.data;
    char text[WIRE_ID_TEXT];
    bool came = broker_bit(o->came, i), owed = broker_bit(o->owed[duty], i);
    bool over = sim_answers_have(&o->over, origin, id, region, duty) ||
                sim_answers_have(&o->over, origin, id, SIM_ANYBODY, SIM_ANY_DUTY);
    if (owed && !came)
        sim_fail(sim, 3, "%s: a term of duty %u runs for %06u, where %06u %s has not arrived", o->broker->process.name,
                 duty, region, origin, wire_id_text(id, text));
    if (owed && over &&
        sim->count.losses == 0) /* an answer that was held over a loss may come before what it answers */
        sim_fail(sim, 3, "%s: %06u still owes duty %u of %06u %s, and has answered", o->broker->process.name, region,
                 duty, origin, wire_id_text(id, text));
    if (!came || owed || over || sim_answers_have(&o->told, origin, id, region, duty))
        return;
    if (!sim_has_left(sim, region) || !sim_has_left(sim, origin)) /* else nobody was there to be told */
        sim_fail(sim, 3, "%s: duty %u of %06u about %06u %s is forgotten, and was not fulfilled",
                 o->broker->process.name, duty, region, origin, wire_id_text(id, text));
}

static bool check_batch(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct owing *o = context;
    open_batch(o, key, value);
    for (unsigned r = 0; r < o->sim->region_count; r++) {
        uint32_t region = o->sim->region[r];
        open_recipient(o, region);
        for (uint32_t i = 0; i < o->batch->seal->count; i++) {
            const Wire__Disposition *given = o->given[i];
            bool owes = false;
            for (size_t k = 0; given != NULL && k < given->n_to; k++)
                owes = owes || given->to[k] == region;
            for (size_t k = 0; owes && k < given->n_term; k++)
                check_duty(o, i, region, given->term[k]->duty);
        }
    }
    return true;
}

void sim_check_owed(struct sim *sim)
{
    const struct broker_key all = {.size = 0};
    for (unsigned b = 0; b < sim->broker_count; b++) {
        struct owing o = {.broker = &sim->broker[b], .sim = sim};
        scan(&o, BROKER_BATCH, all, collect);
        sim_answers_sort(&o.over);
        sim_answers_sort(&o.told);
        scan(&o, BROKER_BATCH, all, check_batch);
        sim_answers_free(&o.over);
        sim_answers_free(&o.told);
    }
}
