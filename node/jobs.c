/* What the core asks for and is answered with an event: done when the step that asked for it is through, in order. A
 * look-up belongs to the moment of its event, so it is made here and not earlier. */
#include "node.h"

#include <stdlib.h>

enum { ARENA_BYTES = 64 * 1024 * 1024 /* untouched pages cost nothing */ };

enum job_kind { JOB_FETCH, JOB_SEAL, JOB_ERASE, JOB_POLICY };

struct job {
    struct job *next;
    enum job_kind kind;
    union {
        struct node_fetch fetch;
        struct {
            struct node_seal ask;
            char mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
        } seal;
        uint32_t day;
        struct {
            void *bytes;
            size_t size;
            uint8_t link;
        } policy;
    } u;
    uint64_t *place; /* behind the ids */
    uint8_t id[][WIRE_ID_BYTES];
};

struct node_jobs {
    struct node *node;
    struct job *first, **last;
    struct wire_arena arena;
    void *memory;
    bool running;
};

struct node_jobs *node_jobs_new(struct node *node)
{
    struct node_jobs *jobs = calloc(1, sizeof(*jobs));
    ENSURE(jobs != NULL);
    jobs->node = node;
    jobs->last = &jobs->first;
    jobs->memory = malloc(ARENA_BYTES);
    ENSURE(jobs->memory != NULL);
    wire_arena_over(&jobs->arena, jobs->memory, ARENA_BYTES);
    return jobs;
}

static struct job *take_first(struct node_jobs *jobs)
{
    struct job *job = jobs->first;
    if (job == NULL)
        return NULL;
    jobs->first = job->next;
    if (jobs->first == NULL)
        jobs->last = &jobs->first;
    return job;
}

static void job_free(struct job *job)
{
    if (job->kind == JOB_POLICY)
        free(job->u.policy.bytes);
    free(job);
}

void node_jobs_free(struct node_jobs **jobs)
{
    if (*jobs == NULL)
        return;
    for (struct job *job = take_first(*jobs); job != NULL; job = take_first(*jobs))
        job_free(job);
    free((*jobs)->memory);
    free(*jobs);
    *jobs = NULL;
}

static struct job *add(struct node_jobs *jobs, enum job_kind kind, size_t ids)
{
    struct job *job = calloc(1, sizeof(*job) + ids * (WIRE_ID_BYTES + sizeof(uint64_t)));
    ENSURE(job != NULL);
    job->place = (uint64_t *)(void *)(job->id + ids);
    job->kind = kind;
    *jobs->last = job;
    jobs->last = &job->next;
    return job;
}

void node_jobs_fetch(struct node_jobs *jobs, const struct node_fetch *fetch)
{
    add(jobs, JOB_FETCH, 0)->u.fetch = *fetch;
}

void node_jobs_seal(struct node_jobs *jobs, const struct node_seal *seal)
{
    ENSURE(strlen(seal->mechanism) <= WIRE_MECHANISM_BYTES_MAX && seal->count > 0);
    struct job *job = add(jobs, JOB_SEAL, seal->count);
    job->u.seal.ask = *seal;
    strcpy(job->u.seal.mechanism, seal->mechanism);
    memcpy(job->id, seal->id, seal->count * WIRE_ID_BYTES);
    memcpy(job->place, seal->place, seal->count * sizeof(*job->place));
    job->u.seal.ask.mechanism = job->u.seal.mechanism;
    job->u.seal.ask.id = (const uint8_t(*)[WIRE_ID_BYTES])job->id;
    job->u.seal.ask.place = job->place;
}

void node_jobs_erase(struct node_jobs *jobs, uint32_t day)
{
    add(jobs, JOB_ERASE, 0)->u.day = day;
}

void node_jobs_policy(struct node_jobs *jobs, uint8_t link, void *bytes, size_t size)
{
    struct job *job = add(jobs, JOB_POLICY, 0);
    job->u.policy.bytes = bytes;
    job->u.policy.size = size;
    job->u.policy.link = link;
}

/* --- doing -------------------------------------------------------------------------------------------------------- */

static void fetch(struct node_jobs *jobs, const struct node_fetch *ask)
{
    struct node_event event = {.kind = NODE_ON_FETCHED};
    shell_check(&jobs->node->shell, store_look_fetched(&jobs->node->store, ask, &jobs->arena, &event.u.fetched));
    node_step(jobs->node, &event);
}

/* A bounded number of rows a turn of the loop. */
static bool erase(struct node_jobs *jobs, uint32_t day)
{
    if (node_rest_erase(jobs->node, day)) {
        node_jobs_erase(jobs, day);
        return false;
    }
    struct node_event event = {.kind = NODE_ON_ERASED};
    event.u.day = day;
    node_step(jobs->node, &event);
    return true;
}

/* false: let the loop turn before the next. */
static bool run(struct node_jobs *jobs, struct job *job)
{
    wire_arena_reset(&jobs->arena);
    wire_arena_reset(&jobs->node->arena);
    switch (job->kind) {
    case JOB_FETCH:
        fetch(jobs, &job->u.fetch);
        return true;
    case JOB_SEAL:
        node_seal_drafts(jobs->node, &job->u.seal.ask, &jobs->arena);
        return true;
    case JOB_POLICY:
        node_trust_policy(jobs->node->trust, job->u.policy.link, wire_bytes(job->u.policy.bytes, job->u.policy.size));
        return true;
    case JOB_ERASE:
        return erase(jobs, job->u.day);
    }
    return true;
}

void node_jobs_run(struct node_jobs *jobs)
{
    enum { TURN_JOBS = 64 };
    if (jobs->running)
        return;
    jobs->running = true;
    bool go_on = true;
    for (int i = 0; go_on && jobs->first != NULL && i < TURN_JOBS; i++) {
        struct job *job = take_first(jobs);
        go_on = run(jobs, job);
        job_free(job);
    }
    jobs->running = false;
    if (jobs->first != NULL)
        uv_async_send(&jobs->node->shell.stored);
}
