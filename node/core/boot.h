#pragma once
#include "node/core/step.h"

void node_on_boot_row(struct node_step *s);
/* A new store is founded here: META and LINK rows with fresh store ids. */
void node_on_boot_done(struct node_step *s);
