/* Finds peers whose message never ends: what libzmq took from TCP and did not hand over. */
#include "link/server_inside.h"
#include "link/tcp_taken.h"
#include <stdlib.h>
#include <unistd.h>

enum {
    CURVE_BYTES = 33,      /* "\x07MESSAGE", nonce, authenticator, flags */
    SHORT_FRAME_MAX = 255, /* ZMTP 3.1: up to here a frame has 1 byte of length, beyond it 8; both after 1 of flags */
    MANY = 1024,
    TURNS = 4,             /* of many connections that share is looked at each time */
    TURNS_AT_REST = 16,    /* and that, while nothing can be hidden that matters */
    HANDSHAKE_BYTES = 2048 /* greeting, HELLO, INITIATE with metadata: under 1 KiB */
};

uint64_t link_wire_bytes(uint64_t size)
{
    uint64_t body = size + CURVE_BYTES;
    return body + (body > SHORT_FRAME_MAX ? 9 : 2);
}

static uint64_t bytes_allowed(struct link_server *server, const struct connection *connection)
{
    uint64_t granted = 0;
    if (connection->known && server->call.may_be_under_way)
        granted = server->call.may_be_under_way(server->call.ctx, connection->peer, connection->user_id);
    return connection->delivered + granted + server->options.silent_bytes_max + HANDSHAKE_BYTES;
}

uint64_t link_anonymous_bytes(int statm)
{
    char text[128], *at = text;
    ssize_t size = statm < 0 ? -1 : pread(statm, text, sizeof text - 1, 0);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    strtoul(at, &at, 10); /* size, resident, shared: pages */
    unsigned long resident = strtoul(at, &at, 10), shared = strtoul(at, &at, 10);
    return resident > shared ? (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* What a message that does not end keeps is in this process's memory: while that is not more than when all were looked
 * at last, by what one peer may keep, nobody keeps more than was there before. */
uint32_t link_watch_step(struct link_server *server, uint64_t anonymous_bytes)
{
    bool grown = anonymous_bytes > server->watched_bytes + server->options.silent_bytes_max;
    if (anonymous_bytes < server->watched_bytes || grown)
        server->watched_bytes = anonymous_bytes;
    if (server->counters.connections <= MANY || grown)
        return 1;
    return anonymous_bytes == 0 ? TURNS : TURNS_AT_REST;
}

/* Asking the kernel about 3,000 connections takes longer than all else that a broker at rest does. */
void link_server_watch(uv_timer_t *timer)
{
    struct link_server *server = timer->data;
    uint32_t step = link_watch_step(server, link_anonymous_bytes(server->statm));
    server->busy++;
    for (uint32_t i = server->watch_turn++ % step; i < server->options.connections_max; i += step) {
        struct connection *connection = &server->slots[i];
        if (connection->peer == 0 || connection->own_fd < 0 || connection->cut)
            continue;
        if (link_tcp_taken_above(connection->own_fd, bytes_allowed(server, connection)))
            link_connection_cut(server, connection, LINK_CUT_UNDELIVERED);
    }
    server->busy--;
}
