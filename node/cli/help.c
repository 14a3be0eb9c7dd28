/* lianfang help [COMMAND] */
#include "node/cli/command.h"
#include "node/cli/say.h"
#include "node/cli/text.h"
#include "wire/kind.h"
#include "wire/label.h"
#include <stdlib.h>
#include <string.h>

enum { NAME_COLUMNS = 15 };

static void list_commands(struct cli *cli)
{
    cli_say(cli, cli->out,
            "用法：lianfang [--node 地址] [--token-file 文件] [--lang zh|en] [--json] 命令 …\n"
            "地址如 unix:/run/lianfang/node.sock 或 http://127.0.0.1:7442；环境变量 "
            "LIANFANG_NODE、LIANFANG_TOKEN_FILE。\n\n命令：",
            "usage: lianfang [--node ADDRESS] [--token-file FILE] [--lang zh|en] [--json] COMMAND ...\n"
            "ADDRESS is unix:/run/lianfang/node.sock or http://127.0.0.1:7442; environment LIANFANG_NODE, "
            "LIANFANG_TOKEN_FILE.\n\ncommands:");
    struct wire_text text = {.grow = realloc};
    for (size_t i = 0; i < cli_command_count(); i++) {
        const struct cli_command *command = cli_command_at(i);
        wire_text_string(&text, "  ");
        wire_text_string(&text, command->name);
        cli_text_pad(&text, NAME_COLUMNS - cli_width(command->name));
        wire_text_string(&text, cli_pick(cli, command->summary_zh, command->summary_en));
        wire_text_string(&text, "\n");
    }
    cli_flush(cli, &text);
    cli_say(cli, cli->out,
            "\n退出码：0 完成，64 用法有误，65 内容被拒，66 没有这份信息或文件，69 连不上节点，75 暂不可行，77 "
            "无权限，78 配置有误。",
            "\nexit codes: 0 done, 64 usage, 65 data refused, 66 no such notice or file, 69 node not reachable, 75 not "
            "now, "
            "77 not allowed, 78 configuration.");
}

static void list_fields(struct cli *cli, const struct wire_kind *kind)
{
    struct wire_text text = {.grow = realloc};
    const ProtobufCMessageDescriptor *type = kind->payload;
    wire_text_format(&text, "\n%s %s / %s\n ", kind->name, kind->zh, kind->en);
    for (unsigned i = 0; i < type->n_fields; i++) {
        struct wire_label label = wire_label(type, &type->fields[i]);
        wire_text_format(&text, " %s%s%s", type->fields[i].name, cli_pick(cli, "=", ""), cli_pick(cli, label.zh, ""));
    }
    wire_text_string(&text, "\n");
    cli_flush(cli, &text);
}

static void list_kinds(struct cli *cli)
{
    cli_say(cli, cli->out, "\n种类与内容（common 的各项可直接写名称，如 title=…；列表写作 line[1].item=…）：",
            "\nkinds and their fields (fields of common may be named directly, like title=...; lists like "
            "line[1].item=...):");
    for (size_t i = 0; i < wire_kind_count(); i++)
        if (!wire_kind_at(i)->brokers)
            list_fields(cli, wire_kind_at(i));
}

static void show_command(struct cli *cli, const struct cli_command *command)
{
    cli_say(cli, cli->out, "用法：lianfang %s %s\n%s%.0s%.0s", "usage: lianfang %s %.0s%.0s%s\n%s", command->name,
            command->usage_zh, command->summary_zh, command->usage_en, command->summary_en);
    if (command->run == cli_publish)
        list_kinds(cli);
}

int cli_help(struct cli *cli)
{
    const struct cli_options *options = &cli->options;
    const struct cli_command *command = options->help ? options->command : NULL;
    size_t took;
    if (options->words > 0 && (command == NULL || command->run == cli_help)) {
        command = cli_command_find(options->word[0], options->words > 1 ? options->word[1] : NULL, &took);
        if (command == NULL && strcmp(options->word[0], "rules") == 0) {
            for (size_t i = 0; i < cli_command_count(); i++)
                if (strncmp(cli_command_at(i)->name, "rules ", 6) == 0)
                    show_command(cli, cli_command_at(i));
            return CLI_OK;
        }
        if (command == NULL) {
            const char *nearest = cli_command_nearest(options->word[0]);
            return cli_fail_usage(cli, options->word[0], "没有这个命令，最接近的是 %s",
                                  "no such command; the nearest is %s", nearest == NULL ? "help" : nearest);
        }
    }
    if (command == NULL)
        list_commands(cli);
    else
        show_command(cli, command);
    return CLI_OK;
}
