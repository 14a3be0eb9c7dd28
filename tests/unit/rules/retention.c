/* R60 and RV (MECHANISMS section E) as days. */
#include "rules/decide.h"
#include "wire/time.h"
#include <criterion/criterion.h>

TestSuite(rules_retention);

static const struct {
    const char *name;
    enum rules_keep_how how;
    uint32_t amount, created, exposure, valid, expected;
} list[] = {
    {"R60 by the last exposure", RULES_KEEP_R60, 0, 20200208, 20200205, 0, 20200304},
    {"R60 at least 14 days from creation", RULES_KEEP_R60, 0, 20200208, 20200101, 0, 20200222},
    {"R60 at most 60 days", RULES_KEEP_R60, 0, 20200208, 20200401, 0, 20200408},
    {"R60 without an exposure", RULES_KEEP_R60, 0, 20200208, 0, 0, 20200307},
    {"RV by the validity", RULES_KEEP_RV, 0, 20200208, 0, 20200220, 20200305},
    {"RV without one", RULES_KEEP_RV, 0, 20200208, 0, 0, 20200222},
    {"days", RULES_KEEP_DAYS, 14, 20200220, 0, 0, 20200305},
    {"years", RULES_KEEP_YEARS, 10, 20200208, 0, 0, 20300208},
    {"years from 29 February", RULES_KEEP_YEARS, 3, 20200229, 0, 0, 20230301},
    {"years to a 29 February", RULES_KEEP_YEARS, 4, 20200229, 0, 0, 20240229},
};

Test(rules_retention, what_a_node_writes)
{
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct rules_rule rule = {.keep = {.how = list[i].how, .amount = list[i].amount}};
        struct rules_dates dates = {.created_ms = wire_day_start(list[i].created),
                                    .last_exposure = list[i].exposure,
                                    .valid_until = list[i].valid};
        cr_expect_eq(rules_keep_until(&rule, &dates), list[i].expected, "%s: %u", list[i].name,
                     (unsigned)rules_keep_until(&rule, &dates));
    }
}

Test(rules_retention, what_a_node_writes_is_within_what_the_broker_accepts)
{
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct rules_rule rule = {.keep = {.how = list[i].how, .amount = list[i].amount}};
        struct rules_dates dates = {.created_ms = wire_day_start(list[i].created),
                                    .last_exposure = list[i].exposure,
                                    .valid_until = list[i].valid};
        int64_t expires = list[i].valid == 0 ? 0 : wire_day_start(list[i].valid);
        cr_expect_leq(rules_keep_until(&rule, &dates),
                      rules_keep_limit(&rule, dates.created_ms, expires, dates.created_ms), "%s", list[i].name);
    }
}

Test(rules_retention, a_creation_in_the_future_prolongs_nothing)
{
    struct rules_rule rule = {.keep = {.how = RULES_KEEP_DAYS, .amount = 10}};
    int64_t now = wire_day_start(20200208), year = 365LL * 24 * 3600 * 1000;
    cr_expect_eq(rules_keep_limit(&rule, now + year, 0, now), 20200218);
    cr_expect_eq(rules_keep_limit(&rule, now, 0, now), 20200218);
    /* a clock a minute ahead at midnight is no offence */
    cr_expect_eq(rules_keep_limit(&rule, now, 0, now - 60000), 20200218);
}
