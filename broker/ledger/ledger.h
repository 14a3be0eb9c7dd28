/* The broker's ledger: one `struct keep` with the tables of broker/core/record.h, and the questions the shell asks of
 * it before it steps the core. Look-ups run on the owner's thread and see appends in flight, so an answer is always
 * exact.
 *
 * All results lie in the arena given and stay valid as long as it. A row that cannot be read is DAMAGED: the caller
 * stops. NO_MEMORY and OVER_BUDGET: the arena does not hold what was asked; what was filled in is not to be used. What
 * a frame of the largest size can ask for needs less than 16 MiB. */
#pragma once
#include "broker/core/core.h"
#include "keep/keep.h"

enum { LEDGER_FORMAT = 3 };

struct ledger {
    struct keep *keep;
    struct keep_value value; /* scratch of the look-ups */
};

/* In `folder`/ledger, created if absent. Problems as keep_open_lmdb. */
enum wire_status ledger_open(const char *folder, uint64_t map_bytes, struct ledger *out, struct wire_problem *problem);
/* Over a store that exists already, e.g. the in-memory one; takes it. */
void ledger_over(struct keep *keep, struct ledger *out);
void ledger_close(struct ledger *ledger);
/* Names of the tables by number, for keep_options. */
void ledger_tables(const char *names[BROKER_TABLES]);

/* Hands every row of the tables that boot to `row`; false stops. */
enum wire_status ledger_boot(struct ledger *ledger, bool (*row)(void *context, const struct wire_row *row),
                             void *context);

/* --- look-ups for HELLO ------------------------------------------------------------------------------------------- */
/* Fills heads, numbers, known, chains and completeness_chain of an event whose region and hello are set. Heads are
 * those of the streams that the HELLO shows (the first 1024), then others, 2048 in all; chains those of its first 1024
 * cursors. */
enum wire_status ledger_look_hello(struct ledger *ledger, struct broker_hello *event, struct wire_arena *arena);

/* --- look-ups for SUBMIT ------------------------------------------------------------------------------------------ */
/* Fills stream and stored; and, when the batch is the next of its stream and did not fail, looks and numbers. */
enum wire_status ledger_look_submit(struct ledger *ledger, struct broker_submit *event, struct wire_arena *arena);

/* --- look-ups for ARRIVED ----------------------------------------------------------------------------------------- */
/* Fills row, batch, known and answered of an event whose part and statement are set. */
enum wire_status ledger_look_arrived(struct ledger *ledger, uint32_t region, struct broker_arrived *event,
                                     struct wire_arena *arena);

/* --- single rows -------------------------------------------------------------------------------------------------- */
/* NULL with *status NOT_FOUND or DAMAGED. */
Wire__LedgerBatch *ledger_batch(struct ledger *ledger, uint64_t serial, struct wire_arena *arena,
                                enum wire_status *status);
Wire__LedgerHeaders *ledger_headers(struct ledger *ledger, uint64_t serial, struct wire_arena *arena,
                                    enum wire_status *status);
/* The raw value, in the arena; .data NULL with *status when there is none. */
struct wire_bytes ledger_row(struct ledger *ledger, uint8_t table, struct wire_bytes key, struct wire_arena *arena,
                             enum wire_status *status);
