#include "node/cli/cli.h"
#include "node/cli/command.h"
#include "node/cli/say.h"
#include <string.h>

enum wire_language cli_language(const struct cli_options *options, const struct cli_world *world)
{
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    const char *value = options->lang;
    for (size_t i = 0; i < sizeof variables / sizeof *variables && (value == NULL || *value == '\0'); i++)
        value = world->variable(world->context, variables[i]);
    return value != NULL && strncmp(value, "zh", 2) == 0 ? WIRE_CHINESE : WIRE_ENGLISH;
}

static bool coloured(const struct cli_world *world)
{
    const char *off = world->variable(world->context, "NO_COLOR");
    const char *terminal = world->variable(world->context, "TERM");
    return world->tty && (off == NULL || *off == '\0') && (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

static int finish(const struct cli *cli, int code)
{
    if (fflush(cli->out) == 0 && !ferror(cli->out))
        return code;
    cli_say(cli, cli->err, "错误：无法写出结果", "error: the result cannot be written");
    return code == CLI_OK ? CLI_IO : code;
}

int cli_main(int argc, char **argv, const struct cli_world *world)
{
    struct cli cli = {.world = world, .in = world->in, .out = world->out, .err = world->err};
    struct wire_problem problem = {.status = WIRE_OK};
    enum wire_status status = cli_options_parse(&cli.options, argc, argv, &problem);
    cli.language = cli_language(&cli.options, world);
    cli.colour = coloured(world);
    cli.columns = world->tty ? world->columns : 0;
    if (status != WIRE_OK) {
        cli_complain(&cli, &(struct cli_complaint){.where = problem.where, .zh = problem.zh, .en = problem.en});
        return CLI_USAGE;
    }
    if (cli.options.command == NULL || cli.options.help)
        return finish(&cli, cli_help(&cli));
    return finish(&cli, cli.options.command->run(&cli));
}
