/* Masks and the finding of numbers in texts. */
#include "payload_make.h"
#include "wire/json.h"
#include "wire/personal.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char *masked(enum wire_mask mask, const char *value)
{
    static char scratch[WIRE_MASK_SCRATCH];
    return wire_mask(mask, value, scratch, sizeof scratch);
}

Test(personal_mask, shows_what_recognises_and_hides_the_rest)
{
    cr_assert_str_eq(masked(WIRE_MASK_NAME, "张三丰"), "张*");
    cr_assert_str_eq(masked(WIRE_MASK_NAME, "Jane"), "J*");
    cr_assert_str_eq(masked(WIRE_MASK_NAME, ""), "*");
    cr_assert_str_eq(masked(WIRE_MASK_ID, "310101199003071212"), "3101************12");
    cr_assert_str_eq(masked(WIRE_MASK_ID, "E12345678"), "E******78");
    cr_assert_str_eq(masked(WIRE_MASK_ID, "E1234"), "****");
    cr_assert_str_eq(masked(WIRE_MASK_PHONE, "13812345678"), "138****5678");
    cr_assert_str_eq(masked(WIRE_MASK_PHONE, "84120000"), "****");
    cr_assert_str_eq(masked(WIRE_MASK_DAY, "1985-12-31"), "1985-**-**");
    cr_assert_str_eq(masked(WIRE_MASK_DAY, "19"), "****");
    cr_assert_str_eq(masked(WIRE_MASK_DAY, "J策通知"), "****"); /* ten bytes, the fifth within a character */
    cr_assert_str_eq(masked(WIRE_MASK_PLATE, "沪A12348"), "沪A****8");
    cr_assert_str_eq(masked(WIRE_MASK_ALL, "05车12A"), "****");
    cr_assert_null(masked(WIRE_MASK_NONE, "G7305"));
}

Test(personal_mask, hides_all_when_scratch_is_short)
{
    char scratch[4];
    cr_assert_str_eq(wire_mask(WIRE_MASK_ID, "310101199003071212", scratch, sizeof scratch), "****");
    cr_assert_str_eq(wire_mask(WIRE_MASK_NAME, "张三", scratch, sizeof scratch), "****");
    cr_assert_str_eq(wire_mask(WIRE_MASK_NUMBERS, "找 13812345678", scratch, sizeof scratch), "****");
    cr_assert_str_eq(wire_mask(WIRE_MASK_ID, "310101199003071212", NULL, 0), "****");
}

Test(personal_mask, numbers_in_free_text)
{
    cr_assert_str_eq(masked(WIRE_MASK_NUMBERS, "同住，电话13812345678，证号990101199003071245。"),
                     "同住，电话****，证号****。");
    cr_assert_null(masked(WIRE_MASK_NUMBERS, "同住，同餐"));
}

struct example {
    const char *text;
    enum wire_personal_kind kind;
    const char *found;
};

static void check_examples(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct wire_bytes text = wire_bytes(examples[i].text, strlen(examples[i].text));
        struct wire_personal_number got = wire_personal_find(text, 0);
        cr_assert_eq(got.kind, examples[i].kind, "%s", examples[i].text);
        if (got.kind == WIRE_PERSONAL_NONE)
            continue;
        cr_assert_eq(got.size, strlen(examples[i].found), "%s", examples[i].text);
        cr_assert_eq(memcmp(examples[i].text + got.at, examples[i].found, got.size), 0, "%s", examples[i].text);
    }
}

Test(personal_find, identity_and_mobile_numbers_however_they_are_written)
{
    static const struct example examples[] = {
        {"13812345678", WIRE_PERSONAL_MOBILE, "13812345678"},
        {"电话13812345678转", WIRE_PERSONAL_MOBILE, "13812345678"},
        {"2020-02-07 13812345678", WIRE_PERSONAL_MOBILE, "13812345678"},
        {"138 1234 5678", WIRE_PERSONAL_MOBILE, "138 1234 5678"},
        {"138-1234-5678", WIRE_PERSONAL_MOBILE, "138-1234-5678"},
        {"8613812345678", WIRE_PERSONAL_MOBILE, "8613812345678"},
        {"+86 13812345678", WIRE_PERSONAL_MOBILE, "13812345678"},
        {"008613812345678", WIRE_PERSONAL_MOBILE, "008613812345678"},
        {"１３８１２３４５６７８", WIRE_PERSONAL_MOBILE, "１３８１２３４５６７８"},
        {"990101199003071245", WIRE_PERSONAL_IDENTITY, "990101199003071245"},
        {"99010119900307124X", WIRE_PERSONAL_IDENTITY, "99010119900307124X"},
        {"99010119900307124x号", WIRE_PERSONAL_IDENTITY, "99010119900307124x"},
        {"99010119900307124Ｘ", WIRE_PERSONAL_IDENTITY, "99010119900307124Ｘ"},
        {"990101 19900307 1245", WIRE_PERSONAL_IDENTITY, "990101 19900307 1245"},
        {"990101-19900307-124X", WIRE_PERSONAL_IDENTITY, "990101-19900307-124X"},
        {"990101900307124", WIRE_PERSONAL_IDENTITY, "990101900307124"},
    };
    check_examples(examples, sizeof examples / sizeof *examples);
}

Test(personal_find, leaves_other_numbers_alone)
{
    static const struct example examples[] = {
        {"", WIRE_PERSONAL_NONE, NULL},
        {"310000-20200207-0012", WIRE_PERSONAL_NONE, NULL},
        {"12345678901", WIRE_PERSONAL_NONE, NULL},
        {"0573-84120000", WIRE_PERSONAL_NONE, NULL},
        {"GB 19083-2010, 3M 1860/1870/9123", WIRE_PERSONAL_NONE, NULL},
        {"990101199013071245", WIRE_PERSONAL_NONE, NULL}, /* a thirteenth month */
        {"12345678901234567890123456789012345678901234567890", WIRE_PERSONAL_NONE, NULL},
        {"口罩 15000000000 只", WIRE_PERSONAL_MOBILE,
         "15000000000"}, /* eleven digits are refused rather than let through */
        {"2020年2月7日24时", WIRE_PERSONAL_NONE, NULL},
        {"\xEF\xBC", WIRE_PERSONAL_NONE, NULL},
    };
    check_examples(examples, sizeof examples / sizeof *examples);
}

Test(personal_find, goes_on_from_where_it_is_told)
{
    const char *text = "甲13812345678乙990101199003071245";
    struct wire_bytes bytes = wire_bytes(text, strlen(text));
    struct wire_personal_number first = wire_personal_find(bytes, 0);
    struct wire_personal_number second = wire_personal_find(bytes, first.at + first.size);
    cr_assert_eq(first.kind, WIRE_PERSONAL_MOBILE);
    cr_assert_eq(second.kind, WIRE_PERSONAL_IDENTITY);
    cr_assert_eq(wire_personal_find(bytes, second.at + second.size).kind, WIRE_PERSONAL_NONE);
}

static void fill_person(Wire__Person *person)
{
    person->name = "欧阳测试";
    person->id_no = (char *)payload_id_no;
    person->has_birth_day = 1;
    person->birth_day = 19900307;
    person->phone = "13800005678";
    person->address = "某镇某路 12 号 301 室";
    person->guardian = "欧阳某";
    person->seat = "05车12A";
    person->contact_manner = "同住，配偶 13912340000";
    person->condition = "证号 990101199003071245 发热";
    person->id_check_override_reason = "户籍科 13912340000 核实";
}

Test(personal_json, no_personal_value_survives_masking)
{
    struct payload_notice made;
    struct payload_outcome outcome;
    Wire__ContactNotice *notice = payload_make_notice(&made);
    fill_person(&made.person[0]);
    made.conveyance.plate = "沪A12348";
    made.conveyance.seat = "03车08F";
    payload_make_outcome(&outcome)->person[0]->place = "某镇某路 12 号 301 室";
    const char *const secrets[] = {"欧阳测", "990101199003071245", "0307",  "13800005678", "301 室", "阳某",
                                   "12A",    "13912340000",        "A1234", "08F"};
    struct wire_text text = {.grow = realloc}, second = {.grow = realloc};
    wire_json_write(&text, &notice->base, wire_redact_personal());
    wire_json_write(&second, &outcome.outcome.base, wire_redact_personal());
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        cr_assert_null(strstr(text.data, secrets[i]), "%s is shown", secrets[i]);
        cr_assert_null(strstr(second.data, secrets[i]), "%s is shown", secrets[i]);
    }
    cr_assert_not_null(strstr(text.data, "\"id_no\":\"9901************45\""));
    cr_assert_not_null(strstr(text.data, "\"phone\":\"138****5678\""));
    cr_assert_not_null(strstr(text.data, "\"birth_day\":\"1990-**-**\""));
    cr_assert_not_null(strstr(text.data, "\"number\":\"G7305\""), "a train is no person");
    cr_assert_not_null(strstr(text.data, "\"case_no\":\"0591000001\""));
    free(text.data);
    free(second.data);
}
