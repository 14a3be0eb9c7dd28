/* On the disk: what was appended is there after a close; another program's store is refused. */
#define _GNU_SOURCE
#include "shelf.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64];

static void setup(void)
{
    strcpy(folder, "/tmp/node-store-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void teardown(void)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(open, .init = setup, .fini = teardown);

enum { MAP_BYTES = 32 * 1024 * 1024 };

Test(open, rows_outlive_the_process)
{
    struct store store;
    struct wire_problem problem;
    struct node_key key = node_key_link(LINK);
    struct wire_row row = {.table = NODE_TABLE_LINK, .key = node_key_bytes(&key), .value = wire_bytes("v", 1)};
    cr_assert_eq(store_open(folder, MAP_BYTES, &store, &problem), WIRE_OK, "%s", problem.en);
    cr_assert_not(store_has(&store, NODE_TABLE_LINK, &key));
    cr_assert_eq(keep_append(store.keep, &row, 1, 1), WIRE_OK);
    cr_assert(store_has(&store, NODE_TABLE_LINK, &key), "seen before it is committed");
    store_close(&store);
    cr_assert_eq(store_open(folder, MAP_BYTES, &store, &problem), WIRE_OK, "%s", problem.en);
    cr_assert(store_has(&store, NODE_TABLE_LINK, &key));
    store_close(&store);
}

Test(open, a_second_process_is_refused)
{
    struct store store, second;
    struct wire_problem problem;
    cr_assert_eq(store_open(folder, MAP_BYTES, &store, &problem), WIRE_OK);
    cr_assert_eq(store_open(folder, MAP_BYTES, &second, &problem), WIRE_IN_USE);
    cr_assert_gt(strlen(problem.zh), 0);
    cr_assert_gt(strlen(problem.en), 0);
    store_close(&store);
}

Test(open, a_store_of_an_older_format_is_refused)
{
    struct keep_options options = {.application = "lianfang-node",
                                   .format = NODE_STORE_FORMAT - 1,
                                   .format_oldest = NODE_STORE_FORMAT - 1,
                                   .tables = store_tables(),
                                   .table_count = NODE_TABLES,
                                   .map_bytes_max = MAP_BYTES};
    struct wire_problem problem;
    struct store store;
    struct keep *keep;
    char path[256];
    snprintf(path, sizeof path, "%s/store", folder);
    cr_assert_eq(keep_open_lmdb(path, &options, &keep, &problem), WIRE_OK, "%s", problem.en);
    keep_close(&keep);
    cr_assert_eq(store_open(folder, MAP_BYTES, &store, &problem), WIRE_INVALID);
    cr_assert_not_null(strstr(problem.en, "too old"), "%s", problem.en);
}

Test(open, every_table_has_a_name_of_its_own)
{
    const char *const *names = store_tables();
    for (size_t i = 0; i < NODE_TABLES; i++) {
        cr_assert_str_eq(names[i], node_table_name((enum node_table)i));
        for (size_t j = 0; j < i; j++)
            cr_assert_str_neq(names[i], names[j]);
    }
}
