/* Between OpenSSL and the rest of this room: reading certificates, keys and times. Only certs/ includes this. */
#pragma once
#include "certs/subject.h"
#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

/* The text of OpenSSL's newest error, then an empty queue. Call ERR_clear_error before the operation that may fail. */
const char *cert_openssl_error(char *out, size_t size);

X509 *
cert_x509_parse(struct wire_bytes bytes); /* DER (nothing behind it) or the first certificate of a PEM; NULL: neither */
X509_CRL *cert_crl_parse(struct wire_bytes bytes);                       /* the same */
EVP_PKEY *cert_key_parse(struct wire_bytes pem, const char *passphrase); /* never prompts; NULL */
uint8_t *cert_x509_der(X509 *x509, size_t *size);                        /* OPENSSL_free; NULL: no memory */
int64_t cert_asn1_ms(const ASN1_TIME *time);                             /* INT64_MIN: not a time */
bool cert_key_is_p256(const EVP_PKEY *key);
bool cert_serial_bytes(const ASN1_INTEGER *serial, uint8_t out[CERT_SERIAL_BYTES]);
ASN1_INTEGER *cert_serial_integer(const uint8_t serial[CERT_SERIAL_BYTES]); /* ASN1_INTEGER_free; NULL: no memory */
/* The value of the entry of `nid` that is the nth of `of`; false when there are not exactly `of`, or it does not fit.
 */
bool cert_name_value(const X509_NAME *name, int nid, int nth, int of, char *out, size_t size);

/* The CA's certificate, as everybody checks against it. */
struct cert_ca {
    X509 *x509;
    EVP_PKEY *key; /* public; owned by x509 */
    uint8_t *der;
    size_t der_size;
    char installation[65];
    uint8_t domain[WIRE_HASH_BYTES];
    int64_t from_ms, until_ms;
};

/* INVALID: no self-signed P-256 CA, or of another installation (OTHER_INSTALLATION). */
enum wire_status cert_ca_open(struct cert_ca *ca, struct wire_bytes bytes, const char *installation, const char *where,
                              struct wire_problem *problem);
void cert_ca_close(struct cert_ca *ca); /* idempotent */
/* Whether O, both OU, L and CN (subject->name) are such names and agree with one another. Fills role, usage, region. */
bool cert_subject_names(const struct cert_ca *ca, const char *installation, const char *role, const char *usage,
                        const char *adcode, struct cert_subject *subject);
/* Everything certs/subject.h demands of a leaf but validity at a time. Fills *subject. */
enum wire_status cert_ca_check(const struct cert_ca *ca, X509 *leaf, const char *where, struct cert_subject *subject,
                               struct wire_problem *problem);
