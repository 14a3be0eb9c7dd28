/* 8. What stands in front of a flash is bounded: the windows of the other lanes, each of which may have been exceeded
 * by a grant for one frame of up to 256 KiB, and one frame above that. (What DESIGN promises is 512 KiB or one larger
 * frame; what was granted before the larger frame was asked for may still be under way when it comes.) */
#include "sim.h"

enum { MOST = 3 * WIRE_BATCH_BYTES_MAX + WIRE_FRAME_BYTES_MAX };

void sim_check_ahead(struct sim *sim, const struct sim_conn *conn, bool to_broker, int lane, size_t bytes)
{
    uint64_t before = conn->plain_bytes[to_broker ? 0 : 1];
    if (lane == WIRE__LANE__FLASH || before + bytes <= MOST)
        return;
    sim_fail(sim, 8, "connection %llu: %zu bytes of lane %d behind %llu in flight", (unsigned long long)conn->id, bytes,
             lane, (unsigned long long)before);
}
