/* Marks on the inbox: which envelopes our own replies have signed for and answered. */
#include "node/core/inbox.h"
#include "node/core/local.h"
#include "wire/canary.h"

Wire__NodeKnown *node_known_read(struct node_step *s, const struct node_key *key, struct wire_bytes looked_up,
                                 size_t which)
{
    struct wire_bytes value = node_look(s, NODE_TABLE_KNOWN, key, looked_up);
    if (value.data == NULL)
        return NULL;
    Wire__NodeKnown *known = node_read_known(value, node_scratch(s, which));
    if (known == NULL)
        node_damaged(s, NODE_TABLE_KNOWN);
    return known;
}

static bool is_final(const Wire__Header *reply)
{
    return reply->has_progress && reply->progress == WIRE__PROGRESS__FINAL;
}

static void mark(Wire__NodeKnown *known, const Wire__Header *reply, int64_t now_ms)
{
    if (reply->kind == WIRE_KIND_ACKNOWLEDGEMENT) {
        if (!known->has_signed_for_ms)
            known->signed_for_ms = now_ms;
        known->has_signed_for_ms = true;
        known->has_acknowledgement = true;
        known->acknowledgement = reply->id;
        return;
    }
    if (!known->has_feedback_ms)
        known->feedback_ms = now_ms;
    known->has_feedback_ms = true;
    known->has_outcome = true;
    known->outcome = reply->id;
    if (is_final(reply)) {
        known->has_closed_ms = true;
        known->closed_ms = now_ms;
    }
}

static bool same_id(ProtobufCBinaryData a, ProtobufCBinaryData b)
{
    return wire_bytes_equal(node_bytes_of(a), node_bytes_of(b));
}

/* Only the newest reply of a kind is known by its id: an older one that is withdrawn leaves the mark. */
static void unmark(Wire__NodeKnown *known, const Wire__Header *reply)
{
    if (reply->kind == WIRE_KIND_ACKNOWLEDGEMENT && known->has_acknowledgement &&
        same_id(known->acknowledgement, reply->id))
        known->has_acknowledgement = known->has_signed_for_ms = false;
    if (reply->kind == WIRE_KIND_OUTCOME && known->has_outcome && same_id(known->outcome, reply->id)) {
        known->has_outcome = known->has_feedback_ms = false;
        if (is_final(reply))
            known->has_closed_ms = false;
    }
}

static bool key_of_asked(const Wire__Header *reply, struct node_key *key)
{
    if (reply->in_reply_to == NULL || reply->in_reply_to->id.len != WIRE_ID_BYTES)
        return false;
    if (reply->kind != WIRE_KIND_ACKNOWLEDGEMENT && reply->kind != WIRE_KIND_OUTCOME)
        return false;
    *key = node_key_known(reply->in_reply_to->origin, reply->in_reply_to->id.data);
    return true;
}

void node_mark_answered(struct node_step *s, const Wire__Header *reply, struct wire_bytes looked_up)
{
    struct node_key key;
    Wire__NodeKnown *known = key_of_asked(reply, &key) ? node_known_read(s, &key, looked_up, 1) : NULL;
    if (known == NULL)
        return;
    mark(known, reply, s->event->wall_ms);
    node_put_message(s, NODE_TABLE_KNOWN, &key, &known->base);
}

void node_mark_unanswered(struct node_step *s, const Wire__Header *reply, struct wire_bytes looked_up)
{
    struct node_key key;
    Wire__NodeKnown *known = key_of_asked(reply, &key) ? node_known_read(s, &key, looked_up, 1) : NULL;
    if (known == NULL)
        return;
    unmark(known, reply);
    node_put_message(s, NODE_TABLE_KNOWN, &key, &known->base);
}

/* --- what came in ---------------------------------------------------------------------------------------------------
 */

void node_mark_corrected(struct node_step *s, const Wire__Header *header, struct wire_bytes looked_up)
{
    if (header->action != WIRE__ACTION__UPDATE && header->action != WIRE__ACTION__CANCEL)
        return;
    if (header->n_references == 0 || header->references[0]->origin != header->origin ||
        header->references[0]->id.len != WIRE_ID_BYTES)
        return; /* only the origin of an envelope corrects it */
    struct node_key key = node_key_known(header->origin, header->references[0]->id.data);
    Wire__NodeKnown fresh;
    Wire__NodeKnown *known = node_known_read(s, &key, looked_up, 1);
    if (known == NULL && CANARY(FORGET_TOMBSTONE))
        return;
    if (known == NULL) { /* it overtook its original */
        wire__node_known__init(&fresh);
        known = &fresh;
    }
    if (header->action == WIRE__ACTION__CANCEL) {
        known->has_cancelled_by = true;
        known->cancelled_by = header->id;
    } else {
        known->has_updated_by = true;
        known->updated_by = header->id;
    }
    node_put_message(s, NODE_TABLE_KNOWN, &key, &known->base);
}

static void stamp(protobuf_c_boolean *has, int64_t *at_ms, int64_t now_ms)
{
    if (*has)
        return;
    *has = true;
    *at_ms = now_ms;
}

static void mark_recipient(Wire__NodeRecipient *recipient, const Wire__Header *reply, int64_t now_ms)
{
    if (reply->kind == WIRE_KIND_ACKNOWLEDGEMENT) {
        stamp(&recipient->has_signed_for_ms, &recipient->signed_for_ms, now_ms);
        return;
    }
    stamp(&recipient->has_feedback_ms, &recipient->feedback_ms, now_ms);
    if (is_final(reply))
        stamp(&recipient->has_closed_ms, &recipient->closed_ms, now_ms);
}

void node_mark_reply(struct node_step *s, const Wire__Header *header, struct wire_bytes looked_up)
{
    struct node_key key;
    if (!key_of_asked(header, &key) || header->in_reply_to->origin != s->core->options.region)
        return;
    const uint8_t *id = header->in_reply_to->id.data;
    Wire__NodeState *state = node_state_read(s, id, looked_up, 0);
    if (state == NULL)
        return;
    mark_recipient(node_state_recipient(s, state, header->origin), header, s->event->wall_ms);
    node_state_put(s, state);
}
