/* Batches for tests: valid ones, made of an arena, that a test then damages. Their signature is not one. */
#pragma once
#include "support/sha256.h"
#include "wire/batch.h"
#include "wire/codec.h"

struct make_plan {
    uint32_t count;
    uint32_t boxes;
    size_t payload_size;
};

enum { MAKE_MEMORY = 16 * 1024 * 1024 };

/* Memory until the test ends: Criterion runs each in a process of its own. */
void *make_memory(size_t size);
/* An arena of MAKE_MEMORY bytes. */
struct wire_arena *make_arena(void);
/* A header that passes wire_header_check: of 310000's stream, seq and serial = index + 1, empty digest. */
Wire__Header *make_header(struct wire_arena *arena, uint32_t index);
Wire__Batch *make_batch(struct wire_arena *arena, struct make_plan plan);
/* After a test changed a header: encodes it into envelope `index`. */
void make_put_header(struct wire_arena *arena, Wire__Batch *batch, uint32_t index, const Wire__Header *header);
/* Makes the root right again. */
void make_seal(struct wire_arena *arena, Wire__Batch *batch);
ProtobufCBinaryData make_bytes(struct wire_arena *arena, uint8_t fill, size_t size);

/* SplitMix64: the same numbers in every run. */
uint64_t make_random(uint64_t *state);
