/* 13. The broker can decrypt nothing about persons: every payload about persons bears a mark, and no frame that reaches
 * a broker holds it. */
#include "sim.h"

#include <string.h>

void sim_check_secret(struct sim *sim, struct wire_bytes bytes)
{
    if (memmem(bytes.data, bytes.size, sim->mark, SIM_MARK_BYTES) != NULL)
        sim_fail(sim, 13, "a payload about persons reaches a broker in clear");
}
