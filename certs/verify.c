#include "certs/verify.h"
#include "certs/held.h"
#include "wire/ensure.h"
#include "wire/region.h"
#include <openssl/err.h>

static EVP_PKEY_CTX *verifier_of(struct cert_held *held)
{
    if (held->verifier == NULL) {
        EVP_PKEY *key = cert_leaf_key(held->entry.certificate);
        ENSURE(key != NULL);
        held->verifier = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL); /* has its own reference */
        ENSURE(held->verifier != NULL && EVP_PKEY_verify_init(held->verifier) == 1);
        EVP_PKEY_free(key);
    }
    return held->verifier;
}

/* The signer, if it is an identity certificate of that holder and valid then. */
static enum wire_status find_signer(const struct cert_directory *directory, const uint8_t signer[WIRE_HASH_BYTES],
                                    Wire__Role role, uint32_t region, int64_t at_ms, struct cert_held **held)
{
    const struct cert_entry *entry = cert_directory_find(directory, signer);
    if (entry == NULL)
        return WIRE_UNKNOWN_SIGNER;
    const struct cert_subject *subject = &entry->subject;
    if (subject->usage != WIRE__USAGE__USAGE_IDENTITY || subject->role != role || subject->region != region)
        return WIRE_FOREIGN_ORIGIN;
    *held = (struct cert_held *)(uintptr_t)entry;
    return at_ms == CERT_ANY_TIME ? WIRE_OK : cert_entry_at(entry, at_ms);
}

static enum wire_status check_signature(struct cert_directory *directory, struct cert_held *held, const void *text,
                                        size_t size, struct wire_bytes signature)
{
    uint8_t digest[WIRE_HASH_BYTES];
    ENSURE(EVP_Digest(text, size, digest, NULL, directory->sha256, NULL) == 1);
    struct cert_multiples *multiples = cert_often_seen(&directory->often, held);
    if (multiples != NULL)
        return cert_multiples_verify(multiples, digest, signature) ? WIRE_OK : WIRE_BAD_SIGNATURE;
    int result = EVP_PKEY_verify(verifier_of(held), signature.data, signature.size, digest, sizeof digest);
    if (result == 1)
        return WIRE_OK;
    ERR_clear_error(); /* a signature that is no DER leaves errors behind */
    return WIRE_BAD_SIGNATURE;
}

enum wire_status cert_verify_text(struct cert_directory *directory, const uint8_t signer[WIRE_HASH_BYTES],
                                  Wire__Role role, uint32_t region, const void *text, size_t size,
                                  struct wire_bytes signature, int64_t at_ms)
{
    struct cert_held *held = NULL;
    enum wire_status status = find_signer(directory, signer, role, region, at_ms, &held);
    return status == WIRE_OK ? check_signature(directory, held, text, size, signature) : status;
}

void cert_verify_expect(struct cert_directory *directory, uint32_t region, int64_t at_ms)
{
    enum { FEW = 4 * CERT_OFTEN_PLACES }; /* a node has three certificates: there is a place for each */
    const struct cert_entry *entry = cert_directory_current(directory, region, WIRE__USAGE__USAGE_IDENTITY, at_ms);
    if (entry != NULL && directory->count <= FEW)
        cert_often_expect(&directory->often, (struct cert_held *)(uintptr_t)entry);
}

void cert_verify_expected(struct cert_directory *directory)
{
    cert_often_wait(&directory->often);
}

enum wire_status cert_verify_batch(struct cert_directory *directory, const Wire__BatchSeal *seal, int64_t at_ms)
{
    if (seal->suite != WIRE_SUITE_P256)
        return WIRE_WRONG_SUITE;
    if (seal->signer.len != WIRE_HASH_BYTES || seal->root.len != WIRE_HASH_BYTES ||
        seal->store_id.len != WIRE_ID_BYTES || seal->mechanism == NULL ||
        strlen(seal->mechanism) > WIRE_MECHANISM_BYTES_MAX)
        return WIRE_BAD_FRAME;
    uint8_t text[WIRE_SIGNED_TEXT_MAX];
    size_t size = wire_batch_signed_text(seal, directory->ca.domain, text);
    Wire__Role role = seal->origin == WIRE_REGION_BROKER ? WIRE__ROLE__ROLE_BROKER : WIRE__ROLE__ROLE_NODE;
    return cert_verify_text(directory, seal->signer.data, role, seal->origin, text, size,
                            wire_bytes(seal->signature.data, seal->signature.len), at_ms);
}

static bool same_root(const struct cert_root *known, const Wire__Signed *signed_, const struct wire_digest *root)
{
    return known->signature_size != 0 && known->signature_size == signed_->signature.len &&
           known->suite == signed_->suite && known->count == signed_->count &&
           memcmp(known->root, root->bytes, WIRE_HASH_BYTES) == 0 &&
           memcmp(known->signer, signed_->signer.data, WIRE_HASH_BYTES) == 0 &&
           memcmp(known->signature, signed_->signature.data, known->signature_size) == 0;
}

static void remember_root(struct cert_root *known, const Wire__Signed *signed_, const struct wire_digest *root)
{
    *known =
        (struct cert_root){.signature_size = signed_->signature.len, .count = signed_->count, .suite = signed_->suite};
    memcpy(known->root, root->bytes, WIRE_HASH_BYTES);
    memcpy(known->signer, signed_->signer.data, WIRE_HASH_BYTES);
    memcpy(known->signature, signed_->signature.data, signed_->signature.len);
}

enum wire_status cert_verify_signed(struct cert_directory *directory, const struct wire_hash *hash,
                                    const Wire__Signed *signed_, Wire__Role role, uint32_t region, int64_t at_ms)
{
    if (signed_->suite != WIRE_SUITE_P256)
        return WIRE_WRONG_SUITE;
    if (signed_->signer.len != WIRE_HASH_BYTES || signed_->signature.len == 0 ||
        signed_->signature.len > WIRE_SIGNATURE_BYTES_MAX)
        return WIRE_BAD_FRAME;
    struct wire_digest root;
    struct cert_held *held = NULL;
    enum wire_status status = wire_signed_root(hash, signed_, &root);
    if (status == WIRE_OK)
        status = find_signer(directory, signed_->signer.data, role, region, at_ms, &held);
    struct cert_root *known = &directory->root[root.bytes[0] % CERT_ROOTS_REMEMBERED];
    if (status != WIRE_OK || same_root(known, signed_, &root))
        return status;
    uint8_t text[WIRE_SIGNED_TEXT_MAX];
    size_t size = wire_statements_signed_text(signed_->suite, directory->ca.domain, signed_->signer.data,
                                              signed_->count, root.bytes, text);
    status = check_signature(directory, held, text, size, wire_bytes(signed_->signature.data, signed_->signature.len));
    if (status == WIRE_OK)
        remember_root(known, signed_, &root);
    return status;
}
