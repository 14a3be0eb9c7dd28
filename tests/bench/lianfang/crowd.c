/* A crowd of sessions: what each costs the broker, how long an alert to all takes, what they cost at rest, how fast
 * they come back. */
#include "lianfang/round.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { REST_S = 10, BACK_OFF_MS = 500, BACK_S = 60 };

static const uint64_t second_ns = 1000000000;

static void rest(struct world *world, uint64_t ns)
{
    for (uint64_t until_ns = plan_now_ns() + ns; plan_now_ns() < until_ns;) {
        loop_turn(world, ROUND_IDLE_NS);
        round_pulses(world, plan_now_ns());
    }
}

static void alert_all(struct world *world)
{
    struct member *member = round_publisher(world, 0);
    uint64_t start_ns = plan_now_ns();
    for (uint32_t flow = 2; flow < world->flows; flow++)
        round_alert(world, member, flow);
    while (world->alerts_in_hands < world->plan->recipients) {
        loop_turn(world, ROUND_IDLE_NS);
        round_pulses(world, plan_now_ns());
        if (plan_now_ns() - start_ns > BACK_S * second_ns)
            plan_void("%llu of %u have the alert", (unsigned long long)world->alerts_in_hands, world->plan->recipients);
    }
    result_extra(world->result, "alert_to_all_seconds", (double)(world->last_ns - start_ns) / 1e9);
}

/* The line on stdin, without keeping sessions waiting for it. */
static void wait_restarted(struct world *world)
{
    char line[16];
    fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
    printf("idle\n");
    fflush(stdout);
    while (read(STDIN_FILENO, line, sizeof(line)) <= 0) {
        loop_turn(world, ROUND_IDLE_NS);
        round_pulses(world, plan_now_ns());
    }
}

/* As a node does when its connection ends: after half a second to a second, each by itself, it tries again. */
static void all_back(struct world *world)
{
    uint64_t start_ns = plan_now_ns();
    for (uint32_t i = 0; i < world->members; i++) {
        struct member *member = &world->member[i];
        member_disconnect(member);
        member->connect_at_ns = start_ns + (BACK_OFF_MS + plan_random(&member->random) % BACK_OFF_MS) * 1000000;
    }
    while (world->live < world->members) {
        uint64_t now_ns = plan_now_ns();
        for (uint32_t i = 0; i < world->members; i++)
            if (world->member[i].socket == NULL && now_ns >= world->member[i].connect_at_ns)
                member_connect(&world->member[i]);
        loop_turn(world, ROUND_IDLE_NS);
        round_pulses(world, plan_now_ns());
        if (now_ns - start_ns > BACK_S * second_ns)
            plan_void("%llu of %u are back", (unsigned long long)world->live, world->members);
    }
    result_extra(world->result, "all_back_seconds", (double)(plan_now_ns() - start_ns) / 1e9);
}

void round_crowd(struct world *world)
{
    const struct plan *plan = world->plan;
    round_begin(world);
    round_connect(world, true, true);
    result_extra(world->result, "connect_seconds", (double)(plan_now_ns() - world->start_ns) / 1e9);
    rest(world, 2 * second_ns);
    struct usage settled = usage_of(plan->server_pid);
    result_extra(world->result, "rss_anon_kb_a_session",
                 ((double)settled.rss_anon_kb - (double)world->result->before.rss_anon_kb) / (double)world->members);
    alert_all(world);
    rest(world, 2 * second_ns);
    double cpu = usage_of(plan->server_pid).cpu_seconds;
    rest(world, REST_S * second_ns);
    result_extra(world->result, "idle_cpu_share", (usage_of(plan->server_pid).cpu_seconds - cpu) / REST_S);
    round_end(world);
    wait_restarted(world);
    all_back(world);
}
