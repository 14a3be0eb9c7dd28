#include "link/resolve.h"
#include "wire/ensure.h"
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_BYTES = 254, PORT_BYTES = 8, SCHEME = sizeof "tcp://" - 1 };

/* Held by the thread and by the loop; the last of the two frees it. */
struct link_resolve {
    pthread_mutex_t lock;
    unsigned holders;
    bool forgotten; /* the async handle is closing or closed */
    bool answered;
    uv_async_t async;
    char host[HOST_BYTES], port[PORT_BYTES];
    struct link_resolved found; /* the thread's until it says so by the async */
    void (*done)(void *ctx, const struct link_resolved *found);
    void *done_ctx;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void let_go(struct link_resolve *resolve)
{
    pthread_mutex_lock(&resolve->lock);
    bool last = --resolve->holders == 0;
    pthread_mutex_unlock(&resolve->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&resolve->lock);
    free(resolve);
}

/* --- the endpoint's parts --- */

static bool split(const char *endpoint, char host[HOST_BYTES], char port[PORT_BYTES])
{
    const char *from = endpoint + SCHEME, *colon = strrchr(endpoint, ':');
    if (strncmp(endpoint, "tcp://", SCHEME) != 0 || colon <= from)
        return false;
    int size = (int)(colon - from);
    if (from[0] == '[' && from[size - 1] == ']')
        from++, size -= 2;
    return snprintf(host, HOST_BYTES, "%.*s", size, from) < HOST_BYTES &&
           snprintf(port, PORT_BYTES, "%s", colon + 1) < PORT_BYTES;
}

bool link_resolve_needed(const char *endpoint)
{
    char host[HOST_BYTES], port[PORT_BYTES];
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found = NULL;
    if (!split(endpoint, host, port))
        return false; /* libzmq says what is wrong with it */
    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        return true;
    freeaddrinfo(found);
    return false;
}

/* --- the thread --- */

static void keep_address(struct link_resolve *resolve, const struct addrinfo *address)
{
    struct link_resolved *found = &resolve->found;
    char host[NI_MAXHOST];
    if (found->count == LINK_RESOLVE_MAX ||
        getnameinfo(address->ai_addr, address->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0)
        return;
    const char *form = address->ai_family == AF_INET6 ? "tcp://[%.128s]:%s" : "tcp://%.128s:%s";
    snprintf(found->endpoint[found->count++], LINK_RESOLVE_BYTES, form, host, resolve->port);
}

static void *ask(void *context)
{
    struct link_resolve *resolve = context;
    struct addrinfo hints = {.ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM}, *list = NULL;
    if (getaddrinfo(resolve->host, NULL, &hints, &list) == 0) {
        for (const struct addrinfo *address = list; address; address = address->ai_next)
            keep_address(resolve, address);
        freeaddrinfo(list);
    }
    pthread_mutex_lock(&resolve->lock);
    resolve->answered = true;
    if (!resolve->forgotten)
        uv_async_send(&resolve->async); /* under the lock: it is not being closed */
    pthread_mutex_unlock(&resolve->lock);
    let_go(resolve);
    return NULL;
}

static bool start_thread(struct link_resolve *resolve)
{
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    bool started = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
                   pthread_create(&thread, &attributes, ask, resolve) == 0;
    pthread_attr_destroy(&attributes);
    return started;
}

/* --- the loop --- */

static void on_answer(uv_async_t *async)
{
    struct link_resolve *resolve = async->data;
    pthread_mutex_lock(&resolve->lock);
    bool answered = resolve->answered && !resolve->forgotten;
    pthread_mutex_unlock(&resolve->lock);
    if (answered)
        resolve->done(resolve->done_ctx, &resolve->found);
}

struct link_resolve *link_resolve_start(uv_loop_t *loop, const char *endpoint,
                                        void (*done)(void *ctx, const struct link_resolved *found), void *ctx)
{
    struct link_resolve *resolve = calloc(1, sizeof *resolve);
    if (!resolve)
        return NULL;
    if (!split(endpoint, resolve->host, resolve->port) || uv_async_init(loop, &resolve->async, on_answer) != 0) {
        free(resolve);
        return NULL;
    }
    ENSURE(pthread_mutex_init(&resolve->lock, NULL) == 0);
    resolve->async.data = resolve;
    resolve->done = done;
    resolve->done_ctx = ctx;
    resolve->holders = 2;
    if (start_thread(resolve))
        return resolve;
    resolve->holders = 1;
    link_resolve_forget(&resolve, NULL, NULL);
    return NULL;
}

static void on_closed(uv_handle_t *handle)
{
    struct link_resolve *resolve = handle->data;
    void (*closed)(void *) = resolve->closed;
    void *ctx = resolve->closed_ctx;
    let_go(resolve);
    if (closed)
        closed(ctx);
}

void link_resolve_forget(struct link_resolve **resolve, void (*closed)(void *ctx), void *ctx)
{
    struct link_resolve *taken = *resolve;
    *resolve = NULL;
    pthread_mutex_lock(&taken->lock);
    taken->forgotten = true;
    pthread_mutex_unlock(&taken->lock);
    taken->closed = closed;
    taken->closed_ctx = ctx;
    uv_close((uv_handle_t *)&taken->async, on_closed);
}
