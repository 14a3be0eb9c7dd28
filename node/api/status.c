/* What the node is and how it stands; who is enrolled. */
#include "node/api/inside.h"
#include "rules/policy.h"

#define DAY_MS INT64_C(86400000)

static void put_policy(struct api_json *json, const struct api *api)
{
    const struct rules_policy *policy = api->backend.policy(api->backend.context);
    if (policy == NULL)
        return;
    api_json_open(json, "policy");
    api_json_unsigned(json, "version", rules_policy_version(policy));
    api_json_hex(json, "digest", rules_policy_digest(policy), WIRE_HASH_BYTES);
    api_json_end(json);
}

static void put_counts(struct api_json *json, const struct api_status *status)
{
    api_json_open(json, "counts");
    api_json_unsigned(json, "admitted", status->admitted);
    api_json_unsigned(json, "refused", status->refused);
    api_json_unsigned(json, "duplicate", status->duplicate);
    api_json_unsigned(json, "expired", status->expired);
    api_json_unsigned(json, "received", status->received);
    api_json_unsigned(json, "repeated", status->repeated);
    api_json_unsigned(json, "rejected", status->rejected);
    api_json_unsigned(json, "unreadable", status->unreadable);
    api_json_unsigned(json, "redrafted", status->redrafted);
    api_json_end(json);
}

void api_get_status(struct api_call *call)
{
    const struct api_backend *backend = &call->api->backend;
    struct api_status status = {0};
    struct api_json json;
    int64_t now_ms = backend->now_ms(backend->context);
    backend->status(backend->context, &status);
    api_json_start(&json);
    api_json_open(&json, NULL);
    api_json_region(&json, status.region);
    api_json_text(&json, "installation", status.installation);
    put_policy(&json, call->api);
    api_json_unsigned(&json, "directory_epoch", status.directory_epoch);
    api_json_time(&json, "certificate_until", status.certificate_until_ms);
    api_json_number(&json, "certificate_days", (status.certificate_until_ms - now_ms) / DAY_MS);
    put_counts(&json, &status);
    api_json_open(&json, "store");
    api_json_unsigned(&json, "full_permille", status.store_full_permille);
    api_json_bool(&json, "full", status.store_full);
    api_json_end(&json);
    api_json_open(&json, "clock");
    api_json_time(&json, "now", now_ms);
    api_json_bool(&json, "unsure", status.clock_unsure);
    api_json_end(&json);
    api_json_end(&json);
    api_answer(call, 200, &json);
}

void api_get_regions(struct api_call *call)
{
    const struct api_backend *backend = &call->api->backend;
    struct wire_arena *arena = api_arena(call);
    uint32_t *regions = wire_arena_take(arena, API_REGIONS_MAX * sizeof *regions);
    int64_t *until_ms = wire_arena_take(arena, API_REGIONS_MAX * sizeof *until_ms);
    struct api_json json;
    size_t count = backend->regions(backend->context, regions, until_ms, API_REGIONS_MAX);
    api_json_start(&json);
    api_json_open(&json, NULL);
    api_json_list(&json, "regions");
    for (size_t i = 0; i < count && i < API_REGIONS_MAX; i++) {
        api_json_open(&json, NULL);
        api_json_region(&json, regions[i]);
        api_json_time(&json, "certificate_until", until_ms[i]);
        api_json_end(&json);
    }
    api_json_list_end(&json);
    api_json_end(&json);
    api_answer(call, 200, &json);
}
