/* tests/data/vectors/wire.txt against this implementation: what a stranger's node must compute too. */
#include "make.h"
#include "wire/id.h"
#include "wire/statement.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE = 8192 };

/* The value of a line "name = value", in memory of its own. */
static char *vector(const char *name)
{
    FILE *file = fopen(TEST_DATA "/vectors/wire.txt", "r");
    char *line = make_memory(LINE);
    size_t size = strlen(name);

    cr_assert_not_null(file);
    while (fgets(line, LINE, file) != NULL) {
        if (strncmp(line, name, size) != 0 || strncmp(line + size, " = ", 3) != 0)
            continue;
        fclose(file);
        line[strcspn(line, "\n")] = '\0';
        return line + size + 3;
    }
    fclose(file);
    cr_assert_fail("no vector %s", name);
    return NULL;
}

static uint64_t number(const char *name)
{
    return strtoull(vector(name), NULL, 10);
}

static struct wire_bytes bytes(const char *name)
{
    const char *hex = vector(name);
    size_t size = strlen(hex) / 2;
    uint8_t *data = make_memory(size + 1);

    cr_assert(wire_unhex(hex, size, data), "%s", name);
    return wire_bytes(data, size);
}

static struct wire_digest digest(const char *name)
{
    struct wire_bytes raw = bytes(name);
    struct wire_digest out;

    cr_assert_eq(raw.size, sizeof out.bytes);
    memcpy(out.bytes, raw.data, raw.size);
    return out;
}

static void expect(const void *data, size_t size, const char *name)
{
    char *text = make_memory(2 * size + 1);

    wire_hex(data, size, text);
    cr_expect_str_eq(text, vector(name), "%s", name);
}

static void expect_digest(struct wire_digest found, const char *name)
{
    expect(found.bytes, sizeof found.bytes, name);
}

Test(vectors, payload_digest)
{
    struct wire_hash hash = test_hash();

    expect_digest(wire_payload_digest(&hash, bytes("salt"), bytes("payload")), "payload.digest");
}

Test(vectors, leaves)
{
    struct wire_hash hash = test_hash();
    struct wire_digest leaves[] = {digest("header.leaf"), digest("box.leaf")};

    expect_digest(wire_header_leaf(&hash, bytes("header")), "header.leaf");
    expect_digest(wire_box_leaf(&hash, (uint32_t)number("box.region"), bytes("box.certificate"), bytes("box.cms")),
                  "box.leaf");
    expect_digest(wire_merkle_root(&hash, leaves, 2), "root");
}

Test(vectors, batch_signed_text)
{
    struct wire_arena *arena = make_arena();
    uint8_t text[WIRE_SIGNED_TEXT_MAX];
    enum wire_status status;
    ProtobufCMessage *seal = wire_decode(&wire__batch_seal__descriptor, bytes("seal"), WIRE_STRICT_ALL, arena, &status);

    cr_assert_eq(status, WIRE_OK);
    expect(text, wire_batch_signed_text((Wire__BatchSeal *)seal, bytes("domain").data, text), "batch.signed");
}

Test(vectors, batch)
{
    struct wire_arena *arena = make_arena();
    struct wire_hash hash = test_hash();
    struct wire_digest leaves[2];
    Wire__Header *header;
    enum wire_status status;
    uint32_t at;
    struct wire_bytes raw = bytes("batch");
    ProtobufCMessage *batch = wire_decode(&wire__batch__descriptor, raw, WIRE_STRICT_ALL, arena, &status);

    cr_assert_eq(status, WIRE_OK);
    status = wire_batch_check(&hash, (Wire__Batch *)batch, arena, &header, leaves, &at);
    cr_assert_eq(status, WIRE_OK, "%s", wire_status_name(status));
    cr_expect_eq(header->number_serial, 12);
    cr_expect_eq(header->to[0]->region, 330000);
    struct wire_bytes again = wire_encode(batch, arena);
    expect(again.data, again.size, "batch");
}

Test(vectors, statements)
{
    struct wire_hash hash = test_hash();
    struct wire_bytes statement = bytes("statement"), path[] = {bytes("statement.path0"), bytes("statement.path1")};
    ProtobufCBinaryData fields[2];
    Wire__Signed signed_ = WIRE__SIGNED__INIT;
    struct wire_digest root;
    uint8_t text[WIRE_SIGNED_TEXT_MAX];

    for (size_t i = 0; i < 2; i++)
        fields[i] = (ProtobufCBinaryData){.len = path[i].size, .data = (uint8_t *)(uintptr_t)path[i].data};
    signed_.type = (Wire__StatementType)number("statement.type");
    signed_.statement = (ProtobufCBinaryData){.len = statement.size, .data = (uint8_t *)(uintptr_t)statement.data};
    signed_.count = 3;
    signed_.path = fields;
    signed_.n_path = 2;
    expect_digest(wire_statement_leaf(&hash, (uint32_t)signed_.type, statement), "statement.leaf");
    cr_assert_eq(wire_signed_root(&hash, &signed_, &root), WIRE_OK);
    expect_digest(root, "statements.root");
    size_t size = wire_statements_signed_text(1, bytes("domain").data, bytes("signer").data, 3, root.bytes, text);
    expect(text, size, "statements.signed");
}

Test(vectors, chain)
{
    struct wire_hash hash = test_hash();
    struct wire_digest root = digest("root"), none = {{0}};
    struct wire_digest leaves[] = {digest("header.leaf"), digest("box.leaf")};
    static const uint32_t index[] = {0, 511};

    expect_digest(wire_chain_next(&hash, none, 1, root.bytes, index, leaves, 1), "chain.first");
    expect_digest(wire_chain_next(&hash, digest("chain.before"), number("chain.number"), root.bytes, index, leaves, 2),
                  "chain.next");
}
