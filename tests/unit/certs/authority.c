#include "certs/authority.h"
#include "certs/directory.h"
#include "certs/file.h"
#include "certs/identity.h"
#include "fixture.h"
#include "wire/id.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/lianfang-authority-XXXXXX";
static struct cert_authority *authority;
static struct wire_problem problem;

static void setup(void)
{
    cr_assert_not_null(mkdtemp(root));
    cr_assert_eq(chdir(root), 0);
    struct cert_authority_options options = {.now_ms = NOW};
    cr_assert_eq(cert_authority_create("ca", "a test", 0, 0, &options, &problem), WIRE_OK, "%s", problem.en);
    cr_assert_eq(cert_authority_open("ca", &options, &authority, &problem), WIRE_OK, "%s", problem.en);
}

static void teardown(void)
{
    cert_authority_free(&authority);
    zoo_remove_tree(root);
}

TestSuite(authority, .init = setup, .fini = teardown);

static enum wire_status issue(Wire__Role role, uint32_t region, const char *id, const char *out, bool renew)
{
    struct cert_issue request = {.role = role, .region = region, .id = id, .out = out, .renew = renew};
    return cert_authority_issue(authority, &request, &problem);
}

static enum wire_status issue_node(uint32_t region, const char *out)
{
    return issue(WIRE__ROLE__ROLE_NODE, region, NULL, out, false);
}

static mode_t mode_of(const char *path)
{
    struct stat stat_;
    cr_assert_eq(stat(path, &stat_), 0, "%s", path);
    return stat_.st_mode & 07777;
}

Test(authority, modes_and_what_is_there)
{
    cr_assert_eq(issue_node(310000, "n"), WIRE_OK, "%s", problem.en);
    static const char *const private_files[] = {"ca/ca.key", "n/identity.key", "n/seal.key", "n/transport.key"};
    static const char *const public_files[] = {"ca/ca.pem", "ca/index",       "ca/crl.der", "ca/directory.bin",
                                               "n/ca.pem",  "n/identity.pem", "n/seal.pem", "n/transport.pem"};
    for (size_t i = 0; i < sizeof private_files / sizeof *private_files; i++)
        cr_expect_eq(mode_of(private_files[i]), 0600, "%s", private_files[i]);
    for (size_t i = 0; i < sizeof public_files / sizeof *public_files; i++)
        cr_expect_eq(mode_of(public_files[i]), 0644, "%s", public_files[i]);
    cr_expect_eq(mode_of("ca"), 0700);
    cr_expect_eq(mode_of("ca/issued"), 0700);
    cr_expect_eq(mode_of("n"), 0700);
}

Test(authority, roles_have_their_files)
{
    cr_assert_eq(issue(WIRE__ROLE__ROLE_BROKER, 0, NULL, "b", false), WIRE_OK, "%s", problem.en);
    cr_assert_eq(issue(WIRE__ROLE__ROLE_SECRETARY, 310000, "delta-office", "s", false), WIRE_OK, "%s", problem.en);
    cr_expect_eq(access("b/transport.key", F_OK), 0);
    cr_expect_neq(access("b/seal.key", F_OK), 0);
    cr_expect_eq(access("s/identity.key", F_OK), 0);
    cr_expect_neq(access("s/transport.key", F_OK), 0);
    cr_expect_eq(cert_authority_count(authority), 3);
}

Test(authority, nothing_is_overwritten)
{
    struct cert_file before, after;
    cr_assert_eq(issue_node(310000, "n"), WIRE_OK);
    cr_assert_eq(cert_file_read("n/identity.key", true, &before, NULL), WIRE_OK);
    cr_expect_eq(issue_node(310000, "other"), WIRE_EXISTS); /* has one */
    cr_expect_eq(issue_node(330000, "n"), WIRE_EXISTS);     /* files of another there */
    cr_expect_eq(issue(WIRE__ROLE__ROLE_NODE, 310000, NULL, "n", true), WIRE_EXISTS);
    cr_assert_eq(cert_file_read("n/identity.key", true, &after, NULL), WIRE_OK);
    cr_expect(wire_bytes_equal(wire_bytes(before.data, before.size), wire_bytes(after.data, after.size)));
    cert_file_close(&before);
    cert_file_close(&after);
    cr_expect_eq(cert_authority_count(authority), 3, "nothing was signed that could not be handed out");
    cr_expect_eq(cert_authority_create("ca", "again", 0, 0, &(struct cert_authority_options){.now_ms = NOW}, &problem),
                 WIRE_EXISTS);
}

Test(authority, renewing)
{
    cr_expect_eq(issue(WIRE__ROLE__ROLE_NODE, 310000, NULL, "n", true), WIRE_NOT_FOUND);
    cr_assert_eq(issue_node(310000, "first"), WIRE_OK);
    cr_expect_eq(issue(WIRE__ROLE__ROLE_NODE, 310000, NULL, "second", true), WIRE_OK);
    cr_expect_eq(cert_authority_count(authority), 6);
    cr_expect_arr_neq(cert_authority_at(authority, 2)->subject.curve, cert_authority_at(authority, 5)->subject.curve,
                      32);
}

Test(authority, impossible_holders)
{
    cr_expect_eq(issue_node(999999, "n"), WIRE_UNKNOWN_REGION);
    cr_expect_eq(issue_node(0, "n"), WIRE_UNKNOWN_REGION);
    cr_expect_eq(issue(WIRE__ROLE__ROLE_BROKER, 310000, NULL, "n", false), WIRE_UNKNOWN_REGION);
    cr_expect_eq(issue(WIRE__ROLE__ROLE_SECRETARY, 310000, NULL, "n", false), WIRE_INVALID);
    cr_expect_eq(issue(WIRE__ROLE__ROLE_SECRETARY, 310000, "Zhang San", "n", false), WIRE_INVALID);
    cr_expect_eq(issue(WIRE__ROLE__ROLE_NODE, 310000, "an-id", "n", false), WIRE_INVALID);
    cr_expect_neq(access("n", F_OK), 0);
}

Test(authority, times_lie_within_the_cas)
{
    struct cert_issue request = {
        .role = WIRE__ROLE__ROLE_NODE, .region = 310000, .out = "n", .from_ms = NOW - 10 * DAY, .days = 5};
    cr_expect_eq(cert_authority_issue(authority, &request, &problem), WIRE_INVALID);
    request.from_ms = NOW + CERT_CA_DAYS * DAY;
    cr_expect_eq(cert_authority_issue(authority, &request, &problem), WIRE_INVALID);
    request.from_ms = NOW + 7200 * DAY;
    request.days = 1000;
    cr_assert_eq(cert_authority_issue(authority, &request, &problem), WIRE_OK, "%s", problem.en);
    cr_expect_eq(cert_authority_at(authority, 0)->subject.until_ms, NOW + (CERT_CA_DAYS - 1) * DAY,
                 "cut at the CA's end");
}

Test(authority, one_at_a_time)
{
    struct cert_authority *second;
    struct cert_authority_options options = {.now_ms = NOW};
    cr_expect_eq(cert_authority_open("ca", &options, &second, &problem), WIRE_IN_USE);
    cert_authority_free(&authority);
    cr_expect_eq(cert_authority_open("ca", &options, &authority, &problem), WIRE_OK);
    cr_expect_eq(cert_authority_open("absent", &options, &second, &problem), WIRE_NOT_FOUND);
}

static enum wire_status revoke_node(uint32_t region, const char *reason, size_t *count)
{
    struct cert_revocation revocation = {.role = WIRE__ROLE__ROLE_NODE, .region = region, .reason = reason};
    return cert_authority_revoke(authority, &revocation, count, &problem);
}

static struct cert_directory *published(void)
{
    struct cert_directory *directory;
    cr_assert_eq(cert_directory_new(cert_authority_ca(authority), "a test", &directory, &problem), WIRE_OK);
    cr_assert_eq(cert_directory_load(directory, "ca/directory.bin", &problem), WIRE_OK, "%s", problem.en);
    return directory;
}

Test(authority, revoking_publishes_both_ways)
{
    size_t count;
    cr_assert_eq(issue_node(310000, "n"), WIRE_OK);
    cr_assert_eq(issue_node(330000, "m"), WIRE_OK);
    cr_assert_eq(revoke_node(310000, "key-compromise", &count), WIRE_OK, "%s", problem.en);
    cr_expect_eq(count, 3);
    struct cert_directory *directory = published();
    cr_expect_eq(cert_directory_epoch(directory), 9);
    cr_expect_not(cert_directory_enrolled(directory, 310000, NOW));
    cr_expect(cert_directory_enrolled(directory, 330000, NOW));
    int64_t by_record = cert_directory_at(directory, 0)->revoked_ms;
    cr_assert_eq(cert_directory_crl_load(directory, "ca/crl.der", &problem), WIRE_OK, "%s", problem.en);
    cr_expect_eq(cert_directory_at(directory, 0)->revoked_ms, by_record, "record and CRL agree");
    cr_expect_eq(cert_directory_crl_number(directory), 2);
    cr_expect_eq(revoke_node(310000, NULL, &count), WIRE_NOT_FOUND);
    cr_expect_eq(revoke_node(330000, "bored", &count), WIRE_INVALID);
    cert_directory_free(&directory);
}

Test(authority, revoking_one_by_serial)
{
    size_t count;
    cr_assert_eq(issue_node(310000, "n"), WIRE_OK);
    struct cert_revocation revocation = {.serial = cert_authority_at(authority, 2)->subject.serial};
    cr_assert_eq(cert_authority_revoke(authority, &revocation, &count, &problem), WIRE_OK);
    cr_expect_eq(count, 1);
    cr_expect_neq(cert_authority_at(authority, 2)->revoked_ms, 0);
    cr_expect_eq(cert_authority_at(authority, 0)->revoked_ms, 0);
    cr_expect_str_eq(cert_authority_at(authority, 2)->reason, "unspecified");
}

Test(authority, revoking_what_a_renewal_replaced)
{
    size_t count;
    struct cert_revocation older = {
        .role = WIRE__ROLE__ROLE_NODE, .region = 310000, .keep_newest = true, .reason = "superseded"};
    cr_assert_eq(issue_node(310000, "first"), WIRE_OK);
    cr_expect_eq(cert_authority_revoke(authority, &older, &count, &problem), WIRE_NOT_FOUND);
    cr_assert_eq(issue(WIRE__ROLE__ROLE_NODE, 310000, NULL, "second", true), WIRE_OK);
    cr_assert_eq(cert_authority_revoke(authority, &older, &count, &problem), WIRE_OK);
    cr_expect_eq(count, 3);
    for (size_t i = 0; i < 6; i++)
        cr_expect_eq(cert_authority_at(authority, i)->revoked_ms != 0, i < 3);
}

/* Two revocation lists of one number: a CA restored from a backup. */
Test(authority, two_lists_of_one_number_are_noticed)
{
    struct cert_directory *directory = published();
    struct cert_file number;
    cr_assert_eq(cert_authority_crl(authority, NOW, 0, &problem), WIRE_OK);
    cr_assert_eq(cert_directory_crl_load(directory, "ca/crl.der", &problem), WIRE_OK);
    cr_expect_eq(cert_directory_crl_load(directory, "ca/crl.der", &problem), WIRE_EXISTS);
    cr_assert_eq(cert_file_read("ca/crl-number", false, &number, NULL), WIRE_OK);
    cr_expect_str_eq((char *)number.data, "2\n");
    cert_file_close(&number);
    cert_authority_free(&authority);
    cr_assert_eq(cert_file_write("ca/crl-number", wire_bytes("1\n", 2), 0644, true, NULL), WIRE_OK);
    cr_assert_eq(cert_authority_open("ca", &(struct cert_authority_options){.now_ms = NOW}, &authority, &problem),
                 WIRE_OK);
    cr_assert_eq(cert_authority_crl(authority, NOW + DAY, 0, &problem), WIRE_OK);
    cr_expect_eq(cert_directory_crl_load(directory, "ca/crl.der", &problem), WIRE_INVALID);
    cert_directory_free(&directory);
}

Test(authority, the_index_survives)
{
    size_t count;
    cr_assert_eq(issue_node(310000, "n"), WIRE_OK);
    cr_assert_eq(revoke_node(310000, "superseded", &count), WIRE_OK);
    cr_assert_eq(issue_node(310000, "again"), WIRE_OK); /* a revoked one does not stand in the way */
    struct cert_issued before[6];
    for (size_t i = 0; i < 6; i++)
        before[i] = *cert_authority_at(authority, i);
    cert_authority_free(&authority);
    struct cert_authority_options options = {.read_only = true, .now_ms = NOW};
    cr_assert_eq(cert_authority_open("ca", &options, &authority, &problem), WIRE_OK, "%s", problem.en);
    cr_assert_eq(cert_authority_count(authority), 6);
    for (size_t i = 0; i < 6; i++) {
        const struct cert_issued *after = cert_authority_at(authority, i);
        cr_expect_arr_eq(after->subject.digest, before[i].subject.digest, 32);
        cr_expect_arr_eq(after->subject.serial, before[i].subject.serial, CERT_SERIAL_BYTES);
        cr_expect_eq(after->subject.from_ms, before[i].subject.from_ms);
        cr_expect_eq(after->subject.until_ms, before[i].subject.until_ms);
        cr_expect_eq(after->revoked_ms, before[i].revoked_ms);
        cr_expect_eq(after->epoch, before[i].epoch);
        cr_expect_str_eq(after->reason, before[i].reason);
        cr_expect_str_eq(after->subject.name, "310000");
    }
    cr_expect_eq(issue_node(330000, "m"), WIRE_INVALID, "read-only");
}

Test(authority, a_damaged_index_is_noticed)
{
    struct cert_file index;
    struct cert_authority *damaged;
    cr_assert_eq(issue_node(310000, "n"), WIRE_OK);
    cert_authority_free(&authority);
    cr_assert_eq(cert_file_read("ca/index", false, &index, NULL), WIRE_OK);
    char *second = strchr((char *)index.data, '\n') + 1;
    struct wire_bytes cases[] = {wire_bytes(index.data, index.size - 1),
                                 wire_bytes(second, index.size - (size_t)(second - (char *)index.data)),
                                 wire_bytes("1 burn it\n", 10), wire_bytes("\n", 1)};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(cert_file_write("ca/index", cases[i], 0644, true, NULL), WIRE_OK);
        cr_expect_eq(cert_authority_open("ca", &(struct cert_authority_options){.now_ms = NOW}, &damaged, &problem),
                     WIRE_DAMAGED, "case %zu", i);
    }
    cert_file_close(&index);
}

Test(authority, keys_under_a_passphrase)
{
    struct cert_authority *locked;
    struct cert_authority_options options = {.passphrase = "open sesame", .now_ms = NOW};
    cr_assert_eq(cert_authority_create("locked", "another", 0, 0, &options, &problem), WIRE_OK, "%s", problem.en);
    cr_expect(cert_authority_locked("locked"));
    cr_expect_not(cert_authority_locked("ca"));
    cr_expect_not(cert_authority_locked("absent"));
    options.passphrase = "open barley";
    cr_expect_eq(cert_authority_open("locked", &options, &locked, &problem), WIRE_SYNTAX);
    options.passphrase = NULL; /* must not ask the terminal */
    cr_expect_eq(cert_authority_open("locked", &options, &locked, &problem), WIRE_SYNTAX);
    struct cert_issue request = {.role = WIRE__ROLE__ROLE_NODE, .region = 310000, .out = "n", .passphrase = "pepper"};
    cr_assert_eq(cert_authority_issue(authority, &request, &problem), WIRE_OK, "%s", problem.en);
    struct cert_identity *identity;
    struct cert_identity_options load = {.now_ms = NOW};
    cr_expect_eq(cert_identity_load("n", &load, &identity, &problem), WIRE_SYNTAX);
    cr_expect_not_null(strstr(problem.en, "passphrase"));
    load.passphrase = "pepper";
    cr_expect_eq(cert_identity_load("n", &load, &identity, &problem), WIRE_OK, "%s", problem.en);
    cert_identity_free(&identity);
}

Test(authority, an_open_ca_key_is_refused)
{
    struct cert_authority *open_one;
    cert_authority_free(&authority);
    cr_assert_eq(chmod("ca/ca.key", 0640), 0);
    cr_expect_eq(cert_authority_open("ca", &(struct cert_authority_options){.now_ms = NOW}, &open_one, &problem),
                 WIRE_INVALID);
}

Test(authority, crl_numbers_rise)
{
    struct cert_directory *directory = published();
    cr_assert_eq(cert_directory_crl_load(directory, "ca/crl.der", &problem), WIRE_OK);
    for (uint64_t number = 2; number < 5; number++) {
        cr_assert_eq(cert_authority_crl(authority, 0, 0, &problem), WIRE_OK);
        cr_assert_eq(cert_directory_crl_load(directory, "ca/crl.der", &problem), WIRE_OK);
        cr_expect_eq(cert_directory_crl_number(directory), number);
    }
    cert_directory_free(&directory);
}

/* Not ours alone: any X.509 tool accepts the chain. */
Test(authority, openssl_verifies_the_chain)
{
    cr_assert_eq(issue_node(310000, "n"), WIRE_OK);
    cr_expect_eq(system("openssl verify -attime 1581040800 -CAfile ca/ca.pem n/identity.pem n/seal.pem n/transport.pem "
                        ">/dev/null"),
                 0);
    cr_expect_eq(system("openssl crl -in ca/crl.der -inform DER -CAfile ca/ca.pem -noout 2>/dev/null"), 0);
}
