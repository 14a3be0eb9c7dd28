/* The bare pipeline: what our parts cost and nothing else, the ceiling that a broker made of them can reach.
 *
 * CURVE in, SHA-256 of each message at three places (publisher, server, recipient), one P-256 signature and two
 * verifications a batch, LMDB synced in group commits before anything is confirmed or handed on, CURVE out. Batches of
 * the product's cap, headers of its size. No rules, verdicts, receipts, identities, streams, cursors, credit, terms,
 * encryption at rest; a batch goes to one recipient (or to all), so nothing is cut; nobody answers that it arrived.
 *
 * A frame: struct bare_head, then `count` messages of BARE_HEADER_BYTES + payload. The signature is over SHA-256 of the
 * SHA-256s of the messages. Numbers as this machine has them: both ends are on it. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
    BARE_HELLO = 1,  /* client: role, index; a publisher's public key follows */
    BARE_BATCH = 2,  /* publisher → server → recipient */
    BARE_STORED = 3, /* server → publisher: batch `number` is on disk */
    BARE_BATCH_BYTES_MAX = 256 * 1024,
    BARE_BATCH_MESSAGES_MAX = 512,
    BARE_HEADER_BYTES = 176, /* header, salt and their wrapping, as measured on the product's batches */
    BARE_HASH_BYTES = 32,
    BARE_SIGNATURE_BYTES_MAX = 72,
};

enum bare_role { BARE_PUBLISHER, BARE_RECIPIENT };

struct bare_head {
    uint32_t type, role;
    uint32_t from, to; /* publisher, recipient: index; to = UINT32_MAX: all */
    uint32_t count;    /* messages */
    uint32_t size;     /* of one payload */
    uint64_t number;   /* of the publisher's batch */
    uint32_t signature_size;
    uint8_t signature[BARE_SIGNATURE_BYTES_MAX];
    uint32_t unused;
};

struct evp_pkey_st;
struct bare_hash;

/* crypto.c: contexts that are kept, nothing fetched in a call */
struct bare_hash *bare_hash_new(void);
void bare_hash_free(struct bare_hash **hash);
void bare_hash_one(struct bare_hash *hash, const void *data, size_t size, uint8_t out[BARE_HASH_BYTES]);
/* What is signed of a batch, from its messages; all of one size. */
void bare_root(struct bare_hash *hash, const uint8_t *messages, uint32_t count, size_t size,
               uint8_t out[BARE_HASH_BYTES]);

struct bare_key;
struct bare_key *bare_key_make(void);
struct bare_key *bare_key_read(const uint8_t *der, size_t size); /* public; NULL: it is none */
size_t bare_key_write(const struct bare_key *key, uint8_t *der, size_t max);
void bare_key_free(struct bare_key **key);
void bare_sign(struct bare_key *key, const uint8_t root[BARE_HASH_BYTES], struct bare_head *head);
int bare_verify(struct bare_key *key, const uint8_t root[BARE_HASH_BYTES], const struct bare_head *head);
