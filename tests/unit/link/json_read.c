/* JSON in: what is accepted, and what is said about what is not. */
#include "link/json.h"
#include "schema/frame.pb-c.h"
#include "schema/payload.pb-c.h"
#include "wire/utf8.h"
#include <criterion/criterion.h>
#include <string.h>

enum { MEMORY = 1024 * 1024 };
static uint8_t memory[MEMORY];
static struct wire_arena arena;

static void make(void)
{
    wire_arena_over(&arena, memory, sizeof memory);
}

TestSuite(json_read, .init = make);
TestSuite(json_refuse, .init = make);

static void *read_as(const ProtobufCMessageDescriptor *type, const char *text)
{
    struct wire_problem problem = {0};
    ProtobufCMessage *message = link_json_to_message(type, text, strlen(text), &arena, true, &problem);
    cr_assert_not_null(message, "%s: %s %s", problem.where, problem.zh, problem.en);
    return message;
}

/* Asserts the failure, at an exact place, with both texts. */
static const struct wire_problem *refused(const ProtobufCMessageDescriptor *type, const char *text,
                                          enum wire_status status, const char *where)
{
    static struct wire_problem problem;
    problem = (struct wire_problem){0};
    cr_assert_null(link_json_to_message(type, text, strlen(text), &arena, true, &problem), "%s was accepted", text);
    cr_assert_eq(problem.status, status, "%s: %s", wire_status_name(problem.status), problem.en);
    cr_assert_str_eq(problem.where, where, "%s: %s", problem.where, problem.en);
    cr_assert_gt(strlen(problem.zh), 6);
    cr_assert_gt(strlen(problem.en), 6);
    cr_assert(wire_utf8_text((const uint8_t *)problem.zh, strlen(problem.zh)));
    cr_assert(wire_utf8_text((const uint8_t *)problem.en, strlen(problem.en)));
    cr_assert_null(link_json_to_message(type, text, strlen(text), &arena, true, NULL), "a problem is optional");
    return &problem;
}

#define NOTICE (&wire__contact_notice__descriptor)

Test(json_read, schema_names_and_words)
{
    Wire__ContactNotice *notice = read_as(
        NOTICE, "{\"type\":\"same-conveyance\",\"case_no\":\"0591000001\",\"confirmed_day\":\"2020-02-06\",\"age\":41,"
                "\"conveyance\":[{\"mode\":\"train\",\"travel_day\":\"2020/2/4\",\"from_region\":420100,"
                "\"departed_ms\":\"2020-02-04 10:00\"},{\"number\":\"G7305\"}],\"ask\":[\"find\",\"sample\"]}");
    cr_assert_eq(notice->type, WIRE__CONTACT_NOTICE__TYPE__SAME_CONVEYANCE);
    cr_assert_str_eq(notice->case_no, "0591000001");
    cr_assert_eq(notice->confirmed_day, 20200206);
    cr_assert(notice->has_age && notice->age == 41);
    cr_assert_not(notice->has_onset_day);
    cr_assert_eq(notice->n_conveyance, 2);
    cr_assert_eq(notice->conveyance[0]->travel_day, 20200204);
    cr_assert_eq(notice->conveyance[0]->departed_ms, INT64_C(1580781600000));
    cr_assert_str_eq(notice->conveyance[1]->number, "G7305");
    cr_assert_eq(notice->n_ask, 2);
    cr_assert_eq(notice->ask[1], WIRE__CONTACT_NOTICE__ASK__SAMPLE);
}

Test(json_read, chinese_labels_and_words)
{
    Wire__ContactNotice *notice =
        read_as(NOTICE, "{\"协查类型\":\"病例轨迹\",\"病例编号\":\"022000030\",\"性别\":\"女\",\"病例类型\":\"疑似\","
                        "\"交通\":[{\"交通方式\":\"私家车\",\"行程日期\":\"2020年2月4日\",\"到达地\":\"330300\"}]}");
    cr_assert_eq(notice->type, WIRE__CONTACT_NOTICE__TYPE__CASE_JOURNEY);
    cr_assert_eq(notice->sex, WIRE__PERSON__SEX__FEMALE);
    cr_assert_eq(notice->case_class, WIRE__CONTACT_NOTICE__CASE_CLASS__SUSPECTED);
    cr_assert_eq(notice->conveyance[0]->mode, WIRE__CONVEYANCE__MODE__PRIVATE_CAR);
    cr_assert_eq(notice->conveyance[0]->to_region, 330300);
}

Test(json_read, regions_and_units_by_name)
{
    Wire__Address *address = read_as(&wire__address__descriptor, "{\"region\":\"浙江省\",\"unit\":\"cdc\"}");
    cr_assert_eq(address->region, 330000);
    cr_assert_eq(address->unit, 2);
    address = read_as(&wire__address__descriptor, "{\"region\":\"330421\",\"unit\":\"疾控中心\"}");
    cr_assert_eq(address->region, 330421);
    cr_assert_eq(address->unit, 2);
    address = read_as(&wire__address__descriptor, "{\"region\":330421,\"unit\":7}");
    cr_assert_eq(address->unit, 7);
    address = read_as(&wire__address__descriptor, "{\"region\":330421,\"unit\":\"7\"}");
    cr_assert_eq(address->unit, 7);
}

Test(json_read, the_end_of_a_day_is_the_beginning_of_the_next)
{
    Wire__Acknowledgement *made = read_as(&wire__acknowledgement__descriptor, "{\"at_ms\":\"2020年2月7日24时\"}");
    Wire__Acknowledgement *next =
        read_as(&wire__acknowledgement__descriptor, "{\"at_ms\":\"2020-02-08T00:00:00+08:00\"}");
    cr_assert_eq(made->at_ms, next->at_ms);
}

Test(json_read, unstated_for_what_has_it_beside)
{
    const char *const words[] = {"未注明", "不详", "unknown"};
    for (size_t i = 0; i < 3; i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"travel_day\":\"%s\"}", words[i]);
        Wire__Conveyance *conveyance = read_as(&wire__conveyance__descriptor, text);
        cr_assert(conveyance->has_travel_day_unstated && conveyance->travel_day_unstated);
        cr_assert_not(conveyance->has_travel_day);
    }
    Wire__SupplyLine *line = read_as(&wire__supply_line__descriptor, "{\"需到日期\":\"未注明\",\"单位\":\"未注明\"}");
    cr_assert(line->needed_day_unstated);
    cr_assert_str_eq(line->unit, "未注明"); /* a text stays the text it is */
    refused(NOTICE, "{\"onset_day\":\"未注明\"}", WIRE_INVALID, "onset_day");
}

Test(json_read, truth_in_both_languages)
{
    cr_assert(((Wire__Outcome *)read_as(&wire__outcome__descriptor, "{\"终结\":\"是\"}"))->final);
    Wire__Outcome *outcome = read_as(&wire__outcome__descriptor, "{\"final\":\"否\"}");
    cr_assert(outcome->has_final && !outcome->final);
    cr_assert_not(((Wire__Outcome *)read_as(&wire__outcome__descriptor, "{\"final\":false}"))->final);
    refused(&wire__outcome__descriptor, "{\"final\":\"也许\"}", WIRE_INVALID, "final");
    refused(&wire__outcome__descriptor, "{\"final\":1}", WIRE_INVALID, "final");
}

Test(json_read, bytes_as_hex_or_base64)
{
    Wire__PolicyNotice *policy = read_as(&wire__policy_notice__descriptor, "{\"digest\":\"00fFa0\"}");
    cr_assert_eq(policy->digest.len, 3);
    cr_assert_eq(memcmp(policy->digest.data, "\x00\xff\xa0", 3), 0);
    policy = read_as(&wire__policy_notice__descriptor, "{\"digest\":\"+vv8/Q==\"}");
    cr_assert_eq(policy->digest.len, 4);
    cr_assert_eq(memcmp(policy->digest.data, "\xfa\xfb\xfc\xfd", 4), 0);
    const char *const bad[] = {"abc", "+vv8/Q=", "+vv8/R==", "zz zz zz", "====", "+v=8/Q=="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"digest\":\"%s\"}", bad[i]);
        refused(&wire__policy_notice__descriptor, text, WIRE_INVALID, "digest");
    }
}

Test(json_read, a_byte_order_mark_is_passed_over)
{
    cr_assert_not_null(read_as(NOTICE, "\xEF\xBB\xBF{}"));
}

Test(json_read, a_part_of_a_larger_document)
{
    struct wire_problem problem;
    const char text[] = "{\"kind\":\"outcome\",\"payload\":{\"final\":true}}";
    json_t *whole = link_json_parse(text, strlen(text), &problem);
    cr_assert_not_null(whole);
    Wire__Outcome *outcome = (Wire__Outcome *)link_json_value_to_message(
        &wire__outcome__descriptor, json_object_get(whole, "payload"), &arena, true, &problem);
    json_decref(whole);
    cr_assert_not_null(outcome);
    cr_assert(outcome->final);
}

Test(json_refuse, unknown_keys_with_the_nearest_known)
{
    const struct wire_problem *problem =
        refused(NOTICE, "{\"person\":[{\"ref\":1},{\"id_number\":\"x\",\"phonee\":\"1\"}]}", WIRE_UNKNOWN_FIELD,
                "person[2].phonee");
    cr_assert_not_null(strstr(problem->zh, "“phone”"), "%s", problem->zh);
    cr_assert_not_null(strstr(problem->en, "\"phone\""), "%s", problem->en);
    cr_assert_eq(strncmp(problem->zh, "人员[2].phonee：", strlen("人员[2].phonee：")), 0, "%s", problem->zh);
    problem = refused(NOTICE, "{\"病历编号\":\"1\"}", WIRE_UNKNOWN_FIELD, "病历编号");
    cr_assert_not_null(strstr(problem->zh, "病例编号"), "%s", problem->zh);
    refused(NOTICE, "{\"qqqqqqqqqqqqqqqqq\":1}", WIRE_UNKNOWN_FIELD, "qqqqqqqqqqqqqqqqq");
}

Test(json_refuse, unknown_keys_only_when_strict)
{
    struct wire_problem problem;
    const char text[] = "{\"later_field\":{\"a\":null},\"age\":3}";
    Wire__ContactNotice *notice =
        (Wire__ContactNotice *)link_json_to_message(NOTICE, text, strlen(text), &arena, false, &problem);
    cr_assert_not_null(notice);
    cr_assert_eq(notice->age, 3);
}

Test(json_refuse, duplicate_keys_and_two_names_of_one_field)
{
    const struct wire_problem *problem = refused(NOTICE, "{\n  \"age\": 3,\n  \"age\": 4\n}", WIRE_SYNTAX, "3:7");
    cr_assert_not_null(strstr(problem->zh, "age"), "%s", problem->zh);
    refused(NOTICE, "{\"age\":3,\"年龄\":4}", WIRE_INVALID, "age");
}

Test(json_refuse, syntax_with_line_and_column)
{
    refused(NOTICE, "{\n\"age\": 3,,\n}", WIRE_SYNTAX, "2:10");
    refused(NOTICE, "", WIRE_SYNTAX, "1:0");
    refused(NOTICE, "{} trailing", WIRE_SYNTAX, "1:11");
    const struct wire_problem *gbk = refused(NOTICE, "{\"case_no\":\"\xb2\xa1\xc0\xfd\"}", WIRE_SYNTAX, "1:12");
    cr_assert_not_null(strstr(gbk->zh, "UTF-8"));
    cr_assert_not_null(strstr(gbk->zh, "GBK"));
    refused(NOTICE, "{\"case_no\":\"a\\u0000b\"}", WIRE_SYNTAX, "1:21");
    refused(NOTICE, "{\"age\":99999999999999999999999}", WIRE_SYNTAX, "1:30");
}

Test(json_refuse, a_number_where_a_text_belongs)
{
    const struct wire_problem *problem = refused(NOTICE, "{\"case_no\":591000001}", WIRE_INVALID, "case_no");
    cr_assert_not_null(strstr(problem->zh, "引号"));
    cr_assert_not_null(strstr(problem->zh, "591000001"));
    problem = refused(NOTICE, "{\"person\":[{\"id_no\":1.1E+17}]}", WIRE_INVALID, "person[1].id_no");
    cr_assert_not_null(strstr(problem->zh, "Excel"));
    cr_assert_eq(strncmp(problem->zh, "人员[1].证件号码：", strlen("人员[1].证件号码：")), 0, "%s", problem->zh);
    problem = refused(NOTICE, "{\"person\":[{\"phone\":13812345678}]}", WIRE_INVALID, "person[1].phone");
    cr_assert_null(strstr(problem->zh, "13812345678"), "personal values are not repeated: %s", problem->zh);
}

Test(json_refuse, numbers_out_of_range)
{
    const char *const bad[] = {"-1", "4294967296", "1.5", "\"12a\"", "\"\"", "\"-\"", "true", "[1]", "{}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"to_check\":%s}", bad[i]);
        refused(NOTICE, text, WIRE_INVALID, "to_check");
    }
    cr_assert_eq(((Wire__ContactNotice *)read_as(NOTICE, "{\"to_check\":4294967295}"))->to_check, UINT32_MAX);
    cr_assert_eq(((Wire__ContactNotice *)read_as(NOTICE, "{\"to_check\":\"12\"}"))->to_check, 12);
    cr_assert_eq(
        ((Wire__PolicyNotice *)read_as(&wire__policy_notice__descriptor, "{\"version\":\"18446744073709551615\"}"))
            ->version,
        UINT64_MAX);
    refused(&wire__policy_notice__descriptor, "{\"version\":\"18446744073709551616\"}", WIRE_INVALID, "version");
    refused(&wire__policy_notice__descriptor, "{\"version\":\"-1\"}", WIRE_INVALID, "version");
}

Test(json_refuse, impossible_dates_and_times)
{
    const char *const bad[] = {
        "\"2020-02-30\"", "\"昨天\"", "\"2020-13-01\"", "\"2月7日24时\"", "\"2020-02-07 25:00\"", "1.5", "true"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[96];
        snprintf(text, sizeof text, "{\"onset_day\":%s}", bad[i]);
        refused(NOTICE, text, WIRE_INVALID, "onset_day");
        snprintf(text, sizeof text, "{\"at_ms\":%s}", bad[i]);
        refused(&wire__acknowledgement__descriptor, text, WIRE_INVALID, "at_ms");
    }
}

Test(json_refuse, words_that_are_none_of_the_choices)
{
    const struct wire_problem *problem =
        refused(&wire__common__descriptor, "{\"precedence\":\"很急\"}", WIRE_INVALID, "precedence");
    cr_assert_not_null(strstr(problem->zh, "特急、加急、平件"), "%s", problem->zh);
    cr_assert_not_null(strstr(problem->zh, "很急"));
    cr_assert_not_null(strstr(problem->en, "extra-urgent, urgent, ordinary"), "%s", problem->en);
    refused(&wire__common__descriptor, "{\"precedence\":7}", WIRE_INVALID, "precedence");
    refused(&wire__common__descriptor, "{\"precedence\":4294967297}", WIRE_INVALID, "precedence");
    cr_assert_eq(((Wire__Common *)read_as(&wire__common__descriptor, "{\"precedence\":2}"))->precedence,
                 WIRE__COMMON__PRECEDENCE__URGENT);
}

Test(json_refuse, regions_that_no_one_or_several_bear)
{
    refused(&wire__address__descriptor, "{\"region\":\"乌有市\"}", WIRE_UNKNOWN_REGION, "region");
    refused(&wire__address__descriptor, "{\"region\":\"鼓楼区\"}", WIRE_UNKNOWN_REGION, "region");
    refused(&wire__address__descriptor, "{\"region\":\"3304\"}", WIRE_UNKNOWN_REGION, "region");
    refused(&wire__address__descriptor, "{\"region\":330421,\"unit\":\"居委会\"}", WIRE_UNKNOWN_UNIT, "unit");
}

Test(json_refuse, shapes)
{
    refused(NOTICE, "[]", WIRE_INVALID, "");
    refused(NOTICE, "{\"person\":{}}", WIRE_INVALID, "person");
    refused(NOTICE, "{\"person\":[3]}", WIRE_INVALID, "person[1]");
    refused(NOTICE, "{\"common\":[]}", WIRE_INVALID, "common");
    refused(NOTICE, "{\"common\":{\"title\":[]}}", WIRE_INVALID, "common.title");
    refused(NOTICE, "{\"age\":null}", WIRE_INVALID, "age");
    refused(NOTICE, "{\"ask\":[null]}", WIRE_INVALID, "ask[1]");
}

Test(json_refuse, what_the_schema_demands)
{
    refused(&wire__address__descriptor, "{\"unit\":2}", WIRE_INVALID, "region");
    refused(&wire__pulse__descriptor, "{\"serial\":1,\"mono_ms\":2}", WIRE_INVALID, "wall_ms");
    refused(&wire__frame__descriptor, "{\"bye\":{\"reason\":1},\"arrived\":{}}", WIRE_INVALID, "arrived");
}

Test(json_refuse, more_than_the_memory_holds)
{
    uint8_t little[64];
    wire_arena_over(&arena, little, sizeof little);
    refused(NOTICE, "{}", WIRE_NO_MEMORY, "");
    uint8_t more[1024];
    char text[2048];
    snprintf(text, sizeof text, "{\"case_no\":\"%01000d\"}", 1);
    wire_arena_over(&arena, more, sizeof more);
    refused(NOTICE, text, WIRE_NO_MEMORY, "case_no");
}
