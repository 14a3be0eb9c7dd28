/* What must always hold of the memory. Called by tests and the simulator after every step. */
#include "broker/core/inside.h"

static void audit_queue(const struct broker_core *core, const struct queue *queue)
{
    const struct region *region = &core->regions[queue->region];
    uint32_t rows = 0;
    uint64_t before = 0, gaps = 0;
    ENSURE(queue->region < core->region_count && queue->mechanism < core->mechanism_count);
    ENSURE(queue->lane < WIRE_LANES && queue->arrived <= queue->last);
    ENSURE(queue->arrived_envelopes <= queue->envelopes && queue->send_next <= queue->last + 1);
    ENSURE(queue->tail_ticket <= core->ticket);
    for (uint32_t at = queue->head; at != NONE; at = core->window[at].next) {
        const struct window_row *row = &core->window[at];
        ENSURE(row->number > before && row->number >= queue->send_next && row->number <= queue->last);
        gaps += before != 0 && row->number != before + 1;
        before = row->number;
        rows++;
        ENSURE(rows <= 2 * BROKER_WINDOW_ROWS);
        ENSURE((row->next == NONE) == (at == queue->tail));
    }
    ENSURE(rows == queue->rows && (region->peer != 0 || rows == 0));
    ENSURE(gaps <= rows);
    ENSURE(region->peer != 0 || (!queue->fetching && queue->wait_ticket == 0));
}

static void audit_credit(const struct broker_core *core, const struct region *region)
{
    for (int lane = 0; lane < WIRE_LANES; lane++) {
        const struct lane_in *in = &region->in[lane];
        ENSURE(in->used <= in->granted && in->returned <= in->used && in->flights <= FLIGHTS_MAX);
        ENSURE(region->credit.lane[lane].used <= region->credit.lane[lane].granted);
        for (uint32_t i = 0; i < in->flights; i++) {
            ENSURE(in->flight[i].ticket > core->committed && in->flight[i].ticket <= core->ticket);
            ENSURE(in->flight[i].offset <= in->used && in->flight[i].offset >= in->returned);
        }
        ENSURE(in->flights == 0 || region->in_commit);
    }
    ENSURE(region->receipts_sent <= region->receipts_last && region->receipts_taken <= region->receipts_sent);
    ENSURE(region->untaken_count <= RECEIPTS_RING);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < region->untaken_count; i++)
        bytes += region->untaken[(region->untaken_head + i) % RECEIPTS_RING].bytes;
    ENSURE(bytes == region->untaken_bytes);
    ENSURE(region->untaken_count <= 1 || bytes <= WIRE_RECEIPTS_UNTAKEN_BYTES_MAX);
}

static void audit_session(const struct broker_core *core, const struct region *region, uint32_t at)
{
    if (region->peer == 0) {
        ENSURE(!region->confirmed && region->untold == 0 && region->active_at == NONE);
        return;
    }
    ENSURE(broker_index_find(&core->peer_of, region->peer) == at);
    ENSURE(region->active_at < core->active_count && core->active[region->active_at] == at);
    ENSURE(region->untold == 0 || region->in_ready);
    ENSURE(!region->confirmed || region->confirmed_token.set);
    audit_credit(core, region);
}

static uint32_t ring_count(const struct ring *ring, uint32_t value)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < ring->count; i++)
        count += ring->slots[(ring->head + i) % ring->size] == value;
    return count;
}

static uint32_t audit_region(const struct broker_core *core, uint32_t at)
{
    const struct region *region = &core->regions[at];
    uint32_t queues = 0;
    ENSURE(broker_index_find(&core->region_of, region->region) == at);
    ENSURE(ring_count(&core->ready, at) == region->in_ready);
    ENSURE(ring_count(&core->on_commit, at) == region->in_commit);
    ENSURE(ring_count(&core->hungry, at) == region->in_hungry);
    ENSURE(region->forks <= BROKER_FORKS_MAX && core->part_of[at] == NONE);
    for (uint32_t i = region->first_queue; i != NONE; i = core->queues[i].next_of_region) {
        ENSURE(core->queues[i].region == at);
        queues++;
    }
    audit_session(core, region, at);
    return queues;
}

static void audit_pool(const struct broker_core *core)
{
    uint32_t rows = 0, free_ = 0;
    for (uint32_t i = 0; i < core->queue_count; i++)
        rows += core->queues[i].rows;
    for (uint32_t at = core->window_free; at != NONE; at = core->window[at].next) {
        free_++;
        ENSURE(free_ <= core->window_used);
    }
    ENSURE(rows + free_ == core->window_used && core->window_used <= core->options.window_rows);
}

void broker_core_audit(const struct broker_core *core)
{
    uint32_t queues = 0;
    ENSURE(core->committed <= core->ticket && core->fetches <= BROKER_FETCHES_MAX);
    ENSURE(core->peer_of.count == core->active_count && core->region_of.count == core->region_count);
    ENSURE(core->queue_of.count == core->queue_count && core->part_count == 0);
    ENSURE((core->seal_request != 0) == (core->sealing_count != 0));
    for (uint32_t i = 1; i < core->policy_count; i++)
        ENSURE(core->policies[i - 1].version < core->policies[i].version);
    for (uint32_t at = 0; at < core->region_count; at++)
        queues += audit_region(core, at);
    ENSURE(queues == core->queue_count);
    for (uint32_t i = 0; i < core->queue_count; i++)
        audit_queue(core, &core->queues[i]);
    audit_pool(core);
}
