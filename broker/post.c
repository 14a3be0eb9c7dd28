/* What leaves: held back until what it says is durable, completed, signed together, sent in order.
 *
 * A queue of everything the core wants sent. An entry goes when the append it names is committed; nothing overtakes an
 * earlier entry, so a peer sees one order (and what needs no append waits for at most the commit under way). What goes
 * at one time is signed at one time: the statements of all its receipts, witnesses and completeness are leaves under
 * one root.
 *
 * A peer that is cut is given a moment first: a cut takes what is not yet in TCP with it, the BYE that says why
 * included. Until then nothing more is sent to it and nothing it says is heard (broker_post_leaving). */
#include "broker.h"

#include "certs/verify.h"
#include "wire/codec.h"

#include <stdlib.h>

enum {
    TURN_ENTRIES = 128,             /* signed and sent together */
    TURN_BYTES = 8 * 1024 * 1024,   /* of parts completed together */
    ARENA_BYTES = 64 * 1024 * 1024, /* untouched pages cost nothing */
    TURN_STATEMENTS = 4096,         /* signed together; one frame has at most FRAME_STATEMENTS */
    FRAME_STATEMENTS = 1024,
    LEAVE_MS = 100, /* for the BYE */
    LEAVING_MAX = 256,
};

enum what { SEND_FRAME, SEND_POLICY, SEND_DIRECTORY, SEND_CUT };

/* A DELIVER before it is completed: it cannot be encoded yet. */
struct deliver {
    char mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
    Wire__Lane lane;
    uint64_t number, generation;
    struct wire_digest chain;
    bool again;
};

struct entry {
    struct entry *next;
    enum what what;
    link_peer peer;
    uint64_t after;
    uint64_t from, to;              /* policy: version; directory: epochs; cut: status */
    struct broker_part_source part; /* serial 0: the frame is complete but for signatures */
    struct deliver deliver;
    bool statements; /* the frame holds statements to be signed */
    size_t size;
    uint8_t bytes[]; /* the encoded frame */
};

struct broker_post {
    struct broker *broker;
    struct entry *first, **last;
    struct wire_arena arena;
    void *memory;
    Wire__Signed **unsigned_; /* of the turn, TURN_STATEMENTS */
    size_t unsigned_count;
    bool flushing;
    link_peer leaving[LEAVING_MAX]; /* in the order in which they were told to go */
    int64_t leave_ms[LEAVING_MAX];  /* when each is cut, mono */
    size_t leaving_count;
};

struct broker_post *broker_post_new(struct broker *broker)
{
    struct broker_post *post = calloc(1, sizeof(*post));
    ENSURE(post != NULL);
    post->broker = broker;
    post->last = &post->first;
    post->memory = malloc(ARENA_BYTES);
    post->unsigned_ = malloc(TURN_STATEMENTS * sizeof(*post->unsigned_));
    ENSURE(post->memory != NULL && post->unsigned_ != NULL);
    wire_arena_over(&post->arena, post->memory, ARENA_BYTES);
    return post;
}

void broker_post_free(struct broker_post **post)
{
    if (*post == NULL)
        return;
    while ((*post)->first != NULL) {
        struct entry *entry = (*post)->first;
        (*post)->first = entry->next;
        free(entry);
    }
    free((*post)->memory);
    free((*post)->unsigned_);
    free(*post);
    *post = NULL;
}

static struct entry *entry_add(struct broker_post *post, enum what what, link_peer peer, uint64_t after, size_t size)
{
    struct entry *entry = calloc(1, sizeof(*entry) + size);
    ENSURE(entry != NULL);
    entry->what = what;
    entry->peer = peer;
    entry->after = after;
    entry->size = size;
    *post->last = entry;
    post->last = &entry->next;
    return entry;
}

static bool has_statements(const Wire__Frame *frame)
{
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_RECEIPT:
        return frame->receipt->signed_->signature.len == 0;
    case WIRE__FRAME__BODY_WELCOME:
        return frame->welcome->n_completeness > 0;
    case WIRE__FRAME__BODY_PULSE:
        return frame->pulse->n_completeness > 0;
    default:
        return false;
    }
}

static struct deliver deliver_of(const Wire__Deliver *from)
{
    struct deliver deliver = {
        .lane = from->lane, .number = from->number, .generation = from->generation, .again = from->again};
    ENSURE(strlen(from->mechanism) < sizeof(deliver.mechanism) && from->chain.len == WIRE_HASH_BYTES);
    strcpy(deliver.mechanism, from->mechanism);
    memcpy(deliver.chain.bytes, from->chain.data, WIRE_HASH_BYTES);
    return deliver;
}

void broker_post_send(struct broker_post *post, const struct broker_send *send)
{
    if (send->part.serial != 0) {
        struct entry *entry = entry_add(post, SEND_FRAME, send->peer, send->after, 0);
        entry->part = send->part;
        entry->deliver = deliver_of(send->frame->deliver);
        return;
    }
    size_t size = protobuf_c_message_get_packed_size(&send->frame->base);
    struct entry *entry = entry_add(post, SEND_FRAME, send->peer, send->after, size);
    entry->statements = has_statements(send->frame);
    protobuf_c_message_pack(&send->frame->base, entry->bytes);
}

void broker_post_policy(struct broker_post *post, const struct broker_send_policy *send)
{
    entry_add(post, SEND_POLICY, send->peer, send->after, 0)->from = send->version;
}

void broker_post_directory(struct broker_post *post, const struct broker_send_directory *send)
{
    struct entry *entry = entry_add(post, SEND_DIRECTORY, send->peer, send->after, 0);
    entry->from = send->from_epoch;
    entry->to = send->epoch;
}

static void drop_peer(struct broker_post *post, link_peer peer)
{
    struct entry **at = &post->first;
    while (*at != NULL) {
        struct entry *entry = *at;
        if (entry->peer != peer) {
            at = &entry->next;
            continue;
        }
        *at = entry->next;
        free(entry);
    }
    post->last = at;
}

/* A cut comes after what was sent so far; that of a revoked peer waits for no commit, and it gets nothing more. */
void broker_post_cut(struct broker_post *post, const struct broker_cut *cut)
{
    bool revoked = cut->status == WIRE_REVOKED;
    struct entry *first = NULL;
    if (revoked) {
        drop_peer(post, cut->peer);
        first = post->first;
        post->first = NULL;
        post->last = &post->first;
    }
    struct entry *entry = entry_add(post, SEND_CUT, cut->peer, 0, 0);
    entry->from = cut->status;
    if (first == NULL)
        return;
    entry->next = first;
    while (*post->last != NULL)
        post->last = &(*post->last)->next;
}

/* --- one entry ---------------------------------------------------------------------------------------------------- */

static void to_sign(struct broker_post *post, Wire__Signed *signed_)
{
    if (signed_->signature.len > 0)
        return;
    ENSURE(post->unsigned_count < TURN_STATEMENTS);
    post->unsigned_[post->unsigned_count++] = signed_;
}

static void collect_statements(struct broker_post *post, Wire__Frame *frame)
{
    if (frame->body_case == WIRE__FRAME__BODY_RECEIPT)
        to_sign(post, frame->receipt->signed_);
    else if (frame->body_case == WIRE__FRAME__BODY_DELIVER)
        to_sign(post, frame->deliver->witness);
    else if (frame->body_case == WIRE__FRAME__BODY_WELCOME)
        for (size_t i = 0; i < frame->welcome->n_completeness; i++)
            to_sign(post, frame->welcome->completeness[i]);
    else if (frame->body_case == WIRE__FRAME__BODY_PULSE)
        for (size_t i = 0; i < frame->pulse->n_completeness; i++)
            to_sign(post, frame->pulse->completeness[i]);
}

static Wire__Frame *deliver_frame(struct broker_post *post, const struct deliver *from)
{
    Wire__Frame *frame = wire_arena_take(&post->arena, sizeof(*frame));
    Wire__Deliver *deliver = wire_arena_take(&post->arena, sizeof(*deliver));
    ENSURE(frame != NULL && deliver != NULL);
    wire__frame__init(frame);
    wire__deliver__init(deliver);
    frame->body_case = WIRE__FRAME__BODY_DELIVER;
    frame->deliver = deliver;
    deliver->mechanism = (char *)from->mechanism;
    deliver->lane = from->lane;
    deliver->number = from->number;
    deliver->chain = (ProtobufCBinaryData){WIRE_HASH_BYTES, (uint8_t *)from->chain.bytes};
    deliver->generation = from->generation;
    deliver->has_again = from->again;
    deliver->again = from->again;
    return frame;
}

/* Decodes an entry that is to be completed. An own encoding lacks required fields on purpose (part, witness,
 * signatures), so the strict decoder of the wire is not asked. */
static Wire__Frame *prepare(struct broker_post *post, const struct entry *entry)
{
    Wire__Frame *frame;
    if (entry->part.serial != 0) {
        frame = deliver_frame(post, &entry->deliver);
        enum wire_status status = broker_parts_fill(post->broker->parts, &entry->part, frame->deliver, &post->arena);
        if (status != WIRE_OK)
            broker_fail(post->broker, "账本中的批次无法读取", "a batch of the ledger cannot be read", status);
    } else {
        frame = wire__frame__unpack(&post->arena.allocator, entry->size, entry->bytes);
        ENSURE(frame != NULL);
    }
    collect_statements(post, frame);
    return frame;
}

static void sign_turn(struct broker_post *post)
{
    if (post->unsigned_count == 0)
        return;
    struct wire_arena *arena = &post->arena;
    size_t count = post->unsigned_count;
    struct cert_statement *items = wire_arena_take(arena, count * sizeof(*items));
    Wire__Signed *made = wire_arena_take(arena, count * sizeof(*made));
    ENSURE(items != NULL && made != NULL);
    for (size_t i = 0; i < count; i++) {
        const Wire__Signed *blank = post->unsigned_[i];
        items[i] = (struct cert_statement){.type = blank->type,
                                           .statement = wire_bytes(blank->statement.data, blank->statement.len)};
    }
    enum wire_status status =
        cert_sign_statements(post->broker->identity, &post->broker->hash, items, count, arena, made);
    if (status != WIRE_OK)
        broker_fail(post->broker, "无法签名", "cannot sign", status);
    for (size_t i = 0; i < count; i++)
        *post->unsigned_[i] = made[i];
    post->unsigned_count = 0;
}

/* --- peers that are told to go ------------------------------------------------------------------------------------ */

bool broker_post_leaving(const struct broker_post *post, link_peer peer)
{
    for (size_t i = 0; i < post->leaving_count; i++)
        if (post->leaving[i] == peer)
            return true;
    return false;
}

static void cut_first(struct broker_post *post)
{
    link_server_cut(post->broker->server, post->leaving[0]);
    post->leaving_count--;
    memmove(post->leaving, post->leaving + 1, post->leaving_count * sizeof(*post->leaving));
    memmove(post->leave_ms, post->leave_ms + 1, post->leaving_count * sizeof(*post->leave_ms));
}

static void arm_leaving(struct broker_post *post);

static void on_leave(uv_timer_t *timer)
{
    struct broker_post *post = ((struct broker *)timer->data)->post;
    while (post->leaving_count > 0 && post->leave_ms[0] <= broker_mono_ms())
        cut_first(post);
    arm_leaving(post);
}

static void arm_leaving(struct broker_post *post)
{
    if (post->leaving_count == 0)
        return;
    int64_t in_ms = post->leave_ms[0] - broker_mono_ms();
    uv_update_time(&post->broker->loop);
    uv_timer_start(&post->broker->leave, on_leave, in_ms > 0 ? (uint64_t)in_ms : 0, 0);
}

static void leave(struct broker_post *post, link_peer peer)
{
    if (broker_post_leaving(post, peer))
        return;
    if (post->leaving_count == LEAVING_MAX)
        cut_first(post);
    post->leaving[post->leaving_count] = peer;
    post->leave_ms[post->leaving_count++] = broker_mono_ms() + LEAVE_MS;
    if (post->leaving_count == 1)
        arm_leaving(post);
}

void broker_post_bye(struct broker_post *post, link_peer peer, enum wire_status status)
{
    Wire__Bye bye = WIRE__BYE__INIT;
    Wire__Frame frame = WIRE__FRAME__INIT;
    bye.reason = status;
    frame.body_case = WIRE__FRAME__BODY_BYE;
    frame.bye = &bye;
    broker_post_send(post, &(struct broker_send){.peer = peer, .frame = &frame});
    broker_post_cut(post, &(struct broker_cut){.peer = peer, .status = status});
}

/* --- what goes to the link ---------------------------------------------------------------------------------------- */

static void send_bytes(struct broker_post *post, link_peer peer, struct wire_bytes bytes)
{
    if (broker_post_leaving(post, peer))
        return;
    enum wire_status status = link_server_send(post->broker->server, peer, bytes);
    if (status == WIRE_AGAIN) /* credit stays far below the queue of a connection: this one is broken */
        link_server_cut(post->broker->server, peer);
}

static void send_frame(struct broker_post *post, link_peer peer, const Wire__Frame *frame)
{
    size_t mark = wire_arena_mark(&post->arena);
    struct wire_bytes bytes = wire_encode(&frame->base, &post->arena);
    ENSURE(bytes.data != NULL);
    send_bytes(post, peer, bytes);
    wire_arena_back(&post->arena, mark);
}

static void send_policy(struct broker_post *post, const struct entry *entry)
{
    struct wire_arena *arena = &post->arena;
    struct wire_bytes text = broker_trust_policy(post->broker->trust, entry->from, arena);
    for (size_t at = 0; at < text.size; at += WIRE_PIECE_BYTES_MAX) {
        size_t size = text.size - at < WIRE_PIECE_BYTES_MAX ? text.size - at : WIRE_PIECE_BYTES_MAX;
        Wire__PolicyPiece piece = WIRE__POLICY_PIECE__INIT;
        piece.version = entry->from;
        piece.total = (uint32_t)text.size;
        piece.offset = (uint32_t)at;
        piece.bytes = (ProtobufCBinaryData){size, (uint8_t *)text.data + at};
        Wire__Frame frame = WIRE__FRAME__INIT;
        frame.body_case = WIRE__FRAME__BODY_POLICY;
        frame.policy = &piece;
        send_frame(post, entry->peer, &frame);
    }
}

static void send_directory_piece(struct broker_post *post, const struct entry *entry, uint64_t first,
                                 ProtobufCBinaryData *records, size_t count)
{
    Wire__DirectoryPiece piece = WIRE__DIRECTORY_PIECE__INIT;
    piece.first_epoch = first;
    piece.last_epoch = entry->to;
    piece.record = records;
    piece.n_record = count;
    struct wire_bytes crl = cert_directory_crl_bytes(post->broker->directory);
    if (first + count > entry->to && crl.size > 0 && crl.size < WIRE_PIECE_BYTES_MAX) {
        piece.has_crl = true;
        piece.crl = (ProtobufCBinaryData){crl.size, (uint8_t *)crl.data};
    }
    Wire__Frame frame = WIRE__FRAME__INIT;
    frame.body_case = WIRE__FRAME__BODY_DIRECTORY;
    frame.directory = &piece;
    send_frame(post, entry->peer, &frame);
}

static void send_directory(struct broker_post *post, const struct entry *entry)
{
    enum { RECORDS = 256, BYTES = WIRE_PIECE_BYTES_MAX - 16 * 1024 };
    ProtobufCBinaryData records[RECORDS];
    size_t count = 0, bytes = 0;
    uint64_t first = entry->from + 1;
    for (uint64_t epoch = first; epoch <= entry->to; epoch++) {
        struct wire_bytes record = cert_directory_record(post->broker->directory, epoch);
        ENSURE(record.data != NULL);
        if (count == RECORDS || (count > 0 && bytes + record.size > BYTES)) {
            send_directory_piece(post, entry, first, records, count);
            first = epoch;
            count = bytes = 0;
        }
        records[count++] = (ProtobufCBinaryData){record.size, (uint8_t *)record.data};
        bytes += record.size;
    }
    send_directory_piece(post, entry, first, records, count);
}

/* The core is told how large a DELIVER became: its guess was an upper bound. */
static void say_sent(struct broker_post *post, const struct entry *entry, uint32_t lane, size_t bytes)
{
    struct broker_event event = {.kind = BROKER_EVENT_SENT};
    event.sent = (struct broker_sent){.peer = entry->peer,
                                      .session = entry->part.session,
                                      .lane = lane,
                                      .cost = entry->part.cost,
                                      .bytes = (uint32_t)bytes};
    broker_step(post->broker, &event);
}

/* Encodes what one entry sends; the link copies it. */
static void finish(struct broker_post *post, const struct entry *entry, Wire__Frame *frame)
{
    size_t mark = wire_arena_mark(&post->arena);
    switch (entry->what) {
    case SEND_FRAME: {
        struct wire_bytes bytes = wire_bytes(entry->bytes, entry->size);
        if (frame != NULL)
            bytes = wire_encode(&frame->base, &post->arena);
        ENSURE(bytes.data != NULL);
        send_bytes(post, entry->peer, bytes);
        if (entry->part.serial != 0)
            say_sent(post, entry, (uint32_t)frame->deliver->lane, bytes.size);
        break;
    }
    case SEND_POLICY:
        send_policy(post, entry);
        break;
    case SEND_DIRECTORY:
        send_directory(post, entry);
        break;
    case SEND_CUT:
        leave(post, entry->peer);
        break;
    }
    wire_arena_back(&post->arena, mark);
}

static void turn(struct broker_post *post, uint64_t committed)
{
    struct entry *entries[TURN_ENTRIES];
    Wire__Frame *frames[TURN_ENTRIES];
    size_t count = 0;
    wire_arena_reset(&post->arena);
    while (post->first != NULL && post->first->after <= committed && count < TURN_ENTRIES &&
           post->arena.used < TURN_BYTES && post->unsigned_count + FRAME_STATEMENTS <= TURN_STATEMENTS) {
        struct entry *entry = post->first;
        post->first = entry->next;
        if (post->first == NULL)
            post->last = &post->first;
        bool completed = entry->what == SEND_FRAME && (entry->part.serial != 0 || entry->statements);
        frames[count] = completed ? prepare(post, entry) : NULL;
        entries[count++] = entry;
    }
    sign_turn(post);
    for (size_t i = 0; i < count; i++) {
        finish(post, entries[i], frames[i]);
        free(entries[i]);
    }
}

void broker_post_flush(struct broker_post *post, uint64_t committed)
{
    if (post->flushing) /* a step from within say_sent: the turn that runs goes on with what it added */
        return;
    post->flushing = true;
    while (post->first != NULL && post->first->after <= committed)
        turn(post, committed);
    post->flushing = false;
}
