#include "certs/ca_command.h"
#include "certs/authority.h"
#include "certs/ca_options.h"
#include "wire/id.h"
#include <dirent.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static enum wire_status bad_usage(const struct ca_run *run, const char *zh, const char *en,
                                  struct wire_problem *problem)
{
    return wire_fail(problem, WIRE_INVALID, run->options.command, zh, en);
}

static const char *or_null(const char *passphrase)
{
    return passphrase[0] == '\0' ? NULL : passphrase;
}

static enum wire_status open_authority(struct ca_run *run, bool read_only, struct cert_authority **authority,
                                       struct wire_problem *problem)
{
    *authority = NULL;
    enum wire_status status = read_only ? WIRE_OK : ca_passphrase(run, run->options.ca, problem);
    if (status != WIRE_OK)
        return status;
    struct cert_authority_options options = {
        .passphrase = or_null(run->passphrase), .read_only = read_only, .now_ms = run->now_ms};
    return cert_authority_open(run->options.ca, &options, authority, problem);
}

static enum wire_status run_init(struct ca_run *run, struct wire_problem *problem)
{
    const struct ca_options *options = &run->options;
    if (options->words != 1 || options->name == NULL)
        return bad_usage(run, "应为：init 目录 --name 系统名称", "expected: init DIR --name INSTALLATION", problem);
    enum wire_status status = ca_new_passphrase(run, problem);
    if (status != WIRE_OK)
        return status;
    struct cert_authority_options authority = {.passphrase = or_null(run->passphrase), .now_ms = run->now_ms};
    status = cert_authority_create(options->word[0], options->name, options->from_ms, (int)options->days, &authority,
                                   problem);
    if (status != WIRE_OK)
        return status;
    ca_say(run, run->out, "已建立系统“%s”的根证书：%s", "The CA of installation \"%s\" is in %s", options->name,
           options->word[0]);
    if (authority.passphrase == NULL)
        ca_say(run, run->out, "注意：根密钥未加口令，请离线妥善保管（或用 --passphrase-file、--ask-passphrase 重建）",
               "Note: the CA's key has no passphrase; keep it offline (or start over with --passphrase-file or "
               "--ask-passphrase)");
    return WIRE_OK;
}

static enum wire_status copy_half(const char *from, const char *to, mode_t mode, struct wire_problem *problem)
{
    struct cert_file file;
    enum wire_status status = cert_file_read(from, mode == 0600, &file, problem);
    if (status == WIRE_OK)
        status = cert_file_write(to, wire_bytes(file.data, file.size), mode, false, problem);
    cert_file_close(&file);
    return status;
}

static enum wire_status copy_seal(const char *from, const char *stem, const char *to, const char *as,
                                  struct wire_problem *problem)
{
    static const struct {
        const char *suffix;
        mode_t mode;
    } halves[] = {{"key", 0600}, {"pem", 0644}};
    enum wire_status status = WIRE_OK;
    for (size_t i = 0; status == WIRE_OK && i < 2; i++) {
        char source[CERT_PATH_BYTES_MAX], target[CERT_PATH_BYTES_MAX];
        if (snprintf(source, sizeof source, "%s/%s.%s", from, stem, halves[i].suffix) >= (int)sizeof source ||
            snprintf(target, sizeof target, "%s/%s.%s", to, as, halves[i].suffix) >= (int)sizeof target)
            return wire_fail(problem, WIRE_INVALID, from, "路径过长", "the path is too long");
        status = copy_half(source, target, halves[i].mode, problem);
    }
    return status;
}

/* "seal-" and the second, or the next one that no earlier key of the holder is named after: who renews twice within a
 * second keeps both. */
static void name_of_seal(const struct ca_run *run, char *stem, size_t size)
{
    char path[CERT_PATH_BYTES_MAX];
    int64_t second = run->now_ms / 1000;
    do {
        snprintf(stem, size, "seal-%lld", (long long)second++);
        snprintf(path, sizeof path, "%s/%s.pem", run->options.previous, stem);
    } while (access(path, F_OK) == 0);
}

/* The seal keys that a holder had before, earlier ones too, so that what is still under way to them can be opened. */
static enum wire_status copy_earlier_seals(const struct ca_run *run, struct wire_problem *problem)
{
    const char *from = run->options.previous, *to = run->options.out;
    char stem[64];
    name_of_seal(run, stem, sizeof stem);
    enum wire_status status = copy_seal(from, "seal", to, stem, problem);
    DIR *folder = status == WIRE_OK ? opendir(from) : NULL;
    for (struct dirent *file; status == WIRE_OK && folder != NULL && (file = readdir(folder)) != NULL;) {
        size_t length = strlen(file->d_name);
        if (length < 10 || length >= sizeof stem || strncmp(file->d_name, "seal-", 5) != 0 ||
            strcmp(file->d_name + length - 4, ".pem") != 0)
            continue;
        snprintf(stem, sizeof stem, "%.*s", (int)length - 4, file->d_name);
        status = copy_seal(from, stem, to, stem, problem);
    }
    if (folder != NULL)
        closedir(folder);
    return status;
}

/* Before anything is issued. */
static enum wire_status check_previous(const struct ca_run *run, struct wire_problem *problem)
{
    char path[CERT_PATH_BYTES_MAX];
    struct cert_file key = {.data = NULL};
    if (run->options.previous == NULL)
        return WIRE_OK;
    if (snprintf(path, sizeof path, "%s/seal.key", run->options.previous) >= (int)sizeof path)
        return wire_fail(problem, WIRE_INVALID, "--previous", "路径过长", "the path is too long");
    enum wire_status status = cert_file_read(path, true, &key, problem);
    cert_file_close(&key);
    return status;
}

static enum wire_status run_issue_or_renew(struct ca_run *run, bool renew, struct wire_problem *problem)
{
    const struct ca_options *options = &run->options;
    struct cert_issue issue = {.id = options->id,
                               .out = options->out,
                               .from_ms = options->from_ms,
                               .days = (int)options->days,
                               .renew = renew};
    if (options->out == NULL)
        return bad_usage(run, "须用 --out 指定存放证书和私钥的目录",
                         "name the folder for certificates and keys with --out", problem);
    enum wire_status status = ca_holder(run, 0, &issue.role, &issue.region, problem);
    if (status == WIRE_OK && options->key_passphrase_file != NULL)
        status = cert_passphrase_read(options->key_passphrase_file, run->key_passphrase, problem);
    if (status == WIRE_OK)
        status = check_previous(run, problem);
    struct cert_authority *authority = NULL;
    if (status == WIRE_OK)
        status = open_authority(run, false, &authority, problem);
    issue.passphrase = or_null(run->key_passphrase);
    if (status == WIRE_OK)
        status = cert_authority_issue(authority, &issue, problem);
    if (status == WIRE_OK && options->previous != NULL)
        status = copy_earlier_seals(run, problem);
    if (status == WIRE_OK)
        ca_say(run, run->out, "证书和私钥已写入 %s。请将 crl.der 和 directory.bin 交给交换中心",
               "Certificates and keys are in %s; give crl.der and directory.bin to the broker", options->out);
    cert_authority_free(&authority);
    return status;
}

static enum wire_status run_issue(struct ca_run *run, struct wire_problem *problem)
{
    return run_issue_or_renew(run, false, problem);
}

static enum wire_status run_renew(struct ca_run *run, struct wire_problem *problem)
{
    return run_issue_or_renew(run, true, problem);
}

static enum wire_status run_revoke(struct ca_run *run, struct wire_problem *problem)
{
    const struct ca_options *options = &run->options;
    uint8_t serial[CERT_SERIAL_BYTES];
    struct cert_revocation revocation = {
        .id = options->id, .keep_newest = options->older, .reason = options->reason, .at_ms = options->from_ms};
    enum wire_status status = WIRE_OK;
    if (options->serial == NULL)
        status = ca_holder(run, 0, &revocation.role, &revocation.region, problem);
    else if (options->words != 0 || strlen(options->serial) != 2 * sizeof serial ||
             !wire_unhex(options->serial, sizeof serial, serial))
        status = wire_fail(problem, WIRE_INVALID, "--serial", "应为 32 位十六进制序列号，见 lianfang-ca list",
                           "must be a serial number of 32 hexadecimal digits, see lianfang-ca list");
    else
        revocation.serial = serial;
    struct cert_authority *authority = NULL;
    size_t count = 0;
    if (status == WIRE_OK)
        status = open_authority(run, false, &authority, problem);
    if (status == WIRE_OK)
        status = cert_authority_revoke(authority, &revocation, &count, problem);
    if (status == WIRE_OK)
        ca_say(run, run->out, "已吊销 %zu 张证书。请立即将 crl.der 和 directory.bin 交给交换中心",
               "%zu certificates are revoked; give crl.der and directory.bin to the broker at once", count);
    cert_authority_free(&authority);
    return status;
}

static enum wire_status run_crl(struct ca_run *run, struct wire_problem *problem)
{
    struct cert_authority *authority;
    enum wire_status status = open_authority(run, false, &authority, problem);
    if (status == WIRE_OK)
        status = cert_authority_crl(authority, run->options.from_ms, (int)run->options.days, problem);
    if (status == WIRE_OK)
        ca_say(run, run->out, "已写入 %s/crl.der", "%s/crl.der is written", run->options.ca);
    cert_authority_free(&authority);
    return status;
}

static enum wire_status run_directory(struct ca_run *run, struct wire_problem *problem)
{
    struct cert_authority *authority;
    enum wire_status status = open_authority(run, true, &authority, problem);
    if (status == WIRE_OK)
        status = cert_authority_directory(authority, run->options.out, problem);
    if (status == WIRE_OK && run->options.out != NULL)
        ca_say(run, run->out, "已写入 %s", "%s is written", run->options.out);
    else if (status == WIRE_OK)
        ca_say(run, run->out, "已写入 %s/directory.bin", "%s/directory.bin is written", run->options.ca);
    cert_authority_free(&authority);
    return status;
}

static const struct {
    const char *name;
    enum wire_status (*run)(struct ca_run *run, struct wire_problem *problem);
    const char *arguments, *zh, *en;
} commands[] = {
    {"init", run_init, "DIR --name INSTALLATION [--passphrase-file F | --ask-passphrase] [--days N] [--from T]",
     "建立一个系统的根证书", "make the CA of an installation"},
    {"issue", run_issue,
     "node ADCODE | broker | secretary ADCODE --id ID   --out DIR [--key-passphrase-file F] [--days N] [--from T]",
     "签发证书和私钥", "issue certificates and keys"},
    {"renew", run_renew, "as issue [--previous OLD_DIR]", "换发；--previous 保留旧解密密钥",
     "issue anew; --previous keeps the earlier seal key"},
    {"revoke", run_revoke,
     "[node] ADCODE | broker | secretary ADCODE [--id ID] | --serial HEX   [--older] [--reason R] [--from T]",
     "吊销证书；--older 只吊销已被换发取代的", "revoke certificates; --older: only those that a renewal replaced"},
    {"crl", run_crl, "[--days N] [--from T]", "重签吊销列表（30 天内须重签）",
     "sign the revocation list anew (every 30 days)"},
    {"directory", run_directory, "[--out FILE]", "导出证书目录，供交换中心加载", "export the directory for the broker"},
    {"list", ca_list, "[--json]", "列出已签发的证书", "list what was issued"},
    {"verify", ca_verify, "FILE|DIR... [--json]", "检查证书、吊销列表或身份目录",
     "check certificates, revocation lists, identity folders"},
    {"policy", ca_policy, "--identity DIR --policy-version N --out FILE [--in-force T] FILE.yaml...",
     "以联席会议办公室身份签署政策", "sign a policy as a secretary"},
};

static void print_usage(const struct ca_run *run, FILE *to)
{
    ca_say(run, to,
           "用法：lianfang-ca 命令 … [--ca 目录] [--passphrase-file F] [--lang zh|en]\n--ca 默认为环境变量 "
           "LIANFANG_CA，或当前目录",
           "Usage: lianfang-ca COMMAND ... [--ca DIR] [--passphrase-file F] [--lang zh|en]\n--ca is $LIANFANG_CA or "
           "the current folder by default");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(to, "  %s %s\n      %s\n", commands[i].name, commands[i].arguments,
                run->language == WIRE_CHINESE ? commands[i].zh : commands[i].en);
}

static int exit_code(enum wire_status status)
{
    switch (status) {
    case WIRE_OK:
        return EX_OK;
    case WIRE_NOT_FOUND:
        return EX_NOINPUT;
    case WIRE_EXISTS:
        return EX_CANTCREAT;
    case WIRE_IO:
    case WIRE_DISK_FULL:
        return EX_IOERR;
    case WIRE_IN_USE:
        return EX_TEMPFAIL;
    case WIRE_NO_MEMORY:
        return EX_OSERR;
    case WIRE_CRYPTO:
        return EX_SOFTWARE;
    default:
        return EX_DATAERR;
    }
}

static void report(const struct ca_run *run, enum wire_status status, const struct wire_problem *problem)
{
    const char *text = run->language == WIRE_CHINESE ? problem->zh : problem->en;
    if (text[0] == '\0')
        text = wire_status_text(status, run->language);
    if (problem->where[0] != '\0')
        fprintf(run->err, "lianfang-ca: %s: %s\n", problem->where, text);
    else
        fprintf(run->err, "lianfang-ca: %s\n", text);
}

static int run_command(struct ca_run *run, struct wire_problem *problem)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, run->options.command) != 0)
            continue;
        enum wire_status status = commands[i].run(run, problem);
        if (status == WIRE_OK && fflush(run->out) != 0)
            status = wire_fail(problem, WIRE_IO, "stdout", "无法写出", "cannot be written");
        if (status != WIRE_OK)
            report(run, status, problem);
        /* wrong arguments name the command or the option they are about */
        bool usage = status == WIRE_INVALID &&
                     (strncmp(problem->where, "--", 2) == 0 || strcmp(problem->where, run->options.command) == 0);
        return usage ? EX_USAGE : exit_code(status);
    }
    ca_say(run, run->err, "lianfang-ca: 未知命令“%s”", "lianfang-ca: unknown command \"%s\"", run->options.command);
    print_usage(run, run->err);
    return EX_USAGE;
}

int cert_ca_run(int argc, char **argv, FILE *out, FILE *err, int64_t now_ms)
{
    struct ca_run run = {.out = out, .err = err, .now_ms = now_ms};
    struct wire_problem problem = {.status = WIRE_OK};
    enum wire_status status = ca_options_parse(&run.options, argc, argv, &problem);
    run.language = ca_language(&run.options);
    if (status != WIRE_OK) {
        report(&run, status, &problem);
        return EX_USAGE;
    }
    if (run.options.ca == NULL)
        run.options.ca = getenv("LIANFANG_CA");
    if (run.options.ca == NULL || run.options.ca[0] == '\0')
        run.options.ca = ".";
    if (run.options.help || run.options.command == NULL) {
        print_usage(&run, run.options.help ? out : err);
        return run.options.help ? EX_OK : EX_USAGE;
    }
    int code = run_command(&run, &problem);
    OPENSSL_cleanse(run.passphrase, sizeof run.passphrase);
    OPENSSL_cleanse(run.key_passphrase, sizeof run.key_passphrase);
    return code;
}
