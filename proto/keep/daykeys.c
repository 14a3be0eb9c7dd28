#define _GNU_SOURCE
#include "keep/daykeys.h"
#include "wire/bytes.h"
#include "wire/ensure.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SLOT_BYTES = 64,
    HEADS = 2,
    SLOTS = HEADS + DAYKEYS_MAX,
    VERSION = 1,
    CHECK_AT = SLOT_BYTES - 4,
    /* a slot: state u32, day u32, key, zeros, check u32 */
    DAY_AT = 4,
    KEY_AT = 8,
    /* a head: magic 8 bytes, version u32, zeros, serial u64, erased through u32, zeros, check u32 */
    VERSION_AT = 8,
    SERIAL_AT = 16,
    THROUGH_AT = 24,
};

enum slot_state { FREE, LIVE, ERASED, DAMAGED };
enum { MARK_LIVE = 0x4C495645, MARK_ERASED = 0x474F4E45 }; /* "LIVE", "GONE" in the file */

static const char MAGIC[9] = "LFDAYKEY";

struct daykeys {
    int fd; /* -1: memory only */
    char *path;
    bool failed;
    uint64_t serial;
    uint32_t through;
    uint8_t image[SLOTS][SLOT_BYTES]; /* as in the file */
    uint8_t states[SLOTS];            /* of enum slot_state: checks are computed once */
};

/* CRC-32 (IEEE 802.3), bit by bit: 60 bytes, a few times a day. */
static uint32_t check_of(const uint8_t slot[SLOT_BYTES])
{
    uint32_t crc = 0xFFFFFFFF;
    for (int i = 0; i < CHECK_AT; i++) {
        crc ^= slot[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xEDB88320 & (0U - (crc & 1)));
    }
    return ~crc;
}

static void seal_slot(uint8_t slot[SLOT_BYTES])
{
    wire_put_u32(slot + CHECK_AT, check_of(slot));
}

static bool all_zero(const uint8_t slot[SLOT_BYTES])
{
    uint8_t any = 0;
    for (int i = 0; i < SLOT_BYTES; i++)
        any |= slot[i];
    return any == 0;
}

static enum slot_state read_state(const uint8_t slot[SLOT_BYTES])
{
    if (all_zero(slot))
        return FREE;
    if (wire_get_u32(slot + CHECK_AT) != check_of(slot))
        return DAMAGED;
    uint32_t mark = wire_get_u32(slot);
    return mark == MARK_LIVE ? LIVE : mark == MARK_ERASED ? ERASED : DAMAGED;
}

static uint32_t day_of(const uint8_t slot[SLOT_BYTES])
{
    return wire_get_u32(slot + DAY_AT);
}

/* --- the file --- */

static enum wire_status fail_io(struct daykeys *keys, const char *zh, const char *en, struct wire_problem *problem)
{
    int error = errno;
    keys->failed = true;
    return wire_failf(problem, error == ENOSPC ? WIRE_DISK_FULL : WIRE_IO, keys->path ? keys->path : "",
                      "%.0s%s：%s。请检查磁盘后重新启动", "%s%.0s: %s. Check the disk and start again", en, zh,
                      strerror(error));
}

static bool write_slot(const struct daykeys *keys, int slot)
{
    if (keys->fd < 0)
        return true;
    ssize_t written = pwrite(keys->fd, keys->image[slot], SLOT_BYTES, (off_t)slot * SLOT_BYTES);
    if (written >= 0 && written != SLOT_BYTES)
        errno = EIO;
    return written == SLOT_BYTES;
}

static bool sync_file(const struct daykeys *keys)
{
    return keys->fd < 0 || fdatasync(keys->fd) == 0;
}

/* The heads take turns, so that one is whole whatever happens to the write. */
static bool write_head(struct daykeys *keys)
{
    keys->serial++;
    int slot = (int)(keys->serial % HEADS);
    uint8_t *head = keys->image[slot];
    memset(head, 0, SLOT_BYTES);
    memcpy(head, MAGIC, 8);
    wire_put_u32(head + VERSION_AT, VERSION);
    wire_put_u64(head + SERIAL_AT, keys->serial);
    wire_put_u32(head + THROUGH_AT, keys->through);
    seal_slot(head);
    return write_slot(keys, slot);
}

/* --- opening --- */

static bool read_all(struct daykeys *keys, size_t size)
{
    uint8_t *at = keys->image[0];
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(keys->fd, at + done, size - done, (off_t)done);
        if (got == 0)
            errno = EIO;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static enum wire_status read_heads(struct daykeys *keys, struct wire_problem *problem)
{
    bool found = false;
    for (int i = 0; i < HEADS; i++) {
        const uint8_t *head = keys->image[i];
        if (memcmp(head, MAGIC, 8) != 0 || wire_get_u32(head + CHECK_AT) != check_of(head))
            continue;
        if (wire_get_u32(head + VERSION_AT) > VERSION)
            return wire_fail(problem, WIRE_NEWER_STORE, keys->path, "日密钥文件由更新的版本写成。请使用更新的版本",
                             "the day key file was written by a newer version. Use the newer release");
        if (wire_get_u64(head + SERIAL_AT) > keys->serial) {
            keys->serial = wire_get_u64(head + SERIAL_AT);
            keys->through = wire_get_u32(head + THROUGH_AT);
        }
        found = true;
    }
    if (found)
        return WIRE_OK;
    return wire_fail(problem, WIRE_DAMAGED, keys->path,
                     "不是日密钥文件，或已损坏。没有它就无法读取已保存的内容：请从该文件自身的副本恢复，切勿新建",
                     "not a day key file, or damaged. Without it no stored content can be read: bring the file itself "
                     "back, do not make a new one");
}

/* Zeros where a key was, "erased" and the day remembered. */
static bool blank_slot(struct daykeys *keys, int slot, uint32_t day)
{
    uint8_t *at = keys->image[slot];
    explicit_bzero(at, SLOT_BYTES);
    wire_put_u32(at, MARK_ERASED);
    wire_put_u32(at + DAY_AT, day);
    seal_slot(at);
    keys->states[slot] = ERASED;
    return write_slot(keys, slot);
}

/* Overwrites all live slots up to `through`, and the damaged ones when `damaged_too`. Not synced. */
static bool blank_through(struct daykeys *keys, bool damaged_too, size_t *count)
{
    for (int i = HEADS; i < SLOTS; i++) {
        uint8_t state = keys->states[i];
        bool due = state == LIVE && day_of(keys->image[i]) <= keys->through;
        if (!due && !(state == DAMAGED && damaged_too))
            continue;
        if (!blank_slot(keys, i, due ? day_of(keys->image[i]) : 0))
            return false;
        *count += due;
    }
    return true;
}

/* The folder of `path`, synced: a name that is lost is a key file that is lost. */
static bool sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    free(folder);
    return synced;
}

/* Writes a whole empty file beside and gives it its name only then: there is never half a key file. */
static bool make_file(struct daykeys *keys)
{
    char *beside = NULL;
    if (asprintf(&beside, "%s.new", keys->path) < 0)
        return false;
    keys->fd = open(beside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool made = keys->fd >= 0 && (errno = posix_fallocate(keys->fd, 0, SLOTS * SLOT_BYTES)) == 0 && write_head(keys) &&
                fsync(keys->fd) == 0 && (link(beside, keys->path) == 0 || errno == EEXIST);
    int error = errno;
    unlink(beside);
    made = made && sync_folder(keys->path);
    if (keys->fd >= 0)
        close(keys->fd);
    free(beside);
    keys->fd = -1;
    keys->serial = 0;
    if (!made)
        errno = error;
    return made;
}

/* Opens, makes it when it is not there. */
static enum wire_status open_file(struct daykeys *keys, struct wire_problem *problem)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        keys->fd = open(keys->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (keys->fd >= 0 || errno != ENOENT || !make_file(keys))
            break;
    }
    if (keys->fd < 0)
        return fail_io(keys, "无法打开或建立日密钥文件", "cannot open or make the day key file", problem);
    if (flock(keys->fd, LOCK_EX | LOCK_NB) == 0)
        return WIRE_OK;
    return wire_fail(problem, WIRE_IN_USE, keys->path, "日密钥文件正被另一进程使用。请先停止该进程",
                     "the day key file is in use by another process. Stop it first");
}

static enum wire_status load(struct daykeys *keys, struct wire_problem *problem)
{
    struct stat found;
    if (fstat(keys->fd, &found) != 0)
        return fail_io(keys, "无法读取日密钥文件", "cannot read the day key file", problem);
    if (found.st_mode & 077)
        return wire_fail(problem, WIRE_INVALID, keys->path, "日密钥文件可被他人读取。请执行 chmod 600",
                         "others may read the day key file. Run chmod 600 on it");
    if (found.st_size != SLOTS * SLOT_BYTES)
        return wire_fail(problem, WIRE_DAMAGED, keys->path, "日密钥文件大小不对。请恢复该文件，切勿新建",
                         "the day key file has the wrong size. Bring it back, do not make a new one");
    if (!read_all(keys, sizeof keys->image))
        return fail_io(keys, "无法读取日密钥文件", "cannot read the day key file", problem);
    for (int i = HEADS; i < SLOTS; i++)
        keys->states[i] = (uint8_t)read_state(keys->image[i]);
    enum wire_status status = read_heads(keys, problem);
    size_t unfinished = 0;
    if (status == WIRE_OK && (!blank_through(keys, false, &unfinished) || (unfinished && !sync_file(keys))))
        status = fail_io(keys, "无法完成销毁", "cannot finish an erasure", problem);
    return status;
}

enum wire_status daykeys_open(const char *path, struct daykeys **out, struct wire_problem *problem)
{
    *out = NULL;
    struct daykeys *keys = daykeys_open_memory();
    keys->path = strdup(path);
    ENSURE(keys->path);
    enum wire_status status = open_file(keys, problem);
    if (status == WIRE_OK)
        status = load(keys, problem);
    if (status != WIRE_OK) {
        daykeys_close(&keys);
        return status;
    }
    *out = keys;
    return WIRE_OK;
}

struct daykeys *daykeys_open_memory(void)
{
    struct daykeys *keys = calloc(1, sizeof *keys);
    ENSURE(keys);
    keys->fd = -1;
    return keys;
}

void daykeys_close(struct daykeys **keys)
{
    if (!keys || !*keys)
        return;
    if ((*keys)->fd >= 0)
        close((*keys)->fd);
    free((*keys)->path);
    explicit_bzero(*keys, sizeof **keys);
    free(*keys);
    *keys = NULL;
}

/* --- use --- */

static int find_slot(const struct daykeys *keys, uint32_t day)
{
    for (int i = HEADS; i < SLOTS; i++)
        if (keys->states[i] == LIVE && day_of(keys->image[i]) == day)
            return i;
    return -1;
}

/* A slot never used, else one whose erased day lies under "erased through" and needs no memory of its own. */
static int free_slot(const struct daykeys *keys)
{
    int reusable = -1;
    for (int i = HEADS; i < SLOTS; i++) {
        uint8_t state = keys->states[i];
        if (state == FREE)
            return i;
        if (state == ERASED && reusable < 0)
            reusable = i;
    }
    return reusable;
}

enum wire_status daykeys_find(const struct daykeys *keys, uint32_t day, uint8_t out[DAYKEY_BYTES])
{
    if (day <= keys->through)
        return WIRE_ERASED;
    int slot = find_slot(keys, day);
    if (slot < 0)
        return WIRE_NOT_FOUND;
    memcpy(out, keys->image[slot] + KEY_AT, DAYKEY_BYTES);
    return WIRE_OK;
}

enum wire_status daykeys_get_or_make(struct daykeys *keys, uint32_t day, const uint8_t random[DAYKEY_BYTES],
                                     uint8_t out[DAYKEY_BYTES], struct wire_problem *problem)
{
    if (keys->failed)
        return wire_fail(problem, WIRE_IO, keys->path ? keys->path : "", "日密钥文件先前写入失败。请重新启动",
                         "a write to the day key file failed before. Start again");
    enum wire_status found = daykeys_find(keys, day, out);
    if (found == WIRE_OK)
        return WIRE_OK;
    if (found == WIRE_ERASED)
        return wire_failf(problem, WIRE_ERASED, "", "%u 日的内容已销毁，不再保存该日的内容",
                          "the content of day %u is erased; nothing of that day is kept any more", day);
    int slot = free_slot(keys);
    if (slot < 0)
        return wire_failf(problem, WIRE_DISK_FULL, keys->path ? keys->path : "",
                          "日密钥已满（%d 个）。请先销毁到期的日期",
                          "all %d day keys are in use. Erase days that are due", DAYKEYS_MAX);
    uint8_t *at = keys->image[slot];
    memset(at, 0, SLOT_BYTES);
    wire_put_u32(at, MARK_LIVE);
    wire_put_u32(at + DAY_AT, day);
    memcpy(at + KEY_AT, random, DAYKEY_BYTES);
    seal_slot(at);
    keys->states[slot] = LIVE;
    if (!write_slot(keys, slot) || !sync_file(keys))
        return fail_io(keys, "无法写入日密钥", "cannot write a day key", problem);
    memcpy(out, random, DAYKEY_BYTES);
    return WIRE_OK;
}

enum wire_status daykeys_erase_through(struct daykeys *keys, uint32_t day, size_t *count, struct wire_problem *problem)
{
    size_t erased = 0;
    if (count)
        *count = 0;
    if (keys->failed)
        return wire_fail(problem, WIRE_IO, keys->path ? keys->path : "", "日密钥文件先前写入失败。请重新启动",
                         "a write to the day key file failed before. Start again");
    /* The head first: if we are killed in between, opening finishes the work. */
    if (day > keys->through) {
        keys->through = day;
        if (!write_head(keys) || !sync_file(keys))
            return fail_io(keys, "无法记录销毁", "cannot note the erasure", problem);
    }
    if (!blank_through(keys, true, &erased) || !sync_file(keys))
        return fail_io(keys, "无法销毁日密钥", "cannot erase day keys", problem);
    if (count)
        *count = erased;
    return WIRE_OK;
}

uint32_t daykeys_erased_through(const struct daykeys *keys)
{
    return keys->through;
}

static size_t count_state(const struct daykeys *keys, enum slot_state state)
{
    size_t count = 0;
    for (int i = HEADS; i < SLOTS; i++)
        count += keys->states[i] == state;
    return count;
}

size_t daykeys_live(const struct daykeys *keys)
{
    return count_state(keys, LIVE);
}

size_t daykeys_damaged(const struct daykeys *keys)
{
    return count_state(keys, DAMAGED);
}
