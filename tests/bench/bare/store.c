#include "bare/store.h"

#include "common/plan.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct list {
    struct bare_item *first, **last;
};

struct bare_store {
    MDB_env *env;
    MDB_dbi table;
    uint64_t number;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct list asked, done;
    bool stop;
    int fd;
};

static void check(int result)
{
    if (result != 0)
        plan_void("LMDB: %s", mdb_strerror(result));
}

static void add(struct list *list, struct bare_item *first, struct bare_item **last)
{
    *list->last = first;
    list->last = last;
}

static struct bare_item *take_all(struct list *list)
{
    struct bare_item *first = list->first;
    *list = (struct list){.first = NULL};
    list->last = &list->first;
    return first;
}

/* Big-endian, so that keys rise. */
static void commit(struct bare_store *store, struct bare_item *first)
{
    MDB_txn *txn;
    check(mdb_txn_begin(store->env, NULL, 0, &txn));
    for (struct bare_item *item = first; item != NULL; item = item->next) {
        uint64_t number = __builtin_bswap64(++store->number);
        MDB_val key = {sizeof(number), &number};
        MDB_val value = {zmq_msg_size(&item->batch), zmq_msg_data(&item->batch)};
        check(mdb_put(txn, store->table, &key, &value, MDB_APPEND));
    }
    check(mdb_txn_commit(txn));
}

static void *run(void *context)
{
    struct bare_store *store = context;
    uint64_t one = 1;
    for (;;) {
        pthread_mutex_lock(&store->lock);
        while (store->asked.first == NULL && !store->stop)
            pthread_cond_wait(&store->wake, &store->lock);
        struct bare_item *first = take_all(&store->asked);
        pthread_mutex_unlock(&store->lock);
        if (first == NULL)
            return NULL;
        commit(store, first);
        struct bare_item *last = first;
        while (last->next != NULL)
            last = last->next;
        pthread_mutex_lock(&store->lock);
        add(&store->done, first, &last->next);
        pthread_mutex_unlock(&store->lock);
        if (write(store->fd, &one, sizeof(one)) != sizeof(one))
            plan_void("eventfd");
    }
}

struct bare_store *bare_store_open(const char *folder)
{
    struct bare_store *store = calloc(1, sizeof(*store));
    MDB_txn *txn;
    if (store == NULL)
        plan_void("no memory");
    store->asked.last = &store->asked.first;
    store->done.last = &store->done.first;
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->wake, NULL);
    store->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    check(mdb_env_create(&store->env));
    check(mdb_env_set_mapsize(store->env, (size_t)64 << 30));
    check(mdb_env_open(store->env, folder, 0, 0600));
    check(mdb_txn_begin(store->env, NULL, 0, &txn));
    check(mdb_dbi_open(txn, NULL, 0, &store->table));
    check(mdb_txn_commit(txn));
    if (pthread_create(&store->thread, NULL, run, store) != 0)
        plan_void("no thread");
    return store;
}

void bare_store_close(struct bare_store **store)
{
    pthread_mutex_lock(&(*store)->lock);
    (*store)->stop = true;
    pthread_cond_signal(&(*store)->wake);
    pthread_mutex_unlock(&(*store)->lock);
    pthread_join((*store)->thread, NULL);
    mdb_env_close((*store)->env);
    close((*store)->fd);
    free(*store);
    *store = NULL;
}

int bare_store_fd(const struct bare_store *store)
{
    return store->fd;
}

void bare_store_put(struct bare_store *store, struct bare_item *item)
{
    item->next = NULL;
    pthread_mutex_lock(&store->lock);
    add(&store->asked, item, &item->next);
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->lock);
}

struct bare_item *bare_store_done(struct bare_store *store)
{
    uint64_t count;
    if (read(store->fd, &count, sizeof(count)) != sizeof(count))
        return NULL;
    pthread_mutex_lock(&store->lock);
    struct bare_item *first = take_all(&store->done);
    pthread_mutex_unlock(&store->lock);
    return first;
}
