/* Streams: sealing drafts into batches, sending them, sending them again, closing a stream, letting batches go. */
#pragma once
#include "node/core/local.h"

/* The link is live and its broker takes batches. */
bool node_link_sends(const struct node_core *core, uint8_t link);
uint64_t node_submit_left(const struct node_core *core, const struct node_lane *lane);
/* Tells the broker that a frame of this size waits, when no returning credit could help. */
void node_submit_want(struct node_step *s, const struct node_lane *lane, uint32_t bytes);

/* Sealing. */
void node_seal_pump(struct node_step *s, uint32_t lane);
void node_seal_fetched(struct node_step *s, const struct node_fetching *fetching);
void node_on_sealed(struct node_step *s);
const uint8_t *node_lane_store_id(const struct node_core *core, const struct node_lane *lane);

/* Sending. */
enum node_sending {
    NODE_SENT_ALL, /* that can go now */
    NODE_SENT_ONE,
    NODE_LACKS_CREDIT, /* the next one waits for credit: nothing else of its lane may take it */
    NODE_CROWDED,      /* the next one waits until less is under way: nothing but flash may go first */
};
enum node_sending node_stream_pump(struct node_step *s, uint32_t stream);
void node_ready_fetched(struct node_step *s, const struct node_fetching *fetching);
void node_stream_ready(struct node_stream *stream, const struct node_ready *ready);
/* A new session: nothing is on the way any more; sending goes on after the broker's head. */
void node_stream_restart(struct node_step *s, struct node_stream *stream, uint64_t head);
/* The SUBMIT of the batch with this root was answered. False: it was not on the way. */
bool node_stream_answered(struct node_step *s, struct node_stream *stream, const uint8_t root[WIRE_HASH_BYTES]);
/* The broker waits for `first`. */
void node_stream_go_back(struct node_step *s, uint32_t stream, uint64_t first);

/* Closing: no more drafts go to this stream, the next ones get a new store id. Batches up to `through` stay as they are
 * (and are sent again until receipted); unreceipted ones above become drafts again. */
void node_stream_close(struct node_step *s, uint32_t stream, uint64_t through, enum wire_status why);
void node_renew_pump(struct node_step *s, uint32_t stream);
void node_renew_fetched(struct node_step *s, const struct node_fetching *fetching);

/* Letting go: receipted batches whose arrivals are all in, or that are older than NODE_RETENTION_MS. */
void node_sweep_pump(struct node_step *s, uint32_t stream);
void node_sweep_fetched(struct node_step *s, const struct node_fetching *fetching);
