#define _GNU_SOURCE
/* Our own reading of certificates beside OpenSSL's. */
#include "certs/leaf.h"
#include "fixture.h"
#include "support/leaves.h"
#include <openssl/x509v3.h>

static struct fixture fixture;
static struct leaves leaves;

static void setup(void)
{
    fixture_open(&fixture);
    leaves_open(&leaves, &fixture.zoo);
}

static void teardown(void)
{
    leaves_close(&leaves);
    fixture_close(&fixture);
}

TestSuite(leaf, .init = setup, .fini = teardown);

Test(leaf, all_that_the_ca_made_is_read)
{
    for (size_t i = 0; i < cert_directory_count(fixture.directory); i++) {
        struct wire_bytes der = cert_directory_at(fixture.directory, i)->certificate;
        cr_expect(leaves_compare(&leaves, der), "certificate %zu", i);
        cr_expect_not(leaves_compare(&leaves, wire_bytes(der.data, der.size - 1)));
    }
}

/* An identity and a transport certificate whose signed part has one other byte, signed by the CA: what is read must be
 * what OpenSSL reads. Serial numbers, key ids, digits of times and of the X25519 key may be any, so some are taken. */
Test(leaf, nothing_is_taken_that_openssl_would_not)
{
    static uint8_t part[LEAVES_BYTES_MAX], made[LEAVES_BYTES_MAX];
    static const Wire__Usage usages[] = {WIRE__USAGE__USAGE_IDENTITY, WIRE__USAGE__USAGE_TRANSPORT};
    static const uint8_t changes[] = {0x01, 0x80, 0xff};
    size_t taken = 0, left = 0;
    for (size_t u = 0; u < 2; u++) {
        struct wire_bytes good =
            leaves_signed_part(cert_directory_current(fixture.directory, 330000, usages[u], NOW)->certificate);
        for (size_t i = 0; i < good.size * sizeof changes; i++) {
            memcpy(part, good.data, good.size);
            part[i / sizeof changes] ^= changes[i % sizeof changes];
            size_t size = leaves_sign(&leaves, wire_bytes(part, good.size), made);
            bool read = leaves_compare(&leaves, wire_bytes(made, size));
            taken += read;
            left += !read;
        }
    }
    cr_expect_gt(taken, 300);
    cr_expect_gt(left, 1000);
}

/* By a table of the CA's key then: what was good is, what is bent is not. */
Test(leaf, many_are_read_as_few_are)
{
    static uint8_t bent[LEAVES_BYTES_MAX];
    struct wire_bytes good =
        cert_directory_current(fixture.directory, 330000, WIRE__USAGE__USAGE_SEAL, NOW)->certificate;
    struct cert_subject subject;
    uint8_t key[WIRE_HASH_BYTES];
    for (size_t i = 0; i < CERT_LEAF_MANY; i++)
        cr_assert(cert_leaf_read(leaves.reader, good, &subject, key), "%zu", i);
    cr_expect(leaves_compare(&leaves, good));
    for (size_t i = LEAVES_HEAD; i < good.size; i++) {
        memcpy(bent, good.data, good.size);
        bent[i] ^= 0x01;
        cr_expect_not(leaves_compare(&leaves, wire_bytes(bent, good.size)), "byte %zu", i);
    }
    cr_expect(leaves_compare(&leaves, good));
}

/* Replaces the only occurrence of `from` in the signed part of the certificate. */
static bool with_bytes(Wire__Usage usage, const void *from, const void *to, size_t size)
{
    static uint8_t part[LEAVES_BYTES_MAX], made[LEAVES_BYTES_MAX];
    struct wire_bytes good =
        leaves_signed_part(cert_directory_current(fixture.directory, 330000, usage, NOW)->certificate);
    memcpy(part, good.data, good.size);
    uint8_t *at = memmem(part, good.size, from, size);
    cr_assert_not_null(at);
    memcpy(at, to, size);
    return leaves_compare(&leaves, wire_bytes(made, leaves_sign(&leaves, wire_bytes(part, good.size), made)));
}

Test(leaf, what_certificates_must_not_be_is_not_read)
{
    static const Wire__Usage identity = WIRE__USAGE__USAGE_IDENTITY;
    cr_expect(with_bytes(identity, "330000", "330000", 6));
    cr_expect_not(with_bytes(identity, "330000", "310000", 6), "L and CN disagree");
    cr_expect_not(with_bytes(identity, "identity", "idEntity", 8));
    cr_expect_not(with_bytes(identity, "\x30\x00\x30\x0e", "\x30\x00\x31\x0e", 4),
                  "basicConstraints, then no keyUsage");
    cr_expect_not(with_bytes(identity, "\x03\x02\x07\x80", "\x03\x02\x03\x08", 4), "an identity for key agreement");
    cr_expect_not(with_bytes(identity, "\x03\x02\x07\x80", "\x03\x02\x06\xc0", 4), "and for something else");
    cr_expect_not(with_bytes(WIRE__USAGE__USAGE_TRANSPORT, "\x06\x03\x2b\x65\x6e", "\x06\x03\x2b\x65\x70", 5),
                  "Ed25519");
    cr_expect_not(with_bytes(WIRE__USAGE__USAGE_TRANSPORT, "transport", "authority", 9));
}

/* A certificate of another form is OpenSSL's to judge: an extension more, as a later CA might write. */
Test(leaf, another_form_is_left_to_openssl)
{
    struct wire_bytes good =
        cert_directory_current(fixture.directory, 330000, WIRE__USAGE__USAGE_IDENTITY, NOW)->certificate;
    X509 *x509 = cert_x509_parse(good);
    X509_EXTENSION *more = X509V3_EXT_nconf_nid(NULL, NULL, NID_netscape_comment, "of another CA");
    cr_assert(x509 != NULL && more != NULL && X509_add_ext(x509, more, -1) == 1);
    cr_assert_gt(X509_sign(x509, leaves.key, EVP_sha256()), 0);
    X509_EXTENSION_free(more);
    size_t size;
    uint8_t *der = cert_x509_der(x509, &size);
    cr_expect_not(leaves_compare(&leaves, wire_bytes(der, size)));
    struct cert_directory *fresh;
    cr_assert_eq(cert_directory_new(wire_bytes(leaves.ca.der, leaves.ca.der_size), NULL, &fresh, NULL), WIRE_OK);
    Wire__DirectoryRecord record = WIRE__DIRECTORY_RECORD__INIT;
    record.epoch = 1;
    record.certificate = (ProtobufCBinaryData){.data = der, .len = size};
    cr_expect_eq(cert_directory_add(fresh, &record, NULL), WIRE_OK);
    cr_expect_eq(cert_directory_at(fresh, 0)->subject.region, 330000);
    EVP_PKEY *key = cert_leaf_key(wire_bytes(der, size));
    cr_assert_not_null(key);
    cr_expect_eq(EVP_PKEY_eq(key, X509_get0_pubkey(x509)), 1);
    EVP_PKEY_free(key);
    cert_directory_free(&fresh);
    OPENSSL_free(der);
    X509_free(x509);
}
