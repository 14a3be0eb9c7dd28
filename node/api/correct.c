/* Withdrawing what has not left; updating and cancelling what has. */
#include "link/json.h"
#include "node/api/inside.h"
#include "wire/kind.h"
#include "wire/personal.h"

void api_post_withdraw(struct api_call *call)
{
    struct api_outbox_row row = {0};
    if (api_outbox_find(call, &row))
        api_withdraw(call, row.header->id.data);
}

static enum wire_status refer_to(struct api_form *form, const Wire__Header *original, struct wire_arena *arena)
{
    Wire__Reference *reference = wire_arena_take(arena, sizeof *reference);
    Wire__Header *header = &form->header;
    header->references = wire_arena_take(arena, sizeof *header->references);
    if (reference == NULL || header->references == NULL)
        return WIRE_NO_MEMORY;
    wire__reference__init(reference);
    reference->origin = original->origin;
    reference->id = original->id;
    header->references[0] = reference;
    header->n_references = 1;
    return WIRE_OK;
}

void api_form_correct(struct api *api, struct api_form *form, const struct api_outbox_row *row, Wire__Action action,
                      struct wire_arena *arena)
{
    const Wire__Header *original = row->header;
    api_form_start(api, form, wire_kind_find(original->kind), original->issuer_unit, NULL, arena);
    Wire__Header *header = &form->header;
    header->issuer_region = original->issuer_region;
    header->action = action;
    header->status = original->status;
    header->incident = original->incident;
    header->mechanism = row->state->mechanism;
    header->mechanism_reason = original->mechanism_reason;
    header->concerns = original->concerns;
    header->n_concerns = original->n_concerns;
    header->to = original->to;
    header->n_to = original->n_to;
    header->cc = original->cc;
    header->n_cc = original->n_cc;
    form->draft.choose_mechanism = false;
    ENSURE(refer_to(form, original, arena) == WIRE_OK);
}

static void submit(struct api_call *call, struct api_form *form, const char *what)
{
    struct wire_problem problem;
    struct api_preview preview;
    struct api_json known;
    bool can_queue;
    if (api_form_preview(call->api, form, api_arena(call), &preview, &can_queue, &problem) != WIRE_OK) {
        api_problem(call, &problem);
        return;
    }
    api_json_start(&known);
    api_json_preview(&known, &form->draft, call->api->backend.policy(call->api->backend.context), &preview);
    api_queue(call, form, what, &known.text);
    api_json_close(&known);
}

/* Answers and notices of the broker are not corrected, they are sent again. false: answered. */
static bool may_correct(struct api_call *call, const struct api_outbox_row *row)
{
    const struct wire_kind *kind = wire_kind_find(row->header->kind);
    bool good = kind != NULL && !kind->reply && row->header->action != WIRE__ACTION__CANCEL;
    if (!good)
        api_refuse(call, WIRE_INVALID, "id", "答复和撤销不能再更新或撤销，请重新发送",
                   "answers and cancellations are not corrected; send a new one");
    return good;
}

/* --- update: the whole new payload --- */

static const char *const UPDATE_KEYS[] = {"payload", "supersedes_count"};

static enum wire_status read_update(struct api_call *call, const json_t *body, struct api_form *form,
                                    struct wire_problem *problem)
{
    const json_t *payload = json_object_get(body, "payload"), *count = json_object_get(body, "supersedes_count");
    form->header.has_supersedes_count = json_is_integer(count) && json_integer_value(count) >= 0;
    if (form->header.has_supersedes_count)
        form->header.supersedes_count = (uint32_t)json_integer_value(count);
    if (payload != NULL) {
        enum wire_status status = api_known_keys(body, UPDATE_KEYS, 2, problem);
        if (status != WIRE_OK)
            return status;
    }
    form->payload = link_json_value_to_message(form->kind->payload, payload != NULL ? payload : body, api_arena(call),
                                               true, problem);
    return form->payload == NULL ? problem->status : api_form_payload(call->api, form, api_arena(call), problem);
}

void api_post_update(struct api_call *call)
{
    struct api_outbox_row row = {0};
    struct wire_problem problem = {0};
    struct api_form form;
    if (!api_outbox_find(call, &row) || !may_correct(call, &row))
        return;
    json_t *body = api_body(call, NULL, 0);
    if (body == NULL)
        return;
    api_form_correct(call->api, &form, &row, WIRE__ACTION__UPDATE, api_arena(call));
    enum wire_status status = read_update(call, body, &form, &problem);
    json_decref(body);
    if (status != WIRE_OK)
        api_problem(call, &problem);
    else
        submit(call, &form, "update");
}

/* --- cancel: a reason, and nothing about persons --- */

static const char *const CANCEL_KEYS[] = {"reason"};

/* The reason as the title of an otherwise empty payload of the same kind. */
static ProtobufCMessage *reason_payload(const struct wire_kind *kind, const char *reason, struct wire_arena *arena)
{
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(kind->payload, "common");
    Wire__Common *common = wire_arena_take(arena, sizeof *common);
    ProtobufCMessage *message = wire_arena_take(arena, kind->payload->sizeof_message);
    ENSURE(common != NULL && message != NULL && field != NULL);
    wire__common__init(common);
    protobuf_c_message_init(kind->payload, message);
    common->title = wire_arena_text(arena, reason, strlen(reason));
    memcpy((char *)message + field->offset, &common, sizeof common);
    return message;
}

static enum wire_status read_reason(const json_t *body, const char **reason, struct wire_problem *problem)
{
    enum wire_status status = api_text_member(body, "reason", API_REASON_CHARACTERS_MAX, reason, problem);
    if (status != WIRE_OK)
        return status;
    if (*reason == NULL || (*reason)[strspn(*reason, " \t\r\n")] == '\0')
        return wire_fail(problem, WIRE_INVALID, "reason", "必填项缺失，请写明撤销原因",
                         "is required and missing; say why it is cancelled");
    if (wire_personal_find(wire_bytes(*reason, strlen(*reason)), 0).kind != WIRE_PERSONAL_NONE)
        return wire_fail(problem, WIRE_INVALID, "reason", "撤销原因不得含身份证号码或手机号码，请删除",
                         "the reason must not hold an identity or mobile number; remove it");
    return WIRE_OK;
}

void api_post_cancel(struct api_call *call)
{
    struct api_outbox_row row = {0};
    struct wire_problem problem = {0};
    struct api_form form;
    const char *reason = NULL;
    if (!api_outbox_find(call, &row) || !may_correct(call, &row))
        return;
    json_t *body = API_BODY(call, CANCEL_KEYS);
    if (body == NULL)
        return;
    enum wire_status status = read_reason(body, &reason, &problem);
    if (status == WIRE_OK) {
        api_form_correct(call->api, &form, &row, WIRE__ACTION__CANCEL, api_arena(call));
        form.payload = reason_payload(form.kind, reason, api_arena(call));
        status = api_form_encode(call->api, &form, api_arena(call), &problem);
    }
    json_decref(body);
    if (status != WIRE_OK)
        api_problem(call, &problem);
    else
        submit(call, &form, "cancel");
}
