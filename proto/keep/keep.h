/* The durable ordered store: tables of (key bytes → value bytes), ordered as bytes. The broker's ledger and the node's
 * store stand on it. Two back ends behind this header: LMDB (keep_open_lmdb) and memory (keep/memory.h) for tests and
 * simulator.
 *
 *   owner thread                         writer thread                     fetch thread
 *   keep_append ──> queue ─────────────> group commit: journal, synced
 *        │                                     │ wake()                         │ wake()
 *        └─> overlay: what is not         keep_committed                   keep_fetched
 *            in the tables yet                 └─> now and then into LMDB
 *
 * What is promised
 *   - The rows of one append are atomic: after a crash all of them are there or none.
 *   - Appends take effect in order: if one is there after a crash, so are all before it.
 *   - A ticket is reported (keep_committed) only after its rows are synced to the disk.
 *   - The owner reads what it wrote: get, scan and last see appended rows before they are committed.
 *   - After a failed write or sync nothing more is accepted or reported (keep_failed): the owner must exit and open
 * anew.
 *
 * Threads: one owner thread calls everything here, except what is marked otherwise. `wake` is called on the writer or
 * the fetch thread and must do no more than uv_async_send. */
#pragma once
#include "wire/bytes.h"
#include "wire/limits.h"
#include "wire/row.h"
#include "wire/status.h"

struct keep;

enum {
    KEEP_PENDING_BYTES = 16 * 1024 * 1024, /* appended and not committed, when the options do not say: 8 full commits */
    KEEP_COMMIT_ROWS_MAX = 8192,           /* bounds the pages that one commit can dirty */
    KEEP_FETCHES_MAX = 64,                 /* waiting or finished and not taken */
    KEEP_FETCH_BYTES_MAX = 4 * 1024 * 1024, /* what one fetch may bring back, whatever it asks for */
    KEEP_VALUE_BYTES_MAX = 2 * 1024 * 1024, /* one value: above every frame of the protocol */
};

/* Borrowed for the call of open. */
struct keep_options {
    const char *application; /* "lianfang-broker": a store of another application is refused; at most 31 bytes */
    uint32_t format;         /* of the rows; a store of a higher one is refused */
    uint32_t format_oldest; /* the oldest the program can read; older is refused, the others are marked with `format` */
    const char *const *tables; /* names by table number; append-only over the releases; each at most 31 bytes */
    size_t table_count;        /* 1 to WIRE_TABLES_MAX */
    size_t map_bytes_max;      /* what the store may take; rounded up to 1 MiB. Address space, not memory */
    size_t pending_bytes_max;  /* 0: KEEP_PENDING_BYTES */
};

/* Opens or creates the store in the directory `path` (created 0700, its files 0600). Refuses with path and remedy: in
 * use by another process (IN_USE), of a newer format (NEWER_STORE), older than the program reads or of another
 * application (INVALID), damaged (DAMAGED), not writable (IO). Starts the writer and the fetch thread. */
enum wire_status keep_open_lmdb(const char *path, const struct keep_options *options, struct keep **out,
                                struct wire_problem *problem);
/* Commits what is queued (unless the store has failed), ends the threads, releases the lock. NULL and *keep NULL are
 * fine. */
void keep_close(struct keep **keep);

/* `wake(context)` after every commit, after a failure and after every finished fetch, on a thread that is not the
 * owner's (memory back end: on the owner's, inside the call that did it). Set it before the first append. */
void keep_on_committed(struct keep *keep, void (*wake)(void *context), void *context);

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* Copies the rows and queues them as one atomic append. Tickets rise, from 1. Of two rows with one key the later wins.
 *   AGAIN      the queue is full: nothing was taken; try again after the next wake
 *   DISK_FULL  the store's limit or the disk leaves no room: nothing was taken. An append of erasures only is still
 * taken INVALID    a row that cannot be stored (table, key or value size): a bug of the caller's, nothing was taken IO,
 * …      keep_failed: the store has failed before count 0 is allowed: a ticket that is committed when everything before
 * it is. */
enum wire_status keep_append(struct keep *keep, const struct wire_row *rows, size_t count, uint64_t ticket);
/* While held, what is appended waits, so that appends which follow one another go into one commit. Calls nest; each
 * needs its release, and soon: nothing becomes durable meanwhile, except that keep_sync does not wait for the release.
 * The memory back end commits when it is told to and knows no holding. */
void keep_hold(struct keep *keep);
void keep_release(struct keep *keep);
/* The highest ticket that is durable; 0 before the first. */
uint64_t keep_committed(struct keep *keep);
/* WIRE_OK, or why a commit failed (IO, DISK_FULL, DAMAGED); then `problem`, if given, says what happened. */
enum wire_status keep_failed(struct keep *keep, struct wire_problem *problem);
/* Waits until everything appended is durable and in its tables on the disk, or the store has failed; returns
 * keep_failed. For programs that run once and for an ordered close; not for the loop. The memory back end commits here.
 */
enum wire_status keep_sync(struct keep *keep);

struct keep_room {
    uint64_t bytes_used;  /* pages in use, as of the last commit */
    uint64_t bytes_limit; /* map_bytes_max; above this appends are refused with DISK_FULL */
    uint64_t disk_free;   /* of the file system, as of the last commit */
    uint64_t pending_bytes;
    uint64_t pending_bytes_max;
};
/* For giving credit 0 at a watermark, long before DISK_FULL. Cheap. */
struct keep_room keep_room(struct keep *keep);
/* 0 to 1000: how full, by whichever is scarcer, the limit or the disk. */
unsigned keep_room_permille(const struct keep_room *room);
/* Time to give credit 0: 95 % are used, or less is left than what may still be under way and one commit of it takes. */
bool keep_room_scarce(const struct keep_room *room);

struct keep_counts {
    uint64_t commits, rows, bytes;
    uint64_t commit_us_last, commit_us_max;
};
struct keep_counts keep_counts(struct keep *keep);

/* --- reading, on the owner thread: committed rows and the owner's own uncommitted ones -------------------------------
 */

/* A growing buffer; starts zeroed, is reused from call to call, ends with keep_value_close. */
struct keep_value {
    uint8_t *data;
    size_t size;
    size_t capacity;
};
void keep_value_close(struct keep_value *value);

/* Copies the value out. NOT_FOUND: size 0. `out` NULL: only whether it is there. */
enum wire_status keep_get(struct keep *keep, uint8_t table, struct wire_bytes key, struct keep_value *out);

/* Which rows: those of `table` with from ≤ key < to that begin with prefix, in key order. Empty from, to, prefix: no
 * such bound. Stops after rows_max rows or when the next would exceed bytes_max of keys and values (0: no bound), but
 * gives at least one row. */
struct keep_range {
    uint8_t table;
    struct wire_bytes prefix, from, to;
    size_t rows_max, bytes_max;
};
/* The bytes are borrowed for the call. May call keep_get, keep_scan and keep_last of the same store, not keep_append.
 * false stops. */
typedef bool keep_visit(void *context, struct wire_bytes key, struct wire_bytes value);
/* `more` (may be NULL): a bound stopped it and a further row is there. OK also when there are no rows. */
enum wire_status keep_scan(struct keep *keep, const struct keep_range *range, keep_visit *visit, void *context,
                           bool *more);
/* The greatest key of the table that begins with prefix (empty: of the whole table) and its value; either may be NULL.
 * NOT_FOUND if there is none. */
enum wire_status keep_last(struct keep *keep, uint8_t table, struct wire_bytes prefix, struct keep_value *key,
                           struct keep_value *value);

/* --- reading on the fetch thread: committed rows only ---------------------------------------------------------------
 */
/* Backlogs are read from the disk by page faults; that may not stop the loop, and a read transaction may not stay open
 * for a slow peer. A job runs on the fetch thread over one snapshot and copies out; the owner takes the result after
 * wake. */

struct keep_reader; /* a snapshot, for the time of one job */
struct keep_rows;   /* what a job collects */

/* Borrowed bytes, valid until the job returns. */
enum wire_status keep_reader_get(struct keep_reader *reader, uint8_t table, struct wire_bytes key,
                                 struct wire_bytes *value);
enum wire_status keep_reader_scan(struct keep_reader *reader, const struct keep_range *range, keep_visit *visit,
                                  void *context, bool *more);
enum wire_status keep_reader_last(struct keep_reader *reader, uint8_t table, struct wire_bytes prefix,
                                  struct wire_bytes *key, struct wire_bytes *value);
/* TOO_SMALL when KEEP_FETCH_BYTES_MAX would be exceeded (the first row is always taken): stop and say `more`. */
enum wire_status keep_rows_add(struct keep_rows *rows, uint8_t table, struct wire_bytes key, struct wire_bytes value);
size_t keep_rows_count(const struct keep_rows *rows);
size_t keep_rows_bytes(const struct keep_rows *rows);
void keep_rows_set_more(struct keep_rows *rows, bool more);

/* Runs on the fetch thread; touches nothing but its context, the reader and the rows. */
typedef enum wire_status keep_job(void *context, struct keep_reader *reader, struct keep_rows *rows);
/* AGAIN: KEEP_FETCHES_MAX are waiting. `context` lives until the result was taken or the store closed. */
enum wire_status keep_fetch(struct keep *keep, uint64_t request, keep_job *job, void *context);
/* The job "scan this range, bring the rows"; the range's bytes are copied. */
enum wire_status keep_fetch_async(struct keep *keep, uint64_t request, const struct keep_range *range);

struct keep_fetched {
    uint64_t request;
    void *context; /* of keep_fetch; NULL for keep_fetch_async */
    enum wire_status status;
    bool more;
    const struct wire_row *rows; /* valid until keep_fetched_close */
    size_t row_count;
    struct keep_rows *memory;
};
/* Takes the next finished one, in order of request; false: none is finished. Then keep_fetched_close(out). */
bool keep_fetched(struct keep *keep, struct keep_fetched *out);
void keep_fetched_close(struct keep_fetched *fetched);
