/* lianfang regions: who is enrolled; --table looks in the table of codes, without a node. */
#include "node/cli/call.h"
#include "node/cli/command.h"
#include "node/cli/say.h"
#include "node/cli/table.h"
#include "node/cli/words.h"
#include "wire/region.h"
#include <string.h>

enum { COLUMNS = 3 };
static const struct cli_column enrolled_columns[COLUMNS] = {{"代码", "Code", false, false},
                                                            {"地区", "Region", false, false},
                                                            {"证书有效至", "Certificate until", false, false}};
static const struct cli_column table_columns[COLUMNS] = {
    {"代码", "Code", false, false}, {"地区", "Region", false, false}, {"附注", "Note", false, false}};

/* A pattern is the beginning of a code or a part of a name. */
static bool matches(const char *pattern, const char *code, const char *name)
{
    return pattern == NULL || strncmp(code, pattern, strlen(pattern)) == 0 ||
           (name != NULL && strstr(name, pattern) != NULL);
}

static const char *pattern_of(const struct cli *cli)
{
    return cli->options.words > 0 ? cli->options.word[0] : NULL;
}

static int print_rows(const struct cli *cli, struct cli_table *table)
{
    int code = table->rows > 0 ? CLI_OK : CLI_NO_INPUT;
    if (table->rows > 0)
        cli_table_print(cli, table);
    else
        cli_say(cli, cli->err, "没有", "none");
    cli_table_close(table);
    return code;
}

static int print_table(const struct cli *cli)
{
    struct cli_table table;
    cli_table_open(&table, table_columns, COLUMNS);
    for (size_t i = 0; i < wire_region_count(); i++) {
        const struct wire_region *region = wire_region_at(i);
        char code[16], note[64] = "";
        snprintf(code, sizeof code, "%06u", region->adcode);
        if (region->successor != 0)
            snprintf(note, sizeof note, cli_pick(cli, "已撤销，现为 %06u", "abolished, now %06u"), region->successor);
        else if (region->edition != 0)
            snprintf(note, sizeof note, "%s", cli_pick(cli, "已撤销", "abolished"));
        if (matches(pattern_of(cli), code, region->name))
            cli_table_add(&table, (const char *[COLUMNS]){code, region->name, note});
    }
    return print_rows(cli, &table);
}

static int print_enrolled(const struct cli *cli, const struct cli_answer *answer)
{
    struct cli_table table;
    size_t i;
    json_t *region;
    cli_table_open(&table, enrolled_columns, COLUMNS);
    json_array_foreach((json_t *)(uintptr_t)cli_list_at(answer->json, "regions"), i, region)
    {
        char code[16], until[CLI_TIME_TEXT];
        const char *name = cli_text_at(region, "name");
        snprintf(code, sizeof code, "%06lld", (long long)cli_number_at(region, "region"));
        if (matches(pattern_of(cli), code, name))
            cli_table_add(
                &table, (const char *[COLUMNS]){code, name, cli_time(cli_text_at(region, "certificate_until"), until)});
    }
    return print_rows(cli, &table);
}

int cli_regions(struct cli *cli)
{
    struct cli_answer answer;
    if (cli->options.table)
        return print_table(cli);
    int code = cli_get(cli, "/v1/regions", &answer);
    if (code == CLI_OK && cli->options.json)
        cli_answer_print(cli, &answer);
    else if (code == CLI_OK)
        code = print_enrolled(cli, &answer);
    cli_answer_close(&answer);
    return code;
}
