/* The broker's process: frames → gate → look-ups → event → core → effects → ledger, queue of sends, timer. What
 * broker/intake.c, perform.c, rest.c and trust.c do, over a ledger in memory and toy keys. */
#include "sim.h"

#include "wire/statement.h"
#include "wire/time.h"

#include <stdlib.h>

/* --- effects ------------------------------------------------------------------------------------------------------ */

static Wire__LedgerPayloads *day_of(Wire__LedgerPayloads **days, uint32_t *day, size_t *count, uint32_t wanted,
                                    size_t envelopes, struct wire_arena *arena)
{
    for (size_t i = 0; i < *count; i++)
        if (day[i] == wanted)
            return days[i];
    Wire__LedgerPayloads *new_ = wire_arena_take(arena, sizeof(*new_));
    wire__ledger_payloads__init(new_);
    new_->envelope = wire_arena_take(arena, envelopes * sizeof(*new_->envelope));
    day[*count] = wanted;
    days[(*count)++] = new_;
    return new_;
}

/* The payloads of what is admitted, one row a day of keeping. */
static size_t payload_rows(struct sim_broker *broker, const struct broker_append *append, struct wire_row *rows)
{
    struct wire_arena *arena = &broker->process.sim->arena;
    size_t envelopes = append->batch->n_envelope, days = 0, count = 0;
    Wire__LedgerPayloads *kept[WIRE_BATCH_ENVELOPES_MAX];
    uint32_t day[WIRE_BATCH_ENVELOPES_MAX];
    for (size_t i = 0; i < envelopes; i++) {
        if (append->keep_until[i] == 0)
            continue;
        Wire__LedgerPayloads *to = day_of(kept, day, &days, append->keep_until[i], envelopes, arena);
        Wire__LedgerPayload *one = wire_arena_take(arena, sizeof(*one));
        wire__ledger_payload__init(one);
        one->index = (uint32_t)i;
        one->salt = append->batch->envelope[i]->salt;
        one->payload = append->batch->envelope[i]->payload;
        to->envelope[to->n_envelope++] = one;
    }
    for (size_t i = 0; i < days; i++) {
        struct wire_bytes run =
            sim_rest_seal(&broker->process, day[i], wire_encode(&kept[i]->base, arena), wire_bytes(NULL, 0));
        if (run.data == NULL)
            continue; /* offered again with its receipt: the verdict stands, the payload is gone */
        struct broker_key key = broker_key_payload(append->serial, day[i]);
        rows[count].table = BROKER_PAYLOAD;
        rows[count].key = wire_bytes(wire_arena_copy(arena, key.data, key.size), key.size);
        rows[count++].value = run;
        key = broker_key_payload_day(day[i], append->serial);
        rows[count].table = BROKER_PAYLOAD_DAY;
        rows[count++].key = wire_bytes(wire_arena_copy(arena, key.data, key.size), key.size);
    }
    return count;
}

static void perform_append(struct sim_broker *broker, const struct broker_append *append)
{
    struct sim *sim = broker->process.sim;
    const struct wire_row *rows = append->rows;
    size_t count = append->count;
    for (size_t i = 0; i < count; i++) {
        sim_mix_number(sim, rows[i].table);
        sim_mix(sim, rows[i].key.data, rows[i].key.size);
        sim_mix(sim, rows[i].value.data, rows[i].value.size);
    }
    if (append->batch != NULL) {
        struct wire_row *all = wire_arena_take(&sim->arena, (count + 2 * append->batch->n_envelope) * sizeof(*all));
        ENSURE(all != NULL);
        memcpy(all, rows, count * sizeof(*all));
        count += payload_rows(broker, append, all + count);
        rows = all;
        sim_note_admission(broker, append);
    }
    sim_process_append(&broker->process, rows, count, append->ticket);
}

static struct keep_range range_of(const struct broker_fetch *fetch)
{
    return (struct keep_range){.table = fetch->table,
                               .prefix = fetch->prefix,
                               .from = fetch->from,
                               .rows_max = fetch->rows_max,
                               .bytes_max = fetch->bytes_max};
}

struct exact {
    struct wire_arena *arena;
    struct wire_row *rows;
    size_t count, max;
    uint8_t table;
};

static bool exact_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct exact *exact = context;
    exact->rows[exact->count++] =
        (struct wire_row){.table = exact->table,
                          .key = wire_bytes(wire_arena_copy(exact->arena, key.data, key.size), key.size),
                          .value = wire_bytes(wire_arena_copy(exact->arena, value.data, value.size), value.size)};
    return exact->count < exact->max;
}

struct exact_fetch {
    uint64_t request;
    struct keep_range range;
    uint8_t from[WIRE_KEY_BYTES_MAX], prefix[WIRE_KEY_BYTES_MAX];
};

static struct broker_event answer_exact(struct sim_broker *broker, const struct exact_fetch *fetch)
{
    struct sim *sim = broker->process.sim;
    struct exact exact = {.arena = &sim->arena, .max = fetch->range.rows_max, .table = fetch->range.table};
    bool more = false;
    struct keep_range range = fetch->range;
    range.from.data = fetch->from;
    range.prefix.data = fetch->prefix;
    exact.rows = wire_arena_take(exact.arena, exact.max * sizeof(*exact.rows));
    ENSURE(exact.rows != NULL);
    ENSURE(keep_scan(broker->ledger.keep, &range, exact_visit, &exact, &more) == WIRE_OK);
    struct broker_event event = {.kind = BROKER_EVENT_FETCHED};
    event.fetched = (struct broker_fetched){
        .request = fetch->request, .rows = exact.rows, .count = exact.count, .end = !more && exact.count < exact.max};
    return event;
}

static void perform_note(struct sim_broker *broker, const struct broker_note *note)
{
    struct sim *sim = broker->process.sim;
    switch (note->topic) {
    case BROKER_NOTE_FORK:
        sim->count.forks++;
        break;
    case BROKER_NOTE_ROLLED_BACK:
        if (broker->rolled_since_us == 0)
            broker->rolled_since_us = sim->now_us;
        if (!broker->lost_bytes)
            sim_fail(sim, 2, "%s says it is rolled back, and never lost a byte", broker->process.name);
        break;
    case BROKER_NOTE_DAMAGED:
        sim_fail(sim, 0, "%s cannot read a row of table %llu", broker->process.name, (unsigned long long)note->a);
    default:
        break;
    }
}

static void copy_exact(const struct broker_fetch *fetch, struct exact_fetch *out)
{
    *out = (struct exact_fetch){.request = fetch->request, .range = range_of(fetch)};
    if (fetch->from.size > 0)
        memcpy(out->from, fetch->from.data, fetch->from.size);
    if (fetch->prefix.size > 0)
        memcpy(out->prefix, fetch->prefix.data, fetch->prefix.size);
}

static void perform(struct sim_broker *broker, const struct broker_effect *effect, struct exact_fetch *exact,
                    size_t *exacts)
{
    struct sim *sim = broker->process.sim;
    sim_mix_number(sim, (uint64_t)effect->kind);
    switch (effect->kind) {
    case BROKER_APPEND:
        perform_append(broker, &effect->append);
        break;
    case BROKER_SEND:
        sim_post_send(broker, &effect->send);
        break;
    case BROKER_SEND_POLICY:
        sim_post_other(broker, SIM_POST_POLICY, effect->send_policy.peer, effect->send_policy.after,
                       effect->send_policy.version, 0);
        break;
    case BROKER_SEND_DIRECTORY:
        sim_post_other(broker, SIM_POST_DIRECTORY, effect->send_directory.peer, effect->send_directory.after,
                       effect->send_directory.from_epoch, effect->send_directory.epoch);
        break;
    case BROKER_FETCH:
        if (effect->fetch.exact) {
            copy_exact(&effect->fetch, &exact[(*exacts)++]);
        } else {
            struct keep_range range = range_of(&effect->fetch);
            ENSURE(keep_fetch_async(broker->ledger.keep, effect->fetch.request, &range) == WIRE_OK);
            sim_process_fetched(&broker->process);
        }
        break;
    case BROKER_CUT:
        sim_post_cut(broker, &effect->cut);
        break;
    case BROKER_WAKE:
        sim_process_wake(&broker->process, effect->wake_ms);
        break;
    case BROKER_SEAL:
        sim_own_take(broker, &effect->seal);
        break;
    case BROKER_NOTE:
        perform_note(broker, &effect->note);
        break;
    }
}

static void trace_step(struct sim_broker *broker, const struct broker_event *event)
{
    struct sim *sim = broker->process.sim;
    if (!sim->options.trace)
        return;
    char *lines = calloc(1, 64 * 1024);
    struct wire_text text = {.data = lines, .capacity = 64 * 1024};
    broker_core_text(sim->broker_out, &text);
    sim_trace(sim, "%s event %d\n%s", broker->process.name, (int)event->kind, lines);
    free(lines);
}

static void step(struct sim_broker *broker, const struct broker_event *event)
{
    struct sim *sim = broker->process.sim;
    sim->steps++;
    sim_mix_number(sim, (uint64_t)event->kind << 8 | broker->index);
    broker_core_step(broker->core, event, sim->broker_out);
    broker_core_audit(broker->core);
    trace_step(broker, event);
}

static void step_all(struct sim_broker *broker, struct broker_event *event, struct exact_fetch *exact, size_t *exacts)
{
    struct sim *sim = broker->process.sim;
    struct broker_event again = {.kind = BROKER_EVENT_CONTINUE};
    const struct broker_event *outer = broker->stepping;
    broker->stepping = event;
    do {
        event->mono_ms = sim_mono_ms(&broker->process);
        event->wall_ms = sim_wall_ms(&broker->process);
        sim_random_bytes(sim, event->random, sizeof event->random);
        step(broker, event);
        for (size_t i = 0; i < sim->broker_out->count; i++)
            perform(broker, &sim->broker_out->effects[i], exact, exacts);
        event = &again;
    } while (sim->broker_out->more);
    broker->stepping = outer;
}

void sim_broker_step(struct sim_broker *broker, struct broker_event *event)
{
    struct exact_fetch exact[BROKER_FETCHES_MAX];
    size_t exacts = 0;
    step_all(broker, event, exact, &exacts);
    size_t mark = wire_arena_mark(&broker->process.sim->arena);
    while (exacts > 0 && !broker->process.broken) { /* what is not taken by the store would be asked for for ever */
        wire_arena_back(&broker->process.sim->arena, mark);
        struct broker_event answer = answer_exact(broker, &exact[0]);
        memmove(exact, exact + 1, --exacts * sizeof(*exact));
        step_all(broker, &answer, exact, &exacts);
    }
    sim_post_flush(broker);
    sim_check_bounds(broker);
}

/* --- what comes of the store and the timer
 * ---------------------------------------------------------------------------- */

static void take_fetched(struct sim_broker *broker)
{
    struct keep_fetched fetched;
    while (keep_fetched(broker->ledger.keep, &fetched)) {
        ENSURE(fetched.status == WIRE_OK);
        struct broker_event event = {.kind = BROKER_EVENT_FETCHED};
        event.fetched = (struct broker_fetched){
            .request = fetched.request, .rows = fetched.rows, .count = fetched.row_count, .end = !fetched.more};
        sim_broker_step(broker, &event);
        keep_fetched_close(&fetched);
    }
}

static void on_room(struct sim_process *process)
{
    struct sim_broker *broker = (struct sim_broker *)process;
    struct broker_event event = {.kind = BROKER_EVENT_ROOM};
    struct keep_room room = keep_room(broker->ledger.keep);
    bool full = keep_room_scarce(&room);
    if (full == broker->full || process->broken)
        return;
    broker->full = event.room.full = full;
    wire_arena_reset(&process->sim->arena);
    sim_broker_step(broker, &event);
}

static void on_stored(struct sim_process *process)
{
    struct sim_broker *broker = (struct sim_broker *)process;
    struct sim *sim = process->sim;
    wire_arena_reset(&sim->arena);
    on_room(process);
    if (process->broken || keep_failed(broker->ledger.keep, NULL) != WIRE_OK) {
        sim_process_crash(process, sim->scale * sim_between(sim, SIM_S, 20 * SIM_S));
        return;
    }
    struct broker_event event = {.kind = BROKER_EVENT_COMMITTED};
    event.committed.ticket = sim_process_committed(process);
    if (event.committed.ticket > broker->ticket_told) {
        broker->ticket_told = event.committed.ticket;
        sim_broker_step(broker, &event);
    }
    take_fetched(broker);
}

/* Erasing cannot be undone: a clock that jumped must not do it. */
static bool clock_sure(struct sim_broker *broker)
{
    struct broker_event event = {.kind = BROKER_EVENT_TIMER};
    struct broker_totals totals;
    wire_arena_reset(&broker->process.sim->arena);
    sim_broker_step(broker, &event);
    broker_core_totals(broker->core, &totals);
    return totals.reason != WIRE_CLOCK_UNSURE && totals.reason != WIRE_ROLLED_BACK;
}

static struct broker_key payload_of(struct wire_bytes key)
{
    return broker_key_payload(wire_get_u64(key.data + 4), wire_get_u32(key.data));
}

static void on_erase(struct sim *sim, void *what, uint64_t life)
{
    static const struct sim_rest_table table = {BROKER_PAYLOAD_DAY, BROKER_PAYLOAD, payload_of};
    struct sim_broker *broker = what;
    struct sim_process *process = &broker->process;
    if (!process->up || process->life != life || sim_process_defer(process, on_erase, what, life))
        return;
    bool sure = clock_sure(broker), more = false;
    uint32_t yesterday = wire_day_add(wire_day_of(sim_wall_ms(process)), -1);
    if (sure) {
        sim_rest_erase_keys(process, yesterday);
        wire_arena_reset(&sim->arena);
        more = sim_rest_erase_rows(process, &table, 1, yesterday);
    }
    int64_t in_us = more ? SIM_S : sure ? sim_rest_next_us(process) : 60 * SIM_S;
    sim_after(sim, in_us, on_erase, what, life);
}

static void on_timer(struct sim_process *process)
{
    struct broker_event event = {.kind = BROKER_EVENT_TIMER};
    wire_arena_reset(&process->sim->arena);
    sim_broker_step((struct sim_broker *)process, &event);
}

/* --- trust -------------------------------------------------------------------------------------------------------- */

/* The directory up to `to`; what stands beyond `stored` is to be stored. */
static void tell_directory(struct sim_broker *broker, uint64_t to, uint64_t stored)
{
    struct sim *sim = broker->process.sim;
    struct broker_change changes[SIM_REGIONS];
    struct broker_directory_record *records = calloc(SIM_RECORDS_MAX, sizeof(*records));
    uint8_t(*bytes)[SIM_RECORD_BYTES] = malloc(SIM_RECORDS_MAX * sizeof(*bytes));
    ENSURE(records != NULL && bytes != NULL);
    struct broker_event event = {.kind = BROKER_EVENT_DIRECTORY};
    event.directory = (struct broker_directory){.epoch = to, .changes = changes, .records = records};
    for (unsigned i = 0; i < sim->region_count; i++) {
        bool enrolled = sim_enrolled(sim, to, sim->region[i], sim_wall_ms(&broker->process));
        changes[event.directory.change_count++] = (struct broker_change){sim->region[i], enrolled};
        if (enrolled)
            broker->revoked_at_us[i] = 0;
        else if (broker->enrolled[i])
            broker->revoked_at_us[i] = sim->now_us;
        sim->enrolment_us = broker->enrolled[i] == enrolled ? sim->enrolment_us : sim->now_us;
        broker->enrolled[i] = enrolled;
    }
    for (uint64_t epoch = stored + 1; epoch <= to; epoch++) {
        sim_trust_encode(sim, epoch, bytes[epoch - stored - 1]);
        records[event.directory.record_count++] =
            (struct broker_directory_record){epoch, wire_bytes(bytes[epoch - stored - 1], SIM_RECORD_BYTES)};
    }
    broker->epoch = to;
    wire_arena_reset(&sim->arena);
    sim_broker_step(broker, &event);
    free(records);
    free(bytes);
    sim_process_recheck(&broker->process, to);
}

static void on_recheck(struct sim_process *process)
{
    struct sim_broker *broker = (struct sim_broker *)process;
    tell_directory(broker, broker->epoch, broker->epoch);
}

static void tell_policy(struct sim_broker *broker, const struct sim_policy *policy, bool stored)
{
    struct broker_event event = {.kind = BROKER_EVENT_POLICY};
    event.policy = (struct broker_policy){.policy = policy->policy,
                                          .version = policy->version,
                                          .digest = policy->digest,
                                          .in_force_ms = policy->in_force_ms};
    if (!stored)
        event.policy.bytes = wire_bytes(policy->bytes, policy->size);
    wire_arena_reset(&broker->process.sim->arena);
    sim_broker_step(broker, &event);
    broker->policies = policy->version;
}

void sim_broker_reload(struct sim_broker *broker)
{
    struct sim *sim = broker->process.sim;
    if (sim->trust.epoch > broker->epoch)
        tell_directory(broker, sim->trust.epoch, broker->epoch);
    while (broker->policies < sim->policy_out)
        tell_policy(broker, &sim->policy[broker->policies], false);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static bool boot_row(void *context, const struct wire_row *row)
{
    struct sim_broker *broker = context;
    struct broker_event event = {.kind = BROKER_EVENT_BOOT_ROW, .boot_row = {.row = *row}};
    event.mono_ms = sim_mono_ms(&broker->process);
    event.wall_ms = sim_wall_ms(&broker->process);
    step(broker, &event);
    ENSURE(broker->process.sim->broker_out->count == 0 && !broker->process.sim->broker_out->more);
    return true;
}

static uint64_t last_number(struct keep *keep, uint8_t table)
{
    struct keep_value key = {0};
    uint64_t number = keep_last(keep, table, wire_bytes(NULL, 0), &key, NULL) == WIRE_OK ? wire_get_u64(key.data) : 0;
    keep_value_close(&key);
    return number;
}

static void options_of(const struct sim_broker *broker, struct broker_options *options)
{
    static const char *const delta[] = {"delta"}, *const nation[] = {"nation"};
    broker_options_default(options, &broker->process.sim->hash);
    options->regions_max = 64;
    options->queues_max = 512;
    options->mechanisms_max = 16;
    options->window_rows = 2048;
    options->pulse_ms = (uint32_t)(broker->process.sim->plan.pulse_s * 1000);
    if (broker->process.sim->broker_count > 1) {
        options->hosted = broker->index == 0 ? nation : delta;
        options->hosted_count = 1;
    }
}

static void start(struct sim_process *process)
{
    struct sim_broker *broker = (struct sim_broker *)process;
    struct sim *sim = process->sim;
    struct broker_options options;
    options_of(broker, &options);
    size_t size = broker_core_size(&options);
    broker->memory = calloc(1, size);
    ENSURE(broker->memory != NULL);
    broker->core = broker_core_init(broker->memory, size, &options);
    broker->ticket_told = 0;
    broker->epoch = broker->policies = 0;
    broker->own_waits = broker->full = false;
    memset(broker->enrolled, 0, sizeof broker->enrolled);
    wire_arena_reset(&sim->arena);
    ENSURE(ledger_boot(&broker->ledger, boot_row, broker) == WIRE_OK);
    struct broker_event event = {.kind = BROKER_EVENT_BOOT_DONE};
    sim_broker_step(broker, &event);
    on_room(process);
    sim_after(sim, 60 * SIM_S, on_erase, broker, process->life);
    uint64_t stored = last_number(broker->ledger.keep, BROKER_DIRECTORY);
    uint64_t policies = last_number(broker->ledger.keep, BROKER_POLICY);
    tell_directory(broker, sim->trust.epoch, stored);
    while (broker->policies < policies)
        tell_policy(broker, &sim->policy[broker->policies], true);
    sim_broker_reload(broker);
}

static void crash(struct sim_process *process)
{
    struct sim_broker *broker = (struct sim_broker *)process;
    struct sim *sim = process->sim;
    for (size_t i = 0; i < sim->conn_count; i++)
        if (sim->conn[i]->broker == broker->index)
            sim_net_leave(sim, sim->conn[i], true);
    sim_post_drop(broker);
    free(broker->memory);
    broker->memory = NULL;
    broker->core = NULL;
    broker->rolled_since_us = 0;
}

void sim_broker_init(struct sim *sim, unsigned index)
{
    struct sim_broker *broker = &sim->broker[index];
    const char *names[BROKER_TABLES];
    struct keep_options options = {.application = "lianfang-broker",
                                   .format = LEDGER_FORMAT,
                                   .format_oldest = 1,
                                   .tables = names,
                                   .table_count = BROKER_TABLES,
                                   .map_bytes_max = (size_t)1 << 30};
    struct sim_process *process = &broker->process;
    ledger_tables(names);
    *process = (struct sim_process){.sim = sim,
                                    .commit_us = 700,
                                    .stored = on_stored,
                                    .crash = crash,
                                    .start = start,
                                    .timer = on_timer,
                                    .room = on_room,
                                    .recheck = on_recheck};
    snprintf(process->name, sizeof process->name, "broker%u", index);
    broker->index = index;
    broker->generation = index + 1;
    broker->last = &broker->first;
    ENSURE(keep_open_memory(&options, false, &process->keep, NULL) == WIRE_OK);
    ledger_over(process->keep, &broker->ledger);
    sim_process_image(process); /* the empty one */
}

void sim_broker_free(struct sim_broker *broker)
{
    sim_post_drop(broker);
    free(broker->memory);
    for (size_t i = 0; i < SIM_IMAGES; i++)
        keep_memory_image_free(&broker->process.image[i]);
    ledger_close(&broker->ledger);
}

void sim_broker_operate(struct sim_broker *broker, enum broker_operation operation, uint32_t region)
{
    struct broker_event event = {.kind = BROKER_EVENT_OPERATOR};
    event.operator_ = (struct broker_operator){operation, region};
    sim_trace(broker->process.sim, "operator of %s: %d %u", broker->process.name, (int)operation, region);
    wire_arena_reset(&broker->process.sim->arena);
    sim_broker_step(broker, &event);
}

void sim_broker_down(struct sim_broker *broker, struct sim_conn *conn)
{
    struct broker_event event = {.kind = BROKER_EVENT_PEER_DOWN};
    event.peer_down = (struct broker_peer_down){.peer = conn->id, .status = WIRE_CLOSED};
    wire_arena_reset(&broker->process.sim->arena);
    sim_broker_step(broker, &event);
}

/* --- frames ------------------------------------------------------------------------------------------------------- */

static ProtobufCMessage *own_statement(struct sim_broker *broker, const Wire__Signed *shown, Wire__StatementType type,
                                       const ProtobufCMessageDescriptor *what)
{
    struct sim *sim = broker->process.sim;
    enum wire_status status;
    struct sim_key key;
    if (shown == NULL || shown->type != type ||
        sim_certificate_check(sim, broker->epoch, SIM_IDENTITY, sim_bytes(shown->signer), INT64_MIN, &key) != WIRE_OK ||
        sim_broker_of(key) != broker->index || sim_verify_signed(sim, broker->epoch, shown, 0, INT64_MIN) != WIRE_OK)
        return NULL;
    return wire_decode(what, sim_bytes(shown->statement), WIRE_STRICT_ALL, &sim->arena, &status);
}

static void take_hello(struct sim_broker *broker, struct sim_conn *conn, uint32_t region, const Wire__Hello *hello)
{
    struct sim *sim = broker->process.sim;
    struct broker_event event = {.kind = BROKER_EVENT_HELLO};
    event.hello = (struct broker_hello){.peer = conn->id, .region = region, .hello = hello};
    event.hello.receipt = (const Wire__ReceiptStatement *)own_statement(
        broker, hello->newest_receipt, WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT, &wire__receipt_statement__descriptor);
    event.hello.completeness = (const Wire__CompletenessStatement *)own_statement(
        broker, hello->newest_completeness, WIRE__STATEMENT_TYPE__COMPLETENESS_STATEMENT,
        &wire__completeness_statement__descriptor);
    ENSURE(ledger_look_hello(&broker->ledger, &event.hello, &sim->arena) == WIRE_OK);
    sim_broker_step(broker, &event);
    struct broker_health health = {0}; /* who is turned away, not being enrolled any more, is not listened to */
    if (broker_core_health(broker->core, region, &health) && health.enrolled)
        sim_check_rolled_back(broker, event.hello.receipt);
}

static enum wire_status check_batch(struct sim_broker *broker, uint32_t region, int64_t at_ms,
                                    struct broker_submit *submit, Wire__Header **headers, struct wire_digest *leaves)
{
    struct sim *sim = broker->process.sim;
    const Wire__Batch *batch = submit->batch;
    uint32_t signer = 0, at;
    if (batch->seal->origin != region)
        return WIRE_FOREIGN_ORIGIN;
    enum wire_status status = sim_verify_batch(sim, broker->epoch, batch->seal, at_ms, &signer);
    if (status == WIRE_OK && signer != region)
        status = WIRE_FOREIGN_ORIGIN;
    if (status != WIRE_OK)
        return status;
    return wire_batch_check(&sim->hash, batch, &sim->arena, headers, leaves, &at);
}

static uint16_t box_problem(struct sim_broker *broker, const Wire__KeyBox *box, int64_t at_ms)
{
    struct sim_key key;
    enum wire_status status =
        sim_certificate_check(broker->process.sim, broker->epoch, SIM_SEAL, sim_bytes(box->certificate), at_ms, &key);
    return status == WIRE_OK && key.region == box->region ? 0 : WIRE_STALE_SEAL;
}

static bool hostile(const struct sim_broker *broker, const struct sim_conn *conn)
{
    const struct sim *sim = broker->process.sim;
    return sim->hostile[sim->node[conn->node].region_index];
}

/* What the gate cannot read ends the connection. */
static void cut_off(struct sim_broker *broker, struct sim_conn *conn)
{
    sim_broker_down(broker, conn);
    sim_net_leave(broker->process.sim, conn, true);
}

/* The receipt is about this very batch (broker/gate/submit.c). */
static bool is_about(const Wire__ReceiptStatement *receipt, uint32_t region, const Wire__BatchSeal *seal)
{
    return receipt->origin == region && receipt->outcome == WIRE__RECEIPT_OUTCOME__JUDGED &&
           receipt->lane == seal->lane && strcmp(receipt->mechanism, seal->mechanism) == 0 &&
           receipt->first == seal->first && receipt->count == seal->count &&
           wire_bytes_equal(sim_bytes(receipt->store_id), sim_bytes(seal->store_id)) &&
           wire_bytes_equal(sim_bytes(receipt->root), sim_bytes(seal->root));
}

static void take_submit(struct sim_broker *broker, struct sim_conn *conn, uint32_t region, const Wire__Submit *submit,
                        size_t frame_bytes)
{
    struct sim *sim = broker->process.sim;
    struct wire_arena *arena = &sim->arena;
    struct broker_event event = {.kind = BROKER_EVENT_SUBMIT};
    struct broker_submit *in = &event.submit;
    enum wire_status status;
    Wire__Batch *batch =
        (Wire__Batch *)wire_decode(&wire__batch__descriptor, sim_bytes(submit->batch), WIRE_STRICT_ALL, arena, &status);
    if (batch == NULL && hostile(broker, conn)) {
        cut_off(broker, conn);
        return;
    }
    if (batch == NULL)
        sim_fail(sim, 0, "%s got a batch that does not decode: %s", broker->process.name, wire_status_name(status));
    Wire__Header **headers = wire_arena_take(arena, WIRE_BATCH_ENVELOPES_MAX * sizeof(*headers));
    struct wire_digest *leaves = wire_arena_take(arena, WIRE_BATCH_LEAVES_MAX * sizeof(*leaves));
    uint16_t *box_bad = wire_arena_take(arena, (batch->n_box + 1) * sizeof(*box_bad));
    *in = (struct broker_submit){.peer = conn->id, .frame_bytes = (uint32_t)frame_bytes, .batch = batch};
    if (submit->held != NULL)
        in->held = (const Wire__ReceiptStatement *)own_statement(
            broker, submit->held, WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT, &wire__receipt_statement__descriptor);
    if (in->held != NULL && !is_about(in->held, region, batch->seal))
        in->held = NULL;
    int64_t at_ms = in->held != NULL ? in->held->at_ms : sim_wall_ms(&broker->process);
    in->failed = check_batch(broker, region, at_ms, in, headers, leaves);
    in->headers = headers;
    in->leaves = leaves;
    in->box_bad = box_bad;
    for (size_t i = 0; in->failed == WIRE_OK && i < batch->n_box; i++)
        box_bad[i] = box_problem(broker, batch->box[i], at_ms);
    if (in->failed != WIRE_FOREIGN_ORIGIN)
        ENSURE(ledger_look_submit(&broker->ledger, in, arena) == WIRE_OK);
    sim_broker_step(broker, &event);
}

static void take_arrived(struct sim_broker *broker, struct sim_conn *conn, uint32_t region,
                         const Wire__ArrivedPart *part)
{
    struct sim *sim = broker->process.sim;
    enum wire_status status;
    struct broker_event event = {.kind = BROKER_EVENT_ARRIVED};
    event.arrived = (struct broker_arrived){.peer = conn->id, .part = part};
    Wire__ArrivedStatement *statement =
        (Wire__ArrivedStatement *)wire_decode(&wire__arrived_statement__descriptor, sim_bytes(part->signed_->statement),
                                              WIRE_STRICT_ALL, &sim->arena, &status);
    event.arrived.statement = statement;
    event.arrived.verified =
        statement == NULL ? WIRE_BAD_FRAME
        : statement->recipient != region
            ? WIRE_FOREIGN_ORIGIN
            : sim_verify_signed(sim, broker->epoch, part->signed_, region, sim_wall_ms(&broker->process));
    ENSURE(ledger_look_arrived(&broker->ledger, region, &event.arrived, &sim->arena) == WIRE_OK);
    sim_broker_step(broker, &event);
}

void sim_broker_message(struct sim_broker *broker, struct sim_conn *conn, struct wire_bytes bytes)
{
    struct sim *sim = broker->process.sim;
    uint32_t region = sim->node[conn->node].process.region;
    enum wire_status status;
    wire_arena_reset(&sim->arena);
    sim->count.frames++;
    sim_check_secret(sim, bytes);
    Wire__Frame *frame =
        (Wire__Frame *)wire_decode(&wire__frame__descriptor, bytes, WIRE_STRICT_ALL, &sim->arena, &status);
    if (frame == NULL)
        sim_fail(sim, 0, "%s got a frame that does not decode: %s", broker->process.name, wire_status_name(status));
    struct broker_event event = {0};
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_HELLO:
        take_hello(broker, conn, region, frame->hello);
        break;
    case WIRE__FRAME__BODY_SUBMIT:
        take_submit(broker, conn, region, frame->submit, bytes.size);
        break;
    case WIRE__FRAME__BODY_ARRIVED:
        for (size_t i = 0; i < frame->arrived->n_part && conn->broker_end; i++)
            take_arrived(broker, conn, region, frame->arrived->part[i]);
        break;
    case WIRE__FRAME__BODY_CREDIT:
        event.kind = BROKER_EVENT_CREDIT;
        event.credit = (struct broker_credit){.peer = conn->id, .credit = frame->credit};
        sim_broker_step(broker, &event);
        break;
    case WIRE__FRAME__BODY_PULSE:
        event.kind = BROKER_EVENT_PULSE;
        event.pulse = (struct broker_pulse){.peer = conn->id, .pulse = frame->pulse};
        sim_broker_step(broker, &event);
        break;
    case WIRE__FRAME__BODY_BYE:
        sim_broker_down(broker, conn);
        sim_net_leave(sim, conn, true);
        break;
    default:
        sim_fail(sim, 0, "a node sent frame %d", (int)frame->body_case);
    }
}
