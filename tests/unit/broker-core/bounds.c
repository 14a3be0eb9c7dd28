/* Windows, credit, quotas and limits: what the memory and the wire hold is bounded whatever comes. */
#include "broker/core/inside.h"
#include "fake.h"
#include "wire/kind.h"
#include <criterion/criterion.h>

TestSuite(bounds);

static struct fake fake;
static const struct fake_spec notice = {.kind = WIRE_KIND_CONTACT_NOTICE, .concerns = 330000};

static void drain(struct fake_node *node)
{
    for (int turns = 0; turns < 2000; turns++) {
        bool any = false;
        fake_settle(&fake);
        while (fake_arrive(&fake, node, WIRE__VERDICT_CODE__ARRIVED))
            any = true;
        fake_give_credit(&fake, node);
        fake_settle(&fake);
        if (!any && node->inbox_count == 0)
            return;
    }
    cr_assert_fail("it never ends");
}

/* 500 parts wait; they come in order, once, through a window of 32 rows, while new ones are added that are not
 * committed. */
Test(bounds, a_backlog_goes_through_a_small_window)
{
    fake_start(&fake, 9);
    struct fake_node *from = fake_node(&fake, 310000), *to = fake_node(&fake, 330000);
    fake_connect(&fake, from);
    for (int i = 0; i < 500; i++) {
        fake_publish(&fake, from, &notice);
        fake_commit(&fake);
        if (i % 50 == 0)
            fake_pulse(&fake, from);
    }
    fake_connect(&fake, to);
    for (int i = 0; i < 100; i++) { /* the sender goes on all the while */
        fake_publish(&fake, from, &notice);
        fake_answer_fetch(&fake);
        if (i % 3 == 0)
            fake_commit(&fake);
        while (fake_arrive(&fake, to, WIRE__VERDICT_CODE__ARRIVED))
            ;
        fake_give_credit(&fake, to);
    }
    drain(to);
    cr_assert_eq(to->delivered, 600);
    cr_assert_eq(to->delivered_again, 0);
    for (int i = 0; i < 20; i++) { /* arrivals and receipts, as they are taken */
        fake_pulse(&fake, from);
        fake_settle(&fake);
    }
    cr_assert_eq(from->admitted, 600);
    cr_assert_eq(from->arrivals, 600);
    fake_close(&fake);
}

/* Three that are far behind share a pool too small for all: a stalled one does not starve the others. */
Test(bounds, a_stalled_node_does_not_hold_the_pool)
{
    fake_open(&fake, 11);
    fake.options.window_rows = BROKER_WINDOW_ROWS;
    fake_boot(&fake);
    struct broker_event event = fake_event(&fake, BROKER_EVENT_POLICY);
    event.policy = (struct broker_policy){.policy = fake.policy, .version = 1};
    fake_step(&fake, &event);
    static const uint32_t regions[] = {310000, 320000, 330000};
    for (int i = 0; i < 3; i++)
        fake_enrol(&fake, regions[i], true);
    struct fake_node *from = fake_node(&fake, 310000), *stalled = fake_node(&fake, 320000),
                     *well = fake_node(&fake, 330000);
    fake_connect(&fake, from);
    const struct fake_spec measure = {.kind = WIRE_KIND_MEASURE_BULLETIN};
    for (int i = 0; i < 200; i++) {
        fake_publish(&fake, from, &measure);
        fake_commit(&fake);
        if (i % 50 == 0)
            fake_pulse(&fake, from);
    }
    for (int lane = 0; lane < WIRE_LANES; lane++)
        stalled->window[lane] = 4000;
    fake_connect(&fake, stalled);
    fake_connect(&fake, well);
    for (int i = 0; i < 400 && well->delivered < 200; i++) {
        drain(well);
        fake_pass(&fake, 4000);
        fake_pulse(&fake, well);
        fake_pulse(&fake, stalled);
        fake_pulse(&fake, from);
    }
    cr_assert_eq(well->delivered, 200);
    cr_assert_lt(stalled->delivered, 10);
    drain(stalled);
    for (int i = 0; i < 100 && stalled->delivered < 200; i++) {
        fake_pass(&fake, 4000);
        fake_pulse(&fake, stalled);
        fake_pulse(&fake, well);
        drain(stalled);
    }
    cr_assert_eq(stalled->delivered, 200);
    fake_close(&fake);
}

/* A part that would not go through a lane's window is cut in two rows. */
Test(bounds, a_large_part_is_cut)
{
    fake_start(&fake, 13);
    struct fake_node *from = fake_node(&fake, 310000), *to = fake_node(&fake, 330000);
    fake_connect(&fake, from);
    fake_connect(&fake, to);
    struct fake_spec specs[8];
    for (int i = 0; i < 8; i++)
        specs[i] = (struct fake_spec){.kind = WIRE_KIND_MEASURE_BULLETIN, .payload_bytes = 24000};
    struct fake_batch *batch = fake_seal(&fake, from, "yangtze-delta", WIRE__LANE__ROUTINE, specs, 8);
    fake_submit(&fake, from, batch, WIRE_OK, NULL);
    drain(to);
    cr_assert_eq(to->delivered, 2);
    struct broker_health health;
    broker_core_health(fake.core, 330000, &health);
    cr_assert_eq(health.depth[WIRE__LANE__ROUTINE], 0, "all eight have arrived");
    cr_assert_eq(fake_count(&fake.durable, BROKER_ARRIVAL), 2);
    fake_close(&fake);
}

/* At most 256 KiB of receipts are on the way; the rest comes as they are taken, in order. */
Test(bounds, receipts_not_taken)
{
    fake_start(&fake, 15);
    struct fake_node *from = fake_node(&fake, 310000);
    fake_connect(&fake, from);
    uint64_t taken = from->receipts_taken;
    for (int i = 0; i < 400; i++) {
        fake_publish(&fake, from, &notice);
        fake_commit(&fake);
    }
    struct region *region = broker_region_find(fake.core, 310000);
    cr_assert_leq(region->untaken_bytes, WIRE_RECEIPTS_UNTAKEN_BYTES_MAX);
    cr_assert_lt(from->receipts_taken - taken, 400);
    for (int i = 0; i < 10; i++) {
        fake_pulse(&fake, from);
        fake_settle(&fake);
    }
    cr_assert_eq(from->receipts_taken - taken, 400);
    cr_assert_eq(from->admitted, 400);
    fake_close(&fake);
}

/* What one origin may say in flash in a minute; the credit comes back by and by. */
Test(bounds, flash_has_a_quota)
{
    fake_open(&fake, 17);
    fake.options.flash_bytes_per_minute = 100 * 1024;
    fake_boot(&fake);
    struct broker_event event = fake_event(&fake, BROKER_EVENT_POLICY);
    event.policy = (struct broker_policy){.policy = fake.policy, .version = 1};
    fake_step(&fake, &event);
    fake_enrol(&fake, 310000, true);
    fake_enrol(&fake, 330000, true);
    struct fake_node *from = fake_node(&fake, 310000);
    fake_connect(&fake, from);
    const struct fake_spec alert = {
        .kind = WIRE_KIND_MEASURE_BULLETIN, .urgency = WIRE__URGENCY__IMMEDIATE, .payload_bytes = 15000};
    uint32_t sent = 0;
    for (int i = 0; i < 40; i++) {
        struct fake_batch *batch = fake_seal(&fake, from, "yangtze-delta", WIRE__LANE__FLASH, &alert, 1);
        if (from->used[0] + batch->frame_bytes > from->granted[0])
            break;
        fake_submit(&fake, from, batch, WIRE_OK, NULL);
        fake_settle(&fake);
        sent++;
    }
    cr_assert_lt(sent, 8, "100 KiB are six or seven");
    uint64_t before = from->granted[0];
    for (int i = 0; i < 5; i++) {
        fake_pass(&fake, 4000);
        fake_pulse(&fake, from);
    }
    cr_assert_gt(from->granted[0], before);
    cr_assert_eq(from->reason, 0);
    fake_close(&fake);
}

Test(bounds, more_regions_than_there_is_room_for)
{
    fake_open(&fake, 19);
    fake.options.regions_max = 4;
    fake_boot(&fake);
    for (uint32_t i = 0; i < 10; i++)
        fake_enrol(&fake, 310000 + i, true);
    cr_assert_eq(fake.notes[BROKER_NOTE_LIMIT], 7, "three and the broker itself");
    struct broker_totals totals;
    broker_core_totals(fake.core, &totals);
    cr_assert_eq(totals.regions, 4);
    fake_close(&fake);
}

/* No room for new queues: a reason, not a verdict. */
Test(bounds, more_queues_than_there_is_room_for)
{
    fake_open(&fake, 21);
    fake.options.queues_max = 3;
    fake_boot(&fake);
    struct broker_event event = fake_event(&fake, BROKER_EVENT_POLICY);
    event.policy = (struct broker_policy){.policy = fake.policy, .version = 1};
    fake_step(&fake, &event);
    for (uint32_t region = 310000; region <= 340000; region += 10000)
        fake_enrol(&fake, region, true);
    struct fake_node *from = fake_node(&fake, 310000);
    fake_connect(&fake, from);
    fake_publish(&fake, from, &notice);
    fake_settle(&fake);
    cr_assert_eq(from->expected_first, 1);
    cr_assert_eq(from->reason, WIRE_OVERLOADED);
    cr_assert_eq(from->admitted + from->refused, 0);
    fake_close(&fake);
}

Test(bounds, a_mechanism_that_is_not_hosted_here)
{
    static const char *const hosted[] = {"greater-bay"};
    fake_open(&fake, 23);
    fake.options.hosted = hosted;
    fake.options.hosted_count = 1;
    fake_boot(&fake);
    struct broker_event event = fake_event(&fake, BROKER_EVENT_POLICY);
    event.policy = (struct broker_policy){.policy = fake.policy, .version = 1};
    fake_step(&fake, &event);
    fake_enrol(&fake, 310000, true);
    fake_enrol(&fake, 330000, true);
    struct fake_node *from = fake_node(&fake, 310000);
    fake_connect(&fake, from);
    const uint8_t *id = fake_publish(&fake, from, &notice);
    struct broker_envelope_row row;
    cr_assert(broker_get_envelope(fake_get(&fake.visible, BROKER_ENVELOPE, broker_key_envelope(310000, id)), &row));
    cr_assert_eq(row.reason, WIRE_NOT_HOSTED);
    fake_close(&fake);
}

/* A row that cannot be read blocks neither its queue nor the receipts behind it. */
Test(bounds, a_damaged_row_blocks_nothing)
{
    fake_start(&fake, 25);
    struct fake_node *from = fake_node(&fake, 310000), *to = fake_node(&fake, 330000);
    fake_connect(&fake, from);
    for (int i = 0; i < 5; i++)
        fake_publish(&fake, from, &notice);
    fake_settle(&fake);
    struct broker_queue_name name = {330000, wire_bytes("yangtze-delta", 13), WIRE__LANE__URGENT};
    struct broker_key key = broker_key_queue_row(&name, 3);
    struct wire_row row = {.table = BROKER_QUEUE, .key = wire_bytes(key.data, key.size), .value = wire_bytes("x", 1)};
    fake_store_apply(&fake.durable, &row);
    to->cursor_count = 0;
    fake_hello(&fake, to);
    fake_settle(&fake);
    struct fake_cursor *cursor = &to->cursors[0];
    fake_pulse(&fake, to);
    fake_answer_fetch(&fake); /* 1 2 . 4 5 */
    cr_assert_eq(to->delivered, 2);
    *cursor = (struct fake_cursor){.lane = WIRE__LANE__URGENT, .number = 3, .mechanism = "yangtze-delta"};
    fake_settle(&fake);
    cr_assert_eq(to->delivered, 4);
    cr_assert_geq(fake.notes[BROKER_NOTE_DAMAGED], 1);
    fake_close(&fake);
}

/* A LINK row a minute while anything changes; those older than a day go. */
Test(bounds, link_samples_of_one_day)
{
    fake_start(&fake, 27);
    struct fake_node *from = fake_node(&fake, 310000), *to = fake_node(&fake, 330000);
    fake_connect(&fake, from);
    fake_connect(&fake, to);
    for (int i = 0; i < 3; i++) {
        fake_publish(&fake, from, &notice);
        for (int j = 0; j < 16; j++) {
            fake_pass(&fake, 4000);
            fake_settle(&fake);
            fake_pulse(&fake, from);
            fake_pulse(&fake, to);
        }
    }
    size_t rows = fake_count(&fake.durable, BROKER_LINK);
    cr_assert_geq(rows, 3);
    cr_assert_leq(rows, 12);
    fake.mono_ms += 25 * 3600 * 1000LL;
    fake.wall_ms += 25 * 3600 * 1000LL;
    for (int i = 0; i < 20; i++) {
        fake_pass(&fake, 4000);
        fake_settle(&fake);
    }
    fake_connect(&fake, from);
    for (int i = 0; i < 20; i++) {
        fake_pass(&fake, 4000);
        fake_pulse(&fake, from);
        fake_settle(&fake);
    }
    struct broker_key prefix = broker_key_region(310000);
    struct wire_bytes bytes = wire_bytes(prefix.data, prefix.size);
    const struct fake_row *oldest = fake_scan(&fake.durable, BROKER_LINK, bytes, bytes, NULL);
    cr_assert_not_null(oldest);
    cr_assert_gt((int64_t)wire_get_u64(oldest->key + 4), fake.wall_ms - 24 * 3600 * 1000LL);
    fake_close(&fake);
}

/* One SUBMIT of 512 envelopes to three recipients: one append, small rows. */
Test(bounds, a_full_batch)
{
    fake_start(&fake, 29);
    static struct fake_spec specs[WIRE_BATCH_ENVELOPES_MAX];
    static const uint32_t regions[] = {310000, 320000, 330000, 340000};
    for (int i = 0; i < 4; i++)
        fake_connect(&fake, fake_node(&fake, regions[i]));
    for (int i = 0; i < WIRE_BATCH_ENVELOPES_MAX; i++)
        specs[i] = (struct fake_spec){.kind = WIRE_KIND_MEASURE_BULLETIN, .payload_bytes = 20};
    struct fake_node *from = fake_node(&fake, 310000);
    struct fake_batch *batch =
        fake_seal(&fake, from, "yangtze-delta", WIRE__LANE__ROUTINE, specs, WIRE_BATCH_ENVELOPES_MAX);
    uint64_t tickets = fake.last_ticket;
    size_t rows = fake.visible.count;
    fake_submit(&fake, from, batch, WIRE_OK, NULL);
    cr_assert_eq(fake.last_ticket, tickets + 1, "one append");
    cr_assert_leq(fake.visible.count - rows, WIRE_BATCH_ENVELOPES_MAX + 40);
    fake_commit(&fake);
    for (int i = 1; i < 4; i++)
        drain(fake_node(&fake, regions[i]));
    fake_pulse(&fake, from);
    fake_settle(&fake);
    cr_assert_eq(from->admitted, WIRE_BATCH_ENVELOPES_MAX);
    cr_assert_eq(from->arrivals, fake_node(&fake, 320000)->delivered * 3);
    fake_close(&fake);
}
