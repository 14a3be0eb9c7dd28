/* What both back ends share: checking, the overlay, merged reading, fetch requests. */
#include "keep/backend.h"
#include "wire/ensure.h"
#include <stdlib.h>

enum {
    DISK_RESERVE = 32 * 1024 * 1024, /* for erasing, and for whoever else lives on the disk */
    SCARCE_PERMILLE = 950,
    SCARCE_BYTES = 4 * 1024 * 1024, /* a commit of 2 MiB, what it copies, and 512 KiB a peer under way */
};

void keep_init(struct keep *keep, const struct keep_backend *backend, const struct keep_options *options)
{
    ENSURE(options->application && strlen(options->application) < 32);
    ENSURE(options->table_count > 0 && options->table_count <= WIRE_TABLES_MAX);
    ENSURE(options->format >= options->format_oldest && options->map_bytes_max > 0);
    for (size_t i = 0; i < options->table_count; i++)
        ENSURE(strlen(options->tables[i]) > 0 && strlen(options->tables[i]) < 32);
    keep->backend = backend;
    keep->table_count = options->table_count;
    keep->pending_bytes_max = options->pending_bytes_max ? options->pending_bytes_max : KEEP_PENDING_BYTES;
    keep_pending_init(&keep->pending);
}

void keep_wake(struct keep *keep)
{
    if (keep->wake)
        keep->wake(keep->wake_context);
}

void keep_on_committed(struct keep *keep, void (*wake)(void *context), void *context)
{
    ENSURE(keep->pending.ticket == 0 && keep->tasks == 0);
    keep->wake = wake;
    keep->wake_context = context;
}

void keep_close(struct keep **keep)
{
    if (!keep || !*keep)
        return;
    struct keep *closing = *keep;
    *keep = NULL;
    ENSURE(closing->reading == 0);
    keep_sync(closing);
    closing->backend->close(closing);
}

/* --- writing --- */

/* Forgets what a snapshot has. Not inside a scan: the overlay may be under its feet. */
static void retire(struct keep *keep)
{
    if (keep->reading == 0)
        keep_pending_retire(&keep->pending, keep->backend->applied(keep));
}

static bool storable(const struct keep *keep, const struct wire_row *row)
{
    return row->table < keep->table_count && row->key.size > 0 && row->key.size <= WIRE_KEY_BYTES_MAX &&
           (row->erase || row->value.size <= KEEP_VALUE_BYTES_MAX);
}

static enum wire_status check_room(struct keep *keep, size_t bytes, size_t cost, bool puts)
{
    if (keep->pending.oldest && keep->pending.bytes + bytes > keep->pending_bytes_max)
        return WIRE_AGAIN;
    if (!puts)
        return WIRE_OK;
    struct keep_room room = keep_room(keep);
    size_t growth = keep->pending.cost + cost;
    if (room.bytes_used + growth > room.bytes_limit || room.disk_free < growth + DISK_RESERVE)
        return WIRE_DISK_FULL;
    return WIRE_OK;
}

enum wire_status keep_append(struct keep *keep, const struct wire_row *rows, size_t count, uint64_t ticket)
{
    ENSURE(keep->reading == 0 && ticket > keep->pending.ticket);
    enum wire_status status = keep->backend->failed(keep, NULL);
    if (status != WIRE_OK)
        return status;
    size_t bytes = 0, cost = 0;
    bool puts = false;
    for (size_t i = 0; i < count; i++) {
        if (!storable(keep, &rows[i]))
            return WIRE_INVALID;
        bytes += rows[i].key.size + (rows[i].erase ? 0 : rows[i].value.size);
        cost += keep_row_cost(&rows[i]);
        puts = puts || !rows[i].erase;
    }
    retire(keep);
    status = check_room(keep, bytes, cost, puts);
    if (status != WIRE_OK)
        return status;
    struct keep_appended *appended = keep_pending_take(&keep->pending, rows, count, ticket);
    if (!appended)
        return WIRE_NO_MEMORY;
    keep->backend->submit(keep, appended);
    return WIRE_OK;
}

void keep_hold(struct keep *keep)
{
    if (keep->holding++ == 0 && keep->backend->hold != NULL)
        keep->backend->hold(keep, true);
}

void keep_release(struct keep *keep)
{
    ENSURE(keep->holding > 0);
    if (--keep->holding == 0 && keep->backend->hold != NULL)
        keep->backend->hold(keep, false);
}

uint64_t keep_committed(struct keep *keep)
{
    retire(keep);
    return keep->backend->committed(keep);
}

enum wire_status keep_failed(struct keep *keep, struct wire_problem *problem)
{
    return keep->backend->failed(keep, problem);
}

enum wire_status keep_sync(struct keep *keep)
{
    return keep->backend->sync(keep);
}

struct keep_room keep_room(struct keep *keep)
{
    struct keep_room room = {.pending_bytes = keep->pending.bytes, .pending_bytes_max = keep->pending_bytes_max};
    keep->backend->room(keep, &room);
    return room;
}

unsigned keep_room_permille(const struct keep_room *room)
{
    uint64_t used = room->bytes_used;
    uint64_t limit = room->bytes_limit;
    uint64_t disk = room->disk_free > DISK_RESERVE ? room->disk_free - DISK_RESERVE : 0;
    if (limit > used + disk)
        limit = used + disk; /* the disk ends first */
    return used >= limit ? 1000 : (unsigned)(used / (limit / 1000 + 1));
}

bool keep_room_scarce(const struct keep_room *room)
{
    uint64_t left = room->bytes_limit > room->bytes_used ? room->bytes_limit - room->bytes_used : 0;
    return keep_room_permille(room) >= SCARCE_PERMILLE || left < SCARCE_BYTES;
}

struct keep_counts keep_counts(struct keep *keep)
{
    return keep->backend->counts(keep);
}

/* --- reading on the owner's thread --- */

static enum wire_status read_begin(struct keep *keep)
{
    if (keep->reading == 0) {
        /* retire first: a row that leaves the overlay now is in the snapshot taken after */
        retire(keep);
        enum wire_status status = keep->backend->read_begin(keep, &keep->reader);
        if (status != WIRE_OK)
            return status;
    }
    keep->reading++;
    return WIRE_OK;
}

static void read_end(struct keep *keep)
{
    ENSURE(keep->reading > 0);
    if (--keep->reading == 0)
        keep->backend->read_end(keep);
}

void keep_value_close(struct keep_value *value)
{
    free(value->data);
    *value = (struct keep_value){0};
}

static enum wire_status value_set(struct keep_value *value, struct wire_bytes bytes)
{
    if (!value)
        return WIRE_OK;
    value->size = 0;
    if (bytes.size > value->capacity || !value->data) {
        size_t capacity = bytes.size + bytes.size / 2 + 64;
        uint8_t *larger = realloc(value->data, capacity);
        if (!larger)
            return WIRE_NO_MEMORY;
        value->data = larger;
        value->capacity = capacity;
    }
    if (bytes.size)
        memcpy(value->data, bytes.data, bytes.size);
    value->size = bytes.size;
    return WIRE_OK;
}

/* The overlay's answer; false: it has none. */
static bool overlay_get(const struct keep *keep, uint8_t table, struct wire_bytes key, const struct keep_node **node)
{
    const struct keep_list *overlay = &keep->pending.overlay[table];
    if (overlay->count == 0)
        return false;
    *node = keep_list_seek(overlay, key);
    return *node && keep_compare(keep_node_key(*node), key) == 0;
}

enum wire_status keep_get(struct keep *keep, uint8_t table, struct wire_bytes key, struct keep_value *out)
{
    ENSURE(table < keep->table_count && key.size > 0 && key.size <= WIRE_KEY_BYTES_MAX);
    if (out)
        out->size = 0;
    retire(keep);
    const struct keep_node *node;
    if (overlay_get(keep, table, key, &node))
        return node->erase ? WIRE_NOT_FOUND : value_set(out, keep_node_value(node));
    enum wire_status status = read_begin(keep);
    if (status != WIRE_OK)
        return status;
    struct wire_bytes value = {0};
    status = keep->reader->ops->get(keep->reader, table, key, &value);
    if (status == WIRE_OK)
        status = value_set(out, value);
    read_end(keep);
    return status;
}

enum wire_status keep_scan(struct keep *keep, const struct keep_range *range, keep_visit *visit, void *context,
                           bool *more)
{
    ENSURE(range->table < keep->table_count);
    enum wire_status status = read_begin(keep);
    if (status != WIRE_OK)
        return status;
    status = keep_merge_scan(keep->reader, &keep->pending.overlay[range->table], range, visit, context, more);
    read_end(keep);
    return status;
}

enum wire_status keep_last(struct keep *keep, uint8_t table, struct wire_bytes prefix, struct keep_value *key,
                           struct keep_value *value)
{
    ENSURE(table < keep->table_count);
    enum wire_status status = read_begin(keep);
    if (status != WIRE_OK)
        return status;
    struct keep_place place = {0};
    struct wire_bytes last_key, last_value;
    status =
        keep_merge_last(keep->reader, &keep->pending.overlay[table], table, prefix, &last_key, &last_value, &place);
    if (status == WIRE_OK)
        status = value_set(key, last_key);
    if (status == WIRE_OK)
        status = value_set(value, last_value);
    keep->reader->ops->close(keep->reader, &place);
    read_end(keep);
    return status;
}
