#include "shelf.h"
#include <stdlib.h>

enum { ARENA_BYTES = 4 * 1024 * 1024 };

void shelf_open(struct shelf *shelf)
{
    struct keep_options options = {.application = "lianfang-node",
                                   .format = NODE_STORE_FORMAT,
                                   .format_oldest = NODE_STORE_FORMAT,
                                   .tables = store_tables(),
                                   .table_count = NODE_TABLES,
                                   .map_bytes_max = 64 * 1024 * 1024};
    struct wire_problem problem;
    struct keep *keep;
    *shelf = (struct shelf){.memory = malloc(ARENA_BYTES)};
    cr_assert_eq(keep_open_memory(&options, false, &keep, &problem), WIRE_OK);
    store_over(keep, &shelf->store);
    wire_arena_over(&shelf->arena, shelf->memory, ARENA_BYTES);
}

void shelf_close(struct shelf *shelf)
{
    store_close(&shelf->store);
    free(shelf->memory);
}

void shelf_put(struct shelf *shelf, enum node_table table, struct node_key key, struct wire_bytes value)
{
    struct wire_row row = {.table = (uint8_t)table, .key = node_key_bytes(&key), .value = value};
    cr_assert_eq(keep_append(shelf->store.keep, &row, 1, ++shelf->ticket), WIRE_OK);
}

void shelf_put_message(struct shelf *shelf, enum node_table table, struct node_key key, const ProtobufCMessage *message)
{
    struct wire_bytes value = wire_encode(message, &shelf->arena);
    cr_assert_not_null(value.data);
    shelf_put(shelf, table, key, value);
}

uint8_t *shelf_id(struct shelf *shelf, uint8_t n)
{
    uint8_t random[10] = {0};
    uint8_t *id = wire_arena_take(&shelf->arena, WIRE_ID_BYTES);
    random[9] = n;
    wire_id_make(NOW, random, id);
    return id;
}

ProtobufCBinaryData shelf_bin(const void *data, size_t size)
{
    return (ProtobufCBinaryData){size, (uint8_t *)(uintptr_t)data};
}

Wire__Header shelf_header(struct shelf *shelf, uint32_t origin, uint8_t id, uint32_t serial)
{
    Wire__Header header = WIRE__HEADER__INIT;
    header.version = 1;
    header.id = shelf_bin(shelf_id(shelf, id), WIRE_ID_BYTES);
    header.number_date = 20200207;
    header.number_serial = serial;
    header.origin = header.issuer_region = origin;
    header.issuer_unit = 1;
    header.mechanism = MECHANISM;
    header.lane = WIRE__LANE__ROUTINE;
    header.kind = 3;
    header.created_ms = NOW;
    header.keep_until = 20300207;
    return header;
}

Wire__NodeState shelf_state(Wire__NodeOutboxState now)
{
    Wire__NodeState state = WIRE__NODE_STATE__INIT;
    state.state = now;
    state.since_ms = NOW;
    state.number_date = 20200207;
    state.link = LINK;
    state.mechanism = MECHANISM;
    state.lane = WIRE__LANE__ROUTINE;
    state.keep_until = 20300207;
    return state;
}

uint64_t shelf_place(const uint8_t *id)
{
    return 1000U + id[WIRE_ID_BYTES - 1];
}

void shelf_put_place(struct shelf *shelf, const uint8_t *id)
{
    uint8_t place[8];
    wire_put_u64(place, shelf_place(id));
    shelf_put(shelf, NODE_TABLE_PLACE, node_key_id(id), wire_bytes(place, sizeof place));
}

void shelf_outbox(struct shelf *shelf, const Wire__Header *header, const Wire__NodeState *state)
{
    const uint8_t *id = header->id.data;
    Wire__NodeState placed = *state;
    placed.place = shelf_place(id);
    shelf_put_place(shelf, id);
    shelf_put_message(shelf, NODE_TABLE_OUTBOX, node_key_place(placed.place), &header->base);
    shelf_put_message(shelf, NODE_TABLE_STATE, node_key_place(placed.place), &placed.base);
    shelf_put(shelf, NODE_TABLE_OUTBOX_NUMBER, node_key_outbox_number(header->number_date, header->number_serial, id),
              (struct wire_bytes){0});
}

void shelf_inbox(struct shelf *shelf, uint64_t order, const Wire__Header *header)
{
    Wire__NodeInbox inbox = WIRE__NODE_INBOX__INIT;
    Wire__NodeKnown known = WIRE__NODE_KNOWN__INIT;
    struct wire_bytes raw = wire_encode(&header->base, &shelf->arena);
    inbox.header = shelf_bin(raw.data, raw.size);
    inbox.origin = header->origin;
    inbox.id = header->id;
    inbox.code = WIRE__VERDICT_CODE__ARRIVED;
    inbox.evidence = shelf_bin("e", 1);
    inbox.keep_until = header->keep_until;
    inbox.mechanism = header->mechanism;
    inbox.lane = header->lane;
    inbox.link = LINK;
    known.has_order = true;
    known.order = order;
    shelf_put_message(shelf, NODE_TABLE_INBOX, node_key_order(order), &inbox.base);
    shelf_put_message(shelf, NODE_TABLE_KNOWN, node_key_known(header->origin, header->id.data), &known.base);
}
