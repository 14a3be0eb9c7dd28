/* Parts and what is answered. Nothing is taken that does not verify; whatever is wrong makes the round void. */
#include "lianfang/field.h"
#include "lianfang/part.h"

#include "wire/codec.h"
#include "wire/credit.h"

enum { RECEIPT_BYTES_HELD = 128 * 1024 };

/* --- parts -------------------------------------------------------------------------------------------------------- */

static struct cursor *cursor_of(struct member *member, const struct part *part)
{
    for (uint32_t i = 0; i < member->cursors; i++) {
        struct cursor *cursor = &member->cursor[i];
        if ((uint32_t)cursor->lane == part->lane && strlen(cursor->mechanism) == part->mechanism.size &&
            memcmp(cursor->mechanism, part->mechanism.data, part->mechanism.size) == 0)
            return cursor;
    }
    if (member->cursors == MEMBER_CURSORS || part->mechanism.size > WIRE_MECHANISM_BYTES_MAX)
        plan_void("a delivery in a mechanism that nobody uses");
    struct cursor *cursor = &member->cursor[member->cursors++];
    *cursor = (struct cursor){.lane = (Wire__Lane)part->lane};
    memcpy(cursor->mechanism, part->mechanism.data, part->mechanism.size);
    return cursor;
}

static void move_cursor(struct world *world, struct cursor *cursor, const struct part *part)
{
    struct wire_digest chain = wire_chain_next(&world->hash, cursor->chain, cursor->number + 1, part->seal->root.data,
                                               part->index, part->leaf, part->count);
    if (part->number != cursor->number + 1 || memcmp(chain.bytes, part->chain.data, WIRE_HASH_BYTES) != 0)
        plan_void("delivery %llu does not follow %llu", (unsigned long long)part->number,
                  (unsigned long long)cursor->number);
    cursor->number++;
    cursor->chain = chain;
}

static void hold(struct member *member, const uint8_t *id)
{
    struct world *world = member->world;
    uint32_t publisher;
    uint64_t serial;
    bool alert;
    publish_id_read(id, &publisher, &alert, &serial);
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

/* The statement that says what arrived (proto/schema/statement.proto), to be signed with the others of this turn. */
static void add_answer(struct member *member, const struct cursor *cursor, const struct part *part)
{
    enum { HEAD_MAX = 160, EACH_MAX = 12 };
    const Wire__BatchSeal *seal = part->seal;
    uint8_t *bytes = wire_arena_take(&member->answer_arena, HEAD_MAX + part->count * (size_t)EACH_MAX), *at = bytes;
    ENSURE(bytes != NULL);
    at = put_number(at, 1, member->region);
    at = put_number(at, 2, seal->origin);
    at = put_bytes(at, 3, seal->mechanism, strlen(seal->mechanism));
    at = put_number(at, 4, (uint64_t)seal->lane);
    at = put_bytes(at, 5, seal->store_id.data, seal->store_id.len);
    at = put_bytes(at, 6, seal->root.data, seal->root.len);
    at = put_number(at, 7, seal->first);
    for (uint32_t i = 0; i < part->count; i++) {
        at = put_head(at, 8, 1 + size_varint(part->index[i]) + 2);
        at = put_number(put_number(at, 1, part->index[i]), 2, WIRE__VERDICT_CODE__ARRIVED);
    }
    at = put_number(at, 9, (uint64_t)world_wall_ms());
    struct answer *answer = &member->answer[member->answers++];
    answer->statement.type = WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT;
    answer->statement.statement = wire_bytes(bytes, (size_t)(at - bytes));
    answer->cursor = cursor;
    answer->number = cursor->number;
    answer->chain = cursor->chain;
}

void receive_part(struct member *member, struct wire_bytes deliver, size_t frame_bytes)
{
    struct world *world = member->world;
    struct part *part = world->part;
    part_read(world, deliver, part);
    struct lane_credit *credit = &member->deliver[part->lane];
    credit->used += frame_bytes;
    if (member->recipient < 0 || credit->used > credit->granted || part->generation != member->generation)
        plan_void("%06u was sent what it did not ask for", member->region);
    struct cursor *cursor = cursor_of(member, part);
    move_cursor(world, cursor, part);
    for (uint32_t i = 0; i < part->count; i++)
        hold(member, part->id[i]);
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
    member->receipt_bytes = 0;
    if (credit.n_grant > 0 || credit.has_receipts_taken)
        member_send(member, WIRE__FRAME__BODY_CREDIT, &credit);
}

/* Half of a window, or of what receipts may be under way (256 KiB). */
bool receive_full(const struct member *member)
{
    bool full = member->answers == MEMBER_ANSWERS || member->receipt_bytes > RECEIPT_BYTES_HELD;
    for (uint32_t lane = 0; lane < WIRE_LANES; lane++) {
        const struct lane_credit *credit = &member->deliver[lane];
        full |= credit->used + wire_credit_window(lane) / 2 > credit->granted;
    }
    return full;
}

void receive_answer(struct member *member)
{
    if (member->answers > 0)
        send_arrived(member);
    send_credit(member);
}
