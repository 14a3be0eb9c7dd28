/* The memory back end's cruelties. */
#include "stores.h"
#include <criterion/criterion.h>

static struct keep *keep;

static void open_memory(void)
{
    struct keep_options options = test_options();
    cr_assert_eq(keep_open_memory(&options, false, &keep, NULL), WIRE_OK);
}

static void close_memory(void)
{
    keep_close(&keep);
}

TestSuite(keep_memory, .init = open_memory, .fini = close_memory);

Test(keep_memory, commits_only_when_told)
{
    append(keep, 1, put(T_A, "k", "v"));
    append(keep, 2, put(T_A, "l", "v"));
    cr_assert_eq(keep_committed(keep), 0);
    keep_memory_hold(keep, true);
    cr_assert_not(keep_memory_commit(keep));
    cr_assert_eq(keep_sync(keep), WIRE_AGAIN);
    keep_memory_hold(keep, false);
    cr_assert(keep_memory_commit(keep));
    cr_assert_eq(keep_committed(keep), 2);
    cr_assert_not(keep_memory_commit(keep));
}

Test(keep_memory, a_crash_drops_what_was_not_synced)
{
    append(keep, 1, put(T_A, "kept", "v"));
    keep_memory_commit(keep);
    append(keep, 2, put(T_A, "lost", "v"));
    append(keep, 3, erase(T_A, "kept"));
    cr_assert_eq(keep_fetch_async(keep, 1, &(struct keep_range){.table = T_A}), WIRE_OK);
    keep_memory_crash(keep);
    struct keep_fetched result;
    cr_assert_not(keep_fetched(keep, &result));
    cr_assert_str_eq(scanned(keep, (struct keep_range){.table = T_A}), "kept=v");
    cr_assert_eq(keep_committed(keep), 0);
    append(keep, 1, put(T_A, "new", "v"));
    cr_assert(keep_memory_commit(keep));
}

Test(keep_memory, the_nth_commit_fails)
{
    keep_memory_fail_at(keep, 2);
    append(keep, 1, put(T_A, "a", "v"));
    keep_memory_commit(keep);
    cr_assert_eq(keep_failed(keep, NULL), WIRE_OK);
    append(keep, 2, put(T_A, "b", "v"));
    cr_assert(keep_memory_commit(keep));
    struct wire_problem problem = {0};
    cr_assert_eq(keep_failed(keep, &problem), WIRE_IO);
    cr_assert(problem.zh[0] && problem.en[0]);
    cr_assert_eq(keep_committed(keep), 1);
    struct wire_row row = put(T_A, "c", "v");
    cr_assert_eq(keep_append(keep, &row, 1, 3), WIRE_IO);
    keep_memory_crash(keep);
    cr_assert_eq(keep_failed(keep, NULL), WIRE_OK);
    cr_assert_str_eq(scanned(keep, (struct keep_range){.table = T_A}), "a=v");
}

Test(keep_memory, an_image_brings_back_the_past)
{
    append(keep, 1, put(T_A, "a", "1"));
    append(keep, 2, put(T_B, "b", "1"));
    keep_memory_commit(keep);
    struct keep_image *image = keep_memory_image(keep);
    append(keep, 3, put(T_A, "a", "2"));
    append(keep, 4, erase(T_B, "b"));
    keep_memory_commit(keep);
    keep_memory_restore(keep, image);
    cr_assert_str_eq(got(keep, T_A, "a"), "1");
    cr_assert_str_eq(got(keep, T_B, "b"), "1");
    /* the image is still good for a clone */
    struct keep *clone;
    struct keep_options options = test_options();
    cr_assert_eq(keep_open_memory(&options, true, &clone, NULL), WIRE_OK);
    keep_memory_restore(clone, image);
    keep_memory_image_free(&image);
    cr_assert_null(image);
    cr_assert_str_eq(got(clone, T_A, "a"), "1");
    keep_close(&clone);
}

Test(keep_memory, a_full_disk_still_lets_erase)
{
    append(keep, 1, put(T_A, "a", "1"));
    keep_memory_commit(keep);
    keep_memory_disk_full(keep, true);
    struct wire_row row = put(T_A, "b", "1");
    cr_assert_eq(keep_append(keep, &row, 1, 2), WIRE_DISK_FULL);
    struct keep_room room = keep_room(keep);
    cr_assert_eq(keep_room_permille(&room), 1000);
    append(keep, 2, erase(T_A, "a"));
    keep_memory_disk_full(keep, false);
    append(keep, 3, put(T_A, "b", "1"));
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    cr_assert_str_eq(scanned(keep, (struct keep_range){.table = T_A}), "b=1");
}

Test(keep_memory, a_commit_has_a_size)
{
    static uint8_t value[1024 * 1024];
    for (uint64_t ticket = 1; ticket <= 4; ticket++) {
        uint8_t key = (uint8_t)ticket;
        struct wire_row row = {T_A, false, wire_bytes(&key, 1), wire_bytes(value, sizeof value)};
        cr_assert_eq(keep_append(keep, &row, 1, ticket), WIRE_OK);
    }
    keep_memory_commit(keep);
    cr_assert_eq(keep_committed(keep), 1, "2 MiB and two keys are above the limit");
    keep_sync(keep);
    cr_assert_eq(keep_committed(keep), 4);
}

Test(keep_room, is_scarce_while_what_is_under_way_still_fits)
{
    const uint64_t mib = 1024 * 1024;
    struct keep_room room = {.bytes_limit = 16 * mib, .disk_free = 1024 * mib};
    room.bytes_used = 11 * mib;
    cr_assert(!keep_room_scarce(&room));
    room.bytes_used = 13 * mib; /* 81 %, and less than 4 MiB */
    cr_assert(keep_room_scarce(&room));
    room.bytes_limit = 1000 * mib;
    room.bytes_used = 940 * mib;
    cr_assert(!keep_room_scarce(&room));
    room.bytes_used = 960 * mib;
    cr_assert(keep_room_scarce(&room));
    room.bytes_used = 17 * mib;
    room.bytes_limit = 16 * mib; /* made smaller */
    cr_assert(keep_room_scarce(&room));
}
