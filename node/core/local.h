/* What people and systems of this region ask for, and what waits until it may go. */
#pragma once
#include "node/core/outbox.h"

void node_on_publish(struct node_step *s);
void node_on_withdraw(struct node_step *s);

/* Held drafts: fetches those that may go now. */
void node_held_pump(struct node_step *s);
void node_held_fetched(struct node_step *s, const struct node_fetching *fetching);
/* Policy or directory changed: what waited for the rules is tried again. */
void node_held_retry(struct node_step *s);

/* Drafts whose expiry has come. */
void node_expiry_pump(struct node_step *s);
void node_expiry_fetched(struct node_step *s);
/* True when the draft must not be sealed any more; never while the clock is unsure. */
bool node_draft_is_over(const struct node_step *s, const Wire__NodeState *state);

/* Our own reply is queued (or withdrawn): what it answers is marked in the inbox. */
void node_mark_answered(struct node_step *s, const Wire__Header *reply, struct wire_bytes known);
void node_mark_unanswered(struct node_step *s, const Wire__Header *reply, struct wire_bytes known);
