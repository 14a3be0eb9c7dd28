/* DELIVER frames: what brokers hand to this region. */
#pragma once
#include "node/core/table.h"

void node_on_deliver(struct node_step *s);

/* What becomes of one envelope of a part. */
struct node_judgement {
    Wire__VerdictCode code; /* ARRIVED, ARRIVED_UNREADABLE, REJECTED */
    enum wire_status reason;
    bool erased; /* ARRIVED, but its payload is gone already */
};
struct node_judgement node_judge_delivered(struct node_step *s, const struct node_deliver *in, size_t index);

/* The KNOWN row of `key` as this step left it, else as looked up, in scratch `which`. NULL: none. */
Wire__NodeKnown *node_known_read(struct node_step *s, const struct node_key *key, struct wire_bytes looked_up,
                                 size_t which);
/* An update or cancel is in: its original is marked, or a tombstone put that waits for it. */
void node_mark_corrected(struct node_step *s, const Wire__Header *header, struct wire_bytes named);
/* A reply to an envelope of ours is in: its recipient is marked in the outbox. */
void node_mark_reply(struct node_step *s, const Wire__Header *header, struct wire_bytes asked);

/* Grants what may be granted now, after `ticket`. */
void node_deliver_grant(struct node_step *s, uint8_t link, uint64_t ticket);

/* A completeness statement of the broker's, verified: kept, and compared with the cursor. */
void node_take_completeness(struct node_step *s, uint8_t link, const Wire__Signed *signed_,
                            const Wire__CompletenessStatement *statement);
/* A PULSE of the broker's came: what it signed for and did not send does not wait unseen. */
void node_watch_completeness(struct node_step *s, uint8_t link);
/* Another ledger: what the one before signed for is not its word. */
void node_forget_completeness(struct node_core *core, uint8_t link);
void node_check_completeness(struct node_step *s, struct node_lane *lane);
