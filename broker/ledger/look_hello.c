#include "broker/ledger/ledger.h"

#include "wire/ensure.h"
#include "wire/id.h"

enum {
    STREAMS_SHOWN_MAX = 1024, /* of a HELLO: a node shows the streams it still cares for */
    STREAMS_MAX = 2048,       /* told in all: a shielded envelope is a stream, so an origin may have a million */
    CURSORS_MAX = 1024,       /* what the core takes in one HELLO */
    NUMBER_DAYS = 8,
};

struct collect {
    struct wire_arena *arena;
    void **items;
    size_t count, max;
    bool damaged, full;
};

static bool collect_add(struct collect *list, void *item)
{
    if (item == NULL || list->count == list->max) {
        list->full = true;
        return false;
    }
    list->items[list->count++] = item;
    return true;
}

static Wire__StreamHead *head_of(struct wire_arena *arena, const struct broker_stream *stream,
                                 const struct broker_stream_row *row)
{
    Wire__StreamHead *head = wire_arena_take(arena, sizeof(*head));
    if (head == NULL)
        return NULL;
    wire__stream_head__init(head);
    head->mechanism = wire_arena_text(arena, (const char *)stream->mechanism.data, stream->mechanism.size);
    head->lane = (Wire__Lane)stream->lane;
    head->store_id = (ProtobufCBinaryData){WIRE_ID_BYTES, wire_arena_copy(arena, stream->store_id, WIRE_ID_BYTES)};
    head->head = row->head;
    head->has_frozen = row->frozen_outcome != 0;
    head->frozen = head->has_frozen;
    return head->mechanism == NULL || head->store_id.data == NULL ? NULL : head;
}

static bool same_stream(const Wire__StreamHead *head, const struct broker_stream *stream)
{
    return (uint32_t)head->lane == stream->lane && head->store_id.len == WIRE_ID_BYTES &&
           memcmp(head->store_id.data, stream->store_id, WIRE_ID_BYTES) == 0 &&
           strlen(head->mechanism) == stream->mechanism.size &&
           memcmp(head->mechanism, stream->mechanism.data, stream->mechanism.size) == 0;
}

struct heads {
    struct collect list;
    size_t shown; /* the first of the list: those that the HELLO shows */
};

/* Every other stream, as long as there is room. */
static bool head_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct heads *heads = context;
    struct broker_stream stream;
    struct broker_stream_row row;
    if (!broker_stream_of_key(key, &stream) || !broker_get_stream(value, &row)) {
        heads->list.damaged = true;
        return false;
    }
    for (size_t i = 0; i < heads->shown; i++)
        if (same_stream(heads->list.items[i], &stream))
            return true;
    return collect_add(&heads->list, head_of(heads->list.arena, &stream, &row));
}

static bool number_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct collect *list = context;
    Wire__NumberHead *head = wire_arena_take(list->arena, sizeof(*head));
    if (head == NULL)
        return collect_add(list, NULL);
    wire__number_head__init(head);
    if (key.size != 8 || !broker_get_u32(value, &head->serial)) {
        list->damaged = true;
        return false;
    }
    head->date = wire_get_u32(key.data + 4);
    if (list->count == list->max) { /* the newest days are the last: let the oldest go */
        memmove(list->items, list->items + 1, (list->max - 1) * sizeof(*list->items));
        list->count--;
    }
    return collect_add(list, head);
}

static bool stream_of(uint32_t origin, const Wire__StreamHead *head, struct broker_stream *out)
{
    *out = (struct broker_stream){.origin = origin,
                                  .mechanism = wire_bytes(head->mechanism, strlen(head->mechanism)),
                                  .lane = (uint32_t)head->lane,
                                  .store_id = head->store_id.data};
    return out->mechanism.size > 0 && out->mechanism.size <= WIRE_MECHANISM_BYTES_MAX &&
           head->store_id.len == WIRE_ID_BYTES;
}

static enum wire_status look_shown(struct ledger *ledger, const struct broker_hello *event, struct collect *list)
{
    const Wire__Hello *hello = event->hello;
    for (size_t i = 0; i < hello->n_stream && i < STREAMS_SHOWN_MAX; i++) {
        struct broker_stream stream;
        struct broker_stream_row row;
        if (!stream_of(event->region, hello->stream[i], &stream))
            continue;
        struct broker_key key = broker_key_stream(&stream);
        enum wire_status status = keep_get(ledger->keep, BROKER_STREAM, wire_bytes(key.data, key.size), &ledger->value);
        if (status == WIRE_NOT_FOUND)
            continue;
        if (status != WIRE_OK || !broker_get_stream(wire_bytes(ledger->value.data, ledger->value.size), &row))
            return status != WIRE_OK ? status : WIRE_DAMAGED;
        if (!collect_add(list, head_of(list->arena, &stream, &row)))
            return WIRE_NO_MEMORY;
    }
    return WIRE_OK;
}

/* Those that the HELLO shows, in its order, then others. */
static enum wire_status look_heads(struct ledger *ledger, struct broker_hello *event, struct wire_arena *arena)
{
    struct heads heads = {.list = {.arena = arena, .max = STREAMS_MAX}};
    struct broker_key prefix = broker_key_streams_of(event->region);
    struct keep_range range = {
        .table = BROKER_STREAM, .prefix = wire_bytes(prefix.data, prefix.size), .rows_max = STREAMS_MAX};
    heads.list.items = wire_arena_take(arena, STREAMS_MAX * sizeof(*heads.list.items));
    if (heads.list.items == NULL)
        return WIRE_NO_MEMORY;
    enum wire_status status = look_shown(ledger, event, &heads.list);
    heads.shown = heads.list.count;
    if (status == WIRE_OK)
        status = keep_scan(ledger->keep, &range, head_visit, &heads, NULL);
    event->heads = (Wire__StreamHead *const *)heads.list.items;
    event->head_count = heads.list.count;
    if (status != WIRE_OK)
        return status;
    return heads.list.damaged ? WIRE_DAMAGED : arena->exhausted ? WIRE_NO_MEMORY : WIRE_OK;
}

static enum wire_status look_numbers(struct ledger *ledger, struct broker_hello *event, struct wire_arena *arena)
{
    struct collect list = {.arena = arena, .max = NUMBER_DAYS};
    struct broker_key prefix = broker_key_region(event->region);
    struct keep_range range = {.table = BROKER_NUMBER, .prefix = wire_bytes(prefix.data, prefix.size)};
    list.items = wire_arena_take(arena, list.max * sizeof(*list.items));
    if (list.items == NULL)
        return WIRE_NO_MEMORY;
    enum wire_status status = keep_scan(ledger->keep, &range, number_visit, &list, NULL);
    event->numbers = (Wire__NumberHead *const *)list.items;
    event->number_count = list.count;
    if (status != WIRE_OK)
        return status;
    return list.damaged ? WIRE_DAMAGED : list.full ? WIRE_NO_MEMORY : WIRE_OK;
}

static uint64_t shown_head(uint32_t origin, const Wire__Hello *hello, const Wire__StreamHead *ours)
{
    for (size_t i = 0; i < hello->n_stream && i < STREAMS_SHOWN_MAX; i++) {
        struct broker_stream theirs;
        if (stream_of(origin, hello->stream[i], &theirs) && same_stream(ours, &theirs))
            return hello->stream[i]->head;
    }
    return 0;
}

/* Ids of the newest batch of a stream whose end the HELLO does not show. The references were taken beforehand: the
 * batch is given back. */
static enum wire_status known_of(struct ledger *ledger, uint32_t origin, const Wire__StreamHead *head,
                                 struct wire_arena *arena, struct collect *list)
{
    struct broker_stream stream;
    ENSURE(stream_of(origin, head, &stream));
    struct broker_key prefix = broker_key_stream(&stream);
    enum wire_status status =
        keep_last(ledger->keep, BROKER_STREAM_BATCH, wire_bytes(prefix.data, prefix.size), NULL, &ledger->value);
    if (status == WIRE_NOT_FOUND)
        return WIRE_OK;
    struct broker_stream_batch_row row;
    if (status != WIRE_OK || !broker_get_stream_batch(wire_bytes(ledger->value.data, ledger->value.size), &row))
        return status != WIRE_OK ? status : WIRE_DAMAGED;
    size_t mark = wire_arena_mark(arena);
    Wire__LedgerBatch *batch = ledger_batch(ledger, row.serial, arena, &status);
    struct broker_fact fact;
    for (uint32_t i = row.count; batch != NULL && i > 0 && list->count < list->max; i--) {
        if (!broker_get_fact(batch, i - 1, &fact)) {
            status = WIRE_DAMAGED;
            break;
        }
        Wire__Reference *reference = list->items[list->count++];
        reference->origin = origin;
        memcpy(reference->id.data, fact.id, WIRE_ID_BYTES);
    }
    wire_arena_back(arena, mark);
    return status == WIRE_NOT_FOUND ? WIRE_DAMAGED : status;
}

static enum wire_status references_take(struct wire_arena *arena, struct collect *list)
{
    Wire__Reference *all = wire_arena_take(arena, list->max * sizeof(*all));
    uint8_t *ids = wire_arena_take(arena, list->max * WIRE_ID_BYTES);
    list->items = wire_arena_take(arena, list->max * sizeof(*list->items));
    if (all == NULL || ids == NULL || list->items == NULL)
        return WIRE_NO_MEMORY;
    for (size_t i = 0; i < list->max; i++) {
        wire__reference__init(&all[i]);
        all[i].id = (ProtobufCBinaryData){WIRE_ID_BYTES, ids + i * WIRE_ID_BYTES};
        list->items[i] = &all[i];
    }
    return WIRE_OK;
}

static enum wire_status look_known(struct ledger *ledger, struct broker_hello *event, struct wire_arena *arena)
{
    struct collect known = {.arena = arena, .max = BROKER_KNOWN_MAX};
    enum wire_status status = references_take(arena, &known);
    for (size_t i = 0; status == WIRE_OK && i < event->head_count && known.count < known.max; i++)
        if (event->heads[i]->head > shown_head(event->region, event->hello, event->heads[i]))
            status = known_of(ledger, event->region, event->heads[i], arena, &known);
    event->known = (Wire__Reference *const *)known.items;
    event->known_count = known.count;
    return status;
}

/* The running hash of a queue at a number; NULL: there is no such row (any more). */
static const struct wire_digest *chain_at(struct ledger *ledger, const struct broker_queue_name *queue, uint64_t number,
                                          struct wire_arena *arena, enum wire_status *status)
{
    struct broker_key key = broker_key_queue_row(queue, number);
    *status = keep_get(ledger->keep, BROKER_QUEUE, wire_bytes(key.data, key.size), &ledger->value);
    if (*status == WIRE_NOT_FOUND)
        *status = WIRE_OK;
    else if (*status == WIRE_OK) {
        struct broker_queue_row row;
        if (broker_get_queue(wire_bytes(ledger->value.data, ledger->value.size), &row)) {
            void *copy = wire_arena_copy(arena, &row.chain, sizeof(row.chain));
            *status = copy == NULL ? WIRE_NO_MEMORY : WIRE_OK;
            return copy;
        }
        *status = WIRE_DAMAGED;
    }
    return NULL;
}

static enum wire_status look_chains(struct ledger *ledger, struct broker_hello *event, struct wire_arena *arena)
{
    const Wire__Hello *hello = event->hello;
    const struct wire_digest **chains = wire_arena_take(arena, (hello->n_cursor + 1) * sizeof(*chains));
    if (chains == NULL)
        return WIRE_NO_MEMORY;
    enum wire_status status = WIRE_OK;
    for (size_t i = 0; i < hello->n_cursor && i < CURSORS_MAX && status == WIRE_OK; i++) {
        const Wire__Cursor *cursor = hello->cursor[i];
        struct broker_queue_name queue = {.recipient = event->region,
                                          .mechanism = wire_bytes(cursor->mechanism, strlen(cursor->mechanism)),
                                          .lane = (uint32_t)cursor->lane};
        if (queue.mechanism.size > 0 && queue.mechanism.size <= WIRE_MECHANISM_BYTES_MAX)
            chains[i] = chain_at(ledger, &queue, cursor->number, arena, &status);
    }
    event->chains = chains;
    const Wire__CompletenessStatement *shown = event->completeness;
    if (shown != NULL && status == WIRE_OK && shown->recipient == event->region) {
        struct broker_queue_name queue = {.recipient = event->region,
                                          .mechanism = wire_bytes(shown->mechanism, strlen(shown->mechanism)),
                                          .lane = (uint32_t)shown->lane};
        if (queue.mechanism.size > 0 && queue.mechanism.size <= WIRE_MECHANISM_BYTES_MAX)
            event->completeness_chain = chain_at(ledger, &queue, shown->number, arena, &status);
    }
    return status;
}

enum wire_status ledger_look_hello(struct ledger *ledger, struct broker_hello *event, struct wire_arena *arena)
{
    enum wire_status status = look_heads(ledger, event, arena);
    if (status == WIRE_OK)
        status = look_numbers(ledger, event, arena);
    if (status == WIRE_OK)
        status = look_known(ledger, event, arena);
    return status == WIRE_OK ? look_chains(ledger, event, arena) : status;
}
