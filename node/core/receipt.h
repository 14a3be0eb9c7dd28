/* RECEIPT frames: the broker's verdicts on our batches, the recipients' `arrived`. */
#pragma once
#include "node/core/stream.h"

void node_on_receipt(struct node_step *s);

/* One verdict of a JUDGED statement on the envelope with that STATE. Returns how many arrivals it lets expect. */
uint32_t node_take_verdict(struct node_step *s, const struct node_receipt *in, size_t index);
void node_take_arrived(struct node_step *s, const struct node_receipt *in);
/* The disposition is not what our copy of the rules gives. False also when that cannot be told. */
bool node_disposition_differs(struct node_step *s, const Wire__Header *header, const Wire__ReceiptStatement *statement,
                              const Wire__Verdict *verdict);
/* Refused because sealed to another region: the same payload under a new id. False: it cannot be done. */
bool node_replace(struct node_step *s, const uint8_t id[WIRE_ID_BYTES], Wire__NodeState *state,
                  const Wire__Header *header);

/* RECEIPTs taken become tellable when they are durable; then, from time to time, they are told. */
void node_receipts_committed(struct node_step *s, uint8_t link);
