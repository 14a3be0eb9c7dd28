#include "certs/often.h"
#include "certs/held.h"
#include "certs/leaf.h"

#include <stdlib.h>

struct cert_making {
    struct cert_making *next;
    struct cert_held *held; /* for whom */
    uint8_t point[CERT_POINT_BYTES];
    struct cert_multiples *multiples; /* NULL: not made */
};

/* --- the thread that makes them ----------------------------------------------------------------------------------- */

static struct cert_making *take_wanted(struct cert_often *often)
{
    struct cert_making *making = often->wanted;
    if (making == NULL)
        return NULL;
    often->wanted = making->next;
    if (often->wanted == NULL)
        often->wanted_last = &often->wanted;
    return making;
}

static void *run(void *context)
{
    struct cert_often *often = context;
    struct cert_making *making;
    pthread_mutex_lock(&often->lock);
    while (!often->over && (making = take_wanted(often)) != NULL) {
        pthread_mutex_unlock(&often->lock);
        making->multiples = cert_multiples_new(making->point);
        pthread_mutex_lock(&often->lock);
        making->next = often->made;
        often->made = making;
        atomic_store(&often->any_made, true);
    }
    often->over = true;
    pthread_mutex_unlock(&often->lock);
    return NULL;
}

static void join(struct cert_often *often)
{
    if (often->running)
        pthread_join(often->maker, NULL);
    often->running = false;
}

/* It ends by itself when nothing is wanted: whoever adds sees by `over` whether it will be heard. */
static void want(struct cert_often *often, struct cert_making *making)
{
    pthread_mutex_lock(&often->lock);
    *often->wanted_last = making;
    often->wanted_last = &making->next;
    bool heard = often->running && !often->over;
    pthread_mutex_unlock(&often->lock);
    if (heard)
        return;
    join(often);
    often->over = false;
    often->running = pthread_create(&often->maker, NULL, run, often) == 0;
    often->unable |= !often->running;
}

/* --- places ------------------------------------------------------------------------------------------------------- */

/* Whether a place is neither taken nor meant for a table that is being made. Else a crowd that comes within a second, a
 * table taking 20 ms, would have one made for each of it. */
static bool has_room(const struct cert_often *often)
{
    return often->count + often->asked < CERT_OFTEN_PLACES;
}

/* NULL: none is free for this key. */
static struct cert_held **place(struct cert_often *often, const struct cert_held *held)
{
    if (often->count < CERT_OFTEN_PLACES)
        return &often->held[often->count++];
    if (held->seen < CERT_OFTEN_SEEN_FULL)
        return NULL;
    for (size_t i = 0; i < CERT_OFTEN_PLACES; i++) {
        struct cert_held **at = &often->held[often->hand];
        often->hand = (often->hand + 1) % CERT_OFTEN_PLACES;
        if (!(*at)->seen_since)
            return at;
        (*at)->seen_since = false;
    }
    return NULL;
}

static void put(struct cert_held **at, struct cert_held *held, struct cert_multiples *multiples)
{
    if (*at != NULL) {
        cert_multiples_free(&(*at)->multiples);
        (*at)->seen = 0;
    }
    *at = held;
    held->multiples = multiples;
}

static void install(struct cert_often *often, struct cert_making *making)
{
    struct cert_held *held = making->held, **at = making->multiples == NULL ? NULL : place(often, held);
    often->unable |= making->multiples == NULL;
    if (at != NULL)
        put(at, held, making->multiples);
    else
        cert_multiples_free(&making->multiples);
    held->seen = 0;
    held->making = false;
    often->asked--;
    free(making);
}

static void install_made(struct cert_often *often)
{
    if (!atomic_load_explicit(&often->any_made, memory_order_relaxed))
        return;
    pthread_mutex_lock(&often->lock);
    struct cert_making *made = often->made;
    often->made = NULL;
    atomic_store(&often->any_made, false);
    pthread_mutex_unlock(&often->lock);
    while (made != NULL) {
        struct cert_making *next = made->next;
        install(often, made);
        made = next;
    }
}

static void make(struct cert_often *often, struct cert_held *held)
{
    if (held->making || held->multiples != NULL || often->unable)
        return;
    struct cert_making *making = calloc(1, sizeof *making);
    EVP_PKEY *key = making == NULL ? NULL : cert_leaf_key(held->entry.certificate);
    bool good = key != NULL && cert_multiples_point(key, making->point);
    EVP_PKEY_free(key);
    if (!good) {
        free(making);
        return;
    }
    making->held = held;
    held->making = true;
    often->asked++;
    want(often, making);
}

/* --- what is asked ------------------------------------------------------------------------------------------------ */

struct cert_multiples *cert_often_seen(struct cert_often *often, struct cert_held *held)
{
    held->seen_since = true;
    if (held->multiples != NULL)
        return held->multiples;
    held->seen++;
    install_made(often);
    if (held->seen >= (has_room(often) ? CERT_OFTEN_SEEN : CERT_OFTEN_SEEN_FULL))
        make(often, held);
    return held->multiples;
}

void cert_often_expect(struct cert_often *often, struct cert_held *held)
{
    install_made(often);
    if (has_room(often))
        make(often, held);
}

void cert_often_wait(struct cert_often *often)
{
    join(often);
    install_made(often);
}

void cert_often_open(struct cert_often *often)
{
    *often = (struct cert_often){.lock = PTHREAD_MUTEX_INITIALIZER};
    often->wanted_last = &often->wanted;
}

void cert_often_close(struct cert_often *often)
{
    struct cert_making *making;
    pthread_mutex_lock(&often->lock);
    often->over = true;
    pthread_mutex_unlock(&often->lock);
    join(often);
    install_made(often);
    while ((making = take_wanted(often)) != NULL)
        free(making);
    pthread_mutex_destroy(&often->lock);
    *often = (struct cert_often){.count = 0};
}
