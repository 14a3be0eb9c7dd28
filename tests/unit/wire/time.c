#include "wire/time.h"
#include <criterion/criterion.h>
#include <string.h>

static int64_t parsed(const char *text)
{
    int64_t ms = -1;

    return wire_time_parse(text, strlen(text), &ms) ? ms : INT64_MIN;
}

Test(time, days_are_those_of_shanghai)
{
    cr_expect_eq(wire_day_of(0), 19700101);
    cr_expect_eq(wire_day_of(1581004799999), 20200206); /* 23:59:59.999 +08:00 */
    cr_expect_eq(wire_day_of(1581004800000), 20200207);
    cr_expect_eq(wire_day_start(20200207), 1581004800000);
    cr_expect_eq(wire_day_of(-28800001), 19691231);
    cr_expect_eq(wire_day_of(-28800000), 19700101);
}

Test(time, every_day_of_four_centuries_follows_the_one_before)
{
    static const uint32_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t y = 1899, m = 12, d = 31, before = 18991231;

    while (y < 2300) {
        uint32_t length = lengths[m - 1] + (m == 2 && ((y % 4 == 0 && y % 100 != 0) || y % 400 == 0));

        if (++d > length)
            d = 1, m++;
        if (m > 12)
            m = 1, y++;
        uint32_t day = y * 10000 + m * 100 + d;
        cr_assert(wire_day_valid(day));
        cr_assert_eq(wire_day_add(before, 1), day);
        cr_assert_eq(wire_day_add(day, -1), before);
        cr_assert_eq(wire_day_diff(day, before), 1);
        cr_assert_eq(wire_day_of(wire_day_start(day)), day);
        cr_assert_eq(wire_day_of(wire_day_start(day) - 1), before);
        before = day;
    }
    cr_expect_eq(wire_day_diff(20200307, 20200207), 29);
    cr_expect_eq(wire_day_diff(20200207, 20200307), -29);
}

Test(time, days_that_are_none)
{
    static const uint32_t days[] = {0,        20200230, 20190229, 19000229,  20201301,
                                    20200001, 20200100, 1,        100000101, UINT32_MAX};

    for (size_t i = 0; i < sizeof days / sizeof *days; i++)
        cr_expect_not(wire_day_valid(days[i]), "%u", days[i]);
    cr_expect(wire_day_valid(20200229) && wire_day_valid(20000229) && wire_day_valid(99991231));
}

Test(time, the_ends_of_the_calendar_hold)
{
    char text[WIRE_TIME_TEXT];

    cr_expect_eq(wire_day_of(INT64_MAX), 99991231);
    cr_expect_eq(wire_day_of(INT64_MIN), 10101);
    cr_expect_eq(wire_day_add(99991231, 1), 99991231);
    cr_expect_eq(wire_day_add(10101, -1), 10101);
    cr_expect_str_eq(wire_time_iso(INT64_MAX, text), "9999-12-31T23:59:59.999+08:00");
    cr_expect_str_eq(wire_time_text(INT64_MIN, text), "0001-01-01 00:00");
}

Test(time, reads_what_people_and_spreadsheets_write)
{
    static const char *const noon[] = {
        "2020-02-07T10:00",
        "2020-02-07 10:00",
        "2020-02-07 10:00:00",
        "2020-02-07T10:00:00+08:00",
        "2020-02-07T02:00:00Z",
        "2020-02-07T02:00Z",
        "2020-02-07T11:00:00+09:00",
        "2020-02-06T22:30:00-03:30",
        "2020/2/7 10:00",
        "2020年2月7日10时",
        "2020年02月07日 10点00分",
        "2020年2月7日 10:00",
        "2020-02-07T10:00:00.000",
        "2020-02-07T10:00:00.000+0800",
        "2020-2-7 10:00",
    };
    int64_t day = 1581004800000;

    for (size_t i = 0; i < sizeof noon / sizeof *noon; i++)
        cr_expect_eq(parsed(noon[i]), day + 36000000, "%s", noon[i]);
    cr_expect_eq(parsed("2020-02-07"), day);
    cr_expect_eq(parsed("2020/2/7"), day);
    cr_expect_eq(parsed("2020年2月7日"), day);
    cr_expect_eq(parsed("2020-02-06T24:00"), day);
    cr_expect_eq(parsed("2020年2月6日24时"), day);
    cr_expect_eq(parsed("2020-02-07 00:00:30"), day + 30000);
    cr_expect_eq(parsed("2020-02-07T00:00:00.0309"), day + 30);
}

Test(time, refuses_what_is_no_time)
{
    static const char *const texts[] = {
        "",
        "2月7日24时",
        "02-07",
        "2020-02",
        "2020-02-30",
        "2020-13-01",
        "20-02-07",
        "2020-02/07",
        "2020-02-07T",
        "2020-02-07 ",
        " 2020-02-07",
        "2020-02-07T25:00",
        "2020-02-07T24:01",
        "2020-02-07T10:60",
        "2020-02-07T10:00:60",
        "2020-02-07T10",
        "2020-02-07T10:0",
        "2020年2月7",
        "2020-02-07T10:00+8",
        "2020-02-07T10:00+15:00",
        "2020-02-07T10:00.5",
        "2020-02-07T10:00:00.",
        "2020-02-07x",
        "2020年2月7日25时",
        "2020年2月7日10时60分",
        "2020年2月7日24时1分",
        "0000-01-01",
        "明天",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_expect_eq(parsed(texts[i]), INT64_MIN, "%s", texts[i]);
    int64_t ms;
    cr_expect(wire_time_parse("2020-02-07 and more", 10, &ms), "no byte after the size is read");
}

Test(time, writes_what_it_reads)
{
    char text[WIRE_TIME_TEXT];

    cr_expect_str_eq(wire_time_iso(1581040830000, text), "2020-02-07T10:00:30+08:00");
    cr_expect_str_eq(wire_time_iso(1581040830007, text), "2020-02-07T10:00:30.007+08:00");
    cr_expect_str_eq(wire_time_text(1581040830007, text), "2020-02-07 10:00");
    for (int64_t ms = -5000000000000; ms < 5000000000000; ms += 7777777777)
        cr_assert_eq(parsed(wire_time_iso(ms, text)), ms, "%s", text);
}
