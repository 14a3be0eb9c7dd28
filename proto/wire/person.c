#include "wire/person.h"
#include "wire/kind_rows.h"
#include "wire/personal.h"
#include "wire/resident_id.h"
#include "wire/time.h"
#include <string.h>

/* clang-format off */
static const struct wire_field person_fields[] = {
    {"ref",                "序号",         "Reference",       "编号",               WIRE_FIELD_REQUIRED, WIRE_MASK_NONE,    0},
    {"name",               "姓名",         "Name",            NULL,                 0,                   WIRE_MASK_NAME,    60},
    {"id_type",            "证件类型",     "ID type",         NULL,                 0,                   WIRE_MASK_NONE,    0},
    {"id_no",              "证件号码",     "ID number",       "身份证号|身份证号码|证件号", 0,           WIRE_MASK_ID,      40},
    {"sex",                "性别",         "Sex",             NULL,                 0,                   WIRE_MASK_NONE,    0},
    {"birth_day",          "出生日期",     "Date of birth",   NULL,                 WIRE_FIELD_PAST,     WIRE_MASK_DAY,     0},
    {"age",                "年龄",         "Age",             NULL,                 0,                   WIRE_MASK_NONE,    WIRE_CHECK_AGE_MAX},
    {"nationality",        "国籍",         "Nationality",     NULL,                 0,                   WIRE_MASK_NONE,    40},
    {"phone",              "电话",         "Telephone",       "手机|手机号|联系电话", 0,                 WIRE_MASK_PHONE,   40},
    {"region",             "去向",         "Whereabouts",     "去向地区|现居地区",  WIRE_FIELD_REQUIRED, WIRE_MASK_NONE,    0},
    {"address",            "详址",         "Address",         "详细地址|住址",      0,                   WIRE_MASK_ALL,     200},
    {"guardian",           "监护人",       "Guardian",        NULL,                 0,                   WIRE_MASK_NAME,    60},
    {"conveyance",         "乘坐班次",     "Conveyance",      "班次",               0,                   WIRE_MASK_NONE,    60},
    {"seat",               "座位",         "Seat",            "座位号",             0,                   WIRE_MASK_ALL,     40},
    {"contact_class",      "接触类别",     "Contact class",   NULL,                 0,                   WIRE_MASK_NONE,    0},
    {"contact_manner",     "接触方式",     "Contact manner",  NULL,                 WIRE_FIELD_FREE,     WIRE_MASK_NUMBERS, 500},
    {"last_contact_day",   "末次接触",     "Last contact",    "末次接触日期",       WIRE_FIELD_PAST,     WIRE_MASK_NONE,    0},
    {"condition",          "现状",         "Condition",       "目前状况",           WIRE_FIELD_FREE,     WIRE_MASK_NUMBERS, 500},
    {"last_test_day",      "末次检测日期", "Last test",       NULL,                 WIRE_FIELD_PAST,     WIRE_MASK_NONE,    0},
    {"last_test_result",   "末次检测结果", "Last test result", "末次检测",          0,                   WIRE_MASK_NONE,    0},
    {"id_check_override_reason", "证件校验放行理由", "ID check override reason", NULL, WIRE_FIELD_FREE, WIRE_MASK_NUMBERS, 200},
};

static const struct wire_message_fields messages[] = {
    WIRE_FIELDS_OF(wire__person__descriptor, person_fields),
};

static const struct wire_enum_word id_types[] = {
    {WIRE__PERSON__ID_TYPE__RESIDENT,          "居民身份证",           "Resident identity card",          "身份证"},
    {WIRE__PERSON__ID_TYPE__HK_MACAO_PERMIT,   "港澳居民来往内地通行证", "Hong Kong and Macao permit",    "港澳通行证|回乡证"},
    {WIRE__PERSON__ID_TYPE__TAIWAN_PERMIT,     "台湾居民来往大陆通行证", "Taiwan permit",                 "台湾通行证|台胞证"},
    {WIRE__PERSON__ID_TYPE__HMT_RESIDENCE,     "港澳台居民居住证",     "Residence permit of HK, Macao and Taiwan residents", NULL},
    {WIRE__PERSON__ID_TYPE__PASSPORT,          "护照",                 "Passport",                        NULL},
    {WIRE__PERSON__ID_TYPE__FOREIGN_RESIDENCE, "外国人永久居留身份证", "Foreign permanent resident card", "外国人永久居留证"},
    {WIRE__PERSON__ID_TYPE__OTHER,             "其他证件",             "Other document",                  "其他"},
};

static const struct wire_enum_word sexes[] = {
    {WIRE__PERSON__SEX__UNKNOWN,  "未知",   "Unknown",  NULL},
    {WIRE__PERSON__SEX__MALE,     "男",     "Male",     "男性"},
    {WIRE__PERSON__SEX__FEMALE,   "女",     "Female",   "女性"},
    {WIRE__PERSON__SEX__UNSTATED, "未说明", "Unstated", "未注明"},
};

static const struct wire_enum_word contact_classes[] = {
    {WIRE__PERSON__CONTACT_CLASS__CLOSE,     "密接",     "Close contact",     "密切接触"},
    {WIRE__PERSON__CONTACT_CLASS__SECONDARY, "次密",     "Secondary contact", "次密接"},
    {WIRE__PERSON__CONTACT_CLASS__GENERAL,   "一般",     "General contact",   "一般接触"},
};

static const struct wire_enum_word test_results[] = {
    {WIRE__PERSON__TEST_RESULT__NEGATIVE,   "阴性",   "Negative",   NULL},
    {WIRE__PERSON__TEST_RESULT__POSITIVE,   "阳性",   "Positive",   NULL},
    {WIRE__PERSON__TEST_RESULT__PENDING,    "待出结果", "Pending",  "待结果"},
    {WIRE__PERSON__TEST_RESULT__NOT_TESTED, "未检测", "Not tested", NULL},
};

static const struct wire_enum_words enums[] = {
    WIRE_FIELDS_OF(wire__person__id_type__descriptor, id_types),
    WIRE_FIELDS_OF(wire__person__sex__descriptor, sexes),
    WIRE_FIELDS_OF(wire__person__contact_class__descriptor, contact_classes),
    WIRE_FIELDS_OF(wire__person__test_result__descriptor, test_results),
};
/* clang-format on */

const struct wire_words wire_words_person = {
    .messages = messages, .message_count = WIRE_COUNT_OF(messages), .enums = enums, .enum_count = WIRE_COUNT_OF(enums)};

#define PERSON (&wire__person__descriptor)

static bool given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

bool wire_person_identified(const Wire__Person *person)
{
    return given(person->id_no) || (given(person->name) && given(person->phone)) ||
           (given(person->conveyance) && given(person->seat));
}

/* Excel keeps fifteen digits and puts zeros behind them. */
static bool looks_like_excel(const char *id_no)
{
    size_t size = strlen(id_no);
    return size == 18 && strcmp(id_no + 15, "000") == 0;
}

static enum wire_status fail_resident_id(struct wire_check *check, const Wire__Person *person,
                                         enum wire_resident_id_fault fault, char expected)
{
    char scratch[WIRE_MASK_SCRATCH];
    const char *shown = wire_mask(WIRE_MASK_ID, person->id_no, scratch, sizeof scratch);
    switch (fault) {
    case WIRE_RESIDENT_ID_LENGTH:
        return wire_check_fail(check, PERSON, "id_no", "居民身份证号 %s 应为 18 位，实为 %zu 位，请核对原证件",
                               "the resident id %s must have 18 characters and has %zu; check it against the card",
                               shown, strlen(person->id_no));
    case WIRE_RESIDENT_ID_CHARACTER:
        return wire_check_fail(
            check, PERSON, "id_no", "居民身份证号 %s 含有数字和末位 X 以外的字符，请核对原证件",
            "the resident id %s holds something other than digits and a last X; check it against the card", shown);
    case WIRE_RESIDENT_ID_BIRTH:
        return wire_check_fail(check, PERSON, "id_no", "居民身份证号 %s 中的出生日期不存在，请核对原证件",
                               "the date of birth inside the resident id %s does not exist; check it against the card",
                               shown);
    default:
        break;
    }
    if (looks_like_excel(person->id_no))
        return wire_check_fail(
            check, PERSON, "id_no",
            "居民身份证号 %s 末三位为 000 且校验位错误：多半被 Excel 截断，请按原证件重填，并把该列设为文本格式",
            "the resident id %s ends in 000 and its check digit is wrong: Excel cut it; type it again "
            "from the card and format the column as text",
            shown);
    return wire_check_fail(
        check, PERSON, "id_no",
        "居民身份证号 %s 校验位错误（应为 %c），请核对原证件；确认无误的，请填写“证件校验放行理由”",
        "the check digit of the resident id %s is wrong (%c is expected); check it against the card; if the "
        "card says so, give id_check_override_reason",
        shown, expected);
}

/* What the number says of birth and sex against what the notice says. */
static enum wire_status check_against_id(struct wire_check *check, const Wire__Person *person,
                                         const struct wire_resident_id *id)
{
    if (person->has_birth_day && person->birth_day != id->birth_day)
        return wire_check_fail(check, PERSON, "birth_day",
                               "出生日期与身份证号中的不一致，请核对；确认无误的，请填写“证件校验放行理由”",
                               "the date of birth differs from the one inside the resident id; check both, or give "
                               "id_check_override_reason");
    bool female = person->sex == WIRE__PERSON__SEX__FEMALE, male = person->sex == WIRE__PERSON__SEX__MALE;
    if (person->has_sex && (female || male) && female != id->female)
        return wire_check_fail(check, PERSON, "sex",
                               "性别与身份证号第 17 位不一致，请核对；确认无误的，请填写“证件校验放行理由”",
                               "the sex differs from the 17th digit of the resident id; check both, or give "
                               "id_check_override_reason");
    return WIRE_OK;
}

static enum wire_status check_id(struct wire_check *check, const Wire__Person *person)
{
    if (!given(person->id_no))
        return WIRE_OK;
    if (!person->has_id_type)
        return wire_check_fail(check, PERSON, "id_type", "有证件号码而无证件类型，请填写证件类型",
                               "an id number is given without its type; give the type");
    if (person->id_type != WIRE__PERSON__ID_TYPE__RESIDENT)
        return WIRE_OK;
    struct wire_resident_id id = {0};
    enum wire_resident_id_fault fault = wire_resident_id_read(person->id_no, strlen(person->id_no), &id);
    bool overridden = given(person->id_check_override_reason);
    if (fault != WIRE_RESIDENT_ID_GOOD && !(fault == WIRE_RESIDENT_ID_CHECK_DIGIT && overridden))
        return fail_resident_id(check, person, fault, id.expected);
    if (id.birth_day > wire_day_of(check->now_ms + WIRE_CHECK_SKEW_MS))
        return fail_resident_id(check, person, WIRE_RESIDENT_ID_BIRTH, id.expected);
    return overridden ? WIRE_OK : check_against_id(check, person, &id);
}

static enum wire_status check_phone(struct wire_check *check, const char *phone)
{
    size_t digits = 0;
    if (!given(phone))
        return WIRE_OK;
    for (const char *at = phone; *at != '\0'; at++)
        digits += *at >= '0' && *at <= '9';
    bool mobile_like = phone[0] == '1' && digits == strlen(phone) && digits >= 9;
    if (digits >= 5 && digits <= 20 && !(mobile_like && digits != 11))
        return WIRE_OK;
    return wire_check_fail(check, PERSON, "phone", "电话号码位数不对（%zu 位数字），请核对",
                           "the telephone number has an impossible number of digits (%zu); check it", digits);
}

static int age_on(uint32_t day, uint32_t birth_day)
{
    return ((int)day - (int)birth_day) / 10000;
}

static enum wire_status check_days(struct wire_check *check, const Wire__Person *person)
{
    char birth[WIRE_DAY_TEXT], day[WIRE_DAY_TEXT];
    if (!person->has_birth_day)
        return WIRE_OK;
    wire_day_text(person->birth_day, birth);
    if (person->has_last_contact_day && person->last_contact_day < person->birth_day)
        return wire_check_fail(check, PERSON, "last_contact_day", "末次接触（%s）早于出生日期，不可能，请核对",
                               "the last contact (%s) lies before the date of birth, which cannot be; check both",
                               wire_day_text(person->last_contact_day, day));
    if (person->has_last_test_day && person->last_test_day < person->birth_day)
        return wire_check_fail(check, PERSON, "last_test_day", "末次检测（%s）早于出生日期，不可能，请核对",
                               "the last test (%s) lies before the date of birth, which cannot be; check both",
                               wire_day_text(person->last_test_day, day));
    if (!person->has_age || !person->has_last_contact_day)
        return WIRE_OK;
    int age = age_on(person->last_contact_day, person->birth_day), off = (int)person->age - age;
    if (off > 2 || off < -2) /* counted in years of life, by the calendar year or today */
        return wire_check_fail(check, PERSON, "age", "年龄 %u 与出生日期不符（当时 %d 岁），请核对",
                               "the age %u does not fit the date of birth (%d at the last contact); check both",
                               person->age, age);
    return WIRE_OK;
}

enum wire_status wire_person_check(struct wire_check *check, const Wire__Person *person)
{
    if (!wire_person_identified(person))
        return wire_check_fail(
            check, PERSON, NULL,
            "无法辨认此人：请填证件号码，或姓名和电话，或乘坐班次和座位；都没有的，不要列名，计入应查人数",
            "this person cannot be identified: give an id, or name and telephone, or conveyance and seat; "
            "with none of them do not list but count the person in to_check");
    enum wire_status status = check_id(check, person);
    if (status == WIRE_OK)
        status = check_phone(check, person->phone);
    if (status == WIRE_OK)
        status = check_days(check, person);
    return status;
}
