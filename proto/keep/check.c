#include "keep/check.h"
#include <string.h>

enum { WORD = 8, TURN = 29 };

static const uint64_t ODD =
    0x9E3779B97F4A7C15; /* 2^64 / the golden ratio: bits are spread upwards, the turn brings them down */

/* For a given word one to one in the sum, and for a given sum one to one in the word. */
static uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * ODD;
    return sum << TURN | sum >> (64 - TURN);
}

/* The length first: zeros at an end count. The words are the machine's: a store does not move between machines of
 * another order. */
static uint64_t add(uint64_t sum, struct wire_bytes bytes)
{
    uint64_t word;
    sum = mix(sum, bytes.size);
    for (; bytes.size >= WORD; bytes = wire_bytes(bytes.data + WORD, bytes.size - WORD)) {
        memcpy(&word, bytes.data, WORD);
        sum = mix(sum, word);
    }
    word = 0;
    if (bytes.size > 0)
        memcpy(&word, bytes.data, bytes.size);
    return mix(sum, word);
}

uint64_t keep_check(uint8_t table, struct wire_bytes key, struct wire_bytes value)
{
    return add(add(mix(0, table), key), value);
}
