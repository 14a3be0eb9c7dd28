#include "broker/core/inside.h"

void broker_options_default(struct broker_options *options, const struct wire_hash *hash)
{
    *options = (struct broker_options){
        .hash = hash,
        .regions_max = 4096,
        .queues_max = 65536,
        .mechanisms_max = 256,
        .window_rows = 65536 + 16384,
        .pulse_ms = WIRE_PULSE_MS,
        .flash_bytes_per_minute = 4 * 1024 * 1024,
    };
}

/* --- memory: one block, cut into arrays ----------------------------------------------------------------------------
 */
struct cutter {
    uint8_t *base; /* NULL: only measured */
    size_t used;
};

static void *cut(struct cutter *cutter, size_t size, size_t count)
{
    void *at = cutter->base == NULL ? NULL : cutter->base + cutter->used;
    cutter->used += (size * count + 15) & ~(size_t)15;
    return at;
}

static uint32_t slots_for(uint32_t entries)
{
    uint32_t slots = 16;
    while (slots < entries * 2 + 2)
        slots *= 2;
    return slots;
}

static void cut_index(struct cutter *cutter, struct index *index, uint32_t entries)
{
    index->mask = slots_for(entries) - 1;
    index->slots = cut(cutter, sizeof *index->slots, (size_t)index->mask + 1);
}

static void cut_ring(struct cutter *cutter, struct ring *ring, uint32_t entries)
{
    ring->size = entries;
    ring->slots = cut(cutter, sizeof *ring->slots, entries);
}

static size_t cut_all(struct broker_core *core, const struct broker_options *options, uint8_t *base)
{
    struct cutter cutter = {.base = base};
    cut(&cutter, sizeof *core, 1);
    core->regions = cut(&cutter, sizeof *core->regions, options->regions_max);
    core->queues = cut(&cutter, sizeof *core->queues, options->queues_max);
    core->mechanisms = cut(&cutter, sizeof *core->mechanisms, options->mechanisms_max);
    core->active = cut(&cutter, sizeof *core->active, options->regions_max);
    core->window = cut(&cutter, sizeof *core->window, options->window_rows);
    core->parts = cut(&cutter, sizeof *core->parts, options->regions_max);
    core->part_of = cut(&cutter, sizeof *core->part_of, options->regions_max);
    /* Envelopes and what they answer, obligations (two rows each), three rows a part and as many again for parts cut in
     * two. */
    core->rows_max = 4 * WIRE_BATCH_ENVELOPES_MAX + 2 * BROKER_DUTIES_MAX + 8 * options->regions_max + 4096;
    core->rows = cut(&cutter, sizeof *core->rows, core->rows_max);
    core->facts = cut(&cutter, BROKER_FACT_BYTES, WIRE_BATCH_ENVELOPES_MAX);
    core->scratch_leaf = cut(&cutter, sizeof *core->scratch_leaf, WIRE_BATCH_ENVELOPES_MAX);
    core->statement = cut(&cutter, STATEMENT_BUFFER, 1);
    core->dispositions = cut(&cutter, STATEMENT_BUFFER, 1);
    cut_index(&cutter, &core->region_of, options->regions_max);
    cut_index(&cutter, &core->peer_of, options->regions_max);
    cut_index(&cutter, &core->queue_of, options->queues_max);
    cut_ring(&cutter, &core->ready, options->regions_max);
    cut_ring(&cutter, &core->on_commit, options->regions_max);
    cut_ring(&cutter, &core->hungry, options->regions_max);
    return cutter.used;
}

static void options_check(const struct broker_options *options)
{
    ENSURE(options->hash != NULL && options->regions_max >= 1 && options->regions_max <= 1u << 20);
    ENSURE(options->queues_max >= 1 && options->queues_max <= 1u << 24);
    ENSURE(options->mechanisms_max >= 1 && options->mechanisms_max <= 1u << 16);
    ENSURE(options->window_rows >= BROKER_WINDOW_ROWS);
}

size_t broker_core_size(const struct broker_options *options)
{
    struct broker_core scratch; /* only its pointers and masks are set */
    options_check(options);
    return cut_all(&scratch, options, NULL);
}

struct broker_core *broker_core_init(void *memory, size_t size, const struct broker_options *options)
{
    struct broker_core *core = memory;
    ENSURE(size >= broker_core_size(options));
    cut_all(core, options, memory);
    core->options = *options;
    if (core->options.pulse_ms == 0)
        core->options.pulse_ms = WIRE_PULSE_MS;
    if (core->options.flash_bytes_per_minute == 0)
        core->options.flash_bytes_per_minute = 4 * 1024 * 1024;
    core->window_free = NONE;
    core->due_ms = INT64_MAX;
    core->generation = 1;
    return core;
}

/* --- the step ------------------------------------------------------------------------------------------------------
 */
static void on_continue(struct broker_core *core, const struct broker_event *event)
{
    (void)core;
    (void)event;
}

static void dispatch(struct broker_core *core, const struct broker_event *event)
{
    static void (*const handlers[])(struct broker_core *, const struct broker_event *) = {
        [BROKER_EVENT_BOOT_ROW] = broker_on_boot_row,   [BROKER_EVENT_BOOT_DONE] = broker_on_boot_done,
        [BROKER_EVENT_CONTINUE] = on_continue,          [BROKER_EVENT_COMMITTED] = broker_on_committed,
        [BROKER_EVENT_FETCHED] = broker_on_fetched,     [BROKER_EVENT_TIMER] = broker_on_timer,
        [BROKER_EVENT_POLICY] = broker_on_policy,       [BROKER_EVENT_DIRECTORY] = broker_on_directory,
        [BROKER_EVENT_ROOM] = broker_on_room,           [BROKER_EVENT_HELLO] = broker_on_hello,
        [BROKER_EVENT_PEER_DOWN] = broker_on_peer_down, [BROKER_EVENT_SUBMIT] = broker_on_submit,
        [BROKER_EVENT_SEALED] = broker_on_sealed,       [BROKER_EVENT_ARRIVED] = broker_on_arrived,
        [BROKER_EVENT_CREDIT] = broker_on_credit,       [BROKER_EVENT_PULSE] = broker_on_pulse,
        [BROKER_EVENT_SENT] = broker_on_sent,           [BROKER_EVENT_OPERATOR] = broker_on_operator,
    };
    ENSURE(event->kind >= BROKER_EVENT_BOOT_ROW && event->kind <= BROKER_EVENT_OPERATOR);
    ENSURE(core->booted == (event->kind != BROKER_EVENT_BOOT_ROW && event->kind != BROKER_EVENT_BOOT_DONE));
    handlers[event->kind](core, event);
}

void broker_core_step(struct broker_core *core, const struct broker_event *event, struct broker_out *out)
{
    ENSURE(out->arena.size >= BROKER_OUT_ARENA_BYTES - 64);
    wire_arena_reset(&out->arena);
    out->count = 0;
    core->out = out;
    core->rows_used = core->rows_from = 0;
    core->mono_ms = event->mono_ms;
    core->wall_ms = event->wall_ms;
    broker_clock_see(core, event);
    dispatch(core, event);
    if (core->booted) {
        broker_reason_changed(core);
        broker_obligations_want(core);
        out->more = broker_run_ready(core);
        broker_arm(core);
    }
    ENSURE(!out->arena.exhausted);
    core->out = NULL;
}

void broker_core_totals(const struct broker_core *core, struct broker_totals *out)
{
    *out = (struct broker_totals){
        .generation = core->generation,
        .serial = core->serial,
        .policy_version = broker_policy_newest(core),
        .directory_epoch = core->directory_epoch,
        .reason = broker_reason(core),
        .regions = core->region_count,
        .sessions = core->active_count,
        .queues = core->queue_count,
        .admitted = core->totals.admitted,
        .refused = core->totals.refused,
        .duplicates = core->totals.duplicates,
        .expired = core->totals.expired,
        .arrived = core->totals.arrived,
        .misbehaved = core->totals.misbehaved,
    };
    memcpy(out->ledger_id, core->ledger_id, WIRE_ID_BYTES);
    memcpy(out->own_store_id, core->own_store_id, WIRE_ID_BYTES);
}
