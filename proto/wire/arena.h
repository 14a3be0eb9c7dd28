/* A bump allocator with a byte budget: what decoding one frame may take. Released whole.
 *
 * protobuf-c's defaults trust their input: 1 MiB on the wire can allocate 88 MiB. Every decode in this project runs in an
 * arena of 8 × wire + 64 KiB (wire/limits.h). Memory comes from the caller (wire_arena_over) or is taken with malloc in
 * wire_arena_init and returned in wire_arena_close; the pure cores use the first form only. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_arena {
    uint8_t *base;
    size_t size;
    size_t used;
    bool exhausted; /* an allocation was refused since the last reset */
    ProtobufCAllocator allocator; /* hand &arena->allocator to protobuf-c; frees are no-ops */
};

/* Over the caller's memory; nothing to close. The arena must not move afterwards (the allocator points to it). */
void wire_arena_over(struct wire_arena *arena, void *memory, size_t size);
/* 16-byte aligned, zeroed; NULL and `exhausted` when the budget is used up. */
void *wire_arena_take(struct wire_arena *arena, size_t size);
void *wire_arena_copy(struct wire_arena *arena, const void *data, size_t size);
/* NUL-terminated copy. */
char *wire_arena_text(struct wire_arena *arena, const char *data, size_t size);
void wire_arena_reset(struct wire_arena *arena);
/* The budget for decoding `wire_size` bytes. */
size_t wire_arena_budget(size_t wire_size);
