/* Batches and statements signed by the identities of the zoo, which a test then damages. */
#pragma once
#include "broker/gate/gate.h"
#include "certs/hash.h"
#include "certs/seal.h"
#include "support/zoo.h"
#include "wire/codec.h"
#include <criterion/criterion.h>

#define NOW INT64_C(1581040800000) /* 2020-02-07 10:00 +08:00 */

enum { FORGE_MEMORY = 48 * 1024 * 1024 };

struct forge {
    struct zoo zoo;
    struct cert_directory *directory;
    struct cert_identity *identity; /* of 310000 */
    struct cert_identity *broker;
    struct wire_hash hash;
    struct gate gate;
    struct wire_arena arena;
    void *memory;
};

void forge_open(struct forge *forge);
void forge_close(struct forge *forge);

ProtobufCBinaryData forge_bytes(struct forge *forge, uint8_t fill, size_t size);
/* 310000's batch of `count` clear envelopes, right in everything and signed. */
Wire__Batch *forge_batch(struct forge *forge, uint32_t count, size_t payload_size);
/* Header `index`, decoded; after a change it is put back with forge_put. */
Wire__Header *forge_header(struct forge *forge, const Wire__Batch *batch, uint32_t index);
void forge_put(struct forge *forge, Wire__Batch *batch, uint32_t index, const Wire__Header *header);
/* A key box to the current seal certificate of this region; boxes are added by rising adcode. */
Wire__KeyBox *forge_box(struct forge *forge, Wire__Batch *batch, uint32_t region);
/* Counts, root and signature as they must be now. */
void forge_sign(struct forge *forge, Wire__Batch *batch, struct cert_identity *by);
/* What the gate says of it when 310000 (or `region`) submits it. */
struct gate_submit forge_submit(struct forge *forge, uint32_t region, const Wire__Batch *batch, Wire__Signed *held);
/* One statement, signed. */
Wire__Signed *forge_statement(struct forge *forge, struct cert_identity *by, Wire__StatementType type,
                              const ProtobufCMessage *statement);
/* The broker's receipt about this batch. */
Wire__ReceiptStatement forge_receipt(struct forge *forge, const Wire__Batch *batch, int64_t at_ms);
