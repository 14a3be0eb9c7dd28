/* What goes wrong. A seed chooses which faults its world has at all (swarm), then when (plan.c) and where. */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>

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
    return sim_chance(sim, 700) ? sim_between(sim, 1, 3 * SIM_S) : sim_between(sim, SIM_S, 60 * SIM_S * sim->scale);
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

/* A stall or pause has its end from the beginning, and keeps it when all is well again: what waits for it is queued for
 * that moment. */
static void begin(const struct sim *sim, int64_t *until_us, int64_t length_us)
{
    if (*until_us <= sim->now_us)
        *until_us = sim->now_us + length_us;
}

static void stall(struct sim *sim)
{
    struct sim_conn *conn = some_conn(sim);
    if (conn == NULL)
        return;
    int64_t *until_us = &conn->stalled_us[sim_below(sim, 2)];
    begin(sim, until_us, sim_between(sim, SIM_MS, 30 * SIM_S * sim->scale));
}

static void part(struct sim *sim)
{
    struct sim_conn *conn = some_conn(sim);
    if (conn == NULL)
        return;
    sim->path[conn->node][conn->link].parted_until_us = sim->now_us + sim_between(sim, SIM_S, 120 * SIM_S * sim->scale);
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

/* The broker of it tells one lie on it. */
static void lie(struct sim *sim)
{
    struct sim_conn *conn = some_conn(sim);
    if (conn != NULL)
        sim_lie_begin(sim, conn);
}

/* A line becomes slow, or quick again. */
static void clog_line(struct sim *sim)
{
    struct sim_path *path = &sim->path[sim_below(sim, sim->node_count)][sim_below(sim, sim->broker_count)];
    path->latency_us = sim_between(sim, 100, sim_chance(sim, 300) ? 3 * SIM_S : 80 * SIM_MS);
    path->jitter_us = sim_between(sim, 0, path->latency_us);
    path->bytes_per_ms = (uint64_t)sim_between(sim, 2, sim_chance(sim, 500) ? 40 : 50000);
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
    struct sim_process *process = some_process(sim);
    begin(sim, &process->paused_until_us, sim_between(sim, SIM_MS, 40 * SIM_S));
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

/* Until the same befalls it again, or all is well. */
static void full(struct sim *sim)
{
    struct sim_process *process = some_process(sim);
    if (process->up)
        sim_process_disk(process, !process->disk_full);
}

static void jump(struct sim *sim)
{
    struct sim_process *process = some_process(sim);
    int64_t skew_ms = sim_chance(sim, 500) ? sim_between(sim, -5000, 5000) : sim_between(sim, -7200000, 7200000);
    sim_process_clock(process, skew_ms, sim_between(sim, -500, 500));
}

/* Slowly away from the others: no jump, and never trusted less. */
static void drift(struct sim *sim)
{
    struct sim_process *process = some_process(sim);
    sim_process_clock(process, sim_wall_ms(process) - sim_true_ms(sim), sim_between(sim, -8000, 8000));
}

static void put_back(struct sim *sim, struct sim_process *process, size_t image)
{
    sim_process_crash(process, soon(sim));
    sim_trace(sim, "%s: store put back to image %zu", process->name, image);
    keep_memory_restore(process->keep, process->image[image]);
    if (sim_chance(sim, image == 0 ? 500 : 150))
        sim_rest_lose(process); /* they are in no backup */
}

static void restore_node(struct sim *sim, bool empty)
{
    struct sim_node *node = some_node(sim);
    if (node == NULL || (!empty && node->process.image_count < 2))
        return;
    node->lost_bytes = true;
    put_back(sim, &node->process, empty ? 0 : 1 + sim_below(sim, node->process.image_count - 1));
}

static void put_broker_back(struct sim *sim, bool empty)
{
    struct sim_broker *broker = some_broker(sim);
    if (!empty && broker->process.image_count < 2)
        return;
    broker->losses++;
    broker->lost_bytes = true;
    sim->count.losses++;
    put_back(sim, &broker->process, empty ? 0 : 1 + sim_below(sim, broker->process.image_count - 1));
}

static void restore_broker(struct sim *sim)
{
    put_broker_back(sim, false);
}

static void empty_broker(struct sim *sim)
{
    put_broker_back(sim, true);
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
    copy->hoard = node->hoard == NULL ? NULL : calloc(SIM_HOARD, sizeof(*copy->hoard));
    copy->process.key_file = node->process.key_file;
    copy->process.erased_through = node->process.erased_through;
    copy->process.keys_lost = node->process.keys_lost;
    if (sim_chance(sim, 300))
        sim_rest_lose(&copy->process);
    keep_memory_restore(copy->process.keep, image);
    keep_memory_image_free(&image);
    sim_process_crash(&copy->process, soon(sim));
    sim_after(sim, sim_between(sim, 5 * SIM_S, 120 * SIM_S * sim->scale), end_clone, NULL, node->region_index);
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

static uint32_t last_generation(const struct sim *sim, uint32_t region)
{
    uint32_t last = 0;
    for (uint64_t i = 0; i < sim->trust.epoch; i++)
        if (sim->trust.record[i].region == region && sim->trust.record[i].generation > last)
            last = sim->trust.record[i].generation;
    return last;
}

/* Records that are kept for the end, when everybody must be let in. */
static bool trust_is_full(const struct sim *sim)
{
    return sim->trust.epoch + (sim->healed ? 2 : 4 * SIM_REGIONS) > SIM_RECORDS_MAX;
}

static void renewal(struct sim *sim, void *what, uint64_t region_index)
{
    (void)what;
    if (!sim->healed && !sim->absent[region_index])
        sim_enrol(sim, (unsigned)region_index);
}

/* How long the next certificate is good for; before its end, or a little after it, there will be another. */
static int64_t life_ms(struct sim *sim, unsigned region_index)
{
    int64_t life_us = sim->plan.life_s * SIM_S * sim_between(sim, 500, 1500) / 1000;
    int64_t early_us =
        sim_chance(sim, 700) ? sim_between(sim, 0, life_us / 3) : -sim_between(sim, 0, 40 * SIM_S * sim->scale);
    sim_after(sim, life_us - early_us, renewal, NULL, region_index);
    return life_us / SIM_MS;
}

/* A new key; the node is started with it. */
void sim_enrol(struct sim *sim, unsigned region_index)
{
    uint32_t generation = last_generation(sim, sim->region[region_index]) + 1;
    if (trust_is_full(sim) || sim->revoked[region_index])
        return;
    bool for_ever = sim->plan.life_s == 0 || sim->healed;
    int64_t until_ms = for_ever ? INT64_MAX : sim_true_ms(sim) + life_ms(sim, region_index);
    sim_trust_issue(sim, sim->region[region_index], generation, until_ms);
    for (unsigned i = 0; i < sim->node_count; i++) {
        if (!sim->node[i].exists || sim->node[i].region_index != region_index)
            continue;
        sim->node[i].generation = generation;
        sim_process_crash(&sim->node[i].process, generation == 1 ? sim_between(sim, 1, 2 * SIM_S) : soon(sim));
    }
    reload_all(sim);
}

static void enrol_again(struct sim *sim, void *what, uint64_t region_index)
{
    (void)what;
    if (!sim->absent[region_index])
        sim_enrol(sim, (unsigned)region_index);
}

static void revoke_all(struct sim *sim, uint32_t region)
{
    for (uint32_t generation = last_generation(sim, region); generation > 0; generation--)
        sim_trust_revoke(sim, region, generation);
    reload_all(sim);
}

static void revoke(struct sim *sim)
{
    struct sim_node *node = some_node(sim);
    if (node == NULL || trust_is_full(sim) || sim->revoked[node->region_index] ||
        !sim_enrolled(sim, sim->trust.epoch, node->process.region, sim_true_ms(sim)))
        return;
    revoke_all(sim, node->process.region);
    if (sim_chance(sim, 100)) {
        sim->revoked[node->region_index] = true;
        return;
    }
    sim_after(sim, sim_between(sim, SIM_S, 60 * SIM_S * sim->scale), enrol_again, NULL, node->region_index);
}

/* It goes on with a new key, and what the old one signed stays good. */
static void renew_broker(struct sim *sim)
{
    struct sim_broker *broker = some_broker(sim);
    if (trust_is_full(sim))
        return;
    broker->generation += SIM_BROKERS_MAX;
    sim_trust_issue(sim, 0, broker->generation, INT64_MAX);
    sim_process_crash(&broker->process, soon(sim));
    reload_all(sim);
}

static void renew(struct sim *sim)
{
    struct sim_node *node = sim_chance(sim, 800) ? some_node(sim) : NULL;
    if (node == NULL)
        renew_broker(sim);
    else if (sim_enrolled(sim, sim->trust.epoch, node->process.region, sim_true_ms(sim)))
        sim_enrol(sim, node->region_index);
}

/* --- regions come and go ------------------------------------------------------------------------------------------ */

static void join(struct sim *sim, unsigned region_index, bool empty)
{
    struct sim_node *node = &sim->node[sim->home[region_index]];
    sim_process_disk(&node->process, false);
    sim_process_clock(&node->process, 0, 0);
    sim_trace(sim, "%06u joins", node->process.region);
    sim->absent[region_index] = false;
    node->exists = true;
    if (empty) {
        node->lost_bytes = true;
        keep_memory_restore(node->process.keep, node->process.image[0]);
    }
    if (empty)
        sim_rest_lose(&node->process);
    sim_enrol(sim, region_index);
}

static void leave(struct sim *sim, unsigned region_index)
{
    sim_trace(sim, "%06u leaves", sim->region[region_index]);
    one_remains(sim, region_index);
    for (unsigned i = 0; i < sim->node_count; i++)
        if (sim->node[i].exists && sim->node[i].region_index == region_index) {
            remove_node(&sim->node[i]);
            sim->home[region_index] = i;
        }
    sim->absent[region_index] = true;
    revoke_all(sim, sim->region[region_index]);
}

static void join_or_leave(struct sim *sim)
{
    unsigned region_index = (unsigned)sim_below(sim, sim->region_count), present = 0;
    for (unsigned i = 0; i < sim->region_count; i++)
        present += !sim->absent[i] && !sim->revoked[i];
    if (trust_is_full(sim) || sim->revoked[region_index])
        return;
    if (sim->absent[region_index])
        join(sim, region_index, sim_chance(sim, 300));
    else if (present > 2)
        leave(sim, region_index);
}

/* At most one in four. */
static void turn_hostile(struct sim *sim)
{
    struct sim_node *node = some_node(sim);
    unsigned already = 0;
    for (unsigned i = 0; i < sim->region_count; i++)
        already += sim->hostile[i];
    if (node == NULL || 4 * (already + 1) > sim->region_count)
        return;
    sim->hostile[node->region_index] = true;
    for (unsigned i = 0; i < sim->node_count; i++)
        if (sim->node[i].region_index == node->region_index && sim->node[i].hoard == NULL)
            sim->node[i].hoard = calloc(SIM_HOARD, sizeof(*node->hoard));
    sim_trace(sim, "%06u is hostile from now on", node->process.region);
}

/* --- policies ----------------------------------------------------------------------------------------------------- */

static void new_policy(struct sim *sim)
{
    if (sim->policy_out == sim->policy_count)
        return;
    struct sim_policy *policy = &sim->policy[sim->policy_out++];
    policy->in_force_ms = sim_true_ms(sim) + sim_between(sim, -1000, 60000);
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
             {"drift", 300, 1, drift},
             {"clog", 350, 3, clog_line},
             {"join-leave", 250, 2, join_or_leave},
             {"empty-broker", 60, 1, empty_broker},
             {"renew", 450, 1, renew},
             {"policy", 450, 2, new_policy},
             {"reconnect", 450, 3, reconnect},
             {"duplicate", 450, 4, duplicate},
             {"fail-commit", 450, 3, fail_commit},
             {"restore-node", 250, 3, back},
             {"empty-node", 250, 1, lose},
             {"clone", 250, 2, clone},
             {"restore-broker", 250, 1, restore_broker},
             {"hostile", 120, 1, turn_hostile},
             {"lie", 120, 2, lie},
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

static const char *const others[SIM_ACT_FAULTS] = {"none",      "publish", "burst", "withdraw",
                                                   "hand-over", "shift",   "image"};

const char *sim_act_name(unsigned kind)
{
    if (kind >= SIM_ACT_FAULTS + KINDS)
        return others[SIM_ACT_NONE];
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
    sim_after(sim, sim->scale * sim_between(sim, SIM_S, 20 * SIM_S), sim_operator, what, number);
    for (unsigned i = 0; i < sim->broker_count; i++)
        if (sim->broker[i].process.up && sim->now_us >= sim->broker[i].process.paused_until_us)
            operate(sim, &sim->broker[i]);
}

static void heal_process(struct sim_process *process)
{
    process->slow_until_us = 0;
    sim_process_clock(process, 0, 0);
    if (process->disk_full)
        sim_process_disk(process, false);
    if (process->up)
        keep_memory_fail_at(process->keep, 0);
    else
        sim_process_crash(process, SIM_MS);
}

static void heal_region(struct sim *sim, unsigned i)
{
    one_remains(sim, i);
    if (sim->absent[i] && !sim->revoked[i] && sim_chance(sim, 500))
        join(sim, i, false);
    else if (!sim->absent[i] && !sim->revoked[i] &&
             (sim->plan.life_s != 0 || !sim_enrolled(sim, sim->trust.epoch, sim->region[i], sim_true_ms(sim))))
        sim_enrol(sim, i);
}

static void heal_path(struct sim_path *path)
{
    path->parted_until_us = 0;
    path->latency_us = path->latency_us > 100 * SIM_MS ? 100 * SIM_MS : path->latency_us;
    path->jitter_us = path->jitter_us > 100 * SIM_MS ? 100 * SIM_MS : path->jitter_us;
    path->bytes_per_ms = path->bytes_per_ms < 500 ? 500 : path->bytes_per_ms;
}

void sim_heal(struct sim *sim)
{
    sim->healed = true;
    sim_trace(sim, "all is well from now on");
    for (unsigned i = 0; i < sim->broker_count; i++)
        heal_process(&sim->broker[i].process);
    for (unsigned i = 0; i < sim->node_count; i++) {
        for (unsigned link = 0; link < SIM_BROKERS_MAX; link++)
            heal_path(&sim->path[i][link]);
        if (sim->node[i].exists)
            heal_process(&sim->node[i].process);
    }
    for (unsigned i = 0; i < sim->region_count; i++)
        heal_region(sim, i);
    reload_all(sim);
}
