/* DELIVER: what one recipient gets of a stored batch, with the proof that it is part of it. What was just admitted is
 * still in memory and is kept for its recipients; any other batch comes from the ledger. */
#include "broker.h"

#include "wire/codec.h"

#include <stdlib.h>

/* Recipients are behind by a hundred batches and more when many publish. Untouched pages cost nothing, and an arena
 * that held a large batch is given back. */
enum {
    CACHED = 256,
    CACHED_BYTES_MAX = 64 * 1024 * 1024, /* of what they hold, all together; the newest counts whatever it takes */
    ARENA_BYTES = 8 * 1024 * 1024,       /* a batch, its rows as they lie and as they are decoded */
    ARENA_KEPT_BYTES = 512 * 1024,       /* of an empty one */
};

/* A batch decoded: the same for all its recipients. */
struct cached {
    uint64_t serial; /* 0: empty */
    uint64_t used;
    Wire__LedgerBatch *batch;
    Wire__LedgerHeaders *headers;
    Wire__LedgerPayload **payload; /* of the arena, one an envelope. NULL: erased, or never stored */
    struct wire_arena arena;
    size_t touched; /* of the arena, since it was wiped */
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

static void empty(struct cached *cached)
{
    if (cached->memory == NULL)
        return;
    if (cached->arena.used > cached->touched)
        cached->touched = cached->arena.used;
    wire_arena_reset(&cached->arena);
    cached->serial = cached->used = 0;
}

static void wipe(struct cached *cached)
{
    empty(cached);
    if (cached->touched > 0)
        cert_wipe(cached->arena.base, cached->touched);
    cached->touched = 0;
}

void broker_parts_forget(struct broker_parts *parts)
{
    for (size_t i = 0; i < CACHED; i++)
        wipe(&parts->cached[i]);
}

static void release(struct cached *cached)
{
    wipe(cached);
    free(cached->memory);
    *cached = (struct cached){0};
}

void broker_parts_free(struct broker_parts **parts)
{
    if (*parts == NULL)
        return;
    for (size_t i = 0; i < CACHED; i++)
        release(&(*parts)->cached[i]);
    free(*parts);
    *parts = NULL;
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

static void begin(struct cached *cached, uint64_t serial)
{
    if (cached->memory == NULL) {
        cached->memory = malloc(ARENA_BYTES);
        ENSURE(cached->memory != NULL);
        wire_arena_over(&cached->arena, cached->memory, ARENA_BYTES);
    }
    empty(cached);
    cached->payload = wire_arena_take(&cached->arena, WIRE_BATCH_ENVELOPES_MAX * sizeof(*cached->payload));
    ENSURE(cached->payload != NULL);
    cached->serial = serial;
}

static enum wire_status load(struct broker_parts *parts, struct cached *cached, uint64_t serial)
{
    struct broker *broker = parts->broker;
    begin(cached, serial);
    enum wire_status status;
    cached->batch = ledger_batch(&broker->ledger, serial, &cached->arena, &status);
    if (cached->batch != NULL)
        cached->headers = ledger_headers(&broker->ledger, serial, &cached->arena, &status);
    if (status == WIRE_OK)
        status = load_payloads(broker, cached);
    if (status != WIRE_OK)
        empty(cached);
    return status == WIRE_NOT_FOUND ? WIRE_DAMAGED : status;
}

/* The one with this batch; NULL: none has it. *oldest: what is to make room. */
static struct cached *look(struct broker_parts *parts, uint64_t serial, struct cached **oldest)
{
    *oldest = &parts->cached[0];
    for (size_t i = 0; i < CACHED; i++) {
        struct cached *cached = &parts->cached[i];
        if (cached->serial == serial)
            return cached;
        if (cached->used < (*oldest)->used)
            *oldest = cached;
    }
    return NULL;
}

/* Those used longest ago go until the others are within bounds; `newest` stays. */
static void trim(struct broker_parts *parts, struct cached *newest)
{
    size_t bytes = 0;
    for (size_t i = 0; i < CACHED; i++)
        bytes += parts->cached[i].arena.used;
    if (newest->serial != 0)
        newest->used = ++parts->clock;
    while (bytes > CACHED_BYTES_MAX && bytes > newest->arena.used) {
        struct cached *oldest = newest;
        for (size_t i = 0; i < CACHED; i++)
            if (parts->cached[i].arena.used > 0 && parts->cached[i].used < oldest->used)
                oldest = &parts->cached[i];
        bytes -= oldest->arena.used;
        empty(oldest);
        if (oldest->touched > ARENA_KEPT_BYTES)
            release(oldest);
    }
}

static struct cached *find(struct broker_parts *parts, uint64_t serial, enum wire_status *status)
{
    struct cached *oldest, *cached = look(parts, serial, &oldest);
    *status = WIRE_OK;
    if (cached != NULL) {
        cached->used = ++parts->clock;
        return cached;
    }
    *status = load(parts, oldest, serial);
    trim(parts, oldest);
    return *status == WIRE_OK ? oldest : NULL;
}

/* --- what was just admitted --------------------------------------------------------------------------------------- */

struct rows {
    const struct wire_row *row;
    size_t count;
};

static ProtobufCMessage *row_message(const struct rows *rows, uint8_t table, const ProtobufCMessageDescriptor *type,
                                     struct wire_arena *arena)
{
    enum wire_status status;
    for (size_t i = 0; i < rows->count; i++)
        if (rows->row[i].table == table && !rows->row[i].erase)
            return wire_decode(type, rows->row[i].value, WIRE_STRICT_NONE, arena, &status);
    return NULL;
}

/* What is written: not the payloads of a day that is over. */
static bool is_kept(const struct rows *rows, uint64_t serial, uint32_t day)
{
    struct broker_key key = broker_key_payload(serial, day);
    for (size_t i = 0; i < rows->count; i++)
        if (rows->row[i].table == BROKER_PAYLOAD && !rows->row[i].erase && rows->row[i].key.size == key.size &&
            memcmp(rows->row[i].key.data, key.data, key.size) == 0)
            return true;
    return false;
}

static ProtobufCBinaryData copied(struct wire_arena *arena, const ProtobufCBinaryData *from, bool *fits)
{
    uint8_t *copy = wire_arena_copy(arena, from->data, from->len);
    *fits = *fits && copy != NULL;
    return (ProtobufCBinaryData){from->len, copy};
}

/* As the row of them has it; NULL: there is no room. */
static Wire__LedgerHeaders *put_headers(struct cached *cached, const Wire__Batch *batch)
{
    struct wire_arena *arena = &cached->arena;
    Wire__LedgerHeaders *headers = wire_arena_take(arena, sizeof(*headers));
    ProtobufCBinaryData *header = wire_arena_take(arena, batch->n_envelope * sizeof(*header));
    Wire__KeyBox *boxes = wire_arena_take(arena, batch->n_box * sizeof(*boxes));
    Wire__KeyBox **box = wire_arena_take(arena, batch->n_box * sizeof(*box));
    bool fits = headers != NULL && header != NULL && boxes != NULL && box != NULL;
    for (size_t i = 0; fits && i < batch->n_envelope; i++)
        header[i] = copied(arena, &batch->envelope[i]->header, &fits);
    for (size_t i = 0; fits && i < batch->n_box; i++) {
        box[i] = &boxes[i];
        wire__key_box__init(box[i]);
        boxes[i].region = batch->box[i]->region;
        boxes[i].certificate = copied(arena, &batch->box[i]->certificate, &fits);
        boxes[i].cms = copied(arena, &batch->box[i]->cms, &fits);
    }
    if (!fits)
        return NULL;
    wire__ledger_headers__init(headers);
    headers->n_header = batch->n_envelope;
    headers->header = header;
    headers->n_box = batch->n_box;
    headers->box = box;
    return headers;
}

/* false: there is no room for them. */
static bool put_payloads(struct cached *cached, const struct broker_append *append, const struct rows *rows)
{
    uint32_t day = 0; /* the last one looked for: most batches have one */
    bool kept = false, fits = true;
    size_t count = append->batch->n_envelope;
    Wire__LedgerPayload *payloads = wire_arena_take(&cached->arena, count * sizeof(*payloads));
    for (size_t i = 0; payloads != NULL && fits && i < count; i++) {
        const Wire__Envelope *envelope = append->batch->envelope[i];
        if (append->keep_until[i] != day)
            kept = is_kept(rows, append->serial, append->keep_until[i]);
        day = append->keep_until[i];
        if (day == 0 || !kept)
            continue;
        cached->payload[i] = &payloads[i];
        payloads[i].salt = copied(&cached->arena, &envelope->salt, &fits);
        payloads[i].payload = copied(&cached->arena, &envelope->payload, &fits);
    }
    return payloads != NULL && fits;
}

void broker_parts_put(struct broker_parts *parts, const struct broker_append *append, const struct wire_row *row,
                      size_t count)
{
    struct rows rows = {row, count};
    struct cached *cached;
    ENSURE(look(parts, append->serial, &cached) == NULL);
    begin(cached, append->serial);
    cached->batch =
        (Wire__LedgerBatch *)row_message(&rows, BROKER_BATCH, &wire__ledger_batch__descriptor, &cached->arena);
    cached->headers = put_headers(cached, append->batch);
    if (cached->batch == NULL || cached->headers == NULL || !put_payloads(cached, append, &rows))
        empty(cached); /* the ledger will have it */
    trim(parts, cached);
}

/* --- the part ----------------------------------------------------------------------------------------------------- */

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
