/* 6. Every verdict reaches the origin. At the end every envelope of every store is where nothing more can happen to it,
 * and its origin is shown who signed for it and answered: whoever did, and nobody else. */
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
static bool may_be_silent(const struct sim *sim, uint32_t region)
{
    unsigned index = sim_region_index(sim, region);
    return (index < SIM_REGIONS && sim->hostile[index]) || sim_has_left(sim, region);
}

/* "arrived" is a verdict, too. After a loss or a fork some were told to another copy of a store. */
static void check_arrivals(struct sim_node *node, const uint8_t *id, const Wire__NodeState *state)
{
    struct sim *sim = node->process.sim;
    char text[WIRE_ID_TEXT];
    if (state->state != WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED || sim->count.losses > 0 || node->lost_bytes)
        return;
    for (size_t i = 0; i < state->n_recipient; i++) {
        if (!state->recipient[i]->has_arrived && !may_be_silent(sim, state->recipient[i]->region))
            sim_fail(sim, 6, "%s was never told that %s arrived at %06u", node->process.name, wire_id_text(id, text),
                     state->recipient[i]->region);
    }
}

struct looking {
    struct sim_node *node;
    struct sim_answers answers; /* in its inbox, to what is ours */
};

static bool answer_visit(void *context, uint64_t order, struct wire_bytes value)
{
    struct looking *looking = context;
    struct sim *sim = looking->node->process.sim;
    (void)order;
    wire_arena_reset(&sim->checks);
    const Wire__NodeInbox *inbox = node_read_inbox(value, &sim->checks);
    ENSURE(inbox != NULL);
    const Wire__Header *header = node_read_header(sim_bytes(inbox->header), &sim->checks);
    if (header != NULL && header->origin != 0 && header->action == WIRE__ACTION__ISSUE)
        sim_answers_of(&looking->answers, header);
    return true;
}

static void check_answers(const struct looking *looking, const uint8_t *id, const Wire__NodeState *state)
{
    struct sim_node *node = looking->node;
    char text[WIRE_ID_TEXT];
    for (size_t i = 0; i < state->n_recipient; i++) {
        const Wire__NodeRecipient *recipient = state->recipient[i];
        const bool shown[] = {
            [WIRE__DUTY__SIGN_FOR] = recipient->has_signed_for_ms,
            [WIRE__DUTY__FIRST_FEEDBACK] = recipient->has_feedback_ms,
            [WIRE__DUTY__CLOSE] = recipient->has_closed_ms,
        };
        for (uint32_t duty = WIRE__DUTY__SIGN_FOR; duty <= WIRE__DUTY__CLOSE; duty++) {
            bool came = sim_answers_have(&looking->answers, node->process.region, id, recipient->region, duty);
            if (came != shown[duty])
                sim_fail(node->process.sim, 6, "%s is %sshown that %06u fulfilled duty %u of %s, and it %s",
                         node->process.name, shown[duty] ? "" : "not ", recipient->region, duty, wire_id_text(id, text),
                         came ? "did" : "did not");
        }
    }
}

static bool visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    const struct looking *looking = context;
    struct sim_node *node = looking->node;
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
    check_answers(looking, key.data, state);
    return true;
}

static void check_node(struct sim_node *node)
{
    struct looking looking = {.node = node};
    ENSURE(store_inbox(&node->store, 0, false, answer_visit, &looking) == WIRE_OK);
    sim_answers_sort(&looking.answers);
    ENSURE(keep_scan(node->store.keep, &(struct keep_range){.table = NODE_TABLE_PLACE}, visit, &looking, NULL) ==
           WIRE_OK);
    sim_answers_free(&looking.answers);
}

void sim_check_outboxes(struct sim *sim)
{
    for (unsigned i = 0; i < sim->node_count; i++)
        if (sim->node[i].exists && sim_owed(sim, sim->node[i].region_index))
            check_node(&sim->node[i]);
}
