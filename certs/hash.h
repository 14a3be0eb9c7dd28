/* SHA-256, HMAC and randomness from OpenSSL. The pure rooms hash through the struct wire_hash that this room fills. */
#pragma once
#include "wire/hash.h"

/* The hash of hot paths: no fetch, nothing allocated, any thread. */
struct wire_hash cert_hash_new(void);
void cert_hash_close(struct wire_hash *hash); /* idempotent */

/* HMAC-SHA-256 (RFC 2104) with such a hash: no fetch, no context. */
void cert_hmac_by(const struct wire_hash *hash, struct wire_bytes key, struct wire_bytes data,
                  uint8_t out[WIRE_HASH_BYTES]);

/* One-shot, with a fetch inside: for start-up and tools. All three abort if OpenSSL fails. */
void cert_sha256(const void *data, size_t size, uint8_t out[WIRE_HASH_BYTES]);
void cert_hmac(const void *key, size_t key_size, const void *data, size_t size, uint8_t out[WIRE_HASH_BYTES]);
/* From the operating system's CSPRNG by way of OpenSSL's. */
void cert_random(void *out, size_t size);
/* Compares secrets in constant time. */
bool cert_equal(const void *a, const void *b, size_t size);
/* Overwrites a secret so that the compiler cannot leave it out. */
void cert_wipe(void *secret, size_t size);
