/* lianfang rules check, diff, test: what a secretary does with mechanism files, without a node. */
#include "link/policy_yaml.h"
#include "node/cli/command.h"
#include "node/cli/policy_paths.h"
#include "node/cli/say.h"
#include "rules/check.h"
#include "rules/diff.h"
#include "rules/test.h"
#include <stdlib.h>

int cli_rules_check(struct cli *cli)
{
    struct rules_policy *policy;
    struct wire_text text = {.grow = realloc};
    int code = cli_policy_load(cli, cli->options.word, cli->options.words, &policy);
    if (code != CLI_OK)
        return code;
    size_t warnings = rules_check_text(&text, policy, cli->language);
    cli_flush(cli, &text);
    link_policy_free(&policy);
    return warnings == 0 ? CLI_OK : CLI_WARNING;
}

int cli_rules_diff(struct cli *cli)
{
    struct rules_policy *before = NULL, *after = NULL;
    struct wire_text text = {.grow = realloc};
    int code = cli_policy_load(cli, &cli->options.word[0], 1, &before);
    if (code == CLI_OK)
        code = cli_policy_load(cli, &cli->options.word[1], 1, &after);
    if (code == CLI_OK)
        rules_diff_text(&text, before, after, cli->language);
    cli_flush(cli, &text);
    link_policy_free(&before);
    link_policy_free(&after);
    return code;
}

/* Failed cases of one file, or -1 with the exit code in *code. */
static long test_file(struct cli *cli, const struct rules_policy *policy, const struct link_policy_file *file,
                      struct rules_decision *scratch, int *code)
{
    struct link_cases *cases;
    struct wire_problem problem = {.status = WIRE_OK};
    struct wire_text text = {.grow = realloc};
    size_t count;
    if (link_cases_read(file, &cases, &problem) != WIRE_OK) {
        *code = cli_fail(cli, &problem);
        return -1;
    }
    const struct rules_case *list = link_cases_list(cases, &count);
    size_t failed = rules_test_text(&text, policy, list, count, scratch, cli->language);
    fprintf(cli->out, "%s: ", file->name);
    cli_flush(cli, &text);
    link_cases_free(&cases);
    return (long)failed;
}

int cli_rules_test(struct cli *cli)
{
    struct rules_policy *policy;
    struct link_policy_files files;
    long failed = 0;
    if (cli->options.policy == NULL)
        return cli_fail_usage(cli, "--policy", "请指定机制文件或目录", "name the mechanism file or folder");
    int code = cli_policy_load(cli, &cli->options.policy, 1, &policy);
    if (code != CLI_OK)
        return code;
    struct rules_decision *scratch = malloc(sizeof *scratch);
    code = scratch == NULL ? CLI_SOFTWARE : cli_policy_files(cli, cli->options.word, cli->options.words, &files);
    if (code == CLI_OK) {
        for (size_t i = 0; i < files.count && code == CLI_OK; i++) {
            long now = test_file(cli, policy, &files.file[i], scratch, &code);
            failed += now > 0 ? now : 0;
        }
        link_policy_files_close(&files);
    }
    free(scratch);
    link_policy_free(&policy);
    return code == CLI_OK && failed > 0 ? CLI_DATA : code;
}
