/* The step: one event in, effects out, then whatever may go on because of it. */
#include "node/core/core.h"
#include "node/core/boot.h"
#include "node/core/clock.h"
#include "node/core/inbox.h"
#include "node/core/receipt.h"
#include "node/core/session.h"
#include "node/core/stream.h"

/* --- memory ---------------------------------------------------------------------------------------------------------
 */

static struct node_options with_defaults(const struct node_options *options)
{
    struct node_options o = *options;
    o.lanes_max = o.lanes_max == 0 ? NODE_LANES_DEFAULT : o.lanes_max;
    o.streams_max = o.streams_max == 0 ? NODE_STREAMS_DEFAULT : o.streams_max;
    o.seals_max = o.seals_max == 0 ? NODE_SEALS_DEFAULT : o.seals_max;
    o.drafts_max = o.drafts_max == 0 ? WIRE_BATCH_ENVELOPES_MAX : o.drafts_max;
    return o;
}

static size_t aligned(size_t size)
{
    return (size + 15) & ~(size_t)15;
}

static void *carve(uint8_t **at, size_t size)
{
    void *part = *at;
    *at += aligned(size);
    return part;
}

size_t node_core_size(const struct node_options *options)
{
    struct node_options o = with_defaults(options);
    return aligned(sizeof(struct node_core)) + aligned(o.lanes_max * sizeof(struct node_lane)) +
           aligned(o.streams_max * sizeof(struct node_stream)) + aligned(o.seals_max * sizeof(struct node_seal_slot)) +
           NODE_SCRATCHES * (size_t)NODE_SCRATCH_BYTES;
}

static void init_links(struct node_core *core)
{
    for (size_t i = 0; i < core->options.link_count; i++) {
        size_t size = strlen(core->options.link[i].name);
        ENSURE(size >= 1 && size <= NODE_LINK_NAME_MAX);
        core->link[i].options = &core->options.link[i];
        core->link[i].pulse_ms = WIRE_PULSE_MS;
        core->link[i].rtt_ms = -1;
    }
}

struct node_core *node_core_init(void *memory, size_t size, const struct node_options *options)
{
    struct node_core *core = memory;
    uint8_t *at = memory;
    ENSURE(size >= node_core_size(options) && options->link_count <= NODE_LINKS_MAX && options->hash != NULL);
    carve(&at, sizeof *core);
    core->options = with_defaults(options);
    ENSURE(core->options.drafts_max <= WIRE_BATCH_ENVELOPES_MAX);
    core->lanes_max = core->options.lanes_max;
    core->streams_max = core->options.streams_max;
    core->seals_max = core->options.seals_max;
    core->lane = carve(&at, core->lanes_max * sizeof *core->lane);
    core->stream = carve(&at, core->streams_max * sizeof *core->stream);
    core->seal = carve(&at, core->seals_max * sizeof *core->seal);
    for (size_t i = 0; i < NODE_SCRATCHES; i++)
        wire_arena_over(&core->scratch[i], carve(&at, NODE_SCRATCH_BYTES), NODE_SCRATCH_BYTES);
    init_links(core);
    return core;
}

/* --- events ---------------------------------------------------------------------------------------------------------
 */

static void on_committed(struct node_step *s)
{
    struct node_core *core = s->core;
    if (s->event->u.ticket <= core->committed)
        return;
    ENSURE(s->event->u.ticket <= core->last_ticket);
    core->committed = s->event->u.ticket;
    for (size_t i = 0; i < core->options.link_count; i++) {
        node_session_committed(s, (uint8_t)i);
        node_receipts_committed(s, (uint8_t)i);
        node_deliver_grant(s, (uint8_t)i, core->committed);
    }
}

static void on_fetched(struct node_step *s)
{
    struct node_core *core = s->core;
    for (size_t i = 0; i < NODE_FETCHES_MAX; i++) {
        if (core->fetching[i].request != s->event->u.fetched.request || core->fetching[i].request == 0)
            continue;
        struct node_fetching fetching = core->fetching[i];
        core->fetching[i].request = 0;
        node_work_all(core);
        switch (fetching.kind) {
        case NODE_FETCH_DRAFTS:
            node_seal_fetched(s, &fetching);
            return;
        case NODE_FETCH_READY:
            node_ready_fetched(s, &fetching);
            return;
        case NODE_FETCH_RENEW:
            node_renew_fetched(s, &fetching);
            return;
        case NODE_FETCH_SWEEP:
            node_sweep_fetched(s, &fetching);
            return;
        case NODE_FETCH_HELD:
            node_held_fetched(s, &fetching);
            return;
        case NODE_FETCH_EXPIRY:
            node_expiry_fetched(s);
            return;
        }
    }
}

static void sweep_all(struct node_step *s)
{
    struct node_core *core = s->core;
    if (s->event->mono_ms < core->sweep_mono_ms)
        return;
    node_held_retry(s); /* rules come into force, certificates become valid: with time alone */
    core->sweep_mono_ms = s->event->mono_ms + NODE_SWEEP_MS;
    for (uint32_t i = 0; i < core->stream_top; i++)
        if (core->stream[i].used && core->stream[i].kept_from <= core->stream[i].last)
            core->stream[i].sweep = true;
}

static void on_timer(struct node_step *s)
{
    for (size_t i = 0; i < s->core->options.link_count; i++)
        node_session_timer(s, (uint8_t)i);
    node_policy_timer(s);
    node_erase_timer(s);
    sweep_all(s);
    s->core->woken_ms = 0;
    node_work_all(s->core);
}

static void on_boot_done(struct node_step *s)
{
    node_on_boot_done(s);
    node_erase_timer(s);
}

static void on_up(struct node_step *s)
{
    node_on_up(s, s->event->u.link);
}

static void on_lost(struct node_step *s)
{
    node_session_over(s, s->event->u.link, WIRE_CLOSED);
}

static void on_reconnect(struct node_step *s)
{
    node_session_cut(s, s->event->u.link, WIRE_CLOSED);
}

static void on_continue(struct node_step *s)
{
    (void)s; /* the pump does the rest */
}

static void dispatch(struct node_step *s)
{
    static void (*const handlers[])(struct node_step *) = {
        [NODE_ON_BOOT_ROW] = node_on_boot_row,
        [NODE_ON_BOOT_DONE] = on_boot_done,
        [NODE_ON_COMMITTED] = on_committed,
        [NODE_ON_FETCHED] = on_fetched,
        [NODE_ON_TIMER] = on_timer,
        [NODE_ON_CONTINUE] = on_continue,
        [NODE_ON_POLICY] = node_on_policy,
        [NODE_ON_DIRECTORY] = node_on_directory,
        [NODE_ON_ROOM] = node_on_room,
        [NODE_ON_UP] = on_up,
        [NODE_ON_LOST] = on_lost,
        [NODE_ON_WELCOME] = node_on_welcome,
        [NODE_ON_RECEIPT] = node_on_receipt,
        [NODE_ON_DELIVER] = node_on_deliver,
        [NODE_ON_CREDIT] = node_on_credit,
        [NODE_ON_PULSE] = node_on_pulse,
        [NODE_ON_POLICY_PIECE] = node_on_policy_piece,
        [NODE_ON_DIRECTORY_PIECE] = node_on_directory_piece,
        [NODE_ON_BYE] = node_on_bye,
        [NODE_ON_BAD_FRAME] = node_on_bad_frame,
        [NODE_ON_SEALED] = node_on_sealed,
        [NODE_ON_PUBLISH] = node_on_publish,
        [NODE_ON_WITHDRAW] = node_on_withdraw,
        [NODE_ON_RECONNECT] = on_reconnect,
        [NODE_ON_ERASED] = node_on_erased,
    };
    enum node_event_kind kind = s->event->kind;
    ENSURE(kind > 0 && (size_t)kind < sizeof handlers / sizeof handlers[0] && handlers[kind] != NULL);
    handlers[kind](s);
}

/* --- what may go on -------------------------------------------------------------------------------------------------
 */

/* What keeps it, when that must keep all others of its lane too, lest a large frame never gets what it needs. */
static enum node_sending pump_lane(struct node_step *s, uint32_t index)
{
    struct node_core *core = s->core;
    struct node_lane *lane = node_lane_at(core, index);
    bool sends = node_link_sends(core, lane->link);
    enum node_sending kept = NODE_SENT_ALL;
    uint32_t next;
    for (uint32_t at = lane->streams; at != NODE_NONE; at = next) {
        next = core->stream[at].next; /* a pump may close a stream, never free one with seqs in it */
        node_renew_pump(s, at);
        enum node_sending sending = sends ? node_stream_pump(s, at) : NODE_SENT_ALL;
        kept = sending > kept ? sending : kept;
        node_sweep_pump(s, at);
    }
    if (sends && kept < NODE_LACKS_CREDIT && node_has_room(s))
        node_seal_pump(s, index);
    return kept;
}

/* The lane entries of one link and lane, in turn. False: it keeps its turn, and the lanes after it wait. */
static bool pump_turn(struct node_step *s, uint8_t index, size_t lane)
{
    struct node_core *core = s->core;
    struct node_link *link = &core->link[index];
    uint32_t first = link->turn[lane];
    for (uint32_t i = 0; i < core->lane_count; i++) {
        uint32_t at = (first + i) % core->lane_count;
        if (core->lane[at].link != index || (size_t)core->lane[at].lane != lane)
            continue;
        if (!node_has_room(s)) {
            link->work = true;
            return true;
        }
        enum node_sending kept = pump_lane(s, at);
        if (kept >= NODE_LACKS_CREDIT) {
            link->turn[lane] = at;
            return kept != NODE_CROWDED;
        }
    }
    link->turn[lane] = first + 1;
    return true;
}

/* Flash, then the others by weight. */
static size_t next_lane(const struct node_link *link, const bool done[WIRE_LANES])
{
    size_t next = WIRE_LANES;
    for (size_t lane = 0; lane < WIRE_LANES; lane++)
        if (!done[lane] && (next == WIRE_LANES || wire_credit_turn(&link->credit, (uint32_t)lane) <
                                                      wire_credit_turn(&link->credit, (uint32_t)next)))
            next = lane;
    return next;
}

static void pump_link(struct node_step *s, uint8_t index)
{
    struct node_link *link = &s->core->link[index];
    link->work = false;
    bool done[WIRE_LANES] = {false};
    for (size_t lane = next_lane(link, done); lane < WIRE_LANES && pump_turn(s, index, lane);
         lane = next_lane(link, done))
        done[lane] = true;
    link->work = link->work || !node_has_room(s);
}

static void pump(struct node_step *s)
{
    struct node_core *core = s->core;
    if (!core->booted)
        return;
    node_held_pump(s);
    node_expiry_pump(s);
    for (size_t i = 0; i < core->options.link_count; i++) {
        if (!core->link[i].work)
            continue;
        if (node_has_room(s))
            pump_link(s, (uint8_t)i);
        s->out->more = s->out->more || core->link[i].work;
    }
}

static void wake(struct node_step *s)
{
    struct node_core *core = s->core;
    if (!core->booted)
        return;
    int64_t next_ms = node_clock_next_ms(core, s->event);
    for (size_t i = 0; i < core->options.link_count; i++) {
        int64_t at_ms = node_session_next_ms(core, (uint8_t)i);
        next_ms = at_ms < next_ms ? at_ms : next_ms;
    }
    if (next_ms == core->woken_ms)
        return;
    core->woken_ms = next_ms;
    node_effect(s, NODE_DO_WAKE)->u.wake = next_ms;
}

void node_core_step(struct node_core *core, const struct node_event *event, struct node_out *out)
{
    struct node_step s;
    node_step_begin(&s, core, event, out);
    ENSURE(core->booted || event->kind == NODE_ON_BOOT_ROW || event->kind == NODE_ON_BOOT_DONE);
    node_clock(&s);
    dispatch(&s);
    pump(&s);
    node_put_changed(&s);
    wake(&s);
    node_step_end(&s);
}
