/* Publishing, answering, correcting. */
#include "support.h"

static struct fake fake;

static void open_it(void)
{
    fake_open(&fake, 310000);
}

static void done(void)
{
    fake_close(&fake);
}

TestSuite(api_publish, .init = open_it, .fini = done, .timeout = 60);

static struct answer post(const char *token, const char *target, const char *body)
{
    return fake_call(&fake, token, "POST", target, body);
}

/* `body` with one member replaced or added (NULL: removed), as "payload.common.title". */
static char *with(const char *body, const char *path, json_t *value)
{
    json_t *json = json_loads(body, 0, NULL), *inside = json;
    cr_assert_not_null(json);
    const char *dot;
    for (; (dot = strchr(path, '.')) != NULL; path = dot + 1) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)(dot - path), path);
        inside =
            json_is_array(inside) ? json_array_get(inside, strtoul(name, NULL, 10)) : json_object_get(inside, name);
    }
    if (value == NULL)
        json_object_del(inside, path);
    else
        json_object_set_new(inside, path, value);
    char *text = json_dumps(json, 0);
    json_decref(json);
    return text;
}

Test(api_publish, a_notice_is_queued_and_numbered)
{
    struct answer answer = post("duty-token", "/v1/envelopes", NOTICE);
    cr_assert_eq(answer.status, 202, "%s", answer.text);
    cr_expect_str_eq(text_at(&answer, "state"), "queued");
    cr_expect_str_eq(text_at(&answer, "number"), "310000-20200212-0001");
    cr_expect_str_eq(text_at(&answer, "preview.mechanism"), "yangtze-delta");
    cr_expect_eq(number_at(&answer, "preview.to[0].region"), 330000);
    cr_expect_str_neq(text_at(&answer, "preview.text_zh"), "");
    cr_expect_str_neq(text_at(&answer, "preview.line_en"), "");
    cr_expect_not_null(strstr(fake.audit, "desk-0 publish contact-notice "));
    cr_expect_null(strstr(fake.audit, "测试甲"));
    answer_close(&answer);
    const Wire__Header *header = fake_header(&fake, 0);
    cr_expect_eq(header->kind, WIRE_KIND_CONTACT_NOTICE);
    cr_expect_eq(header->issuer_region, 310000);
    cr_expect_eq(header->issuer_unit, WIRE_UNIT_CDC);
    cr_expect_eq(header->urgency, WIRE__URGENCY__IMMEDIATE);
    cr_expect_eq(header->lane, WIRE__LANE__URGENT);
    cr_expect_eq(header->form, WIRE__PAYLOAD_FORM__SEALED);
    cr_expect_eq(header->subject_count, 1);
    cr_expect_eq(header->concerns[0], 330300);
    cr_expect_eq(header->created_ms, FAKE_NOW);
    cr_expect_eq(header->keep_until, 20200307, "28 days after the last contact");
}

Test(api_publish, a_preview_queues_nothing)
{
    struct answer answer = post("duty-token", "/v1/envelopes?preview=1", NOTICE);
    cr_expect_eq(answer.status, 200);
    cr_expect_str_eq(text_at(&answer, "preview.verdict"), "admitted");
    cr_expect_str_eq(text_at(&answer, "urgency"), "immediate");
    cr_expect_eq(fake.publish_calls, 0);
    answer_close(&answer);
}

Test(api_publish, what_the_rules_refuse_is_422_unless_submitted_anyway)
{
    char *body = with(NOTICE, "concerns", json_pack("[i]", 440300)); /* nobody enrolled there */
    struct answer answer = post("duty-token", "/v1/envelopes", body);
    cr_expect_eq(answer.status, 422);
    cr_expect_str_eq(text_at(&answer, "status"), "nobody-for");
    cr_expect_str_eq(text_at(&answer, "reason"), "nobody-for");
    cr_expect_str_eq(text_at(&answer, "detail"), "440300");
    cr_expect_str_neq(text_at(&answer, "preview.text_zh"), "");
    answer_close(&answer);
    cr_expect_eq(fake.publish_calls, 0);
    answer = post("duty-token", "/v1/envelopes?preview=1", body);
    cr_expect_eq(answer.status, 200);
    cr_expect_str_eq(text_at(&answer, "preview.verdict"), "nobody-for");
    answer_close(&answer);
    answer = post("duty-token", "/v1/envelopes?local_check=0", body);
    cr_expect_eq(answer.status, 202, "%s", answer.text);
    answer_close(&answer);
    free(body);
    body = with(NOTICE, "concerns", json_pack("[i]", 440300));
    char *anyway = with(body, "submit_anyway", json_true());
    answer = post("duty-token", "/v1/envelopes", anyway);
    cr_expect_eq(answer.status, 202);
    cr_expect_eq(fake.sent_count, 2);
    cr_expect_eq(fake_header(&fake, 1)->form, WIRE__PAYLOAD_FORM__SEALED);
    answer_close(&answer);
    free(anyway);
    free(body);
}

static void expect_refused(const char *path, json_t *value, unsigned http, const char *status, const char *where)
{
    char *body = with(NOTICE, path, value);
    struct answer answer = post("duty-token", "/v1/envelopes", body);
    cr_expect_eq(answer.status, http, "%s: %u %s", path, answer.status, answer.text);
    cr_expect_str_eq(text_at(&answer, "status"), status, "%s", path);
    cr_expect_str_eq(text_at(&answer, "where"), where);
    cr_expect_str_neq(text_at(&answer, "zh"), "");
    cr_expect_str_neq(text_at(&answer, "en"), "");
    answer_close(&answer);
    free(body);
}

Test(api_publish, bad_input_names_the_field)
{
    expect_refused("kind", json_string("nothing"), 400, "unknown-kind", "kind");
    expect_refused("kind", json_string("reminder"), 400, "unknown-kind", "kind");
    expect_refused("payload", NULL, 400, "invalid", "payload");
    expect_refused("concerns", NULL, 422, "one-region", "concerns");
    expect_refused("concerns", json_pack("[ii]", 330300, 330100), 422, "one-region", "concerns");
    expect_refused("concerns", json_pack("[s]", "无此地"), 400, "unknown-region", "concerns[0]");
    expect_refused("issuer", json_pack("{s:i,s:s}", "region", 310000, "unit", "nobody"), 400, "unknown-region",
                   "issuer");
    expect_refused("to", json_pack("[s]", "330000/nobody"), 400, "unknown-region", "to[0]");
    expect_refused("mechanism", json_string("Yangtze Delta"), 400, "invalid", "mechanism");
    expect_refused("status", json_string("real"), 400, "invalid", "status");
    expect_refused("due", json_string("soon"), 400, "invalid", "due");
    expect_refused("urgency", json_string("past"), 400, "invalid", "urgency");
    expect_refused("lane", json_string("flash"), 422, "wrong-lane", "lane");
    expect_refused("keep_until", json_string("2030-01-01"), 422, "keep-too-long", "keep_until");
    expect_refused("action", json_string("update"), 400, "invalid", "references");
    expect_refused("in_reply_to", json_string("310000-20200212-0001"), 404, "not-found", "in_reply_to");
    expect_refused("payload.common.title", NULL, 400, "invalid", "common.title");
    expect_refused("payload.common.openness", json_string("机密"), 400, "invalid", "common.openness");
    expect_refused("payload.case_no", json_string("1.1E+17"), 400, "invalid", "case_no");
    expect_refused("payload.case_no", json_integer(12), 400, "invalid", "case_no");
    expect_refused("payload.person.0.region", json_integer(999999), 400, "unknown-region", "person[1].region");
    expect_refused("payload.observe_until_day", json_string("2020-02-30"), 400, "invalid", "observe_until_day");
    expect_refused("payload.nonsense", json_string("x"), 400, "unknown-field", "nonsense");
    expect_refused("concern", json_pack("[i]", 330300), 400, "unknown-field", "concern");
    cr_expect_eq(fake.publish_calls, 0);
}

Test(api_publish, what_is_no_json)
{
    static const char *const bodies[] = {
        "", "{", "[]", "7", "{\"kind\":\"a\",\"kind\":\"b\"}", "{\"kind\":\"\\u0000\"}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct answer answer = post("duty-token", "/v1/envelopes", bodies[i]);
        cr_expect_eq(answer.status, 400, "%s: %u", bodies[i], answer.status);
        cr_expect_str_neq(text_at(&answer, "zh"), "");
        answer_close(&answer);
    }
}

Test(api_publish, a_wrong_check_digit_needs_a_reason)
{
    char *one = with(NOTICE, "payload.person.0.id_no", json_string("990101199003070011"));
    char *two = with(one, "payload.person.0.id_type", json_string("居民身份证"));
    struct answer answer = post("duty-token", "/v1/envelopes", two);
    cr_expect_eq(answer.status, 400);
    cr_expect_str_eq(text_at(&answer, "where"), "person[1].id_no");
    cr_expect_null(strstr(answer.text, "990101199003070011"), "numbers in problems are masked");
    answer_close(&answer);
    char *three = with(two, "payload.person.0.id_check_override_reason", json_string("证件原件如此"));
    answer = post("duty-token", "/v1/envelopes", three);
    cr_expect_eq(answer.status, 202, "%s", answer.text);
    answer_close(&answer);
    free(one);
    free(two);
    free(three);
}

Test(api_publish, an_abolished_region_is_taken_with_a_remark)
{
    char *body = with(NOTICE, "payload.person.0.region", json_integer(310108)); /* 闸北, since 2015 part of 静安 */
    struct answer answer = post("duty-token", "/v1/envelopes", body);
    cr_expect_eq(answer.status, 202, "%s", answer.text);
    cr_expect_str_eq(text_at(&answer, "remark.where"), "person[1].region");
    answer_close(&answer);
    free(body);
}

Test(api_publish, logistics_publish_supplies_only)
{
    struct answer answer = post("logistics-token", "/v1/envelopes", NOTICE);
    cr_expect_eq(answer.status, 403);
    answer_close(&answer);
    fake_close(&fake);
    fake_open(&fake, 420000); /* Hubei: its needs have a rule */
    answer = post("logistics-token", "/v1/envelopes", SUPPLY);
    cr_expect_eq(answer.status, 202, "%s", answer.text);
    cr_expect_eq(fake_header(&fake, 0)->issuer_unit, WIRE_UNIT_LOGISTICS);
    cr_expect_eq(fake_header(&fake, 0)->form, WIRE__PAYLOAD_FORM__CLEAR);
    answer_close(&answer);
}

Test(api_publish, a_full_store_is_507_and_no_policy_503)
{
    fake.publish_status = WIRE_STORE_FULL;
    struct answer answer = post("duty-token", "/v1/envelopes", NOTICE);
    cr_expect_eq(answer.status, 507);
    cr_expect_str_eq(text_at(&answer, "status"), "store-full");
    answer_close(&answer);
    fake.publish_status = WIRE_DISK_FULL;
    answer = post("duty-token", "/v1/envelopes", NOTICE);
    cr_expect_eq(answer.status, 507);
    answer_close(&answer);
    fake.no_policy = true;
    answer = post("duty-token", "/v1/envelopes?local_check=0", NOTICE);
    cr_expect_eq(answer.status, 503);
    cr_expect_str_eq(text_at(&answer, "status"), "no-policy");
    answer_close(&answer);
}

/* --- answers --- */

Test(api_publish, signing_for)
{
    fake_close(&fake);
    fake_open(&fake, 330000);
    fake_receive(&fake, WIRE_KIND_CONTACT_NOTICE, 5);
    struct answer answer =
        post("duty-token", "/v1/inbox/310000-20200212-0005/acknowledge", "{\"desk\":\"值班一席\",\"officer\":\"甲\"}");
    cr_assert_eq(answer.status, 202, "%s", answer.text);
    answer_close(&answer);
    const Wire__Header *header = fake_header(&fake, 0);
    cr_expect_eq(header->kind, WIRE_KIND_ACKNOWLEDGEMENT);
    cr_expect_eq(header->in_reply_to->origin, 310000);
    cr_expect_str_eq(header->mechanism, "yangtze-delta");
    cr_expect_eq(header->status, WIRE__STATUS__EXERCISE, "an answer to an exercise is an exercise");
    Wire__Acknowledgement *payload = (Wire__Acknowledgement *)fake_payload(&fake, 0);
    cr_expect_str_eq(payload->reply_to_number, "310000-20200212-0005");
    cr_expect_str_eq(payload->desk, "值班一席");
    cr_expect_eq(payload->at_ms, FAKE_NOW);

    answer = post("duty-token", "/v1/inbox/310000-20200212-0005/acknowledge", "{\"desk\":\"值班一席\"}");
    cr_expect_eq(answer.status, 400);
    cr_expect_str_eq(text_at(&answer, "where"), "officer");
    answer_close(&answer);
    answer = post("duty-token", "/v1/inbox/310000-20200212-0005/acknowledge", "{\"desks\":\"a\",\"officer\":\"b\"}");
    cr_expect_eq(answer.status, 400);
    answer_close(&answer);
    answer =
        post("logistics-token", "/v1/inbox/310000-20200212-0005/acknowledge", "{\"desk\":\"a\",\"officer\":\"b\"}");
    cr_expect_eq(answer.status, 403, "logistics sign for supplies");
    answer_close(&answer);
    fake_receive(&fake, WIRE_KIND_SUPPLY_REQUEST, 6);
    answer = post("logistics-token", "/v1/inbox/310000-20200212-0006/acknowledge",
                  "{\"desk\":\"a\",\"officer\":\"b\",\"reason\":\"退回：无此单位\"}");
    cr_expect_eq(answer.status, 202, "%s", answer.text);
    answer_close(&answer);
}

Test(api_publish, outcomes_by_count)
{
    static const char counts[] =
        "{\"counts\":{\"to_check\":2,\"found\":2,\"controlled\":2,\"excluded\":0,\"not_found\":0},\"final\":true}";
    fake_close(&fake);
    fake_open(&fake, 330000);
    fake_receive(&fake, WIRE_KIND_CONTACT_NOTICE, 5);
    struct answer answer = post("duty-token", "/v1/inbox/310000-20200212-0005/outcome", counts);
    cr_assert_eq(answer.status, 202, "%s", answer.text);
    answer_close(&answer);
    const Wire__Header *header = fake_header(&fake, 0);
    cr_expect_eq(header->kind, WIRE_KIND_OUTCOME);
    cr_expect_eq(header->progress, WIRE__PROGRESS__FINAL);
    cr_expect_eq(header->concerns[0], 310000);
    cr_expect_eq(header->form, WIRE__PAYLOAD_FORM__SEALED);
    answer = post(
        "duty-token", "/v1/inbox/310000-20200212-0005/outcome",
        "{\"counts\":{\"to_check\":3,\"found\":2,\"controlled\":2,\"excluded\":0,\"not_found\":0},\"final\":false}");
    cr_expect_eq(answer.status, 400, "the sums do not fit");
    answer_close(&answer);
    answer = post("duty-token", "/v1/inbox/310000-20200212-0005/outcome", "{\"final\":true}");
    cr_expect_eq(answer.status, 400);
    answer_close(&answer);
}

/* --- the outbox, corrections --- */

Test(api_publish, the_outbox_is_read_page_by_page)
{
    char target[96];
    for (int i = 0; i < 3; i++) {
        struct answer posted = post("duty-token", "/v1/envelopes", NOTICE);
        answer_close(&posted);
    }
    struct answer answer = fake_call(&fake, "duty-token", "GET", "/v1/outbox?oldest_first=1&limit=2", NULL);
    cr_expect_eq(number_at(&answer, "count"), 2);
    cr_expect_not_null(strstr(answer.text, "\"more\":true"));
    snprintf(target, sizeof target, "/v1/outbox?limit=2&after=%lld",
             (long long)number_at(&answer, "envelopes[1].order"));
    answer_close(&answer);
    answer = fake_call(&fake, "duty-token", "GET", target, NULL);
    cr_expect_eq(number_at(&answer, "count"), 1);
    cr_expect_not_null(strstr(answer.text, "\"more\":false"));
    answer_close(&answer);
    fake.sent[1].serial = fake.sent[0].serial; /* as after a store was put back: both are on one page */
    answer = fake_call(&fake, "duty-token", "GET", "/v1/outbox?oldest_first=1&limit=1", NULL);
    cr_expect_eq(number_at(&answer, "count"), 2);
    cr_expect_not_null(strstr(answer.text, "\"more\":true"));
    answer_close(&answer);
}

Test(api_publish, the_outbox_shows_what_became_of_it)
{
    struct answer answer = post("duty-token", "/v1/envelopes", NOTICE);
    answer_close(&answer);
    fake.sent[0].state = WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED;
    answer = fake_call(&fake, "duty-token", "GET", "/v1/outbox?state=admitted", NULL);
    cr_expect_eq(number_at(&answer, "count"), 1);
    cr_expect_str_eq(text_at(&answer, "envelopes[0].state"), "admitted");
    cr_expect_str_eq(text_at(&answer, "envelopes[0].recipients[0].arrived"), "arrived");
    cr_expect_str_eq(text_at(&answer, "envelopes[0].payload.person[0].name"), "测*");
    answer_close(&answer);
    answer = fake_call(&fake, "duty-token", "GET", "/v1/outbox?state=refused", NULL);
    cr_expect_eq(number_at(&answer, "count"), 0);
    answer_close(&answer);
    answer = fake_call(&fake, "duty-token", "GET", "/v1/outbox?state=gone", NULL);
    cr_expect_eq(answer.status, 400);
    answer_close(&answer);
    fake.sent[0].state = WIRE__NODE_OUTBOX_STATE__NODE_REFUSED;
    fake.sent[0].reason = WIRE_NOBODY_FOR;
    answer = fake_call(&fake, "auditor-token", "GET", "/v1/outbox/310000-20200212-0001", NULL);
    cr_expect_str_eq(text_at(&answer, "reason"), "nobody-for");
    cr_expect_str_neq(text_at(&answer, "reason_zh"), "");
    cr_expect_str_eq(text_at(&answer, "payload.person[0].name"), "测*");
    answer_close(&answer);
    answer = fake_call(&fake, "duty-token", "GET", "/v1/outbox/310000-20200212-0001?reveal=check", NULL);
    cr_expect_str_eq(text_at(&answer, "payload.person[0].name"), "测试甲");
    answer_close(&answer);
    answer = fake_call(&fake, "operator-token", "GET", "/v1/outbox/310000-20200212-0001", NULL);
    cr_expect_null(strstr(answer.text, "payload"));
    answer_close(&answer);
    answer = fake_call(&fake, "auditor-token", "GET", "/v1/outbox/310000-20200212-0001/evidence", NULL);
    cr_expect_str_eq(text_at(&answer, "evidence"), "b3V0");
    answer_close(&answer);
}

Test(api_publish, withdrawing)
{
    struct answer answer = post("duty-token", "/v1/envelopes", NOTICE);
    answer_close(&answer);
    answer = post("duty-token", "/v1/outbox/310000-20200212-0001/withdraw", "");
    cr_expect_eq(answer.status, 200);
    cr_expect_str_eq(text_at(&answer, "state"), "withdrawn");
    answer_close(&answer);
    fake.sent[0].state = WIRE__NODE_OUTBOX_STATE__NODE_SEALED;
    answer = post("duty-token", "/v1/outbox/310000-20200212-0001/withdraw", "");
    cr_expect_eq(answer.status, 409);
    answer_close(&answer);
    answer = post("duty-token", "/v1/outbox/310000-20200212-0404/withdraw", "");
    cr_expect_eq(answer.status, 404);
    answer_close(&answer);
}

Test(api_publish, updates_name_the_original)
{
    struct answer answer = post("duty-token", "/v1/envelopes", NOTICE);
    answer_close(&answer);
    json_t *body = json_loads(NOTICE, 0, NULL);
    char *payload = json_dumps(json_object_get(body, "payload"), 0);
    answer = post("duty-token", "/v1/outbox/310000-20200212-0001/update", payload);
    cr_assert_eq(answer.status, 202, "%s", answer.text);
    answer_close(&answer);
    const Wire__Header *header = fake_header(&fake, 1);
    cr_expect_eq(header->action, WIRE__ACTION__UPDATE);
    cr_expect_eq(header->n_references, 1);
    cr_expect_arr_eq(header->references[0]->id.data, fake.sent[0].id, WIRE_ID_BYTES);
    cr_expect_eq(header->concerns[0], 330300);
    cr_expect_str_eq(header->mechanism, "yangtze-delta");
    free(payload);
    json_decref(body);
    answer = post("duty-token", "/v1/outbox/310000-20200212-0001/update", "{\"type\":\"x\"}");
    cr_expect_eq(answer.status, 400);
    answer_close(&answer);
}

Test(api_publish, a_cancel_carries_a_reason_and_no_persons)
{
    struct answer answer = post("duty-token", "/v1/envelopes", NOTICE);
    answer_close(&answer);
    answer = post("duty-token", "/v1/outbox/310000-20200212-0001/cancel", "{\"reason\":\"误报\"}");
    cr_assert_eq(answer.status, 202, "%s", answer.text);
    answer_close(&answer);
    const Wire__Header *header = fake_header(&fake, 1);
    cr_expect_eq(header->action, WIRE__ACTION__CANCEL);
    cr_expect_eq(header->form, WIRE__PAYLOAD_FORM__CLEAR);
    cr_expect_eq(header->subject_count, 0);
    Wire__ContactNotice *payload = (Wire__ContactNotice *)fake_payload(&fake, 1);
    cr_expect_str_eq(payload->common->title, "误报");
    cr_expect_eq(payload->n_person, 0);
    static const char *const bad[] = {"{}", "{\"reason\":\" \"}", "{\"reason\":\"误报，电话 13800001111\"}",
                                      "{\"reason\":7}"};
    for (size_t i = 0; i < 4; i++) {
        answer = post("duty-token", "/v1/outbox/310000-20200212-0001/cancel", bad[i]);
        cr_expect_eq(answer.status, 400, "%s", bad[i]);
        answer_close(&answer);
    }
}
