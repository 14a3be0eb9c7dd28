#include "zmq_support.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tests only: in production keys come from the CA tool; libzmq's generator races once sockets run. */
void make_keys(struct keys *keys)
{
    char public_text[41], secret_text[41];
    cr_assert_eq(zmq_curve_keypair(public_text, secret_text), 0);
    cr_assert_not_null(zmq_z85_decode(keys->public_key, public_text));
    cr_assert_not_null(zmq_z85_decode(keys->secret_key, secret_text));
}

/* --- the broker -------------------------------------------------------------------------------------------------- */

static bool allow(void *ctx, const uint8_t key[LINK_KEY_BYTES], char user_id[LINK_USER_ID_BYTES])
{
    struct world *world = ctx;
    world->asked++;
    for (int i = 0; i < world->members_count; i++) {
        const struct member *member = &world->members[i];
        if (memcmp(member->keys.public_key, key, LINK_KEY_BYTES) != 0)
            continue;
        memcpy(user_id, member->user_id, LINK_USER_ID_BYTES);
        return !member->refused;
    }
    return false;
}

static void on_up(void *ctx, link_peer peer, const char *user_id, const uint8_t key[LINK_KEY_BYTES],
                  const char *address)
{
    struct world *world = ctx;
    (void)key;
    cr_assert_neq(peer, 0);
    snprintf(world->last_user, sizeof world->last_user, "%s", user_id);
    snprintf(world->last_address, sizeof world->last_address, "%s", address);
    world->ups++;
}

static void on_down(void *ctx, link_peer peer, const char *user_id, enum link_down why)
{
    struct world *world = ctx;
    (void)user_id;
    world->downs++;
    world->last_down = peer;
    world->last_why = why;
}

static void keep_text(char *out, size_t room, struct wire_bytes payload)
{
    size_t size = payload.size < room - 1 ? payload.size : room - 1;
    if (size > 0)
        memcpy(out, payload.data, size);
    out[size] = '\0';
}

static void on_message(void *ctx, link_peer peer, const char *user_id, struct wire_bytes payload)
{
    struct world *world = ctx;
    world->messages++;
    world->messages_in_turn++;
    world->bytes += payload.size;
    world->last_peer = peer;
    snprintf(world->last_user, sizeof world->last_user, "%s", user_id);
    keep_text(world->last_text, sizeof world->last_text, payload);
    if (world->echo) {
        enum wire_status status = link_server_send(world->server, peer, payload);
        cr_assert(status == WIRE_OK || status == WIRE_CLOSED, "%d", (int)status); /* its last words find it gone */
    }
    if (world->hook)
        world->hook(world, peer, user_id, payload);
}

static uint64_t may_be_under_way(void *ctx, link_peer peer, const char *user_id)
{
    const struct world *world = ctx;
    (void)peer, (void)user_id;
    return world->granted;
}

static void on_turn_end(void *ctx)
{
    struct world *world = ctx;
    world->turns++;
    if (world->messages_in_turn > world->messages_in_turn_max)
        world->messages_in_turn_max = world->messages_in_turn;
    world->messages_in_turn = 0;
}

struct listening {
    struct world *world;
    const char *endpoint;
};

/* A port that was just given up may be another's for a moment. */
static bool listens(void *ctx)
{
    const struct listening *listening = ctx;
    struct world *world = listening->world;
    return link_server_bind(world->server, listening->endpoint, world->broker.secret_key, world->endpoint, NULL) ==
           WIRE_OK;
}

void world_open_server(struct world *world, const char *endpoint)
{
    const struct link_server_callbacks callbacks = {.ctx = world,
                                                    .allow = allow,
                                                    .on_up = on_up,
                                                    .on_message = on_message,
                                                    .on_down = on_down,
                                                    .may_be_under_way = may_be_under_way,
                                                    .on_turn_end = on_turn_end};
    struct wire_problem problem = {0};
    cr_assert_eq(link_server_open(&world->loop, world->context, &world->options, &callbacks, &world->server, &problem),
                 WIRE_OK, "%s", problem.en);
    struct listening listening = {.world = world, .endpoint = endpoint};
    WAIT(world, listens, &listening);
}

void world_open(struct world *world)
{
    make_keys(&world->broker);
    cr_assert_eq(uv_loop_init(&world->loop), 0);
    world->context = zmq_ctx_new();
    world_open_server(world, "tcp://127.0.0.1:*");
}

static void set_true(void *ctx)
{
    *(bool *)ctx = true;
}

static bool is_true(void *ctx)
{
    return *(bool *)ctx;
}

void world_close_server(struct world *world)
{
    bool closed = false;
    link_server_close(&world->server, set_true, &closed);
    cr_assert_null(world->server);
    WAIT(world, is_true, &closed);
}

void world_close(struct world *world)
{
    if (world->server)
        world_close_server(world);
    uint64_t deadline = uv_hrtime() + (uint64_t)DEADLINE_MS * 1000000;
    while (uv_run(&world->loop, UV_RUN_NOWAIT) != 0 && uv_hrtime() < deadline)
        ;
    cr_assert_eq(uv_loop_close(&world->loop), 0, "a handle was left open");
    cr_assert_eq(zmq_ctx_term(world->context), 0);
}

struct member *world_enrol(struct world *world, const char *user_id)
{
    struct member *member = &world->members[world->members_count++];
    make_keys(&member->keys);
    snprintf(member->user_id, sizeof member->user_id, "%s", user_id);
    return member;
}

/* --- waiting ----------------------------------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
    (void)timer; /* the condition may depend on a bare socket, which does not wake the loop */
}

bool wait_until(struct world *world, bool (*holds)(void *ctx), void *ctx)
{
    uv_timer_t tick;
    uint64_t deadline = uv_hrtime() + (uint64_t)DEADLINE_MS * 1000000;
    bool held = holds(ctx);
    uv_timer_init(&world->loop, &tick);
    uv_timer_start(&tick, on_tick, 2, 2);
    while (!held && uv_hrtime() < deadline) {
        uv_run(&world->loop, UV_RUN_ONCE);
        held = holds(ctx);
    }
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&world->loop, UV_RUN_NOWAIT);
    return held;
}

bool world_has_message(void *ctx)
{
    return ((struct world *)ctx)->messages > 0;
}

bool world_has_down(void *ctx)
{
    return ((struct world *)ctx)->downs > 0;
}

bool node_is_up(void *ctx)
{
    return ((struct node *)ctx)->ups > 0;
}

bool node_was_down(void *ctx)
{
    return ((struct node *)ctx)->downs > 0;
}

/* --- a node ------------------------------------------------------------------------------------------------------ */

static uint32_t node_random(void *ctx)
{
    return ((struct node *)ctx)->random;
}

static void node_on_up(void *ctx)
{
    struct node *node = ctx;
    node->ups++;
    if (!node->quiet)
        cr_assert_eq(link_client_send(node->client, wire_bytes("hello", 5)), WIRE_OK);
}

static void node_on_message(void *ctx, struct wire_bytes payload)
{
    struct node *node = ctx;
    node->messages++;
    node->bytes += payload.size;
    keep_text(node->last_text, sizeof node->last_text, payload);
    if (node->pulse)
        link_client_alive(node->client);
    if (node->hook)
        node->hook(node, payload);
}

static void node_on_down(void *ctx, enum link_lost why, bool was_up, int retry_ms)
{
    struct node *node = ctx;
    node->last_why = why;
    node->last_was_up = was_up;
    node->retries[node->downs % 32] = retry_ms;
    node->downs++;
}

static void node_on_turn_end(void *ctx)
{
    ((struct node *)ctx)->turns++;
}

void node_open(struct node *node, struct world *world, const struct member *member,
               const struct link_client_options *given)
{
    struct link_client_options options = given ? *given : (struct link_client_options){0};
    const struct link_client_callbacks callbacks = {.ctx = node,
                                                    .random = node_random,
                                                    .on_up = node_on_up,
                                                    .on_message = node_on_message,
                                                    .on_down = node_on_down,
                                                    .on_turn_end = node_on_turn_end};
    struct wire_problem problem = {0};
    node->world = world;
    options.endpoint = options.endpoint ? options.endpoint : world->endpoint;
    options.server_key = options.server_key ? options.server_key : world->broker.public_key;
    options.public_key = member->keys.public_key;
    options.secret_key = member->keys.secret_key;
    options.backoff_ms_min = options.backoff_ms_min ? options.backoff_ms_min : 5;
    options.backoff_ms_max = options.backoff_ms_max ? options.backoff_ms_max : 50;
    cr_assert_eq(link_client_open(&world->loop, world->context, &options, &callbacks, &node->client, &problem), WIRE_OK,
                 "%s", problem.en);
}

void node_close(struct node *node)
{
    bool closed = false;
    link_client_close(&node->client, set_true, &closed);
    WAIT(node->world, is_true, &closed);
}

/* --- bare sockets ------------------------------------------------------------------------------------------------ */

void *bare_dealer(struct world *world, const struct keys *keys)
{
    void *dealer = zmq_socket(world->context, ZMQ_DEALER);
    int zero = 0;
    cr_assert_not_null(dealer);
    cr_assert_eq(zmq_setsockopt(dealer, ZMQ_CURVE_SERVERKEY, world->broker.public_key, 32), 0);
    cr_assert_eq(zmq_setsockopt(dealer, ZMQ_CURVE_PUBLICKEY, keys->public_key, 32), 0);
    cr_assert_eq(zmq_setsockopt(dealer, ZMQ_CURVE_SECRETKEY, keys->secret_key, 32), 0);
    cr_assert_eq(zmq_setsockopt(dealer, ZMQ_LINGER, &zero, sizeof zero), 0);
    return dealer;
}

void bare_connect(struct world *world, void *dealer)
{
    cr_assert_eq(zmq_connect(dealer, world->endpoint), 0);
}

void bare_send(void *socket, const void *data, size_t size, int flags)
{
    cr_assert_eq(zmq_send(socket, data, size, flags), (int)size, "%s", zmq_strerror(zmq_errno()));
}

struct bare_wait {
    void *socket;
    char *text;
    size_t size;
};

static bool bare_received(void *ctx)
{
    const struct bare_wait *wait = ctx;
    int size = zmq_recv(wait->socket, wait->text, wait->size - 1, ZMQ_DONTWAIT);
    if (size < 0)
        return false;
    wait->text[(size_t)size < wait->size ? (size_t)size : wait->size - 1] = '\0';
    return true;
}

bool bare_receive(struct world *world, void *socket, char *text, size_t size)
{
    struct bare_wait wait = {.socket = socket, .text = text, .size = size};
    return wait_until(world, bare_received, &wait);
}

/* --- the process ------------------------------------------------------------------------------------------------- */

size_t open_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

uint64_t anonymous_bytes(void)
{
    char line[256];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "RssAnon: %llu", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib * 1024;
}
