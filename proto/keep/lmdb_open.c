/* Opening and closing the LMDB back end: folder, lock, environment, marks. */
#define _GNU_SOURCE
#include "keep/lmdb.h"
#include "wire/ensure.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MIB = 1024 * 1024, MAP_RESERVE = 64 * MIB, READERS = 8 };

/* --- the folder and its lock --- */

static enum wire_status fail_errno(const char *path, const char *zh, const char *en, struct wire_problem *problem)
{
    int error = errno;
    enum wire_status status = error == ENOSPC ? WIRE_DISK_FULL : WIRE_IO;
    return wire_failf(problem, status, path, "%.0s%s：%s。请检查路径与权限",
                      "%s%.0s: %s. Check the path and its permissions", en, zh, strerror(error));
}

/* The names in a folder: without this a power cut may take a file whose content was synced. */
static bool sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool synced = fsync(fd) == 0;
    int error = errno;
    close(fd);
    errno = error;
    return synced;
}

static bool sync_parent(const char *path)
{
    char parent[4096];
    snprintf(parent, sizeof parent, "%s/..", path);
    return sync_folder(parent);
}

static enum wire_status make_folder(const char *path, struct wire_problem *problem)
{
    if (mkdir(path, 0700) == 0 && sync_parent(path))
        return WIRE_OK;
    struct stat found;
    if (errno == EEXIST && stat(path, &found) == 0 && S_ISDIR(found.st_mode) && sync_parent(path))
        return WIRE_OK; /* synced again: who made it may have died before that */
    if (errno == EEXIST)
        errno = ENOTDIR;
    return fail_errno(path, "无法建立存储目录", "cannot make the store's folder", problem);
}

static enum wire_status take_lock(struct keep_lmdb *lmdb, struct wire_problem *problem)
{
    char file[4096];
    if (snprintf(file, sizeof file, "%s/in-use", lmdb->path) >= (int)sizeof file)
        return wire_fail(problem, WIRE_INVALID, "", "路径过长", "the path is too long");
    lmdb->lock_fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lmdb->lock_fd < 0)
        return fail_errno(file, "无法打开锁文件", "cannot open the lock file", problem);
    char pid[32] = "";
    if (flock(lmdb->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        ssize_t size = pread(lmdb->lock_fd, pid, sizeof pid - 1, 0);
        pid[size > 0 ? strcspn(pid, "\n") : 0] = '\0';
        return wire_failf(problem, WIRE_IN_USE, lmdb->path,
                          "存储正被另一进程使用（进程号 %s）。请先停止该进程，或指定另一个数据目录",
                          "the store is in use by another process (pid %s). Stop it, or name another data folder", pid);
    }
    int size = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(lmdb->lock_fd, 0) != 0 || pwrite(lmdb->lock_fd, pid, (size_t)size, 0) != size)
        return fail_errno(file, "无法写锁文件", "cannot write the lock file", problem);
    return WIRE_OK;
}

/* --- the environment --- */

static enum wire_status fail_lmdb(const struct keep_lmdb *lmdb, int error, struct wire_problem *problem)
{
    enum wire_status status = keep_lmdb_status(error);
    if (status == WIRE_DAMAGED)
        return wire_failf(problem, status, lmdb->path,
                          "存储文件已损坏（%s）。请勿修改该目录；从备份恢复，或移走后以空存储启动",
                          "the store's file is damaged (%s). Leave the folder as it is; restore a backup, or move it "
                          "away and start with an empty store",
                          mdb_strerror(error));
    return wire_failf(problem, status, lmdb->path, "无法打开存储：%s。请检查磁盘空间与权限",
                      "cannot open the store: %s. Check disk space and permissions", mdb_strerror(error));
}

static enum wire_status open_env(struct keep_lmdb *lmdb, const struct keep_options *options,
                                 struct wire_problem *problem)
{
    lmdb->bytes_limit = (options->map_bytes_max + MIB - 1) / MIB * MIB;
    /* The map is address space, and twice the limit: the limit counts pages in use, erasing copies pages before it
     * frees any, and a large value needs pages in a row, which scattered free ones do not give. */
    size_t map = 2 * lmdb->bytes_limit + MAP_RESERVE;
    int error = mdb_env_create(&lmdb->env);
    if (!error)
        error = mdb_env_set_mapsize(lmdb->env, map);
    if (!error)
        error = mdb_env_set_maxdbs(lmdb->env, (MDB_dbi)options->table_count + 1);
    if (!error)
        error = mdb_env_set_maxreaders(lmdb->env, READERS);
    if (!error)
        error = mdb_env_open(lmdb->env, lmdb->path, MDB_NOTLS, 0600);
    return error ? fail_lmdb(lmdb, error, problem) : WIRE_OK;
}

/* --- the marks: which application, which format --- */

static int mark_get(const struct keep_lmdb *lmdb, MDB_txn *txn, const char *name, MDB_val *value)
{
    MDB_val key = {strlen(name), (void *)(uintptr_t)name};
    return mdb_get(txn, lmdb->marks, &key, value);
}

static int mark_put(const struct keep_lmdb *lmdb, MDB_txn *txn, const char *name, const void *data, size_t size)
{
    MDB_val key = {strlen(name), (void *)(uintptr_t)name}, value = {size, (void *)(uintptr_t)data};
    return mdb_put(txn, lmdb->marks, &key, &value, 0);
}

static enum wire_status check_format(const struct keep_lmdb *lmdb, MDB_val value, const struct keep_options *options,
                                     struct wire_problem *problem)
{
    if (value.mv_size != 4)
        return fail_lmdb(lmdb, MDB_CORRUPTED, problem);
    uint32_t found = wire_get_u32(value.mv_data);
    if (found > options->format)
        return wire_failf(problem, WIRE_NEWER_STORE, lmdb->path,
                          "存储格式为 %u，本程序只认识到 %u。请使用写入它的更新版本，或恢复升级前的备份",
                          "the store has format %u, this program knows up to %u. Use the newer release that wrote it, "
                          "or restore the backup from before the upgrade",
                          found, options->format);
    if (found < options->format_oldest)
        return wire_failf(problem, WIRE_INVALID, lmdb->path,
                          "存储格式 %u 过旧，本程序可读的最旧格式为 %u。请先用中间版本升级",
                          "the store's format %u is too old, the oldest this program reads is %u. Upgrade through a "
                          "release in between",
                          found, options->format_oldest);
    return WIRE_OK;
}

static enum wire_status check_marks(struct keep_lmdb *lmdb, MDB_txn *txn, const struct keep_options *options,
                                    struct wire_problem *problem)
{
    MDB_val tag, format;
    int error = mark_get(lmdb, txn, "application", &tag);
    if (error == MDB_NOTFOUND)
        return WIRE_OK; /* a new store */
    if (error)
        return fail_lmdb(lmdb, error, problem);
    if (tag.mv_size != strlen(options->application) || memcmp(tag.mv_data, options->application, tag.mv_size) != 0)
        return wire_failf(problem, WIRE_INVALID, lmdb->path, "该存储属于 %.*s，不属于 %s。请检查配置中的数据目录",
                          "the store belongs to %.*s, not to %s. Check the data folder in the configuration",
                          (int)(tag.mv_size < 32 ? tag.mv_size : 32), (const char *)tag.mv_data, options->application);
    error = mark_get(lmdb, txn, "format", &format);
    return error ? fail_lmdb(lmdb, MDB_CORRUPTED, problem) : check_format(lmdb, format, options, problem);
}

static int open_tables(struct keep_lmdb *lmdb, MDB_txn *txn, const struct keep_options *options)
{
    int error = 0;
    for (size_t i = 0; !error && i < options->table_count; i++)
        error = mdb_dbi_open(txn, options->tables[i], MDB_CREATE, &lmdb->tables[i]);
    uint8_t format[4];
    wire_put_u32(format, options->format);
    if (!error)
        error = mark_put(lmdb, txn, "application", options->application, strlen(options->application));
    if (!error)
        error = mark_put(lmdb, txn, "format", format, sizeof format);
    return error;
}

static enum wire_status prepare(struct keep_lmdb *lmdb, const struct keep_options *options,
                                struct wire_problem *problem)
{
    MDB_txn *txn;
    int error = mdb_txn_begin(lmdb->env, NULL, 0, &txn);
    if (error)
        return fail_lmdb(lmdb, error, problem);
    error = mdb_dbi_open(txn, "keep", MDB_CREATE, &lmdb->marks);
    enum wire_status status = error ? fail_lmdb(lmdb, error, problem) : check_marks(lmdb, txn, options, problem);
    uint64_t used = 0;
    if (status == WIRE_OK) {
        error = open_tables(lmdb, txn, options);
        if (!error && keep_lmdb_measure(lmdb, txn, &used) != WIRE_OK)
            error = MDB_CORRUPTED;
        status = error ? fail_lmdb(lmdb, error, problem) : WIRE_OK;
    }
    if (status != WIRE_OK) {
        mdb_txn_abort(txn);
        return status;
    }
    error = mdb_txn_commit(txn);
    if (error)
        return fail_lmdb(lmdb, error, problem);
    atomic_store(&lmdb->bytes_used, used);
    keep_lmdb_measure_disk(lmdb);
    return WIRE_OK;
}

/* --- the journal: what was durable and not in LMDB yet when the last process ended --- */

static int visit_row(void *context, const struct wire_row *row)
{
    struct keep_lmdb_apply *apply = context;
    return apply->error = keep_lmdb_apply_row(apply, row);
}

/* The number of the last record that LMDB has, and the nonce; a store without a mark never had a journal. */
static enum wire_status read_mark(struct keep_lmdb *lmdb, MDB_txn *txn, uint64_t *number, bool *marked)
{
    MDB_val mark;
    int error = mark_get(lmdb, txn, KEEP_JOURNAL_MARK, &mark);
    *number = 0;
    *marked = error == 0;
    if (error == MDB_NOTFOUND)
        return getrandom(lmdb->journal.nonce, KEEP_JOURNAL_NONCE_BYTES, 0) == KEEP_JOURNAL_NONCE_BYTES ? WIRE_OK
                                                                                                       : WIRE_IO;
    if (error)
        return keep_lmdb_status(error);
    if (mark.mv_size != KEEP_JOURNAL_MARK_BYTES)
        return WIRE_DAMAGED;
    *number = wire_get_u64(mark.mv_data);
    memcpy(lmdb->journal.nonce, (const uint8_t *)mark.mv_data + 8, KEEP_JOURNAL_NONCE_BYTES);
    return WIRE_OK;
}

static enum wire_status fail_journal(const struct keep_lmdb *lmdb, struct wire_problem *problem)
{
    return wire_fail(
        problem, WIRE_DAMAGED, lmdb->path,
        "journal 文件已损坏，或与 data.mdb 不是同一时刻的副本。请勿修改该目录；从备份恢复时两个文件须一并恢复",
        "the file `journal` is damaged, or not of the same moment as data.mdb. Leave the folder as it is; "
        "a backup brings back both files together");
}

/* *anew: something is to be committed, be it only the mark. */
static enum wire_status read_journal(struct keep_lmdb *lmdb, struct keep_lmdb_apply *apply, bool *anew)
{
    uint64_t number;
    bool marked;
    enum wire_status status = read_mark(lmdb, apply->txn, &number, &marked);
    if (status == WIRE_OK)
        status = keep_journal_read(&lmdb->journal, number, visit_row, apply);
    *anew = !marked || lmdb->journal.number != number;
    return status;
}

static enum wire_status catch_up(struct keep_lmdb *lmdb, struct wire_problem *problem)
{
    struct keep_lmdb_apply apply;
    bool anew;
    if (!keep_journal_open(&lmdb->journal, lmdb->path))
        return fail_errno(lmdb->path, "无法打开 journal 文件", "cannot open the file `journal`", problem);
    int error = keep_lmdb_apply_begin(lmdb, &apply);
    if (error)
        return fail_lmdb(lmdb, error, problem);
    enum wire_status status = read_journal(lmdb, &apply, &anew);
    if (status == WIRE_OK && anew) {
        error = keep_lmdb_apply_end(&apply, lmdb->journal.number, 0);
        return error ? fail_lmdb(lmdb, error, problem) : WIRE_OK;
    }
    keep_lmdb_apply_end(&apply, 0, ECANCELED); /* nothing of it stays */
    if (apply.error)
        return fail_lmdb(lmdb, apply.error, problem);
    if (status == WIRE_DAMAGED)
        return fail_journal(lmdb, problem);
    if (status != WIRE_OK)
        return wire_fail(problem, status, lmdb->path, "无法读取 journal 文件", "cannot read the file `journal`");
    return WIRE_OK;
}

/* --- the back end --- */

static void lmdb_close(struct keep *keep)
{
    struct keep_lmdb *lmdb = (struct keep_lmdb *)keep;
    keep_lmdb_fetcher_stop(lmdb);
    keep_lmdb_writer_stop(lmdb);
    keep_lmdb_reader_close(&lmdb->owner_reader);
    keep_lmdb_reader_close(&lmdb->fetch_reader);
    keep_journal_close(&lmdb->journal);
    if (lmdb->env)
        mdb_env_close(lmdb->env);
    if (lmdb->lock_fd >= 0)
        close(lmdb->lock_fd); /* the lock goes with it; the file stays */
    pthread_mutex_destroy(&lmdb->write_lock);
    pthread_cond_destroy(&lmdb->write_wanted);
    pthread_cond_destroy(&lmdb->apply_given);
    pthread_cond_destroy(&lmdb->written);
    pthread_mutex_destroy(&lmdb->fetch_lock);
    pthread_cond_destroy(&lmdb->fetch_wanted);
    keep_pending_close(&keep->pending);
    free(lmdb->path);
    free(lmdb);
}

static uint64_t lmdb_committed(struct keep *keep)
{
    return atomic_load(&((struct keep_lmdb *)keep)->committed);
}

static uint64_t lmdb_applied(struct keep *keep)
{
    return atomic_load(&((struct keep_lmdb *)keep)->applied);
}

static enum wire_status lmdb_failed(struct keep *keep, struct wire_problem *problem)
{
    struct keep_lmdb *lmdb = (struct keep_lmdb *)keep;
    enum wire_status status = (enum wire_status)atomic_load(&lmdb->failed);
    if (status != WIRE_OK && problem) {
        pthread_mutex_lock(&lmdb->write_lock);
        *problem = lmdb->problem;
        pthread_mutex_unlock(&lmdb->write_lock);
    }
    return status;
}

static void lmdb_room(struct keep *keep, struct keep_room *room)
{
    struct keep_lmdb *lmdb = (struct keep_lmdb *)keep;
    room->bytes_used = atomic_load(&lmdb->bytes_used);
    room->bytes_limit = lmdb->bytes_limit;
    room->disk_free = atomic_load(&lmdb->disk_free);
}

static struct keep_counts lmdb_counts(struct keep *keep)
{
    struct keep_lmdb *lmdb = (struct keep_lmdb *)keep;
    pthread_mutex_lock(&lmdb->write_lock);
    struct keep_counts counts = lmdb->counts;
    pthread_mutex_unlock(&lmdb->write_lock);
    return counts;
}

static enum wire_status lmdb_read_begin(struct keep *keep, struct keep_reader **reader)
{
    struct keep_lmdb *lmdb = (struct keep_lmdb *)keep;
    *reader = &lmdb->owner_reader.head;
    return keep_lmdb_reader_begin(&lmdb->owner_reader);
}

static void lmdb_read_end(struct keep *keep)
{
    keep_lmdb_reader_end(&((struct keep_lmdb *)keep)->owner_reader);
}

static const struct keep_backend LMDB = {
    .close = lmdb_close,
    .submit = keep_lmdb_submit,
    .hold = keep_lmdb_hold,
    .committed = lmdb_committed,
    .applied = lmdb_applied,
    .failed = lmdb_failed,
    .sync = keep_lmdb_sync,
    .room = lmdb_room,
    .counts = lmdb_counts,
    .read_begin = lmdb_read_begin,
    .read_end = lmdb_read_end,
    .fetch = keep_lmdb_fetch,
    .fetched = keep_lmdb_fetched,
};

static enum wire_status open_all(struct keep_lmdb *lmdb, const struct keep_options *options,
                                 struct wire_problem *problem)
{
    enum wire_status status = make_folder(lmdb->path, problem);
    if (status == WIRE_OK)
        status = take_lock(lmdb, problem);
    if (status == WIRE_OK)
        status = open_env(lmdb, options, problem);
    if (status == WIRE_OK)
        status = prepare(lmdb, options, problem);
    if (status == WIRE_OK)
        status = catch_up(lmdb, problem);
    if (status != WIRE_OK)
        return status;
    status = keep_lmdb_reader_open(lmdb, &lmdb->owner_reader);
    if (status == WIRE_OK)
        status = keep_lmdb_reader_open(lmdb, &lmdb->fetch_reader);
    if (status != WIRE_OK)
        return wire_fail(problem, status, lmdb->path, "无法读取存储", "cannot read the store");
    if (!keep_lmdb_writer_start(lmdb) || !keep_lmdb_fetcher_start(lmdb))
        return fail_errno(lmdb->path, "无法启动线程", "cannot start a thread", problem);
    if (!sync_folder(lmdb->path)) /* the files' names */
        return fail_errno(lmdb->path, "无法将目录写入磁盘", "cannot sync the folder", problem);
    return WIRE_OK;
}

enum wire_status keep_open_lmdb(const char *path, const struct keep_options *options, struct keep **out,
                                struct wire_problem *problem)
{
    *out = NULL;
    struct keep_lmdb *lmdb = calloc(1, sizeof *lmdb);
    char *copy = strdup(path);
    if (!lmdb || !copy) {
        free(lmdb);
        free(copy);
        return wire_fail(problem, WIRE_NO_MEMORY, path, "内存不足", "out of memory");
    }
    keep_init(&lmdb->keep, &LMDB, options);
    lmdb->path = copy;
    lmdb->lock_fd = lmdb->journal.fd = -1;
    pthread_mutex_init(&lmdb->write_lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&lmdb->write_wanted, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_cond_init(&lmdb->apply_given, NULL);
    pthread_cond_init(&lmdb->written, NULL);
    pthread_mutex_init(&lmdb->fetch_lock, NULL);
    pthread_cond_init(&lmdb->fetch_wanted, NULL);
    enum wire_status status = open_all(lmdb, options, problem);
    if (status != WIRE_OK) {
        lmdb_close(&lmdb->keep);
        return status;
    }
    *out = &lmdb->keep;
    return WIRE_OK;
}
