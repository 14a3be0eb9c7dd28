#define _GNU_SOURCE
#include "certs/file.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum wire_status failed(struct wire_problem *problem, const char *path, int error, const char *zh,
                               const char *en)
{
    enum wire_status status = error == ENOENT   ? WIRE_NOT_FOUND
                              : error == EEXIST ? WIRE_EXISTS
                              : error == ENOSPC ? WIRE_DISK_FULL
                                                : WIRE_IO;
    char reason[128];
    const char *text = strerror_r(error, reason, sizeof reason);
    char zh_text[256], en_text[256];
    snprintf(zh_text, sizeof zh_text, "%s：%s", zh, text);
    snprintf(en_text, sizeof en_text, "%s: %s", en, text);
    return wire_fail(problem, status, path, zh_text, en_text);
}

static enum wire_status check_secret(const char *path, const struct stat *stat, struct wire_problem *problem)
{
    if ((stat->st_mode & 077) != 0)
        return wire_failf(
            problem, WIRE_INVALID, path,
            "私密文件权限为 %1$04o，其他人可读写，拒绝使用。请执行：chmod 600 %2$s；若他人可能已读取，请换发",
            "a secret file with mode %1$04o, which others may use, is refused; run: chmod 600 %2$s, and "
            "renew if somebody may have read it",
            (unsigned)(stat->st_mode & 07777), path);
    if (stat->st_uid != geteuid() && stat->st_uid != 0)
        return wire_failf(problem, WIRE_INVALID, path,
                          "私密文件属于另一用户（uid %u），拒绝使用。请改为运行本程序的用户所有",
                          "a secret file of another user (uid %u) is refused; give it to the user this runs as",
                          (unsigned)stat->st_uid);
    return WIRE_OK;
}

static enum wire_status read_whole(int fd, const char *path, size_t size, struct cert_file *out,
                                   struct wire_problem *problem)
{
    out->data = malloc(size + 1);
    if (out->data == NULL)
        return wire_fail(problem, WIRE_NO_MEMORY, path, "内存不足", "out of memory");
    while (out->size < size) {
        ssize_t got = read(fd, out->data + out->size, size - out->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed(problem, path, errno, "无法读取", "cannot be read");
        if (got == 0)
            break;
        out->size += (size_t)got;
    }
    out->data[out->size] = '\0';
    return WIRE_OK;
}

enum wire_status cert_file_read(const char *path, bool secret, struct cert_file *out, struct wire_problem *problem)
{
    *out = (struct cert_file){.data = NULL};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return failed(problem, path, errno, "无法打开", "cannot be opened");
    struct stat stat;
    enum wire_status status = WIRE_OK;
    if (fstat(fd, &stat) != 0)
        status = failed(problem, path, errno, "无法读取", "cannot be read");
    else if (!S_ISREG(stat.st_mode) || stat.st_size > CERT_FILE_BYTES_MAX)
        status = wire_fail(problem, WIRE_INVALID, path, "不是普通文件，或过大", "not a regular file, or too large");
    else if (secret)
        status = check_secret(path, &stat, problem);
    if (status == WIRE_OK)
        status = read_whole(fd, path, (size_t)stat.st_size, out, problem);
    close(fd);
    if (status != WIRE_OK)
        cert_file_close(out);
    return status;
}

void cert_file_close(struct cert_file *file)
{
    if (file->data != NULL)
        OPENSSL_cleanse(file->data, file->size);
    free(file->data);
    *file = (struct cert_file){.data = NULL};
}

static int write_whole(int fd, struct wire_bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t written = write(fd, bytes.data, bytes.size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        bytes = wire_bytes(bytes.data + written, bytes.size - (size_t)written);
    }
    return 0;
}

/* A rename is durable only when the folder is. */
static int sync_folder(const char *path)
{
    char folder[CERT_PATH_BYTES_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        snprintf(folder, sizeof folder, ".");
    else
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = fsync(fd);
    close(fd);
    return result;
}

enum wire_status cert_file_write(const char *path, struct wire_bytes bytes, mode_t mode, bool replace,
                                 struct wire_problem *problem)
{
    char temporary[CERT_PATH_BYTES_MAX];
    int length = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof temporary)
        return wire_fail(problem, WIRE_INVALID, path, "路径过长", "the path is too long");
    int fd = mkostemp(temporary, O_CLOEXEC); /* 0600 until it is whole */
    if (fd < 0)
        return failed(problem, path, errno, "无法写入", "cannot be written");
    int error = 0;
    if (write_whole(fd, bytes) != 0 || fchmod(fd, mode) != 0 || fsync(fd) != 0)
        error = errno;
    if (close(fd) != 0 && error == 0)
        error = errno;
    if (error == 0 && (replace ? rename(temporary, path) : link(temporary, path)) != 0)
        error = errno;
    if (error != 0 || !replace)
        unlink(temporary);
    if (error == 0 && sync_folder(path) != 0)
        error = errno;
    if (error == EEXIST)
        return wire_fail(problem, WIRE_EXISTS, path, "文件已存在，不会覆盖。请换一个目录，或先移走它",
                         "exists already and is never overwritten; take another folder or move it away first");
    return error == 0 ? WIRE_OK : failed(problem, path, error, "无法写入", "cannot be written");
}

enum wire_status cert_folder_make(const char *path, struct wire_problem *problem)
{
    if (mkdir(path, 0700) == 0 && sync_folder(path) == 0)
        return WIRE_OK;
    struct stat stat_;
    if (errno == EEXIST && stat(path, &stat_) == 0 && S_ISDIR(stat_.st_mode)) {
        (void)sync_folder(path); /* who made it may have died before; its parent need not be ours to read */
        return WIRE_OK;
    }
    return failed(problem, path, errno, "无法建立目录", "the folder cannot be made");
}

enum wire_status cert_passphrase_read(const char *path, char out[CERT_PASSPHRASE_BYTES_MAX + 1],
                                      struct wire_problem *problem)
{
    struct cert_file file;
    enum wire_status status = cert_file_read(path, true, &file, problem);
    if (status != WIRE_OK)
        return status;
    size_t length = strcspn((const char *)file.data, "\r\n");
    if (length == 0 || length > CERT_PASSPHRASE_BYTES_MAX)
        status = wire_failf(problem, WIRE_INVALID, path, "口令为空或超过 %d 字节",
                            "the passphrase is empty or longer than %d bytes", CERT_PASSPHRASE_BYTES_MAX);
    else {
        memcpy(out, file.data, length);
        out[length] = '\0';
    }
    cert_file_close(&file);
    return status;
}
