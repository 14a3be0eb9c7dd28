#include "certs/make.h"
#include "certs/file.h"
#include "certs/hash.h"
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

EVP_PKEY *cert_key_make(Wire__Usage usage)
{
    ERR_clear_error();
    return usage == WIRE__USAGE__USAGE_TRANSPORT ? EVP_PKEY_Q_keygen(NULL, NULL, "X25519") : EVP_EC_gen("P-256");
}

static bool set_serial(X509 *x509)
{
    uint8_t serial[CERT_SERIAL_BYTES];
    cert_random(serial, sizeof serial);
    serial[0] &= 0x7f; /* positive in 16 bytes of DER */
    BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
    bool done = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL;
    BN_free(number);
    return done;
}

static bool set_times(X509 *x509, int64_t from_ms, int64_t until_ms)
{
    return ASN1_TIME_set(X509_getm_notBefore(x509), from_ms / 1000) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(x509), until_ms / 1000) != NULL;
}

static bool add_name(X509_NAME *name, int nid, const char *value)
{
    return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) == 1;
}

static bool add_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, &context, nid, value);
    bool done = extension != NULL && X509_add_ext(x509, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

static bool add_leaf_extensions(X509 *x509, X509 *issuer, Wire__Usage usage)
{
    return add_extension(x509, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(x509, issuer, NID_key_usage,
                         usage == WIRE__USAGE__USAGE_IDENTITY ? "critical,digitalSignature"
                                                              : "critical,keyAgreement") &&
           add_extension(x509, issuer, NID_subject_key_identifier, "hash") &&
           (issuer == x509 || add_extension(x509, issuer, NID_authority_key_identifier, "keyid:always"));
}

static bool set_subject(X509 *x509, const struct cert_draft *draft)
{
    char adcode[16];
    snprintf(adcode, sizeof adcode, "%06u", draft->region);
    X509_NAME *name = X509_get_subject_name(x509);
    return add_name(name, NID_organizationName, draft->installation) &&
           add_name(name, NID_organizationalUnitName, cert_role_name(draft->role)) &&
           add_name(name, NID_organizationalUnitName, cert_usage_name(draft->usage)) &&
           add_name(name, NID_localityName, adcode) && add_name(name, NID_commonName, draft->name);
}

X509 *cert_make(const struct cert_draft *draft, X509 *issuer, EVP_PKEY *issuer_key)
{
    ERR_clear_error();
    X509 *x509 = X509_new();
    if (x509 != NULL && X509_set_version(x509, 2) == 1 && set_serial(x509) &&
        set_times(x509, draft->from_ms, draft->until_ms) && set_subject(x509, draft) &&
        X509_set_issuer_name(x509, X509_get_subject_name(issuer == NULL ? x509 : issuer)) == 1 &&
        X509_set_pubkey(x509, draft->key) == 1 &&
        add_leaf_extensions(x509, issuer == NULL ? x509 : issuer, draft->usage) &&
        X509_sign(x509, issuer_key, EVP_sha256()) > 0)
        return x509;
    X509_free(x509);
    return NULL;
}

X509 *cert_make_ca(const char *installation, EVP_PKEY *key, int64_t from_ms, int64_t until_ms)
{
    ERR_clear_error();
    X509 *x509 = X509_new();
    if (x509 != NULL && X509_set_version(x509, 2) == 1 && set_serial(x509) && set_times(x509, from_ms, until_ms) &&
        add_name(X509_get_subject_name(x509), NID_commonName, installation) &&
        X509_set_issuer_name(x509, X509_get_subject_name(x509)) == 1 && X509_set_pubkey(x509, key) == 1 &&
        add_extension(x509, x509, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        add_extension(x509, x509, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        add_extension(x509, x509, NID_subject_key_identifier, "hash") && X509_sign(x509, key, EVP_sha256()) > 0)
        return x509;
    X509_free(x509);
    return NULL;
}

static bool fill_revoked(X509_REVOKED *entry, const struct cert_revoked *revoked)
{
    ASN1_INTEGER *serial = cert_serial_integer(revoked->serial);
    ASN1_TIME *at = ASN1_TIME_set(NULL, revoked->at_ms / 1000);
    ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
    bool done = serial != NULL && at != NULL && reason != NULL && ASN1_ENUMERATED_set(reason, revoked->reason) == 1 &&
                X509_REVOKED_set_serialNumber(entry, serial) == 1 && X509_REVOKED_set_revocationDate(entry, at) == 1;
    /* RFC 5280: "unspecified" is said by leaving the reason out */
    if (done && revoked->reason != CRL_REASON_UNSPECIFIED)
        done = X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0) == 1;
    ASN1_ENUMERATED_free(reason);
    ASN1_TIME_free(at);
    ASN1_INTEGER_free(serial);
    return done;
}

static bool add_revoked(X509_CRL *crl, const struct cert_revoked *revoked)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    if (entry != NULL && fill_revoked(entry, revoked) && X509_CRL_add0_revoked(crl, entry) == 1)
        return true; /* the list owns it now */
    X509_REVOKED_free(entry);
    return false;
}

static bool set_crl_times(X509_CRL *crl, int64_t this_ms, int64_t next_ms)
{
    ASN1_TIME *from = ASN1_TIME_set(NULL, this_ms / 1000), *next = ASN1_TIME_set(NULL, next_ms / 1000);
    bool done = from != NULL && next != NULL && X509_CRL_set1_lastUpdate(crl, from) == 1 &&
                X509_CRL_set1_nextUpdate(crl, next) == 1;
    ASN1_TIME_free(from);
    ASN1_TIME_free(next);
    return done;
}

static bool set_crl_extensions(X509_CRL *crl, X509 *ca, uint64_t number)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, ca, NULL, NULL, crl, 0);
    X509_EXTENSION *issuer = X509V3_EXT_nconf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    ASN1_INTEGER *value = ASN1_INTEGER_new();
    bool done = issuer != NULL && value != NULL && ASN1_INTEGER_set_uint64(value, number) == 1 &&
                X509_CRL_add_ext(crl, issuer, -1) == 1 && X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0, 0) == 1;
    ASN1_INTEGER_free(value);
    X509_EXTENSION_free(issuer);
    return done;
}

X509_CRL *cert_make_crl(X509 *ca, EVP_PKEY *key, uint64_t number, int64_t this_ms, int64_t next_ms,
                        const struct cert_revoked *revoked, size_t count)
{
    ERR_clear_error();
    X509_CRL *crl = X509_CRL_new();
    bool done = crl != NULL && X509_CRL_set_version(crl, 1) == 1 &&
                X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca)) == 1 && set_crl_times(crl, this_ms, next_ms) &&
                set_crl_extensions(crl, ca, number);
    for (size_t i = 0; done && i < count; i++)
        done = add_revoked(crl, &revoked[i]);
    if (done && X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, key, EVP_sha256()) > 0)
        return crl;
    X509_CRL_free(crl);
    return NULL;
}

static bool copy_out(BIO *bio, struct cert_file *out)
{
    char *data = NULL;
    long size = BIO_get_mem_data(bio, &data);
    *out = (struct cert_file){.data = malloc((size_t)size + 1), .size = (size_t)size};
    if (out->data == NULL)
        return false;
    memcpy(out->data, data, (size_t)size);
    out->data[size] = '\0';
    return true;
}

bool cert_pem_of_x509(X509 *x509, struct cert_file *out)
{
    *out = (struct cert_file){.data = NULL};
    BIO *bio = BIO_new(BIO_s_mem());
    bool done = bio != NULL && PEM_write_bio_X509(bio, x509) == 1 && copy_out(bio, out);
    BIO_free(bio);
    return done;
}

/* PEM_write_bio_PKCS8PrivateKey would do with OpenSSL's default of 2,048 rounds. */
static bool write_encrypted(BIO *bio, EVP_PKEY *key, const char *passphrase)
{
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
    X509_SIG *sealed = plain == NULL ? NULL
                                     : PKCS8_encrypt(-1, EVP_aes_256_cbc(), passphrase, (int)strlen(passphrase), NULL,
                                                     0, 200000, plain);
    bool done = sealed != NULL && PEM_write_bio_PKCS8(bio, sealed) == 1;
    X509_SIG_free(sealed);
    PKCS8_PRIV_KEY_INFO_free(plain);
    return done;
}

bool cert_pem_of_key(EVP_PKEY *key, const char *passphrase, struct cert_file *out)
{
    *out = (struct cert_file){.data = NULL};
    ERR_clear_error();
    BIO *bio = BIO_new(BIO_s_secmem());
    bool done = bio != NULL &&
                (passphrase == NULL ? PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1
                                    : write_encrypted(bio, key, passphrase)) &&
                copy_out(bio, out);
    BIO_free(bio);
    ERR_clear_error();
    return done;
}
