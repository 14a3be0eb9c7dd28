/* What recipients owe by when. Rows of OBLIGATION stand in the order of the time at which something is to happen; the
 * core remembers only a time before which nothing falls due, and asks for the nearest rows then.
 *
 *   admitted ──▶ ARRIVE (first term) ──▶ overdue: not delivered
 *   arrived  ──▶ REMIND (three quarters) ──▶ OVERDUE (the end; once later by the time the link was down) ──▶ gone
 *   a reply or a cancel takes its envelope out of its rows (duty.c)
 *
 * A row stands for many envelopes of a part; what one SEAL cannot take of them stays in it, under the same time. */
#include "broker/core/inside.h"
#include "wire/canary.h"
#include "wire/kind.h"

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
                 OBLIGATIONS_FETCH_ROWS * 512, true);
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
static bool extend(struct broker_core *core, struct own_row *own)
{
    struct broker_obligation_row *row = &own->row;
    int64_t down = down_total(core, own->duty.recipient) - row->down_total_ms;
    if (row->step != BROKER_STEP_OVERDUE || row->extended || down <= 0)
        return false;
    broker_row_erase(core, BROKER_OBLIGATION, broker_key_obligation(own->next_ms, &own->duty));
    row->extended = true;
    row->due_ms += down;
    broker_duty_put(core, &own->duty, row->due_ms, row);
    return true;
}

static bool own_row_of(struct own_row *out, const struct wire_row *row)
{
    *out = (struct own_row){.next_ms = 0};
    return broker_obligation_of_key(row->key, &out->next_ms, &out->duty) &&
           broker_get_obligation(row->value, &out->row);
}

/* Of one mechanism and lane with those taken already: one SEAL is one stream. */
static bool goes_along(const struct broker_core *core, const struct own_row *own)
{
    if (core->sealing_count == 0)
        return true;
    return core->sealing_drafts < BROKER_SEAL_DRAFTS_MAX && core->sealing[0].row.lane == own->row.lane &&
           strcmp(core->sealing[0].row.mechanism, own->row.mechanism) == 0;
}

static void address(struct broker_core *core, struct broker_draft *out, uint32_t region, uint32_t unit)
{
    if (!broker_enrolled(core, region))
        return;
    out->to[out->to_count] = region;
    out->to_unit[out->to_count++] = unit;
}

static void draft_fill(struct broker_core *core, const struct own_row *own, uint16_t index, struct broker_draft *out)
{
    out->kind = own->row.step == BROKER_STEP_REMIND ? WIRE_KIND_REMINDER : WIRE_KIND_OVERDUE;
    out->origin = own->row.origin;
    out->serial = own->duty.serial;
    out->index = index;
    out->who = own->duty.recipient;
    out->who_unit = own->row.unit;
    out->duty = own->duty.duty;
    out->due_ms = own->row.due_ms;
    out->keep_until = own->row.keep_until;
    out->status = CANARY(MIX_STATUS_OF_REMINDER) ? WIRE__STATUS__ACTUAL : (Wire__Status)own->row.status;
    if (own->row.step != BROKER_STEP_ARRIVE) /* what is not delivered there is told the origin alone */
        address(core, out, own->duty.recipient, own->row.unit);
    address(core, out, own->row.origin, WIRE_UNIT_NONE);
}

static void seal(struct broker_core *core)
{
    struct broker_seal *out = &broker_effect(core, BROKER_SEAL)->seal;
    struct broker_draft *drafts = broker_take(core, core->sealing_drafts * sizeof *drafts);
    uint32_t made = 0;
    core->seal_request = ++core->seal_serial;
    for (uint32_t at = 0; at < core->sealing_count; at++) {
        const struct own_row *own = &core->sealing[at];
        for (uint16_t i = 0; i < own->row.count; i++) {
            if (broker_bit(own->sealing, i))
                draft_fill(core, own, i, &drafts[made++]);
        }
    }
    ENSURE(made == core->sealing_drafts);
    out->request = core->seal_request;
    out->mechanism = core->sealing[0].row.mechanism;
    out->lane = (Wire__Lane)core->sealing[0].row.lane;
    out->drafts = drafts;
    out->count = made;
}

/* As many envelopes of the row as the SEAL still takes; the others when it has come back. */
static void take_along(struct broker_core *core, const struct own_row *own)
{
    struct own_row *taken = &core->sealing[core->sealing_count++];
    *taken = *own;
    for (uint32_t i = 0; i < own->row.count && core->sealing_drafts < BROKER_SEAL_DRAFTS_MAX; i++) {
        if (!broker_bit(own->row.owed, i) || broker_bit(own->row.told, i))
            continue;
        broker_bit_set(taken->sealing, i);
        core->sealing_drafts++;
    }
}

void broker_own_row_next(struct broker_core *core, const struct own_row *own)
{
    struct broker_obligation_row row = own->row;            /* what is erased is gone from a SEAL under way, too */
    if (memcmp(row.owed, row.told, sizeof row.owed) != 0) { /* some are still to be told of */
        broker_duty_put(core, &own->duty, own->next_ms, &row);
        return;
    }
    broker_duty_erase(core, &own->duty, own->next_ms);
    if (row.step != BROKER_STEP_REMIND)
        return;
    row.step = CANARY(REMIND_TWICE) ? BROKER_STEP_REMIND : BROKER_STEP_OVERDUE;
    memset(row.told, 0, sizeof row.told);
    broker_duty_put(core, &own->duty, row.due_ms, &row);
}

/* One row that is due: moved on at once, or taken into the SEAL to come. false: not this time. */
static bool take_due(struct broker_core *core, const struct wire_row *row)
{
    struct own_row own;
    if (!own_row_of(&own, row)) {
        broker_note(core, BROKER_NOTE_DAMAGED, WIRE_DAMAGED, 0, BROKER_OBLIGATION, 0, 0);
        struct broker_key key = {.size = row->key.size < WIRE_KEY_BYTES_MAX ? row->key.size : WIRE_KEY_BYTES_MAX};
        memcpy(key.data, row->key.data, key.size);
        broker_row_erase(core, BROKER_OBLIGATION, key); /* else it would stand in the way for ever */
        return true;
    }
    if (extend(core, &own))
        return true;
    if (!broker_enrolled(core, own.row.origin) && !broker_enrolled(core, own.duty.recipient)) {
        broker_duty_erase(core, &own.duty, own.next_ms); /* nobody is left to be told */
        return true;
    }
    if (memcmp(own.row.owed, own.row.told, sizeof own.row.owed) == 0) { /* the others were answered meanwhile */
        broker_own_row_next(core, &own);
        return true;
    }
    if (!goes_along(core, &own))
        return false;
    take_along(core, &own);
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
    core->sealing_count = core->sealing_drafts = 0;
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
