/* Finds peers whose message never ends: what libzmq took from TCP and did not hand over. */
#include "link/server_inside.h"
#include "link/tcp_taken.h"

enum {
    CURVE_BYTES = 33,      /* "\x07MESSAGE", nonce, authenticator, flags */
    SHORT_FRAME_MAX = 255, /* ZMTP 3.1: up to here a frame has 1 byte of length, beyond it 8; both after 1 of flags */
    MANY = 1024,
    TURNS = 4,
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

/* Of many connections a quarter each time: asking the kernel about 3,000 at once takes longer than all else that a
 * broker at rest does. */
void link_server_watch(uv_timer_t *timer)
{
    struct link_server *server = timer->data;
    uint32_t step = server->counters.connections > MANY ? TURNS : 1;
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
