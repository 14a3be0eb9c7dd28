/* The broker's core: what it decides, as one step function. Pure: no clock, no files, no sockets, no malloc, no
 * randomness.
 *
 *     event (with the ledger's look-ups) ──▶ broker_core_step ──▶ effects, in order
 *
 * The shell builds the event, steps, performs the effects, steps again with CONTINUE while out->more, and re-arms one
 * timer.
 *
 * Durable before acknowledged. Every APPEND has a ticket, rising by one. A SEND names the ticket it goes *after*; the
 * shell performs it when that append is committed, in the order the effects came (0 or a committed ticket: at once, but
 * never before an earlier SEND to the same peer). A failed append never comes back: the process ends. Look-ups see the
 * rows of appends in flight, so a look-up is always exact.
 *
 * Windows, never sets. In memory are the tails of all queues, one record a region, a few next rows of each queue and
 * nothing else; ten million queued envelopes cost nothing. The ledger is asked with FETCH and answers with FETCHED.
 *
 * Credit is a cumulative byte offset per lane and session, counted in bytes of the ZeroMQ payload frame (the encoded
 * Frame). First grants: flash 64 KiB, the others 448 KiB, together 512 KiB (wire/credit.h). Submit credit returns at
 * the commit of the SUBMIT, deliver credit at the inbox commit. SUBMIT and DELIVER are counted and nothing else. A
 * frame larger than what its lane is ever granted: CREDIT{wanted}; the other side grants exactly that when nothing of
 * that lane is outstanding, over 256 KiB only while nothing else is. RECEIPTs: at most 256 KiB not yet taken, numbered,
 * cumulative; the answer to a repeated or refused SUBMIT that was stored earlier bears number 0 and is not counted.
 * Delivery resumes after the cursor of the HELLO or after the last part whose ARRIVED came, whichever is lower: what is
 * sent `again` is answered again.
 * Store full, clock unsure, rolled back, no policy: CREDIT without grants and a reason, never a verdict; what was under
 * way is answered with EXPECTED_FIRST.
 *
 * Pointers in an event are borrowed until its effects are performed, for effects may point into the event; those in out
 * are good until the next step. */
#pragma once
#include "broker/core/record.h"
#include "rules/decide.h"
#include "schema/frame.pb-c.h"
#include "wire/arena.h"
#include "wire/batch.h"
#include "wire/hash.h"
#include "wire/json.h"
#include "wire/region.h"
#include "wire/row.h"
#include "wire/status.h"

struct broker_core;

enum {
    BROKER_EFFECTS_MAX = 256,
    BROKER_OUT_ARENA_BYTES = 12 * 1024 * 1024, /* untouched pages cost nothing */
    BROKER_WINDOW_ROWS = 32,                   /* next rows of one queue in memory */
    BROKER_SEAL_DRAFTS_MAX = 64,
    BROKER_FETCHES_MAX = 32,  /* under way at one time */
    BROKER_DUTIES_MAX = 2048, /* OBLIGATION rows that one SUBMIT looks at; what is in others is reminded of in vain */
    BROKER_NUMBERS_MAX = 16,  /* dates of one SUBMIT whose numbers are noted */
    BROKER_KNOWN_MAX = 256,   /* ids named to a fork */
    BROKER_STATEMENT_BYTES_MAX = 960 * 1024, /* of one receipt: it must fit a frame */
    BROKER_PART_BYTES_MAX = 144 * 1024,      /* larger parts are cut in two: a lane's window takes them whole */
    BROKER_FORKS_MAX = 3,                    /* in an hour, then the identity is stopped */
};

struct broker_options {
    const struct wire_hash *hash;    /* for the running hash of deliveries */
    uint32_t regions_max;            /* regions ever seen: 4096 */
    uint32_t queues_max;             /* (recipient, mechanism, lane) ever used: 65536 */
    uint32_t mechanisms_max;         /* names ever seen: 256 */
    uint32_t window_rows;            /* of all queues together; at least queues that are read at once */
    uint32_t pulse_ms;               /* 0: WIRE_PULSE_MS */
    uint64_t flash_bytes_per_minute; /* submit credit of the flash lane, per origin; 0: 4 MiB */
    const char *const *hosted;       /* mechanisms this broker hosts; lives as long as the core */
    size_t hosted_count;             /* 0: all of the policy */
};
/* Fills in what an installation of provinces and prefectures needs. */
void broker_options_default(struct broker_options *options, const struct wire_hash *hash);

/* --- events ------------------------------------------------------------------------------------------------------- */
enum broker_event_kind {
    BROKER_EVENT_BOOT_ROW = 1, /* every row of the tables broker_table_boots, in any order, before all else */
    BROKER_EVENT_BOOT_DONE,    /* once; an empty ledger is founded here (ledger id from random) */
    BROKER_EVENT_CONTINUE,     /* out->more was set */
    BROKER_EVENT_COMMITTED,    /* this append and all before it */
    BROKER_EVENT_FETCHED,
    BROKER_EVENT_TIMER,
    BROKER_EVENT_POLICY, /* after the DIRECTORY at start: nothing falls due before, and nobody is told who is not
                            enrolled */
    BROKER_EVENT_DIRECTORY,
    BROKER_EVENT_ROOM,
    BROKER_EVENT_HELLO,
    BROKER_EVENT_PEER_DOWN, /* the connection ended, or BYE */
    BROKER_EVENT_SUBMIT,
    BROKER_EVENT_SEALED,
    BROKER_EVENT_ARRIVED, /* one an ArrivedPart */
    BROKER_EVENT_CREDIT,
    BROKER_EVENT_PULSE,
    BROKER_EVENT_SENT, /* a DELIVER left; its real size is known now */
    BROKER_EVENT_OPERATOR,
};

struct broker_boot_row {
    struct wire_row row;
};

struct broker_committed {
    uint64_t ticket;
};

struct broker_fetched {
    uint64_t request;
    const struct wire_row *rows;
    size_t count;
    bool end; /* the range holds no more than these */
};

/* A policy that was verified and compiled. Higher versions only; others are noted and ignored. The policy must live as
 * long as the core. At boot: those of the POLICY table in order of version, with bytes.size == 0. */
struct broker_policy {
    const struct rules_policy *policy;
    uint64_t version;
    struct wire_digest digest;
    int64_t in_force_ms;
    struct wire_bytes bytes; /* encoded SignedPolicy to be stored; empty: it is in the ledger */
};

struct broker_change {
    uint32_t region;
    bool enrolled; /* has an identity and a transport certificate that are valid and not revoked */
};

struct broker_directory_record {
    uint64_t epoch;
    struct wire_bytes bytes; /* encoded DirectoryRecord */
};

/* The directory moved to `epoch`. At boot: all enrolled regions, without records. */
struct broker_directory {
    uint64_t epoch;
    const struct broker_change *changes;
    size_t change_count;
    const struct broker_directory_record *records; /* to be stored; at most 1024 at a time */
    size_t record_count;
};

struct broker_room {
    bool full; /* nearly: nothing more is admitted */
};

struct broker_hello {
    uint64_t peer;   /* the connection; not 0, never used twice */
    uint32_t region; /* authenticated */
    const Wire__Hello *hello;
    /* look-ups */
    Wire__StreamHead *const *heads; /* of all streams of this origin */
    size_t head_count;
    Wire__NumberHead *const *numbers; /* of the last days */
    size_t number_count;
    Wire__Reference *const *known; /* newest ids in streams where the ledger's head is above the HELLO's; ≤ KNOWN_MAX */
    size_t known_count;
    const struct wire_digest *const
        *chains;                           /* for each hello->cursor: the ledger's chain at that number, NULL = none */
    const Wire__ReceiptStatement *receipt; /* newest_receipt, when this broker's own signature holds; else NULL */
    const Wire__CompletenessStatement *completeness; /* likewise */
    const struct wire_digest *completeness_chain;    /* the ledger's chain at its number, NULL = none */
};

struct broker_peer_down {
    uint64_t peer;
    enum wire_status status;
};

/* The batch of the stream that starts at the SUBMIT's first, when there is one. */
struct broker_stored {
    uint64_t serial;
    uint32_t count;
    struct wire_digest root;
    struct wire_bytes statement; /* encoded ReceiptStatement */
};

/* A row of obligations that envelopes may end. */
struct broker_duty_look {
    struct broker_duty duty;
    int64_t next_ms; /* OBLIGATION_OF */
    const struct broker_obligation_row *row;
};

struct broker_envelope_look {
    bool known; /* ENVELOPE has (origin, id) */
    struct broker_envelope_row first;
    const struct rules_parent *parent; /* when in_reply_to; NULL = not found */
    /* Batch and index (ENVELOPE) of in_reply_to, else and for a cancel of references[0]; 0 = not found. */
    uint64_t named_serial;
    uint16_t named_index;
    const struct rules_original *original; /* when update or cancel: of references[0]; NULL = not found */
    /* In the submit's list. A reply: what this origin owes about the batch of its parent. A cancel: what anybody owes
     * about the batch of references[0]. */
    const struct broker_duty_look *duties;
    size_t duty_count;
};

/* One SUBMIT that was decoded. When `failed` is set only peer, frame_bytes, batch->seal and the stream's look-ups
 * count. */
struct broker_submit {
    uint64_t peer;
    uint32_t frame_bytes; /* of the payload frame: what it takes of the credit */
    const Wire__Batch *batch;
    Wire__Header *const *headers;       /* a envelope */
    const struct wire_digest *leaves;   /* envelopes, then boxes */
    enum wire_status failed;            /* why the batch fails as a whole; OK: it verifies */
    const uint16_t *bad;                /* per envelope: 0 or the status it is refused with; NULL: all 0 */
    const uint16_t *box_bad;            /* per box: 0 or why nobody may seal to it (revoked, expired); NULL: all 0 */
    const Wire__ReceiptStatement *held; /* Submit.held, when this broker's own signature holds; else NULL */
    /* look-ups */
    struct broker_stream_row stream;          /* zero: a new stream */
    const struct broker_stored *stored;       /* the batch that starts at seal->first; NULL: none */
    const struct broker_envelope_look *looks; /* an envelope; may be NULL when failed or first != head + 1 */
    const struct broker_duty_look *duties;    /* of all looks, each row once (≤ DUTIES_MAX) */
    size_t duty_count;
    const Wire__NumberHead *numbers; /* NUMBER of the distinct dates in headers (≤ NUMBERS_MAX) */
    size_t number_count;
};

/* What SEAL asked for. The batch is the broker's own: origin 0, the drafts in their order, seq from head + 1 of the
 * stream (0, mechanism, lane, broker_own_store_id). status not OK: nothing else is set. */
struct broker_sealed {
    uint64_t request;
    enum wire_status status;
    struct broker_submit submit; /* peer 0 */
};

/* An ANSWERED row. */
struct broker_answered {
    uint16_t index;
    uint8_t duty; /* 0: all */
};

struct broker_arrived {
    uint64_t peer;
    const Wire__ArrivedPart *part;
    const Wire__ArrivedStatement *statement; /* NULL: does not decode */
    enum wire_status verified;               /* the recipient's signature */
    /* look-ups */
    const struct broker_queue_row *row;     /* QUEUE row of that number, NULL = none */
    const Wire__LedgerBatch *batch;         /* BATCH of row->serial */
    bool known;                             /* ARRIVAL has it already */
    const struct broker_answered *answered; /* ANSWERED of (row->serial, this recipient) and of (row->serial, 0) */
    size_t answered_count;
};

struct broker_credit {
    uint64_t peer;
    const Wire__Credit *credit;
};

struct broker_pulse {
    uint64_t peer;
    const Wire__Pulse *pulse;
};

struct broker_sent {
    uint64_t peer;
    uint32_t session; /* of the effect */
    uint32_t lane;
    uint32_t cost;  /* of the effect */
    uint32_t bytes; /* the payload frame; not above cost */
};

enum broker_operation {
    BROKER_ACCEPT_FORK = 1, /* of region */
    BROKER_ACCEPT_LOSS = 2, /* recover --accept-loss: raises the generation, all sessions start anew */
    BROKER_SHUT_DOWN = 3,   /* BYE to all */
};

struct broker_operator {
    enum broker_operation operation;
    uint32_t region;
};

struct broker_event {
    enum broker_event_kind kind;
    int64_t mono_ms;
    int64_t wall_ms;
    uint8_t random[32]; /* from the CSPRNG; used by BOOT_DONE and HELLO only */
    union {
        struct broker_boot_row boot_row;
        struct broker_committed committed;
        struct broker_fetched fetched;
        struct broker_policy policy;
        struct broker_directory directory;
        struct broker_room room;
        struct broker_hello hello;
        struct broker_peer_down peer_down;
        struct broker_submit submit;
        struct broker_sealed sealed;
        struct broker_arrived arrived;
        struct broker_credit credit;
        struct broker_pulse pulse;
        struct broker_sent sent;
        struct broker_operator operator_;
    };
};

/* --- effects ------------------------------------------------------------------------------------------------------ */
enum broker_effect_kind {
    BROKER_APPEND = 1,
    BROKER_SEND,
    BROKER_SEND_POLICY,    /* PolicyPieces of `version`, each ≤ 256 KiB; before any later SEND to that peer */
    BROKER_SEND_DIRECTORY, /* DirectoryPieces of the records above `from_epoch` */
    BROKER_FETCH,
    BROKER_CUT, /* end the connection, after what was sent to it so far */
    BROKER_WAKE,
    BROKER_SEAL,
    BROKER_NOTE,
};

/* One atomic append. With a payload: the batch of the event that is being stepped (SUBMIT or SEALED); for each envelope
 * whose keep_until is not 0 the shell adds it to the PAYLOAD row of that day, with a PAYLOAD_DAY row. */
struct broker_append {
    uint64_t ticket;
    const struct wire_row *rows;
    size_t count;
    const Wire__Batch *batch; /* NULL: no payload */
    uint64_t serial;
    const uint32_t *keep_until; /* an envelope */
};

/* What the shell completes a DELIVER with: part (given envelopes, proof, the recipient's own box), given[] and witness,
 * from BATCH, HEADERS and PAYLOAD of `serial`. Then it says with BROKER_EVENT_SENT how large the frame became. */
struct broker_part_source {
    uint64_t serial; /* 0: the frame is complete */
    uint32_t recipient;
    uint16_t count;
    uint32_t session;
    uint32_t cost; /* the frame is never larger */
    uint8_t given[BROKER_BITMAP_BYTES];
    uint8_t owes[BROKER_BITMAP_BYTES];
};

/* A Signed whose signature.len is 0 has type and statement only: the shell signs all of one commit under one root. */
struct broker_send {
    uint64_t peer;
    uint64_t after;
    Wire__Frame *frame;
    struct broker_part_source part;
};

struct broker_send_policy {
    uint64_t peer;
    uint64_t after;
    uint64_t version;
};

struct broker_send_directory {
    uint64_t peer;
    uint64_t after;
    uint64_t from_epoch; /* what the peer holds */
    uint64_t epoch;
};

/* Rows of `table` with key ≥ from that begin with prefix, in order; at most BROKER_FETCHES_MAX are not answered yet.
 * exact: few rows, with those of appends in flight, and the answer is the next event. Else committed rows will do. */
struct broker_fetch {
    uint64_t request;
    uint8_t table;
    bool exact;
    struct wire_bytes from;
    struct wire_bytes prefix; /* may be empty */
    uint32_t rows_max;
    uint32_t bytes_max;
};

struct broker_cut {
    uint64_t peer;
    enum wire_status status;
};

/* An envelope of the broker's own, to be made by the shell: kind reminder or overdue, in reply to the envelope of
 * `origin` whose header the shell finds in HEADERS of serial and index. Header.to is to[]; keep_until, status and
 * incident are those of the original. */
struct broker_draft {
    uint32_t kind;       /* WIRE_KIND_REMINDER, WIRE_KIND_OVERDUE */
    uint32_t to[2];      /* the region that owes, the origin */
    uint32_t to_unit[2]; /* 0: for the origin its issuer's unit, else command */
    uint32_t to_count;
    uint32_t origin; /* of what it is about */
    uint64_t serial;
    uint16_t index;
    uint32_t who;      /* the region that owes */
    uint32_t who_unit; /* its desk, 0 = command */
    uint32_t duty;     /* Wire__Duty; BROKER_DUTY_ARRIVE: it has not arrived there */
    int64_t due_ms;
    uint32_t keep_until;
    Wire__Status status;
};

/* One at a time: the next SEAL comes after this one's SEALED. */
struct broker_seal {
    uint64_t request;
    const char *mechanism;
    Wire__Lane lane;
    const struct broker_draft *drafts;
    size_t count;
};

enum broker_topic {
    BROKER_NOTE_SESSION_UP = 1,  /* confirmed */
    BROKER_NOTE_SESSION_DOWN,    /* status */
    BROKER_NOTE_REFUSED_PEER,    /* HELLO not accepted: status */
    BROKER_NOTE_MISBEHAVED,      /* cut: status */
    BROKER_NOTE_JUDGED,          /* a: serial, b: admitted, c: not */
    BROKER_NOTE_REPEATED,        /* a: serial of the batch offered again */
    BROKER_NOTE_BAD_BATCH,       /* status; a: first */
    BROKER_NOTE_CONFLICT,        /* alarm; a: first */
    BROKER_NOTE_EXPECTED_FIRST,  /* a: first, b: expected */
    BROKER_NOTE_FORK,            /* alarm; a: forks in the last hour */
    BROKER_NOTE_FORK_STOPPED,    /* alarm */
    BROKER_NOTE_ROLLED_BACK,     /* alarm; a: what was shown, b: what we have */
    BROKER_NOTE_CURSOR_MISMATCH, /* queues are sent again from the oldest; a: number of one, b: how many */
    BROKER_NOTE_ARRIVED,         /* a: serial, b: envelopes, c: not readable or rejected */
    BROKER_NOTE_REMINDER,        /* region: who owes; a: duty */
    BROKER_NOTE_OVERDUE,         /* region: who owes; a: duty */
    BROKER_NOTE_OWN_REFUSED,     /* status: an envelope of our own could not be sealed or was not admitted */
    BROKER_NOTE_CREDIT_REASON,   /* status: nothing is granted; OK: granted again */
    BROKER_NOTE_LINK,            /* a: enum broker_link */
    BROKER_NOTE_POLICY,          /* a: version taken; status EXISTS: ignored, not above the last */
    BROKER_NOTE_DIRECTORY,       /* a: epoch */
    BROKER_NOTE_LIMIT,           /* alarm; status NO_MEMORY; a: enum broker_limit */
    BROKER_NOTE_DAMAGED,         /* a row that cannot be read; a: table */
    BROKER_NOTE_RECOVERED,       /* a: generation */
};

enum broker_limit { BROKER_LIMIT_REGIONS = 1, BROKER_LIMIT_QUEUES, BROKER_LIMIT_MECHANISMS };

/* "session-up", "fork-stopped" …: for log, metrics and the event stream. */
const char *broker_topic_name(enum broker_topic topic);

/* For log, metrics, alarms and the event stream; nothing is ever decided on one. */
struct broker_note {
    enum broker_topic topic;
    enum wire_status status;
    uint32_t region;
    uint64_t a, b, c;
};

struct broker_effect {
    enum broker_effect_kind kind;
    union {
        struct broker_append append;
        struct broker_send send;
        struct broker_send_policy send_policy;
        struct broker_send_directory send_directory;
        struct broker_fetch fetch;
        struct broker_cut cut;
        int64_t wake_ms; /* mono: step with TIMER then; replaces the earlier one */
        struct broker_seal seal;
        struct broker_note note;
    };
};

struct broker_out {
    struct broker_effect effects[BROKER_EFFECTS_MAX];
    size_t count;
    struct wire_arena arena; /* over BROKER_OUT_ARENA_BYTES of the caller's; reset by each step */
    bool more;               /* step again with CONTINUE before any other event */
};

/* --- the core ----------------------------------------------------------------------------------------------------- */
size_t broker_core_size(const struct broker_options *options);
/* In zeroed memory of at least that size, aligned as malloc's; it is all the core ever uses. */
struct broker_core *broker_core_init(void *memory, size_t size, const struct broker_options *options);
void broker_core_step(struct broker_core *core, const struct broker_event *event, struct broker_out *out);

/* Invariants of the memory, with ENSURE: for tests and the simulator after every step. */
void broker_core_audit(const struct broker_core *core);
/* Effects as text, one line or more each, exact and stable: for traces. */
void broker_core_text(const struct broker_out *out, struct wire_text *text);

/* --- what others may read ----------------------------------------------------------------------------------------- */
enum broker_link { BROKER_LINK_DOWN = 0, BROKER_LINK_DEGRADED = 1, BROKER_LINK_UP = 2 };

struct broker_health {
    uint32_t region;
    uint64_t peer; /* of its session; 0: none */
    enum broker_link link;
    bool enrolled, confirmed;
    Wire__Standing standing;
    int64_t since_ms;              /* in this state, wall */
    uint32_t rtt_ms;               /* smoothed, 0 = not measured */
    int64_t offset_ms;             /* node's clock minus ours */
    uint64_t depth[WIRE_LANES];    /* envelopes queued for it that have not arrived */
    int64_t oldest_ms[WIRE_LANES]; /* admitted time of the oldest of them, 0 = none or not known */
    uint64_t outbox[WIRE_LANES];   /* what the node says waits in its outbox */
    int64_t outbox_oldest_ms[WIRE_LANES];
    int64_t certificate_until_ms;     /* 0 = not said */
    bool policy_same;                 /* the node holds the newest policy */
    struct wire_digest policy_digest; /* that it holds; zeros: not said */
    uint64_t receipts_untaken;
};

struct broker_totals {
    uint8_t ledger_id[WIRE_ID_BYTES], own_store_id[WIRE_ID_BYTES];
    uint64_t generation;
    uint64_t serial; /* of the last batch */
    uint64_t policy_version;
    uint64_t directory_epoch;
    enum wire_status reason; /* why nothing is admitted; OK: all is well */
    uint32_t regions, sessions, queues;
    uint64_t admitted, refused, duplicates, expired, arrived, misbehaved;
};

/* Of the broker's own streams: drawn with each BOOT_DONE, for a ledger that was put back does not know which seqs were
 * signed before. */
void broker_own_store_id(const struct broker_totals *totals, uint8_t out[WIRE_ID_BYTES]);

/* false: this region was never seen. */
bool broker_core_health(const struct broker_core *core, uint32_t region, struct broker_health *out);
/* Regions by rising index < broker_totals.regions; 0 beyond. */
uint32_t broker_core_region_at(const struct broker_core *core, uint32_t index);
void broker_core_totals(const struct broker_core *core, struct broker_totals *out);
