/* Preloaded into a broker: a disk on which a sync takes LIANFANG_SYNC_US microseconds, whatever the disk below does.
 * Syncs are not carried out, they only take their time: for measuring, never where something must last.
 *
 * fsync, fdatasync, msync; and writes to what was opened with O_DSYNC (LMDB's meta page): without that flag, then the
 * same wait. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS = 65536 };

static bool synced[DESCRIPTORS]; /* by descriptor: each write waits */

static void take_time(void)
{
    const char *text = getenv("LIANFANG_SYNC_US");
    long us = text == NULL ? 0 : strtol(text, NULL, 10);
    struct timespec wait = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
}

int fsync(int fd)
{
    (void)fd;
    take_time();
    return 0;
}

int fdatasync(int fd)
{
    return fsync(fd);
}

int msync(void *address, size_t size, int flags)
{
    (void)address;
    (void)size;
    (void)flags;
    take_time();
    return 0;
}

static int opened(const char *name, const char *path, int flags, mode_t mode)
{
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name);
    int fd = real(path, flags & ~(O_SYNC | O_DSYNC), mode);
    if (fd >= 0 && fd < DESCRIPTORS)
        synced[fd] = (flags & O_DSYNC) != 0;
    return fd;
}

int open(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
    va_end(list);
    return opened("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
    va_end(list);
    return opened("open64", path, flags, mode);
}

static ssize_t written(const char *name, int fd, const void *data, size_t size, off_t at)
{
    ssize_t (*real)(int, const void *, size_t, off_t) =
        (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, name);
    ssize_t count = real(fd, data, size, at);
    if (fd < DESCRIPTORS && synced[fd])
        take_time();
    return count;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    return written("pwrite", fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at)
{
    return written("pwrite64", fd, data, size, at);
}
