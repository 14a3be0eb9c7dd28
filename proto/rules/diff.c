#include "rules/diff.h"
#include "rules/explain.h"
#include "rules/phrase.h"
#include "rules/tables.h"
#include "rules/words.h"
#include "wire/time.h"
#include <string.h>

struct diff {
    struct wire_text *out;
    enum wire_language language;
    size_t count;
    const struct rules_mechanism *before, *after;
};

/* Starts a line of change: "+ ", "- " or "~ ", the mechanism, and says it counts. */
static void change(struct diff *d, char sign, const char *zh, const char *en)
{
    d->count++;
    wire_text_format(d->out, "%c %s: %s", sign, (d->after != NULL ? d->after : d->before)->id,
                     rules_pick(d->language, zh, en));
}

static void end(struct diff *d)
{
    wire_text_string(d->out, "\n");
}

static void arrow(struct diff *d)
{
    wire_text_string(d->out, rules_pick(d->language, " 改为 ", " becomes "));
}

static void moment(struct diff *d, int64_t ms)
{
    char text[WIRE_TIME_TEXT];
    if (ms == INT64_MIN || ms == INT64_MAX)
        wire_text_string(d->out, rules_pick(d->language, "不限", "open"));
    else
        wire_text_string(d->out, wire_time_text(ms, text));
}

static void diff_moment(struct diff *d, const char *zh, const char *en, int64_t before, int64_t after)
{
    if (before == after)
        return;
    change(d, '~', zh, en);
    moment(d, before);
    arrow(d);
    moment(d, after);
    end(d);
}

static void diff_text(struct diff *d, const char *zh, const char *en, const char *before, const char *after)
{
    const char *x = before == NULL ? "" : before, *y = after == NULL ? "" : after;
    if (strcmp(x, y) == 0)
        return;
    change(d, '~', zh, en);
    wire_text_format(d->out, "\"%s\"", x);
    arrow(d);
    wire_text_format(d->out, "\"%s\"", y);
    end(d);
}

static void diff_regions(struct diff *d, char sign, const char *zh, const char *en, const uint32_t *list, size_t count,
                         const uint32_t *other, size_t other_count)
{
    for (size_t i = 0; i < count; i++) {
        if (rules_listed(other, other_count, list[i]))
            continue;
        change(d, sign, zh, en);
        rules_region_text(d->out, list[i]);
        end(d);
    }
}

/* Two texts made by one writer are compared as texts; what reads alike is alike. */
enum { PIECE_BYTES = 2048 };

static void diff_pieces(struct diff *d, const char *zh, const char *en, const char *before, const char *after)
{
    if (strcmp(before, after) == 0)
        return;
    change(d, '~', zh, en);
    wire_text_string(d->out, before[0] == '\0' ? rules_pick(d->language, "无", "none") : before);
    arrow(d);
    wire_text_string(d->out, after[0] == '\0' ? rules_pick(d->language, "无", "none") : after);
    end(d);
}

typedef void piece_writer(struct wire_text *out, const struct rules_rule *rule, enum wire_language language);

static void write_kinds(struct wire_text *out, const struct rules_rule *rule, enum wire_language language)
{
    for (size_t i = 0; i < rule->kind_count; i++) {
        rules_comma(out, i, language);
        wire_text_string(out, rules_kind_name(rule->kind[i], language));
    }
}

static void write_from(struct wire_text *out, const struct rules_rule *rule, enum wire_language language)
{
    rules_selectors_text(out, rule->from, rule->from_count, language);
}

static void write_to(struct wire_text *out, const struct rules_rule *rule, enum wire_language language)
{
    rules_selectors_text(out, rule->to, rule->to_count, language);
    if (rule->highest_first)
        wire_text_string(out, rules_pick(language, "（从最高一级起）", " (highest first)"));
}

static void write_cc(struct wire_text *out, const struct rules_rule *rule, enum wire_language language)
{
    rules_selectors_text(out, rule->cc, rule->cc_count, language);
}

static void write_lane(struct wire_text *out, const struct rules_rule *rule, enum wire_language language)
{
    wire_text_string(out, rules_say(rules_lane_spelling(rule->lane), language));
    for (int i = 0; i < 5; i++)
        if (rule->lane_by_urgency[i] != rule->lane)
            wire_text_format(out, rules_pick(language, "，%s时%s", ", when %s %s"),
                             rules_say(rules_urgency_spelling((Wire__Urgency)i), language),
                             rules_say(rules_lane_spelling(rule->lane_by_urgency[i]), language));
}

static void write_terms(struct wire_text *out, const struct rules_rule *rule, enum wire_language language)
{
    for (size_t i = 0; i < rule->term_count; i++) {
        rules_comma(out, i, language);
        rules_duty_text(out, &rule->term[i], language);
    }
}

static void write_keep(struct wire_text *out, const struct rules_rule *rule, enum wire_language language)
{
    rules_keep_text(out, &rule->keep, language);
}

static void write_off(struct wire_text *out, const struct rules_rule *rule, enum wire_language language)
{
    wire_text_string(out, rule->off ? rules_pick(language, "未启用", "off") : rules_pick(language, "启用", "on"));
}

static const struct {
    const char *zh, *en;
    piece_writer *write;
} pieces[] = {
    {"种类", "kinds", write_kinds}, {"由谁发", "from", write_from}, {"主送", "to", write_to},
    {"抄送", "copy", write_cc},     {"通道", "lane", write_lane},   {"时限", "terms", write_terms},
    {"保存", "kept", write_keep},   {"状态", "state", write_off},
};

static void diff_rule(struct diff *d, const struct rules_rule *before, const struct rules_rule *after)
{
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        char x[PIECE_BYTES] = "", y[PIECE_BYTES] = "", zh[128] = "", en[128] = "";
        struct wire_text old = {.data = x, .capacity = sizeof x}, new = {.data = y, .capacity = sizeof y};
        struct wire_text label_zh = {.data = zh, .capacity = sizeof zh}, label_en = {.data = en, .capacity = sizeof en};
        pieces[i].write(&old, before, d->language);
        pieces[i].write(&new, after, d->language);
        wire_text_format(&label_zh, "规则 %s 的%s：", after->name, pieces[i].zh);
        wire_text_format(&label_en, "rule %s, %s: ", after->name, pieces[i].en);
        diff_pieces(d, zh, en, x, y);
    }
    diff_moment(d, "规则生效：", "rule in force from: ", before->from_ms, after->from_ms);
    diff_moment(d, "规则失效：", "rule in force until: ", before->until_ms, after->until_ms);
}

static const struct rules_rule *rule_named(const struct rules_mechanism *m, const char *name)
{
    for (size_t i = 0; i < m->rule_count; i++)
        if (strcmp(m->rule[i].name, name) == 0)
            return &m->rule[i];
    return NULL;
}

static void diff_rules(struct diff *d)
{
    for (size_t i = 0; i < d->before->rule_count; i++)
        if (rule_named(d->after, d->before->rule[i].name) == NULL) {
            change(d, '-', "删去规则", "rule dropped");
            wire_text_string(d->out, "\n");
            rules_rule_text(d->out, d->before, &d->before->rule[i], d->language);
        }
    for (size_t i = 0; i < d->after->rule_count; i++) {
        const struct rules_rule *before = rule_named(d->before, d->after->rule[i].name);
        if (before != NULL) {
            diff_rule(d, before, &d->after->rule[i]);
            continue;
        }
        change(d, '+', "新增规则", "rule added");
        wire_text_string(d->out, "\n");
        rules_rule_text(d->out, d->after, &d->after->rule[i], d->language);
    }
}

static void write_liaisons(struct wire_text *out, const struct rules_mechanism *m, enum wire_language language)
{
    for (size_t i = 0; i < m->liaison_count; i++) {
        rules_comma(out, i, language);
        rules_region_text(out, m->liaison[i].region);
        for (size_t k = 0; k < m->liaison[i].kind_count; k++)
            wire_text_format(out, "%s%s", k == 0 ? " " : "+", rules_kind_name(m->liaison[i].kind[k], language));
    }
}

static void write_desks(struct wire_text *out, const struct rules_mechanism *m, enum wire_language language)
{
    if (m->coordinator_region != 0)
        wire_text_format(out, "%06u/%s; ", (unsigned)m->coordinator_region, wire_unit_id(m->coordinator_unit));
    for (size_t i = 0; i < m->seat_count; i++) {
        rules_comma(out, i, language);
        if (m->seat[i].kind != 0)
            wire_text_format(out, "%s ", rules_kind_name(m->seat[i].kind, language));
        wire_text_format(out, "%06u/%s", (unsigned)m->seat[i].region, wire_unit_id(m->seat[i].unit));
    }
}

static void diff_pairs(struct diff *d, char sign, const struct rules_mechanism *m, const struct rules_mechanism *other)
{
    for (size_t i = 0; i < m->pair_count; i++) {
        const struct rules_pair *pair = &m->pair[i];
        bool same = false;
        for (size_t j = 0; j < other->pair_count; j++)
            same |= other->pair[j].city == pair->city && other->pair[j].from_ms == pair->from_ms &&
                    other->pair[j].until_ms == pair->until_ms && other->pair[j].with_count == pair->with_count &&
                    memcmp(other->pair[j].with, pair->with, pair->with_count * sizeof *pair->with) == 0;
        if (same)
            continue;
        change(d, sign, "对口支援 ", "paired aid ");
        rules_region_text(d->out, pair->city);
        for (size_t k = 0; k < pair->with_count; k++) {
            wire_text_string(d->out, k == 0 ? " - " : ", ");
            rules_region_text(d->out, pair->with[k]);
        }
        end(d);
    }
}

static void diff_mechanism(struct diff *d)
{
    char x[PIECE_BYTES] = "", y[PIECE_BYTES] = "";
    const struct rules_mechanism *b = d->before, *a = d->after;
    diff_text(d, "中文名：", "Chinese name: ", b->zh, a->zh);
    diff_text(d, "英文名：", "English name: ", b->en, a->en);
    diff_text(d, "出境评估编号：", "assessment number: ", b->assessment, a->assessment);
    diff_moment(d, "生效：", "in force from: ", b->from_ms, a->from_ms);
    diff_moment(d, "失效：", "in force until: ", b->until_ms, a->until_ms);
    diff_regions(d, '-', "成员退出：", "member leaves: ", b->member, b->member_count, a->member, a->member_count);
    diff_regions(d, '+', "新成员：", "new member: ", a->member, a->member_count, b->member, b->member_count);
    struct wire_text old = {.data = x, .capacity = sizeof x}, new = {.data = y, .capacity = sizeof y};
    write_liaisons(&old, b, d->language);
    write_liaisons(&new, a, d->language);
    diff_pieces(d, "联络方：", "liaisons: ", x, y);
    x[0] = y[0] = '\0';
    old = (struct wire_text){.data = x, .capacity = sizeof x};
    new = (struct wire_text){.data = y, .capacity = sizeof y};
    write_desks(&old, b, d->language);
    write_desks(&new, a, d->language);
    diff_pieces(d, "牵头方和办事机构：", "coordinator and seats: ", x, y);
    diff_pairs(d, '-', b, a);
    diff_pairs(d, '+', a, b);
    diff_rules(d);
}

static void whole(struct diff *d, char sign, const char *zh, const char *en, const struct rules_mechanism *m)
{
    d->before = d->after = m;
    change(d, sign, zh, en);
    end(d);
    rules_mechanism_text(d->out, m, d->language);
}

size_t rules_diff_text(struct wire_text *out, const struct rules_policy *before, const struct rules_policy *after,
                       enum wire_language language)
{
    struct diff d = {.out = out, .language = language};
    for (uint32_t i = 0; i < before->count; i++)
        if (rules_policy_find(after, before->mechanism[i].id) == RULES_NONE)
            whole(&d, '-', "机制取消", "mechanism dropped", &before->mechanism[i]);
    for (uint32_t i = 0; i < after->count; i++) {
        uint32_t old = rules_policy_find(before, after->mechanism[i].id);
        d.after = &after->mechanism[i];
        d.before = old == RULES_NONE ? NULL : &before->mechanism[old];
        if (old == RULES_NONE)
            whole(&d, '+', "新机制", "new mechanism", &after->mechanism[i]);
        else
            diff_mechanism(&d);
    }
    if (d.count == 0)
        wire_text_string(out, rules_pick(language, "没有变化。\n", "Nothing changes.\n"));
    else
        wire_text_format(out, rules_pick(language, "共 %zu 处变化。\n", "%zu changes.\n"), d.count);
    return d.count;
}
