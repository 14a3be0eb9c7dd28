/* A bump allocator with a byte budget: what decoding one frame may take. Released whole.
 *
 * protobuf-c's defaults trust their input: 1 MiB on the wire can allocate 88 MiB. Every decode in this project runs in
 * an arena of 8 × wire + 64 KiB (wire/limits.h). Memory comes from the caller, who owns it; there is nothing to close.
 */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_arena {
    uint8_t *base; /* 16-byte aligned */
    size_t size;
    size_t used;
    bool exhausted;               /* an allocation was refused since the last reset */
    ProtobufCAllocator allocator; /* hand &arena->allocator to protobuf-c only; never free a message through it */
    void *spare;                  /* the newest large block protobuf-c asked for, */
    size_t spare_size;
    bool spare_free; /* and whether it gave it back */
};

/* Over the caller's memory; nothing to close. The arena must not move afterwards (the allocator points to it). Memory
 * that is not 16-byte aligned loses up to 15 bytes. */
void wire_arena_over(struct wire_arena *arena, void *memory, size_t size);
/* 16-byte aligned, zeroed; NULL and `exhausted` when the budget is used up. Never NULL otherwise, size 0 included, as
 * long as the arena has memory. */
void *wire_arena_take(struct wire_arena *arena, size_t size);
/* The same, not zeroed. */
void *wire_arena_room(struct wire_arena *arena, size_t size);
void *wire_arena_copy(struct wire_arena *arena, const void *data, size_t size);
/* NUL-terminated copy. */
char *wire_arena_text(struct wire_arena *arena, const char *data, size_t size);
void wire_arena_reset(struct wire_arena *arena);
/* Gives back everything taken since the mark; `exhausted` stays as it is. */
size_t wire_arena_mark(const struct wire_arena *arena);
void wire_arena_back(struct wire_arena *arena, size_t mark);
/* The budget for decoding `wire_size` bytes. */
size_t wire_arena_budget(size_t wire_size);
