/* The core's tables: lanes and streams, and the small rows that mirror them. */
#pragma once
#include "node/core/step.h"

/* Finds or makes; NODE_NONE: the table is full (a NOTE says so) or the name is too long. */
uint32_t node_lane_of(struct node_step *s, uint8_t link, const char *mechanism, Wire__Lane lane);
uint32_t node_lane_find(const struct node_core *core, uint8_t link, const char *mechanism, Wire__Lane lane);
uint8_t node_link_find(const struct node_core *core, const char *name); /* NODE_NO_LINK */

struct node_lane *node_lane_at(struct node_core *core, uint32_t index);
struct node_stream *node_stream_at(struct node_core *core, uint32_t index);
const char *node_lane_link_name(const struct node_core *core, const struct node_lane *lane);

/* NODE_NONE: no such stream; NULL store id: the current one. */
uint32_t node_stream_find(const struct node_core *core, const struct node_lane *lane,
                          const uint8_t store_id[WIRE_ID_BYTES]);
/* Makes it and puts it into the list of its lane; NODE_NONE: the table is full. */
uint32_t node_stream_new(struct node_core *core, uint32_t lane, const uint8_t store_id[WIRE_ID_BYTES]);
void node_stream_free(struct node_core *core, uint32_t stream);

/* Rows. */
void node_put_meta(struct node_step *s);
void node_put_link(struct node_step *s, uint8_t link);
void node_put_cursor(struct node_step *s, const struct node_lane *lane);
void node_put_stream(struct node_step *s, const struct node_stream *stream);
/* QUEUE changes with every draft of a step: it is put once, with META, by node_put_changed. */
void node_queue_changed(struct node_core *core, struct node_lane *lane);
void node_put_changed(struct node_step *s);
struct node_key node_lane_key_of(const struct node_core *core, const struct node_lane *lane);
struct node_key node_stream_key_of(const struct node_core *core, const struct node_stream *stream);
struct node_key node_batch_key_of(const struct node_core *core, const struct node_stream *stream, uint64_t first);

/* The next number of the day; the row is put. */
uint32_t node_number_next(struct node_step *s, uint32_t day);
/* `serial` was seen for that day (WELCOME). */
void node_number_seen(struct node_step *s, uint32_t day, uint32_t serial);
void node_number_boot(struct node_core *core, uint32_t day, uint32_t serial);

/* Something on this link, or on all, may go on now. */
void node_work(struct node_core *core, uint8_t link);
void node_work_all(struct node_core *core);
