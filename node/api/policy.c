/* The rules in force here, in words and as the signed texts. */
#include "node/api/inside.h"
#include "rules/explain.h"
#include "wire/unit.h"

static void put_words(struct api_json *json, const struct rules_mechanism *mechanism)
{
    struct wire_text zh = {.grow = realloc}, en = {.grow = realloc};
    rules_mechanism_text(&zh, mechanism, WIRE_CHINESE);
    rules_mechanism_text(&en, mechanism, WIRE_ENGLISH);
    api_json_text(json, "text_zh", zh.data);
    api_json_text(json, "text_en", en.data);
    free(zh.data);
    free(en.data);
}

static void put_mechanism(struct api_json *json, const struct rules_mechanism *mechanism, int64_t now_ms)
{
    api_json_open(json, NULL);
    api_json_text(json, "id", mechanism->id);
    api_json_text(json, "zh", mechanism->zh);
    api_json_text(json, "en", mechanism->en);
    api_json_bool(json, "in_force", rules_in_force(mechanism, now_ms));
    api_json_regions(json, "members", mechanism->member, mechanism->member_count);
    api_json_list(json, "liaisons");
    for (size_t i = 0; i < mechanism->liaison_count; i++)
        api_json_unsigned(json, NULL, mechanism->liaison[i].region);
    api_json_list_end(json);
    api_json_list(json, "rules");
    for (size_t i = 0; i < mechanism->rule_count; i++)
        api_json_text(json, NULL, mechanism->rule[i].name);
    api_json_list_end(json);
    put_words(json, mechanism);
    api_json_end(json);
}

void api_get_policy(struct api_call *call)
{
    const struct api_backend *backend = &call->api->backend;
    const struct rules_policy *policy = backend->policy(backend->context);
    struct api_json json;
    if (policy == NULL) {
        api_refuse(call, WIRE_NO_POLICY, "", "尚未收到签名的规则，连上交换中心后会自动取得",
                   "no signed rules yet; they come by themselves once the broker is reached");
        return;
    }
    api_json_start(&json);
    api_json_open(&json, NULL);
    api_json_unsigned(&json, "version", rules_policy_version(policy));
    api_json_hex(&json, "digest", rules_policy_digest(policy), WIRE_HASH_BYTES);
    api_json_list(&json, "mechanisms");
    for (uint32_t i = 0; i < rules_policy_count(policy); i++)
        put_mechanism(&json, rules_policy_at(policy, i), backend->now_ms(backend->context));
    api_json_list_end(&json);
    api_json_end(&json);
    api_answer(call, 200, &json);
}

void api_get_policy_files(struct api_call *call)
{
    const struct api_backend *backend = &call->api->backend;
    const Wire__PolicyText *text = backend->policy_text(backend->context, api_arena(call));
    struct api_json json;
    if (text == NULL) {
        api_refuse(call, WIRE_NO_POLICY, "", "尚未收到签名的规则", "no signed rules yet");
        return;
    }
    api_json_start(&json);
    api_json_open(&json, NULL);
    api_json_unsigned(&json, "version", text->version);
    api_json_text(&json, "installation", text->installation);
    api_json_time(&json, "signed", text->signed_ms);
    api_json_time(&json, "in_force", text->in_force_ms);
    api_json_list(&json, "files");
    for (size_t i = 0; i < text->n_file; i++) {
        api_json_open(&json, NULL);
        api_json_text(&json, "name", text->file[i]->name);
        api_json_bytes(&json, "text", (const char *)text->file[i]->text.data, text->file[i]->text.len);
        api_json_end(&json);
    }
    api_json_list_end(&json);
    api_json_end(&json);
    api_answer(call, 200, &json);
}
