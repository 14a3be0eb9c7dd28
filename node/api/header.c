/* Headers, payloads and decisions as people and programs read them. */
#include "node/api/inside.h"
#include "rules/explain.h"
#include "wire/kind.h"
#include "wire/label.h"
#include "wire/lane.h"
#include "wire/personal.h"
#include "wire/unit.h"

struct wire_number api_number_of(const Wire__Header *header)
{
    return (struct wire_number){.region = header->origin, .date = header->number_date, .serial = header->number_serial};
}

void api_json_addresses(struct api_json *json, const char *key, Wire__Address *const *list, size_t count)
{
    if (count == 0)
        return;
    api_json_list(json, key);
    for (size_t i = 0; i < count; i++) {
        api_json_open(json, NULL);
        api_json_region(json, list[i]->region);
        api_json_unit(json, list[i]->has_unit ? list[i]->unit : WIRE_UNIT_NONE);
        api_json_end(json);
    }
    api_json_list_end(json);
}

void api_json_regions(struct api_json *json, const char *key, const uint32_t *list, size_t count)
{
    if (count == 0)
        return;
    api_json_list(json, key);
    for (size_t i = 0; i < count; i++) {
        api_json_open(json, NULL);
        api_json_region(json, list[i]);
        api_json_end(json);
    }
    api_json_list_end(json);
}

static void put_reference(struct api_json *json, const char *key, const Wire__Reference *reference)
{
    if (reference->id.len != WIRE_ID_BYTES)
        return;
    api_json_open(json, key);
    api_json_unsigned(json, "origin", reference->origin);
    api_json_id(json, "id", reference->id.data);
    api_json_end(json);
}

static void put_references(struct api_json *json, const Wire__Header *header)
{
    if (header->n_references > 0) {
        api_json_list(json, "references");
        for (size_t i = 0; i < header->n_references; i++)
            put_reference(json, NULL, header->references[i]);
        api_json_list_end(json);
    }
    if (header->in_reply_to != NULL)
        put_reference(json, "in_reply_to", header->in_reply_to);
}

static void put_kind(struct api_json *json, uint32_t number)
{
    const struct wire_kind *kind = wire_kind_find(number);
    if (kind == NULL) {
        api_json_unsigned(json, "kind", number);
        return;
    }
    api_json_text(json, "kind", kind->name);
    api_json_text(json, "kind_zh", kind->zh);
    api_json_text(json, "kind_en", kind->en);
    api_json_bool(json, "persons", kind->persons);
}

static void put_who(struct api_json *json, const Wire__Header *header)
{
    const struct wire_region *origin = wire_region_find(header->origin);
    api_json_unsigned(json, "origin", header->origin);
    api_json_text(json, "origin_name",
                  origin != NULL                         ? origin->name
                  : header->origin == WIRE_REGION_BROKER ? "交换中心"
                                                         : NULL);
    api_json_open(json, "issuer");
    api_json_region(json, header->issuer_region);
    api_json_unit(json, header->issuer_unit);
    api_json_end(json);
    api_json_addresses(json, "to", header->to, header->n_to);
    api_json_addresses(json, "cc", header->cc, header->n_cc);
    api_json_regions(json, "concerns", header->concerns, header->n_concerns);
}

static void put_when(struct api_json *json, const Wire__Header *header)
{
    api_json_time(json, "created", header->created_ms);
    if (header->has_effective_ms)
        api_json_time(json, "effective", header->effective_ms);
    if (header->has_expires_ms)
        api_json_time(json, "expires", header->expires_ms);
    if (header->has_due_ms)
        api_json_time(json, "due", header->due_ms);
    api_json_day(json, "keep_until", header->keep_until);
}

static void put_grades(struct api_json *json, const Wire__Header *header)
{
    api_json_enum(json, "urgency", &wire__urgency__descriptor, (int)header->urgency);
    if (header->has_severity)
        api_json_enum(json, "severity", &wire__severity__descriptor, (int)header->severity);
    if (header->has_certainty)
        api_json_enum(json, "certainty", &wire__certainty__descriptor, (int)header->certainty);
    if (header->has_progress)
        api_json_enum(json, "progress", &wire__progress__descriptor, (int)header->progress);
    if (header->has_subject_count)
        api_json_unsigned(json, "subject_count", header->subject_count);
    if (header->has_supersedes_count)
        api_json_unsigned(json, "supersedes_count", header->supersedes_count);
}

void api_json_header(struct api_json *json, const Wire__Header *header)
{
    if (header->id.len == WIRE_ID_BYTES)
        api_json_id(json, "id", header->id.data);
    api_json_number_text(json, "number", api_number_of(header));
    put_kind(json, header->kind);
    api_json_text(json, "mechanism", header->mechanism);
    api_json_text(json, "mechanism_reason", header->mechanism_reason);
    api_json_text(json, "lane", wire_lane_name(header->lane));
    /* `test` and `exercise` stand in every list: they can never be taken for the real thing */
    api_json_enum(json, "status", &wire__status__descriptor, (int)header->status);
    api_json_enum(json, "action", &wire__action__descriptor, (int)header->action);
    put_references(json, header);
    api_json_text(json, "incident", header->incident);
    put_who(json, header);
    put_grades(json, header);
    put_when(json, header);
    api_json_bool(json, "sealed", header->form == WIRE__PAYLOAD_FORM__SEALED);
}

/* --- payloads --- */

ProtobufCMessage *api_payload_decode(const Wire__Header *header, struct wire_bytes payload, struct wire_arena *arena)
{
    const struct wire_kind *kind = wire_kind_find(header->kind);
    if (kind == NULL || payload.data == NULL)
        return NULL;
    return protobuf_c_message_unpack(kind->payload, &arena->allocator, payload.size, payload.data);
}

void api_json_payload(struct api_json *json, const Wire__Header *header, struct wire_bytes payload,
                      enum wire_status status, bool redact, struct wire_arena *arena)
{
    size_t mark = wire_arena_mark(arena);
    ProtobufCMessage *message = api_payload_decode(header, payload, arena);
    if (message != NULL) {
        api_json_message(json, "payload", message, redact ? wire_redact_personal() : NULL);
        api_json_bool(json, "masked", redact);
    } else {
        enum wire_status why = status == WIRE_OK ? WIRE_UNREADABLE : status;
        api_json_text(json, "payload_status", wire_status_name(why));
        api_json_text(json, "payload_status_zh", wire_status_text(why, WIRE_CHINESE));
        api_json_text(json, "payload_status_en", wire_status_text(why, WIRE_ENGLISH));
    }
    wire_arena_back(arena, mark);
}

const char *api_payload_title(const Wire__Header *header, struct wire_bytes payload, struct wire_arena *arena)
{
    const ProtobufCMessage *message = api_payload_decode(header, payload, arena);
    if (message == NULL)
        return NULL;
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, "common");
    if (field == NULL || field->descriptor != &wire__common__descriptor || wire_field_count(message, field) == 0)
        return NULL;
    return (*(const Wire__Common *const *)wire_field_at(message, field, 0))->title;
}

/* --- decisions --- */

static void put_recipients(struct api_json *json, const char *key, const struct rules_recipient *list, size_t count)
{
    api_json_list(json, key);
    for (size_t i = 0; i < count; i++) {
        api_json_open(json, NULL);
        api_json_region(json, list[i].region);
        api_json_unit(json, list[i].unit);
        api_json_end(json);
    }
    api_json_list_end(json);
}

static void put_terms(struct api_json *json, const struct rules_decision *decision)
{
    api_json_list(json, "terms");
    for (size_t i = 0; i < decision->term_count; i++) {
        const struct rules_term *term = &decision->term[i];
        const char source[2] = {term->source, '\0'};
        api_json_open(json, NULL);
        api_json_enum(json, "duty", &wire__duty__descriptor, (int)term->duty);
        api_json_unsigned(json, "minutes", term->minutes);
        api_json_bool(json, "office_hours", term->office_hours);
        api_json_text(json, "source", source);
        api_json_end(json);
    }
    api_json_list_end(json);
}

static void put_words(struct api_json *json, const struct rules_policy *policy, const struct api_preview *preview)
{
    static const struct {
        enum wire_language language;
        const char *line, *text;
    } languages[] = {{WIRE_CHINESE, "line_zh", "text_zh"}, {WIRE_ENGLISH, "line_en", "text_en"}};
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) {
        struct wire_text line = {.grow = realloc}, text = {.grow = realloc};
        if (preview->decision->verdict == WIRE_OK)
            rules_explain_line(&line, preview->decision, languages[i].language);
        if (policy != NULL && preview->question != NULL)
            rules_explain_text(&text, policy, preview->question, preview->decision, languages[i].language);
        api_json_text(json, languages[i].line, line.data);
        api_json_text(json, languages[i].text, text.data);
        free(line.data);
        free(text.data);
    }
}

void api_json_preview(struct api_json *json, const struct api_draft *draft, const struct rules_policy *policy,
                      const struct api_preview *preview)
{
    const struct rules_decision *decision = preview->decision;
    const Wire__Header *header = draft->header;
    api_json_open(json, "preview");
    if (header->mechanism != NULL && header->mechanism[0] != '\0') {
        api_json_text(json, "mechanism", header->mechanism);
        api_json_text(json, "lane", wire_lane_name(header->lane));
        api_json_day(json, "keep_until", header->keep_until);
        api_json_bool(json, "sealed", header->form == WIRE__PAYLOAD_FORM__SEALED);
    }
    if (decision != NULL) {
        api_json_text(json, "verdict", decision->verdict == WIRE_OK ? "admitted" : wire_status_name(decision->verdict));
        api_json_text(json, "rule", decision->rule_name);
        api_json_text(json, "detail", decision->detail[0] ? decision->detail : NULL);
        api_json_text(json, "allowed", decision->allowed[0] ? decision->allowed : NULL);
        put_recipients(json, "to", decision->to, decision->to_count);
        put_recipients(json, "cc", decision->cc, decision->cc_count);
        api_json_regions(json, "not_enrolled", decision->not_enrolled, decision->not_enrolled_count);
        put_terms(json, decision);
        if (decision->elsewhere != 0)
            api_json_unsigned(json, "elsewhere", decision->elsewhere);
        put_words(json, policy, preview);
    }
    api_json_end(json);
}
