/* Names of fields and enum values for people, in Chinese and English, and back: screens, CSV headings, error paths. */
#pragma once
#include "wire/field.h"

struct wire_label {
    const char *zh;
    const char *en;
};

/* Never NULL members: a field without a table row is called by its schema name in both. */
struct wire_label wire_label(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field);
struct wire_label wire_enum_label(const ProtobufCEnumDescriptor *type, int value);

/* The field that a heading or JSON key means: its schema name, Chinese label, another Chinese heading in use, or
 * English label (case and the difference of space, '-' and '_' ignored). NULL: none. */
const ProtobufCFieldDescriptor *wire_field_by_label(const ProtobufCMessageDescriptor *type, const char *text,
                                                    size_t size);
/* The value that a word means: "extra-urgent", "特急", "Extra urgent". false: none. */
bool wire_enum_parse(const ProtobufCEnumDescriptor *type, const char *text, size_t size, int *value);

enum { WIRE_ENUM_NAME = 64 };
/* "extra-urgent": the name as JSON shows it; the number in digits for a value that is not in the schema. */
char *wire_enum_name(const ProtobufCEnumDescriptor *type, int value, char out[WIRE_ENUM_NAME]);
