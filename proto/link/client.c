#include "link/client.h"
#include "link/message.h"
#include "link/monitor.h"
#include "link/resolve.h"
#include "link/socket.h"
#include "wire/ensure.h"
#include "wire/limits.h"
#include <stdlib.h>
#include <string.h>

enum { ENDPOINT_BYTES = LINK_RESOLVE_BYTES, SILENT_PULSES = 3, LEAVING_MS = 1000, PARTS = 2 };

/* We close the socket long before. Both -1, which forbids reconnecting, and IMMEDIATE 1, which queues nothing for a
 * connection that is not there, make libzmq throw away what is unread when the connection ends, the BYE among it. */
enum { NEVER_MS = 3600 * 1000 };

/* One socket, one connection, one session. It outlives its being the current one until libuv has closed its handles. */
struct session {
    struct link_client *client; /* which may have gone on to another session */
    struct link_socket dealer;
    struct link_monitor monitor;
    int parts_open;
};

struct link_client {
    uv_loop_t *loop;
    void *zmq_context;
    char endpoint[ENDPOINT_BYTES];
    uint8_t public_key[LINK_CLIENT_KEY_BYTES], secret_key[LINK_CLIENT_KEY_BYTES], server_key[LINK_CLIENT_KEY_BYTES];
    struct link_client_options options; /* its pointers are not used after open */
    struct link_client_callbacks call;
    struct link_client_counters counters;
    struct session *session;
    struct link_resolve *lookup;   /* one at a time, however often an attempt gives up waiting for it */
    struct link_resolved resolved; /* for the next attempt: names are asked for each time */
    enum link_client_state state;
    bool leaving;      /* why: what came before the end is still read, then the session ends */
    bool owner_leaves; /* not even that */
    enum link_lost why;
    unsigned failures; /* attempts since the last session with a pulse */
    uv_timer_t timer;  /* WAITING: back-off. CONNECTING: patience. UP: watchdog. leaving: its limit */
    int busy;
    void (*closed)(void *ctx);
    void *closed_ctx;
    int parts_open; /* timer, sessions and lookups that are not closed yet */
};

static void on_timer(uv_timer_t *timer);

const char *link_lost_name(enum link_lost why)
{
    static const char *const names[LINK_LOST_REASONS] = {"connect", "handshake",  "refused", "by-peer",
                                                         "silent",  "multi-part", "by-owner"};
    return (unsigned)why < LINK_LOST_REASONS ? names[why] : "unknown";
}

/* --- the end of everything --------------------------------------------------------------------------------------- */

static void on_part_closed(struct link_client *client)
{
    if (--client->parts_open > 0)
        return;
    void (*closed)(void *) = client->closed;
    void *closed_ctx = client->closed_ctx;
    explicit_bzero(client->secret_key, sizeof client->secret_key);
    free(client);
    if (closed)
        closed(closed_ctx);
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

static void on_session_part_closed(void *ctx)
{
    struct session *session = ctx;
    if (--session->parts_open > 0)
        return;
    struct link_client *client = session->client;
    free(session);
    on_part_closed(client);
}

static void close_session(struct link_client *client)
{
    struct session *session = client->session;
    client->session = NULL;
    if (!session)
        return;
    session->parts_open = PARTS;
    link_monitor_close(&session->monitor, on_session_part_closed, session);
    link_socket_close(&session->dealer, on_session_part_closed, session);
}

/* --- the end of a session ---------------------------------------------------------------------------------------- */

static int backoff_ms(struct link_client *client)
{
    int64_t max = client->options.backoff_ms_max, span = 2 * (int64_t)client->options.backoff_ms_min;
    for (unsigned i = 1; i < client->failures && span < max; i++)
        span *= 2;
    if (span > max)
        span = max;
    int64_t half = span / 2;
    return (int)(half + client->call.random(client->call.ctx) % (half + 1));
}

static void arm(struct link_client *client, int ms)
{
    uv_timer_start(&client->timer, on_timer, (uint64_t)ms, 0);
}

static int patience_ms(const struct link_client *client)
{
    return SILENT_PULSES * client->options.pulse_ms;
}

static void end_session(struct link_client *client, enum link_lost why)
{
    bool was_up = client->state == LINK_UP;
    close_session(client);
    client->state = LINK_WAITING;
    client->leaving = client->owner_leaves = false;
    client->counters.lost[why]++;
    client->failures++;
    int retry_ms = backoff_ms(client);
    arm(client, retry_ms);
    client->call.on_down(client->call.ctx, why, was_up, retry_ms);
}

/* The connection is gone, but what came before its end (a BYE with the reason) may still lie in the pipe. */
static void leave(struct link_client *client, enum link_lost why)
{
    if (client->leaving)
        return;
    client->leaving = true;
    client->why = why;
    arm(client, LEAVING_MS);
    link_socket_wake(&client->session->dealer);
}

/* --- a session --------------------------------------------------------------------------------------------------- */

/* false: nothing more to read now, or the session is over. */
static bool read_message(struct link_client *client, struct session *session, uint32_t *bytes_left)
{
    zmq_msg_t message;
    zmq_msg_init(&message);
    bool goes_on = link_socket_receive(&session->dealer, &message) == WIRE_OK;
    if (goes_on && zmq_msg_more(&message)) {
        end_session(client, LINK_LOST_MULTI_PART);
        goes_on = false;
    } else if (goes_on) {
        size_t size = zmq_msg_size(&message);
        *bytes_left -= size < *bytes_left ? (uint32_t)size : *bytes_left;
        client->counters.messages_in++;
        client->counters.bytes_in += size;
        client->call.on_message(client->call.ctx, wire_bytes(zmq_msg_data(&message), size));
        goes_on = !client->owner_leaves;
    }
    zmq_msg_close(&message);
    return goes_on;
}

static void on_readable(void *ctx)
{
    struct session *session = ctx;
    struct link_client *client = session->client;
    uint32_t frames = client->options.turn_frames_max, bytes = client->options.turn_bytes_max;
    uint64_t before = client->counters.messages_in;
    bool drained = false;
    if (client->session != session || client->state != LINK_UP || client->owner_leaves)
        return;
    client->busy++;
    while (!drained && frames-- > 0 && bytes > 0)
        drained = !read_message(client, session, &bytes);
    if (client->counters.messages_in != before && client->call.on_turn_end)
        client->call.on_turn_end(client->call.ctx);
    if (drained && client->session == session && client->leaving && !client->owner_leaves)
        end_session(client, client->why);
    client->busy--;
}

static void on_handshake(struct link_client *client)
{
    if (client->state != LINK_CONNECTING || client->leaving)
        return;
    client->state = LINK_UP;
    client->counters.ups++;
    arm(client, patience_ms(client));
    client->call.on_up(client->call.ctx);
}

static void on_event(void *ctx, uint16_t event, int32_t value)
{
    struct session *session = ctx;
    struct link_client *client = session->client;
    (void)value;
    if (client->session != session)
        return;
    client->busy++;
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        on_handshake(client);
    else if (client->state == LINK_UP)
        leave(client, LINK_LOST_BY_PEER);
    else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
        end_session(client, LINK_LOST_REFUSED);
    else if (event == ZMQ_EVENT_CLOSED || event == ZMQ_EVENT_CONNECT_RETRIED)
        end_session(client, LINK_LOST_CONNECT);
    else
        end_session(client, LINK_LOST_HANDSHAKE);
    client->busy--;
}

/* --- the beginning of a session ---------------------------------------------------------------------------------- */

static bool set_options(void *dealer, const struct link_client *client)
{
    const struct link_client_options *options = &client->options;
    return zmq_setsockopt(dealer, ZMQ_CURVE_SERVERKEY, client->server_key, LINK_CLIENT_KEY_BYTES) == 0 &&
           zmq_setsockopt(dealer, ZMQ_CURVE_PUBLICKEY, client->public_key, LINK_CLIENT_KEY_BYTES) == 0 &&
           zmq_setsockopt(dealer, ZMQ_CURVE_SECRETKEY, client->secret_key, LINK_CLIENT_KEY_BYTES) == 0 &&
           zmq_setsockopt(dealer, ZMQ_MAXMSGSIZE, &options->frame_bytes_max, sizeof(int64_t)) == 0 &&
           link_socket_option(dealer, ZMQ_RECONNECT_IVL, NEVER_MS) && link_socket_option(dealer, ZMQ_IMMEDIATE, 0) &&
           link_socket_option(dealer, ZMQ_RCVHWM, 0) &&
           link_socket_option(dealer, ZMQ_SNDHWM, options->send_frames_max) &&
           link_socket_option(dealer, ZMQ_SNDBUF, options->send_buffer_bytes) &&
           link_socket_option(dealer, ZMQ_LINGER, options->linger_ms) && link_socket_option(dealer, ZMQ_IPV6, 1) &&
           link_socket_option(dealer, ZMQ_HANDSHAKE_IVL, patience_ms(client));
}

/* On failure client->session still holds what is to be closed. */
static enum wire_status open_session(struct link_client *client, const char *endpoint)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        return WIRE_NO_MEMORY;
    session->client = client;
    client->session = session;
    client->parts_open++;
    void *dealer = zmq_socket(client->zmq_context, ZMQ_DEALER);
    if (!dealer)
        return WIRE_IO;
    if (!set_options(dealer, client)) {
        zmq_close(dealer);
        return WIRE_INVALID;
    }
    enum wire_status status = link_socket_open(&session->dealer, client->loop, dealer, on_readable, session);
    if (status == WIRE_OK)
        status = link_monitor_open(&session->monitor, client->loop, client->zmq_context, dealer,
                                   ZMQ_EVENT_CLOSED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_DISCONNECTED |
                                       ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                                       ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, /* not ..._PROTOCOL: server.c says why */
                                   on_event, session);
    if (status == WIRE_OK && zmq_connect(dealer, endpoint) != 0)
        status = WIRE_INVALID;
    return status;
}

static void on_lookup_closed(void *ctx)
{
    on_part_closed(ctx);
}

static void drop_lookup(struct link_client *client)
{
    client->resolved.count = 0;
    if (client->lookup)
        link_resolve_forget(&client->lookup, on_lookup_closed, client);
}

/* Each address has its turn. */
static enum wire_status open_resolved(struct link_client *client)
{
    const struct link_resolved *found = &client->resolved;
    enum wire_status status = open_session(client, found->endpoint[client->failures % found->count]);
    client->resolved.count = 0;
    return status;
}

/* An answer that comes when its attempt has given up is for the next one. */
static void on_resolved(void *ctx, const struct link_resolved *found)
{
    struct link_client *client = ctx;
    client->resolved = *found;
    link_resolve_forget(&client->lookup, on_lookup_closed, client);
    if (client->state != LINK_CONNECTING || client->session || client->leaving)
        return;
    client->busy++;
    arm(client, patience_ms(client));
    if (found->count == 0 || open_resolved(client) != WIRE_OK)
        end_session(client, LINK_LOST_CONNECT);
    client->busy--;
}

static bool start_lookup(struct link_client *client)
{
    client->lookup = link_resolve_start(client->loop, client->endpoint, on_resolved, client);
    client->parts_open += client->lookup != NULL;
    return client->lookup != NULL;
}

static enum wire_status attempt(struct link_client *client)
{
    client->state = LINK_CONNECTING;
    client->counters.attempts++;
    arm(client, patience_ms(client));
    if (!link_resolve_needed(client->endpoint))
        return open_session(client, client->endpoint);
    if (client->resolved.count > 0)
        return open_resolved(client);
    return client->lookup || start_lookup(client) ? WIRE_OK : WIRE_NO_MEMORY;
}

static void on_timer(uv_timer_t *timer)
{
    struct link_client *client = timer->data;
    client->busy++;
    if (client->state == LINK_WAITING) {
        if (attempt(client) != WIRE_OK)
            end_session(client, LINK_LOST_CONNECT);
    } else if (client->leaving) {
        end_session(client, client->why);
    } else {
        end_session(client, client->state == LINK_UP ? LINK_LOST_SILENT : LINK_LOST_CONNECT);
    }
    client->busy--;
}

/* --- what the owner calls ---------------------------------------------------------------------------------------- */

/* tcp://host:port. libzmq would find most mistakes only when it connects, and some (port 99999) never. */
static bool is_endpoint(const char *endpoint)
{
    const char *host = endpoint + strlen("tcp://"), *colon = strrchr(endpoint, ':');
    char *end = NULL;
    if (strncmp(endpoint, "tcp://", strlen("tcp://")) != 0 || strlen(endpoint) >= ENDPOINT_BYTES || colon <= host)
        return false;
    unsigned long port = strtoul(colon + 1, &end, 10);
    return colon[1] >= '0' && colon[1] <= '9' && *end == '\0' && port > 0 && port < 65536;
}

static enum wire_status set_endpoint(struct link_client *client, const char *endpoint)
{
    if (!endpoint || !is_endpoint(endpoint))
        return WIRE_INVALID;
    memcpy(client->endpoint, endpoint, strlen(endpoint) + 1);
    return WIRE_OK;
}

#define DEFAULT(field, value) options->field = options->field != 0 ? options->field : (value)

static void take_options(struct link_client *client, const struct link_client_options *given)
{
    struct link_client_options *options = &client->options;
    *options = *given;
    options->endpoint = NULL;
    options->public_key = options->secret_key = options->server_key = NULL;
    memcpy(client->public_key, given->public_key, LINK_CLIENT_KEY_BYTES);
    memcpy(client->secret_key, given->secret_key, LINK_CLIENT_KEY_BYTES);
    memcpy(client->server_key, given->server_key, LINK_CLIENT_KEY_BYTES);
    DEFAULT(pulse_ms, WIRE_PULSE_MS);
    DEFAULT(backoff_ms_min, 500);
    DEFAULT(backoff_ms_max, 30000);
    DEFAULT(frame_bytes_max, WIRE_FRAME_BYTES_MAX);
    DEFAULT(send_frames_max, 4096);
    DEFAULT(send_buffer_bytes, 128 * 1024);
    DEFAULT(linger_ms, 1000);
    DEFAULT(turn_frames_max, 256);
    DEFAULT(turn_bytes_max, 4 * 1024 * 1024);
}
#undef DEFAULT

enum wire_status link_client_open(uv_loop_t *loop, void *zmq_context, const struct link_client_options *options,
                                  const struct link_client_callbacks *callbacks, struct link_client **out,
                                  struct wire_problem *problem)
{
    ENSURE(callbacks->random && callbacks->on_up && callbacks->on_message && callbacks->on_down);
    ENSURE(options->public_key && options->secret_key && options->server_key);
    *out = NULL;
    struct link_client *client = calloc(1, sizeof *client);
    if (!client)
        return wire_fail(problem, WIRE_NO_MEMORY, "DEALER", "内存不足。", "out of memory.");
    client->loop = loop;
    client->zmq_context = zmq_context;
    client->call = *callbacks;
    client->parts_open = 1;
    take_options(client, options);
    uv_timer_init(loop, &client->timer);
    client->timer.data = client;
    enum wire_status status = set_endpoint(client, options->endpoint);
    if (status == WIRE_OK)
        status = attempt(client);
    if (status == WIRE_OK) {
        *out = client;
        return WIRE_OK;
    }
    link_client_close(&client, NULL, NULL);
    return wire_failf(problem, status, options->endpoint ? options->endpoint : "",
                      "无法连接：%s。地址须形如 tcp://broker.example:5570，密钥为 32 字节。",
                      "cannot connect: %s. An endpoint looks like tcp://broker.example:5570, keys have 32 bytes.",
                      zmq_strerror(zmq_errno()));
}

enum link_client_state link_client_state(const struct link_client *client)
{
    return client->state;
}

const struct link_client_counters *link_client_counters(const struct link_client *client)
{
    return &client->counters;
}

static enum wire_status send_message(struct link_client *client, zmq_msg_t *message, size_t size)
{
    enum wire_status status = link_socket_send(&client->session->dealer, message, false);
    client->counters.messages_out += status == WIRE_OK;
    client->counters.bytes_out += status == WIRE_OK ? size : 0;
    client->counters.send_again += status != WIRE_OK;
    return status == WIRE_OK ? WIRE_OK : WIRE_AGAIN;
}

static bool may_send(const struct link_client *client)
{
    return client->state == LINK_UP && !client->leaving;
}

enum wire_status link_client_send(struct link_client *client, struct wire_bytes payload)
{
    zmq_msg_t message;
    if (!may_send(client))
        return WIRE_AGAIN;
    enum wire_status status = link_message_copy(&message, payload);
    if (status != WIRE_OK)
        return status;
    status = send_message(client, &message, payload.size);
    if (status != WIRE_OK)
        zmq_msg_close(&message);
    return status;
}

enum wire_status link_client_send_owned(struct link_client *client, void *data, size_t size,
                                        void (*release)(void *data, void *hint), void *hint)
{
    struct link_lent *lent = NULL;
    zmq_msg_t message;
    if (!may_send(client))
        return WIRE_AGAIN;
    enum wire_status status = link_message_lend(&message, data, size, release, hint, &lent);
    if (status != WIRE_OK)
        return status;
    link_message_arm(lent);
    status = send_message(client, &message, size);
    if (status != WIRE_OK) {
        link_message_disarm(lent);
        zmq_msg_close(&message);
    }
    return status;
}

void link_client_alive(struct link_client *client)
{
    if (client->state != LINK_UP || client->leaving)
        return;
    client->failures = 0;
    arm(client, patience_ms(client));
}

/* on_down must not come from within the owner's call: the timer brings it. */
void link_client_reconnect(struct link_client *client)
{
    if (client->state == LINK_WAITING || client->owner_leaves)
        return;
    client->leaving = client->owner_leaves = true;
    client->why = LINK_LOST_BY_OWNER;
    arm(client, 0);
}

enum wire_status link_client_set_server(struct link_client *client, const char *endpoint,
                                        const uint8_t server_key[LINK_CLIENT_KEY_BYTES])
{
    if (endpoint && set_endpoint(client, endpoint) != WIRE_OK)
        return WIRE_INVALID;
    if (endpoint)
        drop_lookup(client);
    memcpy(client->server_key, server_key, LINK_CLIENT_KEY_BYTES);
    return WIRE_OK;
}

void link_client_close(struct link_client **client, void (*closed)(void *ctx), void *ctx)
{
    struct link_client *taken = *client;
    *client = NULL;
    if (!taken) {
        if (closed)
            closed(ctx);
        return;
    }
    ENSURE(taken->busy == 0);
    bool was_up = taken->state == LINK_UP;
    close_session(taken);
    drop_lookup(taken);
    taken->state = LINK_WAITING;
    taken->closed = closed;
    taken->closed_ctx = ctx;
    uv_close((uv_handle_t *)&taken->timer, on_timer_closed);
    if (was_up)
        taken->call.on_down(taken->call.ctx, LINK_LOST_BY_OWNER, true, 0);
}
