/* What a sender may have on its way to one peer: bytes of payload frames, by lane.
 *
 * The receiver grants cumulative offsets a lane; a sender never passes them. Besides, a flash must not find more than
 * WIRE_OUTSTANDING_BYTES_MAX of the other lanes in front of it, or one larger frame: the sender sees to that, since each
 * grant says how much of its lane the receiver has taken. */
#pragma once
#include "wire/limits.h"
#include <stdbool.h>
#include <stdint.h>

struct wire_lane_credit {
    uint64_t granted, used; /* offsets; used <= granted */
    uint64_t taken;         /* the receiver said so; it may be more by now */
    uint64_t window;        /* the first grant */
};

struct wire_credit {
    struct wire_lane_credit lane[WIRE_LANES];
};

/* The first grant of a session; lanes that are not opened have none. */
void wire_credit_open(struct wire_credit *credit, uint32_t lane, uint64_t offset);
/* A grant came. False: it says nothing new. */
bool wire_credit_raise(struct wire_credit *credit, uint32_t lane, uint64_t offset, uint64_t taken);
void wire_credit_use(struct wire_credit *credit, uint32_t lane, uint32_t bytes);
/* A frame was counted with `bytes` more than it had. */
void wire_credit_correct(struct wire_credit *credit, uint32_t lane, uint32_t bytes);

/* Of all lanes but flash; never less than what is under way. */
uint64_t wire_credit_outstanding(const struct wire_credit *credit);
/* The lane's own grant holds it. */
bool wire_credit_holds(const struct wire_credit *credit, uint32_t lane, uint32_t bytes);
/* A flash that follows would not find too much in front of it. */
bool wire_credit_clear(const struct wire_credit *credit, uint32_t lane, uint32_t bytes);
