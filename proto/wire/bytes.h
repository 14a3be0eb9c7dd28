/* Borrowed bytes. Valid for the call unless the function says otherwise; never freed through this. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wire_bytes {
    const uint8_t *data;
    size_t size;
};

static inline struct wire_bytes wire_bytes(const void *data, size_t size)
{
    return (struct wire_bytes){.data = data, .size = size};
}

static inline bool wire_bytes_equal(struct wire_bytes a, struct wire_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Big-endian numbers in keys and signed texts: byte order is number order. */
static inline uint8_t *wire_put_u16(uint8_t *at, uint16_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
    return at + 2;
}

static inline uint8_t *wire_put_u32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (24 - 8 * i));
    return at + 4;
}

static inline uint8_t *wire_put_u64(uint8_t *at, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(v >> (56 - 8 * i));
    return at + 8;
}

static inline uint16_t wire_get_u16(const uint8_t *at)
{
    return (uint16_t)((at[0] << 8) | at[1]);
}

static inline uint32_t wire_get_u32(const uint8_t *at)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v = (v << 8) | at[i];
    return v;
}

static inline uint64_t wire_get_u64(const uint8_t *at)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = (v << 8) | at[i];
    return v;
}
