#include "node/cli/policy_paths.h"
#include "node/cli/say.h"
#include "wire/ensure.h"
#include <stdlib.h>
#include <string.h>

/* Texts move from `from` to `to`. link_policy_files owns name and text of each file by malloc. */
static void move_files(struct link_policy_files *to, struct link_policy_files *from)
{
    if (from->count == 0)
        return;
    to->file = realloc(to->file, (to->count + from->count) * sizeof *to->file);
    ENSURE(to->file != NULL);
    memcpy(to->file + to->count, from->file, from->count * sizeof *from->file);
    to->count += from->count;
    from->count = 0;
}

int cli_policy_files(const struct cli *cli, const char *const *paths, size_t count, struct link_policy_files *out)
{
    struct wire_problem problem = {.status = WIRE_OK};
    int code = CLI_OK;
    *out = (struct link_policy_files){.file = NULL};
    for (size_t i = 0; i < count && code == CLI_OK; i++) {
        struct link_policy_files some = {.file = NULL};
        if (link_policy_files_open(paths[i], &some, &problem) != WIRE_OK)
            code = cli_fail(cli, &problem);
        else
            move_files(out, &some);
        link_policy_files_close(&some);
    }
    if (code != CLI_OK)
        link_policy_files_close(out);
    return code;
}

int cli_policy_load(const struct cli *cli, const char *const *paths, size_t count, struct rules_policy **policy)
{
    struct wire_problem problem = {.status = WIRE_OK};
    struct link_policy_files files;
    *policy = NULL;
    int code = cli_policy_files(cli, paths, count, &files);
    if (code != CLI_OK)
        return code;
    if (link_policy_load(files.file, files.count, 0, NULL, policy, &problem) != WIRE_OK)
        code = cli_fail(cli, &problem);
    link_policy_files_close(&files);
    return code;
}
