/* A person's or a system's envelopes become drafts: queued = durable. */
#include "node/core/local.h"
#include "wire/canary.h"

static enum wire_status check_reply(const struct node_step *s, const struct node_draft *draft)
{
    if (draft->header->in_reply_to == NULL)
        return WIRE_OK;
    (void)s;
    return draft->asked.data == NULL ? WIRE_NO_PARENT : WIRE_OK;
}

static bool corrects(const Wire__Header *header)
{
    return header->action == WIRE__ACTION__UPDATE || header->action == WIRE__ACTION__CANCEL;
}

static enum wire_status check_draft(struct node_step *s, const struct node_draft *draft)
{
    const Wire__Header *header = draft->header;
    if (header->id.len != WIRE_ID_BYTES || (unsigned)header->lane >= WIRE_LANES || !wire_day_valid(header->keep_until))
        return WIRE_BAD_HEADER;
    if (header->origin != s->core->options.region)
        return WIRE_FOREIGN_ORIGIN;
    if (node_core_link_of(s->core, header->mechanism) == NODE_NO_LINK)
        return WIRE_NOT_HOSTED;
    if (header->has_expires_ms && header->expires_ms <= s->event->wall_ms)
        return WIRE_EXPIRED_TERM;
    if (header->keep_until <= s->core->erased_day)
        return WIRE_EXPIRED_TERM;
    if (corrects(header) && (header->n_references == 0 || header->references[0]->origin != header->origin ||
                             draft->named_id == NULL || draft->named.data == NULL))
        return WIRE_NO_PARENT;
    return check_reply(s, draft);
}

static uint32_t estimate(const struct node_draft *draft, size_t header_bytes)
{
    const struct wire_kind *kind = wire_kind_find(draft->header->kind);
    uint32_t sealed = kind != NULL && kind->persons ? NODE_SEALED_OVERHEAD : 0;
    return draft->payload_bytes + (uint32_t)header_bytes + NODE_DRAFT_OVERHEAD + sealed;
}

/* The header as it will be sealed, but for store id, seq and digest. Returns its size. */
static size_t put_header(struct node_step *s, const Wire__Header *from, const Wire__NodeState *state)
{
    Wire__Header header = *from;
    struct node_key key = node_key_place(state->place);
    header.number_date = state->number_date;
    header.number_serial = state->number_serial;
    if (CANARY(MIX_STATUS))
        header.status = WIRE__STATUS__ACTUAL;
    header.seq = 0;
    header.store_id = node_bin(NULL, 0);
    header.digest = node_bin(NULL, 0);
    node_put_message(s, NODE_TABLE_OUTBOX, &key, &header.base);
    return node_look(s, NODE_TABLE_OUTBOX, &key, wire_bytes(NULL, 0)).size;
}

static void new_state(struct node_step *s, const struct node_draft *draft, uint8_t link, uint32_t date,
                      Wire__NodeState *state)
{
    const Wire__Header *header = draft->header;
    wire__node_state__init(state);
    state->since_ms = s->event->wall_ms;
    state->number_date = date;
    state->number_serial = node_number_next(s, date);
    state->link = (char *)(uintptr_t)s->core->options.link[link].name;
    state->mechanism = header->mechanism;
    state->lane = header->lane;
    state->keep_until = header->keep_until;
    state->has_expires_ms = header->has_expires_ms;
    state->expires_ms = header->expires_ms;
    state->has_action = true;
    state->action = header->action;
    state->has_created_ms = true;
    state->created_ms = header->created_ms;
    state->has_bytes = true;
    node_state_place(s, header->id.data, state);
    state->bytes = estimate(draft, put_header(s, header, state));
    if (corrects(header)) {
        state->has_named = true;
        state->named = node_bin(draft->named_id, WIRE_ID_BYTES);
    }
}

/* True: what it names has no verdict yet; that is told to wait for. */
static bool must_wait(struct node_step *s, const struct node_draft *draft)
{
    if (!corrects(draft->header))
        return false;
    Wire__NodeState *named = node_state_read(s, draft->named_id, draft->named, 1);
    if (named == NULL || node_state_is_final(named))
        return false;
    if (!named->waited_for) {
        named->has_waited_for = named->waited_for = true;
        node_state_put(s, named);
    }
    return true;
}

static void put_number_row(struct node_step *s, const uint8_t *id, const Wire__NodeState *state)
{
    struct node_key key = node_key_outbox_number(state->number_date, state->number_serial, id);
    node_put(s, NODE_TABLE_OUTBOX_NUMBER, &key, wire_bytes(NULL, 0));
}

static void keep_payload(struct node_step *s, size_t index, const Wire__Header *header, uint64_t place)
{
    struct node_payload payload = {
        .kind = NODE_PAYLOAD_OF_DRAFT, .index = (uint32_t)index, .day = header->keep_until, .origin = header->origin};
    payload.number = place;
    memcpy(payload.id, header->id.data, WIRE_ID_BYTES);
    node_add_payload(s, &payload);
}

static void take_draft(struct node_step *s, size_t index, struct node_lane *lane, struct node_result *result)
{
    const struct node_draft *draft = &s->event->u.publish.draft[index];
    const uint8_t *id = draft->header->id.data;
    Wire__NodeState state;
    new_state(s, draft, lane->link, wire_day_of(s->event->wall_ms), &state);
    put_number_row(s, id, &state);
    keep_payload(s, index, draft->header, state.place);
    result->held = must_wait(s, draft);
    if (result->held)
        node_draft_hold(s, id, &state, draft->named_id, WIRE_NO_PARENT);
    else
        node_draft_queue(s, id, &state, lane);
    node_state_put(s, &state);
    node_mark_answered(s, draft->header, draft->asked);
    result->number_date = state.number_date;
    result->number_serial = state.number_serial;
}

static void publish_one(struct node_step *s, size_t index, struct node_result *result)
{
    const struct node_draft *draft = &s->event->u.publish.draft[index];
    const Wire__Header *header = draft->header;
    result->status = check_draft(s, draft);
    if (result->status != WIRE_OK)
        return;
    memcpy(result->id, header->id.data, WIRE_ID_BYTES);
    Wire__NodeState *own = node_state_read(s, result->id, draft->own, 0);
    if (own != NULL) {
        result->status = WIRE_EXISTS;
        result->number_date = own->number_date;
        result->number_serial = own->number_serial;
        result->held = own->state == WIRE__NODE_OUTBOX_STATE__NODE_HELD;
        return;
    }
    uint32_t lane = node_lane_of(s, node_core_link_of(s->core, header->mechanism), header->mechanism, header->lane);
    if (lane == NODE_NONE)
        result->status = WIRE_NO_MEMORY;
    else
        take_draft(s, index, node_lane_at(s->core, lane), result);
}

static void done(struct node_step *s, uint64_t request, const struct node_result *results, size_t count)
{
    struct node_done *done_ = &node_effect(s, NODE_DO_DONE)->u.done;
    uint64_t ticket = node_ticket(s);
    done_->request = request;
    done_->after = ticket <= s->core->committed ? 0 : ticket;
    done_->result = results;
    done_->count = count;
}

void node_on_publish(struct node_step *s)
{
    const struct node_publish *publish = &s->event->u.publish;
    ENSURE(publish->count >= 1 && publish->count <= NODE_PUBLISH_MAX);
    struct node_result *results = node_take(s, publish->count * sizeof *results);
    for (size_t i = 0; i < publish->count; i++) {
        if (s->core->no_room)
            results[i].status = WIRE_STORE_FULL;
        else
            publish_one(s, i, &results[i]);
    }
    done(s, publish->request, results, publish->count);
}

/* --- withdrawing ----------------------------------------------------------------------------------------------------
 */

static void withdraw(struct node_step *s, Wire__NodeState *state)
{
    const struct node_withdraw *request = &s->event->u.withdraw;
    node_draft_leave(s, request->id, state);
    node_state_move(s, request->id, state, WIRE__NODE_OUTBOX_STATE__NODE_WITHDRAWN, 0);
    node_state_put(s, state);
    if (request->header != NULL)
        node_mark_unanswered(s, request->header, request->asked);
    if (state->waited_for)
        node_release_held(s, request->id);
}

void node_on_withdraw(struct node_step *s)
{
    const struct node_withdraw *request = &s->event->u.withdraw;
    struct node_result *result = node_take(s, sizeof *result);
    memcpy(result->id, request->id, WIRE_ID_BYTES);
    Wire__NodeState *state = node_state_read(s, request->id, request->state, 0);
    if (state == NULL) {
        result->status = WIRE_NOT_FOUND;
    } else {
        result->number_date = state->number_date;
        result->number_serial = state->number_serial;
        result->status = node_state_waits(state) ? WIRE_OK : WIRE_EXISTS;
        if (result->status == WIRE_OK)
            withdraw(s, state);
    }
    done(s, request->request, result, 1);
}
