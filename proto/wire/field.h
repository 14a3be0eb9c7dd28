/* What a payload's schema cannot say: which fields are demanded, which are personal, which may not lie in the future,
 * and how each is called in Chinese and English. One table a message, in the file of the kind that it belongs to; rows
 * stand in the order of the schema, one for every field. The check (wire/check.h), the masks (wire/personal.h), screens
 * and CSV headings (wire/label.h) and the JSON reader all go by these tables, so that a field is described once. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_field_flag {
    WIRE_FIELD_REQUIRED = 1 << 0, /* `!` of the field list; X_unstated = true stands in for X */
    WIRE_FIELD_PAST = 1 << 1,     /* a day or a time that cannot lie in the future */
    WIRE_FIELD_FREE = 1 << 2,     /* sentences: line breaks allowed, Excel cannot have ruined it */
    WIRE_FIELD_DUTY = 1 << 3,     /* how to reach the office: may hold a mobile number in every kind */
    WIRE_FIELD_PUBLIC =
        1 << 4, /* shown unmasked in lists: no identity or mobile number, not even in kinds with persons */
};

/* How a personal field is masked (wire/personal.h). */
enum wire_mask {
    WIRE_MASK_NONE,
    WIRE_MASK_NAME,    /* 张* */
    WIRE_MASK_ID,      /* 3101************12 */
    WIRE_MASK_PHONE,   /* 138****5678 */
    WIRE_MASK_DAY,     /* 1985-**-** */
    WIRE_MASK_PLATE,   /* 沪A****8 */
    WIRE_MASK_ALL,     /* **** */
    WIRE_MASK_NUMBERS, /* free text about a person: identity and mobile numbers in it are masked */
};

struct wire_field {
    const char *name; /* as in the schema */
    const char *zh;
    const char *en;
    const char *also; /* other Chinese headings in use, separated by '|'; NULL: none */
    unsigned flags;   /* enum wire_field_flag */
    enum wire_mask mask;
    uint64_t
        limit; /* most characters of a text, largest number, exact size of bytes; 0: the defaults of wire/check.h */
};

struct wire_message_fields {
    const ProtobufCMessageDescriptor *type;
    const struct wire_field *fields;
    size_t count;
};

struct wire_enum_word {
    int value;
    const char *zh;
    const char *en;
    const char *also;
};

struct wire_enum_words {
    const ProtobufCEnumDescriptor *type;
    const struct wire_enum_word *words;
    size_t count;
};

/* What one file contributes. */
struct wire_words {
    const struct wire_message_fields *messages;
    size_t message_count;
    const struct wire_enum_words *enums;
    size_t enum_count;
};

/* NULL: the message is no payload and has no table (Header, Frame, …). */
const struct wire_field *wire_field(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field);
/* The same when only the field's descriptor is at hand. */
const struct wire_field *wire_field_of(const ProtobufCFieldDescriptor *field);
const struct wire_enum_word *wire_enum_word(const ProtobufCEnumDescriptor *type, int value);
const struct wire_enum_words *wire_enum_words(const ProtobufCEnumDescriptor *type);

/* By the schema's naming conventions (schema/payload.proto). */
bool wire_field_is_region(const ProtobufCFieldDescriptor *field); /* uint32 region, *_region */
bool wire_field_is_day(const ProtobufCFieldDescriptor *field);    /* uint32 *_day: yyyymmdd */
bool wire_field_is_time(const ProtobufCFieldDescriptor *field);   /* int64 *_ms of a calendar, not of a stop-watch */
/* The bool X_unstated beside X; NULL if there is none. */
const ProtobufCFieldDescriptor *wire_field_unstated(const ProtobufCMessageDescriptor *type,
                                                    const ProtobufCFieldDescriptor *field);

/* Reading a message through its descriptor. Strings count as there when they are set, even when empty. */
size_t wire_field_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
/* The i-th value, i < wire_field_count: points to the number, ProtobufCBinaryData, char * or ProtobufCMessage * in
 * place. */
const void *wire_field_at(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t index);
size_t wire_field_element_size(ProtobufCType type);
