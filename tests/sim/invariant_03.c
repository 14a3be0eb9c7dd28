/* 3. A region's inbox holds each envelope addressed to it exactly once, in stream order per lane. */
#include "sim.h"

#include "wire/id.h"

#include <stdlib.h>

/* --- order, as rows come ------------------------------------------------------------------------------------------ */

static struct sim_seen *seen_of(struct sim_node *node, const struct broker_key *key)
{
    for (size_t i = 0; i < node->seen_count; i++)
        if (node->seen[i].size == key->size && memcmp(node->seen[i].key, key->data, key->size) == 0)
            return &node->seen[i];
    node->seen = realloc(node->seen, (node->seen_count + 1) * sizeof(*node->seen));
    ENSURE(node->seen != NULL);
    struct sim_seen *seen = &node->seen[node->seen_count++];
    *seen = (struct sim_seen){.size = key->size};
    memcpy(seen->key, key->data, key->size);
    return seen;
}

static struct broker_key stream_of(const Wire__Header *header)
{
    struct broker_stream stream = {.origin = header->origin,
                                   .mechanism = wire_bytes(header->mechanism, strlen(header->mechanism)),
                                   .lane = (uint32_t)header->lane,
                                   .store_id = header->store_id.data};
    return broker_key_stream(&stream);
}

enum { SEQS = UINT32_MAX - 1, OWN_SEQS = UINT32_MAX - 2 }; /* no regions */

static struct sim_envelope *seq_of(struct sim *sim, uint32_t whose, const Wire__Header *header)
{
    struct broker_key key = stream_of(header);
    uint64_t words[] = {sim_hash64(key.data, key.size), header->seq};
    uint8_t name[WIRE_ID_BYTES];
    memcpy(name, words, sizeof name);
    return sim_model_add(sim, whose, name);
}

/* A seq is signed for one envelope alone, as long as somebody is left who remembers. */
static void check_seq(struct sim_node *node, const Wire__Header *header)
{
    struct sim *sim = node->process.sim;
    struct sim_envelope *signed_ = seq_of(sim, (uint32_t)SEQS, header);
    uint64_t id = sim_hash64(header->id.data, WIRE_ID_BYTES);
    if (signed_->known && signed_->plain != id && sim->count.losses == 0)
        sim_fail(sim, 3, "%s has two envelopes of %06u with seq %llu of one stream", node->process.name, header->origin,
                 (unsigned long long)header->seq);
    signed_->known = true;
    signed_->plain = id;
}

/* A ledger that was put back may sign a seq again until it is shown what it lost; then there is a new generation, and
 * with it new streams. */
void sim_check_own_seq(struct sim_broker *broker, const Wire__Header *header)
{
    struct sim *sim = broker->process.sim;
    struct sim_envelope *signed_ = seq_of(sim, (uint32_t)OWN_SEQS, header);
    struct broker_totals totals;
    broker_core_totals(broker->core, &totals);
    if (signed_->known && signed_->ticket[0] < totals.generation)
        sim_fail(sim, 3, "%s signs seq %llu of one stream in generations %llu and %llu", broker->process.name,
                 (unsigned long long)header->seq, (unsigned long long)signed_->ticket[0],
                 (unsigned long long)totals.generation);
    signed_->known = true;
    signed_->ticket[0] = totals.generation;
}

/* Its origin's store and the ledger were both put back to before this seq: nobody is left who remembers the first one
 * but who has it, and it is signed for another envelope. */
static bool begun_again(struct sim_node *node, const Wire__Header *header)
{
    struct sim *sim = node->process.sim;
    const struct sim_envelope *signed_ = seq_of(sim, (uint32_t)SEQS, header);
    return sim->count.losses > 0 && signed_->known && signed_->plain != sim_hash64(header->id.data, WIRE_ID_BYTES);
}

static void take(struct sim_node *node, const Wire__NodeInbox *row, bool check)
{
    struct sim *sim = node->process.sim;
    const Wire__Header *header = node_read_header(sim_bytes(row->header), &sim->checks);
    ENSURE(header != NULL);
    struct broker_key key = stream_of(header);
    struct sim_seen *seen = seen_of(node, &key);
    const struct sim_envelope *envelope = sim_model_find(sim, header->origin, header->id.data);
    bool anew = envelope != NULL && envelope->judged > 1; /* what a ledger lost may be given to others then */
    if (begun_again(node, header))
        seen->seq = header->seq - 1;
    if (check && !anew && header->seq <= seen->seq)
        sim_fail(sim, 3, "%s takes seq %llu of %06u %s lane %d after %llu", node->process.name,
                 (unsigned long long)header->seq, header->origin, header->mechanism, (int)header->lane,
                 (unsigned long long)seen->seq);
    check_seq(node, header);
    seen->seq = header->seq > seen->seq ? header->seq : seen->seq;
    if (check)
        sim_check_taken(node, row->origin, row->id.data, sim_bytes(row->header));
}

void sim_check_inbox(struct sim_node *node, const struct wire_row *row)
{
    struct sim *sim = node->process.sim;
    if (row->table != NODE_TABLE_INBOX || row->erase || sim->hostile[node->region_index])
        return;
    wire_arena_reset(&sim->checks);
    const Wire__NodeInbox *inbox = node_read_inbox(row->value, &sim->checks);
    ENSURE(inbox != NULL);
    if (inbox->code != WIRE__VERDICT_CODE__ARRIVED)
        sim_fail(sim, 3, "%s cannot read what came: %s", node->process.name, wire_status_name(inbox->reason));
    take(node, inbox, true);
    sim->count.delivered++;
}

void sim_check_cursor(struct sim_broker *broker, const struct sim_node *node, const Wire__Deliver *deliver)
{
    struct sim *sim = broker->process.sim;
    struct broker_queue_name name = {.recipient = node->process.region,
                                     .mechanism = wire_bytes(deliver->mechanism, strlen(deliver->mechanism)),
                                     .lane = (uint32_t)deliver->lane};
    struct broker_key key = broker_key_queue(&name);
    struct broker_cursor_row row = {0};
    struct keep_value value = {0};
    if (keep_get(broker->ledger.keep, BROKER_CURSOR, wire_bytes(key.data, key.size), &value) == WIRE_OK)
        ENSURE(broker_get_cursor(wire_bytes(value.data, value.size), &row));
    keep_value_close(&value);
    /* To whom has an older store, or says so, all is sent again from there: the inbox index makes that harmless. */
    if (node->lost_bytes || sim->hostile[node->region_index] || sim->count.losses > 0)
        return;
    if (deliver->number <= row.number)
        sim_fail(sim, 3, "%s is sent number %llu of %s lane %d once more, and has confirmed %llu", node->process.name,
                 (unsigned long long)deliver->number, deliver->mechanism, (int)deliver->lane,
                 (unsigned long long)row.number);
}

static bool restart_visit(void *context, uint64_t order, struct wire_bytes value)
{
    struct sim_node *node = context;
    (void)order;
    wire_arena_reset(&node->process.sim->checks);
    const Wire__NodeInbox *inbox = node_read_inbox(value, &node->process.sim->checks);
    ENSURE(inbox != NULL);
    take(node, inbox, false);
    return true;
}

void sim_check_inbox_restart(struct sim_node *node)
{
    node->seen_count = 0;
    ENSURE(store_inbox(&node->store, 0, false, restart_visit, node) == WIRE_OK);
}

/* --- exactly once, at the end ------------------------------------------------------------------------------------- */

static struct sim_node *node_of(struct sim *sim, uint32_t region)
{
    unsigned index = sim_region_index(sim, region);
    if (index == SIM_REGIONS || !sim_owed(sim, index))
        return NULL;
    for (unsigned i = 0; i < sim->node_count; i++)
        if (sim->node[i].exists && sim->node[i].region_index == index)
            return &sim->node[i];
    return NULL;
}

static void must_hold(struct sim_broker *broker, uint32_t region, uint32_t origin, const uint8_t *id)
{
    struct sim *sim = broker->process.sim;
    struct sim_node *node = node_of(sim, region);
    char text[WIRE_ID_TEXT];
    Wire__NodeKnown *known;
    const struct sim_envelope *envelope = sim_model_find(sim, origin, id);
    if (node == NULL || (envelope != NULL && (envelope->excused >> node->region_index & 1) != 0))
        return;
    ENSURE(store_known(&node->store, origin, id, &sim->checks, &known) == WIRE_OK);
    if (known == NULL)
        sim_fail(sim, 3, "%s never got %06u %s", node->process.name, origin, wire_id_text(id, text));
    if (known->rejected)
        sim_fail(sim, 3, "%s rejected %06u %s", node->process.name, origin, wire_id_text(id, text));
    if (!known->has_order)
        sim_fail(sim, 3, "%s holds only a tombstone of %06u %s", node->process.name, origin, wire_id_text(id, text));
}

static bool envelope_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct sim_broker *broker = context;
    struct sim *sim = broker->process.sim;
    struct broker_envelope_row row;
    struct broker_fact fact;
    enum wire_status status;
    ENSURE(broker_get_envelope(value, &row));
    if (row.code != WIRE__VERDICT_CODE__ADMITTED)
        return true;
    wire_arena_reset(&sim->checks);
    const Wire__LedgerBatch *batch = ledger_batch(&broker->ledger, row.serial, &sim->checks, &status);
    ENSURE(batch != NULL && broker_get_fact(batch, row.index, &fact));
    if (fact.disposition == 0) /* known by a duplicate that was held over a loss: nobody knows to whom it was given */
        return true;
    const Wire__Disposition *disposition = broker_disposition(batch, &fact, &sim->checks);
    ENSURE(disposition != NULL);
    for (size_t i = 0; i < disposition->n_to; i++)
        must_hold(broker, disposition->to[i], wire_get_u32(key.data), key.data + 4);
    for (size_t i = 0; i < disposition->n_cc; i++)
        must_hold(broker, disposition->cc[i], wire_get_u32(key.data), key.data + 4);
    return true;
}

/* What was cancelled shows it, in whatever order the two came. */
static void check_mark(struct sim_node *node, const Wire__NodeInbox *inbox)
{
    struct sim *sim = node->process.sim;
    const Wire__Header *header = node_read_header(sim_bytes(inbox->header), &sim->checks);
    char text[WIRE_ID_TEXT];
    Wire__NodeKnown *named = NULL;
    if (header->action != WIRE__ACTION__CANCEL || header->n_references == 0)
        return;
    const uint8_t *id = header->references[0]->id.data;
    ENSURE(store_known(&node->store, header->origin, id, &sim->checks, &named) == WIRE_OK);
    if (named == NULL || !named->has_cancelled_by)
        sim_fail(sim, 3, "%s does not know that %06u %s is cancelled", node->process.name, header->origin,
                 wire_id_text(id, text));
}

/* And nothing else does: what it is marked with is a cancel that lies here and names it. */
static void check_marked(struct sim_node *node, const Wire__NodeInbox *inbox, const Wire__NodeKnown *known)
{
    struct sim *sim = node->process.sim;
    char text[WIRE_ID_TEXT];
    Wire__NodeKnown *cancel;
    Wire__NodeInbox *row = NULL;
    if (!known->has_cancelled_by)
        return;
    ENSURE(store_known(&node->store, inbox->origin, known->cancelled_by.data, &sim->checks, &cancel) == WIRE_OK);
    if (cancel != NULL && cancel->has_order)
        ENSURE(store_inbox_row(&node->store, cancel->order, &sim->checks, &row) == WIRE_OK);
    const Wire__Header *header = row == NULL ? NULL : node_read_header(sim_bytes(row->header), &sim->checks);
    if (header == NULL || header->action != WIRE__ACTION__CANCEL ||
        memcmp(header->references[0]->id.data, inbox->id.data, WIRE_ID_BYTES) != 0)
        sim_fail(sim, 3, "%s believes that %06u %s is cancelled", node->process.name, inbox->origin,
                 wire_id_text(inbox->id.data, text));
}

static bool once_visit(void *context, uint64_t order, struct wire_bytes value)
{
    struct sim_node *node = context;
    struct sim *sim = node->process.sim;
    char text[WIRE_ID_TEXT];
    Wire__NodeKnown *known;
    wire_arena_reset(&sim->checks);
    const Wire__NodeInbox *inbox = node_read_inbox(value, &sim->checks);
    ENSURE(inbox != NULL);
    ENSURE(store_known(&node->store, inbox->origin, inbox->id.data, &sim->checks, &known) == WIRE_OK);
    check_mark(node, inbox);
    if (known == NULL || !known->has_order || known->order != order)
        sim_fail(sim, 3, "%s holds %06u %s twice", node->process.name, inbox->origin,
                 wire_id_text(inbox->id.data, text));
    check_marked(node, inbox, known);
    return true;
}

void sim_check_inboxes(struct sim *sim)
{
    for (unsigned i = 0; i < sim->broker_count; i++)
        ENSURE(keep_scan(sim->broker[i].ledger.keep, &(struct keep_range){.table = BROKER_ENVELOPE}, envelope_visit,
                         &sim->broker[i], NULL) == WIRE_OK);
    for (unsigned i = 0; i < sim->node_count; i++)
        if (sim->node[i].exists)
            ENSURE(store_inbox(&sim->node[i].store, 0, false, once_visit, &sim->node[i]) == WIRE_OK);
}
