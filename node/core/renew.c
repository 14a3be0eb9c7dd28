/* Closing a stream: after a bad batch, a conflict, a fork, a gap. What has no receipt becomes drafts again, with the
 * same ids and payloads, and goes out in a stream with a new store id before everything that was drafted later. */
#include "node/core/stream.h"

static void start_renewing(struct node_step *s, struct node_stream *stream)
{
    if (stream->redrafted)
        node_lane_at(s->core, stream->lane)->renewing++;
    stream->redrafted = false;
    stream->renew_from = stream->receipted + 1;
}

static void draw_store_id(struct node_step *s, struct node_lane *lane)
{
    lane->own_store = true;
    node_draw(s, lane->store_id, WIRE_ID_BYTES);
    node_queue_changed(s->core, lane);
}

void node_stream_close(struct node_step *s, uint32_t index, uint64_t through, enum wire_status why)
{
    struct node_stream *stream = node_stream_at(s->core, index);
    struct node_lane *lane = node_lane_at(s->core, stream->lane);
    if (through > stream->last)
        through = stream->last;
    if (!stream->current && through >= stream->closed_through)
        return;
    if (stream->last == 0) { /* nothing was ever sealed in it */
        draw_store_id(s, lane);
        node_stream_free(s->core, index);
        return;
    }
    if (stream->current) {
        stream->redrafted = true; /* until start_renewing */
        lane->current = NODE_NONE;
        draw_store_id(s, lane);
    }
    stream->current = false;
    stream->closed_through = through;
    start_renewing(s, stream);
    node_stream_restart(s, stream, stream->head);
    stream->next_send = (stream->receipted < through ? stream->receipted : through) + 1;
    node_put_stream(s, stream);
    struct node_note *note = node_note_lane(s, NODE_NOTE_STREAM_RENEWED, lane);
    note->status = why;
    note->a = through + 1;
    note->b = stream->last;
    node_work(s->core, lane->link);
}

void node_renew_pump(struct node_step *s, uint32_t index)
{
    struct node_stream *stream = node_stream_at(s->core, index);
    if (stream->current || stream->redrafted || stream->renewing || !node_has_room(s))
        return;
    struct node_fetch *fetch = node_fetch(s, NODE_FETCH_RENEW, index, NULL);
    if (fetch == NULL)
        return;
    fetch->table = NODE_TABLE_BATCH;
    fetch->from = node_batch_key_of(s->core, stream, stream->renew_from);
    fetch->prefix = node_stream_key_of(s->core, stream);
    fetch->rows_max = 2; /* at most 1024 envelopes in one append */
    fetch->states = true;
    stream->renewing = true;
}

static void draft_again(struct node_step *s, const struct node_stream *stream, struct node_lane *lane,
                        const uint8_t *id, node_row_value looked_up)
{
    Wire__NodeState *state = node_state_read(s, id, looked_up, 0);
    if (state == NULL || state->state != WIRE__NODE_OUTBOX_STATE__NODE_SEALED || !state->has_store_id ||
        !wire_bytes_equal(node_bytes_of(state->store_id), wire_bytes(stream->store_id, WIRE_ID_BYTES)))
        return;
    if (node_draft_is_over(s, state)) {
        node_state_move(s, id, state, WIRE__NODE_OUTBOX_STATE__NODE_EXPIRED, WIRE_EXPIRED_TERM);
        if (state->waited_for)
            node_release_held(s, id);
    } else {
        node_draft_queue(s, id, state, lane);
        s->core->totals.redrafted++;
    }
    node_state_put(s, state);
}

/* Returns how many envelopes the batch has, 0 when the row cannot be read. */
static size_t renew_batch(struct node_step *s, struct node_stream *stream, const struct wire_row *row,
                          const node_row_value *states)
{
    struct node_lane *lane = node_lane_at(s->core, stream->lane);
    const Wire__NodeBatch *batch = node_read_batch(row->value, node_scratch(s, 2));
    if (batch == NULL || row->key.size < 8) {
        node_erase_damaged(s, row);
        return 0;
    }
    uint64_t first = wire_get_u64(row->key.data + row->key.size - 8);
    stream->renew_from = first + batch->count;
    if (batch->receipted || first + batch->count - 1 <= stream->closed_through)
        return batch->n_id;
    for (size_t i = 0; i < batch->n_id; i++)
        if (batch->id[i].len == WIRE_ID_BYTES)
            draft_again(s, stream, lane, batch->id[i].data, states[i]);
    struct node_key key = node_batch_key_of(s->core, stream, first);
    node_erase(s, NODE_TABLE_BATCH, &key);
    node_erase(s, NODE_TABLE_BATCH_BYTES, &key);
    return batch->n_id;
}

void node_renew_fetched(struct node_step *s, const struct node_fetching *fetching)
{
    const struct node_fetched *fetched = &s->event->u.fetched;
    struct node_stream *stream = node_stream_at(s->core, fetching->index);
    struct node_lane *lane = node_lane_at(s->core, stream->lane);
    uint64_t before = s->core->totals.redrafted;
    const node_row_value *states = fetched->state;
    stream->renewing = false;
    node_work(s->core, lane->link);
    if (stream->redrafted)
        return;
    for (size_t i = 0; i < fetched->count; i++)
        states += renew_batch(s, stream, &fetched->rows[i], states);
    if (s->core->totals.redrafted > before)
        node_note_lane(s, NODE_NOTE_REDRAFTED, lane)->a = s->core->totals.redrafted - before;
    if (fetched->end) {
        stream->redrafted = true;
        stream->sweep = true;
        lane->renewing--;
        node_put_stream(s, stream);
    }
}
