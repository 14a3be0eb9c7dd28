/* The HTTP server's parts. Internal to link.
 *
 * A request is held by up to three: libmicrohttpd (from the first call of its handler to "completed"), the owner (from
 * the handler to the reply or the stream's end), and a stream's response. The last one frees it. */
#pragma once
#include "link/http.h"
#include <microhttpd.h>

enum { HTTP_PAIRS_MAX = 64, HTTP_HOST_MAX = 255 };

struct http_pair {
    char *name, *value;
};
struct http_pairs {
    struct http_pair item[HTTP_PAIRS_MAX];
    size_t count;
};

struct link_http_stream {
    uint8_t *data;
    size_t size, sent, capacity;
    bool open; /* the owner may still write */
};

struct http_watch;

struct link_http_request {
    struct link_http_request *next, *previous; /* of http->requests */
    struct link_http *http;                    /* NULL after link_http_close */
    struct http_listener *listener;
    struct MHD_Connection *connection; /* NULL: the peer has gone or everything was sent */
    int holders;
    bool suspended;
    bool handed;   /* the handler was called */
    bool answered; /* status and response are set */
    bool too_large;

    char *method, *path;
    struct http_pairs parts, query, headers;
    uint8_t *body;
    size_t body_size, body_capacity, body_dropped;
    char peer[64];

    unsigned status;
    struct MHD_Response *response; /* until queued */
    struct link_http_stream stream;
    bool streaming;

    void (*gone)(void *context);
    void *gone_context;
    struct http_watch *watch; /* for the peer's leaving, while suspended */
};

struct http_listener {
    struct link_http *http;
    struct MHD_Daemon *daemon;
    uv_poll_t poll; /* on the daemon's epoll descriptor */
    uv_timer_t timer;
    char *unix_path;
};

struct link_http {
    uv_loop_t *loop;
    struct link_http_options options;
    struct http_listener *listeners[LINK_HTTP_LISTENERS_MAX];
    size_t listener_count;
    struct link_http_request *requests;
    int handles; /* of libuv, not closed yet */
    bool closing;
    bool running; /* inside MHD_run */
};

/* http.c */
void http_pump(struct http_listener *listener);
void http_pump_soon(struct http_listener *listener);

/* http_request.c */
enum MHD_Result http_access(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                            const char *version, const char *data, size_t *data_size, void **state);
void http_completed(void *context, struct MHD_Connection *connection, void **state,
                    enum MHD_RequestTerminationCode why);
void http_request_release(struct link_http_request *request);
void http_watch_start(struct link_http_request *request);
void http_watch_stop(struct link_http_request *request);
/* Lets libmicrohttpd go on with a suspended request. */
void http_resume(struct link_http_request *request);

/* http_route.c */
/* The route for method and path, its {parts} into *parts; NULL with the status to answer (400, 404, 405). */
const struct link_http_route *http_route(const struct link_http_options *options, const char *method, const char *path,
                                         struct http_pairs *parts, unsigned *status);
/* Over TCP: 0, or 421 or 403, for what a web page elsewhere might send. */
unsigned http_check_hosts(const struct link_http_options *options, const struct http_pairs *headers);
bool http_is_loopback(const char *host);
/* In place; false: bad escape or NUL. */
bool http_decode(char *text);
bool http_pairs_add(struct http_pairs *pairs, const char *name, size_t name_size, const char *value);
const char *http_pairs_find(const struct http_pairs *pairs, const char *name, bool ignore_case);
void http_pairs_close(struct http_pairs *pairs);

/* http_reply.c */
void http_refuse(struct link_http_request *request, unsigned status);
enum MHD_Result http_send(struct link_http_request *request);
