/* directory.bin: read, its certificates checked by as many threads as there are processors, then added one by one.
 *
 * Parsing and checking one certificate costs OpenSSL 3.0 a fifth of a millisecond, and an installation of 3,000 nodes
 * has 9,000: a broker would take two seconds to start. */
#include "certs/directory.h"
#include "certs/file.h"
#include "certs/held.h"
#include "wire/arena.h"
#include "wire/codec.h"
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { SLAB = 1024, WORTH_A_THREAD = 64, THREADS_MAX = 8 };

struct record {
    struct wire_bytes raw;
    struct cert_checked checked;
};

/* One thread's share of a slab: every step-th record from `first`. */
struct share {
    const struct cert_directory *directory;
    struct record *record;
    size_t first, step, count;
};

static Wire__DirectoryRecord *decode(struct wire_bytes raw, struct wire_arena *arena, enum wire_status *status)
{
    return (Wire__DirectoryRecord *)wire_decode(&wire__directory_record__descriptor, raw, WIRE_STRICT_ALL, arena,
                                                status);
}

/* What is not good is left to the one who adds it: he says what is wrong. What is known already is passed over. */
static void *check(void *argument)
{
    struct share *share = argument;
    size_t budget = wire_arena_budget(WIRE_PIECE_BYTES_MAX);
    void *memory = malloc(budget);
    for (size_t i = share->first; memory != NULL && i < share->count; i += share->step) {
        struct wire_arena arena;
        enum wire_status status;
        wire_arena_over(&arena, memory, budget);
        const Wire__DirectoryRecord *record = decode(share->record[i].raw, &arena, &status);
        if (record != NULL && record->epoch > share->directory->records)
            cert_check_record(share->directory, record, "", &share->record[i].checked, NULL);
    }
    free(memory);
    return NULL;
}

static void check_slab(const struct cert_directory *directory, struct record *record, size_t count)
{
    pthread_t thread[THREADS_MAX];
    struct share share[THREADS_MAX];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t threads = processors < 1 ? 1 : processors > THREADS_MAX ? THREADS_MAX : (size_t)processors, started = 1;
    if (count < WORTH_A_THREAD || threads == 1)
        return;
    for (size_t i = 0; i < threads; i++)
        share[i] =
            (struct share){.directory = directory, .record = record, .first = i, .step = threads, .count = count};
    while (started < threads && pthread_create(&thread[started], NULL, check, &share[started]) == 0)
        started++;
    check(&share[0]);
    for (size_t i = 1; i < started; i++)
        pthread_join(thread[i], NULL);
}

static enum wire_status add(struct cert_directory *directory, struct record *record, void *memory, size_t budget,
                            struct wire_problem *problem)
{
    struct wire_arena arena;
    enum wire_status status;
    wire_arena_over(&arena, memory, budget);
    const Wire__DirectoryRecord *message = decode(record->raw, &arena, &status);
    if (message == NULL)
        return wire_fail(problem, status, "directory.bin", "记录无法解码", "a record cannot be decoded");
    status = cert_directory_take(directory, message, &record->checked, problem);
    return status == WIRE_EXISTS ? WIRE_OK : status;
}

/* The next records of the file, at most SLAB; DAMAGED: behind them it is. */
static enum wire_status cut(const struct cert_file *file, size_t *at, struct record *record, size_t *count,
                            const char *path, struct wire_problem *problem)
{
    for (*count = 0; *count < SLAB && *at < file->size; ++*count) {
        size_t size = file->size - *at < 4 ? SIZE_MAX : wire_get_u32(file->data + *at);
        if (size > WIRE_PIECE_BYTES_MAX || size > file->size - *at - 4)
            return wire_failf(problem, WIRE_DAMAGED, path,
                              "目录文件在第 %zu 字节处损坏。请重新执行 lianfang-ca directory",
                              "the file is damaged at byte %zu; run lianfang-ca directory again", *at);
        record[*count] = (struct record){.raw = wire_bytes(file->data + *at + 4, size)};
        *at += 4 + size;
    }
    return WIRE_OK;
}

static enum wire_status load_slab(struct cert_directory *directory, struct record *record, size_t count, void *memory,
                                  size_t budget, struct wire_problem *problem)
{
    enum wire_status status = WIRE_OK;
    check_slab(directory, record, count);
    for (size_t i = 0; i < count; i++) {
        if (status == WIRE_OK)
            status = add(directory, &record[i], memory, budget, problem);
        X509_free(record[i].checked.x509);
    }
    return status;
}

enum wire_status cert_directory_load(struct cert_directory *directory, const char *path, struct wire_problem *problem)
{
    struct cert_file file;
    enum wire_status status = cert_file_read(path, false, &file, problem);
    if (status != WIRE_OK)
        return status;
    size_t budget = wire_arena_budget(WIRE_PIECE_BYTES_MAX), count = 0;
    void *memory = malloc(budget);
    struct record *record = calloc(SLAB, sizeof *record);
    if (memory == NULL || record == NULL)
        status = WIRE_NO_MEMORY;
    for (size_t at = 0; status == WIRE_OK && at < file.size;) {
        enum wire_status whole = cut(&file, &at, record, &count, path, problem);
        status = load_slab(directory, record, count, memory, budget, problem);
        if (status == WIRE_OK)
            status = whole;
    }
    free(memory);
    free(record);
    cert_file_close(&file);
    return status;
}
