/* 12. Two runs of the simulator from one seed are bit-identical: every event, effect and row of both went into the
 * digest in the same order. What differs is chance that is not the seed's: memory that was not set, addresses, time. */
#include "sim.h"

#include <stdio.h>

void sim_check_twice(const struct sim_options *options, uint64_t digest)
{
    struct sim_report *report = options->report;
    uint64_t again = sim_run(options);
    if (again == digest)
        return;
    report->ended = false;
    report->invariant = 12;
    snprintf(report->text, sizeof report->text, "two runs differ: %016llx and %016llx", (unsigned long long)digest,
             (unsigned long long)again);
}
