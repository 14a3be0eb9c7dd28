/* What was appended and is not known to be durable: copies of the rows in blocks, first in first out, and an overlay by
 * key for reading one's own writes. Owner thread only, but for what the comments give to the writer. Internal to keep.
 */
#pragma once
#include "keep/list.h"
#include "wire/status.h"

enum { KEEP_BLOCK_BYTES = 512 * 1024 };

struct keep_block;

/* One append: its rows lie behind it in one block. The writer may read it, its rows' bytes and sizes, and owns
 * `queue_next`, from the push until it reports the ticket as committed. */
struct keep_appended {
    struct keep_appended *next;       /* the owner's: the next younger */
    struct keep_appended *queue_next; /* the writer's, under its lock */
    struct keep_block *block;
    uint64_t ticket;
    size_t row_count;
    size_t bytes; /* keys and values */
    size_t cost;  /* what it may make the store grow by */
};

/* For walking the rows of an append. */
struct keep_node *keep_appended_first(struct keep_appended *appended);
struct keep_node *keep_appended_after(struct keep_node *node);

struct keep_pending {
    struct keep_list overlay[WIRE_TABLES_MAX];
    struct keep_appended *oldest, *newest;
    struct keep_block *current; /* being filled */
    struct keep_block *spare;
    uint64_t heights;
    size_t bytes, cost;
    uint64_t ticket; /* newest ever taken */
};

void keep_pending_init(struct keep_pending *pending);
/* Copies the rows, already checked. NULL: no memory. */
struct keep_appended *keep_pending_take(struct keep_pending *pending, const struct wire_row *rows, size_t count,
                                        uint64_t ticket);
/* Forgets what is durable now. */
void keep_pending_retire(struct keep_pending *pending, uint64_t committed);
/* Forgets everything and frees. */
void keep_pending_close(struct keep_pending *pending);
/* What a row may make the store grow by: half-filled pages, overflow pages for large values. */
size_t keep_row_cost(const struct wire_row *row);

/* The way from owner to writer. */
struct keep_queue {
    struct keep_appended *first, *last;
};
void keep_queue_push(struct keep_queue *queue, struct keep_appended *appended);
/* Takes the oldest: at most bytes_max and rows_max, but at least one. A list by queue_next; NULL if empty. */
struct keep_appended *keep_queue_cut(struct keep_queue *queue, size_t bytes_max, size_t rows_max);
