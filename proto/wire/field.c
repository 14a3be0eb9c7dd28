#include "wire/field.h"
#include "wire/ensure.h"
#include "wire/kind_rows.h"
#include <string.h>

static const struct wire_words *const all_words[] = {
    &wire_words_common,           &wire_words_person,         &wire_words_contact_notice,  &wire_words_outcome,
    &wire_words_measure_bulletin, &wire_words_supply_request, &wire_words_acknowledgement, &wire_words_reminder,
    &wire_words_round_bulletin,   &wire_words_policy_notice,
};

const struct wire_field *wire_field(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field)
{
    for (size_t w = 0; w < WIRE_COUNT_OF(all_words); w++)
        for (size_t m = 0; m < all_words[w]->message_count; m++) {
            const struct wire_message_fields *message = &all_words[w]->messages[m];
            if (message->type != type)
                continue;
            size_t index =
                (size_t)(field - type->fields); /* rows stand in the schema's order; a test holds them to it */
            return index < message->count ? &message->fields[index] : NULL;
        }
    return NULL;
}

const struct wire_field *wire_field_of(const ProtobufCFieldDescriptor *field)
{
    for (size_t w = 0; w < WIRE_COUNT_OF(all_words); w++)
        for (size_t m = 0; m < all_words[w]->message_count; m++) {
            const struct wire_message_fields *message = &all_words[w]->messages[m];
            for (size_t i = 0; i < message->type->n_fields && i < message->count; i++)
                if (&message->type->fields[i] == field)
                    return &message->fields[i];
        }
    return NULL;
}

const struct wire_enum_words *wire_enum_words(const ProtobufCEnumDescriptor *type)
{
    for (size_t w = 0; w < WIRE_COUNT_OF(all_words); w++)
        for (size_t e = 0; e < all_words[w]->enum_count; e++)
            if (all_words[w]->enums[e].type == type)
                return &all_words[w]->enums[e];
    return NULL;
}

const struct wire_enum_word *wire_enum_word(const ProtobufCEnumDescriptor *type, int value)
{
    const struct wire_enum_words *words = wire_enum_words(type);
    for (size_t i = 0; words != NULL && i < words->count; i++)
        if (words->words[i].value == value)
            return &words->words[i];
    return NULL;
}

static bool ends_with(const char *name, const char *end)
{
    size_t size = strlen(name), end_size = strlen(end);
    return size >= end_size && memcmp(name + size - end_size, end, end_size) == 0;
}

bool wire_field_is_region(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_UINT32 &&
           (strcmp(field->name, "region") == 0 || ends_with(field->name, "_region"));
}

bool wire_field_is_day(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_UINT32 && ends_with(field->name, "_day");
}

bool wire_field_is_time(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_INT64 && ends_with(field->name, "_ms") &&
           !ends_with(field->name, "mono_ms") && !ends_with(field->name, "held_ms");
}

const ProtobufCFieldDescriptor *wire_field_unstated(const ProtobufCMessageDescriptor *type,
                                                    const ProtobufCFieldDescriptor *field)
{
    size_t size = strlen(field->name);
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *other = &type->fields[i];
        if (other->type == PROTOBUF_C_TYPE_BOOL && strncmp(other->name, field->name, size) == 0 &&
            strcmp(other->name + size, "_unstated") == 0)
            return other;
    }
    return NULL;
}

static const void *member(const ProtobufCMessage *message, size_t offset)
{
    return (const char *)message + offset;
}

static size_t singular_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const void *value = member(message, field->offset);
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        if (*(const uint32_t *)member(message, field->quantifier_offset) != field->id)
            return 0;
    } else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type != PROTOBUF_C_TYPE_MESSAGE &&
               field->type != PROTOBUF_C_TYPE_STRING) {
        return *(const protobuf_c_boolean *)member(message, field->quantifier_offset) ? 1 : 0;
    }
    if (field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_STRING) {
        const void *pointer = *(const void *const *)value;
        return pointer != NULL && pointer != field->default_value ? 1 : 0;
    }
    return 1;
}

size_t wire_field_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return *(const size_t *)member(message, field->quantifier_offset);
    return singular_count(message, field);
}

const void *wire_field_at(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t index)
{
    const void *value = member(message, field->offset);
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        ENSURE(index == 0);
        return value;
    }
    ENSURE(index < wire_field_count(message, field));
    return *(const char *const *)value + index * wire_field_element_size(field->type);
}

size_t wire_field_element_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_ENUM:
        return 4;
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
        return sizeof(char *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(ProtobufCMessage *);
    }
    ENSURE(false && "a type that protobuf-c does not have");
    return 0;
}
