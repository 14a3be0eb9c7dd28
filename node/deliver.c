/* DELIVER: is it what its origin signed, was it admitted when, and can we read it. */
#include "node.h"

#include "wire/codec.h"
#include "wire/kind.h"

Wire__WitnessStatement *node_witness(struct node *node, const Wire__Signed *signed_, ProtobufCBinaryData root,
                                     struct wire_arena *arena)
{
    enum wire_status status;
    if (signed_->type != WIRE__STATEMENT_TYPE__WITNESS_STATEMENT)
        return NULL;
    Wire__WitnessStatement *witness = (Wire__WitnessStatement *)wire_decode(
        &wire__witness_statement__descriptor, wire_bytes(signed_->statement.data, signed_->statement.len),
        WIRE_STRICT_ALL, arena, &status);
    if (witness == NULL ||
        !wire_bytes_equal(wire_bytes(witness->root.data, witness->root.len), wire_bytes(root.data, root.len)))
        return NULL;
    status = cert_verify_signed(node->shell.directory, &node->shell.hash, signed_, WIRE__ROLE__ROLE_BROKER, 0,
                                shell_wall_ms());
    return status == WIRE_OK ? witness : NULL;
}

enum wire_status node_open_sealed(struct node *node, const uint8_t box_key[CERT_KEY_BYTES], const Wire__Header *header,
                                  struct wire_bytes carried, uint8_t *out)
{
    uint8_t aad[CERT_PAYLOAD_AAD_MAX];
    size_t size = cert_payload_aad(header, aad);
    if (size == 0)
        return WIRE_CANNOT_OPEN;
    return cert_payload_open(node->payload, box_key, header->id.data, wire_bytes(aad, size), carried, out);
}

/* What the envelopes of one part have in common. */
struct reading {
    struct node *node;
    const Wire__Part *part;
    Wire__Header **header;
    uint8_t box_key[CERT_KEY_BYTES];
    enum wire_status box; /* CANNOT_OPEN: none of ours */
};

static void open_box(struct reading *r)
{
    const Wire__KeyBox *box = r->part->box;
    r->box = WIRE_CANNOT_OPEN;
    if (box == NULL || box->region != r->node->config.region || box->certificate.len != WIRE_HASH_BYTES)
        return;
    r->box = cert_box_open(r->node->shell.identity, box->certificate.data, wire_bytes(box->cms.data, box->cms.len),
                           r->box_key);
}

/* The sender's node asked the same: that it does not hold here is worth a word to the operator, not the loss of a
 * notice. */
static void remark(const struct reading *r, const Wire__Header *header, const struct wire_kind *kind,
                   const ProtobufCMessage *message)
{
    struct wire_problem problem = {0};
    char number[WIRE_NUMBER_TEXT];
    if (kind->check == NULL || kind->check(message, shell_wall_ms(), &problem) == WIRE_OK)
        return;
    struct wire_number named = {header->origin, header->number_date, header->number_serial};
    link_log_line(r->node->shell.log, LINK_WARNING, "intake", "收到的内容未通过本机校验，仍予接收",
                  "a payload does not pass the checks of its kind, taken all the same",
                  LINK_TEXT("number", wire_number_text(named, number)), LINK_TEXT("where", problem.where),
                  LINK_TEXT("reason", wire_status_name(problem.status)));
}

/* The payload as its kind, and whether the header says of it what the kinds table says. */
static enum wire_status check_payload(const struct reading *r, const Wire__Header *header, struct wire_bytes plain)
{
    const struct wire_kind *kind = wire_kind_find(header->kind);
    enum wire_status status;
    if (kind == NULL)
        return WIRE_UNREADABLE;
    ProtobufCMessage *message = wire_decode(kind->payload, plain, WIRE_STRICT_NONE, &r->node->arena, &status);
    if (message == NULL)
        return WIRE_UNREADABLE;
    if (header->action == WIRE__ACTION__CANCEL) /* carries no persons, and perhaps nothing else */
        return WIRE_OK;
    if (kind->urgency != NULL && kind->urgency(message) != header->urgency)
        return WIRE_BAD_HEADER;
    remark(r, header, kind, message);
    return WIRE_OK;
}

static enum wire_status read_sealed(const struct reading *r, const Wire__Header *header, struct wire_bytes carried)
{
    if (r->box != WIRE_OK || carried.size < CERT_TAG_BYTES)
        return WIRE_CANNOT_OPEN;
    uint8_t *plain = wire_arena_take(&r->node->arena, carried.size);
    if (plain == NULL)
        return WIRE_UNREADABLE;
    enum wire_status status = node_open_sealed(r->node, r->box_key, header, carried, plain);
    if (status == WIRE_OK)
        status = check_payload(r, header, wire_bytes(plain, carried.size - CERT_TAG_BYTES));
    return status;
}

static bool digest_matches(const struct reading *r, const Wire__Header *header, const Wire__PartEnvelope *envelope)
{
    struct wire_digest digest =
        wire_payload_digest(&r->node->shell.hash, wire_bytes(envelope->salt.data, envelope->salt.len),
                            wire_bytes(envelope->payload.data, envelope->payload.len));
    return header->digest.len == WIRE_HASH_BYTES && memcmp(digest.bytes, header->digest.data, WIRE_HASH_BYTES) == 0;
}

/* Everything taken since the mark, as text and as message: what is about persons stays in no memory of ours. */
static void forget(struct wire_arena *arena, size_t mark)
{
    cert_wipe(arena->base + mark, arena->used - mark);
    wire_arena_back(arena, mark);
}

static enum wire_status read_envelope(const struct reading *r, size_t i)
{
    const Wire__Header *header = r->header[i];
    const Wire__PartEnvelope *envelope = r->part->envelope[i];
    if (header == NULL)
        return WIRE_UNREADABLE;
    if (!envelope->has_payload || !envelope->has_salt)
        return WIRE_ERASED;
    if (!digest_matches(r, header, envelope))
        return WIRE_TAMPERED;
    struct wire_bytes carried = wire_bytes(envelope->payload.data, envelope->payload.len);
    size_t mark = wire_arena_mark(&r->node->arena);
    enum wire_status status = header->form == WIRE__PAYLOAD_FORM__SEALED ? read_sealed(r, header, carried)
                                                                         : check_payload(r, header, carried);
    forget(&r->node->arena, mark);
    return status;
}

/* The part as a whole. TAMPERED is a matter of single envelopes. */
static enum wire_status check_part(struct node *node, const Wire__Deliver *deliver, struct node_deliver *event,
                                   struct reading *r)
{
    enum wire_status status;
    struct wire_arena *arena = &node->arena;
    Wire__Part *part = (Wire__Part *)wire_decode(
        &wire__part__descriptor, wire_bytes(deliver->part.data, deliver->part.len), WIRE_STRICT_ALL, arena, &status);
    if (part == NULL)
        return status;
    struct wire_digest *leaves = wire_arena_take(arena, WIRE_BATCH_ENVELOPES_MAX * sizeof(*leaves));
    r->header = wire_arena_take(arena, WIRE_BATCH_ENVELOPES_MAX * sizeof(*r->header));
    if (leaves == NULL || r->header == NULL)
        return WIRE_OVER_BUDGET;
    uint32_t at;
    status = wire_part_check(&node->shell.hash, part, arena, r->header, leaves, &at);
    if (status != WIRE_OK && status != WIRE_TAMPERED)
        return status;
    event->part = r->part = part;
    event->header = (const Wire__Header *const *)r->header;
    event->leaf = leaves;
    event->signer_region = part->seal->origin;
    event->witness = node_witness(node, deliver->witness, part->seal->root, arena);
    return cert_verify_batch(node->shell.directory, part->seal,
                             event->witness != NULL ? event->witness->admitted_ms : shell_wall_ms());
}

static enum wire_status read_all(struct node *node, struct node_deliver *event, struct reading *r)
{
    enum wire_status *read = wire_arena_take(&node->arena, (r->part->n_envelope + 1) * sizeof(*read));
    if (read == NULL)
        return WIRE_OVER_BUDGET;
    open_box(r);
    for (size_t i = 0; i < r->part->n_envelope; i++)
        read[i] = read_envelope(r, i);
    cert_wipe(r->box_key, sizeof(r->box_key));
    event->envelope_status = read;
    return store_look_deliver(&node->store, node->config.region, event, &node->arena);
}

void node_take_deliver(struct node *node, uint8_t link, const Wire__Deliver *deliver, size_t frame_bytes)
{
    struct node_event event = {.kind = NODE_ON_DELIVER};
    struct reading reading = {.node = node};
    event.u.deliver = (struct node_deliver){.link = link, .frame_bytes = (uint32_t)frame_bytes, .deliver = deliver};
    event.u.deliver.status = check_part(node, deliver, &event.u.deliver, &reading);
    if (event.u.deliver.part != NULL)
        shell_check(&node->shell, read_all(node, &event.u.deliver, &reading));
    if (event.u.deliver.status != WIRE_OK)
        link_log_line(node->shell.log, LINK_ERROR, "intake", "投递的批次无法核验", "a delivered part does not verify",
                      LINK_TEXT("link", node->config.brokers[link].name), LINK_TEXT("mechanism", deliver->mechanism),
                      LINK_UNSIGNED("number", deliver->number),
                      LINK_TEXT("reason", wire_status_name(event.u.deliver.status)));
    node_step(node, &event);
}
