/* ARRIVED: a recipient signed what came of a part. It is kept, forwarded to the origin verbatim, moves the cursor, and
 * starts the terms of what the recipient owes (term.c). */
#include "broker/core/inside.h"

/* Exactly the envelopes of the part, in order, each with a recipient's code. */
static bool arrivals_right(const Wire__ArrivedStatement *statement, const struct broker_queue_row *row)
{
    size_t at = 0;
    for (uint32_t i = 0; i < row->count; i++) {
        if (!broker_bit(row->given, i))
            continue;
        if (at == statement->n_arrival || statement->arrival[at]->index != i)
            return false;
        Wire__VerdictCode code = statement->arrival[at++]->code;
        if (code < WIRE__VERDICT_CODE__ARRIVED || code > WIRE__VERDICT_CODE__REJECTED)
            return false;
    }
    return at == statement->n_arrival;
}

static bool is(const ProtobufCBinaryData *data, const void *bytes, size_t size)
{
    return data->len == size && memcmp(data->data, bytes, size) == 0;
}

static bool statement_right(const struct region *region, const struct broker_arrived *arrived)
{
    const Wire__ArrivedStatement *statement = arrived->statement;
    const Wire__BatchSeal *seal = arrived->batch->seal;
    return statement->recipient == region->region && statement->origin == arrived->row->origin &&
           strcmp(statement->mechanism, seal->mechanism) == 0 && statement->lane == seal->lane &&
           statement->first == seal->first && seal->count == arrived->row->count &&
           is(&statement->store_id, seal->store_id.data, seal->store_id.len) &&
           is(&statement->root, arrived->row->root.bytes, WIRE_HASH_BYTES) &&
           is(&arrived->part->chain, arrived->row->chain.bytes, WIRE_HASH_BYTES) &&
           arrivals_right(statement, arrived->row);
}

/* --- the cursor
 * --------------------------------------------------------------------------------------------------------- */
static void move_cursor(struct broker_core *core, struct queue *queue, uint64_t number,
                        const struct broker_queue_row *row)
{
    if (number <= queue->arrived)
        return;
    queue->arrived = number;
    queue->arrived_envelopes = row->envelopes;
    if (number == queue->last)
        queue->oldest_ms = 0;
    else if (queue->rows > 0 && core->window[queue->head].number == number + 1)
        queue->oldest_ms = core->window[queue->head].admitted_ms;
    else
        queue->oldest_ms = row->admitted_ms; /* the next is no older */
    struct broker_queue_name name = broker_queue_name(core, queue);
    struct broker_cursor_row cursor = {number, row->envelopes, queue->oldest_ms};
    broker_row_put(core, BROKER_CURSOR, broker_key_queue(&name), broker_put_cursor(&core->out->arena, &cursor));
}

static void keep(struct broker_core *core, struct region *region, struct queue *queue,
                 const struct broker_arrived *arrived)
{
    struct region *origin = broker_region_find(core, arrived->row->origin);
    bool forward = origin != NULL && origin->region != WIRE_REGION_BROKER;
    uint64_t number = 0;
    broker_rows_open(core);
    broker_row_put(core, BROKER_ARRIVAL,
                   broker_key_arrival(arrived->row->serial, region->region, arrived->part->number),
                   broker_pack(core, &arrived->part->signed_->base));
    uint32_t bad = broker_terms_start(core, region, arrived);
    move_cursor(core, queue, arrived->part->number, arrived->row);
    if (forward) {
        Wire__LedgerReceipt receipt;
        wire__ledger_receipt__init(&receipt);
        receipt.forwarded = arrived->part->signed_;
        number = broker_receipt_put(core, origin, &receipt);
    }
    uint64_t ticket = broker_rows_close(core)->ticket;
    if (forward)
        broker_receipt_push(core, origin, number, ticket, arrived->part->signed_);
    core->totals.arrived += arrived->statement->n_arrival - bad;
    broker_note(core, BROKER_NOTE_ARRIVED, WIRE_OK, region->region, arrived->row->serial, arrived->statement->n_arrival,
                bad);
}

static enum wire_status acceptable(const struct region *region, const struct queue *queue,
                                   const struct broker_arrived *arrived)
{
    if (!region->confirmed)
        return WIRE_NOT_CONFIRMED;
    if (arrived->verified != WIRE_OK)
        return arrived->verified;
    if (queue == NULL || arrived->part->number > queue->sent_high || arrived->row == NULL || arrived->batch == NULL ||
        arrived->statement == NULL)
        return WIRE_UNEXPECTED_FRAME;
    return statement_right(region, arrived) ? WIRE_OK : WIRE_BAD_FRAME;
}

void broker_on_arrived(struct broker_core *core, const struct broker_event *event)
{
    const struct broker_arrived *arrived = &event->arrived;
    struct region *region = broker_region_of_peer(core, arrived->peer);
    if (region == NULL)
        return;
    region->heard_ms = core->mono_ms;
    const char *name = arrived->part->mechanism;
    uint32_t mechanism = broker_mechanism_find(core, wire_bytes(name, strlen(name)));
    struct queue *queue = mechanism == NONE ? NULL
                                            : broker_queue_find(core, broker_region_index(core, region), mechanism,
                                                                (uint32_t)arrived->part->lane);
    enum wire_status status = acceptable(region, queue, arrived);
    if (status != WIRE_OK)
        broker_misbehaved(core, region, status);
    else if (!arrived->known)
        keep(core, region, queue, arrived);
}
