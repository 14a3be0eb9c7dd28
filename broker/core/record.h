/* The rows of the broker's ledger: which tables there are, their keys and their values.
 *
 * The core writes them (effect APPEND); the shell reads them with the same functions to build the look-ups that come
 * with an event. Keys are big-endian, so that byte order is number order. Hot values have a fixed layout, the rest are
 * messages of proto/schema/ledger.proto. Decoders never trust a row: false means damaged, and *out is not to be used.
 *
 * Writers take the arena they place bytes in; when it is used up they return a row of no key and set arena->exhausted.
 */
#pragma once
#include "rules/decide.h"
#include "schema/ledger.pb-c.h"
#include "wire/arena.h"
#include "wire/merkle.h"
#include "wire/row.h"

enum broker_table {
    BROKER_META = 1,         /* "meta" → LedgerMeta; "serial" → u64 of the last batch */
    BROKER_STREAM = 2,       /* stream → head, frozen (struct broker_stream_row) */
    BROKER_STREAM_BATCH = 3, /* stream ‖ first u64 → struct broker_stream_batch_row */
    BROKER_BATCH = 4,        /* serial u64 → LedgerBatch */
    BROKER_HEADERS = 5,      /* serial u64 → LedgerHeaders */
    BROKER_PAYLOAD = 6, /* serial u64 ‖ day u32 → LedgerPayloads, encrypted; written by the shell with the APPEND */
    BROKER_PAYLOAD_DAY = 7,    /* day u32 ‖ serial u64 → nothing; written by the shell, for erasing */
    BROKER_ENVELOPE = 8,       /* origin u32 ‖ id 16 → struct broker_envelope_row: the identity index */
    BROKER_RECEIPT = 9,        /* origin u32 ‖ number u64 → LedgerReceipt */
    BROKER_REGION = 10,        /* region u32 → LedgerRegion */
    BROKER_QUEUE = 11,         /* queue ‖ number u64 → struct broker_queue_row */
    BROKER_QUEUE_HEAD = 12,    /* queue → struct broker_head_row */
    BROKER_CURSOR = 13,        /* queue → struct broker_cursor_row */
    BROKER_ARRIVAL = 14,       /* serial u64 ‖ recipient u32 ‖ number u64 → Signed, as the recipient sent it */
    BROKER_OBLIGATION = 15,    /* next_ms i64 ‖ struct broker_duty → struct broker_obligation_row */
    BROKER_OBLIGATION_OF = 16, /* struct broker_duty → next_ms i64 */
    BROKER_LINEAGE = 17,       /* region u32 → LedgerLineage */
    BROKER_NUMBER = 18,        /* origin u32 ‖ date u32 → serial u32 */
    BROKER_POLICY = 19,        /* version u64 → SignedPolicy */
    BROKER_DIRECTORY = 20,     /* epoch u64 → DirectoryRecord */
    BROKER_LINK = 21,          /* region u32 ‖ wall_ms i64 → LedgerLink */
    BROKER_ANSWERED = 22, /* serial u64 ‖ recipient u32 (0: cancelled) ‖ index u16 ‖ duty u8 (0: all) → nothing */
    BROKER_TABLES = 23
};

/* "stream-batch" …: for logs, traces and names of databases. */
const char *broker_table_name(uint32_t table);
/* True for META, REGION, LINEAGE, QUEUE_HEAD and CURSOR: every row of these is a BOOT_ROW. */
bool broker_table_boots(uint32_t table);

/* --- keys --------------------------------------------------------------------------------------------------------- */
struct broker_key {
    uint8_t data[WIRE_KEY_BYTES_MAX];
    size_t size;
};

/* origin u32 ‖ mechanism length u8 and bytes ‖ lane u8 ‖ store id 16 */
struct broker_stream {
    uint32_t origin;
    struct wire_bytes mechanism; /* 1 to WIRE_MECHANISM_BYTES_MAX */
    uint32_t lane;
    const uint8_t *store_id;
};

/* recipient u32 ‖ mechanism length u8 and bytes ‖ lane u8 */
struct broker_queue_name {
    uint32_t recipient;
    struct wire_bytes mechanism;
    uint32_t lane;
};

/* serial u64 ‖ recipient u32 ‖ number u64 ‖ duty u8 ‖ group u16: one duty of one recipient for envelopes of one part
 * that share their terms. */
struct broker_duty {
    uint64_t serial; /* of the batch */
    uint32_t recipient;
    uint64_t number; /* of the part, in the recipient's queue */
    uint8_t duty;    /* Wire__Duty, or BROKER_DUTY_ARRIVE: that the part arrives */
    uint16_t group;  /* counts the sets of envelopes of a part that share unit, status, keep_until and terms */
};

enum { BROKER_DUTY_ARRIVE = 0, BROKER_DUTY_BYTES = 8 + 4 + 8 + 1 + 2 };

struct broker_key broker_key_meta(void);
struct broker_key broker_key_last_serial(void);
struct broker_key broker_key_stream(const struct broker_stream *stream); /* also the prefix of its STREAM_BATCH keys */
/* The prefix of all streams of an origin. */
struct broker_key broker_key_streams_of(uint32_t origin);
struct broker_key broker_key_stream_batch(const struct broker_stream *stream, uint64_t first);
struct broker_key broker_key_serial(uint64_t serial); /* BATCH, HEADERS; the prefix of PAYLOAD and ARRIVAL */
struct broker_key broker_key_payload(uint64_t serial, uint32_t day);
struct broker_key broker_key_payload_day(uint32_t day, uint64_t serial);
struct broker_key broker_key_envelope(uint32_t origin, const uint8_t id[WIRE_ID_BYTES]);
struct broker_key broker_key_receipt(uint32_t origin, uint64_t number);
struct broker_key broker_key_region(uint32_t region); /* REGION, LINEAGE; the prefix of RECEIPT, NUMBER and LINK */
struct broker_key broker_key_queue(const struct broker_queue_name *queue); /* QUEUE_HEAD, CURSOR; prefix of QUEUE */
struct broker_key broker_key_queue_row(const struct broker_queue_name *queue, uint64_t number);
struct broker_key broker_key_arrival(uint64_t serial, uint32_t recipient, uint64_t number);
struct broker_key broker_key_obligation(int64_t next_ms, const struct broker_duty *duty);
struct broker_key broker_key_duty(const struct broker_duty *duty);
/* The prefixes of all obligations about one batch, and of those of one recipient of it. */
struct broker_key broker_key_duties_of(uint64_t serial);
struct broker_key broker_key_duties_by(uint64_t serial, uint32_t recipient);
/* An answer (or a cancel) that was admitted before the arrival of what it answers: that owes nothing more. The prefixes
 * (serial, recipient) and (serial, 0) are the look-up of an ARRIVED. */
struct broker_key broker_key_answered_by(uint64_t serial, uint32_t recipient);
struct broker_key broker_key_answered(uint64_t serial, uint32_t recipient, uint16_t index, uint8_t duty);
struct broker_key broker_key_number(uint32_t origin, uint32_t date);
struct broker_key broker_key_version(uint64_t version); /* POLICY, DIRECTORY */
struct broker_key broker_key_link(uint32_t region, int64_t wall_ms);

/* Parts borrow from the key. */
bool broker_stream_of_key(struct wire_bytes key, struct broker_stream *out);
bool broker_queue_of_key(struct wire_bytes key, struct broker_queue_name *out);
bool broker_queue_row_of_key(struct wire_bytes key, struct broker_queue_name *out, uint64_t *number);
bool broker_obligation_of_key(struct wire_bytes key, int64_t *next_ms, struct broker_duty *out);
bool broker_duty_of_key(struct wire_bytes key, struct broker_duty *out);
bool broker_answered_of_key(struct wire_bytes key, uint16_t *index, uint8_t *duty);

/* --- values ------------------------------------------------------------------------------------------------------- */
struct broker_stream_row {
    uint64_t head;           /* last seq judged, 0 = none */
    uint32_t frozen_outcome; /* Wire__ReceiptOutcome that froze it (BAD_BATCH, CONFLICT); 0 = not frozen */
    uint32_t frozen_reason;
};

struct broker_stream_batch_row {
    uint64_t serial;
    uint32_t count;
    uint64_t receipt_number;
    struct wire_digest root;
};

struct broker_envelope_row {
    uint64_t serial; /* of the batch it was judged in */
    uint16_t index;  /* in that batch */
    uint8_t code;    /* Wire__VerdictCode */
    uint16_t reason; /* wire/status.h, 0 = none */
    int64_t at_ms;
};

/* What look-ups need of one envelope of a batch (LedgerBatch.facts). */
struct broker_fact {
    uint8_t id[WIRE_ID_BYTES];
    uint16_t disposition; /* index in LedgerBatch.disposition plus 1; 0 = not admitted */
    uint8_t status;       /* Wire__Status */
    uint8_t action;       /* Wire__Action */
    uint8_t unit;         /* of the issuer */
    uint32_t kind;
    uint32_t keep_until;
};

enum { BROKER_BITMAP_BYTES = WIRE_BATCH_ENVELOPES_MAX / 8, BROKER_FACT_BYTES = 16 + 2 + 1 + 1 + 1 + 4 + 4 };

/* One part: what one recipient gets of one batch under one delivery number. */
struct broker_queue_row {
    uint64_t serial;
    uint32_t origin;
    uint32_t cost; /* bytes of its DELIVER frame at most: what it takes of the lane's credit */
    int64_t admitted_ms;
    uint64_t envelopes; /* given in this queue up to and with this row */
    uint16_t count;     /* envelopes of the whole batch: the bitmaps have this many bits */
    struct wire_digest root;
    struct wire_digest chain;
    uint8_t given[BROKER_BITMAP_BYTES]; /* bit i = envelope i of the batch is in the part */
    uint8_t owes[BROKER_BITMAP_BYTES];  /* 主送; a subset of given */
};

struct broker_head_row {
    uint64_t number; /* last */
    uint64_t envelopes;
    struct wire_digest chain;
};

struct broker_cursor_row {
    uint64_t number;    /* last that arrived */
    uint64_t envelopes; /* up to it */
    int64_t oldest_ms;  /* admitted time of the row after it, 0 = there was none or it is not known */
};

enum broker_step { BROKER_STEP_ARRIVE = 0, BROKER_STEP_REMIND = 1, BROKER_STEP_OVERDUE = 2 };

struct broker_obligation_row {
    uint32_t origin;       /* of the batch it is about */
    uint8_t step;          /* what happens at next_ms: enum broker_step */
    bool extended;         /* link-down time was added already */
    int64_t since_ms;      /* arrived; admitted for an arrival */
    int64_t due_ms;        /* end of the term */
    int64_t down_total_ms; /* the recipient's, at since_ms */
    /* for the reminder: of the envelopes it is about */
    uint32_t keep_until;
    uint8_t status; /* Wire__Status */
    uint8_t unit;   /* the desk that owes */
    uint8_t lane;
    char mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
    uint16_t count;                    /* envelopes of the whole batch: the bitmaps have this many bits */
    uint8_t owed[BROKER_BITMAP_BYTES]; /* bit i = envelope i of the batch is still owed for; never none */
    uint8_t told[BROKER_BITMAP_BYTES]; /* of these: the step's notice was sent already */
};

struct wire_bytes broker_put_stream(struct wire_arena *arena, const struct broker_stream_row *row);
struct wire_bytes broker_put_stream_batch(struct wire_arena *arena, const struct broker_stream_batch_row *row);
struct wire_bytes broker_put_envelope(struct wire_arena *arena, const struct broker_envelope_row *row);
struct wire_bytes broker_put_queue(struct wire_arena *arena, const struct broker_queue_row *row);
struct wire_bytes broker_put_head(struct wire_arena *arena, const struct broker_head_row *row);
struct wire_bytes broker_put_cursor(struct wire_arena *arena, const struct broker_cursor_row *row);
struct wire_bytes broker_put_obligation(struct wire_arena *arena, const struct broker_obligation_row *row);
struct wire_bytes broker_put_u32(struct wire_arena *arena, uint32_t v);
struct wire_bytes broker_put_u64(struct wire_arena *arena, uint64_t v);
void broker_put_fact(uint8_t out[BROKER_FACT_BYTES], const struct broker_fact *fact);

bool broker_get_stream(struct wire_bytes value, struct broker_stream_row *out);
bool broker_get_stream_batch(struct wire_bytes value, struct broker_stream_batch_row *out);
bool broker_get_envelope(struct wire_bytes value, struct broker_envelope_row *out);
bool broker_get_queue(struct wire_bytes value, struct broker_queue_row *out);
bool broker_get_head(struct wire_bytes value, struct broker_head_row *out);
bool broker_get_cursor(struct wire_bytes value, struct broker_cursor_row *out);
bool broker_get_obligation(struct wire_bytes value, struct broker_obligation_row *out);
bool broker_get_i64(struct wire_bytes value, int64_t *out);  /* OBLIGATION_OF */
bool broker_get_u64(struct wire_bytes value, uint64_t *out); /* META "serial" */
bool broker_get_u32(struct wire_bytes value, uint32_t *out); /* NUMBER */
/* Fact `index` of a batch; false: no such envelope, or the row is damaged. */
bool broker_get_fact(const Wire__LedgerBatch *batch, uint32_t index, struct broker_fact *out);

static inline bool broker_bit(const uint8_t *bitmap, uint32_t i)
{
    return (bitmap[i / 8] >> (i % 8)) & 1;
}

static inline bool broker_any(const uint8_t bitmap[BROKER_BITMAP_BYTES])
{
    for (uint32_t i = 0; i < BROKER_BITMAP_BYTES; i++) {
        if (bitmap[i] != 0)
            return true;
    }
    return false;
}

static inline void broker_bit_set(uint8_t *bitmap, uint32_t i)
{
    bitmap[i / 8] |= (uint8_t)(1u << (i % 8));
}

static inline void broker_bit_clear(uint8_t *bitmap, uint32_t i)
{
    bitmap[i / 8] &= (uint8_t) ~(1u << (i % 8));
}

/* --- answers for look-ups ----------------------------------------------------------------------------------------- */
/* The disposition of an admitted envelope, decoded into the arena; NULL: not admitted, or damaged. */
const Wire__Disposition *broker_disposition(const Wire__LedgerBatch *batch, const struct broker_fact *fact,
                                            struct wire_arena *arena);
/* What an answer from `asker` to envelope `index` of this batch needs to know; not found when it was not admitted by
 * this batch (a duplicate that outlived its first). false: damaged. Borrows from batch. */
bool broker_parent_of(const Wire__LedgerBatch *batch, uint32_t index, uint32_t asker, struct wire_arena *arena,
                      struct rules_parent *out);
/* What an update or cancel of envelope `index` of this batch needs to know. Borrows from batch and arena. */
bool broker_original_of(const Wire__LedgerBatch *batch, uint32_t index, struct wire_arena *arena,
                        struct rules_original *out);
