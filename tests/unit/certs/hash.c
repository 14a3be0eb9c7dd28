#include "certs/hash.h"
#include "certs/table.h"
#include "wire/id.h"
#include <criterion/criterion.h>

TestSuite(hash);

static void expect_hex(const uint8_t digest[32], const char *expected)
{
    char hex[65];
    wire_hex(digest, 32, hex);
    cr_expect_str_eq(hex, expected);
}

/* FIPS 180-2, appendix B */
Test(hash, sha256_vectors)
{
    uint8_t digest[32];
    cert_sha256("abc", 3, digest);
    expect_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    cert_sha256("", 0, digest);
    expect_hex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

Test(hash, pieces_are_joined_and_the_context_is_reused)
{
    struct wire_hash hash = cert_hash_new();
    struct wire_bytes pieces[] = {wire_bytes("a", 1), wire_bytes(NULL, 0), wire_bytes("bc", 2)};
    uint8_t digest[32];
    for (int i = 0; i < 3; i++) {
        hash.digest(hash.context, pieces, 3, digest);
        expect_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
    hash.digest(hash.context, NULL, 0, digest);
    expect_hex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    cert_hash_close(&hash);
    cert_hash_close(&hash);
}

/* RFC 4231, test case 2 */
Test(hash, hmac_vector)
{
    uint8_t digest[32];
    cert_hmac("Jefe", 4, "what do ya want for nothing?", 28, digest);
    expect_hex(digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    cert_hmac(NULL, 0, "", 0, digest);
    expect_hex(digest, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* RFC 4231, test cases 1, 2 and 6: keys shorter and longer than a block */
Test(hash, hmac_by_a_held_hash)
{
    struct wire_hash hash = cert_hash_new();
    uint8_t digest[32], key[131];
    memset(key, 0x0b, 20);
    cert_hmac_by(&hash, wire_bytes(key, 20), wire_bytes("Hi There", 8), digest);
    expect_hex(digest, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    cert_hmac_by(&hash, wire_bytes("Jefe", 4), wire_bytes("what do ya want for nothing?", 28), digest);
    expect_hex(digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    const char text[] = "Test Using Larger Than Block-Size Key - Hash Key First";
    cert_hmac_by(&hash, wire_bytes(key, sizeof key), wire_bytes(text, sizeof text - 1), digest);
    expect_hex(digest, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    for (size_t size = 0; size < sizeof key; size++) { /* and every length of a key as OpenSSL has it */
        uint8_t expected[32];
        cert_hmac_by(&hash, wire_bytes(key, size), wire_bytes(text, size < 54 ? size : 54), digest);
        cert_hmac(key, size, text, size < 54 ? size : 54, expected);
        cr_expect_arr_eq(digest, expected, 32);
    }
    cert_hash_close(&hash);
}

Test(hash, random_differs_and_wipe_clears)
{
    uint8_t a[32] = {0}, b[32] = {0}, zero[32] = {0};
    cert_random(a, sizeof a);
    cert_random(b, sizeof b);
    cr_expect_not(cert_equal(a, b, sizeof a));
    cr_expect_not(cert_equal(a, zero, sizeof a));
    cert_wipe(a, sizeof a);
    cr_expect(cert_equal(a, zero, sizeof a));
}

Test(hash, table_keeps_every_value_of_a_hash)
{
    struct cert_table table = {.slot = NULL};
    size_t cursor = 0;
    cr_expect_eq(cert_table_next(&table, 7, &cursor), CERT_TABLE_NONE);
    for (uint32_t i = 0; i < 1000; i++)
        cert_table_put(&table, i % 100, i);
    for (uint32_t hash = 0; hash < 100; hash++) {
        int found = 0;
        cursor = 0;
        for (uint32_t value; (value = cert_table_next(&table, hash, &cursor)) != CERT_TABLE_NONE; found++)
            cr_expect_eq(value % 100, hash);
        cr_expect_eq(found, 10);
    }
    cursor = 0;
    cr_expect_eq(cert_table_next(&table, 100, &cursor), CERT_TABLE_NONE);
    cert_table_close(&table);
}
