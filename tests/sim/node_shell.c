/* A node's process: effects → store, jobs, queue of sends, timer. What node/perform.c, jobs.c, links.c and rest.c do,
 * over a store in memory. Payloads lie in clear in their rows: what is encrypted on a disk is no matter here. */
#include "sim.h"

#include "wire/id.h"

#include <stdlib.h>

enum { PULSES = 3 };

struct sim_job {
    struct sim_job *next;
    enum node_effect_kind kind;
    struct node_fetch fetch;
    struct node_seal seal;
    char mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
    uint32_t day;
    const struct sim_policy *policy;
    uint64_t *place; /* behind the ids */
    uint8_t id[][WIRE_ID_BYTES];
};

/* --- APPEND ------------------------------------------------------------------------------------------------------- */

struct wire_bytes sim_node_payload(struct sim_node *node, enum node_table table, uint32_t day, enum node_side side,
                                   uint64_t number, struct wire_arena *arena)
{
    struct wire_bytes value = {0};
    struct node_key key = node_key_payload(day, side, number);
    ENSURE(store_row(&node->store, table, &key, arena, &value) == WIRE_OK);
    if (value.data == NULL && day > node->process.erased_through && !node->process.keys_lost)
        sim_fail(node->process.sim, 6, "%s lost a payload of %s", node->process.name, node_table_name(table));
    return sim_rest_open(&node->process, day, value);
}

static void copied_in_model(struct sim_node *node, const struct node_payload *payload)
{
    struct sim *sim = node->process.sim;
    const struct sim_envelope *from = sim_model_find(sim, payload->origin, payload->from);
    struct sim_envelope copy = from == NULL ? (struct sim_envelope){0} : *from;
    struct sim_envelope *to = sim_model_add(sim, payload->origin, payload->id);
    to->known = copy.known;
    to->status = copy.status;
    to->plain = copy.plain;
}

/* The row of one payload; its key lives in the arena. */
static bool payload_row(struct sim_node *node, const struct node_payload *payload, struct wire_row *row)
{
    struct wire_arena *arena = &node->process.sim->arena;
    struct node_key key = node_payload_key(payload);
    const struct node_event *event = node->stepping;
    row->key = wire_bytes(wire_arena_copy(arena, key.data, key.size), key.size);
    row->table = NODE_TABLE_CARRIED;
    struct wire_bytes none = wire_bytes(NULL, 0);
    switch (payload->kind) {
    case NODE_PAYLOAD_OF_DRAFT:
        ENSURE(event->kind == NODE_ON_PUBLISH);
        row->table = NODE_TABLE_PAYLOAD;
        row->value = sim_rest_seal(&node->process, payload->day, node->plain[payload->index], none);
        break;
    case NODE_PAYLOAD_COPY:
        row->table = NODE_TABLE_PAYLOAD;
        copied_in_model(node, payload);
        struct wire_bytes from =
            sim_node_payload(node, NODE_TABLE_PAYLOAD, payload->day, NODE_OURS, payload->from_number, arena);
        row->value = from.data == NULL ? none : sim_rest_seal(&node->process, payload->day, from, none);
        break;
    case NODE_CARRIED_OF_SEALED:
        ENSURE(event->kind == NODE_ON_SEALED);
        row->value =
            sim_rest_seal(&node->process, payload->day, node->salt[payload->index], node->carried[payload->index]);
        break;
    default:
        ENSURE(event->kind == NODE_ON_DELIVER);
        const Wire__PartEnvelope *envelope = event->u.deliver.part->envelope[payload->index];
        row->value =
            sim_rest_seal(&node->process, payload->day, sim_bytes(envelope->salt), sim_bytes(envelope->payload));
    }
    return row->value.data != NULL;
}

static void perform_append(struct sim_node *node, const struct node_append *append)
{
    struct sim *sim = node->process.sim;
    struct wire_row *rows = wire_arena_take(&sim->arena, (append->count + append->payload_count + 1) * sizeof(*rows));
    size_t count = append->count;
    ENSURE(rows != NULL);
    if (count > 0)
        memcpy(rows, append->rows, count * sizeof(*rows));
    for (size_t i = 0; i < append->payload_count; i++)
        count += payload_row(node, &append->payloads[i], &rows[count]);
    for (size_t i = 0; i < count; i++) {
        sim_mix_number(sim, rows[i].table);
        sim_mix(sim, rows[i].key.data, rows[i].key.size);
        sim_mix(sim, rows[i].value.data, rows[i].value.size);
        sim_check_inbox(node, &rows[i]);
    }
    sim_process_append(&node->process, rows, count, append->ticket);
}

/* --- jobs --------------------------------------------------------------------------------------------------------- */

static struct sim_job *add_job(struct sim_node *node, enum node_effect_kind kind, size_t ids)
{
    struct sim_job *job = calloc(1, sizeof(*job) + ids * (WIRE_ID_BYTES + sizeof(uint64_t)));
    ENSURE(job != NULL);
    job->place = (uint64_t *)(void *)(job->id + ids);
    job->kind = kind;
    *node->job_last = job;
    node->job_last = &job->next;
    return job;
}

static void add_seal(struct sim_node *node, const struct node_seal *seal)
{
    struct sim_job *job = add_job(node, NODE_DO_SEAL, seal->count);
    job->seal = *seal;
    snprintf(job->mechanism, sizeof job->mechanism, "%s", seal->mechanism);
    job->seal.mechanism = job->mechanism;
    memcpy(job->id, seal->id, seal->count * WIRE_ID_BYTES);
    memcpy(job->place, seal->place, seal->count * sizeof(*job->place));
    job->seal.id = (const uint8_t(*)[WIRE_ID_BYTES])job->id;
    job->seal.place = job->place;
}

/* The keys of those days are gone: what lies under them reads as erased from now on (sim_node_erased). */
static void erase(struct sim_node *node, uint32_t day)
{
    static const struct sim_rest_table tables[] = {{.by_day = NODE_TABLE_PAYLOAD}, {.by_day = NODE_TABLE_CARRIED}};
    struct node_event event = {.kind = NODE_ON_ERASED};
    sim_rest_erase_keys(&node->process, day);
    if (sim_rest_erase_rows(&node->process, tables, 2, day)) {
        add_job(node, NODE_DO_ERASE, 0)->day = day;
        return;
    }
    event.u.day = day;
    sim_node_step(node, &event);
}

static void run_job(struct sim_node *node, struct sim_job *job)
{
    struct sim *sim = node->process.sim;
    struct node_event event = {.kind = NODE_ON_FETCHED};
    wire_arena_reset(&sim->arena);
    switch (job->kind) {
    case NODE_DO_FETCH:
        ENSURE(store_look_fetched(&node->store, &job->fetch, &sim->arena, &event.u.fetched) == WIRE_OK);
        sim_node_step(node, &event);
        break;
    case NODE_DO_SEAL:
        sim_node_seal(node, &job->seal);
        break;
    case NODE_DO_KEEP_PIECE:
        sim_node_policy(node, job->policy, false);
        break;
    default:
        erase(node, job->day);
        break;
    }
}

static void later(struct sim *sim, void *what, uint64_t life);

static void run_jobs(struct sim_node *node)
{
    enum { TURN_JOBS = 64 };
    if (node->job_running)
        return;
    node->job_running = true;
    for (int i = 0; node->job != NULL && i < TURN_JOBS; i++) {
        struct sim_job *job = node->job;
        node->job = job->next;
        if (node->job == NULL)
            node->job_last = &node->job;
        run_job(node, job);
        free(job);
    }
    node->job_running = false;
    if (node->job != NULL)
        sim_after(node->process.sim, 10, later, node, node->process.life);
}

static void later(struct sim *sim, void *what, uint64_t life)
{
    struct sim_node *node = what;
    (void)sim;
    if (node->process.up && node->process.life == life && !sim_process_defer(&node->process, later, what, life))
        run_jobs(node);
}

/* --- the others --------------------------------------------------------------------------------------------------- */

static void keep_piece(struct sim_node *node, const struct node_piece *piece)
{
    struct sim_line *line = &node->line[piece->link];
    const Wire__PolicyPiece *in = node->stepping->u.policy_piece.piece;
    ENSURE(node->stepping->kind == NODE_ON_POLICY_PIECE);
    if (piece->offset == 0) {
        free(line->piece);
        line->piece = malloc(piece->total);
        line->piece_size = 0;
    }
    ENSURE(line->piece != NULL && line->piece_size == piece->offset && piece->offset + in->bytes.len <= piece->total);
    memcpy(line->piece + piece->offset, in->bytes.data, in->bytes.len);
    line->piece_size += in->bytes.len;
    if (!piece->whole)
        return;
    const struct sim_policy *policy = sim_policy_of(node->process.sim, wire_bytes(line->piece, line->piece_size));
    if (policy == NULL)
        sim_fail(node->process.sim, 0, "%s put a policy together that nobody wrote", node->process.name);
    add_job(node, NODE_DO_KEEP_PIECE, 0)->policy = policy;
}

static void perform_note(struct sim_node *node, const struct node_note *note)
{
    struct sim *sim = node->process.sim;
    char text[WIRE_ID_TEXT];
    struct sim_conn *conn = note->link == NODE_NO_LINK ? NULL : node->line[note->link].conn;
    bool lied_to = conn != NULL && conn->told;
    if (lied_to && (note->topic == NODE_NOTE_GAP || note->topic == NODE_NOTE_CHAIN ||
                    note->topic == NODE_NOTE_INCOMPLETE || note->topic == NODE_NOTE_CONTRADICTS))
        sim_lie_noticed(conn);
    if (sim->hostile[node->region_index] || lied_to)
        return;
    /* A ledger that was put back judges others before the one comes who could have shown it: it has two histories. It
     * has forgotten clones, too, and hears two stores in one stream. */
    if (sim->count.losses > 0 && (note->topic == NODE_NOTE_CONTRADICTS ||
                                  (note->topic == NODE_NOTE_BAD_RECEIPT && note->status == WIRE_BAD_ROOT)))
        return;
    /* Two stores in one stream: each is told of the other's batches until it goes on under an id of its own. */
    if (node->lost_bytes && note->topic == NODE_NOTE_BAD_RECEIPT && note->status == WIRE_BAD_ROOT)
        return;
    switch (note->topic) {
    case NODE_NOTE_DIFFERS: /* while directories or clocks differ so may what is right */
        if (sim->clock_faults || sim->enrolment_us + 150 * SIM_S > sim->now_us)
            break;
        sim_fail(sim, 4, "%s: its own rules give another disposition than the broker's", node->process.name);
    case NODE_NOTE_NOT_TAKEN:
        if (note->status == WIRE_SIGNER_REVOKED)
            break;
        sim_fail(sim, 3, "%s answers %s to %06llu %s from an honest broker", node->process.name,
                 wire_status_name(note->status), (unsigned long long)note->a, wire_id_text(note->id, text));
    case NODE_NOTE_BAD_RECEIPT:
    case NODE_NOTE_CONTRADICTS:
    case NODE_NOTE_BAD_FRAME:
        sim_fail(sim, 0, "%s: %s (%s) from an honest broker", node->process.name, node_topic_name(note->topic),
                 wire_status_name(note->status));
    case NODE_NOTE_DAMAGED:
        sim_fail(sim, 0, "%s cannot read a row of %s", node->process.name, node_table_name((enum node_table)note->a));
    default:
        break;
    }
}

static void perform(struct sim_node *node, const struct node_effect *effect)
{
    sim_mix_number(node->process.sim, (uint64_t)effect->kind);
    switch (effect->kind) {
    case NODE_DO_APPEND:
        perform_append(node, &effect->u.append);
        break;
    case NODE_DO_SEND:
        sim_node_send(node, &effect->u.send);
        break;
    case NODE_DO_FETCH:
        add_job(node, NODE_DO_FETCH, 0)->fetch = effect->u.fetch;
        break;
    case NODE_DO_SEAL:
        add_seal(node, &effect->u.seal);
        break;
    case NODE_DO_CUT:
        sim_node_cut(node, effect->u.cut.link);
        break;
    case NODE_DO_ALIVE:
        node->line[effect->u.alive].alive_us = node->process.sim->now_us;
        node->line[effect->u.alive].failures = 0;
        break;
    case NODE_DO_KEEP_PIECE:
        keep_piece(node, &effect->u.piece);
        break;
    case NODE_DO_ERASE:
        add_job(node, NODE_DO_ERASE, 0)->day = effect->u.erase;
        break;
    case NODE_DO_WAKE:
        sim_process_wake(&node->process, effect->u.wake);
        break;
    case NODE_DO_NOTE:
        perform_note(node, &effect->u.note);
        break;
    case NODE_DO_DONE:
        break;
    case NODE_DO_STOP:
        sim_fail(node->process.sim, 0, "%s stops: %s in %s", node->process.name,
                 wire_status_name(effect->u.stop.status), node_table_name(effect->u.stop.table));
    }
}

static void step(struct sim_node *node, const struct node_event *event)
{
    struct sim *sim = node->process.sim;
    sim->steps++;
    sim_mix_number(sim, (uint64_t)event->kind << 8 | (0x80U + node->index));
    node_core_step(node->core, event, sim->node_out);
    node_core_audit(node->core);
    if (!sim->options.trace)
        return;
    char *lines = calloc(1, 64 * 1024);
    struct wire_text text = {.data = lines, .capacity = 64 * 1024};
    node_core_text(&text, node->core, sim->node_out);
    sim_trace(sim, "%s event %d\n%s", node->process.name, (int)event->kind, lines);
    free(lines);
}

void sim_node_step(struct sim_node *node, struct node_event *event)
{
    struct sim *sim = node->process.sim;
    struct node_event again = {.kind = NODE_ON_CONTINUE};
    struct node_event *now = event;
    ENSURE(node->stepping == NULL);
    node->stepping = event;
    do {
        now->mono_ms = sim_mono_ms(&node->process);
        now->wall_ms = sim_wall_ms(&node->process);
        sim_random_bytes(sim, now->random, sizeof now->random);
        step(node, now);
        for (size_t i = 0; i < sim->node_out->count; i++)
            perform(node, &sim->node_out->effects[i]);
        now = &again;
    } while (sim->node_out->more);
    node->stepping = NULL;
    node->plain = node->salt = node->carried = NULL;
    sim_node_flush(node);
    run_jobs(node);
}

static void on_room(struct sim_process *process)
{
    struct sim_node *node = (struct sim_node *)process;
    struct node_event event = {.kind = NODE_ON_ROOM};
    struct keep_room room = keep_room(node->store.keep);
    bool full = keep_room_scarce(&room);
    if (full == node->full || process->broken)
        return;
    node->full = full;
    event.u.room = !full;
    wire_arena_reset(&process->sim->arena);
    sim_node_step(node, &event);
}

static void on_recheck(struct sim_process *process)
{
    struct sim_node *node = (struct sim_node *)process;
    struct node_event event = {.kind = NODE_ON_DIRECTORY};
    wire_arena_reset(&process->sim->arena);
    sim_node_enrolment(node, &event.u.directory);
    sim_process_recheck(process, node->epoch);
    sim_node_step(node, &event);
}

static void on_stored(struct sim_process *process)
{
    struct sim_node *node = (struct sim_node *)process;
    struct sim *sim = process->sim;
    wire_arena_reset(&sim->arena);
    on_room(process);
    if (process->broken || keep_failed(node->store.keep, NULL) != WIRE_OK) {
        sim_process_crash(process, sim->scale * sim_between(sim, SIM_S, 20 * SIM_S));
        return;
    }
    struct node_event event = {.kind = NODE_ON_COMMITTED};
    event.u.ticket = sim_process_committed(process);
    if (event.u.ticket > node->ticket_told) {
        node->ticket_told = event.u.ticket;
        sim_node_step(node, &event);
    }
}

static void on_timer(struct sim_process *process)
{
    struct node_event event = {.kind = NODE_ON_TIMER};
    wire_arena_reset(&process->sim->arena);
    sim_node_step((struct sim_node *)process, &event);
}

/* --- links -------------------------------------------------------------------------------------------------------- */

static void watch(struct sim *sim, void *what, uint64_t id)
{
    struct sim_node *node = what;
    struct sim_conn *conn = sim_conn_find(sim, id);
    struct sim_line *line = &node->line[conn->link];
    if (line->conn != conn || !node->process.up || sim_process_defer(&node->process, watch, what, id))
        return;
    if (sim->now_us - line->alive_us <= PULSES * 5 * SIM_S * sim->scale) {
        sim_after(sim, SIM_S * sim->scale, watch, what, id);
        return;
    }
    sim_net_leave(sim, conn, false);
    sim_node_down(node, conn);
}

void sim_node_up(struct sim_node *node, unsigned link, struct sim_conn *conn)
{
    struct node_event event = {.kind = NODE_ON_UP};
    event.u.link = (uint8_t)link;
    node->line[link].alive_us = node->process.sim->now_us;
    sim_after(node->process.sim, SIM_S * node->process.sim->scale, watch, node, conn->id);
    wire_arena_reset(&node->process.sim->arena);
    sim_node_step(node, &event);
}

static void forget(struct sim_node *node, unsigned link)
{
    struct sim_line *line = &node->line[link];
    line->conn = NULL;
    line->session++;
    sim_net_connect(node->process.sim, node->index, link, 0);
}

void sim_node_down(struct sim_node *node, struct sim_conn *conn)
{
    if (node->line[conn->link].conn != conn)
        return;
    sim_node_post_end(node, conn->link, 0);
    forget(node, conn->link);
    struct node_event event = {.kind = NODE_ON_LOST};
    event.u.link = (uint8_t)conn->link;
    wire_arena_reset(&node->process.sim->arena);
    sim_node_step(node, &event);
}

void sim_node_cut(struct sim_node *node, unsigned link)
{
    struct sim_conn *conn = node->line[link].conn;
    if (conn == NULL)
        return;
    sim_node_post_end(node, link, sim_process_committed(&node->process));
    sim_net_leave(node->process.sim, conn, false);
    forget(node, link);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static bool boot_row(void *context, const struct wire_row *row)
{
    struct sim_node *node = context;
    struct node_event event = {.kind = NODE_ON_BOOT_ROW};
    event.u.row = *row;
    event.mono_ms = sim_mono_ms(&node->process);
    event.wall_ms = sim_wall_ms(&node->process);
    step(node, &event);
    return true;
}

static uint64_t last_number(struct keep *keep, uint8_t table)
{
    struct keep_value key = {0};
    uint64_t number = keep_last(keep, table, wire_bytes(NULL, 0), &key, NULL) == WIRE_OK ? wire_get_u64(key.data) : 0;
    keep_value_close(&key);
    return number;
}

static void boot_trust(struct sim_node *node)
{
    struct sim *sim = node->process.sim;
    uint64_t policies = last_number(node->store.keep, NODE_TABLE_POLICY);
    node->epoch = last_number(node->store.keep, NODE_TABLE_DIRECTORY);
    for (uint64_t epoch = 1; epoch < node->epoch; epoch++) {
        struct node_key key = node_key_serial(epoch);
        if (!store_has(&node->store, NODE_TABLE_DIRECTORY, &key))
            sim_fail(sim, 5, "%s: record %llu is missing in its directory", node->process.name,
                     (unsigned long long)epoch);
    }
    on_recheck(&node->process);
    for (size_t i = 0; i < sim->policy_count; i++)
        if (sim->policy[i].version <= policies)
            sim_node_policy(node, &sim->policy[i], true);
}

static void start(struct sim_process *process)
{
    struct sim_node *node = (struct sim_node *)process;
    struct sim *sim = process->sim;
    size_t size = node_core_size(&node->options);
    node->memory = calloc(1, size);
    ENSURE(node->memory != NULL);
    node->core = node_core_init(node->memory, size, &node->options);
    node->ticket_told = 0;
    sim_check_inbox_restart(node);
    wire_arena_reset(&sim->arena);
    ENSURE(store_boot(&node->store, boot_row, node) == WIRE_OK);
    struct node_event event = {.kind = NODE_ON_BOOT_DONE};
    node->full = false;
    sim_node_step(node, &event);
    on_room(process);
    boot_trust(node);
    for (unsigned link = 0; link < sim->broker_count; link++) {
        node->line[link].failures = 0;
        sim_net_connect(sim, node->index, link, 1);
    }
}

static void crash(struct sim_process *process)
{
    struct sim_node *node = (struct sim_node *)process;
    for (unsigned link = 0; link < SIM_BROKERS_MAX; link++) {
        struct sim_line *line = &node->line[link];
        if (line->conn != NULL)
            sim_net_leave(process->sim, line->conn, false);
        free(line->piece);
        *line = (struct sim_line){.session = line->session + 1};
    }
    sim_node_post_end(node, SIM_BROKERS_MAX, 0);
    while (node->job != NULL) {
        struct sim_job *job = node->job;
        node->job = job->next;
        free(job);
    }
    node->job_last = &node->job;
    free(node->memory);
    node->memory = NULL;
    node->core = NULL;
}

static void options_of(struct sim_node *node)
{
    static const char *const names[SIM_BROKERS_MAX] = {"first", "second"};
    struct sim *sim = node->process.sim;
    node->options = (struct node_options){.region = node->process.region,
                                          .software = "sim",
                                          .link_count = sim->broker_count,
                                          .hash = &sim->hash,
                                          .lanes_max = 64,
                                          .streams_max = 256};
    for (unsigned link = 0; link < sim->broker_count; link++)
        node->options.link[link].name = names[link];
    if (sim->broker_count < 2)
        return;
    node->options.link[1].mechanism[0] = "delta";
    node->options.link[1].mechanism_count = 1;
}

void sim_node_init(struct sim *sim, unsigned index, unsigned region_index)
{
    struct sim_node *node = &sim->node[index];
    struct sim_process *process = &node->process;
    struct keep_options options = {.application = "lianfang-node",
                                   .format = NODE_STORE_FORMAT,
                                   .format_oldest = 1,
                                   .tables = store_tables(),
                                   .table_count = NODE_TABLES,
                                   .map_bytes_max = (size_t)1 << 30};
    *node = (struct sim_node){.index = index, .region_index = region_index, .exists = true};
    *process = (struct sim_process){.sim = sim,
                                    .region = sim->region[region_index],
                                    .commit_us = 700,
                                    .stored = on_stored,
                                    .crash = crash,
                                    .start = start,
                                    .timer = on_timer,
                                    .room = on_room,
                                    .recheck = on_recheck};
    snprintf(process->name, sizeof process->name, "%06u.%u", process->region, index);
    node->last = &node->first;
    node->job_last = &node->job;
    node->generation = 1;
    options_of(node);
    ENSURE(keep_open_memory(&options, false, &process->keep, NULL) == WIRE_OK);
    store_over(process->keep, &node->store);
    sim_process_image(process); /* the empty one */
}

void sim_node_free(struct sim_node *node)
{
    if (node->process.keep == NULL)
        return;
    if (node->process.up)
        crash(&node->process);
    for (size_t i = 0; i < SIM_IMAGES; i++)
        keep_memory_image_free(&node->process.image[i]);
    free(node->seen);
    free(node->hoard);
    store_close(&node->store);
}
