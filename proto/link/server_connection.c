#include "link/server_inside.h"
#include "wire/id.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_BEFORE_NAMING = 1024, ENDING_TURNS_MAX = 64 };

/* --- descriptors ------------------------------------------------------------------------------------------------- */

static uint16_t port_of(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)address)->sin_port);
    if (address->ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
    return 0;
}

static bool is_ours(const struct link_server *server, int fd)
{
    struct sockaddr_storage local;
    socklen_t size = sizeof local;
    uint16_t port = getsockname(fd, (struct sockaddr *)&local, &size) == 0 ? port_of(&local) : 0;
    return port != 0 && (server->ports[port / 8] >> (port % 8) & 1) != 0;
}

/* The number in an ACCEPTED event is old news: by now it may be closed or name anything in this process. A duplicate
 * cannot change under our hands, so duplicate first and look afterwards: ours if it is a TCP connection to a port that
 * we listen on. (It may still be a *younger* connection of ours; then DISCONNECTED and another ACCEPTED follow.) -1
 * with errno: none. */
static int duplicate(const struct link_server *server, int zmq_fd)
{
    int fd = fcntl(zmq_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0 || is_ours(server, fd))
        return fd;
    close(fd);
    errno = EBADF;
    return -1;
}

static void write_address(struct connection *connection)
{
    struct sockaddr_storage remote;
    socklen_t size = sizeof remote;
    char host[INET6_ADDRSTRLEN + 16], port[8];
    if (getpeername(connection->own_fd, (struct sockaddr *)&remote, &size) != 0 ||
        getnameinfo((struct sockaddr *)&remote, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    const char *plain = strncmp(host, "::ffff:", 7) == 0 ? host + 7 : host; /* IPv4 on a socket for both */
    if (strchr(plain, ':'))
        snprintf(connection->address, sizeof connection->address, "[%.50s]:%s", plain, port);
    else
        snprintf(connection->address, sizeof connection->address, "%.50s:%s", plain, port);
}

/* --- ends -------------------------------------------------------------------------------------------------------- */

static void mark_ending(struct link_server *server, struct connection *connection)
{
    if (!connection->ending)
        server->ending[server->ending_count++] = (uint32_t)(connection - server->slots);
    connection->ending = true;
    link_socket_wake(&server->router);
}

void link_connection_cut(struct link_server *server, struct connection *connection, enum link_down why)
{
    if (connection->cut || connection->gone)
        return;
    connection->cut = true;
    connection->why = why;
    server->counters.cut[why]++;
    if (connection->own_fd >= 0)
        shutdown(connection->own_fd, SHUT_RDWR);
    mark_ending(server, connection);
}

static void report_down(struct link_server *server, struct connection *connection)
{
    if (!connection->known || connection->reported)
        return;
    connection->reported = true;
    server->counters.peers--;
    if (server->call.on_down)
        server->call.on_down(server->call.ctx, connection->peer, connection->user_id, connection->why);
}

/* true: the slot is free again. */
static bool end_one(struct link_server *server, struct connection *connection, bool drained)
{
    if (connection->cut)
        report_down(server, connection);
    if (!connection->gone)
        return false; /* cut; DISCONNECTED will bring it here again */
    /* what it sent before it went (a BYE) is still delivered, unless there is no end of it */
    if (connection->known && !connection->cut && !drained && ++connection->ending_turns < ENDING_TURNS_MAX)
        return false;
    report_down(server, connection);
    link_table_remove(server, connection);
    return true;
}

void link_connections_end(struct link_server *server, bool drained)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < server->ending_count; i++) { /* on_down may cut others: the list may grow */
        struct connection *connection = &server->slots[server->ending[i]];
        if (end_one(server, connection, drained))
            continue;
        if (connection->gone)
            server->ending[kept++] = server->ending[i];
        else
            connection->ending = false;
    }
    server->ending_count = kept;
    if (kept > 0)
        link_socket_wake(&server->router);
}

/* --- what the monitor tells -------------------------------------------------------------------------------------- */

static void on_gone(struct link_server *server, int zmq_fd)
{
    struct connection *connection = link_table_by_fd(server, zmq_fd);
    if (!connection)
        return; /* it was never taken up */
    link_table_unset_fd(server, connection);
    if (connection->own_fd >= 0)
        close(connection->own_fd);
    connection->own_fd = -1;
    connection->gone = true;
    mark_ending(server, connection);
}

static void refuse(struct link_server *server, int fd)
{
    server->counters.cut[LINK_CUT_TOO_MANY]++;
    shutdown(fd, SHUT_RDWR);
}

static void on_accepted(struct link_server *server, int zmq_fd)
{
    server->counters.accepted++;
    on_gone(server, zmq_fd); /* never needed as long as libzmq reports each end; harmless */
    int fd = duplicate(server, zmq_fd);
    if (fd < 0 && errno == EMFILE && is_ours(server, zmq_fd))
        refuse(server, zmq_fd); /* what cannot be cut later is cut now, by libzmq's own number */
    if (fd < 0)
        return;
    struct connection *connection = link_table_add(server, zmq_fd);
    if (!connection) {
        refuse(server, fd);
        close(fd);
        return;
    }
    connection->own_fd = fd;
    connection->accepted_ms = uv_now(server->loop);
    write_address(connection);
}

void link_connection_event(void *ctx, uint16_t event, int32_t value)
{
    struct link_server *server = ctx;
    switch (event) {
    case ZMQ_EVENT_ACCEPTED:
        on_accepted(server, value);
        break;
    case ZMQ_EVENT_DISCONNECTED:
        server->counters.disconnected++;
        on_gone(server, value);
        break;
    default:
        server->counters.handshakes_failed++;
    }
}

/* --- names ------------------------------------------------------------------------------------------------------- */

/* What ZAP has libzmq attach to every message: who, and by which key, since a renewed key has the same User-Id. */
bool link_zap_allow(void *ctx, const uint8_t key[LINK_KEY_BYTES], char ticket[LINK_ZAP_USER_ID_BYTES])
{
    struct link_server *server = ctx;
    char user_id[LINK_USER_ID_BYTES] = "", hex[2 * LINK_KEY_BYTES + 1];
    server->busy++;
    bool in = server->call.allow(server->call.ctx, key, user_id) && user_id[0] != '\0';
    server->busy--;
    if (!in)
        return false;
    user_id[sizeof user_id - 1] = '\0';
    wire_hex(key, LINK_KEY_BYTES, hex);
    snprintf(ticket, LINK_ZAP_USER_ID_BYTES, "%s/%s", user_id, hex);
    return true;
}

static bool read_ticket(struct connection *connection, const char *ticket)
{
    const char *slash = strrchr(ticket, '/');
    if (!slash || (size_t)(slash - ticket) >= sizeof connection->user_id ||
        !wire_unhex(slash + 1, LINK_KEY_BYTES, connection->key))
        return false;
    snprintf(connection->ticket, sizeof connection->ticket, "%s", ticket);
    memcpy(connection->user_id, ticket, (size_t)(slash - ticket));
    connection->user_id[slash - ticket] = '\0';
    return true;
}

static void cut_oldest_of_user(struct link_server *server, const char *user_id)
{
    struct connection *oldest = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < server->options.connections_max; i++) {
        struct connection *other = &server->slots[i];
        if (other->peer == 0 || !other->known || other->cut || other->gone || strcmp(other->user_id, user_id) != 0)
            continue;
        count++;
        if (!oldest || other->peer < oldest->peer) /* the serial is in the high bits */
            oldest = other;
    }
    if (count > server->options.connections_per_user_max)
        link_connection_cut(server, oldest, LINK_CUT_TOO_MANY_OF_USER);
}

/* A descriptor number may outlive its connection in a message that was read late. Routing ids count up, so of two that
 * claim one descriptor the higher is the one that has it now. */
static struct connection *take_over(struct link_server *server, struct connection *stale)
{
    int own_fd = stale->own_fd, zmq_fd = stale->zmq_fd;
    link_table_unset_fd(server, stale);
    stale->own_fd = -1;
    stale->gone = true;
    mark_ending(server, stale);
    struct connection *fresh = link_table_add(server, zmq_fd);
    if (!fresh) {
        close(own_fd);
        return NULL;
    }
    fresh->own_fd = own_fd;
    fresh->accepted_ms = stale->accepted_ms;
    write_address(fresh);
    return fresh;
}

static struct connection *whose(struct link_server *server, zmq_msg_t *payload, uint32_t routing)
{
    /* its ACCEPTED came before its first message did, but on another socket: read that one up to here */
    link_monitor_take(&server->monitor, EVENTS_BEFORE_NAMING);
    struct connection *connection = link_table_by_fd(server, zmq_msg_get(payload, ZMQ_SRCFD));
    if (!connection || !connection->known)
        return connection;
    return (int32_t)(routing - connection->routing) > 0 ? take_over(server, connection) : NULL;
}

struct connection *link_connection_name(struct link_server *server, zmq_msg_t *payload)
{
    uint32_t routing = wire_get_u32(server->routing_id + 1);
    const char *ticket = zmq_msg_gets(payload, "User-Id");
    struct connection *connection = whose(server, payload, routing);
    char now[LINK_ZAP_USER_ID_BYTES] = "";
    if (!connection || connection->cut)
        return NULL;
    if (server->routing_id_own)
        link_connection_cut(server, connection, LINK_CUT_OWN_ROUTING_ID);
    else if (!ticket || !read_ticket(connection, ticket))
        link_connection_cut(server, connection, LINK_CUT_NO_USER_ID);
    else if (!link_zap_allow(server, connection->key, now) || strcmp(now, ticket) != 0)
        link_connection_cut(server, connection, LINK_CUT_REFUSED); /* revoked since its handshake */
    if (connection->cut)
        return NULL;
    link_table_set_routing(server, connection, routing);
    server->counters.peers++;
    cut_oldest_of_user(server, connection->user_id);
    if (server->call.on_up)
        server->call.on_up(server->call.ctx, connection->peer, connection->user_id, connection->key,
                           connection->address);
    return connection->cut ? NULL : connection;
}
