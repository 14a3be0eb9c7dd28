/* What leaves: held back until what it says is durable, filled from the store, signed together, sent in order.
 *
 * A queue of everything the core wants sent. An entry goes when the append it names is committed; nothing overtakes an
 * earlier entry, so a broker sees one order. `arrived` statements that go at one time are leaves under one root. */
#include "node.h"

#include "wire/codec.h"

#include <stdlib.h>

enum {
    TURN_ENTRIES = 128,             /* signed and sent together */
    TURN_BYTES = 8 * 1024 * 1024,   /* of frames filled together */
    ARENA_BYTES = 64 * 1024 * 1024, /* untouched pages cost nothing */
    TURN_STATEMENTS = 4096,
};

struct entry {
    struct entry *next;
    uint8_t link;
    uint64_t session, after;
    struct {
        enum node_fill what;
        struct node_key key;
    } fill[NODE_FILLS_MAX];
    size_t fill_count;
    bool statements; /* holds some that are to be signed */
    size_t size;
    uint8_t bytes[]; /* the encoded frame */
};

struct node_post {
    struct node *node;
    struct entry *first, **last;
    struct wire_arena arena;
    void *memory;
    Wire__Signed **blank; /* of the turn, TURN_STATEMENTS */
    size_t blank_count;
    bool flushing;
};

struct node_post *node_post_new(struct node *node)
{
    struct node_post *post = calloc(1, sizeof(*post));
    ENSURE(post != NULL);
    post->node = node;
    post->last = &post->first;
    post->memory = malloc(ARENA_BYTES);
    post->blank = malloc(TURN_STATEMENTS * sizeof(*post->blank));
    ENSURE(post->memory != NULL && post->blank != NULL);
    wire_arena_over(&post->arena, post->memory, ARENA_BYTES);
    return post;
}

void node_post_free(struct node_post **post)
{
    if (*post == NULL)
        return;
    while ((*post)->first != NULL) {
        struct entry *entry = (*post)->first;
        (*post)->first = entry->next;
        free(entry);
    }
    free((*post)->memory);
    free((*post)->blank);
    free(*post);
    *post = NULL;
}

static bool has_blanks(const Wire__Frame *frame)
{
    if (frame->body_case != WIRE__FRAME__BODY_ARRIVED)
        return false;
    for (size_t i = 0; i < frame->arrived->n_part; i++)
        if (frame->arrived->part[i]->signed_->signature.len == 0)
            return true;
    return false;
}

void node_post_send(struct node_post *post, const struct node_send *send)
{
    struct node_line *line = &post->node->line[send->link];
    if (send->frame->body_case == WIRE__FRAME__BODY_PULSE) { /* the core knows no certificates */
        send->frame->pulse->has_certificate_until_ms = true;
        send->frame->pulse->certificate_until_ms = cert_identity_until_ms(post->node->identity);
    }
    size_t size = protobuf_c_message_get_packed_size(&send->frame->base);
    struct entry *entry = calloc(1, sizeof(*entry) + size);
    ENSURE(entry != NULL && send->fill_count <= NODE_FILLS_MAX);
    entry->link = send->link;
    entry->session = line->session;
    entry->after = send->after;
    entry->fill_count = send->fill_count;
    for (size_t i = 0; i < send->fill_count; i++) {
        entry->fill[i].what = send->fill[i].what;
        entry->fill[i].key = send->fill[i].key;
    }
    entry->statements = has_blanks(send->frame);
    entry->size = size;
    protobuf_c_message_pack(&send->frame->base, entry->bytes);
    *post->last = entry;
    post->last = &entry->next;
}

/* --- filling ------------------------------------------------------------------------------------------------------ */

/* Its payload cannot be had any more. It goes without, so that the broker says in a signed word that the batch is bad
 * and the core seals the others anew: a batch that never came would hold up its stream for ever. */
static enum wire_status leave_hollow(struct node *node, const Wire__Header *header, Wire__Envelope *envelope,
                                     struct wire_arena *arena)
{
    uint8_t *salt = wire_arena_take(arena, WIRE_SALT_BYTES);
    if (salt == NULL)
        return WIRE_NO_MEMORY;
    link_log_line(node->log, LINK_ERROR, "post", "已封装的内容无法读取，批次将由交换中心判为无效",
                  "a sealed payload cannot be read, the broker will call its batch bad",
                  LINK_UNSIGNED("day", header->keep_until), LINK_HEX("id", header->id.data, WIRE_ID_BYTES));
    envelope->salt = (ProtobufCBinaryData){WIRE_SALT_BYTES, salt};
    envelope->payload = (ProtobufCBinaryData){0, NULL};
    return WIRE_OK;
}

static enum wire_status fill_payload(struct node *node, Wire__Envelope *envelope, struct wire_arena *arena)
{
    const Wire__Header *header = node_read_header(wire_bytes(envelope->header.data, envelope->header.len), arena);
    struct wire_bytes salt, payload;
    if (header == NULL || header->id.len != WIRE_ID_BYTES)
        return WIRE_DAMAGED;
    enum wire_status status =
        node_rest_carried(node, header->keep_until, header->origin, header->id.data, arena, &salt, &payload);
    if (status == WIRE_ERASED || status == WIRE_DAMAGED)
        return leave_hollow(node, header, envelope, arena);
    envelope->salt = (ProtobufCBinaryData){salt.size, (uint8_t *)(uintptr_t)salt.data};
    envelope->payload = (ProtobufCBinaryData){payload.size, (uint8_t *)(uintptr_t)payload.data};
    return status;
}

/* NOT_FOUND: the batch was let go; it need not be sent any more. */
static enum wire_status fill_batch(struct node *node, const struct node_key *key, Wire__Submit *submit,
                                   struct wire_arena *arena)
{
    struct wire_bytes kept;
    enum wire_status status = store_row(&node->store, NODE_TABLE_BATCH_BYTES, key, arena, &kept);
    if (status != WIRE_OK || kept.data == NULL)
        return status == WIRE_OK ? WIRE_NOT_FOUND : status;
    Wire__Batch *batch = (Wire__Batch *)wire_decode(&wire__batch__descriptor, kept, WIRE_STRICT_NONE, arena, &status);
    if (batch == NULL)
        return WIRE_DAMAGED;
    for (size_t i = 0; i < batch->n_envelope && status == WIRE_OK; i++)
        status = fill_payload(node, batch->envelope[i], arena);
    if (status != WIRE_OK)
        return status;
    struct wire_bytes bytes = wire_encode(&batch->base, arena);
    submit->batch = (ProtobufCBinaryData){bytes.size, (uint8_t *)(uintptr_t)bytes.data};
    return bytes.data == NULL ? WIRE_NO_MEMORY : WIRE_OK;
}

static enum wire_status fill_signed(struct node *node, enum node_table table, const struct node_key *key,
                                    Wire__Signed **out, struct wire_arena *arena)
{
    struct wire_bytes kept;
    enum wire_status status = store_row(&node->store, table, key, arena, &kept);
    if (status != WIRE_OK || kept.data == NULL)
        return status;
    *out = (Wire__Signed *)wire_decode(&wire__signed__descriptor, kept, WIRE_STRICT_NONE, arena, &status);
    return *out == NULL ? WIRE_DAMAGED : WIRE_OK;
}

static enum wire_status fill(struct node_post *post, const struct entry *entry, Wire__Frame *frame)
{
    struct node *node = post->node;
    enum wire_status status = WIRE_OK;
    for (size_t i = 0; i < entry->fill_count && status == WIRE_OK; i++) {
        const struct node_key *key = &entry->fill[i].key;
        switch (entry->fill[i].what) {
        case NODE_FILL_BATCH:
            status = fill_batch(node, key, frame->submit, &post->arena);
            break;
        case NODE_FILL_HELD:
            status = fill_signed(node, NODE_TABLE_RECEIPT, key, &frame->submit->held, &post->arena);
            break;
        case NODE_FILL_NEWEST_RECEIPT:
            status = fill_signed(node, NODE_TABLE_RECEIPT, key, &frame->hello->newest_receipt, &post->arena);
            break;
        case NODE_FILL_COMPLETENESS:
            status = fill_signed(node, NODE_TABLE_COMPLETENESS, key, &frame->hello->newest_completeness, &post->arena);
            break;
        }
    }
    return status;
}

static void collect_blanks(struct node_post *post, Wire__Frame *frame)
{
    if (frame->body_case != WIRE__FRAME__BODY_ARRIVED)
        return;
    for (size_t i = 0; i < frame->arrived->n_part; i++) {
        Wire__Signed *signed_ = frame->arrived->part[i]->signed_;
        if (signed_->signature.len > 0)
            continue;
        ENSURE(post->blank_count < TURN_STATEMENTS);
        post->blank[post->blank_count++] = signed_;
    }
}

/* NULL: it cannot go any more. An own encoding lacks required bytes on purpose, so the strict decoder is not asked. */
static Wire__Frame *prepare(struct node_post *post, const struct entry *entry)
{
    Wire__Frame *frame = wire__frame__unpack(&post->arena.allocator, entry->size, entry->bytes);
    ENSURE(frame != NULL);
    enum wire_status status = fill(post, entry, frame);
    if (status == WIRE_NOT_FOUND) {
        link_log_line(post->node->log, LINK_WARNING, "post", "批次已不再保留，不再发送",
                      "a batch that is no longer held is not sent any more",
                      LINK_TEXT("link", post->node->config.brokers[entry->link].name));
        return NULL;
    }
    node_check(post->node, status);
    collect_blanks(post, frame);
    return frame;
}

/* --- signing and sending ------------------------------------------------------------------------------------------ */

static void sign_turn(struct node_post *post)
{
    struct wire_arena *arena = &post->arena;
    size_t count = post->blank_count;
    if (count == 0)
        return;
    struct cert_statement *items = wire_arena_take(arena, count * sizeof(*items));
    Wire__Signed *made = wire_arena_take(arena, count * sizeof(*made));
    ENSURE(items != NULL && made != NULL);
    for (size_t i = 0; i < count; i++) {
        const Wire__Signed *blank = post->blank[i];
        items[i] = (struct cert_statement){.type = blank->type,
                                           .statement = wire_bytes(blank->statement.data, blank->statement.len)};
    }
    enum wire_status status = cert_sign_statements(post->node->identity, &post->node->hash, items, count, arena, made);
    if (status != WIRE_OK)
        node_fail(post->node, "无法签名", "cannot sign", status);
    for (size_t i = 0; i < count; i++)
        *post->blank[i] = made[i];
    post->blank_count = 0;
}

static bool is_current(const struct node_post *post, const struct entry *entry)
{
    const struct node_line *line = &post->node->line[entry->link];
    return line->up && line->session == entry->session;
}

static void finish(struct node_post *post, const struct entry *entry, const Wire__Frame *frame)
{
    struct node_line *line = &post->node->line[entry->link];
    struct wire_bytes bytes = wire_bytes(entry->bytes, entry->size);
    if (!is_current(post, entry))
        return;
    if (frame != NULL)
        bytes = wire_encode(&frame->base, &post->arena);
    ENSURE(bytes.data != NULL);
    if (link_client_send(line->client, bytes) != WIRE_OK) /* credit stays far below its queue: it is broken */
        link_client_reconnect(line->client);
}

static bool is_raw(const struct entry *entry)
{
    return entry->fill_count == 0 && !entry->statements;
}

struct turn {
    struct entry *entry[TURN_ENTRIES];
    Wire__Frame *frame[TURN_ENTRIES];
    bool dropped[TURN_ENTRIES];
    size_t count;
};

static void add_to_turn(struct node_post *post, struct turn *turn, struct entry *entry)
{
    size_t i = turn->count++;
    turn->entry[i] = entry;
    turn->frame[i] = NULL;
    turn->dropped[i] = !is_current(post, entry);
    if (turn->dropped[i] || is_raw(entry))
        return;
    turn->frame[i] = prepare(post, entry);
    turn->dropped[i] = turn->frame[i] == NULL;
}

static void finish_turn(struct node_post *post, struct turn *turn)
{
    sign_turn(post);
    for (size_t i = 0; i < turn->count; i++) {
        if (!turn->dropped[i])
            finish(post, turn->entry[i], turn->frame[i]);
        free(turn->entry[i]);
    }
}

static void unlink_entry(struct node_post *post, struct entry **at)
{
    struct entry *entry = *at;
    *at = entry->next;
    if (post->last == &entry->next)
        post->last = at;
}

static void run_turn(struct node_post *post, uint64_t committed)
{
    struct turn turn = {.count = 0};
    wire_arena_reset(&post->arena);
    while (post->first != NULL && post->first->after <= committed && turn.count < TURN_ENTRIES &&
           post->arena.used < TURN_BYTES) {
        struct entry *entry = post->first;
        unlink_entry(post, &post->first);
        add_to_turn(post, &turn, entry);
    }
    finish_turn(post, &turn);
}

void node_post_flush(struct node_post *post, uint64_t committed)
{
    if (post->flushing)
        return;
    post->flushing = true;
    while (post->first != NULL && post->first->after <= committed)
        run_turn(post, committed);
    post->flushing = false;
}

void node_post_end(struct node_post *post, uint8_t link, uint64_t committed)
{
    ENSURE(!post->flushing);
    struct turn turn = {.count = 0};
    wire_arena_reset(&post->arena);
    for (struct entry **at = &post->first; *at != NULL;) {
        struct entry *entry = *at;
        if (entry->link != link) {
            at = &entry->next;
            continue;
        }
        unlink_entry(post, at);
        if (entry->after <= committed && turn.count < TURN_ENTRIES && post->arena.used < TURN_BYTES)
            add_to_turn(post, &turn, entry);
        else
            free(entry);
    }
    finish_turn(post, &turn);
}
