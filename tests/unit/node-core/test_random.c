/* Random events against a broker that is right: lost connections, crashes, restored backups, withdrawals, corrections,
 * answers in any order. The core is audited after every step; then everything heals, and what must hold is checked. */
#include "mock.h"
#include "wire/kind.h"
#include <criterion/criterion.h>

enum { STEPS = 4000, RUNS = 5 };

/* RANDOM_RUNS=1000 looks longer. */
static uint64_t runs(void)
{
    const char *text = getenv("RANDOM_RUNS");
    return text == NULL ? RUNS : strtoull(text, NULL, 10);
}

struct run {
    struct world world;
    struct mock mock;
    uint64_t published, delivered;
    struct rows image; /* a backup; count 0: none */
    uint64_t image_published;
    bool restored, troubled, sealing_fails;
};

static uint64_t pick(struct run *run, uint64_t below)
{
    return world_random(&run->world) % below;
}

static const char *mechanism(uint64_t i)
{
    static const char *const names[] = {"yangtze-delta", "delta-demo-zone", "national"};
    return names[i % 3];
}

static void publish(struct run *run)
{
    struct world_draft drafts[8];
    size_t count = 1 + pick(run, 8);
    for (size_t i = 0; i < count; i++) {
        drafts[i] = (struct world_draft){.n = ++run->published,
                                         .mechanism = mechanism(pick(run, 3)),
                                         .lane = (Wire__Lane)pick(run, 4),
                                         .payload_bytes = 50 + (uint32_t)pick(run, 3000)};
        if (pick(run, 6) == 0 && run->published > 20) {
            drafts[i].action = pick(run, 2) == 0 ? WIRE__ACTION__UPDATE : WIRE__ACTION__CANCEL;
            drafts[i].names = 1 + pick(run, run->published - 10);
        }
        if (pick(run, 20) == 0)
            drafts[i].expires_ms = run->world.wall_ms + (int64_t)pick(run, 60000);
        if (pick(run, 100) == 0)
            drafts[i].payload_bytes = 200 * 1024;
    }
    world_publish(&run->world, drafts, count);
}

static void deliver(struct run *run)
{
    struct mock_envelope envelopes[4];
    size_t count = 1 + pick(run, 4);
    for (size_t i = 0; i < count; i++) {
        envelopes[i] = (struct mock_envelope){.n = 1000000 + run->delivered++};
        if (pick(run, 5) == 0) {
            envelopes[i].kind = WIRE_KIND_ACKNOWLEDGEMENT;
            envelopes[i].answers = 1 + pick(run, run->published + 1);
        }
        if (pick(run, 10) == 0) {
            envelopes[i].action = WIRE__ACTION__CANCEL;
            envelopes[i].names = 1000000 + pick(run, run->delivered + 3);
        }
    }
    mock_deliver(&run->mock, mechanism(pick(run, 3)), (Wire__Lane)pick(run, 4), envelopes, count);
}

static void restart(struct run *run)
{
    mock_gone(&run->mock);
    world_crash(&run->world);
    world_boot(&run->world);
    world_policy(&run->world, 1);
    world_up(&run->world, 0);
}

static void restore(struct run *run)
{
    if (run->image.count == 0)
        return;
    rows_copy(&run->world.durable, &run->image);
    run->restored = run->mock.rolled_back_allowed = true;
    restart(run);
}

static void back_up(struct run *run)
{
    rows_copy(&run->image, &run->world.durable);
    run->image_published = run->published;
}

static void reconnect(struct run *run)
{
    if (run->world.connected[0])
        mock_lose(&run->mock);
    else
        world_up(&run->world, 0);
}

/* What a broker may answer to a batch, or the shell to a draft, instead of taking it. */
static void trouble(struct run *run)
{
    static const enum wire_status reasons[] = {WIRE_TAMPERED, WIRE_SIGNER_EXPIRED, WIRE_MIXED_BATCH};
    run->mock.verdict = 0;
    switch (pick(run, 4)) {
    case 0:
        run->mock.outcome = WIRE__RECEIPT_OUTCOME__EXPECTED_FIRST;
        run->mock.expects = 0;
        break;
    case 1:
        run->mock.outcome = WIRE__RECEIPT_OUTCOME__BAD_BATCH;
        run->mock.outcome_reason = reasons[pick(run, 3)];
        break;
    case 2:
        run->mock.verdict = WIRE__VERDICT_CODE__REFUSED;
        run->mock.verdict_reason = pick(run, 2) == 0 ? WIRE_STALE_SEAL : WIRE_NO_RULE;
        break;
    default:
        run->sealing_fails = !run->sealing_fails;
        break;
    }
}

/* Every seventh envelope cannot be sealed for a time. */
static enum wire_status seal_status(void *context, const uint8_t *id)
{
    const struct run *run = context;
    return run->sealing_fails && id[WIRE_ID_BYTES - 1] % 7 == 0 ? WIRE_NOBODY_FOR : WIRE_OK;
}

static void one(struct run *run, bool with_backups)
{
    switch (pick(run, 100)) {
    case 0 ... 5:
        publish(run);
        break;
    case 6 ... 7:
        deliver(run);
        break;
    case 8:
        world_withdraw(&run->world, 1 + pick(run, run->published + 1));
        break;
    case 9:
        if (run->troubled && pick(run, 3) == 0)
            trouble(run);
        world_pass(&run->world, (int64_t)pick(run, 3000));
        break;
    case 10 ... 25:
        world_fetched(&run->world);
        break;
    case 26 ... 40:
        world_sealed(&run->world);
        break;
    case 41 ... 60:
        world_commit(&run->world);
        break;
    case 61 ... 75:
        mock_hear(&run->mock);
        break;
    case 76 ... 92:
        mock_speak(&run->mock);
        break;
    case 93 ... 95:
        mock_arrive(&run->mock);
        break;
    case 96:
        if (!run->world.connected[0] || pick(run, 4) == 0)
            reconnect(run);
        break;
    case 97:
        if (pick(run, 10) == 0)
            restart(run);
        break;
    case 98:
        if (with_backups && pick(run, 10) == 0)
            back_up(run);
        break;
    default:
        if (with_backups && pick(run, 40) == 0)
            restore(run);
        break;
    }
}

static void heal(struct run *run)
{
    run->mock.outcome = 0;
    run->mock.verdict = 0;
    run->sealing_fails = false;
    for (int i = 0; i < 60; i++) {
        if (!run->world.connected[0])
            world_up(&run->world, 0);
        mock_settle(&run->mock);
        while (mock_arrive(&run->mock))
            mock_settle(&run->mock);
        if (i == 10)
            world_policy(&run->world, 2); /* what waits for the rules goes on */
        world_pass(&run->world, 2000);
        mock_pulse(&run->mock);
        mock_settle(&run->mock);
    }
}

static void check_outbox(struct run *run, uint64_t seed)
{
    for (uint64_t n = 1; n <= run->published; n++) {
        Wire__NodeOutboxState state = world_state(&run->world, n);
        uint8_t id[WIRE_ID_BYTES];
        world_id(n, id);
        const struct mock_id *judged = mock_find_id(&run->mock, id);
        cr_assert(judged == NULL || judged->judged == 1);
        if (state == 0)
            continue; /* refused when it was published, or lost with a restored backup */
        cr_assert(state >= WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED, "seed %lu: envelope %lu is left in state %d", seed,
                  n, state);
        if (state == WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED)
            cr_assert(judged != NULL && judged->code == WIRE__VERDICT_CODE__ADMITTED);
        if (state == WIRE__NODE_OUTBOX_STATE__NODE_DUPLICATE)
            cr_assert(run->restored && judged != NULL);
        bool never_sent =
            state == WIRE__NODE_OUTBOX_STATE__NODE_EXPIRED || state == WIRE__NODE_OUTBOX_STATE__NODE_WITHDRAWN;
        if (never_sent && !run->restored)
            cr_assert(judged == NULL);
    }
}

static void check_inbox(struct run *run, uint64_t seed)
{
    uint8_t *seen = calloc(run->delivered + 1, 1);
    for (size_t at = rows_seek(&run->world.store, NODE_TABLE_INBOX, wire_bytes(NULL, 0));
         at < run->world.store.count && run->world.store.entry[at].table == NODE_TABLE_INBOX; at++) {
        uint8_t memory[64 * 1024];
        struct wire_arena arena;
        wire_arena_over(&arena, memory, sizeof memory);
        const Wire__NodeInbox *row = node_read_inbox(run->world.store.entry[at].value, &arena);
        cr_assert_not_null(row);
        seen[wire_get_u64(row->id.data + 8) - 1000000]++;
    }
    for (uint64_t i = 0; i < run->delivered; i++)
        cr_assert_eq(seen[i], 1, "seed %lu: delivery %lu is in the inbox %d times", seed, i, seen[i]);
    free(seen);
}

static void check_nothing_is_left(struct run *run, uint64_t seed)
{
    cr_assert_eq(rows_count(&run->world.store, NODE_TABLE_DRAFT), 0, "seed %lu: drafts are left", seed);
    cr_assert_eq(rows_count(&run->world.store, NODE_TABLE_HELD), 0, "seed %lu: held drafts are left", seed);
    cr_assert_eq(run->world.notes[NODE_NOTE_DAMAGED], 0, "seed %lu: rows were damaged", seed);
    if (run->restored) /* of batches from the life before the backup not every `arrived` comes again */
        return;
    cr_assert_eq(rows_count(&run->world.store, NODE_TABLE_BATCH), 0, "seed %lu: batches are left", seed);
    cr_assert_eq(rows_count(&run->world.store, NODE_TABLE_BATCH_BYTES), 0, "seed %lu: batches are left", seed);
}

static void run_seed(uint64_t seed, bool with_backups, bool troubled)
{
    struct run *run = calloc(1, sizeof *run);
    cr_assert_not_null(run);
    world_open(&run->world);
    run->world.seed = seed * 7919;
    run->world.seal_status = seal_status;
    run->world.context = run;
    run->troubled = troubled;
    mock_init(&run->mock, &run->world, 0);
    world_boot(&run->world);
    world_policy(&run->world, 1);
    world_up(&run->world, 0);
    for (int i = 0; i < STEPS; i++)
        one(run, with_backups);
    heal(run);
    check_outbox(run, seed);
    check_inbox(run, seed);
    check_nothing_is_left(run, seed);
    mock_close(&run->mock);
    rows_clear(&run->image);
    world_close(&run->world);
    free(run);
}

Test(random, connections_come_and_go)
{
    for (uint64_t seed = 1; seed <= runs(); seed++)
        run_seed(seed, false, false);
}

Test(random, stores_are_restored)
{
    for (uint64_t seed = 1; seed <= runs(); seed++)
        run_seed(1000000 + seed, true, false);
}

Test(random, batches_fail_and_seals_are_stale)
{
    for (uint64_t seed = 1; seed <= runs(); seed++)
        run_seed(2000000 + seed, seed % 2 == 0, true);
}
