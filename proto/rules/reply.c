#include "rules/decide_parts.h"
#include "wire/kind.h"
#include "wire/region.h"
#include <string.h>

/* Acknowledgement and outcome are implied in every mechanism, also in one no longer in force: what was received is
 * answered. Whoever was given the parent answers its origin, in its lane, under its mechanism, kept no longer, owing
 * nothing. */
static enum wire_status check_parent(const struct rules_policy *policy, const struct rules_question *q,
                                     const struct rules_parent *parent, struct rules_decision *d)
{
    if (parent == NULL || !parent->found || !q->in_reply_to)
        return rules_deny(d, WIRE_NO_PARENT, "in_reply_to");
    if (!parent->given)
        return rules_deny_number(d, WIRE_NOT_GIVEN, q->origin);
    const char *mechanism = q->mechanism == NULL && q->preview ? parent->mechanism : q->mechanism;
    d->mechanism = rules_policy_find(policy, mechanism);
    if (mechanism == NULL || strcmp(mechanism, parent->mechanism) != 0) {
        rules_allow(d, "mechanism %s", parent->mechanism);
        return rules_deny(d, WIRE_NO_RULE, mechanism == NULL ? "" : mechanism);
    }
    if (d->mechanism == RULES_NONE)
        return rules_deny(d, WIRE_NO_MECHANISM, mechanism);
    if (q->status != parent->status)
        return rules_deny(d, WIRE_WRONG_STATUS, "status");
    return WIRE_OK;
}

/* Everybody the header names must be the origin of the parent, which alone gets the answer. */
static enum wire_status check_addressees(const struct rules_question *q, const struct rules_parent *parent,
                                         bool persons, struct rules_decision *d)
{
    for (size_t i = 0; i < q->to_count; i++)
        if (!wire_region_within(q->to[i]->region, parent->origin))
            return rules_deny_number(d, WIRE_ADDRESSEE_NOT_ALLOWED, q->to[i]->region);
    if (q->cc_count > 0)
        return rules_deny_number(d, WIRE_ADDRESSEE_NOT_ALLOWED, q->cc[0]->region);
    if (persons && !wire_region_within(q->concerns[0], parent->origin))
        return rules_deny_number(d, WIRE_ADDRESSEE_NOT_ALLOWED, q->concerns[0]);
    return WIRE_OK;
}

enum wire_status rules_decide_reply(const struct rules_policy *policy, const struct rules_question *q, bool persons,
                                    struct rules_decision *d)
{
    const struct rules_parent *parent = q->parent;
    enum wire_status status = check_parent(policy, q, parent, d);
    if (status != WIRE_OK)
        return status;
    d->rule_name = "reply";
    status = check_addressees(q, parent, persons, d);
    if (status == WIRE_OK)
        status = rules_check_manner(q, parent->lane, persons, parent->keep_until, d);
    if (status != WIRE_OK)
        return status;
    if (parent->origin == q->origin || !q->enrolled(q->context, parent->origin))
        return rules_deny_number(d, WIRE_NOBODY_FOR, parent->origin);
    uint32_t unit = parent->issuer_unit == WIRE_UNIT_NONE ? (uint32_t)WIRE_UNIT_COMMAND : parent->issuer_unit;
    if (q->to_count > 0 && q->to[0]->has_unit)
        unit = q->to[0]->unit;
    rules_add_to(d, parent->origin, unit);
    return WIRE_OK;
}
