/* 8. In front of a `flash` there are at most 512 KiB of other lanes, and one frame that is larger than its lane's
 * window: what was granted before such a frame was asked for may still be under way when it comes. */
#include "sim.h"

enum { SMALLEST_WINDOW = 160 * 1024 };

void sim_check_ahead(struct sim *sim, const struct sim_conn *conn, bool to_broker, int lane, size_t bytes)
{
    uint64_t before = conn->plain_bytes[to_broker ? 0 : 1];
    uint64_t most = WIRE_OUTSTANDING_BYTES_MAX;
    if (bytes <= SMALLEST_WINDOW)
        most += WIRE_FRAME_BYTES_MAX - bytes;
    if (lane == WIRE__LANE__FLASH || before <= most)
        return;
    sim_fail(sim, 8, "connection %llu: %zu bytes of lane %d behind %llu in flight", (unsigned long long)conn->id, bytes,
             lane, (unsigned long long)before);
}
