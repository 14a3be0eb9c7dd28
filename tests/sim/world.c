/* One run: from an empty world to one in which everything that was promised has come true. */
#include "sim.h"

#include "certs/hash.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ARENA_BYTES = 128 * 1024 * 1024, /* untouched pages cost nothing */
    DRAIN_MINUTES = 25,
    STEADY_S = 75, /* clocks are trusted again by then */
};

/* --- saying ------------------------------------------------------------------------------------------------------- */

void sim_mix(struct sim *sim, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t h = sim->digest ^ size;
    for (; size >= 8; size -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
        h ^= h >> 32;
    }
    for (size_t i = 0; i < size; i++)
        h = (h ^ bytes[i]) * 0x100000001b3ULL;
    sim->digest = h;
}

void sim_trace(struct sim *sim, const char *format, ...)
{
    if (!sim->options.trace)
        return;
    char **line = &sim->trace[sim->trace_count++ % sim->options.trace_last];
    char head[64], *rest = NULL;
    va_list arguments;
    snprintf(head, sizeof head, "%lld.%06lld %llu ", (long long)(sim->now_us / SIM_S), (long long)(sim->now_us % SIM_S),
             (unsigned long long)sim->steps);
    va_start(arguments, format);
    ENSURE(vasprintf(&rest, format, arguments) >= 0);
    va_end(arguments);
    free(*line);
    ENSURE(asprintf(line, "%s%s", head, rest) >= 0);
    free(rest);
}

static void print_trace(const struct sim *sim)
{
    size_t last = sim->options.trace_last;
    size_t from = sim->trace_count > last ? sim->trace_count - last : 0;
    for (size_t i = from; sim->options.trace && i < sim->trace_count; i++)
        fprintf(stderr, "%s\n", sim->trace[i % last]);
}

static void fill_report(const struct sim *sim, struct sim_report *report)
{
    report->at_us = sim->now_us;
    report->steps = sim->steps;
    report->published = sim->count.published;
    report->delivered = sim->count.delivered;
}

void sim_fail(struct sim *sim, int invariant, const char *format, ...)
{
    struct sim_report report = {.invariant = invariant};
    va_list arguments;
    int used =
        snprintf(report.text, sizeof report.text, "step %llu, %lld.%06lld s%s: ", (unsigned long long)sim->steps,
                 (long long)(sim->now_us / SIM_S), (long long)(sim->now_us % SIM_S), sim->healed ? " (healed)" : "");
    va_start(arguments, format);
    vsnprintf(report.text + used, sizeof report.text - (size_t)used, format, arguments);
    va_end(arguments);
    print_trace(sim);
    if (sim->options.report != NULL) {
        fill_report(sim, &report);
        *sim->options.report = report;
    } else {
        fprintf(stderr, "invariant %d: %s\n", invariant, report.text);
    }
    fflush(stderr);
    _Exit(1);
}

/* --- making ------------------------------------------------------------------------------------------------------- */

static void make_regions(struct sim *sim)
{
    static const uint32_t regions[SIM_REGIONS] = {
        310000, 330000, 100000, 320000, 420000, 340000, 330300, 110000, 440000, 120000, 130000, 330421,
        140000, 150000, 210000, 220000, 230000, 350000, 360000, 410000, 430000, 450000, 460000, 500000,
        510000, 520000, 530000, 540000, 610000, 620000, 630000, 640000, 650000, 370000};
    sim->region_count = sim->plan.nodes;
    for (unsigned i = 0; i < sim->region_count; i++)
        sim->region[i] = regions[i];
}

static void make_paths(struct sim *sim)
{
    for (unsigned i = 0; i < SIM_NODES_MAX; i++)
        for (unsigned link = 0; link < SIM_BROKERS_MAX; link++)
            sim->path[i][link] = (struct sim_path){.latency_us = sim_between(sim, 100, 60 * SIM_MS),
                                                   .jitter_us = sim_between(sim, 0, 20 * SIM_MS),
                                                   .bytes_per_ms = (uint64_t)sim_between(sim, 50, 50000)};
}

static void *memory_of(size_t size)
{
    void *memory = malloc(size);
    ENSURE(memory != NULL);
    return memory;
}

static struct sim *make(const struct sim_options *options)
{
    struct sim *sim = calloc(1, sizeof(*sim));
    ENSURE(sim != NULL);
    sim->options = *options;
    if (sim->options.trace_last == 0)
        sim->options.trace_last = 400;
    sim->trace = calloc(sim->options.trace_last, sizeof(*sim->trace));
    if (options->plan != NULL)
        sim->plan = *options->plan;
    else
        sim_plan_make(options, &sim->plan);
    sim_random_seed(&sim->random, sim->plan.seed);
    sim->hash = cert_hash_new();
    sim->arena_memory = memory_of(ARENA_BYTES);
    sim->post_memory = memory_of(ARENA_BYTES);
    sim->checks_memory = memory_of(ARENA_BYTES);
    wire_arena_over(&sim->arena, sim->arena_memory, ARENA_BYTES);
    wire_arena_over(&sim->post, sim->post_memory, ARENA_BYTES);
    wire_arena_over(&sim->checks, sim->checks_memory, ARENA_BYTES);
    sim->broker_out = calloc(1, sizeof(*sim->broker_out));
    sim->node_out = calloc(1, sizeof(*sim->node_out));
    sim->broker_out_memory = memory_of(BROKER_OUT_ARENA_BYTES);
    sim->node_out_memory = memory_of(NODE_OUT_BYTES);
    wire_arena_over(&sim->broker_out->arena, sim->broker_out_memory, BROKER_OUT_ARENA_BYTES);
    node_out_init(sim->node_out, sim->node_out_memory, NODE_OUT_BYTES);
    return sim;
}

/* Its chance is its own: leaving out one act changes no other. */
static void act(struct sim *sim, void *what, uint64_t number)
{
    const struct sim_act *todo = what;
    struct sim_random worlds = sim->random;
    (void)number;
    if (sim->healed)
        return;
    sim->count.act[todo->kind]++;
    sim_trace(sim, "%s %016llx", sim_act_name(todo->kind), (unsigned long long)todo->number);
    sim_random_seed(&sim->random, todo->number);
    if (todo->kind < SIM_ACT_IMAGE)
        sim_officer(sim, todo->kind);
    else
        sim_fault(sim, todo->kind);
    sim->random = worlds;
}

static bool has_act(const struct sim *sim, const char *name)
{
    for (size_t i = 0; i < sim->plan.count; i++)
        if (strcmp(sim_act_name(sim->plan.act[i].kind), name) == 0)
            return true;
    return false;
}

static void every_day(struct sim *sim, void *what, uint64_t number)
{
    sim_check_erased(sim, false);
    sim_after(sim, 24 * 3600 * SIM_S, every_day, what, number);
}

static void populate(struct sim *sim)
{
    bool regions_move = has_act(sim, "join-leave");
    sim->clock_faults = has_act(sim, "jump") || has_act(sim, "drift");
    sim_random_bytes(sim, sim->trust.secret, sizeof sim->trust.secret);
    sim_random_bytes(sim, sim->mark, sizeof sim->mark);
    sim_random_bytes(sim, sim->other_mark, sizeof sim->other_mark);
    sim->scale = sim->plan.pulse_s == 0 ? 1 : sim->plan.pulse_s / 5;
    make_regions(sim);
    make_paths(sim);
    sim_policies_make(sim);
    sim->broker_count = sim->plan.brokers;
    for (unsigned i = 0; i < sim->broker_count; i++) {
        sim_broker_init(sim, i);
        sim_trust_issue(sim, 0, i + 1, INT64_MAX);
    }
    for (unsigned i = 0; i < sim->region_count; i++) {
        sim->home[i] = i;
        sim_node_init(sim, sim->node_count++, i);
        sim->absent[i] = i > 1 && regions_move && sim_chance(sim, 300);
        sim->node[i].exists = !sim->absent[i];
        if (!sim->absent[i])
            sim_enrol(sim, i);
    }
    sim->policy[0].in_force_ms = 1;
    sim->policy_out = 1;
    for (unsigned i = 0; i < sim->broker_count; i++)
        sim_process_crash(&sim->broker[i].process, 1);
    sim_after(sim, 3 * SIM_S, sim_operator, NULL, 0);
    sim_after(sim, 12 * 3600 * SIM_S, every_day, NULL, 0);
    for (size_t i = 0; i < sim->plan.count; i++)
        sim_queue_add(&sim->queue, sim->plan.act[i].at_us, act, &sim->plan.act[i], 0);
}

static void destroy(struct sim *sim)
{
    for (unsigned i = 0; i < sim->broker_count; i++)
        sim_broker_free(&sim->broker[i]);
    for (unsigned i = 0; i < sim->node_count; i++)
        sim_node_free(&sim->node[i]);
    sim_net_free(sim);
    sim_policies_free(sim);
    for (size_t i = 0; i < sim->options.trace_last; i++)
        free(sim->trace[i]);
    free(sim->trace);
    if (sim->options.plan == NULL)
        sim_plan_free(&sim->plan);
    free(sim->model.slot);
    free(sim->queue.heap);
    free(sim->arena_memory);
    free(sim->post_memory);
    free(sim->checks_memory);
    free(sim->broker_out);
    free(sim->broker_out_memory);
    free(sim->node_out);
    free(sim->node_out_memory);
    cert_hash_close(&sim->hash);
    free(sim);
}

/* --- going -------------------------------------------------------------------------------------------------------- */

static void go_until(struct sim *sim, int64_t until_us)
{
    struct sim_due due;
    while (sim->queue.count > 0 && sim->queue.heap[0].at_us <= until_us) {
        ENSURE(sim_queue_take(&sim->queue, &due));
        sim->now_us = due.at_us;
        due.run(sim, due.what, due.number);
    }
    sim->now_us = until_us;
}

static void drain(struct sim *sim, int64_t steady_s)
{
    char why[256] = "";
    int64_t begin_us = sim->now_us, end_us = begin_us + DRAIN_MINUTES * SIM_MINUTE * sim->scale;
    go_until(sim, begin_us + steady_s * SIM_S);
    while (!sim_converged(sim, why, sizeof why)) {
        if (sim->now_us >= end_us)
            sim_fail(sim, 7, "after %lld minutes of peace: %s", (long long)(DRAIN_MINUTES * sim->scale), why);
        go_until(sim, sim->now_us + SIM_S * sim->scale);
    }
}

static void check_end(struct sim *sim)
{
    sim_check_outboxes(sim);
    sim_check_inboxes(sim);
    sim_check_owed(sim);
}

/* What the stores hold must be all that is needed. */
static void restart_all(struct sim *sim)
{
    for (unsigned i = 0; i < sim->broker_count; i++)
        sim_process_crash(&sim->broker[i].process, SIM_MS);
    for (unsigned i = 0; i < sim->node_count; i++)
        if (sim->node[i].exists)
            sim_process_crash(&sim->node[i].process, sim_between(sim, 1, SIM_S));
}

static void end_report(const struct sim *sim, struct sim_report *report)
{
    fill_report(sim, report);
    report->ended = true;
    report->digest = sim->digest;
    snprintf(report->text, sizeof report->text,
             "%u nodes, %u brokers, %lld s, %llu acts, %llu steps, %llu published, %llu admitted, %llu refused, %llu "
             "delivered, %llu of the broker's own, %llu crashes, %llu cuts, %llu forks, %llu losses, digest %016llx",
             sim->node_count, sim->broker_count, (long long)(sim->now_us / SIM_S), (unsigned long long)sim->plan.count,
             (unsigned long long)sim->steps, (unsigned long long)sim->count.published,
             (unsigned long long)sim->count.admitted, (unsigned long long)sim->count.refused,
             (unsigned long long)sim->count.delivered, (unsigned long long)sim->count.own,
             (unsigned long long)sim->count.crashes, (unsigned long long)sim->count.cuts,
             (unsigned long long)sim->count.forks, (unsigned long long)sim->count.losses,
             (unsigned long long)sim->digest);
}

uint64_t sim_run(const struct sim_options *options)
{
    struct sim *sim = make(options);
    populate(sim);
    go_until(sim, sim->plan.end_us);
    sim_heal(sim);
    drain(sim, STEADY_S);
    check_end(sim);
    restart_all(sim);
    drain(sim, 2);
    if (sim->plan.pulse_s != 0)
        go_until(sim, sim->now_us + 50 * 3600 * SIM_S); /* two midnights */
    check_end(sim);
    sim_check_evidence(sim);
    sim_check_erased(sim, true);
    if (options->totals != NULL)
        sim_totals_add(options->totals, sim);
    if (options->report != NULL)
        end_report(sim, options->report);
    uint64_t digest = sim->digest;
    destroy(sim);
    return digest;
}
