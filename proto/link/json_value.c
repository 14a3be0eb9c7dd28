/* Single values: numbers, days and times, regions and units, words, texts, bytes. */
#include "link/json_reader.h"
#include "wire/json.h"
#include "wire/label.h"
#include "wire/personal.h"
#include "wire/region.h"
#include "wire/time.h"
#include "wire/unit.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_SHOWN = 96, WORDS_SHOWN = 320, HEX_TEXT_MAX = 64 };

/* What was written, cut, and masked where the field is personal: problems may be logged. */
static const char *shown(const ProtobufCFieldDescriptor *field, const struct link_json_scalar *value,
                         char cut[VALUE_SHOWN])
{
    char scratch[WIRE_MASK_SCRATCH];
    struct wire_text out = {.data = cut, .capacity = VALUE_SHOWN};
    cut[0] = '\0';
    if (value->text == NULL) {
        char *dumped = json_dumps(value->json, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
        const struct wire_field *numeric = wire_field_of(field);
        bool personal = numeric != NULL && numeric->mask != WIRE_MASK_NONE;
        wire_text_string(&out, personal || dumped == NULL ? "****" : dumped);
        free(dumped);
        return cut;
    }
    const struct wire_field *row = wire_field_of(field);
    const char *masked = row == NULL ? NULL : wire_mask(row->mask, value->text, scratch, sizeof scratch);
    wire_text_string(&out, masked == NULL ? value->text : masked);
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

static bool read_integer(struct link_json_reader *reader, const ProtobufCFieldDescriptor *field,
                         const struct link_json_scalar *value, void *at)
{
    char cut[VALUE_SHOWN];
    uint64_t bits = 0;
    struct range range = range_of(field->type);
    bool good = json_is_integer(value->json) ? integer_value(json_integer_value(value->json), range, &bits)
                : value->text != NULL        ? integer_text(value->text, range, &bits)
                                             : false;
    if (!good)
        return link_json_fail(reader, WIRE_INVALID, "“%s”不是 %" PRId64 " 到 %" PRIu64 " 之间的整数，请改正",
                              "\"%s\" is no whole number from %" PRId64 " to %" PRIu64 "; correct it",
                              shown(field, value, cut), range.min, range.max);
    put_integer(field->type, at, bits);
    return true;
}

static bool read_real(struct link_json_reader *reader, const ProtobufCFieldDescriptor *field,
                      const struct link_json_scalar *value, void *at)
{
    char cut[VALUE_SHOWN];
    if (!json_is_number(value->json))
        return link_json_fail(reader, WIRE_INVALID, "“%s”不是数字，请改正", "\"%s\" is no number; correct it",
                              shown(field, value, cut));
    double number = json_number_value(value->json);
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

static bool read_time_or_day(struct link_json_reader *reader, const ProtobufCFieldDescriptor *field,
                             const struct link_json_scalar *value, void *at)
{
    char cut[VALUE_SHOWN];
    int64_t ms = 0;
    if (value->text == NULL)
        return read_integer(reader, field, value, at);
    if (wire_time_parse(value->text, value->size, &ms)) {
        put_integer(field->type, at, wire_field_is_day(field) ? wire_day_of(ms) : (uint64_t)ms);
        return true;
    }
    if (is_digits(value->text))
        return read_integer(reader, field, value, at);
    return link_json_fail(reader, WIRE_INVALID, "“%s”不是日期或时间，应如 2020-02-07 或 2020-02-07 10:00，请改正",
                          "\"%s\" is no date or time, which is like 2020-02-07 or 2020-02-07 10:00; correct it",
                          shown(field, value, cut));
}

static bool read_region(struct link_json_reader *reader, const ProtobufCFieldDescriptor *field,
                        const struct link_json_scalar *value, void *at)
{
    if (value->text == NULL)
        return read_integer(reader, field, value, at);
    const char *text = value->text;
    uint32_t adcode = wire_region_parse(text, strlen(text));
    if (adcode == 0)
        adcode = wire_region_by_name(text, 0);
    if (adcode == 0) {
        char cut[VALUE_SHOWN];
        return link_json_fail(
            reader, WIRE_UNKNOWN_REGION, "“%s”不是六位行政区划代码，也不是全国唯一的地区名称，请填代码",
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

static bool read_unit(struct link_json_reader *reader, const ProtobufCFieldDescriptor *field,
                      const struct link_json_scalar *value, void *at)
{
    char cut[VALUE_SHOWN];
    uint32_t unit = value->text != NULL ? wire_unit_parse(value->text) : 0;
    if (unit == 0 && value->text != NULL && !is_digits(value->text))
        return link_json_fail(reader, WIRE_UNKNOWN_UNIT, "没有单位“%s”，应如 cdc 或 疾控中心，请改正",
                              "there is no unit \"%s\"; they are like cdc; correct it", shown(field, value, cut));
    if (unit == 0)
        return read_integer(reader, field, value, at);
    put_integer(field->type, at, unit);
    return true;
}

/* --- words --- */

static bool read_bool(struct link_json_reader *reader, const ProtobufCFieldDescriptor *field,
                      const struct link_json_scalar *value, void *at)
{
    static const char *const yes[] = {"是", "true", "yes"}, *const no[] = {"否", "false", "no"};
    char cut[VALUE_SHOWN];
    int found = json_is_true(value->json) ? 1 : json_is_false(value->json) ? 0 : -1;
    for (size_t i = 0; value->text != NULL && i < sizeof yes / sizeof *yes; i++) {
        if (strcmp(value->text, yes[i]) == 0)
            found = 1;
        if (strcmp(value->text, no[i]) == 0)
            found = 0;
    }
    if (found < 0)
        return link_json_fail(reader, WIRE_INVALID, "“%s”既不是“是”也不是“否”，请填 true 或 false",
                              "\"%s\" is neither true nor false; give one", shown(field, value, cut));
    *(protobuf_c_boolean *)at = found;
    return true;
}

static bool fail_word(struct link_json_reader *reader, const ProtobufCFieldDescriptor *field,
                      const struct link_json_scalar *value)
{
    const ProtobufCEnumDescriptor *type = field->descriptor;
    char zh[WORDS_SHOWN] = "", en[WORDS_SHOWN] = "", cut[VALUE_SHOWN], name[WIRE_ENUM_NAME];
    struct wire_text zh_out = {.data = zh, .capacity = sizeof zh}, en_out = {.data = en, .capacity = sizeof en};
    for (unsigned i = 0; i < type->n_values; i++) {
        wire_text_format(&zh_out, "%s%s", i == 0 ? "" : "、", wire_enum_label(type, type->values[i].value).zh);
        wire_text_format(&en_out, "%s%s", i == 0 ? "" : ", ", wire_enum_name(type, type->values[i].value, name));
    }
    return link_json_fail(reader, WIRE_INVALID, "“%1$s”不在可选范围内，请从下列中选填：%2$s%3$.0s",
                          "\"%1$s\" is not one of the choices%2$.0s: %3$s", shown(field, value, cut), zh, en);
}

static bool read_enum(struct link_json_reader *reader, const ProtobufCFieldDescriptor *field,
                      const struct link_json_scalar *value, void *at)
{
    int found = 0;
    bool good = false;
    if (value->text != NULL) {
        good = wire_enum_parse(field->descriptor, value->text, value->size, &found);
    } else if (json_is_integer(value->json)) {
        json_int_t number = json_integer_value(value->json);
        found = (int)number;
        good = found == number && protobuf_c_enum_descriptor_get_value(field->descriptor, found) != NULL;
    }
    if (!good)
        return fail_word(reader, field, value);
    *(int *)at = found;
    return true;
}

static bool read_string(struct link_json_reader *reader, const ProtobufCFieldDescriptor *field,
                        const struct link_json_scalar *value, void *at)
{
    char cut[VALUE_SHOWN];
    if (json_is_number(value->json))
        return link_json_fail(
            reader, WIRE_INVALID,
            "%s 是数字而非文本：号码请加引号（Excel 会丢掉开头的零和第 15 位以后的数字，请把该列设为文本格式）",
            "%s is a number where a text belongs: put it in quotes (Excel drops leading zeros and what comes after the "
            "fifteenth digit; format the column as text)",
            shown(field, value, cut));
    if (value->text == NULL)
        return link_json_fail(reader, WIRE_INVALID, "这里应为文本，请加引号填写", "a text in quotes belongs here");
    char *copy = wire_arena_text(reader->arena, value->text, value->size);
    if (copy == NULL)
        return link_json_fail_memory(reader);
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

static bool read_bytes(struct link_json_reader *reader, const struct link_json_scalar *value, ProtobufCBinaryData *out)
{
    const char *text = value->text;
    size_t size = value->size;
    if (text == NULL)
        return link_json_fail(reader, WIRE_INVALID, "这里应为十六进制或 Base64 文本",
                              "hexadecimal or base64 text belongs here");
    out->data = wire_arena_take(reader->arena, size + 1);
    if (out->data == NULL)
        return link_json_fail_memory(reader);
    if (is_hex(text, size)) {
        out->len = size / 2;
        for (size_t i = 0; i < out->len; i++)
            out->data[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
        return true;
    }
    if (unbase64(text, size, out->data, &out->len))
        return true;
    return link_json_fail(reader, WIRE_INVALID, "不是十六进制，也不是 Base64，请核对",
                          "is neither hexadecimal nor base64; check it");
}

bool link_json_read_scalar(struct link_json_reader *reader, const ProtobufCFieldDescriptor *field,
                           const struct link_json_scalar *value, void *at)
{
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
    default:
        break;
    }
    if (wire_field_is_day(field) || wire_field_is_time(field))
        return read_time_or_day(reader, field, value, at);
    if (wire_field_is_region(field))
        return read_region(reader, field, value, at);
    if (is_unit(field))
        return read_unit(reader, field, value, at);
    return read_integer(reader, field, value, at);
}
