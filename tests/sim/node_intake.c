/* A frame from a broker becomes an event: decoded, verified, with what the store knows. What node/intake.c, deliver.c
 * and trust.c do. */
#include "sim.h"

#include "wire/batch.h"

static ProtobufCMessage *open_statement(struct sim_node *node, const Wire__Signed *signed_, Wire__StatementType type,
                                        const ProtobufCMessageDescriptor *what)
{
    enum wire_status status;
    if (signed_->type != type)
        return NULL;
    return wire_decode(what, sim_bytes(signed_->statement), WIRE_STRICT_ALL, &node->process.sim->arena, &status);
}

/* A statement of the broker at the other end of this link; NULL: it is none. */
static ProtobufCMessage *brokers(struct sim_node *node, unsigned link, const Wire__Signed *signed_,
                                 Wire__StatementType type, const ProtobufCMessageDescriptor *what)
{
    struct sim *sim = node->process.sim;
    struct sim_key key;
    if (sim_certificate_check(sim, node->epoch, SIM_IDENTITY, sim_bytes(signed_->signer), INT64_MIN, &key) != WIRE_OK ||
        sim_broker_of(key) != link || sim_verify_signed(sim, node->epoch, signed_, 0, INT64_MIN) != WIRE_OK)
        return NULL;
    return open_statement(node, signed_, type, what);
}

static const bool *completeness(struct sim_node *node, unsigned link, Wire__Signed *const *list, size_t count,
                                const Wire__CompletenessStatement *const **out)
{
    struct wire_arena *arena = &node->process.sim->arena;
    bool *good = wire_arena_take(arena, count + 1);
    const Wire__CompletenessStatement **statements = wire_arena_take(arena, (count + 1) * sizeof(*statements));
    for (size_t i = 0; i < count; i++) {
        statements[i] = (const Wire__CompletenessStatement *)brokers(node, link, list[i],
                                                                     WIRE__STATEMENT_TYPE__COMPLETENESS_STATEMENT,
                                                                     &wire__completeness_statement__descriptor);
        good[i] = statements[i] != NULL;
    }
    *out = statements;
    return good;
}

static void take_receipt(struct sim_node *node, unsigned link, const Wire__Receipt *receipt, size_t bytes)
{
    struct sim *sim = node->process.sim;
    struct node_event event = {.kind = NODE_ON_RECEIPT};
    struct node_receipt *in = &event.u.receipt;
    *in = (struct node_receipt){
        .link = (uint8_t)link, .frame_bytes = (uint32_t)bytes, .receipt = receipt, .status = WIRE_BAD_SIGNATURE};
    const Wire__Signed *signed_ = receipt->signed_;
    if (signed_->type == WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT) {
        in->statement = (const Wire__ReceiptStatement *)brokers(node, link, signed_, signed_->type,
                                                                &wire__receipt_statement__descriptor);
        in->status = in->statement != NULL ? WIRE_OK : WIRE_BAD_SIGNATURE;
    } else {
        in->arrived = (const Wire__ArrivedStatement *)open_statement(
            node, signed_, WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT, &wire__arrived_statement__descriptor);
        if (in->arrived != NULL)
            in->status = sim_verify_signed(sim, node->epoch, signed_, in->arrived->recipient, INT64_MIN);
    }
    if (in->statement != NULL)
        sim_check_verdicts(node, link, in->statement);
    if (in->statement != NULL || in->arrived != NULL)
        ENSURE(store_look_receipt(&node->store, node->options.link[link].name, in, &sim->arena) == WIRE_OK);
    sim_node_step(node, &event);
}

/* --- DELIVER ------------------------------------------------------------------------------------------------------ */

struct reading {
    struct sim_node *node;
    const Wire__Part *part;
    Wire__Header **header;
    uint8_t box_key[32];
    bool opens;
};

static enum wire_status read_envelope(struct reading *r, size_t i)
{
    struct sim *sim = r->node->process.sim;
    const Wire__PartEnvelope *envelope = r->part->envelope[i];
    const Wire__Header *header = r->header[i];
    if (header == NULL)
        return WIRE_UNREADABLE;
    if (!envelope->has_payload || !envelope->has_salt)
        return WIRE_ERASED;
    struct wire_digest digest =
        wire_payload_digest(&sim->hash, sim_bytes(envelope->salt), sim_bytes(envelope->payload));
    if (memcmp(digest.bytes, header->digest.data, WIRE_HASH_BYTES) != 0)
        return WIRE_TAMPERED;
    size_t size = envelope->payload.len;
    uint8_t *plain = wire_arena_copy(&sim->arena, envelope->payload.data, size), tag[SIM_TAG_BYTES];
    if (header->form == WIRE__PAYLOAD_FORM__SEALED) {
        if (!r->opens || size < SIM_TAG_BYTES)
            return WIRE_CANNOT_OPEN;
        size -= SIM_TAG_BYTES;
        sim_tag(sim, r->box_key, header->id.data, wire_bytes(plain, size), tag);
        if (memcmp(tag, plain + size, SIM_TAG_BYTES) != 0)
            return WIRE_CANNOT_OPEN;
        sim_crypt(sim, r->box_key, header->id.data, plain, size);
    }
    sim_check_status(r->node, header, wire_bytes(plain, size), true);
    return WIRE_OK;
}

static enum wire_status check_part(struct reading *r, unsigned link, struct node_deliver *in)
{
    struct sim_node *node = r->node;
    struct sim *sim = node->process.sim;
    enum wire_status status;
    uint32_t at;
    Wire__Part *part = (Wire__Part *)wire_decode(&wire__part__descriptor, sim_bytes(in->deliver->part), WIRE_STRICT_ALL,
                                                 &sim->arena, &status);
    if (part == NULL)
        return status;
    struct wire_digest *leaves = wire_arena_take(&sim->arena, WIRE_BATCH_ENVELOPES_MAX * sizeof(*leaves));
    r->header = wire_arena_take(&sim->arena, WIRE_BATCH_ENVELOPES_MAX * sizeof(*r->header));
    status = wire_part_check(&sim->hash, part, &sim->arena, r->header, leaves, &at);
    if (status != WIRE_OK && status != WIRE_TAMPERED)
        return status;
    in->part = r->part = part;
    in->header = (const Wire__Header *const *)r->header;
    in->leaf = leaves;
    const Wire__WitnessStatement *witness = (const Wire__WitnessStatement *)brokers(
        node, link, in->deliver->witness, WIRE__STATEMENT_TYPE__WITNESS_STATEMENT,
        &wire__witness_statement__descriptor);
    if (witness != NULL && wire_bytes_equal(sim_bytes(witness->root), sim_bytes(part->seal->root)))
        in->witness = witness;
    int64_t at_ms = in->witness != NULL ? in->witness->admitted_ms : sim_wall_ms(&node->process);
    return sim_verify_batch(sim, node->epoch, part->seal, at_ms, &in->signer_region);
}

static void take_deliver(struct sim_node *node, unsigned link, const Wire__Deliver *deliver, size_t bytes)
{
    struct sim *sim = node->process.sim;
    struct node_event event = {.kind = NODE_ON_DELIVER};
    struct node_deliver *in = &event.u.deliver;
    struct reading r = {.node = node};
    *in = (struct node_deliver){.link = (uint8_t)link, .frame_bytes = (uint32_t)bytes, .deliver = deliver};
    in->status = check_part(&r, link, in);
    bool own_fault = sim->hostile[node->region_index]; /* it may have said that it holds directory records it lacks */
    if (in->status != WIRE_OK && in->status != WIRE_SIGNER_REVOKED && in->status != WIRE_UNKNOWN_SIGNER && !own_fault)
        sim_fail(sim, 5, "%s: a part does not verify: %s", node->process.name, wire_status_name(in->status));
    for (size_t i = 0; in->status == WIRE_SIGNER_REVOKED && i < in->part->n_envelope; i++)
        if (in->header[i] != NULL)
            sim_model_add(sim, in->header[i]->origin, in->header[i]->id.data)->excused |= UINT64_C(1)
                                                                                          << node->region_index;
    if (in->part != NULL) {
        enum wire_status *each = wire_arena_take(&sim->arena, in->part->n_envelope * sizeof(*each));
        r.opens = in->part->box != NULL && in->part->box->region == node->process.region &&
                  sim_unbox(sim, node->process.region, sim_bytes(in->part->box->cms), r.box_key);
        for (size_t i = 0; i < in->part->n_envelope; i++)
            each[i] = read_envelope(&r, i);
        in->envelope_status = each;
        ENSURE(store_look_deliver(&node->store, node->process.region, in, &sim->arena) == WIRE_OK);
    }
    sim_node_step(node, &event);
}

/* --- trust -------------------------------------------------------------------------------------------------------- */

void sim_node_enrolment(struct sim_node *node, struct node_directory *out)
{
    struct sim *sim = node->process.sim;
    struct node_enrolment *changes = wire_arena_take(&sim->arena, SIM_REGIONS * sizeof(*changes));
    for (unsigned i = 0; i < sim->region_count; i++)
        changes[i] = (struct node_enrolment){
            sim->region[i], sim_enrolled(sim, node->epoch, sim->region[i], sim_wall_ms(&node->process))};
    *out = (struct node_directory){.epoch = node->epoch, .changes = changes, .count = sim->region_count};
}

static void take_directory(struct sim_node *node, unsigned link, const Wire__DirectoryPiece *piece)
{
    struct sim *sim = node->process.sim;
    struct node_event event = {.kind = NODE_ON_DIRECTORY_PIECE};
    struct node_directory_piece *in = &event.u.directory_piece;
    *in = (struct node_directory_piece){.link = (uint8_t)link, .piece = piece};
    for (size_t i = 0; i < piece->n_record && in->status == WIRE_OK; i++) {
        uint8_t right[SIM_RECORD_BYTES];
        uint64_t epoch = wire_get_u64(piece->record[i].data);
        if (epoch <= node->epoch)
            continue;
        sim_trust_encode(sim, epoch, right);
        ENSURE(wire_bytes_equal(sim_bytes(piece->record[i]), wire_bytes(right, sizeof right)));
        if (epoch != node->epoch + 1) {
            in->status = WIRE_GAP;
            break;
        }
        if (in->count_new++ == 0)
            in->first_new = i;
        node->epoch = epoch;
    }
    sim_node_enrolment(node, &in->directory);
    sim_process_recheck(&node->process, node->epoch);
    sim_node_step(node, &event);
}

void sim_node_policy(struct sim_node *node, const struct sim_policy *policy, bool stored)
{
    struct node_event event = {.kind = NODE_ON_POLICY};
    event.u.policy =
        (struct node_policy){.policy = policy->policy, .version = policy->version, .in_force_ms = policy->in_force_ms};
    memcpy(event.u.policy.digest, policy->digest.bytes, WIRE_HASH_BYTES);
    if (!stored)
        event.u.policy.bytes = wire_bytes(policy->bytes, policy->size);
    sim_node_step(node, &event);
}

/* ------------------------------------------------------------------------------------------------------------------ */

void sim_node_message(struct sim_node *node, struct sim_conn *conn, struct wire_bytes bytes)
{
    struct sim *sim = node->process.sim;
    unsigned link = conn->link;
    enum wire_status status;
    struct node_event event = {0};
    if (node->line[link].conn != conn)
        return;
    wire_arena_reset(&sim->arena);
    sim->count.frames++;
    Wire__Frame *frame =
        (Wire__Frame *)wire_decode(&wire__frame__descriptor, bytes, WIRE_STRICT_ALL, &sim->arena, &status);
    if (frame == NULL)
        sim_fail(sim, 0, "%s got a frame that does not decode: %s", node->process.name, wire_status_name(status));
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_WELCOME:
        event.kind = NODE_ON_WELCOME;
        event.u.welcome = (struct node_welcome){.link = (uint8_t)link, .welcome = frame->welcome};
        event.u.welcome.completeness_good = completeness(node, link, frame->welcome->completeness,
                                                         frame->welcome->n_completeness, &event.u.welcome.completeness);
        break;
    case WIRE__FRAME__BODY_RECEIPT:
        take_receipt(node, link, frame->receipt, bytes.size);
        return;
    case WIRE__FRAME__BODY_DELIVER:
        take_deliver(node, link, frame->deliver, bytes.size);
        return;
    case WIRE__FRAME__BODY_CREDIT:
        event.kind = NODE_ON_CREDIT;
        event.u.credit = (struct node_credit){(uint8_t)link, frame->credit};
        break;
    case WIRE__FRAME__BODY_PULSE:
        event.kind = NODE_ON_PULSE;
        event.u.pulse = (struct node_pulse){.link = (uint8_t)link, .pulse = frame->pulse};
        event.u.pulse.completeness_good = completeness(node, link, frame->pulse->completeness,
                                                       frame->pulse->n_completeness, &event.u.pulse.completeness);
        break;
    case WIRE__FRAME__BODY_POLICY:
        event.kind = NODE_ON_POLICY_PIECE;
        event.u.policy_piece = (struct node_policy_piece){(uint8_t)link, frame->policy};
        break;
    case WIRE__FRAME__BODY_DIRECTORY:
        take_directory(node, link, frame->directory);
        return;
    case WIRE__FRAME__BODY_BYE:
        event.kind = NODE_ON_BYE;
        event.u.bye = (struct node_bye){(uint8_t)link, frame->bye};
        break;
    default:
        sim_fail(sim, 0, "a broker sent frame %d", (int)frame->body_case);
    }
    sim_node_step(node, &event);
}
