/* lianfang inbox [--follow] */
#include "node/cli/call.h"
#include "node/cli/command.h"
#include "node/cli/list.h"
#include "node/cli/say.h"
#include <string.h>

static bool take_arrival(void *context, const struct cli_event *event)
{
    struct cli *cli = context;
    char target[CLI_TARGET_MAX];
    struct cli_answer answer;
    if (event->event == NULL || strcmp(event->event, "inbox") != 0)
        return true;
    if (cli->options.json) {
        fprintf(cli->out, "%s\n", event->text);
        fflush(cli->out);
        return true;
    }
    const char *id = cli_text_at(event->data, "what.id");
    id = id != NULL ? id : cli_text_at(event->data, "what.number");
    if (id == NULL || !cli_target(target, "/v1/inbox/", id, ""))
        return true;
    if (cli_call(cli, &(struct cli_request){.target = target, .quiet_404 = true}, &answer) == CLI_OK &&
        cli_list_wanted(cli, answer.json))
        cli_list_line(cli, answer.json);
    cli_answer_close(&answer);
    fflush(cli->out);
    return true;
}

int cli_inbox(struct cli *cli)
{
    char target[CLI_TARGET_MAX] = "/v1/inbox";
    struct cli_answer answer;
    cli_target_add(target, "unsigned", cli->options.is_unsigned ? "1" : NULL);
    int code = cli_list_target(cli, target);
    if (code == CLI_OK)
        code = cli_get(cli, target, &answer);
    else
        return code;
    if (code == CLI_OK)
        cli_list_print(cli, &answer, CLI_LIST_INBOX);
    cli_answer_close(&answer);
    fflush(cli->out);
    return code == CLI_OK && cli->options.follow ? cli_follow(cli, take_arrival, cli) : code;
}
