/* Hashing as function pointers, so that what is pure never links OpenSSL. certs supplies the real one (cert_hash());
 * tests may supply their own. Not thread-safe: one per thread. */
#pragma once
#include "wire/bytes.h"
#include "wire/limits.h"

struct wire_hash {
    void *context;
    /* SHA-256 of the concatenation of `count` pieces into out[32]. Never fails (an OpenSSL failure aborts). */
    void (*digest)(void *context, const struct wire_bytes *pieces, size_t count, uint8_t out[WIRE_HASH_BYTES]);
};
