/* lianfang ack, reply: 签收 and 反馈. */
#include "node/cli/call.h"
#include "node/cli/command.h"
#include "node/cli/compose.h"
#include "node/cli/queued.h"
#include "node/cli/say.h"

int cli_ack(struct cli *cli)
{
    char target[CLI_TARGET_MAX];
    const struct cli_options *options = &cli->options;
    if (options->desk == NULL || options->officer == NULL)
        return cli_fail_usage(cli, "ack", "须给出 --desk 席位 和 --officer 姓名",
                              "--desk DESK and --officer NAME are needed");
    if (!cli_target(target, "/v1/inbox/", options->word[0], "/acknowledge"))
        return cli_fail_usage(cli, options->word[0], "编号过长", "the number is too long");
    json_t *body =
        json_pack("{s:s, s:s, s:s*}", "desk", options->desk, "officer", options->officer, "reason", options->returned);
    if (body == NULL)
        return cli_fail_usage(cli, "ack", "不是 UTF-8 文本", "is no UTF-8 text");
    return cli_queue(cli, target, body);
}

int cli_reply(struct cli *cli)
{
    char target[CLI_TARGET_MAX];
    json_t *payload;
    if (!cli_target(target, "/v1/inbox/", cli->options.word[0], "/outcome"))
        return cli_fail_usage(cli, cli->options.word[0], "编号过长", "the number is too long");
    int code = cli_compose_payload(cli, wire_kind_find(WIRE_KIND_OUTCOME), 1, &payload);
    if (code != CLI_OK)
        return code;
    if (cli->options.final)
        json_object_set_new(payload, "final", json_true());
    else if (json_object_get(payload, "final") == NULL)
        json_object_set_new(payload, "final", json_false());
    return cli_queue(cli, target, payload);
}
