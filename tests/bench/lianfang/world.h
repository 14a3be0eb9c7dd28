/* The nodes of one round, played in one process on one thread against a real broker. Lean: no store, no API, no rules,
 * but all that the protocol asks of a node: CURVE, HELLO to PULSE, batches that are signed in time and sent within
 * credit, receipts verified, parts verified by their origin's signature, `arrived` signed and sent, credit returned.
 *
 * The folder of the plan holds what tests/support/house.py makes (ca/ca.pem, publish/directory.bin,
 * node-<adcode>-identity/) and `roles`, a line each:
 *   policy VERSION · publisher ADCODE · recipient ADCODE (in the order of the plan's numbers) · flow FLOW · alert FLOW
 * · crowd FLOW (one a mechanism: an alert to all its members, though a narrower one might carry it) with FLOW =
 * MECHANISM KIND UNIT LANE HOW, the first a name, then three numbers, and HOW concerned  sealed, about the recipient's
 * region     named  clear, addressed to it     all  clear, to whom the rules say
 */
#pragma once
#include "certs/verify.h"
#include "common/result.h"
#include "common/tally.h"
#include "schema/frame.pb-c.h"
#include "wire/ensure.h"

#include <zmq.h>

enum {
    MEMBER_CURSORS = 8,
    MEMBER_ANSWERS = 16, /* parts answered under one signature */
    BOXES_KEPT = 32,     /* key boxes made beforehand for each recipient */
    SENT_MAX = 64,       /* batches of one lane under way */
    HEADER_MAX = 512,    /* of what this harness writes */
    FLOWS_MAX = 12,
    RING_FRAMES = 65536,
};

enum addressing { CONCERNED, NAMED, ALL };

struct flow {
    char mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
    uint32_t kind, unit;
    Wire__Lane lane;
    enum addressing how;
    bool chosen; /* the header says why this mechanism */
};

/* Made before the clock starts: what sealing costs is not measured. */
struct sealed {
    struct wire_bytes cms[BOXES_KEPT];
    uint8_t certificate[WIRE_HASH_BYTES];
};

struct batch_sent {
    uint64_t first, sent_ns;
    uint32_t count;
    struct wire_digest root;
};

/* A publisher's stream of one lane. */
struct stream {
    const struct flow *flow;
    uint8_t store_id[WIRE_ID_BYTES];
    uint64_t last; /* seq */
    struct batch_sent sent[SENT_MAX];
    uint32_t sent_head, sent_count;
};

struct cursor {
    char mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
    Wire__Lane lane;
    uint64_t number;
    struct wire_digest chain;
};

struct answer {
    struct cert_statement statement;
    const struct cursor *cursor;
    uint64_t number;
    struct wire_digest chain;
};

struct lane_credit {
    uint64_t granted, used;
    uint64_t wanted; /* of what we are sent: a larger frame waits for this much */
};

struct member {
    struct world *world;
    uint32_t region;
    int publisher, recipient; /* index in the plan, -1 = it is none */
    struct cert_identity *identity;
    void *socket;
    int fd;
    bool readable, answer_later, gone, live;
    struct member *next_readable, *next_answer; /* lists of the world */
    uint64_t pulse_at_ns, pulse_serial;
    int64_t echo_mono_ms; /* the broker's newest; 0: none */
    uint64_t generation;
    Wire__LineageToken token; /* of the last WELCOME; its bytes are those below */
    uint8_t token_ledger[WIRE_ID_BYTES], token_random[WIRE_ID_BYTES];
    bool has_token, has_alert;
    uint64_t pulse_every_ns, connect_at_ns;
    struct stream *stream; /* one a flow of the world */
    struct lane_credit submit[WIRE_LANES], deliver[WIRE_LANES];
    struct cursor cursor[MEMBER_CURSORS];
    uint32_t cursors;
    uint32_t queued; /* frames that wait to be taken */
    struct answer answer[MEMBER_ANSWERS];
    uint32_t answers;
    struct wire_arena answer_arena;
    uint64_t receipts_taken, receipts_told, receipt_bytes;   /* bytes: of those not told yet */
    uint64_t published, confirmed, alerts, alerts_confirmed; /* messages */
    uint64_t arrived;                                        /* the recipients' statements about them */
    uint32_t number_serial;
    uint64_t random;
};

struct part;

struct waiting {
    struct member *member;
    zmq_msg_t frame;
};

struct ring {
    struct waiting *waiting; /* RING_FRAMES */
    uint32_t head, count;
};

struct world {
    const struct plan *plan;
    struct cert_directory *directory;
    struct wire_hash hash;
    struct wire_arena arena; /* of one frame */
    struct part *part;       /* that is being taken */
    void *zmq;
    int epoll;
    uint64_t policy_version;
    struct flow flow[FLOWS_MAX]; /* the flow, the alerts, those to a crowd */
    uint32_t flows;
    bool crowd; /* an alert goes to many */
    struct member *member;
    uint32_t members, turn;           /* turn: who publishes next */
    uint32_t *recipient_region;       /* by index of the plan */
    struct sealed *sealed;            /* by recipient; NULL unless the flow is about persons */
    uint8_t *noise;                   /* payloads are cut from here */
    struct member *readable, *answer; /* lists: sockets to be asked, answers that wait for company */
    struct ring frames, receipts;     /* that wait to be taken */
    uint32_t batch_bytes, batch_envelopes;
    struct tally *tally;
    struct result *result;
    uint64_t live, arrived, confirmed, alerts_in_hands;
    uint64_t frames_in, bytes_in, frames_out, bytes_out, batches, parts;
    uint64_t pulses_ns;      /* when sessions were last asked whether it is time for a PULSE */
    uint64_t last_ns;        /* when the last message was confirmed or came into hands */
    uint64_t *alert_sent_ns; /* by serial */
    uint64_t alerts, alerts_max;
    uint64_t ping_sent_ns, start_ns;
    struct usage own; /* ours when the round began */
};

/* world.c: from the files; keys and boxes */
void world_open(struct world *world, const struct plan *plan, struct result *result);
void world_close(struct world *world);
int64_t world_wall_ms(void);

/* member.c: sessions */
void member_connect(struct member *member);
/* The connection is gone; what the node knows stays. */
void member_disconnect(struct member *member);
/* Encodes and sends; for frames built here. */
void member_send(struct member *member, Wire__Frame__BodyCase body, void *message);
void member_send_bytes(struct member *member, const void *data, size_t size);
void member_pulse(struct member *member);
void member_on_frame(struct member *member, const void *data, size_t size);

/* publish.c */
/* Publishes what credit and plan allow, at most `most` messages in one batch; how many it was. */
uint32_t publish_batch(struct member *member, uint32_t which, uint32_t most);
/* What of a message's id says which it is. */
void publish_id(uint32_t publisher, bool alert, uint64_t serial, int64_t wall_ms, uint8_t id[WIRE_ID_BYTES]);
void publish_id_read(const uint8_t id[WIRE_ID_BYTES], uint32_t *publisher, bool *alert, uint64_t *serial);

/* receive.c: both take the body of their frame, in place */
void receive_part(struct member *member, struct wire_bytes deliver, size_t frame_bytes);
void receive_answer(struct member *member); /* signs what was taken since, returns credit */
/* So much is unanswered that it should not wait for more. */
bool receive_full(const struct member *member);

/* receipt.c */
void receive_receipt(struct member *member, struct wire_bytes receipt);

/* loop.c */
void loop_add(struct member *member);
void loop_remove(struct member *member);
/* Its socket is to be asked: after each send, too. */
void loop_readable(struct member *member);
/* It answers when nothing waits to be taken. */
void loop_answer_later(struct member *member);
/* Takes what came and waits at most timeout_ns for more. Receipts and frames of the flash lane are taken before parts.
 */
void loop_turn(struct world *world, uint64_t timeout_ns);
