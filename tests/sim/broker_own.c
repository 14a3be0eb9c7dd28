/* The broker's own envelopes, reminder and overdue: what broker/own.c does. */
#include "sim.h"

#include "wire/batch.h"
#include "wire/id.h"
#include "wire/kind.h"
#include "wire/time.h"

static sim_do on_turn;

void sim_own_take(struct sim_broker *broker, const struct broker_seal *seal)
{
    ENSURE(!broker->own_waits && seal->count > 0 && seal->count <= BROKER_SEAL_DRAFTS_MAX);
    broker->own_waits = true;
    broker->own_request = seal->request;
    broker->own_lane = seal->lane;
    broker->own_count = seal->count;
    snprintf(broker->own_mechanism, sizeof broker->own_mechanism, "%s", seal->mechanism);
    memcpy(broker->own, seal->drafts, seal->count * sizeof(*seal->drafts));
    for (size_t i = 0; i < seal->count; i++)
        sim_check_due(broker, &seal->drafts[i]);
    sim_after(broker->process.sim, 1, on_turn, broker, broker->process.life);
}

struct making {
    struct sim_broker *broker;
    struct sim *sim;
    struct wire_arena *arena;
    uint8_t store_id[WIRE_ID_BYTES];
    uint64_t first;
    uint32_t day, serial;
    int64_t now_ms;
};

static void fill_header(struct making *m, const struct broker_draft *draft, size_t i, Wire__Header *header)
{
    uint8_t random[10], *id = wire_arena_take(m->arena, WIRE_ID_BYTES);
    sim_random_bytes(m->sim, random, sizeof random);
    wire_id_make(m->now_ms, random, id);
    wire__header__init(header);
    header->version = WIRE_PROTOCOL_VERSION;
    header->id = sim_bin(id, WIRE_ID_BYTES);
    header->number_date = m->day;
    header->number_serial = ++m->serial;
    header->issuer_unit = WIRE_UNIT_COMMAND;
    header->store_id = sim_bin(m->store_id, WIRE_ID_BYTES);
    header->seq = m->first + i;
    header->mechanism = m->broker->own_mechanism;
    header->lane = m->broker->own_lane;
    header->kind = draft->kind;
    header->status = draft->status;
    header->action = WIRE__ACTION__ISSUE;
    header->urgency = WIRE__URGENCY__EXPECTED;
    header->created_ms = m->now_ms;
    header->has_due_ms = true;
    header->due_ms = draft->due_ms;
    header->keep_until = draft->keep_until;
    header->form = WIRE__PAYLOAD_FORM__CLEAR;
}

static uint8_t *named_id(struct making *m, const struct broker_draft *draft)
{
    enum wire_status status;
    Wire__LedgerHeaders *headers = ledger_headers(&m->broker->ledger, draft->serial, m->arena, &status);
    ENSURE(headers != NULL && draft->index < headers->n_header);
    Wire__Header *header = (Wire__Header *)wire_decode(
        &wire__header__descriptor, sim_bytes(headers->header[draft->index]), WIRE_STRICT_NONE, m->arena, &status);
    ENSURE(header != NULL);
    return header->id.data;
}

static void fill_addresses(struct making *m, const struct broker_draft *draft, Wire__Header *header)
{
    header->to = wire_arena_take(m->arena, 2 * sizeof(*header->to));
    for (uint32_t i = 0; i < draft->to_count; i++) {
        Wire__Address *address = wire_arena_take(m->arena, sizeof(*address));
        wire__address__init(address);
        address->region = draft->to[i];
        address->has_unit = draft->to_unit[i] != 0;
        address->unit = draft->to_unit[i];
        header->to[header->n_to++] = address;
    }
    header->in_reply_to = wire_arena_take(m->arena, sizeof(*header->in_reply_to));
    wire__reference__init(header->in_reply_to);
    header->in_reply_to->origin = draft->origin;
    header->in_reply_to->id = sim_bin(named_id(m, draft), WIRE_ID_BYTES);
}

static void make(struct making *m, size_t i, Wire__Envelope *envelope, Wire__Header *header)
{
    uint8_t *salt = wire_arena_take(m->arena, WIRE_SALT_BYTES), *payload = wire_arena_take(m->arena, 24);
    fill_header(m, &m->broker->own[i], i, header);
    fill_addresses(m, &m->broker->own[i], header);
    sim_check_own_seq(m->broker, header);
    sim_random_bytes(m->sim, salt, WIRE_SALT_BYTES);
    sim_random_bytes(m->sim, payload, 24);
    struct wire_digest digest =
        wire_payload_digest(&m->sim->hash, wire_bytes(salt, WIRE_SALT_BYTES), wire_bytes(payload, 24));
    header->digest = sim_bin(wire_arena_copy(m->arena, &digest, sizeof digest), WIRE_HASH_BYTES);
    struct wire_bytes raw = wire_encode(&header->base, m->arena);
    wire__envelope__init(envelope);
    envelope->header = sim_bin(raw.data, raw.size);
    envelope->salt = sim_bin(salt, WIRE_SALT_BYTES);
    envelope->payload = sim_bin(payload, 24);
    struct sim_envelope *known = sim_model_add(m->sim, 0, header->id.data);
    known->known = true;
    known->status = header->status;
    known->plain = sim_hash64(payload, 24);
    known->who = m->broker->own[i].who;
    known->duty = m->broker->own[i].duty;
    m->sim->count.own++;
}

/* Where the broker's own stream and today's numbers stand. */
static void begin(struct making *m)
{
    struct ledger *ledger = &m->broker->ledger;
    struct broker_stream stream = {.mechanism = wire_bytes(m->broker->own_mechanism, strlen(m->broker->own_mechanism)),
                                   .lane = (uint32_t)m->broker->own_lane,
                                   .store_id = m->store_id};
    struct broker_stream_row row = {0};
    struct broker_key key = broker_key_stream(&stream);
    if (keep_get(ledger->keep, BROKER_STREAM, wire_bytes(key.data, key.size), &ledger->value) == WIRE_OK)
        ENSURE(broker_get_stream(wire_bytes(ledger->value.data, ledger->value.size), &row));
    m->first = row.head + 1;
    key = broker_key_number(0, m->day);
    if (keep_get(ledger->keep, BROKER_NUMBER, wire_bytes(key.data, key.size), &ledger->value) == WIRE_OK)
        ENSURE(broker_get_u32(wire_bytes(ledger->value.data, ledger->value.size), &m->serial));
}

static void make_batch(struct making *m, struct broker_submit *submit)
{
    size_t count = m->broker->own_count;
    Wire__Batch *batch = wire_arena_take(m->arena, sizeof(*batch));
    Wire__BatchSeal *seal = wire_arena_take(m->arena, sizeof(*seal));
    Wire__Header **headers = wire_arena_take(m->arena, count * sizeof(*headers));
    struct wire_digest *leaves = wire_arena_take(m->arena, count * sizeof(*leaves));
    struct wire_digest *scratch = wire_arena_take(m->arena, count * sizeof(*scratch));
    wire__batch__init(batch);
    wire__batch_seal__init(seal);
    batch->envelope = wire_arena_take(m->arena, count * sizeof(*batch->envelope));
    for (size_t i = 0; i < count; i++) {
        batch->envelope[i] = wire_arena_take(m->arena, sizeof(**batch->envelope));
        headers[i] = wire_arena_take(m->arena, sizeof(**headers));
        make(m, i, batch->envelope[i], headers[i]);
        leaves[i] = scratch[i] = wire_header_leaf(&m->sim->hash, sim_bytes(batch->envelope[i]->header));
    }
    struct wire_digest root = wire_merkle_root(&m->sim->hash, scratch, count);
    batch->n_envelope = count;
    batch->seal = seal;
    seal->mechanism = m->broker->own_mechanism;
    seal->lane = m->broker->own_lane;
    seal->store_id = sim_bin(m->store_id, WIRE_ID_BYTES);
    seal->first = m->first;
    seal->count = (uint32_t)count;
    seal->root = sim_bin(wire_arena_copy(m->arena, &root, sizeof root), WIRE_HASH_BYTES);
    sim_sign_batch(m->sim, (struct sim_key){0, m->broker->generation}, seal, m->arena);
    submit->batch = batch;
    submit->headers = headers;
    submit->leaves = leaves;
}

static void seal_own(struct sim_broker *broker);

/* In a turn of its own: one may follow the other many times. */
static void on_turn(struct sim *sim, void *what, uint64_t life)
{
    struct sim_broker *broker = what;
    if (!broker->process.up || broker->process.life != life || sim_process_defer(&broker->process, on_turn, what, life))
        return;
    wire_arena_reset(&sim->arena);
    seal_own(broker);
}

static void seal_own(struct sim_broker *broker)
{
    struct sim *sim = broker->process.sim;
    struct broker_totals totals;
    if (!broker->own_waits)
        return;
    broker->own_waits = false;
    broker_core_totals(broker->core, &totals);
    struct making m = {.broker = broker, .sim = sim, .arena = &sim->arena, .now_ms = sim_wall_ms(&broker->process)};
    broker_own_store_id(&totals, m.store_id);
    m.day = wire_day_of(m.now_ms);
    struct broker_event event = {.kind = BROKER_EVENT_SEALED};
    event.sealed.request = broker->own_request;
    begin(&m);
    make_batch(&m, &event.sealed.submit);
    ENSURE(ledger_look_submit(&broker->ledger, &event.sealed.submit, m.arena) == WIRE_OK);
    sim_broker_step(broker, &event);
}
