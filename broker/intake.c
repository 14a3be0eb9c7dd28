/* A message from a peer becomes an event: decoded by the gate, with what the ledger knows about it. */
#include "broker.h"

#include "wire/region.h"

#include <stdlib.h>

static uint32_t region_of(const char *user_id)
{
    return wire_region_parse(user_id, strlen(user_id));
}

/* The peer said something that no node of ours would say: it is told why and cut, counted by reason and logged by
 * name. */
static void misbehaved(struct broker *broker, link_peer peer, const char *user_id, enum wire_status status)
{
    if (broker_refused(broker, status))
        link_log_line(broker->shell.log, LINK_WARNING, "gate", "收到无法接受的帧，已断开",
                      "frame not accepted, peer cut", LINK_TEXT("peer", user_id),
                      LINK_TEXT("reason", wire_status_name(status)));
    struct broker_event event = {.kind = BROKER_EVENT_PEER_DOWN};
    event.peer_down = (struct broker_peer_down){.peer = peer, .status = status};
    broker_post_bye(broker->post, peer, status);
    broker_step(broker, &event);
}

/* What a look-up came to. false: the frame asks for more than we spend on one, and its peer is cut. */
static bool looked_up(struct broker *broker, link_peer peer, const char *user_id, enum wire_status status)
{
    if (status == WIRE_OK)
        return true;
    if (status != WIRE_NO_MEMORY && status != WIRE_OVER_BUDGET)
        shell_check(&broker->shell, status);
    misbehaved(broker, peer, user_id, WIRE_OVER_BUDGET);
    return false;
}

static void take_hello(struct broker *broker, link_peer peer, const char *user_id, const Wire__Hello *hello)
{
    uint32_t region = region_of(user_id);
    struct wire_arena *arena = &broker->frame_arena;
    struct broker_event event = {.kind = BROKER_EVENT_HELLO};
    cert_verify_expect(broker->shell.directory, region, shell_wall_ms());
    event.hello = (struct broker_hello){
        .peer = peer,
        .region = region,
        .hello = hello,
        .receipt = gate_own_receipt(&broker->gate, hello->newest_receipt, arena),
        .completeness = gate_own_completeness(&broker->gate, hello->newest_completeness, arena),
    };
    if (looked_up(broker, peer, user_id, ledger_look_hello(&broker->ledger, &event.hello, arena)))
        broker_step(broker, &event);
}

static void log_refused_batch(struct broker *broker, const char *user_id, const struct gate_submit *seen)
{
    link_log_line(broker->shell.log, LINK_WARNING, "gate", "批次被拒", "batch refused", LINK_TEXT("peer", user_id),
                  LINK_TEXT("reason", wire_status_name(seen->failed)),
                  LINK_TEXT("mechanism", seen->batch->seal->mechanism),
                  LINK_UNSIGNED("first", seen->batch->seal->first), LINK_UNSIGNED("envelope", seen->at));
}

static void take_submit(struct broker *broker, link_peer peer, const char *user_id, const Wire__Submit *submit,
                        size_t frame_bytes)
{
    struct gate_submit seen;
    gate_submit(&broker->gate, region_of(user_id), submit, shell_wall_ms(), &broker->frame_arena, &seen);
    if (seen.batch == NULL) {
        misbehaved(broker, peer, user_id, seen.failed);
        return;
    }
    if (seen.failed != WIRE_OK && broker_refused(broker, seen.failed))
        log_refused_batch(broker, user_id, &seen);
    struct broker_event event = {.kind = BROKER_EVENT_SUBMIT};
    event.submit = (struct broker_submit){
        .peer = peer,
        .frame_bytes = (uint32_t)frame_bytes,
        .batch = seen.batch,
        .headers = seen.headers,
        .leaves = seen.leaves,
        .failed = seen.failed,
        .box_bad = seen.box_bad,
        .held = seen.held,
    };
    /* a foreign batch must not be looked up: its stream is another's */
    if (seen.failed != WIRE_FOREIGN_ORIGIN &&
        !looked_up(broker, peer, user_id, ledger_look_submit(&broker->ledger, &event.submit, &broker->frame_arena)))
        return;
    broker_step(broker, &event);
}

/* One event a part. What one part needed is given back before the next: there may be thousands. */
static void take_arrived(struct broker *broker, link_peer peer, const char *user_id, const Wire__Arrived *arrived)
{
    uint32_t region = region_of(user_id);
    int64_t wall_ms = shell_wall_ms();
    size_t mark = wire_arena_mark(&broker->frame_arena);
    for (size_t i = 0; i < arrived->n_part && !broker_post_leaving(broker->post, peer); i++) {
        struct broker_event event = {.kind = BROKER_EVENT_ARRIVED};
        Wire__ArrivedStatement *statement;
        event.arrived = (struct broker_arrived){.peer = peer, .part = arrived->part[i]};
        event.arrived.verified =
            gate_arrived(&broker->gate, region, arrived->part[i], wall_ms, &broker->frame_arena, &statement);
        event.arrived.statement = statement;
        bool good = event.arrived.verified == WIRE_OK;
        if (good && !looked_up(broker, peer, user_id,
                               ledger_look_arrived(&broker->ledger, region, &event.arrived, &broker->frame_arena)))
            return;
        broker_step(broker, &event);
        if (!good) /* the core cuts for it */
            return;
        wire_arena_back(&broker->frame_arena, mark);
    }
}

static void take_bye(struct broker *broker, link_peer peer, const char *user_id, const Wire__Bye *bye)
{
    link_log_line(broker->shell.log, LINK_INFO, "session", "对端告别", "peer said bye", LINK_TEXT("peer", user_id),
                  LINK_TEXT("reason", wire_status_name(bye->reason)));
    struct broker_event event = {.kind = BROKER_EVENT_PEER_DOWN};
    event.peer_down = (struct broker_peer_down){.peer = peer, .status = WIRE_CLOSED};
    broker_step(broker, &event);
    link_server_cut(broker->server, peer);
}

void broker_hear(struct broker *broker, link_peer peer, const char *user_id, struct wire_bytes payload)
{
    struct wire_arena *arena = &broker->frame_arena;
    wire_arena_reset(arena);
    if (broker->shell.stopping || broker_post_leaving(broker->post, peer))
        return;
    enum wire_status status;
    Wire__Frame *frame = gate_decode(payload, arena, &status);
    if (frame == NULL) {
        misbehaved(broker, peer, user_id, status);
        return;
    }
    struct broker_event event = {0};
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_HELLO:
        take_hello(broker, peer, user_id, frame->hello);
        break;
    case WIRE__FRAME__BODY_SUBMIT:
        take_submit(broker, peer, user_id, frame->submit, payload.size);
        break;
    case WIRE__FRAME__BODY_ARRIVED:
        take_arrived(broker, peer, user_id, frame->arrived);
        break;
    case WIRE__FRAME__BODY_CREDIT:
        event.kind = BROKER_EVENT_CREDIT;
        event.credit = (struct broker_credit){.peer = peer, .credit = frame->credit};
        broker_step(broker, &event);
        break;
    case WIRE__FRAME__BODY_PULSE:
        event.kind = BROKER_EVENT_PULSE;
        event.pulse = (struct broker_pulse){.peer = peer, .pulse = frame->pulse};
        broker_step(broker, &event);
        break;
    default: /* gate_decode lets nothing else through */
        take_bye(broker, peer, user_id, frame->bye);
        break;
    }
}

void broker_on_down(void *ctx, link_peer peer, const char *user_id, enum link_down why)
{
    struct broker *broker = ctx;
    enum link_level level = why == LINK_DOWN_BY_PEER || why == LINK_CUT_BY_OWNER ? LINK_INFO : LINK_WARNING;
    link_log_line(broker->shell.log, level, "session", "连接结束", "connection ended", LINK_TEXT("peer", user_id),
                  LINK_TEXT("why", link_down_name(why)));
    broker_waiting_end(broker->waiting, peer, !broker->shell.stopping && why == LINK_DOWN_BY_PEER);
    if (broker->shell.stopping)
        return;
    struct broker_event event = {.kind = BROKER_EVENT_PEER_DOWN};
    event.peer_down = (struct broker_peer_down){.peer = peer, .status = WIRE_CLOSED};
    broker_step(broker, &event);
}
