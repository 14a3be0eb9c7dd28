/* A broker's server, nodes and strangers on 127.0.0.1, all on one loop of the test. Nothing here sleeps: wait_until
 * runs the loop until a condition holds or a deadline passes. */
#pragma once
#include "link/client.h"
#include "link/server.h"
#include <criterion/criterion.h>
#include <zmq.h>

enum { MEMBERS_MAX = 64, DEADLINE_MS = 20000 };

struct keys {
    uint8_t public_key[32], secret_key[32];
};
void make_keys(struct keys *keys);

struct member {
    struct keys keys;
    char user_id[LINK_USER_ID_BYTES];
    bool refused;
};

struct world {
    uv_loop_t loop;
    void *context;
    struct keys broker;
    struct member members[MEMBERS_MAX]; /* whom `allow` knows */
    int members_count;
    int asked; /* calls of `allow` */
    struct link_server_options options;
    struct link_server *server;
    char endpoint[LINK_ENDPOINT_BYTES];
    bool echo;        /* the broker answers each message with itself */
    uint64_t granted; /* answer of may_be_under_way */
    void (*hook)(struct world *world, link_peer peer, const char *user_id, struct wire_bytes payload);
    void *hook_ctx;
    /* what the broker saw */
    unsigned ups, downs, messages, turns, messages_in_turn, messages_in_turn_max;
    uint64_t bytes;
    link_peer last_peer, last_down;
    enum link_down last_why;
    char last_user[LINK_USER_ID_BYTES], last_text[64], last_address[LINK_ADDRESS_BYTES];
};

/* Opens loop, context and server (with world->options) and listens on a port the kernel picks. */
void world_open(struct world *world);
void world_open_server(struct world *world, const char *endpoint);
void world_close_server(struct world *world);
/* Ends server, loop and context; fails the test if a handle or socket stays. */
void world_close(struct world *world);
struct member *world_enrol(struct world *world, const char *user_id);

bool wait_until(struct world *world, bool (*holds)(void *ctx), void *ctx);
#define WAIT(world, condition, object) cr_assert(wait_until((world), condition, (object)), "in vain: %s", #condition)

struct node {
    struct world *world;
    struct link_client *client;
    uint32_t random; /* what the client draws */
    bool quiet;      /* says no HELLO */
    bool pulse;      /* each message counts as a pulse */
    void (*hook)(struct node *node, struct wire_bytes payload);
    unsigned ups, downs, messages, turns;
    uint64_t bytes;
    enum link_lost last_why;
    bool last_was_up;
    int retries[32]; /* retry_ms of each on_down */
    char last_text[64];
};
/* A node's client; it says "hello" whenever it is up. */
void node_open(struct node *node, struct world *world, const struct member *member,
               const struct link_client_options *options);
void node_close(struct node *node);

/* A bare DEALER with the member's keys, for what a proper node would not do. Not connected yet. */
void *bare_dealer(struct world *world, const struct keys *keys);
void bare_connect(struct world *world, void *dealer);
void bare_send(void *socket, const void *data, size_t size, int flags);
bool bare_receive(struct world *world, void *socket, char *text, size_t size); /* waits; false: deadline */

/* Common conditions; ctx is a world or a node. */
bool world_has_message(void *world);
bool world_has_down(void *world);
bool node_is_up(void *node);
bool node_was_down(void *node);

size_t open_descriptors(void);
uint64_t anonymous_bytes(void); /* RssAnon */
