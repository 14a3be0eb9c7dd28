/* Whose turn it is: a flash first, each peer in its order. */
#include "forge.h"

#include "broker/gate/turns.h"

enum { SLOTS = 8 };

static uint8_t memory[1024 * 1024] __attribute__((aligned(16)));
static struct wire_arena arena;
static struct gate_turns turns;

static void setup(void)
{
    wire_arena_over(&arena, memory, sizeof memory);
    gate_turns_open(&turns, SLOTS);
}

static void teardown(void)
{
    while (gate_turns_take(&turns) != NULL)
        continue;
    gate_turns_close(&turns);
}

TestSuite(turns, .init = setup, .fini = teardown);

/* --- the glance --------------------------------------------------------------------------------------------------- */

static struct wire_bytes framed(Wire__Frame__BodyCase body, void *message)
{
    Wire__Frame frame = WIRE__FRAME__INIT;
    frame.body_case = body;
    frame.hello = message;
    return wire_encode(&frame.base, &arena);
}

static struct wire_bytes submit_in(Wire__Lane lane)
{
    static uint8_t zeros[WIRE_HASH_BYTES];
    Wire__BatchSeal seal = WIRE__BATCH_SEAL__INIT;
    seal.mechanism = (char *)"national";
    seal.lane = lane;
    seal.suite = 1;
    seal.origin = 310000;
    seal.signer = seal.root = seal.signature = (ProtobufCBinaryData){sizeof zeros, zeros};
    seal.store_id = (ProtobufCBinaryData){WIRE_ID_BYTES, zeros};
    Wire__Batch batch = WIRE__BATCH__INIT;
    batch.seal = &seal;
    struct wire_bytes bytes = wire_encode(&batch.base, &arena);
    Wire__Submit submit = WIRE__SUBMIT__INIT;
    submit.batch = (ProtobufCBinaryData){bytes.size, (uint8_t *)(uintptr_t)bytes.data};
    return framed(WIRE__FRAME__BODY_SUBMIT, &submit);
}

Test(turns, a_glance_tells_flash_from_other_batches)
{
    cr_expect_eq(gate_glance(submit_in(WIRE__LANE__FLASH)), GATE_FLASH);
    cr_expect_eq(gate_glance(submit_in(WIRE__LANE__URGENT)), GATE_LONG);
    cr_expect_eq(gate_glance(submit_in(WIRE__LANE__ROUTINE)), GATE_LONG);
    cr_expect_eq(gate_glance(submit_in(WIRE__LANE__BULK)), GATE_LONG);
}

Test(turns, a_glance_tells_the_kinds_of_frames)
{
    Wire__Arrived arrived = WIRE__ARRIVED__INIT;
    Wire__Credit credit = WIRE__CREDIT__INIT;
    Wire__Pulse pulse = WIRE__PULSE__INIT;
    Wire__Bye bye = WIRE__BYE__INIT;
    cr_expect_eq(gate_glance(framed(WIRE__FRAME__BODY_ARRIVED, &arrived)), GATE_LONG);
    cr_expect_eq(gate_glance(framed(WIRE__FRAME__BODY_CREDIT, &credit)), GATE_CREDIT);
    cr_expect_eq(gate_glance(framed(WIRE__FRAME__BODY_PULSE, &pulse)), GATE_OTHER);
    cr_expect_eq(gate_glance(framed(WIRE__FRAME__BODY_BYE, &bye)), GATE_OTHER);
    cr_expect_eq(gate_glance(wire_bytes("", 0)), GATE_OTHER);
    cr_expect_eq(gate_glance(wire_bytes("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11)), GATE_OTHER);
}

/* Cut anywhere it is read no further than it goes (the copy is exact, for the sanitizer), and is never more than it
 * was.
 */
Test(turns, a_glance_at_half_a_frame_is_no_flash_before_its_lane)
{
    struct wire_bytes whole = submit_in(WIRE__LANE__FLASH);
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *cut = malloc(size + 1);
        memcpy(cut, whole.data, size);
        cr_expect_neq(gate_glance(wire_bytes(cut, size)), GATE_FLASH, "the submit's length goes beyond its end");
        free(cut);
    }
}

Test(turns, a_glance_at_anything_ends)
{
    struct wire_bytes whole = submit_in(WIRE__LANE__FLASH);
    uint64_t state = 88172645463325252u;
    for (int round = 0; round < 20000; round++) {
        uint8_t *wrong = malloc(whole.size);
        memcpy(wrong, whole.data, whole.size);
        for (int i = 0; i < 3; i++) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            wrong[state % whole.size % 24] = (uint8_t)(state >> 32);
        }
        cr_assert_leq(gate_glance(wire_bytes(wrong, whole.size)), GATE_OTHER);
        free(wrong);
    }
}

/* --- turns -------------------------------------------------------------------------------------------------------- */

static struct gate_frame *frame_of(uint64_t peer, enum gate_turn turn)
{
    struct gate_frame *frame = wire_arena_take(&arena, sizeof *frame);
    *frame = (struct gate_frame){.peer = peer, .slot = (uint32_t)peer % SLOTS, .turn = turn, .raw = {.size = 100}};
    return frame;
}

/* As the broker does: true, it is heard at once. */
static bool comes(uint64_t peer, enum gate_turn turn, struct gate_frame **frame)
{
    *frame = frame_of(peer, turn);
    if (gate_turns_now(&turns, (*frame)->slot, turn))
        return true;
    gate_turns_put(&turns, *frame);
    return false;
}

Test(turns, a_flash_goes_before_all_that_takes_long)
{
    struct gate_frame *frame, *bulk, *arrived;
    cr_expect_not(comes(1, GATE_LONG, &bulk));
    cr_expect_not(comes(2, GATE_LONG, &arrived));
    cr_expect(comes(1, GATE_FLASH, &frame));
    cr_expect(comes(3, GATE_FLASH, &frame));
    cr_expect_eq(gate_turns_take(&turns), bulk);
    cr_expect_eq(gate_turns_take(&turns), arrived);
    cr_expect_null(gate_turns_take(&turns));
}

Test(turns, frames_of_one_peer_keep_their_order)
{
    struct gate_frame *batch, *credit, *pulse, *other;
    cr_expect_not(comes(1, GATE_LONG, &batch));
    cr_expect_not(comes(1, GATE_CREDIT, &credit), "behind its batch");
    cr_expect_not(comes(1, GATE_OTHER, &pulse), "behind its batch");
    cr_expect(comes(2, GATE_OTHER, &other), "of another peer");
    cr_expect(comes(2, GATE_CREDIT, &other), "of another peer");
    cr_expect_eq(gate_turns_take(&turns), batch);
    cr_expect_eq(gate_turns_take(&turns), credit);
    cr_expect_eq(gate_turns_take(&turns), pulse);
    cr_expect(comes(1, GATE_OTHER, &other), "nothing of it waits any more");
}

/* A PULSE may confirm the session that the flash belongs to. */
Test(turns, a_flash_passes_batches_and_credit_but_no_pulse)
{
    struct gate_frame *frame, *pulse, *first, *second;
    comes(1, GATE_LONG, &frame);
    comes(1, GATE_CREDIT, &frame);
    cr_expect(comes(1, GATE_FLASH, &first));
    comes(1, GATE_OTHER, &pulse);
    cr_expect_not(comes(1, GATE_FLASH, &first));
    cr_expect_not(comes(1, GATE_FLASH, &second));
    while (gate_turns_take(&turns) != pulse)
        continue;
    cr_expect_not(comes(1, GATE_FLASH, &frame), "an earlier flash still waits");
    cr_expect_eq(gate_turns_take(&turns), first);
    cr_expect_eq(gate_turns_take(&turns), second);
}

Test(turns, what_a_peer_left_is_found_among_others)
{
    struct gate_frame *a, *b, *c, *d;
    comes(1, GATE_LONG, &a);
    comes(2, GATE_LONG, &b);
    comes(1, GATE_OTHER, &c);
    comes(2, GATE_LONG, &d);
    cr_expect_eq(gate_turns_take_of(&turns, 2, 2), b);
    cr_expect_eq(gate_turns_take_of(&turns, 2, 2), d);
    cr_expect_null(gate_turns_take_of(&turns, 2, 2));
    comes(2, GATE_LONG, &d);
    cr_expect_eq(gate_turns_take(&turns), a);
    cr_expect_eq(gate_turns_take(&turns), c);
    cr_expect_eq(gate_turns_take(&turns), d);
    cr_expect_eq(turns.frames, 0);
    cr_expect_eq(turns.bytes, 0);
}

Test(turns, more_than_may_wait_is_full)
{
    struct gate_frame *frame;
    comes(1, GATE_LONG, &frame);
    cr_expect_not(gate_turns_full(&turns));
    frame = frame_of(2, GATE_LONG);
    frame->raw.size = GATE_WAITING_BYTES_MAX;
    gate_turns_put(&turns, frame);
    cr_expect(gate_turns_full(&turns));
}
