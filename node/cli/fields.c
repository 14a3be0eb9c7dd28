#include "node/cli/fields.h"
#include "link/yaml.h"
#include "wire/ensure.h"
#include "wire/label.h"
#include <stdlib.h>
#include <string.h>

enum { INDEX_MAX = 5000, NAMES_MAX = 128 };

/* One step of the way: "conveyance[1]". */
struct step {
    const char *name;
    size_t name_size;
    size_t entry; /* from 1; 0: none written */
};

static bool read_step(const char **at, const char *end, struct step *step)
{
    const char *text = *at, *stop = text;
    *step = (struct step){.name = text};
    while (stop < end && *stop != '.' && *stop != '[')
        stop++;
    step->name_size = (size_t)(stop - text);
    if (stop < end && *stop == '[') {
        char *rest;
        step->entry = strtoul(stop + 1, &rest, 10);
        if (step->entry == 0 || step->entry > INDEX_MAX || *rest != ']')
            return false;
        stop = rest + 1;
    }
    bool last = stop == end;
    *at = last ? stop : stop + 1;
    return step->name_size > 0 && (last || *stop == '.');
}

static enum wire_status unknown_field(const ProtobufCMessageDescriptor *type, const struct step *step,
                                      struct wire_problem *problem)
{
    char name[100];
    const char *names[NAMES_MAX];
    size_t count = 0;
    snprintf(name, sizeof name, "%.*s", (int)step->name_size, step->name);
    for (unsigned i = 0; i < type->n_fields && count + 2 < NAMES_MAX; i++) {
        names[count++] = type->fields[i].name;
        names[count++] = wire_label(type, &type->fields[i]).zh;
    }
    const char *nearest = link_nearest(name, names, count);
    if (nearest != NULL)
        return wire_failf(problem, WIRE_UNKNOWN_FIELD, name, "没有“%s”这一项，是否应为“%s”？",
                          "there is no field \"%s\"; did you mean \"%s\"?", name, nearest);
    return wire_failf(problem, WIRE_UNKNOWN_FIELD, name, "没有“%s”这一项", "there is no field \"%s\"", name);
}

/* The member that means `field`, whatever it is called there; other spellings are taken away. */
static json_t *member(json_t *object, const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field)
{
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(object, next, key, value)
    {
        if (strcmp(key, field->name) == 0 || wire_field_by_label(type, key, strlen(key)) != field)
            continue;
        json_object_set(object, field->name, value);
        json_object_del(object, key);
    }
    return json_object_get(object, field->name);
}

static bool is_list(const ProtobufCFieldDescriptor *field)
{
    return field->label == PROTOBUF_C_LABEL_REPEATED;
}

static json_t *list_of(json_t *object, const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field)
{
    json_t *list = member(object, type, field);
    if (!json_is_array(list)) {
        json_object_set_new(object, field->name, json_array());
        list = json_object_get(object, field->name);
    }
    return list;
}

/* The object below `object` that a step to a message leads to; NULL: the entry before it is missing. */
static json_t *go_down(json_t *object, const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field,
                       size_t entry)
{
    if (!is_list(field)) {
        if (!json_is_object(member(object, type, field)))
            json_object_set_new(object, field->name, json_object());
        return json_object_get(object, field->name);
    }
    json_t *list = list_of(object, type, field);
    size_t index = entry == 0 ? 0 : entry - 1;
    if (index > json_array_size(list))
        return NULL;
    if (index == json_array_size(list))
        json_array_append_new(list, json_object());
    json_t *found = json_array_get(list, index);
    return json_is_object(found) ? found : NULL;
}

static json_t *value_of(const ProtobufCFieldDescriptor *field, const char *text, size_t size)
{
    static const char *const yes[] = {"true", "yes", "是"}, *const no[] = {"false", "no", "否"};
    for (size_t i = 0; field->type == PROTOBUF_C_TYPE_BOOL && i < 3; i++) {
        if (strlen(yes[i]) == size && memcmp(yes[i], text, size) == 0)
            return json_true();
        if (strlen(no[i]) == size && memcmp(no[i], text, size) == 0)
            return json_false();
    }
    return json_stringn(text, size); /* NULL: bad UTF-8 */
}

static bool append(json_t *list, const ProtobufCFieldDescriptor *field, const char *text, size_t size)
{
    json_t *value = value_of(field, text, size);
    return value != NULL && json_array_append_new(list, value) == 0;
}

/* "find,feedback" and "查找、反馈"; texts may hold commas and are one value. */
static bool append_each(json_t *list, const ProtobufCFieldDescriptor *field, const char *text)
{
    static const char *const separators[] = {",", "，", "、"};
    while (field->type != PROTOBUF_C_TYPE_STRING) {
        const char *end = NULL;
        size_t skip = 0;
        for (size_t i = 0; i < 3; i++) {
            const char *found = strstr(text, separators[i]);
            if (found != NULL && (end == NULL || found < end)) {
                end = found;
                skip = strlen(separators[i]);
            }
        }
        if (end == NULL)
            break;
        if (!append(list, field, text, (size_t)(end - text)))
            return false;
        text = end + skip;
    }
    return append(list, field, text, strlen(text));
}

static enum wire_status bad_text(const char *where, struct wire_problem *problem)
{
    return wire_fail(problem, WIRE_BAD_STRING, where, "不是 UTF-8 文本", "is no UTF-8 text");
}

static enum wire_status set_leaf(json_t *object, const ProtobufCMessageDescriptor *type,
                                 const ProtobufCFieldDescriptor *field, size_t entry, const char *value,
                                 struct wire_problem *problem)
{
    if (!is_list(field)) {
        member(object, type, field);
        json_t *new_value = value_of(field, value, strlen(value));
        return new_value != NULL && json_object_set_new(object, field->name, new_value) == 0
                   ? WIRE_OK
                   : bad_text(field->name, problem);
    }
    json_t *list = list_of(object, type, field);
    if (entry == 0)
        return append_each(list, field, value) ? WIRE_OK : bad_text(field->name, problem);
    if (entry - 1 > json_array_size(list))
        return wire_failf(problem, WIRE_INVALID, field->name, "第 %zu 项之前还缺一项", "entry %zu has none before it",
                          entry);
    json_t *new_value = value_of(field, value, strlen(value));
    if (new_value == NULL)
        return bad_text(field->name, problem);
    if (entry - 1 == json_array_size(list))
        json_array_append_new(list, new_value);
    else
        json_array_set_new(list, entry - 1, new_value);
    return WIRE_OK;
}

static enum wire_status is_a_group(const ProtobufCFieldDescriptor *field, struct wire_problem *problem)
{
    const ProtobufCMessageDescriptor *type = field->descriptor;
    const char *first = type->n_fields > 0 ? type->fields[0].name : "";
    const char *entry = is_list(field) ? "[1]" : "";
    return wire_failf(problem, WIRE_INVALID, field->name, "是一组内容，请写到其中一项，例如 %s%s.%s=…",
                      "is a group; name one of its fields, like %s%s.%s=...", field->name, entry, first);
}

/* Walks the path from *at to `end` and sets the value. */
static enum wire_status set_along(json_t *object, const ProtobufCMessageDescriptor *type, const char *at,
                                  const char *end, struct wire_problem *problem)
{
    for (;;) {
        struct step step;
        if (!read_step(&at, end, &step))
            return wire_fail(problem, WIRE_INVALID, step.name, "应写作 名称=值、名称[序号].名称=值，序号从 1 起",
                             "write name=value or name[entry].name=value; entries count from 1");
        const ProtobufCFieldDescriptor *field = wire_field_by_label(type, step.name, step.name_size);
        const ProtobufCFieldDescriptor *common = protobuf_c_message_descriptor_get_field_by_name(type, "common");
        if (field == NULL && common != NULL &&
            wire_field_by_label(common->descriptor, step.name, step.name_size) != NULL) {
            object = go_down(object, type, common, 0);
            type = common->descriptor;
            field = wire_field_by_label(type, step.name, step.name_size);
        }
        if (field == NULL)
            return unknown_field(type, &step, problem);
        if (field->type != PROTOBUF_C_TYPE_MESSAGE)
            return at == end ? set_leaf(object, type, field, step.entry, end + 1, problem)
                             : wire_fail(problem, WIRE_INVALID, field->name, "下面没有更多的项", "has no fields in it");
        if (at == end)
            return is_a_group(field, problem);
        object = go_down(object, type, field, step.entry);
        if (object == NULL)
            return wire_failf(problem, WIRE_INVALID, field->name, "第 %zu 项之前还缺一项",
                              "entry %zu has none before it", step.entry);
        type = field->descriptor;
    }
}

enum wire_status cli_field_set(json_t *payload, const ProtobufCMessageDescriptor *type, const char *word,
                               struct wire_problem *problem)
{
    const char *equals = strchr(word, '=');
    ENSURE(json_is_object(payload));
    if (equals == NULL || equals == word)
        return wire_fail(problem, WIRE_INVALID, word, "应写作 名称=值", "write name=value");
    return set_along(payload, type, word, equals, problem);
}
