#include "wire/lane.h"
#include "wire/unit.h"
#include <criterion/criterion.h>
#include <signal.h>

Test(lane, names_weights_and_limits)
{
    static const char *const names[] = {"flash", "urgent", "routine", "bulk"};
    static const uint32_t weights[] = {64, 16, 4, 1};
    static const size_t limits[] = {16384, 65536, 1048576, 1048576};

    for (uint32_t i = 0; i < WIRE_LANES; i++) {
        Wire__Lane lane;

        cr_assert_str_eq(wire_lane_name(i), names[i]);
        cr_assert(wire_lane_parse(names[i], &lane) && (uint32_t)lane == i);
        cr_expect_eq(wire_lane_weight(lane), weights[i]);
        cr_expect_eq(wire_lane_bytes_max(lane), limits[i]);
    }
}

Test(lane, what_is_none)
{
    Wire__Lane lane = WIRE__LANE__BULK;

    cr_expect_str_eq(wire_lane_name(4), "?");
    cr_expect_not(wire_lane_parse("Flash", &lane));
    cr_expect_not(wire_lane_parse("", &lane));
    cr_expect_eq(lane, WIRE__LANE__BULK);
}

Test(lane, a_lane_from_nowhere_is_our_bug, .signal = SIGABRT)
{
    wire_lane_weight((Wire__Lane)4);
}

Test(unit, every_unit_by_each_of_its_names)
{
    for (uint32_t i = 1; i < WIRE_UNIT_END; i++) {
        cr_expect_eq(wire_unit_parse(wire_unit_id(i)), i);
        cr_expect_eq(wire_unit_parse(wire_unit_zh(i)), i);
        cr_expect_eq(wire_unit_parse(wire_unit_en(i)), i);
    }
    cr_expect_str_eq(wire_unit_id(WIRE_UNIT_CDC), "cdc");
    cr_expect_str_eq(wire_unit_zh(WIRE_UNIT_CDC), "疾控中心");
    cr_expect_str_eq(wire_unit_en(WIRE_UNIT_MILITARY_LIAISON), "Military liaison");
}

Test(unit, what_is_none)
{
    cr_expect_str_eq(wire_unit_id(0), "?");
    cr_expect_str_eq(wire_unit_id(WIRE_UNIT_END), "?");
    cr_expect_str_eq(wire_unit_zh(UINT32_MAX), "？");
    cr_expect_eq(wire_unit_parse("?"), WIRE_UNIT_NONE);
    cr_expect_eq(wire_unit_parse(""), WIRE_UNIT_NONE);
}
