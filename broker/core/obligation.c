/* What recipients owe by when. Rows of OBLIGATION stand in the order of the time at which something is to happen; the
 * core remembers only a time before which nothing falls due, and asks for the nearest rows then.
 *
 *   admitted ──▶ ARRIVE (first term) ──▶ overdue: not delivered
 *   arrived  ──▶ REMIND (three quarters) ──▶ OVERDUE (the end; once later by the time the link was down) ──▶ gone
 *   a reply or a cancel erases its rows */
#include "broker/core/inside.h"
#include "wire/canary.h"
#include "wire/kind.h"

struct broker_duty broker_duty_arrive(uint32_t origin, uint32_t recipient, uint64_t serial, uint64_t number)
{
    struct broker_duty duty = {.origin = origin, .recipient = recipient, .duty = BROKER_DUTY_ARRIVE};
    wire_put_u64(wire_put_u64(duty.id, serial), number);
    return duty;
}

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
    return a->origin == b->origin && a->recipient == b->recipient && a->duty == b->duty &&
           memcmp(a->id, b->id, WIRE_ID_BYTES) == 0;
}

/* Also out of a SEAL under way: what is gone is not written again when it comes back. */
void broker_duty_erase(struct broker_core *core, const struct broker_duty *duty, int64_t next_ms)
{
    broker_row_erase(core, BROKER_OBLIGATION, broker_key_obligation(next_ms, duty));
    if (duty->duty != BROKER_DUTY_ARRIVE)
        broker_row_erase(core, BROKER_OBLIGATION_OF, broker_key_duty(duty));
    for (uint32_t i = 0; i < core->sealing_count; i++) {
        if (same_duty(&core->sealing[i].duty, duty))
            core->sealing[i].gone = true;
    }
}

/* --- ended by answers ------------------------------------------------------------------------------------------------
 */
static bool still_ends(struct broker_core *core)
{
    return core->duties_ended++ < BROKER_DUTIES_MAX;
}

static void end_all(struct broker_core *core, const struct broker_envelope_look *look)
{
    for (size_t i = 0; i < look->duty_count && still_ends(core); i++)
        broker_duty_erase(core, &look->duties[i].duty, look->duties[i].next_ms);
    if (look->named_serial != 0)
        broker_row_put(core, BROKER_ANSWERED, broker_key_answered(look->named_serial, 0, look->named_index, 0),
                       wire_bytes(NULL, 0));
}

/* An answer to what has not arrived yet (its ARRIVED got lost) leaves a mark for the arrival. */
static void end_one(struct broker_core *core, uint32_t origin, const struct broker_envelope_look *look, uint8_t duty)
{
    for (size_t i = 0; i < look->duty_count; i++) {
        if (look->duties[i].duty.duty != duty)
            continue;
        if (still_ends(core))
            broker_duty_erase(core, &look->duties[i].duty, look->duties[i].next_ms);
        return;
    }
    if (look->named_serial != 0)
        broker_row_put(core, BROKER_ANSWERED, broker_key_answered(look->named_serial, origin, look->named_index, duty),
                       wire_bytes(NULL, 0));
}

void broker_duties_end(struct broker_core *core, uint32_t origin, const Wire__Header *header,
                       const struct broker_envelope_look *look)
{
    if (header->action == WIRE__ACTION__CANCEL) {
        end_all(core, look);
        return;
    }
    if (header->in_reply_to == NULL)
        return;
    if (header->kind == WIRE_KIND_ACKNOWLEDGEMENT)
        end_one(core, origin, look, WIRE__DUTY__SIGN_FOR);
    if (header->kind != WIRE_KIND_OUTCOME)
        return;
    end_one(core, origin, look, WIRE__DUTY__FIRST_FEEDBACK);
    if (header->has_progress && header->progress == WIRE__PROGRESS__FINAL)
        end_one(core, origin, look, WIRE__DUTY__CLOSE);
}

/* --- falling due
 * ------------------------------------------------------------------------------------------------------ */
void broker_obligations_want(struct broker_core *core)
{
    struct broker_key none = {.size = 0};
    if (core->wall_ms < core->due_ms || core->due_fetching || core->seal_request != 0 ||
        core->mono_ms < core->seal_not_before_ms || broker_reason(core) != WIRE_OK || core->shutting_down)
        return;
    if (!broker_fetch_take(core))
        return; /* the next step tries again */
    core->due_fetching = true;
    core->due_nonce = (core->due_nonce + 1) & 0xffffff;
    broker_fetch(core, REQUEST_OBLIGATIONS, core->due_nonce, 0, BROKER_OBLIGATION, none, none, OBLIGATIONS_FETCH_ROWS,
                 OBLIGATIONS_FETCH_ROWS * 256, true);
}

static int64_t down_total(struct broker_core *core, uint32_t adcode)
{
    const struct region *region = broker_region_find(core, adcode);
    if (region == NULL)
        return 0;
    int64_t now = region->down_since_ms == 0 ? 0 : core->wall_ms - region->down_since_ms;
    return region->down_total_ms + (now > 0 ? now : 0);
}

/* The end of a term, but the link was down for a while since the arrival: that time is added, once. */
static bool extend(struct broker_core *core, struct own_draft *draft)
{
    struct broker_obligation_row *row = &draft->row;
    int64_t down = down_total(core, draft->duty.recipient) - row->down_total_ms;
    if (row->step != BROKER_STEP_OVERDUE || row->extended || down <= 0)
        return false;
    broker_row_erase(core, BROKER_OBLIGATION, broker_key_obligation(draft->next_ms, &draft->duty));
    row->extended = true;
    row->due_ms += down;
    broker_duty_put(core, &draft->duty, row->due_ms, row);
    return true;
}

static bool draft_of(struct own_draft *out, const struct wire_row *row)
{
    *out = (struct own_draft){.gone = false};
    return broker_obligation_of_key(row->key, &out->next_ms, &out->duty) &&
           broker_get_obligation(row->value, &out->row);
}

/* Of one mechanism and lane with those taken already: one SEAL is one stream. */
static bool goes_along(const struct broker_core *core, const struct own_draft *draft)
{
    if (core->sealing_count == 0)
        return true;
    return core->sealing_count < BROKER_SEAL_DRAFTS_MAX && core->sealing[0].row.lane == draft->row.lane &&
           strcmp(core->sealing[0].row.mechanism, draft->row.mechanism) == 0;
}

static void address(struct broker_core *core, struct broker_draft *out, uint32_t region, uint32_t unit)
{
    if (!broker_enrolled(core, region))
        return;
    out->to[out->to_count] = region;
    out->to_unit[out->to_count++] = unit;
}

static void draft_fill(struct broker_core *core, const struct own_draft *draft, struct broker_draft *out)
{
    out->kind = draft->row.step == BROKER_STEP_REMIND ? WIRE_KIND_REMINDER : WIRE_KIND_OVERDUE;
    out->origin = draft->duty.origin;
    if (draft->duty.duty != BROKER_DUTY_ARRIVE)
        memcpy(out->id, draft->duty.id, WIRE_ID_BYTES);
    out->serial = draft->row.serial;
    out->index = draft->row.index;
    out->who = draft->duty.recipient;
    out->who_unit = draft->row.unit;
    out->duty = draft->duty.duty;
    out->due_ms = draft->row.due_ms;
    out->keep_until = draft->row.keep_until;
    out->status = CANARY(MIX_STATUS_OF_REMINDER) ? WIRE__STATUS__ACTUAL : (Wire__Status)draft->row.status;
    if (draft->row.step != BROKER_STEP_ARRIVE) /* what is not delivered there is told the origin alone */
        address(core, out, draft->duty.recipient, draft->row.unit);
    address(core, out, draft->duty.origin, WIRE_UNIT_NONE);
}

static void seal(struct broker_core *core)
{
    struct broker_seal *out = &broker_effect(core, BROKER_SEAL)->seal;
    struct broker_draft *drafts = broker_take(core, core->sealing_count * sizeof *drafts);
    core->seal_request = ++core->seal_serial;
    for (uint32_t i = 0; i < core->sealing_count; i++)
        draft_fill(core, &core->sealing[i], &drafts[i]);
    out->request = core->seal_request;
    out->mechanism = core->sealing[0].row.mechanism;
    out->lane = (Wire__Lane)core->sealing[0].row.lane;
    out->drafts = drafts;
    out->count = core->sealing_count;
}

/* One row that is due: moved on at once, or taken into the SEAL to come. false: not this time. */
static bool take_due(struct broker_core *core, const struct wire_row *row)
{
    struct own_draft draft;
    if (!draft_of(&draft, row)) {
        broker_note(core, BROKER_NOTE_DAMAGED, WIRE_DAMAGED, 0, BROKER_OBLIGATION, 0, 0);
        struct broker_key key = {.size = row->key.size < WIRE_KEY_BYTES_MAX ? row->key.size : WIRE_KEY_BYTES_MAX};
        memcpy(key.data, row->key.data, key.size);
        broker_row_erase(core, BROKER_OBLIGATION, key); /* else it would stand in the way for ever */
        return true;
    }
    if (extend(core, &draft))
        return true;
    if (!broker_enrolled(core, draft.duty.origin) && !broker_enrolled(core, draft.duty.recipient)) {
        broker_duty_erase(core, &draft.duty, draft.next_ms); /* nobody is left to be told */
        return true;
    }
    if (!goes_along(core, &draft))
        return false;
    core->sealing[core->sealing_count++] = draft;
    return true;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void broker_obligations_fetched(struct broker_core *core, uint32_t nonce, const struct broker_fetched *fetched)
{
    ENSURE(core->due_fetching && nonce == core->due_nonce && core->seal_request == 0);
    int64_t next = fetched->end ? INT64_MAX : core->wall_ms;
    core->due_fetching = false;
    core->sealing_count = 0;
    core->due_ms = INT64_MAX; /* broker_duty_put lowers it for what is moved on */
    broker_rows_open(core);
    for (size_t i = 0; i < fetched->count; i++) {
        const struct wire_row *row = &fetched->rows[i];
        int64_t at = row->key.size < 8 ? 0 : (int64_t)wire_get_u64(row->key.data);
        if (at > core->wall_ms) { /* and all that follow */
            next = at;
            break;
        }
        if (!take_due(core, row))
            core->due_ms = sooner(core->due_ms, at);
    }
    core->due_ms = sooner(core->due_ms, next);
    if (core->rows_used > core->rows_from)
        broker_rows_close(core);
    if (core->sealing_count > 0)
        seal(core);
}
