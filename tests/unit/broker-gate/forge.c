#include "forge.h"
#include "certs/verify.h"
#include "wire/ensure.h"
#include "wire/id.h"
#include "wire/merkle.h"
#include <stdlib.h>

void forge_open(struct forge *forge)
{
    *forge = (struct forge){0};
    zoo_open(&forge->zoo, NOW);
    forge->directory = zoo_directory(&forge->zoo);
    forge->identity = zoo_identity(&forge->zoo, "310000");
    forge->broker = zoo_identity(&forge->zoo, "broker");
    forge->hash = cert_hash_new();
    forge->gate = (struct gate){.hash = &forge->hash, .directory = forge->directory};
    forge->memory = malloc(FORGE_MEMORY);
    ENSURE(forge->memory != NULL);
    wire_arena_over(&forge->arena, forge->memory, FORGE_MEMORY);
}

void forge_close(struct forge *forge)
{
    cert_identity_free(&forge->identity);
    cert_identity_free(&forge->broker);
    cert_hash_close(&forge->hash);
    cert_directory_free(&forge->directory);
    free(forge->memory);
    zoo_close(&forge->zoo);
}

static void *take(struct forge *forge, size_t size)
{
    void *taken = wire_arena_take(&forge->arena, size);
    ENSURE(taken != NULL);
    return taken;
}

ProtobufCBinaryData forge_bytes(struct forge *forge, uint8_t fill, size_t size)
{
    ProtobufCBinaryData bytes = {.len = size, .data = take(forge, size)};
    memset(bytes.data, fill, size);
    return bytes;
}

static ProtobufCBinaryData binary(struct wire_bytes bytes)
{
    ENSURE(bytes.data != NULL);
    return (ProtobufCBinaryData){.len = bytes.size, .data = (uint8_t *)(uintptr_t)bytes.data};
}

static Wire__Header *new_header(struct forge *forge, uint32_t index)
{
    Wire__Header *header = take(forge, sizeof *header);
    wire__header__init(header);
    header->version = WIRE_PROTOCOL_VERSION;
    header->id = forge_bytes(forge, 0x17, WIRE_ID_BYTES);
    uint8_t random[10] = {(uint8_t)index, (uint8_t)(index >> 8)};
    wire_id_make(NOW, random, header->id.data);
    header->number_date = 20200207;
    header->number_serial = index + 1;
    header->origin = header->issuer_region = 310000;
    header->issuer_unit = 2;
    header->store_id = forge_bytes(forge, 0x55, WIRE_ID_BYTES);
    header->seq = index + 1;
    header->mechanism = wire_arena_text(&forge->arena, "yangtze-delta", 13);
    header->lane = WIRE__LANE__ROUTINE;
    header->kind = 3;
    header->status = WIRE__STATUS__ACTUAL;
    header->action = WIRE__ACTION__ISSUE;
    header->urgency = WIRE__URGENCY__EXPECTED;
    header->created_ms = NOW;
    header->keep_until = 20200307;
    header->form = WIRE__PAYLOAD_FORM__CLEAR;
    header->digest = forge_bytes(forge, 0, WIRE_HASH_BYTES);
    return header;
}

static Wire__Envelope *new_envelope(struct forge *forge, uint32_t index, size_t payload_size)
{
    Wire__Envelope *envelope = take(forge, sizeof *envelope);
    Wire__Header *header = new_header(forge, index);
    wire__envelope__init(envelope);
    envelope->salt = forge_bytes(forge, (uint8_t)index, WIRE_SALT_BYTES);
    envelope->payload = forge_bytes(forge, (uint8_t)(index + 1), payload_size);
    struct wire_digest digest = wire_payload_digest(&forge->hash, wire_bytes(envelope->salt.data, WIRE_SALT_BYTES),
                                                    wire_bytes(envelope->payload.data, payload_size));
    memcpy(header->digest.data, digest.bytes, sizeof digest.bytes);
    envelope->header = binary(wire_encode(&header->base, &forge->arena));
    return envelope;
}

Wire__Batch *forge_batch(struct forge *forge, uint32_t count, size_t payload_size)
{
    Wire__Batch *batch = take(forge, sizeof *batch);
    wire__batch__init(batch);
    batch->envelope = take(forge, (count + 1) * sizeof *batch->envelope);
    batch->box = take(forge, (WIRE_BOXES_MAX + 2) * sizeof *batch->box);
    for (uint32_t i = 0; i < count; i++)
        batch->envelope[batch->n_envelope++] = new_envelope(forge, i, payload_size);
    Wire__BatchSeal *seal = batch->seal = take(forge, sizeof *seal);
    wire__batch_seal__init(seal);
    seal->origin = 310000;
    seal->mechanism = wire_arena_text(&forge->arena, "yangtze-delta", 13);
    seal->lane = WIRE__LANE__ROUTINE;
    seal->store_id = forge_bytes(forge, 0x55, WIRE_ID_BYTES);
    seal->first = 1;
    forge_sign(forge, batch, forge->identity);
    return batch;
}

Wire__Header *forge_header(struct forge *forge, const Wire__Batch *batch, uint32_t index)
{
    ProtobufCBinaryData raw = batch->envelope[index]->header;
    enum wire_status status;
    ProtobufCMessage *header = wire_decode(&wire__header__descriptor, wire_bytes(raw.data, raw.len), WIRE_STRICT_HEADER,
                                           &forge->arena, &status);
    ENSURE(header != NULL);
    return (Wire__Header *)header;
}

void forge_put(struct forge *forge, Wire__Batch *batch, uint32_t index, const Wire__Header *header)
{
    batch->envelope[index]->header = binary(wire_encode(&header->base, &forge->arena));
}

Wire__KeyBox *forge_box(struct forge *forge, Wire__Batch *batch, uint32_t region)
{
    const struct cert_entry *to = cert_directory_current(forge->directory, region, WIRE__USAGE__USAGE_SEAL, NOW);
    uint8_t key[CERT_KEY_BYTES] = {7};
    struct wire_bytes cms;
    ENSURE(to != NULL && cert_box_seal(to, key, &forge->arena, &cms) == WIRE_OK);
    Wire__KeyBox *box = take(forge, sizeof *box);
    wire__key_box__init(box);
    box->region = region;
    box->certificate = forge_bytes(forge, 0, WIRE_HASH_BYTES);
    memcpy(box->certificate.data, to->subject.digest, WIRE_HASH_BYTES);
    box->cms = binary(cms);
    return batch->box[batch->n_box++] = box;
}

void forge_sign(struct forge *forge, Wire__Batch *batch, struct cert_identity *by)
{
    size_t count = batch->n_envelope + batch->n_box, at = 0;
    struct wire_digest *leaves = take(forge, (count + 1) * sizeof *leaves);
    for (size_t i = 0; i < batch->n_envelope; i++)
        leaves[at++] =
            wire_header_leaf(&forge->hash, wire_bytes(batch->envelope[i]->header.data, batch->envelope[i]->header.len));
    for (size_t i = 0; i < batch->n_box; i++)
        leaves[at++] = wire_box_leaf(&forge->hash, batch->box[i]->region,
                                     wire_bytes(batch->box[i]->certificate.data, batch->box[i]->certificate.len),
                                     wire_bytes(batch->box[i]->cms.data, batch->box[i]->cms.len));
    struct wire_digest root = {{0}};
    if (count > 0)
        root = wire_merkle_root(&forge->hash, leaves, count);
    batch->seal->count = (uint32_t)batch->n_envelope;
    batch->seal->boxes = (uint32_t)batch->n_box;
    batch->seal->root = (ProtobufCBinaryData){WIRE_HASH_BYTES, wire_arena_copy(&forge->arena, &root, sizeof root)};
    uint32_t origin = batch->seal->origin;
    batch->seal->origin = cert_identity_region(by);
    ENSURE(cert_sign_batch(by, batch->seal, &forge->arena) == WIRE_OK);
    batch->seal->origin = origin;
    /* they lie in the identity, and a test may damage them */
    batch->seal->signer.data = wire_arena_copy(&forge->arena, batch->seal->signer.data, batch->seal->signer.len);
    batch->seal->signature.data =
        wire_arena_copy(&forge->arena, batch->seal->signature.data, batch->seal->signature.len);
}

struct gate_submit forge_submit(struct forge *forge, uint32_t region, const Wire__Batch *batch, Wire__Signed *held)
{
    struct gate_submit seen;
    Wire__Submit submit = WIRE__SUBMIT__INIT;
    submit.batch = binary(wire_encode(&batch->base, &forge->arena));
    submit.held = held;
    gate_submit(&forge->gate, region, &submit, NOW, &forge->arena, &seen);
    return seen;
}

Wire__Signed *forge_statement(struct forge *forge, struct cert_identity *by, Wire__StatementType type,
                              const ProtobufCMessage *statement)
{
    Wire__Signed *made = take(forge, sizeof *made);
    struct cert_statement item = {.type = type, .statement = wire_encode(statement, &forge->arena)};
    ENSURE(item.statement.data != NULL);
    ENSURE(cert_sign_statements(by, &forge->hash, &item, 1, &forge->arena, made) == WIRE_OK);
    return made;
}

Wire__ReceiptStatement forge_receipt(struct forge *forge, const Wire__Batch *batch, int64_t at_ms)
{
    Wire__ReceiptStatement receipt = WIRE__RECEIPT_STATEMENT__INIT;
    receipt.ledger_id = forge_bytes(forge, 9, WIRE_ID_BYTES);
    receipt.generation = 1;
    receipt.origin = 310000;
    receipt.mechanism = batch->seal->mechanism;
    receipt.lane = batch->seal->lane;
    receipt.store_id = batch->seal->store_id;
    receipt.outcome = WIRE__RECEIPT_OUTCOME__JUDGED;
    receipt.first = batch->seal->first;
    receipt.count = batch->seal->count;
    receipt.root = batch->seal->root;
    receipt.at_ms = at_ms;
    receipt.ledger_serial = 1;
    return receipt;
}
