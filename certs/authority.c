#include "certs/authority.h"
#include "certs/authority_inside.h"
#include "certs/make.h"
#include "wire/id.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t day_ms = 24 * 3600 * INT64_C(1000);

enum wire_status cert_authority_path(const char *folder, const char *name, char out[CERT_PATH_BYTES_MAX],
                                     struct wire_problem *problem)
{
    int length = snprintf(out, CERT_PATH_BYTES_MAX, "%s/%s", folder, name);
    if (length < 0 || length >= CERT_PATH_BYTES_MAX)
        return wire_fail(problem, WIRE_INVALID, name, "路径过长", "the path is too long");
    return WIRE_OK;
}

enum wire_status cert_authority_issued_path(const struct cert_authority *authority,
                                            const uint8_t digest[WIRE_HASH_BYTES], char out[CERT_PATH_BYTES_MAX],
                                            struct wire_problem *problem)
{
    char hex[2 * WIRE_HASH_BYTES + 1], name[sizeof hex + 16];
    wire_hex(digest, WIRE_HASH_BYTES, hex);
    snprintf(name, sizeof name, "issued/%s.pem", hex);
    return cert_authority_path(authority->folder, name, out, problem);
}

enum wire_status cert_authority_may_sign(const struct cert_authority *authority, struct wire_problem *problem)
{
    if (authority->key != NULL)
        return WIRE_OK;
    return wire_fail(problem, WIRE_INVALID, authority->folder, "以只读方式打开，无法签发",
                     "opened read-only, nothing can be signed");
}

enum wire_status cert_authority_save(const struct cert_authority *authority, struct wire_problem *problem)
{
    char path[CERT_PATH_BYTES_MAX];
    struct cert_file text = {.data = NULL};
    enum wire_status status = cert_authority_path(authority->folder, "index", path, problem);
    if (status == WIRE_OK)
        status = cert_index_format(&authority->index, &text);
    if (status == WIRE_OK)
        status = cert_file_write(path, wire_bytes(text.data, text.size), 0644, true, problem);
    cert_file_close(&text);
    return status;
}

static enum wire_status write_new_ca(const char *folder, X509 *x509, EVP_PKEY *key, const char *passphrase,
                                     struct wire_problem *problem)
{
    char path[CERT_PATH_BYTES_MAX];
    struct cert_file pem = {.data = NULL};
    enum wire_status status = cert_authority_path(folder, "ca.key", path, problem);
    if (status == WIRE_OK)
        status = cert_pem_of_key(key, passphrase, &pem) ? WIRE_OK : WIRE_CRYPTO;
    if (status == WIRE_OK)
        status = cert_file_write(path, wire_bytes(pem.data, pem.size), 0600, false, problem);
    cert_file_close(&pem);
    if (status == WIRE_OK)
        status = cert_authority_path(folder, "ca.pem", path, problem);
    if (status == WIRE_OK)
        status = cert_pem_of_x509(x509, &pem) ? WIRE_OK : WIRE_CRYPTO;
    if (status == WIRE_OK)
        status = cert_file_write(path, wire_bytes(pem.data, pem.size), 0644, false, problem);
    cert_file_close(&pem);
    return status;
}

static enum wire_status make_folders(const char *folder, struct wire_problem *problem)
{
    char path[CERT_PATH_BYTES_MAX];
    enum wire_status status = cert_folder_make(folder, problem);
    if (status == WIRE_OK)
        status = cert_authority_path(folder, "index", path, problem);
    if (status == WIRE_OK && access(path, F_OK) == 0)
        status = wire_fail(problem, WIRE_EXISTS, folder, "该目录已有根证书，不会覆盖。请换一个目录",
                           "there is a CA in this folder already, and it is never overwritten; take another folder");
    if (status == WIRE_OK)
        status = cert_authority_path(folder, "issued", path, problem);
    return status == WIRE_OK ? cert_folder_make(path, problem) : status;
}

static enum wire_status write_empty_index(const char *folder, struct wire_problem *problem)
{
    char path[CERT_PATH_BYTES_MAX];
    enum wire_status status = cert_authority_path(folder, "index", path, problem);
    return status == WIRE_OK ? cert_file_write(path, wire_bytes("", 0), 0644, false, problem) : status;
}

/* What the broker and everybody else load, from the first minute on: without a CRL nobody is let in. */
static enum wire_status publish_first(const char *folder, int64_t this_ms, const struct cert_authority_options *options,
                                      struct wire_problem *problem)
{
    struct cert_authority *authority;
    enum wire_status status = cert_authority_open(folder, options, &authority, problem);
    if (status == WIRE_OK)
        status = cert_authority_crl(authority, this_ms, 0, problem);
    if (status == WIRE_OK)
        status = cert_authority_directory(authority, NULL, problem);
    cert_authority_free(&authority);
    return status;
}

static enum wire_status check_installation(const char *installation, struct wire_problem *problem)
{
    size_t length = strlen(installation);
    if (length >= 1 && length <= 64 && strpbrk(installation, "\r\n\t\"\\") == NULL)
        return WIRE_OK;
    return wire_fail(problem, WIRE_INVALID, "--name", "系统名称须为 1 至 64 字节，不含换行和引号",
                     "the installation name has 1 to 64 bytes, without line ends and quotes");
}

enum wire_status cert_authority_create(const char *folder, const char *installation, int64_t from_ms, int days,
                                       const struct cert_authority_options *options, struct wire_problem *problem)
{
    enum wire_status status = check_installation(installation, problem);
    if (status == WIRE_OK)
        status = make_folders(folder, problem);
    if (status != WIRE_OK)
        return status;
    /* A day early: clocks differ, and a certificate of the first minute must lie within its CA's time. */
    int64_t from = from_ms != 0 ? from_ms : options->now_ms - day_ms;
    EVP_PKEY *key = cert_key_make(WIRE__USAGE__USAGE_IDENTITY);
    X509 *x509 =
        key == NULL ? NULL : cert_make_ca(installation, key, from, from + (days > 0 ? days : CERT_CA_DAYS) * day_ms);
    status = x509 == NULL
                 ? wire_fail(problem, WIRE_CRYPTO, folder, "无法生成根证书", "the CA's certificate cannot be made")
                 : write_new_ca(folder, x509, key, options->passphrase, problem);
    X509_free(x509);
    EVP_PKEY_free(key);
    if (status == WIRE_OK)
        status = write_empty_index(folder, problem);
    return status == WIRE_OK ? publish_first(folder, options->now_ms, options, problem) : status;
}

static enum wire_status lock_folder(struct cert_authority *authority, struct wire_problem *problem)
{
    authority->lock = open(authority->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (authority->lock < 0)
        return wire_failf(problem, errno == ENOENT ? WIRE_NOT_FOUND : WIRE_IO, authority->folder,
                          "无法打开证书目录：%s。请先执行 lianfang-ca init，或用 --ca 指定目录",
                          "the CA's folder cannot be opened: %s; run lianfang-ca init first, or name it with --ca",
                          errno == ENOENT ? "ENOENT" : "EACCES");
    if (flock(authority->lock, LOCK_EX | LOCK_NB) != 0)
        return wire_fail(problem, WIRE_IN_USE, authority->folder, "另一个 lianfang-ca 正在使用该目录。请稍后再试",
                         "another lianfang-ca uses this folder; try again later");
    return WIRE_OK;
}

static enum wire_status open_ca(struct cert_authority *authority, struct wire_problem *problem)
{
    char path[CERT_PATH_BYTES_MAX];
    struct cert_file file = {.data = NULL};
    enum wire_status status = cert_authority_path(authority->folder, "ca.pem", path, problem);
    if (status == WIRE_OK)
        status = cert_file_read(path, false, &file, problem);
    if (status == WIRE_OK)
        status = cert_ca_open(&authority->ca, wire_bytes(file.data, file.size), NULL, path, problem);
    cert_file_close(&file);
    return status;
}

static enum wire_status open_key(struct cert_authority *authority, const char *passphrase, struct wire_problem *problem)
{
    char path[CERT_PATH_BYTES_MAX];
    struct cert_file file = {.data = NULL};
    enum wire_status status = cert_authority_path(authority->folder, "ca.key", path, problem);
    if (status == WIRE_OK)
        status = cert_file_read(path, true, &file, problem);
    if (status != WIRE_OK)
        return status;
    authority->key = cert_key_parse(wire_bytes(file.data, file.size), passphrase);
    cert_file_close(&file);
    if (authority->key == NULL)
        return wire_fail(
            problem, WIRE_SYNTAX, path, "无法读取根密钥：口令缺失或错误，或文件损坏。请用 --passphrase-file 指定口令",
            "the CA's key cannot be read: passphrase missing or wrong, or damaged; name it with --passphrase-file");
    if (X509_check_private_key(authority->ca.x509, authority->key) != 1)
        return wire_fail(problem, WIRE_INVALID, path, "根密钥与 ca.pem 不是一对。请从备份恢复证书目录",
                         "the key does not belong to ca.pem; restore the CA's folder from a backup");
    return WIRE_OK;
}

static enum wire_status open_index(struct cert_authority *authority, struct wire_problem *problem)
{
    char path[CERT_PATH_BYTES_MAX];
    struct cert_file file = {.data = NULL};
    enum wire_status status = cert_authority_path(authority->folder, "index", path, problem);
    if (status == WIRE_OK)
        status = cert_file_read(path, false, &file, problem);
    if (status == WIRE_OK)
        status = cert_index_parse(&authority->index, (const char *)file.data, path, problem);
    cert_file_close(&file);
    return status;
}

static enum wire_status open_crl_number(struct cert_authority *authority, struct wire_problem *problem)
{
    char path[CERT_PATH_BYTES_MAX];
    struct cert_file file = {.data = NULL};
    enum wire_status status = cert_authority_path(authority->folder, "crl-number", path, problem);
    if (status == WIRE_OK)
        status = cert_file_read(path, false, &file, NULL);
    if (status == WIRE_OK)
        authority->crl_number = strtoull((const char *)file.data, NULL, 10);
    cert_file_close(&file);
    return status == WIRE_NOT_FOUND ? WIRE_OK : status; /* not there before the first CRL */
}

enum wire_status cert_authority_open(const char *folder, const struct cert_authority_options *options,
                                     struct cert_authority **out, struct wire_problem *problem)
{
    *out = NULL;
    struct cert_authority *authority = calloc(1, sizeof *authority);
    if (authority == NULL)
        return WIRE_NO_MEMORY;
    authority->lock = -1;
    authority->now_ms = options->now_ms;
    enum wire_status status = WIRE_OK;
    if ((size_t)snprintf(authority->folder, sizeof authority->folder, "%s", folder) >= sizeof authority->folder)
        status = wire_fail(problem, WIRE_INVALID, folder, "路径过长", "the path is too long");
    if (status == WIRE_OK)
        status = lock_folder(authority, problem);
    if (status == WIRE_OK)
        status = open_ca(authority, problem);
    if (status == WIRE_OK && !options->read_only)
        status = open_key(authority, options->passphrase, problem);
    if (status == WIRE_OK)
        status = open_index(authority, problem);
    if (status == WIRE_OK)
        status = open_crl_number(authority, problem);
    if (status == WIRE_OK)
        *out = authority;
    else
        cert_authority_free(&authority);
    return status;
}

void cert_authority_free(struct cert_authority **authority)
{
    struct cert_authority *held = *authority;
    if (held == NULL)
        return;
    EVP_PKEY_free(held->key);
    cert_ca_close(&held->ca);
    cert_index_close(&held->index);
    if (held->lock >= 0)
        close(held->lock);
    free(held);
    *authority = NULL;
}

bool cert_authority_locked(const char *folder)
{
    char path[CERT_PATH_BYTES_MAX];
    struct cert_file file = {.data = NULL};
    bool locked = cert_authority_path(folder, "ca.key", path, NULL) == WIRE_OK &&
                  cert_file_read(path, true, &file, NULL) == WIRE_OK &&
                  strstr((const char *)file.data, "BEGIN ENCRYPTED PRIVATE KEY") != NULL;
    cert_file_close(&file);
    return locked;
}

const char *cert_authority_installation(const struct cert_authority *authority)
{
    return authority->ca.installation;
}

struct wire_bytes cert_authority_ca(const struct cert_authority *authority)
{
    return wire_bytes(authority->ca.der, authority->ca.der_size);
}

size_t cert_authority_count(const struct cert_authority *authority)
{
    return authority->index.issued_count;
}

const struct cert_issued *cert_authority_at(const struct cert_authority *authority, size_t index)
{
    return &authority->index.issued[index];
}
