/* lianfang publish, update: from words to an envelope in the outbox. */
#include "node/cli/call.h"
#include "node/cli/command.h"
#include "node/cli/compose.h"
#include "node/cli/queued.h"
#include "node/cli/say.h"

static int preview(struct cli *cli, json_t *body)
{
    struct cli_answer answer;
    int code = cli_call(cli, &(struct cli_request){.method = "POST", .target = "/v1/envelopes?preview=1", .body = body},
                        &answer);
    if (code == CLI_OK) {
        if (cli->options.json)
            cli_answer_print(cli, &answer);
        else
            cli_preview_print(cli, cli_at(answer.json, "preview"), true);
        const char *verdict = cli_text_at(answer.json, "preview.verdict");
        code = verdict == NULL || strcmp(verdict, "admitted") == 0 ? CLI_OK : CLI_DATA;
    }
    cli_answer_close(&answer);
    return code;
}

int cli_publish(struct cli *cli)
{
    const struct wire_kind *kind = cli_kind(cli, cli->options.word[0]);
    json_t *body;
    if (kind == NULL)
        return CLI_USAGE;
    int code = cli_compose(cli, kind, 1, &body);
    if (code != CLI_OK)
        return code;
    return cli->options.preview ? preview(cli, body) : cli_queue(cli, "/v1/envelopes", body);
}

/* The kind stands in what is updated. */
static const struct wire_kind *kind_of(struct cli *cli, const char *number, int *code)
{
    char target[CLI_TARGET_MAX];
    struct cli_answer answer;
    *code = cli_target(target, "/v1/outbox/", number, "") ? cli_get(cli, target, &answer) : CLI_USAGE;
    if (*code != CLI_OK)
        return NULL;
    const char *name = cli_text_at(answer.json, "kind");
    const struct wire_kind *kind = name == NULL ? NULL : wire_kind_by_name(name);
    if (kind == NULL)
        *code =
            cli_fail_usage(cli, number, "这种信息本版本不认识，请升级", "this version does not know its kind; upgrade");
    cli_answer_close(&answer);
    return kind;
}

int cli_update(struct cli *cli)
{
    char target[CLI_TARGET_MAX];
    int code;
    json_t *payload;
    const struct wire_kind *kind = kind_of(cli, cli->options.word[0], &code);
    if (kind == NULL)
        return code;
    code = cli_compose_payload(cli, kind, 1, &payload);
    if (code != CLI_OK)
        return code;
    cli_target(target, "/v1/outbox/", cli->options.word[0], "/update");
    return cli_queue(cli, target, json_pack("{s:o}", "payload", payload));
}
