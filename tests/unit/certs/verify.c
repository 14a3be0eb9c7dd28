#include "certs/verify.h"
#include "fixture.h"
#include <stdio.h>
#include <stdlib.h>

static struct fixture fixture;
static struct cert_identity *node, *broker;
static struct wire_arena arena;
static uint8_t memory[256 * 1024];

static void setup(void)
{
    fixture_open(&fixture);
    node = zoo_identity(&fixture.zoo, "310000");
    broker = zoo_identity(&fixture.zoo, "broker");
    wire_arena_over(&arena, memory, sizeof memory);
}

static void teardown(void)
{
    cert_identity_free(&node);
    cert_identity_free(&broker);
    fixture_close(&fixture);
}

TestSuite(verify, .init = setup, .fini = teardown);

static enum wire_status verify_as(struct cert_identity *signer, Wire__Role role, uint32_t region, const char *text,
                                  int64_t at_ms)
{
    uint8_t signature[WIRE_SIGNATURE_BYTES_MAX];
    size_t size;
    cr_assert_eq(cert_sign(signer, "a text", 6, signature, &size), WIRE_OK);
    return cert_verify_text(fixture.directory, cert_identity_digest(signer, WIRE__USAGE__USAGE_IDENTITY), role, region,
                            text, strlen(text), wire_bytes(signature, size), at_ms);
}

static enum wire_status verify_zoo(const char *name, uint32_t region, int64_t at_ms)
{
    struct cert_identity *signer = zoo_identity(&fixture.zoo, name);
    enum wire_status status = verify_as(signer, cert_identity_role(signer), region, "a text", at_ms);
    cert_identity_free(&signer);
    return status;
}

Test(verify, text_by_whom_it_must_be)
{
    cr_expect_eq(verify_as(node, WIRE__ROLE__ROLE_NODE, 310000, "a text", NOW), WIRE_OK);
    cr_expect_eq(verify_as(node, WIRE__ROLE__ROLE_NODE, 310000, "b text", NOW), WIRE_BAD_SIGNATURE);
    cr_expect_eq(verify_as(node, WIRE__ROLE__ROLE_NODE, 310000, "", NOW), WIRE_BAD_SIGNATURE);
    cr_expect_eq(verify_as(node, WIRE__ROLE__ROLE_NODE, 330000, "a text", NOW), WIRE_FOREIGN_ORIGIN);
    cr_expect_eq(verify_as(node, WIRE__ROLE__ROLE_BROKER, 0, "a text", NOW), WIRE_FOREIGN_ORIGIN);
    cr_expect_eq(verify_as(broker, WIRE__ROLE__ROLE_BROKER, 0, "a text", NOW), WIRE_OK);
}

Test(verify, the_zoo)
{
    cr_expect_eq(verify_zoo("expired", 320000, NOW), WIRE_SIGNER_EXPIRED);
    cr_expect_eq(verify_zoo("expired", 320000, NOW - 2 * DAY), WIRE_OK);
    cr_expect_eq(verify_zoo("expired", 320000, CERT_ANY_TIME), WIRE_OK);
    cr_expect_eq(verify_zoo("future", 340000, NOW), WIRE_SIGNER_EXPIRED);
    cr_expect_eq(verify_zoo("revoked", 350000, NOW), WIRE_SIGNER_REVOKED);
    cr_expect_eq(verify_zoo("revoked", 350000, fixture.zoo.revoked_ms - 1), WIRE_OK);
    cr_expect_eq(verify_zoo("other-ca", 310000, NOW), WIRE_UNKNOWN_SIGNER);
    cr_expect_eq(verify_zoo("renewed", 310000, NOW), WIRE_OK);
    cr_expect_eq(verify_zoo("310000", 310000, NOW), WIRE_OK); /* the renewed key's old one still verifies */
    cr_expect_eq(verify_zoo("310000", 310000, NOW - 399 * DAY), WIRE_OK);
}

Test(verify, only_an_identity_certificate_signs)
{
    uint8_t signature[WIRE_SIGNATURE_BYTES_MAX];
    size_t size;
    cr_assert_eq(cert_sign(node, "a text", 6, signature, &size), WIRE_OK);
    for (Wire__Usage usage = WIRE__USAGE__USAGE_SEAL; usage <= WIRE__USAGE__USAGE_TRANSPORT; usage++)
        cr_expect_eq(cert_verify_text(fixture.directory, cert_identity_digest(node, usage), WIRE__ROLE__ROLE_NODE,
                                      310000, "a text", 6, wire_bytes(signature, size), NOW),
                     WIRE_FOREIGN_ORIGIN);
}

/* PITFALLS: errors left in OpenSSL's queue by one signature must not spoil the next. */
Test(verify, junk_signatures_leave_nothing_behind)
{
    static const uint8_t junk[WIRE_SIGNATURE_BYTES_MAX] = {0x30, 0x46, 0x02};
    const uint8_t *signer = cert_identity_digest(node, WIRE__USAGE__USAGE_IDENTITY);
    for (size_t size = 0; size <= sizeof junk; size += 8) {
        cr_expect_eq(cert_verify_text(fixture.directory, signer, WIRE__ROLE__ROLE_NODE, 310000, "a text", 6,
                                      wire_bytes(junk, size), NOW),
                     WIRE_BAD_SIGNATURE);
        cr_expect_eq(verify_as(node, WIRE__ROLE__ROLE_NODE, 310000, "a text", NOW), WIRE_OK);
    }
}

static uint8_t root_bytes[32] = {7}, store_id[16] = {9};

static Wire__BatchSeal seal_of(uint32_t origin)
{
    Wire__BatchSeal seal = WIRE__BATCH_SEAL__INIT;
    seal.origin = origin;
    seal.mechanism = (char *)(uintptr_t) "yangtze-delta";
    seal.lane = WIRE__LANE__URGENT;
    seal.store_id = (ProtobufCBinaryData){.data = store_id, .len = sizeof store_id};
    seal.first = 5;
    seal.count = 3;
    seal.boxes = 1;
    seal.root = (ProtobufCBinaryData){.data = root_bytes, .len = sizeof root_bytes};
    return seal;
}

Test(verify, batch_seal)
{
    Wire__BatchSeal seal = seal_of(310000);
    cr_assert_eq(cert_sign_batch(node, &seal, &arena), WIRE_OK);
    cr_expect_eq(seal.suite, WIRE_SUITE_P256);
    cr_expect_eq(cert_verify_batch(fixture.directory, &seal, NOW), WIRE_OK);
    Wire__BatchSeal other = seal;
    other.first = 6;
    cr_expect_eq(cert_verify_batch(fixture.directory, &other, NOW), WIRE_BAD_SIGNATURE);
    other = seal;
    other.boxes = 0;
    cr_expect_eq(cert_verify_batch(fixture.directory, &other, NOW), WIRE_BAD_SIGNATURE);
    other = seal;
    other.origin = 330000;
    cr_expect_eq(cert_verify_batch(fixture.directory, &other, NOW), WIRE_FOREIGN_ORIGIN);
    other = seal;
    other.suite = 2;
    cr_expect_eq(cert_verify_batch(fixture.directory, &other, NOW), WIRE_WRONG_SUITE);
    other = seal;
    other.root.len = 31;
    cr_expect_eq(cert_verify_batch(fixture.directory, &other, NOW), WIRE_BAD_FRAME);
    other = seal;
    other.signer.len = 0;
    cr_expect_eq(cert_verify_batch(fixture.directory, &other, NOW), WIRE_BAD_FRAME);
}

Test(verify, batch_of_the_broker_and_in_another_installation)
{
    Wire__BatchSeal seal = seal_of(0);
    cr_assert_eq(cert_sign_batch(broker, &seal, &arena), WIRE_OK);
    cr_expect_eq(cert_verify_batch(fixture.directory, &seal, NOW), WIRE_OK);
    /* the same key and text under another domain: a signature means nothing elsewhere */
    uint8_t text[WIRE_SIGNED_TEXT_MAX], domain[32] = {1};
    size_t size = wire_batch_signed_text(&seal, domain, text);
    cr_expect_eq(cert_verify_text(fixture.directory, seal.signer.data, WIRE__ROLE__ROLE_BROKER, 0, text, size,
                                  wire_bytes(seal.signature.data, seal.signature.len), NOW),
                 WIRE_BAD_SIGNATURE);
}

Test(verify, signing_reports_a_full_arena)
{
    uint8_t little[16];
    struct wire_arena small;
    wire_arena_over(&small, little, sizeof little);
    Wire__BatchSeal seal = seal_of(310000);
    cr_expect_eq(cert_sign_batch(node, &seal, &small), WIRE_NO_MEMORY);
    struct cert_statement item = {WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT, wire_bytes("x", 1)};
    Wire__Signed out;
    wire_arena_over(&small, little, sizeof little);
    cr_expect_eq(cert_sign_statements(broker, &fixture.hash, &item, 1, &small, &out), WIRE_NO_MEMORY);
}

enum { ITEMS = 37 };

static void sign_items(size_t count, struct cert_statement *items, char text[][16], Wire__Signed *out)
{
    for (size_t i = 0; i < count; i++) {
        int size = snprintf(text[i], 16, "statement %zu", i);
        items[i] = (struct cert_statement){WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT, wire_bytes(text[i], (size_t)size)};
    }
    cr_assert_eq(cert_sign_statements(broker, &fixture.hash, items, count, &arena, out), WIRE_OK);
}

/* Our tree against wire's: every path of every size leads to the root that was signed. */
Test(verify, statements_of_every_count)
{
    struct cert_statement items[ITEMS];
    char text[ITEMS][16];
    Wire__Signed out[ITEMS];
    for (size_t count = 1; count <= ITEMS; count++) {
        wire_arena_reset(&arena);
        sign_items(count, items, text, out);
        for (size_t i = 0; i < count; i++) {
            cr_expect_eq(cert_verify_signed(fixture.directory, &fixture.hash, &out[i], WIRE__ROLE__ROLE_BROKER, 0, NOW),
                         WIRE_OK, "%zu of %zu", i, count);
            cr_expect_eq(out[i].count, count);
            cr_expect_eq(out[i].index, i);
        }
    }
}

Test(verify, a_statement_cannot_be_bent)
{
    struct cert_statement items[8];
    char text[8][16];
    Wire__Signed out[8];
    sign_items(8, items, text, out);
    /* the good one first, so that its root is remembered: memory must not make bent ones good */
    for (int round = 0; round < 2; round++) {
        cr_expect_eq(cert_verify_signed(fixture.directory, &fixture.hash, &out[3], WIRE__ROLE__ROLE_BROKER, 0, NOW),
                     WIRE_OK);
        Wire__Signed bent = out[3];
        bent.statement = out[4].statement;
        cr_expect_eq(cert_verify_signed(fixture.directory, &fixture.hash, &bent, WIRE__ROLE__ROLE_BROKER, 0, NOW),
                     WIRE_BAD_SIGNATURE);
        bent = out[3];
        bent.type = WIRE__STATEMENT_TYPE__WITNESS_STATEMENT;
        cr_expect_eq(cert_verify_signed(fixture.directory, &fixture.hash, &bent, WIRE__ROLE__ROLE_BROKER, 0, NOW),
                     WIRE_BAD_SIGNATURE);
        bent = out[3];
        bent.index = 2;
        cr_expect_eq(cert_verify_signed(fixture.directory, &fixture.hash, &bent, WIRE__ROLE__ROLE_BROKER, 0, NOW),
                     WIRE_BAD_SIGNATURE);
        bent = out[3];
        bent.n_path = 2;
        cr_expect_eq(cert_verify_signed(fixture.directory, &fixture.hash, &bent, WIRE__ROLE__ROLE_BROKER, 0, NOW),
                     WIRE_BAD_ROOT);
        bent = out[3];
        bent.signature.len--;
        cr_expect_eq(cert_verify_signed(fixture.directory, &fixture.hash, &bent, WIRE__ROLE__ROLE_BROKER, 0, NOW),
                     WIRE_BAD_SIGNATURE);
        bent = out[3];
        bent.suite = 2;
        cr_expect_eq(cert_verify_signed(fixture.directory, &fixture.hash, &bent, WIRE__ROLE__ROLE_BROKER, 0, NOW),
                     WIRE_WRONG_SUITE);
        cr_expect_eq(cert_verify_signed(fixture.directory, &fixture.hash, &out[3], WIRE__ROLE__ROLE_NODE, 310000, NOW),
                     WIRE_FOREIGN_ORIGIN);
        cr_expect_eq(
            cert_verify_signed(fixture.directory, &fixture.hash, &out[3], WIRE__ROLE__ROLE_BROKER, 0, NOW + 500 * DAY),
            WIRE_SIGNER_EXPIRED);
    }
}

Test(verify, junk_signed_is_refused)
{
    Wire__Signed junk = WIRE__SIGNED__INIT;
    junk.type = WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT;
    junk.suite = WIRE_SUITE_P256;
    cr_expect_eq(cert_verify_signed(fixture.directory, &fixture.hash, &junk, WIRE__ROLE__ROLE_BROKER, 0, NOW),
                 WIRE_BAD_FRAME);
    uint8_t big[WIRE_SIGNATURE_BYTES_MAX + 1] = {0}, signer[32] = {0};
    junk.signer = (ProtobufCBinaryData){.data = signer, .len = 32};
    junk.signature = (ProtobufCBinaryData){.data = big, .len = sizeof big};
    cr_expect_eq(cert_verify_signed(fixture.directory, &fixture.hash, &junk, WIRE__ROLE__ROLE_BROKER, 0, NOW),
                 WIRE_BAD_FRAME);
    junk.signature.len = 70;
    junk.count = 0;
    cr_expect_eq(cert_verify_signed(fixture.directory, &fixture.hash, &junk, WIRE__ROLE__ROLE_BROKER, 0, NOW),
                 WIRE_BAD_ROOT);
    junk.count = 1;
    cr_expect_eq(cert_verify_signed(fixture.directory, &fixture.hash, &junk, WIRE__ROLE__ROLE_BROKER, 0, NOW),
                 WIRE_UNKNOWN_SIGNER);
}
