/* What of a configuration counts at once, what is named, how a problem at start is said. */
#define _GNU_SOURCE
#include "shell/reload.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static struct shell shell;
static char path[] = "/tmp/shell-test-XXXXXX";
static struct link_log_config held = {.level = LINK_NOTICE, .format = LINK_LOG_TEXT, .language = WIRE_ENGLISH};

static void open_shell(void)
{
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    close(file);
    held.path = path;
    shell = (struct shell){.words = {.area = "test"}, .config_path = "test.yaml"};
    cr_assert_eq(shell_open_log(&shell, &held, NULL), WIRE_OK);
}

static void close_shell(void)
{
    link_log_close(&shell.log);
    unlink(path);
}

TestSuite(reload, .init = open_shell, .fini = close_shell);

/* How often it is said in the log; lines are read from the start each time. */
static int said(const char *words)
{
    char line[LINK_LOG_LINE_MAX + 1];
    int count = 0;
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    while (fgets(line, sizeof(line), file) != NULL)
        count += strstr(line, words) != NULL;
    fclose(file);
    return count;
}

Test(reload, the_level_counts_at_once_the_rest_of_the_log_does_not)
{
    struct link_log_config read = held;
    read.level = LINK_DEBUG;
    cr_expect_not(link_log_on(shell.log, LINK_DEBUG));
    shell_reload_log(&shell, &held, &read);
    cr_expect(link_log_on(shell.log, LINK_DEBUG));
    cr_expect_eq(said("restart"), 0, "nothing else changed");
    read.format = LINK_LOG_JSON;
    read.path = NULL;
    shell_reload_log(&shell, &held, &read);
    cr_expect_eq(said("restart"), 2);
    cr_expect_eq(said("key=log.format"), 1);
    cr_expect_eq(said("key=log.file"), 1);
    cr_expect_eq(said("config=test.yaml"), 2);
}

Test(reload, only_what_differs_is_named)
{
    struct link_http_address none = {0}, some = {.unix_path = (char *)(uintptr_t) "x.sock"};
    char *one[] = {"a", "b"}, *other[] = {"b", "a"};
    shell_reload_same_text(&shell, "data", "x", "x");
    shell_reload_same_text(&shell, "data", NULL, NULL);
    shell_reload_same_number(&shell, "pulse_ms", 1, 1);
    shell_reload_same_http(&shell, &some, &some);
    cr_expect(shell_reload_lists_equal(one, 2, one, 2));
    cr_expect_eq(said("restart"), 0);
    shell_reload_same_text(&shell, "data", "x", NULL);
    shell_reload_same_number(&shell, "pulse_ms", 1, 2);
    shell_reload_same_http(&shell, &none, &some);
    cr_expect_eq(said("key=data"), 1);
    cr_expect_eq(said("key=pulse_ms"), 1);
    cr_expect_eq(said("key=http"), 1);
    cr_expect_not(shell_reload_lists_equal(one, 2, other, 2));
    cr_expect_not(shell_reload_lists_equal(one, 2, one, 1));
}

Test(reload, a_text_is_taken_and_the_old_one_given_back)
{
    char *have = strdup("old"), *read = strdup("new");
    shell_reload_text(&have, &read);
    cr_expect_str_eq(have, "new");
    cr_expect_str_eq(read, "old");
    free(have);
    free(read);
}

Test(reload, a_refusal_to_start_speaks_both_languages_until_it_knows_which, .init = cr_redirect_stderr)
{
    struct shell early = {.words = {.area = "test"}};
    struct wire_problem problem;
    wire_fail(&problem, WIRE_IN_USE, "data", "被占用", "is in use");
    cr_expect_eq(shell_refuse(&early, WIRE_ENGLISH, &problem), EX_UNAVAILABLE);
    wire_fail(&problem, WIRE_INVALID, "x.yaml:3:1", "不对", "is wrong");
    early.log = (struct link_log *)&early; /* there is one: the configuration was read */
    cr_expect_eq(shell_refuse(&early, WIRE_ENGLISH, &problem), EX_CONFIG);
    fflush(stderr);
    cr_assert_stderr_eq_str("lianfang-test: data: 被占用 / is in use\nlianfang-test: x.yaml:3:1: is wrong\n");
}
