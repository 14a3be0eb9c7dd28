/* The client against a peer that says whatever the test wants. */
#define _GNU_SOURCE
#include "link/http_client.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer {
    int listener;
    uint16_t port;
    const char *says;
    bool silent; /* does not end its direction */
    char heard[4096];
    pthread_t thread;
};

static void *run_peer(void *context)
{
    struct peer *peer = context;
    int fd = accept(peer->listener, NULL, NULL);
    size_t size = 0;
    ssize_t got;
    while (!strstr(peer->heard, "\r\n\r\n") &&
           (got = recv(fd, peer->heard + size, sizeof peer->heard - 1 - size, 0)) > 0)
        size += (size_t)got;
    for (const char *at = peer->says; *at; at++) /* byte by byte: no framing may be relied on */
        if (send(fd, at, 1, MSG_NOSIGNAL) != 1)
            break;
    if (!peer->silent)
        shutdown(fd, SHUT_WR);
    char byte;
    while (recv(fd, &byte, 1, 0) > 0)
        ;
    close(fd);
    return NULL;
}

static void peer_start(struct peer *peer, const char *says)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer->says = says;
    peer->listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(peer->listener, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(peer->listener, 1), 0);
    getsockname(peer->listener, (struct sockaddr *)&address, &size);
    peer->port = ntohs(address.sin_port);
    cr_assert_eq(pthread_create(&peer->thread, NULL, run_peer, peer), 0);
}

static enum wire_status call_peer(struct peer *peer, struct link_http_call call, struct link_http_answer *answer)
{
    struct wire_problem problem = {0};
    call.host = "127.0.0.1";
    call.port = peer->port;
    call.target = call.target ? call.target : "/";
    enum wire_status status = link_http_call(&call, answer, &problem);
    pthread_join(peer->thread, NULL);
    close(peer->listener);
    cr_assert(status == WIRE_OK || (problem.zh[0] && problem.en[0] && problem.where[0]));
    return status;
}

static void expect(const char *says, enum wire_status status, const char *body)
{
    struct peer peer = {0};
    struct link_http_answer answer;
    peer_start(&peer, says);
    cr_expect_eq(call_peer(&peer, (struct link_http_call){0}, &answer), status, "%s", says);
    if (status == WIRE_OK)
        cr_expect_str_eq(answer.body ? (char *)answer.body : "", body, "%s", says);
    link_http_answer_close(&answer);
}

Test(link_http_client, understands_each_way_to_end_a_body)
{
    expect("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", WIRE_OK, "hello");
    expect("HTTP/1.1 200 OK\r\n\r\nhello", WIRE_OK, "hello");
    expect("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", WIRE_OK,
           "hello");
    expect("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", WIRE_OK, "ok");
    expect("HTTP/1.1 204 No Content\r\n\r\n", WIRE_OK, "");
    expect("HTTP/1.0 404 Not Found\r\nContent-Length: 3\r\n\r\nno!", WIRE_OK, "no!");
}

Test(link_http_client, refuses_what_is_cut_or_not_http)
{
    expect("", WIRE_IO, NULL);
    expect("HTTP/1.1 200 OK\r\nContent-Le", WIRE_IO, NULL);
    expect("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", WIRE_IO, NULL);
    expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", WIRE_IO, NULL);
    expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", WIRE_SYNTAX, NULL);
    expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n", WIRE_SYNTAX, NULL);
    expect("SSH-2.0-OpenSSH\r\n\r\n", WIRE_SYNTAX, NULL);
}

Test(link_http_client, a_head_without_end_is_refused)
{
    static char endless[LINK_HTTP_ANSWER_HEAD_MAX + 100] = "HTTP/1.1 200 OK\r\n";
    size_t size = strlen(endless);
    memset(endless + size, 'x', sizeof endless - 1 - size);
    expect(endless, WIRE_SYNTAX, NULL);
}

Test(link_http_client, gives_up_after_a_while)
{
    struct peer peer = {.silent = true};
    struct link_http_answer answer;
    peer_start(&peer, "HTTP/1.1 200 OK\r\n");
    cr_assert_eq(call_peer(&peer, (struct link_http_call){.timeout_ms = 50}, &answer), WIRE_AGAIN);
}

Test(link_http_client, says_what_it_was_told_to_say)
{
    struct peer peer = {0};
    struct link_http_answer answer;
    peer_start(&peer, "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 0\r\n\r\n");
    struct link_http_call call = {
        .method = "POST", .target = "/v1/x?y=1", .token = "abc", .language = "zh", .body = wire_bytes("{}", 2)};
    cr_assert_eq(call_peer(&peer, call, &answer), WIRE_OK);
    cr_assert(strncmp(peer.heard, "POST /v1/x?y=1 HTTP/1.1\r\n", 25) == 0, "%s", peer.heard);
    cr_assert(strstr(peer.heard, "\r\nAuthorization: Bearer abc\r\n") &&
              strstr(peer.heard, "\r\nContent-Length: 2\r\n") && strstr(peer.heard, "\r\nAccept-Language: zh\r\n"));
    cr_assert_str_eq(answer.content_type, "text/x");
    link_http_answer_close(&answer);
}

Test(link_http_client, a_token_cannot_smuggle_a_header)
{
    struct peer peer = {0};
    struct link_http_answer answer;
    peer_start(&peer, "");
    cr_assert_eq(call_peer(&peer, (struct link_http_call){.token = "abc\r\nX-Role: admin"}, &answer), WIRE_INVALID);
    cr_assert_str_eq(peer.heard, "");
}

Test(link_http_client, nobody_listens)
{
    struct wire_problem problem = {0};
    struct link_http_answer answer;
    struct link_http_call call = {.unix_path = "/tmp/there-is-no-such.sock", .target = "/"};
    cr_assert_eq(link_http_call(&call, &answer, &problem), WIRE_IO);
    cr_assert_str_eq(problem.where, "/tmp/there-is-no-such.sock");
    cr_assert(strstr(problem.en, "node is running") && strstr(problem.zh, "节点正在运行"));
}

Test(link_http_client, encodes)
{
    char out[32];
    cr_assert_eq(link_http_encode("a b/嘉~", out, sizeof out), 18);
    cr_assert_str_eq(out, "a%20b%2F%E5%98%89~");
    cr_assert_eq(link_http_encode("abcdef", out, 4), 6);
    cr_assert_str_eq(out, "abc");
}

static bool note_event(void *context, const struct link_http_event_view *event)
{
    char *all = context;
    sprintf(all + strlen(all), "[%s|%s|%s]", event->id ? event->id : "-", event->event ? event->event : "-",
            event->data ? event->data : "-");
    return true;
}

Test(link_http_client, events_come_whole_however_they_are_cut)
{
    static const char text[] =
        ": comment\n\nid: 1\nevent: a\ndata: x\ndata: y\n\r\ndata:z\r\n\r\nretry: 5\n\nid: 2\ndata\ndata: \n\nrest";
    for (size_t step = 1; step < sizeof text; step++) {
        struct link_http_events events = {0};
        char all[256] = "";
        for (size_t at = 0; at < sizeof text - 1; at += step) {
            size_t size = sizeof text - 1 - at < step ? sizeof text - 1 - at : step;
            cr_assert(link_http_events_feed(&events, wire_bytes(text + at, size), note_event, all));
        }
        cr_assert_str_eq(all, "[1|a|x\ny][-|-|z][2|-|]", "%s at step %zu", all, step);
        link_http_events_close(&events);
    }
}
