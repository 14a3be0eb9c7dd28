/* The canaries: each bug that is planted on purpose must be found by a checker of its invariant, or by the audit of a
 * core. One that nobody notices means that the simulator is blind there. */
#include "worlds.h"

#include "wire/canary.h"

#include <inttypes.h>
#include <stdlib.h>

enum wire_canary wire_canary_planted;

static const char *const names[] = {"",
#define NAME(name) #name,
                                    WIRE_CANARIES(NAME)
#undef NAME
};
enum {
    NAMES = sizeof names / sizeof *names,
    JOBS_MAX = 64,
    SECONDS_MAX = 60,
    LONG_MINUTES = 100 * 24 * 60 /* what is about persons is kept for 60 days */
};

bool sim_canary_plant(const char *name)
{
    for (unsigned i = 0; i < NAMES; i++) {
        if (strcmp(names[i], name) != 0)
            continue;
        wire_canary_planted = (enum wire_canary)i;
        return true;
    }
    fprintf(stderr, "there is no canary %s\n", name);
    return false;
}

/* A line of canaries.txt. */
struct canary {
    char name[64], by[32], needs[64], what[160];
    uint64_t seed;
};

static bool read_line(const char *line, struct canary *out)
{
    if (sscanf(line, "%63s %31s %63s %" SCNu64 " %159[^\n]", out->name, out->by, out->needs, &out->seed, out->what) !=
        5) {
        fprintf(stderr, "canaries.txt: what is this? %s", line);
        return false;
    }
    return sim_canary_plant(out->name);
}

static size_t read_file(const char *path, struct canary *out)
{
    char line[512];
    size_t count = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        perror(path);
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        if (count == NAMES || !read_line(line, &out[count])) {
            fclose(file);
            return 0;
        }
        count++;
    }
    if (file != NULL)
        fclose(file);
    if (count + 1 != NAMES)
        fprintf(stderr, "%s has %zu canaries of %d\n", path, count, NAMES - 1);
    return count + 1 == NAMES ? count : 0;
}

/* --- worlds of a canary: small ones, with the faults that it needs to matter -------------------------------------- */

static bool has_word(const char *list, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = list; at != NULL; at = strchr(at, ','), at = at == NULL ? NULL : at + 1)
        if (strncmp(at, word, size) == 0 && (at[size] == ',' || at[size] == '\0'))
            return true;
    return false;
}

static uint64_t needed(const struct canary *canary)
{
    char copy[64];
    uint64_t bits = 0;
    snprintf(copy, sizeof copy, "%s", canary->needs);
    for (char *rest = NULL, *word = strtok_r(copy, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest))
        bits |= sim_fault_bit(word);
    return bits;
}

static struct sim_options options_of(const struct canary *canary, uint64_t seed)
{
    struct sim_options options = {
        .seed = seed, .nodes = 5, .minutes = 3, .pace_ms = 500, .with = needed(canary), .only = true};
    if (has_word(canary->needs, "years")) {
        options.years = true;
        options.minutes = LONG_MINUTES;
        options.pace_ms = 0;
    }
    return options;
}

/* By what must catch it; anything else is luck. */
static bool is_caught(const struct canary *canary, const struct sim_report *report)
{
    char number[16];
    if (report->ended)
        return false;
    snprintf(number, sizeof number, "%d", report->invariant);
    return has_word(canary->by, report->invariant == SIM_AUDIT ? "audit" : number);
}

struct catch
{
    uint64_t seed;
    struct sim_report report;
    unsigned worlds, otherwise;
    struct sim_report other; /* the last that failed in another way */
};

static void look(const struct canary *canary, struct sim_attempt *done, struct catch *out, bool *caught)
{
    const struct sim_report *report = sim_attempt_report(done);
    out->worlds++;
    if (is_caught(canary, report) && !*caught) {
        *caught = true;
        out->seed = sim_attempt_options(done)->seed;
        out->report = *report;
    } else if (!report->ended && !*caught) {
        out->otherwise++;
        out->other = *report;
    }
}

/* Worlds with it planted, from seeds drawn (or 1, 2, …), until one catches it. */
static bool hunt(const struct sim_canaries *all, const struct canary *canary, struct sim_random *random,
                 struct catch *out)
{
    struct sim_attempt *running[JOBS_MAX];
    bool caught = false;
    unsigned begun = 0, count = 0, jobs = all->jobs < JOBS_MAX ? all->jobs : JOBS_MAX;
    *out = (struct catch){0};
    while (count > 0 || (!caught && begun < all->most)) {
        if (!caught && begun < all->most && count < jobs) {
            struct sim_options options = options_of(canary, random == NULL ? begun + 1 : sim_random_next(random) >> 32);
            running[count++] = sim_attempt_begin(&options, SECONDS_MAX);
            begun++;
            continue;
        }
        struct sim_attempt *done = sim_attempt_wait(running, count);
        for (unsigned i = 0; i < count; i++)
            if (running[i] == done)
                running[i] = running[count - 1];
        count--;
        look(canary, done, out, &caught);
        sim_attempt_free(&done);
    }
    return caught;
}

/* --- one canary --------------------------------------------------------------------------------------------------- */

static bool by_recorded(const struct canary *canary)
{
    struct sim_options options = options_of(canary, canary->seed);
    struct sim_report with, without;
    char kind[32];
    sim_attempt(&options, SECONDS_MAX, &with);
    sim_canary_plant("");
    sim_attempt(&options, SECONDS_MAX, &without);
    sim_canary_plant(canary->name);
    if (!is_caught(canary, &with))
        printf("%-24s NOT CAUGHT by its recorded seed %" PRIu64 ": %s %s\n", canary->name, canary->seed,
               with.ended ? "" : sim_report_kind(&with, kind), with.text);
    if (!without.ended)
        printf("%-24s without it seed %" PRIu64 " fails as well: %s %s\n", canary->name, canary->seed,
               sim_report_kind(&without, kind), without.text);
    return is_caught(canary, &with) && without.ended;
}

static bool run_one(const struct sim_canaries *all, struct sim_random *random, struct canary *canary)
{
    struct catch catch;
    char kind[32];
    bool well = sim_canary_plant(canary->name);
    if (all->recorded)
        well &= by_recorded(canary);
    if (!hunt(all, canary, all->record ? NULL : random, &catch)) {
        printf("%-24s NOT CAUGHT in %u worlds; %u failed otherwise: %s %s\n", canary->name, catch.worlds,
               catch.otherwise, catch.otherwise == 0 ? "" : sim_report_kind(&catch.other, kind), catch.other.text);
        return false;
    }
    if (all->record)
        printf("%-24s %-12s %-24s %4" PRIu64 "  %s\n", canary->name, canary->by, canary->needs, catch.seed,
               canary->what);
    else
        printf("%-24s seed %" PRIu64 ", after %u worlds: %s: %.120s\n", canary->name, catch.seed, catch.worlds,
               sim_report_kind(&catch.report, kind), catch.report.text);
    return well;
}

bool sim_canaries_run(const struct sim_canaries *all)
{
    struct canary list[NAMES];
    struct sim_random random;
    size_t count = read_file(all->file, list), caught = 0, asked = 0;
    sim_random_seed(&random, all->fresh);
    for (size_t i = 0; i < count; i++) {
        if (all->only != NULL && strcmp(list[i].name, all->only) != 0)
            continue;
        asked++;
        caught += run_one(all, &random, &list[i]);
    }
    if (!all->record)
        printf("%zu canaries, %zu caught\n", asked, caught);
    return asked > 0 && caught == asked;
}
