/* Commands there and back: what goes to the node, what is printed, which exit code. */
#include "fake.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NUMBER "310000-20200207-0012"
#define QUEUED                                                                                                                      \
    "{\"id\":\"0170190f-8a00-7c01-8000-000000000012\",\"number\":\"" NUMBER "\",\"state\":\"queued\",\"preview\":"                  \
    "{\"mechanism\":\"yangtze-delta\",\"rule\":\"contacts\",\"lane\":\"urgent\",\"keep_until\":\"2020-04-07\","                     \
    "\"verdict\":\"admitted\",\"line_zh\":\"发往 浙江省\",\"line_en\":\"to 浙江省\",\"text_zh\":\"发往浙江省。\\n\"," \
    "\"text_en\":\"To Zhejiang.\\n\"}}\n"

static struct fake *fake;
static struct run run;

static void setup(void)
{
    fake = fake_open();
    run.node = fake_node(fake);
}

static void teardown(void)
{
    run_close(&run);
    fake_close(fake);
}

TestSuite(commands, .init = setup, .fini = teardown);

/* --- publishing --- */

Test(commands, publish)
{
    fake_answer(fake, "POST /v1/envelopes", 202, QUEUED);
    run_cli(&run, "publish", "密接协查", "title=函", "ask=find,feedback", "--concerns", "温州市", "--to", "330000/cdc",
            "--status", "测试", "--due", "2020-02-08 10:00", "--mechanism", "national", "--reason", "跨省", "--issuer",
            "/cdc", NULL);
    cr_expect_eq(run.code, 0);
    cr_expect_str_eq(fake_request(fake, 0),
                     "POST /v1/envelopes {\"payload\":{\"common\":{\"title\":\"函\"},\"ask\":[\"find\",\"feedback\"]},"
                     "\"kind\":\"contact-notice\",\"mechanism\":\"national\",\"mechanism_reason\":\"跨省\",\"to\":[{"
                     "\"region\":330000,"
                     "\"unit\":\"cdc\"}],\"concerns\":[330300],\"issuer\":{\"unit\":\"cdc\"},\"status\":\"test\","
                     "\"due\":\"2020-02-08T10:00:00+08:00\"}");
    cr_expect_str_eq(run.out,
                     NUMBER " queued\n  to 浙江省\n  mechanism yangtze-delta, rule contacts, kept until 2020-04-07\n");
}

Test(commands, publish_json_is_the_answer_verbatim)
{
    fake_answer(fake, "POST /v1/envelopes", 202, QUEUED);
    run_cli(&run, "--json", "publish", "contact-notice", NULL);
    cr_expect_str_eq(run.out, QUEUED);
}

Test(commands, publish_from_standard_input)
{
    fake_answer(fake, "POST /v1/envelopes", 202, QUEUED);
    run.input = "{\"病例编号\":\"1\",\"age\":45}";
    run_cli(&run, "publish", "contact-notice", "case_no=2", "--file", "-", NULL);
    cr_expect_eq(run.code, 0, "%s", run.err);
    has(fake_request(fake, 0), "{\"payload\":{\"age\":45,\"case_no\":\"2\"}");
    run.input = "{\"age\":45,";
    run_cli(&run, "publish", "contact-notice", "--file", "-", NULL);
    cr_expect_eq(run.code, 65);
    cr_expect_eq(fake_count(fake), 1);
}

Test(commands, publish_a_whole_request)
{
    fake_answer(fake, "POST /v1/envelopes", 202, QUEUED);
    run.input = "{\"kind\":\"contact-notice\",\"status\":\"test\",\"concerns\":[310000],\"payload\":{\"age\":45}}";
    run_cli(&run, "publish", "contact-notice", "--file", "-", "--status", "exercise", NULL);
    cr_expect_eq(run.code, 0, "%s", run.err);
    has(fake_request(fake, 0), "\"concerns\":[310000]");
    has(fake_request(fake, 0), "\"status\":\"exercise\"");
    run_cli(&run, "publish", "supply-request", "--file", "-", NULL);
    cr_expect_eq(run.code, 64);
}

Test(commands, preview)
{
    fake_answer(fake, "POST /v1/envelopes", 200, QUEUED);
    run_cli(&run, "publish", "contact-notice", "--preview", "--lang", "zh", NULL);
    cr_expect_eq(run.code, 0);
    has(fake_request(fake, 0), "POST /v1/envelopes preview=1");
    cr_expect_str_eq(run.out, "发往浙江省。\n");
}

Test(commands, a_preview_of_a_refusal)
{
    fake_answer(fake, "POST /v1/envelopes", 200, "{\"preview\":{\"verdict\":\"nobody\",\"text_en\":\"Nobody.\"}}");
    run_cli(&run, "publish", "contact-notice", "--preview", NULL);
    cr_expect_eq(run.code, 65);
    cr_expect_str_eq(run.out, "Nobody.\n");
}

static int wait_for(const char *state, const char *seconds)
{
    char body[512];
    snprintf(body, sizeof body,
             "{\"number\":\"" NUMBER "\",\"state\":\"%s\",\"reason_en\":\"nobody enrolled\",\"detail\":\"320583\","
             "\"allowed\":\"320000\"}",
             state);
    fake_answer(fake, "POST /v1/envelopes", 202, QUEUED);
    fake_answer(fake, "GET /v1/outbox/0170190f-8a00-7c01-8000-000000000012", 200,
                "{\"number\":\"" NUMBER "\",\"state\":\"sent\"}");
    fake_answer(fake, "GET /v1/outbox/0170190f-8a00-7c01-8000-000000000012", 200, body);
    run_cli(&run, "publish", "contact-notice", "--wait", seconds, NULL);
    return run.code;
}

Test(commands, waiting_for_the_verdict)
{
    cr_expect_eq(wait_for("admitted", "5"), 0);
    has(run.out, NUMBER " admitted");
    cr_expect_eq(run.pauses, 1);
}

Test(commands, waiting_for_a_refusal)
{
    cr_expect_eq(wait_for("refused", "5"), 65);
    has(run.out, NUMBER " refused: nobody enrolled 320583\n  allowed would be: 320000");
}

Test(commands, waiting_in_vain)
{
    cr_expect_eq(wait_for("held", "1"), 75);
    has(run.out, NUMBER " held");
}

Test(commands, mistakes_are_found_before_anything_is_sent)
{
    static const char *const words[][4] = {{"publish", "contact-notise", NULL, NULL},
                                           {"publish", "contact-notice", "--concerns", "没有的地方"},
                                           {"publish", "contact-notice", "--to", "330000/nounit"},
                                           {"publish", "contact-notice", "--due", "soon"},
                                           {"publish", "contact-notice", "--status", "maybe"},
                                           {"publish", "contact-notice", "case_nr=1", NULL},
                                           {"ack", NUMBER, "--desk", "x"},
                                           {"cancel", NUMBER, NULL, NULL},
                                           {"import", "/dev/null", NULL, NULL},
                                           {"evidence", NUMBER, NULL, NULL},
                                           {"check", "--format", "xml", NULL}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        run_cli(&run, words[i][0], words[i][1], words[i][2], words[i][3], NULL);
        cr_expect(run.code == 64 || run.code == 65, "%s %s: %d", words[i][0], words[i][1], run.code);
        cr_expect_str_neq(run.err, "");
    }
    cr_expect_eq(fake_count(fake), 0);
}

/* --- answers, corrections --- */

Test(commands, ack_and_return)
{
    fake_answer(fake, "POST /v1/inbox/" NUMBER "/acknowledge", 202, QUEUED);
    run_cli(&run, "ack", NUMBER, "--desk", "疾控值班", "--officer", "值班员", NULL);
    cr_expect_eq(run.code, 0);
    cr_expect_str_eq(fake_request(fake, 0),
                     "POST /v1/inbox/" NUMBER "/acknowledge {\"desk\":\"疾控值班\",\"officer\":\"值班员\"}");
    run_cli(&run, "ack", NUMBER, "--desk", "a", "--officer", "b", "--return", "非本地", NULL);
    has(fake_request(fake, 1), "\"reason\":\"非本地\"");
}

Test(commands, reply)
{
    fake_answer(fake, "POST /v1/inbox/" NUMBER "/outcome", 202, QUEUED);
    run_cli(&run, "reply", NUMBER, "counts.to_check=5", "人员[1].ref=1", "person[1].结果=集中隔离", "--final", NULL);
    cr_expect_eq(run.code, 0, "%s", run.err);
    cr_expect_str_eq(fake_request(fake, 0),
                     "POST /v1/inbox/" NUMBER "/outcome {\"counts\":{\"to_check\":\"5\"},\"person\":[{\"ref\":\"1\","
                     "\"result\":\"集中隔离\"}],\"final\":true}");
}

Test(commands, cancel_withdraw_update)
{
    fake_answer(fake, "POST /v1/outbox/" NUMBER "/cancel", 202, QUEUED);
    fake_answer(fake, "POST /v1/outbox/" NUMBER "/withdraw", 409,
                "{\"status\":\"exists\",\"zh\":\"已发出\",\"en\":\"it has left\",\"remedy_en\":\"cancel it\"}");
    fake_answer(fake, "GET /v1/outbox/" NUMBER, 200, "{\"kind\":\"contact-notice\"}");
    fake_answer(fake, "POST /v1/outbox/" NUMBER "/update", 202, QUEUED);
    run_cli(&run, "cancel", NUMBER, "--reason", "有误", NULL);
    cr_expect_eq(run.code, 0);
    has(fake_request(fake, -1), "{\"reason\":\"有误\"}");
    run_cli(&run, "withdraw", NUMBER, NULL);
    cr_expect_eq(run.code, 65);
    cr_expect_str_eq(run.err, "error (exists): it has left\n  remedy: cancel it\n");
    run_cli(&run, "update", NUMBER, "case_no=3", NULL);
    cr_expect_eq(run.code, 0, "%s", run.err);
    has(fake_request(fake, -1), "/update {\"payload\":{\"case_no\":\"3\"}}");
}

/* --- lists and one --- */

static char *fixture(const char *name)
{
    char file[64];
    snprintf(file, sizeof file, "cli/%s.json", name);
    char *path = data_path(file), *text = read_whole(path);
    cr_assert_not_null(text, "%s", path);
    free(path);
    return text;
}

Test(commands, inbox)
{
    char *one = fixture("contact-notice"), *list = malloc(strlen(one) + 64);
    sprintf(list, "{\"envelopes\":[%s],\"count\":1,\"more\":true}", one);
    fake_answer(fake, "GET /v1/inbox", 200, list);
    run_cli(&run, "inbox", "--unsigned", "--kind", "密接协查", "--limit", "5", "--since", "2020-02-07", NULL);
    cr_expect_eq(run.code, 0);
    cr_expect_str_eq(fake_request(fake, 0), "GET /v1/inbox unsigned=1 kind=contact-notice since=2020-02-07 limit=5 ");
    has(run.out, NUMBER);
    has(run.out, "310000 上海市 CDC");
    has(run.out, "2020-02-07 22:00"); /* the next term that is not met */
    has(run.err, "--limit");
    free(one);
    free(list);
}

Test(commands, outbox_counts_arrivals)
{
    char *one = fixture("outbox"), *list = malloc(strlen(one) + 64);
    sprintf(list, "{\"envelopes\":[%s],\"count\":1,\"more\":false}", one);
    fake_answer(fake, "GET /v1/outbox", 200, list);
    run.tty = true;
    run.columns = 60;
    run_cli(&run, "--lang", "zh", "outbox", "--state", "admitted", NULL);
    has(fake_request(fake, 0), "state=admitted");
    has(run.out, "1/2");
    has(run.out, "【测试】");
    has(run.out, "\x1b[1m");
    run.no_color = "1";
    run_cli(&run, "outbox", NULL);
    hasnt(run.out, "\x1b");
    free(one);
    free(list);
}

Test(commands, an_empty_list)
{
    fake_answer(fake, "GET /v1/inbox", 200, "{\"envelopes\":[],\"count\":0,\"more\":false}");
    run_cli(&run, "inbox", NULL);
    cr_expect_eq(run.code, 0);
    cr_expect_str_eq(run.out, "");
}

Test(commands, show_looks_into_the_inbox_then_the_outbox)
{
    char *one = fixture("outbox");
    fake_answer(fake, "GET /v1/outbox/" NUMBER, 200, one);
    run_cli(&run, "show", NUMBER, "--reveal", "疫情处置", NULL);
    cr_expect_eq(run.code, 0, "%s", run.err);
    has(fake_request(fake, 0), "GET /v1/inbox/" NUMBER " reveal=疫情处置");
    has(fake_request(fake, 1), "GET /v1/outbox/" NUMBER " reveal=疫情处置");
    has(run.out, "[TEST]");
    run_cli(&run, "show", "310000-20200207-9999", NULL);
    cr_expect_eq(run.code, 66);
    has(run.err, "not there");
    free(one);
}

Test(commands, links_status_regions)
{
    fake_answer(
        fake, "GET /v1/links", 200,
        "{\"links\":[{\"name\":\"delta\",\"state\":\"down\",\"since\":\"2020-02-07T09:00:00+08:00\",\"offset_ms\":3,"
        "\"reason_en\":\"no pulse\",\"lanes\":{\"flash\":{\"queued\":1,\"unreceipted\":2},\"bulk\":{\"queued\":4,"
        "\"unreceipted\":0,\"oldest\":\"2020-02-07T08:00:00+08:00\"}},\"notices\":[]}]}");
    fake_answer(fake, "GET /v1/status", 200,
                "{\"region\":310000,\"installation\":\"长三角\",\"certificate_until\":\"2021-02-07T00:00:00+08:00\","
                "\"certificate_days\":365,\"counts\":{\"admitted\":7},\"store\":{\"full_permille\":15},\"clock\":{}}");
    fake_answer(fake, "GET /v1/regions", 200,
                "{\"regions\":[{\"region\":310000,\"name\":\"上海市\"},{\"region\":330000,\"name\":\"浙江省\"}]}");
    run_cli(&run, "links", NULL);
    has(run.out, "delta");
    has(run.out, "no pulse");
    has(run.out, "2020-02-07 08:00");
    run_cli(&run, "links", "--broker", "nobody", NULL);
    cr_expect_eq(run.code, 64);
    run_cli(&run, "status", NULL);
    has(run.out, "310000 上海市");
    has(run.out, "1.5 %");
    has(run.out, "admitted 7");
    run_cli(&run, "regions", "浙江", NULL);
    has(run.out, "330000");
    hasnt(run.out, "310000");
}

/* --- check --- */

#define CHECK                                                                                                          \
    "{\"items\":[{\"name\":\"store\",\"level\":\"ok\",\"zh\":\"存储\",\"en\":\"store\"},{\"name\":\"link:a\","       \
    "\"level\":\"critical\",\"zh\":\"中断\",\"en\":\"down | 15 min\"}],\"verdict\":\"critical\",\"code\":2}"

Test(commands, check_in_all_forms)
{
    fake_answer(fake, "GET /v1/check", 200, CHECK);
    run_cli(&run, "check", NULL);
    cr_expect_eq(run.code, 2);
    has(run.out, "link:a");
    run_cli(&run, "check", "--format", "nagios", NULL);
    cr_expect_eq(run.code, 2);
    cr_expect_str_eq(run.out, "LIANFANG CRITICAL - link:a: down / 15 min\n");
    run_cli(&run, "check", "--format", "prometheus", NULL);
    has(run.out, "lianfang_check 2\n");
    has(run.out, "lianfang_check_item{name=\"link:a\",entry=\"1\"} 2\n");
    run_cli(&run, "check", "--format", "json", NULL);
    cr_expect_str_eq(run.out, CHECK "\n");
}

Test(commands, monitoring_hears_of_a_node_that_is_gone)
{
    run.node = "unix:/nowhere/api.sock";
    run_cli(&run, "check", "--format", "nagios", NULL);
    cr_expect_eq(run.code, 3);
    has(run.out, "LIANFANG UNKNOWN");
    run_cli(&run, "check", NULL);
    cr_expect_eq(run.code, 69);
}

/* --- import --- */

#define CSV "病例编号,备注\r\n1,\"一\r\n行\"\r\n\r\n2,二\r\n3,三\r\n"
#define REPORT                                                                                                         \
    "{\"profile_name\":\"p\",\"rows\":3,\"envelopes\":3,\"queued\":1,\"updates\":0,\"unchanged\":0,\"duplicates\":0,"  \
    "\"refused\":1,\"foreign\":1,\"missing_columns\":[\"电话\"],\"items\":[{\"row\":2,\"result\":\"queued\","        \
    "\"number\":\"" NUMBER                                                                                             \
    "\"},{\"row\":4,\"result\":\"refused\",\"column\":\"备注\",\"value\":\"二\",\"zh\":\"不行\","                 \
    "\"en\":\"it is \\\"bad\\\"\"},{\"row\":5,\"result\":\"foreign\"}]}"

Test(commands, import_and_the_rows_that_came_back)
{
    char *folder = temp_folder(), *csv = joined(folder, "a.csv"), *profile = joined(folder, "p.yaml");
    char *report = joined(folder, "out.csv");
    write_whole(csv, CSV);
    write_whole(profile, "name: p\nstatus: actual\nkind: contact-notice");
    fake_answer(fake, "POST /v1/import", 200, REPORT);
    run_cli(&run, "import", csv, "--profile", profile, "--report", report, "--status", "test", "--dry-run", NULL);
    cr_expect_eq(run.code, 65, "%s", run.err);
    has(fake_request(fake, 0), "POST /v1/import dry_run=1");
    has(fake_request(fake, 0), "\"profile\":\"name: p\\nkind: contact-notice\\nstatus: test\\n\"");
    has(fake_request(fake, 0),
        "\"csv_base64\":\"55eF5L6L57yW5Y+3LOWkh+azqA0KMSwi5LiADQrooYwiDQoNCjIs5LqMDQozLOS4iQ0K\"");
    has(run.out, "p: 3 rows, 3 notices, 1 queued");
    has(run.out, NUMBER);
    has(run.out, "it is \"bad\"");
    has(run.err, "电话");
    char *written = read_whole(report);
    cr_expect_str_eq(written, "\xef\xbb\xbf病例编号,备注,\"Refused field\",\"Refused reason\"\r\n"
                              "2,二,\"备注\",\"it is \"\"bad\"\"\"\r\n");
    /* corrected and refused again: the reasons are replaced, not piled up */
    write_whole(csv, written);
    free(written);
    fake_answer(
        fake, "POST /v1/import", 200,
        "{\"rows\":1,\"refused\":1,\"items\":[{\"row\":2,\"result\":\"refused\",\"field\":\"x\",\"en\":\"again\"}]}");
    run_cli(&run, "import", csv, "--profile", "p", "--report", report, NULL);
    has(fake_request(fake, 1), "POST /v1/import profile=p \xef\xbb\xbf病例编号");
    written = read_whole(report);
    cr_expect_str_eq(written,
                     "\xef\xbb\xbf病例编号,备注,\"Refused field\",\"Refused reason\"\r\n2,二,\"x\",\"again\"\r\n");
    free(written);
    free(csv);
    free(profile);
    free(report);
    remove_folder(folder);
}

Test(commands, a_report_of_a_table_in_gb18030)
{
    char *folder = temp_folder(), *csv = joined(folder, "a.csv"), *report = joined(folder, "out.csv");
    write_whole(csv, "\xb1\xe0\xba\xc5;a\n1;\xb6\xfe\n"); /* 编号;a 1;二 */
    fake_answer(fake, "POST /v1/import", 200,
                "{\"refused\":1,\"items\":[{\"row\":2,\"result\":\"refused\",\"field\":\"f\",\"en\":\"e\"}]}");
    run_cli(&run, "import", csv, "--profile", "p", "--report", report, NULL);
    cr_expect_eq(run.code, 65);
    char *written = read_whole(report);
    cr_expect_str_eq(written, "\xef\xbb\xbf编号;a;\"Refused field\";\"Refused reason\"\r\n1;二;\"f\";\"e\"\r\n");
    free(written);
    free(csv);
    free(report);
    remove_folder(folder);
}

Test(commands, a_store_that_filled_up_still_reports)
{
    char *folder = temp_folder(), *csv = joined(folder, "a.csv");
    write_whole(csv, CSV);
    fake_answer(
        fake, "POST /v1/import", 507,
        "{\"status\":\"store-full\",\"zh\":\"满\",\"en\":\"full\",\"rows\":3,\"refused\":0,\"items\":[{\"row\":2,"
        "\"result\":\"queued\"}]}");
    run_cli(&run, "import", csv, "--profile", "p", NULL);
    cr_expect_eq(run.code, 75);
    has(run.err, "full");
    has(run.out, "3 rows");
    free(csv);
    remove_folder(folder);
}

/* --- events --- */

Test(commands, events_are_taken_up_again)
{
    fake_stream(
        fake, "GET /v1/events",
        "retry: 2000\n\nid: 7\nevent: alarm\ndata: {\"topic\":\"link-down\",\"at\":\"2020-02-07T10:00:00+08:00\","
        "\"alarm\":true,\"what\":{\"link\":\"a\",\"zh\":\"链路中断\",\"en\":\"the link is down\"}}\n\n");
    fake_answer(fake, "GET /v1/events", 403, "{\"status\":\"not-permitted\",\"zh\":\"不行\",\"en\":\"no more\"}");
    run_cli(&run, "events", NULL);
    cr_expect_eq(run.code, 77);
    cr_expect_str_eq(run.out, "2020-02-07 10:00 alarm link-down the link is down\n");
    cr_expect_str_eq(fake_last_event_id(fake), "7");
}

Test(commands, events_for_programs)
{
    fake_stream(fake, "GET /v1/events", "id: 7\nevent: link\ndata: {\"a\":1}\n\n");
    fake_answer(fake, "GET /v1/events", 403, "{}");
    run_cli(&run, "--json", "events", NULL);
    cr_expect_str_eq(run.out, "{\"id\":\"7\",\"event\":\"link\",\"data\":{\"a\":1}}\n");
}

Test(commands, inbox_follow_shows_what_arrives)
{
    char *one = fixture("contact-notice");
    fake_answer(fake, "GET /v1/inbox", 200, "{\"envelopes\":[]}");
    fake_answer(fake, "GET /v1/inbox/abc", 200, one);
    fake_stream(fake, "GET /v1/events",
                "id: 1\nevent: link\ndata: {}\n\nid: 2\nevent: inbox\ndata: "
                "{\"topic\":\"inbox\",\"what\":{\"id\":\"abc\"}}\n\n");
    fake_answer(fake, "GET /v1/events", 403, "{}");
    run_cli(&run, "inbox", "--follow", NULL);
    has(run.out, NUMBER);
    run_cli(&run, "inbox", "--follow", "--kind", "outcome", NULL);
    hasnt(run.out, NUMBER);
    free(one);
}

/* --- evidence --- */

Test(commands, evidence_is_written_as_bytes)
{
    char *folder = temp_folder(), *out = joined(folder, "e.bin");
    fake_answer(fake, "GET /v1/outbox/" NUMBER "/evidence", 200, "{\"evidence\":\"aGVsbG8=\"}");
    run_cli(&run, "evidence", NUMBER, "--out", out, NULL);
    cr_expect_eq(run.code, 0, "%s", run.err);
    char *written = read_whole(out);
    cr_expect_str_eq(written, "hello");
    free(written);
    free(out);
    remove_folder(folder);
}

/* --- errors, tokens, addresses --- */

Test(commands, errors_become_exit_codes)
{
    static const struct {
        unsigned http;
        int code;
    } cases[] = {{400, 65}, {401, 77}, {403, 77}, {404, 66}, {409, 65},
                 {413, 65}, {422, 65}, {500, 70}, {503, 75}, {507, 75}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_answer(fake, "GET /v1/links", cases[i].http,
                    "{\"status\":\"nobody-for\",\"where\":\"concerns[0]\",\"zh\":\"无人\",\"en\":\"nobody\","
                    "\"remedy_zh\":\"改\",\"remedy_en\":\"change it\"}");
        run_cli(&run, "links", NULL);
        cr_expect_eq(run.code, cases[i].code, "HTTP %u: %d", cases[i].http, run.code);
        cr_expect_str_eq(run.err, "error (nobody-for): concerns[0]: nobody\n  remedy: change it\n");
        cr_expect_str_eq(run.out, "");
    }
    run_cli(&run, "links", "--lang", "zh", NULL);
    cr_expect_str_eq(run.err, "错误（nobody-for）：concerns[0]：无人\n  处置：改\n");
}

Test(commands, an_answer_that_is_no_json)
{
    fake_answer(fake, "GET /v1/links", 502, "<html>\x1b[31m</html>");
    run_cli(&run, "links", NULL);
    cr_expect_eq(run.code, 70);
    has(run.err, "HTTP 502");
    hasnt(run.err, "\x1b");
}

Test(commands, no_node)
{
    run.node = "unix:/nowhere/api.sock";
    run_cli(&run, "inbox", NULL);
    cr_expect_eq(run.code, 69);
    has(run.err, "LIANFANG_NODE");
    run.node = "ftp:what";
    run_cli(&run, "inbox", NULL);
    cr_expect_eq(run.code, 78);
    run_cli(&run, "--node", "http://127.0.0.1:1", "inbox", NULL);
    cr_expect_eq(run.code, 69);
}

Test(commands, the_token_goes_along_and_its_file_must_be_ones_own)
{
    char *folder = temp_folder(), *path = joined(folder, "token");
    fake_answer(fake, "GET /v1/links", 200, "{\"links\":[]}");
    write_whole(path, "0123456789abcdef\n");
    run.token_file = path;
    run_cli(&run, "links", NULL);
    cr_expect_str_eq(fake_token(fake), "Bearer 0123456789abcdef");
    chmod(path, 0644);
    run_cli(&run, "links", NULL);
    cr_expect_eq(run.code, 78);
    hasnt(run.err, "0123456789abcdef");
    free(path);
    remove_folder(folder);
}
