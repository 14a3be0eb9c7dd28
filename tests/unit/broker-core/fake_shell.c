#include "fake.h"
#include "support/sha256.h"
#include "wire/codec.h"
#include "wire/ensure.h"
#include "wire/kind.h"
#include "wire/time.h"
#include <stdlib.h>

void fake_node_frame(struct fake *fake, const struct fake_send *send);
void fake_node_cut(struct fake *fake, uint64_t peer, enum wire_status status);
void fake_node_piece(struct fake *fake, uint64_t peer);

static void *memory(size_t size)
{
    void *taken = calloc(1, size + 1);
    ENSURE(taken != NULL);
    return taken;
}

struct broker_event fake_event(struct fake *fake, enum broker_event_kind kind)
{
    struct broker_event event = {.kind = kind, .mono_ms = fake->mono_ms, .wall_ms = fake->wall_ms};
    for (size_t i = 0; i < sizeof event.random; i++)
        event.random[i] = (uint8_t)fake_random(fake);
    return event;
}

/* --- effects ---------------------------------------------------------------------------------------------------------
 */
static void *kept(const void *data, size_t size)
{
    void *copy = memory(size);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

static void on_append(struct fake *fake, const struct broker_append *append)
{
    struct fake_append *out = memory(sizeof *out);
    ENSURE(append->ticket == fake->last_ticket + 1);
    fake->last_ticket = out->ticket = append->ticket;
    out->count = append->count;
    out->rows = memory(append->count * sizeof *out->rows);
    for (size_t i = 0; i < append->count; i++) {
        const struct wire_row *row = &append->rows[i];
        fake_store_apply(&fake->visible, row);
        out->rows[i] = *row;
        out->rows[i].key.data = kept(row->key.data, row->key.size);
        out->rows[i].value.data = row->erase ? NULL : kept(row->value.data, row->value.size);
    }
    *fake->append_end = out;
    fake->append_end = &out->next;
}

static void on_send(struct fake *fake, const struct broker_send *send)
{
    struct fake_send *out = memory(sizeof *out);
    out->peer = send->peer;
    out->after = send->after;
    out->part = send->part;
    out->size = wire__frame__get_packed_size(send->frame);
    out->frame = memory(out->size);
    wire__frame__pack(send->frame, out->frame);
    if (send->frame->body_case == WIRE__FRAME__BODY_DELIVER)
        out->lane = (uint32_t)send->frame->deliver->lane;
    *fake->send_end = out;
    fake->send_end = &out->next;
}

/* The answer is a snapshot of the moment: of what is committed, or of everything when it must be exact. */
static void on_fetch(struct fake *fake, const struct broker_fetch *fetch)
{
    const struct fake_store *store = fetch->exact ? &fake->visible : &fake->durable;
    struct fake_fetch *out = memory(sizeof *out);
    out->fetch = *fetch;
    out->rows = memory((fetch->rows_max + 1) * sizeof *out->rows);
    out->end = true;
    size_t bytes = 0;
    const struct fake_row *row = fake_scan(store, fetch->table, fetch->from, fetch->prefix, NULL);
    for (; row != NULL; row = fake_scan(store, fetch->table, fetch->from, fetch->prefix, row)) {
        bytes += row->key_size + row->value_size;
        if (out->count == fetch->rows_max || (out->count > 0 && bytes > fetch->bytes_max)) {
            out->end = false;
            break;
        }
        struct fake_row *copy = &out->rows[out->count++];
        *copy = *row;
        copy->key = kept(row->key, row->key_size);
        copy->value = kept(row->value, row->value_size);
    }
    *fake->fetch_end = out;
    fake->fetch_end = &out->next;
}

static void on_seal(struct fake *fake, const struct broker_seal *seal)
{
    ENSURE(!fake->seal_pending && seal->count <= BROKER_SEAL_DRAFTS_MAX);
    fake->seal_pending = true;
    fake->seal = *seal;
    memcpy(fake->drafts, seal->drafts, seal->count * sizeof fake->drafts[0]);
    memcpy(fake->seal_mechanism, seal->mechanism, strlen(seal->mechanism) + 1);
}

static void perform(struct fake *fake, const struct broker_effect *effect)
{
    switch (effect->kind) {
    case BROKER_APPEND:
        on_append(fake, &effect->append);
        break;
    case BROKER_SEND:
        on_send(fake, &effect->send);
        break;
    case BROKER_SEND_POLICY:
        fake_node_piece(fake, effect->send_policy.peer);
        break;
    case BROKER_SEND_DIRECTORY:
        fake_node_piece(fake, effect->send_directory.peer);
        break;
    case BROKER_FETCH:
        on_fetch(fake, &effect->fetch);
        break;
    case BROKER_CUT:
        fake->last_cut = effect->cut.status;
        fake_node_cut(fake, effect->cut.peer, effect->cut.status);
        break;
    case BROKER_WAKE:
        fake->wake_ms = effect->wake_ms;
        break;
    case BROKER_SEAL:
        on_seal(fake, &effect->seal);
        break;
    case BROKER_NOTE:
        fake->notes[effect->note.topic]++;
        break;
    }
}

/* --- stepping --------------------------------------------------------------------------------------------------------
 */
static void step_once(struct fake *fake, const struct broker_event *event)
{
    broker_core_step(fake->core, event, fake->out);
    fake->steps++;
    if (fake->tracing)
        broker_core_text(fake->out, &fake->text);
    for (size_t i = 0; i < fake->out->count; i++)
        perform(fake, &fake->out->effects[i]);
    broker_core_audit(fake->core);
}

static void fetch_close(struct fake_fetch *fetch)
{
    for (size_t i = 0; i < fetch->count; i++) {
        free(fetch->rows[i].key);
        free(fetch->rows[i].value);
    }
    free(fetch->rows);
    free(fetch);
}

static void answer(struct fake *fake, struct fake_fetch **link)
{
    struct fake_fetch *fetch = *link;
    *link = fetch->next;
    if (fake->fetch_end == &fetch->next)
        fake->fetch_end = link;
    struct wire_row *rows = memory(fetch->count * sizeof *rows);
    for (size_t i = 0; i < fetch->count; i++)
        rows[i] = (struct wire_row){.table = fetch->rows[i].table,
                                    .key = wire_bytes(fetch->rows[i].key, fetch->rows[i].key_size),
                                    .value = wire_bytes(fetch->rows[i].value, fetch->rows[i].value_size)};
    struct broker_event event = fake_event(fake, BROKER_EVENT_FETCHED);
    event.fetched = (struct broker_fetched){
        .request = fetch->fetch.request, .rows = rows, .count = fetch->count, .end = fetch->end};
    step_once(fake, &event);
    free(rows);
    fetch_close(fetch);
}

/* What must follow a step before any other event: CONTINUE, exact fetches. */
static void follow(struct fake *fake)
{
    for (;;) {
        struct fake_fetch **link = &fake->fetches;
        while (*link != NULL && !(*link)->fetch.exact)
            link = &(*link)->next;
        if (fake->out->more) {
            struct broker_event event = fake_event(fake, BROKER_EVENT_CONTINUE);
            step_once(fake, &event);
        } else if (*link != NULL) {
            answer(fake, link);
        } else {
            return;
        }
    }
}

/* Sends whose ticket is committed leave in order; a peer's later frame never overtakes its earlier one. */
static struct fake_send *next_send(struct fake *fake)
{
    uint64_t held[64];
    size_t helds = 0;
    for (struct fake_send **link = &fake->sends; *link != NULL; link = &(*link)->next) {
        struct fake_send *send = *link;
        bool waits = send->after > fake->committed;
        for (size_t i = 0; i < helds; i++)
            waits |= held[i] == send->peer;
        if (waits) {
            if (helds < 64)
                held[helds++] = send->peer;
            continue;
        }
        *link = send->next;
        if (fake->send_end == &send->next)
            fake->send_end = link;
        return send;
    }
    return NULL;
}

static void release(struct fake *fake)
{
    for (struct fake_send *send = next_send(fake); send != NULL; send = next_send(fake)) {
        fake_node_frame(fake, send);
        if (send->part.serial != 0) {
            struct broker_event event = fake_event(fake, BROKER_EVENT_SENT);
            event.sent = (struct broker_sent){.peer = send->peer,
                                              .session = send->part.session,
                                              .lane = send->lane,
                                              .cost = send->part.cost,
                                              .bytes = send->part.cost - send->part.cost / 16};
            step_once(fake, &event);
            follow(fake);
        }
        free(send->frame);
        free(send);
    }
}

void fake_step(struct fake *fake, struct broker_event *event)
{
    step_once(fake, event);
    follow(fake);
    release(fake);
}

static void append_close(struct fake_append *append)
{
    for (size_t i = 0; i < append->count; i++) {
        free((void *)(uintptr_t)append->rows[i].key.data);
        free((void *)(uintptr_t)append->rows[i].value.data);
    }
    free(append->rows);
    free(append);
}

void fake_commit(struct fake *fake)
{
    if (fake->appends == NULL)
        return;
    while (fake->appends != NULL) {
        struct fake_append *append = fake->appends;
        fake->appends = append->next;
        for (size_t i = 0; i < append->count; i++)
            fake_store_apply(&fake->durable, &append->rows[i]);
        fake->committed = append->ticket;
        append_close(append);
    }
    fake->append_end = &fake->appends;
    release(fake);
    struct broker_event event = fake_event(fake, BROKER_EVENT_COMMITTED);
    event.committed.ticket = fake->committed;
    fake_step(fake, &event);
}

bool fake_answer_fetch(struct fake *fake)
{
    if (fake->fetches == NULL)
        return false;
    answer(fake, &fake->fetches);
    follow(fake);
    release(fake);
    return true;
}

void fake_settle(struct fake *fake)
{
    for (int turns = 0; fake->appends != NULL || fake->fetches != NULL || fake->seal_pending; turns++) {
        ENSURE(turns < 100000); /* it would never end */
        fake_commit(fake);
        fake_answer_fetch(fake);
        if (fake->seal_pending)
            fake_answer_seal(fake, WIRE_OK);
    }
}

void fake_pass(struct fake *fake, int64_t ms)
{
    int64_t until = fake->mono_ms + ms;
    while (fake->wake_ms <= until) {
        int64_t passed = fake->wake_ms > fake->mono_ms ? fake->wake_ms - fake->mono_ms : 0;
        fake->mono_ms += passed;
        fake->wall_ms += passed;
        fake->wake_ms = INT64_MAX;
        struct broker_event event = fake_event(fake, BROKER_EVENT_TIMER);
        fake_step(fake, &event);
    }
    fake->wall_ms += until - fake->mono_ms;
    fake->mono_ms = until;
}

/* --- the broker's own envelopes
 * ---------------------------------------------------------------------------------------- */
bool fake_answer_seal(struct fake *fake, enum wire_status status)
{
    if (!fake->seal_pending)
        return false;
    fake->seal_pending = false;
    struct broker_event event = fake_event(fake, BROKER_EVENT_SEALED);
    event.sealed.request = fake->seal.request;
    event.sealed.status = status;
    struct fake_spec specs[BROKER_SEAL_DRAFTS_MAX] = {{.kind = 0}};
    struct broker_envelope_look looks[BROKER_SEAL_DRAFTS_MAX] = {{.known = false}};
    struct broker_totals totals;
    broker_core_totals(fake->core, &totals);
    struct broker_stream stream = {.origin = 0,
                                   .mechanism = wire_bytes(fake->seal_mechanism, strlen(fake->seal_mechanism)),
                                   .lane = (uint32_t)fake->seal.lane,
                                   .store_id = totals.ledger_id};
    struct wire_bytes value = fake_get(&fake->visible, BROKER_STREAM, broker_key_stream(&stream));
    if (value.data != NULL)
        ENSURE(broker_get_stream(value, &event.sealed.submit.stream));
    for (size_t i = 0; i < fake->seal.count; i++) {
        specs[i].kind = fake->drafts[i].kind;
        specs[i].to = fake->drafts[i].to[0];
    }
    struct fake_batch *batch =
        fake_batch_make(fake, 0, totals.ledger_id, fake->seal_mechanism, (uint32_t)fake->seal.lane,
                        event.sealed.submit.stream.head + 1, specs, (uint32_t)fake->seal.count);
    for (size_t i = 0; i < fake->seal.count; i++) { /* the second addressee */
        Wire__Header *header = batch->headers[i];
        if (fake->drafts[i].to_count < 2)
            continue;
        Wire__Address **list = wire_arena_take(&batch->arena, 2 * sizeof *list);
        list[0] = header->to[0];
        list[1] = wire_arena_take(&batch->arena, sizeof **list);
        wire__address__init(list[1]);
        list[1]->region = fake->drafts[i].to[1];
        header->to = list;
        header->n_to = 2;
    }
    event.sealed.submit.batch = batch->batch;
    event.sealed.submit.headers = batch->headers;
    event.sealed.submit.leaves = batch->leaves;
    event.sealed.submit.looks = looks;
    fake_step(fake, &event);
    return true;
}

/* --- open, boot, restart
 * ------------------------------------------------------------------------------------------------ */
static void core_new(struct fake *fake)
{
    size_t size = broker_core_size(&fake->options);
    struct fake_memory *lent = fake->lent;
    if (lent->core_size < size) {
        free(lent->core);
        lent->core = memory(size);
        lent->core_size = size;
    }
    memset(lent->core, 0, size);
    fake->core = broker_core_init(lent->core, size, &fake->options);
    fake->committed = fake->last_ticket = 0;
    fake->wake_ms = INT64_MAX;
    fake->seal_pending = false;
}

struct fake_memory *fake_memory_new(void)
{
    struct fake_memory *lent = memory(sizeof *lent);
    *lent = (struct fake_memory){.out = memory(sizeof(struct broker_out)),
                                 .out_memory = memory(BROKER_OUT_ARENA_BYTES),
                                 .look_memory = memory(FAKE_LOOK_BYTES)};
    return lent;
}

void fake_memory_free(struct fake_memory *lent)
{
    free(lent->out);
    free(lent->out_memory);
    free(lent->look_memory);
    free(lent->core);
    free(lent->policy_memory);
    free(lent);
}

void fake_open(struct fake *fake, uint64_t seed)
{
    fake_open_in(fake, seed, fake_memory_new());
    fake->owns_memory = true;
}

void fake_open_in(struct fake *fake, uint64_t seed, struct fake_memory *lent)
{
    memset(fake, 0, sizeof *fake);
    fake->lent = lent;
    fake->seed = seed;
    fake->hash = test_hash();
    fake->mono_ms = 1000;
    fake->wall_ms = wire_day_start(20200210) + 10 * 3600 * 1000LL; /* a Monday, 10:00 */
    fake->append_end = &fake->appends;
    fake->send_end = &fake->sends;
    fake->fetch_end = &fake->fetches;
    broker_options_default(&fake->options, &fake->hash);
    fake->options.regions_max = 64;
    fake->options.queues_max = 512;
    fake->options.mechanisms_max = 8;
    fake->options.window_rows = 256;
    fake->out = lent->out;
    wire_arena_over(&fake->out->arena, lent->out_memory, BROKER_OUT_ARENA_BYTES);
    fake->text.grow = realloc;
    fake_policy_make(fake);
}

void fake_policy_event(struct fake *fake, uint64_t version, int64_t in_force_ms)
{
    struct broker_event event = fake_event(fake, BROKER_EVENT_POLICY);
    event.policy.policy = fake->policy;
    event.policy.version = version;
    event.policy.digest.bytes[0] = (uint8_t)(0xd0 + version);
    event.policy.in_force_ms = in_force_ms;
    event.policy.bytes = wire_bytes("policy", 6);
    fake_step(fake, &event);
}

void fake_enrol(struct fake *fake, uint32_t region, bool enrolled)
{
    struct broker_totals totals;
    broker_core_totals(fake->core, &totals);
    struct broker_change change = {.region = region, .enrolled = enrolled};
    struct broker_directory_record record = {.epoch = totals.directory_epoch + 1, .bytes = wire_bytes("record", 6)};
    struct broker_event event = fake_event(fake, BROKER_EVENT_DIRECTORY);
    event.directory = (struct broker_directory){
        .epoch = record.epoch, .changes = &change, .change_count = 1, .records = &record, .record_count = 1};
    fake_step(fake, &event);
}

void fake_room(struct fake *fake, bool full)
{
    struct broker_event event = fake_event(fake, BROKER_EVENT_ROOM);
    event.room.full = full;
    fake_step(fake, &event);
}

void fake_operator(struct fake *fake, enum broker_operation operation, uint32_t region)
{
    struct broker_event event = fake_event(fake, BROKER_EVENT_OPERATOR);
    event.operator_ = (struct broker_operator){operation, region};
    fake_step(fake, &event);
}

void fake_boot(struct fake *fake)
{
    core_new(fake);
    for (size_t i = 0; i < fake->durable.count; i++) {
        const struct fake_row *row = &fake->durable.rows[i];
        if (!broker_table_boots(row->table))
            continue;
        struct broker_event event = fake_event(fake, BROKER_EVENT_BOOT_ROW);
        event.boot_row.row = (struct wire_row){.table = row->table,
                                               .key = wire_bytes(row->key, row->key_size),
                                               .value = wire_bytes(row->value, row->value_size)};
        broker_core_step(fake->core, &event, fake->out);
        ENSURE(fake->out->count == 0);
    }
    struct broker_event event = fake_event(fake, BROKER_EVENT_BOOT_DONE);
    fake_step(fake, &event);
}

static void start_trust(struct fake *fake)
{
    static const struct broker_change all[] = {{310000, true}, {320000, true}, {330000, true}, {340000, true}};
    struct broker_event event = fake_event(fake, BROKER_EVENT_DIRECTORY);
    event.directory = (struct broker_directory){.epoch = 4, .changes = all, .change_count = 4};
    fake_step(fake, &event);
    event = fake_event(fake, BROKER_EVENT_POLICY);
    event.policy = (struct broker_policy){.policy = fake->policy, .version = 1, .digest = {.bytes = {0xd1}}};
    fake_step(fake, &event);
}

void fake_begin(struct fake *fake)
{
    fake_boot(fake);
    start_trust(fake);
    fake_settle(fake);
}

void fake_start(struct fake *fake, uint64_t seed)
{
    fake_open(fake, seed);
    fake_begin(fake);
}

static void drop_all(struct fake *fake)
{
    for (struct fake_append *a = fake->appends; a != NULL;) {
        struct fake_append *next = a->next;
        append_close(a);
        a = next;
    }
    for (struct fake_send *s = fake->sends; s != NULL;) {
        struct fake_send *next = s->next;
        free(s->frame);
        free(s);
        s = next;
    }
    for (struct fake_fetch *f = fake->fetches; f != NULL;) {
        struct fake_fetch *next = f->next;
        fetch_close(f);
        f = next;
    }
    fake->appends = NULL;
    fake->sends = NULL;
    fake->fetches = NULL;
    fake->append_end = &fake->appends;
    fake->send_end = &fake->sends;
    fake->fetch_end = &fake->fetches;
}

void fake_restart(struct fake *fake)
{
    drop_all(fake);
    fake_store_copy(&fake->visible, &fake->durable);
    for (uint32_t i = 0; i < fake->node_count; i++)
        fake->nodes[i].peer = 0;
    fake_boot(fake);
    start_trust(fake);
    fake_settle(fake);
}

void fake_close(struct fake *fake)
{
    drop_all(fake);
    for (struct fake_batch *batch = fake->batches; batch != NULL;) {
        struct fake_batch *next = batch->next;
        free(batch->memory);
        free(batch);
        batch = next;
    }
    for (uint32_t i = 0; i < fake->node_count; i++) {
        if (fake->nodes[i].token != NULL)
            wire__lineage_token__free_unpacked(fake->nodes[i].token, NULL);
        if (fake->nodes[i].offered != NULL)
            wire__lineage_token__free_unpacked(fake->nodes[i].offered, NULL);
    }
    fake_store_close(&fake->visible);
    fake_store_close(&fake->durable);
    if (fake->owns_memory)
        fake_memory_free(fake->lent);
    free(fake->text.data);
}
