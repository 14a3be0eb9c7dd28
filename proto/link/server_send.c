#include "link/message.h"
#include "link/server_inside.h"
#include "link/tcp_taken.h"

/* The address frame. With ROUTER_MANDATORY it is here that a full or missing pipe shows; once it is taken the payload
 * frame cannot fail. */
static enum wire_status send_routing_id(struct link_server *server, const struct connection *connection)
{
    zmq_msg_t frame;
    if (zmq_msg_init_size(&frame, LINK_ROUTING_ID_BYTES) != 0)
        return WIRE_NO_MEMORY;
    uint8_t *id = zmq_msg_data(&frame);
    id[0] = 0;
    wire_put_u32(id + 1, connection->routing);
    enum wire_status status = link_socket_send(&server->router, &frame, true);
    if (status != WIRE_OK)
        zmq_msg_close(&frame);
    return status;
}

/* A peer that does not read fills our memory, not only its own queue: the high-water mark counts frames, and a frame
 * may be large. What its TCP acknowledged includes the handshake, so this errs to the peer's credit. */
static bool reads(const struct link_server *server, struct connection *connection)
{
    uint64_t most = server->options.unsent_bytes_max;
    if (connection->sent - connection->taken <= most)
        return true;
    uint64_t acknowledged;
    if (link_tcp_acknowledged(connection->own_fd, &acknowledged))
        connection->taken = acknowledged < connection->sent ? acknowledged : connection->sent;
    return connection->sent - connection->taken <= most;
}

static enum wire_status count(struct link_server *server, struct connection *connection, enum wire_status status,
                              size_t size)
{
    if (status == WIRE_OK)
        connection->sent += link_wire_bytes(size);
    server->counters.messages_out += status == WIRE_OK;
    server->counters.bytes_out += status == WIRE_OK ? size : 0;
    server->counters.send_again += status == WIRE_AGAIN;
    server->counters.send_closed += status == WIRE_CLOSED;
    return status;
}

static struct connection *addressee(const struct link_server *server, link_peer peer)
{
    struct connection *connection = link_table_by_peer(server, peer);
    return connection && connection->known && !connection->cut && !connection->gone ? connection : NULL;
}

enum wire_status link_server_send(struct link_server *server, link_peer peer, struct wire_bytes payload)
{
    struct connection *connection = addressee(server, peer);
    zmq_msg_t message;
    if (!connection)
        return count(server, NULL, WIRE_CLOSED, 0);
    if (!reads(server, connection))
        return count(server, connection, WIRE_AGAIN, 0);
    enum wire_status status = link_message_copy(&message, payload);
    if (status != WIRE_OK)
        return status;
    status = send_routing_id(server, connection);
    if (status == WIRE_OK)
        status = link_socket_send(&server->router, &message, false);
    if (status != WIRE_OK)
        zmq_msg_close(&message);
    return count(server, connection, status, payload.size);
}

enum wire_status link_server_send_owned(struct link_server *server, link_peer peer, void *data, size_t size,
                                        void (*release)(void *data, void *hint), void *hint)
{
    struct connection *connection = addressee(server, peer);
    struct link_lent *lent = NULL;
    zmq_msg_t message;
    if (!connection)
        return count(server, NULL, WIRE_CLOSED, 0);
    if (!reads(server, connection))
        return count(server, connection, WIRE_AGAIN, 0);
    enum wire_status status = link_message_lend(&message, data, size, release, hint, &lent);
    if (status != WIRE_OK)
        return status;
    status = send_routing_id(server, connection);
    if (status == WIRE_OK) {
        link_message_arm(lent);
        status = link_socket_send(&server->router, &message, false);
        if (status != WIRE_OK)
            link_message_disarm(lent);
    }
    if (status != WIRE_OK)
        zmq_msg_close(&message);
    return count(server, connection, status, size);
}
