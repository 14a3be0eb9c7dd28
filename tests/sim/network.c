/* TCP as it is: what was sent arrives in order until the connection dies, and then nothing of it arrives any more; the
 * two ends hear of the end at different times, or not at all. */
#include "sim.h"

#include <stdlib.h>

struct sim_message {
    struct sim_message *next;
    int lane; /* -1: not counted */
    size_t size;
    uint8_t bytes[];
};

struct sim_conn *sim_conn_find(struct sim *sim, uint64_t id)
{
    return id == 0 || id > sim->conn_count ? NULL : sim->conn[id - 1];
}

/* The oldest that is on its way; NULL: nothing is. */
static struct sim_message *take(struct sim_conn *conn, int way)
{
    struct sim_message *message = conn->first[way];
    if (message != NULL)
        conn->first[way] = message->next;
    return message;
}

void sim_net_free(struct sim *sim)
{
    for (size_t i = 0; i < sim->conn_count; i++) {
        for (int way = 0; way < 2; way++)
            for (struct sim_message *message; (message = take(sim->conn[i], way)) != NULL;)
                free(message);
        free(sim->conn[i]);
    }
    free(sim->conn);
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

static struct sim_process *end_of(struct sim *sim, const struct sim_conn *conn, bool broker)
{
    return broker ? &sim->broker[conn->broker].process : &sim->node[conn->node].process;
}

static bool end_lives(struct sim *sim, const struct sim_conn *conn, bool broker)
{
    const struct sim_process *process = end_of(sim, conn, broker);
    return (broker ? conn->broker_end : conn->node_end) && process->up &&
           process->life == (broker ? conn->broker_life : conn->node_life);
}

/* As many times as there are messages: whatever held one of these times back, the oldest message is the next. */
static void arrive(struct sim *sim, void *what, uint64_t to_broker)
{
    struct sim_conn *conn = what;
    int way = to_broker ? 0 : 1;
    if (sim->now_us < conn->stalled_us[way]) {
        if (conn->last_us[way] < conn->stalled_us[way])
            conn->last_us[way] = conn->stalled_us[way]; /* what is sent later comes behind it */
        sim_queue_add(&sim->queue, conn->stalled_us[way], arrive, what, to_broker);
        return;
    }
    bool lives = end_lives(sim, conn, to_broker);
    if (lives && sim_process_defer(end_of(sim, conn, to_broker), arrive, what, to_broker))
        return;
    struct sim_message *message = take(conn, way);
    bool comes = conn->done[way] < conn->limit[way];
    conn->done[way]++;
    if (message->lane == WIRE__LANE__FLASH)
        conn->flash_bytes[way] -= message->size;
    else if (message->lane > 0)
        conn->plain_bytes[way] -= message->size;
    if (lives && comes) {
        struct wire_bytes bytes = wire_bytes(message->bytes, message->size);
        if (to_broker)
            sim_broker_message(&sim->broker[conn->broker], conn, bytes);
        else
            sim_node_message(&sim->node[conn->node], conn, bytes);
    }
    free(message);
}

void sim_net_send(struct sim *sim, struct sim_conn *conn, bool to_broker, struct wire_bytes bytes, int lane)
{
    int way = to_broker ? 0 : 1;
    const struct sim_path *path = &sim->path[conn->node][conn->link];
    struct sim_message *message = malloc(sizeof(*message) + bytes.size);
    ENSURE(message != NULL && bytes.size <= WIRE_FRAME_BYTES_MAX);
    sim_mix_number(sim, conn->id << 1 | to_broker);
    sim_mix(sim, bytes.data, bytes.size);
    if (lane >= 0)
        sim_check_ahead(sim, conn, to_broker, lane, bytes.size);
    *message = (struct sim_message){.lane = lane, .size = bytes.size};
    memcpy(message->bytes, bytes.data, bytes.size);
    if (conn->first[way] == NULL)
        conn->last[way] = &conn->first[way];
    *conn->last[way] = message;
    conn->last[way] = &message->next;
    if (lane == WIRE__LANE__FLASH)
        conn->flash_bytes[way] += bytes.size;
    else if (lane > 0)
        conn->plain_bytes[way] += bytes.size;
    conn->next[way]++;
    int64_t at_us = sim->now_us + path->latency_us + sim_between(sim, 0, path->jitter_us) +
                    (int64_t)(bytes.size * 1000 / path->bytes_per_ms);
    if (at_us < conn->last_us[way])
        at_us = conn->last_us[way];
    conn->last_us[way] = at_us;
    sim_queue_add(&sim->queue, at_us, arrive, conn, to_broker);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void hear(struct sim *sim, void *what, uint64_t broker)
{
    struct sim_conn *conn = what;
    if (!end_lives(sim, conn, broker != 0))
        return;
    if (sim_process_defer(end_of(sim, conn, broker != 0), hear, what, broker))
        return;
    if (broker != 0) {
        conn->broker_end = false;
        sim_broker_down(&sim->broker[conn->broker], conn);
    } else {
        conn->node_end = false;
        sim_node_down(&sim->node[conn->node], conn);
    }
}

/* Of what is in flight some arrives; then this end hears, soon or late or never. */
static void die_towards(struct sim *sim, struct sim_conn *conn, bool broker, bool all)
{
    int way = broker ? 0 : 1;
    uint64_t flying = conn->next[way] - conn->done[way];
    if (conn->limit[way] == UINT64_MAX)
        conn->limit[way] = conn->done[way] + (all ? flying : sim_below(sim, flying + 1));
    int64_t at_us = conn->last_us[way] > sim->now_us ? conn->last_us[way] : sim->now_us;
    if (conn->stalled_us[way] > at_us)
        at_us = conn->stalled_us[way];
    if (!all && sim_chance(sim, 150))
        return; /* never: the watchdogs will see */
    if (!all)
        at_us += sim_chance(sim, 500) ? sim_between(sim, 0, 200 * SIM_MS) : sim_between(sim, 0, 30 * SIM_S);
    sim_queue_add(&sim->queue, at_us, hear, conn, broker);
}

void sim_net_leave(struct sim *sim, struct sim_conn *conn, bool broker)
{
    if (broker ? !conn->broker_end : !conn->node_end)
        return;
    sim_trace(sim, "connection %llu: %s leaves", (unsigned long long)conn->id,
              broker ? sim->broker[conn->broker].process.name : sim->node[conn->node].process.name);
    if (broker)
        conn->broker_end = false;
    else
        conn->node_end = false;
    die_towards(sim, conn, !broker, sim_chance(sim, 700));
}

void sim_net_cut(struct sim *sim, struct sim_conn *conn)
{
    if (!conn->broker_end && !conn->node_end)
        return;
    sim_trace(sim, "connection %llu: cut", (unsigned long long)conn->id);
    sim->count.cuts++;
    die_towards(sim, conn, true, false);
    die_towards(sim, conn, false, false);
}

/* --- the beginning ------------------------------------------------------------------------------------------------ */

static struct sim_conn *add(struct sim *sim, unsigned node, unsigned link)
{
    if (sim->conn_count == sim->conn_capacity) {
        sim->conn_capacity = sim->conn_capacity == 0 ? 64 : 2 * sim->conn_capacity;
        sim->conn = realloc(sim->conn, sim->conn_capacity * sizeof(*sim->conn));
        ENSURE(sim->conn != NULL);
    }
    struct sim_conn *conn = calloc(1, sizeof(*conn));
    ENSURE(conn != NULL);
    *conn = (struct sim_conn){.id = sim->conn_count + 1,
                              .node = node,
                              .link = link,
                              .broker = link,
                              .node_end = true,
                              .broker_end = true,
                              .node_life = sim->node[node].process.life,
                              .broker_life = sim->broker[link].process.life,
                              .limit = {UINT64_MAX, UINT64_MAX}};
    sim->conn[sim->conn_count++] = conn;
    return conn;
}

/* What the broker's ZAP says, by the directory it was told of. */
static bool let_in(const struct sim *sim, const struct sim_broker *broker, const struct sim_node *node)
{
    struct sim_key key;
    uint8_t certificate[WIRE_HASH_BYTES];
    sim_certificate(sim, SIM_IDENTITY, (struct sim_key){node->process.region, node->generation}, certificate);
    return sim_certificate_check(sim, broker->epoch, SIM_IDENTITY, wire_bytes(certificate, sizeof certificate),
                                 sim_wall_ms(&broker->process), &key) == WIRE_OK;
}

static void attempt(struct sim *sim, void *what, uint64_t number)
{
    struct sim_node *node = what;
    unsigned link = (unsigned)(number & 0xff);
    struct sim_broker *broker = &sim->broker[link];
    struct sim_line *line = &node->line[link];
    if (!node->exists || !node->process.up || node->process.life != number >> 8 || line->conn != NULL)
        return;
    if (sim_process_defer(&node->process, attempt, what, number))
        return;
    if (!broker->process.up || sim->now_us < broker->process.paused_until_us ||
        sim->now_us < sim->path[node->index][link].parted_until_us || !let_in(sim, broker, node)) {
        line->failures++;
        sim_net_connect(sim, node->index, link,
                        line->failures < 4 ? 0 : sim->scale * sim_between(sim, 15 * SIM_S, 30 * SIM_S));
        return;
    }
    line->conn = add(sim, node->index, link);
    sim_trace(sim, "connection %llu: %s to %s", (unsigned long long)line->conn->id, node->process.name,
              broker->process.name);
    sim_node_up(node, link, line->conn);
}

void sim_net_connect(struct sim *sim, unsigned node, unsigned link, int64_t in_us)
{
    struct sim_line *line = &sim->node[node].line[link];
    uint32_t doubled = line->failures > 5 ? 5 : line->failures;
    if (in_us == 0)
        in_us = sim_between(sim, 500 * SIM_MS, 1000 * SIM_MS) << doubled;
    sim_after(sim, in_us + 3 * sim->path[node][link].latency_us, attempt, &sim->node[node],
              sim->node[node].process.life << 8 | link);
}
