#include "wire/arena.h"
#include "wire/ensure.h"
#include "wire/limits.h"
#include <string.h>

enum { ALIGN = 16, SPARE_BYTES_MIN = 512 };

static size_t aligned(size_t size)
{
    return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

/* Not zeroed: protobuf-c fills what it asks for. */
static void *take(struct wire_arena *arena, size_t size)
{
    size_t left = arena->size - arena->used;

    if (size > left || arena->base == NULL) {
        arena->exhausted = true;
        return NULL;
    }
    uint8_t *taken = arena->base + arena->used;
    arena->used = aligned(size) < left ? arena->used + aligned(size) : arena->size;
    return taken;
}

/* protobuf-c scans a message of more than 16 fields into a slab that it returns right after; without using that slab
 * again, a batch of 512 headers would spend 512 KiB on them. So the newest large block is kept for the next one of its
 * size. */
static void *arena_alloc(void *context, size_t size)
{
    struct wire_arena *arena = context;

    if (arena->spare_free && arena->spare_size == size) {
        arena->spare_free = false;
        return arena->spare;
    }
    void *taken = take(arena, size);
    if (taken != NULL && size >= SPARE_BYTES_MIN) {
        arena->spare = taken;
        arena->spare_size = size;
        arena->spare_free = false;
    }
    return taken;
}

static void arena_free(void *context, void *pointer)
{
    struct wire_arena *arena = context;

    if (pointer != NULL && pointer == arena->spare)
        arena->spare_free = true;
}

void wire_arena_over(struct wire_arena *arena, void *memory, size_t size)
{
    size_t skip = (ALIGN - (uintptr_t)memory % ALIGN) % ALIGN;

    ENSURE(memory != NULL || size == 0);
    *arena = (struct wire_arena){
        .base = skip < size ? (uint8_t *)memory + skip : memory,
        .size = skip < size ? size - skip : 0,
        .allocator = {.alloc = arena_alloc, .free = arena_free, .allocator_data = arena},
    };
}

void *wire_arena_room(struct wire_arena *arena, size_t size)
{
    return take(arena, size);
}

void *wire_arena_take(struct wire_arena *arena, size_t size)
{
    void *taken = take(arena, size);

    return taken == NULL ? NULL : memset(taken, 0, size);
}

void *wire_arena_copy(struct wire_arena *arena, const void *data, size_t size)
{
    void *taken = take(arena, size);

    return taken == NULL || size == 0 ? taken : memcpy(taken, data, size);
}

char *wire_arena_text(struct wire_arena *arena, const char *data, size_t size)
{
    char *taken = size == SIZE_MAX ? NULL : take(arena, size + 1);

    if (taken == NULL)
        return NULL;
    if (size > 0)
        memcpy(taken, data, size);
    taken[size] = '\0';
    return taken;
}

void wire_arena_reset(struct wire_arena *arena)
{
    wire_arena_back(arena, 0);
    arena->exhausted = false;
}

size_t wire_arena_mark(const struct wire_arena *arena)
{
    return arena->used;
}

void wire_arena_back(struct wire_arena *arena, size_t mark)
{
    ENSURE(mark <= arena->used);
    arena->used = mark;
    arena->spare = NULL;
    arena->spare_free = false;
}

size_t wire_arena_budget(size_t wire_size)
{
    ENSURE(wire_size <= (SIZE_MAX - WIRE_ARENA_BASE) / WIRE_ARENA_FACTOR);
    return wire_size * WIRE_ARENA_FACTOR + WIRE_ARENA_BASE;
}
