/* As fast as it goes, with alerts or without; or one at a time. */
#include "lianfang/round.h"

static uint32_t left_of_share(const struct world *world, const struct member *member)
{
    if (world->plan->messages == 0)
        return UINT32_MAX;
    uint64_t share = world->plan->messages / world->plan->publishers;
    return member->published < share ? (uint32_t)(share - member->published) : 0;
}

/* One batch, publishers in turn: they are different machines, and none of them keeps a recipient from what has come for
 * it. */
bool round_publish(struct world *world)
{
    bool left = false;
    for (uint32_t i = 0; i < world->members; i++) {
        struct member *member = &world->member[(world->turn + i) % world->members];
        uint32_t share = member->publisher < 0 ? 0 : left_of_share(world, member);
        if (share > 0 && publish_batch(member, 0, share) > 0) {
            world->turn = (world->turn + i + 1) % world->members;
            return true;
        }
        left |= share > 0;
    }
    return left;
}

void round_flow(struct world *world)
{
    round_connect(world, true, true);
    round_begin(world);
    uint64_t now_ns = world->start_ns, end_ns = now_ns + (uint64_t)(world->plan->seconds * 1e9);
    uint64_t alert_ns = now_ns + 200000000;
    bool left = true, alerts = world->plan->mode == PLAN_ALERT;
    while (left && (now_ns < end_ns || world->plan->messages != 0)) {
        left = round_publish(world);
        if (alerts && now_ns >= alert_ns) {
            round_alert(world, round_publisher(world, world->alerts), 1);
            alert_ns = now_ns + (uint64_t)world->plan->pause_us * 1000;
        }
        loop_turn(world, alerts && alert_ns - now_ns < ROUND_IDLE_NS ? alert_ns - now_ns : ROUND_IDLE_NS);
        now_ns = plan_now_ns();
        round_pulses(world, now_ns);
    }
    round_settle(world);
    round_end(world);
    round_check(world);
}

void round_ping(struct world *world)
{
    round_connect(world, true, true);
    round_begin(world);
    uint64_t end_ns = world->start_ns + (uint64_t)(world->plan->seconds * 1e9);
    for (uint64_t turn = 0; plan_now_ns() < end_ns; turn++) {
        struct member *member = round_publisher(world, turn);
        world->ping_sent_ns = plan_now_ns();
        if (publish_batch(member, 0, 1) != 1)
            plan_void("no credit");
        round_settle(world);
        for (uint64_t next_ns = plan_now_ns() + (uint64_t)world->plan->pause_us * 1000, now_ns;
             (now_ns = plan_now_ns()) < next_ns;) {
            loop_turn(world, next_ns - now_ns);
            round_pulses(world, now_ns);
        }
    }
    round_end(world);
    round_check(world);
}
