/* What the local API asks of the node behind it. The shell (node/main.c and the files beside it) fills this in; tests
 * fill in their own. All calls on the loop's thread. Nothing here decides: publishing goes to the core, reading to the
 * store. */
#pragma once
#include "rules/decide.h"
#include "schema/payload.pb-c.h"
#include "schema/store.pb-c.h"
#include "schema/trust.pb-c.h"
#include "wire/arena.h"
#include "wire/id.h"
#include "wire/kind.h"

/* One envelope to be queued. Header complete but for number, store id, seq, digest; mechanism and lane may be left
 * empty (has_lane false): the node's rules choose the narrowest and its lane. Borrowed for the call. */
struct api_draft {
    Wire__Header *header;
    struct wire_bytes payload; /* encoded payload message of the header's kind */
    bool choose_mechanism;     /* header->mechanism is not set */
    uint32_t last_exposure;    /* yyyymmdd, 0: from the payload unknown; for keep_until (rules_keep_until) */
    uint32_t valid_until;
    bool anyway; /* our copy of the rules refuses it and the header is complete all the same: the broker's verdict,
                  * which is signed, is wanted */
};

struct api_result {
    enum wire_status status; /* OK, EXISTS (already there: number of the first), or why not */
    uint8_t id[WIRE_ID_BYTES];
    struct wire_number number;
    bool held;
    struct wire_problem problem; /* when status is neither OK nor EXISTS */
};

/* Who will get it and why, before it is queued; `text` in rules/explain.h makes words of it. */
struct api_preview {
    struct rules_decision *decision;
    struct rules_question *question;
};

enum api_link_state { API_LINK_DOWN, API_LINK_DEGRADED, API_LINK_UP };
struct api_link {
    const char *name, *endpoint;
    enum api_link_state state;
    enum wire_status reason; /* why it is down, or why nothing is granted */
    bool fork, rolled_back, stopped;
    int64_t since_ms;
    int64_t rtt_ms; /* -1: not known */
    int64_t offset_ms;
    uint64_t policy_version, directory_epoch;
    struct {
        uint64_t drafts, unreceipted;
        int64_t oldest_ms;
    } lane[WIRE_LANES];
};

struct api_status {
    uint32_t region;
    const char *installation;
    uint64_t policy_version, directory_epoch;
    int64_t certificate_until_ms;
    unsigned store_full_permille;
    bool clock_unsure, store_full;
    uint64_t admitted, refused, duplicate, expired, received, repeated, rejected, unreadable, redrafted;
};

/* One alarm or event for the stream and for `check`: what the core noted, already in words. */
struct api_event {
    uint64_t id;         /* rises by one */
    const char *kind;    /* "inbox", "outbox", "link", "alarm" */
    const char *topic;   /* name of the node_topic */
    const char *json;    /* an object, complete */
    const char *zh, *en; /* what it is, for people */
    int64_t at_ms;
    bool alarm; /* stays in `check` until it is over or an operator has seen it */
};

struct api_inbox_row {
    uint64_t order;
    const Wire__NodeInbox *inbox;
    const Wire__Header *header;      /* NULL: unreadable */
    const Wire__NodeKnown *known;    /* signed for, answered, updated, cancelled; NULL: none */
    struct wire_bytes payload;       /* opened and decrypted; .data NULL with payload_status */
    enum wire_status payload_status; /* OK, ERASED, CANNOT_OPEN, … */
};

struct api_outbox_row {
    const Wire__Header *header;
    const Wire__NodeState *state;
    struct wire_bytes payload;
    enum wire_status payload_status;
};

struct api_backend {
    void *context;

    /* Queues drafts (1 to 512); `done` is called once, from the loop, after they are durable (or refused as a whole),
     * with one result a draft, borrowed for the call. */
    void (*publish)(void *context, struct api_draft *drafts, size_t count,
                    void (*done)(void *done_context, const struct api_result *results, size_t count),
                    void *done_context);
    /* Fills mechanism, lane, keep_until and form of the draft by the node's copy of the rules and says who gets it. The
     * result lies in the arena. Returns the decision's verdict (NO_POLICY when there is none); problem in words. */
    enum wire_status (*preview)(void *context, struct api_draft *draft, struct wire_arena *arena,
                                struct api_preview *out, struct wire_problem *problem);
    void (*withdraw)(void *context, const uint8_t id[WIRE_ID_BYTES],
                     void (*done)(void *done_context, const struct api_result *results, size_t count),
                     void *done_context);
    void (*reconnect)(void *context, const char *link); /* NULL: all */

    /* Reading. `visit` returns false to stop; rows are borrowed for the call. with_payload costs a decryption each. */
    void (*inbox)(void *context, uint64_t from_order, bool newest_first, bool with_payload, struct wire_arena *arena,
                  bool (*visit)(void *visit_context, const struct api_inbox_row *row), void *visit_context);
    /* by origin and id; or by number (id NULL) */
    enum wire_status (*inbox_one)(void *context, const uint8_t *id, const struct wire_number *number,
                                  struct wire_arena *arena, struct api_inbox_row *out);
    /* In order of numbers, from one day on (0: all). */
    void (*outbox)(void *context, uint32_t from_day, bool newest_first, bool with_payload, struct wire_arena *arena,
                   bool (*visit)(void *visit_context, const struct api_outbox_row *row), void *visit_context);
    enum wire_status (*outbox_one)(void *context, const uint8_t *id, const struct wire_number *number,
                                   struct wire_arena *arena, struct api_outbox_row *out);
    /* A self-contained file that `lianfang verify` checks with nothing but the CA certificate (schema/evidence.proto).
     */
    enum wire_status (*evidence)(void *context, const uint8_t id[WIRE_ID_BYTES], bool inbox, struct wire_arena *arena,
                                 struct wire_bytes *out);

    void (*status)(void *context, struct api_status *out);
    size_t (*links)(void *context, struct api_link *out, size_t max);
    /* Enrolled regions by rising adcode with the end of their certificates; returns how many. */
    size_t (*regions)(void *context, uint32_t *region, int64_t *until_ms, size_t max);
    const struct rules_policy *(*policy)(void *context);
    /* The signed policy's files (schema/trust.proto), decoded into the arena; NULL: none. */
    const Wire__PolicyText *(*policy_text)(void *context, struct wire_arena *arena);
    bool (*enrolled)(void *context, uint32_t region);
    /* Events after `after`, oldest first, from the ring; returns the newest id there is. */
    uint64_t (*events)(void *context, uint64_t after, bool (*visit)(void *visit_context, const struct api_event *event),
                       void *visit_context);
    /* Called by the API: wake me when there is a new event. */
    void (*on_event)(void *context, void (*wake)(void *wake_context), void *wake_context);

    /* Import: HMAC-SHA-256 under a secret of the node's identity, and the IMPORT table. */
    void (*import_key)(void *context, struct wire_bytes key, uint8_t out[32]);
    /* id and content digest stored under an import key; false: none. */
    bool (*import_known)(void *context, const uint8_t key[32], uint8_t id[WIRE_ID_BYTES], uint8_t content[32]);
    void (*import_note)(void *context, const uint8_t key[32], const uint8_t id[WIRE_ID_BYTES],
                        const uint8_t content[32]);
    void (*sha256)(void *context, struct wire_bytes data, uint8_t out[32]);
    void (*random)(void *out, size_t size);
    int64_t (*now_ms)(void *context);
    /* Who did what: publishing, revealing persons, withdrawing. Never the content. */
    void (*audit)(void *context, const char *label, const char *what, const char *detail);
};
