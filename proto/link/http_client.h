/* A small blocking HTTP/1.1 client for the command line and tests: one request a connection, to the node's local API
 * over a Unix socket or loopback TCP. Not for the loop. */
#pragma once
#include "wire/bytes.h"
#include "wire/status.h"

enum { LINK_HTTP_ANSWER_BYTES_MAX = 64 * 1024 * 1024, LINK_HTTP_ANSWER_HEAD_MAX = 32 * 1024 };

struct link_http_call {
    const char *unix_path; /* or */
    const char *host;      /* numeric, and */
    uint16_t port;
    const char *method;        /* NULL: "GET" */
    const char *target;        /* path and query, already encoded (link_http_encode) */
    const char *token;         /* sent as "Authorization: Bearer …"; NULL: none */
    const char *language;      /* Accept-Language; NULL: none */
    const char *last_event_id; /* Last-Event-ID: where an event stream is taken up again; NULL: none */
    const char *content_type;  /* of the body; NULL: "application/json" */
    struct wire_bytes body;
    unsigned timeout_ms; /* between two pieces of the answer; 0: 30 s. For event streams: longer than their pulse */
    /* When set, the body of a 2xx answer goes here piece by piece instead of being collected; false ends the call. */
    bool (*on_body)(void *context, struct wire_bytes piece);
    void *context;
};

struct link_http_answer {
    unsigned status;
    char content_type[128];
    uint8_t *body; /* NUL-terminated behind `size`; link_http_answer_close */
    size_t size;
};

/* OK when a whole answer came, whatever its status (or on_body said false). IO: cannot connect or cut short; AGAIN:
 * timed out; SYNTAX: not HTTP; OVER_BUDGET: too large. */
enum wire_status link_http_call(const struct link_http_call *call, struct link_http_answer *answer,
                                struct wire_problem *problem);
void link_http_answer_close(struct link_http_answer *answer);

/* Percent-encodes one path segment or query value; returns the size it needs without the NUL, cut to out_size. */
size_t link_http_encode(const char *text, char *out, size_t out_size);

/* Server-sent events out of the pieces of a stream. Starts zeroed. */
struct link_http_events {
    char *data;
    size_t size, capacity;
};
struct link_http_event_view {
    const char *id, *event, *data; /* NULL if the event has none; borrowed for the call */
};
/* Calls `take` for every complete event; false from it ends and is returned. */
bool link_http_events_feed(struct link_http_events *events, struct wire_bytes piece,
                           bool (*take)(void *context, const struct link_http_event_view *event), void *context);
void link_http_events_close(struct link_http_events *events);
