/* Mosquitto: QoS 1 both ways, durable sessions, persistence on. Its store is memory, written to a file every
 * autosave_interval and at exit: what is confirmed may be lost with the process. */
#include "peers/peer.h"

#include <mosquitto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

enum { WINDOW = 1000, QOS = 1, KEEPALIVE_S = 60 };

struct client {
    struct mosquitto *mosquitto;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool connected, subscribed, alert;
    uint64_t published, confirmed, window;
    struct peer_world *world; /* recipients: set when the first receive is called */
    uint32_t index;
    char topic[32];
};

static void check(int status, const char *what)
{
    if (status != MOSQ_ERR_SUCCESS)
        plan_void("%s: %s", what, mosquitto_strerror(status));
}

static void set(struct client *client, bool *what)
{
    pthread_mutex_lock(&client->lock);
    *what = true;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
}

static void wait_for(struct client *client, const bool *what)
{
    pthread_mutex_lock(&client->lock);
    while (!*what)
        pthread_cond_wait(&client->changed, &client->lock);
    pthread_mutex_unlock(&client->lock);
}

static void on_connect(struct mosquitto *mosquitto, void *context, int code)
{
    (void)mosquitto;
    if (code != 0)
        plan_void("connect: %s", mosquitto_connack_string(code));
    set(context, &((struct client *)context)->connected);
}

static void on_subscribe(struct mosquitto *mosquitto, void *context, int id, int count, const int *granted)
{
    (void)mosquitto;
    (void)id;
    if (count != 1 || granted[0] != QOS)
        plan_void("subscribe: not granted");
    set(context, &((struct client *)context)->subscribed);
}

static void on_publish(struct mosquitto *mosquitto, void *context, int id)
{
    (void)mosquitto;
    (void)id;
    struct client *client = context;
    pthread_mutex_lock(&client->lock);
    client->confirmed++;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
}

/* The library acknowledges when this returns. */
static void on_message(struct mosquitto *mosquitto, void *context, const struct mosquitto_message *message)
{
    (void)mosquitto;
    struct client *client = context;
    pthread_mutex_lock(&client->lock);
    while (client->world == NULL)
        pthread_cond_wait(&client->changed, &client->lock);
    pthread_mutex_unlock(&client->lock);
    peer_take(client->world, client->index, message->payload, (uint64_t)message->payloadlen);
}

static struct client *client_open(const struct plan *plan, const char *role, uint32_t index, bool alert)
{
    struct client *client = calloc(1, sizeof(*client));
    char id[64], ca[4096];
    if (client == NULL)
        plan_void("no memory");
    client->index = index;
    client->alert = alert;
    client->window = plan_extra(plan, "window", WINDOW);
    pthread_mutex_init(&client->lock, NULL);
    pthread_cond_init(&client->changed, NULL);
    snprintf(id, sizeof(id), "%s-%s-%u", role, alert ? "alert" : "bench", index);
    snprintf(ca, sizeof(ca), "%s/ca.pem", plan->folder);
    client->mosquitto = mosquitto_new(id, false, client);
    if (client->mosquitto == NULL)
        plan_void("no client");
    mosquitto_connect_callback_set(client->mosquitto, on_connect);
    mosquitto_subscribe_callback_set(client->mosquitto, on_subscribe);
    mosquitto_publish_callback_set(client->mosquitto, on_publish);
    mosquitto_message_callback_set(client->mosquitto, on_message);
    check(mosquitto_int_option(client->mosquitto, MOSQ_OPT_SEND_MAXIMUM, 65535), "option");
    check(mosquitto_int_option(client->mosquitto, MOSQ_OPT_TCP_NODELAY, 1), "option");
    check(mosquitto_max_inflight_messages_set(client->mosquitto, (unsigned)client->window), "window");
    check(mosquitto_tls_set(client->mosquitto, ca, NULL, NULL, NULL, NULL), "TLS");
    check(mosquitto_connect(client->mosquitto, "localhost", plan->port, KEEPALIVE_S), "connect");
    check(mosquitto_loop_start(client->mosquitto), "thread");
    wait_for(client, &client->connected);
    return client;
}

static void client_close(void *context)
{
    struct client *client = context;
    mosquitto_disconnect(client->mosquitto);
    mosquitto_loop_stop(client->mosquitto, false);
    mosquitto_destroy(client->mosquitto);
    pthread_mutex_destroy(&client->lock);
    pthread_cond_destroy(&client->changed);
    free(client);
}

static void prepare(const struct plan *plan)
{
    (void)plan;
    check(mosquitto_lib_init(), "library");
}

static void *publisher_open(const struct plan *plan, uint32_t index, bool alert)
{
    return client_open(plan, "from", index, alert);
}

static void wait_confirmed(struct client *client, uint64_t unconfirmed)
{
    pthread_mutex_lock(&client->lock);
    while (client->published - client->confirmed > unconfirmed)
        pthread_cond_wait(&client->changed, &client->lock);
    pthread_mutex_unlock(&client->lock);
}

static void publish(void *context, uint32_t to, const void *payload, uint32_t size)
{
    struct client *client = context;
    char topic[32];
    if (to == PEER_ALL)
        snprintf(topic, sizeof(topic), "bench/all");
    else
        snprintf(topic, sizeof(topic), "%s/%u", client->alert ? "alert" : "bench", to);
    check(mosquitto_publish(client->mosquitto, NULL, topic, (int)size, payload, QOS, false), "publish");
    client->published++;
    wait_confirmed(client, client->window - 1);
}

static void flush(void *context)
{
    wait_confirmed(context, 0);
}

static void *recipient_open(const struct plan *plan, uint32_t index, bool alert)
{
    struct client *client = client_open(plan, "to", index, alert);
    if (plan->everybody)
        snprintf(client->topic, sizeof(client->topic), "bench/all");
    else
        snprintf(client->topic, sizeof(client->topic), "%s/%u", alert ? "alert" : "bench", index);
    check(mosquitto_subscribe(client->mosquitto, NULL, client->topic, QOS), "subscribe");
    wait_for(client, &client->subscribed);
    return client;
}

/* The library's own thread receives. */
static void receive(void *context, struct peer_world *world, uint32_t index)
{
    struct client *client = context;
    (void)index;
    pthread_mutex_lock(&client->lock);
    client->world = world;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
    usleep(100000);
}

int main(int argc, char **argv)
{
    static const struct peer_system system = {.name = "mosquitto",
                                              .library = "libmosquitto " TEXT(LIBMOSQUITTO_MAJOR) "." TEXT(
                                                  LIBMOSQUITTO_MINOR) "." TEXT(LIBMOSQUITTO_REVISION),
                                              .prepare = prepare,
                                              .publisher_open = publisher_open,
                                              .publish = publish,
                                              .flush = flush,
                                              .publisher_close = client_close,
                                              .recipient_open = recipient_open,
                                              .receive = receive,
                                              .recipient_close = client_close};
    return peer_main(&system, argc, argv);
}
