/* What the cells of a payload, or of an entry of its list, become: a message at once; or JSON, which says what is wrong
 * with them. */
#include "link/json.h"
#include "node/api/import.h"
#include "wire/utf8.h"

/* --- JSON --- */

static bool add_piece(void *list, const char *piece, size_t size)
{
    json_array_append_new(list, json_stringn(piece, size));
    return true;
}

static json_t *leaf(const struct api_profile_field *field, const struct import_value *value)
{
    if (field->path[field->depth - 1]->label != PROTOBUF_C_LABEL_REPEATED)
        return json_stringn(value->text, value->size);
    json_t *list = json_array();
    import_split(value->text, add_piece, list);
    return list;
}

/* The object that holds the field; the list of entries is stepped over. */
static json_t *descend_json(const struct api_profile_field *field, json_t *object)
{
    for (unsigned i = field->entry ? 1 : 0; i + 1 < field->depth; i++) {
        json_t *next = json_object_get(object, field->path[i]->name);
        if (next == NULL) {
            next = json_object();
            json_object_set_new(object, field->path[i]->name, next);
        }
        object = next;
    }
    return object;
}

/* false: the value is none (a text of 8 KiB that was cut within a character). */
static bool put_json(const struct api_profile_field *field, json_t *object, const struct import_value *value)
{
    return json_object_set_new(descend_json(field, object), field->path[field->depth - 1]->name, leaf(field, value)) ==
           0;
}

/* --- a message --- */

static void *member(ProtobufCMessage *message, size_t offset)
{
    return (char *)message + offset;
}

/* What the schema itself demands is left to the reader of JSON. */
static bool demands(const ProtobufCMessageDescriptor *type)
{
    for (unsigned i = 0; i < type->n_fields; i++)
        if (type->fields[i].label == PROTOBUF_C_LABEL_REQUIRED)
            return true;
    return false;
}

ProtobufCMessage *import_object_message(struct api_import *job, const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *message = demands(type) ? NULL : wire_arena_take(&job->arena, type->sizeof_message);
    if (message != NULL)
        protobuf_c_message_init(type, message);
    return message;
}

/* The message that holds the field's last member; NULL: not that plain. */
static ProtobufCMessage *descend(struct api_import *job, const struct api_profile_field *field,
                                 ProtobufCMessage *message)
{
    for (unsigned i = field->entry ? 1 : 0; i + 1 < field->depth && message != NULL; i++) {
        const ProtobufCFieldDescriptor *step = field->path[i];
        if (step->type != PROTOBUF_C_TYPE_MESSAGE || step->label == PROTOBUF_C_LABEL_REPEATED ||
            (step->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
            return NULL;
        ProtobufCMessage **inner = member(message, step->offset);
        if (*inner == NULL)
            *inner = import_object_message(job, step->descriptor);
        message = *inner;
    }
    return message;
}

enum { PIECES_MAX = 256 };

struct pieces {
    struct wire_arena *arena;
    struct wire_bytes list[PIECES_MAX];
    size_t count;
    bool whole;
};

static bool take_piece(void *context, const char *piece, size_t size)
{
    struct pieces *pieces = context;
    char *text = pieces->count < PIECES_MAX ? wire_arena_text(pieces->arena, piece, size) : NULL;
    pieces->whole = text != NULL;
    if (text != NULL)
        pieces->list[pieces->count++] = wire_bytes(text, size);
    return text != NULL;
}

static bool put_message(struct api_import *job, const struct api_profile_field *field, ProtobufCMessage *message,
                        const struct import_value *value)
{
    const ProtobufCFieldDescriptor *last = field->path[field->depth - 1];
    ProtobufCMessage *holder = descend(job, field, message);
    if (holder == NULL || !wire_utf8_text((const uint8_t *)value->text, value->size))
        return false;
    if (last->label != PROTOBUF_C_LABEL_REPEATED)
        return link_json_put_text(holder, last, wire_bytes(value->text, value->size), &job->arena);
    struct pieces pieces = {.arena = &job->arena};
    import_split(value->text, take_piece, &pieces);
    return pieces.whole && link_json_put_texts(holder, last, pieces.list, pieces.count, &job->arena);
}

/* --- either --- */

bool import_object_has(struct api_import *job, struct import_object *object, unsigned index)
{
    const struct api_profile_field *field = &job->profile->fields[index];
    if (object->json != NULL)
        descend_json(field, object->json);
    else if (descend(job, field, object->message) == NULL)
        object->bent = true;
    return object->has[job->columns[index].place];
}

bool import_object_put(struct api_import *job, struct import_object *object, unsigned index,
                       const struct import_value *value)
{
    const struct api_profile_field *field = &job->profile->fields[index];
    bool *has = &object->has[job->columns[index].place];
    if (object->json != NULL) {
        *has = put_json(field, object->json, value);
        return true;
    }
    *has = true;
    return put_message(job, field, object->message, value);
}

bool import_object_list(struct api_import *job, struct import_object *payload, size_t count)
{
    const ProtobufCFieldDescriptor *list = job->profile->entry_list;
    if (payload->json != NULL)
        return json_object_set_new(payload->json, list->name, json_array()) == 0;
    ProtobufCMessage **entries = wire_arena_take(&job->arena, count * sizeof(ProtobufCMessage *));
    if (entries == NULL || list->type != PROTOBUF_C_TYPE_MESSAGE)
        return false;
    *(size_t *)member(payload->message, list->quantifier_offset) = count;
    *(ProtobufCMessage ***)member(payload->message, list->offset) = entries;
    return true;
}

bool import_object_entry(struct api_import *job, struct import_object *payload, size_t i, struct import_object *entry)
{
    const ProtobufCFieldDescriptor *list = job->profile->entry_list;
    *entry = (struct import_object){.json = NULL};
    if (payload->json != NULL) {
        entry->json = json_object();
        return json_array_append_new(json_object_get(payload->json, list->name), entry->json) == 0;
    }
    entry->message = import_object_message(job, list->descriptor);
    (*(ProtobufCMessage ***)member(payload->message, list->offset))[i] = entry->message;
    return entry->message != NULL;
}
