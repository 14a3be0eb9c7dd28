/* `rules diff`: what changes between two policies, in words: mechanisms, members, liaisons, seats, pairs, rules. */
#pragma once
#include "rules/policy.h"
#include "wire/json.h"

/* Rules are matched by name. Returns the number of changes; writes "nothing changes" when there are none. */
size_t rules_diff_text(struct wire_text *out, const struct rules_policy *before, const struct rules_policy *after,
                       enum wire_language language);
