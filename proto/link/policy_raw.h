/* A mechanism file and a case file as libcyaml fills them: texts and lists of texts. Only the policy_*.c files include
 * it. */
#pragma once
#include <cyaml/cyaml.h>

struct policy_raw_title {
    char *zh, *en;
};

struct policy_raw_period {
    char *from, *until;
};

struct policy_raw_liaison {
    char *region;
    char **may_send;
    unsigned may_send_count;
};

struct policy_raw_seat {
    char *kind, *at;
};

struct policy_raw_pair {
    char *city;
    char **with;
    unsigned with_count;
    char *from, *until;
};

struct policy_raw_terms {
    char *sign_for, *first_feedback, *close;
};

struct policy_raw_rule {
    char *name;
    struct policy_raw_title title;
    char **kinds, **from, **to, **copy;
    unsigned kinds_count, from_count, to_count, copy_count;
    char *lane;
    struct policy_raw_terms terms;
    char *keep, *form, *highest_first, *source;
    struct policy_raw_period in_force;
};

struct policy_raw {
    char *mechanism;
    struct policy_raw_title name;
    struct policy_raw_period in_force;
    char *assessment;
    char **members;
    unsigned members_count;
    struct policy_raw_liaison *liaisons;
    unsigned liaisons_count;
    char *coordinator;
    struct policy_raw_seat *seats;
    unsigned seats_count;
    struct policy_raw_pair *paired;
    unsigned paired_count;
    struct policy_raw_rule *rules;
    unsigned rules_count;
};

struct policy_raw_case {
    char *name, *at, *origin, *issuer, *kind, *mechanism, *reason, *urgency, *lane, *form, *status, *action;
    char **to, **cc, **concerns;
    unsigned to_count, cc_count, concerns_count;
    char *keep_until, *expires, *due;
    char **enrolled;
    unsigned enrolled_count;
    char *parent, *original;
    char **original_to, **original_cc;
    unsigned original_to_count, original_cc_count;
    char *expect, *rule, *expect_mechanism, *expect_lane, *expect_keep;
    char **expect_to, **expect_cc, **expect_not_enrolled, **expect_terms;
    unsigned expect_to_count, expect_cc_count, expect_not_enrolled_count, expect_terms_count;
};

struct policy_raw_cases {
    struct policy_raw_case *cases;
    unsigned cases_count;
};

extern const cyaml_schema_value_t policy_raw_schema;       /* struct policy_raw */
extern const cyaml_schema_value_t policy_raw_cases_schema; /* struct policy_raw_cases */
