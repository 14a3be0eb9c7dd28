#include "wire/status.h"
#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

struct row {
    uint32_t code;
    const char *upper;
    const char *en;
    const char *zh;
};

#define ROW(name, code, en, zh) {code, #name, en, zh},
static const struct row rows[] = {WIRE_STATUS_LIST(ROW)};

enum { ROWS = sizeof rows / sizeof *rows };

Test(status, names_are_the_names_in_lower_case_with_hyphens)
{
    for (size_t i = 0; i < ROWS; i++) {
        const char *name = wire_status_name(rows[i].code);

        cr_assert_eq(strlen(name), strlen(rows[i].upper));
        for (size_t k = 0; name[k] != '\0'; k++)
            cr_assert_eq(name[k], rows[i].upper[k] == '_' ? '-' : tolower((unsigned char)rows[i].upper[k]));
        cr_expect_eq((uint32_t)wire_status_parse(name), rows[i].code);
    }
    cr_expect_str_eq(wire_status_name(WIRE_NOBODY_FOR), "nobody-for");
}

Test(status, codes_are_given_once)
{
    for (size_t i = 0; i < ROWS; i++)
        for (size_t k = 0; k < i; k++)
            cr_expect_neq(rows[i].code, rows[k].code, "%s and %s", rows[i].upper, rows[k].upper);
}

Test(status, texts_are_in_both_languages)
{
    for (size_t i = 0; i < ROWS; i++) {
        cr_expect_str_eq(wire_status_text(rows[i].code, WIRE_CHINESE), rows[i].zh);
        cr_expect_str_eq(wire_status_text(rows[i].code, WIRE_ENGLISH), rows[i].en);
        cr_expect((unsigned char)rows[i].zh[0] >= 0x80 && (unsigned char)rows[i].en[0] < 0x80);
    }
}

Test(status, what_is_not_in_the_list)
{
    cr_expect_str_eq(wire_status_name(9999), "unknown-status");
    cr_expect_str_eq(wire_status_text(9999, WIRE_ENGLISH), "unknown status");
    cr_expect_str_eq(wire_status_text(9999, WIRE_CHINESE), "未知状态");
    cr_expect_eq(wire_status_parse("nobody_for"), WIRE_NOT_FOUND);
    cr_expect_eq(wire_status_parse(""), WIRE_NOT_FOUND);
}

Test(status, a_failure_says_where_and_what)
{
    struct wire_problem problem;

    cr_expect_eq(wire_fail(&problem, WIRE_INVALID, "人员[3].证件号码", "校验位错误", "the check digit is wrong"),
                 WIRE_INVALID);
    cr_expect_eq(problem.status, WIRE_INVALID);
    cr_expect_str_eq(problem.where, "人员[3].证件号码");
    cr_expect_str_eq(problem.zh, "校验位错误");
    cr_expect_str_eq(problem.en, "the check digit is wrong");
    cr_expect_eq(wire_failf(&problem, WIRE_SYNTAX, "a.yaml:3:1", "第 %d 行：%s", "line %d: %s", 3, "x"), WIRE_SYNTAX);
    cr_expect_str_eq(problem.zh, "第 3 行：x");
    cr_expect_str_eq(problem.en, "line 3: x");
    cr_expect_eq(wire_fail(NULL, WIRE_IO, "", "", ""), WIRE_IO);
    cr_expect_eq(wire_failf(NULL, WIRE_IO, "", "%d", "%d", 1), WIRE_IO);
}

/* 3-byte characters after `shift` ASCII ones: wherever the buffer ends, no character is cut in half. */
Test(status, texts_are_cut_between_characters)
{
    for (size_t shift = 0; shift < 3; shift++) {
        char longer[1024] = "";
        struct wire_problem problem;

        memset(longer, 'x', shift);
        while (strlen(longer) < 900)
            strcat(longer, "防");
        wire_fail(&problem, WIRE_INVALID, longer, longer, longer);
        cr_expect_eq((strlen(problem.where) - shift) % 3, 0);
        cr_expect_gt(strlen(problem.where), sizeof problem.where - 4);
        wire_failf(&problem, WIRE_INVALID, "", "%s", "%s", longer);
        cr_expect_eq((strlen(problem.zh) - shift) % 3, 0);
        cr_expect_gt(strlen(problem.zh), sizeof problem.zh - 4);
        cr_expect_eq(memcmp(problem.zh, longer, strlen(problem.zh)), 0);
    }
}

/* What a precision cuts stands in the middle of the sentence. */
Test(status, texts_are_whole_within_a_sentence)
{
    struct wire_problem problem;

    wire_failf(&problem, WIRE_INVALID, "", "“%.4s”不认识", "\"%.5s\" is unknown", "联防联控");
    cr_expect_str_eq(problem.zh, "“联”不认识");
    cr_expect_str_eq(problem.en, "\"联\" is unknown");
    wire_fail(&problem, WIRE_INVALID, "a\xe8\x81", "\x81联\xff防\xe8", "\xe8\x81");
    cr_expect_str_eq(problem.where, "a");
    cr_expect_str_eq(problem.zh, "联防");
    cr_expect_str_eq(problem.en, "");
}
