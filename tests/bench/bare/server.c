/* bench-bare-server FOLDER: serves on 127.0.0.1, a port of its own choice, which it writes with its CURVE key to
 * FOLDER/server ("port key"), until SIGTERM. */
#include "bare/bare.h"
#include "bare/store.h"
#include "common/plan.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_A_TURN = 64, ROUTING_ID_BYTES = 5 };

struct peer {
    uint8_t routing_id[ROUTING_ID_BYTES];
    struct bare_key *key; /* of publishers */
    bool known;
};

struct server {
    void *zmq, *router;
    struct bare_store *store;
    struct bare_hash *hash;
    struct peer peer[2][PLAN_PARTIES_MAX]; /* by role and index */
    uint32_t peers[2];
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static void check(int result)
{
    if (result < 0)
        plan_void("libzmq: %s", zmq_strerror(errno));
}

/* --- out ---------------------------------------------------------------------------------------------------------- */

static void send_to(struct server *server, const struct peer *peer, zmq_msg_t *frame)
{
    check(zmq_send(server->router, peer->routing_id, ROUTING_ID_BYTES, ZMQ_SNDMORE));
    check(zmq_msg_send(frame, server->router, 0));
}

static void confirm(struct server *server, const struct bare_head *head)
{
    struct bare_head stored = {.type = BARE_STORED, .number = head->number, .count = head->count};
    zmq_msg_t frame;
    check(zmq_msg_init_size(&frame, sizeof(stored)));
    memcpy(zmq_msg_data(&frame), &stored, sizeof(stored));
    send_to(server, &server->peer[BARE_PUBLISHER][head->from], &frame);
}

static void hand_on(struct server *server, const struct bare_head *head, zmq_msg_t *batch)
{
    if (head->to != UINT32_MAX) {
        send_to(server, &server->peer[BARE_RECIPIENT][head->to], batch);
        return;
    }
    for (uint32_t i = 0; i < server->peers[BARE_RECIPIENT]; i++) {
        zmq_msg_t copy;
        zmq_msg_init(&copy);
        check(zmq_msg_copy(&copy, batch));
        send_to(server, &server->peer[BARE_RECIPIENT][i], &copy);
    }
    zmq_msg_close(batch);
}

static void hand_on_stored(struct server *server)
{
    for (struct bare_item *item = bare_store_done(server->store), *next; item != NULL; item = next) {
        struct bare_head head;
        next = item->next;
        memcpy(&head, zmq_msg_data(&item->batch), sizeof(head));
        confirm(server, &head);
        hand_on(server, &head, &item->batch);
        free(item);
    }
}

/* --- in ----------------------------------------------------------------------------------------------------------- */

static void take_hello(struct server *server, const uint8_t *routing_id, zmq_msg_t *frame)
{
    struct bare_head copy;
    const struct bare_head *head = &copy;
    memcpy(&copy, zmq_msg_data(frame), sizeof(copy)); /* libzmq aligns nothing */
    if (head->role > BARE_RECIPIENT || head->from >= PLAN_PARTIES_MAX)
        plan_void("a hello of nobody");
    struct peer *peer = &server->peer[head->role][head->from];
    bare_key_free(&peer->key);
    memcpy(peer->routing_id, routing_id, ROUTING_ID_BYTES);
    if (head->role == BARE_PUBLISHER)
        peer->key =
            bare_key_read((const uint8_t *)zmq_msg_data(frame) + sizeof(copy), zmq_msg_size(frame) - sizeof(copy));
    peer->known = true;
    if (head->from >= server->peers[head->role])
        server->peers[head->role] = head->from + 1;
    struct bare_head answer = {.type = BARE_HELLO};
    check(zmq_send(server->router, routing_id, ROUTING_ID_BYTES, ZMQ_SNDMORE));
    check(zmq_send(server->router, &answer, sizeof(answer), 0));
    zmq_msg_close(frame);
}

static void take_batch(struct server *server, zmq_msg_t *frame)
{
    struct bare_head head;
    uint8_t root[BARE_HASH_BYTES];
    memcpy(&head, zmq_msg_data(frame), sizeof(head));
    size_t one = BARE_HEADER_BYTES + (size_t)head.size;
    if (head.from >= PLAN_PARTIES_MAX || !server->peer[BARE_PUBLISHER][head.from].known ||
        head.count > BARE_BATCH_MESSAGES_MAX || zmq_msg_size(frame) != sizeof(head) + head.count * one)
        plan_void("a batch that is none");
    bare_root(server->hash, (const uint8_t *)zmq_msg_data(frame) + sizeof(head), head.count, one, root);
    if (!bare_verify(server->peer[BARE_PUBLISHER][head.from].key, root, &head))
        plan_void("a batch does not verify");
    struct bare_item *item = calloc(1, sizeof(*item));
    if (item == NULL)
        plan_void("no memory");
    zmq_msg_init(&item->batch);
    zmq_msg_move(&item->batch, frame);
    zmq_msg_close(frame);
    bare_store_put(server->store, item);
}

static bool take_one(struct server *server)
{
    uint8_t routing_id[ROUTING_ID_BYTES];
    uint32_t type;
    zmq_msg_t frame;
    int size = zmq_recv(server->router, routing_id, sizeof(routing_id), ZMQ_DONTWAIT);
    if (size < 0)
        return false;
    zmq_msg_init(&frame);
    check(zmq_msg_recv(&frame, server->router, 0));
    if (size != ROUTING_ID_BYTES || zmq_msg_size(&frame) < sizeof(struct bare_head))
        plan_void("a frame that is none");
    memcpy(&type, zmq_msg_data(&frame), sizeof(type));
    if (type == BARE_HELLO)
        take_hello(server, routing_id, &frame);
    else
        take_batch(server, &frame);
    return true;
}

/* --- setting up -----------------------------------------------------------------------------------------------------
 */

static void listen_on(struct server *server, const char *folder)
{
    char public_key[41], secret_key[41], endpoint[128], path[4096], part[4096];
    size_t size = sizeof(endpoint);
    int one = 1, none = 0;
    check(zmq_curve_keypair(public_key, secret_key));
    check(zmq_setsockopt(server->router, ZMQ_CURVE_SERVER, &one, sizeof(one)));
    check(zmq_setsockopt(server->router, ZMQ_CURVE_SECRETKEY, secret_key, 41));
    check(zmq_setsockopt(server->router, ZMQ_SNDHWM, &none, sizeof(none)));
    check(zmq_setsockopt(server->router, ZMQ_RCVHWM, &none, sizeof(none)));
    check(zmq_setsockopt(server->router, ZMQ_LINGER, &none, sizeof(none)));
    check(zmq_bind(server->router, "tcp://127.0.0.1:*"));
    check(zmq_getsockopt(server->router, ZMQ_LAST_ENDPOINT, endpoint, &size));
    snprintf(path, sizeof(path), "%s/server", folder);
    snprintf(part, sizeof(part), "%s/server.part", folder);
    FILE *file = fopen(part, "we");
    if (file == NULL || fprintf(file, "%s %s\n", strrchr(endpoint, ':') + 1, public_key) < 0 || fclose(file) != 0 ||
        rename(part, path) != 0)
        plan_void("cannot write %s", path);
}

static void serve(struct server *server)
{
    zmq_pollitem_t items[2] = {{.socket = server->router, .events = ZMQ_POLLIN},
                               {.fd = bare_store_fd(server->store), .events = ZMQ_POLLIN}};
    while (!stopped) {
        if (zmq_poll(items, 2, -1) < 0 && errno != EINTR)
            plan_void("libzmq: %s", zmq_strerror(errno));
        for (int i = 0; i < FRAMES_A_TURN && take_one(server); i++)
            ;
        hand_on_stored(server);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        plan_void("bench-bare-server FOLDER");
    static struct server server;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    server.zmq = zmq_ctx_new();
    server.router = zmq_socket(server.zmq, ZMQ_ROUTER);
    server.store = bare_store_open(argv[1]);
    server.hash = bare_hash_new();
    listen_on(&server, argv[1]);
    serve(&server);
    bare_store_close(&server.store);
    bare_hash_free(&server.hash);
    for (uint32_t i = 0; i < PLAN_PARTIES_MAX; i++)
        bare_key_free(&server.peer[BARE_PUBLISHER][i].key);
    zmq_close(server.router);
    zmq_ctx_term(server.zmq);
    return 0;
}
