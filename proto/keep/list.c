#include "keep/list.h"
#include "wire/ensure.h"

int keep_compare(struct wire_bytes a, struct wire_bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

uint8_t keep_list_height(uint64_t *state)
{
    /* xorshift64*: two bits a level, so each level holds a quarter of the one below */
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    uint64_t bits = (*state * 0x2545F4914F6CDD1DULL) >> 32;
    uint8_t height = 1;
    while (height < KEEP_LIST_HEIGHT && (bits & 3) == 0) {
        height++;
        bits >>= 2;
    }
    return height;
}

size_t keep_node_size(const struct wire_row *row, uint8_t height)
{
    size_t size = sizeof(struct keep_node) + height * sizeof(struct keep_node *) + row->key.size;
    if (!row->erase)
        size += row->value.size;
    return (size + 7) & ~(size_t)7;
}

struct keep_node *keep_node_write(void *memory, const struct wire_row *row, uint8_t height)
{
    struct keep_node *node = memory;
    *node = (struct keep_node){
        .value_size = row->erase ? 0 : (uint32_t)row->value.size,
        .key_size = (uint16_t)row->key.size,
        .table = row->table,
        .height = height,
        .erase = row->erase,
    };
    uint8_t *bytes = (uint8_t *)(node->next + height);
    memcpy(bytes, row->key.data, row->key.size);
    if (node->value_size)
        memcpy(bytes + row->key.size, row->value.data, node->value_size);
    return node;
}

/* The last node of each level whose key is less than `key`; NULL: the head. Returns the node after it on level 0. */
static struct keep_node *search(const struct keep_list *list, struct wire_bytes key,
                                struct keep_node *previous[KEEP_LIST_HEIGHT])
{
    struct keep_node *before = NULL;
    struct keep_node *at = NULL;
    for (int level = KEEP_LIST_HEIGHT - 1; level >= 0; level--) {
        at = before ? before->next[level] : list->head[level];
        while (at && keep_compare(keep_node_key(at), key) < 0) {
            before = at;
            at = at->next[level];
        }
        previous[level] = before;
    }
    return at;
}

static struct keep_node *after(const struct keep_list *list, const struct keep_node *node, int level)
{
    return node ? node->next[level] : list->head[level];
}

static bool goes_on(const struct keep_node *node, struct wire_bytes key)
{
    return node && keep_compare(keep_node_key(node), key) < 0;
}

/* The same, from where the last node was put, first up and then down: rows of one append are neighbours more often than
 * not. */
static struct keep_node *search_near(const struct keep_list *list, struct wire_bytes key,
                                     struct keep_node *previous[KEEP_LIST_HEIGHT])
{
    struct keep_node *const *finger = list->finger;
    if (finger[0] == NULL || !goes_on(finger[0], key))
        return search(list, key, previous);
    int top = 0;
    while (top + 1 < KEEP_LIST_HEIGHT && goes_on(after(list, finger[top], top), key))
        top++;
    for (int level = top + 1; level < KEEP_LIST_HEIGHT; level++)
        previous[level] = finger[level];
    struct keep_node *before = finger[top], *at = NULL;
    for (int level = top; level >= 0; level--) {
        if (before == finger[top])
            before = finger[level]; /* nothing passed yet */
        for (at = after(list, before, level); goes_on(at, key); at = at->next[level])
            before = at;
        previous[level] = before;
    }
    return at;
}

static void forget_finger(struct keep_list *list)
{
    for (int level = 0; level < KEEP_LIST_HEIGHT; level++)
        list->finger[level] = NULL;
}

static void unlink_after(struct keep_list *list, struct keep_node *node,
                         struct keep_node *const previous[KEEP_LIST_HEIGHT])
{
    for (int level = 0; level < node->height; level++) {
        struct keep_node **from = previous[level] ? &previous[level]->next[level] : &list->head[level];
        ENSURE(*from == node);
        *from = node->next[level];
        if (list->tail[level] == node)
            list->tail[level] = previous[level];
    }
    node->linked = false;
    list->count--;
    forget_finger(list);
}

static void link_after(struct keep_list *list, struct keep_node *node,
                       struct keep_node *const previous[KEEP_LIST_HEIGHT])
{
    for (int level = 0; level < node->height; level++) {
        struct keep_node **from = previous[level] ? &previous[level]->next[level] : &list->head[level];
        node->next[level] = *from;
        *from = node;
        if (!node->next[level])
            list->tail[level] = node;
    }
    for (int level = 0; level < KEEP_LIST_HEIGHT; level++)
        list->finger[level] = level < node->height ? node : previous[level];
    node->linked = true;
    list->count++;
}

struct keep_node *keep_list_put(struct keep_list *list, struct keep_node *node)
{
    struct keep_node *last = list->tail[0];
    if (!last || keep_compare(keep_node_key(last), keep_node_key(node)) < 0) {
        link_after(list, node, list->tail);
        return NULL;
    }
    struct keep_node *previous[KEEP_LIST_HEIGHT];
    struct keep_node *same = search_near(list, keep_node_key(node), previous);
    if (same && keep_compare(keep_node_key(same), keep_node_key(node)) != 0)
        same = NULL;
    if (same)
        unlink_after(list, same, previous);
    link_after(list, node, previous);
    return same;
}

void keep_list_remove(struct keep_list *list, struct keep_node *node)
{
    struct keep_node *previous[KEEP_LIST_HEIGHT];
    ENSURE(node->linked && search(list, keep_node_key(node), previous) == node);
    unlink_after(list, node, previous);
}

void keep_list_sweep(struct keep_list *list)
{
    struct keep_node *previous[KEEP_LIST_HEIGHT] = {NULL};
    struct keep_node *node = list->head[0];
    while (node != NULL) {
        struct keep_node *after = node->next[0];
        if (node->leaving) {
            node->linked = node->leaving = false;
            list->count--;
        } else {
            for (int level = 0; level < node->height; level++) {
                *(previous[level] ? &previous[level]->next[level] : &list->head[level]) = node;
                previous[level] = node;
            }
        }
        node = after;
    }
    for (int level = 0; level < KEEP_LIST_HEIGHT; level++) {
        *(previous[level] ? &previous[level]->next[level] : &list->head[level]) = NULL;
        list->tail[level] = previous[level];
    }
    forget_finger(list);
}

struct keep_node *keep_list_seek(const struct keep_list *list, struct wire_bytes key)
{
    struct keep_node *previous[KEEP_LIST_HEIGHT];
    return search(list, key, previous);
}

struct keep_node *keep_list_before(const struct keep_list *list, struct wire_bytes bound)
{
    if (bound.size == 0)
        return list->tail[0];
    struct keep_node *previous[KEEP_LIST_HEIGHT];
    search(list, bound, previous);
    return previous[0];
}
