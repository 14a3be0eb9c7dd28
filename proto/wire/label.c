#include "wire/label.h"
#include <stdio.h>
#include <string.h>

struct wire_label wire_label(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field)
{
    const struct wire_field *row = wire_field(type, field);
    if (row == NULL)
        return (struct wire_label){.zh = field->name, .en = field->name};
    return (struct wire_label){.zh = row->zh, .en = row->en};
}

static const char *enum_schema_name(const ProtobufCEnumDescriptor *type, int value)
{
    const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(type, value);
    return found == NULL ? NULL : found->name;
}

struct wire_label wire_enum_label(const ProtobufCEnumDescriptor *type, int value)
{
    const struct wire_enum_word *word = wire_enum_word(type, value);
    if (word != NULL)
        return (struct wire_label){.zh = word->zh, .en = word->en};
    const char *name = enum_schema_name(type, value);
    if (name == NULL)
        name = "?";
    return (struct wire_label){.zh = name, .en = name};
}

char *wire_enum_name(const ProtobufCEnumDescriptor *type, int value, char out[WIRE_ENUM_NAME])
{
    const char *name = enum_schema_name(type, value);
    if (name == NULL) {
        snprintf(out, WIRE_ENUM_NAME, "%d", value);
        return out;
    }
    size_t i = 0;
    for (; name[i] != '\0' && i + 1 < WIRE_ENUM_NAME; i++) {
        char c = name[i];
        out[i] = c == '_' ? '-' : (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    out[i] = '\0';
    return out;
}

/* Case and the difference of space, '-' and '_' do not matter. */
static unsigned char folded(char c)
{
    if (c == ' ' || c == '-')
        return '_';
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool means(const char *name, size_t name_size, const char *text, size_t size)
{
    if (name_size != size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (folded(name[i]) != folded(text[i]))
            return false;
    return true;
}

static bool means_one_of(const char *names, const char *text, size_t size)
{
    while (names != NULL) {
        const char *bar = strchr(names, '|');
        if (means(names, bar == NULL ? strlen(names) : (size_t)(bar - names), text, size))
            return true;
        names = bar == NULL ? NULL : bar + 1;
    }
    return false;
}

const ProtobufCFieldDescriptor *wire_field_by_label(const ProtobufCMessageDescriptor *type, const char *text,
                                                    size_t size)
{
    for (unsigned i = 0; i < type->n_fields; i++) /* the most usual: the schema's name, letter for letter */
        if (strlen(type->fields[i].name) == size && memcmp(type->fields[i].name, text, size) == 0)
            return &type->fields[i];
    for (unsigned i = 0; i < type->n_fields; i++)
        if (means_one_of(type->fields[i].name, text, size))
            return &type->fields[i];
    for (unsigned i = 0; i < type->n_fields; i++) {
        const struct wire_field *row = wire_field(type, &type->fields[i]);
        if (row != NULL && (means_one_of(row->zh, text, size) || means_one_of(row->en, text, size) ||
                            means_one_of(row->also, text, size)))
            return &type->fields[i];
    }
    return NULL;
}

bool wire_enum_parse(const ProtobufCEnumDescriptor *type, const char *text, size_t size, int *value)
{
    for (unsigned i = 0; i < type->n_values; i++)
        if (means_one_of(type->values[i].name, text, size)) {
            *value = type->values[i].value;
            return true;
        }
    const struct wire_enum_words *words = wire_enum_words(type);
    for (size_t i = 0; words != NULL && i < words->count; i++) {
        const struct wire_enum_word *word = &words->words[i];
        if (means_one_of(word->zh, text, size) || means_one_of(word->en, text, size) ||
            means_one_of(word->also, text, size)) {
            *value = word->value;
            return true;
        }
    }
    return false;
}
