/* What comes in from a peer: decoded within a budget, bounded, verified. Nothing is decided here and nothing is looked
 * up in the ledger: the gate says what a frame holds and whether its signatures hold; the core decides what follows.
 *
 * The peer's region is what the transport authenticated (the User-Id of its CURVE key), never what a frame says. All
 * results lie in the arena of the call and borrow from the frame, bytes fields included. */
#pragma once
#include "certs/verify.h"
#include "schema/frame.pb-c.h"
#include "wire/arena.h"
#include "wire/batch.h"

struct gate {
    const struct wire_hash *hash;
    struct cert_directory *directory;
};

/* The frame of a peer. NULL with *status: BAD_FRAME, FRAME_TOO_LARGE, UNKNOWN_FIELD, BAD_STRING, OVER_BUDGET, or
 * UNEXPECTED_FRAME for a body that only brokers send (and none at all). */
Wire__Frame *gate_decode(struct wire_bytes raw, struct wire_arena *arena, enum wire_status *status);

struct gate_submit {
    Wire__Batch *batch;           /* NULL: the bytes are no batch; then nothing else is set but failed */
    Wire__Header **headers;       /* one an envelope, when failed is OK */
    struct wire_digest *leaves;   /* envelopes, then boxes, when failed is OK */
    enum wire_status failed;      /* why the batch fails as a whole */
    uint32_t at;                  /* the envelope that fails it, when one does */
    uint16_t *box_bad;            /* one a box: 0, or why nobody may seal to it */
    Wire__ReceiptStatement *held; /* the receipt shown with it, when it is the broker's own and verifies; else NULL */
};

/* The peer's batch: its own origin, its signature by a certificate valid now, headers, digests, boxes and root. A batch
 * shown with a receipt was admitted when its signer was still valid, so its certificate is judged at that time. */
void gate_submit(const struct gate *gate, uint32_t region, const Wire__Submit *submit, int64_t wall_ms,
                 struct wire_arena *arena, struct gate_submit *out);

/* One ArrivedPart: its statement (NULL: does not decode), and whether the peer signed it. */
enum wire_status gate_arrived(const struct gate *gate, uint32_t region, const Wire__ArrivedPart *part, int64_t wall_ms,
                              struct wire_arena *arena, Wire__ArrivedStatement **statement);

/* Statements that a HELLO shows back to the broker; NULL unless the broker's own signature holds (at any time: an old
 * one counts). */
Wire__ReceiptStatement *gate_own_receipt(const struct gate *gate, const Wire__Signed *shown, struct wire_arena *arena);
Wire__CompletenessStatement *gate_own_completeness(const struct gate *gate, const Wire__Signed *shown,
                                                   struct wire_arena *arena);
