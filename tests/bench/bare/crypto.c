#include "bare/bare.h"

#include "common/plan.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>

struct bare_hash {
    EVP_MD *sha256;
    EVP_MD_CTX *context;
};

struct bare_key {
    EVP_PKEY *key;
    EVP_PKEY_CTX *signer, *verifier;
};

struct bare_hash *bare_hash_new(void)
{
    struct bare_hash *hash = calloc(1, sizeof(*hash));
    if (hash == NULL)
        plan_void("no memory");
    hash->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    hash->context = EVP_MD_CTX_new();
    if (hash->sha256 == NULL || hash->context == NULL)
        plan_void("OpenSSL");
    return hash;
}

void bare_hash_free(struct bare_hash **hash)
{
    EVP_MD_CTX_free((*hash)->context);
    EVP_MD_free((*hash)->sha256);
    free(*hash);
    *hash = NULL;
}

void bare_hash_one(struct bare_hash *hash, const void *data, size_t size, uint8_t out[BARE_HASH_BYTES])
{
    if (EVP_DigestInit_ex2(hash->context, hash->sha256, NULL) != 1 ||
        EVP_DigestUpdate(hash->context, data, size) != 1 || EVP_DigestFinal_ex(hash->context, out, NULL) != 1)
        plan_void("OpenSSL");
}

void bare_root(struct bare_hash *hash, const uint8_t *messages, uint32_t count, size_t size,
               uint8_t out[BARE_HASH_BYTES])
{
    uint8_t leaf[BARE_BATCH_MESSAGES_MAX][BARE_HASH_BYTES];
    for (uint32_t i = 0; i < count; i++)
        bare_hash_one(hash, messages + i * size, size, leaf[i]);
    bare_hash_one(hash, leaf, count * sizeof(leaf[0]), out);
}

static struct bare_key *key_of(EVP_PKEY *pkey)
{
    struct bare_key *key = calloc(1, sizeof(*key));
    if (key == NULL || pkey == NULL)
        plan_void("OpenSSL");
    key->key = pkey;
    key->signer = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    key->verifier = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (EVP_PKEY_verify_init(key->verifier) != 1)
        plan_void("OpenSSL");
    return key;
}

struct bare_key *bare_key_make(void)
{
    struct bare_key *key = key_of(EVP_EC_gen("P-256"));
    if (EVP_PKEY_sign_init(key->signer) != 1)
        plan_void("OpenSSL");
    return key;
}

struct bare_key *bare_key_read(const uint8_t *der, size_t size)
{
    const unsigned char *at = der;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)size);
    return pkey == NULL ? NULL : key_of(pkey);
}

size_t bare_key_write(const struct bare_key *key, uint8_t *der, size_t max)
{
    unsigned char *at = der;
    int size = i2d_PUBKEY(key->key, NULL);
    if (size <= 0 || (size_t)size > max)
        plan_void("OpenSSL");
    return (size_t)i2d_PUBKEY(key->key, &at);
}

void bare_key_free(struct bare_key **key)
{
    if (*key == NULL)
        return;
    EVP_PKEY_CTX_free((*key)->signer);
    EVP_PKEY_CTX_free((*key)->verifier);
    EVP_PKEY_free((*key)->key);
    free(*key);
    *key = NULL;
}

void bare_sign(struct bare_key *key, const uint8_t root[BARE_HASH_BYTES], struct bare_head *head)
{
    size_t size = sizeof(head->signature);
    if (EVP_PKEY_sign(key->signer, head->signature, &size, root, BARE_HASH_BYTES) != 1)
        plan_void("OpenSSL");
    head->signature_size = (uint32_t)size;
}

int bare_verify(struct bare_key *key, const uint8_t root[BARE_HASH_BYTES], const struct bare_head *head)
{
    return head->signature_size <= sizeof(head->signature) &&
           EVP_PKEY_verify(key->verifier, head->signature, head->signature_size, root, BARE_HASH_BYTES) == 1;
}
