#include "peers/peer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NOISE_BYTES = 1024 * 1024, SETTLE_SECONDS = 60 };

struct peer_world {
    struct plan plan;
    const struct peer_system *system;
    struct tally *tally;
    struct result result;
    uint8_t *noise;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t came;  /* something came into hands, or somebody is ready */
    uint32_t ready;
    uint64_t alerts_in_hands;
    _Atomic uint64_t last_ns;
    _Atomic bool stop;
    pthread_barrier_t start;
    uint64_t end_ns;
};

struct worker {
    struct peer_world *world;
    pthread_t thread;
    uint32_t index;
    bool alert;
    uint64_t published;
};

static void note_time(struct peer_world *world)
{
    uint64_t now_ns = plan_now_ns(), last_ns = atomic_load(&world->last_ns);
    while (now_ns > last_ns && !atomic_compare_exchange_weak(&world->last_ns, &last_ns, now_ns))
        ;
}

static void note_ready(struct peer_world *world)
{
    pthread_mutex_lock(&world->lock);
    world->ready++;
    pthread_cond_broadcast(&world->came);
    pthread_mutex_unlock(&world->lock);
}

/* --- recipients -----------------------------------------------------------------------------------------------------
 */

void peer_take(struct peer_world *world, uint32_t recipient, const void *payload, uint64_t size)
{
    struct plan_mark mark;
    if (size != world->plan.bytes || !plan_mark_get(&mark, payload, size))
        plan_void("a message that is none");
    uint64_t passed_ns = plan_now_ns() - mark.sent_ns;
    if (!mark.alert)
        tally_take(world->tally, recipient, mark.publisher, mark.serial);
    if (mark.alert || world->plan.mode == PLAN_PING) {
        pthread_mutex_lock(&world->lock);
        samples_add(&world->result.in_hands, passed_ns);
        world->alerts_in_hands += mark.alert;
        pthread_cond_broadcast(&world->came);
        pthread_mutex_unlock(&world->lock);
    }
    if (!mark.alert)
        note_time(world);
}

static void *receive(void *context)
{
    struct worker *worker = context;
    struct peer_world *world = worker->world;
    void *recipient = world->system->recipient_open(&world->plan, worker->index, worker->alert);
    note_ready(world);
    while (!atomic_load(&world->stop))
        world->system->receive(recipient, world, worker->index);
    world->system->recipient_close(recipient);
    return NULL;
}

/* --- publishers
 * ------------------------------------------------------------------------------------------------------- */

static void publish_one(struct worker *worker, void *publisher, uint8_t *payload, uint64_t *random)
{
    struct peer_world *world = worker->world;
    const struct plan *plan = &world->plan;
    uint32_t to = plan->everybody ? (uint32_t)PEER_ALL : plan_recipient(plan, worker->index, worker->published);
    memcpy(payload, world->noise + plan_random(random) % NOISE_BYTES, plan->bytes);
    plan_mark_put(&(struct plan_mark){.publisher = worker->index,
                                      .alert = worker->alert,
                                      .serial = worker->published++,
                                      .sent_ns = plan_now_ns()},
                  payload);
    world->system->publish(publisher, to, payload, plan->bytes);
}

static void pause_us(uint32_t us)
{
    struct timespec pause = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
    nanosleep(&pause, NULL);
}

static void publish_flow(struct worker *worker, void *publisher, uint8_t *payload, uint64_t *random)
{
    while (plan_now_ns() < worker->world->end_ns)
        publish_one(worker, publisher, payload, random);
    worker->world->system->flush(publisher);
    note_time(worker->world);
}

/* One message, and how long its confirmation took. */
static void publish_confirmed(struct worker *worker, void *publisher, uint8_t *payload, uint64_t *random)
{
    struct peer_world *world = worker->world;
    uint64_t sent_ns = plan_now_ns();
    publish_one(worker, publisher, payload, random);
    world->system->flush(publisher);
    uint64_t confirmed_ns = plan_now_ns() - sent_ns;
    pthread_mutex_lock(&world->lock);
    samples_add(&world->result.confirmed, confirmed_ns);
    pthread_mutex_unlock(&world->lock);
}

static void publish_alerts(struct worker *worker, void *publisher, uint8_t *payload, uint64_t *random)
{
    struct peer_world *world = worker->world;
    pause_us(200000);
    while (plan_now_ns() < world->end_ns) {
        publish_confirmed(worker, publisher, payload, random);
        pause_us(world->plan.pause_us);
    }
}

static void wait_in_hands(struct peer_world *world, uint64_t count)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += SETTLE_SECONDS;
    pthread_mutex_lock(&world->lock);
    while (tally_count(world->tally) < count)
        if (pthread_cond_timedwait(&world->came, &world->lock, &until) != 0)
            plan_void("%llu of %llu arrived", (unsigned long long)tally_count(world->tally), (unsigned long long)count);
    pthread_mutex_unlock(&world->lock);
}

/* One at a time: only the first publisher publishes. */
static void publish_pings(struct worker *worker, void *publisher, uint8_t *payload, uint64_t *random)
{
    struct peer_world *world = worker->world;
    while (worker->index == 0 && plan_now_ns() < world->end_ns) {
        publish_confirmed(worker, publisher, payload, random);
        wait_in_hands(world, worker->published);
        pause_us(world->plan.pause_us);
    }
}

static void *publish(void *context)
{
    struct worker *worker = context;
    struct peer_world *world = worker->world;
    uint64_t random = world->plan.seed + worker->index;
    uint8_t *payload = malloc(world->plan.bytes);
    void *publisher = world->system->publisher_open(&world->plan, worker->index, worker->alert);
    if (payload == NULL)
        plan_void("no memory");
    note_ready(world);
    pthread_barrier_wait(&world->start);
    if (worker->alert)
        publish_alerts(worker, publisher, payload, &random);
    else if (world->plan.mode == PLAN_PING)
        publish_pings(worker, publisher, payload, &random);
    else
        publish_flow(worker, publisher, payload, &random);
    world->system->publisher_close(publisher);
    free(payload);
    return NULL;
}

/* --- the round ------------------------------------------------------------------------------------------------------
 */

static struct worker *start_all(struct peer_world *world, uint32_t count, bool alert, void *(*run)(void *))
{
    struct worker *workers = calloc(count, sizeof(*workers));
    if (workers == NULL)
        plan_void("no memory");
    for (uint32_t i = 0; i < count; i++) {
        workers[i] = (struct worker){.world = world, .index = i, .alert = alert};
        if (pthread_create(&workers[i].thread, NULL, run, &workers[i]) != 0)
            plan_void("no thread");
    }
    return workers;
}

static void wait_ready(struct peer_world *world, uint32_t count)
{
    pthread_mutex_lock(&world->lock);
    while (world->ready < count)
        pthread_cond_wait(&world->came, &world->lock);
    pthread_mutex_unlock(&world->lock);
}

static uint64_t join(struct worker *workers, uint32_t count, uint64_t *published)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        sum += workers[i].published;
        if (published != NULL)
            published[i] = workers[i].published;
    }
    free(workers);
    return sum;
}

static void wait_all(struct peer_world *world, uint64_t owed, uint64_t alerts)
{
    for (int i = 0; i < SETTLE_SECONDS * 500; i++) {
        pthread_mutex_lock(&world->lock);
        bool done = tally_count(world->tally) >= owed && world->alerts_in_hands >= alerts;
        pthread_mutex_unlock(&world->lock);
        if (done)
            return;
        pause_us(2000);
    }
    plan_void("%llu of %llu arrived, %llu of %llu alerts", (unsigned long long)tally_count(world->tally),
              (unsigned long long)owed, (unsigned long long)world->alerts_in_hands, (unsigned long long)alerts);
}

static void round_of(struct peer_world *world)
{
    const struct plan *plan = &world->plan;
    struct result *result = &world->result;
    bool alerts = plan->mode == PLAN_ALERT;
    uint64_t *published = calloc(plan->publishers, sizeof(*published));
    uint32_t publishers = plan->publishers + alerts, recipients = plan->recipients * (1 + alerts);
    pthread_barrier_init(&world->start, NULL, publishers + 1);
    struct worker *to = start_all(world, plan->recipients, false, receive);
    struct worker *alert_to = alerts ? start_all(world, plan->recipients, true, receive) : NULL;
    wait_ready(world, recipients);
    struct worker *from = start_all(world, plan->publishers, false, publish);
    struct worker *alert_from = alerts ? start_all(world, 1, true, publish) : NULL;
    wait_ready(world, recipients + publishers);

    result->before = usage_of(plan->server_pid);
    struct usage own = usage_of(-1);
    uint64_t start_ns = plan_now_ns();
    world->end_ns = start_ns + (uint64_t)(plan->seconds * 1e9);
    pthread_barrier_wait(&world->start);
    result->published = join(from, plan->publishers, published);
    result->alerts = alerts ? join(alert_from, 1, NULL) : 0;
    wait_all(world, result->published * (plan->everybody ? plan->recipients : 1), result->alerts);
    result->seconds = (double)(atomic_load(&world->last_ns) - start_ns) / 1e9;
    result->after = usage_of(plan->server_pid);
    result_extra(result, "client_cpu_seconds", usage_of(-1).cpu_seconds - own.cpu_seconds);

    atomic_store(&world->stop, true);
    join(to, plan->recipients, NULL);
    if (alerts)
        join(alert_to, plan->recipients, NULL);
    tally_check(world->tally, published);
    result->deliveries = tally_count(world->tally);
    free(published);
}

int peer_main(const struct peer_system *system, int argc, char **argv)
{
    static struct peer_world world;
    plan_parse(&world.plan, argc, argv);
    world.system = system;
    world.result = (struct result){.system = system->name, .library = system->library};
    world.tally = tally_new(&world.plan);
    world.noise = malloc(NOISE_BYTES + world.plan.bytes + 8);
    if (world.noise == NULL)
        plan_void("no memory");
    uint64_t random = world.plan.seed;
    plan_fill(&random, world.noise, NOISE_BYTES + world.plan.bytes);
    pthread_mutex_init(&world.lock, NULL);
    pthread_cond_init(&world.came, NULL);
    system->prepare(&world.plan);
    round_of(&world);
    result_print(&world.result);
    tally_free(&world.tally);
    free(world.noise);
    return 0;
}
