/* RabbitMQ: a quorum queue for each recipient (and one for its alerts), persistent messages, publisher confirms with a
 * window, consumers that acknowledge. A single node: what is confirmed is written to the Raft log and synced (fsync).
 */
#include "peers/peer.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

enum { CHANNEL = 1, WINDOW = 2000, PREFETCH = 1000, ACK_EVERY = 100, CONFIRMS_REMEMBERED = 65536 };

struct publisher {
    amqp_connection_state_t connection;
    bool alert;
    uint64_t published, confirmed, window;
    uint64_t below;                  /* every tag up to here is confirmed */
    bool known[CONFIRMS_REMEMBERED]; /* by tag, for those above */
};

struct recipient {
    amqp_connection_state_t connection;
    uint64_t last_tag, acked_tag, ack_every;
};

static void check(int status, const char *what)
{
    if (status != AMQP_STATUS_OK)
        plan_void("%s: %s", what, amqp_error_string2(status));
}

static void check_reply(amqp_rpc_reply_t reply, const char *what)
{
    if (reply.reply_type == AMQP_RESPONSE_NORMAL)
        return;
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION)
        plan_void("%s: %s", what, amqp_error_string2(reply.library_error));
    plan_void("%s: refused by the server", what);
}

static amqp_connection_state_t connect_to(const struct plan *plan)
{
    char ca[4096];
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_ssl_socket_new(connection);
    snprintf(ca, sizeof(ca), "%s/ca.pem", plan->folder);
    if (socket == NULL)
        plan_void("no TLS socket");
    check(amqp_ssl_socket_set_cacert(socket, ca), ca);
    amqp_ssl_socket_set_verify_peer(socket, 1);
    amqp_ssl_socket_set_verify_hostname(socket, 1);
    check(amqp_socket_open(socket, "localhost", plan->port), "connect");
    check_reply(amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"), "login");
    amqp_channel_open(connection, CHANNEL);
    check_reply(amqp_get_rpc_reply(connection), "channel");
    return connection;
}

static void disconnect(amqp_connection_state_t connection)
{
    amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(connection);
}

static void queue_name(char name[32], uint32_t index, bool alert)
{
    snprintf(name, 32, "%s-%u", alert ? "alert" : "bench", index);
}

static void make_queue(amqp_connection_state_t connection, const char *name)
{
    amqp_table_entry_t entry = {.key = amqp_cstring_bytes("x-queue-type"),
                                .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes("quorum")}};
    amqp_table_t arguments = {.num_entries = 1, .entries = &entry};
    amqp_queue_declare(connection, CHANNEL, amqp_cstring_bytes(name), 0, 1, 0, 0, arguments);
    check_reply(amqp_get_rpc_reply(connection), name);
    amqp_queue_bind(connection, CHANNEL, amqp_cstring_bytes(name), amqp_cstring_bytes("amq.fanout"), amqp_empty_bytes,
                    amqp_empty_table);
    check_reply(amqp_get_rpc_reply(connection), name);
}

static void prepare(const struct plan *plan)
{
    amqp_connection_state_t connection = connect_to(plan);
    for (uint32_t i = 0; i < plan->recipients; i++) {
        char name[32];
        queue_name(name, i, false);
        make_queue(connection, name);
        queue_name(name, i, true);
        if (plan->mode == PLAN_ALERT)
            make_queue(connection, name);
    }
    disconnect(connection);
}

/* --- publishing
 * ------------------------------------------------------------------------------------------------------- */

static void *publisher_open(const struct plan *plan, uint32_t index, bool alert)
{
    (void)index;
    struct publisher *publisher = calloc(1, sizeof(*publisher));
    if (publisher == NULL)
        plan_void("no memory");
    publisher->alert = alert;
    publisher->window = plan_extra(plan, "window", WINDOW);
    publisher->connection = connect_to(plan);
    amqp_confirm_select(publisher->connection, CHANNEL);
    check_reply(amqp_get_rpc_reply(publisher->connection), "confirms");
    return publisher;
}

/* Confirms come in any order: each queue has its own pace. */
static void note_confirmed(struct publisher *publisher, uint64_t tag)
{
    if (tag <= publisher->below || publisher->known[tag % CONFIRMS_REMEMBERED])
        return;
    publisher->known[tag % CONFIRMS_REMEMBERED] = true;
    publisher->confirmed++;
    while (publisher->known[(publisher->below + 1) % CONFIRMS_REMEMBERED])
        publisher->known[++publisher->below % CONFIRMS_REMEMBERED] = false;
}

/* One frame of the server, if there is one within the time. */
static bool take_confirm(struct publisher *publisher, struct timeval *timeout)
{
    amqp_frame_t frame;
    amqp_maybe_release_buffers(publisher->connection);
    int status = amqp_simple_wait_frame_noblock(publisher->connection, &frame, timeout);
    if (status == AMQP_STATUS_TIMEOUT)
        return false;
    check(status, "confirm");
    if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
        plan_void("the server refuses a message");
    const amqp_basic_ack_t *ack = frame.payload.method.decoded;
    for (uint64_t tag = ack->multiple ? publisher->below + 1 : ack->delivery_tag; tag <= ack->delivery_tag; tag++)
        note_confirmed(publisher, tag);
    return true;
}

static void publish(void *context, uint32_t to, const void *payload, uint32_t size)
{
    struct publisher *publisher = context;
    struct timeval now = {0, 0}, later = {60, 0};
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = 2};
    char name[32];
    queue_name(name, to, publisher->alert);
    check(amqp_basic_publish(publisher->connection, CHANNEL,
                             to == PEER_ALL ? amqp_cstring_bytes("amq.fanout") : amqp_empty_bytes,
                             to == PEER_ALL ? amqp_empty_bytes : amqp_cstring_bytes(name), 0, 0, &properties,
                             (amqp_bytes_t){size, (void *)(uintptr_t)payload}),
          "publish");
    publisher->published++;
    while (publisher->published % 64 == 0 && take_confirm(publisher, &now))
        ;
    while (publisher->published - publisher->below >= publisher->window)
        if (!take_confirm(publisher, &later))
            plan_void("no confirm within a minute");
}

static void flush(void *context)
{
    struct publisher *publisher = context;
    struct timeval later = {60, 0};
    while (publisher->confirmed < publisher->published)
        if (!take_confirm(publisher, &later))
            plan_void("no confirm within a minute");
}

static void publisher_close(void *context)
{
    struct publisher *publisher = context;
    disconnect(publisher->connection);
    free(publisher);
}

/* --- receiving
 * -------------------------------------------------------------------------------------------------------- */

static void *recipient_open(const struct plan *plan, uint32_t index, bool alert)
{
    struct recipient *recipient = calloc(1, sizeof(*recipient));
    char name[32];
    if (recipient == NULL)
        plan_void("no memory");
    recipient->connection = connect_to(plan);
    recipient->ack_every = alert || plan->mode == PLAN_PING ? 1 : ACK_EVERY;
    queue_name(name, index, alert);
    amqp_basic_qos(recipient->connection, CHANNEL, 0, PREFETCH, 0);
    check_reply(amqp_get_rpc_reply(recipient->connection), "prefetch");
    amqp_basic_consume(recipient->connection, CHANNEL, amqp_cstring_bytes(name), amqp_empty_bytes, 0, 0, 0,
                       amqp_empty_table);
    check_reply(amqp_get_rpc_reply(recipient->connection), name);
    return recipient;
}

static void acknowledge(struct recipient *recipient)
{
    if (recipient->acked_tag == recipient->last_tag)
        return;
    check(amqp_basic_ack(recipient->connection, CHANNEL, recipient->last_tag, 1), "ack");
    recipient->acked_tag = recipient->last_tag;
}

static void receive(void *context, struct peer_world *world, uint32_t index)
{
    struct recipient *recipient = context;
    struct timeval timeout = {0, 100000}, now = {0, 0};
    amqp_envelope_t envelope;
    for (;;) {
        amqp_maybe_release_buffers(recipient->connection);
        bool full = recipient->last_tag - recipient->acked_tag >= recipient->ack_every;
        if (full)
            acknowledge(recipient);
        bool waiting = recipient->last_tag != recipient->acked_tag; /* what is taken is acknowledged before we wait */
        amqp_rpc_reply_t reply = amqp_consume_message(recipient->connection, &envelope, waiting ? &now : &timeout, 0);
        if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION && reply.library_error == AMQP_STATUS_TIMEOUT)
            break;
        check_reply(reply, "consume");
        peer_take(world, index, envelope.message.body.bytes, envelope.message.body.len);
        recipient->last_tag = envelope.delivery_tag;
        amqp_destroy_envelope(&envelope);
    }
    acknowledge(recipient);
}

static void recipient_close(void *context)
{
    struct recipient *recipient = context;
    disconnect(recipient->connection);
    free(recipient);
}

int main(int argc, char **argv)
{
    static const struct peer_system system = {.name = "rabbitmq",
                                              .library = "librabbitmq " AMQP_VERSION_STRING,
                                              .prepare = prepare,
                                              .publisher_open = publisher_open,
                                              .publish = publish,
                                              .flush = flush,
                                              .publisher_close = publisher_close,
                                              .recipient_open = recipient_open,
                                              .receive = receive,
                                              .recipient_close = recipient_close};
    return peer_main(&system, argc, argv);
}
