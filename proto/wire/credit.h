/* What a sender may have on its way to one peer: bytes of payload frames, by lane; and whose turn it is.
 *
 * The receiver grants cumulative offsets a lane; a sender never passes them. Besides, a flash must not find more than
 * WIRE_OUTSTANDING_BYTES_MAX of the other lanes in front of it, or one larger frame: the sender sees to that, since
 * each grant says how much of its lane the receiver has taken. So a lane alone may use nearly all of it, and when lanes
 * meet they go by weight. */
#pragma once
#include "wire/limits.h"
#include <stdbool.h>
#include <stdint.h>

struct wire_lane_credit {
    uint64_t granted, used; /* offsets; used <= granted */
    uint64_t taken;         /* the receiver said so; it may be more by now */
    uint64_t window;        /* the first grant */
    uint64_t turn;          /* bytes by weight: the lane with the least goes first */
};

struct wire_credit {
    struct wire_lane_credit lane[WIRE_LANES];
    uint64_t clock; /* the turn of the lane that went last: one that was idle starts level with the others */
};

/* What a receiver of this house grants first: of flash little is needed, of the others one lane alone may fill the way.
 */
uint32_t wire_credit_window(uint32_t lane);

/* The first grant of a session; lanes that are not opened have none. */
void wire_credit_open(struct wire_credit *credit, uint32_t lane, uint64_t offset);
/* A grant came. False: it says nothing new. */
bool wire_credit_raise(struct wire_credit *credit, uint32_t lane, uint64_t offset, uint64_t taken);
void wire_credit_use(struct wire_credit *credit, uint32_t lane, uint32_t bytes);
/* Everything sent in this lane was answered. */
void wire_credit_settle(struct wire_credit *credit, uint32_t lane);
/* A frame was counted with `bytes` more than it had. */
void wire_credit_correct(struct wire_credit *credit, uint32_t lane, uint32_t bytes);

/* Of all lanes but flash; never less than what is under way. */
uint64_t wire_credit_outstanding(const struct wire_credit *credit);
/* The lane's own grant holds it. */
bool wire_credit_holds(const struct wire_credit *credit, uint32_t lane, uint32_t bytes);
/* With `before` bytes of the lanes but flash under way, `bytes` more of this one may be: the bound both sides keep to.
 */
bool wire_credit_may_follow(uint64_t before, uint32_t lane, uint32_t bytes);
/* A flash that follows would not find too much in front of it. */
bool wire_credit_clear(const struct wire_credit *credit, uint32_t lane, uint32_t bytes);
/* Of lanes that could go, the one with the least goes first; flash has 0, and goes before all. */
uint64_t wire_credit_turn(const struct wire_credit *credit, uint32_t lane);
