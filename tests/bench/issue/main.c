/* bench-issue CA FOLDER DIRECTORY < REGIONS: for every adcode on the standard input a node's keys and certificates, in
 * FOLDER/node-REGION-identity as `lianfang-ca issue node` writes them, and their records behind those of the file
 * DIRECTORY. The CA's own index is not told: `lianfang-ca` writes the whole directory anew for every node it issues,
 * which is right for a CA and takes a quarter of an hour for thousands. */
#include "certs/file.h"
#include "certs/make.h"
#include "common/plan.h"
#include "wire/ensure.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { DAYS = 30 };

struct issuing {
    const char *folder;
    X509 *ca;
    EVP_PKEY *key;
    char installation[64];
    int64_t now_ms;
    FILE *directory;
    uint64_t epoch; /* of the last record */
};

static void check(enum wire_status status, const struct wire_problem *problem)
{
    if (status != WIRE_OK)
        plan_void("%s: %s", problem->where, problem->en);
}

static FILE *opened(const char *folder, const char *name, const char *mode)
{
    char path[CERT_PATH_BYTES_MAX];
    snprintf(path, sizeof(path), "%s%s%s", folder, *name == '\0' ? "" : "/", name);
    FILE *file = fopen(path, mode);
    if (file == NULL)
        plan_void("cannot open %s", path);
    return file;
}

/* Records stand one behind the other: u32 big-endian length, bytes (certs/directory.h). */
static uint64_t count_records(const char *path)
{
    struct cert_file file;
    struct wire_problem problem = {0};
    uint64_t count = 0;
    check(cert_file_read(path, false, &file, &problem), &problem);
    for (size_t at = 0; at + 4 <= file.size; at += 4 + (size_t)wire_get_u32(file.data + at))
        count++;
    cert_file_close(&file);
    return count;
}

static void open_ca(struct issuing *issuing, const char *ca)
{
    FILE *pem = opened(ca, "ca.pem", "re"), *key = opened(ca, "ca.key", "re");
    issuing->ca = PEM_read_X509(pem, NULL, NULL, NULL);
    issuing->key = PEM_read_PrivateKey(key, NULL, NULL, NULL);
    fclose(pem);
    fclose(key);
    if (issuing->ca == NULL || issuing->key == NULL ||
        X509_NAME_get_text_by_NID(X509_get_subject_name(issuing->ca), NID_commonName, issuing->installation,
                                  sizeof(issuing->installation)) <= 0)
        plan_void("%s holds no CA", ca);
}

static void write_file(const char *folder, const char *usage, const char *end, struct cert_file *file, mode_t mode)
{
    char path[CERT_PATH_BYTES_MAX];
    struct wire_problem problem = {0};
    snprintf(path, sizeof(path), "%s/%s%s", folder, usage, end);
    check(cert_file_write(path, wire_bytes(file->data, file->size), mode, false, &problem), &problem);
    cert_file_close(file);
}

static void add_record(struct issuing *issuing, X509 *x509)
{
    uint8_t *der = NULL, length[4];
    int size = i2d_X509(x509, &der);
    Wire__DirectoryRecord record;
    wire__directory_record__init(&record);
    ENSURE(size > 0);
    record.epoch = ++issuing->epoch;
    record.certificate = (ProtobufCBinaryData){(size_t)size, der};
    uint8_t packed[4096];
    ENSURE(wire__directory_record__get_packed_size(&record) <= sizeof(packed));
    size_t used = wire__directory_record__pack(&record, packed);
    wire_put_u32(length, (uint32_t)used);
    if (fwrite(length, 4, 1, issuing->directory) != 1 || fwrite(packed, used, 1, issuing->directory) != 1)
        plan_void("cannot write the directory");
    OPENSSL_free(der);
}

static void issue_usage(struct issuing *issuing, uint32_t region, const char *folder, Wire__Usage usage)
{
    char name[16];
    struct cert_file pem;
    EVP_PKEY *key = cert_key_make(usage);
    snprintf(name, sizeof(name), "%06u", region);
    struct cert_draft draft = {.installation = issuing->installation,
                               .role = WIRE__ROLE__ROLE_NODE,
                               .usage = usage,
                               .region = region,
                               .name = name,
                               .key = key,
                               .from_ms = issuing->now_ms - 1000,
                               .until_ms = issuing->now_ms + DAYS * INT64_C(86400000)};
    X509 *x509 = key == NULL ? NULL : cert_make(&draft, issuing->ca, issuing->key);
    if (x509 == NULL || !cert_pem_of_x509(x509, &pem))
        plan_void("no certificate for %s", name);
    write_file(folder, cert_usage_name(usage), ".pem", &pem, 0644);
    if (!cert_pem_of_key(key, NULL, &pem))
        plan_void("no key for %s", name);
    write_file(folder, cert_usage_name(usage), ".key", &pem, 0600);
    add_record(issuing, x509);
    X509_free(x509);
    EVP_PKEY_free(key);
}

static void issue(struct issuing *issuing, uint32_t region)
{
    char folder[CERT_PATH_BYTES_MAX];
    struct cert_file ca;
    struct wire_problem problem = {0};
    snprintf(folder, sizeof(folder), "%s/node-%06u-identity", issuing->folder, region);
    check(cert_folder_make(folder, &problem), &problem);
    if (!cert_pem_of_x509(issuing->ca, &ca))
        plan_void("OpenSSL");
    write_file(folder, "ca", ".pem", &ca, 0644);
    for (int usage = WIRE__USAGE__USAGE_IDENTITY; usage <= WIRE__USAGE__USAGE_TRANSPORT; usage++)
        issue_usage(issuing, region, folder, (Wire__Usage)usage);
}

int main(int argc, char **argv)
{
    unsigned region;
    if (argc != 4)
        plan_void("bench-issue CA FOLDER DIRECTORY < REGIONS");
    struct issuing issuing = {.folder = argv[2], .now_ms = (int64_t)time(NULL) * 1000};
    open_ca(&issuing, argv[1]);
    issuing.epoch = count_records(argv[3]);
    issuing.directory = opened(argv[3], "", "abe");
    while (scanf("%u", &region) == 1)
        issue(&issuing, region);
    if (fclose(issuing.directory) != 0)
        plan_void("cannot write the directory");
    X509_free(issuing.ca);
    EVP_PKEY_free(issuing.key);
    return 0;
}
