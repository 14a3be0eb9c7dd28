/* A node's link over its life: attempts, back-off, watchdog, the broker's restart and change of key. */
#include "link/client.h"
#include "link/server_inside.h"
#include "zmq_support.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A port where nobody listens and that nobody else can get: bound, not listening. */
static int close_door(struct world *world)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    world_open(world);
    world_close_server(world);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    snprintf(world->endpoint, sizeof world->endpoint, "tcp://127.0.0.1:%d", ntohs(address.sin_port));
    return fd;
}

static bool nine_failures(void *ctx)
{
    return ((struct node *)ctx)->downs >= 9;
}

static void backoff_of(uint32_t random, int *retries)
{
    struct world world = {0};
    struct node node = {.random = random};
    struct member member = {0};
    const struct link_client_options options = {.backoff_ms_min = 4, .backoff_ms_max = 64};
    make_keys(&member.keys);
    int door = close_door(&world);
    node_open(&node, &world, &member, &options);
    WAIT(&world, nine_failures, &node);
    cr_assert_eq(node.last_why, LINK_LOST_CONNECT);
    cr_assert_not(node.last_was_up);
    cr_assert_eq(link_client_counters(node.client)->ups, 0);
    memcpy(retries, node.retries, 9 * sizeof *retries);
    close(door);
    node_close(&node);
    world_close(&world);
}

Test(link_client, backoff_doubles_to_its_limit)
{
    static const int want[9] = {4, 8, 16, 32, 32, 32, 32, 32, 32};
    int got[9];
    backoff_of(0, got);
    cr_assert_arr_eq(got, want, sizeof want);
}

Test(link_client, backoff_has_jitter_up_to_twice)
{
    int got[9];
    backoff_of(UINT32_MAX, got);
    for (int i = 0, half = 4; i < 9; i++, half = half < 32 ? 2 * half : 32)
        cr_expect(got[i] >= half && got[i] <= 2 * half, "%d: %d", i, got[i]);
    cr_expect_leq(got[8], 64);
    int other[9];
    backoff_of(7, other);
    cr_expect_neq(memcmp(got, other, sizeof got), 0);
}

Test(link_client, default_backoff_is_half_a_second_to_thirty)
{
    struct world world = {0};
    struct node node = {0};
    struct member member = {0};
    make_keys(&member.keys);
    int door = close_door(&world);
    const struct link_client_options options = {.backoff_ms_min = 500, .backoff_ms_max = 30000};
    node_open(&node, &world, &member, &options);
    WAIT(&world, node_was_down, &node);
    cr_assert_eq(node.retries[0], 500);
    cr_assert_eq(link_client_state(node.client), LINK_WAITING);
    cr_assert_eq(link_client_send(node.client, wire_bytes("x", 1)), WIRE_AGAIN);
    close(door);
    node_close(&node);
    world_close(&world);
}

static uint32_t no_random(void *ctx)
{
    (void)ctx;
    return 0;
}

static void no_up(void *ctx)
{
    (void)ctx;
}

static void no_message(void *ctx, struct wire_bytes payload)
{
    (void)ctx, (void)payload;
}

static void no_down(void *ctx, enum link_lost why, bool was_up, int retry_ms)
{
    (void)ctx, (void)why, (void)was_up, (void)retry_ms;
}

static void expect_refused(struct world *world, const struct member *member, const char *endpoint)
{
    struct wire_problem problem = {0};
    struct link_client *client = NULL;
    const struct link_client_options options = {.endpoint = endpoint,
                                                .public_key = member->keys.public_key,
                                                .secret_key = member->keys.secret_key,
                                                .server_key = world->broker.public_key};
    const struct link_client_callbacks callbacks = {
        .random = no_random, .on_up = no_up, .on_message = no_message, .on_down = no_down};
    cr_expect_eq(link_client_open(&world->loop, world->context, &options, &callbacks, &client, &problem), WIRE_INVALID,
                 "%s", endpoint);
    cr_expect_null(client);
    cr_expect(problem.zh[0] != '\0' && problem.en[0] != '\0');
}

Test(link_client, an_impossible_endpoint_is_said_at_once)
{
    struct world world = {0};
    struct member member = {0};
    struct node node = {0};
    make_keys(&member.keys);
    world_open(&world);
    node_open(&node, &world, &member, NULL);
    static const char *const bad[] = {"",
                                      "broker:5570",
                                      "udp://127.0.0.1:5570",
                                      "tcp://",
                                      "tcp://127.0.0.1",
                                      "tcp://127.0.0.1:port",
                                      "tcp://:5570",
                                      "tcp://127.0.0.1:0",
                                      "tcp://127.0.0.1:99999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect_eq(link_client_set_server(node.client, bad[i], world.broker.public_key), WIRE_INVALID, "%s", bad[i]);
        expect_refused(&world, &member, bad[i]);
    }
    node_close(&node);
    world_close(&world);
}

/* --- the watchdog ------------------------------------------------------------------------------------------------ */

static bool silent_once_and_back(void *ctx)
{
    struct node *node = ctx;
    return node->downs >= 1 && node->ups >= 2;
}

Test(link_client, without_pulses_the_socket_is_made_anew)
{
    struct world world = {0};
    struct node node = {0};
    const struct link_client_options options = {.pulse_ms = 30};
    world_open(&world);
    node_open(&node, &world, world_enrol(&world, "310000"), &options);
    WAIT(&world, silent_once_and_back, &node);
    cr_assert_eq(node.last_why, LINK_LOST_SILENT);
    cr_assert(node.last_was_up);
    cr_assert_geq(world.ups, 1);
    node_close(&node);
    world_close(&world);
}

struct pulsing {
    struct node *node;
    uint64_t until;
};

static bool pulses_for_long(void *ctx)
{
    struct pulsing *pulsing = ctx;
    if (link_client_state(pulsing->node->client) == LINK_UP)
        link_client_alive(pulsing->node->client); /* as if a PULSE had come */
    return uv_hrtime() >= pulsing->until;
}

Test(link_client, with_pulses_it_stays)
{
    struct world world = {0};
    struct node node = {0};
    const struct link_client_options options = {.pulse_ms = 100};
    world_open(&world);
    node_open(&node, &world, world_enrol(&world, "310000"), &options);
    WAIT(&world, node_is_up, &node);
    struct pulsing pulsing = {.node = &node, .until = uv_hrtime() + 1000ull * 1000000}; /* three watchdog times */
    WAIT(&world, pulses_for_long, &pulsing);
    cr_assert_eq(node.downs, 0);
    node_close(&node);
    world_close(&world);
}

static bool fell_three_times(void *ctx)
{
    return ((struct node *)ctx)->downs >= 3;
}

/* A handshake alone does not reset the back-off: a broker that says BYE to every HELLO is not asked in a tight loop. */
Test(link_client, only_a_pulse_starts_the_backoff_over)
{
    struct world world = {0};
    struct node mute = {0}, alive = {.pulse = true};
    const struct link_client_options options = {.pulse_ms = 20, .backoff_ms_min = 4, .backoff_ms_max = 64};
    world_open(&world);
    node_open(&mute, &world, world_enrol(&world, "310000"), &options);
    WAIT(&world, fell_three_times, &mute);
    cr_assert_eq(mute.retries[2], 16);
    node_close(&mute);
    world.echo = true;
    node_open(&alive, &world, world_enrol(&world, "320000"), &options);
    WAIT(&world, fell_three_times, &alive);
    cr_assert_eq(alive.retries[2], 4);
    node_close(&alive);
    world_close(&world);
}

/* --- ends -------------------------------------------------------------------------------------------------------- */

static void say_bye_and_leave(struct node *node, struct wire_bytes payload)
{
    (void)payload;
    cr_assert_eq(link_client_send(node->client, wire_bytes("bye", 3)), WIRE_OK);
    link_client_reconnect(node->client);
    cr_assert_eq(node->downs, 0, "on_down never from within the call");
    cr_assert_eq(link_client_send(node->client, wire_bytes("more", 4)), WIRE_AGAIN);
}

Test(link_client, the_last_word_of_a_node_arrives_before_its_end)
{
    struct world world = {.echo = true};
    struct node node = {.hook = say_bye_and_leave};
    const struct link_client_options options = {.backoff_ms_min = 60000, .backoff_ms_max = 60000};
    world_open(&world);
    node_open(&node, &world, world_enrol(&world, "310000"), &options);
    WAIT(&world, node_was_down, &node);
    cr_assert_eq(node.last_why, LINK_LOST_BY_OWNER);
    world.echo = false;
    WAIT(&world, world_has_down, &world);
    cr_assert_str_eq(world.last_text, "bye");
    cr_assert_eq(world.last_why, LINK_DOWN_BY_PEER);
    node_close(&node);
    world_close(&world);
}

static bool node_down(void *ctx)
{
    return ((struct node *)ctx)->downs > 0;
}

static void last_words_of_a_broker(void)
{
    struct world world = {0};
    struct node node = {0};
    world_open(&world);
    node_open(&node, &world, world_enrol(&world, "310000"), NULL);
    WAIT(&world, world_has_message, &world);
    for (int i = 0; i < 50; i++)
        cr_assert_eq(link_server_send(world.server, world.last_peer, wire_bytes("word", 4)), WIRE_OK);
    cr_assert_eq(link_server_send(world.server, world.last_peer, wire_bytes("bye", 3)), WIRE_OK);
    world_close_server(&world);
    cr_assert_eq(world.downs, 1, "close reports every peer");
    WAIT(&world, node_down, &node);
    cr_assert_eq(node.messages, 51, "%u, %s", node.messages, link_lost_name(node.last_why));
    cr_assert_str_eq(node.last_text, "bye");
    cr_assert(node.last_was_up);
    node_close(&node);
    world_close(&world);
}

/* With IMMEDIATE 1 or RECONNECT_IVL -1 libzmq lost them all in one round of five, as the I/O thread happened to be
 * ahead. */
Test(link_client, the_last_words_of_a_broker_arrive_before_its_end)
{
    for (int round = 0; round < 40; round++)
        last_words_of_a_broker();
}

Test(link_client, closing_in_every_state)
{
    struct world world = {0};
    world_open(&world);
    const struct member *member = world_enrol(&world, "310000");
    struct node connecting = {0}, up = {0}, leaving = {0};
    node_open(&connecting, &world, member, NULL);
    node_close(&connecting);
    node_open(&up, &world, member, NULL);
    WAIT(&world, node_is_up, &up);
    node_close(&up);
    cr_assert_eq(up.downs, 1);
    cr_assert_eq(up.last_why, LINK_LOST_BY_OWNER);
    node_open(&leaving, &world, member, NULL);
    WAIT(&world, node_is_up, &leaving);
    link_client_reconnect(leaving.client);
    node_close(&leaving);
    struct link_client *none = NULL;
    link_client_close(&none, NULL, NULL);
    world_close(&world);
}

/* --- the broker changes ------------------------------------------------------------------------------------------ */

static bool all_up(void *ctx)
{
    struct node *nodes = ctx;
    for (int i = 0; i < 20; i++)
        if (link_client_state(nodes[i].client) != LINK_UP)
            return false;
    return true;
}

static bool all_down(void *ctx)
{
    struct node *nodes = ctx;
    for (int i = 0; i < 20; i++)
        if (nodes[i].downs == 0)
            return false;
    return true;
}

struct greeted {
    struct world *world;
    unsigned want;
};

static bool greeted_by_all(void *ctx)
{
    const struct greeted *greeted = ctx;
    return greeted->world->ups >= greeted->want;
}

Test(link_client, all_nodes_come_back_after_a_restart_of_the_broker)
{
    struct world world = {0};
    struct node nodes[20] = {0};
    char endpoint[LINK_ENDPOINT_BYTES];
    world_open(&world);
    for (int i = 0; i < 20; i++) {
        char region[LINK_USER_ID_BYTES];
        snprintf(region, sizeof region, "%d0000", 11 + i);
        nodes[i].random = (uint32_t)i * 2654435761u;
        node_open(&nodes[i], &world, world_enrol(&world, region), NULL);
    }
    struct greeted greeted = {.world = &world, .want = 20};
    WAIT(&world, greeted_by_all, &greeted);
    memcpy(endpoint, world.endpoint, sizeof endpoint);
    world_close_server(&world);
    cr_assert_eq(world.downs, 20);
    WAIT(&world, all_down, nodes);
    world_open_server(&world, endpoint);
    WAIT(&world, all_up, nodes);
    greeted.want = 40;
    WAIT(&world, greeted_by_all, &greeted);
    for (int i = 0; i < 20; i++)
        node_close(&nodes[i]);
    world_close(&world);
}

static bool lost_in_handshake(void *ctx)
{
    struct node *node = ctx;
    return link_client_counters(node->client)->lost[LINK_LOST_HANDSHAKE] > 0;
}

/* Each listener has its own key: the old and the next one side by side until all nodes have changed over. */
Test(link_client, the_brokers_key_rolls_over)
{
    struct world world = {0};
    struct node node = {0}, late = {0};
    struct keys next;
    char second[LINK_ENDPOINT_BYTES];
    make_keys(&next);
    world_open(&world);
    node_open(&node, &world, world_enrol(&world, "310000"), NULL);
    WAIT(&world, world_has_message, &world);
    cr_assert_eq(link_server_bind(world.server, "tcp://127.0.0.1:*", next.secret_key, second, NULL), WIRE_OK);
    cr_assert_str_neq(second, world.endpoint);
    cr_assert_eq(link_client_set_server(node.client, second, next.public_key), WIRE_OK);
    cr_assert_eq(node.downs, 0, "the session goes on until its owner ends it");
    world.messages = 0;
    link_client_reconnect(node.client);
    WAIT(&world, world_has_message, &world);
    cr_assert_eq(node.ups, 2);
    world.messages = 0;
    node_open(&late, &world, world_enrol(&world, "320000"), NULL); /* the first listener has the first key still */
    WAIT(&world, world_has_message, &world);
    cr_assert_eq(link_server_unbind(world.server, world.endpoint), WIRE_OK);
    cr_assert_eq(link_server_unbind(world.server, world.endpoint), WIRE_NOT_FOUND);
    node_close(&node);
    node_close(&late);
    world_close(&world);
}

Test(link_client, a_wrong_server_key_ends_in_the_handshake)
{
    struct world world = {0};
    struct node node = {0};
    struct keys other;
    make_keys(&other);
    world_open(&world);
    const struct link_client_options options = {.server_key = other.public_key};
    node_open(&node, &world, world_enrol(&world, "310000"), &options);
    WAIT(&world, lost_in_handshake, &node);
    cr_assert_eq(node.ups, 0);
    cr_assert_eq(world.asked, 0, "nobody without the broker's key reaches ZAP");
    node_close(&node);
    world_close(&world);
}

Test(link_client, a_port_in_use_is_said)
{
    struct world world = {0};
    struct wire_problem problem = {0};
    char actual[LINK_ENDPOINT_BYTES];
    world_open(&world);
    cr_assert_eq(link_server_bind(world.server, world.endpoint, world.broker.secret_key, actual, &problem),
                 WIRE_IN_USE);
    cr_assert(problem.zh[0] != '\0' && problem.en[0] != '\0');
    cr_assert_eq(link_server_bind(world.server, "5570", world.broker.secret_key, actual, &problem), WIRE_INVALID);
    world_close(&world);
}

Test(link_client, names_of_reasons)
{
    cr_assert_str_eq(link_down_name(LINK_CUT_MULTI_PART), "multi-part");
    cr_assert_str_eq(link_down_name(LINK_CUT_TOO_MANY_OF_USER), "too-many-of-user");
    cr_assert_str_eq(link_down_name((enum link_down)99), "unknown");
    cr_assert_str_eq(link_lost_name(LINK_LOST_BY_OWNER), "by-owner");
    cr_assert_str_eq(link_lost_name((enum link_lost)99), "unknown");
}
