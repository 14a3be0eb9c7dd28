/* One envelope for somebody else to check with the CA certificate alone: its leaf and proof, what the broker and the
 * recipients signed of it, and everybody's certificates. */
#include "node.h"

#include "schema/evidence.pb-c.h"
#include "wire/codec.h"

/* --- from the inbox: the proof of one leaf out of that of several --------------------------------------------------
 */

struct narrowing {
    const struct wire_hash *hash;
    const Wire__NodeEvidence *evidence;
    uint32_t wanted, box; /* leaves that stay; box UINT32_MAX: none */
    struct wire_digest box_leaf;
    size_t proof_at; /* of the part's */
    struct wire_digest *proof;
    size_t proof_count;
    bool bad;
};

static bool stays(const struct narrowing *n, uint32_t leaf)
{
    return leaf == n->wanted || leaf == n->box;
}

static const struct wire_digest *held_leaf(const struct narrowing *n, uint32_t leaf)
{
    const Wire__Part *part = n->evidence->part;
    if (part->box != NULL && leaf == part->box_index)
        return &n->box_leaf;
    for (size_t i = 0; i < part->n_envelope; i++)
        if (part->envelope[i]->index == leaf && i < n->evidence->n_leaf && n->evidence->leaf[i].len == WIRE_HASH_BYTES)
            return (const struct wire_digest *)(const void *)n->evidence->leaf[i].data;
    return NULL;
}

struct span {
    bool held, wanted; /* any leaf of it */
};

static struct span look_over(const struct narrowing *n, uint32_t from, uint32_t count)
{
    struct span span = {false, false};
    for (uint32_t leaf = from; leaf < from + count; leaf++) {
        span.held = span.held || held_leaf(n, leaf) != NULL;
        span.wanted = span.wanted || stays(n, leaf);
    }
    return span;
}

static struct wire_digest next_proof(struct narrowing *n)
{
    struct wire_digest digest = {{0}};
    const Wire__Part *part = n->evidence->part;
    n->bad = n->bad || n->proof_at >= part->n_proof || part->proof[n->proof_at].len != WIRE_HASH_BYTES;
    if (!n->bad)
        memcpy(digest.bytes, part->proof[n->proof_at++].data, WIRE_HASH_BYTES);
    return digest;
}

/* The digest of a subtree; the largest ones that hold nothing that stays become the new proof, left to right. Recursion
 * is as deep as the tree: ten. */
static struct wire_digest narrow(struct narrowing *n, uint32_t from, uint32_t count, bool emit)
{
    struct span span = look_over(n, from, count);
    struct wire_digest digest;
    if (!span.held) {
        digest = next_proof(n);
    } else if (count == 1) {
        digest = *held_leaf(n, from);
    } else {
        uint32_t left = (uint32_t)wire_merkle_split(count);
        struct wire_digest a = narrow(n, from, left, emit && span.wanted);
        struct wire_digest b = narrow(n, from + left, count - left, emit && span.wanted);
        digest = wire_merkle_node(n->hash, &a, &b);
    }
    if (emit && !span.wanted && n->proof_count < WIRE_PROOF_HASHES_MAX)
        n->proof[n->proof_count++] = digest;
    return digest;
}

static bool put_proof(Wire__Part *part, const struct wire_digest *proof, size_t count, struct wire_arena *arena)
{
    part->n_proof = count;
    part->proof = wire_arena_take(arena, (count + 1) * sizeof(*part->proof));
    for (size_t i = 0; part->proof != NULL && i < count; i++)
        part->proof[i] = (ProtobufCBinaryData){WIRE_HASH_BYTES, (uint8_t *)(uintptr_t)proof[i].bytes};
    return part->proof != NULL;
}

static enum wire_status narrow_part(struct node *node, const Wire__NodeEvidence *from, uint32_t index,
                                    struct wire_arena *arena, Wire__Part *part)
{
    struct narrowing n = {.hash = &node->shell.hash, .evidence = from, .wanted = index, .box = UINT32_MAX};
    const Wire__KeyBox *box = from->part->box;
    uint64_t leaves = (uint64_t)from->part->seal->count + from->part->seal->boxes;
    n.proof = wire_arena_take(arena, WIRE_PROOF_HASHES_MAX * sizeof(*n.proof));
    if (n.proof == NULL)
        return WIRE_NO_MEMORY;
    if (leaves == 0 || leaves > WIRE_BATCH_LEAVES_MAX)
        return WIRE_DAMAGED;
    if (box != NULL) {
        n.box_leaf =
            wire_box_leaf(&node->shell.hash, box->region, wire_bytes(box->certificate.data, box->certificate.len),
                          wire_bytes(box->cms.data, box->cms.len));
        n.box = part->box == NULL ? UINT32_MAX : from->part->box_index;
    }
    struct wire_digest root = narrow(&n, 0, (uint32_t)leaves, true);
    ProtobufCBinaryData signed_root = from->part->seal->root;
    if (n.bad || signed_root.len != WIRE_HASH_BYTES || memcmp(root.bytes, signed_root.data, WIRE_HASH_BYTES) != 0)
        return WIRE_DAMAGED;
    return put_proof(part, n.proof, n.proof_count, arena) ? WIRE_OK : WIRE_NO_MEMORY;
}

/* --- what both have in common ---------------------------------------------------------------------------------------
 */

struct exporting {
    struct node *node;
    struct wire_arena *arena;
    Wire__Evidence evidence;
    Wire__Part part;
    Wire__PartEnvelope envelope, *envelopes[1];
    Wire__Signed *arrived[WIRE_RECIPIENTS_MAX];
    ProtobufCBinaryData certificate[WIRE_RECIPIENTS_MAX + 8];
    enum wire_status status;
};

static void add_certificate(struct exporting *x, ProtobufCBinaryData digest)
{
    Wire__Evidence *evidence = &x->evidence;
    if (digest.len != WIRE_HASH_BYTES || evidence->n_certificate == sizeof(x->certificate) / sizeof(*x->certificate))
        return;
    const struct cert_entry *entry = cert_directory_find(x->node->shell.directory, digest.data);
    if (entry == NULL)
        return;
    for (size_t i = 0; i < evidence->n_certificate; i++)
        if (evidence->certificate[i].data == entry->certificate.data)
            return;
    evidence->certificate[evidence->n_certificate++] =
        (ProtobufCBinaryData){entry->certificate.size, (uint8_t *)(uintptr_t)entry->certificate.data};
}

static void add_certificates(struct exporting *x)
{
    add_certificate(x, x->part.seal->signer);
    if (x->evidence.witness != NULL)
        add_certificate(x, x->evidence.witness->signer);
    if (x->evidence.receipt != NULL)
        add_certificate(x, x->evidence.receipt->signer);
    for (size_t i = 0; i < x->evidence.n_arrived; i++)
        add_certificate(x, x->evidence.arrived[i]->signer);
}

/* Salt and payload as they travelled, unless they are erased. */
static void add_payload(struct exporting *x, uint32_t day, enum node_side side, uint64_t number)
{
    struct wire_bytes salt, payload;
    if (node_rest_carried(x->node, day, side, number, x->arena, &salt, &payload) != WIRE_OK)
        return;
    x->envelope.has_salt = x->envelope.has_payload = true;
    x->envelope.salt = (ProtobufCBinaryData){salt.size, (uint8_t *)(uintptr_t)salt.data};
    x->envelope.payload = (ProtobufCBinaryData){payload.size, (uint8_t *)(uintptr_t)payload.data};
}

static void start(struct exporting *x, struct node *node, struct wire_arena *arena)
{
    x->node = node;
    x->arena = arena;
    wire__evidence__init(&x->evidence);
    wire__part__init(&x->part);
    wire__part_envelope__init(&x->envelope);
    x->evidence.version = 1;
    x->evidence.installation = node->config.installation;
    x->evidence.part = &x->part;
    x->evidence.arrived = x->arrived;
    x->evidence.certificate = x->certificate;
    x->part.n_envelope = 1;
    x->part.envelope = x->envelopes;
    x->envelopes[0] = &x->envelope;
}

/* --- received -------------------------------------------------------------------------------------------------------
 */

static bool is_sealed(ProtobufCBinaryData header, struct wire_arena *arena)
{
    const Wire__Header *read = node_read_header(wire_bytes(header.data, header.len), arena);
    return read != NULL && read->form == WIRE__PAYLOAD_FORM__SEALED;
}

static enum wire_status evidence_row(struct exporting *x, const Wire__NodeInbox *inbox, Wire__NodeEvidence **out)
{
    struct node_key key = {.size = inbox->evidence.len};
    struct wire_bytes row;
    if (inbox->evidence.len > sizeof(key.data))
        return WIRE_DAMAGED;
    memcpy(key.data, inbox->evidence.data, inbox->evidence.len);
    enum wire_status status = store_row(&x->node->store, NODE_TABLE_EVIDENCE, &key, x->arena, &row);
    if (status != WIRE_OK)
        return status;
    *out = row.data == NULL ? NULL : node_read_evidence(row, x->arena);
    return *out == NULL ? WIRE_DAMAGED : WIRE_OK;
}

static enum wire_status received(struct exporting *x, const uint8_t *id)
{
    uint64_t order;
    Wire__NodeInbox *inbox = NULL;
    Wire__NodeEvidence *kept;
    enum wire_status status = store_inbox_by_id(&x->node->store, id, x->arena, &order);
    if (status == WIRE_OK)
        status = store_inbox_row(&x->node->store, order, x->arena, &inbox);
    if (status == WIRE_OK && inbox == NULL)
        status = WIRE_NOT_FOUND;
    if (status == WIRE_OK)
        status = evidence_row(x, inbox, &kept);
    if (status != WIRE_OK)
        return status;
    x->part.seal = kept->part->seal;
    if (kept->part->box != NULL && is_sealed(inbox->header, x->arena)) {
        x->part.box = kept->part->box;
        x->part.has_box_index = true;
        x->part.box_index = kept->part->box_index;
    }
    x->envelope.index = inbox->index;
    x->envelope.header = inbox->header;
    x->evidence.witness = kept->witness;
    add_payload(x, inbox->keep_until, NODE_OTHERS, order);
    return narrow_part(x->node, kept, inbox->index, x->arena, &x->part);
}

/* --- sent -----------------------------------------------------------------------------------------------------------
 */

/* A recipient's statement covers what it got of the batch: this envelope among them, or not. */
static bool speaks_of(struct exporting *x, const Wire__Signed *signed_)
{
    enum wire_status status;
    const Wire__ArrivedStatement *arrived = (const Wire__ArrivedStatement *)wire_decode(
        &wire__arrived_statement__descriptor, wire_bytes(signed_->statement.data, signed_->statement.len),
        WIRE_STRICT_NONE, x->arena, &status);
    for (size_t i = 0; arrived != NULL && i < arrived->n_arrival; i++)
        if (arrived->arrival[i]->index == x->envelope.index)
            return true;
    return false;
}

static bool signed_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct exporting *x = context;
    Wire__Signed *signed_ =
        (Wire__Signed *)wire_decode(&wire__signed__descriptor, value, WIRE_STRICT_NONE, x->arena, &x->status);
    (void)key;
    if (signed_ == NULL)
        return false;
    if (signed_->type == WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT)
        x->evidence.receipt = signed_;
    else if (x->evidence.n_arrived < WIRE_RECIPIENTS_MAX && speaks_of(x, signed_))
        x->evidence.arrived[x->evidence.n_arrived++] = signed_;
    return true;
}

static void leaves_of(const struct node *node, const Wire__Batch *batch, struct wire_digest *leaves)
{
    for (size_t i = 0; i < batch->n_envelope; i++)
        leaves[i] = wire_header_leaf(&node->shell.hash,
                                     wire_bytes(batch->envelope[i]->header.data, batch->envelope[i]->header.len));
    for (size_t i = 0; i < batch->n_box; i++) {
        const Wire__KeyBox *box = batch->box[i];
        leaves[batch->n_envelope + i] =
            wire_box_leaf(&node->shell.hash, box->region, wire_bytes(box->certificate.data, box->certificate.len),
                          wire_bytes(box->cms.data, box->cms.len));
    }
}

/* The box of the region that a sealed envelope went to: the one recipient there was. */
static void keep_box(const Wire__Batch *batch, const Wire__NodeState *state, uint8_t *have)
{
    for (size_t i = 0; i < batch->n_box; i++)
        for (size_t j = 0; j < state->n_recipient; j++)
            if (batch->box[i]->region == state->recipient[j]->region) {
                size_t leaf = batch->n_envelope + i;
                have[leaf / 8] = (uint8_t)(have[leaf / 8] | 1 << leaf % 8);
                return;
            }
}

static enum wire_status cut(struct exporting *x, const Wire__Batch *batch, const Wire__NodeState *state, size_t index)
{
    uint8_t have[(WIRE_BATCH_LEAVES_MAX + 7) / 8] = {0};
    Wire__Part part;
    if (batch->n_envelope > WIRE_BATCH_ENVELOPES_MAX || batch->n_box > WIRE_BOXES_MAX || index >= batch->n_envelope)
        return WIRE_DAMAGED;
    struct wire_digest *leaves = wire_arena_take(x->arena, WIRE_BATCH_LEAVES_MAX * sizeof(*leaves));
    if (leaves == NULL)
        return WIRE_NO_MEMORY;
    leaves_of(x->node, batch, leaves);
    have[index / 8] = (uint8_t)(1 << index % 8);
    if (is_sealed(batch->envelope[index]->header, x->arena))
        keep_box(batch, state, have);
    enum wire_status status = wire_part_cut(&x->node->shell.hash, batch, leaves, have, x->arena, &part);
    if (status != WIRE_OK)
        return status;
    x->part.seal = part.seal;
    x->part.box = part.box;
    x->part.has_box_index = part.has_box_index;
    x->part.box_index = part.box_index;
    x->part.n_proof = part.n_proof;
    x->part.proof = part.proof;
    x->envelope.index = (uint32_t)index;
    x->envelope.header = batch->envelope[index]->header;
    return WIRE_OK;
}

static enum wire_status sent(struct exporting *x, const uint8_t *id)
{
    struct node *node = x->node;
    Wire__NodeState *state;
    enum wire_status status = store_state(&node->store, id, x->arena, &state);
    if (status != WIRE_OK)
        return status;
    if (state == NULL || !state->has_store_id || !state->has_first || state->store_id.len != WIRE_ID_BYTES)
        return WIRE_NOT_FOUND; /* not ours, or never sealed */
    struct node_key key =
        node_key_batch(state->link, state->mechanism, state->lane, state->store_id.data, state->first);
    struct wire_bytes kept;
    status = store_row(&node->store, NODE_TABLE_SENT, &key, x->arena, &kept);
    if (status != WIRE_OK || kept.data == NULL)
        return status == WIRE_OK ? WIRE_NOT_FOUND : status;
    const Wire__Batch *batch =
        (const Wire__Batch *)wire_decode(&wire__batch__descriptor, kept, WIRE_STRICT_NONE, x->arena, &status);
    if (batch == NULL || state->seq < state->first)
        return WIRE_DAMAGED;
    status = cut(x, batch, state, (size_t)(state->seq - state->first));
    if (status != WIRE_OK)
        return status;
    struct keep_range range = {.table = NODE_TABLE_RECEIPT, .prefix = node_key_bytes(&key)};
    status = keep_scan(node->shell.keep, &range, signed_visit, x, NULL);
    add_payload(x, state->keep_until, NODE_OURS, state->place);
    return status == WIRE_OK ? x->status : status;
}

enum wire_status node_evidence(void *context, const uint8_t id[WIRE_ID_BYTES], bool inbox, struct wire_arena *arena,
                               struct wire_bytes *out)
{
    struct exporting *x = wire_arena_take(arena, sizeof(*x));
    *out = (struct wire_bytes){0};
    if (x == NULL)
        return WIRE_NO_MEMORY;
    start(x, context, arena);
    enum wire_status status = inbox ? received(x, id) : sent(x, id);
    if (status != WIRE_OK)
        return status;
    add_certificates(x);
    *out = wire_encode(&x->evidence.base, arena);
    return out->data == NULL ? WIRE_NO_MEMORY : WIRE_OK;
}
