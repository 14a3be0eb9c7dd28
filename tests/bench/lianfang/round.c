#include "lianfang/round.h"

#include <stdlib.h>

enum { SETTLE_NS = 60000000000, CONNECT_AT_ONCE = 64, PULSES_EVERY_NS = 5000000 };

void round_pulses(struct world *world, uint64_t now_ns)
{
    if (now_ns < world->pulses_ns + PULSES_EVERY_NS)
        return;
    world->pulses_ns = now_ns;
    for (uint32_t i = 0; i < world->members; i++)
        if (world->member[i].live && now_ns >= world->member[i].pulse_at_ns)
            member_pulse(&world->member[i]);
}

static bool connect_if(struct member *member, bool publishers, bool recipients)
{
    bool wanted = (publishers && member->publisher >= 0) || (recipients && member->recipient >= 0);
    if (wanted)
        member_connect(member);
    return wanted;
}

void round_connect(struct world *world, bool publishers, bool recipients)
{
    uint64_t give_up_ns = plan_now_ns() + SETTLE_NS, connected = 0;
    for (uint32_t at = 0; at < world->members || world->live < connected;) {
        while (at < world->members && connected < world->live + CONNECT_AT_ONCE)
            connected += connect_if(&world->member[at++], publishers, recipients);
        loop_turn(world, ROUND_IDLE_NS);
        round_pulses(world, plan_now_ns());
        if (plan_now_ns() > give_up_ns)
            plan_void("%llu of %llu sessions", (unsigned long long)world->live, (unsigned long long)connected);
    }
}

uint64_t round_published(const struct world *world)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < world->members; i++)
        sum += world->member[i].published;
    return sum;
}

static uint64_t owed(const struct world *world)
{
    return round_published(world) * (world->plan->everybody ? world->plan->recipients : 1);
}

static bool settled(const struct world *world)
{
    return tally_count(world->tally) == owed(world) && world->alerts_in_hands == world->alerts &&
           world->confirmed == round_published(world) + world->alerts && world->arrived == owed(world) + world->alerts;
}

void round_settle(struct world *world)
{
    uint64_t give_up_ns = plan_now_ns() + SETTLE_NS;
    while (!settled(world)) {
        loop_turn(world, ROUND_IDLE_NS);
        round_pulses(world, plan_now_ns());
        if (plan_now_ns() > give_up_ns)
            plan_void("published %llu, confirmed %llu, in hands %llu of %llu, arrivals known %llu",
                      (unsigned long long)round_published(world), (unsigned long long)world->confirmed,
                      (unsigned long long)tally_count(world->tally), (unsigned long long)owed(world),
                      (unsigned long long)world->arrived);
    }
}

struct member *round_publisher(struct world *world, uint64_t turn)
{
    for (uint32_t i = 0; i < world->members; i++)
        if (world->member[i].publisher == (int)(turn % world->plan->publishers))
            return &world->member[i];
    plan_void("no publisher");
}

void round_alert(struct world *world, struct member *member, uint32_t flow)
{
    if (world->alerts == world->alerts_max) {
        world->alerts_max = world->alerts_max == 0 ? 4096 : 2 * world->alerts_max;
        world->alert_sent_ns = realloc(world->alert_sent_ns, world->alerts_max * sizeof(*world->alert_sent_ns));
        if (world->alert_sent_ns == NULL)
            plan_void("no memory");
    }
    member->alerts = world->alerts;
    world->alert_sent_ns[world->alerts] = plan_now_ns();
    if (publish_batch(member, flow, 1) != 1)
        plan_void("no flash credit");
    world->alerts++;
}

void round_begin(struct world *world)
{
    world->result->before = usage_of(world->plan->server_pid);
    world->own = usage_of(-1);
    world->start_ns = plan_now_ns();
}

void round_end(struct world *world)
{
    world->result->seconds = (double)(world->last_ns - world->start_ns) / 1e9;
    world->result->after = usage_of(world->plan->server_pid);
    result_extra(world->result, "client_cpu_seconds", usage_of(-1).cpu_seconds - world->own.cpu_seconds);
}

void round_check(struct world *world)
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
