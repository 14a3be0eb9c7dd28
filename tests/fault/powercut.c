/* Preloaded into a daemon under test: a journal from which a power cut can be made after the process is dead.
 *
 *   LIANFANG_POWERCUT_FOLDER    only files below this folder are watched (a real path)
 *   LIANFANG_POWERCUT_JOURNAL   the journal: this name and ".0000", ".0001", … one file a run of the process
 *   LIANFANG_POWERCUT_LIE       syncs are not noted: a disk that says "done" and is not
 *
 * Before a file is changed the blocks that will change are noted as they are; a name that is made, moved or removed is
 * noted too. A sync that has returned covers what was noted before it began, of its own file only; a write through a
 * descriptor with O_SYNC or O_DSYNC covers the blocks it wrote and nothing else. disk.py reads the journal and takes
 * back what no sync covers. Changes of the watched files are one after another, so that the order of the journal is the
 * order on the disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAGIC = 0x4C465043, BLOCK = 4096 };
enum kind { WRITE = 1, TRUNCATE, SYNC, DONE, CREATE, RENAME, UNLINK, FOLDER };

/* Then `path_bytes` of path, then `data_bytes` of what stood at `offset`. */
struct head {
    uint32_t magic, kind;
    uint64_t inode, offset, data_bytes;
    uint64_t file_bytes; /* the file's size before */
    uint64_t covers;     /* SYNC: what was noted before this place. DONE: the place of the write */
    uint32_t path_bytes, whole;
};

static struct {
    pthread_once_t once;
    pthread_mutex_t lock;
    int journal;
    bool lies;
    char folder[PATH_MAX];
    size_t folder_size;
} shim = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER, .journal = -1};

/* A call of the library below, found once. */
#define REAL(name) ((__typeof__(name) *)real(#name, &pointer_##name))

static void *real(const char *name, void **kept)
{
    if (*kept == NULL)
        *kept = dlsym(RTLD_NEXT, name);
    return *kept;
}

static void fail(const char *what)
{
    dprintf(2, "powercut: %s: %s\n", what, strerror(errno));
    _exit(99);
}

static void open_journal(void)
{
    const char *folder = getenv("LIANFANG_POWERCUT_FOLDER"), *journal = getenv("LIANFANG_POWERCUT_JOURNAL");
    char path[PATH_MAX];
    if (folder == NULL || journal == NULL)
        return;
    shim.lies = getenv("LIANFANG_POWERCUT_LIE") != NULL;
    shim.folder_size = (size_t)snprintf(shim.folder, sizeof shim.folder, "%s/", folder);
    for (int i = 0; shim.journal < 0 && i < 10000; i++) {
        snprintf(path, sizeof path, "%s.%04d", journal, i);
        shim.journal = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
        if (shim.journal < 0 && errno != EEXIST)
            break;
    }
    if (shim.journal < 0)
        fail(journal);
}

static bool on(void)
{
    pthread_once(&shim.once, open_journal);
    return shim.journal >= 0;
}

static uint64_t journal_end(void)
{
    return (uint64_t)syscall(SYS_lseek, shim.journal, 0, SEEK_END);
}

/* One system call, so that a kill leaves a record whole or cut short at the end of the journal. */
static uint64_t note(struct head head, const char *path, const void *data)
{
    uint64_t at = journal_end();
    head.magic = head.whole = MAGIC;
    head.path_bytes = (uint32_t)strlen(path);
    struct iovec parts[] = {
        {&head, sizeof head}, {(void *)(uintptr_t)path, head.path_bytes}, {(void *)(uintptr_t)data, head.data_bytes}};
    ssize_t wanted = (ssize_t)(sizeof head + head.path_bytes + head.data_bytes);
    if (syscall(SYS_writev, shim.journal, parts, 3) != wanted)
        fail("journal");
    return at;
}

/* --- which file --- */

struct file {
    char path[PATH_MAX];
    struct stat stat;
    bool synced; /* each write is */
};

/* Below the watched folder, the folder itself, or the one that holds its name. */
static bool inside(const char *path)
{
    size_t size = strlen(path), most = shim.folder_size - 1;
    if (size > most)
        return strncmp(path, shim.folder, shim.folder_size) == 0;
    return strncmp(path, shim.folder, size) == 0 &&
           (size == most || strchr(shim.folder + size + 1, '/') == shim.folder + most);
}

/* A descriptor of a file or folder that is watched. */
static bool watched(int fd, struct file *file)
{
    char link[64];
    int error = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = on() ? syscall(SYS_readlink, link, file->path, sizeof file->path - 1) : -1;
    errno = error;
    if (size <= 0)
        return false;
    file->path[size] = '\0';
    if (!inside(file->path) || fstat(fd, &file->stat) != 0)
        return false;
    long flags = syscall(SYS_fcntl, fd, F_GETFL);
    file->synced = (flags & O_DSYNC) != 0; /* O_SYNC holds its bit */
    return true;
}

/* The folder made real and the last name kept: the name itself may not be there yet. */
static bool watched_name(int folder, const char *path, char out[PATH_MAX])
{
    char whole[PATH_MAX], parent[PATH_MAX];
    if (!on())
        return false;
    if (path[0] != '/' && folder != AT_FDCWD)
        return false; /* nobody here does */
    snprintf(whole, sizeof whole, "%s", path);
    char *slash = strrchr(whole, '/');
    const char *name = slash ? slash + 1 : whole;
    int error = errno;
    if (slash)
        *slash = '\0';
    bool found = realpath(slash ? (slash == whole ? "/" : whole) : ".", parent) != NULL;
    errno = error;
    if (!found || snprintf(out, PATH_MAX, "%s/%s", parent, name) >= PATH_MAX)
        return false;
    return inside(out);
}

static uint64_t folder_inode(const char *path)
{
    char parent[PATH_MAX];
    struct stat found;
    snprintf(parent, sizeof parent, "%s", path);
    *strrchr(parent, '/') = '\0';
    return stat(parent, &found) == 0 ? found.st_ino : 0;
}

/* --- contents --- */

/* Notes the blocks that [offset, offset + size) touches; zeros where the file does not reach. */
static uint64_t note_change(const struct file *file, enum kind kind, uint64_t offset, uint64_t size)
{
    uint64_t end = (offset + size + BLOCK - 1) / BLOCK * BLOCK, from = offset / BLOCK * BLOCK;
    uint64_t have = (uint64_t)file->stat.st_size, held = have > from ? have - from : 0;
    struct head head = {.kind = kind, .inode = file->stat.st_ino, .offset = from, .file_bytes = have};
    head.data_bytes = size > 0 ? end - from : 0;
    held = held < head.data_bytes ? held : head.data_bytes;
    char *before = calloc(1, head.data_bytes + 1);
    int readable = (int)syscall(SYS_openat, AT_FDCWD, file->path, O_RDONLY | O_CLOEXEC); /* fd may be write-only */
    if (before == NULL || readable < 0 || syscall(SYS_pread64, readable, before, held, from) != (long)held)
        fail(file->path);
    syscall(SYS_close, readable);
    uint64_t at = note(head, file->path, before);
    free(before);
    return at;
}

static void note_done(const struct file *file, uint64_t at)
{
    if (file->synced && !shim.lies)
        note((struct head){.kind = DONE, .inode = file->stat.st_ino, .covers = at}, "", NULL);
}

static ssize_t write_noted(int fd, const struct iovec *parts, int count, off_t offset, bool positioned)
{
    struct file file;
    static void *pointer_pwritev, *pointer_writev;
    if (!watched(fd, &file))
        return positioned ? REAL(pwritev)(fd, parts, count, offset) : REAL(writev)(fd, parts, count);
    uint64_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    pthread_mutex_lock(&shim.lock);
    fstat(fd, &file.stat);
    bool append = (syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND) != 0;
    uint64_t at = append       ? (uint64_t)file.stat.st_size
                  : positioned ? (uint64_t)offset
                               : (uint64_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
    uint64_t place = note_change(&file, WRITE, at, size);
    ssize_t written = positioned ? REAL(pwritev)(fd, parts, count, offset) : REAL(writev)(fd, parts, count);
    int error = errno;
    if (written >= 0)
        note_done(&file, place);
    pthread_mutex_unlock(&shim.lock);
    errno = error;
    return written;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return write_noted(fd, parts, count, offset, true);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    return write_noted(fd, parts, count, offset, true);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return write_noted(fd, parts, count, 0, false);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return write_noted(fd, &(struct iovec){(void *)(uintptr_t)data, size}, 1, offset, true);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    return write_noted(fd, &(struct iovec){(void *)(uintptr_t)data, size}, 1, offset, true);
}

ssize_t write(int fd, const void *data, size_t size)
{
    return write_noted(fd, &(struct iovec){(void *)(uintptr_t)data, size}, 1, 0, false);
}

/* What a shorter file loses is noted; of a longer one only the size. */
int ftruncate(int fd, off_t size)
{
    struct file file;
    static void *pointer_ftruncate;
    if (!watched(fd, &file))
        return REAL(ftruncate)(fd, size);
    pthread_mutex_lock(&shim.lock);
    fstat(fd, &file.stat);
    uint64_t cut = file.stat.st_size > size ? (uint64_t)(file.stat.st_size - size) : 0;
    note_change(&file, TRUNCATE, (uint64_t)size, cut);
    int result = REAL(ftruncate)(fd, size);
    pthread_mutex_unlock(&shim.lock);
    return result;
}

int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

int posix_fallocate(int fd, off_t offset, off_t size)
{
    struct file file;
    static void *pointer_posix_fallocate;
    if (!watched(fd, &file))
        return REAL(posix_fallocate)(fd, offset, size);
    pthread_mutex_lock(&shim.lock);
    fstat(fd, &file.stat);
    note_change(&file, TRUNCATE, (uint64_t)file.stat.st_size, 0);
    int result = REAL(posix_fallocate)(fd, offset, size);
    pthread_mutex_unlock(&shim.lock);
    return result;
}

static int sync_noted(int fd, int (*sync)(int fd))
{
    struct file file;
    if (!watched(fd, &file))
        return sync(fd);
    pthread_mutex_lock(&shim.lock);
    uint64_t before = journal_end();
    pthread_mutex_unlock(&shim.lock);
    int result = shim.lies ? 0 : sync(fd);
    pthread_mutex_lock(&shim.lock);
    if (result == 0 && !shim.lies)
        note((struct head){.kind = SYNC, .inode = file.stat.st_ino, .covers = before}, file.path, NULL);
    pthread_mutex_unlock(&shim.lock);
    return result;
}

int fsync(int fd)
{
    static void *pointer_fsync;
    return sync_noted(fd, REAL(fsync));
}

int fdatasync(int fd)
{
    static void *pointer_fdatasync;
    return sync_noted(fd, REAL(fdatasync));
}

/* --- names --- */

/* After the name was made. kind FOLDER or CREATE; the inode is the folder's, which a sync must cover. */
static void note_name(enum kind kind, const char *path)
{
    int error = errno;
    pthread_mutex_lock(&shim.lock);
    note((struct head){.kind = kind, .inode = folder_inode(path)}, path, NULL);
    pthread_mutex_unlock(&shim.lock);
    errno = error;
}

static int open_noted(int (*real_open)(int, const char *, int, ...), int folder, const char *path, int flags,
                      mode_t mode)
{
    char name[PATH_MAX];
    struct stat found;
    bool may_make = (flags & O_CREAT) != 0 && (flags & O_TMPFILE) != O_TMPFILE && watched_name(folder, path, name);
    bool was = may_make && lstat(name, &found) == 0;
    int fd = real_open(folder, path, was ? flags & ~O_TRUNC : flags, mode);
    if (fd >= 0 && was && (flags & O_TRUNC) && ftruncate(fd, 0) != 0)
        fail(name);
    if (fd >= 0 && may_make && !was)
        note_name(CREATE, name);
    return fd;
}

#define MODE(flags)                                                                                                    \
    mode_t mode = 0;                                                                                                   \
    if (((flags)&O_CREAT) != 0 || ((flags)&O_TMPFILE) == O_TMPFILE) {                                                  \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode = va_arg(rest, mode_t);                                                                                   \
        va_end(rest);                                                                                                  \
    }

int open(const char *path, int flags, ...)
{
    static void *pointer_openat;
    MODE(flags)
    return open_noted(REAL(openat), AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    static void *pointer_openat64;
    MODE(flags)
    return open_noted(REAL(openat64), AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    static void *pointer_openat;
    MODE(flags)
    return open_noted(REAL(openat), folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...)
{
    static void *pointer_openat64;
    MODE(flags)
    return open_noted(REAL(openat64), folder, path, flags, mode);
}

int mkdir(const char *path, mode_t mode)
{
    static void *pointer_mkdir;
    char name[PATH_MAX];
    int result = REAL(mkdir)(path, mode);
    if (result == 0 && watched_name(AT_FDCWD, path, name))
        note_name(FOLDER, name);
    return result;
}

int link(const char *from, const char *to)
{
    static void *pointer_link;
    char name[PATH_MAX];
    int result = REAL(link)(from, to);
    if (result == 0 && watched_name(AT_FDCWD, to, name))
        note_name(CREATE, name);
    return result;
}

/* What goes is noted whole, as the journal's data. */
static void note_gone(const char *name)
{
    struct file file;
    static void *pointer_openat;
    int fd = REAL(openat)(AT_FDCWD, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    if (watched(fd, &file)) {
        struct head head = {.kind = UNLINK, .inode = folder_inode(name), .data_bytes = (uint64_t)file.stat.st_size};
        char *text = malloc(head.data_bytes + 1);
        if (text == NULL || syscall(SYS_pread64, fd, text, head.data_bytes, 0) != (long)head.data_bytes)
            fail(name);
        note(head, name, text);
        free(text);
    }
    syscall(SYS_close, fd);
}

int unlink(const char *path)
{
    static void *pointer_unlink;
    char name[PATH_MAX];
    if (!watched_name(AT_FDCWD, path, name))
        return REAL(unlink)(path);
    pthread_mutex_lock(&shim.lock);
    note_gone(name);
    int result = REAL(unlink)(path);
    pthread_mutex_unlock(&shim.lock);
    return result;
}

/* As one record with the two names; what stood at the second is noted first. */
int rename(const char *from, const char *to)
{
    static void *pointer_rename;
    char name[PATH_MAX], other[PATH_MAX], both[2 * PATH_MAX];
    if (!watched_name(AT_FDCWD, to, name) || !watched_name(AT_FDCWD, from, other))
        return REAL(rename)(from, to);
    pthread_mutex_lock(&shim.lock);
    note_gone(name);
    int result = REAL(rename)(from, to);
    int error = errno;
    snprintf(both, sizeof both, "%s\n%s", other, name);
    if (result == 0)
        note((struct head){.kind = RENAME, .inode = folder_inode(name)}, both, NULL);
    pthread_mutex_unlock(&shim.lock);
    errno = error;
    return result;
}
