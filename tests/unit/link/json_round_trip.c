/* Property: whatever a message holds, its JSON reads back to the same bytes. Messages of every kind are filled at
 * random from their descriptors; a failure prints the seed. */
#include "link/json.h"
#include "schema/frame.pb-c.h"
#include "schema/payload.pb-c.h"
#include "wire/codec.h"
#include "wire/field.h"
#include "wire/json.h"
#include "wire/kind.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY = 4 * 1024 * 1024, ROUNDS = 150, LIST_MAX = 4, TEXT_MAX = 40, BYTES_MAX = 70 };

struct maker {
    struct wire_arena arena;
    uint64_t state;
};

/* SplitMix64. */
static uint64_t draw(struct maker *maker)
{
    uint64_t z = maker->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static size_t below(struct maker *maker, size_t end)
{
    return (size_t)(draw(maker) % end);
}

static char *any_text(struct maker *maker)
{
    static const char *const pieces[] = {"a",  "\"", "\\", "\n",     "\x01",    "/",   "张",
                                         "，", "𠮷", " ",  "未注明", "1.1E+17", "\x7f"};
    char *text = wire_arena_take(&maker->arena, TEXT_MAX * 10);
    for (size_t i = below(maker, TEXT_MAX); i > 0; i--)
        strcat(text, pieces[below(maker, sizeof pieces / sizeof *pieces)]);
    return text;
}

static ProtobufCBinaryData any_bytes(struct maker *maker)
{
    ProtobufCBinaryData bytes = {.len = below(maker, BYTES_MAX), .data = wire_arena_take(&maker->arena, BYTES_MAX)};
    for (size_t i = 0; i < bytes.len; i++)
        bytes.data[i] = (uint8_t)draw(maker);
    return bytes;
}

/* Small, large and anything between. */
static uint64_t any_number(struct maker *maker)
{
    uint64_t number = draw(maker) >> below(maker, 64);
    return below(maker, 8) == 0 ? ~number : number;
}

static ProtobufCMessage *any_message(struct maker *maker, const ProtobufCMessageDescriptor *type);

static void fill(struct maker *maker, const ProtobufCFieldDescriptor *field, void *at)
{
    const ProtobufCEnumDescriptor *words = field->descriptor;
    uint64_t number = any_number(maker);
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        *(char **)at = any_text(maker);
        break;
    case PROTOBUF_C_TYPE_BYTES:
        *(ProtobufCBinaryData *)at = any_bytes(maker);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        *(ProtobufCMessage **)at = any_message(maker, field->descriptor);
        break;
    case PROTOBUF_C_TYPE_ENUM:
        *(int *)at = words->values[below(maker, words->n_values)].value;
        break;
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)at = (protobuf_c_boolean)(number & 1);
        break;
    default:
        if (wire_field_is_day(field) && (number & 1) != 0)
            number = 20200101 + number % 28; /* mostly impossible days otherwise */
        if (wire_field_is_time(field) && (number & 1) != 0)
            number = 1580000000000 + number % 100000000;
        memcpy(at, &number, wire_field_element_size(field->type));
    }
}

static void fill_field(struct maker *maker, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    char *base = (char *)message;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        size_t count = below(maker, LIST_MAX), size = wire_field_element_size(field->type);
        char *list = count == 0 ? NULL : wire_arena_take(&maker->arena, count * size);
        for (size_t i = 0; i < count; i++)
            fill(maker, field, list + i * size);
        *(size_t *)(base + field->quantifier_offset) = count;
        *(void **)(base + field->offset) = list;
        return;
    }
    bool one_of = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    if (one_of && *(uint32_t *)(base + field->quantifier_offset) != 0)
        return;
    if (field->label == PROTOBUF_C_LABEL_OPTIONAL && below(maker, 3) == 0)
        return;
    if (one_of)
        *(uint32_t *)(base + field->quantifier_offset) = field->id;
    else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type != PROTOBUF_C_TYPE_STRING &&
             field->type != PROTOBUF_C_TYPE_MESSAGE)
        *(protobuf_c_boolean *)(base + field->quantifier_offset) = 1;
    fill(maker, field, base + field->offset);
}

static ProtobufCMessage *any_message(struct maker *maker, const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *message = wire_arena_take(&maker->arena, type->sizeof_message);
    cr_assert_not_null(message);
    protobuf_c_message_init(type, message);
    for (unsigned i = 0; i < type->n_fields; i++)
        fill_field(maker, message, &type->fields[i]);
    return message;
}

static void round_trip(struct maker *maker, const ProtobufCMessageDescriptor *type, uint64_t seed)
{
    struct wire_problem problem = {0};
    struct wire_text first = {.grow = realloc}, second = {.grow = realloc};
    ProtobufCMessage *message = any_message(maker, type);
    struct wire_bytes packed = wire_encode(message, &maker->arena);
    wire_json_write(&first, message, NULL);
    ProtobufCMessage *read = link_json_to_message(type, first.data, first.size, &maker->arena, true, &problem);
    cr_assert_not_null(read, "%s, seed %llu: %s: %s\n%s", type->name, (unsigned long long)seed, problem.where,
                       problem.en, first.data);
    struct wire_bytes again = wire_encode(read, &maker->arena);
    cr_assert(packed.data != NULL && again.data != NULL);
    cr_assert(wire_bytes_equal(packed, again), "%s, seed %llu\n%s", type->name, (unsigned long long)seed, first.data);
    wire_json_write(&second, read, NULL);
    cr_assert_str_eq(first.data, second.data);
    free(first.data);
    free(second.data);
}

static void round_trips(const ProtobufCMessageDescriptor *type)
{
    struct maker maker = {0};
    void *memory = malloc(MEMORY);
    wire_arena_over(&maker.arena, memory, MEMORY);
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        maker.state = seed;
        round_trip(&maker, type, seed);
        wire_arena_reset(&maker.arena);
    }
    free(memory);
}

Test(json_round_trip, payloads_of_every_kind)
{
    for (size_t i = 0; i < wire_kind_count(); i++)
        round_trips(wire_kind_at(i)->payload);
}

Test(json_round_trip, headers_batches_and_frames)
{
    round_trips(&wire__header__descriptor);
    round_trips(&wire__batch__descriptor);
    round_trips(&wire__frame__descriptor);
}
