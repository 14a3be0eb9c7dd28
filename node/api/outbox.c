/* What we sent and what became of it: lists, one envelope, evidence of both directions. */
#include "node/api/inside.h"
#include "wire/kind.h"
#include "wire/lane.h"
#include "wire/time.h"

static const struct {
    Wire__NodeOutboxState state;
    const char *name;
} STATES[] = {
    {WIRE__NODE_OUTBOX_STATE__NODE_DRAFT, "queued"},      {WIRE__NODE_OUTBOX_STATE__NODE_HELD, "held"},
    {WIRE__NODE_OUTBOX_STATE__NODE_SEALED, "sent"},       {WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED, "admitted"},
    {WIRE__NODE_OUTBOX_STATE__NODE_REFUSED, "refused"},   {WIRE__NODE_OUTBOX_STATE__NODE_DUPLICATE, "duplicate"},
    {WIRE__NODE_OUTBOX_STATE__NODE_EXPIRED, "expired"},   {WIRE__NODE_OUTBOX_STATE__NODE_WITHDRAWN, "withdrawn"},
    {WIRE__NODE_OUTBOX_STATE__NODE_REPLACED, "replaced"},
};
enum { STATE_COUNT = sizeof STATES / sizeof *STATES, REPLIES_LOOKED_AT = 20000, SERIALS_A_DAY = 100000000 };

static const char *state_name(Wire__NodeOutboxState state)
{
    for (size_t i = 0; i < STATE_COUNT; i++)
        if (STATES[i].state == state)
            return STATES[i].name;
    return "?";
}

static bool state_parse(const char *text, Wire__NodeOutboxState *out)
{
    for (size_t i = 0; i < STATE_COUNT; i++)
        if (strcmp(STATES[i].name, text) == 0) {
            *out = STATES[i].state;
            return true;
        }
    return false;
}

/* --- what became of it --- */

static void put_recipient(struct api_json *json, const Wire__NodeRecipient *recipient)
{
    api_json_open(json, NULL);
    api_json_region(json, recipient->region);
    api_json_bool(json, "owes", recipient->owes);
    if (recipient->has_arrived)
        api_json_enum(json, "arrived", &wire__verdict_code__descriptor, (int)recipient->arrived);
    if (recipient->has_arrived_ms)
        api_json_time(json, "arrived_at", recipient->arrived_ms);
    if (recipient->has_reason)
        api_json_text(json, "reason", wire_status_name(recipient->reason));
    if (recipient->has_signed_for_ms)
        api_json_time(json, "signed_for", recipient->signed_for_ms);
    if (recipient->has_feedback_ms)
        api_json_time(json, "feedback", recipient->feedback_ms);
    if (recipient->has_closed_ms)
        api_json_time(json, "closed", recipient->closed_ms);
    api_json_end(json);
}

static void put_reason(struct api_json *json, const Wire__NodeState *state)
{
    if (!state->has_reason || state->reason == WIRE_OK)
        return;
    api_json_text(json, "reason", wire_status_name(state->reason));
    api_json_text(json, "reason_zh", wire_status_text(state->reason, WIRE_CHINESE));
    api_json_text(json, "reason_en", wire_status_text(state->reason, WIRE_ENGLISH));
    api_json_text(json, "detail", state->detail);
    api_json_text(json, "allowed", state->allowed);
}

static void put_id(struct api_json *json, const char *key, bool has, ProtobufCBinaryData id)
{
    if (has && id.len == WIRE_ID_BYTES)
        api_json_id(json, key, id.data);
}

static void put_verdict(struct api_json *json, const Wire__NodeState *state)
{
    if (state->has_code)
        api_json_enum(json, "verdict", &wire__verdict_code__descriptor, (int)state->code);
    if (state->has_first_code)
        api_json_enum(json, "first_verdict", &wire__verdict_code__descriptor, (int)state->first_code);
    if (state->has_verdict_ms)
        api_json_time(json, "verdict_at", state->verdict_ms);
    api_json_text(json, "rule_name", state->rule_name);
    put_reason(json, state);
    if (state->has_differs)
        api_json_bool(json, "differs", state->differs);
}

static void put_disposition(struct api_json *json, const Wire__NodeState *state)
{
    api_json_list(json, "recipients");
    for (size_t i = 0; i < state->n_recipient; i++)
        put_recipient(json, state->recipient[i]);
    api_json_list_end(json);
    api_json_regions(json, "not_enrolled", state->not_enrolled, state->n_not_enrolled);
    api_json_list(json, "terms");
    for (size_t i = 0; i < state->n_term; i++) {
        api_json_open(json, NULL);
        api_json_enum(json, "duty", &wire__duty__descriptor, (int)state->term[i]->duty);
        api_json_unsigned(json, "minutes", state->term[i]->minutes);
        api_json_end(json);
    }
    api_json_list_end(json);
}

/* Where it stands in the list: by day and serial, below 2^53 for readers that know one kind of number. */
static uint64_t order_of(const struct api_outbox_row *row)
{
    return (uint64_t)row->state->number_date * SERIALS_A_DAY + row->state->number_serial;
}

static void put_envelope(struct api_json *json, const struct api_outbox_row *row)
{
    const Wire__NodeState *state = row->state;
    Wire__Header header = *row->header;
    api_json_unsigned(json, "order", order_of(row));
    header.lane = state->lane;
    header.mechanism = state->mechanism;
    header.number_date = state->number_date;
    header.number_serial = state->number_serial;
    api_json_header(json, &header);
    api_json_text(json, "state", state_name(state->state));
    api_json_time(json, "since", state->since_ms);
    api_json_text(json, "link", state->link);
    put_verdict(json, state);
    put_id(json, "successor", state->has_successor, state->successor);
    put_id(json, "predecessor", state->has_predecessor, state->predecessor);
    put_id(json, "updated_by", state->has_updated_by, state->updated_by);
    put_id(json, "cancelled_by", state->has_cancelled_by, state->cancelled_by);
    put_disposition(json, state);
}

/* --- lists --- */

struct lister {
    struct api_json *json;
    struct wire_arena *arena;
    const struct api_list_query *query;
    Wire__NodeOutboxState state;
    bool has_state, more;
    size_t count;
    uint64_t order; /* of the last one listed */
};

static bool visit(void *context, const struct api_outbox_row *row)
{
    struct lister *lister = context;
    const struct api_list_query *query = lister->query;
    uint64_t order = order_of(row);
    if (query->after != 0 && order <= query->after)
        return true;
    if (query->kind != WIRE_KIND_NONE && row->header->kind != query->kind)
        return true;
    if (query->since_ms != 0 && row->header->created_ms < query->since_ms)
        return true;
    if (lister->has_state && row->state->state != lister->state)
        return true;
    /* Two may bear one number, after a store was put back: no page ends between them. */
    if (lister->count >= query->limit && order != lister->order) {
        lister->more = true;
        return false;
    }
    lister->order = order;
    size_t mark = wire_arena_mark(lister->arena);
    api_json_open(lister->json, NULL);
    put_envelope(lister->json, row);
    if (query->payload) {
        api_json_text(lister->json, "title", api_payload_title(row->header, row->payload, lister->arena));
        api_json_payload(lister->json, row->header, row->payload, row->payload_status, true, lister->arena);
    }
    api_json_end(lister->json);
    wire_arena_back(lister->arena, mark);
    lister->count++;
    return true;
}

/* From that day on nothing is left out. */
static uint32_t first_day(const struct api_list_query *query)
{
    uint32_t since = query->since_ms == 0 ? 0 : wire_day_of(query->since_ms);
    uint64_t after = query->after / SERIALS_A_DAY;
    return after > since && after <= UINT32_MAX ? (uint32_t)after : since;
}

void api_get_outbox(struct api_call *call)
{
    const struct api_backend *backend = &call->api->backend;
    const char *state = link_http_query(call->request, "state");
    struct api_list_query query;
    struct api_json json;
    struct lister lister = {.json = &json, .query = &query};
    if (!api_list_query(call, &query))
        return;
    lister.has_state = state != NULL;
    if (state != NULL && !state_parse(state, &lister.state)) {
        api_refuse(call, WIRE_INVALID, "state",
                   "应为 queued、held、sent、admitted、refused、duplicate、expired、withdrawn、replaced 之一",
                   "should be one of queued, held, sent, admitted, refused, duplicate, expired, withdrawn, replaced");
        return;
    }
    lister.arena = api_arena(call);
    api_json_start(&json);
    api_json_open(&json, NULL);
    api_json_list(&json, "envelopes");
    backend->outbox(backend->context, first_day(&query), !query.oldest_first, query.payload, lister.arena, visit,
                    &lister);
    api_json_list_end(&json);
    api_json_unsigned(&json, "count", lister.count);
    api_json_bool(&json, "more", lister.more);
    api_json_end(&json);
    api_answer(call, 200, &json);
}

/* --- one, with the answers to it --- */

struct replies {
    struct api_json *json;
    const Wire__Header *parent;
    size_t looked_at;
};

static bool visit_reply(void *context, const struct api_inbox_row *row)
{
    struct replies *replies = context;
    const Wire__Reference *about = row->header == NULL ? NULL : row->header->in_reply_to;
    if (about != NULL && about->origin == replies->parent->origin && about->id.len == WIRE_ID_BYTES &&
        memcmp(about->id.data, replies->parent->id.data, WIRE_ID_BYTES) == 0) {
        const struct wire_kind *kind = wire_kind_find(row->header->kind);
        api_json_open(replies->json, NULL);
        api_json_id(replies->json, "id", row->header->id.data);
        api_json_number_text(replies->json, "number", api_number_of(row->header));
        api_json_text(replies->json, "kind", kind == NULL ? NULL : kind->name);
        api_json_region(replies->json, row->header->origin);
        api_json_time(replies->json, "arrived", row->inbox->arrived_ms);
        api_json_end(replies->json);
    }
    return ++replies->looked_at < REPLIES_LOOKED_AT && row->inbox->arrived_ms >= replies->parent->created_ms;
}

static void put_replies(struct api_call *call, struct api_json *json, const Wire__Header *header)
{
    const struct api_backend *backend = &call->api->backend;
    struct replies replies = {.json = json, .parent = header};
    api_json_list(json, "replies");
    backend->inbox(backend->context, 0, true, false, api_arena(call), visit_reply, &replies);
    api_json_list_end(json);
}

void api_get_outbox_one(struct api_call *call)
{
    struct api_outbox_row row = {0};
    struct api_json json;
    bool answered = false;
    if (!api_outbox_find(call, &row))
        return;
    bool reveal = api_reveal(call, api_number_of(row.header), &answered);
    if (answered)
        return;
    api_json_start(&json);
    api_json_open(&json, NULL);
    put_envelope(&json, &row);
    if (api_may(call, API_READERS)) {
        api_json_text(&json, "title", api_payload_title(row.header, row.payload, api_arena(call)));
        api_json_payload(&json, row.header, row.payload, row.payload_status, !reveal, api_arena(call));
    }
    put_replies(call, &json, row.header);
    api_json_end(&json);
    api_answer(call, 200, &json);
}

/* --- evidence --- */

static void answer_evidence(struct api_call *call, const Wire__Header *header, bool inbox)
{
    const struct api_backend *backend = &call->api->backend;
    const char *accept = link_http_header(call->request, "Accept");
    struct wire_bytes file = {0};
    struct api_json json;
    char number[WIRE_NUMBER_TEXT];
    api_audit(call, "evidence", "%s", wire_number_text(api_number_of(header), number));
    enum wire_status status = backend->evidence(backend->context, header->id.data, inbox, api_arena(call), &file);
    if (status != WIRE_OK) {
        api_refuse(call, status, "id", status == WIRE_NOT_FOUND ? "尚无可供核验的凭据（未判定，或已超过保存期）" : "",
                   status == WIRE_NOT_FOUND ? "there is no evidence yet (no verdict), or no more" : "");
        return;
    }
    if (accept != NULL && strstr(accept, "application/x-protobuf") != NULL) {
        api_answer_bytes(call, "application/x-protobuf", file);
        return;
    }
    struct wire_text base64 = {.grow = realloc};
    api_base64(&base64, file.data, file.size);
    api_json_start(&json);
    api_json_open(&json, NULL);
    api_json_id(&json, "id", header->id.data);
    api_json_number_text(&json, "number", api_number_of(header));
    api_json_text(&json, "type", "application/x-protobuf");
    api_json_bytes(&json, "evidence", base64.size ? base64.data : "", base64.size);
    api_json_end(&json);
    free(base64.data);
    api_answer(call, 200, &json);
}

void api_get_outbox_evidence(struct api_call *call)
{
    struct api_outbox_row row = {0};
    if (api_outbox_find(call, &row))
        answer_evidence(call, row.header, false);
}

void api_get_inbox_evidence(struct api_call *call)
{
    struct api_inbox_row row = {0};
    if (!api_inbox_find(call, &row))
        return;
    if (row.header == NULL || row.header->id.len != WIRE_ID_BYTES) {
        api_refuse(call, WIRE_UNREADABLE, "id", "信头无法读取", "its header cannot be read");
        return;
    }
    answer_evidence(call, row.header, true);
}
