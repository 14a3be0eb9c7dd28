#include "keep/check.h"
#include "keep/lmdb.h"
#include "wire/ensure.h"
#include <errno.h>

enum wire_status keep_lmdb_status(int error)
{
    switch (error) {
    case MDB_SUCCESS:
        return WIRE_OK;
    case MDB_NOTFOUND:
        return WIRE_NOT_FOUND;
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
        return WIRE_DISK_FULL;
    case MDB_PAGE_NOTFOUND:
    case MDB_CORRUPTED:
    case MDB_PANIC:
    case MDB_INVALID:
        return WIRE_DAMAGED;
    case MDB_VERSION_MISMATCH:
        return WIRE_NEWER_STORE;
    case ENOMEM:
        return WIRE_NO_MEMORY;
    default:
        return WIRE_IO;
    }
}

static MDB_val to_val(struct wire_bytes bytes)
{
    return (MDB_val){.mv_size = bytes.size, .mv_data = (void *)(uintptr_t)bytes.data};
}

static struct wire_bytes from_val(MDB_val val)
{
    return wire_bytes(val.mv_data, val.mv_size);
}

/* The value without its check. */
static enum wire_status checked(uint8_t table, struct wire_bytes key, MDB_val val, struct wire_bytes *value)
{
    uint64_t check;
    if (val.mv_size < sizeof check)
        return WIRE_DAMAGED;
    *value = wire_bytes(val.mv_data, val.mv_size - sizeof check);
    memcpy(&check, value->data + value->size, sizeof check);
    return check == keep_check(table, key, *value) ? WIRE_OK : WIRE_DAMAGED;
}

static enum wire_status get(struct keep_reader *head, uint8_t table, struct wire_bytes key, struct wire_bytes *value)
{
    struct keep_lmdb_reader *reader = (struct keep_lmdb_reader *)head;
    MDB_val k = to_val(key), v;
    int error = mdb_get(reader->txn, reader->lmdb->tables[table], &k, &v);
    return error ? keep_lmdb_status(error) : checked(table, key, v, value);
}

static enum wire_status place_at(struct keep_place *place, MDB_val *key, MDB_cursor_op op)
{
    MDB_val k = key ? *key : (MDB_val){0}, v = {0};
    int error = mdb_cursor_get(place->at, &k, &v, op);
    place->key = place->value = wire_bytes(NULL, 0);
    if (error)
        return error == MDB_NOTFOUND ? WIRE_OK : keep_lmdb_status(error);
    place->key = from_val(k);
    enum wire_status status = checked(place->table, place->key, v, &place->value);
    if (status != WIRE_OK)
        place->key = place->value = wire_bytes(NULL, 0);
    return status;
}

static enum wire_status place_open(struct keep_lmdb_reader *reader, uint8_t table, struct keep_place *place)
{
    if (place->at)
        return WIRE_OK;
    MDB_cursor *cursor;
    int error = mdb_cursor_open(reader->txn, reader->lmdb->tables[table], &cursor);
    if (error == 0)
        place->at = cursor;
    place->table = table;
    return keep_lmdb_status(error);
}

static enum wire_status seek(struct keep_reader *head, uint8_t table, struct wire_bytes key, struct keep_place *place)
{
    enum wire_status status = place_open((struct keep_lmdb_reader *)head, table, place);
    if (status != WIRE_OK)
        return status;
    MDB_val k = to_val(key);
    return key.size ? place_at(place, &k, MDB_SET_RANGE) : place_at(place, NULL, MDB_FIRST);
}

static enum wire_status next(struct keep_reader *head, struct keep_place *place)
{
    (void)head;
    return place_at(place, NULL, MDB_NEXT);
}

static enum wire_status before(struct keep_reader *head, uint8_t table, struct wire_bytes bound,
                               struct keep_place *place)
{
    enum wire_status status = place_open((struct keep_lmdb_reader *)head, table, place);
    if (status != WIRE_OK || bound.size == 0)
        return status != WIRE_OK ? status : place_at(place, NULL, MDB_LAST);
    MDB_val k = to_val(bound);
    status = place_at(place, &k, MDB_SET_RANGE);
    if (status != WIRE_OK)
        return status;
    return place_at(place, NULL, place->key.data ? MDB_PREV : MDB_LAST);
}

static void close_place(struct keep_reader *head, struct keep_place *place)
{
    (void)head;
    if (place->at)
        mdb_cursor_close(place->at);
    place->at = NULL;
}

static const struct keep_reader_ops OPS = {get, seek, next, before, close_place};

enum wire_status keep_lmdb_reader_open(struct keep_lmdb *lmdb, struct keep_lmdb_reader *reader)
{
    *reader = (struct keep_lmdb_reader){.head = {&OPS, lmdb->keep.table_count}, .lmdb = lmdb};
    int error = mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &reader->txn);
    if (error)
        return keep_lmdb_status(error);
    mdb_txn_reset(reader->txn);
    return WIRE_OK;
}

void keep_lmdb_reader_close(struct keep_lmdb_reader *reader)
{
    if (reader->txn)
        mdb_txn_abort(reader->txn);
    reader->txn = NULL;
}

enum wire_status keep_lmdb_reader_begin(struct keep_lmdb_reader *reader)
{
    return keep_lmdb_status(mdb_txn_renew(reader->txn));
}

void keep_lmdb_reader_end(struct keep_lmdb_reader *reader)
{
    mdb_txn_reset(reader->txn);
}
