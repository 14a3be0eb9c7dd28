#include "policies.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct rules_policy *policy_of_project(void)
{
    struct rules_policy *policy = NULL;
    struct wire_problem problem = {0};
    enum wire_status status = link_policy_load_path(SOURCE_DIR "/broker/mechanisms", 1, &policy, &problem);
    cr_assert_eq(status, WIRE_OK, "%s: %s / %s", problem.where, problem.en, problem.zh);
    return policy;
}

struct rules_policy *policy_of_text(const char *text)
{
    struct rules_policy *policy = NULL;
    struct wire_problem problem = {0};
    struct link_policy_file file = {.name = "t.yaml", .text = text, .size = strlen(text)};
    enum wire_status status = link_policy_load(&file, 1, 1, NULL, &policy, &problem);
    cr_assert_eq(status, WIRE_OK, "%s: %s / %s", problem.where, problem.en, problem.zh);
    return policy;
}

enum wire_status policy_problem(const char *text, struct wire_problem *problem)
{
    struct rules_policy *policy = NULL;
    struct link_policy_file file = {.name = "t.yaml", .text = text, .size = strlen(text)};
    memset(problem, 0, sizeof *problem);
    enum wire_status status = link_policy_load(&file, 1, 1, NULL, &policy, problem);
    link_policy_free(&policy);
    return status;
}

struct wire_text growing_text(void)
{
    return (struct wire_text){.grow = realloc};
}
