#include "certs/policy.h"
#include "certs/authority.h"
#include "fixture.h"
#include "wire/codec.h"

static struct fixture fixture;
static struct wire_arena arena;
static uint8_t memory[256 * 1024];

static void setup(void)
{
    fixture_open(&fixture);
    wire_arena_over(&arena, memory, sizeof memory);
}

static void teardown(void)
{
    fixture_close(&fixture);
}

TestSuite(policy, .init = setup, .fini = teardown);

static enum wire_status sign_as(const char *folder, int64_t signed_ms, const char *installation, struct wire_bytes *out)
{
    static uint8_t yaml[] = "id: yangtze-delta\n";
    struct cert_identity *identity = zoo_identity(&fixture.zoo, folder);
    Wire__PolicyFile file = WIRE__POLICY_FILE__INIT;
    Wire__PolicyFile *files[] = {&file};
    file.name = (char *)(uintptr_t) "yangtze-delta.yaml";
    file.text = (ProtobufCBinaryData){.data = yaml, .len = sizeof yaml - 1};
    Wire__PolicyText text = WIRE__POLICY_TEXT__INIT;
    text.version = 7;
    text.installation = (char *)(uintptr_t)installation;
    text.signed_ms = signed_ms;
    text.in_force_ms = signed_ms + DAY;
    text.file = files;
    text.n_file = 1;
    struct wire_problem problem;
    enum wire_status status = cert_policy_sign(identity, &text, &arena, out, &problem);
    cert_identity_free(&identity);
    return status;
}

static enum wire_status verify_at(struct wire_bytes policy, int64_t now_ms)
{
    struct cert_policy out;
    struct wire_problem problem = {.status = WIRE_OK};
    enum wire_status status = cert_policy_verify(fixture.directory, policy, now_ms, &arena, &out, &problem);
    cr_expect_eq(problem.status, status, "%s", problem.en);
    return status;
}

Test(policy, signed_and_verified)
{
    struct wire_bytes policy;
    struct cert_policy out;
    cr_assert_eq(sign_as("secretary", NOW, ZOO_INSTALLATION, &policy), WIRE_OK);
    cr_assert_eq(cert_policy_verify(fixture.directory, policy, NOW, &arena, &out, NULL), WIRE_OK);
    cr_expect_eq(out.text->version, 7);
    cr_expect_str_eq(out.text->file[0]->name, "yangtze-delta.yaml");
    cr_expect_str_eq(out.secretary.name, "delta-office");
    Wire__SignedPolicy *whole = wire__signed_policy__unpack(NULL, policy.size, policy.data);
    uint8_t digest[32];
    cert_sha256(whole->text.data, whole->text.len, digest);
    cr_expect_arr_eq(digest, out.digest, 32);
    wire__signed_policy__free_unpacked(whole, NULL);
}

Test(policy, only_a_secretary_signs)
{
    struct wire_bytes policy;
    cr_expect_eq(sign_as("310000", NOW, ZOO_INSTALLATION, &policy), WIRE_INVALID);
    cr_expect_eq(sign_as("broker", NOW, ZOO_INSTALLATION, &policy), WIRE_INVALID);
    cr_expect_eq(sign_as("secretary", NOW, "elsewhere", &policy), WIRE_OTHER_INSTALLATION);
}

/* Signature valid, signer not a secretary: what a captured node could try. */
Test(policy, a_nodes_certificate_in_it_is_refused)
{
    struct wire_bytes policy;
    struct cert_identity *node = zoo_identity(&fixture.zoo, "310000");
    cr_assert_eq(sign_as("secretary", NOW, ZOO_INSTALLATION, &policy), WIRE_OK);
    Wire__SignedPolicy *whole = wire__signed_policy__unpack(NULL, policy.size, policy.data);
    struct wire_bytes certificate = cert_identity_certificate(node, WIRE__USAGE__USAGE_IDENTITY);
    Wire__SignedPolicy forged = *whole;
    forged.certificate = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)certificate.data, .len = certificate.size};
    cr_expect_eq(verify_at(wire_encode(&forged.base, &arena), NOW), WIRE_UNKNOWN_SIGNER);
    forged = *whole;
    forged.certificate.len--;
    cr_expect_eq(verify_at(wire_encode(&forged.base, &arena), NOW), WIRE_UNKNOWN_SIGNER);
    forged = *whole;
    forged.suite = 2;
    cr_expect_eq(verify_at(wire_encode(&forged.base, &arena), NOW), WIRE_WRONG_SUITE);
    forged = *whole;
    forged.text.data[4] ^= 1;
    cr_expect_eq(verify_at(wire_encode(&forged.base, &arena), NOW), WIRE_BAD_SIGNATURE);
    wire__signed_policy__free_unpacked(whole, NULL);
    cert_identity_free(&node);
}

Test(policy, times)
{
    struct wire_bytes policy;
    cr_assert_eq(sign_as("secretary", NOW, ZOO_INSTALLATION, &policy), WIRE_OK);
    cr_expect_eq(verify_at(policy, NOW - 4 * 60 * 1000), WIRE_OK); /* clocks differ a little */
    cr_expect_eq(verify_at(policy, NOW - 6 * 60 * 1000), WIRE_SIGNER_EXPIRED);
    cr_expect_eq(verify_at(policy, NOW + 1000 * DAY), WIRE_OK); /* in force until replaced */
    cr_assert_eq(sign_as("secretary", NOW + 400 * DAY, ZOO_INSTALLATION, &policy), WIRE_OK);
    cr_expect_eq(verify_at(policy, NOW + 400 * DAY), WIRE_SIGNER_EXPIRED);
    cr_assert_eq(sign_as("secretary", NOW - 401 * DAY, ZOO_INSTALLATION, &policy), WIRE_OK);
    cr_expect_eq(verify_at(policy, NOW), WIRE_SIGNER_EXPIRED);
}

static void revoke_secretary(const char *reason, bool by_crl)
{
    char path[ZOO_PATH_MAX];
    struct cert_authority *authority;
    size_t count;
    zoo_path(&fixture.zoo, "ca", path);
    cr_assert_eq(cert_authority_open(path, &(struct cert_authority_options){.now_ms = NOW}, &authority, NULL), WIRE_OK);
    struct cert_revocation revocation = {
        .role = WIRE__ROLE__ROLE_SECRETARY, .region = 310000, .id = "delta-office", .reason = reason};
    cr_assert_eq(cert_authority_revoke(authority, &revocation, &count, NULL), WIRE_OK);
    cert_authority_free(&authority);
    if (by_crl)
        cr_assert_eq(cert_directory_crl_load(fixture.directory, zoo_path(&fixture.zoo, "ca/crl.der", path), NULL),
                     WIRE_OK);
    else
        cr_assert_eq(cert_directory_load(fixture.directory, zoo_path(&fixture.zoo, "ca/directory.bin", path), NULL),
                     WIRE_OK);
}

Test(policy, what_a_compromised_secretary_signed_is_void)
{
    struct wire_bytes policy;
    cr_assert_eq(sign_as("secretary", NOW - DAY, ZOO_INSTALLATION, &policy), WIRE_OK);
    cr_expect_eq(verify_at(policy, NOW), WIRE_OK);
    revoke_secretary("key-compromise", true);
    cr_expect_eq(verify_at(policy, NOW), WIRE_SIGNER_REVOKED);
}

Test(policy, what_an_office_signed_before_it_closed_stands)
{
    struct wire_bytes before, after;
    cr_assert_eq(sign_as("secretary", NOW - DAY, ZOO_INSTALLATION, &before), WIRE_OK);
    cr_assert_eq(sign_as("secretary", NOW + DAY, ZOO_INSTALLATION, &after), WIRE_OK);
    revoke_secretary("cessation-of-operation", false);
    cr_expect_eq(verify_at(before, NOW + 2 * DAY), WIRE_OK);
    cr_expect_eq(verify_at(after, NOW + 2 * DAY), WIRE_SIGNER_REVOKED);
}

Test(policy, junk)
{
    cr_expect_eq(verify_at(wire_bytes("junk", 4), NOW), WIRE_SYNTAX);
    cr_expect_eq(verify_at(wire_bytes("", 0), NOW), WIRE_SYNTAX);
}
