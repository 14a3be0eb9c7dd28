/* What leaves the broker: held back until it is durable, completed from the ledger, signed, sent in order. What
 * broker/post.c and parts.c do. */
#include "sim.h"

#include <stdlib.h>

enum { TURN = 64 };

struct sim_entry {
    struct sim_entry *next;
    int what;
    uint64_t peer, after, from, to;
    struct broker_part_source part;
    size_t size;
    uint8_t bytes[];
};

static struct sim_entry *add(struct sim_broker *broker, int what, uint64_t peer, uint64_t after, size_t size)
{
    struct sim_entry *entry = calloc(1, sizeof(*entry) + size);
    ENSURE(entry != NULL);
    entry->what = what;
    entry->peer = peer;
    entry->after = after;
    entry->size = size;
    *broker->last = entry;
    broker->last = &entry->next;
    broker->post_bytes += sizeof(*entry) + size;
    return entry;
}

static struct sim_entry *take(struct sim_broker *broker)
{
    struct sim_entry *entry = broker->first;
    broker->first = entry->next;
    if (broker->first == NULL)
        broker->last = &broker->first;
    broker->post_bytes -= sizeof(*entry) + entry->size;
    return entry;
}

void sim_post_drop(struct sim_broker *broker)
{
    while (broker->first != NULL)
        free(take(broker));
}

void sim_post_send(struct sim_broker *broker, const struct broker_send *send)
{
    size_t size = protobuf_c_message_get_packed_size(&send->frame->base);
    struct sim_entry *entry = add(broker, SIM_POST_FRAME, send->peer, send->after, size);
    entry->part = send->part;
    protobuf_c_message_pack(&send->frame->base, entry->bytes);
}

static void drop_peer(struct sim_broker *broker, uint64_t peer)
{
    struct sim_entry **at = &broker->first;
    while (*at != NULL) {
        struct sim_entry *entry = *at;
        if (entry->peer != peer) {
            at = &entry->next;
            continue;
        }
        *at = entry->next;
        broker->post_bytes -= sizeof(*entry) + entry->size;
        free(entry);
    }
    broker->last = at;
}

/* A cut comes after what was sent so far; that of a revoked peer waits for no commit, and it gets nothing more. */
void sim_post_cut(struct sim_broker *broker, const struct broker_cut *cut)
{
    struct sim_entry *first = NULL;
    if (cut->status == WIRE_REVOKED || cut->status == WIRE_SIGNER_REVOKED || cut->status == WIRE_SIGNER_EXPIRED) {
        drop_peer(broker, cut->peer);
        first = broker->first;
        broker->first = NULL;
        broker->last = &broker->first;
    }
    struct sim_entry *entry = add(broker, SIM_POST_CUT, cut->peer, 0, 0);
    if (first == NULL)
        return;
    entry->next = first;
    while (*broker->last != NULL)
        broker->last = &(*broker->last)->next;
}

void sim_post_other(struct sim_broker *broker, int what, uint64_t peer, uint64_t after, uint64_t from, uint64_t to)
{
    struct sim_entry *entry = add(broker, what, peer, after, 0);
    entry->from = from;
    entry->to = to;
}

/* --- completing a DELIVER ----------------------------------------------------------------------------------------- */

struct batch {
    Wire__LedgerBatch *batch;
    Wire__LedgerHeaders *headers;
    Wire__LedgerPayload *payload[WIRE_BATCH_ENVELOPES_MAX];
};

static bool on_payload(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct {
        struct batch *batch;
        struct wire_arena *arena;
        const struct sim_process *process;
    } *visit = context;
    enum wire_status status;
    value = sim_rest_open(visit->process, wire_get_u32(key.data + 8), value);
    if (value.data == NULL)
        return true;
    void *copy = wire_arena_copy(visit->arena, value.data, value.size);
    Wire__LedgerPayloads *kept = (Wire__LedgerPayloads *)wire_decode(
        &wire__ledger_payloads__descriptor, wire_bytes(copy, value.size), WIRE_STRICT_NONE, visit->arena, &status);
    ENSURE(kept != NULL);
    for (size_t i = 0; i < kept->n_envelope; i++)
        visit->batch->payload[kept->envelope[i]->index] = kept->envelope[i];
    return true;
}

static void load(struct sim_broker *broker, uint64_t serial, struct batch *out, struct wire_arena *arena)
{
    enum wire_status status;
    struct {
        struct batch *batch;
        struct wire_arena *arena;
        const struct sim_process *process;
    } visit = {out, arena, &broker->process};
    struct broker_key key = broker_key_serial(serial);
    out->batch = ledger_batch(&broker->ledger, serial, arena, &status);
    out->headers = ledger_headers(&broker->ledger, serial, arena, &status);
    ENSURE(out->batch != NULL && out->headers != NULL);
    struct keep_range range = {.table = BROKER_PAYLOAD, .prefix = wire_bytes(key.data, key.size)};
    ENSURE(keep_scan(broker->ledger.keep, &range, on_payload, &visit, NULL) == WIRE_OK);
}

static void fill_envelopes(const struct batch *batch, const struct broker_part_source *source, Wire__Part *part,
                           struct wire_arena *arena)
{
    part->envelope = wire_arena_take(arena, source->count * sizeof(*part->envelope));
    for (uint32_t i = 0; i < source->count; i++) {
        if (!broker_bit(source->given, i))
            continue;
        Wire__PartEnvelope *envelope = wire_arena_take(arena, sizeof(*envelope));
        wire__part_envelope__init(envelope);
        envelope->index = i;
        envelope->header = batch->headers->header[i];
        if (batch->payload[i] != NULL) {
            envelope->has_salt = envelope->has_payload = true;
            envelope->salt = batch->payload[i]->salt;
            envelope->payload = batch->payload[i]->payload;
        }
        part->envelope[part->n_envelope++] = envelope;
    }
    for (uint32_t i = 0; i < batch->headers->n_box; i++) {
        if (batch->headers->box[i]->region != source->recipient)
            continue;
        part->box = batch->headers->box[i];
        part->has_box_index = true;
        part->box_index = source->count + i;
    }
}

static void fill_proof(const struct sim *sim, const struct batch *batch, const struct broker_part_source *source,
                       Wire__Part *part, struct wire_arena *arena)
{
    uint8_t have[(WIRE_BATCH_LEAVES_MAX) / 8 + 1] = {0};
    memcpy(have, source->given, BROKER_BITMAP_BYTES);
    if (part->box != NULL)
        broker_bit_set(have, part->box_index);
    struct wire_digest *proof = wire_arena_take(arena, WIRE_PROOF_HASHES_MAX * sizeof(*proof));
    part->n_proof = wire_merkle_proof(&sim->hash, (struct wire_digest *)(void *)batch->batch->leaves.data,
                                      source->count + batch->headers->n_box, have, proof);
    part->proof = wire_arena_take(arena, (part->n_proof + 1) * sizeof(*part->proof));
    for (size_t i = 0; i < part->n_proof; i++)
        part->proof[i] = sim_bin(proof[i].bytes, WIRE_HASH_BYTES);
}

static void fill_given(const struct batch *batch, const struct broker_part_source *source, Wire__Deliver *deliver,
                       const Wire__Part *part, struct wire_arena *arena)
{
    deliver->given = wire_arena_take(arena, part->n_envelope * sizeof(*deliver->given));
    for (size_t i = 0; i < part->n_envelope; i++) {
        struct broker_fact fact;
        Wire__DeliveredEnvelope *given = wire_arena_take(arena, sizeof(*given));
        wire__delivered_envelope__init(given);
        given->index = part->envelope[i]->index;
        given->owes = broker_bit(source->owes, given->index);
        ENSURE(broker_get_fact(batch->batch, given->index, &fact));
        const Wire__Disposition *whole = broker_disposition(batch->batch, &fact, arena);
        ENSURE(whole != NULL);
        given->disposition = wire_arena_copy(arena, whole, sizeof(*whole));
        given->disposition->n_to = given->disposition->n_cc = given->disposition->n_to_unit = 0;
        given->disposition->n_not_enrolled = 0;
        deliver->given[deliver->n_given++] = given;
    }
}

static void fill_witness(const struct sim_broker *broker, const struct batch *batch, Wire__Deliver *deliver,
                         struct wire_arena *arena)
{
    struct broker_totals totals;
    broker_core_totals(broker->core, &totals);
    Wire__WitnessStatement statement = WIRE__WITNESS_STATEMENT__INIT;
    statement.ledger_id = sim_bin(totals.ledger_id, WIRE_ID_BYTES);
    statement.generation = totals.generation;
    statement.root = batch->batch->seal->root;
    statement.admitted_ms = batch->batch->admitted_ms;
    statement.policy_digest = batch->batch->policy_digest;
    struct wire_bytes encoded = wire_encode(&statement.base, arena);
    deliver->witness = wire_arena_take(arena, sizeof(*deliver->witness));
    wire__signed__init(deliver->witness);
    deliver->witness->type = WIRE__STATEMENT_TYPE__WITNESS_STATEMENT;
    deliver->witness->statement = sim_bin(encoded.data, encoded.size);
}

static void fill(struct sim_broker *broker, const struct broker_part_source *source, Wire__Deliver *deliver,
                 struct wire_arena *arena)
{
    struct batch *batch = wire_arena_take(arena, sizeof(*batch));
    load(broker, source->serial, batch, arena);
    ENSURE(batch->headers->n_header == source->count);
    Wire__Part part = WIRE__PART__INIT;
    part.seal = batch->batch->seal;
    fill_envelopes(batch, source, &part, arena);
    fill_proof(broker->process.sim, batch, source, &part, arena);
    fill_given(batch, source, deliver, &part, arena);
    fill_witness(broker, batch, deliver, arena);
    struct wire_bytes encoded = wire_encode(&part.base, arena);
    ENSURE(encoded.data != NULL);
    deliver->part = sim_bin(encoded.data, encoded.size);
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

static void collect(Wire__Signed **list, size_t *count, Wire__Signed *signed_)
{
    if (signed_->signature.len == 0)
        list[(*count)++] = signed_;
}

static void collect_frame(Wire__Frame *frame, Wire__Signed **list, size_t *count)
{
    if (frame->body_case == WIRE__FRAME__BODY_RECEIPT)
        collect(list, count, frame->receipt->signed_);
    else if (frame->body_case == WIRE__FRAME__BODY_DELIVER)
        collect(list, count, frame->deliver->witness);
    else if (frame->body_case == WIRE__FRAME__BODY_WELCOME)
        for (size_t i = 0; i < frame->welcome->n_completeness; i++)
            collect(list, count, frame->welcome->completeness[i]);
    else if (frame->body_case == WIRE__FRAME__BODY_PULSE)
        for (size_t i = 0; i < frame->pulse->n_completeness; i++)
            collect(list, count, frame->pulse->completeness[i]);
}

/* The connection, as long as this broker knows it. */
static struct sim_conn *conn_of(struct sim_broker *broker, uint64_t peer)
{
    struct sim_conn *conn = sim_conn_find(broker->process.sim, peer);
    return conn != NULL && conn->broker_end && conn->broker == broker->index ? conn : NULL;
}

static void send_frame(struct sim_broker *broker, uint64_t peer, Wire__Frame *frame, const struct sim_entry *entry)
{
    struct sim *sim = broker->process.sim;
    struct sim_conn *conn = conn_of(broker, peer);
    unsigned times = conn == NULL ? 0 : sim_lie_of(sim, conn, frame, &sim->post);
    struct wire_bytes bytes = wire_encode(&frame->base, &sim->post);
    bool deliver = frame->body_case == WIRE__FRAME__BODY_DELIVER;
    ENSURE(bytes.data != NULL);
    if (deliver && bytes.size > entry->part.cost)
        sim_fail(sim, 8, "a DELIVER of %zu bytes was reckoned as %u", bytes.size, entry->part.cost);
    if (conn != NULL) {
        uint32_t region = sim->node[conn->node].process.region;
        sim_check_durable(broker, frame, region);
        sim_check_given(broker, frame, region);
        if (deliver)
            sim_check_cursor(broker, &sim->node[conn->node], frame->deliver);
        if (frame->body_case != WIRE__FRAME__BODY_BYE)
            sim_check_revoked(broker, region);
        for (unsigned i = 0; i < times; i++)
            sim_net_send(sim, conn, false, bytes, i == 0 && deliver ? (int)frame->deliver->lane : -1);
    }
    if (!deliver)
        return;
    struct broker_event event = {.kind = BROKER_EVENT_SENT};
    event.sent = (struct broker_sent){.peer = peer,
                                      .session = entry->part.session,
                                      .lane = (uint32_t)frame->deliver->lane,
                                      .cost = entry->part.cost,
                                      .bytes = (uint32_t)bytes.size};
    sim_broker_step(broker, &event);
}

static void send_policy(struct sim_broker *broker, const struct sim_entry *entry)
{
    const struct sim_policy *policy = &broker->process.sim->policy[entry->from - 1];
    for (size_t at = 0; at < policy->size; at += WIRE_PIECE_BYTES_MAX) {
        size_t size = policy->size - at < WIRE_PIECE_BYTES_MAX ? policy->size - at : WIRE_PIECE_BYTES_MAX;
        Wire__PolicyPiece piece = WIRE__POLICY_PIECE__INIT;
        piece.version = entry->from;
        piece.total = (uint32_t)policy->size;
        piece.offset = (uint32_t)at;
        piece.bytes = sim_bin(policy->bytes + at, size);
        Wire__Frame frame = WIRE__FRAME__INIT;
        frame.body_case = WIRE__FRAME__BODY_POLICY;
        frame.policy = &piece;
        send_frame(broker, entry->peer, &frame, entry);
    }
}

static void send_directory(struct sim_broker *broker, const struct sim_entry *entry)
{
    struct sim *sim = broker->process.sim;
    enum { PIECE = 16 };
    uint8_t bytes[PIECE][SIM_RECORD_BYTES];
    ProtobufCBinaryData records[PIECE];
    for (uint64_t first = entry->from + 1; first <= entry->to; first += PIECE) {
        Wire__DirectoryPiece piece = WIRE__DIRECTORY_PIECE__INIT;
        piece.first_epoch = first;
        piece.last_epoch = entry->to;
        piece.record = records;
        for (uint64_t epoch = first; epoch <= entry->to && epoch < first + PIECE; epoch++) {
            sim_trust_encode(sim, epoch, bytes[piece.n_record]);
            records[piece.n_record] = sim_bin(bytes[piece.n_record], SIM_RECORD_BYTES);
            piece.n_record++;
        }
        Wire__Frame frame = WIRE__FRAME__INIT;
        frame.body_case = WIRE__FRAME__BODY_DIRECTORY;
        frame.directory = &piece;
        send_frame(broker, entry->peer, &frame, entry);
    }
}

static void finish(struct sim_broker *broker, const struct sim_entry *entry, Wire__Frame *frame)
{
    struct sim_conn *conn = conn_of(broker, entry->peer);
    switch (entry->what) {
    case SIM_POST_FRAME:
        send_frame(broker, entry->peer, frame, entry);
        break;
    case SIM_POST_POLICY:
        send_policy(broker, entry);
        break;
    case SIM_POST_DIRECTORY:
        send_directory(broker, entry);
        break;
    default:
        if (conn != NULL)
            sim_net_leave(broker->process.sim, conn, true);
        break;
    }
}

static void turn(struct sim_broker *broker, uint64_t committed)
{
    struct sim *sim = broker->process.sim;
    struct sim_entry *entries[TURN];
    Wire__Frame *frames[TURN] = {NULL};
    Wire__Signed *blank[TURN * 40];
    size_t count = 0, blanks = 0;
    wire_arena_reset(&sim->post);
    while (broker->first != NULL && broker->first->after <= committed && count < TURN &&
           sim->post.used < 16 * 1024 * 1024) {
        struct sim_entry *entry = entries[count] = take(broker);
        if (entry->what == SIM_POST_FRAME) {
            frames[count] = wire__frame__unpack(&sim->post.allocator, entry->size, entry->bytes);
            ENSURE(frames[count] != NULL);
            if (entry->part.serial != 0)
                fill(broker, &entry->part, frames[count]->deliver, &sim->post);
            sim_lie_before_signing(sim, conn_of(broker, entry->peer), frames[count], &sim->post);
            collect_frame(frames[count], blank, &blanks);
        }
        count++;
    }
    sim_sign_statements(sim, (struct sim_key){0, broker->generation}, blank, blanks, &sim->post);
    for (size_t i = 0; i < count; i++) {
        finish(broker, entries[i], frames[i]);
        free(entries[i]);
    }
}

void sim_post_flush(struct sim_broker *broker)
{
    uint64_t committed = sim_process_committed(&broker->process);
    if (broker->flushing)
        return;
    broker->flushing = true;
    while (broker->first != NULL && broker->first->after <= committed)
        turn(broker, committed);
    broker->flushing = false;
}
