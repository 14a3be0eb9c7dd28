/* A request's members → header and payload: strictly, each failure naming its member. */
#include "link/json.h"
#include "node/api/inside.h"
#include "wire/kind.h"
#include "wire/label.h"
#include "wire/region.h"
#include "wire/time.h"
#include "wire/unit.h"
#include <stdio.h>

enum { INCIDENT_CHARACTERS_MAX = 60 };

/* --- members of a request --- */

struct reader {
    struct api_call *call;
    const json_t *body;
    struct api_form *form;
    struct wire_arena *arena;
    struct wire_problem *problem;
    enum wire_status status; /* the first failure; nothing is read after it */
};

static void fail(struct reader *r, enum wire_status status, const char *where, const char *zh, const char *en)
{
    if (r->status == WIRE_OK)
        r->status = wire_fail(r->problem, status, where, zh, en);
}

static const json_t *member(struct reader *r, const char *key)
{
    return r->status == WIRE_OK ? json_object_get(r->body, key) : NULL;
}

static char *read_text(struct reader *r, const char *key, size_t characters)
{
    const char *text = NULL;
    if (r->status == WIRE_OK)
        r->status = api_text_member(r->body, key, characters, &text, r->problem);
    if (r->status != WIRE_OK || text == NULL || text[0] == '\0')
        return NULL;
    char *copied = wire_arena_text(r->arena, text, strlen(text));
    if (copied == NULL)
        fail(r, WIRE_NO_MEMORY, key, "", "");
    return copied;
}

static bool read_word(struct reader *r, const char *key, const ProtobufCEnumDescriptor *type, int *out)
{
    const json_t *value = member(r, key);
    if (value == NULL)
        return false;
    if (json_is_string(value) && wire_enum_parse(type, json_string_value(value), json_string_length(value), out))
        return true;
    fail(r, WIRE_INVALID, key, "取值不在可选范围内，见接口说明",
         "is not one of the choices; see the API's description");
    return false;
}

static bool read_time(struct reader *r, const char *key, int64_t *out)
{
    const json_t *value = member(r, key);
    if (value == NULL)
        return false;
    if (json_is_string(value) && wire_time_parse(json_string_value(value), json_string_length(value), out))
        return true;
    fail(r, WIRE_INVALID, key, "应为日期或时间，如 2020-02-07 或 2020-02-07 10:00",
         "should be a day or time, like 2020-02-07 or 2020-02-07 10:00");
    return false;
}

static bool region_text(const char *text, uint32_t *out)
{
    *out = wire_region_parse(text, strlen(text));
    if (*out == 0)
        *out = wire_region_by_name(text, 0);
    return *out != 0;
}

bool api_region_value(const json_t *value, uint32_t *out)
{
    if (json_is_string(value))
        return region_text(json_string_value(value), out);
    json_int_t number = json_integer_value(value);
    *out = (uint32_t)number;
    return json_is_integer(value) && number >= 100000 && number <= 999999;
}

static bool unit_value(const json_t *value, uint32_t *out)
{
    *out = json_is_string(value) ? wire_unit_parse(json_string_value(value)) : 0;
    return *out != WIRE_UNIT_NONE;
}

/* {"region": 330300, "unit": "cdc"}, or "330300/cdc", "330300", 330300. */
static bool read_who(const json_t *value, uint32_t *region, uint32_t *unit)
{
    *unit = WIRE_UNIT_NONE;
    if (json_is_object(value)) {
        const json_t *named = json_object_get(value, "unit");
        return (named == NULL || unit_value(named, unit)) && api_region_value(json_object_get(value, "region"), region);
    }
    const char *slash = json_is_string(value) ? strchr(json_string_value(value), '/') : NULL;
    if (slash == NULL)
        return api_region_value(value, region);
    char text[64];
    int size = (int)(slash - json_string_value(value));
    if (size >= (int)sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s", size, json_string_value(value));
    *unit = wire_unit_parse(slash + 1);
    return *unit != WIRE_UNIT_NONE && region_text(text, region);
}

static void refuse_who(struct reader *r, const char *key, size_t at)
{
    char where[40];
    snprintf(where, sizeof where, "%s[%zu]", key, at);
    fail(r, WIRE_UNKNOWN_REGION, where,
         "不认识的地区或单位：地区写六位代码或全国唯一的名称，单位如 cdc，例如 330300/cdc",
         "no such region or unit: give six digits or a name that only one region bears, and a unit like cdc, e.g. "
         "330300/cdc");
}

/* A list, or one value in place of it. */
static size_t list_size(const json_t *value)
{
    return value == NULL ? 0 : json_is_array(value) ? json_array_size(value) : 1;
}

static const json_t *list_at(const json_t *value, size_t at)
{
    return json_is_array(value) ? json_array_get(value, at) : value;
}

static bool list_fits(struct reader *r, const char *key, size_t count, size_t max)
{
    if (count <= max)
        return true;
    fail(r, WIRE_INVALID, key, "列得太多（收件至多 64 项，引用至多 16 项）",
         "holds too many entries (64 addressees, 16 references at most)");
    return false;
}

static void read_addresses(struct reader *r, const char *key, Wire__Address ***out, size_t *out_count)
{
    const json_t *list = member(r, key);
    size_t count = list_size(list);
    if (count == 0 || !list_fits(r, key, count, WIRE_ADDRESSES_MAX))
        return;
    Wire__Address **addresses = wire_arena_take(r->arena, count * sizeof *addresses);
    Wire__Address *entries = wire_arena_take(r->arena, count * sizeof *entries);
    if (addresses == NULL || entries == NULL) {
        fail(r, WIRE_NO_MEMORY, key, "", "");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        wire__address__init(&entries[i]);
        addresses[i] = &entries[i];
        if (!read_who(list_at(list, i), &entries[i].region, &entries[i].unit)) {
            refuse_who(r, key, i);
            return;
        }
        entries[i].has_unit = entries[i].unit != WIRE_UNIT_NONE;
    }
    *out = addresses;
    *out_count = count;
}

static void read_concerns(struct reader *r)
{
    const json_t *list = member(r, "concerns");
    Wire__Header *header = &r->form->header;
    size_t count = list_size(list);
    if (count == 0 || !list_fits(r, "concerns", count, WIRE_ADDRESSES_MAX))
        return;
    header->concerns = wire_arena_take(r->arena, count * sizeof *header->concerns);
    if (header->concerns == NULL) {
        fail(r, WIRE_NO_MEMORY, "concerns", "", "");
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (!api_region_value(list_at(list, i), &header->concerns[i])) {
            refuse_who(r, "concerns", i);
            return;
        }
    header->n_concerns = count;
}

static void read_issuer(struct reader *r)
{
    const json_t *value = member(r, "issuer");
    uint32_t region = 0, unit = WIRE_UNIT_NONE;
    if (value == NULL)
        return;
    if (json_is_object(value) && json_object_get(value, "region") == NULL) {
        if (!unit_value(json_object_get(value, "unit"), &unit))
            fail(r, WIRE_UNKNOWN_UNIT, "issuer.unit", "没有这个单位，应如 cdc",
                 "there is no such unit; they are like cdc");
    } else if (!read_who(value, &region, &unit)) {
        fail(r, WIRE_UNKNOWN_REGION, "issuer", "不认识的地区或单位，应如 330300/cdc",
             "no such region or unit; it is like 330300/cdc");
    }
    if (region != 0)
        r->form->header.issuer_region = region;
    if (unit != WIRE_UNIT_NONE)
        r->form->header.issuer_unit = unit;
}

/* --- what it refers to --- */

static Wire__Reference *make_reference(struct reader *r, uint32_t origin, const uint8_t *id)
{
    Wire__Reference *reference = wire_arena_take(r->arena, sizeof *reference);
    uint8_t *copied = wire_arena_copy(r->arena, id, WIRE_ID_BYTES);
    if (reference == NULL || copied == NULL) {
        fail(r, WIRE_NO_MEMORY, "references", "", "");
        return NULL;
    }
    wire__reference__init(reference);
    reference->origin = origin;
    reference->id = (ProtobufCBinaryData){.len = WIRE_ID_BYTES, .data = copied};
    return reference;
}

/* One of ours, by id or number, or {"origin", "id"} of anybody's. */
static Wire__Reference *read_reference(struct reader *r, const json_t *value)
{
    const struct api_backend *backend = &r->call->api->backend;
    struct api_outbox_row row = {0};
    struct api_name name;
    uint32_t origin;
    const char *text = json_string_value(json_is_object(value) ? json_object_get(value, "id") : value);
    if (text == NULL || !api_name_parse(text, &name)) {
        fail(r, WIRE_INVALID, "references", "应为信息编号或标识", "should be the number of a notice or its id");
        return NULL;
    }
    if (json_is_object(value) && name.by_id && api_region_value(json_object_get(value, "origin"), &origin))
        return make_reference(r, origin, name.id);
    if (backend->outbox_one(backend->context, name.by_id ? name.id : NULL, &name.number, r->arena, &row) != WIRE_OK) {
        fail(r, WIRE_NOT_FOUND, "references", "发件中没有所引用的信息，请核对编号",
             "the outbox does not hold what is referred to; check the number");
        return NULL;
    }
    return make_reference(r, row.header->origin, row.header->id.data);
}

static void read_references(struct reader *r)
{
    const json_t *list = member(r, "references");
    Wire__Header *header = &r->form->header;
    size_t count = list_size(list);
    bool needed = header->action != WIRE__ACTION__ISSUE;
    if (count == 0 && needed)
        fail(r, WIRE_INVALID, "references", "更新或撤销须引用原件",
             "an update or cancel needs the notice that it names");
    if (count == 0 || !list_fits(r, "references", count, WIRE_REFERENCES_MAX))
        return;
    header->references = wire_arena_take(r->arena, count * sizeof *header->references);
    for (size_t i = 0; header->references != NULL && r->status == WIRE_OK && i < count; i++) {
        header->references[i] = read_reference(r, list_at(list, i));
        header->n_references = r->status == WIRE_OK ? i + 1 : i;
    }
}

static void read_parent(struct reader *r)
{
    const struct api_backend *backend = &r->call->api->backend;
    const json_t *value = member(r, "in_reply_to");
    struct api_inbox_row row = {0};
    struct api_name name;
    if (value == NULL) {
        if (r->form->kind->reply)
            fail(r, WIRE_INVALID, "in_reply_to", "签收和反馈须写明所答复的信息",
                 "an acknowledgement or outcome needs what it answers");
        return;
    }
    const char *text = json_string_value(json_is_object(value) ? json_object_get(value, "id") : value);
    if (text == NULL || !api_name_parse(text, &name))
        fail(r, WIRE_INVALID, "in_reply_to", "应为信息编号或标识", "should be the number of a notice or its id");
    else if (backend->inbox_one(backend->context, name.by_id ? name.id : NULL, &name.number, r->arena, &row) !=
                 WIRE_OK ||
             row.header == NULL)
        fail(r, WIRE_NOT_FOUND, "in_reply_to", "收件中没有所答复的信息，请核对编号",
             "the inbox does not hold what is answered; check the number");
    else if (api_form_answers(r->form, row.header, r->arena) != WIRE_OK)
        fail(r, WIRE_NO_MEMORY, "in_reply_to", "", "");
}

/* --- the rest of the header --- */

static void read_mechanism(struct reader *r)
{
    Wire__Header *header = &r->form->header;
    char *mechanism = read_text(r, "mechanism", WIRE_MECHANISM_BYTES_MAX);
    header->mechanism_reason = read_text(r, "mechanism_reason", API_REASON_CHARACTERS_MAX);
    if (mechanism == NULL)
        return;
    if (strspn(mechanism, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(mechanism))
        fail(r, WIRE_INVALID, "mechanism", "应为机制代号，如 yangtze-delta",
             "should be a mechanism's id, like yangtze-delta");
    header->mechanism = mechanism;
    r->form->draft.choose_mechanism = false;
}

static void read_grades(struct reader *r)
{
    Wire__Header *header = &r->form->header;
    int value;
    if (read_word(r, "status", &wire__status__descriptor, &value))
        header->status = (Wire__Status)value;
    if (read_word(r, "action", &wire__action__descriptor, &value))
        header->action = (Wire__Action)value;
    header->has_severity = read_word(r, "severity", &wire__severity__descriptor, &value);
    header->severity = header->has_severity ? (Wire__Severity)value : header->severity;
    header->has_certainty = read_word(r, "certainty", &wire__certainty__descriptor, &value);
    header->certainty = header->has_certainty ? (Wire__Certainty)value : header->certainty;
    header->has_progress = read_word(r, "progress", &wire__progress__descriptor, &value);
    header->progress = header->has_progress ? (Wire__Progress)value : header->progress;
    r->form->lane_asked = read_word(r, "lane", &wire__lane__descriptor, &value);
    header->lane = r->form->lane_asked ? (Wire__Lane)value : header->lane;
    header->incident = read_text(r, "incident", INCIDENT_CHARACTERS_MAX);
}

static void read_times(struct reader *r)
{
    Wire__Header *header = &r->form->header;
    int64_t keep = 0;
    header->has_effective_ms = read_time(r, "effective", &header->effective_ms);
    header->has_expires_ms = read_time(r, "expires", &header->expires_ms);
    header->has_due_ms = read_time(r, "due", &header->due_ms);
    if (read_time(r, "keep_until", &keep))
        r->form->keep_asked = wire_day_of(keep);
}

/* Urgency follows from the payload; one that contradicts it is a mistake somewhere. */
static void check_urgency(struct reader *r)
{
    int asked;
    if (read_word(r, "urgency", &wire__urgency__descriptor, &asked) && asked != (int)r->form->header.urgency)
        fail(r, WIRE_INVALID, "urgency", "与内容不符：紧迫程度由内容决定，请删去此项",
             "does not fit the payload: urgency follows from what the payload says; leave it out");
}

static void read_payload(struct reader *r)
{
    const json_t *value = member(r, "payload");
    if (r->status != WIRE_OK)
        return;
    if (!json_is_object(value)) {
        fail(r, WIRE_INVALID, "payload", "必填项缺失，请填写内容", "is required and missing; fill in the payload");
        return;
    }
    r->form->payload = link_json_value_to_message(r->form->kind->payload, value, r->arena, true, r->problem);
    r->status =
        r->form->payload == NULL ? r->problem->status : api_form_payload(r->call->api, r->form, r->arena, r->problem);
}

static const struct wire_kind *read_kind(struct reader *r)
{
    const json_t *value = json_object_get(r->body, "kind");
    const struct wire_kind *kind = json_is_string(value) ? wire_kind_by_name(json_string_value(value)) : NULL;
    if (kind == NULL)
        fail(r, WIRE_UNKNOWN_KIND, "kind", "没有这种信息，应如 contact-notice、measure-bulletin、supply-request",
             "there is no such kind; they are like contact-notice, measure-bulletin, supply-request");
    else if (kind->brokers)
        fail(r, WIRE_UNKNOWN_KIND, "kind", "此类信息只由交换中心发出", "only the broker sends this kind");
    else if (kind->number != WIRE_KIND_SUPPLY_REQUEST && !api_may(r->call, API_DUTY))
        fail(r, WIRE_NOT_PERMITTED, "kind", "物资岗位只能发布物资类信息",
             "logistics may publish kinds of supplies only");
    return r->status == WIRE_OK ? kind : NULL;
}

static void check_region_count(struct reader *r)
{
    const Wire__Header *header = &r->form->header;
    if (r->form->kind->persons && header->action != WIRE__ACTION__CANCEL && header->n_concerns != 1)
        fail(r, WIRE_ONE_REGION, "concerns", "涉及个人的信息须写明一个、且只能一个关联地区；多个地区请分开发",
             "a kind with persons concerns exactly one region; send one notice a region");
}

enum wire_status api_form_read(struct api_call *call, const json_t *body, struct api_form *form,
                               struct wire_problem *problem)
{
    struct reader r = {.call = call, .body = body, .form = form, .arena = api_arena(call), .problem = problem};
    const struct wire_kind *kind = read_kind(&r);
    if (kind == NULL)
        return r.status;
    api_form_start(call->api, form, kind, call->unit, NULL, r.arena);
    read_issuer(&r);
    read_mechanism(&r);
    read_grades(&r);
    read_times(&r);
    read_addresses(&r, "to", &form->header.to, &form->header.n_to);
    read_addresses(&r, "cc", &form->header.cc, &form->header.n_cc);
    read_concerns(&r);
    read_references(&r);
    read_parent(&r);
    read_payload(&r);
    check_urgency(&r);
    check_region_count(&r);
    return r.status;
}
