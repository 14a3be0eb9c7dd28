/* The policy of these tests: yangtze-delta of 310000 320000 330000 340000. */
#include "fake.h"
#include "wire/ensure.h"
#include "wire/kind.h"
#include "wire/unit.h"
#include <stdio.h>
#include <stdlib.h>

#define WORD(s)                                                                                                        \
    {                                                                                                                  \
        .text = (s), .line = 1, .column = 1                                                                            \
    }
#define WORDS(list)                                                                                                    \
    {                                                                                                                  \
        .item = (list), .count = sizeof(list) / sizeof((list)[0])                                                      \
    }

static const struct rules_word members[] = {WORD("310000"), WORD("320000"), WORD("330000"), WORD("340000")};
static const struct rules_word contact_kinds[] = {WORD("contact-notice")};
static const struct rules_word contact_from[] = {WORD("members/cdc")};
static const struct rules_word contact_to[] = {WORD("concerned/cdc")};
static const struct rules_word measure_kinds[] = {WORD("measure-bulletin")};
static const struct rules_word measure_from[] = {WORD("members/command")};
static const struct rules_word measure_to[] = {WORD("members/command")};
static const struct rules_word supply_kinds[] = {WORD("supply-request")};
static const struct rules_word supply_from[] = {WORD("members/logistics")};
static const struct rules_word supply_to[] = {WORD("named/logistics")};
static const struct rules_word supply_cc[] = {WORD("310000/commerce")};

static const struct rules_source_rule rules[] = {
    {.name = WORD("contact"),
     .zh = WORD("密接协查"),
     .en = WORD("contacts"),
     .kinds = WORDS(contact_kinds),
     .from = WORDS(contact_from),
     .to = WORDS(contact_to),
     .lane = WORD("urgent"),
     .sign_for = WORD("30 min, D"),
     .first_feedback = WORD("12 h, D"),
     .close = WORD("24 h, D"),
     .keep = WORD("R60, S")},
    {.name = WORD("measure"),
     .zh = WORD("措施通报"),
     .en = WORD("measures"),
     .kinds = WORDS(measure_kinds),
     .from = WORDS(measure_from),
     .to = WORDS(measure_to),
     .lane = WORD("routine, flash when immediate, bulk when future"),
     .sign_for = WORD("2 h, D"),
     .keep = WORD("10 y, D")},
    {.name = WORD("supply"),
     .zh = WORD("物资需求"),
     .en = WORD("supplies"),
     .kinds = WORDS(supply_kinds),
     .from = WORDS(supply_from),
     .to = WORDS(supply_to),
     .cc = WORDS(supply_cc),
     .lane = WORD("routine"),
     .sign_for = WORD("4 h, D, office hours"),
     .keep = WORD("3 y, D")},
};

static const struct rules_source source = {
    .file = "yangtze-delta.yaml",
    .mechanism = WORD("yangtze-delta"),
    .zh = WORD("长三角"),
    .en = WORD("Yangtze delta"),
    .from_time = WORD("2020-02-07"),
    .members = WORDS(members),
    .rules = rules,
    .rule_count = sizeof rules / sizeof rules[0],
};

void fake_policy_make(struct fake *fake)
{
    struct rules_policy *policy = NULL;
    struct wire_problem problem = {.status = WIRE_OK};
    size_t size = rules_policy_size(&source, 1);
    uint8_t digest[WIRE_HASH_BYTES] = {0xd1};
    fake->policy = fake->lent->policy;
    if (fake->policy != NULL)
        return;
    fake->lent->policy_memory = malloc(size);
    ENSURE(fake->lent->policy_memory != NULL);
    if (rules_compile(&source, 1, 1, digest, fake->lent->policy_memory, size, &policy, &problem) != WIRE_OK) {
        fprintf(stderr, "%s: %s\n", problem.where, problem.en);
        abort();
    }
    fake->policy = fake->lent->policy = policy;
}

uint32_t fake_lane_of(const struct fake_spec *spec)
{
    if (spec->lane != 0)
        return spec->lane - 1;
    if (spec->kind == WIRE_KIND_MEASURE_BULLETIN && spec->urgency == WIRE__URGENCY__IMMEDIATE)
        return WIRE__LANE__FLASH;
    if (spec->kind == WIRE_KIND_MEASURE_BULLETIN && spec->urgency == WIRE__URGENCY__FUTURE)
        return WIRE__LANE__BULK;
    return spec->kind == WIRE_KIND_MEASURE_BULLETIN || spec->kind == WIRE_KIND_SUPPLY_REQUEST ? WIRE__LANE__ROUTINE
                                                                                              : WIRE__LANE__URGENT;
}
