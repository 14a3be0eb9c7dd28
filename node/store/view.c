/* Reading inbox and outbox in order, both ways. The store goes through keys upwards only: newest first is read in
 * blocks from the end. */
#include "node/store/read.h"

#include "wire/ensure.h"
#include "wire/time.h"

#include <stdlib.h>

enum { BLOCK_ROWS = 256, DAY_MS = 24 * 3600 * 1000 };

/* --- inbox -------------------------------------------------------------------------------------------------------- */

struct inbox_up {
    store_visit_inbox *visit;
    void *context;
};

static bool inbox_up(void *context, struct wire_bytes key, struct wire_bytes value)
{
    const struct inbox_up *up = context;
    return key.size == 8 && up->visit(up->context, wire_get_u64(key.data), value);
}

/* A few orders, copied: those of `from` to before `to`, visited from the end. */
struct block {
    uint64_t order[BLOCK_ROWS];
    struct keep_value value[BLOCK_ROWS];
    size_t count;
};

static bool block_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct block *block = context;
    struct keep_value *copy = &block->value[block->count];
    if (key.size != 8)
        return false;
    if (copy->capacity < value.size) {
        copy->data = realloc(copy->data, value.size);
        ENSURE(copy->data != NULL);
        copy->capacity = value.size;
    }
    if (value.size > 0)
        memcpy(copy->data, value.data, value.size);
    copy->size = value.size;
    block->order[block->count++] = wire_get_u64(key.data);
    return block->count < BLOCK_ROWS;
}

static enum wire_status inbox_down(struct store *store, struct block *block, uint64_t from, store_visit_inbox *visit,
                                   void *context)
{
    uint64_t to = from + 1; /* exclusive */
    for (;;) {
        uint64_t start = to > BLOCK_ROWS ? to - BLOCK_ROWS : 0;
        struct node_key low = node_key_order(start), high = node_key_order(to);
        struct keep_range range = {
            .table = NODE_TABLE_INBOX, .from = node_key_bytes(&low), .to = node_key_bytes(&high)};
        block->count = 0;
        enum wire_status status = keep_scan(store->keep, &range, block_visit, block, NULL);
        if (status != WIRE_OK)
            return status;
        for (size_t i = block->count; i > 0; i--)
            if (!visit(context, block->order[i - 1], wire_bytes(block->value[i - 1].data, block->value[i - 1].size)))
                return WIRE_OK;
        if (start == 0)
            return WIRE_OK;
        to = start;
    }
}

enum wire_status store_inbox(struct store *store, uint64_t from, bool newest_first, store_visit_inbox *visit,
                             void *context)
{
    if (!newest_first) {
        struct inbox_up up = {visit, context};
        struct node_key key = node_key_order(from);
        struct keep_range range = {.table = NODE_TABLE_INBOX, .from = node_key_bytes(&key)};
        return keep_scan(store->keep, &range, inbox_up, &up, NULL);
    }
    enum wire_status status = keep_last(store->keep, NODE_TABLE_INBOX, (struct wire_bytes){0}, &store->value, NULL);
    if (status != WIRE_OK || store->value.size != 8)
        return status == WIRE_NOT_FOUND ? WIRE_OK : status;
    uint64_t last = wire_get_u64(store->value.data);
    struct block *block = calloc(1, sizeof(*block));
    ENSURE(block != NULL);
    status = inbox_down(store, block, from == 0 || from > last ? last : from, visit, context);
    for (size_t i = 0; i < BLOCK_ROWS; i++)
        keep_value_close(&block->value[i]);
    free(block);
    return status;
}

/* --- outbox ------------------------------------------------------------------------------------------------------- */

struct ids {
    uint8_t (*list)[WIRE_ID_BYTES];
    size_t count, capacity;
};

static bool collect_id(void *context, struct wire_bytes key, struct wire_bytes value)
{
    (void)value;
    struct ids *ids = context;
    const uint8_t *id = node_key_last_id(key);
    if (id == NULL)
        return true;
    if (ids->count == ids->capacity) {
        ids->capacity = ids->capacity == 0 ? 256 : 2 * ids->capacity;
        ids->list = realloc(ids->list, ids->capacity * sizeof(*ids->list));
        ENSURE(ids->list != NULL);
    }
    memcpy(ids->list[ids->count++], id, WIRE_ID_BYTES);
    return true;
}

struct outbox_up {
    store_visit_outbox *visit;
    void *context;
};

static bool outbox_up(void *context, struct wire_bytes key, struct wire_bytes value)
{
    (void)value;
    const struct outbox_up *up = context;
    const uint8_t *id = node_key_last_id(key);
    return id == NULL || up->visit(up->context, id);
}

static bool first_day(void *context, struct wire_bytes key, struct wire_bytes value)
{
    (void)value;
    *(uint32_t *)context = key.size >= 4 ? wire_get_u32(key.data) : 0;
    return false;
}

/* Day by day from the last: a day has thousands of numbers at most, and ten years have few thousand days. */
static enum wire_status outbox_down(struct store *store, uint32_t last, uint32_t first, struct ids *ids,
                                    store_visit_outbox *visit, void *context)
{
    for (uint32_t day = last; day >= first; day = wire_day_add(day, -1)) {
        uint8_t prefix[4];
        wire_put_u32(prefix, day);
        struct keep_range range = {.table = NODE_TABLE_OUTBOX_NUMBER, .prefix = wire_bytes(prefix, sizeof(prefix))};
        ids->count = 0;
        enum wire_status status = keep_scan(store->keep, &range, collect_id, ids, NULL);
        if (status != WIRE_OK)
            return status;
        for (size_t i = ids->count; i > 0; i--)
            if (!visit(context, ids->list[i - 1]))
                return WIRE_OK;
    }
    return WIRE_OK;
}

enum wire_status store_outbox(struct store *store, uint32_t from_day, bool newest_first, store_visit_outbox *visit,
                              void *context)
{
    uint8_t from[4];
    wire_put_u32(from, from_day);
    struct keep_range range = {.table = NODE_TABLE_OUTBOX_NUMBER, .from = wire_bytes(from, sizeof(from))};
    if (!newest_first) {
        struct outbox_up up = {visit, context};
        return keep_scan(store->keep, &range, outbox_up, &up, NULL);
    }
    uint32_t first = 0;
    enum wire_status status = keep_scan(store->keep, &range, first_day, &first, NULL);
    if (status == WIRE_OK)
        status = keep_last(store->keep, NODE_TABLE_OUTBOX_NUMBER, (struct wire_bytes){0}, &store->value, NULL);
    if (status != WIRE_OK || store->value.size < 4 || !wire_day_valid(first))
        return status == WIRE_NOT_FOUND ? WIRE_OK : status;
    struct ids ids = {0};
    status = outbox_down(store, wire_get_u32(store->value.data), first, &ids, visit, context);
    free(ids.list);
    return status;
}

/* --- by number ---------------------------------------------------------------------------------------------------- */

enum wire_status store_outbox_by_number(struct store *store, uint32_t day, uint32_t serial, uint8_t id[WIRE_ID_BYTES])
{
    uint8_t prefix[8];
    wire_put_u32(wire_put_u32(prefix, day), serial);
    enum wire_status status =
        keep_last(store->keep, NODE_TABLE_OUTBOX_NUMBER, wire_bytes(prefix, sizeof(prefix)), &store->value, NULL);
    if (status != WIRE_OK)
        return status;
    const uint8_t *found = node_key_last_id(wire_bytes(store->value.data, store->value.size));
    if (found == NULL)
        return WIRE_NOT_FOUND;
    memcpy(id, found, WIRE_ID_BYTES);
    return WIRE_OK;
}

struct by_number {
    struct store *store;
    const struct wire_number *number;
    struct wire_arena *arena;
    uint64_t order;
    bool found, keep_looking; /* more than one may bear the number */
    enum wire_status status;
};

static bool bears(const struct by_number *search, ProtobufCBinaryData raw)
{
    const Wire__Header *header = node_read_header(wire_bytes(raw.data, raw.len), search->arena);
    return header != NULL && header->origin == search->number->region && header->number_date == search->number->date &&
           header->number_serial == search->number->serial;
}

static bool check_order(struct by_number *search, uint64_t order, struct wire_bytes value)
{
    size_t mark = wire_arena_mark(search->arena);
    const Wire__NodeInbox *inbox = node_read_inbox(value, search->arena);
    if (inbox != NULL && inbox->origin == search->number->region && bears(search, inbox->header)) {
        search->found = true;
        search->order = order;
    }
    wire_arena_back(search->arena, mark);
    return !search->found || search->keep_looking;
}

static bool known_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    (void)key;
    struct by_number *search = context;
    size_t mark = wire_arena_mark(search->arena);
    const Wire__NodeKnown *known = node_read_known(value, search->arena);
    bool has = known != NULL && known->has_order;
    uint64_t order = has ? known->order : 0;
    wire_arena_back(search->arena, mark);
    if (!has)
        return true;
    struct node_key row = node_key_order(order);
    struct wire_bytes inbox;
    search->status = store_row(search->store, NODE_TABLE_INBOX, &row, search->arena, &inbox);
    bool go_on = search->status == WIRE_OK && (inbox.data == NULL || check_order(search, order, inbox));
    wire_arena_back(search->arena, mark);
    return go_on;
}

static bool all_visit(void *context, uint64_t order, struct wire_bytes value)
{
    return check_order(context, order, value);
}

/* Ids begin with the time they were made, which is that of the number but for clocks: so the index of ids is a rough
 * index of numbers. */
static enum wire_status by_id_time(struct by_number *search)
{
    int64_t start = wire_day_start(search->number->date) - DAY_MS;
    uint8_t from[10], to[10];
    wire_put_u32(from, search->number->region);
    wire_put_u32(to, search->number->region);
    for (int i = 0; i < 6; i++) {
        from[4 + i] = (uint8_t)((uint64_t)(start > 0 ? start : 0) >> (40 - 8 * i));
        to[4 + i] = (uint8_t)((uint64_t)(start + 3 * (int64_t)DAY_MS) >> (40 - 8 * i));
    }
    struct keep_range range = {
        .table = NODE_TABLE_KNOWN, .from = wire_bytes(from, sizeof(from)), .to = wire_bytes(to, sizeof(to))};
    search->keep_looking = true;
    enum wire_status status = keep_scan(search->store->keep, &range, known_visit, search, NULL);
    search->keep_looking = false;
    return status == WIRE_OK ? search->status : status;
}

enum wire_status store_inbox_by_number(struct store *store, const struct wire_number *number, struct wire_arena *arena,
                                       uint64_t *order)
{
    struct by_number search = {.store = store, .number = number, .arena = arena};
    enum wire_status status = wire_day_valid(number->date) ? by_id_time(&search) : WIRE_OK;
    if (status == WIRE_OK && !search.found) /* a clock was off, or the id is no time */
        status = store_inbox(store, 0, true, all_visit, &search);
    *order = search.order;
    return status == WIRE_OK && !search.found ? WIRE_NOT_FOUND : status;
}

/* --- by id -------------------------------------------------------------------------------------------------------- */

static bool origin_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    (void)value;
    *(uint64_t *)context = key.size >= 4 ? wire_get_u32(key.data) : UINT64_MAX;
    return false;
}

/* From origin to origin: there are as many steps as regions that ever sent something. */
enum wire_status store_inbox_by_id(struct store *store, const uint8_t id[WIRE_ID_BYTES], struct wire_arena *arena,
                                   uint64_t *order)
{
    for (uint64_t origin = 0; origin <= UINT32_MAX; origin++) {
        uint8_t from[4];
        wire_put_u32(from, (uint32_t)origin);
        struct keep_range range = {.table = NODE_TABLE_KNOWN, .from = wire_bytes(from, sizeof(from))};
        Wire__NodeKnown *known;
        origin = UINT64_MAX;
        enum wire_status status = keep_scan(store->keep, &range, origin_visit, &origin, NULL);
        if (status != WIRE_OK || origin > UINT32_MAX)
            return status == WIRE_OK ? WIRE_NOT_FOUND : status;
        status = store_known(store, (uint32_t)origin, id, arena, &known);
        if (status != WIRE_OK)
            return status;
        if (known == NULL || !known->has_order)
            continue;
        *order = known->order;
        return WIRE_OK;
    }
    return WIRE_NOT_FOUND;
}
