/* PULSE: that the other side is there, how long a frame takes, how its clock differs, what waits. */
#include "node/core/inbox.h"
#include "node/core/session.h"
#include "node/core/stream.h"

/* --- ours -----------------------------------------------------------------------------------------------------------
 */

static void add_queues(struct node_step *s, uint8_t index, Wire__Pulse *pulse)
{
    const struct node_core *core = s->core;
    Wire__LaneQueue *queues = node_take(s, WIRE_LANES * sizeof *queues);
    pulse->queue = node_take(s, WIRE_LANES * sizeof *pulse->queue);
    pulse->n_queue = WIRE_LANES;
    for (size_t lane = 0; lane < WIRE_LANES; lane++) {
        wire__lane_queue__init(&queues[lane]);
        queues[lane].lane = (Wire__Lane)lane;
        pulse->queue[lane] = &queues[lane];
    }
    for (uint32_t i = 0; i < core->lane_count; i++) {
        const struct node_lane *at = &core->lane[i];
        Wire__LaneQueue *queue = &queues[at->lane];
        if (at->link != index || at->drafts == 0)
            continue;
        queue->depth += at->drafts;
        if (queue->oldest_ms == 0 || at->oldest_ms < queue->oldest_ms)
            queue->oldest_ms = at->oldest_ms;
    }
}

static void add_token(struct node_step *s, const struct node_link *link, Wire__Pulse *pulse)
{
    Wire__LineageToken *token = node_take(s, sizeof *token);
    wire__lineage_token__init(token);
    token->ledger_id = node_bin(link->token.ledger_id, WIRE_ID_BYTES);
    token->generation = link->token.generation;
    token->serial = link->token.serial;
    token->random = node_bin(link->token.random, WIRE_ID_BYTES);
    pulse->confirmed = token;
}

void node_pulse_send(struct node_step *s, uint8_t index)
{
    struct node_link *link = &s->core->link[index];
    Wire__Frame *frame = node_frame(s, WIRE__FRAME__BODY_PULSE);
    Wire__Pulse *pulse = frame->pulse = node_take(s, sizeof *pulse);
    wire__pulse__init(pulse);
    pulse->serial = ++link->pulse_serial;
    pulse->mono_ms = s->event->mono_ms;
    pulse->wall_ms = s->event->wall_ms;
    pulse->has_echo_mono_ms = pulse->has_echo_held_ms = link->has_echo;
    pulse->echo_mono_ms = link->echo_theirs_ms;
    pulse->echo_held_ms = s->event->mono_ms - link->echo_at_ms;
    if (link->state == NODE_LIVE)
        add_token(s, link, pulse);
    add_queues(s, index, pulse);
    pulse->has_policy_digest = s->core->rules.policy != NULL;
    pulse->policy_digest = node_bin(s->core->rules.digest, WIRE_HASH_BYTES);
    pulse->has_receipts_taken = true;
    pulse->receipts_taken = link->taken_durable;
    link->taken_told = link->taken_durable;
    link->taken_bytes = 0;
    node_send(s, index, 0, frame);
    link->next_pulse_mono_ms = s->event->mono_ms + link->pulse_ms;
}

/* --- theirs ---------------------------------------------------------------------------------------------------------
 */

static void measure(struct node_step *s, struct node_link *link, const Wire__Pulse *pulse)
{
    link->has_echo = true;
    link->echo_theirs_ms = pulse->mono_ms;
    link->echo_at_ms = s->event->mono_ms;
    int64_t since_ms =
        pulse->echo_mono_ms < 0 ? -1 : s->event->mono_ms - pulse->echo_mono_ms; /* we sent what is echoed */
    if (pulse->has_echo_mono_ms && pulse->has_echo_held_ms && pulse->echo_held_ms >= 0 &&
        since_ms >= pulse->echo_held_ms)
        link->rtt_ms = since_ms - pulse->echo_held_ms;
    if (pulse->wall_ms >= 0 && pulse->wall_ms <= INT64_MAX / 2)
        link->offset_ms = pulse->wall_ms + (link->rtt_ms > 0 ? link->rtt_ms / 2 : 0) - s->event->wall_ms;
}

void node_on_pulse(struct node_step *s)
{
    const struct node_pulse *in = &s->event->u.pulse;
    struct node_link *link = &s->core->link[in->link];
    if (link->state < NODE_UNCONFIRMED)
        return;
    link->heard_mono_ms = s->event->mono_ms;
    node_effect(s, NODE_DO_ALIVE)->u.alive = in->link;
    measure(s, link, in->pulse);
    for (size_t i = 0; link->has_token && i < in->pulse->n_completeness; i++)
        if (in->completeness_good[i] && in->completeness[i] != NULL)
            node_take_completeness(s, in->link, in->pulse->completeness[i], in->completeness[i]);
    node_watch_completeness(s, in->link);
}

/* --- the watch ------------------------------------------------------------------------------------------------------
 */

static int64_t silent_at(const struct node_link *link)
{
    return link->heard_mono_ms + NODE_SILENT_PULSES * (int64_t)link->pulse_ms;
}

/* Sealed batches that the broker judged in an earlier session, and whose receipts do not come: they are sent again,
 * once, for the stored receipt. */
static void nudge(struct node_step *s, uint8_t index)
{
    struct node_core *core = s->core;
    const struct node_link *link = &core->link[index];
    if (link->state != NODE_LIVE || s->event->mono_ms < link->since_mono_ms + 2 * (int64_t)link->pulse_ms)
        return;
    for (uint32_t i = 0; i < core->stream_top; i++) {
        struct node_stream *stream = &core->stream[i];
        if (!stream->used || core->lane[stream->lane].link != index || stream->nudged)
            continue;
        stream->nudged = true;
        if (stream->receipted < stream->head && stream->inflight_count == 0 && stream->receipted < stream->last)
            node_stream_go_back(s, i, stream->receipted + 1);
    }
}

void node_session_timer(struct node_step *s, uint8_t index)
{
    struct node_link *link = &s->core->link[index];
    int64_t now_ms = s->event->mono_ms;
    if (link->state == NODE_IDLE)
        return;
    if (now_ms >= silent_at(link)) {
        node_session_cut(s, index, WIRE_SILENT);
        return;
    }
    if (link->gap_since_mono_ms != 0 &&
        now_ms >= link->gap_since_mono_ms + NODE_SILENT_PULSES * (int64_t)link->pulse_ms) {
        struct node_note *note = node_note(s, NODE_NOTE_RECEIPT_GAP, index);
        note->a = link->receipts_taken + 1;
        note->b = link->receipts_taken + 2;
        node_session_cut(s, index, WIRE_GAP);
        return;
    }
    if (link->state >= NODE_UNCONFIRMED && now_ms >= link->next_pulse_mono_ms)
        node_pulse_send(s, index);
    nudge(s, index);
}

int64_t node_session_next_ms(const struct node_core *core, uint8_t index)
{
    const struct node_link *link = &core->link[index];
    if (link->state == NODE_IDLE)
        return INT64_MAX;
    if (link->state >= NODE_UNCONFIRMED && link->next_pulse_mono_ms < silent_at(link))
        return link->next_pulse_mono_ms;
    return silent_at(link);
}
