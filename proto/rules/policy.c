#include "rules/tables.h"
#include <string.h>

/* The first place in a rising list whose number is not below `number`. */
static size_t lower_bound(const uint32_t *list, size_t count, uint32_t number)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool rules_listed(const uint32_t *list, size_t count, uint32_t number)
{
    size_t at = lower_bound(list, count, number);
    return at < count && list[at] == number;
}

uint64_t rules_policy_version(const struct rules_policy *policy)
{
    return policy->version;
}

const uint8_t *rules_policy_digest(const struct rules_policy *policy)
{
    return policy->digest;
}

size_t rules_policy_count(const struct rules_policy *policy)
{
    return policy->count;
}

const struct rules_mechanism *rules_policy_at(const struct rules_policy *policy, uint32_t index)
{
    return index < policy->count ? &policy->mechanism[index] : NULL;
}

uint32_t rules_policy_find(const struct rules_policy *policy, const char *mechanism)
{
    size_t low = 0, high = mechanism == NULL ? 0 : policy->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(policy->mechanism[middle].id, mechanism);
        if (order == 0)
            return (uint32_t)middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return RULES_NONE;
}

bool rules_is_member(const struct rules_policy *policy, uint32_t mechanism, uint32_t region)
{
    const struct rules_mechanism *m = rules_policy_at(policy, mechanism);
    return m != NULL && rules_listed(m->member, m->member_count, region);
}

const struct rules_liaison *rules_liaison_find(const struct rules_mechanism *mechanism, uint32_t region)
{
    for (size_t i = 0; i < mechanism->liaison_count; i++)
        if (mechanism->liaison[i].region == region)
            return &mechanism->liaison[i];
    return NULL;
}

bool rules_liaison_may(const struct rules_liaison *liaison, uint32_t kind)
{
    return liaison != NULL && rules_listed(liaison->kind, liaison->kind_count, kind);
}

bool rules_belongs(const struct rules_policy *policy, uint32_t mechanism, uint32_t region)
{
    const struct rules_mechanism *m = rules_policy_at(policy, mechanism);
    return m != NULL && (rules_listed(m->member, m->member_count, region) || rules_liaison_find(m, region) != NULL);
}

bool rules_in_force(const struct rules_mechanism *mechanism, int64_t now_ms)
{
    return mechanism->from_ms <= now_ms && now_ms < mechanism->until_ms;
}

const struct rules_rule *rules_rule_at(const struct rules_mechanism *mechanism, uint32_t number)
{
    return number == 0 || number > mechanism->rule_count ? NULL : &mechanism->rule[number - 1];
}

const struct rules_seat *rules_seat_for(const struct rules_mechanism *mechanism, uint32_t kind)
{
    const struct rules_seat *found = NULL;
    for (size_t i = 0; i < mechanism->seat_count; i++) {
        if (mechanism->seat[i].kind == kind)
            return &mechanism->seat[i];
        if (mechanism->seat[i].kind == 0)
            found = &mechanism->seat[i];
    }
    return found;
}

uint32_t rules_from_unit(const struct rules_mechanism *mechanism, const struct rules_selector *from, uint32_t kind)
{
    if (from->unit != WIRE_UNIT_NONE)
        return from->unit;
    if (from->who == RULES_COORDINATOR)
        return mechanism->coordinator_unit;
    if (from->who == RULES_SEAT) {
        const struct rules_seat *seat = rules_seat_for(mechanism, kind);
        return seat == NULL ? RULES_UNIT_ANY : seat->unit;
    }
    return RULES_UNIT_ANY;
}

const struct rules_candidate *rules_candidates(const struct rules_policy *policy, uint32_t mechanism, uint32_t kind,
                                               uint32_t unit, size_t *count)
{
    size_t at = lower_bound(policy->kind, policy->kind_count, kind);
    *count = 0;
    if (at == policy->kind_count || policy->kind[at] != kind || unit >= RULES_UNITS)
        return NULL;
    const struct rules_index *index = &policy->index[mechanism];
    const struct rules_slot *slot = &index->slot[at * RULES_UNITS + unit];
    *count = slot->count;
    return slot->count == 0 ? NULL : &index->candidate[slot->first];
}

const struct rules_belonging *rules_belonging_of(const struct rules_policy *policy, uint32_t region)
{
    size_t low = 0, high = policy->belonging_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (policy->belonging[middle].region < region)
            low = middle + 1;
        else
            high = middle;
    }
    return low < policy->belonging_count && policy->belonging[low].region == region ? &policy->belonging[low] : NULL;
}
