/* Fetch requests: made and taken by the owner, run over a snapshot by whoever the back end says. */
#include "keep/backend.h"
#include "wire/ensure.h"
#include <stdlib.h>

void keep_task_free(struct keep_task *task)
{
    if (!task)
        return;
    if (task->own_context)
        free(task->context);
    keep_rows_free(task->rows);
    free(task);
}

void keep_task_run(struct keep_task *task, struct keep_reader *reader)
{
    task->status = task->job(task->context, reader, task->rows);
}

static enum wire_status submit(struct keep *keep, struct keep_task request)
{
    if (keep->tasks >= KEEP_FETCHES_MAX)
        return WIRE_AGAIN;
    struct keep_task *task = malloc(sizeof *task);
    if (task) {
        *task = request;
        task->rows = keep_rows_new();
    }
    if (!task || !task->rows) {
        free(task);
        return WIRE_NO_MEMORY;
    }
    keep->tasks++;
    keep->backend->fetch(keep, task);
    return WIRE_OK;
}

enum wire_status keep_fetch(struct keep *keep, uint64_t request, keep_job *job, void *context)
{
    return submit(keep, (struct keep_task){.request = request, .job = job, .context = context});
}

/* --- the job of keep_fetch_async --- */

struct copied_range {
    struct keep_range range;
    uint8_t bytes[3][WIRE_KEY_BYTES_MAX];
};

static struct wire_bytes copy_bound(struct wire_bytes bound, uint8_t *to)
{
    ENSURE(bound.size <= WIRE_KEY_BYTES_MAX);
    if (bound.size)
        memcpy(to, bound.data, bound.size);
    return wire_bytes(to, bound.size);
}

struct bringing {
    struct keep_rows *rows;
    uint8_t table;
    enum wire_status status;
};

static bool bring(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct bringing *bringing = context;
    bringing->status = keep_rows_add(bringing->rows, bringing->table, key, value);
    return bringing->status == WIRE_OK;
}

static enum wire_status bring_range(void *context, struct keep_reader *reader, struct keep_rows *rows)
{
    const struct copied_range *copy = context;
    struct bringing bringing = {.rows = rows, .table = copy->range.table};
    bool more = false;
    enum wire_status status = keep_reader_scan(reader, &copy->range, bring, &bringing, &more);
    bool full = bringing.status == WIRE_TOO_SMALL;
    keep_rows_set_more(rows, more || full);
    if (status == WIRE_OK && !full)
        status = bringing.status;
    return status;
}

enum wire_status keep_fetch_async(struct keep *keep, uint64_t request, const struct keep_range *range)
{
    ENSURE(range->table < keep->table_count);
    struct copied_range *copy = malloc(sizeof *copy);
    if (!copy)
        return WIRE_NO_MEMORY;
    copy->range = *range;
    copy->range.prefix = copy_bound(range->prefix, copy->bytes[0]);
    copy->range.from = copy_bound(range->from, copy->bytes[1]);
    copy->range.to = copy_bound(range->to, copy->bytes[2]);
    enum wire_status status =
        submit(keep, (struct keep_task){.request = request, .job = bring_range, .context = copy, .own_context = true});
    if (status != WIRE_OK)
        free(copy);
    return status;
}

bool keep_fetched(struct keep *keep, struct keep_fetched *out)
{
    struct keep_task *task = keep->backend->fetched(keep);
    if (!task)
        return false;
    keep->tasks--;
    *out = (struct keep_fetched){
        .request = task->request,
        .context = task->own_context ? NULL : task->context,
        .status = task->status,
        .more = task->rows->more,
        .rows = task->rows->rows,
        .row_count = task->rows->count,
        .memory = task->rows,
    };
    task->rows = NULL;
    keep_task_free(task);
    return true;
}

void keep_fetched_close(struct keep_fetched *fetched)
{
    keep_rows_free(fetched->memory);
    *fetched = (struct keep_fetched){0};
}

/* --- what a job calls --- */

enum wire_status keep_reader_get(struct keep_reader *reader, uint8_t table, struct wire_bytes key,
                                 struct wire_bytes *value)
{
    ENSURE(table < reader->table_count && key.size > 0 && key.size <= WIRE_KEY_BYTES_MAX);
    return reader->ops->get(reader, table, key, value);
}

enum wire_status keep_reader_scan(struct keep_reader *reader, const struct keep_range *range, keep_visit *visit,
                                  void *context, bool *more)
{
    return keep_merge_scan(reader, NULL, range, visit, context, more);
}

enum wire_status keep_reader_last(struct keep_reader *reader, uint8_t table, struct wire_bytes prefix,
                                  struct wire_bytes *key, struct wire_bytes *value)
{
    struct keep_place place = {0};
    enum wire_status status = keep_merge_last(reader, NULL, table, prefix, key, value, &place);
    reader->ops->close(reader, &place);
    return status;
}
