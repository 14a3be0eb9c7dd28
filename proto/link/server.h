/* The broker's side of all links: one ROUTER socket, CURVE always, on a libuv loop.
 *
 * Who gets in. A ZAP handler on the same loop asks `allow` for each handshake; it is bound before any TCP endpoint can
 * be, the ZAP domain is not empty and ZMQ_ZAP_ENFORCE_DOMAIN (option 93) is set and checked: without handler nobody
 * gets in. libzmq asks asynchronously (its I/O thread goes on while a handshake waits), so the loop may answer in its
 * own time; no extra thread. Each message must carry the User-Id that ZAP gave, read from the *payload* frame; libzmq
 * loses it on the routing id frame. The routing id is an address for replies and nothing else; a peer that chose its
 * own is cut.
 *
 * A connection is cut (TCP shutdown on a descriptor duplicated when it was accepted, so never on a reused one; never
 * close, which is libzmq's to do) when it: sends more than one payload frame a message; has no or another User-Id; is
 * refused by `allow` at its first message or by link_server_recheck; keeps more bytes undelivered than it may (below);
 * is one connection too many. It may come back at once: ZAP decides anew.
 *
 * Endless multipart messages. libzmq shows a multipart message only when it is complete and counts neither high-water
 * marks nor sizes until then. So every `watch_ms` the bytes that libzmq took from each TCP connection are compared with
 * the bytes it delivered; beyond silent_bytes_max + may_be_under_way() the connection is cut. (Of more than 1,024
 * connections a sixteenth is looked at each time, and all as soon as this process has silent_bytes_max more of memory
 * than when all were looked at last; a quarter where /proc does not say.)
 *
 * What cannot be done with libzmq 4.3.4:
 *   - a cap on connections before the handshake: the accept has happened when we hear of it (then it is shut down);
 *     at EMFILE the I/O thread spins: set LimitNOFILE to 3 × connections_max (two descriptors a connection);
 *   - a bound on what a flooder can make resident within one watch_ms: put a memory limit on the service;
 *   - knowing that a sent message arrived: OK means queued in this process. Resend until the receipt;
 *   - recalling a queued message: keep little outstanding (credit);
 *   - an enrolled peer that guesses the next 32-bit routing id that ROUTER would draw, and claims it, aborts the
 *     process (assertion in libzmq): the broker restarts and recovers, its operator looks at the last peer let in;
 *   - two servers in one context: the ZAP endpoint (inproc://zeromq.zap.01) exists once (WIRE_IN_USE).
 *
 * All calls and callbacks happen on the loop's thread. Callbacks may send and cut; they must not close. */
#pragma once
#include "wire/bytes.h"
#include "wire/status.h"
#include <uv.h>

enum { LINK_KEY_BYTES = 32, LINK_USER_ID_BYTES = 32, LINK_ENDPOINT_BYTES = 256, LINK_ADDRESS_BYTES = 64 };

/* One connection of one peer; never reused, never 0. A node that comes back is another link_peer. Those that are
 * connected at one time differ in their slot, a number below LINK_PEER_SLOTS. */
typedef uint64_t link_peer;
enum { LINK_PEER_SLOT_BITS = 16, LINK_PEER_SLOTS = 1 << LINK_PEER_SLOT_BITS };
#define LINK_PEER_SLOT(peer) ((uint32_t)((peer) & (LINK_PEER_SLOTS - 1)))

/* Why a peer is down. Those from LINK_CUT_* on are counted in link_counters.cut. */
enum link_down {
    LINK_DOWN_BY_PEER,       /* closed, reset, gone without a word, or libzmq refused a frame (too large, malformed) */
    LINK_CUT_BY_OWNER,       /* link_server_cut */
    LINK_CUT_MULTI_PART,     /* more than one payload frame */
    LINK_CUT_NO_USER_ID,     /* the User-Id is absent or another one */
    LINK_CUT_REFUSED,        /* `allow` refuses the key now */
    LINK_CUT_OWN_ROUTING_ID, /* the peer chose its routing id */
    LINK_CUT_UNDELIVERED,    /* more bytes taken than delivered and allowed: a message that does not end */
    LINK_CUT_TOO_MANY,       /* connections_max, or no descriptor left */
    LINK_CUT_TOO_MANY_OF_USER, /* connections_per_user_max: the oldest goes */
    LINK_DOWN_REASONS
};
const char *link_down_name(enum link_down why); /* "multi-part", … */

/* Zero = the default in brackets. */
struct link_server_options {
    const char *zap_domain;  /* ["lianfang"] */
    int64_t frame_bytes_max; /* [WIRE_FRAME_BYTES_MAX] */
    int send_frames_max;     /* [4096] SNDHWM a peer: above what credit allows, so that AGAIN = broken peer */
    int receive_frames_max;  /* [64] RCVHWM a peer; beyond it TCP pushes back */
    int send_buffer_bytes;   /* [128 KiB] SO_SNDBUF; Linux doubles it, 256 KiB in all */
    int keepalive_s;  /* [30] TCP probes after as long a silence, three of them: clears away half-open connections. No
                       * ZMTP heartbeats: on a hung-up peer with a full pipe 4.3.4 aborts at the next one */
    int handshake_ms; /* [10000] */
    int linger_ms;    /* [1000] */
    int backlog;      /* [512] */
    uint32_t connections_max;          /* [4096] */
    uint32_t connections_per_user_max; /* [4]: an old one dying, a new one, one to the rolled-over key */
    uint64_t silent_bytes_max;         /* [4 MiB] */
    uint64_t unsent_bytes_max;         /* [32 MiB] queued for one peer that its TCP has not taken; then AGAIN */
    int watch_ms;                      /* [250] */
    uint32_t turn_frames_max;          /* [256] read in one loop turn */
    uint32_t turn_bytes_max;           /* [4 MiB] */
};

struct link_server_callbacks {
    void *ctx;
    /* May this CURVE key in? true: write its User-Id (adcode text, "0" for a broker), NUL-terminated, not empty.
     * Asked at each handshake, at the first message, and by link_server_recheck. Answer from memory. Required. */
    bool (*allow)(void *ctx, const uint8_t key[LINK_KEY_BYTES], char user_id[LINK_USER_ID_BYTES]);
    /* First valid message of a connection, called right before its on_message. A handshake alone is no `up`: libzmq
     * does not tell whose it was. Optional. `address` is "ip:port". */
    void (*on_up)(void *ctx, link_peer peer, const char *user_id, const uint8_t key[LINK_KEY_BYTES],
                  const char *address);
    /* One complete message of one payload frame. `payload` is valid until return. Required. */
    void (*on_message)(void *ctx, link_peer peer, const char *user_id, struct wire_bytes payload);
    /* Once for each on_up, also at close; no on_message after it. After link_server_cut there is no further on_message
     * either, and on_down follows from the loop, never from within link_server_cut. Optional. */
    void (*on_down)(void *ctx, link_peer peer, const char *user_id, enum link_down why);
    /* Bytes granted to the peer that may be sent and not yet delivered (submit credit outstanding). Optional: 0. */
    uint64_t (*may_be_under_way)(void *ctx, link_peer peer, const char *user_id);
    /* After the last on_message of a loop turn: the place to start a group commit. Optional. */
    void (*on_turn_end)(void *ctx);
};

struct link_counters {
    uint64_t messages_in, bytes_in, messages_out, bytes_out;
    uint64_t send_again, send_closed; /* sends answered AGAIN, CLOSED */
    uint64_t zap_allowed, zap_refused, zap_malformed;
    uint64_t accepted, disconnected, handshakes_failed;
    uint64_t dropped; /* messages of connections already cut or gone */
    uint64_t cut[LINK_DOWN_REASONS];
    uint32_t connections, peers; /* now: accepted; with a User-Id */
};

struct link_server;

/* Opens socket, ZAP handler and monitor; nothing listens yet. `zmq_context` is the process's one context and outlives
 * the server. Options and callbacks are copied (the domain text too). IN_USE: the context has a ZAP handler already.
 * After a failure the loop needs a turn to close its handles. */
enum wire_status link_server_open(uv_loop_t *loop, void *zmq_context, const struct link_server_options *options,
                                  const struct link_server_callbacks *callbacks, struct link_server **out,
                                  struct wire_problem *problem);

/* Listens on "tcp://address:port" ("*" = a free port) under a CURVE secret key (raw X25519, 32 bytes; not kept here).
 * May be called again, also later and with another key: that is how the broker's key rolls over. `actual` gets the
 * endpoint bound. */
enum wire_status link_server_bind(struct link_server *server, const char *endpoint,
                                  const uint8_t secret_key[LINK_KEY_BYTES], char actual[LINK_ENDPOINT_BYTES],
                                  struct wire_problem *problem);
/* Stops listening there; connections made go on. */
enum wire_status link_server_unbind(struct link_server *server, const char *actual);

/* The payload that on_message is being called with, for as long as the caller wants it: taken from libzmq, not copied.
 * At most once a message. `*payload` is where its bytes lie from now on; they end with link_kept_free (NULL is fine).
 */
struct link_kept;
struct link_kept *link_server_keep(struct link_server *server, struct wire_bytes *payload);
void link_kept_free(struct link_kept **kept);

/* OK: queued. AGAIN: the peer does not take what it has: it is broken, cut it. CLOSED: no such connection any more. */
enum wire_status link_server_send(struct link_server *server, link_peer peer, struct wire_bytes payload);
/* Without copying: on OK `release(data, hint)` is called once, later, FROM ANY THREAD; else the bytes stay the
 * caller's. */
enum wire_status link_server_send_owned(struct link_server *server, link_peer peer, void *data, size_t size,
                                        void (*release)(void *data, void *hint), void *hint);

/* Ends the connection. What was sent and not yet in TCP is lost. Unknown or old peers: nothing happens. */
void link_server_cut(struct link_server *server, link_peer peer);
/* Asks `allow` about the key of every peer again and cuts those refused or now of another User-Id. Call it after every
 * change of the directory; connections that have not sent anything are asked about at their first message. */
void link_server_recheck(struct link_server *server);

/* The newest connection with this User-Id, 0 = none. Walks all connections; keep the result. */
link_peer link_server_newest(const struct link_server *server, const char *user_id);
const struct link_counters *link_server_counters(struct link_server *server);

/* Takes and NULLs *server; on_down for all; memory goes after some turns of the loop, then `closed(ctx)` (optional).
 * Not from a callback. The context may be terminated after `closed`. */
void link_server_close(struct link_server **server, void (*closed)(void *ctx), void *ctx);
