/* field=value words into JSON. */
#include "node/cli/fields.h"
#include "run.h"
#include "schema/payload.pb-c.h"
#include <stdlib.h>

#define NOTICE (&wire__contact_notice__descriptor)

static json_t *payload;
static struct wire_problem problem;

static void setup(void)
{
    payload = json_object();
}

static void teardown(void)
{
    json_decref(payload);
}

TestSuite(fields, .init = setup, .fini = teardown);

static void set(const char *word)
{
    cr_expect_eq(cli_field_set(payload, NOTICE, word, &problem), WIRE_OK, "%s: %s", word, problem.en);
}

static void refuses(const char *word, enum wire_status status, const char *part)
{
    cr_expect_eq(cli_field_set(payload, NOTICE, word, &problem), status, "%s", word);
    has(problem.en, part);
    cr_expect_str_neq(problem.zh, problem.en);
}

static void is(const char *expected)
{
    char *text = json_dumps(payload, JSON_COMPACT | JSON_SORT_KEYS);
    cr_expect_str_eq(text, expected);
    free(text);
}

Test(fields, plain_and_of_common)
{
    set("case_no=0591000001");
    set("title=协查=函");
    set("common.doc_no=沪〔2020〕1号");
    is("{\"case_no\":\"0591000001\",\"common\":{\"doc_no\":\"沪〔2020〕1号\",\"title\":\"协查=函\"}}");
}

Test(fields, lists_of_groups)
{
    set("conveyance[1].mode=高铁");
    set("conveyance[1].travel_day=2020-02-03");
    set("journey[2].number=CA1");
    set("conveyance[2].行程日期=未注明");
    is("{\"conveyance\":[{\"mode\":\"高铁\",\"travel_day\":\"2020-02-03\"},{\"number\":\"CA1\",\"travel_day\":"
       "\"未注明\"}]}");
}

Test(fields, lists_of_values)
{
    set("ask=find,isolate");
    set("ask=反馈");
    is("{\"ask\":[\"find\",\"isolate\",\"反馈\"]}");
    set("ask[2]=sample");
    is("{\"ask\":[\"find\",\"sample\",\"反馈\"]}");
}

Test(fields, a_text_may_hold_commas)
{
    cr_expect_eq(cli_field_set(payload, &wire__measure_bulletin__descriptor, "route=甲、乙, 丙", &problem), WIRE_OK);
    is("{\"route\":[\"甲、乙, 丙\"]}");
}

Test(fields, booleans)
{
    cr_expect_eq(cli_field_set(payload, &wire__measure_bulletin__descriptor, "stricter=否", &problem), WIRE_OK);
    cr_expect_eq(cli_field_set(payload, &wire__outcome__descriptor, "final=true", &problem), WIRE_OK);
    is("{\"final\":true,\"stricter\":false}");
}

/* A word overrides what the file says, also when the file says it in Chinese. */
Test(fields, labels_and_names_are_one_field)
{
    json_object_set_new(payload, "病例编号", json_string("旧"));
    set("case_no=新");
    is("{\"case_no\":\"新\"}");
}

Test(fields, what_is_refused)
{
    refuses("case_nr=1", WIRE_UNKNOWN_FIELD, "case_no");
    refuses("case_no", WIRE_INVALID, "name=value");
    refuses("=1", WIRE_INVALID, "name=value");
    refuses("conveyance=train", WIRE_INVALID, "conveyance[1].mode");
    refuses("conveyance[0].mode=train", WIRE_INVALID, "count from 1");
    refuses("conveyance[3].mode=train", WIRE_INVALID, "before it");
    refuses("conveyance[x].mode=train", WIRE_INVALID, "count from 1");
    refuses("case_no.more=1", WIRE_INVALID, "no fields");
    refuses("case_no=\xff", WIRE_BAD_STRING, "UTF-8");
    refuses("conveyance[1]mode=train", WIRE_INVALID, "count from 1");
}
