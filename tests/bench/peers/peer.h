/* A round against another broker, through its own client library, as its users run it: each publisher and recipient a
 * thread and a connection of its own, TLS, publishers with a window of unconfirmed messages, recipients that
 * acknowledge. Alerts have connections and queues of their own. What differs between systems stands behind struct
 * peer_system. */
#pragma once
#include "common/result.h"
#include "common/tally.h"

enum { PEER_ALL = UINT32_MAX }; /* to every recipient */

struct peer_world;

struct peer_system {
    const char *name;
    const char *library;
    /* Makes queues, once. */
    void (*prepare)(const struct plan *plan);
    /* One connection. `alert`: the lane of its own for alerts. */
    void *(*publisher_open)(const struct plan *plan, uint32_t index, bool alert);
    /* Takes one message over; waits while the window is full. The bytes are the caller's. */
    void (*publish)(void *publisher, uint32_t to, const void *payload, uint32_t size);
    /* Waits until all that was taken over is confirmed. */
    void (*flush)(void *publisher);
    void (*publisher_close)(void *publisher);

    void *(*recipient_open)(const struct plan *plan, uint32_t index, bool alert);
    /* Waits at most 100 ms for messages, says peer_take of each that came and acknowledges them. */
    void (*receive)(void *recipient, struct peer_world *world, uint32_t index);
    void (*recipient_close)(void *recipient);
};

/* A recipient's thread has a message in its hands. */
void peer_take(struct peer_world *world, uint32_t recipient, const void *payload, uint64_t size);
/* The whole program. */
int peer_main(const struct peer_system *system, int argc, char **argv);
