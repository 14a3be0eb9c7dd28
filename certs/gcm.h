/* AES-256-GCM with contexts that live between calls. Only certs/ includes this. */
#pragma once
#include "wire/bytes.h"
#include <openssl/evp.h>

struct cert_gcm {
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *seal, *open;
};

void cert_gcm_init(struct cert_gcm *gcm); /* aborts if OpenSSL lacks it */
void cert_gcm_close(struct cert_gcm *gcm);
/* out: plain.size bytes of ciphertext, may be plain.data; then 16 of tag. */
bool cert_gcm_seal(struct cert_gcm *gcm, const uint8_t key[32], const uint8_t nonce[12], struct wire_bytes associated,
                   struct wire_bytes plain, uint8_t *out);
/* sealed: ciphertext ‖ tag 16. out: sealed.size - 16 bytes, may be sealed.data; zeros when it returns false. */
bool cert_gcm_open(struct cert_gcm *gcm, const uint8_t key[32], const uint8_t nonce[12], struct wire_bytes associated,
                   struct wire_bytes sealed, uint8_t *out);
