/* 10. A revoked identity gets nothing in or out after 1 s. */
#include "sim.h"

void sim_check_revoked(struct sim_broker *broker, uint32_t region)
{
    struct sim *sim = broker->process.sim;
    unsigned index = sim_region_index(sim, region);
    int64_t at_us = index == SIM_REGIONS ? 0 : broker->revoked_at_us[index];
    if (at_us != 0 && sim->now_us - at_us > SIM_S)
        sim_fail(sim, 10, "%s talks with %06u, whose certificate was revoked or ended %lld ms ago",
                 broker->process.name, region, (long long)(sim->now_us - at_us) / 1000);
}
