/* What an operator and a monitoring system may know, over HTTP: never a payload, never a header. Operator commands only
 * over the Unix socket, whose file mode says who may. */
#include "broker.h"

#include "wire/id.h"
#include "wire/json.h"
#include "wire/lane.h"
#include "wire/region.h"
#include "wire/time.h"

#include <stdlib.h>

static struct wire_text growing(void)
{
    return (struct wire_text){.grow = realloc};
}

static void reply(struct link_http_request *request, unsigned status, const char *type, struct wire_text *text)
{
    link_http_reply(request, &(struct link_http_reply){
                                 .status = status, .content_type = type, .body = wire_bytes(text->data, text->size)});
    free(text->data);
}

static const char *link_text(enum broker_link link)
{
    return link == BROKER_LINK_UP ? "up" : link == BROKER_LINK_DEGRADED ? "degraded" : "down";
}

static const char *standing_text(Wire__Standing standing)
{
    static const char *const names[] = {"normal", "fork", "rolled-back", "stopped"};
    return (unsigned)standing < 4 ? names[standing] : "?";
}

/* --- /v1/links ---------------------------------------------------------------------------------------------------- */

static void time_field(struct wire_text *text, const char *name, int64_t ms)
{
    char iso[WIRE_TIME_TEXT];
    if (ms != 0)
        wire_text_format(text, ",\"%s\":\"%s\"", name, wire_time_iso(ms, iso));
}

static void lanes(struct wire_text *text, const struct broker_health *health)
{
    wire_text_string(text, ",\"lanes\":[");
    for (uint32_t lane = 0; lane < WIRE_LANES; lane++) {
        wire_text_format(text, "%s{\"lane\":\"%s\",\"depth\":%llu,\"outbox\":%llu", lane == 0 ? "" : ",",
                         wire_lane_name(lane), (unsigned long long)health->depth[lane],
                         (unsigned long long)health->outbox[lane]);
        time_field(text, "oldest", health->oldest_ms[lane]);
        time_field(text, "outbox_oldest", health->outbox_oldest_ms[lane]);
        wire_text_string(text, "}");
    }
    wire_text_string(text, "]");
}

static void link_object(struct wire_text *text, const struct broker_health *health)
{
    const struct wire_region *region = wire_region_find(health->region);
    wire_text_format(text, "{\"region\":\"%06u\",\"name\":", health->region);
    const char *name = region == NULL ? "" : region->name;
    wire_text_json_string(text, name, strlen(name));
    wire_text_format(text,
                     ",\"state\":\"%s\",\"enrolled\":%s,\"confirmed\":%s,\"standing\":\"%s\",\"rtt_ms\":%u,"
                     "\"offset_ms\":%lld,\"policy_same\":%s,\"receipts_untaken\":%llu",
                     link_text(health->link), health->enrolled ? "true" : "false", health->confirmed ? "true" : "false",
                     standing_text(health->standing), health->rtt_ms, (long long)health->offset_ms,
                     health->policy_same ? "true" : "false", (unsigned long long)health->receipts_untaken);
    char digest[2 * WIRE_HASH_BYTES + 1];
    wire_hex(health->policy_digest.bytes, WIRE_HASH_BYTES, digest);
    wire_text_format(text, ",\"policy_digest\":\"%s\"", digest);
    time_field(text, "since", health->since_ms);
    time_field(text, "certificate_until", health->certificate_until_ms);
    lanes(text, health);
    wire_text_string(text, "}");
}

static void on_links(void *context, struct link_http_request *request)
{
    struct broker *broker = context;
    struct wire_text text = growing();
    struct broker_totals totals;
    broker_core_totals(broker->core, &totals);
    wire_text_string(&text, "{\"links\":[");
    bool first = true;
    for (uint32_t i = 0; i < totals.regions; i++) {
        struct broker_health health;
        uint32_t region = broker_core_region_at(broker->core, i);
        if (region == WIRE_REGION_BROKER || !broker_core_health(broker->core, region, &health))
            continue;
        wire_text_string(&text, first ? "\n" : ",\n");
        link_object(&text, &health);
        first = false;
    }
    wire_text_string(&text, "\n]}\n");
    reply(request, 200, NULL, &text);
}

/* --- /v1/links/{region}/history: a sample a minute while anything changed, 24 h ----------------------------------- */

struct history {
    struct wire_text text;
    bool first;
    struct wire_arena arena;
    uint8_t memory[16 * 1024];
};

static bool on_sample(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct history *history = context;
    wire_arena_reset(&history->arena);
    Wire__LedgerLink *sample = wire__ledger_link__unpack(&history->arena.allocator, value.size, value.data);
    if (sample == NULL || key.size != 12)
        return true;
    char at[WIRE_TIME_TEXT];
    wire_text_format(&history->text, "%s{\"at\":\"%s\",\"state\":\"%s\",\"rtt_ms\":%u,\"offset_ms\":%lld,\"depth\":[",
                     history->first ? "\n" : ",\n", wire_time_iso((int64_t)wire_get_u64(key.data + 4), at),
                     link_text((enum broker_link)sample->state), sample->rtt_ms, (long long)sample->offset_ms);
    for (size_t i = 0; i < sample->n_depth; i++)
        wire_text_format(&history->text, "%s%llu", i == 0 ? "" : ",", (unsigned long long)sample->depth[i]);
    wire_text_string(&history->text, "]}");
    history->first = false;
    return true;
}

static void on_history(void *context, struct link_http_request *request)
{
    struct broker *broker = context;
    const char *part = link_http_part(request, "region");
    struct broker_key prefix = broker_key_region(wire_region_parse(part, strlen(part)));
    struct history *history = calloc(1, sizeof(*history));
    ENSURE(history != NULL);
    history->text = growing();
    history->first = true;
    wire_arena_over(&history->arena, history->memory, sizeof(history->memory));
    wire_text_string(&history->text, "{\"samples\":[");
    struct keep_range range = {.table = BROKER_LINK, .prefix = wire_bytes(prefix.data, prefix.size), .rows_max = 2000};
    keep_scan(broker->shell.keep, &range, on_sample, history, NULL);
    wire_text_string(&history->text, "\n]}\n");
    reply(request, 200, NULL, &history->text);
    free(history);
}

/* --- /v1/status --------------------------------------------------------------------------------------------------- */

static void on_status(void *context, struct link_http_request *request)
{
    struct broker *broker = context;
    struct wire_text text = growing();
    struct broker_totals totals;
    broker_core_totals(broker->core, &totals);
    char id[2 * WIRE_ID_BYTES + 1];
    wire_hex(totals.ledger_id, WIRE_ID_BYTES, id);
    wire_text_string(&text, "{\"installation\":");
    wire_text_json_string(&text, broker->config.installation, strlen(broker->config.installation));
    wire_text_format(&text,
                     ",\"ledger\":\"%s\",\"generation\":%llu,\"serial\":%llu,\"policy_version\":%llu,"
                     "\"directory_epoch\":%llu,\"admitting\":%s,\"reason\":\"%s\",\"crl\":\"%s\",\"regions\":%u,"
                     "\"sessions\":%u,\"admitted\":%llu,\"refused\":%llu,\"duplicates\":%llu,\"expired\":%llu,"
                     "\"arrived\":%llu,\"misbehaved\":%llu,\"endpoints\":[",
                     id, (unsigned long long)totals.generation, (unsigned long long)totals.serial,
                     (unsigned long long)totals.policy_version, (unsigned long long)totals.directory_epoch,
                     totals.reason == WIRE_OK ? "true" : "false", wire_status_name(totals.reason),
                     cert_crl_state_name(cert_directory_crl_state(broker->shell.directory, shell_wall_ms())),
                     totals.regions, totals.sessions, (unsigned long long)totals.admitted,
                     (unsigned long long)totals.refused, (unsigned long long)totals.duplicates,
                     (unsigned long long)totals.expired, (unsigned long long)totals.arrived,
                     (unsigned long long)totals.misbehaved);
    for (unsigned i = 0; i < broker->config.listen_count; i++)
        wire_text_format(&text, "%s\"%s\"", i == 0 ? "" : ",", broker->endpoint[i]);
    wire_text_string(&text, "]}\n");
    reply(request, 200, NULL, &text);
}

/* --- /metrics: Prometheus text ------------------------------------------------------------------------------------ */

static void counter(struct wire_text *text, const char *name, const char *help, uint64_t value)
{
    wire_text_format(text, "# HELP lianfang_broker_%s %s\n# TYPE lianfang_broker_%s counter\nlianfang_broker_%s %llu\n",
                     name, help, name, name, (unsigned long long)value);
}

static void gauge(struct wire_text *text, const char *name, const char *help, int64_t value)
{
    wire_text_format(text, "# HELP lianfang_broker_%s %s\n# TYPE lianfang_broker_%s gauge\nlianfang_broker_%s %lld\n",
                     name, help, name, name, (long long)value);
}

enum link_metric { LINK_UP, LINK_RTT, QUEUE_DEPTH, QUEUE_OLDEST };

static void link_sample(struct wire_text *text, enum link_metric metric, const struct broker_health *health)
{
    if (metric == LINK_UP || metric == LINK_RTT) {
        wire_text_format(text, "lianfang_broker_%s{region=\"%06u\"} %u\n",
                         metric == LINK_UP ? "link_up" : "link_rtt_ms", health->region,
                         metric == LINK_UP ? health->link == BROKER_LINK_UP : health->rtt_ms);
        return;
    }
    for (uint32_t lane = 0; lane < WIRE_LANES; lane++) {
        int64_t since_ms = health->oldest_ms[lane];
        int64_t age_ms = since_ms == 0 ? 0 : shell_wall_ms() - since_ms;
        uint64_t value = metric == QUEUE_DEPTH ? health->depth[lane] : age_ms > 0 ? (uint64_t)age_ms / 1000 : 0;
        wire_text_format(text, "lianfang_broker_%s{region=\"%06u\",lane=\"%s\"} %llu\n",
                         metric == QUEUE_DEPTH ? "queue_depth" : "queue_oldest_seconds", health->region,
                         wire_lane_name(lane), (unsigned long long)value);
    }
}

/* The lines of one metric stand together: the format asks for it. */
static void link_metrics(struct broker *broker, struct wire_text *text, uint32_t regions)
{
    static const char *const heads[] = {
        [LINK_UP] = "# HELP lianfang_broker_link_up 1 when the node's session is confirmed and not degraded\n"
                    "# TYPE lianfang_broker_link_up gauge\n",
        [LINK_RTT] = "# HELP lianfang_broker_link_rtt_ms smoothed round trip of pulses, 0 when not measured\n"
                     "# TYPE lianfang_broker_link_rtt_ms gauge\n",
        [QUEUE_DEPTH] = "# HELP lianfang_broker_queue_depth envelopes queued for the region that have not arrived\n"
                        "# TYPE lianfang_broker_queue_depth gauge\n",
        [QUEUE_OLDEST] = "# HELP lianfang_broker_queue_oldest_seconds since the oldest of them was admitted\n"
                         "# TYPE lianfang_broker_queue_oldest_seconds gauge\n",
    };
    for (enum link_metric metric = LINK_UP; metric <= QUEUE_OLDEST; metric++) {
        wire_text_string(text, heads[metric]);
        for (uint32_t i = 0; i < regions; i++) {
            struct broker_health health;
            uint32_t region = broker_core_region_at(broker->core, i);
            if (region != WIRE_REGION_BROKER && broker_core_health(broker->core, region, &health))
                link_sample(text, metric, &health);
        }
    }
}

static void refused_metrics(struct broker *broker, struct wire_text *text)
{
    wire_text_string(text, "# HELP lianfang_broker_not_accepted_total frames, batches and connections by reason\n"
                           "# TYPE lianfang_broker_not_accepted_total counter\n");
    for (uint32_t code = 0; code < BROKER_STATUSES; code++)
        if (broker->refused_frames[code] > 0)
            wire_text_format(text, "lianfang_broker_not_accepted_total{reason=\"%s\"} %llu\n", wire_status_name(code),
                             (unsigned long long)broker->refused_frames[code]);
    const struct link_counters *counters = link_server_counters(broker->server);
    wire_text_string(text, "# HELP lianfang_broker_cut_total connections ended, by reason\n"
                           "# TYPE lianfang_broker_cut_total counter\n");
    for (int why = 0; why < LINK_DOWN_REASONS; why++)
        wire_text_format(text, "lianfang_broker_cut_total{why=\"%s\"} %llu\n", link_down_name((enum link_down)why),
                         (unsigned long long)counters->cut[why]);
}

static void on_metrics(void *context, struct link_http_request *request)
{
    struct broker *broker = context;
    struct wire_text text = growing();
    struct broker_totals totals;
    struct keep_room room = keep_room(broker->shell.keep);
    struct keep_counts counts = keep_counts(broker->shell.keep);
    const struct link_counters *link = link_server_counters(broker->server);
    broker_core_totals(broker->core, &totals);
    counter(&text, "admitted_total", "envelopes admitted", totals.admitted);
    counter(&text, "refused_total", "envelopes refused", totals.refused);
    counter(&text, "duplicate_total", "envelopes judged before", totals.duplicates);
    counter(&text, "expired_total", "envelopes expired before they were judged", totals.expired);
    counter(&text, "arrived_total", "envelopes that recipients signed as arrived", totals.arrived);
    counter(&text, "misbehaved_total", "peers cut by the core", totals.misbehaved);
    counter(&text, "commits_total", "synced commits", counts.commits);
    counter(&text, "messages_in_total", "payload frames received", link->messages_in);
    counter(&text, "messages_out_total", "payload frames sent", link->messages_out);
    counter(&text, "bytes_in_total", "bytes of payload frames received", link->bytes_in);
    counter(&text, "bytes_out_total", "bytes of payload frames sent", link->bytes_out);
    gauge(&text, "admitting", "1 when envelopes are admitted", totals.reason == WIRE_OK);
    gauge(&text, "sessions", "live sessions", totals.sessions);
    gauge(&text, "commit_us_max", "longest commit since the start", (int64_t)counts.commit_us_max);
    gauge(&text, "store_bytes", "bytes of the ledger in use", (int64_t)room.bytes_used);
    gauge(&text, "store_full_permille", "how full the ledger is", keep_room_permille(&room));
    gauge(&text, "day_keys", "live day keys", (int64_t)daykeys_live(broker->shell.daykeys));
    gauge(&text, "crl_next_update_seconds", "until the revocation list must be replaced",
          (cert_directory_crl_next_ms(broker->shell.directory) - shell_wall_ms()) / 1000);
    gauge(&text, "certificate_seconds", "until the first of the broker's own certificates ends",
          (cert_identity_until_ms(broker->shell.identity) - shell_wall_ms()) / 1000);
    gauge(&text, "descriptors_scarce", "1 when connections take 70 % of the descriptors", broker->descriptors_scarce);
    gauge(&text, "log_lost_lines", "lines of the log that could not be written",
          (int64_t)link_log_lost(broker->shell.log));
    refused_metrics(broker, &text);
    link_metrics(broker, &text, totals.regions);
    reply(request, 200, "text/plain; version=0.0.4", &text);
}

/* --- operator commands -------------------------------------------------------------------------------------------- */

static bool may_operate(struct link_http_request *request)
{
    if (strcmp(link_http_peer(request), "unix") == 0)
        return true;
    struct wire_text text = growing();
    wire_text_string(&text, "{\"status\":\"not-allowed\",\"zh\":\"操作命令只能经本机 Unix 套接字\",\"en\":\"operator "
                            "commands come over the Unix socket only\"}\n");
    reply(request, 403, NULL, &text);
    return false;
}

static void done(struct link_http_request *request, unsigned status, const char *zh, const char *en)
{
    struct wire_text text = growing();
    wire_text_format(&text, "{\"status\":\"%s\",\"zh\":\"%s\",\"en\":\"%s\"}\n", status == 200 ? "ok" : "not-found", zh,
                     en);
    reply(request, status, NULL, &text);
}

static void on_accept_fork(void *context, struct link_http_request *request)
{
    struct broker *broker = context;
    if (!may_operate(request))
        return;
    const char *part = link_http_part(request, "region");
    struct broker_event event = {.kind = BROKER_EVENT_OPERATOR};
    struct broker_health health;
    event.operator_ =
        (struct broker_operator){.operation = BROKER_ACCEPT_FORK, .region = wire_region_parse(part, strlen(part))};
    if (!broker_core_health(broker->core, event.operator_.region, &health)) {
        done(request, 404, "没有这个地区的节点", "no node of this region");
        return;
    }
    broker_step(broker, &event);
    done(request, 200, "已接受该节点现在的存储", "the node's present store is accepted");
}

static void on_recover(void *context, struct link_http_request *request)
{
    struct broker *broker = context;
    if (!may_operate(request))
        return;
    struct broker_event event = {.kind = BROKER_EVENT_OPERATOR};
    event.operator_ = (struct broker_operator){.operation = BROKER_ACCEPT_LOSS};
    broker_step(broker, &event);
    done(request, 200, "已接受损失，账本进入新世代", "the loss is accepted, the ledger has a new generation");
}

static void on_reload(void *context, struct link_http_request *request)
{
    struct broker *broker = context;
    if (!may_operate(request))
        return;
    struct wire_problem problem = {0};
    if (broker_reload(broker, &problem) == WIRE_OK) {
        done(request, 200, "已重新载入", "reloaded");
        return;
    }
    struct wire_text text = growing();
    wire_text_format(&text, "{\"status\":\"%s\",\"where\":", wire_status_name(problem.status));
    wire_text_json_string(&text, problem.where, strlen(problem.where));
    wire_text_string(&text, ",\"zh\":");
    wire_text_json_string(&text, problem.zh, strlen(problem.zh));
    wire_text_string(&text, ",\"en\":");
    wire_text_json_string(&text, problem.en, strlen(problem.en));
    wire_text_string(&text, "}\n");
    reply(request, 422, NULL, &text);
}

static const struct link_http_route routes[] = {
    {"GET", "/metrics", on_metrics},
    {"GET", "/v1/status", on_status},
    {"GET", "/v1/links", on_links},
    {"GET", "/v1/links/{region}/history", on_history},
    {"POST", "/v1/operator/accept-fork/{region}", on_accept_fork},
    {"POST", "/v1/operator/recover", on_recover},
    {"POST", "/v1/operator/reload", on_reload},
};

enum wire_status broker_watch_open(struct broker *broker, struct wire_problem *problem)
{
    const struct link_http_address *at = &broker->config.http;
    if (at->host == NULL && at->unix_path == NULL)
        return WIRE_OK;
    struct link_http_options options = {
        .routes = routes, .route_count = sizeof(routes) / sizeof(*routes), .context = broker};
    enum wire_status status = link_http_open(&broker->shell.loop, &options, &broker->http, problem);
    if (status == WIRE_OK && at->unix_path != NULL)
        status = link_http_listen_unix(broker->http, at->unix_path, problem);
    uint16_t port = at->port;
    if (status == WIRE_OK && at->host != NULL)
        status = link_http_listen_tcp(broker->http, at->host, at->port, &port, problem);
    if (status == WIRE_OK && at->host != NULL)
        link_log_line(broker->shell.log, LINK_NOTICE, "http", "HTTP 已监听", "HTTP listens",
                      LINK_TEXT("host", at->host), LINK_UNSIGNED("port", port));
    return status;
}
