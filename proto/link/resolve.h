/* A host name to addresses without anybody waiting. getaddrinfo may hang for half a minute and cannot be called off, so
 * a detached thread of its own asks it; libzmq would ask in its I/O thread, which serves all links, and libuv in its
 * pool, which is joined when the process ends. A thread that still waits when the process ends goes with it.
 *
 * Calls and callbacks on the loop's thread. */
#pragma once
#include <stdbool.h>
#include <uv.h>

enum { LINK_RESOLVE_BYTES = 256, LINK_RESOLVE_MAX = 8 };

/* Endpoints with addresses in place of the name, in the resolver's order. count 0: no such name, or no answer. */
struct link_resolved {
    unsigned count;
    char endpoint[LINK_RESOLVE_MAX][LINK_RESOLVE_BYTES];
};

struct link_resolve;

/* `endpoint` ("tcp://host:port") holds a name that must be asked for. */
bool link_resolve_needed(const char *endpoint);

/* done(ctx, addresses) is called once, unless it is forgotten before; the addresses are valid until it returns. NULL:
 * no memory or thread, nothing is called. */
struct link_resolve *link_resolve_start(uv_loop_t *loop, const char *endpoint,
                                        void (*done)(void *ctx, const struct link_resolved *found), void *ctx);
/* After done, or when nobody wants to know any more; NULLs *resolve. closed(ctx) follows in a later turn of the loop.
 */
void link_resolve_forget(struct link_resolve **resolve, void (*closed)(void *ctx), void *ctx);
