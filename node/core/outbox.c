#include "node/core/outbox.h"

static Wire__NodeState *read_value(struct node_step *s, struct wire_bytes value, size_t which)
{
    if (value.data == NULL)
        return NULL;
    Wire__NodeState *state = node_read_state(value, node_scratch(s, which));
    if (state == NULL)
        node_damaged(s, NODE_TABLE_STATE);
    return state;
}

/* The STATE row of an envelope that came to be in this step. */
static struct wire_bytes made_here(struct node_step *s, const uint8_t id[WIRE_ID_BYTES])
{
    const struct wire_bytes none = wire_bytes(NULL, 0);
    struct node_key key = node_key_id(id);
    uint64_t place = node_read_place(node_look(s, NODE_TABLE_PLACE, &key, none));
    if (place == 0)
        return none;
    key = node_key_place(place);
    return node_look(s, NODE_TABLE_STATE, &key, none);
}

Wire__NodeState *node_state_read(struct node_step *s, const uint8_t id[WIRE_ID_BYTES], struct wire_bytes looked_up,
                                 size_t which)
{
    const struct wire_bytes none = wire_bytes(NULL, 0);
    if (looked_up.data == NULL)
        return read_value(s, made_here(s, id), which);
    Wire__NodeState *state = read_value(s, looked_up, which);
    if (state == NULL)
        return NULL;
    struct node_key key = node_key_place(state->place);
    struct wire_bytes changed = node_look(s, NODE_TABLE_STATE, &key, none);
    return changed.data == NULL ? state : read_value(s, changed, which);
}

Wire__NodeRecipient *node_state_recipient(struct node_step *s, Wire__NodeState *state, uint32_t region)
{
    struct wire_arena *arena = &s->core->scratch[0];
    for (size_t i = 0; i < state->n_recipient; i++)
        if (state->recipient[i]->region == region)
            return state->recipient[i];
    Wire__NodeRecipient **list = wire_arena_take(arena, (state->n_recipient + 1) * sizeof *list);
    Wire__NodeRecipient *recipient = wire_arena_take(arena, sizeof *recipient);
    ENSURE(list != NULL && recipient != NULL);
    wire__node_recipient__init(recipient);
    recipient->region = region;
    for (size_t i = 0; i < state->n_recipient; i++)
        list[i] = state->recipient[i];
    list[state->n_recipient++] = recipient;
    state->recipient = list;
    return recipient;
}

void node_state_put(struct node_step *s, const Wire__NodeState *state)
{
    struct node_key key = node_key_place(state->place);
    node_put_message(s, NODE_TABLE_STATE, &key, &state->base);
}

void node_state_place(struct node_step *s, const uint8_t id[WIRE_ID_BYTES], Wire__NodeState *state)
{
    struct node_key key = node_key_id(id);
    uint8_t place[8];
    state->place = s->core->outbox_next++;
    s->core->dirty_meta = true;
    wire_put_u64(place, state->place);
    node_put(s, NODE_TABLE_PLACE, &key, wire_bytes(place, sizeof place));
}

bool node_state_is_final(const Wire__NodeState *state)
{
    return state->state != WIRE__NODE_OUTBOX_STATE__NODE_DRAFT && state->state != WIRE__NODE_OUTBOX_STATE__NODE_HELD &&
           state->state != WIRE__NODE_OUTBOX_STATE__NODE_SEALED;
}

bool node_state_waits(const Wire__NodeState *state)
{
    return state->state == WIRE__NODE_OUTBOX_STATE__NODE_DRAFT || state->state == WIRE__NODE_OUTBOX_STATE__NODE_HELD;
}

static uint64_t *counter_of(struct node_totals *totals, Wire__NodeOutboxState state)
{
    switch (state) {
    case WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED:
        return &totals->admitted;
    case WIRE__NODE_OUTBOX_STATE__NODE_REFUSED:
        return &totals->refused;
    case WIRE__NODE_OUTBOX_STATE__NODE_DUPLICATE:
        return &totals->duplicate;
    case WIRE__NODE_OUTBOX_STATE__NODE_EXPIRED:
        return &totals->expired;
    case WIRE__NODE_OUTBOX_STATE__NODE_WITHDRAWN:
        return &totals->withdrawn;
    case WIRE__NODE_OUTBOX_STATE__NODE_REPLACED:
        return &totals->replaced;
    default:
        return NULL;
    }
}

void node_state_move(struct node_step *s, const uint8_t id[WIRE_ID_BYTES], Wire__NodeState *state,
                     Wire__NodeOutboxState to, uint32_t reason)
{
    uint64_t *counter = counter_of(&s->core->totals, to);
    state->state = to;
    state->since_ms = s->event->wall_ms;
    state->has_reason = reason != 0;
    state->reason = reason;
    if (counter == NULL && to != WIRE__NODE_OUTBOX_STATE__NODE_HELD)
        return;
    if (counter != NULL)
        ++*counter;
    struct node_note *note = node_note(s, NODE_NOTE_OUTBOX, node_link_find(s->core, state->link));
    note->status = (enum wire_status)reason;
    note->a = (uint64_t)to;
    note->b = state->number_date;
    note->c = state->number_serial;
    memcpy(note->id, id, WIRE_ID_BYTES);
}

struct node_lane *node_state_lane(struct node_step *s, const Wire__NodeState *state)
{
    uint8_t link = node_link_find(s->core, state->link);
    if (link == NODE_NO_LINK)
        return NULL;
    uint32_t lane = node_lane_of(s, link, state->mechanism, state->lane);
    return lane == NODE_NONE ? NULL : node_lane_at(s->core, lane);
}

/* --- waiting --------------------------------------------------------------------------------------------------------
 */

static void put_draft(struct node_step *s, enum node_table table, const struct node_key *key,
                      const uint8_t id[WIRE_ID_BYTES], const Wire__NodeState *state)
{
    Wire__NodeDraft row;
    wire__node_draft__init(&row);
    row.id = node_bin(id, WIRE_ID_BYTES);
    row.bytes = state->bytes;
    row.keep_until = state->keep_until;
    row.has_expires_ms = state->has_expires_ms;
    row.expires_ms = state->expires_ms;
    row.created_ms = state->created_ms;
    row.order = state->order;
    row.has_reason = state->has_reason;
    row.reason = state->reason;
    row.mechanism = state->mechanism;
    row.lane = state->lane;
    row.link = state->link;
    row.place = state->place;
    node_put_message(s, table, key, &row.base);
    if (state->has_expires_ms) {
        struct node_key expiry = node_key_expiry(state->expires_ms, id);
        node_put(s, NODE_TABLE_EXPIRY, &expiry, wire_bytes(NULL, 0));
        node_expiry_wanted(s, state->expires_ms);
    }
}

void node_draft_queue(struct node_step *s, const uint8_t id[WIRE_ID_BYTES], Wire__NodeState *state,
                      struct node_lane *lane)
{
    if (!state->has_order) {
        state->has_order = true;
        state->order = s->core->draft_next++;
        s->core->dirty_meta = true;
    }
    node_state_move(s, id, state, WIRE__NODE_OUTBOX_STATE__NODE_DRAFT, 0);
    state->has_held_key = false;
    state->has_store_id = state->has_seq = state->has_first = false;
    struct node_key key = node_key_draft(state->link, state->mechanism, state->lane, state->order);
    put_draft(s, NODE_TABLE_DRAFT, &key, id, state);
    if (lane->drafts == 0 || state->created_ms < lane->oldest_ms)
        lane->oldest_ms = state->created_ms;
    lane->drafts++;
    lane->bytes += state->bytes;
    node_queue_changed(s->core, lane);
    node_work(s->core, lane->link);
}

void node_draft_hold(struct node_step *s, const uint8_t id[WIRE_ID_BYTES], Wire__NodeState *state,
                     const uint8_t *waits_for, uint32_t reason)
{
    static const uint8_t the_rules[WIRE_ID_BYTES];
    struct node_key key = node_key_held(waits_for == NULL ? the_rules : waits_for, id);
    node_state_move(s, id, state, WIRE__NODE_OUTBOX_STATE__NODE_HELD, reason);
    uint8_t *copy = node_take(s, key.size);
    memcpy(copy, key.data, key.size);
    state->has_held_key = true;
    state->held_key = node_bin(copy, key.size);
    put_draft(s, NODE_TABLE_HELD, &key, id, state);
}

static void leave_queue(struct node_step *s, const Wire__NodeState *state)
{
    struct node_key key = node_key_draft(state->link, state->mechanism, state->lane, state->order);
    struct node_lane *lane = node_state_lane(s, state);
    node_erase(s, NODE_TABLE_DRAFT, &key);
    if (lane == NULL)
        return;
    lane->drafts -= lane->drafts > 0;
    lane->bytes -= lane->bytes < state->bytes ? lane->bytes : state->bytes;
    node_queue_changed(s->core, lane);
}

void node_draft_leave(struct node_step *s, const uint8_t id[WIRE_ID_BYTES], Wire__NodeState *state)
{
    if (state->state == WIRE__NODE_OUTBOX_STATE__NODE_DRAFT) {
        leave_queue(s, state);
    } else if (state->has_held_key && state->held_key.len == 2 * WIRE_ID_BYTES) {
        struct node_key key = node_key_held(state->held_key.data, id);
        node_erase(s, NODE_TABLE_HELD, &key);
        state->has_held_key = false;
    }
    if (state->has_expires_ms) {
        struct node_key expiry = node_key_expiry(state->expires_ms, id);
        node_erase(s, NODE_TABLE_EXPIRY, &expiry);
    }
}

void node_release_held(struct node_step *s, const uint8_t id[WIRE_ID_BYTES])
{
    struct node_core *core = s->core;
    if (core->release_count == NODE_RELEASES_MAX) {
        core->release_all = true; /* looks at every held one: slower, complete */
        return;
    }
    uint32_t at = (core->release_head + core->release_count++) % NODE_RELEASES_MAX;
    memcpy(core->release[at], id, WIRE_ID_BYTES);
    node_work_all(core);
}
