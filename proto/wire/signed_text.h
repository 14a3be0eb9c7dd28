/* Writing the texts that are signed: a title, then fields of fixed size. */
#pragma once
#include "wire/bytes.h"

static inline uint8_t *wire_put_bytes(uint8_t *at, const void *data, size_t size)
{
    memcpy(at, data, size);
    return at + size;
}

/* The characters of the title, without a NUL. */
static inline uint8_t *wire_put_title(uint8_t *at, const char *title)
{
    return wire_put_bytes(at, title, strlen(title));
}
