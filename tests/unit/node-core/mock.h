/* A broker for tests of the node's core: small, synchronous, right unless told otherwise. It hears one frame at a time
 * and speaks one at a time, so that a test decides how things interleave. What it checks of the node: sealed bytes
 * never change, nothing is told that is not durable, credit is kept. */
#pragma once
#include "world.h"

enum {
    MOCK_STREAMS = 64,
    MOCK_BATCHES = 8192,
    MOCK_IDS = 65536,
    MOCK_PARTS = 4096,
    MOCK_SAYS = 4096,
    MOCK_LANES = 64,
    MOCK_BUILD_BYTES = 24 * 1024 * 1024
};

struct mock_stream {
    char mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
    Wire__Lane lane;
    uint8_t store_id[WIRE_ID_BYTES];
    uint64_t head;
    bool frozen;
};

struct mock_batch {
    size_t stream;
    uint64_t first;
    uint32_t count;
    uint8_t root[WIRE_HASH_BYTES];
    struct wire_bytes statement; /* encoded ReceiptStatement; owned */
    uint64_t number;
    uint32_t arrivals_due; /* recipients that have not said `arrived` */
    bool lost;             /* by a loss the broker has forgotten it */
};

struct mock_id {
    uint8_t id[WIRE_ID_BYTES];
    Wire__VerdictCode code;
    uint32_t judged; /* times it got a first-hand verdict */
};

struct mock_receipt {
    struct wire_bytes signed_; /* encoded Signed; owned */
};

struct mock_part {
    char mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
    Wire__Lane lane;
    uint64_t number;
    struct wire_digest chain;
    struct wire_bytes frame; /* encoded Frame with the DELIVER; owned */
    bool arrived, lost;
};

struct mock {
    struct world *world;
    void *memory; /* for building what it says */
    bool owns_memory;
    uint8_t link;
    uint8_t ledger_id[WIRE_ID_BYTES];
    uint64_t generation, serial, ledger_serial;
    uint64_t confirmed[2], offered[2]; /* serial, first 8 bytes of random */
    bool known;                        /* a node has confirmed a token before */
    size_t stream_count;
    size_t batch_count;
    size_t id_count;
    size_t receipt_count, receipts_sent, receipts_taken;
    size_t part_count;
    size_t part_sent; /* of this session: parts before it were sent or are behind the cursor */
    /* the session */
    bool session, live;
    uint64_t submit_granted[WIRE_LANES], submit_used[WIRE_LANES];
    uint64_t deliver_granted[WIRE_LANES], deliver_used[WIRE_LANES];
    bool wanted[WIRE_LANES];
    size_t say_count;
    /* what to do otherwise */
    Wire__Standing standing;      /* of the next WELCOME, when not NORMAL */
    Wire__ReceiptOutcome outcome; /* of the next SUBMIT; 0: as it should be */
    enum wire_status outcome_reason;
    uint64_t expects;          /* EXPECTED_FIRST says this; 0: the truth */
    Wire__VerdictCode verdict; /* of every new id; 0: ADMITTED */
    enum wire_status verdict_reason;
    bool holds_answers; /* SUBMITs wait in `held` */
    uint32_t to[WIRE_RECIPIENTS_MAX];
    uint32_t recipients; /* of what it admits: so many owe, one more is copied; 0: one */
    bool nobody_copied;
    uint8_t policy_digest[WIRE_HASH_BYTES]; /* in receipts and witnesses */
    bool no_credit_back;
    bool overruns;
    bool says_no_more;        /* pulses carry no completeness */
    bool rolled_back_allowed; /* a store was restored: other bytes under the same seqs are expected */
    uint64_t submits, resent, duplicates, conflicts, delivered, arrivals;
    int frozen_by_conflict;
    /* A liar: what it says to the node goes through `bend` first, so nothing is demanded of what the node makes of it.
     */
    void (*bend)(struct mock *mock, Wire__Frame *frame, struct wire_arena *arena);
    void (*bend_event)(struct mock *mock, struct node_event *event, struct wire_arena *arena);
    /* entries below the counts above; not cleared by mock_init */
    struct mock_stream stream[MOCK_STREAMS];
    struct mock_batch batch[MOCK_BATCHES];
    struct mock_id id[MOCK_IDS];
    struct mock_receipt receipt[MOCK_BATCHES];
    struct mock_part part[MOCK_PARTS];
    struct wire_bytes say[MOCK_SAYS]; /* frames to the node; owned */
};

void mock_init(struct mock *mock, struct world *world, uint8_t link);
/* Over MOCK_BUILD_BYTES of the caller's. */
void mock_init_in(struct mock *mock, struct world *world, uint8_t link, void *memory);
void mock_close(struct mock *mock);
/* Hears one frame of the node; false: none. */
bool mock_hear(struct mock *mock);
/* Says one frame to the node; false: nothing to say. */
bool mock_speak(struct mock *mock);
/* The connection is gone on both sides. */
void mock_lose(struct mock *mock);
void mock_gone(struct mock *mock); /* the node was killed: only the broker sees it */
/* Says `arrived` for one recipient of one batch; false: none is due. */
bool mock_arrive(struct mock *mock);
void mock_pulse(struct mock *mock);
void mock_bye(struct mock *mock, enum wire_status reason);
/* The ledger goes back to `batches` judged batches; an operator accepts the loss. */
void mock_lose_ledger(struct mock *mock, size_t batches);

/* A batch of another origin for the node. */
struct mock_envelope {
    uint64_t n;
    uint32_t origin; /* 0: 320000 */
    uint32_t kind;   /* 0: a measure bulletin */
    Wire__Action action;
    uint64_t names;
    uint64_t answers; /* in reply to this envelope of the node's region */
    bool final;
    enum wire_status status; /* of the shell's check of this envelope */
    bool no_header;          /* it cannot be decoded */
    bool clear;              /* a kind with persons that is not sealed */
    uint32_t payload_bytes;
};
void mock_deliver(struct mock *mock, const char *mechanism, Wire__Lane lane, const struct mock_envelope *envelopes,
                  size_t count);
/* The part that is to be sent next is lost; its running hash is changed. */
void mock_skip(struct mock *mock);
void mock_mangle(struct mock *mock);
/* It signs for another hash of its newest part than the one it sent; it sends without looking at credit. */
void mock_forge(struct mock *mock);
void mock_overrun(struct mock *mock);
/* Its pulses say nothing of completeness any more. It says the receipt of its newest batch again. */
void mock_hush(struct mock *mock);
void mock_repeat(struct mock *mock);
/* Sends what credit allows. */
void mock_send_parts(struct mock *mock);
/* Everything between node and broker until both rest. */
void mock_settle(struct mock *mock);
const struct mock_id *mock_find_id(const struct mock *mock, const uint8_t *id);
