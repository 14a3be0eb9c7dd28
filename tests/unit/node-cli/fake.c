#include "fake.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { REQUEST_MAX = 8192, HEADER_MAX = 128 };

struct answer {
    const char *call, *body;
    unsigned status;
    bool stream, used;
};

struct fake {
    pthread_t thread;
    pthread_mutex_t lock;
    uv_loop_t loop;
    uv_async_t stop;
    struct link_http *http;
    struct answer answer[FAKE_ANSWERS_MAX];
    size_t answers, requests;
    char request[FAKE_REQUESTS_MAX][REQUEST_MAX];
    char token[HEADER_MAX], last_event_id[HEADER_MAX];
    char *folder, node[128];
};

static void note(struct fake *fake, const struct link_http_request *request, const char *call)
{
    static const char *const queries[] = {"preview", "unsigned", "kind",    "since",  "limit",
                                          "state",   "reveal",   "dry_run", "profile"};
    struct wire_bytes body = link_http_body(request);
    char *out = fake->request[fake->requests++];
    size_t size = (size_t)snprintf(out, REQUEST_MAX, "%s", call);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        if (link_http_query(request, queries[i]) != NULL)
            size += (size_t)snprintf(out + size, REQUEST_MAX - size, " %s=%s", queries[i],
                                     link_http_query(request, queries[i]));
    snprintf(out + size, REQUEST_MAX - size, " %.*s", (int)body.size, body.size == 0 ? "" : (const char *)body.data);
    const char *token = link_http_header(request, "Authorization"), *last = link_http_header(request, "Last-Event-ID");
    snprintf(fake->token, HEADER_MAX, "%s", token == NULL ? "" : token);
    snprintf(fake->last_event_id, HEADER_MAX, "%s", last == NULL ? "" : last);
}

/* The first answer of this call that was not used, else the last. */
static struct answer *choose(struct fake *fake, const char *call)
{
    struct answer *chosen = NULL;
    for (size_t i = 0; i < fake->answers; i++)
        if (strcmp(fake->answer[i].call, call) == 0 && (chosen == NULL || chosen->used))
            chosen = &fake->answer[i];
    if (chosen != NULL)
        chosen->used = true;
    return chosen;
}

static void handle(void *context, struct link_http_request *request)
{
    struct fake *fake = context;
    char call[512];
    snprintf(call, sizeof call, "%s %s", link_http_method(request), link_http_path(request));
    pthread_mutex_lock(&fake->lock);
    if (fake->requests < FAKE_REQUESTS_MAX)
        note(fake, request, call);
    const struct answer *answer = choose(fake, call);
    pthread_mutex_unlock(&fake->lock);
    struct link_http_reply reply = {.status = answer == NULL ? 404 : answer->status};
    const char *body =
        answer == NULL ? "{\"status\":\"not-found\",\"zh\":\"没有\",\"en\":\"not there\"}" : answer->body;
    reply.body = wire_bytes(body, strlen(body));
    if (answer == NULL || !answer->stream)
        link_http_reply(request, &reply);
    else {
        reply.content_type = "text/event-stream";
        struct link_http_stream *stream = link_http_stream_begin(request, &reply);
        link_http_stream_end(stream);
    }
}

static const struct link_http_route routes[] = {
    {"GET", "/v1/{what}", handle},           {"POST", "/v1/{what}", handle},
    {"GET", "/v1/{what}/{id}", handle},      {"POST", "/v1/{what}/{id}", handle},
    {"GET", "/v1/{what}/{id}/{do}", handle}, {"POST", "/v1/{what}/{id}/{do}", handle},
};

static void on_stop(uv_async_t *async)
{
    struct fake *fake = async->data;
    link_http_close(&fake->http);
    uv_close((uv_handle_t *)async, NULL);
}

static void *run_loop(void *context)
{
    struct fake *fake = context;
    uv_run(&fake->loop, UV_RUN_DEFAULT);
    return NULL;
}

struct fake *fake_open(void)
{
    struct fake *fake = calloc(1, sizeof *fake);
    struct wire_problem problem = {.status = WIRE_OK};
    struct link_http_options options = {
        .routes = routes, .route_count = sizeof routes / sizeof *routes, .context = fake};
    cr_assert_not_null(fake);
    fake->folder = temp_folder();
    snprintf(fake->node, sizeof fake->node, "unix:%s/api.sock", fake->folder);
    pthread_mutex_init(&fake->lock, NULL);
    uv_loop_init(&fake->loop);
    uv_async_init(&fake->loop, &fake->stop, on_stop);
    fake->stop.data = fake;
    cr_assert_eq(link_http_open(&fake->loop, &options, &fake->http, &problem), WIRE_OK, "%s", problem.en);
    cr_assert_eq(link_http_listen_unix(fake->http, fake->node + strlen("unix:"), &problem), WIRE_OK, "%s", problem.en);
    cr_assert_eq(pthread_create(&fake->thread, NULL, run_loop, fake), 0);
    return fake;
}

void fake_close(struct fake *fake)
{
    uv_async_send(&fake->stop);
    pthread_join(fake->thread, NULL);
    cr_expect_eq(uv_loop_close(&fake->loop), 0);
    pthread_mutex_destroy(&fake->lock);
    remove_folder(fake->folder);
    free(fake);
}

const char *fake_node(const struct fake *fake)
{
    return fake->node;
}

static void add(struct fake *fake, struct answer answer)
{
    pthread_mutex_lock(&fake->lock);
    cr_assert_lt(fake->answers, FAKE_ANSWERS_MAX);
    fake->answer[fake->answers++] = answer;
    pthread_mutex_unlock(&fake->lock);
}

void fake_answer(struct fake *fake, const char *call, unsigned status, const char *body)
{
    add(fake, (struct answer){.call = call, .body = body, .status = status});
}

void fake_stream(struct fake *fake, const char *call, const char *body)
{
    add(fake, (struct answer){.call = call, .body = body, .status = 200, .stream = true});
}

size_t fake_count(struct fake *fake)
{
    pthread_mutex_lock(&fake->lock);
    size_t count = fake->requests;
    pthread_mutex_unlock(&fake->lock);
    return count;
}

const char *fake_request(struct fake *fake, int index)
{
    int count = (int)fake_count(fake), at = index < 0 ? count + index : index;
    cr_assert(at >= 0 && at < count, "there were %d requests", count);
    return fake->request[at];
}

const char *fake_token(struct fake *fake)
{
    return fake->token;
}

const char *fake_last_event_id(struct fake *fake)
{
    return fake->last_event_id;
}
