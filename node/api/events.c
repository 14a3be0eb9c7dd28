/* GET /v1/events: server-sent events from the node's ring. A reader that falls behind is let go; it comes back with
 * Last-Event-ID and gets what the ring still holds, after `gap` when something fell out of it. */
#include "node/api/inside.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct api_subscriber {
    struct api *api;
    struct api_subscriber *next, *previous;
    struct link_http_stream *stream;
    uint64_t last; /* id of the last event written */
    bool gone;
    bool gapless; /* it named the event it had: what is missing after it is told */
};

static void end(struct api_subscriber *subscriber)
{
    link_http_stream_end(subscriber->stream);
    if (subscriber->next != NULL)
        subscriber->next->previous = subscriber->previous;
    if (subscriber->previous != NULL)
        subscriber->previous->next = subscriber->next;
    else
        subscriber->api->subscribers = subscriber->next;
    free(subscriber);
}

static void on_gone(void *context)
{
    struct api_subscriber *subscriber = context;
    subscriber->gone = true; /* ended at the next turn: we are inside of its stream here */
}

static void put_event(struct api_json *json, const struct api_event *event)
{
    api_json_open(json, NULL);
    api_json_text(json, "topic", event->topic);
    api_json_time(json, "at", event->at_ms);
    api_json_bool(json, "alarm", event->alarm);
    if (event->json != NULL && event->json[0] != '\0')
        api_json_raw(json, "what", event->json, strlen(event->json));
    api_json_end(json);
}

static bool write_gap(struct api_subscriber *subscriber, uint64_t next)
{
    char data[96];
    snprintf(data, sizeof data, "{\"from\":%" PRIu64 ",\"to\":%" PRIu64 "}", subscriber->last + 1, next - 1);
    return link_http_event(subscriber->stream, NULL, "gap", data) == WIRE_OK;
}

static bool write_event(void *context, const struct api_event *event)
{
    struct api_subscriber *subscriber = context;
    struct api_json json;
    char id[24];
    if (subscriber->gapless && event->id > subscriber->last + 1 && !write_gap(subscriber, event->id)) {
        subscriber->gone = true;
        return false;
    }
    snprintf(id, sizeof id, "%" PRIu64, event->id);
    api_json_start(&json);
    put_event(&json, event);
    subscriber->gone = link_http_event(subscriber->stream, id, event->kind, json.text.data) != WIRE_OK;
    api_json_close(&json);
    if (!subscriber->gone)
        subscriber->last = event->id;
    subscriber->gapless = true;
    return !subscriber->gone;
}

static void feed(struct api_subscriber *subscriber)
{
    const struct api_backend *backend = &subscriber->api->backend;
    if (!subscriber->gone)
        backend->events(backend->context, subscriber->last, write_event, subscriber);
}

static void sweep(struct api *api)
{
    for (struct api_subscriber *at = api->subscribers, *next; at != NULL; at = next) {
        next = at->next;
        if (at->gone)
            end(at);
    }
}

void api_wake(void *context)
{
    struct api *api = context;
    for (struct api_subscriber *at = api->subscribers; at != NULL; at = at->next)
        feed(at);
    sweep(api);
}

void api_stream_pulse(struct api *api)
{
    for (struct api_subscriber *at = api->subscribers; at != NULL; at = at->next)
        if (!at->gone && link_http_stream_write(at->stream, wire_bytes(":\n\n", 3)) != WIRE_OK)
            at->gone = true;
    sweep(api);
}

void api_subscribers_close(struct api *api)
{
    while (api->subscribers != NULL)
        end(api->subscribers);
}

static size_t subscriber_count(const struct api *api)
{
    size_t count = 0;
    for (const struct api_subscriber *at = api->subscribers; at != NULL; at = at->next)
        count++;
    return count;
}

static bool nothing(void *context, const struct api_event *event)
{
    (void)context;
    (void)event;
    return false;
}

/* Where to go on: after the event the reader names, else after the newest. false: it names none. */
static bool read_start(struct api_call *call, uint64_t *last, bool *named)
{
    const struct api_backend *backend = &call->api->backend;
    const char *text = link_http_header(call->request, "Last-Event-ID");
    uint64_t newest = backend->events(backend->context, UINT64_MAX, nothing, NULL);
    if (text == NULL)
        text = link_http_query(call->request, "after");
    *named = text != NULL && text[0] != '\0';
    *last = newest;
    if (!*named)
        return true;
    errno = 0;
    *last = strtoull(text, NULL, 10);
    if (strspn(text, "0123456789") != strlen(text) || errno != 0)
        return false;
    if (*last > newest) { /* of an earlier life of this node: begin with what there is */
        *last = 0;
        *named = false;
    }
    return true;
}

void api_get_events(struct api_call *call)
{
    static const char greeting[] = "retry: 2000\n\n";
    struct api *api = call->api;
    uint64_t last;
    bool named;
    if (!read_start(call, &last, &named)) {
        api_refuse(call, WIRE_INVALID, "Last-Event-ID", "应为事件编号", "should be the id of an event");
        return;
    }
    if (subscriber_count(api) >= API_SUBSCRIBERS_MAX) {
        api_refuse(call, WIRE_OVERLOADED, "", "事件流已达上限，请先关闭不用的",
                   "too many event streams; close those not in use");
        return;
    }
    struct api_subscriber *subscriber = calloc(1, sizeof *subscriber);
    ENSURE(subscriber != NULL);
    *subscriber = (struct api_subscriber){.api = api, .next = api->subscribers, .last = last, .gapless = named};
    if (api->subscribers != NULL)
        api->subscribers->previous = subscriber;
    api->subscribers = subscriber;
    link_http_on_gone(call->request, on_gone, subscriber);
    subscriber->stream = link_http_stream_begin(
        call->request, &(struct link_http_reply){.status = 200,
                                                 .content_type = "text/event-stream; charset=utf-8",
                                                 .body = wire_bytes(greeting, sizeof greeting - 1)});
    call->request = NULL;
    feed(subscriber);
    sweep(api);
}
