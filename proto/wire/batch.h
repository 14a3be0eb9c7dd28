/* Batches and parts: leaves, root, signed text, cutting a part, checking a part. Knows nothing of certificates: the
 * caller verifies the signature over wire_batch_signed_text with the signer's key. docs/PROTOCOL.md, section 4. */
#pragma once
#include "schema/envelope.pb-c.h"
#include "wire/arena.h"
#include "wire/merkle.h"

struct wire_digest wire_header_leaf(const struct wire_hash *hash, struct wire_bytes header);
struct wire_digest wire_box_leaf(const struct wire_hash *hash, uint32_t region, struct wire_bytes certificate,
                                 struct wire_bytes cms);
struct wire_digest wire_payload_digest(const struct wire_hash *hash, struct wire_bytes salt, struct wire_bytes payload);

enum { WIRE_SIGNED_TEXT_MAX = 320 };
/* "lianfang batch v1" ‖ suite u16 ‖ domain 32 ‖ signer 32 ‖ origin u32 ‖ lane u8 ‖ mechanism length u8 and bytes ‖
 * store id 16 ‖ first u64 ‖ count u32 ‖ boxes u32 ‖ root 32. Returns its size. Only for a seal that wire_batch_check or
 * wire_part_check has passed, or one's own: sizes are ensured, not reported. */
size_t wire_batch_signed_text(const Wire__BatchSeal *seal, const uint8_t domain[WIRE_HASH_BYTES],
                              uint8_t out[WIRE_SIGNED_TEXT_MAX]);

/* Everything about a batch that needs no key: counts and limits, seal fields of the right sizes, each header decodes
 * (fields 1-63 known), belongs to the seal (origin, mechanism, lane, store id, seq = first + i), payload digests match,
 * boxes rise by adcode, root matches. On success headers[i] (owned by the arena; their bytes fields point into the
 * batch) and leaves (count + boxes) are filled. Fails with MIXED_BATCH, BAD_HEADER, TAMPERED, BAD_ROOT, BAD_BOX,
 * WRONG_SUITE, BAD_FRAME, FRAME_TOO_LARGE, OVER_BUDGET; *at says which leaf (an envelope; from count on a box).
 * headers: room for WIRE_BATCH_ENVELOPES_MAX; leaves: for WIRE_BATCH_LEAVES_MAX. The batch decoded with WIRE_STRICT_ALL
 * and its headers fit one arena of the batch's budget. */
enum { WIRE_BATCH_LEAVES_MAX = WIRE_BATCH_ENVELOPES_MAX + WIRE_BOXES_MAX };
enum wire_status wire_batch_check(const struct wire_hash *hash, const Wire__Batch *batch, struct wire_arena *arena,
                                  Wire__Header **headers, struct wire_digest *leaves, uint32_t *at);
/* Sizes and ranges of one header alone; what wire_batch_check asks of each. */
enum wire_status wire_header_check(const Wire__Header *header);

/* The running hash of deliveries: SHA-256(0x03 ‖ before ‖ number u64 ‖ root ‖ for each envelope: index u32 ‖ leaf). */
struct wire_digest wire_chain_next(const struct wire_hash *hash, struct wire_digest before, uint64_t number,
                                   const uint8_t root[WIRE_HASH_BYTES], const uint32_t *index,
                                   const struct wire_digest *leaf, size_t count);

/* Cuts the part with the leaves that `have` names (a bitmap over count + boxes leaves; at least one envelope, at most
 * one box) from a batch that was checked. *out borrows from the batch and the arena. A payload that was erased is left
 * out by the caller (has_salt and has_payload false). OK or OVER_BUDGET. */
enum wire_status wire_part_cut(const struct wire_hash *hash, const Wire__Batch *batch, const struct wire_digest *leaves,
                               const uint8_t *have, struct wire_arena *arena, Wire__Part *out);

/* Checks a part: sizes, headers as above, digests of payloads that are there, proof completes the root.
 * headers[i] and leaves[i] belong to part->envelope[i], whose bytes their bytes fields point into (room for
 * WIRE_BATCH_ENVELOPES_MAX); *at is such an i. A header that cannot be read here (a critical field or value of a later
 * version) is NULL and does not fail the part: its leaf is proven, the envelope is kept raw and answered
 * `arrived-unreadable`. Fails with MIXED_BATCH, BAD_ROOT, BAD_BOX, WRONG_SUITE, BAD_FRAME, OVER_BUDGET; last of all
 * with TAMPERED: then headers, leaves and proof are right, and *at is the first envelope whose payload is not what its
 * header says. */
enum wire_status wire_part_check(const struct wire_hash *hash, const Wire__Part *part, struct wire_arena *arena,
                                 Wire__Header **headers, struct wire_digest *leaves, uint32_t *at);
