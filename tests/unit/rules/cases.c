/* Every case file under tests/data/rules, against the project's mechanism files: what `lianfang rules test` runs. */
#include "policies.h"
#include "rules/test.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(rules_cases);

/* Runs one file; returns how many cases it held. */
static size_t run_file(const struct rules_policy *policy, const struct link_policy_file *file)
{
    size_t count;
    struct link_cases *cases = NULL;
    struct wire_problem problem = {0};
    struct rules_decision decision;
    struct wire_text out = growing_text();
    cr_assert_eq(link_cases_read(file, &cases, &problem), WIRE_OK, "%s: %s", problem.where, problem.en);
    const struct rules_case *list = link_cases_list(cases, &count);
    size_t failed = rules_test_text(&out, policy, list, count, &decision, WIRE_ENGLISH);
    cr_expect_eq(failed, 0, "%s", out.data);
    free(out.data);
    link_cases_free(&cases);
    return count;
}

Test(rules_cases, every_file_of_the_project)
{
    struct rules_policy *policy = policy_of_project();
    struct link_policy_files files;
    struct wire_problem problem = {0};
    size_t cases = 0;
    cr_assert_eq(link_policy_files_open(TEST_DATA "/rules", &files, &problem), WIRE_OK, "%s: %s", problem.where,
                 problem.en);
    for (size_t i = 0; i < files.count; i++)
        cases += run_file(policy, &files.file[i]);
    cr_expect_gt(cases, 80, "only %zu cases ran", cases);
    link_policy_files_close(&files);
    link_policy_free(&policy);
}

/* Every rule of every mechanism is the rule of at least one admitted case. A rule that is off cannot be. */
static void mark_rules(const struct rules_policy *policy, const struct link_policy_file *file,
                       bool used[RULES_MECHANISMS_MAX][RULES_PER_MECHANISM + 1])
{
    size_t count;
    struct link_cases *cases = NULL;
    struct wire_problem problem = {0};
    struct rules_decision decision;
    struct wire_text out = growing_text();
    cr_assert_eq(link_cases_read(file, &cases, &problem), WIRE_OK, "%s: %s", problem.where, problem.en);
    const struct rules_case *list = link_cases_list(cases, &count);
    for (size_t i = 0; i < count; i++) {
        rules_case_run(&out, policy, &list[i], &decision, WIRE_ENGLISH);
        if (decision.verdict == WIRE_OK)
            used[decision.mechanism][decision.rule] = true;
    }
    free(out.data);
    link_cases_free(&cases);
}

Test(rules_cases, every_rule_has_an_admitted_case)
{
    static bool used[RULES_MECHANISMS_MAX][RULES_PER_MECHANISM + 1];
    struct rules_policy *policy = policy_of_project();
    struct link_policy_files files;
    struct wire_problem problem = {0};
    cr_assert_eq(link_policy_files_open(TEST_DATA "/rules", &files, &problem), WIRE_OK);
    for (size_t i = 0; i < files.count; i++)
        mark_rules(policy, &files.file[i], used);
    for (uint32_t i = 0; i < rules_policy_count(policy); i++) {
        const struct rules_mechanism *m = rules_policy_at(policy, i);
        for (uint32_t r = 1; r <= m->rule_count; r++)
            cr_expect(used[i][r] || rules_rule_at(m, r)->off, "%s / %s has no admitted case", m->id,
                      rules_rule_at(m, r)->name);
    }
    link_policy_files_close(&files);
    link_policy_free(&policy);
}

Test(rules_cases, a_wrong_expectation_is_told_with_its_place)
{
    const char *text = "cases:\n"
                       "  - name: wrong\n"
                       "    at: 2020-02-08\n"
                       "    origin: 310000\n"
                       "    issuer: /cdc\n"
                       "    kind: contact-notice\n"
                       "    concerns: [320500]\n"
                       "    enrolled: [provinces]\n"
                       "    expect: nobody\n"
                       "    expect to: [330000]\n"
                       "    expect lane: bulk\n"
                       "    expect terms: [sign for 5 min]\n";
    struct rules_policy *policy = policy_of_project();
    struct link_policy_file file = {.name = "c.yaml", .text = text, .size = strlen(text)};
    struct link_cases *cases = NULL;
    struct wire_problem problem = {0};
    struct rules_decision decision;
    struct wire_text out = growing_text();
    size_t count;
    cr_assert_eq(link_cases_read(&file, &cases, &problem), WIRE_OK, "%s: %s", problem.where, problem.en);
    const struct rules_case *list = link_cases_list(cases, &count);
    cr_expect_eq(rules_test_text(&out, policy, list, count, &decision, WIRE_ENGLISH), 1);
    cr_expect(strstr(out.data, "c.yaml:9:13: wrong: verdict: expected nobody, got admitted\n") != NULL, "%s", out.data);
    cr_expect(strstr(out.data, "c.yaml:10:17: wrong: to: expected 330000, got 320000/cdc+command\n") != NULL, "%s",
              out.data);
    cr_expect(strstr(out.data, "c.yaml:11:18: wrong: lane: expected bulk, got urgent\n") != NULL, "%s", out.data);
    cr_expect(strstr(out.data, "c.yaml:12:20: wrong: terms: expected sign for 5 min, got sign for 30 min\n") != NULL,
              "%s", out.data);
    free(out.data);
    link_cases_free(&cases);
    link_policy_free(&policy);
}
