#include "support/leaves.h"
#include "certs/file.h"
#include "certs/hash.h"
#include "wire/ensure.h"
#include <openssl/err.h>

void leaves_open(struct leaves *leaves, const struct zoo *zoo)
{
    char path[ZOO_PATH_MAX];
    struct cert_file file;
    *leaves = (struct leaves){.key = NULL};
    ENSURE(cert_file_read(zoo_path(zoo, "ca/ca.pem", path), false, &file, NULL) == WIRE_OK);
    ENSURE(cert_ca_open(&leaves->ca, wire_bytes(file.data, file.size), NULL, "ca", NULL) == WIRE_OK);
    cert_file_close(&file);
    ENSURE(cert_file_read(zoo_path(zoo, "ca/ca.key", path), true, &file, NULL) == WIRE_OK);
    leaves->key = cert_key_parse(wire_bytes(file.data, file.size), NULL);
    cert_file_close(&file);
    leaves->reader = cert_leaf_reader_new(&leaves->ca);
    ENSURE(leaves->key != NULL && leaves->reader != NULL);
}

void leaves_close(struct leaves *leaves)
{
    cert_leaf_reader_free(&leaves->reader);
    EVP_PKEY_free(leaves->key);
    cert_ca_close(&leaves->ca);
}

static struct wire_bytes long_content(struct wire_bytes in)
{
    ENSURE(in.size > LEAVES_HEAD && in.data[0] == 0x30 && in.data[1] == 0x82);
    return wire_bytes(in.data + LEAVES_HEAD, wire_get_u16(in.data + 2));
}

struct wire_bytes leaves_signed_part(struct wire_bytes der)
{
    struct wire_bytes inside = long_content(der);
    return wire_bytes(inside.data, LEAVES_HEAD + long_content(inside).size);
}

size_t leaves_sign(const struct leaves *leaves, struct wire_bytes part, uint8_t out[LEAVES_BYTES_MAX])
{
    static const uint8_t ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    uint8_t signature[80];
    size_t size = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ENSURE(context != NULL && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, leaves->key) == 1 &&
           EVP_DigestSign(context, signature, &size, part.data, part.size) == 1);
    EVP_MD_CTX_free(context);
    size_t inside = part.size + sizeof ecdsa_sha256 + 3 + size;
    ENSURE(inside > 0xff && inside <= 0xffff && LEAVES_HEAD + inside <= LEAVES_BYTES_MAX);
    uint8_t *at = out;
    *at++ = 0x30;
    *at++ = 0x82;
    at = wire_put_u16(at, (uint16_t)inside);
    memcpy(at, part.data, part.size);
    memcpy(at + part.size, ecdsa_sha256, sizeof ecdsa_sha256);
    at += part.size + sizeof ecdsa_sha256;
    *at++ = 0x03;
    *at++ = (uint8_t)(size + 1);
    *at++ = 0;
    memcpy(at, signature, size);
    return LEAVES_HEAD + inside;
}

static void same_key(X509 *x509, const uint8_t key[WIRE_HASH_BYTES])
{
    uint8_t digest[WIRE_HASH_BYTES];
    unsigned char *spki = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki);
    ENSURE(size > 0);
    cert_sha256(spki, (size_t)size, digest);
    OPENSSL_free(spki);
    ENSURE(memcmp(digest, key, sizeof digest) == 0);
}

static void same_certificate(X509 *x509, struct wire_bytes der)
{
    size_t size;
    uint8_t *bytes = cert_x509_der(x509, &size);
    ENSURE(bytes != NULL && wire_bytes_equal(wire_bytes(bytes, size), der));
    OPENSSL_free(bytes);
    EVP_PKEY *key = cert_leaf_key(der), *public_key = X509_get0_pubkey(x509);
    ENSURE((key != NULL) == cert_key_is_p256(public_key));
    ENSURE(key == NULL || EVP_PKEY_eq(key, public_key) == 1);
    EVP_PKEY_free(key);
}

static void same_subject(const struct cert_subject *a, const struct cert_subject *b)
{
    ENSURE(memcmp(a->digest, b->digest, sizeof a->digest) == 0);
    ENSURE(a->role == b->role && a->usage == b->usage && a->region == b->region && strcmp(a->name, b->name) == 0);
    ENSURE(memcmp(a->serial, b->serial, sizeof a->serial) == 0);
    ENSURE(a->from_ms == b->from_ms && a->until_ms == b->until_ms);
    ENSURE(memcmp(a->curve, b->curve, sizeof a->curve) == 0);
}

bool leaves_compare(struct leaves *leaves, struct wire_bytes der)
{
    struct cert_subject read, checked;
    uint8_t key[WIRE_HASH_BYTES];
    ERR_clear_error();
    bool taken = cert_leaf_read(leaves->reader, der, &read, key);
    ENSURE(ERR_peek_error() == 0);
    if (!taken)
        return false;
    X509 *x509 = cert_x509_parse(der);
    ENSURE(x509 != NULL && cert_ca_check(&leaves->ca, x509, "leaf", &checked, NULL) == WIRE_OK);
    same_subject(&read, &checked);
    same_key(x509, key);
    same_certificate(x509, der);
    X509_free(x509);
    return true;
}
