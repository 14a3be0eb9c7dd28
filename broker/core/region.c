#include "broker/core/inside.h"

struct region *broker_region_find(struct broker_core *core, uint32_t adcode)
{
    uint32_t at = broker_index_find(&core->region_of, adcode);
    return at == NONE ? NULL : &core->regions[at];
}

uint32_t broker_region_index(const struct broker_core *core, const struct region *region)
{
    return (uint32_t)(region - core->regions);
}

struct region *broker_region_make(struct broker_core *core, uint32_t adcode)
{
    struct region *region = broker_region_find(core, adcode);
    if (region != NULL)
        return region;
    /* one place is the broker's own */
    bool kept = adcode != WIRE_REGION_BROKER && broker_region_find(core, WIRE_REGION_BROKER) == NULL;
    if (core->region_count + kept >= core->options.regions_max) {
        broker_note(core, BROKER_NOTE_LIMIT, WIRE_NO_MEMORY, adcode, BROKER_LIMIT_REGIONS, 0, 0);
        return NULL;
    }
    uint32_t at = core->region_count++;
    region = &core->regions[at];
    *region = (struct region){.region = adcode, .first_queue = NONE, .active_at = NONE};
    region->down_since_ms = core->wall_ms;
    region->link_since_ms = core->wall_ms;
    for (int lane = 0; lane < WIRE_LANES; lane++)
        region->turn[lane] = NONE;
    core->part_of[at] = NONE;
    broker_index_add(&core->region_of, adcode, at);
    return region;
}

struct region *broker_region_of_peer(struct broker_core *core, uint64_t peer)
{
    uint32_t at = broker_index_find(&core->peer_of, peer);
    return at == NONE ? NULL : &core->regions[at];
}

uint32_t broker_mechanism_find(const struct broker_core *core, struct wire_bytes name)
{
    for (uint32_t i = 0; i < core->mechanism_count; i++) {
        if (strlen(core->mechanisms[i]) == name.size && memcmp(core->mechanisms[i], name.data, name.size) == 0)
            return i;
    }
    return NONE;
}

uint32_t broker_mechanism_make(struct broker_core *core, struct wire_bytes name)
{
    uint32_t at = broker_mechanism_find(core, name);
    if (at != NONE)
        return at;
    if (core->mechanism_count == core->options.mechanisms_max || name.size > WIRE_MECHANISM_BYTES_MAX) {
        broker_note(core, BROKER_NOTE_LIMIT, WIRE_NO_MEMORY, 0, BROKER_LIMIT_MECHANISMS, 0, 0);
        return NONE;
    }
    at = core->mechanism_count++;
    memcpy(core->mechanisms[at], name.data, name.size);
    core->mechanisms[at][name.size] = '\0';
    return at;
}

static uint64_t queue_key(uint32_t region, uint32_t mechanism, uint32_t lane)
{
    return (uint64_t)region << 32 | mechanism << 8 | lane;
}

struct queue *broker_queue_find(struct broker_core *core, uint32_t region, uint32_t mechanism, uint32_t lane)
{
    if (lane >= WIRE_LANES)
        return NULL;
    uint32_t at = broker_index_find(&core->queue_of, queue_key(region, mechanism, lane));
    return at == NONE ? NULL : &core->queues[at];
}

struct queue *broker_queue_make(struct broker_core *core, uint32_t region, uint32_t mechanism, uint32_t lane)
{
    struct queue *queue = broker_queue_find(core, region, mechanism, lane);
    if (queue != NULL)
        return queue;
    if (core->queue_count == core->options.queues_max) {
        broker_note(core, BROKER_NOTE_LIMIT, WIRE_NO_MEMORY, core->regions[region].region, BROKER_LIMIT_QUEUES, 0, 0);
        return NULL;
    }
    uint32_t at = core->queue_count++;
    queue = &core->queues[at];
    *queue = (struct queue){.region = region, .mechanism = (uint16_t)mechanism, .lane = (uint8_t)lane};
    queue->next_of_region = core->regions[region].first_queue;
    queue->head = queue->tail = NONE;
    queue->send_next = 1;
    core->regions[region].first_queue = at;
    broker_index_add(&core->queue_of, queue_key(region, mechanism, lane), at);
    return queue;
}

struct broker_queue_name broker_queue_name(const struct broker_core *core, const struct queue *queue)
{
    const char *mechanism = core->mechanisms[queue->mechanism];
    return (struct broker_queue_name){
        .recipient = core->regions[queue->region].region,
        .mechanism = wire_bytes(mechanism, strlen(mechanism)),
        .lane = queue->lane,
    };
}

void broker_region_row(struct broker_core *core, const struct region *region)
{
    Wire__LedgerRegion row;
    wire__ledger_region__init(&row);
    row.receipts_last = region->receipts_last;
    row.receipts_taken = region->receipts_taken;
    row.down_total_ms = region->down_total_ms;
    row.down_since_ms = region->down_since_ms;
    broker_row_put(core, BROKER_REGION, broker_key_region(region->region), broker_pack(core, &row.base));
}

bool broker_enrolled(void *context, uint32_t adcode)
{
    struct broker_core *core = context;
    const struct region *region = broker_region_find(core, adcode);
    return region != NULL && region->enrolled;
}

uint32_t broker_core_region_at(const struct broker_core *core, uint32_t at)
{
    return at < core->region_count ? core->regions[at].region : 0;
}
