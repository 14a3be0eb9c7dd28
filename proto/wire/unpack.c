/* The bytes were checked, so nothing is asked of them again but that no required field is missing. A repeated field is
 * counted from where it first comes, and its array taken at once. */
#include "wire/unpack.h"
#include "wire/check_raw.h"
#include "wire/ensure.h"
#include "wire/read_raw.h"
#include <string.h>

enum { BITS = 64, WORDS = WIRE_FIELDS_MAX / BITS };

struct unpack {
    struct wire_arena *arena;
    bool borrow;
};

/* One message while it is filled. */
struct target {
    ProtobufCMessage *message;
    const ProtobufCMessageDescriptor *type;
    uint64_t seen[WORDS]; /* fields that came, by index */
};

static ProtobufCMessage *message_of(struct unpack *unpack, const ProtobufCMessageDescriptor *type,
                                    struct wire_bytes raw);

static void *member_at(ProtobufCMessage *message, unsigned offset)
{
    return (uint8_t *)message + offset;
}

static uint64_t unzigzag(uint64_t value)
{
    return value >> 1 ^ (0 - (value & 1));
}

static void put_u32(void *at, uint32_t value)
{
    memcpy(at, &value, sizeof value);
}

static void put_u64(void *at, uint64_t value)
{
    memcpy(at, &value, sizeof value);
}

static void put_number(ProtobufCType type, uint64_t value, void *at)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SINT32:
        put_u32(at, (uint32_t)unzigzag(value));
        break;
    case PROTOBUF_C_TYPE_SINT64:
        put_u64(at, unzigzag(value));
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        put_u64(at, value);
        break;
    default: /* BOOL too: it is an int, and the value 0 or 1 */
        put_u32(at, (uint32_t)value);
        break;
    }
}

static bool put_bytes(struct unpack *unpack, struct wire_bytes data, ProtobufCBinaryData *at)
{
    at->len = data.size;
    at->data = NULL;
    if (data.size == 0)
        return true;
    at->data = unpack->borrow ? (uint8_t *)(uintptr_t)data.data : wire_arena_copy(unpack->arena, data.data, data.size);
    return at->data != NULL;
}

static bool put_value(struct unpack *unpack, const ProtobufCFieldDescriptor *field, const struct wire_member *member,
                      void *at)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return (*(ProtobufCMessage **)at = message_of(unpack, field->descriptor, member->data)) != NULL;
    case PROTOBUF_C_TYPE_STRING:
        return (*(char **)at = wire_arena_text(unpack->arena, (const char *)member->data.data, member->data.size)) !=
               NULL;
    case PROTOBUF_C_TYPE_BYTES:
        return put_bytes(unpack, member->data, at);
    default:
        put_number(field->type, member->value, at);
        return true;
    }
}

/* --- repeated fields ---------------------------------------------------------------------------------------------- */

static bool is_packed(const ProtobufCFieldDescriptor *field, const struct wire_member *member)
{
    return member->type == WIRE_LENGTH && wire_type_of(field->type) != WIRE_LENGTH;
}

static size_t packed_count(const ProtobufCFieldDescriptor *field, struct wire_bytes run)
{
    enum wire_type type = wire_type_of(field->type);
    size_t count = 0;

    if (type != WIRE_VARINT)
        return run.size / (type == WIRE_FIXED32 ? 4 : 8);
    for (size_t i = 0; i < run.size; i++)
        count += run.data[i] < 0x80; /* the last byte of each */
    return count;
}

/* How many elements come from `member` on. */
static size_t element_count(const ProtobufCFieldDescriptor *field, struct wire_member member, struct wire_reader rest)
{
    size_t count = 0;

    do {
        if (member.id == field->id)
            count += is_packed(field, &member) ? packed_count(field, member.data) : 1;
    } while (rest.at < rest.end && wire_read_member(&rest, &member));
    return count;
}

static void put_packed(const ProtobufCFieldDescriptor *field, struct wire_bytes run, uint8_t *array, size_t *count)
{
    struct wire_reader reader = {.at = run.data, .end = run.data + run.size};
    enum wire_type type = wire_type_of(field->type);
    size_t size = wire_element_size(field->type);
    uint64_t value;

    while (reader.at < reader.end && wire_read_number(&reader, type, &value))
        put_number(field->type, value, array + size * (*count)++);
}

static bool put_element(struct unpack *unpack, struct target *target, const ProtobufCFieldDescriptor *field,
                        const struct wire_member *member, const struct wire_reader *rest)
{
    size_t *count = member_at(target->message, field->quantifier_offset);
    uint8_t **array = member_at(target->message, field->offset);
    size_t size = wire_element_size(field->type);

    if (is_packed(field, member) && member->data.size == 0)
        return true; /* not the first: all that follow would be counted again for each such run */
    if (*count == 0)
        *array = wire_arena_room(unpack->arena, element_count(field, *member, *rest) * size);
    if (*array == NULL)
        return false;
    if (!is_packed(field, member))
        return put_value(unpack, field, member, *array + size * (*count)++);
    put_packed(field, member->data, *array, count);
    return true;
}

/* --- fields ------------------------------------------------------------------------------------------------------- */

static bool put_field(struct unpack *unpack, struct target *target, unsigned index, const struct wire_member *member,
                      const struct wire_reader *rest)
{
    const ProtobufCFieldDescriptor *field = &target->type->fields[index];

    target->seen[index / BITS] |= (uint64_t)1 << index % BITS;
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return put_element(unpack, target, field, member, rest);
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
        put_u32(member_at(target->message, field->quantifier_offset), field->id);
    else if (field->label != PROTOBUF_C_LABEL_REQUIRED && field->quantifier_offset != 0)
        *(protobuf_c_boolean *)member_at(target->message, field->quantifier_offset) = true;
    return put_value(unpack, field, member, member_at(target->message, field->offset));
}

static size_t unknown_count(const ProtobufCMessageDescriptor *type, struct wire_reader rest)
{
    struct wire_member member;
    size_t count = 1;

    while (rest.at < rest.end && wire_read_member(&rest, &member))
        count += wire_field_find(type, member.id, 0) < 0;
    return count;
}

/* Kept as it lies there, for whoever encodes the message again. */
static bool put_unknown(struct unpack *unpack, struct target *target, const struct wire_member *member,
                        const struct wire_reader *rest)
{
    ProtobufCMessage *message = target->message;
    ProtobufCBinaryData data;

    if (message->n_unknown_fields == 0)
        message->unknown_fields =
            wire_arena_room(unpack->arena, unknown_count(target->type, *rest) * sizeof *message->unknown_fields);
    if (message->unknown_fields == NULL ||
        !put_bytes(unpack, wire_bytes(member->from, (size_t)(rest->at - member->from)), &data))
        return false;
    message->unknown_fields[message->n_unknown_fields++] = (ProtobufCMessageUnknownField){
        .tag = member->id, .wire_type = (ProtobufCWireType)member->type, .len = data.len, .data = data.data};
    return true;
}

static bool is_whole(const struct target *target)
{
    for (unsigned i = 0; i < target->type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &target->type->fields[i];

        if (field->label == PROTOBUF_C_LABEL_REQUIRED && field->default_value == NULL &&
            (target->seen[i / BITS] >> (i % BITS) & 1) == 0)
            return false;
    }
    return true;
}

static ProtobufCMessage *message_of(struct unpack *unpack, const ProtobufCMessageDescriptor *type,
                                    struct wire_bytes raw)
{
    struct wire_reader reader = {.at = raw.data, .end = raw.data + raw.size};
    struct target target = {.type = type, .message = wire_arena_room(unpack->arena, type->sizeof_message)};
    struct wire_member member;
    unsigned guess = 0;

    if (target.message == NULL)
        return NULL;
    type->message_init(target.message);
    while (reader.at < reader.end) {
        ENSURE(wire_read_member(&reader, &member));
        int index = wire_field_find(type, member.id, guess);
        bool fits = index < 0 ? put_unknown(unpack, &target, &member, &reader)
                              : put_field(unpack, &target, (unsigned)index, &member, &reader);
        if (!fits)
            return NULL;
        if (index >= 0)
            guess = (unsigned)index + (type->fields[index].label == PROTOBUF_C_LABEL_REPEATED ? 0 : 1);
    }
    return is_whole(&target) ? target.message : NULL;
}

ProtobufCMessage *wire_unpack(const ProtobufCMessageDescriptor *type, struct wire_bytes raw, bool borrow,
                              struct wire_arena *arena)
{
    struct unpack unpack = {.arena = arena, .borrow = borrow};

    return message_of(&unpack, type, raw);
}
