/* sim: runs worlds. Ends with 1 when an invariant is broken, naming the seed.
 *
 *   sim --seed N                 one world
 *   sim --seeds N                worlds 1 to N; --seeds A..B: worlds A to B
 *   sim --file seeds.txt         the seeds of a file, one a line; what follows # is a remark
 *   sim --fresh N                N worlds from seeds of the moment; LIANFANG_SEED=… draws the same again
 *   sim --script FILE            the world of a script, as a failure leaves it behind
 *   sim --speed                  how much faster than real time are ten nodes that each publish once a minute
 *   sim --canaries [N]           (sim-canary) each planted bug must be caught within N worlds, else within 2,000
 *
 *   --trace [K]      print what was done in the last K steps before a failure
 *   --twice          each world twice: both must do the same, bit by bit (invariant 12)
 *   --seconds S      begin no world after S seconds of real time
 *   --jobs N         worlds at a time (else one a processor)
 *   --nodes N --minutes M --pace MS --calm --with FAULT
 *                    instead of what the seed chooses: nodes, minutes of faults, between two deeds of officers on
 *                    average; no faults; this kind of fault in any case
 *   --years          worlds of two years (or of --minutes), with pulses of hours and a notice a day
 *   --shrink S       seconds for making a failing world small (else 60); it is written to sim-SEED.script; 0: not
 *   --fails          the end is 0 when an invariant was broken, and 1 when none was
 *   --canary NAME    (sim-canary) with this bug planted
 *   --recorded       (sim-canary) --canaries also with the recorded seeds, which without the bug must be well
 *   --record         (sim-canary) print the lines of canaries.txt with the first seed that catches each */
#include "worlds.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct plan {
    struct sim_worlds worlds;
    uint64_t *seeds;
    size_t capacity;
    const char *file, *script, *canary;
    uint64_t fresh, canaries;
    bool speed, fails, recorded, record;
};

static void add_seed(struct plan *plan, uint64_t seed)
{
    if (plan->worlds.count == plan->capacity) {
        plan->capacity = plan->capacity == 0 ? 256 : 2 * plan->capacity;
        plan->seeds = realloc(plan->seeds, plan->capacity * sizeof(*plan->seeds));
        ENSURE(plan->seeds != NULL);
    }
    plan->seeds[plan->worlds.count++] = seed;
    plan->worlds.seed = plan->seeds;
}

static bool add_file(struct plan *plan)
{
    char line[512];
    FILE *file = fopen(plan->file, "r");
    if (file == NULL) {
        perror(plan->file);
        return false;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        char *end;
        uint64_t seed = strtoull(line, &end, 10);
        if (end != line)
            add_seed(plan, seed);
    }
    fclose(file);
    return true;
}

/* What fresh seeds follow from. */
static uint64_t moment(void)
{
    const char *given = getenv("LIANFANG_SEED");
    uint32_t seed = 0;
    if (given != NULL)
        return strtoull(given, NULL, 10);
    FILE *file = fopen("/dev/urandom", "r");
    ENSURE(file != NULL && fread(&seed, sizeof seed, 1, file) == 1);
    fclose(file);
    return seed;
}

static uint64_t say_moment(void)
{
    uint64_t seed = moment();
    printf("LIANFANG_SEED=%" PRIu64 "\n", seed);
    return seed;
}

static void add_fresh(struct plan *plan)
{
    struct sim_random random;
    sim_random_seed(&random, say_moment());
    for (uint64_t i = 0; i < plan->fresh; i++)
        add_seed(plan, sim_random_next(&random) >> 32);
}

static int run_canaries(const struct plan *plan)
{
#ifdef LIANFANG_CANARIES
    struct sim_canaries canaries = {.file = SIM_SOURCE "/canaries.txt",
                                    .fresh = say_moment(),
                                    .most = (unsigned)plan->canaries,
                                    .recorded = plan->recorded,
                                    .record = plan->record,
                                    .only = plan->canary,
                                    .jobs = plan->worlds.jobs};
    return sim_canaries_run(&canaries) ? 0 : 1;
#else
    (void)plan;
    fputs("this program has no canaries; sim-canary has\n", stderr);
    return 64;
#endif
}

static bool run_script(const struct plan *plan)
{
    struct sim_plan script;
    bool well = sim_plan_read(plan->script, &script) && sim_world_run(&plan->worlds, &script);
    sim_plan_free(&script);
    return well;
}

static int run(struct plan *plan)
{
    bool well;
    if (plan->canaries > 0 || plan->record)
        return run_canaries(plan);
#ifdef LIANFANG_CANARIES
    if (plan->canary != NULL && !sim_canary_plant(plan->canary))
        return 64;
#endif
    if (plan->speed)
        return sim_worlds_speed() ? 0 : 1;
    if (plan->file != NULL && !add_file(plan))
        return 66;
    if (plan->fresh > 0)
        add_fresh(plan);
    well = plan->script != NULL ? run_script(plan) : sim_worlds_run(&plan->worlds);
    return well == plan->fails ? 1 : 0;
}

/* --- arguments ---------------------------------------------------------------------------------------------------- */

static int usage(void)
{
    fputs("the head of tests/sim/main.c says what sim takes\n", stderr);
    return 64;
}

static bool read_flag(struct plan *plan, const char *name)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {{"--twice", &plan->worlds.options.twice},
                 {"--calm", &plan->worlds.options.calm},
                 {"--trace", &plan->worlds.options.trace},
                 {"--years", &plan->worlds.options.years},
                 {"--speed", &plan->speed},
                 {"--fails", &plan->fails},
                 {"--recorded", &plan->recorded},
                 {"--record", &plan->record}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (strcmp(flags[i].name, name) == 0)
            return *flags[i].flag = true;
    return false;
}

static bool read_text(struct plan *plan, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **text;
    } texts[] = {{"--file", &plan->file}, {"--script", &plan->script}, {"--canary", &plan->canary}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(texts[i].name, name) == 0) {
            *texts[i].text = value;
            return true;
        }
    if (strcmp(name, "--with") != 0)
        return false;
    plan->worlds.options.with |= sim_fault_bit(value);
    return sim_fault_bit(value) != 0;
}

static bool read_seeds(struct plan *plan, const char *name, const char *value)
{
    char *end;
    uint64_t first = strtoull(value, &end, 10), last = first;
    if (strcmp(name, "--seeds") == 0 && strncmp(end, "..", 2) == 0)
        last = strtoull(end + 2, &end, 10);
    else if (strcmp(name, "--seeds") == 0)
        first = 1;
    else if (strcmp(name, "--seed") != 0)
        return false;
    for (uint64_t seed = first; seed <= last; seed++)
        add_seed(plan, seed);
    return *end == '\0';
}

static bool read_number(struct plan *plan, const char *name, const char *value)
{
    struct sim_options *options = &plan->worlds.options;
    char *end;
    uint64_t number = strtoull(value, &end, 10);
    if (strcmp(name, "--fresh") == 0)
        plan->fresh = number;
    else if (strcmp(name, "--seconds") == 0)
        plan->worlds.seconds = (unsigned)number;
    else if (strcmp(name, "--jobs") == 0)
        plan->worlds.jobs = (unsigned)number;
    else if (strcmp(name, "--shrink") == 0)
        plan->worlds.shrink_s = (unsigned)number;
    else if (strcmp(name, "--nodes") == 0)
        options->nodes = (unsigned)number;
    else if (strcmp(name, "--minutes") == 0)
        options->minutes = (int64_t)number;
    else if (strcmp(name, "--pace") == 0)
        options->pace_ms = (int64_t)number;
    else
        return false;
    return end != value && *end == '\0';
}

/* How many arguments it took; 0: it is none. */
static int read_option(struct plan *plan, const char *name, const char *value)
{
    bool number = value != NULL && value[0] >= '0' && value[0] <= '9';
    if (strcmp(name, "--canaries") == 0) {
        plan->canaries = number ? strtoull(value, NULL, 10) : 2000;
        return number ? 2 : 1;
    }
    if (strcmp(name, "--trace") == 0 && number)
        plan->worlds.options.trace_last = strtoul(value, NULL, 10);
    if (read_flag(plan, name))
        return strcmp(name, "--trace") == 0 && number ? 2 : 1;
    if (value == NULL)
        return 0;
    return read_text(plan, name, value) || read_seeds(plan, name, value) || read_number(plan, name, value) ? 2 : 0;
}

int main(int count, char **arguments)
{
    struct plan plan = {.worlds = {.jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN), .shrink_s = 60}};
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1, took = 0; i < count; i += took) {
        took = read_option(&plan, arguments[i], i + 1 < count ? arguments[i + 1] : NULL);
        if (took == 0)
            return usage();
    }
    int status = run(&plan);
    free(plan.seeds);
    return status;
}
