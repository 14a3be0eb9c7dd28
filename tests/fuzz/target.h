/* What every fuzz target shares: its entry, memory that is taken once and used by every run, a fast hash. Oracles are
 * ENSUREs. */
#pragma once
#include "input.h"
#include "support/fast_hash.h"
#include "wire/arena.h"
#include "wire/ensure.h"
#include "wire/hash.h"
#include <protobuf-c/protobuf-c.h>
#include <stdlib.h>

/* Called by libFuzzer, or by replay.c for every file of a corpus. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An arena of exactly `size` bytes over memory of this slot that is kept between runs; with AddressSanitizer whatever
 * reaches beyond it is reported. One user a slot at a time. */
enum { FUZZ_ARENAS = 4 };
void fuzz_arena(unsigned slot, size_t size, struct wire_arena *arena);

/* Memory that is all zeros, kept between runs: what a run has touched beyond `front` is given back to the system
 * instead of being written over, which for large memory of which little is used is far cheaper. */
void *fuzz_zeroed(unsigned slot, size_t size, size_t front);

/* Not SHA-256, but of its shape: so that runs are fast and equal hashes mean equal bytes. */
static inline const struct wire_hash *fuzz_hash(void)
{
    return test_fast_hash();
}

/* Steps of a core, so that the end of a run can say how many there were. */
void fuzz_count(uint64_t steps);

/* Decodes what it encodes to the same bytes again; the bytes, in the arena. */
struct wire_bytes fuzz_same_again(const ProtobufCMessage *message, struct wire_arena *arena);
