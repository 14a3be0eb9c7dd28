/* 9. Memory is bounded by limits: the core's was fixed when it began; what waits to be sent is bounded by credit. */
#include "sim.h"

void sim_check_bounds(struct sim_broker *broker)
{
    enum { PER_NODE = 4 * 1024 * 1024 };
    if (broker->post_bytes > (size_t)PER_NODE * broker->process.sim->node_count)
        sim_fail(broker->process.sim, 9, "%zu bytes wait to be sent by %s", broker->post_bytes, broker->process.name);
}
