#define _GNU_SOURCE
#include "certs/x509.h"
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <time.h>

const char *cert_openssl_error(char *out, size_t size)
{
    unsigned long code = ERR_peek_last_error();
    if (code == 0)
        snprintf(out, size, "-");
    else
        ERR_error_string_n(code, out, size);
    ERR_clear_error();
    return out;
}

static bool is_pem(struct wire_bytes bytes)
{
    return bytes.size >= 11 && memmem(bytes.data, bytes.size, "-----BEGIN ", 11) != NULL;
}

static BIO *bio_over(struct wire_bytes bytes)
{
    return bytes.size > INT_MAX ? NULL : BIO_new_mem_buf(bytes.data, (int)bytes.size);
}

X509 *cert_x509_parse(struct wire_bytes bytes)
{
    ERR_clear_error();
    X509 *x509 = NULL;
    if (is_pem(bytes)) {
        BIO *bio = bio_over(bytes);
        if (bio != NULL)
            x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        BIO_free(bio);
    } else if (bytes.size > 0 && bytes.size <= INT_MAX) {
        const unsigned char *at = bytes.data;
        x509 = d2i_X509(NULL, &at, (long)bytes.size);
        if (x509 != NULL && at != bytes.data + bytes.size) {
            X509_free(x509);
            x509 = NULL;
        }
    }
    ERR_clear_error();
    return x509;
}

X509_CRL *cert_crl_parse(struct wire_bytes bytes)
{
    ERR_clear_error();
    X509_CRL *crl = NULL;
    if (is_pem(bytes)) {
        BIO *bio = bio_over(bytes);
        if (bio != NULL)
            crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
        BIO_free(bio);
    } else if (bytes.size > 0 && bytes.size <= INT_MAX) {
        const unsigned char *at = bytes.data;
        crl = d2i_X509_CRL(NULL, &at, (long)bytes.size);
        if (crl != NULL && at != bytes.data + bytes.size) {
            X509_CRL_free(crl);
            crl = NULL;
        }
    }
    ERR_clear_error();
    return crl;
}

/* Instead of OpenSSL's own, which would ask the terminal of a daemon. */
static int give_passphrase(char *out, int size, int writing, void *passphrase)
{
    (void)writing;
    if (passphrase == NULL)
        return -1;
    size_t length = strlen(passphrase);
    if (size < 0 || length > (size_t)size)
        return -1;
    memcpy(out, passphrase, length);
    return (int)length;
}

EVP_PKEY *cert_key_parse(struct wire_bytes pem, const char *passphrase)
{
    ERR_clear_error();
    BIO *bio = bio_over(pem);
    if (bio == NULL)
        return NULL;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, (void *)(uintptr_t)passphrase);
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

uint8_t *cert_x509_der(X509 *x509, size_t *size)
{
    unsigned char *der = NULL;
    int length = i2d_X509(x509, &der);
    *size = length > 0 ? (size_t)length : 0;
    return length > 0 ? der : NULL;
}

int64_t cert_asn1_ms(const ASN1_TIME *time)
{
    struct tm tm;
    if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1)
        return INT64_MIN;
    return (int64_t)timegm(&tm) * 1000;
}

bool cert_key_is_p256(const EVP_PKEY *key)
{
    char group[32];
    return key != NULL && EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

bool cert_serial_bytes(const ASN1_INTEGER *serial, uint8_t out[CERT_SERIAL_BYTES])
{
    BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
    bool fits = number != NULL && !BN_is_negative(number) && BN_bn2binpad(number, out, CERT_SERIAL_BYTES) > 0;
    BN_free(number);
    return fits;
}

ASN1_INTEGER *cert_serial_integer(const uint8_t serial[CERT_SERIAL_BYTES])
{
    BIGNUM *number = BN_bin2bn(serial, CERT_SERIAL_BYTES, NULL);
    ASN1_INTEGER *integer = number == NULL ? NULL : BN_to_ASN1_INTEGER(number, NULL);
    BN_free(number);
    return integer;
}

bool cert_name_value(const X509_NAME *name, int nid, int nth, int of, char *out, size_t size)
{
    int found[4];
    int count = 0;
    for (int at = -1; (at = X509_NAME_get_index_by_NID(name, nid, at)) >= 0; count++) {
        if (count == 4)
            return false;
        found[count] = at;
    }
    if (count != of || nth >= count)
        return false;
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, found[nth]));
    int type = ASN1_STRING_type(value);
    size_t length = (size_t)ASN1_STRING_length(value);
    if ((type != V_ASN1_UTF8STRING && type != V_ASN1_PRINTABLESTRING) || length >= size ||
        memchr(ASN1_STRING_get0_data(value), 0, length) != NULL)
        return false;
    memcpy(out, ASN1_STRING_get0_data(value), length);
    out[length] = '\0';
    return true;
}
