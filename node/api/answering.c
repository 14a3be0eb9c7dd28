/* 签收 and 反馈: replies to what is in the inbox. */
#include "link/json.h"
#include "node/api/inside.h"
#include "wire/kind.h"

/* A reply needs a readable header; logistics answer for supplies only. false: answered. */
static bool may_answer(struct api_call *call, const struct api_inbox_row *row)
{
    if (row->header == NULL || row->header->id.len != WIRE_ID_BYTES) {
        api_refuse(call, WIRE_UNREADABLE, "id", "信头无法读取，不能答复",
                   "its header cannot be read; it cannot be answered");
        return false;
    }
    if (row->header->kind == WIRE_KIND_SUPPLY_REQUEST || api_may(call, API_DUTY))
        return true;
    api_refuse(call, WIRE_NOT_PERMITTED, "id", "物资岗位只能答复物资类信息",
               "logistics may answer kinds of supplies only");
    return false;
}

static void start(struct api_call *call, const struct api_inbox_row *row, enum wire_kind_number kind,
                  struct api_form *form)
{
    api_form_start(call->api, form, wire_kind_find(kind), call->unit, NULL, api_arena(call));
    ENSURE(api_form_answers(form, row->header, api_arena(call)) == WIRE_OK);
}

static char *parent_number(struct api_call *call, const struct api_inbox_row *row)
{
    char text[WIRE_NUMBER_TEXT];
    wire_number_text(api_number_of(row->header), text);
    return wire_arena_text(api_arena(call), text, strlen(text));
}

static void submit(struct api_call *call, struct api_form *form, const char *what)
{
    struct wire_problem problem = {0};
    struct api_preview preview;
    bool can_queue;
    enum wire_status status = api_form_payload(call->api, form, api_arena(call), &problem);
    if (status == WIRE_OK)
        status = api_form_preview(call->api, form, api_arena(call), &preview, &can_queue, &problem);
    if (status != WIRE_OK)
        api_problem(call, &problem);
    else
        api_queue(call, form, what, NULL);
}

/* --- acknowledge --- */

static const char *const ACKNOWLEDGE_KEYS[] = {"desk", "officer", "reason"};

static bool read_words(struct api_call *call, const json_t *body, Wire__Acknowledgement *acknowledgement)
{
    struct wire_problem problem = {0};
    const char *words[3] = {0};
    char **into[] = {&acknowledgement->desk, &acknowledgement->officer, &acknowledgement->return_reason};
    for (size_t i = 0; i < 3; i++) {
        if (api_text_member(body, ACKNOWLEDGE_KEYS[i], 500, &words[i], &problem) != WIRE_OK) {
            api_problem(call, &problem);
            return false;
        }
        if (words[i] != NULL)
            *into[i] = wire_arena_text(api_arena(call), words[i], strlen(words[i]));
    }
    return true;
}

void api_post_acknowledge(struct api_call *call)
{
    struct api_inbox_row row = {0};
    struct api_form form;
    Wire__Acknowledgement acknowledgement = WIRE__ACKNOWLEDGEMENT__INIT;
    if (!api_inbox_find(call, &row) || !may_answer(call, &row))
        return;
    json_t *body = API_BODY(call, ACKNOWLEDGE_KEYS);
    if (body == NULL)
        return;
    bool good = read_words(call, body, &acknowledgement);
    json_decref(body);
    if (!good)
        return;
    start(call, &row, WIRE_KIND_ACKNOWLEDGEMENT, &form);
    acknowledgement.reply_to_number = parent_number(call, &row);
    acknowledgement.has_at_ms = true;
    acknowledgement.at_ms = form.header.created_ms;
    form.payload = &acknowledgement.base;
    submit(call, &form, "acknowledge");
}

/* --- outcome --- */

void api_post_outcome(struct api_call *call)
{
    struct api_inbox_row row = {0};
    struct wire_problem problem = {0};
    struct api_form form;
    if (!api_inbox_find(call, &row) || !may_answer(call, &row))
        return;
    json_t *body = api_body(call, NULL, 0); /* the payload's own keys: its reader is strict */
    if (body == NULL)
        return;
    start(call, &row, WIRE_KIND_OUTCOME, &form);
    form.payload = link_json_value_to_message(&wire__outcome__descriptor, body, api_arena(call), true, &problem);
    json_decref(body);
    if (form.payload == NULL) {
        api_problem(call, &problem);
        return;
    }
    Wire__Outcome *outcome = (Wire__Outcome *)form.payload;
    if (outcome->reply_to_number == NULL)
        outcome->reply_to_number = parent_number(call, &row);
    form.header.has_progress = true;
    form.header.progress = outcome->has_final && outcome->final ? WIRE__PROGRESS__FINAL : WIRE__PROGRESS__OPEN;
    submit(call, &form, "outcome");
}
