#include "payload_make.h"
#include "wire/utf8.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

const int64_t payload_now_ms = INT64_C(1581134400000);
const char payload_id_no[] = "990101199003071245";

static void make_common(Wire__Common *out)
{
    wire__common__init(out);
    out->title = "关于协查新冠肺炎病例密切接触者的函";
    out->issuer = "上海市疾病预防控制中心";
    out->doc_no = "沪疾控〔2020〕12号";
    out->drafter = "值班员甲";
    out->approver = "带班领导乙";
    out->has_precedence = 1;
    out->precedence = WIRE__COMMON__PRECEDENCE__EXTRA_URGENT;
    out->has_openness = 1;
    out->openness = WIRE__COMMON__OPENNESS__NOT_PUBLIC;
    out->disease = "新型冠状病毒肺炎";
    out->contact = "应急办值班室 13900000000";
}

static void make_person(Wire__Person *out, uint32_t ref)
{
    wire__person__init(out);
    out->has_ref = 1;
    out->ref = ref;
    out->name = "测试某";
    out->phone = "13800005678";
    out->has_region = 1;
    out->region = 330421;
    out->has_contact_class = 1;
    out->contact_class = WIRE__PERSON__CONTACT_CLASS__CLOSE;
    out->has_last_contact_day = 1;
    out->last_contact_day = 20200205;
}

static void make_journey(struct payload_notice *out)
{
    wire__conveyance__init(&out->conveyance);
    out->conveyance.has_mode = 1;
    out->conveyance.mode = WIRE__CONVEYANCE__MODE__HIGH_SPEED_TRAIN;
    out->conveyance.number = "G7305";
    out->conveyance.has_travel_day = 1;
    out->conveyance.travel_day = 20200204;
    out->conveyance.has_from_region = 1;
    out->conveyance.from_region = 420100;
    out->conveyance.has_to_region = 1;
    out->conveyance.to_region = 330400;
    out->conveyance.has_contacts = 1;
    out->conveyance.contacts = 5;
    out->conveyances[0] = &out->conveyance;
    wire__place__init(&out->place);
    out->place.name = "某农贸市场";
    out->place.has_region = 1;
    out->place.region = 330421;
    out->place.has_from_ms = 1;
    out->place.from_ms = payload_now_ms - INT64_C(3) * 86400000;
    out->place.has_to_ms = 1;
    out->place.to_ms = out->place.from_ms + 3600000;
    out->places[0] = &out->place;
}

Wire__ContactNotice *payload_make_notice(struct payload_notice *out)
{
    Wire__ContactNotice *notice = &out->notice;
    wire__contact_notice__init(notice);
    make_common(&out->common);
    make_journey(out);
    notice->common = &out->common;
    notice->has_type = notice->has_case_class = notice->has_confirmed_day = notice->has_to_check = 1;
    notice->has_observe_until_day = 1;
    notice->type = WIRE__CONTACT_NOTICE__TYPE__NAMED;
    notice->case_no = "0591000001";
    notice->case_class = WIRE__CONTACT_NOTICE__CASE_CLASS__CONFIRMED;
    notice->confirmed_day = 20200206;
    notice->to_check = PAYLOAD_PERSONS;
    notice->observe_until_day = 20200219;
    notice->n_conveyance = notice->n_place = 1;
    notice->conveyance = out->conveyances;
    notice->place = out->places;
    for (uint32_t i = 0; i < PAYLOAD_PERSONS; i++) {
        make_person(&out->person[i], i + 1);
        out->persons[i] = &out->person[i];
    }
    notice->n_person = PAYLOAD_PERSONS;
    notice->person = out->persons;
    out->ask[0] = WIRE__CONTACT_NOTICE__ASK__FIND;
    out->ask[1] = WIRE__CONTACT_NOTICE__ASK__ISOLATE;
    notice->n_ask = 2;
    notice->ask = out->ask;
    return notice;
}

Wire__Outcome *payload_make_outcome(struct payload_outcome *out)
{
    Wire__Outcome *outcome = &out->outcome;
    wire__outcome__init(outcome);
    wire__outcome_counts__init(&out->counts);
    outcome->reply_to_number = "310000-20200207-0012";
    outcome->has_final = 1;
    for (uint32_t i = 0; i < PAYLOAD_PERSONS; i++) {
        wire__person_outcome__init(&out->person[i]);
        out->person[i].has_ref = out->person[i].has_result = out->person[i].has_at_ms = 1;
        out->person[i].ref = i + 1;
        out->person[i].result = WIRE__PERSON_OUTCOME__RESULT__CENTRAL_ISOLATION;
        out->person[i].at_ms = payload_now_ms - 3600000;
        out->persons[i] = &out->person[i];
    }
    outcome->n_person = PAYLOAD_PERSONS;
    outcome->person = out->persons;
    out->counts.has_to_check = out->counts.has_found = out->counts.has_controlled = 1;
    out->counts.has_excluded = out->counts.has_not_found = 1;
    out->counts.to_check = 10;
    out->counts.found = 8;
    out->counts.controlled = 5;
    out->counts.excluded = 3;
    out->counts.not_found = 2;
    return outcome;
}

Wire__MeasureBulletin *payload_make_measure(struct payload_measure *out)
{
    Wire__MeasureBulletin *bulletin = &out->bulletin;
    wire__measure_bulletin__init(bulletin);
    make_common(&out->common);
    bulletin->common = &out->common;
    out->category[0] = WIRE__MEASURE_BULLETIN__CATEGORY__CHECKPOINT;
    out->category[1] = WIRE__MEASURE_BULLETIN__CATEGORY__RETURNING_PEOPLE;
    bulletin->n_category = 2;
    bulletin->category = out->category;
    bulletin->has_action = bulletin->has_effective_ms = bulletin->has_review_day = bulletin->has_stricter = 1;
    bulletin->action = WIRE__MEASURE_BULLETIN__CHANGE__NEW;
    out->region[0] = 310000;
    out->region[1] = 330000;
    bulletin->n_region = 2;
    bulletin->region = out->region;
    out->route[0] = "G60 枫泾检查站";
    bulletin->n_route = 1;
    bulletin->route = out->route;
    bulletin->effective_ms = payload_now_ms;
    bulletin->review_day = 20200222;
    bulletin->summary = "来沪人员在省界道口测温登记，持对方健康观察解除告知单的不再重复隔离。";
    return bulletin;
}

Wire__SupplyRequest *payload_make_supply(struct payload_supply *out)
{
    Wire__SupplyRequest *request = &out->request;
    wire__supply_request__init(request);
    make_common(&out->common);
    request->common = &out->common;
    request->facility = "某县人民医院";
    request->has_partial = request->partial = 1;
    request->has_expires_ms = 1;
    request->expires_ms = payload_now_ms + INT64_C(7) * 86400000;
    for (uint32_t i = 0; i < PAYLOAD_LINES; i++) {
        Wire__SupplyLine *line = &out->line[i];
        wire__supply_line__init(line);
        line->has_line_no = line->has_resource = line->has_quantity_kind = line->has_quantity = 1;
        line->has_needed_day = 1;
        line->line_no = i + 1;
        line->resource = WIRE__SUPPLY_LINE__RESOURCE__SUPPLIES;
        line->item = "医用防护口罩";
        line->specification = "GB 19083-2010";
        line->quantity_kind = WIRE__SUPPLY_LINE__QUANTITY_KIND__EXACT;
        line->quantity = 5000;
        line->unit = "只";
        line->needed_day = 20200215;
        out->lines[i] = line;
    }
    request->n_line = PAYLOAD_LINES;
    request->line = out->lines;
    return request;
}

Wire__RoundBulletin *payload_make_round(struct payload_round *out)
{
    wire__round_bulletin__init(&out->bulletin);
    out->bulletin.mechanism = "zhuhai-macao";
    out->bulletin.round = "10:00";
    out->bulletin.has_closed_ms = 1;
    out->bulletin.closed_ms = payload_now_ms;
    for (uint32_t i = 0; i < 2; i++) {
        wire__round_entry__init(&out->entry[i]);
        out->entry[i].has_region = out->entry[i].has_standing = 1;
        out->entry[i].region = i == 0 ? 440400 : 820000;
        out->entry[i].standing = WIRE__ROUND_ENTRY__STANDING__NIL;
        out->entries[i] = &out->entry[i];
    }
    out->bulletin.n_entry = 2;
    out->bulletin.entry = out->entries;
    return &out->bulletin;
}

void payload_make_acknowledgement(Wire__Acknowledgement *out)
{
    wire__acknowledgement__init(out);
    out->reply_to_number = "310000-20200207-0012";
    out->desk = "嘉善县疾控中心值班席";
    out->officer = "值班员丙";
    out->has_at_ms = 1;
    out->at_ms = payload_now_ms - 60000;
}

const struct wire_kind *payload_kind(const ProtobufCMessage *payload)
{
    for (size_t i = 0; i < wire_kind_count(); i++)
        if (wire_kind_at(i)->payload == payload->descriptor)
            return wire_kind_at(i);
    cr_assert_fail("no kind has this payload");
    return NULL;
}

const struct wire_problem *payload_fails(const ProtobufCMessage *payload, enum wire_status status, const char *where,
                                         const char *zh_path)
{
    static struct wire_problem problem;
    enum wire_status got = payload_kind(payload)->check(payload, payload_now_ms, &problem);
    cr_assert_eq(got, status, "%s at %s: %s", wire_status_name(got), problem.where, problem.en);
    cr_assert_eq(problem.status, status);
    cr_assert_str_eq(problem.where, where, "at %s: %s", problem.where, problem.en);
    char start[256];
    snprintf(start, sizeof start, "%s%s", zh_path, zh_path[0] == '\0' ? "" : "：");
    cr_assert_eq(strncmp(problem.zh, start, strlen(start)), 0, "%s does not start with %s", problem.zh, start);
    cr_assert_gt(strlen(problem.zh), strlen(start) + 6, "no Chinese text: %s", problem.zh);
    cr_assert_gt(strlen(problem.en), 10, "no English text: %s", problem.en);
    cr_assert(wire_utf8_text((const uint8_t *)problem.zh, strlen(problem.zh)));
    cr_assert(wire_utf8_text((const uint8_t *)problem.en, strlen(problem.en)));
    cr_assert_eq(payload_kind(payload)->check(payload, payload_now_ms, NULL), status, "a problem is optional");
    return &problem;
}

void payload_passes(const ProtobufCMessage *payload)
{
    struct wire_problem problem;
    enum wire_status got = payload_kind(payload)->check(payload, payload_now_ms, &problem);
    cr_assert_eq(got, WIRE_OK, "%s at %s: %s %s", wire_status_name(got), problem.where, problem.zh, problem.en);
    cr_assert_str_empty(problem.zh);
    cr_assert_str_empty(problem.en);
}
