/* Key boxes: 32 bytes in a CMS AuthEnvelopedData to a seal certificate. Boxes and certificates of another form than our
 * own are left to OpenSSL's CMS. */
#include "certs/box_form.h"
#include "certs/held.h"
#include "certs/seal.h"
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

enum { BOX_BYTES_MAX = 4096 }; /* a box of ours has about 400 */

/* OpenSSL 3.0 would derive with SHA-1 if it were not told. The recipient is named by key id: 100 bytes less than by
 * issuer. */
static bool add_recipient(CMS_ContentInfo *cms, X509 *to)
{
    CMS_RecipientInfo *recipient = CMS_add1_recipient_cert(cms, to, CMS_USE_KEYID | CMS_KEY_PARAM);
    EVP_PKEY_CTX *agreement = recipient == NULL ? NULL : CMS_RecipientInfo_get0_pkey_ctx(recipient);
    return agreement != NULL && EVP_PKEY_CTX_set_ecdh_kdf_md(agreement, EVP_sha256()) > 0;
}

static CMS_ContentInfo *enclose(X509 *to, const uint8_t key[CERT_KEY_BYTES])
{
    CMS_ContentInfo *cms = CMS_AuthEnvelopedData_create(EVP_aes_256_gcm());
    BIO *content = BIO_new_mem_buf(key, CERT_KEY_BYTES);
    bool done = cms != NULL && content != NULL && CMS_set_detached(cms, 0) == 1 && add_recipient(cms, to) &&
                CMS_final(cms, content, NULL, CMS_BINARY) == 1;
    BIO_free(content);
    if (done)
        return cms;
    CMS_ContentInfo_free(cms);
    return NULL;
}

static X509 *certificate_of(const struct cert_entry *to)
{
    struct cert_held *held = (struct cert_held *)(uintptr_t)to;
    if (held->x509 == NULL)
        held->x509 = cert_x509_parse(to->certificate);
    return held->x509;
}

enum wire_status cert_box_seal(const struct cert_entry *to, const uint8_t key[CERT_KEY_BYTES], struct wire_arena *arena,
                               struct wire_bytes *cms)
{
    *cms = wire_bytes(NULL, 0);
    if (to->subject.usage != WIRE__USAGE__USAGE_SEAL)
        return WIRE_INVALID;
    uint8_t written[CERT_BOX_BYTES];
    if (cert_box_write(to->certificate, key, written)) {
        *cms = wire_bytes(wire_arena_copy(arena, written, sizeof written), sizeof written);
        return cms->data == NULL ? WIRE_NO_MEMORY : WIRE_OK;
    }
    X509 *certificate = certificate_of(to);
    ERR_clear_error();
    CMS_ContentInfo *box = certificate == NULL ? NULL : enclose(certificate, key);
    unsigned char *der = NULL;
    int size = box == NULL ? -1 : i2d_CMS_ContentInfo(box, &der);
    CMS_ContentInfo_free(box);
    ERR_clear_error();
    if (size <= 0)
        return WIRE_CRYPTO;
    *cms = wire_bytes(wire_arena_copy(arena, der, (size_t)size), (size_t)size);
    OPENSSL_free(der);
    return cms->data == NULL ? WIRE_NO_MEMORY : WIRE_OK;
}

static const struct cert_pair *seal_pair(const struct cert_identity *identity, const uint8_t digest[WIRE_HASH_BYTES])
{
    const struct cert_pair *current = &identity->pair[WIRE__USAGE__USAGE_SEAL];
    if (current->x509 != NULL && memcmp(current->subject.digest, digest, WIRE_HASH_BYTES) == 0)
        return current;
    for (size_t i = 0; i < identity->old_seals; i++)
        if (memcmp(identity->old_seal[i].subject.digest, digest, WIRE_HASH_BYTES) == 0)
            return &identity->old_seal[i];
    return NULL;
}

static CMS_ContentInfo *parse(struct wire_bytes bytes)
{
    const unsigned char *at = bytes.data;
    if (bytes.size == 0 || bytes.size > BOX_BYTES_MAX)
        return NULL;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)bytes.size);
    if (cms != NULL && at == bytes.data + bytes.size &&
        OBJ_obj2nid(CMS_get0_type(cms)) == NID_id_smime_ct_authEnvelopedData)
        return cms;
    CMS_ContentInfo_free(cms);
    return NULL;
}

/* Through a secmem BIO, which clears what it held when it is freed. */
static bool disclose(CMS_ContentInfo *cms, const struct cert_pair *pair, uint8_t key[CERT_KEY_BYTES])
{
    BIO *content = BIO_new(BIO_s_secmem());
    char *data = NULL;
    bool done = content != NULL && CMS_decrypt(cms, pair->key, pair->x509, NULL, content, CMS_BINARY) == 1 &&
                BIO_get_mem_data(content, &data) == CERT_KEY_BYTES;
    if (done)
        memcpy(key, data, CERT_KEY_BYTES);
    BIO_free(content);
    return done;
}

enum wire_status cert_box_open(const struct cert_identity *identity, const uint8_t certificate[WIRE_HASH_BYTES],
                               struct wire_bytes bytes, uint8_t key[CERT_KEY_BYTES])
{
    memset(key, 0, CERT_KEY_BYTES);
    const struct cert_pair *pair = seal_pair(identity, certificate);
    if (pair != NULL && cert_box_read(wire_bytes(pair->der, pair->der_size), pair->key, bytes, key))
        return WIRE_OK;
    ERR_clear_error();
    CMS_ContentInfo *cms = pair == NULL ? NULL : parse(bytes);
    bool done = cms != NULL && disclose(cms, pair, key);
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    return done ? WIRE_OK : WIRE_CANNOT_OPEN;
}
