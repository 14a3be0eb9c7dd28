#include "common/result.h"

#include <stdio.h>
#include <stdlib.h>

void samples_add(struct samples *samples, uint64_t ns)
{
    if (samples->count == samples->capacity) {
        samples->capacity = samples->capacity == 0 ? 1024 : 2 * samples->capacity;
        samples->ns = realloc(samples->ns, samples->capacity * sizeof(*samples->ns));
        if (samples->ns == NULL)
            plan_void("no memory");
    }
    samples->ns[samples->count++] = ns;
}

void samples_close(struct samples *samples)
{
    free(samples->ns);
    *samples = (struct samples){0};
}

void result_extra(struct result *result, const char *name, double value)
{
    if (result->extra_count == sizeof(result->extra) / sizeof(result->extra[0]))
        plan_void("too many figures");
    result->extra[result->extra_count].name = name;
    result->extra[result->extra_count++].value = value;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The smallest value that at least this share of the samples does not exceed. */
static double percentile_ms(const struct samples *samples, double share)
{
    uint64_t rank = (uint64_t)(share * (double)samples->count + 0.999999);
    rank = rank == 0 ? 1 : rank > samples->count ? samples->count : rank;
    return (double)samples->ns[rank - 1] / 1e6;
}

static void print_samples(const char *name, struct samples *samples)
{
    if (samples->count == 0)
        return;
    qsort(samples->ns, samples->count, sizeof(*samples->ns), by_size);
    printf(",\"%s_ms\":{\"count\":%llu,\"p50\":%.4f,\"p90\":%.4f,\"p99\":%.4f,\"max\":%.4f}", name,
           (unsigned long long)samples->count, percentile_ms(samples, 0.5), percentile_ms(samples, 0.9),
           percentile_ms(samples, 0.99), percentile_ms(samples, 1));
}

void result_print(struct result *result)
{
    printf("{\"system\":\"%s\",\"library\":\"%s\",\"published\":%llu,\"deliveries\":%llu,\"alerts\":%llu,"
           "\"seconds\":%.4f,\"rate\":%.1f,\"cpu_seconds\":%.3f,\"rss_anon_kb\":%llu,\"rss_anon_before_kb\":%llu",
           result->system, result->library, (unsigned long long)result->published,
           (unsigned long long)result->deliveries, (unsigned long long)result->alerts, result->seconds,
           result->seconds > 0 ? (double)result->deliveries / result->seconds : 0,
           result->after.cpu_seconds - result->before.cpu_seconds, (unsigned long long)result->after.rss_anon_kb,
           (unsigned long long)result->before.rss_anon_kb);
    print_samples("confirmed", &result->confirmed);
    print_samples("in_hands", &result->in_hands);
    for (unsigned i = 0; i < result->extra_count; i++)
        printf(",\"%s\":%.6g", result->extra[i].name, result->extra[i].value);
    printf("}\n");
    samples_close(&result->confirmed);
    samples_close(&result->in_hands);
}
