/* Server-sent events: from now on, from an id on, over a gap; closing with streams and requests open. */
#define _GNU_SOURCE
#include "support.h"
#include <pthread.h>

struct listener {
    struct fake *fake;
    const char *target;
    struct link_http_events events;
    char log[2048]; /* "id event data\n" */
    size_t wanted, count, pieces;
    enum wire_status status;
    uv_async_t piece; /* the test hears of every piece */
};

static struct fake fake;

static void open_it(void)
{
    fake_open(&fake, 330000);
}

static void done(void)
{
    fake_close(&fake);
}

TestSuite(api_events, .init = open_it, .fini = done, .timeout = 60);

static bool take(void *context, const struct link_http_event_view *event)
{
    struct listener *listener = context;
    size_t size = strlen(listener->log);
    if (event->event == NULL)
        return true;
    json_t *data = json_loads(event->data, 0, NULL);
    cr_assert_not_null(data, "%s", event->data);
    snprintf(listener->log + size, sizeof listener->log - size, "%s %s %s\n", event->id == NULL ? "-" : event->id,
             event->event,
             json_object_get(data, "topic") ? json_string_value(json_object_get(data, "topic")) : event->data);
    json_decref(data);
    return ++listener->count < listener->wanted;
}

static bool on_body(void *context, struct wire_bytes piece)
{
    struct listener *listener = context;
    bool more = link_http_events_feed(&listener->events, piece, take, listener);
    uv_async_send(&listener->piece);
    return more;
}

static void *listen_on_thread(void *context)
{
    struct listener *listener = context;
    struct link_http_answer answer = {0};
    struct link_http_call call = {.unix_path = listener->fake->socket,
                                  .target = listener->target,
                                  .token = "operator-token",
                                  .on_body = on_body,
                                  .context = listener};
    listener->status = link_http_call(&call, &answer, NULL);
    link_http_answer_close(&answer);
    uv_async_send(&listener->fake->called);
    return NULL;
}

static void on_piece(uv_async_t *async)
{
    struct listener *listener = async->data;
    if (listener->pieces++ == 0) /* the stream is open: now something happens */
        fake_event(listener->fake, "inbox", "new", "{\"number\":\"x\"}", false);
}

static void closed(uv_handle_t *handle)
{
    (void)handle;
}

static void run(struct listener *listener)
{
    pthread_t thread;
    uv_async_init(&fake.loop, &listener->piece, on_piece);
    listener->piece.data = listener;
    pthread_create(&thread, NULL, listen_on_thread, listener);
    uv_run(&fake.loop, UV_RUN_DEFAULT);
    pthread_join(thread, NULL);
    uv_close((uv_handle_t *)&listener->piece, closed);
    uv_run(&fake.loop, UV_RUN_NOWAIT);
    link_http_events_close(&listener->events);
    cr_expect_eq(listener->status, WIRE_OK);
}

Test(api_events, from_now_on)
{
    fake_event(&fake, "link", "old", "{}", false);
    struct listener listener = {.fake = &fake, .target = "/v1/events", .wanted = 1};
    run(&listener);
    cr_expect_str_eq(listener.log, "2 inbox new\n");
}

Test(api_events, from_an_id_on)
{
    fake_event(&fake, "link", "one", "{}", false);
    fake_event(&fake, "outbox", "two", "{}", false);
    struct listener listener = {.fake = &fake, .target = "/v1/events?after=1", .wanted = 2};
    run(&listener);
    cr_expect_str_eq(listener.log, "2 outbox two\n3 inbox new\n");
}

Test(api_events, a_gap_is_told)
{
    for (size_t i = 0; i < 6; i++)
        fake_event(&fake, "link", "some", "{}", false);
    fake.event_first = 4; /* 1 to 4 fell out of the ring */
    struct listener listener = {.fake = &fake, .target = "/v1/events?after=2", .wanted = 3};
    run(&listener);
    cr_expect_str_eq(listener.log, "- gap {\"from\":3,\"to\":4}\n5 link some\n6 link some\n");
}

Test(api_events, an_id_of_an_earlier_life_begins_anew)
{
    fake_event(&fake, "link", "one", "{}", false);
    struct listener listener = {.fake = &fake, .target = "/v1/events?after=700", .wanted = 1};
    run(&listener);
    cr_expect_str_eq(listener.log, "1 link one\n");
}

Test(api_events, bad_ids)
{
    struct answer answer = fake_call(&fake, "operator-token", "GET", "/v1/events?after=x", NULL);
    cr_expect_eq(answer.status, 400);
    answer_close(&answer);
}

/* --- closing while things are open --- */

struct waiting {
    struct fake *fake;
    const char *method, *target, *body;
    struct link_http_answer answer;
    enum wire_status status;
};

static void *wait_on_thread(void *context)
{
    struct waiting *waiting = context;
    struct link_http_call call = {.unix_path = waiting->fake->socket,
                                  .method = waiting->method,
                                  .target = waiting->target,
                                  .token = "all-token",
                                  .body = wire_bytes(waiting->body, strlen(waiting->body))};
    waiting->status = link_http_call(&call, &waiting->answer, NULL);
    return NULL;
}

Test(api_events, closing_ends_streams_and_waiting_requests)
{
    struct waiting waiting[] = {
        {.fake = &fake, .method = "POST", .target = "/v1/envelopes?local_check=0", .body = NOTICE},
        {.fake = &fake, .method = "GET", .target = "/v1/events", .body = ""}};
    pthread_t threads[2];
    fake.never_done = true;
    for (size_t i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, wait_on_thread, &waiting[i]);
    while (fake.publish_calls == 0) /* until the node has it and never answers */
        uv_run(&fake.loop, UV_RUN_ONCE);
    api_close(&fake.api);
    uv_run(&fake.loop, UV_RUN_NOWAIT);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        link_http_answer_close(&waiting[i].answer);
    }
}
