#include "wire/region.h"
#include <criterion/criterion.h>
#include <string.h>

Test(region, the_table_rises_and_is_found)
{
    cr_assert_gt(wire_region_count(), 3200);
    for (size_t i = 0; i < wire_region_count(); i++) {
        const struct wire_region *region = wire_region_at(i);

        cr_assert(i == 0 || wire_region_at(i - 1)->adcode < region->adcode);
        cr_assert_eq(wire_region_find(region->adcode), region);
        cr_assert_eq(region->successor == 0, region->edition == 0);
        if (region->successor != 0)
            cr_assert_eq(wire_region_find(region->successor)->edition, 0);
    }
    cr_expect_null(wire_region_find(0));
    cr_expect_null(wire_region_find(310111));
    cr_expect_null(wire_region_find(999999));
}

Test(region, what_was_added_to_the_standard)
{
    cr_expect_str_eq(wire_region_find(100000)->name, "全国");
    cr_expect_str_eq(wire_region_find(660000)->name, "新疆生产建设兵团");
    cr_expect_eq(wire_region_find(310103)->successor, 310101);
    cr_expect_eq(wire_region_find(310108)->successor, 310106);
    cr_expect_eq(wire_region_find(310230)->edition, 2015, "gone in July 2016");
    cr_expect_eq(wire_region_find(330103)->successor, 0, "abolished in 2021 only");
}

Test(region, levels)
{
    cr_expect_eq(wire_region_level(100000), WIRE_NATION);
    cr_expect_eq(wire_region_level(330000), WIRE_PROVINCE);
    cr_expect_eq(wire_region_level(330400), WIRE_CITY);
    cr_expect_eq(wire_region_level(330421), WIRE_COUNTY);
    cr_expect_eq(wire_region_level(429004), WIRE_COUNTY);
}

Test(region, the_way_up)
{
    static const uint32_t ways[][4] = {
        {330421, 330400, 330000, 100000},
        {310115, 310000, 100000, 0},
        {310230, 310000, 100000, 0},
        {110101, 110000, 100000, 0},
        {120116, 120000, 100000, 0},
        {500235, 500000, 100000, 0},
        {429004, 420000, 100000, 0},
        {469001, 460000, 100000, 0},
        {659001, 650000, 100000, 0},
        {419001, 410000, 100000, 0},
        {441900, 440000, 100000, 0},
        {660000, 100000, 0, 0},
        {100000, 0, 0, 0},
        {0, 0, 0, 0},
    };

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        for (size_t k = 0; k < 3 && ways[i][k] != 0; k++)
            cr_expect_eq(wire_region_upper(ways[i][k]), ways[i][k + 1], "%u", ways[i][k]);
    cr_expect_eq(wire_region_upper(100000), 0);
    cr_expect_eq(wire_region_upper(0), 0);
}

Test(region, every_way_up_stays_in_the_table)
{
    for (size_t i = 0; i < wire_region_count(); i++) {
        const struct wire_region *region = wire_region_at(i);
        uint32_t upper = wire_region_upper(region->adcode);

        if (region->edition == 0)
            cr_expect(upper == 0 || wire_region_find(upper) != NULL, "%u %s", region->adcode, region->name);
    }
}

Test(region, city_and_province)
{
    cr_expect_eq(wire_region_city(330421), 330400);
    cr_expect_eq(wire_region_city(330400), 330400);
    cr_expect_eq(wire_region_city(330000), 330000);
    cr_expect_eq(wire_region_city(310115), 310000);
    cr_expect_eq(wire_region_city(429004), 420000);
    cr_expect_eq(wire_region_province(330421), 330000);
    cr_expect_eq(wire_region_province(330000), 330000);
    cr_expect_eq(wire_region_province(100000), 100000);
}

Test(region, within)
{
    cr_expect(wire_region_within(330421, 330421));
    cr_expect(wire_region_within(330421, 330400));
    cr_expect(wire_region_within(330421, 330000));
    cr_expect(wire_region_within(330421, 100000));
    cr_expect(wire_region_within(429004, 420000));
    cr_expect(wire_region_within(100000, 100000));
    cr_expect_not(wire_region_within(330421, 330300));
    cr_expect_not(wire_region_within(330000, 330400));
    cr_expect_not(wire_region_within(100000, 330000));
    cr_expect_not(wire_region_within(660000, 650000));
    cr_expect_not(wire_region_within(0, 100000), "the broker is no region");
}

Test(region, names_full_and_short)
{
    static const struct {
        const char *name;
        uint32_t within;
        uint32_t adcode;
    } names[] = {
        {"浙江省", 0, 330000},
        {"浙江", 0, 330000},
        {"上海", 0, 310000},
        {"内蒙古", 0, 150000},
        {"广西", 0, 450000},
        {"新疆", 0, 650000},
        {"西藏", 0, 540000},
        {"香港", 0, 810000},
        {"全国", 0, 100000},
        {"新疆生产建设兵团", 0, 660000},
        {"神农架", 0, 429021},
        {"恩施土家族苗族自治州", 0, 422800},
        {"恩施", 0, 0}, /* the prefecture and its city */
        {"恩施市", 0, 422801},
        {"吉林", 0, 0},
        {"吉林市", 0, 220200},
        {"湘西", 0, 433100},
        {"克孜勒苏", 0, 653000},
        {"朝阳区", 0, 0},
        {"朝阳区", 110000, 110105},
        {"鼓楼", 320100, 320106},
        {"沧", 0, 0},
        {"沧县", 0, 130921},
        {"崇明", 0, 310151},
        {"崇明县", 0, 310230},
        {"闸北", 0, 310108},
        {"浙", 0, 0},
        {"", 0, 0},
        {"浙江省 ", 0, 0},
        {"亚特兰蒂斯", 0, 0},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_expect_eq(wire_region_by_name(names[i].name, names[i].within), names[i].adcode, "%s: %u", names[i].name,
                     wire_region_by_name(names[i].name, names[i].within));
}

Test(region, parses_six_digits_and_nothing_else)
{
    cr_expect_eq(wire_region_parse("330400", 6), 330400);
    cr_expect_eq(wire_region_parse("330400999", 6), 330400);
    cr_expect_eq(wire_region_parse("33040", 5), 0);
    cr_expect_eq(wire_region_parse("3304000", 7), 0);
    cr_expect_eq(wire_region_parse("33040a", 6), 0);
    cr_expect_eq(wire_region_parse("+33040", 6), 0);
    cr_expect_eq(wire_region_parse("", 0), 0);
}
