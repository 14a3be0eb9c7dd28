/* What a fuzzer's bytes mean: numbers, choices and texts, taken from the front. At the end there are only zeros, so
 * every input means something. */
#pragma once
#include "wire/bytes.h"

struct fuzz_input {
    const uint8_t *data;
    size_t size;
};

static inline struct fuzz_input fuzz_input(const uint8_t *data, size_t size)
{
    return (struct fuzz_input){.data = data, .size = size};
}

static inline uint8_t fuzz_u8(struct fuzz_input *input)
{
    if (input->size == 0)
        return 0;
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
