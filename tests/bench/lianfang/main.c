/* Publishers and recipients of one round against a lianfang-broker: see world.h and common/plan.h. */
#include "lianfang/round.h"

static void figures(struct world *world)
{
    struct result *result = world->result;
    result->published = round_published(world);
    result->deliveries = tally_count(world->tally);
    result->alerts = world->alerts;
    result_extra(result, "batches", (double)world->batches);
    result_extra(result, "parts", (double)world->parts);
    result_extra(result, "frames_in", (double)world->frames_in);
    result_extra(result, "frames_out", (double)world->frames_out);
    result_extra(result, "bytes_in", (double)world->bytes_in);
    result_extra(result, "bytes_out", (double)world->bytes_out);
}

static void run(struct world *world)
{
    if (world->crowd)
        round_crowd(world);
    else if (plan_extra(world->plan, "catchup", 0))
        round_catchup(world);
    else if (plan_extra(world->plan, "away", 0))
        round_away(world);
    else if (world->plan->mode == PLAN_PING)
        round_ping(world);
    else
        round_flow(world);
}

int main(int argc, char **argv)
{
    static struct plan plan;
    static struct world world;
    static struct result result;
    plan_parse(&plan, argc, argv);
    result = (struct result){.system = "lianfang", .library = "libzmq"};
    world_open(&world, &plan, &result);
    run(&world);
    figures(&world);
    result_print(&result);
    world_close(&world);
    return 0;
}
