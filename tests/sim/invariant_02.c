/* 2. No `admitted` for bytes that are not on disk: neither in a receipt nor by being delivered. */
#include "sim.h"

#include "wire/id.h"

static void check_one(struct sim_broker *broker, uint32_t origin, const uint8_t *id, const char *what)
{
    struct sim *sim = broker->process.sim;
    struct broker_envelope_row row;
    char text[WIRE_ID_TEXT];
    const struct sim_envelope *envelope = sim_model_find(sim, origin, id);
    struct broker_key key = broker_key_envelope(origin, id);
    struct keep_value value = {0};
    bool there = keep_get(broker->ledger.keep, BROKER_ENVELOPE, wire_bytes(key.data, key.size), &value) == WIRE_OK &&
                 broker_get_envelope(wire_bytes(value.data, value.size), &row) &&
                 row.code == WIRE__VERDICT_CODE__ADMITTED;
    keep_value_close(&value);
    if (!there)
        sim_fail(sim, 2, "%s of %s, which the ledger has not admitted", what, wire_id_text(id, text));
    if (envelope != NULL && envelope->life[broker->index] == broker->process.life &&
        envelope->ticket[broker->index] > sim_process_committed(&broker->process))
        sim_fail(sim, 2, "%s of %s, which is not committed", what, wire_id_text(id, text));
}

static void check_receipt(struct sim_broker *broker, const Wire__Receipt *receipt)
{
    struct sim *sim = broker->process.sim;
    enum wire_status status;
    if (receipt->signed_->type != WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT)
        return;
    const Wire__ReceiptStatement *statement = (const Wire__ReceiptStatement *)wire_decode(
        &wire__receipt_statement__descriptor, sim_bytes(receipt->signed_->statement), WIRE_STRICT_ALL, &sim->checks,
        &status);
    ENSURE(statement != NULL);
    for (size_t i = 0; i < statement->n_verdict; i++)
        if (statement->verdict[i]->code == WIRE__VERDICT_CODE__ADMITTED)
            check_one(broker, statement->origin, statement->verdict[i]->id.data, "a receipt");
}

void sim_check_rolled_back(struct sim_broker *broker, const Wire__ReceiptStatement *shown)
{
    struct sim *sim = broker->process.sim;
    struct broker_totals totals;
    broker_core_totals(broker->core, &totals);
    if (shown == NULL || !wire_bytes_equal(sim_bytes(shown->ledger_id), wire_bytes(totals.ledger_id, WIRE_ID_BYTES)) ||
        shown->generation != totals.generation || shown->ledger_serial <= totals.serial)
        return;
    if (totals.reason != WIRE_ROLLED_BACK)
        sim_fail(sim, 2, "%s was shown its receipt for batch %llu, its ledger ends at %llu, and it goes on",
                 broker->process.name, (unsigned long long)shown->ledger_serial, (unsigned long long)totals.serial);
}

void sim_check_durable(struct sim_broker *broker, const Wire__Frame *frame, uint32_t region)
{
    struct sim *sim = broker->process.sim;
    enum wire_status status;
    (void)region;
    wire_arena_reset(&sim->checks);
    if (frame->body_case == WIRE__FRAME__BODY_RECEIPT)
        check_receipt(broker, frame->receipt);
    if (frame->body_case != WIRE__FRAME__BODY_DELIVER)
        return;
    const Wire__Part *part = (const Wire__Part *)wire_decode(&wire__part__descriptor, sim_bytes(frame->deliver->part),
                                                             WIRE_STRICT_ALL, &sim->checks, &status);
    ENSURE(part != NULL);
    for (size_t i = 0; i < part->n_envelope; i++) {
        const Wire__Header *header = node_read_header(sim_bytes(part->envelope[i]->header), &sim->checks);
        ENSURE(header != NULL);
        check_one(broker, header->origin, header->id.data, "a delivery");
    }
}
