/* A batch as its origin makes it: salts, digests, headers, leaves, root, signature, all in time. Payloads and key boxes
 * are those made beforehand (world.h).
 *
 * The bytes are written in place: what comes before a length is not known until the end, so the frame grows from the
 * middle of the buffer to both sides. */
#include "lianfang/field.h"
#include "lianfang/world.h"

#include "wire/lane.h"
#include "wire/time.h"

enum {
    SEAL_ROOM = 512,
    BUFFER_BYTES = WIRE_FRAME_BYTES_MAX,
    HEADER_AND_SALT = HEADER_MAX + WIRE_SALT_BYTES + 32,
    HEADER_END = 96
};

/* --- ids that look like any UUIDv7 and say which message it is ------------------------------------------------------
 */

/* A bijection of 62 bits, so that the tail is as random as the product's and can still be read back. */
static const uint64_t mask62 = (UINT64_C(1) << 62) - 1, factor = 0x1fe69c3b7f4a7c15u, alert_bit = UINT64_C(1) << 61;

static uint64_t inverse(uint64_t odd)
{
    uint64_t x = odd;
    for (int i = 0; i < 6; i++)
        x *= 2 - odd * x;
    return x;
}

static uint64_t scramble(uint64_t x)
{
    x = x * factor & mask62;
    x ^= x >> 31;
    return x * factor & mask62;
}

static uint64_t unscramble(uint64_t x)
{
    x = x * inverse(factor) & mask62;
    x ^= x >> 31;
    return x * inverse(factor) & mask62;
}

void publish_id(uint32_t publisher, bool alert, uint64_t serial, int64_t wall_ms, uint8_t id[WIRE_ID_BYTES])
{
    uint64_t tail = scramble((uint64_t)publisher << 40 | serial | (alert ? alert_bit : 0));
    wire_put_u64(id, (uint64_t)wall_ms << 16 | 0x7000u | (tail & 0xfff));
    wire_put_u64(id + 8, tail | UINT64_C(1) << 63);
}

void publish_id_read(const uint8_t id[WIRE_ID_BYTES], uint32_t *publisher, bool *alert, uint64_t *serial)
{
    uint64_t x = unscramble(wire_get_u64(id + 8) & mask62);
    *alert = (x & alert_bit) != 0;
    *publisher = (uint32_t)((x & ~alert_bit) >> 40);
    *serial = x & ((UINT64_C(1) << 40) - 1);
}

/* Writes tag and length in front of `size` bytes that stand at `at`; where the whole begins. */
static uint8_t *wrap(uint8_t *at, uint32_t field, size_t size)
{
    uint8_t head[12];
    size_t used = (size_t)(put_head(head, field, size) - head);
    memcpy(at - used, head, used);
    return at - used;
}

/* --- one batch ------------------------------------------------------------------------------------------------------
 */

/* What the headers of a batch have in common, encoded once: between the pieces stand id, number and seq; behind them
 * the address and the digest. */
struct piece {
    uint8_t bytes[96];
    size_t size;
};

struct making {
    struct member *member;
    struct stream *stream;
    bool alert;
    int64_t wall_ms;
    uint32_t today, keep_until;
    struct piece before_id, before_number, before_seq, after_seq;
    uint8_t *start, *end; /* of the envelopes written so far */
    struct wire_digest leaf[WIRE_BATCH_LEAVES_MAX];
    uint32_t count, boxes;
    bool has_box[WIRE_BOXES_MAX]; /* by recipient */
};

static uint8_t buffer[BUFFER_BYTES + 2 * SEAL_ROOM];

static uint32_t address(const struct making *m, uint64_t serial)
{
    return m->member->world
        ->recipient_region[plan_recipient(m->member->world->plan, (uint32_t)m->member->publisher, serial)];
}

static uint8_t *put_address(uint8_t *at, const struct flow *flow, uint32_t region)
{
    uint8_t inner[16];
    if (flow->how == CONCERNED)
        return put_number(at, 29, region);
    if (flow->how == ALL)
        return at;
    uint8_t *end = put_number(put_number(inner, 1, region), 2, flow->unit);
    return put_bytes(at, 27, inner, (size_t)(end - inner));
}

static void piece_end(struct piece *piece, const uint8_t *at)
{
    piece->size = (size_t)(at - piece->bytes);
    ENSURE(piece->size <= sizeof(piece->bytes));
}

static void make_pieces(struct making *m)
{
    const struct flow *flow = m->stream->flow;
    uint8_t *at = put_number(m->before_id.bytes, 1, WIRE_PROTOCOL_VERSION);
    piece_end(&m->before_id, put_head(at, 2, WIRE_ID_BYTES));
    at = put_number(m->before_number.bytes, 3, m->today);
    piece_end(&m->before_number, put_varint(at, 4 << 3));
    at = put_number(m->before_seq.bytes, 5, m->member->region);
    at = put_number(at, 6, m->member->region);
    at = put_number(at, 7, flow->unit);
    at = put_bytes(at, 8, m->stream->store_id, WIRE_ID_BYTES);
    piece_end(&m->before_seq, put_varint(at, 9 << 3));
    at = put_bytes(m->after_seq.bytes, 10, flow->mechanism, strlen(flow->mechanism));
    at = put_number(at, 11, flow->lane);
    at = put_number(at, 12, flow->kind);
    at = put_number(at, 13, WIRE__STATUS__ACTUAL);
    at = put_number(at, 14, WIRE__ACTION__ISSUE);
    if (flow->chosen)
        at = put_bytes(at, 18, "bench", 5);
    at = put_number(at, 19, flow->lane == WIRE__LANE__FLASH ? WIRE__URGENCY__IMMEDIATE : WIRE__URGENCY__EXPECTED);
    at = put_number(at, 22, (uint64_t)m->wall_ms);
    piece_end(&m->after_seq, put_number(at, 26, m->keep_until));
}

static uint8_t *put_piece(uint8_t *at, const struct piece *piece)
{
    memcpy(at, piece->bytes, piece->size);
    return at + piece->size;
}

/* Ends with the address and what describes the payload. */
static size_t end_of_header(const struct making *m, uint64_t serial, const struct wire_digest *digest, uint8_t *out)
{
    const struct flow *flow = m->stream->flow;
    uint8_t *at = put_address(out, flow, flow->how == ALL ? 0 : address(m, serial));
    at = put_number(at, 31, 1);
    at = put_number(at, 32, flow->how == CONCERNED ? WIRE__PAYLOAD_FORM__SEALED : WIRE__PAYLOAD_FORM__CLEAR);
    return (size_t)(put_bytes(at, 33, digest->bytes, WIRE_HASH_BYTES) - out);
}

static size_t payload_size(const struct making *m)
{
    return m->member->world->plan->bytes + (m->stream->flow->how == CONCERNED ? 16u : 0u); /* the tag */
}

/* Envelope { header = 1, salt = 2, payload = 3 } in Batch.envelope = 2, each byte written once. */
static void put_envelope(struct making *m, uint64_t serial)
{
    struct world *world = m->member->world;
    uint8_t salt[WIRE_SALT_BYTES], id[WIRE_ID_BYTES], end[HEADER_END];
    plan_fill(&m->member->random, salt, sizeof(salt));
    struct wire_bytes payload =
        wire_bytes(world->noise + (plan_random(&m->member->random) & (1024 * 1024 - 1)), payload_size(m));
    struct wire_digest digest = wire_payload_digest(&world->hash, wire_bytes(salt, sizeof(salt)), payload);
    uint64_t number = ++m->member->number_serial, seq = m->stream->last + 1 + m->count;
    size_t end_size = end_of_header(m, serial, &digest, end);
    size_t size = m->before_id.size + sizeof(id) + m->before_number.size + size_varint(number) + m->before_seq.size +
                  size_varint(seq) + m->after_seq.size + end_size;
    size_t whole = 1 + size_varint(size) + size + 2 + sizeof(salt) + 1 + size_varint(payload.size) + payload.size;
    publish_id((uint32_t)m->member->publisher, m->alert, serial, m->wall_ms, id);
    ENSURE(size <= HEADER_MAX);

    uint8_t *header = put_head(put_head(m->end, 2, whole), 1, size), *at = put_piece(header, &m->before_id);
    memcpy(at, id, sizeof(id));
    at = put_varint(put_piece(at + sizeof(id), &m->before_number), number);
    at = put_varint(put_piece(at, &m->before_seq), seq);
    at = put_piece(at, &m->after_seq);
    memcpy(at, end, end_size);
    m->leaf[m->count++] = wire_header_leaf(&world->hash, wire_bytes(header, size));
    at = put_bytes(at + end_size, 2, salt, sizeof(salt));
    m->end = put_bytes(at, 3, payload.data, payload.size);
    if (m->stream->flow->how == CONCERNED)
        m->has_box[plan_recipient(world->plan, (uint32_t)m->member->publisher, serial)] = true;
}

/* By rising adcode. */
static void put_boxes(struct making *m)
{
    struct world *world = m->member->world;
    for (uint32_t below = 0;;) {
        int next = -1;
        for (uint32_t i = 0; i < world->plan->recipients && i < WIRE_BOXES_MAX; i++)
            if (m->has_box[i] && world->recipient_region[i] > below &&
                (next < 0 || world->recipient_region[i] < world->recipient_region[next]))
                next = (int)i;
        if (next < 0)
            return;
        const struct sealed *sealed = &world->sealed[next];
        struct wire_bytes cms = sealed->cms[world->batches % BOXES_KEPT];
        struct wire_bytes certificate = wire_bytes(sealed->certificate, WIRE_HASH_BYTES);
        below = world->recipient_region[next];
        m->leaf[m->count + m->boxes++] = wire_box_leaf(&world->hash, below, certificate, cms);
        uint8_t *inner = m->end + 8, *at = put_number(inner, 1, below);
        at = put_bytes(at, 2, certificate.data, certificate.size);
        at = put_bytes(at, 3, cms.data, cms.size);
        uint8_t *begin = wrap(inner, 3, (size_t)(at - inner));
        memmove(m->end, begin, (size_t)(at - begin));
        m->end += at - begin;
    }
}

static struct wire_digest put_seal(struct making *m)
{
    struct world *world = m->member->world;
    struct wire_digest root = wire_merkle_root(&world->hash, m->leaf, m->count + m->boxes);
    Wire__BatchSeal seal;
    wire__batch_seal__init(&seal);
    seal.origin = m->member->region;
    seal.mechanism = (char *)(uintptr_t)m->stream->flow->mechanism;
    seal.lane = m->stream->flow->lane;
    seal.store_id = (ProtobufCBinaryData){WIRE_ID_BYTES, m->stream->store_id};
    seal.first = m->stream->last + 1;
    seal.count = m->count;
    seal.boxes = m->boxes;
    seal.root = (ProtobufCBinaryData){WIRE_HASH_BYTES, root.bytes};
    wire_arena_reset(&world->arena);
    if (cert_sign_batch(m->member->identity, &seal, &world->arena) != WIRE_OK)
        plan_void("cannot sign");
    uint8_t packed[SEAL_ROOM];
    size_t size = wire__batch_seal__get_packed_size(&seal);
    ENSURE(size <= SEAL_ROOM - 32);
    wire__batch_seal__pack(&seal, packed);
    m->start -= size;
    memcpy(m->start, packed, size);
    m->start = wrap(m->start, 1, size);
    return root;
}

static void note_sent(struct making *m, const struct wire_digest *root)
{
    struct stream *stream = m->stream;
    ENSURE(stream->sent_count < SENT_MAX);
    stream->sent[(stream->sent_head + stream->sent_count++) % SENT_MAX] =
        (struct batch_sent){.first = stream->last + 1, .count = m->count, .root = *root, .sent_ns = plan_now_ns()};
    stream->last += m->count;
    m->member->world->batches++;
}

/* How many bytes of envelopes and boxes may be written now; 0: better wait for credit to come back. */
static size_t room(const struct member *member, const struct stream *stream)
{
    const struct lane_credit *credit = &member->submit[stream->flow->lane];
    uint64_t left = credit->granted - credit->used;
    uint64_t cap = member->world->batch_bytes;
    bool wait = stream->flow->lane != WIRE__LANE__FLASH && left < cap && stream->sent_count > 0;
    if (stream->sent_count == SENT_MAX || wait || left <= SEAL_ROOM)
        return 0;
    return (left < cap ? left : cap) - SEAL_ROOM;
}

/* The most that one more message adds: itself and, when about persons, the box of a region that has none yet. */
static size_t most_added(const struct making *m)
{
    return HEADER_AND_SALT + payload_size(m) + (m->stream->flow->how == CONCERNED ? 1024u : 0u);
}

uint32_t publish_batch(struct member *member, uint32_t which, uint32_t most)
{
    struct world *world = member->world;
    struct making m = {.member = member, .stream = &member->stream[which], .alert = which >= 1};
    uint64_t *serial = m.alert ? &member->alerts : &member->published;
    size_t bytes = room(member, m.stream), boxes = 0;
    m.wall_ms = world_wall_ms();
    m.today = wire_day_of(m.wall_ms);
    m.keep_until = wire_day_add(m.today, 28);
    make_pieces(&m);
    m.start = m.end = buffer + SEAL_ROOM;
    most = most < world->batch_envelopes ? most : world->batch_envelopes;
    while (m.count < most && (size_t)(m.end - m.start) + boxes + most_added(&m) <= bytes) {
        put_envelope(&m, (*serial)++);
        boxes = m.stream->flow->how == CONCERNED ? 600u * world->plan->recipients : 0;
    }
    if (m.count == 0)
        return 0;
    put_boxes(&m);
    struct wire_digest root = put_seal(&m);
    m.start = wrap(m.start, 1, (size_t)(m.end - m.start)); /* Submit.batch */
    m.start = wrap(m.start, 3, (size_t)(m.end - m.start)); /* Frame.submit */
    size_t size = (size_t)(m.end - m.start);
    member->submit[m.stream->flow->lane].used += size;
    ENSURE(member->submit[m.stream->flow->lane].used <= member->submit[m.stream->flow->lane].granted);
    note_sent(&m, &root);
    member_send_bytes(member, m.start, size);
    return m.count;
}
