#include "certs/seal.h"
#include "certs/box_form.h"
#include "certs/file.h"
#include "certs/held.h"
#include "fixture.h"
#include "wire/id.h"
#include <stdio.h>
#include <stdlib.h>

static struct fixture fixture;
static struct wire_arena arena;
static uint8_t memory[64 * 1024];

static void setup(void)
{
    fixture_open(&fixture);
    wire_arena_over(&arena, memory, sizeof memory);
}

static void teardown(void)
{
    fixture_close(&fixture);
}

TestSuite(seal, .init = setup, .fini = teardown);

static const EVP_PKEY *seal_key_of(const struct cert_identity *identity)
{
    return identity->pair[WIRE__USAGE__USAGE_SEAL].key;
}

static struct wire_bytes box_to(const struct cert_entry *entry, const uint8_t key[32])
{
    struct wire_bytes cms;
    cr_assert_eq(cert_box_seal(entry, key, &arena, &cms), WIRE_OK);
    return cms;
}

Test(seal, a_box_opens_with_the_regions_key_only)
{
    const struct cert_entry *entry = cert_directory_current(fixture.directory, 330000, WIRE__USAGE__USAGE_SEAL, NOW);
    struct cert_identity *right = zoo_identity(&fixture.zoo, "330000"), *wrong = zoo_identity(&fixture.zoo, "330300");
    uint8_t key[32], opened[32], zero[32] = {0};
    cert_random(key, sizeof key);
    struct wire_bytes cms = box_to(entry, key);
    cr_expect_lt(cms.size, 500);
    cr_assert_eq(cert_box_open(right, entry->subject.digest, cms, opened), WIRE_OK);
    cr_expect_arr_eq(opened, key, 32);
    cr_expect_eq(cert_box_open(wrong, entry->subject.digest, cms, opened), WIRE_CANNOT_OPEN);
    cr_expect_arr_eq(opened, zero, 32);
    cr_expect_eq(cert_box_open(wrong, cert_identity_digest(wrong, WIRE__USAGE__USAGE_SEAL), cms, opened),
                 WIRE_CANNOT_OPEN);
    cert_identity_free(&right);
    cert_identity_free(&wrong);
}

/* Invariant 13: the broker can decrypt nothing about persons; it has no seal at all. */
Test(seal, the_broker_opens_nothing)
{
    const struct cert_entry *entry = cert_directory_current(fixture.directory, 330000, WIRE__USAGE__USAGE_SEAL, NOW);
    struct cert_identity *broker = zoo_identity(&fixture.zoo, "broker");
    uint8_t key[32] = {1}, opened[32];
    struct wire_bytes cms = box_to(entry, key);
    cr_expect_eq(cert_box_open(broker, entry->subject.digest, cms, opened), WIRE_CANNOT_OPEN);
    cert_identity_free(&broker);
}

Test(seal, an_earlier_seal_key_still_opens)
{
    struct cert_identity *first = zoo_identity(&fixture.zoo, "310000"),
                         *renewed = zoo_identity(&fixture.zoo, "renewed");
    const uint8_t *digest = cert_identity_digest(first, WIRE__USAGE__USAGE_SEAL);
    uint8_t key[32] = {5}, opened[32];
    struct wire_bytes cms = box_to(cert_directory_find(fixture.directory, digest), key);
    cr_assert_eq(cert_box_open(renewed, digest, cms, opened), WIRE_OK);
    cr_expect_arr_eq(opened, key, 32);
    cert_identity_free(&first);
    cert_identity_free(&renewed);
}

Test(seal, a_bent_box_does_not_open)
{
    struct cert_identity *identity = zoo_identity(&fixture.zoo, "330000");
    const struct cert_entry *entry = cert_directory_current(fixture.directory, 330000, WIRE__USAGE__USAGE_SEAL, NOW);
    uint8_t key[32] = {6}, opened[32], bent[512];
    struct wire_bytes cms = box_to(entry, key);
    size_t opens = 0;
    for (size_t i = 0; i < cms.size; i++) {
        memcpy(bent, cms.data, cms.size);
        bent[i] ^= 0x04;
        if (cert_box_open(identity, entry->subject.digest, wire_bytes(bent, cms.size), opened) == WIRE_OK) {
            cr_expect_arr_eq(opened, key, 32); /* a byte that nothing depends on (an unused hint): same key or none */
            opens++;
        }
    }
    cr_expect_lt(opens, 40, "%zu", opens);
    for (size_t size = 0; size < cms.size; size += 11)
        cr_expect_eq(cert_box_open(identity, entry->subject.digest, wire_bytes(cms.data, size), opened),
                     WIRE_CANNOT_OPEN);
    memcpy(bent, cms.data, cms.size);
    bent[cms.size] = 0;
    cr_expect_eq(cert_box_open(identity, entry->subject.digest, wire_bytes(bent, cms.size + 1), opened),
                 WIRE_CANNOT_OPEN);
    cert_identity_free(&identity);
}

Test(seal, only_to_a_seal_certificate)
{
    uint8_t key[32] = {0};
    struct wire_bytes cms;
    const struct cert_entry *identity =
        cert_directory_current(fixture.directory, 330000, WIRE__USAGE__USAGE_IDENTITY, NOW);
    const struct cert_entry *good = cert_directory_current(fixture.directory, 330000, WIRE__USAGE__USAGE_SEAL, NOW);
    cr_expect_eq(cert_box_seal(identity, key, &arena, &cms), WIRE_INVALID);
    struct wire_arena small;
    uint8_t little[64];
    wire_arena_over(&small, little, sizeof little);
    cr_expect_eq(cert_box_seal(good, key, &small, &cms), WIRE_NO_MEMORY);
}

/* Whoever holds the seal key needs nothing of ours to open a box. */
Test(seal, openssl_on_the_command_line_opens_a_box)
{
    const struct cert_entry *entry = cert_directory_current(fixture.directory, 330000, WIRE__USAGE__USAGE_SEAL, NOW);
    char box[ZOO_PATH_MAX], out[ZOO_PATH_MAX], command[4 * ZOO_PATH_MAX];
    uint8_t key[32];
    cert_random(key, sizeof key);
    cr_assert_eq(cert_file_write(zoo_path(&fixture.zoo, "box.der", box), box_to(entry, key), 0600, false, NULL),
                 WIRE_OK);
    zoo_path(&fixture.zoo, "key", out);
    snprintf(
        command, sizeof command,
        "openssl cms -decrypt -binary -inform DER -in %s -inkey %s/330000/seal.key -recip %s/330000/seal.pem -out %s",
        box, fixture.zoo.root, fixture.zoo.root, out);
    cr_assert_eq(system(command), 0);
    struct cert_file opened;
    cr_assert_eq(cert_file_read(out, false, &opened, NULL), WIRE_OK);
    cr_expect_eq(opened.size, 32);
    cr_expect_arr_eq(opened.data, key, 32);
    cert_file_close(&opened);
    snprintf(command, sizeof command,
             "openssl cms -cmsout -print -inform DER -in %s | grep -q 'dhSinglePass-stdDH-sha256kdf'", box);
    cr_expect_eq(system(command), 0, "not derived with SHA-256");
    snprintf(command, sizeof command, "openssl cms -cmsout -print -inform DER -in %s | grep -q 'aes-256-gcm'", box);
    cr_expect_eq(system(command), 0);
}

/* The other way round: what OpenSSL's CMS makes of the same choices is a box of our form, and opens as one. */
Test(seal, a_box_of_openssl_opens)
{
    struct cert_identity *identity = zoo_identity(&fixture.zoo, "330000");
    const struct cert_entry *entry = cert_directory_current(fixture.directory, 330000, WIRE__USAGE__USAGE_SEAL, NOW);
    char box[ZOO_PATH_MAX], in[ZOO_PATH_MAX], command[4 * ZOO_PATH_MAX];
    uint8_t key[32], opened[32];
    cert_random(key, sizeof key);
    cr_assert_eq(cert_file_write(zoo_path(&fixture.zoo, "key", in), wire_bytes(key, sizeof key), 0600, false, NULL),
                 WIRE_OK);
    zoo_path(&fixture.zoo, "box.der", box);
    for (int by_key_id = 0; by_key_id < 2; by_key_id++) {
        snprintf(command, sizeof command,
                 "openssl cms -encrypt -binary -aes-256-gcm -outform DER -in %s -out %s %s -recip %s/330000/seal.pem "
                 "-keyopt ecdh_kdf_md:sha256",
                 in, box, by_key_id ? "-keyid" : "", fixture.zoo.root);
        cr_assert_eq(system(command), 0);
        struct cert_file made;
        cr_assert_eq(cert_file_read(box, false, &made, NULL), WIRE_OK);
        struct wire_bytes cms = wire_bytes(made.data, made.size);
        memset(opened, 0, sizeof opened);
        cr_expect_eq(cert_box_read(entry->certificate, seal_key_of(identity), cms, opened), by_key_id == 1,
                     "by issuer: OpenSSL's to read");
        cr_expect_eq(cert_box_open(identity, entry->subject.digest, cms, opened), WIRE_OK);
        cr_expect_arr_eq(opened, key, 32);
        cert_file_close(&made);
    }
    cert_identity_free(&identity);
}

/* Whatever byte of it is another one: the same key or none, and OpenSSL says so too where ours says none. */
Test(seal, a_bent_box_is_not_of_our_form)
{
    struct cert_identity *identity = zoo_identity(&fixture.zoo, "330000");
    const struct cert_entry *entry = cert_directory_current(fixture.directory, 330000, WIRE__USAGE__USAGE_SEAL, NOW);
    uint8_t key[32] = {7}, opened[32], zero[32] = {0}, box[CERT_BOX_BYTES];
    cr_assert(cert_box_write(entry->certificate, key, box));
    cr_expect(cert_box_read(entry->certificate, seal_key_of(identity), wire_bytes(box, sizeof box), opened));
    cr_expect_arr_eq(opened, key, 32);
    for (size_t i = 0; i < sizeof box; i++) {
        box[i] ^= 0x20;
        cr_expect_not(cert_box_read(entry->certificate, seal_key_of(identity), wire_bytes(box, sizeof box), opened),
                      "byte %zu", i);
        cr_expect_arr_eq(opened, zero, 32);
        box[i] ^= 0x20;
    }
    cr_expect_not(cert_box_read(entry->certificate, seal_key_of(identity), wire_bytes(box, sizeof box - 1), opened));
    const struct cert_entry *transport =
        cert_directory_current(fixture.directory, 330000, WIRE__USAGE__USAGE_TRANSPORT, NOW);
    cr_expect_not(cert_box_write(transport->certificate, key, box));
    const struct cert_entry *signing =
        cert_directory_current(fixture.directory, 330000, WIRE__USAGE__USAGE_IDENTITY, NOW);
    cr_expect_not(cert_box_write(signing->certificate, key, box));
    cert_identity_free(&identity);
}

/* Two boxes of one key have nothing in common but their form. */
Test(seal, no_two_boxes_are_alike)
{
    const struct cert_entry *entry = cert_directory_current(fixture.directory, 330000, WIRE__USAGE__USAGE_SEAL, NOW);
    uint8_t key[32] = {8}, box[2][CERT_BOX_BYTES];
    cr_assert(cert_box_write(entry->certificate, key, box[0]) && cert_box_write(entry->certificate, key, box[1]));
    enum { POINT = 55, WRAPPED = 173, NONCE = 243, CONTENT = 260, TAG = 294 };
    cr_expect_neq(memcmp(box[0] + POINT, box[1] + POINT, CERT_POINT_BYTES), 0);
    cr_expect_neq(memcmp(box[0] + WRAPPED, box[1] + WRAPPED, 40), 0);
    cr_expect_neq(memcmp(box[0] + NONCE, box[1] + NONCE, 12), 0);
    cr_expect_neq(memcmp(box[0] + CONTENT, box[1] + CONTENT, 32), 0);
    cr_expect_neq(memcmp(box[0] + TAG, box[1] + TAG, 16), 0);
    cr_expect_eq(memcmp(box[0], box[1], POINT), 0);
}

TestSuite(payload);

static const uint8_t box_key[32] = {0x0b, 0x0b, 0x0b}, id[16] = {0xf0, 0xf1};

Test(payload, sealed_and_opened_in_place)
{
    struct cert_payload *payload = cert_payload_new();
    uint8_t buffer[1000 + CERT_TAG_BYTES], plain[1000];
    for (size_t size = 0; size <= 1000; size += 37) {
        memset(plain, 'p', sizeof plain);
        memcpy(buffer, plain, size);
        cr_assert_eq(cert_payload_seal(payload, box_key, id, wire_bytes("aad", 3), wire_bytes(buffer, size), buffer),
                     WIRE_OK);
        if (size >= 16)
            cr_expect_arr_neq(buffer, plain, size);
        cr_assert_eq(cert_payload_open(payload, box_key, id, wire_bytes("aad", 3),
                                       wire_bytes(buffer, size + CERT_TAG_BYTES), buffer),
                     WIRE_OK);
        cr_expect_arr_eq(buffer, plain, size);
    }
    cert_payload_free(&payload);
    cert_payload_free(&payload);
}

/* Computed apart from this code: RFC 5869 by hand with HMAC, AES-GCM in Python. A stranger's node must get the same. */
Test(payload, vector)
{
    struct cert_payload *payload = cert_payload_new();
    uint8_t key[32], envelope[16], out[5 + CERT_TAG_BYTES];
    char hex[2 * sizeof out + 1];
    memset(key, 0x11, sizeof key);
    memset(envelope, 0x22, sizeof envelope);
    cr_assert_eq(cert_payload_seal(payload, key, envelope, wire_bytes("header", 6), wire_bytes("hello", 5), out),
                 WIRE_OK);
    wire_hex(out, sizeof out, hex);
    cr_expect_str_eq(hex, "2a6a7b4b1858876965f5be11ad14f2cbb7dfc9e6a1");
    cert_payload_free(&payload);
}

Test(payload, nothing_opens_but_the_same)
{
    struct cert_payload *payload = cert_payload_new();
    uint8_t sealed[5 + CERT_TAG_BYTES], out[5], zero[5] = {0}, other_key[32] = {1}, other_id[16] = {1};
    struct wire_bytes aad = wire_bytes("aad", 3);
    cr_assert_eq(cert_payload_seal(payload, box_key, id, aad, wire_bytes("hello", 5), sealed), WIRE_OK);
    struct wire_bytes all = wire_bytes(sealed, sizeof sealed);
    cr_expect_eq(cert_payload_open(payload, other_key, id, aad, all, out), WIRE_CANNOT_OPEN);
    cr_expect_arr_eq(out, zero, 5);
    cr_expect_eq(cert_payload_open(payload, box_key, other_id, aad, all, out), WIRE_CANNOT_OPEN);
    cr_expect_eq(cert_payload_open(payload, box_key, id, wire_bytes("aae", 3), all, out), WIRE_CANNOT_OPEN);
    cr_expect_eq(cert_payload_open(payload, box_key, id, wire_bytes(NULL, 0), all, out), WIRE_CANNOT_OPEN);
    cr_expect_eq(cert_payload_open(payload, box_key, id, aad, wire_bytes(sealed, CERT_TAG_BYTES - 1), out),
                 WIRE_CANNOT_OPEN);
    for (size_t i = 0; i < sizeof sealed; i++) {
        sealed[i] ^= 0x80;
        cr_expect_eq(cert_payload_open(payload, box_key, id, aad, all, out), WIRE_CANNOT_OPEN);
        cr_expect_arr_eq(out, zero, 5);
        sealed[i] ^= 0x80;
    }
    cr_expect_eq(cert_payload_open(payload, box_key, id, aad, all, out), WIRE_OK);
    cert_payload_free(&payload);
}

Test(payload, associated_data_layout)
{
    uint8_t bytes[16] = {0xaa}, aad[CERT_PAYLOAD_AAD_MAX];
    uint32_t concerns[2] = {330300, 310000};
    Wire__Header header = WIRE__HEADER__INIT;
    header.version = 1;
    header.id = (ProtobufCBinaryData){.data = bytes, .len = 16};
    header.origin = 310000;
    header.mechanism = (char *)(uintptr_t) "delta";
    header.kind = 1;
    header.concerns = concerns;
    header.n_concerns = 1;
    header.status = WIRE__STATUS__EXERCISE;
    size_t size = cert_payload_aad(&header, aad);
    char hex[2 * sizeof aad + 1];
    wire_hex(aad, size, hex);
    cr_expect_str_eq(hex, "00000001"
                          "aa000000000000000000000000000000"
                          "0004baf0"
                          "0564656c7461"
                          "00000001"
                          "00050a3c"
                          "01");
    header.n_concerns = 2;
    cr_expect_eq(cert_payload_aad(&header, aad), size);
    cr_expect_eq(wire_get_u32(aad + size - 5), 0);
    header.id.len = 15;
    cr_expect_eq(cert_payload_aad(&header, aad), 0);
    header.id.len = 16;
    header.mechanism = (char *)(uintptr_t) "0123456789012345678901234567890123456789x";
    cr_expect_eq(cert_payload_aad(&header, aad), 0);
}
