/* What was appended and is not in LMDB yet, on the disk: one file, flushed once for a commit, where LMDB flushes twice
 * and writes whole pages. LMDB is committed from time to time, with the number of the last record that is in it; then
 * the journal begins at its start again. Internal to keep; the caller's one thread at a time.
 *
 *   record: mark u32 ‖ size of the rows u32 ‖ number u64 ‖ check u64 ‖ rows, filled up to 4096 bytes
 *   row:    table u8 ‖ erase u8 ‖ key size u16 ‖ value size u32 ‖ key ‖ value
 *
 * A record is flushed before the next is begun, so after a power cut only the last one can be broken, and that was not
 * reported to anybody. A broken one with a later one behind it is damage. The check covers the nonce of the store, so
 * that a journal of another store is none. */
#pragma once
#include "keep/pending.h"

enum { KEEP_JOURNAL_NONCE_BYTES = 16 };

struct keep_journal {
    int fd;          /* -1: not open */
    uint64_t number; /* of the last record; numbers never fall, over the life of a store */
    uint64_t end;    /* where the next record goes */
    uint8_t nonce[KEEP_JOURNAL_NONCE_BYTES];
    uint8_t *buffer;
    size_t capacity;
};

/* Opens or makes the file `journal` in the folder, whose names the caller syncs. false: errno. */
bool keep_journal_open(struct keep_journal *journal, const char *folder);
void keep_journal_close(struct keep_journal *journal);

/* Every row of the records above `number`, in order. IO, NO_MEMORY; DAMAGED: a record is broken or missing and a later
 * one is there. Afterwards journal->number is that of the last record (at least `number`). `visit` returns 0 or what
 * ends the reading (IO); the bytes are borrowed for the call. */
enum wire_status keep_journal_read(struct keep_journal *journal, uint64_t number,
                                   int (*visit)(void *context, const struct wire_row *row), void *context);

/* Writes the appends (by queue_next) as one record and flushes it. 0 or errno: then nothing is known of it. */
int keep_journal_write(struct keep_journal *journal, const struct keep_appended *group);
/* All that was written is in LMDB, durably: the next record goes to the start. */
void keep_journal_restart(struct keep_journal *journal);
