#include "node/core/record.h"
#include "wire/codec.h"
#include "wire/ensure.h"

const char *node_table_name(enum node_table table)
{
    static const char *const names[] = {
#define NODE_TABLE_NAME(name, text, boot) text,
        NODE_TABLE_LIST(NODE_TABLE_NAME)
#undef NODE_TABLE_NAME
    };
    return table < NODE_TABLES ? names[table] : "?";
}

bool node_table_boots(enum node_table table)
{
    static const bool boots[] = {
#define NODE_TABLE_BOOT(name, text, boot) boot,
        NODE_TABLE_LIST(NODE_TABLE_BOOT)
#undef NODE_TABLE_BOOT
    };
    return table < NODE_TABLES && boots[table];
}

/* --- keys -----------------------------------------------------------------------------------------------------------
 */

static void add(struct node_key *key, const void *data, size_t size)
{
    ENSURE(key->size + size <= sizeof key->data);
    memcpy(key->data + key->size, data, size);
    key->size += size;
}

static void add_u8(struct node_key *key, uint8_t v)
{
    add(key, &v, 1);
}

static void add_u32(struct node_key *key, uint32_t v)
{
    uint8_t bytes[4];
    wire_put_u32(bytes, v);
    add(key, bytes, sizeof bytes);
}

static void add_u64(struct node_key *key, uint64_t v)
{
    uint8_t bytes[8];
    wire_put_u64(bytes, v);
    add(key, bytes, sizeof bytes);
}

static void add_name(struct node_key *key, const char *name, size_t max)
{
    size_t size = strlen(name);
    ENSURE(size <= max);
    add_u8(key, (uint8_t)size);
    add(key, name, size);
}

struct node_key node_key_meta(void)
{
    return (struct node_key){.size = 1};
}

struct node_key node_key_link(const char *link)
{
    struct node_key key = {.size = 0};
    add_name(&key, link, NODE_LINK_NAME_MAX);
    return key;
}

struct node_key node_key_lane(const char *link, const char *mechanism, Wire__Lane lane)
{
    struct node_key key = node_key_link(link);
    add_name(&key, mechanism, WIRE_MECHANISM_BYTES_MAX);
    add_u8(&key, (uint8_t)lane);
    return key;
}

struct node_key node_key_number(uint32_t day)
{
    struct node_key key = {.size = 0};
    add_u32(&key, day);
    return key;
}

struct node_key node_key_stream(const char *link, const char *mechanism, Wire__Lane lane,
                                const uint8_t store_id[WIRE_ID_BYTES])
{
    struct node_key key = node_key_lane(link, mechanism, lane);
    add(&key, store_id, WIRE_ID_BYTES);
    return key;
}

struct node_key node_key_batch(const char *link, const char *mechanism, Wire__Lane lane,
                               const uint8_t store_id[WIRE_ID_BYTES], uint64_t first)
{
    struct node_key key = node_key_stream(link, mechanism, lane, store_id);
    add_u64(&key, first);
    return key;
}

struct node_key node_key_draft(const char *link, const char *mechanism, Wire__Lane lane, uint64_t order)
{
    struct node_key key = node_key_lane(link, mechanism, lane);
    add_u64(&key, order);
    return key;
}

struct node_key node_key_held(const uint8_t waits_for[WIRE_ID_BYTES], const uint8_t id[WIRE_ID_BYTES])
{
    struct node_key key = node_key_id(waits_for);
    add(&key, id, WIRE_ID_BYTES);
    return key;
}

struct node_key node_key_expiry(int64_t expires_ms, const uint8_t id[WIRE_ID_BYTES])
{
    struct node_key key = {.size = 0};
    add_u64(&key, expires_ms < 0 ? 0 : (uint64_t)expires_ms);
    add(&key, id, WIRE_ID_BYTES);
    return key;
}

struct node_key node_key_id(const uint8_t id[WIRE_ID_BYTES])
{
    struct node_key key = {.size = 0};
    add(&key, id, WIRE_ID_BYTES);
    return key;
}

struct node_key node_key_outbox_number(uint32_t day, uint32_t serial, const uint8_t id[WIRE_ID_BYTES])
{
    struct node_key key = node_key_number(day);
    add_u32(&key, serial);
    add(&key, id, WIRE_ID_BYTES);
    return key;
}

struct node_key node_key_receipt(const struct node_key *batch, uint32_t recipient, uint64_t number)
{
    struct node_key key = *batch;
    add_u32(&key, recipient);
    add_u64(&key, number);
    return key;
}

struct node_key node_key_place(uint64_t place)
{
    return node_key_serial(place);
}

struct node_key node_key_order(uint64_t order)
{
    return node_key_serial(order);
}

struct node_key node_key_serial(uint64_t serial)
{
    struct node_key key = {.size = 0};
    add_u64(&key, serial);
    return key;
}

struct node_key node_key_known(uint32_t origin, const uint8_t id[WIRE_ID_BYTES])
{
    struct node_key key = {.size = 0};
    add_u32(&key, origin);
    add(&key, id, WIRE_ID_BYTES);
    return key;
}

struct node_key node_key_evidence(const char *link, const char *mechanism, Wire__Lane lane, uint64_t generation,
                                  uint64_t number, const uint8_t chain[WIRE_HASH_BYTES])
{
    struct node_key key = node_key_lane(link, mechanism, lane);
    add_u64(&key, generation);
    add_u64(&key, number);
    add(&key, chain, NODE_EVIDENCE_CHAIN_BYTES);
    return key;
}

struct node_key node_key_payload(uint32_t day, enum node_side side, uint64_t number)
{
    struct node_key key = node_key_number(day);
    add_u8(&key, (uint8_t)side);
    add_u64(&key, number);
    return key;
}

/* Takes a name off the front of `key`. */
static bool take_name(struct wire_bytes *key, char *name, size_t max)
{
    if (key->size < 1 || key->data[0] > max || key->size < 1U + key->data[0])
        return false;
    size_t size = key->data[0];
    memcpy(name, key->data + 1, size);
    name[size] = '\0';
    *key = wire_bytes(key->data + 1 + size, key->size - 1 - size);
    return strlen(name) == size;
}

bool node_key_parse_link(struct wire_bytes key, char link[NODE_LINK_NAME_MAX + 1])
{
    return take_name(&key, link, NODE_LINK_NAME_MAX) && key.size == 0;
}

bool node_key_parse_lane(struct wire_bytes key, struct node_lane_key *out)
{
    if (!take_name(&key, out->link, NODE_LINK_NAME_MAX) || !take_name(&key, out->mechanism, WIRE_MECHANISM_BYTES_MAX))
        return false;
    if (key.size < 1 || key.data[0] >= WIRE_LANES)
        return false;
    out->lane = (Wire__Lane)key.data[0];
    out->rest = wire_bytes(key.data + 1, key.size - 1);
    return true;
}

uint64_t node_read_place(struct wire_bytes value)
{
    return value.size == 8 ? wire_get_u64(value.data) : 0;
}

const uint8_t *node_key_last_id(struct wire_bytes key)
{
    return key.size < WIRE_ID_BYTES ? NULL : key.data + key.size - WIRE_ID_BYTES;
}

/* --- values ---------------------------------------------------------------------------------------------------------
 */

const ProtobufCMessageDescriptor *node_table_message(enum node_table table)
{
    switch (table) {
    case NODE_TABLE_META:
        return &wire__node_meta__descriptor;
    case NODE_TABLE_LINK:
        return &wire__node_link__descriptor;
    case NODE_TABLE_STREAM:
        return &wire__node_stream__descriptor;
    case NODE_TABLE_QUEUE:
        return &wire__node_queue__descriptor;
    case NODE_TABLE_CURSOR:
        return &wire__node_cursor__descriptor;
    case NODE_TABLE_NUMBER:
        return &wire__node_number__descriptor;
    case NODE_TABLE_DRAFT:
    case NODE_TABLE_HELD:
        return &wire__node_draft__descriptor;
    case NODE_TABLE_OUTBOX:
        return &wire__header__descriptor;
    case NODE_TABLE_STATE:
        return &wire__node_state__descriptor;
    case NODE_TABLE_BATCH:
        return &wire__node_batch__descriptor;
    case NODE_TABLE_BATCH_BYTES:
        return &wire__batch__descriptor;
    case NODE_TABLE_RECEIPT:
    case NODE_TABLE_COMPLETENESS:
        return &wire__signed__descriptor;
    case NODE_TABLE_INBOX:
    case NODE_TABLE_REJECTED:
        return &wire__node_inbox__descriptor;
    case NODE_TABLE_KNOWN:
        return &wire__node_known__descriptor;
    case NODE_TABLE_EVIDENCE:
        return &wire__node_evidence__descriptor;
    case NODE_TABLE_POLICY:
        return &wire__signed_policy__descriptor;
    case NODE_TABLE_DIRECTORY:
        return &wire__directory_record__descriptor;
    default:
        return NULL;
    }
}

static ProtobufCMessage *read_as(const ProtobufCMessageDescriptor *type, struct wire_bytes value,
                                 struct wire_arena *arena)
{
    enum wire_status status;
    return value.data == NULL ? NULL : wire_decode(type, value, WIRE_STRICT_NONE, arena, &status);
}

Wire__NodeState *node_read_state(struct wire_bytes value, struct wire_arena *arena)
{
    return (Wire__NodeState *)read_as(&wire__node_state__descriptor, value, arena);
}

Wire__NodeKnown *node_read_known(struct wire_bytes value, struct wire_arena *arena)
{
    return (Wire__NodeKnown *)read_as(&wire__node_known__descriptor, value, arena);
}

Wire__NodeBatch *node_read_batch(struct wire_bytes value, struct wire_arena *arena)
{
    return (Wire__NodeBatch *)read_as(&wire__node_batch__descriptor, value, arena);
}

Wire__Signed *node_read_signed(struct wire_bytes value, struct wire_arena *arena)
{
    return (Wire__Signed *)read_as(&wire__signed__descriptor, value, arena);
}

Wire__ReceiptStatement *node_read_receipt(struct wire_bytes value, struct wire_arena *arena)
{
    return (Wire__ReceiptStatement *)read_as(&wire__receipt_statement__descriptor, value, arena);
}

Wire__NodeDraft *node_read_draft(struct wire_bytes value, struct wire_arena *arena)
{
    return (Wire__NodeDraft *)read_as(&wire__node_draft__descriptor, value, arena);
}

Wire__NodeInbox *node_read_inbox(struct wire_bytes value, struct wire_arena *arena)
{
    return (Wire__NodeInbox *)read_as(&wire__node_inbox__descriptor, value, arena);
}

Wire__NodeEvidence *node_read_evidence(struct wire_bytes value, struct wire_arena *arena)
{
    return (Wire__NodeEvidence *)read_as(&wire__node_evidence__descriptor, value, arena);
}

Wire__Header *node_read_header(struct wire_bytes value, struct wire_arena *arena)
{
    return (Wire__Header *)read_as(&wire__header__descriptor, value, arena);
}
