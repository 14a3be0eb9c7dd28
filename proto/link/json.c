#include "link/json.h"
#include "link/yaml.h"
#include "wire/json.h"
#include "wire/label.h"
#include "wire/path.h"
#include "wire/personal.h"
#include "wire/region.h"
#include "wire/time.h"
#include "wire/unit.h"
#include "wire/utf8.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_SHOWN = 96, WORDS_SHOWN = 320, HEX_TEXT_MAX = 64 };

struct reader {
    struct wire_arena *arena;
    bool strict;
    struct wire_problem *problem;
    struct wire_path path;
};

static ProtobufCMessage *read_message(struct reader *reader, const ProtobufCMessageDescriptor *type,
                                      const json_t *value);

/* --- failing: all of these return false, so that a failure is one line --- */

static bool fail(struct reader *reader, enum wire_status status, const char *zh, const char *en, ...)
    __attribute__((format(printf, 3, 5), format(printf, 4, 5)));

static bool fail(struct reader *reader, enum wire_status status, const char *zh, const char *en, ...)
{
    char zh_rest[512], en_text[512], zh_text[512] = "";
    struct wire_text out = {.data = zh_text, .capacity = sizeof zh_text};
    va_list arguments;
    va_start(arguments, en);
    vsnprintf(zh_rest, sizeof zh_rest, zh, arguments);
    va_end(arguments);
    va_start(arguments, en);
    vsnprintf(en_text, sizeof en_text, en, arguments);
    va_end(arguments);
    if (reader->path.zh_size > 0)
        wire_text_format(&out, "%s：", reader->path.zh);
    wire_text_add(&out, zh_rest, wire_utf8_whole(zh_rest, strlen(zh_rest)));
    en_text[wire_utf8_whole(en_text, strlen(en_text))] = '\0';
    wire_fail(reader->problem, status, reader->path.en, zh_text, en_text);
    return false;
}

static bool fail_memory(struct reader *reader)
{
    return fail(reader, WIRE_NO_MEMORY, "内容超过内存预算，请分成几份",
                "the content exceeds the memory budget; split it");
}

/* What was written, cut, and masked where the field is personal: problems may be logged. */
static const char *shown(const ProtobufCFieldDescriptor *field, const json_t *value, char cut[VALUE_SHOWN])
{
    char scratch[WIRE_MASK_SCRATCH];
    struct wire_text out = {.data = cut, .capacity = VALUE_SHOWN};
    cut[0] = '\0';
    if (!json_is_string(value)) {
        char *dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
        const struct wire_field *numeric = wire_field_of(field);
        bool personal = numeric != NULL && numeric->mask != WIRE_MASK_NONE;
        wire_text_string(&out, personal || dumped == NULL ? "****" : dumped);
        free(dumped);
        return cut;
    }
    const struct wire_field *row = wire_field_of(field);
    const char *masked = row == NULL ? NULL : wire_mask(row->mask, json_string_value(value), scratch, sizeof scratch);
    wire_text_string(&out, masked == NULL ? json_string_value(value) : masked);
    return cut;
}

/* --- numbers --- */

struct range {
    int64_t min;
    uint64_t max;
};

static struct range range_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return (struct range){.min = INT32_MIN, .max = INT32_MAX};
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return (struct range){.min = 0, .max = UINT32_MAX};
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return (struct range){.min = 0, .max = UINT64_MAX};
    default:
        return (struct range){.min = INT64_MIN, .max = INT64_MAX};
    }
}

/* A decimal integer, as two's complement in `bits`. */
static bool integer_text(const char *text, struct range range, uint64_t *bits)
{
    bool minus = text[0] == '-';
    const char *digits = text + minus;
    if (digits[0] == '\0' || strspn(digits, "0123456789") != strlen(digits))
        return false;
    errno = 0;
    if (minus) {
        int64_t value = strtoll(text, NULL, 10);
        *bits = (uint64_t)value;
        return errno == 0 && value >= range.min;
    }
    *bits = strtoull(text, NULL, 10);
    return errno == 0 && *bits <= range.max;
}

static bool integer_value(json_int_t value, struct range range, uint64_t *bits)
{
    *bits = (uint64_t)value;
    return value >= range.min && (value < 0 || (uint64_t)value <= range.max);
}

static void put_integer(ProtobufCType type, void *at, uint64_t bits)
{
    if (wire_field_element_size(type) == 4) {
        uint32_t low = (uint32_t)bits;
        memcpy(at, &low, 4);
    } else {
        memcpy(at, &bits, 8);
    }
}

static bool read_integer(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *value, void *at)
{
    char cut[VALUE_SHOWN];
    uint64_t bits = 0;
    struct range range = range_of(field->type);
    bool good = json_is_integer(value)  ? integer_value(json_integer_value(value), range, &bits)
                : json_is_string(value) ? integer_text(json_string_value(value), range, &bits)
                                        : false;
    if (!good)
        return fail(reader, WIRE_INVALID, "“%s”不是 %" PRId64 " 到 %" PRIu64 " 之间的整数，请改正",
                    "\"%s\" is no whole number from %" PRId64 " to %" PRIu64 "; correct it", shown(field, value, cut),
                    range.min, range.max);
    put_integer(field->type, at, bits);
    return true;
}

static bool read_real(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *value, void *at)
{
    char cut[VALUE_SHOWN];
    if (!json_is_number(value))
        return fail(reader, WIRE_INVALID, "“%s”不是数字，请改正", "\"%s\" is no number; correct it",
                    shown(field, value, cut));
    double number = json_number_value(value);
    if (field->type == PROTOBUF_C_TYPE_FLOAT) {
        float single = (float)number;
        memcpy(at, &single, sizeof single);
    } else {
        memcpy(at, &number, sizeof number);
    }
    return true;
}

/* --- days, times, regions, units: numbers that people write as text --- */

static bool is_digits(const char *text)
{
    return text[0] != '\0' && strspn(text + (text[0] == '-'), "0123456789") == strlen(text + (text[0] == '-'));
}

static bool read_time_or_day(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *value,
                             void *at)
{
    char cut[VALUE_SHOWN];
    int64_t ms = 0;
    if (!json_is_string(value))
        return read_integer(reader, field, value, at);
    if (wire_time_parse(json_string_value(value), json_string_length(value), &ms)) {
        put_integer(field->type, at, wire_field_is_day(field) ? wire_day_of(ms) : (uint64_t)ms);
        return true;
    }
    if (is_digits(json_string_value(value)))
        return read_integer(reader, field, value, at);
    return fail(reader, WIRE_INVALID, "“%s”不是日期或时间，应如 2020-02-07 或 2020-02-07 10:00，请改正",
                "\"%s\" is no date or time, which is like 2020-02-07 or 2020-02-07 10:00; correct it",
                shown(field, value, cut));
}

static bool read_region(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *value, void *at)
{
    if (!json_is_string(value))
        return read_integer(reader, field, value, at);
    const char *text = json_string_value(value);
    uint32_t adcode = wire_region_parse(text, strlen(text));
    if (adcode == 0)
        adcode = wire_region_by_name(text, 0);
    if (adcode == 0) {
        char cut[VALUE_SHOWN];
        return fail(reader, WIRE_UNKNOWN_REGION, "“%s”不是六位行政区划代码，也不是全国唯一的地区名称，请填代码",
                    "\"%s\" is neither a six-digit region code nor a name that one region alone bears; give the code",
                    shown(field, value, cut));
    }
    put_integer(field->type, at, adcode);
    return true;
}

static bool is_unit(const ProtobufCFieldDescriptor *field)
{
    size_t size = strlen(field->name);
    return field->type == PROTOBUF_C_TYPE_UINT32 && size >= 4 && strcmp(field->name + size - 4, "unit") == 0;
}

static bool read_unit(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *value, void *at)
{
    char cut[VALUE_SHOWN];
    uint32_t unit = json_is_string(value) ? wire_unit_parse(json_string_value(value)) : 0;
    if (unit == 0 && json_is_string(value) && !is_digits(json_string_value(value)))
        return fail(reader, WIRE_UNKNOWN_UNIT, "没有单位“%s”，应如 cdc 或 疾控中心，请改正",
                    "there is no unit \"%s\"; they are like cdc; correct it", shown(field, value, cut));
    if (unit == 0)
        return read_integer(reader, field, value, at);
    put_integer(field->type, at, unit);
    return true;
}

/* --- words --- */

static bool read_bool(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *value, void *at)
{
    static const char *const yes[] = {"是", "true", "yes"}, *const no[] = {"否", "false", "no"};
    char cut[VALUE_SHOWN];
    int found = json_is_true(value) ? 1 : json_is_false(value) ? 0 : -1;
    for (size_t i = 0; json_is_string(value) && i < sizeof yes / sizeof *yes; i++) {
        if (strcmp(json_string_value(value), yes[i]) == 0)
            found = 1;
        if (strcmp(json_string_value(value), no[i]) == 0)
            found = 0;
    }
    if (found < 0)
        return fail(reader, WIRE_INVALID, "“%s”既不是“是”也不是“否”，请填 true 或 false",
                    "\"%s\" is neither true nor false; give one", shown(field, value, cut));
    *(protobuf_c_boolean *)at = found;
    return true;
}

static bool fail_word(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *value)
{
    const ProtobufCEnumDescriptor *type = field->descriptor;
    char zh[WORDS_SHOWN] = "", en[WORDS_SHOWN] = "", cut[VALUE_SHOWN], name[WIRE_ENUM_NAME];
    struct wire_text zh_out = {.data = zh, .capacity = sizeof zh}, en_out = {.data = en, .capacity = sizeof en};
    for (unsigned i = 0; i < type->n_values; i++) {
        wire_text_format(&zh_out, "%s%s", i == 0 ? "" : "、", wire_enum_label(type, type->values[i].value).zh);
        wire_text_format(&en_out, "%s%s", i == 0 ? "" : ", ", wire_enum_name(type, type->values[i].value, name));
    }
    return fail(reader, WIRE_INVALID, "“%1$s”不在可选范围内，请从下列中选填：%2$s%3$.0s",
                "\"%1$s\" is not one of the choices%2$.0s: %3$s", shown(field, value, cut), zh, en);
}

static bool read_enum(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *value, void *at)
{
    int found = 0;
    bool good = false;
    if (json_is_string(value)) {
        good = wire_enum_parse(field->descriptor, json_string_value(value), json_string_length(value), &found);
    } else if (json_is_integer(value)) {
        json_int_t number = json_integer_value(value);
        found = (int)number;
        good = found == number && protobuf_c_enum_descriptor_get_value(field->descriptor, found) != NULL;
    }
    if (!good)
        return fail_word(reader, field, value);
    *(int *)at = found;
    return true;
}

static bool read_string(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *value, void *at)
{
    char cut[VALUE_SHOWN];
    if (json_is_number(value))
        return fail(
            reader, WIRE_INVALID,
            "%s 是数字而非文本：号码请加引号（Excel 会丢掉开头的零和第 15 位以后的数字，请把该列设为文本格式）",
            "%s is a number where a text belongs: put it in quotes (Excel drops leading zeros and what comes after the "
            "fifteenth digit; format the column as text)",
            shown(field, value, cut));
    if (!json_is_string(value))
        return fail(reader, WIRE_INVALID, "这里应为文本，请加引号填写", "a text in quotes belongs here");
    char *copy = wire_arena_text(reader->arena, json_string_value(value), json_string_length(value));
    if (copy == NULL)
        return fail_memory(reader);
    *(char **)at = copy;
    return true;
}

/* --- bytes --- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool is_hex(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (hex_digit(text[i]) < 0)
            return false;
    return size % 2 == 0 && size <= HEX_TEXT_MAX;
}

static int base64_letter(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* RFC 4648 with padding; false: it is none. `out` holds size / 4 * 3. */
static bool unbase64(const char *text, size_t size, uint8_t *out, size_t *out_size)
{
    size_t pad = size > 0 && text[size - 1] == '=' ? (size > 1 && text[size - 2] == '=' ? 2 : 1) : 0;
    uint32_t bits = 0;
    *out_size = 0;
    if (size % 4 != 0)
        return false;
    for (size_t i = 0; i < size; i++) {
        int letter = i < size - pad ? base64_letter(text[i]) : 0;
        if (letter < 0)
            return false;
        bits = bits << 6 | (uint32_t)letter;
        if (i % 4 != 3)
            continue;
        size_t whole = i + 1 == size ? 3 - pad : 3;
        for (size_t b = 0; b < whole; b++)
            out[(*out_size)++] = (uint8_t)(bits >> (16 - 8 * b));
        if (whole < 3 && (bits & (whole == 2 ? 0xFFu : 0xFFFFu)) != 0)
            return false; /* bits that the padding says are none */
        bits = 0;
    }
    return true;
}

static bool read_bytes(struct reader *reader, const json_t *value, ProtobufCBinaryData *out)
{
    const char *text = json_string_value(value);
    size_t size = json_string_length(value);
    if (text == NULL)
        return fail(reader, WIRE_INVALID, "这里应为十六进制或 Base64 文本", "hexadecimal or base64 text belongs here");
    out->data = wire_arena_take(reader->arena, size + 1);
    if (out->data == NULL)
        return fail_memory(reader);
    if (is_hex(text, size)) {
        out->len = size / 2;
        for (size_t i = 0; i < out->len; i++)
            out->data[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
        return true;
    }
    if (unbase64(text, size, out->data, &out->len))
        return true;
    return fail(reader, WIRE_INVALID, "不是十六进制，也不是 Base64，请核对",
                "is neither hexadecimal nor base64; check it");
}

/* --- fields --- */

static bool read_value(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *value, void *at)
{
    if (json_is_null(value))
        return fail(reader, WIRE_INVALID, "值为 null：没有内容的，请删去该项", "is null; leave out what has no value");
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return read_string(reader, field, value, at);
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(reader, value, at);
    case PROTOBUF_C_TYPE_BOOL:
        return read_bool(reader, field, value, at);
    case PROTOBUF_C_TYPE_ENUM:
        return read_enum(reader, field, value, at);
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        return read_real(reader, field, value, at);
    case PROTOBUF_C_TYPE_MESSAGE:
        return (*(ProtobufCMessage **)at = read_message(reader, field->descriptor, value)) != NULL;
    default:
        if (wire_field_is_day(field) || wire_field_is_time(field))
            return read_time_or_day(reader, field, value, at);
        if (wire_field_is_region(field))
            return read_region(reader, field, value, at);
        if (is_unit(field))
            return read_unit(reader, field, value, at);
        return read_integer(reader, field, value, at);
    }
}

static void *member(ProtobufCMessage *message, size_t offset)
{
    return (char *)message + offset;
}

static bool read_list(struct reader *reader, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                      const json_t *value)
{
    size_t count = json_array_size(value), size = wire_field_element_size(field->type);
    if (!json_is_array(value))
        return fail(reader, WIRE_INVALID, "这里应为列表，请写成 [ … ]", "a list belongs here; write [ … ]");
    if (count == 0)
        return true;
    char *elements = wire_arena_take(reader->arena, count * size);
    if (elements == NULL)
        return fail_memory(reader);
    for (size_t i = 0; i < count; i++) {
        struct wire_path path = reader->path; /* the path stands at the list; an entry adds its number */
        size_t room = sizeof path.en;
        snprintf(reader->path.en + path.en_size, room - path.en_size, "[%zu]", i + 1);
        snprintf(reader->path.zh + path.zh_size, room - path.zh_size, "[%zu]", i + 1);
        reader->path.en_size = strlen(reader->path.en);
        reader->path.zh_size = strlen(reader->path.zh);
        bool good = read_value(reader, field, json_array_get(value, i), elements + i * size);
        reader->path = path;
        if (!good)
            return false;
    }
    *(size_t *)member(message, field->quantifier_offset) = count;
    *(void **)member(message, field->offset) = elements;
    return true;
}

static bool read_single(struct reader *reader, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                        const json_t *value)
{
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        uint32_t *which = member(message, field->quantifier_offset);
        if (*which != 0)
            return fail(reader, WIRE_INVALID, "只能选填其中一项", "only one of the alternatives may be given");
        *which = field->id;
    } else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type != PROTOBUF_C_TYPE_STRING &&
               field->type != PROTOBUF_C_TYPE_MESSAGE) {
        *(protobuf_c_boolean *)member(message, field->quantifier_offset) = 1;
    }
    return read_value(reader, field, value, member(message, field->offset));
}

/* "未注明" for X: X_unstated becomes true, X stays absent. */
static bool read_unstated(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, const json_t *value)
{
    static const char *const words[] = {"未注明", "不详", "unknown", "unstated"};
    const ProtobufCFieldDescriptor *unstated = wire_field_unstated(message->descriptor, field);
    if (unstated == NULL || !json_is_string(value))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(json_string_value(value), words[i]) == 0) {
            *(protobuf_c_boolean *)member(message, unstated->quantifier_offset) = 1;
            *(protobuf_c_boolean *)member(message, unstated->offset) = 1;
            return true;
        }
    return false;
}

static bool read_field(struct reader *reader, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                       const json_t *value, uint8_t *seen)
{
    struct wire_path_mark mark = wire_path_enter(&reader->path, message->descriptor, field, 0);
    bool good = true;
    if (*seen)
        good = fail(reader, WIRE_INVALID, "同一项以不同名称出现两次，请只保留一个",
                    "is given twice under different names; keep one");
    else if (field->label == PROTOBUF_C_LABEL_REPEATED)
        good = read_list(reader, message, field, value);
    else if (!read_unstated(message, field, value))
        good = read_single(reader, message, field, value);
    *seen = 1;
    wire_path_leave(&reader->path, mark);
    return good;
}

/* --- messages --- */

enum { NAMES_MAX = 128 };

static bool fail_unknown_key(struct reader *reader, const ProtobufCMessageDescriptor *type, const char *key)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (unsigned i = 0; i < type->n_fields && count + 2 <= NAMES_MAX; i++) {
        names[count++] = type->fields[i].name;
        names[count++] = wire_label(type, &type->fields[i]).zh;
    }
    const char *nearest = link_nearest(key, names, count);
    wire_path_enter_text(&reader->path, key);
    if (nearest != NULL)
        return fail(reader, WIRE_UNKNOWN_FIELD, "没有这一项，是否应为“%s”？",
                    "there is no such field; is \"%s\" meant?", nearest);
    return fail(reader, WIRE_UNKNOWN_FIELD, "没有这一项，请删去或改正", "there is no such field; remove or correct it");
}

static bool read_fields(struct reader *reader, ProtobufCMessage *message, const json_t *object, uint8_t *seen)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)object, key, value)
    {
        const ProtobufCFieldDescriptor *field = wire_field_by_label(type, key, strlen(key));
        if (field == NULL && reader->strict)
            return fail_unknown_key(reader, type, key);
        if (field != NULL && !read_field(reader, message, field, value, &seen[field - type->fields]))
            return false;
    }
    return true;
}

/* What the schema itself demands (payloads leave that to their kind's check). */
static bool check_required(struct reader *reader, const ProtobufCMessageDescriptor *type, const uint8_t *seen)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (type->fields[i].label != PROTOBUF_C_LABEL_REQUIRED || seen[i])
            continue;
        wire_path_enter(&reader->path, type, &type->fields[i], 0);
        return fail(reader, WIRE_INVALID, "必填项缺失，请填写", "is required and missing; fill it in");
    }
    return true;
}

static ProtobufCMessage *read_message(struct reader *reader, const ProtobufCMessageDescriptor *type,
                                      const json_t *value)
{
    if (!json_is_object(value)) {
        fail(reader, WIRE_INVALID, "这里应为一组字段，请写成 { … }", "an object belongs here; write { … }");
        return NULL;
    }
    ProtobufCMessage *message = wire_arena_take(reader->arena, type->sizeof_message);
    uint8_t *seen = wire_arena_take(reader->arena, type->n_fields + 1);
    if (message == NULL || seen == NULL) {
        fail_memory(reader);
        return NULL;
    }
    protobuf_c_message_init(type, message);
    if (!read_fields(reader, message, value, seen) || !check_required(reader, type, seen))
        return NULL;
    return message;
}

ProtobufCMessage *link_json_value_to_message(const ProtobufCMessageDescriptor *type, const json_t *value,
                                             struct wire_arena *arena, bool strict, struct wire_problem *problem)
{
    struct reader reader = {.arena = arena, .strict = strict, .problem = problem};
    return read_message(&reader, type, value);
}

/* --- syntax --- */

static json_t *fail_syntax(const json_error_t *error, struct wire_problem *problem)
{
    char where[64];
    snprintf(where, sizeof where, "%d:%d", error->line, error->column);
    switch (json_error_code(error)) {
    case json_error_duplicate_key:
        wire_failf(problem, WIRE_SYNTAX, where, "同一项出现两次（%s），请删去一个",
                   "a key occurs twice (%s); remove one", error->text);
        break;
    case json_error_invalid_utf8:
        wire_fail(problem, WIRE_SYNTAX, where, "不是 UTF-8 编码（可能是 GBK），请另存为 UTF-8",
                  "is not UTF-8 (GBK perhaps); save it as UTF-8");
        break;
    case json_error_numeric_overflow:
        wire_fail(problem, WIRE_SYNTAX, where, "数字过大：号码请加引号按文本填写",
                  "a number is too large; put numbers of papers in quotes");
        break;
    default:
        wire_failf(problem, WIRE_SYNTAX, where, "JSON 格式错误（%s），请改正", "not valid JSON (%s); correct it",
                   error->text);
    }
    return NULL;
}

json_t *link_json_parse(const char *text, size_t size, struct wire_problem *problem)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* a byte order mark, as Windows editors write it */
    json_error_t error;
    if (size >= 3 && memcmp(text, mark, 3) == 0) {
        text += 3;
        size -= 3;
    }
    json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    return value != NULL ? value : fail_syntax(&error, problem);
}

ProtobufCMessage *link_json_to_message(const ProtobufCMessageDescriptor *type, const char *text, size_t size,
                                       struct wire_arena *arena, bool strict, struct wire_problem *problem)
{
    json_t *value = link_json_parse(text, size, problem);
    if (value == NULL)
        return NULL;
    ProtobufCMessage *message = link_json_value_to_message(type, value, arena, strict, problem);
    json_decref(value);
    return message;
}
