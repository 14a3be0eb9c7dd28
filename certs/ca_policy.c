/* lianfang-ca policy: a secretary signs mechanism files into one policy. What the rules in them mean is for `lianfang
 * rules check`. */
#include "certs/ca_options.h"
#include "certs/policy.h"
#include "wire/id.h"
#include "wire/limits.h"
#include <stdlib.h>

enum { POLICY_BYTES_MAX = 32 * 1024 * 1024 };

struct signing {
    struct cert_file file[CA_WORDS_MAX];
    Wire__PolicyFile part[CA_WORDS_MAX];
    Wire__PolicyFile *parts[CA_WORDS_MAX];
    Wire__PolicyText text;
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static enum wire_status read_parts(const struct ca_run *run, struct signing *signing, struct wire_problem *problem)
{
    const struct ca_options *options = &run->options;
    enum wire_status status = WIRE_OK;
    for (size_t i = 0; status == WIRE_OK && i < options->words; i++) {
        status = cert_file_read(options->word[i], false, &signing->file[i], problem);
        wire__policy_file__init(&signing->part[i]);
        signing->part[i].name = (char *)(uintptr_t)base_name(options->word[i]);
        signing->part[i].text = (ProtobufCBinaryData){.data = signing->file[i].data, .len = signing->file[i].size};
        signing->parts[i] = &signing->part[i];
    }
    return status;
}

static enum wire_status sign_and_write(const struct ca_run *run, struct cert_identity *identity,
                                       struct signing *signing, struct wire_problem *problem)
{
    void *memory = malloc(POLICY_BYTES_MAX);
    if (memory == NULL)
        return WIRE_NO_MEMORY;
    struct wire_arena arena;
    struct wire_bytes policy;
    wire_arena_over(&arena, memory, POLICY_BYTES_MAX);
    enum wire_status status = cert_policy_sign(identity, &signing->text, &arena, &policy, problem);
    if (status == WIRE_OK)
        status = cert_file_write(run->options.out, policy, 0644, false, problem);
    free(memory);
    return status;
}

static enum wire_status sign_policy(struct ca_run *run, struct signing *signing, struct wire_problem *problem)
{
    const struct ca_options *options = &run->options;
    struct cert_identity *identity = NULL;
    struct cert_identity_options load = {.passphrase = run->key_passphrase[0] == '\0' ? NULL : run->key_passphrase,
                                         .now_ms = run->now_ms};
    enum wire_status status = cert_identity_load(options->identity, &load, &identity, problem);
    if (status == WIRE_OK)
        status = read_parts(run, signing, problem);
    if (status == WIRE_OK) {
        wire__policy_text__init(&signing->text);
        signing->text.version = (uint64_t)options->version;
        signing->text.installation = (char *)(uintptr_t)cert_identity_installation(identity);
        signing->text.signed_ms = run->now_ms;
        signing->text.in_force_ms = options->in_force_ms != 0 ? options->in_force_ms : run->now_ms;
        signing->text.file = signing->parts;
        signing->text.n_file = options->words;
        status = sign_and_write(run, identity, signing, problem);
    }
    cert_identity_free(&identity);
    return status;
}

enum wire_status ca_policy(struct ca_run *run, struct wire_problem *problem)
{
    const struct ca_options *options = &run->options;
    if (options->identity == NULL || options->version == 0 || options->out == NULL || options->words == 0)
        return wire_fail(problem, WIRE_INVALID, "policy",
                         "应为：policy --identity 目录 --policy-version N --out 文件 机制.yaml …",
                         "expected: policy --identity DIR --policy-version N --out FILE MECHANISM.yaml ...");
    enum wire_status status = WIRE_OK;
    if (options->key_passphrase_file != NULL)
        status = cert_passphrase_read(options->key_passphrase_file, run->key_passphrase, problem);
    struct signing *signing = calloc(1, sizeof *signing);
    if (signing == NULL)
        return WIRE_NO_MEMORY;
    if (status == WIRE_OK)
        status = sign_policy(run, signing, problem);
    for (size_t i = 0; i < options->words; i++)
        cert_file_close(&signing->file[i]);
    free(signing);
    if (status == WIRE_OK)
        ca_say(run, run->out, "政策第 %lld 版已签署：%s", "policy version %lld is signed: %s",
               (long long)options->version, options->out);
    return status;
}
