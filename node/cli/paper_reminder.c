/* 催办、逾期: one sentence says what is owed, then the fields. */
#include "node/cli/call.h"
#include "node/cli/paper.h"
#include "node/cli/words.h"
#include <stdlib.h>

void cli_paper_reminder(const struct cli_paper *paper, const struct wire_kind *kind, const json_t *payload)
{
    struct wire_text text = {.grow = realloc};
    char time[CLI_TIME_TEXT];
    const char *number = cli_text_at(payload, "number");
    const char *duty = cli_duty_word(paper->language, cli_text_at(payload, "obligation"));
    const char *due = cli_time(cli_text_at(payload, "due_ms"), time);
    number = number == NULL ? "?" : number;
    if (cli_flag_at(payload, "not_delivered"))
        wire_text_format(&text,
                         cli_paper_pick(paper, "%s 尚未送达（%s，时限 %s）：请联系对方值班，检查链路。",
                                        "%s has not arrived (%s was due %s): ring them up; the link is the matter."),
                         number, duty, due);
    else if (kind->number == WIRE_KIND_OVERDUE)
        wire_text_format(&text,
                         cli_paper_pick(paper, "%s 的%s已逾期（时限 %s）。", "%s: %s is overdue (it was due %s)."),
                         number, duty, due);
    else
        wire_text_format(&text, cli_paper_pick(paper, "%s 尚待%s，时限 %s。", "%s: %s is due %s."), number, duty, due);
    cli_paper_heading(paper, text.data);
    free(text.data);
    cli_walk_fields(paper, kind->payload, payload, NULL);
}
