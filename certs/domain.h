/* The domain of an installation: what keeps a signature made in one installation from meaning anything in another. It
 * is part of every signed text.
 *
 *   domain = SHA-256( SHA-256(SubjectPublicKeyInfo of the CA, DER) ‖ installation name, UTF-8 bytes without NUL )
 *
 * The installation name is the CA certificate's common name (`lianfang-ca init --name`). */
#pragma once
#include "wire/bytes.h"
#include "wire/limits.h"
#include "wire/status.h"

enum { CERT_INSTALLATION_BYTES_MAX = 64 }; /* X.520 ub-common-name */

/* `ca`: DER or PEM. installation NULL: the name the CA certificate itself bears. INVALID when it is no CA
 * certificate, OTHER_INSTALLATION when it bears another name. */
enum wire_status cert_domain(struct wire_bytes ca, const char *installation, uint8_t out[WIRE_HASH_BYTES]);
/* The installation name of a CA certificate, NUL-terminated. */
enum wire_status cert_installation(struct wire_bytes ca, char out[CERT_INSTALLATION_BYTES_MAX + 1]);
