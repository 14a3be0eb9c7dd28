#include "certs/box_form.h"
#include "certs/gcm.h"
#include "certs/hash.h"
#include "certs/leaf.h"
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>

enum { COORDINATE_BYTES = 32, WRAPPED_BYTES = CERT_KEY_BYTES + 8, NONCE_BYTES = 12 };

/* What stands between the parts that differ from box to box, in their order. */
static const uint8_t before_point[] = {
    0x30, 0x82, 0x01, 0x32,                                                             /* ContentInfo */
    0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17,       /* authEnvelopedData */
    0xa0, 0x82, 0x01, 0x21, 0x30, 0x82, 0x01, 0x1d, 0x02, 0x01, 0x00,                   /* version 0 */
    0x31, 0x81, 0xb6, 0xa1, 0x81, 0xb3, 0x02, 0x01, 0x03,                               /* one recipient: agreement */
    0xa0, 0x51, 0xa1, 0x4f, 0x30, 0x09, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, /* originator: id-ecPublicKey */
    0x01, 0x03, 0x42, 0x00};
static const uint8_t before_id[] = {
    0x30, 0x15, 0x06, 0x06, 0x2b, 0x81, 0x04, 0x01, 0x0b, 0x01,                   /* dhSinglePass-stdDH-sha256kdf */
    0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2d, /* id-aes256-wrap */
    0x30, 0x44, 0x30, 0x42, 0xa0, 0x16, 0x04, 0x14};                              /* recipient by key id */
static const uint8_t before_wrapped[] = {0x04, 0x28};
static const uint8_t before_nonce[] = {
    0x30, 0x4d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01, /* pkcs7-data */
    0x30, 0x1e, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2e, /* aes-256-gcm */
    0x30, 0x11, 0x04, 0x0c};
static const uint8_t before_content[] = {0x02, 0x01, 0x10, 0x80, 0x20}; /* tag of 16 bytes */
static const uint8_t before_tag[] = {0x04, 0x10};

/* RFC 5753 7.2: ECC-CMS-SharedInfo { id-aes256-wrap, suppPubInfo 256 bits }, behind X9.63's counter. */
static const uint8_t shared_info[] = {0x00, 0x00, 0x00, 0x01, 0x30, 0x15, 0x30, 0x0b, 0x06,
                                      0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01,
                                      0x2d, 0xa2, 0x06, 0x04, 0x04, 0x00, 0x00, 0x01, 0x00};

/* --- the form ----------------------------------------------------------------------------------------------------- */

struct part {
    const uint8_t *before;
    size_t before_size, size;
};

static const struct part parts[] = {
    {before_point, sizeof before_point, CERT_POINT_BYTES},   {before_id, sizeof before_id, CERT_KEY_ID_BYTES},
    {before_wrapped, sizeof before_wrapped, WRAPPED_BYTES},  {before_nonce, sizeof before_nonce, NONCE_BYTES},
    {before_content, sizeof before_content, CERT_KEY_BYTES}, {before_tag, sizeof before_tag, CERT_TAG_BYTES},
};
enum { POINT, ID, WRAPPED, NONCE, CONTENT, TAG, PARTS };

static void lay_out(uint8_t *box, uint8_t *at[PARTS])
{
    for (size_t i = 0; i < PARTS; i++) {
        at[i] = box + parts[i].before_size;
        box = at[i] + parts[i].size;
    }
}

static void write_form(uint8_t *const at[PARTS])
{
    for (size_t i = 0; i < PARTS; i++)
        memcpy(at[i] - parts[i].before_size, parts[i].before, parts[i].before_size);
}

static bool has_form(uint8_t *const at[PARTS])
{
    for (size_t i = 0; i < PARTS; i++)
        if (memcmp(at[i] - parts[i].before_size, parts[i].before, parts[i].before_size) != 0)
            return false;
    return true;
}

/* --- the key that wraps ------------------------------------------------------------------------------------------- */

struct agreement {
    EC_GROUP *p256;
    EC_POINT *theirs, *shared;
    BN_CTX *numbers;
    BIGNUM *own, *x;
};

static void agreement_close(struct agreement *agreement)
{
    EC_POINT_free(agreement->theirs);
    EC_POINT_clear_free(agreement->shared);
    EC_GROUP_free(agreement->p256);
    BN_clear_free(agreement->own);
    BN_clear_free(agreement->x);
    BN_CTX_free(agreement->numbers);
}

static bool agreement_open(struct agreement *agreement)
{
    *agreement = (struct agreement){.p256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1),
                                    .numbers = BN_CTX_secure_new(),
                                    .own = BN_secure_new(),
                                    .x = BN_secure_new()};
    if (agreement->p256 == NULL || agreement->numbers == NULL || agreement->own == NULL || agreement->x == NULL)
        return false;
    BN_set_flags(agreement->own, BN_FLG_CONSTTIME);
    agreement->theirs = EC_POINT_new(agreement->p256);
    agreement->shared = EC_POINT_new(agreement->p256);
    return agreement->theirs != NULL && agreement->shared != NULL;
}

/* own × point, which must lie on the curve; its x, derived. */
static bool agree(struct agreement *a, const uint8_t point[CERT_POINT_BYTES], uint8_t key[WIRE_HASH_BYTES])
{
    uint8_t text[COORDINATE_BYTES + sizeof shared_info];
    bool done = EC_POINT_oct2point(a->p256, a->theirs, point, CERT_POINT_BYTES, a->numbers) == 1 &&
                EC_POINT_mul(a->p256, a->shared, NULL, a->theirs, a->own, a->numbers) == 1 &&
                EC_POINT_is_at_infinity(a->p256, a->shared) == 0 &&
                EC_POINT_get_affine_coordinates(a->p256, a->shared, a->x, NULL, a->numbers) == 1 &&
                BN_bn2binpad(a->x, text, COORDINATE_BYTES) == COORDINATE_BYTES;
    if (done) {
        memcpy(text + COORDINATE_BYTES, shared_info, sizeof shared_info);
        cert_sha256(text, sizeof text, key);
    }
    OPENSSL_cleanse(text, sizeof text);
    return done;
}

static bool draw_own(struct agreement *a, uint8_t point[CERT_POINT_BYTES])
{
    const BIGNUM *order = EC_GROUP_get0_order(a->p256);
    do
        if (BN_priv_rand_range(a->own, order) != 1)
            return false;
    while (BN_is_zero(a->own));
    return EC_POINT_mul(a->p256, a->shared, a->own, NULL, NULL, a->numbers) == 1 &&
           EC_POINT_point2oct(a->p256, a->shared, POINT_CONVERSION_UNCOMPRESSED, point, CERT_POINT_BYTES, a->numbers) ==
               CERT_POINT_BYTES;
}

/* RFC 3394, either way; what was wrapped is checked. */
static bool wrap(bool on, const uint8_t key[WIRE_HASH_BYTES], const uint8_t *in, int size, uint8_t *out, int out_size)
{
    int written = 0, rest = 0;
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-WRAP", NULL);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (context != NULL)
        EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    bool done = cipher != NULL && context != NULL &&
                EVP_CipherInit_ex2(context, cipher, key, NULL, on ? 1 : 0, NULL) == 1 &&
                EVP_CipherUpdate(context, out, &written, in, size) == 1 && written <= out_size &&
                EVP_CipherFinal_ex(context, out + written, &rest) == 1 && written + rest == out_size;
    EVP_CIPHER_CTX_free(context);
    EVP_CIPHER_free(cipher);
    return done;
}

/* --- the content -------------------------------------------------------------------------------------------------- */

static bool seal_content(const uint8_t content_key[CERT_KEY_BYTES], const uint8_t key[CERT_KEY_BYTES],
                         uint8_t *const at[PARTS])
{
    struct cert_gcm gcm;
    uint8_t sealed[CERT_KEY_BYTES + CERT_TAG_BYTES];
    cert_gcm_init(&gcm);
    bool done =
        cert_gcm_seal(&gcm, content_key, at[NONCE], wire_bytes(NULL, 0), wire_bytes(key, CERT_KEY_BYTES), sealed);
    cert_gcm_close(&gcm);
    memcpy(at[CONTENT], sealed, CERT_KEY_BYTES);
    memcpy(at[TAG], sealed + CERT_KEY_BYTES, CERT_TAG_BYTES);
    return done;
}

static bool open_content(const uint8_t content_key[CERT_KEY_BYTES], uint8_t *const at[PARTS],
                         uint8_t key[CERT_KEY_BYTES])
{
    struct cert_gcm gcm;
    uint8_t sealed[CERT_KEY_BYTES + CERT_TAG_BYTES];
    memcpy(sealed, at[CONTENT], CERT_KEY_BYTES);
    memcpy(sealed + CERT_KEY_BYTES, at[TAG], CERT_TAG_BYTES);
    cert_gcm_init(&gcm);
    bool done =
        cert_gcm_open(&gcm, content_key, at[NONCE], wire_bytes(NULL, 0), wire_bytes(sealed, sizeof sealed), key);
    cert_gcm_close(&gcm);
    return done;
}

/* --- the box ------------------------------------------------------------------------------------------------------ */

static void forget(struct agreement *agreement, uint8_t wrapping[WIRE_HASH_BYTES], uint8_t content_key[CERT_KEY_BYTES])
{
    agreement_close(agreement);
    OPENSSL_cleanse(wrapping, WIRE_HASH_BYTES);
    OPENSSL_cleanse(content_key, CERT_KEY_BYTES);
    ERR_clear_error();
}

bool cert_box_write(struct wire_bytes certificate, const uint8_t key[CERT_KEY_BYTES], uint8_t out[CERT_BOX_BYTES])
{
    struct wire_bytes point, id;
    struct agreement agreement = {.p256 = NULL};
    uint8_t *at[PARTS], wrapping[WIRE_HASH_BYTES], content_key[CERT_KEY_BYTES];
    if (!cert_leaf_agreement(certificate, &point, &id))
        return false;
    lay_out(out, at);
    write_form(at);
    memcpy(at[ID], id.data, CERT_KEY_ID_BYTES);
    cert_random(at[NONCE], NONCE_BYTES);
    cert_random(content_key, sizeof content_key);
    bool done = agreement_open(&agreement) && draw_own(&agreement, at[POINT]) &&
                agree(&agreement, point.data, wrapping) &&
                wrap(true, wrapping, content_key, CERT_KEY_BYTES, at[WRAPPED], WRAPPED_BYTES) &&
                seal_content(content_key, key, at);
    forget(&agreement, wrapping, content_key);
    return done;
}

static bool own_number(const EVP_PKEY *own, BIGNUM *number)
{
    return EVP_PKEY_get_bn_param(own, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1; /* into the one given */
}

bool cert_box_read(struct wire_bytes certificate, const EVP_PKEY *own, struct wire_bytes box,
                   uint8_t key[CERT_KEY_BYTES])
{
    struct wire_bytes point, id;
    struct agreement agreement = {.p256 = NULL};
    uint8_t bytes[CERT_BOX_BYTES], *at[PARTS], wrapping[WIRE_HASH_BYTES], content_key[CERT_KEY_BYTES];
    memset(key, 0, CERT_KEY_BYTES);
    if (box.size != CERT_BOX_BYTES || !cert_leaf_agreement(certificate, &point, &id))
        return false;
    memcpy(bytes, box.data, CERT_BOX_BYTES);
    lay_out(bytes, at);
    bool done = has_form(at) && memcmp(at[ID], id.data, CERT_KEY_ID_BYTES) == 0 && agreement_open(&agreement) &&
                own_number(own, agreement.own) && agree(&agreement, at[POINT], wrapping) &&
                wrap(false, wrapping, at[WRAPPED], WRAPPED_BYTES, content_key, CERT_KEY_BYTES) &&
                open_content(content_key, at, key);
    forget(&agreement, wrapping, content_key);
    return done;
}
