/* What libzmq tells about the connections of a socket (zmq_socket_monitor), on the loop.
 *
 * Events come in the order in which the I/O thread saw them, but asynchronously: the descriptor in ACCEPTED may be
 * closed already when it is read, and then DISCONNECTED for it follows. The pipe is unbounded (RCVHWM 0), since a full
 * one would stop the I/O thread and dead-lock zmq_close; an event is about 100 bytes. */
#pragma once
#include "link/socket.h"

/* `event` is one of ZMQ_EVENT_*; `value` its descriptor, errno or ZAP status. */
typedef void link_monitor_event(void *ctx, uint16_t event, int32_t value);

struct link_monitor {
    struct link_socket socket;
    void *watched;
    link_monitor_event *on_event;
    void *ctx;
};

/* Call before bind or connect, so that nothing is missed. On failure nothing is left open but what
 * link_monitor_close closes. */
enum wire_status link_monitor_open(struct link_monitor *monitor, uv_loop_t *loop, void *zmq_context, void *watched,
                                   int events, link_monitor_event *on_event, void *ctx);
/* Takes up to `max` events that wait now; false = there may be more. Also called by the loop. The monitor may be closed
 * from within on_event. */
bool link_monitor_take(struct link_monitor *monitor, unsigned max);
/* Before the watched socket is closed. */
void link_monitor_close(struct link_monitor *monitor, void (*closed)(void *ctx), void *ctx);
