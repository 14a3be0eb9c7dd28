#include "certs/identity.h"
#include "certs/file.h"
#include "certs/hash.h"
#include "certs/held.h"
#include "wire/ensure.h"
#include "wire/time.h"
#include <dirent.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

struct loading {
    const char *folder;
    const struct cert_identity_options *options;
    struct cert_identity *identity;
    struct wire_problem *problem;
};

static enum wire_status path_of(const struct loading *loading, const char *stem, const char *suffix,
                                char out[CERT_PATH_BYTES_MAX])
{
    int length = snprintf(out, CERT_PATH_BYTES_MAX, "%s/%s%s", loading->folder, stem, suffix);
    if (length < 0 || length >= CERT_PATH_BYTES_MAX)
        return wire_fail(loading->problem, WIRE_INVALID, loading->folder, "路径过长", "the path is too long");
    return WIRE_OK;
}

static enum wire_status load_ca(const struct loading *loading)
{
    char path[CERT_PATH_BYTES_MAX];
    struct cert_file file = {.data = NULL};
    enum wire_status status = path_of(loading, "ca", ".pem", path);
    if (status == WIRE_OK)
        status = cert_file_read(path, false, &file, loading->problem);
    if (status == WIRE_OK)
        status = cert_ca_open(&loading->identity->ca, wire_bytes(file.data, file.size), loading->options->installation,
                              path, loading->problem);
    cert_file_close(&file);
    return status;
}

static enum wire_status load_certificate(const struct loading *loading, const char *path, struct cert_pair *pair)
{
    struct cert_file file;
    enum wire_status status = cert_file_read(path, false, &file, loading->problem);
    if (status != WIRE_OK)
        return status;
    pair->x509 = cert_x509_parse(wire_bytes(file.data, file.size));
    cert_file_close(&file);
    if (pair->x509 == NULL)
        return wire_fail(loading->problem, WIRE_SYNTAX, path, "不是证书（PEM）。请重新从证书管理员处取得该文件",
                         "not a certificate (PEM); get the file from the CA's keeper again");
    pair->der = cert_x509_der(pair->x509, &pair->der_size);
    if (pair->der == NULL)
        return WIRE_NO_MEMORY;
    return cert_ca_check(&loading->identity->ca, pair->x509, path, &pair->subject, loading->problem);
}

static enum wire_status load_key(const struct loading *loading, const char *path, struct cert_pair *pair)
{
    struct cert_file file;
    enum wire_status status = cert_file_read(path, true, &file, loading->problem);
    if (status != WIRE_OK)
        return status;
    pair->key = cert_key_parse(wire_bytes(file.data, file.size), loading->options->passphrase);
    cert_file_close(&file);
    if (pair->key == NULL)
        return wire_fail(loading->problem, WIRE_SYNTAX, path,
                         "无法读取私钥：文件损坏，或口令缺失、错误。请核对口令文件",
                         "the private key cannot be read: damaged, or the passphrase is missing or wrong; check the "
                         "passphrase file");
    if (X509_check_private_key(pair->x509, pair->key) != 1) {
        ERR_clear_error();
        return wire_failf(
            loading->problem, WIRE_INVALID, path, "私钥与证书“%s”（%s）不是一对。请将同一次签发的两个文件放在一起",
            "the key does not belong to the certificate beside it (%s, %s); put the two files of one issue together",
            pair->subject.name, cert_usage_name(pair->subject.usage));
    }
    return WIRE_OK;
}

static enum wire_status check_time(const struct loading *loading, const char *path, const struct cert_subject *subject)
{
    int64_t now_ms = loading->options->now_ms;
    char from[WIRE_TIME_TEXT], until[WIRE_TIME_TEXT];
    if (now_ms == 0 || (subject->from_ms <= now_ms && now_ms <= subject->until_ms))
        return WIRE_OK;
    wire_time_text(subject->from_ms, from);
    wire_time_text(subject->until_ms, until);
    if (now_ms < subject->from_ms)
        return wire_failf(loading->problem, WIRE_SIGNER_EXPIRED, path, "证书尚未生效（%s 至 %s）。请核对本机时钟",
                          "the certificate is not valid yet (%s to %s); check this machine's clock", from, until);
    return wire_failf(loading->problem, WIRE_SIGNER_EXPIRED, path,
                      "证书已过期（%s 至 %s）。请由证书管理员执行 lianfang-ca renew",
                      "the certificate has expired (%s to %s); the CA's keeper runs: lianfang-ca renew", from, until);
}

static enum wire_status load_pair(const struct loading *loading, const char *stem, Wire__Usage usage,
                                  struct cert_pair *pair)
{
    char path[CERT_PATH_BYTES_MAX];
    enum wire_status status = path_of(loading, stem, ".pem", path);
    if (status == WIRE_OK)
        status = load_certificate(loading, path, pair);
    if (status == WIRE_OK && pair->subject.usage != usage)
        status = wire_failf(loading->problem, WIRE_INVALID, path, "这是 %s 证书，而此处需要 %s 证书。请核对文件名",
                            "this is a certificate for %s, what belongs here is one for %s; compare the file names",
                            cert_usage_name(pair->subject.usage), cert_usage_name(usage));
    const struct cert_subject *own = &loading->identity->pair[WIRE__USAGE__USAGE_IDENTITY].subject;
    if (status == WIRE_OK && (pair->subject.role != own->role || strcmp(pair->subject.name, own->name) != 0))
        status = wire_failf(loading->problem, WIRE_INVALID, path,
                            "证书属于“%s”，而本目录的身份证书属于“%s”。请放入同一节点的证书",
                            "the certificate is of \"%s\", the identity certificate of this folder is of \"%s\"; put "
                            "certificates of one holder here",
                            pair->subject.name, own->name);
    if (status == WIRE_OK)
        status = path_of(loading, stem, ".key", path);
    return status == WIRE_OK ? load_key(loading, path, pair) : status;
}

static enum wire_status load_usage(const struct loading *loading, Wire__Usage usage)
{
    char path[CERT_PATH_BYTES_MAX];
    struct cert_pair *pair = &loading->identity->pair[usage];
    enum wire_status status = load_pair(loading, cert_usage_name(usage), usage, pair);
    if (status == WIRE_OK)
        status = path_of(loading, cert_usage_name(usage), ".pem", path);
    return status == WIRE_OK ? check_time(loading, path, &pair->subject) : status;
}

/* "seal-20200207.pem" → "seal-20200207"; false for other names. */
static bool old_seal_stem(const char *name, char out[64])
{
    size_t length = strlen(name);
    if (length < 10 || length - 4 >= 64 || strncmp(name, "seal-", 5) != 0 || strcmp(name + length - 4, ".pem") != 0)
        return false;
    memcpy(out, name, length - 4);
    out[length - 4] = '\0';
    return true;
}

static enum wire_status load_old_seals(const struct loading *loading)
{
    struct cert_identity *identity = loading->identity;
    DIR *folder = opendir(loading->folder);
    if (folder == NULL)
        return wire_fail(loading->problem, WIRE_IO, loading->folder, "无法列出目录", "the folder cannot be listed");
    enum wire_status status = WIRE_OK;
    char stem[64];
    for (struct dirent *file; status == WIRE_OK && (file = readdir(folder)) != NULL;) {
        if (!old_seal_stem(file->d_name, stem))
            continue;
        if (identity->old_seals == CERT_OLD_SEALS_MAX)
            status = wire_failf(loading->problem, WIRE_INVALID, loading->folder, "旧加密密钥多于 %d 个。请移走最早的",
                                "more than %d earlier seal keys; move the oldest away", CERT_OLD_SEALS_MAX);
        else
            status = load_pair(loading, stem, WIRE__USAGE__USAGE_SEAL, &identity->old_seal[identity->old_seals++]);
    }
    closedir(folder);
    return status;
}

static enum wire_status load_curve(struct cert_identity *identity)
{
    size_t size = CERT_CURVE_BYTES;
    const EVP_PKEY *key = identity->pair[WIRE__USAGE__USAGE_TRANSPORT].key;
    if (key == NULL)
        return WIRE_OK;
    if (EVP_PKEY_get_raw_private_key(key, identity->curve_secret, &size) != 1 || size != CERT_CURVE_BYTES)
        return WIRE_CRYPTO;
    return WIRE_OK;
}

static enum wire_status prepare_signer(struct cert_identity *identity)
{
    identity->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    identity->signer = EVP_PKEY_CTX_new_from_pkey(NULL, identity->pair[WIRE__USAGE__USAGE_IDENTITY].key, NULL);
    if (identity->sha256 == NULL || identity->signer == NULL || EVP_PKEY_sign_init(identity->signer) != 1)
        return WIRE_CRYPTO;
    return WIRE_OK;
}

/* The identity first: the others are compared with it, and its role says which others there are. */
static enum wire_status load_all(const struct loading *loading)
{
    struct cert_identity *identity = loading->identity;
    enum wire_status status = load_ca(loading);
    for (Wire__Usage usage = WIRE__USAGE__USAGE_IDENTITY; status == WIRE_OK && usage <= WIRE__USAGE__USAGE_TRANSPORT;
         usage++)
        if (usage == WIRE__USAGE__USAGE_IDENTITY || cert_role_has(cert_identity_role(identity), usage))
            status = load_usage(loading, usage);
    if (status == WIRE_OK && cert_role_has(cert_identity_role(identity), WIRE__USAGE__USAGE_SEAL))
        status = load_old_seals(loading);
    if (status == WIRE_OK)
        status = load_curve(identity);
    return status == WIRE_OK ? prepare_signer(identity) : status;
}

enum wire_status cert_identity_load(const char *directory, const struct cert_identity_options *options,
                                    struct cert_identity **out, struct wire_problem *problem)
{
    *out = NULL;
    struct cert_identity *identity = calloc(1, sizeof *identity);
    if (identity == NULL)
        return WIRE_NO_MEMORY;
    struct loading loading = {.folder = directory, .options = options, .identity = identity, .problem = problem};
    enum wire_status status = load_all(&loading);
    if (status == WIRE_OK)
        *out = identity;
    else
        cert_identity_free(&identity);
    return status;
}

static void pair_close(struct cert_pair *pair)
{
    X509_free(pair->x509);
    EVP_PKEY_free(pair->key); /* OpenSSL clears private numbers when it frees them */
    OPENSSL_free(pair->der);
}

void cert_identity_free(struct cert_identity **identity)
{
    struct cert_identity *held = *identity;
    if (held == NULL)
        return;
    for (size_t i = 0; i < CERT_USAGES; i++)
        pair_close(&held->pair[i]);
    for (size_t i = 0; i < held->old_seals; i++)
        pair_close(&held->old_seal[i]);
    cert_ca_close(&held->ca);
    EVP_PKEY_CTX_free(held->signer);
    EVP_MD_free(held->sha256);
    OPENSSL_cleanse(held, sizeof *held);
    free(held);
    *identity = NULL;
}

static const struct cert_pair *own_pair(const struct cert_identity *identity)
{
    return &identity->pair[WIRE__USAGE__USAGE_IDENTITY];
}

uint32_t cert_identity_region(const struct cert_identity *identity)
{
    return own_pair(identity)->subject.region;
}

Wire__Role cert_identity_role(const struct cert_identity *identity)
{
    return own_pair(identity)->subject.role;
}

const char *cert_identity_installation(const struct cert_identity *identity)
{
    return identity->ca.installation;
}

const uint8_t *cert_identity_domain(const struct cert_identity *identity)
{
    return identity->ca.domain;
}

const struct cert_subject *cert_identity_subject(const struct cert_identity *identity, Wire__Usage usage)
{
    ENSURE(usage >= WIRE__USAGE__USAGE_IDENTITY && usage <= WIRE__USAGE__USAGE_TRANSPORT);
    return identity->pair[usage].x509 == NULL ? NULL : &identity->pair[usage].subject;
}

const uint8_t *cert_identity_digest(const struct cert_identity *identity, Wire__Usage usage)
{
    const struct cert_subject *subject = cert_identity_subject(identity, usage);
    return subject == NULL ? NULL : subject->digest;
}

struct wire_bytes cert_identity_certificate(const struct cert_identity *identity, Wire__Usage usage)
{
    ENSURE(usage >= WIRE__USAGE__USAGE_IDENTITY && usage <= WIRE__USAGE__USAGE_TRANSPORT);
    return wire_bytes(identity->pair[usage].der, identity->pair[usage].der_size);
}

struct wire_bytes cert_identity_ca(const struct cert_identity *identity)
{
    return wire_bytes(identity->ca.der, identity->ca.der_size);
}

const uint8_t *cert_identity_curve_public(const struct cert_identity *identity)
{
    const struct cert_subject *subject = cert_identity_subject(identity, WIRE__USAGE__USAGE_TRANSPORT);
    return subject == NULL ? NULL : subject->curve;
}

const uint8_t *cert_identity_curve_secret(const struct cert_identity *identity)
{
    return cert_identity_curve_public(identity) == NULL ? NULL : identity->curve_secret;
}

int64_t cert_identity_until_ms(const struct cert_identity *identity)
{
    int64_t until_ms = INT64_MAX;
    for (size_t i = 0; i < CERT_USAGES; i++)
        if (identity->pair[i].x509 != NULL && identity->pair[i].subject.until_ms < until_ms)
            until_ms = identity->pair[i].subject.until_ms;
    return until_ms;
}

enum wire_status cert_sign(struct cert_identity *identity, const void *text, size_t size,
                           uint8_t signature[WIRE_SIGNATURE_BYTES_MAX], size_t *signature_size)
{
    uint8_t digest[WIRE_HASH_BYTES];
    *signature_size = WIRE_SIGNATURE_BYTES_MAX;
    if (EVP_Digest(text, size, digest, NULL, identity->sha256, NULL) == 1 &&
        EVP_PKEY_sign(identity->signer, signature, signature_size, digest, sizeof digest) == 1)
        return WIRE_OK;
    ERR_clear_error();
    *signature_size = 0;
    return WIRE_CRYPTO;
}

enum wire_status cert_identity_secret(const struct cert_identity *identity, const char *label,
                                      uint8_t out[WIRE_HASH_BYTES])
{
    static const char title[] = "lianfang secret v1";
    enum { SCALAR_BYTES = 32, LABEL_BYTES_MAX = 64 };
    uint8_t scalar[SCALAR_BYTES], text[sizeof title + LABEL_BYTES_MAX];
    BIGNUM *number = NULL;
    size_t size = strlen(label);
    ENSURE(size <= LABEL_BYTES_MAX);
    memset(out, 0, WIRE_HASH_BYTES);
    bool done = EVP_PKEY_get_bn_param(identity->pair[WIRE__USAGE__USAGE_IDENTITY].key, OSSL_PKEY_PARAM_PRIV_KEY,
                                      &number) == 1 &&
                BN_bn2binpad(number, scalar, SCALAR_BYTES) == SCALAR_BYTES;
    BN_clear_free(number);
    ERR_clear_error();
    if (done) {
        memcpy(text, title, sizeof title - 1);
        memcpy(text + sizeof title - 1, label, size);
        cert_hmac(scalar, SCALAR_BYTES, text, sizeof title - 1 + size, out);
    }
    OPENSSL_cleanse(scalar, sizeof scalar);
    return done ? WIRE_OK : WIRE_CRYPTO;
}
