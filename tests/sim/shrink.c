/* A failing world made small: acts are left out, by kinds and by halves, and nodes, as long as it fails in the same
 * way. (Delta debugging: Zeller and Hildebrandt, Simplifying and isolating failure-inducing input, 2002.) */
#include "sim.h"

#include <stdlib.h>
#include <time.h>

struct shrinking {
    struct sim_options options;
    int invariant;
    struct sim_plan plan; /* the smallest so far that fails */
    unsigned tried, patience_s;
    time_t until;
};

static struct sim_plan copy_of(const struct sim_plan *plan)
{
    struct sim_plan copy = *plan;
    copy.act = malloc((plan->count + 1) * sizeof(*copy.act));
    ENSURE(copy.act != NULL);
    if (plan->count > 0)
        memcpy(copy.act, plan->act, plan->count * sizeof(*copy.act));
    copy.capacity = plan->count + 1;
    return copy;
}

static bool over(const struct shrinking *s)
{
    return time(NULL) >= s->until;
}

/* Takes the plan; it becomes the present one if it fails as well. */
static bool try(struct shrinking *s, struct sim_plan *plan)
{
    struct sim_report report;
    s->options.plan = plan;
    s->tried++;
    sim_attempt(&s->options, s->patience_s, &report);
    if (report.ended || report.invariant != s->invariant) {
        sim_plan_free(plan);
        return false;
    }
    if (report.at_us < plan->end_us) { /* it did not come to the end: nothing later mattered */
        plan->end_us = report.at_us + 1;
        while (plan->count > 0 && plan->act[plan->count - 1].at_us > report.at_us)
            plan->count--;
    }
    sim_plan_free(&s->plan);
    s->plan = *plan;
    return true;
}

static bool without(struct shrinking *s, size_t from, size_t count)
{
    struct sim_plan plan = copy_of(&s->plan);
    memmove(plan.act + from, plan.act + from + count, (plan.count - from - count) * sizeof(*plan.act));
    plan.count -= count;
    return try(s, &plan);
}

static bool without_kind(struct shrinking *s, unsigned kind)
{
    struct sim_plan plan = copy_of(&s->plan);
    plan.count = 0;
    for (size_t i = 0; i < s->plan.count; i++)
        if (s->plan.act[i].kind != kind)
            plan.act[plan.count++] = s->plan.act[i];
    if (plan.count < s->plan.count)
        return try(s, &plan);
    sim_plan_free(&plan);
    return false;
}

static bool fewer_kinds(struct shrinking *s)
{
    bool any = false;
    for (unsigned kind = SIM_ACT_NONE + 1; strcmp(sim_act_name(kind), "none") != 0 && !over(s); kind++)
        any |= without_kind(s, kind);
    return any;
}

static bool fewer_acts(struct shrinking *s)
{
    bool any = false;
    for (size_t size = (s->plan.count + 1) / 2; size > 0; size = size == 1 ? 0 : (size + 1) / 2)
        for (size_t end = s->plan.count; end > 0 && !over(s); end = end > s->plan.count ? s->plan.count : end) {
            size_t count = end < size ? end : size;
            any |= without(s, end - count, count);
            end -= count;
        }
    return any;
}

static bool fewer_nodes(struct shrinking *s)
{
    for (unsigned nodes = 1; nodes < s->plan.nodes && !over(s); nodes++) {
        struct sim_plan plan = copy_of(&s->plan);
        plan.nodes = nodes;
        if (try(s, &plan))
            return true;
    }
    return false;
}

static bool one_broker(struct shrinking *s)
{
    struct sim_plan plan = copy_of(&s->plan);
    plan.brokers = 1;
    if (s->plan.brokers > 1)
        return try(s, &plan);
    sim_plan_free(&plan);
    return false;
}

static bool shorter(struct shrinking *s)
{
    struct sim_plan plan = copy_of(&s->plan);
    int64_t last_us = plan.count == 0 ? 0 : plan.act[plan.count - 1].at_us;
    plan.end_us = last_us + SIM_S;
    if (plan.end_us < s->plan.end_us)
        return try(s, &plan);
    sim_plan_free(&plan);
    return false;
}

unsigned sim_shrink(const struct sim_options *options, const struct sim_report *failure, unsigned seconds,
                    struct sim_plan *plan)
{
    struct shrinking s = {.options = *options, .invariant = failure->invariant, .until = time(NULL) + seconds};
    s.options.trace = false;
    s.patience_s = 5 + (unsigned)(4 * failure->real_us / SIM_S);
    if (options->plan != NULL)
        s.plan = copy_of(options->plan);
    else
        sim_plan_make(options, &s.plan);
    struct sim_plan same = copy_of(&s.plan);
    bool smaller = try(&s, &same); /* leaves out what comes after the failure */
    while (smaller && !over(&s)) {
        smaller = one_broker(&s);
        smaller |= fewer_kinds(&s);
        smaller |= fewer_nodes(&s);
        smaller |= fewer_acts(&s);
        smaller |= shorter(&s);
    }
    *plan = s.plan;
    return s.tried;
}
