/* A row of a durable store: table, key, value. What the cores append and fetch and what keep/ stores.
 *
 * Keys order as bytes, so numbers in them are big-endian (wire_put_u64). What the tables and rows mean is written in
 * one file a daemon: broker/core/record.h, node/core/record.h. */
#pragma once
#include "wire/bytes.h"

enum { WIRE_TABLES_MAX = 32, WIRE_KEY_BYTES_MAX = 128 };

struct wire_row {
    uint8_t table;         /* index below WIRE_TABLES_MAX */
    bool erase;            /* true: delete the key; value is ignored */
    struct wire_bytes key; /* 1 to WIRE_KEY_BYTES_MAX */
    struct wire_bytes value;
};
