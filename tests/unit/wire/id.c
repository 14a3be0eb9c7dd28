#include "wire/id.h"
#include <criterion/criterion.h>

Test(id, uuid_of_rfc_9562_appendix_a6)
{
    /* 017F22E2-79B0-7CC3-98C4-DC0C0C07398F: ms 0x017F22E279B0, rand_a CC3, rand_b 18C4DC0C0C07398F */
    static const uint8_t random[10] = {0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
    uint8_t id[WIRE_ID_BYTES], back[WIRE_ID_BYTES];
    char text[WIRE_ID_TEXT];

    wire_id_make(0x017F22E279B0, random, id);
    cr_expect_str_eq(wire_id_text(id, text), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    cr_assert(wire_id_parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F", back));
    cr_expect_eq(memcmp(id, back, sizeof id), 0);
}

Test(id, version_and_variant_hold_whatever_is_random)
{
    uint8_t random[10], id[WIRE_ID_BYTES];

    for (int fill = 0; fill < 256; fill++) {
        memset(random, fill, sizeof random);
        wire_id_make(fill, random, id);
        cr_expect(id[6] >> 4 == 7 && id[8] >> 6 == 2);
    }
}

Test(id, what_is_no_uuid)
{
    static const char *const texts[] = {
        "",
        "017f22e2",
        "017f22e279b07cc398c4dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "017f22e2_79b0-7cc3-98c4-dc0c0c07398f",
        " 017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    };
    uint8_t id[WIRE_ID_BYTES] = {9};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_expect_not(wire_id_parse(texts[i], id), "%s", texts[i]);
    cr_expect_eq(id[0], 9, "a failure leaves the id alone");
}

Test(id, numbers_one_can_say)
{
    struct wire_number number = {310000, 20200207, 12};
    char text[WIRE_NUMBER_TEXT];

    cr_expect_str_eq(wire_number_text(number, text), "310000-20200207-0012");
    cr_assert(wire_number_parse(text, &number));
    cr_expect(number.region == 310000 && number.date == 20200207 && number.serial == 12);
    number.serial = 123456;
    cr_expect_str_eq(wire_number_text(number, text), "310000-20200207-123456");
    cr_assert(wire_number_parse(text, &number) && number.serial == 123456);
    number = (struct wire_number){0, 20200207, 1};
    cr_expect_str_eq(wire_number_text(number, text), "000000-20200207-0001");
    cr_assert(wire_number_parse("310000-20200207-4294967295", &number) && number.serial == UINT32_MAX);
}

Test(id, what_is_no_number)
{
    static const char *const texts[] = {
        "",
        "310000",
        "310000-20200207",
        "310000-20200207-12",
        "310000-20200207-0000",
        "310000-20200207-00012",
        "310000-20200207-4294967296",
        "310000-20200207-99999999999",
        "310000-20200230-0012",
        "31000-20200207-0012",
        "3100000-20200207-0012",
        "310000-20200207-0012 ",
        "310000 20200207 0012",
        "-10000-20200207-0012",
    };
    struct wire_number number;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_expect_not(wire_number_parse(texts[i], &number), "%s", texts[i]);
}

Test(id, hex)
{
    uint8_t bytes[3] = {0x00, 0xaf, 0xff};
    char text[7];

    wire_hex(bytes, 3, text);
    cr_expect_str_eq(text, "00afff");
    wire_hex(bytes, 0, text);
    cr_expect_str_eq(text, "");
    cr_expect(wire_unhex("00aFfF", 3, bytes));
    cr_expect_not(wire_unhex("00afff", 2, bytes));
    cr_expect_not(wire_unhex("00af", 3, bytes));
    cr_expect_not(wire_unhex("00afxf", 3, bytes));
    cr_expect(wire_unhex("", 0, bytes));
}
