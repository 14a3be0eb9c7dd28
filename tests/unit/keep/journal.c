/* The journal in front of LMDB: what it has is there after the process died, and what it no longer has is noticed. */
#define _GNU_SOURCE
#include "keep/journal.h"
#include "stores.h"
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *folder;

static void make_folder(void)
{
    folder = test_folder();
}

static void remove_folder(void)
{
    test_folder_remove(folder);
}

TestSuite(keep_journal, .init = make_folder, .fini = remove_folder, .timeout = 60);

static enum wire_status try_open(struct keep **keep, struct wire_problem *problem)
{
    struct keep_options options = test_options();
    return keep_open_lmdb(folder, &options, keep, problem);
}

static struct keep *open_here(void)
{
    struct keep *keep;
    struct wire_problem problem = {0};
    cr_assert_eq(try_open(&keep, &problem), WIRE_OK, "%s: %s", problem.where, problem.en);
    return keep;
}

static void wait_until_durable(struct keep *keep, uint64_t ticket)
{
    for (int i = 0; i < 10000 && keep_committed(keep) < ticket; i++)
        poll(NULL, 0, 1);
    if (keep_committed(keep) < ticket)
        abort();
}

/* Another process appends rows, each as a commit of its own, and dies as soon as the last one is durable: nothing of it
 * is in LMDB yet. */
static void dies_after(const struct wire_row *rows, size_t count)
{
    pid_t child = fork();
    if (child == 0) {
        struct keep *keep = open_here();
        for (size_t i = 0; i < count; i++) {
            append(keep, i + 1, rows[i]);
            wait_until_durable(keep, i + 1);
        }
        _exit(0);
    }
    int result;
    waitpid(child, &result, 0);
    cr_assert(WIFEXITED(result) && WEXITSTATUS(result) == 0);
}

/* Of two calls both are good. */
static char *path_of(const char *name)
{
    static char paths[2][4096];
    static unsigned turn;
    char *path = paths[turn++ % 2];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Changes one byte where the text stands in the journal; how often it stood there. */
static unsigned damage(const char *what)
{
    FILE *file = fopen(path_of("journal"), "r+b");
    cr_assert(file);
    static char bytes[256 * 1024];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    unsigned found = 0;
    for (char *at = bytes; (at = memmem(at, size - (size_t)(at - bytes), what, strlen(what))) != NULL; at++, found++) {
        cr_assert_eq(fseek(file, at - bytes, SEEK_SET), 0);
        cr_assert_neq(fputc(*at ^ 1, file), EOF);
    }
    fclose(file);
    return found;
}

static void copy_file(const char *from, const char *to)
{
    static uint8_t bytes[16 * 1024 * 1024];
    FILE *in = fopen(path_of(from), "rb");
    cr_assert(in);
    size_t size = fread(bytes, 1, sizeof bytes, in);
    fclose(in);
    cr_assert_lt(size, sizeof bytes);
    FILE *out = fopen(path_of(to), "wb");
    cr_assert(out && fwrite(bytes, 1, size, out) == size && fclose(out) == 0);
}

static void refused(void)
{
    struct keep *keep;
    struct wire_problem problem = {0};
    cr_assert_eq(try_open(&keep, &problem), WIRE_DAMAGED);
    cr_expect(strstr(problem.en, "journal") && strstr(problem.zh, "journal"), "%s", problem.en);
    cr_expect_null(keep);
}

Test(keep_journal, what_was_durable_comes_back)
{
    const struct wire_row rows[] = {put(T_A, "a", "1"), put(T_B, "b", "2"), put(T_A, "a", "3"), erase(T_B, "b"),
                                    put(T_A, "c", "")};
    dies_after(rows, 5);
    copy_file("data.mdb", "without.mdb");
    struct keep *keep = open_here();
    cr_expect_str_eq(scanned(keep, (struct keep_range){.table = T_A}), "a=3 c=");
    cr_expect_str_eq(got(keep, T_B, "b"), "-");
    keep_close(&keep);
    keep = open_here(); /* and is not done again */
    cr_expect_str_eq(scanned(keep, (struct keep_range){.table = T_A}), "a=3 c=");
    keep_close(&keep);
    cr_assert_eq(unlink(path_of("journal")), 0);
    cr_assert_eq(rename(path_of("without.mdb"), path_of("data.mdb")), 0);
    keep = open_here();
    cr_expect_str_eq(got(keep, T_A, "a"), "-", "it was in the journal alone");
    keep_close(&keep);
}

Test(keep_journal, a_last_record_half_written_was_promised_to_nobody)
{
    const struct wire_row rows[] = {put(T_A, "a", "1"), put(T_A, "b", "2"), put(T_A, "c", "half written")};
    dies_after(rows, 3);
    cr_assert_eq(damage("half written"), 1);
    struct keep *keep = open_here();
    cr_expect_str_eq(scanned(keep, (struct keep_range){.table = T_A}), "a=1 b=2");
    append(keep, 1, put(T_A, "d", "4"));
    keep_close(&keep);
    keep = open_here();
    cr_expect_str_eq(scanned(keep, (struct keep_range){.table = T_A}), "a=1 b=2 d=4");
    keep_close(&keep);
}

Test(keep_journal, a_record_that_changed_before_others_is_damage)
{
    const struct wire_row rows[] = {put(T_A, "a", "1"), put(T_A, "b", "that will change"), put(T_A, "c", "3")};
    dies_after(rows, 3);
    cr_assert_eq(damage("that will change"), 1);
    refused();
    refused();
}

Test(keep_journal, data_older_than_the_journal_is_refused)
{
    const struct wire_row more[] = {put(T_A, "b", "2")};
    struct keep *keep = open_here();
    append(keep, 1, put(T_A, "a", "1"));
    keep_close(&keep);
    copy_file("data.mdb", "old.mdb");
    keep = open_here();
    for (uint64_t ticket = 1; ticket <= 3; ticket++) {
        append(keep, ticket, put(T_A, "a", "again"));
        cr_assert_eq(keep_sync(keep), WIRE_OK); /* each begins the journal again */
    }
    keep_close(&keep);
    dies_after(more, 1);
    cr_assert_eq(rename(path_of("old.mdb"), path_of("data.mdb")), 0);
    refused();
}

/* A copy of the folder is as good as it ever was: both files are of one moment. */
Test(keep_journal, both_files_put_back_are_a_store)
{
    const struct wire_row first[] = {put(T_A, "a", "1"), put(T_A, "b", "2")}, later[] = {put(T_A, "a", "9")};
    dies_after(first, 2);
    copy_file("data.mdb", "old.mdb");
    copy_file("journal", "old.journal");
    dies_after(later, 1);
    cr_assert_eq(rename(path_of("old.mdb"), path_of("data.mdb")), 0);
    cr_assert_eq(rename(path_of("old.journal"), path_of("journal")), 0);
    struct keep *keep = open_here();
    cr_expect_str_eq(scanned(keep, (struct keep_range){.table = T_A}), "a=1 b=2");
    keep_close(&keep);
}

Test(keep_journal, a_journal_of_another_store_is_none)
{
    const struct wire_row other[] = {put(T_A, "a", "of another")}, own[] = {put(T_A, "b", "own")};
    dies_after(other, 1);
    copy_file("journal", "others");
    cr_assert(unlink(path_of("data.mdb")) == 0 && unlink(path_of("lock.mdb")) == 0);
    struct keep *keep = open_here();
    append(keep, 1, own[0]);
    keep_close(&keep);
    cr_assert_eq(rename(path_of("others"), path_of("journal")), 0);
    keep = open_here();
    cr_expect_str_eq(scanned(keep, (struct keep_range){.table = T_A}), "b=own");
    keep_close(&keep);
}

/* A fetch runs over what LMDB has; it waits for what was durable when it was asked. */
Test(keep_journal, a_fetch_sees_what_is_durable)
{
    struct keep *keep = open_here();
    for (uint64_t ticket = 1; ticket <= 20; ticket++) {
        char key[16];
        snprintf(key, sizeof key, "%03u", (unsigned)ticket);
        append(keep, ticket, put(T_A, key, "v"));
        wait_until_durable(keep, ticket);
        cr_assert_eq(keep_fetch_async(keep, ticket, &(struct keep_range){.table = T_A}), WIRE_OK);
        struct keep_fetched found = fetched(keep);
        cr_assert_eq(found.status, WIRE_OK);
        cr_expect_eq(found.row_count, ticket);
        keep_fetched_close(&found);
    }
    keep_close(&keep);
}

/* It does not grow with the store: LMDB gets one half while the other is written. */
Test(keep_journal, the_file_stays_small)
{
    struct keep *keep = open_here();
    static uint8_t value[100 * 1024];
    struct wire_row row = {T_A, false, text("k"), wire_bytes(value, sizeof value)};
    for (uint64_t ticket = 1; ticket <= 400; ticket++) { /* 40 MB */
        enum wire_status status;
        while ((status = keep_append(keep, &row, 1, ticket)) == WIRE_AGAIN)
            keep_sync(keep);
        cr_assert_eq(status, WIRE_OK);
    }
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    struct stat found;
    cr_assert_eq(stat(path_of("journal"), &found), 0);
    cr_expect_leq(found.st_size, 28 * 1024 * 1024);
    cr_expect_eq(found.st_mode & 0777, 0600);
    keep_close(&keep);
}

/* One row an append, values large enough that LMDB gets something all the time; each ticket is told when it is durable.
 */
static void appends_for_ever(int told)
{
    static uint8_t value[60 * 1024];
    struct keep *keep = open_here();
    for (uint64_t ticket = 1;; ticket++) {
        char key[16];
        snprintf(key, sizeof key, "%06u", (unsigned)ticket);
        struct wire_row row = {T_A, false, text(key), wire_bytes(value, sizeof value)};
        enum wire_status status;
        while ((status = keep_append(keep, &row, 1, ticket)) == WIRE_AGAIN)
            keep_sync(keep);
        while (status != WIRE_OK)
            pause(); /* full: it will be killed */
        uint64_t committed = keep_committed(keep);
        if (write(told, &committed, sizeof committed) != sizeof committed)
            _exit(1);
    }
}

/* Killed when it told so much; what it told last. */
static uint64_t killed_after(unsigned messages)
{
    int told[2];
    uint64_t last = 0;
    cr_assert_eq(pipe(told), 0);
    pid_t child = fork();
    if (child == 0)
        appends_for_ever(told[1]);
    close(told[1]);
    for (unsigned i = 0; i < messages; i++)
        cr_assert_eq(read(told[0], &last, sizeof last), (ssize_t)sizeof last);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    for (uint64_t more; read(told[0], &more, sizeof more) == (ssize_t)sizeof more;)
        last = more;
    close(told[0]);
    return last;
}

/* The last key; each from 1 on must be there. */
static uint64_t count_rising(struct keep *keep)
{
    uint64_t count = 0;
    struct keep_value key = {0};
    while (true) {
        char next[16];
        snprintf(next, sizeof next, "%06u", (unsigned)count + 1);
        if (keep_get(keep, T_A, text(next), NULL) != WIRE_OK)
            break;
        count++;
    }
    enum wire_status status = keep_last(keep, T_A, wire_bytes(NULL, 0), &key, NULL);
    cr_assert(status == (count == 0 ? WIRE_NOT_FOUND : WIRE_OK));
    if (count > 0)
        cr_expect_eq(strtoull((char *)key.data, NULL, 10), count, "a gap");
    keep_value_close(&key);
    return count;
}

Test(keep_journal, killed_while_lmdb_gets_the_other_half)
{
    for (unsigned i = 0; i < 12; i++) {
        uint64_t told = killed_after(50 + 23 * i);
        struct keep *keep = open_here();
        uint64_t found = count_rising(keep);
        cr_expect_geq(found, told);
        keep_close(&keep);
        cr_assert(unlink(path_of("data.mdb")) == 0 && unlink(path_of("lock.mdb")) == 0);
        cr_assert_eq(unlink(path_of("journal")), 0);
    }
}
