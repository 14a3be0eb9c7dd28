/* Rows survive being written and read; damaged ones are refused, never trusted (PITFALLS: fuzz our own record
 * decoding). */
#include "broker/core/record.h"
#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(record);

static uint8_t memory[65536];
static const uint8_t id[WIRE_ID_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static struct wire_arena arena_new(void)
{
    struct wire_arena arena;
    wire_arena_over(&arena, memory, sizeof memory);
    return arena;
}

static struct wire_bytes bytes_of(const struct broker_key *key)
{
    return wire_bytes(key->data, key->size);
}

Test(record, keys_come_back)
{
    struct broker_stream stream = {310000, wire_bytes("yangtze-delta", 13), 2, id}, stream_out;
    struct broker_key key = broker_key_stream(&stream);
    cr_assert(broker_stream_of_key(bytes_of(&key), &stream_out));
    cr_assert_eq(stream_out.origin, 310000);
    cr_assert(wire_bytes_equal(stream_out.mechanism, stream.mechanism));
    cr_assert_eq(stream_out.lane, 2);
    cr_assert_arr_eq(stream_out.store_id, id, WIRE_ID_BYTES);

    struct broker_queue_name queue = {330000, wire_bytes("a", 1), 3}, queue_out;
    uint64_t number = 0;
    key = broker_key_queue_row(&queue, 77);
    cr_assert(broker_queue_row_of_key(bytes_of(&key), &queue_out, &number));
    cr_assert_eq(number, 77);
    cr_assert_eq(queue_out.recipient, 330000);
    key = broker_key_queue(&queue);
    cr_assert(broker_queue_of_key(bytes_of(&key), &queue_out));
    cr_assert_not(broker_queue_row_of_key(bytes_of(&key), &queue_out, &number));

    struct broker_duty duty = {.serial = 5, .recipient = 330000, .number = 6, .duty = 2, .group = 700}, duty_out;
    int64_t next_ms = 0;
    key = broker_key_obligation(1581300000000, &duty);
    cr_assert(broker_obligation_of_key(bytes_of(&key), &next_ms, &duty_out));
    cr_assert_eq(next_ms, 1581300000000);
    cr_assert_eq(duty_out.duty, 2);
    cr_assert_eq(duty_out.serial, 5);
    cr_assert_eq(duty_out.recipient, 330000);
    cr_assert_eq(duty_out.number, 6);
    cr_assert_eq(duty_out.group, 700);
    struct broker_key mine = broker_key_duties_by(5, 330000), all = broker_key_duties_of(5);
    key = broker_key_duty(&duty);
    cr_assert_eq(memcmp(mine.data, key.data, mine.size), 0, "a prefix");
    cr_assert_eq(memcmp(all.data, key.data, all.size), 0, "a prefix");

    uint16_t index = 0;
    uint8_t which = 9;
    key = broker_key_answered(5, 330000, 300, 1);
    cr_assert(broker_answered_of_key(bytes_of(&key), &index, &which));
    cr_assert_eq(index, 300);
    cr_assert_eq(which, 1);
}

Test(record, byte_order_is_the_order_of_numbers)
{
    struct broker_queue_name queue = {330000, wire_bytes("a", 1), 3};
    struct broker_key low = broker_key_queue_row(&queue, 255), high = broker_key_queue_row(&queue, 256);
    cr_assert_lt(memcmp(low.data, high.data, low.size), 0);
    struct broker_duty duty = {.serial = 999999};
    struct broker_key soon = broker_key_obligation(255, &duty),
                      late = broker_key_obligation(256, &(struct broker_duty){0});
    cr_assert_lt(memcmp(soon.data, late.data, soon.size), 0);
    struct broker_key mine = broker_key_streams_of(310000);
    struct broker_stream stream = {310000, wire_bytes("m", 1), 0, id};
    struct broker_key one = broker_key_stream(&stream);
    cr_assert_eq(memcmp(mine.data, one.data, mine.size), 0, "a prefix");
}

static struct broker_queue_row queue_row(uint16_t count)
{
    struct broker_queue_row row = {
        .serial = 7, .origin = 310000, .cost = 9, .admitted_ms = 11, .envelopes = 13, .count = count};
    row.root.bytes[0] = 1;
    row.chain.bytes[31] = 2;
    for (uint32_t i = 0; i < count; i += 3)
        broker_bit_set(row.given, i);
    broker_bit_set(row.owes, 0);
    return row;
}

Test(record, values_come_back)
{
    struct wire_arena arena = arena_new();
    for (uint16_t count = 1; count <= WIRE_BATCH_ENVELOPES_MAX; count++) {
        struct broker_queue_row row = queue_row(count), out;
        wire_arena_reset(&arena);
        cr_assert(broker_get_queue(broker_put_queue(&arena, &row), &out), "count %u", count);
        cr_assert(wire_bytes_equal(broker_put_queue(&arena, &row), broker_put_queue(&arena, &out)), "count %u", count);
        cr_assert_arr_eq(out.given, row.given, sizeof row.given);
        cr_assert_eq(out.count, count);
    }
    struct broker_obligation_row due = {.origin = 310000,
                                        .count = 511,
                                        .step = BROKER_STEP_OVERDUE,
                                        .extended = true,
                                        .since_ms = 5,
                                        .due_ms = 6,
                                        .down_total_ms = 7,
                                        .keep_until = 20200401,
                                        .status = 1,
                                        .unit = 2,
                                        .lane = 3,
                                        .mechanism = "yangtze-delta"};
    struct broker_obligation_row due_out;
    broker_bit_set(due.owed, 3);
    broker_bit_set(due.owed, 510);
    broker_bit_set(due.told, 510);
    cr_assert(broker_get_obligation(broker_put_obligation(&arena, &due), &due_out));
    struct wire_bytes once = broker_put_obligation(&arena, &due), twice = broker_put_obligation(&arena, &due_out);
    cr_assert(wire_bytes_equal(once, twice));
    cr_assert_eq(due_out.count, 511);
    cr_assert_arr_eq(due_out.owed, due.owed, sizeof due.owed);
    cr_assert_arr_eq(due_out.told, due.told, sizeof due.told);
    cr_assert_str_eq(due_out.mechanism, "yangtze-delta");

    struct broker_envelope_row envelope = {.serial = 1, .index = 2, .code = 2, .reason = 103, .at_ms = -1},
                               envelope_out;
    cr_assert(broker_get_envelope(broker_put_envelope(&arena, &envelope), &envelope_out));
    cr_assert_eq(envelope_out.reason, 103);
    cr_assert_eq(envelope_out.at_ms, -1);
}

Test(record, impossible_values_are_refused)
{
    struct wire_arena arena = arena_new();
    struct broker_queue_row row = queue_row(9), out;
    broker_bit_set(row.owes, 1); /* owed, not given */
    cr_assert_not(broker_get_queue(broker_put_queue(&arena, &row), &out));
    row = queue_row(9);
    broker_bit_set(row.given, 12); /* beyond the batch */
    cr_assert_not(broker_get_queue(broker_put_queue(&arena, &row), &out));
    row = queue_row(9);
    memset(row.given, 0, sizeof row.given);
    memset(row.owes, 0, sizeof row.owes);
    cr_assert_not(broker_get_queue(broker_put_queue(&arena, &row), &out));
    struct broker_envelope_row envelope = {.code = 9}, envelope_out;
    cr_assert_not(broker_get_envelope(broker_put_envelope(&arena, &envelope), &envelope_out));
}

static void read_all(struct wire_bytes raw)
{
    struct broker_stream stream;
    struct broker_queue_name queue;
    struct broker_duty duty;
    struct broker_stream_row a;
    struct broker_stream_batch_row b;
    struct broker_envelope_row c;
    struct broker_queue_row d;
    struct broker_head_row e;
    struct broker_cursor_row f;
    struct broker_obligation_row g;
    uint64_t number;
    int64_t ms;
    uint16_t index;
    uint8_t which;
    broker_stream_of_key(raw, &stream);
    broker_queue_of_key(raw, &queue);
    broker_queue_row_of_key(raw, &queue, &number);
    broker_duty_of_key(raw, &duty);
    broker_obligation_of_key(raw, &ms, &duty);
    broker_answered_of_key(raw, &index, &which);
    broker_get_stream(raw, &a);
    broker_get_stream_batch(raw, &b);
    broker_get_envelope(raw, &c);
    broker_get_queue(raw, &d);
    broker_get_head(raw, &e);
    broker_get_cursor(raw, &f);
    broker_get_obligation(raw, &g);
}

/* Cut at every length and with every byte changed: refused or read, but never beyond the end (the sanitizers watch). */
Test(record, damage_is_survived)
{
    struct wire_arena arena = arena_new();
    struct broker_queue_row row = queue_row(100);
    struct wire_bytes value = broker_put_queue(&arena, &row);
    for (size_t size = 0; size <= value.size; size++) {
        uint8_t *copy = malloc(size + 1);
        memcpy(copy, value.data, size);
        read_all(wire_bytes(copy, size));
        for (size_t i = 0; i < size; i++) {
            copy[i] ^= 0xff;
            read_all(wire_bytes(copy, size));
            copy[i] ^= 0xff;
        }
        free(copy);
    }
}

Test(record, every_table_has_a_name_and_few_boot)
{
    uint32_t boots = 0;
    for (uint32_t table = 1; table < BROKER_TABLES; table++) {
        cr_assert_str_neq(broker_table_name(table), "?");
        for (uint32_t other = 1; other < table; other++)
            cr_assert_str_neq(broker_table_name(table), broker_table_name(other));
        boots += broker_table_boots(table);
    }
    cr_assert_eq(boots, 5);
    cr_assert_str_eq(broker_table_name(BROKER_TABLES), "?");
}
