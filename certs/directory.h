/* Every certificate of an installation, past and present, each checked here against the CA: a broker cannot invent a
 * province.
 *
 * A history: nothing is ever removed, since batches signed by a renewed key must verify for years. Revocation comes in
 * two ways: the CRL, which the CA signed, and a record with revoked_ms, which acts at once but is only the broker's
 * word. A revocation is never taken back; where both speak, the CRL's time counts.
 *
 * Entries are allocated once and never moved: a `const struct cert_entry *` stays valid until the directory is freed,
 * though `revoked_ms`, `reason`, `compromised` and `epoch` may change with a later add or CRL. Not thread-safe,
 * look-ups that verify signatures included (they share a cache): a thread that verifies beside another has its own
 * directory. */
#pragma once
#include "certs/subject.h"
#include "wire/codec.h"

struct cert_directory;

enum { CERT_REASON_BYTES_MAX = 80 };

struct cert_entry {
    struct cert_subject subject;
    struct wire_bytes certificate; /* DER */
    uint64_t epoch;                /* of the newest record about it */
    int64_t revoked_ms;            /* 0: not revoked */
    char reason[CERT_REASON_BYTES_MAX + 1];
    /* Revoked for a reason that does not rule out a thief (anything but superseded, cessation, affiliation): what the
     * key signed proves no time, since it may have been signed later and dated back. */
    bool compromised;
};

/* RFC 5280 5.3.1: unspecified key-compromise affiliation-changed superseded cessation-of-operation privilege-withdrawn.
 */
bool cert_reason_known(const char *reason);
/* Superseded, cessation-of-operation, affiliation-changed: nobody else held the key. */
bool cert_reason_orderly(const char *reason);

/* ca: DER or PEM of a self-signed P-256 CA. installation NULL: as the CA certificate says; else it must be that name.
 */
enum wire_status cert_directory_new(struct wire_bytes ca, const char *installation, struct cert_directory **out,
                                    struct wire_problem *problem);
void cert_directory_free(struct cert_directory **directory);
const uint8_t *cert_directory_domain(const struct cert_directory *directory); /* 32 bytes */
const char *cert_directory_installation(const struct cert_directory *directory);

/* One record. Epochs rise by one: EXISTS when its epoch is not above the last (nothing changes: repeats are harmless),
 * GAP when it is more than one above. INVALID when the certificate is not what it must be (the problem says which
 * rule). */
enum wire_status cert_directory_add(struct cert_directory *directory, const Wire__DirectoryRecord *record,
                                    struct wire_problem *problem);
/* The file `directory.bin` of `lianfang-ca directory`: for each record u32 big-endian length and the encoded
 * DirectoryRecord. Records already known are passed over, so a running broker may load a newer file over what it has.
 */
enum wire_status cert_directory_load(struct cert_directory *directory, const char *path, struct wire_problem *problem);
/* Encoded records in their order, added like that one by one; where there are many their certificates are checked by as
 * many threads as there are processors. Stops at the first that is not OK, those before it are in. DAMAGED: it cannot
 * be decoded. */
struct cert_rows {
    const struct wire_bytes *raw;
    size_t count;
    enum wire_strict strict;
    bool pass_known;   /* EXISTS is no reason to stop */
    const char *where; /* for the problem */
};
enum wire_status cert_directory_add_rows(struct cert_directory *directory, const struct cert_rows *rows,
                                         struct wire_problem *problem);
/* The encoded records, for handing on: epoch from 1 to cert_directory_epoch. .data NULL when there is
 * none. */
struct wire_bytes cert_directory_record(const struct cert_directory *directory, uint64_t epoch);
uint64_t cert_directory_epoch(const struct cert_directory *directory); /* 0: empty */

size_t cert_directory_count(const struct cert_directory *directory);
const struct cert_entry *cert_directory_at(const struct cert_directory *directory, size_t index); /* as first added */
const struct cert_entry *cert_directory_find(const struct cert_directory *directory,
                                             const uint8_t digest[WIRE_HASH_BYTES]); /* NULL: not known */
/* OK: from ≤ at ≤ until (and the CA's own) and not revoked at `at`; else SIGNER_EXPIRED (also: not yet valid),
 * SIGNER_REVOKED. */
enum wire_status cert_entry_at(const struct cert_entry *entry, int64_t at_ms);

/* The newest (latest from_ms) certificate of a region's node (0: of the broker) that is valid and unrevoked at at_ms.
 * NULL: none. The broker's USAGE_SEAL is always NULL. */
const struct cert_entry *cert_directory_current(const struct cert_directory *directory, uint32_t region,
                                                Wire__Usage usage, int64_t at_ms);
/* Has a valid identity and a valid transport certificate. */
bool cert_directory_enrolled(const struct cert_directory *directory, uint32_t region, int64_t at_ms);
/* Enrolled regions by rising adcode, the broker not among them; returns how many there are, writes at most max. */
size_t cert_directory_regions(const struct cert_directory *directory, int64_t at_ms, uint32_t *out, size_t max);

/* Whose CURVE key is this, and may it come in: what ZAP asks. OK with *entry; NOT_ENROLLED (no such key), REVOKED,
 * SIGNER_EXPIRED with *entry too, for the log. Says nothing of the CRL's state: see cert_directory_crl_state. */
enum wire_status cert_directory_admit(const struct cert_directory *directory, const uint8_t curve[CERT_CURVE_BYTES],
                                      int64_t at_ms, const struct cert_entry **entry);

/* The CA's revocation list, DER or PEM. INVALID: not signed by the CA, or older than the one held (by CRL number).
 * EXISTS: the one held. Marks entries, those added later too. */
enum wire_status cert_directory_crl(struct cert_directory *directory, struct wire_bytes crl,
                                    struct wire_problem *problem);
enum wire_status cert_directory_crl_load(struct cert_directory *directory, const char *path,
                                         struct wire_problem *problem);
struct wire_bytes
cert_directory_crl_bytes(const struct cert_directory *directory);           /* DER, to hand on; .data NULL: none */
uint64_t cert_directory_crl_number(const struct cert_directory *directory); /* 0: none */

enum { CERT_CRL_DAYS = 30, CERT_CRL_WARN_DAYS = 15, CERT_CRL_URGENT_DAYS = 7, CERT_CRL_GRACE_DAYS = 7 };

enum cert_crl_state {
    CERT_CRL_FINE,
    CERT_CRL_WARN,   /* 15 days or less to nextUpdate */
    CERT_CRL_URGENT, /* 7 days or less */
    CERT_CRL_GRACE,  /* past nextUpdate by at most 7 days: nobody new is let in, those inside go on */
    CERT_CRL_CLOSED, /* past that, or there is none: nobody */
};
enum cert_crl_state cert_directory_crl_state(const struct cert_directory *directory, int64_t at_ms);
int64_t cert_directory_crl_next_ms(const struct cert_directory *directory); /* nextUpdate; 0: none */
const char *cert_crl_state_name(enum cert_crl_state state);                 /* "fine", "warn", … */
