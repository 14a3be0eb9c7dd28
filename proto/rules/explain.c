#include "rules/explain.h"
#include "rules/phrase.h"
#include "rules/words.h"
#include "wire/kind.h"
#include "wire/region.h"
#include <stdlib.h>
#include <string.h>

static void units(struct wire_text *out, uint16_t mask, uint8_t first, enum wire_language language)
{
    wire_text_string(out, rules_pick(language, "（", " ("));
    wire_text_string(out, rules_unit_name(first, language));
    for (uint32_t unit = 1; unit < WIRE_UNIT_END; unit++)
        if (unit != first && (mask >> unit & 1) != 0) {
            rules_comma(out, 1, language);
            wire_text_string(out, rules_unit_name(unit, language));
        }
    wire_text_string(out, rules_pick(language, "）", ")"));
}

static void recipients(struct wire_text *out, const char *label, const struct rules_recipient *list, size_t count,
                       enum wire_language language)
{
    wire_text_string(out, label);
    for (size_t i = 0; i < count; i++) {
        rules_comma(out, i, language);
        rules_region_text(out, list[i].region);
        units(out, list[i].units, list[i].unit, language);
    }
    wire_text_string(out, rules_pick(language, "。\n", ".\n"));
}

static void terms(struct wire_text *out, const struct rules_decision *d, enum wire_language language)
{
    if (d->term_count == 0) {
        wire_text_string(out, rules_pick(language, "时限：无，送达即可。\n", "Terms: none beyond its arrival.\n"));
        return;
    }
    wire_text_string(out, rules_pick(language, "时限（自送达起算）：", "Terms, from its arrival: "));
    for (size_t i = 0; i < d->term_count; i++) {
        if (i > 0)
            wire_text_string(out, rules_pick(language, "；", "; "));
        rules_duty_text(out, &d->term[i], language);
    }
    wire_text_string(out, rules_pick(language, "。\n", ".\n"));
}

static void opening(struct wire_text *out, const struct rules_question *q, enum wire_language language)
{
    if (q->status != WIRE__STATUS__ACTUAL)
        wire_text_format(out, rules_pick(language, "【%s】", "[%s] "),
                         rules_say(rules_status_spelling(q->status), language));
    wire_text_string(out, rules_kind_name(q->kind, language));
    if (q->action != WIRE__ACTION__ISSUE)
        wire_text_format(out, rules_pick(language, "（%s）", " (%s)"),
                         rules_say(rules_action_spelling(q->action), language));
    wire_text_string(out, rules_pick(language, "，由 ", ", from "));
    rules_region_text(out, q->issuer_region);
    wire_text_format(out, " %s", rules_unit_name(q->issuer_unit < WIRE_UNIT_END ? q->issuer_unit : 0, language));
    if (q->origin != q->issuer_region) {
        wire_text_string(out, rules_pick(language, " 经 ", " through the node "));
        rules_region_text(out, q->origin);
        wire_text_string(out, rules_pick(language, " 节点", ""));
    }
    wire_text_string(out, rules_pick(language, " 发出。\n", ".\n"));
}

static void by_which_rule(struct wire_text *out, const struct rules_policy *policy, const struct rules_decision *d,
                          enum wire_language language)
{
    const struct rules_mechanism *m = rules_policy_at(policy, d->mechanism);
    if (m == NULL)
        return;
    const struct rules_rule *rule = rules_rule_at(m, d->rule);
    wire_text_format(out, rules_pick(language, "依据：%s（%s）", "By: %s (%s)"), rules_pick(language, m->zh, m->en),
                     m->id);
    if (rule != NULL)
        wire_text_format(out, rules_pick(language, "，第 %u 条“%s”（%s，%s:%u）", ", rule %u \"%s\" (%s, %s:%u)"),
                         (unsigned)rule->number, rules_pick(language, rule->zh, rule->en), rule->name, m->file,
                         (unsigned)rule->line);
    else if (strcmp(d->rule_name, "reply") == 0)
        wire_text_string(
            out, rules_pick(language, "，答复回给发起方，各机制自带", ", an answer goes to the origin: implied"));
    else if (d->rule_name[0] != '\0')
        wire_text_string(out, rules_pick(language, "，更正随原件的收件方走", ", a correction follows its original"));
    wire_text_string(out, rules_pick(language, "。\n", ".\n"));
}

static void admitted(struct wire_text *out, const struct rules_decision *d, enum wire_language language)
{
    recipients(out, rules_pick(language, "主送：", "To: "), d->to, d->to_count, language);
    if (d->cc_count > 0)
        recipients(out, rules_pick(language, "抄送（不须办理）：", "Copied, owing nothing: "), d->cc, d->cc_count,
                   language);
    if (d->not_enrolled_count > 0) {
        wire_text_string(out, rules_pick(language, "未接入、收不到：", "Without a node, will not get it: "));
        for (size_t i = 0; i < d->not_enrolled_count; i++) {
            rules_comma(out, i, language);
            rules_region_text(out, d->not_enrolled[i]);
        }
        wire_text_string(out, rules_pick(language, "。请另行通知。\n", ". Tell them by other means.\n"));
    }
    wire_text_format(out, rules_pick(language, "通道：%s。\n", "Lane: %s.\n"),
                     rules_say(rules_lane_spelling(d->lane), language));
    terms(out, d, language);
    wire_text_string(out, d->sealed ? rules_pick(language, "内容加密，只有主送地区能打开。\n",
                                                 "Sealed: only the region it is sent to can open it.\n")
                                    : rules_pick(language, "内容不加密，不得含个人信息。\n",
                                                 "Not sealed: it must hold nothing about persons.\n"));
    wire_text_string(out, rules_pick(language, "最迟保存到 ", "Kept until "));
    rules_day_text(out, d->keep_until);
    wire_text_string(out, rules_pick(language, "，到期销毁内容。\n", " at the latest; then its content is erased.\n"));
    if (d->elsewhere != 0) {
        wire_text_string(out, rules_pick(language, "注意：按现行规则应发 ", "Note: the rules would now give it to "));
        rules_region_text(out, d->elsewhere);
        wire_text_string(out, rules_pick(language, "；更新只发原收件方，请另发一份新的。\n",
                                         "; an update goes to whoever has the original, so send them a new notice.\n"));
    }
}

struct remedy {
    enum wire_status status;
    const char *zh, *en;
};

/* What to do about it, for refusals where the status text alone leaves one standing there. */
static const struct remedy remedies[] = {
    {WIRE_NO_MECHANISM, "核对机制代号，或不填机制由系统选择。",
     "Check the mechanism's id, or name none and let it be chosen."},
    {WIRE_NOT_IN_FORCE, "换用现行机制，或请秘书延长期限。",
     "Use a mechanism in force, or ask the secretary to prolong it."},
    {WIRE_NOT_A_MEMBER, "只有成员可以发布；请由成员的节点代发。", "Only members publish; let a member's node send it."},
    {WIRE_NO_RULE, "由允许的单位发出，或请秘书增加规则。",
     "Send it from a unit that may, or ask the secretary for a rule."},
    {WIRE_ADDRESSEE_NOT_ALLOWED, "去掉该收件方，或换用允许它的机制。",
     "Leave this addressee out, or use a mechanism that allows it."},
    {WIRE_NOBODY_FOR, "请电话通知该地区，并报运维为其接入。",
     "Tell the region by telephone and the operator to enrol it."},
    {WIRE_NOBODY, "没有收件方接入；请电话通知。", "No recipient has a node; use the telephone."},
    {WIRE_NARROWER_EXISTS, "改用更小范围的机制；确需用本机制时写明理由。",
     "Use the narrower mechanism, or state why this one is needed."},
    {WIRE_ONE_REGION, "一份只写一个关联地区，多个地区分开发。",
     "Name exactly one region concerned; send one notice for each."},
    {WIRE_NOT_ISSUER, "该单位由别的节点代表。", "Another node speaks for that issuer."},
    {WIRE_WRONG_LANE, "通道由规则规定，不能自选。", "The rule sets the lane; it is not chosen."},
    {WIRE_KEEP_TOO_LONG, "缩短保存期。", "Keep it for a shorter time."},
    {WIRE_EXPIRED_TERM, "核对失效时间，重新发出。", "Check when it expires and send it anew."},
    {WIRE_NO_PARENT, "核对所答复或更正的编号；等原件的回执到后再发。",
     "Check the number it answers or corrects; wait for that one's receipt."},
    {WIRE_NOT_GIVEN, "只有收到来件的地区可以答复。", "Only a region that was given it can answer."},
    {WIRE_WRONG_STATUS, "改成与来件相同的状态（实际/演练/测试）。", "Give it the status of what it answers."},
};

static void refused(struct wire_text *out, const struct rules_decision *d, enum wire_language language)
{
    wire_text_format(out, rules_pick(language, "不能发出：%s（%s", "Refused: %s (%s"),
                     wire_status_text((uint32_t)d->verdict, language), wire_status_name((uint32_t)d->verdict));
    if (d->detail[0] != '\0') {
        uint32_t region = wire_region_parse(d->detail, strlen(d->detail));
        wire_text_string(out, " ");
        if (region != 0 && wire_region_find(region) != NULL)
            rules_region_text(out, region);
        else
            wire_text_string(out, d->detail);
    }
    wire_text_string(out, rules_pick(language, "）。\n", ").\n"));
    if (d->allowed[0] != '\0')
        wire_text_format(out, rules_pick(language, "可以：%s。\n", "Allowed: %s.\n"), d->allowed);
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++)
        if (remedies[i].status == d->verdict)
            wire_text_format(out, rules_pick(language, "办法：%s\n", "What to do: %s\n"),
                             rules_pick(language, remedies[i].zh, remedies[i].en));
}

void rules_explain_text(struct wire_text *out, const struct rules_policy *policy, const struct rules_question *question,
                        const struct rules_decision *decision, enum wire_language language)
{
    opening(out, question, language);
    by_which_rule(out, policy, decision, language);
    if (decision->verdict == WIRE_OK)
        admitted(out, decision, language);
    else
        refused(out, decision, language);
}

void rules_explain_line(struct wire_text *out, const struct rules_decision *decision, enum wire_language language)
{
    if (decision->verdict != WIRE_OK) {
        wire_text_format(out, rules_pick(language, "不能发出：%s", "refused: %s"),
                         wire_status_text((uint32_t)decision->verdict, language));
        if (decision->detail[0] != '\0')
            wire_text_format(out, rules_pick(language, "（%s）", " (%s)"), decision->detail);
        return;
    }
    wire_text_string(out, rules_pick(language, "发往 ", "to "));
    for (size_t i = 0; i < decision->to_count; i++) {
        const struct wire_region *region = wire_region_find(decision->to[i].region);
        rules_comma(out, i, language);
        wire_text_string(out, region == NULL ? "?" : region->name);
    }
    wire_text_format(out, rules_pick(language, "，%s", "; %s"),
                     rules_say(rules_lane_spelling(decision->lane), language));
    if (decision->term_count == 0)
        return;
    const char *duty = rules_say(rules_duty_spelling(decision->term[0].duty), language);
    wire_text_string(out, rules_pick(language, "，", "; "));
    if (language == WIRE_ENGLISH)
        wire_text_format(out, "%s within ", duty);
    rules_term_text(out, &decision->term[0], language);
    if (language == WIRE_CHINESE)
        wire_text_format(out, "内%s", duty);
}
