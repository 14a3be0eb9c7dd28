/* RFC 6962, section 2.1. Leaves come hashed (the leaf prefix depends on what is hashed); inner nodes are
 * SHA-256(0x01 ‖ left ‖ right). */
#include "wire/merkle.h"
#include "wire/ensure.h"

enum { DEPTH_MAX = 64, PATH_MAX_HASHES = 32 };

struct wire_digest wire_merkle_node(const struct wire_hash *hash, const struct wire_digest *left,
                                    const struct wire_digest *right)
{
    uint8_t text[1 + 2 * WIRE_HASH_BYTES] = {WIRE_LEAF_NODE};
    struct wire_bytes piece = wire_bytes(text, sizeof text);
    struct wire_digest out;

    memcpy(text + 1, left->bytes, WIRE_HASH_BYTES);
    memcpy(text + 1 + WIRE_HASH_BYTES, right->bytes, WIRE_HASH_BYTES);
    hash->digest(hash->context, &piece, 1, out.bytes);
    return out;
}

size_t wire_merkle_split(size_t count)
{
    size_t left = 1;

    while (left < count - left)
        left *= 2;
    return left;
}

/* A pile of finished subtrees, the largest first: after i leaves there is one for every bit of i. */
struct wire_digest wire_merkle_root(const struct wire_hash *hash, const struct wire_digest *leaves, size_t count)
{
    struct wire_digest pile[DEPTH_MAX];
    size_t height = 0;

    ENSURE(count >= 1);
    for (size_t i = 0; i < count; i++) {
        pile[height++] = leaves[i];
        for (size_t done = i + 1; done % 2 == 0; done /= 2, height--)
            pile[height - 2] = wire_merkle_node(hash, &pile[height - 2], &pile[height - 1]);
    }
    for (; height > 1; height--)
        pile[height - 2] = wire_merkle_node(hash, &pile[height - 2], &pile[height - 1]);
    return pile[0];
}

size_t wire_merkle_path(const struct wire_hash *hash, const struct wire_digest *leaves, size_t count, size_t index,
                        struct wire_digest *path)
{
    struct wire_digest down[PATH_MAX_HASHES]; /* from the root */
    size_t length = 0;

    ENSURE(index < count && count - 1 <= UINT32_MAX);
    while (count > 1) {
        size_t left = wire_merkle_split(count);

        if (index < left) {
            down[length++] = wire_merkle_root(hash, leaves + left, count - left);
            count = left;
        } else {
            down[length++] = wire_merkle_root(hash, leaves, left);
            leaves += left;
            index -= left;
            count -= left;
        }
    }
    for (size_t i = 0; i < length; i++)
        path[i] = down[length - 1 - i];
    return length;
}

/* RFC 9162, section 2.1.3.2: `last` shrinks with `index`; where the tree's right edge is short, levels without a
 * sibling are skipped. */
bool wire_merkle_path_root(const struct wire_hash *hash, struct wire_digest leaf, size_t index, size_t count,
                           const struct wire_digest *path, size_t path_count, struct wire_digest *root)
{
    size_t last = count - 1;

    if (index >= count)
        return false;
    for (size_t i = 0; i < path_count; i++) {
        if (last == 0)
            return false;
        if (index % 2 == 1 || index == last) {
            leaf = wire_merkle_node(hash, &path[i], &leaf);
            for (; index % 2 == 0 && index != 0; index /= 2)
                last /= 2;
        } else {
            leaf = wire_merkle_node(hash, &leaf, &path[i]);
        }
        index /= 2;
        last /= 2;
    }
    *root = leaf;
    return last == 0;
}
