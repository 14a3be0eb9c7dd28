/* SUBMIT: whose turn is it?
 *
 *   fails as a whole ─────────────▶ signed BAD_BATCH, stream frozen
 *   first = head + 1 ─────────────▶ judged: RECEIPT after the append
 *   last ≤ head, same root ───────▶ the stored receipt again
 *   last ≤ head, another root ────▶ signed CONFLICT, stream frozen, a fork
 *   else ─────────────────────────▶ EXPECTED_FIRST head + 1
 *   frozen ───────────────────────▶ what froze it (a repeat still gets its stored receipt)
 *   nothing is admitted now ──────▶ CREDIT with the reason, EXPECTED_FIRST head + 1 */
#include "broker/core/inside.h"
#include "wire/canary.h"

bool broker_stream_right(const Wire__BatchSeal *seal)
{
    size_t mechanism = strlen(seal->mechanism);
    return mechanism >= 1 && mechanism <= WIRE_MECHANISM_BYTES_MAX && (uint32_t)seal->lane < WIRE_LANES &&
           seal->store_id.len == WIRE_ID_BYTES && seal->root.len == WIRE_HASH_BYTES && seal->first >= 1 &&
           seal->count >= 1 && seal->count <= WIRE_BATCH_ENVELOPES_MAX && seal->first < UINT64_MAX - seal->count;
}

struct broker_stream broker_stream_of(const Wire__BatchSeal *seal, uint32_t origin)
{
    return (struct broker_stream){
        .origin = origin,
        .mechanism = wire_bytes(seal->mechanism, strlen(seal->mechanism)),
        .lane = (uint32_t)seal->lane,
        .store_id = seal->store_id.data,
    };
}

/* A statement about the batch as a whole. */
static struct wire_bytes whole(struct broker_core *core, const struct region *region, const Wire__BatchSeal *seal,
                               Wire__ReceiptOutcome outcome, uint64_t first, uint32_t reason)
{
    Wire__ReceiptStatement statement;
    wire__receipt_statement__init(&statement);
    statement.ledger_id = broker_data(core->ledger_id, WIRE_ID_BYTES);
    statement.generation = core->generation;
    statement.origin = region->region;
    statement.mechanism = seal->mechanism;
    statement.lane = seal->lane;
    statement.store_id = seal->store_id;
    statement.outcome = outcome;
    statement.first = first;
    statement.count = seal->count;
    statement.root = seal->root;
    statement.at_ms = core->wall_ms;
    statement.has_reason = reason != 0;
    statement.reason = reason;
    statement.ledger_serial = core->serial;
    return broker_pack(core, &statement.base);
}

static void expected_first(struct broker_core *core, struct region *region, const struct broker_submit *submit)
{
    const Wire__BatchSeal *seal = submit->batch->seal;
    uint64_t first = submit->stream.head + 1;
    broker_note(core, BROKER_NOTE_EXPECTED_FIRST, WIRE_GAP, region->region, seal->first, first, 0);
    broker_receipt_answer(core, region, whole(core, region, seal, WIRE__RECEIPT_OUTCOME__EXPECTED_FIRST, first, 0));
    broker_credit_return(core, region, (uint32_t)seal->lane, core->ticket);
}

static void stored_again(struct broker_core *core, struct region *region, const struct broker_submit *submit)
{
    broker_note(core, BROKER_NOTE_REPEATED, WIRE_OK, region->region, submit->stored->serial, 0, 0);
    broker_receipt_answer(core, region, submit->stored->statement);
    broker_credit_return(core, region, (uint32_t)submit->batch->seal->lane, core->ticket);
}

/* What froze the stream, said again. */
static void still_frozen(struct broker_core *core, struct region *region, const struct broker_submit *submit)
{
    const Wire__BatchSeal *seal = submit->batch->seal;
    broker_receipt_answer(core, region,
                          whole(core, region, seal, (Wire__ReceiptOutcome)submit->stream.frozen_outcome, seal->first,
                                submit->stream.frozen_reason));
    broker_credit_return(core, region, (uint32_t)seal->lane, core->ticket);
}

/* BAD_BATCH or CONFLICT: final, stored, and the end of this stream. A conflict is a fork as well. */
static void freeze(struct broker_core *core, struct region *region, const struct broker_submit *submit,
                   Wire__ReceiptOutcome outcome, uint32_t reason)
{
    const Wire__BatchSeal *seal = submit->batch->seal;
    struct broker_stream stream = broker_stream_of(seal, region->region);
    struct broker_stream_row row = submit->stream;
    row.frozen_outcome = outcome;
    row.frozen_reason = reason;
    broker_rows_open(core);
    broker_row_put(core, BROKER_STREAM, broker_key_stream(&stream), broker_put_stream(&core->out->arena, &row));
    Wire__LedgerReceipt receipt;
    wire__ledger_receipt__init(&receipt);
    receipt.has_type = receipt.has_statement = true;
    receipt.type = WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT;
    struct wire_bytes statement = whole(core, region, seal, outcome, seal->first, reason);
    receipt.statement = broker_data(statement.data, statement.size);
    uint64_t number = broker_receipt_put(core, region, &receipt);
    bool conflict = outcome == WIRE__RECEIPT_OUTCOME__CONFLICT;
    broker_note(core, conflict ? BROKER_NOTE_CONFLICT : BROKER_NOTE_BAD_BATCH, reason, region->region, seal->first, 0,
                0);
    if (conflict) {
        broker_lineage_fork(core, region);
        broker_lineage_row(core, region);
    }
    uint64_t ticket = broker_rows_close(core)->ticket;
    broker_receipt_push(core, region, number, ticket,
                        broker_unsigned(core, WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT, statement));
    broker_credit_return(core, region, (uint32_t)seal->lane, ticket);
    if (region->stopped)
        broker_tell(core, region, TELL_CREDIT);
}

/* New queues of one batch: at most one a region, of one mechanism. */
static bool has_memory(struct broker_core *core, const Wire__BatchSeal *seal)
{
    bool queues = core->options.queues_max - core->queue_count >= core->region_count;
    bool names = core->mechanism_count < core->options.mechanisms_max ||
                 broker_mechanism_find(core, wire_bytes(seal->mechanism, strlen(seal->mechanism))) != NONE;
    if (!queues || !names)
        broker_note(core, BROKER_NOTE_LIMIT, WIRE_NO_MEMORY, 0, queues ? BROKER_LIMIT_MECHANISMS : BROKER_LIMIT_QUEUES,
                    0, 0);
    core->crowded = core->crowded || !queues || !names;
    return queues && names;
}

static void judged(struct broker_core *core, struct region *region, const struct broker_submit *submit)
{
    broker_rows_open(core);
    uint64_t ticket = broker_judge(core, region, submit);
    broker_receipt_push(core, region, region->receipts_last, ticket,
                        broker_unsigned(core, WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT,
                                        wire_bytes(core->statement, core->statement_size)));
    if (!CANARY(KEEP_CREDIT))
        broker_credit_return(core, region, (uint32_t)submit->batch->seal->lane, ticket);
}

static void answer(struct broker_core *core, struct region *region, const struct broker_submit *submit)
{
    const Wire__BatchSeal *seal = submit->batch->seal;
    uint64_t last = seal->first + seal->count - 1;
    bool stored = submit->stored != NULL && submit->stored->count == seal->count && last <= submit->stream.head &&
                  memcmp(submit->stored->root.bytes, seal->root.data, WIRE_HASH_BYTES) == 0;

    if (submit->failed == WIRE_OK && stored)
        stored_again(core, region, submit);
    else if (submit->stream.frozen_outcome != 0)
        still_frozen(core, region, submit);
    else if (submit->failed != WIRE_OK)
        freeze(core, region, submit, WIRE__RECEIPT_OUTCOME__BAD_BATCH, submit->failed);
    else if (last <= submit->stream.head)
        freeze(core, region, submit, WIRE__RECEIPT_OUTCOME__CONFLICT,
               submit->stored == NULL || submit->stored->count != seal->count ? WIRE_CUT_DIFFERENTLY : WIRE_BAD_ROOT);
    else if (seal->first == submit->stream.head + 1 && has_memory(core, seal))
        judged(core, region, submit);
    else
        expected_first(core, region, submit);
}

void broker_on_submit(struct broker_core *core, const struct broker_event *event)
{
    const struct broker_submit *submit = &event->submit;
    const Wire__BatchSeal *seal = submit->batch->seal;
    struct region *region = broker_region_of_peer(core, submit->peer);
    if (region == NULL)
        return; /* of a session that was replaced or cut */
    region->heard_ms = core->mono_ms;
    if (!region->confirmed) {
        broker_misbehaved(core, region, WIRE_NOT_CONFIRMED);
    } else if (!broker_stream_right(seal)) {
        broker_misbehaved(core, region, WIRE_BAD_FRAME);
    } else if (!broker_credit_use(region, (uint32_t)seal->lane, submit->frame_bytes)) {
        broker_misbehaved(core, region, WIRE_OVER_CREDIT);
    } else if (broker_region_reason(core, region) != WIRE_OK) {
        broker_credit_send(core, region);
        expected_first(core, region, submit);
    } else {
        answer(core, region, submit);
    }
}
