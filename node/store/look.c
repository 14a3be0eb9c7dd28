/* What an event carries of the store, read just before the step. */
#include "node/store/read.h"

#include "wire/ensure.h"
#include "wire/region.h"

static enum wire_status look(struct store *store, enum node_table table, struct node_key key, struct wire_arena *arena,
                             node_row_value *out)
{
    return store_row(store, table, &key, arena, out);
}

static enum wire_status look_state_at(struct store *store, uint64_t place, struct wire_arena *arena,
                                      node_row_value *out)
{
    return look(store, NODE_TABLE_STATE, node_key_place(place), arena, out);
}

static enum wire_status look_state(struct store *store, const uint8_t *id, struct wire_arena *arena,
                                   node_row_value *out)
{
    uint64_t place;
    enum wire_status status = store_place(store, id, &place);
    return status != WIRE_OK || place == 0 ? status : look_state_at(store, place, arena, out);
}

/* --- FETCHED ------------------------------------------------------------------------------------------------------ */

struct fetching {
    const struct node_fetch *fetch;
    struct wire_arena *arena;
    struct wire_row *rows;
    size_t count, capacity;
    bool exhausted;
};

static bool room_for_row(struct fetching *f)
{
    if (f->count < f->capacity)
        return true;
    size_t capacity = f->capacity == 0 ? 64 : 2 * f->capacity;
    struct wire_row *rows = wire_arena_take(f->arena, capacity * sizeof(*rows));
    if (rows == NULL)
        return false;
    if (f->count > 0)
        memcpy(rows, f->rows, f->count * sizeof(*rows));
    f->rows = rows;
    f->capacity = capacity;
    return true;
}

static bool fetch_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct fetching *f = context;
    f->exhausted = !room_for_row(f);
    if (f->exhausted)
        return false;
    const void *key_copy = wire_arena_copy(f->arena, key.data, key.size);
    void *value_copy = wire_arena_take(f->arena, value.size);
    f->exhausted = key_copy == NULL || value_copy == NULL;
    if (f->exhausted)
        return false;
    if (value.size > 0)
        memcpy(value_copy, value.data, value.size);
    f->rows[f->count++] = (struct wire_row){.table = (uint8_t)f->fetch->table,
                                            .key = wire_bytes(key_copy, key.size),
                                            .value = wire_bytes(value_copy, value.size)};
    return true;
}

/* An envelope of ours that a row speaks of: by its place, else by its id. */
struct spoken_of {
    uint64_t place;
    const uint8_t *id;
};

static void speak_of_batch(const Wire__NodeBatch *batch, struct spoken_of *out)
{
    for (size_t i = 0; i < batch->n_id; i++) {
        out[i].place = i < batch->n_place ? batch->place[i] : 0;
        out[i].id = batch->id[i].len == WIRE_ID_BYTES ? batch->id[i].data : NULL;
    }
}

/* The envelopes that a row speaks of, in the order that struct node_fetched wants them; returns how many. A row that
 * cannot be read has none that are known. */
static size_t spoken_of(const struct node_fetch *fetch, const struct wire_row *row, struct wire_arena *arena,
                        struct spoken_of *out, size_t max)
{
    switch (fetch->table) {
    case NODE_TABLE_DRAFT: {
        const Wire__NodeDraft *draft = node_read_draft(row->value, arena);
        out[0] = (struct spoken_of){.place = draft == NULL ? 0 : draft->place};
        return 1;
    }
    case NODE_TABLE_EXPIRY:
        out[0] = (struct spoken_of){.id = node_key_last_id(row->key)};
        return 1;
    case NODE_TABLE_HELD:
        out[0] = (struct spoken_of){.id = node_key_last_id(row->key)};
        out[1] = (struct spoken_of){.id = row->key.size >= 2 * WIRE_ID_BYTES ? row->key.data : NULL};
        return 2;
    case NODE_TABLE_BATCH: {
        const Wire__NodeBatch *batch = node_read_batch(row->value, arena);
        size_t count = batch == NULL ? 0 : batch->n_id;
        ENSURE(count <= max);
        if (count > 0)
            speak_of_batch(batch, out);
        return count;
    }
    default:
        return 0;
    }
}

static enum wire_status look_spoken_of(struct store *store, const struct spoken_of *envelope, struct wire_arena *arena,
                                       node_row_value *out)
{
    if (envelope->place != 0)
        return look_state_at(store, envelope->place, arena, out);
    return envelope->id == NULL ? WIRE_OK : look_state(store, envelope->id, arena, out);
}

static enum wire_status look_row_states(struct store *store, const struct node_fetch *fetch, struct fetching *f,
                                        const node_row_value **out)
{
    enum { SPOKEN_OF_MAX = WIRE_BATCH_ENVELOPES_MAX };
    size_t per_row = fetch->table == NODE_TABLE_BATCH ? SPOKEN_OF_MAX : 2, count = 0;
    struct spoken_of *list = wire_arena_take(f->arena, SPOKEN_OF_MAX * sizeof(*list));
    node_row_value *states = wire_arena_take(f->arena, (f->count * per_row + 1) * sizeof(*states));
    if (list == NULL || states == NULL)
        return WIRE_NO_MEMORY;
    for (size_t i = 0; i < f->count; i++) {
        size_t some = spoken_of(fetch, &f->rows[i], f->arena, list, SPOKEN_OF_MAX);
        for (size_t j = 0; j < some; j++, count++) {
            enum wire_status status = look_spoken_of(store, &list[j], f->arena, &states[count]);
            if (status != WIRE_OK)
                return status;
        }
    }
    *out = states;
    return WIRE_OK;
}

enum wire_status store_look_fetched(struct store *store, const struct node_fetch *fetch, struct wire_arena *arena,
                                    struct node_fetched *out)
{
    struct fetching f = {.fetch = fetch, .arena = arena};
    struct keep_range range = {.table = (uint8_t)fetch->table,
                               .from = node_key_bytes(&fetch->from),
                               .prefix = node_key_bytes(&fetch->prefix),
                               .rows_max = fetch->rows_max,
                               .bytes_max = fetch->bytes_max};
    bool more = false;
    enum wire_status status = keep_scan(store->keep, &range, fetch_visit, &f, &more);
    if (status == WIRE_OK && f.exhausted)
        status = WIRE_NO_MEMORY;
    *out = (struct node_fetched){.request = fetch->request, .rows = f.rows, .count = f.count, .end = !more};
    if (status == WIRE_OK && fetch->states)
        status = look_row_states(store, fetch, &f, &out->state);
    return status;
}

/* --- RECEIPT ------------------------------------------------------------------------------------------------------ */

static bool corrects(const Wire__Header *header)
{
    return header->action != WIRE__ACTION__ISSUE && header->n_references > 0;
}

static bool names_stream(const char *mechanism, ProtobufCBinaryData store_id)
{
    size_t size = strlen(mechanism);
    return size > 0 && size <= WIRE_MECHANISM_BYTES_MAX && store_id.len == WIRE_ID_BYTES;
}

static enum wire_status look_named(struct store *store, node_row_value own, struct wire_arena *arena,
                                   node_row_value *out)
{
    const Wire__NodeState *state = own.data == NULL ? NULL : node_read_state(own, arena);
    if (state == NULL || !state->has_named || state->named.len != WIRE_ID_BYTES)
        return WIRE_OK;
    return look_state(store, state->named.data, arena, out);
}

struct receipt_looks {
    node_row_value *state, *named;
    const Wire__Header **header;
};

static bool receipt_room(struct receipt_looks *looks, size_t count, struct wire_arena *arena)
{
    looks->state = wire_arena_take(arena, (count + 1) * sizeof(*looks->state));
    looks->named = wire_arena_take(arena, (count + 1) * sizeof(*looks->named));
    looks->header = wire_arena_take(arena, (count + 1) * sizeof(*looks->header));
    return looks->state != NULL && looks->named != NULL && looks->header != NULL;
}

/* Where the envelope with that id lies, which the batch has as its `index`th, if it is right. */
static enum wire_status place_in(struct store *store, const Wire__NodeBatch *batch, size_t index,
                                 ProtobufCBinaryData id, uint64_t *place)
{
    *place = 0;
    if (id.len != WIRE_ID_BYTES)
        return WIRE_OK;
    if (batch != NULL && index < batch->n_id && index < batch->n_place && batch->id[index].len == WIRE_ID_BYTES &&
        memcmp(batch->id[index].data, id.data, WIRE_ID_BYTES) == 0)
        *place = batch->place[index];
    return *place != 0 ? WIRE_OK : store_place(store, id.data, place);
}

static enum wire_status look_verdict(struct store *store, uint64_t place, size_t i, struct wire_arena *arena,
                                     struct receipt_looks *looks)
{
    if (place == 0)
        return WIRE_OK;
    enum wire_status status = look_state_at(store, place, arena, &looks->state[i]);
    if (status == WIRE_OK)
        status = store_header_at(store, place, arena, (Wire__Header **)&looks->header[i]);
    if (status != WIRE_OK || looks->header[i] == NULL || !corrects(looks->header[i]))
        return status;
    return look_named(store, looks->state[i], arena, &looks->named[i]);
}

static enum wire_status look_verdicts(struct store *store, const Wire__ReceiptStatement *statement,
                                      const Wire__NodeBatch *batch, struct wire_arena *arena,
                                      struct receipt_looks *looks)
{
    enum wire_status status = WIRE_OK;
    for (size_t i = 0; i < statement->n_verdict && status == WIRE_OK; i++) {
        uint64_t place;
        status = place_in(store, batch, i, statement->verdict[i]->id, &place);
        if (status == WIRE_OK)
            status = look_verdict(store, place, i, arena, looks);
    }
    return status;
}

static enum wire_status look_arrivals(struct store *store, const Wire__ArrivedStatement *arrived,
                                      const Wire__NodeBatch *batch, struct wire_arena *arena,
                                      struct receipt_looks *looks)
{
    enum wire_status status = WIRE_OK;
    for (size_t i = 0; i < arrived->n_arrival && status == WIRE_OK; i++) {
        uint32_t index = arrived->arrival[i]->index;
        uint64_t place = 0;
        if (batch != NULL && index < batch->n_id)
            status = place_in(store, batch, index, batch->id[index], &place);
        if (status == WIRE_OK && place != 0)
            status = look_state_at(store, place, arena, &looks->state[i]);
    }
    return status;
}

static enum wire_status look_alone(struct store *store, const Wire__NodeBatch *batch, struct wire_arena *arena,
                                   struct receipt_looks *looks)
{
    uint64_t place = 0;
    enum wire_status status = WIRE_OK;
    if (batch != NULL && batch->n_id > 0)
        status = place_in(store, batch, 0, batch->id[0], &place);
    return status == WIRE_OK ? look_verdict(store, place, 0, arena, looks) : status;
}

enum wire_status store_look_receipt(struct store *store, const char *link, struct node_receipt *event,
                                    struct wire_arena *arena)
{
    const Wire__ReceiptStatement *statement = event->statement;
    const Wire__ArrivedStatement *arrived = event->arrived;
    ENSURE(statement != NULL || arrived != NULL);
    const char *mechanism = statement != NULL ? statement->mechanism : arrived->mechanism;
    ProtobufCBinaryData store_id = statement != NULL ? statement->store_id : arrived->store_id;
    struct receipt_looks looks;
    if (!receipt_room(&looks, statement != NULL ? statement->n_verdict : arrived->n_arrival, arena))
        return WIRE_NO_MEMORY;
    event->state = looks.state;
    event->named = looks.named;
    event->header = looks.header;
    if (!names_stream(mechanism, store_id))
        return WIRE_OK;
    struct node_key key = node_key_batch(link, mechanism, statement != NULL ? statement->lane : arrived->lane,
                                         store_id.data, statement != NULL ? statement->first : arrived->first);
    enum wire_status status = look(store, NODE_TABLE_BATCH, key, arena, &event->batch);
    if (status != WIRE_OK)
        return status;
    const Wire__NodeBatch *batch = event->batch.data == NULL ? NULL : node_read_batch(event->batch, arena);
    if (statement != NULL && statement->outcome == WIRE__RECEIPT_OUTCOME__BAD_BATCH) /* it has no verdicts */
        return look_alone(store, batch, arena, &looks);
    if (statement != NULL && (batch == NULL || batch->receipted)) /* then there may be one already */
        status = look(store, NODE_TABLE_RECEIPT, node_key_receipt(&key, WIRE_REGION_BROKER, 0), arena, &event->stored);
    if (statement != NULL)
        return status == WIRE_OK ? look_verdicts(store, statement, batch, arena, &looks) : status;
    return look_arrivals(store, arrived, batch, arena, &looks);
}

/* --- DELIVER ------------------------------------------------------------------------------------------------------ */

static enum wire_status look_reference(struct store *store, const Wire__Reference *to, struct wire_arena *arena,
                                       node_row_value *known)
{
    if (to == NULL || to->id.len != WIRE_ID_BYTES)
        return WIRE_OK;
    return look(store, NODE_TABLE_KNOWN, node_key_known(to->origin, to->id.data), arena, known);
}

struct deliver_looks {
    node_row_value *known, *named, *asked;
};

static enum wire_status look_delivered(struct store *store, uint32_t region, const struct node_deliver *event, size_t i,
                                       struct wire_arena *arena, struct deliver_looks *looks)
{
    const Wire__Header *header = event->header[i];
    if (header == NULL)
        return look(store, NODE_TABLE_KNOWN,
                    node_key_known(event->part->seal->origin, node_leaf_id(event->leaf[i].bytes)), arena,
                    &looks->known[i]);
    if (header->id.len != WIRE_ID_BYTES)
        return WIRE_OK;
    enum wire_status status =
        look(store, NODE_TABLE_KNOWN, node_key_known(header->origin, header->id.data), arena, &looks->known[i]);
    if (status == WIRE_OK && corrects(header))
        status = look_reference(store, header->references[0], arena, &looks->named[i]);
    const Wire__Reference *asked = header->in_reply_to;
    if (status == WIRE_OK && asked != NULL && asked->origin == region && asked->id.len == WIRE_ID_BYTES)
        status = look_state(store, asked->id.data, arena, &looks->asked[i]);
    return status;
}

enum wire_status store_look_deliver(struct store *store, uint32_t region, struct node_deliver *event,
                                    struct wire_arena *arena)
{
    size_t count = event->part->n_envelope;
    struct deliver_looks looks;
    looks.known = wire_arena_take(arena, (count + 1) * sizeof(*looks.known));
    looks.named = wire_arena_take(arena, (count + 1) * sizeof(*looks.named));
    looks.asked = wire_arena_take(arena, (count + 1) * sizeof(*looks.asked));
    if (looks.known == NULL || looks.named == NULL || looks.asked == NULL)
        return WIRE_NO_MEMORY;
    event->known = looks.known;
    event->named = looks.named;
    event->asked = looks.asked;
    enum wire_status status = WIRE_OK;
    for (size_t i = 0; i < count && status == WIRE_OK; i++)
        status = look_delivered(store, region, event, i, arena, &looks);
    return status;
}

/* --- PUBLISH, WITHDRAW, SEALED ------------------------------------------------------------------------------------ */

enum wire_status store_look_draft(struct store *store, struct node_draft *draft, struct wire_arena *arena)
{
    const Wire__Header *header = draft->header;
    if (header->id.len != WIRE_ID_BYTES)
        return WIRE_OK; /* the core refuses it */
    enum wire_status status = look_state(store, header->id.data, arena, &draft->own);
    if (status == WIRE_OK && header->in_reply_to != NULL)
        status = look_reference(store, header->in_reply_to, arena, &draft->asked);
    if (status != WIRE_OK || !corrects(header) || header->references[0]->id.len != WIRE_ID_BYTES)
        return status;
    uint8_t *named = wire_arena_copy(arena, header->references[0]->id.data, WIRE_ID_BYTES);
    if (named == NULL)
        return WIRE_NO_MEMORY;
    status = store_successor(store, named, arena);
    draft->named_id = named;
    return status == WIRE_OK ? look_state(store, named, arena, &draft->named) : status;
}

enum wire_status store_look_withdraw(struct store *store, struct node_withdraw *event, struct wire_arena *arena)
{
    enum wire_status status = look_state(store, event->id, arena, &event->state);
    Wire__Header *header = NULL;
    if (status == WIRE_OK)
        status = store_header(store, event->id, arena, &header);
    event->header = header;
    if (status == WIRE_OK && header != NULL && header->in_reply_to != NULL)
        status = look_reference(store, header->in_reply_to, arena, &event->asked);
    return status;
}

enum wire_status store_look_states(struct store *store, const uint64_t *place, size_t count, struct wire_arena *arena,
                                   const node_row_value **out)
{
    node_row_value *states = wire_arena_take(arena, (count + 1) * sizeof(*states));
    if (states == NULL)
        return WIRE_NO_MEMORY;
    *out = states;
    enum wire_status status = WIRE_OK;
    for (size_t i = 0; i < count && status == WIRE_OK; i++)
        status = look_state_at(store, place[i], arena, &states[i]);
    return status;
}
