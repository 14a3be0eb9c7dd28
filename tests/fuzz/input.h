/* What a fuzzer's bytes mean: numbers, choices and texts, taken from the front. At the end there are only zeros, so
 * every input means something; or, if the input asks for it, bytes drawn from a seed of its own (fuzz_input_long):
 * where a few moves led is then gone on from for many more, and an engine that knows nothing of states still sees deep
 * ones. */
#pragma once
#include "wire/bytes.h"

struct fuzz_input {
    const uint8_t *data;
    size_t size;
    uint32_t drawn_left; /* bytes to draw when the data is used up */
    uint64_t seed;
};

static inline struct fuzz_input fuzz_input(const uint8_t *data, size_t size)
{
    return (struct fuzz_input){.data = data, .size = size};
}

/* Of inputs whose last byte is FUZZ_LONG the seven before it are no data: how many bytes follow drawn, times four, in
 * two bytes, and their seed in five. */
enum { FUZZ_LONG = 0xa7, FUZZ_LONG_BYTES = 8 };

static inline struct fuzz_input fuzz_input_long(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    if (size < FUZZ_LONG_BYTES || data[size - 1] != FUZZ_LONG)
        return input;
    const uint8_t *tail = data + size - FUZZ_LONG_BYTES;
    input.size -= FUZZ_LONG_BYTES;
    input.drawn_left = 4u * (uint32_t)(tail[0] << 8 | tail[1]);
    for (int i = 2; i < 7; i++)
        input.seed = input.seed << 8 | tail[i];
    return input;
}

static inline bool fuzz_more(const struct fuzz_input *input)
{
    return input->size > 0 || input->drawn_left > 0;
}

/* SplitMix64, a byte a draw. */
static inline uint8_t fuzz_drawn(struct fuzz_input *input)
{
    if (input->drawn_left == 0)
        return 0;
    input->drawn_left--;
    uint64_t x = input->seed += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint8_t)(x >> 56);
}

static inline uint8_t fuzz_u8(struct fuzz_input *input)
{
    if (input->size == 0)
        return fuzz_drawn(input);
    input->size--;
    return *input->data++;
}

static inline uint16_t fuzz_u16(struct fuzz_input *input)
{
    uint16_t high = fuzz_u8(input);
    return (uint16_t)(high << 8 | fuzz_u8(input));
}

static inline uint32_t fuzz_u32(struct fuzz_input *input)
{
    uint32_t high = fuzz_u16(input);
    return high << 16 | fuzz_u16(input);
}

static inline uint64_t fuzz_u64(struct fuzz_input *input)
{
    uint64_t high = fuzz_u32(input);
    return high << 32 | fuzz_u32(input);
}

static inline uint32_t fuzz_below(struct fuzz_input *input, uint32_t below)
{
    return fuzz_u8(input) % below;
}

/* One in `of`; never at the end of the input. */
static inline bool fuzz_one_in(struct fuzz_input *input, uint32_t of)
{
    return fuzz_u8(input) % of == of - 1;
}

/* Borrowed; at most what is left. */
static inline struct wire_bytes fuzz_take(struct fuzz_input *input, size_t size)
{
    size = size < input->size ? size : input->size;
    struct wire_bytes taken = wire_bytes(input->data, size);
    input->data += size;
    input->size -= size;
    return taken;
}

/* A length of two bytes and as much. */
static inline struct wire_bytes fuzz_piece(struct fuzz_input *input)
{
    size_t size = fuzz_u16(input);
    return fuzz_take(input, size);
}

static inline struct wire_bytes fuzz_rest(struct fuzz_input *input)
{
    return fuzz_take(input, input->size);
}
