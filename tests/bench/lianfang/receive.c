/* Parts and receipts. Nothing is taken that does not verify; whatever is wrong makes the round void. */
#include "lianfang/world.h"

#include "wire/codec.h"
#include "wire/credit.h"

#include <string.h>

/* --- parts -------------------------------------------------------------------------------------------------------- */

static struct cursor *cursor_of(struct member *member, const Wire__Deliver *deliver)
{
    for (uint32_t i = 0; i < member->cursors; i++)
        if (member->cursor[i].lane == deliver->lane && strcmp(member->cursor[i].mechanism, deliver->mechanism) == 0)
            return &member->cursor[i];
    if (member->cursors == MEMBER_CURSORS || strlen(deliver->mechanism) > WIRE_MECHANISM_BYTES_MAX)
        plan_void("a delivery in a mechanism that nobody uses");
    struct cursor *cursor = &member->cursor[member->cursors++];
    *cursor = (struct cursor){.lane = deliver->lane};
    strcpy(cursor->mechanism, deliver->mechanism);
    return cursor;
}

static const Wire__Part *decode_part(struct world *world, const Wire__Deliver *deliver)
{
    enum wire_status status;
    const Wire__Part *part =
        (const Wire__Part *)wire_decode(&wire__part__descriptor, wire_bytes(deliver->part.data, deliver->part.len),
                                        WIRE_STRICT_ALL, &world->arena, &status);
    if (part == NULL)
        plan_void("a part: %s", wire_status_name(status));
    return part;
}

/* The origin's signature, the proof, every payload; the broker's word on when it was admitted. */
static void verify_part(struct world *world, const Wire__Deliver *deliver, const Wire__Part *part,
                        Wire__Header **headers, struct wire_digest *leaves)
{
    uint32_t at = 0;
    int64_t now_ms = world_wall_ms();
    enum wire_status status = wire_part_check(&world->hash, part, &world->arena, headers, leaves, &at);
    if (status == WIRE_OK)
        status = cert_verify_batch(world->directory, part->seal, now_ms);
    if (status == WIRE_OK)
        status =
            cert_verify_signed(world->directory, &world->hash, deliver->witness, WIRE__ROLE__ROLE_BROKER, 0, now_ms);
    if (status != WIRE_OK || deliver->witness->type != WIRE__STATEMENT_TYPE__WITNESS_STATEMENT)
        plan_void("a part does not verify: %s", wire_status_name(status));
}

static void move_cursor(struct world *world, struct cursor *cursor, const Wire__Deliver *deliver,
                        const Wire__Part *part, const struct wire_digest *leaves)
{
    uint32_t index[WIRE_BATCH_ENVELOPES_MAX];
    for (size_t i = 0; i < part->n_envelope; i++)
        index[i] = part->envelope[i]->index;
    struct wire_digest chain = wire_chain_next(&world->hash, cursor->chain, cursor->number + 1, part->seal->root.data,
                                               index, leaves, part->n_envelope);
    if (deliver->number != cursor->number + 1 || deliver->chain.len != WIRE_HASH_BYTES ||
        memcmp(chain.bytes, deliver->chain.data, WIRE_HASH_BYTES) != 0)
        plan_void("delivery %llu does not follow %llu", (unsigned long long)deliver->number,
                  (unsigned long long)cursor->number);
    cursor->number++;
    cursor->chain = chain;
}

static void hold(struct member *member, const Wire__Header *header)
{
    struct world *world = member->world;
    uint32_t publisher;
    uint64_t serial;
    bool alert;
    if (header == NULL)
        plan_void("a header cannot be read");
    publish_id_read(header->id.data, &publisher, &alert, &serial);
    if (!alert) {
        tally_take(world->tally, (uint32_t)member->recipient, publisher, serial);
        if (world->plan->mode == PLAN_PING)
            samples_add(&world->result->in_hands, plan_now_ns() - world->ping_sent_ns);
        return;
    }
    if (serial >= world->alerts || world->alert_sent_ns[serial] == 0 || member->has_alert)
        plan_void("an alert that nobody sent, or twice");
    samples_add(&world->result->in_hands, plan_now_ns() - world->alert_sent_ns[serial]);
    if (world->crowd)
        member->has_alert = true;
    else
        world->alert_sent_ns[serial] = 0;
    world->alerts_in_hands++;
}

/* The statement that says what arrived, to be signed with the others of this turn. */
static void add_answer(struct member *member, const struct cursor *cursor, const Wire__Part *part)
{
    struct wire_arena *arena = &member->answer_arena;
    Wire__ArrivedStatement statement;
    Wire__Arrival arrival[WIRE_BATCH_ENVELOPES_MAX], *list[WIRE_BATCH_ENVELOPES_MAX];
    wire__arrived_statement__init(&statement);
    statement.recipient = member->region;
    statement.origin = part->seal->origin;
    statement.mechanism = part->seal->mechanism;
    statement.lane = part->seal->lane;
    statement.store_id = part->seal->store_id;
    statement.root = part->seal->root;
    statement.first = part->seal->first;
    statement.at_ms = world_wall_ms();
    statement.n_arrival = part->n_envelope;
    statement.arrival = list;
    for (size_t i = 0; i < part->n_envelope; i++) {
        wire__arrival__init(&arrival[i]);
        arrival[i].index = part->envelope[i]->index;
        arrival[i].code = WIRE__VERDICT_CODE__ARRIVED;
        list[i] = &arrival[i];
    }
    struct answer *answer = &member->answer[member->answers++];
    answer->statement.type = WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT;
    answer->statement.statement = wire_encode(&statement.base, arena);
    ENSURE(answer->statement.statement.data != NULL);
    answer->cursor = cursor;
    answer->number = cursor->number;
    answer->chain = cursor->chain;
}

void receive_part(struct member *member, const Wire__Deliver *deliver, size_t frame_bytes)
{
    struct world *world = member->world;
    Wire__Header *headers[WIRE_BATCH_ENVELOPES_MAX];
    struct wire_digest leaves[WIRE_BATCH_ENVELOPES_MAX];
    struct lane_credit *credit = &member->deliver[deliver->lane];
    credit->used += frame_bytes;
    if (member->recipient < 0 || credit->used > credit->granted || deliver->generation != member->generation)
        plan_void("%06u was sent what it did not ask for", member->region);
    const Wire__Part *part = decode_part(world, deliver);
    verify_part(world, deliver, part, headers, leaves);
    if (part->n_envelope != deliver->n_given)
        plan_void("a delivery without dispositions");
    struct cursor *cursor = cursor_of(member, deliver);
    move_cursor(world, cursor, deliver, part, leaves);
    for (size_t i = 0; i < part->n_envelope; i++)
        hold(member, headers[i]);
    add_answer(member, cursor, part);
    world->last_ns = plan_now_ns();
    world->parts++;
}

/* --- answers and credit ---------------------------------------------------------------------------------------------
 */

static void send_arrived(struct member *member)
{
    Wire__Signed signed_[MEMBER_ANSWERS];
    Wire__ArrivedPart part[MEMBER_ANSWERS], *list[MEMBER_ANSWERS];
    struct cert_statement items[MEMBER_ANSWERS];
    Wire__Arrived arrived;
    for (uint32_t i = 0; i < member->answers; i++)
        items[i] = member->answer[i].statement;
    if (cert_sign_statements(member->identity, &member->world->hash, items, member->answers, &member->answer_arena,
                             signed_) != WIRE_OK)
        plan_void("cannot sign");
    for (uint32_t i = 0; i < member->answers; i++) {
        struct answer *answer = &member->answer[i];
        wire__arrived_part__init(&part[i]);
        part[i].mechanism = (char *)(uintptr_t)answer->cursor->mechanism;
        part[i].lane = answer->cursor->lane;
        part[i].number = answer->number;
        part[i].chain = (ProtobufCBinaryData){WIRE_HASH_BYTES, answer->chain.bytes};
        part[i].signed_ = &signed_[i];
        list[i] = &part[i];
    }
    wire__arrived__init(&arrived);
    arrived.part = list;
    arrived.n_part = member->answers;
    member_send(member, WIRE__FRAME__BODY_ARRIVED, &arrived);
    wire_arena_reset(&member->answer_arena);
    member->answers = 0;
}

/* Where the grant of a lane should stand: all that came is in hands. A small raise waits for company. */
static uint64_t offset_of(struct lane_credit *credit, uint32_t window)
{
    uint64_t offset = credit->used + (credit->wanted > window ? credit->wanted : window);
    if (offset < credit->granted + window / 4 && credit->wanted == 0)
        return credit->granted;
    credit->wanted = 0;
    return offset > credit->granted ? offset : credit->granted;
}

static void send_credit(struct member *member)
{
    Wire__Credit credit;
    Wire__Grant grant[WIRE_LANES], *list[WIRE_LANES];
    wire__credit__init(&credit);
    credit.grant = list;
    for (uint32_t lane = 0; lane < WIRE_LANES; lane++) {
        uint64_t offset = offset_of(&member->deliver[lane], wire_credit_window(lane));
        if (offset == member->deliver[lane].granted)
            continue;
        member->deliver[lane].granted = offset;
        wire__grant__init(&grant[lane]);
        grant[lane].lane = (Wire__Lane)lane;
        grant[lane].offset = offset;
        grant[lane].has_taken = true;
        grant[lane].taken = member->deliver[lane].used;
        list[credit.n_grant++] = &grant[lane];
    }
    credit.has_receipts_taken = member->receipts_taken != member->receipts_told;
    credit.receipts_taken = member->receipts_told = member->receipts_taken;
    if (credit.n_grant > 0 || credit.has_receipts_taken)
        member_send(member, WIRE__FRAME__BODY_CREDIT, &credit);
}

void receive_answer(struct member *member)
{
    if (member->answers > 0)
        send_arrived(member);
    send_credit(member);
}

/* --- receipts ----------------------------------------------------------------------------------------------------- */

static struct stream *stream_of(struct member *member, const char *mechanism, Wire__Lane lane)
{
    for (uint32_t i = 0; member->publisher >= 0 && i < member->world->flows; i++)
        if (member->stream[i].flow->lane == lane && strcmp(member->stream[i].flow->mechanism, mechanism) == 0)
            return &member->stream[i];
    plan_void("a receipt for a stream that is not ours");
}

static void all_admitted(const Wire__ReceiptStatement *statement)
{
    if (statement->outcome != WIRE__RECEIPT_OUTCOME__JUDGED)
        plan_void("outcome %d: %s", (int)statement->outcome, wire_status_name(statement->reason));
    for (size_t i = 0; i < statement->n_verdict; i++) {
        const Wire__Verdict *verdict = statement->verdict[i];
        if (verdict->code != WIRE__VERDICT_CODE__ADMITTED || verdict->seq != statement->first + i)
            plan_void("not admitted: %s %s, allowed: %s", wire_status_name(verdict->reason),
                      verdict->detail == NULL ? "" : verdict->detail, verdict->allowed == NULL ? "" : verdict->allowed);
    }
}

static void take_judged(struct member *member, const Wire__ReceiptStatement *statement)
{
    struct world *world = member->world;
    struct stream *stream = stream_of(member, statement->mechanism, statement->lane);
    const struct batch_sent *sent = &stream->sent[stream->sent_head];
    all_admitted(statement);
    if (stream->sent_count == 0 || statement->first != sent->first || statement->n_verdict != sent->count ||
        statement->root.len != WIRE_HASH_BYTES || memcmp(statement->root.data, sent->root.bytes, WIRE_HASH_BYTES) != 0)
        plan_void("a receipt for another batch");
    world->last_ns = plan_now_ns();
    if (stream != &member->stream[0] || world->plan->mode == PLAN_PING)
        samples_add(&world->result->confirmed, world->last_ns - sent->sent_ns);
    stream->sent_head = (stream->sent_head + 1) % SENT_MAX;
    stream->sent_count--;
    *(stream != &member->stream[0] ? &member->alerts_confirmed : &member->confirmed) += statement->n_verdict;
    world->confirmed += statement->n_verdict;
}

/* What a recipient states about a part: signed by it, about our own batch. */
static void take_forwarded(struct member *member, const Wire__Signed *signed_)
{
    struct world *world = member->world;
    enum wire_status status;
    const Wire__ArrivedStatement *statement = (const Wire__ArrivedStatement *)wire_decode(
        &wire__arrived_statement__descriptor, wire_bytes(signed_->statement.data, signed_->statement.len),
        WIRE_STRICT_ALL, &world->arena, &status);
    if (statement == NULL || statement->origin != member->region)
        plan_void("an arrival that is not ours");
    status = cert_verify_signed(world->directory, &world->hash, signed_, WIRE__ROLE__ROLE_NODE, statement->recipient,
                                world_wall_ms());
    if (status != WIRE_OK)
        plan_void("an arrival does not verify: %s", wire_status_name(status));
    member->arrived += statement->n_arrival;
    world->arrived += statement->n_arrival;
}

void receive_receipt(struct member *member, const Wire__Receipt *receipt)
{
    struct world *world = member->world;
    const Wire__Signed *signed_ = receipt->signed_;
    if (receipt->number != member->receipts_taken + 1)
        plan_void("receipt %llu does not follow %llu", (unsigned long long)receipt->number,
                  (unsigned long long)member->receipts_taken);
    member->receipts_taken = receipt->number;
    if (signed_->type == WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT) {
        take_forwarded(member, signed_);
        return;
    }
    enum wire_status status =
        cert_verify_signed(world->directory, &world->hash, signed_, WIRE__ROLE__ROLE_BROKER, 0, world_wall_ms());
    if (status != WIRE_OK || signed_->type != WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT)
        plan_void("a receipt does not verify: %s", wire_status_name(status));
    const Wire__ReceiptStatement *statement = (const Wire__ReceiptStatement *)wire_decode(
        &wire__receipt_statement__descriptor, wire_bytes(signed_->statement.data, signed_->statement.len),
        WIRE_STRICT_ALL, &world->arena, &status);
    if (statement == NULL)
        plan_void("a receipt: %s", wire_status_name(status));
    take_judged(member, statement);
}
