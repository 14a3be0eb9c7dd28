/* What the recipients hold: every message noted once, by whom it was meant for. A second copy, a message that was meant
 * for another or was never published makes the round void at once; one that is missing, at the end.
 *
 * Thread-safe: recipients note beside one another. */
#pragma once
#include "common/plan.h"

struct tally;

struct tally *tally_new(const struct plan *plan);
void tally_free(struct tally **tally);
/* `recipient` holds message `serial` of `publisher`. */
void tally_take(struct tally *tally, uint32_t recipient, uint32_t publisher, uint64_t serial);
uint64_t tally_count(const struct tally *tally); /* deliveries noted so far */
/* published[i]: how many messages publisher i published, serials 0 and up. Ends the process unless each recipient holds
 * exactly what was meant for it. */
void tally_check(const struct tally *tally, const uint64_t *published);
