/* Keys order as what they mean, and say it again when they are taken apart. */
#include "node/core/record.h"
#include <criterion/criterion.h>

static int order(const struct node_key *a, const struct node_key *b)
{
    size_t size = a->size < b->size ? a->size : b->size;
    int by_bytes = memcmp(a->data, b->data, size);
    return by_bytes != 0 ? by_bytes : (int)a->size - (int)b->size;
}

Test(record, drafts_stand_in_their_order)
{
    struct node_key first = node_key_draft("main", "national", WIRE__LANE__URGENT, 255);
    struct node_key second = node_key_draft("main", "national", WIRE__LANE__URGENT, 256);
    struct node_key other = node_key_draft("main", "national", WIRE__LANE__ROUTINE, 1);
    struct node_key prefix = node_key_lane("main", "national", WIRE__LANE__URGENT);
    cr_assert_lt(order(&first, &second), 0);
    cr_assert_lt(order(&second, &other), 0);
    cr_assert_eq(memcmp(first.data, prefix.data, prefix.size), 0);
    cr_assert_neq(memcmp(other.data, prefix.data, prefix.size), 0);
}

Test(record, no_name_is_the_beginning_of_another)
{
    struct node_key shorter = node_key_lane("main", "delta", WIRE__LANE__FLASH);
    struct node_key longer = node_key_lane("main", "delta-demo-zone", WIRE__LANE__FLASH);
    cr_assert_neq(memcmp(shorter.data, longer.data, shorter.size), 0);
}

Test(record, keys_can_be_taken_apart)
{
    static const uint8_t store_id[WIRE_ID_BYTES] = {1, 2, 3};
    struct node_key key = node_key_batch("south", "zhuhai-macao", WIRE__LANE__BULK, store_id, 7);
    struct node_lane_key parts;
    cr_assert(node_key_parse_lane(node_key_bytes(&key), &parts));
    cr_assert_str_eq(parts.link, "south");
    cr_assert_str_eq(parts.mechanism, "zhuhai-macao");
    cr_assert_eq(parts.lane, WIRE__LANE__BULK);
    cr_assert_eq(parts.rest.size, WIRE_ID_BYTES + 8);
    cr_assert_eq(memcmp(parts.rest.data, store_id, WIRE_ID_BYTES), 0);
    cr_assert_eq(wire_get_u64(parts.rest.data + WIRE_ID_BYTES), 7);
}

Test(record, keys_that_are_none_are_refused)
{
    struct node_key key = node_key_lane("main", "national", WIRE__LANE__BULK);
    struct node_lane_key parts;
    char link[NODE_LINK_NAME_MAX + 1];
    for (size_t size = 0; size < key.size; size++)
        cr_assert_not(node_key_parse_lane(wire_bytes(key.data, size), &parts), "%zu bytes were taken", size);
    key.data[key.size - 1] = WIRE_LANES;
    cr_assert_not(node_key_parse_lane(node_key_bytes(&key), &parts));
    key.data[0] = 200;
    cr_assert_not(node_key_parse_lane(node_key_bytes(&key), &parts));
    cr_assert_not(node_key_parse_link(wire_bytes("\4mai", 4), link));
    cr_assert_not(node_key_parse_link(wire_bytes("\4main!", 6), link));
    cr_assert(node_key_parse_link(wire_bytes("\4main", 5), link));
    cr_assert_not(node_key_parse_link(wire_bytes("\4ma\0n", 5), link));
}

Test(record, the_longest_key_fits)
{
    static const uint8_t id[WIRE_ID_BYTES];
    struct node_key batch = node_key_batch("sixteen-letters-", "forty-letters-are-the-most-that-a-name-h",
                                           WIRE__LANE__BULK, id, UINT64_MAX);
    struct node_key key = node_key_receipt(&batch, 999999, UINT64_MAX);
    cr_assert_leq(key.size, WIRE_KEY_BYTES_MAX);
}

Test(record, every_table_has_a_name_of_its_own)
{
    for (int i = 0; i < NODE_TABLES; i++) {
        cr_assert_lt(strlen(node_table_name((enum node_table)i)), 32);
        for (int j = 0; j < i; j++)
            cr_assert_str_neq(node_table_name((enum node_table)i), node_table_name((enum node_table)j));
    }
    cr_assert_leq(NODE_TABLES, WIRE_TABLES_MAX);
    cr_assert(node_table_boots(NODE_TABLE_STREAM));
    cr_assert_not(node_table_boots(NODE_TABLE_OUTBOX));
}

Test(record, damaged_values_are_seen)
{
    uint8_t memory[64 * 1024];
    struct wire_arena arena;
    wire_arena_over(&arena, memory, sizeof memory);
    cr_assert_null(node_read_state(wire_bytes("\xff\xff\xff", 3), &arena));
    cr_assert_null(node_read_state(wire_bytes(NULL, 0), &arena));
    cr_assert_null(node_read_batch(wire_bytes("\x0a\x20", 2), &arena));
}
