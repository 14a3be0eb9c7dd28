/* Walks the encoding once, against the descriptor. It must refuse at least what protobuf-c would misread: what passes
 * here either unpacks to what the bytes say, or fails for want of memory or of a required field. */
#include "wire/check_raw.h"
#include "wire/ensure.h"
#include "wire/utf8.h"

enum wire_type { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5 };
enum { CRITICAL_MAX = 63, ID_MAX = (1 << 29) - 1, BITS = 64, WORDS = WIRE_FIELDS_MAX / BITS };

struct reader {
    const uint8_t *at;
    const uint8_t *end;
};

/* One field as it lies in the encoding. */
struct member {
    uint32_t id;
    enum wire_type type;
    uint64_t value;         /* VARINT */
    struct wire_bytes data; /* LENGTH */
};

struct check {
    enum wire_strict strict;
    size_t budget; /* what is left of it */
};

/* Which fields of one message have come, by index. */
struct seen {
    uint64_t word[WORDS];
};

static bool read_long_varint(struct reader *reader, uint64_t *out)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 70 && reader->at < reader->end; shift += 7) {
        uint8_t byte = *reader->at++;

        if (shift == 63 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

static inline bool read_varint(struct reader *reader, uint64_t *out)
{
    if (reader->at < reader->end && *reader->at < 0x80) {
        *out = *reader->at++;
        return true;
    }
    return read_long_varint(reader, out);
}

static bool skip(struct reader *reader, uint64_t size)
{
    if (size > (uint64_t)(reader->end - reader->at))
        return false;
    reader->at += size;
    return true;
}

static bool read_member(struct reader *reader, struct member *member)
{
    uint64_t tag;

    if (!read_varint(reader, &tag) || tag >> 3 == 0 || tag >> 3 > ID_MAX)
        return false;
    member->id = (uint32_t)(tag >> 3);
    switch (tag & 7) {
    case VARINT:
        member->type = VARINT;
        return read_varint(reader, &member->value);
    case FIXED64:
        member->type = FIXED64;
        return skip(reader, 8);
    case LENGTH:
        member->type = LENGTH;
        if (!read_varint(reader, &member->value))
            return false;
        member->data = wire_bytes(reader->at, (size_t)member->value);
        return skip(reader, member->value);
    case FIXED32:
        member->type = FIXED32;
        return skip(reader, 4);
    default: /* groups, and what never was */
        return false;
    }
}

/* Index of the value in the ranges, or -1. The last range is a dummy that holds the number of values. */
static int range_find(const ProtobufCIntRange *range, unsigned count, int value)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned size = range[i + 1].orig_index - range[i].orig_index;

        if (value < range[i].start_value)
            return -1;
        if ((unsigned)value - (unsigned)range[i].start_value < size)
            return (int)(range[i].orig_index + ((unsigned)value - (unsigned)range[i].start_value));
    }
    return -1;
}

static enum wire_type expected(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return FIXED32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return FIXED64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return LENGTH;
    default:
        return VARINT;
    }
}

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
               range_find(values->value_ranges, values->n_value_ranges, (int)(int64_t)value) >= 0;
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

/* Bytes that one element of a repeated field takes in its array. */
static size_t element_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    default:
        return 4;
    }
}

/* Numbers of a repeated field in one run of bytes. */
static enum wire_status check_packed(struct check *check, const ProtobufCFieldDescriptor *field, struct wire_bytes data)
{
    struct reader reader = {.at = data.data, .end = data.data + data.size};
    enum wire_type type = expected(field->type);
    size_t count = 0;

    for (; reader.at < reader.end; count++) {
        uint64_t value = 0;
        bool whole = type == VARINT ? read_varint(&reader, &value) : skip(&reader, type == FIXED32 ? 4 : 8);

        if (!whole || (type == VARINT && !number_fits(field, value)))
            return WIRE_BAD_FRAME;
    }
    return spend(check, count * element_size(field->type));
}

static enum wire_status check_message(struct check *check, const ProtobufCMessageDescriptor *type,
                                      struct wire_bytes raw, unsigned depth);

static enum wire_status check_value(struct check *check, const ProtobufCFieldDescriptor *field,
                                    const struct member *member, unsigned depth)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED && spend(check, element_size(field->type)) != WIRE_OK)
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
        return member->type != VARINT || number_fits(field, member->value) ? WIRE_OK : WIRE_BAD_FRAME;
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
                                    unsigned index, const struct member *member, unsigned depth)
{
    const ProtobufCFieldDescriptor *field = &type->fields[index];
    enum wire_type wanted = expected(field->type);

    if (!may_come(check, type, seen, index))
        return WIRE_BAD_FRAME;
    if (member->type == wanted)
        return check_value(check, field, member, depth);
    if (member->type == LENGTH && field->label == PROTOBUF_C_LABEL_REPEATED)
        return check_packed(check, field, member->data);
    return WIRE_BAD_FRAME;
}

static bool may_be_unknown(enum wire_strict strict, uint32_t id)
{
    return strict == WIRE_STRICT_NONE || (strict == WIRE_STRICT_HEADER && id > CRITICAL_MAX);
}

/* Fields mostly come in the order of the descriptor, so `guess` (the index after the last one) is tried first. */
static int find_field(const ProtobufCMessageDescriptor *type, uint32_t id, unsigned guess)
{
    if (guess < type->n_fields && type->fields[guess].id == id)
        return (int)guess;
    return range_find(type->field_ranges, type->n_field_ranges, (int)id);
}

static enum wire_status check_message(struct check *check, const ProtobufCMessageDescriptor *type,
                                      struct wire_bytes raw, unsigned depth)
{
    struct reader reader = {.at = raw.data, .end = raw.data + raw.size};
    struct seen seen = {0};
    unsigned guess = 0;

    ENSURE(type->n_fields <= WIRE_FIELDS_MAX);
    if (depth > WIRE_DEPTH_MAX)
        return WIRE_BAD_FRAME;
    enum wire_status status = spend(check, type->sizeof_message);
    while (status == WIRE_OK && reader.at < reader.end) {
        struct member member;

        if (!read_member(&reader, &member))
            return WIRE_BAD_FRAME;
        int index = find_field(type, member.id, guess);
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
