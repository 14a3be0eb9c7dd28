#include "broker/core/inside.h"

static uint32_t place(const struct index *index, uint64_t key)
{
    key ^= key >> 31;
    key *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(key >> 32) & index->mask;
}

/* The slot that holds the key, or the free one where it would go. */
static uint32_t seek(const struct index *index, uint64_t key)
{
    uint32_t at = place(index, key);
    while (index->slots[at].value != 0 && index->slots[at].key != key)
        at = (at + 1) & index->mask;
    return at;
}

uint32_t broker_index_find(const struct index *index, uint64_t key)
{
    const struct index_slot *slot = &index->slots[seek(index, key)];
    return slot->value == 0 ? NONE : slot->value - 1;
}

void broker_index_add(struct index *index, uint64_t key, uint32_t value)
{
    struct index_slot *slot = &index->slots[seek(index, key)];
    ENSURE(slot->value == 0 && index->count <= index->mask / 2 && value != NONE);
    *slot = (struct index_slot){.key = key, .value = value + 1};
    index->count++;
}

void broker_index_remove(struct index *index, uint64_t key)
{
    uint32_t hole = seek(index, key);
    if (index->slots[hole].value == 0)
        return;
    index->count--;
    /* Close the hole: whatever follows and would be found earlier moves up. */
    for (uint32_t at = (hole + 1) & index->mask; index->slots[at].value != 0; at = (at + 1) & index->mask) {
        uint32_t home = place(index, index->slots[at].key);
        if (((at - home) & index->mask) >= ((at - hole) & index->mask)) {
            index->slots[hole] = index->slots[at];
            hole = at;
        }
    }
    index->slots[hole].value = 0;
}

void broker_ring_add(struct ring *ring, uint32_t value)
{
    ENSURE(ring->count < ring->size);
    ring->slots[(ring->head + ring->count++) % ring->size] = value;
}

uint32_t broker_ring_take(struct ring *ring)
{
    ENSURE(ring->count > 0);
    uint32_t value = ring->slots[ring->head];
    ring->head = (ring->head + 1) % ring->size;
    ring->count--;
    return value;
}
