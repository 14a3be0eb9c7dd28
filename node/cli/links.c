/* lianfang links: the health of the links to the brokers. */
#include "node/cli/call.h"
#include "node/cli/command.h"
#include "node/cli/say.h"
#include "node/cli/table.h"
#include "node/cli/words.h"
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 9 };
static const struct cli_column columns[COLUMNS] = {
    {"链路", "Link", false, false},         {"状态", "State", false, false},  {"自", "Since", false, false},
    {"往返", "RTT", true, false},           {"时差", "Offset", true, false},  {"待发", "Queued", true, false},
    {"待判定", "Unreceipted", true, false}, {"最早", "Oldest", false, false}, {"说明", "Note", false, true},
};

struct totals {
    int64_t queued, unreceipted;
    const char *oldest; /* ISO times of one zone compare as texts */
};

static struct totals add_lanes(const json_t *lanes)
{
    struct totals totals = {.queued = 0};
    const char *name;
    json_t *lane;
    json_object_foreach((json_t *)(uintptr_t)lanes, name, lane)
    {
        const char *oldest = cli_text_at(lane, "oldest");
        totals.queued += cli_number_at(lane, "queued");
        totals.unreceipted += cli_number_at(lane, "unreceipted");
        if (oldest != NULL && (totals.oldest == NULL || strcmp(oldest, totals.oldest) < 0))
            totals.oldest = oldest;
    }
    return totals;
}

static void write_note(const struct cli *cli, const json_t *link, struct wire_text *out)
{
    size_t i;
    json_t *notice;
    const char *reason = cli_text_at(link, cli_pick(cli, "reason_zh", "reason_en"));
    if (reason != NULL)
        wire_text_string(out, reason);
    json_array_foreach((json_t *)(uintptr_t)cli_at(link, "notices"), i, notice)
    {
        const char *text = cli_text_at(notice, cli_pick(cli, "zh", "en"));
        wire_text_format(out, "%s%s", out->size > 0 ? "; " : "", text == NULL ? "" : text);
    }
}

static void milliseconds(const json_t *link, const char *name, char out[32])
{
    out[0] = '\0';
    if (cli_at(link, name) != NULL)
        snprintf(out, 32, "%lld ms", (long long)cli_number_at(link, name));
}

static void add_link(const struct cli *cli, struct cli_table *table, const json_t *link)
{
    char rtt[32], offset[32], queued[24], unreceipted[24], since[CLI_TIME_TEXT], oldest[CLI_TIME_TEXT];
    struct totals totals = add_lanes(cli_at(link, "lanes"));
    struct wire_text note = {.grow = realloc};
    write_note(cli, link, &note);
    milliseconds(link, "rtt_ms", rtt);
    milliseconds(link, "offset_ms", offset);
    snprintf(queued, sizeof queued, "%lld", (long long)totals.queued);
    snprintf(unreceipted, sizeof unreceipted, "%lld", (long long)totals.unreceipted);
    const char *cells[COLUMNS] = {cli_text_at(link, "name"),
                                  cli_link_word(cli->language, cli_text_at(link, "state")),
                                  cli_time(cli_text_at(link, "since"), since),
                                  rtt,
                                  offset,
                                  queued,
                                  unreceipted,
                                  cli_time(totals.oldest, oldest),
                                  note.data};
    cli_table_add(table, cells);
    free(note.data);
}

int cli_links(struct cli *cli)
{
    struct cli_answer answer;
    struct cli_table table;
    size_t i;
    json_t *link;
    int code = cli_get(cli, "/v1/links", &answer);
    if (code == CLI_OK && cli->options.json)
        cli_answer_print(cli, &answer);
    else if (code == CLI_OK) {
        const char *wanted = cli->options.broker;
        cli_table_open(&table, columns, COLUMNS);
        json_array_foreach((json_t *)(uintptr_t)cli_list_at(answer.json, "links"), i, link)
        {
            const char *name = cli_text_at(link, "name"), *endpoint = cli_text_at(link, "endpoint");
            if (wanted == NULL || (name != NULL && strcmp(name, wanted) == 0) ||
                (endpoint != NULL && strcmp(endpoint, wanted) == 0))
                add_link(cli, &table, link);
        }
        if (table.rows == 0 && wanted != NULL)
            code = cli_fail_usage(cli, wanted, "没有这条链路", "there is no such link");
        else if (table.rows > 0)
            cli_table_print(cli, &table);
        cli_table_close(&table);
    }
    cli_answer_close(&answer);
    return code;
}
