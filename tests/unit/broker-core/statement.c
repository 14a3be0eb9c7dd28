/* Receipts are encoded by hand on the hot path; what comes out must be what protobuf-c would have written. */
#include "broker/core/inside.h"
#include "fake.h"
#include "wire/kind.h"
#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(statement);

static struct fake fake;

/* The newest receipt of an origin, as it is stored. */
static Wire__ReceiptStatement *newest(uint32_t origin, uint64_t number, uint8_t **raw, size_t *size)
{
    struct wire_bytes value = fake_get(&fake.visible, BROKER_RECEIPT, broker_key_receipt(origin, number));
    Wire__LedgerReceipt *receipt = wire__ledger_receipt__unpack(NULL, value.size, value.data);
    cr_assert_not_null(receipt);
    *size = receipt->statement.len;
    *raw = malloc(*size);
    memcpy(*raw, receipt->statement.data, *size);
    wire__ledger_receipt__free_unpacked(receipt, NULL);
    return wire__receipt_statement__unpack(NULL, *size, *raw);
}

Test(statement, is_what_protobuf_writes)
{
    fake_start(&fake, 3);
    struct fake_node *node = fake_node(&fake, 310000);
    fake_connect(&fake, node);
    const struct fake_spec specs[] = {
        {.kind = WIRE_KIND_CONTACT_NOTICE, .concerns = 330000},
        {.kind = WIRE_KIND_CONTACT_NOTICE, .concerns = 350000},
        {.kind = WIRE_KIND_CONTACT_NOTICE, .concerns = 320000},
        {.kind = WIRE_KIND_CONTACT_NOTICE, .concerns = 330000, .unit = 4},
        {.kind = WIRE_KIND_CONTACT_NOTICE, .concerns = 330000, .expires_ms = 1},
        {.kind = WIRE_KIND_CONTACT_NOTICE, .concerns = 330000, .bad = WIRE_BAD_HEADER},
    };
    struct fake_batch *batch = fake_seal(&fake, node, "yangtze-delta", WIRE__LANE__URGENT, specs, 6);
    fake_submit(&fake, node, batch, WIRE_OK, NULL);
    struct fake_spec again = {.kind = WIRE_KIND_CONTACT_NOTICE, .concerns = 330000, .id = batch->headers[0]->id.data};
    fake_publish(&fake, node, &again);
    for (uint64_t number = 1; number <= 2; number++) {
        uint8_t *raw = NULL;
        size_t size = 0;
        Wire__ReceiptStatement *statement = newest(310000, number, &raw, &size);
        cr_assert_not_null(statement);
        uint8_t *packed = malloc(wire__receipt_statement__get_packed_size(statement));
        cr_assert_eq(wire__receipt_statement__pack(statement, packed), size);
        cr_assert_arr_eq(packed, raw, size);
        if (number == 1) {
            cr_assert_eq(statement->verdict[0]->code, WIRE__VERDICT_CODE__ADMITTED);
            cr_assert_eq(statement->verdict[0]->disposition->to[0], 330000);
            cr_assert_eq(statement->verdict[0]->disposition->n_term, 3);
            cr_assert_eq(statement->verdict[1]->reason, WIRE_NOBODY_FOR);
            cr_assert_str_eq(statement->verdict[1]->detail, "350000");
            cr_assert_eq(statement->verdict[2]->disposition->to[0], 320000);
            cr_assert_eq(statement->verdict[4]->code, WIRE__VERDICT_CODE__EXPIRED);
            cr_assert_eq(statement->verdict[5]->reason, WIRE_BAD_HEADER);
        } else {
            cr_assert_eq(statement->verdict[0]->code, WIRE__VERDICT_CODE__DUPLICATE);
            cr_assert_eq(statement->verdict[0]->first_code, WIRE__VERDICT_CODE__ADMITTED);
        }
        free(packed);
        free(raw);
        wire__receipt_statement__free_unpacked(statement, NULL);
    }
    fake_close(&fake);
}

/* Dispositions are kept once each; what would make a receipt too large for a frame is refused before that. */
Test(statement, never_outgrows_a_frame)
{
    fake_start(&fake, 3);
    struct broker_core *core = fake.core;
    struct rules_decision *decision = &core->decision;
    Wire__BatchSeal seal;
    uint8_t bytes[WIRE_HASH_BYTES] = {0};
    wire__batch_seal__init(&seal);
    seal.mechanism = (char *)(uintptr_t) "yangtze-delta";
    seal.store_id = (ProtobufCBinaryData){WIRE_ID_BYTES, bytes};
    seal.root = (ProtobufCBinaryData){WIRE_HASH_BYTES, bytes};
    *decision = (struct rules_decision){.rule_name = "measure", .to_count = WIRE_RECIPIENTS_MAX};
    for (uint32_t i = 0; i < WIRE_RECIPIENTS_MAX; i++)
        decision->to[i] = (struct rules_recipient){.region = 110000 + i, .unit = 1};
    decision->cc_count = decision->not_enrolled_count = WIRE_RECIPIENTS_MAX;
    broker_dispositions_open(core);
    broker_statement_open(core, &seal, 310000);
    uint32_t refused = 0;
    for (uint32_t i = 0; i < WIRE_BATCH_ENVELOPES_MAX; i++) {
        core->verdicts_left = WIRE_BATCH_ENVELOPES_MAX - i;
        decision->keep_until = 20200401 + i; /* all different */
        struct verdict verdict = {.seq = i, .id = bytes, .code = WIRE__VERDICT_CODE__ADMITTED};
        verdict.disposition = broker_disposition_of(core, 0);
        refused += verdict.disposition == NONE;
        broker_statement_verdict(core, &verdict);
        if (i == 0) {
            decision->keep_until = 20200401;
            cr_assert_eq(broker_disposition_of(core, 0), 0, "the same one once");
        }
    }
    broker_statement_close(core, 1, wire_bytes(bytes, sizeof bytes), 1);
    cr_assert_gt(refused, 0);
    cr_assert_lt(refused, WIRE_BATCH_ENVELOPES_MAX);
    cr_assert_leq(core->statement_size, BROKER_STATEMENT_BYTES_MAX + 1024);
    cr_assert_lt(core->statement_size, WIRE_FRAME_BYTES_MAX - 4096);
    fake_close(&fake);
}

Test(statement, terms_in_office_hours)
{
    const int64_t hour = 3600 * 1000LL, day = 24 * hour;
    const int64_t monday = 1581264000000LL; /* 2020-02-10 00:00 +08:00 */
    cr_assert_eq(broker_due_ms(monday + 10 * hour, 2 * hour, false), monday + 12 * hour);
    cr_assert_eq(broker_due_ms(monday + 10 * hour, 2 * hour, true), monday + 12 * hour);
    cr_assert_eq(broker_due_ms(monday + 16 * hour, 4 * hour, true), monday + day + 12 * hour,
                 "1 h today, 3 h tomorrow");
    cr_assert_eq(broker_due_ms(monday + 3 * hour, hour, true), monday + 10 * hour, "before the office opens");
    cr_assert_eq(broker_due_ms(monday + 20 * hour, hour, true), monday + day + 10 * hour, "after it closed");
    cr_assert_eq(broker_due_ms(monday + 4 * day + 16 * hour, 2 * hour, true), monday + 7 * day + 10 * hour,
                 "over the weekend");
    cr_assert_eq(broker_due_ms(monday + 5 * day + 12 * hour, hour, true), monday + 7 * day + 10 * hour,
                 "on a Saturday");
    cr_assert_eq(broker_due_ms(monday + 9 * hour, 8 * hour, true), monday + 17 * hour, "exactly a day's hours");
}

Test(statement, index_against_a_plain_table)
{
    struct index_slot slots[64] = {{0, 0}};
    struct index index = {.slots = slots, .mask = 63};
    uint32_t model[40];
    bool there[40] = {false};
    uint64_t seed = 7;
    for (int step = 0; step < 20000; step++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint32_t key = (uint32_t)(seed >> 33) % 40;
        cr_assert_eq(broker_index_find(&index, (uint64_t)key << 32), there[key] ? model[key] : NONE);
        if (there[key]) {
            broker_index_remove(&index, (uint64_t)key << 32);
        } else if (index.count < 30) {
            model[key] = (uint32_t)step;
            broker_index_add(&index, (uint64_t)key << 32, model[key]);
        } else {
            continue;
        }
        there[key] = !there[key];
    }
}
