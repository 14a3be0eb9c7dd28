/* Batches on disk: one thread that writes all that came meanwhile in one synced commit. */
#pragma once
#include <zmq.h>

struct bare_item {
    struct bare_item *next;
    zmq_msg_t batch;
};

struct bare_store;

struct bare_store *bare_store_open(const char *folder);
void bare_store_close(struct bare_store **store);
int bare_store_fd(const struct bare_store *store); /* readable when something was stored */
void bare_store_put(struct bare_store *store, struct bare_item *item);
/* What is on disk by now, in order; NULL: nothing new. The caller's from then on. */
struct bare_item *bare_store_done(struct bare_store *store);
