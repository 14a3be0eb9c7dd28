/* Strangers on the port, a full descriptor table, malformed ZAP requests, and handles that must not come back. */
#include "link/server_inside.h"
#include "zmq_support.h"
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int tcp_connect(const char *endpoint)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)atoi(strrchr(endpoint, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool disconnected(void *ctx)
{
    return link_server_counters(((struct world *)ctx)->server)->disconnected > 0;
}

Test(link_hostile, without_curve_nobody_gets_in)
{
    struct world world = {0};
    int zero = 0;
    world_open(&world);
    void *plain = zmq_socket(world.context, ZMQ_DEALER);
    zmq_setsockopt(plain, ZMQ_LINGER, &zero, sizeof zero);
    bare_connect(&world, plain);
    bare_send(plain, "hello", 5, 0);
    WAIT(&world, disconnected, &world);
    cr_assert_eq(world.messages, 0);
    cr_assert_eq(world.asked, 0);
    zmq_close(plain);
    world_close(&world);
}

Test(link_hostile, garbage_is_disconnected)
{
    struct world world = {0};
    struct node node = {0};
    static const char garbage[] = "GET / HTTP/1.1\r\nHost: broker\r\n\r\nGET / HTTP/1.1\r\nHost: broker\r\n\r\n";
    world_open(&world);
    int fd = tcp_connect(world.endpoint);
    cr_assert_eq(write(fd, garbage, sizeof garbage), (ssize_t)sizeof garbage);
    WAIT(&world, disconnected, &world);
    node_open(&node, &world, world_enrol(&world, "310000"), NULL);
    WAIT(&world, world_has_message, &world);
    close(fd);
    node_close(&node);
    world_close(&world);
}

Test(link_hostile, one_who_says_nothing_does_not_stay)
{
    struct world world = {.options = {.handshake_ms = 50}};
    world_open(&world);
    int fd = tcp_connect(world.endpoint);
    WAIT(&world, disconnected, &world);
    cr_assert_eq(link_server_counters(world.server)->connections, 0);
    close(fd);
    world_close(&world);
}

static bool lost_twice(void *ctx)
{
    return ((struct node *)ctx)->downs >= 2;
}

/* The other way round: something listens that is no broker and never answers. */
Test(link_hostile, a_mute_listener_is_tried_again)
{
    struct world world = {0};
    struct node node = {0};
    struct member member = {0};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    char endpoint[64];
    make_keys(&member.keys);
    world_open(&world);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(fd, 8), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", ntohs(address.sin_port));
    const struct link_client_options options = {.endpoint = endpoint, .pulse_ms = 20};
    node_open(&node, &world, &member, &options);
    WAIT(&world, lost_twice, &node);
    cr_assert_eq(node.ups, 0);
    close(fd);
    node_close(&node);
    world_close(&world);
}

/* --- no descriptors left ----------------------------------------------------------------------------------------- */

static bool table_is_full(void *ctx)
{
    const struct world *world = ctx;
    return world->server->counters.cut[LINK_CUT_TOO_MANY] > 0;
}

/* libzmq's I/O thread spins at EMFILE (it says so in the header). We must survive it and go on afterwards. */
Test(link_hostile, out_of_descriptors_and_back)
{
    enum { CROWD = 24 };
    struct world world = {0};
    struct node node = {0};
    struct rlimit limit;
    int crowd[CROWD], connected = 0;
    world_open(&world);
    const struct member *member = world_enrol(&world, "310000");
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = open_descriptors() + 2 * CROWD; /* less than the 3 × CROWD that all of it takes */
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < CROWD && (crowd[connected] = tcp_connect(world.endpoint)) >= 0; i++)
        connected++;
    cr_assert_geq(connected, CROWD / 2);
    WAIT(&world, table_is_full, &world);
    for (int i = 0; i < connected; i++)
        close(crowd[i]);
    limit.rlim_cur = before;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    node_open(&node, &world, member, NULL);
    WAIT(&world, world_has_message, &world);
    node_close(&node);
    world_close(&world);
}

/* --- malformed ZAP ----------------------------------------------------------------------------------------------- */

struct zap_request {
    const char *frames[9];
    size_t count;
    const char *code;
};

static const char zap_key[] = "0123456789abcdef0123456789abcdef";

static void ask_zap(struct world *world, void *req, const struct zap_request *request)
{
    char text[256];
    int more = 1;
    size_t size = sizeof more;
    for (size_t i = 0; i < request->count; i++)
        bare_send(req, request->frames[i], strlen(request->frames[i]), i + 1 < request->count ? ZMQ_SNDMORE : 0);
    cr_assert(bare_receive(world, req, text, sizeof text));
    cr_expect_str_eq(text, "1.0");
    zmq_recv(req, text, sizeof text, 0);
    cr_assert_eq(zmq_recv(req, text, sizeof text, 0), 3);
    cr_expect_arr_eq(text, request->code, 3);
    while (zmq_getsockopt(req, ZMQ_RCVMORE, &more, &size) == 0 && more)
        zmq_recv(req, text, sizeof text, 0);
}

Test(link_hostile, zap_requests_that_are_not_ours)
{
    static const struct zap_request requests[] = {
        {{"1.0"}, 1, "500"},
        {{"", ""}, 2, "500"},
        {{"2.0", "7", "lianfang", "127.0.0.1", "", "CURVE", zap_key}, 7, "500"},
        {{"1.0", "7", "lianfang", "127.0.0.1", "", "PLAIN", "user", "password"}, 8, "500"},
        {{"1.0", "7", "lianfang", "127.0.0.1", "", "NULL"}, 6, "500"},
        {{"1.0", "7", "lianfang", "127.0.0.1", "", "CURVE", "short"}, 7, "500"},
        {{"1.0", "7", "lianfang", "127.0.0.1", "", "CURVE", zap_key, "and", "more"}, 9, "500"},
        {{"1.0", "7", "other", "127.0.0.1", "", "CURVE", zap_key}, 7, "400"},
        {{"1.0", "7", "lianfang", "127.0.0.1", "", "CURVE", zap_key}, 7, "400"},
    };
    struct world world = {0};
    world_open(&world);
    void *req = zmq_socket(world.context, ZMQ_REQ);
    cr_assert_eq(zmq_connect(req, "inproc://zeromq.zap.01"), 0);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        ask_zap(&world, req, &requests[i]);
    cr_expect_eq(link_server_counters(world.server)->zap_malformed, 7);
    cr_expect_eq(link_server_counters(world.server)->zap_refused, 2);
    cr_expect_eq(world.asked, 1, "only the one with our domain and a key is put to the owner");
    memcpy(world_enrol(&world, "310000")->keys.public_key, zap_key, 32);
    ask_zap(&world, req, &(struct zap_request){{"1.0", "7", "lianfang", "::1", "", "CURVE", zap_key}, 7, "200"});
    zmq_close(req);
    world_close(&world);
}

/* --- handles ----------------------------------------------------------------------------------------------------- */

Test(link_hostile, handles_and_routing_ids_in_the_table)
{
    struct world world = {.options = {.connections_max = 3}};
    world_open(&world);
    struct link_server *server = world.server;
    struct connection *a = link_table_add(server, 500), *b = link_table_add(server, 501);
    struct connection *c = link_table_add(server, 700);
    cr_assert(a && b && c);
    cr_assert_null(link_table_add(server, 701), "full");
    link_table_set_routing(server, a, 0x10);
    link_table_set_routing(server, b, 0x20); /* the same bucket of 16 */
    link_table_set_routing(server, c, 0xfffffff0);
    cr_assert_eq(link_table_by_routing(server, 0x10), a);
    cr_assert_eq(link_table_by_routing(server, 0x20), b);
    cr_assert_eq(link_table_by_routing(server, 0xfffffff0), c);
    cr_assert_null(link_table_by_routing(server, 0x30));
    cr_assert_eq(link_table_by_fd(server, 700), c);
    cr_assert_null(link_table_by_fd(server, 699));
    cr_assert_null(link_table_by_fd(server, -1));
    cr_assert_null(link_table_by_fd(server, 1 << 20));
    link_peer old = b->peer;
    link_table_remove(server, b);
    cr_assert_null(link_table_by_peer(server, old));
    cr_assert_null(link_table_by_routing(server, 0x20));
    cr_assert_eq(link_table_by_routing(server, 0x10), a);
    struct connection *again = link_table_add(server, 501);
    cr_assert_eq(again, b, "the slot is used again");
    cr_assert_neq(again->peer, old, "the handle is not");
    cr_assert_null(link_table_by_peer(server, old));
    cr_assert_null(link_table_by_peer(server, 0));
    link_table_remove(server, a);
    link_table_remove(server, c);
    link_table_remove(server, again);
    world_close(&world);
}

static void close_from_within(struct world *world, link_peer peer, const char *user_id, struct wire_bytes payload)
{
    (void)peer, (void)user_id, (void)payload;
    link_server_close(&world->server, NULL, NULL);
}

Test(link_hostile, closing_from_a_callback_is_our_bug, .signal = SIGABRT)
{
    struct world world = {.hook = close_from_within};
    struct node node = {0};
    world_open(&world);
    node_open(&node, &world, world_enrol(&world, "310000"), NULL);
    WAIT(&world, world_has_message, &world);
}
