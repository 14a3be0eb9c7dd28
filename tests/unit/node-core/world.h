/* A node's core with everything around it faked: store, crypto, connections, clock. It performs effects as node/main.c
 * must, checks what the contract promises (a SEND never leaves before its ticket, what it shows is durable), and audits
 * the core after every step. */
#pragma once
#include "node/core/core.h"
#include "rows.h"
#include "wire/codec.h"
#include "wire/time.h"

enum { WORLD_REGION = 310000, WORLD_QUEUE_MAX = 4096 };

struct world_append {
    uint64_t ticket;
    struct wire_row *rows;
    size_t count;
};

struct world_sent {
    uint8_t link;
    uint64_t after;
    struct wire_bytes frame; /* encoded, complete; owned */
    struct node_key batch;   /* of a SUBMIT; size 0: none */
};

/* What is large and holds nothing between two worlds: one after another may use it. */
struct world_memory {
    struct node_out *out;
    void *out_memory, *build_memory, *seal_memory; /* for frames on their way out; for batches */
    void *look_memory;                             /* for look-ups */
    void *core;
    size_t core_size;
    const struct wire_hash *hash; /* of node and broker; NULL: the world's own */
};
struct world_memory *world_memory_new(void);
void world_memory_free(struct world_memory *memory);

struct world {
    struct node_options options;
    struct world_memory *lent;
    bool owns_memory;
    struct node_core *core;
    struct node_out *out;
    struct rows store, durable; /* as the owner sees it; as the disk has it */
    size_t pending_count, waiting_count, sent_count, fetch_count, seal_count;
    uint32_t erase;                                                    /* asked for */
    enum wire_status (*seal_status)(void *context, const uint8_t *id); /* NULL: always OK */
    void *context;
    int64_t mono_ms, wall_ms;
    uint64_t seed, steps;
    struct wire_text log; /* effects of every step, as text; NULL data: not kept */
    bool keep_log;
    uint64_t notes[NODE_TOPICS];
    bool connected[NODE_LINKS_MAX];
    bool stopped;
    struct node_done done; /* the newest */
    struct node_result results[NODE_PUBLISH_MAX];
    void (*on_done)(void *context, struct world *world);
    /* entries below the counts above; not cleared when a world is opened */
    struct world_append pending[WORLD_QUEUE_MAX];
    struct world_sent waiting[WORLD_QUEUE_MAX]; /* for their ticket */
    struct world_sent sent[WORLD_QUEUE_MAX];    /* on the wire, not looked at */
    struct node_fetch fetch[64];
    struct node_seal seal[16];
    uint8_t seal_id[16][WIRE_BATCH_ENVELOPES_MAX][WIRE_ID_BYTES];
    uint64_t seal_place[16][WIRE_BATCH_ENVELOPES_MAX];
};

uint64_t world_random(struct world *world);
void world_id(uint64_t n, uint8_t out[WIRE_ID_BYTES]);

/* Two links: "main" carries every mechanism but "zhuhai-macao", which "south" carries. */
void world_open(struct world *world);
void world_open_in(struct world *world, struct world_memory *memory);
void world_close(struct world *world);
void world_boot(struct world *world);
/* As if killed and started again: what was not committed is gone. */
void world_crash(struct world *world);

struct node_event world_event(struct world *world, enum node_event_kind kind);
void world_step(struct world *world, struct node_event *event);

/* One thing that is waiting: false when there was none. */
bool world_commit(struct world *world);
bool world_fetched(struct world *world);
bool world_sealed(struct world *world);
bool world_erased(struct world *world);
/* All of them until nothing waits. */
void world_settle(struct world *world);
void world_pass(struct world *world, int64_t ms); /* time, with a TIMER */
void world_up(struct world *world, uint8_t link);
void world_lost(struct world *world, uint8_t link);

/* A policy that lets everybody in it do all: compiled from a tiny source; stays until world_close. */
void world_policy(struct world *world, uint64_t version);

struct world_draft {
    uint64_t n; /* makes the id */
    const char *mechanism;
    Wire__Lane lane;
    uint32_t kind;
    Wire__Action action;
    uint64_t names;        /* update, cancel: the n of what it names */
    uint32_t asked_origin; /* in_reply_to */
    uint64_t asked;
    bool final;
    int64_t expires_ms;
    uint32_t keep_until; /* 0: a month from now */
    uint32_t payload_bytes;
};
void world_publish(struct world *world, const struct world_draft *drafts, size_t count);
enum wire_status world_withdraw(struct world *world, uint64_t n);

/* The STATE of envelope n as the owner sees it; Unknown: 0. */
Wire__NodeOutboxState world_state(struct world *world, uint64_t n);
Wire__NodeState *world_state_row(struct world *world, const uint8_t *id, struct wire_arena *arena);
struct wire_bytes world_look(const struct world *world, enum node_table table, const struct node_key *key);
/* The OUTBOX or STATE row of an envelope of ours. */
struct wire_bytes world_look_ours(const struct world *world, enum node_table table, const uint8_t *id);

/* Decodes the oldest frame on the wire of that link and takes it off; NULL: none. Freed with world_free_frame. */
Wire__Frame *world_take_frame(struct world *world, uint8_t link);
void world_free_frame(Wire__Frame *frame);
