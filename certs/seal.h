/* Sealing payloads about persons so that only the region concerned can read them.
 *
 * Key box: 32 random bytes in a CMS AuthEnvelopedData (RFC 5083, 5084: AES-256-GCM; key agreement RFC 5753:
 * dhSinglePass-stdDH-sha256kdf with AES-256 key wrap) to the region's P-256 seal certificate, DER. One a region and
 * batch; about 0.1 ms. `openssl cms -decrypt -inform DER -inkey seal.key -recip seal.pem` opens it.
 *
 * Payload: key = HKDF-SHA-256(ikm = box key, salt = none, info = "lianfang payload v1" ‖ envelope id 16), 32 bytes;
 * AES-256-GCM with a nonce of twelve zero bytes; carried is ciphertext ‖ tag 16. The nonce may be fixed because a key
 * encrypts one payload only: a box key is drawn for each region and batch, and an id occurs once in a batch. So a box
 * key must never seal two payloads under one id; whoever seals again draws a new box key. */
#pragma once
#include "certs/directory.h"
#include "certs/identity.h"
#include "schema/envelope.pb-c.h"
#include "wire/arena.h"

enum { CERT_KEY_BYTES = 32, CERT_TAG_BYTES = 16 };

/* *cms lies in the arena. INVALID: not a seal certificate; NO_MEMORY; CRYPTO. Does not look at the clock. */
enum wire_status cert_box_seal(const struct cert_entry *to, const uint8_t key[CERT_KEY_BYTES], struct wire_arena *arena,
                               struct wire_bytes *cms);
/* With the seal key of the certificate named (its digest): the current one or one kept as seal-*.key. CANNOT_OPEN: no
 * such key, damaged, or not a box of ours; `key` is zeros then. */
enum wire_status cert_box_open(const struct cert_identity *identity, const uint8_t certificate[WIRE_HASH_BYTES],
                               struct wire_bytes cms, uint8_t key[CERT_KEY_BYTES]);

/* Associated data: the identity of the envelope, so that a payload cannot be moved under another header. Pure.
 *   version u32 ‖ id 16 ‖ origin u32 ‖ mechanism length u8 and bytes ‖ kind u32 ‖ concerned region u32 ‖ status u8
 * Numbers are big-endian. Without exactly one concerned region that field is 0. Returns its size; 0 when id or
 * mechanism have impossible sizes. */
enum { CERT_PAYLOAD_AAD_MAX = 4 + 16 + 4 + 1 + WIRE_MECHANISM_BYTES_MAX + 4 + 4 + 1 };
size_t cert_payload_aad(const Wire__Header *header, uint8_t out[CERT_PAYLOAD_AAD_MAX]);

/* Contexts kept between calls (no fetch in a call). One per thread. */
struct cert_payload;
struct cert_payload *cert_payload_new(void); /* aborts if OpenSSL lacks the algorithms */
void cert_payload_free(struct cert_payload **payload);

/* out: plain.size + CERT_TAG_BYTES, may be plain.data itself. CRYPTO. */
enum wire_status cert_payload_seal(struct cert_payload *payload, const uint8_t box_key[CERT_KEY_BYTES],
                                   const uint8_t id[WIRE_ID_BYTES], struct wire_bytes aad, struct wire_bytes plain,
                                   uint8_t *out);
/* out: sealed.size - CERT_TAG_BYTES, may be sealed.data itself. CANNOT_OPEN: too short, or tag, key, id or associated
 * data are not those it was sealed with; `out` is zeros then. */
enum wire_status cert_payload_open(struct cert_payload *payload, const uint8_t box_key[CERT_KEY_BYTES],
                                   const uint8_t id[WIRE_ID_BYTES], struct wire_bytes aad, struct wire_bytes sealed,
                                   uint8_t *out);
