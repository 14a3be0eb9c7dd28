#include "fast_hash.h"
#include "wire/bytes.h"
#include <string.h>

/* A fuzzer is not told where this has been: it would learn nothing, and pay for every byte. */
#ifdef __clang__
#define UNSEEN __attribute__((no_sanitize("coverage")))
#else
#define UNSEEN
#endif

UNSEEN static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

UNSEEN static uint64_t absorb(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9fb21c651e98df25);
    return h ^ (h >> 29);
}

struct sum {
    uint64_t h, word, size; /* word: the last size % 8 bytes, which wait for more */
};

UNSEEN static void add(struct sum *sum, struct wire_bytes piece)
{
    const uint8_t *at = piece.data;
    size_t left = piece.size;
    unsigned waiting = (unsigned)(sum->size % 8) * 8;
    for (uint64_t next; left >= 8; left -= 8, at += 8) {
        memcpy(&next, at, 8);
        sum->h = absorb(sum->h, sum->word | next << waiting);
        sum->word = waiting == 0 ? 0 : next >> (64 - waiting);
    }
    for (; left > 0; left--, at++) {
        sum->word |= (uint64_t)*at << waiting;
        waiting = (waiting + 8) % 64;
        if (waiting != 0)
            continue;
        sum->h = absorb(sum->h, sum->word);
        sum->word = 0;
    }
    sum->size += piece.size;
}

/* The same bytes in other pieces have the same hash. */
UNSEEN static void digest(void *context, const struct wire_bytes *pieces, size_t count, uint8_t out[WIRE_HASH_BYTES])
{
    struct sum sum = {.h = UINT64_C(0x9e3779b97f4a7c15)};
    (void)context;
    for (size_t i = 0; i < count; i++)
        add(&sum, pieces[i]);
    uint64_t h = absorb(sum.h, sum.word) + sum.size;
    for (uint64_t k = 0; k < 4; k++)
        wire_put_u64(out + 8 * k, mix(h + k * UINT64_C(0x9e3779b97f4a7c15)));
}

const struct wire_hash *test_fast_hash(void)
{
    static const struct wire_hash hash = {.context = NULL, .digest = digest};
    return &hash;
}
