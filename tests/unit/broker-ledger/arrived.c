/* What the ledger says of an ARRIVED, and the single rows. */
#include "rows.h"
#include "wire/limits.h"

static struct rows rows;
static uint8_t store[WIRE_ID_BYTES] = {1};
static uint32_t given_to[] = {330000};

static void setup(void)
{
    rows_open(&rows);
    rows_batch(
        &rows,
        &(struct rows_batch){
            .store_id = store, .serial = 7, .first = 1, .count = 2, .id_from = 100, .to = given_to, .to_count = 1});
    rows_queue(&rows, 330000, 4, 7, 0x44);
}

static void teardown(void)
{
    rows_close(&rows);
}

TestSuite(arrived, .init = setup, .fini = teardown);

static Wire__ArrivedPart part(uint64_t number)
{
    Wire__ArrivedPart out = WIRE__ARRIVED_PART__INIT;
    out.mechanism = (char *)"yangtze-delta";
    out.lane = WIRE__LANE__ROUTINE;
    out.number = number;
    return out;
}

static struct broker_arrived look(uint32_t region, const Wire__ArrivedPart *given)
{
    struct broker_arrived event = {.peer = 1, .part = given};
    cr_assert_eq(ledger_look_arrived(&rows.ledger, region, &event, &rows.look), WIRE_OK);
    return event;
}

Test(arrived, a_part_that_was_queued_is_found_with_its_batch)
{
    Wire__ArrivedPart given = part(4);
    struct broker_arrived event = look(330000, &given);
    cr_assert_not_null(event.row);
    cr_expect_eq(event.row->serial, 7);
    cr_expect(broker_bit(event.row->given, 1) && !broker_bit(event.row->given, 0));
    cr_assert_not_null(event.batch);
    cr_expect_eq(event.batch->seal->origin, 310000);
    cr_expect_not(event.known);
    cr_expect_eq(event.answered_count, 0);
}

Test(arrived, what_was_never_queued_is_not_found)
{
    Wire__ArrivedPart given = part(5);
    cr_expect_null(look(330000, &given).row, "another number");
    given = part(4);
    cr_expect_null(look(330300, &given).row, "another recipient");
    given.lane = WIRE__LANE__FLASH;
    cr_expect_null(look(330000, &given).row, "another lane");
    given = part(4);
    given.mechanism = (char *)"national";
    cr_expect_null(look(330000, &given).row, "another mechanism");
    given.mechanism = (char *)"";
    cr_expect_null(look(330000, &given).row);
    given.mechanism = (char *)"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    cr_expect_null(look(330000, &given).row);
}

Test(arrived, what_arrived_before_is_known)
{
    rows_put(&rows, BROKER_ARRIVAL, broker_key_arrival(7, 330000, 4), wire_bytes("A", 1));
    rows_put(&rows, BROKER_ARRIVAL, broker_key_arrival(7, 330300, 5), wire_bytes("A", 1));
    rows_queue(&rows, 330000, 5, 7, 0x55);
    Wire__ArrivedPart given = part(4);
    cr_expect(look(330000, &given).known);
    given = part(5);
    cr_expect_not(look(330000, &given).known);
}

Test(arrived, answers_that_came_first_are_those_of_this_recipient_and_cancels)
{
    struct wire_bytes nothing = {0};
    rows_put(&rows, BROKER_ANSWERED, broker_key_answered(7, 330000, 1, WIRE__DUTY__SIGN_FOR), nothing);
    rows_put(&rows, BROKER_ANSWERED, broker_key_answered(7, 0, 0, 0), nothing);
    rows_put(&rows, BROKER_ANSWERED, broker_key_answered(7, 330300, 1, WIRE__DUTY__CLOSE), nothing);
    rows_put(&rows, BROKER_ANSWERED, broker_key_answered(8, 330000, 1, WIRE__DUTY__CLOSE), nothing);
    Wire__ArrivedPart given = part(4);
    struct broker_arrived event = look(330000, &given);
    cr_assert_eq(event.answered_count, 2);
    cr_expect_eq(event.answered[0].index, 1);
    cr_expect_eq(event.answered[0].duty, WIRE__DUTY__SIGN_FOR);
    cr_expect_eq(event.answered[1].index, 0);
    cr_expect_eq(event.answered[1].duty, 0, "all of them");
}

/* An ARRIVED of a megabyte has thousands of parts: each is looked up, stepped and given back. */
Test(arrived, thousands_of_parts_need_the_memory_of_one)
{
    size_t mark = wire_arena_mark(&rows.look), most = 0;
    for (int i = 0; i < 10000; i++) {
        Wire__ArrivedPart given = part(4);
        cr_assert_not_null(look(330000, &given).row);
        most = rows.look.used > most ? rows.look.used : most;
        wire_arena_back(&rows.look, mark);
    }
    cr_expect_lt(most, 256 * 1024);
}

Test(arrived, a_queue_row_without_its_batch_is_damage)
{
    Wire__ArrivedPart given = part(6);
    struct broker_arrived event = {.part = &given};
    rows_queue(&rows, 330000, 6, 99, 0x66);
    cr_expect_eq(ledger_look_arrived(&rows.ledger, 330000, &event, &rows.look), WIRE_DAMAGED);
    struct broker_queue_name name = {
        .recipient = 330000, .mechanism = wire_bytes("yangtze-delta", 13), .lane = WIRE__LANE__ROUTINE};
    rows_put(&rows, BROKER_QUEUE, broker_key_queue_row(&name, 6), wire_bytes("x", 1));
    cr_expect_eq(ledger_look_arrived(&rows.ledger, 330000, &event, &rows.look), WIRE_DAMAGED);
}

/* --- single rows and the boot image ------------------------------------------------------------------------------- */

Test(arrived, single_rows_are_found_missing_or_damaged)
{
    enum wire_status status;
    cr_expect_not_null(ledger_batch(&rows.ledger, 7, &rows.look, &status));
    cr_expect_eq(status, WIRE_OK);
    cr_expect_null(ledger_batch(&rows.ledger, 8, &rows.look, &status));
    cr_expect_eq(status, WIRE_NOT_FOUND);
    cr_expect_null(ledger_headers(&rows.ledger, 7, &rows.look, &status));
    cr_expect_eq(status, WIRE_NOT_FOUND);
    rows_put(&rows, BROKER_HEADERS, broker_key_serial(7), wire_bytes("\x0a\x7f", 2));
    cr_expect_null(ledger_headers(&rows.ledger, 7, &rows.look, &status));
    cr_expect_eq(status, WIRE_DAMAGED);
    struct broker_key key = broker_key_serial(7);
    struct wire_bytes raw =
        ledger_row(&rows.ledger, BROKER_HEADERS, wire_bytes(key.data, key.size), &rows.look, &status);
    cr_assert_eq(raw.size, 2);
    cr_expect_eq(raw.data[0], 0x0a);
}

static bool count_row(void *context, const struct wire_row *row)
{
    size_t *counts = context;
    counts[row->table]++;
    return true;
}

Test(arrived, the_boot_image_is_the_small_tables_and_no_others)
{
    size_t counts[BROKER_TABLES] = {0};
    struct broker_queue_name name = {
        .recipient = 330000, .mechanism = wire_bytes("yangtze-delta", 13), .lane = WIRE__LANE__ROUTINE};
    struct broker_head_row head = {.number = 4};
    struct broker_cursor_row cursor = {.number = 3};
    rows_put(&rows, BROKER_META, broker_key_last_serial(), broker_put_u64(&rows.arena, 7));
    rows_put(&rows, BROKER_QUEUE_HEAD, broker_key_queue(&name), broker_put_head(&rows.arena, &head));
    rows_put(&rows, BROKER_CURSOR, broker_key_queue(&name), broker_put_cursor(&rows.arena, &cursor));
    cr_assert_eq(ledger_boot(&rows.ledger, count_row, counts), WIRE_OK);
    for (uint32_t table = 1; table < BROKER_TABLES; table++) {
        size_t want = table == BROKER_META || table == BROKER_QUEUE_HEAD || table == BROKER_CURSOR;
        cr_expect_eq(counts[table], want, "%s", broker_table_name(table));
    }
}

/* Look-ups see what is not committed yet, so that they are always exact. */
Test(arrived, appends_in_flight_are_seen)
{
    keep_memory_hold(rows.ledger.keep, true);
    rows_queue(&rows, 330000, 5, 7, 0x55);
    Wire__ArrivedPart given = part(5);
    cr_expect_not_null(look(330000, &given).row);
    keep_memory_hold(rows.ledger.keep, false);
}
