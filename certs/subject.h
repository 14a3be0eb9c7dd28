/* How a certificate of ours says whose it is and what for (docs/SECURITY.md). Everything is read from the subject, so
 * that `openssl x509 -subject` shows it, and checked against key type, key usage and constraints.
 *
 *   O  = installation name
 *   OU = node | broker | secretary             the role
 *   OU = identity | seal | transport           the usage
 *   L  = adcode, six digits; 000000 = broker   the region
 *   CN = node and broker: the adcode again; secretary: the office's id, [a-z0-9-]{1,40}
 *
 *   usage      subject key              keyUsage (critical)    who has it
 *   identity   EC P-256                 digitalSignature       all
 *   seal       EC P-256                 keyAgreement           nodes
 *   transport  X25519 = the CURVE key   keyAgreement           nodes, broker
 *
 * Leaf: X.509 v3, CA:FALSE (critical), issued and signed (ecdsa-with-SHA256) by the installation's CA itself: no
 * chains. */
#pragma once
#include "schema/trust.pb-c.h"
#include "wire/bytes.h"
#include "wire/limits.h"
#include "wire/status.h"
#include <stdbool.h>

enum { CERT_NAME_BYTES_MAX = 40, CERT_SERIAL_BYTES = 16, CERT_CURVE_BYTES = 32 };

struct cert_subject {
    uint8_t digest[WIRE_HASH_BYTES]; /* SHA-256 of the DER: how everybody names this certificate */
    Wire__Role role;
    Wire__Usage usage;
    uint32_t region;                    /* 0 = broker */
    char name[CERT_NAME_BYTES_MAX + 1]; /* CN */
    uint8_t serial[CERT_SERIAL_BYTES];  /* big-endian, 16 random bytes below 2^127 */
    int64_t from_ms, until_ms;          /* valid in from ≤ t ≤ until */
    uint8_t curve[CERT_CURVE_BYTES];    /* transport only: the raw X25519 public key, else zeros */
};

const char *cert_role_name(Wire__Role role); /* "node", … */
bool cert_role_parse(const char *name, Wire__Role *role);
const char *cert_usage_name(Wire__Usage usage); /* "identity", … */
bool cert_usage_parse(const char *name, Wire__Usage *usage);
/* Whether a role has a certificate of this usage. */
bool cert_role_has(Wire__Role role, Wire__Usage usage);
/* [a-z0-9-]{1,40}: an office's id. */
bool cert_id_valid(const char *id);
/* One certificate file (PEM or DER), checked against the CA (`ca`: DER or PEM) but not against the clock. INVALID,
 * SYNTAX, NOT_FOUND, IO, OTHER_INSTALLATION, each with a problem that names the file. */
enum wire_status cert_subject_load(const char *path, struct wire_bytes ca, const char *installation,
                                   struct cert_subject *out, struct wire_problem *problem);
