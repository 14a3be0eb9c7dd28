/* Completeness: the broker signs, per queue of ours, the last number and the running hash. What is missing shows, and
 * can be proved. */
#include "node/core/inbox.h"

void node_check_completeness(struct node_step *s, struct node_lane *lane)
{
    if (!lane->has_signed || lane->signed_generation != lane->generation || lane->signed_number != lane->number)
        return;
    if (memcmp(lane->signed_chain.bytes, lane->chain.bytes, WIRE_HASH_BYTES) != 0)
        node_note_lane(s, NODE_NOTE_CHAIN, lane)->a = lane->number;
    lane->has_signed = false;
}

static bool fits(const struct node_step *s, const struct node_link *link, const Wire__CompletenessStatement *statement)
{
    return statement->recipient == s->core->options.region && statement->chain.len == WIRE_HASH_BYTES &&
           (unsigned)statement->lane < WIRE_LANES && statement->generation == link->generation &&
           wire_bytes_equal(node_bytes_of(statement->ledger_id), wire_bytes(link->token.ledger_id, WIRE_ID_BYTES));
}

/* The broker has fewer than we hold of the same ledger and generation: it forgot. */
static bool is_behind(const struct node_lane *lane, const Wire__CompletenessStatement *statement)
{
    return lane->has_cursor && lane->generation == statement->generation && statement->number < lane->number;
}

/* The broker has more than we hold. That is a backlog while it moves; when it does not, people should know. */
static void watch_progress(struct node_step *s, struct node_lane *lane, uint64_t signed_number)
{
    if (signed_number <= lane->number || lane->stuck_number != lane->number) {
        lane->stuck_number = lane->number;
        lane->stuck_pulses = 0;
        return;
    }
    if (++lane->stuck_pulses != NODE_STUCK_PULSES)
        return;
    struct node_note *note = node_note_lane(s, NODE_NOTE_INCOMPLETE, lane);
    note->a = signed_number;
    note->b = lane->number;
}

static void keep(struct node_step *s, uint8_t index, const struct node_lane *lane, const Wire__Signed *signed_)
{
    struct node_link *link = &s->core->link[index];
    struct node_key key = node_lane_key_of(s->core, lane);
    node_put_message(s, NODE_TABLE_COMPLETENESS, &key, &signed_->base);
    if (wire_bytes_equal(node_key_bytes(&key), node_key_bytes(&link->newest_completeness)))
        return;
    link->newest_completeness = key;
    node_put_link(s, index);
}

void node_take_completeness(struct node_step *s, uint8_t index, const Wire__Signed *signed_,
                            const Wire__CompletenessStatement *statement)
{
    if (!fits(s, &s->core->link[index], statement))
        return;
    uint32_t found = node_lane_of(s, index, statement->mechanism, statement->lane);
    if (found == NODE_NONE)
        return;
    struct node_lane *lane = node_lane_at(s->core, found);
    bool same = lane->kept_generation == statement->generation && lane->kept_number == statement->number;
    if (is_behind(lane, statement)) {
        struct node_note *note = node_note_lane(s, NODE_NOTE_INCOMPLETE, lane);
        note->a = statement->number;
        note->b = lane->number;
        return;
    }
    lane->has_signed = true;
    lane->signed_generation = statement->generation;
    lane->signed_number = statement->number;
    memcpy(lane->signed_chain.bytes, statement->chain.data, WIRE_HASH_BYTES);
    watch_progress(s, lane, statement->number);
    node_check_completeness(s, lane);
    if (same)
        return; /* the one that is kept says the same */
    lane->kept_generation = statement->generation;
    lane->kept_number = statement->number;
    keep(s, index, lane, signed_);
}
