/* One verdict of the broker on one envelope of ours. */
#include "node/core/receipt.h"

static Wire__NodeOutboxState outbox_state(Wire__VerdictCode code)
{
    switch (code) {
    case WIRE__VERDICT_CODE__ADMITTED:
        return WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED;
    case WIRE__VERDICT_CODE__DUPLICATE:
        return WIRE__NODE_OUTBOX_STATE__NODE_DUPLICATE;
    case WIRE__VERDICT_CODE__EXPIRED:
        return WIRE__NODE_OUTBOX_STATE__NODE_EXPIRED;
    default:
        return WIRE__NODE_OUTBOX_STATE__NODE_REFUSED;
    }
}

/* A first-hand verdict goes over `duplicate` and over what was decided here; nothing goes over a first-hand one. */
static bool is_news(const Wire__NodeState *state, const Wire__Verdict *verdict)
{
    if (!node_state_is_final(state))
        return true;
    if (verdict->code == WIRE__VERDICT_CODE__DUPLICATE)
        return false;
    return state->state == WIRE__NODE_OUTBOX_STATE__NODE_DUPLICATE || !state->has_code;
}

static Wire__NodeRecipient *new_recipients(struct node_step *s, size_t count)
{
    Wire__NodeRecipient *recipients = wire_arena_take(&s->core->scratch[0], count * sizeof *recipients);
    ENSURE(recipients != NULL);
    for (size_t i = 0; i < count; i++)
        wire__node_recipient__init(&recipients[i]);
    return recipients;
}

/* What came before the receipt: replies. */
static void carry_over(const Wire__NodeState *before, Wire__NodeRecipient *recipient)
{
    for (size_t i = 0; i < before->n_recipient; i++) {
        if (before->recipient[i]->region != recipient->region)
            continue;
        bool owes = recipient->owes;
        *recipient = *before->recipient[i];
        recipient->owes = owes;
    }
}

static void set_recipients(struct node_step *s, Wire__NodeState *state, const Wire__Disposition *disposition)
{
    size_t count = disposition->n_to + disposition->n_cc;
    if (count == 0 || count > 2 * WIRE_RECIPIENTS_MAX)
        return;
    Wire__NodeRecipient *recipients = new_recipients(s, count);
    Wire__NodeRecipient **list = wire_arena_take(&s->core->scratch[0], count * sizeof *list);
    ENSURE(list != NULL);
    for (size_t i = 0; i < count; i++) {
        recipients[i].owes = i < disposition->n_to;
        recipients[i].region = recipients[i].owes ? disposition->to[i] : disposition->cc[i - disposition->n_to];
        carry_over(state, &recipients[i]);
        list[i] = &recipients[i];
    }
    state->recipient = list;
    state->n_recipient = count;
}

static void set_verdict(struct node_step *s, Wire__NodeState *state, const Wire__Verdict *verdict, int64_t at_ms)
{
    state->has_code = state->has_verdict_ms = true;
    state->code = verdict->code;
    state->verdict_ms = at_ms;
    state->detail = verdict->detail;
    state->allowed = verdict->allowed;
    state->rule_name = verdict->rule_name;
    state->has_first_code = verdict->has_first_code;
    state->first_code = verdict->first_code;
    if (verdict->disposition == NULL)
        return;
    set_recipients(s, state, verdict->disposition);
    state->n_not_enrolled = verdict->disposition->n_not_enrolled;
    state->not_enrolled = verdict->disposition->not_enrolled;
    state->n_term = verdict->disposition->n_term;
    state->term = verdict->disposition->term;
    if (state->rule_name == NULL)
        state->rule_name = verdict->disposition->rule_name;
}

/* An update or cancel of ours was admitted: the original shows it. */
static void mark_original(struct node_step *s, const uint8_t *id, const Wire__NodeState *state,
                          node_row_value looked_up)
{
    if (!state->has_named || state->named.len != WIRE_ID_BYTES)
        return;
    Wire__NodeState *original = node_state_read(s, state->named.data, looked_up, 1);
    if (original == NULL)
        return;
    if (state->action == WIRE__ACTION__CANCEL) {
        original->has_cancelled_by = true;
        original->cancelled_by = node_bin(id, WIRE_ID_BYTES);
    } else {
        original->has_updated_by = true;
        original->updated_by = node_bin(id, WIRE_ID_BYTES);
    }
    node_state_put(s, original);
}

static uint32_t awaited(const Wire__NodeState *state)
{
    uint32_t count = 0;
    for (size_t i = 0; i < state->n_recipient; i++)
        count += !state->recipient[i]->has_arrived;
    return count;
}

static void unknown_here(struct node_step *s, uint8_t link, const uint8_t *id)
{
    struct node_note *note = node_note(s, NODE_NOTE_BROKER_KNOWS, link);
    memcpy(note->id, id, WIRE_ID_BYTES);
}

static bool is_stale(const Wire__Verdict *verdict)
{
    return verdict->code == WIRE__VERDICT_CODE__REFUSED && verdict->has_reason && verdict->reason == WIRE_STALE_SEAL;
}

uint32_t node_take_verdict(struct node_step *s, const struct node_receipt *in, size_t index)
{
    const Wire__Verdict *verdict = in->statement->verdict[index];
    const Wire__Header *header = in->header == NULL ? NULL : in->header[index];
    const uint8_t *id = verdict->id.data;
    if (verdict->id.len != WIRE_ID_BYTES)
        return 0;
    Wire__NodeState *state = node_state_read(s, id, in->state[index], 0);
    if (state == NULL) {
        unknown_here(s, in->link, id);
        return 0;
    }
    if (!is_news(state, verdict))
        return 0;
    if (node_state_waits(state)) /* drafted again, and now the verdict of the stream it was first sealed in */
        node_draft_leave(s, id, state);
    set_verdict(s, state, verdict, in->statement->at_ms);
    if (!is_stale(verdict) || header == NULL || !node_replace(s, id, state, header))
        node_state_move(s, id, state, outbox_state(verdict->code), verdict->has_reason ? verdict->reason : 0);
    bool admitted = state->state == WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED;
    state->has_differs = admitted && node_disposition_differs(s, header, in->statement, verdict);
    state->differs = state->has_differs;
    if (state->differs)
        memcpy(node_note(s, NODE_NOTE_DIFFERS, in->link)->id, id, WIRE_ID_BYTES);
    node_state_put(s, state);
    if (admitted)
        mark_original(s, id, state, in->named == NULL ? wire_bytes(NULL, 0) : in->named[index]);
    if (state->waited_for)
        node_release_held(s, id);
    return admitted ? awaited(state) : 0;
}

/* --- a stale seal ---------------------------------------------------------------------------------------------------
 */

/* The header under its new id, naming the old one. The array is in the out arena. */
static void put_replacement(struct node_step *s, const Wire__Header *from, const uint8_t *old_id, const uint8_t *new_id,
                            uint64_t place)
{
    Wire__Header header = *from;
    Wire__Reference replaced;
    struct node_key key = node_key_place(place);
    wire__reference__init(&replaced);
    replaced.origin = from->origin;
    replaced.id = node_bin(old_id, WIRE_ID_BYTES);
    header.id = node_bin(new_id, WIRE_ID_BYTES);
    if (from->n_references < WIRE_REFERENCES_MAX) {
        header.references = node_take(s, (from->n_references + 1) * sizeof *header.references);
        for (size_t i = 0; i < from->n_references; i++)
            header.references[i] = from->references[i];
        header.references[header.n_references++] = &replaced;
    }
    node_put_message(s, NODE_TABLE_OUTBOX, &key, &header.base);
}

static void copy_payload(struct node_step *s, const Wire__NodeState *state, const uint8_t *old_id,
                         const uint8_t *new_id, uint64_t place)
{
    struct node_payload payload = {
        .kind = NODE_PAYLOAD_COPY, .day = state->keep_until, .origin = s->core->options.region, .number = place};
    payload.from_number = state->place;
    memcpy(payload.id, new_id, WIRE_ID_BYTES);
    memcpy(payload.from, old_id, WIRE_ID_BYTES);
    node_add_payload(s, &payload);
}

/* Returns its place. */
static uint64_t new_draft(struct node_step *s, const uint8_t *old_id, const uint8_t *new_id, const Wire__NodeState *old,
                          struct node_lane *lane)
{
    Wire__NodeState state = *old;
    node_state_place(s, new_id, &state);
    bool again = old->has_predecessor; /* the second time in a row: our directory is behind the broker's */
    state.has_code = state.has_verdict_ms = state.has_first_code = state.has_differs = false;
    state.detail = state.allowed = state.rule_name = NULL;
    state.n_recipient = state.n_not_enrolled = state.n_term = 0;
    state.has_store_id = state.has_seq = state.has_first = false;
    state.has_predecessor = true;
    state.predecessor = node_bin(old_id, WIRE_ID_BYTES);
    if (again)
        node_draft_hold(s, new_id, &state, NULL, WIRE_STALE_SEAL);
    else
        node_draft_queue(s, new_id, &state, lane);
    node_state_put(s, &state);
    struct node_key number = node_key_outbox_number(state.number_date, state.number_serial, new_id);
    node_put(s, NODE_TABLE_OUTBOX_NUMBER, &number, wire_bytes(NULL, 0));
    return state.place;
}

bool node_replace(struct node_step *s, const uint8_t id[WIRE_ID_BYTES], Wire__NodeState *state,
                  const Wire__Header *header)
{
    uint8_t random[10];
    struct node_lane *lane = node_state_lane(s, state);
    if (lane == NULL || node_draft_is_over(s, state))
        return false;
    uint8_t *new_id = node_take(s, WIRE_ID_BYTES);
    node_draw(s, random, sizeof random);
    wire_id_make(s->event->wall_ms, random, new_id);
    uint64_t place = new_draft(s, id, new_id, state, lane);
    put_replacement(s, header, id, new_id, place);
    copy_payload(s, state, id, new_id, place);
    node_state_move(s, id, state, WIRE__NODE_OUTBOX_STATE__NODE_REPLACED, WIRE_STALE_SEAL);
    state->has_successor = true;
    state->successor = node_bin(new_id, WIRE_ID_BYTES);
    return true;
}
