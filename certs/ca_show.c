/* lianfang-ca list and verify. */
#include "certs/authority.h"
#include "certs/ca_options.h"
#include "certs/held.h"
#include "wire/id.h"
#include "wire/json.h"
#include "wire/time.h"
#include <openssl/crypto.h>
#include <stdlib.h>
#include <sys/stat.h>

static void json_field(struct wire_text *json, const char *name, const char *value)
{
    wire_text_format(json, ",\"%s\":", name);
    wire_text_json_string(json, value, strlen(value));
}

static void json_subject(struct wire_text *json, const struct cert_subject *subject)
{
    char hex[2 * WIRE_HASH_BYTES + 1], time[WIRE_TIME_TEXT], adcode[16];
    wire_hex(subject->serial, CERT_SERIAL_BYTES, hex);
    wire_text_string(json, "\"serial\":");
    wire_text_json_string(json, hex, strlen(hex));
    wire_hex(subject->digest, WIRE_HASH_BYTES, hex);
    json_field(json, "digest", hex);
    json_field(json, "role", cert_role_name(subject->role));
    json_field(json, "usage", cert_usage_name(subject->usage));
    snprintf(adcode, sizeof adcode, "%06u", subject->region);
    json_field(json, "region", adcode);
    json_field(json, "name", subject->name);
    json_field(json, "from", wire_time_iso(subject->from_ms, time));
    json_field(json, "until", wire_time_iso(subject->until_ms, time));
}

static const char *state_name(const struct cert_subject *subject, int64_t revoked_ms, int64_t now_ms)
{
    if (revoked_ms != 0 && revoked_ms <= now_ms)
        return "revoked";
    if (now_ms > subject->until_ms)
        return "expired";
    return now_ms < subject->from_ms ? "not-yet-valid" : "valid";
}

static const char *state_text(const struct ca_run *run, const char *state)
{
    static const char *const states[][2] = {
        {"revoked", "已吊销"}, {"expired", "已过期"}, {"not-yet-valid", "未生效"}, {"valid", "有效"}};
    for (size_t i = 0; run->language == WIRE_CHINESE && i < sizeof states / sizeof *states; i++)
        if (strcmp(states[i][0], state) == 0)
            return states[i][1];
    return state;
}

static void json_revocation(struct wire_text *json, int64_t revoked_ms, const char *reason)
{
    char time[WIRE_TIME_TEXT];
    if (revoked_ms == 0)
        return;
    json_field(json, "revoked_at", wire_time_iso(revoked_ms, time));
    json_field(json, "reason", reason);
}

static void list_json(const struct cert_authority *authority, int64_t now_ms, struct wire_text *json)
{
    wire_text_string(json, "[");
    for (size_t i = 0; i < cert_authority_count(authority); i++) {
        const struct cert_issued *issued = cert_authority_at(authority, i);
        wire_text_string(json, i == 0 ? "{" : ",\n {");
        json_subject(json, &issued->subject);
        json_field(json, "state", state_name(&issued->subject, issued->revoked_ms, now_ms));
        json_revocation(json, issued->revoked_ms, issued->reason);
        wire_text_string(json, "}");
    }
    wire_text_string(json, "]\n");
}

static void list_table(const struct ca_run *run, const struct cert_authority *authority)
{
    for (size_t i = 0; i < cert_authority_count(authority); i++) {
        const struct cert_issued *issued = cert_authority_at(authority, i);
        const struct cert_subject *subject = &issued->subject;
        char serial[2 * CERT_SERIAL_BYTES + 1], from[WIRE_TIME_TEXT], until[WIRE_TIME_TEXT];
        wire_hex(subject->serial, CERT_SERIAL_BYTES, serial);
        fprintf(run->out, "%s  %-9s  %-9s  %06u  %-12s  %.10s  %.10s  %s%s%s\n", serial, cert_role_name(subject->role),
                cert_usage_name(subject->usage), subject->region, subject->name, wire_time_text(subject->from_ms, from),
                wire_time_text(subject->until_ms, until),
                state_text(run, state_name(subject, issued->revoked_ms, run->now_ms)),
                issued->revoked_ms != 0 ? " " : "", issued->reason);
    }
}

static enum wire_status flush_json(const struct ca_run *run, struct wire_text *json, struct wire_problem *problem)
{
    bool whole = !json->cut && fwrite(json->data, 1, json->size, run->out) == json->size;
    free(json->data);
    return whole ? WIRE_OK : wire_fail(problem, WIRE_IO, "stdout", "无法写出", "cannot be written");
}

enum wire_status ca_list(struct ca_run *run, struct wire_problem *problem)
{
    struct cert_authority *authority;
    struct wire_text json = {.grow = realloc};
    enum wire_status status =
        cert_authority_open(run->options.ca, &(struct cert_authority_options){.read_only = true, .now_ms = run->now_ms},
                            &authority, problem);
    if (status != WIRE_OK)
        return status;
    if (run->options.json)
        list_json(authority, run->now_ms, &json);
    else
        list_table(run, authority);
    cert_authority_free(&authority);
    return run->options.json ? flush_json(run, &json, problem) : WIRE_OK;
}

/* What verify finds out about one file. */
struct finding {
    const char *what; /* "certificate" "identity" "crl" "?" */
    struct cert_subject subject;
    bool has_subject;
    int64_t revoked_ms;
    const char *reason;
    const char *state;
    struct wire_problem problem;
};

static void check_certificate(const struct ca_run *run, const struct cert_directory *directory, X509 *x509,
                              const char *path, struct finding *finding)
{
    finding->what = "certificate";
    finding->has_subject = true;
    if (cert_ca_check(&directory->ca, x509, path, &finding->subject, &finding->problem) != WIRE_OK) {
        finding->has_subject = false;
        return;
    }
    const struct cert_entry *entry = cert_directory_find(directory, finding->subject.digest);
    if (entry != NULL && entry->revoked_ms != 0) {
        finding->revoked_ms = entry->revoked_ms;
        finding->reason = entry->reason;
    } else if (!cert_crl_find(directory, finding->subject.serial, &finding->revoked_ms, &finding->reason)) {
        finding->revoked_ms = 0;
    }
    finding->state = state_name(&finding->subject, finding->revoked_ms, run->now_ms);
    if (strcmp(finding->state, "valid") != 0)
        wire_fail(&finding->problem, strcmp(finding->state, "revoked") == 0 ? WIRE_SIGNER_REVOKED : WIRE_SIGNER_EXPIRED,
                  path, state_text(&(struct ca_run){.language = WIRE_CHINESE}, finding->state), finding->state);
}

static void check_crl(const struct ca_run *run, const struct cert_directory *directory, X509_CRL *crl, const char *path,
                      struct finding *finding)
{
    finding->what = "crl";
    int64_t next_ms = cert_asn1_ms(X509_CRL_get0_nextUpdate(crl));
    if (X509_CRL_verify(crl, directory->ca.key) != 1)
        wire_fail(&finding->problem, WIRE_INVALID, path, "吊销列表不是由本系统的根证书签署",
                  "the revocation list is not signed by this installation's CA");
    else if (run->now_ms > next_ms)
        wire_fail(&finding->problem, WIRE_CRL_STALE, path, "吊销列表过期。请执行 lianfang-ca crl",
                  "the revocation list is too old; run lianfang-ca crl");
    finding->state = finding->problem.status == WIRE_OK ? "valid" : "invalid";
}

static void check_identity(struct ca_run *run, const struct cert_directory *directory, const char *path,
                           struct finding *finding)
{
    struct cert_identity *identity = NULL;
    struct cert_identity_options options = {.passphrase = run->key_passphrase[0] == '\0' ? NULL : run->key_passphrase,
                                            .installation = directory->ca.installation,
                                            .now_ms = run->now_ms};
    finding->what = "identity";
    if (cert_identity_load(path, &options, &identity, &finding->problem) != WIRE_OK)
        return;
    /* consistent in itself; now its certificates against the CA that was asked about */
    check_certificate(run, directory, identity->pair[WIRE__USAGE__USAGE_IDENTITY].x509, path, finding);
    finding->what = "identity";
    cert_identity_free(&identity);
}

static void check_file(const struct ca_run *run, const struct cert_directory *directory, const char *path,
                       struct finding *finding)
{
    struct cert_file file;
    if (cert_file_read(path, false, &file, &finding->problem) != WIRE_OK)
        return;
    X509 *x509 = cert_x509_parse(wire_bytes(file.data, file.size));
    X509_CRL *crl = x509 == NULL ? cert_crl_parse(wire_bytes(file.data, file.size)) : NULL;
    if (x509 != NULL)
        check_certificate(run, directory, x509, path, finding);
    else if (crl != NULL)
        check_crl(run, directory, crl, path, finding);
    else
        wire_fail(&finding->problem, WIRE_SYNTAX, path, "不是证书，也不是吊销列表",
                  "neither a certificate nor a revocation list");
    X509_free(x509);
    X509_CRL_free(crl);
    cert_file_close(&file);
}

static void show_finding(const struct ca_run *run, const char *path, const struct finding *finding)
{
    bool good = finding->problem.status == WIRE_OK;
    const char *text = run->language == WIRE_CHINESE ? finding->problem.zh : finding->problem.en;
    fprintf(run->out, "%s: %s", path, good ? state_text(run, "valid") : text);
    if (finding->has_subject)
        fprintf(run->out, " (%s %s %s)", cert_role_name(finding->subject.role), finding->subject.name,
                cert_usage_name(finding->subject.usage));
    fputc('\n', run->out);
}

static void json_finding(struct wire_text *json, const char *path, const struct finding *finding)
{
    wire_text_string(json, json->size == 1 ? "{\"file\":" : ",\n {\"file\":");
    wire_text_json_string(json, path, strlen(path));
    json_field(json, "what", finding->what);
    json_field(json, "state", finding->problem.status == WIRE_OK ? "valid" : finding->state);
    if (finding->problem.status != WIRE_OK) {
        json_field(json, "status", wire_status_name(finding->problem.status));
        json_field(json, "zh", finding->problem.zh);
        json_field(json, "en", finding->problem.en);
    }
    if (finding->has_subject) {
        wire_text_string(json, ",");
        json_subject(json, &finding->subject);
        json_revocation(json, finding->revoked_ms, finding->reason);
    }
    wire_text_string(json, "}");
}

static bool is_folder(const char *path)
{
    struct stat stat_;
    return stat(path, &stat_) == 0 && S_ISDIR(stat_.st_mode);
}

/* The CA's certificate, with directory and revocation list where they lie beside it. */
static enum wire_status open_directory(const struct ca_run *run, struct cert_directory **directory,
                                       struct wire_problem *problem)
{
    char path[CERT_PATH_BYTES_MAX];
    struct cert_file ca = {.data = NULL};
    *directory = NULL;
    if (snprintf(path, sizeof path - 16, "%s/ca.pem", run->options.ca) >= (int)sizeof path - 16)
        return wire_fail(problem, WIRE_INVALID, "--ca", "路径过长", "the path is too long");
    enum wire_status status = cert_file_read(path, false, &ca, problem);
    if (status == WIRE_OK)
        status = cert_directory_new(wire_bytes(ca.data, ca.size), NULL, directory, problem);
    cert_file_close(&ca);
    if (status != WIRE_OK)
        return status;
    snprintf(path, sizeof path, "%s/directory.bin", run->options.ca);
    status = cert_directory_load(*directory, path, problem);
    if (status != WIRE_OK && status != WIRE_NOT_FOUND)
        return status;
    snprintf(path, sizeof path, "%s/crl.der", run->options.ca);
    status = cert_directory_crl_load(*directory, path, problem);
    return status == WIRE_NOT_FOUND ? WIRE_OK : status;
}

static enum wire_status verify_all(struct ca_run *run, const struct cert_directory *directory, struct wire_text *json,
                                   struct wire_problem *problem)
{
    size_t bad = 0;
    wire_text_string(json, "[");
    for (size_t i = 0; i < run->options.words; i++) {
        const char *path = run->options.word[i];
        struct finding finding = {.what = "?", .state = "invalid", .reason = ""};
        if (is_folder(path))
            check_identity(run, directory, path, &finding);
        else
            check_file(run, directory, path, &finding);
        /* the reason belongs to the directory or is constant: good until the directory is freed */
        if (run->options.json)
            json_finding(json, path, &finding);
        else
            show_finding(run, path, &finding);
        bad += finding.problem.status != WIRE_OK;
    }
    wire_text_string(json, "]\n");
    if (bad == 0)
        return WIRE_OK;
    return wire_failf(problem, WIRE_SIGNER_EXPIRED, "verify", "%zu 项无效", "%zu not valid", bad);
}

enum wire_status ca_verify(struct ca_run *run, struct wire_problem *problem)
{
    struct cert_directory *directory = NULL;
    struct wire_text json = {.grow = realloc};
    enum wire_status status = WIRE_OK;
    if (run->options.words == 0)
        return wire_fail(problem, WIRE_INVALID, "verify", "须指定文件或目录", "name files or folders");
    if (run->options.key_passphrase_file != NULL)
        status = cert_passphrase_read(run->options.key_passphrase_file, run->key_passphrase, problem);
    if (status == WIRE_OK)
        status = open_directory(run, &directory, problem);
    if (status == WIRE_OK)
        status = verify_all(run, directory, &json, problem);
    if (json.size > 0 && run->options.json && flush_json(run, &json, NULL) != WIRE_OK)
        status = WIRE_IO;
    else if (!run->options.json)
        free(json.data);
    cert_directory_free(&directory);
    return status;
}
