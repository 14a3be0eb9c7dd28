/* The broker's own envelopes come back sealed and go through the same judging; the obligations they tell of move on in
 * the same append, so that nobody is reminded twice or never. */
#include "broker/core/inside.h"
#include "wire/canary.h"

void broker_own_store_id(const struct broker_totals *totals, uint8_t out[WIRE_ID_BYTES])
{
    memcpy(out, CANARY(REUSE_SEQ) ? totals->ledger_id : totals->own_store_id, WIRE_ID_BYTES);
}

static void move_on(struct broker_core *core, struct own_row *own)
{
    struct broker_obligation_row *row = &own->row;
    enum broker_topic topic = row->step == BROKER_STEP_REMIND ? BROKER_NOTE_REMINDER : BROKER_NOTE_OVERDUE;
    bool left = false;
    for (uint32_t i = 0; i < row->count; i++) {
        if (!broker_bit(row->owed, i)) /* answered meanwhile */
            continue;
        left = true;
        if (!broker_bit(own->sealing, i))
            continue;
        broker_bit_set(row->told, i);
        broker_note(core, topic, WIRE_OK, own->duty.recipient, own->duty.duty, 0, 0);
    }
    if (left)
        broker_own_row_next(core, own);
}

/* Not now: the rows stand as they were and fall due again. */
static void later(struct broker_core *core, enum wire_status status)
{
    broker_note(core, BROKER_NOTE_OWN_REFUSED, status, 0, core->sealing_drafts, 0, 0);
    core->seal_not_before_ms = core->mono_ms + SEAL_RETRY_MS;
    core->due_ms = core->wall_ms;
}

static void note_refused(struct broker_core *core)
{
    uint32_t at = 0;
    for (uint32_t row = 0; row < core->sealing_count; row++) {
        const struct own_row *own = &core->sealing[row];
        for (uint32_t i = 0; i < own->row.count; i++) {
            if (broker_bit(own->sealing, i) && core->codes[at++] != WIRE__VERDICT_CODE__ADMITTED)
                broker_note(core, BROKER_NOTE_OWN_REFUSED, WIRE_NOBODY, own->duty.recipient, 1, 0, 0);
        }
    }
}

void broker_on_sealed(struct broker_core *core, const struct broker_event *event)
{
    const struct broker_sealed *sealed = &event->sealed;
    enum wire_status status = sealed->status != WIRE_OK ? sealed->status : broker_reason(core);
    ENSURE(sealed->request == core->seal_request && core->seal_request != 0);
    if (status != WIRE_OK) {
        later(core, status);
    } else {
        const struct broker_submit *submit = &sealed->submit;
        const Wire__BatchSeal *seal = submit->batch->seal;
        ENSURE(submit->peer == 0 && seal->origin == WIRE_REGION_BROKER && broker_stream_right(seal));
        ENSURE(seal->count == core->sealing_drafts && seal->first == submit->stream.head + 1);
        ENSURE(strcmp(seal->mechanism, core->sealing[0].row.mechanism) == 0);
        broker_rows_open(core);
        for (uint32_t i = 0; i < core->sealing_count; i++)
            move_on(core, &core->sealing[i]);
        broker_judge(core, broker_region_find(core, WIRE_REGION_BROKER), submit);
        note_refused(core);
    }
    core->seal_request = 0;
    core->sealing_count = core->sealing_drafts = 0;
}
