/* lianfang outbox */
#include "node/cli/call.h"
#include "node/cli/command.h"
#include "node/cli/list.h"

int cli_outbox(struct cli *cli)
{
    char target[CLI_TARGET_MAX] = "/v1/outbox";
    struct cli_answer answer;
    cli_target_add(target, "state", cli->options.state);
    int code = cli_list_target(cli, target);
    if (code != CLI_OK)
        return code;
    code = cli_get(cli, target, &answer);
    if (code == CLI_OK)
        cli_list_print(cli, &answer, CLI_LIST_OUTBOX);
    cli_answer_close(&answer);
    return code;
}
