/* An envelope on its way to the queue: header, payload checked and encoded, the node's own rules asked. */
#include "node/api/inside.h"
#include "wire/kind.h"
#include "wire/lane.h"
#include "wire/time.h"
#include "wire/unit.h"

enum { KEEP_WITHOUT_RULE_DAYS = 28 };

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

static void put_id(struct api *api, Wire__Header *header, const uint8_t *id, struct wire_arena *arena)
{
    uint8_t random[10];
    header->id.data = wire_arena_take(arena, WIRE_ID_BYTES);
    header->id.len = header->id.data == NULL ? 0 : WIRE_ID_BYTES;
    if (header->id.data == NULL)
        return;
    if (id != NULL) {
        memcpy(header->id.data, id, WIRE_ID_BYTES);
        return;
    }
    api->backend.random(random, sizeof random);
    wire_id_make(header->created_ms, random, header->id.data);
}

void api_form_start(struct api *api, struct api_form *form, const struct wire_kind *kind, uint32_t unit,
                    const uint8_t *id, struct wire_arena *arena)
{
    Wire__Header *header = &form->header;
    *form = (struct api_form){.kind = kind};
    wire__header__init(header);
    header->version = WIRE_PROTOCOL_VERSION;
    header->created_ms = api->backend.now_ms(api->backend.context);
    put_id(api, header, id, arena);
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
