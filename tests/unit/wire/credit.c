#include "wire/credit.h"
#include "schema/envelope.pb-c.h"
#include <criterion/criterion.h>

enum { KIB = 1024 };

static struct wire_credit opened(void)
{
    struct wire_credit credit = {0};
    wire_credit_open(&credit, WIRE__LANE__FLASH, 64 * KIB);
    wire_credit_open(&credit, WIRE__LANE__URGENT, 160 * KIB);
    wire_credit_open(&credit, WIRE__LANE__ROUTINE, 192 * KIB);
    wire_credit_open(&credit, WIRE__LANE__BULK, 160 * KIB);
    return credit;
}

Test(credit, a_lane_sends_what_it_was_granted)
{
    struct wire_credit credit = opened();
    cr_assert(wire_credit_holds(&credit, WIRE__LANE__BULK, 160 * KIB));
    cr_assert(!wire_credit_holds(&credit, WIRE__LANE__BULK, 160 * KIB + 1));
    wire_credit_use(&credit, WIRE__LANE__BULK, 100 * KIB);
    cr_assert(!wire_credit_holds(&credit, WIRE__LANE__BULK, 60 * KIB + 1));
    cr_assert(wire_credit_raise(&credit, WIRE__LANE__BULK, 200 * KIB, 40 * KIB));
    cr_assert(wire_credit_holds(&credit, WIRE__LANE__BULK, 100 * KIB));
    cr_assert(!wire_credit_raise(&credit, WIRE__LANE__BULK, 199 * KIB, 39 * KIB), "an offset never goes back");
    cr_assert(wire_credit_holds(&credit, WIRE__LANE__BULK, 100 * KIB));
    cr_assert_eq(wire_credit_outstanding(&credit), 60 * KIB);
}

Test(credit, outstanding_is_what_was_not_taken)
{
    struct wire_credit credit = opened();
    cr_assert_eq(wire_credit_outstanding(&credit), 0);
    wire_credit_use(&credit, WIRE__LANE__URGENT, 10 * KIB);
    wire_credit_use(&credit, WIRE__LANE__ROUTINE, 90 * KIB);
    wire_credit_use(&credit, WIRE__LANE__FLASH, 16 * KIB);
    cr_assert_eq(wire_credit_outstanding(&credit), 100 * KIB, "flash is in nobody's way");
    wire_credit_raise(&credit, WIRE__LANE__ROUTINE, (192 + 50) * KIB, 50 * KIB);
    cr_assert_eq(wire_credit_outstanding(&credit), 50 * KIB);
    cr_assert(wire_credit_raise(&credit, WIRE__LANE__ROUTINE, (192 + 50) * KIB, 90 * KIB), "taken is news too");
    wire_credit_raise(&credit, WIRE__LANE__URGENT, (160 + 10) * KIB, 10 * KIB);
    cr_assert_eq(wire_credit_outstanding(&credit), 0);
}

/* A grant for a large frame raises the offset by more than was taken. */
Test(credit, a_large_frame_is_counted_whole)
{
    struct wire_credit credit = opened();
    wire_credit_use(&credit, WIRE__LANE__ROUTINE, 30 * KIB);
    wire_credit_raise(&credit, WIRE__LANE__ROUTINE, 930 * KIB, 30 * KIB);
    cr_assert_eq(wire_credit_outstanding(&credit), 0);
    cr_assert(wire_credit_holds(&credit, WIRE__LANE__ROUTINE, 900 * KIB));
    wire_credit_use(&credit, WIRE__LANE__ROUTINE, 900 * KIB);
    cr_assert_eq(wire_credit_outstanding(&credit), 900 * KIB);
    wire_credit_raise(&credit, WIRE__LANE__ROUTINE, (930 + 192) * KIB, 930 * KIB);
    cr_assert_eq(wire_credit_outstanding(&credit), 0);
}

Test(credit, in_front_of_a_flash_there_is_half_a_mebibyte_or_one_frame)
{
    struct wire_credit credit = opened();
    cr_assert(wire_credit_clear(&credit, WIRE__LANE__BULK, 1024 * KIB), "alone, a frame may be larger");
    wire_credit_use(&credit, WIRE__LANE__URGENT, 160 * KIB);
    wire_credit_use(&credit, WIRE__LANE__ROUTINE, 192 * KIB);
    cr_assert(wire_credit_clear(&credit, WIRE__LANE__BULK, 160 * KIB));
    cr_assert(!wire_credit_clear(&credit, WIRE__LANE__BULK, 160 * KIB + 1));
    cr_assert(wire_credit_clear(&credit, WIRE__LANE__FLASH, 64 * KIB), "a flash waits for nobody");
    wire_credit_use(&credit, WIRE__LANE__BULK, 160 * KIB);
    cr_assert(!wire_credit_clear(&credit, WIRE__LANE__BULK, 1));
}

/* What was counted at its upper bound and turned out smaller. */
Test(credit, a_frame_may_turn_out_smaller)
{
    struct wire_credit credit = opened();
    wire_credit_use(&credit, WIRE__LANE__URGENT, 100);
    wire_credit_correct(&credit, WIRE__LANE__URGENT, 30);
    cr_assert_eq(wire_credit_outstanding(&credit), 70);
    wire_credit_raise(&credit, WIRE__LANE__URGENT, 160 * KIB + 70, 70);
    cr_assert_eq(wire_credit_outstanding(&credit), 0);
}

Test(credit, what_is_answered_is_taken)
{
    struct wire_credit credit = opened();
    wire_credit_use(&credit, WIRE__LANE__BULK, 1000);
    wire_credit_raise(&credit, WIRE__LANE__BULK, 160 * KIB + 966, 966);
    cr_assert_eq(wire_credit_outstanding(&credit), 34);
    wire_credit_settle(&credit, WIRE__LANE__BULK);
    cr_assert_eq(wire_credit_outstanding(&credit), 0);
}

Test(credit, lanes_that_meet_go_by_weight)
{
    struct wire_credit credit = opened();
    cr_assert_eq(wire_credit_turn(&credit, WIRE__LANE__FLASH), 0);
    uint64_t sent[WIRE_LANES] = {0};
    for (int i = 0; i < 2100; i++) {
        uint32_t next = WIRE__LANE__URGENT;
        for (uint32_t lane = next + 1; lane < WIRE_LANES; lane++)
            if (wire_credit_turn(&credit, lane) < wire_credit_turn(&credit, next))
                next = lane;
        wire_credit_use(&credit, next, 1000);
        sent[next]++;
    }
    cr_assert_eq(sent[WIRE__LANE__URGENT], 1600);
    cr_assert_eq(sent[WIRE__LANE__ROUTINE], 400);
    cr_assert_eq(sent[WIRE__LANE__BULK], 100);
}

/* A lane that was idle does not make up for it. */
Test(credit, a_lane_that_was_idle_starts_level)
{
    struct wire_credit credit = opened();
    for (int i = 0; i < 100; i++)
        wire_credit_use(&credit, WIRE__LANE__BULK, 1000);
    cr_assert_geq(wire_credit_turn(&credit, WIRE__LANE__URGENT), 99 * 64 * 1000);
}
