/* STATE rows: what became of one envelope of ours, and the queues its draft lies in. */
#pragma once
#include "node/core/table.h"

/* Decodes the STATE row of `id` (as this step left it, else as looked up) into scratch `which`. NULL: none. Its key is
 * its place, which a row that was looked up says itself and PLACE says of one that this step has made. */
Wire__NodeState *node_state_read(struct node_step *s, const uint8_t id[WIRE_ID_BYTES], struct wire_bytes looked_up,
                                 size_t which);
/* What came back from that region, to be written into the state in scratch 0: found, or added, owing nothing. A reply
 * may come before the receipt that names it, and then stays known. */
Wire__NodeRecipient *node_state_recipient(struct node_step *s, Wire__NodeState *state, uint32_t region);
void node_state_put(struct node_step *s, const Wire__NodeState *state);
/* Gives a new envelope of ours the next place. */
void node_state_place(struct node_step *s, const uint8_t id[WIRE_ID_BYTES], Wire__NodeState *state);

/* No verdict will change it any more. */
bool node_state_is_final(const Wire__NodeState *state);
bool node_state_waits(const Wire__NodeState *state); /* draft or held */

/* Moves to `to`, stamps it, counts and notes it. Does not put the row. `reason` 0: none. */
void node_state_move(struct node_step *s, const uint8_t id[WIRE_ID_BYTES], Wire__NodeState *state,
                     Wire__NodeOutboxState to, uint32_t reason);

/* Puts it into its queue (with a new order if it has none), or among those that wait for `waits_for` (NULL: the rules).
 * The state is changed but not put. */
void node_draft_queue(struct node_step *s, const uint8_t id[WIRE_ID_BYTES], Wire__NodeState *state,
                      struct node_lane *lane);
void node_draft_hold(struct node_step *s, const uint8_t id[WIRE_ID_BYTES], Wire__NodeState *state,
                     const uint8_t *waits_for, uint32_t reason);
/* Takes it out of wherever it waits. */
void node_draft_leave(struct node_step *s, const uint8_t id[WIRE_ID_BYTES], Wire__NodeState *state);
/* The lane a state names; NULL: its link is no longer configured, or the table is full. */
struct node_lane *node_state_lane(struct node_step *s, const Wire__NodeState *state);

/* An EXPIRY row for that time was put: the next look at the table is not later. */
void node_expiry_wanted(struct node_step *s, int64_t expires_ms);

/* It is settled, one way or other: those held for it may go (or, when it never will be known, are withdrawn). */
void node_release_held(struct node_step *s, const uint8_t id[WIRE_ID_BYTES]);
