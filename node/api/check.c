/* GET /v1/check: one word for monitoring, and why. */
#include "node/api/inside.h"
#include "wire/ensure.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS    INT64_C(86400000)

enum {
    DOWN_CRITICAL_MINUTES = 15,
    OLD_DRAFT_MINUTES = 30,
    CERTIFICATE_WARNING_DAYS = 30,
    CERTIFICATE_CRITICAL_DAYS = 7,
    STORE_WARNING_PERMILLE = 700,
    STORE_CRITICAL_PERMILLE = 900,
    INBOX_LOOKED_AT = 5000,
    OFFSET_WARNING_MS = 30000,
};

enum level { LEVEL_OK, LEVEL_WARNING, LEVEL_CRITICAL };
static const char *const LEVELS[] = {"ok", "warning", "critical"};

struct check {
    struct api *api;
    struct api_json json;
    enum level worst;
    int64_t now_ms;
};

static void item(struct check *check, const char *name, enum level level, const char *zh, const char *en, ...)
    __attribute__((format(printf, 4, 6), format(printf, 5, 6)));

/* Both formats take the same arguments. */
static void item(struct check *check, const char *name, enum level level, const char *zh, const char *en, ...)
{
    char zh_text[512], en_text[512];
    va_list arguments, again;
    va_start(arguments, en);
    va_copy(again, arguments);
    vsnprintf(zh_text, sizeof zh_text, zh, arguments);
    vsnprintf(en_text, sizeof en_text, en, again);
    va_end(again);
    va_end(arguments);
    if (level > check->worst)
        check->worst = level;
    api_json_open(&check->json, NULL);
    api_json_text(&check->json, "name", name);
    api_json_text(&check->json, "level", LEVELS[level]);
    api_json_text(&check->json, "zh", zh_text);
    api_json_text(&check->json, "en", en_text);
    api_json_end(&check->json);
}

static void check_lanes(struct check *check, const char *name, const struct api_link *link)
{
    for (uint32_t lane = 0; lane < WIRE_LANES; lane++) {
        int64_t oldest = link->lane[lane].oldest_ms;
        int64_t minutes = oldest > 0 ? (check->now_ms - oldest) / MINUTE_MS : 0;
        if (minutes >= OLD_DRAFT_MINUTES)
            item(check, name, LEVEL_WARNING, "有信息已等待 %" PRId64 " 分钟未发出",
                 "something has waited %" PRId64 " min to leave", minutes);
    }
}

static void check_link(struct check *check, const struct api_link *link)
{
    char name[80];
    int64_t minutes = (check->now_ms - link->since_ms) / MINUTE_MS;
    snprintf(name, sizeof name, "link:%s", link->name);
    bool bad = link->fork || link->rolled_back || link->stopped;
    if (link->stopped || link->rolled_back)
        item(check, name, LEVEL_CRITICAL, "链路停止：%1$s%2$.0s", "%1$.0sthe link is stopped: %2$s",
             wire_status_text(link->stopped ? WIRE_FORK_STOPPED : WIRE_ROLLED_BACK, WIRE_CHINESE),
             wire_status_text(link->stopped ? WIRE_FORK_STOPPED : WIRE_ROLLED_BACK, WIRE_ENGLISH));
    else if (link->fork)
        item(check, name, LEVEL_WARNING, "存储为旧副本或克隆，请核对发件编号",
             "the store is an older or cloned copy; compare the numbers in the outbox");
    if (link->state == API_LINK_DOWN)
        item(check, name, minutes >= DOWN_CRITICAL_MINUTES ? LEVEL_CRITICAL : LEVEL_WARNING,
             "链路中断 %" PRId64 " 分钟", "the link has been down for %" PRId64 " min", minutes);
    else if (link->state == API_LINK_DEGRADED)
        item(check, name, LEVEL_WARNING, "链路受限", "the link is degraded");
    else if (!bad)
        item(check, name, LEVEL_OK, "链路正常", "the link is up");
    if (link->offset_ms > OFFSET_WARNING_MS || link->offset_ms < -OFFSET_WARNING_MS)
        item(check, name, LEVEL_WARNING, "与交换中心的时钟相差 %" PRId64 " 毫秒，请校时",
             "this clock and the broker's differ by %" PRId64 " ms; set the time", link->offset_ms);
    check_lanes(check, name, link);
}

static void check_links(struct check *check)
{
    const struct api_backend *backend = &check->api->backend;
    struct api_link links[API_LINKS_MAX] = {0};
    size_t count = backend->links(backend->context, links, API_LINKS_MAX);
    for (size_t i = 0; i < count; i++)
        check_link(check, &links[i]);
}

static void check_certificate(struct check *check, const struct api_status *status)
{
    int64_t days = (status->certificate_until_ms - check->now_ms) / DAY_MS;
    enum level level = days < CERTIFICATE_CRITICAL_DAYS  ? LEVEL_CRITICAL
                       : days < CERTIFICATE_WARNING_DAYS ? LEVEL_WARNING
                                                         : LEVEL_OK;
    item(check, "certificate", level, "证书还有 %" PRId64 " 天到期", "the certificates end in %" PRId64 " days", days);
}

static void check_store(struct check *check, const struct api_status *status)
{
    enum level level = status->store_full || status->store_full_permille >= STORE_CRITICAL_PERMILLE ? LEVEL_CRITICAL
                       : status->store_full_permille >= STORE_WARNING_PERMILLE                      ? LEVEL_WARNING
                                                                                                    : LEVEL_OK;
    item(check, "store", level, "存储已用 %u‰", "the store is full by %u permille", status->store_full_permille);
    if (status->clock_unsure)
        item(check, "clock", LEVEL_WARNING, "时钟跳变，暂不可信", "the clock jumped and is not trusted yet");
    if (check->api->backend.policy(check->api->backend.context) == NULL)
        item(check, "policy", LEVEL_CRITICAL, "没有生效的规则", "no rules are in force");
}

/* --- what nobody has signed for in time --- */

struct owed {
    int64_t now_ms;
    size_t looked_at, late;
};

static bool is_late(const struct owed *owed, const struct api_inbox_row *row)
{
    const Wire__Disposition *disposition = row->inbox->disposition;
    if (!row->inbox->owes || disposition == NULL ||
        (row->known != NULL && (row->known->has_signed_for_ms || row->known->has_cancelled_by)))
        return false;
    for (size_t i = 0; i < disposition->n_term; i++) {
        const Wire__Term *term = disposition->term[i];
        bool clocked = term->duty == WIRE__DUTY__SIGN_FOR && !(term->has_office_hours && term->office_hours);
        if (clocked && row->inbox->arrived_ms + (int64_t)term->minutes * MINUTE_MS < owed->now_ms)
            return true;
    }
    return false;
}

static bool visit_owed(void *context, const struct api_inbox_row *row)
{
    struct owed *owed = context;
    owed->late += is_late(owed, row);
    return ++owed->looked_at < INBOX_LOOKED_AT;
}

static void check_owed(struct check *check, struct wire_arena *arena)
{
    const struct api_backend *backend = &check->api->backend;
    struct owed owed = {.now_ms = check->now_ms};
    backend->inbox(backend->context, 0, true, false, arena, visit_owed, &owed);
    item(check, "unsigned", owed.late > 0 ? LEVEL_WARNING : LEVEL_OK, "逾期未签收 %zu 份",
         "%zu notices are not signed for in time", owed.late);
}

/* --- alarms that nobody has seen --- */

static bool visit_alarm(void *context, const struct api_event *event)
{
    struct check *check = context;
    if (!event->alarm || event->id <= check->api->alarm_seen)
        return true;
    item(check, "alarm", LEVEL_WARNING, "告警 %1$s（第 %2$" PRIu64 " 号事件）：%3$s%4$.0s",
         "alarm %1$s (event %2$" PRIu64 "): %3$.0s%4$s", event->topic, event->id, event->zh, event->en);
    return true;
}

static void run(struct check *check, struct wire_arena *arena)
{
    const struct api_backend *backend = &check->api->backend;
    struct api_status status = {0};
    backend->status(backend->context, &status);
    check_links(check);
    check_certificate(check, &status);
    check_store(check, &status);
    check_owed(check, arena);
    backend->events(backend->context, 0, visit_alarm, check);
}

void api_get_check(struct api_call *call)
{
    const struct api_backend *backend = &call->api->backend;
    struct check check = {.api = call->api, .now_ms = backend->now_ms(backend->context)};
    api_json_start(&check.json);
    api_json_open(&check.json, NULL);
    api_json_list(&check.json, "items");
    run(&check, api_arena(call));
    api_json_list_end(&check.json);
    api_json_text(&check.json, "verdict", LEVELS[check.worst]);
    api_json_number(&check.json, "code", check.worst);
    api_json_end(&check.json);
    api_answer(call, 200, &check.json);
}

/* --- seen --- */

static const char *const SEEN_KEYS[] = {"up_to"};

void api_post_seen(struct api_call *call)
{
    json_t *body = API_BODY(call, SEEN_KEYS);
    struct api_json json;
    if (body == NULL)
        return;
    const json_t *up_to = json_object_get(body, "up_to");
    json_int_t id = json_integer_value(up_to);
    bool good = json_is_integer(up_to) && id >= 0;
    json_decref(body);
    if (!good) {
        api_refuse(call, WIRE_INVALID, "up_to", "应为已查看的最后一条事件的编号",
                   "should be the id of the last event seen");
        return;
    }
    api_audit(call, "seen", "%" PRId64, (int64_t)id);
    if ((uint64_t)id > call->api->alarm_seen)
        call->api->alarm_seen = (uint64_t)id;
    api_json_start(&json);
    api_json_open(&json, NULL);
    api_json_unsigned(&json, "up_to", call->api->alarm_seen);
    api_json_end(&json);
    api_answer(call, 200, &json);
}
