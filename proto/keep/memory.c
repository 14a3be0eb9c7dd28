/* The in-memory back end: the same rows, order and failures, without threads and without a disk. */
#include "keep/memory.h"
#include "keep/backend.h"
#include "wire/ensure.h"
#include <stdlib.h>

/* A table set: what is "on the disk", and what an image is. */
struct keep_image {
    struct keep_list tables[WIRE_TABLES_MAX];
    uint64_t heights;
    uint64_t bytes;
};

struct memory;

struct memory_reader {
    struct keep_reader head;
    struct memory *memory;
};

struct memory {
    struct keep keep; /* first */
    struct keep_image *disk;
    struct keep_queue queue;
    struct keep_counts counts;
    uint64_t committed;
    uint64_t limit;
    uint64_t fail_in; /* 0: never */
    enum wire_status failed;
    bool at_once, held, disk_full;
    struct memory_reader reader;
    struct keep_task *done_first, *done_last;
};

enum { ROW_OVERHEAD = 64 };

/* --- images --- */

static struct keep_image *image_new(void)
{
    struct keep_image *image = calloc(1, sizeof *image);
    ENSURE(image);
    image->heights = 0x2545F4914F6CDD1DULL;
    return image;
}

static uint64_t node_bytes(const struct keep_node *node)
{
    return (uint64_t)node->key_size + node->value_size + ROW_OVERHEAD;
}

static void image_put(struct keep_image *image, const struct keep_node *from)
{
    struct wire_row row = {from->table, false, keep_node_key(from), keep_node_value(from)};
    uint8_t height = keep_list_height(&image->heights);
    void *space = malloc(keep_node_size(&row, height));
    ENSURE(space);
    struct keep_node *node = keep_node_write(space, &row, height);
    image->bytes += node_bytes(node);
    struct keep_node *replaced = keep_list_put(&image->tables[row.table], node);
    if (replaced)
        image->bytes -= node_bytes(replaced);
    free(replaced);
}

static void image_erase(struct keep_image *image, const struct keep_node *from)
{
    struct keep_list *table = &image->tables[from->table];
    struct keep_node *node = keep_list_seek(table, keep_node_key(from));
    if (!node || keep_compare(keep_node_key(node), keep_node_key(from)) != 0)
        return;
    keep_list_remove(table, node);
    image->bytes -= node_bytes(node);
    free(node);
}

static struct keep_image *image_copy(const struct keep_image *from)
{
    struct keep_image *copy = image_new();
    for (size_t i = 0; i < WIRE_TABLES_MAX; i++)
        for (struct keep_node *node = from->tables[i].head[0]; node; node = node->next[0])
            image_put(copy, node);
    return copy;
}

void keep_memory_image_free(struct keep_image **image)
{
    if (!image || !*image)
        return;
    for (size_t i = 0; i < WIRE_TABLES_MAX; i++)
        for (struct keep_node *node = (*image)->tables[i].head[0], *next; node; node = next) {
            next = node->next[0];
            free(node);
        }
    free(*image);
    *image = NULL;
}

/* --- reading --- */

static enum wire_status get(struct keep_reader *head, uint8_t table, struct wire_bytes key, struct wire_bytes *value)
{
    const struct keep_list *list = &((struct memory_reader *)head)->memory->disk->tables[table];
    const struct keep_node *node = keep_list_seek(list, key);
    if (!node || keep_compare(keep_node_key(node), key) != 0)
        return WIRE_NOT_FOUND;
    *value = keep_node_value(node);
    return WIRE_OK;
}

static enum wire_status stand(struct keep_place *place, struct keep_node *node)
{
    place->at = node;
    place->key = node ? keep_node_key(node) : wire_bytes(NULL, 0);
    place->value = node ? keep_node_value(node) : wire_bytes(NULL, 0);
    return WIRE_OK;
}

static enum wire_status seek(struct keep_reader *head, uint8_t table, struct wire_bytes key, struct keep_place *place)
{
    return stand(place, keep_list_seek(&((struct memory_reader *)head)->memory->disk->tables[table], key));
}

static enum wire_status next(struct keep_reader *head, struct keep_place *place)
{
    (void)head;
    struct keep_node *node = place->at;
    return stand(place, node->next[0]);
}

static enum wire_status before(struct keep_reader *head, uint8_t table, struct wire_bytes bound,
                               struct keep_place *place)
{
    return stand(place, keep_list_before(&((struct memory_reader *)head)->memory->disk->tables[table], bound));
}

static void close_place(struct keep_reader *head, struct keep_place *place)
{
    (void)head;
    place->at = NULL;
}

static const struct keep_reader_ops READER = {get, seek, next, before, close_place};

/* --- committing --- */

static void write_group(struct memory *memory, struct keep_appended *group)
{
    for (struct keep_appended *at = group; at; at = at->queue_next) {
        struct keep_node *node = keep_appended_first(at);
        for (size_t i = 0; i < at->row_count; i++, node = keep_appended_after(node)) {
            if (node->erase)
                image_erase(memory->disk, node);
            else
                image_put(memory->disk, node);
        }
        memory->counts.rows += at->row_count;
        memory->counts.bytes += at->bytes;
        memory->committed = at->ticket;
    }
    memory->counts.commits++;
}

static bool commit(struct memory *memory)
{
    if (memory->held || memory->failed != WIRE_OK)
        return false;
    struct keep_appended *group = keep_queue_cut(&memory->queue, WIRE_COMMIT_BYTES_MAX, KEEP_COMMIT_ROWS_MAX);
    if (!group)
        return false;
    if (memory->fail_in > 0 && --memory->fail_in == 0)
        memory->failed = WIRE_IO;
    else
        write_group(memory, group);
    keep_wake(&memory->keep);
    return true;
}

/* --- the back end --- */

static void drop_tasks(struct memory *memory)
{
    while (memory->done_first) {
        struct keep_task *after = memory->done_first->next;
        keep_task_free(memory->done_first);
        memory->done_first = after;
    }
    memory->done_last = NULL;
    memory->keep.tasks = 0;
}

static void memory_close(struct keep *keep)
{
    struct memory *memory = (struct memory *)keep;
    drop_tasks(memory);
    keep_memory_image_free(&memory->disk);
    keep_pending_close(&keep->pending);
    free(memory);
}

static void memory_submit(struct keep *keep, struct keep_appended *appended)
{
    struct memory *memory = (struct memory *)keep;
    keep_queue_push(&memory->queue, appended);
    while (memory->at_once && commit(memory))
        ;
}

static uint64_t memory_committed(struct keep *keep)
{
    return ((struct memory *)keep)->committed;
}

static enum wire_status memory_failed(struct keep *keep, struct wire_problem *problem)
{
    struct memory *memory = (struct memory *)keep;
    if (memory->failed != WIRE_OK)
        wire_fail(problem, memory->failed, "memory", "提交失败（测试设定）", "a commit failed, as the test asked");
    return memory->failed;
}

static enum wire_status memory_sync(struct keep *keep)
{
    struct memory *memory = (struct memory *)keep;
    while (commit(memory))
        ;
    if (memory->failed == WIRE_OK && memory->queue.first)
        return WIRE_AGAIN; /* held */
    return memory->failed;
}

static void memory_room(struct keep *keep, struct keep_room *room)
{
    const struct memory *memory = (struct memory *)keep;
    room->bytes_used = memory->disk->bytes;
    room->bytes_limit = memory->limit;
    room->disk_free = memory->disk_full ? 0 : UINT64_MAX / 4;
}

static struct keep_counts memory_counts(struct keep *keep)
{
    return ((struct memory *)keep)->counts;
}

static enum wire_status memory_read_begin(struct keep *keep, struct keep_reader **reader)
{
    *reader = &((struct memory *)keep)->reader.head;
    return WIRE_OK;
}

static void memory_read_end(struct keep *keep)
{
    (void)keep;
}

static void memory_fetch(struct keep *keep, struct keep_task *task)
{
    struct memory *memory = (struct memory *)keep;
    keep_task_run(task, &memory->reader.head);
    task->next = NULL;
    if (memory->done_last)
        memory->done_last->next = task;
    else
        memory->done_first = task;
    memory->done_last = task;
    keep_wake(keep);
}

static struct keep_task *memory_fetched(struct keep *keep)
{
    struct memory *memory = (struct memory *)keep;
    struct keep_task *task = memory->done_first;
    if (!task)
        return NULL;
    memory->done_first = task->next;
    if (!memory->done_first)
        memory->done_last = NULL;
    return task;
}

static const struct keep_backend MEMORY = {
    .close = memory_close,
    .submit = memory_submit,
    .committed = memory_committed,
    .applied = memory_committed,
    .failed = memory_failed,
    .sync = memory_sync,
    .room = memory_room,
    .counts = memory_counts,
    .read_begin = memory_read_begin,
    .read_end = memory_read_end,
    .fetch = memory_fetch,
    .fetched = memory_fetched,
};

enum wire_status keep_open_memory(const struct keep_options *options, bool commit_at_once, struct keep **out,
                                  struct wire_problem *problem)
{
    *out = NULL;
    struct memory *memory = calloc(1, sizeof *memory);
    if (!memory)
        return wire_fail(problem, WIRE_NO_MEMORY, "memory", "内存不足", "out of memory");
    keep_init(&memory->keep, &MEMORY, options);
    memory->disk = image_new();
    memory->at_once = commit_at_once;
    memory->limit = options->map_bytes_max;
    memory->reader = (struct memory_reader){.head = {&READER, options->table_count}, .memory = memory};
    *out = &memory->keep;
    return WIRE_OK;
}

/* --- what tests do to it --- */

static struct memory *as_memory(struct keep *keep)
{
    ENSURE(keep->backend == &MEMORY && keep->reading == 0);
    return (struct memory *)keep;
}

bool keep_memory_commit(struct keep *keep)
{
    return commit(as_memory(keep));
}

void keep_memory_hold(struct keep *keep, bool held)
{
    as_memory(keep)->held = held;
}

void keep_memory_fail_at(struct keep *keep, uint64_t n)
{
    as_memory(keep)->fail_in = n;
}

void keep_memory_disk_full(struct keep *keep, bool full)
{
    as_memory(keep)->disk_full = full;
}

void keep_memory_crash(struct keep *keep)
{
    struct memory *memory = as_memory(keep);
    drop_tasks(memory);
    memory->queue = (struct keep_queue){0};
    keep_pending_close(&keep->pending);
    memory->committed = 0;
    memory->fail_in = 0;
    memory->failed = WIRE_OK;
    memory->held = false;
}

struct keep_image *keep_memory_image(struct keep *keep)
{
    return image_copy(as_memory(keep)->disk);
}

void keep_memory_restore(struct keep *keep, const struct keep_image *image)
{
    struct memory *memory = as_memory(keep);
    struct keep_image *copy = image_copy(image);
    keep_memory_image_free(&memory->disk);
    memory->disk = copy;
    keep_memory_crash(keep);
}
