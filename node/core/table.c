#include "node/core/table.h"

struct node_lane *node_lane_at(struct node_core *core, uint32_t index)
{
    ENSURE(index < core->lane_count);
    return &core->lane[index];
}

struct node_stream *node_stream_at(struct node_core *core, uint32_t index)
{
    ENSURE(index < core->stream_top && core->stream[index].used);
    return &core->stream[index];
}

const char *node_lane_link_name(const struct node_core *core, const struct node_lane *lane)
{
    return core->link[lane->link].options->name;
}

uint8_t node_link_find(const struct node_core *core, const char *name)
{
    for (size_t i = 0; i < core->options.link_count; i++)
        if (strcmp(core->options.link[i].name, name) == 0)
            return (uint8_t)i;
    return NODE_NO_LINK;
}

/* --- lanes ----------------------------------------------------------------------------------------------------------
 */

uint32_t node_lane_find(const struct node_core *core, uint8_t link, const char *mechanism, Wire__Lane lane)
{
    for (uint32_t i = 0; i < core->lane_count; i++) {
        const struct node_lane *at = &core->lane[i];
        if (at->link == link && at->lane == lane && strcmp(at->mechanism, mechanism) == 0)
            return i;
    }
    return NODE_NONE;
}

uint32_t node_lane_of(struct node_step *s, uint8_t link, const char *mechanism, Wire__Lane lane)
{
    struct node_core *core = s->core;
    uint32_t found = node_lane_find(core, link, mechanism, lane);
    if (found != NODE_NONE)
        return found;
    size_t size = strlen(mechanism);
    if (size == 0 || size > WIRE_MECHANISM_BYTES_MAX || (unsigned)lane >= WIRE_LANES)
        return NODE_NONE;
    if (core->lane_count == core->lanes_max) {
        node_note(s, NODE_NOTE_FULL, link)->a = core->lanes_max;
        return NODE_NONE;
    }
    struct node_lane *at = &core->lane[core->lane_count];
    *at = (struct node_lane){.link = link, .lane = lane, .streams = NODE_NONE, .current = NODE_NONE};
    memcpy(at->mechanism, mechanism, size + 1);
    return core->lane_count++;
}

/* --- streams --------------------------------------------------------------------------------------------------------
 */

uint32_t node_stream_find(const struct node_core *core, const struct node_lane *lane,
                          const uint8_t store_id[WIRE_ID_BYTES])
{
    for (uint32_t i = lane->streams; i != NODE_NONE; i = core->stream[i].next)
        if (memcmp(core->stream[i].store_id, store_id, WIRE_ID_BYTES) == 0)
            return i;
    return NODE_NONE;
}

uint32_t node_stream_new(struct node_core *core, uint32_t lane, const uint8_t store_id[WIRE_ID_BYTES])
{
    uint32_t slot = 0;
    while (slot < core->stream_top && core->stream[slot].used)
        slot++;
    if (slot == core->streams_max)
        return NODE_NONE;
    if (slot == core->stream_top)
        core->stream_top++;
    struct node_stream *stream = &core->stream[slot];
    memset(stream, 0, sizeof *stream);
    stream->used = true;
    stream->lane = lane;
    stream->kept_from = 1;
    stream->next_send = 1;
    memcpy(stream->store_id, store_id, WIRE_ID_BYTES);
    stream->next = core->lane[lane].streams;
    core->lane[lane].streams = slot;
    return slot;
}

void node_stream_free(struct node_core *core, uint32_t index)
{
    struct node_stream *stream = node_stream_at(core, index);
    struct node_lane *lane = &core->lane[stream->lane];
    uint32_t *at = &lane->streams;
    while (*at != index)
        at = &core->stream[*at].next;
    *at = stream->next;
    if (lane->current == index)
        lane->current = NODE_NONE;
    stream->used = false;
}

/* --- rows -----------------------------------------------------------------------------------------------------------
 */

struct node_key node_lane_key_of(const struct node_core *core, const struct node_lane *lane)
{
    return node_key_lane(node_lane_link_name(core, lane), lane->mechanism, lane->lane);
}

struct node_key node_stream_key_of(const struct node_core *core, const struct node_stream *stream)
{
    const struct node_lane *lane = &core->lane[stream->lane];
    return node_key_stream(node_lane_link_name(core, lane), lane->mechanism, lane->lane, stream->store_id);
}

struct node_key node_batch_key_of(const struct node_core *core, const struct node_stream *stream, uint64_t first)
{
    const struct node_lane *lane = &core->lane[stream->lane];
    return node_key_batch(node_lane_link_name(core, lane), lane->mechanism, lane->lane, stream->store_id, first);
}

void node_put_meta(struct node_step *s)
{
    Wire__NodeMeta meta;
    struct node_key key = node_key_meta();
    wire__node_meta__init(&meta);
    meta.draft_next = s->core->draft_next;
    meta.inbox_next = s->core->inbox_next;
    meta.outbox_next = s->core->outbox_next;
    meta.erased_day = s->core->erased_day;
    meta.directory_epoch = s->core->directory_epoch;
    node_put_message(s, NODE_TABLE_META, &key, &meta.base);
    s->core->meta_stored = true;
}

static void fill_token(Wire__LineageToken *out, const struct node_token *token)
{
    wire__lineage_token__init(out);
    out->ledger_id = node_bin(token->ledger_id, WIRE_ID_BYTES);
    out->generation = token->generation;
    out->serial = token->serial;
    out->random = node_bin(token->random, WIRE_ID_BYTES);
}

void node_put_link(struct node_step *s, uint8_t index)
{
    struct node_link *link = &s->core->link[index];
    struct node_key key = node_key_link(link->options->name);
    Wire__NodeLink row;
    Wire__LineageToken token;
    wire__node_link__init(&row);
    row.store_id = node_bin(link->store_id, WIRE_ID_BYTES);
    if (link->has_token) {
        fill_token(&token, &link->token);
        row.token = &token;
    }
    row.receipts_taken = link->receipts_taken;
    row.generation = link->generation;
    row.has_newest_receipt = link->newest_receipt.size > 0;
    row.newest_receipt = node_bin(link->newest_receipt.data, link->newest_receipt.size);
    row.has_newest_serial = link->newest_serial > 0;
    row.newest_serial = link->newest_serial;
    row.has_newest_completeness = link->newest_completeness.size > 0;
    row.newest_completeness = node_bin(link->newest_completeness.data, link->newest_completeness.size);
    node_put_message(s, NODE_TABLE_LINK, &key, &row.base);
    link->stored = true;
}

static void put_queue(struct node_step *s, const struct node_lane *lane)
{
    Wire__NodeQueue row;
    struct node_key key = node_lane_key_of(s->core, lane);
    wire__node_queue__init(&row);
    row.drafts = lane->drafts;
    row.bytes = lane->bytes;
    row.oldest_ms = lane->drafts == 0 ? 0 : lane->oldest_ms;
    row.has_store_id = lane->own_store;
    row.store_id = node_bin(lane->store_id, WIRE_ID_BYTES);
    node_put_message(s, NODE_TABLE_QUEUE, &key, &row.base);
}

void node_queue_changed(struct node_core *core, struct node_lane *lane)
{
    lane->dirty = true;
    core->dirty_lanes = true;
}

void node_put_changed(struct node_step *s)
{
    struct node_core *core = s->core;
    if (core->dirty_meta)
        node_put_meta(s);
    for (uint32_t i = 0; core->dirty_lanes && i < core->lane_count; i++) {
        if (!core->lane[i].dirty)
            continue;
        put_queue(s, &core->lane[i]);
        core->lane[i].dirty = false;
    }
    core->dirty_meta = core->dirty_lanes = false;
}

void node_put_cursor(struct node_step *s, const struct node_lane *lane)
{
    Wire__NodeCursor row;
    struct node_key key = node_lane_key_of(s->core, lane);
    wire__node_cursor__init(&row);
    row.generation = lane->generation;
    row.number = lane->number;
    row.chain = node_bin(lane->chain.bytes, WIRE_HASH_BYTES);
    node_put_message(s, NODE_TABLE_CURSOR, &key, &row.base);
}

void node_put_stream(struct node_step *s, const struct node_stream *stream)
{
    Wire__NodeStream row;
    struct node_key key = node_stream_key_of(s->core, stream);
    wire__node_stream__init(&row);
    row.current = stream->current;
    row.last = stream->last;
    row.receipted = stream->receipted;
    row.kept_from = stream->kept_from;
    row.has_closed_through = !stream->current;
    row.closed_through = stream->closed_through;
    row.has_redrafted = !stream->current;
    row.redrafted = stream->redrafted;
    node_put_message(s, NODE_TABLE_STREAM, &key, &row.base);
}

/* --- numbers --------------------------------------------------------------------------------------------------------
 */

/* The entry of a day; the oldest day gives way. */
static struct node_number_day *number_day(struct node_core *core, uint32_t day)
{
    struct node_number_day *oldest = &core->number[0];
    for (size_t i = 0; i < NODE_NUMBER_DAYS; i++) {
        if (core->number[i].day == day)
            return &core->number[i];
        if (core->number[i].day < oldest->day)
            oldest = &core->number[i];
    }
    if (oldest->day > day)
        return NULL;
    *oldest = (struct node_number_day){.day = day};
    return oldest;
}

static void put_number(struct node_step *s, uint32_t day, uint32_t serial)
{
    Wire__NodeNumber row;
    struct node_key key = node_key_number(day);
    wire__node_number__init(&row);
    row.serial = serial;
    node_put_message(s, NODE_TABLE_NUMBER, &key, &row.base);
}

uint32_t node_number_next(struct node_step *s, uint32_t day)
{
    struct node_number_day *entry = number_day(s->core, day);
    /* Sixteen later days are known: our clock has gone far back. Numbers are for people; two may be alike. */
    uint32_t serial = entry == NULL ? 1 : ++entry->serial;
    put_number(s, day, serial);
    return serial;
}

void node_number_boot(struct node_core *core, uint32_t day, uint32_t serial)
{
    struct node_number_day *entry = number_day(core, day);
    if (entry != NULL && serial > entry->serial)
        entry->serial = serial;
}

void node_number_seen(struct node_step *s, uint32_t day, uint32_t serial)
{
    struct node_number_day *entry = wire_day_valid(day) ? number_day(s->core, day) : NULL;
    if (entry == NULL || serial <= entry->serial)
        return;
    entry->serial = serial;
    put_number(s, day, serial);
}

void node_work(struct node_core *core, uint8_t link)
{
    core->link[link].work = true;
}

void node_work_all(struct node_core *core)
{
    for (size_t i = 0; i < core->options.link_count; i++)
        core->link[i].work = true;
}
