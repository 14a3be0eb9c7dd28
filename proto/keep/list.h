/* Rows in key order: a skip list whose nodes hold the row's bytes, so that one piece of memory is the row, its place in
 * the order and what the writer reads. The overlay of uncommitted rows and the tables of the memory back end are such
 * lists. Rising keys are put at the end without a search, and near the last key put after a short one. Not for the
 * rooms above: internal to keep. */
#pragma once
#include "wire/bytes.h"
#include "wire/row.h"

enum { KEEP_LIST_HEIGHT = 12 }; /* 4^12 rows before it slows down */

struct keep_node {
    uint32_t value_size;
    uint16_t key_size;
    uint8_t table;
    uint8_t height;
    bool erase;               /* up to here written once, before others see it */
    bool linked;              /* owner thread only, as are the pointers */
    bool leaving;             /* the next sweep unlinks it; owner thread only */
    struct keep_node *next[]; /* `height` pointers, then the key's bytes, then the value's */
};

struct keep_list {
    struct keep_node *head[KEEP_LIST_HEIGHT]; /* first node of each level */
    struct keep_node *tail[KEEP_LIST_HEIGHT]; /* last node of each level; NULL: the level is empty */
    struct keep_node
        *finger[KEEP_LIST_HEIGHT]; /* the last node of each level up to the node put last; NULL: the head */
    size_t count;
};

static inline struct wire_bytes keep_node_key(const struct keep_node *node)
{
    return wire_bytes((const uint8_t *)(node->next + node->height), node->key_size);
}

static inline struct wire_bytes keep_node_value(const struct keep_node *node)
{
    return wire_bytes((const uint8_t *)(node->next + node->height) + node->key_size, node->value_size);
}

/* A height from a running state (never 0), the same in every run. */
uint8_t keep_list_height(uint64_t *state);
/* Bytes of a node, a multiple of 8. */
size_t keep_node_size(const struct wire_row *row, uint8_t height);
/* Writes a node of that size at `memory` (aligned to 8); not linked yet. */
struct keep_node *keep_node_write(void *memory, const struct wire_row *row, uint8_t height);

/* Links `node`; a node of the same key is unlinked and returned (NULL: there was none). */
struct keep_node *keep_list_put(struct keep_list *list, struct keep_node *node);
/* Unlinks a node that is linked here. */
void keep_list_remove(struct keep_list *list, struct keep_node *node);
/* Unlinks all that are marked as leaving, in one walk. */
void keep_list_sweep(struct keep_list *list);
/* First node with key ≥ `key`; NULL if there is none. */
struct keep_node *keep_list_seek(const struct keep_list *list, struct wire_bytes key);
/* Last node with key < `bound`; an empty bound: the last node. */
struct keep_node *keep_list_before(const struct keep_list *list, struct wire_bytes bound);

/* memcmp order, the shorter first: LMDB's. */
int keep_compare(struct wire_bytes a, struct wire_bytes b);
