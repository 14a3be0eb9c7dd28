/* A shell for the broker's core that is all memory: a store whose appends commit when the test says so, look-ups, nodes
 * that answer. Unit tests, traces and the random test drive the core through it. */
#pragma once
#include "broker/core/core.h"

enum {
    FAKE_NODES_MAX = 8,
    FAKE_STREAMS_MAX = 64,
    FAKE_BATCHES_MAX = 4096,
    FAKE_CURSORS_MAX = 16,
    FAKE_INBOX_MAX = 65536,
    FAKE_LOOK_BYTES = 8 * 1024 * 1024,
};

/* --- store ---------------------------------------------------------------------------------------------------------
 */
struct fake_row {
    uint8_t table;
    uint8_t *key, *value;
    size_t key_size, value_size;
};
struct fake_store {
    struct fake_row *rows; /* in order */
    size_t count, capacity;
};
void fake_store_apply(struct fake_store *store, const struct wire_row *row);
void fake_store_copy(struct fake_store *to, const struct fake_store *from);
void fake_store_close(struct fake_store *store);
/* NULL data: none. */
struct wire_bytes fake_get(const struct fake_store *store, uint32_t table, struct broker_key key);
/* First row of the table at or above the key that begins with prefix; NULL: none. `at` = NULL at first. */
const struct fake_row *fake_scan(const struct fake_store *store, uint32_t table, struct wire_bytes from,
                                 struct wire_bytes prefix, const struct fake_row *after);
size_t fake_count(const struct fake_store *store, uint32_t table);

/* --- batches --------------------------------------------------------------------------------------------------------
 */
struct fake_spec {
    uint32_t kind;
    Wire__Action action;
    Wire__Urgency urgency;
    uint32_t concerns, to, unit, to_unit; /* 0 = none; unit = the issuer's */
    const uint8_t *id;                    /* NULL: a new one */
    uint32_t names_origin;                /* in_reply_to (a reply) or references (an update, a cancel) */
    const uint8_t *names;                 /* NULL = none */
    int64_t expires_ms;
    bool final;
    uint32_t lane;          /* plus 1; 0: as the rules say, replies urgent */
    bool no_box;            /* sealed to nobody */
    uint32_t payload_bytes; /* 0: 100 */
    uint32_t bad;           /* status the gate found */
    const char *mechanism_reason;
};

/* A sealed batch as a node keeps it. Lives until fake_close. */
struct fake_batch {
    struct fake_batch *next;
    uint8_t *memory;
    struct wire_arena arena;
    Wire__Batch *batch;
    Wire__Header **headers;
    struct wire_digest *leaves;
    uint16_t *bad;
    uint32_t frame_bytes;
    struct wire_bytes held; /* the newest receipt of ours for it */
};

/* --- nodes ----------------------------------------------------------------------------------------------------------
 */
struct fake_cursor {
    char mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
    uint32_t lane;
    uint64_t number;
    struct wire_digest chain;
};

struct fake_delivery {
    char mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
    uint32_t lane;
    uint64_t number, serial;
    struct wire_digest chain;
    uint8_t given[BROKER_BITMAP_BYTES];
    uint16_t count;
};

struct fake_node {
    uint32_t region;
    uint64_t peer; /* 0 = not connected */
    uint8_t store_id[WIRE_ID_BYTES];
    Wire__LineageToken *token; /* as last stored; NULL = none */
    Wire__LineageToken *offered;
    bool welcomed;
    Wire__Standing standing;
    uint64_t seq[RULES_MECHANISMS_MAX][WIRE_LANES]; /* next of the stream in this store, by mechanism number */
    uint64_t granted[WIRE_LANES], used[WIRE_LANES], gives[WIRE_LANES], got[WIRE_LANES];
    uint32_t reason;
    uint64_t receipts_taken;
    uint64_t admitted, refused, duplicate, expired, arrivals, expected_first, conflicts, bad_batches;
    struct fake_cursor cursors[FAKE_CURSORS_MAX];
    uint32_t cursor_count;
    struct fake_delivery inbox[256]; /* delivered and not answered yet */
    uint32_t inbox_count;
    uint64_t delivered, delivered_again;
    uint64_t wanted;
    uint32_t wanted_lane;
    uint64_t window[WIRE_LANES]; /* what HELLO grants */
    struct fake_batch *sealed[FAKE_BATCHES_MAX];
    uint32_t sealed_count;
};

/* --- the shell ------------------------------------------------------------------------------------------------------
 */
struct fake_append {
    struct fake_append *next;
    uint64_t ticket;
    struct wire_row *rows;
    size_t count;
};
struct fake_send {
    struct fake_send *next;
    uint64_t peer, after;
    uint8_t *frame;
    size_t size;
    struct broker_part_source part;
    uint32_t lane;
};
struct fake_fetch {
    struct fake_fetch *next;
    struct broker_fetch fetch;
    struct broker_key from, prefix;
    struct fake_row *rows; /* the snapshot it is answered from, taken when it was asked */
    size_t count;
    bool end;
};

/* What is large, and the policy, which is always the same: one fake after another may use them. */
struct fake_memory {
    struct broker_out *out;
    void *out_memory, *look_memory;
    void *core;
    size_t core_size;
    void *policy_memory;
    const struct rules_policy *policy; /* NULL: not compiled yet */
};
struct fake_memory *fake_memory_new(void);
void fake_memory_free(struct fake_memory *memory);

struct fake {
    struct wire_hash hash;
    struct broker_options options;
    struct broker_core *core;
    struct broker_out *out;
    struct fake_store visible, durable;
    int64_t mono_ms, wall_ms, wake_ms;
    uint64_t seed;
    uint64_t next_peer;
    uint64_t committed, last_ticket;
    struct fake_append *appends, **append_end;
    struct fake_send *sends, **send_end;
    struct fake_fetch *fetches, **fetch_end;
    bool seal_pending;
    struct broker_seal seal;
    char seal_mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
    struct broker_draft drafts[BROKER_SEAL_DRAFTS_MAX];
    struct fake_batch *batches;
    struct fake_node nodes[FAKE_NODES_MAX];
    uint32_t node_count;
    const struct rules_policy *policy;
    uint64_t notes[64];
    uint32_t last_cut;
    uint64_t steps;
    bool tracing;
    struct wire_text text;
    struct fake_memory *lent;
    bool owns_memory;
    /* Every frame that leaves, also to peers that are none of `nodes`. */
    void (*on_frame)(struct fake *fake, const struct fake_send *send, const Wire__Frame *frame);
    void *context;
};

/* The memory that is lent is the caller's and may serve the next fake.
 * A new broker with an empty ledger, one policy (mechanism yangtze-delta: 310000 320000 330000 340000, see
 * fake_policy.c), those four enrolled. fake_open leaves it not booted; fake_start does all. */
void fake_open(struct fake *fake, uint64_t seed);
void fake_open_in(struct fake *fake, uint64_t seed, struct fake_memory *memory);
void fake_start(struct fake *fake, uint64_t seed);
/* What fake_start does after fake_open. */
void fake_begin(struct fake *fake);
void fake_close(struct fake *fake);
/* The process ends and starts again from what is durable. */
void fake_restart(struct fake *fake);
void fake_boot(struct fake *fake);
void fake_policy_make(struct fake *fake);

/* Steps the event, performs the effects and everything they ask for at once; audits. */
void fake_step(struct fake *fake, struct broker_event *event);
struct broker_event fake_event(struct fake *fake, enum broker_event_kind kind);
/* All appends are durable now; what waited for them is sent. */
void fake_commit(struct fake *fake);
/* Answers the oldest FETCH; false: none waits. */
bool fake_answer_fetch(struct fake *fake);
/* Answers the SEAL; false: none waits. */
bool fake_answer_seal(struct fake *fake, enum wire_status status);
/* Commits and answers until nothing waits. */
void fake_settle(struct fake *fake);
/* Time passes; TIMER when it is due. */
void fake_pass(struct fake *fake, int64_t ms);
void fake_policy_event(struct fake *fake, uint64_t version, int64_t in_force_ms);
void fake_enrol(struct fake *fake, uint32_t region, bool enrolled);
void fake_room(struct fake *fake, bool full);
void fake_operator(struct fake *fake, enum broker_operation operation, uint32_t region);

struct fake_node *fake_node(struct fake *fake, uint32_t region);
void fake_hello(struct fake *fake, struct fake_node *node);
void fake_hello_with(struct fake *fake, struct fake_node *node, const Wire__ReceiptStatement *receipt);
/* PULSE with the token confirmed and the receipts taken. */
void fake_pulse(struct fake *fake, struct fake_node *node);
/* HELLO, commit, confirm. */
void fake_connect(struct fake *fake, struct fake_node *node);
void fake_down(struct fake *fake, struct fake_node *node);
struct fake_batch *fake_seal(struct fake *fake, struct fake_node *node, const char *mechanism, uint32_t lane,
                             const struct fake_spec *specs, uint32_t count);
void fake_submit(struct fake *fake, struct fake_node *node, struct fake_batch *batch, enum wire_status failed,
                 const Wire__ReceiptStatement *held);
/* Seals and submits one envelope of this kind; its id. */
const uint8_t *fake_publish(struct fake *fake, struct fake_node *node, const struct fake_spec *spec);
/* Signs for the oldest delivery; false: there is none. */
bool fake_arrive(struct fake *fake, struct fake_node *node, Wire__VerdictCode code);
/* Puts what came into the inbox of the node, which has room. */
void fake_keep_delivery(struct fake_node *node, const Wire__Deliver *deliver, const struct fake_send *send);
void fake_give_credit(struct fake *fake, struct fake_node *node);
void fake_want(struct fake *fake, struct fake_node *node, uint32_t lane, uint64_t bytes);

/* The events of honest nodes with their look-ups, to be changed before they are stepped. The arena, of the fake, lives
 * until the next is opened. */
void fake_arena(struct fake *fake, struct wire_arena *arena);
void fake_hello_event(struct fake *fake, struct fake_node *node, struct wire_arena *arena, struct broker_event *event);
void fake_submit_event(struct fake *fake, struct fake_node *node, struct fake_batch *batch, struct wire_arena *arena,
                       struct broker_event *event);
/* Of the oldest delivery, which is taken out of the inbox. */
void fake_arrived_event(struct fake *fake, struct fake_node *node, Wire__VerdictCode code, struct wire_arena *arena,
                        struct broker_event *event);

/* Batches from specs; `origin` 0 for the broker's own. */
struct fake_batch *fake_batch_make(struct fake *fake, uint32_t origin, const uint8_t *store_id, const char *mechanism,
                                   uint32_t lane, uint64_t first, const struct fake_spec *specs, uint32_t count);
uint64_t fake_random(struct fake *fake);
uint32_t fake_lane_of(const struct fake_spec *spec);
