/* Values that a hostile peer puts where a right one belongs: mostly the right one, else near it, at an edge, or raw. */
#pragma once
#include "input.h"
#include "wire/arena.h"

uint64_t strange_u64(struct fuzz_input *input, uint64_t right);
int64_t strange_ms(struct fuzz_input *input, int64_t right);
int64_t strange_positive_ms(struct fuzz_input *input, int64_t right); /* from 1 to INT64_MAX */
uint32_t strange_region(struct fuzz_input *input, uint32_t right);
/* The right bytes, or some of another size, or with one bit changed. In the arena. */
ProtobufCBinaryData strange_binary(struct fuzz_input *input, ProtobufCBinaryData right, struct wire_arena *arena);
/* The right text, or another: valid UTF-8, as the decoder demands. In the arena. */
char *strange_text(struct fuzz_input *input, const char *right, struct wire_arena *arena);

static inline ProtobufCBinaryData strange_of(const void *data, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)data};
}
