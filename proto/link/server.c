#include "link/server.h"
#include "link/server_inside.h"
#include "wire/ensure.h"
#include "wire/limits.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ZMQ_ZAP_ENFORCE_DOMAIN is a draft name in Debian's zmq.h but the released library honours the number. Without it a
 * missing handler lets everybody in. */
enum { ZAP_ENFORCE_DOMAIN = 93 };

const char *link_down_name(enum link_down why)
{
    static const char *const names[LINK_DOWN_REASONS] = {"by-peer",     "by-owner", "multi-part",
                                                         "no-user-id",  "refused",  "own-routing-id",
                                                         "undelivered", "too-many", "too-many-of-user"};
    return (unsigned)why < LINK_DOWN_REASONS ? names[why] : "unknown";
}

#define DEFAULT(field, value) options->field = options->field != 0 ? options->field : (value)

static void fill_in(struct link_server_options *options)
{
    if (!options->zap_domain)
        options->zap_domain = "lianfang";
    DEFAULT(frame_bytes_max, WIRE_FRAME_BYTES_MAX);
    DEFAULT(send_frames_max, 4096);
    DEFAULT(receive_frames_max, 64);
    DEFAULT(send_buffer_bytes, 128 * 1024);
    DEFAULT(keepalive_s, 30);
    DEFAULT(handshake_ms, 10000);
    DEFAULT(linger_ms, 1000);
    DEFAULT(backlog, 512);
    DEFAULT(connections_max, 4096);
    DEFAULT(connections_per_user_max, 4);
    DEFAULT(silent_bytes_max, 4 * 1024 * 1024);
    DEFAULT(unsent_bytes_max, 32 * 1024 * 1024);
    DEFAULT(watch_ms, 250);
    DEFAULT(turn_frames_max, 256);
    DEFAULT(turn_bytes_max, 4 * 1024 * 1024);
}
#undef DEFAULT

static bool set_options(void *router, const struct link_server_options *options)
{
    const char *domain = options->zap_domain;
    return zmq_setsockopt(router, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) == 0 &&
           link_socket_option(router, ZAP_ENFORCE_DOMAIN, 1) && link_socket_option(router, ZMQ_CURVE_SERVER, 1) &&
           zmq_setsockopt(router, ZMQ_MAXMSGSIZE, &options->frame_bytes_max, sizeof(int64_t)) == 0 &&
           link_socket_option(router, ZMQ_ROUTER_MANDATORY, 1) && link_socket_option(router, ZMQ_ROUTER_HANDOVER, 0) &&
           link_socket_option(router, ZMQ_SNDHWM, options->send_frames_max) &&
           link_socket_option(router, ZMQ_RCVHWM, options->receive_frames_max) &&
           link_socket_option(router, ZMQ_SNDBUF, options->send_buffer_bytes) &&
           link_socket_option(router, ZMQ_TCP_KEEPALIVE, 1) &&
           link_socket_option(router, ZMQ_TCP_KEEPALIVE_IDLE, options->keepalive_s) &&
           link_socket_option(router, ZMQ_TCP_KEEPALIVE_INTVL, options->keepalive_s) &&
           link_socket_option(router, ZMQ_TCP_KEEPALIVE_CNT, 3) &&
           link_socket_option(router, ZMQ_HANDSHAKE_IVL, options->handshake_ms) &&
           link_socket_option(router, ZMQ_LINGER, options->linger_ms) &&
           link_socket_option(router, ZMQ_BACKLOG, options->backlog) && link_socket_option(router, ZMQ_IPV6, 1);
}

/* --- open and close ---------------------------------------------------------------------------------------------- */

static void on_part_closed(void *ctx)
{
    struct link_server *server = ctx;
    if (--server->parts_open > 0)
        return;
    void (*closed)(void *) = server->closed;
    void *closed_ctx = server->closed_ctx;
    link_table_close(server);
    if (server->statm >= 0)
        close(server->statm);
    free(server);
    if (closed)
        closed(closed_ctx);
}

static void on_watch_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

static void close_parts(struct link_server *server)
{
    server->parts_open = 4;
    link_monitor_close(&server->monitor, on_part_closed, server);
    if (server->watch_open)
        uv_close((uv_handle_t *)&server->watch, on_watch_closed);
    else
        on_part_closed(server);
    link_socket_close(&server->router, on_part_closed, server);
    link_zap_close(&server->zap, on_part_closed, server); /* last: until then newcomers are answered */
}

static enum wire_status open_router(struct link_server *server, void *zmq_context, struct wire_problem *problem)
{
    void *router = zmq_socket(zmq_context, ZMQ_ROUTER);
    if (!router)
        return wire_failf(problem, WIRE_IO, "ROUTER", "无法创建 ZeroMQ 套接字：%s。", "no ZeroMQ socket: %s.",
                          zmq_strerror(zmq_errno()));
    if (!set_options(router, &server->options)) {
        wire_failf(problem, WIRE_INVALID, "ROUTER",
                   "ZeroMQ 拒绝了一个必需的选项（%s）；请使用 libzmq 4.3.4 并检查配置中的链路参数。",
                   "ZeroMQ refuses an option that is needed (%s); use libzmq 4.3.4, check the link's settings.",
                   zmq_strerror(zmq_errno()));
        zmq_close(router);
        return WIRE_INVALID;
    }
    /* HANDSHAKE_FAILED_PROTOCOL is not asked for: telling of it makes libzmq 4.3.4 take a MESSAGE that does not decode
     * for one that must wait, and the connection never ends. */
    /* the socket is taken by link_socket_open first, so that close_parts finds it whatever follows */
    if (link_socket_open(&server->router, server->loop, router, link_server_readable, server) != WIRE_OK ||
        link_monitor_open(&server->monitor, server->loop, zmq_context, router,
                          ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                              ZMQ_EVENT_HANDSHAKE_FAILED_AUTH,
                          link_connection_event, server) != WIRE_OK)
        return wire_failf(problem, WIRE_IO, "ROUTER", "无法把套接字接入事件循环：%s。请检查文件描述符上限。",
                          "cannot watch the socket: %s. Check the limit of file descriptors.", strerror(errno));
    return WIRE_OK;
}

static enum wire_status open_parts(struct link_server *server, void *zmq_context, struct wire_problem *problem)
{
    if (!link_table_open(server))
        return wire_fail(problem, WIRE_NO_MEMORY, "connections_max", "内存不足。", "out of memory.");
    enum wire_status status =
        link_zap_open(&server->zap, server->loop, zmq_context, server->options.zap_domain, link_zap_allow, server);
    if (status != WIRE_OK)
        return wire_fail(problem, status, "inproc://zeromq.zap.01",
                         "无法启动 ZAP 认证；本进程可能已有一个，或认证域为空。",
                         "cannot start ZAP authentication; this process may have one already, or the domain is empty.");
    uv_timer_init(server->loop, &server->watch);
    server->watch.data = server;
    server->watch_open = true;
    uv_timer_start(&server->watch, link_server_watch, (uint64_t)server->options.watch_ms,
                   (uint64_t)server->options.watch_ms);
    return open_router(server, zmq_context, problem);
}

enum wire_status link_server_open(uv_loop_t *loop, void *zmq_context, const struct link_server_options *options,
                                  const struct link_server_callbacks *callbacks, struct link_server **out,
                                  struct wire_problem *problem)
{
    ENSURE(callbacks->allow && callbacks->on_message);
    *out = NULL;
    struct link_server *server = calloc(1, sizeof *server);
    if (!server)
        return wire_fail(problem, WIRE_NO_MEMORY, "ROUTER", "内存不足。", "out of memory.");
    server->loop = loop;
    server->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    server->call = *callbacks;
    if (options)
        server->options = *options;
    fill_in(&server->options);
    enum wire_status status = open_parts(server, zmq_context, problem);
    server->options.zap_domain = NULL; /* borrowed; the ZAP handler has its copy */
    if (status == WIRE_OK)
        *out = server;
    else
        close_parts(server); /* may free it at once */
    return status;
}

static void end_all(struct link_server *server)
{
    for (uint32_t i = 0; i < server->options.connections_max; i++) {
        struct connection *connection = &server->slots[i];
        if (connection->peer == 0)
            continue;
        if (connection->own_fd >= 0) /* libzmq's own stays open for its linger time */
            close(connection->own_fd);
        connection->own_fd = -1;
        if (!connection->cut)
            connection->why = LINK_CUT_BY_OWNER;
        connection->cut = true; /* sends from on_down find it closed */
        if (connection->known && !connection->reported && server->call.on_down)
            server->call.on_down(server->call.ctx, connection->peer, connection->user_id, connection->why);
        connection->reported = true;
    }
}

void link_server_close(struct link_server **server, void (*closed)(void *ctx), void *ctx)
{
    struct link_server *taken = *server;
    *server = NULL;
    if (!taken) {
        if (closed)
            closed(ctx);
        return;
    }
    ENSURE(taken->busy == 0);
    end_all(taken);
    taken->closed = closed;
    taken->closed_ctx = ctx;
    close_parts(taken);
}

/* --- listening --------------------------------------------------------------------------------------------------- */

static void remember_port(struct link_server *server, const char *endpoint)
{
    const char *colon = strrchr(endpoint, ':');
    unsigned long port = colon ? strtoul(colon + 1, NULL, 10) : 0;
    if (port > 0 && port < 65536)
        server->ports[port / 8] |= (uint8_t)(1u << (port % 8));
}

enum wire_status link_server_bind(struct link_server *server, const char *endpoint,
                                  const uint8_t secret_key[LINK_KEY_BYTES], char actual[LINK_ENDPOINT_BYTES],
                                  struct wire_problem *problem)
{
    size_t size = LINK_ENDPOINT_BYTES;
    if (strncmp(endpoint, "tcp://", 6) != 0)
        return wire_fail(problem, WIRE_INVALID, endpoint, "监听地址须形如 tcp://0.0.0.0:5570。",
                         "an endpoint looks like tcp://0.0.0.0:5570.");
    /* a listener keeps the options of the moment it was made, so each may have its own key */
    if (zmq_setsockopt(server->router.zmq, ZMQ_CURVE_SECRETKEY, secret_key, LINK_KEY_BYTES) != 0)
        return wire_fail(problem, WIRE_CRYPTO, endpoint, "libzmq 未启用 CURVE 加密。", "this libzmq has no CURVE.");
    if (zmq_bind(server->router.zmq, endpoint) != 0)
        return wire_failf(problem, zmq_errno() == EADDRINUSE ? WIRE_IN_USE : WIRE_IO, endpoint,
                          "无法监听：%s。请检查地址、端口和权限。",
                          "cannot listen: %s. Check address, port and rights.", zmq_strerror(zmq_errno()));
    ENSURE(zmq_getsockopt(server->router.zmq, ZMQ_LAST_ENDPOINT, actual, &size) == 0);
    remember_port(server, actual);
    server->router.touched = true;
    return WIRE_OK;
}

enum wire_status link_server_unbind(struct link_server *server, const char *actual)
{
    server->router.touched = true;
    return zmq_unbind(server->router.zmq, actual) == 0 ? WIRE_OK : WIRE_NOT_FOUND;
}

/* --- peers ------------------------------------------------------------------------------------------------------- */

void link_server_cut(struct link_server *server, link_peer peer)
{
    struct connection *connection = link_table_by_peer(server, peer);
    if (connection)
        link_connection_cut(server, connection, LINK_CUT_BY_OWNER);
}

void link_server_recheck(struct link_server *server)
{
    char ticket[LINK_ZAP_USER_ID_BYTES];
    for (uint32_t i = 0; i < server->options.connections_max; i++) {
        struct connection *connection = &server->slots[i];
        if (connection->peer == 0 || !connection->known || connection->cut)
            continue;
        if (!link_zap_allow(server, connection->key, ticket) || strcmp(ticket, connection->ticket) != 0)
            link_connection_cut(server, connection, LINK_CUT_REFUSED);
    }
}

link_peer link_server_newest(const struct link_server *server, const char *user_id)
{
    link_peer newest = 0;
    for (uint32_t i = 0; i < server->options.connections_max; i++) {
        const struct connection *connection = &server->slots[i];
        if (connection->peer > newest && connection->known && !connection->cut && !connection->gone &&
            strcmp(connection->user_id, user_id) == 0)
            newest = connection->peer;
    }
    return newest;
}

const struct link_counters *link_server_counters(struct link_server *server)
{
    server->counters.zap_allowed = server->zap.allowed;
    server->counters.zap_refused = server->zap.refused;
    server->counters.zap_malformed = server->zap.malformed;
    return &server->counters;
}
