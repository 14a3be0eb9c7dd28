/* contact-notice 密接协查: a case's journeys and contacts, to the one region that can find them. */
#include "wire/kind_rows.h"
#include "wire/person.h"
#include "wire/time.h"
#include <string.h>

/* clang-format off */
static const struct wire_field notice_fields[] = {
    {"common",            "公共项",   "Common",           NULL,                   WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"type",              "协查类型", "Type",             NULL,                   WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"case_no",           "病例编号", "Case number",      NULL,                   WIRE_FIELD_REQUIRED | WIRE_FIELD_PUBLIC, WIRE_MASK_NONE, 60},
    {"case_class",        "病例类型", "Case class",       "病例分类",             WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"generation",        "代次",     "Generation",       NULL,                   0,                   WIRE_MASK_NONE, 100},
    {"sex",               "性别",     "Sex",              NULL,                   0,                   WIRE_MASK_NONE, 0},
    {"age",               "年龄",     "Age",              NULL,                   0,                   WIRE_MASK_NONE, WIRE_CHECK_AGE_MAX},
    {"onset_day",         "发病日期", "Onset",            NULL,                   WIRE_FIELD_PAST,     WIRE_MASK_NONE, 0},
    {"sampled_day",       "采样日期", "Sampled",          NULL,                   WIRE_FIELD_PAST,     WIRE_MASK_NONE, 0},
    {"confirmed_day",     "确诊日期", "Confirmed",        NULL,                   WIRE_FIELD_PAST,     WIRE_MASK_NONE, 0},
    {"conveyance",        "交通",     "Conveyances",      "行程|journey",         0,                   WIRE_MASK_NONE, 0},
    {"place",             "场所",     "Places",           NULL,                   0,                   WIRE_MASK_NONE, 0},
    {"person",            "人员",     "Persons",          NULL,                   0,                   WIRE_MASK_NONE, 0},
    {"to_check",          "应查人数", "To check",         "应查",                 0,                   WIRE_MASK_NONE, 0},
    {"ask",               "请办事项", "Asked",            NULL,                   WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"observe_until_day", "观察截止", "Observe until",    "观察截止日期",         WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
};

static const struct wire_field conveyance_fields[] = {
    {"mode",                "交通方式",   "Mode",            "方式",               WIRE_FIELD_REQUIRED, WIRE_MASK_NONE,  0},
    {"number",              "班次",       "Number",          "航班|车次|航班号",   0,                   WIRE_MASK_NONE,  60},
    {"plate",               "车牌",       "Plate",           "车牌号",             0,                   WIRE_MASK_PLATE, 20},
    {"travel_day",          "行程日期",   "Date",            "日期|乘坐日期",      WIRE_FIELD_REQUIRED | WIRE_FIELD_PAST, WIRE_MASK_NONE, 0},
    {"travel_day_unstated", "行程日期未注明", "Date unstated", NULL,               0,                   WIRE_MASK_NONE,  0},
    {"carriage",            "车厢",       "Carriage",        "车厢号",             0,                   WIRE_MASK_NONE,  20},
    {"seat",                "座位",       "Seat",            "座位号",             0,                   WIRE_MASK_ALL,   40},
    {"from_region",         "出发地",     "From",            "出发地区",           0,                   WIRE_MASK_NONE,  0},
    {"from_place",          "出发站点",   "From station",    "始发站",             0,                   WIRE_MASK_NONE,  100},
    {"to_region",           "到达地",     "To",              "到达地区|目的地",    0,                   WIRE_MASK_NONE,  0},
    {"to_place",            "到达站点",   "To station",      "终到站",             0,                   WIRE_MASK_NONE,  100},
    {"departed_ms",         "出发时间",   "Departed",        NULL,                 WIRE_FIELD_PAST,     WIRE_MASK_NONE,  0},
    {"arrived_ms",          "到达时间",   "Arrived",         NULL,                 WIRE_FIELD_PAST,     WIRE_MASK_NONE,  0},
    {"contacts",            "密接人数",   "Contacts",        NULL,                 0,                   WIRE_MASK_NONE,  0},
};

static const struct wire_field place_fields[] = {
    {"name",     "场所名称", "Place",    "名称",     WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 100},
    {"region",   "场所区划", "Region",   "区划",     0,                   WIRE_MASK_NONE, 0},
    {"from_ms",  "进入时间", "From",     "起",       WIRE_FIELD_PAST,     WIRE_MASK_NONE, 0},
    {"to_ms",    "离开时间", "To",       "止",       WIRE_FIELD_PAST,     WIRE_MASK_NONE, 0},
    {"contacts", "场所密接人数", "Contacts", "密接人数", 0,               WIRE_MASK_NONE, 0},
};

static const struct wire_message_fields messages[] = {
    WIRE_FIELDS_OF(wire__contact_notice__descriptor, notice_fields),
    WIRE_FIELDS_OF(wire__conveyance__descriptor, conveyance_fields),
    WIRE_FIELDS_OF(wire__place__descriptor, place_fields),
};

static const struct wire_enum_word types[] = {
    {WIRE__CONTACT_NOTICE__TYPE__NAMED,           "具名密接", "Named contacts",      NULL},
    {WIRE__CONTACT_NOTICE__TYPE__SAME_CONVEYANCE, "同乘",     "Same conveyance",     NULL},
    {WIRE__CONTACT_NOTICE__TYPE__SAME_PLACE,      "同场所",   "Same place",          NULL},
    {WIRE__CONTACT_NOTICE__TYPE__CASE_JOURNEY,    "病例轨迹", "Journey of the case", NULL},
    {WIRE__CONTACT_NOTICE__TYPE__SECONDARY,       "次密接",   "Secondary contacts",  NULL},
};

static const struct wire_enum_word classes[] = {
    {WIRE__CONTACT_NOTICE__CASE_CLASS__CONFIRMED,    "确诊",     "Confirmed",          "确诊病例"},
    {WIRE__CONTACT_NOTICE__CASE_CLASS__SUSPECTED,    "疑似",     "Suspected",          "疑似病例"},
    {WIRE__CONTACT_NOTICE__CASE_CLASS__CLINICAL,     "临床诊断", "Clinically diagnosed", "临床诊断病例"},
    {WIRE__CONTACT_NOTICE__CASE_CLASS__ASYMPTOMATIC, "无症状",   "Asymptomatic",       "无症状感染者"},
};

static const struct wire_enum_word asks[] = {
    {WIRE__CONTACT_NOTICE__ASK__FIND,        "查找",   "Find",        NULL},
    {WIRE__CONTACT_NOTICE__ASK__ISOLATE,     "隔离",   "Isolate",     NULL},
    {WIRE__CONTACT_NOTICE__ASK__SAMPLE,      "采样",   "Sample",      NULL},
    {WIRE__CONTACT_NOTICE__ASK__FEEDBACK,    "反馈",   "Feed back",   NULL},
    {WIRE__CONTACT_NOTICE__ASK__INFORM_ONLY, "仅告知", "For information", NULL},
};

static const struct wire_enum_word modes[] = {
    {WIRE__CONVEYANCE__MODE__UNKNOWN,          "未知",     "Unknown",          "不详"},
    {WIRE__CONVEYANCE__MODE__AIRCRAFT,         "飞机",     "Aircraft",         "航班|航空|民航"},
    {WIRE__CONVEYANCE__MODE__TRAIN,            "火车",     "Train",            "普速列车"},
    {WIRE__CONVEYANCE__MODE__EMU_TRAIN,        "动车",     "EMU train",        NULL},
    {WIRE__CONVEYANCE__MODE__HIGH_SPEED_TRAIN, "高铁",     "High-speed train", NULL},
    {WIRE__CONVEYANCE__MODE__COACH,            "长途汽车", "Coach",            "客车|大巴"},
    {WIRE__CONVEYANCE__MODE__BUS,              "公交车",   "Bus",              "公交"},
    {WIRE__CONVEYANCE__MODE__METRO,            "地铁",     "Metro",            "轨道交通"},
    {WIRE__CONVEYANCE__MODE__TAXI,             "出租车",   "Taxi",             "网约车"},
    {WIRE__CONVEYANCE__MODE__PRIVATE_CAR,      "自驾",     "Private car",      "私家车|驾车|随车"},
    {WIRE__CONVEYANCE__MODE__HIRE_CAR,         "租车",     "Hire car",         "自行租车|包车"},
    {WIRE__CONVEYANCE__MODE__FERRY,            "轮渡",     "Ferry",            "渡轮|轮船|客轮"},
    {WIRE__CONVEYANCE__MODE__OTHER,            "其他",     "Other",            "乘车"},
};

static const struct wire_enum_words enums[] = {
    WIRE_FIELDS_OF(wire__contact_notice__type__descriptor, types),
    WIRE_FIELDS_OF(wire__contact_notice__case_class__descriptor, classes),
    WIRE_FIELDS_OF(wire__contact_notice__ask__descriptor, asks),
    WIRE_FIELDS_OF(wire__conveyance__mode__descriptor, modes),
};
/* clang-format on */

const struct wire_words wire_words_contact_notice = {
    .messages = messages, .message_count = WIRE_COUNT_OF(messages), .enums = enums, .enum_count = WIRE_COUNT_OF(enums)};

#define NOTICE (&wire__contact_notice__descriptor)

static Wire__Urgency notice_urgency(const ProtobufCMessage *payload)
{
    (void)payload; /* a contact who is not found today is a case next week */
    return WIRE__URGENCY__IMMEDIATE;
}

static uint32_t later(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t exposure_day(const ProtobufCMessage *payload)
{
    const Wire__ContactNotice *notice = (const Wire__ContactNotice *)payload;
    uint32_t day = 0;
    for (size_t i = 0; i < notice->n_conveyance; i++)
        if (notice->conveyance[i]->has_travel_day)
            day = later(day, notice->conveyance[i]->travel_day);
    for (size_t i = 0; i < notice->n_place; i++) {
        const Wire__Place *place = notice->place[i];
        if (place->has_to_ms || place->has_from_ms)
            day = later(day, wire_day_of(place->has_to_ms ? place->to_ms : place->from_ms));
    }
    for (size_t i = 0; i < notice->n_person; i++)
        if (notice->person[i]->has_last_contact_day)
            day = later(day, notice->person[i]->last_contact_day);
    return day;
}

static uint32_t subjects(const ProtobufCMessage *payload)
{
    return (uint32_t)((const Wire__ContactNotice *)payload)->n_person;
}

static enum wire_status check_case(struct wire_check *check, const Wire__ContactNotice *notice)
{
    if (strpbrk(notice->case_no, "0123456789") == NULL)
        return wire_check_fail(check, NOTICE, "case_no", "“病例编号”中没有数字：这里填编号，不得填姓名",
                               "has no digit: a case number belongs here, never a name");
    bool confirmed = notice->case_class == WIRE__CONTACT_NOTICE__CASE_CLASS__CONFIRMED;
    if (confirmed && !notice->has_confirmed_day)
        return wire_check_fail(
            check, NOTICE, "confirmed_day", "病例类型为确诊而无确诊日期：请填写；尚未确诊的，类型请改为疑似",
            "the case is called confirmed without a day of confirmation: give the day, or call it suspected");
    if (notice->case_class == WIRE__CONTACT_NOTICE__CASE_CLASS__SUSPECTED && notice->has_confirmed_day)
        return wire_check_fail(check, NOTICE, "case_class", "已有确诊日期，病例类型不应为疑似，请核对",
                               "a case with a day of confirmation is not a suspected one; check both");
    return WIRE_OK;
}

static enum wire_status check_asks(struct wire_check *check, const Wire__ContactNotice *notice)
{
    for (size_t i = 0; i < notice->n_ask; i++)
        if (notice->ask[i] == WIRE__CONTACT_NOTICE__ASK__INFORM_ONLY && notice->n_ask > 1)
            return wire_check_fail(check, NOTICE, "ask", "“仅告知”不能与其他请办事项并列，请只选其一",
                                   "\"inform-only\" cannot stand beside other requests; choose one");
    return WIRE_OK;
}

/* What each type must bring, and how many are to be found. */
static enum wire_status check_substance(struct wire_check *check, const Wire__ContactNotice *notice)
{
    bool journey = notice->type == WIRE__CONTACT_NOTICE__TYPE__CASE_JOURNEY;
    if (notice->type == WIRE__CONTACT_NOTICE__TYPE__NAMED && notice->n_person == 0)
        return wire_check_fail(check, NOTICE, "person", "具名密接须列出人员，请填写",
                               "a notice of named contacts needs persons; list them");
    if (notice->type == WIRE__CONTACT_NOTICE__TYPE__SAME_CONVEYANCE && notice->n_conveyance == 0)
        return wire_check_fail(check, NOTICE, "conveyance", "同乘协查须有交通班次，请填写",
                               "a notice of fellow travellers needs the conveyance; fill it in");
    if (notice->type == WIRE__CONTACT_NOTICE__TYPE__SAME_PLACE && notice->n_place == 0)
        return wire_check_fail(check, NOTICE, "place", "同场所协查须有场所，请填写",
                               "a notice of a place needs the place; fill it in");
    if (journey && notice->n_conveyance == 0 && notice->n_place == 0)
        return wire_check_fail(check, NOTICE, "conveyance", "病例轨迹须有行程或场所，请填写",
                               "a journey of a case needs a conveyance or a place; fill it in");
    if (!journey && !notice->has_to_check)
        return wire_check_fail(check, NOTICE, "to_check", "必填项缺失（病例轨迹除外），请填写应查人数",
                               "is required for all but journeys of cases; say how many are to be found");
    if (notice->has_to_check && notice->to_check < notice->n_person)
        return wire_check_fail(check, NOTICE, "to_check", "应查人数 %u 少于所列人员 %zu 人，请核对",
                               "%u are to be found but %zu persons are listed; check both", notice->to_check,
                               notice->n_person);
    return WIRE_OK;
}

static enum wire_status check_conveyance(struct wire_check *check, const Wire__Conveyance *conveyance)
{
    const ProtobufCMessageDescriptor *type = &wire__conveyance__descriptor;
    if (conveyance->has_departed_ms && conveyance->has_arrived_ms && conveyance->arrived_ms < conveyance->departed_ms)
        return wire_check_fail(check, type, "arrived_ms", "到达时间早于出发时间，请核对",
                               "arrival lies before departure; check both");
    if (conveyance->has_departed_ms && conveyance->has_travel_day &&
        wire_day_of(conveyance->departed_ms) != conveyance->travel_day)
        return wire_check_fail(check, type, "departed_ms", "出发时间与行程日期不是同一天，请核对",
                               "the departure is not on the day of travel; check both");
    return WIRE_OK;
}

static enum wire_status check_journeys(struct wire_check *check, const Wire__ContactNotice *notice)
{
    enum wire_status status = WIRE_OK;
    for (size_t i = 0; status == WIRE_OK && i < notice->n_conveyance; i++) {
        struct wire_path_mark mark = wire_check_enter(check, NOTICE, "conveyance", i + 1);
        status = check_conveyance(check, notice->conveyance[i]);
        wire_path_leave(&check->path, mark);
    }
    for (size_t i = 0; status == WIRE_OK && i < notice->n_place; i++) {
        const Wire__Place *place = notice->place[i];
        struct wire_path_mark mark = wire_check_enter(check, NOTICE, "place", i + 1);
        if (place->has_from_ms && place->has_to_ms && place->to_ms < place->from_ms)
            status = wire_check_fail(check, &wire__place__descriptor, "to_ms", "离开时间早于进入时间，请核对",
                                     "leaving lies before entering; check both");
        wire_path_leave(&check->path, mark);
    }
    return status;
}

static enum wire_status check_contact(struct wire_check *check, const Wire__ContactNotice *notice, size_t at)
{
    const Wire__Person *person = notice->person[at];
    const ProtobufCMessageDescriptor *type = &wire__person__descriptor;
    for (size_t before = 0; before < at; before++)
        if (notice->person[before]->ref == person->ref)
            return wire_check_fail(check, type, "ref", "序号 %u 与第 %zu 人重复，请改正",
                                   "the reference %u is that of entry %zu too; change one", person->ref, before + 1);
    if (!person->has_last_contact_day)
        return wire_check_fail(check, type, "last_contact_day", "必填项缺失，请填写末次接触日期",
                               "is required and missing; give the day of the last contact");
    return wire_person_check(check, person);
}

static enum wire_status check_contacts(struct wire_check *check, const Wire__ContactNotice *notice)
{
    enum wire_status status = WIRE_OK;
    for (size_t i = 0; status == WIRE_OK && i < notice->n_person; i++) {
        struct wire_path_mark mark = wire_check_enter(check, NOTICE, "person", i + 1);
        status = check_contact(check, notice, i);
        wire_path_leave(&check->path, mark);
    }
    return status;
}

static enum wire_status check_observation(struct wire_check *check, const Wire__ContactNotice *notice)
{
    char until[WIRE_DAY_TEXT], last[WIRE_DAY_TEXT];
    uint32_t exposed = exposure_day(&notice->base);
    if (notice->observe_until_day >= exposed)
        return WIRE_OK;
    return wire_check_fail(check, NOTICE, "observe_until_day", "观察截止 %s 早于末次暴露 %s，请核对",
                           "observation ends on %s, before the last exposure on %s; check both",
                           wire_day_text(notice->observe_until_day, until), wire_day_text(exposed, last));
}

static enum wire_status check_notice(const ProtobufCMessage *payload, int64_t now_ms, struct wire_problem *problem)
{
    static enum wire_status (*const questions[])(struct wire_check *, const Wire__ContactNotice *) = {
        check_case, check_asks, check_substance, check_journeys, check_contacts, check_observation,
    };
    struct wire_check walk;
    enum wire_status status = wire_check_start(&walk, payload, true, now_ms, problem);
    for (size_t i = 0; status == WIRE_OK && i < WIRE_COUNT_OF(questions); i++)
        status = questions[i](&walk, (const Wire__ContactNotice *)payload);
    return status;
}

const struct wire_kind wire_kind_contact_notice = {
    .number = WIRE_KIND_CONTACT_NOTICE,
    .name = "contact-notice",
    .zh = "密接协查",
    .en = "Contact notice",
    .payload = NOTICE,
    .persons = true,
    .urgency = notice_urgency,
    .check = check_notice,
    .subjects = subjects,
    .exposure_day = exposure_day,
};
