/* measure-bulletin 措施通报: what a region does from when to when, on what basis, and whether it goes beyond its level.
 */
#include "schema/payload.pb-c.h"
#include "wire/check.h"
#include "wire/kind_rows.h"
#include "wire/time.h"

/* clang-format off */
static const struct wire_field fields[] = {
    {"common",          "公共项",     "Common",           NULL,                WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"category",        "类别",       "Category",         "措施类别",          WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"action",          "动作",       "Action",           NULL,                WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"region",          "适用地区",   "Applies in",       NULL,                WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"response_level",  "响应级别",   "Response level",   "级别|level",        0,                   WIRE_MASK_NONE, 0},
    {"handled_as",      "比照级别",   "Handled as",       "比照",              0,                   WIRE_MASK_NONE, 0},
    {"route",           "线路/口岸",  "Routes and ports", "线路|口岸",         0,                   WIRE_MASK_NONE, 100},
    {"effective_ms",    "生效",       "Effective",        "生效时间",          WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"ends_day",        "失效日",     "Ends",             "失效日期",          0,                   WIRE_MASK_NONE, 0},
    {"review_day",      "评估日",     "Review",           "评估日期",          0,                   WIRE_MASK_NONE, 0},
    {"summary",         "要点",       "Summary",          NULL,                WIRE_FIELD_REQUIRED | WIRE_FIELD_FREE, WIRE_MASK_NONE, 500},
    {"basis_doc_no",    "依据文号",   "Basis",            "依据",              0,                   WIRE_MASK_NONE, 100},
    {"stricter",        "严于等级",   "Stricter than its level", NULL,         WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"stricter_reason", "严于等级的理由", "Reason",       "理由",              WIRE_FIELD_FREE,     WIRE_MASK_NONE, 500},
    {"cooperation",     "请贵地配合", "Cooperation asked for",           NULL,                WIRE_FIELD_FREE,     WIRE_MASK_NONE, 500},
};

static const struct wire_message_fields messages[] = {
    WIRE_FIELDS_OF(wire__measure_bulletin__descriptor, fields),
};

static const struct wire_enum_word categories[] = {
    {WIRE__MEASURE_BULLETIN__CATEGORY__RESPONSE_LEVEL,     "响应级别", "Response level",     NULL},
    {WIRE__MEASURE_BULLETIN__CATEGORY__TRAFFIC_CONTROL,    "交通管制", "Traffic control",    NULL},
    {WIRE__MEASURE_BULLETIN__CATEGORY__CHECKPOINT,         "卡口查验", "Checkpoint",         NULL},
    {WIRE__MEASURE_BULLETIN__CATEGORY__RETURNING_PEOPLE,   "来返人员", "Returning people",   NULL},
    {WIRE__MEASURE_BULLETIN__CATEGORY__ISOLATION,          "隔离",     "Isolation",          NULL},
    {WIRE__MEASURE_BULLETIN__CATEGORY__RESUMPTION,         "复工复学", "Resumption",         NULL},
    {WIRE__MEASURE_BULLETIN__CATEGORY__MARKET_SUPPLIES,    "市场物资", "Market supplies",    NULL},
    {WIRE__MEASURE_BULLETIN__CATEGORY__RISK_ZONING,        "风险区划", "Risk zoning",        NULL},
    {WIRE__MEASURE_BULLETIN__CATEGORY__MUTUAL_RECOGNITION, "互认",     "Mutual recognition", NULL},
    {WIRE__MEASURE_BULLETIN__CATEGORY__OTHER,              "其他",     "Other",              NULL},
};

static const struct wire_enum_word changes[] = {
    {WIRE__MEASURE_BULLETIN__CHANGE__NEW,    "新增", "New",    NULL},
    {WIRE__MEASURE_BULLETIN__CHANGE__ADJUST, "调整", "Adjust", NULL},
    {WIRE__MEASURE_BULLETIN__CHANGE__LIFT,   "解除", "Lift",   NULL},
};

static const struct wire_enum_word levels[] = {
    {WIRE__MEASURE_BULLETIN__LEVEL__LEVEL_1, "一级", "Level I",   "Ⅰ级|I级|I"},
    {WIRE__MEASURE_BULLETIN__LEVEL__LEVEL_2, "二级", "Level II",  "Ⅱ级|II级|II"},
    {WIRE__MEASURE_BULLETIN__LEVEL__LEVEL_3, "三级", "Level III", "Ⅲ级|III级|III"},
    {WIRE__MEASURE_BULLETIN__LEVEL__LEVEL_4, "四级", "Level IV",  "Ⅳ级|IV级|IV"},
};

static const struct wire_enum_words enums[] = {
    WIRE_FIELDS_OF(wire__measure_bulletin__category__descriptor, categories),
    WIRE_FIELDS_OF(wire__measure_bulletin__change__descriptor, changes),
    WIRE_FIELDS_OF(wire__measure_bulletin__level__descriptor, levels),
};
/* clang-format on */

const struct wire_words wire_words_measure_bulletin = {
    .messages = messages, .message_count = WIRE_COUNT_OF(messages), .enums = enums, .enum_count = WIRE_COUNT_OF(enums)};

#define BULLETIN (&wire__measure_bulletin__descriptor)

static bool is_about(const Wire__MeasureBulletin *bulletin, Wire__MeasureBulletin__Category category)
{
    for (size_t i = 0; i < bulletin->n_category; i++)
        if (bulletin->category[i] == category)
            return true;
    return false;
}

/* Roads and response levels change what the neighbours must do today. */
static Wire__Urgency bulletin_urgency(const ProtobufCMessage *payload)
{
    const Wire__MeasureBulletin *bulletin = (const Wire__MeasureBulletin *)payload;
    bool immediate = is_about(bulletin, WIRE__MEASURE_BULLETIN__CATEGORY__TRAFFIC_CONTROL) ||
                     is_about(bulletin, WIRE__MEASURE_BULLETIN__CATEGORY__RESPONSE_LEVEL);
    return immediate ? WIRE__URGENCY__IMMEDIATE : WIRE__URGENCY__EXPECTED;
}

static enum wire_status check_level(struct wire_check *check, const Wire__MeasureBulletin *bulletin)
{
    if (is_about(bulletin, WIRE__MEASURE_BULLETIN__CATEGORY__RESPONSE_LEVEL) && !bulletin->has_response_level)
        return wire_check_fail(check, BULLETIN, "response_level", "类别含响应级别，请填写响应级别（一级至四级）",
                               "the category is response level; say which (level-1 to level-4)");
    bool reason = bulletin->stricter_reason != NULL && bulletin->stricter_reason[0] != '\0';
    if (bulletin->stricter && !reason)
        return wire_check_fail(check, BULLETIN, "stricter_reason", "措施严于等级，请填写理由",
                               "the measure goes beyond its level; give the reason");
    return WIRE_OK;
}

static enum wire_status check_term(struct wire_check *check, const Wire__MeasureBulletin *bulletin)
{
    char day[WIRE_DAY_TEXT], effective[WIRE_DAY_TEXT];
    uint32_t from = wire_day_of(bulletin->effective_ms);
    if (!bulletin->has_ends_day && !bulletin->has_review_day)
        return wire_check_fail(
            check, BULLETIN, "ends_day", "请填写失效日或评估日（解除措施的，填解除之日）",
            "give the day it ends or the day of its review (for a lifted measure the day of lifting)");
    wire_day_text(from, effective);
    if (bulletin->has_ends_day && bulletin->ends_day < from)
        return wire_check_fail(check, BULLETIN, "ends_day", "失效日 %s 早于生效日 %s，请核对",
                               "it ends on %s, before it takes effect on %s; check both",
                               wire_day_text(bulletin->ends_day, day), effective);
    if (bulletin->has_review_day && bulletin->review_day < from)
        return wire_check_fail(check, BULLETIN, "review_day", "评估日 %s 早于生效日 %s，请核对",
                               "its review on %s lies before it takes effect on %s; check both",
                               wire_day_text(bulletin->review_day, day), effective);
    return WIRE_OK;
}

static enum wire_status check_bulletin(const ProtobufCMessage *payload, int64_t now_ms, struct wire_problem *problem)
{
    const Wire__MeasureBulletin *bulletin = (const Wire__MeasureBulletin *)payload;
    struct wire_check walk;
    enum wire_status status = wire_check_start(&walk, payload, false, now_ms, problem);
    if (status == WIRE_OK)
        status = check_level(&walk, bulletin);
    if (status == WIRE_OK)
        status = check_term(&walk, bulletin);
    return status;
}

const struct wire_kind wire_kind_measure_bulletin = {
    .number = WIRE_KIND_MEASURE_BULLETIN,
    .name = "measure-bulletin",
    .zh = "措施通报",
    .en = "Measure bulletin",
    .payload = BULLETIN,
    .urgency = bulletin_urgency,
    .check = check_bulletin,
    .subjects = wire_kind_no_number,
    .exposure_day = wire_kind_no_number,
};
