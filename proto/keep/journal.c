#define _GNU_SOURCE
#include "keep/journal.h"
#include "keep/check.h"
#include "wire/ensure.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MARK = 0x6c666a31, /* "lfj1" */
    HEAD_BYTES = 4 + 4 + 8 + 8,
    CHECK_AT = 16,
    ROW_HEAD_BYTES = 1 + 1 + 2 + 4,
    BLOCK = 4096, /* what a disk may leave half written is of one record only */
};

bool keep_journal_open(struct keep_journal *journal, const char *folder)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/journal", folder) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return false;
    }
    journal->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return journal->fd >= 0;
}

void keep_journal_close(struct keep_journal *journal)
{
    if (journal->fd >= 0)
        close(journal->fd);
    free(journal->buffer);
    journal->fd = -1;
    journal->buffer = NULL;
}

static void give_back(struct keep_journal *journal)
{
    free(journal->buffer);
    journal->buffer = NULL;
    journal->capacity = 0;
}

static size_t filled_up(size_t size)
{
    return (size + BLOCK - 1) / BLOCK * BLOCK;
}

static bool reserve(struct keep_journal *journal, size_t size)
{
    if (size <= journal->capacity)
        return true;
    uint8_t *larger = realloc(journal->buffer, filled_up(size));
    if (larger == NULL)
        return false;
    journal->buffer = larger;
    journal->capacity = filled_up(size);
    return true;
}

/* Over the nonce, the head but for the check itself, and the rows. */
static uint64_t check_of(const struct keep_journal *journal, const uint8_t *record, size_t size)
{
    uint8_t head[KEEP_JOURNAL_NONCE_BYTES + CHECK_AT];
    memcpy(head, journal->nonce, KEEP_JOURNAL_NONCE_BYTES);
    memcpy(head + KEEP_JOURNAL_NONCE_BYTES, record, CHECK_AT);
    return keep_check(0, wire_bytes(head, sizeof head), wire_bytes(record + HEAD_BYTES, size));
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static uint8_t *put_row(uint8_t *at, const struct keep_node *node)
{
    struct wire_bytes key = keep_node_key(node), value = keep_node_value(node);
    *at++ = node->table;
    *at++ = node->erase ? 1 : 0;
    at = wire_put_u32(wire_put_u16(at, (uint16_t)key.size), (uint32_t)value.size);
    memcpy(at, key.data, key.size);
    if (value.size > 0)
        memcpy(at + key.size, value.data, value.size);
    return at + key.size + value.size;
}

static size_t rows_size(const struct keep_appended *group)
{
    size_t size = 0;
    for (const struct keep_appended *at = group; at != NULL; at = at->queue_next)
        size += at->bytes + at->row_count * ROW_HEAD_BYTES;
    return size;
}

static void put_record(struct keep_journal *journal, const struct keep_appended *group, size_t size)
{
    uint8_t *at = journal->buffer + HEAD_BYTES;
    for (const struct keep_appended *one = group; one != NULL; one = one->queue_next) {
        struct keep_node *node = keep_appended_first((struct keep_appended *)(uintptr_t)one);
        for (size_t i = 0; i < one->row_count; i++, node = keep_appended_after(node))
            at = put_row(at, node);
    }
    ENSURE(at == journal->buffer + HEAD_BYTES + size);
    memset(at, 0, filled_up(HEAD_BYTES + size) - HEAD_BYTES - size);
    wire_put_u64(wire_put_u32(wire_put_u32(journal->buffer, MARK), (uint32_t)size), journal->number + 1);
    wire_put_u64(journal->buffer + CHECK_AT, check_of(journal, journal->buffer, size));
}

static int write_all(int fd, const uint8_t *data, size_t size, uint64_t at)
{
    while (size > 0) {
        ssize_t written = pwrite(fd, data, size, (off_t)at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? errno : ENOSPC;
        data += written;
        size -= (size_t)written;
        at += (uint64_t)written;
    }
    return 0;
}

static size_t record_size(const struct keep_appended *group)
{
    return filled_up(HEAD_BYTES + rows_size(group));
}

bool keep_journal_fits(const struct keep_journal *journal, const struct keep_appended *group)
{
    return journal->start > 0 || journal->end + record_size(group) <= KEEP_JOURNAL_HALF_BYTES;
}

int keep_journal_write(struct keep_journal *journal, const struct keep_appended *group)
{
    size_t size = rows_size(group), whole = record_size(group);
    ENSURE(size <= UINT32_MAX && keep_journal_fits(journal, group));
    if (!reserve(journal, whole))
        return ENOMEM;
    put_record(journal, group, size);
    int error = write_all(journal->fd, journal->buffer, whole, journal->start + journal->end);
    if (error == 0 && fdatasync(journal->fd) != 0)
        error = errno;
    if (error != 0)
        return error;
    journal->number++;
    journal->end += whole;
    return 0;
}

void keep_journal_turn(struct keep_journal *journal)
{
    journal->start = KEEP_JOURNAL_HALF_BYTES - journal->start;
    journal->end = 0;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

struct record {
    uint64_t number;
    const uint8_t *rows;
    size_t size, whole; /* of the rows; of the record with what fills it up */
};

/* false: there is no whole record at this place. */
static bool record_at(const struct keep_journal *journal, struct wire_bytes file, size_t at, struct record *out)
{
    if (file.size < at + HEAD_BYTES || wire_get_u32(file.data + at) != MARK)
        return false;
    const uint8_t *record = file.data + at;
    size_t size = wire_get_u32(record + 4);
    if (file.size - at - HEAD_BYTES < size || wire_get_u64(record + CHECK_AT) != check_of(journal, record, size))
        return false;
    *out = (struct record){wire_get_u64(record + 8), record + HEAD_BYTES, size, filled_up(HEAD_BYTES + size)};
    return true;
}

static bool row_at(struct wire_bytes rows, size_t *at, struct wire_row *out)
{
    if (rows.size - *at < ROW_HEAD_BYTES)
        return false;
    const uint8_t *head = rows.data + *at;
    size_t key = wire_get_u16(head + 2), value = wire_get_u32(head + 4);
    *at += ROW_HEAD_BYTES;
    if (head[1] > 1 || key == 0 || key > WIRE_KEY_BYTES_MAX || rows.size - *at < key || rows.size - *at - key < value)
        return false;
    const uint8_t *bytes = rows.data + *at;
    *out = (struct wire_row){head[0], head[1] == 1, wire_bytes(bytes, key), wire_bytes(bytes + key, value)};
    *at += key + value;
    return true;
}

static enum wire_status visit_rows(const struct record *record, int (*visit)(void *context, const struct wire_row *row),
                                   void *context)
{
    struct wire_bytes rows = wire_bytes(record->rows, record->size);
    for (size_t at = 0; at < rows.size;) {
        struct wire_row row;
        if (!row_at(rows, &at, &row))
            return WIRE_DAMAGED;
        if (visit(context, &row) != 0)
            return WIRE_IO;
    }
    return WIRE_OK;
}

/* A record above `number` at or behind `from`: then what should be before it is gone. */
static bool later_one(const struct keep_journal *journal, struct wire_bytes half, size_t from, uint64_t number)
{
    struct record record;
    for (size_t at = from; at < half.size; at += BLOCK) {
        if (record_at(journal, half, at, &record) && record.number > number)
            return true;
    }
    return false;
}

static enum wire_status read_file(struct keep_journal *journal, struct wire_bytes *out)
{
    struct stat found;
    if (fstat(journal->fd, &found) != 0)
        return WIRE_IO;
    size_t size = (size_t)found.st_size, have = 0;
    if (!reserve(journal, size + 1))
        return WIRE_NO_MEMORY;
    while (have < size) {
        ssize_t got = pread(journal->fd, journal->buffer + have, size - have, (off_t)have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return WIRE_IO;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    *out = wire_bytes(journal->buffer, have);
    return WIRE_OK;
}

/* Records from the start of a half; *end: behind those that belong together. */
static enum wire_status read_half(struct keep_journal *journal, struct wire_bytes half, size_t *end,
                                  int (*visit)(void *context, const struct wire_row *row), void *context)
{
    enum wire_status status = WIRE_OK;
    struct record record;
    uint64_t last = 0;
    for (*end = 0; status == WIRE_OK && record_at(journal, half, *end, &record); *end += record.whole) {
        if (record.number > journal->number + 1)
            return WIRE_DAMAGED;
        if (record.number <= last)
            break; /* left from an earlier round */
        last = record.number;
        if (record.number == journal->number + 1) {
            status = visit_rows(&record, visit, context);
            journal->number = record.number;
        }
    }
    return status;
}

static uint64_t first_number(const struct keep_journal *journal, struct wire_bytes half)
{
    struct record record;
    return record_at(journal, half, 0, &record) ? record.number : UINT64_MAX;
}

/* The half that was begun first has the older records. */
static enum wire_status read_halves(struct keep_journal *journal, struct wire_bytes file,
                                    int (*visit)(void *context, const struct wire_row *row), void *context)
{
    size_t cut = file.size < KEEP_JOURNAL_HALF_BYTES ? file.size : KEEP_JOURNAL_HALF_BYTES, end[2];
    struct wire_bytes half[2] = {wire_bytes(file.data, cut), wire_bytes(file.data + cut, file.size - cut)};
    unsigned older = first_number(journal, half[1]) < first_number(journal, half[0]);
    enum wire_status status = read_half(journal, half[older], &end[older], visit, context);
    if (status == WIRE_OK)
        status = read_half(journal, half[!older], &end[!older], visit, context);
    for (unsigned i = 0; status == WIRE_OK && i < 2; i++)
        if (later_one(journal, half[i], end[i], journal->number))
            status = WIRE_DAMAGED;
    return status;
}

enum wire_status keep_journal_read(struct keep_journal *journal, uint64_t number,
                                   int (*visit)(void *context, const struct wire_row *row), void *context)
{
    struct wire_bytes file = {0};
    enum wire_status status = read_file(journal, &file);
    journal->number = number;
    if (status == WIRE_OK)
        status = read_halves(journal, file, visit, context);
    give_back(journal); /* a record to write is smaller than the file */
    journal->start = journal->end = 0;
    return status;
}
