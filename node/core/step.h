/* One step while it runs: the rows it appends, the effects it asks for. Every row put in a step goes into one append,
 * so that what an event means is atomic; sends that depend on it name its ticket. */
#pragma once
#include "node/core/state.h"

struct node_step {
    struct node_core *core;
    const struct node_event *event;
    struct node_out *out;
    struct wire_row *rows;
    size_t row_count, row_capacity;
    struct node_payload *payloads;
    size_t payload_count, payload_capacity;
    size_t append; /* index of the APPEND effect; NODE_EFFECTS_MAX: none yet */
    size_t notes;
    uint32_t draws;
};

void node_step_begin(struct node_step *s, struct node_core *core, const struct node_event *event, struct node_out *out);
void node_step_end(struct node_step *s);

/* Rows. Keys and values are copied into the out arena. Putting a key again replaces the row of this step. */
void node_put(struct node_step *s, enum node_table table, const struct node_key *key, struct wire_bytes value);
void node_put_message(struct node_step *s, enum node_table table, const struct node_key *key,
                      const ProtobufCMessage *message);
void node_erase(struct node_step *s, enum node_table table, const struct node_key *key);
void node_add_payload(struct node_step *s, const struct node_payload *payload);
/* The row as this step left it, else what was looked up. */
struct wire_bytes node_look(struct node_step *s, enum node_table table, const struct node_key *key,
                            struct wire_bytes looked_up);
/* The ticket after which what this step has decided is durable: its append's, else that of the last append. */
uint64_t node_ticket(const struct node_step *s);

/* Effects. */
struct node_effect *node_effect(struct node_step *s, enum node_effect_kind kind);
bool node_has_room(const struct node_step *s); /* for what the pump wants to add */
/* Fills what every note has; never NULL (notes beyond NODE_NOTES_MAX are counted and left out). */
struct node_note *node_note(struct node_step *s, enum node_topic topic, uint8_t link);
struct node_note *node_note_lane(struct node_step *s, enum node_topic topic, const struct node_lane *lane);
Wire__Frame *node_frame(struct node_step *s, Wire__Frame__BodyCase body);
struct node_send *node_send(struct node_step *s, uint8_t link, uint64_t after, Wire__Frame *frame);
void node_cut(struct node_step *s, uint8_t link, enum wire_status status);
/* NULL: NODE_FETCHES_MAX are under way. Key and prefix are filled in by the caller. */
struct node_fetch *node_fetch(struct node_step *s, enum node_fetch_kind kind, uint32_t index,
                              struct node_fetching **out);

/* 1 to 32 fresh random bytes, derived from the event's. */
void node_draw(struct node_step *s, uint8_t *out, size_t size);
void *node_take(struct node_step *s, size_t size); /* from the out arena; never NULL */
/* Scratch for decoding one row; what was in it before is gone. */
struct wire_arena *node_scratch(struct node_step *s, size_t which);
void node_damaged(struct node_step *s, enum node_table table);
/* A fetched row that cannot be read is erased, too, lest it be fetched for ever. */
void node_erase_damaged(struct node_step *s, const struct wire_row *row);

static inline ProtobufCBinaryData node_bin(const void *data, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)data};
}

static inline struct wire_bytes node_bytes_of(ProtobufCBinaryData bin)
{
    return wire_bytes(bin.data, bin.len);
}
