/* Walks the encoding once, against the descriptor. It must refuse at least what protobuf-c would misread: what passes
 * here either unpacks to what the bytes say, or fails for want of memory or of a required field. */
#include "wire/check_raw.h"
#include "wire/ensure.h"
#include "wire/read_raw.h"
#include "wire/utf8.h"

enum { CRITICAL_MAX = 63, BITS = 64, WORDS = WIRE_FIELDS_MAX / BITS };

struct check {
    enum wire_strict strict;
    size_t budget; /* what is left of it */
};

/* Which fields of one message have come, by index. */
struct seen {
    uint64_t word[WORDS];
};

/* protobuf-c keeps the low bits of a number that does not fit its field: two readers would see two values. */
static bool number_fits(const ProtobufCFieldDescriptor *field, uint64_t value)
{
    const ProtobufCEnumDescriptor *values = field->descriptor;

    switch (field->type) {
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_SINT32:
        return value <= UINT32_MAX;
    case PROTOBUF_C_TYPE_INT32:
        return (int64_t)value >= INT32_MIN && (int64_t)value <= INT32_MAX;
    case PROTOBUF_C_TYPE_BOOL:
        return value <= 1;
    case PROTOBUF_C_TYPE_ENUM:
        return (int64_t)value >= INT32_MIN && (int64_t)value <= INT32_MAX &&
               wire_range_find(values->value_ranges, values->n_value_ranges, (int)(int64_t)value) >= 0;
    default:
        return true;
    }
}

static enum wire_status spend(struct check *check, size_t size)
{
    if (size > check->budget)
        return WIRE_OVER_BUDGET;
    check->budget -= size;
    return WIRE_OK;
}

/* Numbers of a repeated field in one run of bytes. */
static enum wire_status check_packed(struct check *check, const ProtobufCFieldDescriptor *field, struct wire_bytes data)
{
    struct wire_reader reader = {.at = data.data, .end = data.data + data.size};
    enum wire_type type = wire_type_of(field->type);
    size_t count = 0;

    for (; reader.at < reader.end; count++) {
        uint64_t value = 0;

        if (!wire_read_number(&reader, type, &value) || (type == WIRE_VARINT && !number_fits(field, value)))
            return WIRE_BAD_FRAME;
    }
    return spend(check, count * wire_element_size(field->type));
}

static enum wire_status check_message(struct check *check, const ProtobufCMessageDescriptor *type,
                                      struct wire_bytes raw, unsigned depth);

static enum wire_status check_value(struct check *check, const ProtobufCFieldDescriptor *field,
                                    const struct wire_member *member, unsigned depth)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED && spend(check, wire_element_size(field->type)) != WIRE_OK)
        return WIRE_OVER_BUDGET;
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return check_message(check, field->descriptor, member->data, depth + 1);
    case PROTOBUF_C_TYPE_STRING:
        return wire_utf8_text(member->data.data, member->data.size) ? spend(check, member->data.size + 1)
                                                                    : WIRE_BAD_STRING;
    case PROTOBUF_C_TYPE_BYTES:
        return spend(check, member->data.size);
    default:
        return member->type != WIRE_VARINT || number_fits(field, member->value) ? WIRE_OK : WIRE_BAD_FRAME;
    }
}

static bool was_seen(const struct seen *seen, unsigned index)
{
    return (seen->word[index / BITS] >> (index % BITS) & 1) != 0;
}

/* Another member of the same oneof has come: they share the field that says which one it is. */
static bool oneof_taken(const ProtobufCMessageDescriptor *type, const struct seen *seen, unsigned index)
{
    const ProtobufCFieldDescriptor *field = &type->fields[index];

    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0)
        return false;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *other = &type->fields[i];

        if (i != index && (other->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
            other->quantifier_offset == field->quantifier_offset && was_seen(seen, i))
            return true;
    }
    return false;
}

/* May this field come (once more)? Merging two sub-messages costs quadratic memory, so they never repeat. */
static bool may_come(struct check *check, const ProtobufCMessageDescriptor *type, struct seen *seen, unsigned index)
{
    const ProtobufCFieldDescriptor *field = &type->fields[index];

    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return true;
    if (was_seen(seen, index) && (field->type == PROTOBUF_C_TYPE_MESSAGE || check->strict != WIRE_STRICT_NONE))
        return false;
    seen->word[index / BITS] |= (uint64_t)1 << index % BITS;
    return !oneof_taken(type, seen, index);
}

static enum wire_status check_known(struct check *check, const ProtobufCMessageDescriptor *type, struct seen *seen,
                                    unsigned index, const struct wire_member *member, unsigned depth)
{
    const ProtobufCFieldDescriptor *field = &type->fields[index];
    enum wire_type wanted = wire_type_of(field->type);

    if (!may_come(check, type, seen, index))
        return WIRE_BAD_FRAME;
    if (member->type == wanted)
        return check_value(check, field, member, depth);
    if (member->type == WIRE_LENGTH && field->label == PROTOBUF_C_LABEL_REPEATED)
        return check_packed(check, field, member->data);
    return WIRE_BAD_FRAME;
}

static bool may_be_unknown(enum wire_strict strict, uint32_t id)
{
    return strict == WIRE_STRICT_NONE || (strict == WIRE_STRICT_HEADER && id > CRITICAL_MAX);
}

static enum wire_status check_message(struct check *check, const ProtobufCMessageDescriptor *type,
                                      struct wire_bytes raw, unsigned depth)
{
    struct wire_reader reader = {.at = raw.data, .end = raw.data + raw.size};
    struct seen seen = {0};
    unsigned guess = 0;

    ENSURE(type->n_fields <= WIRE_FIELDS_MAX);
    if (depth > WIRE_DEPTH_MAX)
        return WIRE_BAD_FRAME;
    enum wire_status status = spend(check, type->sizeof_message);
    while (status == WIRE_OK && reader.at < reader.end) {
        struct wire_member member;

        if (!wire_read_member(&reader, &member))
            return WIRE_BAD_FRAME;
        int index = wire_field_find(type, member.id, guess);
        if (index < 0) {
            status = may_be_unknown(check->strict, member.id) ? spend(check, sizeof(ProtobufCMessageUnknownField))
                                                              : WIRE_UNKNOWN_FIELD;
            continue;
        }
        status = check_known(check, type, &seen, (unsigned)index, &member, depth);
        guess = (unsigned)index + (type->fields[index].label == PROTOBUF_C_LABEL_REPEATED ? 0 : 1);
    }
    return status;
}

enum wire_status wire_check_raw(const ProtobufCMessageDescriptor *type, struct wire_bytes raw, enum wire_strict strict,
                                size_t budget)
{
    struct check check = {.strict = strict, .budget = budget};

    return check_message(&check, type, raw, 0);
}
