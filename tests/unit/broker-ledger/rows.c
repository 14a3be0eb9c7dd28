#include "rows.h"
#include "wire/ensure.h"
#include "wire/limits.h"
#include <stdlib.h>

void rows_open(struct rows *rows)
{
    *rows = (struct rows){0};
    const char *names[BROKER_TABLES];
    ledger_tables(names);
    struct keep_options options = {.application = "lianfang-broker",
                                   .format = LEDGER_FORMAT,
                                   .format_oldest = LEDGER_FORMAT,
                                   .tables = names,
                                   .table_count = BROKER_TABLES,
                                   .map_bytes_max = 512 * 1024 * 1024};
    struct keep *keep;
    struct wire_problem problem = {0};
    ENSURE(keep_open_memory(&options, true, &keep, &problem) == WIRE_OK);
    ledger_over(keep, &rows->ledger);
    rows->memory = malloc(ROWS_MEMORY);
    rows->look_memory = malloc(LOOK_MEMORY);
    wire_arena_over(&rows->arena, rows->memory, ROWS_MEMORY);
    wire_arena_over(&rows->look, rows->look_memory, LOOK_MEMORY);
}

void rows_close(struct rows *rows)
{
    ledger_close(&rows->ledger);
    free(rows->memory);
    free(rows->look_memory);
}

void rows_put(struct rows *rows, uint8_t table, struct broker_key key, struct wire_bytes value)
{
    struct wire_row row = {.table = table, .key = wire_bytes(key.data, key.size), .value = value};
    ENSURE(keep_append(rows->ledger.keep, &row, 1, ++rows->ticket) == WIRE_OK);
}

void rows_put_message(struct rows *rows, uint8_t table, struct broker_key key, const ProtobufCMessage *message)
{
    size_t mark = wire_arena_mark(&rows->arena);
    struct wire_bytes value = wire_encode(message, &rows->arena);
    ENSURE(value.data != NULL);
    rows_put(rows, table, key, value);
    wire_arena_back(&rows->arena, mark);
}

void rows_id(uint8_t out[WIRE_ID_BYTES], uint32_t number)
{
    memset(out, 0x70, WIRE_ID_BYTES);
    wire_put_u32(out, number);
}

struct broker_stream rows_stream(uint32_t origin, const char *mechanism, const uint8_t *store_id)
{
    return (struct broker_stream){.origin = origin,
                                  .mechanism = wire_bytes(mechanism, strlen(mechanism)),
                                  .lane = WIRE__LANE__ROUTINE,
                                  .store_id = store_id};
}

static ProtobufCBinaryData filled(struct rows *rows, uint8_t fill, size_t size)
{
    ProtobufCBinaryData bytes = {size, wire_arena_take(&rows->arena, size)};
    ENSURE(bytes.data != NULL);
    memset(bytes.data, fill, size);
    return bytes;
}

static ProtobufCBinaryData disposition(struct rows *rows, const struct rows_batch *plan)
{
    static uint32_t cc = 330300;
    Wire__Disposition given = WIRE__DISPOSITION__INIT;
    given.to = (uint32_t *)(uintptr_t)plan->to;
    given.n_to = plan->to_count;
    given.cc = &cc;
    given.n_cc = 1;
    given.keep_until = 20200307;
    struct wire_bytes bytes = wire_encode(&given.base, &rows->arena);
    ENSURE(bytes.data != NULL);
    return (ProtobufCBinaryData){bytes.size, (uint8_t *)(uintptr_t)bytes.data};
}

static Wire__BatchSeal seal_of(struct rows *rows, const struct rows_batch *plan)
{
    Wire__BatchSeal seal = WIRE__BATCH_SEAL__INIT;
    seal.suite = 1;
    seal.signer = filled(rows, 1, WIRE_HASH_BYTES);
    seal.origin = 310000;
    seal.mechanism = (char *)"yangtze-delta";
    seal.lane = WIRE__LANE__ROUTINE;
    seal.store_id = (ProtobufCBinaryData){WIRE_ID_BYTES, (uint8_t *)(uintptr_t)plan->store_id};
    seal.first = plan->first;
    seal.count = plan->count;
    seal.root = filled(rows, (uint8_t)plan->serial, WIRE_HASH_BYTES);
    seal.signature = filled(rows, 2, 70);
    return seal;
}

static void put_batch(struct rows *rows, const struct rows_batch *plan, Wire__BatchSeal *seal)
{
    size_t dispositions = plan->dispositions == 0 ? 1 : plan->dispositions;
    Wire__LedgerBatch batch = WIRE__LEDGER_BATCH__INIT;
    batch.seal = seal;
    batch.leaves = filled(rows, 3, plan->count * WIRE_HASH_BYTES);
    batch.facts = filled(rows, 0, plan->count * BROKER_FACT_BYTES);
    batch.policy_digest = filled(rows, 5, WIRE_HASH_BYTES);
    batch.admitted_ms = 1000;
    batch.receipt_number = plan->serial;
    batch.disposition = wire_arena_take(&rows->arena, dispositions * sizeof *batch.disposition);
    for (size_t i = 0; i < dispositions; i++)
        batch.disposition[batch.n_disposition++] = disposition(rows, plan);
    for (uint32_t i = 0; i < plan->count; i++) {
        struct broker_fact fact = {.disposition = (uint16_t)(plan->none_given ? 0 : i % dispositions + 1),
                                   .action = WIRE__ACTION__ISSUE,
                                   .kind = 3,
                                   .unit = 2,
                                   .keep_until = 20200307};
        rows_id(fact.id, plan->id_from + i);
        broker_put_fact(batch.facts.data + i * BROKER_FACT_BYTES, &fact);
    }
    rows_put_message(rows, BROKER_BATCH, broker_key_serial(plan->serial), &batch.base);
}

void rows_batch(struct rows *rows, const struct rows_batch *plan)
{
    size_t mark = wire_arena_mark(&rows->arena);
    Wire__BatchSeal seal = seal_of(rows, plan);
    put_batch(rows, plan, &seal);
    for (uint32_t i = 0; i < plan->count; i++) {
        uint8_t id[WIRE_ID_BYTES];
        rows_id(id, plan->id_from + i);
        struct broker_envelope_row row = {
            .serial = plan->serial, .index = (uint16_t)i, .code = WIRE__VERDICT_CODE__ADMITTED, .at_ms = 1000};
        rows_put(rows, BROKER_ENVELOPE, broker_key_envelope(310000, id), broker_put_envelope(&rows->arena, &row));
    }
    struct broker_stream stream = rows_stream(310000, "yangtze-delta", plan->store_id);
    struct broker_stream_row head = {.head = plan->first + plan->count - 1};
    struct broker_stream_batch_row row = {.serial = plan->serial, .count = plan->count, .receipt_number = plan->serial};
    memcpy(row.root.bytes, seal.root.data, WIRE_HASH_BYTES);
    rows_put(rows, BROKER_STREAM, broker_key_stream(&stream), broker_put_stream(&rows->arena, &head));
    rows_put(rows, BROKER_STREAM_BATCH, broker_key_stream_batch(&stream, plan->first),
             broker_put_stream_batch(&rows->arena, &row));
    Wire__LedgerReceipt receipt = WIRE__LEDGER_RECEIPT__INIT;
    receipt.has_type = receipt.has_statement = true;
    receipt.type = WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT;
    receipt.statement = (ProtobufCBinaryData){1, (uint8_t *)(uintptr_t) "S"};
    rows_put_message(rows, BROKER_RECEIPT, broker_key_receipt(310000, plan->serial), &receipt.base);
    wire_arena_back(&rows->arena, mark);
}

void rows_queue(struct rows *rows, uint32_t recipient, uint64_t number, uint64_t serial, uint8_t chain)
{
    struct broker_queue_name name = {
        .recipient = recipient, .mechanism = wire_bytes("yangtze-delta", 13), .lane = WIRE__LANE__ROUTINE};
    struct broker_queue_row row = {.serial = serial, .origin = 310000, .cost = 100, .count = 2};
    broker_bit_set(row.given, 1);
    memset(row.chain.bytes, chain, WIRE_HASH_BYTES);
    rows_put(rows, BROKER_QUEUE, broker_key_queue_row(&name, number), broker_put_queue(&rows->arena, &row));
}

void rows_duty(struct rows *rows, uint64_t serial, uint16_t index, uint32_t recipient, uint8_t duty, int64_t next_ms)
{
    struct broker_duty key = {.serial = serial, .recipient = recipient, .number = 1, .duty = duty, .group = index};
    struct broker_obligation_row row = {
        .origin = 310000, .mechanism = "yangtze-delta", .count = WIRE_BATCH_ENVELOPES_MAX};
    broker_bit_set(row.owed, index);
    rows_put(rows, BROKER_OBLIGATION, broker_key_obligation(next_ms, &key), broker_put_obligation(&rows->arena, &row));
    rows_put(rows, BROKER_OBLIGATION_OF, broker_key_duty(&key), broker_put_u64(&rows->arena, (uint64_t)next_ms));
    wire_arena_reset(&rows->arena);
}
