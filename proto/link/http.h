/* An HTTP server on the uv loop: libmicrohttpd in external epoll mode, for the local API. Loopback TCP and Unix socket
 * only (a reverse proxy does the rest). A handler may answer at once or later, from the loop; a reply may be a stream
 * (server-sent events). All calls on the loop's thread.
 *
 *   request line and headers → body collected (≤ body_bytes_max, else 413) → route found (else 404, 405) → handler
 *   handler → link_http_reply …                      now or later
 *           → link_http_stream_begin, write …, end   server-sent events
 *
 * Against a web page that talks to a local service: over TCP the Host header must name a loopback address or one of
 * `hosts`, else 421; a request with an Origin header must be of such a host, else 403. */
#pragma once
#include "wire/bytes.h"
#include "wire/status.h"
#include <uv.h>

struct link_http;
struct link_http_request; /* lives until it is replied to (or its stream ended), also when the peer has gone */
struct link_http_stream;

enum { LINK_HTTP_PARTS_MAX = 8, LINK_HTTP_LISTENERS_MAX = 4 };

struct link_http_header {
    const char *name, *value;
};

typedef void link_http_handler(void *context, struct link_http_request *request);

struct link_http_route {
    const char *method; /* "GET", "POST", "PUT", "DELETE" ("HEAD" is answered by GET's route) */
    const char *path;   /* "/v1/inbox/{id}": a {part} matches one segment */
    link_http_handler *handler;
};

struct link_http_options {
    const struct link_http_route *routes; /* borrowed until close */
    size_t route_count;
    void *context;            /* handed to every handler */
    unsigned connections_max; /* each 0: the default. 64 */
    unsigned per_address_max; /* 32; not counted over a Unix socket */
    unsigned timeout_s;       /* 30, for a peer that neither sends nor takes */
    size_t memory_bytes;      /* 32 KiB a connection: bounds request line and headers */
    size_t body_bytes_max;    /* 1 MiB + 64 KiB */
    size_t stream_bytes_max;  /* 256 KiB that a slow reader of a stream may be behind */
    const char *const *hosts; /* further names for the Host header; borrowed */
    size_t host_count;
};

enum wire_status link_http_open(uv_loop_t *loop, const struct link_http_options *options, struct link_http **out,
                                struct wire_problem *problem);
/* host: a numeric loopback address or "localhost"; anything else is refused. port 0: picked by the kernel; *port_out
 * (may be NULL) tells. */
enum wire_status link_http_listen_tcp(struct link_http *http, const char *host, uint16_t port, uint16_t *port_out,
                                      struct wire_problem *problem);
/* Replaces a socket file that nobody listens on; refuses one in use (IN_USE) and anything that is not a socket. Mode
 * 0660. */
enum wire_status link_http_listen_unix(struct link_http *http, const char *path, struct wire_problem *problem);
/* Ends streams, drops requests that wait (they may still be replied to: nothing is sent), closes; run the loop once
 * more for the handles. */
void link_http_close(struct link_http **http);

/* --- the request; texts are borrowed until the reply ---------------------------------------------------------------
 */
const char *link_http_method(const struct link_http_request *request);
const char *link_http_path(const struct link_http_request *request);
/* The segment that matched {name}; NULL if the route has none. Percent-decoded. */
const char *link_http_part(const struct link_http_request *request, const char *name);
/* Percent-decoded; NULL if absent. The first, if repeated. */
const char *link_http_query(const struct link_http_request *request, const char *name);
const char *link_http_header(const struct link_http_request *request, const char *name);
struct wire_bytes link_http_body(const struct link_http_request *request);
/* "127.0.0.1", "::1" or "unix". */
const char *link_http_peer(const struct link_http_request *request);
void *link_http_context(const struct link_http_request *request);
/* `gone(context)` once if the peer leaves before the reply or while the stream is open. The request still wants its
 * reply (or link_http_stream_end): that frees it. */
void link_http_on_gone(struct link_http_request *request, void (*gone)(void *context), void *context);

/* --- the reply -----------------------------------------------------------------------------------------------------
 */
struct link_http_reply {
    unsigned status;
    const char *content_type; /* NULL: "application/json; charset=utf-8" */
    const struct link_http_header *headers;
    size_t header_count;
    struct wire_bytes body; /* copied */
};
/* Takes the request. */
void link_http_reply(struct link_http_request *request, const struct link_http_reply *reply);
/* Takes the request; the stream ends with link_http_stream_end. `reply`'s body goes out first. */
struct link_http_stream *link_http_stream_begin(struct link_http_request *request, const struct link_http_reply *reply);
/* OK; AGAIN: the reader is more than stream_bytes_max behind, nothing was taken (end the stream: the reader comes back
 * and says where it was); CLOSED: the peer has gone. */
enum wire_status link_http_stream_write(struct link_http_stream *stream, struct wire_bytes bytes);
/* Takes the stream. What was written is still sent. */
void link_http_stream_end(struct link_http_stream *stream);

/* "id: …\nevent: …\ndata: …\n\n" onto a stream; any may be NULL; line breaks in data are split over data: lines. */
enum wire_status link_http_event(struct link_http_stream *stream, const char *id, const char *event, const char *data);
