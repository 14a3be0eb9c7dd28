#include "broker/gate/turns.h"

#include "wire/ensure.h"

#include <stdlib.h>

void gate_turns_open(struct gate_turns *turns, uint32_t slots)
{
    *turns = (struct gate_turns){.slots = slots};
    turns->last = &turns->first;
    turns->of_slot = calloc(slots, sizeof(*turns->of_slot));
    turns->fences = calloc(slots, sizeof(*turns->fences));
    ENSURE(turns->of_slot != NULL && turns->fences != NULL);
}

void gate_turns_close(struct gate_turns *turns)
{
    ENSURE(turns->first == NULL);
    free(turns->of_slot);
    free(turns->fences);
    *turns = (struct gate_turns){0};
}

bool gate_turns_now(const struct gate_turns *turns, uint32_t slot, enum gate_turn turn)
{
    ENSURE(slot < turns->slots);
    if (turn == GATE_FLASH)
        return turns->fences[slot] == 0;
    return turn != GATE_LONG && turns->of_slot[slot] == 0;
}

/* What says how things stand with the peer itself: HELLO, PULSE, BYE. A flash that waits is one too: flash keeps its
 * order. */
static bool is_fence(enum gate_turn turn)
{
    return turn == GATE_OTHER || turn == GATE_FLASH;
}

void gate_turns_put(struct gate_turns *turns, struct gate_frame *frame)
{
    ENSURE(frame->slot < turns->slots && turns->of_slot[frame->slot] < UINT16_MAX);
    frame->next = NULL;
    *turns->last = frame;
    turns->last = &frame->next;
    turns->frames++;
    turns->bytes += frame->raw.size;
    turns->of_slot[frame->slot]++;
    turns->fences[frame->slot] += is_fence(frame->turn);
}

bool gate_turns_full(const struct gate_turns *turns)
{
    return turns->frames > GATE_WAITING_FRAMES_MAX || turns->bytes > GATE_WAITING_BYTES_MAX;
}

static struct gate_frame *take(struct gate_turns *turns, struct gate_frame **at)
{
    struct gate_frame *frame = *at;
    *at = frame->next;
    if (*at == NULL)
        turns->last = at;
    turns->frames--;
    turns->bytes -= frame->raw.size;
    turns->of_slot[frame->slot]--;
    turns->fences[frame->slot] -= is_fence(frame->turn);
    return frame;
}

struct gate_frame *gate_turns_take(struct gate_turns *turns)
{
    return turns->first == NULL ? NULL : take(turns, &turns->first);
}

struct gate_frame *gate_turns_take_of(struct gate_turns *turns, uint64_t peer, uint32_t slot)
{
    ENSURE(slot < turns->slots);
    if (turns->of_slot[slot] == 0)
        return NULL;
    for (struct gate_frame **at = &turns->first; *at != NULL; at = &(*at)->next)
        if ((*at)->peer == peer)
            return take(turns, at);
    return NULL;
}
