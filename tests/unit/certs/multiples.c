/* By the table of a key as without it: every signature is asked both ways. */
#include "certs/held.h"
#include "certs/verify.h"
#include "fixture.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>

enum { SIGNATURE_MAX = 160 };

static struct cert_multiples *multiples;
static EVP_PKEY *key;
static BIGNUM *order;
static uint8_t digest[WIRE_HASH_BYTES];

static void use(EVP_PKEY *with)
{
    uint8_t point[CERT_POINT_BYTES];
    cert_multiples_free(&multiples);
    EVP_PKEY_free(key);
    key = with;
    cr_assert(cert_multiples_point(key, point));
    multiples = cert_multiples_new(point);
    cr_assert_not_null(multiples);
}

static void setup(void)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    order = BN_dup(EC_GROUP_get0_order(group));
    EC_GROUP_free(group);
    use(EVP_EC_gen("P-256"));
    cert_random(digest, sizeof digest);
}

static void teardown(void)
{
    cert_multiples_free(&multiples);
    EVP_PKEY_free(key);
    BN_free(order);
}

TestSuite(multiples, .init = setup, .fini = teardown, .timeout = 60);

static bool by_openssl(struct wire_bytes signature)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    cr_assert(EVP_PKEY_verify_init(context) == 1);
    bool good = EVP_PKEY_verify(context, signature.data, signature.size, digest, sizeof digest) == 1;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return good;
}

/* What both say. */
static bool verify(struct wire_bytes signature)
{
    bool good = cert_multiples_verify(multiples, digest, signature);
    cr_expect_eq(good, by_openssl(signature));
    cr_expect_eq(ERR_peek_error(), 0);
    return good;
}

static struct wire_bytes sign(uint8_t out[SIGNATURE_MAX])
{
    size_t size = SIGNATURE_MAX;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    cr_assert(EVP_PKEY_sign_init(context) == 1);
    cr_assert(EVP_PKEY_sign(context, out, &size, digest, sizeof digest) == 1);
    EVP_PKEY_CTX_free(context);
    return wire_bytes(out, size);
}

/* Takes both numbers. */
static struct wire_bytes encode(BIGNUM *r, BIGNUM *s, uint8_t out[SIGNATURE_MAX])
{
    ECDSA_SIG *numbers = ECDSA_SIG_new();
    unsigned char *at = out;
    cr_assert(ECDSA_SIG_set0(numbers, r, s) == 1);
    int size = i2d_ECDSA_SIG(numbers, &at);
    cr_assert(size > 0 && size <= SIGNATURE_MAX);
    ECDSA_SIG_free(numbers);
    return wire_bytes(out, (size_t)size);
}

static void parse(struct wire_bytes signature, BIGNUM **r, BIGNUM **s)
{
    const unsigned char *at = signature.data;
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &at, (long)signature.size);
    cr_assert_not_null(numbers);
    *r = BN_dup(ECDSA_SIG_get0_r(numbers));
    *s = BN_dup(ECDSA_SIG_get0_s(numbers));
    ECDSA_SIG_free(numbers);
}

Test(multiples, signatures_of_several_keys)
{
    uint8_t out[SIGNATURE_MAX];
    for (int k = 0; k < 4; k++, use(EVP_EC_gen("P-256")))
        for (int i = 0; i < 64; i++) {
            cert_random(digest, sizeof digest);
            cr_expect(verify(sign(out)));
        }
}

Test(multiples, digests_at_the_edge)
{
    uint8_t out[SIGNATURE_MAX];
    memset(digest, 0, sizeof digest);
    cr_expect(verify(sign(out)));
    memset(digest, 0xff, sizeof digest); /* above the order */
    cr_expect(verify(sign(out)));
    cr_assert_eq(BN_bn2binpad(order, digest, sizeof digest), (int)sizeof digest);
    cr_expect(verify(sign(out)));
}

Test(multiples, every_bit_counts)
{
    uint8_t out[SIGNATURE_MAX];
    struct wire_bytes signature = sign(out);
    for (size_t bit = 0; bit < 8 * signature.size; bit++) {
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_expect_not(verify(signature), "bit %zu of the signature", bit);
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof digest; bit++) {
        digest[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_expect_not(verify(signature), "bit %zu of the digest", bit);
        digest[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    cr_expect(verify(signature));
}

Test(multiples, only_der_and_all_of_it)
{
    uint8_t out[SIGNATURE_MAX];
    struct wire_bytes signature = sign(out);
    for (size_t size = 0; size < signature.size; size++)
        cr_expect_not(verify(wire_bytes(out, size)), "cut off at %zu", size);
    out[signature.size] = 0;
    cr_expect_not(verify(wire_bytes(out, signature.size + 1)), "a byte behind it");
    /* the length of the sequence in two bytes: BER */
    memmove(out + 2, out + 1, signature.size - 1);
    out[1] = 0x81;
    cr_expect_not(verify(wire_bytes(out, signature.size + 1)), "no DER");
}

Test(multiples, numbers_in_range)
{
    uint8_t out[SIGNATURE_MAX], other[SIGNATURE_MAX];
    BIGNUM *r, *s;
    struct wire_bytes signature = sign(out);
    const struct {
        const char *what;
        bool of_r;
        int times_order, plus; /* of the number: 0 or 1 times the order, and this */
    } cases[] = {{"r zero", true, 0, 0},           {"r order", true, 1, 0},  {"r above", true, 1, 1},
                 {"s zero", false, 0, 0},          {"s order", false, 1, 0}, {"s above", false, 1, 1},
                 {"s one", false, 0, 1},           {"r one", true, 0, 1},    {"s order less one", false, 1, -1},
                 {"r order less one", true, 1, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        parse(signature, &r, &s);
        BIGNUM *number = cases[i].of_r ? r : s;
        cr_assert(cases[i].times_order ? BN_copy(number, order) != NULL : BN_set_word(number, 0) == 1);
        cr_assert(cases[i].plus < 0 ? BN_sub_word(number, 1) : BN_add_word(number, (BN_ULONG)cases[i].plus));
        cr_expect_not(verify(encode(r, s, other)), "%s", cases[i].what);
    }
    parse(signature, &r, &s);
    BN_add(s, s, order);
    cr_expect_not(verify(encode(r, s, other)), "s once more around");
    parse(signature, &r, &s);
    BN_sub(s, order, s);
    cr_expect(verify(encode(r, s, other)), "the other s of the same signature: ECDSA allows it");
}

/* The private key 1: its point is the generator, so the two multiples can be made equal or opposite. */
static EVP_PKEY *key_one(void)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    uint8_t point[CERT_POINT_BYTES], name[] = SN_X9_62_prime256v1;
    cr_assert(EC_POINT_point2oct(group, EC_GROUP_get0_generator(group), POINT_CONVERSION_UNCOMPRESSED, point,
                                 sizeof point, NULL) == sizeof point);
    EC_GROUP_free(group);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)name, 0),
                           OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
                           OSSL_PARAM_construct_end()};
    EVP_PKEY *made = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    cr_assert(EVP_PKEY_fromdata_init(context) == 1);
    cr_assert(EVP_PKEY_fromdata(context, &made, EVP_PKEY_PUBLIC_KEY, params) == 1);
    EVP_PKEY_CTX_free(context);
    return made;
}

/* k × generator has this x. */
static BIGNUM *x_of(unsigned k)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *point = EC_POINT_new(group);
    BIGNUM *times = BN_new(), *x = BN_new();
    cr_assert(BN_set_word(times, k) == 1 && EC_POINT_mul(group, point, times, NULL, NULL, NULL) == 1 &&
              EC_POINT_get_affine_coordinates(group, point, x, NULL, NULL) == 1);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    BN_free(times);
    return x;
}

Test(multiples, two_equal_points)
{
    uint8_t out[SIGNATURE_MAX];
    use(key_one());
    /* digest = r, so both multiples are r/s; their sum is 2r/s = k: s = 2r/k with k = 2, that is s = r */
    BIGNUM *r = x_of(2), *s = BN_dup(r);
    cr_assert_eq(BN_bn2binpad(r, digest, sizeof digest), (int)sizeof digest);
    cr_expect(verify(encode(r, s, out)));
}

Test(multiples, two_opposite_points)
{
    uint8_t out[SIGNATURE_MAX];
    use(key_one());
    /* digest = -r: the sum is the point at infinity, which has no x */
    BIGNUM *r = x_of(2), *s = x_of(3), *minus = BN_new();
    cr_assert(BN_sub(minus, order, r) == 1);
    cr_assert_eq(BN_bn2binpad(minus, digest, sizeof digest), (int)sizeof digest);
    BN_free(minus);
    cr_expect_not(verify(encode(r, s, out)));
}

Test(multiples, a_point_that_is_none)
{
    uint8_t point[CERT_POINT_BYTES] = {4, 1};
    cr_expect_null(cert_multiples_new(point));
    EVP_PKEY *curve = EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), *larger = EVP_EC_gen("P-384");
    cr_expect_not(cert_multiples_point(curve, point));
    cr_expect_not(cert_multiples_point(larger, point));
    EVP_PKEY_free(curve);
    EVP_PKEY_free(larger);
}
