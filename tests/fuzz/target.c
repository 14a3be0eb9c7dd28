#define _GNU_SOURCE
#include "target.h"
#include "wire/codec.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

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

/* Options of AddressSanitizer: short traces of allocations, and a quarantine that stays in the caches of the processor.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "malloc_context_size=1:quarantine_size_mb=4";
}

void *fuzz_zeroed(unsigned slot, size_t size, size_t front)
{
    enum { PAGE = 4096 };
    static struct {
        uint8_t *memory;
        size_t size;
    } kept[FUZZ_ARENAS];
    ENSURE(slot < FUZZ_ARENAS && front <= size);
    if (kept[slot].memory == NULL) {
        kept[slot].memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        kept[slot].size = size;
        ENSURE(kept[slot].memory != MAP_FAILED);
        return kept[slot].memory;
    }
    ENSURE(kept[slot].size == size);
    front = (front + PAGE - 1) / PAGE * PAGE;
    front = front < size ? front : size;
    memset(kept[slot].memory, 0, front);
    if (front < size)
        ENSURE(madvise(kept[slot].memory + front, size - front, MADV_DONTNEED) == 0);
    return kept[slot].memory;
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
