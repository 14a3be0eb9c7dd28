#include "certs/leaf.h"
#include "certs/hash.h"
#include "wire/time.h"
#include "wire/utf8.h"
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SEQUENCE = 0x30,
    SET = 0x31,
    INTEGER = 0x02,
    BIT_STRING = 0x03,
    UTF8_STRING = 0x0c,
    UTC_TIME = 0x17,
    GENERALIZED_TIME = 0x18,
    EXTENSIONS = 0xa3,
};

/* [0] { INTEGER 2 } */
static const uint8_t version_3[] = {0xa0, 0x03, 0x02, 0x01, 0x02};
/* AlgorithmIdentifier { ecdsa-with-SHA256 } */
static const uint8_t ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
/* SubjectPublicKeyInfo { { id-ecPublicKey, prime256v1 }, BIT STRING of 66 bytes, 0 unused bits */
static const uint8_t p256_head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
/* SubjectPublicKeyInfo { { X25519 }, BIT STRING of 33 bytes, 0 unused bits */
static const uint8_t x25519_head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00};
/* Extension { basicConstraints, critical, { } } */
static const uint8_t no_ca[] = {0x30, 0x0c, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x02, 0x30, 0x00};
/* Extension { keyUsage, critical, BIT STRING { digitalSignature } } and { keyAgreement } */
static const uint8_t for_signing[] = {0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01,
                                      0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x07, 0x80};
static const uint8_t for_agreement[] = {0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01,
                                        0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x03, 0x08};
/* Extension { subjectKeyIdentifier, OCTET STRING of 20 bytes */
static const uint8_t own_key_id[] = {0x30, 0x1d, 0x06, 0x03, 0x55, 0x1d, 0x0e, 0x04, 0x16, 0x04, 0x14};
/* Extension { authorityKeyIdentifier, { [0] of 20 bytes */
static const uint8_t ca_key_id[] = {0x30, 0x1f, 0x06, 0x03, 0x55, 0x1d, 0x23, 0x04, 0x18, 0x30, 0x16, 0x80, 0x14};

struct cert_leaf_reader {
    const struct cert_ca *ca;
    struct wire_bytes issuer; /* the CA's subject, DER */
    bool plain_installation;  /* its name is text: no certificate with another one is read here */
    struct wire_hash hash;
    EVP_PKEY_CTX *verifier;
    struct cert_multiples *multiples; /* of the CA's key; NULL: the verifier does it */
    size_t verified;
    EC_GROUP *p256;
    EC_POINT *point;
    BN_CTX *numbers;
};

/* What lies where in a certificate of this form. */
struct leaf {
    struct wire_bytes signed_, serial, issuer, times, subject, key, extensions, signature;
};

struct cert_leaf_reader *cert_leaf_reader_new(const struct cert_ca *ca)
{
    struct cert_leaf_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return NULL;
    const unsigned char *name = NULL;
    size_t size = 0;
    reader->ca = ca;
    if (X509_NAME_get0_der(X509_get_subject_name(ca->x509), &name, &size) == 1)
        reader->issuer = wire_bytes(name, size);
    reader->plain_installation = wire_utf8_text((const uint8_t *)ca->installation, strlen(ca->installation));
    reader->hash = cert_hash_new();
    reader->verifier = EVP_PKEY_CTX_new_from_pkey(NULL, ca->key, NULL);
    reader->p256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    reader->point = reader->p256 == NULL ? NULL : EC_POINT_new(reader->p256);
    reader->numbers = BN_CTX_new();
    if (reader->verifier == NULL || EVP_PKEY_verify_init(reader->verifier) != 1 || reader->point == NULL ||
        reader->numbers == NULL)
        cert_leaf_reader_free(&reader);
    return reader;
}

void cert_leaf_reader_free(struct cert_leaf_reader **reader)
{
    struct cert_leaf_reader *held = *reader;
    if (held == NULL)
        return;
    cert_hash_close(&held->hash);
    EVP_PKEY_CTX_free(held->verifier);
    cert_multiples_free(&held->multiples);
    EC_POINT_free(held->point);
    EC_GROUP_free(held->p256);
    BN_CTX_free(held->numbers);
    free(held);
    *reader = NULL;
}

/* --- DER ---------------------------------------------------------------------------------------------------------- */

/* The next element, which must have this tag and the shortest length: *content, and *whole with its head. */
static bool take_whole(struct wire_bytes *in, uint8_t tag, struct wire_bytes *content, struct wire_bytes *whole)
{
    size_t head = 2, size;
    if (in->size < head || in->data[0] != tag)
        return false;
    size = in->data[1];
    if (size > 0x80) {
        head += size & 0x7f;
        if (head > 4 || in->size < head)
            return false;
        size = head == 3 ? in->data[2] : wire_get_u16(in->data + 2);
        if (size < (head == 3 ? 0x80 : 0x100))
            return false;
    } else if (size == 0x80) {
        return false;
    }
    if (size > in->size - head)
        return false;
    *content = wire_bytes(in->data + head, size);
    *whole = wire_bytes(in->data, head + size);
    *in = wire_bytes(in->data + head + size, in->size - head - size);
    return true;
}

static bool take(struct wire_bytes *in, uint8_t tag, struct wire_bytes *content)
{
    struct wire_bytes whole;
    return take_whole(in, tag, content, &whole);
}

static bool take_bytes(struct wire_bytes *in, size_t size, struct wire_bytes *out)
{
    if (in->size < size)
        return false;
    *out = wire_bytes(in->data, size);
    *in = wire_bytes(in->data + size, in->size - size);
    return true;
}

static bool expect(struct wire_bytes *in, const uint8_t *bytes, size_t size)
{
    struct wire_bytes found;
    return take_bytes(in, size, &found) && memcmp(found.data, bytes, size) == 0;
}

/* The fields in their order; what they hold is for others to see. */
static bool cut(struct wire_bytes der, struct leaf *leaf)
{
    struct wire_bytes certificate, signed_, ignored;
    if (!take(&der, SEQUENCE, &certificate) || der.size != 0 ||
        !take_whole(&certificate, SEQUENCE, &signed_, &leaf->signed_) ||
        !expect(&certificate, ecdsa_sha256, sizeof ecdsa_sha256) || !take(&certificate, BIT_STRING, &leaf->signature) ||
        certificate.size != 0)
        return false;
    return expect(&signed_, version_3, sizeof version_3) && take(&signed_, INTEGER, &leaf->serial) &&
           expect(&signed_, ecdsa_sha256, sizeof ecdsa_sha256) &&
           take_whole(&signed_, SEQUENCE, &ignored, &leaf->issuer) && take(&signed_, SEQUENCE, &leaf->times) &&
           take(&signed_, SEQUENCE, &leaf->subject) && take_whole(&signed_, SEQUENCE, &ignored, &leaf->key) &&
           take(&signed_, EXTENSIONS, &leaf->extensions) && signed_.size == 0;
}

/* --- what they hold ----------------------------------------------------------------------------------------------- */

/* Positive, without a byte too many. */
static bool read_serial(struct wire_bytes serial, uint8_t out[CERT_SERIAL_BYTES])
{
    if (serial.size == 0 || serial.data[0] > 0x7f)
        return false;
    if (serial.size > 1 && serial.data[0] == 0) {
        if (serial.data[1] < 0x80)
            return false;
        serial = wire_bytes(serial.data + 1, serial.size - 1);
    }
    if (serial.size > CERT_SERIAL_BYTES)
        return false;
    memset(out, 0, CERT_SERIAL_BYTES);
    memcpy(out + CERT_SERIAL_BYTES - serial.size, serial.data, serial.size);
    return true;
}

/* UTCTime until 2049, GeneralizedTime after it (RFC 5280 4.1.2.5), in whole seconds, Z. */
static bool read_time(struct wire_bytes *in, int64_t *out_ms)
{
    char digits[] = "20YYMMDDhhmmss", text[WIRE_TIME_TEXT];
    struct wire_bytes time;
    bool century = in->size > 0 && in->data[0] == GENERALIZED_TIME;
    size_t from = century ? 0 : 2, size = sizeof digits - 1 - from;
    if (!take(in, century ? GENERALIZED_TIME : UTC_TIME, &time) || time.size != size + 1 || time.data[size] != 'Z')
        return false;
    memcpy(digits + from, time.data, size);
    if (strspn(digits, "0123456789") != sizeof digits - 1 || (!century && digits[2] >= '5') ||
        memcmp(digits + 8, "23", 2) > 0 || digits[10] > '5' || digits[12] > '5')
        return false;
    int length = snprintf(text, sizeof text, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", digits, digits + 4, digits + 6,
                          digits + 8, digits + 10, digits + 12);
    return wire_time_parse(text, (size_t)length, out_ms);
}

static bool read_times(const struct cert_leaf_reader *reader, struct wire_bytes times, struct cert_subject *subject)
{
    return read_time(&times, &subject->from_ms) && read_time(&times, &subject->until_ms) && times.size == 0 &&
           subject->from_ms >= reader->ca->from_ms && subject->from_ms <= subject->until_ms &&
           subject->until_ms <= reader->ca->until_ms;
}

/* The next of the subject's names: one attribute 2.5.4.`attribute`, a UTF8String. */
static bool take_name(struct wire_bytes *in, uint8_t attribute, char *out, size_t size)
{
    const uint8_t object[] = {0x06, 0x03, 0x55, 0x04, attribute};
    struct wire_bytes set, pair, value;
    if (!take(in, SET, &set) || !take(&set, SEQUENCE, &pair) || set.size != 0 ||
        !expect(&pair, object, sizeof object) || !take(&pair, UTF8_STRING, &value) || pair.size != 0 ||
        value.size >= size || memchr(value.data, 0, value.size) != NULL)
        return false;
    memcpy(out, value.data, value.size);
    out[value.size] = '\0';
    return true;
}

static bool read_names(const struct cert_leaf_reader *reader, struct wire_bytes names, struct cert_subject *subject)
{
    enum { COMMON_NAME = 3, LOCALITY = 7, ORGANIZATION = 10, UNIT = 11 };
    char installation[sizeof reader->ca->installation], role[16], usage[16], adcode[8];
    return take_name(&names, ORGANIZATION, installation, sizeof installation) &&
           take_name(&names, UNIT, role, sizeof role) && take_name(&names, UNIT, usage, sizeof usage) &&
           take_name(&names, LOCALITY, adcode, sizeof adcode) &&
           take_name(&names, COMMON_NAME, subject->name, sizeof subject->name) && names.size == 0 &&
           reader->plain_installation && cert_subject_names(reader->ca, installation, role, usage, adcode, subject);
}

static bool on_curve(struct cert_leaf_reader *reader, const uint8_t point[CERT_POINT_BYTES])
{
    bool is = EC_POINT_oct2point(reader->p256, reader->point, point, CERT_POINT_BYTES, reader->numbers) == 1;
    ERR_clear_error();
    return is;
}

/* Uncompressed only. */
static bool p256_point(struct wire_bytes key, struct wire_bytes *point)
{
    return expect(&key, p256_head, sizeof p256_head) && take_bytes(&key, CERT_POINT_BYTES, point) && key.size == 0 &&
           point->data[0] == POINT_CONVERSION_UNCOMPRESSED;
}

static bool read_key(struct cert_leaf_reader *reader, struct wire_bytes key, struct cert_subject *subject)
{
    struct wire_bytes found;
    if (subject->usage != WIRE__USAGE__USAGE_TRANSPORT)
        return p256_point(key, &found) && on_curve(reader, found.data);
    if (!expect(&key, x25519_head, sizeof x25519_head) || !take_bytes(&key, CERT_CURVE_BYTES, &found) || key.size != 0)
        return false;
    memcpy(subject->curve, found.data, CERT_CURVE_BYTES);
    return true;
}

static bool read_extensions(struct wire_bytes extensions, Wire__Usage usage, struct wire_bytes *key_id)
{
    struct wire_bytes list, id;
    const uint8_t *use = usage == WIRE__USAGE__USAGE_IDENTITY ? for_signing : for_agreement;
    return take(&extensions, SEQUENCE, &list) && extensions.size == 0 && expect(&list, no_ca, sizeof no_ca) &&
           expect(&list, use, sizeof for_signing) && expect(&list, own_key_id, sizeof own_key_id) &&
           take_bytes(&list, CERT_KEY_ID_BYTES, key_id) && expect(&list, ca_key_id, sizeof ca_key_id) &&
           take_bytes(&list, CERT_KEY_ID_BYTES, &id) && list.size == 0;
}

static void digest(const struct cert_leaf_reader *reader, struct wire_bytes bytes, uint8_t out[WIRE_HASH_BYTES])
{
    reader->hash.digest(reader->hash.context, &bytes, 1, out);
}

/* A table takes as long to make as some 600 signatures to verify, half of which each later one spares. */
static void count_verified(struct cert_leaf_reader *reader)
{
    uint8_t point[CERT_POINT_BYTES];
    if (++reader->verified == CERT_LEAF_MANY && cert_multiples_point(reader->ca->key, point))
        reader->multiples = cert_multiples_new(point);
}

static bool signed_by_ca(struct cert_leaf_reader *reader, const struct leaf *leaf)
{
    uint8_t text[WIRE_HASH_BYTES];
    if (leaf->signature.size < 2 || leaf->signature.data[0] != 0 /* unused bits */)
        return false;
    digest(reader, leaf->signed_, text);
    count_verified(reader);
    if (reader->multiples != NULL)
        return cert_multiples_verify(reader->multiples, text,
                                     wire_bytes(leaf->signature.data + 1, leaf->signature.size - 1));
    bool good =
        EVP_PKEY_verify(reader->verifier, leaf->signature.data + 1, leaf->signature.size - 1, text, sizeof text) == 1;
    ERR_clear_error();
    return good;
}

bool cert_leaf_read(struct cert_leaf_reader *reader, struct wire_bytes der, struct cert_subject *subject,
                    uint8_t key[WIRE_HASH_BYTES])
{
    struct leaf leaf;
    struct wire_bytes key_id;
    *subject = (struct cert_subject){.region = 0};
    if (!cut(der, &leaf) || !wire_bytes_equal(leaf.issuer, reader->issuer) ||
        !read_serial(leaf.serial, subject->serial) || !read_times(reader, leaf.times, subject) ||
        !read_names(reader, leaf.subject, subject) || !read_key(reader, leaf.key, subject) ||
        !read_extensions(leaf.extensions, subject->usage, &key_id) || !signed_by_ca(reader, &leaf))
        return false;
    digest(reader, der, subject->digest);
    digest(reader, leaf.key, key);
    return true;
}

/* --- its key ------------------------------------------------------------------------------------------------------ */

bool cert_leaf_agreement(struct wire_bytes der, struct wire_bytes *point, struct wire_bytes *key_id)
{
    struct leaf leaf;
    return cut(der, &leaf) && p256_point(leaf.key, point) &&
           read_extensions(leaf.extensions, WIRE__USAGE__USAGE_SEAL, key_id);
}

static EVP_PKEY *key_of_point(struct wire_bytes point)
{
    char group[] = "prime256v1";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group - 1),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point.data, point.size),
        OSSL_PARAM_construct_end()};
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (maker == NULL || EVP_PKEY_fromdata_init(maker) != 1 ||
        EVP_PKEY_fromdata(maker, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(maker);
    ERR_clear_error();
    return key;
}

EVP_PKEY *cert_leaf_key(struct wire_bytes der)
{
    struct leaf leaf;
    struct wire_bytes point;
    if (cut(der, &leaf) && p256_point(leaf.key, &point))
        return key_of_point(point);
    X509 *x509 = cert_x509_parse(der);
    EVP_PKEY *key = x509 == NULL ? NULL : X509_get_pubkey(x509);
    X509_free(x509);
    if (key != NULL && !cert_key_is_p256(key)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}
