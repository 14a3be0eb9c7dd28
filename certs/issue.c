/* Issuing and renewing: new keys and certificates of every usage of a role. */
#include "certs/authority_inside.h"
#include "certs/make.h"
#include "wire/region.h"
#include <openssl/crypto.h>
#include <stdio.h>
#include <unistd.h>

static const int64_t day_ms = 24 * 3600 * INT64_C(1000), hour_ms = 3600 * INT64_C(1000);

struct issuing {
    struct cert_authority *authority;
    const struct cert_issue *issue;
    struct wire_problem *problem;
    char name[CERT_NAME_BYTES_MAX + 1];
    int64_t from_ms, until_ms;
    struct made {
        X509 *x509; /* NULL: the role has none of this usage */
        EVP_PKEY *key;
    } made[4]; /* by usage */
};

static enum wire_status check_holder(struct issuing *issuing)
{
    const struct cert_issue *issue = issuing->issue;
    struct wire_problem *problem = issuing->problem;
    bool secretary = issue->role == WIRE__ROLE__ROLE_SECRETARY;
    if (issue->role == WIRE__ROLE__ROLE_BROKER ? issue->region != 0 : wire_region_find(issue->region) == NULL)
        return wire_failf(problem, WIRE_UNKNOWN_REGION, "ADCODE", "%06u 不是 GB/T 2260 行政区划代码",
                          "%06u is no GB/T 2260 region code", issue->region);
    if (secretary != (issue->id != NULL) || (secretary && !cert_id_valid(issue->id)))
        return wire_fail(
            problem, WIRE_INVALID, "--id",
            "secretary 须有 --id：办公室（不是个人）的代号，1 至 40 个小写字母、数字或连字符；其他角色不用",
            "a secretary has an --id, the office's (not a person's): 1 to 40 lower-case letters, digits or "
            "hyphens; other roles have none");
    if (secretary)
        snprintf(issuing->name, sizeof issuing->name, "%s", issue->id);
    else
        snprintf(issuing->name, sizeof issuing->name, "%06u", issue->region);
    return WIRE_OK;
}

static enum wire_status check_times(struct issuing *issuing)
{
    const struct cert_issue *issue = issuing->issue;
    const struct cert_ca *ca = &issuing->authority->ca;
    /* An hour early, for clocks that are slow; never before the CA. */
    int64_t early_ms = issuing->authority->now_ms - hour_ms;
    issuing->from_ms = issue->from_ms != 0 ? issue->from_ms : early_ms > ca->from_ms ? early_ms : ca->from_ms;
    issuing->until_ms = issuing->from_ms + (issue->days > 0 ? issue->days : CERT_LEAF_DAYS) * day_ms;
    if (issuing->until_ms > ca->until_ms)
        issuing->until_ms = ca->until_ms;
    if (issuing->from_ms < ca->from_ms || issuing->from_ms >= issuing->until_ms)
        return wire_fail(issuing->problem, WIRE_INVALID, "--from", "有效期须在根证书的有效期之内",
                         "the time must lie within the CA's own");
    return WIRE_OK;
}

/* Whether this holder has a certificate that is unrevoked and not yet over. */
static bool holder_known(const struct issuing *issuing)
{
    const struct cert_index *index = &issuing->authority->index;
    for (size_t i = 0; i < index->issued_count; i++) {
        const struct cert_issued *issued = &index->issued[i];
        if (issued->subject.role == issuing->issue->role && issued->subject.region == issuing->issue->region &&
            strcmp(issued->subject.name, issuing->name) == 0 && issued->revoked_ms == 0 &&
            issued->subject.until_ms > issuing->authority->now_ms)
            return true;
    }
    return false;
}

static enum wire_status check_known(const struct issuing *issuing)
{
    bool known = holder_known(issuing);
    if (known && !issuing->issue->renew)
        return wire_failf(issuing->problem, WIRE_EXISTS, issuing->name, "“%s”已有有效证书。换发请用 lianfang-ca renew",
                          "\"%s\" has a valid certificate already; to replace it use lianfang-ca renew", issuing->name);
    if (!known && issuing->issue->renew)
        return wire_failf(
            issuing->problem, WIRE_NOT_FOUND, issuing->name, "“%s”没有有效证书可换发。首次签发请用 lianfang-ca issue",
            "\"%s\" has no valid certificate to renew; for the first one use lianfang-ca issue", issuing->name);
    return WIRE_OK;
}

static enum wire_status out_path(const struct issuing *issuing, const char *stem, const char *suffix,
                                 char out[CERT_PATH_BYTES_MAX])
{
    char name[32];
    snprintf(name, sizeof name, "%s%s", stem, suffix);
    return cert_authority_path(issuing->issue->out, name, out, issuing->problem);
}

/* Before anything is signed: a certificate whose key could not be written would be one that nobody has. */
static enum wire_status check_out(const struct issuing *issuing)
{
    static const char *const files[] = {"ca.pem",   "identity.pem",  "identity.key", "seal.pem",
                                        "seal.key", "transport.pem", "transport.key"};
    enum wire_status status = cert_folder_make(issuing->issue->out, issuing->problem);
    char path[CERT_PATH_BYTES_MAX];
    for (size_t i = 0; status == WIRE_OK && i < sizeof files / sizeof *files; i++) {
        status = out_path(issuing, files[i], "", path);
        if (status == WIRE_OK && access(path, F_OK) == 0)
            status = wire_fail(issuing->problem, WIRE_EXISTS, path, "文件已存在，不会覆盖。请换一个目录，或先移走它",
                               "exists already and is never overwritten; take another folder or move it away first");
    }
    return status;
}

static enum wire_status make_usage(struct issuing *issuing, Wire__Usage usage)
{
    const struct cert_ca *ca = &issuing->authority->ca;
    struct made *made = &issuing->made[usage];
    made->key = cert_key_make(usage);
    struct cert_draft draft = {
        .installation = ca->installation,
        .role = issuing->issue->role,
        .usage = usage,
        .region = issuing->issue->region,
        .name = issuing->name,
        .key = made->key,
        .from_ms = issuing->from_ms,
        .until_ms = issuing->until_ms,
    };
    made->x509 = made->key == NULL ? NULL : cert_make(&draft, ca->x509, issuing->authority->key);
    struct cert_subject subject;
    if (made->x509 == NULL)
        return wire_fail(issuing->problem, WIRE_CRYPTO, issuing->name, "无法生成证书",
                         "the certificate cannot be made");
    /* What everybody will demand of it, we demand first. */
    enum wire_status status = cert_ca_check(ca, made->x509, issuing->name, &subject, issuing->problem);
    return status == WIRE_OK ? cert_index_issue(&issuing->authority->index, &subject) : status;
}

static enum wire_status write_x509(const struct issuing *issuing, X509 *x509, const char *path)
{
    struct cert_file pem;
    enum wire_status status = cert_pem_of_x509(x509, &pem) ? WIRE_OK : WIRE_CRYPTO;
    if (status == WIRE_OK)
        status = cert_file_write(path, wire_bytes(pem.data, pem.size), 0644, false, issuing->problem);
    cert_file_close(&pem);
    return status;
}

static enum wire_status write_key(const struct issuing *issuing, EVP_PKEY *key, const char *path)
{
    struct cert_file pem;
    enum wire_status status = cert_pem_of_key(key, issuing->issue->passphrase, &pem) ? WIRE_OK : WIRE_CRYPTO;
    if (status == WIRE_OK)
        status = cert_file_write(path, wire_bytes(pem.data, pem.size), 0600, false, issuing->problem);
    cert_file_close(&pem);
    return status;
}

static enum wire_status keep_issued(const struct issuing *issuing, size_t first)
{
    const struct cert_index *index = &issuing->authority->index;
    enum wire_status status = WIRE_OK;
    char path[CERT_PATH_BYTES_MAX];
    for (size_t i = first; status == WIRE_OK && i < index->issued_count; i++) {
        const struct cert_subject *subject = &index->issued[i].subject;
        status = cert_authority_issued_path(issuing->authority, subject->digest, path, issuing->problem);
        if (status == WIRE_OK)
            status = write_x509(issuing, issuing->made[subject->usage].x509, path);
    }
    return status;
}

static enum wire_status write_out(const struct issuing *issuing)
{
    char path[CERT_PATH_BYTES_MAX];
    enum wire_status status = out_path(issuing, "ca", ".pem", path);
    if (status == WIRE_OK)
        status = write_x509(issuing, issuing->authority->ca.x509, path);
    for (Wire__Usage usage = WIRE__USAGE__USAGE_IDENTITY; status == WIRE_OK && usage <= WIRE__USAGE__USAGE_TRANSPORT;
         usage++) {
        if (issuing->made[usage].x509 == NULL)
            continue;
        status = out_path(issuing, cert_usage_name(usage), ".key", path);
        if (status == WIRE_OK)
            status = write_key(issuing, issuing->made[usage].key, path);
        if (status == WIRE_OK)
            status = out_path(issuing, cert_usage_name(usage), ".pem", path);
        if (status == WIRE_OK)
            status = write_x509(issuing, issuing->made[usage].x509, path);
    }
    return status;
}

/* The index is written before the keys are handed out: what has been signed must be known, so that it can be revoked.
 */
static enum wire_status issue_all(struct issuing *issuing)
{
    size_t first = issuing->authority->index.issued_count;
    enum wire_status status = WIRE_OK;
    for (Wire__Usage usage = WIRE__USAGE__USAGE_IDENTITY; status == WIRE_OK && usage <= WIRE__USAGE__USAGE_TRANSPORT;
         usage++)
        if (cert_role_has(issuing->issue->role, usage))
            status = make_usage(issuing, usage);
    if (status == WIRE_OK)
        status = keep_issued(issuing, first);
    if (status == WIRE_OK)
        status = cert_authority_save(issuing->authority, issuing->problem);
    if (status == WIRE_OK)
        status = write_out(issuing);
    return status == WIRE_OK ? cert_authority_directory(issuing->authority, NULL, issuing->problem) : status;
}

enum wire_status cert_authority_issue(struct cert_authority *authority, const struct cert_issue *issue,
                                      struct wire_problem *problem)
{
    struct issuing issuing = {.authority = authority, .issue = issue, .problem = problem};
    enum wire_status status = cert_authority_may_sign(authority, problem);
    if (status == WIRE_OK)
        status = check_holder(&issuing);
    if (status == WIRE_OK)
        status = check_times(&issuing);
    if (status == WIRE_OK)
        status = check_known(&issuing);
    if (status == WIRE_OK)
        status = check_out(&issuing);
    if (status == WIRE_OK)
        status = issue_all(&issuing);
    for (size_t i = 0; i < sizeof issuing.made / sizeof *issuing.made; i++) {
        X509_free(issuing.made[i].x509);
        EVP_PKEY_free(issuing.made[i].key);
    }
    return status;
}
