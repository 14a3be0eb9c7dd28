#include "certs/table.h"
#include "wire/ensure.h"
#include <stdlib.h>

/* splitmix64's finalizer: regions are small numbers and would cluster. */
static size_t spread(uint64_t hash)
{
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
    return (size_t)(hash ^ (hash >> 31));
}

static void put(struct cert_table *table, uint64_t hash, uint32_t stored)
{
    size_t at = spread(hash) & (table->capacity - 1);
    while (table->slot[at].value != 0)
        at = (at + 1) & (table->capacity - 1);
    table->slot[at] = (struct cert_slot){.hash = hash, .value = stored};
    table->used++;
}

static void grow(struct cert_table *table)
{
    struct cert_table wider = {.capacity = table->capacity == 0 ? 64 : table->capacity * 2};
    wider.slot = calloc(wider.capacity, sizeof *wider.slot);
    ENSURE(wider.slot != NULL);
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slot[i].value != 0)
            put(&wider, table->slot[i].hash, table->slot[i].value);
    free(table->slot);
    *table = wider;
}

void cert_table_put(struct cert_table *table, uint64_t hash, uint32_t value)
{
    ENSURE(value < CERT_TABLE_NONE);
    if ((table->used + 1) * 2 > table->capacity)
        grow(table);
    put(table, hash, value + 1);
}

uint32_t cert_table_next(const struct cert_table *table, uint64_t hash, size_t *cursor)
{
    if (table->capacity == 0)
        return CERT_TABLE_NONE;
    for (; *cursor < table->capacity; ++*cursor) {
        const struct cert_slot *slot = &table->slot[(spread(hash) + *cursor) & (table->capacity - 1)];
        if (slot->value == 0)
            break;
        if (slot->hash == hash) {
            ++*cursor;
            return slot->value - 1;
        }
    }
    return CERT_TABLE_NONE;
}

void cert_table_close(struct cert_table *table)
{
    free(table->slot);
    *table = (struct cert_table){.slot = NULL};
}
