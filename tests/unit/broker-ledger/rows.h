/* A ledger in memory, filled row by row as the core writes it. */
#pragma once
#include "broker/ledger/ledger.h"
#include "keep/memory.h"
#include "wire/codec.h"
#include <criterion/criterion.h>

enum { ROWS_MEMORY = 48 * 1024 * 1024, LOOK_MEMORY = 16 * 1024 * 1024 /* what ledger.h promises to be enough */ };

struct rows {
    struct ledger ledger;
    uint64_t ticket;
    struct wire_arena arena; /* of the rows */
    struct wire_arena look;  /* of the look-ups */
    void *memory, *look_memory;
};

void rows_open(struct rows *rows);
void rows_close(struct rows *rows);
void rows_put(struct rows *rows, uint8_t table, struct broker_key key, struct wire_bytes value);
void rows_put_message(struct rows *rows, uint8_t table, struct broker_key key, const ProtobufCMessage *message);

void rows_id(uint8_t out[WIRE_ID_BYTES], uint32_t number);
struct broker_stream rows_stream(uint32_t origin, const char *mechanism, const uint8_t *store_id);
/* A judged batch of 310000 with `count` admitted envelopes whose ids are rows_id(id_from + i): ENVELOPE, BATCH, STREAM,
 * STREAM_BATCH, RECEIPT rows. Each was given to `to` (regions), cc 330300; statement "S". */
struct rows_batch {
    const uint8_t *store_id;
    uint64_t serial, first;
    uint32_t count, id_from;
    const uint32_t *to;
    size_t to_count;
    size_t dispositions; /* 0: one */
    bool none_given;     /* facts of duplicates: they name no disposition */
};
void rows_batch(struct rows *rows, const struct rows_batch *plan);
void rows_queue(struct rows *rows, uint32_t recipient, uint64_t number, uint64_t serial, uint8_t chain);
/* An obligation of `recipient` about envelope `index` of batch `serial` of 310000. */
void rows_duty(struct rows *rows, uint64_t serial, uint16_t index, uint32_t recipient, uint8_t duty, int64_t next_ms);
