#include "keep/pending.h"
#include "wire/ensure.h"
#include <stdlib.h>

struct keep_block {
    size_t size, used;
    size_t live; /* appends in it that are not retired */
    max_align_t data[];
};

void keep_pending_init(struct keep_pending *pending)
{
    *pending = (struct keep_pending){.heights = 0x9E3779B97F4A7C15ULL};
}

size_t keep_row_cost(const struct wire_row *row)
{
    enum { PAGE = 4096, OVERFLOW_ABOVE = 2000, HEADS = 16 };
    size_t key = row->key.size + HEADS;
    if (row->erase)
        return 0;
    if (row->value.size > OVERFLOW_ABOVE)
        return 2 * key + (row->value.size + HEADS + PAGE - 1) / PAGE * PAGE;
    return 2 * (key + row->value.size); /* pages that keys fall into at random are two thirds full */
}

struct keep_node *keep_appended_first(struct keep_appended *appended)
{
    return (struct keep_node *)(appended + 1);
}

struct keep_node *keep_appended_after(struct keep_node *node)
{
    size_t size = sizeof *node + node->height * sizeof(struct keep_node *) + node->key_size + node->value_size;
    return (struct keep_node *)((uint8_t *)node + ((size + 7) & ~(size_t)7));
}

static void block_release(struct keep_pending *pending, struct keep_block *block)
{
    if (!pending->spare && block->size == KEEP_BLOCK_BYTES) {
        block->used = 0;
        pending->spare = block;
        return;
    }
    free(block);
}

static struct keep_block *block_new(struct keep_pending *pending, size_t size)
{
    struct keep_block *block = pending->spare;
    if (block && size <= KEEP_BLOCK_BYTES) {
        pending->spare = NULL;
        return block;
    }
    size = size > KEEP_BLOCK_BYTES ? size : KEEP_BLOCK_BYTES;
    block = malloc(sizeof *block + size);
    if (block)
        *block = (struct keep_block){.size = size};
    return block;
}

/* Memory for one append, in the current block or a new one. */
static void *block_take(struct keep_pending *pending, size_t size)
{
    struct keep_block *block = pending->current;
    if (!block || block->size - block->used < size) {
        struct keep_block *fresh = block_new(pending, size);
        if (!fresh)
            return NULL;
        if (block && block->live == 0)
            block_release(pending, block);
        pending->current = block = fresh;
    }
    void *at = (uint8_t *)block->data + block->used;
    block->used += size;
    block->live++;
    return at;
}

struct keep_appended *keep_pending_take(struct keep_pending *pending, const struct wire_row *rows, size_t count,
                                        uint64_t ticket)
{
    uint64_t heights = pending->heights;
    size_t size = sizeof(struct keep_appended);
    for (size_t i = 0; i < count; i++)
        size += keep_node_size(&rows[i], keep_list_height(&heights));
    struct keep_appended *appended = block_take(pending, size);
    if (!appended)
        return NULL;
    *appended = (struct keep_appended){.block = pending->current, .ticket = ticket, .row_count = count};

    struct keep_node *node = keep_appended_first(appended);
    for (size_t i = 0; i < count; i++) {
        keep_node_write(node, &rows[i], keep_list_height(&pending->heights)); /* the same heights again */
        keep_list_put(&pending->overlay[node->table], node);
        appended->bytes += (size_t)node->key_size + node->value_size;
        appended->cost += keep_row_cost(&rows[i]);
        node = keep_appended_after(node);
    }
    if (pending->newest)
        pending->newest->next = appended;
    else
        pending->oldest = appended;
    pending->newest = appended;
    pending->bytes += appended->bytes;
    pending->cost += appended->cost;
    pending->ticket = ticket;
    return appended;
}

/* Marks what leaves the overlay, and says of how many rows of each table. */
static void mark(struct keep_appended *appended, size_t leaving[WIRE_TABLES_MAX])
{
    struct keep_node *node = keep_appended_first(appended);
    for (size_t i = 0; i < appended->row_count; i++, node = keep_appended_after(node)) {
        node->leaving = node->linked;
        leaving[node->table] += node->linked;
    }
}

/* Rows that are few among many are looked for one by one; elsewhere one walk takes them all. */
static void unlink_rows(struct keep_pending *pending, struct keep_appended *appended,
                        const size_t leaving[WIRE_TABLES_MAX])
{
    enum { WALK_FROM = 16 }; /* a search costs about as much as so many steps */
    struct keep_node *node = keep_appended_first(appended);
    for (size_t i = 0; i < appended->row_count; i++, node = keep_appended_after(node)) {
        struct keep_list *list = &pending->overlay[node->table];
        if (!node->leaving)
            continue;
        if (leaving[node->table] * WALK_FROM >= list->count)
            keep_list_sweep(list);
        else
            keep_list_remove(list, node);
    }
}

static void release(struct keep_pending *pending, struct keep_appended *appended)
{
    pending->bytes -= appended->bytes;
    pending->cost -= appended->cost;
    struct keep_block *block = appended->block;
    ENSURE(block->live > 0);
    if (--block->live > 0)
        return;
    if (block == pending->current)
        block->used = 0;
    else
        block_release(pending, block);
}

void keep_pending_retire(struct keep_pending *pending, uint64_t committed)
{
    size_t leaving[WIRE_TABLES_MAX] = {0};
    for (struct keep_appended *at = pending->oldest; at && at->ticket <= committed; at = at->next)
        mark(at, leaving);
    for (struct keep_appended *at = pending->oldest; at && at->ticket <= committed; at = at->next)
        unlink_rows(pending, at, leaving);
    while (pending->oldest && pending->oldest->ticket <= committed) {
        struct keep_appended *appended = pending->oldest;
        pending->oldest = appended->next;
        if (!pending->oldest)
            pending->newest = NULL;
        release(pending, appended);
    }
}

void keep_pending_close(struct keep_pending *pending)
{
    keep_pending_retire(pending, UINT64_MAX);
    free(pending->current);
    free(pending->spare);
    keep_pending_init(pending);
}

void keep_queue_push(struct keep_queue *queue, struct keep_appended *appended)
{
    appended->queue_next = NULL;
    if (queue->last)
        queue->last->queue_next = appended;
    else
        queue->first = appended;
    queue->last = appended;
}

struct keep_appended *keep_queue_cut(struct keep_queue *queue, size_t bytes_max, size_t rows_max)
{
    struct keep_appended *first = queue->first;
    struct keep_appended *last = NULL;
    size_t bytes = 0, rows = 0;
    for (struct keep_appended *at = first; at; at = at->queue_next) {
        bytes += at->bytes;
        rows += at->row_count;
        if (last && (bytes > bytes_max || rows > rows_max))
            break;
        last = at;
    }
    if (!last)
        return NULL;
    queue->first = last->queue_next;
    if (!queue->first)
        queue->last = NULL;
    last->queue_next = NULL;
    return first;
}
