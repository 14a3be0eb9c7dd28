/* Frames of strangers: decoded within a budget or refused with the reason. */
#include "forge.h"

static uint8_t memory[32 * 1024 * 1024] __attribute__((aligned(16)));
static struct wire_arena arena;

static void setup(void)
{
    wire_arena_over(&arena, memory, sizeof memory);
}

TestSuite(frame, .init = setup);

static enum wire_status decoded(const void *data, size_t size)
{
    enum wire_status status = WIRE_OK;
    wire_arena_reset(&arena);
    Wire__Frame *frame = gate_decode(wire_bytes(data, size), &arena, &status);
    return frame != NULL ? WIRE_OK : status;
}

static enum wire_status of(Wire__Frame__BodyCase body, void *message)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    static uint8_t bytes[64 * 1024];
    frame.body_case = body;
    frame.hello = message;
    size_t size = protobuf_c_message_get_packed_size(&frame.base);
    cr_assert_leq(size, sizeof bytes);
    protobuf_c_message_pack(&frame.base, bytes);
    return decoded(bytes, size);
}

Test(frame, what_nodes_send_comes_in_and_what_brokers_send_does_not)
{
    Wire__Pulse pulse = WIRE__PULSE__INIT;
    Wire__Bye bye = WIRE__BYE__INIT;
    Wire__Credit credit = WIRE__CREDIT__INIT;
    Wire__Arrived arrived = WIRE__ARRIVED__INIT;
    cr_expect_eq(of(WIRE__FRAME__BODY_PULSE, &pulse), WIRE_OK);
    cr_expect_eq(of(WIRE__FRAME__BODY_BYE, &bye), WIRE_OK);
    cr_expect_eq(of(WIRE__FRAME__BODY_CREDIT, &credit), WIRE_OK);
    cr_expect_eq(of(WIRE__FRAME__BODY_ARRIVED, &arrived), WIRE_OK);
    Wire__PolicyPiece policy = WIRE__POLICY_PIECE__INIT;
    Wire__DirectoryPiece directory = WIRE__DIRECTORY_PIECE__INIT;
    cr_expect_eq(of(WIRE__FRAME__BODY_POLICY, &policy), WIRE_UNEXPECTED_FRAME);
    cr_expect_eq(of(WIRE__FRAME__BODY_DIRECTORY, &directory), WIRE_UNEXPECTED_FRAME);
}

Test(frame, no_body_is_unexpected)
{
    cr_expect_eq(decoded("", 0), WIRE_UNEXPECTED_FRAME);
}

Test(frame, what_is_no_frame_is_refused)
{
    cr_expect_eq(decoded("\x0a", 1), WIRE_BAD_FRAME, "cut in a key");
    cr_expect_eq(decoded("\x5a\x7f\x08", 3), WIRE_BAD_FRAME, "longer than it is");
    cr_expect_eq(decoded("\x5a\x00", 2), WIRE_BAD_FRAME, "a BYE without its reason");
    cr_expect_eq(decoded("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12), WIRE_BAD_FRAME, "an endless varint");
    cr_expect_eq(decoded("\x5a\x02\x08\x01\x5a\x02\x08\x02", 8), WIRE_BAD_FRAME, "two bodies");
    cr_expect_eq(decoded("GET / HTTP/1.1\r\n", 16), WIRE_BAD_FRAME, "a browser");
}

Test(frame, unknown_fields_are_refused)
{
    cr_expect_eq(decoded("\x5a\x04\x08\x01\x78\x01", 6), WIRE_UNKNOWN_FIELD, "in a body");
    cr_expect_eq(decoded("\x5a\x02\x08\x01\xf8\x01\x01", 7), WIRE_UNKNOWN_FIELD, "in the frame");
}

Test(frame, texts_with_nul_or_bad_utf8_are_refused)
{
    cr_expect_eq(decoded("\x5a\x06\x08\x01\x12\x02"
                         "ab",
                         8),
                 WIRE_OK);
    cr_expect_eq(decoded("\x5a\x07\x08\x01\x12\x03"
                         "a\0b",
                         9),
                 WIRE_BAD_STRING);
    cr_expect_eq(decoded("\x5a\x06\x08\x01\x12\x02\xc3\x28", 8), WIRE_BAD_STRING);
    cr_expect_eq(decoded("\x5a\x07\x08\x01\x12\x03\xed\xa0\x80", 9), WIRE_BAD_STRING, "half a surrogate pair");
}

Test(frame, enum_values_that_do_not_exist_are_refused)
{
    cr_expect_eq(decoded("\x3a\x06\x0a\x04\x08\x09\x10\x01", 8), WIRE_BAD_FRAME, "a grant of lane 9");
}

Test(frame, what_is_too_large_is_not_even_looked_at)
{
    static uint8_t large[WIRE_FRAME_BYTES_MAX + 1];
    cr_expect_eq(decoded(large, sizeof large), WIRE_FRAME_TOO_LARGE);
}

/* A megabyte of empty ArrivedParts: one 40 times as large in memory. The arena is larger than that; the budget of the
 * frame is not. */
Test(frame, memory_is_bounded_by_the_frame_not_by_the_arena)
{
    static uint8_t hostile[1024 * 1024];
    size_t count = (sizeof hostile - 8) / 2;
    hostile[0] = 0x32; /* arrived */
    hostile[1] = (uint8_t)(0x80 | ((2 * count) & 0x7f));
    hostile[2] = (uint8_t)(0x80 | (((2 * count) >> 7) & 0x7f));
    hostile[3] = (uint8_t)((2 * count) >> 14);
    for (size_t i = 0; i < count; i++)
        hostile[4 + 2 * i] = 0x0a;
    enum wire_status status = decoded(hostile, 4 + 2 * count);
    cr_expect(status == WIRE_OVER_BUDGET || status == WIRE_BAD_FRAME, "%s", wire_status_name(status));
    cr_expect_leq(arena.used, wire_arena_budget(4 + 2 * count));
    cr_expect_eq(arena.size, sizeof memory, "and the arena is whole again");
}

Test(frame, a_large_honest_frame_fits_its_budget)
{
    static uint8_t text[WIRE_ENVELOPE_BYTES_MAX];
    static uint8_t bytes[WIRE_FRAME_BYTES_MAX];
    Wire__Submit submit = WIRE__SUBMIT__INIT;
    Wire__Frame frame = WIRE__FRAME__INIT;
    submit.batch = (ProtobufCBinaryData){sizeof text, text};
    frame.body_case = WIRE__FRAME__BODY_SUBMIT;
    frame.submit = &submit;
    size_t size = protobuf_c_message_pack(&frame.base, bytes);
    cr_expect_eq(decoded(bytes, size), WIRE_OK);
}
