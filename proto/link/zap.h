/* The ZAP handler (RFC 27): who may finish a CURVE handshake.
 *
 * One a context, at inproc://zeromq.zap.01, on the loop's thread. A handshake that waits for the answer holds up
 * neither libzmq's I/O thread nor other handshakes, so a busy loop delays newcomers and nothing else; it times out
 * after ZMQ_HANDSHAKE_IVL. */
#pragma once
#include "link/socket.h"
#include "wire/limits.h"

enum { LINK_ZAP_KEY_BYTES = 32, LINK_ZAP_USER_ID_BYTES = 128, LINK_ZAP_DOMAIN_BYTES = 64 };

struct link_zap {
    struct link_socket socket;
    char domain[LINK_ZAP_DOMAIN_BYTES];
    /* true: write the User-Id, NUL-terminated, that every message of the connection will carry */
    bool (*allow)(void *ctx, const uint8_t key[LINK_ZAP_KEY_BYTES], char user_id[LINK_ZAP_USER_ID_BYTES]);
    void *ctx;
    uint64_t allowed, refused, malformed;
};

/* Answers requests of `domain` (not empty) with CURVE keys; anything else is refused. IN_USE: the context has a
 * handler. After a failure call link_zap_close too. */
enum wire_status link_zap_open(struct link_zap *zap, uv_loop_t *loop, void *zmq_context, const char *domain,
                               bool (*allow)(void *ctx, const uint8_t key[LINK_ZAP_KEY_BYTES],
                                             char user_id[LINK_ZAP_USER_ID_BYTES]),
                               void *ctx);
/* From then on nobody gets in. */
void link_zap_close(struct link_zap *zap, void (*closed)(void *ctx), void *ctx);
