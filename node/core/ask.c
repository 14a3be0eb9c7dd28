/* What one may ask of the core between steps. */
#include "node/core/table.h"

static bool names(const struct node_link_options *options, const char *mechanism)
{
    for (size_t i = 0; i < options->mechanism_count; i++)
        if (strcmp(options->mechanism[i], mechanism) == 0)
            return true;
    return false;
}

uint8_t node_core_link_of(const struct node_core *core, const char *mechanism)
{
    uint8_t fallback = NODE_NO_LINK;
    if (mechanism == NULL || mechanism[0] == '\0' || strlen(mechanism) > WIRE_MECHANISM_BYTES_MAX)
        return NODE_NO_LINK;
    for (size_t i = 0; i < core->options.link_count; i++) {
        const struct node_link_options *options = &core->options.link[i];
        if (names(options, mechanism))
            return (uint8_t)i;
        if (options->mechanism_count == 0 && fallback == NODE_NO_LINK)
            fallback = (uint8_t)i;
    }
    return fallback;
}

const struct rules_policy *node_core_policy(const struct node_core *core)
{
    return core->rules.policy;
}

static void add_lane(const struct node_core *core, const struct node_lane *lane, struct node_lane_health *health)
{
    health->drafts += lane->drafts;
    health->draft_bytes += lane->bytes;
    if (lane->drafts > 0 && (health->oldest_ms == 0 || lane->oldest_ms < health->oldest_ms))
        health->oldest_ms = lane->oldest_ms;
    for (uint32_t at = lane->streams; at != NODE_NONE; at = core->stream[at].next) {
        const struct node_stream *stream = &core->stream[at];
        uint64_t last = stream->current ? stream->last : stream->closed_through;
        health->unreceipted += last > stream->receipted ? last - stream->receipted : 0;
    }
}

void node_core_health(const struct node_core *core, uint8_t index, struct node_health *health)
{
    ENSURE(index < core->options.link_count);
    const struct node_link *link = &core->link[index];
    *health = (struct node_health){.state = link->state,
                                   .standing = link->standing,
                                   .reason = link->reason,
                                   .since_wall_ms = link->since_wall_ms,
                                   .rtt_ms = link->rtt_ms,
                                   .clock_offset_ms = link->offset_ms,
                                   .generation = link->generation,
                                   .policy_version = link->broker_policy,
                                   .directory_epoch = link->broker_epoch,
                                   .receipts_taken = link->receipts_taken,
                                   .pulse_ms = link->pulse_ms,
                                   .token_confirmed = link->state == NODE_LIVE};
    for (size_t lane = 0; lane < WIRE_LANES; lane++) {
        health->lane[lane].granted = link->credit.lane[lane].granted;
        health->lane[lane].used = link->credit.lane[lane].used;
    }
    for (uint32_t i = 0; i < core->lane_count; i++)
        if (core->lane[i].link == index)
            add_lane(core, &core->lane[i], &health->lane[core->lane[i].lane]);
}

void node_core_totals(const struct node_core *core, struct node_totals *totals)
{
    *totals = core->totals;
    totals->clock_unsure = core->clock_unsure;
    totals->store_full = core->no_room;
    totals->policy_version = core->rules.version;
    totals->directory_epoch = core->directory_epoch;
    totals->erased_day = core->erased_day;
}
