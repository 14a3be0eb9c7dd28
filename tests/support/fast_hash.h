/* A hash of SHA-256's shape for tests that hash much: equal bytes have equal hashes, others practically never. Anybody
 * can make two inputs that collide; never linked into the product. */
#pragma once
#include "wire/hash.h"

/* Has no context; lives for ever. */
const struct wire_hash *test_fast_hash(void);
