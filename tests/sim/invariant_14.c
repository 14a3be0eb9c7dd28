/* 14. After keep-until no store, log or backup of ours yields the payload. Who has been running since before midnight,
 * and whose clock is steady, has destroyed the keys of the days that are over; what lies under them, in its store or in
 * any backup of it, cannot be read any more. And a payload lies nowhere but under the key of its day. */
#include "sim.h"

#include "wire/time.h"

#include <string.h>

enum { HOURS_SLACK = 4, DAY_HOURS = 24 };

struct search {
    struct sim_process *process;
    const char *table;
    uint32_t past; /* days up to this one are over, by anybody's clock */
    uint8_t day_at;
};

static bool payload_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    const struct search *search = context;
    struct sim *sim = search->process->sim;
    uint32_t day = wire_get_u32(key.data + search->day_at);
    if (day <= search->past && sim_rest_open(search->process, day, value).data != NULL)
        sim_fail(sim, 14, "%s: a payload of %u can be read in %s", search->process->name, day, search->table);
    return true;
}

static bool other_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    const struct search *search = context;
    struct sim *sim = search->process->sim;
    (void)key;
    if (value.size >= SIM_MARK_BYTES && (memmem(value.data, value.size, sim->mark, SIM_MARK_BYTES) != NULL ||
                                         memmem(value.data, value.size, sim->other_mark, SIM_MARK_BYTES) != NULL))
        sim_fail(sim, 14, "%s: a payload lies in %s, in clear", search->process->name, search->table);
    return true;
}

static void scan(struct search *search, uint8_t table, bool payloads)
{
    struct keep_range range = {.table = table};
    ENSURE(keep_scan(search->process->keep, &range, payloads ? payload_visit : other_visit, search, NULL) == WIRE_OK);
}

/* Long enough up and awake to have done it. */
static bool should_have(const struct sim_process *process)
{
    int64_t since_us = process->started_us > process->paused_until_us ? process->started_us : process->paused_until_us;
    return process->up && !process->broken && process->slow_until_us < process->sim->now_us &&
           process->clock_us + HOURS_SLACK * 3600 * SIM_S < process->sim->now_us &&
           since_us + (DAY_HOURS + HOURS_SLACK) * 3600 * SIM_S < process->sim->now_us;
}

static uint32_t past_of(const struct sim_process *process)
{
    return should_have(process) ? wire_day_of(sim_true_ms(process->sim) - (DAY_HOURS + HOURS_SLACK) * 3600 * 1000LL)
                                : 0;
}

static void check_broker(struct sim_broker *broker, bool at_end)
{
    struct broker_totals totals;
    struct search search = {.process = &broker->process, .table = broker_table_name(BROKER_PAYLOAD), .day_at = 8};
    search.past = past_of(&broker->process);
    if (search.past != 0) {
        broker_core_totals(broker->core, &totals);
        search.past = totals.reason == WIRE_OK ? wire_day_add(search.past, -1) : 0;
    }
    scan(&search, BROKER_PAYLOAD, true);
    for (int table = 1; at_end && table < BROKER_TABLES; table++) {
        search.table = broker_table_name((uint8_t)table);
        if (table != BROKER_PAYLOAD)
            scan(&search, (uint8_t)table, false);
    }
}

static void check_node(struct sim_node *node, bool at_end)
{
    struct search search = {.process = &node->process, .day_at = 0};
    search.past = past_of(&node->process);
    if (search.past != 0)
        search.past = wire_day_add(search.past, -1);
    for (int table = 0; table < NODE_TABLES; table++) {
        bool payloads = table == NODE_TABLE_PAYLOAD || table == NODE_TABLE_CARRIED;
        search.table = node_table_name((enum node_table)table);
        if (payloads || at_end)
            scan(&search, (uint8_t)table, payloads);
    }
}

void sim_check_erased(struct sim *sim, bool at_end)
{
    for (unsigned i = 0; i < sim->broker_count; i++)
        check_broker(&sim->broker[i], at_end);
    for (unsigned i = 0; i < sim->node_count; i++)
        if (sim->node[i].exists)
            check_node(&sim->node[i], at_end);
}
