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

/* Four sums side by side, for a multiplication takes longer than it takes to begin the next. The length first: zeros at
 * an end count. The words are the machine's: a store does not move between machines of another order. */
static uint64_t add(uint64_t sum, struct wire_bytes bytes)
{
    uint64_t lane[LANES] = {mix(sum, bytes.size), 1, 2, 3}, rest = 0;
    for (; bytes.size >= LANES * WORD; bytes = wire_bytes(bytes.data + LANES * WORD, bytes.size - LANES * WORD))
        for (int i = 0; i < LANES; i++)
            lane[i] = mix(lane[i], word_at(bytes.data + i * WORD));
    for (; bytes.size >= WORD; bytes = wire_bytes(bytes.data + WORD, bytes.size - WORD))
        lane[0] = mix(lane[0], word_at(bytes.data));
    if (bytes.size > 0)
        memcpy(&rest, bytes.data, bytes.size);
    return mix(mix(mix(mix(lane[0], rest), lane[1]), lane[2]), lane[3]);
}

uint64_t keep_check(uint8_t table, struct wire_bytes key, struct wire_bytes value)
{
    return add(add(mix(0, table), key), value);
}
