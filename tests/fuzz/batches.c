/* Batches and parts. Two ways in: bytes of a stranger, whose digests, places and root are put right so that the checks
 * behind them are reached; and a batch built from the input, which must pass, be cut into parts that pass, and once one
 * byte of a part is changed prove nothing but what was built. */
#include "schema/envelope.pb-c.h"
#include "target.h"
#include "wire/codec.h"
#include "wire/seal_check.h"
#include "wire/time.h"

enum { SLOT_BATCH, SLOT_CHECK, SLOT_PART, SLOT_AGAIN, CHANGES_MAX = 6 };

struct checked {
    Wire__Header *header[WIRE_BATCH_ENVELOPES_MAX];
    struct wire_digest leaf[WIRE_BATCH_LEAVES_MAX];
};

static ProtobufCBinaryData binary(struct wire_bytes bytes)
{
    return (ProtobufCBinaryData){.len = bytes.size, .data = (uint8_t *)(uintptr_t)bytes.data};
}

static ProtobufCBinaryData digest_of(struct wire_digest digest, struct wire_arena *arena)
{
    return binary(wire_bytes(wire_arena_copy(arena, &digest, sizeof digest), sizeof digest));
}

/* --- putting right ------------------------------------------------------------------------------------------------ */

static void header_right(const Wire__BatchSeal *seal, uint64_t seq, Wire__Envelope *envelope, struct wire_arena *arena)
{
    enum wire_status status;
    Wire__Header *header = (Wire__Header *)wire_decode(&wire__header__descriptor, wire_binary(&envelope->header),
                                                       WIRE_STRICT_HEADER, arena, &status);
    if (header == NULL)
        return;
    header->seq = seq;
    header->origin = seal->origin;
    header->mechanism = seal->mechanism;
    header->lane = seal->lane;
    header->store_id = seal->store_id;
    header->digest = digest_of(
        wire_payload_digest(fuzz_hash(), wire_binary(&envelope->salt), wire_binary(&envelope->payload)), arena);
    envelope->header = binary(wire_encode(&header->base, arena));
}

static void root_right(Wire__Batch *batch, struct wire_arena *arena)
{
    static struct wire_digest leaves[WIRE_BATCH_LEAVES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < batch->n_envelope && i < WIRE_BATCH_ENVELOPES_MAX; i++)
        leaves[count++] = wire_header_leaf(fuzz_hash(), wire_binary(&batch->envelope[i]->header));
    for (size_t i = 0; i < batch->n_box && i < WIRE_BOXES_MAX; i++)
        leaves[count++] = wire_box_leaf(fuzz_hash(), batch->box[i]->region, wire_binary(&batch->box[i]->certificate),
                                        wire_binary(&batch->box[i]->cms));
    if (count > 0)
        batch->seal->root = digest_of(wire_merkle_root(fuzz_hash(), leaves, count), arena);
}

static void put_right(Wire__Batch *batch, uint8_t what, struct wire_arena *arena)
{
    if (what & 1) {
        batch->seal->count = (uint32_t)batch->n_envelope;
        batch->seal->boxes = (uint32_t)batch->n_box;
    }
    for (size_t i = 0; (what & 2) && i < batch->n_envelope && i < WIRE_BATCH_ENVELOPES_MAX; i++)
        header_right(batch->seal, batch->seal->first + i, batch->envelope[i], arena);
    if (what & 4)
        root_right(batch, arena);
}

/* --- a batch that is right ---------------------------------------------------------------------------------------- */

static struct wire_bytes piece_of(struct fuzz_input *input, size_t size, struct wire_arena *arena)
{
    uint8_t *out = wire_arena_take(arena, size);
    struct wire_bytes taken = fuzz_take(input, size);
    ENSURE(out != NULL);
    if (taken.size > 0)
        memcpy(out, taken.data, taken.size);
    return wire_bytes(out, size);
}

static struct wire_bytes header_build(struct fuzz_input *input, const Wire__BatchSeal *seal, uint64_t seq,
                                      struct wire_digest digest, struct wire_arena *arena)
{
    Wire__Header header;
    uint32_t concerns[4];
    wire__header__init(&header);
    header.version = WIRE_PROTOCOL_VERSION;
    header.id = binary(piece_of(input, WIRE_ID_BYTES, arena));
    header.number_date = 20200207;
    header.number_serial = 1u + fuzz_u16(input);
    header.origin = seal->origin;
    header.issuer_region = 310000u + fuzz_u8(input);
    header.store_id = seal->store_id;
    header.seq = seq;
    header.mechanism = seal->mechanism;
    header.lane = seal->lane;
    header.kind = fuzz_u8(input);
    header.created_ms = 1 + (int64_t)fuzz_u32(input);
    header.keep_until = 20200301;
    header.n_concerns = fuzz_below(input, 5);
    header.concerns = concerns;
    for (size_t i = 0; i < header.n_concerns; i++)
        concerns[i] = 100000u + fuzz_u16(input);
    header.digest = digest_of(digest, arena);
    return wire_encode(&header.base, arena);
}

static Wire__Envelope *envelope_build(struct fuzz_input *input, const Wire__BatchSeal *seal, uint64_t seq,
                                      struct wire_arena *arena)
{
    Wire__Envelope *envelope = wire_arena_take(arena, sizeof *envelope);
    wire__envelope__init(envelope);
    envelope->salt = binary(piece_of(input, WIRE_SALT_BYTES, arena));
    envelope->payload = binary(piece_of(input, fuzz_u8(input), arena));
    struct wire_digest digest =
        wire_payload_digest(fuzz_hash(), wire_binary(&envelope->salt), wire_binary(&envelope->payload));
    envelope->header = binary(header_build(input, seal, seq, digest, arena));
    return envelope;
}

static Wire__KeyBox *box_build(struct fuzz_input *input, uint32_t region, struct wire_arena *arena)
{
    Wire__KeyBox *box = wire_arena_take(arena, sizeof *box);
    wire__key_box__init(box);
    box->region = region;
    box->certificate = binary(piece_of(input, WIRE_HASH_BYTES, arena));
    box->cms = binary(piece_of(input, 1u + fuzz_u8(input), arena));
    return box;
}

static Wire__Batch *batch_build(struct fuzz_input *input, struct wire_arena *arena)
{
    Wire__Batch *batch = wire_arena_take(arena, sizeof *batch);
    Wire__BatchSeal *seal = wire_arena_take(arena, sizeof *seal);
    wire__batch__init(batch);
    wire__batch_seal__init(seal);
    batch->seal = seal;
    seal->suite = WIRE_SUITE_P256;
    seal->signer = binary(piece_of(input, WIRE_HASH_BYTES, arena));
    seal->origin = 310000;
    seal->mechanism = wire_arena_text(arena, "yangtze-delta", 13);
    seal->lane = (Wire__Lane)fuzz_below(input, WIRE_LANES);
    seal->store_id = binary(piece_of(input, WIRE_ID_BYTES, arena));
    seal->first = 1 + (fuzz_u64(input) >> 1);
    seal->signature = binary(piece_of(input, 1u + fuzz_below(input, WIRE_SIGNATURE_BYTES_MAX), arena));
    seal->count = 1u + fuzz_below(input, fuzz_one_in(input, 16) ? 200 : 12);
    seal->boxes = fuzz_below(input, 6);
    batch->n_envelope = seal->count;
    batch->n_box = seal->boxes;
    batch->envelope = wire_arena_take(arena, seal->count * sizeof *batch->envelope);
    batch->box = wire_arena_take(arena, (seal->boxes + 1) * sizeof *batch->box);
    for (uint32_t i = 0; i < seal->count; i++)
        batch->envelope[i] = envelope_build(input, seal, seal->first + i, arena);
    for (uint32_t i = 0, region = 110000; i < seal->boxes; i++, region += 1u + fuzz_u8(input))
        batch->box[i] = box_build(input, region, arena);
    root_right(batch, arena);
    return batch;
}

/* --- parts -------------------------------------------------------------------------------------------------------- */

/* Every envelope and the box, if there is one, are those of the batch, at their places. */
static void ensure_of_batch(const Wire__Batch *batch, const Wire__Part *part, Wire__Header *const *headers)
{
    for (size_t i = 0; i < part->n_envelope; i++) {
        uint32_t index = part->envelope[i]->index;
        ENSURE(index < batch->n_envelope && (i == 0 || index > part->envelope[i - 1]->index));
        ENSURE(wire_bytes_equal(wire_binary(&part->envelope[i]->header), wire_binary(&batch->envelope[index]->header)));
        ENSURE(headers[i] == NULL || headers[i]->seq == batch->seal->first + index);
    }
    if (part->box != NULL) {
        ENSURE(part->box_index >= batch->seal->count && part->box_index - batch->seal->count < batch->n_box);
        const Wire__KeyBox *box = batch->box[part->box_index - batch->seal->count];
        ENSURE(box->region == part->box->region &&
               wire_bytes_equal(wire_binary(&box->cms), wire_binary(&part->box->cms)));
    }
}

static enum wire_status check_part(struct wire_bytes raw, struct checked *out, const Wire__Part **part)
{
    struct wire_arena arena;
    enum wire_status status;
    uint32_t at = 0;
    fuzz_arena(SLOT_CHECK, wire_arena_budget(raw.size), &arena);
    *part = (const Wire__Part *)wire_decode(&wire__part__descriptor, raw, WIRE_STRICT_ALL, &arena, &status);
    if (*part == NULL)
        return status;
    status = wire_part_check(fuzz_hash(), *part, &arena, out->header, out->leaf, &at);
    ENSURE(at < WIRE_BATCH_ENVELOPES_MAX);
    return status;
}

static bool same_payloads(const Wire__Batch *batch, const Wire__Part *part)
{
    for (size_t i = 0; i < part->n_envelope; i++) {
        const Wire__Envelope *built = batch->envelope[part->envelope[i]->index];
        if (part->envelope[i]->has_payload &&
            !wire_bytes_equal(wire_binary(&part->envelope[i]->payload), wire_binary(&built->payload)))
            return false;
    }
    return true;
}

/* Changes one byte (or cuts the end off): what still passes is what was built. */
static void change(struct fuzz_input *input, const Wire__Batch *batch, struct wire_bytes encoded)
{
    struct wire_arena arena;
    static struct checked checked;
    const Wire__Part *part;
    fuzz_arena(SLOT_AGAIN, encoded.size, &arena);
    uint8_t *copy = wire_arena_copy(&arena, encoded.data, encoded.size);
    size_t size = encoded.size, at = fuzz_u16(input) % size;
    if (fuzz_one_in(input, 8))
        size = at;
    else
        copy[at] = fuzz_u8(input);
    enum wire_status status = check_part(wire_bytes(copy, size), &checked, &part);
    if (status == WIRE_OK || status == WIRE_TAMPERED)
        ensure_of_batch(batch, part, checked.header);
    if (status == WIRE_OK)
        ENSURE(same_payloads(batch, part));
}

static void cut(struct fuzz_input *input, const Wire__Batch *batch, const struct checked *whole)
{
    struct wire_arena arena;
    static struct checked checked;
    uint8_t have[WIRE_BATCH_LEAVES_MAX / 8 + 1] = {0};
    const Wire__Part *read;
    Wire__Part part;
    have[0] = 1;
    for (size_t i = 0; i < batch->n_envelope / 8 && i < 24; i++)
        have[i] = fuzz_u8(input) | (i == 0);
    size_t box = batch->n_envelope + fuzz_below(input, 6); /* maybe none */
    if (box < batch->n_envelope + batch->n_box)
        have[box / 8] |= (uint8_t)(1u << (box % 8));
    fuzz_arena(SLOT_PART, 1024 * 1024, &arena);
    ENSURE(wire_part_cut(fuzz_hash(), batch, whole->leaf, have, &arena, &part) == WIRE_OK);
    struct wire_bytes encoded = wire_encode(&part.base, &arena);
    ENSURE(encoded.data != NULL && check_part(encoded, &checked, &read) == WIRE_OK);
    ensure_of_batch(batch, read, checked.header);
    for (size_t i = 0; i < read->n_envelope; i++)
        ENSURE(memcmp(&checked.leaf[i], &whole->leaf[read->envelope[i]->index], sizeof checked.leaf[i]) == 0);
    for (int i = 0; i < CHANGES_MAX && input->size > 0; i++)
        change(input, batch, encoded);
}

static void build(struct fuzz_input *input)
{
    static struct checked checked;
    struct wire_arena arena, again;
    uint32_t at;
    enum wire_status status;
    fuzz_arena(SLOT_BATCH, 1024 * 1024, &arena);
    const Wire__Batch *built = batch_build(input, &arena);
    struct wire_bytes encoded = wire_encode(&built->base, &arena);
    ENSURE(encoded.data != NULL);
    fuzz_arena(SLOT_AGAIN, wire_arena_budget(encoded.size), &again);
    const Wire__Batch *batch =
        (const Wire__Batch *)wire_decode(&wire__batch__descriptor, encoded, WIRE_STRICT_ALL, &again, &status);
    ENSURE(batch != NULL); /* batch and headers fit the batch's budget, says wire/batch.h */
    status = wire_batch_check(fuzz_hash(), batch, &again, checked.header, checked.leaf, &at);
    ENSURE(status == WIRE_OK);
    cut(input, built, &checked);
}

/* --- a stranger's ------------------------------------------------------------------------------------------------- */

static void strange_batch(struct fuzz_input *input)
{
    static struct checked checked;
    struct wire_arena arena;
    enum wire_status status;
    uint8_t what = fuzz_u8(input);
    uint32_t at = 0;
    struct wire_bytes raw = fuzz_rest(input);
    fuzz_arena(SLOT_BATCH, 4 * wire_arena_budget(raw.size), &arena);
    Wire__Batch *batch = (Wire__Batch *)wire_decode(&wire__batch__descriptor, raw, WIRE_STRICT_ALL, &arena, &status);
    if (batch == NULL)
        return;
    put_right(batch, what, &arena);
    status = wire_batch_check(fuzz_hash(), batch, &arena, checked.header, checked.leaf, &at);
    ENSURE(at < WIRE_BATCH_LEAVES_MAX);
    if (status != WIRE_OK)
        return;
    uint8_t have[WIRE_BATCH_LEAVES_MAX / 8 + 1] = {0};
    Wire__Part part;
    const Wire__Part *read;
    static struct checked again;
    have[(batch->n_envelope - 1) / 8] |= (uint8_t)(1u << ((batch->n_envelope - 1) % 8));
    struct wire_arena part_arena;
    fuzz_arena(SLOT_PART, 4 * 1024 * 1024, &part_arena);
    ENSURE(wire_part_cut(fuzz_hash(), batch, checked.leaf, have, &part_arena, &part) == WIRE_OK);
    struct wire_bytes encoded = wire_encode(&part.base, &part_arena);
    ENSURE(encoded.data != NULL && check_part(encoded, &again, &read) == WIRE_OK);
}

static void strange_part(struct fuzz_input *input)
{
    static struct checked checked;
    const Wire__Part *part;
    check_part(fuzz_rest(input), &checked, &part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    if (size > 64 * 1024)
        return 0;
    switch (fuzz_below(&input, 3)) {
    case 0:
        build(&input);
        break;
    case 1:
        strange_batch(&input);
        break;
    default:
        strange_part(&input);
        break;
    }
    return 0;
}
