/* lianfang evidence: a file that anybody can verify (lianfang verify). */
#include "certs/file.h"
#include "node/cli/call.h"
#include "node/cli/command.h"
#include "node/cli/evidence_file.h"
#include "node/cli/say.h"
#include <stdlib.h>

static int fetch(struct cli *cli, const char *folder, bool quiet, struct cli_answer *answer)
{
    char target[CLI_TARGET_MAX];
    if (!cli_target(target, folder, cli->options.word[0], "/evidence"))
        return cli_fail_usage(cli, cli->options.word[0], "编号过长", "the number is too long");
    return cli_call(cli, &(struct cli_request){.target = target, .quiet_404 = quiet}, answer);
}

int cli_evidence(struct cli *cli)
{
    struct cli_answer answer = {.http = 0};
    struct wire_problem problem = {.status = WIRE_OK};
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (cli->options.out == NULL)
        return cli_fail_usage(cli, "--out", "请指定输出文件", "name the file to write");
    int code = fetch(cli, "/v1/inbox/", true, &answer);
    if (code == CLI_NO_INPUT) {
        cli_answer_close(&answer);
        code = fetch(cli, "/v1/outbox/", false, &answer);
    }
    if (code == CLI_OK && !cli_evidence_bytes(wire_bytes(answer.raw, answer.size), &bytes, &size))
        code = cli_fail_usage(cli, "evidence", "节点的回答不是凭证", "what the node answered is no evidence");
    if (code == CLI_OK && cert_file_write(cli->options.out, wire_bytes(bytes, size), 0600, true, &problem) != WIRE_OK)
        code = cli_fail(cli, &problem);
    if (code == CLI_OK)
        cli_say(cli, cli->out, "凭证已写入 %s（%zu 字节）；核验：lianfang verify %s --ca ca.pem",
                "the evidence is in %s (%zu bytes); check it with: lianfang verify %s --ca ca.pem", cli->options.out,
                size, cli->options.out);
    free(bytes);
    cli_answer_close(&answer);
    return code;
}
