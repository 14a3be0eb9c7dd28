/* lianfang events: one line an event, for ever. */
#include "node/cli/call.h"
#include "node/cli/command.h"
#include "node/cli/say.h"
#include "node/cli/text.h"
#include "node/cli/words.h"
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *id, *zh, *en;
} kinds[] = {{"inbox", "收件", "inbox"},
             {"outbox", "发件", "outbox"},
             {"link", "链路", "link"},
             {"alarm", "警报", "alarm"},
             {"gap", "缺漏", "gap"}};

static const char *kind_word(const struct cli *cli, const char *kind)
{
    for (size_t i = 0; kind != NULL && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].id, kind) == 0)
            return cli_pick(cli, kinds[i].zh, kinds[i].en);
    return kind == NULL ? "" : kind;
}

/* In words where the node has some; else what it holds, as it is. */
static void write_what(const struct cli *cli, const json_t *what, struct wire_text *out)
{
    const char *words = cli_text_at(what, cli_pick(cli, "zh", "en")), *number = cli_text_at(what, "number");
    if (number != NULL)
        wire_text_format(out, " %s", number);
    if (words != NULL) {
        wire_text_string(out, " ");
        cli_text_clean(out, words, false);
    }
    if (cli_text_at(what, "state") != NULL)
        wire_text_format(out, cli_pick(cli, "：%s", ": %s"), cli_state_word(cli->language, cli_text_at(what, "state")));
    if (words != NULL || number != NULL || what == NULL)
        return;
    char *text = json_dumps(what, JSON_COMPACT | JSON_ENCODE_ANY);
    wire_text_string(out, " ");
    cli_text_clean(out, text == NULL ? "" : text, false);
    free(text);
}

static void print_json(const struct cli *cli, const struct cli_event *event)
{
    json_t *line = json_pack("{s:s*, s:s*, s:O*}", "id", event->id, "event", event->event, "data", event->data);
    char *text = line == NULL ? NULL : json_dumps(line, JSON_COMPACT);
    fprintf(cli->out, "%s\n", text == NULL ? "null" : text);
    free(text);
    json_decref(line);
}

static bool print_event(void *context, const struct cli_event *event)
{
    struct cli *cli = context;
    struct wire_text out = {.grow = realloc};
    char time[CLI_TIME_TEXT];
    if (cli->options.json)
        print_json(cli, event);
    else {
        const char *at = cli_text_at(event->data, "at"), *topic = cli_text_at(event->data, "topic");
        bool alarm = cli_flag_at(event->data, "alarm");
        wire_text_format(&out, "%s%s%s", cli_time(at, time), at == NULL ? "" : " ",
                         alarm ? cli_paint(cli, CLI_RED) : "");
        wire_text_format(&out, "%s%s", kind_word(cli, event->event), alarm ? cli_paint(cli, CLI_PLAIN) : "");
        if (topic != NULL)
            wire_text_format(&out, " %s", topic);
        write_what(cli, topic == NULL ? event->data : cli_at(event->data, "what"), &out);
        wire_text_string(&out, "\n");
        cli_flush(cli, &out);
    }
    fflush(cli->out);
    return !ferror(cli->out);
}

int cli_events(struct cli *cli)
{
    return cli_follow(cli, print_event, cli);
}
