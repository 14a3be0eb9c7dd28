#include "rules/compile_parts.h"
#include "wire/ensure.h"
#include "wire/kind.h"
#include <string.h>

static void collect_kinds(struct rules_policy *policy)
{
    for (size_t k = 0; k < wire_kind_count(); k++) {
        uint32_t kind = wire_kind_at(k)->number;
        bool used = false;
        for (size_t i = 0; i < policy->count; i++)
            for (size_t j = 0; j < policy->mechanism[i].rule_count; j++)
                for (size_t n = 0; n < policy->mechanism[i].rule[j].kind_count; n++)
                    used |= policy->mechanism[i].rule[j].kind[n] == kind;
        if (used)
            policy->kind[policy->kind_count++] = kind;
    }
    rules_sort(policy->kind, policy->kind_count);
}

static const struct rules_selector *from_of(const struct rules_mechanism *m, struct rules_candidate candidate)
{
    return &m->rule[candidate.rule].from[candidate.from];
}

/* Every way to use a rule of this mechanism for one kind and unit, most particular first; returns how many. */
static uint32_t collect_candidates(const struct rules_mechanism *m, uint32_t kind, uint32_t unit,
                                   struct rules_candidate *out)
{
    uint32_t count = 0;
    for (size_t r = 0; r < m->rule_count; r++) {
        const struct rules_rule *rule = &m->rule[r];
        bool named = false;
        for (size_t k = 0; k < rule->kind_count; k++)
            named |= rule->kind[k] == kind;
        for (size_t f = 0; named && f < rule->from_count; f++) {
            uint32_t allowed = rules_from_unit(m, &rule->from[f], kind);
            if (allowed != RULES_UNIT_ANY && allowed != unit)
                continue;
            struct rules_candidate made = {(uint16_t)r, (uint16_t)f};
            uint32_t at = count++;
            for (; at > 0 && rules_from_rank(from_of(m, out[at - 1])) > rules_from_rank(from_of(m, made)); at--)
                out[at] = out[at - 1];
            out[at] = made;
        }
    }
    return count;
}

static enum wire_status index_mechanism(struct rules_compiling *c, const struct rules_policy *policy,
                                        const struct rules_mechanism *m, struct rules_index *index)
{
    size_t most = 0;
    for (size_t r = 0; r < m->rule_count; r++)
        most += m->rule[r].kind_count * m->rule[r].from_count * RULES_UNITS;
    struct rules_slot *slots = rules_take(c, policy->kind_count * RULES_UNITS * sizeof *slots);
    struct rules_candidate *candidates = rules_take(c, most * sizeof *candidates);
    if (slots == NULL || candidates == NULL)
        return rules_no_memory(c);
    uint32_t used = 0;
    for (size_t k = 0; k < policy->kind_count; k++)
        for (uint32_t unit = 1; unit < WIRE_UNIT_END; unit++) {
            struct rules_slot *slot = &slots[k * RULES_UNITS + unit];
            slot->first = used;
            slot->count = collect_candidates(m, policy->kind[k], unit, &candidates[used]);
            used += slot->count;
        }
    index->slot = slots;
    index->candidate = candidates;
    return WIRE_OK;
}

/* Narrower: fewer members, then the id that comes first in byte order (mechanisms stand in that order). */
static bool narrower(const struct rules_policy *policy, uint32_t a, uint32_t b)
{
    size_t x = policy->mechanism[a].member_count, y = policy->mechanism[b].member_count;
    return x != y ? x < y : a < b;
}

static size_t collect_regions(const struct rules_policy *policy, uint32_t *regions)
{
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < policy->count; i++) {
        const struct rules_mechanism *m = &policy->mechanism[i];
        for (size_t j = 0; j < m->member_count; j++)
            regions[count++] = m->member[j];
        for (size_t j = 0; j < m->liaison_count; j++)
            regions[count++] = m->liaison[j].region;
    }
    rules_sort(regions, count);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || regions[kept - 1] != regions[i])
            regions[kept++] = regions[i];
    return kept;
}

static enum wire_status index_belonging(struct rules_compiling *c, struct rules_policy *policy)
{
    size_t most = 0;
    for (size_t i = 0; i < policy->count; i++)
        most += policy->mechanism[i].member_count + policy->mechanism[i].liaison_count;
    uint32_t *regions = rules_take(c, most * sizeof *regions);
    policy->belonging = rules_take(c, most * sizeof *policy->belonging);
    policy->order = rules_take(c, most * sizeof *policy->order);
    if (regions == NULL || policy->belonging == NULL || policy->order == NULL)
        return rules_no_memory(c);
    policy->belonging_count = collect_regions(policy, regions);
    uint32_t used = 0;
    for (size_t r = 0; r < policy->belonging_count; r++) {
        struct rules_belonging *entry = &policy->belonging[r];
        *entry = (struct rules_belonging){.region = regions[r], .first = used};
        for (uint32_t i = 0; i < policy->count; i++) {
            if (!rules_belongs(policy, i, regions[r]))
                continue;
            uint32_t at = used + entry->count++;
            for (; at > used && narrower(policy, i, policy->order[at - 1]); at--)
                policy->order[at] = policy->order[at - 1];
            policy->order[at] = i;
        }
        used += entry->count;
    }
    ENSURE(used <= most);
    return WIRE_OK;
}

enum wire_status rules_compile_index(struct rules_compiling *c, struct rules_policy *policy)
{
    policy->kind = rules_take(c, wire_kind_count() * sizeof *policy->kind);
    policy->index = rules_take(c, policy->count * sizeof *policy->index);
    if (policy->kind == NULL || policy->index == NULL)
        return rules_no_memory(c);
    collect_kinds(policy);
    for (size_t i = 0; i < policy->count; i++) {
        enum wire_status status = index_mechanism(c, policy, &policy->mechanism[i], &policy->index[i]);
        if (status != WIRE_OK)
            return status;
    }
    return index_belonging(c, policy);
}
