/* What the node sends. Letters of shell/post.h: frames of the core's, what they lack filled in from the store. What was
 * to be sent in a session that has ended is dropped. */
#include "node.h"

#include "wire/codec.h"

#include <stdlib.h>

struct entry {
    struct shell_letter letter; /* its order is the link */
    uint64_t session;
    struct {
        enum node_fill what;
        struct node_key key;
    } fill[NODE_FILLS_MAX];
    size_t fill_count;
};

/* The batch was sealed in this very step: it goes as it is. */
static bool is_at_hand(const struct node *node, const struct node_send *send)
{
    const struct node_key *key = &node->stepping.whole_key;
    return node->stepping.whole.data != NULL && send->fill_count == 1 && send->fill[0].what == NODE_FILL_BATCH &&
           wire_bytes_equal(node_key_bytes(&send->fill[0].key), node_key_bytes(key));
}

void node_post_send(struct node *node, const struct node_send *send)
{
    if (send->frame->body_case == WIRE__FRAME__BODY_PULSE) { /* the core knows no certificates */
        send->frame->pulse->has_certificate_until_ms = true;
        send->frame->pulse->certificate_until_ms = cert_identity_until_ms(node->shell.identity);
    }
    ENSURE(send->fill_count <= NODE_FILLS_MAX);
    size_t fill_count = send->fill_count;
    if (is_at_hand(node, send)) {
        struct wire_bytes whole = node->stepping.whole;
        send->frame->submit->batch = (ProtobufCBinaryData){whole.size, (uint8_t *)(uintptr_t)whole.data};
        fill_count = 0;
    }
    struct entry *entry =
        (struct entry *)shell_post_add(node->post, sizeof(*entry), send->link, send->after, send->frame);
    entry->session = node->line[send->link].session;
    entry->letter.open = entry->letter.open || fill_count > 0;
    entry->fill_count = fill_count;
    for (size_t i = 0; i < fill_count; i++) {
        entry->fill[i].what = send->fill[i].what;
        entry->fill[i].key = send->fill[i].key;
    }
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
    link_log_line(node->shell.log, LINK_ERROR, "post", "已封装的内容无法读取，批次将由交换中心判为无效",
                  "a sealed payload cannot be read, the broker will call its batch bad",
                  LINK_UNSIGNED("day", header->keep_until), LINK_HEX("id", header->id.data, WIRE_ID_BYTES));
    envelope->salt = (ProtobufCBinaryData){WIRE_SALT_BYTES, salt};
    envelope->payload = (ProtobufCBinaryData){0, NULL};
    return WIRE_OK;
}

static enum wire_status fill_payload(struct node *node, Wire__Envelope *envelope, uint64_t place,
                                     struct wire_arena *arena)
{
    const Wire__Header *header = node_read_header(wire_bytes(envelope->header.data, envelope->header.len), arena);
    struct wire_bytes salt, payload;
    if (header == NULL || header->id.len != WIRE_ID_BYTES)
        return WIRE_DAMAGED;
    enum wire_status status = node_rest_carried(node, header->keep_until, NODE_OURS, place, arena, &salt, &payload);
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
    uint64_t *place;
    status = store_batch_places(&node->store, key, batch->n_envelope, arena, &place);
    for (size_t i = 0; i < batch->n_envelope && status == WIRE_OK; i++)
        status = fill_payload(node, batch->envelope[i], place[i], arena);
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

static enum wire_status fill(struct node *node, const struct entry *entry)
{
    struct wire_arena *arena = shell_post_arena(node->post);
    Wire__Frame *frame = entry->letter.frame;
    enum wire_status status = WIRE_OK;
    for (size_t i = 0; i < entry->fill_count && status == WIRE_OK; i++) {
        const struct node_key *key = &entry->fill[i].key;
        switch (entry->fill[i].what) {
        case NODE_FILL_BATCH:
            status = fill_batch(node, key, frame->submit, arena);
            break;
        case NODE_FILL_HELD:
            status = fill_signed(node, NODE_TABLE_RECEIPT, key, &frame->submit->held, arena);
            break;
        case NODE_FILL_NEWEST_RECEIPT:
            status = fill_signed(node, NODE_TABLE_RECEIPT, key, &frame->hello->newest_receipt, arena);
            break;
        case NODE_FILL_COMPLETENESS:
            status = fill_signed(node, NODE_TABLE_COMPLETENESS, key, &frame->hello->newest_completeness, arena);
            break;
        }
    }
    return status;
}

static bool is_current(const struct node *node, const struct entry *entry)
{
    const struct node_line *line = &node->line[entry->letter.order];
    return line->up && line->session == entry->session;
}

static bool complete(void *context, struct shell_letter *letter)
{
    struct node *node = context;
    const struct entry *entry = (const struct entry *)letter;
    if (!is_current(node, entry))
        return false;
    enum wire_status status = fill(node, entry);
    if (status == WIRE_NOT_FOUND) {
        link_log_line(node->shell.log, LINK_WARNING, "post", "批次已不再保留，不再发送",
                      "a batch that is no longer held is not sent any more",
                      LINK_TEXT("link", node->config.brokers[letter->order].name));
        return false;
    }
    shell_check(&node->shell, status);
    return true;
}

static void sign(void *context, Wire__Signed **blank, size_t count, struct wire_arena *arena)
{
    struct node *node = context;
    shell_sign(&node->shell, blank, count, arena);
}

static void send_letter(void *context, struct shell_letter *letter, struct wire_bytes bytes)
{
    struct node *node = context;
    struct node_line *line = &node->line[letter->order];
    if (!is_current(node, (const struct entry *)letter))
        return;
    if (link_client_send(line->client, bytes) != WIRE_OK) /* credit stays far below its queue: it is broken */
        link_client_reconnect(line->client);
}

/* --- the post ----------------------------------------------------------------------------------------------------- */

struct shell_post *node_post_new(struct node *node)
{
    struct shell_post_options options = {
        .orders = NODE_LINKS_MAX, .context = node, .complete = complete, .sign = sign, .send = send_letter};
    return shell_post_new(&options);
}

static bool is_of_link(const void *context, const struct shell_letter *letter)
{
    const uint8_t *link = context;
    return letter->order == *link;
}

void node_post_end(struct node *node, uint8_t link)
{
    shell_post_drop(node->post, is_of_link, &link);
}
