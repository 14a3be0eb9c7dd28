/* supply-request 物资需求: what a facility lacks, line by line, and for how many days it still has. */
#include "schema/payload.pb-c.h"
#include "wire/check.h"
#include "wire/kind_rows.h"

enum { SHORT_OF_DAYS = 3 }; /* under this the request is immediate */

/* clang-format off */
static const struct wire_field request_fields[] = {
    {"common",           "公共项",   "Common",           NULL,              WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"facility",         "机构",     "Facility",         "医院|单位",       WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 100},
    {"delivery_region",  "收货地区", "Delivery region",  NULL,              0,                   WIRE_MASK_NONE, 0},
    {"delivery_address", "收货地址", "Delivery address", NULL,              0,                   WIRE_MASK_NONE, 200},
    {"receiver",         "收货人",   "Receiver",         NULL,              0,                   WIRE_MASK_NONE, 60},
    {"line",             "行",       "Lines",            "需求行",          WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"manner",           "方式",     "Manner",           NULL,              0,                   WIRE_MASK_NONE, 0},
    {"urgency_basis",    "紧急依据", "Basis of urgency", NULL,              WIRE_FIELD_FREE,     WIRE_MASK_NONE, 500},
    {"partial",          "允许部分", "Partial allowed",  "允许部分满足",    WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"expires_ms",       "失效",     "Expires",          "失效时间",        WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
};

static const struct wire_field line_fields[] = {
    {"line_no",             "行号",       "Line",            NULL,          WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"resource",            "资源类",     "Resource",        "资源类别",    WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"item",                "物品",       "Item",            "品名|名称",   WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 200},
    {"specification",       "规格/标准",  "Specification",   "规格|标准",   WIRE_FIELD_FREE,     WIRE_MASK_NONE, 500},
    {"quantity_kind",       "数量类",     "Quantity kind",   NULL,          WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"quantity",            "数量",       "Quantity",        "需求数量",    0,                   WIRE_MASK_NONE, UINT64_C(1000000000000)},
    {"unit",                "单位",       "Unit",            "计量单位",    WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 20},
    {"stock",               "现有库存",   "Stock",           "库存",        0,                   WIRE_MASK_NONE, UINT64_C(1000000000000)},
    {"daily_use",           "日耗",       "Daily use",       "日消耗",      0,                   WIRE_MASK_NONE, UINT64_C(1000000000000)},
    {"days_left",           "可维持天数", "Days left",       NULL,          0,                   WIRE_MASK_NONE, 3650},
    {"needed_day",          "需到日期",   "Needed by",       NULL,          WIRE_FIELD_REQUIRED, WIRE_MASK_NONE, 0},
    {"needed_day_unstated", "需到日期未注明", "Need date unstated", NULL,   0,                   WIRE_MASK_NONE, 0},
    {"substitute",          "可替代",     "Substitute",      "替代品",      0,                   WIRE_MASK_NONE, 200},
};

static const struct wire_message_fields messages[] = {
    WIRE_FIELDS_OF(wire__supply_request__descriptor, request_fields),
    WIRE_FIELDS_OF(wire__supply_line__descriptor, line_fields),
};

static const struct wire_enum_word manners[] = {
    {WIRE__SUPPLY_REQUEST__MANNER__DONATION,   "捐赠", "Donation",   NULL},
    {WIRE__SUPPLY_REQUEST__MANNER__PURCHASE,   "采购", "Purchase",   NULL},
    {WIRE__SUPPLY_REQUEST__MANNER__ALLOCATION, "调拨", "Allocation", NULL},
    {WIRE__SUPPLY_REQUEST__MANNER__LOAN,       "借用", "Loan",       NULL},
};

static const struct wire_enum_word resources[] = {
    {WIRE__SUPPLY_LINE__RESOURCE__SUPPLIES,     "物资",     "Supplies",     NULL},
    {WIRE__SUPPLY_LINE__RESOURCE__MEDICAL_TEAM, "医疗队",   "Medical team", NULL},
    {WIRE__SUPPLY_LINE__RESOURCE__EXPERTS,      "专家",     "Experts",      NULL},
    {WIRE__SUPPLY_LINE__RESOURCE__BEDS,         "床位",     "Beds",         NULL},
    {WIRE__SUPPLY_LINE__RESOURCE__TESTING,      "检测",     "Testing",      NULL},
    {WIRE__SUPPLY_LINE__RESOURCE__VEHICLES,     "车辆",     "Vehicles",     NULL},
    {WIRE__SUPPLY_LINE__RESOURCE__VACCINE,      "疫苗",     "Vaccine",      NULL},
    {WIRE__SUPPLY_LINE__RESOURCE__DAILY_NEEDS,  "民生物资", "Daily needs",  NULL},
};

static const struct wire_enum_word quantity_kinds[] = {
    {WIRE__SUPPLY_LINE__QUANTITY_KIND__EXACT,   "确数", "Exact",   NULL},
    {WIRE__SUPPLY_LINE__QUANTITY_KIND__SOME,    "若干", "Some",    "一批"},
    {WIRE__SUPPLY_LINE__QUANTITY_KIND__UNKNOWN, "不详", "Unknown", "未注明"},
};

static const struct wire_enum_words enums[] = {
    WIRE_FIELDS_OF(wire__supply_request__manner__descriptor, manners),
    WIRE_FIELDS_OF(wire__supply_line__resource__descriptor, resources),
    WIRE_FIELDS_OF(wire__supply_line__quantity_kind__descriptor, quantity_kinds),
};
/* clang-format on */

const struct wire_words wire_words_supply_request = {
    .messages = messages, .message_count = WIRE_COUNT_OF(messages), .enums = enums, .enum_count = WIRE_COUNT_OF(enums)};

#define LINE (&wire__supply_line__descriptor)

static bool is_short(const Wire__SupplyLine *line)
{
    if (line->has_days_left)
        return line->days_left < SHORT_OF_DAYS;
    return line->has_stock && line->has_daily_use && line->daily_use > 0 &&
           line->stock / line->daily_use < SHORT_OF_DAYS;
}

static Wire__Urgency request_urgency(const ProtobufCMessage *payload)
{
    const Wire__SupplyRequest *request = (const Wire__SupplyRequest *)payload;
    for (size_t i = 0; i < request->n_line; i++)
        if (is_short(request->line[i]))
            return WIRE__URGENCY__IMMEDIATE;
    return WIRE__URGENCY__EXPECTED;
}

static enum wire_status check_quantity(struct wire_check *check, const Wire__SupplyLine *line)
{
    bool exact = line->quantity_kind == WIRE__SUPPLY_LINE__QUANTITY_KIND__EXACT;
    if (exact && (!line->has_quantity || line->quantity == 0))
        return wire_check_fail(check, LINE, "quantity", "数量类为确数，请填写大于零的数量；说不准的，数量类请填若干",
                               "the quantity is said to be exact; give one above zero, or call it \"some\"");
    if (line->quantity_kind == WIRE__SUPPLY_LINE__QUANTITY_KIND__UNKNOWN && line->has_quantity)
        return wire_check_fail(
            check, LINE, "quantity", "数量类为不详，却填了数量：请删去数量，或把数量类改为确数或若干",
            "the quantity is said to be unknown and given all the same; remove it, or call it exact or some");
    return WIRE_OK;
}

/* Days left are rounded down; one day more or less is how offices count. */
static enum wire_status check_days_left(struct wire_check *check, const Wire__SupplyLine *line)
{
    if (!line->has_days_left || !line->has_stock || !line->has_daily_use || line->daily_use == 0)
        return WIRE_OK;
    uint64_t days = line->stock / line->daily_use;
    uint64_t off = days > line->days_left ? days - line->days_left : line->days_left - days;
    if (off <= 1)
        return WIRE_OK;
    return wire_check_fail(check, LINE, "days_left", "可维持天数 %u 与库存和日耗不符（应约 %llu 天），请核对",
                           "%u days left do not fit stock and daily use (about %llu); check them", line->days_left,
                           (unsigned long long)days);
}

static enum wire_status check_line(struct wire_check *check, const Wire__SupplyRequest *request, size_t at)
{
    const Wire__SupplyLine *line = request->line[at];
    for (size_t before = 0; before < at; before++)
        if (request->line[before]->line_no == line->line_no)
            return wire_check_fail(check, LINE, "line_no", "行号 %u 与第 %zu 行重复，请改正",
                                   "the line number %u is that of entry %zu too; change one", line->line_no,
                                   before + 1);
    enum wire_status status = check_quantity(check, line);
    return status != WIRE_OK ? status : check_days_left(check, line);
}

static enum wire_status check_request(const ProtobufCMessage *payload, int64_t now_ms, struct wire_problem *problem)
{
    const Wire__SupplyRequest *request = (const Wire__SupplyRequest *)payload;
    struct wire_check walk;
    enum wire_status status = wire_check_start(&walk, payload, false, now_ms, problem);
    for (size_t i = 0; status == WIRE_OK && i < request->n_line; i++) {
        struct wire_path_mark mark = wire_check_enter(&walk, payload->descriptor, "line", i + 1);
        status = check_line(&walk, request, i);
        wire_path_leave(&walk.path, mark);
    }
    return status;
}

static uint32_t request_subjects(const ProtobufCMessage *payload)
{
    return (uint32_t)((const Wire__SupplyRequest *)payload)->n_line;
}

const struct wire_kind wire_kind_supply_request = {
    .number = WIRE_KIND_SUPPLY_REQUEST,
    .name = "supply-request",
    .zh = "物资需求",
    .en = "Supply request",
    .payload = &wire__supply_request__descriptor,
    .urgency = request_urgency,
    .check = check_request,
    .subjects = request_subjects,
    .exposure_day = wire_kind_no_number,
};
