/* Inside the core: its memory and the calls between its files. Nobody outside broker/core includes this. */
#pragma once
#include "broker/core/core.h"
#include "wire/credit.h"
#include "wire/ensure.h"

enum {
    NONE = 0xffffffff, /* no index */
    MECHANISM_NAME_BYTES = WIRE_MECHANISM_BYTES_MAX + 1,
    POLICIES_MAX = 8,    /* the one in force and those to come */
    FLIGHTS_MAX = 8,     /* groups of SUBMITs of one lane that are not committed yet */
    RECEIPTS_RING = 256, /* receipts sent and not taken */
    RECEIPTS_FETCH_ROWS = 32,
    OBLIGATIONS_FETCH_ROWS = 64,
    LINKS_FETCH_ROWS = 512,
    COMPLETENESS_MAX = 256, /* statements in one frame: mechanisms × lanes */
    CURSORS_MAX = 1024,     /* in one HELLO: mechanisms × lanes and room to spare */
    DELIVERS_A_TURN = 8,    /* then the next session has its turn */
    EFFECTS_SPARE = 64,     /* left free for the turn that is under way */
    ARENA_SPARE = 2 * 1024 * 1024,
    STATEMENT_BUFFER = BROKER_STATEMENT_BYTES_MAX + 64 * 1024,
    VERDICT_BYTES_MAX = 400, /* without a disposition */
    DISPOSITION_BYTES_MAX = 24 * 1024,
    PART_BASE_COST = 1600,    /* frame, seal, witness with its path, rounding */
    RECEIPT_FRAME_COST = 800, /* frame, signer, signature and path */
    DELIVERED_COST = 64,      /* index, owes, disposition without its lists, framing: besides the disposition's bytes */
    RECLAIM_TRIES = 1024,
    SWEEP_MS = 250,
    STEADY_MS = 60 * 1000, /* after a jump the clock is trusted again when it ran even this long */
    JUMP_MS = 30 * 1000,
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
    SEAL_RETRY_MS = 5000,
};

enum request_kind { REQUEST_QUEUE = 1, REQUEST_RECEIPTS = 2, REQUEST_OBLIGATIONS = 3, REQUEST_LINKS = 4 };

/* What a session still has to be told; done in this order. */
enum tell {
    TELL_CUT = 1 << 0,
    TELL_POLICY = 1 << 1,
    TELL_DIRECTORY = 1 << 2,
    TELL_CREDIT = 1 << 3,
    TELL_PULSE = 1 << 4,
    TELL_RECEIPTS = 1 << 5,
    TELL_DELIVER = 1 << 6,
    TELL_ASK = 1 << 7, /* CREDIT{wanted} for ask_lane */
};

/* --- memory ------------------------------------------------------------------------------------------------------- */
/* u64 → u32, open addressing; keys are unique, slots twice the entries. */
struct index_slot {
    uint64_t key;
    uint32_t value; /* plus 1; 0 = free */
};
struct index {
    struct index_slot *slots;
    uint32_t mask;
    uint32_t count;
};

/* First in, first out, of region indices; each is in it at most once (its `in_*` flag). */
struct ring {
    uint32_t *slots;
    uint32_t size, head, count;
};

struct token {
    bool set;
    uint8_t ledger_id[WIRE_ID_BYTES];
    uint64_t generation, serial;
    uint8_t random[16];
};

/* Submit credit of one lane: granted to the node. */
struct lane_in {
    uint64_t granted;  /* told to the node */
    uint64_t used;     /* by frames that came */
    uint64_t returned; /* committed (or dropped) */
    uint64_t told;     /* to the node, of these */
    struct {
        uint64_t ticket, offset;
    } flight[FLIGHTS_MAX]; /* offset is returned when ticket is committed; rising */
    uint32_t flights;
    uint32_t wanted; /* a frame of this size waits at the node, 0 = none */
};

/* Of one lane towards a node; how much it may be sent, and whose turn it is, is in region.credit. */
struct lane_out {
    bool asked;   /* for a grant of the next row's size, since the last pulse */
    bool crowded; /* asked again while others were under way, since something went */
};

struct window_row {
    uint32_t next; /* in the queue's list, or in the free list */
    uint32_t cost;
    uint64_t number, serial, ticket;
    int64_t admitted_ms;
    uint16_t count;
    struct wire_digest chain;
    uint8_t given[BROKER_BITMAP_BYTES], owes[BROKER_BITMAP_BYTES];
};

struct queue {
    uint32_t region;         /* index */
    uint32_t next_of_region; /* list, NONE ends */
    uint16_t mechanism;
    uint8_t lane;
    bool fetching;
    uint32_t fetch_nonce;
    uint64_t last, envelopes; /* tail */
    struct wire_digest chain;
    uint64_t tail_ticket; /* of the append of `last` */
    uint64_t arrived, arrived_envelopes;
    int64_t oldest_ms;  /* admitted time of the row after `arrived`, 0 = none or not known */
    uint64_t sent_high; /* highest number ever sent or named by a cursor that held */
    uint64_t told;      /* number of the last completeness statement of this session */
    /* window: rows of rising numbers; contiguous but for one gap at most, and that is never filled with a lower one */
    uint64_t send_next;
    uint32_t head, tail, rows;
    bool fetch_complete;  /* then all of the queue was committed */
    uint64_t wait_ticket; /* rows up to here are not committed: fetch again then; 0 = not waiting */
};

struct region {
    uint32_t region;
    bool enrolled;
    bool in_ready, in_commit, in_hungry;
    uint32_t first_queue;
    /* receipt queue of this origin */
    uint64_t receipts_last, receipts_taken, receipts_ticket;
    /* lineage */
    struct token confirmed_token, offered_token;
    int64_t fork_ms[BROKER_FORKS_MAX];
    uint32_t forks;
    bool stopped;
    /* link */
    int64_t down_total_ms, down_since_ms; /* since: 0 = up */
    enum broker_link link;
    int64_t link_since_ms;
    uint32_t rtt_ms;
    int64_t offset_ms;
    uint64_t outbox[WIRE_LANES];
    int64_t outbox_oldest_ms[WIRE_LANES];
    int64_t certificate_until_ms;
    bool policy_same;
    struct wire_digest policy_digest; /* by its newest PULSE; zeros: not said */
    struct broker_health sampled;     /* of the last LINK row */
    int64_t links_swept_ms;
    /* flash quota */
    uint64_t flash_tokens;
    int64_t flash_at_ms;
    bool flash_known;
    /* session; peer 0 = none */
    uint64_t peer;
    uint32_t active_at;
    uint32_t untold; /* enum tell */
    bool confirmed;
    Wire__Standing standing;
    enum wire_status cut_status;
    enum wire_status told_reason;
    uint8_t session[WIRE_ID_BYTES];
    uint32_t session_count;        /* of this region since start */
    int64_t heard_ms, pulse_at_ms; /* mono */
    uint64_t pulse_serial;
    int64_t echo_ms, echo_at_ms; /* the node's mono of its newest PULSE and ours when it came; 0 = none */
    bool echo_known;
    uint64_t policy_version, directory_epoch; /* held by the node */
    struct lane_in in[WIRE_LANES];
    struct lane_out out[WIRE_LANES];
    struct wire_credit credit; /* for DELIVERs: granted by the node */
    uint32_t turn[WIRE_LANES]; /* queue that was served last */
    uint32_t ask_lane, ask_cost;
    uint64_t receipts_sent;
    bool receipts_fetching, receipts_complete;
    uint32_t receipts_nonce;
    uint64_t receipts_wait;
    uint64_t untaken_bytes;
    struct {
        uint64_t number;
        uint32_t bytes;
    } untaken[RECEIPTS_RING];
    uint32_t untaken_head, untaken_count;
};

struct policy_slot {
    const struct rules_policy *policy;
    uint64_t version;
    struct wire_digest digest;
    int64_t in_force_ms;
};

/* One distinct disposition of the batch that is being judged. */
struct disposition {
    uint32_t at, size; /* in core->dispositions */
    uint32_t bare;     /* size without its lists of regions: what a DELIVER carries */
    uint32_t hash;
    bool owed;            /* has terms */
    int64_t first_due_ms; /* of the shortest term, from admission; when owed */
};

/* What one recipient gets of the batch that is being judged. */
struct part {
    uint32_t region, queue;
    uint64_t cost;
    uint32_t envelopes;
    bool owed;
    int64_t first_due_ms;
    uint8_t given[BROKER_BITMAP_BYTES], owes[BROKER_BITMAP_BYTES];
};

/* A row of obligations of which some are in the SEAL under way. */
struct own_row {
    struct broker_duty duty;
    struct broker_obligation_row row; /* nothing owed: all of it was fulfilled while it was being sealed */
    int64_t next_ms;
    uint8_t sealing[BROKER_BITMAP_BYTES]; /* the envelopes that are told of */
};

struct totals {
    uint64_t admitted, refused, duplicates, expired, arrived, misbehaved;
};

struct broker_core {
    struct broker_options options;
    struct broker_out *out; /* of the step under way */
    int64_t mono_ms, wall_ms;
    bool booted;
    /* ledger */
    uint8_t ledger_id[WIRE_ID_BYTES], own_store_id[WIRE_ID_BYTES];
    uint64_t generation, token_serial, serial;
    uint64_t lost_generation, lost_token_serial;
    bool rolled_back, full, founded, crowded;
    uint64_t ticket, committed;
    enum wire_status reason; /* told to all */
    bool shutting_down;
    /* clock */
    bool clock_known, clock_unsure;
    int64_t clock_offset_ms, clock_unsure_at_ms;
    int64_t wake_ms, sweep_ms, minute_ms;
    bool wake_set;
    /* trust */
    struct policy_slot policies[POLICIES_MAX];
    uint32_t policy_count;
    uint64_t directory_epoch;
    /* regions, queues, names */
    struct region *regions;
    uint32_t region_count;
    struct index region_of, queue_of, peer_of;
    struct queue *queues;
    uint32_t queue_count;
    char (*mechanisms)[MECHANISM_NAME_BYTES];
    uint32_t mechanism_count;
    uint32_t *active;
    uint32_t active_count;
    struct ring ready, on_commit, hungry;
    struct window_row *window;
    uint32_t window_free, window_used, reclaim_at;
    uint32_t fetches;
    /* obligations */
    int64_t due_ms; /* nothing falls due before; INT64_MAX = nothing at all */
    bool due_fetching;
    uint32_t due_nonce;
    uint64_t seal_request; /* 0 = none under way */
    uint64_t seal_serial;
    int64_t seal_not_before_ms;
    struct own_row sealing[BROKER_SEAL_DRAFTS_MAX];
    uint32_t sealing_count;  /* rows */
    uint32_t sealing_drafts; /* in all of them */
    /* the append under way */
    struct wire_row *rows;
    uint32_t rows_max, rows_used, rows_from;
    /* the batch that is being judged */
    struct rules_decision decision;
    struct disposition disposition[WIRE_BATCH_ENVELOPES_MAX];
    uint32_t disposition_count;
    uint32_t dispositions_size;
    uint16_t disposition_slot[1024];
    struct part *parts;
    uint32_t *part_of; /* by region index; NONE = none in this batch */
    uint32_t part_count;
    uint16_t id_slot[1024]; /* index plus 1 */
    uint8_t codes[WIRE_BATCH_ENVELOPES_MAX];
    uint32_t keep_until[WIRE_BATCH_ENVELOPES_MAX];
    uint8_t *facts; /* WIRE_BATCH_ENVELOPES_MAX × BROKER_FACT_BYTES */
    uint32_t scratch_index[WIRE_BATCH_ENVELOPES_MAX];
    struct wire_digest *scratch_leaf; /* WIRE_BATCH_ENVELOPES_MAX */
    struct broker_obligation_row
        *ended[BROKER_DUTIES_MAX]; /* by place in submit.duties, as it is to be; NULL: as it was */
    uint32_t verdicts_left;
    uint32_t statement_size;
    uint8_t *statement;    /* STATEMENT_BUFFER */
    uint8_t *dispositions; /* STATEMENT_BUFFER: the distinct ones, one behind the other */
    struct totals totals;
};

/* --- index.c ------------------------------------------------------------------------------------------------------ */
uint32_t broker_index_find(const struct index *index, uint64_t key); /* NONE */
void broker_index_add(struct index *index, uint64_t key, uint32_t value);
void broker_index_remove(struct index *index, uint64_t key);
void broker_ring_add(struct ring *ring, uint32_t value);
uint32_t broker_ring_take(struct ring *ring);

/* --- effect.c ----------------------------------------------------------------------------------------------------- */
struct broker_effect *broker_effect(struct broker_core *core, enum broker_effect_kind kind);
bool broker_out_has_room(const struct broker_core *core);
void broker_note(struct broker_core *core, enum broker_topic topic, enum wire_status status, uint32_t region,
                 uint64_t a, uint64_t b, uint64_t c);
/* Arena that cannot run out where it is used: ENSUREs. */
void *broker_take(struct broker_core *core, size_t size);
struct wire_bytes broker_pack(struct broker_core *core, const ProtobufCMessage *message);
/* Rows of one append: open, put or erase any number, close (which makes the effect and returns its ticket). */
void broker_rows_open(struct broker_core *core);
void broker_row_put(struct broker_core *core, enum broker_table table, struct broker_key key, struct wire_bytes value);
void broker_row_erase(struct broker_core *core, enum broker_table table, struct broker_key key);
struct broker_append *broker_rows_close(struct broker_core *core);
/* A frame of this body to that peer; the body is owned by the arena. */
struct broker_send *broker_send(struct broker_core *core, uint64_t peer, uint64_t after, Wire__Frame__BodyCase body,
                                ProtobufCMessage *message);
void broker_bye_and_cut(struct broker_core *core, uint64_t peer, enum wire_status status);
Wire__Signed *broker_unsigned(struct broker_core *core, Wire__StatementType type, struct wire_bytes statement);
ProtobufCBinaryData broker_data(const void *data, size_t size);
/* Fetches are counted; false: too many are under way. */
bool broker_fetch_take(struct broker_core *core);
void broker_fetch(struct broker_core *core, enum request_kind kind, uint32_t nonce, uint32_t index,
                  enum broker_table table, struct broker_key from, struct broker_key prefix, uint32_t rows,
                  uint32_t bytes, bool exact);

/* --- region.c ----------------------------------------------------------------------------------------------------- */
struct region *broker_region_find(struct broker_core *core, uint32_t adcode);
struct region *broker_region_make(struct broker_core *core, uint32_t adcode); /* NULL: no room */
uint32_t broker_region_index(const struct broker_core *core, const struct region *region);
struct region *broker_region_of_peer(struct broker_core *core, uint64_t peer); /* NULL: no session */
uint32_t broker_mechanism_find(const struct broker_core *core, struct wire_bytes name);
uint32_t broker_mechanism_make(struct broker_core *core, struct wire_bytes name); /* NONE: no room */
struct queue *broker_queue_find(struct broker_core *core, uint32_t region, uint32_t mechanism, uint32_t lane);
struct queue *broker_queue_make(struct broker_core *core, uint32_t region, uint32_t mechanism, uint32_t lane);
struct broker_queue_name broker_queue_name(const struct broker_core *core, const struct queue *queue);
void broker_region_row(struct broker_core *core, const struct region *region); /* puts REGION */
bool broker_enrolled(void *core, uint32_t adcode);

/* --- session.c ---------------------------------------------------------------------------------------------------- */
void broker_on_hello(struct broker_core *core, const struct broker_event *event);
void broker_on_peer_down(struct broker_core *core, const struct broker_event *event);
void broker_session_close(struct broker_core *core, struct region *region, enum wire_status status);
/* Cuts a peer that broke the protocol and closes its session. */
void broker_misbehaved(struct broker_core *core, struct region *region, enum wire_status status);
void broker_tell(struct broker_core *core, struct region *region, uint32_t what);
void broker_tell_all(struct broker_core *core, uint32_t what);
/* Runs ready sessions as long as out has room; true: some are left. */
bool broker_run_ready(struct broker_core *core);
enum wire_status broker_reason(const struct broker_core *core);
enum wire_status broker_region_reason(const struct broker_core *core, const struct region *region);
void broker_reason_changed(struct broker_core *core);
void broker_ring_commit(struct broker_core *core, struct region *region);

/* --- lineage.c ---------------------------------------------------------------------------------------------------- */
Wire__Standing broker_lineage_judge(struct broker_core *core, struct region *region, const Wire__LineageToken *token);
void broker_lineage_offer(struct broker_core *core, struct region *region, const uint8_t random[16]);
bool broker_lineage_confirm(struct broker_core *core, struct region *region, const Wire__LineageToken *token);
void broker_lineage_fork(struct broker_core *core, struct region *region);
void broker_lineage_row(struct broker_core *core, const struct region *region); /* puts LINEAGE */
bool broker_lineage_boot(struct broker_core *core, struct wire_bytes key, struct wire_bytes value);
Wire__LineageToken *broker_token_message(struct broker_core *core, const struct token *token);
bool broker_token_whole(const Wire__LineageToken *message); /* of the lengths we give; NULL: no */
bool broker_is_behind(struct broker_core *core, const struct broker_hello *hello);
void broker_meta_row(struct broker_core *core); /* puts META */
void broker_on_operator(struct broker_core *core, const struct broker_event *event);

/* --- boot.c, trust.c, clock.c ------------------------------------------------------------------------------------- */
void broker_on_boot_row(struct broker_core *core, const struct broker_event *event);
void broker_on_boot_done(struct broker_core *core, const struct broker_event *event);
void broker_on_policy(struct broker_core *core, const struct broker_event *event);
void broker_on_directory(struct broker_core *core, const struct broker_event *event);
void broker_on_room(struct broker_core *core, const struct broker_event *event);
const struct policy_slot *broker_policy_now(const struct broker_core *core); /* NULL: none in force */
uint64_t broker_policy_newest(const struct broker_core *core);
void broker_send_policies(struct broker_core *core, struct region *region);
void broker_send_directory(struct broker_core *core, struct region *region);
void broker_clock_see(struct broker_core *core, const struct broker_event *event);
void broker_on_timer(struct broker_core *core, const struct broker_event *event);
void broker_arm(struct broker_core *core);

/* --- submit.c, judge.c, verdict.c, statement.c, disposition.c, fanout.c
 * ----------------------------------------------- */
void broker_on_submit(struct broker_core *core, const struct broker_event *event);
bool broker_stream_right(const Wire__BatchSeal *seal);
struct broker_stream broker_stream_of(const Wire__BatchSeal *seal, uint32_t origin);
/* Judges a batch whose turn it is and appends everything that follows; the rows are open and hold what the caller put.
 * Returns the ticket. The receipt's statement stands in core->statement, its number is origin->receipts_last. */
uint64_t broker_judge(struct broker_core *core, struct region *origin, const struct broker_submit *submit);

struct verdict {
    uint64_t seq;
    const uint8_t *id;
    Wire__VerdictCode code;
    uint32_t reason;                          /* 0: absent */
    const char *detail, *allowed, *rule_name; /* NULL or empty: absent */
    uint32_t disposition;                     /* NONE: absent */
    uint32_t first_code;                      /* 0: absent */
    int64_t first_at_ms;
};
/* Decides envelope `index`; an admitted one leaves its decision in core->decision. */
struct verdict broker_verdict(struct broker_core *core, const struct region *origin, const struct broker_submit *submit,
                              uint32_t index);
/* held fits this batch: its verdicts are kept. */
bool broker_held_fits(const struct broker_submit *submit, uint32_t origin);

/* A ReceiptStatement with outcome JUDGED, written field by field: no message is built for each envelope. */
void broker_statement_open(struct broker_core *core, const Wire__BatchSeal *seal, uint32_t origin);
void broker_statement_verdict(struct broker_core *core, const struct verdict *verdict);
void broker_statement_close(struct broker_core *core, int64_t at_ms, struct wire_bytes policy_digest, uint64_t serial);
/* The number of core->decision as encoded Disposition; NONE: the statement would become too large. */
uint32_t broker_disposition_of(struct broker_core *core, int64_t admitted_ms);
void broker_dispositions_open(struct broker_core *core);
uint8_t *broker_put_varint(uint8_t *at, uint64_t v);
uint8_t *broker_put_bytes(uint8_t *at, uint32_t field, const void *data, size_t size);
uint8_t *broker_put_number(uint8_t *at, uint32_t field, uint64_t v);

void broker_fan_envelope(struct broker_core *core, const struct broker_submit *submit, uint32_t index,
                         uint32_t disposition, uint64_t serial, int64_t admitted_ms);
void broker_fan_close(struct broker_core *core, const struct broker_submit *submit, uint64_t serial,
                      int64_t admitted_ms);

/* --- credit.c ----------------------------------------------------------------------------------------------------- */
void broker_credit_open(struct broker_core *core, struct region *region, const Wire__Hello *hello);
Wire__Grant **broker_credit_first(struct broker_core *core, struct region *region, size_t *count);
/* false: beyond what was granted. */
bool broker_credit_use(struct region *region, uint32_t lane, uint32_t bytes);
void broker_credit_return(struct broker_core *core, struct region *region, uint32_t lane, uint64_t ticket);
void broker_credit_committed(struct broker_core *core, struct region *region);
void broker_credit_send(struct broker_core *core, struct region *region);
void broker_credit_ask(struct broker_core *core, struct region *region);
/* true: some flash credit is held back by the quota. */
bool broker_credit_held(const struct broker_core *core, const struct region *region);
void broker_on_credit(struct broker_core *core, const struct broker_event *event);
void broker_on_committed(struct broker_core *core, const struct broker_event *event);

/* --- window.c, delivery.c ----------------------------------------------------------------------------------------- */
void broker_window_drop(struct broker_core *core, struct queue *queue);
bool broker_window_push(struct broker_core *core, struct queue *queue, uint64_t number, uint64_t ticket,
                        const struct broker_queue_row *row);
void broker_window_pop(struct broker_core *core, struct queue *queue);
void broker_window_want(struct broker_core *core, struct region *region, struct queue *queue);
void broker_window_fetched(struct broker_core *core, uint32_t nonce, uint32_t index,
                           const struct broker_fetched *fetched);
void broker_deliver(struct broker_core *core, struct region *region);
void broker_on_sent(struct broker_core *core, const struct broker_event *event);
void broker_on_fetched(struct broker_core *core, const struct broker_event *event);

/* --- receipt.c, arrival.c ----------------------------------------------------------------------------------------- */
/* Puts RECEIPT and counts it; the number. */
uint64_t broker_receipt_put(struct broker_core *core, struct region *origin, const Wire__LedgerReceipt *receipt);
/* After the append: sends it at once when the origin is caught up. */
void broker_receipt_push(struct broker_core *core, struct region *origin, uint64_t number, uint64_t ticket,
                         Wire__Signed *receipt);
void broker_receipt_answer(struct broker_core *core, struct region *region, struct wire_bytes statement);
void broker_receipts_open(struct broker_core *core, struct region *region, uint64_t taken);
void broker_receipts_taken(struct broker_core *core, struct region *region, uint64_t taken);
void broker_receipts_want(struct broker_core *core, struct region *region);
void broker_receipts_fetched(struct broker_core *core, uint32_t nonce, uint32_t index,
                             const struct broker_fetched *fetched);
void broker_on_arrived(struct broker_core *core, const struct broker_event *event);

/* --- due.c, term.c, duty.c, obligation.c, own.c ------------------------------------------------------------------- */
/* from + term; with office hours only Monday to Friday 09:00-17:00 +08:00 count. */
int64_t broker_due_ms(int64_t from_ms, int64_t term_ms, bool office_hours);
void broker_duty_put(struct broker_core *core, const struct broker_duty *duty, int64_t next_ms,
                     const struct broker_obligation_row *row);
void broker_duty_erase(struct broker_core *core, const struct broker_duty *duty, int64_t next_ms);
/* The terms of a part: those of what came begin now. Returns how many envelopes cannot be read there or were rejected.
 */
uint32_t broker_terms_start(struct broker_core *core, const struct region *region,
                            const struct broker_arrived *arrived);
/* Obligations that admitted replies and cancels end: open, each envelope, close (which puts the rows). */
void broker_duties_open(struct broker_core *core, const struct broker_submit *submit);
void broker_duties_end(struct broker_core *core, uint32_t origin, const struct broker_submit *submit, uint32_t index);
void broker_duties_close(struct broker_core *core, const struct broker_submit *submit);
/* Puts a row after some of its envelopes were told of: to the next step when all were. */
void broker_own_row_next(struct broker_core *core, const struct own_row *own);
void broker_obligations_want(struct broker_core *core);
void broker_obligations_fetched(struct broker_core *core, uint32_t nonce, const struct broker_fetched *fetched);
void broker_on_sealed(struct broker_core *core, const struct broker_event *event);

/* --- pulse.c, health.c -------------------------------------------------------------------------------------------- */
void broker_on_pulse(struct broker_core *core, const struct broker_event *event);
void broker_pulse_send(struct broker_core *core, struct region *region);
Wire__Signed **broker_completeness(struct broker_core *core, struct region *region, bool all, size_t *count);
void broker_link_see(struct broker_core *core, struct region *region);
void broker_link_up(struct broker_core *core, struct region *region);
void broker_links_sample(struct broker_core *core);
void broker_links_fetched(struct broker_core *core, uint32_t index, const struct broker_fetched *fetched);
