/* What a signature is worth years later: for `lianfang verify`, exports and disputes. Works offline from a directory.
 */
#pragma once
#include "certs/verify.h"

enum cert_validity {
    CERT_VALID_NOW,           /* the signer's certificate is valid today */
    CERT_VALID_WHEN_ADMITTED, /* it was when the broker admitted this at T; expired or revoked since */
    CERT_REVOKED_BEFORE,      /* signed by a key revoked before T */
    CERT_NO_WITNESS,          /* not valid today, and nothing trustworthy says when it was signed */
    CERT_INVALID,             /* no signature of the origin, or T lies outside the certificate's time */
};

const char *cert_validity_name(enum cert_validity validity); /* "valid-now", … */
const char *cert_validity_text(enum cert_validity validity, enum wire_language language);

/* The answer for a signature that verifies. witness_ms: T, 0 = none. */
enum cert_validity cert_validity(const struct cert_entry *signer, int64_t witness_ms, int64_t now_ms);

/* The whole check of a batch's seal: signature, then the witness if there is one (NULL: none): the broker's signature
 * over a WITNESS_STATEMENT of the same root, by a certificate valid at its admitted_ms and not compromised since; a
 * witness that fails counts as none. *admitted_ms: T, or 0. The arena takes the decoded statement. Returns why it is
 * INVALID (status of cert_verify_batch), else OK. */
enum wire_status cert_verify_evidence(struct cert_directory *directory, const struct wire_hash *hash,
                                      const Wire__BatchSeal *seal, const Wire__Signed *witness, int64_t now_ms,
                                      struct wire_arena *arena, enum cert_validity *validity, int64_t *admitted_ms);
