/* P-256 signatures by a key that is met often. A verification is two products: a multiple of the curve's generator,
 * for which OpenSSL has a table of multiples, and a multiple of the signer's key, for which it has none and which takes
 * most of the time. Here such a table is made for the key, by the same code of OpenSSL's: 64 µs become 31. It takes
 * about 20 ms to make and 150 KB to keep.
 *
 * The answers are those of EVP_PKEY_verify, to the bit: FIPS 186-4 6.4, a signature in DER and nothing behind it. Only
 * what is public goes through here, so nothing needs to take the same time for every value. */
#pragma once
#include "wire/hash.h"

#include <openssl/evp.h>
#include <stdbool.h>

struct cert_multiples;

enum { CERT_POINT_BYTES = 65 /* uncompressed */ };

/* false: no P-256 key. */
bool cert_multiples_point(const EVP_PKEY *key, uint8_t point[CERT_POINT_BYTES]);
/* NULL: there can be no table (the library has none for this curve, no memory, no point). Touches nothing shared: may
 * run on any thread. */
struct cert_multiples *cert_multiples_new(const uint8_t point[CERT_POINT_BYTES]);
void cert_multiples_free(struct cert_multiples **multiples);
/* One thread at a time. */
bool cert_multiples_verify(struct cert_multiples *multiples, const uint8_t digest[WIRE_HASH_BYTES],
                           struct wire_bytes signature);
