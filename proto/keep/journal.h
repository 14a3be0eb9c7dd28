/* What was appended and is not in LMDB yet, on the disk: one file, flushed once for a commit, where LMDB flushes twice
 * and writes whole pages. LMDB is committed from time to time, with the number of the last record that is in it.
 *
 *   record: mark u32 ‖ size of the rows u32 ‖ number u64 ‖ check u64 ‖ rows, filled up to 4096 bytes
 *   row:    table u8 ‖ erase u8 ‖ key size u16 ‖ value size u32 ‖ key ‖ value
 *
 * The file has two halves, and records are written into one of them while LMDB gets what the other has: each turn the
 * next record goes to the start of the other half.
 *
 * A record is flushed before the next is begun, so after a power cut only the last one can be broken, and that was not
 * reported to anybody. A broken one with a later one behind it or in the other half is damage. The check covers the
 * nonce of the store, so that a journal of another store is none. Internal to keep; the caller's one thread at a time.
 */
#pragma once
#include "keep/pending.h"

enum {
    KEEP_JOURNAL_NONCE_BYTES = 16,
    KEEP_JOURNAL_HALF_BYTES = 16 * 1024 * 1024 /* the second one may be longer */
};

struct keep_journal {
    int fd;          /* -1: not open */
    uint64_t number; /* of the last record; numbers never fall, over the life of a store */
    uint64_t start;  /* of the half that is written: 0 or KEEP_JOURNAL_HALF_BYTES */
    uint64_t end;    /* where in it the next record goes */
    uint8_t nonce[KEEP_JOURNAL_NONCE_BYTES];
    uint8_t *buffer;
    size_t capacity;
};

/* Opens or makes the file `journal` in the folder, whose names the caller syncs. false: errno. */
bool keep_journal_open(struct keep_journal *journal, const char *folder);
void keep_journal_close(struct keep_journal *journal);

/* Every row of the records above `number`, in order. IO, NO_MEMORY; DAMAGED: a record is broken or missing and a later
 * one is there. Afterwards journal->number is that of the last record (at least `number`), and the next one goes to the
 * start of the first half: the caller puts what it was given into LMDB before. `visit` returns 0 or what ends the
 * reading (IO); the bytes are borrowed for the call. */
enum wire_status keep_journal_read(struct keep_journal *journal, uint64_t number,
                                   int (*visit)(void *context, const struct wire_row *row), void *context);

/* The appends (by queue_next) fit as one record into this half. Into the second half everything does. */
bool keep_journal_fits(const struct keep_journal *journal, const struct keep_appended *group);
/* Writes them and flushes. 0 or errno: then nothing is known of it. */
int keep_journal_write(struct keep_journal *journal, const struct keep_appended *group);
/* The next record goes to the start of the other half. What that one has is in LMDB, durably. */
void keep_journal_turn(struct keep_journal *journal);
