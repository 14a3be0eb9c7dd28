/* What must hold after any step. */
#include "node/core/table.h"

static void audit_stream(const struct node_core *core, const struct node_stream *stream)
{
    ENSURE(stream->lane < core->lane_count);
    ENSURE(stream->receipted <= stream->last);
    ENSURE(stream->kept_from >= 1 && stream->kept_from <= stream->receipted + 1);
    ENSURE(stream->next_send >= 1 && stream->next_send <= stream->last + 1);
    ENSURE(stream->inflight_count <= NODE_INFLIGHT_MAX && stream->ready_count <= NODE_READY_MAX);
    ENSURE(!stream->current || !stream->renewing);
    uint64_t next = stream->next_send;
    for (uint32_t i = 0; i < stream->ready_count; i++) {
        ENSURE(stream->ready[i].first == next && stream->ready[i].count >= 1);
        next += stream->ready[i].count;
    }
    ENSURE(next <= stream->last + 1);
}

static void audit_lane(const struct node_core *core, uint32_t index, uint32_t inflight[NODE_LINKS_MAX][WIRE_LANES])
{
    const struct node_lane *lane = &core->lane[index];
    uint32_t current = 0, renewing = 0, slots = 0, length = 0;
    ENSURE(lane->link < core->options.link_count && !lane->dirty);
    for (uint32_t at = lane->streams; at != NODE_NONE; at = core->stream[at].next) {
        ENSURE(++length <= core->streams_max && core->stream[at].used && core->stream[at].lane == index);
        current += core->stream[at].current;
        renewing += !core->stream[at].current && !core->stream[at].redrafted;
        inflight[lane->link][lane->lane] += core->stream[at].inflight_count;
    }
    ENSURE(current == (lane->current != NODE_NONE) && renewing == lane->renewing);
    ENSURE(lane->current == NODE_NONE || core->stream[lane->current].current);
    for (uint32_t i = 0; i < core->seals_max; i++)
        slots += core->seal[i].used && core->seal[i].lane == index;
    ENSURE(slots == (lane->busy ? 1 : 0));
}

static void audit_link(const struct node_core *core, size_t index, const uint32_t inflight[WIRE_LANES])
{
    const struct node_link *link = &core->link[index];
    ENSURE(!core->booted || link->stored);
    ENSURE(link->state != NODE_LIVE || (link->has_token && link->confirm_ticket == 0));
    ENSURE(link->taken_durable <= link->receipts_taken);
    for (size_t lane = 0; lane < WIRE_LANES; lane++) {
        ENSURE(link->credit.lane[lane].used <= link->credit.lane[lane].granted);
        ENSURE(link->submit[lane].inflight == inflight[lane]);
        ENSURE(link->deliver[lane].received <= link->deliver[lane].granted);
        ENSURE(link->state != NODE_IDLE || (link->credit.lane[lane].used == 0 && link->deliver[lane].granted == 0));
    }
}

static uint32_t fetches_of(const struct node_core *core, enum node_fetch_kind kind, uint32_t index)
{
    uint32_t count = 0;
    for (size_t i = 0; i < NODE_FETCHES_MAX; i++)
        count += core->fetching[i].request != 0 && core->fetching[i].kind == kind && core->fetching[i].index == index;
    return count;
}

static void audit_fetches(const struct node_core *core)
{
    for (uint32_t i = 0; i < core->stream_top; i++) {
        const struct node_stream *stream = &core->stream[i];
        ENSURE(fetches_of(core, NODE_FETCH_READY, i) == (stream->used && stream->fetching));
        ENSURE(fetches_of(core, NODE_FETCH_RENEW, i) == (stream->used && stream->renewing));
        ENSURE(fetches_of(core, NODE_FETCH_SWEEP, i) == (stream->used && stream->sweeping));
    }
    ENSURE(fetches_of(core, NODE_FETCH_HELD, 0) == core->releasing);
    ENSURE(fetches_of(core, NODE_FETCH_EXPIRY, 0) == core->expiring);
}

void node_core_audit(const struct node_core *core)
{
    uint32_t inflight[NODE_LINKS_MAX][WIRE_LANES] = {{0}};
    uint32_t streams = 0, listed = 0;
    ENSURE(core->committed <= core->last_ticket);
    ENSURE(core->lane_count <= core->lanes_max && core->stream_top <= core->streams_max);
    ENSURE(core->release_count <= NODE_RELEASES_MAX && !core->dirty_meta && !core->dirty_lanes);
    for (uint32_t i = 0; i < core->stream_top; i++) {
        if (!core->stream[i].used)
            continue;
        streams++;
        audit_stream(core, &core->stream[i]);
    }
    for (uint32_t i = 0; i < core->lane_count; i++) {
        audit_lane(core, i, inflight);
        for (uint32_t at = core->lane[i].streams; at != NODE_NONE; at = core->stream[at].next)
            listed++;
    }
    ENSURE(streams == listed);
    for (size_t i = 0; i < core->options.link_count; i++)
        audit_link(core, i, inflight[i]);
    audit_fetches(core);
}
