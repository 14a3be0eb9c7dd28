#include "link/zap.h"
#include <errno.h>
#include <string.h>

enum { REQUESTS_PER_TURN = 64, REQUEST_ID_BYTES_MAX = 255 };

/* Frames of a request, RFC 27. */
enum { VERSION, REQUEST_ID, DOMAIN, ADDRESS, ROUTING_ID, MECHANISM, CREDENTIALS, FRAMES };

struct request {
    unsigned frames; /* how many there were; the first FRAMES are kept */
    zmq_msg_t frame[FRAMES];
};

static bool receive_request(struct link_zap *zap, struct request *request)
{
    zmq_msg_t spare;
    bool more = true;
    request->frames = 0;
    zmq_msg_init(&spare);
    while (more) {
        zmq_msg_t *frame = request->frames < FRAMES ? &request->frame[request->frames] : &spare;
        if (link_socket_receive(&zap->socket, frame) != WIRE_OK)
            break;
        request->frames++;
        more = zmq_msg_more(frame) != 0;
    }
    zmq_msg_close(&spare);
    return request->frames > 0;
}

static bool frame_is(struct request *request, int which, const char *text)
{
    zmq_msg_t *frame = &request->frame[which];
    return zmq_msg_size(frame) == strlen(text) && memcmp(zmq_msg_data(frame), text, strlen(text)) == 0;
}

static bool well_formed(struct request *request)
{
    return request->frames == FRAMES && frame_is(request, VERSION, "1.0") &&
           zmq_msg_size(&request->frame[REQUEST_ID]) <= REQUEST_ID_BYTES_MAX && frame_is(request, MECHANISM, "CURVE") &&
           zmq_msg_size(&request->frame[CREDENTIALS]) == LINK_ZAP_KEY_BYTES;
}

static void send_text(struct link_zap *zap, const char *text, bool more)
{
    zmq_msg_t frame;
    if (zmq_msg_init_size(&frame, strlen(text)) != 0)
        return;
    memcpy(zmq_msg_data(&frame), text, strlen(text));
    if (link_socket_send(&zap->socket, &frame, more) != WIRE_OK)
        zmq_msg_close(&frame); /* the handshake is gone: nobody waits for the answer */
}

static void answer(struct link_zap *zap, struct request *request, const char *code, const char *text,
                   const char *user_id)
{
    send_text(zap, "1.0", true);
    if (link_socket_send(&zap->socket, &request->frame[REQUEST_ID], true) != WIRE_OK)
        return; /* request_close closes the frame */
    send_text(zap, code, true);
    send_text(zap, text, true);
    send_text(zap, user_id, true);
    send_text(zap, "", false);
}

static void judge(struct link_zap *zap, struct request *request)
{
    char user_id[LINK_ZAP_USER_ID_BYTES] = "";
    if (!well_formed(request)) {
        zap->malformed++;
        answer(zap, request, "500", "malformed", "");
        return;
    }
    bool in = frame_is(request, DOMAIN, zap->domain) &&
              zap->allow(zap->ctx, zmq_msg_data(&request->frame[CREDENTIALS]), user_id) && user_id[0] != '\0';
    user_id[sizeof user_id - 1] = '\0';
    if (in)
        zap->allowed++;
    else
        zap->refused++;
    answer(zap, request, in ? "200" : "400", in ? "OK" : "refused", in ? user_id : "");
}

static bool serve_one(struct link_zap *zap)
{
    struct request request;
    for (int i = 0; i < FRAMES; i++)
        zmq_msg_init(&request.frame[i]);
    bool any = receive_request(zap, &request);
    if (any)
        judge(zap, &request);
    for (int i = 0; i < FRAMES; i++)
        zmq_msg_close(&request.frame[i]);
    return any;
}

static void readable(void *ctx)
{
    struct link_zap *zap = ctx;
    for (int i = 0; i < REQUESTS_PER_TURN; i++)
        if (!serve_one(zap))
            return;
}

enum wire_status link_zap_open(struct link_zap *zap, uv_loop_t *loop, void *zmq_context, const char *domain,
                               bool (*allow)(void *ctx, const uint8_t key[LINK_ZAP_KEY_BYTES],
                                             char user_id[LINK_ZAP_USER_ID_BYTES]),
                               void *ctx)
{
    *zap = (struct link_zap){.allow = allow, .ctx = ctx};
    if (domain[0] == '\0' || strlen(domain) >= sizeof zap->domain)
        return WIRE_INVALID;
    memcpy(zap->domain, domain, strlen(domain));
    void *rep = zmq_socket(zmq_context, ZMQ_REP);
    if (!rep)
        return WIRE_IO;
    if (!link_socket_option(rep, ZMQ_LINGER, 0) || zmq_bind(rep, "inproc://zeromq.zap.01") != 0) {
        enum wire_status status = zmq_errno() == EADDRINUSE ? WIRE_IN_USE : WIRE_IO;
        zmq_close(rep);
        return status;
    }
    return link_socket_open(&zap->socket, loop, rep, readable, zap);
}

void link_zap_close(struct link_zap *zap, void (*closed)(void *ctx), void *ctx)
{
    link_socket_close(&zap->socket, closed, ctx);
}
