/* A store in memory with rows as the node's core would put them. */
#pragma once
#include "keep/memory.h"
#include "node/store/store.h"
#include "wire/codec.h"
#include <criterion/criterion.h>

#define LINK      "delta"
#define MECHANISM "yangtze-delta"
#define REGION    310000
#define NOW       INT64_C(1581040800000) /* 2020-02-07 10:00 +08:00 */

struct shelf {
    struct store store;
    struct wire_arena arena;
    void *memory;
    uint64_t ticket;
};

void shelf_open(struct shelf *shelf);
void shelf_close(struct shelf *shelf);
void shelf_put(struct shelf *shelf, enum node_table table, struct node_key key, struct wire_bytes value);
void shelf_put_message(struct shelf *shelf, enum node_table table, struct node_key key,
                       const ProtobufCMessage *message);

/* 16 bytes that begin with the time of NOW and end with `n`; static memory of the arena. */
uint8_t *shelf_id(struct shelf *shelf, uint8_t n);
ProtobufCBinaryData shelf_bin(const void *data, size_t size);
/* A measure bulletin of `origin` that can be encoded. */
Wire__Header shelf_header(struct shelf *shelf, uint32_t origin, uint8_t id, uint32_t serial);
Wire__NodeState shelf_state(Wire__NodeOutboxState state);
/* OUTBOX, STATE and OUTBOX_NUMBER rows of an envelope of ours. */
/* The place of the envelope with that id, and the row that says so. */
uint64_t shelf_place(const uint8_t *id);
void shelf_put_place(struct shelf *shelf, const uint8_t *id);
void shelf_outbox(struct shelf *shelf, const Wire__Header *header, const Wire__NodeState *state);
/* INBOX and KNOWN rows of one received. */
void shelf_inbox(struct shelf *shelf, uint64_t order, const Wire__Header *header);
