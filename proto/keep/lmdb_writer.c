/* The writer thread: group commit. Everything that arrived while the last commit was being synced goes into the next,
 * up to WIRE_COMMIT_BYTES_MAX; so a slow disk makes larger commits, not a longer queue. */
#define _GNU_SOURCE
#include "keep/check.h"
#include "keep/lmdb.h"
#include "wire/ensure.h"
#include <stdio.h>
#include <sys/statvfs.h>
#include <time.h>

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

enum wire_status keep_lmdb_measure(struct keep_lmdb *lmdb, MDB_txn *txn, uint64_t *bytes)
{
    enum { FREE_DBI = 0, META_PAGES = 2 };
    MDB_stat stat;
    uint64_t pages = META_PAGES;
    for (size_t i = 0; i < lmdb->keep.table_count + 2; i++) {
        size_t tables = lmdb->keep.table_count;
        MDB_dbi dbi = i < tables ? lmdb->tables[i] : i == tables ? lmdb->marks : FREE_DBI;
        int error = mdb_stat(txn, dbi, &stat);
        if (error)
            return keep_lmdb_status(error);
        pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    }
    *bytes = pages * stat.ms_psize;
    return WIRE_OK;
}

void keep_lmdb_measure_disk(struct keep_lmdb *lmdb)
{
    struct statvfs disk;
    if (statvfs(lmdb->path, &disk) == 0)
        atomic_store(&lmdb->disk_free, (uint64_t)disk.f_bavail * disk.f_frsize);
}

/* --- one commit --- */

struct commit {
    struct keep_lmdb *lmdb;
    MDB_txn *txn;
    MDB_cursor *cursors[WIRE_TABLES_MAX];
    uint64_t rows, bytes, ticket;
};

static int cursor_of(struct commit *commit, uint8_t table, MDB_cursor **cursor)
{
    int error = 0;
    if (!commit->cursors[table])
        error = mdb_cursor_open(commit->txn, commit->lmdb->tables[table], &commit->cursors[table]);
    *cursor = commit->cursors[table];
    return error;
}

/* Learns the table's greatest key when the writer first meets the table. */
static int learn_last(struct keep_lmdb_last *last, MDB_cursor *cursor)
{
    if (last->known)
        return 0;
    MDB_val key, value;
    int error = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    if (error && error != MDB_NOTFOUND)
        return error;
    last->known = true;
    last->size = error ? 0 : key.mv_size;
    ENSURE(last->size <= sizeof last->key);
    if (last->size)
        memcpy(last->key, key.mv_data, last->size);
    return 0;
}

static int put(struct commit *commit, const struct keep_node *node)
{
    MDB_cursor *cursor;
    struct keep_lmdb_last *last = &commit->lmdb->last[node->table];
    int error = cursor_of(commit, node->table, &cursor);
    if (!error)
        error = learn_last(last, cursor);
    if (error)
        return error;
    struct wire_bytes key = keep_node_key(node), value = keep_node_value(node);
    bool rises = keep_compare(key, wire_bytes(last->key, last->size)) > 0;
    if (rises) {
        memcpy(last->key, key.data, key.size);
        last->size = key.size;
    }
    MDB_val k = {key.size, (void *)(uintptr_t)key.data}, v = {.mv_size = value.size + KEEP_CHECK_BYTES};
    error = mdb_cursor_put(cursor, &k, &v, MDB_RESERVE | (rises ? MDB_APPEND : 0U));
    if (error)
        return error;
    uint64_t check = keep_check(node->table, key, value);
    if (value.size > 0)
        memcpy(v.mv_data, value.data, value.size);
    memcpy((uint8_t *)v.mv_data + value.size, &check, sizeof check);
    return 0;
}

static int erase(struct commit *commit, const struct keep_node *node)
{
    MDB_cursor *cursor;
    int error = cursor_of(commit, node->table, &cursor);
    if (error)
        return error;
    struct wire_bytes key = keep_node_key(node);
    MDB_val k = {key.size, (void *)(uintptr_t)key.data}, v;
    error = mdb_cursor_get(cursor, &k, &v, MDB_SET);
    if (!error)
        error = mdb_cursor_del(cursor, 0);
    return error == MDB_NOTFOUND ? 0 : error;
}

static int write_group(struct commit *commit, struct keep_appended *group)
{
    for (struct keep_appended *at = group; at; at = at->queue_next) {
        struct keep_node *node = keep_appended_first(at);
        for (size_t i = 0; i < at->row_count; i++, node = keep_appended_after(node)) {
            int error = node->erase ? erase(commit, node) : put(commit, node);
            if (error)
                return error;
        }
        commit->rows += at->row_count;
        commit->bytes += at->bytes;
        commit->ticket = at->ticket;
    }
    return 0;
}

/* Ends the transaction in any case. */
static int commit_group(struct commit *commit, struct keep_appended *group)
{
    int error = mdb_txn_begin(commit->lmdb->env, NULL, 0, &commit->txn);
    if (error)
        return error;
    error = write_group(commit, group);
    for (size_t i = 0; i < WIRE_TABLES_MAX; i++)
        if (commit->cursors[i])
            mdb_cursor_close(commit->cursors[i]);
    uint64_t used = 0;
    if (!error && keep_lmdb_measure(commit->lmdb, commit->txn, &used) != WIRE_OK)
        error = MDB_CORRUPTED;
    if (error) {
        mdb_txn_abort(commit->txn);
        return error;
    }
    error = mdb_txn_commit(commit->txn);
    if (!error)
        atomic_store(&commit->lmdb->bytes_used, used);
    return error;
}

/* --- the thread --- */

static void fail(struct keep_lmdb *lmdb, int error)
{
    enum wire_status status = keep_lmdb_status(error);
    if (status == WIRE_NOT_FOUND)
        status = WIRE_DAMAGED;
    wire_failf(&lmdb->problem, status, lmdb->path,
               "提交失败：%s。之后不再接受写入；请检查磁盘后重新启动，启动时自动恢复到最后一次成功的提交",
               "a commit failed: %s. Nothing more is accepted; check the disk and start again: the store comes back "
               "as of the last commit that succeeded",
               mdb_strerror(error));
    atomic_store(&lmdb->failed, (int)status);
}

static void count(struct keep_lmdb *lmdb, const struct commit *commit, uint64_t us)
{
    struct keep_counts *counts = &lmdb->counts;
    counts->commits++;
    counts->rows += commit->rows;
    counts->bytes += commit->bytes;
    counts->commit_us_last = us;
    if (us > counts->commit_us_max)
        counts->commit_us_max = us;
}

static struct keep_appended *wait_for_group(struct keep_lmdb *lmdb)
{
    pthread_mutex_lock(&lmdb->write_lock);
    while ((!lmdb->queue.first || lmdb->write_held) && !lmdb->write_stop)
        pthread_cond_wait(&lmdb->write_wanted, &lmdb->write_lock);
    struct keep_appended *group = NULL;
    if (!lmdb->write_stop)
        group = keep_queue_cut(&lmdb->queue, WIRE_COMMIT_BYTES_MAX, KEEP_COMMIT_ROWS_MAX);
    pthread_mutex_unlock(&lmdb->write_lock);
    return group;
}

static void *run_writer(void *context)
{
    struct keep_lmdb *lmdb = context;
    struct keep_appended *group;
    while ((group = wait_for_group(lmdb)) != NULL) {
        struct commit commit = {.lmdb = lmdb};
        uint64_t from = now_us();
        int error = commit_group(&commit, group);
        uint64_t us = now_us() - from;
        keep_lmdb_measure_disk(lmdb);
        pthread_mutex_lock(&lmdb->write_lock);
        if (error)
            fail(lmdb, error);
        else
            count(lmdb, &commit, us);
        /* from here on the owner may free the group */
        if (!error)
            atomic_store(&lmdb->committed, commit.ticket);
        pthread_cond_broadcast(&lmdb->written);
        pthread_mutex_unlock(&lmdb->write_lock);
        keep_wake(&lmdb->keep);
        if (error)
            break;
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
    pthread_cond_signal(&lmdb->write_wanted);
    while (atomic_load(&lmdb->committed) < keep->pending.ticket && !atomic_load(&lmdb->failed))
        pthread_cond_wait(&lmdb->written, &lmdb->write_lock);
    lmdb->write_held = keep->holding > 0;
    pthread_mutex_unlock(&lmdb->write_lock);
    return (enum wire_status)atomic_load(&lmdb->failed);
}
