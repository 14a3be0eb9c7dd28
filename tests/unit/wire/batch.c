#include "make.h"
#include <criterion/criterion.h>

struct checked {
    enum wire_status status;
    uint32_t at;
    Wire__Header *header[WIRE_BATCH_ENVELOPES_MAX];
    struct wire_digest leaf[WIRE_BATCH_LEAVES_MAX];
};

static struct checked *check(struct wire_arena *arena, const Wire__Batch *batch)
{
    struct checked *checked = make_memory(sizeof *checked);
    struct wire_hash hash = test_hash();

    checked->status = wire_batch_check(&hash, batch, arena, checked->header, checked->leaf, &checked->at);
    return checked;
}

static Wire__Header *header_of(struct wire_arena *arena, const Wire__Batch *batch, uint32_t index)
{
    ProtobufCBinaryData raw = batch->envelope[index]->header;
    enum wire_status status;

    return (Wire__Header *)wire_decode(&wire__header__descriptor, wire_bytes(raw.data, raw.len), WIRE_STRICT_HEADER,
                                       arena, &status);
}

Test(batch, a_right_one_passes)
{
    struct wire_arena *arena = make_arena();

    for (uint32_t count = 1; count <= 5; count++) {
        Wire__Batch *batch =
            make_batch(arena, (struct make_plan){.count = count, .boxes = count - 1, .payload_size = 99});
        struct checked *checked = check(arena, batch);

        cr_assert_eq(checked->status, WIRE_OK);
        for (uint32_t i = 0; i < count; i++)
            cr_assert_eq(checked->header[i]->seq, i + 1);
        struct wire_hash hash = test_hash();
        struct wire_digest root = wire_merkle_root(&hash, checked->leaf, 2 * count - 1);
        cr_assert_eq(memcmp(root.bytes, batch->seal->root.data, 32), 0);
    }
}

/* 512 of the smallest envelopes: decoding the batch and all its headers must fit the one budget. */
Test(batch, a_full_one_fits_its_budget)
{
    struct wire_arena *arena = make_arena();
    Wire__Batch *made = make_batch(arena, (struct make_plan){.count = 512, .boxes = 0, .payload_size = 1});
    struct wire_bytes raw = wire_encode(&made->base, arena);
    size_t budget = wire_arena_budget(raw.size);
    struct wire_arena exact;
    enum wire_status status;

    wire_arena_over(&exact, make_memory(budget), budget);
    Wire__Batch *batch = (Wire__Batch *)wire_decode(&wire__batch__descriptor, raw, WIRE_STRICT_ALL, &exact, &status);
    cr_assert_eq(status, WIRE_OK);
    cr_assert_eq(check(&exact, batch)->status, WIRE_OK);
    cr_assert_lt(exact.used, budget - raw.size - WIRE_ARENA_BASE, "and leaves room for the frame around it");
}

Test(batch, limits_of_size)
{
    static const struct {
        uint32_t count;
        size_t payload_size;
        enum wire_status wanted;
    } sizes[] = {
        {2, 127 * 1024, WIRE_OK},
        {2, 128 * 1024, WIRE_FRAME_TOO_LARGE},
        {1, 1000 * 1024, WIRE_OK},
        {1, 1024 * 1024, WIRE_FRAME_TOO_LARGE},
    };

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct wire_arena *arena = make_arena();
        struct make_plan plan = {.count = sizes[i].count, .payload_size = sizes[i].payload_size};

        cr_expect_eq(check(arena, make_batch(arena, plan))->status, sizes[i].wanted, "%zu", i);
    }
}

static const struct make_plan small = {.count = 3, .boxes = 2, .payload_size = 20};

/* Each line: one thing wrong with the seal. */
#define SEAL_TEST(name, damage, wanted)                                                                                \
    Test(batch, name)                                                                                                  \
    {                                                                                                                  \
        struct wire_arena *arena = make_arena();                                                                       \
        Wire__Batch *batch = make_batch(arena, small);                                                                 \
        Wire__BatchSeal *seal = batch->seal;                                                                           \
        (void)seal;                                                                                                    \
        damage;                                                                                                        \
        cr_assert_eq(check(arena, batch)->status, wanted);                                                             \
    }

SEAL_TEST(another_suite, seal->suite = 2, WIRE_WRONG_SUITE)
SEAL_TEST(signer_too_short, seal->signer.len = 31, WIRE_BAD_FRAME)
SEAL_TEST(store_id_too_long, seal->store_id = make_bytes(arena, 0x55, 17), WIRE_BAD_FRAME)
SEAL_TEST(root_missing, seal->root.len = 0, WIRE_BAD_FRAME)
SEAL_TEST(signature_missing, seal->signature.len = 0, WIRE_BAD_FRAME)
SEAL_TEST(signature_too_long, seal->signature = make_bytes(arena, 1, 81), WIRE_BAD_FRAME)
SEAL_TEST(mechanism_of_capitals, seal->mechanism[0] = 'Y', WIRE_BAD_FRAME)
SEAL_TEST(mechanism_empty, seal->mechanism[0] = 0, WIRE_BAD_FRAME)
SEAL_TEST(mechanism_too_long, seal->mechanism = (char *)make_bytes(arena, 'a', 42).data, WIRE_BAD_FRAME)
SEAL_TEST(count_of_none, (seal->count = 0, batch->n_envelope = 0), WIRE_BAD_FRAME)
SEAL_TEST(count_says_more, seal->count = 4, WIRE_BAD_FRAME)
SEAL_TEST(count_says_less, seal->count = 2, WIRE_BAD_FRAME)
SEAL_TEST(count_beyond_the_limit, seal->count = 513, WIRE_BAD_FRAME)
SEAL_TEST(boxes_say_more, seal->boxes = 3, WIRE_BAD_FRAME)
SEAL_TEST(boxes_beyond_the_limit, seal->boxes = 65, WIRE_BAD_FRAME)
SEAL_TEST(first_is_zero, seal->first = 0, WIRE_BAD_FRAME)
SEAL_TEST(first_overflows, seal->first = UINT64_MAX - 2, WIRE_BAD_FRAME)
SEAL_TEST(another_origin, seal->origin = 320000, WIRE_MIXED_BATCH)
SEAL_TEST(another_lane, seal->lane = WIRE__LANE__BULK, WIRE_MIXED_BATCH)
SEAL_TEST(another_first, seal->first = 2, WIRE_MIXED_BATCH)
SEAL_TEST(another_store, seal->store_id = make_bytes(arena, 0x56, 16), WIRE_MIXED_BATCH)
SEAL_TEST(another_mechanism, seal->mechanism = wire_arena_text(arena, "yangtze", 7), WIRE_MIXED_BATCH)
SEAL_TEST(another_root, seal->root.data[31] ^= 1, WIRE_BAD_ROOT)
SEAL_TEST(box_of_no_region, batch->box[0]->region = 33, WIRE_BAD_BOX)
SEAL_TEST(boxes_that_fall, batch->box[1]->region = 330000, WIRE_BAD_BOX)
SEAL_TEST(boxes_that_repeat, batch->box[1]->region = batch->box[0]->region, WIRE_BAD_BOX)
SEAL_TEST(box_without_certificate, batch->box[0]->certificate.len = 0, WIRE_BAD_BOX)
SEAL_TEST(box_without_cms, batch->box[0]->cms.len = 0, WIRE_BAD_BOX)
SEAL_TEST(box_exchanged, batch->box[0]->cms = batch->box[1]->cms, WIRE_BAD_ROOT)

/* Each line: one thing wrong with the header of envelope 1, in a batch whose root is right. */
#define HEADER_TEST(name, damage, wanted)                                                                              \
    Test(header, name)                                                                                                 \
    {                                                                                                                  \
        struct wire_arena *arena = make_arena();                                                                       \
        Wire__Batch *batch = make_batch(arena, small);                                                                 \
        Wire__Header *header = header_of(arena, batch, 1);                                                             \
        damage;                                                                                                        \
        make_put_header(arena, batch, 1, header);                                                                      \
        make_seal(arena, batch);                                                                                       \
        struct checked *checked = check(arena, batch);                                                                 \
        cr_assert_eq(checked->status, wanted);                                                                         \
        cr_assert_eq(checked->at, 1);                                                                                  \
    }

static void address(struct wire_arena *arena, Wire__Header *header, size_t to, size_t cc, uint32_t region)
{
    Wire__Address *all = wire_arena_take(arena, sizeof *all);
    Wire__Address **list = wire_arena_take(arena, (to + cc + 1) * sizeof *list);

    wire__address__init(all);
    all->region = region;
    for (size_t i = 0; i < to + cc; i++)
        list[i] = all;
    header->to = list;
    header->n_to = to;
    header->cc = list + to;
    header->n_cc = cc;
}

static void refer(struct wire_arena *arena, Wire__Header *header, size_t count, size_t id_bytes)
{
    Wire__Reference *all = wire_arena_take(arena, sizeof *all);

    wire__reference__init(all);
    all->origin = 310000;
    all->id = make_bytes(arena, 1, id_bytes);
    header->references = wire_arena_take(arena, count * sizeof *header->references);
    header->n_references = count;
    for (size_t i = 0; i < count; i++)
        header->references[i] = all;
}

HEADER_TEST(another_version, header->version = 2, WIRE_BAD_HEADER)
HEADER_TEST(id_too_short, header->id.len = 15, WIRE_BAD_HEADER)
HEADER_TEST(date_of_no_day, header->number_date = 20200230, WIRE_BAD_HEADER)
HEADER_TEST(serial_of_zero, header->number_serial = 0, WIRE_BAD_HEADER)
HEADER_TEST(origin_of_no_region, header->origin = 31, WIRE_BAD_HEADER)
HEADER_TEST(issuer_of_no_region, header->issuer_region = 3100000, WIRE_BAD_HEADER)
HEADER_TEST(store_id_too_short, header->store_id.len = 8, WIRE_BAD_HEADER)
HEADER_TEST(seq_of_zero, header->seq = 0, WIRE_BAD_HEADER)
HEADER_TEST(mechanism_with_a_space, header->mechanism[3] = ' ', WIRE_BAD_HEADER)
HEADER_TEST(created_never, header->created_ms = 0, WIRE_BAD_HEADER)
HEADER_TEST(expires_before_1970, (header->has_expires_ms = 1, header->expires_ms = -1), WIRE_BAD_HEADER)
HEADER_TEST(kept_until_no_day, header->keep_until = 20201332, WIRE_BAD_HEADER)
HEADER_TEST(digest_too_short, header->digest.len = 20, WIRE_BAD_HEADER)
HEADER_TEST(too_many_addresses, address(arena, header, 32, 33, 330000), WIRE_BAD_HEADER)
HEADER_TEST(address_of_no_region, address(arena, header, 0, 1, 0), WIRE_BAD_HEADER)
HEADER_TEST(too_many_references, refer(arena, header, 17, 16), WIRE_BAD_HEADER)
HEADER_TEST(reference_without_id, refer(arena, header, 1, 0), WIRE_BAD_HEADER)
HEADER_TEST(too_large, header->incident = (char *)make_bytes(arena, 'x', 4097).data, WIRE_BAD_HEADER)
HEADER_TEST(seq_of_another, header->seq = 3, WIRE_MIXED_BATCH)
HEADER_TEST(origin_of_another, header->origin = 320000, WIRE_MIXED_BATCH)
HEADER_TEST(digest_of_another, header->digest.data[0] ^= 1, WIRE_TAMPERED)

Test(header, what_is_at_the_limit_passes)
{
    struct wire_arena *arena = make_arena();
    Wire__Header *header = make_header(arena, 0);

    address(arena, header, 32, 32, 330000);
    refer(arena, header, 16, 16);
    header->in_reply_to = header->references[0];
    header->origin = header->issuer_region = 0; /* the broker */
    cr_assert_eq(wire_header_check(header), WIRE_OK);
}

static void append_to_header(struct wire_arena *arena, Wire__Batch *batch, uint32_t index, const char *bytes,
                             size_t size)
{
    ProtobufCBinaryData *header = &batch->envelope[index]->header;
    uint8_t *longer = wire_arena_take(arena, header->len + size);

    memcpy(longer, header->data, header->len);
    memcpy(longer + header->len, bytes, size);
    header->data = longer;
    header->len += size;
    make_seal(arena, batch);
}

Test(header, an_unknown_field_below_64_is_critical)
{
    struct wire_arena *arena = make_arena();
    Wire__Batch *batch = make_batch(arena, small);

    append_to_header(arena, batch, 2, "\x82\4\1x", 4); /* 64 */
    cr_assert_eq(check(arena, batch)->status, WIRE_OK);
    append_to_header(arena, batch, 2, "\xfa\3\1x", 4); /* 63 */
    struct checked *checked = check(arena, batch);
    cr_assert_eq(checked->status, WIRE_BAD_HEADER);
    cr_assert_eq(checked->at, 2);
}

Test(header, bytes_and_not_meaning_are_hashed)
{
    struct wire_arena *arena = make_arena();
    Wire__Batch *batch = make_batch(arena, small);
    ProtobufCBinaryData root = batch->seal->root;
    uint8_t before[32];

    memcpy(before, root.data, 32);
    append_to_header(arena, batch, 0, "\x82\4\0", 3);
    cr_assert_neq(memcmp(root.data, before, 32), 0);
    memcpy(root.data, before, 32);
    cr_assert_eq(check(arena, batch)->status, WIRE_BAD_ROOT);
}

SEAL_TEST(payload_exchanged, batch->envelope[0]->payload = batch->envelope[1]->payload, WIRE_TAMPERED)
SEAL_TEST(payload_cut, batch->envelope[0]->payload.len--, WIRE_TAMPERED)
SEAL_TEST(salt_exchanged, batch->envelope[0]->salt = batch->envelope[1]->salt, WIRE_TAMPERED)
SEAL_TEST(salt_moved_into_payload, (batch->envelope[0]->salt.len = 15), WIRE_TAMPERED)
SEAL_TEST(header_is_garbage, batch->envelope[0]->header = make_bytes(arena, 0xff, 40), WIRE_BAD_HEADER)
SEAL_TEST(header_is_empty, batch->envelope[0]->header.len = 0, WIRE_BAD_HEADER)

Test(batch, a_signed_text_of_the_longest_mechanism_fits)
{
    struct wire_arena *arena = make_arena();
    Wire__Batch *batch = make_batch(arena, small);
    uint8_t domain[32] = {0}, text[WIRE_SIGNED_TEXT_MAX];
    char longest[41];

    size_t before = wire_batch_signed_text(batch->seal, domain, text);
    memset(longest, 'm', 40);
    longest[40] = '\0';
    batch->seal->mechanism = longest;
    cr_assert_eq(wire_batch_signed_text(batch->seal, domain, text), before + 27);
    cr_assert_leq(before + 27, WIRE_SIGNED_TEXT_MAX);
}

/* Every field that is signed changes the text. */
Test(batch, a_signed_text_says_everything)
{
    struct wire_arena *arena = make_arena();
    uint8_t domain[32] = {0}, texts[12][WIRE_SIGNED_TEXT_MAX] = {{0}};

    for (int i = 0; i < 12; i++) {
        Wire__BatchSeal *seal = make_batch(arena, small)->seal;

        seal->suite += i == 1;
        domain[0] = i == 2;
        seal->signer.data[0] ^= i == 3;
        seal->origin += i == 4;
        seal->lane = i == 5 ? WIRE__LANE__FLASH : seal->lane;
        seal->mechanism[0] = i == 6 ? 'z' : 'y';
        seal->store_id.data[0] ^= i == 7;
        seal->first += i == 8;
        seal->count += i == 9;
        seal->boxes += i == 10;
        seal->root.data[0] ^= i == 11;
        wire_batch_signed_text(seal, domain, texts[i]);
        for (int k = 0; k < i; k++)
            cr_expect_neq(memcmp(texts[i], texts[k], WIRE_SIGNED_TEXT_MAX), 0, "%d and %d", i, k);
    }
}
