/* The receipt queue of an origin: our own receipts and the arrivals that recipients signed, numbered, cumulative, at
 * most 256 KiB on the way. */
#include "broker/core/inside.h"
#include "wire/canary.h"
#include "wire/codec.h"

uint64_t broker_receipt_put(struct broker_core *core, struct region *origin, const Wire__LedgerReceipt *receipt)
{
    uint64_t number = ++origin->receipts_last;
    broker_row_put(core, BROKER_RECEIPT, broker_key_receipt(origin->region, number), broker_pack(core, &receipt->base));
    broker_region_row(core, origin);
    return number;
}

static void receipt_send(struct broker_core *core, struct region *region, uint64_t number, uint64_t after,
                         Wire__Signed *signed_)
{
    Wire__Receipt *receipt = broker_take(core, sizeof *receipt);
    wire__receipt__init(receipt);
    receipt->number = number;
    receipt->signed_ = signed_;
    broker_send(core, region->peer, CANARY(ACKNOWLEDGE_BEFORE_SYNC) ? 0 : after, WIRE__FRAME__BODY_RECEIPT,
                &receipt->base);
}

/* What a RECEIPT frame weighs when it is signed. */
static uint32_t weight(const Wire__Signed *signed_)
{
    return (uint32_t)signed_->statement.len + RECEIPT_FRAME_COST;
}

/* One may always be on the way, however large. */
static bool has_room(const struct region *region, uint32_t bytes)
{
    return region->untaken_count == 0 ||
           (region->untaken_count < RECEIPTS_RING && region->untaken_bytes + bytes <= WIRE_RECEIPTS_UNTAKEN_BYTES_MAX);
}

static void count_untaken(struct region *region, uint64_t number, uint32_t bytes)
{
    uint32_t at = (region->untaken_head + region->untaken_count++) % RECEIPTS_RING;
    region->untaken[at].number = number;
    region->untaken[at].bytes = bytes;
    region->untaken_bytes += bytes;
    region->receipts_sent = number;
}

void broker_receipt_push(struct broker_core *core, struct region *origin, uint64_t number, uint64_t ticket,
                         Wire__Signed *receipt)
{
    origin->receipts_ticket = ticket;
    if (!origin->confirmed)
        return;
    if (origin->receipts_sent + 1 != number || origin->receipts_fetching || !has_room(origin, weight(receipt))) {
        broker_tell(core, origin, TELL_RECEIPTS);
        return;
    }
    count_untaken(origin, number, weight(receipt));
    receipt_send(core, origin, number, ticket, receipt);
}

/* The answer to a SUBMIT that was stored earlier or is not to be stored: number 0. */
void broker_receipt_answer(struct broker_core *core, struct region *region, struct wire_bytes statement)
{
    receipt_send(core, region, 0, core->ticket,
                 broker_unsigned(core, WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT, statement));
}

void broker_receipts_open(struct broker_core *core, struct region *region, uint64_t taken)
{
    (void)core;
    if (taken > region->receipts_last ||
        CANARY(DROP_RECEIPTS)) /* it knows more than this ledger: it gets what is new */
        taken = region->receipts_last;
    region->receipts_taken = region->receipts_sent = taken;
    region->untaken_head = region->untaken_count = 0;
    region->untaken_bytes = 0;
    region->receipts_fetching = false;
    region->receipts_wait = 0;
}

void broker_receipts_taken(struct broker_core *core, struct region *region, uint64_t taken)
{
    if (taken > region->receipts_sent) {
        broker_misbehaved(core, region, WIRE_UNEXPECTED_FRAME);
        return;
    }
    while (region->untaken_count > 0 && region->untaken[region->untaken_head].number <= taken) {
        region->untaken_bytes -= region->untaken[region->untaken_head].bytes;
        region->untaken_head = (region->untaken_head + 1) % RECEIPTS_RING;
        region->untaken_count--;
    }
    if (taken > region->receipts_taken)
        region->receipts_taken = taken; /* durable with the next REGION row; HELLO tells it anew anyway */
    broker_tell(core, region, TELL_RECEIPTS);
}

void broker_receipts_want(struct broker_core *core, struct region *region)
{
    if (region->receipts_sent >= region->receipts_last || region->receipts_fetching || region->receipts_wait != 0 ||
        !has_room(region, RECEIPT_FRAME_COST))
        return;
    if (!broker_fetch_take(core)) {
        if (!region->in_hungry) {
            region->in_hungry = true;
            broker_ring_add(&core->hungry, broker_region_index(core, region));
        }
        return;
    }
    region->receipts_fetching = true;
    region->receipts_complete = region->receipts_ticket <= core->committed;
    region->receipts_nonce = (region->receipts_nonce + 1) & 0xffffff;
    uint64_t room = WIRE_RECEIPTS_UNTAKEN_BYTES_MAX - region->untaken_bytes;
    broker_fetch(core, REQUEST_RECEIPTS, region->receipts_nonce, broker_region_index(core, region), BROKER_RECEIPT,
                 broker_key_receipt(region->region, region->receipts_sent + 1), broker_key_region(region->region),
                 RECEIPTS_FETCH_ROWS, region->untaken_count == 0 ? 2 * WIRE_FRAME_BYTES_MAX : (uint32_t)room, false);
}

/* The Signed of a row, with its bytes in our arena: the fetched rows go when the event ends. */
static Wire__Signed *row_signed(struct broker_core *core, struct wire_bytes value)
{
    enum wire_status status;
    Wire__LedgerReceipt *row = (Wire__LedgerReceipt *)wire_decode(&wire__ledger_receipt__descriptor, value,
                                                                  WIRE_STRICT_NONE, &core->out->arena, &status);
    if (row == NULL || (row->forwarded == NULL && (!row->has_type || !row->has_statement)))
        return NULL;
    if (row->forwarded != NULL)
        return row->forwarded;
    return broker_unsigned(core, row->type, wire_bytes(row->statement.data, row->statement.len));
}

/* Sends one row; false: there is no room for it now. */
static bool row_send(struct broker_core *core, struct region *region, const struct wire_row *row)
{
    if (row->key.size != 12)
        return true;
    uint64_t number = wire_get_u64(row->key.data + 4);
    if (number <= region->receipts_sent || number > region->receipts_last)
        return true;
    size_t mark = wire_arena_mark(&core->out->arena);
    Wire__Signed *signed_ = row_signed(core, row->value);
    if (signed_ == NULL) {
        broker_note(core, BROKER_NOTE_DAMAGED, WIRE_DAMAGED, region->region, BROKER_RECEIPT, number, 0);
        region->receipts_sent = number; /* it blocks nothing */
        return true;
    }
    if (!has_room(region, weight(signed_))) {
        wire_arena_back(&core->out->arena, mark);
        return false;
    }
    count_untaken(region, number, weight(signed_));
    receipt_send(core, region, number, region->receipts_ticket, signed_);
    return true;
}

void broker_receipts_fetched(struct broker_core *core, uint32_t nonce, uint32_t index,
                             const struct broker_fetched *fetched)
{
    ENSURE(index < core->region_count);
    struct region *region = &core->regions[index];
    if (region->peer == 0 || !region->receipts_fetching || region->receipts_nonce != nonce)
        return;
    region->receipts_fetching = false;
    uint64_t before = region->receipts_sent;
    for (size_t i = 0; i < fetched->count; i++) {
        if (!row_send(core, region, &fetched->rows[i]))
            return; /* the next `taken` asks again */
    }
    if (region->receipts_sent > before) {
        broker_tell(core, region, TELL_RECEIPTS);
    } else if (!region->receipts_complete) {
        if (region->receipts_ticket > core->committed) {
            region->receipts_wait = region->receipts_ticket;
            broker_ring_commit(core, region);
        } else {
            broker_tell(core, region, TELL_RECEIPTS);
        }
    } else if (region->receipts_sent < region->receipts_last) {
        broker_note(core, BROKER_NOTE_DAMAGED, WIRE_NOT_FOUND, region->region, BROKER_RECEIPT,
                    region->receipts_sent + 1, region->receipts_last);
        region->receipts_sent = region->receipts_last;
    }
}
