/* The fetch thread: page faults of backlog reads happen here and not on the loop. */
#define _GNU_SOURCE
#include "keep/lmdb.h"
#include "wire/ensure.h"

static void push(struct keep_task **first, struct keep_task **last, struct keep_task *task)
{
    task->next = NULL;
    if (*last)
        (*last)->next = task;
    else
        *first = task;
    *last = task;
}

static struct keep_task *pop(struct keep_task **first, struct keep_task **last)
{
    struct keep_task *task = *first;
    if (!task)
        return NULL;
    *first = task->next;
    if (!*first)
        *last = NULL;
    return task;
}

static struct keep_task *wait_for_task(struct keep_lmdb *lmdb)
{
    pthread_mutex_lock(&lmdb->fetch_lock);
    while (!lmdb->todo_first && !lmdb->fetch_stop)
        pthread_cond_wait(&lmdb->fetch_wanted, &lmdb->fetch_lock);
    struct keep_task *task = lmdb->fetch_stop ? NULL : pop(&lmdb->todo_first, &lmdb->todo_last);
    pthread_mutex_unlock(&lmdb->fetch_lock);
    return task;
}

static void *run_fetcher(void *context)
{
    struct keep_lmdb *lmdb = context;
    struct keep_task *task;
    while ((task = wait_for_task(lmdb)) != NULL) {
        task->status =
            keep_lmdb_wait_applied(lmdb, task->after) ? keep_lmdb_reader_begin(&lmdb->fetch_reader) : WIRE_IO;
        if (task->status == WIRE_OK) {
            keep_task_run(task, &lmdb->fetch_reader.head);
            keep_lmdb_reader_end(&lmdb->fetch_reader);
        }
        pthread_mutex_lock(&lmdb->fetch_lock);
        push(&lmdb->done_first, &lmdb->done_last, task);
        pthread_mutex_unlock(&lmdb->fetch_lock);
        keep_wake(&lmdb->keep);
    }
    return NULL;
}

bool keep_lmdb_fetcher_start(struct keep_lmdb *lmdb)
{
    lmdb->fetcher_runs = pthread_create(&lmdb->fetcher, NULL, run_fetcher, lmdb) == 0;
    if (lmdb->fetcher_runs)
        pthread_setname_np(lmdb->fetcher, "keep-fetcher");
    return lmdb->fetcher_runs;
}

void keep_lmdb_fetcher_stop(struct keep_lmdb *lmdb)
{
    if (lmdb->fetcher_runs) {
        pthread_mutex_lock(&lmdb->fetch_lock);
        lmdb->fetch_stop = true;
        pthread_cond_signal(&lmdb->fetch_wanted);
        pthread_mutex_unlock(&lmdb->fetch_lock);
        pthread_join(lmdb->fetcher, NULL);
        lmdb->fetcher_runs = false;
    }
    struct keep_task *task;
    while ((task = pop(&lmdb->todo_first, &lmdb->todo_last)))
        keep_task_free(task);
    while ((task = pop(&lmdb->done_first, &lmdb->done_last)))
        keep_task_free(task);
}

void keep_lmdb_fetch(struct keep *keep, struct keep_task *task)
{
    struct keep_lmdb *lmdb = (struct keep_lmdb *)keep;
    task->after = atomic_load(&lmdb->committed);
    pthread_mutex_lock(&lmdb->fetch_lock);
    push(&lmdb->todo_first, &lmdb->todo_last, task);
    pthread_cond_signal(&lmdb->fetch_wanted);
    pthread_mutex_unlock(&lmdb->fetch_lock);
}

struct keep_task *keep_lmdb_fetched(struct keep *keep)
{
    struct keep_lmdb *lmdb = (struct keep_lmdb *)keep;
    pthread_mutex_lock(&lmdb->fetch_lock);
    struct keep_task *task = pop(&lmdb->done_first, &lmdb->done_last);
    pthread_mutex_unlock(&lmdb->fetch_lock);
    return task;
}
