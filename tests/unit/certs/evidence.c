#include "certs/evidence.h"
#include "certs/authority.h"
#include "certs/file.h"
#include "fixture.h"
#include "wire/codec.h"

static struct fixture fixture;
static struct wire_arena arena;
static uint8_t memory[64 * 1024];
static uint8_t root_bytes[32] = {7}, store_id[16] = {9}, ledger_id[16] = {3}, policy[32] = {4};

static void setup(void)
{
    fixture_open(&fixture);
    wire_arena_over(&arena, memory, sizeof memory);
}

static void teardown(void)
{
    fixture_close(&fixture);
}

TestSuite(evidence, .init = setup, .fini = teardown);

static Wire__BatchSeal sealed_by(const char *folder)
{
    struct cert_identity *identity = zoo_identity(&fixture.zoo, folder);
    Wire__BatchSeal seal = WIRE__BATCH_SEAL__INIT;
    seal.origin = cert_identity_region(identity);
    seal.mechanism = (char *)(uintptr_t) "yangtze-delta";
    seal.lane = WIRE__LANE__ROUTINE;
    seal.store_id = (ProtobufCBinaryData){.data = store_id, .len = sizeof store_id};
    seal.first = 1;
    seal.count = 1;
    seal.root = (ProtobufCBinaryData){.data = root_bytes, .len = sizeof root_bytes};
    cr_assert_eq(cert_sign_batch(identity, &seal, &arena), WIRE_OK);
    seal.signer.data = wire_arena_copy(&arena, seal.signer.data, seal.signer.len);
    cert_identity_free(&identity);
    return seal;
}

static Wire__Signed witness_by(const char *folder, int64_t admitted_ms, uint8_t first_byte_of_root)
{
    struct cert_identity *identity = zoo_identity(&fixture.zoo, folder);
    uint8_t root[32] = {first_byte_of_root};
    Wire__WitnessStatement statement = WIRE__WITNESS_STATEMENT__INIT;
    statement.ledger_id = (ProtobufCBinaryData){.data = ledger_id, .len = 16};
    statement.generation = 1;
    statement.root = (ProtobufCBinaryData){.data = root, .len = 32};
    statement.admitted_ms = admitted_ms;
    statement.policy_digest = (ProtobufCBinaryData){.data = policy, .len = 32};
    struct cert_statement item = {WIRE__STATEMENT_TYPE__WITNESS_STATEMENT, wire_encode(&statement.base, &arena)};
    Wire__Signed out;
    cr_assert_eq(cert_sign_statements(identity, &fixture.hash, &item, 1, &arena, &out), WIRE_OK);
    out.signer.data = wire_arena_copy(&arena, out.signer.data, out.signer.len);
    cert_identity_free(&identity);
    return out;
}

static enum cert_validity judge(const Wire__BatchSeal *seal, const Wire__Signed *witness, int64_t now_ms)
{
    enum cert_validity validity;
    int64_t admitted_ms;
    enum wire_status status =
        cert_verify_evidence(fixture.directory, &fixture.hash, seal, witness, now_ms, &arena, &validity, &admitted_ms);
    cr_expect_eq(status == WIRE_OK, validity != CERT_INVALID);
    return validity;
}

Test(evidence, valid_now_needs_no_witness)
{
    Wire__BatchSeal seal = sealed_by("310000");
    cr_expect_eq(judge(&seal, NULL, NOW), CERT_VALID_NOW);
    Wire__Signed witness = witness_by("broker", NOW - DAY, 7);
    cr_expect_eq(judge(&seal, &witness, NOW), CERT_VALID_NOW);
}

Test(evidence, expired_since)
{
    Wire__BatchSeal seal = sealed_by("expired");
    Wire__Signed in_time = witness_by("broker", NOW - 100 * DAY, 7), too_late = witness_by("broker", NOW, 7);
    cr_expect_eq(judge(&seal, NULL, NOW), CERT_NO_WITNESS);
    cr_expect_eq(judge(&seal, &in_time, NOW), CERT_VALID_WHEN_ADMITTED);
    cr_expect_eq(judge(&seal, &too_late, NOW), CERT_INVALID);
}

Test(evidence, revoked_before_and_after)
{
    Wire__BatchSeal seal = sealed_by("revoked");
    Wire__Signed before = witness_by("broker", fixture.zoo.revoked_ms - 1, 7);
    Wire__Signed after = witness_by("broker", fixture.zoo.revoked_ms, 7);
    cr_expect_eq(judge(&seal, NULL, NOW), CERT_NO_WITNESS);
    cr_expect_eq(judge(&seal, &before, NOW), CERT_VALID_WHEN_ADMITTED);
    cr_expect_eq(judge(&seal, &after, NOW), CERT_REVOKED_BEFORE);
}

/* Renewed keys: old batches verify for years. */
Test(evidence, an_old_key_years_later)
{
    Wire__BatchSeal seal = sealed_by("310000");
    Wire__Signed witness = witness_by("broker", NOW, 7);
    cr_expect_eq(judge(&seal, &witness, NOW + 3000 * DAY), CERT_VALID_WHEN_ADMITTED);
}

Test(evidence, a_witness_that_proves_nothing)
{
    Wire__BatchSeal seal = sealed_by("expired");
    Wire__Signed other_root = witness_by("broker", NOW - 100 * DAY, 8);
    Wire__Signed by_a_node = witness_by("310000", NOW - 100 * DAY, 7);
    Wire__Signed before_the_broker = witness_by("broker", NOW - 401 * DAY, 7);
    Wire__Signed bent = witness_by("broker", NOW - 100 * DAY, 7);
    bent.signature.data[bent.signature.len - 1] ^= 1;
    Wire__Signed wrong_type = witness_by("broker", NOW - 100 * DAY, 7);
    wrong_type.type = WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT;
    cr_expect_eq(judge(&seal, &other_root, NOW), CERT_NO_WITNESS);
    cr_expect_eq(judge(&seal, &by_a_node, NOW), CERT_NO_WITNESS);
    cr_expect_eq(judge(&seal, &before_the_broker, NOW), CERT_NO_WITNESS);
    cr_expect_eq(judge(&seal, &bent, NOW), CERT_NO_WITNESS);
    cr_expect_eq(judge(&seal, &wrong_type, NOW), CERT_NO_WITNESS);
}

/* Who stole the broker's key could date back; who merely replaced it could not. */
static void revoke_broker(const char *reason)
{
    char path[ZOO_PATH_MAX];
    struct cert_authority *authority;
    size_t count;
    zoo_path(&fixture.zoo, "ca", path);
    cr_assert_eq(cert_authority_open(path, &(struct cert_authority_options){.now_ms = NOW}, &authority, NULL), WIRE_OK);
    cr_assert_eq(cert_authority_revoke(authority,
                                       &(struct cert_revocation){.role = WIRE__ROLE__ROLE_BROKER, .reason = reason},
                                       &count, NULL),
                 WIRE_OK);
    cr_expect_eq(count, 2);
    cert_authority_free(&authority);
    cr_assert_eq(cert_directory_load(fixture.directory, zoo_path(&fixture.zoo, "ca/directory.bin", path), NULL),
                 WIRE_OK);
}

Test(evidence, a_broker_revoked_in_good_order_still_witnesses)
{
    Wire__BatchSeal seal = sealed_by("expired");
    Wire__Signed witness = witness_by("broker", NOW - 100 * DAY, 7);
    revoke_broker("superseded");
    cr_expect_eq(judge(&seal, &witness, NOW), CERT_VALID_WHEN_ADMITTED);
}

Test(evidence, a_compromised_broker_witnesses_nothing)
{
    Wire__BatchSeal seal = sealed_by("expired");
    Wire__Signed witness = witness_by("broker", NOW - 100 * DAY, 7);
    revoke_broker("key-compromise");
    cr_expect_eq(judge(&seal, &witness, NOW), CERT_NO_WITNESS);
}

Test(evidence, bent_seals_are_invalid)
{
    Wire__BatchSeal seal = sealed_by("310000");
    seal.count = 2;
    cr_expect_eq(judge(&seal, NULL, NOW), CERT_INVALID);
    Wire__BatchSeal stranger = sealed_by("other-ca");
    cr_expect_eq(judge(&stranger, NULL, NOW), CERT_INVALID);
}

Test(evidence, every_answer_has_words)
{
    for (enum cert_validity validity = CERT_VALID_NOW; validity <= CERT_INVALID; validity++) {
        cr_expect_neq(cert_validity_name(validity)[0], '?');
        cr_expect_str_neq(cert_validity_text(validity, WIRE_CHINESE), cert_validity_text(validity, WIRE_ENGLISH));
    }
    cr_expect_str_eq(cert_validity_name((enum cert_validity)99), "?");
}
