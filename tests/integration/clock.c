/* Preloaded into a daemon under test: its wall clock is LIANFANG_CLOCK_MS ahead, its monotonic clock is not touched.
 * The file LIANFANG_CLOCK_FILE, eight bytes in host order, is added and may change at any time: a clock that jumps. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *jump_ms;

static void map_file(void)
{
    const char *path = getenv("LIANFANG_CLOCK_FILE");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *jump_ms, PROT_READ, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED)
        jump_ms = map;
    if (fd >= 0)
        close(fd);
}

static long long ahead_ms(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const char *text = getenv("LIANFANG_CLOCK_MS");
    pthread_once(&once, map_file);
    return (text == NULL ? 0 : atoll(text)) + (jump_ms == NULL ? 0 : *jump_ms);
}

int clock_gettime(clockid_t id, struct timespec *out)
{
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, out);
    if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        out->tv_sec += ahead_ms() / 1000;
    return result;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    (void)zone;
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return result;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}
