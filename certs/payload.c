/* Sealed payloads: one key each, from the box key and the envelope's id. */
#include "certs/gcm.h"
#include "certs/hash.h"
#include "certs/seal.h"
#include "wire/ensure.h"
#include <openssl/crypto.h>
#include <stdlib.h>

static const char info_prefix[] = "lianfang payload v1";
static const uint8_t zero_nonce[12]; /* certs/seal.h says why it may be fixed */

struct cert_payload {
    struct cert_gcm gcm;
    struct wire_hash hash;
};

struct cert_payload *cert_payload_new(void)
{
    struct cert_payload *payload = calloc(1, sizeof *payload);
    ENSURE(payload != NULL);
    cert_gcm_init(&payload->gcm);
    payload->hash = cert_hash_new();
    return payload;
}

void cert_payload_free(struct cert_payload **payload)
{
    struct cert_payload *held = *payload;
    if (held == NULL)
        return;
    cert_gcm_close(&held->gcm);
    cert_hash_close(&held->hash);
    free(held);
    *payload = NULL;
}

/* HKDF-SHA-256 (RFC 5869) without salt, one block of output. OpenSSL's own fetches three algorithms for each key: 3 µs,
 * this 0.6. */
static void derive(struct cert_payload *payload, const uint8_t box_key[CERT_KEY_BYTES], const uint8_t id[WIRE_ID_BYTES],
                   uint8_t key[CERT_KEY_BYTES])
{
    static const uint8_t no_salt[WIRE_HASH_BYTES];
    uint8_t info[sizeof info_prefix - 1 + WIRE_ID_BYTES + 1], extracted[WIRE_HASH_BYTES];
    memcpy(info, info_prefix, sizeof info_prefix - 1);
    memcpy(info + sizeof info_prefix - 1, id, WIRE_ID_BYTES);
    info[sizeof info - 1] = 1; /* the number of the block */
    cert_hmac_by(&payload->hash, wire_bytes(no_salt, sizeof no_salt), wire_bytes(box_key, CERT_KEY_BYTES), extracted);
    cert_hmac_by(&payload->hash, wire_bytes(extracted, sizeof extracted), wire_bytes(info, sizeof info), key);
    OPENSSL_cleanse(extracted, sizeof extracted);
}

enum wire_status cert_payload_seal(struct cert_payload *payload, const uint8_t box_key[CERT_KEY_BYTES],
                                   const uint8_t id[WIRE_ID_BYTES], struct wire_bytes aad, struct wire_bytes plain,
                                   uint8_t *out)
{
    uint8_t key[CERT_KEY_BYTES];
    derive(payload, box_key, id, key);
    bool done = cert_gcm_seal(&payload->gcm, key, zero_nonce, aad, plain, out);
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
    derive(payload, box_key, id, key);
    bool done = cert_gcm_open(&payload->gcm, key, zero_nonce, aad, sealed, out);
    OPENSSL_cleanse(key, sizeof key);
    return done ? WIRE_OK : WIRE_CANNOT_OPEN;
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
