/* 5. An envelope in an inbox verifies without the broker: its leaf and proof give the signed root, the origin's
 * signature holds over it, and the broker's witness says when it was admitted. What is erased verifies as well. */
#include "sim.h"

#include "wire/batch.h"
#include "wire/id.h"

struct looking {
    struct sim_node *node;
    uint64_t order;
    const Wire__NodeInbox *inbox;
    const Wire__NodeEvidence *evidence;
    const Wire__Header *header;
};

_Noreturn static void fail(const struct looking *l, const char *what)
{
    char text[WIRE_ID_TEXT];
    sim_fail(l->node->process.sim, 5, "%s: %06u %s: %s", l->node->process.name, l->inbox->origin,
             wire_id_text(l->inbox->id.data, text), what);
}

/* The leaves of the part, in order of index, and which they are. */
static size_t held_leaves(const struct looking *l, struct wire_digest *held, uint8_t *have)
{
    const struct sim *sim = l->node->process.sim;
    const Wire__Part *part = l->evidence->part;
    size_t count = 0;
    if (l->evidence->n_leaf != part->n_envelope)
        fail(l, "not every leaf of its part is kept");
    for (size_t i = 0; i < part->n_envelope; i++) {
        memcpy(held[count++].bytes, l->evidence->leaf[i].data, WIRE_HASH_BYTES);
        broker_bit_set(have, part->envelope[i]->index);
        if (part->envelope[i]->index != l->inbox->index)
            continue;
        struct wire_digest leaf = wire_header_leaf(&sim->hash, sim_bytes(l->inbox->header));
        if (memcmp(leaf.bytes, l->evidence->leaf[i].data, WIRE_HASH_BYTES) != 0)
            fail(l, "its header is not the leaf");
    }
    if (!broker_bit(have, l->inbox->index))
        fail(l, "its leaf is not in its part");
    if (part->box != NULL) {
        held[count++] =
            wire_box_leaf(&sim->hash, part->box->region, sim_bytes(part->box->certificate), sim_bytes(part->box->cms));
        broker_bit_set(have, part->box_index);
    }
    return count;
}

static void check_root(const struct looking *l)
{
    struct sim *sim = l->node->process.sim;
    const Wire__Part *part = l->evidence->part;
    struct wire_digest *held = wire_arena_take(&sim->checks, WIRE_BATCH_LEAVES_MAX * sizeof(*held));
    struct wire_digest *proof = wire_arena_take(&sim->checks, (part->n_proof + 1) * sizeof(*proof)), root;
    uint8_t have[WIRE_BATCH_LEAVES_MAX / 8 + 1] = {0};
    size_t count = held_leaves(l, held, have);
    for (size_t i = 0; i < part->n_proof; i++)
        memcpy(proof[i].bytes, part->proof[i].data, WIRE_HASH_BYTES);
    if (!wire_merkle_proof_root(&sim->hash, have, part->seal->count + part->seal->boxes, held, count, proof,
                                part->n_proof, &root) ||
        memcmp(root.bytes, part->seal->root.data, WIRE_HASH_BYTES) != 0)
        fail(l, "its proof does not give the root");
}

/* Signed by its origin, and admitted by a broker at a time when the key was good. Somebody who learnt of a revocation
 * later than it came may hold what was signed after it: it then verifies as such. */
static void check_signatures(const struct looking *l)
{
    struct sim *sim = l->node->process.sim;
    const Wire__Signed *signed_ = l->evidence->witness;
    enum wire_status status;
    uint32_t signer = 0;
    if (signed_ == NULL || sim_verify_signed(sim, sim->trust.epoch, signed_, 0, INT64_MIN) != WIRE_OK)
        fail(l, "no broker witnesses its time");
    const Wire__WitnessStatement *witness = (const Wire__WitnessStatement *)wire_decode(
        &wire__witness_statement__descriptor, sim_bytes(signed_->statement), WIRE_STRICT_ALL, &sim->checks, &status);
    if (witness == NULL || !wire_bytes_equal(sim_bytes(witness->root), sim_bytes(l->evidence->part->seal->root)))
        fail(l, "its witness is of another root");
    status = sim_verify_batch(sim, sim->trust.epoch, l->evidence->part->seal, witness->admitted_ms, &signer);
    if ((status != WIRE_OK && status != WIRE_SIGNER_REVOKED) || (status == WIRE_OK && signer != l->inbox->origin))
        fail(l, wire_status_name(status));
}

static void check_payload(const struct looking *l)
{
    struct sim_node *node = l->node;
    struct sim *sim = node->process.sim;
    if (l->inbox->has_reason && l->inbox->reason == WIRE_ERASED)
        return;
    struct wire_bytes both =
        sim_node_payload(node, NODE_TABLE_CARRIED, l->inbox->keep_until, NODE_OTHERS, l->order, &sim->checks);
    if (both.data == NULL)
        return;
    struct wire_digest digest =
        wire_payload_digest(&sim->hash, wire_bytes(both.data, WIRE_SALT_BYTES),
                            wire_bytes(both.data + WIRE_SALT_BYTES, both.size - WIRE_SALT_BYTES));
    if (memcmp(digest.bytes, l->header->digest.data, WIRE_HASH_BYTES) != 0)
        fail(l, "its payload is not what its header says");
}

static bool visit(void *context, uint64_t order, struct wire_bytes value)
{
    struct looking l = {.node = context, .order = order};
    struct sim *sim = l.node->process.sim;
    struct node_key key;
    struct wire_bytes row;
    wire_arena_reset(&sim->checks);
    l.inbox = node_read_inbox(value, &sim->checks);
    ENSURE(l.inbox != NULL && l.inbox->evidence.len <= sizeof key.data);
    l.header = node_read_header(sim_bytes(l.inbox->header), &sim->checks);
    key.size = l.inbox->evidence.len;
    memcpy(key.data, l.inbox->evidence.data, key.size);
    ENSURE(store_row(&l.node->store, NODE_TABLE_EVIDENCE, &key, &sim->checks, &row) == WIRE_OK);
    l.evidence = row.data == NULL ? NULL : node_read_evidence(row, &sim->checks);
    if (l.evidence == NULL || l.header == NULL)
        fail(&l, "its evidence is gone");
    check_root(&l);
    check_signatures(&l);
    check_payload(&l);
    return true;
}

void sim_check_evidence(struct sim *sim)
{
    for (unsigned i = 0; i < sim->node_count; i++)
        if (sim->node[i].exists)
            ENSURE(store_inbox(&sim->node[i].store, 0, false, visit, &sim->node[i]) == WIRE_OK);
}
