#include "broker/gate/inside.h"

#include "wire/limits.h"

#include <string.h>

/* A box must be to a seal certificate of the region it names that may be sealed to now: the newest is for the node to
 * choose, an older one that is still valid opens just as well. */
static uint16_t box_problem(const struct gate *gate, const Wire__KeyBox *box, int64_t at_ms)
{
    if (box->certificate.len != WIRE_HASH_BYTES)
        return WIRE_BAD_BOX;
    const struct cert_entry *entry = cert_directory_find(gate->directory, box->certificate.data);
    if (entry == NULL || entry->subject.usage != WIRE__USAGE__USAGE_SEAL || entry->subject.region != box->region)
        return WIRE_STALE_SEAL;
    return cert_entry_at(entry, at_ms) == WIRE_OK ? 0 : WIRE_STALE_SEAL;
}

static enum wire_status verify(const struct gate *gate, uint32_t region, int64_t at_ms, struct wire_arena *arena,
                               struct gate_submit *out)
{
    Wire__Batch *batch = out->batch;
    if (batch->seal->origin != region)
        return WIRE_FOREIGN_ORIGIN;
    if (batch->n_envelope == 0 || batch->n_envelope > WIRE_BATCH_ENVELOPES_MAX || batch->n_box > WIRE_BOXES_MAX)
        return WIRE_BAD_FRAME;
    enum wire_status status = cert_verify_batch(gate->directory, batch->seal, at_ms);
    if (status != WIRE_OK)
        return status;
    out->headers = wire_arena_take(arena, WIRE_BATCH_ENVELOPES_MAX * sizeof(*out->headers));
    out->leaves = wire_arena_take(arena, WIRE_BATCH_LEAVES_MAX * sizeof(*out->leaves));
    out->box_bad = wire_arena_take(arena, (batch->n_box + 1) * sizeof(*out->box_bad));
    if (out->headers == NULL || out->leaves == NULL || out->box_bad == NULL)
        return WIRE_OVER_BUDGET;
    return wire_batch_check(gate->hash, batch, arena, out->headers, out->leaves, &out->at);
}

/* The receipt is about this very batch: an old one about another must not carry a signer over its end. */
static bool is_about(const Wire__ReceiptStatement *receipt, uint32_t region, const Wire__BatchSeal *seal)
{
    return receipt->origin == region && receipt->outcome == WIRE__RECEIPT_OUTCOME__JUDGED &&
           receipt->lane == seal->lane && strcmp(receipt->mechanism, seal->mechanism) == 0 &&
           receipt->first == seal->first && receipt->count == seal->count &&
           gate_same(receipt->store_id, seal->store_id) && gate_same(receipt->root, seal->root);
}

void gate_submit(const struct gate *gate, uint32_t region, const Wire__Submit *submit, int64_t wall_ms,
                 struct wire_arena *arena, struct gate_submit *out)
{
    *out = (struct gate_submit){0};
    out->batch = (Wire__Batch *)gate_message(&wire__batch__descriptor,
                                             wire_bytes(submit->batch.data, submit->batch.len), arena, &out->failed);
    if (out->batch == NULL)
        return;
    if (submit->held != NULL)
        out->held = gate_own_receipt(gate, submit->held, arena);
    if (out->held != NULL && !is_about(out->held, region, out->batch->seal))
        out->held = NULL;
    int64_t at_ms = out->held != NULL ? out->held->at_ms : wall_ms;
    out->failed = verify(gate, region, at_ms, arena, out);
    for (size_t i = 0; out->failed == WIRE_OK && i < out->batch->n_box; i++)
        out->box_bad[i] = box_problem(gate, out->batch->box[i], at_ms);
}
