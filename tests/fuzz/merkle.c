/* Merkle trees: paths and proofs of any tree and any choice of leaves complete the root, and with any one thing changed
 * they do not. */
#include "target.h"
#include "wire/batch.h"

enum { LEAVES_MAX = WIRE_BATCH_LEAVES_MAX, MOVES_MAX = 8 };

struct tree {
    size_t count;
    struct wire_digest leaf[LEAVES_MAX], root;
};

static void grow(struct tree *tree, struct fuzz_input *input)
{
    struct wire_digest scratch[LEAVES_MAX];
    tree->count = 1 + fuzz_u16(input) % LEAVES_MAX;
    if (!fuzz_one_in(input, 8))
        tree->count = 1 + tree->count % 20;
    uint8_t salt = fuzz_u8(input);
    for (uint16_t i = 0; i < tree->count; i++) {
        uint8_t text[3] = {salt};
        struct wire_bytes piece = wire_bytes(text, sizeof text);
        wire_put_u16(text + 1, i);
        fuzz_hash()->digest(NULL, &piece, 1, tree->leaf[i].bytes);
    }
    memcpy(scratch, tree->leaf, tree->count * sizeof *scratch);
    tree->root = wire_merkle_root(fuzz_hash(), scratch, tree->count);
}

static bool is_root(const struct tree *tree, bool formed, const struct wire_digest *root)
{
    return formed && memcmp(root, &tree->root, sizeof *root) == 0;
}

static void flip(struct wire_digest *digests, size_t count, struct fuzz_input *input)
{
    size_t at = fuzz_u16(input) % (count * WIRE_HASH_BYTES);
    digests[at / WIRE_HASH_BYTES].bytes[at % WIRE_HASH_BYTES] ^= (uint8_t)(1u << fuzz_below(input, 8));
}

static void one_leaf(const struct tree *tree, struct fuzz_input *input)
{
    struct wire_digest scratch[LEAVES_MAX], path[33], root;
    size_t index = fuzz_u16(input) % tree->count;
    memcpy(scratch, tree->leaf, tree->count * sizeof *scratch);
    size_t hops = wire_merkle_path(fuzz_hash(), scratch, tree->count, index, path);
    ENSURE(hops <= 32);
    ENSURE(is_root(tree, wire_merkle_path_root(fuzz_hash(), tree->leaf[index], index, tree->count, path, hops, &root),
                   &root));
    struct wire_digest leaf = tree->leaf[index];
    size_t count = tree->count, length = hops;
    switch (fuzz_below(input, 5)) {
    case 0:
        flip(&leaf, 1, input);
        break;
    case 1:
        index += 1 + fuzz_u16(input) % 700; /* also beyond the last */
        break;
    case 2:
        length = fuzz_below(input, 33);
        memset(path + hops, 0, (33 - hops) * sizeof *path);
        if (length == hops)
            return;
        break;
    case 3:
        if (hops == 0)
            return;
        flip(path, hops, input);
        break;
    default: /* another count with a path of the same length: the shape to this leaf may be the same */
        count = fuzz_u16(input);
        wire_merkle_path_root(fuzz_hash(), leaf, index, count, path, length, &root);
        return;
    }
    ENSURE(!is_root(tree, wire_merkle_path_root(fuzz_hash(), leaf, index, count, path, length, &root), &root));
}

struct proof {
    uint8_t have[LEAVES_MAX / 8 + 1];
    struct wire_digest held[LEAVES_MAX], hash[WIRE_PROOF_HASHES_MAX + 1];
    size_t held_count, hash_count;
};

static void choose(const struct tree *tree, struct fuzz_input *input, struct proof *proof)
{
    uint8_t style = fuzz_u8(input), bits = 0;
    memset(proof->have, 0, sizeof proof->have);
    proof->held_count = 0;
    for (size_t i = 0; i < tree->count; i++) {
        if (i % 8 == 0 && style >= 64)
            bits = fuzz_u8(input);
        bool taken = style < 64 ? i % (1u + style % 16) == 0 : (bits >> (i % 8) & 1) != 0;
        if (!taken)
            continue;
        proof->have[i / 8] |= (uint8_t)(1u << (i % 8));
        proof->held[proof->held_count++] = tree->leaf[i];
    }
    proof->hash_count = wire_merkle_proof(fuzz_hash(), tree->leaf, tree->count, proof->have, proof->hash);
    ENSURE(proof->hash_count <= WIRE_PROOF_HASHES_MAX);
}

static bool completes(const struct tree *tree, const struct proof *proof)
{
    struct wire_digest root;
    return is_root(tree,
                   wire_merkle_proof_root(fuzz_hash(), proof->have, tree->count, proof->held, proof->held_count,
                                          proof->hash, proof->hash_count, &root),
                   &root);
}

static void many_leaves(const struct tree *tree, struct fuzz_input *input)
{
    static struct proof proof;
    choose(tree, input, &proof);
    ENSURE(completes(tree, &proof) && proof.held_count + proof.hash_count <= tree->count);
    size_t bit = fuzz_u16(input) % tree->count;
    switch (fuzz_below(input, 5)) {
    case 0: /* a leaf that is not there is said to be, or the other way round */
        proof.have[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        break;
    case 1:
        if (proof.held_count == 0)
            return;
        flip(proof.held, proof.held_count, input);
        break;
    case 2:
        if (proof.hash_count == 0)
            return;
        flip(proof.hash, proof.hash_count, input);
        break;
    case 3:
        proof.hash_count += fuzz_one_in(input, 2) && proof.hash_count > 0 ? (size_t)-1 : 1;
        break;
    default:
        proof.held_count += fuzz_one_in(input, 2) && proof.held_count > 0 ? (size_t)-1 : 1;
        break;
    }
    ENSURE(proof.held_count > LEAVES_MAX || !completes(tree, &proof));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tree tree;
    struct fuzz_input input = fuzz_input(data, size);
    grow(&tree, &input);
    for (int moves = 0; moves == 0 || (input.size > 0 && moves < MOVES_MAX); moves++) {
        if (fuzz_one_in(&input, 2))
            many_leaves(&tree, &input);
        else
            one_leaf(&tree, &input);
    }
    return 0;
}
