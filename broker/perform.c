/* Effects of the core, performed in order. */
#include "broker.h"

#include "certs/hash.h"

#include <stdlib.h>

static void perform_append(struct broker *broker, const struct broker_append *append)
{
    /* payload rows of at most one per envelope and as many for erasing */
    size_t rows_max = append->count + (append->batch == NULL ? 0 : 2 * append->batch->n_envelope);
    struct wire_row *rows = (struct wire_row *)append->rows;
    size_t count = append->count;
    if (rows_max > count) {
        rows = wire_arena_take(&broker->frame_arena, rows_max * sizeof(*rows));
        if (rows == NULL)
            shell_fail(&broker->shell, "内存预算不足", "the memory budget is too small", WIRE_NO_MEMORY);
        if (count > 0)
            memcpy(rows, append->rows, count * sizeof(*rows));
        count += broker_rest_rows(broker, append, &broker->frame_arena, rows + count, rows_max - count);
    }
    shell_append(&broker->shell, rows, count, append->ticket);
    if (append->batch != NULL)
        broker_parts_put(broker->parts, append, rows, count);
}

static void perform_fetch(struct broker *broker, const struct broker_fetch *fetch)
{
    struct keep_range range = {.table = fetch->table,
                               .prefix = fetch->prefix,
                               .from = fetch->from,
                               .rows_max = fetch->rows_max,
                               .bytes_max = fetch->bytes_max};
    if (keep_fetch_async(broker->shell.keep, fetch->request, &range) != WIRE_OK)
        shell_check(&broker->shell, WIRE_IO);
}

struct exact_rows {
    struct wire_row *rows;
    size_t count, max;
    uint8_t table;
    struct wire_arena *arena;
    bool full;
};

static bool exact_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct exact_rows *exact = context;
    struct wire_row *row = &exact->rows[exact->count];
    row->table = exact->table;
    row->key = wire_bytes(wire_arena_copy(exact->arena, key.data, key.size), key.size);
    row->value = wire_bytes(wire_arena_copy(exact->arena, value.data, value.size), value.size);
    exact->full = row->key.data == NULL || (value.size > 0 && row->value.data == NULL);
    return !exact->full && ++exact->count < exact->max;
}

static void take_exact(struct broker *broker, const struct broker_fetch *fetch)
{
    ENSURE(broker->exact_count < BROKER_FETCHES_MAX);
    ENSURE(fetch->from.size <= WIRE_KEY_BYTES_MAX && fetch->prefix.size <= WIRE_KEY_BYTES_MAX);
    struct broker_exact *to = &broker->exact[broker->exact_count++];
    to->fetch = *fetch;
    if (fetch->from.size > 0)
        memcpy(to->from, fetch->from.data, fetch->from.size);
    if (fetch->prefix.size > 0)
        memcpy(to->prefix, fetch->prefix.data, fetch->prefix.size);
}

/* Few rows, with those of appends in flight. */
static struct broker_event answer_exact(struct broker *broker)
{
    const struct broker_exact asked = broker->exact[0];
    struct keep_range range = {.table = asked.fetch.table,
                               .from = wire_bytes(asked.from, asked.fetch.from.size),
                               .prefix = wire_bytes(asked.prefix, asked.fetch.prefix.size),
                               .rows_max = asked.fetch.rows_max,
                               .bytes_max = asked.fetch.bytes_max};
    struct exact_rows exact = {.max = range.rows_max, .table = range.table, .arena = &broker->frame_arena};
    exact.rows = wire_arena_take(exact.arena, exact.max * sizeof(*exact.rows));
    bool more = false;
    enum wire_status status =
        exact.rows == NULL ? WIRE_NO_MEMORY : keep_scan(broker->shell.keep, &range, exact_visit, &exact, &more);
    shell_check(&broker->shell, exact.full ? WIRE_NO_MEMORY : status);
    broker->exact_count--;
    memmove(broker->exact, broker->exact + 1, broker->exact_count * sizeof(*broker->exact));
    struct broker_event event = {.kind = BROKER_EVENT_FETCHED};
    event.fetched = (struct broker_fetched){.request = asked.fetch.request,
                                            .rows = exact.rows,
                                            .count = exact.count,
                                            .end = !more && exact.count < exact.max};
    return event;
}

static void perform_one(struct broker *broker, const struct broker_effect *effect)
{
    switch (effect->kind) {
    case BROKER_APPEND:
        perform_append(broker, &effect->append);
        break;
    case BROKER_SEND:
        broker_post_send(broker->post, &effect->send);
        break;
    case BROKER_SEND_POLICY:
        broker_post_policy(broker->post, &effect->send_policy);
        break;
    case BROKER_SEND_DIRECTORY:
        broker_post_directory(broker->post, &effect->send_directory);
        break;
    case BROKER_FETCH:
        if (effect->fetch.exact)
            take_exact(broker, &effect->fetch);
        else
            perform_fetch(broker, &effect->fetch);
        break;
    case BROKER_CUT:
        broker_post_cut(broker->post, &effect->cut);
        break;
    case BROKER_WAKE:
        shell_wake_at(&broker->shell, effect->wake_ms);
        break;
    case BROKER_SEAL:
        broker_own_take(broker, &effect->seal);
        break;
    case BROKER_NOTE:
        broker_notes_add(broker, &effect->note);
        break;
    }
}

static void step_core(struct broker *broker, struct broker_event *event)
{
    event->mono_ms = shell_mono_ms();
    event->wall_ms = shell_wall_ms();
    if (event->kind == BROKER_EVENT_HELLO || event->kind == BROKER_EVENT_BOOT_DONE)
        cert_random(event->random, sizeof(event->random));
    broker_core_step(broker->core, event, &broker->out);
    for (size_t i = 0; i < broker->out.count; i++)
        perform_one(broker, &broker->out.effects[i]);
}

/* Performing an effect never steps. Flushing does (a DELIVER tells its size): when such a step comes, all that the
 * steps before it asked for has been answered. */
void broker_step(struct broker *broker, struct broker_event *event)
{
    struct broker_event next;
    step_core(broker, event);
    size_t mark = wire_arena_mark(&broker->frame_arena);
    while (broker->out.more || broker->exact_count > 0) {
        if (broker->out.more) {
            next = (struct broker_event){.kind = BROKER_EVENT_CONTINUE};
        } else {
            wire_arena_back(&broker->frame_arena, mark);
            next = answer_exact(broker);
        }
        step_core(broker, &next);
    }
    wire_arena_back(&broker->frame_arena, mark);
    broker_post_flush(broker->post, shell_committed(&broker->shell));
}

static void take_fetched(struct broker *broker)
{
    struct keep_fetched fetched;
    while (keep_fetched(broker->shell.keep, &fetched)) {
        shell_check(&broker->shell, fetched.status);
        struct broker_event event = {.kind = BROKER_EVENT_FETCHED};
        event.fetched = (struct broker_fetched){
            .request = fetched.request, .rows = fetched.rows, .count = fetched.row_count, .end = !fetched.more};
        broker_step(broker, &event);
        keep_fetched_close(&fetched);
    }
}

void broker_on_stored(struct broker *broker)
{
    wire_arena_reset(&broker->frame_arena);
    broker_watch_room(broker);
    struct broker_event event = {.kind = BROKER_EVENT_COMMITTED};
    if (shell_newly_committed(&broker->shell, &event.committed.ticket))
        broker_step(broker, &event);
    take_fetched(broker);
}
