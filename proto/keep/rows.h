/* What fetch jobs bring back: rows copied into chunks that do not move. Internal to keep. */
#pragma once
#include "keep/keep.h"

struct keep_chunk;

struct keep_rows {
    struct wire_row *rows;
    size_t count, capacity;
    size_t bytes;
    struct keep_chunk *chunks; /* the newest first */
    bool more;
};

struct keep_rows *keep_rows_new(void); /* NULL: no memory */
void keep_rows_free(struct keep_rows *rows);
