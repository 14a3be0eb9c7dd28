#include "rules/explain.h"
#include "rules/phrase.h"
#include "rules/words.h"
#include "wire/time.h"

static void labelled(struct wire_text *out, const char *zh, const char *en, enum wire_language language)
{
    wire_text_format(out, rules_pick(language, "    %s：", "    %s: "), rules_pick(language, zh, en));
}

static void moment(struct wire_text *out, int64_t ms)
{
    char text[WIRE_TIME_TEXT];
    wire_text_string(out, wire_time_text(ms, text));
}

static void period(struct wire_text *out, int64_t from_ms, int64_t until_ms, enum wire_language language)
{
    if (from_ms != INT64_MIN) {
        wire_text_string(out, rules_pick(language, "自 ", "from "));
        moment(out, from_ms);
    }
    if (until_ms != INT64_MAX) {
        wire_text_string(out, rules_pick(language, from_ms != INT64_MIN ? " 起至 " : "至 ",
                                         from_ms != INT64_MIN ? " until " : "until "));
        moment(out, until_ms);
    } else if (from_ms != INT64_MIN) {
        wire_text_string(out, rules_pick(language, " 起", ""));
    }
}

static void lanes(struct wire_text *out, const struct rules_rule *rule, enum wire_language language)
{
    labelled(out, "通道", "lane", language);
    wire_text_string(out, rules_say(rules_lane_spelling(rule->lane), language));
    for (int i = 0; i < 5; i++) {
        if (rule->lane_by_urgency[i] == rule->lane)
            continue;
        const char *urgency = rules_say(rules_urgency_spelling((Wire__Urgency)i), language);
        const char *lane = rules_say(rules_lane_spelling(rule->lane_by_urgency[i]), language);
        if (language == WIRE_CHINESE)
            wire_text_format(out, "；紧急性为“%s”时：%s", urgency, lane);
        else
            wire_text_format(out, "; %s when %s", lane, urgency);
    }
    wire_text_string(out, "\n");
}

static void terms(struct wire_text *out, const struct rules_rule *rule, enum wire_language language)
{
    labelled(out, "时限", "terms", language);
    for (size_t i = 0; i < rule->term_count; i++) {
        if (i > 0)
            wire_text_string(out, rules_pick(language, "；", "; "));
        rules_duty_text(out, &rule->term[i], language);
    }
    wire_text_string(out, rule->term_count == 0 ? rules_pick(language, "无\n", "none\n") : "\n");
}

void rules_rule_text(struct wire_text *out, const struct rules_mechanism *mechanism, const struct rules_rule *rule,
                     enum wire_language language)
{
    wire_text_format(out, rules_pick(language, "  规则 %u  %s（%s）\n", "  rule %u  %s (%s)\n"), (unsigned)rule->number,
                     rules_pick(language, rule->zh, rule->en), rule->name);
    labelled(out, "种类", "kinds", language);
    for (size_t i = 0; i < rule->kind_count; i++) {
        rules_comma(out, i, language);
        wire_text_string(out, rules_kind_name(rule->kind[i], language));
    }
    wire_text_string(out, "\n");
    labelled(out, "由谁发", "from", language);
    rules_selectors_text(out, rule->from, rule->from_count, language);
    wire_text_string(out, "\n");
    labelled(out, "主送", "to", language);
    rules_selectors_text(out, rule->to, rule->to_count, language);
    if (rule->highest_first)
        wire_text_string(out, rules_pick(language, "（从最高一级成员起）", " (the highest member first)"));
    wire_text_string(out, "\n");
    if (rule->cc_count > 0) {
        labelled(out, "抄送", "copy", language);
        rules_selectors_text(out, rule->cc, rule->cc_count, language);
        wire_text_string(out, "\n");
    }
    lanes(out, rule, language);
    terms(out, rule, language);
    labelled(out, "保存", "kept", language);
    rules_keep_text(out, &rule->keep, language);
    wire_text_string(out, rule->sealed ? rules_pick(language, "；加密\n", "; sealed\n")
                                       : rules_pick(language, "；不加密\n", "; clear\n"));
    if (rule->from_ms != INT64_MIN || rule->until_ms != INT64_MAX) {
        labelled(out, "生效", "in force", language);
        period(out, rule->from_ms, rule->until_ms, language);
        wire_text_string(out, "\n");
    }
    if (rule->off)
        wire_text_string(out,
                         rules_pick(language, "    未启用：本机制有境外成员，文件中没有数据出境安全评估编号\n",
                                    "    off: a member lies across the border and no assessment number is stated\n"));
    (void)mechanism;
}

static void regions(struct wire_text *out, const struct rules_mechanism *m, enum wire_language language)
{
    wire_text_format(out, rules_pick(language, "  成员 %zu 个：", "  %zu members: "), m->member_count);
    for (size_t i = 0; i < m->member_count; i++) {
        rules_comma(out, i, language);
        rules_region_text(out, m->member[i]);
    }
    wire_text_string(out, "\n");
    for (size_t i = 0; i < m->liaison_count; i++) {
        wire_text_string(out, rules_pick(language, "  联络方：", "  liaison: "));
        rules_region_text(out, m->liaison[i].region);
        wire_text_string(out, rules_pick(language, "，可发：", ", may send: "));
        for (size_t k = 0; k < m->liaison[i].kind_count; k++) {
            rules_comma(out, k, language);
            wire_text_string(out, rules_kind_name(m->liaison[i].kind[k], language));
        }
        wire_text_string(out, "\n");
    }
}

static void desks(struct wire_text *out, const struct rules_mechanism *m, enum wire_language language)
{
    if (m->coordinator_region != 0) {
        wire_text_string(out, rules_pick(language, "  牵头方：", "  coordinator: "));
        rules_region_text(out, m->coordinator_region);
        wire_text_format(out, " %s\n", rules_unit_name(m->coordinator_unit, language));
    }
    for (size_t i = 0; i < m->seat_count; i++) {
        wire_text_string(out, rules_pick(language, "  办事机构", "  seat"));
        if (m->seat[i].kind != 0)
            wire_text_format(out, rules_pick(language, "（%s）", " (%s)"), rules_kind_name(m->seat[i].kind, language));
        wire_text_string(out, rules_pick(language, "：", ": "));
        rules_region_text(out, m->seat[i].region);
        wire_text_format(out, " %s\n", rules_unit_name(m->seat[i].unit, language));
    }
    for (size_t i = 0; i < m->pair_count; i++) {
        wire_text_string(out, rules_pick(language, "  对口支援 ", "  paired aid "));
        rules_region_text(out, m->pair[i].city);
        wire_text_string(out, rules_pick(language, "：", ": "));
        for (size_t k = 0; k < m->pair[i].with_count; k++) {
            rules_comma(out, k, language);
            rules_region_text(out, m->pair[i].with[k]);
        }
        wire_text_string(out, rules_pick(language, "，", ", "));
        period(out, m->pair[i].from_ms, m->pair[i].until_ms, language);
        wire_text_string(out, "\n");
    }
}

void rules_mechanism_text(struct wire_text *out, const struct rules_mechanism *mechanism, enum wire_language language)
{
    wire_text_format(out, rules_pick(language, "%s（%s）", "%s (%s)"),
                     rules_pick(language, mechanism->zh, mechanism->en), mechanism->id);
    if (mechanism->from_ms != INT64_MIN || mechanism->until_ms != INT64_MAX) {
        wire_text_string(out, rules_pick(language, "，", ", "));
        period(out, mechanism->from_ms, mechanism->until_ms, language);
    }
    wire_text_string(out, "\n");
    regions(out, mechanism, language);
    desks(out, mechanism, language);
    for (size_t i = 0; i < mechanism->rule_count; i++)
        rules_rule_text(out, mechanism, &mechanism->rule[i], language);
    wire_text_string(out,
                     rules_pick(language, "  签收和反馈按规则自带：回复来件发起方，走来件的通道。\n",
                                "  Acknowledgements and outcomes are implied: to the origin, in the lane of what they "
                                "answer.\n"));
}
