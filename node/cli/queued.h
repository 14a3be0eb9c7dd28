/* What comes back when something was put into the outbox: the number, who will get it, and with --wait the verdict. */
#pragma once
#include "node/cli/cli.h"
#include <jansson.h>

/* Posts `body` (taken), prints the answer, waits as long as --wait says. Exit codes: 0 queued (with --wait: admitted),
 * 65 refused, 75 no verdict in that time. */
int cli_queue(struct cli *cli, const char *target, json_t *body);
/* Who will get it, by which rule, until when; `whole`: every sentence, else one line. */
void cli_preview_print(const struct cli *cli, const json_t *preview, bool whole);
