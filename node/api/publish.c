/* POST /v1/envelopes: what a duty officer publishes. */
#include "node/api/inside.h"
#include "wire/kind.h"

static const char *const KEYS[] = {
    "kind",     "mechanism",     "mechanism_reason", "to",          "cc",       "concerns",   "issuer",
    "status",   "action",        "references",       "in_reply_to", "incident", "lane",       "urgency",
    "severity", "certainty",     "effective",        "expires",     "due",      "keep_until", "progress",
    "payload",  "submit_anyway",
};

/* The preview and what the check remarked, as members for the answer. */
static void put_known(struct api_json *json, struct api *api, const struct api_form *form,
                      const struct api_preview *preview)
{
    api_json_preview(json, &form->draft, api->backend.policy(api->backend.context), preview);
    if (form->remark.zh[0] == '\0')
        return;
    api_json_open(json, "remark");
    api_json_text(json, "where", form->remark.where);
    api_json_text(json, "zh", form->remark.zh);
    api_json_text(json, "en", form->remark.en);
    api_json_end(json);
}

static void answer_preview(struct api_call *call, struct api_form *form, const struct api_preview *preview)
{
    struct api_json json;
    api_json_start(&json);
    api_json_open(&json, NULL);
    api_json_text(&json, "kind", form->kind->name);
    api_json_enum(&json, "urgency", &wire__urgency__descriptor, (int)form->header.urgency);
    put_known(&json, call->api, form, preview);
    api_json_end(&json);
    api_answer(call, 200, &json);
}

/* The refusal of our own copy of the rules: what is wrong, by which rule, what would be allowed. */
static void answer_refused(struct api_call *call, struct api_form *form, const struct api_preview *preview,
                           const struct wire_problem *problem)
{
    struct api_json json;
    const struct rules_decision *decision = preview->decision;
    call->api->refused_calls++;
    api_json_start(&json);
    api_json_open(&json, NULL);
    api_json_problem(&json, problem);
    if (decision != NULL) {
        api_json_text(&json, "reason", wire_status_name(decision->verdict));
        api_json_text(&json, "rule", decision->rule_name);
        api_json_text(&json, "detail", decision->detail);
        api_json_text(&json, "allowed", decision->allowed);
    }
    put_known(&json, call->api, form, preview);
    api_json_end(&json);
    api_answer(call, api_http_status(problem->status), &json);
}

static bool is_set(struct api_call *call, const char *name)
{
    const char *value = link_http_query(call->request, name);
    return value != NULL && strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
}

/* A signed refusal of the broker is wanted rather than ours. */
static bool is_submitted_anyway(struct api_call *call, const json_t *body)
{
    const char *check = link_http_query(call->request, "local_check");
    return (check != NULL && strcmp(check, "0") == 0) || json_is_true(json_object_get(body, "submit_anyway"));
}

static void publish(struct api_call *call, struct api_form *form, bool anyway)
{
    struct wire_problem problem = {0};
    struct api_preview preview;
    bool can_queue;
    enum wire_status status = api_form_preview(call->api, form, api_arena(call), &preview, &can_queue, &problem);
    if (is_set(call, "preview") && preview.decision != NULL) {
        answer_preview(call, form, &preview);
        return;
    }
    if (status != WIRE_OK && !(anyway && can_queue)) {
        answer_refused(call, form, &preview, &problem);
        return;
    }
    struct api_json known;
    api_json_start(&known);
    put_known(&known, call->api, form, &preview);
    api_queue(call, form, "publish", &known.text);
    api_json_close(&known);
}

void api_post_envelope(struct api_call *call)
{
    struct wire_problem problem = {0};
    json_t *body = API_BODY(call, KEYS);
    if (body == NULL)
        return;
    struct api_form form;
    bool anyway = is_submitted_anyway(call, body);
    enum wire_status status = api_form_read(call, body, &form, &problem);
    json_decref(body);
    if (status != WIRE_OK)
        api_problem(call, &problem);
    else
        publish(call, &form, anyway);
}
