#include "keep/check.h"
#include <string.h>

enum { WORD = 8, LANES = 4, TURN = 29 };

static const uint64_t ODD =
    0x9E3779B97F4A7C15; /* 2^64 / the golden ratio: bits are spread upwards, the turn brings them down */

/* For a given word one to one in the sum, and for a given sum one to one in the word. */
static uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * ODD;
    return sum << TURN | sum >> (64 - TURN);
}

static uint64_t word_at(const uint8_t *data)
{
    uint64_t word;
    memcpy(&word, data, WORD);
    return word;
}

/* Four sums side by side, for a multiplication takes longer than it takes to begin the next; each is written out, for
 * a compiler keeps an array of them in memory, which takes three times as long. The length first: zeros at an end
 * count. The words are the machine's: a store does not move between machines of another order. */
static uint64_t add(uint64_t sum, struct wire_bytes bytes)
{
    uint64_t first = mix(sum, bytes.size), second = 1, third = 2, fourth = 3, rest = 0;
    const uint8_t *at = bytes.data;
    size_t left = bytes.size;
    for (; left >= LANES * WORD; at += LANES * WORD, left -= LANES * WORD) {
        first = mix(first, word_at(at));
        second = mix(second, word_at(at + WORD));
        third = mix(third, word_at(at + 2 * WORD));
        fourth = mix(fourth, word_at(at + 3 * WORD));
    }
    for (; left >= WORD; at += WORD, left -= WORD)
        first = mix(first, word_at(at));
    if (left > 0)
        memcpy(&rest, at, left);
    return mix(mix(mix(mix(first, rest), second), third), fourth);
}

uint64_t keep_check(uint8_t table, struct wire_bytes key, struct wire_bytes value)
{
    return add(add(mix(0, table), key), value);
}
