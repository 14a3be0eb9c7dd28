#include "lianfang/part.h"

#include "certs/file.h"
#include "certs/hash.h"
#include "certs/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    ARENA_BYTES = 32 * 1024 * 1024,
    ANSWER_ARENA_BYTES = 1024 * 1024,
    NOISE_BYTES = 1024 * 1024,
};

int64_t world_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void *taken(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL)
        plan_void("no memory");
    return memory;
}

static void check(enum wire_status status, const struct wire_problem *problem)
{
    if (status != WIRE_OK)
        plan_void("%s: %s", problem->where, problem->en);
}

/* --- roles -------------------------------------------------------------------------------------------------------- */

static struct member *member_of(struct world *world, uint32_t region)
{
    for (uint32_t i = 0; i < world->members; i++)
        if (world->member[i].region == region)
            return &world->member[i];
    struct member *member = &world->member[world->members++];
    *member = (struct member){.world = world, .region = region, .publisher = -1, .recipient = -1};
    return member;
}

static enum addressing how_of(const char *word)
{
    if (strcmp(word, "concerned") == 0)
        return CONCERNED;
    if (strcmp(word, "named") == 0)
        return NAMED;
    if (strcmp(word, "all") == 0)
        return ALL;
    plan_void("roles: %s is not concerned, named or all", word);
}

static void read_flow(const char *text, struct flow *flow)
{
    char how[16];
    unsigned lane;
    if (sscanf(text, "%40s %u %u %u %15s", flow->mechanism, &flow->kind, &flow->unit, &lane, how) != 5 ||
        lane >= WIRE_LANES)
        plan_void("roles: %s", text);
    flow->lane = (Wire__Lane)lane;
    flow->how = how_of(how);
}

struct counted {
    uint32_t publishers, recipients;
};

static void read_role(struct world *world, struct counted *counted, const char *line)
{
    unsigned region;
    unsigned long long version;
    if (sscanf(line, "publisher %u", &region) == 1 && counted->publishers < world->plan->publishers)
        member_of(world, region)->publisher = (int)counted->publishers++;
    else if (sscanf(line, "recipient %u", &region) == 1 && counted->recipients < world->plan->recipients) {
        world->recipient_region[counted->recipients] = region;
        member_of(world, region)->recipient = (int)counted->recipients++;
    } else if (sscanf(line, "policy %llu", &version) == 1)
        world->policy_version = version;
    else if (strncmp(line, "flow ", 5) == 0)
        read_flow(line + 5, &world->flow[0]);
    else if (strncmp(line, "alert ", 6) == 0)
        read_flow(line + 6, &world->flow[1]);
    else if (strncmp(line, "crowd ", 6) == 0 && world->flows < FLOWS_MAX) {
        world->flow[world->flows].chosen = world->crowd = true;
        read_flow(line + 6, &world->flow[world->flows++]);
    } else
        plan_void("roles: %s", line);
}

static void read_roles(struct world *world)
{
    char path[CERT_PATH_BYTES_MAX], line[256];
    snprintf(path, sizeof(path), "%s/roles", world->plan->folder);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        plan_void("cannot read %s", path);
    struct counted counted = {0};
    while (fgets(line, sizeof(line), file) != NULL)
        read_role(world, &counted, line);
    fclose(file);
    if (counted.publishers != world->plan->publishers || counted.recipients != world->plan->recipients)
        plan_void("%s names %u publishers and %u recipients", path, counted.publishers, counted.recipients);
}

/* --- trust -------------------------------------------------------------------------------------------------------- */

static void load_directory(struct world *world)
{
    char path[CERT_PATH_BYTES_MAX];
    struct wire_problem problem = {0};
    struct cert_file ca = {0};
    snprintf(path, sizeof(path), "%s/ca/ca.pem", world->plan->folder);
    check(cert_file_read(path, false, &ca, &problem), &problem);
    check(cert_directory_new(wire_bytes(ca.data, ca.size), NULL, &world->directory, &problem), &problem);
    cert_file_close(&ca);
    snprintf(path, sizeof(path), "%s/publish/directory.bin", world->plan->folder);
    check(cert_directory_load(world->directory, path, &problem), &problem);
}

static void load_identity(struct member *member)
{
    char path[CERT_PATH_BYTES_MAX];
    struct wire_problem problem = {0};
    snprintf(path, sizeof(path), "%s/node-%06u-identity", member->world->plan->folder, member->region);
    check(cert_identity_load(path, &(struct cert_identity_options){.now_ms = world_wall_ms()}, &member->identity,
                             &problem),
          &problem);
}

/* A node has been at work before the clock starts. */
static void expect_signers(struct world *world)
{
    cert_verify_expect(world->directory, 0, world_wall_ms());
    for (uint32_t i = 0; i < world->members; i++)
        cert_verify_expect(world->directory, world->member[i].region, world_wall_ms());
    cert_verify_expected(world->directory);
}

static void make_boxes(struct world *world, uint32_t recipient)
{
    struct sealed *sealed = &world->sealed[recipient];
    const struct cert_entry *to = cert_directory_current(world->directory, world->recipient_region[recipient],
                                                         WIRE__USAGE__USAGE_SEAL, world_wall_ms());
    if (to == NULL)
        plan_void("no seal certificate of %06u", world->recipient_region[recipient]);
    memcpy(sealed->certificate, to->subject.digest, WIRE_HASH_BYTES);
    for (int i = 0; i < BOXES_KEPT; i++) {
        uint8_t key[CERT_KEY_BYTES];
        struct wire_bytes cms;
        wire_arena_reset(&world->arena);
        cert_random(key, sizeof(key));
        if (cert_box_seal(to, key, &world->arena, &cms) != WIRE_OK)
            plan_void("cannot seal to %06u", world->recipient_region[recipient]);
        sealed->cms[i] = wire_bytes(memcpy(taken(1, cms.size), cms.data, cms.size), cms.size);
    }
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

/* A socket takes several descriptors. */
static void raise_limits(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

static void member_ready(struct member *member)
{
    struct world *world = member->world;
    load_identity(member);
    wire_arena_over(&member->answer_arena, taken(1, ANSWER_ARENA_BYTES), ANSWER_ARENA_BYTES);
    cert_random(&member->random, sizeof(member->random));
    member->stream = taken(member->publisher < 0 ? 1 : world->flows, sizeof(*member->stream));
    cert_random(member->stream[0].store_id, WIRE_ID_BYTES);
    for (uint32_t i = 0; i < (member->publisher < 0 ? 1 : world->flows); i++) {
        member->stream[i].flow = &world->flow[i];
        memcpy(member->stream[i].store_id, member->stream[0].store_id, WIRE_ID_BYTES);
    }
}

void world_open(struct world *world, const struct plan *plan, struct result *result)
{
    *world = (struct world){.plan = plan, .result = result, .flows = 2};
    world->hash = cert_hash_new();
    wire_arena_over(&world->arena, taken(1, ARENA_BYTES), ARENA_BYTES);
    world->member = taken((size_t)plan->publishers + plan->recipients, sizeof(*world->member));
    world->recipient_region = taken(plan->recipients, sizeof(*world->recipient_region));
    world->sealed = taken(plan->recipients, sizeof(*world->sealed));
    world->frames.waiting = taken(RING_FRAMES, sizeof(*world->frames.waiting));
    world->receipts.waiting = taken(RING_FRAMES, sizeof(*world->receipts.waiting));
    world->part = taken(1, sizeof(*world->part));
    world->noise = taken(1, NOISE_BYTES + plan->bytes + 64);
    uint64_t random = plan->seed;
    plan_fill(&random, world->noise, NOISE_BYTES + plan->bytes + 64);
    world->batch_bytes = (uint32_t)plan_extra(plan, "batch", 224 * 1024);
    world->batch_envelopes = (uint32_t)plan_extra(plan, "envelopes", WIRE_BATCH_ENVELOPES_MAX);
    read_roles(world);
    load_directory(world);
    for (uint32_t i = 0; i < world->members; i++)
        member_ready(&world->member[i]);
    for (uint32_t i = 0; world->flow[0].how == CONCERNED && i < plan->recipients; i++)
        make_boxes(world, i);
    expect_signers(world);
    world->tally = tally_new(plan);
    raise_limits();
    world->zmq = zmq_ctx_new();
    zmq_ctx_set(world->zmq, ZMQ_MAX_SOCKETS, 8192);
    world->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (world->zmq == NULL || world->epoll < 0)
        plan_void("no context");
}

static void member_close(struct member *member)
{
    if (member->socket != NULL)
        zmq_close(member->socket);
    cert_identity_free(&member->identity);
    free(member->answer_arena.base);
    free(member->stream);
}

void world_close(struct world *world)
{
    for (uint32_t i = 0; i < world->members; i++)
        member_close(&world->member[i]);
    zmq_ctx_term(world->zmq);
    close(world->epoll);
    for (uint32_t i = 0; i < world->plan->recipients; i++)
        for (int k = 0; k < BOXES_KEPT; k++)
            free((void *)(uintptr_t)world->sealed[i].cms[k].data);
    cert_directory_free(&world->directory);
    tally_free(&world->tally);
    free(world->arena.base);
    free(world->member);
    free(world->recipient_region);
    free(world->sealed);
    free(world->frames.waiting);
    free(world->receipts.waiting);
    free(world->noise);
    free(world->part);
    free(world->alert_sent_ns);
    *world = (struct world){0};
}
