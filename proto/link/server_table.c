#include "link/server_inside.h"
#include "wire/ensure.h"
#include <stdlib.h>
#include <string.h>

/* link_peer = serial, slot: found without searching, never reused for 2^48 connections */

bool link_table_open(struct link_server *server)
{
    uint32_t slots = server->options.connections_max, buckets = 16;
    ENSURE(slots > 0 && slots < 1u << LINK_PEER_SLOT_BITS);
    while (buckets < slots)
        buckets *= 2;
    server->slots = calloc(slots, sizeof *server->slots);
    server->ending = calloc(slots, sizeof *server->ending);
    server->buckets = malloc(buckets * sizeof *server->buckets);
    if (!server->slots || !server->ending || !server->buckets)
        return false;
    server->buckets_mask = buckets - 1;
    memset(server->buckets, 0xff, buckets * sizeof *server->buckets);
    for (uint32_t i = 0; i < slots; i++)
        server->slots[i].next = i + 1 < slots ? i + 1 : LINK_NO_SLOT;
    server->free_slot = 0;
    return true;
}

void link_table_close(struct link_server *server)
{
    free(server->slots);
    free(server->ending);
    free(server->buckets);
    free(server->by_fd);
}

static uint32_t slot_of(const struct link_server *server, const struct connection *connection)
{
    return (uint32_t)(connection - server->slots);
}

static bool index_fd(struct link_server *server, int zmq_fd)
{
    if (zmq_fd < server->by_fd_size)
        return true;
    int size = zmq_fd + 1 > 2 * server->by_fd_size ? zmq_fd + 1 : 2 * server->by_fd_size;
    uint32_t *grown = realloc(server->by_fd, (size_t)size * sizeof *grown);
    if (!grown)
        return false;
    for (int i = server->by_fd_size; i < size; i++)
        grown[i] = LINK_NO_SLOT;
    server->by_fd = grown;
    server->by_fd_size = size;
    return true;
}

struct connection *link_table_add(struct link_server *server, int zmq_fd)
{
    uint32_t slot = server->free_slot;
    if (slot == LINK_NO_SLOT || !index_fd(server, zmq_fd))
        return NULL;
    struct connection *connection = &server->slots[slot];
    server->free_slot = connection->next;
    *connection = (struct connection){
        .peer = ++server->serial << LINK_PEER_SLOT_BITS | slot, .zmq_fd = zmq_fd, .own_fd = -1, .next = LINK_NO_SLOT};
    server->by_fd[zmq_fd] = slot;
    server->counters.connections++;
    return connection;
}

void link_table_unset_fd(struct link_server *server, struct connection *connection)
{
    if (connection->zmq_fd >= 0 && server->by_fd[connection->zmq_fd] == slot_of(server, connection))
        server->by_fd[connection->zmq_fd] = LINK_NO_SLOT;
    connection->zmq_fd = -1;
}

void link_table_remove(struct link_server *server, struct connection *connection)
{
    link_table_unset_fd(server, connection);
    link_table_unset_routing(server, connection);
    connection->peer = 0;
    connection->next = server->free_slot;
    server->free_slot = slot_of(server, connection);
    server->counters.connections--;
}

struct connection *link_table_by_peer(const struct link_server *server, link_peer peer)
{
    uint32_t slot = (uint32_t)(peer & ((1u << LINK_PEER_SLOT_BITS) - 1));
    if (peer == 0 || slot >= server->options.connections_max || server->slots[slot].peer != peer)
        return NULL;
    return &server->slots[slot];
}

struct connection *link_table_by_fd(const struct link_server *server, int zmq_fd)
{
    if (zmq_fd < 0 || zmq_fd >= server->by_fd_size || server->by_fd[zmq_fd] == LINK_NO_SLOT)
        return NULL;
    return &server->slots[server->by_fd[zmq_fd]];
}

/* libzmq counts up from a random start: the low bits spread connections evenly. */
struct connection *link_table_by_routing(const struct link_server *server, uint32_t routing)
{
    uint32_t slot = server->buckets[routing & server->buckets_mask];
    while (slot != LINK_NO_SLOT && server->slots[slot].routing != routing)
        slot = server->slots[slot].next;
    return slot == LINK_NO_SLOT ? NULL : &server->slots[slot];
}

void link_table_set_routing(struct link_server *server, struct connection *connection, uint32_t routing)
{
    uint32_t *bucket = &server->buckets[routing & server->buckets_mask];
    connection->routing = routing;
    connection->next = *bucket;
    connection->known = true;
    *bucket = slot_of(server, connection);
}

void link_table_unset_routing(struct link_server *server, struct connection *connection)
{
    if (!connection->known)
        return;
    uint32_t *at = &server->buckets[connection->routing & server->buckets_mask];
    while (*at != slot_of(server, connection))
        at = &server->slots[*at].next;
    *at = connection->next;
    connection->known = false;
}
