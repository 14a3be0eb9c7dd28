#define _GNU_SOURCE
#include "support/zoo.h"
#include "certs/authority.h"
#include "certs/file.h"
#include "certs/make.h"
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t day_ms = 24 * 3600 * INT64_C(1000);

static void must(enum wire_status status, const struct wire_problem *problem, const char *what)
{
    if (status == WIRE_OK)
        return;
    fprintf(stderr, "zoo: %s: status %d: %s: %s\n", what, (int)status, problem->where, problem->en);
    abort();
}

char *zoo_path(const struct zoo *zoo, const char *name, char out[ZOO_PATH_MAX])
{
    snprintf(out, ZOO_PATH_MAX, "%s/%s", zoo->root, name);
    return out;
}

static struct cert_authority *open_authority(const struct zoo *zoo, const char *name)
{
    char path[ZOO_PATH_MAX];
    struct wire_problem problem = {.status = WIRE_OK};
    struct cert_authority *authority;
    must(cert_authority_open(zoo_path(zoo, name, path), &(struct cert_authority_options){.now_ms = zoo->now_ms},
                             &authority, &problem),
         &problem, name);
    return authority;
}

/* CAs of twenty years, ten of them gone: room for certificates of the past. */
static void create_authority(const struct zoo *zoo, const char *name, const char *installation)
{
    char path[ZOO_PATH_MAX];
    struct wire_problem problem = {.status = WIRE_OK};
    must(cert_authority_create(zoo_path(zoo, name, path), installation, zoo->now_ms - 3650 * day_ms, 0,
                               &(struct cert_authority_options){.now_ms = zoo->now_ms}, &problem),
         &problem, name);
}

struct animal {
    const char *folder;
    Wire__Role role;
    uint32_t region;
    const char *id;
    int from_days, days;
    bool renew;
};

static const struct animal animals[] = {
    {"310000", WIRE__ROLE__ROLE_NODE, 310000, NULL, -400, 730, false},
    {"330000", WIRE__ROLE__ROLE_NODE, 330000, NULL, -400, 730, false},
    {"330300", WIRE__ROLE__ROLE_NODE, 330300, NULL, -400, 730, false},
    {"broker", WIRE__ROLE__ROLE_BROKER, 0, NULL, -400, 730, false},
    {"secretary", WIRE__ROLE__ROLE_SECRETARY, 310000, "delta-office", -400, 730, false},
    {"renewed", WIRE__ROLE__ROLE_NODE, 310000, NULL, -1, 730, true},
    {"expired", WIRE__ROLE__ROLE_NODE, 320000, NULL, -366, 365, false},
    {"future", WIRE__ROLE__ROLE_NODE, 340000, NULL, 1, 365, false},
    {"revoked", WIRE__ROLE__ROLE_NODE, 350000, NULL, -400, 730, false},
    {"superseded", WIRE__ROLE__ROLE_NODE, 360000, NULL, -400, 730, false},
};

static void issue(const struct zoo *zoo, struct cert_authority *authority, const struct animal *animal)
{
    char path[ZOO_PATH_MAX];
    struct wire_problem problem = {.status = WIRE_OK};
    struct cert_issue request = {
        .role = animal->role,
        .region = animal->region,
        .id = animal->id,
        .out = zoo_path(zoo, animal->folder, path),
        .from_ms = zoo->now_ms + animal->from_days * day_ms,
        .days = animal->days,
        .renew = animal->renew,
    };
    must(cert_authority_issue(authority, &request, &problem), &problem, animal->folder);
}

static void revoke_region(const struct zoo *zoo, struct cert_authority *authority, uint32_t region, const char *reason)
{
    struct wire_problem problem = {.status = WIRE_OK};
    size_t count;
    must(cert_authority_revoke(
             authority,
             &(struct cert_revocation){
                 .role = WIRE__ROLE__ROLE_NODE, .region = region, .reason = reason, .at_ms = zoo->revoked_ms},
             &count, &problem),
         &problem, reason);
}

static void copy(const struct zoo *zoo, const char *from, const char *to, mode_t mode)
{
    char source[ZOO_PATH_MAX], target[ZOO_PATH_MAX];
    struct wire_problem problem = {.status = WIRE_OK};
    struct cert_file file;
    must(cert_file_read(zoo_path(zoo, from, source), false, &file, &problem), &problem, from);
    must(cert_file_write(zoo_path(zoo, to, target), wire_bytes(file.data, file.size), mode, true, &problem), &problem,
         to);
    cert_file_close(&file);
}

static void copy_pair(const struct zoo *zoo, const char *from, const char *to)
{
    char source[64], target[64];
    snprintf(source, sizeof source, "%s.pem", from);
    snprintf(target, sizeof target, "%s.pem", to);
    copy(zoo, source, target, 0644);
    snprintf(source, sizeof source, "%s.key", from);
    snprintf(target, sizeof target, "%s.key", to);
    copy(zoo, source, target, 0600);
}

/* A folder like 310000's, for one thing in it to be spoilt. */
static void like_310000(const struct zoo *zoo, const char *folder)
{
    static const char *const pairs[] = {"identity", "seal", "transport"};
    char path[ZOO_PATH_MAX], from[64], to[64];
    struct wire_problem problem = {.status = WIRE_OK};
    must(cert_folder_make(zoo_path(zoo, folder, path), &problem), &problem, folder);
    snprintf(to, sizeof to, "%s/ca.pem", folder);
    copy(zoo, "310000/ca.pem", to, 0644);
    for (size_t i = 0; i < 3; i++) {
        snprintf(from, sizeof from, "310000/%s", pairs[i]);
        snprintf(to, sizeof to, "%s/%s", folder, pairs[i]);
        copy_pair(zoo, from, to);
    }
}

static void write_bytes(const struct zoo *zoo, const char *name, struct cert_file *file, mode_t mode)
{
    char path[ZOO_PATH_MAX];
    struct wire_problem problem = {.status = WIRE_OK};
    must(cert_file_write(zoo_path(zoo, name, path), wire_bytes(file->data, file->size), mode, true, &problem), &problem,
         name);
    cert_file_close(file);
}

/* The subject of 310000's identity, but signed by its own key. */
static void make_self_signed(const struct zoo *zoo)
{
    like_310000(zoo, "self-signed");
    EVP_PKEY *key = cert_key_make(WIRE__USAGE__USAGE_IDENTITY);
    struct cert_draft draft = {.installation = ZOO_INSTALLATION,
                               .role = WIRE__ROLE__ROLE_NODE,
                               .usage = WIRE__USAGE__USAGE_IDENTITY,
                               .region = 310000,
                               .name = "310000",
                               .key = key,
                               .from_ms = zoo->now_ms - day_ms,
                               .until_ms = zoo->now_ms + day_ms};
    X509 *x509 = cert_make(&draft, NULL, key);
    struct cert_file pem;
    if (x509 == NULL || !cert_pem_of_x509(x509, &pem))
        abort();
    write_bytes(zoo, "self-signed/identity.pem", &pem, 0644);
    if (!cert_pem_of_key(key, NULL, &pem))
        abort();
    write_bytes(zoo, "self-signed/identity.key", &pem, 0600);
    X509_free(x509);
    EVP_PKEY_free(key);
}

static void spoil(const struct zoo *zoo)
{
    like_310000(zoo, "other-region");
    copy_pair(zoo, "330000/transport", "other-region/transport");
    like_310000(zoo, "wrong-usage");
    copy_pair(zoo, "310000/seal", "wrong-usage/transport");
    like_310000(zoo, "swapped");
    copy(zoo, "330000/transport.key", "swapped/transport.key", 0600);
    like_310000(zoo, "open-key");
    copy(zoo, "310000/identity.key", "open-key/identity.key", 0644);
    copy_pair(zoo, "310000/seal", "renewed/seal-old");
    make_self_signed(zoo);
}

/* Written before the good one, so that the good one has the highest number. */
static void make_stale_crls(const struct zoo *zoo, struct cert_authority *authority)
{
    struct wire_problem problem = {.status = WIRE_OK};
    must(cert_authority_crl(authority, zoo->now_ms - 33 * day_ms, 30, &problem), &problem, "stale CRL");
    copy(zoo, "ca/crl.der", "stale-crl.der", 0644);
    must(cert_authority_crl(authority, zoo->now_ms - 38 * day_ms, 30, &problem), &problem, "closed CRL");
    copy(zoo, "ca/crl.der", "closed-crl.der", 0644);
}

void zoo_open(struct zoo *zoo, int64_t now_ms)
{
    const char *folder = getenv("TMPDIR");
    *zoo = (struct zoo){.now_ms = now_ms, .revoked_ms = (now_ms - 3600 * 1000) / 1000 * 1000};
    snprintf(zoo->root, sizeof zoo->root, "%s/lianfang-zoo-XXXXXX", folder == NULL ? "/tmp" : folder);
    if (mkdtemp(zoo->root) == NULL) {
        perror(zoo->root);
        abort();
    }
    create_authority(zoo, "ca", ZOO_INSTALLATION);
    create_authority(zoo, "other", "another installation");
    struct cert_authority *authority = open_authority(zoo, "ca");
    for (size_t i = 0; i < sizeof animals / sizeof *animals; i++)
        issue(zoo, authority, &animals[i]);
    make_stale_crls(zoo, authority);
    revoke_region(zoo, authority, 350000, "key-compromise");
    revoke_region(zoo, authority, 360000, "superseded");
    cert_authority_free(&authority);
    authority = open_authority(zoo, "other");
    issue(zoo, authority, &(struct animal){"other-ca", WIRE__ROLE__ROLE_NODE, 310000, NULL, -400, 730, false});
    cert_authority_free(&authority);
    spoil(zoo);
}

static int remove_one(const char *path, const struct stat *stat_, int type, struct FTW *place)
{
    (void)stat_, (void)type, (void)place;
    return remove(path);
}

void zoo_remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void zoo_close(struct zoo *zoo)
{
    zoo_remove_tree(zoo->root);
    zoo->root[0] = '\0';
}

struct cert_directory *zoo_directory(const struct zoo *zoo)
{
    char path[ZOO_PATH_MAX];
    struct wire_problem problem = {.status = WIRE_OK};
    struct cert_file ca;
    struct cert_directory *directory;
    must(cert_file_read(zoo_path(zoo, "ca/ca.pem", path), false, &ca, &problem), &problem, "ca.pem");
    must(cert_directory_new(wire_bytes(ca.data, ca.size), NULL, &directory, &problem), &problem, "directory");
    cert_file_close(&ca);
    must(cert_directory_load(directory, zoo_path(zoo, "ca/directory.bin", path), &problem), &problem, "directory.bin");
    must(cert_directory_crl_load(directory, zoo_path(zoo, "ca/crl.der", path), &problem), &problem, "crl.der");
    return directory;
}

struct cert_identity *zoo_identity(const struct zoo *zoo, const char *name)
{
    char path[ZOO_PATH_MAX];
    struct wire_problem problem = {.status = WIRE_OK};
    struct cert_identity *identity;
    must(cert_identity_load(zoo_path(zoo, name, path), &(struct cert_identity_options){.now_ms = 0}, &identity,
                            &problem),
         &problem, name);
    return identity;
}
