#include "rules/decide_parts.h"
#include <string.h>

/* Update and cancel go to everybody the original was given to, never in a slower lane; without persons also to whom the
 * rules give it now. With persons an update goes to whoever has the original and nobody else; a cancel carries no
 * persons. When no rule covers it any more (out of force, a rule dropped) it still goes after the original: nobody is
 * left with what is wrong. */
static enum wire_status check_original(const struct rules_policy *policy, const struct rules_question *q,
                                       const struct rules_original *original, struct rules_decision *d)
{
    if (original == NULL || !original->found)
        return rules_deny(d, WIRE_NO_PARENT, "references");
    if (original->origin != q->origin)
        return rules_deny_number(d, WIRE_NOT_ISSUER, original->origin);
    if (original->kind != q->kind)
        return rules_deny(d, WIRE_BAD_HEADER, "kind");
    const char *mechanism = q->mechanism == NULL && q->preview ? original->mechanism : q->mechanism;
    if (mechanism == NULL || strcmp(mechanism, original->mechanism) != 0) {
        rules_allow(d, "mechanism %s", original->mechanism);
        return rules_deny(d, WIRE_NO_RULE, mechanism == NULL ? "" : mechanism);
    }
    d->mechanism = rules_policy_find(policy, mechanism);
    if (d->mechanism == RULES_NONE)
        return rules_deny(d, WIRE_NO_MECHANISM, mechanism);
    return q->status == original->status ? WIRE_OK : rules_deny(d, WIRE_WRONG_STATUS, "status");
}

static void follow_original(const struct rules_question *q, const struct rules_original *original, uint32_t unit,
                            struct rules_decision *d)
{
    for (size_t i = 0; i < original->to_count; i++) {
        if (q->enrolled(q->context, original->to[i]))
            rules_add_to(d, original->to[i], unit);
        else
            rules_add_not_enrolled(d, original->to[i]);
    }
    for (size_t i = 0; i < original->cc_count; i++) {
        if (q->enrolled(q->context, original->cc[i]))
            rules_add_cc(d, original->cc[i], unit);
        else
            rules_add_not_enrolled(d, original->cc[i]);
    }
}

/* With persons: the region that the rules would give it to now, when that is another one. */
static uint32_t elsewhere(const struct rules_mechanism *m, const struct rules_rule *rule,
                          const struct rules_question *q, const struct rules_original *original)
{
    if (q->concerns_count != 1)
        return 0;
    uint32_t now = rules_step_up(m, q, q->concerns[0], rule->highest_first, NULL);
    for (size_t i = 0; i < original->to_count; i++)
        if (original->to[i] == now)
            return 0;
    return now == q->origin ? 0 : now;
}

/* The rules' own recipients besides; what they would refuse does not stop a correction: then the original's alone. */
static void follow_rules(const struct rules_mechanism *m, const struct rules_rule *rule, const struct rules_question *q,
                         uint32_t unit, struct rules_decision *d)
{
    if (rules_recipients(m, rule, q, d) == WIRE_OK)
        return;
    d->to_count = d->cc_count = d->not_enrolled_count = 0;
    d->detail[0] = d->allowed[0] = '\0';
    follow_original(q, q->original, unit, d);
}

static enum wire_status check_persons(const struct rules_original *original, struct rules_decision *d)
{
    if (d->to_count == 0 && original->to_count > 0)
        return rules_deny_number(d, WIRE_NOBODY_FOR, original->to[0]);
    return d->to_count > 1 ? rules_deny(d, WIRE_ONE_REGION, "") : WIRE_OK;
}

enum wire_status rules_decide_correction(const struct rules_policy *policy, const struct rules_question *q,
                                         bool persons, struct rules_decision *d)
{
    const struct rules_original *original = q->original;
    bool cancel = q->action == WIRE__ACTION__CANCEL;
    enum wire_status status = check_original(policy, q, original, d);
    if (status != WIRE_OK)
        return status;
    const struct rules_mechanism *m = &policy->mechanism[d->mechanism];
    const struct rules_rule *rule = rules_applicable(policy, d->mechanism, q, &status);
    Wire__Lane lane = original->lane;
    uint32_t keep = original->keep_until;
    if (rule != NULL && rule->lane_by_urgency[q->urgency] < lane)
        lane = rule->lane_by_urgency[q->urgency];
    if (rule != NULL && rules_keep_limit(rule, q->created_ms, q->expires_ms, q->now_ms) > keep)
        keep = rules_keep_limit(rule, q->created_ms, q->expires_ms, q->now_ms);
    d->rule = rule == NULL ? 0 : rule->number;
    d->rule_name = rule != NULL ? rule->name : cancel ? "cancel" : "update";
    status = rules_check_manner(q, lane, persons && !cancel, keep, d);
    if (status != WIRE_OK)
        return status;
    uint32_t unit = rule == NULL ? (uint32_t)WIRE_UNIT_COMMAND : rules_to_unit(m, &rule->to[0], q);
    follow_original(q, original, unit, d);
    if (rule != NULL && !persons)
        follow_rules(m, rule, q, unit, d);
    if (rule != NULL && persons && !cancel)
        d->elsewhere = elsewhere(m, rule, q, original);
    status = persons && !cancel ? check_persons(original, d) : WIRE_OK;
    if (status == WIRE_OK && d->to_count + d->cc_count == 0)
        status = rules_deny(d, WIRE_NOBODY, m->id);
    if (status == WIRE_OK && rule != NULL)
        rules_set_terms(rule, q, d);
    if (cancel && d->term_count > 0) /* a cancel is read, nothing more is to be done about it */
        d->term_count = d->term[0].duty == WIRE__DUTY__SIGN_FOR ? 1 : 0;
    return status;
}
