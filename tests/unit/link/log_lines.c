#define _GNU_SOURCE
#include "link/log.h"
#include "wire/time.h"
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], path[96];

static void make_folder(void)
{
    strcpy(folder, "/tmp/log-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/x.log", folder);
}

static void remove_folder(void)
{
    char old[120];
    snprintf(old, sizeof old, "%s.1", path);
    unlink(old);
    unlink(path);
    rmdir(folder);
}

TestSuite(link_log, .init = make_folder, .fini = remove_folder);

static int64_t fixed_time(void *context)
{
    (void)context;
    int64_t ms;
    cr_assert(wire_time_parse("2020-02-07T10:00:30+08:00", 25, &ms));
    return ms + 45;
}

static struct link_log *open_log(enum link_log_format format, enum wire_language language, bool priorities)
{
    struct link_log_options options = {.level = LINK_INFO,
                                       .format = format,
                                       .language = language,
                                       .priorities = priorities,
                                       .path = path,
                                       .now_ms = fixed_time};
    struct link_log *log;
    cr_assert_eq(link_log_open(&options, &log, NULL), WIRE_OK);
    return log;
}

/* What is in the file, closing the log. */
static const char *written(struct link_log *log)
{
    static char text[3 * LINK_LOG_LINE_MAX];
    link_log_close(&log);
    FILE *file = fopen(path, "r");
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    fclose(file);
    return text;
}

Test(link_log, a_text_line)
{
    struct link_log *log = open_log(LINK_LOG_TEXT, WIRE_CHINESE, false);
    uint8_t id[] = {0xAB, 0x01};
    link_log_line(log, LINK_WARNING, "gate", "批次被拒", "batch refused", LINK_NUMBER("peer", 330300),
                  LINK_TEXT("reason", "bad-signature"), LINK_HEX("id", id, 2), LINK_BOOL("again", true),
                  LINK_UNSIGNED("bytes", UINT64_MAX));
    cr_assert_str_eq(written(log), "2020-02-07T10:00:30.045+08:00 warning gate 批次被拒 peer=330300 "
                                   "reason=bad-signature id=ab01 again=true bytes=18446744073709551615\n");
}

Test(link_log, a_json_line)
{
    struct link_log *log = open_log(LINK_LOG_JSON, WIRE_ENGLISH, false);
    link_log_line(log, LINK_ERROR, "ledger", "提交失败", "commit failed", LINK_TEXT("why", "no \"room\"\n"),
                  LINK_NUMBER("n", -3));
    const char *line = written(log);
    json_error_t error;
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, &error);
    cr_assert(json, "%s: %s", error.text, line);
    cr_assert_str_eq(json_string_value(json_object_get(json, "time")), "2020-02-07T10:00:30.045+08:00");
    cr_assert_str_eq(json_string_value(json_object_get(json, "level")), "error");
    cr_assert_str_eq(json_string_value(json_object_get(json, "area")), "ledger");
    cr_assert_str_eq(json_string_value(json_object_get(json, "message")), "commit failed");
    cr_assert_str_eq(json_string_value(json_object_get(json, "why")), "no \"room\"\n");
    cr_assert_eq(json_integer_value(json_object_get(json, "n")), -3);
    json_decref(json);
}

Test(link_log, nobody_writes_a_line_that_is_not_his)
{
    struct link_log *log = open_log(LINK_LOG_TEXT, WIRE_ENGLISH, false);
    link_log_line(log, LINK_INFO, "api", "登录", "login",
                  LINK_TEXT("name", "x\n2020-02-07T10:00:30.045+08:00 error gate forged\r\x1b[2J"),
                  LINK_TEXT("two", "a b=c"), LINK_TEXT("rtl", "\xe2\x80\xae"), LINK_TEXT("c1", "\xc2\x9b"),
                  LINK_TEXT("bad", "\xff\xe4\xb8"), LINK_TEXT("city", "嘉兴"), LINK_TEXT("empty", ""));
    cr_assert_str_eq(written(log),
                     "2020-02-07T10:00:30.045+08:00 info api login "
                     "name=\"x\\n2020-02-07T10:00:30.045+08:00 error gate forged\\u000d\\u001b[2J\" two=\"a b=c\" "
                     "rtl=\"\\u202e\" c1=\"\\u009b\" bad=\"\\ufffd\\ufffd\\ufffd\" city=\"嘉兴\" empty=\"\"\n");
}

Test(link_log, lines_above_the_level_are_not_written)
{
    struct link_log *log = open_log(LINK_LOG_TEXT, WIRE_ENGLISH, true);
    link_log_line(log, LINK_DEBUG, "x", "细节", "detail", LINK_BOOL("a", true));
    cr_assert_not(link_log_on(log, LINK_DEBUG));
    link_log_set_level(log, LINK_DEBUG);
    link_log_line(log, LINK_DEBUG, "x", "细节", "detail", LINK_BOOL("a", true));
    link_log_line(log, LINK_ERROR, "x", "错误", "trouble", LINK_BOOL("a", false));
    cr_assert_str_eq(written(log), "<7>2020-02-07T10:00:30.045+08:00 debug x detail a=true\n"
                                   "<3>2020-02-07T10:00:30.045+08:00 error x trouble a=false\n");
    link_log_line(NULL, LINK_ERROR, "x", "无", "none", LINK_BOOL("a", false)); /* a NULL log is no log */
}

Test(link_log, a_long_line_is_cut_and_says_so)
{
    static char large[2 * LINK_LOG_LINE_MAX];
    memset(large, 'x', sizeof large - 1);
    struct link_log *log = open_log(LINK_LOG_JSON, WIRE_ENGLISH, false);
    link_log_line(log, LINK_INFO, "x", "长", "long", LINK_TEXT("first", "kept"), LINK_TEXT("large", large),
                  LINK_TEXT("last", "left out"));
    const char *line = written(log);
    cr_assert_leq(strlen(line), LINK_LOG_LINE_MAX);
    json_t *json = json_loads(line, 0, NULL);
    cr_assert(json, "%s", line);
    cr_assert(json_is_true(json_object_get(json, "cut")));
    cr_assert_str_eq(json_string_value(json_object_get(json, "first")), "kept");
    json_decref(json);
}

Test(link_log, a_problem_is_a_line)
{
    struct link_log *log = open_log(LINK_LOG_TEXT, WIRE_CHINESE, false);
    struct wire_problem problem;
    wire_fail(&problem, WIRE_IN_USE, "/data", "被占用", "taken");
    link_log_problem(log, LINK_ERROR, "keep", &problem);
    const char *line = written(log);
    cr_assert(strstr(line, "status=in-use where=/data what=\"被占用\""), "%s", line);
}

Test(link_log, rotation_and_refusal)
{
    struct link_log *log = open_log(LINK_LOG_TEXT, WIRE_ENGLISH, false);
    struct stat found;
    char old[120];
    snprintf(old, sizeof old, "%s.1", path);
    cr_assert(stat(path, &found) == 0 && (found.st_mode & 07) == 0);
    link_log_line(log, LINK_INFO, "x", "一", "one", LINK_BOOL("a", true));
    rename(path, old);
    cr_assert_eq(link_log_reopen(log, NULL), WIRE_OK);
    link_log_line(log, LINK_INFO, "x", "二", "two", LINK_BOOL("a", true));
    cr_assert_eq(link_log_lost(log), 0);
    const char *text = written(log);
    cr_assert(strstr(text, "two") && !strstr(text, "one"));

    struct link_log_options options = {.path = "/nowhere/at/all.log"};
    struct wire_problem problem;
    cr_assert_eq(link_log_open(&options, &log, &problem), WIRE_IO);
    cr_assert(problem.zh[0] && strstr(problem.where, "/nowhere"));
}

Test(link_log, a_full_disk_is_counted)
{
    struct link_log_options options = {.level = LINK_INFO, .path = "/dev/full"};
    struct link_log *log;
    cr_assert_eq(link_log_open(&options, &log, NULL), WIRE_OK);
    link_log_line(log, LINK_INFO, "x", "一", "one", LINK_BOOL("a", true));
    cr_assert_eq(link_log_lost(log), 1);
    link_log_close(&log);
}

Test(link_log, level_names)
{
    enum link_level level;
    cr_assert(link_level_parse("notice", &level) && level == LINK_NOTICE);
    cr_assert_not(link_level_parse("loud", &level));
    cr_assert_str_eq(link_level_name(LINK_DEBUG), "debug");
}
