/* Rows into LMDB: one transaction for all that a half of the journal has, and once at the start for all that it has. */
#define _GNU_SOURCE
#include "keep/check.h"
#include "keep/lmdb.h"
#include "wire/ensure.h"
#include <sys/statvfs.h>

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

static int cursor_of(struct keep_lmdb_apply *apply, uint8_t table, MDB_cursor **cursor)
{
    int error = 0;
    if (!apply->cursors[table])
        error = mdb_cursor_open(apply->txn, apply->lmdb->tables[table], &apply->cursors[table]);
    *cursor = apply->cursors[table];
    return error;
}

/* Learns the table's greatest key when rows first come to the table. */
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

static int put(struct keep_lmdb_apply *apply, const struct wire_row *row)
{
    MDB_cursor *cursor;
    struct keep_lmdb_last *last = &apply->lmdb->last[row->table];
    int error = cursor_of(apply, row->table, &cursor);
    if (!error)
        error = learn_last(last, cursor);
    if (error)
        return error;
    bool rises = keep_compare(row->key, wire_bytes(last->key, last->size)) > 0;
    if (rises) {
        memcpy(last->key, row->key.data, row->key.size);
        last->size = row->key.size;
    }
    MDB_val k = {row->key.size, (void *)(uintptr_t)row->key.data}, v = {.mv_size = row->value.size + KEEP_CHECK_BYTES};
    error = mdb_cursor_put(cursor, &k, &v, MDB_RESERVE | (rises ? MDB_APPEND : 0U));
    if (error)
        return error;
    uint64_t check = keep_check(row->table, row->key, row->value);
    if (row->value.size > 0)
        memcpy(v.mv_data, row->value.data, row->value.size);
    memcpy((uint8_t *)v.mv_data + row->value.size, &check, sizeof check);
    return 0;
}

static int erase(struct keep_lmdb_apply *apply, const struct wire_row *row)
{
    MDB_cursor *cursor;
    int error = cursor_of(apply, row->table, &cursor);
    if (error)
        return error;
    MDB_val k = {row->key.size, (void *)(uintptr_t)row->key.data}, v;
    error = mdb_cursor_get(cursor, &k, &v, MDB_SET);
    if (!error)
        error = mdb_cursor_del(cursor, 0);
    return error == MDB_NOTFOUND ? 0 : error;
}

int keep_lmdb_apply_begin(struct keep_lmdb *lmdb, struct keep_lmdb_apply *apply)
{
    *apply = (struct keep_lmdb_apply){.lmdb = lmdb};
    return mdb_txn_begin(lmdb->env, NULL, 0, &apply->txn);
}

int keep_lmdb_apply_row(struct keep_lmdb_apply *apply, const struct wire_row *row)
{
    if (row->table >= apply->lmdb->keep.table_count)
        return MDB_CORRUPTED; /* the journal is of a later release */
    return row->erase ? erase(apply, row) : put(apply, row);
}

static int put_mark(struct keep_lmdb_apply *apply, uint64_t number)
{
    uint8_t mark[KEEP_JOURNAL_MARK_BYTES];
    wire_put_u64(mark, number);
    memcpy(mark + 8, apply->lmdb->journal.nonce, KEEP_JOURNAL_NONCE_BYTES);
    MDB_val key = {strlen(KEEP_JOURNAL_MARK), (void *)(uintptr_t)KEEP_JOURNAL_MARK}, value = {sizeof mark, mark};
    return mdb_put(apply->txn, apply->lmdb->marks, &key, &value, 0);
}

int keep_lmdb_apply_end(struct keep_lmdb_apply *apply, uint64_t number, int error)
{
    uint64_t used = 0;
    for (size_t i = 0; i < WIRE_TABLES_MAX; i++)
        if (apply->cursors[i])
            mdb_cursor_close(apply->cursors[i]);
    if (!error)
        error = put_mark(apply, number);
    if (!error && keep_lmdb_measure(apply->lmdb, apply->txn, &used) != WIRE_OK)
        error = MDB_CORRUPTED;
    if (error) {
        mdb_txn_abort(apply->txn);
        return error;
    }
    error = mdb_txn_commit(apply->txn);
    if (error)
        return error;
    atomic_store(&apply->lmdb->bytes_used, used);
    return 0;
}
