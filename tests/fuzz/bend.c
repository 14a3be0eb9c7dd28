#include "bend.h"
#include "wire/ensure.h"

/* Bends one value in its place; false: its type has none that is strange. */
static void bend_value(struct fuzz_input *input, const ProtobufCFieldDescriptor *field, void *at,
                       struct wire_arena *arena)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_INT32:
        *(uint32_t *)at = (uint32_t)strange_u64(input, *(uint32_t *)at);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_INT64:
        *(uint64_t *)at = strange_u64(input, *(uint64_t *)at);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)at = fuzz_one_in(input, 2);
        break;
    case PROTOBUF_C_TYPE_ENUM: {
        const ProtobufCEnumDescriptor *type = field->descriptor;
        *(int *)at = type->values[fuzz_below(input, type->n_values)].value;
        break;
    }
    case PROTOBUF_C_TYPE_STRING:
        if (*(char **)at != NULL)
            *(char **)at = strange_text(input, *(char **)at, arena);
        break;
    case PROTOBUF_C_TYPE_BYTES:
        *(ProtobufCBinaryData *)at = strange_binary(input, *(ProtobufCBinaryData *)at, arena);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        if (*(ProtobufCMessage **)at != NULL)
            bend_message(input, *(ProtobufCMessage **)at, arena);
        break;
    default:
        ENSURE(false && "no message of ours has such a field");
    }
}

static size_t size_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_ENUM:
        return 4;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 8;
    }
}

/* Shorter, longer by an entry that is there already, or one entry bent. */
static void bend_list(struct fuzz_input *input, const ProtobufCFieldDescriptor *field, size_t *count, void **list,
                      struct wire_arena *arena)
{
    size_t size = size_of(field->type), which = *count == 0 ? 0 : fuzz_u8(input) % *count;
    if (*count == 0)
        return;
    switch (fuzz_below(input, 4)) {
    case 0:
        *count = which;
        break;
    case 1: {
        uint8_t *longer = wire_arena_take(arena, (*count + 1) * size);
        ENSURE(longer != NULL);
        memcpy(longer, *list, *count * size);
        memcpy(longer + *count * size, longer + which * size, size);
        *list = longer;
        (*count)++;
        break;
    }
    default:
        bend_value(input, field, (uint8_t *)*list + which * size, arena);
        break;
    }
}

/* Comes (if it has a value without memory) or goes. */
static void toggle(const ProtobufCFieldDescriptor *field, void *quantifier, void *at)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_STRING)
        *(void **)at = NULL;
    else
        *(protobuf_c_boolean *)quantifier = !*(protobuf_c_boolean *)quantifier;
}

void bend_message(struct fuzz_input *input, ProtobufCMessage *message, struct wire_arena *arena)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    uint32_t times = fuzz_below(input, 4);
    for (uint32_t i = 0; i < times; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[fuzz_below(input, type->n_fields)];
        void *at = (uint8_t *)message + field->offset, *quantifier = (uint8_t *)message + field->quantifier_offset;
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            bend_list(input, field, quantifier, at, arena);
        else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && fuzz_one_in(input, 8))
            toggle(field, quantifier, at);
        else
            bend_value(input, field, at, arena);
    }
}
