/* lianfang cancel, withdraw. */
#include "node/cli/call.h"
#include "node/cli/command.h"
#include "node/cli/queued.h"
#include "node/cli/say.h"

static int post(struct cli *cli, const char *what, json_t *body)
{
    char target[CLI_TARGET_MAX];
    if (cli_target(target, "/v1/outbox/", cli->options.word[0], what))
        return cli_queue(cli, target, body);
    json_decref(body);
    return cli_fail_usage(cli, cli->options.word[0], "编号过长", "the number is too long");
}

int cli_cancel(struct cli *cli)
{
    if (cli->options.reason == NULL)
        return cli_fail_usage(cli, "--reason", "请写明撤销原因", "say why it is cancelled");
    json_t *body = json_pack("{s:s}", "reason", cli->options.reason);
    return body == NULL ? cli_fail_usage(cli, "--reason", "不是 UTF-8 文本", "is no UTF-8 text")
                        : post(cli, "/cancel", body);
}

int cli_withdraw(struct cli *cli)
{
    return post(cli, "/withdraw", json_object());
}
