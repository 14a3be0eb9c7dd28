#include "node/cli/queued.h"
#include "node/cli/call.h"
#include "node/cli/say.h"
#include "node/cli/text.h"
#include "node/cli/words.h"
#include <stdlib.h>
#include <string.h>

enum { LOOK_EVERY_MS = 200 };

static void print_clean(const struct cli *cli, const char *before, const char *text)
{
    struct wire_text out = {.grow = realloc};
    wire_text_string(&out, before);
    cli_text_clean(&out, text, true);
    if (out.size > 0 && out.data[out.size - 1] != '\n')
        wire_text_string(&out, "\n");
    cli_flush(cli, &out);
}

void cli_preview_print(const struct cli *cli, const json_t *preview, bool whole)
{
    const char *line = cli_text_at(preview, cli_pick(cli, "line_zh", "line_en"));
    const char *text = cli_text_at(preview, cli_pick(cli, "text_zh", "text_en"));
    const char *keep = cli_text_at(preview, "keep_until"), *mechanism = cli_text_at(preview, "mechanism");
    if (preview == NULL)
        return;
    if (whole && text != NULL) {
        print_clean(cli, "", text);
        return;
    }
    if (line != NULL)
        print_clean(cli, "  ", line);
    if (mechanism != NULL && keep != NULL)
        cli_say(cli, cli->out, "  机制 %s，规则 %s，保存至 %s", "  mechanism %s, rule %s, kept until %s", mechanism,
                cli_text_at(preview, "rule") == NULL ? "" : cli_text_at(preview, "rule"), keep);
}

static void print_remark(const struct cli *cli, const json_t *answer)
{
    const char *text = cli_text_at(answer, cli_pick(cli, "remark.zh", "remark.en"));
    if (text != NULL)
        cli_say(cli, cli->err, "注意：%s", "note: %s", text);
}

static bool is_final(const char *state)
{
    static const char *const open[] = {"queued", "held", "sent"};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        if (state != NULL && strcmp(state, open[i]) == 0)
            return false;
    return true;
}

static void print_verdict(const struct cli *cli, const json_t *envelope)
{
    const char *state = cli_text_at(envelope, "state");
    const char *reason = cli_text_at(envelope, cli_pick(cli, "reason_zh", "reason_en"));
    const char *detail = cli_text_at(envelope, "detail"), *allowed = cli_text_at(envelope, "allowed");
    struct wire_text out = {.grow = realloc};
    wire_text_format(&out, "%s %s", cli_text_at(envelope, "number"), cli_state_word(cli->language, state));
    if (reason != NULL) {
        wire_text_string(&out, cli_pick(cli, "：", ": "));
        cli_text_clean(&out, reason, false);
        wire_text_string(&out, detail == NULL ? "" : " ");
        cli_text_clean(&out, detail == NULL ? "" : detail, false);
    }
    if (allowed != NULL && allowed[0] != '\0') {
        wire_text_string(&out, cli_pick(cli, "\n  可行的是：", "\n  allowed would be: "));
        cli_text_clean(&out, allowed, false);
    }
    wire_text_string(&out, "\n");
    cli_flush(cli, &out);
}

/* Looks until there is a verdict or the time is up. */
static int wait_for_verdict(struct cli *cli, const char *id)
{
    char target[CLI_TARGET_MAX];
    struct cli_answer answer = {.http = 0};
    cli_target(target, "/v1/outbox/", id, "");
    int code = CLI_OK;
    for (int64_t left = cli->options.wait * 1000; code == CLI_OK; left -= LOOK_EVERY_MS) {
        cli_answer_close(&answer);
        code = cli_get(cli, target, &answer);
        if (code != CLI_OK || is_final(cli_text_at(answer.json, "state")) || left <= 0)
            break;
        cli->world->pause(cli->world->context, LOOK_EVERY_MS);
    }
    const char *state = cli_text_at(answer.json, "state");
    if (code == CLI_OK) {
        if (cli->options.json)
            cli_answer_print(cli, &answer);
        else
            print_verdict(cli, answer.json);
        bool good = state != NULL && (strcmp(state, "admitted") == 0 || strcmp(state, "replaced") == 0);
        code = good ? CLI_OK : is_final(state) ? CLI_DATA : CLI_AGAIN;
    }
    cli_answer_close(&answer);
    return code;
}

static void print_queued(const struct cli *cli, const json_t *answer)
{
    struct wire_text out = {.grow = realloc};
    const char *number = cli_text_at(answer, "number");
    wire_text_format(&out, "%s %s", number == NULL ? cli_text_at(answer, "id") : number,
                     cli_state_word(cli->language, cli_text_at(answer, "state")));
    if (cli_flag_at(answer, "existed"))
        wire_text_string(&out, cli_pick(cli, "（此前已发布）", " (published before)"));
    wire_text_string(&out, "\n");
    cli_flush(cli, &out);
    cli_preview_print(cli, cli_at(answer, "preview"), false);
    print_remark(cli, answer);
}

int cli_queue(struct cli *cli, const char *target, json_t *body)
{
    struct cli_answer answer;
    int code = cli_call(cli, &(struct cli_request){.method = "POST", .target = target, .body = body}, &answer);
    const char *id = cli_text_at(answer.json, "id");
    bool waits = code == CLI_OK && cli->options.wait > 0 && id != NULL;
    if (code == CLI_OK && !cli->options.json)
        print_queued(cli, answer.json);
    else if (code == CLI_OK && !waits)
        cli_answer_print(cli, &answer);
    if (waits)
        code = wait_for_verdict(cli, id);
    cli_answer_close(&answer);
    return code;
}
