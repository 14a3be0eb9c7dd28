/* Committed rows and the overlay, read as one ordered table. Of one key the overlay's row counts; its erasures hide. */
#include "keep/reader.h"
#include "wire/ensure.h"

static bool has_prefix(struct wire_bytes key, struct wire_bytes prefix)
{
    return key.size >= prefix.size && (prefix.size == 0 || memcmp(key.data, prefix.data, prefix.size) == 0);
}

struct merge {
    struct keep_reader *reader;
    struct keep_place base;
    struct keep_node *over; /* NULL: past the end */
};

static bool base_is_first(const struct merge *merge)
{
    if (!merge->base.key.data)
        return false;
    return !merge->over || keep_compare(merge->base.key, keep_node_key(merge->over)) < 0;
}

/* Moves on until the merge stands on a row; *key empty: the end. The row stays current until merge_pass. */
static enum wire_status merge_row(struct merge *merge, struct wire_bytes *key, struct wire_bytes *value)
{
    for (;;) {
        if (base_is_first(merge)) {
            *key = merge->base.key;
            *value = merge->base.value;
            return WIRE_OK;
        }
        if (!merge->over) {
            *key = *value = wire_bytes(NULL, 0);
            return WIRE_OK;
        }
        *key = keep_node_key(merge->over);
        if (merge->base.key.data && keep_compare(merge->base.key, *key) == 0) {
            enum wire_status status = merge->reader->ops->next(merge->reader, &merge->base);
            if (status != WIRE_OK)
                return status;
        }
        *value = keep_node_value(merge->over);
        if (!merge->over->erase)
            return WIRE_OK;
        merge->over = merge->over->next[0];
    }
}

static enum wire_status merge_pass(struct merge *merge)
{
    if (base_is_first(merge))
        return merge->reader->ops->next(merge->reader, &merge->base);
    merge->over = merge->over->next[0];
    return WIRE_OK;
}

static bool in_range(const struct keep_range *range, struct wire_bytes key)
{
    return key.size > 0 && has_prefix(key, range->prefix) && (range->to.size == 0 || keep_compare(key, range->to) < 0);
}

static enum wire_status scan(struct merge *merge, const struct keep_range *range, keep_visit *visit, void *context,
                             bool *more)
{
    size_t rows = 0, bytes = 0;
    for (;;) {
        struct wire_bytes key, value;
        enum wire_status status = merge_row(merge, &key, &value);
        if (status != WIRE_OK || !in_range(range, key))
            return status;
        size_t size = key.size + value.size;
        bool full = (range->rows_max && rows == range->rows_max) ||
                    (range->bytes_max && rows > 0 && bytes + size > range->bytes_max);
        if (full) {
            if (more)
                *more = true;
            return WIRE_OK;
        }
        rows++;
        bytes += size;
        if (!visit(context, key, value))
            return WIRE_OK;
        status = merge_pass(merge);
        if (status != WIRE_OK)
            return status;
    }
}

enum wire_status keep_merge_scan(struct keep_reader *reader, const struct keep_list *overlay,
                                 const struct keep_range *range, keep_visit *visit, void *context, bool *more)
{
    ENSURE(range->table < reader->table_count);
    if (more)
        *more = false;
    struct wire_bytes start = keep_compare(range->from, range->prefix) > 0 ? range->from : range->prefix;
    struct merge merge = {.reader = reader, .over = overlay ? keep_list_seek(overlay, start) : NULL};
    enum wire_status status = reader->ops->seek(reader, range->table, start, &merge.base);
    if (status == WIRE_OK)
        status = scan(&merge, range, visit, context, more);
    reader->ops->close(reader, &merge.base);
    return status;
}

/* The least key above all that begin with prefix, into `out`; empty: there is none. */
static struct wire_bytes prefix_end(struct wire_bytes prefix, uint8_t out[WIRE_KEY_BYTES_MAX])
{
    ENSURE(prefix.size <= WIRE_KEY_BYTES_MAX);
    size_t size = prefix.size;
    while (size > 0 && prefix.data[size - 1] == 0xFF)
        size--;
    if (size == 0)
        return wire_bytes(NULL, 0);
    memcpy(out, prefix.data, size);
    out[size - 1]++;
    return wire_bytes(out, size);
}

enum wire_status keep_merge_last(struct keep_reader *reader, const struct keep_list *overlay, uint8_t table,
                                 struct wire_bytes prefix, struct wire_bytes *key, struct wire_bytes *value,
                                 struct keep_place *place)
{
    ENSURE(table < reader->table_count);
    uint8_t space[WIRE_KEY_BYTES_MAX];
    struct wire_bytes bound = prefix_end(prefix, space);
    struct keep_node *over = overlay ? keep_list_before(overlay, bound) : NULL;
    enum wire_status status = reader->ops->before(reader, table, bound, place);
    while (status == WIRE_OK) {
        int order = !over ? -1 : !place->key.data ? 1 : keep_compare(keep_node_key(over), place->key);
        bool erased = order >= 0 && over->erase;
        if (!erased) {
            *key = order >= 0 ? keep_node_key(over) : place->key;
            *value = order >= 0 ? keep_node_value(over) : place->value;
            return key->data && has_prefix(*key, prefix) ? WIRE_OK : WIRE_NOT_FOUND;
        }
        bound = keep_node_key(over);
        if (order == 0)
            status = reader->ops->before(reader, table, bound, place);
        over = keep_list_before(overlay, bound);
    }
    return status;
}
