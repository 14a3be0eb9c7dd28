/* Drafts go to the node; the answer waits until they are durable. */
#include "node/api/inside.h"
#include "wire/kind.h"

/* One request that waits. The node calls `done` once; api_close answers what is left. */
struct api_pending {
    struct api *api;
    struct link_http_request *request;
    struct api_pending *next, *previous;
    struct wire_text extra; /* members of the answer that were known before */
    bool withdrawing;
};

static struct api_pending *pending_new(struct api_call *call, const struct wire_text *extra)
{
    struct api *api = call->api;
    struct api_pending *pending = calloc(1, sizeof *pending);
    ENSURE(pending != NULL);
    pending->api = api;
    pending->request = call->request;
    pending->extra.grow = realloc;
    if (extra != NULL && extra->size > 0)
        wire_text_add(&pending->extra, extra->data, extra->size);
    pending->next = api->pendings;
    if (api->pendings != NULL)
        api->pendings->previous = pending;
    api->pendings = pending;
    call->request = NULL;
    return pending;
}

static void pending_free(struct api_pending *pending)
{
    if (pending->next != NULL)
        pending->next->previous = pending->previous;
    if (pending->previous != NULL)
        pending->previous->next = pending->next;
    else
        pending->api->pendings = pending->next;
    free(pending->extra.data);
    free(pending);
}

static void put_extra(struct api_json *json, const struct wire_text *extra)
{
    if (extra->size > 0)
        api_json_raw(json, NULL, extra->data, extra->size);
}

static void put_result(struct api_json *json, const struct api_pending *pending, const struct api_result *result)
{
    api_json_open(json, NULL);
    api_json_id(json, "id", result->id);
    api_json_number_text(json, "number", result->number);
    api_json_text(json, "state", pending->withdrawing ? "withdrawn" : result->held ? "held" : "queued");
    if (result->status == WIRE_EXISTS)
        api_json_bool(json, "existed", true);
    put_extra(json, &pending->extra);
    api_json_end(json);
}

static void put_failure(struct api_json *json, const struct api_pending *pending, const struct api_result *result)
{
    struct wire_problem problem = result->problem;
    problem.status = result->status;
    api_json_open(json, NULL);
    api_json_problem(json, &problem);
    put_extra(json, &pending->extra);
    api_json_end(json);
}

static void on_done(void *context, const struct api_result *results, size_t count)
{
    struct api_pending *pending = context;
    struct api_json json;
    ENSURE(count == 1);
    const struct api_result *result = &results[0];
    /* published before: the same answer again; withdrawing what is sealed already: too late */
    bool good = result->status == WIRE_OK || (result->status == WIRE_EXISTS && !pending->withdrawing);
    api_json_start(&json);
    if (good)
        put_result(&json, pending, result);
    else
        put_failure(&json, pending, result);
    api_reply_json(pending->request, !good ? api_http_status(result->status) : pending->withdrawing ? 200 : 202, &json);
    pending_free(pending);
}

void api_queue(struct api_call *call, struct api_form *form, const char *what, const struct wire_text *extra)
{
    struct api *api = call->api;
    char id[WIRE_ID_TEXT];
    api_audit(call, what, "%s %s", form->kind->name, wire_id_text(form->header.id.data, id));
    struct api_pending *pending = pending_new(call, extra);
    api->backend.publish(api->backend.context, &form->draft, 1, on_done, pending);
}

void api_withdraw(struct api_call *call, const uint8_t id[WIRE_ID_BYTES])
{
    struct api *api = call->api;
    char text[WIRE_ID_TEXT];
    api_audit(call, "withdraw", "%s", wire_id_text(id, text));
    struct api_pending *pending = pending_new(call, NULL);
    pending->withdrawing = true;
    api->backend.withdraw(api->backend.context, id, on_done, pending);
}

void api_pendings_close(struct api *api)
{
    while (api->pendings != NULL) {
        struct api_pending *pending = api->pendings;
        struct wire_problem problem;
        struct api_json json;
        wire_fail(&problem, WIRE_SHUTTING_DOWN, "", "节点正在停止：是否已受理，请在重启后查看发件",
                  "the node is stopping: look into the outbox after it has started again");
        api_json_start(&json);
        api_json_open(&json, NULL);
        api_json_problem(&json, &problem);
        api_json_end(&json);
        api_reply_json(pending->request, 503, &json);
        pending_free(pending);
    }
}
