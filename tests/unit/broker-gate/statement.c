/* What recipients sign, and what a HELLO shows back to the broker. */
#include "forge.h"

static struct forge forge;

static void setup(void)
{
    forge_open(&forge);
}

static void teardown(void)
{
    forge_close(&forge);
}

TestSuite(statement, .init = setup, .fini = teardown);

static Wire__ArrivedStatement arrived(uint32_t recipient)
{
    Wire__ArrivedStatement statement = WIRE__ARRIVED_STATEMENT__INIT;
    statement.recipient = recipient;
    statement.origin = 330000;
    statement.root = forge_bytes(&forge, 3, WIRE_HASH_BYTES);
    statement.at_ms = NOW;
    return statement;
}

static enum wire_status taken(Wire__Signed *signed_, Wire__ArrivedStatement **statement)
{
    Wire__ArrivedPart part = WIRE__ARRIVED_PART__INIT;
    part.mechanism = (char *)"yangtze-delta";
    part.lane = WIRE__LANE__ROUTINE;
    part.number = 1;
    part.chain = forge_bytes(&forge, 0, WIRE_HASH_BYTES);
    part.signed_ = signed_;
    return gate_arrived(&forge.gate, 310000, &part, NOW, &forge.arena, statement);
}

Test(statement, arrived_is_signed_by_the_peer_for_itself)
{
    Wire__ArrivedStatement said = arrived(310000), *seen;
    Wire__Signed *good = forge_statement(&forge, forge.identity, WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT, &said.base);
    cr_expect_eq(taken(good, &seen), WIRE_OK);
    cr_assert_not_null(seen);
    cr_expect_eq(seen->recipient, 310000);

    said = arrived(330000);
    Wire__Signed *foreign =
        forge_statement(&forge, forge.identity, WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT, &said.base);
    cr_expect_eq(taken(foreign, &seen), WIRE_FOREIGN_ORIGIN, "of another recipient");

    struct cert_identity *other = zoo_identity(&forge.zoo, "330000");
    said = arrived(310000);
    cr_expect_eq(taken(forge_statement(&forge, other, WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT, &said.base), &seen),
                 WIRE_FOREIGN_ORIGIN, "signed by another");
    cr_expect_eq(
        taken(forge_statement(&forge, forge.broker, WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT, &said.base), &seen),
        WIRE_FOREIGN_ORIGIN, "signed by the broker");
    cert_identity_free(&other);
}

Test(statement, arrived_that_was_changed_is_refused)
{
    Wire__ArrivedStatement said = arrived(310000), *seen;
    Wire__Signed *one = forge_statement(&forge, forge.identity, WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT, &said.base);
    Wire__Signed bent = *one;
    bent.type = WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT;
    cr_expect_eq(taken(&bent, &seen), WIRE_BAD_FRAME, "another type");
    cr_expect_null(seen);
    bent = *one;
    bent.statement = forge_bytes(&forge, 0xff, 12);
    cr_expect_eq(taken(&bent, &seen), WIRE_BAD_FRAME, "does not decode");
    said.at_ms++;
    struct wire_bytes later = wire_encode(&said.base, &forge.arena);
    bent = *one;
    bent.statement = (ProtobufCBinaryData){later.size, (uint8_t *)(uintptr_t)later.data};
    cr_expect_neq(taken(&bent, &seen), WIRE_OK, "another time under the same signature");
    bent = *one;
    bent.signature = forge_bytes(&forge, 0, one->signature.len);
    memcpy(bent.signature.data, one->signature.data, one->signature.len);
    bent.signature.data[10] ^= 1;
    cr_expect_eq(taken(&bent, &seen), WIRE_BAD_SIGNATURE);
}

static Wire__CompletenessStatement completeness(void)
{
    Wire__CompletenessStatement statement = WIRE__COMPLETENESS_STATEMENT__INIT;
    statement.ledger_id = forge_bytes(&forge, 9, WIRE_ID_BYTES);
    statement.generation = 1;
    statement.recipient = 310000;
    statement.mechanism = (char *)"yangtze-delta";
    statement.lane = WIRE__LANE__ROUTINE;
    statement.number = 7;
    statement.chain = forge_bytes(&forge, 4, WIRE_HASH_BYTES);
    statement.at_ms = NOW;
    return statement;
}

/* Only this proves a rollback: a node must not be able to stop the broker with its own word. */
Test(statement, only_the_brokers_own_signature_counts)
{
    Wire__CompletenessStatement said = completeness();
    const Wire__StatementType type = WIRE__STATEMENT_TYPE__COMPLETENESS_STATEMENT;
    Wire__Signed *own = forge_statement(&forge, forge.broker, type, &said.base);
    Wire__CompletenessStatement *seen = gate_own_completeness(&forge.gate, own, &forge.arena);
    cr_assert_not_null(seen);
    cr_expect_eq(seen->number, 7);
    cr_expect_null(gate_own_completeness(&forge.gate, NULL, &forge.arena), "none shown");
    cr_expect_null(gate_own_receipt(&forge.gate, own, &forge.arena), "of another type");
    cr_expect_null(
        gate_own_completeness(&forge.gate, forge_statement(&forge, forge.identity, type, &said.base), &forge.arena),
        "signed by a node");
    Wire__Signed bent = *own;
    bent.type = WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT;
    cr_expect_null(gate_own_receipt(&forge.gate, &bent, &forge.arena), "renamed");
    said.number = 8;
    struct wire_bytes more = wire_encode(&said.base, &forge.arena);
    bent = *own;
    bent.statement = (ProtobufCBinaryData){more.size, (uint8_t *)(uintptr_t)more.data};
    cr_expect_null(gate_own_completeness(&forge.gate, &bent, &forge.arena), "raised");
}

Test(statement, an_own_receipt_is_read)
{
    Wire__Batch *batch = forge_batch(&forge, 1, 10);
    Wire__ReceiptStatement said = forge_receipt(&forge, batch, NOW - 1000);
    const Wire__StatementType type = WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT;
    Wire__ReceiptStatement *seen =
        gate_own_receipt(&forge.gate, forge_statement(&forge, forge.broker, type, &said.base), &forge.arena);
    cr_assert_not_null(seen);
    cr_expect_eq(seen->ledger_serial, 1);
}
