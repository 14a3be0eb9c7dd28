/* Requests to the node's local API, from the line of the request to the answer, without a socket: path, query, body,
 * one request after another against a small node whose outbox remembers them. Every request is answered exactly once;
 * every answer is JSON (or what its type says) with both languages in every error; no answer shows a person unless a
 * reason was given. */
#define _GNU_SOURCE
#include "api_node.h"
#include "link/http_inside.h"
#include "link/json.h"
#include "node/api/inside.h"
#include "target.h"
#include <string.h>

void *__real_malloc(size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void __wrap_free(void *memory);
void __real_link_http_reply(struct link_http_request *request, const struct link_http_reply *reply);
void __wrap_link_http_reply(struct link_http_request *request, const struct link_http_reply *reply);

/* The arenas of calls are large: AddressSanitizer would spend all its time on their shadows, so they are kept. */
enum { ARENAS = 8 };
static struct {
    void *memory;
    bool used;
} arenas[ARENAS];

void *__wrap_malloc(size_t size)
{
    for (size_t i = 0; size == API_ARENA_BYTES && i < ARENAS; i++) {
        if (arenas[i].used)
            continue;
        arenas[i].used = true;
        if (arenas[i].memory == NULL)
            arenas[i].memory = __real_malloc(size);
        return arenas[i].memory;
    }
    return __real_malloc(size);
}

void __wrap_free(void *memory)
{
    for (size_t i = 0; memory != NULL && i < ARENAS; i++) {
        if (arenas[i].memory != memory)
            continue;
        arenas[i].used = false;
        return;
    }
    __real_free(memory);
}

static size_t replies;
static bool told; /* the input itself names the person */

static void ensure_error(const json_t *answer)
{
    ENSURE(json_string_length(json_object_get(answer, "zh")) > 0);
    ENSURE(json_string_length(json_object_get(answer, "en")) > 0);
}

/* Whatever the API answers passes here on its way to the peer. */
void __wrap_link_http_reply(struct link_http_request *request, const struct link_http_reply *reply)
{
    replies++;
    ENSURE(reply->status >= 200 && reply->status < 600);
    if (reply->content_type == NULL && reply->body.size > 0) {
        json_t *answer = json_loadb((const char *)reply->body.data, reply->body.size, JSON_REJECT_DUPLICATES, NULL);
        ENSURE(answer != NULL);
        if (reply->status >= 400)
            ensure_error(answer);
        json_decref(answer);
    }
    if (link_http_query(request, "reveal") == NULL && strcmp(link_http_method(request), "GET") == 0)
        ENSURE(told || !api_node_person(reply->body));
    __real_link_http_reply(request, reply);
}

static bool add_pairs(struct http_pairs *pairs, char *text)
{
    for (char *at = text, *next; at != NULL && *at != '\0'; at = next) {
        next = strchr(at, '&');
        if (next != NULL)
            *next++ = '\0';
        char *value = strchr(at, '=');
        size_t name = value == NULL ? strlen(at) : (size_t)(value - at);
        if (!http_pairs_add(pairs, at, name, value == NULL ? NULL : value + 1))
            return false;
        struct http_pair *pair = &pairs->item[pairs->count - 1];
        if (!http_decode(pair->name) || !http_decode(pair->value))
            return false;
    }
    return true;
}

static char *text_of(struct wire_bytes bytes)
{
    char *text = malloc(bytes.size + 1);
    ENSURE(text != NULL);
    if (bytes.size > 0)
        memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    return text;
}

/* As libmicrohttpd would have filled it in; the peer has gone, so answers end in __wrap_link_http_reply. */
static struct link_http_request *request_of(struct api *api, const char *method, struct wire_bytes path,
                                            struct wire_bytes body, const char *content_type)
{
    struct link_http_request *request = calloc(1, sizeof *request);
    ENSURE(request != NULL);
    request->http = api->http;
    request->holders = 1;
    request->handed = true;
    request->method = strdup(method);
    request->path = text_of(path);
    request->body = (uint8_t *)text_of(body);
    request->body_size = body.size;
    memcpy(request->peer, "unix", 5);
    ENSURE(http_pairs_add(&request->headers, "Authorization", 13, "Bearer fuzz"));
    ENSURE(http_pairs_add(&request->headers, "Content-Type", 12, content_type));
    return request;
}

static void handle(struct api *api, struct link_http_request *request, bool bad)
{
    unsigned status = 0;
    const struct link_http_route *route =
        bad ? NULL : http_route(&api->http->options, request->method, request->path, &request->parts, &status);
    if (route == NULL) {
        ENSURE(bad || status == 400 || status == 404 || status == 405);
        http_request_release(request);
        return;
    }
    size_t before = replies;
    bool streams = strcmp(request->path, "/v1/events") == 0;
    route->handler(api, request);
    api_node_settle();
    ENSURE(replies == before + 1 || streams);
}

static void hosts(struct fuzz_input *input)
{
    static const struct link_http_options options = {0};
    struct http_pairs headers = {.count = 0};
    char *host = text_of(fuzz_take(input, fuzz_u8(input))), *origin = text_of(fuzz_take(input, fuzz_u8(input)));
    ENSURE(http_pairs_add(&headers, "host", 4, host));
    if (origin[0] != '\0')
        ENSURE(http_pairs_add(&headers, "Origin", 6, origin));
    unsigned status = http_check_hosts(&options, &headers);
    ENSURE(status == 0 || status == 421 || status == 403);
    ENSURE(status != 0 || strcasestr(host, "localhost") != NULL || strstr(host, "127.") != NULL ||
           strstr(host, "::1") != NULL);
    http_pairs_close(&headers);
    free(host);
    free(origin);
}

static void call(struct fuzz_input *input)
{
    static const char *const methods[] = {"GET", "POST", "POST", "HEAD", "PUT", "DELETE"};
    struct api *api = api_node();
    const char *method = methods[fuzz_below(input, 6)];
    struct wire_bytes path, query = fuzz_take(input, fuzz_u8(input));
    uint8_t which = fuzz_u8(input);
    if (which < api->http->options.route_count) { /* a path that there is, its part from the node's own names */
        path = api_node_path(api->http->options.routes[which].path, fuzz_u8(input));
        method = api->http->options.routes[which].method;
    } else {
        path = fuzz_take(input, fuzz_u8(input));
    }
    struct wire_bytes body = fuzz_piece(input);
    const char *type = fuzz_one_in(input, 4) ? "text/csv" : "application/json";
    struct link_http_request *request = request_of(api, method, path, body, type);
    char *pairs = text_of(query);
    bool bad = !add_pairs(&request->query, pairs);
    free(pairs);
    handle(api, request, bad);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    if (size > 32 * 1024)
        return 0;
    api_node_reset();
    told = api_node_person(input.size > 0 ? wire_bytes(data, size) : wire_bytes(NULL, 0));
    if (fuzz_one_in(&input, 8))
        hosts(&input);
    for (int calls = 0; input.size > 0 && calls < 8; calls++)
        call(&input);
    return 0;
}
