#include "link/http_inside.h"
#include "wire/ensure.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

/* --- life --- */

static void link_in(struct link_http *http, struct link_http_request *request)
{
    request->next = http->requests;
    if (http->requests)
        http->requests->previous = request;
    http->requests = request;
}

static void link_out(struct link_http_request *request)
{
    if (request->next)
        request->next->previous = request->previous;
    if (request->previous)
        request->previous->next = request->next;
    else if (request->http && request->http->requests == request)
        request->http->requests = request->next;
}

void http_request_release(struct link_http_request *request)
{
    ENSURE(request->holders > 0);
    if (--request->holders > 0)
        return;
    link_out(request);
    http_watch_stop(request);
    http_pairs_close(&request->parts);
    http_pairs_close(&request->query);
    http_pairs_close(&request->headers);
    free(request->method);
    free(request->path);
    free(request->body);
    free(request->stream.data);
    free(request);
}

static void name_peer(struct link_http_request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    if (address && address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, request->peer, sizeof request->peer);
    else if (address && address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, request->peer, sizeof request->peer);
    else
        memcpy(request->peer, "unix", sizeof "unix");
}

struct copying {
    struct http_pairs *pairs;
    bool decode, bad;
};

static enum MHD_Result copy_pair(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct copying *copying = context;
    (void)kind;
    if (!http_pairs_add(copying->pairs, name, strlen(name), value)) {
        copying->bad = true;
        return MHD_NO;
    }
    struct http_pair *pair = &copying->pairs->item[copying->pairs->count - 1];
    if (copying->decode && (!http_decode(pair->name) || !http_decode(pair->value)))
        copying->bad = true;
    return MHD_YES;
}

/* Everything is copied: the owner may look at it after the peer has gone. */
static struct link_http_request *begin(struct http_listener *listener, struct MHD_Connection *connection,
                                       const char *url, const char *method, bool *bad)
{
    struct link_http_request *request = calloc(1, sizeof *request);
    ENSURE(request);
    request->http = listener->http;
    request->listener = listener;
    request->connection = connection;
    request->holders = 1;
    request->method = strdup(method);
    request->path = strdup(url);
    ENSURE(request->method && request->path);
    link_in(listener->http, request);
    name_peer(request);
    struct copying query = {&request->query, true, false}, headers = {&request->headers, false, false};
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, copy_pair, &query);
    MHD_get_connection_values(connection, MHD_HEADER_KIND, copy_pair, &headers);
    *bad = query.bad || headers.bad;
    return request;
}

/* --- the body --- */

static bool announces_too_much(const struct link_http_request *request)
{
    const char *length = http_pairs_find(&request->headers, "Content-Length", true);
    return length && strtoull(length, NULL, 10) > request->http->options.body_bytes_max;
}

/* false: out of all proportion, cut the connection. */
static bool take_body(struct link_http_request *request, const char *data, size_t size)
{
    size_t max = request->http->options.body_bytes_max;
    if (request->too_large || size > max - request->body_size) {
        request->too_large = true;
        request->body_dropped += size;
        return request->body_dropped < 4 * max;
    }
    if (request->body_size + size > request->body_capacity) {
        size_t capacity = 2 * request->body_capacity + size;
        capacity = capacity < max ? capacity : max;
        uint8_t *larger = realloc(request->body, capacity);
        if (!larger)
            return false;
        request->body = larger;
        request->body_capacity = capacity;
    }
    memcpy(request->body + request->body_size, data, size);
    request->body_size += size;
    return true;
}

/* --- handing it over --- */

static void hand_over(struct link_http_request *request)
{
    const struct link_http_options *options = &request->http->options;
    unsigned status;
    const struct link_http_route *route = http_route(options, request->method, request->path, &request->parts, &status);
    request->handed = true;
    if (request->too_large)
        http_refuse(request, MHD_HTTP_CONTENT_TOO_LARGE);
    else if (!route)
        http_refuse(request, status);
    if (request->answered)
        return;
    request->holders++; /* the owner */
    route->handler(options->context, request);
}

/* Refused before the body comes. */
static unsigned early_refusal(const struct link_http_request *request, bool bad)
{
    if (bad)
        return MHD_HTTP_BAD_REQUEST;
    unsigned status = request->listener->unix_path ? 0 : http_check_hosts(&request->http->options, &request->headers);
    return status || !announces_too_much(request) ? status : MHD_HTTP_CONTENT_TOO_LARGE;
}

static enum MHD_Result first_call(struct http_listener *listener, struct MHD_Connection *connection, const char *url,
                                  const char *method, void **state)
{
    bool bad;
    struct link_http_request *request = begin(listener, connection, url, method, &bad);
    *state = request;
    unsigned status = early_refusal(request, bad);
    if (!status)
        return MHD_YES;
    request->handed = true;
    http_refuse(request, status);
    return http_send(request);
}

enum MHD_Result http_access(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                            const char *version, const char *data, size_t *data_size, void **state)
{
    (void)version;
    struct link_http_request *request = *state;
    if (!request)
        return first_call(context, connection, url, method, state);
    if (*data_size > 0) {
        bool fine = take_body(request, data, *data_size);
        *data_size = 0;
        return fine ? MHD_YES : MHD_NO;
    }
    if (!request->handed)
        hand_over(request);
    if (request->answered)
        return http_send(request);
    if (request->http->closing)
        return MHD_NO;
    request->suspended = true;
    MHD_suspend_connection(connection);
    http_watch_start(request);
    return MHD_YES;
}

void http_completed(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
    (void)context, (void)connection, (void)why;
    struct link_http_request *request = *state;
    if (!request)
        return;
    *state = NULL;
    http_watch_stop(request);
    request->connection = NULL;
    bool waited = request->handed && (!request->answered || (request->streaming && request->stream.open));
    void (*gone)(void *) = request->gone;
    request->gone = NULL;
    if (waited && gone)
        gone(request->gone_context);
    if (request->response) { /* answered, and the peer left before it was queued */
        MHD_destroy_response(request->response);
        request->response = NULL;
    }
    http_request_release(request);
}

void http_resume(struct link_http_request *request)
{
    ENSURE(request->suspended && request->connection);
    request->suspended = false;
    http_watch_stop(request);
    MHD_resume_connection(request->connection);
    http_pump_soon(request->listener);
}

/* --- a peer that leaves while its connection is suspended: libmicrohttpd does not look, so we do --- */

struct http_watch {
    uv_poll_t poll;
    struct link_http_request *request;
};

static void watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void http_watch_stop(struct link_http_request *request)
{
    struct http_watch *watch = request->watch;
    if (!watch)
        return;
    request->watch = NULL;
    uv_close((uv_handle_t *)&watch->poll, watch_closed);
}

/* It may only have ended its own direction, so an answer is still tried; a stream is over. */
static void peer_left(uv_poll_t *poll, int status, int events)
{
    struct link_http_request *request = ((struct http_watch *)poll->data)->request;
    if (status == 0 && !(events & UV_DISCONNECT))
        return;
    http_watch_stop(request);
    if (request->streaming) {
        request->stream.open = false;
        http_resume(request);
    }
    void (*gone)(void *) = request->gone;
    request->gone = NULL;
    if (gone)
        gone(request->gone_context);
}

void http_watch_start(struct link_http_request *request)
{
    int fd = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    struct http_watch *watch = calloc(1, sizeof *watch);
    ENSURE(watch && !request->watch);
    watch->request = request;
    watch->poll.data = watch;
    if (uv_poll_init(request->http->loop, &watch->poll, fd) != 0) {
        free(watch);
        return; /* then it is noticed at the next write */
    }
    request->watch = watch;
    uv_poll_start(&watch->poll, UV_DISCONNECT, peer_left);
}

/* --- looking at it --- */

const char *link_http_method(const struct link_http_request *request)
{
    return request->method;
}

const char *link_http_path(const struct link_http_request *request)
{
    return request->path;
}

const char *link_http_part(const struct link_http_request *request, const char *name)
{
    return http_pairs_find(&request->parts, name, false);
}

const char *link_http_query(const struct link_http_request *request, const char *name)
{
    return http_pairs_find(&request->query, name, false);
}

const char *link_http_header(const struct link_http_request *request, const char *name)
{
    return http_pairs_find(&request->headers, name, true);
}

struct wire_bytes link_http_body(const struct link_http_request *request)
{
    return wire_bytes(request->body, request->body_size);
}

const char *link_http_peer(const struct link_http_request *request)
{
    return request->peer;
}

void *link_http_context(const struct link_http_request *request)
{
    return request->http ? request->http->options.context : NULL;
}

void link_http_on_gone(struct link_http_request *request, void (*gone)(void *context), void *context)
{
    request->gone = gone;
    request->gone_context = context;
}
