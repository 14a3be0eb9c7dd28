#include "common/usage.h"

#include "common/plan.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static double cpu_seconds(int pid)
{
    char path[64], line[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(line, sizeof(line), file) == NULL)
        plan_void("no such process: %d", pid);
    fclose(file);
    unsigned long long user = 0, system = 0;
    const char *rest = strrchr(line, ')'); /* the name before it may hold anything */
    if (rest == NULL || sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
        plan_void("cannot read %s", path);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static uint64_t rss_anon_kb(int pid)
{
    char path[64], line[256];
    unsigned long long kb = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        plan_void("no such process: %d", pid);
    while (fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "RssAnon: %llu kB", &kb) == 1)
            break;
    fclose(file);
    return kb;
}

struct usage usage_of(int pid)
{
    if (pid == 0)
        return (struct usage){0};
    if (pid < 0)
        pid = getpid();
    return (struct usage){.cpu_seconds = cpu_seconds(pid), .rss_anon_kb = rss_anon_kb(pid)};
}
