#include "certs/directory.h"
#include "certs/hash.h"
#include "certs/held.h"
#include "wire/ensure.h"
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t hash_of(const uint8_t bytes[32])
{
    return wire_get_u64(bytes);
}

static void key_digest(X509 *x509, uint8_t out[WIRE_HASH_BYTES])
{
    unsigned char *spki = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki);
    ENSURE(size > 0);
    cert_sha256(spki, (size_t)size, out);
    OPENSSL_free(spki);
}

enum wire_status cert_directory_new(struct wire_bytes ca, const char *installation, struct cert_directory **out,
                                    struct wire_problem *problem)
{
    *out = NULL;
    struct cert_directory *directory = calloc(1, sizeof *directory);
    if (directory == NULL)
        return WIRE_NO_MEMORY;
    cert_often_open(&directory->often);
    enum wire_status status = cert_ca_open(&directory->ca, ca, installation, "ca.pem", problem);
    directory->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (status == WIRE_OK)
        directory->reader[0] = cert_leaf_reader_new(&directory->ca);
    if (status == WIRE_OK && (directory->sha256 == NULL || directory->reader[0] == NULL))
        status = WIRE_CRYPTO;
    if (status == WIRE_OK)
        *out = directory;
    else
        cert_directory_free(&directory);
    return status;
}

static void held_free(struct cert_held *held)
{
    X509_free(held->x509);
    EVP_PKEY_CTX_free(held->verifier);
    cert_multiples_free(&held->multiples);
    OPENSSL_free((void *)(uintptr_t)held->entry.certificate.data);
    free(held);
}

void cert_directory_free(struct cert_directory **directory)
{
    struct cert_directory *held = *directory;
    if (held == NULL)
        return;
    cert_often_close(&held->often);
    for (size_t i = 0; i < held->count; i++)
        held_free(held->held[i]);
    for (size_t i = 0; i < held->records; i++)
        free(held->record[i].data);
    free(held->held);
    free(held->record);
    cert_table_close(&held->by_digest);
    cert_table_close(&held->by_key);
    cert_table_close(&held->by_curve);
    cert_table_close(&held->by_region);
    X509_CRL_free(held->crl);
    OPENSSL_free(held->crl_der);
    EVP_MD_free(held->sha256);
    for (size_t i = 0; i < CERT_READERS_MAX; i++)
        cert_leaf_reader_free(&held->reader[i]);
    cert_ca_close(&held->ca);
    free(held);
    *directory = NULL;
}

const uint8_t *cert_directory_domain(const struct cert_directory *directory)
{
    return directory->ca.domain;
}

const char *cert_directory_installation(const struct cert_directory *directory)
{
    return directory->ca.installation;
}

/* Index of the certificate with this digest, or CERT_TABLE_NONE. */
static uint32_t index_of(const struct cert_directory *directory, const uint8_t digest[WIRE_HASH_BYTES])
{
    size_t cursor = 0;
    for (uint32_t i; (i = cert_table_next(&directory->by_digest, hash_of(digest), &cursor)) != CERT_TABLE_NONE;)
        if (memcmp(directory->held[i]->entry.subject.digest, digest, WIRE_HASH_BYTES) == 0)
            return i;
    return CERT_TABLE_NONE;
}

/* One key, one certificate: else revoking one would leave its twin, and a thief with it, inside. */
static bool key_is_known(const struct cert_directory *directory, const uint8_t key[WIRE_HASH_BYTES])
{
    size_t cursor = 0;
    for (uint32_t i; (i = cert_table_next(&directory->by_key, hash_of(key), &cursor)) != CERT_TABLE_NONE;)
        if (memcmp(directory->held[i]->key, key, WIRE_HASH_BYTES) == 0)
            return true;
    return false;
}

static void *wider(void *old, size_t *capacity, size_t size)
{
    *capacity = *capacity == 0 ? 64 : *capacity * 2;
    void *memory = reallocarray(old, *capacity, size);
    ENSURE(memory != NULL);
    return memory;
}

static enum wire_status insert(struct cert_directory *directory, struct cert_checked *checked, const char *where,
                               struct wire_problem *problem, uint32_t *index)
{
    const struct cert_subject *subject = &checked->subject;
    if (key_is_known(directory, checked->key))
        return wire_fail(problem, WIRE_INVALID, where, "该公钥已用于另一张证书。每张证书须有自己的密钥",
                         "another certificate has this public key; every certificate must have its own");
    struct cert_held *held = calloc(1, sizeof *held);
    if (held == NULL)
        return WIRE_NO_MEMORY;
    held->entry = (struct cert_entry){.subject = *subject, .certificate = wire_bytes(checked->der, checked->size)};
    memcpy(held->key, checked->key, WIRE_HASH_BYTES);
    checked->der = NULL;
    if (directory->count == directory->capacity)
        directory->held = wider(directory->held, &directory->capacity, sizeof *directory->held);
    *index = (uint32_t)directory->count;
    directory->held[directory->count++] = held;
    cert_table_put(&directory->by_digest, hash_of(subject->digest), *index);
    cert_table_put(&directory->by_key, hash_of(held->key), *index);
    cert_table_put(&directory->by_region, cert_holder_hash(subject->region, subject->role, subject->usage), *index);
    if (subject->usage == WIRE__USAGE__USAGE_TRANSPORT)
        cert_table_put(&directory->by_curve, hash_of(subject->curve), *index);
    return WIRE_OK;
}

/* A revocation is never taken back, and what the CA signed outweighs what a record says. */
static void apply_record(struct cert_held *held, const Wire__DirectoryRecord *record)
{
    struct cert_entry *entry = &held->entry;
    entry->epoch = record->epoch;
    if (!record->has_revoked_ms || held->revoked_by_crl)
        return;
    if (entry->revoked_ms != 0 && entry->revoked_ms <= record->revoked_ms)
        return;
    const char *reason = record->reason == NULL ? "unspecified" : record->reason;
    entry->revoked_ms = record->revoked_ms;
    entry->compromised = !cert_reason_orderly(reason);
    snprintf(entry->reason, sizeof entry->reason, "%s", reason);
}

static void keep_record(struct cert_directory *directory, const Wire__DirectoryRecord *record)
{
    size_t size = wire__directory_record__get_packed_size(record);
    uint8_t *data = malloc(size);
    ENSURE(data != NULL);
    wire__directory_record__pack(record, data);
    if (directory->records == directory->record_capacity)
        directory->record = wider(directory->record, &directory->record_capacity, sizeof *directory->record);
    directory->record[directory->records++] = (struct cert_record){.data = data, .size = size};
}

/* A repeat must be word for word what is held. Another record under the same number: a CA restored from an old backup
 * that went on issuing, or a broker that tells two histories; passing it over would lose certificates without a sound.
 */
static enum wire_status check_repeat(const struct cert_directory *directory, const Wire__DirectoryRecord *record,
                                     const char *where, struct wire_problem *problem)
{
    struct wire_bytes held = cert_directory_record(directory, record->epoch);
    size_t size = wire__directory_record__get_packed_size(record);
    uint8_t *packed = malloc(size + 1);
    if (packed == NULL)
        return WIRE_NO_MEMORY;
    wire__directory_record__pack(record, packed);
    bool same = record->epoch == 0 || wire_bytes_equal(held, wire_bytes(packed, size));
    free(packed);
    if (same)
        return wire_failf(problem, WIRE_EXISTS, where, "目录已有第 %" PRIu64 " 条",
                          "the directory has record %" PRIu64 " already", record->epoch);
    return wire_failf(problem, WIRE_INVALID, where,
                      "第 %" PRIu64 " 条与现有的不同：证书目录可能是从旧备份恢复后继续签发的。请联系证书管理员",
                      "record %" PRIu64
                      " differs from the one held: perhaps the CA was restored from an old backup and went "
                      "on issuing; ask its keeper",
                      record->epoch);
}

static enum wire_status check_epoch(const struct cert_directory *directory, const Wire__DirectoryRecord *record,
                                    const char *where, struct wire_problem *problem)
{
    if (record->epoch <= directory->records)
        return check_repeat(directory, record, where, problem);
    if (record->epoch > directory->records + 1)
        return wire_failf(problem, WIRE_GAP, where, "目录缺第 %zu 条。请从该条起重新取得",
                          "record %zu of the directory is missing; fetch from there again", directory->records + 1);
    if (record->has_revoked_ms && record->revoked_ms <= 0)
        return wire_fail(problem, WIRE_INVALID, where, "吊销时间不可能", "the time of revocation is impossible");
    return WIRE_OK;
}

/* By OpenSSL, whatever form it has. */
static enum wire_status check_any(const struct cert_ca *ca, struct wire_bytes certificate, const char *where,
                                  struct cert_checked *out, struct wire_problem *problem)
{
    X509 *x509 = cert_x509_parse(certificate);
    if (x509 == NULL)
        return wire_fail(problem, WIRE_INVALID, where, "不是证书", "not a certificate");
    enum wire_status status = cert_ca_check(ca, x509, where, &out->subject, problem);
    if (status == WIRE_OK) {
        key_digest(x509, out->key);
        out->der = cert_x509_der(x509, &out->size);
        ENSURE(out->der != NULL);
    }
    X509_free(x509);
    return status;
}

enum wire_status cert_check_record(const struct cert_directory *directory, struct cert_leaf_reader *reader,
                                   const Wire__DirectoryRecord *record, const char *where, struct cert_checked *out,
                                   struct wire_problem *problem)
{
    struct wire_bytes certificate = wire_bytes(record->certificate.data, record->certificate.len);
    *out = (struct cert_checked){.der = NULL};
    if (!cert_leaf_read(reader, certificate, &out->subject, out->key))
        return check_any(&directory->ca, certificate, where, out, problem);
    out->der = OPENSSL_memdup(certificate.data, certificate.size);
    out->size = certificate.size;
    return out->der == NULL ? WIRE_NO_MEMORY : WIRE_OK;
}

enum wire_status cert_directory_take(struct cert_directory *directory, const Wire__DirectoryRecord *record,
                                     struct cert_checked *checked, struct wire_problem *problem)
{
    char where[64];
    snprintf(where, sizeof where, "directory record %" PRIu64, record->epoch);
    enum wire_status status = check_epoch(directory, record, where, problem);
    if (status != WIRE_OK)
        return status;
    if (checked->der == NULL)
        status = cert_check_record(directory, directory->reader[0], record, where, checked, problem);
    if (status != WIRE_OK)
        return status;
    uint32_t index = index_of(directory, checked->subject.digest);
    if (index == CERT_TABLE_NONE)
        status = insert(directory, checked, where, problem, &index);
    if (status != WIRE_OK)
        return status;
    apply_record(directory->held[index], record);
    cert_crl_apply(directory, directory->held[index]);
    keep_record(directory, record);
    return WIRE_OK;
}

enum wire_status cert_directory_add(struct cert_directory *directory, const Wire__DirectoryRecord *record,
                                    struct wire_problem *problem)
{
    struct cert_checked checked = {.der = NULL};
    enum wire_status status = cert_directory_take(directory, record, &checked, problem);
    OPENSSL_free(checked.der);
    return status;
}

struct wire_bytes cert_directory_record(const struct cert_directory *directory, uint64_t epoch)
{
    if (epoch == 0 || epoch > directory->records)
        return wire_bytes(NULL, 0);
    return wire_bytes(directory->record[epoch - 1].data, directory->record[epoch - 1].size);
}

uint64_t cert_directory_epoch(const struct cert_directory *directory)
{
    return directory->records;
}

size_t cert_directory_count(const struct cert_directory *directory)
{
    return directory->count;
}

const struct cert_entry *cert_directory_at(const struct cert_directory *directory, size_t index)
{
    ENSURE(index < directory->count);
    return &directory->held[index]->entry;
}

const struct cert_entry *cert_directory_find(const struct cert_directory *directory,
                                             const uint8_t digest[WIRE_HASH_BYTES])
{
    uint32_t index = index_of(directory, digest);
    return index == CERT_TABLE_NONE ? NULL : &directory->held[index]->entry;
}

enum wire_status cert_entry_at(const struct cert_entry *entry, int64_t at_ms)
{
    if (entry->revoked_ms != 0 && entry->revoked_ms <= at_ms)
        return WIRE_SIGNER_REVOKED;
    if (at_ms < entry->subject.from_ms || at_ms > entry->subject.until_ms)
        return WIRE_SIGNER_EXPIRED;
    return WIRE_OK;
}
