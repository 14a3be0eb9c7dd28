#include "common/tally.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* One bit a message; of one publisher, and of one recipient when each message goes to all. */
struct bits {
    pthread_mutex_t lock;
    uint64_t *word;
    uint64_t words;
    uint64_t set;
};

struct tally {
    struct plan plan;
    size_t count;
    struct bits *bits;
    _Atomic uint64_t taken;
};

struct tally *tally_new(const struct plan *plan)
{
    struct tally *tally = calloc(1, sizeof(*tally));
    if (tally == NULL)
        plan_void("no memory");
    tally->plan = *plan;
    tally->count = (size_t)plan->publishers * (plan->everybody ? plan->recipients : 1);
    tally->bits = calloc(tally->count, sizeof(*tally->bits));
    if (tally->bits == NULL)
        plan_void("no memory");
    for (size_t i = 0; i < tally->count; i++)
        pthread_mutex_init(&tally->bits[i].lock, NULL);
    return tally;
}

void tally_free(struct tally **tally)
{
    for (size_t i = 0; i < (*tally)->count; i++) {
        pthread_mutex_destroy(&(*tally)->bits[i].lock);
        free((*tally)->bits[i].word);
    }
    free((*tally)->bits);
    free(*tally);
    *tally = NULL;
}

static void grow(struct bits *bits, uint64_t word)
{
    uint64_t words = bits->words == 0 ? 1024 : bits->words;
    while (words <= word)
        words *= 2;
    bits->word = realloc(bits->word, words * sizeof(*bits->word));
    if (bits->word == NULL)
        plan_void("no memory");
    memset(bits->word + bits->words, 0, (words - bits->words) * sizeof(*bits->word));
    bits->words = words;
}

static bool set(struct bits *bits, uint64_t serial)
{
    uint64_t word = serial / 64, bit = UINT64_C(1) << (serial % 64);
    pthread_mutex_lock(&bits->lock);
    if (word >= bits->words)
        grow(bits, word);
    bool first = (bits->word[word] & bit) == 0;
    bits->word[word] |= bit;
    bits->set += first;
    pthread_mutex_unlock(&bits->lock);
    return first;
}

void tally_take(struct tally *tally, uint32_t recipient, uint32_t publisher, uint64_t serial)
{
    const struct plan *plan = &tally->plan;
    if (publisher >= plan->publishers || recipient >= plan->recipients || serial > UINT64_C(1) << 40)
        plan_void("a message that nobody published: publisher %u, serial %llu", publisher, (unsigned long long)serial);
    if (!plan->everybody && plan_recipient(plan, publisher, serial) != recipient)
        plan_void("recipient %u got message %llu of publisher %u, which is another's", recipient,
                  (unsigned long long)serial, publisher);
    size_t at = plan->everybody ? (size_t)publisher * plan->recipients + recipient : publisher;
    if (!set(&tally->bits[at], serial))
        plan_void("recipient %u got message %llu of publisher %u twice", recipient, (unsigned long long)serial,
                  publisher);
    atomic_fetch_add_explicit(&tally->taken, 1, memory_order_relaxed);
}

uint64_t tally_count(const struct tally *tally)
{
    return atomic_load_explicit(&tally->taken, memory_order_relaxed);
}

void tally_check(const struct tally *tally, const uint64_t *published)
{
    const struct plan *plan = &tally->plan;
    for (size_t i = 0; i < tally->count; i++) {
        size_t publisher = plan->everybody ? i / plan->recipients : i;
        const struct bits *bits = &tally->bits[i];
        if (bits->set != published[publisher])
            plan_void("publisher %zu published %llu, %llu arrived", publisher, (unsigned long long)published[publisher],
                      (unsigned long long)bits->set);
        for (uint64_t serial = published[publisher]; serial < bits->words * 64; serial++)
            if (bits->word[serial / 64] >> (serial % 64) & 1)
                plan_void("message %llu of publisher %zu was not published", (unsigned long long)serial, publisher);
    }
}
