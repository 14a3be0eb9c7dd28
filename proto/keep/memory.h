/* The in-memory back end, with what tests and the simulator need to be cruel. Single-threaded and deterministic:
 * nothing is committed but inside keep_memory_commit, keep_sync, or, with `commit_at_once`, inside keep_append. A fetch
 * runs inside keep_fetch and is taken by keep_fetched. */
#pragma once
#include "keep/keep.h"

struct keep_image; /* a copy of the committed rows: a backup, a clone */

/* `map_bytes_max` bounds keys and values. commit_at_once: every append is durable when it returns (and wakes). */
enum wire_status keep_open_memory(const struct keep_options *options, bool commit_at_once, struct keep **out,
                                  struct wire_problem *problem);
/* One group commit of what is queued, then wake. false: nothing was queued, held or failed. */
bool keep_memory_commit(struct keep *keep);
/* While held nothing is committed, also not at once. */
void keep_memory_hold(struct keep *keep, bool held);
/* The n-th commit from now fails (1: the next) as a failed sync does: nothing of it is kept, keep_failed is IO. 0:
 * none. */
void keep_memory_fail_at(struct keep *keep, uint64_t n);
/* Disk full from now on, or no longer. */
void keep_memory_disk_full(struct keep *keep, bool full);
/* As if the process had been killed and the store opened again: what was not committed is gone, with fetches and
 * failure; tickets start from 1. */
void keep_memory_crash(struct keep *keep);
struct keep_image *keep_memory_image(struct keep *keep);
/* Replaces all rows, and crashes. The image stays the caller's. */
void keep_memory_restore(struct keep *keep, const struct keep_image *image);
void keep_memory_image_free(struct keep_image **image);
