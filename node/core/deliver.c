/* A part arrives: inbox rows, identity index and cursor in one append; then `arrived`, then credit. */
#include "node/core/inbox.h"
#include "node/core/session.h"
#include "wire/canary.h"
#include "wire/codec.h"

/* --- where it stands in its queue -----------------------------------------------------------------------------------
 */

static struct wire_digest chain_of(struct node_step *s, const struct node_deliver *in, struct wire_digest before)
{
    const struct wire_hash *hash = s->core->options.hash;
    size_t count = in->part->n_envelope;
    uint32_t *index = node_take(s, count * sizeof *index);
    for (size_t i = 0; i < count; i++)
        index[i] = in->part->envelope[i]->index;
    return wire_chain_next(hash, before, in->deliver->number, in->part->seal->root.data, index, in->leaf, count);
}

static bool chain_holds(struct node_step *s, const struct node_deliver *in, const struct node_lane *lane)
{
    if (in->part == NULL || in->part->seal->root.len != WIRE_HASH_BYTES)
        return true; /* nothing to compute it from; the next part or completeness statement will tell */
    struct wire_digest chain = chain_of(s, in, lane->chain);
    return memcmp(chain.bytes, in->deliver->chain.data, WIRE_HASH_BYTES) == 0;
}

/* Starts the session anew, so that HELLO shows the cursor again. */
static void ask_again(struct node_step *s, struct node_lane *lane)
{
    lane->asked = true;
    node_session_cut(s, lane->link, WIRE_GAP);
}

static void note_numbers(struct node_step *s, enum node_topic topic, const struct node_lane *lane, uint64_t a,
                         uint64_t b)
{
    struct node_note *note = node_note_lane(s, topic, lane);
    note->a = a;
    note->b = b;
}

/* Does it follow on? If not it is asked for again, once: a broker that then begins with the same gap has no more.
 * False: it is not taken. */
static bool take_place(struct node_step *s, const struct node_deliver *in, struct node_lane *lane)
{
    uint64_t number = in->deliver->number, expected = lane->number + 1;
    if (number == expected && chain_holds(s, in, lane)) {
        lane->asked = false;
        return true;
    }
    if (number < expected && !lane->started) { /* the ledger did not know our cursor: harmless */
        note_numbers(s, NODE_NOTE_AGAIN, lane, lane->number, number);
        return true;
    }
    note_numbers(s, number == expected ? NODE_NOTE_CHAIN : NODE_NOTE_GAP, lane, expected, number);
    if (!lane->asked || lane->started) {
        ask_again(s, lane);
        return false;
    }
    lane->asked = false;
    if (number > expected)
        note_numbers(s, NODE_NOTE_LOST_DELIVERIES, lane, expected, number - 1);
    return true;
}

static void move_cursor(struct node_step *s, const struct node_deliver *in, struct node_lane *lane)
{
    lane->has_cursor = true;
    lane->started = true;
    lane->generation = in->deliver->generation;
    lane->number = in->deliver->number;
    memcpy(lane->chain.bytes, in->deliver->chain.data, WIRE_HASH_BYTES);
    if (!CANARY(LOSE_CURSOR))
        node_put_cursor(s, lane);
}

/* --- one envelope ---------------------------------------------------------------------------------------------------
 */

struct arrival {
    const struct node_deliver *in;
    struct node_lane *lane;
    struct node_key evidence;
    Wire__ArrivedStatement *statement;
    uint64_t first_order;
    uint64_t taken;
};

static const uint8_t *id_of(const struct node_deliver *in, size_t i)
{
    return in->header[i] != NULL ? in->header[i]->id.data : node_leaf_id(in->leaf[i].bytes);
}

static uint32_t keep_until(const struct node_deliver *in, size_t i)
{
    return in->deliver->given[i]->disposition->keep_until;
}

static void keep_carried(struct node_step *s, const struct arrival *a, size_t i, uint64_t order)
{
    const Wire__PartEnvelope *envelope = a->in->part->envelope[i];
    struct node_payload payload = {.kind = NODE_CARRIED_OF_PART,
                                   .index = (uint32_t)i,
                                   .day = keep_until(a->in, i),
                                   .origin = a->in->part->seal->origin,
                                   .number = order};
    if (!envelope->has_payload || payload.day <= s->core->erased_day)
        return;
    memcpy(payload.id, id_of(a->in, i), WIRE_ID_BYTES);
    node_add_payload(s, &payload);
}

static void put_inbox(struct node_step *s, const struct arrival *a, size_t i, const struct node_judgement *judgement,
                      uint64_t order)
{
    const struct node_deliver *in = a->in;
    struct node_key key = node_key_order(order);
    Wire__NodeInbox row;
    wire__node_inbox__init(&row);
    row.header = in->part->envelope[i]->header;
    row.origin = in->part->seal->origin;
    row.id = node_bin(id_of(in, i), WIRE_ID_BYTES);
    row.owes = in->deliver->given[i]->owes;
    row.disposition = in->deliver->given[i]->disposition;
    row.code = judgement->code;
    row.has_reason = judgement->reason != WIRE_OK;
    row.reason = (uint32_t)judgement->reason;
    row.arrived_ms = s->event->wall_ms;
    row.has_admitted_ms = in->witness != NULL;
    row.admitted_ms = in->witness != NULL ? in->witness->admitted_ms : 0;
    row.evidence = node_bin(a->evidence.data, a->evidence.size);
    row.index = in->part->envelope[i]->index;
    row.keep_until = keep_until(in, i);
    row.mechanism = a->lane->mechanism;
    row.lane = a->lane->lane;
    row.link = (char *)(uintptr_t)node_lane_link_name(s->core, a->lane);
    node_put_message(s, judgement->code == WIRE__VERDICT_CODE__REJECTED ? NODE_TABLE_REJECTED : NODE_TABLE_INBOX, &key,
                     &row.base);
}

static void put_known(struct node_step *s, const struct node_key *key, Wire__NodeKnown *known, Wire__VerdictCode code,
                      uint64_t order)
{
    Wire__NodeKnown fresh;
    if (known == NULL) {
        wire__node_known__init(&fresh);
        known = &fresh;
    }
    known->has_rejected = known->rejected = code == WIRE__VERDICT_CODE__REJECTED;
    known->has_code = true;
    known->code = code;
    known->has_order = !known->rejected;
    known->order = order;
    node_put_message(s, NODE_TABLE_KNOWN, key, &known->base);
}

static void note_not_taken(struct node_step *s, const struct arrival *a, size_t i,
                           const struct node_judgement *judgement)
{
    struct node_note *note = node_note_lane(s, NODE_NOTE_NOT_TAKEN, a->lane);
    note->status = judgement->reason;
    note->a = a->in->part->seal->origin;
    note->b = (uint64_t)judgement->code;
    memcpy(note->id, id_of(a->in, i), WIRE_ID_BYTES);
}

static void take_envelope(struct node_step *s, struct arrival *a, size_t i, struct node_judgement *judgement)
{
    const struct node_deliver *in = a->in;
    struct node_key key = node_key_known(in->part->seal->origin, id_of(in, i));
    Wire__NodeKnown *known = node_known_read(s, &key, in->known[i], 1);
    if (known != NULL && known->has_order &&
        !CANARY(TAKE_TWICE)) { /* exactly once: it is here already, and answered as it was then */
        judgement->code = known->has_code ? known->code : WIRE__VERDICT_CODE__ARRIVED;
        judgement->reason = WIRE_OK;
        s->core->totals.repeated++;
        return;
    }
    *judgement = node_judge_delivered(s, in, i);
    bool rejected = judgement->code == WIRE__VERDICT_CODE__REJECTED;
    uint64_t order = s->core->inbox_next++;
    s->core->dirty_meta = true;
    put_known(s, &key, known, judgement->code, order);
    put_inbox(s, a, i, judgement, order);
    if (judgement->code != WIRE__VERDICT_CODE__ARRIVED)
        note_not_taken(s, a, i, judgement);
    s->core->totals.rejected += rejected;
    s->core->totals.unreadable += judgement->code == WIRE__VERDICT_CODE__ARRIVED_UNREADABLE;
    if (rejected)
        return;
    keep_carried(s, a, i, order);
    a->taken++;
    s->core->totals.received++;
    if (judgement->code != WIRE__VERDICT_CODE__ARRIVED)
        return;
    node_mark_corrected(s, in->header[i], in->named == NULL ? wire_bytes(NULL, 0) : in->named[i]);
    node_mark_reply(s, in->header[i], in->asked == NULL ? wire_bytes(NULL, 0) : in->asked[i]);
}

/* --- the part -------------------------------------------------------------------------------------------------------
 */

static void put_evidence(struct node_step *s, const struct arrival *a)
{
    const Wire__Part *from = a->in->part;
    Wire__Part part = *from;
    Wire__NodeEvidence row;
    part.envelope = node_take(s, from->n_envelope * sizeof *part.envelope);
    for (size_t i = 0; i < from->n_envelope; i++) {
        part.envelope[i] = node_take(s, sizeof *part.envelope[i]);
        *part.envelope[i] = *from->envelope[i];
        part.envelope[i]->has_salt = part.envelope[i]->has_payload = false;
        part.envelope[i]->header = node_bin(NULL, 0); /* it stands in an INBOX or REJECTED row */
    }
    wire__node_evidence__init(&row);
    row.n_leaf = from->n_envelope;
    row.leaf = node_take(s, row.n_leaf * sizeof *row.leaf);
    for (size_t i = 0; i < row.n_leaf; i++)
        row.leaf[i] = node_bin(a->in->leaf[i].bytes, WIRE_HASH_BYTES);
    row.part = &part;
    row.witness = a->in->witness != NULL ? a->in->deliver->witness : NULL;
    node_put_message(s, NODE_TABLE_EVIDENCE, &a->evidence, &row.base);
}

static void add_arrival(struct node_step *s, Wire__ArrivedStatement *statement, uint32_t index,
                        const struct node_judgement *judgement)
{
    Wire__Arrival *arrival = node_take(s, sizeof *arrival);
    wire__arrival__init(arrival);
    arrival->index = index;
    arrival->code = judgement->code;
    arrival->has_reason = judgement->reason != WIRE_OK;
    arrival->reason = (uint32_t)judgement->reason;
    statement->arrival[statement->n_arrival++] = arrival;
}

/* What the broker says it gave us, when the part itself says nothing. */
static void reject_all(struct node_step *s, struct arrival *a, enum wire_status reason)
{
    struct node_judgement judgement = {.code = WIRE__VERDICT_CODE__REJECTED, .reason = reason};
    for (size_t i = 0; i < a->in->deliver->n_given; i++) {
        add_arrival(s, a->statement, a->in->deliver->given[i]->index, &judgement);
        s->core->totals.rejected++;
    }
    struct node_note *note = node_note_lane(s, NODE_NOTE_NOT_TAKEN, a->lane);
    note->status = reason;
    note->a = a->in->part == NULL ? 0 : a->in->part->seal->origin;
    note->b = WIRE__VERDICT_CODE__REJECTED;
}

static void take_part(struct node_step *s, struct arrival *a)
{
    const Wire__Part *part = a->in->part;
    for (size_t i = 0; i < part->n_envelope; i++) {
        struct node_judgement judgement = {.reason = WIRE_OK};
        take_envelope(s, a, i, &judgement);
        add_arrival(s, a->statement, part->envelope[i]->index, &judgement);
    }
    put_evidence(s, a);
    if (a->taken == 0)
        return;
    struct node_note *note = node_note_lane(s, NODE_NOTE_INBOX, a->lane);
    note->a = a->first_order;
    note->b = a->taken;
}

/* OK: every envelope can be judged by itself. */
static enum wire_status check_part(const struct node_deliver *in)
{
    const Wire__Part *part = in->part;
    if (part == NULL)
        return in->status == WIRE_OK ? WIRE_BAD_FRAME : in->status;
    if (in->status != WIRE_OK)
        return in->status;
    if (part->seal->origin != in->signer_region)
        return WIRE_FOREIGN_ORIGIN;
    if (strcmp(part->seal->mechanism, in->deliver->mechanism) != 0 || part->seal->lane != in->deliver->lane)
        return WIRE_MIXED_BATCH;
    if (in->deliver->n_given != part->n_envelope || part->n_envelope == 0)
        return WIRE_BAD_FRAME;
    for (size_t i = 0; i < part->n_envelope; i++)
        if (in->deliver->given[i]->index != part->envelope[i]->index)
            return WIRE_BAD_FRAME;
    return WIRE_OK;
}

static Wire__ArrivedStatement *new_statement(struct node_step *s, const struct node_deliver *in)
{
    static const uint8_t nothing[WIRE_HASH_BYTES];
    const Wire__BatchSeal *seal = in->part == NULL ? NULL : in->part->seal;
    Wire__ArrivedStatement *statement = node_take(s, sizeof *statement);
    wire__arrived_statement__init(statement);
    statement->recipient = s->core->options.region;
    statement->origin = seal == NULL ? 0 : seal->origin;
    statement->mechanism = in->deliver->mechanism;
    statement->lane = in->deliver->lane;
    statement->store_id = seal == NULL ? node_bin(nothing, WIRE_ID_BYTES) : seal->store_id;
    statement->root = seal == NULL ? node_bin(nothing, WIRE_HASH_BYTES) : seal->root;
    statement->first = seal == NULL ? 0 : seal->first;
    statement->at_ms = s->event->wall_ms;
    size_t count = in->deliver->n_given;
    if (in->part != NULL && in->part->n_envelope > count)
        count = in->part->n_envelope;
    statement->arrival = node_take(s, count * sizeof *statement->arrival);
    return statement;
}

static void answer(struct node_step *s, const struct arrival *a)
{
    struct wire_bytes statement = wire_encode(&a->statement->base, &s->out->arena);
    ENSURE(statement.data != NULL);
    Wire__Frame *frame = node_frame(s, WIRE__FRAME__BODY_ARRIVED);
    Wire__Arrived *arrived = frame->arrived = node_take(s, sizeof *arrived);
    wire__arrived__init(arrived);
    arrived->part = node_take(s, sizeof *arrived->part);
    Wire__ArrivedPart *part = arrived->part[0] = node_take(s, sizeof *part);
    arrived->n_part = 1;
    wire__arrived_part__init(part);
    part->mechanism = a->lane->mechanism;
    part->lane = a->lane->lane;
    part->number = a->lane->number;
    part->chain = node_bin(a->lane->chain.bytes, WIRE_HASH_BYTES);
    part->signed_ = node_take(s, sizeof *part->signed_);
    wire__signed__init(part->signed_);
    part->signed_->type = WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT;
    part->signed_->statement = node_bin(statement.data, statement.size);
    node_send(s, a->lane->link, node_ticket(s), frame);
}

static bool frame_is_sane(const struct node_deliver *in, const struct node_link *link)
{
    const Wire__Deliver *deliver = in->deliver;
    if (deliver->chain.len != WIRE_HASH_BYTES || deliver->number == 0 || (unsigned)deliver->lane >= WIRE_LANES)
        return false;
    for (size_t i = 0; i < deliver->n_given; i++)
        if (deliver->given[i]->disposition == NULL)
            return false;
    return deliver->generation == link->generation && deliver->n_given <= WIRE_BATCH_ENVELOPES_MAX;
}

/* The session may take it at all; else it is cut. */
static enum wire_status check_session(struct node_step *s, const struct node_deliver *in)
{
    struct node_link *link = &s->core->link[in->link];
    if (!frame_is_sane(in, link))
        return WIRE_BAD_FRAME;
    struct node_deliver_credit *credit = &link->deliver[in->deliver->lane];
    credit->received += in->frame_bytes;
    return credit->received > credit->granted ? WIRE_OVER_CREDIT : WIRE_OK;
}

static void take_delivery(struct node_step *s, const struct node_deliver *in, struct node_lane *lane)
{
    enum wire_status status = check_part(in);
    struct arrival a = {.in = in, .lane = lane, .first_order = s->core->inbox_next};
    a.statement = new_statement(s, in);
    a.evidence = node_key_evidence(node_lane_link_name(s->core, lane), lane->mechanism, lane->lane,
                                   in->deliver->generation, in->deliver->number, in->deliver->chain.data);
    if (status == WIRE_OK)
        take_part(s, &a);
    else
        reject_all(s, &a, status);
    move_cursor(s, in, lane);
    node_check_completeness(s, lane);
    answer(s, &a);
    s->core->link[in->link].deliver[lane->lane].ticket = node_ticket(s);
    node_deliver_grant(s, in->link, node_ticket(s));
}

void node_on_deliver(struct node_step *s)
{
    const struct node_deliver *in = &s->event->u.deliver;
    if (s->core->link[in->link].state != NODE_LIVE)
        return; /* what was on its way when the session ended */
    enum wire_status status = check_session(s, in);
    uint32_t lane = NODE_NONE;
    if (status == WIRE_OK)
        lane = node_lane_of(s, in->link, in->deliver->mechanism, in->deliver->lane);
    if (lane == NODE_NONE) {
        node_note(s, NODE_NOTE_BAD_FRAME, in->link)->status = status == WIRE_OK ? WIRE_NO_MEMORY : status;
        node_session_cut(s, in->link, status == WIRE_OK ? WIRE_OVERLOADED : status);
        return;
    }
    if (take_place(s, in, node_lane_at(s->core, lane)))
        take_delivery(s, in, node_lane_at(s->core, lane));
}
