/* Parts: cutting one out of a batch, and checking one that came. */
#include "wire/ensure.h"
#include "wire/seal_check.h"

static bool bit(const uint8_t *have, uint32_t index)
{
    return (have[index / 8] >> (index % 8) & 1) != 0;
}

static void set_bit(uint8_t *have, uint32_t index)
{
    have[index / 8] = (uint8_t)(have[index / 8] | 1 << index % 8);
}

/* --- cutting --- */

static Wire__PartEnvelope *cut_envelope(const Wire__Batch *batch, uint32_t index, struct wire_arena *arena)
{
    Wire__PartEnvelope *cut = wire_arena_take(arena, sizeof *cut);
    const Wire__Envelope *whole = batch->envelope[index];

    if (cut == NULL)
        return NULL;
    wire__part_envelope__init(cut);
    cut->index = index;
    cut->header = whole->header;
    cut->has_salt = cut->has_payload = true;
    cut->salt = whole->salt;
    cut->payload = whole->payload;
    return cut;
}

static bool cut_envelopes(const Wire__Batch *batch, const uint8_t *have, struct wire_arena *arena, Wire__Part *part)
{
    part->envelope = wire_arena_take(arena, batch->n_envelope * sizeof *part->envelope);
    for (uint32_t i = 0; part->envelope != NULL && i < batch->n_envelope; i++) {
        if (!bit(have, i))
            continue;
        part->envelope[part->n_envelope] = cut_envelope(batch, i, arena);
        if (part->envelope[part->n_envelope++] == NULL)
            return false;
    }
    return part->envelope != NULL;
}

static bool cut_proof(const struct wire_hash *hash, const struct wire_digest *leaves, size_t count, const uint8_t *have,
                      struct wire_arena *arena, Wire__Part *part)
{
    struct wire_digest proof[WIRE_PROOF_HASHES_MAX];

    part->n_proof = wire_merkle_proof(hash, leaves, count, have, proof);
    uint8_t *bytes = wire_arena_copy(arena, proof, part->n_proof * sizeof *proof);
    part->proof = wire_arena_take(arena, part->n_proof * sizeof *part->proof);
    if (bytes == NULL || part->proof == NULL)
        return false;
    for (size_t i = 0; i < part->n_proof; i++)
        part->proof[i] = (ProtobufCBinaryData){.len = WIRE_HASH_BYTES, .data = bytes + i * WIRE_HASH_BYTES};
    return true;
}

enum wire_status wire_part_cut(const struct wire_hash *hash, const Wire__Batch *batch, const struct wire_digest *leaves,
                               const uint8_t *have, struct wire_arena *arena, Wire__Part *out)
{
    size_t leaf_count = batch->n_envelope + batch->n_box;

    wire__part__init(out);
    out->seal = batch->seal;
    for (uint32_t i = (uint32_t)batch->n_envelope; i < leaf_count; i++) {
        if (!bit(have, i))
            continue;
        ENSURE(out->box == NULL); /* nobody gets another's box */
        out->box = batch->box[i - batch->n_envelope];
        out->has_box_index = true;
        out->box_index = i;
    }
    if (!cut_envelopes(batch, have, arena, out) || !cut_proof(hash, leaves, leaf_count, have, arena, out))
        return WIRE_OVER_BUDGET;
    ENSURE(out->n_envelope > 0);
    return WIRE_OK;
}

/* --- checking --- */

/* The leaves that a part holds, in order: its envelopes and perhaps its box. */
struct held {
    uint8_t have[(WIRE_BATCH_LEAVES_MAX + 7) / 8];
    struct wire_digest leaf[WIRE_BATCH_ENVELOPES_MAX + 1];
    size_t count;
};

static bool envelopes_right(const Wire__Part *part, uint32_t *at)
{
    for (uint32_t i = 0; i < part->n_envelope; i++) {
        const Wire__PartEnvelope *envelope = part->envelope[i];

        *at = i;
        if (envelope->index >= part->seal->count || (i > 0 && part->envelope[i - 1]->index >= envelope->index))
            return false;
        if (envelope->has_salt != envelope->has_payload)
            return false;
        if (envelope->has_salt && envelope->salt.len != WIRE_SALT_BYTES)
            return false;
    }
    return true;
}

static enum wire_status frame_check(const Wire__Part *part, uint32_t *at)
{
    enum wire_status status = wire_seal_check(part->seal);

    if (status != WIRE_OK)
        return status;
    if (part->n_envelope < 1 || part->n_envelope > part->seal->count || part->n_proof > WIRE_PROOF_HASHES_MAX)
        return WIRE_BAD_FRAME;
    if (!envelopes_right(part, at))
        return WIRE_BAD_FRAME;
    *at = 0;
    if ((part->box != NULL) != (part->has_box_index != 0))
        return WIRE_BAD_FRAME;
    if (part->box == NULL)
        return WIRE_OK;
    return wire_box_right(part->box) && part->box_index >= part->seal->count &&
                   part->box_index - part->seal->count < part->seal->boxes
               ? WIRE_OK
               : WIRE_BAD_BOX;
}

/* A header that is not readable here stays NULL: its leaf is proven all the same, and the envelope is kept raw. */
static enum wire_status headers_check(const Wire__Part *part, struct wire_arena *arena, Wire__Header **headers,
                                      uint32_t *at)
{
    for (uint32_t i = 0; i < part->n_envelope; i++) {
        enum wire_status status;

        *at = i;
        headers[i] = wire_header_decode(&part->envelope[i]->header, arena, &status);
        if (status == WIRE_OVER_BUDGET)
            return status;
        if (headers[i] != NULL && !wire_seal_has(part->seal, part->envelope[i]->index, headers[i]))
            return WIRE_MIXED_BATCH;
    }
    *at = 0;
    return WIRE_OK;
}

static void hold(const struct wire_hash *hash, const Wire__Part *part, struct wire_digest *leaves, struct held *held)
{
    for (size_t i = 0; i < part->n_envelope; i++) {
        leaves[i] = wire_header_leaf(hash, wire_binary(&part->envelope[i]->header));
        held->leaf[held->count++] = leaves[i];
        set_bit(held->have, part->envelope[i]->index);
    }
    if (part->box != NULL) {
        held->leaf[held->count++] =
            wire_box_leaf(hash, part->box->region, wire_binary(&part->box->certificate), wire_binary(&part->box->cms));
        set_bit(held->have, part->box_index);
    }
}

static bool proof_right(const struct wire_hash *hash, const Wire__Part *part, const struct held *held)
{
    struct wire_digest proof[WIRE_PROOF_HASHES_MAX];
    struct wire_digest root;
    size_t leaf_count = part->seal->count + part->seal->boxes;

    for (size_t i = 0; i < part->n_proof; i++) {
        if (part->proof[i].len != WIRE_HASH_BYTES)
            return false;
        memcpy(proof[i].bytes, part->proof[i].data, WIRE_HASH_BYTES);
    }
    return wire_merkle_proof_root(hash, held->have, leaf_count, held->leaf, held->count, proof, part->n_proof, &root) &&
           memcmp(root.bytes, part->seal->root.data, WIRE_HASH_BYTES) == 0;
}

static enum wire_status payloads_check(const struct wire_hash *hash, const Wire__Part *part, Wire__Header **headers,
                                       uint32_t *at)
{
    for (uint32_t i = 0; i < part->n_envelope; i++) {
        const Wire__PartEnvelope *envelope = part->envelope[i];

        if (headers[i] == NULL || !envelope->has_payload)
            continue;
        struct wire_digest digest =
            wire_payload_digest(hash, wire_binary(&envelope->salt), wire_binary(&envelope->payload));
        if (memcmp(digest.bytes, headers[i]->digest.data, WIRE_HASH_BYTES) != 0) {
            *at = i;
            return WIRE_TAMPERED;
        }
    }
    return WIRE_OK;
}

enum wire_status wire_part_check(const struct wire_hash *hash, const Wire__Part *part, struct wire_arena *arena,
                                 Wire__Header **headers, struct wire_digest *leaves, uint32_t *at)
{
    struct held held = {.count = 0};
    enum wire_status status;

    *at = 0;
    status = frame_check(part, at);
    if (status == WIRE_OK)
        status = headers_check(part, arena, headers, at);
    if (status != WIRE_OK)
        return status;
    hold(hash, part, leaves, &held);
    if (!proof_right(hash, part, &held))
        return WIRE_BAD_ROOT;
    return payloads_check(hash, part, headers, at);
}
