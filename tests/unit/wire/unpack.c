/* What wire/unpack.c makes of bytes is what protobuf-c makes of them, for every message of ours: encodings written at
 * random from the descriptors, the fuzz corpora, and both damaged. The reference is protobuf_c_message_unpack. */
#include "wire/unpack.h"
#include "make.h"
#include "schema/ledger.pb-c.h"
#include "support/messages.h"
#include "wire/check_raw.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROOM = 64 * 1024, ARENA = 8 * 1024 * 1024 };

struct compared {
    unsigned passed, whole; /* the check; and no required field missing */
};

static struct wire_bytes packed(const ProtobufCMessage *message, uint8_t *out)
{
    return wire_bytes(out, protobuf_c_message_pack(message, out));
}

static void compare_one(const ProtobufCMessage *reference, const ProtobufCMessage *message)
{
    cr_assert_eq(message == NULL, reference == NULL, "one reads it and the other does not");
    if (reference == NULL)
        return;
    size_t size = protobuf_c_message_get_packed_size(reference);
    cr_assert_eq(protobuf_c_message_get_packed_size(message), size);
    uint8_t *want = malloc(size + 1), *got = malloc(size + 1);
    cr_assert_eq(packed(reference, want).size, packed(message, got).size);
    cr_assert_eq(memcmp(want, got, size), 0, "of type %s", reference->descriptor->name);
    cr_assert_eq(message->n_unknown_fields, reference->n_unknown_fields);
    free(want);
    free(got);
}

/* Both ways; the bytes are a copy that ends where they end, for the sanitizer. */
static void compare(const ProtobufCMessageDescriptor *type, struct wire_bytes raw, enum wire_strict strict,
                    struct wire_arena *arena, struct compared *compared)
{
    if (wire_check_raw(type, raw, strict, ARENA) != WIRE_OK)
        return;
    uint8_t *exact = malloc(raw.size + (raw.size == 0));
    if (raw.size > 0)
        memcpy(exact, raw.data, raw.size);
    ProtobufCMessage *reference = protobuf_c_message_unpack(type, NULL, raw.size, exact);
    wire_arena_reset(arena);
    compare_one(reference, wire_unpack(type, wire_bytes(exact, raw.size), true, arena));
    wire_arena_reset(arena);
    compare_one(reference, wire_unpack(type, wire_bytes(exact, raw.size), false, arena));
    cr_assert_not(arena->exhausted);
    compared->passed++;
    compared->whole += reference != NULL;
    if (reference != NULL)
        protobuf_c_message_free_unpacked(reference, NULL);
    free(exact);
}

/* --- encodings at random ------------------------------------------------------------------------------------------ */

struct writer {
    uint8_t *at, *end;
    uint64_t *random;
};

static uint64_t below(struct writer *writer, uint64_t bound)
{
    return make_random(writer->random) % bound;
}

static void put(struct writer *writer, uint8_t byte)
{
    if (writer->at < writer->end)
        *writer->at++ = byte;
}

static void put_varint(struct writer *writer, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        put(writer, (uint8_t)(value | 0x80));
    put(writer, (uint8_t)value);
}

static uint64_t some_number(struct writer *writer, const ProtobufCFieldDescriptor *field)
{
    const ProtobufCEnumDescriptor *values = field->descriptor;
    uint64_t value = make_random(writer->random) >> below(writer, 64);
    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        return value & 1;
    case PROTOBUF_C_TYPE_ENUM:
        return (uint64_t)(int64_t)values->values[below(writer, values->n_values)].value;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_SINT32:
        return (uint32_t)value;
    case PROTOBUF_C_TYPE_INT32:
        return (uint64_t)(int64_t)(int32_t)value;
    default:
        return value;
    }
}

static void write_message(struct writer *writer, const ProtobufCMessageDescriptor *type, unsigned depth);

/* What `write` writes, with its length in front. */
static void write_nested(struct writer *writer, const ProtobufCFieldDescriptor *field, unsigned depth)
{
    uint8_t *inner = malloc(ROOM);
    struct writer nested = {.at = inner, .end = inner + ROOM / (depth + 2), .random = writer->random};
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        write_message(&nested, field->descriptor, depth + 1);
    else if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_BYTES)
        for (uint64_t left = below(writer, 40); left > 0; left--)
            put(&nested, (uint8_t)('a' + below(writer, 26)));
    else
        for (uint64_t left = below(writer, 5); left > 0; left--)
            put_varint(&nested, some_number(writer, field));
    size_t size = (size_t)(nested.at - inner);
    if (size + 10 < (size_t)(writer->end - writer->at)) {
        put_varint(writer, size);
        for (size_t i = 0; i < size; i++)
            put(writer, inner[i]);
    } else {
        put(writer, 0);
    }
    free(inner);
}

static bool lies_in_bytes(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_STRING ||
           field->type == PROTOBUF_C_TYPE_BYTES;
}

static void write_field(struct writer *writer, const ProtobufCFieldDescriptor *field, unsigned depth)
{
    bool packed_run = field->label == PROTOBUF_C_LABEL_REPEATED && below(writer, 2) == 0;
    if (lies_in_bytes(field) || packed_run) {
        put_varint(writer, (uint64_t)field->id << 3 | 2);
        write_nested(writer, field, depth);
    } else {
        put_varint(writer, (uint64_t)field->id << 3);
        put_varint(writer, some_number(writer, field));
    }
}

static void write_unknown(struct writer *writer)
{
    static const uint8_t fixed[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint64_t id = 64 + below(writer, 5000), type = (uint64_t[]){0, 1, 2, 5}[below(writer, 4)];
    size_t size = type == 1 ? 8 : type == 5 ? 4 : 3;
    put_varint(writer, id << 3 | type);
    if (type == 0) {
        put_varint(writer, make_random(writer->random));
        return;
    }
    if (type == 2)
        put_varint(writer, size);
    for (size_t i = 0; i < size; i++)
        put(writer, fixed[i]);
}

/* Most fields in order and most required ones; then some again, out of order, and some that nobody knows. */
static void write_message(struct writer *writer, const ProtobufCMessageDescriptor *type, unsigned depth)
{
    bool oneof_came = false;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        bool oneof = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
        bool wanted = field->label == PROTOBUF_C_LABEL_REQUIRED ? below(writer, 200) != 0 : below(writer, 3) == 0;
        if (!wanted || (oneof && oneof_came) || (depth > 6 && field->type == PROTOBUF_C_TYPE_MESSAGE))
            continue;
        oneof_came = oneof_came || oneof;
        uint64_t times = field->label == PROTOBUF_C_LABEL_REPEATED ? 1 + below(writer, 3) : 1;
        while (times-- > 0)
            write_field(writer, field, depth);
    }
    while (type->n_fields > 0 && below(writer, 4) == 0)
        write_field(writer, &type->fields[below(writer, type->n_fields)], depth);
    if (below(writer, 6) == 0)
        write_unknown(writer);
}

Test(unpack, encodings_at_random_are_read_as_protobuf_c_reads_them, .timeout = 120)
{
    static uint8_t room[ROOM];
    uint64_t random = 1;
    struct wire_arena arena;
    struct compared compared = {0};
    wire_arena_over(&arena, make_memory(ARENA), ARENA);
    for (unsigned round = 0; round < 20000; round++) {
        struct writer writer = {.at = room, .end = room + ROOM, .random = &random};
        const ProtobufCMessageDescriptor *type = messages_at(round % messages_count());
        write_message(&writer, type, 0);
        compare(type, wire_bytes(room, (size_t)(writer.at - room)), WIRE_STRICT_NONE, &arena, &compared);
    }
    cr_expect_gt(compared.passed, 10000, "%u of them pass the check", compared.passed);
    cr_expect_gt(compared.whole, 5000, "%u of them are whole", compared.whole);
    cr_expect_lt(compared.whole, compared.passed, "none lacks what is required");
}

/* --- the corpora -------------------------------------------------------------------------------------------------- */

static size_t read_file(const char *folder, const char *name, uint8_t *out, size_t room)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    size_t size = file == NULL ? 0 : fread(out, 1, room, file);
    if (file != NULL)
        fclose(file);
    return size;
}

static void compare_damaged(uint8_t *bytes, size_t size, uint64_t *random, struct wire_arena *arena,
                            struct compared *compared)
{
    for (unsigned round = 0; round < 40; round++) {
        for (size_t t = 0; t < messages_count(); t++)
            for (int strict = WIRE_STRICT_ALL; strict <= WIRE_STRICT_NONE; strict++)
                compare(messages_at(t), wire_bytes(bytes, size), (enum wire_strict)strict, arena, compared);
        uint64_t draw = make_random(random);
        if (size > 0)
            bytes[draw % size] ^= (uint8_t)(1u << (draw >> 32) % 8);
        if (size > 0 && draw >> 60 == 0)
            size = draw % size;
    }
}

Test(unpack, the_corpora_whole_and_damaged, .timeout = 120)
{
    static const char *const names[] = {"frames", "headers", "batches", "records"};
    static uint8_t bytes[ROOM];
    uint64_t random = 2;
    struct wire_arena arena;
    struct compared compared = {0};
    wire_arena_over(&arena, make_memory(ARENA), ARENA);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char folder[1024];
        snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", SOURCE_DIR, names[i]);
        DIR *directory = opendir(folder);
        cr_assert_not_null(directory);
        for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
            if (entry->d_name[0] != '.')
                compare_damaged(bytes, read_file(folder, entry->d_name, bytes, ROOM), &random, &arena, &compared);
        closedir(directory);
    }
    cr_expect_gt(compared.whole, 1000, "%u", compared.whole);
}

/* --- by hand ------------------------------------------------------------------------------------------------------ */

Test(unpack, borrowed_bytes_lie_where_they_came_from_and_copies_do_not)
{
    static const uint8_t raw[] = {0x0a, 2, 7, 8, 0x0a, 0}; /* LedgerHeaders.header */
    struct wire_arena *arena = make_arena();
    Wire__LedgerHeaders *borrowed =
        (Wire__LedgerHeaders *)wire_unpack(&wire__ledger_headers__descriptor, wire_bytes(raw, sizeof raw), true, arena);
    cr_assert_eq(borrowed->n_header, 2);
    cr_expect_eq(borrowed->header[0].data, raw + 2);
    cr_expect_eq(borrowed->header[0].len, 2);
    cr_expect_null(borrowed->header[1].data);
    Wire__LedgerHeaders *copied = (Wire__LedgerHeaders *)wire_unpack(&wire__ledger_headers__descriptor,
                                                                     wire_bytes(raw, sizeof raw), false, arena);
    cr_expect_neq(copied->header[0].data, raw + 2);
    cr_expect_eq(memcmp(copied->header[0].data, raw + 2, 2), 0);
}

/* Each run says how many follow; if each were counted to the end, half a million would be for ever. */
Test(unpack, half_a_million_empty_runs_are_read_at_once)
{
    enum { RUNS = 512 * 1024 };
    uint8_t *raw = make_memory(2 * RUNS + 2);
    for (size_t i = 0; i < RUNS; i++)
        raw[2 * i] = 0x22; /* Disposition.to, packed */
    raw[2 * RUNS] = 0x20;
    raw[2 * RUNS + 1] = 5;
    struct wire_arena *arena = make_arena();
    struct wire_bytes bytes = wire_bytes(raw, 2 * RUNS + 2);
    cr_assert_eq(wire_check_raw(&wire__disposition__descriptor, bytes, WIRE_STRICT_ALL, ARENA), WIRE_OK);
    cr_expect_null(wire_unpack(&wire__disposition__descriptor, bytes, true, arena), "required fields are missing");
    cr_expect_not(arena->exhausted);
    cr_expect_lt(arena->used, 1024, "one array of one number");
}

Test(unpack, an_arena_that_ends_is_exhausted)
{
    static const uint8_t raw[] = {0x0a, 2, 7, 8, 0x0a, 0};
    for (size_t size = 0; size < 128; size += 16) {
        struct wire_arena arena;
        wire_arena_over(&arena, make_memory(size + 1), size);
        const void *message =
            wire_unpack(&wire__ledger_headers__descriptor, wire_bytes(raw, sizeof raw), false, &arena);
        cr_expect_eq(message == NULL, arena.exhausted, "%zu", size);
    }
}
