/* xoshiro256** by Blackman and Vigna (public domain), seeded with splitmix64: all chance there is in a run. */
#include "sim.h"

void sim_random_seed(struct sim_random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15ULL;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        random->s[i] = z ^ (z >> 31);
    }
}

static uint64_t turn(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t sim_random_next(struct sim_random *random)
{
    uint64_t *s = random->s, result = turn(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = turn(s[3], 45);
    return result;
}

void sim_random_bytes(struct sim *sim, void *out, size_t size)
{
    uint8_t *at = out;
    while (size > 0) {
        uint64_t word = sim_random_next(&sim->random);
        size_t some = size < sizeof word ? size : sizeof word;
        memcpy(at, &word, some);
        at += some;
        size -= some;
    }
}
