#include "link/policy_yaml.h"
#include "shell/trust.h"

#include <stdlib.h>
#include <string.h>

void shell_policies_close(struct shell_policies *policies)
{
    for (size_t i = 0; i < policies->count; i++)
        link_policy_free(&policies->list[i]);
    *policies = (struct shell_policies){0};
}

enum wire_status shell_policy_compile(const struct cert_policy *verified, struct rules_policy **policy,
                                      struct wire_problem *problem)
{
    const Wire__PolicyText *text = verified->text;
    struct link_policy_file *files = calloc(text->n_file + 1, sizeof(*files));
    ENSURE(files != NULL);
    for (size_t i = 0; i < text->n_file; i++)
        files[i] = (struct link_policy_file){.name = text->file[i]->name,
                                             .text = (const char *)text->file[i]->text.data,
                                             .size = text->file[i]->text.len};
    enum wire_status status = link_policy_load(files, text->n_file, text->version, verified->digest, policy, problem);
    free(files);
    return status;
}

enum wire_status shell_policies_keep(struct shell_policies *policies, const struct cert_policy *verified,
                                     struct rules_policy *policy, struct wire_problem *problem)
{
    ENSURE(verified->text->version > policies->version);
    if (policies->count == SHELL_POLICIES_MAX) {
        link_policy_free(&policy);
        return wire_fail(problem, WIRE_NO_MEMORY, "policy", "政策版本过多，请重启", "too many policies, restart");
    }
    policies->list[policies->count++] = policy;
    policies->version = verified->text->version;
    memcpy(policies->digest, verified->digest, WIRE_HASH_BYTES);
    return WIRE_OK;
}

static bool on_version(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct shell_versions *versions = context;
    (void)value;
    if (versions->count == versions->max) {
        versions->max = versions->max * 2 + 64;
        versions->list = realloc(versions->list, versions->max * sizeof(*versions->list));
        ENSURE(versions->list != NULL);
    }
    if (key.size == 8)
        versions->list[versions->count++] = wire_get_u64(key.data);
    return true;
}

struct shell_versions shell_policy_versions(struct shell *shell, uint8_t table)
{
    struct shell_versions versions = {0};
    if (shell->keep != NULL)
        shell_check(shell, keep_scan(shell->keep, &(struct keep_range){.table = table}, on_version, &versions, NULL));
    return versions;
}
