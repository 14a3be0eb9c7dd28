#include "rules/compile_parts.h"
#include "rules/parse.h"
#include <string.h>

enum wire_status rules_compile_regions(struct rules_compiling *c, const struct rules_words *words,
                                       const uint32_t **list)
{
    uint32_t *regions = rules_take(c, words->count * sizeof *regions);
    if (regions == NULL)
        return rules_no_memory(c);
    for (size_t i = 0; i < words->count; i++) {
        const struct rules_word *word = &words->item[i];
        if (!rules_parse_region(word->text, &regions[i]))
            return rules_refuse(c, word, "“%s”不是现行的行政区划代码", "\"%s\" is no current region code", word->text);
        for (size_t j = 0; j < i; j++)
            if (regions[j] == regions[i])
                return rules_refuse(c, word, "“%s”写了两次", "\"%s\" stands twice", word->text);
    }
    rules_sort(regions, words->count);
    *list = regions;
    return WIRE_OK;
}

static enum wire_status compile_kinds(struct rules_compiling *c, const struct rules_words *words, const uint32_t **list)
{
    uint32_t *kinds = rules_take(c, words->count * sizeof *kinds);
    if (kinds == NULL)
        return rules_no_memory(c);
    for (size_t i = 0; i < words->count; i++) {
        enum wire_status status = rules_compile_kind(c, &words->item[i], &kinds[i]);
        if (status != WIRE_OK)
            return status;
    }
    rules_sort(kinds, words->count);
    *list = kinds;
    return WIRE_OK;
}

static enum wire_status compile_liaison(struct rules_compiling *c, const struct rules_mechanism *m,
                                        const struct rules_source_liaison *source, struct rules_liaison *liaison)
{
    const struct rules_word *word = &source->region;
    if (!rules_parse_region(word->text, &liaison->region))
        return rules_refuse(c, word, "“%s”不是现行的行政区划代码", "\"%s\" is no current region code", word->text);
    if (rules_listed(m->member, m->member_count, liaison->region))
        return rules_refuse(c, word, "“%s”已是成员", "\"%s\" is a member already", word->text);
    if (rules_liaison_find(m, liaison->region) != NULL)
        return rules_refuse(c, word, "“%s”写了两次", "\"%s\" stands twice", word->text);
    liaison->kind_count = source->may_send.count;
    return compile_kinds(c, &source->may_send, &liaison->kind);
}

static enum wire_status compile_liaisons(struct rules_compiling *c, struct rules_mechanism *m)
{
    struct rules_liaison *list = rules_take(c, c->source->liaison_count * sizeof *list);
    if (list == NULL)
        return rules_no_memory(c);
    m->liaison = list;
    for (size_t i = 0; i < c->source->liaison_count; i++) {
        enum wire_status status = compile_liaison(c, m, &c->source->liaisons[i], &list[i]);
        if (status != WIRE_OK)
            return status;
        m->liaison_count++;
    }
    for (size_t i = 1; i < m->liaison_count; i++) {
        struct rules_liaison moving = list[i];
        size_t at = i;
        for (; at > 0 && list[at - 1].region > moving.region; at--)
            list[at] = list[at - 1];
        list[at] = moving;
    }
    return WIRE_OK;
}

static enum wire_status compile_desk(struct rules_compiling *c, const struct rules_word *word, uint32_t *region,
                                     uint32_t *unit)
{
    if (!rules_parse_desk(word->text, region, unit))
        return rules_refuse(c, word, "“%s”应写成“地区/单位”，例：310000/command",
                            "\"%s\" should be region/unit, as 310000/command", word->text);
    return WIRE_OK;
}

static enum wire_status compile_seats(struct rules_compiling *c, struct rules_mechanism *m)
{
    struct rules_seat *list = rules_take(c, c->source->seat_count * sizeof *list);
    if (list == NULL)
        return rules_no_memory(c);
    m->seat = list;
    for (size_t i = 0; i < c->source->seat_count; i++) {
        const struct rules_source_seat *source = &c->source->seats[i];
        enum wire_status status = compile_desk(c, &source->at, &list[i].region, &list[i].unit);
        if (status == WIRE_OK && source->kind.text != NULL)
            status = rules_compile_kind(c, &source->kind, &list[i].kind);
        if (status != WIRE_OK)
            return status;
        for (size_t j = 0; j < i; j++)
            if (list[j].kind == list[i].kind)
                return rules_refuse(c, &source->at, "同一种信息有两个办事机构“%s”", "two seats for one kind: \"%s\"",
                                    source->at.text);
        m->seat_count++;
    }
    return WIRE_OK;
}

static enum wire_status compile_pair(struct rules_compiling *c, const struct rules_source_pair *source,
                                     struct rules_pair *pair)
{
    if (!rules_parse_region(source->city.text, &pair->city))
        return rules_refuse(c, &source->city, "“%s”不是现行的行政区划代码", "\"%s\" is no current region code",
                            source->city.text);
    if (source->with.count == 0)
        return rules_refuse(c, &source->city, "“%s”没有对口省份", "\"%s\" is paired with nobody", source->city.text);
    pair->with_count = source->with.count;
    enum wire_status status = rules_compile_regions(c, &source->with, &pair->with);
    return status != WIRE_OK ? status
                             : rules_compile_period(c, &source->from, &source->until, &pair->from_ms, &pair->until_ms);
}

static bool pair_before(const struct rules_pair *a, const struct rules_pair *b)
{
    return a->city != b->city ? a->city < b->city : a->from_ms < b->from_ms;
}

static enum wire_status compile_pairs(struct rules_compiling *c, struct rules_mechanism *m)
{
    struct rules_pair *list = rules_take(c, c->source->pair_count * sizeof *list);
    if (list == NULL)
        return rules_no_memory(c);
    m->pair = list;
    for (size_t i = 0; i < c->source->pair_count; i++) {
        const struct rules_source_pair *source = &c->source->pairs[i];
        struct rules_pair made = {0};
        enum wire_status status = compile_pair(c, source, &made);
        if (status != WIRE_OK)
            return status;
        size_t at = i;
        for (; at > 0 && pair_before(&made, &list[at - 1]); at--)
            list[at] = list[at - 1];
        list[at] = made;
        if (at > 0 && list[at - 1].city == made.city && list[at - 1].from_ms == made.from_ms)
            return rules_refuse(c, &source->city, "“%s”同一天起有两组对口省份", "\"%s\" has two pairings from one day",
                                source->city.text);
        m->pair_count++;
    }
    return WIRE_OK;
}

enum wire_status rules_compile_members(struct rules_compiling *c, struct rules_mechanism *m)
{
    const struct rules_source *source = c->source;
    if (source->members.count < 2 || source->members.count > RULES_MEMBERS_MAX)
        return rules_refuse(c, &source->mechanism, "应有 2 到 %d 个成员", "wants 2 to %d members", RULES_MEMBERS_MAX);
    enum wire_status status =
        rules_compile_period(c, &source->from_time, &source->until_time, &m->from_ms, &m->until_ms);
    if (status == WIRE_OK)
        status = rules_compile_regions(c, &source->members, &m->member);
    if (status != WIRE_OK)
        return status;
    m->member_count = source->members.count;
    if (source->coordinator.text != NULL)
        status = compile_desk(c, &source->coordinator, &m->coordinator_region, &m->coordinator_unit);
    if (status == WIRE_OK)
        status = compile_liaisons(c, m);
    if (status == WIRE_OK)
        status = compile_seats(c, m);
    return status != WIRE_OK ? status : compile_pairs(c, m);
}
