/* The LMDB back end alone: opening, refusing, crashing, room. */
#define _GNU_SOURCE
#include "stores.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
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

TestSuite(keep_lmdb, .init = make_folder, .fini = remove_folder);

static enum wire_status open_as(const char *application, uint32_t format, uint32_t oldest, struct keep **keep,
                                struct wire_problem *problem)
{
    struct keep_options options = test_options();
    options.map_bytes_max = 1024UL * 1024 * 1024; /* sparse */
    options.application = application;
    options.format = format;
    options.format_oldest = oldest;
    return keep_open_lmdb(folder, &options, keep, problem);
}

static struct keep *open_here(void)
{
    struct keep *keep;
    struct wire_problem problem = {0};
    cr_assert_eq(open_as("keep-test", 2, 1, &keep, &problem), WIRE_OK, "%s: %s", problem.where, problem.en);
    return keep;
}

Test(keep_lmdb, rows_survive_closing)
{
    struct keep *keep = open_here();
    append(keep, 1, put(T_A, "k", "v"));
    keep_close(&keep); /* commits what is queued */
    keep = open_here();
    cr_assert_str_eq(got(keep, T_A, "k"), "v");
    cr_assert_eq(keep_committed(keep), 0);
    keep_close(&keep);
}

/* Changes one byte of the file where the text stands; the number of places. */
static unsigned damage(const char *what)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/data.mdb", folder);
    FILE *file = fopen(path, "r+b");
    cr_assert(file);
    static char bytes[1024 * 1024];
    size_t size = fread(bytes, 1, sizeof bytes, file), found = 0;
    for (char *at = bytes; (at = memmem(at, size - (size_t)(at - bytes), what, strlen(what))) != NULL; at++, found++) {
        cr_assert_eq(fseek(file, at - bytes, SEEK_SET), 0);
        cr_assert_neq(fputc(*at ^ 1, file), EOF);
    }
    fclose(file);
    return (unsigned)found;
}

Test(keep_lmdb, a_row_that_changed_on_the_disk_is_damaged)
{
    struct keep *keep = open_here();
    append(keep, 1, put(T_A, "a", "good"));
    append(keep, 2, put(T_A, "b", "a value that will change"));
    append(keep, 3, put(T_B, "a key that will change", "v"));
    keep_close(&keep);
    cr_assert_gt(damage("a value that will change"), 0);
    cr_assert_gt(damage("a key that will change"), 0);
    keep = open_here();
    struct keep_value value = {0};
    cr_assert_str_eq(got(keep, T_A, "a"), "good");
    cr_assert_eq(keep_get(keep, T_A, text("b"), &value), WIRE_DAMAGED);
    cr_assert_eq(keep_get(keep, T_B, text("a key that will change"), &value), WIRE_NOT_FOUND);
    cr_assert_eq(keep_get(keep, T_B, text("` key that will change"), &value), WIRE_DAMAGED);
    keep_value_close(&value);
    keep_close(&keep);
}

Test(keep_lmdb, files_are_for_the_owner_only)
{
    rmdir(folder);
    struct keep *keep = open_here();
    struct stat found;
    char path[256];
    cr_assert(stat(folder, &found) == 0 && (found.st_mode & 0777) == 0700);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, (const char *[]){"data.mdb", "lock.mdb", "in-use"}[i]);
        cr_assert(stat(path, &found) == 0 && (found.st_mode & 0777) == 0600, "%s", path);
    }
    keep_close(&keep);
}

static void expect_refused(const char *application, uint32_t format, uint32_t oldest, enum wire_status expected)
{
    struct keep *keep;
    struct wire_problem problem = {0};
    cr_assert_eq(open_as(application, format, oldest, &keep, &problem), expected, "%s", problem.en);
    cr_assert_null(keep);
    cr_assert_eq(problem.status, expected);
    cr_assert(strstr(problem.where, folder) && problem.zh[0] && problem.en[0]);
}

Test(keep_lmdb, refuses_a_second_opener)
{
    struct keep *keep = open_here();
    pid_t child = fork();
    if (child == 0) {
        struct keep *second;
        struct wire_problem problem = {0};
        enum wire_status status = open_as("keep-test", 2, 1, &second, &problem);
        _exit(status == WIRE_IN_USE && strstr(problem.en, "pid ") ? 0 : 1);
    }
    int result;
    waitpid(child, &result, 0);
    cr_assert(WIFEXITED(result) && WEXITSTATUS(result) == 0);
    expect_refused("keep-test", 2, 1, WIRE_IN_USE);
    keep_close(&keep);
    keep = open_here();
    keep_close(&keep);
}

Test(keep_lmdb, refuses_newer_older_and_foreign_stores)
{
    struct keep *keep = open_here();
    append(keep, 1, put(T_A, "k", "v"));
    keep_close(&keep);
    expect_refused("keep-test", 1, 1, WIRE_NEWER_STORE);
    expect_refused("keep-test", 5, 3, WIRE_INVALID);
    expect_refused("another", 2, 1, WIRE_INVALID);
    /* a newer program takes it over, and then the older one is refused */
    struct wire_problem problem = {0};
    cr_assert_eq(open_as("keep-test", 3, 2, &keep, &problem), WIRE_OK);
    cr_assert_str_eq(got(keep, T_A, "k"), "v");
    keep_close(&keep);
    expect_refused("keep-test", 2, 1, WIRE_NEWER_STORE);
}

Test(keep_lmdb, refuses_what_is_not_a_store)
{
    char path[256];
    snprintf(path, sizeof path, "%s/data.mdb", folder);
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 4096; i++)
        fputs("not a store ", file);
    fclose(file);
    expect_refused("keep-test", 2, 1, WIRE_DAMAGED);
}

Test(keep_lmdb, refuses_a_path_it_cannot_make)
{
    struct keep_options options = test_options();
    struct keep *keep;
    struct wire_problem problem = {0};
    char path[256];
    snprintf(path, sizeof path, "%s/missing/store", folder);
    cr_assert_eq(keep_open_lmdb(path, &options, &keep, &problem), WIRE_IO);
    cr_assert_str_eq(problem.where, path);
    cr_assert(strstr(problem.en, "No such file"));
}

Test(keep_lmdb, commits_in_groups)
{
    struct keep *keep = open_here();
    uint8_t key[8];
    for (uint64_t i = 1; i <= 20000; i++) {
        wire_put_u64(key, i);
        struct wire_row row = {T_A, false, wire_bytes(key, 8), text("value")};
        enum wire_status status;
        while ((status = keep_append(keep, &row, 1, i)) == WIRE_AGAIN)
            keep_sync(keep);
        cr_assert_eq(status, WIRE_OK);
    }
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    struct keep_counts counts = keep_counts(keep);
    cr_assert_eq(counts.rows, 20000);
    cr_assert_lt(counts.commits, 5000, "%lu commits", (unsigned long)counts.commits);
    keep_close(&keep);
}

static void append_some(struct keep *keep, uint64_t *ticket)
{
    uint8_t key[8];
    for (int i = 0; i < 50; i++) {
        wire_put_u64(key, ++*ticket);
        struct wire_row row = {T_A, false, wire_bytes(key, 8), text("value")};
        cr_assert_eq(keep_append(keep, &row, 1, *ticket), WIRE_OK);
    }
}

Test(keep_lmdb, what_is_held_is_one_commit)
{
    enum { ROUNDS = 20 };
    struct keep *keep = open_here();
    uint64_t ticket = 0, before = keep_counts(keep).commits;
    for (int round = 0; round < ROUNDS; round++) {
        keep_hold(keep);
        append_some(keep, &ticket);
        keep_hold(keep);
        append_some(keep, &ticket);
        keep_release(keep);
        append_some(keep, &ticket);
        cr_assert_eq(keep_committed(keep), ticket - 150);
        keep_release(keep);
        cr_assert_eq(keep_sync(keep), WIRE_OK);
        cr_assert_eq(keep_committed(keep), ticket);
    }
    cr_expect_eq(keep_counts(keep).commits - before, ROUNDS);
    keep_close(&keep);
}

Test(keep_lmdb, a_sync_does_not_wait_for_a_release)
{
    struct keep *keep = open_here();
    uint64_t ticket = 0;
    keep_hold(keep);
    append_some(keep, &ticket);
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    cr_assert_eq(keep_committed(keep), ticket);
    append_some(keep, &ticket); /* held again */
    cr_assert_eq(keep_committed(keep), ticket - 50);
    keep_release(keep);
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    cr_assert_eq(keep_committed(keep), ticket);
    keep_close(&keep);
}

Test(keep_lmdb, a_full_queue_says_again)
{
    struct keep_options options = test_options();
    options.pending_bytes_max = 100 * 1024;
    struct keep *keep;
    cr_assert_eq(keep_open_lmdb(folder, &options, &keep, NULL), WIRE_OK);
    static uint8_t value[60 * 1024];
    struct wire_row row = {T_A, false, text("k"), wire_bytes(value, sizeof value)};
    bool again = false;
    uint64_t ticket = 0;
    for (int i = 0; i < 1000 && !again; i++) {
        enum wire_status status = keep_append(keep, &row, 1, ticket + 1);
        again = status == WIRE_AGAIN;
        ticket += status == WIRE_OK;
    }
    cr_assert(again);
    cr_assert_eq(keep_sync(keep), WIRE_OK);
    cr_assert_eq(keep_committed(keep), ticket);
    cr_assert_eq(keep_append(keep, &row, 1, ticket + 1), WIRE_OK);
    keep_close(&keep);
}

/* A commit that cannot be written: nothing of it is there, everything reported before is, and nothing more is accepted.
 */
static int child_hits_a_wall(int report)
{
    signal(SIGXFSZ, SIG_IGN);
    struct keep *keep = open_here();
    append(keep, 1, put(T_A, "before", "v"));
    if (keep_sync(keep) != WIRE_OK)
        return 1;
    struct rlimit limit = {.rlim_cur = 200 * 1024, .rlim_max = 200 * 1024};
    setrlimit(RLIMIT_FSIZE, &limit);
    static uint8_t value[1024 * 1024];
    struct wire_row rows[] = {put(T_A, "half", "v"), {T_A, false, text("large"), wire_bytes(value, sizeof value)}};
    if (keep_append(keep, rows, 2, 2) != WIRE_OK)
        return 2;
    struct wire_problem problem = {0};
    if (keep_sync(keep) == WIRE_OK || keep_failed(keep, &problem) == WIRE_OK || !problem.zh[0])
        return 3;
    if (keep_committed(keep) != 1)
        return 4;
    struct wire_row row = put(T_A, "after", "v");
    if (keep_append(keep, &row, 1, 3) != keep_failed(keep, NULL))
        return 5;
    keep_close(&keep);
    (void)report;
    return 0;
}

Test(keep_lmdb, a_failed_commit_ends_it)
{
    pid_t child = fork();
    if (child == 0)
        _exit(child_hits_a_wall(0));
    int result;
    waitpid(child, &result, 0);
    cr_assert(WIFEXITED(result) && WEXITSTATUS(result) == 0, "step %d", WEXITSTATUS(result));
    struct keep *keep = open_here();
    cr_assert_str_eq(got(keep, T_A, "before"), "v");
    cr_assert_str_eq(got(keep, T_A, "half"), "-");
    cr_assert_str_eq(got(keep, T_A, "after"), "-");
    keep_close(&keep);
}

/* The child appends groups of rows (ticket, part) as fast as it can and tells every ticket that was reported committed.
 */
static void child_appends(int report, uint64_t first)
{
    struct keep *keep = open_here();
    uint64_t told = 0;
    for (uint64_t ticket = first;; ticket++) {
        uint8_t keys[3][9];
        static const uint8_t value[600];
        struct wire_row rows[3];
        for (uint8_t part = 0; part < 3; part++) {
            wire_put_u64(keys[part], ticket);
            keys[part][8] = part;
            rows[part] = (struct wire_row){part, false, wire_bytes(keys[part], 9), wire_bytes(value, ticket % 600)};
        }
        enum wire_status status;
        while ((status = keep_append(keep, rows, 3, ticket)) == WIRE_AGAIN)
            keep_sync(keep);
        if (status != WIRE_OK)
            _exit(1);
        uint64_t committed = keep_committed(keep);
        if (committed > told && write(report, &committed, sizeof committed) == sizeof committed)
            told = committed;
    }
}

struct audit {
    uint64_t expected, last;
    bool order;
};

static bool audit_row(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct audit *audit = context;
    uint64_t ticket = wire_get_u64(key.data);
    audit->order = audit->order && ticket == audit->expected && value.size == ticket % 600;
    audit->expected++;
    audit->last = ticket;
    return true;
}

/* Every ticket up to some last one has all its rows; that last one is not below what was reported. */
static uint64_t audit_store(uint64_t reported)
{
    struct keep *keep = open_here();
    uint64_t last[3];
    for (uint8_t table = 0; table < 3; table++) {
        struct audit audit = {.expected = 1, .order = true};
        cr_assert_eq(keep_scan(keep, &(struct keep_range){.table = table}, audit_row, &audit, NULL), WIRE_OK);
        cr_assert(audit.order, "a hole before ticket %lu", (unsigned long)audit.expected);
        last[table] = audit.last;
    }
    cr_assert(last[0] == last[1] && last[1] == last[2], "half an append");
    cr_assert_geq(last[0], reported, "reported %lu, found %lu", (unsigned long)reported, (unsigned long)last[0]);
    keep_close(&keep);
    return last[0];
}

Test(keep_lmdb, what_was_reported_survives_sigkill, .timeout = 120)
{
    uint64_t last = 0;
    unsigned random = 7;
    for (int round = 0; round < 12; round++) {
        int pipe_fds[2];
        cr_assert_eq(pipe(pipe_fds), 0);
        pid_t child = fork();
        if (child == 0) {
            close(pipe_fds[0]);
            child_appends(pipe_fds[1], last + 1);
            _exit(1);
        }
        close(pipe_fds[1]);
        /* let it report a random number of times, then kill it in the middle of whatever it does */
        random = random * 1103515245 + 12345;
        uint64_t reported = 0, told;
        for (unsigned n = 1 + random / 65536 % 10; n > 0; n--) {
            cr_assert_eq(read(pipe_fds[0], &told, sizeof told), sizeof told);
            reported = told;
        }
        kill(child, SIGKILL);
        while (read(pipe_fds[0], &told, sizeof told) == sizeof told)
            reported = told;
        close(pipe_fds[0]);
        waitpid(child, NULL, 0);
        last = audit_store(reported);
    }
    cr_assert_gt(last, 12);
}

Test(keep_lmdb, reads_do_not_make_the_file_grow)
{
    /* A read transaction left open would pin the pages of its time: rewriting one row for long would then grow the
     * file. */
    struct keep *keep = open_here();
    static uint8_t value[4096];
    struct wire_row row = {T_A, false, text("k"), wire_bytes(value, sizeof value)};
    struct stat early, late;
    char path[256];
    snprintf(path, sizeof path, "%s/data.mdb", folder);
    for (uint64_t ticket = 1; ticket <= 300; ticket++) {
        cr_assert_eq(keep_append(keep, &row, 1, ticket), WIRE_OK);
        cr_assert_eq(keep_sync(keep), WIRE_OK);
        cr_assert_str_eq(got(keep, T_A, "other"), "-");
        scanned(keep, (struct keep_range){.table = T_B});
        cr_assert_eq(keep_fetch_async(keep, ticket, &(struct keep_range){.table = T_B}), WIRE_OK);
        struct keep_fetched result = fetched(keep);
        keep_fetched_close(&result);
        if (ticket == 50)
            stat(path, &early);
    }
    stat(path, &late);
    cr_assert_leq(late.st_size, early.st_size + 16 * 4096, "%ld to %ld", (long)early.st_size, (long)late.st_size);
    keep_close(&keep);
}

Test(keep_lmdb, deletion_is_not_erasure)
{
    /* Why daykeys.h exists: what was deleted is still in the file. */
    static const char secret[] = "not to be found again 4e1c7";
    struct keep *keep = open_here();
    append(keep, 1, put(T_A, "person", secret));
    keep_sync(keep);
    append(keep, 2, erase(T_A, "person"));
    keep_sync(keep);
    append(keep, 3, put(T_B, "other", "v"));
    keep_close(&keep);
    char path[256];
    snprintf(path, sizeof path, "%s/data.mdb", folder);
    FILE *file = fopen(path, "r");
    static char all[4 * 1024 * 1024];
    size_t size = fread(all, 1, sizeof all, file);
    fclose(file);
    cr_assert_not_null(memmem(all, size, secret, sizeof secret - 1));
}
