/* A node's side of one link: a DEALER socket with CURVE on a libuv loop, to one broker.
 *
 * One socket = one connection = one session. libzmq would reconnect behind our back, and what we send could then reach
 * the broker in a new connection before our HELLO; and after one ZAP refusal or one over-size frame it would give up
 * for ever, silently. So it never gets to
 * reconnect (RECONNECT_IVL one hour; -1 would make it throw away what is unread): whenever the connection ends, fails
 * or falls silent, the socket is closed and after a back-off a new one is made.
 *
 *      WAITING --back-off over--> CONNECTING --handshake--> UP --peer gone, silent, fault--> WAITING
 *                                     |                                                         ^
 *                                     +--failed, refused, not up within 3 pulses----------------+
 *
 * Back-off: 0.5–1 s, then 1–2, 2–4, … up to 15–30 s, drawn at random; it starts over once link_client_alive was called
 * in a session (a broker that accepts and then says BYE does not get a tight loop). Watchdog: in UP the owner calls
 * link_client_alive for every valid PULSE; none for 3 × pulse_ms → new socket.
 *
 * No routing id, no ZMTP heartbeats (4.3.4 aborts on them when the receive pipe is full), RCVHWM 0 (the owner's byte
 * credits bound what the broker sends). IMMEDIATE stays 0, for with 1 libzmq throws away what is unread when the
 * connection ends (the BYE that says why); that nothing is queued for a connection that is not there is seen to here: a
 * send is only taken in UP, and a socket never has a second connection. A message of more than one payload frame ends
 * the connection.
 *
 * A name in place of an address is asked for at each attempt, beside the loop and libzmq (resolve.h): a resolver that
 * hangs holds up this link and nothing else. Of several addresses each has its turn.
 *
 * What cannot be done: know that a message arrived (resend until the receipt); tell a wrong server key from a broken
 * network (both are a connection that ends in the handshake: LINK_LOST_HANDSHAKE).
 *
 * All calls and callbacks on the loop's thread. Callbacks may send and reconnect; they must not close. */
#pragma once
#include "wire/bytes.h"
#include "wire/status.h"
#include <uv.h>

enum { LINK_CLIENT_KEY_BYTES = 32 };

enum link_lost {
    LINK_LOST_CONNECT,    /* refused, unreachable, name not found, or not up in time */
    LINK_LOST_HANDSHAKE,  /* ended in the handshake: wrong server key, or the network */
    LINK_LOST_REFUSED,    /* the broker's ZAP said no (unknown, revoked, expired) */
    LINK_LOST_BY_PEER,    /* the connection ended; also: the broker cut us, or a frame was too large */
    LINK_LOST_SILENT,     /* watchdog */
    LINK_LOST_MULTI_PART, /* the broker sent more than one payload frame */
    LINK_LOST_BY_OWNER,   /* link_client_reconnect, link_client_set_server */
    LINK_LOST_REASONS
};
const char *link_lost_name(enum link_lost why); /* "refused", … */

enum link_client_state { LINK_WAITING, LINK_CONNECTING, LINK_UP };

struct link_client_options {
    const char *endpoint; /* "tcp://broker.example:5570" */
    const uint8_t *public_key, *secret_key,
        *server_key; /* raw X25519, 32 bytes each; copied, the copy is wiped at close */
    /* zero = the default in brackets */
    int pulse_ms;             /* [WIRE_PULSE_MS] */
    int backoff_ms_min;       /* [500] */
    int backoff_ms_max;       /* [30000] */
    int64_t frame_bytes_max;  /* [WIRE_FRAME_BYTES_MAX] */
    int send_frames_max;      /* [4096] */
    int send_buffer_bytes;    /* [128 KiB]; Linux doubles it */
    int linger_ms;            /* [1000] */
    uint32_t turn_frames_max; /* [256] */
    uint32_t turn_bytes_max;  /* [4 MiB] */
};

struct link_client_callbacks {
    void *ctx;
    uint32_t (*random)(void *ctx); /* for the jitter. Required */
    /* A new connection is encrypted and authenticated: send HELLO now. Required. */
    void (*on_up)(void *ctx);
    /* `payload` is valid until return. Only between on_up and on_down. Required. */
    void (*on_message)(void *ctx, struct wire_bytes payload);
    /* The session is over, or (was_up false) an attempt failed; the next one comes in retry_ms. Required. */
    void (*on_down)(void *ctx, enum link_lost why, bool was_up, int retry_ms);
    void (*on_turn_end)(void *ctx); /* after the last on_message of a loop turn. Optional */
};

struct link_client_counters {
    uint64_t messages_in, bytes_in, messages_out, bytes_out, send_again;
    uint64_t attempts, ups, lost[LINK_LOST_REASONS];
};

struct link_client;

/* The first attempt starts at once. `zmq_context` is the process's one context. INVALID: endpoint or keys. */
enum wire_status link_client_open(uv_loop_t *loop, void *zmq_context, const struct link_client_options *options,
                                  const struct link_client_callbacks *callbacks, struct link_client **out,
                                  struct wire_problem *problem);
enum link_client_state link_client_state(const struct link_client *client);
const struct link_client_counters *link_client_counters(const struct link_client *client);

/* OK: queued. AGAIN: not up, or the broker does not take what it has (credit keeps that from happening). */
enum wire_status link_client_send(struct link_client *client, struct wire_bytes payload);
/* Without copying: on OK `release(data, hint)` is called once, later, FROM ANY THREAD; else the bytes stay the
 * caller's. */
enum wire_status link_client_send_owned(struct link_client *client, void *data, size_t size,
                                        void (*release)(void *data, void *hint), void *hint);

/* A valid PULSE arrived. */
void link_client_alive(struct link_client *client);

/* Ends the session and starts anew after the back-off: the broker said BYE, or our session state is beyond repair. */
void link_client_reconnect(struct link_client *client);
/* The broker's CURVE key rolls over: the next attempt uses this key and endpoint (NULL: unchanged). A session that is
 * up goes on with the old one; call link_client_reconnect to change now. INVALID: the endpoint cannot be one. */
enum wire_status link_client_set_server(struct link_client *client, const char *endpoint,
                                        const uint8_t server_key[LINK_CLIENT_KEY_BYTES]);

/* Takes and NULLs *client; on_down(BY_OWNER) if it was up. Memory goes after some turns of the loop, then `closed(ctx)`
 * (optional). Not from a callback. */
void link_client_close(struct link_client **client, void (*closed)(void *ctx), void *ctx);
