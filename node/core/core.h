/* The node's core: one step function that decides everything between a region's people and its brokers.
 *
 * Pure: no clock, socket, file, log, malloc, randomness. The shell (node/main.c and the files beside it) builds an
 * event, steps, performs the effects in order, steps again with NODE_ON_CONTINUE while `more` is set. docs/PROTOCOL.md
 * says what travels; node/core/record.h says what is kept; tests/trace/node shows every path as text.
 *
 *     link:     idle --UP--> greeting (HELLO sent) --WELCOME, stored--> unconfirmed --COMMITTED--> live --LOST, CUT-->
 * idle
 *
 *     envelope: draft <--> held        sealed --receipt--> admitted | refused | duplicate | expired
 *                 |  \_________________/^  |
 *                 |   seal: seq, bytes     +-- stale seal --> replaced (a new draft under a new id)
 *                 +-- withdrawn, expired   +-- bad batch, conflict, fork, gap --> draft of a new stream, same id
 *
 * What is durable is data, not discipline: an effect with `after` = n is performed once ticket n is committed. A failed
 * append never comes back as an event: the process ends. A SEND whose session ended meanwhile (LOST, or CUT) is
 * dropped.
 *
 * Credit (docs/PROTOCOL.md, 9) is a cumulative offset per lane and session, in bytes of the payload frame. Windows:
 * flash 64 KiB, the others 448 (wire/credit.h; all but flash together: 512 KiB). Deliver credit returns with the append
 * of the inbox rows. A frame larger than its window is announced by CREDIT.wanted; exactly that is granted when nothing
 * of its lane is being stored, over 256 KiB only when nothing of any lane but flash is. */
#pragma once
#include "node/core/record.h"
#include "rules/decide.h"
#include "schema/frame.pb-c.h"
#include "schema/trust.pb-c.h"
#include "wire/batch.h"
#include "wire/json.h"

enum {
    NODE_LINKS_MAX = 8,
    NODE_LINK_MECHANISMS_MAX = 32,
    NODE_EFFECTS_MAX = 128,
    NODE_OUT_BYTES = 24 * 1024 * 1024, /* arena of struct node_out: rows of one step; untouched pages cost nothing */
    NODE_PUBLISH_MAX = 512,            /* drafts of one PUBLISH */
    NODE_RETENTION_MS = 7 * 24 * 3600 * 1000, /* sealed batches are offered again for so long */
    NODE_CLOCK_JUMP_MS = 30 * 1000,
    NODE_CLOCK_STEADY_MS = 60 * 1000,
    NODE_SILENT_PULSES = 3,
};

struct node_link_options {
    const char *name;                                /* [a-z0-9-]{1,16}, in keys: never change it for the same broker */
    const char *mechanism[NODE_LINK_MECHANISMS_MAX]; /* carried by this broker */
    size_t mechanism_count;                          /* 0: every mechanism that no other link names */
};

/* Borrowed for ever: must outlive the core. */
struct node_options {
    uint32_t region;
    const char *software; /* for HELLO */
    struct node_link_options link[NODE_LINKS_MAX];
    size_t link_count;
    const struct wire_hash *hash;
    /* limits; zero = the default in brackets */
    uint32_t lanes_max;   /* link × mechanism × lane in use [512] */
    uint32_t streams_max; /* with anything left in them [2048] */
    uint32_t seals_max;   /* SEAL requests at one time [8] */
    uint32_t drafts_max;  /* of one SEAL [WIRE_BATCH_ENVELOPES_MAX] */
};

struct node_core; /* opaque, in the caller's memory */
size_t node_core_size(const struct node_options *options);
/* `memory`: node_core_size bytes, zeroed, aligned as malloc's. Returns the core, which lies in it. */
struct node_core *node_core_init(void *memory, size_t size, const struct node_options *options);

/* --- events ---------------------------------------------------------------------------------------------- */

enum node_event_kind {
    NODE_ON_BOOT_ROW = 1, /* u.row: every row of the tables that boot, any order */
    NODE_ON_BOOT_DONE,    /* then DIRECTORY and POLICY as they are in the store, then UP and so on */
    NODE_ON_COMMITTED,    /* u.ticket: it and all before it are durable */
    NODE_ON_FETCHED,      /* u.fetched */
    NODE_ON_TIMER,        /* the time of the newest WAKE has come (earlier or later does no harm) */
    NODE_ON_CONTINUE,     /* the last step left `more` */
    NODE_ON_POLICY,       /* u.policy */
    NODE_ON_DIRECTORY,    /* u.directory: who is enrolled has changed, without a piece (boot, CRL, time) */
    NODE_ON_ROOM,         /* u.room */
    NODE_ON_UP,           /* u.link: a new encrypted connection; nothing was sent on it yet */
    NODE_ON_LOST,         /* u.link: it is gone */
    NODE_ON_WELCOME,      /* frames, decoded */
    NODE_ON_RECEIPT,
    NODE_ON_DELIVER,
    NODE_ON_CREDIT,
    NODE_ON_PULSE,
    NODE_ON_POLICY_PIECE,
    NODE_ON_DIRECTORY_PIECE,
    NODE_ON_BYE,
    NODE_ON_BAD_FRAME, /* u.bad: it could not be decoded, or is none that a broker may send */
    NODE_ON_SEALED,    /* u.sealed: the answer to SEAL */
    NODE_ON_PUBLISH,   /* u.publish: a person's or a system's envelopes */
    NODE_ON_WITHDRAW,  /* u.withdraw: of an unsealed draft */
    NODE_ON_RECONNECT, /* u.link: an operator wants the link to start anew */
    NODE_ON_ERASED,    /* u.day: every payload row and key up to that day is gone */
};

/* A look-up: the raw value of a row, read before the step through a store that shows its own uncommitted rows;
 * .data NULL: no such row. */
typedef struct wire_bytes node_row_value;

struct node_fetched {
    uint64_t request;
    const struct wire_row *rows;
    size_t count;
    bool end; /* no further row in the range */
    /* Look-ups, when the FETCH asked for `states`: STATE rows as they are now. DRAFT, EXPIRY: of the id of each row.
     * HELD: two a row, of its own id and of the id that it waits for. BATCH: one an id of each row, one after the
     * other. */
    const node_row_value *state;
};

struct node_policy {
    const struct rules_policy *policy; /* lives until a NOTE NODE_NOTE_POLICY names a later version in force */
    uint64_t version;
    uint8_t digest[WIRE_HASH_BYTES];
    int64_t in_force_ms;
    struct wire_bytes bytes; /* SignedPolicy to store; .data NULL: it comes from the store */
};

struct node_enrolment {
    uint32_t region;
    bool enrolled;
};

struct node_directory {
    uint64_t epoch; /* of the directory now */
    const struct node_enrolment *changes;
    size_t count;
};

struct node_welcome {
    uint8_t link;
    const Wire__Welcome *welcome;
    const bool *completeness_good;                          /* one a welcome->completeness: verified as this broker's */
    const Wire__CompletenessStatement *const *completeness; /* decoded, or NULL */
};

struct node_receipt {
    uint8_t link;
    uint32_t frame_bytes;
    const Wire__Receipt *receipt;
    enum wire_status status; /* OK: the signature is the broker's (RECEIPT_STATEMENT) or the named recipient's */
    const Wire__ReceiptStatement *statement; /* one of these two */
    const Wire__ArrivedStatement *arrived;
    /* Look-ups: the BATCH row of (link, mechanism, lane, store id, first). `state`: the STATE rows of the id of each
     * verdict[], of NodeBatch.id[index] of each arrival[], of NodeBatch.id[0] for BAD_BATCH. */
    node_row_value batch;
    node_row_value stored; /* the broker's RECEIPT row of that batch, when it has one */
    const node_row_value *state;
    const Wire__Header *const *header; /* the OUTBOX rows, decoded; NULL: not there, then not compared with the rules */
    const node_row_value *named;       /* one a verdict: STATE of the envelope it updates or cancels */
};

struct node_deliver {
    uint8_t link;
    uint32_t frame_bytes;
    const Wire__Deliver *deliver;
    const Wire__Part *part;            /* NULL: cannot be decoded */
    enum wire_status status;           /* of the part as a whole: decoding, signature, proof; OK, or why not */
    uint32_t signer_region;            /* whose signature it is; must be the part's origin (0: the broker) */
    const Wire__Header *const *header; /* one a part->envelope; NULL: unreadable */
    const struct wire_digest *leaf;    /* one a part->envelope */
    /* One a part->envelope: OK, TAMPERED, BAD_HEADER, UNKNOWN_FIELD, CANNOT_OPEN, UNREADABLE, ERASED, … */
    const enum wire_status *envelope_status;
    const Wire__WitnessStatement *witness; /* NULL: not the broker's, or not of this root */
    /* Look-ups, one a part->envelope: */
    const node_row_value *known; /* KNOWN (origin, id; id of the leaf when there is no header) */
    const node_row_value *named; /* KNOWN (origin, references[0].id) of an update or cancel */
    const node_row_value *asked; /* STATE (in_reply_to.id) when in_reply_to.origin is this region */
};

struct node_credit {
    uint8_t link;
    const Wire__Credit *credit;
};

struct node_pulse {
    uint8_t link;
    const Wire__Pulse *pulse;
    const bool *completeness_good;
    const Wire__CompletenessStatement *const *completeness;
};

struct node_policy_piece {
    uint8_t link;
    const Wire__PolicyPiece *piece;
};

struct node_directory_piece {
    uint8_t link;
    const Wire__DirectoryPiece *piece;
    /* The shell has offered the records to its directory (which checks each against the CA): */
    size_t first_new;                /* index of the first that was new */
    size_t count_new;                /* how many from there on were taken */
    enum wire_status status;         /* why the next one was not, OK if none was left over */
    struct node_directory directory; /* as it is now */
};

struct node_bye {
    uint8_t link;
    const Wire__Bye *bye;
};

struct node_bad_frame {
    uint8_t link;
    enum wire_status status;
};

struct node_sealed {
    uint64_t request;
    size_t count;                  /* of the SEAL's drafts */
    const node_row_value *state;   /* look-ups: STATE of each */
    const enum wire_status *draft; /* each: OK, in the batch (seqs first, first+1, … over these); AGAIN: did not fit;
                                    * ERASED: its payload is gone; else why it cannot be sealed now (NOBODY_FOR,
                                    * NOT_ENROLLED, STALE_SEAL: held until policy or directory change) or ever
                                    * (INVALID…: refused here) */
    struct wire_bytes batch;       /* encoded Batch, salts and payloads empty; .data NULL: no draft was OK */
    uint8_t root[WIRE_HASH_BYTES];
    uint32_t frame_bytes; /* of the whole SUBMIT frame */
};

struct node_draft {
    const Wire__Header *header; /* complete, with its lane; number, store_id, seq and digest are ignored */
    uint32_t payload_bytes;
    node_row_value own; /* STATE of header.id: a repeat is answered with what there is */
    /* An update or cancel: references[0].id, or the last of its successors (NodeState.successor), and its STATE.
     * Further references are for people. */
    const uint8_t *named_id;
    node_row_value named;
    node_row_value asked; /* KNOWN of in_reply_to */
};

struct node_publish {
    uint64_t request; /* the caller's; comes back in DONE */
    const struct node_draft *draft;
    size_t count; /* 1 to NODE_PUBLISH_MAX */
};

struct node_withdraw {
    uint64_t request;
    const uint8_t *id;
    node_row_value state;       /* STATE */
    const Wire__Header *header; /* of its OUTBOX row */
    node_row_value asked;       /* KNOWN of its in_reply_to */
};

struct node_event {
    enum node_event_kind kind;
    int64_t mono_ms, wall_ms;
    uint8_t random[32];
    union {
        struct wire_row row;
        uint64_t ticket;
        struct node_fetched fetched;
        struct node_policy policy;
        struct node_directory directory;
        bool room; /* ROOM: false: the store is nearly full */
        uint8_t link;
        struct node_welcome welcome;
        struct node_receipt receipt;
        struct node_deliver deliver;
        struct node_credit credit;
        struct node_pulse pulse;
        struct node_policy_piece policy_piece;
        struct node_directory_piece directory_piece;
        struct node_bye bye;
        struct node_bad_frame bad;
        struct node_sealed sealed;
        struct node_publish publish;
        struct node_withdraw withdraw;
        uint32_t day;
    } u;
};

/* --- effects --------------------------------------------------------------------------------------------- */

enum node_effect_kind {
    NODE_DO_APPEND = 1,
    NODE_DO_SEND,
    NODE_DO_FETCH,
    NODE_DO_SEAL,
    NODE_DO_DONE,
    NODE_DO_CUT,        /* link, status: close the session and start a new one after the back-off; LOST need not come */
    NODE_DO_ALIVE,      /* link: a valid PULSE came (the socket's watchdog) */
    NODE_DO_KEEP_PIECE, /* piece: of a policy */
    NODE_DO_ERASE,      /* day: overwrite the keys of all days up to it, delete their payload rows, answer ERASED */
    NODE_DO_WAKE,       /* mono_ms: TIMER then; replaces the one before */
    NODE_DO_NOTE,
    NODE_DO_STOP, /* status, table: the store is damaged: end, non-zero */
};

/* Rows that the shell adds to the same append, encrypted under the key of `day`. */
enum node_payload_kind {
    NODE_PAYLOAD_OF_DRAFT = 1, /* PAYLOAD of u.publish.draft[index] */
    NODE_PAYLOAD_COPY,         /* PAYLOAD of `from` under the new id (a stale seal) */
    NODE_CARRIED_OF_SEALED,    /* CARRIED of u.sealed draft `index` */
    NODE_CARRIED_OF_PART,      /* CARRIED of u.deliver.part->envelope[index] */
};
struct node_payload {
    enum node_payload_kind kind;
    uint32_t index;
    uint32_t day;
    uint32_t origin;
    uint8_t id[WIRE_ID_BYTES];
    uint64_t number; /* place, or order in the inbox */
    uint8_t from[WIRE_ID_BYTES];
    uint64_t from_number;
};

static inline struct node_key node_payload_key(const struct node_payload *payload)
{
    return node_key_payload(payload->day, payload->kind == NODE_CARRIED_OF_PART ? NODE_OTHERS : NODE_OURS,
                            payload->number);
}

struct node_append {
    uint64_t ticket; /* rises by one from 1 */
    const struct wire_row *rows;
    size_t count;
    const struct node_payload *payloads; /* of the event just stepped */
    size_t payload_count;
};

/* What of a frame the shell fills from the store before it encodes it. */
enum node_fill {
    NODE_FILL_BATCH = 1,      /* submit.batch: BATCH_BYTES of `key`; salts, payloads: CARRIED rows of its headers */
    NODE_FILL_HELD,           /* submit.held: RECEIPT of `key` */
    NODE_FILL_NEWEST_RECEIPT, /* hello.newest_receipt: RECEIPT of `key`; left out if the row is gone */
    NODE_FILL_COMPLETENESS,   /* hello.newest_completeness: COMPLETENESS of `key`, likewise */
};
enum { NODE_FILLS_MAX = 2 };

struct node_send {
    uint8_t link;
    uint64_t after;     /* ticket; 0: now */
    Wire__Frame *frame; /* in the out arena. The shell signs an ArrivedPart whose signature is empty, and may add
                         * certificate_until_ms to a PULSE */
    struct {
        enum node_fill what;
        struct node_key key;
    } fill[NODE_FILLS_MAX];
    size_t fill_count;
};

/* Rows with from ≤ key, beginning with prefix. Must show every append that stood before it. */
struct node_fetch {
    uint64_t request;
    enum node_table table;
    struct node_key from, prefix;
    size_t rows_max, bytes_max;
    bool states; /* with STATE rows, see struct node_fetched */
};

/* Encode these drafts (OUTBOX, PAYLOAD rows of the places) as one batch of this stream, sealing what the rules seal to
 * the region that the rules give now; at most bytes_max as a frame, but the first draft in any case. An id named by
 * references[0] of an update or cancel whose STATE is NODE_REPLACED gives way to its successor. */
struct node_seal {
    uint64_t request;
    uint8_t link;
    const char *mechanism;
    Wire__Lane lane;
    uint8_t store_id[WIRE_ID_BYTES];
    uint64_t first;
    const uint8_t (*id)[WIRE_ID_BYTES]; /* in the out arena */
    const uint64_t *place;              /* of each, likewise */
    size_t count;
    uint32_t bytes_max;
};

struct node_result {
    uint8_t id[WIRE_ID_BYTES];
    uint32_t number_date, number_serial;
    enum wire_status status; /* OK; EXISTS (a repeat; the number is the first one's); NOT_HOSTED; NO_PARENT; BAD_HEADER,
                              * FOREIGN_ORIGIN; EXPIRED_TERM; STORE_FULL, NO_MEMORY (nothing of the request was taken);
                              * withdraw: NOT_FOUND, EXISTS (sealed already: send a cancel) */
    bool held;               /* waits for the receipt of what it names */
};
struct node_done {
    uint64_t request;
    uint64_t after;
    const struct node_result *result;
    size_t count;
};

struct node_piece {
    uint8_t link;
    uint64_t version;
    uint32_t total, offset; /* append the event's piece.bytes at offset (0: start anew) */
    bool whole;             /* verify, compile, answer with NODE_ON_POLICY */
};

/* What a log, a metric, an alarm or the event stream wants to know; never decided on. TOPIC(name, text) and what it
 * holds */
/* clang-format off */
#define NODE_TOPIC_LIST(TOPIC) \
    TOPIC(LINK_UP,          "link-up")             /* a: standing */ \
    TOPIC(LINK_LIVE,        "link-live") \
    TOPIC(LINK_DOWN,        "link-down")           /* status */ \
    TOPIC(OTHER_LEDGER,     "other-ledger")        /* a: generation before, b: now */ \
    TOPIC(FORK,             "fork")                /* the broker took this store for an older or foreign copy */ \
    TOPIC(BROKER_KNOWS,     "broker-knows")        /* id, or a: seq known there, b: seq held here: an envelope of ours that this store lacks */ \
    TOPIC(ROLLED_BACK,      "rolled-back") \
    TOPIC(STOPPED,          "stopped")             /* status */ \
    TOPIC(STREAM_RENEWED,   "stream-renewed")      /* status, a: first seq that is drafted again, b: last seq */ \
    TOPIC(REDRAFTED,        "redrafted")           /* a: how many envelopes */ \
    TOPIC(MISSING,          "missing")             /* a: first seq, b: last; status GAP: the broker lost them, ERASED: we did */ \
    TOPIC(OUTBOX,           "outbox")              /* id, a: NodeOutboxState, b: number day, c: serial; status: reason */ \
    TOPIC(INBOX,            "inbox")               /* a: first order, b: how many */ \
    TOPIC(NOT_TAKEN,        "not-taken")           /* status, id, a: origin, b: VerdictCode */ \
    TOPIC(DOUBT,            "doubt")               /* id, a: origin: our rules would not give it, but the directory has moved on since */ \
    TOPIC(GAP,              "gap")                 /* a: number expected, b: number come */ \
    TOPIC(LOST_DELIVERIES,  "lost-deliveries")     /* a: first number, b: last: the broker no longer has them */ \
    TOPIC(AGAIN,            "again")               /* a: cursor, b: number: the queue is sent again */ \
    TOPIC(CHAIN,            "chain")               /* a: number whose running hash differs */ \
    TOPIC(INCOMPLETE,       "incomplete")          /* a: number signed by the broker, b: our cursor */ \
    TOPIC(CONTRADICTS,      "contradicts")         /* the broker signed another thing before; a: number now, b: before; of a receipt: first and last seq */ \
    TOPIC(RECEIPT_GAP,      "receipt-gap")         /* a: number expected, b: number come */ \
    TOPIC(BAD_RECEIPT,      "bad-receipt")         /* status, a: number */ \
    TOPIC(DIFFERS,          "differs")             /* id: the disposition is not what our rules give */ \
    TOPIC(NOT_ARRIVED,      "not-arrived")         /* a: first seq, b: arrivals missing when the batch was let go */ \
    TOPIC(CREDIT,           "credit")              /* status: why nothing is granted to us */ \
    TOPIC(ROOM,             "room")                /* a: 1 there is room, 0 the store is nearly full */ \
    TOPIC(CLOCK,            "clock")               /* a: 1 unsure, 0 steady, b: size of the jump in ms */ \
    TOPIC(POLICY,           "policy")              /* a: version now in force */ \
    TOPIC(DIRECTORY,        "directory")           /* a: epoch; status of a record that was refused */ \
    TOPIC(BAD_FRAME,        "bad-frame")           /* status */ \
    TOPIC(DAMAGED,          "damaged")             /* a: table of a row that could not be read */ \
    TOPIC(FULL,             "full")                /* a: limit of the core that is reached */
/* clang-format on */

enum node_topic {
#define NODE_TOPIC_ENUM(name, text) NODE_NOTE_##name,
    NODE_TOPIC_LIST(NODE_TOPIC_ENUM)
#undef NODE_TOPIC_ENUM
        NODE_TOPICS
};
const char *node_topic_name(enum node_topic topic);

enum { NODE_NO_LINK = 255 };
struct node_note {
    enum node_topic topic;
    uint8_t link; /* NODE_NO_LINK: none */
    enum wire_status status;
    uint64_t a, b, c;
    uint8_t id[WIRE_ID_BYTES];
    char mechanism[WIRE_MECHANISM_BYTES_MAX + 1]; /* "" : none */
    Wire__Lane lane;
};

struct node_effect {
    enum node_effect_kind kind;
    union {
        struct node_append append;
        struct node_send send;
        struct node_fetch fetch;
        struct node_seal seal;
        struct node_done done;
        struct {
            uint8_t link;
            enum wire_status status;
        } cut;
        uint8_t alive;
        struct node_piece piece;
        uint32_t erase; /* day */
        int64_t wake;
        struct node_note note;
        struct {
            enum wire_status status;
            enum node_table table;
        } stop;
    } u;
};

/* Caller's; init once over NODE_OUT_BYTES of memory. Each step starts it anew: effects are performed before the next.
 */
struct node_out {
    struct node_effect effects[NODE_EFFECTS_MAX];
    size_t count;
    bool more;
    uint64_t notes_left_out; /* notes that did not fit; nothing else is ever left out */
    struct wire_arena arena;
};
void node_out_init(struct node_out *out, void *memory, size_t size);

void node_core_step(struct node_core *core, const struct node_event *event, struct node_out *out);

/* ENSUREs what must always hold. After any step. */
void node_core_audit(const struct node_core *core);
/* The effects, exactly, one a line; for trace tests and logs of failures. */
void node_core_text(struct wire_text *text, const struct node_core *core, const struct node_out *out);

/* --- what one may ask ------------------------------------------------------------------------------------ */

enum node_link_state { NODE_IDLE, NODE_GREETING, NODE_UNCONFIRMED, NODE_LIVE };

struct node_lane_health {
    uint64_t drafts, draft_bytes;
    int64_t oldest_ms;      /* created time of the oldest draft, 0: none */
    uint64_t unreceipted;   /* envelopes sealed and without verdict */
    uint64_t granted, used; /* submit credit, cumulative */
};
struct node_health {
    enum node_link_state state;
    Wire__Standing standing;
    enum wire_status reason; /* why it is down, or grants nothing; OK otherwise */
    int64_t since_wall_ms;   /* of the state */
    int64_t rtt_ms;          /* -1: not known */
    int64_t clock_offset_ms; /* the broker's clock minus ours */
    uint64_t generation;
    uint64_t policy_version, directory_epoch; /* the broker's, by WELCOME */
    uint64_t receipts_taken;
    uint32_t pulse_ms;
    bool token_confirmed;
    struct node_lane_health lane[WIRE_LANES];
};
void node_core_health(const struct node_core *core, uint8_t link, struct node_health *health);

struct node_totals {
    uint64_t admitted, refused, duplicate, expired, withdrawn, replaced, received, repeated, rejected, unreadable,
        redrafted;
    bool clock_unsure, store_full;
    uint64_t policy_version, directory_epoch;
    uint32_t erased_day;
};
void node_core_totals(const struct node_core *core, struct node_totals *totals);
/* Which link carries a mechanism; NODE_NO_LINK: none. */
uint8_t node_core_link_of(const struct node_core *core, const char *mechanism);
const struct rules_policy *node_core_policy(const struct node_core *core); /* in force now; NULL: none */
bool node_core_enrolled(const struct node_core *core, uint32_t region);
