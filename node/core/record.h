/* The tables of a node's store: what each holds, how its keys are built. Values are the messages of schema/store.proto,
 * raw bytes, or (PAYLOAD, CARRIED) whatever the shell encrypts. The core decides every row but those two; the shell
 * uses these functions to boot, to look things up for events and to show them.
 *
 * Names in keys are one length byte and the bytes; numbers are big-endian; days yyyymmdd u32; lanes u8.
 *
 * Ids of imported envelopes are as good as random, and a row under a random key costs a page of its own to write. So
 * what there is of an envelope lies under a number that rises, what is queued at one time side by side: the *place* of
 * one of ours, the order in the inbox of others'. Only PLACE and KNOWN go from id to number. */
#pragma once
#include "schema/store.pb-c.h"
#include "schema/trust.pb-c.h"
#include "wire/arena.h"
#include "wire/id.h"
#include "wire/row.h"

/* TABLE(name, text, boot: its rows are given to the core as BOOT_ROW) */
/* clang-format off */
#define NODE_TABLE_LIST(TABLE) \
    TABLE(META,          "meta",          true)  /* one 0 byte: NodeMeta */ \
    TABLE(LINK,          "link",          true)  /* link: NodeLink */ \
    TABLE(STREAM,        "stream",        true)  /* link ‖ mechanism ‖ lane ‖ store id: NodeStream */ \
    TABLE(QUEUE,         "queue",         true)  /* link ‖ mechanism ‖ lane: NodeQueue */ \
    TABLE(CURSOR,        "cursor",        true)  /* link ‖ mechanism ‖ lane: NodeCursor */ \
    TABLE(NUMBER,        "number",        true)  /* day: NodeNumber */ \
    TABLE(DRAFT,         "draft",         false) /* link ‖ mechanism ‖ lane ‖ order u64: NodeDraft */ \
    TABLE(HELD,          "held",          false) /* id it waits for (16 zeros: the rules) ‖ own id: NodeDraft */ \
    TABLE(EXPIRY,        "expiry",        false) /* expires_ms u64 ‖ id: empty; drafts and held ones that expire */ \
    TABLE(PLACE,         "place",         false) /* id: u64, the place of an envelope of ours */ \
    TABLE(OUTBOX,        "outbox",        false) /* place u64: encoded Header, its store id, seq and digest empty */ \
    TABLE(STATE,         "state",         false) /* place u64: NodeState */ \
    TABLE(OUTBOX_NUMBER, "outbox-number", false) /* day ‖ serial u32 ‖ id: empty; the outbox in order of numbers */ \
    TABLE(BATCH,         "batch",         false) /* link ‖ mechanism ‖ lane ‖ store id ‖ first u64: NodeBatch */ \
    TABLE(BATCH_BYTES,   "batch-bytes",   false) /* the same key: encoded Batch, salts and payloads empty */ \
    TABLE(RECEIPT,       "receipt",       false) /* batch key ‖ recipient u32, 0: the broker ‖ number u64: Signed, as it came */ \
    TABLE(INBOX,         "inbox",         false) /* order u64: NodeInbox */ \
    TABLE(REJECTED,      "rejected",      false) /* order u64: NodeInbox */ \
    TABLE(KNOWN,         "known",         false) /* origin u32 ‖ id: NodeKnown */ \
    TABLE(EVIDENCE,      "evidence",      false) /* link ‖ mechanism ‖ lane ‖ generation u64 ‖ number u64 ‖ chain, 8: NodeEvidence */ \
    TABLE(COMPLETENESS,  "completeness",  false) /* link ‖ mechanism ‖ lane: encoded Signed, the newest */ \
    TABLE(PAYLOAD,       "payload",       false) /* day ‖ side u8 ‖ u64: our own as written, under the key of the day */ \
    TABLE(CARRIED,       "carried",       false) /* day ‖ side u8 ‖ u64: salt and payload as carried, likewise */ \
    TABLE(POLICY,        "policy",        false) /* version u64: encoded SignedPolicy */ \
    TABLE(DIRECTORY,     "directory",     false) /* epoch u64: encoded DirectoryRecord */ \
    TABLE(IMPORT,        "import",        false) /* HMAC of the import key, 32: id ‖ content digest 32; the shell's */ \
    TABLE(SENT,          "sent",          false) /* the key of its BATCH row: encoded Batch, salts and payloads empty, for evidence; the shell's */
/* clang-format on */

enum node_table {
#define NODE_TABLE_ENUM(name, text, boot) NODE_TABLE_##name,
    NODE_TABLE_LIST(NODE_TABLE_ENUM)
#undef NODE_TABLE_ENUM
        NODE_TABLES
};

enum { NODE_STORE_FORMAT = 3, NODE_LINK_NAME_MAX = 16 };

const char *node_table_name(enum node_table table);
bool node_table_boots(enum node_table table);
/* What its values are; NULL: none, raw or encrypted. */
const ProtobufCMessageDescriptor *node_table_message(enum node_table table);

struct node_key {
    uint8_t data[WIRE_KEY_BYTES_MAX];
    size_t size;
};

static inline struct wire_bytes node_key_bytes(const struct node_key *key)
{
    return wire_bytes(key->data, key->size);
}

/* Link, mechanism and lane: QUEUE, CURSOR, COMPLETENESS, and the prefix of DRAFT, STREAM, BATCH, EVIDENCE. */
struct node_key node_key_lane(const char *link, const char *mechanism, Wire__Lane lane);
struct node_key node_key_meta(void);
struct node_key node_key_link(const char *link);
struct node_key node_key_number(uint32_t day);
struct node_key node_key_stream(const char *link, const char *mechanism, Wire__Lane lane,
                                const uint8_t store_id[WIRE_ID_BYTES]); /* also the prefix of its batches */
struct node_key node_key_batch(const char *link, const char *mechanism, Wire__Lane lane,
                               const uint8_t store_id[WIRE_ID_BYTES], uint64_t first);
struct node_key node_key_draft(const char *link, const char *mechanism, Wire__Lane lane, uint64_t order);
struct node_key node_key_held(const uint8_t waits_for[WIRE_ID_BYTES], const uint8_t id[WIRE_ID_BYTES]);
struct node_key node_key_expiry(int64_t expires_ms, const uint8_t id[WIRE_ID_BYTES]);
struct node_key node_key_id(const uint8_t id[WIRE_ID_BYTES]); /* PLACE */
struct node_key node_key_place(uint64_t place);               /* OUTBOX, STATE */
struct node_key node_key_outbox_number(uint32_t day, uint32_t serial, const uint8_t id[WIRE_ID_BYTES]);
/* batch: the key of its BATCH row. recipient 0 and number 0: the broker's verdicts; else a recipient's `arrived`. */
struct node_key node_key_receipt(const struct node_key *batch, uint32_t recipient, uint64_t number);
struct node_key node_key_order(uint64_t order); /* INBOX, REJECTED */
struct node_key node_key_known(uint32_t origin, const uint8_t id[WIRE_ID_BYTES]);
/* With the beginning of the running hash: a ledger that lost something may give a number a second time. (Rows of older
 * stores are without; INBOX rows say the whole key.) */
enum { NODE_EVIDENCE_CHAIN_BYTES = 8 };
struct node_key node_key_evidence(const char *link, const char *mechanism, Wire__Lane lane, uint64_t generation,
                                  uint64_t number, const uint8_t chain[WIRE_HASH_BYTES]);
/* PAYLOAD, CARRIED. Ours: `number` is the place. Others': the order in the inbox. */
enum node_side { NODE_OURS = 0, NODE_OTHERS = 1 };
enum { NODE_PAYLOAD_KEY_BYTES = 4 + 1 + 8 };
struct node_key node_key_payload(uint32_t day, enum node_side side, uint64_t number);
struct node_key node_key_serial(uint64_t serial); /* POLICY, DIRECTORY */

/* What a key says. Names are copied with a NUL. false: not such a key. */
struct node_lane_key {
    char link[NODE_LINK_NAME_MAX + 1];
    char mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
    Wire__Lane lane;
    struct wire_bytes rest; /* what follows link, mechanism and lane; borrowed from the key */
};
bool node_key_parse_lane(struct wire_bytes key, struct node_lane_key *out);
/* The value of a PLACE row; 0: none, or no number. */
uint64_t node_read_place(struct wire_bytes value);
/* The id at the end of a HELD or EXPIRY key; NULL: too short. */
const uint8_t *node_key_last_id(struct wire_bytes key);
bool node_key_parse_link(struct wire_bytes key, char link[NODE_LINK_NAME_MAX + 1]);

/* Values: wire_decode with WIRE_STRICT_NONE. NULL: damaged, or the arena is used up. Owned by the arena. */
Wire__NodeState *node_read_state(struct wire_bytes value, struct wire_arena *arena);
Wire__NodeKnown *node_read_known(struct wire_bytes value, struct wire_arena *arena);
Wire__NodeBatch *node_read_batch(struct wire_bytes value, struct wire_arena *arena);
Wire__Signed *node_read_signed(struct wire_bytes value, struct wire_arena *arena);            /* a RECEIPT row */
Wire__ReceiptStatement *node_read_receipt(struct wire_bytes value, struct wire_arena *arena); /* what one says */
Wire__NodeDraft *node_read_draft(struct wire_bytes value, struct wire_arena *arena);
Wire__NodeInbox *node_read_inbox(struct wire_bytes value, struct wire_arena *arena);
Wire__NodeEvidence *node_read_evidence(struct wire_bytes value, struct wire_arena *arena);
Wire__Header *node_read_header(struct wire_bytes value, struct wire_arena *arena);

/* The id that stands in KNOWN and payload keys for an envelope whose header cannot be read: of its leaf. */
static inline const uint8_t *node_leaf_id(const uint8_t leaf[WIRE_HASH_BYTES])
{
    return leaf;
}
