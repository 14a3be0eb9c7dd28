/* Publishers and recipients of one round against bench-bare-server: see bare.h and common/plan.h. One thread. */
#include "bare/bare.h"
#include "common/result.h"
#include "common/tally.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { WINDOW_BYTES = 512 * 1024, NOISE_BYTES = 1024 * 1024, SETTLE_S = 60 };

/* A batch for one recipient as it fills. */
struct filling {
    uint8_t *bytes; /* head and messages */
    uint32_t count;
};

struct party {
    void *socket;
    enum bare_role role;
    uint32_t index;
    struct bare_key *key;
    struct filling *filling; /* by recipient */
    uint64_t published, confirmed, batches, unconfirmed_bytes, random;
    uint64_t sent_bytes[64]; /* of batches under way, by number */
};

struct client {
    struct plan plan;
    struct result result;
    struct tally *tally;
    struct bare_hash *hash;
    void *zmq;
    char server_key[64];
    struct party *party;
    zmq_pollitem_t *poll;
    uint32_t parties, live, messages_max;
    size_t one;
    uint8_t *noise;
    uint64_t last_ns, ping_sent_ns, batches;
};

static void check(int result)
{
    if (result < 0)
        plan_void("libzmq: %s", zmq_strerror(errno));
}

static void *taken(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL)
        plan_void("no memory");
    return memory;
}

/* --- sessions -------------------------------------------------------------------------------------------------------
 */

static void read_server(struct client *client)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/server", client->plan.folder);
    FILE *file = fopen(path, "re");
    if (file == NULL || fscanf(file, "%d %63s", &client->plan.port, client->server_key) != 2)
        plan_void("cannot read %s", path);
    fclose(file);
}

static void greet(struct client *client, struct party *party)
{
    uint8_t bytes[512];
    struct bare_head head = {.type = BARE_HELLO, .role = party->role, .from = party->index};
    size_t size = sizeof(head);
    memcpy(bytes, &head, sizeof(head));
    if (party->role == BARE_PUBLISHER) {
        party->key = bare_key_make();
        size += bare_key_write(party->key, bytes + size, sizeof(bytes) - size);
        party->filling = taken(client->plan.recipients, sizeof(*party->filling));
    }
    check(zmq_send(party->socket, bytes, size, 0));
}

static void party_open(struct client *client, struct party *party)
{
    char public_key[41], secret_key[41], endpoint[64];
    int none = 0;
    party->socket = zmq_socket(client->zmq, ZMQ_DEALER);
    check(zmq_curve_keypair(public_key, secret_key));
    check(zmq_setsockopt(party->socket, ZMQ_CURVE_SERVERKEY, client->server_key, 41));
    check(zmq_setsockopt(party->socket, ZMQ_CURVE_PUBLICKEY, public_key, 41));
    check(zmq_setsockopt(party->socket, ZMQ_CURVE_SECRETKEY, secret_key, 41));
    check(zmq_setsockopt(party->socket, ZMQ_RCVHWM, &none, sizeof(none)));
    check(zmq_setsockopt(party->socket, ZMQ_LINGER, &none, sizeof(none)));
    snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%d", client->plan.port);
    check(zmq_connect(party->socket, endpoint));
    party->random = client->plan.seed + party->index;
    greet(client, party);
}

/* --- publishing -----------------------------------------------------------------------------------------------------
 */

static void send_batch(struct client *client, struct party *party, uint32_t to)
{
    struct filling *filling = &party->filling[to];
    struct bare_head head = {.type = BARE_BATCH,
                             .from = party->index,
                             .to = client->plan.everybody ? UINT32_MAX : to,
                             .count = filling->count,
                             .size = client->plan.bytes,
                             .number = party->batches++};
    uint8_t root[BARE_HASH_BYTES];
    size_t size = sizeof(head) + filling->count * client->one;
    bare_root(client->hash, filling->bytes + sizeof(head), filling->count, client->one, root);
    bare_sign(party->key, root, &head);
    memcpy(filling->bytes, &head, sizeof(head));
    check(zmq_send(party->socket, filling->bytes, size, 0));
    party->sent_bytes[head.number % 64] = size;
    party->unconfirmed_bytes += size;
    filling->count = 0;
    client->batches++;
}

static void put_message(struct client *client, struct party *party, struct filling *filling)
{
    if (filling->bytes == NULL)
        filling->bytes = taken(1, sizeof(struct bare_head) + client->messages_max * client->one);
    uint8_t *at = filling->bytes + sizeof(struct bare_head) + filling->count++ * client->one;
    memcpy(at, client->noise + (plan_random(&party->random) % NOISE_BYTES), client->one);
    plan_mark_put(&(struct plan_mark){.publisher = party->index, .serial = party->published++}, at + BARE_HEADER_BYTES);
}

/* As much as fits the window; true: something was published. */
static bool publish(struct client *client, struct party *party)
{
    bool any = false;
    while (party->unconfirmed_bytes < WINDOW_BYTES) {
        uint32_t to = client->plan.everybody ? 0 : plan_recipient(&client->plan, party->index, party->published);
        put_message(client, party, &party->filling[to]);
        any = true;
        if (party->filling[to].count == client->messages_max)
            send_batch(client, party, to);
    }
    return any;
}

static void flush(struct client *client, struct party *party)
{
    for (uint32_t i = 0; i < client->plan.recipients; i++)
        if (party->filling[i].count > 0)
            send_batch(client, party, i);
}

/* --- what comes -----------------------------------------------------------------------------------------------------
 */

static void on_stored(struct client *client, struct party *party, const struct bare_head *head)
{
    party->unconfirmed_bytes -= party->sent_bytes[head->number % 64];
    party->confirmed += head->count;
    client->last_ns = plan_now_ns();
    if (client->plan.mode == PLAN_PING)
        samples_add(&client->result.confirmed, client->last_ns - client->ping_sent_ns);
}

static void on_batch(struct client *client, struct party *party, const struct bare_head *head, const uint8_t *messages,
                     size_t size)
{
    uint8_t root[BARE_HASH_BYTES];
    if (size != sizeof(*head) + head->count * client->one || head->from >= client->plan.publishers)
        plan_void("a batch that is none");
    bare_root(client->hash, messages, head->count, client->one, root);
    if (!bare_verify(client->party[head->from].key, root, head))
        plan_void("a batch does not verify");
    for (uint32_t i = 0; i < head->count; i++) {
        struct plan_mark mark;
        if (!plan_mark_get(&mark, messages + i * client->one + BARE_HEADER_BYTES, client->plan.bytes))
            plan_void("a message that is none");
        tally_take(client->tally, party->index, mark.publisher, mark.serial);
    }
    client->last_ns = plan_now_ns();
    if (client->plan.mode == PLAN_PING)
        samples_add(&client->result.in_hands, client->last_ns - client->ping_sent_ns);
}

static bool take(struct client *client, struct party *party)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    if (zmq_msg_recv(&frame, party->socket, ZMQ_DONTWAIT) < 0)
        return false;
    struct bare_head head; /* libzmq aligns nothing */
    if (zmq_msg_size(&frame) < sizeof(head))
        plan_void("a frame that is none");
    memcpy(&head, zmq_msg_data(&frame), sizeof(head));
    if (head.type == BARE_STORED)
        on_stored(client, party, &head);
    else if (head.type == BARE_BATCH)
        on_batch(client, party, &head, (const uint8_t *)zmq_msg_data(&frame) + sizeof(head), zmq_msg_size(&frame));
    else
        client->live++;
    zmq_msg_close(&frame);
    return true;
}

static void turn(struct client *client, long timeout_ms)
{
    check(zmq_poll(client->poll, (int)client->parties, timeout_ms));
    for (uint32_t i = 0; i < client->parties; i++)
        if (client->poll[i].revents != 0)
            for (int k = 0; k < 4 && take(client, &client->party[i]); k++)
                ;
}

/* --- rounds ---------------------------------------------------------------------------------------------------------
 */

static bool settled(const struct client *client)
{
    uint64_t published = 0, confirmed = 0;
    for (uint32_t i = 0; i < client->plan.publishers; i++) {
        published += client->party[i].published;
        confirmed += client->party[i].confirmed;
    }
    return confirmed == published &&
           tally_count(client->tally) == published * (client->plan.everybody ? client->plan.recipients : 1);
}

static void settle(struct client *client)
{
    uint64_t give_up_ns = plan_now_ns() + SETTLE_S * UINT64_C(1000000000);
    while (!settled(client)) {
        turn(client, 2);
        if (plan_now_ns() > give_up_ns)
            plan_void("%llu arrived", (unsigned long long)tally_count(client->tally));
    }
}

static void flow(struct client *client)
{
    uint64_t end_ns = plan_now_ns() + (uint64_t)(client->plan.seconds * 1e9);
    while (plan_now_ns() < end_ns) {
        for (uint32_t i = 0; i < client->plan.publishers; i++)
            publish(client, &client->party[i]);
        turn(client, 2);
    }
    for (uint32_t i = 0; i < client->plan.publishers; i++)
        flush(client, &client->party[i]);
    settle(client);
}

static void ping(struct client *client)
{
    uint64_t end_ns = plan_now_ns() + (uint64_t)(client->plan.seconds * 1e9);
    for (uint64_t i = 0; plan_now_ns() < end_ns; i++) {
        struct party *party = &client->party[i % client->plan.publishers];
        uint32_t to = plan_recipient(&client->plan, party->index, party->published);
        client->ping_sent_ns = plan_now_ns();
        put_message(client, party, &party->filling[to]);
        send_batch(client, party, to);
        settle(client);
        uint64_t next_ns = plan_now_ns() + (uint64_t)client->plan.pause_us * 1000;
        while (plan_now_ns() < next_ns)
            turn(client, (long)((next_ns - plan_now_ns()) / 1000000 + 1));
    }
}

static void client_open(struct client *client)
{
    const struct plan *plan = &client->plan;
    read_server(client);
    client->one = BARE_HEADER_BYTES + (size_t)plan->bytes;
    client->messages_max = (uint32_t)((BARE_BATCH_BYTES_MAX - sizeof(struct bare_head)) / client->one);
    if (client->messages_max > BARE_BATCH_MESSAGES_MAX)
        client->messages_max = BARE_BATCH_MESSAGES_MAX;
    client->hash = bare_hash_new();
    client->tally = tally_new(plan);
    client->noise = taken(1, NOISE_BYTES + client->one + 8);
    uint64_t random = plan->seed;
    plan_fill(&random, client->noise, (uint32_t)(NOISE_BYTES + client->one));
    client->zmq = zmq_ctx_new();
    client->parties = plan->publishers + plan->recipients;
    client->party = taken(client->parties, sizeof(*client->party));
    client->poll = taken(client->parties, sizeof(*client->poll));
    for (uint32_t i = 0; i < client->parties; i++) {
        struct party *party = &client->party[i];
        party->role = i < plan->publishers ? BARE_PUBLISHER : BARE_RECIPIENT;
        party->index = i < plan->publishers ? i : i - plan->publishers;
        party_open(client, party);
        client->poll[i] = (zmq_pollitem_t){.socket = party->socket, .events = ZMQ_POLLIN};
    }
    uint64_t give_up_ns = plan_now_ns() + SETTLE_S * UINT64_C(1000000000);
    while (client->live < client->parties) {
        turn(client, 100);
        if (plan_now_ns() > give_up_ns)
            plan_void("%u of %u sessions", client->live, client->parties);
    }
}

static void party_close(struct client *client, struct party *party)
{
    zmq_close(party->socket);
    bare_key_free(&party->key);
    for (uint32_t i = 0; party->filling != NULL && i < client->plan.recipients; i++)
        free(party->filling[i].bytes);
    free(party->filling);
}

static void client_close(struct client *client)
{
    for (uint32_t i = 0; i < client->parties; i++)
        party_close(client, &client->party[i]);
    zmq_ctx_term(client->zmq);
    bare_hash_free(&client->hash);
    tally_free(&client->tally);
    free(client->party);
    free(client->poll);
    free(client->noise);
}

static void check_tally(struct client *client)
{
    uint64_t *published = taken(client->plan.publishers, sizeof(*published));
    for (uint32_t i = 0; i < client->plan.publishers; i++)
        client->result.published += published[i] = client->party[i].published;
    tally_check(client->tally, published);
    client->result.deliveries = tally_count(client->tally);
    free(published);
}

int main(int argc, char **argv)
{
    static struct client client;
    plan_parse(&client.plan, argc, argv);
    if (client.plan.mode == PLAN_ALERT)
        plan_void("the bare pipeline has no lanes");
    client.result = (struct result){.system = "bare", .library = "libzmq"};
    client_open(&client);
    client.result.before = usage_of(client.plan.server_pid);
    struct usage own = usage_of(-1);
    uint64_t start_ns = plan_now_ns();
    (client.plan.mode == PLAN_PING ? ping : flow)(&client);
    client.result.seconds = (double)(client.last_ns - start_ns) / 1e9;
    client.result.after = usage_of(client.plan.server_pid);
    result_extra(&client.result, "client_cpu_seconds", usage_of(-1).cpu_seconds - own.cpu_seconds);
    check_tally(&client);
    result_extra(&client.result, "batches", (double)client.batches);
    result_print(&client.result);
    client_close(&client);
    return 0;
}
