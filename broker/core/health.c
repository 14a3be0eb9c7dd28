/* What is known of each link: for metrics, `links` and the LINK rows of the last day. */
#include "broker/core/inside.h"

enum { SLOW_MS = 1000, OFF_MS = 5000, CERTIFICATE_DAYS = 15, FLASH_OLD_MS = 60 * 1000 };

static void depths(const struct broker_core *core, const struct region *region, struct broker_health *out)
{
    for (uint32_t at = region->first_queue; at != NONE; at = core->queues[at].next_of_region) {
        const struct queue *queue = &core->queues[at];
        if (queue->envelopes == queue->arrived_envelopes)
            continue;
        out->depth[queue->lane] += queue->envelopes - queue->arrived_envelopes;
        if (queue->oldest_ms != 0 &&
            (out->oldest_ms[queue->lane] == 0 || queue->oldest_ms < out->oldest_ms[queue->lane]))
            out->oldest_ms[queue->lane] = queue->oldest_ms;
    }
}

bool broker_core_health(const struct broker_core *core, uint32_t adcode, struct broker_health *out)
{
    uint32_t at = broker_index_find(&core->region_of, adcode);
    *out = (struct broker_health){.region = adcode};
    if (at == NONE)
        return false;
    const struct region *region = &core->regions[at];
    out->peer = region->peer;
    out->link = region->link;
    out->enrolled = region->enrolled;
    out->confirmed = region->confirmed;
    out->standing = region->stopped ? WIRE__STANDING__STOPPED : region->standing;
    out->since_ms = region->link_since_ms;
    out->rtt_ms = region->rtt_ms;
    out->offset_ms = region->offset_ms;
    memcpy(out->outbox, region->outbox, sizeof out->outbox);
    memcpy(out->outbox_oldest_ms, region->outbox_oldest_ms, sizeof out->outbox_oldest_ms);
    out->certificate_until_ms = region->certificate_until_ms;
    out->policy_same = region->policy_same;
    out->policy_digest = region->policy_digest;
    out->receipts_untaken = region->receipts_last - region->receipts_taken;
    depths(core, region, out);
    return true;
}

static enum broker_link state_of(const struct broker_core *core, const struct region *region)
{
    struct broker_health health;
    if (region->peer == 0 || !region->confirmed)
        return BROKER_LINK_DOWN;
    broker_core_health(core, region->region, &health);
    int64_t flash = health.oldest_ms[WIRE__LANE__FLASH];
    bool slow = health.rtt_ms > SLOW_MS || health.offset_ms > OFF_MS || health.offset_ms < -OFF_MS;
    bool late = core->mono_ms - region->heard_ms > 2 * (int64_t)core->options.pulse_ms;
    bool ends = health.certificate_until_ms != 0 &&
                health.certificate_until_ms - core->wall_ms < (int64_t)CERTIFICATE_DAYS * DAY_MS;
    bool stuck = flash != 0 && core->wall_ms - flash > FLASH_OLD_MS;
    return slow || late || ends || stuck ? BROKER_LINK_DEGRADED : BROKER_LINK_UP;
}

void broker_link_see(struct broker_core *core, struct region *region)
{
    enum broker_link link = state_of(core, region);
    if (link == region->link)
        return;
    region->link = link;
    region->link_since_ms = core->wall_ms;
    broker_note(core, BROKER_NOTE_LINK, WIRE_OK, region->region, link, 0, 0);
}

/* Called when a session is confirmed, within the append that says so. */
void broker_link_up(struct broker_core *core, struct region *region)
{
    if (region->down_since_ms != 0 && core->wall_ms > region->down_since_ms)
        region->down_total_ms += core->wall_ms - region->down_since_ms;
    region->down_since_ms = 0;
}

/* --- samples -------------------------------------------------------------------------------------------------------
 */
/* What makes a sample worth a row: not every millisecond of round trip. */
static bool changed(const struct broker_health *a, const struct broker_health *b)
{
    return a->link != b->link || a->rtt_ms / 16 != b->rtt_ms / 16 || a->offset_ms / 1000 != b->offset_ms / 1000 ||
           memcmp(a->depth, b->depth, sizeof a->depth) != 0;
}

static void sample_row(struct broker_core *core, const struct broker_health *health)
{
    Wire__LedgerLink row;
    wire__ledger_link__init(&row);
    row.state = health->link;
    row.rtt_ms = health->rtt_ms;
    row.offset_ms = health->offset_ms;
    row.n_depth = row.n_oldest_ms = WIRE_LANES;
    row.depth = (uint64_t *)(uintptr_t)health->depth;
    row.oldest_ms = (int64_t *)(uintptr_t)health->oldest_ms;
    row.since_ms = health->since_ms;
    broker_row_put(core, BROKER_LINK, broker_key_link(health->region, core->wall_ms), broker_pack(core, &row.base));
}

/* Once an hour the rows that are older than a day go. */
static void sweep_old(struct broker_core *core, struct region *region)
{
    if (core->wall_ms - region->links_swept_ms < HOUR_MS || !broker_out_has_room(core) || !broker_fetch_take(core))
        return;
    region->links_swept_ms = core->wall_ms;
    broker_fetch(core, REQUEST_LINKS, 0, broker_region_index(core, region), BROKER_LINK,
                 broker_key_region(region->region), broker_key_region(region->region), LINKS_FETCH_ROWS,
                 LINKS_FETCH_ROWS * 256, false);
}

void broker_links_sample(struct broker_core *core)
{
    uint32_t rows = 0;
    broker_rows_open(core);
    for (uint32_t i = 0; i < core->region_count; i++) {
        struct region *region = &core->regions[i];
        struct broker_health health;
        if (region->region == WIRE_REGION_BROKER)
            continue;
        broker_core_health(core, region->region, &health);
        if (!changed(&health, &region->sampled))
            continue;
        region->sampled = health;
        sample_row(core, &health);
        sweep_old(core, region);
        rows++;
    }
    if (rows > 0)
        broker_rows_close(core);
}

void broker_links_fetched(struct broker_core *core, uint32_t index, const struct broker_fetched *fetched)
{
    uint32_t rows = 0;
    ENSURE(index < core->region_count);
    broker_rows_open(core);
    for (size_t i = 0; i < fetched->count && i < LINKS_FETCH_ROWS; i++) {
        struct wire_bytes key = fetched->rows[i].key;
        if (key.size != 12)
            continue;
        int64_t at_ms = (int64_t)wire_get_u64(key.data + 4);
        if (core->wall_ms - at_ms <= DAY_MS)
            break;
        broker_row_erase(core, BROKER_LINK, broker_key_link(core->regions[index].region, at_ms));
        rows++;
    }
    if (rows > 0)
        broker_rows_close(core);
}
