/* What the broker sends. Letters of shell/post.h: a frame of the core's; a DELIVER, which is made when it goes; a
 * policy or directory, which become frames when they go; a cut.
 *
 * A peer that is cut is given a moment first: a cut takes what is not yet in TCP with it, the BYE that says why
 * included. Until then nothing more is sent to it and nothing it says is heard (broker_post_leaving). */
#include "broker.h"

#include "shell/post.h"
#include "wire/codec.h"

#include <stdlib.h>

enum { LEAVE_MS = 100 /* for the BYE */, LEAVING_MAX = 256 };

enum what { SEND_FRAME, SEND_DELIVER, SEND_POLICY, SEND_DIRECTORY, SEND_CUT };

/* A DELIVER before it is completed: it cannot be encoded yet. */
struct deliver {
    char mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
    Wire__Lane lane;
    uint64_t number, generation;
    struct wire_digest chain;
    bool again;
};

struct entry {
    struct shell_letter letter;
    enum what what;
    link_peer peer;
    uint64_t from, to; /* policy: version; directory: epochs */
    struct broker_part_source part;
    struct deliver deliver;
};

struct broker_post {
    struct broker *broker;
    struct shell_post *post;
    struct wire_arena *arena;       /* of its turns */
    link_peer leaving[LEAVING_MAX]; /* in the order in which they were told to go */
    int64_t leave_ms[LEAVING_MAX];  /* when each is cut, mono */
    size_t leaving_count;
};

/* --- taking in ---------------------------------------------------------------------------------------------------- */

static struct entry *entry_add(struct broker_post *post, enum what what, link_peer peer, uint64_t after,
                               const Wire__Frame *frame)
{
    struct entry *entry =
        (struct entry *)shell_post_add(post->post, sizeof(*entry), LINK_PEER_SLOT(peer), after, frame);
    entry->what = what;
    entry->peer = peer;
    return entry;
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
    if (send->part.serial == 0) {
        entry_add(post, SEND_FRAME, send->peer, send->after, send->frame);
        if (send->frame->body_case == WIRE__FRAME__BODY_WELCOME)
            broker_post_crl(post, send->peer); /* HELLO does not say which one the node has */
        return;
    }
    struct entry *entry = entry_add(post, SEND_DELIVER, send->peer, send->after, NULL);
    entry->letter.open = true;
    entry->part = send->part;
    entry->deliver = deliver_of(send->frame->deliver);
}

void broker_post_policy(struct broker_post *post, const struct broker_send_policy *send)
{
    entry_add(post, SEND_POLICY, send->peer, send->after, NULL)->from = send->version;
}

void broker_post_directory(struct broker_post *post, const struct broker_send_directory *send)
{
    struct entry *entry = entry_add(post, SEND_DIRECTORY, send->peer, send->after, NULL);
    entry->from = send->from_epoch;
    entry->to = send->epoch;
}

void broker_post_crl(struct broker_post *post, link_peer peer)
{
    uint64_t epoch = cert_directory_epoch(post->broker->shell.directory);
    broker_post_directory(post, &(struct broker_send_directory){.peer = peer, .from_epoch = epoch, .epoch = epoch});
}

static bool is_to(const void *context, const struct shell_letter *letter)
{
    const link_peer *peer = context;
    return ((const struct entry *)letter)->peer == *peer;
}

/* Its certificate is none any more. */
static bool is_out(enum wire_status status)
{
    return status == WIRE_REVOKED || status == WIRE_SIGNER_REVOKED || status == WIRE_SIGNER_EXPIRED;
}

/* A cut comes after what was sent so far; that of a peer whose certificate was revoked or ended waits for no commit,
 * and it gets nothing more. */
void broker_post_cut(struct broker_post *post, const struct broker_cut *cut)
{
    if (!is_out(cut->status)) {
        entry_add(post, SEND_CUT, cut->peer, 0, NULL);
        return;
    }
    shell_post_drop(post->post, is_to, &cut->peer);
    struct entry *entry = (struct entry *)shell_post_add_first(post->post, sizeof(*entry), LINK_PEER_SLOT(cut->peer));
    entry->what = SEND_CUT;
    entry->peer = cut->peer;
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

/* --- completing --------------------------------------------------------------------------------------------------- */

static Wire__Frame *deliver_frame(struct broker_post *post, const struct deliver *from)
{
    Wire__Frame *frame = wire_arena_take(post->arena, sizeof(*frame));
    Wire__Deliver *deliver = wire_arena_take(post->arena, sizeof(*deliver));
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

static bool complete(void *context, struct shell_letter *letter)
{
    struct broker_post *post = context;
    const struct entry *entry = (const struct entry *)letter;
    if (entry->what != SEND_DELIVER)
        return true; /* nothing but signatures is missing */
    letter->frame = deliver_frame(post, &entry->deliver);
    enum wire_status status = broker_parts_fill(post->broker->parts, &entry->part, letter->frame->deliver, post->arena);
    if (status != WIRE_OK)
        shell_fail(&post->broker->shell, "账本中的批次无法读取", "a batch of the ledger cannot be read", status);
    return true;
}

static void sign(void *context, Wire__Signed **blank, size_t count, struct wire_arena *arena)
{
    struct broker_post *post = context;
    shell_sign(&post->broker->shell, blank, count, arena);
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
    while (post->leaving_count > 0 && post->leave_ms[0] <= shell_mono_ms())
        cut_first(post);
    arm_leaving(post);
}

static void arm_leaving(struct broker_post *post)
{
    if (post->leaving_count > 0)
        shell_timer_at(&post->broker->leave, post->leave_ms[0], on_leave);
}

static void leave(struct broker_post *post, link_peer peer)
{
    if (broker_post_leaving(post, peer))
        return;
    if (post->leaving_count == LEAVING_MAX)
        cut_first(post);
    post->leaving[post->leaving_count] = peer;
    post->leave_ms[post->leaving_count++] = shell_mono_ms() + LEAVE_MS;
    if (post->leaving_count == 1)
        arm_leaving(post);
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
    size_t mark = wire_arena_mark(post->arena);
    struct wire_bytes bytes = wire_encode(&frame->base, post->arena);
    ENSURE(bytes.data != NULL);
    send_bytes(post, peer, bytes);
    wire_arena_back(post->arena, mark);
}

static void send_policy(struct broker_post *post, const struct entry *entry)
{
    struct wire_arena *arena = post->arena;
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
    struct wire_bytes crl = cert_directory_crl_bytes(post->broker->shell.directory);
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
        struct wire_bytes record = cert_directory_record(post->broker->shell.directory, epoch);
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
static void say_sent(struct broker_post *post, const struct entry *entry, size_t bytes)
{
    struct broker_event event = {.kind = BROKER_EVENT_SENT};
    event.sent = (struct broker_sent){.peer = entry->peer,
                                      .session = entry->part.session,
                                      .lane = (uint32_t)entry->deliver.lane,
                                      .cost = entry->part.cost,
                                      .bytes = (uint32_t)bytes};
    broker_step(post->broker, &event);
}

static void send_letter(void *context, struct shell_letter *letter, struct wire_bytes bytes)
{
    struct broker_post *post = context;
    const struct entry *entry = (const struct entry *)letter;
    switch (entry->what) {
    case SEND_FRAME:
        send_bytes(post, entry->peer, bytes);
        break;
    case SEND_DELIVER:
        send_bytes(post, entry->peer, bytes);
        say_sent(post, entry, bytes.size);
        break;
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
}

/* --- the post ----------------------------------------------------------------------------------------------------- */

struct broker_post *broker_post_new(struct broker *broker)
{
    struct broker_post *post = calloc(1, sizeof(*post));
    ENSURE(post != NULL);
    post->broker = broker;
    struct shell_post_options options = {
        .orders = LINK_PEER_SLOTS, .context = post, .complete = complete, .sign = sign, .send = send_letter};
    post->post = shell_post_new(&options);
    post->arena = shell_post_arena(post->post);
    return post;
}

void broker_post_free(struct broker_post **post)
{
    if (*post == NULL)
        return;
    shell_post_free(&(*post)->post);
    free(*post);
    *post = NULL;
}

void broker_post_flush(struct broker_post *post, uint64_t committed)
{
    shell_post_flush(post->post, committed);
}

void broker_post_ahead(struct broker_post *post, uint64_t ticket)
{
    shell_post_ahead(post->post, ticket);
}
