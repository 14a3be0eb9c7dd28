#include "wire/arena.h"
#include "wire/limits.h"
#include <criterion/criterion.h>

Test(arena, takes_aligned_zeroed_memory_until_the_budget_ends)
{
    uint8_t memory[256 + 16];
    struct wire_arena arena;

    memset(memory, 0xaa, sizeof memory);
    wire_arena_over(&arena, memory + 1, 256);
    uint8_t *first = wire_arena_take(&arena, 5);
    uint8_t *second = wire_arena_take(&arena, 16);
    cr_assert_eq((uintptr_t)first % 16, 0);
    cr_assert_eq(second - first, 16);
    cr_assert_eq(first[4], 0);
    cr_assert_null(wire_arena_take(&arena, 256));
    cr_assert(arena.exhausted);
    cr_assert_not_null(wire_arena_take(&arena, 64), "a smaller one still fits");
    wire_arena_reset(&arena);
    cr_assert_not(arena.exhausted);
    cr_assert_eq((uint8_t *)wire_arena_take(&arena, 1), first);
}

Test(arena, gives_the_last_byte_and_no_more)
{
    uint8_t memory[64] __attribute__((aligned(16)));
    struct wire_arena arena;

    wire_arena_over(&arena, memory, 50);
    cr_assert_not_null(wire_arena_take(&arena, 50));
    cr_assert_eq(arena.used, 50);
    cr_assert_not_null(wire_arena_take(&arena, 0));
    cr_assert_null(wire_arena_take(&arena, 1));
    cr_assert_null(wire_arena_take(&arena, SIZE_MAX));
}

Test(arena, copies_bytes_and_texts)
{
    uint8_t memory[128];
    struct wire_arena arena;

    wire_arena_over(&arena, memory, sizeof memory);
    cr_assert_str_eq(wire_arena_text(&arena, "联防 extra", 6), "联防");
    cr_assert_eq(memcmp(wire_arena_copy(&arena, "\0\1\2", 3), "\0\1\2", 3), 0);
    cr_assert_not_null(wire_arena_copy(&arena, NULL, 0));
    cr_assert_null(wire_arena_text(&arena, "x", SIZE_MAX));
}

Test(arena, tiny_memory_is_an_empty_arena)
{
    uint8_t memory[32] __attribute__((aligned(16)));
    struct wire_arena arena;

    wire_arena_over(&arena, memory + 1, 10);
    cr_assert_null(wire_arena_take(&arena, 1));
    wire_arena_over(&arena, NULL, 0);
    cr_assert_null(wire_arena_take(&arena, 1));
}

Test(arena, goes_back_to_a_mark)
{
    uint8_t memory[128];
    struct wire_arena arena;

    wire_arena_over(&arena, memory, sizeof memory);
    wire_arena_take(&arena, 20);
    size_t mark = wire_arena_mark(&arena);
    void *first = wire_arena_take(&arena, 20);
    wire_arena_back(&arena, mark);
    cr_assert_eq(wire_arena_take(&arena, 20), first);
}

Test(arena, uses_a_returned_slab_again)
{
    static uint8_t memory[4096];
    struct wire_arena arena;

    wire_arena_over(&arena, memory, sizeof memory);
    void *slab = arena.allocator.alloc(arena.allocator.allocator_data, 1024);
    size_t used = arena.used;
    arena.allocator.free(arena.allocator.allocator_data, slab);
    cr_assert_eq(arena.allocator.alloc(arena.allocator.allocator_data, 1024), slab);
    cr_assert_eq(arena.used, used);
    cr_assert_neq(arena.allocator.alloc(arena.allocator.allocator_data, 1024), slab, "it is taken now");
}

Test(arena, budget_is_eight_times_the_wire_and_a_base)
{
    cr_assert_eq(wire_arena_budget(0), 64 * 1024);
    cr_assert_eq(wire_arena_budget(1024 * 1024), 8 * 1024 * 1024 + 64 * 1024);
}
