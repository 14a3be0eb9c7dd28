/* What a back end is to keep.c. Internal to keep. Every function is called on the owner's thread. */
#pragma once
#include "keep/keep.h"
#include "keep/pending.h"
#include "keep/reader.h"
#include "keep/rows.h"

/* One request to read: owned by the owner, then by whoever runs it, then by the owner again. */
struct keep_task {
    struct keep_task *next;
    uint64_t request;
    keep_job *job;
    void *context;
    bool own_context; /* a copied range: freed with the task */
    uint64_t after;   /* its snapshot has everything up to this ticket */
    enum wire_status status;
    struct keep_rows *rows;
};

struct keep_backend {
    void (*close)(struct keep *keep); /* frees the struct it made */
    void (*submit)(struct keep *keep, struct keep_appended *appended);
    void (*hold)(struct keep *keep, bool on); /* may be NULL */
    uint64_t (*committed)(struct keep *keep);
    uint64_t (*applied)(struct keep *keep); /* what a snapshot that is taken now has; never above committed */
    enum wire_status (*failed)(struct keep *keep, struct wire_problem *problem);
    enum wire_status (*sync)(struct keep *keep);
    void (*room)(struct keep *keep, struct keep_room *room); /* used, limit, disk */
    struct keep_counts (*counts)(struct keep *keep);
    enum wire_status (*read_begin)(struct keep *keep, struct keep_reader **reader);
    void (*read_end)(struct keep *keep);
    void (*fetch)(struct keep *keep, struct keep_task *task);
    struct keep_task *(*fetched)(struct keep *keep); /* the oldest finished; NULL: none */
};

/* The head of each back end's own struct. */
struct keep {
    const struct keep_backend *backend;
    struct keep_pending pending;
    size_t table_count;
    size_t pending_bytes_max;
    void (*wake)(void *context); /* set before the first append or fetch, read by the threads after it */
    void *wake_context;
    struct keep_reader *reader; /* open while reading > 0 */
    unsigned reading;
    unsigned holding;
    unsigned tasks; /* fetches not taken */
};

/* Checks the options' bounds (ENSURE: they are the program's constants) and fills the head. */
void keep_init(struct keep *keep, const struct keep_backend *backend, const struct keep_options *options);
void keep_wake(struct keep *keep);
void keep_task_run(struct keep_task *task, struct keep_reader *reader);
void keep_task_free(struct keep_task *task);
