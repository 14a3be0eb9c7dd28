/* What the core holds in memory: links and their sessions, the ends of queues, windows of what comes next. Only files
 * of this room include this. */
#pragma once
#include "node/core/core.h"
#include "wire/credit.h"
#include "wire/ensure.h"
#include "wire/kind.h"
#include "wire/lane.h"
#include "wire/region.h"
#include "wire/time.h"

enum {
    NODE_LANES_DEFAULT = 512,
    NODE_STREAMS_DEFAULT = 2048,
    NODE_SEALS_DEFAULT = 8,
    NODE_READY_MAX = 8,           /* sealed batches of one stream that are known to be next */
    NODE_INFLIGHT_MAX = 64,       /* SUBMITs of one stream that wait for their answer */
    NODE_INFLIGHT_SMALL = 2,      /* with so many on the way, small batches wait for company */
    NODE_SMALL_DRAFTS = 128,      /* a queue of so many drafts, or of … */
    NODE_SMALL_BYTES = 64 * 1024, /* … so many bytes is not small */
    NODE_FETCHES_MAX = 64,
    NODE_DRAFT_OVERHEAD = 100,  /* seq, store id, digest, salt, lengths */
    NODE_SEALED_OVERHEAD = 900, /* key box and its leaf, were it alone in the batch */
    NODE_REGIONS_MAX = 4096,
    NODE_NUMBER_DAYS = 16,
    NODE_VIEW_SLOTS = 16384, /* power of two */
    NODE_ROWS_MAX = 8192,    /* of one append */
    NODE_SCRATCH_BYTES = 1024 * 1024,
    NODE_SCRATCHES = 3,
    NODE_NOTES_MAX = 64,               /* of one step; the rest of the effects is for what counts */
    NODE_EFFECTS_KEPT = 24,            /* a handler of one event never needs more; the pump stops before */
    NODE_TELL_TAKEN_BYTES = 64 * 1024, /* of receipts taken: a quarter of what may lie untaken */
    NODE_GO_SLOW_MS = 30 * 1000,       /* after a bad batch for a reason that no re-sealing mends */
    NODE_CAUTION_BATCHES = 512,        /* after a bad batch so many go alone, so that the bad envelope shows */
    NODE_SWEEP_MS = 10 * 60 * 1000,
    NODE_EXPIRY_POLL_MS_MAX = 3600 * 1000,
    NODE_WANTED_MORE_BYTES = 4 * 1024,
    NODE_STUCK_PULSES = 6,
    NODE_RECEIPTS_AHEAD = 64, /* RECEIPT numbers that may come before a missing one */
};

#define NODE_NONE UINT32_MAX

struct node_token {
    uint8_t ledger_id[WIRE_ID_BYTES];
    uint64_t generation, serial;
    uint8_t random[WIRE_ID_BYTES];
};

/* SUBMITs of one lane; how much may be sent is in node_link.credit. */
struct node_submits {
    int64_t want_again_mono_ms; /* not before; 0: the broker was not told that a frame waits */
    uint32_t asked;             /* times it was told so since the last SUBMIT */
    uint32_t inflight;          /* SUBMITs without answer */
};

struct node_deliver_credit {
    uint64_t granted, received;
    uint64_t ticket; /* of the newest append of this lane */
    uint64_t told;   /* as taken */
    uint64_t wanted; /* the broker has a frame of this size */
};

/* One broker. */
struct node_link {
    const struct node_link_options *options;
    /* durable: LINK */
    bool stored;
    uint8_t store_id[WIRE_ID_BYTES];
    bool has_token;
    struct node_token token;
    uint64_t receipts_taken, generation, newest_serial;
    struct node_key newest_receipt, newest_completeness; /* size 0: none */
    /* the session */
    enum node_link_state state;
    Wire__Standing standing;
    enum wire_status reason;
    int64_t since_wall_ms, since_mono_ms;
    uint8_t nonce[WIRE_ID_BYTES];
    uint64_t confirm_ticket; /* the fresh token is durable with it */
    int64_t heard_mono_ms, next_pulse_mono_ms;
    uint32_t pulse_ms;
    uint64_t pulse_serial;
    bool has_echo;
    int64_t echo_theirs_ms, echo_at_ms;
    int64_t rtt_ms, offset_ms;
    struct wire_credit credit; /* for SUBMITs: granted by the broker */
    struct node_submits submit[WIRE_LANES];
    struct node_deliver_credit deliver[WIRE_LANES];
    uint64_t ahead;         /* bit i: RECEIPT receipts_taken + 2 + i is in */
    uint64_t taken_durable; /* what may be told */
    uint64_t taken_told;
    uint64_t taken_ticket, taken_pending; /* becomes durable with that ticket; ticket 0: nothing pending */
    uint64_t taken_newest_ticket;
    uint32_t taken_bytes;      /* since it was last told */
    int64_t gap_since_mono_ms; /* a RECEIPT number is missing since; 0: none is */
    uint64_t piece_version;
    uint32_t piece_offset, piece_total;
    uint64_t broker_policy, broker_epoch;
    bool work;                 /* something of this link may go on */
    uint32_t turn[WIRE_LANES]; /* which lane entry goes first; it stays while that one waits for credit */
};

/* One link, mechanism and lane: drafts on the way out, deliveries on the way in. Never freed. */
struct node_lane {
    uint8_t link;
    Wire__Lane lane;
    char mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
    /* durable: QUEUE */
    uint64_t drafts, bytes;
    int64_t oldest_ms;
    bool dirty;     /* its QUEUE row is put at the end of the step */
    bool own_store; /* store_id is this lane's, not the link's */
    uint8_t store_id[WIRE_ID_BYTES];
    /* out */
    uint32_t streams, current; /* list of its streams (NODE_NONE ends); the one that drafts go to */
    bool busy;                 /* a fetch of drafts or a SEAL is under way */
    uint32_t caution;          /* batches of one envelope still to come */
    int64_t not_before_mono_ms;
    uint32_t renewing; /* streams whose envelopes are being drafted again: they go first */
    /* in; durable: CURSOR */
    bool has_cursor;
    uint64_t generation, number;
    struct wire_digest chain;
    bool started; /* something was delivered in this session */
    bool asked;   /* the session was started anew because of a gap here; whatever comes now is taken */
    bool has_signed;
    uint64_t signed_generation, signed_number; /* the newest the broker has signed */
    struct wire_digest signed_chain;
    uint64_t stuck_number;                 /* the cursor when the broker first signed for more */
    uint32_t stuck_pulses;                 /* pulses since that found it there */
    uint64_t kept_generation, kept_number; /* of the COMPLETENESS row written last */
    struct wire_digest kept_chain;
};

struct node_ready {
    uint8_t root[8];
    uint64_t first;
    uint32_t count, bytes, keep_until;
    bool receipted;
};

struct node_inflight {
    uint8_t root[8];
    uint64_t first;
    uint32_t count;
};

struct node_stream {
    bool used;
    uint32_t lane, next;
    uint8_t store_id[WIRE_ID_BYTES];
    /* durable: STREAM */
    bool current, redrafted;
    uint64_t last, receipted, kept_from, closed_through;
    /* of the session */
    uint64_t head;      /* the broker's, by WELCOME */
    uint64_t next_send; /* first seq not sent yet in this session */
    struct node_ready ready[NODE_READY_MAX];
    uint32_t ready_count;
    struct node_inflight inflight[NODE_INFLIGHT_MAX];
    uint32_t inflight_count;
    bool going_back; /* the broker expects go_to; sending goes on there when nothing is on the way any more */
    uint64_t go_to;
    bool out_of_order; /* a batch was receipted before one with a lower seq */
    bool nudged;       /* batches up to head were sent again since no receipt came */
    /* work */
    bool fetching, renewing, sweep, sweeping;
    uint64_t renew_from; /* next seq to look at for drafting again */
};

struct node_seal_slot {
    bool used;
    uint64_t request;
    uint32_t lane;
    uint32_t bytes_max;
    uint8_t store_id[WIRE_ID_BYTES];
    uint64_t first;
    uint32_t count;
    uint8_t id[WIRE_BATCH_ENVELOPES_MAX][WIRE_ID_BYTES];
    uint64_t place[WIRE_BATCH_ENVELOPES_MAX];
};

enum node_fetch_kind {
    NODE_FETCH_DRAFTS = 1,
    NODE_FETCH_READY,
    NODE_FETCH_RENEW,
    NODE_FETCH_SWEEP,
    NODE_FETCH_HELD,
    NODE_FETCH_EXPIRY,
};

struct node_fetching {
    uint64_t request; /* 0: free */
    enum node_fetch_kind kind;
    uint32_t index; /* lane or stream */
    uint64_t from;
    uint8_t id[WIRE_ID_BYTES];
};

struct node_number_day {
    uint32_t day, serial;
};

struct node_rules {
    const struct rules_policy *policy;
    uint64_t version;
    uint8_t digest[WIRE_HASH_BYTES];
    int64_t in_force_ms;
};

/* Ids that were settled and that held drafts wait for; 16 zeros: those that wait for the rules. */
enum { NODE_RELEASES_MAX = 1024 };

struct node_core {
    struct node_options options;
    bool booted;
    uint64_t last_ticket, committed;
    uint64_t next_request;
    /* durable: META */
    uint64_t draft_next, inbox_next, outbox_next;
    uint32_t erased_day;
    uint64_t directory_epoch;
    bool meta_stored;
    uint32_t erasing_day; /* ERASE was asked for; 0: not */
    struct node_number_day number[NODE_NUMBER_DAYS];
    struct node_link link[NODE_LINKS_MAX];
    struct node_lane *lane;
    uint32_t lane_count, lanes_max;
    struct node_stream *stream;
    uint32_t stream_top, streams_max; /* slots ever used */
    struct node_seal_slot *seal;
    uint32_t seals_max;
    struct node_fetching fetching[NODE_FETCHES_MAX];
    struct node_rules rules, rules_next;
    struct rules_decision decision;
    uint8_t enrolled[NODE_REGIONS_MAX / 8];
    int64_t directory_changed_ms; /* our wall clock at the last change of enrolment */
    bool no_room;
    bool dirty_meta, dirty_lanes; /* rows that are put once, at the end of the step */
    /* clock */
    bool clock_known, clock_unsure;
    int64_t clock_mono_ms, clock_wall_ms, steady_since_mono_ms;
    /* expiry, sweeps */
    int64_t expiry_poll_mono_ms, sweep_mono_ms;
    bool expiring;                /* a fetch of EXPIRY rows is under way */
    bool release_all;             /* every held draft is to be looked at (boot, or more than NODE_RELEASES_MAX) */
    bool releasing;               /* a fetch of HELD rows is under way */
    struct node_key release_from; /* where the next page begins; size 0: at the beginning */
    uint32_t release_head, release_count;
    uint8_t release[NODE_RELEASES_MAX][WIRE_ID_BYTES];
    int64_t woken_ms; /* of the last WAKE */
    struct node_totals totals;
    /* rows of this step by table and key, so that it reads what it wrote: index into rows + 1 */
    uint16_t view[NODE_VIEW_SLOTS];
    uint16_t view_used[NODE_ROWS_MAX];
    struct wire_arena scratch[NODE_SCRATCHES];
};
