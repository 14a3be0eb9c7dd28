/* Much is kept for recipients that are away; later they come and get it. Two runs of this program. */
#include "lianfang/round.h"

enum { STEPS = 10, GIVE_UP_S = 60 };

/* When each tenth was confirmed; what the server had used by then. */
struct steps {
    uint64_t ns[STEPS + 1];
    struct usage usage[STEPS + 1];
    uint32_t done;
};

static void note_steps(struct world *world, struct steps *steps, uint64_t count)
{
    while (steps->done < STEPS && count >= world->plan->messages / STEPS * (steps->done + 1)) {
        steps->ns[++steps->done] = plan_now_ns();
        steps->usage[steps->done] = usage_of(world->plan->server_pid);
    }
}

static double rate_of(const struct world *world, const struct steps *steps, uint32_t step)
{
    return (double)(world->plan->messages / STEPS) * 1e9 / (double)(steps->ns[step] - steps->ns[step - 1]);
}

/* What the server's CPU says does not depend on who else is at work on the machine. */
static double cpu_us_of(const struct world *world, const struct steps *steps, uint32_t step)
{
    return (steps->usage[step].cpu_seconds - steps->usage[step - 1].cpu_seconds) * 1e6 /
           (double)(world->plan->messages / STEPS);
}

static void figures(struct world *world, const struct steps *steps)
{
    result_extra(world->result, "rate_first_tenth", rate_of(world, steps, 1));
    result_extra(world->result, "rate_last_tenth", rate_of(world, steps, STEPS));
    result_extra(world->result, "cpu_us_first_tenth", cpu_us_of(world, steps, 1));
    result_extra(world->result, "cpu_us_last_tenth", cpu_us_of(world, steps, STEPS));
    result_extra(world->result, "rss_anon_kb_first_tenth", (double)steps->usage[1].rss_anon_kb);
    result_extra(world->result, "rss_anon_kb_last_tenth", (double)steps->usage[STEPS].rss_anon_kb);
}

static void turn(struct world *world, uint64_t *progress, uint64_t now, uint64_t *progress_ns)
{
    loop_turn(world, ROUND_IDLE_NS);
    round_pulses(world, plan_now_ns());
    if (now != *progress)
        *progress_ns = plan_now_ns();
    *progress = now;
    if (plan_now_ns() - *progress_ns > GIVE_UP_S * UINT64_C(1000000000))
        plan_void("%llu, and no more for a minute", (unsigned long long)now);
}

void round_away(struct world *world)
{
    struct steps steps = {0};
    uint64_t progress = 0, progress_ns = plan_now_ns();
    round_connect(world, true, false);
    round_begin(world);
    steps.ns[0] = world->start_ns;
    steps.usage[0] = world->result->before;
    while (round_publish(world) || world->confirmed < round_published(world)) {
        turn(world, &progress, world->confirmed, &progress_ns);
        note_steps(world, &steps, world->confirmed);
    }
    note_steps(world, &steps, world->plan->messages);
    round_end(world);
    figures(world, &steps);
}

void round_catchup(struct world *world)
{
    struct steps steps = {0};
    uint64_t share = world->plan->messages / world->plan->publishers, progress = 0, progress_ns = plan_now_ns();
    for (uint32_t i = 0; i < world->members; i++)
        if (world->member[i].publisher >= 0)
            world->member[i].published = share; /* in the run before */
    round_begin(world);
    steps.ns[0] = world->start_ns;
    steps.usage[0] = world->result->before;
    round_connect(world, false, true);
    while (tally_count(world->tally) < share * world->plan->publishers) {
        turn(world, &progress, tally_count(world->tally), &progress_ns);
        note_steps(world, &steps, tally_count(world->tally));
    }
    note_steps(world, &steps, world->plan->messages);
    round_end(world);
    figures(world, &steps);
    round_check(world);
}
