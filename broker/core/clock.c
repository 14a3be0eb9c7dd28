/* Time: the wall clock is trusted as long as it runs with the monotonic one. One timer for everything. */
#include "broker/core/inside.h"

void broker_clock_see(struct broker_core *core, const struct broker_event *event)
{
    int64_t offset = event->wall_ms - event->mono_ms;
    int64_t jump = offset - core->clock_offset_ms;
    if (core->clock_known && (jump > JUMP_MS || jump < -JUMP_MS)) {
        core->clock_unsure = true;
        core->clock_unsure_at_ms = event->mono_ms;
    } else if (core->clock_unsure && event->mono_ms - core->clock_unsure_at_ms >= STEADY_MS) {
        core->clock_unsure = false;
    }
    core->clock_known = true;
    core->clock_offset_ms = offset;
}

/* --- the sweep over sessions ---------------------------------------------------------------------------------------
 */
static void sweep_session(struct broker_core *core, struct region *region)
{
    if (core->mono_ms - region->heard_ms > 3 * (int64_t)core->options.pulse_ms) {
        region->cut_status = WIRE_SILENT;
        broker_tell(core, region, TELL_CUT);
        return;
    }
    if (region->pulse_at_ms <= core->mono_ms) {
        region->pulse_at_ms = core->mono_ms + core->options.pulse_ms;
        broker_link_see(core, region);
        broker_tell(core, region, TELL_PULSE);
    }
    if (broker_credit_held(core, region))
        broker_tell(core, region, TELL_CREDIT);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* All sessions at once; the next sweep is when the first of them needs it. */
static void sweep(struct broker_core *core)
{
    int64_t next = INT64_MAX;
    for (uint32_t i = 0; i < core->active_count; i++) {
        struct region *region = &core->regions[core->active[i]];
        sweep_session(core, region);
        next = sooner(next, region->pulse_at_ms);
        if (broker_credit_held(core, region))
            next = sooner(next, core->mono_ms + SWEEP_MS);
    }
    /* Pulses of many sessions fall together in quarters of a second. */
    core->sweep_ms = next == INT64_MAX ? INT64_MAX : next + SWEEP_MS - 1 - (next + SWEEP_MS - 1) % SWEEP_MS;
}

void broker_on_timer(struct broker_core *core, const struct broker_event *event)
{
    (void)event;
    core->wake_set = false;
    if (core->mono_ms >= core->sweep_ms)
        sweep(core);
    if (core->mono_ms >= core->minute_ms) {
        core->minute_ms = core->mono_ms + MINUTE_MS;
        broker_links_sample(core);
    }
}

/* When a policy that waits comes into force, everybody's reason may change. */
static int64_t policy_wake(const struct broker_core *core)
{
    int64_t wake = INT64_MAX;
    for (uint32_t i = 0; i < core->policy_count; i++) {
        int64_t in = core->policies[i].in_force_ms - core->wall_ms;
        if (in > 0 && in < DAY_MS)
            wake = sooner(wake, core->mono_ms + in);
    }
    return wake;
}

/* At most a day ahead, so that arithmetic on due times stays small. */
static int64_t due_wake(const struct broker_core *core)
{
    if (core->due_ms == INT64_MAX || broker_reason(core) != WIRE_OK || core->shutting_down || core->due_fetching ||
        core->seal_request != 0 || core->fetches >= BROKER_FETCHES_MAX)
        return INT64_MAX; /* another event comes first */
    int64_t in = core->due_ms - core->wall_ms;
    int64_t at = core->mono_ms + (in < 0 ? 0 : in > DAY_MS ? DAY_MS : in);
    return at < core->seal_not_before_ms ? core->seal_not_before_ms : at;
}

void broker_arm(struct broker_core *core)
{
    int64_t wake = sooner(sooner(core->sweep_ms, core->minute_ms), sooner(due_wake(core), policy_wake(core)));
    if (core->clock_unsure)
        wake = sooner(wake, core->clock_unsure_at_ms + STEADY_MS);
    if (wake <= core->mono_ms)
        wake = core->mono_ms + 1;
    if (core->wake_set && core->wake_ms == wake)
        return;
    core->wake_set = true;
    core->wake_ms = wake;
    broker_effect(core, BROKER_WAKE)->wake_ms = wake;
}
