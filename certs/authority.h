/* The certification authority of an installation: a folder that only the CA's keeper has. What `lianfang-ca` does, as
 * functions.
 *
 *   ca.pem ca.key     the CA's certificate (P-256, self-signed) and key, PKCS#8, encrypted when a passphrase is given
 *   index             one line an event, in order; its number is the directory epoch:
 *                       <epoch> issue <serial> <digest> <role> <usage> <adcode> <name> <from> <until>
 *                       <epoch> revoke <serial> <digest> <at> <reason>
 *                     times are GB/T 7408 texts; rewritten atomically as a whole
 *   issued/<digest>.pem   every certificate ever issued
 *   crl-number        the number of the last CRL
 *   crl.der directory.bin  what `crl` and `directory` wrote last: the broker's files
 *
 * Opening takes an exclusive lock on the folder (IN_USE). Nothing is ever overwritten except index, crl-number, crl.der
 * and directory.bin. Folders are 0700, private files 0600, certificates 0644. */
#pragma once
#include "certs/subject.h"
#include <stdbool.h>

struct cert_authority;

enum {
    CERT_CA_DAYS = 7300, /* 20 years: evidence must verify for years */
    CERT_LEAF_DAYS = 730,
    CERT_ISSUED_MAX = 1000000, /* lines of an index */
};

struct cert_authority_options {
    const char *passphrase; /* of ca.key; NULL: not encrypted */
    bool read_only;         /* ca.key is not read: list, directory and verify need none */
    int64_t now_ms;
};

/* Whether ca.key asks for a passphrase. false also when there is none to read. */
bool cert_authority_locked(const char *folder);

/* A new installation, with a first, empty CRL and directory. from_ms 0: now; days 0: CERT_CA_DAYS. EXISTS: there is
 * one. */
enum wire_status cert_authority_create(const char *folder, const char *installation, int64_t from_ms, int days,
                                       const struct cert_authority_options *options, struct wire_problem *problem);
enum wire_status cert_authority_open(const char *folder, const struct cert_authority_options *options,
                                     struct cert_authority **out, struct wire_problem *problem);
void cert_authority_free(struct cert_authority **authority);

const char *cert_authority_installation(const struct cert_authority *authority);
struct wire_bytes cert_authority_ca(const struct cert_authority *authority); /* DER */

struct cert_issue {
    Wire__Role role;
    uint32_t region;        /* 0 for a broker */
    const char *id;         /* a secretary's office, [a-z0-9-]{1,40}; NULL else */
    const char *out;        /* folder to write to; made if it is not there; files there are never overwritten */
    const char *passphrase; /* for the keys written; NULL: plain files of mode 0600 */
    int64_t from_ms;        /* 0: now; may be past or future */
    int days;               /* 0: CERT_LEAF_DAYS; never beyond the CA's own end */
    bool renew;             /* false: EXISTS when there is a valid, unrevoked one; true: NOT_FOUND when there is none */
};
/* New keys and certificates of every usage that the role has, and ca.pem. Renewing draws new keys too; the old ones
 * stay in the directory and valid, so that nodes change over in their own time. */
enum wire_status cert_authority_issue(struct cert_authority *authority, const struct cert_issue *issue,
                                      struct wire_problem *problem);

struct cert_revocation {
    Wire__Role role; /* with region and id: all unrevoked certificates of that holder */
    uint32_t region;
    const char *id;        /* of a secretary; NULL: any */
    const uint8_t *serial; /* CERT_SERIAL_BYTES: one certificate instead; NULL: by holder */
    bool keep_newest;      /* by holder: what a renewal replaced, but not the newest of each usage */
    const char *reason;    /* see cert_reason_known (certs/directory.h); NULL: "unspecified" */
    int64_t at_ms;         /* 0: now */
};
/* Revokes, then writes crl.der and directory.bin anew. *count: how many certificates. NOT_FOUND: nothing to revoke. */
enum wire_status cert_authority_revoke(struct cert_authority *authority, const struct cert_revocation *revocation,
                                       size_t *count, struct wire_problem *problem);

/* A new crl.der with the next number. this_ms 0: now; days 0: CERT_CRL_DAYS. */
enum wire_status cert_authority_crl(struct cert_authority *authority, int64_t this_ms, int days,
                                    struct wire_problem *problem);
/* directory.bin in the CA's folder; path not NULL: there instead. */
enum wire_status cert_authority_directory(struct cert_authority *authority, const char *path,
                                          struct wire_problem *problem);

struct cert_issued {
    struct cert_subject subject;
    uint64_t epoch;
    int64_t revoked_ms; /* 0: not revoked */
    char reason[32];
};
size_t cert_authority_count(const struct cert_authority *authority);
const struct cert_issued *cert_authority_at(const struct cert_authority *authority, size_t index); /* as issued */
