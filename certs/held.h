/* What lies behind this room's opaque structs. Only certs/ includes this. */
#pragma once
#include "certs/directory.h"
#include "certs/identity.h"
#include "certs/leaf.h"
#include "certs/often.h"
#include "certs/table.h"
#include "certs/x509.h"

/* A certificate with its private key. */
struct cert_pair {
    X509 *x509; /* NULL: the role has none */
    EVP_PKEY *key;
    struct cert_subject subject;
    uint8_t *der;
    size_t der_size;
};

enum { CERT_OLD_SEALS_MAX = 32, CERT_USAGES = 4 /* indexes 1 to 3 */ };

struct cert_identity {
    struct cert_ca ca;
    struct cert_pair pair[CERT_USAGES];
    struct cert_pair old_seal[CERT_OLD_SEALS_MAX];
    size_t old_seals;
    uint8_t curve_secret[CERT_CURVE_BYTES];
    EVP_MD *sha256;
    EVP_PKEY_CTX *signer;
};

/* An entry and what is made of it when it is needed first. The entry is the first member: cert_entry pointers are
 * pointers to this. */
struct cert_held {
    struct cert_entry entry;
    uint8_t key[WIRE_HASH_BYTES];     /* SHA-256 of the SubjectPublicKeyInfo */
    X509 *x509;                       /* seal certificates: made at the first box */
    EVP_PKEY_CTX *verifier;           /* identity certificates: made at the first verification */
    struct cert_multiples *multiples; /* NULL: not met often (certs/often.h) */
    uint32_t seen;                    /* verified since it lost a table, or never had one */
    bool seen_since;                  /* the hand of often.h passed */
    bool making;                      /* a table is on its way */
    bool revoked_by_crl;
};

enum { CERT_ROOTS_REMEMBERED = 64 };

/* A statement root whose signature was found good: nothing about validity in time. */
struct cert_root {
    uint8_t signer[WIRE_HASH_BYTES], root[WIRE_HASH_BYTES];
    uint8_t signature[WIRE_SIGNATURE_BYTES_MAX];
    size_t signature_size; /* 0: empty */
    uint32_t count, suite;
};

struct cert_record {
    uint8_t *data;
    size_t size;
};

enum { CERT_READERS_MAX = 8 }; /* threads that check certificates */

struct cert_directory {
    struct cert_ca ca;
    struct cert_leaf_reader *reader[CERT_READERS_MAX]; /* the first is that of whoever adds */
    struct cert_held **held;                           /* as first added */
    size_t count, capacity;
    struct cert_record *record; /* record[i] has epoch i + 1 */
    size_t records, record_capacity;
    struct cert_table by_digest, by_key, by_curve, by_region; /* values: indexes of held */
    X509_CRL *crl;
    uint8_t *crl_der;
    size_t crl_size;
    uint64_t crl_number;
    int64_t crl_next_ms;
    EVP_MD *sha256;
    struct cert_root root[CERT_ROOTS_REMEMBERED];
    struct cert_often often;
};

/* A record's certificate, checked against the CA. Whoever has it frees der with OPENSSL_free. */
struct cert_checked {
    uint8_t *der; /* NULL: not checked yet, or not good */
    size_t size;
    struct cert_subject subject;
    uint8_t key[WIRE_HASH_BYTES]; /* SHA-256 of the SubjectPublicKeyInfo */
};

/* Reads the directory's CA and nothing else of it: several threads, each with a reader of its own, may check records
 * beside one another. */
enum wire_status cert_check_record(const struct cert_directory *directory, struct cert_leaf_reader *reader,
                                   const Wire__DirectoryRecord *record, const char *where, struct cert_checked *out,
                                   struct wire_problem *problem);
/* cert_directory_add with what was checked before, if it was; takes der where the certificate is new. */
enum wire_status cert_directory_take(struct cert_directory *directory, const Wire__DirectoryRecord *record,
                                     struct cert_checked *checked, struct wire_problem *problem);

/* Under what by_region keeps a holder's certificates of one usage. */
static inline uint64_t cert_holder_hash(uint32_t region, Wire__Role role, Wire__Usage usage)
{
    return ((uint64_t)region << 8) | ((uint64_t)role << 4) | (uint64_t)usage;
}

/* Applies the CRL held, if any, to one entry (a certificate added after it). */
void cert_crl_apply(struct cert_directory *directory, struct cert_held *held);
/* When and why the CRL held revokes a serial; false: it does not. */
bool cert_crl_find(const struct cert_directory *directory, const uint8_t serial[CERT_SERIAL_BYTES], int64_t *revoked_ms,
                   const char **reason);
/* The RFC 5280 code of a reason; -1: not known. */
int cert_reason_code(const char *reason);
