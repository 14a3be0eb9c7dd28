/* outcome 反馈: what became of the persons of a notice, person by person or by count. */
#include "schema/payload.pb-c.h"
#include "wire/check.h"
#include "wire/kind_rows.h"

/* clang-format off */
static const struct wire_field outcome_fields[] = {
    {"common",          "公共项",   "Common",       NULL,                 0,                   WIRE_MASK_NONE, 0},
    {"reply_to_number", "对应编号", "Answers",      "答复编号",           WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 40},
    {"person",          "人员",     "Persons",      NULL,                 0,                   WIRE_MASK_NONE, 0},
    {"counts",          "人数",     "Counts",       "计数",               0,                   WIRE_MASK_NONE, 0},
    {"final",           "终结",     "Final",        "是否终结",           WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
};

static const struct wire_field person_fields[] = {
    {"ref",             "序号",     "Reference",    "编号",               WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"result",          "结果",     "Result",       NULL,                 WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"at_ms",           "时间",     "Time",         "管控时间",           WIRE_FIELD_REQUIRED | WIRE_FIELD_PAST, WIRE_MASK_NONE, 0},
    {"place",           "管控地",   "Place",        NULL,                 0,                   WIRE_MASK_ALL,  200},
    {"moved_to_region", "转送至",   "Moved to",     NULL,                 0,                   WIRE_MASK_NONE, 0},
};

static const struct wire_field counts_fields[] = {
    {"to_check",        "应查",     "To check",     "应查人数",           WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"found",           "查到",     "Found",        "查到人数",           WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"controlled",      "管控",     "Controlled",   "管控人数",           WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"excluded",        "排除",     "Excluded",     "排除人数",           WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"not_found",       "未查到",   "Not found",    "未查到人数",         WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
};

static const struct wire_message_fields messages[] = {
    WIRE_FIELDS_OF(wire__outcome__descriptor, outcome_fields),
    WIRE_FIELDS_OF(wire__person_outcome__descriptor, person_fields),
    WIRE_FIELDS_OF(wire__outcome_counts__descriptor, counts_fields),
};

static const struct wire_enum_word results[] = {
    {WIRE__PERSON_OUTCOME__RESULT__CENTRAL_ISOLATION,   "集中隔离", "Central isolation",  NULL},
    {WIRE__PERSON_OUTCOME__RESULT__HOME_OBSERVATION,    "居家观察", "Home observation",   "居家隔离"},
    {WIRE__PERSON_OUTCOME__RESULT__ALREADY_MANAGED,     "原已在管", "Already managed",    NULL},
    {WIRE__PERSON_OUTCOME__RESULT__MOVED_ON,            "已转送",   "Moved on",           NULL},
    {WIRE__PERSON_OUTCOME__RESULT__NOT_HERE,            "不在本地", "Not here",           NULL},
    {WIRE__PERSON_OUTCOME__RESULT__WHEREABOUTS_UNKNOWN, "去向不明", "Whereabouts unknown", NULL},
    {WIRE__PERSON_OUTCOME__RESULT__NO_SUCH_PERSON,      "查无此人", "No such person",     NULL},
    {WIRE__PERSON_OUTCOME__RESULT__WRONG_INFORMATION,   "信息有误", "Wrong information",  NULL},
    {WIRE__PERSON_OUTCOME__RESULT__EXCLUDED,            "排除",     "Excluded",           NULL},
    {WIRE__PERSON_OUTCOME__RESULT__TESTED_POSITIVE,     "检测阳性", "Tested positive",    "阳性"},
    {WIRE__PERSON_OUTCOME__RESULT__RELEASED,            "已解除",   "Released",           "解除"},
    {WIRE__PERSON_OUTCOME__RESULT__DIED,                "死亡",     "Died",               NULL},
};

static const struct wire_enum_words enums[] = {
    WIRE_FIELDS_OF(wire__person_outcome__result__descriptor, results),
};
/* clang-format on */

const struct wire_words wire_words_outcome = {
    .messages = messages, .message_count = WIRE_COUNT_OF(messages), .enums = enums, .enum_count = WIRE_COUNT_OF(enums)};

#define OUTCOME (&wire__outcome__descriptor)

static enum wire_status check_form(struct wire_check *check, const Wire__Outcome *outcome)
{
    if (outcome->n_person == 0 && outcome->counts == NULL)
        return wire_check_fail(check, OUTCOME, "person", "既无人员也无人数：请逐人反馈，或填写人数",
                               "holds neither persons nor counts; report person by person, or by count");
    if (outcome->n_person > 0 && outcome->counts != NULL)
        return wire_check_fail(check, OUTCOME, "counts", "逐人反馈与人数只能选一种，请删去一种",
                               "an outcome is by person or by count; remove one");
    return WIRE_OK;
}

static enum wire_status check_person(struct wire_check *check, const Wire__Outcome *outcome, size_t at)
{
    const Wire__PersonOutcome *person = outcome->person[at];
    const ProtobufCMessageDescriptor *type = &wire__person_outcome__descriptor;
    for (size_t before = 0; before < at; before++)
        if (outcome->person[before]->ref == person->ref)
            return wire_check_fail(check, type, "ref", "序号 %u 与第 %zu 人重复，请改正",
                                   "the reference %u is that of entry %zu too; change one", person->ref, before + 1);
    if (person->result == WIRE__PERSON_OUTCOME__RESULT__MOVED_ON && !person->has_moved_to_region)
        return wire_check_fail(check, type, "moved_to_region", "结果为已转送，请填写转送至何地",
                               "the person was moved on; say to which region");
    return WIRE_OK;
}

static enum wire_status check_persons(struct wire_check *check, const Wire__Outcome *outcome)
{
    enum wire_status status = WIRE_OK;
    for (size_t i = 0; status == WIRE_OK && i < outcome->n_person; i++) {
        struct wire_path_mark mark = wire_check_enter(check, OUTCOME, "person", i + 1);
        status = check_person(check, outcome, i);
        wire_path_leave(&check->path, mark);
    }
    return status;
}

static enum wire_status check_sums(struct wire_check *check, const Wire__OutcomeCounts *counts)
{
    const ProtobufCMessageDescriptor *type = &wire__outcome_counts__descriptor;
    uint64_t accounted = (uint64_t)counts->found + counts->not_found;
    if (accounted != counts->to_check)
        return wire_check_fail(check, type, "to_check", "应查 %u 人，查到与未查到合计 %llu 人，两者应相等，请核对",
                               "%u were to be checked, but found and not found make %llu; they must be equal",
                               counts->to_check, (unsigned long long)accounted);
    uint64_t settled = (uint64_t)counts->controlled + counts->excluded;
    if (settled > counts->found)
        return wire_check_fail(check, type, "found", "查到 %u 人，管控与排除合计 %llu 人，不应超过查到人数，请核对",
                               "%u were found, but controlled and excluded make %llu, which cannot be more; check them",
                               counts->found, (unsigned long long)settled);
    return WIRE_OK;
}

static enum wire_status check_counts(struct wire_check *check, const Wire__Outcome *outcome)
{
    if (outcome->counts == NULL)
        return WIRE_OK;
    struct wire_path_mark mark = wire_check_enter(check, OUTCOME, "counts", 0);
    enum wire_status status = check_sums(check, outcome->counts);
    wire_path_leave(&check->path, mark);
    return status;
}

static enum wire_status check_outcome(const ProtobufCMessage *payload, int64_t now_ms, struct wire_problem *problem)
{
    const Wire__Outcome *outcome = (const Wire__Outcome *)payload;
    struct wire_check walk;
    enum wire_status status = wire_check_start(&walk, payload, true, now_ms, problem);
    if (status == WIRE_OK)
        status = wire_check_number(&walk, OUTCOME, "reply_to_number", outcome->reply_to_number);
    if (status == WIRE_OK)
        status = check_form(&walk, outcome);
    if (status == WIRE_OK)
        status = check_persons(&walk, outcome);
    if (status == WIRE_OK)
        status = check_counts(&walk, outcome);
    return status;
}

static uint32_t outcome_subjects(const ProtobufCMessage *payload)
{
    return (uint32_t)((const Wire__Outcome *)payload)->n_person;
}

const struct wire_kind wire_kind_outcome = {
    .number = WIRE_KIND_OUTCOME,
    .name = "outcome",
    .zh = "反馈",
    .en = "Outcome",
    .payload = OUTCOME,
    .persons = true,
    .reply = true,
    .open = true,
    .urgency = wire_urgency_expected,
    .check = check_outcome,
    .subjects = outcome_subjects,
    .exposure_day = wire_kind_no_number,
};
