#include "target.h"
#include "wire/codec.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FUZZ_POISON
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FUZZ_POISON
#endif
#ifdef FUZZ_POISON
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size)   ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

enum { FENCE = 256 };

void fuzz_arena(unsigned slot, size_t size, struct wire_arena *arena)
{
    static struct {
        uint8_t *memory;
        size_t capacity, fence;
    } kept[FUZZ_ARENAS];
    ENSURE(slot < FUZZ_ARENAS);
    if (kept[slot].capacity < size) {
        free(kept[slot].memory);
        kept[slot].capacity = 2 * size;
        kept[slot].memory = malloc(kept[slot].capacity + FENCE);
        kept[slot].fence = 0;
        ENSURE(kept[slot].memory != NULL);
    }
    ASAN_UNPOISON_MEMORY_REGION(kept[slot].memory + kept[slot].fence, FENCE);
    kept[slot].fence = (size + 7) & ~(size_t)7;
    ASAN_POISON_MEMORY_REGION(kept[slot].memory + kept[slot].fence, FENCE);
    wire_arena_over(arena, kept[slot].memory, size);
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static void digest(void *context, const struct wire_bytes *pieces, size_t count, uint8_t out[WIRE_HASH_BYTES])
{
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15), size = 0;
    (void)context;
    for (size_t i = 0; i < count; size += pieces[i].size, i++)
        for (size_t j = 0; j < pieces[i].size; j++)
            h = (h ^ pieces[i].data[j]) * UINT64_C(0x100000001b3) + (h >> 47);
    for (uint64_t k = 0; k < 4; k++)
        wire_put_u64(out + 8 * k, mix(h + k * size + k));
}

const struct wire_hash *fuzz_hash(void)
{
    static const struct wire_hash hash = {.context = NULL, .digest = digest};
    return &hash;
}

static uint64_t counted;

static void tell(void)
{
    fprintf(stderr, "%" PRIu64 " steps\n", counted);
}

void fuzz_count(uint64_t steps)
{
    if (counted == 0)
        ENSURE(atexit(tell) == 0);
    counted += steps;
}

struct wire_bytes fuzz_same_again(const ProtobufCMessage *message, struct wire_arena *arena)
{
    enum wire_status status;
    struct wire_bytes first = wire_encode(message, arena);
    ENSURE(first.data != NULL);
    const ProtobufCMessage *read = wire_decode(message->descriptor, first, WIRE_STRICT_NONE, arena, &status);
    ENSURE(read != NULL);
    struct wire_bytes second = wire_encode(read, arena);
    ENSURE(wire_bytes_equal(first, second));
    return first;
}
