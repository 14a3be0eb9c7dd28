/* Revoking, and what the authority publishes: crl.der and directory.bin. */
#include "certs/authority_inside.h"
#include "certs/held.h"
#include "certs/make.h"
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

static const int64_t day_ms = 24 * 3600 * INT64_C(1000);

/* Whether a later one of the same holder and usage is unrevoked. */
static bool replaced(const struct cert_index *index, size_t at)
{
    const struct cert_subject *subject = &index->issued[at].subject;
    for (size_t i = at + 1; i < index->issued_count; i++) {
        const struct cert_subject *later = &index->issued[i].subject;
        if (index->issued[i].revoked_ms == 0 && later->role == subject->role && later->usage == subject->usage &&
            later->region == subject->region && strcmp(later->name, subject->name) == 0)
            return true;
    }
    return false;
}

static bool meant(const struct cert_index *index, size_t at, const struct cert_revocation *revocation)
{
    const struct cert_issued *issued = &index->issued[at];
    const struct cert_subject *subject = &issued->subject;
    if (issued->revoked_ms != 0)
        return false;
    if (revocation->serial != NULL)
        return memcmp(subject->serial, revocation->serial, CERT_SERIAL_BYTES) == 0;
    return subject->role == revocation->role && subject->region == revocation->region &&
           (revocation->id == NULL || strcmp(subject->name, revocation->id) == 0) &&
           (!revocation->keep_newest || replaced(index, at));
}

static enum wire_status mark_revoked(struct cert_authority *authority, const struct cert_revocation *revocation,
                                     const char *reason, size_t *count)
{
    /* Whole seconds, which is what a CRL can say: both ways of telling then agree. */
    int64_t at_ms = (revocation->at_ms != 0 ? revocation->at_ms : authority->now_ms) / 1000 * 1000;
    enum wire_status status = WIRE_OK;
    for (size_t i = 0; status == WIRE_OK && i < authority->index.issued_count; i++) {
        if (!meant(&authority->index, i, revocation))
            continue;
        status = cert_index_revoke(&authority->index, (uint32_t)i, at_ms, reason);
        ++*count;
    }
    return status;
}

enum wire_status cert_authority_revoke(struct cert_authority *authority, const struct cert_revocation *revocation,
                                       size_t *count, struct wire_problem *problem)
{
    const char *reason = revocation->reason == NULL ? "unspecified" : revocation->reason;
    *count = 0;
    enum wire_status status = cert_authority_may_sign(authority, problem);
    if (status != WIRE_OK)
        return status;
    if (!cert_reason_known(reason))
        return wire_failf(
            problem, WIRE_INVALID, "--reason", "未知的吊销原因“%s”。可用：%s", "unknown reason \"%s\"; there are: %s",
            reason,
            "unspecified key-compromise affiliation-changed superseded cessation-of-operation privilege-withdrawn");
    status = mark_revoked(authority, revocation, reason, count);
    if (status == WIRE_OK && *count == 0)
        return wire_fail(problem, WIRE_NOT_FOUND, authority->folder, "没有符合的未吊销证书。请用 lianfang-ca list 查看",
                         "there is no such unrevoked certificate; see lianfang-ca list");
    if (status == WIRE_OK)
        status = cert_authority_save(authority, problem);
    if (status == WIRE_OK)
        status = cert_authority_crl(authority, 0, 0, problem);
    return status == WIRE_OK ? cert_authority_directory(authority, NULL, problem) : status;
}

static size_t collect_revoked(const struct cert_index *index, struct cert_revoked *out)
{
    size_t count = 0;
    for (size_t i = 0; i < index->issued_count; i++) {
        const struct cert_issued *issued = &index->issued[i];
        if (issued->revoked_ms == 0)
            continue;
        out[count] = (struct cert_revoked){.at_ms = issued->revoked_ms, .reason = cert_reason_code(issued->reason)};
        memcpy(out[count++].serial, issued->subject.serial, CERT_SERIAL_BYTES);
    }
    return count;
}

static enum wire_status write_named(const struct cert_authority *authority, const char *name, struct wire_bytes bytes,
                                    struct wire_problem *problem)
{
    char path[CERT_PATH_BYTES_MAX];
    enum wire_status status = cert_authority_path(authority->folder, name, path, problem);
    return status == WIRE_OK ? cert_file_write(path, bytes, 0644, true, problem) : status;
}

/* The number first: one that is used up is harmless, one used twice is not. */
static enum wire_status write_crl(struct cert_authority *authority, X509_CRL *crl, uint64_t number,
                                  struct wire_problem *problem)
{
    char text[32];
    int length = snprintf(text, sizeof text, "%" PRIu64 "\n", number);
    enum wire_status status = write_named(authority, "crl-number", wire_bytes(text, (size_t)length), problem);
    if (status != WIRE_OK)
        return status;
    authority->crl_number = number;
    unsigned char *der = NULL;
    int size = i2d_X509_CRL(crl, &der);
    status = size <= 0 ? WIRE_NO_MEMORY : write_named(authority, "crl.der", wire_bytes(der, (size_t)size), problem);
    OPENSSL_free(der);
    return status;
}

enum wire_status cert_authority_crl(struct cert_authority *authority, int64_t this_ms, int days,
                                    struct wire_problem *problem)
{
    enum wire_status status = cert_authority_may_sign(authority, problem);
    if (status != WIRE_OK)
        return status;
    struct cert_revoked *revoked = calloc(authority->index.issued_count + 1, sizeof *revoked);
    if (revoked == NULL)
        return WIRE_NO_MEMORY;
    size_t count = collect_revoked(&authority->index, revoked);
    int64_t from_ms = this_ms != 0 ? this_ms : authority->now_ms;
    int64_t next_ms = from_ms + (days > 0 ? days : CERT_CRL_DAYS) * day_ms;
    uint64_t number = authority->crl_number + 1;
    X509_CRL *crl = cert_make_crl(authority->ca.x509, authority->key, number, from_ms, next_ms, revoked, count);
    free(revoked);
    status = crl == NULL ? wire_fail(problem, WIRE_CRYPTO, authority->folder, "无法生成吊销列表",
                                     "the revocation list cannot be made")
                         : write_crl(authority, crl, number, problem);
    X509_CRL_free(crl);
    return status;
}

struct growing {
    uint8_t *data;
    size_t size, capacity;
};

static uint8_t *grow(struct growing *growing, size_t more)
{
    if (growing->size + more > growing->capacity) {
        size_t capacity = 2 * growing->capacity + more + 4096;
        uint8_t *wider = realloc(growing->data, capacity);
        if (wider == NULL)
            return NULL;
        growing->data = wider;
        growing->capacity = capacity;
    }
    uint8_t *at = growing->data + growing->size;
    growing->size += more;
    return at;
}

static enum wire_status read_issued(const struct cert_authority *authority, const struct cert_issued *issued,
                                    uint8_t **der, size_t *size, struct wire_problem *problem)
{
    char path[CERT_PATH_BYTES_MAX];
    struct cert_file file = {.data = NULL};
    enum wire_status status = cert_authority_issued_path(authority, issued->subject.digest, path, problem);
    if (status == WIRE_OK)
        status = cert_file_read(path, false, &file, problem);
    X509 *x509 = status == WIRE_OK ? cert_x509_parse(wire_bytes(file.data, file.size)) : NULL;
    cert_file_close(&file);
    if (status == WIRE_OK && x509 == NULL)
        status = wire_fail(problem, WIRE_DAMAGED, path, "证书文件损坏。请从备份恢复",
                           "the certificate is damaged; restore it from a backup");
    *der = x509 == NULL ? NULL : cert_x509_der(x509, size);
    X509_free(x509);
    return status == WIRE_OK && *der == NULL ? WIRE_NO_MEMORY : status;
}

static enum wire_status append_event(const struct cert_authority *authority, size_t at, struct growing *out,
                                     struct wire_problem *problem)
{
    const struct cert_event *event = &authority->index.event[at];
    Wire__DirectoryRecord record = WIRE__DIRECTORY_RECORD__INIT;
    record.epoch = at + 1;
    enum wire_status status = read_issued(authority, &authority->index.issued[event->issued], &record.certificate.data,
                                          &record.certificate.len, problem);
    if (status != WIRE_OK)
        return status;
    if (event->revoke) {
        record.has_revoked_ms = true;
        record.revoked_ms = event->revoked_ms;
        record.reason = (char *)(uintptr_t)event->reason;
    }
    size_t size = wire__directory_record__get_packed_size(&record);
    uint8_t *room = grow(out, 4 + size);
    if (room != NULL)
        wire__directory_record__pack(&record, wire_put_u32(room, (uint32_t)size));
    OPENSSL_free(record.certificate.data);
    return room == NULL ? WIRE_NO_MEMORY : WIRE_OK;
}

enum wire_status cert_authority_directory(struct cert_authority *authority, const char *path,
                                          struct wire_problem *problem)
{
    struct growing out = {.data = NULL};
    enum wire_status status = WIRE_OK;
    for (size_t i = 0; status == WIRE_OK && i < authority->index.event_count; i++)
        status = append_event(authority, i, &out, problem);
    if (status == WIRE_OK)
        status = path == NULL ? write_named(authority, "directory.bin", wire_bytes(out.data, out.size), problem)
                              : cert_file_write(path, wire_bytes(out.data, out.size), 0644, true, problem);
    free(out.data);
    return status;
}
