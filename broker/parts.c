/* DELIVER from the ledger: what one recipient gets of a stored batch, with the proof that it is part of it. */
#include "broker.h"

#include "wire/codec.h"

#include <stdlib.h>

enum { CACHED = 8, CACHED_BYTES = 24 * 1024 * 1024 /* untouched pages cost nothing */ };

/* A batch decoded: the same for all its recipients. */
struct cached {
    uint64_t serial; /* 0: empty */
    uint64_t used;
    Wire__LedgerBatch *batch;
    Wire__LedgerHeaders *headers;
    Wire__LedgerPayload *payload[WIRE_BATCH_ENVELOPES_MAX]; /* NULL: erased, or never stored */
    struct wire_arena arena;
    void *memory;
};

struct broker_parts {
    struct broker *broker;
    uint64_t clock;
    struct cached cached[CACHED];
};

struct broker_parts *broker_parts_new(struct broker *broker)
{
    struct broker_parts *parts = calloc(1, sizeof(*parts));
    ENSURE(parts != NULL);
    parts->broker = broker;
    return parts;
}

void broker_parts_free(struct broker_parts **parts)
{
    if (*parts == NULL)
        return;
    for (size_t i = 0; i < CACHED; i++)
        free((*parts)->cached[i].memory);
    free(*parts);
    *parts = NULL;
}

void broker_parts_forget(struct broker_parts *parts)
{
    for (size_t i = 0; i < CACHED; i++) {
        struct cached *cached = &parts->cached[i];
        if (cached->memory != NULL)
            cert_wipe(cached->arena.base, cached->arena.used);
        cached->serial = cached->used = 0;
    }
}

static enum wire_status load_payloads(struct broker *broker, struct cached *cached)
{
    struct broker_fact fact;
    uint32_t seen[64];
    size_t days = 0;
    for (uint32_t i = 0; broker_get_fact(cached->batch, i, &fact); i++) {
        if (fact.disposition == 0)
            continue;
        size_t d = 0;
        while (d < days && seen[d] != fact.keep_until)
            d++;
        if (d < days)
            continue;
        if (days < sizeof(seen) / sizeof(*seen))
            seen[days++] = fact.keep_until;
        enum wire_status status;
        Wire__LedgerPayloads *kept = broker_rest_open(broker, cached->serial, fact.keep_until, &cached->arena, &status);
        if (kept == NULL && status != WIRE_ERASED && status != WIRE_NOT_FOUND)
            return status;
        for (size_t p = 0; kept != NULL && p < kept->n_envelope; p++)
            if (kept->envelope[p]->index < WIRE_BATCH_ENVELOPES_MAX)
                cached->payload[kept->envelope[p]->index] = kept->envelope[p];
    }
    return WIRE_OK;
}

static enum wire_status load(struct broker_parts *parts, struct cached *cached, uint64_t serial)
{
    struct broker *broker = parts->broker;
    if (cached->memory == NULL) {
        cached->memory = malloc(CACHED_BYTES);
        ENSURE(cached->memory != NULL);
        wire_arena_over(&cached->arena, cached->memory, CACHED_BYTES);
    }
    wire_arena_reset(&cached->arena);
    memset(cached->payload, 0, sizeof(cached->payload));
    cached->serial = serial;
    enum wire_status status;
    cached->batch = ledger_batch(&broker->ledger, serial, &cached->arena, &status);
    if (cached->batch != NULL)
        cached->headers = ledger_headers(&broker->ledger, serial, &cached->arena, &status);
    if (status == WIRE_OK)
        status = load_payloads(broker, cached);
    if (status != WIRE_OK)
        cached->serial = 0;
    return status == WIRE_NOT_FOUND ? WIRE_DAMAGED : status;
}

static struct cached *find(struct broker_parts *parts, uint64_t serial, enum wire_status *status)
{
    struct cached *oldest = &parts->cached[0];
    *status = WIRE_OK;
    for (size_t i = 0; i < CACHED; i++) {
        struct cached *cached = &parts->cached[i];
        if (cached->serial == serial) {
            cached->used = ++parts->clock;
            return cached;
        }
        if (cached->used < oldest->used)
            oldest = cached;
    }
    *status = load(parts, oldest, serial);
    oldest->used = ++parts->clock;
    return *status == WIRE_OK ? oldest : NULL;
}

static bool fill_envelopes(const struct cached *cached, const struct broker_part_source *source, Wire__Part *part,
                           struct wire_arena *arena)
{
    for (uint32_t i = 0; i < source->count; i++)
        part->n_envelope += broker_bit(source->given, i);
    Wire__PartEnvelope *envelopes = wire_arena_take(arena, part->n_envelope * sizeof(*envelopes));
    part->envelope = wire_arena_take(arena, part->n_envelope * sizeof(*part->envelope));
    if (envelopes == NULL || part->envelope == NULL)
        return false;
    size_t at = 0;
    for (uint32_t i = 0; i < source->count; i++) {
        if (!broker_bit(source->given, i))
            continue;
        Wire__PartEnvelope *envelope = &envelopes[at];
        wire__part_envelope__init(envelope);
        envelope->index = i;
        envelope->header = cached->headers->header[i];
        if (cached->payload[i] != NULL) {
            envelope->has_salt = envelope->has_payload = true;
            envelope->salt = cached->payload[i]->salt;
            envelope->payload = cached->payload[i]->payload;
        }
        part->envelope[at++] = envelope;
    }
    return true;
}

/* The recipient's own box, and which leaf it is. */
static void fill_box(const struct cached *cached, const struct broker_part_source *source, Wire__Part *part)
{
    for (size_t i = 0; i < cached->headers->n_box; i++) {
        if (cached->headers->box[i]->region != source->recipient)
            continue;
        part->box = cached->headers->box[i];
        part->has_box_index = true;
        part->box_index = source->count + (uint32_t)i;
    }
}

static bool fill_proof(const struct broker *broker, const struct cached *cached,
                       const struct broker_part_source *source, Wire__Part *part, struct wire_arena *arena)
{
    size_t leaves = source->count + cached->headers->n_box;
    uint8_t have[(WIRE_BATCH_ENVELOPES_MAX + WIRE_BOXES_MAX) / 8 + 1] = {0};
    if (cached->batch->leaves.len != leaves * WIRE_HASH_BYTES)
        return false;
    memcpy(have, source->given, BROKER_BITMAP_BYTES);
    if (part->box != NULL)
        broker_bit_set(have, part->box_index);
    struct wire_digest *proof = wire_arena_take(arena, WIRE_PROOF_HASHES_MAX * sizeof(*proof));
    if (proof == NULL)
        return false;
    part->n_proof = wire_merkle_proof(&broker->shell.hash, (struct wire_digest *)(void *)cached->batch->leaves.data,
                                      leaves, have, proof);
    part->proof = wire_arena_take(arena, (part->n_proof + 1) * sizeof(*part->proof));
    for (size_t i = 0; part->proof != NULL && i < part->n_proof; i++)
        part->proof[i] = (ProtobufCBinaryData){WIRE_HASH_BYTES, proof[i].bytes};
    return part->proof != NULL;
}

/* What a recipient is told of the disposition: what it owes and by which rule, not who else got it. */
static Wire__Disposition *told(const struct cached *cached, const struct broker_fact *fact, struct wire_arena *arena)
{
    const Wire__Disposition *whole = broker_disposition(cached->batch, fact, arena);
    Wire__Disposition *copy = whole == NULL ? NULL : wire_arena_copy(arena, whole, sizeof(*whole));
    if (copy != NULL)
        copy->n_to = copy->n_cc = copy->n_to_unit = copy->n_not_enrolled = 0;
    return copy;
}

/* Each disposition is decoded once a part. It lies in the turn's arena: another part of the turn may take the place of
 * this batch in the cache before the frame is encoded. */
static Wire__Disposition *told_once(const struct cached *cached, uint32_t index, Wire__Disposition **known,
                                    struct wire_arena *arena)
{
    struct broker_fact fact;
    if (!broker_get_fact(cached->batch, index, &fact) || fact.disposition == 0)
        return NULL;
    Wire__Disposition **at = &known[fact.disposition - 1];
    if (*at == NULL)
        *at = told(cached, &fact, arena);
    return *at;
}

static bool fill_given(const struct cached *cached, const struct broker_part_source *source, Wire__Deliver *deliver,
                       const Wire__Part *part, struct wire_arena *arena)
{
    Wire__DeliveredEnvelope *given = wire_arena_take(arena, part->n_envelope * sizeof(*given));
    deliver->given = wire_arena_take(arena, part->n_envelope * sizeof(*deliver->given));
    Wire__Disposition **known = wire_arena_take(arena, cached->batch->n_disposition * sizeof(*known));
    if (given == NULL || deliver->given == NULL || known == NULL)
        return false;
    memset(known, 0, cached->batch->n_disposition * sizeof(*known));
    deliver->n_given = part->n_envelope;
    for (size_t i = 0; i < part->n_envelope; i++) {
        uint32_t index = part->envelope[i]->index;
        wire__delivered_envelope__init(&given[i]);
        given[i].index = index;
        given[i].owes = broker_bit(source->owes, index);
        given[i].disposition = told_once(cached, index, known, arena);
        if (given[i].disposition == NULL)
            return false;
        deliver->given[i] = &given[i];
    }
    return true;
}

/* When this batch was admitted, in words that name no recipient. Signed with everything else of the turn. */
static bool fill_witness(const struct broker *broker, const struct cached *cached, Wire__Deliver *deliver,
                         struct wire_arena *arena)
{
    struct broker_totals totals;
    broker_core_totals(broker->core, &totals);
    Wire__WitnessStatement statement = WIRE__WITNESS_STATEMENT__INIT;
    statement.ledger_id = (ProtobufCBinaryData){WIRE_ID_BYTES, totals.ledger_id};
    statement.generation = totals.generation;
    statement.root = cached->batch->seal->root;
    statement.admitted_ms = cached->batch->admitted_ms;
    statement.policy_digest = cached->batch->policy_digest;
    struct wire_bytes encoded = wire_encode(&statement.base, arena);
    Wire__Signed *witness = wire_arena_take(arena, sizeof(*witness));
    if (encoded.data == NULL || witness == NULL)
        return false;
    wire__signed__init(witness);
    witness->type = WIRE__STATEMENT_TYPE__WITNESS_STATEMENT;
    witness->statement = (ProtobufCBinaryData){encoded.size, (uint8_t *)encoded.data};
    deliver->witness = witness;
    return true;
}

enum wire_status broker_parts_fill(struct broker_parts *parts, const struct broker_part_source *source,
                                   Wire__Deliver *deliver, struct wire_arena *arena)
{
    enum wire_status status;
    struct cached *cached = find(parts, source->serial, &status);
    if (cached == NULL)
        return status;
    if (cached->headers->n_header != source->count)
        return WIRE_DAMAGED;
    Wire__Part part = WIRE__PART__INIT;
    part.seal = cached->batch->seal;
    fill_box(cached, source, &part);
    if (!fill_envelopes(cached, source, &part, arena) || !fill_proof(parts->broker, cached, source, &part, arena) ||
        !fill_given(cached, source, deliver, &part, arena) || !fill_witness(parts->broker, cached, deliver, arena))
        return WIRE_DAMAGED;
    struct wire_bytes encoded = wire_encode(&part.base, arena);
    deliver->part = (ProtobufCBinaryData){encoded.size, (uint8_t *)encoded.data};
    return encoded.data == NULL ? WIRE_NO_MEMORY : WIRE_OK;
}
