/* The insides of link/server.h, shared by server*.c only. */
#pragma once
#include "link/monitor.h"
#include "link/server.h"
#include "link/socket.h"
#include "link/zap.h"

enum {
    LINK_ROUTING_ID_BYTES = 5, /* what ROUTER draws: a zero byte and a 32-bit counter */
    LINK_NO_SLOT = UINT32_MAX,
    LINK_TICKET_BYTES = LINK_USER_ID_BYTES + 1 + 2 * LINK_KEY_BYTES,
};

/* One accepted TCP connection.
 *
 *   ACCEPTED ──► nameless ──first message──► known ──cut or DISCONNECTED──► ending ──► free
 *                    └──────────────────────cut or DISCONNECTED──────────────┘
 *
 * A connection that was cut stays in the tables until libzmq says DISCONNECTED, so that what is still in its pipe is
 * recognised and dropped. */
struct connection {
    link_peer peer; /* 0: a free slot */
    int zmq_fd;     /* libzmq's; may be closed and another's at any time */
    int own_fd;     /* our duplicate, -1 = closed: the only one we act on */
    bool known, cut, gone, reported, ending;
    uint8_t ending_turns;
    enum link_down why;
    uint32_t routing; /* the counter in its routing id */
    uint32_t next;    /* slot in the same bucket, or in the free list */
    uint64_t accepted_ms;
    uint64_t delivered; /* wire bytes of the messages we got from it */
    uint64_t sent;      /* wire bytes of the messages queued for it */
    uint64_t taken;     /* wire bytes that its TCP had acknowledged when we last asked */
    uint8_t key[LINK_KEY_BYTES];
    char user_id[LINK_USER_ID_BYTES];
    char ticket[LINK_TICKET_BYTES]; /* the User-Id that its messages carry: "330300/<key in hex>" */
    char address[LINK_ADDRESS_BYTES];
};

/* Where the frame comes from that is read next. */
enum reading { READ_ROUTING_ID, READ_PAYLOAD, READ_REST };

struct link_server {
    uv_loop_t *loop;
    struct link_server_options options;
    struct link_server_callbacks call;
    struct link_counters counters;
    struct link_socket router;
    struct link_monitor monitor;
    struct link_zap zap;
    uv_timer_t watch;
    bool watch_open;

    struct connection *slots; /* connections_max of them */
    uint32_t free_slot;
    uint32_t watch_turn;    /* of link_server_watch */
    int statm;              /* /proc/self/statm; -1: there is none */
    uint64_t watched_bytes; /* anonymous memory when all connections were looked at last, or less since then */
    uint32_t *buckets;      /* routing counter → first slot */
    uint32_t buckets_mask;
    uint32_t *by_fd; /* libzmq's descriptor → slot */
    int by_fd_size;
    uint32_t *ending; /* slots to be reported or freed at the end of a turn */
    uint32_t ending_count;
    link_peer serial;
    uint8_t ports[65536 / 8]; /* those we ever listened on */

    enum reading reading;
    uint8_t routing_id[LINK_ROUTING_ID_BYTES];
    bool routing_id_own; /* the peer chose it */

    zmq_msg_t *delivering; /* the payload that on_message has; NULL: none, or it was kept */
    int busy;              /* inside callbacks */
    int parts_open;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* server_table.c: connections and how they are found */
bool link_table_open(struct link_server *server);
void link_table_close(struct link_server *server);
/* NULL: full, or no memory for the descriptor index. */
struct connection *link_table_add(struct link_server *server, int zmq_fd);
void link_table_remove(struct link_server *server, struct connection *connection);
struct connection *link_table_by_peer(const struct link_server *server, link_peer peer);
struct connection *link_table_by_fd(const struct link_server *server, int zmq_fd);
struct connection *link_table_by_routing(const struct link_server *server, uint32_t routing);
void link_table_set_routing(struct link_server *server, struct connection *connection, uint32_t routing);
void link_table_unset_routing(struct link_server *server, struct connection *connection);
void link_table_unset_fd(struct link_server *server, struct connection *connection);

/* server_connection.c: their lives */
void link_connection_event(void *server, uint16_t event, int32_t value);
void link_connection_cut(struct link_server *server, struct connection *connection, enum link_down why);
/* Gives a nameless connection the identity that its first message shows; NULL: it has none or is not let in. */
struct connection *link_connection_name(struct link_server *server, zmq_msg_t *payload);
/* Calls on_down and frees what can be freed; `drained`: nothing more is to be read now. */
void link_connections_end(struct link_server *server, bool drained);
bool link_zap_allow(void *server, const uint8_t key[LINK_KEY_BYTES], char ticket[LINK_ZAP_USER_ID_BYTES]);

/* server_receive.c */
void link_server_readable(void *server);

/* server_watch.c */
void link_server_watch(uv_timer_t *timer);
/* Anonymous memory of this process; 0: not known. */
uint64_t link_anonymous_bytes(int statm);
/* Every how many-th connection is to be looked at now. */
uint32_t link_watch_step(struct link_server *server, uint64_t anonymous_bytes);
/* Bytes on the wire of one message of `size` payload bytes. */
uint64_t link_wire_bytes(uint64_t size);
