#include "rules/decide_parts.h"
#include "wire/kind.h"
#include "wire/region.h"

/* The node of that region speaks, for itself or for a place below; or a wider node speaks for that region or a place in
 * it. */
static bool speaks_for(const struct rules_question *q, uint32_t region)
{
    return q->origin == region ||
           (wire_region_within(region, q->origin) && wire_region_within(q->issuer_region, region));
}

static bool sender_is(const struct rules_policy *policy, uint32_t mechanism, const struct rules_selector *from,
                      const struct rules_question *q)
{
    const struct rules_mechanism *m = &policy->mechanism[mechanism];
    const struct rules_seat *seat;
    switch (from->who) {
    case RULES_MEMBERS:
        return rules_listed(m->member, m->member_count, q->origin);
    case RULES_LIAISONS:
        return rules_liaison_find(m, q->origin) != NULL;
    case RULES_REGION:
        return speaks_for(q, from->region);
    case RULES_COORDINATOR:
        return speaks_for(q, m->coordinator_region);
    case RULES_SEAT:
        seat = rules_seat_for(m, q->kind);
        return seat != NULL && speaks_for(q, seat->region);
    default:
        return false;
    }
}

const struct rules_rule *rules_applicable(const struct rules_policy *policy, uint32_t mechanism,
                                          const struct rules_question *q, enum wire_status *why)
{
    const struct rules_mechanism *m = &policy->mechanism[mechanism];
    *why = WIRE_NOT_IN_FORCE;
    if (!rules_in_force(m, q->now_ms))
        return NULL;
    bool member = rules_listed(m->member, m->member_count, q->origin);
    const struct rules_liaison *liaison = member ? NULL : rules_liaison_find(m, q->origin);
    *why = member || liaison != NULL ? WIRE_NO_RULE : WIRE_NOT_A_MEMBER;
    if (!member && !rules_liaison_may(liaison, q->kind))
        return NULL;
    size_t count;
    const struct rules_candidate *candidate = rules_candidates(policy, mechanism, q->kind, q->issuer_unit, &count);
    for (size_t i = 0; i < count; i++) {
        const struct rules_rule *rule = &m->rule[candidate[i].rule];
        if (rule->off || q->now_ms < rule->from_ms || q->now_ms >= rule->until_ms)
            continue;
        if (sender_is(policy, mechanism, &rule->from[candidate[i].from], q))
            return rule;
    }
    return NULL;
}

/* The region itself, its city or its province is a member. */
static bool steps_up(const struct rules_mechanism *m, uint32_t region, bool persons)
{
    if (!persons && rules_liaison_find(m, region) != NULL)
        return true;
    for (uint32_t at = region; at != 0; at = wire_region_upper(at)) {
        if (at == WIRE_REGION_NATION && region != WIRE_REGION_NATION)
            break;
        if (rules_listed(m->member, m->member_count, at))
            return true;
    }
    return false;
}

bool rules_covers(const struct rules_mechanism *m, const struct rules_question *q, bool persons, uint32_t *missing)
{
    *missing = 0;
    for (size_t i = 0; *missing == 0 && i < q->concerns_count; i++)
        if (!steps_up(m, q->concerns[i], persons))
            *missing = q->concerns[i];
    for (size_t i = 0; *missing == 0 && i < q->to_count; i++)
        if (!steps_up(m, q->to[i]->region, persons))
            *missing = q->to[i]->region;
    for (size_t i = 0; *missing == 0 && i < q->cc_count; i++)
        if (!steps_up(m, q->cc[i]->region, persons))
            *missing = q->cc[i]->region;
    return *missing == 0;
}

uint32_t rules_narrowest(const struct rules_policy *policy, const struct rules_question *q)
{
    const struct rules_belonging *belonging = rules_belonging_of(policy, q->origin);
    const struct wire_kind *kind = wire_kind_find(q->kind);
    for (uint32_t i = 0; belonging != NULL && kind != NULL && i < belonging->count; i++) {
        uint32_t index = policy->order[belonging->first + i], missing;
        enum wire_status why;
        if (rules_applicable(policy, index, q, &why) != NULL &&
            rules_covers(&policy->mechanism[index], q, kind->persons, &missing))
            return index;
    }
    return RULES_NONE;
}
