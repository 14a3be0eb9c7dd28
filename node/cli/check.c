/* lianfang check: the node's verdict about itself, for people and for monitoring. Nothing of a payload. */
#include "node/cli/call.h"
#include "node/cli/command.h"
#include "node/cli/say.h"
#include "node/cli/table.h"
#include "node/cli/text.h"
#include <stdlib.h>
#include <string.h>

enum format { TEXT, JSON, NAGIOS, PROMETHEUS, NO_FORMAT };
static const char *const formats[] = {"text", "json", "nagios", "prometheus"};

static const struct {
    const char *id, *nagios, *zh, *en;
    enum cli_paint paint;
} levels[] = {{"ok", "OK", "正常", "ok", CLI_GREEN},
              {"warning", "WARNING", "警告", "warning", CLI_YELLOW},
              {"critical", "CRITICAL", "严重", "critical", CLI_RED},
              {"unknown", "UNKNOWN", "不明", "unknown", CLI_YELLOW}};

static int level_of(const char *name)
{
    for (int i = 0; name != NULL && i < 3; i++)
        if (strcmp(levels[i].id, name) == 0)
            return i;
    return CLI_UNKNOWN;
}

static const char *words_of(const struct cli *cli, const json_t *item)
{
    const char *words = cli_text_at(item, cli_pick(cli, "zh", "en"));
    return words == NULL ? "" : words;
}

static const char *name_of(const json_t *item)
{
    const char *name = cli_text_at(item, "name");
    return name == NULL ? "" : name;
}

static void print_text(const struct cli *cli, int level, const json_t *items)
{
    static const struct cli_column columns[] = {
        {"项目", "Item", false, false}, {"状态", "State", false, false}, {"说明", "Note", false, true}};
    struct cli_table table;
    size_t i;
    json_t *item;
    cli_say(cli, cli->out, "%s%s%s", "%s%s%s", cli_paint(cli, levels[level].paint),
            cli_pick(cli, levels[level].zh, levels[level].en), cli_paint(cli, CLI_PLAIN));
    cli_table_open(&table, columns, 3);
    json_array_foreach((json_t *)(uintptr_t)items, i, item)
    {
        int one = level_of(cli_text_at(item, "level"));
        cli_table_add(&table, (const char *[]){name_of(item), cli_pick(cli, levels[one].zh, levels[one].en),
                                               words_of(cli, item)});
    }
    if (table.rows > 0)
        cli_table_print(cli, &table);
    cli_table_close(&table);
}

/* One line; '|' would begin performance data. */
static void print_nagios(const struct cli *cli, int level, const json_t *items)
{
    struct wire_text out = {.grow = realloc};
    size_t i;
    json_t *item;
    bool any = false;
    wire_text_format(&out, "LIANFANG %s", levels[level].nagios);
    json_array_foreach((json_t *)(uintptr_t)items, i, item)
    {
        if (level != CLI_OK && level_of(cli_text_at(item, "level")) == CLI_OK)
            continue;
        wire_text_string(&out, any ? "; " : " - ");
        cli_text_clean(&out, name_of(item), false);
        wire_text_string(&out, ": ");
        cli_text_clean(&out, words_of(cli, item), false);
        any = true;
    }
    wire_text_string(&out, "\n");
    for (size_t at = 0; at < out.size; at++)
        out.data[at] = out.data[at] == '|' ? '/' : out.data[at];
    cli_flush(cli, &out);
}

static void print_prometheus(const struct cli *cli, int level, const json_t *items)
{
    size_t i;
    json_t *item;
    fprintf(cli->out,
            "# HELP lianfang_check 0 ok, 1 warning, 2 critical, 3 unknown\n# TYPE lianfang_check gauge\n"
            "lianfang_check %d\n# HELP lianfang_check_item 0 ok, 1 warning, 2 critical\n"
            "# TYPE lianfang_check_item gauge\n",
            level);
    json_array_foreach((json_t *)(uintptr_t)items, i, item)
    {
        fputs("lianfang_check_item{name=\"", cli->out);
        for (const char *at = name_of(item); *at != '\0'; at++)
            fputs(*at == '"' || *at == '\\' ? (char[]){'\\', *at, '\0'} : (char[]){*at, '\0'}, cli->out);
        fprintf(cli->out, "\",entry=\"%zu\"} %d\n", i, level_of(cli_text_at(item, "level")));
    }
}

static enum format format_of(const struct cli *cli)
{
    if (cli->options.format == NULL)
        return cli->options.json ? JSON : TEXT;
    enum format format = TEXT;
    while (format < NO_FORMAT && strcmp(formats[format], cli->options.format) != 0)
        format++;
    return format;
}

/* Monitoring must hear of a node that does not answer, in the form it asked for. */
static int silent(const struct cli *cli, enum format format, int code)
{
    if (format == NAGIOS)
        cli_say(cli, cli->out, "LIANFANG UNKNOWN - 节点没有回答", "LIANFANG UNKNOWN - the node does not answer");
    if (format == PROMETHEUS)
        print_prometheus(cli, CLI_UNKNOWN, NULL);
    return format == NAGIOS ? CLI_UNKNOWN : code;
}

int cli_check(struct cli *cli)
{
    struct cli_answer answer;
    enum format format = format_of(cli);
    if (format == NO_FORMAT)
        return cli_fail_usage(cli, "--format", "应为 text、json、nagios、prometheus 之一",
                              "should be one of text, json, nagios, prometheus");
    int code = cli_get(cli, "/v1/check", &answer);
    int level = level_of(cli_text_at(answer.json, "verdict"));
    const json_t *items = cli_at(answer.json, "items");
    if (code != CLI_OK)
        level = silent(cli, format, code);
    else if (format == JSON)
        cli_answer_print(cli, &answer);
    else if (format == NAGIOS)
        print_nagios(cli, level, items);
    else if (format == PROMETHEUS)
        print_prometheus(cli, level, items);
    else
        print_text(cli, level, items);
    cli_answer_close(&answer);
    return level;
}
