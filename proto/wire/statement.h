/* Statements signed together: leaves of one root, each travelling with its path. The caller signs and verifies the
 * text. */
#pragma once
#include "schema/statement.pb-c.h"
#include "wire/batch.h"

/* SHA-256(0x00 ‖ type u8 ‖ statement). */
struct wire_digest wire_statement_leaf(const struct wire_hash *hash, uint32_t type, struct wire_bytes statement);
/* "lianfang statements v1" ‖ suite u16 ‖ domain 32 ‖ signer 32 ‖ count u32 ‖ root 32. Returns its size. */
size_t wire_statements_signed_text(uint32_t suite, const uint8_t domain[WIRE_HASH_BYTES],
                                   const uint8_t signer[WIRE_HASH_BYTES], uint32_t count,
                                   const uint8_t root[WIRE_HASH_BYTES], uint8_t out[WIRE_SIGNED_TEXT_MAX]);
/* The root that a Signed claims to lie under. BAD_ROOT when path and count do not fit; WRONG_SUITE when the
 * number of the suite does not fit its signed text. */
enum wire_status wire_signed_root(const struct wire_hash *hash, const Wire__Signed *signed_, struct wire_digest *root);
