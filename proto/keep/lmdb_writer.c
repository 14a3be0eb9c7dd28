/* The writer thread: group commit. Everything that arrived while the last commit was being synced goes into the next,
 * up to WIRE_COMMIT_BYTES_MAX; so a slow disk makes larger commits, not a longer queue. A commit is a record of the
 * journal; from time to time all that the journal has goes into LMDB. */
#define _GNU_SOURCE
#include "keep/lmdb.h"
#include "wire/ensure.h"
#include <errno.h>
#include <stdio.h>
#include <time.h>

/* When LMDB gets what the journal has: so much, so old, or when somebody waits to read it. Until then it is in memory.
 */
enum {
    APPLY_BYTES = 2 * 1024 * 1024, /* or a quarter of what may be pending */
    APPLY_ROWS = KEEP_COMMIT_ROWS_MAX,
    APPLY_JOURNAL_BYTES = 8 * 1024 * 1024,
    APPLY_US = 1000 * 1000,
};

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void fail(struct keep_lmdb *lmdb, enum wire_status status, const char *why)
{
    if (status == WIRE_NOT_FOUND)
        status = WIRE_DAMAGED;
    pthread_mutex_lock(&lmdb->write_lock);
    wire_failf(&lmdb->problem, status, lmdb->path,
               "提交失败：%s。之后不再接受写入；请检查磁盘后重新启动，启动时自动恢复到最后一次成功的提交",
               "a commit failed: %s. Nothing more is accepted; check the disk and start again: the store comes back "
               "as of the last commit that succeeded",
               why);
    atomic_store(&lmdb->failed, (int)status);
    pthread_cond_broadcast(&lmdb->written);
    pthread_mutex_unlock(&lmdb->write_lock);
    keep_wake(&lmdb->keep);
}

/* --- into the journal: durable from here on --- */

static void count(struct keep_lmdb *lmdb, const struct keep_appended *group, uint64_t us)
{
    struct keep_counts *counts = &lmdb->counts;
    counts->commits++;
    counts->commit_us_last = us;
    if (us > counts->commit_us_max)
        counts->commit_us_max = us;
    for (const struct keep_appended *at = group; at; at = at->queue_next) {
        counts->rows += at->row_count;
        counts->bytes += at->bytes;
    }
}

/* The group waits for LMDB now; its memory is the owner's again when that has it. */
static uint64_t move_on(struct keep_lmdb *lmdb, struct keep_appended *group)
{
    uint64_t ticket = 0;
    if (!lmdb->unapplied.first)
        lmdb->apply_at_us = now_us() + APPLY_US;
    while (group) {
        struct keep_appended *next = group->queue_next;
        ticket = group->ticket;
        lmdb->unapplied_rows += group->row_count;
        lmdb->unapplied_bytes += group->bytes;
        keep_queue_push(&lmdb->unapplied, group);
        group = next;
    }
    return ticket;
}

static bool write_group(struct keep_lmdb *lmdb, struct keep_appended *group)
{
    uint64_t from = now_us();
    int error = keep_journal_write(&lmdb->journal, group);
    uint64_t us = now_us() - from;
    keep_lmdb_measure_disk(lmdb);
    if (error) {
        fail(lmdb, keep_lmdb_status(error), strerror(error));
        return false;
    }
    pthread_mutex_lock(&lmdb->write_lock);
    count(lmdb, group, us);
    atomic_store(&lmdb->committed, move_on(lmdb, group));
    pthread_cond_broadcast(&lmdb->written);
    pthread_mutex_unlock(&lmdb->write_lock);
    keep_wake(&lmdb->keep);
    return true;
}

/* --- from the journal into LMDB --- */

static int apply_all(struct keep_lmdb *lmdb, uint64_t *ticket)
{
    struct keep_lmdb_apply apply;
    int error = keep_lmdb_apply_begin(lmdb, &apply);
    if (error)
        return error;
    for (struct keep_appended *at = lmdb->unapplied.first; at && !error; at = at->queue_next) {
        struct keep_node *node = keep_appended_first(at);
        for (size_t i = 0; i < at->row_count && !error; i++, node = keep_appended_after(node)) {
            struct wire_row row = {node->table, node->erase, keep_node_key(node), keep_node_value(node)};
            error = keep_lmdb_apply_row(&apply, &row);
        }
        *ticket = at->ticket;
    }
    return keep_lmdb_apply_end(&apply, error);
}

static bool apply(struct keep_lmdb *lmdb)
{
    uint64_t ticket = 0;
    int error = apply_all(lmdb, &ticket);
    if (error) {
        fail(lmdb, keep_lmdb_status(error), mdb_strerror(error));
        return false;
    }
    pthread_mutex_lock(&lmdb->write_lock);
    lmdb->unapplied = (struct keep_queue){NULL, NULL};
    lmdb->unapplied_rows = lmdb->unapplied_bytes = 0;
    lmdb->apply_wanted = false;
    /* from here on the owner may free what was applied */
    atomic_store(&lmdb->applied, ticket);
    pthread_cond_broadcast(&lmdb->written);
    pthread_mutex_unlock(&lmdb->write_lock);
    keep_wake(&lmdb->keep); /* there is room again */
    return true;
}

/* --- the thread --- */

enum turn { TURN_END, TURN_WRITE, TURN_APPLY };

static bool apply_is_due(const struct keep_lmdb *lmdb)
{
    size_t quarter = lmdb->keep.pending_bytes_max / 4;
    if (!lmdb->unapplied.first)
        return false;
    return lmdb->apply_wanted || lmdb->write_stop || lmdb->unapplied_bytes >= APPLY_BYTES ||
           lmdb->unapplied_bytes >= quarter || lmdb->unapplied_rows >= APPLY_ROWS ||
           lmdb->journal.end >= APPLY_JOURNAL_BYTES || now_us() >= lmdb->apply_at_us;
}

static void wait_for_more(struct keep_lmdb *lmdb)
{
    if (!lmdb->unapplied.first) {
        pthread_cond_wait(&lmdb->write_wanted, &lmdb->write_lock);
        return;
    }
    struct timespec until = {(time_t)(lmdb->apply_at_us / 1000000), (long)(lmdb->apply_at_us % 1000000) * 1000};
    pthread_cond_timedwait(&lmdb->write_wanted, &lmdb->write_lock, &until);
}

static enum turn wait_for_turn(struct keep_lmdb *lmdb, struct keep_appended **group)
{
    enum turn turn = TURN_END;
    pthread_mutex_lock(&lmdb->write_lock);
    for (;;) {
        if (apply_is_due(lmdb)) {
            turn = TURN_APPLY;
            break;
        }
        if (lmdb->write_stop)
            break;
        if (lmdb->queue.first && !lmdb->write_held) {
            *group = keep_queue_cut(&lmdb->queue, WIRE_COMMIT_BYTES_MAX, KEEP_COMMIT_ROWS_MAX);
            turn = TURN_WRITE;
            break;
        }
        wait_for_more(lmdb);
    }
    pthread_mutex_unlock(&lmdb->write_lock);
    return turn;
}

static void *run_writer(void *context)
{
    struct keep_lmdb *lmdb = context;
    for (bool well = true; well;) {
        struct keep_appended *group = NULL;
        enum turn turn = wait_for_turn(lmdb, &group);
        if (turn == TURN_END)
            break;
        well = turn == TURN_WRITE ? write_group(lmdb, group) : apply(lmdb);
    }
    return NULL;
}

bool keep_lmdb_writer_start(struct keep_lmdb *lmdb)
{
    lmdb->writer_runs = pthread_create(&lmdb->writer, NULL, run_writer, lmdb) == 0;
    if (lmdb->writer_runs)
        pthread_setname_np(lmdb->writer, "keep-writer");
    return lmdb->writer_runs;
}

void keep_lmdb_writer_stop(struct keep_lmdb *lmdb)
{
    if (!lmdb->writer_runs)
        return;
    pthread_mutex_lock(&lmdb->write_lock);
    lmdb->write_stop = true;
    pthread_cond_signal(&lmdb->write_wanted);
    pthread_mutex_unlock(&lmdb->write_lock);
    pthread_join(lmdb->writer, NULL);
    lmdb->writer_runs = false;
}

void keep_lmdb_submit(struct keep *keep, struct keep_appended *appended)
{
    struct keep_lmdb *lmdb = (struct keep_lmdb *)keep;
    pthread_mutex_lock(&lmdb->write_lock);
    keep_queue_push(&lmdb->queue, appended);
    pthread_cond_signal(&lmdb->write_wanted);
    pthread_mutex_unlock(&lmdb->write_lock);
}

void keep_lmdb_hold(struct keep *keep, bool on)
{
    struct keep_lmdb *lmdb = (struct keep_lmdb *)keep;
    pthread_mutex_lock(&lmdb->write_lock);
    lmdb->write_held = on;
    if (!on && lmdb->queue.first)
        pthread_cond_signal(&lmdb->write_wanted);
    pthread_mutex_unlock(&lmdb->write_lock);
}

enum wire_status keep_lmdb_sync(struct keep *keep)
{
    struct keep_lmdb *lmdb = (struct keep_lmdb *)keep;
    pthread_mutex_lock(&lmdb->write_lock);
    lmdb->write_held = false; /* it would wait for ever */
    while (atomic_load(&lmdb->applied) < keep->pending.ticket && !atomic_load(&lmdb->failed)) {
        if (atomic_load(&lmdb->committed) >= keep->pending.ticket)
            lmdb->apply_wanted = true;
        pthread_cond_signal(&lmdb->write_wanted);
        pthread_cond_wait(&lmdb->written, &lmdb->write_lock);
    }
    lmdb->write_held = keep->holding > 0;
    pthread_mutex_unlock(&lmdb->write_lock);
    return (enum wire_status)atomic_load(&lmdb->failed);
}

bool keep_lmdb_wait_applied(struct keep_lmdb *lmdb, uint64_t ticket)
{
    pthread_mutex_lock(&lmdb->write_lock);
    while (atomic_load(&lmdb->applied) < ticket && !atomic_load(&lmdb->failed)) {
        lmdb->apply_wanted = true;
        pthread_cond_signal(&lmdb->write_wanted);
        pthread_cond_wait(&lmdb->written, &lmdb->write_lock);
    }
    pthread_mutex_unlock(&lmdb->write_lock);
    return atomic_load(&lmdb->applied) >= ticket;
}
