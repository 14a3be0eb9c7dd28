/* Drafts become a batch. What is said about persons is sealed at this moment, to the region that the rules give now.
 *
 *   header (OUTBOX) + payload (PAYLOAD) → rules → key box of the region → ciphertext → salt, digest, seq → encoded
 * header → leaves of envelopes, then of boxes by rising adcode → root → signature
 *
 * A draft that fails takes no seq; one that does not fit any more ends the batch. */
#include "node.h"

#include "wire/batch.h"
#include "wire/codec.h"
#include "wire/kind.h"
#include "wire/lane.h"
#include "wire/merkle.h"

#include <stdlib.h>

/* --- the rules ---------------------------------------------------------------------------------------------------- */

static enum wire_status look_parent(struct node *node, const Wire__Header *header, struct wire_arena *arena,
                                    struct rules_question *question)
{
    const Wire__Reference *to = header->in_reply_to;
    if (to == NULL || to->id.len != WIRE_ID_BYTES)
        return WIRE_OK;
    struct rules_parent *parent = wire_arena_take(arena, sizeof(*parent));
    if (parent == NULL)
        return WIRE_NO_MEMORY;
    question->parent = parent;
    return store_parent(&node->store, to->origin, to->id.data, arena, parent);
}

static uint32_t *regions_of(const struct rules_recipient *list, size_t count, struct wire_arena *arena)
{
    uint32_t *regions = wire_arena_take(arena, (count + 1) * sizeof(*regions));
    for (size_t i = 0; regions != NULL && i < count; i++)
        regions[i] = list[i].region;
    return regions;
}

/* An original without a receipt was given to nobody yet: what the rules would give is what it will get. */
static enum wire_status expect_recipients(struct node *node, const uint8_t *id, struct wire_arena *arena,
                                          struct rules_original *original)
{
    Wire__Header *header;
    struct rules_question *question = wire_arena_take(arena, sizeof(*question));
    struct rules_decision *decision = wire_arena_take(arena, sizeof(*decision));
    if (question == NULL || decision == NULL)
        return WIRE_NO_MEMORY;
    enum wire_status status = store_header(&node->store, id, arena, &header);
    if (status != WIRE_OK || header == NULL || header->action != WIRE__ACTION__ISSUE)
        return status;
    if (node_decide(node, header, false, arena, question, decision) != WIRE_OK)
        return WIRE_OK;
    original->to = regions_of(decision->to, decision->to_count, arena);
    original->cc = regions_of(decision->cc, decision->cc_count, arena);
    if (original->to == NULL || original->cc == NULL)
        return WIRE_NO_MEMORY;
    original->to_count = decision->to_count;
    original->cc_count = decision->cc_count;
    return WIRE_OK;
}

static enum wire_status look_original(struct node *node, const Wire__Header *header, struct wire_arena *arena,
                                      struct rules_question *question)
{
    if (header->action == WIRE__ACTION__ISSUE || header->n_references == 0 ||
        header->references[0]->id.len != WIRE_ID_BYTES)
        return WIRE_OK;
    struct rules_original *original = wire_arena_take(arena, sizeof(*original));
    uint8_t *id = wire_arena_copy(arena, header->references[0]->id.data, WIRE_ID_BYTES);
    if (original == NULL || id == NULL)
        return WIRE_NO_MEMORY;
    question->original = original;
    if (header->references[0]->origin != node->config.region)
        return WIRE_OK;
    enum wire_status status = store_successor(&node->store, id, arena);
    if (status == WIRE_OK)
        status = store_original(&node->store, id, arena, original);
    if (status == WIRE_OK && original->found && original->to_count + original->cc_count == 0)
        status = expect_recipients(node, id, arena, original);
    return status;
}

enum wire_status node_decide(struct node *node, const Wire__Header *header, bool choose_mechanism,
                             struct wire_arena *arena, struct rules_question *question, struct rules_decision *decision)
{
    const struct rules_policy *policy = node_core_policy(node->core);
    memset(decision, 0, offsetof(struct rules_decision, to));
    decision->mechanism = RULES_NONE;
    rules_question_of(header, question);
    if (choose_mechanism)
        question->mechanism = NULL;
    question->preview = true;
    question->now_ms = shell_wall_ms();
    question->enrolled = node_enrolled;
    question->context = node;
    if (policy == NULL)
        return decision->verdict = WIRE_NO_POLICY;
    shell_check(&node->shell, look_parent(node, header, arena, question));
    shell_check(&node->shell, look_original(node, header, arena, question));
    return rules_decide(policy, question, decision);
}

/* --- one batch being made ----------------------------------------------------------------------------------------- */

struct box {
    uint32_t region;
    uint8_t key[CERT_KEY_BYTES];
    Wire__KeyBox box;
};

struct making {
    struct node *node;
    const struct node_seal *ask;
    struct wire_arena *arena;
    enum wire_status *status;
    struct wire_bytes *salt, *carried; /* one a draft */
    uint8_t (*salts)[WIRE_SALT_BYTES]; /* likewise, drawn at once */
    Wire__Envelope *envelope;          /* those that are in, by seq */
    Wire__Envelope **list;
    size_t count;
    struct box box[WIRE_BOXES_MAX]; /* as first needed; sorted when all are there */
    size_t box_count;
    size_t bytes;            /* of the frame so far, at most */
    struct wire_bytes whole; /* the batch as it travels */
    int64_t now_ms;
    struct rules_question question;
    struct rules_decision decision;
};

enum { FRAME_OVERHEAD = 400 /* seal with its signature, tags and lengths of batch, submit and frame */ };

static ProtobufCBinaryData bin(const void *data, size_t size)
{
    return (ProtobufCBinaryData){size, (uint8_t *)(uintptr_t)data};
}

static size_t field_bytes(size_t size)
{
    return size + 1 + (size < 128 ? 1 : size < 16384 ? 2 : size < 2097152 ? 3 : 4);
}

/* The box of a region: the one there is, or a new one. NULL with *status. */
static struct box *box_of(struct making *m, uint32_t region, enum wire_status *status)
{
    for (size_t i = 0; i < m->box_count; i++)
        if (m->box[i].region == region)
            return &m->box[i];
    *status = WIRE_AGAIN;
    if (m->box_count == WIRE_BOXES_MAX)
        return NULL;
    const struct cert_entry *to =
        cert_directory_current(m->node->shell.directory, region, WIRE__USAGE__USAGE_SEAL, m->now_ms);
    *status = WIRE_NOT_ENROLLED;
    if (to == NULL)
        return NULL;
    struct box *box = &m->box[m->box_count];
    struct wire_bytes cms;
    cert_random(box->key, sizeof(box->key));
    *status = cert_box_seal(to, box->key, m->arena, &cms);
    if (*status != WIRE_OK)
        return NULL;
    box->region = region;
    wire__key_box__init(&box->box);
    box->box.region = region;
    box->box.certificate = bin(wire_arena_copy(m->arena, to->subject.digest, WIRE_HASH_BYTES), WIRE_HASH_BYTES);
    box->box.cms = bin(cms.data, cms.size);
    ENSURE(box->box.certificate.data != NULL);
    m->box_count++;
    return box;
}

static size_t box_bytes(const struct box *box)
{
    return field_bytes(protobuf_c_message_get_packed_size(&box->box.base));
}

/* Refused by rule: what the broker will say too, unless its policy or directory is ahead of ours. */
static bool is_refusal(enum wire_status status)
{
    return status >= WIRE_NO_MECHANISM && status < WIRE_BAD_FRAME;
}

/* Whether the rules seal it now, and to whom. What they refuse is left to the broker's judgement, which is signed.
 * About persons nothing leaves then: the envelope is sealed to nobody and its payload stays empty. Should the broker
 * know a recipient, it answers `stale-seal`; the new draft (it names the old one) then waits for our directory or
 * policy to catch up. */
static enum wire_status ask_rules(struct making *m, Wire__Header *header, bool *nobody)
{
    const struct wire_kind *kind = wire_kind_find(header->kind);
    bool persons = kind == NULL || kind->persons;
    enum wire_status status = node_decide(m->node, header, false, m->arena, &m->question, &m->decision);
    *nobody = false;
    if (status == WIRE_OK)
        header->form = m->decision.sealed ? WIRE__PAYLOAD_FORM__SEALED : WIRE__PAYLOAD_FORM__CLEAR;
    else if (!persons && header->form == WIRE__PAYLOAD_FORM__CLEAR && is_refusal(status))
        return WIRE_OK;
    else if (persons && header->form == WIRE__PAYLOAD_FORM__SEALED && is_refusal(status) && header->n_references == 0) {
        *nobody = true;
        return WIRE_OK;
    }
    if (status == WIRE_OK && m->decision.sealed && m->decision.to_count + m->decision.cc_count != 1)
        return WIRE_ONE_REGION;
    return status;
}

static enum wire_status seal_payload(struct making *m, const Wire__Header *header, struct wire_bytes plain,
                                     struct wire_bytes *carried)
{
    enum wire_status status;
    const struct rules_decision *d = &m->decision;
    uint8_t aad[CERT_PAYLOAD_AAD_MAX];
    struct box *box = box_of(m, d->to_count == 1 ? d->to[0].region : d->cc[0].region, &status);
    if (box == NULL)
        return status;
    uint8_t *out = wire_arena_take(m->arena, plain.size + CERT_TAG_BYTES);
    size_t aad_size = cert_payload_aad(header, aad);
    ENSURE(out != NULL);
    if (aad_size == 0)
        return WIRE_BAD_HEADER;
    status = cert_payload_seal(m->node->payload, box->key, header->id.data, wire_bytes(aad, aad_size), plain, out);
    cert_wipe((uint8_t *)(uintptr_t)plain.data, plain.size); /* our copy; it is about persons */
    *carried = wire_bytes(out, plain.size + CERT_TAG_BYTES);
    return status;
}

static void finish_header(struct making *m, Wire__Header *header, struct wire_bytes salt, struct wire_bytes carried)
{
    struct wire_digest digest = wire_payload_digest(&m->node->shell.hash, salt, carried);
    header->store_id = bin(m->ask->store_id, WIRE_ID_BYTES);
    header->seq = m->ask->first + m->count;
    header->digest = bin(wire_arena_copy(m->arena, digest.bytes, WIRE_HASH_BYTES), WIRE_HASH_BYTES);
    ENSURE(header->digest.data != NULL);
}

/* An update or cancel names what its original travels under. */
static enum wire_status follow_successor(struct making *m, Wire__Header *header)
{
    if (header->action == WIRE__ACTION__ISSUE || header->n_references == 0 ||
        header->references[0]->origin != m->node->config.region || header->references[0]->id.len != WIRE_ID_BYTES)
        return WIRE_OK;
    return store_successor(&m->node->store, header->references[0]->id.data, m->arena);
}

static enum wire_status read_draft(struct making *m, size_t i, Wire__Header **header, struct wire_bytes *plain)
{
    uint64_t place = m->ask->place[i];
    shell_check(&m->node->shell, store_header_at(&m->node->store, place, m->arena, header));
    if (*header == NULL || (*header)->id.len != WIRE_ID_BYTES)
        return WIRE_BAD_HEADER;
    shell_check(&m->node->shell, follow_successor(m, *header));
    enum wire_status status = node_rest_plain(m->node, (*header)->keep_until, place, m->arena, plain);
    if (status == WIRE_DAMAGED)
        return WIRE_ERASED; /* a backup with other day keys: gone is gone, for this envelope alone */
    if (status != WIRE_ERASED)
        shell_check(&m->node->shell, status);
    return status;
}

/* OK: it is in. AGAIN: the batch is full. */
static enum wire_status put_envelope(struct making *m, const Wire__Header *header, struct wire_bytes salt,
                                     struct wire_bytes carried, size_t boxes_before)
{
    struct wire_bytes raw = wire_encode(&header->base, m->arena);
    ENSURE(raw.data != NULL);
    if (raw.size > WIRE_HEADER_BYTES_MAX)
        return WIRE_BAD_HEADER;
    enum wire_status status = wire_header_check(header);
    if (status != WIRE_OK)
        return status;
    size_t own = field_bytes(field_bytes(raw.size) + field_bytes(salt.size) + field_bytes(carried.size));
    if (own > wire_lane_bytes_max(header->lane))
        return WIRE_TOO_LARGE_FOR_LANE;
    if (m->box_count > boxes_before)
        own += box_bytes(&m->box[m->box_count - 1]);
    if (m->count > 0 && m->bytes + own > m->ask->bytes_max)
        return WIRE_AGAIN;
    m->bytes += own;
    Wire__Envelope *envelope = &m->envelope[m->count];
    wire__envelope__init(envelope);
    envelope->header = bin(raw.data, raw.size);
    envelope->salt = bin(salt.data, salt.size);
    envelope->payload = bin(carried.data, carried.size);
    m->list[m->count++] = envelope;
    return WIRE_OK;
}

static enum wire_status make_envelope(struct making *m, size_t i)
{
    Wire__Header *header;
    struct wire_bytes plain;
    size_t boxes_before = m->box_count;
    bool nobody = false;
    enum wire_status status = read_draft(m, i, &header, &plain);
    if (status == WIRE_OK)
        status = ask_rules(m, header, &nobody);
    if (status != WIRE_OK)
        return status;
    struct wire_bytes carried = nobody ? (struct wire_bytes){0} : plain;
    if (header->form == WIRE__PAYLOAD_FORM__SEALED && !nobody)
        status = seal_payload(m, header, plain, &carried);
    if (status != WIRE_OK)
        return status;
    const uint8_t *salt = m->salts[i];
    finish_header(m, header, wire_bytes(salt, WIRE_SALT_BYTES), carried);
    status = put_envelope(m, header, wire_bytes(salt, WIRE_SALT_BYTES), carried, boxes_before);
    if (status != WIRE_OK)
        m->box_count = boxes_before; /* a box that nobody uses would be one too many */
    m->salt[i] = wire_bytes(salt, WIRE_SALT_BYTES);
    m->carried[i] = carried;
    return status;
}

/* --- root and signature ------------------------------------------------------------------------------------------- */

static int by_region(const void *a, const void *b)
{
    const struct box *x = a, *y = b;
    return x->region < y->region ? -1 : x->region > y->region;
}

static struct wire_digest root_of(struct making *m)
{
    size_t count = m->count + m->box_count;
    struct wire_digest *leaves = wire_arena_take(m->arena, count * sizeof(*leaves));
    ENSURE(leaves != NULL);
    for (size_t i = 0; i < m->count; i++)
        leaves[i] = wire_header_leaf(&m->node->shell.hash, wire_bytes(m->list[i]->header.data, m->list[i]->header.len));
    for (size_t i = 0; i < m->box_count; i++) {
        const Wire__KeyBox *box = &m->box[i].box;
        leaves[m->count + i] =
            wire_box_leaf(&m->node->shell.hash, box->region, wire_bytes(box->certificate.data, box->certificate.len),
                          wire_bytes(box->cms.data, box->cms.len));
    }
    return wire_merkle_root(&m->node->shell.hash, leaves, count);
}

static void fill_seal(struct making *m, Wire__BatchSeal *seal)
{
    struct wire_digest root = root_of(m);
    wire__batch_seal__init(seal);
    seal->origin = m->node->config.region;
    seal->mechanism = (char *)(uintptr_t)m->ask->mechanism;
    seal->lane = m->ask->lane;
    seal->store_id = bin(m->ask->store_id, WIRE_ID_BYTES);
    seal->first = m->ask->first;
    seal->count = (uint32_t)m->count;
    seal->boxes = (uint32_t)m->box_count;
    seal->root = bin(wire_arena_copy(m->arena, root.bytes, WIRE_HASH_BYTES), WIRE_HASH_BYTES);
    enum wire_status status = cert_sign_batch(m->node->shell.identity, seal, m->arena);
    if (status != WIRE_OK)
        shell_fail(&m->node->shell, "无法签名", "cannot sign", status);
}

static uint32_t frame_bytes(const Wire__Batch *batch)
{
    Wire__Submit submit = WIRE__SUBMIT__INIT;
    Wire__Frame frame = WIRE__FRAME__INIT;
    submit.batch = (ProtobufCBinaryData){protobuf_c_message_get_packed_size(&batch->base), NULL};
    frame.body_case = WIRE__FRAME__BODY_SUBMIT;
    frame.submit = &submit;
    return (uint32_t)protobuf_c_message_get_packed_size(&frame.base);
}

static void finish_batch(struct making *m, struct node_sealed *sealed)
{
    Wire__Batch batch = WIRE__BATCH__INIT;
    Wire__BatchSeal seal;
    Wire__KeyBox *boxes[WIRE_BOXES_MAX];
    qsort(m->box, m->box_count, sizeof(*m->box), by_region);
    for (size_t i = 0; i < m->box_count; i++)
        boxes[i] = &m->box[i].box;
    fill_seal(m, &seal);
    batch.seal = &seal;
    batch.n_envelope = m->count;
    batch.envelope = m->list;
    batch.n_box = m->box_count;
    batch.box = boxes;
    sealed->frame_bytes = frame_bytes(&batch);
    m->whole = wire_encode(&batch.base, m->arena);
    ENSURE(m->whole.data != NULL);
    memcpy(sealed->root, seal.root.data, WIRE_HASH_BYTES);
    for (size_t i = 0; i < m->count; i++) /* kept apart, under their day keys */
        m->list[i]->salt = m->list[i]->payload = bin(NULL, 0);
    sealed->batch = wire_encode(&batch.base, m->arena);
    ENSURE(sealed->batch.data != NULL);
}

static void make_all(struct making *m)
{
    bool full = false;
    for (size_t i = 0; i < m->ask->count; i++) {
        m->status[i] = full ? WIRE_AGAIN : make_envelope(m, i);
        full = m->status[i] == WIRE_AGAIN;
        if (m->status[i] != WIRE_OK && !full)
            link_log_line(m->node->shell.log, LINK_WARNING, "seal", "草稿暂不能封装", "a draft cannot be sealed",
                          LINK_TEXT("reason", wire_status_name(m->status[i])), LINK_HEX("id", m->ask->id[i], 16));
    }
}

void node_seal_drafts(struct node *node, const struct node_seal *ask, struct wire_arena *arena)
{
    struct making *m = wire_arena_take(arena, sizeof(*m));
    ENSURE(m != NULL && ask->count <= WIRE_BATCH_ENVELOPES_MAX);
    *m = (struct making){.node = node, .ask = ask, .arena = arena, .bytes = FRAME_OVERHEAD, .now_ms = shell_wall_ms()};
    m->status = wire_arena_take(arena, ask->count * sizeof(*m->status));
    m->salt = wire_arena_take(arena, ask->count * sizeof(*m->salt));
    m->salts = wire_arena_take(arena, ask->count * sizeof(*m->salts));
    m->carried = wire_arena_take(arena, ask->count * sizeof(*m->carried));
    m->envelope = wire_arena_take(arena, ask->count * sizeof(*m->envelope));
    m->list = wire_arena_take(arena, ask->count * sizeof(*m->list));
    ENSURE(m->salts != NULL && m->status != NULL && m->salt != NULL && m->carried != NULL && m->envelope != NULL &&
           m->list != NULL);
    cert_random(m->salts, ask->count * sizeof(*m->salts));
    make_all(m);
    struct node_event event = {.kind = NODE_ON_SEALED};
    struct node_sealed *sealed = &event.u.sealed;
    *sealed = (struct node_sealed){.request = ask->request, .count = ask->count, .draft = m->status};
    if (m->count > 0)
        finish_batch(m, sealed);
    for (size_t i = 0; i < WIRE_BOXES_MAX; i++)
        cert_wipe(m->box[i].key, CERT_KEY_BYTES);
    shell_check(&node->shell, store_look_states(&node->store, ask->place, ask->count, arena, &sealed->state));
    node->stepping.salt = m->salt;
    node->stepping.carried = m->carried;
    node->stepping.whole = m->whole;
    node->stepping.whole_key =
        node_key_batch(node->config.brokers[ask->link].name, ask->mechanism, ask->lane, ask->store_id, ask->first);
    node_step(node, &event);
}
