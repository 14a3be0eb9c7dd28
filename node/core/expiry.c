/* Drafts that expire before they could be sealed: the verdict `expired` of the sender's side. */
#include "node/core/local.h"

bool node_draft_is_over(const struct node_step *s, const Wire__NodeState *state)
{
    if (state->keep_until <= s->core->erased_day)
        return true; /* its payload is gone */
    return !s->core->clock_unsure && state->has_expires_ms && state->expires_ms <= s->event->wall_ms;
}

void node_expiry_wanted(struct node_step *s, int64_t expires_ms)
{
    int64_t in_ms = expires_ms > s->event->wall_ms ? expires_ms - s->event->wall_ms : 0;
    if (in_ms > NODE_EXPIRY_POLL_MS_MAX)
        in_ms = NODE_EXPIRY_POLL_MS_MAX; /* the clock may be set meanwhile */
    if (s->event->mono_ms + in_ms < s->core->expiry_poll_mono_ms)
        s->core->expiry_poll_mono_ms = s->event->mono_ms + in_ms;
}

void node_expiry_pump(struct node_step *s)
{
    struct node_core *core = s->core;
    if (core->expiring || core->clock_unsure || s->event->mono_ms < core->expiry_poll_mono_ms || !node_has_room(s))
        return;
    struct node_fetch *fetch = node_fetch(s, NODE_FETCH_EXPIRY, 0, NULL);
    if (fetch == NULL)
        return;
    core->expiring = true;
    core->expiry_poll_mono_ms = INT64_MAX;
    fetch->table = NODE_TABLE_EXPIRY;
    fetch->states = true;
    fetch->rows_max = 64;
}

/* False: it and all after it are not due. */
static bool expire(struct node_step *s, const struct wire_row *row, node_row_value looked_up)
{
    const uint8_t *id = node_key_last_id(row->key);
    if (id == NULL || row->key.size != 8 + WIRE_ID_BYTES) {
        node_erase_damaged(s, row);
        return true;
    }
    if (wire_get_u64(row->key.data) > (uint64_t)s->event->wall_ms) {
        node_expiry_wanted(s, (int64_t)wire_get_u64(row->key.data));
        return false;
    }
    struct node_key key = node_key_expiry((int64_t)wire_get_u64(row->key.data), id);
    node_erase(s, NODE_TABLE_EXPIRY, &key);
    Wire__NodeState *state = node_state_read(s, id, looked_up, 0);
    if (state == NULL || !node_state_waits(state))
        return true;
    node_draft_leave(s, id, state);
    node_state_move(s, id, state, WIRE__NODE_OUTBOX_STATE__NODE_EXPIRED, WIRE_EXPIRED_TERM);
    node_state_put(s, state);
    if (state->waited_for)
        node_release_held(s, id);
    return true;
}

void node_expiry_fetched(struct node_step *s)
{
    struct node_core *core = s->core;
    const struct node_fetched *fetched = &s->event->u.fetched;
    bool due = !core->clock_unsure;
    core->expiring = false;
    for (size_t i = 0; due && i < fetched->count; i++)
        due = expire(s, &fetched->rows[i], fetched->state[i]);
    if (core->clock_unsure || (due && !fetched->end))
        node_expiry_wanted(s, s->event->wall_ms); /* later, or there may be more */
}
