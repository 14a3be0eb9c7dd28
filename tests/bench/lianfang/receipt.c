/* Receipts: the broker's verdicts on our batches, and what recipients state about them. Read in place, since both have
 * an entry for each message; checked whole. */
#include "lianfang/field.h"
#include "lianfang/part.h"

#include "wire/seal_check.h"

static struct stream *stream_of(struct member *member, struct wire_bytes mechanism, uint64_t lane)
{
    for (uint32_t i = 0; member->publisher >= 0 && i < member->world->flows; i++) {
        const struct flow *flow = member->stream[i].flow;
        if ((uint64_t)flow->lane == lane && strlen(flow->mechanism) == mechanism.size &&
            memcmp(flow->mechanism, mechanism.data, mechanism.size) == 0)
            return &member->stream[i];
    }
    plan_void("a receipt for a stream that is not ours");
}

/* --- verdicts ----------------------------------------------------------------------------------------------------- */

/* A ReceiptStatement (proto/schema/statement.proto). */
struct judged {
    struct wire_bytes mechanism, root;
    uint64_t origin, lane, outcome, first, verdicts;
};

static void take_verdict(struct wire_bytes bytes, uint64_t seq)
{
    struct field field;
    struct wire_bytes detail = {0}, allowed = {0};
    uint64_t its = 0, code = 0, reason = 0;
    while (field_next(&bytes, &field))
        if (field.number == 1)
            its = field.value;
        else if (field.number == 3)
            code = field.value;
        else if (field.number == 4)
            reason = field.value;
        else if (field.number == 5)
            detail = field.bytes;
        else if (field.number == 6)
            allowed = field.bytes;
        else if (field.number == 0 || field.number > 10)
            plan_void("a verdict with the field %u", field.number);
    if (code != WIRE__VERDICT_CODE__ADMITTED || its != seq)
        plan_void("not admitted: %s %.*s, allowed: %.*s", wire_status_name((enum wire_status)reason), (int)detail.size,
                  (const char *)detail.data, (int)allowed.size, (const char *)allowed.data);
}

/* `first` stands in front of the verdicts. */
static void read_judged(struct wire_bytes bytes, struct judged *judged)
{
    struct field field;
    while (field_next(&bytes, &field))
        if (field.number == 3)
            judged->origin = field.value;
        else if (field.number == 4)
            judged->mechanism = field.bytes;
        else if (field.number == 5)
            judged->lane = field.value;
        else if (field.number == 7)
            judged->outcome = field.value;
        else if (field.number == 8)
            judged->first = field.value;
        else if (field.number == 10)
            judged->root = field.bytes;
        else if (field.number == 11)
            take_verdict(field.bytes, judged->first + judged->verdicts++);
        else if (field.number == 14)
            plan_void("a bad batch: %s", wire_status_name((enum wire_status)field.value));
        else if (field.number == 0 || field.number > 15)
            plan_void("a receipt with the field %u", field.number);
    if (judged->outcome != WIRE__RECEIPT_OUTCOME__JUDGED)
        plan_void("outcome %llu", (unsigned long long)judged->outcome);
}

static void take_judged(struct member *member, struct wire_bytes statement)
{
    struct world *world = member->world;
    struct judged judged = {0};
    read_judged(statement, &judged);
    struct stream *stream = stream_of(member, judged.mechanism, judged.lane);
    const struct batch_sent *sent = &stream->sent[stream->sent_head];
    if (stream->sent_count == 0 || judged.origin != member->region || judged.first != sent->first ||
        judged.verdicts != sent->count || !wire_bytes_equal(judged.root, wire_bytes(sent->root.bytes, WIRE_HASH_BYTES)))
        plan_void("a receipt for another batch");
    world->last_ns = plan_now_ns();
    if (stream != &member->stream[0] || world->plan->mode == PLAN_PING)
        samples_add(&world->result->confirmed, world->last_ns - sent->sent_ns);
    stream->sent_head = (stream->sent_head + 1) % SENT_MAX;
    stream->sent_count--;
    *(stream != &member->stream[0] ? &member->alerts_confirmed : &member->confirmed) += judged.verdicts;
    world->confirmed += judged.verdicts;
}

/* --- arrivals ----------------------------------------------------------------------------------------------------- */

static void take_arrival(struct wire_bytes bytes)
{
    struct field field;
    uint64_t code = 0;
    while (field_next(&bytes, &field))
        if (field.number == 2)
            code = field.value;
        else if (field.number != 1)
            plan_void("an arrival with the field %u", field.number);
    if (code != WIRE__VERDICT_CODE__ARRIVED)
        plan_void("a message arrived as %llu", (unsigned long long)code);
}

/* What a recipient states about a part: signed by it, about our own batch. */
static void take_forwarded(struct member *member, const Wire__Signed *signed_)
{
    struct world *world = member->world;
    struct wire_bytes rest = wire_binary(&signed_->statement);
    struct field field;
    uint64_t recipient = 0, origin = 0, arrivals = 0;
    while (field_next(&rest, &field))
        if (field.number == 1)
            recipient = field.value;
        else if (field.number == 2)
            origin = field.value;
        else if (field.number == 8) {
            take_arrival(field.bytes);
            arrivals++;
        } else if (field.number == 0 || field.number > 9)
            plan_void("an arrival with the field %u", field.number);
    if (origin != member->region)
        plan_void("an arrival that is not ours");
    enum wire_status status = cert_verify_signed(world->directory, &world->hash, signed_, WIRE__ROLE__ROLE_NODE,
                                                 (uint32_t)recipient, world_wall_ms());
    if (status != WIRE_OK)
        plan_void("an arrival does not verify: %s", wire_status_name(status));
    member->arrived += arrivals;
    world->arrived += arrivals;
}

/* ------------------------------------------------------------------------------------------------------------------ */

static void take_signed(struct member *member, const Wire__Signed *signed_)
{
    struct world *world = member->world;
    if (signed_->type == WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT) {
        take_forwarded(member, signed_);
        return;
    }
    enum wire_status status =
        cert_verify_signed(world->directory, &world->hash, signed_, WIRE__ROLE__ROLE_BROKER, 0, world_wall_ms());
    if (status != WIRE_OK || signed_->type != WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT)
        plan_void("a receipt does not verify: %s", wire_status_name(status));
    take_judged(member, wire_binary(&signed_->statement));
}

void receive_receipt(struct member *member, struct wire_bytes receipt)
{
    struct field field;
    uint64_t number = 0;
    member->receipt_bytes += receipt.size;
    const Wire__Signed *signed_ = NULL;
    while (field_next(&receipt, &field))
        if (field.number == 1)
            number = field.value;
        else if (field.number == 2)
            signed_ = part_decode(member->world, &wire__signed__descriptor, field.bytes);
        else
            plan_void("a receipt with the field %u", field.number);
    if (signed_ == NULL || number != member->receipts_taken + 1)
        plan_void("receipt %llu does not follow %llu", (unsigned long long)number,
                  (unsigned long long)member->receipts_taken);
    member->receipts_taken = number;
    take_signed(member, signed_);
}
