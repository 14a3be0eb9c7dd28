/* Bytes are hashed without OpenSSL's layer of providers (its functions from before 3.0, deprecated since): what is
 * hashed is mostly as short as a node of a tree, and the layer takes a quarter of that. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "certs/hash.h"
#include "wire/ensure.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

static void hash_digest(void *context, const struct wire_bytes *pieces, size_t count, uint8_t out[WIRE_HASH_BYTES])
{
    SHA256_CTX sha;
    (void)context;
    SHA256_Init(&sha);
    for (size_t i = 0; i < count; i++)
        if (pieces[i].size > 0)
            SHA256_Update(&sha, pieces[i].data, pieces[i].size);
    SHA256_Final(out, &sha);
}

struct wire_hash cert_hash_new(void)
{
    return (struct wire_hash){.digest = hash_digest};
}

void cert_hash_close(struct wire_hash *hash)
{
    *hash = (struct wire_hash){.context = NULL};
}

void cert_hmac_by(const struct wire_hash *hash, struct wire_bytes key, struct wire_bytes data,
                  uint8_t out[WIRE_HASH_BYTES])
{
    enum { BLOCK_BYTES = 64, INNER = 0x36, OUTER = 0x5C };
    uint8_t pad[BLOCK_BYTES] = {0}, inner[WIRE_HASH_BYTES];
    if (key.size > sizeof pad)
        hash->digest(hash->context, &key, 1, pad);
    else if (key.size > 0)
        memcpy(pad, key.data, key.size);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= INNER;
    hash->digest(hash->context, (struct wire_bytes[]){wire_bytes(pad, sizeof pad), data}, 2, inner);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= INNER ^ OUTER;
    hash->digest(hash->context, (struct wire_bytes[]){wire_bytes(pad, sizeof pad), wire_bytes(inner, sizeof inner)}, 2,
                 out);
    OPENSSL_cleanse(pad, sizeof pad);
    OPENSSL_cleanse(inner, sizeof inner);
}

void cert_sha256(const void *data, size_t size, uint8_t out[WIRE_HASH_BYTES])
{
    ENSURE(EVP_Q_digest(NULL, "SHA256", NULL, data, size, out, NULL) == 1);
}

void cert_hmac(const void *key, size_t key_size, const void *data, size_t size, uint8_t out[WIRE_HASH_BYTES])
{
    static const unsigned char none[1] = {0}; /* EVP_Q_mac takes no NULL key */
    size_t written = 0;
    ENSURE(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key_size > 0 ? key : none, key_size, data, size, out,
                     WIRE_HASH_BYTES, &written) != NULL);
    ENSURE(written == WIRE_HASH_BYTES);
}

void cert_random(void *out, size_t size)
{
    unsigned char *at = out;
    while (size > 0) {
        int piece = size > 1 << 20 ? 1 << 20 : (int)size;
        ENSURE(RAND_bytes(at, piece) == 1);
        at += piece;
        size -= (size_t)piece;
    }
}

bool cert_equal(const void *a, const void *b, size_t size)
{
    return CRYPTO_memcmp(a, b, size) == 0;
}

void cert_wipe(void *secret, size_t size)
{
    OPENSSL_cleanse(secret, size);
}
