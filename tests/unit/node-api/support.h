/* A local API over a fake node: the real rules of broker/mechanisms, an outbox and inbox in memory, answers given from
 * the loop. Calls are made over its Unix socket by the blocking client on a thread, while the test runs the loop. */
#pragma once
#include "link/http_client.h"
#include "node/api/api.h"
#include "wire/region.h"
#include "wire/time.h"
#include "wire/unit.h"
#include <criterion/criterion.h>
#include <jansson.h>

enum { FAKE_ROWS_MAX = 2048, FAKE_EVENTS_MAX = 64, FAKE_INBOX_MAX = 16, FAKE_REGIONS_MAX = 64 };

/* 2020-02-12 10:00 in Asia/Shanghai */
#define FAKE_NOW INT64_C(1581472800000)

struct fake_sent {
    uint8_t id[WIRE_ID_BYTES];
    uint8_t *header, *payload;
    size_t header_size, payload_size;
    uint32_t serial;
    Wire__NodeOutboxState state;
    enum wire_status reason;
    Wire__Lane lane;
    char mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
};

struct fake_received {
    uint8_t *header, *payload;
    size_t header_size, payload_size;
    enum wire_status payload_status;
    bool owes, unreadable;
    int64_t arrived_ms;
    bool has_known;
    Wire__NodeKnown known;
};

struct fake_import {
    uint8_t key[32], id[WIRE_ID_BYTES], content[32];
};

struct fake_event {
    char kind[16], topic[32], json[128];
    bool alarm;
};

struct fake {
    uv_loop_t loop;
    struct api *api;
    struct api_backend backend;
    char folder[40], socket[64], tokens[64];
    uint16_t port;
    uint32_t region;
    int64_t now_ms; /* FAKE_NOW */
    struct rules_policy *policy;
    bool no_policy;
    uint32_t enrolled[FAKE_REGIONS_MAX];
    size_t enrolled_count;

    struct fake_sent *sent;
    size_t sent_count;
    struct fake_received received[FAKE_INBOX_MAX];
    size_t received_count;
    struct fake_import *imports;
    size_t import_count;
    struct fake_event event[FAKE_EVENTS_MAX];
    size_t event_count, event_first; /* older ones fell out of the ring */
    void (*wake)(void *);
    void *wake_context;

    enum wire_status publish_status; /* what publishing comes to; OK */
    bool never_done;                 /* publishing never ends */
    size_t publish_calls, publish_most, withdrawn, reconnects;
    struct api_status status;
    enum api_link_state link_state;
    char audit[4096]; /* "label what detail\n" */
    uv_async_t called;
    size_t done_pending;
};

/* Roles of the tokens: "duty", "logistics", "operator", "auditor", "admin", each its own token of the same name; "all".
 */
void fake_open(struct fake *fake, uint32_t region);
/* The twelve nodes that expectations are computed for. */
void fake_enrol(struct fake *fake, const uint32_t *regions, size_t count);
void fake_close(struct fake *fake);

struct answer {
    unsigned status;
    char type[128];
    json_t *json; /* NULL: not JSON */
    char *text;
};
/* token NULL: none sent. body NULL: none. */
struct answer fake_call(struct fake *fake, const char *token, const char *method, const char *target, const char *body);
struct answer fake_post_bytes(struct fake *fake, const char *token, const char *target, const char *type,
                              struct wire_bytes body, bool over_tcp);
void answer_close(struct answer *answer);
/* "items[0].row", members and indexes; NULL: not there. */
const json_t *at(const struct answer *answer, const char *path);
const char *text_at(const struct answer *answer, const char *path);  /* "" if there is none */
json_int_t number_at(const struct answer *answer, const char *path); /* -1 */

void fake_event(struct fake *fake, const char *kind, const char *topic, const char *json, bool alarm);
/* A contact notice about two persons, or a supply request, from 310000; returns its row. */
struct fake_received *fake_receive(struct fake *fake, uint32_t kind, uint32_t serial);
/* Decoded; lives until the next call. */
const Wire__Header *fake_header(struct fake *fake, size_t index);
ProtobufCMessage *fake_payload(struct fake *fake, size_t index);

char *read_file(const char *path, size_t *size);
/* POST of a file by JSON: profile text and CSV in base64. */
struct answer fake_import(struct fake *fake, const char *token, const char *profile, struct wire_bytes csv,
                          const char *query);
struct answer fake_import_text(struct fake *fake, const char *profile, const char *csv, const char *query);
extern const char NOTICE[]; /* a publish request's body: a contact notice to 330300 */
extern const char SUPPLY[]; /* a supply request */
