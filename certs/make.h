/* Building and signing certificates and revocation lists; knows nothing of folders. Used by the authority, and by the
 * tests' zoo to make what the authority never would. */
#pragma once
#include "certs/x509.h"

struct cert_draft {
    const char *installation; /* O */
    Wire__Role role;          /* OU */
    Wire__Usage usage;        /* OU, key usage */
    uint32_t region;          /* L */
    const char *name;         /* CN */
    EVP_PKEY *key;            /* whose public half is certified */
    int64_t from_ms, until_ms;
};

EVP_PKEY *cert_key_make(Wire__Usage usage); /* P-256, or X25519 for transport; NULL: OpenSSL failed */
/* issuer NULL: signed by `issuer_key` in its own name (a self-signed leaf, for the zoo). NULL: OpenSSL failed. */
X509 *cert_make(const struct cert_draft *draft, X509 *issuer, EVP_PKEY *issuer_key);
X509 *cert_make_ca(const char *installation, EVP_PKEY *key, int64_t from_ms, int64_t until_ms);

struct cert_revoked {
    uint8_t serial[CERT_SERIAL_BYTES];
    int64_t at_ms;
    int reason; /* RFC 5280 code */
};
X509_CRL *cert_make_crl(X509 *ca, EVP_PKEY *key, uint64_t number, int64_t this_ms, int64_t next_ms,
                        const struct cert_revoked *revoked, size_t count);

/* PEM and DER of these, in a memory BIO's bytes copied out with malloc; cert_file_close frees and wipes. */
struct cert_file;
bool cert_pem_of_x509(X509 *x509, struct cert_file *out);
/* PKCS#8; encrypted with AES-256-CBC and PBKDF2 (200,000 rounds) when passphrase is not NULL. */
bool cert_pem_of_key(EVP_PKEY *key, const char *passphrase, struct cert_file *out);
