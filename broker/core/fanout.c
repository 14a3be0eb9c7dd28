/* Who gets which envelopes of a batch: one part a recipient (more when it would exceed what a lane's window takes). */
#include "broker/core/inside.h"
#include "wire/canary.h"

static uint32_t box_cost(const Wire__Batch *batch, uint32_t region)
{
    for (size_t i = 0; i < batch->n_box; i++) {
        if (batch->box[i]->region == region)
            return (uint32_t)(batch->box[i]->cms.len + batch->box[i]->certificate.len) + DELIVERED_COST;
    }
    return 0;
}

/* Subtree hashes that complete the root: no more than leaves left out, no more than a path for each leaf held. */
static uint64_t proof_cost(const Wire__BatchSeal *seal, uint32_t held)
{
    enum { DEPTH = 10, HASH = WIRE_HASH_BYTES + 2 };
    uint64_t leaves = (uint64_t)seal->count + seal->boxes;
    uint64_t missing = leaves > held ? leaves - held : 0;
    uint64_t paths = (uint64_t)(held + 1) * DEPTH;
    return (missing < paths ? missing : paths) * HASH;
}

static void part_clear(struct part *part, const struct broker_submit *submit, uint32_t region)
{
    part->cost = PART_BASE_COST + (uint64_t)box_cost(submit->batch, region);
    part->envelopes = 0;
    part->owed = false;
    part->first_due_ms = INT64_MAX;
    memset(part->given, 0, sizeof part->given);
    memset(part->owes, 0, sizeof part->owes);
}

/* The part of this region that is open; NULL: it has no queue and can get none. */
static struct part *part_of(struct broker_core *core, const struct broker_submit *submit, uint32_t adcode)
{
    uint32_t at = broker_index_find(&core->region_of, adcode);
    if (at != NONE && core->part_of[at] != NONE)
        return &core->parts[core->part_of[at]];
    const Wire__BatchSeal *seal = submit->batch->seal;
    struct region *region = broker_region_make(core, adcode);
    uint32_t mechanism = broker_mechanism_make(core, wire_bytes(seal->mechanism, strlen(seal->mechanism)));
    struct queue *queue = region == NULL || mechanism == NONE
                              ? NULL
                              : broker_queue_make(core, broker_region_index(core, region), mechanism, seal->lane);
    if (queue == NULL)
        return NULL;
    uint32_t made = core->part_count++;
    core->part_of[broker_region_index(core, region)] = made;
    core->parts[made].region = broker_region_index(core, region);
    core->parts[made].queue = (uint32_t)(queue - core->queues);
    part_clear(&core->parts[made], submit, adcode);
    return &core->parts[made];
}

/* The running hash of the queue over this part. */
static struct wire_digest chain_of(struct broker_core *core, const struct broker_submit *submit,
                                   const struct queue *queue, const struct part *part)
{
    uint32_t held = 0;
    for (uint32_t i = 0; i < submit->batch->seal->count; i++) {
        if (!broker_bit(part->given, i))
            continue;
        core->scratch_index[held] = i;
        core->scratch_leaf[held++] = submit->leaves[i];
    }
    return wire_chain_next(core->options.hash, queue->chain, queue->last + 1, submit->batch->seal->root.data,
                           core->scratch_index, core->scratch_leaf, held);
}

static void arrive_row(struct broker_core *core, const struct broker_submit *submit, const struct part *part,
                       const struct broker_queue_row *row, uint64_t number)
{
    struct broker_duty duty = {row->serial, core->regions[part->region].region, number, BROKER_DUTY_ARRIVE, 0};
    struct broker_obligation_row obligation = {
        .origin = row->origin,
        .step = BROKER_STEP_ARRIVE,
        .since_ms = row->admitted_ms,
        .due_ms = part->first_due_ms,
        .count = row->count,
    };
    uint32_t first = 0; /* it stands for the part */
    while (!broker_bit(part->owes, first))
        first++;
    broker_bit_set(obligation.owed, first);
    const Wire__Header *header = submit->headers[first];
    obligation.keep_until = header->keep_until;
    obligation.status = (uint8_t)header->status;
    obligation.lane = (uint8_t)header->lane;
    memcpy(obligation.mechanism, header->mechanism, strlen(header->mechanism) + 1);
    broker_duty_put(core, &duty, part->first_due_ms, &obligation);
}

/* One row of the recipient's queue. */
static void part_close(struct broker_core *core, struct part *part, const struct broker_submit *submit, uint64_t serial,
                       int64_t admitted_ms)
{
    const Wire__BatchSeal *seal = submit->batch->seal;
    struct queue *queue = &core->queues[part->queue];
    struct broker_queue_name name = broker_queue_name(core, queue);
    struct broker_queue_row row = {
        .serial = serial,
        .origin = seal->origin,
        .cost = (uint32_t)(part->cost + proof_cost(seal, part->envelopes)),
        .admitted_ms = admitted_ms,
        .envelopes = queue->envelopes + part->envelopes,
        .count = (uint16_t)seal->count,
    };
    memcpy(row.root.bytes, seal->root.data, WIRE_HASH_BYTES);
    memcpy(row.given, part->given, sizeof row.given);
    memcpy(row.owes, part->owes, sizeof row.owes);
    row.chain = chain_of(core, submit, queue, part);

    if (queue->arrived == queue->last)
        queue->oldest_ms = admitted_ms;
    queue->last++;
    queue->chain = row.chain;
    queue->envelopes = row.envelopes;
    queue->tail_ticket = core->ticket + 1; /* of the append under way */
    broker_row_put(core, BROKER_QUEUE, broker_key_queue_row(&name, queue->last),
                   broker_put_queue(&core->out->arena, &row));
    if (part->owed)
        arrive_row(core, submit, part, &row, queue->last);
    struct region *region = &core->regions[part->region];
    broker_window_push(core, queue, queue->last, queue->tail_ticket, &row);
    if (region->confirmed)
        broker_tell(core, region, TELL_DELIVER);
    part_clear(part, submit, region->region);
}

static void give(struct broker_core *core, const struct broker_submit *submit, uint32_t index, uint32_t adcode,
                 const struct disposition *disposition, bool owes, uint64_t serial, int64_t admitted_ms)
{
    struct part *part = part_of(core, submit, adcode);
    if (part == NULL)
        return;
    const Wire__Envelope *envelope = submit->batch->envelope[index];
    uint64_t cost =
        envelope->header.len + envelope->salt.len + envelope->payload.len + disposition->bare + DELIVERED_COST;
    if (part->envelopes > 0 && part->cost + cost > BROKER_PART_BYTES_MAX)
        part_close(core, part, submit, serial, admitted_ms);
    part->cost += cost;
    part->envelopes++;
    broker_bit_set(part->given, index);
    if (!owes)
        return;
    broker_bit_set(part->owes, index);
    part->owed |= disposition->owed;
    if (disposition->first_due_ms < part->first_due_ms)
        part->first_due_ms = disposition->first_due_ms;
}

void broker_fan_envelope(struct broker_core *core, const struct broker_submit *submit, uint32_t index,
                         uint32_t disposition, uint64_t serial, int64_t admitted_ms)
{
    const struct rules_decision *decision = &core->decision;
    const struct disposition *made = &core->disposition[disposition];
    if (CANARY(SKIP_ENVELOPE) && index % 8 == 5)
        return;
    for (size_t i = 0; i < decision->to_count; i++)
        give(core, submit, index, decision->to[i].region, made, true, serial, admitted_ms);
    for (size_t i = 0; i < decision->cc_count; i++)
        give(core, submit, index, decision->cc[i].region, made, false, serial, admitted_ms);
    uint32_t other = core->regions[serial % core->region_count].region;
    bool owes;
    if (CANARY(DELIVER_TO_OTHERS) && !rules_given_to(decision, other, &owes))
        give(core, submit, index, other, made, false, serial, admitted_ms);
}

void broker_fan_close(struct broker_core *core, const struct broker_submit *submit, uint64_t serial,
                      int64_t admitted_ms)
{
    for (uint32_t i = 0; i < core->part_count; i++) {
        struct part *part = &core->parts[i];
        const struct queue *queue = &core->queues[part->queue];
        if (part->envelopes > 0)
            part_close(core, part, submit, serial, admitted_ms);
        struct broker_queue_name name = broker_queue_name(core, queue);
        struct broker_head_row head = {queue->last, queue->envelopes, queue->chain};
        if (!CANARY(REUSE_DELIVERY_NUMBER))
            broker_row_put(core, BROKER_QUEUE_HEAD, broker_key_queue(&name), broker_put_head(&core->out->arena, &head));
        core->part_of[part->region] = NONE;
    }
    core->part_count = 0;
}
