/* What of PITFALLS concerns protobuf-c: a test a line, named for it. */
#include "make.h"
#include "schema/frame.pb-c.h"
#include "wire/check_raw.h"
#include <criterion/criterion.h>
#include <stdlib.h>

struct tried {
    ProtobufCMessage *message;
    enum wire_status status;
    size_t used;
};

/* Decodes in an arena of exactly the budget of these bytes. */
static struct tried try(const ProtobufCMessageDescriptor *type, const void *data, size_t size, enum wire_strict strict)
{
    struct wire_arena *arena = make_memory(sizeof *arena);
    struct tried tried = {.message = NULL};

    wire_arena_over(arena, make_memory(wire_arena_budget(size)), wire_arena_budget(size));
    tried.message = wire_decode(type, wire_bytes(data, size), strict, arena, &tried.status);
    tried.used = arena->used;
    cr_assert_eq(tried.message != NULL, tried.status == WIRE_OK);
    return tried;
}

#define TRY(type, text, strict)            try(&type, text, sizeof(text) - 1, strict)
#define EXPECT(type, text, strict, wanted) cr_expect_eq(TRY(type, text, strict).status, wanted)

/* --- memory --- */

static uint8_t *repeat(const char *unit, size_t unit_size, size_t times)
{
    uint8_t *bytes = make_memory(unit_size * times);

    for (size_t i = 0; i < times; i++)
        memcpy(bytes + i * unit_size, unit, unit_size);
    return bytes;
}

Test(codec, a_megabyte_of_empty_messages_does_not_allocate_88)
{
    uint8_t *bytes = repeat("\x12\x00", 2, 512 * 1024); /* Batch.envelope */
    struct tried tried = try(&wire__batch__descriptor, bytes, 1024 * 1024, WIRE_STRICT_ALL);

    cr_assert_eq(tried.status, WIRE_OVER_BUDGET);
    cr_assert_eq(tried.used, 0, "refused before anything was allocated");
}

Test(codec, a_megabyte_of_small_elements_is_bounded_too)
{
    static const struct {
        const ProtobufCMessageDescriptor *type;
        const char *unit;
        enum wire_status wanted; /* BAD_FRAME: they fit, and what is required is missing */
    } units[] = {
        {&wire__part__descriptor, "\x2a\x00", WIRE_BAD_FRAME},      /* proof, empty */
        {&wire__disposition__descriptor, "\x20\1", WIRE_BAD_FRAME}, /* to, a byte each */
        {&wire__term__descriptor, "\x08\1", WIRE_BAD_FRAME},        /* duty, said again and again */
        {&wire__term__descriptor, "\x7a\x00", WIRE_OVER_BUDGET},    /* an unknown field */
    };

    for (size_t i = 0; i < 4; i++) {
        uint8_t *bytes = repeat(units[i].unit, 2, 512 * 1024);

        struct tried tried = try(units[i].type, bytes, 1024 * 1024, WIRE_STRICT_NONE);
        cr_expect_eq(tried.status, units[i].wanted, "%zu", i);
        cr_expect_eq(tried.used, 0, "%zu", i);
    }
}

Test(codec, packed_numbers_are_counted)
{
    uint8_t *bytes = make_memory(1024 * 1024);

    memset(bytes, 1, 1024 * 1024);
    memcpy(bytes, "\x22\xfc\xff\x3f", 4); /* Disposition.to, a run of 1 MiB less 4 */
    cr_expect_neq(try(&wire__disposition__descriptor, bytes, 1024 * 1024, WIRE_STRICT_ALL).status, WIRE_OK);
    cr_expect_eq(
        wire_check_raw(&wire__disposition__descriptor, wire_bytes(bytes, 1024 * 1024), WIRE_STRICT_ALL, 4000000),
        WIRE_OVER_BUDGET);
    cr_expect_eq(
        wire_check_raw(&wire__disposition__descriptor, wire_bytes(bytes, 1024 * 1024), WIRE_STRICT_ALL, 5000000),
        WIRE_OK);
}

Test(codec, a_sub_message_does_not_repeat_under_any_strictness)
{
    static const char twice[] = "\x32\x02\x08\1\x32\x02\x10\2"; /* Hello.token = {…} merged with {…} */

    EXPECT(wire__hello__descriptor, twice, WIRE_STRICT_ALL, WIRE_BAD_FRAME);
    EXPECT(wire__hello__descriptor, twice, WIRE_STRICT_HEADER, WIRE_BAD_FRAME);
    EXPECT(wire__hello__descriptor, twice, WIRE_STRICT_NONE, WIRE_BAD_FRAME);
}

/* No type of ours is recursive; this one is: message Nest { optional Nest nest = 1; } */
static const ProtobufCFieldDescriptor nest_field;
static const ProtobufCIntRange nest_range[] = {{1, 0}, {0, 1}};
static const ProtobufCMessageDescriptor nest = {
    .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
    .sizeof_message = sizeof(ProtobufCMessage) + sizeof(void *),
    .n_fields = 1,
    .fields = &nest_field,
    .n_field_ranges = 1,
    .field_ranges = nest_range,
};
static const ProtobufCFieldDescriptor nest_field = {
    .id = 1,
    .label = PROTOBUF_C_LABEL_OPTIONAL,
    .type = PROTOBUF_C_TYPE_MESSAGE,
    .offset = sizeof(ProtobufCMessage),
    .descriptor = &nest,
};

static enum wire_status try_nested(size_t depth)
{
    uint8_t *bytes = make_memory(8 * depth + 1);
    uint8_t *start = bytes + 8 * depth;

    for (size_t size = 0; depth > 0; depth--) {
        uint8_t tag[8] = {0x0a};
        size_t length = 1;

        for (size_t left = size; left >= 0x80; left >>= 7)
            tag[length++] = (uint8_t)(left | 0x80);
        tag[length] = (uint8_t)(size >> 7 * (length - 1));
        length++;
        start -= length;
        memcpy(start, tag, length);
        size += length;
        if (depth == 1)
            return wire_check_raw(&nest, wire_bytes(start, size), WIRE_STRICT_NONE, 1 << 20);
    }
    return WIRE_OK;
}

Test(codec, nesting_is_bounded)
{
    cr_expect_eq(try_nested(WIRE_DEPTH_MAX), WIRE_OK);
    cr_expect_eq(try_nested(WIRE_DEPTH_MAX + 1), WIRE_BAD_FRAME);
    cr_expect_eq(try_nested(10000), WIRE_BAD_FRAME, "30 KB of nesting overflowed the stack of protobuf-c");
}

/* --- texts --- */

Test(codec, a_text_with_nul_is_refused_not_cut)
{
    EXPECT(wire__bye__descriptor,
           "\x08\1\x12\x09"
           "alice\0bob",
           WIRE_STRICT_ALL, WIRE_BAD_STRING);
    EXPECT(wire__bye__descriptor,
           "\x08\1\x12\x09"
           "alice-bob",
           WIRE_STRICT_ALL, WIRE_OK);
}

Test(codec, bad_utf8_is_refused)
{
    static const struct {
        const char *text;
        bool valid;
    } texts[] = {
        {"联防", true},
        {"\xf0\x9f\x98\xb7", true},
        {"\xef\xbf\xbf", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\x80", false},
        {"\xc0\x80", false},
        {"\xc1\xbf", false},
        {"\xe0\x9f\xbf", false},
        {"\xed\xa0\x80", false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false},
        {"\xff", false},
        {"\xe8\x81", false},
        {"abc\xe8\x81\x94\xe9", false},
        {"\xe8\x81x", false},
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint8_t bytes[32] = {0x08, 1, 0x12, (uint8_t)strlen(texts[i].text)};

        memcpy(bytes + 4, texts[i].text, strlen(texts[i].text));
        cr_expect_eq(try(&wire__bye__descriptor, bytes, 4 + strlen(texts[i].text), WIRE_STRICT_NONE).status,
                     texts[i].valid ? WIRE_OK : WIRE_BAD_STRING, "text %zu", i);
    }
}

/* --- malleability --- */

Test(codec, two_encodings_of_one_message_have_two_hashes)
{
    static const char one[] = "\x08\x90\xf6\x12\x10\2";        /* Address: region 310032, unit 2 */
    static const char swapped[] = "\x10\2\x08\x90\xf6\x12";    /* the other way round */
    static const char overlong[] = "\x08\x90\xf6\x92\0\x10\2"; /* and with a longer number */
    const Wire__Address *a = (Wire__Address *)TRY(wire__address__descriptor, one, WIRE_STRICT_ALL).message;
    const Wire__Address *b = (Wire__Address *)TRY(wire__address__descriptor, swapped, WIRE_STRICT_ALL).message;
    const Wire__Address *c = (Wire__Address *)TRY(wire__address__descriptor, overlong, WIRE_STRICT_ALL).message;
    struct wire_hash hash = test_hash();

    cr_assert(a->region == b->region && a->unit == b->unit && a->region == c->region && a->unit == c->unit);
    struct wire_digest first = wire_header_leaf(&hash, wire_bytes(one, sizeof one - 1));
    struct wire_digest second = wire_header_leaf(&hash, wire_bytes(swapped, sizeof swapped - 1));
    cr_assert_neq(memcmp(first.bytes, second.bytes, 32), 0, "what is hashed is the bytes that came");
}

Test(codec, unknown_fields_by_strictness)
{
    static const char below[] = "\x08\1\xfa\3\x01x"; /* field 63 */
    static const char above[] = "\x08\1\x82\4\x01x"; /* field 64 */

    EXPECT(wire__bye__descriptor, below, WIRE_STRICT_ALL, WIRE_UNKNOWN_FIELD);
    EXPECT(wire__bye__descriptor, above, WIRE_STRICT_ALL, WIRE_UNKNOWN_FIELD);
    EXPECT(wire__bye__descriptor, below, WIRE_STRICT_HEADER, WIRE_UNKNOWN_FIELD);
    EXPECT(wire__bye__descriptor, above, WIRE_STRICT_HEADER, WIRE_OK);
    EXPECT(wire__bye__descriptor, below, WIRE_STRICT_NONE, WIRE_OK);
}

Test(codec, a_number_comes_once)
{
    static const char twice[] = "\x08\1\x08\2";

    EXPECT(wire__bye__descriptor, twice, WIRE_STRICT_ALL, WIRE_BAD_FRAME);
    EXPECT(wire__bye__descriptor, twice, WIRE_STRICT_HEADER, WIRE_BAD_FRAME);
    const Wire__Bye *bye = (Wire__Bye *)TRY(wire__bye__descriptor, twice, WIRE_STRICT_NONE).message;
    cr_assert_eq(bye->reason, 2, "a payload for display: the last one counts, as protobuf says");
}

Test(codec, one_body_a_frame)
{
    static const char bye[] = "\x5a\2\x08\1";
    static const char bye_twice[] = "\x5a\2\x08\1\x5a\2\x08\1";
    static const char credit_and_bye[] = "\x3a\0\x5a\2\x08\1";
    const Wire__Frame *frame = (Wire__Frame *)TRY(wire__frame__descriptor, bye, WIRE_STRICT_ALL).message;

    cr_assert_eq(frame->body_case, WIRE__FRAME__BODY_BYE);
    cr_assert_eq(frame->bye->reason, 1);
    EXPECT(wire__frame__descriptor, bye_twice, WIRE_STRICT_NONE, WIRE_BAD_FRAME);
    EXPECT(wire__frame__descriptor, credit_and_bye, WIRE_STRICT_NONE, WIRE_BAD_FRAME);
}

/* --- values --- */

Test(codec, values_that_do_not_exist_or_fit)
{
    EXPECT(wire__grant__descriptor, "\x08\3\x10\0", WIRE_STRICT_ALL, WIRE_OK);
    EXPECT(wire__grant__descriptor, "\x08\4\x10\0", WIRE_STRICT_ALL, WIRE_BAD_FRAME);
    EXPECT(wire__grant__descriptor, "\x08\x80\x80\x80\x80\x10\x10\0", WIRE_STRICT_NONE, WIRE_BAD_FRAME);
    EXPECT(wire__grant__descriptor, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\x10\0", WIRE_STRICT_NONE,
           WIRE_BAD_FRAME);
    EXPECT(wire__bye__descriptor, "\x08\xff\xff\xff\xff\x0f", WIRE_STRICT_ALL, WIRE_OK);
    EXPECT(wire__bye__descriptor, "\x08\x80\x80\x80\x80\x10", WIRE_STRICT_ALL, WIRE_BAD_FRAME);
    EXPECT(wire__term__descriptor, "\x08\1\x10\1\x20\1", WIRE_STRICT_ALL, WIRE_OK);
    EXPECT(wire__term__descriptor, "\x08\1\x10\1\x20\2", WIRE_STRICT_ALL, WIRE_BAD_FRAME);
    EXPECT(wire__grant__descriptor, "\x08\0\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", WIRE_STRICT_ALL, WIRE_OK);
    EXPECT(wire__grant__descriptor, "\x08\0\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\2", WIRE_STRICT_ALL,
           WIRE_BAD_FRAME);
}

Test(codec, wire_types_and_tags)
{
    EXPECT(wire__bye__descriptor, "\x0d\1\0\0\0", WIRE_STRICT_NONE, WIRE_BAD_FRAME);   /* a fixed32 for a uint32 */
    EXPECT(wire__bye__descriptor, "\x0a\1\1", WIRE_STRICT_NONE, WIRE_BAD_FRAME);       /* a run for what is single */
    EXPECT(wire__bye__descriptor, "\x08\1\x7b\x7c", WIRE_STRICT_NONE, WIRE_BAD_FRAME); /* a group */
    EXPECT(wire__bye__descriptor, "\x08\1\x7e", WIRE_STRICT_NONE, WIRE_BAD_FRAME);     /* type 6 */
    EXPECT(wire__bye__descriptor, "\x08\1\2\0", WIRE_STRICT_NONE, WIRE_BAD_FRAME);     /* field 0 */
    EXPECT(wire__bye__descriptor, "\x08\1\x82\x80\x80\x80\x10\0", WIRE_STRICT_NONE, WIRE_BAD_FRAME); /* field 2^29 */
    EXPECT(wire__bye__descriptor, "\x08\1\x7d\0\0\0\0\x79\0\0\0\0\0\0\0\0", WIRE_STRICT_NONE, WIRE_OK);
    EXPECT(wire__bye__descriptor, "\x12\0", WIRE_STRICT_ALL, WIRE_BAD_FRAME); /* a required field is missing */
    EXPECT(wire__bye__descriptor, "", WIRE_STRICT_ALL, WIRE_BAD_FRAME);
    EXPECT(wire__credit__descriptor, "", WIRE_STRICT_ALL, WIRE_OK);
}

Test(codec, lengths_beyond_the_end)
{
    EXPECT(wire__bye__descriptor, "\x08\1\x12\5abcd", WIRE_STRICT_ALL, WIRE_BAD_FRAME);
    EXPECT(wire__bye__descriptor, "\x08\1\x12\xff\xff\xff\xff\x0f", WIRE_STRICT_ALL, WIRE_BAD_FRAME);
    EXPECT(wire__bye__descriptor, "\x08\1\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", WIRE_STRICT_ALL, WIRE_BAD_FRAME);
    EXPECT(wire__bye__descriptor, "\x08\1\x12", WIRE_STRICT_ALL, WIRE_BAD_FRAME);
    EXPECT(wire__bye__descriptor, "\x08\x80", WIRE_STRICT_ALL, WIRE_BAD_FRAME);
    EXPECT(wire__credit__descriptor, "\x0a\4\x08\0\x10", WIRE_STRICT_ALL, WIRE_BAD_FRAME);
}

Test(codec, repeated_numbers_come_packed_or_not)
{
    static const char packed[] = "\x22\4\1\x96\1\2";
    const Wire__Disposition *none;
    struct wire_arena *arena = make_arena();
    Wire__Disposition full = WIRE__DISPOSITION__INIT;
    enum wire_status status;
    char text[] = "r";

    full.rule_name = text;
    struct wire_bytes head = wire_encode(&full.base, arena);
    uint8_t *bytes = wire_arena_take(arena, head.size + sizeof packed);
    memcpy(bytes, head.data, head.size);
    memcpy(bytes + head.size, packed, sizeof packed - 1);
    none = (Wire__Disposition *)wire_decode(&wire__disposition__descriptor,
                                            wire_bytes(bytes, head.size + sizeof packed - 1), WIRE_STRICT_ALL, arena,
                                            &status);
    cr_assert_eq(status, WIRE_OK);
    cr_assert(none->n_to == 3 && none->to[0] == 1 && none->to[1] == 150 && none->to[2] == 2);
    bytes[head.size + sizeof packed - 2] = 0x80; /* the last number does not end */
    wire_decode(&wire__disposition__descriptor, wire_bytes(bytes, head.size + sizeof packed - 1), WIRE_STRICT_ALL,
                arena, &status);
    cr_assert_eq(status, WIRE_BAD_FRAME);
}

/* --- the whole --- */

static struct wire_bytes full_batch(struct wire_arena *arena)
{
    return wire_encode(&make_batch(arena, (struct make_plan){.count = 3, .boxes = 2, .payload_size = 20})->base, arena);
}

Test(codec, encodes_what_it_decoded)
{
    struct wire_arena *arena = make_arena();
    struct wire_bytes raw = full_batch(arena);
    enum wire_status status;
    ProtobufCMessage *message = wire_decode(&wire__batch__descriptor, raw, WIRE_STRICT_ALL, arena, &status);

    cr_assert_eq(status, WIRE_OK);
    cr_assert(wire_bytes_equal(wire_encode(message, arena), raw));
    struct wire_arena small;
    uint8_t memory[64];
    wire_arena_over(&small, memory, sizeof memory);
    cr_assert_null(wire_encode(message, &small).data);
    cr_assert(small.exhausted);
}

Test(codec, a_failed_decode_takes_nothing)
{
    struct wire_arena *arena = make_arena();
    struct wire_bytes raw = full_batch(arena);
    static uint8_t memory[1200];
    struct wire_arena small;
    enum wire_status status;

    wire_arena_over(&small, memory, sizeof memory);
    cr_assert_null(wire_decode(&wire__batch__descriptor, raw, WIRE_STRICT_ALL, &small, &status));
    cr_assert_eq(status, WIRE_OVER_BUDGET);
    cr_assert_eq(small.used, 0);
}

/* The smaller the arena, the earlier an allocation inside protobuf-c fails: each must end in a clean refusal. */
Test(codec, every_budget_too_small_is_refused_cleanly)
{
    struct wire_arena *arena = make_arena();
    struct wire_bytes raw = full_batch(arena);
    static uint8_t memory[64 * 1024] __attribute__((aligned(16)));
    size_t enough = 0;

    for (size_t size = 0; size <= sizeof memory && enough == 0; size += 16) {
        struct wire_arena small;
        enum wire_status status;

        wire_arena_over(&small, memory, size);
        if (wire_decode(&wire__batch__descriptor, raw, WIRE_STRICT_ALL, &small, &status) != NULL)
            enough = size;
        else
            cr_assert_eq(status, WIRE_OVER_BUDGET);
    }
    cr_assert_gt(enough, raw.size);
    cr_assert_lt(enough, wire_arena_budget(raw.size));
}

/* A cut between two fields of the batch is a shorter batch; any other is none. */
Test(codec, every_cut_is_refused)
{
    struct wire_arena *arena = make_arena();
    struct wire_bytes raw = full_batch(arena);
    static uint8_t memory[64 * 1024];
    size_t whole = 0;

    for (size_t size = 0; size < raw.size; size++) {
        uint8_t *cut = malloc(size + 1); /* its own allocation, so that reading past the end is found */
        struct wire_arena small;
        enum wire_status status;

        memcpy(cut + 1, raw.data, size);
        wire_arena_over(&small, memory, sizeof memory);
        ProtobufCMessage *message =
            wire_decode(&wire__batch__descriptor, wire_bytes(cut + 1, size), WIRE_STRICT_ALL, &small, &status);
        cr_assert(message == NULL || protobuf_c_message_get_packed_size(message) == size);
        whole += message != NULL;
        free(cut);
    }
    cr_assert_eq(whole, 5, "after the seal, each envelope and the first box");
}

Test(codec, random_damage_is_refused_or_decoded)
{
    struct wire_arena *arena = make_arena();
    struct wire_bytes raw = full_batch(arena);
    static uint8_t memory[256 * 1024];
    uint8_t *bytes = make_memory(raw.size);
    size_t refused = 0;
    uint64_t random = 7;

    for (int i = 0; i < 20000; i++) {
        struct wire_arena small;
        enum wire_status status;

        memcpy(bytes, raw.data, raw.size);
        for (uint64_t hits = 1 + make_random(&random) % 4; hits > 0; hits--)
            bytes[make_random(&random) % raw.size] = (uint8_t)make_random(&random);
        wire_arena_over(&small, memory, sizeof memory);
        wire_decode(&wire__batch__descriptor, wire_bytes(bytes, raw.size), (enum wire_strict)(i % 3), &small, &status);
        refused += status != WIRE_OK;
    }
    cr_assert_gt(refused, 1000);
    cr_assert_lt(refused, 20000);
}
