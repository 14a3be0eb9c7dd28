/* Many worlds, some at a time. */
#pragma once
#include "sim.h"

struct sim_worlds {
    struct sim_options options; /* but for the seed */
    const uint64_t *seed;
    size_t count;
    unsigned jobs;     /* at a time */
    unsigned seconds;  /* begin none after that; 0: all */
    unsigned shrink_s; /* 0: a failure is left as it is */
};
enum { SIM_WORLD_SECONDS_MAX = 300 };
/* One line a world and one for all; ends at the first failure, which is made small. True: all was well. */
bool sim_worlds_run(const struct sim_worlds *worlds);
/* The same for one world by a script, or with options.plan unset by the seed. */
bool sim_world_run(const struct sim_worlds *worlds, const struct sim_plan *plan);
/* Ten nodes that each publish once a minute, for an hour: how much faster than real time. True: by 1,000 and more. */
bool sim_worlds_speed(void);

#ifdef LIANFANG_CANARIES
/* Plants that bug; "": none. False: there is none of this name. */
bool sim_canary_plant(const char *name);
struct sim_canaries {
    const char *file; /* canaries.txt */
    uint64_t fresh;   /* the seed of fresh seeds */
    unsigned most;    /* worlds a canary, before it counts as uncaught */
    bool recorded;    /* also by its recorded seed, which without it must be well */
    bool record;      /* instead: the lines of the file anew, with the first seed that catches it */
    const char *only; /* NULL: all */
    unsigned jobs;
};
/* True: each was caught. */
bool sim_canaries_run(const struct sim_canaries *canaries);
#endif
