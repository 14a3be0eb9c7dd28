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

static void take(struct sim_node *node, const Wire__NodeInbox *row, bool check)
{
    struct sim *sim = node->process.sim;
    const Wire__Header *header = node_read_header(sim_bytes(row->header), &sim->checks);
    ENSURE(header != NULL);
    struct broker_key key = stream_of(header);
    struct sim_seen *seen = seen_of(node, &key);
    const struct sim_envelope *envelope = sim_model_find(sim, header->origin, header->id.data);
    bool anew = envelope != NULL && envelope->judged > 1; /* what a ledger lost may be given to others then */
    if (check && !anew && header->seq <= seen->seq)
        sim_fail(sim, 3, "%s takes seq %llu of %06u %s lane %d after %llu", node->process.name,
                 (unsigned long long)header->seq, header->origin, header->mechanism, (int)header->lane,
                 (unsigned long long)seen->seq);
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
    const Wire__Disposition *disposition = broker_disposition(batch, &fact, &sim->checks);
    ENSURE(disposition != NULL);
    for (size_t i = 0; i < disposition->n_to; i++)
        must_hold(broker, disposition->to[i], wire_get_u32(key.data), key.data + 4);
    for (size_t i = 0; i < disposition->n_cc; i++)
        must_hold(broker, disposition->cc[i], wire_get_u32(key.data), key.data + 4);
    return true;
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
    if (known == NULL || !known->has_order || known->order != order)
        sim_fail(sim, 3, "%s holds %06u %s twice", node->process.name, inbox->origin,
                 wire_id_text(inbox->id.data, text));
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
