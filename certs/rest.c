#include "certs/rest.h"
#include "certs/gcm.h"
#include "certs/hash.h"
#include "wire/ensure.h"
#include <stdlib.h>

enum { NONCES = 64 }; /* drawn at once: a call of the generator costs as much as the encryption of a small row */

struct cert_rest {
    struct cert_gcm gcm;
    uint8_t nonce[NONCES][CERT_REST_NONCE_BYTES];
    size_t nonces; /* not used yet: the last of them */
};

struct cert_rest *cert_rest_new(void)
{
    struct cert_rest *rest = calloc(1, sizeof *rest);
    ENSURE(rest != NULL);
    cert_gcm_init(&rest->gcm);
    return rest;
}

void cert_rest_free(struct cert_rest **rest)
{
    if (*rest == NULL)
        return;
    cert_gcm_close(&(*rest)->gcm);
    free(*rest);
    *rest = NULL;
}

static const uint8_t *next_nonce(struct cert_rest *rest)
{
    if (rest->nonces == 0) {
        cert_random(rest->nonce, sizeof rest->nonce);
        rest->nonces = NONCES;
    }
    return rest->nonce[--rest->nonces];
}

enum wire_status cert_rest_seal(struct cert_rest *rest, const uint8_t day_key[CERT_DAY_KEY_BYTES],
                                struct wire_bytes row_key, struct wire_bytes plain, uint8_t *out)
{
    memcpy(out, next_nonce(rest), CERT_REST_NONCE_BYTES);
    return cert_gcm_seal(&rest->gcm, day_key, out, row_key, plain, out + CERT_REST_NONCE_BYTES) ? WIRE_OK : WIRE_CRYPTO;
}

enum wire_status cert_rest_open(struct cert_rest *rest, const uint8_t day_key[CERT_DAY_KEY_BYTES],
                                struct wire_bytes row_key, struct wire_bytes sealed, uint8_t *out)
{
    if (sealed.size < CERT_REST_OVERHEAD)
        return WIRE_DAMAGED;
    struct wire_bytes body = wire_bytes(sealed.data + CERT_REST_NONCE_BYTES, sealed.size - CERT_REST_NONCE_BYTES);
    return cert_gcm_open(&rest->gcm, day_key, sealed.data, row_key, body, out) ? WIRE_OK : WIRE_DAMAGED;
}
