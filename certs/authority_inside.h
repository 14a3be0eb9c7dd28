/* What lies behind struct cert_authority. Only certs/ includes this. */
#pragma once
#include "certs/index.h"
#include "certs/x509.h"

struct cert_authority {
    char folder[CERT_PATH_BYTES_MAX];
    int lock; /* the folder itself, flocked; -1: none */
    struct cert_ca ca;
    EVP_PKEY *key; /* NULL: opened read-only */
    struct cert_index index;
    uint64_t crl_number; /* of the last CRL written */
    int64_t now_ms;
};

/* folder/name, or INVALID when that is too long. */
enum wire_status cert_authority_path(const char *folder, const char *name, char out[CERT_PATH_BYTES_MAX],
                                     struct wire_problem *problem);
enum wire_status cert_authority_save(const struct cert_authority *authority, struct wire_problem *problem);
/* INVALID when it was opened read-only. */
enum wire_status cert_authority_may_sign(const struct cert_authority *authority, struct wire_problem *problem);
/* "issued/<digest>.pem" in the CA's folder. */
enum wire_status cert_authority_issued_path(const struct cert_authority *authority,
                                            const uint8_t digest[WIRE_HASH_BYTES], char out[CERT_PATH_BYTES_MAX],
                                            struct wire_problem *problem);
