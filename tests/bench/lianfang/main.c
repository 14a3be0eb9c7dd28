/* Publishers and recipients of one round against a lianfang-broker: see world.h and common/plan.h. */
#include "lianfang/world.h"

#include <stdio.h>
#include <stdlib.h>

enum { IDLE_NS = 2000000, SETTLE_NS = 60000000000, CONNECT_AT_ONCE = 64 };

static void pulses(struct world *world, uint64_t now_ns)
{
    for (uint32_t i = 0; i < world->members; i++)
        if (world->member[i].live && now_ns >= world->member[i].pulse_at_ns)
            member_pulse(&world->member[i]);
}

static void connect_all(struct world *world)
{
    uint64_t give_up_ns = plan_now_ns() + SETTLE_NS;
    for (uint32_t i = 0; i < world->members || world->live < world->members;) {
        if (i < world->members && i < world->live + CONNECT_AT_ONCE)
            member_connect(&world->member[i++]);
        loop_turn(world, i < world->members && i < world->live + CONNECT_AT_ONCE ? 0 : IDLE_NS);
        pulses(world, plan_now_ns());
        if (plan_now_ns() > give_up_ns)
            plan_void("%llu of %u sessions", (unsigned long long)world->live, world->members);
    }
}

static uint64_t published(const struct world *world)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < world->members; i++)
        sum += world->member[i].published;
    return sum;
}

static uint64_t owed(const struct world *world)
{
    return published(world) * (world->plan->everybody ? world->plan->recipients : 1);
}

static bool settled(const struct world *world)
{
    return tally_count(world->tally) == owed(world) && world->alerts_in_hands == world->alerts &&
           world->confirmed == published(world) + world->alerts && world->arrived == owed(world) + world->alerts;
}

/* After the last message is out: until each is confirmed, in hands, and its origin knows. */
static void settle(struct world *world)
{
    uint64_t give_up_ns = plan_now_ns() + SETTLE_NS;
    while (!settled(world)) {
        loop_turn(world, IDLE_NS);
        pulses(world, plan_now_ns());
        if (plan_now_ns() > give_up_ns)
            plan_void("published %llu, confirmed %llu, in hands %llu of %llu, arrivals known %llu",
                      (unsigned long long)published(world), (unsigned long long)world->confirmed,
                      (unsigned long long)tally_count(world->tally), (unsigned long long)owed(world),
                      (unsigned long long)world->arrived);
    }
}

static uint32_t left_of_share(const struct world *world, const struct member *member)
{
    if (world->plan->messages == 0)
        return UINT32_MAX;
    uint64_t share = world->plan->messages / world->plan->publishers;
    return member->published < share ? (uint32_t)(share - member->published) : 0;
}

static bool publish_flow(struct world *world)
{
    bool left = false;
    for (uint32_t i = 0; i < world->members; i++) {
        struct member *member = &world->member[i];
        if (member->publisher < 0)
            continue;
        while (left_of_share(world, member) > 0 && publish_batch(member, 0, left_of_share(world, member)) > 0)
            ;
        left |= left_of_share(world, member) > 0;
    }
    return left;
}

static struct member *publisher_at(struct world *world, uint64_t turn)
{
    for (uint32_t i = 0; i < world->members; i++)
        if (world->member[i].publisher == (int)(turn % world->plan->publishers))
            return &world->member[i];
    plan_void("no publisher");
}

/* Alerts bear the serials 0, 1, … of all publishers together. */
static void publish_alert(struct world *world)
{
    struct member *member = publisher_at(world, world->alerts);
    if (world->alerts == world->alerts_max) {
        world->alerts_max = world->alerts_max == 0 ? 4096 : 2 * world->alerts_max;
        world->alert_sent_ns = realloc(world->alert_sent_ns, world->alerts_max * sizeof(*world->alert_sent_ns));
        if (world->alert_sent_ns == NULL)
            plan_void("no memory");
    }
    member->alerts = world->alerts;
    world->alert_sent_ns[world->alerts] = plan_now_ns();
    if (publish_batch(member, 1, 1) != 1)
        plan_void("no flash credit");
    world->alerts++;
}

static void flow(struct world *world, bool alerts)
{
    uint64_t start_ns = plan_now_ns(), now_ns = start_ns, end_ns = start_ns + (uint64_t)(world->plan->seconds * 1e9);
    uint64_t alert_ns = start_ns + 200000000;
    bool left = true;
    while (left && (now_ns < end_ns || world->plan->messages != 0)) {
        left = publish_flow(world);
        if (alerts && now_ns >= alert_ns) {
            publish_alert(world);
            alert_ns = now_ns + (uint64_t)world->plan->pause_us * 1000;
        }
        loop_turn(world, alerts && alert_ns - now_ns < IDLE_NS ? alert_ns - now_ns : IDLE_NS);
        now_ns = plan_now_ns();
        pulses(world, now_ns);
    }
    settle(world);
    world->result->seconds = (double)(world->last_ns - start_ns) / 1e9;
}

static void ping(struct world *world)
{
    uint64_t start_ns = plan_now_ns(), end_ns = start_ns + (uint64_t)(world->plan->seconds * 1e9);
    for (uint64_t turn = 0; plan_now_ns() < end_ns; turn++) {
        struct member *member = publisher_at(world, turn);
        world->ping_sent_ns = plan_now_ns();
        if (publish_batch(member, 0, 1) != 1)
            plan_void("no credit");
        settle(world);
        for (uint64_t next_ns = plan_now_ns() + (uint64_t)world->plan->pause_us * 1000, now_ns;
             (now_ns = plan_now_ns()) < next_ns;) {
            loop_turn(world, next_ns - now_ns);
            pulses(world, now_ns);
        }
    }
    world->result->seconds = (double)(world->last_ns - start_ns) / 1e9;
}

static void check(struct world *world)
{
    uint64_t *by_publisher = calloc(world->plan->publishers, sizeof(*by_publisher));
    if (by_publisher == NULL)
        plan_void("no memory");
    for (uint32_t i = 0; i < world->members; i++)
        if (world->member[i].publisher >= 0)
            by_publisher[world->member[i].publisher] = world->member[i].published;
    tally_check(world->tally, by_publisher);
    free(by_publisher);
}

static void figures(struct world *world)
{
    struct result *result = world->result;
    result->published = published(world);
    result->deliveries = tally_count(world->tally);
    result->alerts = world->alerts;
    result_extra(result, "batches", (double)world->batches);
    result_extra(result, "parts", (double)world->parts);
    result_extra(result, "frames_in", (double)world->frames_in);
    result_extra(result, "frames_out", (double)world->frames_out);
    result_extra(result, "bytes_in", (double)world->bytes_in);
    result_extra(result, "bytes_out", (double)world->bytes_out);
}

int main(int argc, char **argv)
{
    static struct plan plan;
    static struct world world;
    static struct result result;
    plan_parse(&plan, argc, argv);
    result = (struct result){.system = "lianfang", .library = "libzmq"};
    world_open(&world, &plan, &result);
    connect_all(&world);
    result.before = usage_of(plan.server_pid);
    struct usage own = usage_of(-1);
    if (plan.mode == PLAN_PING)
        ping(&world);
    else
        flow(&world, plan.mode == PLAN_ALERT);
    result.after = usage_of(plan.server_pid);
    result_extra(&result, "client_cpu_seconds", usage_of(-1).cpu_seconds - own.cpu_seconds);
    check(&world);
    figures(&world);
    result_print(&result);
    world_close(&world);
    return 0;
}
