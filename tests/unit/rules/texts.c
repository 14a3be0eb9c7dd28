/* What people read: explain, check, diff. */
#include "policies.h"
#include "rules/check.h"
#include "rules/diff.h"
#include "rules/explain.h"
#include "wire/kind.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(rules_texts);

static bool not_anhui(void *context, uint32_t adcode)
{
    (void)context;
    return adcode != 340000;
}

static struct rules_question notice(void)
{
    static const uint32_t concerns[] = {320500};
    return (struct rules_question){
        .origin = 310000,
        .issuer_region = 310000,
        .issuer_unit = WIRE_UNIT_CDC,
        .kind = WIRE_KIND_CONTACT_NOTICE,
        .concerns = concerns,
        .concerns_count = 1,
        .created_ms = 1581134400000,
        .now_ms = 1581134400000,
        .preview = true,
        .enrolled = not_anhui,
    };
}

static void expect_texts(const char *got, const char *const *pieces)
{
    for (; *pieces != NULL; pieces++)
        cr_expect(strstr(got, *pieces) != NULL, "\"%s\" is not in:\n%s", *pieces, got);
}

static void expect_explained(const struct rules_question *q, enum wire_language language, const char *const *pieces)
{
    struct rules_policy *policy = policy_of_project();
    struct rules_decision d;
    struct wire_text out = growing_text();
    rules_decide(policy, q, &d);
    rules_explain_text(&out, policy, q, &d, language);
    expect_texts(out.data, pieces);
    free(out.data);
    link_policy_free(&policy);
}

Test(rules_texts, why_a_notice_goes_where_it_goes)
{
    struct rules_question q = notice();
    expect_explained(&q, WIRE_CHINESE,
                     (const char *const[]){"密接协查，由 310000 上海市 疾控中心 发出。", "长三角", "密接协查发关联地区",
                                           "主送：320000 江苏省（疾控中心、指挥部）。", "通道：加急。",
                                           "30 分钟内签收（本系统默认值）；12 小时内首次反馈", "内容加密",
                                           "最迟保存到 2020-04-08", NULL});
    expect_explained(&q, WIRE_ENGLISH,
                     (const char *const[]){"yangtze-delta", "yangtze-delta.yaml:", "To: 320000 江苏省 (CDC, Command).",
                                           "Lane: urgent.", "sign for within 30 min (a default of this installation)",
                                           "Sealed", "Kept until 2020-04-08", NULL});
}

Test(rules_texts, why_it_does_not_go)
{
    struct rules_question q = notice();
    static const uint32_t anhui[] = {340100};
    q.concerns = anhui;
    expect_explained(&q, WIRE_CHINESE,
                     (const char *const[]){"不能发出：该地区无已接入节点（nobody-for 340100 合肥市）", "办法：", NULL});
    q.issuer_unit = WIRE_UNIT_COMMERCE;
    q.mechanism = "yangtze-delta";
    expect_explained(
        &q, WIRE_ENGLISH,
        (const char *const[]){"Refused: no rule allows this kind from this unit (no-rule contact-notice from "
                              "commerce)",
                              "Allowed: from members/cdc.", "What to do:", NULL});
}

Test(rules_texts, who_is_left_out)
{
    struct rules_question q = notice();
    q.kind = WIRE_KIND_MEASURE_BULLETIN;
    q.issuer_unit = WIRE_UNIT_COMMAND;
    q.concerns_count = 0;
    q.status = WIRE__STATUS__EXERCISE;
    expect_explained(&q, WIRE_CHINESE, (const char *const[]){"【演练】", "未接入、收不到：340000 安徽省", NULL});
}

Test(rules_texts, one_line)
{
    struct rules_policy *policy = policy_of_project();
    struct rules_question q = notice();
    struct rules_decision d;
    struct wire_text out = growing_text();
    rules_decide(policy, &q, &d);
    rules_explain_line(&out, &d, WIRE_CHINESE);
    wire_text_string(&out, "|");
    rules_explain_line(&out, &d, WIRE_ENGLISH);
    cr_expect_str_eq(out.data, "发往 江苏省，加急，30 分钟内签收|to 江苏省; urgent; sign for within 30 min");
    free(out.data);
    link_policy_free(&policy);
}

Test(rules_texts, the_projects_mechanisms_read_aloud)
{
    struct rules_policy *policy = policy_of_project();
    for (uint32_t i = 0; i < rules_policy_count(policy); i++)
        for (int language = WIRE_CHINESE; language <= WIRE_ENGLISH; language++) {
            struct wire_text out = growing_text();
            rules_mechanism_text(&out, rules_policy_at(policy, i), (enum wire_language)language);
            cr_expect(strstr(out.data, rules_policy_at(policy, i)->id) != NULL);
            cr_expect(strstr(out.data, "?") == NULL, "%s", out.data);
            free(out.data);
        }
    link_policy_free(&policy);
}

Test(rules_texts, check_warns_of_what_is_off_and_counts_defaults)
{
    struct rules_policy *policy = policy_of_project();
    struct wire_text out = growing_text();
    struct rules_finding findings[4];
    size_t warnings = rules_check_text(&out, policy, WIRE_ENGLISH);
    expect_texts(out.data, (const char *const[]){"greater-bay / contacts: off", "zhuhai-macao / contacts: off",
                                                 "440000 is no member", "3 terms are defaults", NULL});
    cr_expect_eq(warnings, 2, "%s", out.data);
    cr_expect_gt(rules_check(policy, findings, 4), 4);
    free(out.data);
    link_policy_free(&policy);
}

static const char small[] = "mechanism: t\n"
                            "name: {zh: 试, en: trial}\n"
                            "in force: {from: 2020-02-07}\n"
                            "members: [310000, 320000, 330000]\n"
                            "rules:\n"
                            "  - name: measures\n"
                            "    title: {zh: 措施, en: measures}\n"
                            "    kinds: [measure-bulletin]\n"
                            "    from: [members/command]\n"
                            "    to: [members]\n"
                            "    lane: routine\n"
                            "    terms: {sign for: \"30 min, D\"}\n"
                            "    keep: 10 y, D\n"
                            "    source: S\n";

static void expect_diff(const char *of, const char *instead, size_t changes, const char *const *pieces)
{
    char text[1024];
    const char *at = strstr(small, of);
    cr_assert_not_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - small), small, instead, at + strlen(of));
    struct rules_policy *before = policy_of_text(small), *after = policy_of_text(text);
    struct wire_text out = growing_text();
    size_t count = rules_diff_text(&out, before, after, WIRE_ENGLISH);
    cr_expect_eq(count, changes, "%s", out.data);
    expect_texts(out.data, pieces);
    free(out.data);
    link_policy_free(&before);
    link_policy_free(&after);
}

Test(rules_texts, diff_of_the_same)
{
    expect_diff("mechanism: t", "mechanism: t", 0, (const char *const[]){"Nothing changes.", NULL});
}

Test(rules_texts, diff_says_what_changes)
{
    expect_diff("330000]", "340000]", 2,
                (const char *const[]){"- t: member leaves: 330000 浙江省\n", "+ t: new member: 340000 安徽省\n", NULL});
    expect_diff(
        "30 min, D", "1 h, L", 1,
        (const char *const[]){"~ t: rule measures, terms: sign for within 30 min (a default of this installation) "
                              "becomes sign for within 1 h (law or regulation)\n",
                              NULL});
    expect_diff("lane: routine", "lane: routine, urgent when immediate", 1,
                (const char *const[]){"routine becomes routine, when immediate urgent", NULL});
    expect_diff("name: measures", "name: others", 2,
                (const char *const[]){"- t: rule dropped", "+ t: rule added", NULL});
    expect_diff("mechanism: t", "mechanism: u", 2,
                (const char *const[]){"- t: mechanism dropped", "+ u: new mechanism", NULL});
    expect_diff(
        "from: 2020-02-07", "from: 2020-02-08", 1,
        (const char *const[]){"~ t: in force from: 2020-02-07 00:00 becomes 2020-02-08 00:00\n", "1 changes", NULL});
}
