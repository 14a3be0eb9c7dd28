#include "wire/check.h"
#include "schema/payload.pb-c.h"
#include "wire/ensure.h"
#include "wire/id.h"
#include "wire/json.h"
#include "wire/label.h"
#include "wire/personal.h"
#include "wire/region.h"
#include "wire/time.h"
#include "wire/utf8.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { VALUE_SHOWN = 96, WORDS_SHOWN = 320 };

static enum wire_status check_message(struct wire_check *check, const ProtobufCMessage *message);

char *wire_day_text(uint32_t day, char out[WIRE_DAY_TEXT])
{
    snprintf(out, WIRE_DAY_TEXT, "%04u-%02u-%02u", day / 10000 % 10000, day / 100 % 100, day % 100);
    return out;
}

/* --- failing --- */

static enum wire_status fail_with(struct wire_check *check, enum wire_status status, const char *zh, const char *en,
                                  va_list zh_arguments, va_list en_arguments)
{
    struct wire_problem *problem = check->problem;
    char zh_text[sizeof problem->zh], en_text[sizeof problem->en];
    struct wire_text zh_out = {.data = zh_text, .capacity = sizeof zh_text};
    if (problem == NULL)
        return status;
    if (check->path.zh_size > 0)
        wire_text_format(&zh_out, "%s：", check->path.zh);
    char rest[sizeof zh_text];
    vsnprintf(rest, sizeof rest, zh, zh_arguments);
    wire_text_add(&zh_out, rest, wire_utf8_whole(rest, strlen(rest)));
    vsnprintf(en_text, sizeof en_text, en, en_arguments);
    return wire_fail(problem, status, check->path.en, zh_text, en_text);
}

/* At where the path stands now. */
static enum wire_status fail_here(struct wire_check *check, enum wire_status status, const char *zh, const char *en,
                                  ...) __attribute__((format(printf, 3, 5), format(printf, 4, 5)));

static enum wire_status fail_here(struct wire_check *check, enum wire_status status, const char *zh, const char *en,
                                  ...)
{
    va_list zh_arguments, en_arguments;
    va_start(zh_arguments, en);
    va_start(en_arguments, en);
    status = fail_with(check, status, zh, en, zh_arguments, en_arguments);
    va_end(en_arguments);
    va_end(zh_arguments);
    return status;
}

static const ProtobufCFieldDescriptor *field_named(const ProtobufCMessageDescriptor *type, const char *name)
{
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(type, name);
    ENSURE(field != NULL);
    return field;
}

struct wire_path_mark wire_check_enter(struct wire_check *check, const ProtobufCMessageDescriptor *type,
                                       const char *field, size_t entry)
{
    return wire_path_enter(&check->path, type, field_named(type, field), entry);
}

enum wire_status wire_check_fail(struct wire_check *check, const ProtobufCMessageDescriptor *type, const char *field,
                                 const char *zh, const char *en, ...)
{
    struct wire_path_mark mark = {.en_size = check->path.en_size, .zh_size = check->path.zh_size};
    if (field != NULL)
        mark = wire_check_enter(check, type, field, 0);
    va_list zh_arguments, en_arguments;
    va_start(zh_arguments, en);
    va_start(en_arguments, en);
    enum wire_status status = fail_with(check, WIRE_INVALID, zh, en, zh_arguments, en_arguments);
    va_end(en_arguments);
    va_end(zh_arguments);
    wire_path_leave(&check->path, mark);
    return status;
}

enum wire_status wire_check_number(struct wire_check *check, const ProtobufCMessageDescriptor *type, const char *field,
                                   const char *value)
{
    struct wire_number number;
    if (value == NULL || value[0] == '\0' || wire_number_parse(value, &number))
        return WIRE_OK;
    return wire_check_fail(check, type, field, "“%.*s”不是信息编号，应如 310000-20200207-0012，请核对",
                           "\"%.*s\" is no number of a notice, which is like 310000-20200207-0012; check it",
                           (int)wire_utf8_cut(value, 40), value);
}

/* --- what is missing --- */

static bool is_blank(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text != ' ' && *text != '\t' && *text != '\n' && *text != '\r') {
            if (strncmp(text, "\xE3\x80\x80", 3) != 0) /* a full-width space is blank too */
                return false;
            text += 2;
        }
    return true;
}

static bool is_missing(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    if (wire_field_count(message, field) == 0)
        return true;
    if (field->type == PROTOBUF_C_TYPE_STRING && field->label != PROTOBUF_C_LABEL_REPEATED)
        return is_blank(*(char *const *)wire_field_at(message, field, 0));
    return false;
}

static bool is_said_unstated(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const ProtobufCFieldDescriptor *unstated = wire_field_unstated(message->descriptor, field);
    return unstated != NULL && wire_field_count(message, unstated) > 0 &&
           *(const protobuf_c_boolean *)wire_field_at(message, unstated, 0);
}

/* "特急、加急、平件" and "extra-urgent, urgent, ordinary". */
static void list_words(const ProtobufCEnumDescriptor *type, struct wire_text *zh, struct wire_text *en)
{
    const struct wire_enum_words *words = wire_enum_words(type);
    for (size_t i = 0; words != NULL && i < words->count; i++) {
        char name[WIRE_ENUM_NAME];
        wire_text_format(zh, "%s%s", i == 0 ? "" : "、", words->words[i].zh);
        wire_text_format(en, "%s%s", i == 0 ? "" : ", ", wire_enum_name(type, words->words[i].value, name));
    }
}

static enum wire_status fail_missing(struct wire_check *check, const ProtobufCMessageDescriptor *type,
                                     const ProtobufCFieldDescriptor *field)
{
    if (field->type == PROTOBUF_C_TYPE_ENUM) {
        char zh_words[WORDS_SHOWN] = "", en_words[WORDS_SHOWN] = "";
        struct wire_text zh = {.data = zh_words, .capacity = sizeof zh_words};
        struct wire_text en = {.data = en_words, .capacity = sizeof en_words};
        list_words(field->descriptor, &zh, &en);
        return fail_here(check, WIRE_INVALID, "必填项缺失，请从下列中选填：%1$s%2$.0s",
                         "%1$.0sis required and missing; choose one of: %2$s", zh_words, en_words);
    }
    if (wire_field_unstated(type, field) != NULL)
        return fail_here(check, WIRE_INVALID, "必填项缺失，请填写；确实不详的，请写明“未注明”%.0s",
                         "is required and missing; fill it in, or state that it is not known (%s_unstated)",
                         field->name);
    return fail_here(check, WIRE_INVALID, "必填项缺失，请填写", "is required and missing; fill it in");
}

/* --- texts --- */

static size_t characters_in(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

/* 1.1E+17: what Excel makes of an identity number. */
static bool is_excel_number(const char *text)
{
    size_t digits = strspn(text, "0123456789.");
    if (digits == 0 || (text[digits] != 'E' && text[digits] != 'e'))
        return false;
    const char *exponent = text + digits + 1;
    exponent += *exponent == '+';
    size_t exponent_digits = strspn(exponent, "0123456789");
    return exponent_digits > 0 && exponent[exponent_digits] == '\0';
}

/* A marking of secrecy as GB/T 9704 writes it (机密★1年), in brackets, or as the whole text. NULL: none. */
static const char *secret_marking(const char *text)
{
    static const char *const markings[] = {"绝密", "机密", "秘密"};
    static const char *const around[][2] = {{"", "★"},    {"【", "】"}, {"〔", "〕"},
                                            {"（", "）"}, {"(", ")"},   {"[", "]"}};
    if (strstr(text, "密") == NULL) /* in all of them, and in hardly any text */
        return NULL;
    for (size_t m = 0; m < sizeof markings / sizeof *markings; m++) {
        if (strcmp(text, markings[m]) == 0)
            return markings[m];
        for (size_t a = 0; a < sizeof around / sizeof *around; a++) {
            char marked[32];
            snprintf(marked, sizeof marked, "%s%s%s", around[a][0], markings[m], around[a][1]);
            if (strstr(text, marked) != NULL)
                return markings[m];
        }
    }
    return NULL;
}

static enum wire_status check_numbers_of_persons(struct wire_check *check, const struct wire_field *row,
                                                 const char *text)
{
    bool guarded = !check->persons || (row->flags & WIRE_FIELD_PUBLIC) != 0;
    struct wire_bytes bytes = wire_bytes(text, strlen(text));
    if (!guarded)
        return WIRE_OK;
    struct wire_personal_number found = wire_personal_find(bytes, 0);
    while (found.kind == WIRE_PERSONAL_MOBILE && (row->flags & WIRE_FIELD_DUTY) != 0)
        found = wire_personal_find(bytes, found.at + found.size);
    if (found.kind == WIRE_PERSONAL_NONE)
        return WIRE_OK;
    char number[64], scratch[WIRE_MASK_SCRATCH];
    snprintf(number, sizeof number, "%.*s", (int)(found.size < 63 ? found.size : 63), text + found.at);
    bool mobile = found.kind == WIRE_PERSONAL_MOBILE;
    const char *shown = wire_mask(mobile ? WIRE_MASK_PHONE : WIRE_MASK_ID, number, scratch, sizeof scratch);
    if (mobile)
        return fail_here(
            check, WIRE_INVALID, "含手机号码 %s：此处不得出现个人信息，请删除；值班电话请填在“联系人/值班电话”",
            "holds a mobile number, %s: no personal data here; remove it; a duty telephone belongs in `contact`",
            shown);
    return fail_here(
        check, WIRE_INVALID, "含身份证号码 %s：此处不得出现个人信息，请删除；涉及个人的，请用含人员的信息种类",
        "holds an identity number, %s: no personal data here; remove it, or use a kind made for persons", shown);
}

/* The value as it may be shown in a message that may be logged. */
static const char *shown_value(const struct wire_field *row, const char *text, char scratch[WIRE_MASK_SCRATCH],
                               char cut[VALUE_SHOWN])
{
    const char *masked = wire_mask(row->mask, text, scratch, WIRE_MASK_SCRATCH);
    struct wire_text out = {.data = cut, .capacity = VALUE_SHOWN};
    cut[0] = '\0';
    wire_text_string(&out, masked == NULL ? text : masked);
    return cut;
}

static enum wire_status check_text(struct wire_check *check, const struct wire_field *row, const char *text)
{
    char scratch[WIRE_MASK_SCRATCH], cut[VALUE_SHOWN];
    bool is_free = (row->flags & WIRE_FIELD_FREE) != 0;
    uint64_t limit = row->limit > 0 ? row->limit : is_free ? WIRE_CHECK_FREE_CHARACTERS_MAX : WIRE_CHECK_CHARACTERS_MAX;
    size_t characters = characters_in(text);
    if (characters > limit)
        return fail_here(check, WIRE_INVALID, "共 %zu 字，超过 %" PRIu64 " 字的上限，请缩短",
                         "has %zu characters, more than the limit of %" PRIu64 "; shorten it", characters, limit);
    for (const char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 && !(is_free && strchr("\n\r\t", *at) != NULL))
            return fail_here(check, WIRE_INVALID, "含控制字符（0x%02x），请重新输入",
                             "holds a control character (0x%02x); type it again", (unsigned)*at);
    if (!is_free && is_excel_number(text))
        return fail_here(
            check, WIRE_INVALID,
            "“%s”是被 Excel 转成科学计数的号码，后几位已丢失：请按原始材料重填，并把该列设为文本格式",
            "\"%s\" is a number that Excel turned into scientific notation; its last digits are lost: type it "
            "again from the source and format the column as text",
            shown_value(row, text, scratch, cut));
    const char *marking = secret_marking(text);
    if (marking != NULL)
        return fail_here(
            check, WIRE_INVALID, "带有“%s”标志：涉密内容不得在本系统传输，请改走机要渠道",
            "is marked \"%s\": what is classified must not enter this system; use the confidential channel", marking);
    return check_numbers_of_persons(check, row, text);
}

/* --- numbers, days, times, regions --- */

static enum wire_status check_region(struct wire_check *check, uint32_t adcode)
{
    const struct wire_region *region = wire_region_find(adcode);
    if (region == NULL)
        return fail_here(check, WIRE_UNKNOWN_REGION, "没有行政区划代码 %06u：请按 GB/T 2260 核对",
                         "there is no region with the code %06u: look it up in GB/T 2260", adcode);
    if (region->successor == 0 || (check->problem != NULL && check->problem->zh[0] != '\0'))
        return WIRE_OK;
    const struct wire_region *successor = wire_region_find(region->successor);
    fail_here(check, WIRE_OK, "%06u（%s）已撤销，现为 %06u（%s）：已按原代码接收，下次请用新代码",
              "%06u (%s) was abolished and is now %06u (%s): accepted as written; use the new code next time", adcode,
              region->name, region->successor, successor == NULL ? "?" : successor->name);
    return WIRE_OK;
}

static enum wire_status check_day(struct wire_check *check, const struct wire_field *row, uint32_t day)
{
    char text[WIRE_DAY_TEXT], now[WIRE_DAY_TEXT];
    if (day < WIRE_CHECK_DAY_MIN || day > WIRE_CHECK_DAY_MAX || !wire_day_valid(day))
        return fail_here(check, WIRE_INVALID, "日期 %u 不存在，请核对", "the day %u does not exist; check it", day);
    uint32_t today = wire_day_of(check->now_ms + WIRE_CHECK_SKEW_MS);
    if ((row->flags & WIRE_FIELD_PAST) != 0 && day > today)
        return fail_here(check, WIRE_INVALID, "日期 %s 晚于今天（%s），不可能，请核对",
                         "the day %s lies after today (%s), which cannot be; check it", wire_day_text(day, text),
                         wire_day_text(today, now));
    return WIRE_OK;
}

static enum wire_status check_time(struct wire_check *check, const struct wire_field *row, int64_t ms)
{
    char text[WIRE_TIME_TEXT], now[WIRE_TIME_TEXT];
    if (ms < wire_day_start(WIRE_CHECK_DAY_MIN) || ms >= wire_day_start(WIRE_CHECK_DAY_MAX))
        return fail_here(check, WIRE_INVALID, "时间（%" PRId64 " 毫秒）不可能，请核对",
                         "the time (%" PRId64 " ms) is impossible; check it", ms);
    if ((row->flags & WIRE_FIELD_PAST) != 0 && ms > check->now_ms + WIRE_CHECK_SKEW_MS)
        return fail_here(check, WIRE_INVALID, "时间 %s 晚于现在（%s），不可能，请核对",
                         "the time %s lies after now (%s), which cannot be; check it", wire_time_text(ms, text),
                         wire_time_text(check->now_ms, now));
    return WIRE_OK;
}

static enum wire_status check_count(struct wire_check *check, const struct wire_field *row, uint64_t count)
{
    uint64_t limit = row->limit > 0 ? row->limit : WIRE_CHECK_COUNT_MAX;
    if (count <= limit)
        return WIRE_OK;
    return fail_here(check, WIRE_INVALID, "数值 %" PRIu64 " 超过可能的上限 %" PRIu64 "，请核对",
                     "the number %" PRIu64 " is beyond the possible %" PRIu64 "; check it", count, limit);
}

static enum wire_status check_enum(struct wire_check *check, const ProtobufCEnumDescriptor *type, int value)
{
    if (protobuf_c_enum_descriptor_get_value(type, value) == NULL)
        return fail_here(check, WIRE_INVALID, "取值 %d 不在列表中，请重选",
                         "the value %d is not in the list; choose again", value);
    bool secret = type == &wire__common__openness__descriptor && value >= WIRE__COMMON__OPENNESS__SECRET;
    if (secret)
        return fail_here(
            check, WIRE_INVALID, "属性为“%1$s”：涉密内容不得在本系统传输，请改走机要渠道%2$.0s",
            "%1$.0sis \"%2$s\": what is classified must not enter this system; use the confidential channel",
            wire_enum_label(type, value).zh, wire_enum_label(type, value).en);
    return WIRE_OK;
}

static enum wire_status check_bytes(struct wire_check *check, const struct wire_field *row, size_t size)
{
    if (row->limit == 0 || size == row->limit)
        return WIRE_OK;
    return fail_here(check, WIRE_INVALID, "长度为 %zu 字节，应为 %" PRIu64 " 字节", "has %zu bytes and needs %" PRIu64,
                     size, row->limit);
}

/* --- the walk --- */

static enum wire_status check_value(struct wire_check *check, const ProtobufCFieldDescriptor *field,
                                    const struct wire_field *row, const void *at)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return check_message(check, *(const ProtobufCMessage *const *)at);
    case PROTOBUF_C_TYPE_STRING:
        return check_text(check, row, *(const char *const *)at);
    case PROTOBUF_C_TYPE_BYTES:
        return check_bytes(check, row, ((const ProtobufCBinaryData *)at)->len);
    case PROTOBUF_C_TYPE_ENUM:
        return check_enum(check, field->descriptor, *(const int *)at);
    case PROTOBUF_C_TYPE_UINT32:
        if (wire_field_is_region(field))
            return check_region(check, *(const uint32_t *)at);
        if (wire_field_is_day(field))
            return check_day(check, row, *(const uint32_t *)at);
        return check_count(check, row, *(const uint32_t *)at);
    case PROTOBUF_C_TYPE_UINT64:
        return check_count(check, row, *(const uint64_t *)at);
    case PROTOBUF_C_TYPE_INT64:
        return wire_field_is_time(field) ? check_time(check, row, *(const int64_t *)at) : WIRE_OK;
    default: /* booleans; payloads have no other types */
        return WIRE_OK;
    }
}

static enum wire_status check_presence(struct wire_check *check, const ProtobufCMessage *message,
                                       const ProtobufCFieldDescriptor *field, const struct wire_field *row)
{
    bool missing = is_missing(message, field), unstated = is_said_unstated(message, field);
    if (!missing && unstated)
        return fail_here(check, WIRE_INVALID, "既填了值，又注明“未注明”，请只保留一个",
                         "is given and stated to be unknown at once; keep one of them");
    if (missing && !unstated && (row->flags & WIRE_FIELD_REQUIRED) != 0)
        return fail_missing(check, message->descriptor, field);
    return WIRE_OK;
}

/* Lists: how long, and no number or word of the list twice. */
static enum wire_status check_list(struct wire_check *check, const ProtobufCMessage *message,
                                   const ProtobufCFieldDescriptor *field)
{
    size_t count = wire_field_count(message, field);
    if (count > WIRE_CHECK_ENTRIES_MAX)
        return fail_here(check, WIRE_INVALID, "共 %zu 项，超过 %d 项的上限，请分成几份",
                         "has %zu entries, more than the limit of %d; split it", count, WIRE_CHECK_ENTRIES_MAX);
    if (field->type != PROTOBUF_C_TYPE_ENUM && field->type != PROTOBUF_C_TYPE_UINT32)
        return WIRE_OK;
    for (size_t i = 1; i < count; i++)
        for (size_t before = 0; before < i; before++)
            if (memcmp(wire_field_at(message, field, i), wire_field_at(message, field, before), 4) == 0)
                return fail_here(check, WIRE_INVALID, "第 %zu 项与第 %zu 项重复，请删去一项",
                                 "entry %zu repeats entry %zu; remove one", i + 1, before + 1);
    return WIRE_OK;
}

static enum wire_status check_field(struct wire_check *check, const ProtobufCMessage *message,
                                    const ProtobufCFieldDescriptor *field)
{
    const struct wire_field *row = wire_field(message->descriptor, field);
    ENSURE(row != NULL); /* a payload's field without a row: tests/unit/wire/kind_words.c fails first */
    size_t count = wire_field_count(message, field);
    if (count == 0 && (row->flags & WIRE_FIELD_REQUIRED) == 0)
        return WIRE_OK; /* the most usual one, and not worth a path */
    struct wire_path_mark mark = wire_path_enter(&check->path, message->descriptor, field, 0);
    enum wire_status status = check_presence(check, message, field, row);
    bool list = field->label == PROTOBUF_C_LABEL_REPEATED;
    if (status == WIRE_OK && list)
        status = check_list(check, message, field);
    else if (status == WIRE_OK && count > 0)
        status = check_value(check, field, row, wire_field_at(message, field, 0));
    wire_path_leave(&check->path, mark);
    for (size_t i = 0; list && status == WIRE_OK && i < count; i++) {
        mark = wire_path_enter(&check->path, message->descriptor, field, i + 1);
        status = check_value(check, field, row, wire_field_at(message, field, i));
        wire_path_leave(&check->path, mark);
    }
    return status;
}

static enum wire_status check_message(struct wire_check *check, const ProtobufCMessage *message)
{
    enum wire_status status = WIRE_OK;
    for (unsigned i = 0; status == WIRE_OK && i < message->descriptor->n_fields; i++)
        status = check_field(check, message, &message->descriptor->fields[i]);
    return status;
}

enum wire_status wire_check_start(struct wire_check *check, const ProtobufCMessage *message, bool persons,
                                  int64_t now_ms, struct wire_problem *problem)
{
    *check = (struct wire_check){.persons = persons, .now_ms = now_ms, .problem = problem};
    if (problem != NULL)
        *problem = (struct wire_problem){.status = WIRE_OK};
    return check_message(check, message);
}
