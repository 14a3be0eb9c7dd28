/* Random sequences of everything that can happen, with the audit after every step; then the faults stop, everything
 * drains and every promise is counted: each id one verdict, each envelope in each inbox exactly once, all arrivals back
 * at the origin. */
#include "fake.h"
#include "wire/ensure.h"
#include "wire/kind.h"
#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(random_);

static const uint32_t regions[] = {310000, 320000, 330000, 340000};

static uint32_t pick(struct fake *fake, uint32_t below)
{
    return (uint32_t)(fake_random(fake) % below);
}

static struct fake_node *any(struct fake *fake)
{
    return fake_node(fake, regions[pick(fake, 4)]);
}

static bool usable(const struct fake_node *node)
{
    return node->peer != 0 && node->welcomed && node->token != NULL && node->offered != NULL &&
           node->token->serial == node->offered->serial;
}

static void random_spec(struct fake *fake, const struct fake_node *node, uint32_t family, struct fake_spec *spec)
{
    uint32_t other = regions[pick(fake, 4)];
    *spec = (struct fake_spec){.payload_bytes = 1 + pick(fake, 3000)};
    if (family == 0) {
        spec->kind = WIRE_KIND_CONTACT_NOTICE; /* sometimes to itself, to nobody enrolled, without a box */
        spec->concerns = pick(fake, 12) == 0 ? 350000 : other;
        spec->no_box = pick(fake, 20) == 0;
        spec->expires_ms = pick(fake, 20) == 0 ? fake->wall_ms - 1 : 0;
        spec->bad = pick(fake, 30) == 0 ? WIRE_BAD_HEADER : 0;
    } else {
        spec->kind = WIRE_KIND_MEASURE_BULLETIN;
        spec->urgency = family == 1   ? WIRE__URGENCY__IMMEDIATE
                        : family == 2 ? WIRE__URGENCY__EXPECTED
                                      : WIRE__URGENCY__FUTURE;
        spec->unit = pick(fake, 15) == 0 ? 3 : 0;
    }
    if (node->sealed_count > 0 && pick(fake, 10) == 0) { /* an id that was sealed before */
        const struct fake_batch *batch = node->sealed[pick(fake, node->sealed_count)];
        spec->id = batch->headers[pick(fake, (uint32_t)batch->batch->n_envelope)]->id.data;
    }
}

static bool credit_allows(struct fake *fake, struct fake_node *node, const struct fake_batch *batch)
{
    uint32_t lane = (uint32_t)batch->batch->seal->lane;
    (void)fake;
    return node->used[lane] + batch->frame_bytes <= node->granted[lane];
}

static void random_publish(struct fake *fake, struct fake_node *node)
{
    struct fake_spec specs[24];
    uint32_t family = pick(fake, 4), count = 1 + pick(fake, 24);
    if (!usable(node) || node->sealed_count == FAKE_BATCHES_MAX)
        return;
    for (uint32_t i = 0; i < count; i++)
        random_spec(fake, node, family, &specs[i]);
    struct fake_batch *batch = fake_seal(fake, node, "yangtze-delta", fake_lane_of(&specs[0]), specs, count);
    if (credit_allows(fake, node, batch)) /* else it waits, sealed, for the resend */
        fake_submit(fake, node, batch, WIRE_OK, NULL);
}

static void random_resend(struct fake *fake, struct fake_node *node)
{
    if (!usable(node) || node->sealed_count == 0)
        return;
    struct fake_batch *batch = node->sealed[pick(fake, node->sealed_count)];
    if (credit_allows(fake, node, batch))
        fake_submit(fake, node, batch, WIRE_OK, NULL);
}

static void random_connection(struct fake *fake, struct fake_node *node)
{
    switch (pick(fake, 4)) {
    case 0:
        if (node->peer != 0)
            fake_down(fake, node);
        break;
    case 1:
        fake_hello(fake, node);
        break;
    default:
        if (node->peer == 0)
            fake_hello(fake, node);
        else if (node->welcomed)
            fake_pulse(fake, node);
    }
}

/* The node's store is gone, with all that was sealed in it and the inbox: a new store id, no token, no cursors. */
static void lose_store(struct fake *fake, struct fake_node *node)
{
    if (node->peer != 0)
        fake_down(fake, node);
    if (node->token != NULL)
        wire__lineage_token__free_unpacked(node->token, NULL);
    node->token = NULL;
    for (size_t i = 0; i < WIRE_ID_BYTES; i++)
        node->store_id[i] = (uint8_t)fake_random(fake);
    memset(node->seq, 0, sizeof node->seq);
    node->sealed_count = node->cursor_count = node->inbox_count = 0;
    node->receipts_taken = 0;
}

static void random_weather(struct fake *fake)
{
    switch (pick(fake, 14)) {
    case 12:
        if (pick(fake, 4) == 0)
            lose_store(fake, any(fake));
        break;
    case 0:
        fake_room(fake, true);
        break;
    case 1:
        fake_restart(fake);
        break;
    case 2:
        fake->wall_ms += 31000;
        break;
    case 3:
        fake_enrol(fake, 340000, false);
        break;
    case 4:
        fake_enrol(fake, 340000, true);
        break;
    default:
        fake_room(fake, false);
        fake_pass(fake, pick(fake, 20000));
    }
}

static void random_act(struct fake *fake)
{
    struct fake_node *node = any(fake);
    uint32_t act = pick(fake, 100);
    if (!usable(node) && pick(fake, 3) != 0) /* else nearly all would be away nearly always */
        random_connection(fake, node);
    else if (act < 30)
        random_publish(fake, node);
    else if (act < 36)
        random_resend(fake, node);
    else if (act < 60)
        fake_arrive(fake, node, pick(fake, 20) == 0 ? WIRE__VERDICT_CODE__REJECTED : WIRE__VERDICT_CODE__ARRIVED);
    else if (act < 70 && node->peer != 0 && node->welcomed)
        fake_give_credit(fake, node);
    else if (act < 80)
        random_connection(fake, node);
    else if (act < 88)
        fake_commit(fake);
    else if (act < 94)
        fake_answer_fetch(fake);
    else if (act < 96)
        fake_answer_seal(fake, pick(fake, 4) == 0 ? WIRE_CRYPTO : WIRE_OK);
    else
        random_weather(fake);
}

/* --- after the faults
 * --------------------------------------------------------------------------------------------------- */
static bool answer_all(struct fake *fake, struct fake_node *node)
{
    bool any_left = false;
    while (fake_arrive(fake, node, WIRE__VERDICT_CODE__ARRIVED))
        any_left = true;
    fake_give_credit(fake, node);
    fake_pulse(fake, node);
    fake_settle(fake);
    return any_left;
}

static void resend_all(struct fake *fake, struct fake_node *node)
{
    for (uint32_t i = 0; i < node->sealed_count; i++) {
        if (!credit_allows(fake, node, node->sealed[i])) {
            fake_want(fake, node, (uint32_t)node->sealed[i]->batch->seal->lane, node->sealed[i]->frame_bytes);
            fake_settle(fake);
        }
        for (int j = 0; j < 60 && !credit_allows(fake, node, node->sealed[i]); j++) { /* the flash quota fills again */
            fake_pass(fake, 1000);
            for (int k = 0; k < 4; k++)
                fake_pulse(fake, fake_node(fake, regions[k]));
            fake_settle(fake);
        }
        cr_assert(credit_allows(fake, node, node->sealed[i]), "credit that was asked for never came");
        fake_submit(fake, node, node->sealed[i], WIRE_OK, NULL);
        fake_settle(fake);
    }
}

static void heal(struct fake *fake)
{
    fake_room(fake, false);
    fake_enrol(fake, 340000, true);
    for (int i = 0; i < 20; i++)
        fake_pass(fake, 4000);
    for (int i = 0; i < 4; i++) {
        fake_connect(fake, fake_node(fake, regions[i]));
        if (fake_node(fake, regions[i])->standing != WIRE__STANDING__STOPPED)
            continue;
        fake_operator(fake, BROKER_ACCEPT_FORK, regions[i]); /* the third store lost in an hour */
        fake_connect(fake, fake_node(fake, regions[i]));
    }
    for (int i = 0; i < 4; i++)
        resend_all(fake, fake_node(fake, regions[i]));
    bool left = true;
    for (int turns = 0; left; turns++) {
        cr_assert_lt(turns, 10000, "the queues never drain");
        left = false;
        for (int i = 0; i < 4; i++)
            left |= answer_all(fake, fake_node(fake, regions[i]));
    }
}

/* Every envelope that was sealed has a row of its own in the index: one verdict. */
static void check_verdicts(struct fake *fake, const struct fake_node *node)
{
    for (uint32_t i = 0; i < node->sealed_count; i++) {
        const struct fake_batch *batch = node->sealed[i];
        for (size_t j = 0; j < batch->batch->n_envelope; j++) {
            struct wire_bytes value = fake_get(&fake->durable, BROKER_ENVELOPE,
                                               broker_key_envelope(node->region, batch->headers[j]->id.data));
            struct broker_envelope_row row;
            cr_assert_not_null(value.data, "an envelope without a verdict");
            cr_assert(broker_get_envelope(value, &row));
        }
    }
}

/* No envelope stands in one region's queues twice, and all that stands there has arrived. */
static void check_queues(struct fake *fake, uint32_t region)
{
    struct broker_health health;
    cr_assert(broker_core_health(fake->core, region, &health));
    for (int lane = 0; lane < WIRE_LANES; lane++)
        cr_assert_eq(health.depth[lane], 0, "region %u lane %d holds %llu", region, lane,
                     (unsigned long long)health.depth[lane]);
    struct broker_key prefix = broker_key_region(region);
    struct wire_bytes bytes = wire_bytes(prefix.data, prefix.size);
    static uint8_t seen[1 << 16][BROKER_BITMAP_BYTES];
    memset(seen, 0, sizeof seen);
    for (const struct fake_row *row = fake_scan(&fake->durable, BROKER_QUEUE, bytes, bytes, NULL); row != NULL;
         row = fake_scan(&fake->durable, BROKER_QUEUE, bytes, bytes, row)) {
        struct broker_queue_row value;
        cr_assert(broker_get_queue(wire_bytes(row->value, row->value_size), &value));
        ENSURE(value.serial < 1 << 16);
        for (size_t i = 0; i < BROKER_BITMAP_BYTES; i++) {
            cr_assert_eq(seen[value.serial][i] & value.given[i], 0, "given twice");
            seen[value.serial][i] |= value.given[i];
        }
    }
}

static void run(uint64_t seed, int steps)
{
    struct fake *fake = calloc(1, sizeof *fake);
    cr_assert_not_null(fake);
    fake_start(fake, seed);
    for (int i = 0; i < 4; i++)
        fake_connect(fake, fake_node(fake, regions[i]));
    for (int i = 0; i < steps; i++)
        random_act(fake);
    heal(fake);
    for (int i = 0; i < 4; i++) {
        check_verdicts(fake, fake_node(fake, regions[i]));
        check_queues(fake, regions[i]);
    }
    cr_assert_eq(fake->notes[BROKER_NOTE_MISBEHAVED], 0, "seed %llu: somebody was cut", (unsigned long long)seed);
    cr_assert_eq(fake->notes[BROKER_NOTE_DAMAGED], 0);
    cr_assert_gt(fake->notes[BROKER_NOTE_JUDGED], 0);
    fake_close(fake);
    free(fake);
}

Test(random_, short_runs_of_many_seeds)
{
    for (uint64_t seed = 1; seed <= 40; seed++)
        run(seed, 150);
}

Test(random_, long_runs)
{
    for (uint64_t seed = 1001; seed <= 1004; seed++)
        run(seed, 1500);
}
