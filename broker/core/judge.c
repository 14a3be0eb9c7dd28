/* A batch whose turn it is: every envelope gets its verdict, and everything that follows goes into one append. */
#include "broker/core/inside.h"
#include "wire/canary.h"

struct counts {
    uint32_t admitted, others;
};

static void index_row(struct broker_core *core, const struct region *origin, const struct verdict *verdict,
                      uint64_t serial, uint32_t index, int64_t at_ms)
{
    struct broker_envelope_row row = {
        .serial = serial,
        .index = (uint16_t)index,
        .code = (uint8_t)verdict->code,
        .reason = (uint16_t)verdict->reason,
        .at_ms = at_ms,
    };
    if (verdict->code == WIRE__VERDICT_CODE__DUPLICATE) { /* held over a loss that took the first one */
        row.code = (uint8_t)verdict->first_code;
        row.at_ms = verdict->first_at_ms;
    }
    broker_row_put(core, BROKER_ENVELOPE, broker_key_envelope(origin->region, verdict->id),
                   broker_put_envelope(&core->out->arena, &row));
}

static void fact_of(struct broker_core *core, const Wire__Header *header, const struct verdict *verdict, uint32_t index)
{
    struct broker_fact fact = {
        .disposition = (uint16_t)(verdict->disposition == NONE ? 0 : verdict->disposition + 1),
        .status = (uint8_t)header->status,
        .action = (uint8_t)header->action,
        .unit = (uint8_t)header->issuer_unit,
        .kind = header->kind,
        .keep_until = header->keep_until,
    };
    memcpy(fact.id, header->id.data, WIRE_ID_BYTES);
    broker_put_fact(core->facts + (size_t)index * BROKER_FACT_BYTES, &fact);
}

static void count(struct broker_core *core, struct counts *counts, Wire__VerdictCode code)
{
    counts->admitted += code == WIRE__VERDICT_CODE__ADMITTED;
    counts->others += code != WIRE__VERDICT_CODE__ADMITTED;
    core->totals.admitted += code == WIRE__VERDICT_CODE__ADMITTED;
    core->totals.refused += code == WIRE__VERDICT_CODE__REFUSED;
    core->totals.duplicates += code == WIRE__VERDICT_CODE__DUPLICATE;
    core->totals.expired += code == WIRE__VERDICT_CODE__EXPIRED;
}

static struct counts judge_all(struct broker_core *core, struct region *origin, const struct broker_submit *submit,
                               uint64_t serial, int64_t at_ms)
{
    struct counts counts = {0, 0};
    for (uint32_t i = 0; i < submit->batch->seal->count; i++) {
        core->verdicts_left = submit->batch->seal->count - i;
        struct verdict verdict = broker_verdict(core, origin, submit, i);
        bool admitted = verdict.code == WIRE__VERDICT_CODE__ADMITTED;
        bool repeated = verdict.code == WIRE__VERDICT_CODE__DUPLICATE && submit->held == NULL;
        core->codes[i] = (uint8_t)verdict.code;
        core->keep_until[i] = admitted ? core->decision.keep_until : 0;
        broker_statement_verdict(core, &verdict);
        fact_of(core, submit->headers[i], &verdict, i);
        /* What is admitted by a held receipt may be known by a later duplicate alone, which says not to whom it went.
         */
        if (!repeated && (!submit->looks[i].known || admitted))
            index_row(core, origin, &verdict, serial, i, at_ms);
        if (admitted)
            broker_fan_envelope(core, submit, i, verdict.disposition, serial, at_ms);
        if (admitted || CANARY(REFUSED_ANSWERS))
            broker_duties_end(core, origin->region, submit, i);
        count(core, &counts, verdict.code);
    }
    return counts;
}

static void batch_rows(struct broker_core *core, const struct region *origin, const struct broker_submit *submit,
                       uint64_t serial, int64_t at_ms, struct wire_bytes digest)
{
    const Wire__Batch *batch = submit->batch;
    Wire__LedgerBatch row;
    wire__ledger_batch__init(&row);
    row.seal = batch->seal;
    row.leaves = broker_data(submit->leaves, (batch->n_envelope + batch->n_box) * sizeof submit->leaves[0]);
    row.facts = broker_data(core->facts, batch->n_envelope * BROKER_FACT_BYTES);
    row.n_disposition = core->disposition_count;
    row.disposition = broker_take(core, (row.n_disposition + 1) * sizeof *row.disposition);
    for (uint32_t i = 0; i < core->disposition_count; i++)
        row.disposition[i] = broker_data(core->dispositions + core->disposition[i].at, core->disposition[i].size);
    row.admitted_ms = at_ms;
    row.policy_digest = broker_data(digest.data, digest.size);
    row.receipt_number = origin->receipts_last;
    broker_row_put(core, BROKER_BATCH, broker_key_serial(serial), broker_pack(core, &row.base));

    Wire__LedgerHeaders headers;
    wire__ledger_headers__init(&headers);
    headers.n_header = batch->n_envelope;
    headers.header = broker_take(core, batch->n_envelope * sizeof *headers.header);
    for (size_t i = 0; i < batch->n_envelope; i++)
        headers.header[i] = batch->envelope[i]->header;
    headers.n_box = batch->n_box;
    headers.box = batch->box;
    broker_row_put(core, BROKER_HEADERS, broker_key_serial(serial), broker_pack(core, &headers.base));
}

static void stream_rows(struct broker_core *core, const struct region *origin, const struct broker_submit *submit,
                        uint64_t serial)
{
    const Wire__BatchSeal *seal = submit->batch->seal;
    struct broker_stream stream = broker_stream_of(seal, origin->region);
    struct broker_stream_row head = {.head = seal->first + seal->count - 1};
    struct broker_stream_batch_row row = {
        .serial = serial, .count = seal->count, .receipt_number = origin->receipts_last};
    memcpy(row.root.bytes, seal->root.data, WIRE_HASH_BYTES);
    broker_row_put(core, BROKER_STREAM, broker_key_stream(&stream), broker_put_stream(&core->out->arena, &head));
    broker_row_put(core, BROKER_STREAM_BATCH, broker_key_stream_batch(&stream, seal->first),
                   broker_put_stream_batch(&core->out->arena, &row));
    broker_row_put(core, BROKER_META, broker_key_last_serial(), broker_put_u64(&core->out->arena, serial));
}

/* The highest telephone number of each date, where this batch goes above what the ledger has. */
static void number_rows(struct broker_core *core, const struct region *origin, const struct broker_submit *submit)
{
    uint32_t date[BROKER_NUMBERS_MAX], highest[BROKER_NUMBERS_MAX], dates = 0;
    for (uint32_t i = 0; i < submit->batch->seal->count; i++) {
        const Wire__Header *header = submit->headers[i];
        uint32_t at = 0;
        while (at < dates && date[at] != header->number_date)
            at++;
        if (at == BROKER_NUMBERS_MAX)
            continue; /* a batch of so many days is not worth more */
        if (at == dates) {
            date[dates] = header->number_date;
            highest[dates++] = 0;
        }
        if (header->number_serial > highest[at])
            highest[at] = header->number_serial;
    }
    for (uint32_t at = 0; at < dates; at++) {
        uint32_t known = 0;
        for (size_t i = 0; i < submit->number_count; i++) {
            if (submit->numbers[i].date == date[at])
                known = submit->numbers[i].serial;
        }
        if (highest[at] > known)
            broker_row_put(core, BROKER_NUMBER, broker_key_number(origin->region, date[at]),
                           broker_put_u32(&core->out->arena, highest[at]));
    }
}

static void receipt_row(struct broker_core *core, struct region *origin)
{
    Wire__LedgerReceipt receipt;
    wire__ledger_receipt__init(&receipt);
    receipt.has_type = receipt.has_statement = true;
    receipt.type = WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT;
    receipt.statement = broker_data(core->statement, core->statement_size);
    broker_receipt_put(core, origin, &receipt);
}

uint64_t broker_judge(struct broker_core *core, struct region *origin, const struct broker_submit *given)
{
    struct broker_submit submit = *given;
    const struct policy_slot *policy = broker_policy_now(core);
    struct wire_bytes digest = wire_bytes(policy->digest.bytes, WIRE_HASH_BYTES);
    int64_t at_ms = core->wall_ms;
    uint64_t serial = ++core->serial;
    if (!broker_held_fits(&submit, origin->region))
        submit.held = NULL;
    if (submit.held != NULL) {
        at_ms = submit.held->at_ms;
        if (submit.held->has_policy_digest && submit.held->policy_digest.len == WIRE_HASH_BYTES)
            digest.data = submit.held->policy_digest.data;
    }
    ENSURE(submit.looks != NULL && submit.batch->seal->origin == origin->region); /* the gate sees to it */
    memset(core->id_slot, 0, sizeof core->id_slot);
    broker_duties_open(core, &submit);
    broker_dispositions_open(core);
    broker_statement_open(core, submit.batch->seal, origin->region);
    struct counts counts = judge_all(core, origin, &submit, serial, at_ms);
    broker_statement_close(core, at_ms, digest, serial);
    broker_duties_close(core, &submit);
    broker_fan_close(core, &submit, serial, at_ms);
    receipt_row(core, origin);
    batch_rows(core, origin, &submit, serial, at_ms, digest);
    stream_rows(core, origin, &submit, serial);
    number_rows(core, origin, &submit);
    struct broker_append *append = broker_rows_close(core);
    append->serial = serial;
    append->batch = submit.batch;
    append->keep_until = core->keep_until;
    uint64_t ticket = append->ticket;
    broker_note(core, BROKER_NOTE_JUDGED, WIRE_OK, origin->region, serial, counts.admitted, counts.others);
    return ticket;
}
