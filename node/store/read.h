/* Inside the store room: one row as the message that its table holds. */
#pragma once
#include "node/store/store.h"
#include "wire/codec.h"

/* *out NULL: no such row. */
enum wire_status store_read(struct store *store, enum node_table table, struct node_key key, struct wire_arena *arena,
                            ProtobufCMessage **out);
