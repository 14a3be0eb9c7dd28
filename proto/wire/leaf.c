/* What of a batch is hashed and signed, byte for byte. */
#include "wire/batch.h"
#include "wire/ensure.h"
#include "wire/seal_check.h"
#include "wire/signed_text.h"

struct wire_digest wire_header_leaf(const struct wire_hash *hash, struct wire_bytes header)
{
    static const uint8_t prefix = WIRE_LEAF_HEADER;
    struct wire_bytes pieces[] = {wire_bytes(&prefix, 1), header};
    struct wire_digest leaf;

    hash->digest(hash->context, pieces, 2, leaf.bytes);
    return leaf;
}

struct wire_digest wire_box_leaf(const struct wire_hash *hash, uint32_t region, struct wire_bytes certificate,
                                 struct wire_bytes cms)
{
    uint8_t head[5] = {WIRE_LEAF_BOX};
    struct wire_bytes pieces[] = {wire_bytes(head, sizeof head), certificate, cms};
    struct wire_digest leaf;

    wire_put_u32(head + 1, region);
    hash->digest(hash->context, pieces, 3, leaf.bytes);
    return leaf;
}

struct wire_digest wire_payload_digest(const struct wire_hash *hash, struct wire_bytes salt, struct wire_bytes payload)
{
    struct wire_bytes pieces[] = {salt, payload};
    struct wire_digest digest;

    hash->digest(hash->context, pieces, 2, digest.bytes);
    return digest;
}

size_t wire_batch_signed_text(const Wire__BatchSeal *seal, const uint8_t domain[WIRE_HASH_BYTES],
                              uint8_t out[WIRE_SIGNED_TEXT_MAX])
{
    uint8_t *at = wire_put_title(out, "lianfang batch v1");
    size_t mechanism = strlen(seal->mechanism);

    ENSURE(seal->signer.len == WIRE_HASH_BYTES && seal->store_id.len == WIRE_ID_BYTES);
    ENSURE(seal->root.len == WIRE_HASH_BYTES && mechanism <= WIRE_MECHANISM_BYTES_MAX);
    at = wire_put_u16(at, (uint16_t)seal->suite);
    at = wire_put_bytes(at, domain, WIRE_HASH_BYTES);
    at = wire_put_bytes(at, seal->signer.data, WIRE_HASH_BYTES);
    at = wire_put_u32(at, seal->origin);
    *at++ = (uint8_t)seal->lane;
    *at++ = (uint8_t)mechanism;
    at = wire_put_bytes(at, seal->mechanism, mechanism);
    at = wire_put_bytes(at, seal->store_id.data, WIRE_ID_BYTES);
    at = wire_put_u64(at, seal->first);
    at = wire_put_u32(at, seal->count);
    at = wire_put_u32(at, seal->boxes);
    at = wire_put_bytes(at, seal->root.data, WIRE_HASH_BYTES);
    return (size_t)(at - out);
}

enum { CHAIN_HEAD = 1 + WIRE_HASH_BYTES + 8 + WIRE_HASH_BYTES, CHAIN_STEP = 4 + WIRE_HASH_BYTES };

struct wire_digest wire_chain_next(const struct wire_hash *hash, struct wire_digest before, uint64_t number,
                                   const uint8_t root[WIRE_HASH_BYTES], const uint32_t *index,
                                   const struct wire_digest *leaf, size_t count)
{
    uint8_t text[CHAIN_HEAD + CHAIN_STEP * WIRE_BATCH_ENVELOPES_MAX];
    uint8_t *at = text;
    struct wire_digest next;

    ENSURE(count <= WIRE_BATCH_ENVELOPES_MAX);
    *at++ = WIRE_LEAF_CHAIN;
    at = wire_put_bytes(at, before.bytes, WIRE_HASH_BYTES);
    at = wire_put_u64(at, number);
    at = wire_put_bytes(at, root, WIRE_HASH_BYTES);
    for (size_t i = 0; i < count; i++) {
        at = wire_put_u32(at, index[i]);
        at = wire_put_bytes(at, leaf[i].bytes, WIRE_HASH_BYTES);
    }
    struct wire_bytes piece = wire_bytes(text, (size_t)(at - text));
    hash->digest(hash->context, &piece, 1, next.bytes);
    return next;
}
