/* What one round of a benchmark publishes, the same for every system measured: who publishes, to whom, how large, for
 * how long. Which recipient a message goes to is drawn from (seed, publisher, serial), so that anybody can say
 * afterwards what each recipient must hold. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum plan_mode {
    PLAN_FLOW,  /* as fast as the system takes it */
    PLAN_PING,  /* one message at a time, with pauses */
    PLAN_ALERT, /* the flow, and an alert now and then that goes past it */
};

enum { PLAN_PARTIES_MAX = 4096, PLAN_PAYLOAD_MIN = 32 };

struct plan {
    enum plan_mode mode;
    uint32_t publishers, recipients;
    uint32_t bytes;    /* of one payload */
    double seconds;    /* how long messages are published; then the round runs until all have arrived */
    uint64_t messages; /* 0: no bound; else that many of all publishers together, whatever the time */
    uint64_t seed;
    bool everybody;    /* each message goes to every recipient */
    uint32_t pause_us; /* PLAN_PING, PLAN_ALERT: between two of them */
    int server_pid;    /* whose CPU and memory are measured; 0: none */
    const char *host;  /* "127.0.0.1" */
    int port;
    const char *folder; /* certificates and what else the system needs */
    const char *extra;  /* what only one driver understands, key=value[,key=value] */
};

/* --mode flow|ping|alert --publishers N --recipients N --bytes N --seconds S --messages N --seed N --everybody
 * --pause-us N --server-pid N --host A --port N --folder F --extra k=v,…  Ends the process with a message on
 * what it does not know. */
void plan_parse(struct plan *plan, int argc, char **argv);
/* A number of plan->extra, or `otherwise`. */
uint64_t plan_extra(const struct plan *plan, const char *key, uint64_t otherwise);
/* The recipient of a message (not with `everybody`). */
uint32_t plan_recipient(const struct plan *plan, uint32_t publisher, uint64_t serial);
/* Bytes that do not compress, for payloads and salts; not secret. */
uint64_t plan_random(uint64_t *state);
void plan_fill(uint64_t *state, void *out, uint32_t size);

/* --- payloads of systems that carry bytes and nothing else ------------------------------------------------------- */

struct plan_mark {
    uint32_t publisher;
    bool alert;
    uint64_t serial;  /* from 0 */
    uint64_t sent_ns; /* plan_now_ns when it was published */
};
/* Writes the mark over the first PLAN_PAYLOAD_MIN bytes. */
void plan_mark_put(const struct plan_mark *mark, uint8_t *payload);
bool plan_mark_get(struct plan_mark *mark, const uint8_t *payload, uint64_t size);

uint64_t plan_now_ns(void); /* CLOCK_MONOTONIC */
/* Says why on stderr and ends the process with 1: the round is void. */
void plan_void(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
