#include "node/store/store.h"

#include "node/store/read.h"
#include <stdio.h>

const char *const *store_tables(void)
{
    static const char *const names[NODE_TABLES] = {
#define STORE_TABLE_NAME(name, text, boot) [NODE_TABLE_##name] = text,
        NODE_TABLE_LIST(STORE_TABLE_NAME)
#undef STORE_TABLE_NAME
    };
    return names;
}

enum wire_status store_open(const char *folder, uint64_t map_bytes, struct store *out, struct wire_problem *problem)
{
    char path[4096];
    if (snprintf(path, sizeof(path), "%s/store", folder) >= (int)sizeof(path))
        return wire_fail(problem, WIRE_INVALID, folder, "路径太长", "the path is too long");
    struct keep_options options = {
        .application = "lianfang-node",
        .format = NODE_STORE_FORMAT,
        .format_oldest = NODE_STORE_FORMAT,
        .tables = store_tables(),
        .table_count = NODE_TABLES,
        .map_bytes_max = (size_t)map_bytes,
    };
    struct keep *keep;
    enum wire_status status = keep_open_lmdb(path, &options, &keep, problem);
    if (status == WIRE_OK)
        store_over(keep, out);
    return status;
}

void store_over(struct keep *keep, struct store *out)
{
    *out = (struct store){.keep = keep};
}

void store_close(struct store *store)
{
    keep_close(&store->keep);
    keep_value_close(&store->value);
}

struct boot {
    uint8_t table;
    bool (*row)(void *context, const struct wire_row *row);
    void *context;
};

static bool boot_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct boot *boot = context;
    return boot->row(boot->context, &(struct wire_row){.table = boot->table, .key = key, .value = value});
}

enum wire_status store_boot(struct store *store, bool (*row)(void *context, const struct wire_row *row), void *context)
{
    for (uint8_t table = 0; table < NODE_TABLES; table++) {
        if (!node_table_boots((enum node_table)table))
            continue;
        struct boot boot = {.table = table, .row = row, .context = context};
        enum wire_status status = keep_scan(store->keep, &(struct keep_range){.table = table}, boot_visit, &boot, NULL);
        if (status != WIRE_OK)
            return status;
    }
    return WIRE_OK;
}

enum wire_status store_row(struct store *store, enum node_table table, const struct node_key *key,
                           struct wire_arena *arena, struct wire_bytes *value)
{
    *value = (struct wire_bytes){0};
    enum wire_status status = keep_get(store->keep, (uint8_t)table, node_key_bytes(key), &store->value);
    if (status != WIRE_OK)
        return status == WIRE_NOT_FOUND ? WIRE_OK : status;
    void *copy = wire_arena_take(arena, store->value.size);
    if (copy == NULL)
        return WIRE_NO_MEMORY;
    if (store->value.size > 0)
        memcpy(copy, store->value.data, store->value.size);
    *value = wire_bytes(copy, store->value.size);
    return WIRE_OK;
}

bool store_has(struct store *store, enum node_table table, const struct node_key *key)
{
    return keep_get(store->keep, (uint8_t)table, node_key_bytes(key), NULL) == WIRE_OK;
}

/* --- decoded ------------------------------------------------------------------------------------------------------ */

enum wire_status store_read(struct store *store, enum node_table table, struct node_key key, struct wire_arena *arena,
                            ProtobufCMessage **out)
{
    struct wire_bytes value;
    *out = NULL;
    enum wire_status status = store_row(store, table, &key, arena, &value);
    if (status != WIRE_OK || value.data == NULL)
        return status;
    *out = wire_decode(node_table_message(table), value, WIRE_STRICT_NONE, arena, &status);
    if (*out != NULL)
        return WIRE_OK;
    return status == WIRE_OVER_BUDGET ? WIRE_NO_MEMORY : WIRE_DAMAGED;
}

enum wire_status store_place(struct store *store, const uint8_t id[WIRE_ID_BYTES], uint64_t *place)
{
    struct node_key key = node_key_id(id);
    *place = 0;
    enum wire_status status = keep_get(store->keep, NODE_TABLE_PLACE, node_key_bytes(&key), &store->value);
    if (status != WIRE_OK)
        return status == WIRE_NOT_FOUND ? WIRE_OK : status;
    *place = node_read_place(wire_bytes(store->value.data, store->value.size));
    return *place == 0 ? WIRE_DAMAGED : WIRE_OK;
}

static enum wire_status read_ours(struct store *store, enum node_table table, const uint8_t *id,
                                  struct wire_arena *arena, ProtobufCMessage **out)
{
    uint64_t place;
    *out = NULL;
    enum wire_status status = store_place(store, id, &place);
    if (status != WIRE_OK || place == 0)
        return status;
    return store_read(store, table, node_key_place(place), arena, out);
}

enum wire_status store_state(struct store *store, const uint8_t id[WIRE_ID_BYTES], struct wire_arena *arena,
                             Wire__NodeState **out)
{
    return read_ours(store, NODE_TABLE_STATE, id, arena, (ProtobufCMessage **)out);
}

enum wire_status store_header(struct store *store, const uint8_t id[WIRE_ID_BYTES], struct wire_arena *arena,
                              Wire__Header **out)
{
    return read_ours(store, NODE_TABLE_OUTBOX, id, arena, (ProtobufCMessage **)out);
}

enum wire_status store_header_at(struct store *store, uint64_t place, struct wire_arena *arena, Wire__Header **out)
{
    return store_read(store, NODE_TABLE_OUTBOX, node_key_place(place), arena, (ProtobufCMessage **)out);
}

enum wire_status store_batch_places(struct store *store, const struct node_key *batch, size_t count,
                                    struct wire_arena *arena, uint64_t **out)
{
    Wire__NodeBatch *row;
    enum wire_status status = store_read(store, NODE_TABLE_BATCH, *batch, arena, (ProtobufCMessage **)&row);
    *out = wire_arena_take(arena, (count + 1) * sizeof(**out));
    if (status == WIRE_OK && *out == NULL)
        return WIRE_NO_MEMORY;
    for (size_t i = 0; status == WIRE_OK && row != NULL && i < count && i < row->n_place; i++)
        (*out)[i] = row->place[i];
    return status;
}

enum wire_status store_known(struct store *store, uint32_t origin, const uint8_t id[WIRE_ID_BYTES],
                             struct wire_arena *arena, Wire__NodeKnown **out)
{
    return store_read(store, NODE_TABLE_KNOWN, node_key_known(origin, id), arena, (ProtobufCMessage **)out);
}

enum wire_status store_inbox_row(struct store *store, uint64_t order, struct wire_arena *arena, Wire__NodeInbox **out)
{
    return store_read(store, NODE_TABLE_INBOX, node_key_order(order), arena, (ProtobufCMessage **)out);
}

enum wire_status store_successor(struct store *store, uint8_t id[WIRE_ID_BYTES], struct wire_arena *arena)
{
    enum { SUCCESSORS_MAX = 64 }; /* a payload that was re-sealed more often than that has another trouble */
    for (int i = 0; i < SUCCESSORS_MAX; i++) {
        Wire__NodeState *state;
        enum wire_status status = store_state(store, id, arena, &state);
        if (status != WIRE_OK || state == NULL || !state->has_successor || state->successor.len != WIRE_ID_BYTES)
            return status;
        memcpy(id, state->successor.data, WIRE_ID_BYTES);
    }
    return WIRE_OK;
}
