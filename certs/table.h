/* A multi-map from 64-bit hashes to indexes, open addressing. Collisions are for the caller to compare away. Keys here
 * are digests and public keys that the CA chose at random, so nobody steers them. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct cert_table {
    struct cert_slot {
        uint64_t hash;
        uint32_t value; /* index + 1; 0 = free */
    } * slot;
    size_t capacity; /* power of two, or 0 */
    size_t used;
};

enum { CERT_TABLE_NONE = UINT32_MAX };

void cert_table_put(struct cert_table *table, uint64_t hash, uint32_t value); /* aborts without memory */
/* The next value under `hash`: start with *cursor = 0. CERT_TABLE_NONE at the end. */
uint32_t cert_table_next(const struct cert_table *table, uint64_t hash, size_t *cursor);
void cert_table_close(struct cert_table *table);
