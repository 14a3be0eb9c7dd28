/* What look-ups say about an envelope of a batch: to whom it was given, what may answer or correct it. */
#include "broker/core/record.h"
#include "wire/codec.h"

const Wire__Disposition *broker_disposition(const Wire__LedgerBatch *batch, const struct broker_fact *fact,
                                            struct wire_arena *arena)
{
    if (fact->disposition == 0 || fact->disposition > batch->n_disposition)
        return NULL;
    const ProtobufCBinaryData *raw = &batch->disposition[fact->disposition - 1];
    enum wire_status status;
    return (const Wire__Disposition *)wire_decode(&wire__disposition__descriptor, wire_bytes(raw->data, raw->len),
                                                  WIRE_STRICT_NONE, arena, &status);
}

static bool listed(const uint32_t *regions, size_t count, uint32_t region)
{
    for (size_t i = 0; i < count; i++) {
        if (regions[i] == region)
            return true;
    }
    return false;
}

bool broker_parent_of(const Wire__LedgerBatch *batch, uint32_t index, uint32_t asker, struct wire_arena *arena,
                      struct rules_parent *out)
{
    struct broker_fact fact;
    if (!broker_get_fact(batch, index, &fact))
        return false;
    *out = (struct rules_parent){.mechanism = ""};
    if (fact.disposition == 0)
        return true;
    const Wire__Disposition *given = broker_disposition(batch, &fact, arena);
    if (given == NULL)
        return false;
    *out = (struct rules_parent){
        .found = true,
        .given = listed(given->to, given->n_to, asker) || listed(given->cc, given->n_cc, asker),
        .origin = batch->seal->origin,
        .mechanism = batch->seal->mechanism,
        .lane = batch->seal->lane,
        .status = (Wire__Status)fact.status,
        .keep_until = fact.keep_until,
        .issuer_unit = fact.unit,
    };
    return true;
}

bool broker_original_of(const Wire__LedgerBatch *batch, uint32_t index, struct wire_arena *arena,
                        struct rules_original *out)
{
    struct broker_fact fact;
    if (!broker_get_fact(batch, index, &fact))
        return false;
    *out = (struct rules_original){.mechanism = ""};
    if (fact.disposition == 0)
        return true;
    const Wire__Disposition *given = broker_disposition(batch, &fact, arena);
    if (given == NULL)
        return false;
    *out = (struct rules_original){
        .found = true,
        .origin = batch->seal->origin,
        .kind = fact.kind,
        .mechanism = batch->seal->mechanism,
        .lane = batch->seal->lane,
        .status = (Wire__Status)fact.status,
        .keep_until = fact.keep_until,
        .to = given->to,
        .to_count = given->n_to,
        .cc = given->cc,
        .cc_count = given->n_cc,
    };
    return true;
}
