/* What goes wrong. A seed chooses which faults its world has at all (swarm), then when (plan.c) and where. */
#include "sim.h"

#include <assert.h>

static struct sim_node *some_node(struct sim *sim)
{
    struct sim_node *node = &sim->node[sim_below(sim, sim->node_count)];
    return node->exists && !sim->revoked[node->region_index] ? node : NULL;
}

static struct sim_broker *some_broker(struct sim *sim)
{
    return &sim->broker[sim_below(sim, sim->broker_count)];
}

static struct sim_process *some_process(struct sim *sim)
{
    struct sim_node *node = sim_chance(sim, 700) ? some_node(sim) : NULL;
    return node != NULL ? &node->process : &some_broker(sim)->process;
}

static int64_t soon(struct sim *sim)
{
    return sim_chance(sim, 700) ? sim_between(sim, 1, 3 * SIM_S) : sim_between(sim, SIM_S, 60 * SIM_S);
}

/* --- network ------------------------------------------------------------------------------------------------------ */

static struct sim_conn *some_conn(struct sim *sim)
{
    struct sim_node *node = some_node(sim);
    return node == NULL ? NULL : node->line[sim_below(sim, sim->broker_count)].conn;
}

static void cut(struct sim *sim)
{
    struct sim_conn *conn = some_conn(sim);
    if (conn != NULL)
        sim_net_cut(sim, conn);
}

static void stall(struct sim *sim)
{
    struct sim_conn *conn = some_conn(sim);
    if (conn != NULL)
        conn->stalled_us[sim_below(sim, 2)] = sim->now_us + sim_between(sim, SIM_MS, 30 * SIM_S);
}

static void part(struct sim *sim)
{
    struct sim_conn *conn = some_conn(sim);
    if (conn == NULL)
        return;
    sim->path[conn->node][conn->link].parted_until_us = sim->now_us + sim_between(sim, SIM_S, 120 * SIM_S);
    sim_net_cut(sim, conn);
}

/* The node gives the connection up and comes again; the broker hears of the end late, or never. */
static void duplicate(struct sim *sim)
{
    struct sim_conn *conn = some_conn(sim);
    if (conn == NULL || !sim->node[conn->node].process.up)
        return;
    sim_net_leave(sim, conn, false);
    sim_node_down(&sim->node[conn->node], conn);
}

static void reconnect(struct sim *sim)
{
    struct sim_node *node = some_node(sim);
    if (node == NULL || !node->process.up)
        return;
    struct node_event event = {.kind = NODE_ON_RECONNECT};
    event.u.link = (uint8_t)sim_below(sim, sim->broker_count);
    wire_arena_reset(&sim->arena);
    sim_node_step(node, &event);
}

/* --- processes and disks ------------------------------------------------------------------------------------------ */

static void crash(struct sim *sim)
{
    sim_process_crash(some_process(sim), soon(sim));
}

static void pause_one(struct sim *sim)
{
    some_process(sim)->paused_until_us = sim->now_us + sim_between(sim, SIM_MS, 40 * SIM_S);
}

static void slow(struct sim *sim)
{
    some_process(sim)->slow_until_us = sim->now_us + sim_between(sim, SIM_S, 60 * SIM_S);
}

static void fail_commit(struct sim *sim)
{
    struct sim_process *process = some_process(sim);
    if (process->up)
        keep_memory_fail_at(process->keep, 1 + sim_below(sim, 3));
}

static void full(struct sim *sim)
{
    struct sim_process *process = some_process(sim);
    if (!process->up)
        return;
    if (process->region == 0)
        sim_broker_room((struct sim_broker *)process, !((struct sim_broker *)process)->full);
    else
        sim_node_room((struct sim_node *)process, !((struct sim_node *)process)->full);
}

static void jump(struct sim *sim)
{
    struct sim_process *process = some_process(sim);
    process->skew_ms = sim_chance(sim, 500) ? sim_between(sim, -5000, 5000) : sim_between(sim, -7200000, 7200000);
    sim_trace(sim, "%s: clock off by %lld ms", process->name, (long long)process->skew_ms);
}

static void put_back(struct sim *sim, struct sim_process *process, size_t image)
{
    sim_process_crash(process, soon(sim));
    sim_trace(sim, "%s: store put back to image %zu", process->name, image);
    keep_memory_restore(process->keep, process->image[image]);
}

static void restore_node(struct sim *sim, bool empty)
{
    struct sim_node *node = some_node(sim);
    if (node == NULL || (!empty && node->process.image_count < 2))
        return;
    node->lost_bytes = true;
    put_back(sim, &node->process, empty ? 0 : 1 + sim_below(sim, node->process.image_count - 1));
}

static void restore_broker(struct sim *sim)
{
    struct sim_broker *broker = some_broker(sim);
    if (broker->process.image_count < 2)
        return;
    broker->losses++;
    broker->lost_bytes = true;
    sim->count.losses++;
    put_back(sim, &broker->process, 1 + sim_below(sim, broker->process.image_count - 1));
}

/* --- clones ------------------------------------------------------------------------------------------------------- */

static void remove_node(struct sim_node *node)
{
    sim_trace(node->process.sim, "%s is taken away", node->process.name);
    sim_process_crash(&node->process, 0);
    node->exists = false;
}

static void one_remains(struct sim *sim, unsigned region_index)
{
    struct sim_node *kept = NULL;
    for (unsigned i = 0; i < sim->node_count; i++) {
        struct sim_node *node = &sim->node[i];
        if (!node->exists || node->region_index != region_index)
            continue;
        if (kept != NULL && sim_chance(sim, 500)) {
            remove_node(node);
            continue;
        }
        if (kept != NULL)
            remove_node(kept);
        kept = node;
    }
}

static void end_clone(struct sim *sim, void *what, uint64_t region_index)
{
    (void)what;
    one_remains(sim, (unsigned)region_index);
}

static void clone(struct sim *sim)
{
    struct sim_node *node = some_node(sim);
    if (node == NULL || sim->node_count == SIM_NODES_MAX || !node->process.up)
        return;
    struct sim_node *copy = &sim->node[sim->node_count];
    struct keep_image *image = keep_memory_image(node->process.keep);
    sim_node_init(sim, sim->node_count, node->region_index);
    for (unsigned link = 0; link < SIM_BROKERS_MAX; link++)
        sim->path[sim->node_count][link] = sim->path[node->index][link];
    sim->node_count++;
    copy->generation = node->generation;
    copy->lost_bytes = node->lost_bytes = true;
    keep_memory_restore(copy->process.keep, image);
    keep_memory_image_free(&image);
    sim_process_crash(&copy->process, soon(sim));
    sim_after(sim, sim_between(sim, 5 * SIM_S, 120 * SIM_S), end_clone, NULL, node->region_index);
}

/* --- trust -------------------------------------------------------------------------------------------------------- */

static void reload(struct sim *sim, void *what, uint64_t number)
{
    struct sim_broker *broker = what;
    if (broker->process.up && !sim_process_defer(&broker->process, reload, what, number))
        sim_broker_reload(broker);
    (void)sim;
}

static void reload_all(struct sim *sim)
{
    for (unsigned i = 0; i < sim->broker_count; i++)
        sim_after(sim, sim_between(sim, 0, 500 * SIM_MS), reload, &sim->broker[i], 0);
}

/* A new key; the node is started with it. */
static void enrol(struct sim *sim, void *what, uint64_t region_index)
{
    uint32_t newest = 0;
    (void)what;
    for (uint64_t i = 0; i < sim->trust.epoch; i++)
        if (sim->trust.record[i].region == sim->region[region_index] && sim->trust.record[i].generation > newest)
            newest = sim->trust.record[i].generation;
    if (sim->trust.epoch + 8 > SIM_RECORDS_MAX || sim->revoked[region_index])
        return;
    sim_trust_add(sim, sim->region[region_index], newest + 1, false);
    for (unsigned i = 0; i < sim->node_count; i++) {
        if (!sim->node[i].exists || sim->node[i].region_index != region_index)
            continue;
        sim->node[i].generation = newest + 1;
        sim_process_crash(&sim->node[i].process, soon(sim));
    }
    reload_all(sim);
}

static void revoke(struct sim *sim)
{
    struct sim_node *node = some_node(sim);
    if (node == NULL || sim->trust.epoch + 8 > SIM_RECORDS_MAX ||
        !sim_enrolled(sim, sim->trust.epoch, node->process.region))
        return;
    for (uint32_t generation = node->generation; generation > 0; generation--)
        sim_trust_add(sim, node->process.region, generation, true);
    reload_all(sim);
    if (sim_chance(sim, 100)) {
        sim->revoked[node->region_index] = true;
        return;
    }
    sim_after(sim, sim_between(sim, SIM_S, 60 * SIM_S), enrol, NULL, node->region_index);
}

static void renew(struct sim *sim)
{
    struct sim_node *node = some_node(sim);
    if (node != NULL && sim_enrolled(sim, sim->trust.epoch, node->process.region))
        enrol(sim, NULL, node->region_index);
}

static void new_policy(struct sim *sim)
{
    if (sim->policy_out == sim->policy_count)
        return;
    struct sim_policy *policy = &sim->policy[sim->policy_out++];
    policy->in_force_ms = 1581264000000LL + sim->now_us / 1000 + sim_between(sim, -1000, 60000);
    sim_trace(sim, "policy %llu is out", (unsigned long long)policy->version);
    reload_all(sim);
}

/* ------------------------------------------------------------------------------------------------------------------ */

static void images(struct sim *sim)
{
    sim_process_image(some_process(sim));
}

static void back(struct sim *sim)
{
    restore_node(sim, false);
}

static void lose(struct sim *sim)
{
    restore_node(sim, true);
}

/* Each of the usual kinds is in nearly half of the worlds, each of the rare ones in a quarter. */
static const struct {
    const char *name;
    unsigned chance; /* permille */
    unsigned weight;
    void (*run)(struct sim *sim);
} kinds[] = {{"cut", 450, 4, cut},
             {"stall", 450, 4, stall},
             {"part", 450, 2, part},
             {"crash", 450, 4, crash},
             {"pause", 450, 3, pause_one},
             {"slow", 450, 3, slow},
             {"full", 450, 3, full},
             {"jump", 450, 2, jump},
             {"renew", 450, 1, renew},
             {"policy", 450, 2, new_policy},
             {"reconnect", 450, 3, reconnect},
             {"duplicate", 450, 4, duplicate},
             {"fail-commit", 450, 3, fail_commit},
             {"restore-node", 250, 3, back},
             {"empty-node", 250, 1, lose},
             {"clone", 250, 2, clone},
             {"restore-broker", 250, 1, restore_broker},
             {"revoke", 250, 1, revoke}};
enum { KINDS = sizeof kinds / sizeof *kinds };
static_assert(KINDS <= 64, "a bit each");

uint64_t sim_faults_choose(struct sim_random *random)
{
    uint64_t chosen = 0;
    for (unsigned i = 0; i < KINDS; i++)
        if (sim_random_next(random) % 1000 < kinds[i].chance)
            chosen |= UINT64_C(1) << i;
    return chosen;
}

uint64_t sim_fault_bit(const char *name)
{
    for (unsigned i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return UINT64_C(1) << i;
    return 0;
}

unsigned sim_fault_pick(uint64_t chosen, uint64_t number)
{
    uint64_t all = 0;
    for (unsigned i = 0; i < KINDS; i++)
        all += (chosen >> i & 1) * kinds[i].weight;
    if (all == 0)
        return SIM_ACT_NONE;
    uint64_t at = number % all;
    for (unsigned i = 0; i < KINDS; i++) {
        uint64_t weight = (chosen >> i & 1) * kinds[i].weight;
        if (at < weight)
            return SIM_ACT_FAULTS + i;
        at -= weight;
    }
    return SIM_ACT_NONE;
}

static const char *const others[SIM_ACT_FAULTS] = {"none", "publish", "burst", "withdraw", "image"};

const char *sim_act_name(unsigned kind)
{
    return kind < SIM_ACT_FAULTS ? others[kind] : kinds[kind - SIM_ACT_FAULTS].name;
}

unsigned sim_act_find(const char *name)
{
    for (unsigned kind = 0; kind < SIM_ACT_FAULTS + KINDS; kind++)
        if (strcmp(sim_act_name(kind), name) == 0)
            return kind;
    return SIM_ACT_NONE;
}

void sim_fault(struct sim *sim, unsigned kind)
{
    if (kind == SIM_ACT_IMAGE)
        images(sim);
    else
        kinds[kind - SIM_ACT_FAULTS].run(sim);
}

/* --- operators ---------------------------------------------------------------------------------------------------- */

static void operate(struct sim *sim, struct sim_broker *broker)
{
    struct broker_totals totals;
    broker_core_totals(broker->core, &totals);
    bool behind = totals.reason == WIRE_ROLLED_BACK;
    for (unsigned i = 0; i < sim->region_count; i++) {
        struct broker_health health = {0};
        if (broker_core_health(broker->core, sim->region[i], &health) && health.standing == WIRE__STANDING__STOPPED)
            sim_broker_operate(broker, BROKER_ACCEPT_FORK, sim->region[i]);
        /* tokens of a later generation than ours: once more, until ours is later */
        behind = behind || (health.enrolled && health.standing == WIRE__STANDING__ROLLED_BACK);
    }
    if (behind)
        sim_broker_operate(broker, BROKER_ACCEPT_LOSS, 0);
}

void sim_operator(struct sim *sim, void *what, uint64_t number)
{
    sim_after(sim, sim_between(sim, SIM_S, 20 * SIM_S), sim_operator, what, number);
    for (unsigned i = 0; i < sim->broker_count; i++)
        if (sim->broker[i].process.up && sim->now_us >= sim->broker[i].process.paused_until_us)
            operate(sim, &sim->broker[i]);
}

static void heal_process(struct sim_process *process)
{
    process->paused_until_us = process->slow_until_us = 0;
    process->skew_ms = 0;
    if (process->up)
        keep_memory_fail_at(process->keep, 0);
    else
        sim_process_crash(process, SIM_MS);
}

void sim_heal(struct sim *sim)
{
    sim->healed = true;
    sim_trace(sim, "all is well from now on");
    for (unsigned i = 0; i < sim->region_count; i++) {
        one_remains(sim, i);
        if (!sim->revoked[i] && !sim_enrolled(sim, sim->trust.epoch, sim->region[i]))
            enrol(sim, NULL, i);
    }
    for (unsigned i = 0; i < sim->broker_count; i++) {
        heal_process(&sim->broker[i].process);
        if (sim->broker[i].process.up && sim->broker[i].full)
            sim_broker_room(&sim->broker[i], false);
        sim->broker[i].full = false;
    }
    for (unsigned i = 0; i < sim->node_count; i++) {
        struct sim_node *node = &sim->node[i];
        for (unsigned link = 0; link < SIM_BROKERS_MAX; link++)
            sim->path[i][link].parted_until_us = 0;
        if (!node->exists)
            continue;
        heal_process(&node->process);
        if (node->process.up && node->full)
            sim_node_room(node, false);
        node->full = false;
    }
    for (size_t i = 0; i < sim->conn_count; i++)
        sim->conn[i]->stalled_us[0] = sim->conn[i]->stalled_us[1] = 0;
    reload_all(sim);
}
