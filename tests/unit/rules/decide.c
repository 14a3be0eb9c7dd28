/* Decisions that the project's own mechanisms do not need, and exact edges. The project's rules are in
 * tests/data/rules. */
#include "policies.h"
#include "wire/kind.h"
#include "wire/time.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(rules_decide);

/* Provinces, cities and a county as members of one mechanism; every selector in some rule. */
static const char levels[] = "mechanism: levels\n"
                             "name: {zh: 多级, en: levels}\n"
                             "in force: {from: \"2020-02-07 10:00\", until: \"2020-03-07 10:00\"}\n"
                             "members: [100000, 310000, 320000, 330000, 330400, 330421]\n"
                             "liaisons:\n"
                             "  - {region: 810000, may send: [measure-bulletin]}\n"
                             "  - {region: 820000}\n"
                             "coordinator: 320000/health\n"
                             "seats: [{at: 310000/cooperation-office}, {kind: supply-request, at: 330000/commerce}]\n"
                             "rules:\n"
                             "  - name: to-concerned\n"
                             "    title: {zh: 关联, en: concerned}\n"
                             "    kinds: [measure-bulletin]\n"
                             "    from: [members/command]\n"
                             "    to: [concerned/command]\n"
                             "    lane: routine\n"
                             "    keep: 10 d, D\n"
                             "    source: D\n"
                             "  - name: highest\n"
                             "    title: {zh: 先上级, en: highest first}\n"
                             "    kinds: [measure-bulletin]\n"
                             "    from: [members/health]\n"
                             "    to: [concerned/health]\n"
                             "    lane: routine\n"
                             "    highest first: true\n"
                             "    keep: 10 d, D\n"
                             "    source: D\n"
                             "  - name: up\n"
                             "    title: {zh: 上报, en: up}\n"
                             "    kinds: [measure-bulletin]\n"
                             "    from: [members/cdc]\n"
                             "    to: [upper/cdc]\n"
                             "    lane: routine\n"
                             "    keep: 10 d, D\n"
                             "    source: D\n"
                             "  - name: down\n"
                             "    title: {zh: 下达, en: down}\n"
                             "    kinds: [measure-bulletin]\n"
                             "    from: [members/emergency]\n"
                             "    to: [lower/emergency]\n"
                             "    lane: routine\n"
                             "    keep: 10 d, D\n"
                             "    source: D\n"
                             "  - name: named\n"
                             "    title: {zh: 指定, en: named}\n"
                             "    kinds: [measure-bulletin]\n"
                             "    from: [members/police]\n"
                             "    to: [named/police]\n"
                             "    copy: [named/any]\n"
                             "    lane: routine\n"
                             "    keep: 10 d, D\n"
                             "    source: D\n"
                             "  - name: desks\n"
                             "    title: {zh: 牵头, en: desks}\n"
                             "    kinds: [measure-bulletin]\n"
                             "    from: [members/market]\n"
                             "    to: [coordinator, seat]\n"
                             "    copy: [liaisons]\n"
                             "    lane: routine\n"
                             "    keep: 10 d, D\n"
                             "    source: D\n"
                             "  - name: supplies\n"
                             "    title: {zh: 物资, en: supplies}\n"
                             "    kinds: [supply-request]\n"
                             "    from: [seat, coordinator]\n"
                             "    to: [members/like-unit]\n"
                             "    lane: routine\n"
                             "    keep: 10 d, D\n"
                             "    source: D\n"
                             "  - name: of-liaisons\n"
                             "    title: {zh: 联络, en: of liaisons}\n"
                             "    kinds: [measure-bulletin]\n"
                             "    from: [liaisons]\n"
                             "    to: [members]\n"
                             "    lane: routine\n"
                             "    keep: 10 d, D\n"
                             "    source: D\n";

static bool everybody(void *context, uint32_t adcode)
{
    (void)context;
    (void)adcode;
    return true;
}

static bool all_but(void *context, uint32_t adcode)
{
    return adcode != *(uint32_t *)context;
}

static const int64_t noon = 1581134400000; /* 2020-02-08 12:00 +08:00 */

static struct rules_question measure(uint32_t origin, uint32_t unit)
{
    return (struct rules_question){
        .origin = origin,
        .issuer_region = origin,
        .issuer_unit = unit,
        .kind = WIRE_KIND_MEASURE_BULLETIN,
        .mechanism = "levels",
        .lane = WIRE__LANE__ROUTINE,
        .keep_until = 20200210,
        .created_ms = noon,
        .now_ms = noon,
        .enrolled = everybody,
    };
}

static bool gives_to(const struct rules_decision *d, size_t count, const uint32_t *regions)
{
    if (d->to_count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (d->to[i].region != regions[i])
            return false;
    return true;
}

#define GIVES_TO(d, ...)                                                                                               \
    gives_to(d, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (const uint32_t[]){__VA_ARGS__})

Test(rules_decide, in_force_to_the_millisecond)
{
    struct rules_policy *policy = policy_of_text(levels);
    struct rules_decision d;
    struct rules_question q = measure(310000, WIRE_UNIT_CDC);
    int64_t from, until;
    cr_assert(wire_time_parse("2020-02-07 10:00", 16, &from) && wire_time_parse("2020-03-07 10:00", 16, &until));
    q.preview = true;
    q.now_ms = from - 1;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_NOT_IN_FORCE);
    q.now_ms = from;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_OK);
    q.now_ms = until - 1;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_OK);
    q.now_ms = until;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_NOT_IN_FORCE);
    link_policy_free(&policy);
}

Test(rules_decide, a_day_of_until_counts_whole)
{
    char text[sizeof levels];
    struct rules_decision d;
    struct rules_question q = measure(310000, WIRE_UNIT_CDC);
    strcpy(text, levels);
    memcpy(strstr(text, "\"2020-03-07 10:00\""), "2020-03-07        ", 18);
    struct rules_policy *policy = policy_of_text(text);
    q.preview = true;
    q.now_ms = wire_day_start(20200308) - 1;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_OK);
    q.now_ms++;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_NOT_IN_FORCE);
    link_policy_free(&policy);
}

Test(rules_decide, concerned_steps_up_and_wider_members_are_copied)
{
    struct rules_policy *policy = policy_of_text(levels);
    struct rules_decision d;
    struct rules_question q = measure(310000, WIRE_UNIT_COMMAND);
    uint32_t without = 330421;
    q.concerns = (const uint32_t[]){330421};
    q.concerns_count = 1;
    cr_assert_eq(rules_decide(policy, &q, &d), WIRE_OK, "%s %s", d.detail, d.allowed);
    cr_expect(GIVES_TO(&d, 330421));
    cr_expect_eq(d.cc_count, 3);
    cr_expect(d.cc[0].region == 330400 && d.cc[1].region == 330000 && d.cc[2].region == 100000);
    q.enrolled = all_but;
    q.context = &without;
    cr_assert_eq(rules_decide(policy, &q, &d), WIRE_OK);
    cr_expect(GIVES_TO(&d, 330400));
    cr_expect(d.not_enrolled_count == 1 && d.not_enrolled[0] == 330421);
    cr_expect_eq(d.cc_count, 2);
    link_policy_free(&policy);
}

Test(rules_decide, the_origin_is_never_copied)
{
    struct rules_policy *policy = policy_of_text(levels);
    struct rules_decision d;
    struct rules_question q = measure(330000, WIRE_UNIT_COMMAND);
    bool owes;
    q.concerns = (const uint32_t[]){330421};
    q.concerns_count = 1;
    cr_assert_eq(rules_decide(policy, &q, &d), WIRE_OK);
    cr_expect_not(rules_given_to(&d, 330000, &owes));
    cr_expect(rules_given_to(&d, 330421, &owes) && owes);
    cr_expect(rules_given_to(&d, 330400, &owes) && !owes);
    link_policy_free(&policy);
}

Test(rules_decide, who_owes_is_not_copied_too)
{
    struct rules_policy *policy = policy_of_text(levels);
    struct rules_decision d;
    struct rules_question q = measure(310000, WIRE_UNIT_COMMAND);
    q.concerns = (const uint32_t[]){330421, 330000, 330402};
    q.concerns_count = 3;
    cr_assert_eq(rules_decide(policy, &q, &d), WIRE_OK);
    cr_expect(GIVES_TO(&d, 330421, 330000, 330400));
    cr_expect(d.cc_count == 1 && d.cc[0].region == 100000);
    link_policy_free(&policy);
}

Test(rules_decide, highest_first_copies_nobody)
{
    struct rules_policy *policy = policy_of_text(levels);
    struct rules_decision d;
    struct rules_question q = measure(310000, WIRE_UNIT_HEALTH);
    uint32_t without = 330000;
    q.concerns = (const uint32_t[]){330421};
    q.concerns_count = 1;
    cr_assert_eq(rules_decide(policy, &q, &d), WIRE_OK);
    cr_expect(GIVES_TO(&d, 330000));
    cr_expect_eq(d.cc_count, 0);
    cr_expect_eq(d.not_enrolled_count, 0);
    q.enrolled = all_but;
    q.context = &without;
    cr_assert_eq(rules_decide(policy, &q, &d), WIRE_OK);
    cr_expect(GIVES_TO(&d, 330400));
    cr_expect(d.not_enrolled_count == 1 && d.not_enrolled[0] == 330000);
    link_policy_free(&policy);
}

Test(rules_decide, one_region_that_nobody_stands_for_refuses_all)
{
    struct rules_policy *policy = policy_of_text(levels);
    struct rules_decision d;
    struct rules_question q = measure(310000, WIRE_UNIT_COMMAND);
    uint32_t without = 320000;
    q.concerns = (const uint32_t[]){330421, 320500};
    q.concerns_count = 2;
    q.enrolled = all_but;
    q.context = &without;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_NOBODY_FOR);
    cr_expect_str_eq(d.detail, "320500");
    cr_expect_eq(d.to_count + d.cc_count + d.not_enrolled_count, 0);
    link_policy_free(&policy);
}

Test(rules_decide, upper_and_lower)
{
    struct rules_policy *policy = policy_of_text(levels);
    struct rules_decision d;
    struct rules_question up = measure(330421, WIRE_UNIT_CDC), top = measure(100000, WIRE_UNIT_CDC);
    struct rules_question down = measure(330000, WIRE_UNIT_EMERGENCY), bottom = measure(330421, WIRE_UNIT_EMERGENCY);
    cr_assert_eq(rules_decide(policy, &up, &d), WIRE_OK);
    cr_expect(GIVES_TO(&d, 330400));
    cr_expect_eq(rules_decide(policy, &top, &d), WIRE_NOBODY);
    cr_assert_eq(rules_decide(policy, &down, &d), WIRE_OK);
    cr_expect(GIVES_TO(&d, 330400, 330421));
    cr_expect_eq(rules_decide(policy, &bottom, &d), WIRE_NOBODY);
    link_policy_free(&policy);
}

Test(rules_decide, named_addressees_and_their_desks)
{
    struct rules_policy *policy = policy_of_text(levels);
    struct rules_decision d;
    struct rules_question q = measure(310000, WIRE_UNIT_POLICE);
    Wire__Address to = WIRE__ADDRESS__INIT, cc = WIRE__ADDRESS__INIT;
    to.region = 320500;
    cc.region = 330402;
    cc.has_unit = 1;
    cc.unit = WIRE_UNIT_CUSTOMS;
    q.to = (Wire__Address *const[]){&to};
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_NOBODY);
    q.to_count = 1;
    q.cc = (Wire__Address *const[]){&cc};
    q.cc_count = 1;
    cr_assert_eq(rules_decide(policy, &q, &d), WIRE_OK, "%s %s", d.detail, d.allowed);
    cr_expect(GIVES_TO(&d, 320000));
    cr_expect_eq(d.to[0].unit, WIRE_UNIT_POLICE);
    cr_expect(d.cc_count == 1 && d.cc[0].region == 330400 && d.cc[0].unit == WIRE_UNIT_CUSTOMS);
    to.has_unit = 1;
    to.unit = WIRE_UNIT_CDC;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_ADDRESSEE_NOT_ALLOWED);
    cr_expect_str_eq(d.allowed, "unit police");
    to.has_unit = 0;
    to.region = 420000;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_NOBODY_FOR);
    to.unit = 99;
    to.has_unit = 1;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_UNKNOWN_UNIT);
    link_policy_free(&policy);
}

Test(rules_decide, coordinator_seat_and_liaisons)
{
    struct rules_policy *policy = policy_of_text(levels);
    struct rules_decision d;
    struct rules_question q = measure(330000, WIRE_UNIT_MARKET);
    cr_assert_eq(rules_decide(policy, &q, &d), WIRE_OK);
    cr_expect(GIVES_TO(&d, 320000, 310000));
    cr_expect_eq(d.to[0].unit, WIRE_UNIT_HEALTH);
    cr_expect_eq(d.to[1].unit, WIRE_UNIT_COOPERATION_OFFICE);
    cr_expect(d.cc_count == 2 && d.cc[0].region == 810000 && d.cc[1].region == 820000);
    /* the coordinator itself gets nothing; the seat of the kind and the coordinator may send, from their own desk only
     */
    q = measure(320000, WIRE_UNIT_MARKET);
    cr_assert_eq(rules_decide(policy, &q, &d), WIRE_OK);
    cr_expect(GIVES_TO(&d, 310000));
    q = measure(330000, WIRE_UNIT_COMMERCE);
    q.kind = WIRE_KIND_SUPPLY_REQUEST;
    cr_assert_eq(rules_decide(policy, &q, &d), WIRE_OK, "%s", d.detail);
    cr_expect_eq(d.to[0].unit, WIRE_UNIT_COMMERCE);
    q.issuer_unit = WIRE_UNIT_HEALTH;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_NO_RULE);
    q = measure(320000, WIRE_UNIT_HEALTH);
    q.kind = WIRE_KIND_SUPPLY_REQUEST;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_OK);
    q = measure(310000, WIRE_UNIT_COOPERATION_OFFICE);
    q.kind = WIRE_KIND_SUPPLY_REQUEST;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_NO_RULE);
    cr_expect_str_eq(d.allowed, "from seat/commerce, coordinator/health");
    link_policy_free(&policy);
}

Test(rules_decide, a_liaison_sends_its_kinds_and_nothing_else)
{
    struct rules_policy *policy = policy_of_text(levels);
    struct rules_decision d;
    struct rules_question q = measure(810000, WIRE_UNIT_COMMAND);
    cr_assert_eq(rules_decide(policy, &q, &d), WIRE_OK);
    cr_expect_eq(d.to_count, 6);
    q = measure(820000, WIRE_UNIT_COMMAND);
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_NO_RULE);
    link_policy_free(&policy);
}

Test(rules_decide, header_fields_that_cannot_be)
{
    struct rules_policy *policy = policy_of_text(levels);
    struct rules_decision d;
    struct rules_question q = measure(310000, WIRE_UNIT_CDC);
    Wire__Address *many[WIRE_ADDRESSES_MAX + 1];
    Wire__Address one = WIRE__ADDRESS__INIT;
    one.region = 320000;
    for (size_t i = 0; i <= WIRE_ADDRESSES_MAX; i++)
        many[i] = &one;
    q.to = many;
    q.to_count = WIRE_ADDRESSES_MAX + 1;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_BAD_HEADER);
    q = measure(310000, 0);
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_UNKNOWN_UNIT);
    q = measure(310000, 16);
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_UNKNOWN_UNIT);
    q = measure(0, WIRE_UNIT_CDC);
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_UNKNOWN_REGION);
    q = measure(310000, WIRE_UNIT_CDC);
    q.keep_until = 20200230;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_BAD_HEADER);
    q.keep_until = 20200210;
    q.urgency = (Wire__Urgency)77;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_BAD_HEADER);
    q = measure(310000, WIRE_UNIT_CDC);
    q.mechanism = NULL;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_NO_MECHANISM);
    link_policy_free(&policy);
}

Test(rules_decide, a_long_mechanism_name_is_cut_not_overrun)
{
    struct rules_policy *policy = policy_of_text(levels);
    struct rules_decision d;
    struct rules_question q = measure(310000, WIRE_UNIT_CDC);
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    q.mechanism = name;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_NO_MECHANISM);
    cr_expect_eq(strlen(d.detail), RULES_DETAIL_BYTES - 1);
    link_policy_free(&policy);
}

Test(rules_decide, narrowest_of_equal_size_is_the_first_id)
{
    const char *a = "mechanism: aa\n", *z = "mechanism: zz\n";
    const char *rest = "name: {zh: 试, en: trial}\n"
                       "in force: {from: 2020-01-01}\n"
                       "members: [310000, 320000]\n"
                       "rules:\n"
                       "  - name: m\n"
                       "    title: {zh: 措施, en: measures}\n"
                       "    kinds: [measure-bulletin]\n"
                       "    from: [members]\n"
                       "    to: [members]\n"
                       "    lane: routine\n"
                       "    keep: 10 d, D\n"
                       "    source: D\n";
    char first[512], second[512];
    struct rules_policy *policy = NULL;
    struct rules_decision d;
    strcat(strcpy(first, a), rest);
    strcat(strcpy(second, z), rest);
    struct link_policy_file files[] = {
        {"z.yaml", second, strlen(second)}, {"a.yaml", first, strlen(first)}, {"l.yaml", levels, strlen(levels)}};
    cr_assert_eq(link_policy_load(files, 3, 7, NULL, &policy, NULL), WIRE_OK);
    cr_expect_eq(rules_policy_version(policy), 7);
    struct rules_question q = measure(310000, WIRE_UNIT_COMMAND);
    cr_expect_str_eq(rules_policy_at(policy, rules_narrowest(policy, &q))->id, "aa");
    q.mechanism = "zz";
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_NARROWER_EXISTS);
    cr_expect_str_eq(d.detail, "aa");
    q.mechanism_reason = true;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_OK);
    q.concerns = (const uint32_t[]){330000};
    q.concerns_count = 1;
    cr_expect_str_eq(rules_policy_at(policy, rules_narrowest(policy, &q))->id, "levels");
    link_policy_free(&policy);
}

Test(rules_decide, an_update_with_persons_says_who_would_get_it_now)
{
    struct rules_policy *policy = policy_of_project();
    struct rules_decision d;
    struct rules_original original = {.found = true,
                                      .origin = 310000,
                                      .kind = WIRE_KIND_CONTACT_NOTICE,
                                      .mechanism = "yangtze-delta",
                                      .lane = WIRE__LANE__URGENT,
                                      .keep_until = 20200301,
                                      .to = (const uint32_t[]){320000},
                                      .to_count = 1};
    struct rules_question q = measure(310000, WIRE_UNIT_CDC);
    q.kind = WIRE_KIND_CONTACT_NOTICE;
    q.action = WIRE__ACTION__UPDATE;
    q.mechanism = NULL;
    q.preview = true;
    q.original = &original;
    q.concerns = (const uint32_t[]){330100};
    q.concerns_count = 1;
    cr_assert_eq(rules_decide(policy, &q, &d), WIRE_OK);
    cr_expect(GIVES_TO(&d, 320000));
    cr_expect_eq(d.elsewhere, 330000);
    cr_expect(d.sealed);
    q.concerns = (const uint32_t[]){320500};
    cr_assert_eq(rules_decide(policy, &q, &d), WIRE_OK);
    cr_expect_eq(d.elsewhere, 0);
    link_policy_free(&policy);
}

Test(rules_decide, a_correction_goes_out_though_the_rule_would_refuse)
{
    struct rules_policy *policy = policy_of_text(levels);
    struct rules_decision d;
    uint32_t without = 320000;
    struct rules_original original = {.found = true,
                                      .origin = 310000,
                                      .kind = WIRE_KIND_MEASURE_BULLETIN,
                                      .mechanism = "levels",
                                      .lane = WIRE__LANE__ROUTINE,
                                      .keep_until = 20200210,
                                      .to = (const uint32_t[]){330421},
                                      .to_count = 1,
                                      .cc = (const uint32_t[]){330000, 330400},
                                      .cc_count = 2};
    struct rules_question q = measure(310000, WIRE_UNIT_COMMAND);
    q.action = WIRE__ACTION__UPDATE;
    q.original = &original;
    /* the first concerned region would turn a copy into an owed one, the second refuses: nothing of the first may stay
     */
    q.concerns = (const uint32_t[]){330000, 320500};
    q.concerns_count = 2;
    q.enrolled = all_but;
    q.context = &without;
    cr_assert_eq(rules_decide(policy, &q, &d), WIRE_OK);
    cr_expect(GIVES_TO(&d, 330421));
    cr_expect(d.cc_count == 2 && d.cc[0].region == 330000 && d.cc[1].region == 330400);
    cr_expect_str_eq(d.detail, "");
    link_policy_free(&policy);
}

Test(rules_decide, an_answer_goes_to_the_desk_that_sent_the_notice)
{
    struct rules_policy *policy = policy_of_project();
    struct rules_decision d;
    struct rules_parent parent = {.found = true,
                                  .given = true,
                                  .origin = 310000,
                                  .mechanism = "yangtze-delta",
                                  .lane = WIRE__LANE__URGENT,
                                  .keep_until = 20200301,
                                  .issuer_unit = WIRE_UNIT_CDC};
    struct rules_question q = measure(320000, WIRE_UNIT_CDC);
    q.kind = WIRE_KIND_ACKNOWLEDGEMENT;
    q.mechanism = "yangtze-delta";
    q.lane = WIRE__LANE__URGENT;
    q.in_reply_to = true;
    q.parent = &parent;
    cr_assert_eq(rules_decide(policy, &q, &d), WIRE_OK);
    cr_expect(GIVES_TO(&d, 310000));
    cr_expect_eq(d.to[0].unit, WIRE_UNIT_CDC);
    cr_expect_eq(d.rule, 0);
    cr_expect_eq(d.term_count, 0);
    link_policy_free(&policy);
}

Test(rules_decide, no_mechanism_fits_a_draft)
{
    struct rules_policy *policy = policy_of_project();
    struct rules_decision d;
    struct rules_question q = measure(310000, WIRE_UNIT_POLICE);
    q.mechanism = NULL;
    q.preview = true;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_NO_RULE);
    q = measure(310115, WIRE_UNIT_COMMAND);
    q.mechanism = NULL;
    q.preview = true;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_NOT_A_MEMBER);
    q = measure(440000, WIRE_UNIT_CDC);
    q.kind = WIRE_KIND_CONTACT_NOTICE;
    q.mechanism = NULL;
    q.preview = true;
    q.concerns = (const uint32_t[]){810000};
    q.concerns_count = 1;
    cr_expect_eq(rules_decide(policy, &q, &d), WIRE_NOBODY_FOR);
    cr_expect_str_eq(d.detail, "810000");
    link_policy_free(&policy);
}

Test(rules_decide, a_question_of_a_header)
{
    Wire__Header header = WIRE__HEADER__INIT;
    Wire__Reference parent = WIRE__REFERENCE__INIT;
    struct rules_question q;
    uint32_t concerns[] = {320500};
    header.origin = 310000;
    header.issuer_region = 310000;
    header.issuer_unit = WIRE_UNIT_CDC;
    header.mechanism = "yangtze-delta";
    header.mechanism_reason = "";
    header.concerns = concerns;
    header.n_concerns = 1;
    header.in_reply_to = &parent;
    header.expires_ms = 5;
    header.has_due_ms = 1;
    header.due_ms = 6;
    rules_question_of(&header, &q);
    cr_expect_str_eq(q.mechanism, "yangtze-delta");
    cr_expect_not(q.mechanism_reason, "an empty reason is none");
    cr_expect(q.in_reply_to && q.expires_ms == 0 && q.due_ms == 6 && q.concerns_count == 1);
    cr_expect_null(q.parent);
    cr_expect_not(q.preview);
}
