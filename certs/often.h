/* Which keys of a directory have a table of their multiples (certs/multiples.h): those that verified some signatures or
 * are expected to, as many as there are places. Tables are made one after the other on a thread of their own, which
 * ends when no more are wanted: whoever verifies does not wait, and until a table is there all is verified without it.
 * When all places are taken, a key that verified much gets that of one that verified nothing for a while. */
#pragma once
#include "certs/multiples.h"

#include <pthread.h>
#include <stdatomic.h>

struct cert_held;

enum {
    CERT_OFTEN_PLACES = 64,     /* 10 MB of tables */
    CERT_OFTEN_SEEN = 16,       /* signatures of a key before it gets a table */
    CERT_OFTEN_SEEN_FULL = 4096 /* … that is another's so far: making one costs as much as 600 verifications */
};

struct cert_making;

struct cert_often {
    struct cert_held *held[CERT_OFTEN_PLACES];
    size_t count, hand;                        /* hand: who is looked at next when a place is wanted */
    size_t asked;                              /* that are wanted, made or on the way to a place */
    struct cert_making *made;                  /* lists, under the lock: with their tables … */
    struct cert_making *wanted, **wanted_last; /* … and in the order in which they are made */
    atomic_bool any_made;
    bool running, over, unable; /* running: somebody will join the thread. unable: no table can be made here */
    pthread_t maker;
    pthread_mutex_t lock;
};

void cert_often_open(struct cert_often *often);
/* Ends what is under way. The tables are the keys'. */
void cert_often_close(struct cert_often *often);
/* A signature by this key is about to be verified; its table, NULL: it has none (yet). */
struct cert_multiples *cert_often_seen(struct cert_often *often, struct cert_held *held);
/* Signatures by this key will be verified: its table is made now, if there is a place. */
void cert_often_expect(struct cert_often *often, struct cert_held *held);
/* Waits until all that are wanted are made. */
void cert_often_wait(struct cert_often *often);
