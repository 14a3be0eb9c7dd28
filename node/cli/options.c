#include "link/yaml.h"
#include "node/cli/command.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { TEXT, COUNT, FLAG, LIST };

struct known {
    const char *name;
    enum kind kind;
    size_t offset;
};

/* clang-format off */
#define OPTION(name, kind, member) {name, kind, offsetof(struct cli_options, member)}
/* The first ones are for every command. */
static const struct known known[] = {
    OPTION("--node", TEXT, node),             OPTION("--token-file", TEXT, token_file), OPTION("--lang", TEXT, lang),
    OPTION("--json", FLAG, json),             OPTION("--help", FLAG, help),
    OPTION("--file", TEXT, file),             OPTION("--mechanism", TEXT, mechanism),   OPTION("--reason", TEXT, reason),
    OPTION("--status", TEXT, status),         OPTION("--lane", TEXT, lane),             OPTION("--urgency", TEXT, urgency),
    OPTION("--severity", TEXT, severity),     OPTION("--certainty", TEXT, certainty),   OPTION("--incident", TEXT, incident),
    OPTION("--issuer", TEXT, issuer),         OPTION("--effective", TEXT, effective),   OPTION("--expires", TEXT, expires),
    OPTION("--due", TEXT, due),               OPTION("--keep-until", TEXT, keep_until), OPTION("--in-reply-to", TEXT, in_reply_to),
    OPTION("--to", LIST, to),                 OPTION("--cc", LIST, cc),                 OPTION("--concerns", LIST, concerns),
    OPTION("--profile", TEXT, profile),       OPTION("--report", TEXT, report),         OPTION("--kind", TEXT, kind),
    OPTION("--state", TEXT, state),           OPTION("--since", TEXT, since),           OPTION("--reveal", TEXT, reveal),
    OPTION("--desk", TEXT, desk),             OPTION("--officer", TEXT, officer),       OPTION("--return", TEXT, returned),
    OPTION("--broker", TEXT, broker),         OPTION("--out", TEXT, out),               OPTION("--ca", TEXT, ca),
    OPTION("--crl", TEXT, crl),               OPTION("--identity", TEXT, identity),     OPTION("--in-force", TEXT, in_force),
    OPTION("--format", TEXT, format),         OPTION("--origin", TEXT, origin),         OPTION("--at", TEXT, at),
    OPTION("--label", TEXT, label),           OPTION("--unit", TEXT, unit),             OPTION("--roles", TEXT, roles),
    OPTION("--policy", TEXT, policy),         OPTION("--passphrase-file", TEXT, passphrase_file),
    OPTION("--enrolled", LIST, enrolled),     OPTION("--wait", COUNT, wait),            OPTION("--limit", COUNT, limit),
    OPTION("--version", COUNT, version),      OPTION("--preview", FLAG, preview),       OPTION("--dry-run", FLAG, dry_run),
    OPTION("--unsigned", FLAG, is_unsigned),  OPTION("--follow", FLAG, follow),         OPTION("--final", FLAG, final),
    OPTION("--generate", FLAG, generate),     OPTION("--all", FLAG, all),               OPTION("--table", FLAG, table),
    OPTION("--anyway", FLAG, anyway),
};
/* clang-format on */
enum { KNOWN = sizeof known / sizeof *known, FOR_ALL = 5 };

struct parse {
    struct cli_options *options;
    struct wire_problem *problem;
    int argc;
    char **argv;
    int at;
    /* options are understood after the command is known, wherever it stands */
    int option[CLI_WORDS_MAX];
    size_t option_count;
};

static size_t find_option(const char *argument, const char **value)
{
    size_t size = strcspn(argument, "=");
    *value = argument[size] == '=' ? argument + size + 1 : NULL;
    size_t i = 0;
    while (i < KNOWN && (strlen(known[i].name) != size || strncmp(known[i].name, argument, size) != 0))
        i++;
    return i;
}

static bool command_takes(const struct cli_command *command, size_t option)
{
    char word[40];
    if (option < FOR_ALL || command == NULL)
        return true;
    snprintf(word, sizeof word, " %s ", known[option].name);
    return strstr(command->options, word) != NULL;
}

static enum wire_status unknown_option(const struct parse *parse, const char *argument)
{
    const struct cli_command *command = parse->options->command;
    const char *names[KNOWN];
    size_t count = 0;
    for (size_t i = 0; i < KNOWN; i++)
        if (command_takes(command, i))
            names[count++] = known[i].name;
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(argument, "="), argument);
    const char *nearest = link_nearest(word, names, count);
    const char *name = command == NULL ? "" : command->name;
    if (nearest != NULL)
        return wire_failf(parse->problem, WIRE_INVALID, word, "没有这个选项，是否为 %s？请看 lianfang help %s",
                          "there is no such option here; did you mean %s? See lianfang help %s", nearest, name);
    return wire_failf(parse->problem, WIRE_INVALID, word, "没有这个选项。请看 lianfang help %s",
                      "there is no such option here; see lianfang help %s", name);
}

static enum wire_status take_count(const char *name, const char *value, int64_t *out, struct wire_problem *problem)
{
    char *end;
    long long number = strtoll(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || number < 1 || number > 1000000000000LL)
        return wire_failf(problem, WIRE_INVALID, name, "“%s”不是正整数", "\"%s\" is no positive number", value);
    *out = number;
    return WIRE_OK;
}

static enum wire_status take_value(const struct parse *parse, size_t option, const char *value)
{
    void *field = (char *)parse->options + known[option].offset;
    struct cli_list *list = field;
    switch (known[option].kind) {
    case TEXT:
        memcpy(field, &value, sizeof value);
        return WIRE_OK;
    case COUNT:
        return take_count(known[option].name, value, field, parse->problem);
    case LIST:
        if (list->count == CLI_LIST_MAX)
            return wire_fail(parse->problem, WIRE_INVALID, known[option].name, "给出的次数过多",
                             "given too many times");
        list->at[list->count++] = value;
        return WIRE_OK;
    case FLAG:
        break;
    }
    return WIRE_OK;
}

/* The option at argv[at]; its value may stand in the next one. */
static enum wire_status take_option(const struct parse *parse, int at)
{
    const char *value, *argument = parse->argv[at];
    if (strcmp(argument, "-h") == 0)
        argument = "--help";
    size_t option = find_option(argument, &value);
    if (option == KNOWN || !command_takes(parse->options->command, option))
        return unknown_option(parse, argument);
    if (known[option].kind == FLAG) {
        if (value != NULL)
            return wire_fail(parse->problem, WIRE_INVALID, known[option].name, "该选项不带值",
                             "this option takes no value");
        *(bool *)((char *)parse->options + known[option].offset) = true;
        return WIRE_OK;
    }
    if (value == NULL)
        value = parse->argv[at + 1];
    if (value == NULL)
        return wire_fail(parse->problem, WIRE_INVALID, known[option].name, "该选项缺少值", "this option needs a value");
    return take_value(parse, option, value);
}

/* Sorts arguments into words and places of options, without judging them. */
static enum wire_status sort_arguments(struct parse *parse)
{
    bool only_words = false;
    for (int i = 1; i < parse->argc; i++) {
        const char *argument = parse->argv[i], *value;
        bool option = !only_words && argument[0] == '-' && argument[1] != '\0';
        if (option && strcmp(argument, "--") == 0) {
            only_words = true;
            continue;
        }
        size_t *count = option ? &parse->option_count : &parse->options->words;
        if (*count == CLI_WORDS_MAX)
            return wire_fail(parse->problem, WIRE_INVALID, argument, "参数过多", "too many arguments");
        if (!option) {
            parse->options->word[(*count)++] = argument;
            continue;
        }
        parse->option[(*count)++] = i;
        size_t found = find_option(argument, &value);
        i += found < KNOWN && known[found].kind != FLAG && value == NULL && i + 1 < parse->argc;
    }
    return WIRE_OK;
}

static enum wire_status take_command(struct parse *parse)
{
    struct cli_options *options = parse->options;
    size_t took = 0;
    if (options->words == 0)
        return WIRE_OK;
    const char *second = options->words > 1 ? options->word[1] : NULL;
    options->command = cli_command_find(options->word[0], second, &took);
    if (options->command != NULL) {
        options->words -= took;
        memmove(options->word, options->word + took, options->words * sizeof *options->word);
        return WIRE_OK;
    }
    char typed[128];
    bool group = strcmp(options->word[0], "rules") == 0;
    snprintf(typed, sizeof typed, "%s%s%s", options->word[0], group && second ? " " : "",
             group && second ? second : "");
    const char *nearest = cli_command_nearest(typed);
    if (nearest != NULL)
        return wire_failf(parse->problem, WIRE_INVALID, typed, "没有这个命令，是否为 %s？",
                          "there is no such command; did you mean %s?", nearest);
    return wire_fail(parse->problem, WIRE_INVALID, typed, "没有这个命令。lianfang help 列出全部命令",
                     "there is no such command; lianfang help lists them");
}

static enum wire_status check_words(const struct parse *parse)
{
    const struct cli_options *options = parse->options;
    const struct cli_command *command = options->command;
    if (command == NULL || options->help)
        return WIRE_OK;
    if (options->words < command->words_min)
        return wire_failf(parse->problem, WIRE_INVALID, command->name, "缺少参数。用法：lianfang %s %s%.0s",
                          "an argument is missing. Usage: lianfang %s %.0s%s", command->name, command->usage_zh,
                          command->usage_en);
    if (options->words > command->words_max)
        return wire_fail(parse->problem, WIRE_INVALID, options->word[command->words_max], "多余的参数",
                         "one argument too many");
    return WIRE_OK;
}

enum wire_status cli_options_parse(struct cli_options *options, int argc, char **argv, struct wire_problem *problem)
{
    memset(options, 0, sizeof *options);
    struct parse parse = {.options = options, .problem = problem, .argc = argc, .argv = argv};
    enum wire_status status = sort_arguments(&parse);
    /* --lang first, so that every complaint is in the person's language */
    for (size_t i = 0; i < parse.option_count; i++)
        if (strncmp(argv[parse.option[i]], "--lang", 6) == 0)
            take_option(&parse, parse.option[i]);
    if (status == WIRE_OK)
        status = take_command(&parse);
    for (size_t i = 0; status == WIRE_OK && i < parse.option_count; i++)
        status = take_option(&parse, parse.option[i]);
    if (status == WIRE_OK && options->lang != NULL && strcmp(options->lang, "zh") != 0 &&
        strcmp(options->lang, "en") != 0)
        status = wire_fail(problem, WIRE_INVALID, "--lang", "只能是 zh 或 en", "must be zh or en");
    return status == WIRE_OK ? check_words(&parse) : status;
}
