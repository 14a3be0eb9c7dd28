#include "wire/statement.h"
#include "make.h"
#include <criterion/criterion.h>

enum { STATEMENTS = 7 };

struct signed_leaf {
    Wire__Signed signed_;
    struct wire_digest path[32];
    ProtobufCBinaryData path_field[32];
    uint8_t text[8];
};

static struct wire_digest make_signed(struct signed_leaf out[STATEMENTS])
{
    struct wire_hash hash = test_hash();
    struct wire_digest leaves[STATEMENTS];

    for (uint32_t i = 0; i < STATEMENTS; i++) {
        struct signed_leaf *leaf = &out[i];

        wire__signed__init(&leaf->signed_);
        memset(leaf->text, (int)i, sizeof leaf->text);
        leaf->signed_.type = WIRE__STATEMENT_TYPE__WITNESS_STATEMENT;
        leaf->signed_.statement = (ProtobufCBinaryData){.len = sizeof leaf->text, .data = leaf->text};
        leaf->signed_.index = i;
        leaf->signed_.count = STATEMENTS;
        leaves[i] = wire_statement_leaf(&hash, (uint32_t)leaf->signed_.type, wire_bytes(leaf->text, sizeof leaf->text));
    }
    for (uint32_t i = 0; i < STATEMENTS; i++) {
        struct signed_leaf *leaf = &out[i];

        leaf->signed_.path = leaf->path_field;
        leaf->signed_.n_path = wire_merkle_path(&hash, leaves, STATEMENTS, i, leaf->path);
        for (size_t k = 0; k < 32; k++)
            leaf->path_field[k] = (ProtobufCBinaryData){.len = 32, .data = leaf->path[k].bytes};
    }
    return wire_merkle_root(&hash, leaves, STATEMENTS);
}

/* 0: the root; 1: another one; 2: BAD_ROOT */
static int outcome(const struct signed_leaf *leaf, struct wire_digest wanted)
{
    struct wire_hash hash = test_hash();
    struct wire_digest root;
    enum wire_status status = wire_signed_root(&hash, &leaf->signed_, &root);

    cr_assert(status == WIRE_OK || status == WIRE_BAD_ROOT);
    return status != WIRE_OK ? 2 : memcmp(root.bytes, wanted.bytes, 32) != 0;
}

Test(statement, each_leads_to_the_root_alone)
{
    static struct signed_leaf leaves[STATEMENTS];
    struct wire_digest root = make_signed(leaves);

    for (size_t i = 0; i < STATEMENTS; i++)
        cr_expect_eq(outcome(&leaves[i], root), 0);
}

Test(statement, what_is_changed_leads_elsewhere_or_nowhere)
{
    static struct signed_leaf leaves[STATEMENTS];
    struct wire_digest root = make_signed(leaves);
    Wire__Signed *signed_ = &leaves[2].signed_;

    leaves[2].text[0] ^= 1;
    cr_expect_eq(outcome(&leaves[2], root), 1);
    leaves[2].text[0] ^= 1;
    signed_->type = WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT;
    cr_expect_eq(outcome(&leaves[2], root), 1, "one type cannot pass for another");
    signed_->type = WIRE__STATEMENT_TYPE__WITNESS_STATEMENT;
    signed_->index = 3;
    cr_expect_eq(outcome(&leaves[2], root), 1);
    signed_->index = STATEMENTS;
    cr_expect_eq(outcome(&leaves[2], root), 2);
    signed_->index = 2;
    signed_->count = 0;
    cr_expect_eq(outcome(&leaves[2], root), 2);
    signed_->count = STATEMENTS;
    signed_->n_path--;
    cr_expect_eq(outcome(&leaves[2], root), 2);
    signed_->n_path += 2;
    cr_expect_eq(outcome(&leaves[2], root), 2);
    signed_->n_path = 33;
    cr_expect_eq(outcome(&leaves[2], root), 2);
    signed_->n_path = 3;
    leaves[2].path_field[1].len = 31;
    cr_expect_eq(outcome(&leaves[2], root), 2);
    leaves[2].path_field[1].len = 32;
    cr_expect_eq(outcome(&leaves[2], root), 0);
}

Test(statement, a_suite_that_would_be_cut_to_another)
{
    static struct signed_leaf leaves[STATEMENTS];
    struct wire_hash hash = test_hash();
    struct wire_digest root;

    make_signed(leaves);
    leaves[0].signed_.suite = 0x10001;
    cr_assert_eq(wire_signed_root(&hash, &leaves[0].signed_, &root), WIRE_WRONG_SUITE);
}

Test(statement, one_alone_is_its_own_root)
{
    static struct signed_leaf leaves[STATEMENTS];
    struct wire_hash hash = test_hash();
    struct wire_digest leaf;

    make_signed(leaves);
    leaves[0].signed_.count = 1;
    leaves[0].signed_.n_path = 0;
    leaf = wire_statement_leaf(&hash, WIRE__STATEMENT_TYPE__WITNESS_STATEMENT, wire_bytes(leaves[0].text, 8));
    cr_assert_eq(outcome(&leaves[0], leaf), 0);
}
