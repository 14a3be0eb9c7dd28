/* NATS JetStream: one stream in files for the messages and one for the alerts, a durable pull consumer for each
 * recipient, asynchronous publishing with a window. A single server: JetStream writes files and does not sync them for
 * each message (sync_interval, two minutes unless configured), so a confirmed message may be lost with the machine. */
#include "peers/peer.h"

#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>

enum { WINDOW = 4096, FETCH = 512, EXPIRES_S = 60, WAIT_MS = 100 };

struct publisher {
    natsConnection *connection;
    jsCtx *stream;
    bool alert, one_at_a_time;
};

struct recipient {
    natsConnection *connection;
    natsSubscription *pull;
    int fetch, asked; /* messages: by one request, and still to come */
    char next[96], inbox[64];
};

static void check(natsStatus status, const char *what)
{
    if (status != NATS_OK)
        plan_void("%s: %s", what, natsStatus_GetText(status));
}

static natsConnection *connect_to(const struct plan *plan)
{
    natsOptions *options;
    natsConnection *connection;
    char url[128], ca[4096];
    snprintf(url, sizeof(url), "tls://localhost:%d", plan->port);
    snprintf(ca, sizeof(ca), "%s/ca.pem", plan->folder);
    check(natsOptions_Create(&options), "options");
    check(natsOptions_SetURL(options, url), url);
    check(natsOptions_SetSecure(options, true), "TLS");
    check(natsOptions_LoadCATrustedCertificates(options, ca), ca);
    check(natsOptions_SetAllowReconnect(options, false), "options");
    check(natsConnection_Connect(&connection, options), url);
    natsOptions_Destroy(options);
    return connection;
}

static void make_stream(jsCtx *stream, const char *name, const char *subjects)
{
    jsStreamConfig config;
    jsStreamInfo *info = NULL;
    jsStreamConfig_Init(&config);
    config.Name = name;
    config.Subjects = &subjects;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    config.Retention = js_LimitsPolicy;
    check(js_AddStream(&info, stream, &config, NULL, NULL), name);
    jsStreamInfo_Destroy(info);
}

static void prepare(const struct plan *plan)
{
    natsConnection *connection = connect_to(plan);
    jsCtx *stream;
    check(natsConnection_JetStream(&stream, connection, NULL), "JetStream");
    make_stream(stream, "bench", "bench.*");
    make_stream(stream, "alert", "alert.*");
    jsCtx_Destroy(stream);
    natsConnection_Destroy(connection);
}

/* --- publishing
 * ------------------------------------------------------------------------------------------------------- */

static void on_failed(jsCtx *stream, jsPubAckErr *failed, void *context)
{
    (void)stream;
    (void)context;
    plan_void("not confirmed: %s", natsStatus_GetText(failed->Err));
}

static void *publisher_open(const struct plan *plan, uint32_t index, bool alert)
{
    (void)index;
    struct publisher *publisher = calloc(1, sizeof(*publisher));
    jsOptions options;
    if (publisher == NULL)
        plan_void("no memory");
    jsOptions_Init(&options);
    options.PublishAsync.MaxPending = (int64_t)plan_extra(plan, "window", WINDOW);
    options.PublishAsync.StallWait = 60000;
    options.PublishAsync.ErrHandler = on_failed;
    publisher->alert = alert;
    publisher->one_at_a_time = alert || plan->mode == PLAN_PING;
    publisher->connection = connect_to(plan);
    check(natsConnection_JetStream(&publisher->stream, publisher->connection, &options), "JetStream");
    return publisher;
}

static void publish(void *context, uint32_t to, const void *payload, uint32_t size)
{
    struct publisher *publisher = context;
    char subject[32];
    if (to == PEER_ALL)
        snprintf(subject, sizeof(subject), "bench.all");
    else
        snprintf(subject, sizeof(subject), "%s.%u", publisher->alert ? "alert" : "bench", to);
    if (publisher->one_at_a_time)
        check(js_Publish(NULL, publisher->stream, subject, payload, (int)size, NULL, NULL), "publish");
    else
        check(js_PublishAsync(publisher->stream, subject, payload, (int)size, NULL), "publish");
}

static void flush(void *context)
{
    struct publisher *publisher = context;
    jsPubOptions options;
    jsPubOptions_Init(&options);
    options.MaxWait = 60000;
    if (!publisher->one_at_a_time)
        check(js_PublishAsyncComplete(publisher->stream, &options), "confirmations");
}

static void publisher_close(void *context)
{
    struct publisher *publisher = context;
    jsCtx_Destroy(publisher->stream);
    natsConnection_Destroy(publisher->connection);
    free(publisher);
}

/* --- receiving
 * --------------------------------------------------------------------------------------------------------
 */

/* Pulling by the protocol itself, with the next request always at the server before the last one is used up:
 * natsSubscription_Fetch of 3.4.1 waits a round trip with every batch, and now and then writes past its list. */
static void ask(struct recipient *recipient)
{
    char request[96];
    snprintf(request, sizeof(request), "{\"batch\":%d,\"expires\":%lld}", recipient->fetch,
             (long long)EXPIRES_S * 1000000000);
    check(natsConnection_PublishRequestString(recipient->connection, recipient->next, recipient->inbox, request),
          "request");
    recipient->asked += recipient->fetch;
}

static void make_consumer(struct recipient *recipient, const char *stream, const char *subject, const char *durable)
{
    jsCtx *context;
    jsConsumerConfig config;
    jsErrCode error = 0;
    check(natsConnection_JetStream(&context, recipient->connection, NULL), "JetStream");
    jsConsumerConfig_Init(&config);
    config.Durable = durable;
    config.FilterSubject = subject;
    config.AckPolicy = js_AckExplicit;
    config.MaxAckPending = 65536;
    config.AckWait = INT64_C(120000000000);
    check(js_AddConsumer(NULL, context, stream, &config, NULL, &error), durable);
    jsCtx_Destroy(context);
    snprintf(recipient->next, sizeof(recipient->next), "$JS.API.CONSUMER.MSG.NEXT.%s.%s", stream, durable);
}

static void *recipient_open(const struct plan *plan, uint32_t index, bool alert)
{
    struct recipient *recipient = calloc(1, sizeof(*recipient));
    const char *stream = alert ? "alert" : "bench";
    char subject[32], durable[32];
    if (recipient == NULL)
        plan_void("no memory");
    recipient->fetch = (int)plan_extra(plan, "fetch", FETCH);
    recipient->connection = connect_to(plan);
    snprintf(durable, sizeof(durable), "%s-%u", stream, index);
    if (plan->everybody)
        snprintf(subject, sizeof(subject), "%s.all", stream);
    else
        snprintf(subject, sizeof(subject), "%s.%u", stream, index);
    make_consumer(recipient, stream, subject, durable);
    snprintf(recipient->inbox, sizeof(recipient->inbox), "_INBOX.%s", durable);
    check(natsConnection_SubscribeSync(&recipient->pull, recipient->connection, recipient->inbox), "inbox");
    check(natsSubscription_SetPendingLimits(recipient->pull, -1, -1), "inbox");
    ask(recipient);
    return recipient;
}

/* A request that ends says so by a message without data. */
static void take(struct recipient *recipient, struct peer_world *world, uint32_t index, natsMsg *message)
{
    const char *status = NULL;
    if (natsMsg_GetDataLength(message) == 0 && natsMsgHeader_Get(message, "Status", &status) == NATS_OK) {
        recipient->asked = 0;
        return;
    }
    recipient->asked--;
    peer_take(world, index, natsMsg_GetData(message), (uint64_t)natsMsg_GetDataLength(message));
    check(natsConnection_PublishString(recipient->connection, natsMsg_GetReply(message), "+ACK"), "ack");
}

static void receive(void *context, struct peer_world *world, uint32_t index)
{
    struct recipient *recipient = context;
    natsMsg *message;
    natsStatus status = natsSubscription_NextMsg(&message, recipient->pull, WAIT_MS);
    if (status == NATS_TIMEOUT)
        return;
    check(status, "receive");
    take(recipient, world, index, message);
    natsMsg_Destroy(message);
    if (recipient->asked <= recipient->fetch / 2)
        ask(recipient);
}

static void recipient_close(void *context)
{
    struct recipient *recipient = context;
    natsSubscription_Destroy(recipient->pull);
    natsConnection_Destroy(recipient->connection);
    free(recipient);
}

int main(int argc, char **argv)
{
    static const struct peer_system system = {.name = "nats",
                                              .library = "libnats " NATS_VERSION_STRING,
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
