/* What a process has used so far, as the kernel counts it (proc(5)). */
#pragma once
#include <stdint.h>

struct usage {
    double cpu_seconds;   /* user and system, of all its threads */
    uint64_t rss_anon_kb; /* RssAnon: LMDB's map shows up in RSS and costs nothing */
};

/* Zeros for pid 0; -1: this process. Ends the process when there is no such process. */
struct usage usage_of(int pid);
