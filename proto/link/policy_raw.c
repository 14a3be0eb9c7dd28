#include "link/policy_raw.h"

/* The shape of our files. Whether a word means something is asked by rules_compile; here only what stands where. */
#define TEXT(key, type, member) CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 0, CYAML_UNLIMITED)
#define TEXT_IF(key, type, member)                                                                                     \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 0, CYAML_UNLIMITED)
#define LIST(key, type, member) CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER, type, member, &word, 0, 512)
#define LIST_IF(key, type, member)                                                                                     \
    CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, &word, 0, 512)
#define MAPS_IF(key, type, member, entry)                                                                              \
    CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, entry, 0, 512)

static const cyaml_schema_value_t word = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED)};

static const cyaml_schema_field_t title_fields[] = {
    TEXT("zh", struct policy_raw_title, zh),
    TEXT("en", struct policy_raw_title, en),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t period_fields[] = {
    TEXT_IF("from", struct policy_raw_period, from),
    TEXT_IF("until", struct policy_raw_period, until),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t liaison_fields[] = {
    TEXT("region", struct policy_raw_liaison, region),
    LIST_IF("may send", struct policy_raw_liaison, may_send),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t liaison = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct policy_raw_liaison, liaison_fields)};

static const cyaml_schema_field_t seat_fields[] = {
    TEXT_IF("kind", struct policy_raw_seat, kind),
    TEXT("at", struct policy_raw_seat, at),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t seat = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct policy_raw_seat, seat_fields)};

static const cyaml_schema_field_t pair_fields[] = {
    TEXT("city", struct policy_raw_pair, city),
    LIST("with", struct policy_raw_pair, with),
    TEXT_IF("from", struct policy_raw_pair, from),
    TEXT_IF("until", struct policy_raw_pair, until),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t pair = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct policy_raw_pair, pair_fields)};

static const cyaml_schema_field_t terms_fields[] = {
    TEXT_IF("sign for", struct policy_raw_terms, sign_for),
    TEXT_IF("first feedback", struct policy_raw_terms, first_feedback),
    TEXT_IF("close", struct policy_raw_terms, close),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t rule_fields[] = {
    TEXT("name", struct policy_raw_rule, name),
    CYAML_FIELD_MAPPING("title", CYAML_FLAG_DEFAULT, struct policy_raw_rule, title, title_fields),
    LIST("kinds", struct policy_raw_rule, kinds),
    LIST("from", struct policy_raw_rule, from),
    LIST("to", struct policy_raw_rule, to),
    LIST_IF("copy", struct policy_raw_rule, copy),
    TEXT("lane", struct policy_raw_rule, lane),
    CYAML_FIELD_MAPPING("terms", CYAML_FLAG_OPTIONAL, struct policy_raw_rule, terms, terms_fields),
    TEXT("keep", struct policy_raw_rule, keep),
    TEXT_IF("form", struct policy_raw_rule, form),
    TEXT_IF("highest first", struct policy_raw_rule, highest_first),
    TEXT("source", struct policy_raw_rule, source),
    CYAML_FIELD_MAPPING("in force", CYAML_FLAG_OPTIONAL, struct policy_raw_rule, in_force, period_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t rule = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct policy_raw_rule, rule_fields)};

static const cyaml_schema_field_t mechanism_fields[] = {
    TEXT("mechanism", struct policy_raw, mechanism),
    CYAML_FIELD_MAPPING("name", CYAML_FLAG_DEFAULT, struct policy_raw, name, title_fields),
    CYAML_FIELD_MAPPING("in force", CYAML_FLAG_DEFAULT, struct policy_raw, in_force, period_fields),
    TEXT_IF("assessment", struct policy_raw, assessment),
    LIST("members", struct policy_raw, members),
    MAPS_IF("liaisons", struct policy_raw, liaisons, &liaison),
    TEXT_IF("coordinator", struct policy_raw, coordinator),
    MAPS_IF("seats", struct policy_raw, seats, &seat),
    MAPS_IF("paired", struct policy_raw, paired, &pair),
    CYAML_FIELD_SEQUENCE("rules", CYAML_FLAG_POINTER, struct policy_raw, rules, &rule, 1, 64),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t policy_raw_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct policy_raw, mechanism_fields)};

static const cyaml_schema_field_t case_fields[] = {
    TEXT("name", struct policy_raw_case, name),
    TEXT("at", struct policy_raw_case, at),
    TEXT("origin", struct policy_raw_case, origin),
    TEXT("issuer", struct policy_raw_case, issuer),
    TEXT("kind", struct policy_raw_case, kind),
    TEXT_IF("mechanism", struct policy_raw_case, mechanism),
    TEXT_IF("reason", struct policy_raw_case, reason),
    TEXT_IF("urgency", struct policy_raw_case, urgency),
    TEXT_IF("lane", struct policy_raw_case, lane),
    TEXT_IF("form", struct policy_raw_case, form),
    TEXT_IF("status", struct policy_raw_case, status),
    TEXT_IF("action", struct policy_raw_case, action),
    LIST_IF("to", struct policy_raw_case, to),
    LIST_IF("copy", struct policy_raw_case, cc),
    LIST_IF("concerns", struct policy_raw_case, concerns),
    TEXT_IF("keep until", struct policy_raw_case, keep_until),
    TEXT_IF("expires", struct policy_raw_case, expires),
    TEXT_IF("due", struct policy_raw_case, due),
    LIST_IF("enrolled", struct policy_raw_case, enrolled),
    TEXT_IF("answers", struct policy_raw_case, parent),
    TEXT_IF("corrects", struct policy_raw_case, original),
    LIST_IF("given to", struct policy_raw_case, original_to),
    LIST_IF("copied to", struct policy_raw_case, original_cc),
    TEXT("expect", struct policy_raw_case, expect),
    TEXT_IF("expect rule", struct policy_raw_case, rule),
    TEXT_IF("expect mechanism", struct policy_raw_case, expect_mechanism),
    TEXT_IF("expect lane", struct policy_raw_case, expect_lane),
    TEXT_IF("expect keep", struct policy_raw_case, expect_keep),
    LIST_IF("expect to", struct policy_raw_case, expect_to),
    LIST_IF("expect copy", struct policy_raw_case, expect_cc),
    LIST_IF("expect not enrolled", struct policy_raw_case, expect_not_enrolled),
    LIST_IF("expect terms", struct policy_raw_case, expect_terms),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t one_case = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct policy_raw_case, case_fields)};

static const cyaml_schema_field_t cases_fields[] = {
    CYAML_FIELD_SEQUENCE("cases", CYAML_FLAG_POINTER, struct policy_raw_cases, cases, &one_case, 1, 4096),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t policy_raw_cases_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct policy_raw_cases, cases_fields)};
