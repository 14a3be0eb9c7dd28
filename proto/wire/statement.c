#include "wire/statement.h"
#include "wire/signed_text.h"

enum { PATH_HASHES_MAX = 32 }; /* count is 32 bits */

struct wire_digest wire_statement_leaf(const struct wire_hash *hash, uint32_t type, struct wire_bytes statement)
{
    uint8_t head[2] = {WIRE_LEAF_HEADER, (uint8_t)type};
    struct wire_bytes pieces[] = {wire_bytes(head, sizeof head), statement};
    struct wire_digest leaf;

    hash->digest(hash->context, pieces, 2, leaf.bytes);
    return leaf;
}

size_t wire_statements_signed_text(uint32_t suite, const uint8_t domain[WIRE_HASH_BYTES],
                                   const uint8_t signer[WIRE_HASH_BYTES], uint32_t count,
                                   const uint8_t root[WIRE_HASH_BYTES], uint8_t out[WIRE_SIGNED_TEXT_MAX])
{
    uint8_t *at = wire_put_title(out, "lianfang statements v1");

    at = wire_put_u16(at, (uint16_t)suite);
    at = wire_put_bytes(at, domain, WIRE_HASH_BYTES);
    at = wire_put_bytes(at, signer, WIRE_HASH_BYTES);
    at = wire_put_u32(at, count);
    at = wire_put_bytes(at, root, WIRE_HASH_BYTES);
    return (size_t)(at - out);
}

enum wire_status wire_signed_root(const struct wire_hash *hash, const Wire__Signed *signed_, struct wire_digest *root)
{
    struct wire_digest path[PATH_HASHES_MAX];
    struct wire_bytes statement = wire_bytes(signed_->statement.data, signed_->statement.len);

    if (signed_->suite > UINT16_MAX) /* the signed text would say another */
        return WIRE_WRONG_SUITE;
    if (signed_->n_path > PATH_HASHES_MAX)
        return WIRE_BAD_ROOT;
    for (size_t i = 0; i < signed_->n_path; i++) {
        if (signed_->path[i].len != WIRE_HASH_BYTES)
            return WIRE_BAD_ROOT;
        memcpy(path[i].bytes, signed_->path[i].data, WIRE_HASH_BYTES);
    }
    struct wire_digest leaf = wire_statement_leaf(hash, (uint32_t)signed_->type, statement);
    return wire_merkle_path_root(hash, leaf, signed_->index, signed_->count, path, signed_->n_path, root)
               ? WIRE_OK
               : WIRE_BAD_ROOT;
}
