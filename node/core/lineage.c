/* Where the broker's heads stand against ours: normal, a fork (this store is a restored backup or a clone, or it was
 * lost), a broker that lost something. */
#include "node/core/session.h"
#include "node/core/stream.h"

static const Wire__StreamHead *head_of(const struct node_core *core, const struct node_stream *stream,
                                       const Wire__Welcome *welcome)
{
    const struct node_lane *lane = &core->lane[stream->lane];
    for (size_t i = 0; i < welcome->n_head; i++) {
        const Wire__StreamHead *head = welcome->head[i];
        if (head->lane == lane->lane && strcmp(head->mechanism, lane->mechanism) == 0 &&
            wire_bytes_equal(node_bytes_of(head->store_id), wire_bytes(stream->store_id, WIRE_ID_BYTES)))
            return head;
    }
    return NULL;
}

static void note_unknown_seqs(struct node_step *s, const struct node_stream *stream, uint64_t head)
{
    struct node_note *note = node_note_lane(s, NODE_NOTE_BROKER_KNOWS, node_lane_at(s->core, stream->lane));
    note->a = head;
    note->b = stream->last;
}

/* Returns true when the stream must be closed, with what of it is sent again as it is in *through. */
static bool must_close(struct node_step *s, const struct node_stream *stream, const Wire__StreamHead *theirs, bool fork,
                       uint64_t *through)
{
    uint64_t head = theirs == NULL ? 0 : theirs->head;
    *through = head;
    if (head > stream->last && stream->current) {
        note_unknown_seqs(s, stream, head);
        return true;
    }
    if (theirs != NULL && theirs->has_frozen && theirs->frozen) {
        *through = stream->receipted;
        return true;
    }
    return fork;
}

static void reconcile(struct node_step *s, uint32_t index, const Wire__Welcome *welcome, bool fork)
{
    struct node_stream *stream = node_stream_at(s->core, index);
    const Wire__StreamHead *theirs = head_of(s->core, stream, welcome);
    uint64_t through;
    uint64_t head = theirs == NULL ? 0 : theirs->head;
    node_stream_restart(s, stream, head < stream->last ? head : stream->last);
    if (must_close(s, stream, theirs, fork, &through))
        node_stream_close(s, index, through, WIRE_FORKED);
}

static void note_known(struct node_step *s, uint8_t link, const Wire__Welcome *welcome)
{
    node_note(s, NODE_NOTE_FORK, link)->b = welcome->n_known;
    for (size_t i = 0; i < welcome->n_known; i++) {
        struct node_note *note = node_note(s, NODE_NOTE_BROKER_KNOWS, link);
        if (welcome->known[i]->id.len == WIRE_ID_BYTES)
            memcpy(note->id, welcome->known[i]->id.data, WIRE_ID_BYTES);
    }
}

/* The store is a new one from here on: new streams get the new store id. */
static void new_store_id(struct node_step *s, uint8_t index)
{
    struct node_core *core = s->core;
    node_draw(s, core->link[index].store_id, WIRE_ID_BYTES);
    for (uint32_t i = 0; i < core->lane_count; i++) {
        struct node_lane *lane = &core->lane[i];
        if (lane->link != index || !lane->own_store)
            continue;
        lane->own_store = false;
        node_queue_changed(core, lane);
    }
}

void node_lineage(struct node_step *s, uint8_t index, const Wire__Welcome *welcome)
{
    struct node_core *core = s->core;
    bool fork = welcome->standing == WIRE__STANDING__FORK;
    if (fork)
        note_known(s, index, welcome);
    for (uint32_t i = 0; i < core->stream_top; i++)
        if (core->stream[i].used && core->lane[core->stream[i].lane].link == index)
            reconcile(s, i, welcome, fork);
    if (fork)
        new_store_id(s, index);
}
