/* `rules test`: questions with the answers that are expected, as words (read from YAML by link/policy_yaml.h). The same
 * cases serve the unit tests and a secretary who changes a rule. Format: docs/RULES.md, "Cases". */
#pragma once
#include "rules/decide.h"
#include "wire/json.h"

struct rules_case {
    const char *file;
    uint32_t line, column;
    struct rules_word name;
    struct rules_word at; /* time; not written: the case fails to load */
    struct rules_word origin;
    struct rules_word issuer; /* "421127/logistics" or "/cdc": the origin's own */
    struct rules_word kind;
    struct rules_word mechanism; /* not written: the narrowest */
    struct rules_word reason;    /* present: given */
    struct rules_word urgency, lane, form, status,
        action; /* not written: unknown, as decided, as decided, actual, issue */
    struct rules_words to, cc, concerns;
    struct rules_word keep_until, expires, due;
    struct rules_words
        enrolled; /* regions with a node, "all": every region of the policy; "all" and "-320000": but that */
    struct rules_word
        parent; /* "310000, urgent, 20200407, yangtze-delta[, exercise][, not given]" or "unknown"; replies */
    struct rules_word original; /* as parent; update and cancel, with: */
    struct rules_words original_to, original_cc;
    /* what is expected; not written: not compared */
    struct rules_word expect; /* "admitted" or a reason: "nobody-for 320583", "narrower-exists" */
    struct rules_word rule;   /* name */
    struct rules_word expect_mechanism, expect_lane, expect_keep;
    struct rules_words expect_to, expect_cc,
        expect_not_enrolled;         /* "320000/cdc+command", "320000", complete, any order; or "32 regions" */
    struct rules_words expect_terms; /* "sign for 30 min" */
    bool has_to, has_cc, has_not_enrolled, has_terms;
};

enum rules_case_result { RULES_CASE_OK, RULES_CASE_DIFFERS, RULES_CASE_UNREADABLE };

/* Runs one case; on DIFFERS or UNREADABLE `out` gets one line a difference with file:line:column. `scratch` is
 * overwritten. */
enum rules_case_result rules_case_run(struct wire_text *out, const struct rules_policy *policy,
                                      const struct rules_case *test, struct rules_decision *scratch,
                                      enum wire_language language);
/* Runs all, ends with a line of totals; returns the number that failed. */
size_t rules_test_text(struct wire_text *out, const struct rules_policy *policy, const struct rules_case *cases,
                       size_t count, struct rules_decision *scratch, enum wire_language language);
