/* What every payload is asked: the bad-input list, by the tables. */
#include "payload_make.h"
#include <criterion/criterion.h>
#include <string.h>

#define BASE(message) (&(message)->base)

Test(kind_check, valid_payloads_pass_in_silence)
{
    struct payload_notice notice;
    struct payload_outcome outcome;
    struct payload_measure measure;
    struct payload_supply supply;
    struct payload_round round;
    Wire__Acknowledgement acknowledgement;
    payload_passes(BASE(payload_make_notice(&notice)));
    payload_passes(BASE(payload_make_outcome(&outcome)));
    payload_passes(BASE(payload_make_measure(&measure)));
    payload_passes(BASE(payload_make_supply(&supply)));
    payload_passes(BASE(payload_make_round(&round)));
    payload_make_acknowledgement(&acknowledgement);
    payload_passes(BASE(&acknowledgement));
}

Test(kind_check, every_demanded_text_of_the_common_part)
{
    struct payload_measure made;
    Wire__MeasureBulletin *bulletin = payload_make_measure(&made);
    struct {
        char **text;
        const char *where, *zh;
    } texts[] = {
        {&made.common.title, "common.title", "公共项.标题"},
        {&made.common.issuer, "common.issuer", "公共项.发布单位"},
        {&made.common.drafter, "common.drafter", "公共项.拟稿人"},
        {&made.common.approver, "common.approver", "公共项.签发人"},
        {&made.common.disease, "common.disease", "公共项.病种"},
        {&made.common.contact, "common.contact", "公共项.联系人/值班电话"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *kept = *texts[i].text;
        *texts[i].text = NULL;
        payload_fails(BASE(bulletin), WIRE_INVALID, texts[i].where, texts[i].zh);
        *texts[i].text = "";
        payload_fails(BASE(bulletin), WIRE_INVALID, texts[i].where, texts[i].zh);
        *texts[i].text = " \t　"; /* blanks, one of them full-width */
        payload_fails(BASE(bulletin), WIRE_INVALID, texts[i].where, texts[i].zh);
        *texts[i].text = kept;
    }
    payload_passes(BASE(bulletin));
}

Test(kind_check, a_missing_choice_names_the_choices)
{
    struct payload_measure made;
    Wire__MeasureBulletin *bulletin = payload_make_measure(&made);
    made.common.has_precedence = 0;
    const struct wire_problem *problem =
        payload_fails(BASE(bulletin), WIRE_INVALID, "common.precedence", "公共项.紧急程度");
    cr_assert_not_null(strstr(problem->zh, "特急、加急、平件"), "%s", problem->zh);
    cr_assert_not_null(strstr(problem->en, "extra-urgent, urgent, ordinary"), "%s", problem->en);
    cr_assert_null(strstr(problem->en, "特急"), "%s", problem->en);
    made.common.has_precedence = 1;
    made.common.precedence = (Wire__Common__Precedence)42;
    payload_fails(BASE(bulletin), WIRE_INVALID, "common.precedence", "公共项.紧急程度");
    bulletin->common = NULL;
    payload_fails(BASE(bulletin), WIRE_INVALID, "common", "公共项");
}

Test(kind_check, secrets_are_refused_by_property_and_by_marking)
{
    struct payload_measure made;
    Wire__MeasureBulletin *bulletin = payload_make_measure(&made);
    const int secret[] = {WIRE__COMMON__OPENNESS__SECRET, WIRE__COMMON__OPENNESS__CONFIDENTIAL,
                          WIRE__COMMON__OPENNESS__TOP_SECRET};
    for (size_t i = 0; i < 3; i++) {
        made.common.openness = (Wire__Common__Openness)secret[i];
        payload_fails(BASE(bulletin), WIRE_INVALID, "common.openness", "公共项.公开属性");
    }
    made.common.openness = WIRE__COMMON__OPENNESS__PUBLIC;
    const char *const marked[] = {"机密★1年 关于省界管控的通知", "【秘密】关于省界管控的通知",
                                  "关于省界管控的通知（绝密）", "秘密"};
    for (size_t i = 0; i < 4; i++) {
        made.common.title = (char *)marked[i];
        const struct wire_problem *problem = payload_fails(BASE(bulletin), WIRE_INVALID, "common.title", "公共项.标题");
        cr_assert_not_null(strstr(problem->zh, "机要"), "the remedy is missing: %s", problem->zh);
    }
    made.common.title = "关于严格保守秘密、做好机密文件管理的提醒"; /* speaks of secrets, is none */
    payload_passes(BASE(bulletin));
}

Test(kind_check, numbers_that_excel_ruined)
{
    struct payload_notice made;
    Wire__ContactNotice *notice = payload_make_notice(&made);
    const char *const ruined[] = {"1.1E+17", "3.10101E+17", "5E+09", "1e17"};
    for (size_t i = 0; i < 4; i++) {
        notice->case_no = (char *)ruined[i];
        const struct wire_problem *problem = payload_fails(BASE(notice), WIRE_INVALID, "case_no", "病例编号");
        cr_assert_not_null(strstr(problem->zh, "Excel"));
        cr_assert_not_null(strstr(problem->en, "Excel"));
    }
    notice->case_no = "E17"; /* an exponent alone is a case number like any other */
    payload_passes(BASE(notice));
    made.person[1].has_id_type = 1;
    made.person[1].id_type = WIRE__PERSON__ID_TYPE__PASSPORT;
    made.person[1].id_no = "1.1E+17";
    payload_fails(BASE(notice), WIRE_INVALID, "person[2].id_no", "人员[2].证件号码");
    made.person[1].id_no = NULL;
    made.person[1].phone = "1.38E+10";
    payload_fails(BASE(notice), WIRE_INVALID, "person[2].phone", "人员[2].电话");
}

Test(kind_check, persons_in_the_free_text_of_kinds_without_persons)
{
    struct payload_measure made;
    Wire__MeasureBulletin *bulletin = payload_make_measure(&made);
    char *summary = bulletin->summary;
    const char *const texts[] = {"联系张某 13812345678 办理", "电话138-1234-5678", "电话１３８１２３４５６７８",
                                 "来电+8613812345678"};
    for (size_t i = 0; i < 4; i++) {
        bulletin->summary = (char *)texts[i];
        const struct wire_problem *problem = payload_fails(BASE(bulletin), WIRE_INVALID, "summary", "要点");
        cr_assert_null(strstr(problem->zh, "13812345678"), "a problem must not repeat the number");
        cr_assert_not_null(strstr(problem->zh, "手机号码"));
    }
    bulletin->summary = "证号990101199003071245请放行";
    const struct wire_problem *problem = payload_fails(BASE(bulletin), WIRE_INVALID, "summary", "要点");
    cr_assert_not_null(strstr(problem->zh, "9901************45"), "%s", problem->zh);
    cr_assert_not_null(strstr(problem->en, "9901************45"), "%s", problem->en);
    bulletin->summary = summary;
    made.route[0] = "13812345678";
    payload_fails(BASE(bulletin), WIRE_INVALID, "route[1]", "线路/口岸[1]");
    made.route[0] = "G60";
    made.common.contact = "值班室 13812345678"; /* a duty telephone is no secret … */
    payload_passes(BASE(bulletin));
    made.common.contact = "值班室 13812345678，证号 990101199003071245"; /* … an identity number is */
    payload_fails(BASE(bulletin), WIRE_INVALID, "common.contact", "公共项.联系人/值班电话");
}

Test(kind_check, the_title_of_a_kind_with_persons_holds_none_either)
{
    struct payload_notice made;
    Wire__ContactNotice *notice = payload_make_notice(&made);
    made.common.title = "协查 13812345678";
    payload_fails(BASE(notice), WIRE_INVALID, "common.title", "公共项.标题");
    made.common.title = "协查";
    made.person[0].contact_manner = "同住，配偶电话 13812345678";
    payload_passes(BASE(notice));
}

Test(kind_check, regions_are_known_or_named_with_their_successor)
{
    struct payload_measure made;
    struct wire_problem problem;
    Wire__MeasureBulletin *bulletin = payload_make_measure(&made);
    made.region[1] = 990101;
    const struct wire_problem *unknown = payload_fails(BASE(bulletin), WIRE_UNKNOWN_REGION, "region[2]", "适用地区[2]");
    cr_assert_not_null(strstr(unknown->zh, "990101"));
    made.region[1] = 0;
    payload_fails(BASE(bulletin), WIRE_UNKNOWN_REGION, "region[2]", "适用地区[2]");
    made.region[1] = 110103; /* 崇文区, since 2010 part of 东城区 */
    cr_assert_eq(payload_kind(BASE(bulletin))->check(BASE(bulletin), payload_now_ms, &problem), WIRE_OK);
    cr_assert_eq(problem.status, WIRE_OK);
    cr_assert_str_eq(problem.where, "region[2]");
    cr_assert_not_null(strstr(problem.zh, "110101") != NULL ? strstr(problem.zh, "东城区") : NULL, "%s", problem.zh);
    cr_assert_not_null(strstr(problem.en, "110101"), "%s", problem.en);
    bulletin->has_action = 0; /* a remark gives way to a refusal */
    payload_fails(BASE(bulletin), WIRE_INVALID, "action", "动作");
}

Test(kind_check, impossible_days_and_times)
{
    struct payload_notice made;
    Wire__ContactNotice *notice = payload_make_notice(&made);
    notice->has_onset_day = 1;
    const uint32_t days[] = {20200230, 20201301, 0, 18991231, 43849, 21010101};
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        notice->onset_day = days[i];
        payload_fails(BASE(notice), WIRE_INVALID, "onset_day", "发病日期");
    }
    notice->onset_day = 20200209; /* the day after now */
    const struct wire_problem *problem = payload_fails(BASE(notice), WIRE_INVALID, "onset_day", "发病日期");
    cr_assert_not_null(strstr(problem->zh, "2020-02-09"));
    notice->onset_day = 20200208;
    payload_passes(BASE(notice));
    made.place.to_ms = payload_now_ms + 3600000;
    payload_fails(BASE(notice), WIRE_INVALID, "place[1].to_ms", "场所[1].离开时间");
    made.place.to_ms = INT64_MAX;
    payload_fails(BASE(notice), WIRE_INVALID, "place[1].to_ms", "场所[1].离开时间");
    made.place.to_ms = payload_now_ms + 60000; /* within what clocks may differ */
    payload_passes(BASE(notice));
}

Test(kind_check, time_alone_never_makes_a_payload_wrong)
{
    struct payload_notice notice;
    struct payload_supply supply;
    int64_t years_later = payload_now_ms + INT64_C(6) * 365 * 86400000;
    payload_make_notice(&notice);
    payload_make_supply(&supply);
    cr_assert_eq(wire_kind_find(WIRE_KIND_CONTACT_NOTICE)->check(BASE(&notice.notice), years_later, NULL), WIRE_OK);
    cr_assert_eq(wire_kind_find(WIRE_KIND_SUPPLY_REQUEST)->check(BASE(&supply.request), years_later, NULL), WIRE_OK);
}

Test(kind_check, lengths_ranges_and_control_characters)
{
    struct payload_measure made;
    Wire__MeasureBulletin *bulletin = payload_make_measure(&made);
    char text[4 * 600 + 1];
    for (size_t i = 0; i < 501; i++)
        memcpy(text + 3 * i, "字", 3);
    text[3 * 500] = '\0';
    bulletin->summary = text;
    payload_passes(BASE(bulletin));
    memcpy(text + 3 * 500, "字", 4);
    const struct wire_problem *problem = payload_fails(BASE(bulletin), WIRE_INVALID, "summary", "要点");
    cr_assert_not_null(strstr(problem->zh, "501") != NULL ? strstr(problem->zh, "500") : NULL, "%s", problem->zh);
    bulletin->summary = "第一条\n第二条";
    payload_passes(BASE(bulletin));
    made.common.title = "第一条\n第二条";
    payload_fails(BASE(bulletin), WIRE_INVALID, "common.title", "公共项.标题");
    made.common.title = "标题\x1b[31m";
    payload_fails(BASE(bulletin), WIRE_INVALID, "common.title", "公共项.标题");
}

Test(kind_check, ages_and_counts_have_ends)
{
    struct payload_notice made;
    Wire__ContactNotice *notice = payload_make_notice(&made);
    notice->has_age = 1;
    notice->age = 131;
    payload_fails(BASE(notice), WIRE_INVALID, "age", "年龄");
    notice->age = 130;
    payload_passes(BASE(notice));
    made.conveyance.contacts = UINT32_MAX;
    payload_fails(BASE(notice), WIRE_INVALID, "conveyance[1].contacts", "交通[1].密接人数");
}

Test(kind_check, lists_repeat_nothing)
{
    struct payload_measure made;
    Wire__MeasureBulletin *bulletin = payload_make_measure(&made);
    made.category[1] = made.category[0];
    payload_fails(BASE(bulletin), WIRE_INVALID, "category", "类别");
    made.category[1] = WIRE__MEASURE_BULLETIN__CATEGORY__OTHER;
    made.region[1] = made.region[0];
    payload_fails(BASE(bulletin), WIRE_INVALID, "region", "适用地区");
    bulletin->n_region = 0;
    payload_fails(BASE(bulletin), WIRE_INVALID, "region", "适用地区");
}

Test(kind_check, lists_have_an_end)
{
    enum { TOO_MANY = 5001 };
    static Wire__Person person[TOO_MANY];
    static Wire__Person *persons[TOO_MANY];
    struct payload_notice made;
    Wire__ContactNotice *notice = payload_make_notice(&made);
    for (uint32_t i = 0; i < TOO_MANY; i++) {
        person[i] = made.person[0];
        person[i].ref = i;
        persons[i] = &person[i];
    }
    notice->person = persons;
    notice->to_check = TOO_MANY;
    notice->n_person = TOO_MANY - 1;
    payload_passes(BASE(notice));
    notice->n_person = TOO_MANY;
    payload_fails(BASE(notice), WIRE_INVALID, "person", "人员");
}

Test(kind_check, unstated_stands_in_for_a_demanded_value_but_not_beside_it)
{
    struct payload_notice made;
    Wire__ContactNotice *notice = payload_make_notice(&made);
    made.conveyance.has_travel_day = 0;
    const struct wire_problem *problem =
        payload_fails(BASE(notice), WIRE_INVALID, "conveyance[1].travel_day", "交通[1].行程日期");
    cr_assert_not_null(strstr(problem->zh, "未注明"));
    cr_assert_not_null(strstr(problem->en, "travel_day_unstated"));
    made.conveyance.has_travel_day_unstated = 1;
    payload_fails(BASE(notice), WIRE_INVALID, "conveyance[1].travel_day", "交通[1].行程日期");
    made.conveyance.travel_day_unstated = 1;
    payload_passes(BASE(notice));
    made.conveyance.has_travel_day = 1;
    payload_fails(BASE(notice), WIRE_INVALID, "conveyance[1].travel_day", "交通[1].行程日期");
}

Test(kind_check, attachments_are_whole)
{
    struct payload_measure made;
    Wire__Attachment attachment = WIRE__ATTACHMENT__INIT, *list[] = {&attachment};
    uint8_t digest[32] = {0};
    Wire__MeasureBulletin *bulletin = payload_make_measure(&made);
    made.common.n_attachment = 1;
    made.common.attachment = list;
    attachment.name = "通告.pdf";
    attachment.type = "application/pdf";
    attachment.has_bytes = attachment.has_sha256 = 1;
    attachment.bytes = 1024;
    attachment.sha256 = (ProtobufCBinaryData){.len = 31, .data = digest};
    payload_fails(BASE(bulletin), WIRE_INVALID, "common.attachment[1].sha256", "公共项.附件[1].附件摘要");
    attachment.sha256.len = 32;
    payload_passes(BASE(bulletin));
}
