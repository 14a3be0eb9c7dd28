/* Held drafts. Each HELD row is decided by the STATE of what it waits for, as it is when the row is fetched, so that a
 * crash between a receipt and the release loses nothing: at boot every held draft is looked at. */
#include "node/core/local.h"

static const uint8_t the_rules[WIRE_ID_BYTES];

void node_held_retry(struct node_step *s)
{
    node_release_held(s, the_rules);
}

void node_held_pump(struct node_step *s)
{
    struct node_core *core = s->core;
    if (core->releasing || (core->release_count == 0 && !core->release_all) || !node_has_room(s))
        return;
    struct node_fetching *fetching;
    struct node_fetch *fetch = node_fetch(s, NODE_FETCH_HELD, 0, &fetching);
    if (fetch == NULL)
        return;
    core->releasing = true;
    fetch->table = NODE_TABLE_HELD;
    fetch->states = true;
    fetch->rows_max = 64;
    fetch->from = core->release_from;
    if (!core->release_all)
        fetch->prefix = node_key_id(core->release[core->release_head]);
}

/* What it waited for is known under another id now. */
static void wait_for_successor(struct node_step *s, const uint8_t *id, Wire__NodeState *state,
                               const Wire__NodeState *original)
{
    if (!original->has_successor || original->successor.len != WIRE_ID_BYTES) {
        node_damaged(s, NODE_TABLE_STATE);
        return;
    }
    uint8_t *successor = node_take(s, WIRE_ID_BYTES);
    memcpy(successor, original->successor.data, WIRE_ID_BYTES);
    state->has_named = true;
    state->named = node_bin(successor, WIRE_ID_BYTES);
    node_draft_leave(s, id, state);
    node_draft_hold(s, id, state, successor, WIRE_NO_PARENT);
    node_state_put(s, state);
    node_release_held(s, successor); /* it may be settled already */
}

static void give_up(struct node_step *s, const uint8_t *id, Wire__NodeState *state, Wire__NodeOutboxState to,
                    enum wire_status why)
{
    node_draft_leave(s, id, state);
    node_state_move(s, id, state, to, (uint32_t)why);
    node_state_put(s, state);
    if (state->waited_for)
        node_release_held(s, id);
}

static void let_go(struct node_step *s, const uint8_t *id, Wire__NodeState *state)
{
    struct node_lane *lane = node_state_lane(s, state);
    if (lane == NULL)
        return; /* no broker carries it any more; it stays where it is */
    node_draft_leave(s, id, state);
    node_draft_queue(s, id, state, lane);
    node_state_put(s, state);
}

static void look_at(struct node_step *s, const struct wire_row *row, const node_row_value *states)
{
    const uint8_t *id = node_key_last_id(row->key);
    if (id == NULL || row->key.size != 2 * WIRE_ID_BYTES) {
        node_erase_damaged(s, row);
        return;
    }
    Wire__NodeState *state = node_state_read(s, id, states[0], 0);
    if (state == NULL || state->state != WIRE__NODE_OUTBOX_STATE__NODE_HELD)
        return;
    if (memcmp(row->key.data, the_rules, WIRE_ID_BYTES) == 0) {
        let_go(s, id, state);
        return;
    }
    const Wire__NodeState *original = node_state_read(s, row->key.data, states[1], 1);
    if (original == NULL || (!node_state_is_final(original)))
        return;
    if (original->state == WIRE__NODE_OUTBOX_STATE__NODE_REPLACED)
        wait_for_successor(s, id, state, original);
    else if (original->state == WIRE__NODE_OUTBOX_STATE__NODE_WITHDRAWN ||
             (original->state == WIRE__NODE_OUTBOX_STATE__NODE_EXPIRED && !original->has_code))
        give_up(s, id, state, WIRE__NODE_OUTBOX_STATE__NODE_WITHDRAWN, WIRE_NO_PARENT);
    else
        let_go(s, id, state);
}

static void next_page(struct node_core *core, const struct node_fetched *fetched)
{
    const struct wire_row *last = &fetched->rows[fetched->count - 1];
    ENSURE(last->key.size < WIRE_KEY_BYTES_MAX);
    memcpy(core->release_from.data, last->key.data, last->key.size);
    core->release_from.data[last->key.size] = 0; /* the first key after it */
    core->release_from.size = last->key.size + 1;
}

void node_held_fetched(struct node_step *s, const struct node_fetching *fetching)
{
    struct node_core *core = s->core;
    const struct node_fetched *fetched = &s->event->u.fetched;
    (void)fetching;
    core->releasing = false;
    for (size_t i = 0; i < fetched->count; i++)
        look_at(s, &fetched->rows[i], &fetched->state[2 * i]);
    if (!fetched->end && fetched->count > 0) {
        next_page(core, fetched);
    } else {
        core->release_from.size = 0;
        if (core->release_all) {
            core->release_all = false;
        } else if (core->release_count > 0) {
            core->release_head = (core->release_head + 1) % NODE_RELEASES_MAX;
            core->release_count--;
        }
    }
    node_work_all(core);
}
