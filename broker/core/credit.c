/* Byte credit of SUBMITs (we grant) and DELIVERs (the node grants). core.h says the rules. */
#include "broker/core/inside.h"

/* --- the flash quota -----------------------------------------------------------------------------------------------
 */
/* A bucket per origin that outlives its sessions: what an origin may say in flash in a minute. */
static void flash_refill(struct broker_core *core, struct region *region)
{
    uint64_t full = core->options.flash_bytes_per_minute;
    int64_t passed = core->mono_ms - region->flash_at_ms;
    if (!region->flash_known || passed >= MINUTE_MS) {
        region->flash_tokens = full;
    } else if (passed > 0) {
        region->flash_tokens += full * (uint64_t)passed / MINUTE_MS;
        region->flash_tokens = region->flash_tokens > full ? full : region->flash_tokens;
    }
    region->flash_known = true;
    region->flash_at_ms = core->mono_ms;
}

static uint64_t flash_allowed(struct broker_core *core, struct region *region, uint64_t wanted)
{
    flash_refill(core, region);
    uint64_t allowed = wanted < region->flash_tokens ? wanted : region->flash_tokens;
    region->flash_tokens -= allowed;
    return allowed;
}

/* --- granting ------------------------------------------------------------------------------------------------------
 */
/* Also not a grant above the window that was given to another lane and is not used yet. */
static bool nothing_outstanding(const struct region *region, uint32_t but)
{
    for (uint32_t lane = 0; lane < WIRE_LANES; lane++) {
        const struct lane_in *in = &region->in[lane];
        if (in->used != in->returned || (lane != but && in->granted > in->used + wire_credit_window(lane)))
            return false;
    }
    return true;
}

/* Where the grant of this lane should stand. */
static uint64_t target(const struct region *region, uint32_t lane)
{
    const struct lane_in *in = &region->in[lane];
    uint64_t offset = in->returned + wire_credit_window(lane);
    bool may_be_large =
        in->used == in->returned && (in->wanted <= WIRE_BATCH_BYTES_MAX || nothing_outstanding(region, lane));
    if (in->wanted > wire_credit_window(lane) && may_be_large)
        offset = in->used + in->wanted;
    return offset > in->granted ? offset : in->granted;
}

/* Raises the grant; true: there is something to tell, if only that something was taken. */
static bool raise_grant(struct broker_core *core, struct region *region, uint32_t lane)
{
    struct lane_in *in = &region->in[lane];
    uint64_t more = target(region, lane) - in->granted;
    if ((more == 0 && in->told == in->returned) || broker_region_reason(core, region) != WIRE_OK)
        return false;
    if (lane == WIRE__LANE__FLASH)
        more = flash_allowed(core, region, more);
    in->granted += more;
    bool news = more > 0 || in->told != in->returned;
    in->told = in->returned;
    return news;
}

bool broker_credit_held(const struct broker_core *core, const struct region *region)
{
    return broker_region_reason(core, region) == WIRE_OK &&
           target(region, WIRE__LANE__FLASH) > region->in[WIRE__LANE__FLASH].granted;
}

void broker_credit_open(struct broker_core *core, struct region *region, const Wire__Hello *hello)
{
    (void)core;
    memset(region->in, 0, sizeof region->in);
    memset(region->out, 0, sizeof region->out);
    memset(&region->credit, 0, sizeof region->credit);
    for (size_t i = 0; i < hello->n_grant; i++) {
        if ((uint32_t)hello->grant[i]->lane < WIRE_LANES)
            wire_credit_open(&region->credit, (uint32_t)hello->grant[i]->lane, hello->grant[i]->offset);
    }
}

static Wire__Grant *grant_of(struct broker_core *core, const struct region *region, uint32_t lane)
{
    Wire__Grant *grant = broker_take(core, sizeof *grant);
    wire__grant__init(grant);
    grant->lane = (Wire__Lane)lane;
    grant->offset = region->in[lane].granted;
    grant->has_taken = region->in[lane].told > 0;
    grant->taken = region->in[lane].told;
    return grant;
}

Wire__Grant **broker_credit_first(struct broker_core *core, struct region *region, size_t *count)
{
    Wire__Grant **grants = broker_take(core, WIRE_LANES * sizeof *grants);
    *count = 0;
    for (uint32_t lane = 0; lane < WIRE_LANES; lane++) {
        if (raise_grant(core, region, lane))
            grants[(*count)++] = grant_of(core, region, lane);
    }
    return grants;
}

/* One CREDIT with all that can be granted; or, when nothing may be, once the reason. */
void broker_credit_send(struct broker_core *core, struct region *region)
{
    enum wire_status reason = broker_region_reason(core, region);
    Wire__Credit *credit = broker_take(core, sizeof *credit);
    wire__credit__init(credit);
    credit->grant = broker_credit_first(core, region, &credit->n_grant);
    if (reason != WIRE_OK) {
        credit->has_reason = true;
        credit->reason = reason;
    }
    if (credit->n_grant == 0 && reason == region->told_reason)
        return;
    region->told_reason = reason;
    broker_send(core, region->peer, 0, WIRE__FRAME__BODY_CREDIT, &credit->base);
}

/* --- using and returning -------------------------------------------------------------------------------------------
 */
/* As the sender has to count: what it was not told of as taken, of all lanes but flash. */
static bool crowded(const struct region *region, uint32_t lane, uint32_t bytes)
{
    uint64_t before = 0;
    for (uint32_t i = WIRE__LANE__URGENT; i < WIRE_LANES; i++)
        before += region->in[i].used - region->in[i].told;
    return !wire_credit_may_follow(before, lane, bytes);
}

bool broker_credit_use(struct region *region, uint32_t lane, uint32_t bytes)
{
    struct lane_in *in = &region->in[lane];
    if (crowded(region, lane, bytes))
        return false;
    in->used += bytes;
    if (in->wanted != 0 && in->used > in->returned)
        in->wanted = 0; /* what was waiting has come, or something else went first and it will ask again */
    return in->used <= in->granted;
}

void broker_credit_return(struct broker_core *core, struct region *region, uint32_t lane, uint64_t ticket)
{
    struct lane_in *in = &region->in[lane];
    if (ticket <= core->committed && in->flights == 0) {
        in->returned = in->used;
        broker_tell(core, region, TELL_CREDIT);
        return;
    }
    if (in->flights == FLIGHTS_MAX) /* full: the last group waits for this ticket too */
        in->flights--;
    in->flight[in->flights].ticket = ticket;
    in->flight[in->flights++].offset = in->used;
    broker_ring_commit(core, region);
}

static bool lane_committed(struct lane_in *in, uint64_t committed)
{
    uint32_t done = 0;
    while (done < in->flights && in->flight[done].ticket <= committed)
        in->returned = in->flight[done++].offset;
    memmove(in->flight, in->flight + done, (in->flights - done) * sizeof in->flight[0]);
    in->flights -= done;
    return done > 0;
}

void broker_credit_committed(struct broker_core *core, struct region *region)
{
    bool any = false, left = false;
    for (int lane = 0; lane < WIRE_LANES; lane++) {
        any |= lane_committed(&region->in[lane], core->committed);
        left |= region->in[lane].flights > 0;
    }
    if (any)
        broker_tell(core, region, TELL_CREDIT);
    if (left)
        broker_ring_commit(core, region);
}

/* Rows of a queue or receipts that could not be fetched before they were committed. */
static void waits_committed(struct broker_core *core, struct region *region)
{
    bool left = false;
    for (uint32_t at = region->first_queue; at != NONE; at = core->queues[at].next_of_region) {
        struct queue *queue = &core->queues[at];
        if (queue->wait_ticket != 0 && queue->wait_ticket <= core->committed) {
            queue->wait_ticket = 0;
            broker_tell(core, region, TELL_DELIVER);
        }
        left |= queue->wait_ticket != 0;
    }
    if (region->receipts_wait != 0 && region->receipts_wait <= core->committed) {
        region->receipts_wait = 0;
        broker_tell(core, region, TELL_RECEIPTS);
    }
    if (left || region->receipts_wait != 0)
        broker_ring_commit(core, region);
}

void broker_on_committed(struct broker_core *core, const struct broker_event *event)
{
    ENSURE(event->committed.ticket >= core->committed && event->committed.ticket <= core->ticket);
    core->committed = event->committed.ticket;
    for (uint32_t left = core->on_commit.count; left > 0; left--) {
        struct region *region = &core->regions[broker_ring_take(&core->on_commit)];
        region->in_commit = false;
        if (region->peer == 0)
            continue;
        broker_credit_committed(core, region);
        waits_committed(core, region);
    }
}

/* --- what the node grants and wants --------------------------------------------------------------------------------
 */
void broker_credit_ask(struct broker_core *core, struct region *region)
{
    Wire__Credit *credit = broker_take(core, sizeof *credit);
    wire__credit__init(credit);
    credit->has_wanted = credit->has_wanted_lane = true;
    credit->wanted = region->ask_cost;
    credit->wanted_lane = (Wire__Lane)region->ask_lane;
    broker_send(core, region->peer, 0, WIRE__FRAME__BODY_CREDIT, &credit->base);
}

static bool granted(struct region *region, const Wire__Credit *credit)
{
    bool more = false;
    for (size_t i = 0; i < credit->n_grant; i++) {
        uint32_t lane = (uint32_t)credit->grant[i]->lane;
        more = (lane < WIRE_LANES &&
                wire_credit_raise(&region->credit, lane, credit->grant[i]->offset, credit->grant[i]->taken)) ||
               more;
    }
    return more;
}

void broker_on_credit(struct broker_core *core, const struct broker_event *event)
{
    const Wire__Credit *credit = event->credit.credit;
    struct region *region = broker_region_of_peer(core, event->credit.peer);
    if (region == NULL)
        return;
    region->heard_ms = core->mono_ms;
    if (credit->has_wanted) {
        uint32_t lane = credit->has_wanted_lane ? (uint32_t)credit->wanted_lane : WIRE_LANES;
        if (lane >= WIRE_LANES || credit->wanted > WIRE_FRAME_BYTES_MAX) {
            broker_misbehaved(core, region, WIRE_FRAME_TOO_LARGE);
            return;
        }
        region->in[lane].wanted = (uint32_t)credit->wanted;
        broker_tell(core, region, TELL_CREDIT);
    }
    if (granted(region, credit))
        broker_tell(core, region, TELL_DELIVER);
    if (credit->has_receipts_taken)
        broker_receipts_taken(core, region, credit->receipts_taken);
}
