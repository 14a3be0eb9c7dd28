/* What is done to a world, in advance: a seed makes a list of acts, each with its time, its kind and the number that
 * decides all chance in it. Since nothing else decides what an act is, acts can be left out (shrink.c), and a short
 * list can be written down and run again: that is a script.
 *
 *     # remarks
 *     world 4711            seed of keys, policies, latencies and jitter
 *     nodes 3
 *     brokers 1
 *     pulse 0               s between pulses, 0: as usual
 *     life 0                s that a certificate is good for, 0: for ever
 *     end 41.250000         s; faults end then
 *     2.000417 publish 77aa0c19e2f4d001
 *     5.100020 crash 1be0aa0194f3d200 */
#include "sim.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    LINE_MAX_ = 512,
    DEEDS_MOST = 720, /* of officers in a world of up to DEEDS_NODES; each becomes some ten envelopes in inboxes */
    DEEDS_NODES = 12,
    HAND_OVERS_MOST = 160, /* permille */
};

static uint64_t below(struct sim_random *random, uint64_t n)
{
    return sim_random_next(random) % n;
}

static int64_t between(struct sim_random *random, int64_t low, int64_t high)
{
    return low + (int64_t)below(random, (uint64_t)(high - low + 1));
}

static void add(struct sim_plan *plan, int64_t at_us, unsigned kind, uint64_t number)
{
    if (plan->count == plan->capacity) {
        plan->capacity = plan->capacity == 0 ? 256 : 2 * plan->capacity;
        plan->act = realloc(plan->act, plan->capacity * sizeof(*plan->act));
        ENSURE(plan->act != NULL);
    }
    plan->act[plan->count++] = (struct sim_act){at_us, kind, number};
}

void sim_plan_free(struct sim_plan *plan)
{
    free(plan->act);
    *plan = (struct sim_plan){0};
}

/* --- from a seed -------------------------------------------------------------------------------------------------- */

/* Of a thousand deeds so many hand a matter over, as the seed says, and half as many a desk. */
static unsigned officers_deed(struct sim_random *random, uint64_t over)
{
    uint64_t dice = below(random, 1000);
    if (dice < 90)
        return dice < 40 ? SIM_ACT_WITHDRAW : SIM_ACT_BURST;
    dice -= 90;
    return dice < over ? SIM_ACT_HAND_OVER : dice < over + over / 2 ? SIM_ACT_SHIFT : SIM_ACT_PUBLISH;
}

static void plan_officers(struct sim_plan *plan, struct sim_random *random, int64_t every_us, bool steady)
{
    uint64_t over = below(random, HAND_OVERS_MOST);
    for (int64_t at_us = SIM_S; at_us < plan->end_us; at_us += between(random, 1, 2 * every_us)) {
        unsigned deed = steady ? SIM_ACT_PUBLISH : officers_deed(random, over);
        add(plan, at_us, deed, sim_random_next(random));
    }
}

static void plan_faults(struct sim_plan *plan, struct sim_random *random, uint64_t kinds, int64_t every_us)
{
    for (int64_t at_us = 2 * SIM_S; at_us < plan->end_us; at_us += between(random, 1, 2 * every_us)) {
        bool image = below(random, 1000) < 150;
        uint64_t for_image = sim_random_next(random), number = sim_random_next(random);
        unsigned kind = sim_fault_pick(kinds, sim_random_next(random));
        if (image)
            add(plan, at_us, SIM_ACT_IMAGE, for_image);
        if (kind != SIM_ACT_NONE)
            add(plan, at_us, kind, number);
    }
}

static int by_time(const void *a, const void *b)
{
    const struct sim_act *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Mostly as many as a mechanism has, now and then all provinces there are. */
static int64_t plan_nodes(struct sim_random *random)
{
    uint64_t dice = below(random, 100);
    return dice < 85 ? between(random, 3, 12) : dice < 96 ? between(random, 13, 20) : between(random, 21, SIM_REGIONS);
}

/* Two years with a notice a day, or as long as was asked for: what is kept for days and renewed each year comes to its
 * end. */
static void make_years(const struct sim_options *options, struct sim_plan *plan, struct sim_random *random,
                       int64_t *officer_us, int64_t *faults_us)
{
    enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S };
    unsigned nodes = (unsigned)between(random, 3, 6);
    plan->nodes = options->nodes != 0 ? plan->nodes : nodes;
    plan->pulse_s = between(random, 1, 12) * HOUR_S;
    plan->life_s = below(random, 1000) < 700 ? between(random, 60, 300) * DAY_S : 0;
    int64_t end_us = between(random, 740, 800) * DAY_S * SIM_S;
    plan->end_us = options->minutes != 0 ? options->minutes * SIM_MINUTE : end_us;
    *officer_us = between(random, 12, 72) * HOUR_S * SIM_S;
    *faults_us = between(random, 1, 20) * DAY_S * SIM_S;
}

/* No world has more to do than takes some seconds: so many more worlds can be tried. Where the pace would be too much
 * the officers are slower; short worlds stay as crowded as they are. */
static int64_t bearable_us(const struct sim_plan *plan, int64_t every_us)
{
    int64_t nodes = plan->nodes > DEEDS_NODES ? plan->nodes : DEEDS_NODES;
    int64_t least_us = plan->end_us * nodes / (DEEDS_MOST * DEEDS_NODES);
    return every_us > least_us ? every_us : least_us;
}

void sim_plan_make(const struct sim_options *options, struct sim_plan *plan)
{
    struct sim_random random;
    *plan = (struct sim_plan){.seed = options->seed};
    sim_random_seed(&random, options->seed ^ 0x706c616eULL);
    int64_t nodes = plan_nodes(&random), minutes = between(&random, 1, 6);
    int64_t officer_us = 150 * SIM_MS << below(&random, 5);
    uint64_t kinds = sim_faults_choose(&random);
    plan->brokers = below(&random, 1000) < 200 && !options->steady ? 2 : 1;
    plan->life_s = below(&random, 1000) < 300 && !options->calm && !options->only ? between(&random, 20, 240) : 0;
    plan->nodes = options->nodes != 0 ? options->nodes : (unsigned)nodes;
    if (plan->nodes > SIM_REGIONS)
        plan->nodes = SIM_REGIONS;
    int64_t faults_us = between(&random, 300 * SIM_MS, 12 * SIM_S);
    plan->end_us = (options->minutes != 0 ? options->minutes : minutes) * SIM_MINUTE;
    if (options->years)
        make_years(options, plan, &random, &officer_us, &faults_us);
    plan_officers(plan, &random, options->pace_ms != 0 ? options->pace_ms * SIM_MS : bearable_us(plan, officer_us),
                  options->steady);
    if (!options->calm)
        plan_faults(plan, &random, options->only ? options->with : kinds | options->with, faults_us);
    qsort(plan->act, plan->count, sizeof(*plan->act), by_time);
}

/* --- from and to a script ----------------------------------------------------------------------------------------- */

static bool read_time(const char *text, int64_t *us)
{
    long long s;
    unsigned fraction;
    if (sscanf(text, "%lld.%6u", &s, &fraction) != 2)
        return false;
    *us = s * SIM_S + fraction;
    return true;
}

static bool read_head(const char *name, const char *value, struct sim_plan *plan)
{
    uint64_t number = strtoull(value, NULL, 10);
    if (strcmp(name, "world") == 0)
        plan->seed = number;
    else if (strcmp(name, "nodes") == 0)
        plan->nodes = (unsigned)number;
    else if (strcmp(name, "brokers") == 0)
        plan->brokers = (unsigned)number;
    else if (strcmp(name, "pulse") == 0)
        plan->pulse_s = (int64_t)number;
    else if (strcmp(name, "life") == 0)
        plan->life_s = (int64_t)number;
    else
        return strcmp(name, "end") == 0 && read_time(value, &plan->end_us);
    return true;
}

static bool read_line(char *line, struct sim_plan *plan)
{
    char first[64], second[64], third[64];
    int64_t at_us;
    line[strcspn(line, "#\n")] = '\0';
    int words = sscanf(line, "%63s %63s %63s", first, second, third);
    if (words <= 0)
        return true;
    if (words == 2)
        return read_head(first, second, plan);
    unsigned kind = sim_act_find(second);
    if (words != 3 || kind == SIM_ACT_NONE || !read_time(first, &at_us))
        return false;
    add(plan, at_us, kind, strtoull(third, NULL, 16));
    return true;
}

bool sim_plan_read(const char *path, struct sim_plan *plan)
{
    char line[LINE_MAX_];
    unsigned number = 0;
    bool good = true;
    FILE *file = fopen(path, "r");
    *plan = (struct sim_plan){0};
    if (file == NULL) {
        perror(path);
        return false;
    }
    while (good && fgets(line, sizeof line, file) != NULL) {
        number++;
        good = read_line(line, plan);
    }
    fclose(file);
    if (!good)
        fprintf(stderr, "%s:%u: what is this?\n", path, number);
    else if (plan->nodes < 1 || plan->nodes > SIM_REGIONS || plan->brokers < 1 || plan->brokers > SIM_BROKERS_MAX)
        good = fprintf(stderr, "%s: nodes or brokers are missing or too many\n", path) < 0;
    return good;
}

bool sim_plan_write(const char *path, const struct sim_plan *plan, const char *remark)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        return false;
    }
    fprintf(file, "# %s\nworld %" PRIu64 "\nnodes %u\nbrokers %u\npulse %lld\nlife %lld\nend %lld.%06lld\n", remark,
            plan->seed, plan->nodes, plan->brokers, (long long)plan->pulse_s, (long long)plan->life_s,
            (long long)(plan->end_us / SIM_S), (long long)(plan->end_us % SIM_S));
    for (size_t i = 0; i < plan->count; i++)
        fprintf(file, "%lld.%06lld %s %016" PRIx64 "\n", (long long)(plan->act[i].at_us / SIM_S),
                (long long)(plan->act[i].at_us % SIM_S), sim_act_name(plan->act[i].kind), plan->act[i].number);
    return fclose(file) == 0;
}
