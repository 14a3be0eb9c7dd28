/* Those who do not keep to the protocol: an enrolled node whose frames are false, with its own good key, and a broker
 * that lies to its nodes. The cores behind them are honest and know nothing of it: what leaves is altered on its way
 * out. Honest nodes lose nothing by the one, and notice the other as far as DESIGN promises. */
#include "sim.h"

#include "wire/statement.h"

enum { PERMILLE_FALSE = 120, COPIES_MAX = 12, WITHIN_PULSES = 40 };

static uint64_t absurd(struct sim *sim, uint64_t right)
{
    switch (sim_below(sim, 5)) {
    case 0:
        return right + 1 + sim_below(sim, 3);
    case 1:
        return right == 0 ? 1 : right - 1 - sim_below(sim, right);
    case 2:
        return UINT64_MAX - sim_below(sim, 3);
    case 3:
        return sim_random_next(&sim->random);
    default:
        return 0;
    }
}

static void some_bytes(struct sim *sim, ProtobufCBinaryData *bytes, struct wire_arena *arena)
{
    uint8_t *other = wire_arena_take(arena, bytes->len + 1);
    sim_random_bytes(sim, other, bytes->len);
    bytes->data = other;
}

static struct sim_key key_of(const struct sim_node *node)
{
    return (struct sim_key){node->process.region, node->generation};
}

/* --- a node's frames ---------------------------------------------------------------------------------------------- */

static void false_hello(struct sim *sim, Wire__Hello *hello, struct wire_arena *arena)
{
    if (sim_chance(sim, 300))
        some_bytes(sim, &hello->store_id, arena);
    if (sim_chance(sim, 300) && hello->token != NULL)
        some_bytes(sim, sim_chance(sim, 500) ? &hello->token->random : &hello->token->ledger_id, arena);
    if (sim_chance(sim, 300) && hello->token != NULL)
        hello->token->serial = absurd(sim, hello->token->serial);
    if (sim_chance(sim, 200))
        hello->token = NULL;
    for (size_t i = 0; i < hello->n_cursor; i++) {
        if (sim_chance(sim, 300))
            hello->cursor[i]->number = absurd(sim, hello->cursor[i]->number);
        if (sim_chance(sim, 200))
            hello->cursor[i]->generation = absurd(sim, hello->cursor[i]->generation);
        if (sim_chance(sim, 200))
            some_bytes(sim, &hello->cursor[i]->chain, arena);
    }
    for (size_t i = 0; i < hello->n_stream; i++)
        if (sim_chance(sim, 300))
            hello->stream[i]->head = absurd(sim, hello->stream[i]->head);
    for (size_t i = 0; i < hello->n_grant; i++)
        if (sim_chance(sim, 300))
            hello->grant[i]->offset = absurd(sim, hello->grant[i]->offset);
    if (sim_chance(sim, 300))
        hello->receipts_taken = absurd(sim, hello->receipts_taken);
    if (sim_chance(sim, 200))
        hello->directory_epoch = absurd(sim, hello->directory_epoch);
    if (sim_chance(sim, 200))
        hello->policy_version = absurd(sim, hello->policy_version);
    if (sim_chance(sim, 200) && hello->newest_receipt != NULL)
        some_bytes(sim, &hello->newest_receipt->signature, arena);
    if (sim_chance(sim, 200) && hello->newest_completeness != NULL)
        some_bytes(sim, &hello->newest_completeness->statement, arena);
}

/* Signed again where that makes a better lie: gaps, other streams, roots of other batches, another's origin. */
static void false_submit(struct sim_node *node, Wire__Submit *submit, struct wire_arena *arena)
{
    struct sim *sim = node->process.sim;
    enum wire_status status;
    Wire__Batch *batch =
        (Wire__Batch *)wire_decode(&wire__batch__descriptor, sim_bytes(submit->batch), WIRE_STRICT_ALL, arena, &status);
    ENSURE(batch != NULL);
    switch (sim_below(sim, 7)) {
    case 0:
        batch->seal->first = absurd(sim, batch->seal->first);
        break;
    case 1:
        some_bytes(sim, &batch->seal->store_id, arena);
        break;
    case 2:
        some_bytes(sim, &batch->seal->root, arena);
        break;
    case 3:
        batch->seal->origin = sim->region[sim_below(sim, sim->region_count)];
        break;
    case 4:
        batch->seal->lane = (Wire__Lane)sim_below(sim, WIRE_LANES);
        break;
    case 5:
        batch->n_envelope = 1 + sim_below(sim, batch->n_envelope);
        break;
    default:
        some_bytes(sim, &batch->envelope[sim_below(sim, batch->n_envelope)]->payload, arena);
        break;
    }
    if (sim_chance(sim, 700))
        sim_sign_batch(sim, key_of(node), batch->seal, arena);
    struct wire_bytes bytes = wire_encode(&batch->base, arena);
    submit->batch = sim_bin(bytes.data, bytes.size);
}

static void false_statement(struct sim_node *node, Wire__Signed *signed_, struct wire_arena *arena)
{
    struct sim *sim = node->process.sim;
    enum wire_status status;
    Wire__ArrivedStatement *said = (Wire__ArrivedStatement *)wire_decode(
        &wire__arrived_statement__descriptor, sim_bytes(signed_->statement), WIRE_STRICT_ALL, arena, &status);
    if (said == NULL)
        return;
    switch (sim_below(sim, 6)) {
    case 0:
        said->recipient = sim->region[sim_below(sim, sim->region_count)];
        break;
    case 1:
        said->origin = sim->region[sim_below(sim, sim->region_count)];
        break;
    case 2:
        some_bytes(sim, &said->root, arena);
        break;
    case 3:
        said->first = absurd(sim, said->first);
        break;
    case 4:
        if (said->n_arrival > 0)
            said->arrival[sim_below(sim, said->n_arrival)]->index = (uint32_t)absurd(sim, 3);
        break;
    default:
        said->n_arrival = sim_below(sim, said->n_arrival + 1);
        break;
    }
    struct wire_bytes bytes = wire_encode(&said->base, arena);
    signed_->statement = sim_bin(bytes.data, bytes.size);
    sim_sign_statements(sim, key_of(node), &signed_, 1, arena);
}

static void false_arrived(struct sim_node *node, Wire__Arrived *arrived, struct wire_arena *arena)
{
    struct sim *sim = node->process.sim;
    for (size_t i = 0; i < arrived->n_part; i++) {
        Wire__ArrivedPart *part = arrived->part[i];
        if (sim_chance(sim, 300))
            part->number = absurd(sim, part->number);
        if (sim_chance(sim, 200))
            some_bytes(sim, &part->chain, arena);
        if (sim_chance(sim, 200))
            part->lane = (Wire__Lane)sim_below(sim, WIRE_LANES);
        if (sim_chance(sim, 400))
            false_statement(node, part->signed_, arena);
    }
}

static void false_credit(struct sim *sim, Wire__Credit *credit)
{
    for (size_t i = 0; i < credit->n_grant; i++)
        credit->grant[i]->offset = absurd(sim, credit->grant[i]->offset);
    if (sim_chance(sim, 500)) {
        credit->has_receipts_taken = true;
        credit->receipts_taken = absurd(sim, credit->receipts_taken);
    }
    if (sim_chance(sim, 300)) {
        credit->has_wanted = credit->has_wanted_lane = true;
        credit->wanted = absurd(sim, credit->wanted);
        credit->wanted_lane = (Wire__Lane)sim_below(sim, WIRE_LANES);
    }
}

static void false_pulse(struct sim *sim, Wire__Pulse *pulse, struct wire_arena *arena)
{
    pulse->serial = absurd(sim, pulse->serial);
    pulse->wall_ms = (int64_t)absurd(sim, (uint64_t)pulse->wall_ms);
    pulse->mono_ms = (int64_t)absurd(sim, (uint64_t)pulse->mono_ms);
    pulse->has_echo_mono_ms = pulse->has_echo_held_ms = true;
    pulse->echo_mono_ms = (int64_t)absurd(sim, (uint64_t)pulse->echo_mono_ms);
    pulse->echo_held_ms = (int64_t)absurd(sim, (uint64_t)pulse->echo_held_ms);
    for (size_t i = 0; i < pulse->n_queue; i++)
        pulse->queue[i]->depth = absurd(sim, pulse->queue[i]->depth);
    if (pulse->confirmed != NULL && sim_chance(sim, 300))
        some_bytes(sim, &pulse->confirmed->random, arena);
    if (sim_chance(sim, 300)) {
        pulse->has_receipts_taken = true;
        pulse->receipts_taken = absurd(sim, pulse->receipts_taken);
    }
}

static bool lies(const struct sim_node *node)
{
    return node->process.sim->hostile[node->region_index];
}

void sim_hostile_frame(struct sim_node *node, Wire__Frame *frame, struct wire_arena *arena)
{
    struct sim *sim = node->process.sim;
    if (!lies(node) || !sim_chance(sim, PERMILLE_FALSE))
        return;
    sim->count.false_frames++;
    sim_trace(sim, "%s: a false frame of kind %d", node->process.name, (int)frame->body_case);
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_HELLO:
        false_hello(sim, frame->hello, arena);
        break;
    case WIRE__FRAME__BODY_SUBMIT:
        false_submit(node, frame->submit, arena);
        break;
    case WIRE__FRAME__BODY_ARRIVED:
        false_arrived(node, frame->arrived, arena);
        break;
    case WIRE__FRAME__BODY_CREDIT:
        false_credit(sim, frame->credit);
        break;
    case WIRE__FRAME__BODY_PULSE:
        false_pulse(sim, frame->pulse, arena);
        break;
    default:
        break;
    }
}

/* Again, now or in a later session, and many times. */
void sim_hostile_sent(struct sim_node *node, struct sim_conn *conn, struct wire_bytes bytes)
{
    struct sim *sim = node->process.sim;
    if (!lies(node))
        return;
    if (sim_chance(sim, 100) && bytes.size <= SIM_HOARD_BYTES) {
        struct sim_hoard *hoard = &node->hoard[sim_below(sim, SIM_HOARD)];
        memcpy(hoard->bytes, bytes.data, bytes.size);
        hoard->size = bytes.size;
    }
    const struct sim_hoard *old = &node->hoard[sim_below(sim, SIM_HOARD)];
    uint64_t copies = sim_chance(sim, 40) ? 1 + sim_below(sim, COPIES_MAX) : 0;
    for (uint64_t i = 0; i < copies && old->size > 0; i++) {
        sim->count.false_frames++;
        sim_net_send(sim, conn, true, wire_bytes(old->bytes, old->size), -1);
    }
}

/* --- a broker's frames -------------------------------------------------------------------------------------------- */

/* A lie must have been said to people by now, unless its connection ended before. */
static void must_be_noticed(struct sim *sim, void *what, uint64_t number)
{
    struct sim_conn *conn = what;
    struct sim_node *node = &sim->node[conn->node];
    (void)number;
    bool goes_on = node->exists && node->process.up && node->line[conn->link].conn == conn && conn->broker_end &&
                   conn->node_life == node->process.life && !sim->hostile[node->region_index];
    if (goes_on && !conn->noticed)
        sim_fail(sim, 3, "%s has not noticed lie %d of %s on connection %llu", node->process.name, (int)conn->lie,
                 sim->broker[conn->broker].process.name, (unsigned long long)conn->id);
    sim->count.noticed += conn->noticed;
}

static void told(struct sim *sim, struct sim_conn *conn)
{
    if (conn->told)
        return;
    conn->told = true;
    sim->count.lies++;
    sim_trace(sim, "connection %llu: lie %d is told", (unsigned long long)conn->id, (int)conn->lie);
    sim_after(sim, WITHIN_PULSES * 5 * SIM_S * sim->scale, must_be_noticed, conn, 0);
}

void sim_lie_begin(struct sim *sim, struct sim_conn *conn)
{
    if (conn->lie == SIM_LIE_NONE)
        conn->lie = (enum sim_lie)(1 + sim_below(sim, SIM_LIE_TWO_HISTORIES));
}

void sim_lie_noticed(struct sim_conn *conn)
{
    conn->noticed = true;
}

/* Another history: what it signs of the end of this queue is not what it delivered. From then on, always. */
static void other_history(struct sim *sim, Wire__Signed *signed_, struct wire_arena *arena)
{
    enum wire_status status;
    Wire__CompletenessStatement *said = (Wire__CompletenessStatement *)wire_decode(
        &wire__completeness_statement__descriptor, sim_bytes(signed_->statement), WIRE_STRICT_ALL, arena, &status);
    ENSURE(said != NULL);
    some_bytes(sim, &said->chain, arena);
    struct wire_bytes bytes = wire_encode(&said->base, arena);
    signed_->statement = sim_bin(bytes.data, bytes.size);
}

void sim_lie_before_signing(struct sim *sim, struct sim_conn *conn, Wire__Frame *frame, struct wire_arena *arena)
{
    if (conn == NULL || conn->lie != SIM_LIE_TWO_HISTORIES || frame->body_case != WIRE__FRAME__BODY_PULSE)
        return;
    for (size_t i = 0; i < frame->pulse->n_completeness; i++) {
        other_history(sim, frame->pulse->completeness[i], arena);
        sim->broker[conn->broker].lost_bytes = true; /* shown its own word later, it must believe so */
        told(sim, conn);
    }
}

unsigned sim_lie_of(struct sim *sim, struct sim_conn *conn, Wire__Frame *frame, struct wire_arena *arena)
{
    if (conn->lie == SIM_LIE_NONE || conn->told || frame->body_case != WIRE__FRAME__BODY_DELIVER)
        return 1;
    switch (conn->lie) {
    case SIM_LIE_OMIT:
        told(sim, conn);
        return 0;
    case SIM_LIE_TWICE:
        told(sim, conn);
        return 2;
    case SIM_LIE_CHAIN:
        some_bytes(sim, &frame->deliver->chain, arena);
        told(sim, conn);
        return 1;
    default:
        return 1;
    }
}
