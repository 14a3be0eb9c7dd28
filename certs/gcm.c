#include "certs/gcm.h"
#include "wire/ensure.h"
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

enum { TAG_BYTES = 16 };

void cert_gcm_init(struct cert_gcm *gcm)
{
    *gcm = (struct cert_gcm){.cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL),
                             .seal = EVP_CIPHER_CTX_new(),
                             .open = EVP_CIPHER_CTX_new()};
    ENSURE(gcm->cipher != NULL && gcm->seal != NULL && gcm->open != NULL);
    ENSURE(EVP_EncryptInit_ex2(gcm->seal, gcm->cipher, NULL, NULL, NULL) == 1);
    ENSURE(EVP_DecryptInit_ex2(gcm->open, gcm->cipher, NULL, NULL, NULL) == 1);
}

void cert_gcm_close(struct cert_gcm *gcm)
{
    EVP_CIPHER_CTX_free(gcm->seal); /* both clear their key schedules */
    EVP_CIPHER_CTX_free(gcm->open);
    EVP_CIPHER_free(gcm->cipher);
    *gcm = (struct cert_gcm){.cipher = NULL};
}

bool cert_gcm_seal(struct cert_gcm *gcm, const uint8_t key[32], const uint8_t nonce[12], struct wire_bytes associated,
                   struct wire_bytes plain, uint8_t *out)
{
    ENSURE(plain.size <= INT_MAX - TAG_BYTES && associated.size <= INT_MAX);
    EVP_CIPHER_CTX *context = gcm->seal;
    int written = 0, rest = 0;
    bool done = EVP_EncryptInit_ex2(context, NULL, key, nonce, NULL) == 1 &&
                EVP_EncryptUpdate(context, NULL, &written, associated.data, (int)associated.size) == 1 &&
                EVP_EncryptUpdate(context, out, &written, plain.data, (int)plain.size) == 1 &&
                EVP_EncryptFinal_ex(context, out + plain.size, &rest) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, out + plain.size) == 1;
    ERR_clear_error();
    return done;
}

bool cert_gcm_open(struct cert_gcm *gcm, const uint8_t key[32], const uint8_t nonce[12], struct wire_bytes associated,
                   struct wire_bytes sealed, uint8_t *out)
{
    ENSURE(sealed.size <= INT_MAX && associated.size <= INT_MAX);
    if (sealed.size < TAG_BYTES)
        return false;
    EVP_CIPHER_CTX *context = gcm->open;
    size_t size = sealed.size - TAG_BYTES;
    uint8_t tag[TAG_BYTES], nothing[TAG_BYTES];
    memcpy(tag, sealed.data + size, TAG_BYTES);
    int written = 0, rest = 0;
    bool done = EVP_DecryptInit_ex2(context, NULL, key, nonce, NULL) == 1 &&
                EVP_DecryptUpdate(context, NULL, &written, associated.data, (int)associated.size) == 1 &&
                EVP_DecryptUpdate(context, out, &written, sealed.data, (int)size) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
                EVP_DecryptFinal_ex(context, nothing, &rest) == 1;
    ERR_clear_error();
    if (!done && size > 0)
        OPENSSL_cleanse(out, size); /* nobody gets to see what was not authentic */
    return done;
}
