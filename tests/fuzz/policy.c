/* Mechanism files: YAML of a secretary who errs, or worse. What compiles is checked, told in words, compared with
 * itself and asked questions. Oracles: a decision is the same twice; recipients are enrolled, named once, never the
 * origin; nothing with persons goes to more than one or in clear; what is admitted as decided is admitted when it is
 * asked for. */
#include "link/policy_yaml.h"
#include "rules/check.h"
#include "rules/diff.h"
#include "rules/explain.h"
#include "target.h"
#include "wire/kind.h"
#include "wire/region.h"
#include "wire/time.h"

static const uint32_t regions[] = {310000, 320000, 330000, 340000, 330300, 330421, 110000, 120000,
                                   130000, 440000, 100000, 440400, 810000, 820000, 350000, 999999};
static const uint32_t kinds[] = {1, 2, 3, 4, 5, 100, 101, 77};

static bool enrolled(void *context, uint32_t region)
{
    const uint16_t *mask = context;
    for (size_t i = 0; i < 16; i++)
        if (regions[i] == region)
            return (*mask >> i & 1) != 0;
    return false;
}

static void ensure_recipients(const struct rules_question *q, const struct rules_decision *d)
{
    ENSURE(d->to_count + d->cc_count > 0);
    for (size_t i = 0; i < d->to_count + d->cc_count; i++) {
        const struct rules_recipient *one = i < d->to_count ? &d->to[i] : &d->cc[i - d->to_count];
        bool owes;
        ENSURE(one->region != q->origin && rules_given_to(d, one->region, &owes) && owes == (i < d->to_count));
        if (q->action == WIRE__ACTION__ISSUE) /* a correction follows its original, also to who has left */
            ENSURE(enrolled(q->context, one->region));
        for (size_t j = 0; j < i; j++)
            ENSURE((j < d->to_count ? d->to[j].region : d->cc[j - d->to_count].region) != one->region);
    }
}

/* Decided in a preview, then asked for as decided. */
static void ensure_holds(const struct rules_policy *policy, const struct rules_question *preview,
                         const struct rules_decision *decided)
{
    static struct rules_decision again;
    struct rules_question q = *preview;
    q.preview = false;
    q.mechanism = rules_policy_at(policy, decided->mechanism)->id;
    q.lane = decided->lane;
    q.form = decided->sealed ? WIRE__PAYLOAD_FORM__SEALED : WIRE__PAYLOAD_FORM__CLEAR;
    q.keep_until = decided->keep_until;
    ENSURE(rules_decide(policy, &q, &again) == WIRE_OK);
    ENSURE(again.to_count == decided->to_count && again.cc_count == decided->cc_count);
    ENSURE(again.lane == decided->lane && again.rule == decided->rule && again.mechanism == decided->mechanism);
}

static void ask(const struct rules_policy *policy, struct fuzz_input *input)
{
    static struct rules_decision first, second;
    Wire__Address address[2], *to[2] = {&address[0], &address[1]};
    uint32_t concerns[2] = {regions[fuzz_below(input, 16)], regions[fuzz_below(input, 16)]};
    uint16_t mask = fuzz_u16(input) | 0x00ff;
    struct rules_question q = {.origin = regions[fuzz_below(input, 16)],
                               .issuer_unit = fuzz_below(input, 17),
                               .kind = kinds[fuzz_below(input, 8)],
                               .urgency = (Wire__Urgency)fuzz_below(input, 5),
                               .concerns = concerns,
                               .concerns_count = fuzz_below(input, 3),
                               .to = to,
                               .to_count = fuzz_below(input, 3),
                               .now_ms = wire_day_start(20200210),
                               .created_ms = wire_day_start(20200210),
                               .preview = true,
                               .enrolled = enrolled,
                               .context = &mask};
    q.issuer_region = fuzz_one_in(input, 4) ? regions[fuzz_below(input, 16)] : q.origin;
    for (size_t i = 0; i < 2; i++) {
        wire__address__init(&address[i]);
        address[i].region = regions[fuzz_below(input, 16)];
        address[i].has_unit = fuzz_one_in(input, 2);
        address[i].unit = fuzz_below(input, 16);
    }
    struct rules_parent parent = {true, true, regions[fuzz_below(input, 16)], NULL, WIRE__LANE__URGENT, 0, 20200301, 2};
    parent.mechanism = rules_policy_at(policy, 0)->id;
    q.in_reply_to = fuzz_one_in(input, 4);
    q.parent = q.in_reply_to ? &parent : NULL;
    enum wire_status verdict = rules_decide(policy, &q, &first);
    ENSURE(verdict == first.verdict && rules_decide(policy, &q, &second) == verdict);
    static char text[256 * 1024];
    struct wire_text out = {.data = text, .capacity = sizeof text};
    rules_explain_text(&out, policy, &q, &first, WIRE_CHINESE);
    rules_explain_text(&out, policy, &q, &first, WIRE_ENGLISH);
    if (verdict != WIRE_OK)
        return;
    ENSURE(first.to_count == second.to_count && memcmp(first.to, second.to, first.to_count * sizeof *first.to) == 0);
    ensure_recipients(&q, &first);
    const struct wire_kind *kind = wire_kind_find(q.kind);
    ENSURE(kind != NULL && !kind->brokers);
    if (kind->persons && !kind->reply)
        ENSURE(first.sealed && first.to_count == 1 && first.cc_count == 0);
    ensure_holds(policy, &q, &first);
}

static void look_at(const struct rules_policy *policy)
{
    static char text[256 * 1024];
    struct rules_finding findings[8];
    struct wire_text out = {.data = text, .capacity = sizeof text};
    rules_check(policy, findings, 8);
    ENSURE(rules_diff_text(&out, policy, policy, WIRE_ENGLISH) == 0);
    for (uint32_t i = 0; i < rules_policy_count(policy); i++)
        rules_mechanism_text(&out, rules_policy_at(policy, i), i % 2 == 0 ? WIRE_CHINESE : WIRE_ENGLISH);
}

static void cases(const struct link_policy_file *file)
{
    struct link_cases *list = NULL;
    struct wire_problem problem;
    size_t count = 0;
    if (link_cases_read(file, &list, &problem) == WIRE_OK)
        ENSURE(link_cases_list(list, &count) != NULL || count == 0);
    link_cases_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    struct wire_problem problem = {.status = WIRE_OK};
    struct rules_policy *policy = NULL;
    if (size > 16 * 1024)
        return 0;
    uint8_t mode = fuzz_u8(&input);
    struct wire_bytes questions = fuzz_take(&input, 48);
    struct link_policy_file file = {.name = "fuzz.yaml", .text = (const char *)input.data, .size = input.size};
    if (mode == 1) {
        cases(&file);
        return 0;
    }
    enum wire_status status = link_policy_load(&file, 1, 1, NULL, &policy, &problem);
    ENSURE((status == WIRE_OK) == (policy != NULL));
    ENSURE(status == WIRE_OK || (problem.zh[0] != '\0' && problem.en[0] != '\0'));
    if (policy == NULL)
        return 0;
    look_at(policy);
    struct fuzz_input asked = fuzz_input(questions.data, questions.size);
    while (asked.size > 0)
        ask(policy, &asked);
    link_policy_free(&policy);
    return 0;
}
