/* One envelope: known already, refused by the gate, expired, or what the rules say. Every verdict is final. */
#include "broker/core/inside.h"
#include "wire/canary.h"
#include "wire/kind.h"

static uint32_t id_place(const uint8_t *id)
{
    uint32_t v;
    memcpy(&v, id + WIRE_ID_BYTES - 4, 4); /* the end of a UUIDv7 is random */
    return v;
}

/* The earlier envelope of this batch with the same id, or NONE; then this one is remembered. */
static uint32_t seen_in_batch(struct broker_core *core, const struct broker_submit *submit, uint32_t index)
{
    enum { SLOTS = sizeof core->id_slot / sizeof core->id_slot[0] };
    const uint8_t *id = submit->headers[index]->id.data;
    uint32_t slot = id_place(id) % SLOTS;
    for (; core->id_slot[slot] != 0; slot = (slot + 1) % SLOTS) {
        uint32_t other = core->id_slot[slot] - 1u;
        if (memcmp(submit->headers[other]->id.data, id, WIRE_ID_BYTES) == 0)
            return other;
    }
    core->id_slot[slot] = (uint16_t)(index + 1);
    return NONE;
}

/* --- a receipt of ours that the origin held over a loss -------------------------------------------------------------
 * Of this ledger or of one that is gone: the gate has seen that we signed it, and judged the batch's signer at its
 * time. Judged anew now, what a certificate that has ended since signed would be admitted, and taken by nobody. */
static bool lists_fit(const Wire__Disposition *disposition)
{
    return disposition->n_to <= WIRE_RECIPIENTS_MAX && disposition->n_cc <= WIRE_RECIPIENTS_MAX &&
           disposition->n_not_enrolled <= WIRE_RECIPIENTS_MAX && disposition->n_term <= WIRE_TERMS_MAX;
}

bool broker_held_fits(const struct broker_submit *submit, uint32_t origin)
{
    const Wire__ReceiptStatement *held = submit->held;
    const Wire__BatchSeal *seal = submit->batch->seal;
    if (held == NULL || held->outcome != WIRE__RECEIPT_OUTCOME__JUDGED || held->origin != origin)
        return false;
    if (strcmp(held->mechanism, seal->mechanism) != 0 || held->lane != seal->lane || held->first != seal->first ||
        held->count != seal->count || held->n_verdict != seal->count || held->root.len != WIRE_HASH_BYTES ||
        memcmp(held->root.data, seal->root.data, WIRE_HASH_BYTES) != 0)
        return false;
    for (uint32_t i = 0; i < seal->count; i++) {
        const Wire__Verdict *verdict = held->verdict[i];
        if (verdict->id.len != WIRE_ID_BYTES || verdict->code > WIRE__VERDICT_CODE__EXPIRED ||
            memcmp(verdict->id.data, submit->headers[i]->id.data, WIRE_ID_BYTES) != 0)
            return false;
        if (verdict->code == WIRE__VERDICT_CODE__ADMITTED &&
            (verdict->disposition == NULL || !lists_fit(verdict->disposition)))
            return false;
    }
    return true;
}

static void decision_of_held(struct rules_decision *out, const Wire__Disposition *held)
{
    out->verdict = WIRE_OK;
    out->rule = held->rule;
    out->rule_name = held->rule_name;
    out->lane = held->lane;
    out->keep_until = held->keep_until;
    out->to_count = held->n_to;
    out->cc_count = held->n_cc;
    out->not_enrolled_count = held->n_not_enrolled;
    out->term_count = held->n_term;
    for (size_t i = 0; i < held->n_to; i++)
        out->to[i] = (struct rules_recipient){
            .region = held->to[i], .unit = (uint8_t)(i < held->n_to_unit ? held->to_unit[i] : WIRE_UNIT_NONE)};
    for (size_t i = 0; i < held->n_cc; i++)
        out->cc[i] = (struct rules_recipient){.region = held->cc[i]};
    for (size_t i = 0; i < held->n_not_enrolled; i++)
        out->not_enrolled[i] = held->not_enrolled[i];
    for (size_t i = 0; i < held->n_term; i++)
        out->term[i] = (struct rules_term){
            .duty = held->term[i]->duty,
            .minutes = held->term[i]->minutes,
            .source = held->term[i]->source == NULL ? '\0' : held->term[i]->source[0],
            .office_hours = held->term[i]->has_office_hours && held->term[i]->office_hours,
        };
}

static void verdict_of_held(struct broker_core *core, const Wire__Verdict *held, struct verdict *out)
{
    out->code = held->code;
    out->reason = held->has_reason ? held->reason : 0;
    out->detail = held->detail;
    out->allowed = held->allowed;
    out->rule_name = held->rule_name;
    if (held->code == WIRE__VERDICT_CODE__DUPLICATE) {
        out->first_code = held->has_first_code ? held->first_code : WIRE__VERDICT_CODE__REFUSED;
        out->first_at_ms = held->has_first_at_ms ? held->first_at_ms : 0;
    }
    if (held->code == WIRE__VERDICT_CODE__ADMITTED)
        decision_of_held(&core->decision, held->disposition);
}

/* --- the rules -------------------------------------------------------------------------------------------------------
 */
static bool hosted(const struct broker_core *core, const char *mechanism)
{
    for (size_t i = 0; i < core->options.hosted_count; i++) {
        if (strcmp(core->options.hosted[i], mechanism) == 0)
            return true;
    }
    return core->options.hosted_count == 0;
}

/* A box that is no longer good, of the region concerned or one above it: this envelope may be sealed with that one,
 * though the rules now give it to another region that has a box here too. Which box an envelope needs is not said
 * anywhere. */
static bool may_be_stale(const struct broker_submit *submit, const Wire__Header *header)
{
    for (size_t i = 0; submit->box_bad != NULL && i < submit->batch->n_box; i++) {
        uint32_t region = submit->batch->box[i]->region;
        if (submit->box_bad[i] == 0)
            continue;
        for (size_t c = 0; c < header->n_concerns; c++) {
            uint32_t concerned = header->concerns[c];
            if (region == concerned || region == concerned / 100 * 100 || region == concerned / 10000 * 10000)
                return true;
        }
    }
    return false;
}

/* Every recipient of a sealed envelope has a box it can open. */
static bool boxes_right(const struct broker_submit *submit, const struct rules_decision *decision)
{
    for (size_t i = 0; i < decision->to_count + decision->cc_count; i++) {
        uint32_t region = i < decision->to_count ? decision->to[i].region : decision->cc[i - decision->to_count].region;
        size_t box = 0;
        while (box < submit->batch->n_box && submit->batch->box[box]->region != region)
            box++;
        if (box == submit->batch->n_box || (submit->box_bad != NULL && submit->box_bad[box] != 0))
            return false;
    }
    return true;
}

/* The broker's own: a closed list of kinds, to the regions named, owing nothing. */
static enum wire_status decide_own(struct broker_core *core, const Wire__Header *header)
{
    struct rules_decision *out = &core->decision;
    const struct wire_kind *kind = wire_kind_find(header->kind);
    out->rule = 0;
    out->rule_name = kind == NULL ? "" : kind->name;
    out->lane = header->lane;
    out->keep_until = header->keep_until;
    out->to_count = out->cc_count = out->not_enrolled_count = out->term_count = 0;
    out->detail[0] = out->allowed[0] = '\0';
    if (kind == NULL || !kind->brokers)
        return WIRE_UNKNOWN_KIND;
    for (size_t i = 0; i < header->n_to && i < WIRE_ADDRESSES_MAX; i++) {
        if (broker_enrolled(core, header->to[i]->region))
            out->to[out->to_count++] = (struct rules_recipient){
                .region = header->to[i]->region, .unit = (uint8_t)(header->to[i]->has_unit ? header->to[i]->unit : 0)};
        else
            out->not_enrolled[out->not_enrolled_count++] = header->to[i]->region;
    }
    return out->to_count > 0 ? WIRE_OK : WIRE_NOBODY;
}

static enum wire_status decide(struct broker_core *core, const struct region *origin,
                               const struct broker_submit *submit, uint32_t index)
{
    const Wire__Header *header = submit->headers[index];
    const struct broker_envelope_look *look = &submit->looks[index];
    struct rules_question question;
    if (origin->region == WIRE_REGION_BROKER)
        return decide_own(core, header);
    rules_question_of(header, &question);
    question.now_ms = core->wall_ms;
    question.parent = look->parent;
    question.original = look->original;
    question.enrolled = broker_enrolled;
    question.context = core;
    enum wire_status status = rules_decide(broker_policy_now(core)->policy, &question, &core->decision);
    if (CANARY(CANCEL_TO_FEWER) && header->action == WIRE__ACTION__CANCEL && core->decision.to_count > 1)
        core->decision.to_count--;
    if (status == WIRE_OK && header->form == WIRE__PAYLOAD_FORM__SEALED &&
        (!boxes_right(submit, &core->decision) || may_be_stale(submit, header)))
        return WIRE_STALE_SEAL;
    return status;
}

static void refuse(struct verdict *verdict, enum wire_status reason)
{
    verdict->code = WIRE__VERDICT_CODE__REFUSED;
    verdict->reason = reason;
}

static void judge(struct broker_core *core, const struct region *origin, const struct broker_submit *submit,
                  uint32_t index, struct verdict *out)
{
    const Wire__Header *header = submit->headers[index];
    if (submit->bad != NULL && submit->bad[index] != 0) {
        refuse(out, submit->bad[index]);
        return;
    }
    if (!hosted(core, header->mechanism)) {
        refuse(out, WIRE_NOT_HOSTED);
        out->detail = header->mechanism;
        return;
    }
    if (header->has_expires_ms && header->expires_ms <= core->wall_ms) {
        out->code = WIRE__VERDICT_CODE__EXPIRED;
        out->reason = WIRE_EXPIRED_TERM;
        return;
    }
    enum wire_status status = decide(core, origin, submit, index);
    if (status == WIRE_OK) {
        out->code = WIRE__VERDICT_CODE__ADMITTED;
        return;
    }
    refuse(out, status);
    if (status == WIRE_EXPIRED_TERM)
        out->code = WIRE__VERDICT_CODE__EXPIRED;
    out->detail = core->decision.detail;
    out->allowed = core->decision.allowed;
    out->rule_name = core->decision.rule_name;
}

struct verdict broker_verdict(struct broker_core *core, const struct region *origin, const struct broker_submit *submit,
                              uint32_t index)
{
    const Wire__Header *header = submit->headers[index];
    const struct broker_envelope_look *look = &submit->looks[index];
    struct verdict out = {.seq = submit->batch->seal->first + index, .id = header->id.data, .disposition = NONE};
    bool known = look->known && !(CANARY(DEDUPLICATE_BY_WINDOW) && look->first.serial + 4 < core->serial);
    uint32_t other = known ? NONE : seen_in_batch(core, submit, index);
    if (known || other != NONE) {
        out.code = WIRE__VERDICT_CODE__DUPLICATE;
        out.reason = WIRE_ALREADY_JUDGED;
        out.first_code = known ? look->first.code : core->codes[other];
        out.first_at_ms = known ? look->first.at_ms : core->wall_ms;
        return out;
    }
    if (submit->held != NULL)
        verdict_of_held(core, submit->held->verdict[index], &out);
    else
        judge(core, origin, submit, index, &out);
    if (out.code != WIRE__VERDICT_CODE__ADMITTED)
        return out;
    out.disposition = broker_disposition_of(core, submit->held != NULL ? submit->held->at_ms : core->wall_ms);
    if (out.disposition == NONE) /* hundreds of envelopes to hundreds of regions in one batch */
        refuse(&out, WIRE_TOO_LARGE_FOR_LANE);
    return out;
}
