/* Policies for the tests of this room: from the mechanism files of the project, or from a text. */
#pragma once
#include "link/policy_yaml.h"
#include "rules/decide.h"
#include "wire/json.h"

/* broker/mechanisms; asserts that it compiles. Free with link_policy_free. */
struct rules_policy *policy_of_project(void);
/* Of one YAML text named "t.yaml"; asserts that it compiles. */
struct rules_policy *policy_of_text(const char *text);
/* What is wrong with this text: the status, and "t.yaml:3:5" in problem->where. */
enum wire_status policy_problem(const char *text, struct wire_problem *problem);
/* An empty growing text; free(text.data). */
struct wire_text growing_text(void);
