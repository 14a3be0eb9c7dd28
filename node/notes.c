/* What happened: a line in the log, an event for those who watch, an alarm until it is over.
 *
 * Events lie in a ring; an alarm that is not over stays when the ring has gone past it, so that `check` and a desk that
 * was just opened see it. */
#include "node.h"

#include "wire/id.h"
#include "wire/json.h"
#include "wire/lane.h"

#include <stdlib.h>

enum { RING = 2048, ALARMS = 64, JSON_BYTES = 1024 };

/* What a topic is to people. */
struct topic {
    enum link_level level;
    const char *kind;
    bool alarm;
    const char *zh, *en;
    const char *a, *b, *c; /* names of the numbers; NULL: not shown */
};

/* clang-format off */
static const struct topic topics[NODE_TOPICS] = {
    [NODE_NOTE_LINK_UP] = {LINK_INFO, "link", false, "会话已建立", "session opened", "standing", NULL, NULL},
    [NODE_NOTE_LINK_LIVE] = {LINK_NOTICE, "link", false, "链路已接通", "the link is live", NULL, NULL, NULL},
    [NODE_NOTE_LINK_DOWN] = {LINK_WARNING, "link", true, "链路中断", "the link is down", NULL, NULL, NULL},
    [NODE_NOTE_OTHER_LEDGER] = {LINK_WARNING, "alarm", true, "交换中心的账本已更换", "the broker has another ledger", "before", "now", NULL},
    [NODE_NOTE_FORK] = {LINK_ERROR, "alarm", true, "交换中心认为本机存储是旧副本或克隆", "the broker takes this store for an older or foreign copy", NULL, NULL, NULL},
    [NODE_NOTE_BROKER_KNOWS] = {LINK_ERROR, "alarm", true, "交换中心已收到而本机没有的信息", "the broker knows an envelope of ours that this store lacks", "known", "held", NULL},
    [NODE_NOTE_ROLLED_BACK] = {LINK_ERROR, "alarm", true, "交换中心的账本已回退", "the broker's ledger is rolled back", NULL, NULL, NULL},
    [NODE_NOTE_STOPPED] = {LINK_ERROR, "alarm", true, "交换中心已停止受理本机", "the broker has stopped this node", NULL, NULL, NULL},
    [NODE_NOTE_STREAM_RENEWED] = {LINK_WARNING, "alarm", false, "未回执的信息将重新封装", "envelopes without a receipt are drafted again", "first", "last", NULL},
    [NODE_NOTE_REDRAFTED] = {LINK_NOTICE, "outbox", false, "已重新列入待发", "drafted again", "count", NULL, NULL},
    [NODE_NOTE_MISSING] = {LINK_ERROR, "alarm", true, "交换中心遗失且本机已不保留的批次", "batches that the broker lost and this node no longer holds", "first", "last", NULL},
    [NODE_NOTE_OUTBOX] = {LINK_INFO, "outbox", false, "发件状态变化", "outbox", NULL, NULL, NULL},
    [NODE_NOTE_INBOX] = {LINK_INFO, "inbox", false, "收到新信息", "received", "first", "count", NULL},
    [NODE_NOTE_NOT_TAKEN] = {LINK_ERROR, "alarm", true, "收到的信息未予接收", "a delivered envelope was not taken", "origin", "code", NULL},
    [NODE_NOTE_DOUBT] = {LINK_WARNING, "inbox", false, "按本机规则不应收到此信息", "our rules would not give us this envelope", "origin", NULL, NULL},
    [NODE_NOTE_GAP] = {LINK_WARNING, "link", false, "投递序号不连续，已请求重发", "a gap in deliveries, asked again", "expected", "come", NULL},
    [NODE_NOTE_LOST_DELIVERIES] = {LINK_ERROR, "alarm", true, "交换中心已无法补发的投递", "deliveries that the broker no longer has", "first", "last", NULL},
    [NODE_NOTE_AGAIN] = {LINK_NOTICE, "link", false, "队列重新投递", "the queue is sent again", "cursor", "number", NULL},
    [NODE_NOTE_CHAIN] = {LINK_ERROR, "alarm", true, "投递链校验不符", "the running hash of deliveries differs", "number", NULL, NULL},
    [NODE_NOTE_INCOMPLETE] = {LINK_ERROR, "alarm", true, "交换中心签署的投递数与收到的不符", "what the broker signed is not what arrived", "signed", "arrived", NULL},
    [NODE_NOTE_CONTRADICTS] = {LINK_ERROR, "alarm", true, "交换中心前后签署的内容互相矛盾", "the broker contradicts what it signed before", "now", "before", NULL},
    [NODE_NOTE_RECEIPT_GAP] = {LINK_WARNING, "link", false, "回执序号不连续", "a gap in receipts", "expected", "come", NULL},
    [NODE_NOTE_BAD_RECEIPT] = {LINK_ERROR, "alarm", true, "回执无法核验", "a receipt does not verify", "number", NULL, NULL},
    [NODE_NOTE_DIFFERS] = {LINK_ERROR, "alarm", true, "交换中心的分发与本机规则不一致", "the disposition is not what our rules give", NULL, NULL, NULL},
    [NODE_NOTE_NOT_ARRIVED] = {LINK_WARNING, "alarm", false, "部分接收方七天内未确认到达", "some recipients have not confirmed for seven days", "first", "missing", NULL},
    [NODE_NOTE_CREDIT] = {LINK_WARNING, "link", true, "交换中心暂不受理", "the broker grants nothing", NULL, NULL, NULL},
    [NODE_NOTE_ROOM] = {LINK_ERROR, "alarm", true, "存储空间即将用尽", "the store is nearly full", NULL, NULL, NULL},
    [NODE_NOTE_CLOCK] = {LINK_ERROR, "alarm", true, "时钟跳变，暂不可信", "the clock jumped and is not trusted yet", NULL, "jump_ms", NULL},
    [NODE_NOTE_POLICY] = {LINK_NOTICE, "link", false, "政策已生效", "policy in force", "version", NULL, NULL},
    [NODE_NOTE_DIRECTORY] = {LINK_NOTICE, "link", false, "目录已更新", "directory updated", "epoch", NULL, NULL},
    [NODE_NOTE_BAD_FRAME] = {LINK_WARNING, "link", false, "收到无法接受的帧", "a frame was not accepted", NULL, NULL, NULL},
    [NODE_NOTE_DAMAGED] = {LINK_ERROR, "alarm", true, "存储记录损坏", "a row of the store is damaged", "table", NULL, NULL},
    [NODE_NOTE_FULL] = {LINK_ERROR, "alarm", true, "达到容量上限", "a limit is reached", "limit", NULL, NULL},
};
/* clang-format on */

struct event {
    struct api_event event; /* id 0: empty */
    uint8_t link;
    char json[JSON_BYTES];
};

struct node_notes {
    struct node *node;
    struct event ring[RING];
    struct event alarm[ALARMS]; /* that are not over */
    uint64_t newest;
    void (*wake)(void *context);
    void *wake_context;
};

struct node_notes *node_notes_new(struct node *node)
{
    struct node_notes *notes = calloc(1, sizeof(*notes));
    ENSURE(notes != NULL);
    notes->node = node;
    return notes;
}

void node_notes_free(struct node_notes **notes)
{
    free(*notes);
    *notes = NULL;
}

void node_notes_wake(struct node_notes *notes, void (*wake)(void *context), void *context)
{
    notes->wake = wake;
    notes->wake_context = context;
}

/* --- alarms ------------------------------------------------------------------------------------------------------- */

static bool same_matter(const struct event *event, const char *topic, uint8_t link)
{
    return event->event.id != 0 && event->link == link && strcmp(event->event.topic, topic) == 0;
}

/* The event stays in the ring; it is no alarm any more. */
static void end_alarm(struct node_notes *notes, const char *topic, uint8_t link)
{
    for (size_t i = 0; i < ALARMS; i++) {
        struct event *alarm = &notes->alarm[i];
        if (!same_matter(alarm, topic, link))
            continue;
        struct event *ringed = &notes->ring[alarm->event.id % RING];
        if (ringed->event.id == alarm->event.id)
            ringed->event.alarm = false;
        alarm->event.id = 0;
    }
}

/* A matter that goes on is one alarm, the newest word of it. With no place left the oldest goes. */
static void keep_alarm(struct node_notes *notes, const struct event *event)
{
    end_alarm(notes, event->event.topic, event->link);
    struct event *place = &notes->alarm[0];
    for (size_t i = 1; i < ALARMS; i++)
        if (notes->alarm[i].event.id < place->event.id)
            place = &notes->alarm[i];
    *place = *event;
    place->event.json = place->json;
}

static void publish(struct node_notes *notes, struct event *event)
{
    event->event.id = ++notes->newest;
    event->event.at_ms = shell_wall_ms();
    struct event *place = &notes->ring[event->event.id % RING];
    if (event->event.alarm)
        keep_alarm(notes, event);
    *place = *event;
    place->event.json = place->json;
    if (notes->wake != NULL)
        notes->wake(notes->wake_context);
}

/* Alarms that the ring has gone past, by rising id: there are few. */
static bool visit_old_alarms(const struct node_notes *notes, uint64_t after, uint64_t oldest,
                             bool (*visit)(void *context, const struct api_event *event), void *context)
{
    for (uint64_t last = after;;) {
        const struct event *next = NULL;
        for (size_t i = 0; i < ALARMS; i++) {
            const struct event *alarm = &notes->alarm[i];
            if (alarm->event.id > last && alarm->event.id < oldest &&
                (next == NULL || alarm->event.id < next->event.id))
                next = alarm;
        }
        if (next == NULL)
            return true;
        if (!visit(context, &next->event))
            return false;
        last = next->event.id;
    }
}

uint64_t node_notes_visit(struct node_notes *notes, uint64_t after,
                          bool (*visit)(void *context, const struct api_event *event), void *context)
{
    uint64_t oldest = notes->newest < RING ? 1 : notes->newest - RING + 1;
    if (visit == NULL || !visit_old_alarms(notes, after, oldest, visit, context))
        return notes->newest;
    for (uint64_t id = after >= oldest ? after + 1 : oldest; id <= notes->newest; id++)
        if (!visit(context, &notes->ring[id % RING].event))
            break;
    return notes->newest;
}

/* --- words -------------------------------------------------------------------------------------------------------- */

static const char *outbox_state(uint64_t state)
{
    static const char *const names[] = {"?",       "draft",     "held",    "sealed",    "admitted",
                                        "refused", "duplicate", "expired", "withdrawn", "replaced"};
    return state < sizeof(names) / sizeof(*names) ? names[state] : "?";
}

static void put_text(struct wire_text *json, const char *name, const char *value)
{
    wire_text_format(json, ",\"%s\":", name);
    wire_text_json_string(json, value, strlen(value));
}

static void put_number(struct wire_text *json, const char *name, uint64_t value)
{
    if (name != NULL)
        wire_text_format(json, ",\"%s\":%llu", name, (unsigned long long)value);
}

/* "" when the note is about no single envelope. */
static const char *id_of(const struct node_note *note, char text[WIRE_ID_TEXT])
{
    static const uint8_t none[WIRE_ID_BYTES];
    return memcmp(note->id, none, WIRE_ID_BYTES) == 0 ? "" : wire_id_text(note->id, text);
}

static void put_id(struct wire_text *json, const struct node_note *note)
{
    char text[WIRE_ID_TEXT];
    const char *id = id_of(note, text);
    if (id[0] != '\0')
        put_text(json, "id", id);
}

static void put_outbox(struct node_notes *notes, struct wire_text *json, const struct node_note *note)
{
    char number[WIRE_NUMBER_TEXT];
    struct wire_number named = {notes->node->config.region, (uint32_t)note->b, (uint32_t)note->c};
    put_text(json, "state", outbox_state(note->a));
    put_text(json, "number", wire_number_text(named, number));
}

static void words(struct node_notes *notes, const struct topic *topic, const struct node_note *note,
                  struct event *event)
{
    struct wire_text json = {.data = event->json, .capacity = sizeof(event->json)};
    wire_text_format(&json, "{\"topic\":\"%s\"", event->event.topic);
    if (note->link != NODE_NO_LINK)
        put_text(&json, "link", notes->node->config.brokers[note->link].name);
    put_id(&json, note);
    if (note->status != WIRE_OK)
        put_text(&json, "status", wire_status_name(note->status));
    if (note->mechanism[0] != '\0') {
        put_text(&json, "mechanism", note->mechanism);
        put_text(&json, "lane", wire_lane_name((uint32_t)note->lane));
    }
    if (note->topic == NODE_NOTE_OUTBOX)
        put_outbox(notes, &json, note);
    put_number(&json, topic->a, note->a);
    put_number(&json, topic->b, note->b);
    put_number(&json, topic->c, note->c);
    put_text(&json, "zh", topic->zh);
    put_text(&json, "en", topic->en);
    wire_text_string(&json, "}");
}

static void log_note(struct node_notes *notes, const struct topic *topic, const struct node_note *note)
{
    const char *link = note->link == NODE_NO_LINK ? "" : notes->node->config.brokers[note->link].name;
    char id[WIRE_ID_TEXT];
    if (!link_log_on(notes->node->shell.log, topic->level))
        return;
    link_log_line(notes->node->shell.log, topic->level, "core", topic->zh, topic->en,
                  LINK_TEXT("topic", node_topic_name(note->topic)), LINK_TEXT("link", link),
                  LINK_TEXT("id", id_of(note, id)), LINK_TEXT("status", wire_status_name(note->status)),
                  LINK_TEXT("mechanism", note->mechanism), LINK_UNSIGNED("a", note->a), LINK_UNSIGNED("b", note->b),
                  LINK_UNSIGNED("c", note->c));
}

/* What this note ends, and whether it is an alarm itself. */
static bool rings(struct node_notes *notes, const struct topic *topic, const struct node_note *note)
{
    switch (note->topic) {
    case NODE_NOTE_LINK_LIVE:
        end_alarm(notes, "link-down", note->link);
        end_alarm(notes, "stopped", note->link);
        end_alarm(notes, "rolled-back", note->link);
        return false;
    case NODE_NOTE_CREDIT:
        if (note->status == WIRE_OK)
            end_alarm(notes, "credit", note->link);
        return note->status != WIRE_OK;
    case NODE_NOTE_ROOM:
        if (note->a == 1)
            end_alarm(notes, "room", note->link);
        return note->a == 0;
    case NODE_NOTE_CLOCK:
        if (note->a == 0)
            end_alarm(notes, "clock", note->link);
        return note->a == 1;
    default:
        return topic->alarm;
    }
}

void node_notes_add(struct node_notes *notes, const struct node_note *note)
{
    ENSURE(note->topic < NODE_TOPICS && topics[note->topic].kind != NULL);
    const struct topic *topic = &topics[note->topic];
    struct event event = {.link = note->link};
    event.event.kind = topic->kind;
    event.event.topic = node_topic_name(note->topic);
    event.event.zh = topic->zh;
    event.event.en = topic->en;
    event.event.alarm = rings(notes, topic, note);
    words(notes, topic, note, &event);
    log_note(notes, topic, note);
    publish(notes, &event);
}

void node_alarm(struct node_notes *notes, const char *topic, bool on, const char *zh, const char *en)
{
    if (!on) {
        end_alarm(notes, topic, NODE_NO_LINK);
        return;
    }
    for (size_t i = 0; i < ALARMS; i++)
        if (same_matter(&notes->alarm[i], topic, NODE_NO_LINK))
            return; /* it goes on */
    struct event event = {.link = NODE_NO_LINK};
    struct wire_text json = {.data = event.json, .capacity = sizeof(event.json)};
    event.event.kind = "alarm";
    event.event.topic = topic;
    event.event.zh = zh;
    event.event.en = en;
    event.event.alarm = true;
    wire_text_format(&json, "{\"topic\":\"%s\"", topic);
    put_text(&json, "zh", zh);
    put_text(&json, "en", en);
    wire_text_string(&json, "}");
    publish(notes, &event);
}
