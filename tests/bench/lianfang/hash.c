/* SHA-256 without the layer of providers, which is a fifth of the time for what is as short as a node of a tree. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "lianfang/world.h"

#include <openssl/sha.h>

static void digest(void *context, const struct wire_bytes *pieces, size_t count, uint8_t out[WIRE_HASH_BYTES])
{
    SHA256_CTX sha;
    (void)context;
    SHA256_Init(&sha);
    for (size_t i = 0; i < count; i++)
        SHA256_Update(&sha, pieces[i].data, pieces[i].size);
    SHA256_Final(out, &sha);
}

struct wire_hash world_hash(void)
{
    return (struct wire_hash){.digest = digest};
}
