#include "broker/ledger/ledger.h"

#include "wire/id.h"

enum { STREAMS_MAX = 4096, NUMBER_DAYS = 8 };

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

static bool head_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct collect *list = context;
    struct broker_stream stream;
    struct broker_stream_row row;
    if (!broker_stream_of_key(key, &stream) || !broker_get_stream(value, &row)) {
        list->damaged = true;
        return false;
    }
    Wire__StreamHead *head = wire_arena_take(list->arena, sizeof(*head));
    if (head == NULL)
        return collect_add(list, NULL);
    wire__stream_head__init(head);
    head->mechanism = wire_arena_text(list->arena, (const char *)stream.mechanism.data, stream.mechanism.size);
    head->lane = (Wire__Lane)stream.lane;
    head->store_id = (ProtobufCBinaryData){WIRE_ID_BYTES, wire_arena_copy(list->arena, stream.store_id, WIRE_ID_BYTES)};
    head->head = row.head;
    head->has_frozen = row.frozen_outcome != 0;
    head->frozen = head->has_frozen;
    if (head->mechanism == NULL || head->store_id.data == NULL)
        return collect_add(list, NULL);
    return collect_add(list, head);
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

static enum wire_status collect_scan(struct ledger *ledger, uint8_t table, struct broker_key prefix, keep_visit *visit,
                                     struct collect *list)
{
    list->items = wire_arena_take(list->arena, list->max * sizeof(*list->items));
    if (list->items == NULL)
        return WIRE_NO_MEMORY;
    struct keep_range range = {.table = table, .prefix = wire_bytes(prefix.data, prefix.size)};
    enum wire_status status = keep_scan(ledger->keep, &range, visit, list, NULL);
    if (status != WIRE_OK)
        return status;
    return list->damaged ? WIRE_DAMAGED : list->full ? WIRE_NO_MEMORY : WIRE_OK;
}

static uint64_t shown_head(const Wire__Hello *hello, const Wire__StreamHead *ours)
{
    for (size_t i = 0; i < hello->n_stream; i++) {
        const Wire__StreamHead *theirs = hello->stream[i];
        if (theirs->lane == ours->lane && strcmp(theirs->mechanism, ours->mechanism) == 0 &&
            theirs->store_id.len == WIRE_ID_BYTES &&
            memcmp(theirs->store_id.data, ours->store_id.data, WIRE_ID_BYTES) == 0)
            return theirs->head;
    }
    return 0;
}

/* Ids of the newest batch of a stream whose end the HELLO does not show. */
static enum wire_status known_of(struct ledger *ledger, uint32_t origin, const Wire__StreamHead *head,
                                 struct collect *list)
{
    struct broker_stream stream = {.origin = origin,
                                   .mechanism = wire_bytes(head->mechanism, strlen(head->mechanism)),
                                   .lane = (uint32_t)head->lane,
                                   .store_id = head->store_id.data};
    struct broker_key prefix = broker_key_stream(&stream);
    enum wire_status status =
        keep_last(ledger->keep, BROKER_STREAM_BATCH, wire_bytes(prefix.data, prefix.size), NULL, &ledger->value);
    if (status == WIRE_NOT_FOUND)
        return WIRE_OK;
    struct broker_stream_batch_row row;
    if (status != WIRE_OK || !broker_get_stream_batch(wire_bytes(ledger->value.data, ledger->value.size), &row))
        return status != WIRE_OK ? status : WIRE_DAMAGED;
    Wire__LedgerBatch *batch = ledger_batch(ledger, row.serial, list->arena, &status);
    if (batch == NULL)
        return status == WIRE_NOT_FOUND ? WIRE_OK : status;
    struct broker_fact fact;
    for (uint32_t i = row.count; i > 0 && list->count < list->max && broker_get_fact(batch, i - 1, &fact); i--) {
        Wire__Reference *reference = wire_arena_take(list->arena, sizeof(*reference));
        if (reference == NULL)
            return WIRE_NO_MEMORY;
        wire__reference__init(reference);
        reference->origin = origin;
        reference->id = (ProtobufCBinaryData){WIRE_ID_BYTES, wire_arena_copy(list->arena, fact.id, WIRE_ID_BYTES)};
        if (reference->id.data == NULL)
            return WIRE_NO_MEMORY;
        collect_add(list, reference);
    }
    return WIRE_OK;
}

static enum wire_status look_known(struct ledger *ledger, struct broker_hello *event, struct wire_arena *arena)
{
    struct collect known = {.arena = arena, .max = BROKER_KNOWN_MAX};
    known.items = wire_arena_take(arena, known.max * sizeof(*known.items));
    if (known.items == NULL)
        return WIRE_NO_MEMORY;
    for (size_t i = 0; i < event->head_count && known.count < known.max; i++) {
        if (event->heads[i]->head <= shown_head(event->hello, event->heads[i]))
            continue;
        enum wire_status status = known_of(ledger, event->region, event->heads[i], &known);
        if (status != WIRE_OK)
            return status;
    }
    event->known = (Wire__Reference *const *)known.items;
    event->known_count = known.count;
    return WIRE_OK;
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
    for (size_t i = 0; i < hello->n_cursor && status == WIRE_OK; i++) {
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
    struct collect heads = {.arena = arena, .max = STREAMS_MAX};
    enum wire_status status =
        collect_scan(ledger, BROKER_STREAM, broker_key_streams_of(event->region), head_visit, &heads);
    if (status != WIRE_OK)
        return status;
    event->heads = (Wire__StreamHead *const *)heads.items;
    event->head_count = heads.count;
    struct collect numbers = {.arena = arena, .max = NUMBER_DAYS};
    status = collect_scan(ledger, BROKER_NUMBER, broker_key_region(event->region), number_visit, &numbers);
    if (status != WIRE_OK)
        return status;
    event->numbers = (Wire__NumberHead *const *)numbers.items;
    event->number_count = numbers.count;
    status = look_known(ledger, event, arena);
    return status == WIRE_OK ? look_chains(ledger, event, arena) : status;
}
