/* What both back ends must do alike. Every test here runs over LMDB and over memory. */
#include "stores.h"
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum back_end { LMDB, MEMORY, MEMORY_AT_ONCE, BACK_ENDS };

struct store {
    struct keep *keep;
    char *folder;
};

static struct store open_store(enum back_end which)
{
    struct store store = {0};
    struct keep_options options = test_options();
    struct wire_problem problem = {0};
    enum wire_status status;
    if (which == LMDB) {
        store.folder = test_folder();
        status = keep_open_lmdb(store.folder, &options, &store.keep, &problem);
    } else {
        status = keep_open_memory(&options, which == MEMORY_AT_ONCE, &store.keep, &problem);
    }
    cr_assert_eq(status, WIRE_OK, "%s: %s", problem.where, problem.en);
    return store;
}

static void close_store(struct store *store)
{
    keep_close(&store->keep);
    cr_assert_null(store->keep);
    if (store->folder)
        test_folder_remove(store->folder);
}

/* over_both(name) { … store.keep … } */
#define over_both(name)                                                                                                \
    static void name(struct keep *keep);                                                                               \
    ParameterizedTestParameters(keep_conformance, name)                                                                \
    {                                                                                                                  \
        static enum back_end back_ends[] = {LMDB, MEMORY, MEMORY_AT_ONCE};                                             \
        return cr_make_param_array(enum back_end, back_ends, BACK_ENDS);                                               \
    }                                                                                                                  \
    ParameterizedTest(enum back_end *which, keep_conformance, name)                                                    \
    {                                                                                                                  \
        struct store store = open_store(*which);                                                                       \
        name(store.keep);                                                                                              \
        close_store(&store);                                                                                           \
    }                                                                                                                  \
    static void name(struct keep *keep)

over_both(reads_what_it_wrote_before_and_after_the_commit)
{
    append(keep, 1, put(T_A, "one", "1"));
    append(keep, 2, put(T_A, "two", "2"));
    cr_assert_str_eq(got(keep, T_A, "one"), "1");
    cr_assert_str_eq(got(keep, T_B, "one"), "-");
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    cr_assert_eq(keep_committed(keep), 2);
    cr_assert_str_eq(got(keep, T_A, "one"), "1");
    append(keep, 3, erase(T_A, "one"));
    cr_assert_str_eq(got(keep, T_A, "one"), "-");
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    cr_assert_str_eq(got(keep, T_A, "one"), "-");
    cr_assert_str_eq(got(keep, T_A, "two"), "2");
}

over_both(the_later_row_of_one_key_wins)
{
    struct wire_row rows[] = {put(T_A, "k", "old"), put(T_A, "k", "new"), put(T_A, "gone", "x"), erase(T_A, "gone")};
    cr_assert_eq(keep_append(keep, rows, 4, 1), WIRE_OK);
    append(keep, 2, put(T_A, "k", "newest"));
    cr_assert_str_eq(got(keep, T_A, "k"), "newest");
    cr_assert_str_eq(got(keep, T_A, "gone"), "-");
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    cr_assert_str_eq(got(keep, T_A, "k"), "newest");
    cr_assert_str_eq(got(keep, T_A, "gone"), "-");
}

over_both(an_empty_value_is_a_value)
{
    append(keep, 1, put(T_A, "k", ""));
    cr_assert_str_eq(got(keep, T_A, "k"), "");
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    cr_assert_str_eq(got(keep, T_A, "k"), "");
    cr_assert_eq(keep_get(keep, T_A, text("k"), NULL), WIRE_OK);
    cr_assert_eq(keep_get(keep, T_A, text("l"), NULL), WIRE_NOT_FOUND);
}

over_both(scans_merge_committed_and_uncommitted_in_order)
{
    append(keep, 1, put(T_A, "b", "1"));
    append(keep, 2, put(T_A, "d", "1"));
    append(keep, 3, put(T_A, "f", "1"));
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    append(keep, 4, put(T_A, "a", "2"));
    append(keep, 5, put(T_A, "d", "2"));
    append(keep, 6, erase(T_A, "f"));
    append(keep, 7, put(T_A, "g", "2"));
    append(keep, 8, erase(T_A, "never"));
    cr_assert_str_eq(scanned(keep, (struct keep_range){.table = T_A}), "a=2 b=1 d=2 g=2");
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    cr_assert_str_eq(scanned(keep, (struct keep_range){.table = T_A}), "a=2 b=1 d=2 g=2");
}

over_both(a_range_has_bounds_prefix_and_limits)
{
    const char *keys[] = {"p/1", "p/2", "p/3", "q/1", "q/2", "r"};
    for (size_t i = 0; i < 6; i++) {
        append(keep, i + 1, put(T_B, keys[i], "v"));
        if (i == 2)
            cr_assert_eq(keep_sync(keep), WIRE_OK);
    }
    cr_assert_str_eq(scanned(keep, (struct keep_range){.table = T_B, .prefix = text("q/")}), "q/1=v q/2=v");
    cr_assert_str_eq(scanned(keep, (struct keep_range){.table = T_B, .prefix = text("p/"), .from = text("p/2")}),
                     "p/2=v p/3=v");
    cr_assert_str_eq(scanned(keep, (struct keep_range){.table = T_B, .from = text("p/3"), .to = text("q/2")}),
                     "p/3=v q/1=v");
    cr_assert_str_eq(scanned(keep, (struct keep_range){.table = T_B, .rows_max = 2}), "p/1=v p/2=v +more");
    cr_assert_str_eq(scanned(keep, (struct keep_range){.table = T_B, .rows_max = 6}),
                     "p/1=v p/2=v p/3=v q/1=v q/2=v r=v");
    cr_assert_str_eq(scanned(keep, (struct keep_range){.table = T_B, .prefix = text("p/"), .rows_max = 3}),
                     "p/1=v p/2=v p/3=v");
    cr_assert_str_eq(scanned(keep, (struct keep_range){.table = T_B, .bytes_max = 9}), "p/1=v p/2=v +more");
    cr_assert_str_eq(scanned(keep, (struct keep_range){.table = T_B, .bytes_max = 1}), "p/1=v +more");
    cr_assert_str_eq(scanned(keep, (struct keep_range){.table = T_B, .from = text("s")}), "");
    cr_assert_str_eq(scanned(keep, (struct keep_range){.table = T_C}), "");
}

static void expect_last(struct keep *keep, const char *prefix, const char *key)
{
    struct keep_value last = {0};
    enum wire_status status = keep_last(keep, T_A, text(prefix), &last, NULL);
    if (!key)
        cr_assert_eq(status, WIRE_NOT_FOUND);
    else
        cr_assert(status == WIRE_OK && wire_bytes_equal(wire_bytes(last.data, last.size), text(key)), "%s: %s", prefix,
                  key);
    keep_value_close(&last);
}

over_both(last_of_a_prefix_sees_the_overlay)
{
    expect_last(keep, "", NULL);
    append(keep, 1, put(T_A, "a/1", "v"));
    append(keep, 2, put(T_A, "a/5", "v"));
    append(keep, 3, put(T_A, "c", "v"));
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    expect_last(keep, "a/", "a/5");
    expect_last(keep, "", "c");
    expect_last(keep, "b", NULL);
    append(keep, 4, put(T_A, "a/7", "v"));
    append(keep, 5, erase(T_A, "c"));
    expect_last(keep, "a/", "a/7");
    expect_last(keep, "", "a/7");
    append(keep, 6, erase(T_A, "a/7"));
    append(keep, 7, erase(T_A, "a/5"));
    expect_last(keep, "a/", "a/1");
    append(keep, 8, erase(T_A, "a/1"));
    expect_last(keep, "a/", NULL);
    expect_last(keep, "", NULL);
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    expect_last(keep, "", NULL);
}

over_both(last_of_a_prefix_of_all_ones)
{
    static const uint8_t ones[] = {0xFF, 0xFF, 0x01};
    struct wire_row row = {T_A, false, wire_bytes(ones, 3), text("v")};
    append(keep, 1, row);
    struct keep_value key = {0};
    cr_assert_eq(keep_last(keep, T_A, wire_bytes(ones, 2), &key, NULL), WIRE_OK);
    cr_assert_eq(key.size, 3);
    keep_value_close(&key);
}

struct join {
    struct keep *keep;
    int found;
};

static bool look_up(void *context, struct wire_bytes key, struct wire_bytes value)
{
    (void)key;
    struct join *join = context;
    join->found += keep_get(join->keep, T_B, value, NULL) == WIRE_OK;
    return true;
}

over_both(a_scan_may_look_up_other_rows)
{
    append(keep, 1, put(T_B, "x", "1"));
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    append(keep, 2, put(T_B, "y", "1"));
    append(keep, 3, put(T_A, "1", "x"));
    append(keep, 4, put(T_A, "2", "y"));
    append(keep, 5, put(T_A, "3", "z"));
    struct join join = {keep, 0};
    cr_assert_eq(keep_scan(keep, &(struct keep_range){.table = T_A}, look_up, &join, NULL), WIRE_OK);
    cr_assert_eq(join.found, 2);
}

over_both(rows_that_cannot_be_stored_are_refused_whole)
{
    uint8_t long_key[WIRE_KEY_BYTES_MAX + 1] = {1};
    struct wire_row rows[] = {put(T_A, "good", "1"), {T_A, false, wire_bytes(long_key, sizeof long_key), text("v")}};
    cr_assert_eq(keep_append(keep, rows, 2, 1), WIRE_INVALID);
    rows[1] = put(T_COUNT, "k", "v");
    cr_assert_eq(keep_append(keep, rows, 2, 1), WIRE_INVALID);
    rows[1] = put(T_A, "", "v");
    cr_assert_eq(keep_append(keep, rows, 2, 1), WIRE_INVALID);
    cr_assert_str_eq(got(keep, T_A, "good"), "-");
    rows[1].key = wire_bytes(long_key, WIRE_KEY_BYTES_MAX);
    cr_assert_eq(keep_append(keep, rows, 2, 1), WIRE_OK);
    cr_assert_eq(keep_sync(keep), WIRE_OK);
}

over_both(an_append_of_nothing_is_a_ticket)
{
    append(keep, 1, put(T_A, "k", "v"));
    cr_assert_eq(keep_append(keep, NULL, 0, 7), WIRE_OK);
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    cr_assert_eq(keep_committed(keep), 7);
}

over_both(large_values_come_back)
{
    size_t size = KEEP_VALUE_BYTES_MAX;
    uint8_t *data = malloc(size);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 31);
    struct wire_row row = {T_A, false, text("big"), wire_bytes(data, size)};
    append(keep, 1, row);
    append(keep, 2, put(T_A, "small", "v"));
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    struct keep_value value = {0};
    cr_assert_eq(keep_get(keep, T_A, text("big"), &value), WIRE_OK);
    cr_assert(wire_bytes_equal(wire_bytes(value.data, value.size), wire_bytes(data, size)));
    keep_value_close(&value);
    free(data);
}

over_both(a_fetch_brings_committed_rows_only)
{
    for (int i = 1; i <= 5; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        append(keep, (uint64_t)i, put(T_C, key, "v"));
    }
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    struct keep_range range = {.table = T_C, .prefix = text("k"), .rows_max = 3};
    cr_assert_eq(keep_fetch_async(keep, 41, &range), WIRE_OK);
    range.from = text("k4");
    cr_assert_eq(keep_fetch_async(keep, 42, &range), WIRE_OK);

    struct keep_fetched first = fetched(keep), second = fetched(keep);
    cr_assert(first.request == 41 && first.status == WIRE_OK && first.more && first.row_count == 3);
    cr_assert(wire_bytes_equal(first.rows[2].key, text("k3")) && first.rows[2].table == T_C);
    cr_assert(second.request == 42 && !second.more && second.row_count == 2);
    keep_fetched_close(&first);
    keep_fetched_close(&second);
    cr_assert_not(keep_fetched(keep, &first));
}

static enum wire_status newest_pair(void *context, struct keep_reader *reader, struct keep_rows *rows)
{
    struct wire_bytes key, value, other;
    enum wire_status status = keep_reader_last(reader, T_A, text(""), &key, &value);
    if (status == WIRE_OK)
        status = keep_reader_get(reader, T_B, value, &other);
    if (status == WIRE_OK)
        status = keep_rows_add(rows, T_B, key, other);
    *(int *)context += 1;
    return status;
}

over_both(a_job_reads_over_one_snapshot)
{
    struct wire_row rows[] = {put(T_A, "1", "x"), put(T_B, "x", "found")};
    cr_assert_eq(keep_append(keep, rows, 2, 1), WIRE_OK);
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    int ran = 0;
    cr_assert_eq(keep_fetch(keep, 7, newest_pair, &ran), WIRE_OK);
    struct keep_fetched result = fetched(keep);
    cr_assert(result.request == 7 && result.context == &ran && ran == 1 && result.status == WIRE_OK);
    cr_assert(result.row_count == 1 && wire_bytes_equal(result.rows[0].value, text("found")));
    keep_fetched_close(&result);
}

over_both(fetches_are_bounded_in_number_and_bytes)
{
    uint8_t *large = calloc(1, 1024 * 1024);
    for (uint8_t i = 0; i < 6; i++) {
        struct wire_row row = {T_A, false, wire_bytes(&i, 1), wire_bytes(large, 1024 * 1024)};
        append(keep, i + 1U, row);
    }
    free(large);
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    struct keep_range all = {.table = T_A};
    for (uint64_t i = 0; i < KEEP_FETCHES_MAX; i++)
        cr_assert_eq(keep_fetch_async(keep, i, &(struct keep_range){.table = T_B}), WIRE_OK);
    cr_assert_eq(keep_fetch_async(keep, 99, &all), WIRE_AGAIN);
    for (uint64_t i = 0; i < KEEP_FETCHES_MAX; i++) {
        struct keep_fetched empty = fetched(keep);
        cr_assert(empty.request == i && empty.row_count == 0 && !empty.more);
        keep_fetched_close(&empty);
    }
    cr_assert_eq(keep_fetch_async(keep, 100, &all), WIRE_OK);
    struct keep_fetched part = fetched(keep);
    cr_assert(part.status == WIRE_OK && part.more && part.row_count == 3, "%zu rows", part.row_count);
    keep_fetched_close(&part);
}

over_both(room_counts_and_refuses_before_it_is_full)
{
    struct keep_room room = keep_room(keep);
    cr_assert(room.bytes_limit >= 64 * 1024 * 1024 && room.pending_bytes == 0);
    cr_assert_lt(keep_room_permille(&room), 100);
    uint8_t *large = calloc(1, 1024 * 1024);
    enum wire_status status = WIRE_OK;
    uint64_t ticket = 0;
    uint8_t key[4];
    while (status == WIRE_OK && ticket < 200) {
        wire_put_u32(key, (uint32_t)++ticket);
        struct wire_row row = {T_A, false, wire_bytes(key, 4), wire_bytes(large, 1024 * 1024)};
        status = keep_append(keep, &row, 1, ticket);
        if (status == WIRE_OK && keep_sync(keep) != WIRE_OK)
            cr_assert_fail("the store failed instead of refusing");
    }
    free(large);
    cr_assert_eq(status, WIRE_DISK_FULL);
    cr_assert(ticket > 50 && ticket < 70, "refused at %lu MiB", (unsigned long)ticket);
    room = keep_room(keep);
    cr_assert_gt(keep_room_permille(&room), 900);
    cr_assert_eq(keep_failed(keep, NULL), WIRE_OK);

    /* full, yet erasing goes on, and makes room */
    for (uint32_t i = 1; i < 20; i++) {
        wire_put_u32(key, i);
        struct wire_row row = {.table = T_A, .erase = true, .key = wire_bytes(key, 4)};
        append(keep, ticket++, row);
    }
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    append(keep, ticket++, put(T_A, "again", "v"));
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    cr_assert_str_eq(got(keep, T_A, "again"), "v");
}

/* Thousands of random appends against a plain model, with commits falling anywhere. */
over_both(agrees_with_a_model)
{
    enum { KEYS = 300, STEPS = 6000 };
    static int model[KEYS];
    memset(model, -1, sizeof model);
    uint64_t random = 12345;
    for (uint64_t step = 1; step <= STEPS; step++) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        unsigned key = (unsigned)(random >> 33) % KEYS;
        int value = (random >> 60) < 4 ? -1 : (int)(random >> 40 & 0xFFFF);
        char k[16], v[16];
        snprintf(k, sizeof k, "%05u", key);
        snprintf(v, sizeof v, "%d", value);
        model[key] = value;
        append(keep, step, value < 0 ? erase(T_A, k) : put(T_A, k, v));
        if (step % 997 == 0)
            cr_assert_eq(keep_sync(keep), WIRE_OK);
        if (step % 13 == 0) {
            unsigned asked = (unsigned)(random >> 20) % KEYS;
            snprintf(k, sizeof k, "%05u", asked);
            snprintf(v, sizeof v, "%d", model[asked]);
            cr_assert_str_eq(got(keep, T_A, k), model[asked] < 0 ? "-" : v);
        }
        if (step % 101 == 0) {
            char expected[4096] = "";
            unsigned from = (unsigned)(random >> 25) % KEYS, shown = 0;
            unsigned at = from;
            for (; at < KEYS && shown < 5; at++)
                if (model[at] >= 0)
                    sprintf(expected + strlen(expected), "%s%05u=%d", shown++ ? " " : "", at, model[at]);
            bool more = false;
            for (; at < KEYS; at++)
                more = more || model[at] >= 0;
            snprintf(k, sizeof k, "%05u", from);
            if (more)
                strcat(expected, " +more");
            cr_assert_str_eq(scanned(keep, (struct keep_range){.table = T_A, .from = text(k), .rows_max = 5}),
                             expected);
        }
    }
}

static void count_wakes(void *context)
{
    __atomic_add_fetch((int *)context, 1, __ATOMIC_SEQ_CST);
}

over_both(wakes_after_commits_and_fetches)
{
    static int wakes;
    keep_on_committed(keep, count_wakes, &wakes);
    append(keep, 1, put(T_A, "k", "v"));
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    cr_assert_eq(keep_fetch_async(keep, 1, &(struct keep_range){.table = T_A}), WIRE_OK);
    struct keep_fetched result = fetched(keep);
    keep_fetched_close(&result);
    for (int i = 0; i < 10000 && __atomic_load_n(&wakes, __ATOMIC_SEQ_CST) < 2; i++)
        poll(NULL, 0, 1);
    cr_assert_geq(__atomic_load_n(&wakes, __ATOMIC_SEQ_CST), 2);
}
