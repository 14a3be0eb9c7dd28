#include "link/server_inside.h"
#include "wire/ensure.h"
#include <stdlib.h>
#include <string.h>

struct link_kept {
    zmq_msg_t message;
};

struct link_kept *link_server_keep(struct link_server *server, struct wire_bytes *payload)
{
    struct link_kept *kept = malloc(sizeof *kept);
    ENSURE(kept != NULL && server->delivering != NULL);
    zmq_msg_init(&kept->message);
    ENSURE(zmq_msg_move(&kept->message, server->delivering) == 0);
    server->delivering = NULL;
    *payload = wire_bytes(zmq_msg_data(&kept->message), zmq_msg_size(&kept->message)); /* short ones lie in it */
    return kept;
}

void link_kept_free(struct link_kept **kept)
{
    if (*kept == NULL)
        return;
    zmq_msg_close(&(*kept)->message);
    free(*kept);
    *kept = NULL;
}

static void read_routing_id(struct link_server *server, zmq_msg_t *frame)
{
    const uint8_t *id = zmq_msg_data(frame);
    server->routing_id_own = zmq_msg_size(frame) != LINK_ROUTING_ID_BYTES || id[0] != 0;
    if (!server->routing_id_own)
        memcpy(server->routing_id, id, LINK_ROUTING_ID_BYTES);
    server->reading = READ_PAYLOAD;
}

/* Whose message this is; NULL: nobody's that may speak. */
static struct connection *speaker(struct link_server *server, zmq_msg_t *payload)
{
    struct connection *connection = NULL;
    if (!server->routing_id_own)
        connection = link_table_by_routing(server, wire_get_u32(server->routing_id + 1));
    return connection ? connection : link_connection_name(server, payload);
}

static bool same_user(const struct connection *connection, const zmq_msg_t *payload)
{
    const char *ticket = zmq_msg_gets(payload, "User-Id");
    return ticket && strcmp(ticket, connection->ticket) == 0;
}

static void deliver(struct link_server *server, struct connection *connection, zmq_msg_t *payload)
{
    size_t size = zmq_msg_size(payload);
    server->counters.messages_in++;
    server->counters.bytes_in += size;
    connection->delivered += link_wire_bytes(size);
    server->delivering = payload;
    server->call.on_message(server->call.ctx, connection->peer, connection->user_id,
                            wire_bytes(zmq_msg_data(payload), size));
    server->delivering = NULL;
}

static void read_payload(struct link_server *server, zmq_msg_t *payload)
{
    struct connection *connection = speaker(server, payload);
    bool more = zmq_msg_more(payload) != 0;
    server->reading = more ? READ_REST : READ_ROUTING_ID;
    if (connection && more)
        link_connection_cut(server, connection, LINK_CUT_MULTI_PART);
    else if (connection && !same_user(connection, payload))
        link_connection_cut(server, connection, LINK_CUT_NO_USER_ID);
    if (connection && !connection->cut && !connection->reported)
        deliver(server, connection, payload);
    else
        server->counters.dropped++;
}

/* false: nothing to read. */
static bool read_frame(struct link_server *server, uint32_t *bytes_left)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    bool read = link_socket_receive(&server->router, &frame) == WIRE_OK;
    if (read) {
        size_t size = zmq_msg_size(&frame);
        *bytes_left -= size < *bytes_left ? (uint32_t)size : *bytes_left;
        if (server->reading == READ_ROUTING_ID)
            read_routing_id(server, &frame);
        else if (server->reading == READ_PAYLOAD)
            read_payload(server, &frame);
        else if (!zmq_msg_more(&frame))
            server->reading = READ_ROUTING_ID;
    }
    zmq_msg_close(&frame);
    return read;
}

void link_server_readable(void *ctx)
{
    struct link_server *server = ctx;
    uint32_t frames = 2 * server->options.turn_frames_max, bytes = server->options.turn_bytes_max;
    uint64_t before = server->counters.messages_in;
    bool drained = false;
    server->busy++;
    while (!drained && frames-- > 0 && bytes > 0)
        drained = !read_frame(server, &bytes);
    link_connections_end(server, drained);
    if (server->counters.messages_in != before && server->call.on_turn_end)
        server->call.on_turn_end(server->call.ctx);
    server->busy--;
}
