/* The command line taken apart, and what is said about mistakes in it. */
#include "node/cli/command.h"
#include "run.h"
#include <string.h>

static struct run run;

static void teardown(void)
{
    run_close(&run);
}

TestSuite(arguments, .fini = teardown);

Test(arguments, nothing_is_help)
{
    run_cli(&run, NULL);
    cr_expect_eq(run.code, 0);
    has(run.out, "usage: lianfang");
    for (size_t i = 0; i < cli_command_count(); i++)
        has(run.out, cli_command_at(i)->name);
}

Test(arguments, help_of_every_command_in_both_languages)
{
    for (size_t i = 0; i < cli_command_count(); i++) {
        const struct cli_command *command = cli_command_at(i);
        char first[32], *second;
        snprintf(first, sizeof first, "%s", command->name);
        second = strchr(first, ' ');
        if (second != NULL)
            *second++ = '\0';
        run_cli(&run, "--lang", "zh", "help", first, second, NULL);
        cr_expect_eq(run.code, 0);
        has(run.out, command->usage_zh);
        has(run.out, command->summary_zh);
        run_cli(&run, first, second == NULL ? "--help" : second, second == NULL ? NULL : "--help", NULL);
        cr_expect_eq(run.code, 0);
        has(run.out, command->usage_en);
        cr_expect_str_neq(command->summary_zh, command->summary_en);
    }
}

Test(arguments, help_of_publish_lists_kinds_and_fields)
{
    run_cli(&run, "help", "publish", NULL);
    has(run.out, "contact-notice");
    has(run.out, "observe_until_day");
    hasnt(run.out, "round-bulletin");
}

Test(arguments, an_unknown_command_names_the_nearest)
{
    run_cli(&run, "publsh", NULL);
    cr_expect_eq(run.code, 64);
    has(run.err, "publish");
    run_cli(&run, "rules", "chek", NULL);
    cr_expect_eq(run.code, 64);
    has(run.err, "rules check");
    run_cli(&run, "--lang=zh", "zzzzzzzzzz", NULL);
    cr_expect_eq(run.code, 64);
    has(run.err, "没有这个命令");
    cr_expect_str_eq(run.out, "");
}

Test(arguments, an_unknown_option_names_the_nearest)
{
    run_cli(&run, "inbox", "--unsined", NULL);
    cr_expect_eq(run.code, 64);
    has(run.err, "--unsigned");
}

/* An option of another command is none here. */
Test(arguments, an_option_of_another_command)
{
    run_cli(&run, "inbox", "--desk", "x", NULL);
    cr_expect_eq(run.code, 64);
    has(run.err, "--desk");
}

Test(arguments, options_before_and_behind)
{
    static char *before[] = {"lianfang", "--json", "show", "310000-20200207-0012", "--reveal=疫情", NULL};
    static char *behind[] = {"lianfang", "show", "--reveal", "疫情", "--json", "--", "310000-20200207-0012", NULL};
    struct cli_options options;
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(cli_options_parse(&options, i == 0 ? 5 : 7, i == 0 ? before : behind, NULL), WIRE_OK);
        cr_expect_str_eq(options.command->name, "show");
        cr_expect_eq(options.words, 1);
        cr_expect_str_eq(options.word[0], "310000-20200207-0012");
        cr_expect_str_eq(options.reveal, "疫情");
        cr_expect(options.json);
    }
}

Test(arguments, lists_collect)
{
    static char *words[] = {"lianfang", "publish", "contact-notice", "--to", "330000/cdc", "--to=320000", "a=b", NULL};
    struct cli_options options;
    cr_assert_eq(cli_options_parse(&options, 7, words, NULL), WIRE_OK);
    cr_expect_eq(options.to.count, 2);
    cr_expect_str_eq(options.to.at[1], "320000");
    cr_expect_eq(options.words, 2);
}

Test(arguments, missing_and_superfluous)
{
    run_cli(&run, "show", NULL);
    cr_expect_eq(run.code, 64);
    has(run.err, "lianfang show NUMBER");
    run_cli(&run, "show", "a", "b", NULL);
    cr_expect_eq(run.code, 64);
    has(run.err, "b");
    run_cli(&run, "show", "a", "--reveal", NULL);
    cr_expect_eq(run.code, 64);
    has(run.err, "needs a value");
    run_cli(&run, "inbox", "--unsigned=yes", NULL);
    cr_expect_eq(run.code, 64);
    run_cli(&run, "inbox", "--limit", "-3", NULL);
    cr_expect_eq(run.code, 64);
    run_cli(&run, "inbox", "--lang", "fr", NULL);
    cr_expect_eq(run.code, 64);
}

Test(arguments, too_many_words)
{
    char *words[1200] = {"lianfang", "publish"};
    struct cli_options options;
    for (int i = 2; i < 1200; i++)
        words[i] = "a=b";
    cr_expect_eq(cli_options_parse(&options, 1199, words, NULL), WIRE_INVALID);
}

/* Chinese only where the locale is; LC_ALL and the like are tried by cli_language in order. */
Test(arguments, language_by_locale)
{
    static const struct {
        const char *lang;
        enum wire_language language;
    } cases[] = {{"zh_CN.UTF-8", WIRE_CHINESE}, {"zh", WIRE_CHINESE}, {"en_GB.UTF-8", WIRE_ENGLISH},
                 {"C", WIRE_ENGLISH},           {"", WIRE_ENGLISH},   {NULL, WIRE_ENGLISH}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run.lang = cases[i].lang;
        run_cli(&run, NULL);
        has(run.out, cases[i].language == WIRE_CHINESE ? "用法" : "usage");
    }
    run.lang = "zh_CN.UTF-8";
    run_cli(&run, "--lang", "en", NULL);
    has(run.out, "usage");
    run_cli(&run, "inbox", "--no-such", "--lang", "en", NULL);
    has(run.err, "error");
}

Test(arguments, regions_of_the_table_need_no_node)
{
    run_cli(&run, "regions", "--table", "温州", NULL);
    cr_expect_eq(run.code, 0);
    has(run.out, "330300  温州市");
    run_cli(&run, "regions", "--table", "闸北", "--lang", "zh", NULL);
    has(run.out, "已撤销");
    run_cli(&run, "regions", "--table", "没有这样的地方", NULL);
    cr_expect_eq(run.code, 66);
}

Test(arguments, hash_token_is_the_digest_that_the_node_compares)
{
    run.input = "0123456789abcdef\n";
    run_cli(&run, "hash-token", "--label", "值班'一席", "--roles", "duty,operator", NULL);
    cr_expect_eq(run.code, 0);
    has(run.out, "9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f");
    has(run.out, "'值班''一席'");
    has(run.out, "roles: [duty,operator]");
    hasnt(run.out, "0123456789abcdef\n");
    run.input = "short\n";
    run_cli(&run, "hash-token", NULL);
    cr_expect_eq(run.code, 64);
    run_cli(&run, "hash-token", "--generate", NULL);
    cr_expect_eq(run.code, 0);
    has(run.out, "digest: ");
}
