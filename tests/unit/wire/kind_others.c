/* outcome, acknowledgement, measure-bulletin, supply-request and the broker's own. */
#include "payload_make.h"
#include <criterion/criterion.h>
#include <string.h>

#define BASE(message) (&(message)->base)

/* --- outcome --- */

Test(kind_outcome, is_by_person_or_by_count)
{
    struct payload_outcome made;
    Wire__Outcome *outcome = payload_make_outcome(&made);
    cr_assert_eq(payload_kind(BASE(outcome))->subjects(BASE(outcome)), PAYLOAD_PERSONS);
    outcome->counts = &made.counts;
    payload_fails(BASE(outcome), WIRE_INVALID, "counts", "人数");
    outcome->n_person = 0;
    payload_passes(BASE(outcome));
    outcome->counts = NULL;
    payload_fails(BASE(outcome), WIRE_INVALID, "person", "人员");
}

Test(kind_outcome, counts_add_up)
{
    struct payload_outcome made;
    Wire__Outcome *outcome = payload_make_outcome(&made);
    outcome->n_person = 0;
    outcome->counts = &made.counts;
    made.counts.not_found = 3;
    payload_fails(BASE(outcome), WIRE_INVALID, "counts.to_check", "人数.应查");
    made.counts.not_found = 2;
    made.counts.excluded = 4;
    payload_fails(BASE(outcome), WIRE_INVALID, "counts.found", "人数.查到");
    made.counts.excluded = 3;
    made.counts.has_controlled = 0;
    payload_fails(BASE(outcome), WIRE_INVALID, "counts.controlled", "人数.管控");
}

Test(kind_outcome, every_person_has_a_result_a_time_and_a_reference_of_its_own)
{
    struct payload_outcome made;
    Wire__Outcome *outcome = payload_make_outcome(&made);
    made.person[1].has_result = 0;
    const struct wire_problem *problem = payload_fails(BASE(outcome), WIRE_INVALID, "person[2].result", "人员[2].结果");
    cr_assert_not_null(strstr(problem->zh, "查无此人"));
    made.person[1].has_result = 1;
    made.person[1].has_at_ms = 0;
    payload_fails(BASE(outcome), WIRE_INVALID, "person[2].at_ms", "人员[2].时间");
    made.person[1].has_at_ms = 1;
    made.person[1].at_ms = payload_now_ms + 86400000;
    payload_fails(BASE(outcome), WIRE_INVALID, "person[2].at_ms", "人员[2].时间");
    made.person[1].at_ms = payload_now_ms;
    made.person[1].ref = 1;
    payload_fails(BASE(outcome), WIRE_INVALID, "person[2].ref", "人员[2].序号");
    made.person[1].ref = 2;
    made.person[1].result = WIRE__PERSON_OUTCOME__RESULT__MOVED_ON;
    payload_fails(BASE(outcome), WIRE_INVALID, "person[2].moved_to_region", "人员[2].转送至");
    made.person[1].has_moved_to_region = 1;
    made.person[1].moved_to_region = 330400;
    payload_passes(BASE(outcome));
}

Test(kind_outcome, names_what_it_answers_and_whether_it_is_final)
{
    struct payload_outcome made;
    Wire__Common common = WIRE__COMMON__INIT;
    Wire__Outcome *outcome = payload_make_outcome(&made);
    outcome->reply_to_number = "310000-20200207";
    const struct wire_problem *problem = payload_fails(BASE(outcome), WIRE_INVALID, "reply_to_number", "对应编号");
    cr_assert_not_null(strstr(problem->en, "310000-20200207-0012"));
    outcome->reply_to_number = "编号编号编号编号编号编号编号编号编号编号编号编号";
    payload_fails(BASE(outcome), WIRE_INVALID, "reply_to_number", "对应编号");
    outcome->reply_to_number = "310000-20200207-0012";
    outcome->has_final = 0;
    payload_fails(BASE(outcome), WIRE_INVALID, "final", "终结");
    outcome->has_final = 1;
    outcome->common = &common; /* given, it is whole */
    payload_fails(BASE(outcome), WIRE_INVALID, "common.title", "公共项.标题");
}

/* --- acknowledgement --- */

Test(kind_acknowledgement, every_demanded_field)
{
    Wire__Acknowledgement made;
    payload_make_acknowledgement(&made);
    made.desk = NULL;
    payload_fails(BASE(&made), WIRE_INVALID, "desk", "签收席位");
    payload_make_acknowledgement(&made);
    made.officer = " ";
    payload_fails(BASE(&made), WIRE_INVALID, "officer", "签收人");
    payload_make_acknowledgement(&made);
    made.has_at_ms = 0;
    payload_fails(BASE(&made), WIRE_INVALID, "at_ms", "签收时间");
    payload_make_acknowledgement(&made);
    made.reply_to_number = "12";
    payload_fails(BASE(&made), WIRE_INVALID, "reply_to_number", "对应编号");
    payload_make_acknowledgement(&made);
    made.return_reason = "不属本地，请转 330400；联系 13812345678";
    payload_fails(BASE(&made), WIRE_INVALID, "return_reason", "退回原因");
    made.return_reason = "不属本地，请转 330400";
    payload_passes(BASE(&made));
}

/* --- measure-bulletin --- */

Test(kind_measure_bulletin, traffic_and_response_levels_are_immediate)
{
    struct payload_measure made;
    Wire__MeasureBulletin *bulletin = payload_make_measure(&made);
    const struct wire_kind *kind = payload_kind(BASE(bulletin));
    cr_assert_eq(kind->urgency(BASE(bulletin)), WIRE__URGENCY__EXPECTED);
    made.category[1] = WIRE__MEASURE_BULLETIN__CATEGORY__TRAFFIC_CONTROL;
    cr_assert_eq(kind->urgency(BASE(bulletin)), WIRE__URGENCY__IMMEDIATE);
    made.category[1] = WIRE__MEASURE_BULLETIN__CATEGORY__RESPONSE_LEVEL;
    cr_assert_eq(kind->urgency(BASE(bulletin)), WIRE__URGENCY__IMMEDIATE);
    payload_fails(BASE(bulletin), WIRE_INVALID, "response_level", "响应级别");
    bulletin->has_response_level = 1;
    bulletin->response_level = WIRE__MEASURE_BULLETIN__LEVEL__LEVEL_2;
    bulletin->has_handled_as = 1;
    bulletin->handled_as = WIRE__MEASURE_BULLETIN__LEVEL__LEVEL_1;
    payload_passes(BASE(bulletin));
}

Test(kind_measure_bulletin, has_an_end_or_a_review_after_its_beginning)
{
    struct payload_measure made;
    Wire__MeasureBulletin *bulletin = payload_make_measure(&made);
    bulletin->has_review_day = 0;
    payload_fails(BASE(bulletin), WIRE_INVALID, "ends_day", "失效日");
    bulletin->has_ends_day = 1;
    bulletin->ends_day = 20200207;
    payload_fails(BASE(bulletin), WIRE_INVALID, "ends_day", "失效日");
    bulletin->ends_day = 20200208;
    payload_passes(BASE(bulletin));
    bulletin->has_review_day = 1;
    bulletin->review_day = 20200101;
    payload_fails(BASE(bulletin), WIRE_INVALID, "review_day", "评估日");
}

Test(kind_measure_bulletin, what_goes_beyond_its_level_says_why)
{
    struct payload_measure made;
    Wire__MeasureBulletin *bulletin = payload_make_measure(&made);
    bulletin->stricter = 1;
    payload_fails(BASE(bulletin), WIRE_INVALID, "stricter_reason", "严于等级的理由");
    bulletin->stricter_reason = "相邻县域三日内新增聚集性疫情";
    payload_passes(BASE(bulletin));
    bulletin->has_stricter = 0;
    payload_fails(BASE(bulletin), WIRE_INVALID, "stricter", "严于等级");
}

/* --- supply-request --- */

Test(kind_supply_request, under_three_days_is_immediate)
{
    struct payload_supply made;
    Wire__SupplyRequest *request = payload_make_supply(&made);
    const struct wire_kind *kind = payload_kind(BASE(request));
    cr_assert_eq(kind->urgency(BASE(request)), WIRE__URGENCY__EXPECTED);
    cr_assert_eq(kind->subjects(BASE(request)), PAYLOAD_LINES);
    made.line[2].has_days_left = 1;
    made.line[2].days_left = 3;
    cr_assert_eq(kind->urgency(BASE(request)), WIRE__URGENCY__EXPECTED);
    made.line[2].days_left = 2;
    cr_assert_eq(kind->urgency(BASE(request)), WIRE__URGENCY__IMMEDIATE);
    made.line[2].has_days_left = 0;
    made.line[0].has_stock = made.line[0].has_daily_use = 1;
    made.line[0].stock = 299;
    made.line[0].daily_use = 100;
    cr_assert_eq(kind->urgency(BASE(request)), WIRE__URGENCY__IMMEDIATE);
    made.line[0].stock = 300;
    cr_assert_eq(kind->urgency(BASE(request)), WIRE__URGENCY__EXPECTED);
    made.line[0].daily_use = 0; /* nothing is used: nothing runs out */
    cr_assert_eq(kind->urgency(BASE(request)), WIRE__URGENCY__EXPECTED);
}

Test(kind_supply_request, every_demanded_field_of_a_line)
{
    struct payload_supply made;
    Wire__SupplyRequest *request = payload_make_supply(&made);
    made.line[1].item = NULL;
    payload_fails(BASE(request), WIRE_INVALID, "line[2].item", "行[2].物品");
    made.line[1].item = "防护服";
    made.line[1].unit = NULL;
    payload_fails(BASE(request), WIRE_INVALID, "line[2].unit", "行[2].单位");
    made.line[1].unit = "未注明";
    payload_passes(BASE(request));
    made.line[1].has_needed_day = 0;
    payload_fails(BASE(request), WIRE_INVALID, "line[2].needed_day", "行[2].需到日期");
    made.line[1].has_needed_day_unstated = made.line[1].needed_day_unstated = 1;
    payload_passes(BASE(request));
    made.line[1].has_resource = 0;
    payload_fails(BASE(request), WIRE_INVALID, "line[2].resource", "行[2].资源类");
    made.line[1].has_resource = 1;
    made.line[1].line_no = 1;
    payload_fails(BASE(request), WIRE_INVALID, "line[2].line_no", "行[2].行号");
    request->n_line = 0;
    payload_fails(BASE(request), WIRE_INVALID, "line", "行");
}

Test(kind_supply_request, quantities_are_what_their_kind_says)
{
    struct payload_supply made;
    Wire__SupplyRequest *request = payload_make_supply(&made);
    made.line[0].has_quantity = 0;
    payload_fails(BASE(request), WIRE_INVALID, "line[1].quantity", "行[1].数量");
    made.line[0].has_quantity = 1;
    made.line[0].quantity = 0;
    payload_fails(BASE(request), WIRE_INVALID, "line[1].quantity", "行[1].数量");
    made.line[0].quantity = 1;
    made.line[0].quantity_kind = WIRE__SUPPLY_LINE__QUANTITY_KIND__SOME;
    payload_passes(BASE(request));
    made.line[0].quantity_kind = WIRE__SUPPLY_LINE__QUANTITY_KIND__UNKNOWN;
    payload_fails(BASE(request), WIRE_INVALID, "line[1].quantity", "行[1].数量");
    made.line[0].has_quantity = 0;
    payload_passes(BASE(request));
}

Test(kind_supply_request, days_left_fit_stock_and_use)
{
    struct payload_supply made;
    Wire__SupplyRequest *request = payload_make_supply(&made);
    made.line[0].has_stock = made.line[0].has_daily_use = made.line[0].has_days_left = 1;
    made.line[0].stock = 1000;
    made.line[0].daily_use = 100;
    made.line[0].days_left = 2;
    payload_fails(BASE(request), WIRE_INVALID, "line[1].days_left", "行[1].可维持天数");
    made.line[0].days_left = 9;
    payload_passes(BASE(request));
}

Test(kind_supply_request, every_demanded_field)
{
    struct payload_supply made;
    Wire__SupplyRequest *request = payload_make_supply(&made);
    request->facility = NULL;
    payload_fails(BASE(request), WIRE_INVALID, "facility", "机构");
    request->facility = "某县人民医院";
    request->has_partial = 0;
    payload_fails(BASE(request), WIRE_INVALID, "partial", "允许部分");
    request->has_partial = 1;
    request->has_expires_ms = 0;
    payload_fails(BASE(request), WIRE_INVALID, "expires_ms", "失效");
}

/* --- the broker's own --- */

Test(kind_broker, reminders_say_who_owes_what_by_when)
{
    Wire__Reminder reminder = WIRE__REMINDER__INIT;
    Wire__Address who = WIRE__ADDRESS__INIT;
    who.region = 330421;
    reminder.number = "310000-20200207-0012";
    reminder.has_obligation = reminder.has_due_ms = 1;
    reminder.obligation = WIRE__DUTY__SIGN_FOR;
    reminder.due_ms = payload_now_ms;
    payload_fails(BASE(&reminder), WIRE_INVALID, "who", "责任单位");
    reminder.who = &who;
    payload_passes(BASE(&reminder));
    reminder.number = "0012";
    payload_fails(BASE(&reminder), WIRE_INVALID, "number", "对应编号");
    reminder.number = "310000-20200207-0012";
    reminder.has_obligation = 0;
    payload_fails(BASE(&reminder), WIRE_INVALID, "obligation", "应办事项");
}

Test(kind_broker, overdue_may_say_that_nothing_arrived)
{
    Wire__Overdue overdue = WIRE__OVERDUE__INIT;
    Wire__Address who = WIRE__ADDRESS__INIT;
    who.region = 330421;
    overdue.who = &who;
    overdue.number = "310000-20200207-0012";
    overdue.has_obligation = overdue.has_due_ms = overdue.has_not_delivered = overdue.not_delivered = 1;
    overdue.obligation = WIRE__DUTY__CLOSE;
    overdue.due_ms = payload_now_ms;
    payload_passes(BASE(&overdue));
    who.region = 999999;
    payload_fails(BASE(&overdue), WIRE_UNKNOWN_REGION, "who.region", "责任单位.地区");
    overdue.number = NULL;
    payload_fails(BASE(&overdue), WIRE_INVALID, "number", "对应编号");
    who.region = 330421;
    overdue.number = "x";
    payload_fails(BASE(&overdue), WIRE_INVALID, "number", "对应编号");
}

Test(kind_broker, rounds_name_each_member_once)
{
    struct payload_round made;
    Wire__RoundBulletin *bulletin = payload_make_round(&made);
    cr_assert_eq(payload_kind(BASE(bulletin))->subjects(BASE(bulletin)), 2);
    made.entry[1].number = "nil";
    payload_fails(BASE(bulletin), WIRE_INVALID, "entry[2].number", "各成员[2].报告编号");
    made.entry[1].number = NULL;
    made.entry[1].region = made.entry[0].region;
    payload_fails(BASE(bulletin), WIRE_INVALID, "entry[2].region", "各成员[2].地区");
}

Test(kind_broker, policies_have_a_version_and_a_digest)
{
    uint8_t digest[32] = {1};
    Wire__PolicyNotice policy = WIRE__POLICY_NOTICE__INIT;
    policy.has_version = policy.has_digest = policy.has_in_force_ms = 1;
    policy.version = UINT64_MAX;
    policy.in_force_ms = payload_now_ms;
    policy.digest = (ProtobufCBinaryData){.len = 32, .data = digest};
    payload_passes(BASE(&policy));
    policy.digest.len = 20;
    payload_fails(BASE(&policy), WIRE_INVALID, "digest", "摘要");
    policy.digest.len = 32;
    policy.version = 0;
    payload_fails(BASE(&policy), WIRE_INVALID, "version", "版本");
}
