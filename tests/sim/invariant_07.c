/* 7. After faults stop, all queues drain in bounded time. */
#include "sim.h"

#include <stdio.h>

static bool node_done(struct sim_node *node, char *why, size_t size)
{
    struct sim *sim = node->process.sim;
    for (unsigned link = 0; link < sim->broker_count; link++) {
        struct node_health health;
        node_core_health(node->core, (uint8_t)link, &health);
        if (health.state != NODE_LIVE || !health.token_confirmed) {
            snprintf(why, size, "%s link %u: state %d, standing %d, %s", node->process.name, link, (int)health.state,
                     (int)health.standing, wire_status_name(health.reason));
            return false;
        }
        for (int lane = 0; lane < WIRE_LANES; lane++) {
            const struct node_lane_health *l = &health.lane[lane];
            if (l->drafts == 0 && l->unreceipted == 0)
                continue;
            snprintf(why, size, "%s link %u lane %d: %llu drafts, %llu without verdict, credit %llu of %llu",
                     node->process.name, link, lane, (unsigned long long)l->drafts, (unsigned long long)l->unreceipted,
                     (unsigned long long)l->used, (unsigned long long)l->granted);
            return false;
        }
    }
    return true;
}

static bool broker_done(struct sim_broker *broker, char *why, size_t size)
{
    struct sim *sim = broker->process.sim;
    struct broker_totals totals;
    broker_core_totals(broker->core, &totals);
    if (totals.reason != WIRE_OK) {
        snprintf(why, size, "%s admits nothing: %s", broker->process.name, wire_status_name(totals.reason));
        return false;
    }
    for (unsigned i = 0; i < sim->region_count; i++) {
        struct broker_health health;
        if (!sim_owed(sim, i) || !broker_core_health(broker->core, sim->region[i], &health))
            continue;
        uint64_t depth = 0;
        for (int lane = 0; lane < WIRE_LANES; lane++)
            depth += health.depth[lane];
        if (depth == 0 && health.receipts_untaken == 0 && health.confirmed)
            continue;
        snprintf(why, size, "%s, %06u: %llu to deliver, %llu receipts not taken, confirmed %d", broker->process.name,
                 sim->region[i], (unsigned long long)depth, (unsigned long long)health.receipts_untaken,
                 health.confirmed);
        return false;
    }
    return true;
}

bool sim_converged(struct sim *sim, char *why, size_t size)
{
    for (unsigned i = 0; i < sim->node_count; i++) {
        struct sim_node *node = &sim->node[i];
        if (!node->exists || !sim_owed(sim, node->region_index))
            continue;
        if (!node->process.up) {
            snprintf(why, size, "%s is down", node->process.name);
            return false;
        }
        if (!node_done(node, why, size))
            return false;
    }
    for (unsigned i = 0; i < sim->broker_count; i++) {
        if (!sim->broker[i].process.up) {
            snprintf(why, size, "%s is down", sim->broker[i].process.name);
            return false;
        }
        if (!broker_done(&sim->broker[i], why, size))
            return false;
    }
    return true;
}
