/* The LMDB back end's state. Internal to keep.
 *
 * Rules about LMDB 0.9.24 that this code keeps: never NOSYNC, MAPASYNC or WRITEMAP; read transactions end with the call
 * that needed them (a long reader makes the file grow); a full map is refused long before LMDB says MAP_FULL; after a
 * failed commit nothing is known, so nothing more is done. Its map is sparse address space: RssAnon tells the memory,
 * not RSS.
 *
 * An append is durable when the journal has it (`committed`), and leaves the overlay when LMDB has it (`applied`). */
#pragma once
#include "keep/backend.h"
#include "keep/journal.h"
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

struct keep_lmdb;

struct keep_lmdb_reader {
    struct keep_reader head;
    struct keep_lmdb *lmdb;
    MDB_txn *txn; /* reset but while in use */
};

/* The greatest key a table ever had: a key above it may be appended without a search. */
struct keep_lmdb_last {
    bool known;
    size_t size;
    uint8_t key[WIRE_KEY_BYTES_MAX];
};

struct keep_lmdb {
    struct keep keep; /* first: struct keep * is struct keep_lmdb * */
    char *path;
    int lock_fd;
    MDB_env *env;
    MDB_dbi tables[WIRE_TABLES_MAX];
    MDB_dbi marks;
    uint64_t bytes_limit;
    struct keep_lmdb_reader owner_reader;

    pthread_t writer, applier;
    bool writer_runs, applier_runs;
    pthread_mutex_t write_lock; /* all down to counts, but for the journal */
    pthread_cond_t write_wanted, apply_given;
    pthread_cond_t written; /* or applied */
    struct keep_queue queue;
    bool write_stop, write_held, apply_stop, apply_wanted;
    struct keep_journal journal; /* the writer's */
    struct keep_queue unapplied; /* in the half of the journal that is written */
    size_t unapplied_rows, unapplied_bytes;
    uint64_t apply_at_us;
    struct keep_queue applying; /* in the other half, on its way into LMDB: the applier's while there is any */
    uint64_t applying_number;   /* of its last record */
    struct wire_problem problem;
    struct keep_counts counts;
    _Atomic uint64_t committed, applied; /* tickets */
    _Atomic int failed;
    _Atomic uint64_t bytes_used, disk_free;
    struct keep_lmdb_last last[WIRE_TABLES_MAX]; /* the applier's */

    pthread_t fetcher;
    bool fetcher_runs;
    pthread_mutex_t fetch_lock; /* todo, done, fetch_stop */
    pthread_cond_t fetch_wanted;
    struct keep_task *todo_first, *todo_last;
    struct keep_task *done_first, *done_last;
    bool fetch_stop;
    struct keep_lmdb_reader fetch_reader; /* the fetch thread's */
};

enum wire_status keep_lmdb_status(int error);

enum wire_status keep_lmdb_reader_open(struct keep_lmdb *lmdb, struct keep_lmdb_reader *reader);
void keep_lmdb_reader_close(struct keep_lmdb_reader *reader);
enum wire_status keep_lmdb_reader_begin(struct keep_lmdb_reader *reader);
void keep_lmdb_reader_end(struct keep_lmdb_reader *reader);

/* Pages in use, from within a transaction. */
enum wire_status keep_lmdb_measure(struct keep_lmdb *lmdb, MDB_txn *txn, uint64_t *bytes);
void keep_lmdb_measure_disk(struct keep_lmdb *lmdb);

#define KEEP_JOURNAL_MARK "journal" /* in the table of marks: number of the last record applied u64, nonce */
enum { KEEP_JOURNAL_MARK_BYTES = 8 + KEEP_JOURNAL_NONCE_BYTES };

/* Rows and the number of the journal's last record among them in one transaction. begin and row return LMDB's errors;
 * after a begin that succeeded an end follows, which takes back everything when it is given an error. */
struct keep_lmdb_apply {
    struct keep_lmdb *lmdb;
    MDB_txn *txn;
    MDB_cursor *cursors[WIRE_TABLES_MAX];
    int error; /* the caller's */
};
int keep_lmdb_apply_begin(struct keep_lmdb *lmdb, struct keep_lmdb_apply *apply);
int keep_lmdb_apply_row(struct keep_lmdb_apply *apply, const struct wire_row *row);
int keep_lmdb_apply_end(struct keep_lmdb_apply *apply, uint64_t number, int error);

/* The threads that write the journal and LMDB. */
bool keep_lmdb_writer_start(struct keep_lmdb *lmdb);
void keep_lmdb_writer_stop(struct keep_lmdb *lmdb);
void keep_lmdb_submit(struct keep *keep, struct keep_appended *appended);
void keep_lmdb_hold(struct keep *keep, bool on);
enum wire_status keep_lmdb_sync(struct keep *keep);
/* On the fetch thread: until LMDB has everything up to this ticket, which is durable. false: the store has failed. */
bool keep_lmdb_wait_applied(struct keep_lmdb *lmdb, uint64_t ticket);

bool keep_lmdb_fetcher_start(struct keep_lmdb *lmdb);
void keep_lmdb_fetcher_stop(struct keep_lmdb *lmdb);
void keep_lmdb_fetch(struct keep *keep, struct keep_task *task);
struct keep_task *keep_lmdb_fetched(struct keep *keep);
