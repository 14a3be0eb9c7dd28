#include "rules/decide_parts.h"
#include "wire/region.h"
#include <string.h>

/* Where the region stands in a list of recipients; count when it does not. */
static size_t place_of(const struct rules_recipient *list, size_t count, uint32_t region)
{
    size_t at = 0;
    while (at < count && list[at].region != region)
        at++;
    return at;
}

static void add(struct rules_recipient *list, size_t *count, uint32_t region, uint32_t unit)
{
    size_t at = place_of(list, *count, region);
    if (at == *count) {
        if (*count == WIRE_RECIPIENTS_MAX)
            return;
        list[(*count)++] = (struct rules_recipient){.region = region, .unit = (uint8_t)unit};
    }
    list[at].units = (uint16_t)(list[at].units | 1u << unit);
}

/* Who owes is not told twice: a copy noted earlier gives way. */
void rules_add_to(struct rules_decision *d, uint32_t region, uint32_t unit)
{
    size_t copied = place_of(d->cc, d->cc_count, region);
    if (copied < d->cc_count) {
        d->cc_count--;
        memmove(&d->cc[copied], &d->cc[copied + 1], (d->cc_count - copied) * sizeof d->cc[0]);
    }
    add(d->to, &d->to_count, region, unit);
}

void rules_add_cc(struct rules_decision *d, uint32_t region, uint32_t unit)
{
    if (place_of(d->to, d->to_count, region) == d->to_count)
        add(d->cc, &d->cc_count, region, unit);
}

void rules_add_not_enrolled(struct rules_decision *d, uint32_t region)
{
    for (size_t i = 0; i < d->not_enrolled_count; i++)
        if (d->not_enrolled[i] == region)
            return;
    if (d->not_enrolled_count < WIRE_RECIPIENTS_MAX)
        d->not_enrolled[d->not_enrolled_count++] = region;
}

uint32_t rules_to_unit(const struct rules_mechanism *m, const struct rules_selector *selector,
                       const struct rules_question *q)
{
    if (selector->unit == RULES_UNIT_LIKE)
        return q->issuer_unit;
    if (selector->unit != WIRE_UNIT_NONE && selector->unit != RULES_UNIT_ANY)
        return selector->unit;
    if (selector->who == RULES_COORDINATOR)
        return m->coordinator_unit;
    if (selector->who == RULES_SEAT)
        return rules_seat_for(m, q->kind)->unit;
    return WIRE_UNIT_COMMAND;
}

/* The next region upwards from `region` (or itself, at first) whose step up is still allowed: not to the nation. */
static uint32_t next_up(uint32_t at, uint32_t region)
{
    uint32_t up = wire_region_upper(at);
    return up == WIRE_REGION_NATION && region != WIRE_REGION_NATION ? 0 : up;
}

uint32_t rules_step_up(const struct rules_mechanism *m, const struct rules_question *q, uint32_t region, bool highest,
                       struct rules_decision *d)
{
    uint32_t found = 0;
    for (uint32_t at = region; at != 0 && (found == 0 || highest); at = next_up(at, region))
        if (rules_listed(m->member, m->member_count, at) && q->enrolled(q->context, at))
            found = at;
    uint32_t passed = highest && found != 0 ? next_up(found, region) : region;
    for (; d != NULL && passed != 0 && passed != found; passed = next_up(passed, region))
        if (rules_listed(m->member, m->member_count, passed))
            rules_add_not_enrolled(d, passed);
    return found;
}

/* One run of rules_recipients: which list is being filled and how. */
struct filling {
    const struct rules_mechanism *m;
    const struct rules_rule *rule;
    const struct rules_question *q;
    struct rules_decision *d;
    bool cc;
};

/* Gives it to a region that is known to be meant: the origin never, one without a node is listed. */
static void give(const struct filling *f, uint32_t region, uint32_t unit)
{
    if (region == f->q->origin)
        return;
    if (!f->q->enrolled(f->q->context, region))
        rules_add_not_enrolled(f->d, region);
    else if (f->cc)
        rules_add_cc(f->d, region, unit);
    else
        rules_add_to(f->d, region, unit);
}

/* Members above the one that owes are told too, unless it holds persons or the rule starts from above. */
static void copy_upwards(const struct filling *f, uint32_t region, uint32_t unit)
{
    for (uint32_t at = wire_region_upper(region); at != 0; at = wire_region_upper(at))
        if (at != f->q->origin && rules_listed(f->m->member, f->m->member_count, at) &&
            f->q->enrolled(f->q->context, at))
            rules_add_cc(f->d, at, unit);
}

static enum wire_status give_concerned(const struct filling *f, uint32_t unit)
{
    for (size_t i = 0; i < f->q->concerns_count; i++) {
        uint32_t region = rules_step_up(f->m, f->q, f->q->concerns[i], f->rule->highest_first, f->d);
        if (region == 0 || region == f->q->origin)
            return rules_deny_number(f->d, WIRE_NOBODY_FOR, f->q->concerns[i]);
        give(f, region, unit);
        if (!f->rule->persons && !f->rule->highest_first)
            copy_upwards(f, region, unit);
    }
    return WIRE_OK;
}

static enum wire_status give_named(const struct filling *f, const struct rules_selector *selector)
{
    Wire__Address *const *list = f->cc ? f->q->cc : f->q->to;
    size_t count = f->cc ? f->q->cc_count : f->q->to_count;
    for (size_t i = 0; i < count; i++) {
        uint32_t unit = rules_to_unit(f->m, selector, f->q);
        if (list[i]->has_unit && selector->unit == RULES_UNIT_ANY)
            unit = list[i]->unit;
        else if (list[i]->has_unit && list[i]->unit != unit)
            continue; /* another selector may allow that unit; check_named looks afterwards */
        uint32_t region = rules_step_up(f->m, f->q, list[i]->region, false, f->d);
        if (region == 0 || region == f->q->origin)
            return rules_deny_number(f->d, WIRE_NOBODY_FOR, list[i]->region);
        give(f, region, unit);
    }
    return WIRE_OK;
}

/* The provinces behind the city of the region concerned (else issuing): its latest pairing that is in force. */
static void give_paired(const struct filling *f, uint32_t unit)
{
    uint32_t region = f->q->concerns_count > 0 ? f->q->concerns[0] : f->q->issuer_region;
    const struct rules_pair *found = NULL;
    for (uint32_t at = region; at != 0 && found == NULL; at = wire_region_upper(at))
        for (size_t i = 0; i < f->m->pair_count; i++) {
            const struct rules_pair *pair = &f->m->pair[i];
            if (pair->city == at && pair->from_ms <= f->q->now_ms && f->q->now_ms < pair->until_ms)
                found = pair;
        }
    for (size_t i = 0; found != NULL && i < found->with_count; i++)
        give(f, found->with[i], unit);
}

static void give_members(const struct filling *f, const struct rules_selector *selector, uint32_t unit)
{
    for (size_t i = 0; i < f->m->member_count; i++)
        if (selector->who == RULES_MEMBERS || wire_region_within(f->m->member[i], f->q->origin))
            give(f, f->m->member[i], unit);
}

static void give_upper(const struct filling *f, uint32_t unit)
{
    for (uint32_t at = wire_region_upper(f->q->origin); at != 0; at = wire_region_upper(at))
        if (rules_listed(f->m->member, f->m->member_count, at)) {
            give(f, at, unit);
            return;
        }
}

static enum wire_status give_selector(const struct filling *f, const struct rules_selector *selector)
{
    uint32_t unit = rules_to_unit(f->m, selector, f->q);
    switch (selector->who) {
    case RULES_CONCERNED:
        return give_concerned(f, unit);
    case RULES_NAMED:
        return give_named(f, selector);
    case RULES_PAIRED:
        give_paired(f, unit);
        break;
    case RULES_MEMBERS:
    case RULES_LOWER:
        give_members(f, selector, unit);
        break;
    case RULES_UPPER:
        give_upper(f, unit);
        break;
    case RULES_REGION:
        give(f, selector->region, unit);
        break;
    case RULES_COORDINATOR:
        give(f, f->m->coordinator_region, unit);
        break;
    case RULES_SEAT:
        give(f, rules_seat_for(f->m, f->q->kind)->region, unit);
        break;
    case RULES_LIAISONS:
        for (size_t i = 0; i < f->m->liaison_count; i++)
            give(f, f->m->liaison[i].region, unit);
        break;
    }
    return WIRE_OK;
}

/* Whoever the header names must be among those the rule gives it to (or listed as without a node), at a desk it knows.
 */
static enum wire_status check_named(const struct filling *f, Wire__Address *const *list, size_t count)
{
    struct rules_decision *d = f->d;
    for (size_t i = 0; i < count; i++) {
        uint32_t region = rules_step_up(f->m, f->q, list[i]->region, false, NULL);
        uint32_t unit = list[i]->has_unit ? list[i]->unit : WIRE_UNIT_NONE;
        uint32_t meant = region == 0 ? list[i]->region : region;
        size_t to = place_of(d->to, d->to_count, meant), cc = place_of(d->cc, d->cc_count, meant);
        const struct rules_recipient *got = to < d->to_count ? &d->to[to] : cc < d->cc_count ? &d->cc[cc] : NULL;
        bool listed = false;
        for (size_t n = 0; got == NULL && n < d->not_enrolled_count; n++)
            listed |= d->not_enrolled[n] == meant;
        if (listed || (got != NULL && (unit == WIRE_UNIT_NONE || (got->units >> unit & 1) != 0)))
            continue;
        for (size_t s = 0; s < f->rule->to_count; s++)
            if (f->rule->to[s].unit != RULES_UNIT_ANY)
                rules_allow(d, "%s%s", s == 0 ? "unit " : ", ",
                            wire_unit_id(rules_to_unit(f->m, &f->rule->to[s], f->q)));
        return rules_deny_number(d, WIRE_ADDRESSEE_NOT_ALLOWED, list[i]->region);
    }
    return WIRE_OK;
}

static enum wire_status fill(const struct filling *f, const struct rules_selector *selectors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum wire_status status = give_selector(f, &selectors[i]);
        if (status != WIRE_OK)
            return status;
    }
    return WIRE_OK;
}

enum wire_status rules_recipients(const struct rules_mechanism *m, const struct rules_rule *rule,
                                  const struct rules_question *q, struct rules_decision *d)
{
    struct filling to = {.m = m, .rule = rule, .q = q, .d = d, .cc = false};
    struct filling cc = {.m = m, .rule = rule, .q = q, .d = d, .cc = true};
    enum wire_status status = fill(&to, rule->to, rule->to_count);
    if (status == WIRE_OK)
        status = fill(&cc, rule->cc, rule->cc_count);
    if (status == WIRE_OK)
        status = check_named(&to, q->to, q->to_count);
    if (status == WIRE_OK)
        status = check_named(&cc, q->cc, q->cc_count);
    if (status == WIRE_OK && d->to_count == 0)
        status = rules_deny(d, WIRE_NOBODY, d->mechanism == RULES_NONE ? "" : m->id);
    if (status == WIRE_OK && rule->persons && (d->to_count != 1 || d->cc_count != 0))
        status = rules_deny(d, WIRE_ONE_REGION, rule->name);
    return status;
}
