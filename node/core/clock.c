/* Time: a jump of the wall clock against the monotonic one makes the clock unsure; then nothing expires, falls due or
 * is erased until it has been steady for a minute. Days that have passed are erased. */
#include "node/core/clock.h"
#include "node/core/local.h"
#include "node/core/session.h"
#include "wire/canary.h"

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

static void set_unsure(struct node_step *s, bool unsure, int64_t jump_ms)
{
    struct node_note *note = node_note(s, NODE_NOTE_CLOCK, NODE_NO_LINK);
    s->core->clock_unsure = unsure;
    note->status = unsure ? WIRE_CLOCK_UNSURE : WIRE_OK;
    note->a = unsure;
    note->b = (uint64_t)jump_ms;
}

/* The clock ran behind and was put right, or it runs ahead now: in either case what changed before the jump is later
 * than what was written down, by the clock of others. (Put back again it stays too late: doubt, not a false alarm.) */
static void jumped(struct node_core *core, int64_t ahead_ms)
{
    if (ahead_ms > 0)
        core->directory_changed_ms += ahead_ms;
}

void node_clock(struct node_step *s)
{
    struct node_core *core = s->core;
    int64_t mono_ms = s->event->mono_ms, wall_ms = s->event->wall_ms;
    int64_t jump_ms = distance(wall_ms - core->clock_wall_ms, mono_ms - core->clock_mono_ms);
    if (core->clock_known && jump_ms > NODE_CLOCK_JUMP_MS) {
        set_unsure(s, true, jump_ms);
        core->steady_since_mono_ms = mono_ms;
        jumped(core, (wall_ms - core->clock_wall_ms) - (mono_ms - core->clock_mono_ms));
    } else if (core->clock_unsure && mono_ms >= core->steady_since_mono_ms + NODE_CLOCK_STEADY_MS) {
        set_unsure(s, false, 0);
        node_work_all(core);
    }
    if (!core->clock_known || jump_ms > NODE_CLOCK_JUMP_MS || mono_ms >= core->clock_mono_ms + NODE_CLOCK_STEADY_MS) {
        core->clock_known = true; /* slow drift is not a jump: the anchor follows once a minute */
        core->clock_mono_ms = mono_ms;
        core->clock_wall_ms = wall_ms;
    }
}

void node_erase_timer(struct node_step *s)
{
    struct node_core *core = s->core;
    if (core->clock_unsure || core->erasing_day != 0)
        return;
    uint32_t yesterday = wire_day_add(wire_day_of(s->event->wall_ms), -1);
    if (yesterday <= core->erased_day || CANARY(KEEP_DAYS))
        return;
    core->erasing_day = yesterday;
    node_effect(s, NODE_DO_ERASE)->u.erase = yesterday;
}

void node_on_erased(struct node_step *s)
{
    struct node_core *core = s->core;
    if (s->event->u.day > core->erased_day) {
        core->erased_day = s->event->u.day;
        core->dirty_meta = true;
    }
    core->erasing_day = 0;
    node_work_all(core);
}

static void earlier(int64_t *next_ms, int64_t now_ms, int64_t at_ms)
{
    if (at_ms > now_ms && at_ms < *next_ms) /* what is due already is being seen to */
        *next_ms = at_ms;
}

int64_t node_clock_next_ms(const struct node_core *core, const struct node_event *event)
{
    int64_t next_ms = INT64_MAX, now_ms = event->mono_ms;
    int64_t midnight_ms = wire_day_start(wire_day_add(wire_day_of(event->wall_ms), 1)) - event->wall_ms;
    earlier(&next_ms, now_ms, core->sweep_mono_ms);
    earlier(&next_ms, now_ms, core->expiry_poll_mono_ms);
    earlier(&next_ms, now_ms, now_ms + midnight_ms);
    if (core->clock_unsure)
        earlier(&next_ms, now_ms, core->steady_since_mono_ms + NODE_CLOCK_STEADY_MS);
    if (core->rules_next.policy != NULL)
        earlier(&next_ms, now_ms, now_ms + core->rules_next.in_force_ms - event->wall_ms);
    for (uint32_t i = 0; i < core->lane_count; i++)
        earlier(&next_ms, now_ms, core->lane[i].not_before_mono_ms);
    return next_ms;
}
