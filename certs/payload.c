/* Sealed payloads: one key each, from the box key and the envelope's id. */
#include "certs/gcm.h"
#include "certs/seal.h"
#include "wire/ensure.h"
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <stdlib.h>

static const char info_prefix[] = "lianfang payload v1";
static const uint8_t zero_nonce[12]; /* certs/seal.h says why it may be fixed */

struct cert_payload {
    struct cert_gcm gcm;
    EVP_KDF *kdf;
    EVP_KDF_CTX *derive;
};

struct cert_payload *cert_payload_new(void)
{
    struct cert_payload *payload = calloc(1, sizeof *payload);
    ENSURE(payload != NULL);
    cert_gcm_init(&payload->gcm);
    payload->kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    payload->derive = EVP_KDF_CTX_new(payload->kdf);
    char sha256[] = "SHA256";
    OSSL_PARAM digest[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, sha256, 0),
                           OSSL_PARAM_construct_end()};
    ENSURE(payload->derive != NULL && EVP_KDF_CTX_set_params(payload->derive, digest) == 1);
    return payload;
}

void cert_payload_free(struct cert_payload **payload)
{
    struct cert_payload *held = *payload;
    if (held == NULL)
        return;
    cert_gcm_close(&held->gcm);
    EVP_KDF_CTX_free(held->derive); /* clears the last key */
    EVP_KDF_free(held->kdf);
    free(held);
    *payload = NULL;
}

static bool derive(struct cert_payload *payload, const uint8_t box_key[CERT_KEY_BYTES], const uint8_t id[WIRE_ID_BYTES],
                   uint8_t key[CERT_KEY_BYTES])
{
    uint8_t info[sizeof info_prefix - 1 + WIRE_ID_BYTES];
    memcpy(info, info_prefix, sizeof info_prefix - 1);
    memcpy(info + sizeof info_prefix - 1, id, WIRE_ID_BYTES);
    OSSL_PARAM inputs[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)box_key, CERT_KEY_BYTES),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, sizeof info),
        OSSL_PARAM_construct_end(),
    };
    bool done = EVP_KDF_derive(payload->derive, key, CERT_KEY_BYTES, inputs) == 1;
    ERR_clear_error();
    return done;
}

enum wire_status cert_payload_seal(struct cert_payload *payload, const uint8_t box_key[CERT_KEY_BYTES],
                                   const uint8_t id[WIRE_ID_BYTES], struct wire_bytes aad, struct wire_bytes plain,
                                   uint8_t *out)
{
    uint8_t key[CERT_KEY_BYTES];
    bool done = derive(payload, box_key, id, key) && cert_gcm_seal(&payload->gcm, key, zero_nonce, aad, plain, out);
    OPENSSL_cleanse(key, sizeof key);
    return done ? WIRE_OK : WIRE_CRYPTO;
}

enum wire_status cert_payload_open(struct cert_payload *payload, const uint8_t box_key[CERT_KEY_BYTES],
                                   const uint8_t id[WIRE_ID_BYTES], struct wire_bytes aad, struct wire_bytes sealed,
                                   uint8_t *out)
{
    uint8_t key[CERT_KEY_BYTES];
    if (sealed.size < CERT_TAG_BYTES)
        return WIRE_CANNOT_OPEN;
    bool derived = derive(payload, box_key, id, key);
    bool done = derived && cert_gcm_open(&payload->gcm, key, zero_nonce, aad, sealed, out);
    OPENSSL_cleanse(key, sizeof key);
    return done ? WIRE_OK : derived ? WIRE_CANNOT_OPEN : WIRE_CRYPTO;
}

size_t cert_payload_aad(const Wire__Header *header, uint8_t out[CERT_PAYLOAD_AAD_MAX])
{
    size_t mechanism = header->mechanism == NULL ? 0 : strlen(header->mechanism);
    if (header->id.len != WIRE_ID_BYTES || mechanism == 0 || mechanism > WIRE_MECHANISM_BYTES_MAX)
        return 0;
    uint8_t *at = wire_put_u32(out, header->version);
    memcpy(at, header->id.data, WIRE_ID_BYTES);
    at = wire_put_u32(at + WIRE_ID_BYTES, header->origin);
    *at++ = (uint8_t)mechanism;
    memcpy(at, header->mechanism, mechanism);
    at = wire_put_u32(at + mechanism, header->kind);
    at = wire_put_u32(at, header->n_concerns == 1 ? header->concerns[0] : 0);
    *at++ = (uint8_t)header->status;
    return (size_t)(at - out);
}
