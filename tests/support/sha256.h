/* SHA-256 (FIPS 180-4) written for tests, so that they can check pure rooms without OpenSSL, and OpenSSL's against it.
 * Slow; never linked into the product. */
#pragma once
#include "wire/hash.h"

/* Has no context: copy it freely. */
struct wire_hash test_hash(void);
