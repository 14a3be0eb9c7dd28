#include "keep/rows.h"
#include <stdlib.h>

enum { CHUNK_BYTES = 64 * 1024, ROW_OVERHEAD = sizeof(struct wire_row) };

struct keep_chunk {
    struct keep_chunk *next;
    size_t size, used;
    uint8_t data[];
};

struct keep_rows *keep_rows_new(void)
{
    return calloc(1, sizeof(struct keep_rows));
}

void keep_rows_free(struct keep_rows *rows)
{
    if (!rows)
        return;
    while (rows->chunks) {
        struct keep_chunk *next = rows->chunks->next;
        free(rows->chunks);
        rows->chunks = next;
    }
    free(rows->rows);
    free(rows);
}

static uint8_t *take(struct keep_rows *rows, size_t size)
{
    struct keep_chunk *chunk = rows->chunks;
    if (!chunk || chunk->size - chunk->used < size) {
        size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;
        chunk = malloc(sizeof *chunk + room);
        if (!chunk)
            return NULL;
        *chunk = (struct keep_chunk){.next = rows->chunks, .size = room};
        rows->chunks = chunk;
    }
    uint8_t *at = chunk->data + chunk->used;
    chunk->used += size;
    return at;
}

static bool grow(struct keep_rows *rows)
{
    if (rows->count < rows->capacity)
        return true;
    size_t capacity = rows->capacity ? 2 * rows->capacity : 64;
    struct wire_row *larger = realloc(rows->rows, capacity * sizeof *larger);
    if (!larger)
        return false;
    rows->rows = larger;
    rows->capacity = capacity;
    return true;
}

enum wire_status keep_rows_add(struct keep_rows *rows, uint8_t table, struct wire_bytes key, struct wire_bytes value)
{
    size_t size = key.size + value.size;
    if (rows->count > 0 && rows->bytes + size + ROW_OVERHEAD > KEEP_FETCH_BYTES_MAX)
        return WIRE_TOO_SMALL;
    uint8_t *at = grow(rows) ? take(rows, size) : NULL;
    if (!at)
        return WIRE_NO_MEMORY;
    if (key.size)
        memcpy(at, key.data, key.size);
    if (value.size)
        memcpy(at + key.size, value.data, value.size);
    rows->rows[rows->count++] = (struct wire_row){
        .table = table, .key = wire_bytes(at, key.size), .value = wire_bytes(at + key.size, value.size)};
    rows->bytes += size + ROW_OVERHEAD;
    return WIRE_OK;
}

size_t keep_rows_count(const struct keep_rows *rows)
{
    return rows->count;
}

size_t keep_rows_bytes(const struct keep_rows *rows)
{
    return rows->bytes;
}

void keep_rows_set_more(struct keep_rows *rows, bool more)
{
    rows->more = more;
}
