#include "make.h"
#include "wire/ensure.h"
#include <stdlib.h>

/* Every block knows the one before, so that none counts as leaked. */
struct block {
    struct block *before;
    uint8_t data[];
};

void *make_memory(size_t size)
{
    static struct block *newest;
    struct block *block = calloc(1, sizeof *block + size);

    ENSURE(block != NULL);
    block->before = newest;
    newest = block;
    return block->data;
}

struct wire_arena *make_arena(void)
{
    struct wire_arena *arena = make_memory(sizeof *arena);

    wire_arena_over(arena, make_memory(MAKE_MEMORY), MAKE_MEMORY);
    return arena;
}

ProtobufCBinaryData make_bytes(struct wire_arena *arena, uint8_t fill, size_t size)
{
    uint8_t *data = wire_arena_take(arena, size);

    ENSURE(data != NULL);
    memset(data, fill, size);
    return (ProtobufCBinaryData){.len = size, .data = data};
}

static ProtobufCBinaryData binary(struct wire_bytes bytes)
{
    return (ProtobufCBinaryData){.len = bytes.size, .data = (uint8_t *)(uintptr_t)bytes.data};
}

Wire__Header *make_header(struct wire_arena *arena, uint32_t index)
{
    Wire__Header *header = wire_arena_take(arena, sizeof *header);

    wire__header__init(header);
    header->version = WIRE_PROTOCOL_VERSION;
    header->id = make_bytes(arena, 0x17, WIRE_ID_BYTES);
    wire_put_u32(header->id.data, index);
    header->number_date = 20200207;
    header->number_serial = index + 1;
    header->origin = header->issuer_region = 310000;
    header->issuer_unit = 2;
    header->store_id = make_bytes(arena, 0x55, WIRE_ID_BYTES);
    header->seq = index + 1;
    header->mechanism = wire_arena_text(arena, "yangtze-delta", 13);
    header->lane = WIRE__LANE__URGENT;
    header->kind = 3;
    header->status = WIRE__STATUS__ACTUAL;
    header->action = WIRE__ACTION__ISSUE;
    header->urgency = WIRE__URGENCY__EXPECTED;
    header->created_ms = 1581040800000;
    header->keep_until = 20200307;
    header->form = WIRE__PAYLOAD_FORM__CLEAR;
    header->digest = make_bytes(arena, 0, WIRE_HASH_BYTES);
    return header;
}

static Wire__Envelope *make_envelope(struct wire_arena *arena, uint32_t index, size_t payload_size)
{
    Wire__Envelope *envelope = wire_arena_take(arena, sizeof *envelope);
    Wire__Header *header = make_header(arena, index);
    struct wire_hash hash = test_hash();

    wire__envelope__init(envelope);
    envelope->salt = make_bytes(arena, (uint8_t)index, WIRE_SALT_BYTES);
    envelope->payload = make_bytes(arena, (uint8_t)(index + 1), payload_size);
    struct wire_digest digest = wire_payload_digest(&hash, wire_bytes(envelope->salt.data, envelope->salt.len),
                                                    wire_bytes(envelope->payload.data, payload_size));
    memcpy(header->digest.data, digest.bytes, sizeof digest.bytes);
    envelope->header = binary(wire_encode(&header->base, arena));
    return envelope;
}

static Wire__KeyBox *make_box(struct wire_arena *arena, uint32_t index)
{
    Wire__KeyBox *box = wire_arena_take(arena, sizeof *box);

    wire__key_box__init(box);
    box->region = 330100 + 100 * index;
    box->certificate = make_bytes(arena, 0xce, WIRE_HASH_BYTES);
    box->cms = make_bytes(arena, (uint8_t)index, 300);
    return box;
}

static Wire__BatchSeal *make_batch_seal(struct wire_arena *arena, struct make_plan plan)
{
    Wire__BatchSeal *seal = wire_arena_take(arena, sizeof *seal);

    wire__batch_seal__init(seal);
    seal->suite = WIRE_SUITE_P256;
    seal->signer = make_bytes(arena, 0x51, WIRE_HASH_BYTES);
    seal->origin = 310000;
    seal->mechanism = wire_arena_text(arena, "yangtze-delta", 13);
    seal->lane = WIRE__LANE__URGENT;
    seal->store_id = make_bytes(arena, 0x55, WIRE_ID_BYTES);
    seal->first = 1;
    seal->count = plan.count;
    seal->boxes = plan.boxes;
    seal->root = make_bytes(arena, 0, WIRE_HASH_BYTES);
    seal->signature = make_bytes(arena, 0x30, 71);
    return seal;
}

Wire__Batch *make_batch(struct wire_arena *arena, struct make_plan plan)
{
    Wire__Batch *batch = wire_arena_take(arena, sizeof *batch);

    wire__batch__init(batch);
    batch->seal = make_batch_seal(arena, plan);
    batch->n_envelope = plan.count;
    batch->envelope = wire_arena_take(arena, (plan.count + 1) * sizeof *batch->envelope);
    for (uint32_t i = 0; i < plan.count; i++)
        batch->envelope[i] = make_envelope(arena, i, plan.payload_size);
    batch->n_box = plan.boxes;
    batch->box = wire_arena_take(arena, (plan.boxes + 1) * sizeof *batch->box);
    for (uint32_t i = 0; i < plan.boxes; i++)
        batch->box[i] = make_box(arena, i);
    make_seal(arena, batch);
    return batch;
}

void make_put_header(struct wire_arena *arena, Wire__Batch *batch, uint32_t index, const Wire__Header *header)
{
    batch->envelope[index]->header = binary(wire_encode(&header->base, arena));
}

void make_seal(struct wire_arena *arena, Wire__Batch *batch)
{
    size_t count = batch->n_envelope + batch->n_box;
    struct wire_digest *leaves = wire_arena_take(arena, (count + 1) * sizeof *leaves);
    struct wire_hash hash = test_hash();

    for (size_t i = 0; i < batch->n_envelope; i++) {
        ProtobufCBinaryData header = batch->envelope[i]->header;

        leaves[i] = wire_header_leaf(&hash, wire_bytes(header.data, header.len));
    }
    for (size_t i = 0; i < batch->n_box; i++) {
        const Wire__KeyBox *box = batch->box[i];

        leaves[batch->n_envelope + i] =
            wire_box_leaf(&hash, box->region, wire_bytes(box->certificate.data, box->certificate.len),
                          wire_bytes(box->cms.data, box->cms.len));
    }
    if (count > 0) {
        struct wire_digest root = wire_merkle_root(&hash, leaves, count);

        memcpy(batch->seal->root.data, root.bytes, sizeof root.bytes);
    }
}

uint64_t make_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}
