#include "make.h"
#include <criterion/criterion.h>

struct cut {
    struct wire_arena *arena;
    struct wire_hash hash;
    Wire__Batch *batch;
    struct wire_digest leaf[WIRE_BATCH_LEAVES_MAX];
    uint8_t have[(WIRE_BATCH_LEAVES_MAX + 7) / 8];
    Wire__Part part;
    /* of the last check */
    Wire__Header *header[WIRE_BATCH_ENVELOPES_MAX];
    struct wire_digest part_leaf[WIRE_BATCH_ENVELOPES_MAX];
    uint32_t at;
};

static struct cut *cut_new(struct make_plan plan)
{
    struct cut *cut = make_memory(sizeof *cut);

    cut->arena = make_arena();
    cut->hash = test_hash();
    cut->batch = make_batch(cut->arena, plan);
    cr_assert_eq(wire_batch_check(&cut->hash, cut->batch, cut->arena, cut->header, cut->leaf, &cut->at), WIRE_OK);
    return cut;
}

static void have(struct cut *cut, uint32_t leaf)
{
    cut->have[leaf / 8] = (uint8_t)(cut->have[leaf / 8] | 1 << leaf % 8);
}

static void make_part(struct cut *cut)
{
    cr_assert_eq(wire_part_cut(&cut->hash, cut->batch, cut->leaf, cut->have, cut->arena, &cut->part), WIRE_OK);
}

static enum wire_status check(struct cut *cut)
{
    return wire_part_check(&cut->hash, &cut->part, cut->arena, cut->header, cut->part_leaf, &cut->at);
}

/* Envelopes 1 and 4 of seven, and the second of two boxes. */
static struct cut *cut_small(void)
{
    struct cut *cut = cut_new((struct make_plan){.count = 7, .boxes = 2, .payload_size = 30});

    have(cut, 1);
    have(cut, 4);
    have(cut, 8);
    make_part(cut);
    return cut;
}

Test(part, cut_sent_and_checked)
{
    struct cut *cut = cut_small();
    struct wire_bytes raw = wire_encode(&cut->part.base, cut->arena);
    enum wire_status status;
    Wire__Part *part = (Wire__Part *)wire_decode(&wire__part__descriptor, raw, WIRE_STRICT_ALL, cut->arena, &status);

    cr_assert_eq(status, WIRE_OK);
    cut->part = *part;
    cr_assert_eq(check(cut), WIRE_OK);
    cr_assert_eq(part->n_envelope, 2);
    cr_assert(part->envelope[0]->index == 1 && part->envelope[1]->index == 4);
    cr_assert(part->has_box_index && part->box_index == 8 && part->box->region == 330200);
    cr_assert(cut->header[0]->seq == 2 && cut->header[1]->seq == 5);
    cr_assert_eq(memcmp(&cut->part_leaf[1], &cut->leaf[4], 32), 0);
}

Test(part, every_choice_of_a_small_batch)
{
    struct cut *cut = cut_new((struct make_plan){.count = 6, .boxes = 0, .payload_size = 5});

    for (uint8_t choice = 1; choice < 64; choice++) {
        cut->have[0] = choice;
        make_part(cut);
        cr_assert_eq(check(cut), WIRE_OK, "%d", choice);
    }
}

Test(part, a_whole_batch_of_512_with_boxes)
{
    struct cut *cut = cut_new((struct make_plan){.count = 512, .boxes = 64, .payload_size = 5});

    for (uint32_t i = 0; i < 512; i++)
        have(cut, i);
    make_part(cut);
    cr_assert_eq(check(cut), WIRE_OK);
    memset(cut->have, 0, sizeof cut->have);
    for (uint32_t i = 0; i < 512; i += 2)
        have(cut, i);
    have(cut, 575);
    make_part(cut);
    cr_assert_eq(check(cut), WIRE_OK);
    cr_assert_eq(cut->part.n_proof, 256 + 6);
}

Test(part, erased_content_still_verifies)
{
    struct cut *cut = cut_small();

    cut->part.envelope[1]->has_salt = cut->part.envelope[1]->has_payload = 0;
    cr_assert_eq(check(cut), WIRE_OK);
    cut->part.envelope[1]->has_salt = 1;
    cr_assert_eq(check(cut), WIRE_BAD_FRAME);
}

/* Each line: one thing wrong with the part. */
#define PART_TEST(name, damage, wanted)                                                                                \
    Test(part, name)                                                                                                   \
    {                                                                                                                  \
        struct cut *cut = cut_small();                                                                                 \
        Wire__Part *part = &cut->part;                                                                                 \
        damage;                                                                                                        \
        cr_assert_eq(check(cut), wanted);                                                                              \
    }

PART_TEST(of_nothing, part->n_envelope = 0, WIRE_BAD_FRAME)
PART_TEST(another_suite, part->seal->suite = 9, WIRE_WRONG_SUITE)
PART_TEST(index_beyond_the_batch, part->envelope[1]->index = 7, WIRE_BAD_FRAME)
PART_TEST(indexes_that_repeat, part->envelope[1]->index = 1, WIRE_BAD_FRAME)
PART_TEST(index_of_another, part->envelope[1]->index = 5, WIRE_MIXED_BATCH)
PART_TEST(box_without_index, part->has_box_index = 0, WIRE_BAD_FRAME)
PART_TEST(index_without_box, part->box = NULL, WIRE_BAD_FRAME)
PART_TEST(box_among_the_envelopes, part->box_index = 6, WIRE_BAD_BOX)
PART_TEST(box_beyond_the_boxes, part->box_index = 9, WIRE_BAD_BOX)
PART_TEST(box_of_another, part->box_index = 7, WIRE_BAD_ROOT)
PART_TEST(box_left_out, (part->box = NULL, part->has_box_index = 0), WIRE_BAD_ROOT)
PART_TEST(box_exchanged, part->box = cut->batch->box[0], WIRE_BAD_ROOT)
PART_TEST(envelope_left_out, part->n_envelope = 1, WIRE_BAD_ROOT)
PART_TEST(proof_tampered, part->proof[0].data[5] ^= 1, WIRE_BAD_ROOT)
PART_TEST(proof_cut, part->n_proof--, WIRE_BAD_ROOT)
PART_TEST(proof_of_short_hashes, part->proof[1].len = 31, WIRE_BAD_ROOT)
PART_TEST(root_of_another, part->seal->root.data[0] ^= 1, WIRE_BAD_ROOT)
PART_TEST(count_that_says_less, part->seal->count = 6, WIRE_BAD_BOX)
PART_TEST(count_that_says_more, part->seal->count = 8, WIRE_BAD_ROOT)
PART_TEST(salt_too_short, part->envelope[0]->salt.len = 15, WIRE_BAD_FRAME)

Test(part, a_damaged_payload_is_found_last)
{
    struct cut *cut = cut_small();

    cut->part.envelope[1]->payload.data[3] ^= 1;
    cr_assert_eq(check(cut), WIRE_TAMPERED);
    cr_assert_eq(cut->at, 1);
    cr_assert_not_null(cut->header[0]);
    cr_assert_eq(memcmp(&cut->part_leaf[1], &cut->leaf[4], 32), 0, "leaves and proof were right");
}

/* A header of a later version, under the origin's own root. */
Test(part, a_header_that_cannot_be_read_here_is_proven_all_the_same)
{
    struct wire_arena *arena = make_arena();
    struct wire_hash hash = test_hash();
    Wire__Batch *batch = make_batch(arena, (struct make_plan){.count = 3, .payload_size = 9});
    ProtobufCBinaryData *header = &batch->envelope[1]->header;
    Wire__Header *headers[3];
    struct wire_digest leaves[3];
    Wire__Part part;
    uint8_t all = 7;
    uint32_t at;

    uint8_t *longer = wire_arena_take(arena, header->len + 3);
    memcpy(longer, header->data, header->len);
    memcpy(longer + header->len, "\xf8\3\1", 3); /* field 63 */
    *header = (ProtobufCBinaryData){.len = header->len + 3, .data = longer};
    make_seal(arena, batch);
    cr_assert_eq(wire_part_cut(&hash, batch, leaves, &all, arena, &part), WIRE_OK);
    cr_assert_eq(wire_part_check(&hash, &part, arena, headers, leaves, &at), WIRE_OK);
    cr_assert(headers[0] != NULL && headers[1] == NULL && headers[2] != NULL);
}

Test(part, a_cut_that_does_not_fit_the_arena)
{
    struct cut *cut = cut_new((struct make_plan){.count = 64, .boxes = 1, .payload_size = 5});
    static uint8_t memory[16 * 1024];
    bool fitted = false;

    for (uint32_t i = 0; i < 64; i += 3)
        have(cut, i);
    for (size_t size = 0; size < sizeof memory; size += 64) {
        struct wire_arena small;

        wire_arena_over(&small, memory, size);
        enum wire_status status = wire_part_cut(&cut->hash, cut->batch, cut->leaf, cut->have, &small, &cut->part);
        cr_assert(status == WIRE_OK || (status == WIRE_OVER_BUDGET && !fitted));
        fitted = status == WIRE_OK;
    }
    cr_assert(fitted);
}
