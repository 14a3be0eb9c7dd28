#include "make.h"
#include "wire/id.h"
#include <criterion/criterion.h>

/* The leaves of the test vectors of Certificate Transparency (RFC 6962), and the roots of the first n of them. */
static const char *const ct_leaves[] = {
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
};
static const char *const ct_roots[] = {
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};
static const struct {
    size_t index;
    size_t count;
    const char *path[4];
} ct_paths[] = {
    {0, 1, {NULL}},
    {0,
     8,
     {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
    {5,
     8,
     {"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
    {2, 3, {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
    {1,
     5,
     {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
};

static void expect_hex(const struct wire_digest *digest, const char *hex)
{
    char text[65];

    wire_hex(digest->bytes, 32, text);
    cr_expect_str_eq(text, hex);
}

static void read_ct_leaves(const struct wire_hash *hash, struct wire_digest leaves[8])
{
    for (size_t i = 0; i < 8; i++) {
        uint8_t data[16];
        size_t size = strlen(ct_leaves[i]) / 2;

        cr_assert(wire_unhex(ct_leaves[i], size, data));
        leaves[i] = wire_header_leaf(hash, wire_bytes(data, size));
    }
}

Test(merkle, roots_are_those_of_certificate_transparency)
{
    struct wire_hash hash = test_hash();
    struct wire_digest leaves[8];

    read_ct_leaves(&hash, leaves);
    for (size_t count = 1; count <= 8; count++) {
        struct wire_digest root = wire_merkle_root(&hash, leaves, count);

        expect_hex(&root, ct_roots[count - 1]);
    }
}

Test(merkle, paths_are_those_of_certificate_transparency)
{
    struct wire_hash hash = test_hash();
    struct wire_digest leaves[8], path[32], root;

    read_ct_leaves(&hash, leaves);
    for (size_t i = 0; i < sizeof ct_paths / sizeof *ct_paths; i++) {
        size_t length = wire_merkle_path(&hash, leaves, ct_paths[i].count, ct_paths[i].index, path);

        for (size_t k = 0; k < length; k++)
            expect_hex(&path[k], ct_paths[i].path[k]);
        cr_expect_null(ct_paths[i].path[length]);
        cr_assert(wire_merkle_path_root(&hash, leaves[ct_paths[i].index], ct_paths[i].index, ct_paths[i].count, path,
                                        length, &root));
        expect_hex(&root, ct_roots[ct_paths[i].count - 1]);
    }
}

/* --- against a second implementation, straight from the text of RFC 6962 --- */

enum { LEAVES = 576 };

static struct wire_digest plain_root(const struct wire_hash *hash, const struct wire_digest *leaves, size_t count)
{
    static const uint8_t one = 1;
    struct wire_digest out;
    size_t k = 1;

    if (count == 1)
        return leaves[0];
    while (2 * k < count)
        k *= 2;
    struct wire_digest left = plain_root(hash, leaves, k);
    struct wire_digest right = plain_root(hash, leaves + k, count - k);
    struct wire_bytes pieces[] = {wire_bytes(&one, 1), wire_bytes(left.bytes, 32), wire_bytes(right.bytes, 32)};
    hash->digest(hash->context, pieces, 3, out.bytes);
    return out;
}

static void fill_leaves(struct wire_digest *leaves, size_t count, uint64_t seed)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < 32; k += 8)
            wire_put_u64(leaves[i].bytes + k, make_random(&seed));
}

static bool same(struct wire_digest a, struct wire_digest b)
{
    return memcmp(a.bytes, b.bytes, 32) == 0;
}

Test(merkle, every_path_of_every_size_up_to_64_leads_to_the_root)
{
    struct wire_hash hash = test_hash();
    struct wire_digest leaves[64], path[32], root;

    fill_leaves(leaves, 64, 1);
    for (size_t count = 1; count <= 64; count++) {
        struct wire_digest wanted = plain_root(&hash, leaves, count);

        cr_assert(same(wire_merkle_root(&hash, leaves, count), wanted));
        for (size_t index = 0; index < count; index++) {
            size_t length = wire_merkle_path(&hash, leaves, count, index, path);

            cr_assert(wire_merkle_path_root(&hash, leaves[index], index, count, path, length, &root));
            cr_assert(same(root, wanted), "leaf %zu of %zu", index, count);
            cr_assert_not(wire_merkle_path_root(&hash, leaves[index], index, count, path, length + 1, &root));
            cr_assert(length == 0 ||
                      !wire_merkle_path_root(&hash, leaves[index], index, count, path, length - 1, &root));
        }
    }
}

Test(merkle, a_tampered_path_leads_elsewhere)
{
    struct wire_hash hash = test_hash();
    struct wire_digest leaves[21], path[32], root;

    fill_leaves(leaves, 21, 2);
    struct wire_digest wanted = wire_merkle_root(&hash, leaves, 21);
    size_t length = wire_merkle_path(&hash, leaves, 21, 9, path);
    for (size_t i = 0; i < length; i++) {
        path[i].bytes[i] ^= 1;
        cr_expect(wire_merkle_path_root(&hash, leaves[9], 9, 21, path, length, &root));
        cr_expect_not(same(root, wanted));
        path[i].bytes[i] ^= 1;
    }
    cr_expect(wire_merkle_path_root(&hash, leaves[9], 8, 21, path, length, &root) && !same(root, wanted));
    cr_expect_not(wire_merkle_path_root(&hash, leaves[9], 21, 21, path, length, &root));
    cr_expect_not(wire_merkle_path_root(&hash, leaves[9], 0, 0, path, length, &root));
    cr_expect_not(wire_merkle_path_root(&hash, leaves[9], 9, 600, path, length, &root));
}

/* One try: a subset, its proof by brute force, the proof of the product, the root from it. */
struct
try {
    struct wire_hash hash;
    const struct wire_digest *leaves;
    uint8_t have[LEAVES / 8];
    struct wire_digest held[LEAVES];
    size_t held_count;
    struct wire_digest proof[WIRE_PROOF_HASHES_MAX];
    size_t proof_count;
};

static bool has(const struct try *try, size_t index)
{
    return (try->have[index / 8] & 1 << index % 8) != 0;
}

static void choose(struct try *try, size_t count, uint64_t *random, unsigned of_8)
{
    memset(try->have, 0, sizeof try->have);
    try->held_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (make_random(random) % 8 >= of_8)
            continue;
        try->have[i / 8] |= (uint8_t)(1 << i % 8);
        try->held[try->held_count++] = try->leaves[i];
    }
}

/* Adds the subtrees under [first, first + count) whose leaves are all missing while a leaf of the parent is held. */
static size_t plain_proof(const struct try *try, size_t first, size_t count, struct wire_digest *out)
{
    size_t held = 0, k = 1;

    for (size_t i = first; i < first + count; i++)
        held += has(try, i);
    if (held == 0) {
        *out = plain_root(&try->hash, try->leaves + first, count);
        return 1;
    }
    if (count == 1)
        return 0;
    while (2 * k < count)
        k *= 2;
    size_t left = plain_proof(try, first, k, out);
    return left + plain_proof(try, first + k, count - k, out + left);
}

static void check_proof(struct try *try, size_t count)
{
    struct wire_digest wanted[LEAVES], root;
    size_t wanted_count = plain_proof(try, 0, count, wanted);

    try->proof_count = wire_merkle_proof(&try->hash, try->leaves, count, try->have, try->proof);
    cr_assert_eq(try->proof_count, wanted_count);
    cr_assert_eq(memcmp(try->proof, wanted, wanted_count * sizeof *wanted), 0);
    cr_assert(wire_merkle_proof_root(&try->hash, try->have, count, try->held, try->held_count, try->proof,
                                     try->proof_count, &root));
    cr_assert(same(root, plain_root(&try->hash, try->leaves, count)));
}

static void check_tampered(struct try *try, size_t count, uint64_t *random)
{
    struct wire_digest wanted = wire_merkle_root(&try->hash, try->leaves, count), root;
    bool in_proof = try->proof_count > 0 && (try->held_count == 0 || make_random(random) % 2 == 0);
    struct wire_digest *hit = in_proof ? &try->proof[make_random(random) % try->proof_count]
                                       : &try->held[make_random(random) % try->held_count];

    hit->bytes[make_random(random) % 32] ^= 0x10;
    cr_assert(wire_merkle_proof_root(&try->hash, try->have, count, try->held, try->held_count, try->proof,
                                     try->proof_count, &root));
    cr_assert_not(same(root, wanted));
    cr_assert_not(wire_merkle_proof_root(&try->hash, try->have, count, try->held, try->held_count, try->proof,
                                         try->proof_count + 1, &root));
    cr_assert_not(wire_merkle_proof_root(&try->hash, try->have, count, try->held, try->held_count + 1, try->proof,
                                         try->proof_count, &root));
    cr_assert(try->held_count == 0 ||
              !wire_merkle_proof_root(&try->hash, try->have, count, try->held, try->held_count - 1, try->proof,
                                      try->proof_count, &root));
}

Test(merkle, proofs_of_random_subsets_are_those_of_brute_force)
{
    static struct wire_digest leaves[LEAVES];
    static struct try try;
    uint64_t random = 3;

    try.hash = test_hash();
    try.leaves = leaves;
    fill_leaves(leaves, LEAVES, 4);
    for (size_t count = 1; count <= 64; count++) {
        for (unsigned of_8 = 0; of_8 <= 8; of_8++) {
            choose(&try, count, &random, of_8);
            check_proof(&try, count);
            check_tampered(&try, count, &random);
        }
    }
}

Test(merkle, proofs_of_full_batches)
{
    static struct wire_digest leaves[LEAVES];
    static struct try try;
    static const size_t counts[] = {511, 512, 513, 575, 576};
    uint64_t random = 5;

    try.hash = test_hash();
    try.leaves = leaves;
    fill_leaves(leaves, LEAVES, 6);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (unsigned of_8 = 0; of_8 <= 8; of_8 += 2) {
            choose(&try, counts[i], &random, of_8);
            check_proof(&try, counts[i]);
            check_tampered(&try, counts[i], &random);
        }
    }
}

Test(merkle, a_proof_for_no_leaves_at_all_is_refused)
{
    struct wire_hash hash = test_hash();
    struct wire_digest root;
    uint8_t none = 0;

    cr_assert_not(wire_merkle_proof_root(&hash, &none, 0, NULL, 0, NULL, 0, &root));
    cr_assert_not(wire_merkle_proof_root(&hash, &none, 4, NULL, 0, NULL, 0, &root));
}
