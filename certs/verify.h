/* Signatures by directory certificates: live checks and the helpers that sign and verify batches and statements.
 *
 * A verification costs 65 to 90 µs, half of that by a key that is met often (certs/often.h): keys are parsed once and
 * their contexts kept in the directory. */
#pragma once
#include "certs/directory.h"
#include "certs/identity.h"
#include "wire/batch.h"
#include "wire/statement.h"

/* For at_ms: the certificate's validity in time is judged elsewhere (certs/evidence.h). */
#define CERT_ANY_TIME INT64_MIN

/* ECDSA over SHA-256(text) by the certificate `signer` (its digest), which must be an identity certificate of that role
 * and region and valid at at_ms. OK, UNKNOWN_SIGNER, FOREIGN_ORIGIN (another role, region or usage), SIGNER_EXPIRED,
 * SIGNER_REVOKED, BAD_SIGNATURE. */
enum wire_status cert_verify_text(struct cert_directory *directory, const uint8_t signer[WIRE_HASH_BYTES],
                                  Wire__Role role, uint32_t region, const void *text, size_t size,
                                  struct wire_bytes signature, int64_t at_ms);

/* Signatures by the holder's newest identity certificate will come: by and by it is made ready for them
 * (certs/often.h). Nothing happens when there is none, or where there are more holders than places for what is made:
 * then it is made for those that sign much. */
void cert_verify_expect(struct cert_directory *directory, uint32_t region, int64_t at_ms);
/* Waits until all that were expected so far are ready. */
void cert_verify_expected(struct cert_directory *directory);

/* Fills suite, signer and signature of a seal whose other fields are final and whose origin is the identity's region.
 * Its bytes lie in the identity and the arena. NO_MEMORY, CRYPTO. */
enum wire_status cert_sign_batch(struct cert_identity *identity, Wire__BatchSeal *seal, struct wire_arena *arena);
/* The signature over the seal by its origin: role broker for origin 0, node else. WRONG_SUITE, BAD_FRAME (sizes), and
 * as above. Says nothing of headers and root: see wire_batch_check, wire_part_check. */
enum wire_status cert_verify_batch(struct cert_directory *directory, const Wire__BatchSeal *seal, int64_t at_ms);

struct cert_statement {
    Wire__StatementType type;
    struct wire_bytes statement; /* encoded */
};

/* Signs count ≥ 1 statements with one signature: out[i] (initialised here) carries item i with its path. The bytes lie
 * in the identity, the arena and the items, which must outlive `out`. Costs one signature, two hashes a statement, and
 * 32 × (2 × count)
 * + 16 × count × log2(count) bytes of the arena. NO_MEMORY, CRYPTO. */
enum wire_status cert_sign_statements(struct cert_identity *identity, const struct wire_hash *hash,
                                      const struct cert_statement *items, size_t count, struct wire_arena *arena,
                                      Wire__Signed *out);
/* A statement by that role and region: path and signature. Statements under one root cost one verification: the newest
 * roots found good are remembered in the directory. WRONG_SUITE, BAD_FRAME, BAD_ROOT, and as cert_verify_text. */
enum wire_status cert_verify_signed(struct cert_directory *directory, const struct wire_hash *hash,
                                    const Wire__Signed *signed_, Wire__Role role, uint32_t region, int64_t at_ms);
