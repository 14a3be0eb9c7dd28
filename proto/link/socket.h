/* A ZeroMQ socket on a libuv loop.
 *
 * What is odd about it: ZMQ_FD is readable when *commands* wait for the socket, not when messages do, and any send,
 * receive or option query may take those commands and with them the edge. Polling the descriptor alone therefore
 * stalls sooner or later. So:
 *   - uv_poll READABLE on ZMQ_FD only ends the loop's sleep;
 *   - before the loop sleeps again (uv_prepare) ZMQ_EVENTS is read anew if anything touched the socket since;
 *     while it says POLLIN an idle handle keeps the loop from sleeping;
 *   - after the sleep (uv_check) `readable` is called once. It reads a bounded number of frames and returns: what is
 *     left is taken in the next turn, after timers and other sockets had theirs. Nobody starves.
 *
 * One thread: everything here is called on the loop's thread. The ZeroMQ context belongs to the caller (one a process).
 */
#pragma once
#include "wire/status.h"
#include <stdbool.h>
#include <uv.h>
#include <zmq.h>

struct link_socket {
    void *zmq; /* NULL: closed */
    uv_poll_t poll;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    void (*readable)(void *ctx); /* reads at most what its owner's limits allow, then returns */
    void (*closed)(void *ctx);
    void *ctx;
    int handles_open; /* libuv handles whose close callback is still to come */
    bool touched;     /* ZMQ_EVENTS must be read again before the loop sleeps */
    bool due;         /* call `readable` in the next uv_check */
};

/* Takes `zmq` (a socket of any type) whatever the result: on failure it is closed. `socket` must stay where it is
 * until `closed`. */
enum wire_status link_socket_open(struct link_socket *socket, uv_loop_t *loop, void *zmq, void (*readable)(void *ctx),
                                  void *ctx);

/* Closes the ZeroMQ socket at once and the libuv handles within the next loop turn; then `closed(ctx)` (may be NULL) is
 * called and the memory may go. On a socket that was never opened (zeros) `closed` is called directly; on one that is
 * closing already nothing happens. */
void link_socket_close(struct link_socket *socket, void (*closed)(void *ctx), void *ctx);

/* Has `readable` called in this or the next loop turn even if nothing is to be read. */
void link_socket_wake(struct link_socket *socket);

/* zmq_msg_send and zmq_msg_recv, never blocking, never losing the edge. OK, AGAIN (nothing to read; high-water mark;
 * nobody connected), CLOSED (EHOSTUNREACH, ETERM or socket closed). On OK a sent message is taken, else it stays the
 * caller's. AGAIN of a send is only given after waiting commands were processed. */
enum wire_status link_socket_send(struct link_socket *socket, zmq_msg_t *message, bool more);
enum wire_status link_socket_receive(struct link_socket *socket, zmq_msg_t *message);

/* zmq_setsockopt of an int; false = refused (the caller must look: some options of 4.3.4 work by number only). */
bool link_socket_option(void *zmq, int option, int value);
