#include "common/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void plan_void(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("void: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

uint64_t plan_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* --- options ------------------------------------------------------------------------------------------------------ */

static uint64_t number(const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0')
        plan_void("not a number: %s", text);
    return value;
}

static double real(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || value < 0)
        plan_void("not a number: %s", text);
    return value;
}

static enum plan_mode mode_of(const char *text)
{
    static const char *const names[] = {[PLAN_FLOW] = "flow", [PLAN_PING] = "ping", [PLAN_ALERT] = "alert"};
    for (int i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0)
            return (enum plan_mode)i;
    plan_void("no such mode: %s", text);
}

static void take(struct plan *plan, const char *name, const char *value)
{
    if (strcmp(name, "--mode") == 0)
        plan->mode = mode_of(value);
    else if (strcmp(name, "--publishers") == 0)
        plan->publishers = (uint32_t)number(value);
    else if (strcmp(name, "--recipients") == 0)
        plan->recipients = (uint32_t)number(value);
    else if (strcmp(name, "--bytes") == 0)
        plan->bytes = (uint32_t)number(value);
    else if (strcmp(name, "--seconds") == 0)
        plan->seconds = real(value);
    else if (strcmp(name, "--messages") == 0)
        plan->messages = number(value);
    else if (strcmp(name, "--seed") == 0)
        plan->seed = number(value);
    else if (strcmp(name, "--pause-us") == 0)
        plan->pause_us = (uint32_t)number(value);
    else if (strcmp(name, "--server-pid") == 0)
        plan->server_pid = (int)number(value);
    else if (strcmp(name, "--host") == 0)
        plan->host = value;
    else if (strcmp(name, "--port") == 0)
        plan->port = (int)number(value);
    else if (strcmp(name, "--folder") == 0)
        plan->folder = value;
    else if (strcmp(name, "--extra") == 0)
        plan->extra = value;
    else
        plan_void("no such option: %s", name);
}

void plan_parse(struct plan *plan, int argc, char **argv)
{
    *plan = (struct plan){
        .publishers = 3, .recipients = 3, .bytes = 512, .seconds = 3, .seed = 1, .host = "127.0.0.1", .folder = "."};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--everybody") == 0)
            plan->everybody = true;
        else if (i + 1 == argc)
            plan_void("%s needs a value", argv[i]);
        else {
            take(plan, argv[i], argv[i + 1]);
            i++;
        }
    }
    if (plan->publishers == 0 || plan->recipients == 0 || plan->publishers > PLAN_PARTIES_MAX ||
        plan->recipients > PLAN_PARTIES_MAX || plan->bytes < PLAN_PAYLOAD_MIN)
        plan_void("publishers, recipients 1 to %d, bytes from %d", PLAN_PARTIES_MAX, PLAN_PAYLOAD_MIN);
}

uint64_t plan_extra(const struct plan *plan, const char *key, uint64_t otherwise)
{
    size_t size = strlen(key);
    for (const char *at = plan->extra; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, key, size) == 0 && at[size] == '=')
            return strtoull(at + size + 1, NULL, 10);
    }
    return otherwise;
}

/* --- drawing ------------------------------------------------------------------------------------------------------ */

static uint64_t mix(uint64_t z) /* splitmix64 */
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t plan_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    return mix(*state);
}

void plan_fill(uint64_t *state, void *out, uint32_t size)
{
    uint8_t *at = out;
    for (uint32_t i = 0; i < size; i += 8) {
        uint64_t word = plan_random(state);
        memcpy(at + i, &word, size - i < 8 ? size - i : 8);
    }
}

uint32_t plan_recipient(const struct plan *plan, uint32_t publisher, uint64_t serial)
{
    uint64_t drawn = mix(plan->seed * 0x9e3779b97f4a7c15u + ((uint64_t)publisher << 40) + serial + 1);
    return (uint32_t)(drawn % plan->recipients);
}

/* --- marks -------------------------------------------------------------------------------------------------------- */

static const uint8_t magic[4] = {'L', 'F', 'B', '1'};

void plan_mark_put(const struct plan_mark *mark, uint8_t *payload)
{
    uint32_t alert = mark->alert;
    memcpy(payload, magic, 4);
    memcpy(payload + 4, &mark->publisher, 4);
    memcpy(payload + 8, &mark->serial, 8);
    memcpy(payload + 16, &mark->sent_ns, 8);
    memcpy(payload + 24, &alert, 4);
}

bool plan_mark_get(struct plan_mark *mark, const uint8_t *payload, uint64_t size)
{
    uint32_t alert;
    if (size < PLAN_PAYLOAD_MIN || memcmp(payload, magic, 4) != 0)
        return false;
    memcpy(&mark->publisher, payload + 4, 4);
    memcpy(&mark->serial, payload + 8, 8);
    memcpy(&mark->sent_ns, payload + 16, 8);
    memcpy(&alert, payload + 24, 4);
    mark->alert = alert != 0;
    return true;
}
