/* A request's JSON → header and payload, checked; then the node's own rules. */
#include "link/json.h"
#include "node/api/inside.h"
#include "rules/explain.h"
#include "wire/kind.h"
#include "wire/label.h"
#include "wire/lane.h"
#include "wire/region.h"
#include "wire/time.h"
#include "wire/unit.h"
#include <stdio.h>

enum { KEEP_WITHOUT_RULE_DAYS = 28, INCIDENT_CHARACTERS_MAX = 60 };

/* --- starting, encoding --- */

uint32_t api_kind_unit(uint32_t kind)
{
    switch (kind) {
    case WIRE_KIND_CONTACT_NOTICE:
    case WIRE_KIND_OUTCOME:
        return WIRE_UNIT_CDC;
    case WIRE_KIND_SUPPLY_REQUEST:
        return WIRE_UNIT_LOGISTICS;
    default:
        return WIRE_UNIT_COMMAND;
    }
}

void api_form_start(struct api *api, struct api_form *form, const struct wire_kind *kind, uint32_t unit,
                    struct wire_arena *arena)
{
    uint8_t random[10];
    Wire__Header *header = &form->header;
    *form = (struct api_form){.kind = kind};
    wire__header__init(header);
    header->version = WIRE_PROTOCOL_VERSION;
    header->created_ms = api->backend.now_ms(api->backend.context);
    header->id.data = wire_arena_take(arena, WIRE_ID_BYTES);
    header->id.len = header->id.data == NULL ? 0 : WIRE_ID_BYTES;
    api->backend.random(random, sizeof random);
    if (header->id.data != NULL)
        wire_id_make(header->created_ms, random, header->id.data);
    header->origin = header->issuer_region = api->region;
    header->issuer_unit = unit != WIRE_UNIT_NONE ? unit : api_kind_unit(kind->number);
    header->kind = kind->number;
    header->mechanism = NULL;
    form->draft.header = header;
    form->draft.choose_mechanism = true;
}

/* The last day it is about, for retention by validity. What is over already counts from today, not from then. */
static uint32_t valid_until(const ProtobufCMessage *payload, int64_t now_ms)
{
    uint32_t until = 0;
    if (payload->descriptor == &wire__measure_bulletin__descriptor) {
        const Wire__MeasureBulletin *bulletin = (const Wire__MeasureBulletin *)payload;
        until = bulletin->has_ends_day ? bulletin->ends_day : bulletin->has_review_day ? bulletin->review_day : 0;
    } else if (payload->descriptor == &wire__supply_request__descriptor) {
        const Wire__SupplyRequest *request = (const Wire__SupplyRequest *)payload;
        until = request->has_expires_ms ? wire_day_of(request->expires_ms) : 0;
    }
    uint32_t today = wire_day_of(now_ms);
    return until != 0 && until < today ? today : until;
}

enum wire_status api_form_encode(struct api *api, struct api_form *form, struct wire_arena *arena,
                                 struct wire_problem *problem)
{
    Wire__Header *header = &form->header;
    const struct wire_kind *kind = form->kind;
    header->urgency = kind->urgency(form->payload);
    header->subject_count = kind->subjects(form->payload);
    header->has_subject_count = header->subject_count > 0;
    form->draft.last_exposure = kind->exposure_day(form->payload);
    form->draft.valid_until = valid_until(form->payload, api->backend.now_ms(api->backend.context));
    size_t size = protobuf_c_message_get_packed_size(form->payload);
    if (size > WIRE_ENVELOPE_BYTES_MAX)
        return wire_failf(problem, WIRE_OVER_BUDGET, "payload", "内容 %zu 字节，超过 %d 字节的上限，请分成几份",
                          "the payload has %zu bytes, more than the limit of %d; split it", size,
                          (int)WIRE_ENVELOPE_BYTES_MAX);
    uint8_t *bytes = wire_arena_take(arena, size + 1);
    if (bytes == NULL || header->id.data == NULL)
        return wire_fail(problem, WIRE_NO_MEMORY, "payload", "内容过大，请分成几份",
                         "the payload is too large; split it");
    form->draft.payload = wire_bytes(bytes, protobuf_c_message_pack(form->payload, bytes));
    return WIRE_OK;
}

enum wire_status api_form_payload(struct api *api, struct api_form *form, struct wire_arena *arena,
                                  struct wire_problem *problem)
{
    struct wire_problem found = {0};
    enum wire_status status = form->kind->check(form->payload, api->backend.now_ms(api->backend.context), &found);
    if (status != WIRE_OK) {
        *problem = found;
        return status;
    }
    form->remark = found;
    return api_form_encode(api, form, arena, problem);
}

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

enum wire_status api_form_answers(struct api_form *form, const Wire__Header *parent, struct wire_arena *arena)
{
    Wire__Header *header = &form->header;
    Wire__Reference *reference = wire_arena_take(arena, sizeof *reference);
    uint8_t *id = wire_arena_copy(arena, parent->id.data, WIRE_ID_BYTES);
    if (reference == NULL || id == NULL)
        return WIRE_NO_MEMORY;
    wire__reference__init(reference);
    reference->origin = parent->origin;
    reference->id = (ProtobufCBinaryData){.len = WIRE_ID_BYTES, .data = id};
    header->in_reply_to = reference;
    if (!form->kind->reply)
        return WIRE_OK;
    header->status = parent->status;
    header->mechanism = wire_arena_text(arena, parent->mechanism, strlen(parent->mechanism));
    form->draft.choose_mechanism = false;
    if (form->kind->persons) {
        header->concerns = wire_arena_copy(arena, &parent->origin, sizeof parent->origin);
        header->n_concerns = header->concerns == NULL ? 0 : 1;
    }
    return arena->exhausted ? WIRE_NO_MEMORY : WIRE_OK;
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
    api_form_start(call->api, form, kind, call->unit, r.arena);
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

/* --- the node's rules --- */

/* The mechanism to be refused under when the rules found none: the widest in force that this node is a member of, else
 * the widest there is. */
static const struct rules_mechanism *widest(const struct rules_policy *policy, uint32_t region, int64_t now_ms)
{
    const struct rules_mechanism *best = NULL;
    bool best_ours = false;
    for (uint32_t i = 0; i < rules_policy_count(policy); i++) {
        const struct rules_mechanism *mechanism = rules_policy_at(policy, i);
        bool ours = rules_is_member(policy, i, region) && rules_in_force(mechanism, now_ms);
        if (best == NULL || ours > best_ours || (ours == best_ours && mechanism->member_count > best->member_count)) {
            best = mechanism;
            best_ours = ours;
        }
    }
    return best;
}

/* What the rules left open when they refused, so that the header is one the broker can judge. */
static bool complete(struct api *api, struct api_form *form, const struct api_preview *preview,
                     struct wire_arena *arena)
{
    Wire__Header *header = &form->header;
    const struct rules_policy *policy = api->backend.policy(api->backend.context);
    if (header->mechanism == NULL && policy != NULL) {
        uint32_t found = preview->decision == NULL ? (uint32_t)RULES_NONE : preview->decision->mechanism;
        const struct rules_mechanism *mechanism = rules_policy_at(policy, found);
        if (mechanism == NULL)
            mechanism = widest(policy, api->region, header->created_ms);
        if (mechanism != NULL)
            header->mechanism = wire_arena_text(arena, mechanism->id, strlen(mechanism->id));
    }
    if (header->mechanism == NULL || header->mechanism[0] == '\0')
        return false;
    bool ruled = preview->decision != NULL && preview->decision->rule != 0;
    header->lane = ruled ? preview->decision->lane : WIRE__LANE__ROUTINE;
    if (header->keep_until == 0)
        header->keep_until = wire_day_add(wire_day_of(header->created_ms), KEEP_WITHOUT_RULE_DAYS);
    if (form->kind->persons && header->action != WIRE__ACTION__CANCEL)
        header->form = WIRE__PAYLOAD_FORM__SEALED;
    form->draft.choose_mechanism = false;
    return true;
}

/* A lane or a day that the caller asked for and the rules do not give. */
static enum wire_status check_asked(struct api_form *form, Wire__Lane asked, struct wire_problem *problem)
{
    Wire__Header *header = &form->header;
    if (form->lane_asked && header->lane != asked)
        return wire_failf(problem, WIRE_WRONG_LANE, "lane", "规则规定的通道是 %s，请删去此项",
                          "the rule sets the lane %s; leave it out", wire_lane_name(header->lane));
    if (form->keep_asked == 0)
        return WIRE_OK;
    if (form->keep_asked > header->keep_until)
        return wire_failf(problem, WIRE_KEEP_TOO_LONG, "keep_until", "规则最长保存至 %u",
                          "the rule keeps it until %u at most", header->keep_until);
    header->keep_until = form->keep_asked;
    return WIRE_OK;
}

enum wire_status api_form_preview(struct api *api, struct api_form *form, struct wire_arena *arena,
                                  struct api_preview *preview, bool *can_queue, struct wire_problem *problem)
{
    Wire__Lane asked = form->header.lane;
    *preview = (struct api_preview){0};
    *problem = (struct wire_problem){0};
    *can_queue = false;
    enum wire_status status = api->backend.preview(api->backend.context, &form->draft, arena, preview, problem);
    if (status == WIRE_OK)
        return check_asked(form, asked, problem);
    problem->status = status;
    *can_queue = status != WIRE_NO_POLICY && complete(api, form, preview, arena);
    form->draft.anyway = *can_queue;
    return status;
}
