/* The broker's own envelopes: a reminder or an overdue about one envelope, written as its core asked, signed with the
 * broker's identity and judged by the same path as everybody's. */
#include "broker.h"

#include "certs/verify.h"
#include "schema/payload.pb-c.h"
#include "wire/codec.h"
#include "wire/id.h"
#include "wire/kind.h"
#include "wire/region.h"
#include "wire/time.h"

#include <stdlib.h>

struct broker_own {
    uint64_t request;
    char mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
    Wire__Lane lane;
    size_t count;
    struct broker_draft drafts[BROKER_SEAL_DRAFTS_MAX];
};

static void on_seal(uv_timer_t *timer)
{
    struct broker *broker = timer->data;
    wire_arena_reset(&broker->frame_arena);
    broker_own_seal(broker);
}

void broker_own_take(struct broker *broker, const struct broker_seal *seal)
{
    ENSURE(broker->own == NULL && seal->count > 0 && seal->count <= BROKER_SEAL_DRAFTS_MAX &&
           strlen(seal->mechanism) <= WIRE_MECHANISM_BYTES_MAX);
    broker->own = calloc(1, sizeof(*broker->own));
    ENSURE(broker->own != NULL);
    broker->own->request = seal->request;
    broker->own->lane = seal->lane;
    broker->own->count = seal->count;
    strcpy(broker->own->mechanism, seal->mechanism);
    memcpy(broker->own->drafts, seal->drafts, seal->count * sizeof(*seal->drafts));
    uv_timer_start(&broker->seal, on_seal, 0, 0);
}

/* What all envelopes of one batch share while it is made. */
struct making {
    struct broker *broker;
    struct wire_arena *arena;
    const struct broker_own *own;
    uint8_t store_id[WIRE_ID_BYTES];
    uint64_t first;
    uint32_t day, serial; /* the number of the last one made */
    int64_t now_ms;
};

/* What a reminder repeats of the notice that is owed for. */
struct named {
    uint8_t id[WIRE_ID_BYTES];
    char number[WIRE_NUMBER_TEXT]; /* as a person would say it */
    char incident[WIRE_HEADER_BYTES_MAX];
    bool has_incident;
};

static enum wire_status read_named(struct making *m, const struct broker_draft *draft, struct named *out)
{
    enum wire_status status;
    Wire__LedgerHeaders *headers = ledger_headers(&m->broker->ledger, draft->serial, m->arena, &status);
    if (headers == NULL)
        return status == WIRE_NOT_FOUND ? WIRE_DAMAGED : status;
    if (draft->index >= headers->n_header)
        return WIRE_DAMAGED;
    ProtobufCBinaryData raw = headers->header[draft->index];
    Wire__Header *header = (Wire__Header *)wire_decode(&wire__header__descriptor, wire_bytes(raw.data, raw.len),
                                                       WIRE_STRICT_NONE, m->arena, &status);
    if (header == NULL || header->id.len != WIRE_ID_BYTES)
        return WIRE_DAMAGED;
    memcpy(out->id, header->id.data, WIRE_ID_BYTES);
    out->has_incident = header->incident != NULL && strlen(header->incident) < sizeof(out->incident);
    if (out->has_incident)
        strcpy(out->incident, header->incident);
    wire_number_text((struct wire_number){header->origin, header->number_date, header->number_serial}, out->number);
    return WIRE_OK;
}

/* Of a whole batch only this is kept: 64 drafts may name 64 batches. */
static enum wire_status named_of(struct making *m, const struct broker_draft *draft, struct named *out)
{
    size_t mark = wire_arena_mark(m->arena);
    enum wire_status status = read_named(m, draft, out);
    wire_arena_back(m->arena, mark);
    return status;
}

static struct wire_bytes payload_of(struct making *m, const struct broker_draft *draft, char *number)
{
    Wire__Address who = WIRE__ADDRESS__INIT;
    who.region = draft->who;
    who.has_unit = draft->who_unit != 0;
    who.unit = draft->who_unit;
    bool arrive = draft->duty == BROKER_DUTY_ARRIVE;
    if (draft->kind == WIRE_KIND_REMINDER) {
        Wire__Reminder reminder = WIRE__REMINDER__INIT;
        reminder.number = number;
        reminder.has_obligation = !arrive;
        reminder.obligation = arrive ? WIRE__DUTY__SIGN_FOR : (Wire__Duty)draft->duty;
        reminder.has_due_ms = true;
        reminder.due_ms = draft->due_ms;
        reminder.who = &who;
        return wire_encode(&reminder.base, m->arena);
    }
    Wire__Overdue overdue = WIRE__OVERDUE__INIT;
    overdue.number = number;
    overdue.has_obligation = !arrive;
    overdue.obligation = arrive ? WIRE__DUTY__SIGN_FOR : (Wire__Duty)draft->duty;
    overdue.has_due_ms = true;
    overdue.due_ms = draft->due_ms;
    overdue.who = &who;
    overdue.has_not_delivered = overdue.not_delivered = arrive;
    return wire_encode(&overdue.base, m->arena);
}

static void fill_header(struct making *m, const struct broker_draft *draft, size_t i, Wire__Header *header)
{
    wire__header__init(header);
    uint8_t random[10];
    uint8_t *id = wire_arena_take(m->arena, WIRE_ID_BYTES);
    ENSURE(id != NULL);
    cert_random(random, sizeof(random));
    wire_id_make(m->now_ms, random, id);
    header->version = 1;
    header->id = (ProtobufCBinaryData){WIRE_ID_BYTES, id};
    header->number_date = m->day;
    header->number_serial = ++m->serial;
    header->issuer_unit = WIRE_UNIT_COMMAND;
    header->store_id = (ProtobufCBinaryData){WIRE_ID_BYTES, m->store_id};
    header->seq = m->first + i;
    header->mechanism = (char *)m->own->mechanism;
    header->lane = m->own->lane;
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

static void fill_addresses(struct making *m, const struct broker_draft *draft, const struct named *named,
                           Wire__Header *header)
{
    Wire__Address *list = wire_arena_take(m->arena, 2 * sizeof(*list));
    header->to = wire_arena_take(m->arena, 2 * sizeof(*header->to));
    Wire__Reference *about = wire_arena_take(m->arena, sizeof(*about));
    ENSURE(list != NULL && header->to != NULL && about != NULL);
    for (uint32_t i = 0; i < draft->to_count; i++) {
        wire__address__init(&list[i]);
        list[i].region = draft->to[i];
        list[i].has_unit = draft->to_unit[i] != 0;
        list[i].unit = draft->to_unit[i];
        header->to[header->n_to++] = &list[i];
    }
    wire__reference__init(about);
    about->origin = draft->origin;
    about->id = (ProtobufCBinaryData){WIRE_ID_BYTES, wire_arena_copy(m->arena, named->id, WIRE_ID_BYTES)};
    header->in_reply_to = about;
}

static enum wire_status make_envelope(struct making *m, size_t i, Wire__Envelope *envelope, Wire__Header *header)
{
    const struct broker_draft *draft = &m->own->drafts[i];
    struct named named;
    enum wire_status status = named_of(m, draft, &named);
    if (status != WIRE_OK)
        return status;
    fill_header(m, draft, i, header);
    fill_addresses(m, draft, &named, header);
    header->incident = named.has_incident ? wire_arena_text(m->arena, named.incident, strlen(named.incident)) : NULL;
    struct wire_bytes payload = payload_of(m, draft, named.number);
    uint8_t *salt = wire_arena_take(m->arena, WIRE_SALT_BYTES);
    ENSURE(salt != NULL && payload.data != NULL);
    cert_random(salt, WIRE_SALT_BYTES);
    struct wire_digest digest = wire_payload_digest(&m->broker->shell.hash, wire_bytes(salt, WIRE_SALT_BYTES), payload);
    header->digest = (ProtobufCBinaryData){WIRE_HASH_BYTES, wire_arena_copy(m->arena, &digest, sizeof(digest))};
    struct wire_bytes raw = wire_encode(&header->base, m->arena);
    ENSURE(raw.data != NULL);
    wire__envelope__init(envelope);
    envelope->header = (ProtobufCBinaryData){raw.size, (uint8_t *)raw.data};
    envelope->salt = (ProtobufCBinaryData){WIRE_SALT_BYTES, salt};
    envelope->payload = (ProtobufCBinaryData){payload.size, (uint8_t *)payload.data};
    return WIRE_OK;
}

/* Where the broker's own stream and today's numbers stand. */
static enum wire_status start(struct making *m)
{
    struct ledger *ledger = &m->broker->ledger;
    struct broker_stream stream = {.mechanism = wire_bytes(m->own->mechanism, strlen(m->own->mechanism)),
                                   .lane = (uint32_t)m->own->lane,
                                   .store_id = m->store_id};
    struct broker_stream_row row = {0};
    struct broker_key key = broker_key_stream(&stream);
    enum wire_status status = keep_get(ledger->keep, BROKER_STREAM, wire_bytes(key.data, key.size), &ledger->value);
    if (status == WIRE_OK && !broker_get_stream(wire_bytes(ledger->value.data, ledger->value.size), &row))
        return WIRE_DAMAGED;
    if (status != WIRE_OK && status != WIRE_NOT_FOUND)
        return status;
    m->first = row.head + 1;
    key = broker_key_number(WIRE_REGION_BROKER, m->day);
    status = keep_get(ledger->keep, BROKER_NUMBER, wire_bytes(key.data, key.size), &ledger->value);
    if (status == WIRE_OK && !broker_get_u32(wire_bytes(ledger->value.data, ledger->value.size), &m->serial))
        return WIRE_DAMAGED;
    return status == WIRE_NOT_FOUND ? WIRE_OK : status;
}

static enum wire_status make_batch(struct making *m, struct broker_submit *submit)
{
    size_t count = m->own->count;
    struct wire_arena *arena = m->arena;
    Wire__Batch *batch = wire_arena_take(arena, sizeof(*batch));
    Wire__BatchSeal *seal = wire_arena_take(arena, sizeof(*seal));
    Wire__Envelope *envelopes = wire_arena_take(arena, count * sizeof(*envelopes));
    Wire__Header *headers = wire_arena_take(arena, count * sizeof(*headers));
    Wire__Header **header_list = wire_arena_take(arena, count * sizeof(*header_list));
    struct wire_digest *leaves = wire_arena_take(arena, count * sizeof(*leaves));
    struct wire_digest *scratch = wire_arena_take(arena, count * sizeof(*scratch));
    ENSURE(batch && seal && envelopes && headers && header_list && leaves && scratch);
    wire__batch__init(batch);
    wire__batch_seal__init(seal);
    batch->envelope = wire_arena_take(arena, count * sizeof(*batch->envelope));
    ENSURE(batch->envelope != NULL);
    enum wire_status status = start(m);
    for (size_t i = 0; i < count && status == WIRE_OK; i++) {
        status = make_envelope(m, i, &envelopes[i], &headers[i]);
        batch->envelope[i] = &envelopes[i];
        header_list[i] = &headers[i];
        leaves[i] =
            wire_header_leaf(&m->broker->shell.hash, wire_bytes(envelopes[i].header.data, envelopes[i].header.len));
    }
    if (status != WIRE_OK)
        return status;
    batch->n_envelope = count;
    batch->seal = seal;
    memcpy(scratch, leaves, count * sizeof(*leaves));
    struct wire_digest root = wire_merkle_root(&m->broker->shell.hash, scratch, count);
    seal->mechanism = (char *)m->own->mechanism;
    seal->lane = m->own->lane;
    seal->store_id = (ProtobufCBinaryData){WIRE_ID_BYTES, m->store_id};
    seal->first = m->first;
    seal->count = (uint32_t)count;
    seal->root = (ProtobufCBinaryData){WIRE_HASH_BYTES, wire_arena_copy(arena, &root, sizeof(root))};
    submit->batch = batch;
    submit->headers = header_list;
    submit->leaves = leaves;
    return cert_sign_batch(m->broker->shell.identity, seal, arena);
}

void broker_own_seal(struct broker *broker)
{
    if (broker->own == NULL)
        return;
    struct broker_own *own = broker->own;
    broker->own = NULL;
    struct making m = {.broker = broker, .arena = &broker->frame_arena, .own = own, .now_ms = shell_wall_ms()};
    struct broker_totals totals;
    broker_core_totals(broker->core, &totals);
    broker_own_store_id(&totals, m.store_id);
    m.day = wire_day_of(m.now_ms);
    struct broker_event event = {.kind = BROKER_EVENT_SEALED};
    event.sealed.request = own->request;
    event.sealed.status = make_batch(&m, &event.sealed.submit);
    if (event.sealed.status == WIRE_OK)
        event.sealed.status = ledger_look_submit(&broker->ledger, &event.sealed.submit, m.arena);
    if (event.sealed.status == WIRE_DAMAGED || event.sealed.status == WIRE_IO)
        shell_check(&broker->shell, event.sealed.status);
    broker_step(broker, &event);
    free(own);
}
