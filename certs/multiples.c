/* A group whose generator is the key, with the table that EC_GROUP_precompute_mult makes: OpenSSL 3.0 calls that
 * function deprecated and has no other way to it. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "certs/multiples.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

struct cert_multiples {
    EC_GROUP *curve, *of_key;
    EC_POINT *one, *other;
    BIGNUM *order;
    BN_CTX *numbers;
};

bool cert_multiples_point(const EVP_PKEY *key, uint8_t point[CERT_POINT_BYTES])
{
    char group[32];
    size_t size;
    bool good = EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
                strcmp(group, SN_X9_62_prime256v1) == 0 &&
                EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, CERT_POINT_BYTES, &size) == 1 &&
                size == CERT_POINT_BYTES;
    ERR_clear_error();
    return good;
}

static bool make(struct cert_multiples *multiples, const uint8_t point[CERT_POINT_BYTES])
{
    EC_GROUP *curve = multiples->curve = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    multiples->numbers = BN_CTX_new();
    if (curve == NULL || multiples->numbers == NULL)
        return false;
    EC_GROUP *of_key = multiples->of_key = EC_GROUP_dup(curve);
    multiples->order = BN_dup(EC_GROUP_get0_order(curve));
    multiples->one = EC_POINT_new(curve);
    multiples->other = EC_POINT_new(curve);
    return of_key != NULL && multiples->order != NULL && multiples->one != NULL && multiples->other != NULL &&
           EC_POINT_oct2point(curve, multiples->one, point, CERT_POINT_BYTES, multiples->numbers) == 1 &&
           EC_GROUP_set_generator(of_key, multiples->one, multiples->order, BN_value_one()) == 1 &&
           EC_GROUP_precompute_mult(of_key, multiples->numbers) == 1 && EC_GROUP_have_precompute_mult(of_key) == 1;
}

struct cert_multiples *cert_multiples_new(const uint8_t point[CERT_POINT_BYTES])
{
    struct cert_multiples *multiples = calloc(1, sizeof *multiples);
    if (multiples != NULL && !make(multiples, point))
        cert_multiples_free(&multiples);
    ERR_clear_error();
    return multiples;
}

void cert_multiples_free(struct cert_multiples **multiples)
{
    struct cert_multiples *held = *multiples;
    if (held == NULL)
        return;
    EC_POINT_free(held->one);
    EC_POINT_free(held->other);
    EC_GROUP_free(held->of_key);
    EC_GROUP_free(held->curve);
    BN_free(held->order);
    BN_CTX_free(held->numbers);
    free(held);
    *multiples = NULL;
}

static bool in_range(const BIGNUM *number, const BIGNUM *order)
{
    return !BN_is_zero(number) && !BN_is_negative(number) && BN_cmp(number, order) < 0;
}

/* r is the x of digest/s × generator + r/s × key. */
static bool holds(struct cert_multiples *multiples, const uint8_t digest[WIRE_HASH_BYTES], const BIGNUM *r,
                  const BIGNUM *s)
{
    const BIGNUM *order = multiples->order;
    BN_CTX *numbers = multiples->numbers;
    EC_POINT *one = multiples->one, *other = multiples->other;
    BIGNUM *inverse = BN_CTX_get(numbers), *of_curve = BN_CTX_get(numbers), *of_key = BN_CTX_get(numbers),
           *x = BN_CTX_get(numbers);
    if (x == NULL || !in_range(r, order) || !in_range(s, order))
        return false;
    return BN_bin2bn(digest, WIRE_HASH_BYTES, of_curve) != NULL && BN_mod_inverse(inverse, s, order, numbers) != NULL &&
           BN_mod_mul(of_curve, of_curve, inverse, order, numbers) == 1 &&
           BN_mod_mul(of_key, r, inverse, order, numbers) == 1 &&
           EC_POINT_mul(multiples->curve, one, of_curve, NULL, NULL, numbers) == 1 &&
           EC_POINT_mul(multiples->of_key, other, of_key, NULL, NULL, numbers) == 1 &&
           EC_POINT_add(multiples->curve, one, one, other, numbers) == 1 &&
           EC_POINT_get_affine_coordinates(multiples->curve, one, x, NULL, numbers) == 1 &&
           BN_nnmod(x, x, order, numbers) == 1 && BN_cmp(x, r) == 0;
}

/* NULL: not DER, or not all of it. */
static ECDSA_SIG *parse(struct wire_bytes signature)
{
    const unsigned char *at = signature.data;
    ECDSA_SIG *parsed = signature.size > LONG_MAX ? NULL : d2i_ECDSA_SIG(NULL, &at, (long)signature.size);
    unsigned char *again = NULL;
    int size = parsed == NULL ? -1 : i2d_ECDSA_SIG(parsed, &again);
    bool same = size >= 0 && (size_t)size == signature.size && memcmp(again, signature.data, signature.size) == 0;
    OPENSSL_free(again);
    if (same)
        return parsed;
    ECDSA_SIG_free(parsed);
    return NULL;
}

bool cert_multiples_verify(struct cert_multiples *multiples, const uint8_t digest[WIRE_HASH_BYTES],
                           struct wire_bytes signature)
{
    ECDSA_SIG *parsed = parse(signature);
    bool good = false;
    if (parsed != NULL) {
        BN_CTX_start(multiples->numbers);
        good = holds(multiples, digest, ECDSA_SIG_get0_r(parsed), ECDSA_SIG_get0_s(parsed));
        BN_CTX_end(multiples->numbers);
        ECDSA_SIG_free(parsed);
    }
    if (!good)
        ERR_clear_error();
    return good;
}
