/* lianfang verify on evidence made with the zoo's certificates: two envelopes in one batch, of which one is shown. */
#include "certs/verify.h"
#include "certs/authority.h"
#include "certs/hash.h"
#include "run.h"
#include "schema/evidence.pb-c.h"
#include "support/zoo.h"
#include "wire/codec.h"
#include <stdlib.h>

#define DAY (24 * 3600 * INT64_C(1000))
enum { MEMORY = 1024 * 1024, ENVELOPES = 2, CERTIFICATES_MAX = 8 };

static struct zoo zoo;
static struct wire_hash hash;
static struct wire_arena arena;
static uint8_t memory[MEMORY];
static struct run run;
static char evidence_path[ZOO_PATH_MAX], ca_path[ZOO_PATH_MAX], crl_path[ZOO_PATH_MAX];
static uint8_t store_id[16] = {9}, ledger_id[16] = {3}, policy[32] = {4};

/* What a test may bend before it is written. */
static Wire__Evidence evidence;
static Wire__Batch batch;
static Wire__BatchSeal seal;
static Wire__Envelope envelope[ENVELOPES], *envelopes[ENVELOPES];
static struct wire_digest leaves[ENVELOPES];
static ProtobufCBinaryData certificates[CERTIFICATES_MAX];

static ProtobufCBinaryData binary(const void *data, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = wire_arena_copy(&arena, data, size)};
}

static ProtobufCBinaryData of(struct wire_bytes bytes)
{
    return binary(bytes.data, bytes.size);
}

static void add_certificate(const struct cert_identity *identity)
{
    cr_assert_lt(evidence.n_certificate, CERTIFICATES_MAX);
    certificates[evidence.n_certificate++] = of(cert_identity_certificate(identity, WIRE__USAGE__USAGE_IDENTITY));
    evidence.certificate = certificates;
}

static void make_envelope(uint32_t index, uint32_t origin)
{
    Wire__Header header = WIRE__HEADER__INIT;
    uint8_t id[16] = {1, (uint8_t)index}, salt[16] = {7};
    static const char text[] = "the payload";
    header.version = 1;
    header.id = binary(id, sizeof id);
    header.number_date = 20200207;
    header.number_serial = 12 + index;
    header.origin = header.issuer_region = origin;
    header.issuer_unit = 2;
    header.store_id = binary(store_id, 16);
    header.seq = index + 1;
    header.mechanism = (char *)(uintptr_t) "yangtze-delta";
    header.lane = WIRE__LANE__URGENT;
    header.kind = 3;
    header.urgency = WIRE__URGENCY__EXPECTED;
    header.created_ms = NOW - 1000;
    header.keep_until = 20200407;
    header.form = WIRE__PAYLOAD_FORM__CLEAR;
    struct wire_digest digest =
        wire_payload_digest(&hash, wire_bytes(salt, sizeof salt), wire_bytes(text, sizeof text));
    header.digest = binary(digest.bytes, 32);
    wire__envelope__init(&envelope[index]);
    envelope[index].header = of(wire_encode(&header.base, &arena));
    envelope[index].salt = binary(salt, sizeof salt);
    envelope[index].payload = binary(text, sizeof text);
    envelopes[index] = &envelope[index];
    leaves[index] = wire_header_leaf(&hash, wire_bytes(envelope[index].header.data, envelope[index].header.len));
}

/* A batch signed by `folder` and the part of it that holds its second envelope. */
static void make_part(const char *folder)
{
    struct cert_identity *identity = zoo_identity(&zoo, folder);
    for (uint32_t i = 0; i < ENVELOPES; i++)
        make_envelope(i, cert_identity_region(identity));
    wire__batch__init(&batch);
    wire__batch_seal__init(&seal);
    seal.origin = cert_identity_region(identity);
    seal.mechanism = (char *)(uintptr_t) "yangtze-delta";
    seal.lane = WIRE__LANE__URGENT;
    seal.store_id = binary(store_id, 16);
    seal.first = 1;
    seal.count = ENVELOPES;
    struct wire_digest root = wire_merkle_root(&hash, leaves, ENVELOPES);
    seal.root = binary(root.bytes, 32);
    cr_assert_eq(cert_sign_batch(identity, &seal, &arena), WIRE_OK);
    seal.signer = binary(seal.signer.data, seal.signer.len);
    batch.seal = &seal;
    batch.envelope = envelopes;
    batch.n_envelope = ENVELOPES;
    wire__evidence__init(&evidence);
    evidence.version = 1;
    evidence.installation = (char *)(uintptr_t)ZOO_INSTALLATION;
    evidence.part = wire_arena_take(&arena, sizeof *evidence.part);
    const uint8_t have[1] = {2};
    cr_assert_eq(wire_part_cut(&hash, &batch, leaves, have, &arena, evidence.part), WIRE_OK);
    add_certificate(identity);
    cert_identity_free(&identity);
}

static Wire__Signed *sign(const char *folder, Wire__StatementType type, const ProtobufCMessage *statement)
{
    struct cert_identity *identity = zoo_identity(&zoo, folder);
    Wire__Signed *out = wire_arena_take(&arena, sizeof *out);
    struct cert_statement item = {type, wire_encode(statement, &arena)};
    cr_assert_eq(cert_sign_statements(identity, &hash, &item, 1, &arena, out), WIRE_OK);
    out->signer = binary(out->signer.data, out->signer.len);
    add_certificate(identity);
    cert_identity_free(&identity);
    return out;
}

static void add_witness(const char *folder, int64_t admitted_ms)
{
    Wire__WitnessStatement statement = WIRE__WITNESS_STATEMENT__INIT;
    statement.ledger_id = binary(ledger_id, 16);
    statement.generation = 1;
    statement.root = seal.root;
    statement.admitted_ms = admitted_ms;
    statement.policy_digest = binary(policy, 32);
    evidence.witness = sign(folder, WIRE__STATEMENT_TYPE__WITNESS_STATEMENT, &statement.base);
}

static void add_receipt(Wire__VerdictCode code)
{
    Wire__ReceiptStatement statement = WIRE__RECEIPT_STATEMENT__INIT;
    Wire__Verdict verdict = WIRE__VERDICT__INIT, *verdicts[] = {&verdict};
    Wire__Disposition disposition = WIRE__DISPOSITION__INIT;
    uint32_t to[] = {330000}, cc[] = {100000};
    uint8_t id[16] = {1, 1};
    disposition.rule = 1;
    disposition.rule_name = (char *)(uintptr_t) "contacts";
    disposition.to = to;
    disposition.n_to = 1;
    disposition.cc = cc;
    disposition.n_cc = 1;
    disposition.keep_until = 20200407;
    verdict.seq = 2;
    verdict.id = binary(id, sizeof id);
    verdict.code = code;
    verdict.disposition = code == WIRE__VERDICT_CODE__ADMITTED ? &disposition : NULL;
    verdict.has_reason = code != WIRE__VERDICT_CODE__ADMITTED;
    verdict.reason = WIRE_NOBODY_FOR;
    statement.ledger_id = binary(ledger_id, 16);
    statement.generation = 1;
    statement.origin = seal.origin;
    statement.mechanism = seal.mechanism;
    statement.lane = seal.lane;
    statement.store_id = seal.store_id;
    statement.outcome = WIRE__RECEIPT_OUTCOME__JUDGED;
    statement.first = 1;
    statement.count = ENVELOPES;
    statement.root = seal.root;
    statement.verdict = verdicts;
    statement.n_verdict = 1;
    statement.at_ms = NOW - 500;
    statement.ledger_serial = 1;
    evidence.receipt = sign("broker", WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT, &statement.base);
}

static void add_arrived(const char *folder, uint32_t recipient, uint32_t index)
{
    static Wire__Signed *list[1];
    Wire__ArrivedStatement statement = WIRE__ARRIVED_STATEMENT__INIT;
    Wire__Arrival arrival = WIRE__ARRIVAL__INIT, *arrivals[] = {&arrival};
    arrival.index = index;
    arrival.code = WIRE__VERDICT_CODE__ARRIVED;
    statement.recipient = recipient;
    statement.origin = seal.origin;
    statement.mechanism = seal.mechanism;
    statement.lane = seal.lane;
    statement.store_id = seal.store_id;
    statement.root = seal.root;
    statement.first = 1;
    statement.arrival = arrivals;
    statement.n_arrival = 1;
    statement.at_ms = NOW;
    list[0] = sign(folder, WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT, &statement.base);
    evidence.arrived = list;
    evidence.n_arrived = 1;
}

static void write_evidence(void)
{
    struct wire_bytes bytes = wire_encode(&evidence.base, &arena);
    FILE *file = fopen(evidence_path, "wb");
    cr_assert(file != NULL && bytes.data != NULL);
    fwrite(bytes.data, 1, bytes.size, file);
    fclose(file);
}

static void setup(void)
{
    zoo_open(&zoo, NOW);
    hash = cert_hash_new();
    wire_arena_over(&arena, memory, sizeof memory);
    zoo_path(&zoo, "ca/ca.pem", ca_path);
    zoo_path(&zoo, "ca/crl.der", crl_path);
    zoo_path(&zoo, "evidence.bin", evidence_path);
}

static void teardown(void)
{
    run_close(&run);
    cert_hash_close(&hash);
    zoo_close(&zoo);
}

TestSuite(verify, .init = setup, .fini = teardown);

static void verify(int code)
{
    write_evidence();
    run_cli(&run, "verify", evidence_path, "--ca", ca_path, "--crl", crl_path, NULL);
    cr_expect_eq(run.code, code, "exit %d:\n%s%s", run.code, run.out, run.err);
}

Test(verify, what_a_recipient_holds)
{
    make_part("310000");
    add_witness("broker", NOW - 500);
    verify(0);
    has(run.out, "310000-20200207-0013");
    has(run.out, "signed by the node of 310000 上海市");
    has(run.out, "number 2");
    has(run.out, "result: valid\n");
    run_cli(&run, "--lang", "zh", "verify", evidence_path, "--ca", ca_path, NULL);
    cr_expect_eq(run.code, 0);
    has(run.out, "结论：有效\n");
    has(run.out, "吊销情况未核对");
}

Test(verify, what_the_origin_holds)
{
    make_part("310000");
    add_receipt(WIRE__VERDICT_CODE__ADMITTED);
    add_arrived("330000", 330000, 1);
    verify(0);
    has(run.out, "given by rule contacts to: 330000 浙江省, cc 100000");
    has(run.out, "330000 浙江省 has it since 2020-02-07 10:00");
}

Test(verify, json_for_programs)
{
    make_part("310000");
    add_witness("broker", NOW - 500);
    write_evidence();
    run_cli(&run, "--json", "verify", evidence_path, "--ca", ca_path, NULL);
    cr_expect_eq(run.code, 0);
    has(run.out, "\"result\":\"valid\"");
    has(run.out, "\"validity\":\"valid-now\"");
}

Test(verify, a_refusal_is_proof_too)
{
    make_part("310000");
    add_receipt(WIRE__VERDICT_CODE__REFUSED);
    verify(1);
    has(run.out, "nobody enrolled for the region");
}

Test(verify, content_erased)
{
    make_part("310000");
    add_witness("broker", NOW - 500);
    evidence.part->envelope[0]->has_salt = evidence.part->envelope[0]->has_payload = false;
    verify(1);
    has(run.out, "erased");
}

Test(verify, expired_since)
{
    make_part("expired");
    add_witness("broker", NOW - 100 * DAY);
    verify(1);
    has(run.out, "with remarks");
}

Test(verify, expired_and_only_the_receipt_says_when)
{
    make_part("310000");
    add_receipt(WIRE__VERDICT_CODE__ADMITTED);
    run.now_ms = NOW + 3000 * DAY;
    verify(1);
    has(run.out, "witnesses that it was judged");
}

Test(verify, revoked_before)
{
    make_part("revoked");
    add_witness("broker", zoo.revoked_ms + 1000);
    verify(65);
    has(run.out, "INVALID");
}

Test(verify, one_bit_of_the_payload)
{
    make_part("310000");
    add_witness("broker", NOW - 500);
    evidence.part->envelope[0]->payload.data[3] ^= 1;
    verify(65);
}

Test(verify, one_bit_of_the_signature)
{
    make_part("310000");
    seal.signature.data[seal.signature.len - 1] ^= 1;
    verify(65);
}

Test(verify, another_place_in_the_batch)
{
    make_part("310000");
    evidence.part->envelope[0]->index = 0;
    verify(65);
}

Test(verify, the_witness_of_something_else)
{
    make_part("310000");
    uint8_t other[32] = {1};
    ProtobufCBinaryData root = seal.root;
    seal.root = binary(other, 32);
    add_witness("broker", NOW);
    seal.root = root;
    verify(1);
    has(run.out, "worth nothing");
}

Test(verify, an_arrival_of_another_envelope)
{
    make_part("310000");
    add_witness("broker", NOW - 500);
    add_arrived("330000", 330000, 0);
    verify(1);
}

/* A node cannot say that another has it. */
Test(verify, an_arrival_by_somebody_else)
{
    make_part("310000");
    add_witness("broker", NOW - 500);
    add_arrived("330000", 330300, 1);
    verify(1);
}

Test(verify, a_certificate_of_another_ca)
{
    make_part("other-ca");
    verify(65);
}

Test(verify, another_installation)
{
    make_part("310000");
    evidence.installation = (char *)(uintptr_t) "elsewhere";
    verify(65);
    has(run.out, "elsewhere");
}

Test(verify, no_evidence_at_all)
{
    static const char *const texts[] = {"", "rubbish", "{\"evidence\":\"???\"}", "{}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_whole(evidence_path, texts[i]);
        run_cli(&run, "verify", evidence_path, "--ca", ca_path, NULL);
        cr_expect_eq(run.code, 65, "%s", texts[i]);
    }
    run_cli(&run, "verify", "/nowhere/at/all", "--ca", ca_path, NULL);
    cr_expect_eq(run.code, 66);
    run_cli(&run, "verify", evidence_path, NULL);
    cr_expect_eq(run.code, 64);
}
