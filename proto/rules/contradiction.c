#include "rules/compile_parts.h"
#include "wire/kind.h"
#include "wire/region.h"

int rules_from_rank(const struct rules_selector *from)
{
    switch (from->who) {
    case RULES_REGION:
        return 10 - (int)wire_region_level(from->region); /* county 7, city 8, province 9, nation 10 */
    case RULES_SEAT:
        return 20;
    case RULES_COORDINATOR:
        return 21;
    case RULES_LIAISONS:
        return 22;
    default:
        return 23;
    }
}

bool rules_overlap(const struct rules_rule *a, const struct rules_rule *b)
{
    return a->from_ms < b->until_ms && b->from_ms < a->until_ms;
}

/* Could one sender be meant by both, with nothing that makes one of them more particular? */
static bool same_sender(const struct rules_mechanism *m, const struct rules_selector *a, const struct rules_selector *b,
                        uint32_t kind)
{
    if (a->who != b->who || a->region != b->region)
        return false;
    uint32_t x = rules_from_unit(m, a, kind), y = rules_from_unit(m, b, kind);
    return x == y || x == RULES_UNIT_ANY || y == RULES_UNIT_ANY;
}

static bool names_kind(const struct rules_rule *rule, uint32_t kind)
{
    for (size_t i = 0; i < rule->kind_count; i++)
        if (rule->kind[i] == kind)
            return true;
    return false;
}

/* The place of the `from` of b that says what a says already for this kind; from_count when there is none. */
static size_t find_clash(const struct rules_mechanism *m, const struct rules_rule *a, const struct rules_rule *b,
                         uint32_t kind)
{
    for (size_t j = 0; j < b->from_count; j++)
        for (size_t i = 0; i < a->from_count; i++)
            if (same_sender(m, &a->from[i], &b->from[j], kind))
                return j;
    return b->from_count;
}

static enum wire_status check_pair(struct rules_compiling *c, const struct rules_mechanism *m,
                                   const struct rules_rule *a, const struct rules_rule *b)
{
    for (size_t k = 0; rules_overlap(a, b) && k < b->kind_count; k++) {
        size_t at = names_kind(a, b->kind[k]) ? find_clash(m, a, b, b->kind[k]) : b->from_count;
        if (at == b->from_count)
            continue;
        c->rule = &c->source->rules[b->number - 1];
        const struct rules_word *word = &c->rule->from.item[at];
        const char *kind = wire_kind_find(b->kind[k])->name;
        return rules_refuse(c, word, "“%s”发 %s 已由规则 %s（第 %u 行）规定，两条规则矛盾",
                            "\"%s\" sending %s is ruled by %s (line %u) already: a contradiction", word->text, kind,
                            a->name, (unsigned)a->line);
    }
    return WIRE_OK;
}

enum wire_status rules_compile_contradictions(struct rules_compiling *c, const struct rules_mechanism *m)
{
    for (size_t j = 1; j < m->rule_count; j++)
        for (size_t i = 0; i < j; i++) {
            enum wire_status status = check_pair(c, m, &m->rule[i], &m->rule[j]);
            if (status != WIRE_OK)
                return status;
        }
    return WIRE_OK;
}
