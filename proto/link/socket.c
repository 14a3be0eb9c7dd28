#include "link/socket.h"
#include "wire/ensure.h"
#include <errno.h>

/* Takes the commands that wait for the socket (attached, gone and writable pipes) as a side effect. */
static bool readable_now(struct link_socket *socket)
{
    int events = 0;
    size_t size = sizeof events;
    if (zmq_getsockopt(socket->zmq, ZMQ_EVENTS, &events, &size) != 0)
        return false;
    return (events & ZMQ_POLLIN) != 0;
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct link_socket *socket = handle->data;
    (void)status, (void)events;
    socket->touched = true;
    socket->due = true;
}

static void on_idle(uv_idle_t *handle)
{
    (void)handle; /* its being active is its work: the loop does not sleep */
}

static void on_prepare(uv_prepare_t *handle)
{
    struct link_socket *socket = handle->data;
    if (socket->touched && !socket->due) {
        socket->touched = false;
        socket->due = readable_now(socket);
    }
    if (socket->due)
        uv_idle_start(&socket->idle, on_idle);
    else
        uv_idle_stop(&socket->idle);
}

static void on_check(uv_check_t *handle)
{
    struct link_socket *socket = handle->data;
    if (!socket->due)
        return;
    socket->due = false;
    socket->touched = true;
    socket->readable(socket->ctx);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct link_socket *socket = handle->data;
    if (--socket->handles_open == 0 && socket->closed)
        socket->closed(socket->ctx);
}

static bool start(struct link_socket *socket, uv_loop_t *loop)
{
    int fd = -1;
    size_t size = sizeof fd;
    if (zmq_getsockopt(socket->zmq, ZMQ_FD, &fd, &size) != 0 || uv_poll_init(loop, &socket->poll, fd) != 0)
        return false;
    /* these cannot fail */
    uv_prepare_init(loop, &socket->prepare);
    uv_check_init(loop, &socket->check);
    uv_idle_init(loop, &socket->idle);
    socket->poll.data = socket->prepare.data = socket->check.data = socket->idle.data = socket;
    socket->handles_open = 4;
    uv_prepare_start(&socket->prepare, on_prepare);
    uv_check_start(&socket->check, on_check);
    return uv_poll_start(&socket->poll, UV_READABLE, on_poll) == 0;
}

enum wire_status link_socket_open(struct link_socket *socket, uv_loop_t *loop, void *zmq, void (*readable)(void *ctx),
                                  void *ctx)
{
    *socket = (struct link_socket){.zmq = zmq, .readable = readable, .ctx = ctx, .touched = true};
    if (start(socket, loop))
        return WIRE_OK;
    if (socket->handles_open == 0) {
        zmq_close(socket->zmq);
        socket->zmq = NULL;
    }
    return WIRE_IO; /* handles that exist are closed by the owner's link_socket_close */
}

void link_socket_close(struct link_socket *socket, void (*closed)(void *ctx), void *ctx)
{
    if (socket->handles_open == 0) {
        if (closed)
            closed(ctx);
        return;
    }
    if (!socket->zmq)
        return; /* closing already */
    socket->closed = closed;
    socket->ctx = ctx; /* `readable` is not called any more */
    uv_close((uv_handle_t *)&socket->poll, on_handle_closed);
    uv_close((uv_handle_t *)&socket->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&socket->check, on_handle_closed);
    uv_close((uv_handle_t *)&socket->idle, on_handle_closed);
    ENSURE(zmq_close(socket->zmq) == 0); /* after the poll handle: its descriptor dies with the socket */
    socket->zmq = NULL;
}

void link_socket_wake(struct link_socket *socket)
{
    socket->due = true;
}

static enum wire_status status_of(int error)
{
    return error == EAGAIN || error == EINTR ? WIRE_AGAIN : WIRE_CLOSED;
}

enum wire_status link_socket_send(struct link_socket *socket, zmq_msg_t *message, bool more)
{
    if (!socket->zmq)
        return WIRE_CLOSED;
    int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);
    socket->touched = true;
    if (zmq_msg_send(message, socket->zmq, flags) >= 0)
        return WIRE_OK;
    if (zmq_errno() != EAGAIN)
        return status_of(zmq_errno());
    /* zmq_send looks at waiting commands only once a millisecond or so; a pipe that was attached or drained since
     * would be refused. Reading ZMQ_EVENTS looks always. */
    socket->due = readable_now(socket) || socket->due;
    return zmq_msg_send(message, socket->zmq, flags) >= 0 ? WIRE_OK : status_of(zmq_errno());
}

enum wire_status link_socket_receive(struct link_socket *socket, zmq_msg_t *message)
{
    if (!socket->zmq)
        return WIRE_CLOSED;
    socket->touched = true;
    if (zmq_msg_recv(message, socket->zmq, ZMQ_DONTWAIT) >= 0)
        return WIRE_OK;
    return status_of(zmq_errno());
}

bool link_socket_option(void *zmq, int option, int value)
{
    return zmq_setsockopt(zmq, option, &value, sizeof value) == 0;
}
