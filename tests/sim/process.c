/* Life, clock and commits of one process, broker or node. */
#include "sim.h"

enum { WALL_MS = 1581264000 /* s: 2020-02-10 00:00 +08:00 */ };

int64_t sim_mono_ms(const struct sim_process *process)
{
    return (process->sim->now_us - process->mono_zero_us) / 1000;
}

int64_t sim_true_ms(const struct sim *sim)
{
    return WALL_MS * 1000LL + sim->now_us / 1000;
}

int64_t sim_wall_ms(const struct sim_process *process)
{
    int64_t now_us = process->sim->now_us;
    return sim_true_ms(process->sim) + process->skew_ms +
           (now_us - process->drift_since_us) / 1000 * process->drift_ppm / 1000000;
}

bool sim_process_defer(struct sim_process *process, sim_do *run, void *what, uint64_t number)
{
    if (process->sim->now_us >= process->paused_until_us)
        return false;
    sim_queue_add(&process->sim->queue, process->paused_until_us, run, what, number);
    return true;
}

static void on_stored(struct sim *sim, void *what, uint64_t life)
{
    struct sim_process *process = what;
    (void)sim;
    if (process->up && process->life == life && !sim_process_defer(process, on_stored, what, life))
        process->stored(process);
}

static void on_commit(struct sim *sim, void *what, uint64_t life)
{
    struct sim_process *process = what;
    if (!process->up || process->life != life)
        return;
    process->commit_due = false;
    bool more = keep_memory_commit(process->keep) && keep_room(process->keep).pending_bytes > 0;
    sim_after(sim, sim_between(sim, 0, 300), on_stored, process, life);
    if (more)
        sim_process_touch(process);
}

void sim_process_touch(struct sim_process *process)
{
    struct sim *sim = process->sim;
    if (process->commit_due)
        return;
    process->commit_due = true;
    int64_t in_us = sim_between(sim, 100, process->commit_us);
    if (sim->now_us < process->slow_until_us)
        in_us = sim_between(sim, 100 * SIM_MS, 2 * SIM_S);
    sim_after(sim, in_us, on_commit, process, process->life);
}

void sim_process_fetched(struct sim_process *process)
{
    sim_after(process->sim, sim_between(process->sim, 50, 5000), on_stored, process, process->life);
}

static void on_wake(struct sim *sim, void *what, uint64_t wakes)
{
    struct sim_process *process = what;
    if (!process->up || process->wakes != wakes || sim_process_defer(process, on_wake, what, wakes))
        return;
    (void)sim;
    process->timer(process);
}

void sim_process_wake(struct sim_process *process, int64_t mono_ms)
{
    int64_t at_us = process->mono_zero_us + mono_ms * 1000 + 999;
    struct sim *sim = process->sim;
    process->wake_at_us = at_us < sim->now_us ? sim->now_us : at_us;
    sim_queue_add(&sim->queue, process->wake_at_us, on_wake, process, ++process->wakes);
}

static void on_restart(struct sim *sim, void *what, uint64_t life)
{
    struct sim_process *process = what;
    if (process->up || process->life != life)
        return;
    sim_trace(sim, "%s starts", process->name);
    process->up = true;
    process->broken = false;
    process->ticket_last = process->ticket_own = 0;
    process->started_us = sim->now_us;
    process->mono_zero_us = sim->now_us - sim_between(sim, 0, SIM_MINUTE);
    process->paused_until_us = 0;
    process->start(process);
}

void sim_process_crash(struct sim_process *process, int64_t restart_us)
{
    struct sim *sim = process->sim;
    if (process->up) {
        sim_trace(sim, "%s dies", process->name);
        sim->count.crashes++;
        process->up = false;
        process->crash(process);
        keep_memory_crash(process->keep);
    }
    process->life++;
    process->wakes++;
    process->commit_due = false;
    if (restart_us > 0)
        sim_after(sim, restart_us, on_restart, process, process->life);
}

/* --- disks and clocks --------------------------------------------------------------------------------------------- */

static void on_room(struct sim *sim, void *what, uint64_t life)
{
    struct sim_process *process = what;
    (void)sim;
    if (process->up && process->life == life && !sim_process_defer(process, on_room, what, life))
        process->room(process);
}

void sim_process_disk(struct sim_process *process, bool full)
{
    process->disk_full = full;
    keep_memory_disk_full(process->keep, full);
    sim_trace(process->sim, "%s: disk %s", process->name, full ? "full" : "has room");
    sim_after(process->sim, sim_between(process->sim, 0, SIM_S), on_room, process, process->life);
}

static void on_recheck(struct sim *sim, void *what, uint64_t rechecks)
{
    struct sim_process *process = what;
    (void)sim;
    if (process->up && process->rechecks == rechecks && !sim_process_defer(process, on_recheck, what, rechecks))
        process->recheck(process);
}

void sim_process_recheck(struct sim_process *process, uint64_t epoch)
{
    int64_t now_ms = sim_wall_ms(process), next_ms = sim_trust_next_ms(process->sim, epoch, now_ms);
    process->rechecks++;
    if (next_ms == INT64_MAX)
        return;
    int64_t in_us = (next_ms - now_ms) * SIM_MS + sim_between(process->sim, 1, SIM_S);
    sim_after(process->sim, in_us, on_recheck, process, process->rechecks);
}

void sim_process_clock(struct sim_process *process, int64_t skew_ms, int64_t drift_ppm)
{
    process->skew_ms = skew_ms;
    process->drift_ppm = drift_ppm;
    process->drift_since_us = process->clock_us = process->sim->now_us;
    sim_trace(process->sim, "%s: clock off by %lld ms, %lld ppm", process->name, (long long)skew_ms,
              (long long)drift_ppm);
    sim_after(process->sim, SIM_S, on_recheck, process, ++process->rechecks);
}

void sim_process_image(struct sim_process *process)
{
    struct sim *sim = process->sim;
    size_t at = process->image_count < SIM_IMAGES ? process->image_count++ : 1 + sim_below(sim, SIM_IMAGES - 1);
    keep_memory_image_free(&process->image[at]);
    process->image[at] = keep_memory_image(process->keep);
}
