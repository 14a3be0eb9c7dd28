#include "rows.h"
#include "wire/ensure.h"

static struct wire_bytes copy_bytes(struct wire_bytes from)
{
    uint8_t *data = malloc(from.size + 1);
    ENSURE(data != NULL);
    if (from.size > 0)
        memcpy(data, from.data, from.size);
    return wire_bytes(data, from.size);
}

static void free_bytes(struct wire_bytes bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

static int compare(const struct rows_entry *entry, uint8_t table, struct wire_bytes key)
{
    if (entry->table != table)
        return entry->table < table ? -1 : 1;
    size_t size = entry->key.size < key.size ? entry->key.size : key.size;
    int order = size == 0 ? 0 : memcmp(entry->key.data, key.data, size);
    if (order != 0)
        return order;
    return entry->key.size < key.size ? -1 : entry->key.size > key.size;
}

size_t rows_seek(const struct rows *rows, uint8_t table, struct wire_bytes key)
{
    size_t low = 0, high = rows->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare(&rows->entry[middle], table, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* By way of `aside`: AddressSanitizer's memmove goes byte by byte, its memcpy does not. */
static void move(struct rows *rows, size_t to, size_t from)
{
    size_t size = (rows->count - from) * sizeof *rows->entry;
    if (size == 0)
        return;
    memcpy(rows->aside, &rows->entry[from], size);
    memcpy(&rows->entry[to], rows->aside, size);
}

static void insert(struct rows *rows, size_t at, const struct wire_row *row)
{
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity == 0 ? 64 : 2 * rows->capacity;
        rows->entry = realloc(rows->entry, rows->capacity * sizeof *rows->entry);
        rows->aside = realloc(rows->aside, rows->capacity * sizeof *rows->aside);
        ENSURE(rows->entry != NULL && rows->aside != NULL);
    }
    move(rows, at + 1, at);
    rows->count++;
    rows->entry[at] =
        (struct rows_entry){.table = row->table, .key = copy_bytes(row->key), .value = copy_bytes(row->value)};
}

static void erase(struct rows *rows, size_t at)
{
    free_bytes(rows->entry[at].key);
    free_bytes(rows->entry[at].value);
    move(rows, at, at + 1);
    rows->count--;
}

void rows_put(struct rows *rows, const struct wire_row *row)
{
    size_t at = rows_seek(rows, row->table, row->key);
    bool there = at < rows->count && compare(&rows->entry[at], row->table, row->key) == 0;
    if (there && !row->erase) {
        struct wire_bytes value = copy_bytes(row->value);
        free_bytes(rows->entry[at].value);
        rows->entry[at].value = value;
    } else if (there) {
        erase(rows, at);
    } else if (!row->erase) {
        insert(rows, at, row);
    }
}

struct wire_bytes rows_get(const struct rows *rows, uint8_t table, struct wire_bytes key)
{
    size_t at = rows_seek(rows, table, key);
    if (at == rows->count || compare(&rows->entry[at], table, key) != 0)
        return wire_bytes(NULL, 0);
    return rows->entry[at].value;
}

size_t rows_count(const struct rows *rows, uint8_t table)
{
    size_t count = 0;
    for (size_t i = 0; i < rows->count; i++)
        count += rows->entry[i].table == table;
    return count;
}

void rows_clear(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        free_bytes(rows->entry[i].key);
        free_bytes(rows->entry[i].value);
    }
    free(rows->entry);
    free(rows->aside);
    *rows = (struct rows){0};
}

void rows_copy(struct rows *to, const struct rows *from)
{
    rows_clear(to);
    for (size_t i = 0; i < from->count; i++) {
        const struct rows_entry *entry = &from->entry[i];
        insert(to, i, &(struct wire_row){.table = entry->table, .key = entry->key, .value = entry->value});
    }
}

struct wire_row *rows_clone(const struct wire_row *from, size_t count)
{
    struct wire_row *rows = malloc((count + 1) * sizeof *rows);
    ENSURE(rows != NULL);
    for (size_t i = 0; i < count; i++) {
        rows[i] = from[i];
        rows[i].key = copy_bytes(from[i].key);
        rows[i].value = copy_bytes(from[i].value);
    }
    return rows;
}

void rows_free_clone(struct wire_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free_bytes(rows[i].key);
        free_bytes(rows[i].value);
    }
    free(rows);
}
