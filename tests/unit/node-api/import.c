/* Lists become envelopes: the real files of 2020, the same file twice, corrections, damage. */
#include "support.h"
#include "wire/kind.h"
#include <iconv.h>

static struct fake fake;

static void open_it(void)
{
    fake_open(&fake, 310000);
}

static void done(void)
{
    fake_close(&fake);
}

TestSuite(api_import, .init = open_it, .fini = done, .timeout = 120);

static char *profile_of(const char *name)
{
    char path[512];
    size_t size;
    snprintf(path, sizeof path, TEST_DATA "/profiles/%s.yaml", name);
    return read_file(path, &size);
}

static struct answer import_real(const char *name, const char *query)
{
    char path[512], *profile = profile_of(name);
    size_t size;
    snprintf(path, sizeof path, TEST_DATA "/2020/%s.csv", name);
    char *csv = read_file(path, &size);
    struct answer answer = fake_import(&fake, "all-token", profile, wire_bytes(csv, size), query);
    cr_assert_eq(answer.status, 200, "%s", answer.text);
    free(csv);
    free(profile);
    return answer;
}

static struct answer import_text(const char *name, const char *csv, const char *query)
{
    char *profile = profile_of(name);
    struct answer answer = fake_import_text(&fake, profile, csv, query);
    free(profile);
    return answer;
}

static void show_refused(const struct answer *answer)
{
    size_t i, shown = 0;
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)at(answer, "items"), i, item)
    {
        const char *result = json_string_value(json_object_get(item, "result"));
        char *text = json_dumps(item, JSON_ENCODE_ANY);
        if (strcmp(result, "refused") == 0 && shown++ < 5)
            cr_log_error("%s", text);
        free(text);
    }
}

/* --- the files of 2020, every node that speaks for a row --- */

struct counts {
    json_int_t rows, envelopes, duplicates, refused, foreign;
};

static struct counts import_at(uint32_t region, const char *name, const uint32_t *enrolled, size_t count)
{
    fake_close(&fake);
    fake_open(&fake, region);
    fake_enrol(&fake, enrolled, count);
    fake.now_ms = FAKE_NOW + INT64_C(86400000) * 110; /* 1 June: all of it has happened */
    struct answer answer = import_real(name, "");
    struct counts counts = {number_at(&answer, "rows"), number_at(&answer, "envelopes"),
                            number_at(&answer, "duplicates"), number_at(&answer, "refused"),
                            number_at(&answer, "foreign")};
    show_refused(&answer);
    cr_expect_eq(number_at(&answer, "queued"), counts.envelopes);
    cr_expect_eq(number_at(&answer, "updates"), 0);
    cr_expect_eq((json_int_t)fake.sent_count, counts.envelopes);
    cr_expect_leq(fake.publish_most, 512);
    answer_close(&answer);
    return counts;
}

static struct counts import_everywhere(const char *name, const uint32_t *enrolled, size_t count)
{
    struct counts sum = {0};
    for (size_t i = 0; i < count; i++) {
        struct counts one = import_at(enrolled[i], name, enrolled, count);
        sum.rows = one.rows;
        sum.envelopes += one.envelopes;
        sum.duplicates += one.duplicates;
        sum.refused += one.refused;
        sum.foreign += one.rows - one.foreign;
    }
    return sum;
}

static void expect_counts(struct counts found, struct counts expected, const char *name)
{
    cr_expect_eq(found.rows, expected.rows, "%s: %lld rows", name, (long long)found.rows);
    cr_expect_eq(found.envelopes, expected.envelopes, "%s: %lld envelopes", name, (long long)found.envelopes);
    cr_expect_eq(found.duplicates, expected.duplicates, "%s: %lld duplicates", name, (long long)found.duplicates);
    cr_expect_eq(found.refused, expected.refused, "%s: %lld refused", name, (long long)found.refused);
    cr_expect_eq(found.foreign, expected.foreign, "%s: %lld of a node here", name, (long long)found.foreign);
}

/* tests/demo/expect.py counts the same by itself; `foreign` here: rows that some node of the list speaks for. */
Test(api_import, the_files_of_2020_from_everywhere)
{
    static const uint32_t all[] = {350000, 320000, 530000, 410000, 340000, 510000,
                                   810000, 140000, 210000, 520000, 120000, 150000};
    expect_counts(import_everywhere("contact-notices-2020", all, 12), (struct counts){355, 313, 9, 0, 355}, "contacts");
    static const uint32_t hubei[] = {420000};
    expect_counts(import_everywhere("supply-needs-2020", hubei, 1), (struct counts){1117, 1117, 0, 0, 1117},
                  "supplies");
    static const uint32_t issuers[] = {420000, 440000, 310000, 130000, 100000, 230000, 210000};
    expect_counts(import_everywhere("measures-2020", issuers, 7), (struct counts){12, 12, 0, 0, 12}, "measures");
}

Test(api_import, a_city_with_a_node_of_its_own_speaks_for_itself)
{
    static const uint32_t regions[] = {420000, 420500};
    struct counts province = import_at(420000, "supply-needs-2020", regions, 2);
    struct counts city = import_at(420500, "supply-needs-2020", regions, 2);
    cr_expect_eq(city.envelopes + province.envelopes, 1117);
    cr_expect_eq(city.foreign, province.envelopes);
    cr_expect_gt(city.envelopes, 160);
}

Test(api_import, what_the_cells_become)
{
    static const uint32_t regions[] = {100000, 310000, 320000, 330000, 340000, 420000, 530000};
    import_at(530000, "contact-notices-2020", regions, 7);
    bool unstated = false, several = false;
    for (size_t i = 0; i < fake.sent_count; i++) {
        Wire__ContactNotice *notice = (Wire__ContactNotice *)fake_payload(&fake, i);
        cr_expect_eq(notice->type, WIRE__CONTACT_NOTICE__TYPE__CASE_JOURNEY);
        cr_expect_eq(fake_header(&fake, i)->n_concerns, 1);
        several |= notice->n_conveyance > 1;
        unstated |= notice->conveyance[0]->travel_day_unstated;
        cr_expect_eq(notice->case_class == WIRE__CONTACT_NOTICE__CASE_CLASS__SUSPECTED, !notice->has_confirmed_day);
    }
    cr_expect(several);
    cr_expect(unstated);
    static const uint32_t hubei[] = {100000, 420000};
    import_at(420000, "supply-needs-2020", hubei, 2);
    Wire__SupplyRequest *request = (Wire__SupplyRequest *)fake_payload(&fake, 0);
    cr_expect_eq(request->line[0]->quantity_kind, WIRE__SUPPLY_LINE__QUANTITY_KIND__EXACT);
    cr_expect_eq(request->line[0]->quantity, 5000);
    cr_expect_str_eq(request->line[0]->unit, "未注明");
    cr_expect(request->line[0]->needed_day_unstated);
    cr_expect_eq(fake_header(&fake, 0)->issuer_region, 421127);
    cr_expect_eq(fake_header(&fake, 0)->issuer_unit, WIRE_UNIT_LOGISTICS);
    size_t some = 0, unknown = 0;
    for (size_t i = 0; i < fake.sent_count; i++) {
        request = (Wire__SupplyRequest *)fake_payload(&fake, i);
        some += request->line[0]->quantity_kind == WIRE__SUPPLY_LINE__QUANTITY_KIND__SOME;
        unknown += request->line[0]->quantity_kind == WIRE__SUPPLY_LINE__QUANTITY_KIND__UNKNOWN;
    }
    cr_expect_eq(some, 881);
    cr_expect_eq(unknown, 16);
}

Test(api_import, a_row_that_names_a_mechanism_goes_under_that_one_only)
{
    static const uint32_t regions[] = {310000, 320000, 330000, 340000};
    import_at(310000, "measures-2020", regions, 4);
    cr_assert_eq(fake.sent_count, 2);
    cr_expect_str_eq(fake_header(&fake, 0)->mechanism, "yangtze-delta");
    /* not in this policy: queued all the same, so that a signed refusal exists */
    cr_expect_str_eq(fake_header(&fake, 1)->mechanism, "jiading-kunshan");
    struct answer answer = import_real("measures-2020", "?dry_run=1");
    answer_close(&answer);
}

Test(api_import, the_second_time_nothing_happens)
{
    static const uint32_t regions[] = {100000, 310000, 320000, 330000, 340000, 420000};
    import_at(320000, "contact-notices-2020", regions, 6);
    size_t sent = fake.sent_count;
    struct answer answer = import_real("contact-notices-2020", "");
    cr_expect_eq(fake.sent_count, sent);
    cr_expect_eq(number_at(&answer, "queued"), 0);
    cr_expect_eq(number_at(&answer, "unchanged"), (json_int_t)sent);
    cr_expect_eq(number_at(&answer, "updates"), 0);
    answer_close(&answer);
    /* the import table is lost and the outbox is not: the same ids, so nothing is repeated */
    fake.import_count = 0;
    answer = import_real("contact-notices-2020", "");
    cr_expect_eq(fake.sent_count, sent);
    answer_close(&answer);
}

Test(api_import, ids_are_the_same_after_the_store_was_lost)
{
    static const char csv[] =
        "病例编号,通报地区,关联地区,确诊日期,行程日期\n31001,310000,330300,2020-02-01,2020-01-20\n";
    uint8_t id[WIRE_ID_BYTES];
    struct answer answer = import_text("contact-notices-2020", csv, "");
    cr_assert_eq(fake.sent_count, 1, "%s", answer.text);
    memcpy(id, fake.sent[0].id, sizeof id);
    cr_expect_eq(id[6] >> 4, 7, "a UUID of version 7");
    cr_expect_eq(id[8] >> 6, 2);
    answer_close(&answer);
    fake_close(&fake);
    fake_open(&fake, 310000);
    answer = import_text("contact-notices-2020", csv, "");
    cr_assert_eq(fake.sent_count, 1);
    cr_expect_arr_eq(fake.sent[0].id, id, sizeof id);
    answer_close(&answer);
}

/* --- corrections --- */

#define HEAD "病例编号,通报地区,关联地区,确诊日期,行程日期,密接人数\n"

static void admit_all(void)
{
    for (size_t i = 0; i < fake.sent_count; i++)
        fake.sent[i].state = WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED;
}

Test(api_import, a_changed_entry_is_an_update_of_the_first)
{
    struct answer answer =
        import_text("contact-notices-2020", HEAD "31001,310000,330300,2020-02-01,2020-01-20,3\n", "");
    answer_close(&answer);
    admit_all();
    answer = import_text("contact-notices-2020", HEAD "31001,310000,330300,2020-02-01,2020-01-20,5\n", "");
    cr_expect_eq(number_at(&answer, "updates"), 1, "%s", answer.text);
    cr_expect_str_eq(text_at(&answer, "items[0].result"), "update");
    cr_expect_str_eq(text_at(&answer, "items[0].number"), "310000-20200212-0002");
    answer_close(&answer);
    cr_assert_eq(fake.sent_count, 2);
    const Wire__Header *header = fake_header(&fake, 1);
    cr_expect_eq(header->action, WIRE__ACTION__UPDATE);
    cr_expect_arr_eq(header->references[0]->id.data, fake.sent[0].id, WIRE_ID_BYTES);
    cr_expect_eq(((Wire__ContactNotice *)fake_payload(&fake, 1))->conveyance[0]->contacts, 5);
    admit_all();
    /* back to what it said first: an update again, under a third id */
    answer = import_text("contact-notices-2020", HEAD "31001,310000,330300,2020-02-01,2020-01-20,3\n", "");
    cr_expect_eq(number_at(&answer, "updates"), 1);
    answer_close(&answer);
    cr_assert_eq(fake.sent_count, 3);
    cr_expect_arr_eq(fake_header(&fake, 2)->references[0]->id.data, fake.sent[1].id, WIRE_ID_BYTES);
    answer = import_text("contact-notices-2020", HEAD "31001,310000,330300,2020-02-01,2020-01-20,3\n", "");
    cr_expect_eq(number_at(&answer, "unchanged"), 1);
    answer_close(&answer);
}

Test(api_import, what_was_refused_is_not_updated_but_sent_anew)
{
    struct answer answer =
        import_text("contact-notices-2020", HEAD "31001,310000,330300,2020-02-01,2020-01-20,3\n", "");
    answer_close(&answer);
    fake.sent[0].state = WIRE__NODE_OUTBOX_STATE__NODE_REFUSED;
    answer = import_text("contact-notices-2020", HEAD "31001,310000,330300,2020-02-01,2020-01-20,4\n", "");
    cr_expect_eq(number_at(&answer, "queued"), 1);
    answer_close(&answer);
    cr_expect_eq(fake_header(&fake, 1)->action, WIRE__ACTION__ISSUE);
}

Test(api_import, rows_of_one_key_are_one_envelope_whatever_their_order)
{
    struct answer answer = import_text("contact-notices-2020",
                                       HEAD "31001,310000,330300,2020-02-01,2020-01-20,3\n"
                                            "31002,310000,330300,2020-02-01,2020-01-20,3\n"
                                            "31001,310000,330300,2020-02-01,2020-01-21,4\n"
                                            "31001,310000,330300,2020-02-01,2020-01-20,3\n",
                                       "");
    cr_expect_eq(number_at(&answer, "envelopes"), 2);
    cr_expect_eq(number_at(&answer, "duplicates"), 1);
    cr_expect_str_eq(text_at(&answer, "items[3].result"), "duplicate");
    cr_expect_eq(number_at(&answer, "items[3].of"), 2);
    cr_expect_str_neq(text_at(&answer, "items[3].zh"), "");
    answer_close(&answer);
    Wire__ContactNotice *notice = (Wire__ContactNotice *)fake_payload(&fake, 0);
    cr_expect_eq(notice->n_conveyance, 2);
    cr_expect_eq(notice->observe_until_day, 20200204, "fourteen days after the last journey");
    answer = import_text("contact-notices-2020",
                         HEAD "31001,310000,330300,2020-02-01,2020-01-21,4\n"
                              "31002,310000,330300,2020-02-01,2020-01-20,3\n"
                              "31001,310000,330300,2020-02-01,2020-01-20,3\n",
                         "");
    cr_expect_eq(number_at(&answer, "unchanged"), 2, "%s", answer.text);
    answer_close(&answer);
}

Test(api_import, rows_that_disagree_are_remarked)
{
    struct answer answer = import_text("contact-notices-2020",
                                       HEAD "31001,310000,330300,2020-02-01,2020-01-20,3\n"
                                            "31001,310000,330300,2020-02-05,2020-01-21,4\n",
                                       "");
    cr_expect_str_eq(text_at(&answer, "items[1].result"), "queued");
    cr_expect_str_eq(text_at(&answer, "items[1].status"), "remark");
    cr_expect_str_eq(text_at(&answer, "items[1].field"), "confirmed_day");
    answer_close(&answer);
}

Test(api_import, what_was_refused_goes_again_once_the_rules_allow_it)
{
    static const char csv[] = HEAD "31001,310000,350200,2020-02-01,2020-01-20,3\n";
    static const uint32_t later[] = {100000, 310000, 350000};
    struct answer answer = import_text("contact-notices-2020", csv, "");
    cr_expect_str_eq(text_at(&answer, "items[0].status"), "nobody-for");
    answer_close(&answer);
    fake.sent[0].state = WIRE__NODE_OUTBOX_STATE__NODE_REFUSED;
    answer = import_text("contact-notices-2020", csv, "");
    cr_expect_str_eq(text_at(&answer, "items[0].result"), "unchanged");
    cr_expect_str_eq(text_at(&answer, "items[0].status"), "nobody-for", "and it says why it never went");
    cr_expect_str_eq(text_at(&answer, "items[0].number"), "310000-20200212-0001");
    cr_expect_eq(fake.sent_count, 1);
    answer_close(&answer);
    fake_enrol(&fake, later, 3); /* Fujian has a node now */
    answer = import_text("contact-notices-2020", csv, "");
    cr_expect_str_eq(text_at(&answer, "items[0].result"), "queued", "%s", answer.text);
    cr_assert_eq(fake.sent_count, 2);
    answer_close(&answer);
    answer = import_text("contact-notices-2020", csv, "");
    cr_expect_str_eq(text_at(&answer, "items[0].result"), "unchanged");
    cr_expect_eq(fake.sent_count, 2);
    answer_close(&answer);
}

/* --- damage --- */

static void expect_row(const char *row, const char *result, const char *status, const char *column, const char *value)
{
    char csv[1024];
    snprintf(csv, sizeof csv, HEAD "%s\n31009,310000,330300,2020-02-01,2020-01-20,3\n", row);
    struct answer answer = import_text("contact-notices-2020", csv, "?dry_run=1");
    cr_assert_eq(answer.status, 200, "%s", answer.text);
    cr_expect_str_eq(text_at(&answer, "items[0].result"), result, "%s", row);
    cr_expect_str_eq(text_at(&answer, "items[0].status"), status, "%s", row);
    cr_expect_str_eq(text_at(&answer, "items[0].column"), column, "%s: %s", row, answer.text);
    cr_expect_str_eq(text_at(&answer, "items[0].value"), value, "%s", row);
    cr_expect_str_neq(text_at(&answer, "items[0].zh"), "");
    cr_expect_str_neq(text_at(&answer, "items[0].en"), "");
    cr_expect_str_neq(text_at(&answer, "items[0].field"), "");
    cr_expect_str_eq(text_at(&answer, "items[1].result"), "queued", "the next row is good");
    answer_close(&answer);
}

Test(api_import, broken_rows_say_field_value_and_remedy)
{
    expect_row("1.1E+17,310000,330300,2020-02-01,2020-01-20,3", "refused", "invalid", "病例编号", "1.1E+17");
    expect_row("31001,310000,330300,2020-02-30,2020-01-20,3", "refused", "invalid", "确诊日期", "2020-02-30");
    expect_row("31001,310000,330300,2020-02-01,昨天,3", "refused", "invalid", "行程日期", "昨天");
    expect_row("31001,310000,330300,2020-02-01,2020-01-20,三个", "refused", "invalid", "密接人数", "三个");
    expect_row("31001,310000,999999,2020-02-01,2020-01-20,3", "refused", "unknown-region", "关联地区", "999999");
    expect_row("31001,310000,330300;330100,2020-02-01,2020-01-20,3", "refused", "one-region", "关联地区",
               "330300;330100");
    expect_row("31001,310000,,2020-02-01,2020-01-20,3", "refused", "one-region", "关联地区", "");
    expect_row("31001,海南省,330300,2020-02-01,2020-01-20,3", "foreign", "not-issuer", "通报地区", "海南省");
    expect_row("31001,无此地,330300,2020-02-01,2020-01-20,3", "refused", "unknown-region", "通报地区", "无此地");
    expect_row("31001,,330300,2020-02-01,2020-01-20,3", "refused", "unknown-region", "通报地区", "");
    expect_row(",310000,330300,2020-02-01,2020-01-20,3", "refused", "invalid", "病例编号", "");
    expect_row("31001,320000,330300,2020-02-01,2020-01-20,3", "foreign", "not-issuer", "通报地区", "320000");
    expect_row("31001,310000,330300,2020-02-01,2020-03-20,3", "refused", "invalid", "行程日期", "2020-03-20");
    cr_expect_eq(fake.publish_calls, 0, "dry runs");
}

Test(api_import, too_many_cells)
{
    struct answer answer =
        import_text("contact-notices-2020", HEAD "31001,310000,330300,2020-02-01,2020-01-20,3,x\n", "");
    cr_expect_str_eq(text_at(&answer, "items[0].result"), "refused");
    answer_close(&answer);
    answer = import_text("contact-notices-2020", HEAD "31001,310000,330300,2020-02-01\n", "");
    cr_expect_str_eq(text_at(&answer, "items[0].result"), "queued", "Excel leaves out what is empty at the end");
    answer_close(&answer);
}

Test(api_import, what_the_rules_refuse)
{
    static const char csv[] = HEAD "31001,310000,440300,2020-02-01,2020-01-20,3\n";
    struct answer answer = import_text("contact-notices-2020", csv, "?dry_run=1");
    cr_expect_str_eq(text_at(&answer, "items[0].result"), "refused");
    cr_expect_str_eq(text_at(&answer, "items[0].status"), "nobody-for");
    cr_expect_eq(fake.sent_count, 0);
    answer_close(&answer);
    answer = import_text("contact-notices-2020", csv, "");
    cr_expect_str_eq(text_at(&answer, "items[0].result"), "queued", "a signed refusal is to exist");
    cr_expect_str_eq(text_at(&answer, "items[0].status"), "nobody-for");
    cr_expect_eq(fake.sent_count, 1);
    answer_close(&answer);
}

Test(api_import, a_full_store_is_507_and_the_rest_of_the_report_is_there)
{
    fake.publish_status = WIRE_STORE_FULL;
    static const char csv[] = HEAD "31001,310000,330300,2020-02-01,2020-01-20,3\n";
    struct answer answer = import_text("contact-notices-2020", csv, "");
    cr_expect_eq(answer.status, 507);
    cr_expect_str_eq(text_at(&answer, "status"), "store-full");
    cr_expect_str_eq(text_at(&answer, "items[0].status"), "store-full");
    answer_close(&answer);
    fake.publish_status = WIRE_OK;
    answer = import_text("contact-notices-2020", csv, "");
    cr_expect_eq(number_at(&answer, "queued"), 1);
    answer_close(&answer);
}

/* --- files --- */

static char *to_gb18030(const char *text, size_t *size)
{
    iconv_t way = iconv_open("GB18030", "UTF-8");
    size_t in_left = strlen(text), left = 2 * in_left + 8, capacity = left;
    char *out = malloc(capacity), *to = out, *in = (char *)(uintptr_t)text;
    cr_assert_neq(iconv(way, &in, &in_left, &to, &left), (size_t)-1);
    iconv_close(way);
    *size = capacity - left;
    return out;
}

Test(api_import, gb18030_crlf_and_quoted_line_breaks)
{
    static const char csv[] = "adcode,facility,item,quantity,specification\r\n"
                              "310104,\"徐汇医院\r\n急诊\",口罩,300,\"GB 19083-2010，\"\"灭菌\"\"\"\r\n";
    size_t size;
    char *bytes = to_gb18030(csv, &size), *profile = profile_of("supply-needs-2020");
    cr_assert(memcmp(bytes, csv, size < sizeof csv ? size : sizeof csv) != 0);
    /* a line break in a name is damage, in free text it is not */
    struct answer answer = fake_import(&fake, "logistics-token", profile, wire_bytes(bytes, size), "");
    cr_expect_str_eq(text_at(&answer, "charset"), "GB18030");
    cr_expect_str_eq(text_at(&answer, "items[0].result"), "refused");
    free(bytes);
    answer_close(&answer);
    bytes = to_gb18030("adcode,facility,item,quantity,specification\r\n"
                       "310104,徐汇医院,口罩,300,\"灭菌\r\n独立包装\"\r\n",
                       &size);
    answer = fake_import(&fake, "logistics-token", profile, wire_bytes(bytes, size), "");
    cr_expect_str_eq(text_at(&answer, "items[0].result"), "queued", "%s", answer.text);
    cr_assert_eq(fake.sent_count, 1);
    Wire__SupplyRequest *request = (Wire__SupplyRequest *)fake_payload(&fake, 0);
    cr_expect_str_eq(request->facility, "徐汇医院");
    cr_expect_str_eq(request->line[0]->specification, "灭菌\r\n独立包装");
    answer_close(&answer);
    free(bytes);
    free(profile);
}

Test(api_import, a_byte_order_mark_and_english_headings)
{
    static const char csv[] = "\xEF\xBB\xBF"
                              "Case number,Reporting region,Region concerned,Confirmed,Date,Contacts\n"
                              "31001,上海市,温州市,2020/2/1,2020年1月20日,3\n";
    struct answer answer = import_text("contact-notices-2020", csv, "");
    cr_expect_str_eq(text_at(&answer, "charset"), "UTF-8");
    cr_expect_str_eq(text_at(&answer, "items[0].result"), "queued", "%s", answer.text);
    cr_assert_eq(fake.sent_count, 1);
    Wire__ContactNotice *notice = (Wire__ContactNotice *)fake_payload(&fake, 0);
    cr_expect_str_eq(notice->case_no, "31001");
    cr_expect_eq(notice->conveyance[0]->travel_day, 20200120);
    cr_expect_eq(notice->confirmed_day, 20200201);
    cr_expect_eq(notice->observe_until_day, 20200203);
    cr_expect_str_eq(notice->common->title, "病例 31001 行程协查");
    cr_expect_str_eq(notice->common->issuer, "上海市疾病预防控制中心");
    cr_expect_eq(fake_header(&fake, 0)->concerns[0], 330300);
    answer_close(&answer);
}

Test(api_import, the_report_prints_the_profile_and_what_the_file_lacks)
{
    struct answer answer = import_text("contact-notices-2020",
                                       "病例编号,通报地区,关联地区,确诊日期\n31001,310000,330300,2020-02-01\n", "");
    cr_expect_not_null(strstr(text_at(&answer, "profile"), "name: contact-notices-2020"));
    cr_expect_str_eq(text_at(&answer, "profile_name"), "contact-notices-2020");
    cr_expect_geq(json_array_size(at(&answer, "missing_columns")), 5);
    cr_expect_not_null(strstr(fake.audit, "desk-5 import contact-notices-2020, 1 rows"));
    answer_close(&answer);
}

Test(api_import, requests_that_cannot_be)
{
    static const struct {
        const char *profile, *csv, *status;
    } list[] = {
        {"name: a\nkind: nothing\nkey: [a]\n", "a\n1\n", "invalid"},
        {"name: A b\nkind: supply-request\nkey: [a]\n", "a\n1\n", "invalid"},
        {"name: a\nkind: supply-request\n", "a\n1\n", "invalid"},
        {"name: a\nkind: contact-notice\nkey: [a]\n", "a\n1\n", "invalid"},
        {"name: a\nkind: supply-request\nkey: [b]\n", "a\n1\n", "invalid"},
        {"name: a\nkind: supply-request\nkey: [a]\nentries: nothing\n", "a\n1\n", "invalid"},
        {"name: a\nkind: supply-request\nkey: [a]\nfields: [{field: nothing, value: x}]\n", "a\n1\n", "invalid"},
        {"name: a\nkind: supply-request\nkey: [a]\nfields: [{field: line.item, value: x}]\n", "a\n1\n", "invalid"},
        {"name: a\nkind: supply-request\nkey: [a]\nfields: [{field: facility}]\n", "a\n1\n", "invalid"},
        {"name: a\nkind: supply-request\nkey: [a]\nfields: [{field: common, value: x}]\n", "a\n1\n", "invalid"},
        {"name: a\nkind: supply-request\nkey: [a]\nfeilds: []\n", "a\n1\n", "invalid"},
        {"name: [", "a\n1\n", "syntax"},
        {"name: a\nkind: supply-request\nkey: [a]\n", "", "syntax"},
        {"name: a\nkind: supply-request\nkey: [a]\n", "a\n\"1\n", "syntax"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        struct answer answer = fake_import_text(&fake, list[i].profile, list[i].csv, "");
        cr_expect_eq(answer.status, 400, "%zu: %u %s", i, answer.status, answer.text);
        cr_expect_str_eq(text_at(&answer, "status"), list[i].status, "%zu: %s", i, answer.text);
        cr_expect_str_neq(text_at(&answer, "zh"), "");
        answer_close(&answer);
    }
}

Test(api_import, logistics_import_supplies_only)
{
    char *profile = profile_of("contact-notices-2020");
    static const char csv[] = "病例编号,通报地区,关联地区\n";
    struct answer answer = fake_import(&fake, "logistics-token", profile, wire_bytes(csv, sizeof csv - 1), "");
    cr_expect_eq(answer.status, 403, "%s", answer.text);
    answer_close(&answer);
    free(profile);
}

Test(api_import, a_plain_body_names_its_profile)
{
    struct wire_bytes csv = wire_bytes("a\n1\n", 4);
    struct answer answer = fake_post_bytes(&fake, "duty-token", "/v1/import", "text/csv", csv, false);
    cr_expect_eq(answer.status, 400);
    answer_close(&answer);
    answer = fake_post_bytes(&fake, "duty-token", "/v1/import?profile=..%2F..%2Fetc", "text/csv", csv, false);
    cr_expect_eq(answer.status, 400, "no way out of the folder");
    answer_close(&answer);
    answer = fake_post_bytes(&fake, "duty-token", "/v1/import?profile=none", "text/csv", csv, false);
    cr_expect_eq(answer.status, 404);
    answer_close(&answer);
}
