/* lianfang import: a table of an office becomes envelopes; what became of each row. */
#include "certs/file.h"
#include "node/cli/call.h"
#include "node/cli/command.h"
#include "node/cli/compose.h"
#include "node/cli/csv.h"
#include "node/cli/say.h"
#include "node/cli/table.h"
#include "node/cli/words.h"
#include "wire/ensure.h"
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 6, TIMEOUT_MS = 15 * 60 * 1000 };
static const struct cli_column columns[COLUMNS] = {
    {"行", "Row", true, false},    {"结果", "Result", false, false}, {"编号", "Number", false, false},
    {"列", "Column", false, true}, {"内容", "Value", false, true},   {"说明", "Note", false, true},
};

static const struct {
    const char *id, *zh, *en;
} results[] = {
    {"queued", "待发", "queued"},         {"update", "更新", "update"},   {"duplicate", "重复", "duplicate"},
    {"unchanged", "无变化", "unchanged"}, {"refused", "退回", "refused"}, {"foreign", "非本地", "not ours"},
    {"would-queue", "可发", "good"},
};

static const char *result_word(const struct cli *cli, const char *result)
{
    for (size_t i = 0; result != NULL && i < sizeof results / sizeof *results; i++)
        if (strcmp(results[i].id, result) == 0)
            return cli_pick(cli, results[i].zh, results[i].en);
    return result == NULL ? "" : result;
}

static bool is_refused(const json_t *item)
{
    const char *result = cli_text_at(item, "result");
    return result != NULL && strcmp(result, "refused") == 0;
}

/* --- sending --- */

static json_t *base64(const uint8_t *data, size_t size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t at = 0;
    char *out = malloc((size + 2) / 3 * 4 + 1);
    ENSURE(out != NULL);
    for (size_t i = 0; i < size; i += 3) {
        uint32_t three = (uint32_t)data[i] << 16;
        three |= i + 1 < size ? (uint32_t)data[i + 1] << 8 : 0;
        three |= i + 2 < size ? data[i + 2] : 0;
        out[at++] = letters[three >> 18];
        out[at++] = letters[three >> 12 & 63];
        out[at++] = i + 1 < size ? letters[three >> 6 & 63] : '=';
        out[at++] = i + 2 < size ? letters[three & 63] : '=';
    }
    json_t *text = json_stringn_nocheck(out, at);
    free(out);
    return text;
}

/* The profile's own `status:` gives way to the one asked for. */
static json_t *with_status(const struct cert_file *file, const char *status)
{
    struct wire_text out = {.grow = realloc};
    const char *at = (const char *)file->data, *end = at + file->size;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t size = stop == NULL ? (size_t)(end - at) : (size_t)(stop + 1 - at);
        if (status == NULL || size < 7 || strncmp(at, "status:", 7) != 0)
            wire_text_add(&out, at, size);
        at += size;
    }
    if (status != NULL)
        wire_text_format(&out, "%sstatus: %s\n", out.size > 0 && out.data[out.size - 1] != '\n' ? "\n" : "", status);
    json_t *text = json_stringn(out.data == NULL ? "" : out.data, out.size);
    free(out.data);
    return text;
}

/* A name without '/', '.' is one that the node knows; everything else is a file. */
static int read_profile(struct cli *cli, json_t *body, char target[CLI_TARGET_MAX])
{
    const char *profile = cli->options.profile, *status;
    struct cert_file file = {.data = NULL};
    struct wire_problem problem = {.status = WIRE_OK};
    if (!cli_status_option(cli, &status))
        return CLI_USAGE;
    if (strpbrk(profile, "/.") == NULL) {
        cli_target_add(target, "profile", profile);
        return status == NULL
                   ? CLI_OK
                   : cli_fail_usage(cli, "--status", "只能与对照表文件一起用", "goes with a profile that is a file");
    }
    if (cert_file_read(profile, false, &file, &problem) != WIRE_OK)
        return cli_fail(cli, &problem);
    json_t *text = with_status(&file, status);
    cert_file_close(&file);
    if (text == NULL)
        return cli_fail_usage(cli, profile, "不是 UTF-8 文本", "is no UTF-8 text");
    json_object_set_new(body, "profile", text);
    return CLI_OK;
}

static int send(struct cli *cli, const struct cert_file *file, struct cli_answer *answer)
{
    char target[CLI_TARGET_MAX] = "/v1/import";
    json_t *body = json_object();
    cli_target_add(target, "dry_run", cli->options.dry_run ? "1" : NULL);
    int code = read_profile(cli, body, target);
    if (code != CLI_OK) {
        json_decref(body);
        return code;
    }
    struct cli_request request = {.method = "POST", .target = target, .body = body, .timeout_ms = TIMEOUT_MS};
    if (json_object_size(body) > 0)
        json_object_set_new(body, "csv_base64", base64(file->data, file->size));
    else {
        json_decref(body);
        request.body = NULL;
        request.bytes = wire_bytes(file->data, file->size);
        request.content_type = "text/csv";
    }
    return cli_call(cli, &request, answer);
}

/* --- saying --- */

static void print_summary(const struct cli *cli, const json_t *report)
{
    static const struct {
        const char *member, *zh, *en;
    } counts[] = {{"rows", "行", "rows"},
                  {"envelopes", "份", "notices"},
                  {"queued", "待发", "queued"},
                  {"updates", "更新", "updates"},
                  {"unchanged", "无变化", "unchanged"},
                  {"duplicates", "重复行", "duplicate rows"},
                  {"foreign", "非本地行", "rows of others"},
                  {"refused", "退回行", "rows refused"}};
    struct wire_text out = {.grow = realloc};
    const char *profile = cli_text_at(report, "profile_name");
    wire_text_format(&out, "%s%s", profile == NULL ? "" : profile, cli_pick(cli, "：", ": "));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        wire_text_format(&out, cli_pick(cli, "%1$s%2$s %3$lld", "%1$s%3$lld %2$s"),
                         i == 0 ? "" : cli_pick(cli, "，", ", "), cli_pick(cli, counts[i].zh, counts[i].en),
                         (long long)cli_number_at(report, counts[i].member));
    if (cli_flag_at(report, "dry_run"))
        wire_text_string(&out, cli_pick(cli, "（仅检查，未发布）", " (checked only, nothing is published)"));
    wire_text_string(&out, "\n");
    cli_flush(cli, &out);
}

static void print_missing(const struct cli *cli, const json_t *columns_missing)
{
    size_t i;
    json_t *name;
    json_array_foreach((json_t *)(uintptr_t)columns_missing, i, name)
    {
        const char *text = json_string_value(name);
        cli_say(cli, cli->err, "注意：表中没有“%s”这一列", "note: the table has no column \"%s\"",
                text == NULL ? "" : text);
    }
}

static void print_items(const struct cli *cli, const json_t *items)
{
    struct cli_table table;
    size_t i;
    json_t *item;
    cli_table_open(&table, columns, COLUMNS);
    json_array_foreach((json_t *)(uintptr_t)items, i, item)
    {
        char row[24];
        snprintf(row, sizeof row, "%lld", (long long)cli_number_at(item, "row"));
        const char *column = cli_text_at(item, "column");
        const char *cells[COLUMNS] = {row,
                                      result_word(cli, cli_text_at(item, "result")),
                                      cli_text_at(item, "number"),
                                      column != NULL ? column : cli_text_at(item, "field"),
                                      cli_text_at(item, "value"),
                                      cli_text_at(item, cli_pick(cli, "zh", "en"))};
        cli_table_add(&table, cells);
    }
    if (table.rows > 0)
        cli_table_print(cli, &table);
    cli_table_close(&table);
}

static void write_refused(const struct cli *cli, const struct cli_csv *csv, const json_t *items, struct wire_text *out)
{
    size_t i;
    json_t *item;
    wire_text_string(out, "\xef\xbb\xbf");
    if (csv->rows > 0)
        cli_csv_row(out, csv, 0, cli_pick(cli, "退回项", "Refused field"), cli_pick(cli, "退回原因", "Refused reason"));
    json_array_foreach((json_t *)(uintptr_t)items, i, item)
    {
        json_int_t row = cli_number_at(item, "row");
        const char *column = cli_text_at(item, "column");
        const char *field = column != NULL ? column : cli_text_at(item, "field");
        const char *reason = cli_text_at(item, cli_pick(cli, "zh", "en"));
        if (is_refused(item) && row > 1 && (size_t)row <= csv->rows)
            cli_csv_row(out, csv, (size_t)row - 1, field == NULL ? "" : field, reason == NULL ? "" : reason);
    }
}

static int write_report(const struct cli *cli, const struct cert_file *file, const json_t *items)
{
    struct wire_problem problem = {.status = WIRE_OK};
    struct wire_text out = {.grow = realloc};
    struct cli_csv csv;
    enum wire_status status = cli_csv_read(wire_bytes(file->data, file->size), cli->options.word[0], &csv, &problem);
    if (status == WIRE_OK) {
        write_refused(cli, &csv, items, &out);
        status = cert_file_write(cli->options.report, wire_bytes(out.data, out.size), 0600, true, &problem);
    }
    free(out.data);
    cli_csv_close(&csv);
    if (status == WIRE_OK)
        cli_say(cli, cli->err, "退回的行在 %s，改正后可再导入",
                "refused rows are in %s; correct them and import it again", cli->options.report);
    return status == WIRE_OK ? CLI_OK : cli_fail(cli, &problem);
}

static int report(struct cli *cli, const struct cert_file *file, const struct cli_answer *answer)
{
    const json_t *items = cli_at(answer->json, "items");
    bool refused = cli_number_at(answer->json, "refused") > 0;
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)items, i, item)
    {
        refused = refused || is_refused(item);
    }
    if (cli->options.json)
        cli_answer_print(cli, answer);
    else {
        print_summary(cli, answer->json);
        print_missing(cli, cli_at(answer->json, "missing_columns"));
        print_items(cli, items);
    }
    int code = cli->options.report != NULL && refused ? write_report(cli, file, items) : CLI_OK;
    return code == CLI_OK && refused ? CLI_DATA : code;
}

int cli_import(struct cli *cli)
{
    struct cert_file file = {.data = NULL};
    struct cli_answer answer = {.http = 0};
    struct wire_problem problem = {.status = WIRE_OK};
    if (cli->options.profile == NULL)
        return cli_fail_usage(cli, "--profile", "请指定对照表（YAML 文件，或节点已有的名称）",
                              "name the profile: a YAML file, or one the node knows");
    if (cert_file_read(cli->options.word[0], false, &file, &problem) != WIRE_OK)
        return cli_fail(cli, &problem);
    int code = send(cli, &file, &answer);
    /* a store that filled up half-way (507) reports as well */
    if (code == CLI_OK || cli_at(answer.json, "items") != NULL) {
        int said = report(cli, &file, &answer);
        code = code == CLI_OK ? said : code;
    }
    cli_answer_close(&answer);
    cert_file_close(&file);
    return code;
}
