#include "link/json.h"
#include "link/json_reader.h"
#include "link/yaml.h"
#include "wire/json.h"
#include "wire/label.h"
#include "wire/utf8.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static ProtobufCMessage *read_message(struct link_json_reader *reader, const ProtobufCMessageDescriptor *type,
                                      const json_t *value);

/* --- failing --- */

bool link_json_fail(struct link_json_reader *reader, enum wire_status status, const char *zh, const char *en, ...)
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

bool link_json_fail_memory(struct link_json_reader *reader)
{
    return link_json_fail(reader, WIRE_NO_MEMORY, "内容超过内存预算，请分成几份",
                          "the content exceeds the memory budget; split it");
}

/* --- fields --- */

static bool read_value(struct link_json_reader *reader, const ProtobufCFieldDescriptor *field, const json_t *value,
                       void *at)
{
    if (json_is_null(value))
        return link_json_fail(reader, WIRE_INVALID, "值为 null：没有内容的，请删去该项",
                              "is null; leave out what has no value");
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return (*(ProtobufCMessage **)at = read_message(reader, field->descriptor, value)) != NULL;
    struct link_json_scalar scalar = {json_string_value(value), json_string_length(value), value};
    return link_json_read_scalar(reader, field, &scalar, at);
}

static void *member(ProtobufCMessage *message, size_t offset)
{
    return (char *)message + offset;
}

static bool read_list(struct link_json_reader *reader, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                      const json_t *value)
{
    size_t count = json_array_size(value), size = wire_field_element_size(field->type);
    if (!json_is_array(value))
        return link_json_fail(reader, WIRE_INVALID, "这里应为列表，请写成 [ … ]", "a list belongs here; write [ … ]");
    if (count == 0)
        return true;
    char *elements = wire_arena_take(reader->arena, count * size);
    if (elements == NULL)
        return link_json_fail_memory(reader);
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

/* The field has a value from now on. */
static bool claim(struct link_json_reader *reader, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        uint32_t *which = member(message, field->quantifier_offset);
        if (*which != 0)
            return link_json_fail(reader, WIRE_INVALID, "只能选填其中一项",
                                  "only one of the alternatives may be given");
        *which = field->id;
    } else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type != PROTOBUF_C_TYPE_STRING &&
               field->type != PROTOBUF_C_TYPE_MESSAGE) {
        *(protobuf_c_boolean *)member(message, field->quantifier_offset) = 1;
    }
    return true;
}

static bool read_single(struct link_json_reader *reader, ProtobufCMessage *message,
                        const ProtobufCFieldDescriptor *field, const json_t *value)
{
    return claim(reader, message, field) && read_value(reader, field, value, member(message, field->offset));
}

static bool says_unstated(const char *text)
{
    static const char *const words[] = {"未注明", "不详", "unknown", "unstated"};
    for (size_t i = 0; text != NULL && i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

/* "未注明" for X: X_unstated becomes true, X stays absent. */
static bool read_unstated(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, const char *text)
{
    const ProtobufCFieldDescriptor *unstated = NULL;
    if (says_unstated(text))
        unstated = wire_field_unstated(message->descriptor, field);
    if (unstated == NULL)
        return false;
    *(protobuf_c_boolean *)member(message, unstated->quantifier_offset) = 1;
    *(protobuf_c_boolean *)member(message, unstated->offset) = 1;
    return true;
}

static bool read_field(struct link_json_reader *reader, ProtobufCMessage *message,
                       const ProtobufCFieldDescriptor *field, const json_t *value, uint8_t *seen)
{
    struct wire_path_mark mark = wire_path_enter(&reader->path, message->descriptor, field, 0);
    bool good = true;
    if (*seen)
        good = link_json_fail(reader, WIRE_INVALID, "同一项以不同名称出现两次，请只保留一个",
                              "is given twice under different names; keep one");
    else if (field->label == PROTOBUF_C_LABEL_REPEATED)
        good = read_list(reader, message, field, value);
    else if (!read_unstated(message, field, json_string_value(value)))
        good = read_single(reader, message, field, value);
    *seen = 1;
    wire_path_leave(&reader->path, mark);
    return good;
}

/* --- messages --- */

enum { NAMES_MAX = 128 };

static bool fail_unknown_key(struct link_json_reader *reader, const ProtobufCMessageDescriptor *type, const char *key)
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
        return link_json_fail(reader, WIRE_UNKNOWN_FIELD, "没有这一项，是否应为“%s”？",
                              "there is no such field; is \"%s\" meant?", nearest);
    return link_json_fail(reader, WIRE_UNKNOWN_FIELD, "没有这一项，请删去或改正",
                          "there is no such field; remove or correct it");
}

static bool read_fields(struct link_json_reader *reader, ProtobufCMessage *message, const json_t *object, uint8_t *seen)
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
static bool check_required(struct link_json_reader *reader, const ProtobufCMessageDescriptor *type, const uint8_t *seen)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (type->fields[i].label != PROTOBUF_C_LABEL_REQUIRED || seen[i])
            continue;
        wire_path_enter(&reader->path, type, &type->fields[i], 0);
        return link_json_fail(reader, WIRE_INVALID, "必填项缺失，请填写", "is required and missing; fill it in");
    }
    return true;
}

static ProtobufCMessage *read_message(struct link_json_reader *reader, const ProtobufCMessageDescriptor *type,
                                      const json_t *value)
{
    if (!json_is_object(value)) {
        link_json_fail(reader, WIRE_INVALID, "这里应为一组字段，请写成 { … }", "an object belongs here; write { … }");
        return NULL;
    }
    ProtobufCMessage *message = wire_arena_take(reader->arena, type->sizeof_message);
    uint8_t *seen = wire_arena_take(reader->arena, type->n_fields + 1);
    if (message == NULL || seen == NULL) {
        link_json_fail_memory(reader);
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
    struct link_json_reader reader = {.arena = arena, .strict = strict, .problem = problem};
    return read_message(&reader, type, value);
}

/* --- texts --- */

static void start(struct link_json_reader *reader, struct wire_arena *arena)
{
    reader->arena = arena;
    reader->strict = true;
    reader->problem = NULL;
    reader->path.en_size = reader->path.zh_size = 0;
    reader->path.en[0] = reader->path.zh[0] = '\0';
}

bool link_json_put_text(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, struct wire_bytes text,
                        struct wire_arena *arena)
{
    struct link_json_reader reader;
    struct link_json_scalar scalar = {.text = (const char *)text.data, .size = text.size};
    if (field->label == PROTOBUF_C_LABEL_REPEATED || field->type == PROTOBUF_C_TYPE_MESSAGE)
        return false;
    start(&reader, arena);
    return read_unstated(message, field, scalar.text) ||
           (claim(&reader, message, field) &&
            link_json_read_scalar(&reader, field, &scalar, member(message, field->offset)));
}

bool link_json_put_texts(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                         const struct wire_bytes *texts, size_t count, struct wire_arena *arena)
{
    struct link_json_reader reader;
    size_t size = wire_field_element_size(field->type);
    if (field->label != PROTOBUF_C_LABEL_REPEATED || field->type == PROTOBUF_C_TYPE_MESSAGE || count == 0)
        return false;
    char *elements = wire_arena_take(arena, count * size);
    start(&reader, arena);
    for (size_t i = 0; i < count; i++) {
        struct link_json_scalar scalar = {.text = (const char *)texts[i].data, .size = texts[i].size};
        if (elements == NULL || !link_json_read_scalar(&reader, field, &scalar, elements + i * size))
            return false;
    }
    *(size_t *)member(message, field->quantifier_offset) = count;
    *(void **)member(message, field->offset) = elements;
    return true;
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
