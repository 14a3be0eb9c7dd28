/* The tests' own hash against FIPS 180-4's examples: everything else here leans on it. */
#include "support/sha256.h"
#include "wire/id.h"
#include <criterion/criterion.h>
#include <stdlib.h>

static void expect(const struct wire_bytes *pieces, size_t count, const char *hex)
{
    struct wire_hash hash = test_hash();
    uint8_t digest[32];
    char text[65];

    hash.digest(hash.context, pieces, count, digest);
    wire_hex(digest, 32, text);
    cr_expect_str_eq(text, hex);
}

Test(sha256, fips_examples)
{
    static const char long_text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    struct wire_bytes none = wire_bytes("", 0);
    struct wire_bytes abc[] = {wire_bytes("a", 1), wire_bytes("", 0), wire_bytes("bc", 2)};
    struct wire_bytes text = wire_bytes(long_text, strlen(long_text));

    expect(&none, 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(abc, 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(&text, 1, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

Test(sha256, a_million_times_a)
{
    size_t size = 1000000;
    char *text = malloc(size);
    struct wire_bytes piece = wire_bytes(memset(text, 'a', size), size);

    expect(&piece, 1, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(text);
}
