/* lianfang rules sign: mechanism files become one policy, signed by a secretary. Files that do not compile are never
 * signed; what deserves a second look is said and signed all the same. */
#include "certs/file.h"
#include "certs/policy.h"
#include "node/cli/command.h"
#include "node/cli/policy_paths.h"
#include "node/cli/say.h"
#include "rules/check.h"
#include "wire/ensure.h"
#include "wire/id.h"
#include "wire/time.h"
#include <stdlib.h>
#include <string.h>

enum { POLICY_BYTES_MAX = 32 * 1024 * 1024 };

static int check_options(const struct cli *cli, int64_t *in_force_ms)
{
    const struct cli_options *options = &cli->options;
    if (options->identity == NULL || options->version == 0 || options->out == NULL)
        return cli_fail_usage(cli, "rules sign", "须给出 --identity 目录、--version N、--out 文件",
                              "--identity FOLDER, --version N and --out FILE are needed");
    *in_force_ms = cli->world->now_ms(cli->world->context);
    if (options->in_force != NULL && !wire_time_parse(options->in_force, strlen(options->in_force), in_force_ms))
        return cli_fail_usage(cli, "--in-force", "“%s”不是时间，例如 2020-02-10T00:00",
                              "\"%s\" is no time; write it like 2020-02-10T00:00", options->in_force);
    return CLI_OK;
}

/* Compiles, says the findings. */
static int look_at(const struct cli *cli, const struct link_policy_files *files)
{
    struct wire_problem problem = {.status = WIRE_OK};
    struct rules_policy *policy;
    struct wire_text text = {.grow = realloc};
    if (link_policy_load(files->file, files->count, (uint64_t)cli->options.version, NULL, &policy, &problem) != WIRE_OK)
        return cli_fail(cli, &problem);
    if (rules_check_text(&text, policy, cli->language) > 0 && text.data != NULL)
        fputs(text.data, cli->err);
    free(text.data);
    link_policy_free(&policy);
    return CLI_OK;
}

static int load_identity(const struct cli *cli, struct cert_identity **identity)
{
    struct wire_problem problem = {.status = WIRE_OK};
    char passphrase[CERT_PASSPHRASE_BYTES_MAX + 1];
    const char *file = cli->options.passphrase_file;
    if (file != NULL && cert_passphrase_read(file, passphrase, &problem) != WIRE_OK)
        return cli_fail(cli, &problem);
    struct cert_identity_options load = {.passphrase = file == NULL ? NULL : passphrase,
                                         .now_ms = cli->world->now_ms(cli->world->context)};
    enum wire_status status = cert_identity_load(cli->options.identity, &load, identity, &problem);
    if (file != NULL)
        explicit_bzero(passphrase, sizeof passphrase);
    return status == WIRE_OK ? CLI_OK : cli_fail(cli, &problem);
}

static int write_signed(const struct cli *cli, struct cert_identity *identity, const Wire__PolicyText *text)
{
    struct wire_problem problem = {.status = WIRE_OK};
    struct wire_bytes signed_policy;
    struct wire_arena arena;
    void *memory = malloc(POLICY_BYTES_MAX);
    ENSURE(memory != NULL);
    wire_arena_over(&arena, memory, POLICY_BYTES_MAX);
    enum wire_status status = cert_policy_sign(identity, text, &arena, &signed_policy, &problem);
    if (status == WIRE_OK)
        status = cert_file_write(cli->options.out, signed_policy, 0644, true, &problem);
    free(memory);
    if (status != WIRE_OK)
        return cli_fail(cli, &problem);
    cli_say(cli, cli->out, "政策第 %lld 版已签署：%s（%zu 个机制文件）",
            "policy version %lld is signed: %s (%zu mechanism files)", (long long)cli->options.version,
            cli->options.out, text->n_file);
    return CLI_OK;
}

static int sign(const struct cli *cli, struct cert_identity *identity, const struct link_policy_files *files,
                int64_t in_force_ms)
{
    Wire__PolicyFile *file = calloc(files->count + 1, sizeof *file), **list = calloc(files->count + 1, sizeof *list);
    Wire__PolicyText text = WIRE__POLICY_TEXT__INIT;
    ENSURE(file != NULL && list != NULL);
    for (size_t i = 0; i < files->count; i++) {
        wire__policy_file__init(&file[i]);
        file[i].name = (char *)(uintptr_t)files->file[i].name;
        file[i].text.data = (uint8_t *)(uintptr_t)files->file[i].text;
        file[i].text.len = files->file[i].size;
        list[i] = &file[i];
    }
    text.version = (uint64_t)cli->options.version;
    text.installation = (char *)(uintptr_t)cert_identity_installation(identity);
    text.signed_ms = cli->world->now_ms(cli->world->context);
    text.in_force_ms = in_force_ms;
    text.file = list;
    text.n_file = files->count;
    int code = write_signed(cli, identity, &text);
    free(file);
    free(list);
    return code;
}

int cli_rules_sign(struct cli *cli)
{
    struct cert_identity *identity = NULL;
    struct link_policy_files files = {.file = NULL};
    int64_t in_force_ms;
    int code = check_options(cli, &in_force_ms);
    if (code == CLI_OK)
        code = cli_policy_files(cli, cli->options.word, cli->options.words, &files);
    if (code == CLI_OK)
        code = look_at(cli, &files);
    if (code == CLI_OK)
        code = load_identity(cli, &identity);
    if (code == CLI_OK)
        code = sign(cli, identity, &files, in_force_ms);
    cert_identity_free(&identity);
    link_policy_files_close(&files);
    return code;
}
