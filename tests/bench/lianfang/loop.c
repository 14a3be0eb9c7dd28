/* ZMQ_FD becomes readable when commands wait, and any send or receive may take them: after each the socket is asked
 * again until it says that nothing is there (proto/link/socket.h). */
#include "lianfang/world.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

enum { EVENTS_MAX = 256 };

void loop_add(struct member *member)
{
    size_t size = sizeof(member->fd);
    zmq_getsockopt(member->socket, ZMQ_FD, &member->fd, &size);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = member};
    if (epoll_ctl(member->world->epoll, EPOLL_CTL_ADD, member->fd, &event) != 0)
        plan_void("epoll: %d", errno);
    member->gone = false;
    loop_readable(member);
}

void loop_remove(struct member *member)
{
    epoll_ctl(member->world->epoll, EPOLL_CTL_DEL, member->fd, NULL);
    member->gone = true; /* it may stand in a list */
}

void loop_readable(struct member *member)
{
    struct world *world = member->world;
    if (member->readable)
        return;
    member->readable = true;
    member->next_readable = world->readable;
    world->readable = member;
}

void loop_answer_later(struct member *member)
{
    struct world *world = member->world;
    if (member->answer_later)
        return;
    member->answer_later = true;
    member->next_answer = world->answer;
    world->answer = member;
}

/* One varint; NULL: cut off. */
static const uint8_t *varint(const uint8_t *at, const uint8_t *end, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; at < end && shift < 64; shift += 7) {
        *out |= (uint64_t)(*at & 0x7f) << shift;
        if ((*at++ & 0x80) == 0)
            return at;
    }
    return NULL;
}

/* Frame.deliver = 5; Deliver.mechanism = 1, lane = 2: all in front. */
static bool is_flash(const uint8_t *at, size_t size)
{
    const uint8_t *end = at + size;
    uint64_t value;
    if (size < 4 || *at != (5 << 3 | 2))
        return false;
    at = varint(at + 1, end, &value);
    if (at == NULL || at >= end || *at != (1 << 3 | 2))
        return false;
    at = varint(at + 1, end, &value);
    if (at == NULL || value > (uint64_t)(end - at))
        return false;
    at += value;
    return end - at >= 2 && at[0] == 2 << 3 && at[1] == WIRE__LANE__FLASH;
}

/* A node answers what one commit of its inbox held at once; here that is what came meanwhile, but not more than lets
 * credit come back in time. */
static void take(struct member *member, zmq_msg_t *frame)
{
    member_on_frame(member, zmq_msg_data(frame), zmq_msg_size(frame));
    zmq_msg_close(frame);
    if (receive_full(member))
        receive_answer(member);
    else
        loop_answer_later(member);
}

static void put_aside(struct member *member, zmq_msg_t *frame, struct ring *ring)
{
    if (ring->count == RING_FRAMES)
        plan_void("more frames than any credit allows");
    struct waiting *waiting = &ring->waiting[(ring->head + ring->count++) % RING_FRAMES];
    waiting->member = member;
    zmq_msg_init(&waiting->frame);
    zmq_msg_move(&waiting->frame, frame);
    member->queued++;
}

static bool is_receipt(const uint8_t *frame, size_t size)
{
    return size > 0 && *frame == (4 << 3 | 2);
}

/* Publishers and recipients are different nodes, each with a machine of its own: no receipt waits here for parts of
 * others to be verified, and no flash for anything. Within a session all else keeps its order. (Of a crowd the origin
 * is one of thousands: what it is told of their arrivals does not keep them waiting.) */
static bool goes_first(const struct member *member, const uint8_t *frame, size_t size)
{
    bool deliver = size > 0 && *frame == (5 << 3 | 2);
    if (is_receipt(frame, size))
        return !member->world->crowd;
    return (!deliver && member->queued == 0) || is_flash(frame, size);
}

static void read_all(struct member *member)
{
    struct world *world = member->world;
    for (;;) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, member->socket, ZMQ_DONTWAIT) < 0) {
            if (errno == EAGAIN)
                return;
            plan_void("receive: %s", zmq_strerror(errno));
        }
        world->frames_in++;
        world->bytes_in += zmq_msg_size(&frame);
        if (goes_first(member, zmq_msg_data(&frame), zmq_msg_size(&frame)))
            take(member, &frame);
        else
            put_aside(member, &frame,
                      is_receipt(zmq_msg_data(&frame), zmq_msg_size(&frame)) ? &world->receipts : &world->frames);
        zmq_msg_close(&frame);
    }
}

static bool any_readable(struct world *world)
{
    struct member *member = world->readable;
    bool any = member != NULL;
    world->readable = NULL;
    while (member != NULL) {
        struct member *next = member->next_readable;
        member->readable = false;
        if (!member->gone)
            read_all(member);
        member = next;
    }
    return any;
}

static void answer_all(struct world *world)
{
    struct member *member = world->answer;
    world->answer = NULL;
    while (member != NULL) {
        struct member *next = member->next_answer;
        member->answer_later = false;
        if (!member->gone)
            receive_answer(member);
        member = next;
    }
}

static void wait_for(struct world *world, uint64_t timeout_ns)
{
    struct epoll_event events[EVENTS_MAX];
    struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000u),
                               .tv_nsec = (long)(timeout_ns % 1000000000u)};
    int count = epoll_pwait2(world->epoll, events, EVENTS_MAX, &timeout, NULL);
    for (int i = 0; i < count; i++)
        loop_readable(events[i].data.ptr);
}

static bool take_next(struct ring *ring)
{
    if (ring->count == 0)
        return false;
    struct waiting *waiting = &ring->waiting[ring->head];
    ring->head = (ring->head + 1) % RING_FRAMES;
    ring->count--;
    waiting->member->queued--;
    take(waiting->member, &waiting->frame);
    return true;
}

void loop_turn(struct world *world, uint64_t timeout_ns)
{
    bool any = any_readable(world);
    any |= take_next(&world->frames) || take_next(&world->receipts);
    if (world->frames.count == 0)
        answer_all(world);
    wait_for(world, any || world->readable != NULL ? 0 : timeout_ns);
}
