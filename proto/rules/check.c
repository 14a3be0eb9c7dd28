#include "rules/check.h"
#include "rules/phrase.h"
#include "rules/tables.h"
#include "wire/kind.h"
#include "wire/region.h"
#include <stdarg.h>
#include <stdio.h>

/* What is found goes to a list, to a text, or is only counted. */
struct findings {
    const struct rules_policy *policy;
    struct rules_finding *list;
    size_t size, count, warnings;
    struct wire_text *out; /* NULL: no text */
    enum wire_language language;
    uint32_t mechanism, rule;
};

static void write_line(const struct findings *f, const struct rules_finding *finding)
{
    const struct rules_mechanism *m = &f->policy->mechanism[finding->mechanism];
    const struct rules_rule *rule = rules_rule_at(m, finding->rule);
    wire_text_format(f->out, "%s:%u: ", m->file, rule == NULL ? 1u : (unsigned)rule->line);
    wire_text_string(f->out, finding->grade == RULES_WARNING ? rules_pick(f->language, "警告：", "warning: ")
                                                             : rules_pick(f->language, "提示：", "note: "));
    wire_text_format(f->out, "%s%s%s: ", m->id, rule == NULL ? "" : " / ", rule == NULL ? "" : rule->name);
    wire_text_format(f->out, "%s\n", rules_pick(f->language, finding->zh, finding->en));
}

static void find(struct findings *f, enum rules_grade grade, const char *zh, const char *en, ...)
    __attribute__((format(printf, 3, 5), format(printf, 4, 5)));
static void find(struct findings *f, enum rules_grade grade, const char *zh, const char *en, ...)
{
    struct rules_finding finding = {.grade = grade, .mechanism = f->mechanism, .rule = f->rule};
    va_list arguments;
    va_start(arguments, en);
    vsnprintf(finding.zh, sizeof finding.zh, zh, arguments);
    va_end(arguments);
    va_start(arguments, en);
    vsnprintf(finding.en, sizeof finding.en, en, arguments);
    va_end(arguments);
    if (f->count < f->size)
        f->list[f->count] = finding;
    if (f->out != NULL)
        write_line(f, &finding);
    f->count++;
    f->warnings += grade == RULES_WARNING;
}

static void check_terms(struct findings *f, const struct rules_rule *rule)
{
    bool sign_for = false;
    unsigned defaults = 0;
    for (size_t i = 0; i < rule->term_count; i++) {
        sign_for |= rule->term[i].duty == WIRE__DUTY__SIGN_FOR;
        defaults += rule->term[i].source == 'D';
    }
    if (defaults > 0)
        find(f, RULES_NOTE, "%u 项时限为本系统默认值，须由秘书确认",
             "%u terms are defaults that the secretary must sign", defaults);
    if (!sign_for)
        find(f, RULES_WARNING, "没有签收时限：送达后无人负责%.0s", "no term to sign for: nobody answers for it%.0s",
             "");
}

static void check_rule(struct findings *f, const struct rules_mechanism *m, const struct rules_rule *rule)
{
    f->rule = rule->number;
    check_terms(f, rule);
    if (rule->off)
        find(f, RULES_WARNING, "未启用：没有数据出境安全评估编号%.0s", "off: no cross-border assessment number%.0s",
             "");
    if (rule->from_ms >= m->until_ms || rule->until_ms <= m->from_ms)
        find(f, RULES_WARNING, "规则的有效期在机制之外，永不适用%.0s",
             "in force only outside its mechanism: never used%.0s", "");
    for (size_t i = 0; i < rule->cc_count; i++)
        for (size_t j = 0; j < rule->to_count; j++)
            if (rule->cc[i].who == rule->to[j].who && rule->cc[i].region == rule->to[j].region)
                find(f, RULES_NOTE, "第 %d 项抄送已在主送之内", "copy %d is among those it is sent to", (int)i + 1);
    for (size_t i = 0; i < rule->to_count + rule->cc_count; i++) {
        const struct rules_selector *to = i < rule->to_count ? &rule->to[i] : &rule->cc[i - rule->to_count];
        if (to->who == RULES_REGION && !rules_listed(m->member, m->member_count, to->region) &&
            rules_liaison_find(m, to->region) == NULL)
            find(f, RULES_NOTE, "%06u 不是成员，只因规则点名而收到", "%06u is no member and gets it by this rule alone",
                 (unsigned)to->region);
    }
}

static void check_liaisons(struct findings *f, const struct rules_mechanism *m)
{
    f->rule = 0;
    for (size_t i = 0; i < m->liaison_count; i++)
        for (size_t k = 0; k < m->liaison[i].kind_count; k++) {
            bool used = false;
            for (size_t r = 0; r < m->rule_count; r++)
                for (size_t n = 0; n < m->rule[r].kind_count; n++)
                    for (size_t s = 0; s < m->rule[r].from_count; s++)
                        used |= m->rule[r].kind[n] == m->liaison[i].kind[k] &&
                                (m->rule[r].from[s].who == RULES_LIAISONS ||
                                 m->rule[r].from[s].region == m->liaison[i].region);
            if (!used)
                find(f, RULES_WARNING, "联络方 %06u 可发 %s，但没有规则让它发",
                     "liaison %06u may send %s, but no rule lets it", (unsigned)m->liaison[i].region,
                     wire_kind_find(m->liaison[i].kind[k])->name);
        }
}

static void check_desks(struct findings *f, const struct rules_mechanism *m)
{
    f->rule = 0;
    for (size_t i = 0; i < m->seat_count; i++) {
        bool inside = false;
        for (uint32_t at = m->seat[i].region; at != 0; at = wire_region_upper(at))
            inside |= rules_listed(m->member, m->member_count, at);
        if (!inside)
            find(f, RULES_WARNING, "办事机构所在的 %06u 不属于任何成员", "the seat in %06u lies in no member",
                 (unsigned)m->seat[i].region);
    }
}

static void check_pairs(struct findings *f, const struct rules_mechanism *m)
{
    bool used = false;
    f->rule = 0;
    for (size_t r = 0; r < m->rule_count; r++)
        for (size_t i = 0; i < m->rule[r].to_count; i++)
            used |= m->rule[r].to[i].who == RULES_PAIRED;
    if (m->pair_count > 0 && !used)
        find(f, RULES_WARNING, "有对口支援表，但没有规则用到%.0s", "a paired table that no rule uses%.0s", "");
    for (size_t i = 0; i < m->pair_count; i++)
        for (size_t k = 0; k < m->pair[i].with_count; k++)
            if (!rules_listed(m->member, m->member_count, m->pair[i].with[k]))
                find(f, RULES_WARNING, "对口支援 %06u 的 %06u 不是成员", "paired with %06u, %06u is no member",
                     (unsigned)m->pair[i].city, (unsigned)m->pair[i].with[k]);
}

static void check_all(struct findings *f)
{
    for (uint32_t i = 0; i < f->policy->count; i++) {
        const struct rules_mechanism *m = &f->policy->mechanism[i];
        f->mechanism = i;
        check_desks(f, m);
        check_liaisons(f, m);
        check_pairs(f, m);
        for (size_t r = 0; r < m->rule_count; r++)
            check_rule(f, m, &m->rule[r]);
    }
}

size_t rules_check(const struct rules_policy *policy, struct rules_finding *findings, size_t size)
{
    struct findings f = {.policy = policy, .list = findings, .size = size};
    check_all(&f);
    return f.count;
}

size_t rules_check_text(struct wire_text *out, const struct rules_policy *policy, enum wire_language language)
{
    struct findings f = {.policy = policy, .out = out, .language = language};
    check_all(&f);
    wire_text_format(
        out,
        rules_pick(language, "%zu 个机制，%zu 项警告，%zu 项提示。\n", "%zu mechanisms, %zu warnings, %zu notes.\n"),
        policy->count, f.warnings, f.count - f.warnings);
    return f.warnings;
}
