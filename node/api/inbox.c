/* What came in: lists, one envelope, evidence. */
#include "node/api/inside.h"
#include "wire/kind.h"
#include "wire/lane.h"

/* "new", "signed-for", "answered", "closed". */
static const char *state_name(const Wire__NodeKnown *known)
{
    if (known == NULL)
        return "new";
    return known->has_closed_ms       ? "closed"
           : known->has_feedback_ms   ? "answered"
           : known->has_signed_for_ms ? "signed-for"
                                      : "new";
}

static void put_corrections(struct api_json *json, const Wire__NodeKnown *known)
{
    if (known->has_updated_by && known->updated_by.len == WIRE_ID_BYTES)
        api_json_id(json, "updated_by", known->updated_by.data);
    if (known->has_cancelled_by && known->cancelled_by.len == WIRE_ID_BYTES)
        api_json_id(json, "cancelled_by", known->cancelled_by.data);
    if (known->has_acknowledgement && known->acknowledgement.len == WIRE_ID_BYTES)
        api_json_id(json, "acknowledgement", known->acknowledgement.data);
    if (known->has_outcome && known->outcome.len == WIRE_ID_BYTES)
        api_json_id(json, "outcome", known->outcome.data);
    if (known->has_signed_for_ms)
        api_json_time(json, "signed_for", known->signed_for_ms);
    if (known->has_feedback_ms)
        api_json_time(json, "feedback", known->feedback_ms);
    if (known->has_closed_ms)
        api_json_time(json, "closed", known->closed_ms);
}

static bool is_met(const Wire__NodeKnown *known, Wire__Duty duty)
{
    if (known == NULL)
        return false;
    return duty == WIRE__DUTY__SIGN_FOR         ? known->has_signed_for_ms
           : duty == WIRE__DUTY__FIRST_FEEDBACK ? known->has_feedback_ms
                                                : known->has_closed_ms;
}

/* Due by this node's own time of arrival; terms in office hours have no due time here: the broker keeps them. */
static void put_terms(struct api_json *json, const struct api_inbox_row *row)
{
    const Wire__NodeInbox *inbox = row->inbox;
    const Wire__Disposition *disposition = inbox->disposition;
    api_json_list(json, "terms");
    for (size_t i = 0; inbox->owes && i < disposition->n_term; i++) {
        const Wire__Term *term = disposition->term[i];
        api_json_open(json, NULL);
        api_json_enum(json, "duty", &wire__duty__descriptor, (int)term->duty);
        api_json_unsigned(json, "minutes", term->minutes);
        api_json_bool(json, "office_hours", term->has_office_hours && term->office_hours);
        if (!(term->has_office_hours && term->office_hours))
            api_json_time(json, "due", inbox->arrived_ms + (int64_t)term->minutes * 60000);
        api_json_bool(json, "met", is_met(row->known, term->duty));
        api_json_end(json);
    }
    api_json_list_end(json);
}

static void put_disposition(struct api_json *json, const struct api_inbox_row *row)
{
    const Wire__Disposition *disposition = row->inbox->disposition;
    if (disposition == NULL)
        return;
    api_json_open(json, "disposition");
    api_json_unsigned(json, "rule", disposition->rule);
    api_json_text(json, "rule_name", disposition->rule_name);
    api_json_text(json, "lane", wire_lane_name(disposition->lane));
    api_json_regions(json, "to", disposition->to, disposition->n_to);
    api_json_regions(json, "cc", disposition->cc, disposition->n_cc);
    api_json_regions(json, "not_enrolled", disposition->not_enrolled, disposition->n_not_enrolled);
    api_json_day(json, "keep_until", disposition->keep_until);
    put_terms(json, row);
    api_json_end(json);
}

static void put_envelope(struct api_json *json, const struct api_inbox_row *row)
{
    const Wire__NodeInbox *inbox = row->inbox;
    api_json_unsigned(json, "order", row->order);
    if (row->header != NULL) {
        api_json_header(json, row->header);
    } else {
        if (inbox->id.len == WIRE_ID_BYTES)
            api_json_id(json, "id", inbox->id.data);
        api_json_unsigned(json, "origin", inbox->origin);
        api_json_text(json, "mechanism", inbox->mechanism);
        api_json_bool(json, "unreadable", true);
    }
    api_json_text(json, "state", state_name(row->known));
    api_json_bool(json, "owes", inbox->owes);
    api_json_time(json, "arrived", inbox->arrived_ms);
    if (inbox->has_admitted_ms)
        api_json_time(json, "admitted", inbox->admitted_ms);
    api_json_text(json, "link", inbox->link);
    if (inbox->has_reason)
        api_json_text(json, "reason", wire_status_name(inbox->reason));
    if (row->known != NULL)
        put_corrections(json, row->known);
    put_disposition(json, row);
}

/* --- lists --- */

struct lister {
    struct api_call *call;
    struct api_json *json;
    struct wire_arena *arena;
    const struct api_list_query *query;
    bool unsigned_only;
    size_t count, unsigned_count;
};

static bool is_wanted(const struct lister *lister, const struct api_inbox_row *row)
{
    const struct api_list_query *query = lister->query;
    if (query->kind != WIRE_KIND_NONE && (row->header == NULL || row->header->kind != query->kind))
        return false;
    if (query->since_ms != 0 && row->inbox->arrived_ms < query->since_ms)
        return false;
    bool signed_for = row->known != NULL && (row->known->has_signed_for_ms || row->known->has_cancelled_by);
    return !lister->unsigned_only || (row->inbox->owes && !signed_for);
}

static bool visit(void *context, const struct api_inbox_row *row)
{
    struct lister *lister = context;
    if (lister->query->after != 0 && row->order <= lister->query->after)
        return true;
    if (!lister->query->oldest_first && lister->query->since_ms != 0 &&
        row->inbox->arrived_ms < lister->query->since_ms)
        return false; /* all that follow arrived before it */
    if (!is_wanted(lister, row))
        return true;
    size_t mark = wire_arena_mark(lister->arena);
    api_json_open(lister->json, NULL);
    put_envelope(lister->json, row);
    if (lister->query->payload && row->header != NULL) {
        api_json_text(lister->json, "title", api_payload_title(row->header, row->payload, lister->arena));
        api_json_payload(lister->json, row->header, row->payload, row->payload_status, true, lister->arena);
    }
    api_json_end(lister->json);
    wire_arena_back(lister->arena, mark);
    return ++lister->count < lister->query->limit;
}

void api_get_inbox(struct api_call *call)
{
    const struct api_backend *backend = &call->api->backend;
    struct api_list_query query;
    struct api_json json;
    if (!api_list_query(call, &query))
        return;
    const char *unsigned_only = link_http_query(call->request, "unsigned");
    struct lister lister = {.call = call, .json = &json, .arena = api_arena(call), .query = &query};
    lister.unsigned_only = unsigned_only != NULL && strcmp(unsigned_only, "0") != 0;
    api_json_start(&json);
    api_json_open(&json, NULL);
    api_json_list(&json, "envelopes");
    backend->inbox(backend->context, query.oldest_first && query.after != 0 ? query.after + 1 : 0, !query.oldest_first,
                   query.payload, lister.arena, visit, &lister);
    api_json_list_end(&json);
    api_json_unsigned(&json, "count", lister.count);
    api_json_bool(&json, "more", lister.count == query.limit);
    api_json_end(&json);
    api_answer(call, 200, &json);
}

/* --- one --- */

void api_get_inbox_one(struct api_call *call)
{
    struct api_inbox_row row = {0};
    struct api_json json;
    bool answered = false, reveal = false;
    if (!api_inbox_find(call, &row))
        return;
    if (row.header != NULL)
        reveal = api_reveal(call, api_number_of(row.header), &answered);
    if (answered)
        return;
    api_json_start(&json);
    api_json_open(&json, NULL);
    put_envelope(&json, &row);
    if (row.header != NULL && api_may(call, API_READERS)) {
        api_json_text(&json, "title", api_payload_title(row.header, row.payload, api_arena(call)));
        api_json_payload(&json, row.header, row.payload, row.payload_status, !reveal, api_arena(call));
    }
    api_json_end(&json);
    api_answer(call, 200, &json);
}
