#include "node/api/profile.h"
#include "link/yaml.h"
#include "wire/label.h"
#include "wire/unit.h"
#include <stdio.h>
#include <string.h>

/* clang-format off */
#define WORD(type, name) CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, name, 0, 600)
#define FLOW_WORD(type, key, name) CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, name, 0, 600)
static const cyaml_schema_value_t word = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 200)};
static const cyaml_schema_field_t field_fields[] = {
    WORD(struct api_profile_field, field), WORD(struct api_profile_field, column),
    WORD(struct api_profile_field, value), WORD(struct api_profile_field, when),
    WORD(struct api_profile_field, equals), WORD(struct api_profile_field, take),
    CYAML_FIELD_INT("days", CYAML_FLAG_OPTIONAL, struct api_profile_field, days),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t field_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct api_profile_field, field_fields)};
static const cyaml_schema_field_t profile_fields[] = {
    WORD(struct api_profile, name),
    FLOW_WORD(struct api_profile, "kind", kind_name),
    FLOW_WORD(struct api_profile, "unit", unit_name),
    WORD(struct api_profile, issuer), WORD(struct api_profile, concerns), WORD(struct api_profile, mechanism),
    FLOW_WORD(struct api_profile, "status", status_name),
    WORD(struct api_profile, entries),
    CYAML_FIELD_SEQUENCE("key", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct api_profile, key, &word, 0,
                         API_PROFILE_KEYS_MAX),
    CYAML_FIELD_SEQUENCE("fields", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct api_profile, fields, &field_value, 0,
                         API_PROFILE_FIELDS_MAX),
    CYAML_FIELD_END,
};
/* clang-format on */
static const cyaml_schema_value_t top = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct api_profile, profile_fields)};

struct reader {
    const char *file;
    struct api_profile *profile;
    struct wire_problem *problem;
};

static enum wire_status fail(struct reader *r, const char *where, const char *zh, const char *en, const char *found)
{
    char place[200];
    snprintf(place, sizeof place, "%s: %s", r->file, where);
    return wire_failf(r->problem, WIRE_INVALID, place, "导入方案：%1$s（%3$s）%2$.0s", "profile: %2$s (%3$s)%1$.0s", zh,
                      en, found == NULL ? "" : found);
}

bool api_profile_name_right(const char *name)
{
    size_t size = strlen(name);
    return size >= 1 && size <= API_PROFILE_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == size;
}

/* --- one field: its path through the payload --- */

static enum wire_status step(struct reader *r, const char *where, struct api_profile_field *field,
                             const ProtobufCMessageDescriptor **type, const char *word_text, size_t size)
{
    const ProtobufCFieldDescriptor *found = wire_field_by_label(*type, word_text, size);
    if (found == NULL)
        return fail(r, where, "内容中没有这一项", "the payload has no such field", field->field);
    if (field->depth == API_PROFILE_DEPTH_MAX)
        return fail(r, where, "层次太深", "it lies too deep", field->field);
    bool list = found->label == PROTOBUF_C_LABEL_REPEATED && found->type == PROTOBUF_C_TYPE_MESSAGE;
    if (list && (field->depth > 0 || found != r->profile->entry_list))
        return fail(r, where, "列表只能是 entries 所指的那一个", "a list must be the one that `entries` names",
                    field->field);
    field->entry |= list;
    field->path[field->depth++] = found;
    *type = found->type == PROTOBUF_C_TYPE_MESSAGE ? found->descriptor : NULL;
    return WIRE_OK;
}

static enum wire_status find_path(struct reader *r, const char *where, struct api_profile_field *field)
{
    const ProtobufCMessageDescriptor *type = r->profile->kind->payload;
    const char *at = field->field;
    while (at != NULL) {
        const char *dot = strchr(at, '.');
        size_t size = dot == NULL ? strlen(at) : (size_t)(dot - at);
        if (type == NULL)
            return fail(r, where, "这一项之下没有内容", "nothing lies below this field", field->field);
        enum wire_status status = step(r, where, field, &type, at, size);
        if (status != WIRE_OK)
            return status;
        at = dot == NULL ? NULL : dot + 1;
    }
    return type == NULL ? WIRE_OK : fail(r, where, "应写到具体的项", "name a field of it", field->field);
}

static enum wire_status check_field(struct reader *r, unsigned index)
{
    struct api_profile_field *field = &r->profile->fields[index];
    char where[32];
    snprintf(where, sizeof where, "fields[%u]", index);
    if (field->field == NULL)
        return fail(r, where, "缺少 field", "`field` is missing", NULL);
    if (field->column == NULL && field->value == NULL)
        return fail(r, where, "缺少 column 或 value", "give `column` or `value`", field->field);
    if (field->equals != NULL && (field->column == NULL || field->value == NULL))
        return fail(r, where, "equals 需要 column 和 value", "`equals` needs `column` and `value`", field->field);
    if (field->column != NULL && field->value != NULL && field->equals == NULL)
        return fail(r, where, "column 与 value 只写一个（除非有 equals）",
                    "give `column` or `value`, both only with `equals`", field->field);
    if (field->take != NULL && strcmp(field->take, "first") != 0 && strcmp(field->take, "latest") != 0)
        return fail(r, where, "take 应为 first 或 latest", "`take` is first or latest", field->take);
    if (field->days < -3650 || field->days > 3650)
        return fail(r, where, "days 超出十年", "`days` is more than ten years", field->field);
    field->latest = field->take != NULL && strcmp(field->take, "latest") == 0;
    field->now = field->value != NULL && strcmp(field->value, "now") == 0;
    field->counts = field->value != NULL && strstr(field->value, "{#}") != NULL;
    return find_path(r, where, field);
}

/* --- the whole --- */

static enum wire_status find_entries(struct reader *r)
{
    struct api_profile *profile = r->profile;
    if (profile->entries == NULL)
        return WIRE_OK;
    profile->entry_list = wire_field_by_label(profile->kind->payload, profile->entries, strlen(profile->entries));
    const ProtobufCFieldDescriptor *list = profile->entry_list;
    if (list == NULL || list->label != PROTOBUF_C_LABEL_REPEATED || list->type != PROTOBUF_C_TYPE_MESSAGE)
        return fail(r, "entries", "内容中没有这个列表", "the payload has no such list", profile->entries);
    return WIRE_OK;
}

static enum wire_status check_head(struct reader *r)
{
    struct api_profile *profile = r->profile;
    int status = WIRE__STATUS__ACTUAL;
    if (profile->name == NULL || !api_profile_name_right(profile->name))
        return fail(r, "name", "应为小写字母、数字和连字符", "should be of a-z, 0-9 and -", profile->name);
    profile->kind = profile->kind_name == NULL ? NULL : wire_kind_by_name(profile->kind_name);
    if (profile->kind == NULL || profile->kind->brokers || profile->kind->reply)
        return fail(r, "kind", "没有这种信息，或不能导入", "there is no such kind, or it cannot be imported",
                    profile->kind_name);
    profile->unit = profile->unit_name == NULL ? (uint32_t)WIRE_UNIT_NONE : wire_unit_parse(profile->unit_name);
    if (profile->unit_name != NULL && profile->unit == WIRE_UNIT_NONE)
        return fail(r, "unit", "没有这个单位", "there is no such unit", profile->unit_name);
    const char *word_text = profile->status_name;
    if (word_text != NULL && !wire_enum_parse(&wire__status__descriptor, word_text, strlen(word_text), &status))
        return fail(r, "status", "应为 actual、exercise 或 test", "is actual, exercise or test", word_text);
    profile->status = (Wire__Status)status;
    if (profile->key_count == 0)
        return fail(r, "key", "至少写一列：键相同的行是同一份信息",
                    "name a column: rows with the same key are one envelope", NULL);
    if (profile->kind->persons && profile->concerns == NULL)
        return fail(r, "concerns", "涉及个人的信息须有关联地区列",
                    "a kind with persons needs the column of the region concerned", NULL);
    return find_entries(r);
}

enum wire_status api_profile_read(const char *name, const char *text, size_t size, struct api_profile **out,
                                  struct wire_problem *problem)
{
    void *loaded = NULL;
    *out = NULL;
    enum wire_status status = link_yaml_load_text(name, text, size, &top, &loaded, problem);
    if (status != WIRE_OK)
        return status;
    struct reader r = {.file = name, .profile = loaded, .problem = problem};
    status = check_head(&r);
    for (unsigned i = 0; status == WIRE_OK && i < r.profile->fields_count; i++)
        status = check_field(&r, i);
    *out = loaded;
    if (status != WIRE_OK)
        api_profile_close(out);
    return status;
}

void api_profile_close(struct api_profile **profile)
{
    if (*profile != NULL)
        link_yaml_free(&top, *profile);
    *profile = NULL;
}
