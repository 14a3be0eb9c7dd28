#include "rules/compile_parts.h"
#include "rules/parse.h"
#include "wire/kind.h"
#include "wire/region.h"
#include <string.h>

static enum wire_status compile_name(struct rules_compiling *c, const struct rules_mechanism *m,
                                     struct rules_rule *rule)
{
    const struct rules_source_rule *source = c->rule;
    struct rules_word start = {.text = "", .line = source->line, .column = source->column};
    if (source->name.text == NULL || !rules_parse_name(source->name.text, RULES_NAME_BYTES - 1))
        return rules_refuse(c, source->name.text == NULL ? &start : &source->name,
                            "规则代号只能用小写字母、数字和连字符，不超过 %d 个",
                            "a rule's name is up to %d lower-case letters, digits, hyphens", RULES_NAME_BYTES - 1);
    for (size_t i = 0; i + 1 < rule->number; i++)
        if (strcmp(m->rule[i].name, source->name.text) == 0)
            return rules_refuse(c, &source->name, "第 %u 条规则已用此代号", "rule %u has this name already",
                                (unsigned)i + 1);
    if (source->zh.text == NULL || source->en.text == NULL)
        return rules_refuse(c, &source->name, "规则要有中文和英文标题", "a rule wants a Chinese and an English title");
    rule->line = source->line;
    rule->name = rules_copy_text(c, source->name.text);
    rule->zh = rules_copy_text(c, source->zh.text);
    rule->en = rules_copy_text(c, source->en.text);
    return rule->name == NULL || rule->zh == NULL || rule->en == NULL ? rules_no_memory(c) : WIRE_OK;
}

static enum wire_status compile_rule_kinds(struct rules_compiling *c, struct rules_rule *rule)
{
    const struct rules_words *words = &c->rule->kinds;
    if (words->count == 0 || words->count > RULES_KINDS_PER_RULE)
        return rules_refuse(c, &c->rule->name, "一条规则应有 1 到 %d 种信息", "a rule has 1 to %d kinds",
                            RULES_KINDS_PER_RULE);
    uint32_t *kinds = rules_take(c, words->count * sizeof *kinds);
    if (kinds == NULL)
        return rules_no_memory(c);
    for (size_t i = 0; i < words->count; i++) {
        enum wire_status status = rules_compile_kind(c, &words->item[i], &kinds[i]);
        if (status != WIRE_OK)
            return status;
        bool persons = wire_kind_find(kinds[i])->persons;
        if (i > 0 && persons != rule->persons)
            return rules_refuse(c, &words->item[i], "“%s”：涉及个人与不涉及个人的种类不得写在同一条规则",
                                "\"%s\": kinds with and without persons do not share a rule", words->item[i].text);
        rule->persons = persons;
        for (size_t j = 0; j < i; j++)
            if (kinds[j] == kinds[i])
                return rules_refuse(c, &words->item[i], "“%s”写了两次", "\"%s\" stands twice", words->item[i].text);
    }
    rule->kind = kinds;
    rule->kind_count = words->count;
    return WIRE_OK;
}

/* The coordinator and the seat must be named in the mechanism; a seat for each kind of the rule or a default one. */
static enum wire_status check_desks(struct rules_compiling *c, const struct rules_mechanism *m,
                                    const struct rules_rule *rule, const struct rules_word *word,
                                    const struct rules_selector *selector)
{
    if (selector->who == RULES_COORDINATOR && m->coordinator_region == 0)
        return rules_refuse(c, word, "用了“%s”，但机制没有牵头方", "\"%s\", but the mechanism has no coordinator",
                            word->text);
    if (selector->who == RULES_LIAISONS && m->liaison_count == 0)
        return rules_refuse(c, word, "用了“%s”，但机制没有联络方", "\"%s\", but the mechanism has no liaisons",
                            word->text);
    if (selector->who == RULES_PAIRED && m->pair_count == 0)
        return rules_refuse(c, word, "用了“%s”，但机制没有对口支援表", "\"%s\", but the mechanism has no paired table",
                            word->text);
    for (size_t i = 0; selector->who == RULES_SEAT && i < rule->kind_count; i++)
        if (rules_seat_for(m, rule->kind[i]) == NULL)
            return rules_refuse(c, word, "用了“%s”，但机制没有为此设办事机构",
                                "\"%s\", but the mechanism has no seat for it", word->text);
    return WIRE_OK;
}

static bool member_speaks_for(const struct rules_mechanism *m, uint32_t region)
{
    for (uint32_t at = region; at != 0; at = wire_region_upper(at))
        if (rules_listed(m->member, m->member_count, at))
            return true;
    return rules_liaison_find(m, region) != NULL;
}

static enum wire_status check_from(struct rules_compiling *c, const struct rules_mechanism *m,
                                   const struct rules_word *word, const struct rules_selector *selector)
{
    if (selector->who >= RULES_CONCERNED)
        return rules_refuse(c, word, "“%s”不能作发送方", "\"%s\" cannot be a sender", word->text);
    if (selector->unit == RULES_UNIT_LIKE)
        return rules_refuse(c, word, "发送方不能写“%s”", "a sender cannot be \"%s\"", word->text);
    if (selector->who == RULES_REGION && !member_speaks_for(m, selector->region))
        return rules_refuse(c, word, "没有成员代表“%s”", "no member speaks for \"%s\"", word->text);
    return WIRE_OK;
}

static enum wire_status check_to(struct rules_compiling *c, const struct rules_mechanism *m,
                                 const struct rules_rule *rule, const struct rules_word *word,
                                 const struct rules_selector *selector)
{
    if (selector->unit == RULES_UNIT_ANY && selector->who != RULES_NAMED)
        return rules_refuse(c, word, "“%s”：只有指定地区可写任何单位", "\"%s\": only `named` may have any unit",
                            word->text);
    if (rule->persons && selector->who != RULES_CONCERNED && selector->who != RULES_NAMED)
        return rules_refuse(c, word, "涉及个人的信息只发一个关联或指定地区，不得发“%s”",
                            "a kind with persons goes to one region, concerned or named, not to \"%s\"", word->text);
    (void)m;
    return WIRE_OK;
}

enum list { FROM, TO, CC };

static enum wire_status compile_selectors(struct rules_compiling *c, const struct rules_mechanism *m,
                                          const struct rules_rule *rule, const struct rules_words *words,
                                          enum list which, const struct rules_selector **out)
{
    if (words->count > RULES_SELECTORS_MAX || (words->count == 0 && which != CC))
        return rules_refuse(c, &c->rule->name, "%s应有 1 到 %d 项", "%.0swants 1 to %d entries",
                            which == FROM ? "发送方" : "接收方", RULES_SELECTORS_MAX);
    struct rules_selector *list = rules_take(c, words->count * sizeof *list);
    if (list == NULL)
        return rules_no_memory(c);
    for (size_t i = 0; i < words->count; i++) {
        const struct rules_word *word = &words->item[i];
        const char *bad;
        if (!rules_parse_selector(word->text, &list[i], &bad))
            return rules_refuse(c, word, "“%s”：%.0s不认识的%s", "\"%s\": unknown %s%.0s", word->text,
                                strcmp(bad, "unit") == 0 ? "unit" : "region or word",
                                strcmp(bad, "unit") == 0 ? "单位" : "地区或对象");
        enum wire_status status = check_desks(c, m, rule, word, &list[i]);
        if (status == WIRE_OK)
            status = which == FROM ? check_from(c, m, word, &list[i]) : check_to(c, m, rule, word, &list[i]);
        if (status != WIRE_OK)
            return status;
        for (size_t j = 0; j < i; j++)
            if (list[j].who == list[i].who && list[j].region == list[i].region && list[j].unit == list[i].unit)
                return rules_refuse(c, word, "“%s”写了两次", "\"%s\" stands twice", word->text);
    }
    *out = list;
    return WIRE_OK;
}

/* Persons: sealed, no copies, one selector word (its units may differ). */
static enum wire_status check_persons(struct rules_compiling *c, const struct rules_rule *rule)
{
    const struct rules_source_rule *source = c->rule;
    if (!rule->persons)
        return WIRE_OK;
    if (!rule->sealed)
        return rules_refuse(c, &source->form, "涉及个人的信息必须加密，不得写“%s”",
                            "a kind with persons is sealed, not \"%s\"", source->form.text);
    if (source->cc.count > 0)
        return rules_refuse(c, &source->cc.item[0], "涉及个人的信息不得抄送“%s”",
                            "a kind with persons is not copied to \"%s\"", source->cc.item[0].text);
    for (size_t i = 1; i < rule->to_count; i++)
        if (rule->to[i].who != rule->to[0].who)
            return rules_refuse(c, &source->to.item[i], "涉及个人的信息只发一个地区，“%s”是第二个",
                                "a kind with persons goes to one region; \"%s\" is a second", source->to.item[i].text);
    return WIRE_OK;
}

static enum wire_status compile_form(struct rules_compiling *c, struct rules_rule *rule)
{
    const struct rules_word *word = &c->rule->form;
    rule->sealed = rule->persons;
    if (word->text == NULL)
        return WIRE_OK;
    bool sealed = strcmp(word->text, "sealed") == 0 || strcmp(word->text, "加密") == 0;
    if (!sealed && strcmp(word->text, "clear") != 0 && strcmp(word->text, "不加密") != 0)
        return rules_refuse(c, word, "“%s”应为 sealed 或 clear", "\"%s\" should be sealed or clear", word->text);
    if (sealed && !rule->persons)
        return rules_refuse(c, word, "“%s”：不涉及个人的信息不加密", "\"%s\": kinds without persons are not sealed",
                            word->text);
    rule->sealed = sealed;
    return WIRE_OK;
}

static enum wire_status compile_terms(struct rules_compiling *c, struct rules_rule *rule)
{
    const struct rules_word *words[] = {&c->rule->sign_for, &c->rule->first_feedback, &c->rule->close};
    uint32_t before = 0;
    for (size_t i = 0; i < WIRE_TERMS_MAX; i++) {
        if (words[i]->text == NULL)
            continue;
        struct rules_term *term = &rule->term[rule->term_count];
        term->duty = (Wire__Duty)(WIRE__DUTY__SIGN_FOR + (int)i);
        if (!rules_parse_term(words[i]->text, term))
            return rules_refuse(c, words[i], "“%s”应写成“30 min, D”“4 h, D, office hours”或“due, S”",
                                "\"%s\" should be \"30 min, D\", \"4 h, D, office hours\" or \"due, S\"",
                                words[i]->text);
        if (!term->by_due && term->minutes < before)
            return rules_refuse(c, words[i], "“%s”早于前一时限", "\"%s\" is before the term above it", words[i]->text);
        before = term->by_due ? before : term->minutes;
        rule->term_count++;
    }
    return WIRE_OK;
}

static enum wire_status compile_manner(struct rules_compiling *c, struct rules_rule *rule)
{
    const struct rules_source_rule *source = c->rule;
    if (source->lane.text == NULL || !rules_parse_lanes(source->lane.text, &rule->lane, rule->lane_by_urgency))
        return rules_refuse(c, source->lane.text == NULL ? &source->name : &source->lane,
                            "通道“%s”应写成“routine”或“routine, urgent when immediate”",
                            "lane \"%s\" should be \"routine\" or \"routine, urgent when immediate\"",
                            source->lane.text == NULL ? "" : source->lane.text);
    if (source->keep.text == NULL || !rules_parse_keep(source->keep.text, &rule->keep))
        return rules_refuse(c, source->keep.text == NULL ? &source->name : &source->keep,
                            "保存期“%s”应写成“R60, S”“14 d, D”或“10 y, D”",
                            "keep \"%s\" should be \"R60, S\", \"14 d, D\" or \"10 y, D\"",
                            source->keep.text == NULL ? "" : source->keep.text);
    if (rule->persons && rule->keep.how == RULES_KEEP_YEARS)
        return rules_refuse(c, &source->keep, "涉及个人的信息不得保存“%s”", "a kind with persons is not kept \"%s\"",
                            source->keep.text);
    if (source->route_source.text != NULL && !rules_parse_source(source->route_source.text, &rule->source))
        return rules_refuse(c, &source->route_source, "来源“%s”应为 S、L、P、D 之一",
                            "source \"%s\" should be S, L, P or D", source->route_source.text);
    if (source->highest_first.text != NULL)
        rule->highest_first = strcmp(source->highest_first.text, "true") == 0;
    return WIRE_OK;
}

/* Some member or liaison lies outside the mainland's jurisdiction. */
static bool crosses_border(const struct rules_mechanism *m)
{
    for (size_t i = 0; i < m->member_count; i++)
        if (m->member[i] / 10000 == 71 || m->member[i] / 10000 == 81 || m->member[i] / 10000 == 82)
            return true;
    return false;
}

enum wire_status rules_compile_rule(struct rules_compiling *c, const struct rules_mechanism *m, struct rules_rule *rule)
{
    const struct rules_source_rule *source = c->rule;
    enum wire_status status = compile_name(c, m, rule);
    if (status == WIRE_OK)
        status = compile_rule_kinds(c, rule);
    if (status == WIRE_OK)
        status = compile_form(c, rule);
    if (status == WIRE_OK)
        status = compile_selectors(c, m, rule, &source->from, FROM, &rule->from);
    if (status == WIRE_OK)
        status = compile_selectors(c, m, rule, &source->to, TO, &rule->to);
    if (status == WIRE_OK && !(rule->persons && source->cc.count > 0))
        status = compile_selectors(c, m, rule, &source->cc, CC, &rule->cc);
    if (status != WIRE_OK)
        return status;
    rule->from_count = source->from.count;
    rule->to_count = source->to.count;
    rule->cc_count = source->cc.count;
    status = check_persons(c, rule);
    if (status == WIRE_OK)
        status = compile_terms(c, rule);
    if (status == WIRE_OK)
        status = compile_manner(c, rule);
    if (status == WIRE_OK)
        status = rules_compile_period(c, &source->from_time, &source->until_time, &rule->from_ms, &rule->until_ms);
    rule->off = rule->persons && crosses_border(m) && m->assessment == NULL;
    return status;
}
