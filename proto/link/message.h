/* Outgoing payload frames. */
#pragma once
#include "wire/bytes.h"
#include "wire/status.h"
#include <zmq.h>

/* A frame with a copy of the bytes. OK or NO_MEMORY; after OK send or zmq_msg_close it. */
enum wire_status link_message_copy(zmq_msg_t *message, struct wire_bytes payload);

/* A frame that borrows the bytes until `release(data, hint)`, which libzmq calls from any thread. Until
 * link_message_arm closing the message releases nothing, so that after a failed send the bytes are still the caller's.
 */
struct link_lent;
enum wire_status link_message_lend(zmq_msg_t *message, void *data, size_t size, void (*release)(void *data, void *hint),
                                   void *hint, struct link_lent **lent);
void link_message_arm(struct link_lent *lent);    /* before the send */
void link_message_disarm(struct link_lent *lent); /* the send failed */
