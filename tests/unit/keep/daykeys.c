#include "keep/daykeys.h"
#include "stores.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *folder;
static char path[256];

static void make_folder(void)
{
    folder = test_folder();
    snprintf(path, sizeof path, "%s/daykeys", folder);
}

static void remove_folder(void)
{
    test_folder_remove(folder);
}

TestSuite(keep_daykeys, .init = make_folder, .fini = remove_folder);

static struct daykeys *open_keys(void)
{
    struct daykeys *keys;
    struct wire_problem problem = {0};
    cr_assert_eq(daykeys_open(path, &keys, &problem), WIRE_OK, "%s: %s", problem.where, problem.en);
    return keys;
}

static enum wire_status make_key(struct daykeys *keys, uint32_t day, uint8_t fill, uint8_t out[DAYKEY_BYTES])
{
    uint8_t random[DAYKEY_BYTES];
    memset(random, fill, sizeof random);
    return daykeys_get_or_make(keys, day, random, out, NULL);
}

static void expect_key(struct daykeys *keys, uint32_t day, int fill)
{
    uint8_t out[DAYKEY_BYTES] = {0}, expected[DAYKEY_BYTES];
    enum wire_status status = daykeys_find(keys, day, out);
    if (fill < 0) {
        cr_assert_eq(status, WIRE_ERASED);
        return;
    }
    memset(expected, fill, sizeof expected);
    cr_assert_eq(status, WIRE_OK);
    cr_assert_arr_eq(out, expected, sizeof out);
}

static size_t occurrences(uint8_t fill)
{
    static uint8_t all[512 * 1024];
    FILE *file = fopen(path, "r");
    size_t size = fread(all, 1, sizeof all, file), found = 0, run = 0;
    fclose(file);
    for (size_t i = 0; i < size; i++) {
        run = all[i] == fill ? run + 1 : 0;
        found += run == DAYKEY_BYTES;
    }
    return found;
}

Test(keep_daykeys, a_key_is_in_the_file_before_it_is_handed_out)
{
    struct daykeys *keys = open_keys();
    uint8_t out[DAYKEY_BYTES];
    cr_assert_eq(make_key(keys, 20200207, 0xA1, out), WIRE_OK);
    cr_assert_eq(occurrences(0xA1), 1);
    cr_assert_eq(make_key(keys, 20200207, 0xB2, out), WIRE_OK);
    cr_assert_eq(out[0], 0xA1, "the day has one key");
    daykeys_close(&keys);
    keys = open_keys();
    expect_key(keys, 20200207, 0xA1);
    cr_assert_eq(daykeys_find(keys, 20200208, out), WIRE_NOT_FOUND);
    daykeys_close(&keys);
    struct stat found;
    cr_assert(stat(path, &found) == 0 && (found.st_mode & 0777) == 0600);
}

Test(keep_daykeys, erasing_overwrites_in_place_and_is_remembered)
{
    struct daykeys *keys = open_keys();
    uint8_t out[DAYKEY_BYTES];
    for (uint32_t day = 20200201; day <= 20200205; day++)
        make_key(keys, day, (uint8_t)(day - 20200000), out);
    struct stat before, after;
    stat(path, &before);
    size_t count;
    cr_assert_eq(daykeys_erase_through(keys, 20200203, &count, NULL), WIRE_OK);
    cr_assert_eq(count, 3);
    stat(path, &after);
    cr_assert(before.st_ino == after.st_ino && before.st_size == after.st_size);
    for (uint8_t fill = 201; fill <= 203; fill++)
        cr_assert_eq(occurrences(fill), 0);
    cr_assert_eq(occurrences(204), 1);
    for (int opened = 0; opened < 2; opened++) {
        expect_key(keys, 20200203, -1);
        expect_key(keys, 20191231, -1);
        expect_key(keys, 20200204, 204);
        cr_assert_eq(make_key(keys, 20200202, 9, out), WIRE_ERASED);
        cr_assert_eq(daykeys_erased_through(keys), 20200203);
        cr_assert_eq(daykeys_live(keys), 2);
        daykeys_close(&keys);
        keys = open_keys();
    }
    cr_assert_eq(daykeys_erase_through(keys, 20200203, &count, NULL), WIRE_OK);
    cr_assert_eq(count, 0);
    cr_assert_eq(daykeys_erase_through(keys, 20200101, &count, NULL), WIRE_OK);
    cr_assert_eq(daykeys_erased_through(keys), 20200203, "time does not go back");
    daykeys_close(&keys);
}

static void overwrite(long at, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY);
    cr_assert_eq(pwrite(fd, data, size, at), (ssize_t)size);
    close(fd);
}

static void read_slot(long slot, uint8_t out[64])
{
    int fd = open(path, O_RDONLY);
    cr_assert_eq(pread(fd, out, 64, slot * 64), 64);
    close(fd);
}

Test(keep_daykeys, an_interrupted_erasure_is_finished_at_opening)
{
    struct daykeys *keys = open_keys();
    uint8_t out[DAYKEY_BYTES], live[64];
    make_key(keys, 20200201, 0x77, out);
    read_slot(2, live);
    daykeys_erase_through(keys, 20200201, NULL, NULL);
    daykeys_close(&keys);
    cr_assert_eq(occurrences(0x77), 0);
    overwrite(2 * 64, live, 64); /* as if the head had been written and the slot not yet */
    cr_assert_eq(occurrences(0x77), 1);
    keys = open_keys();
    expect_key(keys, 20200201, -1);
    daykeys_close(&keys);
    cr_assert_eq(occurrences(0x77), 0);
}

Test(keep_daykeys, a_torn_slot_is_not_used_and_is_counted)
{
    struct daykeys *keys = open_keys();
    uint8_t out[DAYKEY_BYTES];
    make_key(keys, 20200201, 0x11, out);
    make_key(keys, 20200202, 0x22, out);
    daykeys_close(&keys);
    overwrite(2 * 64 + 20, "torn", 4);
    keys = open_keys();
    cr_assert_eq(daykeys_damaged(keys), 1);
    cr_assert_eq(daykeys_find(keys, 20200201, out), WIRE_NOT_FOUND);
    expect_key(keys, 20200202, 0x22);
    daykeys_erase_through(keys, 20200201, NULL, NULL);
    cr_assert_eq(daykeys_damaged(keys), 0, "erasing takes what nobody can read with it");
    expect_key(keys, 20200202, 0x22);
    daykeys_close(&keys);
}

Test(keep_daykeys, one_head_is_enough_and_none_is_refused)
{
    struct daykeys *keys = open_keys();
    uint8_t out[DAYKEY_BYTES];
    make_key(keys, 20200205, 0x55, out);
    daykeys_erase_through(keys, 20200201, NULL, NULL); /* serial 2: head 0 */
    daykeys_close(&keys);
    overwrite(1 * 64 + 10, "torn", 4);
    keys = open_keys();
    cr_assert_eq(daykeys_erased_through(keys), 20200201);
    daykeys_close(&keys);
    overwrite(0 * 64 + 10, "torn", 4);
    struct wire_problem problem = {0};
    cr_assert_eq(daykeys_open(path, &keys, &problem), WIRE_DAMAGED);
    cr_assert(problem.zh[0] && problem.en[0] && strstr(problem.where, "daykeys"));
    cr_assert_eq(occurrences(0x55), 1, "refusing leaves the file alone");
}

Test(keep_daykeys, refuses_foreign_shared_and_readable_files)
{
    struct daykeys *keys = open_keys(), *second;
    cr_assert_eq(daykeys_open(path, &second, NULL), WIRE_IN_USE);
    daykeys_close(&keys);
    chmod(path, 0640);
    cr_assert_eq(daykeys_open(path, &second, NULL), WIRE_INVALID);
    chmod(path, 0600);
    cr_assert_eq(truncate(path, 1000), 0);
    cr_assert_eq(daykeys_open(path, &second, NULL), WIRE_DAMAGED);
    unlink(path);
    cr_assert_eq(symlink("/etc/passwd", path), 0);
    cr_assert_eq(daykeys_open(path, &second, NULL), WIRE_IO);
    cr_assert_null(second);
}

Test(keep_daykeys, slots_of_erased_days_are_used_again)
{
    struct daykeys *keys = daykeys_open_memory();
    uint8_t out[DAYKEY_BYTES];
    for (uint32_t i = 1; i <= DAYKEYS_MAX; i++)
        cr_assert_eq(make_key(keys, i, 1, out), WIRE_OK);
    cr_assert_eq(make_key(keys, DAYKEYS_MAX + 1, 1, out), WIRE_DISK_FULL);
    size_t count;
    cr_assert_eq(daykeys_erase_through(keys, 10, &count, NULL), WIRE_OK);
    cr_assert_eq(count, 10);
    cr_assert_eq(make_key(keys, DAYKEYS_MAX + 1, 2, out), WIRE_OK);
    expect_key(keys, DAYKEYS_MAX + 1, 2);
    expect_key(keys, 5, -1);
    daykeys_close(&keys);
}

Test(keep_daykeys, a_write_that_fails_is_final)
{
    struct daykeys *keys = open_keys();
    daykeys_close(&keys);
    pid_t child = fork();
    if (child == 0) {
        keys = open_keys();
        uint8_t out[DAYKEY_BYTES];
        /* every descriptor of the key file now refuses to write */
        for (int fd = 3; fd < 64; fd++) {
            struct stat a, b;
            if (fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino) {
                int read_only = open(path, O_RDONLY);
                dup2(read_only, fd);
                close(read_only);
            }
        }
        bool refused = make_key(keys, 20200201, 1, out) == WIRE_IO && make_key(keys, 20200202, 1, out) == WIRE_IO &&
                       daykeys_erase_through(keys, 20200201, NULL, NULL) == WIRE_IO;
        _exit(refused ? 0 : 1);
    }
    int result;
    waitpid(child, &result, 0);
    cr_assert(WIFEXITED(result) && WEXITSTATUS(result) == 0);
}
