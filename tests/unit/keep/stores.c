#define _GNU_SOURCE
#include "stores.h"
#include <criterion/criterion.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct keep_options test_options(void)
{
    static const char *const names[] = {"a", "b", "c"};
    return (struct keep_options){.application = "keep-test",
                                 .format = 2,
                                 .format_oldest = 1,
                                 .tables = names,
                                 .table_count = T_COUNT,
                                 .map_bytes_max = 64 * 1024 * 1024};
}

char *test_folder(void)
{
    char *folder = strdup("/tmp/keep-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    return folder;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat, (void)type, (void)ftw;
    return remove(path);
}

void test_folder_remove(char *folder)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
}

struct wire_bytes text(const char *zero_terminated)
{
    return wire_bytes(zero_terminated, strlen(zero_terminated));
}

struct wire_row put(uint8_t table, const char *key, const char *value)
{
    return (struct wire_row){table, false, text(key), text(value)};
}

struct wire_row erase(uint8_t table, const char *key)
{
    return (struct wire_row){.table = table, .erase = true, .key = text(key)};
}

void append(struct keep *keep, uint64_t ticket, struct wire_row row)
{
    cr_assert_eq(keep_append(keep, &row, 1, ticket), WIRE_OK);
}

struct shown {
    char data[4096];
    size_t size;
};

static bool show(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct shown *shown = context;
    int added =
        snprintf(shown->data + shown->size, sizeof shown->data - shown->size, "%s%.*s=%.*s", shown->size ? " " : "",
                 (int)key.size, (const char *)key.data, (int)value.size, (const char *)value.data);
    shown->size += (size_t)added;
    return true;
}

const char *scanned(struct keep *keep, struct keep_range range)
{
    static struct shown shown;
    shown = (struct shown){0};
    bool more = false;
    cr_assert_eq(keep_scan(keep, &range, show, &shown, &more), WIRE_OK);
    if (more)
        strcat(shown.data, " +more");
    return shown.data;
}

const char *got(struct keep *keep, uint8_t table, const char *key)
{
    static char out[256];
    struct keep_value value = {0};
    enum wire_status status = keep_get(keep, table, text(key), &value);
    cr_assert(status == WIRE_OK || status == WIRE_NOT_FOUND);
    snprintf(out, sizeof out, "%.*s", (int)value.size, (const char *)value.data);
    keep_value_close(&value);
    return status == WIRE_OK ? out : "-";
}

struct keep_fetched fetched(struct keep *keep)
{
    struct keep_fetched out;
    for (int i = 0; i < 10000; i++) {
        if (keep_fetched(keep, &out))
            return out;
        poll(NULL, 0, 1);
    }
    cr_assert_fail("no fetch finished");
    return (struct keep_fetched){0};
}
