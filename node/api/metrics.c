/* GET /metrics: Prometheus text, version 0.0.4. */
#include "node/api/inside.h"
#include "rules/policy.h"
#include "wire/lane.h"
#include <inttypes.h>

static void head(struct wire_text *out, const char *name, const char *type, const char *help)
{
    wire_text_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(struct wire_text *out, const char *name, const char *type, const char *help, int64_t value)
{
    head(out, name, type, help);
    wire_text_format(out, "%s %" PRId64 "\n", name, value);
}

static void put_counts(struct wire_text *out, const struct api_status *status)
{
    const struct {
        const char *what;
        uint64_t count;
    } counts[] = {
        {"admitted", status->admitted}, {"refused", status->refused},       {"duplicate", status->duplicate},
        {"expired", status->expired},   {"received", status->received},     {"repeated", status->repeated},
        {"rejected", status->rejected}, {"unreadable", status->unreadable}, {"redrafted", status->redrafted},
    };
    head(out, "lianfang_node_envelopes_total", "counter", "Envelopes by what became of them.");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        wire_text_format(out, "lianfang_node_envelopes_total{verdict=\"%s\"} %" PRIu64 "\n", counts[i].what,
                         counts[i].count);
}

static void put_links(struct wire_text *out, const struct api_link *links, size_t count, int64_t now_ms)
{
    head(out, "lianfang_node_link_up", "gauge", "1 up, 0.5 degraded, 0 down.");
    for (size_t i = 0; i < count; i++)
        wire_text_format(out, "lianfang_node_link_up{link=\"%s\"} %s\n", links[i].name,
                         links[i].state == API_LINK_UP         ? "1"
                         : links[i].state == API_LINK_DEGRADED ? "0.5"
                                                               : "0");
    head(out, "lianfang_node_link_rtt_seconds", "gauge", "Round trip of the last pulse.");
    for (size_t i = 0; i < count; i++)
        if (links[i].rtt_ms >= 0)
            wire_text_format(out, "lianfang_node_link_rtt_seconds{link=\"%s\"} %" PRId64 ".%03d\n", links[i].name,
                             links[i].rtt_ms / 1000, (int)(links[i].rtt_ms % 1000));
    head(out, "lianfang_node_queued", "gauge", "Envelopes that wait to be sealed or for their receipt.");
    for (size_t i = 0; i < count; i++)
        for (uint32_t lane = 0; lane < WIRE_LANES; lane++)
            wire_text_format(out, "lianfang_node_queued{link=\"%s\",lane=\"%s\"} %" PRIu64 "\n", links[i].name,
                             wire_lane_name(lane), links[i].lane[lane].drafts + links[i].lane[lane].unreceipted);
    head(out, "lianfang_node_queue_age_seconds", "gauge", "Age of the oldest of them.");
    for (size_t i = 0; i < count; i++)
        for (uint32_t lane = 0; lane < WIRE_LANES; lane++)
            wire_text_format(out, "lianfang_node_queue_age_seconds{link=\"%s\",lane=\"%s\"} %" PRId64 "\n",
                             links[i].name, wire_lane_name(lane),
                             links[i].lane[lane].oldest_ms > 0 ? (now_ms - links[i].lane[lane].oldest_ms) / 1000 : 0);
}

void api_get_metrics(struct api_call *call)
{
    const struct api_backend *backend = &call->api->backend;
    const struct rules_policy *policy = backend->policy(backend->context);
    struct api_link links[API_LINKS_MAX] = {0};
    struct api_status status = {0};
    struct wire_text out = {.grow = realloc};
    int64_t now_ms = backend->now_ms(backend->context);
    backend->status(backend->context, &status);
    size_t count = backend->links(backend->context, links, API_LINKS_MAX);
    put_counts(&out, &status);
    put_links(&out, links, count, now_ms);
    one(&out, "lianfang_node_policy_version", "gauge", "Version of the policy in force, 0: none.",
        policy == NULL ? 0 : (int64_t)rules_policy_version(policy));
    one(&out, "lianfang_node_directory_epoch", "gauge", "Directory epoch held.", (int64_t)status.directory_epoch);
    one(&out, "lianfang_node_certificate_seconds", "gauge", "Until the certificates end.",
        (status.certificate_until_ms - now_ms) / 1000);
    one(&out, "lianfang_node_store_full_permille", "gauge", "How full the store is.", status.store_full_permille);
    one(&out, "lianfang_node_clock_unsure", "gauge", "1 after a jump of the clock.", status.clock_unsure);
    one(&out, "lianfang_node_api_calls_total", "counter", "Calls of the local API.", (int64_t)call->api->calls);
    one(&out, "lianfang_node_api_refused_total", "counter", "Calls that were refused.",
        (int64_t)call->api->refused_calls);
    ENSURE(!out.cut);
    api_answer_bytes(call, "text/plain; version=0.0.4; charset=utf-8", wire_bytes(out.data, out.size));
    free(out.data);
}
