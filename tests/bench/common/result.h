/* What a driver says at the end: one JSON object on stdout. Latencies are kept whole and sorted; percentiles are ranks,
 * not estimates. */
#pragma once
#include "common/plan.h"
#include "common/usage.h"

struct samples {
    uint64_t *ns;
    uint64_t count, capacity;
};
void samples_add(struct samples *samples, uint64_t ns);
void samples_close(struct samples *samples);

struct result {
    const char *system;
    const char *library; /* client library and version */
    uint64_t published;  /* messages */
    uint64_t deliveries; /* messages in recipients' hands */
    uint64_t alerts;
    double seconds;             /* from the first publish to the last in hands and the last confirmation */
    struct usage before, after; /* of the server */
    struct samples confirmed;   /* publish → confirmed (durable, as far as this system goes) */
    struct samples in_hands;    /* publish → recipient; in PLAN_ALERT of the alerts only */
    struct {
        const char *name;
        double value;
    } extra[16];
    unsigned extra_count;
};
void result_extra(struct result *result, const char *name, double value);
void result_print(struct result *result);
