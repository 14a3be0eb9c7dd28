#define _GNU_SOURCE
#include "link/http_inside.h"
#include "wire/ensure.h"
#include "wire/limits.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 64 };

/* --- driving libmicrohttpd from the loop: its epoll descriptor and its time-out -------------------------------------
 */

static void on_timer(uv_timer_t *timer)
{
    http_pump(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    http_pump(poll->data);
}

static unsigned connections(struct http_listener *listener)
{
    return MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

/* At its connection limit 0.9.75 stops watching the listening socket. When a connection then ends, it watches again
 * only at its next run, which, with no time-out pending, nobody would ask for: so run until no connection ends. */
static void run_daemon(struct http_listener *listener)
{
    unsigned before;
    do {
        before = connections(listener);
        MHD_run(listener->daemon);
    } while (connections(listener) < before);
}

void http_pump(struct http_listener *listener)
{
    struct link_http *http = listener->http;
    MHD_UNSIGNED_LONG_LONG ms;
    http->running = true;
    run_daemon(listener);
    http->running = false;
    if (MHD_get_timeout(listener->daemon, &ms) == MHD_YES)
        uv_timer_start(&listener->timer, on_timer, ms, 0);
    else
        uv_timer_stop(&listener->timer);
}

void http_pump_soon(struct http_listener *listener)
{
    if (!listener->http->closing)
        uv_timer_start(&listener->timer, on_timer, 0, 0);
}

/* --- opening --------------------------------------------------------------------------------------------------------
 */

static struct link_http_options with_defaults(struct link_http_options options)
{
    if (!options.connections_max)
        options.connections_max = 64;
    if (!options.per_address_max)
        options.per_address_max = 32;
    if (!options.timeout_s)
        options.timeout_s = 30;
    if (!options.memory_bytes)
        options.memory_bytes = 32 * 1024;
    if (!options.body_bytes_max)
        options.body_bytes_max = WIRE_FRAME_BYTES_MAX;
    if (!options.stream_bytes_max)
        options.stream_bytes_max = 256 * 1024;
    return options;
}

enum wire_status link_http_open(uv_loop_t *loop, const struct link_http_options *options, struct link_http **out,
                                struct wire_problem *problem)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return wire_fail(problem, WIRE_NO_MEMORY, "http", "内存不足", "out of memory");
    (*out)->loop = loop;
    (*out)->options = with_defaults(*options);
    return WIRE_OK;
}

/* Paths and arguments stay as they came, so that %2F is not a slash; http_route.c decodes. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context, (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *start_daemon(struct http_listener *listener, int fd)
{
    const struct link_http_options *options = &listener->http->options;
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, http_access, listener,
                            MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, http_completed, NULL,
                            MHD_OPTION_CONNECTION_LIMIT, options->connections_max, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                            options->per_address_max, MHD_OPTION_CONNECTION_TIMEOUT, options->timeout_s,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, options->memory_bytes, MHD_OPTION_UNESCAPE_CALLBACK,
                            keep_escapes, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

/* Takes fd. */
static enum wire_status listen_on(struct link_http *http, int fd, const char *where, const char *unix_path,
                                  struct wire_problem *problem)
{
    struct http_listener *listener = calloc(1, sizeof *listener);
    ENSURE(listener);
    listener->http = http;
    listener->daemon = start_daemon(listener, fd);
    if (!listener->daemon) {
        close(fd);
        free(listener);
        return wire_fail(problem, WIRE_IO, where, "无法启动 HTTP 服务", "cannot start the HTTP server");
    }
    listener->unix_path = unix_path ? strdup(unix_path) : NULL;
    int epoll_fd = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    ENSURE(uv_poll_init(http->loop, &listener->poll, epoll_fd) == 0);
    ENSURE(uv_timer_init(http->loop, &listener->timer) == 0);
    listener->poll.data = listener;
    listener->timer.data = listener;
    http->handles += 2;
    ENSURE(uv_poll_start(&listener->poll, UV_READABLE, on_readable) == 0);
    http->listeners[http->listener_count++] = listener;
    http_pump_soon(listener);
    return WIRE_OK;
}

static enum wire_status fail_listen(const char *where, struct wire_problem *problem)
{
    int error = errno;
    return wire_failf(problem, error == EADDRINUSE ? WIRE_IN_USE : WIRE_IO, where,
                      "无法监听：%s。请检查地址、权限，以及是否已有进程占用",
                      "cannot listen: %s. Check the address, the permissions, and whether another process has it",
                      strerror(error));
}

static socklen_t tcp_address(const char *host, uint16_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return sizeof *v4;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        return sizeof *v6;
    }
    return 0;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    ENSURE(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    return ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                              : ((struct sockaddr_in6 *)&address)->sin6_port);
}

static bool has_room(const struct link_http *http)
{
    return http->listener_count < LINK_HTTP_LISTENERS_MAX;
}

enum wire_status link_http_listen_tcp(struct link_http *http, const char *host, uint16_t port, uint16_t *port_out,
                                      struct wire_problem *problem)
{
    struct sockaddr_storage address;
    socklen_t size = http_is_loopback(host) ? tcp_address(host, port, &address) : 0;
    ENSURE(has_room(http));
    if (!size)
        return wire_fail(problem, WIRE_INVALID, host, "只能监听本机回环地址（127.0.0.1、::1）；远程访问请用反向代理",
                         "listens on loopback only (127.0.0.1, ::1); put a reverse proxy in front for remote use");
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, BACKLOG) != 0) {
        enum wire_status status = fail_listen(host, problem);
        if (fd >= 0)
            close(fd);
        return status;
    }
    if (port_out)
        *port_out = port_of(fd);
    return listen_on(http, fd, host, NULL, problem);
}

/* Takes away a socket file that a process left behind; one that is listened on stays. */
static enum wire_status clear_path(const char *path, const struct sockaddr_un *address, struct wire_problem *problem)
{
    struct stat found;
    if (lstat(path, &found) != 0)
        return WIRE_OK;
    if (!S_ISSOCK(found.st_mode))
        return wire_fail(problem, WIRE_EXISTS, path, "该路径已有其他文件，不是套接字。请改用别的路径",
                         "there is a file here that is no socket. Use another path");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool alive = fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    if (alive)
        return wire_fail(problem, WIRE_IN_USE, path, "另一进程正在此套接字上监听。请先停止该进程",
                         "another process listens on this socket. Stop it first");
    return unlink(path) == 0 ? WIRE_OK : fail_listen(path, problem);
}

enum wire_status link_http_listen_unix(struct link_http *http, const char *path, struct wire_problem *problem)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ENSURE(has_room(http));
    if (strlen(path) >= sizeof address.sun_path)
        return wire_fail(problem, WIRE_INVALID, path, "套接字路径过长（上限 107 字节）",
                         "the socket's path is too long (at most 107 bytes)");
    memcpy(address.sun_path, path, strlen(path));
    enum wire_status status = clear_path(path, &address, problem);
    if (status != WIRE_OK)
        return status;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* the mode is set before anybody can connect: nothing is accepted until listen() */
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || chmod(path, 0660) != 0 ||
        listen(fd, BACKLOG) != 0) {
        status = fail_listen(path, problem);
        if (fd >= 0)
            close(fd);
        return status;
    }
    return listen_on(http, fd, path, path, problem);
}

/* --- closing --------------------------------------------------------------------------------------------------------
 */

static void free_when_done(struct link_http *http)
{
    if (http->handles > 0)
        return;
    for (size_t i = 0; i < http->listener_count; i++)
        free(http->listeners[i]);
    free(http);
}

static void on_closed(uv_handle_t *handle)
{
    struct http_listener *listener = handle->data;
    listener->http->handles--;
    free_when_done(listener->http);
}

static void detach(struct link_http_request *request)
{
    request->stream.open = false;
    if (request->suspended)
        http_resume(request); /* libmicrohttpd must not be stopped with suspended connections */
}

void link_http_close(struct link_http **taken)
{
    if (!taken || !*taken)
        return;
    struct link_http *http = *taken;
    *taken = NULL;
    ENSURE(!http->running);
    http->closing = true;
    for (struct link_http_request *request = http->requests, *next; request; request = next) {
        next = request->next;
        detach(request);
    }
    for (size_t i = 0; i < http->listener_count; i++) {
        struct http_listener *listener = http->listeners[i];
        uv_poll_stop(&listener->poll); /* before the daemon closes the descriptor */
        MHD_stop_daemon(listener->daemon);
        if (listener->unix_path)
            unlink(listener->unix_path);
        free(listener->unix_path);
    }
    for (struct link_http_request *request = http->requests, *next; request; request = next) {
        next = request->next; /* what the owner still holds */
        request->http = NULL;
        request->next = request->previous = NULL;
    }
    for (size_t i = 0; i < http->listener_count; i++) {
        uv_close((uv_handle_t *)&http->listeners[i]->poll, on_closed);
        uv_close((uv_handle_t *)&http->listeners[i]->timer, on_closed);
    }
    free_when_done(http);
}
