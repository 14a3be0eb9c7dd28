/* What happened, as lines of the log. Most of it a peer can cause, as often as it likes: of one kind only so many lines
 * a second are written, and one that says how many were not. A flood of one kind hides no other. */
#include "broker.h"

enum { LINES_A_SECOND = 20 };

static bool may_log(struct broker_quiet *quiet)
{
    quiet->left_out += quiet->lines >= LINES_A_SECOND;
    return quiet->lines++ < LINES_A_SECOND;
}

bool broker_refused(struct broker *broker, enum wire_status status)
{
    if ((unsigned)status < BROKER_STATUSES)
        broker->refused_frames[status]++;
    return may_log(&broker->refused_quiet);
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

/* Those of duties, policies and operators come as often as there are such things. */
static bool peers_cause(enum broker_topic topic)
{
    return topic != BROKER_NOTE_REMINDER && topic != BROKER_NOTE_OVERDUE && topic != BROKER_NOTE_POLICY &&
           topic != BROKER_NOTE_DIRECTORY && topic != BROKER_NOTE_RECOVERED;
}

static bool may_log_note(struct broker *broker, const struct broker_note *note, enum link_level level)
{
    ENSURE((size_t)note->topic < BROKER_TOPICS_MAX);
    if (note->topic == BROKER_NOTE_MISBEHAVED || note->topic == BROKER_NOTE_REFUSED_PEER)
        return broker_refused(broker, note->status);
    if (!link_log_on(broker->shell.log, level))
        return false;
    return level == LINK_DEBUG || !peers_cause(note->topic) || may_log(&broker->note_quiet[note->topic]);
}

void broker_notes_add(struct broker *broker, const struct broker_note *note)
{
    const struct note_text *text = note_text(note->topic);
    enum link_level level = text->level;
    if (!may_log_note(broker, note, level))
        return;
    if (note->topic == BROKER_NOTE_CREDIT_REASON && note->status == WIRE_OK)
        level = LINK_NOTICE;
    link_log_line(broker->shell.log, level, "core", text->zh, text->en, LINK_UNSIGNED("region", note->region),
                  LINK_TEXT("status", wire_status_name(note->status)), LINK_UNSIGNED("a", note->a),
                  LINK_UNSIGNED("b", note->b), LINK_UNSIGNED("c", note->c));
}

static void begin_second(struct broker *broker, struct broker_quiet *quiet, const char *what)
{
    if (quiet->left_out > 0)
        link_log_line(broker->shell.log, LINK_WARNING, "broker", "同类记录过多，部分未记入日志",
                      "too many lines of one kind, not all are logged", LINK_TEXT("what", what),
                      LINK_UNSIGNED("left_out", quiet->left_out));
    *quiet = (struct broker_quiet){.lines = 0};
}

void broker_notes_second(struct broker *broker)
{
    begin_second(broker, &broker->refused_quiet, "not-accepted");
    for (int topic = 0; topic < BROKER_TOPICS_MAX; topic++)
        begin_second(broker, &broker->note_quiet[topic], broker_topic_name((enum broker_topic)topic));
}
