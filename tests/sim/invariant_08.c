/* 8. In front of a flash there are at most 512 KiB of other lanes, or one larger frame. A node that lies about what it
 * took gets in its own way alone. */
#include "sim.h"

void sim_check_ahead(struct sim *sim, const struct sim_conn *conn, bool to_broker, int lane, size_t bytes)
{
    uint64_t before = conn->plain_bytes[to_broker ? 0 : 1];
    if (sim->hostile[sim->node[conn->node].region_index])
        return;
    if (lane == WIRE__LANE__FLASH || before == 0 || before + bytes <= WIRE_OUTSTANDING_BYTES_MAX)
        return;
    sim_fail(sim, 8, "connection %llu: %zu bytes of lane %d behind %llu in flight", (unsigned long long)conn->id, bytes,
             lane, (unsigned long long)before);
}
