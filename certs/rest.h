/* Encryption at rest: a run of payload bytes under the key of its keep-until day. One run a day and batch: the caller
 * joins payloads before. Overwriting a day's key erases all runs under it.
 *
 *   sealed = nonce 12 (random) ‖ AES-256-GCM ciphertext ‖ tag 16, associated data = the key of the row it is stored in
 *
 * so that a run moved to another row does not open. Random 96-bit nonces are safe for 2^32 runs a key; a day has fewer.
 */
#pragma once
#include "wire/bytes.h"
#include "wire/status.h"

enum { CERT_DAY_KEY_BYTES = 32, CERT_REST_NONCE_BYTES = 12, CERT_REST_OVERHEAD = 12 + 16 };

/* Contexts kept between calls. One per thread. */
struct cert_rest;
struct cert_rest *cert_rest_new(void); /* aborts if OpenSSL lacks the algorithms */
void cert_rest_free(struct cert_rest **rest);

/* out: plain.size + CERT_REST_OVERHEAD. In place: plain.data == out + CERT_REST_NONCE_BYTES. CRYPTO. */
enum wire_status cert_rest_seal(struct cert_rest *rest, const uint8_t day_key[CERT_DAY_KEY_BYTES],
                                struct wire_bytes row_key, struct wire_bytes plain, uint8_t *out);
/* out: sealed.size - CERT_REST_OVERHEAD. In place: out == sealed.data + CERT_REST_NONCE_BYTES. DAMAGED: too short, or
 * key, row or bytes are not those it was sealed with; `out` is zeros then. */
enum wire_status cert_rest_open(struct cert_rest *rest, const uint8_t day_key[CERT_DAY_KEY_BYTES],
                                struct wire_bytes row_key, struct wire_bytes sealed, uint8_t *out);
