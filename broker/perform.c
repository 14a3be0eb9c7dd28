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

bool broker_refused(struct broker *broker, enum wire_status status)
{
    enum { LINES_A_SECOND = 20 };
    struct broker_quiet *quiet = &broker->quiet;
    if ((unsigned)status < BROKER_STATUSES)
        broker->refused_frames[status]++;
    uint64_t second = (uint64_t)shell_mono_ms() / 1000;
    if (quiet->second != second) {
        if (quiet->left_out > 0)
            link_log_line(broker->shell.log, LINK_WARNING, "gate", "拒绝过多，部分未记入日志",
                          "many refusals, not all are logged", LINK_UNSIGNED("left_out", quiet->left_out));
        *quiet = (struct broker_quiet){.second = second};
    }
    quiet->left_out += quiet->lines >= LINES_A_SECOND;
    return quiet->lines++ < LINES_A_SECOND;
}

struct note_text {
    enum link_level level;
    const char *zh, *en;
};

static const struct note_text *note_text(enum broker_topic topic)
{
    static const struct note_text texts[] = {
        [BROKER_NOTE_SESSION_UP] = {LINK_NOTICE, "节点已接通", "node is live"},
        [BROKER_NOTE_SESSION_DOWN] = {LINK_NOTICE, "节点已断开", "node is down"},
        [BROKER_NOTE_REFUSED_PEER] = {LINK_WARNING, "拒绝节点接入", "node not let in"},
        [BROKER_NOTE_MISBEHAVED] = {LINK_WARNING, "节点行为异常，已断开", "node misbehaved, cut"},
        [BROKER_NOTE_JUDGED] = {LINK_DEBUG, "批次已判定", "batch judged"},
        [BROKER_NOTE_REPEATED] = {LINK_DEBUG, "批次重发", "batch offered again"},
        [BROKER_NOTE_BAD_BATCH] = {LINK_WARNING, "批次无效", "bad batch"},
        [BROKER_NOTE_CONFLICT] = {LINK_ERROR, "同一序号出现不同批次，该流已冻结", "conflicting batch, stream frozen"},
        [BROKER_NOTE_EXPECTED_FIRST] = {LINK_INFO, "序号不连续，已告知应发序号", "gap, told what is expected"},
        [BROKER_NOTE_FORK] = {LINK_ERROR, "节点存储为旧副本或克隆（分叉）", "fork: an older or cloned store"},
        [BROKER_NOTE_FORK_STOPPED] = {LINK_ERROR, "一小时内三次分叉，已停止该节点，需人工确认",
                                      "three forks in an hour: stopped until accept-fork"},
        [BROKER_NOTE_ROLLED_BACK] = {LINK_ERROR, "账本早于其已签署的内容，停止受理", "the ledger is rolled back"},
        [BROKER_NOTE_CURSOR_MISMATCH] = {LINK_WARNING, "游标不符，从最早保留处重发",
                                         "cursor differs, queue sent again"},
        [BROKER_NOTE_ARRIVED] = {LINK_DEBUG, "已送达", "arrived"},
        [BROKER_NOTE_REMINDER] = {LINK_NOTICE, "已催办", "reminder"},
        [BROKER_NOTE_OVERDUE] = {LINK_WARNING, "已逾期", "overdue"},
        [BROKER_NOTE_OWN_REFUSED] = {LINK_ERROR, "本中心的通知无法发出", "a notice of the broker's own failed"},
        [BROKER_NOTE_CREDIT_REASON] = {LINK_WARNING, "受理状态变化", "admission state changed"},
        [BROKER_NOTE_LINK] = {LINK_NOTICE, "链路状态变化", "link state changed"},
        [BROKER_NOTE_POLICY] = {LINK_NOTICE, "政策", "policy"},
        [BROKER_NOTE_DIRECTORY] = {LINK_NOTICE, "目录已更新", "directory updated"},
        [BROKER_NOTE_LIMIT] = {LINK_ERROR, "达到容量上限", "a limit is reached"},
        [BROKER_NOTE_DAMAGED] = {LINK_ERROR, "账本记录损坏", "a row of the ledger is damaged"},
        [BROKER_NOTE_RECOVERED] = {LINK_NOTICE, "已接受损失，新世代开始", "loss accepted, new generation"},
    };
    static const struct note_text other = {LINK_INFO, "事件", "event"};
    return (size_t)topic < sizeof(texts) / sizeof(*texts) && texts[topic].zh != NULL ? &texts[topic] : &other;
}

static void perform_note(struct broker *broker, const struct broker_note *note)
{
    const struct note_text *text = note_text(note->topic);
    bool caused = note->topic == BROKER_NOTE_MISBEHAVED || note->topic == BROKER_NOTE_REFUSED_PEER;
    if ((caused && !broker_refused(broker, note->status)) || !link_log_on(broker->shell.log, text->level))
        return;
    enum link_level level = text->level;
    if (note->topic == BROKER_NOTE_CREDIT_REASON && note->status == WIRE_OK)
        level = LINK_NOTICE;
    link_log_line(broker->shell.log, level, "core", text->zh, text->en, LINK_UNSIGNED("region", note->region),
                  LINK_TEXT("status", wire_status_name(note->status)), LINK_UNSIGNED("a", note->a),
                  LINK_UNSIGNED("b", note->b), LINK_UNSIGNED("c", note->c));
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
        perform_note(broker, &effect->note);
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
