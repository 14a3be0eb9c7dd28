#include "node/api/import.h"

/* The digests are SHA-256: their first bytes are as good a hash as any. */
static size_t place(const struct import_index *index, const uint8_t digest[32])
{
    size_t at = (size_t)wire_get_u64(digest) & (index->capacity - 1);
    while (index->slot[at].value != 0 && memcmp(index->slot[at].digest, digest, 32) != 0)
        at = (at + 1) & (index->capacity - 1);
    return at;
}

static void grow(struct import_index *index)
{
    struct import_index larger = {.capacity = index->capacity == 0 ? 256 : 2 * index->capacity, .count = index->count};
    larger.slot = calloc(larger.capacity, sizeof *larger.slot);
    ENSURE(larger.slot != NULL);
    for (size_t i = 0; i < index->capacity; i++)
        if (index->slot[i].value != 0)
            larger.slot[place(&larger, index->slot[i].digest)] = index->slot[i];
    free(index->slot);
    *index = larger;
}

uint32_t import_index_put(struct import_index *index, const uint8_t digest[32], uint32_t value)
{
    if (2 * index->count >= index->capacity)
        grow(index);
    size_t at = place(index, digest);
    if (index->slot[at].value != 0)
        return index->slot[at].value;
    memcpy(index->slot[at].digest, digest, 32);
    index->slot[at].value = value;
    index->count++;
    return 0;
}

void import_index_close(struct import_index *index)
{
    free(index->slot);
    *index = (struct import_index){0};
}
