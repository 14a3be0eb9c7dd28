/* What leaves a node: held back until it is durable, filled from the store, signed, sent in order. What node/post.c
 * does. */
#include "sim.h"

#include <stdlib.h>

struct sim_entry {
    struct sim_entry *next;
    uint8_t link;
    uint64_t session, after;
    struct node_send fills; /* fill and fill_count only */
    size_t size;
    uint8_t bytes[];
};

void sim_node_send(struct sim_node *node, const struct node_send *send)
{
    size_t size = protobuf_c_message_get_packed_size(&send->frame->base);
    struct sim_entry *entry = calloc(1, sizeof(*entry) + size);
    ENSURE(entry != NULL);
    entry->link = send->link;
    entry->session = node->line[send->link].session;
    entry->after = send->after;
    entry->fills = *send;
    entry->size = size;
    protobuf_c_message_pack(&send->frame->base, entry->bytes);
    *node->last = entry;
    node->last = &entry->next;
}

/* --- filling ------------------------------------------------------------------------------------------------------ */

/* Without its payload, when that cannot be had any more: the broker will say that the batch is bad. */
static void fill_payload(struct sim_node *node, Wire__Envelope *envelope, uint64_t place, struct wire_arena *arena)
{
    static uint8_t no_salt[WIRE_SALT_BYTES];
    const Wire__Header *header = node_read_header(sim_bytes(envelope->header), arena);
    ENSURE(header != NULL);
    struct wire_bytes both = sim_node_payload(node, NODE_TABLE_CARRIED, header->keep_until, NODE_OURS, place, arena);
    envelope->salt = sim_bin(both.data == NULL ? no_salt : both.data, WIRE_SALT_BYTES);
    if (both.data != NULL)
        envelope->payload = sim_bin(both.data + WIRE_SALT_BYTES, both.size - WIRE_SALT_BYTES);
}

static bool fill_batch(struct sim_node *node, const struct node_key *key, Wire__Submit *submit,
                       struct wire_arena *arena)
{
    struct wire_bytes kept;
    enum wire_status status;
    ENSURE(store_row(&node->store, NODE_TABLE_BATCH_BYTES, key, arena, &kept) == WIRE_OK);
    if (kept.data == NULL)
        return false;
    Wire__Batch *batch = (Wire__Batch *)wire_decode(&wire__batch__descriptor, kept, WIRE_STRICT_NONE, arena, &status);
    ENSURE(batch != NULL);
    uint64_t *place;
    ENSURE(store_batch_places(&node->store, key, batch->n_envelope, arena, &place) == WIRE_OK);
    for (size_t i = 0; i < batch->n_envelope; i++)
        fill_payload(node, batch->envelope[i], place[i], arena);
    struct wire_bytes bytes = wire_encode(&batch->base, arena);
    ENSURE(bytes.data != NULL);
    submit->batch = sim_bin(bytes.data, bytes.size);
    return true;
}

static void fill_signed(struct sim_node *node, enum node_table table, const struct node_key *key, Wire__Signed **out,
                        struct wire_arena *arena)
{
    struct wire_bytes kept;
    enum wire_status status;
    ENSURE(store_row(&node->store, table, key, arena, &kept) == WIRE_OK);
    if (kept.data == NULL)
        return;
    *out = (Wire__Signed *)wire_decode(&wire__signed__descriptor, kept, WIRE_STRICT_NONE, arena, &status);
    ENSURE(*out != NULL);
}

static bool fill(struct sim_node *node, const struct sim_entry *entry, Wire__Frame *frame, struct wire_arena *arena)
{
    for (size_t i = 0; i < entry->fills.fill_count; i++) {
        const struct node_key *key = &entry->fills.fill[i].key;
        switch (entry->fills.fill[i].what) {
        case NODE_FILL_BATCH:
            if (!fill_batch(node, key, frame->submit, arena))
                return false;
            break;
        case NODE_FILL_HELD:
            fill_signed(node, NODE_TABLE_RECEIPT, key, &frame->submit->held, arena);
            break;
        case NODE_FILL_NEWEST_RECEIPT:
            fill_signed(node, NODE_TABLE_RECEIPT, key, &frame->hello->newest_receipt, arena);
            break;
        case NODE_FILL_COMPLETENESS:
            fill_signed(node, NODE_TABLE_COMPLETENESS, key, &frame->hello->newest_completeness, arena);
            break;
        }
    }
    return true;
}

static void sign_arrivals(struct sim_node *node, Wire__Frame *frame, struct wire_arena *arena)
{
    Wire__Signed **blank = wire_arena_take(arena, frame->arrived->n_part * sizeof(*blank));
    size_t count = 0;
    for (size_t i = 0; i < frame->arrived->n_part; i++)
        if (frame->arrived->part[i]->signed_->signature.len == 0)
            blank[count++] = frame->arrived->part[i]->signed_;
    sim_sign_statements(node->process.sim, (struct sim_key){node->process.region, node->generation}, blank, count,
                        arena);
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

static void send_one(struct sim_node *node, const struct sim_entry *entry)
{
    struct sim *sim = node->process.sim;
    struct sim_line *line = &node->line[entry->link];
    if (line->conn == NULL || line->session != entry->session)
        return;
    wire_arena_reset(&sim->post);
    Wire__Frame *frame = wire__frame__unpack(&sim->post.allocator, entry->size, entry->bytes);
    ENSURE(frame != NULL);
    if (!fill(node, entry, frame, &sim->post))
        return;
    if (frame->body_case == WIRE__FRAME__BODY_ARRIVED)
        sign_arrivals(node, frame, &sim->post);
    sim_hostile_frame(node, frame, &sim->post);
    struct wire_bytes bytes = wire_encode(&frame->base, &sim->post);
    ENSURE(bytes.data != NULL);
    int lane = -1;
    if (frame->body_case == WIRE__FRAME__BODY_SUBMIT) {
        enum wire_status status;
        const Wire__Batch *batch = (const Wire__Batch *)wire_decode(
            &wire__batch__descriptor, sim_bytes(frame->submit->batch), WIRE_STRICT_ALL, &sim->post, &status);
        ENSURE(batch != NULL);
        lane = (int)batch->seal->lane;
    }
    struct sim_conn *conn = line->conn;
    sim_net_send(sim, conn, true, bytes, lane);
    sim_hostile_sent(node, conn, bytes);
}

void sim_node_flush(struct sim_node *node)
{
    uint64_t committed = sim_process_committed(&node->process);
    if (node->flushing)
        return;
    node->flushing = true;
    while (node->first != NULL && node->first->after <= committed) {
        struct sim_entry *entry = node->first;
        node->first = entry->next;
        if (node->first == NULL)
            node->last = &node->first;
        send_one(node, entry);
        free(entry);
    }
    node->flushing = false;
}

void sim_node_post_end(struct sim_node *node, unsigned link, uint64_t committed)
{
    for (struct sim_entry **at = &node->first; *at != NULL;) {
        struct sim_entry *entry = *at;
        if (entry->link != link && link != SIM_BROKERS_MAX) {
            at = &entry->next;
            continue;
        }
        *at = entry->next;
        if (link != SIM_BROKERS_MAX && entry->after <= committed)
            send_one(node, entry);
        free(entry);
    }
    node->last = &node->first;
    while (*node->last != NULL)
        node->last = &(*node->last)->next;
}
