/* Records in bulk, from directory.bin or a store: their certificates are checked by as many threads as there are
 * processors, then they are added one by one.
 *
 * Verifying the CA's signature on one takes the better part of 0.1 ms, and an installation of 3,000 nodes has 9,000. */
#include "certs/directory.h"
#include "certs/file.h"
#include "certs/held.h"
#include "wire/arena.h"
#include "wire/codec.h"
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { SLAB = 1024, WORTH_A_THREAD = 64 };

struct record {
    struct wire_bytes raw;
    struct cert_checked checked;
};

/* One thread's share of a slab: every step-th record from `first`. */
struct share {
    const struct cert_directory *directory;
    struct cert_leaf_reader *reader;
    enum wire_strict strict;
    struct record *record;
    size_t first, step, count;
};

/* Room for decoding one record at a time. */
struct room {
    struct wire_arena arena;
    void *memory;
    size_t size;
};

static bool room_open(struct room *room)
{
    room->size = wire_arena_budget(WIRE_PIECE_BYTES_MAX);
    room->memory = malloc(room->size);
    return room->memory != NULL;
}

static Wire__DirectoryRecord *decode(struct wire_bytes raw, enum wire_strict strict, struct room *room)
{
    enum wire_status status;
    wire_arena_over(&room->arena, room->memory, room->size);
    return (Wire__DirectoryRecord *)wire_decode(&wire__directory_record__descriptor, raw, strict, &room->arena,
                                                &status);
}

/* What is not good is left to the one who adds it: he says what is wrong. What is known already is passed over. */
static void *check(void *argument)
{
    struct share *share = argument;
    struct room room;
    for (size_t i = room_open(&room) ? share->first : share->count; i < share->count; i += share->step) {
        const Wire__DirectoryRecord *record = decode(share->record[i].raw, share->strict, &room);
        if (record != NULL && record->epoch > share->directory->records)
            cert_check_record(share->directory, share->reader, record, "", &share->record[i].checked, NULL);
    }
    free(room.memory);
    return NULL;
}

/* As many threads as there are processors, each with a reader that the directory keeps. */
static size_t readers_of(struct cert_directory *directory)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t most = processors < CERT_READERS_MAX ? (size_t)(processors < 1 ? 1 : processors) : CERT_READERS_MAX;
    for (size_t i = 1; i < most; i++) {
        if (directory->reader[i] == NULL)
            directory->reader[i] = cert_leaf_reader_new(&directory->ca);
        if (directory->reader[i] == NULL)
            return i;
    }
    return most;
}

static void check_slab(struct cert_directory *directory, enum wire_strict strict, struct record *record, size_t count)
{
    pthread_t thread[CERT_READERS_MAX];
    struct share share[CERT_READERS_MAX];
    size_t threads = count < WORTH_A_THREAD ? 1 : readers_of(directory), started = 1;
    if (threads == 1)
        return;
    for (size_t i = 0; i < threads; i++)
        share[i] = (struct share){.directory = directory,
                                  .reader = directory->reader[i],
                                  .strict = strict,
                                  .record = record,
                                  .first = i,
                                  .step = threads,
                                  .count = count};
    while (started < threads && pthread_create(&thread[started], NULL, check, &share[started]) == 0)
        started++;
    check(&share[0]);
    for (size_t i = 1; i < started; i++)
        pthread_join(thread[i], NULL);
}

static enum wire_status add(struct cert_directory *directory, const struct cert_rows *rows, struct record *record,
                            struct room *room, struct wire_problem *problem)
{
    const Wire__DirectoryRecord *message = decode(record->raw, rows->strict, room);
    if (message == NULL)
        return wire_fail(problem, WIRE_DAMAGED, rows->where, "记录无法解码", "a record cannot be decoded");
    enum wire_status status = cert_directory_take(directory, message, &record->checked, problem);
    return status == WIRE_EXISTS && rows->pass_known ? WIRE_OK : status;
}

static enum wire_status add_slab(struct cert_directory *directory, const struct cert_rows *rows, struct record *record,
                                 size_t count, struct room *room, struct wire_problem *problem)
{
    enum wire_status status = WIRE_OK;
    check_slab(directory, rows->strict, record, count);
    for (size_t i = 0; i < count; i++) {
        if (status == WIRE_OK)
            status = add(directory, rows, &record[i], room, problem);
        OPENSSL_free(record[i].checked.der);
    }
    return status;
}

enum wire_status cert_directory_add_rows(struct cert_directory *directory, const struct cert_rows *rows,
                                         struct wire_problem *problem)
{
    struct room room;
    struct record *record = calloc(SLAB, sizeof *record);
    enum wire_status status = room_open(&room) && record != NULL ? WIRE_OK : WIRE_NO_MEMORY;
    for (size_t from = 0; status == WIRE_OK && from < rows->count;) {
        size_t count = rows->count - from < SLAB ? rows->count - from : SLAB;
        for (size_t i = 0; i < count; i++)
            record[i] = (struct record){.raw = rows->raw[from + i]};
        status = add_slab(directory, rows, record, count, &room, problem);
        from += count;
    }
    free(room.memory);
    free(record);
    return status;
}

/* --- the file ----------------------------------------------------------------------------------------------------- */

/* The records of the file, as many as are whole; DAMAGED: behind them it is. */
static enum wire_status cut(const struct cert_file *file, struct wire_bytes *raw, size_t *count, const char *path,
                            struct wire_problem *problem)
{
    *count = 0;
    for (size_t at = 0; at < file->size;) {
        size_t size = file->size - at < 4 ? SIZE_MAX : wire_get_u32(file->data + at);
        if (size > WIRE_PIECE_BYTES_MAX || size > file->size - at - 4)
            return wire_failf(problem, WIRE_DAMAGED, path,
                              "目录文件在第 %zu 字节处损坏。请重新执行 lianfang-ca directory",
                              "the file is damaged at byte %zu; run lianfang-ca directory again", at);
        raw[(*count)++] = wire_bytes(file->data + at + 4, size);
        at += 4 + size;
    }
    return WIRE_OK;
}

enum wire_status cert_directory_load(struct cert_directory *directory, const char *path, struct wire_problem *problem)
{
    struct cert_file file;
    struct wire_problem damage = {.status = WIRE_OK};
    enum wire_status status = cert_file_read(path, false, &file, problem);
    if (status != WIRE_OK)
        return status;
    struct cert_rows rows = {.strict = WIRE_STRICT_ALL, .pass_known = true, .where = "directory.bin"};
    struct wire_bytes *raw = calloc(file.size / 4 + 1, sizeof *raw);
    rows.raw = raw;
    status = raw == NULL ? WIRE_NO_MEMORY : WIRE_OK;
    enum wire_status whole = status == WIRE_OK ? cut(&file, raw, &rows.count, path, &damage) : status;
    if (status == WIRE_OK)
        status = cert_directory_add_rows(directory, &rows, problem);
    if (status == WIRE_OK && whole != WIRE_OK && problem != NULL)
        *problem = damage;
    free(raw);
    cert_file_close(&file);
    return status == WIRE_OK ? whole : status;
}
