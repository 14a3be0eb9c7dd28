/* A turn of the post: completed, signed together, sent in order; what is dropped, what comes from within. */
#include "shell/post.h"
#include "wire/codec.h"
#include "wire/ensure.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { ARENA_BYTES = 16 * 1024 * 1024, SENT_MAX = 1000, NEVER = 100000 };

struct entry {
    struct shell_letter letter;
    uint64_t mark;
};

static struct {
    struct shell_post *post;
    struct wire_arena arena;
    uint64_t sent[SENT_MAX], committed;
    size_t sent_count, signed_times, signed_statements, unsigned_sent;
    struct wire_bytes first_bytes; /* of the first frame sent, a copy */
    bool answer;                   /* a letter to 0 makes one to 1 while it is sent */
} now;

static void add(uint32_t order, uint64_t after, uint64_t mark, const Wire__Frame *frame)
{
    struct entry *entry = (struct entry *)shell_post_add(now.post, sizeof(*entry), order, after, frame);
    entry->mark = mark;
}

static bool complete(void *context, struct shell_letter *letter)
{
    (void)context;
    cr_expect(letter->open && letter->frame != NULL);
    return ((struct entry *)letter)->mark != NEVER;
}

static void sign(void *context, Wire__Signed **blank, size_t count, struct wire_arena *arena)
{
    (void)context;
    now.signed_times++;
    now.signed_statements += count;
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(blank[i]->signature.len, 0);
        blank[i]->signature = (ProtobufCBinaryData){4, wire_arena_copy(arena, "sign", 4)};
    }
}

static void on_send(void *context, struct shell_letter *letter, struct wire_bytes bytes)
{
    (void)context;
    uint64_t mark = ((struct entry *)letter)->mark;
    ENSURE(now.sent_count < SENT_MAX);
    now.sent[now.sent_count++] = mark;
    if (letter->bytes != NULL) {
        Wire__Frame *frame = wire__frame__unpack(NULL, bytes.size, bytes.data);
        cr_assert_not_null(frame);
        if (frame->body_case == WIRE__FRAME__BODY_RECEIPT)
            now.unsigned_sent += frame->receipt->signed_->signature.len == 0;
        wire__frame__free_unpacked(frame, NULL);
    } else {
        cr_expect_null(bytes.data, "a letter without a frame has no bytes");
    }
    if (now.first_bytes.data == NULL && bytes.data != NULL) {
        void *copy = malloc(bytes.size);
        memcpy(copy, bytes.data, bytes.size);
        now.first_bytes = wire_bytes(copy, bytes.size);
    }
    if (now.answer && letter->order == 0) {
        add(1, 0, mark + 1000, NULL);
        shell_post_flush(now.post, now.committed);
    }
}

static void open_post(void)
{
    void *memory = malloc(ARENA_BYTES);
    ENSURE(memory != NULL);
    wire_arena_over(&now.arena, memory, ARENA_BYTES);
    struct shell_post_options options = {
        .orders = 4, .arena = &now.arena, .complete = complete, .sign = sign, .send = on_send};
    now.post = shell_post_new(&options);
}

static void close_post(void)
{
    shell_post_free(&now.post);
    cr_expect_null(now.post);
    shell_post_free(&now.post);
    free(now.arena.base);
    free((void *)(uintptr_t)now.first_bytes.data);
}

TestSuite(post, .init = open_post, .fini = close_post);

static void add_receipt(uint32_t order, uint64_t after, uint64_t mark, bool is_signed)
{
    uint8_t text[] = "what is said", signature[] = "by others";
    Wire__Signed said = WIRE__SIGNED__INIT;
    Wire__Receipt receipt = WIRE__RECEIPT__INIT;
    Wire__Frame frame = WIRE__FRAME__INIT;
    said.type = WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT;
    said.statement = (ProtobufCBinaryData){sizeof(text), text};
    if (is_signed)
        said.signature = (ProtobufCBinaryData){sizeof(signature), signature};
    receipt.signed_ = &said;
    frame.body_case = WIRE__FRAME__BODY_RECEIPT;
    frame.receipt = &receipt;
    add(order, after, mark, &frame);
}

static void flush(uint64_t committed)
{
    now.committed = committed;
    shell_post_flush(now.post, committed);
}

static bool is_marked_odd(const void *context, const struct shell_letter *letter)
{
    (void)context;
    return ((const struct entry *)letter)->mark % 2 == 1;
}

Test(post, statements_of_one_commit_are_signed_once)
{
    for (uint64_t i = 0; i < 5; i++)
        add_receipt((uint32_t)i % 3, 1, i + 1, false);
    flush(0);
    cr_expect_eq(now.sent_count, 0, "nothing leaves before its commit");
    cr_expect_eq(now.signed_times, 0, "nor is it signed");
    flush(1);
    cr_expect_eq(now.sent_count, 5);
    cr_expect_eq(now.signed_times, 1);
    cr_expect_eq(now.signed_statements, 5);
    cr_expect_eq(now.unsigned_sent, 0);
}

Test(post, what_waits_is_made_ahead)
{
    add_receipt(0, 1, 1, false);
    add_receipt(1, 1, NEVER, false);
    add_receipt(1, 1, 2, false);
    add_receipt(2, 2, 3, false);
    shell_post_ahead(now.post, 1);
    cr_expect_eq(now.signed_times, 1);
    cr_expect_eq(now.signed_statements, 2);
    cr_expect_eq(now.sent_count, 0, "nothing goes before its commit");
    add_receipt(0, 1, 4, false);
    flush(1);
    cr_expect_eq(now.sent_count, 3);
    cr_expect(now.sent[0] == 1 && now.sent[1] == 2 && now.sent[2] == 4);
    cr_expect_eq(now.signed_times, 2, "the one that came later");
    cr_expect_eq(now.signed_statements, 3);
    shell_post_ahead(now.post, 1);
    shell_post_ahead(now.post, 3);
    cr_expect_eq(now.signed_times, 2);
    flush(2);
    cr_expect_eq(now.sent_count, 4);
    cr_expect_eq(now.unsigned_sent, 0);
}

Test(post, what_was_made_ahead_can_be_dropped)
{
    add_receipt(0, 1, 1, false);
    add_receipt(1, 1, 3, false);
    shell_post_ahead(now.post, 1);
    shell_post_drop(now.post, is_marked_odd, NULL);
    flush(1);
    cr_expect_eq(now.sent_count, 0);
}

Test(post, what_others_signed_goes_as_it_is)
{
    add_receipt(0, 0, 1, true);
    flush(0);
    cr_expect_eq(now.sent_count, 1);
    cr_expect_eq(now.signed_times, 0);
}

Test(post, a_frame_that_lacks_nothing_goes_byte_for_byte)
{
    Wire__Bye bye = WIRE__BYE__INIT;
    Wire__Frame frame = WIRE__FRAME__INIT;
    bye.reason = WIRE_REVOKED;
    frame.body_case = WIRE__FRAME__BODY_BYE;
    frame.bye = &bye;
    uint8_t packed[64];
    size_t size = protobuf_c_message_pack(&frame.base, packed);
    add(2, 0, 1, &frame);
    flush(0);
    cr_assert_eq(now.first_bytes.size, size);
    cr_expect_arr_eq(now.first_bytes.data, packed, size);
}

Test(post, what_cannot_be_completed_is_left_out)
{
    add_receipt(0, 0, NEVER, false);
    add_receipt(0, 0, 2, false);
    flush(0);
    cr_assert_eq(now.sent_count, 1);
    cr_expect_eq(now.sent[0], 2);
    cr_expect_eq(now.signed_statements, 1, "what does not go is not signed");
}

Test(post, many_turns_keep_the_order)
{
    for (uint64_t i = 1; i <= 900; i++)
        add_receipt(1, i / 10, i, i % 2 == 0);
    flush(90);
    cr_assert_eq(now.sent_count, 900);
    for (uint64_t i = 0; i < 900; i++)
        cr_assert_eq(now.sent[i], i + 1);
    cr_expect_eq(now.unsigned_sent, 0);
    cr_expect_lt(now.signed_times, 20, "450 statements in a few turns, not one by one");
}

Test(post, what_sending_adds_goes_in_the_same_flush)
{
    now.answer = true;
    add(0, 0, 1, NULL);
    add(0, 0, 2, NULL);
    flush(0);
    cr_assert_eq(now.sent_count, 4);
    cr_expect_eq(now.sent[0], 1);
    cr_expect_eq(now.sent[1], 2, "after the turn, in order");
    cr_expect_eq(now.sent[2], 1001);
    cr_expect_eq(now.sent[3], 1002);
}

Test(post, dropped_letters_do_not_go_and_a_first_one_does)
{
    add(1, 5, 1, NULL);
    add(1, 5, 2, NULL);
    add(2, 0, 3, NULL);
    shell_post_drop(now.post, is_marked_odd, NULL);
    ((struct entry *)shell_post_add_first(now.post, sizeof(struct entry), 1))->mark = 7;
    flush(0);
    cr_assert_eq(now.sent_count, 1, "it waits for no commit");
    cr_expect_eq(now.sent[0], 7);
    flush(5);
    cr_assert_eq(now.sent_count, 2);
    cr_expect_eq(now.sent[1], 2);
}
