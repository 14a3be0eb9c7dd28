#include "broker/core/inside.h"
#include "wire/codec.h"

static bool boot_meta(struct broker_core *core, struct wire_bytes key, struct wire_bytes value)
{
    struct broker_key serial = broker_key_last_serial();
    if (wire_bytes_equal(key, wire_bytes(serial.data, serial.size)))
        return broker_get_u64(value, &core->serial);
    enum wire_status status;
    const Wire__LedgerMeta *row = (const Wire__LedgerMeta *)wire_decode(&wire__ledger_meta__descriptor, value,
                                                                        WIRE_STRICT_NONE, &core->out->arena, &status);
    if (row == NULL || row->ledger_id.len != WIRE_ID_BYTES || row->generation == 0)
        return false;
    core->founded = true;
    memcpy(core->ledger_id, row->ledger_id.data, WIRE_ID_BYTES);
    core->generation = row->generation;
    core->token_serial = row->token_serial;
    core->rolled_back = row->has_rolled_back && row->rolled_back;
    core->lost_generation = row->has_lost_generation ? row->lost_generation : 0;
    core->lost_token_serial = row->has_lost_token_serial ? row->lost_token_serial : 0;
    return true;
}

static bool boot_region(struct broker_core *core, struct wire_bytes key, struct wire_bytes value)
{
    enum wire_status status;
    const Wire__LedgerRegion *row = (const Wire__LedgerRegion *)wire_decode(
        &wire__ledger_region__descriptor, value, WIRE_STRICT_NONE, &core->out->arena, &status);
    struct region *region = row == NULL || key.size != 4 ? NULL : broker_region_make(core, wire_get_u32(key.data));
    if (region == NULL)
        return false;
    region->receipts_last = row->receipts_last;
    region->receipts_taken = row->receipts_taken;
    region->down_total_ms = row->down_total_ms;
    if (row->down_since_ms != 0) /* else its link was up when we ended: it is down from now on */
        region->down_since_ms = row->down_since_ms;
    return true;
}

static struct queue *boot_queue(struct broker_core *core, struct wire_bytes key)
{
    struct broker_queue_name name;
    if (!broker_queue_of_key(key, &name))
        return NULL;
    struct region *region = broker_region_make(core, name.recipient);
    uint32_t mechanism = broker_mechanism_make(core, name.mechanism);
    if (region == NULL || mechanism == NONE)
        return NULL;
    return broker_queue_make(core, broker_region_index(core, region), mechanism, name.lane);
}

/* No queue comes to 2^63 parts: such a number is damaged, and the one after the last is there for the asking. */
static bool boot_head(struct broker_core *core, struct wire_bytes key, struct wire_bytes value)
{
    struct broker_head_row row;
    bool right = broker_get_head(value, &row) && row.number <= INT64_MAX && row.envelopes <= INT64_MAX;
    struct queue *queue = right ? boot_queue(core, key) : NULL;
    if (queue == NULL)
        return false;
    queue->last = row.number;
    queue->envelopes = row.envelopes;
    queue->chain = row.chain;
    return true;
}

static bool boot_cursor(struct broker_core *core, struct wire_bytes key, struct wire_bytes value)
{
    struct broker_cursor_row row;
    struct queue *queue = broker_get_cursor(value, &row) ? boot_queue(core, key) : NULL;
    if (queue == NULL)
        return false;
    queue->arrived = queue->sent_high = row.number;
    queue->arrived_envelopes = row.envelopes;
    queue->oldest_ms = row.oldest_ms;
    return true;
}

void broker_on_boot_row(struct broker_core *core, const struct broker_event *event)
{
    const struct wire_row *row = &event->boot_row.row;
    bool right = false;
    switch (row->table) {
    case BROKER_META:
        right = boot_meta(core, row->key, row->value);
        break;
    case BROKER_REGION:
        right = boot_region(core, row->key, row->value);
        break;
    case BROKER_LINEAGE:
        right = broker_lineage_boot(core, row->key, row->value);
        break;
    case BROKER_QUEUE_HEAD:
        right = boot_head(core, row->key, row->value);
        break;
    case BROKER_CURSOR:
        right = boot_cursor(core, row->key, row->value);
        break;
    default:
        wire_ensure_failed("a table that does not boot", __FILE__, __LINE__);
    }
    if (!right)
        broker_note(core, BROKER_NOTE_DAMAGED, WIRE_DAMAGED, 0, row->table, 0, 0);
}

/* Nothing arrives before it is queued: a cursor beyond its head is a damaged row. It counts as all that there is, and a
 * HELLO says where its node stands. */
static void check_cursors(struct broker_core *core)
{
    uint64_t damaged = 0;
    for (uint32_t i = 0; i < core->queue_count; i++) {
        struct queue *queue = &core->queues[i];
        if (queue->arrived <= queue->last && queue->arrived_envelopes <= queue->envelopes)
            continue;
        queue->arrived = queue->sent_high = queue->last;
        queue->arrived_envelopes = queue->envelopes;
        queue->oldest_ms = 0;
        damaged++;
    }
    if (damaged > 0)
        broker_note(core, BROKER_NOTE_DAMAGED, WIRE_DAMAGED, 0, BROKER_CURSOR, damaged, 0);
}

void broker_on_boot_done(struct broker_core *core, const struct broker_event *event)
{
    core->booted = true;
    check_cursors(core);
    core->due_ms = 0; /* not known: the first look tells */
    core->minute_ms = core->mono_ms + MINUTE_MS;
    core->sweep_ms = INT64_MAX;
    core->reason = WIRE_OK;
    memcpy(core->own_store_id, event->random + WIRE_ID_BYTES, WIRE_ID_BYTES);
    broker_rows_open(core);
    if (!core->founded) {
        core->founded = true;
        memcpy(core->ledger_id, event->random, WIRE_ID_BYTES);
    }
    ENSURE(broker_region_make(core, WIRE_REGION_BROKER) != NULL);
    broker_meta_row(core);
    broker_rows_close(core);
}
