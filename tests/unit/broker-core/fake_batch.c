#include "fake.h"
#include "wire/ensure.h"
#include "wire/id.h"
#include "wire/kind.h"
#include "wire/time.h"
#include "wire/unit.h"
#include <stdlib.h>

/* An envelope with its header, and what receipts say of it. */
enum { BATCH_BYTES = 12 * 1024, ENVELOPE_BYTES = 3 * 1024 };

uint64_t fake_random(struct fake *fake)
{
    fake->seed += 0x9e3779b97f4a7c15u;
    uint64_t v = fake->seed;
    v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9u;
    v = (v ^ (v >> 27)) * 0x94d049bb133111ebu;
    return v ^ (v >> 31);
}

static void *take(struct fake_batch *batch, size_t size)
{
    void *taken = wire_arena_take(&batch->arena, size);
    ENSURE(taken != NULL);
    return taken;
}

static Wire__Address **address(struct fake_batch *batch, uint32_t region, uint32_t unit)
{
    Wire__Address **list = take(batch, sizeof *list);
    list[0] = take(batch, sizeof **list);
    wire__address__init(list[0]);
    list[0]->region = region;
    list[0]->has_unit = unit != 0;
    list[0]->unit = unit;
    return list;
}

static Wire__Reference *reference(struct fake_batch *batch, uint32_t origin, const uint8_t *id)
{
    Wire__Reference *out = take(batch, sizeof *out);
    wire__reference__init(out);
    out->origin = origin;
    out->id.data = wire_arena_copy(&batch->arena, id, WIRE_ID_BYTES);
    out->id.len = WIRE_ID_BYTES;
    return out;
}

static uint32_t unit_of(uint32_t kind)
{
    if (kind == WIRE_KIND_MEASURE_BULLETIN)
        return WIRE_UNIT_COMMAND;
    return kind == WIRE_KIND_SUPPLY_REQUEST ? WIRE_UNIT_LOGISTICS : WIRE_UNIT_CDC;
}

static void name(struct fake_batch *batch, Wire__Header *header, const struct fake_spec *spec)
{
    if (spec->names == NULL)
        return;
    Wire__Reference *named = reference(batch, spec->names_origin, spec->names);
    if (spec->action == WIRE__ACTION__ISSUE) {
        header->in_reply_to = named;
        return;
    }
    header->references = take(batch, sizeof *header->references);
    header->references[0] = named;
    header->n_references = 1;
}

static void make_id(struct fake *fake, uint8_t *id)
{
    uint8_t random[16];
    uint64_t a = fake_random(fake), b = fake_random(fake);
    memcpy(random, &a, 8);
    memcpy(random + 8, &b, 8);
    wire_id_make(fake->wall_ms, random, id);
}

static uint32_t keep_until(const struct fake *fake, const struct fake_spec *spec)
{
    bool persons = spec->kind == WIRE_KIND_CONTACT_NOTICE || spec->kind == WIRE_KIND_OUTCOME ||
                   spec->kind == WIRE_KIND_ACKNOWLEDGEMENT;
    return wire_day_add(wire_day_of(fake->wall_ms), persons ? 20 : 300);
}

static Wire__Header *header_make(struct fake *fake, struct fake_batch *batch, uint32_t origin,
                                 const struct fake_spec *spec, uint64_t seq)
{
    const Wire__BatchSeal *seal = batch->batch->seal;
    bool sealed = (spec->kind == WIRE_KIND_CONTACT_NOTICE || spec->kind == WIRE_KIND_OUTCOME) &&
                  spec->action != WIRE__ACTION__CANCEL;
    Wire__Header *header = take(batch, sizeof *header);
    wire__header__init(header);
    header->version = 1;
    header->id.len = WIRE_ID_BYTES;
    header->id.data = take(batch, WIRE_ID_BYTES);
    if (spec->id != NULL)
        memcpy(header->id.data, spec->id, WIRE_ID_BYTES);
    else
        make_id(fake, header->id.data);
    header->number_date = wire_day_of(fake->wall_ms);
    header->number_serial = (uint32_t)seq;
    header->origin = header->issuer_region = origin;
    header->issuer_unit = spec->unit != 0 ? spec->unit : unit_of(spec->kind);
    header->store_id = seal->store_id;
    header->seq = seq;
    header->mechanism = seal->mechanism;
    header->mechanism_reason = (char *)(uintptr_t)spec->mechanism_reason;
    header->lane = seal->lane;
    header->kind = spec->kind;
    header->status = WIRE__STATUS__ACTUAL;
    header->action = spec->action;
    header->urgency = spec->urgency != 0 ? spec->urgency : WIRE__URGENCY__EXPECTED;
    header->created_ms = fake->wall_ms;
    header->has_expires_ms = spec->expires_ms != 0;
    header->expires_ms = spec->expires_ms;
    header->keep_until = keep_until(fake, spec);
    header->form = sealed ? WIRE__PAYLOAD_FORM__SEALED : WIRE__PAYLOAD_FORM__CLEAR;
    header->has_progress = spec->kind == WIRE_KIND_OUTCOME;
    header->progress = spec->final ? WIRE__PROGRESS__FINAL : WIRE__PROGRESS__OPEN;
    header->digest.data = take(batch, WIRE_HASH_BYTES);
    header->digest.len = WIRE_HASH_BYTES;
    if (spec->concerns != 0) {
        header->n_concerns = 1;
        header->concerns = take(batch, sizeof *header->concerns);
        header->concerns[0] = spec->concerns;
    }
    if (spec->to != 0) {
        header->n_to = 1;
        header->to = address(batch, spec->to, spec->to_unit);
    }
    name(batch, header, spec);
    return header;
}

static void envelope_make(struct fake_batch *batch, uint32_t i, uint32_t payload_bytes)
{
    Wire__Envelope *envelope = batch->batch->envelope[i] = take(batch, sizeof *envelope);
    wire__envelope__init(envelope);
    size_t size = wire__header__get_packed_size(batch->headers[i]);
    envelope->header.data = take(batch, size);
    envelope->header.len = wire__header__pack(batch->headers[i], envelope->header.data);
    envelope->salt.data = take(batch, WIRE_SALT_BYTES);
    envelope->salt.len = WIRE_SALT_BYTES;
    envelope->payload.data = take(batch, payload_bytes);
    envelope->payload.len = payload_bytes;
}

/* A box for each region that a sealed envelope concerns, by rising adcode. */
static void boxes_make(struct fake_batch *batch, const struct fake_spec *specs, uint32_t count)
{
    static const uint32_t regions[] = {310000, 320000, 330000, 340000, 350000};
    batch->batch->box = take(batch, 5 * sizeof *batch->batch->box);
    for (size_t r = 0; r < 5; r++) {
        bool wanted = false;
        for (uint32_t i = 0; i < count; i++)
            wanted |= specs[i].concerns == regions[r] && !specs[i].no_box &&
                      batch->headers[i]->form == WIRE__PAYLOAD_FORM__SEALED;
        if (!wanted)
            continue;
        Wire__KeyBox *box = batch->batch->box[batch->batch->n_box++] = take(batch, sizeof *box);
        wire__key_box__init(box);
        box->region = regions[r];
        box->certificate.data = take(batch, WIRE_HASH_BYTES);
        box->certificate.len = WIRE_HASH_BYTES;
        box->cms.data = take(batch, 300);
        box->cms.len = 300;
    }
    batch->batch->seal->boxes = (uint32_t)batch->batch->n_box;
}

static void root_make(struct fake *fake, struct fake_batch *batch)
{
    size_t count = batch->batch->n_envelope, all = count + batch->batch->n_box;
    struct wire_digest *scratch = take(batch, all * sizeof *scratch);
    batch->leaves = take(batch, all * sizeof *batch->leaves);
    for (size_t i = 0; i < count; i++)
        batch->leaves[i] = wire_header_leaf(
            &fake->hash, wire_bytes(batch->batch->envelope[i]->header.data, batch->batch->envelope[i]->header.len));
    for (size_t i = count; i < all; i++) {
        const Wire__KeyBox *box = batch->batch->box[i - count];
        batch->leaves[i] =
            wire_box_leaf(&fake->hash, box->region, wire_bytes(box->certificate.data, box->certificate.len),
                          wire_bytes(box->cms.data, box->cms.len));
    }
    memcpy(scratch, batch->leaves, all * sizeof *scratch);
    struct wire_digest root = wire_merkle_root(&fake->hash, scratch, all);
    memcpy(batch->batch->seal->root.data, root.bytes, WIRE_HASH_BYTES);
}

struct fake_batch *fake_batch_make(struct fake *fake, uint32_t origin, const uint8_t *store_id, const char *mechanism,
                                   uint32_t lane, uint64_t first, const struct fake_spec *specs, uint32_t count)
{
    struct fake_batch *batch = calloc(1, sizeof *batch);
    size_t payloads = 0;
    for (uint32_t i = 0; i < count; i++)
        payloads += specs[i].payload_bytes;
    ENSURE(batch != NULL && count >= 1 && count <= WIRE_BATCH_ENVELOPES_MAX);
    size_t size = BATCH_BYTES + count * ENVELOPE_BYTES + payloads;
    batch->memory = malloc(size);
    ENSURE(batch->memory != NULL);
    wire_arena_over(&batch->arena, batch->memory, size);
    batch->next = fake->batches;
    fake->batches = batch;

    batch->batch = take(batch, sizeof *batch->batch);
    wire__batch__init(batch->batch);
    Wire__BatchSeal *seal = batch->batch->seal = take(batch, sizeof *seal);
    wire__batch_seal__init(seal);
    seal->suite = WIRE_SUITE_P256;
    seal->signer.data = take(batch, WIRE_HASH_BYTES);
    seal->signer.len = WIRE_HASH_BYTES;
    seal->origin = origin;
    seal->mechanism = wire_arena_text(&batch->arena, mechanism, strlen(mechanism));
    seal->lane = (Wire__Lane)lane;
    seal->store_id.data = wire_arena_copy(&batch->arena, store_id, WIRE_ID_BYTES);
    seal->store_id.len = WIRE_ID_BYTES;
    seal->first = first;
    seal->count = count;
    seal->root.data = take(batch, WIRE_HASH_BYTES);
    seal->root.len = WIRE_HASH_BYTES;
    seal->signature.data = take(batch, 72);
    seal->signature.len = 72;
    batch->batch->n_envelope = count;
    batch->batch->envelope = take(batch, count * sizeof *batch->batch->envelope);
    batch->headers = take(batch, count * sizeof *batch->headers);
    batch->bad = take(batch, count * sizeof *batch->bad);
    for (uint32_t i = 0; i < count; i++) {
        batch->headers[i] = header_make(fake, batch, origin, &specs[i], first + i);
        batch->bad[i] = (uint16_t)specs[i].bad;
        envelope_make(batch, i, specs[i].payload_bytes != 0 ? specs[i].payload_bytes : 100);
    }
    boxes_make(batch, specs, count);
    root_make(fake, batch);
    batch->frame_bytes = (uint32_t)wire__batch__get_packed_size(batch->batch) + 8;
    return batch;
}
