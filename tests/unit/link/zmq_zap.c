/* Who gets in: what libzmq does with ZAP in each set-up, and that ours has no open door. */
#include "link/server_inside.h"
#include "zmq_support.h"

enum handler { NO_HANDLER, HANDLER_REFUSES };

struct setup {
    const char *domain;
    enum handler handler;
    int enforce;
    bool stranger_gets_in;
};

/* One exchange between a CURVE server with the set-up and a client nobody knows. */
struct scene {
    void *context, *router, *handler, *stranger, *monitor;
    bool in, out;
};

static void refuse_one(void *rep)
{
    char request_id[256];
    int size, more = 1;
    size_t more_size = sizeof more;
    char frame[256];
    if (zmq_recv(rep, frame, sizeof frame, ZMQ_DONTWAIT) < 0)
        return;
    size = zmq_recv(rep, request_id, sizeof request_id, 0);
    while (zmq_getsockopt(rep, ZMQ_RCVMORE, &more, &more_size) == 0 && more)
        zmq_recv(rep, frame, sizeof frame, 0);
    bare_send(rep, "1.0", 3, ZMQ_SNDMORE);
    bare_send(rep, request_id, (size_t)size, ZMQ_SNDMORE);
    bare_send(rep, "400", 3, ZMQ_SNDMORE);
    bare_send(rep, "no", 2, ZMQ_SNDMORE);
    bare_send(rep, "", 0, ZMQ_SNDMORE);
    bare_send(rep, "", 0, 0);
}

static void scene_open(struct scene *scene, const struct setup *setup)
{
    struct keys server, client;
    char endpoint[256];
    size_t size = sizeof endpoint;
    make_keys(&server);
    make_keys(&client);
    scene->context = zmq_ctx_new();
    if (setup->handler == HANDLER_REFUSES) {
        scene->handler = zmq_socket(scene->context, ZMQ_REP);
        cr_assert_eq(zmq_bind(scene->handler, "inproc://zeromq.zap.01"), 0);
    }
    scene->router = zmq_socket(scene->context, ZMQ_ROUTER);
    cr_assert(link_socket_option(scene->router, ZMQ_CURVE_SERVER, 1));
    cr_assert_eq(zmq_setsockopt(scene->router, ZMQ_CURVE_SECRETKEY, server.secret_key, 32), 0);
    if (setup->domain[0] != '\0')
        cr_assert_eq(zmq_setsockopt(scene->router, ZMQ_ZAP_DOMAIN, setup->domain, strlen(setup->domain)), 0);
    cr_assert(link_socket_option(scene->router, 93, setup->enforce), "option 93 must work by number");
    cr_assert_eq(zmq_bind(scene->router, "tcp://127.0.0.1:*"), 0);
    cr_assert_eq(zmq_getsockopt(scene->router, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    struct world world = {.context = scene->context, .broker = server};
    scene->stranger = bare_dealer(&world, &client);
    cr_assert_eq(zmq_socket_monitor(scene->stranger, "inproc://watch", ZMQ_EVENT_DISCONNECTED), 0);
    scene->monitor = zmq_socket(scene->context, ZMQ_PAIR);
    cr_assert_eq(zmq_connect(scene->monitor, "inproc://watch"), 0);
    cr_assert_eq(zmq_connect(scene->stranger, endpoint), 0);
    bare_send(scene->stranger, "let me in", 9, 0);
}

static void scene_play(struct scene *scene)
{
    char frame[64];
    uint64_t deadline = uv_hrtime() + (uint64_t)DEADLINE_MS * 1000000;
    while (!scene->in && !scene->out && uv_hrtime() < deadline) {
        zmq_pollitem_t items[] = {
            {scene->router, 0, ZMQ_POLLIN, 0}, {scene->monitor, 0, ZMQ_POLLIN, 0}, {scene->handler, 0, ZMQ_POLLIN, 0}};
        zmq_poll(items, scene->handler ? 3 : 2, 1000);
        scene->in = zmq_recv(scene->router, frame, sizeof frame, ZMQ_DONTWAIT) >= 0;
        scene->out = zmq_recv(scene->monitor, frame, sizeof frame, ZMQ_DONTWAIT) >= 0;
        if (scene->handler)
            refuse_one(scene->handler);
    }
}

static void scene_close(struct scene *scene)
{
    int zero = 0;
    zmq_socket_monitor(scene->stranger, NULL, 0);
    void *const sockets[] = {scene->router, scene->stranger, scene->monitor, scene->handler};
    for (int i = 0; i < 4 && sockets[i]; i++) {
        zmq_setsockopt(sockets[i], ZMQ_LINGER, &zero, sizeof zero);
        zmq_close(sockets[i]);
    }
    zmq_ctx_term(scene->context);
}

/* The reason for all we do: only a domain, enforcement and no or a refusing handler keep a stranger out. */
Test(link_zap, what_libzmq_does_in_each_setup)
{
    static const struct setup setups[] = {
        {"", NO_HANDLER, 0, true},
        {"", NO_HANDLER, 1, true},
        {"lianfang", NO_HANDLER, 0, true},
        {"", HANDLER_REFUSES, 1, true},
        {"lianfang", NO_HANDLER, 1, false},
        {"lianfang", HANDLER_REFUSES, 1, false},
        {"lianfang", HANDLER_REFUSES, 0, false},
    };
    for (size_t i = 0; i < sizeof setups / sizeof setups[0]; i++) {
        struct scene scene = {0};
        scene_open(&scene, &setups[i]);
        scene_play(&scene);
        cr_expect(scene.in || scene.out, "set-up %zu: nothing happened", i);
        cr_expect_eq(scene.in, setups[i].stranger_gets_in, "set-up %zu", i);
        scene_close(&scene);
    }
}

Test(link_zap, our_socket_has_domain_and_enforcement)
{
    struct world world = {0};
    char domain[64] = "";
    size_t size = sizeof domain;
    int enforce = 0;
    world_open(&world);
    cr_assert_eq(zmq_getsockopt(world.server->router.zmq, ZMQ_ZAP_DOMAIN, domain, &size), 0);
    cr_assert_str_eq(domain, "lianfang");
    size = sizeof enforce;
    cr_assert_eq(zmq_getsockopt(world.server->router.zmq, 93, &enforce, &size), 0);
    cr_assert_eq(enforce, 1);
    world_close(&world);
}

Test(link_zap, an_enrolled_node_gets_in_and_a_stranger_is_told)
{
    struct world world = {0};
    struct member stranger = {0};
    struct node known = {0}, unknown = {0};
    make_keys(&stranger.keys);
    world_open(&world);
    node_open(&known, &world, world_enrol(&world, "310000"), NULL);
    node_open(&unknown, &world, &stranger, NULL);
    WAIT(&world, world_has_message, &world);
    WAIT(&world, node_was_down, &unknown);
    cr_assert_str_eq(world.last_user, "310000");
    cr_assert_str_eq(world.last_text, "hello");
    cr_assert(strncmp(world.last_address, "127.0.0.1:", 10) == 0, "%s", world.last_address);
    cr_assert_eq(unknown.last_why, LINK_LOST_REFUSED, "%s", link_lost_name(unknown.last_why));
    cr_assert_eq(unknown.ups, 0);
    cr_assert_eq(world.messages, 1);
    cr_assert_geq(link_server_counters(world.server)->zap_refused, 1);
    cr_assert_eq(link_server_counters(world.server)->zap_allowed, 1);
    node_close(&known);
    node_close(&unknown);
    world_close(&world);
}

static bool is_closed(void *ctx)
{
    return ((struct link_socket *)ctx)->handles_open == 0;
}

Test(link_zap, with_the_handler_dead_nobody_gets_in)
{
    struct world world = {0};
    struct node node = {0};
    world.options.handshake_ms = 300; /* how long libzmq lets the unanswered handshake hang */
    world_open(&world);
    link_zap_close(&world.server->zap, NULL, NULL);
    WAIT(&world, is_closed, &world.server->zap.socket);
    node_open(&node, &world, world_enrol(&world, "310000"), NULL);
    WAIT(&world, node_was_down, &node);
    cr_assert_eq(node.ups, 0);
    cr_assert_eq(world.messages, 0);
    cr_assert_eq(world.asked, 0);
    node_close(&node);
    world_close(&world);
}

Test(link_zap, a_context_has_one_handler)
{
    struct world world = {0};
    struct link_server *second = NULL;
    struct wire_problem problem = {0};
    world_open(&world);
    struct link_server_callbacks callbacks = world.server->call;
    cr_assert_eq(link_server_open(&world.loop, world.context, NULL, &callbacks, &second, &problem), WIRE_IN_USE);
    cr_assert_null(second);
    cr_assert(problem.zh[0] != '\0' && problem.en[0] != '\0');
    world_close(&world); /* the failed one has freed everything */
}

Test(link_zap, an_empty_domain_is_no_domain)
{
    struct world world = {0};
    struct link_server *second = NULL;
    world_open(&world);
    struct link_server_callbacks callbacks = world.server->call;
    world_close_server(&world);
    const struct link_server_options options = {.zap_domain = ""};
    cr_assert_eq(link_server_open(&world.loop, world.context, &options, &callbacks, &second, NULL), WIRE_INVALID);
    world_close(&world);
}

static bool refused_then_allowed(void *ctx)
{
    struct node *node = ctx;
    if (node->downs > 0)
        node->world->members[0].refused = false;
    return node->ups > 0 && node->world->messages > 0;
}

/* A libzmq connector gives up for ever after one refusal; ours makes a new socket. */
Test(link_zap, refused_once_then_allowed_the_node_comes_back)
{
    struct world world = {0};
    struct node node = {0};
    world_open(&world);
    struct member *member = world_enrol(&world, "330421");
    member->refused = true;
    node_open(&node, &world, member, NULL);
    WAIT(&world, refused_then_allowed, &node);
    cr_assert_geq(link_client_counters(node.client)->lost[LINK_LOST_REFUSED], 1);
    cr_assert_str_eq(world.last_user, "330421");
    node_close(&node);
    world_close(&world);
}

/* The key is in what ZAP attaches, so that an old key of the same region is told from the new one. */
Test(link_zap, revoking_one_key_of_a_region_leaves_the_other)
{
    struct world world = {0};
    struct node old = {0}, renewed = {0};
    world_open(&world);
    struct member *old_key = world_enrol(&world, "330300");
    node_open(&old, &world, old_key, NULL);
    WAIT(&world, world_has_message, &world);
    link_peer old_peer = world.last_peer;
    world.messages = 0;
    node_open(&renewed, &world, world_enrol(&world, "330300"), NULL);
    WAIT(&world, world_has_message, &world);
    cr_assert_neq(world.last_peer, old_peer);
    cr_assert_eq(link_server_newest(world.server, "330300"), world.last_peer);
    old_key->refused = true;
    link_server_recheck(world.server);
    WAIT(&world, world_has_down, &world);
    cr_assert_eq(world.last_down, old_peer);
    cr_assert_eq(world.last_why, LINK_CUT_REFUSED);
    cr_assert_eq(world.downs, 1);
    node_close(&old);
    node_close(&renewed);
    world_close(&world);
}
