/* What an answer fulfils. One row stands for one duty of one recipient and many envelopes, so several answers of a
 * batch may change the same row: it is written once, when all of them are judged. */
#include "broker/core/inside.h"
#include "wire/canary.h"
#include "wire/kind.h"

void broker_duty_put(struct broker_core *core, const struct broker_duty *duty, int64_t next_ms,
                     const struct broker_obligation_row *row)
{
    broker_row_put(core, BROKER_OBLIGATION, broker_key_obligation(next_ms, duty),
                   broker_put_obligation(&core->out->arena, row));
    if (duty->duty != BROKER_DUTY_ARRIVE)
        broker_row_put(core, BROKER_OBLIGATION_OF, broker_key_duty(duty),
                       broker_put_u64(&core->out->arena, (uint64_t)next_ms));
    if (next_ms < core->due_ms)
        core->due_ms = next_ms;
}

static bool same_duty(const struct broker_duty *a, const struct broker_duty *b)
{
    return a->serial == b->serial && a->recipient == b->recipient && a->number == b->number && a->duty == b->duty &&
           a->group == b->group;
}

/* What is fulfilled is not written again when a SEAL under way comes back. */
static void owe_as_now(struct broker_core *core, const struct broker_duty *duty,
                       const struct broker_obligation_row *now)
{
    static const uint8_t none[BROKER_BITMAP_BYTES] = {0};
    for (uint32_t i = 0; i < core->sealing_count; i++) {
        if (!same_duty(&core->sealing[i].duty, duty))
            continue;
        memcpy(core->sealing[i].row.owed, now == NULL ? none : now->owed, BROKER_BITMAP_BYTES);
        memcpy(core->sealing[i].row.told, now == NULL ? none : now->told, BROKER_BITMAP_BYTES);
    }
}

void broker_duty_erase(struct broker_core *core, const struct broker_duty *duty, int64_t next_ms)
{
    broker_row_erase(core, BROKER_OBLIGATION, broker_key_obligation(next_ms, duty));
    if (duty->duty != BROKER_DUTY_ARRIVE)
        broker_row_erase(core, BROKER_OBLIGATION_OF, broker_key_duty(duty));
    owe_as_now(core, duty, NULL);
}

/* The row as it is to be. */
static struct broker_obligation_row *now_of(struct broker_core *core, const struct broker_submit *submit,
                                            const struct broker_duty_look *look)
{
    struct broker_obligation_row **now = &core->ended[look - submit->duties];
    if (*now == NULL) {
        *now = broker_take(core, sizeof **now);
        **now = *look->row;
    }
    return *now;
}

/* false: it was not owed. */
static bool end(struct broker_core *core, const struct broker_submit *submit, const struct broker_duty_look *duty,
                uint16_t index)
{
    if (!broker_bit(duty->row->owed, index))
        return false;
    struct broker_obligation_row *now = now_of(core, submit, duty);
    broker_bit_clear(now->owed, index);
    broker_bit_clear(now->told, index);
    return true;
}

static void mark_answered(struct broker_core *core, const struct broker_envelope_look *look, uint32_t recipient,
                          uint8_t duty)
{
    if (look->named_serial != 0)
        broker_row_put(core, BROKER_ANSWERED,
                       broker_key_answered(look->named_serial, recipient, look->named_index, duty),
                       wire_bytes(NULL, 0));
}

static void end_all(struct broker_core *core, const struct broker_submit *submit,
                    const struct broker_envelope_look *look)
{
    for (size_t i = 0; i < look->duty_count; i++)
        end(core, submit, &look->duties[i], look->named_index);
    mark_answered(core, look, 0, 0);
}

/* An answer to what has not arrived yet (its ARRIVED got lost) leaves a mark for the arrival. */
static void end_one(struct broker_core *core, const struct broker_submit *submit, uint32_t origin,
                    const struct broker_envelope_look *look, uint8_t duty)
{
    for (size_t i = 0; i < look->duty_count; i++) {
        if (look->duties[i].duty.duty == duty && end(core, submit, &look->duties[i], look->named_index) &&
            !CANARY(ANSWER_FOR_ALL))
            return;
    }
    mark_answered(core, look, origin, duty);
}

void broker_duties_open(struct broker_core *core, const struct broker_submit *submit)
{
    ENSURE(submit->duty_count <= BROKER_DUTIES_MAX);
    memset(core->ended, 0, submit->duty_count * sizeof core->ended[0]);
}

void broker_duties_end(struct broker_core *core, uint32_t origin, const struct broker_submit *submit, uint32_t index)
{
    const Wire__Header *header = submit->headers[index];
    const struct broker_envelope_look *look = &submit->looks[index];
    if (header->action == WIRE__ACTION__CANCEL) {
        end_all(core, submit, look);
        return;
    }
    if (header->in_reply_to == NULL)
        return;
    if (header->kind == WIRE_KIND_ACKNOWLEDGEMENT)
        end_one(core, submit, origin, look, WIRE__DUTY__SIGN_FOR);
    if (header->kind != WIRE_KIND_OUTCOME)
        return;
    end_one(core, submit, origin, look, WIRE__DUTY__FIRST_FEEDBACK);
    if (header->has_progress && header->progress == WIRE__PROGRESS__FINAL)
        end_one(core, submit, origin, look, WIRE__DUTY__CLOSE);
}

void broker_duties_close(struct broker_core *core, const struct broker_submit *submit)
{
    for (size_t i = 0; i < submit->duty_count; i++) {
        const struct broker_duty_look *look = &submit->duties[i];
        const struct broker_obligation_row *now = core->ended[i];
        if (now == NULL)
            continue;
        if (!broker_any(now->owed)) {
            broker_duty_erase(core, &look->duty, look->next_ms);
            continue;
        }
        broker_row_put(core, BROKER_OBLIGATION, broker_key_obligation(look->next_ms, &look->duty),
                       broker_put_obligation(&core->out->arena, now));
        owe_as_now(core, &look->duty, now);
    }
}
