#include "node/api/inside.h"
#include <stdio.h>

/* --- the table of calls: who may, then the handler --- */

static void leave(struct api_call *call)
{
    free(call->arena_memory);
    ENSURE(call->request == NULL); /* every handler answers, or hands the request on */
}

static void enter(void *context, struct link_http_request *request, unsigned roles, void (*handler)(struct api_call *))
{
    struct api_call call = {.api = context, .request = request, .label = ""};
    call.api->calls++;
    if (api_auth(&call, roles & API_ALL, (roles & API_OPEN_ON_UNIX) != 0))
        handler(&call);
    leave(&call);
}

#define ENTER(method, path, roles, name)                                                                               \
    static void on_##name(void *context, struct link_http_request *request)                                            \
    {                                                                                                                  \
        enter(context, request, (unsigned)(roles), api_##name);                                                        \
    }
API_CALL_LIST(ENTER)
#undef ENTER

#define ROUTE(method, path, roles, name) {method, path, on_##name},
static const struct link_http_route ROUTES[] = {API_CALL_LIST(ROUTE)};
#undef ROUTE

/* --- opening --- */

static void on_pulse(uv_timer_t *timer)
{
    api_stream_pulse(timer->data);
}

static char *copy(const char *text)
{
    char *copied = text == NULL ? NULL : strdup(text);
    ENSURE(text == NULL || copied != NULL);
    return copied;
}

static enum wire_status listen_on(struct api *api, const struct link_http_address *address,
                                  struct wire_problem *problem)
{
    enum wire_status status = WIRE_OK;
    if (address->host != NULL)
        status = link_http_listen_tcp(api->http, address->host, address->port, &api->port, problem);
    if (status == WIRE_OK && address->unix_path != NULL)
        status = link_http_listen_unix(api->http, address->unix_path, problem);
    return status;
}

static void start_pulse(struct api *api)
{
    api->pulse = calloc(1, sizeof *api->pulse);
    ENSURE(api->pulse != NULL && uv_timer_init(api->loop, api->pulse) == 0);
    api->pulse->data = api;
    uv_timer_start(api->pulse, on_pulse, API_STREAM_PULSE_MS, API_STREAM_PULSE_MS);
    uv_unref((uv_handle_t *)api->pulse); /* no reason by itself to keep the loop running */
}

static enum wire_status start(struct api *api, const struct link_node_config *config, struct wire_problem *problem)
{
    struct link_http_options options = {
        .routes = ROUTES,
        .route_count = sizeof ROUTES / sizeof *ROUTES,
        .context = api,
        .body_bytes_max = API_BODY_BYTES_MAX,
    };
    enum wire_status status = WIRE_OK;
    if (api->tokens_path != NULL)
        status = link_tokens_load(api->tokens_path, &api->tokens, problem);
    if (status == WIRE_OK)
        status = link_http_open(api->loop, &options, &api->http, problem);
    return status == WIRE_OK ? listen_on(api, &config->http, problem) : status;
}

enum wire_status api_open(uv_loop_t *loop, const struct link_node_config *config, const struct api_backend *backend,
                          struct link_log *log, struct api **out, struct wire_problem *problem)
{
    struct api *api = calloc(1, sizeof *api);
    ENSURE(api != NULL);
    *out = NULL;
    api->loop = loop;
    api->backend = *backend;
    api->log = log;
    api->region = config->region;
    api->installation = copy(config->installation);
    api->data = copy(config->data);
    api->tokens_path = copy(config->tokens);
    enum wire_status status = start(api, config, problem);
    if (status != WIRE_OK) {
        api_close(&api);
        return status;
    }
    start_pulse(api);
    backend->on_event(backend->context, api_wake, api);
    *out = api;
    return WIRE_OK;
}

enum wire_status api_reload_tokens(struct api *api, const char *path, struct wire_problem *problem)
{
    struct link_tokens tokens;
    if (path == NULL)
        return WIRE_OK;
    enum wire_status status = link_tokens_load(path, &tokens, problem);
    if (status != WIRE_OK)
        return status;
    link_tokens_close(&api->tokens);
    api->tokens = tokens;
    return WIRE_OK;
}

uint16_t api_port(const struct api *api)
{
    return api->port;
}

static void timer_closed(uv_handle_t *handle)
{
    free(handle);
}

void api_close(struct api **taken)
{
    struct api *api = *taken;
    *taken = NULL;
    if (api == NULL)
        return;
    if (api->pulse != NULL) {
        api->backend.on_event(api->backend.context, NULL, NULL);
        uv_close((uv_handle_t *)api->pulse, timer_closed);
    }
    api_subscribers_close(api);
    api_imports_close(api);
    api_pendings_close(api);
    if (api->http != NULL)
        link_http_close(&api->http);
    link_tokens_close(&api->tokens);
    free(api->installation);
    free(api->data);
    free(api->tokens_path);
    free(api);
}
