/* `rules check`: what compiles and still deserves a second look. Contradictions are refused by rules_compile already.
 */
#pragma once
#include "rules/policy.h"
#include "wire/json.h"

enum rules_grade { RULES_NOTE, RULES_WARNING };

struct rules_finding {
    enum rules_grade grade;
    uint32_t mechanism; /* index */
    uint32_t rule;      /* number, 0 = the mechanism as a whole */
    char zh[256], en[256];
};

/* Fills up to `size` findings in the order of the policy; returns how many there are (maybe more than `size`). */
size_t rules_check(const struct rules_policy *policy, struct rules_finding *findings, size_t size);
/* One line a finding and a closing line; returns the number of warnings. */
size_t rules_check_text(struct wire_text *out, const struct rules_policy *policy, enum wire_language language);
