/* A recipient's own word that an envelope of ours is in its inbox, unreadable there, or rejected. */
#include "node/core/receipt.h"

/* True: an arrival that was awaited. */
static bool take_arrival(struct node_step *s, const uint8_t *id, node_row_value looked_up,
                         const Wire__ArrivedStatement *statement, const Wire__Arrival *arrival)
{
    Wire__NodeState *state = node_state_read(s, id, looked_up, 0);
    if (state == NULL)
        return false;
    size_t named = state->n_recipient;
    Wire__NodeRecipient *recipient = node_state_recipient(s, state, statement->recipient);
    bool awaited = state->n_recipient == named && !recipient->has_arrived &&
                   state->state == WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED;
    if (recipient->has_arrived && recipient->arrived == arrival->code)
        return false;
    recipient->has_arrived = recipient->has_arrived_ms = true;
    recipient->arrived = arrival->code;
    recipient->arrived_ms = statement->at_ms;
    recipient->has_reason = arrival->has_reason;
    recipient->reason = arrival->reason;
    node_state_put(s, state);
    return awaited;
}

static void put_awaited(struct node_step *s, const struct node_receipt *in, const struct node_key *key,
                        const Wire__NodeBatch *batch)
{
    const Wire__ArrivedStatement *statement = in->arrived;
    uint32_t lane = node_lane_find(s->core, in->link, statement->mechanism, statement->lane);
    uint32_t index = NODE_NONE;
    if (lane != NODE_NONE)
        index = node_stream_find(s->core, node_lane_at(s->core, lane), statement->store_id.data);
    struct node_stream *stream = index == NODE_NONE ? NULL : node_stream_at(s->core, index);
    if (batch->awaited == 0 && (stream == NULL || statement->first < stream->kept_from)) {
        node_erase(s, NODE_TABLE_BATCH, key); /* its bytes were let go before */
        return;
    }
    node_put_message(s, NODE_TABLE_BATCH, key, &batch->base);
    if (stream == NULL || batch->awaited > 0)
        return;
    stream->sweep = stream->sweep || stream->kept_from == statement->first;
    node_work(s->core, in->link);
}

static void take_all(struct node_step *s, const struct node_receipt *in, const struct node_key *key,
                     const Wire__NodeBatch *stored)
{
    const Wire__ArrivedStatement *statement = in->arrived;
    Wire__NodeBatch batch = *stored;
    for (size_t i = 0; i < statement->n_arrival; i++) {
        const Wire__Arrival *arrival = statement->arrival[i];
        if (arrival->index >= batch.n_id || batch.id[arrival->index].len != WIRE_ID_BYTES)
            continue;
        if (take_arrival(s, batch.id[arrival->index].data, in->state[i], statement, arrival) && batch.awaited > 0)
            batch.awaited--;
    }
    if (batch.awaited != stored->awaited)
        put_awaited(s, in, key, &batch);
}

void node_take_arrived(struct node_step *s, const struct node_receipt *in)
{
    const Wire__ArrivedStatement *statement = in->arrived;
    if (statement->store_id.len != WIRE_ID_BYTES || statement->root.len != WIRE_HASH_BYTES ||
        statement->origin != s->core->options.region || strlen(statement->mechanism) > WIRE_MECHANISM_BYTES_MAX ||
        (unsigned)statement->lane >= WIRE_LANES)
        return;
    struct node_key key = node_key_batch(s->core->link[in->link].options->name, statement->mechanism, statement->lane,
                                         statement->store_id.data, statement->first);
    struct node_key row = node_key_receipt(&key, statement->recipient, in->receipt->number);
    node_put_message(s, NODE_TABLE_RECEIPT, &row, &in->receipt->signed_->base);
    struct wire_bytes value = node_look(s, NODE_TABLE_BATCH, &key, in->batch);
    const Wire__NodeBatch *batch = value.data == NULL ? NULL : node_read_batch(value, node_scratch(s, 2));
    if (batch != NULL && wire_bytes_equal(node_bytes_of(batch->root), node_bytes_of(statement->root)))
        take_all(s, in, &key, batch);
}
