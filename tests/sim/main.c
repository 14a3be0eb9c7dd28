/* sim: runs worlds. Ends with 1 at the first broken invariant, naming the seed.
 *
 *   sim --seed N [--trace [K]]     one world; --trace prints what was done in the last K steps when it fails
 *   sim --seeds A..B               worlds A to B
 *   sim --file seeds.txt           the seeds of a file, one a line; what follows # is a remark
 *   sim --fresh N                  N worlds from seeds of the moment; they are printed
 *   sim --twice                    each world twice: both must do the same, bit by bit (invariant 12)
 *   sim --seconds S                stop after S seconds of real time
 *   sim --nodes N --minutes M --calm
 *   sim --years                    worlds of two years, with pulses of hours and a notice a day */
#include "sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct plan {
    struct sim_options options;
    uint64_t from, to;
    const char *file;
    uint64_t fresh, seconds;
    bool twice;
    time_t begin;
};

/* 12. Two runs from one seed are bit-identical. */
static void check_twice(const struct plan *plan, uint64_t digest)
{
    uint64_t again = sim_run(&plan->options);
    if (again == digest)
        return;
    fprintf(stderr, "seed %" PRIu64 ": invariant 12: two runs differ: %016" PRIx64 " and %016" PRIx64 "\n",
            plan->options.seed, digest, again);
    exit(1);
}

static bool run(struct plan *plan, uint64_t seed)
{
    if (plan->seconds > 0 && time(NULL) - plan->begin > (time_t)plan->seconds)
        return false;
    plan->options.seed = seed;
    fprintf(stderr, "seed %" PRIu64 "\n", seed);
    uint64_t digest = sim_run(&plan->options);
    if (plan->twice)
        check_twice(plan, digest);
    return true;
}

static int run_file(struct plan *plan)
{
    char line[512];
    FILE *file = fopen(plan->file, "r");
    if (file == NULL) {
        perror(plan->file);
        return 1;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        char *end;
        uint64_t seed = strtoull(line, &end, 10);
        if (end != line && !run(plan, seed))
            break;
    }
    fclose(file);
    return 0;
}

static uint64_t fresh_seed(void)
{
    uint64_t seed = 0;
    FILE *file = fopen("/dev/urandom", "r");
    ENSURE(file != NULL && fread(&seed, 4, 1, file) == 1);
    fclose(file);
    return seed;
}

static int usage(void)
{
    fputs("sim --seed N | --seeds A..B | --file F | --fresh N  [--trace [K]] [--twice] [--seconds S] [--nodes N] "
          "[--minutes M] [--calm] [--years]\n",
          stderr);
    return 64;
}

static bool read_option(struct plan *plan, int *at, int count, char **arguments)
{
    const char *name = arguments[*at], *value = *at + 1 < count ? arguments[*at + 1] : NULL;
    bool number = value != NULL && value[0] >= '0' && value[0] <= '9';
    if (strcmp(name, "--twice") == 0) {
        plan->twice = true;
        return true;
    }
    if (strcmp(name, "--calm") == 0) {
        plan->options.calm = true;
        return true;
    }
    if (strcmp(name, "--years") == 0) {
        plan->options.years = true;
        return true;
    }
    if (strcmp(name, "--trace") == 0) {
        plan->options.trace = true;
        if (number)
            plan->options.trace_last = strtoul(arguments[++*at], NULL, 10);
        return true;
    }
    if (value == NULL)
        return false;
    ++*at;
    if (strcmp(name, "--file") == 0) {
        plan->file = value;
        return true;
    }
    char *end;
    uint64_t first = strtoull(value, &end, 10);
    if (strcmp(name, "--seed") == 0)
        plan->from = plan->to = first;
    else if (strcmp(name, "--seeds") == 0 && strncmp(end, "..", 2) == 0)
        plan->from = first, plan->to = strtoull(end + 2, NULL, 10);
    else if (strcmp(name, "--fresh") == 0)
        plan->fresh = first;
    else if (strcmp(name, "--seconds") == 0)
        plan->seconds = first;
    else if (strcmp(name, "--nodes") == 0)
        plan->options.nodes = (unsigned)first;
    else if (strcmp(name, "--minutes") == 0)
        plan->options.minutes = (int64_t)first;
    else
        return false;
    return true;
}

static int run_all(struct plan *plan)
{
    if (plan->file != NULL)
        return run_file(plan);
    for (uint64_t i = 0; i < plan->fresh; i++)
        if (!run(plan, fresh_seed()))
            return 0;
    for (uint64_t seed = plan->from; seed <= plan->to; seed++)
        if (!run(plan, seed))
            return 0;
    return 0;
}

int main(int count, char **arguments)
{
    struct sim_totals totals = {0};
    struct plan plan = {.from = 1, .to = 0, .begin = time(NULL), .options = {.totals = &totals}};
    for (int i = 1; i < count; i++)
        if (!read_option(&plan, &i, count, arguments))
            return usage();
    int status = run_all(&plan);
    sim_totals_print(&totals);
    return status;
}
