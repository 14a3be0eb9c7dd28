/* What all worlds of one run of the program had in them together: for docs/TESTING.md. */
#include "sim.h"

void sim_totals_add(struct sim_totals *totals, const struct sim *sim)
{
    totals->worlds++;
    totals->steps += sim->steps;
    totals->virtual_us += sim->now_us;
    totals->frames += sim->count.frames;
    totals->published += sim->count.published;
    totals->handed += sim->count.handed;
    totals->admitted += sim->count.admitted;
    totals->refused += sim->count.refused;
    totals->delivered += sim->count.delivered;
    totals->own += sim->count.own;
    totals->crashes += sim->count.crashes;
    totals->forks += sim->count.forks;
    totals->losses += sim->count.losses;
    totals->erased_days += sim->count.erased_days;
    totals->false_frames += sim->count.false_frames;
    totals->lies += sim->count.lies;
    totals->noticed += sim->count.noticed;
    for (unsigned kind = 0; kind < SIM_ACTS_MAX; kind++)
        totals->act[kind] += sim->count.act[kind];
}

void sim_totals_print(const struct sim_totals *totals)
{
    printf("%llu worlds, %.1f virtual hours, %llu steps, %llu frames; %llu envelopes published, %llu admitted, %llu "
           "refused, %llu of brokers, %llu into inboxes, %llu times a matter handed over; %llu ends of processes, %llu "
           "forks, %llu ledgers put back, %llu "
           "times keys destroyed, %llu false frames, %llu lies, %llu of them noticed on the spot; deeds and faults:",
           (unsigned long long)totals->worlds, (double)totals->virtual_us / 3600e6, (unsigned long long)totals->steps,
           (unsigned long long)totals->frames, (unsigned long long)totals->published,
           (unsigned long long)totals->admitted, (unsigned long long)totals->refused, (unsigned long long)totals->own,
           (unsigned long long)totals->delivered, (unsigned long long)totals->handed,
           (unsigned long long)totals->crashes, (unsigned long long)totals->forks, (unsigned long long)totals->losses,
           (unsigned long long)totals->erased_days, (unsigned long long)totals->false_frames,
           (unsigned long long)totals->lies, (unsigned long long)totals->noticed);
    for (unsigned kind = 0; kind < SIM_ACTS_MAX; kind++)
        if (totals->act[kind] != 0)
            printf(" %s %llu", sim_act_name(kind), (unsigned long long)totals->act[kind]);
    printf("\n");
}
