/* Merkle trees as RFC 6962 cuts them (split at the largest power of two below n), over leaves that are already hashed.
 */
#pragma once
#include "wire/hash.h"
#include "wire/status.h"

struct wire_digest {
    uint8_t bytes[WIRE_HASH_BYTES];
};

enum { WIRE_LEAF_HEADER = 0x00, WIRE_LEAF_NODE = 0x01, WIRE_LEAF_BOX = 0x02, WIRE_LEAF_CHAIN = 0x03 };
enum { WIRE_PROOF_HASHES_MAX = 640 };

/* SHA-256(0x01 ‖ left ‖ right). */
struct wire_digest wire_merkle_node(const struct wire_hash *hash, const struct wire_digest *left,
                                    const struct wire_digest *right);
/* The largest power of two below count ≥ 2: how many leaves go to the left. */
size_t wire_merkle_split(size_t count);
/* Root of count ≥ 1 leaves. */
struct wire_digest wire_merkle_root(const struct wire_hash *hash, const struct wire_digest *leaves, size_t count);

/* One leaf: the audit path from the leaf upwards. Returns the number of hashes written (≤ 32). */
size_t wire_merkle_path(const struct wire_hash *hash, const struct wire_digest *leaves, size_t count, size_t index,
                        struct wire_digest *path);
/* false: index or path length impossible for count. */
bool wire_merkle_path_root(const struct wire_hash *hash, struct wire_digest leaf, size_t index, size_t count,
                           const struct wire_digest *path, size_t path_count, struct wire_digest *root);

/* Several leaves: the roots of the largest subtrees that hold none of `have` (a bitmap, bit i = leaf i), left to right.
 * Returns how many were written to proof[WIRE_PROOF_HASHES_MAX]. */
size_t wire_merkle_proof(const struct wire_hash *hash, const struct wire_digest *leaves, size_t count,
                         const uint8_t *have, struct wire_digest *proof);
/* The root from the leaves one has, in order of index, and the proof. false: counts do not fit. */
bool wire_merkle_proof_root(const struct wire_hash *hash, const uint8_t *have, size_t count,
                            const struct wire_digest *held, size_t held_count, const struct wire_digest *proof,
                            size_t proof_count, struct wire_digest *root);
