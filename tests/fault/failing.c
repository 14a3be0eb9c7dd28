/* Preloaded into a daemon under test: one call fails, or the process aborts in it.
 *
 *   LIANFANG_FAIL         "calls:n:how": of `calls` the n-th (from 1) fails, once, with `how`
 *     calls               sync   fsync, fdatasync                  of files below the folder
 *                         write  write, pwrite, writev, …, ftruncate, posix_fallocate of files below the folder
 *                         begin, commit, put, get                  of liblmdb
 *                         recv, send                               of libzmq, as the daemon calls it
 *     how                 EIO, ENOSPC, SHORT (half is written, as on a disk that fills up), MAP_FULL (liblmdb), ABORT
 *   LIANFANG_FAIL_FOLDER  the folder (a real path)
 *   LIANFANG_FAIL_MARK    a file that is written when it has happened: what failed
 *   LIANFANG_FAIL_FULL    while this file is there every write is ENOSPC: a full disk that can be emptied again */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zmq.h>

enum { SHORT = -1, ABORT = -2, NONE = 0 };

static atomic_long calls;

#define REAL(name) ((__typeof__(name) *)real(#name, &pointer_##name))

static void *real(const char *name, void **kept)
{
    if (*kept == NULL)
        *kept = dlsym(RTLD_NEXT, name);
    return *kept;
}

static int named(const char *how)
{
    static const struct {
        const char *name;
        int error;
    } names[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"SHORT", SHORT}, {"MAP_FULL", MDB_MAP_FULL}, {"ABORT", ABORT}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(how, names[i].name) == 0)
            return names[i].error;
    return EIO;
}

static void mark(const char *what)
{
    const char *path = getenv("LIANFANG_FAIL_MARK");
    int fd =
        path == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    syscall(SYS_write, fd, what, strlen(what));
    syscall(SYS_write, fd, "\n", 1);
    syscall(SYS_close, fd);
}

/* What is to become of this call. */
static int drawn(const char *group, const char *what)
{
    char wanted[16], how[16];
    long number = 0;
    const char *plan = getenv("LIANFANG_FAIL");
    if (plan == NULL || sscanf(plan, "%15[^:]:%ld:%15s", wanted, &number, how) != 3 || strcmp(wanted, group) != 0)
        return NONE;
    if (atomic_fetch_add(&calls, 1) + 1 != number)
        return NONE;
    mark(what);
    if (named(how) == ABORT)
        abort();
    return named(how);
}

static bool below_folder(int fd, char path[PATH_MAX])
{
    const char *folder = getenv("LIANFANG_FAIL_FOLDER");
    char link[64];
    int error = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = folder == NULL ? -1 : syscall(SYS_readlink, link, path, PATH_MAX - 1);
    errno = error;
    if (size <= 0)
        return false;
    path[size] = '\0';
    return strncmp(path, folder, strlen(folder)) == 0;
}

static bool full(void)
{
    const char *path = getenv("LIANFANG_FAIL_FULL");
    int error = errno;
    bool is = path != NULL && access(path, F_OK) == 0;
    errno = error;
    return is;
}

/* NONE, SHORT, or an error number. */
static int of_file(const char *group, int fd)
{
    char path[PATH_MAX];
    if (!below_folder(fd, path))
        return NONE;
    if (strcmp(group, "write") == 0 && full())
        return ENOSPC;
    return drawn(group, path);
}

static int failed(int error)
{
    errno = error;
    return -1;
}

/* --- files --- */

int fsync(int fd)
{
    static void *pointer_fsync;
    int error = of_file("sync", fd);
    return error > 0 ? failed(error) : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
    static void *pointer_fdatasync;
    int error = of_file("sync", fd);
    return error > 0 ? failed(error) : REAL(fdatasync)(fd);
}

ssize_t write(int fd, const void *data, size_t size)
{
    static void *pointer_write;
    int error = of_file("write", fd);
    return error > 0 ? failed(error) : REAL(write)(fd, data, error == SHORT ? size / 2 : size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    static void *pointer_pwrite;
    int error = of_file("write", fd);
    return error > 0 ? failed(error) : REAL(pwrite)(fd, data, error == SHORT ? size / 2 : size, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    return pwrite(fd, data, size, offset);
}

/* SHORT: the first part alone, or half of it when it is the only one. */
static ssize_t write_short(int fd, const struct iovec *parts, int count, off_t offset, bool positioned)
{
    static void *pointer_pwrite, *pointer_write;
    size_t size = count > 1 ? parts[0].iov_len : parts[0].iov_len / 2;
    return positioned ? REAL(pwrite)(fd, parts[0].iov_base, size, offset) : REAL(write)(fd, parts[0].iov_base, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    static void *pointer_writev;
    int error = of_file("write", fd);
    if (error == SHORT)
        return write_short(fd, parts, count, 0, false);
    return error > 0 ? failed(error) : REAL(writev)(fd, parts, count);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    static void *pointer_pwritev;
    int error = of_file("write", fd);
    if (error == SHORT)
        return write_short(fd, parts, count, offset, true);
    return error > 0 ? failed(error) : REAL(pwritev)(fd, parts, count, offset);
}

int ftruncate(int fd, off_t size)
{
    static void *pointer_ftruncate;
    int error = of_file("write", fd);
    return error > 0 ? failed(error) : REAL(ftruncate)(fd, size);
}

int posix_fallocate(int fd, off_t offset, off_t size)
{
    static void *pointer_posix_fallocate;
    int error = of_file("write", fd);
    return error > 0 ? error : REAL(posix_fallocate)(fd, offset, size);
}

/* --- liblmdb --- */

int mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned int flags, MDB_txn **txn)
{
    static void *pointer_mdb_txn_begin;
    int error = drawn("begin", "mdb_txn_begin");
    return error ? error : REAL(mdb_txn_begin)(env, parent, flags, txn);
}

/* A commit that fails has ended its transaction. */
int mdb_txn_commit(MDB_txn *txn)
{
    static void *pointer_mdb_txn_commit;
    int error = drawn("commit", "mdb_txn_commit");
    if (!error)
        return REAL(mdb_txn_commit)(txn);
    mdb_txn_abort(txn);
    return error;
}

int mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned int flags)
{
    static void *pointer_mdb_put;
    int error = drawn("put", "mdb_put");
    return error ? error : REAL(mdb_put)(txn, dbi, key, data, flags);
}

int mdb_cursor_put(MDB_cursor *cursor, MDB_val *key, MDB_val *data, unsigned int flags)
{
    static void *pointer_mdb_cursor_put;
    int error = drawn("put", "mdb_cursor_put");
    return error ? error : REAL(mdb_cursor_put)(cursor, key, data, flags);
}

int mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
    static void *pointer_mdb_get;
    int error = drawn("get", "mdb_get");
    return error ? error : REAL(mdb_get)(txn, dbi, key, data);
}

int mdb_cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *data, MDB_cursor_op operation)
{
    static void *pointer_mdb_cursor_get;
    int error = drawn("get", "mdb_cursor_get");
    return error ? error : REAL(mdb_cursor_get)(cursor, key, data, operation);
}

/* --- libzmq: only to die there --- */

int zmq_msg_recv(zmq_msg_t *message, void *socket, int flags)
{
    static void *pointer_zmq_msg_recv;
    drawn("recv", "zmq_msg_recv");
    return REAL(zmq_msg_recv)(message, socket, flags);
}

int zmq_msg_send(zmq_msg_t *message, void *socket, int flags)
{
    static void *pointer_zmq_msg_send;
    drawn("send", "zmq_msg_send");
    return REAL(zmq_msg_send)(message, socket, flags);
}
