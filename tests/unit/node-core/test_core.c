/* What no trace shows: limits, sizes, damaged rows, questions. */
#include "mock.h"
#include "wire/kind.h"
#include <criterion/criterion.h>
#include <stdio.h>

struct both {
    struct world world;
    struct mock mock;
};

static struct both *start(void)
{
    struct both *both = calloc(1, sizeof *both);
    cr_assert_not_null(both);
    world_open(&both->world);
    mock_init(&both->mock, &both->world, 0);
    return both;
}

static void go_live(struct both *both)
{
    world_boot(&both->world);
    world_policy(&both->world, 1);
    world_up(&both->world, 0);
    mock_settle(&both->mock);
}

static void stop(struct both *both)
{
    mock_close(&both->mock);
    world_close(&both->world);
    free(both);
}

/* --- sizes ----------------------------------------------------------------------------------------------------------
 */

static void publish_many(struct both *both, uint32_t count, uint32_t kind)
{
    struct world_draft *drafts = calloc(count, sizeof *drafts);
    for (uint32_t i = 0; i < count; i++)
        drafts[i] = (struct world_draft){.n = i + 1,
                                         .lane = WIRE__LANE__ROUTINE,
                                         .kind = kind,
                                         .expires_ms = both->world.wall_ms + 3600 * 1000,
                                         .payload_bytes = 16};
    world_publish(&both->world, drafts, count);
    free(drafts);
}

Test(core, a_full_batch_with_four_hundred_recipients_each)
{
    struct both *both = start();
    go_live(both);
    both->mock.recipients = WIRE_RECIPIENTS_MAX;
    publish_many(both, NODE_PUBLISH_MAX, 0);
    mock_settle(&both->mock);
    for (uint64_t n = 1; n <= NODE_PUBLISH_MAX; n++)
        cr_assert_eq(world_state(&both->world, n), WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED);
    while (mock_arrive(&both->mock))
        mock_settle(&both->mock);
    cr_assert_gt(both->mock.arrivals, 0);
    stop(both);
}

Test(core, a_full_batch_of_stale_seals)
{
    enum { FULL_BYTES = 448 }; /* sealed notices of these bytes fill 256 KiB */
    struct both *both = start();
    go_live(both);
    both->mock.verdict = WIRE__VERDICT_CODE__REFUSED;
    both->mock.verdict_reason = WIRE_STALE_SEAL;
    publish_many(both, FULL_BYTES, WIRE_KIND_CONTACT_NOTICE);
    world_settle(&both->world);
    while (mock_hear(&both->mock))
        continue;
    both->mock.verdict = 0;
    mock_settle(&both->mock);
    for (uint64_t n = 1; n <= FULL_BYTES; n++)
        cr_assert_eq(world_state(&both->world, n), WIRE__NODE_OUTBOX_STATE__NODE_REPLACED);
    struct node_totals totals;
    node_core_totals(both->world.core, &totals);
    cr_assert_eq(totals.replaced, FULL_BYTES);
    cr_assert_eq(totals.admitted, FULL_BYTES);
    stop(both);
}

Test(core, a_full_part)
{
    struct both *both = start();
    go_live(both);
    struct mock_envelope envelopes[WIRE_BATCH_ENVELOPES_MAX] = {{0}};
    for (uint64_t i = 0; i < WIRE_BATCH_ENVELOPES_MAX; i++)
        envelopes[i] = (struct mock_envelope){
            .n = 5000 + i, .action = i == 0 ? WIRE__ACTION__ISSUE : WIRE__ACTION__UPDATE, .names = 4999 + i};
    mock_deliver(&both->mock, "national", WIRE__LANE__ROUTINE, envelopes, WIRE_BATCH_ENVELOPES_MAX);
    mock_settle(&both->mock);
    cr_assert_eq(rows_count(&both->world.store, NODE_TABLE_INBOX), WIRE_BATCH_ENVELOPES_MAX);
    stop(both);
}

Test(core, one_envelope_of_a_mebibyte)
{
    struct both *both = start();
    go_live(both);
    struct world_draft large = {.n = 1, .lane = WIRE__LANE__BULK, .payload_bytes = WIRE_ENVELOPE_BYTES_MAX - 4096};
    struct world_draft small = {.n = 2, .lane = WIRE__LANE__BULK};
    world_publish(&both->world, &large, 1);
    world_publish(&both->world, &small, 1);
    mock_settle(&both->mock);
    cr_assert_eq(world_state(&both->world, 1), WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED);
    cr_assert_eq(world_state(&both->world, 2), WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED);
    stop(both);
}

Test(core, a_backlog_is_sealed_in_order_and_pipelined)
{
    struct both *both = start();
    go_live(both);
    mock_lose(&both->mock);
    for (uint64_t n = 1; n <= 1000; n++)
        world_publish(&both->world, &(struct world_draft){.n = n, .lane = WIRE__LANE__URGENT, .payload_bytes = 400}, 1);
    world_up(&both->world, 0);
    mock_settle(&both->mock);
    for (uint64_t n = 1; n <= 1000; n++)
        cr_assert_eq(world_state(&both->world, n), WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED);
    cr_assert_leq(both->mock.submits, 16, "%lu batches for 1000 envelopes", both->mock.submits);
    stop(both);
}

/* --- limits ---------------------------------------------------------------------------------------------------------
 */

Test(core, too_many_mechanisms_are_refused_not_fatal)
{
    struct both *both = start();
    char names[80][24];
    go_live(both);
    for (uint64_t i = 0; i < 80; i++) {
        snprintf(names[i], sizeof names[i], "mechanism-%lu", i);
        world_publish(&both->world, &(struct world_draft){.n = i + 1, .mechanism = names[i]}, 1);
        enum wire_status expected = i < both->world.options.lanes_max ? WIRE_OK : WIRE_NO_MEMORY;
        cr_assert_eq(both->world.results[0].status, expected, "mechanism %lu", i);
    }
    cr_assert_gt(both->world.notes[NODE_NOTE_FULL], 0);
    mock_settle(&both->mock);
    stop(both);
}

Test(core, notes_that_do_not_fit_are_counted)
{
    struct both *both = start();
    go_live(both);
    both->mock.verdict = WIRE__VERDICT_CODE__REFUSED;
    both->mock.verdict_reason = WIRE_NO_RULE;
    publish_many(both, 200, 0);
    world_settle(&both->world);
    mock_hear(&both->mock);
    uint64_t before = both->world.notes[NODE_NOTE_OUTBOX];
    mock_speak(&both->mock);
    uint64_t shown = both->world.notes[NODE_NOTE_OUTBOX] - before;
    cr_assert_lt(shown, 200);
    cr_assert_eq(shown + both->world.out->notes_left_out, 200);
    stop(both);
}

/* --- damaged rows ---------------------------------------------------------------------------------------------------
 */

static void boot_row(struct world *world, enum node_table table, const char *key, size_t key_size, const char *value,
                     size_t size)
{
    struct node_event event = world_event(world, NODE_ON_BOOT_ROW);
    event.u.row =
        (struct wire_row){.table = (uint8_t)table, .key = wire_bytes(key, key_size), .value = wire_bytes(value, size)};
    world->stopped = false;
    world_step(world, &event);
}

Test(core, a_damaged_boot_row_stops_the_node)
{
    struct both *both = start();
    boot_row(&both->world, NODE_TABLE_META, "\0", 1, "\xff\xff", 2);
    cr_assert(both->world.stopped);
    boot_row(&both->world, NODE_TABLE_LINK, "\4main", 5, "", 0);
    cr_assert(both->world.stopped, "a row without its required fields");
    boot_row(&both->world, NODE_TABLE_NUMBER, "\1", 1, "\x08\x05", 2);
    cr_assert(both->world.stopped, "a key of the wrong size");
    boot_row(&both->world, NODE_TABLE_CURSOR, "\7unknown\1m\1", 11, "\x08\x01\x10\x01\x1a\x00", 6);
    cr_assert_not(both->world.stopped, "rows of a link that is not configured are left alone");
    boot_row(&both->world, NODE_TABLE_OUTBOX, "x", 1, "\xff", 1);
    cr_assert_not(both->world.stopped, "tables that do not boot are passed over");
    stop(both);
}

Test(core, a_damaged_draft_blocks_nobody)
{
    struct both *both = start();
    go_live(both);
    mock_lose(&both->mock);
    world_publish(&both->world, (struct world_draft[]){{.n = 1}, {.n = 2}}, 2);
    struct node_key key = node_key_draft("main", "yangtze-delta", WIRE__LANE__FLASH, 1);
    struct wire_row damaged = {
        .table = NODE_TABLE_DRAFT, .key = node_key_bytes(&key), .value = wire_bytes("\x08\x00", 2)};
    rows_put(&both->world.store, &damaged);
    struct wire_row *copy = rows_clone(&damaged, 1);
    world_settle(&both->world);
    rows_put(&both->world.store, copy);
    rows_free_clone(copy, 1);
    world_up(&both->world, 0);
    mock_settle(&both->mock);
    cr_assert_eq(world_state(&both->world, 2), WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED);
    cr_assert_gt(both->world.notes[NODE_NOTE_DAMAGED], 0);
    stop(both);
}

/* --- two brokers ----------------------------------------------------------------------------------------------------
 */

Test(core, each_broker_has_its_own_session)
{
    struct both *both = start();
    struct mock *south = calloc(1, sizeof *south);
    mock_init(south, &both->world, 1);
    go_live(both);
    world_publish(&both->world, (struct world_draft[]){{.n = 1}, {.n = 2, .mechanism = "zhuhai-macao"}}, 2);
    mock_settle(&both->mock);
    cr_assert_eq(world_state(&both->world, 1), WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED);
    cr_assert_eq(world_state(&both->world, 2), WIRE__NODE_OUTBOX_STATE__NODE_DRAFT);
    world_up(&both->world, 1);
    mock_settle(south);
    cr_assert_eq(world_state(&both->world, 2), WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED);
    mock_lose(&both->mock);
    struct node_health health;
    node_core_health(both->world.core, 1, &health);
    cr_assert_eq(health.state, NODE_LIVE);
    node_core_health(both->world.core, 0, &health);
    cr_assert_eq(health.state, NODE_IDLE);
    mock_close(south);
    free(south);
    stop(both);
}

/* --- questions ------------------------------------------------------------------------------------------------------
 */

Test(core, which_broker_carries_what)
{
    struct both *both = start();
    cr_assert_eq(node_core_link_of(both->world.core, "zhuhai-macao"), 1);
    cr_assert_eq(node_core_link_of(both->world.core, "yangtze-delta"), 0);
    cr_assert_eq(node_core_link_of(both->world.core, ""), NODE_NO_LINK);
    cr_assert_eq(node_core_link_of(both->world.core, "a-name-that-is-longer-than-any-mechanism-may-have"),
                 NODE_NO_LINK);
    stop(both);
}

Test(core, health_shows_what_waits_and_how_far_away_the_broker_is)
{
    struct both *both = start();
    struct node_health health;
    go_live(both);
    world_publish(&both->world, &(struct world_draft){.n = 1, .lane = WIRE__LANE__URGENT}, 1);
    node_core_health(both->world.core, 0, &health);
    cr_assert_eq(health.lane[WIRE__LANE__URGENT].drafts, 1);
    cr_assert_eq(health.rtt_ms, -1);
    world_settle(&both->world);
    node_core_health(both->world.core, 0, &health);
    cr_assert_eq(health.lane[WIRE__LANE__URGENT].drafts, 0);
    cr_assert_eq(health.lane[WIRE__LANE__URGENT].unreceipted, 1);
    mock_settle(&both->mock);

    Wire__Pulse pulse;
    struct node_event event = world_event(&both->world, NODE_ON_PULSE);
    wire__pulse__init(&pulse);
    pulse.mono_ms = 77;
    pulse.wall_ms = both->world.wall_ms + 5000;
    pulse.has_echo_mono_ms = pulse.has_echo_held_ms = true;
    pulse.echo_mono_ms = both->world.mono_ms - 100;
    pulse.echo_held_ms = 60;
    event.u.pulse.pulse = &pulse;
    world_step(&both->world, &event);
    node_core_health(both->world.core, 0, &health);
    cr_assert_eq(health.rtt_ms, 40);
    cr_assert_eq(health.clock_offset_ms, 5020);
    stop(both);
}

Test(core, numbers_go_on_above_what_the_broker_has_seen)
{
    struct both *both = start();
    Wire__Welcome welcome;
    Wire__NumberHead seen, *list[] = {&seen};
    world_boot(&both->world);
    world_policy(&both->world, 1);
    world_up(&both->world, 0);
    world_settle(&both->world);
    Wire__Frame *hello = world_take_frame(&both->world, 0);
    cr_assert_eq(hello->body_case, WIRE__FRAME__BODY_HELLO);
    Wire__LineageToken token;
    uint8_t id[WIRE_ID_BYTES] = {9};
    wire__lineage_token__init(&token);
    wire__welcome__init(&welcome);
    wire__number_head__init(&seen);
    seen.date = 20200207;
    seen.serial = 41;
    token.ledger_id.data = token.random.data = welcome.ledger_id.data = id;
    token.ledger_id.len = token.random.len = welcome.ledger_id.len = sizeof id;
    welcome.version = WIRE_PROTOCOL_VERSION;
    welcome.nonce = hello->hello->nonce;
    welcome.token = &token;
    welcome.pulse_ms = WIRE_PULSE_MS;
    welcome.number = list;
    welcome.n_number = 1;
    struct node_event event = world_event(&both->world, NODE_ON_WELCOME);
    event.u.welcome.welcome = &welcome;
    world_step(&both->world, &event);
    world_publish(&both->world, &(struct world_draft){.n = 1}, 1);
    cr_assert_eq(both->world.results[0].number_serial, 42);
    world_free_frame(hello);
    stop(both);
}

Test(core, an_answer_to_an_older_hello_is_passed_over)
{
    struct both *both = start();
    struct node_health health;
    world_boot(&both->world);
    world_policy(&both->world, 1);
    world_up(&both->world, 0);
    world_settle(&both->world);
    mock_hear(&both->mock); /* its WELCOME is on the way */
    struct wire_bytes late = both->mock.say[0];
    both->mock.say_count = 0;
    mock_lose(&both->mock);
    world_up(&both->world, 0);
    world_settle(&both->world);
    mock_hear(&both->mock);
    free((void *)(uintptr_t)both->mock.say[0].data);
    both->mock.say[0] = late;
    both->mock.say_count = 1;
    mock_speak(&both->mock);
    node_core_health(both->world.core, 0, &health);
    cr_assert_eq(health.state, NODE_GREETING);
    stop(both);
}

/* --- receipts that cannot be trusted --------------------------------------------------------------------------------
 */

static void say_receipt(struct both *both, uint64_t number, enum wire_status status, uint32_t origin)
{
    struct node_event event = world_event(&both->world, NODE_ON_RECEIPT);
    Wire__Receipt receipt;
    Wire__Signed signed_;
    Wire__ReceiptStatement statement;
    uint8_t bytes[WIRE_HASH_BYTES] = {0};
    wire__receipt__init(&receipt);
    wire__signed__init(&signed_);
    wire__receipt_statement__init(&statement);
    statement.ledger_id = (ProtobufCBinaryData){.len = WIRE_ID_BYTES, .data = both->mock.ledger_id};
    statement.store_id = (ProtobufCBinaryData){.len = WIRE_ID_BYTES, .data = bytes};
    statement.root = (ProtobufCBinaryData){.len = WIRE_HASH_BYTES, .data = bytes};
    statement.mechanism = (char *)(uintptr_t) "national";
    statement.origin = origin;
    statement.first = 1;
    statement.outcome = WIRE__RECEIPT_OUTCOME__JUDGED;
    receipt.number = number;
    receipt.signed_ = &signed_;
    event.u.receipt = (struct node_receipt){.receipt = &receipt, .statement = &statement, .status = status};
    world_step(&both->world, &event);
}

Test(core, a_receipt_that_does_not_verify_ends_the_session)
{
    struct both *both = start();
    go_live(both);
    say_receipt(both, 1, WIRE_BAD_SIGNATURE, WORLD_REGION);
    cr_assert_not(both->world.connected[0]);
    world_up(&both->world, 0);
    mock_settle(&both->mock);
    say_receipt(both, 1, WIRE_OK, 320000);
    cr_assert_not(both->world.connected[0], "a receipt for another region");
    cr_assert_eq(both->world.notes[NODE_NOTE_BAD_RECEIPT], 2);
    stop(both);
}

Test(core, receipts_may_overtake_each_other_and_are_taken_in_order)
{
    struct both *both = start();
    struct node_health health;
    go_live(both);
    say_receipt(both, 3, WIRE_OK, WORLD_REGION);
    say_receipt(both, 2, WIRE_OK, WORLD_REGION);
    node_core_health(both->world.core, 0, &health);
    cr_assert_eq(health.receipts_taken, 0);
    say_receipt(both, 1, WIRE_OK, WORLD_REGION);
    say_receipt(both, 1, WIRE_OK, WORLD_REGION);
    node_core_health(both->world.core, 0, &health);
    cr_assert_eq(health.receipts_taken, 3);
    say_receipt(both, 5, WIRE_OK, WORLD_REGION);
    for (int i = 0; i < 4; i++) { /* the one between never comes: HELLO asks for it */
        world_pass(&both->world, 4000);
        mock_pulse(&both->mock);
        mock_speak(&both->mock);
    }
    cr_assert_not(both->world.connected[0]);
    world_up(&both->world, 0);
    say_receipt(both, 500, WIRE_OK, WORLD_REGION);
    cr_assert(both->world.connected[0], "before WELCOME nothing is taken");
    stop(both);
}
