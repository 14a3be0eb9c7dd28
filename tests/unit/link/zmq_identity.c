/* Who speaks: the User-Id of the payload frame, never the routing id. */
#include "link/server_inside.h"
#include "zmq_support.h"

/* --- what libzmq does: the reasons ------------------------------------------------------------------------------- */

struct plain {
    void *context, *router, *victim, *thief;
    char endpoint[256];
};

static void plain_open(struct plain *plain, int handover)
{
    size_t size = sizeof plain->endpoint;
    int zero = 0;
    plain->context = zmq_ctx_new();
    plain->router = zmq_socket(plain->context, ZMQ_ROUTER);
    cr_assert(link_socket_option(plain->router, ZMQ_ROUTER_HANDOVER, handover));
    cr_assert_eq(zmq_bind(plain->router, "tcp://127.0.0.1:*"), 0);
    cr_assert_eq(zmq_getsockopt(plain->router, ZMQ_LAST_ENDPOINT, plain->endpoint, &size), 0);
    void **dealers[] = {&plain->victim, &plain->thief};
    for (int i = 0; i < 2; i++) {
        int patience = i == 0 ? DEADLINE_MS : 300; /* the thief may get nothing: it asks for that long */
        *dealers[i] = zmq_socket(plain->context, ZMQ_DEALER);
        cr_assert_eq(zmq_setsockopt(*dealers[i], ZMQ_ROUTING_ID, "310000", 6), 0);
        cr_assert_eq(zmq_setsockopt(*dealers[i], ZMQ_LINGER, &zero, sizeof zero), 0);
        cr_assert_eq(zmq_setsockopt(*dealers[i], ZMQ_RCVTIMEO, &patience, sizeof patience), 0);
    }
}

static void say_and_answer(struct plain *plain, void *dealer, const char *answer)
{
    char id[16], text[16];
    int patience = 300;
    bare_send(dealer, "hello", 5, 0);
    zmq_setsockopt(plain->router, ZMQ_RCVTIMEO, &patience, sizeof patience);
    if (zmq_recv(plain->router, id, sizeof id, 0) > 0)
        zmq_recv(plain->router, text, sizeof text, 0);
    bare_send(plain->router, "310000", 6, ZMQ_SNDMORE);
    bare_send(plain->router, answer, strlen(answer), 0);
}

static void plain_close(struct plain *plain)
{
    zmq_close(plain->victim);
    zmq_close(plain->thief);
    zmq_close(plain->router);
    zmq_ctx_term(plain->context);
}

Test(link_identity, libzmq_with_handover_gives_a_routing_id_to_whoever_claims_it)
{
    struct plain plain = {0};
    char text[16] = "";
    plain_open(&plain, 1);
    zmq_connect(plain.victim, plain.endpoint);
    say_and_answer(&plain, plain.victim, "one");
    cr_assert_eq(zmq_recv(plain.victim, text, sizeof text, 0), 3);
    zmq_connect(plain.thief, plain.endpoint);
    say_and_answer(&plain, plain.thief, "two");
    cr_assert_eq(zmq_recv(plain.thief, text, sizeof text, 0), 3, "the theft");
    cr_assert_arr_eq(text, "two", 3);
    plain_close(&plain);
}

Test(link_identity, libzmq_without_handover_ignores_the_second)
{
    struct plain plain = {0};
    char text[16] = "";
    plain_open(&plain, 0);
    zmq_connect(plain.victim, plain.endpoint);
    say_and_answer(&plain, plain.victim, "one");
    cr_assert_eq(zmq_recv(plain.victim, text, sizeof text, 0), 3);
    zmq_connect(plain.thief, plain.endpoint);
    say_and_answer(&plain, plain.thief, "two");
    cr_assert_eq(zmq_recv(plain.victim, text, sizeof text, 0), 3, "still the victim's");
    cr_assert_eq(zmq_recv(plain.thief, text, sizeof text, 0), -1);
    plain_close(&plain);
}

static bool router_readable(void *ctx)
{
    int events = 0;
    size_t size = sizeof events;
    zmq_getsockopt(ctx, ZMQ_EVENTS, &events, &size);
    return (events & ZMQ_POLLIN) != 0;
}

/* The trap: after a query of ZMQ_EVENTS the routing id frame has lost its metadata. */
Test(link_identity, only_the_payload_frame_has_the_user_id)
{
    struct world world = {0};
    zmq_msg_t frame;
    world_open(&world);
    void *router = world.server->router.zmq; /* read here, not by the loop: that waits until the end */
    void *dealer = bare_dealer(&world, &world_enrol(&world, "310000")->keys);
    bare_connect(&world, dealer);
    bare_send(dealer, "hello", 5, 0);
    uv_prepare_stop(&world.server->router.prepare);
    uv_check_stop(&world.server->router.check);
    WAIT(&world, router_readable, router);
    zmq_msg_init(&frame);
    cr_assert_geq(zmq_msg_recv(&frame, router, ZMQ_DONTWAIT), 0);
    cr_expect_null(zmq_msg_gets(&frame, "User-Id"));
    cr_assert_geq(zmq_msg_recv(&frame, router, ZMQ_DONTWAIT), 0);
    cr_assert_not_null(zmq_msg_gets(&frame, "User-Id"));
    cr_expect(strncmp(zmq_msg_gets(&frame, "User-Id"), "310000/", 7) == 0);
    zmq_msg_close(&frame);
    zmq_close(dealer);
    world_close(&world);
}

/* --- what we do -------------------------------------------------------------------------------------------------- */

static bool was_cut_for_own_id(void *ctx)
{
    struct world *world = ctx;
    return link_server_counters(world->server)->cut[LINK_CUT_OWN_ROUTING_ID] > 0;
}

Test(link_identity, a_peer_that_chooses_a_routing_id_is_cut)
{
    struct world world = {0};
    world_open(&world);
    void *dealer = bare_dealer(&world, &world_enrol(&world, "330300")->keys);
    cr_assert_eq(zmq_setsockopt(dealer, ZMQ_ROUTING_ID, "310000", 6), 0);
    bare_connect(&world, dealer);
    bare_send(dealer, "I am Shanghai", 13, 0);
    WAIT(&world, was_cut_for_own_id, &world);
    cr_assert_eq(world.messages, 0);
    cr_assert_eq(world.ups, 0);
    zmq_close(dealer);
    world_close(&world);
}

static bool handshakes_done(void *ctx)
{
    struct world *world = ctx;
    return link_server_counters(world->server)->zap_allowed >= 2;
}

static bool two_messages(void *ctx)
{
    return ((struct world *)ctx)->messages >= 2;
}

/* A thief may claim the very bytes that ROUTER drew for its victim. */
Test(link_identity, claiming_the_victims_routing_id_gets_nothing)
{
    struct world world = {0};
    struct node victim = {0};
    uint8_t id[LINK_ROUTING_ID_BYTES] = {0};
    char text[16];
    world_open(&world);
    node_open(&victim, &world, world_enrol(&world, "310000"), NULL);
    WAIT(&world, world_has_message, &world);
    wire_put_u32(id + 1, link_table_by_peer(world.server, world.last_peer)->routing);
    void *thief = bare_dealer(&world, &world_enrol(&world, "330300")->keys);
    cr_assert_eq(zmq_setsockopt(thief, ZMQ_ROUTING_ID, id, sizeof id), 0);
    bare_connect(&world, thief);
    bare_send(thief, "hello", 5, 0);
    WAIT(&world, handshakes_done, &world);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(link_server_send(world.server, world.last_peer, wire_bytes("secret", 6)), WIRE_OK);
    cr_assert_eq(link_client_send(victim.client, wire_bytes("still here", 10)), WIRE_OK);
    WAIT(&world, two_messages, &world);
    cr_assert_str_eq(world.last_user, "310000");
    cr_assert_str_eq(world.last_text, "still here");
    cr_assert_eq(zmq_recv(thief, text, sizeof text, ZMQ_DONTWAIT), -1);
    cr_assert_eq(world.ups, 1);
    zmq_close(thief);
    node_close(&victim);
    world_close(&world);
}

static bool victim_has_three(void *ctx)
{
    return ((struct node *)ctx)->messages >= 3;
}

/* Two connections of one region are two peers; replies go where they were meant to. */
Test(link_identity, replies_go_to_the_connection_addressed)
{
    struct world world = {0};
    struct node first = {0}, second = {0};
    world_open(&world);
    const struct member *member = world_enrol(&world, "310000");
    node_open(&first, &world, member, NULL);
    WAIT(&world, world_has_message, &world);
    link_peer first_peer = world.last_peer;
    node_open(&second, &world, member, NULL);
    WAIT(&world, two_messages, &world);
    cr_assert_eq(link_server_newest(world.server, "310000"), world.last_peer);
    cr_assert_eq(link_server_newest(world.server, "320000"), 0);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(link_server_send(world.server, first_peer, wire_bytes("old", 3)), WIRE_OK);
    WAIT(&world, victim_has_three, &first);
    cr_assert_eq(second.messages, 0);
    node_close(&first);
    WAIT(&world, world_has_down, &world);
    cr_assert_eq(world.last_down, first_peer);
    cr_assert_eq(world.last_why, LINK_DOWN_BY_PEER);
    cr_assert_eq(link_server_send(world.server, first_peer, wire_bytes("late", 4)), WIRE_CLOSED);
    cr_assert_eq(link_server_send(world.server, 12345, wire_bytes("never", 5)), WIRE_CLOSED);
    node_close(&second);
    world_close(&world);
}
