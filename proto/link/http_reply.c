#include "link/http_inside.h"
#include "wire/ensure.h"
#include "wire/json.h"
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_BYTES = 16 * 1024 };

/* --- plain replies --- */

static void add_headers(struct MHD_Response *response, const struct link_http_reply *reply)
{
    const char *type = reply->content_type ? reply->content_type : "application/json; charset=utf-8";
    MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    for (size_t i = 0; i < reply->header_count; i++)
        MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
}

static void answer(struct link_http_request *request, unsigned status, struct MHD_Response *response)
{
    ENSURE(!request->answered && response);
    request->answered = true;
    request->status = status;
    request->response = response;
    if (request->suspended)
        http_resume(request);
}

enum MHD_Result http_send(struct link_http_request *request)
{
    struct MHD_Response *response = request->response;
    request->response = NULL;
    enum MHD_Result result = MHD_queue_response(request->connection, request->status, response);
    MHD_destroy_response(response); /* the connection has its own hold on it */
    return result;
}

static struct MHD_Response *from_bytes(struct wire_bytes body)
{
    return MHD_create_response_from_buffer(body.size, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
}

void link_http_reply(struct link_http_request *request, const struct link_http_reply *reply)
{
    ENSURE(request->handed && !request->answered);
    if (request->connection) {
        struct MHD_Response *response = from_bytes(reply->body);
        ENSURE(response);
        add_headers(response, reply);
        answer(request, reply->status, response);
    }
    http_request_release(request);
}

/* --- refusals of the server's own --- */

struct refusal {
    unsigned status;
    const char *code, *zh, *en;
};

static const struct refusal REFUSALS[] = {
    {MHD_HTTP_BAD_REQUEST, "bad-request", "请求无法读取", "the request cannot be read"},
    {MHD_HTTP_FORBIDDEN, "foreign-origin", "不接受其他网站页面发来的请求",
     "requests from other sites' pages are not accepted"},
    {MHD_HTTP_NOT_FOUND, "not-found", "没有这个地址", "there is nothing at this path"},
    {MHD_HTTP_METHOD_NOT_ALLOWED, "method-not-allowed", "此地址不支持该方法", "this path does not take this method"},
    {MHD_HTTP_CONTENT_TOO_LARGE, "too-large", "内容过大", "the body is too large"},
    {MHD_HTTP_MISDIRECTED_REQUEST, "wrong-host", "请求的主机名不是本机", "the request names another host"},
};

static void add_allow(struct link_http_request *request, struct MHD_Response *response)
{
    const struct link_http_options *options = &request->http->options;
    char allow[128] = "";
    for (size_t i = 0; i < options->route_count; i++) {
        struct link_http_options one = {.routes = &options->routes[i], .route_count = 1};
        unsigned status;
        if (!http_route(&one, options->routes[i].method, request->path, &request->parts, &status))
            continue;
        size_t size = strlen(allow);
        snprintf(allow + size, sizeof allow - size, "%s%s", size ? ", " : "", options->routes[i].method);
    }
    MHD_add_response_header(response, "Allow", allow);
}

void http_refuse(struct link_http_request *request, unsigned status)
{
    const struct refusal *refusal = &REFUSALS[0];
    for (size_t i = 0; i < sizeof REFUSALS / sizeof *REFUSALS; i++)
        if (REFUSALS[i].status == status)
            refusal = &REFUSALS[i];
    char body[512];
    int size = snprintf(body, sizeof body, "{\"status\":\"%s\",\"where\":\"\",\"zh\":\"%s\",\"en\":\"%s\"}\n",
                        refusal->code, refusal->zh, refusal->en);
    struct MHD_Response *response = from_bytes(wire_bytes(body, (size_t)size));
    ENSURE(response);
    add_headers(response, &(struct link_http_reply){.status = refusal->status});
    if (refusal->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        add_allow(request, response);
    answer(request, refusal->status, response);
}

/* --- streams --- */

static bool append(struct link_http_stream *stream, struct wire_bytes bytes)
{
    if (stream->sent > 0 && stream->sent == stream->size)
        stream->size = stream->sent = 0;
    if (stream->size + bytes.size > stream->capacity && stream->sent > 0) {
        memmove(stream->data, stream->data + stream->sent, stream->size - stream->sent);
        stream->size -= stream->sent;
        stream->sent = 0;
    }
    if (stream->size + bytes.size > stream->capacity) {
        size_t capacity = 2 * stream->capacity + bytes.size + 1024;
        uint8_t *larger = realloc(stream->data, capacity);
        if (!larger)
            return false;
        stream->data = larger;
        stream->capacity = capacity;
    }
    if (bytes.size)
        memcpy(stream->data + stream->size, bytes.data, bytes.size);
    stream->size += bytes.size;
    return true;
}

/* libmicrohttpd asks for more: gives what is there, or suspends until there is something. */
static ssize_t read_stream(void *context, uint64_t position, char *buffer, size_t size)
{
    (void)position;
    struct link_http_request *request = context;
    struct link_http_stream *stream = &request->stream;
    size_t left = stream->size - stream->sent;
    if (left == 0) {
        if (!stream->open || !request->http || request->http->closing)
            return MHD_CONTENT_READER_END_OF_STREAM;
        request->suspended = true;
        MHD_suspend_connection(request->connection);
        http_watch_start(request);
        return 0;
    }
    size_t given = left < size ? left : size;
    memcpy(buffer, stream->data + stream->sent, given);
    stream->sent += given;
    return (ssize_t)given;
}

static void stream_response_freed(void *context)
{
    http_request_release(context);
}

struct link_http_stream *link_http_stream_begin(struct link_http_request *request, const struct link_http_reply *reply)
{
    ENSURE(request->handed && !request->answered);
    request->streaming = true;
    if (!request->connection)
        return &request->stream;
    request->stream.open = true;
    ENSURE(append(&request->stream, reply->body));
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, request, stream_response_freed);
    ENSURE(response);
    request->holders++; /* the response */
    add_headers(response, reply);
    answer(request, reply->status, response);
    return &request->stream;
}

static struct link_http_request *request_of(struct link_http_stream *stream)
{
    return (struct link_http_request *)((uint8_t *)stream - offsetof(struct link_http_request, stream));
}

enum wire_status link_http_stream_write(struct link_http_stream *stream, struct wire_bytes bytes)
{
    struct link_http_request *request = request_of(stream);
    if (!request->connection || !stream->open || !request->http)
        return WIRE_CLOSED;
    if (stream->size - stream->sent + bytes.size > request->http->options.stream_bytes_max)
        return WIRE_AGAIN;
    if (!append(stream, bytes))
        return WIRE_NO_MEMORY;
    if (request->suspended)
        http_resume(request);
    return WIRE_OK;
}

void link_http_stream_end(struct link_http_stream *stream)
{
    struct link_http_request *request = request_of(stream);
    stream->open = false;
    request->gone = NULL;
    if (request->connection && request->suspended)
        http_resume(request);
    http_request_release(request);
}

/* --- server-sent events --- */

static void add_lines(struct wire_text *text, const char *field, const char *value)
{
    while (value) {
        size_t size = strcspn(value, "\r\n");
        wire_text_string(text, field);
        wire_text_add(text, value, size);
        wire_text_add(text, "\n", 1);
        if (!value[size])
            return;
        value += size + (value[size] == '\r' && value[size + 1] == '\n' ? 2 : 1);
    }
}

enum wire_status link_http_event(struct link_http_stream *stream, const char *id, const char *event, const char *data)
{
    struct wire_text text = {.grow = realloc};
    ENSURE(!id || !id[strcspn(id, "\r\n")]);
    ENSURE(!event || !event[strcspn(event, "\r\n")]);
    add_lines(&text, "id: ", id);
    add_lines(&text, "event: ", event);
    add_lines(&text, "data: ", data);
    wire_text_add(&text, "\n", 1);
    enum wire_status status =
        text.cut ? WIRE_NO_MEMORY : link_http_stream_write(stream, wire_bytes(text.data, text.size));
    free(text.data);
    return status;
}
