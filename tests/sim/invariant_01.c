/* 1. No envelope id ever has two verdicts. Here: two signed receipts that its origin can show. After a ledger was put
 * back to an older state, an id that nobody showed a receipt of may be judged anew. */
#include "sim.h"

#include "wire/id.h"

static uint8_t said(const Wire__Verdict *verdict)
{
    if (verdict->code == WIRE__VERDICT_CODE__DUPLICATE && verdict->has_first_code)
        return (uint8_t)verdict->first_code;
    return (uint8_t)verdict->code;
}

void sim_check_verdicts(struct sim_node *node, unsigned broker, const Wire__ReceiptStatement *statement)
{
    struct sim *sim = node->process.sim;
    char text[WIRE_ID_TEXT];
    if (sim->hostile[node->region_index])
        return;
    for (size_t i = 0; i < statement->n_verdict; i++) {
        const Wire__Verdict *verdict = statement->verdict[i];
        struct sim_envelope *envelope = sim_model_add(sim, statement->origin, verdict->id.data);
        uint8_t code = said(verdict);
        if (envelope->verdict != 0 && envelope->verdict != code &&
            envelope->verdict_losses == sim->broker[broker].losses)
            sim_fail(sim, 1, "%s %s has the verdicts %u and %u (%s)", node->process.name,
                     wire_id_text(verdict->id.data, text), envelope->verdict, code,
                     wire_status_name(verdict->has_reason ? verdict->reason : 0));
        envelope->verdict = code;
        envelope->verdict_losses = sim->broker[broker].losses;
        sim->count.admitted += code == WIRE__VERDICT_CODE__ADMITTED;
        sim->count.refused += code == WIRE__VERDICT_CODE__REFUSED;
    }
}
