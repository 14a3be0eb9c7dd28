#include "wire/batch.h"
#include "wire/seal_check.h"

/* At most 256 KiB in all, or one larger envelope alone. */
static bool size_right(const Wire__Batch *batch)
{
    size_t limit = batch->n_envelope == 1 ? WIRE_ENVELOPE_BYTES_MAX : WIRE_BATCH_BYTES_MAX;
    size_t size = 0;

    for (size_t i = 0; i < batch->n_envelope; i++) {
        const Wire__Envelope *envelope = batch->envelope[i];

        size += envelope->header.len + envelope->salt.len + envelope->payload.len;
    }
    for (size_t i = 0; i < batch->n_box && batch->n_envelope > 1; i++)
        size += batch->box[i]->cms.len;
    return size <= limit;
}

static enum wire_status frame_check(const Wire__Batch *batch)
{
    enum wire_status status = wire_seal_check(batch->seal);

    if (status != WIRE_OK)
        return status;
    if (batch->n_envelope != batch->seal->count || batch->n_box != batch->seal->boxes)
        return WIRE_BAD_FRAME;
    return size_right(batch) ? WIRE_OK : WIRE_FRAME_TOO_LARGE;
}

static enum wire_status envelope_check(const struct wire_hash *hash, const Wire__BatchSeal *seal, uint32_t index,
                                       const Wire__Envelope *envelope, struct wire_arena *arena, Wire__Header **header)
{
    enum wire_status status;

    *header = wire_header_decode(&envelope->header, arena, &status);
    if (*header == NULL)
        return status == WIRE_UNKNOWN_FIELD ? WIRE_BAD_HEADER : status;
    if (!wire_seal_has(seal, index, *header))
        return WIRE_MIXED_BATCH;
    if (envelope->salt.len != WIRE_SALT_BYTES)
        return WIRE_TAMPERED;
    struct wire_digest digest =
        wire_payload_digest(hash, wire_binary(&envelope->salt), wire_binary(&envelope->payload));
    return memcmp(digest.bytes, (*header)->digest.data, WIRE_HASH_BYTES) == 0 ? WIRE_OK : WIRE_TAMPERED;
}

static enum wire_status boxes_check(const struct wire_hash *hash, const Wire__Batch *batch, struct wire_digest *leaves,
                                    uint32_t *at)
{
    uint32_t before = 0;

    for (uint32_t i = 0; i < batch->seal->boxes; i++) {
        const Wire__KeyBox *box = batch->box[i];

        *at = batch->seal->count + i;
        if (!wire_box_right(box) || box->region <= before)
            return WIRE_BAD_BOX;
        before = box->region;
        leaves[*at] = wire_box_leaf(hash, box->region, wire_binary(&box->certificate), wire_binary(&box->cms));
    }
    return WIRE_OK;
}

enum wire_status wire_batch_check(const struct wire_hash *hash, const Wire__Batch *batch, struct wire_arena *arena,
                                  Wire__Header **headers, struct wire_digest *leaves, uint32_t *at)
{
    const Wire__BatchSeal *seal = batch->seal;
    enum wire_status status = frame_check(batch);

    *at = 0;
    if (status != WIRE_OK)
        return status;
    for (uint32_t i = 0; i < seal->count; i++) {
        *at = i;
        status = envelope_check(hash, seal, i, batch->envelope[i], arena, &headers[i]);
        if (status != WIRE_OK)
            return status;
        leaves[i] = wire_header_leaf(hash, wire_binary(&batch->envelope[i]->header));
    }
    status = boxes_check(hash, batch, leaves, at);
    if (status != WIRE_OK)
        return status;
    *at = 0;
    struct wire_digest root = wire_merkle_root(hash, leaves, seal->count + seal->boxes);
    return memcmp(root.bytes, seal->root.data, WIRE_HASH_BYTES) == 0 ? WIRE_OK : WIRE_BAD_ROOT;
}
