/* Sending sealed batches: in order of seq, within credit, several on the way at a time, again until there is a receipt.
 */
#include "node/core/stream.h"

void node_stream_ready(struct node_stream *stream, const struct node_ready *ready)
{
    uint64_t next = stream->next_send;
    for (uint32_t i = 0; i < stream->ready_count; i++)
        next = stream->ready[i].first + stream->ready[i].count;
    /* What does not follow on, or has no place, is fetched when its turn comes. */
    if (ready->first == next && stream->ready_count < NODE_READY_MAX && !stream->going_back)
        stream->ready[stream->ready_count++] = *ready;
}

static void drop_first(struct node_stream *stream)
{
    memmove(stream->ready, stream->ready + 1, (stream->ready_count - 1) * sizeof stream->ready[0]);
    stream->ready_count--;
}

/* A batch whose payloads are lost is smaller on the line than it was counted: what nobody answers for any more is not
 * in anybody's way. */
static void less_inflight(struct node_link *link, Wire__Lane lane, uint32_t count)
{
    ENSURE(link->submit[lane].inflight >= count);
    link->submit[lane].inflight -= count;
    if (link->submit[lane].inflight == 0)
        wire_credit_settle(&link->credit, lane);
}

static void forget_inflight(struct node_step *s, struct node_stream *stream)
{
    const struct node_lane *lane = node_lane_at(s->core, stream->lane);
    less_inflight(&s->core->link[lane->link], lane->lane, stream->inflight_count);
    stream->inflight_count = 0;
}

void node_stream_restart(struct node_step *s, struct node_stream *stream, uint64_t head)
{
    forget_inflight(s, stream);
    stream->ready_count = 0;
    stream->going_back = false;
    stream->nudged = false;
    stream->head = head;
    stream->next_send = head + 1;
    if (!stream->current && stream->receipted < head)
        stream->next_send = stream->receipted + 1; /* their receipts may have gone to the other copy of a fork */
}

bool node_stream_answered(struct node_step *s, struct node_stream *stream, const uint8_t root[WIRE_HASH_BYTES])
{
    const struct node_lane *lane = node_lane_at(s->core, stream->lane);
    for (uint32_t i = 0; i < stream->inflight_count; i++) {
        if (memcmp(stream->inflight[i].root, root, sizeof stream->inflight[i].root) != 0)
            continue;
        memmove(&stream->inflight[i], &stream->inflight[i + 1],
                (stream->inflight_count - i - 1) * sizeof stream->inflight[0]);
        stream->inflight_count--;
        less_inflight(&s->core->link[lane->link], lane->lane, 1);
        node_work(s->core, lane->link);
        return true;
    }
    return false;
}

void node_stream_go_back(struct node_step *s, uint32_t index, uint64_t first)
{
    struct node_stream *stream = node_stream_at(s->core, index);
    if (first > stream->last + 1) { /* the broker knows more of this stream than this store */
        struct node_note *note = node_note_lane(s, NODE_NOTE_BROKER_KNOWS, node_lane_at(s->core, stream->lane));
        note->a = first - 1;
        note->b = stream->last;
        node_stream_close(s, index, stream->last, WIRE_FORKED);
        return;
    }
    if (!stream->going_back || first < stream->go_to)
        stream->go_to = first;
    stream->going_back = true;
    stream->ready_count = 0;
    node_work(s->core, node_lane_at(s->core, stream->lane)->link);
}

/* --- what comes next ------------------------------------------------------------------------------------------------
 */

/* Up to here batches are sent as they are. */
static uint64_t send_limit(const struct node_stream *stream)
{
    return stream->current || stream->closed_through > stream->last ? stream->last : stream->closed_through;
}

static uint64_t first_of(const struct wire_row *row)
{
    return row->key.size < 8 ? 0 : wire_get_u64(row->key.data + row->key.size - 8);
}

/* The batch that the broker waits for is not held; so it will not take those after it either that it lost, too. */
static void missing(struct node_step *s, uint32_t index, uint64_t through, enum wire_status why)
{
    struct node_stream *stream = node_stream_at(s->core, index);
    struct node_note *note = node_note_lane(s, NODE_NOTE_MISSING, node_lane_at(s->core, stream->lane));
    note->status = why;
    note->a = stream->next_send;
    note->b = stream->receipted > through ? stream->receipted : through;
    node_stream_close(s, index, stream->next_send - 1, why);
}

static void fetch_ready(struct node_step *s, uint32_t index)
{
    struct node_stream *stream = node_stream_at(s->core, index);
    struct node_fetching *fetching;
    if (stream->fetching)
        return;
    if (stream->next_send < stream->kept_from) {
        missing(s, index, stream->kept_from - 1, WIRE_GAP);
        return;
    }
    struct node_fetch *fetch = node_fetch(s, NODE_FETCH_READY, index, &fetching);
    if (fetch == NULL)
        return;
    fetching->from = stream->next_send;
    fetch->table = NODE_TABLE_BATCH;
    fetch->from = node_batch_key_of(s->core, stream, stream->next_send);
    fetch->prefix = node_stream_key_of(s->core, stream);
    fetch->rows_max = NODE_READY_MAX;
    stream->fetching = true;
}

static uint32_t varint_bytes(uint32_t value)
{
    uint32_t bytes = 1;
    for (; value >= 0x80; value >>= 7)
        bytes++;
    return bytes;
}

/* The size of a SUBMIT frame when `held` is put into it: both its length and that of the body around it count. */
static uint32_t frame_with_held(uint32_t frame_bytes, uint32_t held_bytes)
{
    uint32_t body = frame_bytes - 1;
    for (uint32_t length = 1; length <= 5; length++)
        if (varint_bytes(frame_bytes - 1 - length) == length)
            body = frame_bytes - 1 - length;
    body += 1 + varint_bytes(held_bytes) + held_bytes;
    return 1 + varint_bytes(body) + body;
}

static bool add_row(struct node_step *s, struct node_stream *stream, const struct wire_row *row)
{
    const Wire__NodeBatch *batch = node_read_batch(row->value, node_scratch(s, 2));
    if (batch == NULL || batch->count == 0)
        return false;
    if (first_of(row) > stream->last)
        return false; /* of another copy of this store, known by its receipt alone */
    struct node_ready ready = {.first = first_of(row),
                               .count = batch->count,
                               .bytes = batch->frame_bytes,
                               .keep_until = batch->keep_until,
                               .receipted = batch->receipted};
    if (batch->receipted)
        ready.bytes = frame_with_held(batch->frame_bytes, batch->receipt_bytes);
    if (batch->root.len >= sizeof ready.root)
        memcpy(ready.root, batch->root.data, sizeof ready.root);
    node_stream_ready(stream, &ready);
    return true;
}

void node_ready_fetched(struct node_step *s, const struct node_fetching *fetching)
{
    const struct node_fetched *fetched = &s->event->u.fetched;
    struct node_stream *stream = node_stream_at(s->core, fetching->index);
    stream->fetching = false;
    node_work(s->core, node_lane_at(s->core, stream->lane)->link);
    if (fetching->from != stream->next_send || stream->going_back || stream->ready_count > 0)
        return; /* the question is no longer the one that was answered */
    uint64_t first = fetched->count > 0 ? first_of(&fetched->rows[0]) : stream->last + 1;
    if (first != stream->next_send) {
        missing(s, fetching->index, first - 1, WIRE_GAP);
        return;
    }
    for (size_t i = 0; i < fetched->count; i++)
        if (!add_row(s, stream, &fetched->rows[i]))
            break;
    if (stream->ready_count == 0) { /* the next one cannot be read */
        node_damaged(s, NODE_TABLE_BATCH);
        missing(s, fetching->index, stream->next_send, WIRE_DAMAGED);
    }
}

/* --- sending --------------------------------------------------------------------------------------------------------
 */

/* Asked again, a little more is asked for: were the two counts of what is used to differ, nothing else would ever mend
 * it. */
void node_submit_want(struct node_step *s, const struct node_lane *lane, uint32_t bytes)
{
    struct node_link *link = &s->core->link[lane->link];
    struct node_submits *submits = &link->submit[lane->lane];
    if (submits->inflight > 0 || link->reason != WIRE_OK || s->event->mono_ms < submits->want_again_mono_ms)
        return;
    Wire__Frame *frame = node_frame(s, WIRE__FRAME__BODY_CREDIT);
    frame->credit = node_take(s, sizeof *frame->credit);
    wire__credit__init(frame->credit);
    frame->credit->has_wanted = frame->credit->has_wanted_lane = true;
    frame->credit->wanted = bytes + submits->asked++ * (uint64_t)NODE_WANTED_MORE_BYTES;
    frame->credit->wanted_lane = lane->lane;
    node_send(s, lane->link, 0, frame);
    submits->want_again_mono_ms = s->event->mono_ms + link->pulse_ms;
}

static void submit(struct node_step *s, struct node_stream *stream, const struct node_ready *ready)
{
    const struct node_lane *lane = node_lane_at(s->core, stream->lane);
    struct node_key key = node_batch_key_of(s->core, stream, ready->first);
    Wire__Frame *frame = node_frame(s, WIRE__FRAME__BODY_SUBMIT);
    frame->submit = node_take(s, sizeof *frame->submit);
    wire__submit__init(frame->submit);
    struct node_send *send = node_send(s, lane->link, node_ticket(s), frame);
    send->fill[send->fill_count].what = NODE_FILL_BATCH;
    send->fill[send->fill_count++].key = key;
    if (ready->receipted) {
        send->fill[send->fill_count].what = NODE_FILL_HELD;
        send->fill[send->fill_count++].key = node_key_receipt(&key, WIRE_REGION_BROKER, 0);
    }
    struct node_submits *submits = &s->core->link[lane->link].submit[lane->lane];
    wire_credit_use(&s->core->link[lane->link].credit, lane->lane, ready->bytes);
    submits->want_again_mono_ms = 0;
    submits->asked = 0;
    submits->inflight++;
    struct node_inflight *entry = &stream->inflight[stream->inflight_count++];
    *entry = (struct node_inflight){.first = ready->first, .count = ready->count};
    memcpy(entry->root, ready->root, sizeof entry->root);
}

/* Sends or skips the first that is ready. */
static enum node_sending send_first(struct node_step *s, uint32_t index)
{
    struct node_stream *stream = node_stream_at(s->core, index);
    const struct node_lane *lane = node_lane_at(s->core, stream->lane);
    const struct node_ready ready = stream->ready[0];
    uint64_t last = ready.first + ready.count - 1;
    bool known = ready.receipted && last <= stream->head;
    if (!known && ready.keep_until <= s->core->erased_day) {
        missing(s, index, last, WIRE_ERASED); /* its payloads are erased: it cannot be offered */
        return NODE_SENT_ALL;
    }
    if (!known) {
        if (stream->inflight_count == NODE_INFLIGHT_MAX)
            return NODE_SENT_ALL;
        if (node_submit_left(s->core, lane) < ready.bytes) {
            node_submit_want(s, lane, ready.bytes);
            return NODE_LACKS_CREDIT;
        }
        if (!wire_credit_clear(&s->core->link[lane->link].credit, lane->lane, ready.bytes))
            return NODE_CROWDED;
        submit(s, stream, &ready);
    }
    stream->next_send = last + 1;
    drop_first(stream);
    return NODE_SENT_ONE;
}

enum node_sending node_stream_pump(struct node_step *s, uint32_t index)
{
    struct node_stream *stream = node_stream_at(s->core, index);
    enum node_sending sending = NODE_SENT_ONE;
    if (stream->going_back && stream->inflight_count == 0) {
        stream->going_back = false;
        stream->next_send = stream->go_to;
        stream->head = stream->go_to - 1;
    }
    while (sending == NODE_SENT_ONE && !stream->going_back && stream->next_send <= send_limit(stream) &&
           node_has_room(s)) {
        if (stream->ready_count == 0) {
            fetch_ready(s, index);
            return NODE_SENT_ALL;
        }
        sending = send_first(s, index);
    }
    return sending;
}
