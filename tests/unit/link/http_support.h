/* An HTTP server on a loop, and clients beside it. */
#pragma once
#include "link/http.h"
#include "link/http_client.h"
#include <uv.h>

struct server {
    uv_loop_t loop;
    uv_timer_t deadline;
    bool late;
    struct link_http *http;
    uint16_t port;
    char folder[64], unix_path[96];
    int handled;
    int gone;
    struct link_http_request *waiting; /* of /wait */
    struct link_http_stream *stream;   /* of /stream */
};

/* Routes: GET /echo/{a}/{b}, POST /echo, GET /wait, GET /stream, GET /empty, DELETE /things/{id}, PUT /things/{id}.
 * Listens on loopback and on a Unix socket. `limits` may be NULL. */
void server_open(struct server *server, const struct link_http_options *limits);
void server_close(struct server *server);
/* Runs the loop until done(server), ten seconds at most; fails the test then. */
void server_run_until(struct server *server, bool (*done)(struct server *server));

/* link_http_call on a thread while the loop runs. Over TCP when `unix_path` is not set in the call. */
enum wire_status server_call(struct server *server, struct link_http_call call, struct link_http_answer *answer);
/* The answer to a text over TCP, until the server closes; the loop runs. In a static buffer. */
const char *server_raw(struct server *server, const char *request);
/* A connection over TCP to which `request` was sent. */
int server_connect(struct server *server, const char *request);
