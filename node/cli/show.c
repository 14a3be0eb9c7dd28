/* lianfang show: one notice, of what came in or was sent. */
#include "node/cli/call.h"
#include "node/cli/command.h"
#include "node/cli/paper.h"
#include "node/cli/say.h"
#include <stdlib.h>

static int fetch(struct cli *cli, const char *folder, bool quiet, struct cli_answer *answer)
{
    char target[CLI_TARGET_MAX];
    if (!cli_target(target, folder, cli->options.word[0], ""))
        return cli_fail_usage(cli, cli->options.word[0], "编号过长", "the number is too long");
    cli_target_add(target, "reveal", cli->options.reveal);
    return cli_call(cli, &(struct cli_request){.target = target, .quiet_404 = quiet}, answer);
}

int cli_show(struct cli *cli)
{
    struct cli_answer answer = {.http = 0};
    int code = fetch(cli, "/v1/inbox/", true, &answer);
    if (code == CLI_NO_INPUT) {
        cli_answer_close(&answer);
        code = fetch(cli, "/v1/outbox/", false, &answer);
    }
    if (code == CLI_OK && cli->options.json)
        cli_answer_print(cli, &answer);
    else if (code == CLI_OK) {
        struct wire_text text = {.grow = realloc};
        cli_paper_envelope(&(struct cli_paper){.out = &text, .language = cli->language, .columns = cli->columns},
                           answer.json);
        cli_flush(cli, &text);
    }
    cli_answer_close(&answer);
    return code;
}
