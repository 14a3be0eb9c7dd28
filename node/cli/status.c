/* lianfang status: the node in short. */
#include "node/cli/call.h"
#include "node/cli/command.h"
#include "node/cli/say.h"
#include "node/cli/walk.h"
#include "node/cli/words.h"
#include <stdlib.h>

enum { LABELS = 14 };

static void write_counts(const struct cli_paper *paper, const json_t *counts)
{
    static const struct {
        const char *member, *zh, *en;
    } names[] = {{"admitted", "已接收", "admitted"},    {"refused", "被拒", "refused"},
                 {"duplicate", "重复", "duplicate"},    {"expired", "失效", "expired"},
                 {"received", "收到", "received"},      {"repeated", "重收", "repeated"},
                 {"rejected", "拒收", "rejected"},      {"unreadable", "无法读取", "unreadable"},
                 {"redrafted", "重新排队", "redrafted"}};
    struct wire_text text = {.grow = realloc};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        wire_text_format(&text, "%s%s %lld", i == 0 ? "" : cli_paper_pick(paper, "，", ", "),
                         cli_paper_pick(paper, names[i].zh, names[i].en),
                         (long long)cli_number_at(counts, names[i].member));
    cli_paper_line(paper, cli_paper_pick(paper, "计数", "Counts"), LABELS, text.data);
    free(text.data);
}

static void write_policy(const struct cli_paper *paper, const json_t *policy)
{
    struct wire_text text = {.grow = realloc};
    const char *digest = cli_text_at(policy, "digest");
    if (policy == NULL)
        wire_text_string(&text, cli_paper_pick(paper, "尚未收到", "none yet"));
    else
        wire_text_format(&text, cli_paper_pick(paper, "第 %lld 版 %.16s…", "version %lld %.16s…"),
                         (long long)cli_number_at(policy, "version"), digest == NULL ? "" : digest);
    cli_paper_line(paper, cli_paper_pick(paper, "政策", "Policy"), LABELS, text.data);
    free(text.data);
}

static void write_status(const struct cli_paper *paper, const json_t *status)
{
    struct wire_text text = {.grow = realloc};
    char time[CLI_TIME_TEXT];
    cli_region_text(&text, paper->language, (uint32_t)cli_number_at(status, "region"));
    cli_paper_line(paper, cli_paper_pick(paper, "地区", "Region"), LABELS, text.data);
    cli_paper_line(paper, cli_paper_pick(paper, "系统", "Installation"), LABELS, cli_text_at(status, "installation"));
    write_policy(paper, cli_at(status, "policy"));
    text.size = 0;
    wire_text_format(&text, cli_paper_pick(paper, "有效至 %s（%lld 天）", "until %s (%lld days)"),
                     cli_time(cli_text_at(status, "certificate_until"), time),
                     (long long)cli_number_at(status, "certificate_days"));
    cli_paper_line(paper, cli_paper_pick(paper, "证书", "Certificate"), LABELS, text.data);
    text.size = 0;
    wire_text_format(&text, "%.1f %%", (double)cli_number_at(status, "store.full_permille") / 10);
    cli_paper_line(paper, cli_paper_pick(paper, "存储已用", "Store used"), LABELS, text.data);
    text.size = 0;
    wire_text_format(&text, "%s%s", cli_time(cli_text_at(status, "clock.now"), time),
                     cli_flag_at(status, "clock.unsure") ? cli_paper_pick(paper, "（暂不可信）", " (not trusted yet)")
                                                         : "");
    cli_paper_line(paper, cli_paper_pick(paper, "时钟", "Clock"), LABELS, text.data);
    free(text.data);
    write_counts(paper, cli_at(status, "counts"));
}

int cli_status(struct cli *cli)
{
    struct cli_answer answer;
    struct wire_text text = {.grow = realloc};
    int code = cli_get(cli, "/v1/status", &answer);
    if (code == CLI_OK && cli->options.json)
        cli_answer_print(cli, &answer);
    else if (code == CLI_OK) {
        write_status(&(struct cli_paper){.out = &text, .language = cli->language, .columns = cli->columns},
                     answer.json);
        cli_flush(cli, &text);
    }
    cli_answer_close(&answer);
    return code;
}
