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

static void note_numbers(struct node_step *s, enum node_topic topic, const struct node_lane *lane, uint64_t a,
                         uint64_t b)
{
    struct node_note *note = node_note_lane(s, topic, lane);
    note->a = a;
    note->b = b;
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

/* It signed for more before, or for another hash of as many: it has two histories. */
static bool contradicts(const struct node_lane *lane, const Wire__CompletenessStatement *statement)
{
    if (lane->kept_generation != statement->generation)
        return false;
    return statement->number < lane->kept_number ||
           (statement->number == lane->kept_number &&
            memcmp(statement->chain.data, lane->kept_chain.bytes, WIRE_HASH_BYTES) != 0);
}

/* The broker has signed for more than we hold. That is a backlog while it moves; when it does not, people should know.
 * It signs when a queue grew, not while one stands still: the pulses are what counts. */
static void watch_progress(struct node_step *s, struct node_lane *lane)
{
    if (lane->signed_number <= lane->number || lane->stuck_number != lane->number) {
        lane->stuck_number = lane->number;
        lane->stuck_pulses = 0;
        return;
    }
    if (lane->stuck_pulses == NODE_STUCK_PULSES || ++lane->stuck_pulses < NODE_STUCK_PULSES)
        return;
    note_numbers(s, NODE_NOTE_INCOMPLETE, lane, lane->signed_number, lane->number);
}

void node_watch_completeness(struct node_step *s, uint8_t index)
{
    struct node_core *core = s->core;
    if (core->no_room || core->link[index].state != NODE_LIVE)
        return; /* nothing can come */
    for (uint32_t i = 0; i < core->lane_count; i++) {
        struct node_lane *lane = &core->lane[i];
        if (lane->link == index && lane->has_signed)
            watch_progress(s, lane);
    }
}

void node_forget_completeness(struct node_core *core, uint8_t index)
{
    for (uint32_t i = 0; i < core->lane_count; i++)
        if (core->lane[i].link == index)
            core->lane[i].kept_generation = 0; /* there is none of that number */
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
    if (is_behind(lane, statement)) {
        note_numbers(s, NODE_NOTE_INCOMPLETE, lane, statement->number, lane->number);
        return;
    }
    if (contradicts(lane, statement))
        note_numbers(s, NODE_NOTE_CONTRADICTS, lane, statement->number, lane->kept_number);
    lane->has_signed = true;
    lane->signed_generation = statement->generation;
    lane->signed_number = statement->number;
    memcpy(lane->signed_chain.bytes, statement->chain.data, WIRE_HASH_BYTES);
    node_check_completeness(s, lane);
    if (lane->kept_generation == statement->generation && statement->number <= lane->kept_number)
        return; /* what was signed first is kept */
    lane->kept_generation = statement->generation;
    lane->kept_number = statement->number;
    lane->kept_chain = lane->signed_chain;
    keep(s, index, lane, signed_);
}
