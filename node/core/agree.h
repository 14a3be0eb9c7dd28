/* Our own copy of the rules against what a broker decided. Decided only where both surely had the same rules and the
 * same directory; elsewhere a difference is a doubt, to be noted. */
#pragma once
#include "node/core/table.h"

/* False: the rules surely do not give this envelope to this region. */
bool node_rules_give_us(struct node_step *s, const struct node_deliver *in, size_t index);
