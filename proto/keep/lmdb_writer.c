/* The writer thread: group commit. Everything that arrived while the last commit was being synced goes into the next,
 * up to WIRE_COMMIT_BYTES_MAX; so a slow disk makes larger commits, not a longer queue. A commit is a record of the
 * journal. From time to time what the journal has is given to the applier thread, which puts it into LMDB while the
 * writer goes on in the other half of the journal. */
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
    pthread_cond_signal(&lmdb->write_wanted);
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
    keep_lmdb_measure_disk(lmdb);
    return true;
}

/* --- from the journal into LMDB --- */

static int apply_all(struct keep_lmdb *lmdb, uint64_t *ticket)
{
    struct keep_lmdb_apply apply;
    int error = keep_lmdb_apply_begin(lmdb, &apply);
    if (error)
        return error;
    for (struct keep_appended *at = lmdb->applying.first; at && !error; at = at->queue_next) {
        struct keep_node *node = keep_appended_first(at);
        for (size_t i = 0; i < at->row_count && !error; i++, node = keep_appended_after(node)) {
            struct wire_row row = {node->table, node->erase, keep_node_key(node), keep_node_value(node)};
            error = keep_lmdb_apply_row(&apply, &row);
        }
        *ticket = at->ticket;
    }
    return keep_lmdb_apply_end(&apply, lmdb->applying_number, error);
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
    lmdb->applying = (struct keep_queue){NULL, NULL};
    /* from here on the owner may free what was applied */
    atomic_store(&lmdb->applied, ticket);
    pthread_cond_broadcast(&lmdb->written);
    pthread_cond_signal(&lmdb->write_wanted);
    pthread_mutex_unlock(&lmdb->write_lock);
    keep_wake(&lmdb->keep); /* there is room again */
    return true;
}

static bool wait_for_given(struct keep_lmdb *lmdb)
{
    pthread_mutex_lock(&lmdb->write_lock);
    while (!lmdb->applying.first && !lmdb->apply_stop)
        pthread_cond_wait(&lmdb->apply_given, &lmdb->write_lock);
    bool given = lmdb->applying.first != NULL;
    pthread_mutex_unlock(&lmdb->write_lock);
    return given;
}

static void *run_applier(void *context)
{
    struct keep_lmdb *lmdb = context;
    while (wait_for_given(lmdb) && apply(lmdb))
        continue;
    return NULL;
}

/* Under the lock, by the writer: the applier gets what it wrote, which has nothing to do. */
static void give(struct keep_lmdb *lmdb)
{
    lmdb->applying = lmdb->unapplied;
    lmdb->applying_number = lmdb->journal.number;
    lmdb->unapplied = (struct keep_queue){NULL, NULL};
    lmdb->unapplied_rows = lmdb->unapplied_bytes = 0;
    lmdb->apply_wanted = false;
    keep_journal_turn(&lmdb->journal);
    pthread_cond_signal(&lmdb->apply_given);
}

/* --- the writer --- */

static bool apply_is_due(const struct keep_lmdb *lmdb)
{
    size_t quarter = lmdb->keep.pending_bytes_max / 4;
    if (!lmdb->unapplied.first)
        return false;
    return lmdb->apply_wanted || lmdb->write_stop || lmdb->unapplied_bytes >= APPLY_BYTES ||
           lmdb->unapplied_bytes >= quarter || lmdb->unapplied_rows >= APPLY_ROWS ||
           lmdb->journal.end >= APPLY_JOURNAL_BYTES || now_us() >= lmdb->apply_at_us;
}

/* What is not yet in LMDB stays within what may be in the journal, whatever the applier does. */
static bool may_write(const struct keep_lmdb *lmdb)
{
    return lmdb->queue.first && !lmdb->write_held &&
           !(lmdb->applying.first && lmdb->journal.end >= APPLY_JOURNAL_BYTES);
}

static void wait_for_more(struct keep_lmdb *lmdb)
{
    if (!lmdb->unapplied.first || lmdb->applying.first) {
        pthread_cond_wait(&lmdb->write_wanted, &lmdb->write_lock);
        return;
    }
    struct timespec until = {(time_t)(lmdb->apply_at_us / 1000000), (long)(lmdb->apply_at_us % 1000000) * 1000};
    pthread_cond_timedwait(&lmdb->write_wanted, &lmdb->write_lock, &until);
}

/* For a group that is larger than what is left of this half. */
static void make_room(struct keep_lmdb *lmdb, const struct keep_appended *group)
{
    while (!keep_journal_fits(&lmdb->journal, group) && !atomic_load(&lmdb->failed)) {
        if (lmdb->applying.first)
            pthread_cond_wait(&lmdb->written, &lmdb->write_lock);
        else
            give(lmdb);
    }
}

/* NULL: the end. */
static struct keep_appended *next_group(struct keep_lmdb *lmdb)
{
    struct keep_appended *group = NULL;
    pthread_mutex_lock(&lmdb->write_lock);
    while (!group && !atomic_load(&lmdb->failed)) {
        if (!lmdb->applying.first && apply_is_due(lmdb))
            give(lmdb);
        if (lmdb->write_stop && !lmdb->applying.first && !lmdb->unapplied.first)
            break;
        if (!lmdb->write_stop && may_write(lmdb)) {
            group = keep_queue_cut(&lmdb->queue, WIRE_COMMIT_BYTES_MAX, KEEP_COMMIT_ROWS_MAX);
            make_room(lmdb, group);
        } else {
            wait_for_more(lmdb);
        }
    }
    pthread_mutex_unlock(&lmdb->write_lock);
    return atomic_load(&lmdb->failed) ? NULL : group;
}

static void *run_writer(void *context)
{
    struct keep_lmdb *lmdb = context;
    struct keep_appended *group;
    while ((group = next_group(lmdb)) != NULL && write_group(lmdb, group))
        continue;
    return NULL;
}

static bool start(pthread_t *thread, bool *runs, void *(*run)(void *context), const char *name, struct keep_lmdb *lmdb)
{
    *runs = pthread_create(thread, NULL, run, lmdb) == 0;
    if (*runs)
        pthread_setname_np(*thread, name);
    return *runs;
}

bool keep_lmdb_writer_start(struct keep_lmdb *lmdb)
{
    return start(&lmdb->applier, &lmdb->applier_runs, run_applier, "keep-applier", lmdb) &&
           start(&lmdb->writer, &lmdb->writer_runs, run_writer, "keep-writer", lmdb);
}

static void stop(pthread_t thread, bool *runs, bool *stop_flag, pthread_cond_t *told, struct keep_lmdb *lmdb)
{
    if (!*runs)
        return;
    pthread_mutex_lock(&lmdb->write_lock);
    *stop_flag = true;
    pthread_cond_signal(told);
    pthread_mutex_unlock(&lmdb->write_lock);
    pthread_join(thread, NULL);
    *runs = false;
}

void keep_lmdb_writer_stop(struct keep_lmdb *lmdb)
{
    stop(lmdb->writer, &lmdb->writer_runs, &lmdb->write_stop, &lmdb->write_wanted, lmdb);
    stop(lmdb->applier, &lmdb->applier_runs, &lmdb->apply_stop, &lmdb->apply_given, lmdb);
}

void keep_lmdb_submit(struct keep *keep, struct keep_appended *appended)
{
    struct keep_lmdb *lmdb = (struct keep_lmdb *)keep;
    pthread_mutex_lock(&lmdb->write_lock);
    keep_queue_push(&lmdb->queue, appended);
    pthread_mutex_unlock(&lmdb->write_lock);
    pthread_cond_signal(&lmdb->write_wanted); /* here the writer does not wake up into our lock */
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
