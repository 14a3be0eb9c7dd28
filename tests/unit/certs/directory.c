#include "certs/directory.h"
#include "certs/authority.h"
#include "certs/file.h"
#include "certs/make.h"
#include "fixture.h"

static struct fixture fixture;

static void setup(void)
{
    fixture_open(&fixture);
}

static void teardown(void)
{
    fixture_close(&fixture);
}

TestSuite(directory, .init = setup, .fini = teardown);

enum { RECORDS = 8 * 3 + 2 + 1 + 6 }; /* eight sets of three, broker, secretary, two revocations of three */

static struct cert_directory *empty_directory(void)
{
    char path[ZOO_PATH_MAX];
    struct cert_file ca;
    struct cert_directory *directory;
    cr_assert_eq(cert_file_read(zoo_path(&fixture.zoo, "ca/ca.pem", path), false, &ca, NULL), WIRE_OK);
    cr_assert_eq(cert_directory_new(wire_bytes(ca.data, ca.size), ZOO_INSTALLATION, &directory, NULL), WIRE_OK);
    cert_file_close(&ca);
    return directory;
}

static const struct cert_entry *entry_of(const char *folder, Wire__Usage usage)
{
    struct cert_identity *identity = zoo_identity(&fixture.zoo, folder);
    const struct cert_entry *entry = cert_directory_find(fixture.directory, cert_identity_digest(identity, usage));
    cert_identity_free(&identity);
    return entry;
}

static enum wire_status add(struct cert_directory *directory, uint64_t epoch, struct wire_bytes certificate,
                            int64_t revoked_ms, const char *reason)
{
    Wire__DirectoryRecord record = WIRE__DIRECTORY_RECORD__INIT;
    record.epoch = epoch;
    record.certificate = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)certificate.data, .len = certificate.size};
    record.has_revoked_ms = revoked_ms != 0;
    record.revoked_ms = revoked_ms;
    record.reason = (char *)(uintptr_t)reason;
    return cert_directory_add(directory, &record, NULL);
}

Test(directory, holds_everything_that_was_issued)
{
    const struct cert_directory *directory = fixture.directory;
    cr_expect_eq(cert_directory_epoch(directory), RECORDS);
    cr_expect_eq(cert_directory_count(directory), 27);
    for (size_t i = 0; i < cert_directory_count(directory); i++) {
        const struct cert_entry *entry = cert_directory_at(directory, i);
        uint8_t digest[32];
        cert_sha256(entry->certificate.data, entry->certificate.size, digest);
        cr_expect_arr_eq(digest, entry->subject.digest, 32);
        cr_expect_eq(cert_directory_find(directory, digest), entry);
    }
    cr_expect_null(cert_directory_find(directory, (uint8_t[32]){1}));
}

Test(directory, loading_again_changes_nothing)
{
    char path[ZOO_PATH_MAX];
    const struct cert_entry *first = cert_directory_at(fixture.directory, 0);
    cr_expect_eq(cert_directory_load(fixture.directory, zoo_path(&fixture.zoo, "ca/directory.bin", path), NULL),
                 WIRE_OK);
    cr_expect_eq(cert_directory_epoch(fixture.directory), RECORDS);
    cr_expect_eq(cert_directory_count(fixture.directory), 27);
    cr_expect_eq(cert_directory_at(fixture.directory, 0), first);
}

Test(directory, a_cut_file_is_refused_where_it_is_cut)
{
    char path[ZOO_PATH_MAX], cut[ZOO_PATH_MAX];
    struct cert_file file;
    cr_assert_eq(cert_file_read(zoo_path(&fixture.zoo, "ca/directory.bin", path), false, &file, NULL), WIRE_OK);
    static const size_t missing[] = {1, 3, 300};
    for (size_t i = 0; i < 3; i++) {
        struct cert_directory *directory = empty_directory();
        struct wire_problem problem;
        cr_assert_eq(cert_file_write(zoo_path(&fixture.zoo, "cut", cut), wire_bytes(file.data, file.size - missing[i]),
                                     0644, true, NULL),
                     WIRE_OK);
        cr_expect_eq(cert_directory_load(directory, cut, &problem), WIRE_DAMAGED);
        cr_expect_eq(cert_directory_epoch(directory), RECORDS - 1);
        cert_directory_free(&directory);
    }
    cert_file_close(&file);
}

enum { MANY = 300 };

/* A file of MANY records, enough for several threads: those of the zoo, then its first ones again under new numbers.
 * `spoilt`: the record whose certificate has another signature; 0: none. */
static void write_many(const char *path, uint64_t spoilt)
{
    static uint8_t bytes[MANY * 2048], packed[4096];
    size_t at = 0;
    for (uint64_t epoch = 1; epoch <= MANY; epoch++) {
        struct wire_bytes raw = cert_directory_record(fixture.directory, (epoch - 1) % RECORDS + 1);
        Wire__DirectoryRecord *record = wire__directory_record__unpack(NULL, raw.size, raw.data);
        record->epoch = epoch;
        if (epoch == spoilt)
            record->certificate.data[record->certificate.len - 1] ^= 1;
        size_t size = wire__directory_record__pack(record, packed);
        cr_assert_leq(at + 4 + size, sizeof bytes);
        wire_put_u32(bytes + at, (uint32_t)size);
        memcpy(bytes + at + 4, packed, size);
        at += 4 + size;
        wire__directory_record__free_unpacked(record, NULL);
    }
    cr_assert_eq(cert_file_write(path, wire_bytes(bytes, at), 0644, true, NULL), WIRE_OK);
}

Test(directory, many_records_are_taken_in_their_order)
{
    char path[ZOO_PATH_MAX];
    write_many(zoo_path(&fixture.zoo, "many", path), 0);
    struct cert_directory *directory = empty_directory();
    cr_expect_eq(cert_directory_load(directory, path, NULL), WIRE_OK);
    cr_expect_eq(cert_directory_epoch(directory), MANY);
    cr_assert_eq(cert_directory_count(directory), cert_directory_count(fixture.directory));
    for (size_t i = 0; i < cert_directory_count(directory); i++) {
        const struct cert_entry *ours = cert_directory_at(directory, i),
                                *same = cert_directory_at(fixture.directory, i);
        cr_expect_arr_eq(ours->subject.digest, same->subject.digest, 32);
        cr_expect_eq(ours->revoked_ms, same->revoked_ms);
        cr_expect_gt(ours->epoch, MANY - RECORDS);
    }
    cert_directory_free(&directory);
}

Test(directory, of_many_records_the_one_that_is_no_good_is_named)
{
    char path[ZOO_PATH_MAX];
    struct wire_problem problem;
    write_many(zoo_path(&fixture.zoo, "spoilt", path), 150);
    struct cert_directory *directory = empty_directory();
    cr_expect_eq(cert_directory_load(directory, path, &problem), WIRE_INVALID);
    cr_expect_str_eq(problem.where, "directory record 150");
    cr_expect_eq(cert_directory_epoch(directory), 149);
    cert_directory_free(&directory);
}

Test(directory, the_newest_valid_certificate_counts)
{
    const struct cert_entry *old = entry_of("310000", WIRE__USAGE__USAGE_SEAL);
    const struct cert_entry *renewed = entry_of("renewed", WIRE__USAGE__USAGE_SEAL);
    const struct cert_directory *directory = fixture.directory;
    cr_expect_eq(cert_directory_current(directory, 310000, WIRE__USAGE__USAGE_SEAL, NOW), renewed);
    cr_expect_eq(cert_directory_current(directory, 310000, WIRE__USAGE__USAGE_SEAL, NOW - 2 * DAY), old);
    cr_expect_null(cert_directory_current(directory, 310000, WIRE__USAGE__USAGE_SEAL, NOW - 401 * DAY));
    cr_expect_null(cert_directory_current(directory, 310000, WIRE__USAGE__USAGE_SEAL, NOW + 800 * DAY));
    cr_expect_null(cert_directory_current(directory, 320000, WIRE__USAGE__USAGE_IDENTITY, NOW)); /* expired */
    cr_expect_null(cert_directory_current(directory, 340000, WIRE__USAGE__USAGE_IDENTITY, NOW)); /* future */
    cr_expect_not_null(cert_directory_current(directory, 340000, WIRE__USAGE__USAGE_IDENTITY, NOW + 2 * DAY));
    cr_expect_null(cert_directory_current(directory, 350000, WIRE__USAGE__USAGE_IDENTITY, NOW)); /* revoked */
    cr_expect_not_null(cert_directory_current(directory, 350000, WIRE__USAGE__USAGE_IDENTITY, NOW - DAY));
    cr_expect_not_null(cert_directory_current(directory, 0, WIRE__USAGE__USAGE_TRANSPORT, NOW)); /* the broker */
    cr_expect_null(cert_directory_current(directory, 0, WIRE__USAGE__USAGE_SEAL, NOW));
}

Test(directory, enrolled_regions_by_rising_adcode)
{
    uint32_t regions[8] = {0};
    cr_assert_eq(cert_directory_regions(fixture.directory, NOW, regions, 8), 3);
    cr_expect_eq(regions[0], 310000);
    cr_expect_eq(regions[1], 330000);
    cr_expect_eq(regions[2], 330300);
    cr_expect_eq(regions[3], 0);
    cr_expect_eq(cert_directory_regions(fixture.directory, NOW, regions, 1), 3);
    cr_expect(cert_directory_enrolled(fixture.directory, 310000, NOW));
    cr_expect_not(cert_directory_enrolled(fixture.directory, 350000, NOW));
    cr_expect(cert_directory_enrolled(fixture.directory, 350000, fixture.zoo.revoked_ms - 1));
    cr_expect_not(cert_directory_enrolled(fixture.directory, 350000, fixture.zoo.revoked_ms));
}

static enum wire_status admit(const char *folder, int64_t at_ms, uint32_t region)
{
    struct cert_identity *identity = zoo_identity(&fixture.zoo, folder);
    const struct cert_entry *entry;
    enum wire_status status =
        cert_directory_admit(fixture.directory, cert_identity_curve_public(identity), at_ms, &entry);
    cr_expect_eq(entry == NULL, status == WIRE_NOT_ENROLLED);
    if (entry != NULL)
        cr_expect_eq(entry->subject.region, region);
    cert_identity_free(&identity);
    return status;
}

/* Invariant 10: a revoked or expired identity gets nothing in or out. */
Test(directory, who_may_connect)
{
    cr_expect_eq(admit("310000", NOW, 310000), WIRE_OK);
    cr_expect_eq(admit("renewed", NOW, 310000), WIRE_OK);
    cr_expect_eq(admit("broker", NOW, 0), WIRE_OK);
    cr_expect_eq(admit("expired", NOW, 320000), WIRE_SIGNER_EXPIRED);
    cr_expect_eq(admit("future", NOW, 340000), WIRE_SIGNER_EXPIRED);
    cr_expect_eq(admit("revoked", NOW, 350000), WIRE_REVOKED);
    cr_expect_eq(admit("revoked", fixture.zoo.revoked_ms - 1, 350000), WIRE_OK);
    cr_expect_eq(admit("other-ca", NOW, 0), WIRE_NOT_ENROLLED);
}

Test(directory, epochs_rise_by_one)
{
    struct cert_directory *directory = empty_directory();
    struct wire_bytes certificate = cert_directory_at(fixture.directory, 0)->certificate;
    cr_expect_eq(add(directory, 0, certificate, 0, NULL), WIRE_EXISTS);
    cr_expect_eq(add(directory, 2, certificate, 0, NULL), WIRE_GAP);
    cr_expect_eq(add(directory, 1, certificate, 0, NULL), WIRE_OK);
    cr_expect_eq(add(directory, 1, certificate, 0, NULL), WIRE_EXISTS);
    cr_expect_eq(add(directory, 3, certificate, 0, NULL), WIRE_GAP);
    cr_expect_eq(cert_directory_epoch(directory), 1);
    cert_directory_free(&directory);
}

/* A CA restored from a backup that goes on issuing, or a broker with two histories. */
Test(directory, another_record_of_the_same_number_is_noticed)
{
    struct cert_directory *directory = empty_directory();
    struct wire_bytes certificate = cert_directory_at(fixture.directory, 0)->certificate;
    cr_assert_eq(add(directory, 1, certificate, 0, NULL), WIRE_OK);
    cr_expect_eq(add(directory, 1, cert_directory_at(fixture.directory, 1)->certificate, 0, NULL), WIRE_INVALID);
    cr_expect_eq(add(directory, 1, certificate, NOW, "superseded"), WIRE_INVALID);
    cr_expect_eq(add(directory, 1, certificate, 0, NULL), WIRE_EXISTS);
    cr_expect_eq(cert_directory_count(directory), 1);
    cr_expect_eq(cert_directory_at(directory, 0)->revoked_ms, 0);
    cert_directory_free(&directory);
}

Test(directory, records_can_be_handed_on)
{
    struct cert_directory *directory = empty_directory();
    for (uint64_t epoch = 1; epoch <= RECORDS; epoch++) {
        struct wire_bytes raw = cert_directory_record(fixture.directory, epoch);
        Wire__DirectoryRecord *record = wire__directory_record__unpack(NULL, raw.size, raw.data);
        cr_assert_not_null(record);
        cr_expect_eq(cert_directory_add(directory, record, NULL), WIRE_OK);
        wire__directory_record__free_unpacked(record, NULL);
    }
    cr_expect_null(cert_directory_record(directory, 0).data);
    cr_expect_null(cert_directory_record(directory, RECORDS + 1).data);
    cr_expect_eq(cert_directory_count(directory), 27);
    cr_expect_null(cert_directory_current(directory, 350000, WIRE__USAGE__USAGE_IDENTITY, NOW)); /* without any CRL */
    cert_directory_free(&directory);
}

/* A broker cannot invent a province, nor bend one. */
Test(directory, what_the_ca_did_not_sign_is_refused)
{
    struct cert_directory *directory = empty_directory();
    static const char *const folders[] = {"other-ca", "self-signed"};
    for (size_t i = 0; i < 2; i++) {
        char name[64], path[ZOO_PATH_MAX];
        struct cert_file pem;
        snprintf(name, sizeof name, "%s/identity.pem", folders[i]);
        cr_assert_eq(cert_file_read(zoo_path(&fixture.zoo, name, path), false, &pem, NULL), WIRE_OK);
        cr_expect_eq(add(directory, 1, wire_bytes(pem.data, pem.size), 0, NULL), WIRE_INVALID, "%s", name);
        cert_file_close(&pem);
    }
    struct wire_bytes good = cert_directory_at(fixture.directory, 0)->certificate;
    uint8_t bent[2048];
    cr_assert(good.size < sizeof bent);
    for (size_t i = 0; i < good.size; i += 7) {
        memcpy(bent, good.data, good.size);
        bent[i] ^= 0x01;
        cr_expect_neq(add(directory, 1, wire_bytes(bent, good.size), 0, NULL), WIRE_OK, "byte %zu", i);
    }
    cr_expect_eq(cert_directory_count(directory), 0);
    cert_directory_free(&directory);
}

/* Signed by our own CA, but not as the rules for certificates say. */
static enum wire_status add_crafted(const struct cert_draft *draft, EVP_PKEY *ca_key, X509 *ca)
{
    struct cert_directory *directory = empty_directory();
    X509 *x509 = cert_make(draft, ca, ca_key);
    size_t size;
    uint8_t *der = cert_x509_der(x509, &size);
    enum wire_status status = add(directory, 1, wire_bytes(der, size), 0, NULL);
    OPENSSL_free(der);
    X509_free(x509);
    cert_directory_free(&directory);
    return status;
}

Test(directory, crafted_certificates_are_refused)
{
    char path[ZOO_PATH_MAX];
    struct cert_file key_file, ca_file;
    cr_assert_eq(cert_file_read(zoo_path(&fixture.zoo, "ca/ca.key", path), true, &key_file, NULL), WIRE_OK);
    cr_assert_eq(cert_file_read(zoo_path(&fixture.zoo, "ca/ca.pem", path), false, &ca_file, NULL), WIRE_OK);
    EVP_PKEY *ca_key = cert_key_parse(wire_bytes(key_file.data, key_file.size), NULL);
    X509 *ca = cert_x509_parse(wire_bytes(ca_file.data, ca_file.size));
    EVP_PKEY *p256 = cert_key_make(WIRE__USAGE__USAGE_IDENTITY), *x25519 = cert_key_make(WIRE__USAGE__USAGE_TRANSPORT);
    EVP_PKEY *p384 = EVP_EC_gen("P-384");
    struct cert_draft good = {.installation = ZOO_INSTALLATION,
                              .role = WIRE__ROLE__ROLE_NODE,
                              .usage = WIRE__USAGE__USAGE_IDENTITY,
                              .region = 330000,
                              .name = "330000",
                              .key = p256,
                              .from_ms = NOW - DAY,
                              .until_ms = NOW + DAY};
    cr_expect_eq(add_crafted(&good, ca_key, ca), WIRE_OK);
    struct cert_draft bad = good;
    bad.name = "310000"; /* L and CN disagree */
    cr_expect_eq(add_crafted(&bad, ca_key, ca), WIRE_INVALID);
    bad = good;
    bad.installation = "elsewhere";
    cr_expect_eq(add_crafted(&bad, ca_key, ca), WIRE_INVALID);
    bad = good;
    bad.key = x25519; /* key type does not fit the usage */
    cr_expect_eq(add_crafted(&bad, ca_key, ca), WIRE_INVALID);
    bad = good;
    bad.key = p384;
    cr_expect_eq(add_crafted(&bad, ca_key, ca), WIRE_INVALID);
    bad = good;
    bad.usage = WIRE__USAGE__USAGE_TRANSPORT; /* P-256 as transport */
    cr_expect_eq(add_crafted(&bad, ca_key, ca), WIRE_INVALID);
    bad = good;
    bad.until_ms = NOW + 5000 * DAY; /* outlives the CA */
    cr_expect_eq(add_crafted(&bad, ca_key, ca), WIRE_INVALID);
    bad = good;
    bad.role = WIRE__ROLE__ROLE_BROKER; /* a broker is of no region */
    cr_expect_eq(add_crafted(&bad, ca_key, ca), WIRE_INVALID);
    bad = good;
    bad.role = WIRE__ROLE__ROLE_SECRETARY;
    bad.usage = WIRE__USAGE__USAGE_SEAL; /* a secretary has no seal */
    cr_expect_eq(add_crafted(&bad, ca_key, ca), WIRE_INVALID);
    EVP_PKEY_free(p256);
    EVP_PKEY_free(x25519);
    EVP_PKEY_free(p384);
    EVP_PKEY_free(ca_key);
    X509_free(ca);
    cert_file_close(&key_file);
    cert_file_close(&ca_file);
}

Test(directory, a_key_has_one_certificate_only)
{
    char path[ZOO_PATH_MAX];
    struct cert_file key_file, ca_file;
    cr_assert_eq(cert_file_read(zoo_path(&fixture.zoo, "ca/ca.key", path), true, &key_file, NULL), WIRE_OK);
    cr_assert_eq(cert_file_read(zoo_path(&fixture.zoo, "ca/ca.pem", path), false, &ca_file, NULL), WIRE_OK);
    EVP_PKEY *ca_key = cert_key_parse(wire_bytes(key_file.data, key_file.size), NULL);
    X509 *ca = cert_x509_parse(wire_bytes(ca_file.data, ca_file.size));
    EVP_PKEY *key = cert_key_make(WIRE__USAGE__USAGE_IDENTITY);
    struct cert_directory *directory = empty_directory();
    for (uint64_t i = 1; i <= 2; i++) {
        struct cert_draft draft = {.installation = ZOO_INSTALLATION,
                                   .role = WIRE__ROLE__ROLE_NODE,
                                   .usage = WIRE__USAGE__USAGE_IDENTITY,
                                   .region = i == 1 ? 330000 : 310000,
                                   .name = i == 1 ? "330000" : "310000",
                                   .key = key,
                                   .from_ms = NOW - DAY,
                                   .until_ms = NOW + DAY};
        X509 *x509 = cert_make(&draft, ca, ca_key);
        size_t size;
        uint8_t *der = cert_x509_der(x509, &size);
        cr_expect_eq(add(directory, i, wire_bytes(der, size), 0, NULL), i == 1 ? WIRE_OK : WIRE_INVALID);
        OPENSSL_free(der);
        X509_free(x509);
    }
    cert_directory_free(&directory);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    X509_free(ca);
    cert_file_close(&key_file);
    cert_file_close(&ca_file);
}

Test(directory, a_revocation_is_never_taken_back)
{
    struct cert_directory *directory = empty_directory();
    struct wire_bytes certificate = entry_of("330000", WIRE__USAGE__USAGE_IDENTITY)->certificate;
    cr_assert_eq(add(directory, 1, certificate, 0, NULL), WIRE_OK);
    const struct cert_entry *entry = cert_directory_at(directory, 0);
    cr_expect_eq(cert_entry_at(entry, NOW), WIRE_OK);
    cr_assert_eq(add(directory, 2, certificate, NOW - DAY, "superseded"), WIRE_OK);
    cr_expect_eq(cert_entry_at(entry, NOW), WIRE_SIGNER_REVOKED); /* the pointer sees it */
    cr_expect_eq(cert_entry_at(entry, NOW - DAY - 1), WIRE_OK);
    cr_expect_not(entry->compromised);
    cr_assert_eq(add(directory, 3, certificate, 0, NULL), WIRE_OK);
    cr_assert_eq(add(directory, 4, certificate, NOW + DAY, "superseded"), WIRE_OK);
    cr_expect_eq(entry->revoked_ms, NOW - DAY);
    cr_assert_eq(add(directory, 5, certificate, NOW - 2 * DAY, NULL), WIRE_OK);
    cr_expect_eq(entry->revoked_ms, NOW - 2 * DAY);
    cr_expect(entry->compromised);
    cr_expect_eq(entry->epoch, 5);
    cr_expect_eq(cert_directory_count(directory), 1);
    cert_directory_free(&directory);
}

static struct cert_file crl_file(const char *name)
{
    char path[ZOO_PATH_MAX];
    struct cert_file crl;
    cr_assert_eq(cert_file_read(zoo_path(&fixture.zoo, name, path), false, &crl, NULL), WIRE_OK);
    return crl;
}

/* What the CA signed outweighs a broker's word; and it marks certificates that come later. */
Test(directory, the_crl_revokes_by_serial)
{
    struct cert_directory *directory = empty_directory();
    const struct cert_entry *revoked = entry_of("revoked", WIRE__USAGE__USAGE_IDENTITY);
    const struct cert_entry *superseded = entry_of("superseded", WIRE__USAGE__USAGE_IDENTITY);
    struct cert_file crl = crl_file("ca/crl.der");
    cr_assert_eq(add(directory, 1, revoked->certificate, NOW - 100 * DAY, "superseded"), WIRE_OK); /* back-dated */
    cr_assert_eq(cert_directory_crl(directory, wire_bytes(crl.data, crl.size), NULL), WIRE_OK);
    cr_assert_eq(add(directory, 2, superseded->certificate, 0, NULL), WIRE_OK);
    cr_expect_eq(cert_directory_at(directory, 0)->revoked_ms, fixture.zoo.revoked_ms);
    cr_expect_str_eq(cert_directory_at(directory, 0)->reason, "key-compromise");
    cr_expect(cert_directory_at(directory, 0)->compromised);
    cr_expect_eq(cert_directory_at(directory, 1)->revoked_ms, fixture.zoo.revoked_ms);
    cr_expect_str_eq(cert_directory_at(directory, 1)->reason, "superseded");
    cr_expect_not(cert_directory_at(directory, 1)->compromised);
    cr_assert_eq(add(directory, 3, revoked->certificate, NOW - 200 * DAY, "superseded"), WIRE_OK);
    cr_expect_eq(cert_directory_at(directory, 0)->revoked_ms, fixture.zoo.revoked_ms);
    cert_file_close(&crl);
    cert_directory_free(&directory);
}

Test(directory, crl_must_be_the_cas_and_newer)
{
    struct cert_directory *directory = fixture.directory;
    uint64_t number = cert_directory_crl_number(directory);
    struct cert_file crl = crl_file("ca/crl.der"), stale = crl_file("stale-crl.der"), other = crl_file("other/crl.der");
    cr_expect_gt(number, 1);
    cr_expect(wire_bytes_equal(cert_directory_crl_bytes(directory), wire_bytes(crl.data, crl.size)));
    cr_expect_eq(cert_directory_crl(directory, wire_bytes(crl.data, crl.size), NULL), WIRE_EXISTS);
    cr_expect_eq(cert_directory_crl(directory, wire_bytes(stale.data, stale.size), NULL), WIRE_INVALID);
    cr_expect_eq(cert_directory_crl(directory, wire_bytes(other.data, other.size), NULL), WIRE_INVALID);
    cr_expect_eq(cert_directory_crl(directory, wire_bytes("x", 1), NULL), WIRE_INVALID);
    crl.data[crl.size - 1] ^= 1;
    cr_expect_eq(cert_directory_crl(directory, wire_bytes(crl.data, crl.size), NULL), WIRE_INVALID);
    cr_expect_eq(cert_directory_crl_number(directory), number);
    cert_file_close(&crl);
    cert_file_close(&stale);
    cert_file_close(&other);
}

Test(directory, crl_states)
{
    struct cert_directory *directory = fixture.directory;
    int64_t next = cert_directory_crl_next_ms(directory);
    cr_expect_eq(next, NOW + 30 * DAY);
    cr_expect_eq(cert_directory_crl_state(directory, NOW), CERT_CRL_FINE);
    cr_expect_eq(cert_directory_crl_state(directory, next - 15 * DAY - 1), CERT_CRL_FINE);
    cr_expect_eq(cert_directory_crl_state(directory, next - 15 * DAY), CERT_CRL_WARN);
    cr_expect_eq(cert_directory_crl_state(directory, next - 7 * DAY), CERT_CRL_URGENT);
    cr_expect_eq(cert_directory_crl_state(directory, next), CERT_CRL_URGENT);
    cr_expect_eq(cert_directory_crl_state(directory, next + 1), CERT_CRL_GRACE);
    cr_expect_eq(cert_directory_crl_state(directory, next + 7 * DAY), CERT_CRL_GRACE);
    cr_expect_eq(cert_directory_crl_state(directory, next + 7 * DAY + 1), CERT_CRL_CLOSED);
    cr_expect_str_eq(cert_crl_state_name(CERT_CRL_GRACE), "grace");
    struct cert_directory *bare = empty_directory();
    cr_expect_eq(cert_directory_crl_state(bare, NOW), CERT_CRL_CLOSED);
    char path[ZOO_PATH_MAX];
    cr_assert_eq(cert_directory_crl_load(bare, zoo_path(&fixture.zoo, "stale-crl.der", path), NULL), WIRE_OK);
    cr_expect_eq(cert_directory_crl_state(bare, NOW), CERT_CRL_GRACE);
    cr_assert_eq(cert_directory_crl_load(bare, zoo_path(&fixture.zoo, "closed-crl.der", path), NULL), WIRE_OK);
    cr_expect_eq(cert_directory_crl_state(bare, NOW), CERT_CRL_CLOSED);
    cert_directory_free(&bare);
}

Test(directory, a_leaf_is_no_ca)
{
    struct cert_directory *directory;
    struct wire_bytes leaf = cert_directory_at(fixture.directory, 0)->certificate;
    cr_expect_eq(cert_directory_new(leaf, NULL, &directory, NULL), WIRE_INVALID);
    cr_expect_null(directory);
    cr_expect_eq(cert_directory_new(wire_bytes("", 0), NULL, &directory, NULL), WIRE_INVALID);
}
