/* A tiny ordered store in memory: (table, key) → value. */
#pragma once
#include "wire/row.h"
#include <stdlib.h>

struct rows_entry {
    uint8_t table;
    struct wire_bytes key, value; /* owned */
};

struct rows {
    struct rows_entry *entry, *aside; /* aside: of the same size, for moving */
    size_t count, capacity;
};

void rows_put(struct rows *rows, const struct wire_row *row); /* copies; erases when row->erase */
struct wire_bytes rows_get(const struct rows *rows, uint8_t table, struct wire_bytes key); /* borrowed; .data NULL */
/* Index of the first entry with (table, key) or later. */
size_t rows_seek(const struct rows *rows, uint8_t table, struct wire_bytes key);
size_t rows_count(const struct rows *rows, uint8_t table);
void rows_copy(struct rows *to, const struct rows *from); /* `to` is cleared first */
void rows_clear(struct rows *rows);
/* Appends kept until they are committed. */
struct wire_row *rows_clone(const struct wire_row *from, size_t count);
void rows_free_clone(struct wire_row *rows, size_t count);
