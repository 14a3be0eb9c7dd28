/* A snapshot of committed rows, as the two back ends give it, and the merge of it with an overlay. Internal to keep. */
#pragma once
#include "keep/keep.h"
#include "keep/list.h"

/* A place in one table; key.data NULL: past the end. `at` and `table` are the back end's. Close it. */
struct keep_place {
    struct wire_bytes key, value;
    void *at;
    uint8_t table;
};

struct keep_reader_ops {
    enum wire_status (*get)(struct keep_reader *reader, uint8_t table, struct wire_bytes key, struct wire_bytes *value);
    /* To the first row with key ≥ `key` (empty: the first). OK also when there is none. */
    enum wire_status (*seek)(struct keep_reader *reader, uint8_t table, struct wire_bytes key,
                             struct keep_place *place);
    enum wire_status (*next)(struct keep_reader *reader, struct keep_place *place);
    /* To the last row with key < `bound` (empty: the last). */
    enum wire_status (*before)(struct keep_reader *reader, uint8_t table, struct wire_bytes bound,
                               struct keep_place *place);
    void (*close)(struct keep_reader *reader, struct keep_place *place);
};

struct keep_reader {
    const struct keep_reader_ops *ops;
    size_t table_count;
};

/* As keep_scan and keep_last. `overlay` may be NULL. */
enum wire_status keep_merge_scan(struct keep_reader *reader, const struct keep_list *overlay,
                                 const struct keep_range *range, keep_visit *visit, void *context, bool *more);
enum wire_status keep_merge_last(struct keep_reader *reader, const struct keep_list *overlay, uint8_t table,
                                 struct wire_bytes prefix, struct wire_bytes *key, struct wire_bytes *value,
                                 struct keep_place *place);
