/* The node's store: one `struct keep` with the tables of node/core/record.h, and the questions the shell asks of it
 * before it steps the core or shows something to people. Look-ups run on the owner's thread and see appends in flight,
 * so an answer is always exact.
 *
 * Everything handed out lies in the arena given and stays valid as long as it. Status: OK (also when there is no such
 * row: .data NULL, or `found` false), DAMAGED (a row that cannot be read: the caller stops), NO_MEMORY (the arena is
 * used up), or what keep says. PAYLOAD and CARRIED values are ciphertext here; the shell opens them. */
#pragma once
#include "keep/keep.h"
#include "node/core/core.h"

struct store {
    struct keep *keep;
    struct keep_value value; /* scratch of the look-ups */
};

/* In `folder`/store, created if absent. Problems as keep_open_lmdb. */
enum wire_status store_open(const char *folder, uint64_t map_bytes, struct store *out, struct wire_problem *problem);
/* Over a store that exists already, e.g. the in-memory one; takes it. */
void store_over(struct keep *keep, struct store *out);
void store_close(struct store *store);
/* Names of the tables in order, NODE_TABLES of them, for keep_options. */
const char *const *store_tables(void);

/* Hands every row of the tables that boot to `row`; false stops. */
enum wire_status store_boot(struct store *store, bool (*row)(void *context, const struct wire_row *row), void *context);

/* The value of one row. An empty value has .data too. */
enum wire_status store_row(struct store *store, enum node_table table, const struct node_key *key,
                           struct wire_arena *arena, struct wire_bytes *value);
bool store_has(struct store *store, enum node_table table, const struct node_key *key);

/* --- look-ups for events (node/core/core.h says what each holds) ---------------------------------------------------
 */
/* FETCHED: the rows and, when asked for, the states. */
enum wire_status store_look_fetched(struct store *store, const struct node_fetch *fetch, struct wire_arena *arena,
                                    struct node_fetched *out);
/* RECEIPT: batch, state, header, named of an event whose statement or arrived is set. */
enum wire_status store_look_receipt(struct store *store, const char *link, struct node_receipt *event,
                                    struct wire_arena *arena);
/* DELIVER: known, named, asked of an event whose part, header and leaf are set. `region`: this node's. */
enum wire_status store_look_deliver(struct store *store, uint32_t region, struct node_deliver *event,
                                    struct wire_arena *arena);
/* PUBLISH: own, named_id, named, asked of a draft whose header is set. */
enum wire_status store_look_draft(struct store *store, struct node_draft *draft, struct wire_arena *arena);
/* WITHDRAW: state, header, asked of an event whose id is set. */
enum wire_status store_look_withdraw(struct store *store, struct node_withdraw *event, struct wire_arena *arena);
/* STATE of each place. */
enum wire_status store_look_states(struct store *store, const uint64_t *place, size_t count, struct wire_arena *arena,
                                   const node_row_value **out);

/* --- single things, decoded; *out NULL when there is no such row ---------------------------------------------------
 */
/* Where the rows of an envelope of ours lie; 0: it is none. */
enum wire_status store_place(struct store *store, const uint8_t id[WIRE_ID_BYTES], uint64_t *place);
enum wire_status store_state(struct store *store, const uint8_t id[WIRE_ID_BYTES], struct wire_arena *arena,
                             Wire__NodeState **out);
/* The header of an envelope of ours: as written until it is sealed. */
enum wire_status store_header(struct store *store, const uint8_t id[WIRE_ID_BYTES], struct wire_arena *arena,
                              Wire__Header **out);
enum wire_status store_header_at(struct store *store, uint64_t place, struct wire_arena *arena, Wire__Header **out);
/* Places of the envelopes of a batch that is held, for its payloads; 0 where there is none. */
enum wire_status store_batch_places(struct store *store, const struct node_key *batch, size_t count,
                                    struct wire_arena *arena, uint64_t **out);
enum wire_status store_known(struct store *store, uint32_t origin, const uint8_t id[WIRE_ID_BYTES],
                             struct wire_arena *arena, Wire__NodeKnown **out);
enum wire_status store_inbox_row(struct store *store, uint64_t order, struct wire_arena *arena, Wire__NodeInbox **out);
/* Follows NodeState.successor: `id` becomes the last one that the payload travels under. */
enum wire_status store_successor(struct store *store, uint8_t id[WIRE_ID_BYTES], struct wire_arena *arena);

/* What the rules must know about what an envelope answers (found: it is in the inbox) or corrects (found: it is in the
 * outbox; `to` and `cc` are those of its receipt, none before it is admitted). Texts and lists lie in the arena. */
enum wire_status store_parent(struct store *store, uint32_t origin, const uint8_t id[WIRE_ID_BYTES],
                              struct wire_arena *arena, struct rules_parent *out);
enum wire_status store_original(struct store *store, const uint8_t id[WIRE_ID_BYTES], struct wire_arena *arena,
                                struct rules_original *out);

/* --- views ---------------------------------------------------------------------------------------------------------
 */
/* Inbox rows with order ≥ from (newest first: ≤ from, 0 = from the newest). False of `visit` stops. The value is
 * borrowed for the call. */
typedef bool store_visit_inbox(void *context, uint64_t order, struct wire_bytes value);
enum wire_status store_inbox(struct store *store, uint64_t from, bool newest_first, store_visit_inbox *visit,
                             void *context);
/* Ids of the outbox in order of numbers, of `from_day` and later (0: all). */
typedef bool store_visit_outbox(void *context, const uint8_t id[WIRE_ID_BYTES]);
enum wire_status store_outbox(struct store *store, uint32_t from_day, bool newest_first, store_visit_outbox *visit,
                              void *context);
/* By the number one can say on the telephone; where two bear it, the newer. NOT_FOUND. */
enum wire_status store_inbox_by_number(struct store *store, const struct wire_number *number, struct wire_arena *arena,
                                       uint64_t *order);
enum wire_status store_outbox_by_number(struct store *store, uint32_t day, uint32_t serial, uint8_t id[WIRE_ID_BYTES]);
/* By id alone, whatever its origin. NOT_FOUND: not in the inbox. */
enum wire_status store_inbox_by_id(struct store *store, const uint8_t id[WIRE_ID_BYTES], struct wire_arena *arena,
                                   uint64_t *order);
