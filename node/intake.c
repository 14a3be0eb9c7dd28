/* A message from a broker becomes an event: decoded, its signatures verified, with what the store knows about it. */
#include "node.h"

#include "wire/codec.h"

static const char *link_name(const struct node *node, uint8_t link)
{
    return node->config.brokers[link].name;
}

/* What a broker may send. */
static bool from_brokers(Wire__Frame__BodyCase body)
{
    switch (body) {
    case WIRE__FRAME__BODY_WELCOME:
    case WIRE__FRAME__BODY_RECEIPT:
    case WIRE__FRAME__BODY_DELIVER:
    case WIRE__FRAME__BODY_CREDIT:
    case WIRE__FRAME__BODY_PULSE:
    case WIRE__FRAME__BODY_POLICY:
    case WIRE__FRAME__BODY_DIRECTORY:
    case WIRE__FRAME__BODY_BYE:
        return true;
    default:
        return false;
    }
}

static Wire__Frame *decode(struct node *node, struct wire_bytes raw, enum wire_status *status)
{
    if (raw.size > WIRE_FRAME_BYTES_MAX) {
        *status = WIRE_FRAME_TOO_LARGE;
        return NULL;
    }
    Wire__Frame *frame =
        (Wire__Frame *)wire_decode(&wire__frame__descriptor, raw, WIRE_STRICT_ALL, &node->arena, status);
    if (frame != NULL && !from_brokers(frame->body_case)) {
        *status = WIRE_UNEXPECTED_FRAME;
        return NULL;
    }
    return frame;
}

static void misbehaved(struct node *node, uint8_t link, enum wire_status status)
{
    if ((unsigned)status < NODE_STATUSES)
        node->refused_frames[status]++;
    link_log_line(node->shell.log, LINK_WARNING, "intake", "收到无法接受的帧", "frame not accepted",
                  LINK_TEXT("link", link_name(node, link)), LINK_TEXT("reason", wire_status_name(status)));
    struct node_event event = {.kind = NODE_ON_BAD_FRAME};
    event.u.bad = (struct node_bad_frame){.link = link, .status = status};
    node_step(node, &event);
}

static ProtobufCMessage *statement_of(struct node *node, const ProtobufCMessageDescriptor *type,
                                      const Wire__Signed *signed_)
{
    enum wire_status status;
    return wire_decode(type, wire_bytes(signed_->statement.data, signed_->statement.len), WIRE_STRICT_ALL, &node->arena,
                       &status);
}

/* --- completeness: WELCOME, PULSE --------------------------------------------------------------------------------- */

struct completeness {
    bool *good;
    const Wire__CompletenessStatement **statement;
};

static void verify_completeness(struct node *node, const Wire__Signed *signed_, bool *good,
                                const Wire__CompletenessStatement **statement)
{
    if (signed_->type != WIRE__STATEMENT_TYPE__COMPLETENESS_STATEMENT)
        return;
    *statement =
        (const Wire__CompletenessStatement *)statement_of(node, &wire__completeness_statement__descriptor, signed_);
    *good = *statement != NULL && cert_verify_signed(node->shell.directory, &node->shell.hash, signed_,
                                                     WIRE__ROLE__ROLE_BROKER, 0, shell_wall_ms()) == WIRE_OK;
}

enum { COMPLETENESS_MAX = 1024 /* one a queue; each may cost the verification of a signature */ };

/* false: more than a broker has queues for us, or than the budget holds. */
static bool take_completeness(struct node *node, Wire__Signed *const *list, size_t count, struct completeness *out)
{
    if (count > COMPLETENESS_MAX)
        return false;
    out->good = wire_arena_take(&node->arena, count + 1);
    out->statement = wire_arena_take(&node->arena, (count + 1) * sizeof(*out->statement));
    if (out->good == NULL || out->statement == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        verify_completeness(node, list[i], &out->good[i], &out->statement[i]);
    return true;
}

static void take_welcome(struct node *node, uint8_t link, const Wire__Welcome *welcome)
{
    struct completeness seen;
    if (!take_completeness(node, welcome->completeness, welcome->n_completeness, &seen)) {
        misbehaved(node, link, WIRE_OVER_BUDGET);
        return;
    }
    struct node_event event = {.kind = NODE_ON_WELCOME};
    event.u.welcome = (struct node_welcome){
        .link = link, .welcome = welcome, .completeness_good = seen.good, .completeness = seen.statement};
    node_step(node, &event);
}

static void take_pulse(struct node *node, uint8_t link, const Wire__Pulse *pulse)
{
    struct completeness seen;
    if (!take_completeness(node, pulse->completeness, pulse->n_completeness, &seen)) {
        misbehaved(node, link, WIRE_OVER_BUDGET);
        return;
    }
    struct node_event event = {.kind = NODE_ON_PULSE};
    event.u.pulse = (struct node_pulse){
        .link = link, .pulse = pulse, .completeness_good = seen.good, .completeness = seen.statement};
    node_step(node, &event);
}

/* --- RECEIPT ------------------------------------------------------------------------------------------------------ */

/* The broker signs a verdict anew whenever it sends it; a recipient signed its `arrived` once, so its certificate is
 * judged at that time, which cannot lie ahead of us. */
static enum wire_status verify_receipt(struct node *node, const Wire__Signed *signed_, struct node_receipt *receipt)
{
    int64_t now_ms = shell_wall_ms();
    if (signed_->type == WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT) {
        receipt->statement =
            (Wire__ReceiptStatement *)statement_of(node, &wire__receipt_statement__descriptor, signed_);
        if (receipt->statement == NULL)
            return WIRE_BAD_FRAME;
        return cert_verify_signed(node->shell.directory, &node->shell.hash, signed_, WIRE__ROLE__ROLE_BROKER, 0,
                                  now_ms);
    }
    if (signed_->type != WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT)
        return WIRE_BAD_FRAME;
    receipt->arrived = (Wire__ArrivedStatement *)statement_of(node, &wire__arrived_statement__descriptor, signed_);
    if (receipt->arrived == NULL)
        return WIRE_BAD_FRAME;
    int64_t at_ms = receipt->arrived->at_ms < now_ms ? receipt->arrived->at_ms : now_ms;
    return cert_verify_signed(node->shell.directory, &node->shell.hash, signed_, WIRE__ROLE__ROLE_NODE,
                              receipt->arrived->recipient, at_ms);
}

/* Decoded, and about no more envelopes than a batch has: each is looked up. */
static bool receipt_fits(const struct node_receipt *receipt)
{
    if (receipt->statement != NULL)
        return receipt->statement->n_verdict <= WIRE_BATCH_ENVELOPES_MAX;
    return receipt->arrived != NULL && receipt->arrived->n_arrival <= WIRE_BATCH_ENVELOPES_MAX;
}

static void take_receipt(struct node *node, uint8_t link, const Wire__Receipt *receipt, size_t frame_bytes)
{
    struct node_event event = {.kind = NODE_ON_RECEIPT};
    event.u.receipt = (struct node_receipt){.link = link, .frame_bytes = (uint32_t)frame_bytes, .receipt = receipt};
    event.u.receipt.status = verify_receipt(node, receipt->signed_, &event.u.receipt);
    if (!receipt_fits(&event.u.receipt)) {
        misbehaved(node, link, WIRE_BAD_FRAME);
        return;
    }
    if (event.u.receipt.status != WIRE_OK)
        link_log_line(node->shell.log, LINK_WARNING, "intake", "回执签名无法核验", "a receipt does not verify",
                      LINK_TEXT("link", link_name(node, link)), LINK_UNSIGNED("number", receipt->number),
                      LINK_TEXT("reason", wire_status_name(event.u.receipt.status)));
    shell_check(&node->shell, store_look_receipt(&node->store, link_name(node, link), &event.u.receipt, &node->arena));
    node_step(node, &event);
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static void take_policy(struct node *node, uint8_t link, const Wire__PolicyPiece *piece)
{
    struct node_event event = {.kind = NODE_ON_POLICY_PIECE};
    event.u.policy_piece = (struct node_policy_piece){.link = link, .piece = piece};
    node_step(node, &event);
}

static void take_bye(struct node *node, uint8_t link, const Wire__Bye *bye)
{
    link_log_line(node->shell.log, LINK_NOTICE, "link", "交换中心告别", "the broker said bye",
                  LINK_TEXT("link", link_name(node, link)), LINK_TEXT("reason", wire_status_name(bye->reason)),
                  LINK_TEXT("detail", bye->detail == NULL ? "" : bye->detail));
    struct node_event event = {.kind = NODE_ON_BYE};
    event.u.bye = (struct node_bye){.link = link, .bye = bye};
    node_step(node, &event);
}

static void take_credit(struct node *node, uint8_t link, const Wire__Credit *credit)
{
    struct node_event event = {.kind = NODE_ON_CREDIT};
    event.u.credit = (struct node_credit){.link = link, .credit = credit};
    node_step(node, &event);
}

void node_on_message(struct node *node, uint8_t link, struct wire_bytes payload)
{
    wire_arena_reset(&node->arena);
    enum wire_status status;
    const Wire__Frame *frame = decode(node, payload, &status);
    if (frame == NULL) {
        misbehaved(node, link, status);
        return;
    }
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_WELCOME:
        take_welcome(node, link, frame->welcome);
        break;
    case WIRE__FRAME__BODY_RECEIPT:
        take_receipt(node, link, frame->receipt, payload.size);
        break;
    case WIRE__FRAME__BODY_DELIVER:
        node_take_deliver(node, link, frame->deliver, payload.size);
        break;
    case WIRE__FRAME__BODY_CREDIT:
        take_credit(node, link, frame->credit);
        break;
    case WIRE__FRAME__BODY_PULSE:
        take_pulse(node, link, frame->pulse);
        break;
    case WIRE__FRAME__BODY_POLICY:
        take_policy(node, link, frame->policy);
        break;
    case WIRE__FRAME__BODY_DIRECTORY:
        node_trust_piece(node->trust, link, frame->directory);
        break;
    default: /* decode lets nothing else through */
        take_bye(node, link, frame->bye);
        break;
    }
}
