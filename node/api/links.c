/* The links to the brokers: their health, and starting one anew. */
#include "node/api/inside.h"
#include "wire/lane.h"

static const char *state_name(enum api_link_state state)
{
    return state == API_LINK_UP ? "up" : state == API_LINK_DEGRADED ? "degraded" : "down";
}

static void put_lanes(struct api_json *json, const struct api_link *link, int64_t now_ms)
{
    api_json_open(json, "lanes");
    for (uint32_t lane = 0; lane < WIRE_LANES; lane++) {
        api_json_open(json, wire_lane_name(lane));
        api_json_unsigned(json, "queued", link->lane[lane].drafts);
        api_json_unsigned(json, "unreceipted", link->lane[lane].unreceipted);
        if (link->lane[lane].oldest_ms > 0) {
            api_json_time(json, "oldest", link->lane[lane].oldest_ms);
            api_json_number(json, "oldest_age_ms", now_ms - link->lane[lane].oldest_ms);
        }
        api_json_end(json);
    }
    api_json_end(json);
}

static void put_notices(struct api_json *json, const struct api_link *link)
{
    static const struct {
        enum wire_status status;
        size_t offset;
    } notices[] = {
        {WIRE_FORKED, offsetof(struct api_link, fork)},
        {WIRE_ROLLED_BACK, offsetof(struct api_link, rolled_back)},
        {WIRE_FORK_STOPPED, offsetof(struct api_link, stopped)},
    };
    api_json_list(json, "notices");
    for (size_t i = 0; i < sizeof notices / sizeof *notices; i++) {
        if (!*(const bool *)((const char *)link + notices[i].offset))
            continue;
        api_json_open(json, NULL);
        api_json_text(json, "status", wire_status_name(notices[i].status));
        api_json_text(json, "zh", wire_status_text(notices[i].status, WIRE_CHINESE));
        api_json_text(json, "en", wire_status_text(notices[i].status, WIRE_ENGLISH));
        api_json_end(json);
    }
    api_json_list_end(json);
}

static void put_link(struct api_json *json, const struct api_link *link, int64_t now_ms)
{
    api_json_open(json, NULL);
    api_json_text(json, "name", link->name);
    api_json_text(json, "endpoint", link->endpoint);
    api_json_text(json, "state", state_name(link->state));
    api_json_time(json, "since", link->since_ms);
    if (link->rtt_ms >= 0)
        api_json_number(json, "rtt_ms", link->rtt_ms);
    api_json_number(json, "offset_ms", link->offset_ms);
    if (link->reason != WIRE_OK) {
        api_json_text(json, "reason", wire_status_name(link->reason));
        api_json_text(json, "reason_zh", wire_status_text(link->reason, WIRE_CHINESE));
        api_json_text(json, "reason_en", wire_status_text(link->reason, WIRE_ENGLISH));
    }
    api_json_unsigned(json, "policy_version", link->policy_version);
    api_json_unsigned(json, "directory_epoch", link->directory_epoch);
    put_lanes(json, link, now_ms);
    put_notices(json, link);
    api_json_end(json);
}

void api_get_links(struct api_call *call)
{
    const struct api_backend *backend = &call->api->backend;
    struct api_link links[API_LINKS_MAX] = {0};
    struct api_json json;
    size_t count = backend->links(backend->context, links, API_LINKS_MAX);
    int64_t now_ms = backend->now_ms(backend->context);
    api_json_start(&json);
    api_json_open(&json, NULL);
    api_json_list(&json, "links");
    for (size_t i = 0; i < count; i++)
        put_link(&json, &links[i], now_ms);
    api_json_list_end(&json);
    api_json_end(&json);
    api_answer(call, 200, &json);
}

void api_post_reconnect(struct api_call *call)
{
    const struct api_backend *backend = &call->api->backend;
    const char *name = link_http_part(call->request, "name");
    struct api_link links[API_LINKS_MAX] = {0};
    struct api_json json;
    size_t count = backend->links(backend->context, links, API_LINKS_MAX), at = 0;
    while (at < count && strcmp(links[at].name, name) != 0)
        at++;
    if (at == count) {
        api_refuse(call, WIRE_NOT_FOUND, "name", "没有这条链路", "there is no link of this name");
        return;
    }
    api_audit(call, "reconnect", "%s", name);
    backend->reconnect(backend->context, links[at].name);
    api_json_start(&json);
    api_json_open(&json, NULL);
    api_json_text(&json, "name", name);
    api_json_end(&json);
    api_answer(call, 202, &json);
}
