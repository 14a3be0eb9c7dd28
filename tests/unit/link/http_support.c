#define _GNU_SOURCE
#include "http_support.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *or_none(const char *text)
{
    return text ? text : "-";
}

static void echo_path(void *context, struct link_http_request *request)
{
    struct server *server = context;
    char body[1024];
    server->handled++;
    cr_assert_eq(link_http_context(request), context);
    int size =
        snprintf(body, sizeof body, "%s %s a=%s b=%s q=%s r=%s x=%s from %s", link_http_method(request),
                 link_http_path(request), or_none(link_http_part(request, "a")), or_none(link_http_part(request, "b")),
                 or_none(link_http_query(request, "q")), or_none(link_http_query(request, "r")),
                 or_none(link_http_header(request, "x-test")), link_http_peer(request));
    struct link_http_header headers[] = {{"X-Answer", "42"}};
    link_http_reply(request, &(struct link_http_reply){.status = 200,
                                                       .content_type = "text/plain",
                                                       .headers = headers,
                                                       .header_count = 1,
                                                       .body = wire_bytes(body, (size_t)size)});
}

static void echo_body(void *context, struct link_http_request *request)
{
    ((struct server *)context)->handled++;
    link_http_reply(request, &(struct link_http_reply){.status = 201, .body = link_http_body(request)});
}

static void count_gone(void *context)
{
    ((struct server *)context)->gone++;
}

static void wait(void *context, struct link_http_request *request)
{
    struct server *server = context;
    server->waiting = request;
    link_http_on_gone(request, count_gone, server);
}

static void stream(void *context, struct link_http_request *request)
{
    struct server *server = context;
    link_http_on_gone(request, count_gone, server);
    server->stream = link_http_stream_begin(request, &(struct link_http_reply){.status = 200,
                                                                               .content_type = "text/event-stream",
                                                                               .body = wire_bytes(": hello\n\n", 9)});
}

static void empty(void *context, struct link_http_request *request)
{
    ((struct server *)context)->handled++;
    link_http_reply(request, &(struct link_http_reply){.status = 204});
}

static const struct link_http_route ROUTES[] = {
    {"GET", "/echo/{a}/{b}", echo_path},
    {"POST", "/echo", echo_body},
    {"GET", "/wait", wait},
    {"GET", "/stream", stream},
    {"DELETE", "/things/{id}", empty},
    {"PUT", "/things/{id}", empty},
    {"GET", "/empty", empty},
};

static void on_deadline(uv_timer_t *timer)
{
    ((struct server *)timer->data)->late = true;
}

void server_open(struct server *server, const struct link_http_options *limits)
{
    struct link_http_options options = limits ? *limits : (struct link_http_options){0};
    struct wire_problem problem = {0};
    *server = (struct server){.folder = "/tmp/http-test-XXXXXX"};
    options.routes = ROUTES;
    options.route_count = sizeof ROUTES / sizeof *ROUTES;
    options.context = server;
    cr_assert_not_null(mkdtemp(server->folder));
    snprintf(server->unix_path, sizeof server->unix_path, "%s/api.sock", server->folder);
    uv_loop_init(&server->loop);
    uv_timer_init(&server->loop, &server->deadline);
    server->deadline.data = server;
    cr_assert_eq(link_http_open(&server->loop, &options, &server->http, &problem), WIRE_OK);
    cr_assert_eq(link_http_listen_tcp(server->http, "127.0.0.1", 0, &server->port, &problem), WIRE_OK, "%s",
                 problem.en);
    cr_assert_eq(link_http_listen_unix(server->http, server->unix_path, &problem), WIRE_OK, "%s", problem.en);
}

void server_close(struct server *server)
{
    link_http_close(&server->http);
    uv_close((uv_handle_t *)&server->deadline, NULL);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&server->loop), 0);
    unlink(server->unix_path);
    rmdir(server->folder);
}

/* One turn of the loop, then waits for something to happen on it or on `fd` (-1: none). The loop alone would sleep
 * through what its timers did, and what the client's side needs is not on it. */
static void turn(struct server *server, int fd)
{
    uv_run(&server->loop, UV_RUN_NOWAIT);
    cr_assert_not(server->late, "the deadline passed");
    struct pollfd wanted[] = {{uv_backend_fd(&server->loop), POLLIN, 0}, {fd, POLLIN, 0}};
    int timeout = uv_backend_timeout(&server->loop);
    poll(wanted, 2, timeout >= 0 && timeout < 10 ? timeout : 10);
}

void server_run_until(struct server *server, bool (*done)(struct server *server))
{
    server->late = false;
    uv_timer_start(&server->deadline, on_deadline, 10000, 0);
    while (!done(server))
        turn(server, -1);
    uv_timer_stop(&server->deadline);
}

/* --- a client on a thread --- */

struct calling {
    struct link_http_call call;
    struct link_http_answer *answer;
    enum wire_status status;
    uv_async_t done;
    bool over;
};

static void *run_call(void *context)
{
    struct calling *calling = context;
    calling->status = link_http_call(&calling->call, calling->answer, NULL);
    uv_async_send(&calling->done);
    return NULL;
}

static void on_done(uv_async_t *async)
{
    ((struct calling *)async->data)->over = true;
    uv_close((uv_handle_t *)async, NULL);
}

enum wire_status server_call(struct server *server, struct link_http_call call, struct link_http_answer *answer)
{
    struct calling calling = {.call = call, .answer = answer};
    if (!call.unix_path && !call.host) {
        calling.call.host = "127.0.0.1";
        calling.call.port = server->port;
    }
    uv_async_init(&server->loop, &calling.done, on_done);
    calling.done.data = &calling;
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, run_call, &calling), 0);
    server->late = false;
    uv_timer_start(&server->deadline, on_deadline, 20000, 0);
    while (!calling.over || !uv_is_closing((uv_handle_t *)&calling.done))
        turn(server, -1);
    uv_run(&server->loop, UV_RUN_NOWAIT); /* the handle's closing */
    uv_timer_stop(&server->deadline);
    pthread_join(thread, NULL);
    return calling.status;
}

/* --- a client by hand --- */

int server_connect(struct server *server, const char *request)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(server->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    size_t size = strlen(request);
    cr_assert_eq(send(fd, request, size, MSG_NOSIGNAL), (ssize_t)size);
    return fd;
}

const char *server_raw(struct server *server, const char *request)
{
    static char answer[256 * 1024];
    size_t size = 0;
    int fd = server_connect(server, request);
    server->late = false;
    uv_timer_start(&server->deadline, on_deadline, 10000, 0);
    for (;;) {
        ssize_t got = recv(fd, answer + size, sizeof answer - 1 - size, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno == ECONNRESET))
            break;
        size += got > 0 ? (size_t)got : 0;
        turn(server, fd);
    }
    uv_timer_stop(&server->deadline);
    close(fd);
    answer[size] = '\0';
    return answer;
}
