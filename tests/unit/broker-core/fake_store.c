#include "fake.h"
#include "wire/ensure.h"
#include <stdlib.h>

static int compare(uint32_t table, struct wire_bytes key, const struct fake_row *row)
{
    if (table != row->table)
        return table < row->table ? -1 : 1;
    size_t size = key.size < row->key_size ? key.size : row->key_size;
    int order = size == 0 ? 0 : memcmp(key.data, row->key, size);
    if (order != 0)
        return order;
    return key.size == row->key_size ? 0 : key.size < row->key_size ? -1 : 1;
}

/* The first row that is not below the key. */
static size_t place(const struct fake_store *store, uint32_t table, struct wire_bytes key)
{
    size_t low = 0, high = store->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare(table, key, &store->rows[middle]) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint8_t *copy(const uint8_t *data, size_t size)
{
    uint8_t *out = malloc(size + 1);
    ENSURE(out != NULL);
    if (size > 0)
        memcpy(out, data, size);
    return out;
}

static void grow(struct fake_store *store)
{
    if (store->count < store->capacity)
        return;
    store->capacity = store->capacity * 2 + 64;
    store->rows = realloc(store->rows, store->capacity * sizeof *store->rows);
    ENSURE(store->rows != NULL);
}

void fake_store_apply(struct fake_store *store, const struct wire_row *row)
{
    size_t at = place(store, row->table, row->key);
    bool there = at < store->count && compare(row->table, row->key, &store->rows[at]) == 0;
    ENSURE(row->key.size >= 1 && row->key.size <= WIRE_KEY_BYTES_MAX);
    if (there) {
        free(store->rows[at].value);
        if (!row->erase) {
            store->rows[at].value = copy(row->value.data, row->value.size);
            store->rows[at].value_size = row->value.size;
            return;
        }
        free(store->rows[at].key);
        store->count--;
        memmove(&store->rows[at], &store->rows[at + 1], (store->count - at) * sizeof *store->rows);
        return;
    }
    if (row->erase)
        return;
    grow(store);
    memmove(&store->rows[at + 1], &store->rows[at], (store->count - at) * sizeof *store->rows);
    store->count++;
    store->rows[at] = (struct fake_row){.table = row->table,
                                        .key = copy(row->key.data, row->key.size),
                                        .value = copy(row->value.data, row->value.size),
                                        .key_size = row->key.size,
                                        .value_size = row->value.size};
}

void fake_store_close(struct fake_store *store)
{
    for (size_t i = 0; i < store->count; i++) {
        free(store->rows[i].key);
        free(store->rows[i].value);
    }
    free(store->rows);
    *store = (struct fake_store){.rows = NULL};
}

void fake_store_copy(struct fake_store *to, const struct fake_store *from)
{
    fake_store_close(to);
    for (size_t i = 0; i < from->count; i++) {
        const struct fake_row *row = &from->rows[i];
        struct wire_row copied = {.table = row->table,
                                  .key = wire_bytes(row->key, row->key_size),
                                  .value = wire_bytes(row->value, row->value_size)};
        fake_store_apply(to, &copied);
    }
}

struct wire_bytes fake_get(const struct fake_store *store, uint32_t table, struct broker_key key)
{
    struct wire_bytes bytes = wire_bytes(key.data, key.size);
    size_t at = place(store, table, bytes);
    if (at == store->count || compare(table, bytes, &store->rows[at]) != 0)
        return wire_bytes(NULL, 0);
    return wire_bytes(store->rows[at].value, store->rows[at].value_size);
}

const struct fake_row *fake_scan(const struct fake_store *store, uint32_t table, struct wire_bytes from,
                                 struct wire_bytes prefix, const struct fake_row *after)
{
    size_t at = after == NULL ? place(store, table, from) : (size_t)(after - store->rows) + 1;
    if (at >= store->count || store->rows[at].table != table || store->rows[at].key_size < prefix.size ||
        (prefix.size > 0 && memcmp(store->rows[at].key, prefix.data, prefix.size) != 0))
        return NULL;
    return &store->rows[at];
}

size_t fake_count(const struct fake_store *store, uint32_t table)
{
    size_t count = 0;
    for (size_t i = 0; i < store->count; i++)
        count += store->rows[i].table == table;
    return count;
}
