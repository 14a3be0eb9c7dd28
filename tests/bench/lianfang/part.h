/* A DELIVER read in place and checked: sizes, order, headers against their seal, digests of payloads, the proof, the
 * origin's signature, the broker's word on when it was admitted. Whatever is wrong makes the round void. */
#pragma once
#include "lianfang/world.h"

struct part {
    struct wire_bytes mechanism, chain, witness; /* of the DELIVER */
    uint64_t number, generation;
    uint32_t lane;
    const Wire__BatchSeal *seal; /* in the world's arena */
    uint32_t count;              /* envelopes */
    uint32_t index[WIRE_BATCH_ENVELOPES_MAX];
    struct wire_digest leaf[WIRE_BATCH_ENVELOPES_MAX + 1]; /* of the envelopes, then of the box */
    const uint8_t *id[WIRE_BATCH_ENVELOPES_MAX];
    uint32_t given; /* dispositions */
    const Wire__KeyBox *box;
    uint64_t box_index;
    uint8_t have[(WIRE_BATCH_LEAVES_MAX + 7) / 8];
    struct wire_digest proof[WIRE_PROOF_HASHES_MAX];
    uint32_t proofs;
};

/* `deliver`: the body of the frame. Bytes of *part lie in it and in the world's arena. */
void part_read(struct world *world, struct wire_bytes deliver, struct part *part);
/* A message of the schema, into the world's arena. */
const void *part_decode(struct world *world, const ProtobufCMessageDescriptor *type, struct wire_bytes bytes);
