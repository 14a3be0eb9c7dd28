#include "node/cli/list.h"
#include "node/cli/compose.h"
#include "node/cli/say.h"
#include "node/cli/table.h"
#include "node/cli/text.h"
#include "node/cli/words.h"
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 9 };

/* What is not actual says so in a column that is never cut. */
static const struct cli_column inbox_columns[COLUMNS] = {
    {"编号", "Number", false, false},  {"性质", "Reality", false, false}, {"来自", "From", false, true},
    {"种类", "Kind", false, true},     {"标题", "Title", false, true},    {"通道", "Lane", false, false},
    {"送达", "Arrived", false, false}, {"时限", "Due", false, false},     {"状态", "State", false, false},
};

static const struct cli_column outbox_columns[COLUMNS] = {
    {"编号", "Number", false, false},  {"性质", "Reality", false, false}, {"发往", "To", false, true},
    {"种类", "Kind", false, true},     {"标题", "Title", false, true},    {"通道", "Lane", false, false},
    {"创建", "Created", false, false}, {"送达", "Arrived", true, false},  {"状态", "State", false, false},
};

int cli_list_target(struct cli *cli, char target[CLI_TARGET_MAX])
{
    char limit[24];
    const struct cli_options *options = &cli->options;
    if (options->kind != NULL) {
        const struct wire_kind *kind = cli_kind(cli, options->kind);
        if (kind == NULL)
            return CLI_USAGE;
        cli_target_add(target, "kind", kind->name);
    }
    cli_target_add(target, "since", options->since);
    snprintf(limit, sizeof limit, "%lld", (long long)options->limit);
    cli_target_add(target, "limit", options->limit == 0 ? NULL : limit);
    return CLI_OK;
}

/* The texts of one row; freed by row_close. */
struct row {
    struct wire_text who, kind, title, state;
    char when[CLI_TIME_TEXT], last[CLI_TIME_TEXT];
};

static void row_close(struct row *row)
{
    free(row->who.data);
    free(row->kind.data);
    free(row->title.data);
    free(row->state.data);
}

static const char *string_or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

static void common(const struct cli *cli, const json_t *envelope, struct row *row)
{
    const char *name = cli_text_at(envelope, cli_pick(cli, "kind_zh", "kind_en"));
    const char *action = cli_text_at(envelope, "action"), *title = cli_text_at(envelope, "title");
    *row = (struct row){.who.grow = realloc, .kind.grow = realloc, .title.grow = realloc, .state.grow = realloc};
    wire_text_string(&row->kind, string_or_empty(name != NULL ? name : cli_text_at(envelope, "kind")));
    if (action != NULL && strcmp(action, "issue") != 0)
        wire_text_format(&row->kind, cli_pick(cli, "（%s）", " (%s)"), cli_action_word(cli->language, action));
    if (cli_flag_at(envelope, "unreadable"))
        wire_text_string(&row->title, cli_pick(cli, "（本版本无法读取）", "(not readable by this version)"));
    else if (title != NULL)
        wire_text_string(&row->title, title);
    else
        wire_text_string(&row->title, string_or_empty(cli_text_at(
                                          envelope, cli_pick(cli, "payload_status_zh", "payload_status_en"))));
    wire_text_string(&row->state, cli_envelope_state(cli->language, envelope));
    if (cli_text_at(envelope, "cancelled_by") != NULL)
        wire_text_string(&row->state, cli_pick(cli, "，已撤销", ", cancelled"));
    else if (cli_text_at(envelope, "updated_by") != NULL)
        wire_text_string(&row->state, cli_pick(cli, "，有更新", ", updated"));
}

/* The first term not met yet. */
static const char *next_due(const json_t *envelope)
{
    size_t i;
    json_t *term;
    json_array_foreach((json_t *)(uintptr_t)cli_at(envelope, "disposition.terms"), i, term)
    {
        if (!cli_flag_at(term, "met") && cli_text_at(term, "due") != NULL)
            return cli_text_at(term, "due");
    }
    return NULL;
}

static void inbox_row(const struct cli *cli, const json_t *envelope, struct row *row, const char *cells[COLUMNS])
{
    common(cli, envelope, row);
    if (cli_at(envelope, "issuer") != NULL)
        cli_place_text(&row->who, cli->language, cli_at(envelope, "issuer"));
    else
        cli_region_text(&row->who, cli->language, (uint32_t)cli_number_at(envelope, "origin"));
    const char *number = cli_text_at(envelope, "number");
    cells[0] = number != NULL ? number : cli_text_at(envelope, "id");
    cells[5] = cli_lane_word(cli->language, cli_text_at(envelope, "lane"));
    cells[6] = cli_time(cli_text_at(envelope, "arrived"), row->when);
    cells[7] = cli_time(next_due(envelope), row->last);
}

static void outbox_row(const struct cli *cli, const json_t *envelope, struct row *row, const char *cells[COLUMNS])
{
    const json_t *recipients = cli_at(envelope, "recipients");
    size_t i, arrived = 0;
    json_t *one;
    common(cli, envelope, row);
    json_array_foreach((json_t *)(uintptr_t)recipients, i, one)
    {
        arrived += cli_text_at(one, "arrived") != NULL;
    }
    if (json_array_size(recipients) > 0)
        snprintf(row->last, sizeof row->last, "%zu/%zu", arrived, json_array_size(recipients));
    if (json_array_size(recipients) == 0)
        recipients = cli_at(envelope, "to") != NULL ? cli_at(envelope, "to") : cli_at(envelope, "concerns");
    cli_places_text(&row->who, cli->language, recipients);
    cells[0] = cli_text_at(envelope, "number");
    cells[5] = cli_lane_word(cli->language, cli_text_at(envelope, "lane"));
    cells[6] = cli_time(cli_text_at(envelope, "created"), row->when);
    cells[7] = row->last;
}

static void fill(const struct cli *cli, const json_t *envelope, const struct row *row, const char *cells[COLUMNS])
{
    cells[1] = cli_reality_mark(cli->language, envelope);
    cells[2] = row->who.data;
    cells[3] = row->kind.data;
    cells[4] = row->title.data;
    cells[8] = row->state.data;
}

void cli_list_print(const struct cli *cli, const struct cli_answer *answer, enum cli_list_of of)
{
    struct cli_table table;
    const json_t *list = cli_list_at(answer->json, "envelopes");
    size_t i;
    json_t *envelope;
    if (cli->options.json) {
        cli_answer_print(cli, answer);
        return;
    }
    if (json_array_size(list) == 0) {
        cli_say(cli, cli->err, "没有", "none");
        return;
    }
    cli_table_open(&table, of == CLI_LIST_INBOX ? inbox_columns : outbox_columns, COLUMNS);
    json_array_foreach((json_t *)(uintptr_t)list, i, envelope)
    {
        struct row row;
        const char *cells[COLUMNS] = {NULL};
        (of == CLI_LIST_INBOX ? inbox_row : outbox_row)(cli, envelope, &row, cells);
        fill(cli, envelope, &row, cells);
        cli_table_add(&table, cells);
        row_close(&row);
    }
    cli_table_print(cli, &table);
    cli_table_close(&table);
    if (cli_flag_at(answer->json, "more"))
        cli_say(cli, cli->err, "还有更多：--limit 或 --since", "there is more: --limit or --since");
}

void cli_list_line(const struct cli *cli, const json_t *envelope)
{
    struct row row;
    const char *cells[COLUMNS] = {NULL};
    struct wire_text out = {.grow = realloc};
    inbox_row(cli, envelope, &row, cells);
    fill(cli, envelope, &row, cells);
    for (size_t i = 0; i < COLUMNS; i++)
        if (cells[i] != NULL && cells[i][0] != '\0') {
            wire_text_string(&out, i == 0 ? "" : "  ");
            cli_text_clean(&out, cells[i], false);
        }
    wire_text_string(&out, "\n");
    cli_flush(cli, &out);
    row_close(&row);
}

bool cli_list_wanted(const struct cli *cli, const json_t *envelope)
{
    const struct wire_kind *kind = cli->options.kind == NULL ? NULL : wire_kind_by_name(cli->options.kind);
    const char *name = cli_text_at(envelope, "kind"), *state = cli_text_at(envelope, "state");
    if (kind != NULL && (name == NULL || strcmp(name, kind->name) != 0))
        return false;
    return !cli->options.is_unsigned || (cli_is_owed(envelope) && state != NULL && strcmp(state, "new") == 0);
}
