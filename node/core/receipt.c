#include "node/core/receipt.h"
#include "node/core/session.h"

/* --- numbers --------------------------------------------------------------------------------------------------------
 */

static void advance(struct node_link *link)
{
    link->receipts_taken++;
    while ((link->ahead & 1) != 0) {
        link->receipts_taken++;
        link->ahead >>= 1;
    }
    link->ahead >>= 1;
}

/* Number 0 is not counted; a number already taken is a repeat. */
static void take_number(struct node_step *s, struct node_link *link, uint64_t number)
{
    if (number <= link->receipts_taken)
        return;
    if (number == link->receipts_taken + 1)
        advance(link);
    else
        link->ahead |= UINT64_C(1) << (number - link->receipts_taken - 2);
    if (link->ahead == 0)
        link->gap_since_mono_ms = 0;
    else if (link->gap_since_mono_ms == 0)
        link->gap_since_mono_ms = s->event->mono_ms;
}

static bool number_fits(struct node_step *s, uint8_t index, uint64_t number)
{
    const struct node_link *link = &s->core->link[index];
    if (number <= link->receipts_taken + 1 + NODE_RECEIPTS_AHEAD)
        return true;
    struct node_note *note = node_note(s, NODE_NOTE_RECEIPT_GAP, index);
    note->a = link->receipts_taken + 1;
    note->b = number;
    node_session_cut(s, index, WIRE_GAP);
    return false;
}

static void note_taken(struct node_step *s, uint8_t index, uint32_t frame_bytes)
{
    struct node_link *link = &s->core->link[index];
    node_put_link(s, index);
    link->taken_newest_ticket = node_ticket(s);
    link->taken_bytes += frame_bytes;
    if (link->taken_ticket == 0) {
        link->taken_ticket = link->taken_newest_ticket;
        link->taken_pending = link->receipts_taken;
    }
}

static void tell_taken(struct node_step *s, uint8_t index)
{
    struct node_link *link = &s->core->link[index];
    Wire__Frame *frame = node_frame(s, WIRE__FRAME__BODY_CREDIT);
    frame->credit = node_take(s, sizeof *frame->credit);
    wire__credit__init(frame->credit);
    frame->credit->has_receipts_taken = true;
    frame->credit->receipts_taken = link->taken_durable;
    node_send(s, index, 0, frame);
    link->taken_told = link->taken_durable;
    link->taken_bytes = 0;
}

void node_receipts_committed(struct node_step *s, uint8_t index)
{
    struct node_link *link = &s->core->link[index];
    if (link->taken_ticket == 0 || s->core->committed < link->taken_ticket)
        return;
    link->taken_durable = link->taken_pending;
    link->taken_ticket = 0;
    if (link->taken_newest_ticket <= s->core->committed) {
        link->taken_durable = link->receipts_taken;
    } else {
        link->taken_ticket = link->taken_newest_ticket;
        link->taken_pending = link->receipts_taken;
    }
    if (link->state >= NODE_UNCONFIRMED && link->taken_bytes >= NODE_TELL_TAKEN_BYTES &&
        link->taken_durable > link->taken_told)
        tell_taken(s, index);
}

/* --- the broker's statements ----------------------------------------------------------------------------------------
 */

struct answer {
    const struct node_receipt *in;
    const Wire__ReceiptStatement *statement;
    struct node_key key;          /* of the BATCH row */
    uint32_t stream;              /* NODE_NONE: none such */
    const Wire__NodeBatch *batch; /* as stored, and the one that is answered; NULL: not held */
};

static void keep_receipt(struct node_step *s, const struct answer *answer)
{
    struct node_link *link = &s->core->link[answer->in->link];
    struct node_key key = node_key_receipt(&answer->key, WIRE_REGION_BROKER, 0);
    node_put_message(s, NODE_TABLE_RECEIPT, &key, &answer->in->receipt->signed_->base);
    if (answer->statement->ledger_serial <= link->newest_serial)
        return;
    link->newest_serial = answer->statement->ledger_serial;
    link->newest_receipt = key;
}

static void settle_batch(struct node_step *s, const struct answer *answer, uint32_t awaited)
{
    struct node_stream *stream = node_stream_at(s->core, answer->stream);
    uint64_t last = answer->statement->first + answer->batch->count - 1;
    Wire__NodeBatch batch = *answer->batch;
    batch.has_receipted = batch.receipted = true;
    batch.has_receipt_bytes = true;
    batch.receipt_bytes = (uint32_t)wire__signed__get_packed_size(answer->in->receipt->signed_);
    batch.has_awaited = true;
    batch.awaited = awaited;
    node_put_message(s, NODE_TABLE_BATCH, &answer->key, &batch.base);
    if (answer->statement->first == stream->receipted + 1) {
        stream->receipted = last;
        stream->sweep = stream->sweep || stream->out_of_order;
        stream->out_of_order = false;
    } else if (answer->statement->first > stream->receipted) {
        stream->out_of_order = true;
    }
    stream->sweep = stream->sweep || (awaited == 0 && stream->kept_from == answer->statement->first) ||
                    (!stream->current && stream->receipted >= stream->closed_through);
    node_put_stream(s, stream);
}

/* A batch that this store does not hold (a backup was restored): its ids are kept, so that arrivals can be told from
 * their index. */
static void remember_batch(struct node_step *s, const struct answer *answer, uint32_t awaited)
{
    const Wire__ReceiptStatement *statement = answer->statement;
    Wire__NodeBatch batch;
    if (awaited == 0 || node_look(s, NODE_TABLE_BATCH, &answer->key, answer->in->batch).data != NULL)
        return;
    wire__node_batch__init(&batch);
    batch.root = statement->root;
    batch.count = statement->count;
    batch.sealed_ms = s->event->wall_ms;
    batch.n_id = statement->n_verdict;
    batch.id = node_take(s, batch.n_id * sizeof *batch.id);
    for (size_t i = 0; i < batch.n_id; i++)
        batch.id[i] = statement->verdict[i]->id;
    batch.has_receipted = batch.receipted = true;
    batch.has_awaited = true;
    batch.awaited = awaited;
    node_put_message(s, NODE_TABLE_BATCH, &answer->key, &batch.base);
}

static void judged(struct node_step *s, const struct answer *answer)
{
    uint32_t awaited = 0;
    for (size_t i = 0; i < answer->statement->n_verdict; i++)
        awaited += node_take_verdict(s, answer->in, i);
    keep_receipt(s, answer);
    if (answer->batch != NULL && answer->stream != NODE_NONE && !answer->batch->receipted)
        settle_batch(s, answer, awaited);
    else if (answer->batch == NULL)
        remember_batch(s, answer, awaited);
}

/* It is the signature or the clock, not what is in the batch. */
static bool is_about_signer(uint32_t reason)
{
    return reason == WIRE_BAD_SIGNATURE || reason == WIRE_UNKNOWN_SIGNER || reason == WIRE_SIGNER_REVOKED ||
           reason == WIRE_SIGNER_EXPIRED || reason == WIRE_FOREIGN_ORIGIN || reason == WIRE_WRONG_SUITE;
}

/* A batch of one that fails as a whole: that envelope is the bad one. */
static void refuse_alone(struct node_step *s, const struct answer *answer)
{
    const uint8_t *id = answer->batch->id[0].data;
    Wire__NodeState *state = node_state_read(s, id, answer->in->state[0], 0);
    if (state != NULL && !node_state_is_final(state)) {
        node_state_move(s, id, state, WIRE__NODE_OUTBOX_STATE__NODE_REFUSED, answer->statement->reason);
        state->has_code = state->has_verdict_ms = true;
        state->code = WIRE__VERDICT_CODE__REFUSED;
        state->verdict_ms = answer->statement->at_ms;
        node_state_put(s, state);
        if (state->waited_for)
            node_release_held(s, id);
    }
    settle_batch(s, answer, 0);
}

static void bad_batch(struct node_step *s, const struct answer *answer)
{
    if (answer->stream == NODE_NONE || answer->batch == NULL || answer->batch->receipted)
        return;
    struct node_lane *lane = node_lane_at(s->core, node_stream_at(s->core, answer->stream)->lane);
    keep_receipt(s, answer);
    if (is_about_signer(answer->statement->reason))
        lane->not_before_mono_ms = s->event->mono_ms + NODE_GO_SLOW_MS;
    else if (answer->batch->n_id == 1 && answer->batch->id[0].len == WIRE_ID_BYTES)
        refuse_alone(s, answer);
    else
        lane->caution = NODE_CAUTION_BATCHES;
    node_stream_close(s, answer->stream, answer->statement->first - 1, (enum wire_status)answer->statement->reason);
}

static void conflict(struct node_step *s, const struct answer *answer)
{
    if (answer->stream == NODE_NONE)
        return;
    keep_receipt(s, answer);
    node_stream_close(s, answer->stream, node_stream_at(s->core, answer->stream)->receipted, WIRE_CUT_DIFFERENTLY);
}

static void take_statement(struct node_step *s, struct answer *answer)
{
    bool was_sent = false;
    if (answer->stream != NODE_NONE)
        was_sent = node_stream_answered(s, node_stream_at(s->core, answer->stream), answer->statement->root.data);
    switch (answer->statement->outcome) {
    case WIRE__RECEIPT_OUTCOME__JUDGED:
        judged(s, answer);
        break;
    case WIRE__RECEIPT_OUTCOME__BAD_BATCH:
        bad_batch(s, answer);
        break;
    case WIRE__RECEIPT_OUTCOME__CONFLICT:
        conflict(s, answer);
        break;
    case WIRE__RECEIPT_OUTCOME__EXPECTED_FIRST:
        if (was_sent)
            node_stream_go_back(s, answer->stream, answer->statement->first);
        break;
    default:
        break;
    }
}

/* --- is it the answer to what we hold -------------------------------------------------------------------------------
 */

/* What was judged are the envelopes of that batch, in their order. */
static bool names_its_envelopes(const Wire__NodeBatch *batch, const Wire__ReceiptStatement *statement)
{
    if (statement->outcome != WIRE__RECEIPT_OUTCOME__JUDGED)
        return true;
    if (statement->n_verdict != batch->n_id)
        return false;
    for (size_t i = 0; i < batch->n_id; i++)
        if (!wire_bytes_equal(node_bytes_of(statement->verdict[i]->id), node_bytes_of(batch->id[i])))
            return false;
    return true;
}

/* A stream that was closed may have had a clone that sealed other batches under its numbers: their receipts come to us
 * as well, and say what the broker knows and this store does not. */
static bool may_be_a_clones(struct node_step *s, const struct answer *answer)
{
    return answer->stream == NODE_NONE || !node_stream_at(s->core, answer->stream)->current;
}

/* Our BATCH row of these numbers, if it is held. BAD_ROOT, MIXED_BATCH: the answer is to something else. */
static enum wire_status find_batch(struct node_step *s, struct answer *answer)
{
    struct wire_bytes value = node_look(s, NODE_TABLE_BATCH, &answer->key, answer->in->batch);
    if (value.data == NULL)
        return WIRE_OK;
    const Wire__NodeBatch *batch = node_read_batch(value, node_scratch(s, 2));
    if (batch == NULL) {
        node_damaged(s, NODE_TABLE_BATCH);
        return WIRE_OK;
    }
    if (!wire_bytes_equal(node_bytes_of(batch->root), node_bytes_of(answer->statement->root)))
        return may_be_a_clones(s, answer) ? WIRE_OK : WIRE_BAD_ROOT;
    answer->batch = batch;
    return names_its_envelopes(batch, answer->statement) ? WIRE_OK : WIRE_MIXED_BATCH;
}

static bool same_history(const Wire__ReceiptStatement *a, const Wire__ReceiptStatement *b)
{
    return a->generation == b->generation && wire_bytes_equal(node_bytes_of(a->ledger_id), node_bytes_of(b->ledger_id));
}

/* The receipt of a judged batch is written once in a history and said again as it is: another one is a second history.
 * An operator who accepts a loss begins a new one, by its number. */
static bool contradicts(struct node_step *s, const struct answer *answer)
{
    struct node_key key = node_key_receipt(&answer->key, WIRE_REGION_BROKER, 0);
    struct wire_bytes value = node_look(s, NODE_TABLE_RECEIPT, &key, answer->in->stored);
    const Wire__Signed *stored = node_read_signed(value, node_scratch(s, 0));
    if (answer->statement->outcome != WIRE__RECEIPT_OUTCOME__JUDGED || stored == NULL ||
        wire_bytes_equal(node_bytes_of(stored->statement), node_bytes_of(answer->in->receipt->signed_->statement)))
        return false;
    const Wire__ReceiptStatement *first = node_read_receipt(node_bytes_of(stored->statement), node_scratch(s, 1));
    return first != NULL && first->outcome == WIRE__RECEIPT_OUTCOME__JUDGED && same_history(first, answer->statement);
}

static bool sizes_are_right(const Wire__ReceiptStatement *statement)
{
    return statement->store_id.len == WIRE_ID_BYTES && statement->root.len == WIRE_HASH_BYTES &&
           statement->first >= 1 && strlen(statement->mechanism) <= WIRE_MECHANISM_BYTES_MAX &&
           (unsigned)statement->lane < WIRE_LANES;
}

static enum wire_status check_statement(const struct node_step *s, const struct node_receipt *in)
{
    const struct node_link *link = &s->core->link[in->link];
    const Wire__ReceiptStatement *statement = in->statement;
    if (in->status != WIRE_OK)
        return in->status;
    if (!sizes_are_right(statement))
        return WIRE_BAD_FRAME;
    if (statement->origin != s->core->options.region)
        return WIRE_FOREIGN_ORIGIN;
    if (!wire_bytes_equal(node_bytes_of(statement->ledger_id), wire_bytes(link->token.ledger_id, WIRE_ID_BYTES)))
        return WIRE_OTHER_INSTALLATION;
    return WIRE_OK;
}

static void bad_receipt(struct node_step *s, const struct node_receipt *in, enum wire_status status)
{
    struct node_note *note = node_note(s, NODE_NOTE_BAD_RECEIPT, in->link);
    note->status = status;
    note->a = in->receipt->number;
}

static void note_contradiction(struct node_step *s, const struct answer *answer)
{
    struct node_note *note = node_note(s, NODE_NOTE_CONTRADICTS, answer->in->link);
    note->a = answer->statement->first;
    note->b = answer->statement->first + answer->statement->count - 1;
    if (answer->statement->n_verdict > 0 && answer->statement->verdict[0]->id.len == WIRE_ID_BYTES)
        memcpy(note->id, answer->statement->verdict[0]->id.data, WIRE_ID_BYTES);
}

/* An answer to a batch that is not ours changes nothing, nor does one that takes back what was signed before. */
static void take_answer(struct node_step *s, const struct node_receipt *in)
{
    const struct node_link *link = &s->core->link[in->link];
    const Wire__ReceiptStatement *statement = in->statement;
    struct answer answer = {.in = in, .statement = statement, .stream = NODE_NONE};
    uint32_t lane = node_lane_find(s->core, in->link, statement->mechanism, statement->lane);
    answer.key = node_key_batch(link->options->name, statement->mechanism, statement->lane, statement->store_id.data,
                                statement->first);
    if (lane != NODE_NONE)
        answer.stream = node_stream_find(s->core, node_lane_at(s->core, lane), statement->store_id.data);
    /* EXPECTED_FIRST says in `first` what it waits for, not which batch it answers; it needs none. */
    enum wire_status status =
        statement->outcome == WIRE__RECEIPT_OUTCOME__EXPECTED_FIRST ? WIRE_OK : find_batch(s, &answer);
    if (status != WIRE_OK)
        bad_receipt(s, in, status);
    else if (contradicts(s, &answer))
        note_contradiction(s, &answer);
    else
        take_statement(s, &answer);
}

/* --- both kinds -----------------------------------------------------------------------------------------------------
 */

void node_on_receipt(struct node_step *s)
{
    const struct node_receipt *in = &s->event->u.receipt;
    struct node_link *link = &s->core->link[in->link];
    if (link->state < NODE_UNCONFIRMED || !number_fits(s, in->link, in->receipt->number))
        return;
    if (in->arrived == NULL && in->statement == NULL) {
        bad_receipt(s, in, WIRE_BAD_FRAME);
        node_session_cut(s, in->link, WIRE_BAD_FRAME);
        return;
    }
    if (in->statement != NULL) {
        enum wire_status status = check_statement(s, in);
        if (status != WIRE_OK) { /* the broker itself: nothing it says on this connection can be taken */
            bad_receipt(s, in, status);
            node_session_cut(s, in->link, status);
            return;
        }
        take_answer(s, in);
    } else if (in->status != WIRE_OK) {
        bad_receipt(s, in, in->status); /* a recipient's fault must not stop the queue */
    } else {
        node_take_arrived(s, in);
    }
    take_number(s, link, in->receipt->number);
    if (in->receipt->number != 0 || s->append != NODE_EFFECTS_MAX)
        note_taken(s, in->link, in->receipt->number == 0 ? 0 : in->frame_bytes);
}
