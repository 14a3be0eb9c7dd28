/* 6. Every verdict reaches the origin. At the end every envelope of every store is where nothing more can happen to it.
 */
#include "sim.h"

#include "wire/id.h"

/* Held until policy or directory change: nothing is owed to it. */
static bool waits_for_rules(const Wire__NodeState *state)
{
    return state->state == WIRE__NODE_OUTBOX_STATE__NODE_HELD && state->has_reason && state->reason != WIRE_NO_PARENT;
}

static bool is_final(const Wire__NodeState *state)
{
    return state->state >= WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED;
}

static bool waits_for_one_that_waits(struct sim_node *node, const Wire__NodeState *state)
{
    Wire__NodeState *named;
    if (state->state != WIRE__NODE_OUTBOX_STATE__NODE_HELD || !state->has_named)
        return false;
    ENSURE(store_state(&node->store, state->named.data, &node->process.sim->checks, &named) == WIRE_OK);
    return named != NULL && !is_final(named);
}

/* Whoever left in between may not have been able to say anything; whoever lies signed something else. */
static bool has_left(const struct sim *sim, uint32_t region)
{
    unsigned index = sim_region_index(sim, region);
    if (index < SIM_REGIONS && sim->hostile[index])
        return true;
    for (uint64_t i = 0; i < sim->trust.epoch; i++)
        if (sim->trust.record[i].region == region && sim->trust.record[i].revoked)
            return true;
    return sim->plan.life_s != 0;
}

/* "arrived" is a verdict, too. After a loss or a fork some were told to another copy of a store. */
static void check_arrivals(struct sim_node *node, const uint8_t *id, const Wire__NodeState *state)
{
    struct sim *sim = node->process.sim;
    char text[WIRE_ID_TEXT];
    if (state->state != WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED || sim->count.losses > 0 || node->lost_bytes)
        return;
    for (size_t i = 0; i < state->n_recipient; i++) {
        if (!state->recipient[i]->has_arrived && !has_left(sim, state->recipient[i]->region))
            sim_fail(sim, 6, "%s was never told that %s arrived at %06u", node->process.name, wire_id_text(id, text),
                     state->recipient[i]->region);
    }
}

static bool visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct sim_node *node = context;
    struct sim *sim = node->process.sim;
    struct node_key place = node_key_place(node_read_place(value));
    struct wire_bytes row;
    char text[WIRE_ID_TEXT];
    wire_arena_reset(&sim->checks);
    ENSURE(store_row(&node->store, NODE_TABLE_STATE, &place, &sim->checks, &row) == WIRE_OK);
    const Wire__NodeState *state = node_read_state(row, &sim->checks);
    ENSURE(state != NULL && state->place == node_read_place(value));
    const struct sim_envelope *envelope = sim_model_find(sim, node->process.region, key.data);
    if (!is_final(state) && !waits_for_rules(state) && !waits_for_one_that_waits(node, state))
        sim_fail(sim, 6, "%s: %s is left in state %d (%s)", node->process.name, wire_id_text(key.data, text),
                 (int)state->state, wire_status_name(state->reason));
    if (state->state == WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED &&
        (envelope == NULL || envelope->verdict != WIRE__VERDICT_CODE__ADMITTED))
        sim_fail(sim, 6, "%s: %s is admitted without a receipt", node->process.name, wire_id_text(key.data, text));
    check_arrivals(node, key.data, state);
    return true;
}

void sim_check_outboxes(struct sim *sim)
{
    for (unsigned i = 0; i < sim->node_count; i++)
        if (sim->node[i].exists && sim_owed(sim, sim->node[i].region_index))
            ENSURE(keep_scan(sim->node[i].store.keep, &(struct keep_range){.table = NODE_TABLE_PLACE}, visit,
                             &sim->node[i], NULL) == WIRE_OK);
}
