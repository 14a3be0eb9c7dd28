/* The one form that a key box of ours has, 310 bytes of CMS, written and read without OpenSSL's CMS, which takes twice
 * as long: half of its time goes into looking for algorithms and into checks of a key that was just made.
 *
 * The curve, the derivation (X9.63, SHA-256), the key wrap (RFC 3394) and AES-256-GCM are OpenSSL's all the same.
 * Between CMS and this there is no difference that a reader of either could see (tests/unit/certs/seal.c: each opens
 * what the other made); a box of another form is not read here. Only certs/ includes this. */
#pragma once
#include "certs/seal.h"
#include <openssl/evp.h>

enum { CERT_BOX_BYTES = 310 };

/* `certificate`: DER, of a seal certificate that was checked before. false: it has another form than our CA's
 * (certs/leaf.h), or no memory. */
bool cert_box_write(struct wire_bytes certificate, const uint8_t key[CERT_KEY_BYTES], uint8_t out[CERT_BOX_BYTES]);
/* `own`: the private key of the certificate. false: not such a box, or it does not open; `key` is zeros then. */
bool cert_box_read(struct wire_bytes certificate, const EVP_PKEY *own, struct wire_bytes box,
                   uint8_t key[CERT_KEY_BYTES]);
