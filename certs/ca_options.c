#include "certs/ca_options.h"
#include "wire/region.h"
#include "wire/time.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

enum kind { TEXT, COUNT, TIME, FLAG };

static const struct {
    const char *name;
    enum kind kind;
    size_t offset;
} known[] = {
    {"--ca", TEXT, offsetof(struct ca_options, ca)},
    {"--name", TEXT, offsetof(struct ca_options, name)},
    {"--out", TEXT, offsetof(struct ca_options, out)},
    {"--id", TEXT, offsetof(struct ca_options, id)},
    {"--reason", TEXT, offsetof(struct ca_options, reason)},
    {"--serial", TEXT, offsetof(struct ca_options, serial)},
    {"--identity", TEXT, offsetof(struct ca_options, identity)},
    {"--previous", TEXT, offsetof(struct ca_options, previous)},
    {"--passphrase-file", TEXT, offsetof(struct ca_options, passphrase_file)},
    {"--key-passphrase-file", TEXT, offsetof(struct ca_options, key_passphrase_file)},
    {"--lang", TEXT, offsetof(struct ca_options, lang)},
    {"--days", COUNT, offsetof(struct ca_options, days)},
    {"--policy-version", COUNT, offsetof(struct ca_options, version)},
    {"--from", TIME, offsetof(struct ca_options, from_ms)},
    {"--in-force", TIME, offsetof(struct ca_options, in_force_ms)},
    {"--ask-passphrase", FLAG, offsetof(struct ca_options, ask_passphrase)},
    {"--older", FLAG, offsetof(struct ca_options, older)},
    {"--json", FLAG, offsetof(struct ca_options, json)},
    {"--help", FLAG, offsetof(struct ca_options, help)},
};

static enum wire_status take_value(struct ca_options *options, size_t at, const char *value,
                                   struct wire_problem *problem)
{
    char *field = (char *)options + known[at].offset;
    char *end;
    int64_t number;
    switch (known[at].kind) {
    case TEXT:
        memcpy(field, &value, sizeof value);
        return WIRE_OK;
    case COUNT:
        number = strtoll(value, &end, 10);
        if (*value == '\0' || *end != '\0' || number < 1 || number > 100000000)
            return wire_failf(problem, WIRE_INVALID, known[at].name, "“%s”不是正整数", "\"%s\" is no positive number",
                              value);
        break;
    default:
        if (!wire_time_parse(value, strlen(value), &number) || number == 0)
            return wire_failf(problem, WIRE_INVALID, known[at].name, "“%s”不是时间，例如 2020-02-07T10:00",
                              "\"%s\" is no time; write it like 2020-02-07T10:00", value);
    }
    memcpy(field, &number, sizeof number);
    return WIRE_OK;
}

static size_t find_option(const char *argument, const char **value)
{
    size_t length = strcspn(argument, "=");
    *value = argument[length] == '=' ? argument + length + 1 : NULL;
    size_t at = 0;
    while (at < sizeof known / sizeof *known &&
           (strlen(known[at].name) != length || strncmp(known[at].name, argument, length) != 0))
        at++;
    return at;
}

/* One option and, if it stands apart, its value; *i moves over both. */
static enum wire_status take_option(struct ca_options *options, int argc, char **argv, int *i,
                                    struct wire_problem *problem)
{
    const char *value;
    const char *argument = argv[*i];
    size_t at = find_option(argument, &value);
    if (at == sizeof known / sizeof *known)
        return wire_fail(problem, WIRE_INVALID, argument, "未知选项。请看 lianfang-ca --help",
                         "unknown option; see lianfang-ca --help");
    if (known[at].kind == FLAG) {
        if (value != NULL)
            return wire_fail(problem, WIRE_INVALID, argument, "该选项不带值", "this option takes no value");
        *(bool *)((char *)options + known[at].offset) = true;
        return WIRE_OK;
    }
    if (value == NULL && *i + 1 < argc)
        value = argv[++*i];
    if (value == NULL)
        return wire_fail(problem, WIRE_INVALID, argument, "该选项缺少值", "this option needs a value");
    return take_value(options, at, value, problem);
}

enum wire_status ca_options_parse(struct ca_options *options, int argc, char **argv, struct wire_problem *problem)
{
    *options = (struct ca_options){.command = NULL};
    bool only_words = false;
    enum wire_status status = WIRE_OK;
    for (int i = 1; status == WIRE_OK && i < argc; i++) {
        if (!only_words && strcmp(argv[i], "--") == 0)
            only_words = true;
        else if (!only_words && strcmp(argv[i], "-h") == 0)
            options->help = true;
        else if (!only_words && argv[i][0] == '-' && argv[i][1] != '\0')
            status = take_option(options, argc, argv, &i, problem);
        else if (options->command == NULL)
            options->command = argv[i];
        else if (options->words == CA_WORDS_MAX)
            status = wire_fail(problem, WIRE_INVALID, argv[i], "参数过多", "too many arguments");
        else
            options->word[options->words++] = argv[i];
    }
    if (status == WIRE_OK && options->lang != NULL && strcmp(options->lang, "zh") != 0 &&
        strcmp(options->lang, "en") != 0)
        status = wire_fail(problem, WIRE_INVALID, "--lang", "只能是 zh 或 en", "must be zh or en");
    return status;
}

enum wire_language ca_language(const struct ca_options *options)
{
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    const char *value = options->lang;
    for (size_t i = 0; i < sizeof variables / sizeof *variables && (value == NULL || *value == '\0'); i++)
        value = getenv(variables[i]);
    return value != NULL && strncmp(value, "en", 2) == 0 ? WIRE_ENGLISH : WIRE_CHINESE;
}

void ca_say(const struct ca_run *run, FILE *to, const char *zh, const char *en, ...)
{
    va_list arguments;
    va_start(arguments, en);
    vfprintf(to, run->language == WIRE_CHINESE ? zh : en, arguments);
    va_end(arguments);
    fputc('\n', to);
}

enum wire_status ca_holder(const struct ca_run *run, size_t first, Wire__Role *role, uint32_t *region,
                           struct wire_problem *problem)
{
    const struct ca_options *options = &run->options;
    *role = WIRE__ROLE__ROLE_NODE;
    *region = 0;
    size_t at = first;
    if (at < options->words && cert_role_parse(options->word[at], role))
        at++;
    if (*role == WIRE__ROLE__ROLE_BROKER && at == options->words)
        return WIRE_OK;
    if (*role != WIRE__ROLE__ROLE_BROKER && at + 1 == options->words) {
        *region = wire_region_parse(options->word[at], strlen(options->word[at]));
        if (*region != 0)
            return WIRE_OK;
        return wire_fail(problem, WIRE_INVALID, options->word[at], "不是六位行政区划代码",
                         "not a region code of six digits");
    }
    return wire_fail(problem, WIRE_INVALID, options->command,
                     "应为：node 行政区划代码 | broker | secretary 行政区划代码 --id 代号",
                     "expected: node ADCODE | broker | secretary ADCODE --id ID");
}
