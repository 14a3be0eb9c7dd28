/* Drafts become a batch: what node/seal.c does, with toy boxes. */
#include "sim.h"

#include "wire/batch.h"
#include "wire/kind.h"
#include "wire/lane.h"

#include "wire/canary.h"
#include <stdlib.h>

enum { FRAME_OVERHEAD = 400 };

static bool is_enrolled(void *context, uint32_t region)
{
    const struct sim_node *node = context;
    return node_core_enrolled(node->core, region);
}

static struct rules_original *look_original(struct sim_node *node, const Wire__Header *header)
{
    struct wire_arena *arena = &node->process.sim->arena;
    struct rules_original *original = wire_arena_take(arena, sizeof(*original));
    if (header->references[0]->origin != node->process.region)
        return original;
    uint8_t *id = wire_arena_copy(arena, header->references[0]->id.data, WIRE_ID_BYTES);
    ENSURE(store_successor(&node->store, id, arena) == WIRE_OK);
    ENSURE(store_original(&node->store, id, arena, original) == WIRE_OK);
    return original;
}

enum wire_status sim_node_decide(struct sim_node *node, const Wire__Header *header, bool choose_mechanism,
                                 struct rules_decision *decision)
{
    struct sim *sim = node->process.sim;
    const struct rules_policy *policy = node_core_policy(node->core);
    struct rules_question question;
    struct rules_parent parent;
    memset(decision, 0, offsetof(struct rules_decision, to));
    if (policy == NULL)
        return decision->verdict = WIRE_NO_POLICY;
    rules_question_of(header, &question);
    if (choose_mechanism)
        question.mechanism = NULL;
    question.preview = true;
    question.now_ms = sim_wall_ms(&node->process);
    question.enrolled = is_enrolled;
    question.context = node;
    if (header->in_reply_to != NULL) {
        ENSURE(store_parent(&node->store, header->in_reply_to->origin, header->in_reply_to->id.data, &sim->arena,
                            &parent) == WIRE_OK);
        question.parent = &parent;
    }
    if (header->action != WIRE__ACTION__ISSUE && header->n_references > 0)
        question.original = look_original(node, header);
    return rules_decide(policy, &question, decision);
}

struct box {
    Wire__KeyBox box;
    uint8_t key[32], cms[40], certificate[WIRE_HASH_BYTES];
};

struct making {
    struct sim_node *node;
    struct sim *sim;
    const struct node_seal *ask;
    struct wire_arena *arena;
    struct wire_bytes *salt, *carried;
    Wire__Envelope **list;
    size_t count, bytes;
    struct box *box[WIRE_BOXES_MAX];
    size_t box_count;
    struct rules_decision *decision;
};

static struct box *box_of(struct making *m, uint32_t region)
{
    struct sim *sim = m->sim;
    for (size_t i = 0; i < m->box_count; i++)
        if (m->box[i]->box.region == region)
            return m->box[i];
    struct sim_key key = {region, sim_generation(sim, m->node->epoch, region, sim_wall_ms(&m->node->process))};
    if (key.generation == 0)
        return NULL;
    struct box *box = wire_arena_take(m->arena, sizeof(*box));
    sim_random_bytes(sim, box->key, sizeof box->key);
    sim_box(sim, key, box->key, box->cms);
    sim_certificate(sim, SIM_SEAL, key, box->certificate);
    wire__key_box__init(&box->box);
    box->box.region = region;
    box->box.certificate = sim_bin(box->certificate, WIRE_HASH_BYTES);
    box->box.cms = sim_bin(box->cms, sizeof box->cms);
    return m->box[m->box_count++] = box;
}

static enum wire_status ask_rules(struct making *m, Wire__Header *header)
{
    const struct wire_kind *kind = wire_kind_find(header->kind);
    enum wire_status status = sim_node_decide(m->node, header, false, m->decision);
    if (status == WIRE_OK)
        header->form = m->decision->sealed ? WIRE__PAYLOAD_FORM__SEALED : WIRE__PAYLOAD_FORM__CLEAR;
    else if (!kind->persons && header->form == WIRE__PAYLOAD_FORM__CLEAR && status != WIRE_NO_POLICY)
        return WIRE_OK;
    if (status == WIRE_OK && m->decision->sealed && m->decision->to_count + m->decision->cc_count != 1)
        return WIRE_ONE_REGION;
    return status;
}

static enum wire_status seal_payload(struct making *m, const Wire__Header *header, struct wire_bytes plain,
                                     struct wire_bytes *carried)
{
    const struct rules_decision *d = m->decision;
    struct box *box = box_of(m, d->to_count == 1 ? d->to[0].region : d->cc[0].region);
    if (box == NULL)
        return WIRE_NOT_ENROLLED;
    uint8_t *out = wire_arena_take(m->arena, plain.size + SIM_TAG_BYTES);
    memcpy(out, plain.data, plain.size);
    if (!CANARY(SEND_CLEAR))
        sim_crypt(m->sim, box->key, header->id.data, out, plain.size);
    sim_tag(m->sim, box->key, header->id.data, wire_bytes(out, plain.size), out + plain.size);
    *carried = wire_bytes(out, plain.size + SIM_TAG_BYTES);
    return WIRE_OK;
}

static enum wire_status read_draft(struct making *m, size_t i, Wire__Header **header, struct wire_bytes *plain)
{
    struct store *store = &m->node->store;
    uint64_t place = m->ask->place[i];
    ENSURE(store_header_at(store, place, m->arena, header) == WIRE_OK && *header != NULL);
    if ((*header)->action != WIRE__ACTION__ISSUE && (*header)->n_references > 0 &&
        (*header)->references[0]->origin == m->node->process.region)
        ENSURE(store_successor(store, (*header)->references[0]->id.data, m->arena) == WIRE_OK);
    *plain = sim_node_payload(m->node, NODE_TABLE_PAYLOAD, (*header)->keep_until, NODE_OURS, place, m->arena);
    return plain->data == NULL ? WIRE_ERASED : WIRE_OK;
}

static enum wire_status put_envelope(struct making *m, size_t i, Wire__Header *header, struct wire_bytes carried,
                                     size_t boxes_before)
{
    uint8_t *salt = wire_arena_take(m->arena, WIRE_SALT_BYTES);
    sim_random_bytes(m->sim, salt, WIRE_SALT_BYTES);
    struct wire_digest digest = wire_payload_digest(&m->sim->hash, wire_bytes(salt, WIRE_SALT_BYTES), carried);
    header->store_id = sim_bin(m->ask->store_id, WIRE_ID_BYTES);
    header->seq = m->ask->first + m->count;
    header->digest = sim_bin(wire_arena_copy(m->arena, digest.bytes, WIRE_HASH_BYTES), WIRE_HASH_BYTES);
    struct wire_bytes raw = wire_encode(&header->base, m->arena);
    ENSURE(raw.data != NULL && raw.size <= WIRE_HEADER_BYTES_MAX && wire_header_check(header) == WIRE_OK);
    size_t own = raw.size + carried.size + 40 + (m->box_count > boxes_before ? 100 : 0);
    if (own > wire_lane_bytes_max(header->lane))
        return WIRE_TOO_LARGE_FOR_LANE;
    if (m->count > 0 && m->bytes + own > m->ask->bytes_max)
        return WIRE_AGAIN;
    m->bytes += own;
    Wire__Envelope *envelope = wire_arena_take(m->arena, sizeof(*envelope));
    wire__envelope__init(envelope);
    envelope->header = sim_bin(raw.data, raw.size);
    m->salt[i] = wire_bytes(salt, WIRE_SALT_BYTES);
    m->carried[i] = carried;
    envelope->salt = sim_bin(salt, WIRE_SALT_BYTES);
    envelope->payload = sim_bin(carried.data, carried.size);
    m->list[m->count++] = envelope;
    return WIRE_OK;
}

static enum wire_status make_envelope(struct making *m, size_t i)
{
    Wire__Header *header;
    struct wire_bytes plain;
    size_t boxes_before = m->box_count;
    enum wire_status status = read_draft(m, i, &header, &plain);
    if (status == WIRE_OK)
        status = ask_rules(m, header);
    struct wire_bytes carried = plain;
    if (status == WIRE_OK && header->form == WIRE__PAYLOAD_FORM__SEALED)
        status = seal_payload(m, header, plain, &carried);
    if (status == WIRE_OK)
        status = put_envelope(m, i, header, carried, boxes_before);
    if (status != WIRE_OK)
        m->box_count = boxes_before;
    return status;
}

static int by_region(const void *a, const void *b)
{
    const struct box *const *x = a, *const *y = b;
    return (*x)->box.region < (*y)->box.region ? -1 : (*x)->box.region > (*y)->box.region;
}

static void finish(struct making *m, struct node_sealed *sealed)
{
    size_t leaf_count = m->count + m->box_count;
    struct wire_digest *leaves = wire_arena_take(m->arena, leaf_count * sizeof(*leaves));
    Wire__Batch batch = WIRE__BATCH__INIT;
    Wire__BatchSeal seal = WIRE__BATCH_SEAL__INIT;
    qsort(m->box, m->box_count, sizeof(*m->box), by_region);
    batch.box = wire_arena_take(m->arena, (m->box_count + 1) * sizeof(*batch.box));
    for (size_t i = 0; i < m->count; i++)
        leaves[i] = wire_header_leaf(&m->sim->hash, sim_bytes(m->list[i]->header));
    for (size_t i = 0; i < m->box_count; i++) {
        Wire__KeyBox *box = batch.box[i] = &m->box[i]->box;
        leaves[m->count + i] =
            wire_box_leaf(&m->sim->hash, box->region, sim_bytes(box->certificate), sim_bytes(box->cms));
    }
    struct wire_digest root = wire_merkle_root(&m->sim->hash, leaves, leaf_count);
    seal.origin = m->node->process.region;
    seal.mechanism = (char *)(uintptr_t)m->ask->mechanism;
    seal.lane = m->ask->lane;
    seal.store_id = sim_bin(m->ask->store_id, WIRE_ID_BYTES);
    seal.first = m->ask->first;
    seal.count = (uint32_t)m->count;
    seal.boxes = (uint32_t)m->box_count;
    seal.root = sim_bin(root.bytes, WIRE_HASH_BYTES);
    sim_sign_batch(m->sim, (struct sim_key){m->node->process.region, m->node->generation}, &seal, m->arena);
    batch.seal = &seal;
    batch.envelope = m->list;
    batch.n_envelope = m->count;
    batch.n_box = m->box_count;
    Wire__Submit submit = WIRE__SUBMIT__INIT;
    Wire__Frame frame = WIRE__FRAME__INIT;
    submit.batch = (ProtobufCBinaryData){protobuf_c_message_get_packed_size(&batch.base), NULL};
    frame.body_case = WIRE__FRAME__BODY_SUBMIT;
    frame.submit = &submit;
    sealed->frame_bytes = (uint32_t)protobuf_c_message_get_packed_size(&frame.base);
    for (size_t i = 0; i < m->count; i++)
        m->list[i]->salt = m->list[i]->payload = sim_bin(NULL, 0);
    sealed->batch = wire_encode(&batch.base, m->arena);
    memcpy(sealed->root, root.bytes, WIRE_HASH_BYTES);
    ENSURE(sealed->batch.data != NULL);
}

void sim_node_seal(struct sim_node *node, const struct node_seal *ask)
{
    struct sim *sim = node->process.sim;
    struct wire_arena *arena = &sim->arena;
    struct making m = {.node = node,
                       .sim = sim,
                       .ask = ask,
                       .arena = arena,
                       .bytes = FRAME_OVERHEAD,
                       .decision = &sim->decision,
                       .salt = wire_arena_take(arena, ask->count * sizeof(*m.salt)),
                       .carried = wire_arena_take(arena, ask->count * sizeof(*m.carried)),
                       .list = wire_arena_take(arena, ask->count * sizeof(*m.list))};
    enum wire_status *status = wire_arena_take(arena, ask->count * sizeof(*status));
    bool full = false;
    for (size_t i = 0; i < ask->count; i++) {
        status[i] = full ? WIRE_AGAIN : make_envelope(&m, i);
        full = full || status[i] == WIRE_AGAIN;
    }
    struct node_event event = {.kind = NODE_ON_SEALED};
    event.u.sealed = (struct node_sealed){.request = ask->request, .count = ask->count, .draft = status};
    ENSURE(store_look_states(&node->store, ask->place, ask->count, arena, &event.u.sealed.state) == WIRE_OK);
    if (m.count > 0)
        finish(&m, &event.u.sealed);
    node->salt = m.salt;
    node->carried = m.carried;
    sim_node_step(node, &event);
}
