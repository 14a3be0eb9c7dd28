#pragma once
#include "node/core/step.h"

/* Every step begins with it. */
void node_clock(struct node_step *s);
/* Asks for the erasure of the days that have passed. */
void node_erase_timer(struct node_step *s);
void node_on_erased(struct node_step *s);
/* When a TIMER is wanted for anything but sessions, in monotonic time. */
int64_t node_clock_next_ms(const struct node_core *core, const struct node_event *event);
