/* What the files of the local API share. Only this room includes it.
 *
 *   api.c       open, close, the table of calls
 *   auth.c      token → who calls and what for
 *   answer.c    replies and errors; json.c writes JSON
 *   header.c    a header, and a decision, for people
 *   draft.c     header, payload and the node's rules; draft_read.c: out of a JSON request
 *   queue.c     drafts → the node, and what came of it
 *   publish.c inbox.c outbox.c answering.c correct.c links.c status.c policy.c events.c check.c metrics.c import.c:
 *               one topic each
 *   import_*.c  CSV → rows → envelopes; csv.c, charset.c, profile.c read */
#pragma once
#include "link/http.h"
#include "node/api/api.h"
#include "node/api/json.h"
#include "wire/ensure.h"
#include <jansson.h>
#include <stdlib.h>

enum {
    API_BODY_BYTES_MAX = 16 * 1024 * 1024,   /* an import with its CSV in base64 */
    API_ARENA_BYTES = 48 * 1024 * 1024,      /* of one call; untouched pages cost nothing */
    API_ENVELOPE_BODY_MAX = 4 * 1024 * 1024, /* JSON of one envelope of at most 1 MiB */
    API_LIST_DEFAULT = 100,
    API_LIST_MAX = 5000,
    API_LINKS_MAX = LINK_BROKERS_MAX,
    API_REGIONS_MAX = 4096,
    API_SUBSCRIBERS_MAX = 24,
    API_STREAM_PULSE_MS = 10 * 1000, /* below the peer's 30 s */
    API_REASON_CHARACTERS_MAX = 200,
};

enum {
    API_DUTY = LINK_ROLE_DUTY,
    API_LOGISTICS = LINK_ROLE_LOGISTICS,
    API_OPERATOR = LINK_ROLE_OPERATOR,
    API_AUDITOR = LINK_ROLE_AUDITOR,
    API_ADMIN = LINK_ROLE_ADMIN,
    API_ALL = API_DUTY | API_LOGISTICS | API_OPERATOR | API_AUDITOR | API_ADMIN,
    API_READERS = API_DUTY | API_LOGISTICS | API_AUDITOR, /* of payloads */
};

struct api_pending;
struct api_subscriber;
struct api_import;

struct api {
    uv_loop_t *loop;
    struct api_backend backend;
    struct link_log *log;
    uint32_t region;
    char *installation, *data, *tokens_path;
    struct link_tokens tokens;
    struct link_http *http;
    uint16_t port;
    uv_timer_t *pulse; /* keeps event streams alive */
    struct api_pending *pendings;
    struct api_subscriber *subscribers;
    struct api_import *imports;
    uint64_t alarm_seen; /* alarms up to this event were seen by an operator */
    uint64_t calls, refused_calls;
};

/* One request while its handler runs. Texts of the caller live as long as the tokens: copy them for later. */
struct api_call {
    struct api *api;
    struct link_http_request *request; /* NULL once replied to or handed on */
    const char *label;                 /* of the token; "" without one */
    uint32_t unit;                     /* of the token, 0: none */
    unsigned roles;
    struct wire_arena arena;
    void *arena_memory;
};

/* --- auth.c --- */

/* Fills who calls; false: it was answered (401, 403). `open_on_unix`: no token needed there. */
bool api_auth(struct api_call *call, unsigned roles, bool open_on_unix);
bool api_may(const struct api_call *call, unsigned roles);
void api_audit(struct api_call *call, const char *what, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* "?reveal=REASON": true and audited when a duty officer gave a reason. false with *answered: it was refused. */
bool api_reveal(struct api_call *call, struct wire_number number, bool *answered);

/* --- answer.c --- */

unsigned api_http_status(enum wire_status status);
/* Takes the request, closes the JSON. */
void api_answer(struct api_call *call, unsigned http_status, struct api_json *json);
void api_answer_bytes(struct api_call *call, const char *content_type, struct wire_bytes body);
void api_problem(struct api_call *call, const struct wire_problem *problem);
void api_refuse(struct api_call *call, enum wire_status status, const char *where, const char *zh, const char *en);
/* The members of a problem, without braces. Texts that are missing are the status's own. */
void api_json_problem(struct api_json *json, const struct wire_problem *problem);
void api_reply_json(struct link_http_request *request, unsigned http_status, struct api_json *json);

/* The arena of the call, made at its first use. */
struct wire_arena *api_arena(struct api_call *call);
/* The body as a JSON object; NULL: it was answered. The caller json_decref()s. */
json_t *api_body(struct api_call *call, const char *const *keys, size_t key_count);
#define API_BODY(call, keys) api_body(call, keys, sizeof(keys) / sizeof *(keys))
/* Refuses keys that are not in the list (UNKNOWN_FIELD, the nearest named). */
enum wire_status api_known_keys(const json_t *object, const char *const *keys, size_t count,
                                struct wire_problem *problem);
/* A text member; NULL when absent; fails when it is no text or longer than `characters`. */
enum wire_status api_text_member(const json_t *object, const char *key, size_t characters, const char **out,
                                 struct wire_problem *problem);

/* The envelope that the path's {id} names: an id, or a number (*id_given false). false: answered (400). */
struct api_name {
    bool by_id;
    uint8_t id[WIRE_ID_BYTES];
    struct wire_number number;
};
bool api_name_parse(const char *text, struct api_name *out);
bool api_path_name(struct api_call *call, struct api_name *out);
/* 404 or what else the status says. */
bool api_inbox_find(struct api_call *call, struct api_inbox_row *row);
bool api_outbox_find(struct api_call *call, struct api_outbox_row *row);

/* limit, since (a time, a day), kind, newest first. false: answered (400). */
struct api_list_query {
    size_t limit;
    int64_t since_ms;
    uint64_t after; /* order */
    uint32_t kind;
    bool oldest_first;
    bool payload;
};
bool api_list_query(struct api_call *call, struct api_list_query *out);

/* --- header.c --- */

struct wire_number api_number_of(const Wire__Header *header);
/* Members of an envelope's header, without braces. */
void api_json_header(struct api_json *json, const Wire__Header *header);
void api_json_addresses(struct api_json *json, const char *key, Wire__Address *const *list, size_t count);
void api_json_regions(struct api_json *json, const char *key, const uint32_t *list, size_t count);
/* What a decision says, and the sentences of rules/explain.h in both languages. */
void api_json_preview(struct api_json *json, const struct api_draft *draft, const struct rules_policy *policy,
                      const struct api_preview *preview);
/* Payload with its masks (redact true) or as it is; says why when there is none. */
void api_json_payload(struct api_json *json, const Wire__Header *header, struct wire_bytes payload,
                      enum wire_status status, bool redact, struct wire_arena *arena);
/* The title of a payload that has one, in the arena; NULL. */
const char *api_payload_title(const Wire__Header *header, struct wire_bytes payload, struct wire_arena *arena);
/* Decodes; NULL when the kind is not known here or the bytes are not its payload. */
ProtobufCMessage *api_payload_decode(const Wire__Header *header, struct wire_bytes payload, struct wire_arena *arena);

/* --- draft.c --- */

/* One envelope on its way to the queue. All memory is the arena's. */
struct api_form {
    const struct wire_kind *kind;
    Wire__Header header;
    ProtobufCMessage *payload;
    struct api_draft draft;     /* points to the two above, encoded */
    bool lane_asked;            /* the caller named a lane; the rules must agree */
    uint32_t keep_asked;        /* 0: none */
    struct wire_problem remark; /* of the kind's check: an abolished region was accepted */
};

/* A header of this node with what every envelope has: id (NULL: a new one), origin, issuer, times. unit 0: the kind's
 * default. */
void api_form_start(struct api *api, struct api_form *form, const struct wire_kind *kind, uint32_t unit,
                    const uint8_t *id, struct wire_arena *arena);
/* Urgency, subjects, days for retention and the encoded payload from form->payload; checks it by its kind. */
enum wire_status api_form_payload(struct api *api, struct api_form *form, struct wire_arena *arena,
                                  struct wire_problem *problem);
/* Encodes without the kind's check: a cancel, which has nothing but a reason. */
enum wire_status api_form_encode(struct api *api, struct api_form *form, struct wire_arena *arena,
                                 struct wire_problem *problem);
/* Makes it an answer: in_reply_to; a reply kind takes mechanism, reality and the region concerned from its parent. */
enum wire_status api_form_answers(struct api_form *form, const Wire__Header *parent, struct wire_arena *arena);
/* All of a request's members into the form. */
enum wire_status api_form_read(struct api_call *call, const json_t *body, struct api_form *form,
                               struct wire_problem *problem);
/* Asks the node's rules. OK; or the verdict (the problem in words), and then *can_queue: the header could be formed, so
 * that the broker's signed refusal can be had. */
enum wire_status api_form_preview(struct api *api, struct api_form *form, struct wire_arena *arena,
                                  struct api_preview *preview, bool *can_queue, struct wire_problem *problem);
uint32_t api_kind_unit(uint32_t kind); /* the unit that usually issues it */
/* A region out of JSON: 330300, "330300", "温州市". false: none. */
bool api_region_value(const json_t *value, uint32_t *out);

/* --- correct.c --- */

/* An update or cancel of an envelope of ours: to whom and about whom it was, the payload still missing. Borrows the
 * row. */
void api_form_correct(struct api *api, struct api_form *form, const struct api_outbox_row *row, Wire__Action action,
                      struct wire_arena *arena);

/* --- queue.c --- */

/* Queues one form and answers 202 (or why not) when it is durable. Takes the request; `extra` (may be NULL) is a JSON
 * object's members put beside, copied. */
void api_queue(struct api_call *call, struct api_form *form, const char *what, const struct wire_text *extra);
/* The same for withdrawing. */
void api_withdraw(struct api_call *call, const uint8_t id[WIRE_ID_BYTES]);
void api_pendings_close(struct api *api);

/* --- events.c, import.c: what lives longer than a call --- */
void api_wake(void *context);
void api_stream_pulse(struct api *api);
void api_subscribers_close(struct api *api);
void api_imports_close(struct api *api);

/* --- base64.c --- */
void api_base64(struct wire_text *out, const uint8_t *data, size_t size);
/* RFC 4648 with padding, line breaks skipped; `out` holds size / 4 * 3 + 3. false: it is none. */
bool api_unbase64(const char *text, size_t size, uint8_t *out, size_t *out_size);

/* --- the calls --- */
/* clang-format off */
#define API_CALL_LIST(CALL) \
    CALL("GET",  "/v1/status",                 API_ALL,                                              get_status) \
    CALL("GET",  "/v1/links",                  API_ALL,                                              get_links) \
    CALL("POST", "/v1/links/{name}/reconnect", API_OPERATOR | API_ADMIN,                             post_reconnect) \
    CALL("POST", "/v1/envelopes",              API_DUTY | API_LOGISTICS,                             post_envelope) \
    CALL("POST", "/v1/import",                 API_DUTY | API_LOGISTICS,                             post_import) \
    CALL("GET",  "/v1/outbox",                 API_READERS | API_OPERATOR,                           get_outbox) \
    CALL("GET",  "/v1/outbox/{id}",            API_READERS | API_OPERATOR,                           get_outbox_one) \
    CALL("POST", "/v1/outbox/{id}/withdraw",   API_DUTY,                                             post_withdraw) \
    CALL("POST", "/v1/outbox/{id}/cancel",     API_DUTY,                                             post_cancel) \
    CALL("POST", "/v1/outbox/{id}/update",     API_DUTY,                                             post_update) \
    CALL("GET",  "/v1/outbox/{id}/evidence",   API_ALL & ~API_OPERATOR,                              get_outbox_evidence) \
    CALL("GET",  "/v1/inbox",                  API_READERS | API_OPERATOR,                           get_inbox) \
    CALL("GET",  "/v1/inbox/{id}",             API_READERS | API_OPERATOR,                           get_inbox_one) \
    CALL("POST", "/v1/inbox/{id}/acknowledge", API_DUTY | API_LOGISTICS,                             post_acknowledge) \
    CALL("POST", "/v1/inbox/{id}/outcome",     API_DUTY | API_LOGISTICS,                             post_outcome) \
    CALL("GET",  "/v1/inbox/{id}/evidence",    API_ALL & ~API_OPERATOR,                              get_inbox_evidence) \
    CALL("GET",  "/v1/policy",                 API_ALL,                                              get_policy) \
    CALL("GET",  "/v1/policy/files",           API_ALL,                                              get_policy_files) \
    CALL("GET",  "/v1/regions",                API_ALL,                                              get_regions) \
    CALL("GET",  "/v1/events",                 API_ALL,                                              get_events) \
    CALL("GET",  "/v1/check",                  API_ALL,                                              get_check) \
    CALL("POST", "/v1/check/seen",             API_OPERATOR | API_ADMIN,                             post_seen) \
    CALL("GET",  "/metrics",                   API_OPEN_ON_UNIX,                                     get_metrics)
/* clang-format on */
enum { API_OPEN_ON_UNIX = 1 << 30 };

#define API_CALL_DECLARE(method, path, roles, name) void api_##name(struct api_call *call);
API_CALL_LIST(API_CALL_DECLARE)
#undef API_CALL_DECLARE
