/* Every line of bad input that a batch can be: what the gate says of it. */
#include "forge.h"

static struct forge forge;

static void setup(void)
{
    forge_open(&forge);
}

static void teardown(void)
{
    forge_close(&forge);
}

TestSuite(submit, .init = setup, .fini = teardown);

Test(submit, a_good_batch_comes_through_with_headers_and_leaves)
{
    Wire__Batch *batch = forge_batch(&forge, 3, 100);
    forge_box(&forge, batch, 330000);
    forge_sign(&forge, batch, forge.identity);
    struct gate_submit seen = forge_submit(&forge, 310000, batch, NULL);
    cr_assert_eq(seen.failed, WIRE_OK);
    cr_assert_eq(seen.batch->n_envelope, 3);
    cr_expect_eq(seen.headers[2]->seq, 3);
    struct wire_digest box = wire_box_leaf(&forge.hash, 330000, wire_bytes(batch->box[0]->certificate.data, 32),
                                           wire_bytes(batch->box[0]->cms.data, batch->box[0]->cms.len));
    cr_expect_arr_eq(seen.leaves[3].bytes, box.bytes, WIRE_HASH_BYTES);
    cr_expect_eq(seen.box_bad[0], 0);
    cr_expect_null(seen.held);
}

/* --- tampering ---------------------------------------------------------------------------------------------------- */

typedef void damaging(Wire__Batch *batch);

static void in_payload(Wire__Batch *batch)
{
    batch->envelope[1]->payload.data[0] ^= 1;
}

static void in_salt(Wire__Batch *batch)
{
    batch->envelope[1]->salt.data[0] ^= 1;
}

static void no_salt(Wire__Batch *batch)
{
    batch->envelope[1]->salt.len = 0;
}

static void in_header(Wire__Batch *batch)
{
    Wire__Header *header = forge_header(&forge, batch, 1);
    header->subject_count++;
    header->has_subject_count = true;
    forge_put(&forge, batch, 1, header);
}

static void in_root(Wire__Batch *batch)
{
    batch->seal->root.data[31] ^= 1;
}

static void in_signature(Wire__Batch *batch)
{
    batch->seal->signature.data[20] ^= 1;
}

static void in_signer(Wire__Batch *batch)
{
    batch->seal->signer.data[0] ^= 1;
}

static void in_first(Wire__Batch *batch)
{
    batch->seal->first = 2;
}

static void in_lane(Wire__Batch *batch)
{
    batch->seal->lane = WIRE__LANE__FLASH;
}

static void in_store(Wire__Batch *batch)
{
    batch->seal->store_id.data[0] ^= 1;
}

static void in_mechanism(Wire__Batch *batch)
{
    batch->seal->mechanism[0] = 'z';
}

static void in_count(Wire__Batch *batch)
{
    batch->seal->count++;
}

static void in_boxes(Wire__Batch *batch)
{
    batch->seal->boxes++;
}

static void in_box_region(Wire__Batch *batch)
{
    batch->box[0]->region = 330300;
}

static void in_cms(Wire__Batch *batch)
{
    batch->box[0]->cms.data[10] ^= 1;
}

static void box_gone(Wire__Batch *batch)
{
    batch->n_box--;
}

static void boxes_swapped(Wire__Batch *batch)
{
    Wire__KeyBox *first = batch->box[0];
    batch->box[0] = batch->box[1];
    batch->box[1] = first;
}

static void envelopes_swapped(Wire__Batch *batch)
{
    Wire__Envelope *first = batch->envelope[0];
    batch->envelope[0] = batch->envelope[1];
    batch->envelope[1] = first;
}

static void envelope_gone(Wire__Batch *batch)
{
    batch->n_envelope--;
}

static void in_suite(Wire__Batch *batch)
{
    batch->seal->suite = 2;
}

static void long_signature(Wire__Batch *batch)
{
    batch->seal->signature = forge_bytes(&forge, 0x30, WIRE_SIGNATURE_BYTES_MAX + 1);
}

static void no_signature(Wire__Batch *batch)
{
    batch->seal->signature.len = 0;
}

static void short_signer(Wire__Batch *batch)
{
    batch->seal->signer.len = 31;
}

static void short_root(Wire__Batch *batch)
{
    batch->seal->root.len = 31;
}

static void long_store(Wire__Batch *batch)
{
    batch->seal->store_id = forge_bytes(&forge, 0x55, 17);
}

static void long_mechanism(Wire__Batch *batch)
{
    batch->seal->mechanism = wire_arena_text(&forge.arena, "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", 52);
}

static void no_mechanism(Wire__Batch *batch)
{
    batch->seal->mechanism = wire_arena_text(&forge.arena, "", 0);
}

static const struct {
    const char *what;
    damaging *damage;
} changes[] = {
    {"payload", in_payload},
    {"salt", in_salt},
    {"no salt", no_salt},
    {"header", in_header},
    {"root", in_root},
    {"signature", in_signature},
    {"signer", in_signer},
    {"first", in_first},
    {"lane", in_lane},
    {"store id", in_store},
    {"mechanism", in_mechanism},
    {"count", in_count},
    {"boxes", in_boxes},
    {"region of a box", in_box_region},
    {"cms of a box", in_cms},
    {"a box gone", box_gone},
    {"boxes swapped", boxes_swapped},
    {"envelopes swapped", envelopes_swapped},
    {"an envelope gone", envelope_gone},
    {"suite", in_suite},
    {"long signature", long_signature},
    {"no signature", no_signature},
    {"short signer", short_signer},
    {"short root", short_root},
    {"long store id", long_store},
    {"long mechanism", long_mechanism},
    {"no mechanism", no_mechanism},
};

/* After the signature nothing can be changed. */
Test(submit, whatever_is_changed_after_signing_fails_the_batch)
{
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        wire_arena_reset(&forge.arena);
        Wire__Batch *batch = forge_batch(&forge, 3, 50);
        forge_box(&forge, batch, 330000);
        forge_box(&forge, batch, 330300);
        forge_sign(&forge, batch, forge.identity);
        changes[i].damage(batch);
        struct gate_submit seen = forge_submit(&forge, 310000, batch, NULL);
        cr_expect_neq(seen.failed, WIRE_OK, "%s", changes[i].what);
        cr_expect_neq(seen.failed, WIRE_OVER_BUDGET, "%s", changes[i].what);
    }
}

static enum wire_status changed(damaging *damage)
{
    wire_arena_reset(&forge.arena);
    Wire__Batch *batch = forge_batch(&forge, 3, 50);
    forge_box(&forge, batch, 330000);
    forge_box(&forge, batch, 330300);
    forge_sign(&forge, batch, forge.identity);
    damage(batch);
    return forge_submit(&forge, 310000, batch, NULL).failed;
}

Test(submit, says_what_was_changed)
{
    cr_expect_eq(changed(in_payload), WIRE_TAMPERED);
    cr_expect_eq(changed(in_signature), WIRE_BAD_SIGNATURE);
    cr_expect_eq(changed(in_root), WIRE_BAD_SIGNATURE);
    cr_expect_eq(changed(in_signer), WIRE_UNKNOWN_SIGNER);
    cr_expect_eq(changed(in_suite), WIRE_WRONG_SUITE);
    cr_expect_eq(changed(in_cms), WIRE_BAD_ROOT);
}

/* --- wrong although it is signed ---------------------------------------------------------------------------------- */

static enum wire_status resigned(damaging *damage)
{
    wire_arena_reset(&forge.arena);
    Wire__Batch *batch = forge_batch(&forge, 3, 50);
    forge_box(&forge, batch, 330000);
    forge_box(&forge, batch, 330300);
    damage(batch);
    forge_sign(&forge, batch, forge.identity);
    return forge_submit(&forge, 310000, batch, NULL).failed;
}

static void other_origin(Wire__Batch *batch)
{
    Wire__Header *header = forge_header(&forge, batch, 1);
    header->origin = 330000;
    forge_put(&forge, batch, 1, header);
}

static void other_mechanism(Wire__Batch *batch)
{
    Wire__Header *header = forge_header(&forge, batch, 1);
    header->mechanism = wire_arena_text(&forge.arena, "national", 8);
    forge_put(&forge, batch, 1, header);
}

static void other_lane(Wire__Batch *batch)
{
    Wire__Header *header = forge_header(&forge, batch, 1);
    header->lane = WIRE__LANE__FLASH;
    forge_put(&forge, batch, 1, header);
}

static void gap(Wire__Batch *batch)
{
    Wire__Header *header = forge_header(&forge, batch, 1);
    header->seq = 7;
    forge_put(&forge, batch, 1, header);
}

static void short_id(Wire__Batch *batch)
{
    Wire__Header *header = forge_header(&forge, batch, 1);
    header->id.len = 15;
    forge_put(&forge, batch, 1, header);
}

static void no_header(Wire__Batch *batch)
{
    batch->envelope[1]->header.len = 0;
}

static void critical_field(Wire__Batch *batch)
{
    ProtobufCBinaryData *header = &batch->envelope[1]->header;
    ProtobufCBinaryData more = forge_bytes(&forge, 0, header->len + 3);
    memcpy(more.data, header->data, header->len);
    memcpy(more.data + header->len, "\xf8\x03\x01", 3); /* field 63, varint 1 */
    *header = more;
}

static void ignorable_field(Wire__Batch *batch)
{
    ProtobufCBinaryData *header = &batch->envelope[1]->header;
    ProtobufCBinaryData more = forge_bytes(&forge, 0, header->len + 3);
    memcpy(more.data, header->data, header->len);
    memcpy(more.data + header->len, "\x80\x04\x01", 3); /* field 64, varint 1 */
    *header = more;
}

static void nul_in_header(Wire__Batch *batch)
{
    ProtobufCBinaryData *header = &batch->envelope[1]->header;
    for (size_t i = 0; i + 7 < header->len; i++)
        if (memcmp(header->data + i, "yangtze", 7) == 0)
            header->data[i + 3] = 0;
}

static void two_boxes_of_one_region(Wire__Batch *batch)
{
    batch->box[1] = batch->box[0];
}

static void short_certificate(Wire__Batch *batch)
{
    batch->box[0]->certificate.len = 16;
}

static void too_many_boxes(Wire__Batch *batch)
{
    for (uint32_t i = 2; i < WIRE_BOXES_MAX + 1; i++) {
        Wire__KeyBox *box = wire_arena_copy(&forge.arena, batch->box[0], sizeof *box);
        box->region = 330400 + i;
        batch->box[i] = box;
    }
    batch->n_box = WIRE_BOXES_MAX + 1;
}

static void nothing_in_it(Wire__Batch *batch)
{
    batch->n_envelope = 0;
}

static void nothing_wrong(Wire__Batch *batch)
{
    (void)batch;
}

Test(submit, a_signature_makes_nothing_right_that_is_wrong)
{
    cr_expect_eq(resigned(nothing_wrong), WIRE_OK);
    cr_expect_eq(resigned(ignorable_field), WIRE_OK, "fields from 64 on are for later");
    cr_expect_eq(resigned(other_origin), WIRE_MIXED_BATCH);
    cr_expect_eq(resigned(other_mechanism), WIRE_MIXED_BATCH);
    cr_expect_eq(resigned(other_lane), WIRE_MIXED_BATCH);
    cr_expect_eq(resigned(gap), WIRE_MIXED_BATCH);
    cr_expect_eq(resigned(short_id), WIRE_BAD_HEADER);
    cr_expect_eq(resigned(no_header), WIRE_BAD_HEADER);
    cr_expect_eq(resigned(critical_field), WIRE_BAD_HEADER);
    cr_expect_eq(resigned(nul_in_header), WIRE_BAD_HEADER);
    cr_expect_eq(resigned(boxes_swapped), WIRE_BAD_BOX);
    cr_expect_eq(resigned(two_boxes_of_one_region), WIRE_BAD_BOX);
    cr_expect_eq(resigned(short_certificate), WIRE_BAD_BOX);
    cr_expect_eq(resigned(too_many_boxes), WIRE_BAD_FRAME);
    cr_expect_eq(resigned(nothing_in_it), WIRE_BAD_FRAME);
}

Test(submit, what_is_too_large_is_refused)
{
    Wire__Batch *batch = forge_batch(&forge, WIRE_BATCH_ENVELOPES_MAX + 1, 10);
    cr_expect_eq(forge_submit(&forge, 310000, batch, NULL).failed, WIRE_BAD_FRAME);
    wire_arena_reset(&forge.arena);
    batch = forge_batch(&forge, 2, WIRE_BATCH_BYTES_MAX / 2);
    cr_expect_eq(forge_submit(&forge, 310000, batch, NULL).failed, WIRE_FRAME_TOO_LARGE);
    wire_arena_reset(&forge.arena);
    batch = forge_batch(&forge, WIRE_BATCH_ENVELOPES_MAX, 10);
    cr_expect_eq(forge_submit(&forge, 310000, batch, NULL).failed, WIRE_OK);
}

/* --- who signed --------------------------------------------------------------------------------------------------- */

static enum wire_status signed_by(const char *name, uint32_t region)
{
    wire_arena_reset(&forge.arena);
    struct cert_identity_options options = {.now_ms = 0};
    char path[ZOO_PATH_MAX];
    struct cert_identity *by = NULL;
    struct wire_problem problem = {0};
    cr_assert_eq(cert_identity_load(zoo_path(&forge.zoo, name, path), &options, &by, &problem), WIRE_OK, "%s: %s", name,
                 problem.en);
    Wire__Batch *batch = forge_batch(&forge, 1, 10);
    batch->seal->origin = region;
    Wire__Header *header = forge_header(&forge, batch, 0);
    header->origin = header->issuer_region = region;
    forge_put(&forge, batch, 0, header);
    forge_sign(&forge, batch, by);
    enum wire_status status = forge_submit(&forge, region, batch, NULL).failed;
    cert_identity_free(&by);
    return status;
}

Test(submit, the_signer_must_be_the_origin_and_valid_now)
{
    cr_expect_eq(signed_by("310000", 310000), WIRE_OK);
    cr_expect_eq(signed_by("renewed", 310000), WIRE_OK);
    cr_expect_eq(signed_by("330000", 330000), WIRE_OK);
    cr_expect_eq(signed_by("330000", 310000), WIRE_FOREIGN_ORIGIN);
    cr_expect_eq(signed_by("broker", 310000), WIRE_FOREIGN_ORIGIN);
    cr_expect_eq(signed_by("secretary", 310000), WIRE_FOREIGN_ORIGIN);
    cr_expect_eq(signed_by("expired", 320000), WIRE_SIGNER_EXPIRED);
    cr_expect_eq(signed_by("future", 340000), WIRE_SIGNER_EXPIRED);
    cr_expect_eq(signed_by("revoked", 350000), WIRE_SIGNER_REVOKED);
    cr_expect_eq(signed_by("superseded", 360000), WIRE_SIGNER_REVOKED);
    cr_expect_eq(signed_by("other-ca", 310000), WIRE_UNKNOWN_SIGNER);
}

Test(submit, a_peer_submits_for_itself_only)
{
    Wire__Batch *batch = forge_batch(&forge, 1, 10);
    cr_expect_eq(forge_submit(&forge, 330000, batch, NULL).failed, WIRE_FOREIGN_ORIGIN);
    cr_expect_eq(forge_submit(&forge, 0, batch, NULL).failed, WIRE_FOREIGN_ORIGIN);
}

/* --- boxes that nobody may seal to any more ----------------------------------------------------------------------- */

static const uint8_t *digest_of(const char *name, Wire__Usage usage, struct cert_identity **identity)
{
    struct cert_identity_options options = {.now_ms = 0};
    char path[ZOO_PATH_MAX];
    struct wire_problem problem = {0};
    cr_assert_eq(cert_identity_load(zoo_path(&forge.zoo, name, path), &options, identity, &problem), WIRE_OK);
    return cert_identity_digest(*identity, usage);
}

static uint16_t box_to(uint32_t region, const char *name, Wire__Usage usage)
{
    wire_arena_reset(&forge.arena);
    struct cert_identity *identity = NULL;
    Wire__Batch *batch = forge_batch(&forge, 1, 10);
    forge_box(&forge, batch, 330000);
    batch->box[0]->region = region;
    memcpy(batch->box[0]->certificate.data, digest_of(name, usage, &identity), WIRE_HASH_BYTES);
    forge_sign(&forge, batch, forge.identity);
    struct gate_submit seen = forge_submit(&forge, 310000, batch, NULL);
    cr_expect_eq(seen.failed, WIRE_OK, "a stale box fails its envelopes, not the batch");
    cert_identity_free(&identity);
    return seen.box_bad[0];
}

Test(submit, a_box_must_be_to_a_seal_certificate_of_its_region_that_is_valid)
{
    cr_expect_eq(box_to(330000, "330000", WIRE__USAGE__USAGE_SEAL), 0);
    cr_expect_eq(box_to(310000, "310000", WIRE__USAGE__USAGE_SEAL), 0, "an older one that is valid opens just as well");
    cr_expect_eq(box_to(330300, "330000", WIRE__USAGE__USAGE_SEAL), WIRE_STALE_SEAL);
    cr_expect_eq(box_to(330000, "330000", WIRE__USAGE__USAGE_IDENTITY), WIRE_STALE_SEAL);
    cr_expect_eq(box_to(320000, "expired", WIRE__USAGE__USAGE_SEAL), WIRE_STALE_SEAL);
    cr_expect_eq(box_to(340000, "future", WIRE__USAGE__USAGE_SEAL), WIRE_STALE_SEAL);
    cr_expect_eq(box_to(350000, "revoked", WIRE__USAGE__USAGE_SEAL), WIRE_STALE_SEAL);
    cr_expect_eq(box_to(310000, "other-ca", WIRE__USAGE__USAGE_SEAL), WIRE_STALE_SEAL);
}

/* --- offered again with its receipt ------------------------------------------------------------------------------- */

static Wire__Batch *by_revoked(struct cert_identity **by)
{
    struct cert_identity_options options = {.now_ms = 0};
    char path[ZOO_PATH_MAX];
    struct wire_problem problem = {0};
    cr_assert_eq(cert_identity_load(zoo_path(&forge.zoo, "superseded", path), &options, by, &problem), WIRE_OK);
    Wire__Batch *batch = forge_batch(&forge, 1, 10);
    batch->seal->origin = 360000;
    Wire__Header *header = forge_header(&forge, batch, 0);
    header->origin = header->issuer_region = 360000;
    forge_put(&forge, batch, 0, header);
    forge_sign(&forge, batch, *by);
    return batch;
}

static struct gate_submit with_receipt(const Wire__Batch *batch, const Wire__ReceiptStatement *receipt,
                                       struct cert_identity *by)
{
    return forge_submit(&forge, 360000, batch,
                        forge_statement(&forge, by, WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT, &receipt->base));
}

/* The certificate was valid when the broker admitted the batch; now it is not. */
Test(submit, a_receipt_carries_its_own_batch_over_the_end_of_the_signer)
{
    struct cert_identity *by = NULL;
    Wire__Batch *batch = by_revoked(&by);
    Wire__ReceiptStatement receipt = forge_receipt(&forge, batch, forge.zoo.revoked_ms - 1000);
    receipt.origin = 360000;
    cr_expect_eq(forge_submit(&forge, 360000, batch, NULL).failed, WIRE_SIGNER_REVOKED);
    struct gate_submit seen = with_receipt(batch, &receipt, forge.broker);
    cr_expect_eq(seen.failed, WIRE_OK);
    cr_expect_not_null(seen.held);
    receipt.at_ms = forge.zoo.revoked_ms + 1000;
    cr_expect_eq(with_receipt(batch, &receipt, forge.broker).failed, WIRE_SIGNER_REVOKED);
    cert_identity_free(&by);
}

Test(submit, a_receipt_carries_no_other_batch)
{
    struct cert_identity *by = NULL;
    Wire__Batch *batch = by_revoked(&by);
    Wire__ReceiptStatement good = forge_receipt(&forge, batch, forge.zoo.revoked_ms - 1000);
    good.origin = 360000;
    Wire__ReceiptStatement other[8];
    for (size_t i = 0; i < 8; i++)
        other[i] = good;
    other[0].root = forge_bytes(&forge, 1, WIRE_HASH_BYTES);
    other[1].first++;
    other[2].count++;
    other[3].origin = 310000;
    other[4].store_id = forge_bytes(&forge, 2, WIRE_ID_BYTES);
    other[5].lane = WIRE__LANE__BULK;
    other[6].mechanism = wire_arena_text(&forge.arena, "national", 8);
    other[7].outcome = WIRE__RECEIPT_OUTCOME__EXPECTED_FIRST;
    for (size_t i = 0; i < 8; i++) {
        struct gate_submit seen = with_receipt(batch, &other[i], forge.broker);
        cr_expect_eq(seen.failed, WIRE_SIGNER_REVOKED, "%zu", i);
        cr_expect_null(seen.held, "%zu", i);
    }
    struct cert_identity *node = zoo_identity(&forge.zoo, "330000");
    cr_expect_null(with_receipt(batch, &good, node).held, "only the broker's own signature counts");
    cert_identity_free(&node);
    cert_identity_free(&by);
}

/* Invariant 9: what a batch may cost is bounded by its size, however large the arena is. */
Test(submit, a_batch_that_would_unpack_without_end_is_over_budget)
{
    size_t count = 200 * 1000; /* empty envelopes: two bytes on the wire, 80 in memory */
    struct gate_submit seen;
    Wire__Submit submit = WIRE__SUBMIT__INIT;
    submit.batch = forge_bytes(&forge, 0, 2 * count);
    for (size_t i = 0; i < count; i++)
        submit.batch.data[2 * i] = 0x12;
    size_t before = forge.arena.used;
    gate_submit(&forge.gate, 310000, &submit, NOW, &forge.arena, &seen);
    cr_expect_null(seen.batch);
    cr_expect_neq(seen.failed, WIRE_OK);
    cr_expect_leq(forge.arena.used - before, wire_arena_budget(submit.batch.len));
}
