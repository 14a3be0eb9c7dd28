/* Whose turn it is of what came in. What takes long (batches, arrivals) waits in the order in which it came, while the
 * sockets are read on; a flash is found there and goes first, so that it waits for one such piece at the most.
 *
 * Frames of one peer keep their order, but that its flash passes its other batches, its arrivals and its credit. */
#pragma once
#include "schema/frame.pb-c.h"
#include "wire/bytes.h"

enum gate_turn {
    GATE_FLASH,  /* a batch in flash */
    GATE_LONG,   /* any other batch, arrivals: what there is much of and what takes long */
    GATE_CREDIT, /* a CREDIT */
    GATE_OTHER,  /* all else, and what is no frame */
};

/* A glance at bytes that nobody has checked yet. What lies there wrongly is refused when it is decoded; until then it
 * only waits in the wrong place. */
enum gate_turn gate_glance(struct wire_bytes raw);

/* First in a struct of the owner's. */
struct gate_frame {
    struct gate_frame *next;
    struct wire_bytes raw;
    uint64_t peer;
    uint32_t slot;
    enum gate_turn turn;
};

/* Zeroed, then gate_turns_open. */
struct gate_turns {
    struct gate_frame *first, **last; /* last: where the next is put */
    size_t frames, bytes;
    uint16_t *of_slot; /* frames that wait, of whoever has the slot */
    uint16_t *fences;  /* those of them that no other passes */
    uint32_t slots;
};

enum { GATE_WAITING_FRAMES_MAX = 8192, GATE_WAITING_BYTES_MAX = 16 * 1024 * 1024 /* credit keeps it far below */ };

/* Peers that are there at one time are told apart by a slot below `slots`. */
void gate_turns_open(struct gate_turns *turns, uint32_t slots);
/* What still waits is the owner's to take out before. */
void gate_turns_close(struct gate_turns *turns);

/* true: it need not wait. Else the owner puts it. */
bool gate_turns_now(const struct gate_turns *turns, uint32_t slot, enum gate_turn turn);
void gate_turns_put(struct gate_turns *turns, struct gate_frame *frame);
/* More waits than may. */
bool gate_turns_full(const struct gate_turns *turns);
/* The next, and the next of this peer, now the owner's; NULL: none. */
struct gate_frame *gate_turns_take(struct gate_turns *turns);
struct gate_frame *gate_turns_take_of(struct gate_turns *turns, uint64_t peer, uint32_t slot);
