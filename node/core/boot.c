/* The boot image: the small tables, in any order. Costs what links × mechanisms × lanes cost, however long the queues.
 */
#include "node/core/boot.h"
#include "node/core/local.h"
#include "wire/codec.h"

static ProtobufCMessage *value_of(struct node_step *s, enum node_table table)
{
    enum wire_status status;
    return wire_decode(node_table_message(table), s->event->u.row.value, WIRE_STRICT_NONE, node_scratch(s, 0), &status);
}

static bool boot_meta(struct node_step *s, const Wire__NodeMeta *meta)
{
    s->core->draft_next = meta->draft_next;
    s->core->inbox_next = meta->inbox_next;
    s->core->outbox_next = meta->outbox_next;
    s->core->erased_day = meta->erased_day;
    s->core->directory_epoch = meta->directory_epoch;
    s->core->meta_stored = true;
    return true;
}

static bool copy(uint8_t *out, ProtobufCBinaryData bin, size_t size)
{
    if (bin.len != size)
        return false;
    memcpy(out, bin.data, size);
    return true;
}

static bool copy_key(struct node_key *out, ProtobufCBinaryData bin)
{
    if (bin.len > sizeof out->data)
        return false;
    if (bin.len > 0)
        memcpy(out->data, bin.data, bin.len);
    out->size = bin.len;
    return true;
}

static bool boot_token(struct node_link *link, const Wire__LineageToken *token)
{
    if (token == NULL)
        return true;
    link->has_token = true;
    link->token.generation = token->generation;
    link->token.serial = token->serial;
    return copy(link->token.ledger_id, token->ledger_id, WIRE_ID_BYTES) &&
           copy(link->token.random, token->random, WIRE_ID_BYTES);
}

/* Rows of a link that is not configured any more are left where they are. */
static bool boot_link(struct node_step *s, const Wire__NodeLink *row)
{
    char name[NODE_LINK_NAME_MAX + 1];
    if (!node_key_parse_link(s->event->u.row.key, name))
        return false;
    uint8_t index = node_link_find(s->core, name);
    if (index == NODE_NO_LINK)
        return true;
    struct node_link *link = &s->core->link[index];
    link->stored = true;
    link->receipts_taken = row->receipts_taken;
    link->generation = row->generation;
    link->newest_serial = row->newest_serial;
    return copy(link->store_id, row->store_id, WIRE_ID_BYTES) && boot_token(link, row->token) &&
           copy_key(&link->newest_receipt, row->newest_receipt) &&
           copy_key(&link->newest_completeness, row->newest_completeness);
}

/* The lane that a key names: NODE_NONE with *good true when its link is not configured. */
static uint32_t lane_of_row(struct node_step *s, struct wire_bytes *rest, bool *good)
{
    struct node_lane_key key;
    *good = node_key_parse_lane(s->event->u.row.key, &key);
    if (!*good)
        return NODE_NONE;
    *rest = key.rest;
    uint8_t link = node_link_find(s->core, key.link);
    return link == NODE_NO_LINK ? NODE_NONE : node_lane_of(s, link, key.mechanism, key.lane);
}

static bool boot_queue(struct node_step *s, const Wire__NodeQueue *row)
{
    struct wire_bytes rest;
    bool good;
    uint32_t index = lane_of_row(s, &rest, &good);
    if (index == NODE_NONE)
        return good;
    struct node_lane *lane = node_lane_at(s->core, index);
    lane->drafts = row->drafts;
    lane->bytes = row->bytes;
    lane->oldest_ms = row->oldest_ms;
    lane->own_store = row->has_store_id;
    return !row->has_store_id || copy(lane->store_id, row->store_id, WIRE_ID_BYTES);
}

static bool boot_cursor(struct node_step *s, const Wire__NodeCursor *row)
{
    struct wire_bytes rest;
    bool good;
    uint32_t index = lane_of_row(s, &rest, &good);
    if (index == NODE_NONE)
        return good;
    struct node_lane *lane = node_lane_at(s->core, index);
    lane->has_cursor = true;
    lane->generation = row->generation;
    lane->number = row->number;
    return copy(lane->chain.bytes, row->chain, WIRE_HASH_BYTES);
}

static bool boot_stream(struct node_step *s, const Wire__NodeStream *row)
{
    struct wire_bytes rest;
    bool good;
    uint32_t lane = lane_of_row(s, &rest, &good);
    if (lane == NODE_NONE)
        return good;
    if (rest.size != WIRE_ID_BYTES || row->receipted > row->last || row->kept_from < 1 ||
        row->kept_from > row->receipted + 1)
        return false;
    uint32_t index = node_stream_new(s->core, lane, rest.data);
    if (index == NODE_NONE)
        return false;
    struct node_stream *stream = node_stream_at(s->core, index);
    stream->current = row->current;
    stream->last = row->last;
    stream->receipted = row->receipted;
    stream->kept_from = row->kept_from;
    stream->closed_through = row->closed_through;
    stream->redrafted = row->redrafted;
    stream->head = row->last;
    stream->next_send = row->last + 1;
    stream->renew_from = row->receipted + 1;
    stream->sweep = true;
    if (row->current && node_lane_at(s->core, lane)->current != NODE_NONE)
        return false; /* a lane seals into one */
    if (row->current)
        node_lane_at(s->core, lane)->current = index;
    else if (!row->redrafted)
        node_lane_at(s->core, lane)->renewing++;
    return true;
}

static bool boot_number(struct node_step *s, const Wire__NodeNumber *row)
{
    if (s->event->u.row.key.size != 4)
        return false;
    node_number_boot(s->core, wire_get_u32(s->event->u.row.key.data), row->serial);
    return true;
}

static bool boot_table(struct node_step *s, enum node_table table, const ProtobufCMessage *message)
{
    switch (table) {
    case NODE_TABLE_META:
        return boot_meta(s, (const Wire__NodeMeta *)message);
    case NODE_TABLE_LINK:
        return boot_link(s, (const Wire__NodeLink *)message);
    case NODE_TABLE_QUEUE:
        return boot_queue(s, (const Wire__NodeQueue *)message);
    case NODE_TABLE_CURSOR:
        return boot_cursor(s, (const Wire__NodeCursor *)message);
    case NODE_TABLE_STREAM:
        return boot_stream(s, (const Wire__NodeStream *)message);
    case NODE_TABLE_NUMBER:
        return boot_number(s, (const Wire__NodeNumber *)message);
    default:
        return true;
    }
}

void node_on_boot_row(struct node_step *s)
{
    enum node_table table = (enum node_table)s->event->u.row.table;
    ENSURE(!s->core->booted);
    if (!node_table_boots(table))
        return;
    const ProtobufCMessage *message = value_of(s, table);
    if (message != NULL && boot_table(s, table, message))
        return;
    struct node_effect *stop = node_effect(s, NODE_DO_STOP);
    stop->u.stop.status = WIRE_DAMAGED;
    stop->u.stop.table = table;
}

void node_on_boot_done(struct node_step *s)
{
    struct node_core *core = s->core;
    core->booted = true;
    core->release_all = true;
    core->expiry_poll_mono_ms = s->event->mono_ms;
    core->sweep_mono_ms = s->event->mono_ms + NODE_SWEEP_MS;
    if (!core->meta_stored) {
        core->draft_next = core->inbox_next = core->outbox_next = 1;
        core->erased_day = wire_day_add(wire_day_of(s->event->wall_ms), -1); /* nothing older was ever kept */
        node_put_meta(s);
    }
    for (size_t i = 0; i < core->options.link_count; i++) {
        if (core->link[i].stored)
            continue;
        node_draw(s, core->link[i].store_id, WIRE_ID_BYTES);
        node_put_link(s, (uint8_t)i);
    }
    node_work_all(core);
}
