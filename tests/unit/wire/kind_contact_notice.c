#include "payload_make.h"
#include <criterion/criterion.h>
#include <string.h>

#define BASE(message) (&(message)->base)

static struct payload_notice made;
static Wire__ContactNotice *notice;

static void make(void)
{
    notice = payload_make_notice(&made);
}

TestSuite(kind_contact_notice, .init = make);

Test(kind_contact_notice, is_immediate_and_counts_persons)
{
    const struct wire_kind *kind = payload_kind(BASE(notice));
    cr_assert_eq(kind->urgency(BASE(notice)), WIRE__URGENCY__IMMEDIATE);
    cr_assert_eq(kind->subjects(BASE(notice)), PAYLOAD_PERSONS);
}

Test(kind_contact_notice, exposure_is_the_latest_of_journeys_places_and_contacts)
{
    const struct wire_kind *kind = payload_kind(BASE(notice));
    cr_assert_eq(kind->exposure_day(BASE(notice)), 20200205);
    made.conveyance.travel_day = 20200207;
    cr_assert_eq(kind->exposure_day(BASE(notice)), 20200207);
    made.place.to_ms = payload_now_ms;
    cr_assert_eq(kind->exposure_day(BASE(notice)), 20200208);
    notice->n_person = notice->n_place = notice->n_conveyance = 0;
    cr_assert_eq(kind->exposure_day(BASE(notice)), 0);
}

Test(kind_contact_notice, every_demanded_field)
{
    struct {
        protobuf_c_boolean *has;
        const char *where, *zh;
    } demanded[] = {
        {&notice->has_type, "type", "协查类型"},
        {&notice->has_case_class, "case_class", "病例类型"},
        {&notice->has_to_check, "to_check", "应查人数"},
        {&notice->has_observe_until_day, "observe_until_day", "观察截止"},
        {&made.conveyance.has_mode, "conveyance[1].mode", "交通[1].交通方式"},
        {&made.person[2].has_ref, "person[3].ref", "人员[3].序号"},
        {&made.person[2].has_region, "person[3].region", "人员[3].去向"},
        {&made.person[2].has_last_contact_day, "person[3].last_contact_day", "人员[3].末次接触"},
    };
    for (size_t i = 0; i < sizeof demanded / sizeof *demanded; i++) {
        *demanded[i].has = 0;
        payload_fails(BASE(notice), WIRE_INVALID, demanded[i].where, demanded[i].zh);
        *demanded[i].has = 1;
    }
    notice->n_ask = 0;
    payload_fails(BASE(notice), WIRE_INVALID, "ask", "请办事项");
    notice->n_ask = 2;
    notice->case_no = NULL;
    payload_fails(BASE(notice), WIRE_INVALID, "case_no", "病例编号");
}

Test(kind_contact_notice, a_case_number_is_no_name_and_no_identity)
{
    notice->case_no = "测试某";
    payload_fails(BASE(notice), WIRE_INVALID, "case_no", "病例编号");
    notice->case_no = "990101199003071245";
    payload_fails(BASE(notice), WIRE_INVALID, "case_no", "病例编号");
    notice->case_no = "沪2020-017";
    payload_passes(BASE(notice));
}

Test(kind_contact_notice, a_case_without_a_day_of_confirmation_is_suspected)
{
    notice->has_confirmed_day = 0;
    const struct wire_problem *problem = payload_fails(BASE(notice), WIRE_INVALID, "confirmed_day", "确诊日期");
    cr_assert_not_null(strstr(problem->zh, "疑似"));
    notice->case_class = WIRE__CONTACT_NOTICE__CASE_CLASS__SUSPECTED;
    payload_passes(BASE(notice));
    notice->has_confirmed_day = 1;
    payload_fails(BASE(notice), WIRE_INVALID, "case_class", "病例类型");
    notice->case_class = WIRE__CONTACT_NOTICE__CASE_CLASS__ASYMPTOMATIC;
    payload_passes(BASE(notice));
}

Test(kind_contact_notice, each_type_brings_its_substance)
{
    notice->n_person = 0;
    payload_fails(BASE(notice), WIRE_INVALID, "person", "人员");
    notice->type = WIRE__CONTACT_NOTICE__TYPE__SAME_CONVEYANCE;
    payload_passes(BASE(notice));
    notice->n_conveyance = 0;
    payload_fails(BASE(notice), WIRE_INVALID, "conveyance", "交通");
    notice->type = WIRE__CONTACT_NOTICE__TYPE__SAME_PLACE;
    payload_passes(BASE(notice));
    notice->n_place = 0;
    payload_fails(BASE(notice), WIRE_INVALID, "place", "场所");
    notice->type = WIRE__CONTACT_NOTICE__TYPE__CASE_JOURNEY;
    payload_fails(BASE(notice), WIRE_INVALID, "conveyance", "交通");
    notice->n_conveyance = 1;
    notice->has_to_check = 0; /* a journey alone asks for nobody in particular */
    payload_passes(BASE(notice));
}

Test(kind_contact_notice, several_journeys_of_one_case_are_one_notice)
{
    Wire__Conveyance second = made.conveyance, third = made.conveyance;
    Wire__Conveyance *journeys[] = {&made.conveyance, &second, &third};
    second.travel_day = 20200201;
    third.has_travel_day = 0;
    third.has_travel_day_unstated = third.travel_day_unstated = 1;
    third.mode = WIRE__CONVEYANCE__MODE__UNKNOWN;
    notice->conveyance = journeys;
    notice->n_conveyance = 3;
    payload_passes(BASE(notice));
    third.to_region = 990000;
    payload_fails(BASE(notice), WIRE_UNKNOWN_REGION, "conveyance[3].to_region", "交通[3].到达地");
}

Test(kind_contact_notice, no_more_persons_than_are_to_be_found)
{
    notice->to_check = PAYLOAD_PERSONS - 1;
    payload_fails(BASE(notice), WIRE_INVALID, "to_check", "应查人数");
    notice->to_check = PAYLOAD_PERSONS + 40;
    payload_passes(BASE(notice));
}

Test(kind_contact_notice, for_information_stands_alone)
{
    made.ask[1] = WIRE__CONTACT_NOTICE__ASK__INFORM_ONLY;
    payload_fails(BASE(notice), WIRE_INVALID, "ask", "请办事项");
    made.ask[0] = WIRE__CONTACT_NOTICE__ASK__INFORM_ONLY;
    notice->n_ask = 1;
    payload_passes(BASE(notice));
}

Test(kind_contact_notice, times_follow_one_another)
{
    made.conveyance.has_departed_ms = made.conveyance.has_arrived_ms = 1;
    made.conveyance.departed_ms = payload_now_ms - INT64_C(4) * 86400000;
    made.conveyance.arrived_ms = made.conveyance.departed_ms + 3600000;
    payload_passes(BASE(notice));
    made.conveyance.arrived_ms = made.conveyance.departed_ms - 1;
    payload_fails(BASE(notice), WIRE_INVALID, "conveyance[1].arrived_ms", "交通[1].到达时间");
    made.conveyance.has_arrived_ms = 0;
    made.conveyance.departed_ms += 86400000;
    payload_fails(BASE(notice), WIRE_INVALID, "conveyance[1].departed_ms", "交通[1].出发时间");
    made.conveyance.has_departed_ms = 0;
    made.place.to_ms = made.place.from_ms - 1;
    payload_fails(BASE(notice), WIRE_INVALID, "place[1].to_ms", "场所[1].离开时间");
}

Test(kind_contact_notice, observation_ends_after_exposure)
{
    notice->observe_until_day = 20200204;
    const struct wire_problem *problem = payload_fails(BASE(notice), WIRE_INVALID, "observe_until_day", "观察截止");
    cr_assert_not_null(strstr(problem->zh, "2020-02-05"));
    notice->observe_until_day = 20200205;
    payload_passes(BASE(notice));
}

Test(kind_contact_notice, references_are_unique)
{
    made.person[2].ref = 1;
    payload_fails(BASE(notice), WIRE_INVALID, "person[3].ref", "人员[3].序号");
}
