/* Words of what the kinds share. */
#include "schema/payload.pb-c.h"
#include "wire/kind_rows.h"

/* clang-format off */
static const struct wire_field common_fields[] = {
    /* name           Chinese            English              other headings          flags                                       mask, limit */
    {"title",         "标题",            "Title",             "题名|事由",            WIRE_FIELD_REQUIRED | WIRE_FIELD_PUBLIC,   WIRE_MASK_NONE, 200},
    {"issuer",        "发布单位",        "Issuer",            "发文单位|发文机关",    WIRE_FIELD_REQUIRED,                       WIRE_MASK_NONE, 100},
    {"doc_no",        "文号",            "Document number",   "发文字号",             0,                                         WIRE_MASK_NONE, 60},
    {"drafter",       "拟稿人",          "Drafter",           NULL,                   WIRE_FIELD_REQUIRED,                       WIRE_MASK_NONE, 60},
    {"approver",      "签发人",          "Approver",          NULL,                   WIRE_FIELD_REQUIRED,                       WIRE_MASK_NONE, 60},
    {"precedence",    "紧急程度",        "Precedence",        NULL,                   WIRE_FIELD_REQUIRED,                       WIRE_MASK_NONE, 0},
    {"openness",      "公开属性",        "Openness",          NULL,                   WIRE_FIELD_REQUIRED,                       WIRE_MASK_NONE, 0},
    {"disease",       "病种",            "Disease",           "疾病",                 WIRE_FIELD_REQUIRED,                       WIRE_MASK_NONE, 60},
    {"incident",      "事件编号",        "Incident",          NULL,                   0,                                         WIRE_MASK_NONE, 60},
    {"contact",       "联系人/值班电话", "Contact",           "联系人|值班电话|联系方式", WIRE_FIELD_REQUIRED | WIRE_FIELD_DUTY, WIRE_MASK_NONE, 100},
    {"attachment",    "附件",            "Attachments",       NULL,                   0,                                         WIRE_MASK_NONE, 0},
};

static const struct wire_field attachment_fields[] = {
    {"name",   "附件名称", "Attachment name", "文件名", WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 200},
    {"type",   "附件类型", "Attachment type", NULL,     WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 100},
    {"bytes",  "附件大小", "Attachment size", "字节数", WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, UINT64_C(1) << 40},
    {"sha256", "附件摘要", "Attachment digest", NULL,   WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 32},
};

static const struct wire_field address_fields[] = {
    {"region", "地区", "Region", "行政区划", WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"unit",   "单位", "Unit",   NULL,       0,                   WIRE_MASK_NONE, 1000},
};

static const struct wire_message_fields messages[] = {
    WIRE_FIELDS_OF(wire__common__descriptor, common_fields),
    WIRE_FIELDS_OF(wire__attachment__descriptor, attachment_fields),
    WIRE_FIELDS_OF(wire__address__descriptor, address_fields),
};

static const struct wire_enum_word precedences[] = {
    {WIRE__COMMON__PRECEDENCE__EXTRA_URGENT, "特急", "Extra urgent", NULL},
    {WIRE__COMMON__PRECEDENCE__URGENT,       "加急", "Urgent",       NULL},
    {WIRE__COMMON__PRECEDENCE__ORDINARY,     "平件", "Ordinary",     "普通|平急"},
};

static const struct wire_enum_word opennesses[] = {
    {WIRE__COMMON__OPENNESS__PUBLIC,       "主动公开",   "Public",       NULL},
    {WIRE__COMMON__OPENNESS__ON_REQUEST,   "依申请公开", "On request",   NULL},
    {WIRE__COMMON__OPENNESS__NOT_PUBLIC,   "不予公开",   "Not public",   "不公开"},
    {WIRE__COMMON__OPENNESS__SECRET,       "秘密",       "Secret",       NULL},
    {WIRE__COMMON__OPENNESS__CONFIDENTIAL, "机密",       "Confidential", NULL},
    {WIRE__COMMON__OPENNESS__TOP_SECRET,   "绝密",       "Top secret",   NULL},
};

static const struct wire_enum_word duties[] = {
    {WIRE__DUTY__SIGN_FOR,       "签收",     "Sign for",       NULL},
    {WIRE__DUTY__FIRST_FEEDBACK, "首次反馈", "First feedback", NULL},
    {WIRE__DUTY__CLOSE,          "办结",     "Close",          NULL},
};

static const struct wire_enum_words enums[] = {
    WIRE_FIELDS_OF(wire__common__precedence__descriptor, precedences),
    WIRE_FIELDS_OF(wire__common__openness__descriptor, opennesses),
    WIRE_FIELDS_OF(wire__duty__descriptor, duties),
};
/* clang-format on */

const struct wire_words wire_words_common = {
    .messages = messages, .message_count = WIRE_COUNT_OF(messages), .enums = enums, .enum_count = WIRE_COUNT_OF(enums)};

Wire__Urgency wire_urgency_expected(const ProtobufCMessage *payload)
{
    (void)payload;
    return WIRE__URGENCY__EXPECTED;
}

uint32_t wire_kind_no_number(const ProtobufCMessage *payload)
{
    (void)payload;
    return 0;
}
