#include "worlds.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { JOBS_MAX = 64 };

struct totals {
    struct sim_totals all;
    time_t begin;
};

static void count(struct totals *totals, const struct sim_report *report)
{
    const uint64_t *more = (const uint64_t *)&report->totals;
    uint64_t *sum = (uint64_t *)&totals->all; /* numbers of 64 bits throughout */
    for (size_t i = 0; i < sizeof totals->all / sizeof *sum; i++)
        sum[i] += more[i];
}

static void print_totals(const struct totals *totals)
{
    sim_totals_print(&totals->all);
    printf("%lld s of real time\n", (long long)(time(NULL) - totals->begin));
}

/* --- a failure ---------------------------------------------------------------------------------------------------- */

static void print_commit(void)
{
    char line[128] = "unknown\n";
    FILE *git = popen("git -C '" SIM_SOURCE "' describe --always --dirty 2>/dev/null", "r");
    if (git != NULL && fgets(line, sizeof line, git) == NULL)
        snprintf(line, sizeof line, "unknown\n");
    if (git != NULL)
        pclose(git);
    fprintf(stderr, "commit %s", line);
}

static void shrink(const struct sim_worlds *worlds, const struct sim_options *options, const struct sim_report *report)
{
    struct sim_plan plan;
    char path[64], remark[640], kind[32];
    if (worlds->shrink_s == 0)
        return;
    fprintf(stderr, "making it small ...\n");
    unsigned tried = sim_shrink(options, report, worlds->shrink_s, &plan);
    snprintf(path, sizeof path, "sim-%" PRIu64 ".script", plan.seed);
    snprintf(remark, sizeof remark, "%s: %s", sim_report_kind(report, kind), report->text);
    if (sim_plan_write(path, &plan, remark))
        fprintf(stderr, "%s: %zu acts, %u nodes, %lld s, after %u worlds; again: sim --script %s --trace\n", path,
                plan.count, plan.nodes, (long long)(plan.end_us / SIM_S), tried, path);
    sim_plan_free(&plan);
}

static void fail(const struct sim_worlds *worlds, const struct sim_attempt *attempt)
{
    const struct sim_report *report = sim_attempt_report(attempt);
    const struct sim_options *options = sim_attempt_options(attempt);
    char kind[32];
    if (options->trace || report->invariant < 0)
        sim_attempt_said(attempt);
    fprintf(stderr, "seed %" PRIu64 ": %s: %s\n", options->seed, sim_report_kind(report, kind), report->text);
    print_commit();
    shrink(worlds, options, report);
}

/* --- many --------------------------------------------------------------------------------------------------------- */

static bool may_begin(const struct sim_worlds *worlds, const struct totals *totals)
{
    return worlds->seconds == 0 || time(NULL) - totals->begin < (time_t)worlds->seconds;
}

static void wait_for_all(struct sim_attempt **running, unsigned count_)
{
    while (count_ > 0) {
        struct sim_attempt *done = sim_attempt_wait(running, count_);
        for (unsigned i = 0; i < count_; i++)
            if (running[i] == done)
                running[i] = running[count_ - 1];
        count_--;
        sim_attempt_free(&done);
    }
}

static bool take(const struct sim_worlds *worlds, struct totals *totals, struct sim_attempt **running, unsigned *count_)
{
    struct sim_attempt *done = sim_attempt_wait(running, *count_);
    const struct sim_report *report = sim_attempt_report(done);
    bool well = report->ended;
    for (unsigned i = 0; i < *count_; i++)
        if (running[i] == done)
            running[i] = running[*count_ - 1];
    --*count_;
    count(totals, report);
    if (well) {
        printf("seed %" PRIu64 ": %s\n", sim_attempt_options(done)->seed, report->text);
    } else {
        wait_for_all(running, *count_);
        *count_ = 0;
        fail(worlds, done);
    }
    sim_attempt_free(&done);
    return well;
}

bool sim_worlds_run(const struct sim_worlds *worlds)
{
    struct totals totals = {.begin = time(NULL)};
    struct sim_attempt *running[JOBS_MAX];
    unsigned count_ = 0, jobs = worlds->jobs < JOBS_MAX ? worlds->jobs : JOBS_MAX;
    size_t next = 0;
    bool well = true;
    while (well && (count_ > 0 || (next < worlds->count && may_begin(worlds, &totals)))) {
        if (count_ < jobs && next < worlds->count && may_begin(worlds, &totals)) {
            struct sim_options options = worlds->options;
            options.seed = worlds->seed[next++];
            running[count_++] = sim_attempt_begin(&options, SIM_WORLD_SECONDS_MAX);
        } else {
            well = take(worlds, &totals, running, &count_);
        }
    }
    print_totals(&totals);
    return well;
}

bool sim_world_run(const struct sim_worlds *worlds, const struct sim_plan *plan)
{
    struct totals totals = {.begin = time(NULL)};
    struct sim_options options = worlds->options;
    options.plan = plan;
    options.seed = plan->seed;
    struct sim_attempt *attempt = sim_attempt_begin(&options, SIM_WORLD_SECONDS_MAX);
    unsigned one = 1;
    return take(worlds, &totals, &attempt, &one);
}

bool sim_worlds_speed(void)
{
    struct sim_options options = {.seed = 1, .nodes = 10, .minutes = 60, .pace_ms = 6000, .calm = true, .steady = true};
    struct sim_report report;
    struct rusage used;
    sim_attempt(&options, SIM_WORLD_SECONDS_MAX, &report);
    getrusage(RUSAGE_CHILDREN, &used); /* of one core: what else this machine does is no matter */
    double virtual_s = (double)report.at_us / SIM_S;
    double real_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                    (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / SIM_S;
    printf("10 nodes, %" PRIu64 " envelopes published, %" PRIu64 " delivered, %" PRIu64
           " steps: %.0f virtual s in %.2f s of one core, %.0f times real time\n",
           report.published, report.delivered, report.steps, virtual_s, real_s, virtual_s / real_s);
    return report.ended && virtual_s >= 1000 * real_s;
}
