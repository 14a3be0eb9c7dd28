/* Retention: the bytes of a sealed batch are held until every `arrived` is in or seven days have passed, and let go in
 * order of seq, so that what is held is always the end of its stream. The BATCH row, which knows the ids, stays until
 * every `arrived` is in: a recipient may be away for longer. */
#include "node/core/stream.h"

enum { SWEEP_ROWS = 16 };

void node_sweep_pump(struct node_step *s, uint32_t index)
{
    struct node_stream *stream = node_stream_at(s->core, index);
    if (!stream->sweep || stream->sweeping || stream->fetching || stream->renewing || !node_has_room(s))
        return;
    struct node_fetching *fetching;
    struct node_fetch *fetch = node_fetch(s, NODE_FETCH_SWEEP, index, &fetching);
    if (fetch == NULL)
        return;
    fetching->from = stream->last;
    fetch->table = NODE_TABLE_BATCH;
    fetch->from = node_batch_key_of(s->core, stream, stream->kept_from);
    fetch->prefix = node_stream_key_of(s->core, stream);
    fetch->rows_max = SWEEP_ROWS;
    stream->sweep = false;
    stream->sweeping = true;
}

static bool may_go(const struct node_step *s, const Wire__NodeBatch *batch)
{
    if (!batch->receipted)
        return false;
    if (batch->awaited == 0)
        return true;
    return !s->core->clock_unsure && batch->sealed_ms + NODE_RETENTION_MS <= s->event->wall_ms;
}

static void let_go(struct node_step *s, struct node_stream *stream, uint64_t first, const Wire__NodeBatch *batch)
{
    struct node_key key = node_batch_key_of(s->core, stream, first);
    node_erase(s, NODE_TABLE_BATCH_BYTES, &key);
    stream->kept_from = first + batch->count;
    if (batch->awaited == 0) {
        node_erase(s, NODE_TABLE_BATCH, &key);
        return;
    }
    struct node_note *note = node_note_lane(s, NODE_NOTE_NOT_ARRIVED, node_lane_at(s->core, stream->lane));
    note->a = first;
    note->b = batch->awaited;
}

/* Goes through the rows in order; false: the first that must be held was reached, or one that cannot be read. */
static bool look_at(struct node_step *s, struct node_stream *stream, const struct wire_row *row, bool *letting_go)
{
    const Wire__NodeBatch *batch = node_read_batch(row->value, node_scratch(s, 2));
    if (batch == NULL || row->key.size < 8) {
        node_damaged(s, NODE_TABLE_BATCH);
        return false;
    }
    uint64_t first = wire_get_u64(row->key.data + row->key.size - 8);
    if (first > stream->last)
        return true; /* of another copy of this store, known by its receipt alone */
    if (batch->receipted && first + batch->count - 1 > stream->receipted)
        stream->receipted = first + batch->count - 1;
    *letting_go = *letting_go && may_go(s, batch);
    if (*letting_go)
        let_go(s, stream, first, batch);
    return batch->receipted;
}

/* A closed stream of which nothing is held any more. */
static bool is_empty(const struct node_stream *stream)
{
    return !stream->current && stream->redrafted && stream->kept_from > stream->last;
}

static void forget(struct node_step *s, uint32_t index)
{
    struct node_stream *stream = node_stream_at(s->core, index);
    struct node_key key = node_stream_key_of(s->core, stream);
    node_erase(s, NODE_TABLE_STREAM, &key);
    stream->sweep = stream->fetching || stream->renewing;
    if (stream->sweep)
        return; /* something fetched is on its way to it */
    node_stream_restart(s, stream, stream->last);
    node_stream_free(s->core, index);
}

void node_sweep_fetched(struct node_step *s, const struct node_fetching *fetching)
{
    const struct node_fetched *fetched = &s->event->u.fetched;
    struct node_stream *stream = node_stream_at(s->core, fetching->index);
    uint64_t kept = stream->kept_from, receipted = stream->receipted;
    bool letting_go = true, going = true;
    stream->sweeping = false;
    for (size_t i = 0; going && i < fetched->count; i++)
        going = look_at(s, stream, &fetched->rows[i], &letting_go);
    if (going && fetched->end) {            /* nothing without a receipt is left */
        stream->receipted = fetching->from; /* the last when it was asked */
        if (letting_go)
            stream->kept_from = fetching->from + 1;
    }
    stream->sweep = stream->sweep || (letting_go && going && !fetched->end);
    if (is_empty(stream))
        forget(s, fetching->index);
    else if (kept != stream->kept_from || receipted != stream->receipted)
        node_put_stream(s, stream);
    node_work_all(s->core);
}
