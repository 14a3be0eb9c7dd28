#include "link/monitor.h"
#include "wire/ensure.h"
#include <stdio.h>
#include <string.h>

enum { EVENTS_PER_TURN = 256, EVENT_BYTES = 6 };

/* An event is two frames: number (16 bits) and value (32 bits) in host order, then the endpoint as text. */
static bool take_one(struct link_monitor *monitor)
{
    zmq_msg_t head, endpoint;
    zmq_msg_init(&head);
    zmq_msg_init(&endpoint);
    bool taken = link_socket_receive(&monitor->socket, &head) == WIRE_OK;
    if (taken) {
        uint16_t event = 0;
        int32_t value = 0;
        ENSURE(zmq_msg_size(&head) == EVENT_BYTES && zmq_msg_more(&head));
        memcpy(&event, zmq_msg_data(&head), sizeof event);
        memcpy(&value, (const uint8_t *)zmq_msg_data(&head) + sizeof event, sizeof value);
        ENSURE(link_socket_receive(&monitor->socket, &endpoint) == WIRE_OK);
        monitor->on_event(monitor->ctx, event, value);
    }
    zmq_msg_close(&head);
    zmq_msg_close(&endpoint);
    return taken;
}

bool link_monitor_take(struct link_monitor *monitor, unsigned max)
{
    for (unsigned i = 0; i < max; i++)
        if (!take_one(monitor)) /* also once on_event has closed it */
            return true;
    return false;
}

static void readable(void *ctx)
{
    struct link_monitor *monitor = ctx;
    link_monitor_take(monitor, EVENTS_PER_TURN);
}

enum wire_status link_monitor_open(struct link_monitor *monitor, uv_loop_t *loop, void *zmq_context, void *watched,
                                   int events, link_monitor_event *on_event, void *ctx)
{
    *monitor = (struct link_monitor){.watched = watched, .on_event = on_event, .ctx = ctx};
    char name[64]; /* the time makes it another name when memory is used again before libzmq forgot the old one */
    snprintf(name, sizeof name, "inproc://link-monitor-%p-%llx", (void *)monitor, (unsigned long long)uv_hrtime());
    if (zmq_socket_monitor(watched, name, events) != 0)
        return WIRE_IO;
    void *pair = zmq_socket(zmq_context, ZMQ_PAIR);
    if (!pair)
        return WIRE_IO;
    if (!link_socket_option(pair, ZMQ_RCVHWM, 0) || !link_socket_option(pair, ZMQ_LINGER, 0) ||
        zmq_connect(pair, name) != 0) {
        zmq_close(pair);
        return WIRE_IO;
    }
    return link_socket_open(&monitor->socket, loop, pair, readable, monitor);
}

void link_monitor_close(struct link_monitor *monitor, void (*closed)(void *ctx), void *ctx)
{
    if (monitor->watched)
        zmq_socket_monitor(monitor->watched, NULL, 0);
    monitor->watched = NULL;
    link_socket_close(&monitor->socket, closed, ctx);
}
