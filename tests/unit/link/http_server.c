#define _GNU_SOURCE
#include "http_support.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct server server;

static void open_server(void)
{
    server_open(&server, NULL);
}

static void close_server(void)
{
    server_close(&server);
}

TestSuite(link_http, .init = open_server, .fini = close_server);

static struct link_http_answer get(const char *target)
{
    struct link_http_answer answer;
    cr_assert_eq(server_call(&server, (struct link_http_call){.target = target}, &answer), WIRE_OK);
    return answer;
}

static void expect_status(const char *method, const char *target, unsigned status, const char *holds)
{
    struct link_http_answer answer;
    struct link_http_call call = {.method = method, .target = target};
    cr_assert_eq(server_call(&server, call, &answer), WIRE_OK);
    cr_expect_eq(answer.status, status, "%s %s: %u", method, target, answer.status);
    cr_expect(strstr(answer.body ? (char *)answer.body : "", holds), "%s", (char *)answer.body);
    link_http_answer_close(&answer);
}

Test(link_http, parts_queries_and_headers_come_decoded)
{
    const char *answer =
        server_raw(&server, "GET /echo/a%2Fb/%e5%98%89?q=1%2B1+x&r=%26 HTTP/1.1\r\nHost: localhost:1\r\n"
                            "X-Test: yes\r\nConnection: close\r\n\r\n");
    cr_assert(strstr(answer, "HTTP/1.1 200 OK\r\n"), "%s", answer);
    cr_assert(strstr(answer, "X-Answer: 42\r\n") && strstr(answer, "Content-Type: text/plain\r\n"));
    cr_assert(strstr(answer, "X-Content-Type-Options: nosniff\r\n") && strstr(answer, "Cache-Control: no-store\r\n"));
    cr_assert(strstr(answer, "a=a/b b=嘉 q=1+1 x r=& x=yes from 127.0.0.1"), "%s", answer);
}

Test(link_http, escapes_that_cut_texts_are_refused)
{
    expect_status("GET", "/echo/a%00b/c", 400, "bad-request");
    expect_status("GET", "/echo/a/b?q=%0", 400, "bad-request");
    expect_status("GET", "/echo/a/b?q=%zz", 400, "bad-request");
    expect_status("GET", "/echo/%/b", 400, "bad-request");
    cr_assert_eq(server.handled, 0);
}

Test(link_http, over_a_unix_socket)
{
    struct link_http_answer answer;
    struct link_http_call call = {.unix_path = server.unix_path, .target = "/echo/1/2"};
    struct stat found;
    cr_assert_eq(server_call(&server, call, &answer), WIRE_OK);
    cr_assert(answer.status == 200 && strstr((char *)answer.body, "from unix"));
    link_http_answer_close(&answer);
    cr_assert(stat(server.unix_path, &found) == 0 && (found.st_mode & 0777) == 0660);
}

Test(link_http, bodies_come_whole)
{
    struct link_http_answer answer;
    static uint8_t body[1024 * 1024];
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i * 7);
    struct link_http_call call = {.method = "POST", .target = "/echo", .body = wire_bytes(body, sizeof body)};
    cr_assert_eq(server_call(&server, call, &answer), WIRE_OK);
    cr_assert(answer.status == 201 && wire_bytes_equal(wire_bytes(answer.body, answer.size), call.body));
    cr_assert_str_eq(answer.content_type, "application/json; charset=utf-8");
    link_http_answer_close(&answer);
}

Test(link_http, a_body_too_large_is_refused)
{
    struct link_http_answer answer;
    size_t size = 2 * 1024 * 1024;
    uint8_t *body = calloc(1, size);
    struct link_http_call call = {.method = "POST", .target = "/echo", .body = wire_bytes(body, size)};
    cr_assert_eq(server_call(&server, call, &answer), WIRE_OK);
    cr_assert(answer.status == 413 && strstr((char *)answer.body, "内容过大"));
    link_http_answer_close(&answer);
    free(body);
    /* without saying so before */
    size = 1200 * 1024;
    char *chunked = malloc(size + 512);
    int at = sprintf(chunked,
                     "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
                     "Connection: close\r\n\r\n%zx\r\n",
                     size);
    memset(chunked + at, 'x', size);
    strcpy(chunked + at + size, "\r\n0\r\n\r\n");
    int fd = server_connect(&server, "");
    fcntl(fd, F_SETFL, O_NONBLOCK);
    size_t sent = 0, total = strlen(chunked);
    char reply[64] = "";
    while (!strstr(reply, "413")) {
        ssize_t got = sent < total ? send(fd, chunked + sent, total - sent, MSG_NOSIGNAL) : 0;
        sent += got > 0 ? (size_t)got : 0;
        uv_run(&server.loop, UV_RUN_NOWAIT);
        if (sent == total)
            (void)!recv(fd, reply, sizeof reply - 1, MSG_DONTWAIT);
    }
    close(fd);
    free(chunked);
    cr_assert_eq(server.handled, 0);
}

Test(link_http, what_has_no_route)
{
    expect_status("GET", "/nothing", 404, "not-found");
    expect_status("GET", "/echo/1", 404, "not-found");
    expect_status("GET", "/echo/1/2/3", 404, "not-found");
    expect_status("GET", "/echo//2", 404, "not-found");
    expect_status("GET", "/things/7", 405, "method-not-allowed");
    const char *answer = server_raw(&server, "GET /things/7 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    cr_assert(strstr(answer, "Allow: DELETE, PUT\r\n"), "%s", answer);
    expect_status("DELETE", "/things/7", 204, "");
}

Test(link_http, head_is_get_without_a_body)
{
    const char *answer = server_raw(&server, "HEAD /echo/1/2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    cr_assert(strstr(answer, "200 OK") && !strstr(answer, "a=1"), "%s", answer);
}

static void expect_host(const char *headers, const char *status)
{
    char request[512];
    snprintf(request, sizeof request, "GET /echo/1/2 HTTP/1.1\r\n%sConnection: close\r\n\r\n", headers);
    const char *answer = server_raw(&server, request);
    cr_expect(strncmp(answer, "HTTP/1.1 ", 9) == 0 && strncmp(answer + 9, status, 3) == 0, "%s: %s", headers, answer);
}

Test(link_http, other_sites_pages_are_refused)
{
    expect_host("Host: 127.0.0.1:8080\r\n", "200");
    expect_host("Host: [::1]:8080\r\n", "200");
    expect_host("Host: LOCALHOST\r\n", "200");
    expect_host("Host: evil.example\r\n", "421");
    expect_host("Host: 127.0.0.1.evil.example\r\n", "421");
    expect_host("Host: localhost.evil.example:80\r\n", "421");
    expect_host("Host: localhost\r\nOrigin: http://localhost:3000\r\n", "200");
    expect_host("Host: localhost\r\nOrigin: https://evil.example\r\n", "403");
    expect_host("Host: localhost\r\nOrigin: null\r\n", "403");
    cr_assert_eq(server.handled, 4);
}

static bool is_waiting(struct server *s)
{
    return s->waiting;
}

static bool someone_left(struct server *s)
{
    return s->gone > 0;
}

Test(link_http, a_reply_may_come_later)
{
    int fd = server_connect(&server, "GET /wait HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    server_run_until(&server, is_waiting);
    /* meanwhile others are served */
    struct link_http_answer other = get("/echo/1/2");
    cr_assert_eq(other.status, 200);
    link_http_answer_close(&other);
    link_http_reply(server.waiting, &(struct link_http_reply){.status = 202, .body = wire_bytes("{}", 2)});
    char answer[512] = "";
    for (int i = 0; i < 1000 && !strstr(answer, "{}"); i++) {
        uv_run(&server.loop, UV_RUN_NOWAIT);
        (void)!recv(fd, answer, sizeof answer - 1, MSG_DONTWAIT | MSG_PEEK);
    }
    cr_assert(strstr(answer, "HTTP/1.1 202"), "%s", answer);
    cr_assert_eq(server.gone, 0);
    close(fd);
}

Test(link_http, a_peer_that_leaves_is_noticed_and_its_reply_harmless)
{
    int fd = server_connect(&server, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
    server_run_until(&server, is_waiting);
    close(fd);
    server_run_until(&server, someone_left);
    cr_assert_eq(server.gone, 1);
    cr_assert_str_eq(link_http_path(server.waiting), "/wait");
    link_http_reply(server.waiting, &(struct link_http_reply){.status = 200});
}

struct reading {
    int events;
    char all[256];
    struct link_http_events parser;
};

static bool take_event(void *context, const struct link_http_event_view *event)
{
    struct reading *reading = context;
    char *end = reading->all + strlen(reading->all);
    snprintf(end, sizeof reading->all - (size_t)(end - reading->all), "[%s|%s|%s]", event->id ? event->id : "-",
             event->event ? event->event : "-", event->data ? event->data : "-");
    return ++reading->events < 3;
}

static bool take_piece(void *context, struct wire_bytes piece)
{
    struct reading *reading = context;
    return link_http_events_feed(&reading->parser, piece, take_event, reading);
}

static void write_events(uv_timer_t *timer)
{
    struct server *s = timer->data;
    static int next;
    char id[12];
    if (!s->stream)
        return;
    snprintf(id, sizeof id, "%d", ++next);
    enum wire_status status = link_http_event(s->stream, id, "arrived", next == 2 ? "two\nlines" : "{\"n\":1}");
    cr_assert(status == WIRE_OK || status == WIRE_CLOSED);
}

Test(link_http, events_stream_until_the_reader_leaves)
{
    static uv_timer_t timer; /* closed by the loop of server_close */
    struct reading reading = {0};
    struct link_http_answer answer;
    uv_timer_init(&server.loop, &timer);
    timer.data = &server;
    uv_timer_start(&timer, write_events, 1, 1);
    struct link_http_call call = {.target = "/stream", .on_body = take_piece, .context = &reading};
    cr_assert_eq(server_call(&server, call, &answer), WIRE_OK);
    cr_assert_eq(answer.status, 200);
    cr_assert_str_eq(answer.content_type, "text/event-stream");
    cr_assert_str_eq(reading.all, "[1|arrived|{\"n\":1}][2|arrived|two\nlines][3|arrived|{\"n\":1}]");
    link_http_events_close(&reading.parser);
    link_http_answer_close(&answer);
    server_run_until(&server, someone_left);
    cr_assert_eq(link_http_stream_write(server.stream, wire_bytes("x", 1)), WIRE_CLOSED);
    link_http_stream_end(server.stream);
    uv_close((uv_handle_t *)&timer, NULL);
}

static bool has_stream(struct server *s)
{
    return s->stream;
}

Test(link_http, an_idle_reader_that_leaves_is_noticed_too)
{
    int fd = server_connect(&server, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    server_run_until(&server, has_stream);
    close(fd);
    server_run_until(&server, someone_left);
    link_http_stream_end(server.stream);
}

Test(link_http, a_slow_reader_is_told_apart)
{
    static const uint8_t piece[16 * 1024];
    int fd = server_connect(&server, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    server_run_until(&server, has_stream);
    enum wire_status status = WIRE_OK;
    size_t pieces = 0;
    while (status == WIRE_OK && pieces < 10000) { /* the kernel's buffers, then ours, then AGAIN */
        status = link_http_stream_write(server.stream, wire_bytes(piece, sizeof piece));
        pieces += status == WIRE_OK;
        uv_run(&server.loop, UV_RUN_NOWAIT);
    }
    cr_assert_eq(status, WIRE_AGAIN);
    link_http_stream_end(server.stream);
    /* what was taken still arrives, and then the end */
    static char sink[65536];
    size_t got = 0;
    ssize_t size;
    char tail[8] = "";
    for (int turns = 0; turns < 1000000; turns++) {
        size = recv(fd, sink, sizeof sink, MSG_DONTWAIT);
        if (size > 0) {
            got += (size_t)size;
            if (size >= 5)
                memcpy(tail, sink + size - 5, 5);
            if (memcmp(tail, "0\r\n\r\n", 5) == 0)
                break;
        }
        uv_run(&server.loop, UV_RUN_NOWAIT);
    }
    cr_assert_str_eq(tail, "0\r\n\r\n");
    cr_assert_geq(got, pieces * sizeof piece);
    close(fd);
}

Test(link_http, closing_ends_what_waits)
{
    int waiting = server_connect(&server, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
    int streaming = server_connect(&server, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    server_run_until(&server, is_waiting);
    server_run_until(&server, has_stream);
    link_http_close(&server.http);
    cr_assert_null(server.http);
    uv_run(&server.loop, UV_RUN_NOWAIT);
    cr_assert_str_eq(link_http_path(server.waiting), "/wait");
    link_http_reply(server.waiting, &(struct link_http_reply){.status = 200});
    cr_assert_eq(link_http_stream_write(server.stream, wire_bytes("x", 1)), WIRE_CLOSED);
    link_http_stream_end(server.stream);
    char byte;
    while (recv(streaming, &byte, 1, 0) > 0)
        ;
    close(waiting);
    close(streaming);
    cr_assert_neq(access(server.unix_path, F_OK), 0, "the socket file goes with the server");
}

Test(link_http, a_connection_serves_many_requests)
{
    static char requests[64 * 100];
    for (int i = 0; i < 40; i++)
        strcat(requests, "GET /empty HTTP/1.1\r\nHost: localhost\r\n\r\n");
    strcat(requests, "GET /empty HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    server_raw(&server, requests);
    cr_assert_eq(server.handled, 41);
}

Test(link_http, addresses_that_are_refused)
{
    struct wire_problem problem = {0};
    cr_assert_eq(link_http_listen_tcp(server.http, "0.0.0.0", 0, NULL, &problem), WIRE_INVALID);
    cr_assert(strstr(problem.en, "loopback") && problem.zh[0]);
    cr_assert_eq(link_http_listen_tcp(server.http, "192.0.2.1", 0, NULL, &problem), WIRE_INVALID);
    cr_assert_eq(link_http_listen_tcp(server.http, "127.0.0.1", server.port, NULL, &problem), WIRE_IN_USE);
    cr_assert_eq(link_http_listen_unix(server.http, server.unix_path, &problem), WIRE_IN_USE);
    char path[128];
    snprintf(path, sizeof path, "%s/file", server.folder);
    fclose(fopen(path, "w"));
    cr_assert_eq(link_http_listen_unix(server.http, path, &problem), WIRE_EXISTS);
    unlink(path);
}

Test(link_http_alone, a_socket_file_left_behind_is_replaced)
{
    struct server first, second;
    server_open(&first, NULL);
    char kept[128];
    snprintf(kept, sizeof kept, "%s.kept", first.unix_path);
    rename(first.unix_path, kept); /* closing cannot take it away, as if killed */
    link_http_close(&first.http);
    server_open(&second, NULL);
    struct wire_problem problem = {0};
    cr_assert_eq(link_http_listen_unix(second.http, kept, &problem), WIRE_OK, "%s", problem.en);
    struct link_http_answer answer;
    struct link_http_call call = {.unix_path = kept, .target = "/empty"};
    cr_assert_eq(server_call(&second, call, &answer), WIRE_OK);
    link_http_answer_close(&answer);
    server_close(&second);
    server_close(&first);
}

Test(link_http_alone, limits)
{
    struct link_http_options limits = {.connections_max = 2, .memory_bytes = 4096, .timeout_s = 1};
    server_open(&server, &limits);
    /* a header larger than the memory of a connection */
    static char large[20000];
    strcpy(large, "GET /empty HTTP/1.1\r\nHost: localhost\r\nX-Large: ");
    memset(large + strlen(large), 'x', 10000);
    strcat(large, "\r\n\r\n");
    const char *answer = server_raw(&server, large);
    cr_assert(strstr(answer, " 431 ") || strstr(answer, " 413 ") || !*answer, "%s", answer);
    cr_assert_eq(server.handled, 0);
    /* those who say nothing are cut after a second, and until then nobody else gets in */
    int idle[2] = {server_connect(&server, "GET /em"), server_connect(&server, "")};
    answer = server_raw(&server, "GET /empty HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    cr_assert(!*answer || strstr(answer, "204"), "%s", answer);
    for (int i = 0; i < 2; i++) {
        char byte;
        fcntl(idle[i], F_SETFL, O_NONBLOCK);
        server.late = false;
        uv_update_time(&server.loop);
        uint64_t until = uv_now(&server.loop) + 8000;
        while (recv(idle[i], &byte, 1, 0) < 0 && uv_now(&server.loop) < until)
            uv_run(&server.loop, UV_RUN_NOWAIT);
        cr_assert_lt(uv_now(&server.loop), until, "an idle connection stayed");
        close(idle[i]);
    }
    struct link_http_answer again;
    cr_assert_eq(server_call(&server, (struct link_http_call){.target = "/empty"}, &again), WIRE_OK);
    link_http_answer_close(&again);
    server_close(&server);
}
