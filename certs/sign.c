/* Signing batches and statements with an identity. Verifying: verify.c. */
#include "certs/held.h"
#include "certs/verify.h"
#include "wire/ensure.h"

static enum wire_status sign_into(struct cert_identity *identity, const uint8_t *text, size_t size,
                                  struct wire_arena *arena, ProtobufCBinaryData *out)
{
    uint8_t signature[WIRE_SIGNATURE_BYTES_MAX];
    size_t signature_size;
    enum wire_status status = cert_sign(identity, text, size, signature, &signature_size);
    if (status != WIRE_OK)
        return status;
    *out = (ProtobufCBinaryData){.data = wire_arena_copy(arena, signature, signature_size), .len = signature_size};
    return out->data == NULL ? WIRE_NO_MEMORY : WIRE_OK;
}

static ProtobufCBinaryData signer_of(struct cert_identity *identity)
{
    return (ProtobufCBinaryData){.data = identity->pair[WIRE__USAGE__USAGE_IDENTITY].subject.digest,
                                 .len = WIRE_HASH_BYTES};
}

enum wire_status cert_sign_batch(struct cert_identity *identity, Wire__BatchSeal *seal, struct wire_arena *arena)
{
    ENSURE(seal->origin == cert_identity_region(identity));
    seal->suite = WIRE_SUITE_P256;
    seal->signer = signer_of(identity);
    uint8_t text[WIRE_SIGNED_TEXT_MAX];
    size_t size = wire_batch_signed_text(seal, identity->ca.domain, text);
    return sign_into(identity, text, size, arena, &seal->signature);
}

enum { LEVELS_MAX = 33 };

/* All nodes of an RFC 6962 tree, a level at a time: neighbours pair up, an odd last one moves up as it is. (Splitting
 * at the largest power of two from above gives the same tree.) */
struct tree {
    struct wire_digest *level[LEVELS_MAX];
    size_t count[LEVELS_MAX];
    size_t levels;
};

static struct wire_digest join(const struct wire_hash *hash, const struct wire_digest *left,
                               const struct wire_digest *right)
{
    static const uint8_t prefix[1] = {WIRE_LEAF_NODE};
    struct wire_bytes pieces[3] = {wire_bytes(prefix, 1), wire_bytes(left->bytes, WIRE_HASH_BYTES),
                                   wire_bytes(right->bytes, WIRE_HASH_BYTES)};
    struct wire_digest node;
    hash->digest(hash->context, pieces, 3, node.bytes);
    return node;
}

static bool grow_level(struct tree *tree, const struct wire_hash *hash, struct wire_arena *arena)
{
    const struct wire_digest *below = tree->level[tree->levels - 1];
    size_t below_count = tree->count[tree->levels - 1], count = (below_count + 1) / 2;
    struct wire_digest *level = wire_arena_take(arena, count * sizeof *level);
    if (level == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        level[i] = 2 * i + 1 < below_count ? join(hash, &below[2 * i], &below[2 * i + 1]) : below[2 * i];
    tree->level[tree->levels] = level;
    tree->count[tree->levels++] = count;
    return true;
}

static bool grow_tree(struct tree *tree, const struct wire_hash *hash, const struct cert_statement *items, size_t count,
                      struct wire_arena *arena)
{
    struct wire_digest *leaves = wire_arena_take(arena, count * sizeof *leaves);
    if (leaves == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        leaves[i] = wire_statement_leaf(hash, items[i].type, items[i].statement);
    *tree = (struct tree){.level = {leaves}, .count = {count}, .levels = 1};
    while (tree->count[tree->levels - 1] > 1)
        if (!grow_level(tree, hash, arena))
            return false;
    return true;
}

/* The path's hashes are the tree's own nodes; no copies. */
static bool fill_path(const struct tree *tree, size_t index, struct wire_arena *arena, Wire__Signed *out)
{
    if (tree->levels == 1)
        return true;
    out->path = wire_arena_take(arena, (tree->levels - 1) * sizeof *out->path);
    if (out->path == NULL)
        return false;
    for (size_t level = 0; level + 1 < tree->levels; level++, index /= 2) {
        size_t sibling = index ^ 1;
        if (sibling < tree->count[level])
            out->path[out->n_path++] =
                (ProtobufCBinaryData){.data = tree->level[level][sibling].bytes, .len = WIRE_HASH_BYTES};
    }
    return true;
}

enum wire_status cert_sign_statements(struct cert_identity *identity, const struct wire_hash *hash,
                                      const struct cert_statement *items, size_t count, struct wire_arena *arena,
                                      Wire__Signed *out)
{
    ENSURE(count >= 1 && count <= UINT32_MAX);
    struct tree tree;
    if (!grow_tree(&tree, hash, items, count, arena))
        return WIRE_NO_MEMORY;
    uint8_t text[WIRE_SIGNED_TEXT_MAX];
    ProtobufCBinaryData signer = signer_of(identity), signature;
    size_t size = wire_statements_signed_text(WIRE_SUITE_P256, identity->ca.domain, signer.data, (uint32_t)count,
                                              tree.level[tree.levels - 1]->bytes, text);
    enum wire_status status = sign_into(identity, text, size, arena, &signature);
    for (size_t i = 0; status == WIRE_OK && i < count; i++) {
        wire__signed__init(&out[i]);
        out[i].type = items[i].type;
        out[i].statement = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)items[i].statement.data,
                                                 .len = items[i].statement.size};
        out[i].suite = WIRE_SUITE_P256;
        out[i].signer = signer;
        out[i].index = (uint32_t)i;
        out[i].count = (uint32_t)count;
        out[i].signature = signature;
        if (!fill_path(&tree, i, arena, &out[i]))
            status = WIRE_NO_MEMORY;
    }
    return status;
}
