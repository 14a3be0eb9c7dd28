/* Views in order, both ways; look-ups by number and id; what the rules are told of parents and originals. */
#include "shelf.h"

static struct shelf shelf;

static void setup(void)
{
    shelf_open(&shelf);
}

static void teardown(void)
{
    shelf_close(&shelf);
}

TestSuite(view, .init = setup, .fini = teardown);

struct seen {
    uint64_t order[2000];
    uint8_t last_byte[2000];
    size_t count, stop_after;
};

static bool see_inbox(void *context, uint64_t order, struct wire_bytes value)
{
    struct seen *seen = context;
    cr_assert_gt(value.size, 0);
    seen->order[seen->count++] = order;
    return seen->count != seen->stop_after;
}

static bool see_outbox(void *context, const uint8_t id[WIRE_ID_BYTES])
{
    struct seen *seen = context;
    seen->last_byte[seen->count++] = id[WIRE_ID_BYTES - 1];
    return seen->count != seen->stop_after;
}

static void put_raw_inbox(uint64_t order)
{
    shelf_put(&shelf, NODE_TABLE_INBOX, node_key_order(order), wire_bytes("x", 1));
}

Test(view, an_empty_store_shows_nothing)
{
    struct seen seen = {.count = 0};
    cr_assert_eq(store_inbox(&shelf.store, 0, false, see_inbox, &seen), WIRE_OK);
    cr_assert_eq(store_inbox(&shelf.store, 0, true, see_inbox, &seen), WIRE_OK);
    cr_assert_eq(store_outbox(&shelf.store, 0, false, see_outbox, &seen), WIRE_OK);
    cr_assert_eq(store_outbox(&shelf.store, 0, true, see_outbox, &seen), WIRE_OK);
    cr_assert_eq(seen.count, 0);
}

Test(view, the_inbox_is_read_both_ways_over_gaps)
{
    struct seen up = {.count = 0}, down = {.count = 0};
    for (uint64_t order = 1; order <= 1000; order++)
        if (order % 300 != 0) /* an order that a rejected one took */
            put_raw_inbox(order);
    cr_assert_eq(store_inbox(&shelf.store, 0, false, see_inbox, &up), WIRE_OK);
    cr_assert_eq(store_inbox(&shelf.store, 0, true, see_inbox, &down), WIRE_OK);
    cr_assert_eq(up.count, 997);
    cr_assert_eq(down.count, up.count);
    for (size_t i = 0; i < up.count; i++)
        cr_assert_eq(up.order[i], down.order[down.count - 1 - i]);
}

Test(view, the_inbox_begins_and_stops_where_it_is_told)
{
    struct seen up = {.stop_after = 2}, down = {.stop_after = 3};
    for (uint64_t order = 1; order <= 10; order++)
        put_raw_inbox(order);
    cr_assert_eq(store_inbox(&shelf.store, 4, false, see_inbox, &up), WIRE_OK);
    cr_assert_eq(up.count, 2);
    cr_assert_eq(up.order[0], 4);
    cr_assert_eq(store_inbox(&shelf.store, 4, true, see_inbox, &down), WIRE_OK);
    cr_assert_eq(down.count, 3);
    cr_assert_eq(down.order[0], 4);
    cr_assert_eq(down.order[2], 2);
}

static void put_number(uint32_t day, uint32_t serial, uint8_t id)
{
    shelf_put(&shelf, NODE_TABLE_OUTBOX_NUMBER, node_key_outbox_number(day, serial, shelf_id(&shelf, id)),
              (struct wire_bytes){0});
}

Test(view, the_outbox_is_in_order_of_numbers_over_days)
{
    struct seen up = {.count = 0}, down = {.count = 0}, later = {.count = 0};
    put_number(20191231, 2, 2);
    put_number(20191231, 1, 1);
    put_number(20200101, 1, 3);
    put_number(20200301, 10, 4); /* a leap day lies between */
    cr_assert_eq(store_outbox(&shelf.store, 0, false, see_outbox, &up), WIRE_OK);
    cr_assert_arr_eq(up.last_byte, ((uint8_t[]){1, 2, 3, 4}), 4);
    cr_assert_eq(store_outbox(&shelf.store, 0, true, see_outbox, &down), WIRE_OK);
    cr_assert_eq(down.count, 4);
    cr_assert_arr_eq(down.last_byte, ((uint8_t[]){4, 3, 2, 1}), 4);
    cr_assert_eq(store_outbox(&shelf.store, 20200101, true, see_outbox, &later), WIRE_OK);
    cr_assert_eq(later.count, 2);
}

Test(view, of_two_that_bear_one_number_the_newer_is_found)
{
    uint8_t id[WIRE_ID_BYTES];
    put_number(20200207, 12, 1);
    put_number(20200207, 12, 2);
    cr_assert_eq(store_outbox_by_number(&shelf.store, 20200207, 12, id), WIRE_OK);
    cr_assert_eq(id[WIRE_ID_BYTES - 1], 2);
    cr_assert_eq(store_outbox_by_number(&shelf.store, 20200207, 1, id), WIRE_NOT_FOUND);
}

Test(view, an_inbox_row_is_found_by_number_and_by_id)
{
    uint64_t order;
    for (uint8_t i = 1; i <= 20; i++) {
        Wire__Header header = shelf_header(&shelf, i % 2 ? 330000 : 320000, i, i);
        shelf_inbox(&shelf, 100 + i, &header);
    }
    struct wire_number number = {320000, 20200207, 8};
    cr_assert_eq(store_inbox_by_number(&shelf.store, &number, &shelf.arena, &order), WIRE_OK);
    cr_assert_eq(order, 108);
    number.region = 330000; /* there it is another's */
    cr_assert_eq(store_inbox_by_number(&shelf.store, &number, &shelf.arena, &order), WIRE_NOT_FOUND);
    cr_assert_eq(store_inbox_by_id(&shelf.store, shelf_id(&shelf, 7), &shelf.arena, &order), WIRE_OK);
    cr_assert_eq(order, 107);
    cr_assert_eq(store_inbox_by_id(&shelf.store, shelf_id(&shelf, 8), &shelf.arena, &order), WIRE_OK);
    cr_assert_eq(order, 108);
    cr_assert_eq(store_inbox_by_id(&shelf.store, shelf_id(&shelf, 80), &shelf.arena, &order), WIRE_NOT_FOUND);
}

Test(view, a_number_is_found_though_the_id_is_of_another_time)
{
    uint64_t order;
    Wire__Header header = shelf_header(&shelf, 330000, 1, 5);
    header.number_date = 20250101; /* a clock was five years off */
    shelf_inbox(&shelf, 3, &header);
    struct wire_number number = {330000, 20250101, 5};
    cr_assert_eq(store_inbox_by_number(&shelf.store, &number, &shelf.arena, &order), WIRE_OK);
    cr_assert_eq(order, 3);
}

Test(view, a_tombstone_is_not_in_the_inbox)
{
    uint64_t order;
    Wire__NodeKnown tombstone = WIRE__NODE_KNOWN__INIT;
    shelf_put_message(&shelf, NODE_TABLE_KNOWN, node_key_known(330000, shelf_id(&shelf, 1)), &tombstone.base);
    cr_assert_eq(store_inbox_by_id(&shelf.store, shelf_id(&shelf, 1), &shelf.arena, &order), WIRE_NOT_FOUND);
    struct rules_parent parent;
    cr_assert_eq(store_parent(&shelf.store, 330000, shelf_id(&shelf, 1), &shelf.arena, &parent), WIRE_OK);
    cr_assert_not(parent.found);
}

Test(view, the_rules_are_told_what_a_reply_answers)
{
    struct rules_parent parent;
    Wire__Header header = shelf_header(&shelf, 330000, 1, 1);
    header.issuer_unit = 2;
    header.status = WIRE__STATUS__EXERCISE;
    shelf_inbox(&shelf, 1, &header);
    cr_assert_eq(store_parent(&shelf.store, 330000, header.id.data, &shelf.arena, &parent), WIRE_OK);
    cr_assert(parent.found && parent.given);
    cr_assert_eq(parent.origin, 330000);
    cr_assert_eq(parent.issuer_unit, 2);
    cr_assert_eq(parent.status, WIRE__STATUS__EXERCISE);
    cr_assert_str_eq(parent.mechanism, MECHANISM);
}

Test(view, the_rules_are_told_to_whom_an_original_was_given)
{
    struct rules_original original;
    Wire__Header header = shelf_header(&shelf, REGION, 1, 1);
    Wire__NodeState state = shelf_state(WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED);
    Wire__NodeRecipient one = WIRE__NODE_RECIPIENT__INIT, two = WIRE__NODE_RECIPIENT__INIT, *list[] = {&one, &two};
    one.region = 320000;
    one.owes = true;
    two.region = 330000;
    state.recipient = list;
    state.n_recipient = 2;
    shelf_outbox(&shelf, &header, &state);
    cr_assert_eq(store_original(&shelf.store, header.id.data, &shelf.arena, &original), WIRE_OK);
    cr_assert(original.found);
    cr_assert_eq(original.to_count + original.cc_count, 0, "both answered before the receipt, which is not in");
    state.has_code = true;
    state.code = WIRE__VERDICT_CODE__ADMITTED;
    shelf_outbox(&shelf, &header, &state);
    cr_assert_eq(store_original(&shelf.store, header.id.data, &shelf.arena, &original), WIRE_OK);
    cr_assert_eq(original.to_count, 1);
    cr_assert_eq(original.to[0], 320000);
    cr_assert_eq(original.cc_count, 1);
    cr_assert_eq(original.cc[0], 330000);
    cr_assert_eq(store_original(&shelf.store, shelf_id(&shelf, 9), &shelf.arena, &original), WIRE_OK);
    cr_assert_not(original.found);
}

static bool count_rows(void *context, const struct wire_row *row)
{
    size_t *counts = context;
    cr_assert(node_table_boots((enum node_table)row->table));
    counts[row->table]++;
    return true;
}

Test(view, only_the_tables_that_boot_are_handed_to_the_core)
{
    size_t counts[NODE_TABLES] = {0};
    shelf_put(&shelf, NODE_TABLE_META, node_key_meta(), wire_bytes("m", 1));
    shelf_put(&shelf, NODE_TABLE_LINK, node_key_link(LINK), wire_bytes("l", 1));
    shelf_put(&shelf, NODE_TABLE_NUMBER, node_key_number(20200207), wire_bytes("n", 1));
    shelf_put(&shelf, NODE_TABLE_NUMBER, node_key_number(20200208), wire_bytes("n", 1));
    put_raw_inbox(1);
    cr_assert_eq(store_boot(&shelf.store, count_rows, counts), WIRE_OK);
    cr_assert_eq(counts[NODE_TABLE_META], 1);
    cr_assert_eq(counts[NODE_TABLE_LINK], 1);
    cr_assert_eq(counts[NODE_TABLE_NUMBER], 2);
    cr_assert_eq(counts[NODE_TABLE_INBOX], 0);
}
