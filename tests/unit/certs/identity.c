#include "certs/identity.h"
#include "certs/domain.h"
#include "certs/file.h"
#include "fixture.h"
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

static struct fixture fixture;

static void setup(void)
{
    fixture_open(&fixture);
}

static void teardown(void)
{
    fixture_close(&fixture);
}

TestSuite(identity, .init = setup, .fini = teardown);

static enum wire_status load(const char *name, int64_t now_ms, struct wire_problem *problem)
{
    char path[ZOO_PATH_MAX];
    struct cert_identity *identity;
    enum wire_status status = cert_identity_load(zoo_path(&fixture.zoo, name, path),
                                                 &(struct cert_identity_options){.now_ms = now_ms}, &identity, problem);
    cr_expect_eq(status == WIRE_OK, identity != NULL);
    cert_identity_free(&identity);
    return status;
}

Test(identity, a_node_has_three_certificates)
{
    struct cert_identity *identity = zoo_identity(&fixture.zoo, "310000");
    cr_expect_eq(cert_identity_region(identity), 310000);
    cr_expect_eq(cert_identity_role(identity), WIRE__ROLE__ROLE_NODE);
    cr_expect_str_eq(cert_identity_installation(identity), ZOO_INSTALLATION);
    for (Wire__Usage usage = WIRE__USAGE__USAGE_IDENTITY; usage <= WIRE__USAGE__USAGE_TRANSPORT; usage++) {
        uint8_t digest[32];
        struct wire_bytes der = cert_identity_certificate(identity, usage);
        cert_sha256(der.data, der.size, digest);
        cr_expect_arr_eq(digest, cert_identity_digest(identity, usage), 32);
        cr_expect_eq(cert_identity_subject(identity, usage)->usage, usage);
        cr_expect_eq(cert_identity_subject(identity, usage)->from_ms, NOW - 400 * DAY);
    }
    cr_expect_eq(cert_identity_until_ms(identity), NOW + 330 * DAY);
    cert_identity_free(&identity);
    cert_identity_free(&identity);
}

Test(identity, broker_and_secretary_have_what_they_need)
{
    struct cert_identity *broker = zoo_identity(&fixture.zoo, "broker");
    cr_expect_eq(cert_identity_region(broker), 0);
    cr_expect_eq(cert_identity_role(broker), WIRE__ROLE__ROLE_BROKER);
    cr_expect_null(cert_identity_digest(broker, WIRE__USAGE__USAGE_SEAL));
    cr_expect_not_null(cert_identity_curve_secret(broker));
    cert_identity_free(&broker);
    struct cert_identity *secretary = zoo_identity(&fixture.zoo, "secretary");
    cr_expect_str_eq(cert_identity_subject(secretary, WIRE__USAGE__USAGE_IDENTITY)->name, "delta-office");
    cr_expect_eq(cert_identity_region(secretary), 310000);
    cr_expect_null(cert_identity_curve_public(secretary));
    cr_expect_null(cert_identity_curve_secret(secretary));
    cert_identity_free(&secretary);
}

/* PITFALLS: the raw key of the X25519 certificate is the CURVE key. Asked of libzmq itself. */
Test(identity, transport_key_is_the_curve_key)
{
    struct cert_identity *identity = zoo_identity(&fixture.zoo, "310000");
    char secret[41], public_text[41];
    uint8_t public_key[32];
    cr_assert_not_null(zmq_z85_encode(secret, cert_identity_curve_secret(identity), 32));
    cr_assert_eq(zmq_curve_public(public_text, secret), 0);
    cr_assert_not_null(zmq_z85_decode(public_key, public_text));
    cr_expect_arr_eq(public_key, cert_identity_curve_public(identity), 32);
    cert_identity_free(&identity);
}

Test(identity, domain_is_of_ca_key_and_name)
{
    struct cert_identity *identity = zoo_identity(&fixture.zoo, "310000");
    struct wire_bytes ca = cert_identity_ca(identity);
    uint8_t domain[32];
    char name[CERT_INSTALLATION_BYTES_MAX + 1];
    cr_assert_eq(cert_domain(ca, NULL, domain), WIRE_OK);
    cr_expect_arr_eq(domain, cert_identity_domain(identity), 32);
    cr_expect_arr_eq(domain, cert_directory_domain(fixture.directory), 32);
    cr_expect_eq(cert_domain(ca, "other", domain), WIRE_OTHER_INSTALLATION);
    cr_expect_eq(cert_domain(wire_bytes("junk", 4), NULL, domain), WIRE_INVALID);
    cr_assert_eq(cert_installation(ca, name), WIRE_OK);
    cr_expect_str_eq(name, ZOO_INSTALLATION);
    /* the definition, computed by hand: SHA-256(SHA-256(SPKI) ‖ name) */
    const unsigned char *at = ca.data;
    X509 *x509 = d2i_X509(NULL, &at, (long)ca.size);
    unsigned char *spki = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki);
    uint8_t text[32 + sizeof ZOO_INSTALLATION], expected[32];
    cert_sha256(spki, (size_t)size, text);
    memcpy(text + 32, ZOO_INSTALLATION, sizeof ZOO_INSTALLATION - 1);
    cert_sha256(text, 32 + sizeof ZOO_INSTALLATION - 1, expected);
    cr_expect_arr_eq(expected, cert_identity_domain(identity), 32);
    OPENSSL_free(spki);
    X509_free(x509);
    cert_identity_free(&identity);
}

Test(identity, signature_is_der_and_fits)
{
    struct cert_identity *identity = zoo_identity(&fixture.zoo, "310000");
    uint8_t signature[WIRE_SIGNATURE_BYTES_MAX];
    size_t size;
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(cert_sign(identity, "text", 4, signature, &size), WIRE_OK);
        cr_expect(size >= 64 && size <= 72);
        cr_expect_eq(signature[0], 0x30);
        cr_expect_eq(signature[1], size - 2);
    }
    cert_identity_free(&identity);
}

static void expect_refused(const char *name, int64_t now_ms, enum wire_status expected, const char *where_ends,
                           const char *en)
{
    struct wire_problem problem = {.status = WIRE_OK};
    enum wire_status status = load(name, now_ms, &problem);
    cr_expect_eq(status, expected, "%s: %s (%s)", name, wire_status_name(status), problem.en);
    cr_expect_eq(problem.status, expected, "%s", name);
    size_t length = strlen(problem.where), tail = strlen(where_ends);
    cr_expect(length >= tail && strcmp(problem.where + length - tail, where_ends) == 0, "%s: %s", name, problem.where);
    cr_expect_not_null(strstr(problem.en, en), "%s: %s", name, problem.en);
    cr_expect_neq(problem.zh[0], '\0');
}

Test(identity, bad_ones_are_refused_with_a_reason)
{
    expect_refused("expired", NOW, WIRE_SIGNER_EXPIRED, "expired/identity.pem", "lianfang-ca renew");
    expect_refused("future", NOW, WIRE_SIGNER_EXPIRED, "future/identity.pem", "clock");
    expect_refused("self-signed", NOW, WIRE_INVALID, "self-signed/identity.pem", "not issued by the CA");
    expect_refused("other-region", NOW, WIRE_INVALID, "other-region/transport.pem", "330000");
    expect_refused("wrong-usage", NOW, WIRE_INVALID, "wrong-usage/transport.pem", "certificate for seal");
    expect_refused("swapped", NOW, WIRE_INVALID, "swapped/transport.key", "does not belong");
    expect_refused("open-key", NOW, WIRE_INVALID, "open-key/identity.key", "chmod 600");
    expect_refused("absent", NOW, WIRE_NOT_FOUND, "absent/ca.pem", "opened");
}

Test(identity, time_is_not_looked_at_when_not_asked)
{
    cr_expect_eq(load("expired", 0, NULL), WIRE_OK);
    cr_expect_eq(load("310000", NOW, NULL), WIRE_OK);
    cr_expect_eq(load("310000", NOW + 331 * DAY, NULL), WIRE_SIGNER_EXPIRED);
}

Test(identity, another_ca_is_noticed)
{
    char from[ZOO_PATH_MAX], to[ZOO_PATH_MAX];
    cr_expect_eq(load("other-ca", NOW, NULL), WIRE_OK); /* consistent in itself */
    zoo_path(&fixture.zoo, "ca/ca.pem", from);
    zoo_path(&fixture.zoo, "other-ca/ca.pem", to);
    struct cert_file ca;
    cr_assert_eq(cert_file_read(from, false, &ca, NULL), WIRE_OK);
    cr_assert_eq(cert_file_write(to, wire_bytes(ca.data, ca.size), 0644, true, NULL), WIRE_OK);
    cert_file_close(&ca);
    expect_refused("other-ca", NOW, WIRE_INVALID, "other-ca/identity.pem", "not issued by the CA");
}

Test(identity, another_installation_is_noticed)
{
    char path[ZOO_PATH_MAX];
    struct cert_identity *identity;
    struct cert_identity_options options = {.installation = "elsewhere", .now_ms = NOW};
    cr_expect_eq(cert_identity_load(zoo_path(&fixture.zoo, "310000", path), &options, &identity, NULL),
                 WIRE_OTHER_INSTALLATION);
    cr_expect_null(identity);
    options.installation = ZOO_INSTALLATION;
    cr_expect_eq(cert_identity_load(path, &options, &identity, NULL), WIRE_OK);
    cert_identity_free(&identity);
}

Test(identity, damaged_files_are_refused)
{
    static const char *const files[] = {"310000/identity.pem", "310000/identity.key", "310000/ca.pem"};
    for (size_t i = 0; i < 3; i++) {
        char path[ZOO_PATH_MAX];
        struct cert_file whole;
        zoo_path(&fixture.zoo, files[i], path);
        cr_assert_eq(cert_file_read(path, false, &whole, NULL), WIRE_OK);
        whole.data[whole.size / 2] ^= 0x11;
        cr_assert_eq(cert_file_write(path, wire_bytes(whole.data, whole.size / 2 + 1), 0600, true, NULL), WIRE_OK);
        cr_expect_neq(load("310000", NOW, NULL), WIRE_OK, "%s", files[i]);
        whole.data[whole.size / 2] ^= 0x11;
        cr_assert_eq(cert_file_write(path, wire_bytes(whole.data, whole.size), 0600, true, NULL), WIRE_OK);
        cr_expect_eq(load("310000", NOW, NULL), WIRE_OK, "%s", files[i]);
        cert_file_close(&whole);
    }
}

Test(identity, a_secret_is_the_keys_and_the_labels)
{
    struct cert_identity *one = zoo_identity(&fixture.zoo, "310000");
    struct cert_identity *again = zoo_identity(&fixture.zoo, "310000");
    struct cert_identity *other = zoo_identity(&fixture.zoo, "330000");
    uint8_t a[32], b[32], c[32], d[32], zeros[32] = {0};
    cr_expect_eq(cert_identity_secret(one, "import", a), WIRE_OK);
    cr_expect_eq(cert_identity_secret(again, "import", b), WIRE_OK);
    cr_expect_eq(cert_identity_secret(one, "other", c), WIRE_OK);
    cr_expect_eq(cert_identity_secret(other, "import", d), WIRE_OK);
    cr_expect_arr_eq(a, b, 32);
    cr_expect_arr_neq(a, c, 32);
    cr_expect_arr_neq(a, d, 32);
    cr_expect_arr_neq(a, zeros, 32);
    cert_identity_free(&one);
    cert_identity_free(&again);
    cert_identity_free(&other);
}

Test(identity, one_certificate_file_is_read_and_checked_against_the_ca)
{
    char folder[ZOO_PATH_MAX], path[ZOO_PATH_MAX + 32];
    struct cert_subject subject;
    struct wire_problem problem = {0};
    struct cert_identity *broker = zoo_identity(&fixture.zoo, "broker");
    struct wire_bytes ca = cert_identity_ca(broker);
    snprintf(path, sizeof path, "%s/transport.pem", zoo_path(&fixture.zoo, "broker", folder));
    cr_expect_eq(cert_subject_load(path, ca, ZOO_INSTALLATION, &subject, &problem), WIRE_OK, "%s", problem.en);
    cr_expect_eq(subject.role, WIRE__ROLE__ROLE_BROKER);
    cr_expect_eq(subject.usage, WIRE__USAGE__USAGE_TRANSPORT);
    cr_expect_arr_eq(subject.curve, cert_identity_curve_public(broker), CERT_CURVE_BYTES);
    cr_expect_eq(cert_subject_load(path, ca, "another", &subject, &problem), WIRE_OTHER_INSTALLATION);
    snprintf(path, sizeof path, "%s/transport.key", zoo_path(&fixture.zoo, "broker", folder));
    cr_expect_eq(cert_subject_load(path, ca, ZOO_INSTALLATION, &subject, &problem), WIRE_SYNTAX);
    cr_expect_neq(problem.zh[0], '\0');
    cr_expect_neq(problem.en[0], '\0');
    cert_identity_free(&broker);
}
