/* PULSE both ways: heartbeat, round trip, clock offset, queues, signed completeness, confirmation of the token. */
#include "broker/core/inside.h"

/* The statement of one queue's tail, to be signed. */
static Wire__Signed *complete(struct broker_core *core, struct region *region, struct queue *queue)
{
    Wire__CompletenessStatement statement;
    wire__completeness_statement__init(&statement);
    statement.ledger_id = broker_data(core->ledger_id, WIRE_ID_BYTES);
    statement.generation = core->generation;
    statement.recipient = region->region;
    statement.mechanism = core->mechanisms[queue->mechanism];
    statement.lane = (Wire__Lane)queue->lane;
    statement.number = queue->last;
    statement.chain = broker_data(queue->chain.bytes, WIRE_HASH_BYTES);
    statement.at_ms = core->wall_ms;
    queue->told = queue->last;
    return broker_unsigned(core, WIRE__STATEMENT_TYPE__COMPLETENESS_STATEMENT, broker_pack(core, &statement.base));
}

/* `all` (WELCOME), or those that grew since they were told. */
Wire__Signed **broker_completeness(struct broker_core *core, struct region *region, bool all, size_t *count)
{
    Wire__Signed **list = broker_take(core, COMPLETENESS_MAX * sizeof *list);
    *count = 0;
    for (uint32_t at = region->first_queue; at != NONE && *count < COMPLETENESS_MAX;
         at = core->queues[at].next_of_region) {
        struct queue *queue = &core->queues[at];
        if (queue->last > 0 && (all || queue->told != queue->last))
            list[(*count)++] = complete(core, region, queue);
    }
    return list;
}

static Wire__LaneQueue **lane_queues(struct broker_core *core, const struct region *region, size_t *count)
{
    Wire__LaneQueue **list = broker_take(core, WIRE_LANES * sizeof *list);
    struct broker_health health;
    broker_core_health(core, region->region, &health);
    *count = 0;
    for (int lane = 0; lane < WIRE_LANES; lane++) {
        if (health.depth[lane] == 0)
            continue;
        Wire__LaneQueue *queue = list[(*count)++] = broker_take(core, sizeof *queue);
        wire__lane_queue__init(queue);
        queue->lane = (Wire__Lane)lane;
        queue->depth = health.depth[lane];
        queue->oldest_ms = health.oldest_ms[lane];
    }
    return list;
}

void broker_pulse_send(struct broker_core *core, struct region *region)
{
    const struct policy_slot *policy = broker_policy_now(core);
    Wire__Pulse *pulse = broker_take(core, sizeof *pulse);
    wire__pulse__init(pulse);
    pulse->serial = ++region->pulse_serial;
    pulse->mono_ms = core->mono_ms;
    pulse->wall_ms = core->wall_ms;
    if (region->echo_known) {
        pulse->has_echo_mono_ms = pulse->has_echo_held_ms = true;
        pulse->echo_mono_ms = region->echo_ms;
        pulse->echo_held_ms = core->mono_ms - region->echo_at_ms;
    }
    pulse->queue = lane_queues(core, region, &pulse->n_queue);
    if (region->confirmed)
        pulse->completeness = broker_completeness(core, region, false, &pulse->n_completeness);
    if (policy != NULL) {
        pulse->has_policy_digest = true;
        pulse->policy_digest = broker_data(policy->digest.bytes, WIRE_HASH_BYTES);
    }
    /* What it says of the queues is durable then. */
    uint64_t after = pulse->n_completeness > 0 ? core->ticket : 0;
    broker_send(core, region->peer, after, WIRE__FRAME__BODY_PULSE, &pulse->base);
    for (int lane = 0; lane < WIRE_LANES; lane++)
        region->out[lane].asked = false; /* a `wanted` that came to nothing is said again */
    broker_tell(core, region, TELL_RECEIPTS | TELL_DELIVER);
}

/* --- from the node -------------------------------------------------------------------------------------------------
 */
/* What a peer says is one: sums and differences of two stay within their type. */
static bool is_time(int64_t ms)
{
    return ms >= 0 && ms <= INT64_MAX / 2;
}

/* Round trip smoothed as TCP does it; the offset of the clocks from the middle of the round trip. */
static void measure(struct broker_core *core, struct region *region, const Wire__Pulse *pulse)
{
    if (!pulse->has_echo_mono_ms)
        return;
    int64_t held = pulse->has_echo_held_ms ? pulse->echo_held_ms : 0;
    if (pulse->echo_mono_ms < 0 || pulse->echo_mono_ms > core->mono_ms || held < 0 || held > HOUR_MS)
        return; /* an echo of nothing we sent */
    int64_t rtt = core->mono_ms - pulse->echo_mono_ms - held;
    if (rtt < 0 || rtt > HOUR_MS || !is_time(pulse->wall_ms))
        return;
    region->rtt_ms = region->rtt_ms == 0 ? (uint32_t)rtt : (uint32_t)((7 * (int64_t)region->rtt_ms + rtt) / 8);
    region->offset_ms = pulse->wall_ms + rtt / 2 - core->wall_ms;
}

static void note_queues(struct region *region, const Wire__Pulse *pulse)
{
    memset(region->outbox, 0, sizeof region->outbox);
    memset(region->outbox_oldest_ms, 0, sizeof region->outbox_oldest_ms);
    for (size_t i = 0; i < pulse->n_queue; i++) {
        uint32_t lane = (uint32_t)pulse->queue[i]->lane;
        if (lane >= WIRE_LANES)
            continue;
        region->outbox[lane] = pulse->queue[i]->depth;
        if (is_time(pulse->queue[i]->oldest_ms))
            region->outbox_oldest_ms[lane] = pulse->queue[i]->oldest_ms;
    }
}

static void note_trust(struct broker_core *core, struct region *region, const Wire__Pulse *pulse)
{
    const struct policy_slot *policy = broker_policy_now(core);
    if (pulse->has_certificate_until_ms && is_time(pulse->certificate_until_ms))
        region->certificate_until_ms = pulse->certificate_until_ms;
    if (!pulse->has_policy_digest || pulse->policy_digest.len != WIRE_HASH_BYTES)
        return;
    memcpy(region->policy_digest.bytes, pulse->policy_digest.data, WIRE_HASH_BYTES);
    region->policy_same =
        policy != NULL && memcmp(policy->digest.bytes, region->policy_digest.bytes, WIRE_HASH_BYTES) == 0;
}

/* The token is durable at the node: from here on it may seal, and is given. */
static void confirm(struct broker_core *core, struct region *region, const Wire__LineageToken *token)
{
    if (region->confirmed || region->standing == WIRE__STANDING__STOPPED ||
        region->standing == WIRE__STANDING__ROLLED_BACK)
        return;
    broker_rows_open(core);
    if (!broker_lineage_confirm(core, region, token)) {
        core->rows_used = core->rows_from;
        broker_misbehaved(core, region, WIRE_NOT_CONFIRMED);
        return;
    }
    region->confirmed = true;
    broker_link_up(core, region);
    broker_region_row(core, region);
    broker_rows_close(core);
    broker_note(core, BROKER_NOTE_SESSION_UP, WIRE_OK, region->region, 0, 0, 0);
    broker_tell(core, region, TELL_RECEIPTS | TELL_DELIVER);
}

void broker_on_pulse(struct broker_core *core, const struct broker_event *event)
{
    const Wire__Pulse *pulse = event->pulse.pulse;
    struct region *region = broker_region_of_peer(core, event->pulse.peer);
    if (region == NULL)
        return;
    region->heard_ms = core->mono_ms;
    region->echo_known = true;
    region->echo_ms = pulse->mono_ms;
    region->echo_at_ms = core->mono_ms;
    measure(core, region, pulse);
    note_queues(region, pulse);
    note_trust(core, region, pulse);
    if (pulse->confirmed != NULL)
        confirm(core, region, pulse->confirmed);
    if (region->peer != 0 && pulse->has_receipts_taken)
        broker_receipts_taken(core, region, pulse->receipts_taken);
    if (region->peer != 0)
        broker_link_see(core, region);
}
