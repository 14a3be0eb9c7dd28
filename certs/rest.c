#include "certs/rest.h"
#include "certs/gcm.h"
#include "certs/hash.h"
#include "wire/ensure.h"
#include <stdlib.h>

struct cert_rest {
    struct cert_gcm gcm;
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

enum wire_status cert_rest_seal(struct cert_rest *rest, const uint8_t day_key[CERT_DAY_KEY_BYTES],
                                struct wire_bytes row_key, struct wire_bytes plain, uint8_t *out)
{
    cert_random(out, CERT_REST_NONCE_BYTES);
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
