/* A world in a process of its own: whatever it does, the report comes back. */
#include "sim.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct sim_attempt {
    struct sim_options options;
    struct sim_report *report; /* shared with the child */
    pid_t child;
    int said; /* what it wrote on stderr */
    int64_t begin_us;
};

static int64_t real_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SIM_S + now.tv_nsec / 1000;
}

static _Noreturn void live(struct sim_attempt *attempt, unsigned seconds)
{
    dup2(attempt->said, STDERR_FILENO);
    /* of a processor, not of the clock on the wall: others may be running here, too */
    setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = seconds}, NULL);
    attempt->options.report = attempt->report;
    attempt->options.totals = &attempt->report->totals;
    uint64_t digest = sim_run(&attempt->options);
    if (attempt->options.twice)
        sim_check_twice(&attempt->options, digest);
    exit(0);
}

struct sim_attempt *sim_attempt_begin(const struct sim_options *options, unsigned seconds)
{
    struct sim_attempt *attempt = calloc(1, sizeof(*attempt));
    ENSURE(attempt != NULL);
    attempt->options = *options;
    attempt->report = mmap(NULL, sizeof(*attempt->report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    attempt->said = memfd_create("said", MFD_CLOEXEC);
    ENSURE(attempt->report != MAP_FAILED && attempt->said >= 0);
    attempt->begin_us = real_us();
    fflush(NULL);
    attempt->child = fork();
    ENSURE(attempt->child >= 0);
    if (attempt->child == 0)
        live(attempt, seconds);
    return attempt;
}

/* Everything it said, up to 64 KiB of the end. */
static char *read_said(const struct sim_attempt *attempt)
{
    enum { MOST = 64 * 1024 };
    char *text = calloc(1, MOST + 1);
    off_t end = lseek(attempt->said, 0, SEEK_END);
    ENSURE(text != NULL);
    if (pread(attempt->said, text, MOST, end > MOST ? end - MOST : 0) < 0)
        text[0] = '\0';
    return text;
}

/* It did not say why it ended: what ENSURE or a sanitizer wrote tells. */
static void explain(struct sim_attempt *attempt, int status)
{
    struct sim_report *report = attempt->report;
    char *said = read_said(attempt), *ensure = strstr(said, "internal check failed"), *line = said;
    bool timed_out = WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF;
    report->invariant = timed_out ? SIM_TOO_LONG : SIM_STRANGE;
    if (ensure != NULL) {
        while (ensure > said && ensure[-1] != '\n')
            ensure--;
        line = ensure;
        if (strstr(line, "tests/sim/") == NULL || strstr(line, "tests/sim/") > strchr(line, ':'))
            report->invariant = SIM_AUDIT;
    }
    line[strcspn(line, "\n")] = '\0';
    snprintf(report->text, sizeof report->text, "%.400s (%s %d)", timed_out ? "it takes too long" : line,
             WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    free(said);
}

static bool is_said(const struct sim_report *report)
{
    return report->ended || report->text[0] != '\0';
}

struct sim_attempt *sim_attempt_wait(struct sim_attempt **running, unsigned count)
{
    int status;
    pid_t child;
    do
        child = wait(&status);
    while (child < 0 && errno == EINTR);
    ENSURE(child > 0);
    for (unsigned i = 0; i < count; i++) {
        struct sim_attempt *attempt = running[i];
        if (attempt->child != child)
            continue;
        bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        attempt->report->real_us = real_us() - attempt->begin_us;
        if (!is_said(attempt->report) || (attempt->report->ended && !well)) {
            attempt->report->ended = false;
            explain(attempt, status);
        }
        return attempt;
    }
    ENSURE(count > 0 && running[0]->child == child);
    return NULL;
}

const struct sim_report *sim_attempt_report(const struct sim_attempt *attempt)
{
    return attempt->report;
}

const struct sim_options *sim_attempt_options(const struct sim_attempt *attempt)
{
    return &attempt->options;
}

void sim_attempt_said(const struct sim_attempt *attempt)
{
    char *said = read_said(attempt);
    fputs(said, stderr);
    free(said);
}

void sim_attempt_free(struct sim_attempt **attempt)
{
    close((*attempt)->said);
    munmap((*attempt)->report, sizeof(*(*attempt)->report));
    free(*attempt);
    *attempt = NULL;
}

void sim_attempt(const struct sim_options *options, unsigned seconds, struct sim_report *out)
{
    struct sim_attempt *attempt = sim_attempt_begin(options, seconds);
    sim_attempt_wait(&attempt, 1);
    *out = *attempt->report;
    sim_attempt_free(&attempt);
}

const char *sim_report_kind(const struct sim_report *report, char text[32])
{
    switch (report->invariant) {
    case SIM_AUDIT:
        return "audit";
    case SIM_STRANGE:
        return "the simulator itself";
    case SIM_TOO_LONG:
        return "time";
    default:
        snprintf(text, 32, "invariant %d", report->invariant);
        return text;
    }
}
