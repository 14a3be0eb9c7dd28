/* The shortest road: published, admitted, delivered, arrived, answered. */
#include "fake.h"
#include "wire/kind.h"
#include <criterion/criterion.h>

TestSuite(road);

static struct fake fake;

Test(road, a_notice_is_admitted_delivered_and_signed_for)
{
    fake_start(&fake, 1);
    struct fake_node *from = fake_node(&fake, 310000), *to = fake_node(&fake, 330000);
    fake_connect(&fake, from);
    fake_connect(&fake, to);
    const uint8_t *id =
        fake_publish(&fake, from, &(struct fake_spec){.kind = WIRE_KIND_CONTACT_NOTICE, .concerns = 330000});
    cr_assert_eq(from->admitted + from->refused, 0, "nothing is acknowledged before it is durable");
    cr_assert_eq(to->delivered, 0);
    fake_commit(&fake);
    cr_assert_eq(from->admitted, 1);
    cr_assert_eq(to->delivered, 1);
    cr_assert(fake_arrive(&fake, to, WIRE__VERDICT_CODE__ARRIVED));
    fake_settle(&fake);
    cr_assert_eq(from->arrivals, 1);
    cr_assert_eq(fake_count(&fake.durable, BROKER_OBLIGATION), 3);
    fake_publish(&fake, to,
                 &(struct fake_spec){.kind = WIRE_KIND_ACKNOWLEDGEMENT, .names_origin = 310000, .names = id});
    fake_settle(&fake);
    cr_assert_eq(to->admitted, 1);
    cr_assert_eq(from->delivered, 1);
    cr_assert_eq(fake_count(&fake.durable, BROKER_OBLIGATION), 2, "signed for: feedback and close remain");
    fake_close(&fake);
}
