/* What the ledger says of a node that comes: heads, numbers, ids it may have lost, chains. */
#include "rows.h"
#include "wire/limits.h"

static struct rows rows;
static uint8_t store[3][WIRE_ID_BYTES] = {{1}, {2}, {3}};

static void setup(void)
{
    rows_open(&rows);
}

static void teardown(void)
{
    rows_close(&rows);
}

TestSuite(hello, .init = setup, .fini = teardown);

static struct broker_hello asked(const Wire__Hello *hello)
{
    struct broker_hello event = {.peer = 1, .region = 310000, .hello = hello};
    cr_assert_eq(ledger_look_hello(&rows.ledger, &event, &rows.look), WIRE_OK);
    return event;
}

static void stream_row(uint32_t origin, const uint8_t *id, uint64_t head, uint32_t frozen)
{
    struct broker_stream stream = rows_stream(origin, "yangtze-delta", id);
    struct broker_stream_row row = {.head = head, .frozen_outcome = frozen};
    rows_put(&rows, BROKER_STREAM, broker_key_stream(&stream), broker_put_stream(&rows.arena, &row));
    wire_arena_reset(&rows.arena);
}

static Wire__StreamHead shown(uint8_t *id, uint64_t head)
{
    Wire__StreamHead stream = WIRE__STREAM_HEAD__INIT;
    stream.mechanism = (char *)"yangtze-delta";
    stream.lane = WIRE__LANE__ROUTINE;
    stream.store_id = (ProtobufCBinaryData){WIRE_ID_BYTES, id};
    stream.head = head;
    return stream;
}

static Wire__Cursor cursor(const char *mechanism, uint64_t number)
{
    static uint8_t zeros[WIRE_HASH_BYTES];
    Wire__Cursor out = WIRE__CURSOR__INIT;
    out.mechanism = (char *)(uintptr_t)mechanism;
    out.lane = WIRE__LANE__ROUTINE;
    out.number = number;
    out.chain = (ProtobufCBinaryData){WIRE_HASH_BYTES, zeros};
    return out;
}

Test(hello, an_empty_ledger_knows_nothing)
{
    Wire__Hello hello = WIRE__HELLO__INIT;
    struct broker_hello event = asked(&hello);
    cr_expect_eq(event.head_count, 0);
    cr_expect_eq(event.number_count, 0);
    cr_expect_eq(event.known_count, 0);
    cr_expect_not_null(event.chains);
}

Test(hello, heads_are_of_this_origin_with_those_it_shows_first)
{
    stream_row(310000, store[0], 7, 0);
    stream_row(310000, store[1], 9, WIRE__RECEIPT_OUTCOME__CONFLICT);
    stream_row(310001, store[2], 1, 0);
    stream_row(330000, store[2], 1, 0);
    Wire__StreamHead second = shown(store[1], 9), *list[] = {&second};
    Wire__Hello hello = WIRE__HELLO__INIT;
    hello.stream = list;
    hello.n_stream = 1;
    struct broker_hello event = asked(&hello);
    cr_assert_eq(event.head_count, 2);
    cr_expect_eq(event.heads[0]->head, 9);
    cr_expect(event.heads[0]->has_frozen && event.heads[0]->frozen);
    cr_expect_eq(event.heads[1]->head, 7);
    cr_expect_str_eq(event.heads[1]->mechanism, "yangtze-delta");
    cr_expect_not(event.heads[1]->frozen);
}

/* Each shielded envelope is a stream: an origin may have any number of them. */
Test(hello, an_origin_with_endless_streams_still_gets_the_heads_it_asks_for)
{
    uint8_t id[WIRE_ID_BYTES] = {0};
    for (uint32_t i = 1; i <= 5000; i++) {
        wire_put_u32(id, i);
        stream_row(310000, id, i, 0);
    }
    Wire__StreamHead last = shown(id, 5000), *list[] = {&last};
    Wire__Hello hello = WIRE__HELLO__INIT;
    hello.stream = list;
    hello.n_stream = 1;
    struct broker_hello event = asked(&hello);
    cr_assert_gt(event.head_count, 1);
    cr_expect_leq(event.head_count, 2048);
    cr_expect_eq(event.heads[0]->head, 5000);
}

Test(hello, numbers_are_of_the_newest_days)
{
    for (uint32_t day = 1; day <= 20; day++)
        rows_put(&rows, BROKER_NUMBER, broker_key_number(310000, 20200200 + day), broker_put_u32(&rows.arena, day));
    rows_put(&rows, BROKER_NUMBER, broker_key_number(310001, 20200229), broker_put_u32(&rows.arena, 99));
    Wire__Hello hello = WIRE__HELLO__INIT;
    struct broker_hello event = asked(&hello);
    cr_assert_eq(event.number_count, 8);
    cr_expect_eq(event.numbers[0]->date, 20200213);
    cr_expect_eq(event.numbers[7]->date, 20200220);
    cr_expect_eq(event.numbers[7]->serial, 20);
}

Test(hello, ids_are_named_where_the_ledger_is_ahead)
{
    uint32_t to[] = {330000};
    rows_batch(&rows,
               &(struct rows_batch){
                   .store_id = store[0], .serial = 1, .first = 1, .count = 3, .id_from = 100, .to = to, .to_count = 1});
    rows_batch(&rows,
               &(struct rows_batch){
                   .store_id = store[0], .serial = 2, .first = 4, .count = 2, .id_from = 200, .to = to, .to_count = 1});
    Wire__StreamHead same = shown(store[0], 5), *list[] = {&same};
    Wire__Hello hello = WIRE__HELLO__INIT;
    hello.stream = list;
    hello.n_stream = 1;
    cr_expect_eq(asked(&hello).known_count, 0, "it shows what the ledger has");
    same.head = 3;
    struct broker_hello event = asked(&hello);
    cr_assert_eq(event.known_count, 2, "the newest batch");
    uint8_t id[WIRE_ID_BYTES];
    rows_id(id, 201);
    cr_expect_arr_eq(event.known[0]->id.data, id, WIRE_ID_BYTES);
    cr_expect_eq(event.known[0]->origin, 310000);
    hello.n_stream = 0;
    cr_expect_eq(asked(&hello).known_count, 2, "a lost store shows nothing");
}

Test(hello, no_more_than_known_max_ids_are_named)
{
    uint32_t to[] = {330000};
    uint8_t id[WIRE_ID_BYTES] = {0};
    for (uint32_t i = 0; i < 3; i++) {
        id[0] = (uint8_t)(i + 1);
        rows_batch(&rows, &(struct rows_batch){.store_id = id,
                                               .serial = i + 1,
                                               .first = 1,
                                               .count = 200,
                                               .id_from = 1000 * i,
                                               .to = to,
                                               .to_count = 1});
    }
    Wire__Hello hello = WIRE__HELLO__INIT;
    cr_expect_eq(asked(&hello).known_count, BROKER_KNOWN_MAX);
}

Test(hello, a_chain_is_of_exactly_that_number_of_that_queue)
{
    rows_queue(&rows, 310000, 4, 1, 0x44);
    rows_queue(&rows, 330000, 5, 1, 0x55);
    Wire__Cursor cursors[] = {cursor("yangtze-delta", 4), cursor("yangtze-delta", 5), cursor("national", 4),
                              cursor("", 4), cursor("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", 4)};
    Wire__Cursor *list[] = {&cursors[0], &cursors[1], &cursors[2], &cursors[3], &cursors[4]};
    Wire__Hello hello = WIRE__HELLO__INIT;
    hello.cursor = list;
    hello.n_cursor = 5;
    struct broker_hello event = asked(&hello);
    cr_assert_not_null(event.chains[0]);
    cr_expect_eq(event.chains[0]->bytes[0], 0x44);
    for (size_t i = 1; i < 5; i++)
        cr_expect_null(event.chains[i], "%zu", i);
}

Test(hello, the_chain_of_a_completeness_statement_is_this_recipients_only)
{
    rows_queue(&rows, 310000, 4, 1, 0x44);
    Wire__Hello hello = WIRE__HELLO__INIT;
    Wire__CompletenessStatement said = WIRE__COMPLETENESS_STATEMENT__INIT;
    said.recipient = 310000;
    said.mechanism = (char *)"yangtze-delta";
    said.lane = WIRE__LANE__ROUTINE;
    said.number = 4;
    struct broker_hello event = {.region = 310000, .hello = &hello, .completeness = &said};
    cr_assert_eq(ledger_look_hello(&rows.ledger, &event, &rows.look), WIRE_OK);
    cr_assert_not_null(event.completeness_chain);
    said.recipient = 330000;
    event = (struct broker_hello){.region = 310000, .hello = &hello, .completeness = &said};
    cr_assert_eq(ledger_look_hello(&rows.ledger, &event, &rows.look), WIRE_OK);
    cr_expect_null(event.completeness_chain);
}

/* Invariant 9: a HELLO of a megabyte asks for no more than it may. */
Test(hello, thousands_of_cursors_and_streams_fit_the_memory)
{
    enum { MANY = 20000 };
    static Wire__Cursor cursors[MANY], *cursor_list[MANY];
    static Wire__StreamHead streams[MANY], *stream_list[MANY];
    for (size_t i = 0; i < MANY; i++) {
        cursors[i] = cursor("yangtze-delta", i);
        cursor_list[i] = &cursors[i];
        streams[i] = shown(store[0], i);
        stream_list[i] = &streams[i];
    }
    stream_row(310000, store[0], 5, 0);
    Wire__Hello hello = WIRE__HELLO__INIT;
    hello.cursor = cursor_list;
    hello.n_cursor = MANY;
    hello.stream = stream_list;
    hello.n_stream = MANY;
    asked(&hello);
}

Test(hello, a_row_that_cannot_be_read_is_damaged)
{
    struct broker_stream stream = rows_stream(310000, "yangtze-delta", store[0]);
    rows_put(&rows, BROKER_STREAM, broker_key_stream(&stream), wire_bytes("x", 1));
    Wire__Hello hello = WIRE__HELLO__INIT;
    struct broker_hello event = {.region = 310000, .hello = &hello};
    cr_expect_eq(ledger_look_hello(&rows.ledger, &event, &rows.look), WIRE_DAMAGED);
}

Test(hello, an_arena_that_is_too_small_is_said)
{
    static uint8_t little[4096] __attribute__((aligned(16)));
    struct wire_arena arena;
    wire_arena_over(&arena, little, sizeof little);
    Wire__Hello hello = WIRE__HELLO__INIT;
    struct broker_hello event = {.region = 310000, .hello = &hello};
    cr_expect_eq(ledger_look_hello(&rows.ledger, &event, &arena), WIRE_NO_MEMORY);
}
