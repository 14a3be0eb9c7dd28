/* What can be read: status, links, lists, one envelope, masks, evidence, rules, regions, check, metrics. */
#include "support.h"
#include "wire/kind.h"

static struct fake fake;

static void open_with_inbox(void)
{
    fake_open(&fake, 330000);
    fake_receive(&fake, WIRE_KIND_CONTACT_NOTICE, 1);
    fake_receive(&fake, WIRE_KIND_SUPPLY_REQUEST, 2);
}

static void done(void)
{
    fake_close(&fake);
}

TestSuite(api_read, .init = open_with_inbox, .fini = done, .timeout = 60);

static struct answer get(const char *token, const char *target)
{
    return fake_call(&fake, token, "GET", target, NULL);
}

Test(api_read, status_says_who_and_how)
{
    struct answer answer = get("auditor-token", "/v1/status");
    cr_expect_eq(answer.status, 200);
    cr_expect_eq(number_at(&answer, "region"), 330000);
    cr_expect_str_eq(text_at(&answer, "name"), "浙江省");
    cr_expect_str_eq(text_at(&answer, "installation"), "联防测试");
    cr_expect_eq(number_at(&answer, "policy.version"), 7);
    cr_expect_eq(strlen(text_at(&answer, "policy.digest")), 64);
    cr_expect_eq(number_at(&answer, "certificate_days"), 90);
    cr_expect_eq(number_at(&answer, "counts.admitted"), 5);
    answer_close(&answer);
}

Test(api_read, links_with_their_lanes)
{
    struct answer answer = get("operator-token", "/v1/links");
    cr_expect_str_eq(text_at(&answer, "links[0].name"), "delta");
    cr_expect_str_eq(text_at(&answer, "links[0].state"), "up");
    cr_expect_eq(number_at(&answer, "links[0].rtt_ms"), 12);
    cr_expect_eq(number_at(&answer, "links[0].lanes.urgent.queued"), 3);
    cr_expect_eq(number_at(&answer, "links[0].lanes.urgent.oldest_age_ms"), 1000);
    answer_close(&answer);
    answer = fake_call(&fake, "operator-token", "POST", "/v1/links/delta/reconnect", "{}");
    cr_expect_eq(answer.status, 202);
    cr_expect_eq(fake.reconnects, 1);
    answer_close(&answer);
    answer = fake_call(&fake, "operator-token", "POST", "/v1/links/none/reconnect", "{}");
    cr_expect_eq(answer.status, 404);
    answer_close(&answer);
}

Test(api_read, inbox_newest_first_and_masked)
{
    struct answer answer = get("duty-token", "/v1/inbox");
    cr_expect_eq(answer.status, 200);
    cr_expect_eq(number_at(&answer, "count"), 2);
    cr_expect_str_eq(text_at(&answer, "envelopes[0].kind"), "supply-request");
    cr_expect_str_eq(text_at(&answer, "envelopes[1].number"), "310000-20200212-0001");
    cr_expect_str_eq(text_at(&answer, "envelopes[1].kind_zh"), "密接协查");
    cr_expect_str_eq(text_at(&answer, "envelopes[1].origin_name"), "上海市");
    cr_expect_str_eq(text_at(&answer, "envelopes[1].status"), "exercise");
    cr_expect_str_eq(text_at(&answer, "envelopes[1].state"), "new");
    cr_expect_str_eq(text_at(&answer, "envelopes[1].title"), "G7348 次同乘");
    cr_expect_str_eq(text_at(&answer, "envelopes[1].payload.person[0].name"), "测*");
    cr_expect_str_eq(text_at(&answer, "envelopes[1].payload.person[0].phone"), "138****1111");
    cr_expect(json_is_true(at(&answer, "envelopes[1].masked")));
    cr_expect_str_eq(text_at(&answer, "envelopes[1].disposition.terms[0].due"), "2020-02-12T10:29:00+08:00");
    cr_expect_null(strstr(answer.text, "13800001111"));
    answer_close(&answer);
}

Test(api_read, inbox_filters)
{
    struct answer answer = get("duty-token", "/v1/inbox?kind=contact-notice&payload=0");
    cr_expect_eq(number_at(&answer, "count"), 1);
    cr_expect_null(at(&answer, "envelopes[0].payload"));
    answer_close(&answer);
    answer = get("duty-token", "/v1/inbox?limit=1");
    cr_expect_eq(number_at(&answer, "count"), 1);
    cr_expect(json_is_true(at(&answer, "more")));
    answer_close(&answer);
    fake.received[0].has_known = true;
    fake.received[0].known.has_signed_for_ms = true;
    answer = get("duty-token", "/v1/inbox?unsigned=1");
    cr_expect_eq(number_at(&answer, "count"), 1);
    cr_expect_eq(number_at(&answer, "envelopes[0].order"), 2);
    answer_close(&answer);
    answer = get("duty-token", "/v1/inbox?after=1");
    cr_expect_eq(number_at(&answer, "envelopes[0].order"), 2);
    answer_close(&answer);
    answer = get("duty-token", "/v1/inbox?since=2020-02-13");
    cr_expect_eq(number_at(&answer, "count"), 0);
    answer_close(&answer);
    static const char *const bad[] = {"limit=0",      "limit=x",    "limit=99999999999999999999",
                                      "kind=nothing", "since=soon", "after=-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char target[64];
        snprintf(target, sizeof target, "/v1/inbox?%s", bad[i]);
        answer = get("duty-token", target);
        cr_expect_eq(answer.status, 400, "%s", bad[i]);
        cr_expect_str_eq(text_at(&answer, "status"), "invalid");
        answer_close(&answer);
    }
}

Test(api_read, one_by_number_by_id_and_missing)
{
    struct answer answer = get("auditor-token", "/v1/inbox/310000-20200212-0001");
    char target[80], id[40];
    cr_expect_eq(answer.status, 200);
    cr_expect_str_eq(text_at(&answer, "payload.person[0].name"), "测*");
    snprintf(id, sizeof id, "%s", text_at(&answer, "id"));
    answer_close(&answer);
    snprintf(target, sizeof target, "/v1/inbox/%s", id);
    answer = get("auditor-token", target);
    cr_expect_str_eq(text_at(&answer, "number"), "310000-20200212-0001");
    answer_close(&answer);
    answer = get("auditor-token", "/v1/inbox/310000-20200212-0099");
    cr_expect_eq(answer.status, 404);
    cr_expect_str_eq(text_at(&answer, "status"), "not-found");
    cr_expect_str_neq(text_at(&answer, "zh"), "");
    cr_expect_str_neq(text_at(&answer, "en"), "");
    answer_close(&answer);
    answer = get("auditor-token", "/v1/inbox/what");
    cr_expect_eq(answer.status, 400);
    answer_close(&answer);
}

Test(api_read, persons_are_shown_for_a_reason_and_it_is_audited)
{
    struct answer answer = get("duty-token", "/v1/inbox/310000-20200212-0001?reveal=%E6%B5%81%E8%B0%83");
    cr_expect_eq(answer.status, 200);
    cr_expect_str_eq(text_at(&answer, "payload.person[0].name"), "测试甲");
    cr_expect(json_is_false(at(&answer, "masked")));
    cr_expect_str_eq(fake.audit, "desk-0 reveal 310000-20200212-0001 流调\n");
    answer_close(&answer);
    answer = get("duty-token", "/v1/inbox/310000-20200212-0001?reveal=");
    cr_expect_eq(answer.status, 400);
    answer_close(&answer);
    static const char *const others[] = {"auditor-token", "logistics-token", "operator-token"};
    for (size_t i = 0; i < 3; i++) {
        answer = get(others[i], "/v1/inbox/310000-20200212-0001?reveal=x");
        cr_expect_eq(answer.status, 403, "%s", others[i]);
        cr_expect_null(strstr(answer.text, "13800001111"));
        answer_close(&answer);
    }
    cr_expect_str_eq(fake.audit, "desk-0 reveal 310000-20200212-0001 流调\n");
}

Test(api_read, operators_see_headers_only)
{
    static const char *const targets[] = {"/v1/inbox/310000-20200212-0001", "/v1/inbox"};
    for (size_t i = 0; i < 2; i++) {
        struct answer answer = get("operator-token", targets[i]);
        cr_expect_eq(answer.status, 200);
        cr_expect_null(strstr(answer.text, "payload"));
        cr_expect_null(strstr(answer.text, "G7348"));
        cr_expect_not_null(strstr(answer.text, "310000-20200212-0001"));
        answer_close(&answer);
    }
}

Test(api_read, what_cannot_be_read_says_so)
{
    fake.received[0].payload_status = WIRE_ERASED;
    struct answer answer = get("duty-token", "/v1/inbox/310000-20200212-0001");
    cr_expect_str_eq(text_at(&answer, "payload_status"), "erased");
    cr_expect_str_neq(text_at(&answer, "payload_status_zh"), "");
    answer_close(&answer);
    fake.received[1].unreadable = true;
    answer = get("duty-token", "/v1/inbox");
    cr_expect(json_is_true(at(&answer, "envelopes[0].unreadable")));
    answer_close(&answer);
}

Test(api_read, evidence_as_json_and_as_bytes)
{
    struct answer answer = get("auditor-token", "/v1/inbox/310000-20200212-0001/evidence");
    cr_expect_eq(answer.status, 200);
    cr_expect_str_eq(text_at(&answer, "evidence"), "aW5ib3ggZXZpZGVuY2U=");
    cr_expect_str_eq(text_at(&answer, "number"), "310000-20200212-0001");
    answer_close(&answer);
    answer = get("operator-token", "/v1/inbox/310000-20200212-0001/evidence");
    cr_expect_eq(answer.status, 403);
    answer_close(&answer);
}

Test(api_read, rules_and_regions)
{
    struct answer answer = get("operator-token", "/v1/policy");
    cr_expect_eq(json_array_size(at(&answer, "mechanisms")), 3);
    cr_expect_str_eq(text_at(&answer, "mechanisms[2].id"), "yangtze-delta");
    cr_expect_str_neq(text_at(&answer, "mechanisms[2].text_zh"), "");
    answer_close(&answer);
    answer = get("operator-token", "/v1/policy/files");
    cr_expect_str_eq(text_at(&answer, "files[0].text"), "id: a\n");
    answer_close(&answer);
    answer = get("admin-token", "/v1/regions");
    cr_expect_eq(json_array_size(at(&answer, "regions")), 6);
    cr_expect_str_eq(text_at(&answer, "regions[1].name"), "上海市");
    answer_close(&answer);
    fake.no_policy = true;
    answer = get("operator-token", "/v1/policy");
    cr_expect_eq(answer.status, 503);
    cr_expect_str_eq(text_at(&answer, "status"), "no-policy");
    answer_close(&answer);
    answer = get("operator-token", "/v1/policy/files");
    cr_expect_eq(answer.status, 503);
    answer_close(&answer);
}

Test(api_read, check_is_one_word)
{
    struct answer answer = get("operator-token", "/v1/check");
    cr_expect_str_eq(text_at(&answer, "verdict"), "ok", "%s", answer.text);
    cr_expect_eq(number_at(&answer, "code"), 0);
    answer_close(&answer);
    fake.received[0].arrived_ms -= 3600000;
    answer = get("operator-token", "/v1/check");
    cr_expect_str_eq(text_at(&answer, "verdict"), "warning");
    answer_close(&answer);
    fake.link_state = API_LINK_DOWN;
    answer = get("operator-token", "/v1/check");
    cr_expect_str_eq(text_at(&answer, "verdict"), "critical");
    cr_expect_eq(number_at(&answer, "code"), 2);
    answer_close(&answer);
}

Test(api_read, alarms_stay_until_they_are_seen)
{
    fake_event(&fake, "alarm", "fork", "{}", true);
    struct answer answer = get("operator-token", "/v1/check");
    cr_expect_str_eq(text_at(&answer, "verdict"), "warning");
    answer_close(&answer);
    answer = fake_call(&fake, "operator-token", "POST", "/v1/check/seen", "{\"up_to\": 1}");
    cr_expect_eq(answer.status, 200);
    answer_close(&answer);
    answer = get("operator-token", "/v1/check");
    cr_expect_str_eq(text_at(&answer, "verdict"), "ok");
    answer_close(&answer);
    answer = fake_call(&fake, "operator-token", "POST", "/v1/check/seen", "{\"up_to\": \"x\"}");
    cr_expect_eq(answer.status, 400);
    answer_close(&answer);
}

Test(api_read, metrics_without_a_token_on_the_socket_only)
{
    struct answer answer = get(NULL, "/metrics");
    cr_expect_eq(answer.status, 200);
    cr_expect_not_null(strstr(answer.type, "text/plain"));
    cr_expect_not_null(strstr(answer.text, "lianfang_node_envelopes_total{verdict=\"admitted\"} 5\n"));
    cr_expect_not_null(strstr(answer.text, "lianfang_node_link_up{link=\"delta\"} 1\n"));
    answer_close(&answer);
    answer = fake_post_bytes(&fake, NULL, "/metrics", NULL, wire_bytes(NULL, 0), true);
    cr_expect_eq(answer.status, 401);
    answer_close(&answer);
    answer = fake_post_bytes(&fake, "operator-token", "/metrics", NULL, wire_bytes(NULL, 0), true);
    cr_expect_eq(answer.status, 200);
    answer_close(&answer);
}
